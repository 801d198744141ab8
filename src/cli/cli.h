/*
 * cli: the `herald` command.  A plain program beside nginx that prepares the
 * database, creates who may sign in, and says what is wrong and the fix.
 * It may block, so it speaks to PostgreSQL by libpq directly, as the owner of
 * the schema (row-level security is forced on the owner too).
 *
 *   main.c      the table of commands, help
 *   db.c        connecting, asking, one transaction for one organisation
 *   files.c     the migrations' folder: names, order, checksums
 *   migrate.c   herald migrate
 *   org.c       herald org create
 *   user.c      herald user create, herald user password
 *   doctor.c    herald doctor
 *   secret.c    herald secret
 *   resume.c    herald resume
 *
 * Exit codes: 0 done, 1 it failed and the reason was printed, 2 wrong usage.
 */

#ifndef HD_CLI_H
#define HD_CLI_H

#include <getopt.h>
#include <libpq-fe.h>
#include "../base/base.h"


#define HD_CLI_OK     0
#define HD_CLI_FAIL   1
#define HD_CLI_USAGE  2

#define HD_CLI_UUID   37      /* text of an id with its NUL */


typedef struct {
    const char   *noun;
    const char   *verb;       /* NULL: the noun stands alone */
    int         (*run)(int argc, char **argv);
    const char   *usage;      /* what follows the words */
    const char   *what;       /* one line for the help */
} hd_cli_command_t;

extern const hd_cli_command_t  hd_cli_commands[];

/* main.c: to stderr, "herald: ", a newline behind */
void hd_cli_error(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));
/* how the command is used; returns HD_CLI_USAGE */
int hd_cli_usage(const char *noun, const char *verb);


/* db.c */

/* `conninfo` NULL: HERALD_DB, else libpq's own defaults.  NULL when it could
 * not connect; the reason was printed. */
PGconn *hd_cli_connect(const char *conninfo);
/* the statement's result when it ended well, else NULL and the server's words
 * were printed after `what`; parameters are text */
PGresult *hd_cli_query(PGconn *db, const char *what, const char *sql, int n,
    const char *const *params);
/* the same without a result: HD_OK or HD_ERROR */
int hd_cli_exec(PGconn *db, const char *what, const char *sql, int n,
    const char *const *params);
/* opens a transaction that sees only this organisation */
int hd_cli_begin_org(PGconn *db, const char *org);
/* SQLSTATE of the last failed statement, "" when there was none */
const char *hd_cli_sqlstate(void);
/* a new id's text */
void hd_cli_new_id(char text[HD_CLI_UUID]);
/* is it the text of an id?  1 or 0 */
int hd_cli_is_id(const char *text);


/* files.c */

typedef struct {
    int           version;
    char         *name;       /* "init" of 0001_init.sql */
    char         *path;
    char         *sql;        /* the whole file */
    char          checksum[65];
} hd_cli_migration_t;

typedef struct {
    char                *dir;
    hd_cli_migration_t  *list;     /* by version, rising */
    size_t               n;
} hd_cli_migrations_t;

/* `dir` NULL: ../migrations or ../share/herald/migrations beside the program.
 * HD_ERROR when something is wrong with the folder; the reason was printed. */
int hd_cli_migrations_read(hd_cli_migrations_t *m, const char *dir);
void hd_cli_migrations_free(hd_cli_migrations_t *m);
/* the whole file with a NUL behind, NULL and a printed reason on failure; "-"
 * is the standard input */
char *hd_cli_file(const char *path, size_t max, size_t *len);


/* migrate.c: the applied ones against the files.  Prints each difference by
 * hd_cli_error; *next is the place of the first that is not applied. */
int hd_cli_compare(PGconn *db, const hd_cli_migrations_t *m, size_t *next);

int hd_cli_migrate(int argc, char **argv);
int hd_cli_org_create(int argc, char **argv);
int hd_cli_user_create(int argc, char **argv);
int hd_cli_user_password(int argc, char **argv);
int hd_cli_doctor(int argc, char **argv);
int hd_cli_secret(int argc, char **argv);
int hd_cli_resume(int argc, char **argv);

#endif /* HD_CLI_H */
