/*
 * herald user create, herald user password.  The way in is a row of directory:
 * SHA-256 of the lower-cased e-mail address → organisation and user.
 */

#include <stdio.h>
#include <stdlib.h>
#include "cli.h"


#define HD_CLI_PASSWORD_MIN  8
#define HD_CLI_PASSWORD_MAX  1024
#define HD_CLI_EMAIL_MAX     254


typedef struct {
    const char  *conninfo;
    const char  *org;
    const char  *email;
    const char  *name;
    const char  *role;
    const char  *password_file;
} hd_cli_user_t;


static int
hd_cli_user_options(hd_cli_user_t *u, int argc, char **argv)
{
    int  c;

    static const struct option  options[] = {
        { "org",           required_argument, NULL, 'o' },
        { "email",         required_argument, NULL, 'e' },
        { "name",          required_argument, NULL, 'n' },
        { "role",          required_argument, NULL, 'r' },
        { "password-file", required_argument, NULL, 'p' },
        { "db",            required_argument, NULL, 'd' },
        { NULL, 0, NULL, 0 }
    };

    memset(u, 0, sizeof(*u));

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'o':
            u->org = optarg;
            break;
        case 'e':
            u->email = optarg;
            break;
        case 'n':
            u->name = optarg;
            break;
        case 'r':
            u->role = optarg;
            break;
        case 'p':
            u->password_file = optarg;
            break;
        case 'd':
            u->conninfo = optarg;
            break;
        default:
            return HD_ERROR;
        }
    }

    return optind == argc && u->email && u->password_file ? HD_OK : HD_ERROR;
}


/* lower case of ASCII only, as the sign-in does; text of a bytea behind */

static int
hd_cli_email(const char *email, char *lower, char key[2 + 64 + 1])
{
    size_t         i, n;
    const char    *at;
    unsigned char  sum[32];

    n = strlen(email);
    at = strchr(email, '@');

    if (n > HD_CLI_EMAIL_MAX || at == NULL || at == email || at[1] == '\0'
        || strchr(at + 1, '@') != NULL || strpbrk(email, " \t\r\n<>") != NULL
        || !hd_utf8_valid((const unsigned char *) email, n))
    {
        hd_cli_error("\"%s\" is not an e-mail address", email);
        return HD_ERROR;
    }

    for (i = 0; i <= n; i++) {
        lower[i] = email[i] >= 'A' && email[i] <= 'Z' ? email[i] | 0x20
                                                      : email[i];
    }

    hd_sha256(lower, n, sum);

    key[0] = '\\';
    key[1] = 'x';
    hd_hex((unsigned char *) key + 2, sum, sizeof(sum));
    key[2 + 64] = '\0';

    return HD_OK;
}


/* the first line of the file; never from an argument, which `ps` shows */

static int
hd_cli_password(const char *path, char *hash)
{
    int     rc;
    char   *text;
    size_t  len;

    text = hd_cli_file(path, HD_CLI_PASSWORD_MAX + 2, &len);
    if (text == NULL) {
        return HD_ERROR;
    }

    len = strcspn(text, "\r\n");

    if (len < HD_CLI_PASSWORD_MIN || len > HD_CLI_PASSWORD_MAX) {
        hd_cli_error("the password in \"%s\" has %zu bytes, expected %d to "
                     "%d", path, len, HD_CLI_PASSWORD_MIN,
                     HD_CLI_PASSWORD_MAX);
        rc = HD_ERROR;

    } else {
        rc = hd_password_hash(hash, text, len);

        if (rc != HD_OK) {
            hd_cli_error("out of memory while hashing the password");
        }
    }

    explicit_bzero(text, len);
    free(text);

    return rc;
}


static int
hd_cli_user_insert(PGconn *db, const hd_cli_user_t *u, const char *id,
    const char *email, const char *key, const char *hash)
{
    const char  *entry[3], *user[6];

    user[0] = u->org;
    user[1] = id;
    user[2] = email;
    user[3] = u->name ? u->name : email;
    user[4] = u->role ? u->role : "agent";
    user[5] = hash;

    entry[0] = key;
    entry[1] = u->org;
    entry[2] = id;

    if (hd_cli_begin_org(db, u->org) == HD_OK
        && hd_cli_exec(db, NULL,
                       "INSERT INTO users (org_id, id, email, name, role,"
                       " password_hash) VALUES ($1::uuid, $2::uuid, $3, $4,"
                       " $5, $6)", 6, user)
               == HD_OK
        && hd_cli_exec(db, NULL,
                       "INSERT INTO directory (kind, key, org_id, ref_id)"
                       " VALUES ('email', $1::bytea, $2::uuid, $3::uuid)", 3,
                       entry)
               == HD_OK
        && hd_cli_exec(db, NULL, "COMMIT", 0, NULL) == HD_OK)
    {
        return HD_OK;
    }

    if (strcmp(hd_cli_sqlstate(), "23505") == 0) {
        hd_cli_error("\"%s\" is in use by another user", email);

    } else if (strcmp(hd_cli_sqlstate(), "23503") == 0) {
        hd_cli_error("there is no organisation %s", u->org);

    } else {
        hd_cli_error("creating the user failed (SQLSTATE %s): %s",
                     hd_cli_sqlstate(), PQerrorMessage(db));
    }

    return HD_ERROR;
}


