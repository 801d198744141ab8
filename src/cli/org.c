/*
 * herald org create.
 */

#include <stdio.h>
#include "cli.h"


int
hd_cli_org_create(int argc, char **argv)
{
    int          c, rc;
    char         id[HD_CLI_UUID];
    PGconn      *db;
    const char  *conninfo, *params[3];

    static const struct option  options[] = {
        { "name",      required_argument, NULL, 'n' },
        { "time-zone", required_argument, NULL, 'z' },
        { "db",        required_argument, NULL, 'd' },
        { NULL, 0, NULL, 0 }
    };

    conninfo = NULL;
    params[1] = NULL;
    params[2] = "UTC";

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 'n':
            params[1] = optarg;
            break;
        case 'z':
            params[2] = optarg;
            break;
        case 'd':
            conninfo = optarg;
            break;
        default:
            return hd_cli_usage("org", "create");
        }
    }

    if (optind != argc || params[1] == NULL || params[1][0] == '\0') {
        return hd_cli_usage("org", "create");
    }

    db = hd_cli_connect(conninfo);
    if (db == NULL) {
        return HD_CLI_FAIL;
    }

    hd_cli_new_id(id);
    params[0] = id;

    /* the zone is tried first: a wrong one would fail much later */

    if (hd_cli_exec(db, "the time zone", "SELECT now() AT TIME ZONE $1", 1,
                    &params[2])
            == HD_OK
        && hd_cli_begin_org(db, id) == HD_OK
        && hd_cli_exec(db, "creating the organisation",
                       "INSERT INTO orgs (org_id, name, time_zone)"
                       " VALUES ($1::uuid, $2, $3)", 3, params)
               == HD_OK
        && hd_cli_exec(db, "COMMIT", "COMMIT", 0, NULL) == HD_OK)
    {
        printf("%s\n", id);
        rc = HD_CLI_OK;

    } else {
        rc = HD_CLI_FAIL;
    }

    PQfinish(db);

    return rc;
}
