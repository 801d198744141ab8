/*
 * herald resume: the database was restored from a copy, somebody has looked at
 * what is queued, and sending may go on.
 *
 * The row loses its identifier; by that the next helper that asks takes the
 * database as it is, and writes its own number down again (src/sched/epoch.c).
 */

#include <stdio.h>
#include "cli.h"


int
hd_cli_resume(int argc, char **argv)
{
    int          c, rc;
    PGconn      *db;
    PGresult    *res;
    const char  *conninfo;

    static const struct option  options[] = {
        { "db", required_argument, NULL, 'd' },
        { NULL, 0, NULL, 0 }
    };

    conninfo = NULL;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c != 'd') {
            return hd_cli_usage("resume", NULL);
        }

        conninfo = optarg;
    }

    if (optind != argc) {
        return hd_cli_usage("resume", NULL);
    }

    db = hd_cli_connect(conninfo);
    if (db == NULL) {
        return HD_CLI_FAIL;
    }

    res = hd_cli_query(db, "resuming",
                       "UPDATE epoch SET held = false, held_reason = NULL,"
                       " system_id = '', changed_at = now()"
                       " WHERE held RETURNING 1", 0, NULL);

    if (res == NULL) {
        rc = HD_CLI_FAIL;

    } else {
        rc = HD_CLI_OK;
        puts(PQntuples(res) ? "resumed: sending goes on within seconds"
                            : "nothing was held");
        PQclear(res);
    }

    PQfinish(db);

    return rc;
}
