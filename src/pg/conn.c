/*
 * conn: one connection to PostgreSQL, in pipeline mode, on nginx's loop.
 *
 *           start            connected          prepared
 *   AWAY ─────────> CONNECTING ─────> PREPARING ─────> READY ───> RETIRING
 *    ^                  │ fail            │ fail         │ fail      │ drained
 *    │<─────────────────┴─────────────────┘              v           │
 *    │<────────────────────── bury ──────────────────── LOST <───────┤ fail
 *    │<──────────────────────────────────────────────────────────────┘
 *
 *   AWAY       no socket; the timer is the back-off (none while closing)
 *   CONNECTING PQconnectPoll is followed; the timer is the limit
 *   PREPARING  in pipeline mode, all statements sent; the timer is the limit
 *   READY      takes units
 *   RETIRING   takes no more units and is replaced when the last is answered:
 *              its prepared statements no longer fit the schema
 *   LOST       known to be dead, not watched; its units wait for the lap in
 *              which they are called back
 *
 *   transition              function
 *   AWAY → CONNECTING       hd_pg_conn_start
 *   CONNECTING → PREPARING  hd_pg_conn_prepare
 *   PREPARING → READY       hd_pg_conn_prepared
 *   READY → RETIRING        hd_pg_conn_retire
 *   RETIRING → AWAY         hd_pg_conn_replace, which starts again at once
 *   … → AWAY, … → LOST      hd_pg_conn_fail
 *   LOST → AWAY             hd_pg_conn_bury
 *   any → AWAY              hd_pg_conn_close
 *
 * Invariants
 *   1. Only hd_pg_conn_move writes c->state; pg->nready is the number of
 *      connections in READY.
 *   2. c->sent holds units only in READY, RETIRING and LOST, oldest first;
 *      the server answers in that order.
 *   3. A unit is put on c->sent before its first byte is given to libpq, so
 *      that whatever fails then ends the unit through the connection.
 *   4. Units are called back from the loop only (drain, bury, close), never
 *      below hd_pg_pipe_send.  A callback may submit; so after each one the
 *      state is looked at again.
 *   5. While connecting libpq may close its socket and open another with the
 *      same number, which epoll would not tell us; so no watch outlives a
 *      PQconnectPoll.
 *   6. libpq closes the socket by itself when it sees the end; PQsocket then
 *      differs from c->fd and the watch is dropped without epoll.
 *   7. PQgetResult is called only when PQisBusy says no: else it blocks.
 */

#include "private.h"


#define HD_PG_CONNECT_LIMIT  5000
#define HD_PG_PREPARE_LIMIT  15000
#define HD_PG_DELAY_MIN      100
#define HD_PG_DELAY_MAX      5000

/* statements prepared behind one Sync, to which an error skips */
#define HD_PG_PREPARE_GROUP  64


static void hd_pg_conn_move(hd_pg_conn_t *c, hd_pg_state_e state);
static void hd_pg_conn_timer(hd_timer_t *t, void *data);
static void hd_pg_conn_unwatch(hd_pg_conn_t *c);
static void hd_pg_conn_connect(hd_pg_conn_t *c);
static void hd_pg_conn_prepare(hd_pg_conn_t *c);
static void hd_pg_conn_prepared(hd_pg_conn_t *c);
static void hd_pg_conn_wrong_schema(hd_pg_conn_t *c, PGresult *r);
static void hd_pg_conn_event(hd_fd_t *watch, ngx_uint_t ready, void *data);
static void hd_pg_conn_away(hd_pg_conn_t *c);
static void hd_pg_conn_bury(void *data);
static void hd_pg_conn_log(hd_pg_conn_t *c, const char *why);
static void hd_pg_conn_notice(void *data, const PGresult *r);


void
hd_pg_conn_init(hd_pg_conn_t *c, hd_pg_pool_t *pg)
{
    ngx_memzero(c, sizeof(hd_pg_conn_t));

    c->pg = pg;
    c->state = HD_PG_AWAY;
    c->fd = -1;
    c->delay = HD_PG_DELAY_MIN;

    ngx_queue_init(&c->sent);
    hd_timer_init(&c->timer, hd_pg_conn_timer, c, 1, pg->log);
    hd_lap_init(&c->lap, hd_pg_conn_bury, c, pg->log);
}


