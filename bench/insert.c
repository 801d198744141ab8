/*
 * The limit of durable webhooks: rows of the same bytes straight into
 * PostgreSQL, BATCH of them a commit.
 *
 *   insert CONNINFO FILE PROCESSES BATCH SECONDS
 *
 * FILE is what wrk sends: "signature, tab, body" a line; the table is
 * bench_events.  Each process has a connection and one commit in flight.  The
 * answer is a line of JSON.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <libpq-fe.h>


#define INSERT_LINES  20000
#define INSERT_LINE   2000             /* bytes */


typedef struct {
    char        *body;
    char        *wamid;
    char        *status;
} insert_row_t;

typedef struct {
    char        *begin, *p;
} insert_array_t;


static insert_row_t  rows[INSERT_LINES];
static size_t        nrows;


static void
insert_die(const char *what, PGconn *c)
{
    fprintf(stderr, "insert: %s %s\n", what, c ? PQerrorMessage(c) : "");
    _exit(1);
}


static double
insert_now(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}


/* the text between `after` and the next quote */

static char *
insert_member(const char *body, const char *after)
{
    const char  *p;

    p = strstr(body, after);

    if (p == NULL) {
        insert_die("a line without", NULL);
    }

    p += strlen(after);

    return strndup(p, strcspn(p, "\""));
}


static void
insert_load(const char *path)
{
    char    *line, *tab;
    FILE    *f;
    size_t   size;
    ssize_t  n;

    f = fopen(path, "r");

    if (f == NULL) {
        insert_die(path, NULL);
    }

    line = NULL;
    size = 0;

    while (nrows < INSERT_LINES && (n = getline(&line, &size, f)) > 1) {
        line[n - 1] = '\0';
        tab = strchr(line, '\t');

        if (tab == NULL || n > INSERT_LINE) {
            insert_die("a line without a tab, or too long", NULL);
        }

        rows[nrows].body = strdup(tab + 1);
        rows[nrows].wamid = insert_member(tab, "\"statuses\":[{\"id\":\"");
        rows[nrows].status = insert_member(tab, "\"status\":\"");
        nrows++;
    }

    free(line);
    fclose(f);

    if (nrows == 0) {
        insert_die("an empty file", NULL);
    }
}


/* {"...","..."}: an array's text form */

static void
insert_element(insert_array_t *a, const char *s)
{
    *a->p = (a->p == a->begin) ? '{' : ',';
    a->p++;
    *a->p++ = '"';

    for ( /* void */ ; *s; s++) {
        if (*s == '"' || *s == '\\') {
            *a->p++ = '\\';
        }

        *a->p++ = *s;
    }

    *a->p++ = '"';
    *a->p = '\0';
}


static void
insert_batch(PGconn *c, insert_array_t *a, size_t at, size_t batch)
{
    size_t         i, k;
    PGresult      *r;
    const char    *values[3];
    insert_row_t  *row;

    for (k = 0; k < 3; k++) {
        a[k].p = a[k].begin;
    }

    for (i = 0; i < batch; i++) {
        row = &rows[(at + i) % nrows];

        insert_element(&a[0], row->wamid);
        insert_element(&a[1], row->status);
        insert_element(&a[2], row->body);
    }

    for (k = 0; k < 3; k++) {
        *a[k].p++ = '}';
        *a[k].p = '\0';
        values[k] = a[k].begin;
    }

    r = PQexecPrepared(c, "i", 3, values, NULL, NULL, 0);

    if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        insert_die("INSERT", c);
    }

    PQclear(r);
}


static void
insert_run(const char *conninfo, size_t batch, double seconds, size_t at,
    long *done)
{
    double           end;
    size_t           k;
    PGconn          *c;
    PGresult        *r;
    insert_array_t   a[3];

    c = PQconnectdb(conninfo);

    if (PQstatus(c) != CONNECTION_OK) {
        insert_die("connection", c);
    }

    r = PQprepare(c, "i",
                  "INSERT INTO bench_events (phone_number_id, wamid, status, "
                  "payload) SELECT '15550100001', w, s, p FROM unnest("
                  "$1::text[], $2::text[], $3::jsonb[]) AS t (w, s, p)", 0,
                  NULL);

    if (PQresultStatus(r) != PGRES_COMMAND_OK) {
        insert_die("PREPARE", c);
    }

    PQclear(r);

    for (k = 0; k < 3; k++) {
        a[k].begin = malloc(batch * 2 * INSERT_LINE);

        if (a[k].begin == NULL) {
            insert_die("memory", NULL);
        }
    }

    end = insert_now() + seconds;

    while (insert_now() < end) {
        insert_batch(c, a, at, batch);
        at = (at + batch) % nrows;
        *done += (long) batch;
    }

    PQfinish(c);
    _exit(0);
}


int
main(int argc, char **argv)
{
    int      status, bad;
    long    *done, sum, i, n, batch;
    double   begin, seconds;

    if (argc != 6 || atol(argv[3]) < 1 || atol(argv[4]) < 1) {
        fprintf(stderr,
                "usage: insert CONNINFO FILE PROCESSES BATCH SECONDS\n");
        return 2;
    }

    n = atol(argv[3]);
    batch = atol(argv[4]);
    seconds = atof(argv[5]);

    insert_load(argv[2]);

    done = mmap(NULL, (size_t) n * sizeof(long), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    if (done == MAP_FAILED) {
        insert_die("mmap", NULL);
    }

    begin = insert_now();

    for (i = 0; i < n; i++) {
        if (fork() == 0) {
            insert_run(argv[1], (size_t) batch, seconds,
                       nrows / (size_t) n * (size_t) i, &done[i]);
        }
    }

    bad = 0;

    while (wait(&status) > 0) {
        bad |= status;
    }

    for (i = 0, sum = 0; i < n; i++) {
        sum += done[i];
    }

    printf("{\"n\": %ld, \"rate\": %.0f}\n", sum,
           (double) sum / (insert_now() - begin));

    return bad ? 1 : 0;
}
