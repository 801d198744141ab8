/*
 * The table of commands and the help made from it.
 */

#include <stdarg.h>
#include <stdio.h>
#include "cli.h"


const hd_cli_command_t  hd_cli_commands[] = {

    { "migrate", NULL, hd_cli_migrate,
      "[--plan] [--db CONNINFO] [--migrations DIR]",
      "bring the database's schema up to date; --plan only shows" },

    { "org", "create", hd_cli_org_create,
      "--name NAME [--time-zone ZONE] [--db CONNINFO]",
      "create an organisation; prints its id" },

    { "user", "create", hd_cli_user_create,
      "--org ID --email EMAIL --password-file FILE [--name NAME]\n"
      "                [--role owner|admin|manager|agent] [--db CONNINFO]",
      "create a user of an organisation; prints its id" },

    { "user", "password", hd_cli_user_password,
      "--email EMAIL --password-file FILE [--db CONNINFO]",
      "set a new password and end the user's sessions" },

    { "doctor", NULL, hd_cli_doctor,
      "[--secret-file FILE] [--db CONNINFO] [--migrations DIR]",
      "look for what is wrong with the installation and say the fix" },

    { "secret", NULL, hd_cli_secret,
      "FILE",
      "make the key file for herald_secret_file" },

    { "resume", NULL, hd_cli_resume,
      "[--db CONNINFO]",
      "after a restored copy of the database: let sending go on" },

    { NULL, NULL, NULL, NULL, NULL }
};


void
hd_cli_error(const char *fmt, ...)
{
    va_list  args;

    /* what was said so far stands before the complaint, in a pipe too */
    fflush(stdout);

    fputs("herald: ", stderr);

    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);

    fputc('\n', stderr);
}


static void
hd_cli_help(FILE *out)
{
    const hd_cli_command_t  *c;

    fputs("usage: herald COMMAND [OPTIONS]\n\n", out);

    for (c = hd_cli_commands; c->noun != NULL; c++) {
        fprintf(out, "  herald %s%s%s %s\n      %s\n", c->noun,
                c->verb ? " " : "", c->verb ? c->verb : "", c->usage, c->what);
    }

    fputs("\nCONNINFO is libpq's, for example \"host=/run/postgresql "
          "dbname=herald\n"
          "user=herald\"; without --db the variable HERALD_DB is used.  "
          "FILE may be \"-\".\n", out);
}


int
hd_cli_usage(const char *noun, const char *verb)
{
    const hd_cli_command_t  *c;

    for (c = hd_cli_commands; c->noun != NULL; c++) {
        if (strcmp(c->noun, noun) == 0
            && (verb == NULL || (c->verb && strcmp(c->verb, verb) == 0)))
        {
            fprintf(stderr, "usage: herald %s%s%s %s\n", c->noun,
                    c->verb ? " " : "", c->verb ? c->verb : "", c->usage);
        }
    }

    return HD_CLI_USAGE;
}


int
main(int argc, char **argv)
{
    int                      known, words;
    const hd_cli_command_t  *c;

    if (argc < 2) {
        hd_cli_help(stderr);
        return HD_CLI_USAGE;
    }

    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0
        || strcmp(argv[1], "-h") == 0)
    {
        hd_cli_help(stdout);
        return HD_CLI_OK;
    }

    known = 0;

    for (c = hd_cli_commands; c->noun != NULL; c++) {
        if (strcmp(argv[1], c->noun) != 0) {
            continue;
        }

        known = 1;
        words = 1;

        if (c->verb != NULL) {
            if (argc < 3 || strcmp(argv[2], c->verb) != 0) {
                continue;
            }

            words = 2;
        }

        return c->run(argc - words, argv + words);
    }

    if (known) {
        return hd_cli_usage(argv[1], NULL);
    }

    hd_cli_error("there is no command \"%s\"; \"herald help\" lists them",
                 argv[1]);

    return HD_CLI_USAGE;
}