static void
hd_pg_conn_move(hd_pg_conn_t *c, hd_pg_state_e state)
{
    ngx_log_debug2(NGX_LOG_DEBUG_CORE, c->pg->log, 0,
                   "postgres: connection state %d to %d", c->state, state);

    if (c->state == HD_PG_READY) {
        c->pg->nready--;
    }

    c->state = state;

    if (state == HD_PG_READY) {
        c->pg->nready++;
    }
}


static void
hd_pg_conn_timer(hd_timer_t *t, void *data)
{
    hd_pg_conn_t  *c = data;

    switch (c->state) {

    case HD_PG_AWAY:
        hd_pg_conn_start(c);
        break;

    case HD_PG_CONNECTING:
    case HD_PG_PREPARING:
        hd_pg_conn_fail(c, "the server does not answer");
        break;

    default:
        break;
    }
}


/* connecting */

void
hd_pg_conn_start(hd_pg_conn_t *c)
{
    hd_pg_pool_t  *pg = c->pg;
    const char    *names[8], *values[8];
    ngx_uint_t     n;

    /*
     * A later keyword overrides an earlier one, and dbname is expanded where
     * it stands: above it are defaults, below it is what must be so.
     */

    n = 0;

    names[n] = "keepalives_idle";    values[n++] = "30";
    names[n] = "dbname";             values[n++] = pg->conninfo;
    names[n] = "application_name";   values[n++] = pg->conf.application;
    names[n] = "client_encoding";    values[n++] = "UTF8";
    names[n] = "gssencmode";         values[n++] = "disable";
    names[n] = "options";            values[n++] = pg->options;
    names[n] = NULL;                 values[n] = NULL;

    hd_pg_conn_move(c, HD_PG_CONNECTING);
    hd_timer_set(&c->timer, HD_PG_CONNECT_LIMIT);

    c->pq = PQconnectStartParams(names, values, 1);

    if (c->pq == NULL) {
        hd_pg_conn_fail(c, "out of memory");
        return;
    }

    /* the default one writes to stderr */
    (void) PQsetNoticeReceiver(c->pq, hd_pg_conn_notice, c);

    if (PQstatus(c->pq) == CONNECTION_BAD) {
        hd_pg_conn_fail(c, NULL);
        return;
    }

    /* libpq wants to be polled as if it had asked for writing */

    if (hd_pg_conn_watch(c, HD_FD_WRITE) != NGX_OK) {
        hd_pg_conn_fail(c, "the socket cannot be watched");
    }
}


static void
hd_pg_conn_event(hd_fd_t *watch, ngx_uint_t ready, void *data)
{
    hd_pg_conn_t  *c = data;

    if (c->state == HD_PG_CONNECTING) {
        hd_pg_conn_connect(c);
        return;
    }

    hd_pg_pipe_event(c, ready);
}


ngx_int_t
hd_pg_conn_watch(hd_pg_conn_t *c, ngx_uint_t want)
{
    if (c->watch == NULL) {
        c->fd = PQsocket(c->pq);

        if (c->fd == -1) {
            return NGX_ERROR;
        }

        c->watch = hd_fd_watch(c->fd, hd_pg_conn_event, c, c->pg->log);
        if (c->watch == NULL) {
            return NGX_ERROR;
        }

        c->want = 0;
    }

    if (c->want == want) {
        return NGX_OK;
    }

    c->want = want;

    return hd_fd_want(c->watch, want);
}


static void
hd_pg_conn_unwatch(hd_pg_conn_t *c)
{
    if (c->watch == NULL) {
        return;
    }

    if (PQsocket(c->pq) == c->fd) {
        hd_fd_forget(c->watch);

    } else {
        hd_fd_gone(c->watch);
    }

    c->watch = NULL;
    c->fd = -1;
    c->want = 0;
}


