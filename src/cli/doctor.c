/*
 * herald doctor: each finding is a cause and the exact fix; nothing changes.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "cli.h"


/* these are asked before the organisation is known, so they hold no personal
 * data and, by design, have no row-level security */
#define HD_CLI_OPEN_TABLES  "('directory', 'agenda')"

#define HD_CLI_SKEW_MAX     2     /* seconds */


typedef struct {
    PGconn       *db;
    unsigned      findings;
} hd_cli_doctor_t;


static void hd_cli_fine(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
static void hd_cli_finding(hd_cli_doctor_t *d, const char *fix,
    const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


static void
hd_cli_fine(const char *fmt, ...)
{
    va_list  args;

    fputs("ok    ", stdout);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}


static void
hd_cli_finding(hd_cli_doctor_t *d, const char *fix, const char *fmt, ...)
{
    va_list  args;

    d->findings++;

    fputs("FAIL  ", stdout);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    printf("\n      fix: %s\n", fix);
}


/* a question that fails is itself a finding: its error was printed */

static PGresult *
hd_cli_ask(hd_cli_doctor_t *d, const char *what, const char *sql)
{
    PGresult  *res;

    res = hd_cli_query(d->db, what, sql, 0, NULL);

    if (res == NULL) {
        d->findings++;
    }

    return res;
}


static void
hd_cli_check_server(hd_cli_doctor_t *d)
{
    int        version;
    double     skew;
    PGresult  *res;

    version = PQserverVersion(d->db);

    if (version < 150000) {
        hd_cli_finding(d, "move the database to PostgreSQL 15 or newer",
                       "PostgreSQL %d is too old", version / 10000);
    } else {
        hd_cli_fine("the database answers: PostgreSQL %d.%d",
                    version / 10000, version % 10000);
    }

    res = hd_cli_ask(d, "reading the settings",
                     "SELECT extract(epoch FROM clock_timestamp()),"
                     " current_setting('fsync')");
    if (res == NULL) {
        return;
    }

    skew = atof(PQgetvalue(res, 0, 0)) - (double) time(NULL);

    if (skew > HD_CLI_SKEW_MAX || skew < -HD_CLI_SKEW_MAX) {
        hd_cli_finding(d, "run a time service (chrony, systemd-timesyncd) on "
                       "both machines", "the database's clock differs from "
                       "this machine's by %.0f s: schedules and leases would "
                       "be off", skew);
    } else {
        hd_cli_fine("the clocks agree");
    }

    if (strcmp(PQgetvalue(res, 0, 1), "on") != 0) {
        hd_cli_finding(d, "set fsync = on in postgresql.conf and restart "
                       "PostgreSQL", "fsync is off: a power cut would lose "
                       "what Herald promised to keep");
    }

    PQclear(res);
}


static void
hd_cli_check_schema(hd_cli_doctor_t *d, const char *dir)
{
    size_t                next;
    PGresult             *res;
    hd_cli_migrations_t   m;

    if (hd_cli_migrations_read(&m, dir) != HD_OK) {
        hd_cli_finding(d, "run with --migrations DIR, or install Herald again",
                       "the migrations cannot be read");

    } else if (hd_cli_compare(d->db, &m, &next) != HD_OK) {
        hd_cli_finding(d, "as the line above says", "the schema is not the "
                       "one of this version");

    } else if (next < m.n) {
        hd_cli_finding(d, "run \"herald migrate\"", "the schema is at %04zu, "
                       "this version needs %04zu", next, m.n);

    } else {
        hd_cli_fine("the schema is up to date at %04zu", m.n);
    }

    hd_cli_migrations_free(&m);

    res = hd_cli_ask(d, "looking for partitions",
                     "SELECT to_regclass('messages_' || to_char(now() AT TIME "
                     "ZONE 'UTC' + interval '1 month', 'YYYYMM')) IS NOT"
                     " NULL");
    if (res == NULL) {
        return;
    }

    if (PQgetvalue(res, 0, 0)[0] != 't') {
        hd_cli_finding(d, "run \"herald migrate\" (it makes the next months' "
                       "partitions every time)", "next month's partition of "
                       "messages is missing");
    }

    PQclear(res);
}


static void
hd_cli_check_role(hd_cli_doctor_t *d)
{
    PGresult  *res;

    res = hd_cli_ask(d, "reading the roles",
                     "SELECT rolsuper, rolbypassrls, rolcanlogin,"
                     " EXISTS (SELECT FROM pg_auth_members a"
                     "   JOIN pg_roles g ON g.oid = a.roleid"
                     "  WHERE a.member = r.oid AND (g.rolsuper OR"
                     "        g.rolbypassrls OR g.rolname = current_user))"
                     " FROM pg_roles r WHERE rolname = 'herald_app'");
    if (res == NULL) {
        return;
    }

    if (PQntuples(res) == 0) {
        hd_cli_finding(d, "run \"herald migrate\"", "the role herald_app, as "
                       "which nginx signs in, is missing");

    } else if (PQgetvalue(res, 0, 0)[0] == 't'
               || PQgetvalue(res, 0, 1)[0] == 't')
    {
        hd_cli_finding(d, "ALTER ROLE herald_app NOSUPERUSER NOBYPASSRLS",
                       "herald_app may pass by row-level security: one "
                       "organisation could see another's rows");

    } else if (PQgetvalue(res, 0, 3)[0] == 't') {
        hd_cli_finding(d, "REVOKE that membership from herald_app",
                       "herald_app is a member of a role that owns the tables "
                       "or passes by row-level security");

    } else if (PQgetvalue(res, 0, 2)[0] != 't') {
        hd_cli_finding(d, "ALTER ROLE herald_app LOGIN",
                       "herald_app may not sign in");

    } else {
        hd_cli_fine("herald_app is bound by row-level security");
    }

    PQclear(res);
}


static void
hd_cli_check_tables(hd_cli_doctor_t *d)
{
    int        i, n;
    char       fix[512];
    PGresult  *res;

    /* pg_policies is asked too: forced security without a policy shows
     * nothing, which is safe, but nothing would work */

    res = hd_cli_ask(d, "reading the tables",
                     "SELECT c.relname, quote_ident(c.relname),"
                     " EXISTS (SELECT FROM pg_policy p WHERE p.polrelid ="
                     "         c.oid)"
                     " FROM pg_class c JOIN pg_attribute a"
                     "   ON a.attrelid = c.oid AND a.attname = 'org_id'"
                     " WHERE c.relkind IN ('r', 'p') AND NOT a.attisdropped"
                     "   AND c.relnamespace = 'public'::regnamespace"
                     "   AND c.relname NOT IN " HD_CLI_OPEN_TABLES
                     " AND NOT (c.relrowsecurity AND c.relforcerowsecurity"
                     "   AND EXISTS (SELECT FROM pg_policy p"
                     "               WHERE p.polrelid = c.oid))"
                     " ORDER BY 1");
    if (res == NULL) {
        return;
    }

    n = PQntuples(res);

    for (i = 0; i < n; i++) {
        if (PQgetvalue(res, i, 2)[0] == 't') {
            snprintf(fix, sizeof(fix), "ALTER TABLE %s ENABLE ROW LEVEL "
                     "SECURITY, FORCE ROW LEVEL SECURITY",
                     PQgetvalue(res, i, 1));
        } else {
            snprintf(fix, sizeof(fix), "SELECT herald_isolate('%s')",
                     PQgetvalue(res, i, 0));
        }

        hd_cli_finding(d, fix, "row-level security is not forced on the table "
                       "\"%s\"", PQgetvalue(res, i, 0));
    }

    if (n == 0) {
        hd_cli_fine("row-level security is forced on every tenant table");
    }

    PQclear(res);
}


static void
hd_cli_check_secret(hd_cli_doctor_t *d, const char *path)
{
    int            fd;
    char           fix[512];
    ssize_t        n;
    struct stat    st;
    unsigned char  key[HD_SEAL_KEY], text[2 * HD_SEAL_KEY + 2];

    fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd == -1) {
        snprintf(fix, sizeof(fix), errno == ENOENT ? "herald secret %s"
                 : "run the doctor as the user that starts nginx (%s)", path);
        hd_cli_finding(d, fix, "the secret file \"%s\" cannot be opened: %s",
                       path, strerror(errno));
        return;
    }

    n = read(fd, text, sizeof(text));

    if (fstat(fd, &st) == 0 && (st.st_mode & 077) != 0) {
        snprintf(fix, sizeof(fix), "chmod 600 %s", path);
        hd_cli_finding(d, fix, "the secret file \"%s\" has mode %04o: others "
                       "may read it", path, (unsigned) st.st_mode & 07777);
    }

    close(fd);

    if (n == 2 * HD_SEAL_KEY + 1 && text[n - 1] == '\n') {
        n--;
    }

    if (n != 2 * HD_SEAL_KEY
        || hd_unhex(key, text, 2 * HD_SEAL_KEY) != HD_OK)
    {
        snprintf(fix, sizeof(fix), "bring the copy of %s back; only when "
                 "there is none, remove it and run \"herald secret %s\"",
                 path, path);
        hd_cli_finding(d, fix, "the secret file \"%s\" is not %d hexadecimal "
                       "digits", path, 2 * HD_SEAL_KEY);
    } else {
        hd_cli_fine("the secret file holds a key");
    }

    explicit_bzero(key, sizeof(key));
    explicit_bzero(text, sizeof(text));
}


int
hd_cli_doctor(int argc, char **argv)
{
    int               c;
    const char       *conninfo, *dir, *secret;
    hd_cli_doctor_t   d;

    static const struct option  options[] = {
        { "secret-file", required_argument, NULL, 's' },
        { "db",          required_argument, NULL, 'd' },
        { "migrations",  required_argument, NULL, 'm' },
        { NULL, 0, NULL, 0 }
    };

    memset(&d, 0, sizeof(d));
    conninfo = NULL;
    dir = NULL;
    secret = NULL;

    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (c) {
        case 's':
            secret = optarg;
            break;
        case 'd':
            conninfo = optarg;
            break;
        case 'm':
            dir = optarg;
            break;
        default:
            return hd_cli_usage("doctor", NULL);
        }
    }

    if (optind != argc) {
        return hd_cli_usage("doctor", NULL);
    }

    d.db = hd_cli_connect(conninfo);

    if (d.db == NULL) {
        hd_cli_finding(&d, "start PostgreSQL, or mend the address as the line "
                       "above says", "the database cannot be reached");
    } else {
        hd_cli_check_server(&d);
        hd_cli_check_schema(&d, dir);
        hd_cli_check_role(&d);
        hd_cli_check_tables(&d);
        PQfinish(d.db);
    }

    if (secret != NULL) {
        hd_cli_check_secret(&d, secret);
    }

    if (d.findings > 0) {
        printf("%u finding%s\n", d.findings, d.findings == 1 ? "" : "s");
        return HD_CLI_FAIL;
    }

    printf("nothing is wrong\n");

    return HD_CLI_OK;
}
