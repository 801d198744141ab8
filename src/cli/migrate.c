/*
 * herald migrate: the files of the schema in order, each in a transaction of
 * its own together with its row in schema_migrations.
 *
 *   1. An applied file never changes: its SHA-256 must be the recorded one.
 *   2. Only one runs at a time: a session's advisory lock.
 *   3. A database that is ahead of the files is refused, not touched.
 *   4. A migration waits for a table's lock for seconds, not for ever: behind
 *      a waiting ALTER TABLE every other statement queues up.
 */

#include <stdio.h>
#include <stdlib.h>
#include "cli.h"


/* "herald" in ASCII; any number will do that nobody else takes */
#define HD_CLI_LOCK  "7521983795302493"


/* schema_migrations must exist before 0001, which grants rights on it */

static const char  hd_cli_table[] =
    "CREATE TABLE IF NOT EXISTS schema_migrations ("
    "    version     int PRIMARY KEY,"
    "    name        text NOT NULL,"
    "    checksum    text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),"
    "    applied_at  timestamptz NOT NULL DEFAULT now())";


static int
hd_cli_has_table(PGconn *db)
{
    int        has;
    PGresult  *res;

    res = hd_cli_query(db, "looking for schema_migrations",
                       "SELECT to_regclass('schema_migrations') IS NOT NULL",
                       0, NULL);
    if (res == NULL) {
        return -1;
    }

    has = PQgetvalue(res, 0, 0)[0] == 't';
    PQclear(res);

    return has;
}


/* one applied row against its file */

static int
hd_cli_compare_row(const hd_cli_migrations_t *m, int version,
    const char *name, const char *checksum)
{
    const hd_cli_migration_t  *f;

    if (version < 1 || (size_t) version > m->n) {
        hd_cli_error("the database is at %04d_%s, this program knows only up "
                     "to %04zu: install the newer version of Herald",
                     version, name, m->n);
        return HD_ERROR;
    }

    f = &m->list[version - 1];

    if (strcmp(f->checksum, checksum) != 0) {
        hd_cli_error("%04d_%s was applied, but its file has changed since:\n"
                     "        applied %s\n"
                     "        file    %s  %s\n"
                     "        an applied migration is never edited: bring the "
                     "file back and write a new one", version, name, checksum,
                     f->checksum, f->path);
        return HD_ERROR;
    }

    return HD_OK;
}


int
hd_cli_compare(PGconn *db, const hd_cli_migrations_t *m, size_t *next)
{
    int        has, i, n, rc, version;
    PGresult  *res;

    *next = 0;

    has = hd_cli_has_table(db);

    if (has <= 0) {
        return has == 0 ? HD_OK : HD_ERROR;
    }

    res = hd_cli_query(db, "reading schema_migrations",
                       "SELECT version, name, checksum FROM schema_migrations"
                       " ORDER BY version", 0, NULL);
    if (res == NULL) {
        return HD_ERROR;
    }

    rc = HD_OK;
    n = PQntuples(res);

    for (i = 0; i < n && rc == HD_OK; i++) {
        version = atoi(PQgetvalue(res, i, 0));

        rc = hd_cli_compare_row(m, version, PQgetvalue(res, i, 1),
                                PQgetvalue(res, i, 2));

        if (rc == HD_OK && version != i + 1) {
            hd_cli_error("schema_migrations has %04d but not %04d: its rows "
                         "were edited by hand; restore them", version, i + 1);
            rc = HD_ERROR;
        }
    }

    *next = n;
    PQclear(res);

    return rc;
}


static int
hd_cli_lock(PGconn *db)
{
    if (hd_cli_exec(db, "setting the time limit", "SET lock_timeout = '60s'",
                    0, NULL)
        != HD_OK)
    {
        return HD_ERROR;
    }

    if (hd_cli_exec(db, NULL, "SELECT pg_advisory_lock(" HD_CLI_LOCK ")", 0,
                    NULL)
        == HD_OK)
    {
        return HD_OK;
    }

    if (strcmp(hd_cli_sqlstate(), "55P03") == 0) {
        hd_cli_error("another \"herald migrate\" has been running for a "
                     "minute; wait for it, or end its session");
    } else {
        hd_cli_error("cannot take the migration lock (SQLSTATE %s)",
                     hd_cli_sqlstate());
    }

    return HD_ERROR;
}