static void
hd_pg_conn_connect(hd_pg_conn_t *c)
{
    ngx_uint_t                 want;
    PostgresPollingStatusType  status;

    /* invariant 5 */
    hd_pg_conn_unwatch(c);

    status = PQconnectPoll(c->pq);

    switch (status) {

    case PGRES_POLLING_OK:
        hd_pg_conn_prepare(c);
        return;

    case PGRES_POLLING_READING:
        want = HD_FD_READ;
        break;

    case PGRES_POLLING_WRITING:
        want = HD_FD_WRITE;
        break;

    default:
        hd_pg_conn_fail(c, NULL);
        return;
    }

    if (hd_pg_conn_watch(c, want) != NGX_OK) {
        hd_pg_conn_fail(c, "the socket cannot be watched");
    }
}


/* preparing */

static void
hd_pg_conn_prepare(hd_pg_conn_t *c)
{
    ngx_uint_t           i, n;
    const hd_pg_stmt_t  *stmts;

    hd_pg_conn_move(c, HD_PG_PREPARING);
    hd_timer_set(&c->timer, HD_PG_PREPARE_LIMIT);

    if (PQsetnonblocking(c->pq, 1) != 0 || PQenterPipelineMode(c->pq) != 1) {
        hd_pg_conn_fail(c, NULL);
        return;
    }

    n = c->pg->conf.nstmts;
    stmts = c->pg->conf.stmts;

    c->prepared = 0;
    c->syncs = 0;

    for (i = 0; i < n; i++) {
        if (PQsendPrepare(c->pq, stmts[i].name, stmts[i].sql, 0, NULL) != 1) {
            hd_pg_conn_fail(c, NULL);
            return;
        }

        if ((i + 1) % HD_PG_PREPARE_GROUP == 0 && i + 1 != n) {
            if (PQpipelineSync(c->pq) != 1) {
                hd_pg_conn_fail(c, NULL);
                return;
            }

            c->syncs++;
        }
    }

    if (PQpipelineSync(c->pq) != 1) {
        hd_pg_conn_fail(c, NULL);
        return;
    }

    c->syncs++;

    hd_pg_pipe_flush(c);
}


void
hd_pg_conn_prepare_result(hd_pg_conn_t *c, PGresult *r)
{
    switch (PQresultStatus(r)) {

    case PGRES_COMMAND_OK:
        c->prepared++;
        return;

    case PGRES_PIPELINE_SYNC:
        if (--c->syncs == 0) {
            hd_pg_conn_prepared(c);
        }
        return;

    default:
        hd_pg_conn_wrong_schema(c, r);
        return;
    }
}


static void
hd_pg_conn_wrong_schema(hd_pg_conn_t *c, PGresult *r)
{
    const char    *state;
    hd_pg_pool_t  *pg = c->pg;

    state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    /* a server that stops, or is short of something, is no wrong schema */

    if (state == NULL
        || ngx_strncmp(state, "57", 2) == 0
        || ngx_strncmp(state, "53", 2) == 0
        || ngx_strncmp(state, "08", 2) == 0)
    {
        hd_pg_conn_fail(c, PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
        return;
    }

    if (!pg->schema) {
        pg->schema = 1;
        pg->away = 1;

        ngx_log_error(NGX_LOG_ERR, pg->log, 0,
                      "the database schema is not the one this module needs; "
                      "run herald migrate: statement \"%s\": %s (%s)",
                      pg->conf.stmts[c->prepared].name,
                      PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY), state);
    }

    hd_pg_conn_fail(c, "a statement could not be prepared");
}


static void
hd_pg_conn_prepared(hd_pg_conn_t *c)
{
    hd_timer_clear(&c->timer);
    c->delay = HD_PG_DELAY_MIN;

    hd_pg_conn_move(c, HD_PG_READY);
    hd_pg_pool_ready(c->pg);
}


/* endings */

