/*
 * PostgreSQL, asked one thing after another.
 */

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "cli.h"


static char  hd_cli_state[6];


/* libpq's and the server's messages end with newlines; ours do not */

static const char *
hd_cli_trim(char *text)
{
    size_t  n;

    n = strlen(text);

    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' ')) {
        text[--n] = '\0';
    }

    return text;
}


/* NOTICEs of CREATE … IF NOT EXISTS and the like help nobody here */

static void
hd_cli_notice(void *arg, const PGresult *res)
{
    (void) arg;
    (void) res;
}


PGconn *
hd_cli_connect(const char *conninfo)
{
    PGconn      *db;
    const char  *keys[6], *values[6];

    if (conninfo == NULL) {
        conninfo = getenv("HERALD_DB");
    }

    keys[0] = "dbname";
    values[0] = conninfo ? conninfo : "";
    keys[1] = "application_name";
    values[1] = "herald";
    keys[2] = "client_encoding";
    values[2] = "UTF8";
    keys[3] = "connect_timeout";
    values[3] = "10";
    keys[4] = "options";
    values[4] = "-c timezone=UTC -c datestyle=ISO -c client_min_messages="
                "warning";
    keys[5] = NULL;
    values[5] = NULL;

    db = PQconnectdbParams(keys, values, 1);
    if (db == NULL) {
        hd_cli_error("out of memory");
        return NULL;
    }

    if (PQstatus(db) != CONNECTION_OK) {
        hd_cli_error("cannot reach the database: %s\n"
                     "        say where it is by --db or HERALD_DB, for "
                     "example HERALD_DB=\"host=/run/postgresql dbname=herald "
                     "user=herald\"", hd_cli_trim(PQerrorMessage(db)));
        PQfinish(db);
        return NULL;
    }

    PQsetNoticeReceiver(db, hd_cli_notice, NULL);

    return db;
}


PGresult *
hd_cli_query(PGconn *db, const char *what, const char *sql, int n,
    const char *const *params)
{
    char            *detail, *message, *state;
    PGresult        *res;
    ExecStatusType   status;

    /* without parameters the text may hold several statements */

    if (n == 0) {
        res = PQexec(db, sql);
    } else {
        res = PQexecParams(db, sql, n, NULL, params, NULL, NULL, 0);
    }

    status = PQresultStatus(res);

    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        return res;
    }

    state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    snprintf(hd_cli_state, sizeof(hd_cli_state), "%s", state ? state : "");

    if (what != NULL) {
        message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
        detail = PQresultErrorField(res, PG_DIAG_MESSAGE_DETAIL);

        hd_cli_error("%s: %s%s%s%s", what,
                     message ? message : hd_cli_trim(PQerrorMessage(db)),
                     detail ? " (" : "", detail ? detail : "",
                     detail ? ")" : "");
    }

    PQclear(res);

    return NULL;
}


int
hd_cli_exec(PGconn *db, const char *what, const char *sql, int n,
    const char *const *params)
{
    PGresult  *res;

    res = hd_cli_query(db, what, sql, n, params);
    if (res == NULL) {
        return HD_ERROR;
    }

    PQclear(res);

    return HD_OK;
}


int
hd_cli_begin_org(PGconn *db, const char *org)
{
    const char  *params[1];

    params[0] = org;

    if (hd_cli_exec(db, "BEGIN", "BEGIN", 0, NULL) != HD_OK) {
        return HD_ERROR;
    }

    return hd_cli_exec(db, "choosing the organisation",
                       "SELECT set_config('herald.org', $1::uuid::text, true)",
                       1, params);
}


const char *
hd_cli_sqlstate(void)
{
    return hd_cli_state;
}


void
hd_cli_new_id(char text[HD_CLI_UUID])
{
    hd_uuid_t        id;
    struct timespec  now;

    clock_gettime(CLOCK_REALTIME, &now);

    hd_uuid_v7(&id, (int64_t) now.tv_sec * 1000 + now.tv_nsec / 1000000);
    hd_uuid_format(&id, (unsigned char *) text);

    text[HD_CLI_UUID - 1] = '\0';
}


int
hd_cli_is_id(const char *text)
{
    hd_uuid_t  id;

    return hd_uuid_parse(&id, (const unsigned char *) text, strlen(text))
           == HD_OK;
}