static int
hd_cli_apply(PGconn *db, const hd_cli_migration_t *m)
{
    char         version[16], what[128];
    const char  *params[3];

    snprintf(what, sizeof(what), "%04d_%.40s failed and left nothing behind",
             m->version, m->name);
    snprintf(version, sizeof(version), "%d", m->version);

    params[0] = version;
    params[1] = m->name;
    params[2] = m->checksum;

    if (hd_cli_exec(db, what, "BEGIN; SET LOCAL lock_timeout = '5s'", 0, NULL)
            != HD_OK
        || hd_cli_exec(db, what, m->sql, 0, NULL) != HD_OK
        || hd_cli_exec(db, what,
                       "INSERT INTO schema_migrations"
                       " (version, name, checksum)"
                       " VALUES ($1::int, $2, $3)", 3, params)
               != HD_OK
        || hd_cli_exec(db, what, "COMMIT", 0, NULL) != HD_OK)
    {
        if (strcmp(hd_cli_sqlstate(), "55P03") == 0) {
            hd_cli_error("a long transaction holds a table that %04d_%s "
                         "changes; run migrate again when it has ended",
                         m->version, m->name);
        }

        (void) hd_cli_exec(db, NULL, "ROLLBACK", 0, NULL);
        return HD_ERROR;
    }

    printf("applied %04d_%s\n", m->version, m->name);

    return HD_OK;
}


/* months of history are made ahead every time, not only when files are new */

static int
hd_cli_partitions(PGconn *db)
{
    int        made;
    PGresult  *res;

    res = hd_cli_query(db, "making the partitions of the next months",
                       "SELECT herald_make_partitions(3), "
                       "herald_fill_time_zones()", 0, NULL);
    if (res == NULL) {
        return HD_ERROR;
    }

    made = atoi(PQgetvalue(res, 0, 0));
    PQclear(res);

    if (made > 0) {
        printf("made %d partition%s of messages\n", made,
               made == 1 ? "" : "s");
    }

    return HD_OK;
}


static int
hd_cli_plan(PGconn *db, const hd_cli_migrations_t *m)
{
    size_t  i, next;

    if (hd_cli_compare(db, m, &next) != HD_OK) {
        return HD_CLI_FAIL;
    }

    for (i = next; i < m->n; i++) {
        printf("would apply %04d_%s  %.12s  %s\n", m->list[i].version,
               m->list[i].name, m->list[i].checksum, m->list[i].path);
    }

    if (next == m->n) {
        printf("the schema is up to date at %04zu\n", m->n);
    }

    return HD_CLI_OK;
}


static int
hd_cli_run(PGconn *db, const hd_cli_migrations_t *m)
{
    size_t  i, next;

    if (hd_cli_lock(db) != HD_OK
        || hd_cli_exec(db, "creating schema_migrations", hd_cli_table, 0, NULL)
               != HD_OK
        || hd_cli_compare(db, m, &next) != HD_OK)
    {
        return HD_CLI_FAIL;
    }

    for (i = next; i < m->n; i++) {
        if (hd_cli_apply(db, &m->list[i]) != HD_OK) {
            return HD_CLI_FAIL;
        }
    }

    if (hd_cli_partitions(db) != HD_OK) {
        return HD_CLI_FAIL;
    }

    printf("the schema is up to date at %04zu\n", m->n);

    return HD_CLI_OK;
}


int
hd_cli_migrate(int argc, char **argv)
{
    int                   c, plan, rc;
    PGconn               *db;
    const char           *conninfo, *dir;
    hd_cli_migrations_t   m;

    static const struct option  options[] = {
        { "plan",       no_argument,       NULL, 'p' },
        { "db",         required_argument, NULL, 'd' },
        { "migrations", required_argument, NULL, 'm' },
        { NULL, 0, NULL, 0 }
    };

    plan = 0;
    conninfo = NULL;
    dir = NULL;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'p':
            plan = 1;
            break;
        case 'd':
            conninfo = optarg;
            break;
        case 'm':
            dir = optarg;
            break;
        default:
            return hd_cli_usage("migrate", NULL);
        }
    }

    if (optind != argc) {
        return hd_cli_usage("migrate", NULL);
    }

    rc = HD_CLI_FAIL;

    if (hd_cli_migrations_read(&m, dir) == HD_OK) {
        db = hd_cli_connect(conninfo);

        if (db != NULL) {
            rc = plan ? hd_cli_plan(db, &m) : hd_cli_run(db, &m);
            PQfinish(db);
        }
    }

    hd_cli_migrations_free(&m);

    return rc;
}
