/*
 * The migrations' folder.  Files are NNNN_name.sql, numbered from 0001 without
 * a gap; anything else that ends with .sql is an error, because it would
 * silently never be applied.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "cli.h"


#define HD_CLI_SQL_MAX  (16 * 1024 * 1024)


char *
hd_cli_file(const char *path, size_t max, size_t *len)
{
    FILE    *f;
    char    *data, *more;
    size_t   cap, n;

    f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");

    if (f == NULL) {
        hd_cli_error("cannot open \"%s\": %s", path, strerror(errno));
        return NULL;
    }

    cap = 4096;
    *len = 0;
    data = malloc(cap);

    while (data != NULL) {
        n = fread(data + *len, 1, cap - *len - 1, f);
        *len += n;

        if (n == 0 || *len > max) {
            break;
        }

        if (*len == cap - 1) {
            cap *= 2;
            more = realloc(data, cap);

            if (more == NULL) {
                free(data);
            }

            data = more;
        }
    }

    if (data == NULL) {
        hd_cli_error("out of memory while reading \"%s\"", path);

    } else if (ferror(f)) {
        hd_cli_error("cannot read \"%s\": %s", path, strerror(errno));
        free(data);
        data = NULL;

    } else if (*len > max) {
        hd_cli_error("\"%s\" is longer than %zu bytes", path, max);
        free(data);
        data = NULL;

    } else {
        data[*len] = '\0';
    }

    if (f != stdin) {
        fclose(f);
    }

    return data;
}


/* the folder beside this program: build/herald or /usr/bin/herald */

static char *
hd_cli_migrations_dir(void)
{
    char         self[PATH_MAX], *dir, *slash;
    ssize_t      n;
    unsigned     i;

    static const char  *places[] = {
        "../migrations", "../share/herald/migrations"
    };

    n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n <= 0) {
        return NULL;
    }

    self[n] = '\0';
    slash = strrchr(self, '/');

    if (slash == NULL) {
        return NULL;
    }

    slash[1] = '\0';

    for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        dir = malloc(strlen(self) + strlen(places[i]) + 1);
        if (dir == NULL) {
            return NULL;
        }

        strcpy(dir, self);
        strcat(dir, places[i]);

        if (access(dir, R_OK | X_OK) == 0) {
            return dir;
        }

        free(dir);
    }

    return NULL;
}


static int
hd_cli_is_sql(const struct dirent *e)
{
    size_t  n;

    n = strlen(e->d_name);

    return e->d_name[0] != '.' && n > 4
           && strcmp(e->d_name + n - 4, ".sql") == 0;
}


static int
hd_cli_migration_read(hd_cli_migration_t *m, const char *dir,
    const char *file)
{
    size_t         len, n;
    unsigned char  sum[32];

    n = strlen(file);

    if (n < sizeof("0000_x.sql") - 1 || strspn(file, "0123456789") != 4
        || file[4] != '_')
    {
        hd_cli_error("\"%s/%s\" is not named NNNN_name.sql", dir, file);
        return HD_ERROR;
    }

    m->version = atoi(file);
    m->name = strndup(file + 5, n - 5 - 4);
    m->path = malloc(strlen(dir) + n + 2);

    if (m->name == NULL || m->path == NULL) {
        hd_cli_error("out of memory");
        return HD_ERROR;
    }

    sprintf(m->path, "%s/%s", dir, file);

    m->sql = hd_cli_file(m->path, HD_CLI_SQL_MAX, &len);
    if (m->sql == NULL) {
        return HD_ERROR;
    }

    if (strlen(m->sql) != len) {
        hd_cli_error("\"%s\" holds a NUL byte", m->path);
        return HD_ERROR;
    }

    hd_sha256(m->sql, len, sum);
    hd_hex((unsigned char *) m->checksum, sum, sizeof(sum));
    m->checksum[64] = '\0';

    return HD_OK;
}


int
hd_cli_migrations_read(hd_cli_migrations_t *m, const char *dir)
{
    int              i, n, rc;
    struct dirent  **files;

    memset(m, 0, sizeof(*m));

    m->dir = dir ? strdup(dir) : hd_cli_migrations_dir();

    if (m->dir == NULL) {
        hd_cli_error("the migrations' folder is not beside this program; "
                     "say where it is by --migrations DIR");
        return HD_ERROR;
    }

    n = scandir(m->dir, &files, hd_cli_is_sql, alphasort);

    if (n < 0) {
        hd_cli_error("cannot read the folder \"%s\": %s", m->dir,
                     strerror(errno));
        return HD_ERROR;
    }

    rc = HD_OK;
    m->list = calloc(n + 1, sizeof(hd_cli_migration_t));

    if (m->list == NULL) {
        hd_cli_error("out of memory");
        rc = HD_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (rc == HD_OK) {
            m->n = i + 1;
            rc = hd_cli_migration_read(&m->list[i], m->dir, files[i]->d_name);
        }

        if (rc == HD_OK && m->list[i].version != i + 1) {
            hd_cli_error("migration %04d is missing or twice in \"%s\": "
                         "found \"%s\"", i + 1, m->dir, files[i]->d_name);
            rc = HD_ERROR;
        }

        free(files[i]);
    }

    free(files);

    if (rc == HD_OK && n == 0) {
        hd_cli_error("there are no migrations in \"%s\"", m->dir);
        rc = HD_ERROR;
    }

    return rc;
}


void
hd_cli_migrations_free(hd_cli_migrations_t *m)
{
    size_t  i;

    for (i = 0; i < m->n; i++) {
        free(m->list[i].name);
        free(m->list[i].path);
        free(m->list[i].sql);
    }

    free(m->list);
    free(m->dir);
}