int
hd_cli_user_create(int argc, char **argv)
{
    int            rc;
    char           email[HD_CLI_EMAIL_MAX + 1], hash[HD_PASSWORD_HASH];
    char           id[HD_CLI_UUID], key[2 + 64 + 1];
    PGconn        *db;
    hd_cli_user_t  u;

    if (hd_cli_user_options(&u, argc, argv) != HD_OK || u.org == NULL) {
        return hd_cli_usage("user", "create");
    }

    if (!hd_cli_is_id(u.org)) {
        hd_cli_error("\"%s\" is not the id of an organisation", u.org);
        return HD_CLI_FAIL;
    }

    if (u.role && strcmp(u.role, "owner") && strcmp(u.role, "admin")
        && strcmp(u.role, "manager") && strcmp(u.role, "agent"))
    {
        hd_cli_error("there is no role \"%s\": owner, admin, manager, agent",
                     u.role);
        return HD_CLI_FAIL;
    }

    if (hd_cli_email(u.email, email, key) != HD_OK
        || hd_cli_password(u.password_file, hash) != HD_OK)
    {
        return HD_CLI_FAIL;
    }

    db = hd_cli_connect(u.conninfo);
    if (db == NULL) {
        return HD_CLI_FAIL;
    }

    hd_cli_new_id(id);
    rc = HD_CLI_FAIL;

    if (hd_cli_user_insert(db, &u, id, email, key, hash) == HD_OK) {
        printf("%s\n", id);
        rc = HD_CLI_OK;
    }

    PQfinish(db);

    return rc;
}


/* the sessions end in the same transaction: a stolen one must not outlive the
 * password that is being changed because of it */

static int
hd_cli_user_update(PGconn *db, const char *email, const char *key,
    const char *hash)
{
    int          rc;
    PGresult    *res;
    const char  *params[2];

    params[0] = key;

    res = hd_cli_query(db, "looking for the user",
                       "SELECT org_id, ref_id FROM directory"
                       " WHERE kind = 'email' AND key = $1::bytea", 1, params);
    if (res == NULL) {
        return HD_ERROR;
    }

    if (PQntuples(res) == 0) {
        hd_cli_error("there is no user \"%s\"", email);
        PQclear(res);
        return HD_ERROR;
    }

    params[0] = PQgetvalue(res, 0, 1);
    params[1] = hash;
    rc = HD_ERROR;

    if (hd_cli_begin_org(db, PQgetvalue(res, 0, 0)) == HD_OK
        && hd_cli_exec(db, "setting the password",
                       "UPDATE users SET password_hash = $2"
                       " WHERE id = $1::uuid", 2, params)
               == HD_OK
        && hd_cli_exec(db, "ending the sessions",
                       "WITH s AS (DELETE FROM sessions WHERE user_id ="
                       " $1::uuid RETURNING token_hash)"
                       " DELETE FROM directory d USING s"
                       " WHERE d.kind = 'session' AND d.key = s.token_hash",
                       1, params)
               == HD_OK
        && hd_cli_exec(db, "COMMIT", "COMMIT", 0, NULL) == HD_OK)
    {
        rc = HD_OK;
    }

    PQclear(res);

    return rc;
}


int
hd_cli_user_password(int argc, char **argv)
{
    int            rc;
    char           email[HD_CLI_EMAIL_MAX + 1], hash[HD_PASSWORD_HASH];
    char           key[2 + 64 + 1];
    PGconn        *db;
    hd_cli_user_t  u;

    if (hd_cli_user_options(&u, argc, argv) != HD_OK || u.org || u.name
        || u.role)
    {
        return hd_cli_usage("user", "password");
    }

    if (hd_cli_email(u.email, email, key) != HD_OK
        || hd_cli_password(u.password_file, hash) != HD_OK)
    {
        return HD_CLI_FAIL;
    }

    db = hd_cli_connect(u.conninfo);
    if (db == NULL) {
        return HD_CLI_FAIL;
    }

    rc = hd_cli_user_update(db, email, key, hash) == HD_OK ? HD_CLI_OK
                                                           : HD_CLI_FAIL;
    PQfinish(db);

    return rc;
}