void
hd_pg_conn_retire(hd_pg_conn_t *c)
{
    if (c->state == HD_PG_READY) {
        ngx_log_error(NGX_LOG_NOTICE, c->pg->log, 0,
                      "the schema changed under a postgres connection: "
                      "it is replaced");

        hd_pg_conn_move(c, HD_PG_RETIRING);
        hd_pg_pool_grace(c->pg);
    }
}


void
hd_pg_conn_replace(hd_pg_conn_t *c)
{
    hd_pg_conn_away(c);
    hd_pg_conn_start(c);
}


void
hd_pg_conn_fail(hd_pg_conn_t *c, const char *why)
{
    ngx_uint_t     units;
    hd_pg_state_e  was;

    if (c->state == HD_PG_AWAY || c->state == HD_PG_LOST) {
        return;
    }

    was = c->state;
    units = (was == HD_PG_READY || was == HD_PG_RETIRING);

    if (units) {
        hd_pg_conn_unwatch(c);
        hd_pg_conn_move(c, HD_PG_LOST);
        hd_lap_post(&c->lap);
    }

    hd_pg_conn_log(c, why);

    if (!units) {
        hd_pg_conn_away(c);
    }
}


/* frees the socket; a back-off brings it back */

static void
hd_pg_conn_away(hd_pg_conn_t *c)
{
    ngx_msec_t  delay;

    hd_pg_conn_unwatch(c);

    if (c->pq) {
        PQfinish(c->pq);
        c->pq = NULL;
    }

    hd_pg_conn_move(c, HD_PG_AWAY);

    if (c->pg->closing) {
        hd_timer_clear(&c->timer);
        return;
    }

    /* from 3/4 to 5/4, so that the workers of a machine come one by one */
    delay = c->delay - c->delay / 4
            + (ngx_msec_t) ngx_random() % (c->delay / 2);

    c->delay = ngx_min(c->delay * 2, HD_PG_DELAY_MAX);

    hd_timer_set(&c->timer, delay);
}


static void
hd_pg_conn_bury(void *data)
{
    ngx_queue_t    units, *q;
    hd_pg_work_t  *w;
    hd_pg_conn_t  *c = data;

    ngx_queue_init(&units);

    if (!ngx_queue_empty(&c->sent)) {
        ngx_queue_add(&units, &c->sent);
        ngx_queue_init(&c->sent);
    }

    c->nsent = 0;
    hd_pg_conn_away(c);

    while (!ngx_queue_empty(&units)) {
        q = ngx_queue_head(&units);
        ngx_queue_remove(q);

        w = ngx_queue_data(q, hd_pg_work_t, queue);

        hd_pg_unit_finish(w, w->sent ? HD_PG_UNKNOWN : HD_PG_DOWN);
    }
}


void
hd_pg_conn_close(hd_pg_conn_t *c)
{
    hd_lap_cancel(&c->lap);
    hd_pg_conn_bury(c);
}


/*
 * An outage is one line however many connections and attempts it takes, and
 * so is its end (hd_pg_pool_ready).  `why` NULL: what libpq says.
 */

static void
hd_pg_conn_log(hd_pg_conn_t *c, const char *why)
{
    size_t         len;
    ngx_uint_t     level;
    hd_pg_pool_t  *pg = c->pg;

    if (why == NULL) {
        why = PQerrorMessage(c->pq);
    }

    /* libpq's messages end in newlines; the first line says it */
    len = strcspn(why, "\n");

    if (pg->nready == 0 && !pg->away) {
        pg->away = 1;

        ngx_log_error(NGX_LOG_ERR, pg->log, 0,
                      "postgres is away: %*s", len, why);
        return;
    }

    level = pg->away ? NGX_LOG_DEBUG : NGX_LOG_INFO;

    ngx_log_error(level, pg->log, 0,
                  "a postgres connection failed: %*s", len, why);
}


static void
hd_pg_conn_notice(void *data, const PGresult *r)
{
    hd_pg_conn_t  *c = data;

    ngx_log_debug1(NGX_LOG_DEBUG_CORE, c->pg->log, 0, "postgres: %s",
                   PQresultErrorMessage(r));
}
