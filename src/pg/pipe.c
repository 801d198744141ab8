/*
 * pipe: what goes through an open connection: units out, results in.
 *
 * Per statement libpq gives its result and one NULL; behind a Sync comes
 * PIPELINE_SYNC with no NULL after it.  The head of c->sent is the unit that
 * is being answered, w->index the statement.
 *
 *   result              unit
 *   TUPLES, COMMAND     on_result
 *   FATAL_ERROR         sqlstate is kept; the rest comes as PIPELINE_ABORTED
 *   PIPELINE_ABORTED    counted
 *   PIPELINE_SYNC       done: OK, or FAILED when there was an error
 *   an error after the last statement, before the Sync: the commit failed (a
 *                       deferred constraint); u->failed is u->nstmts
 *   nothing             the connection died: conn.c ends the unit as UNKNOWN
 *
 * The invariants are those of conn.c.
 */

#include "private.h"


static void hd_pg_pipe_drain(hd_pg_conn_t *c);
static void hd_pg_pipe_result(hd_pg_conn_t *c, PGresult *r);
static void hd_pg_pipe_error(hd_pg_conn_t *c, hd_pg_work_t *w, PGresult *r);
static ngx_uint_t hd_pg_pipe_stale(const char *state, PGresult *r);
static void hd_pg_pipe_log(hd_pg_conn_t *c, hd_pg_work_t *w,
    const char *text);


void
hd_pg_pipe_send(hd_pg_conn_t *c, hd_pg_work_t *w)
{
    ngx_uint_t           i, n;
    hd_pg_call_t        *call;
    const hd_pg_stmt_t  *stmt;

    if (c->nsent++ == 0) {
        c->heard = ngx_current_msec;
    }

    ngx_queue_insert_tail(&c->sent, &w->queue);

    for (i = 0; i < w->pub.nstmts; i++) {
        call = &w->calls[i];
        stmt = &c->pg->conf.stmts[call->stmt];
        n = call->first;

        if (PQsendQueryPrepared(c->pq, stmt->name, (int) call->nargs,
                                w->values + n, w->lengths + n,
                                w->formats + n, 0)
            != 1)
        {
            /* without its Sync the server rolls back: surely not done */
            hd_pg_conn_fail(c, NULL);
            return;
        }
    }

    w->sent = 1;

    if (PQpipelineSync(c->pq) != 1) {
        hd_pg_conn_fail(c, NULL);
        return;
    }

    hd_pg_pipe_flush(c);
}


void
hd_pg_pipe_event(hd_pg_conn_t *c, ngx_uint_t ready)
{
    ngx_uint_t  i, rounds;

    if (ready & HD_FD_WRITE) {
        hd_pg_pipe_flush(c);
        return;
    }

    c->heard = ngx_current_msec;
    hd_pg_pool_heard(c->pg);

    /*
     * A TLS record is up to 16 KiB and libpq may read half of it; what stays
     * inside OpenSSL makes no socket readable, so look again.
     */
    rounds = PQsslInUse(c->pq) ? 3 : 1;

    for (i = 0; i < rounds; i++) {

        if (PQconsumeInput(c->pq) != 1) {
            /* what came before the end is still to be read */
            hd_pg_pipe_drain(c);

            if (hd_pg_conn_is_open(c)) {
                hd_pg_conn_fail(c, NULL);
            }

            return;
        }

        hd_pg_pipe_drain(c);

        if (!hd_pg_conn_is_open(c)) {
            return;
        }
    }

    if (c->state == HD_PG_RETIRING && c->nsent == 0) {
        hd_pg_conn_replace(c);
        return;
    }

    hd_pg_pipe_flush(c);
}


void
hd_pg_pipe_flush(hd_pg_conn_t *c)
{
    int         rc;
    ngx_uint_t  want;

    if (!hd_pg_conn_is_open(c)) {
        return;
    }

    rc = PQflush(c->pq);

    if (rc == -1) {
        hd_pg_conn_fail(c, NULL);
        return;
    }

    /* the server may stop reading until we read: always both */
    want = (rc == 1) ? HD_FD_READ|HD_FD_WRITE : HD_FD_READ;

    if (hd_pg_conn_watch(c, want) != NGX_OK) {
        hd_pg_conn_fail(c, "the socket cannot be watched");
    }
}


static void
hd_pg_pipe_drain(hd_pg_conn_t *c)
{
    PGresult    *r;
    ngx_uint_t   nulls;

    nulls = 0;

    while (hd_pg_conn_is_open(c) && !PQisBusy(c->pq)) {

        r = PQgetResult(c->pq);

        if (r == NULL) {
            /* two running: nothing is left */
            if (++nulls == 2) {
                break;
            }

            continue;
        }

        nulls = 0;

        if (c->state == HD_PG_PREPARING) {
            hd_pg_conn_prepare_result(c, r);

        } else {
            hd_pg_pipe_result(c, r);
        }

        PQclear(r);
    }

    if (hd_pg_conn_is_open(c) && PQstatus(c->pq) == CONNECTION_BAD) {
        hd_pg_conn_fail(c, NULL);
    }
}


static void
hd_pg_pipe_result(hd_pg_conn_t *c, PGresult *r)
{
    hd_pg_res_t     res;
    hd_pg_work_t   *w;
    ExecStatusType  status;

    status = PQresultStatus(r);

    if (ngx_queue_empty(&c->sent)) {
        hd_pg_conn_fail(c, status == PGRES_FATAL_ERROR
                           ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY)
                           : "an answer without a question");
        return;
    }

    w = ngx_queue_data(ngx_queue_head(&c->sent), hd_pg_work_t, queue);

    switch (status) {

    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        res.res = r;

        if (w->pub.on_result) {
            w->pub.on_result(&w->pub, w->index, &res);
        }

        w->index++;
        return;

    case PGRES_PIPELINE_SYNC:
        ngx_queue_remove(&w->queue);
        c->nsent--;

        hd_pg_unit_finish(w, w->error ? HD_PG_FAILED : HD_PG_OK);
        return;

    case PGRES_FATAL_ERROR:
        hd_pg_pipe_error(c, w, r);
        w->index++;
        return;

    case PGRES_PIPELINE_ABORTED:
        w->index++;
        return;

    default:
        /* COPY: PQgetResult would answer the same for ever */
        hd_pg_conn_fail(c, "a statement that no pipeline can take");
        return;
    }
}


static void
hd_pg_pipe_error(hd_pg_conn_t *c, hd_pg_work_t *w, PGresult *r)
{
    const char    *state, *text;
    hd_pg_unit_t  *u = &w->pub;

    /* an error without an SQLSTATE is libpq's own: the connection is dead */

    state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

    if (state == NULL || w->error) {
        return;
    }

    if (hd_pg_pipe_stale(state, r)) {
        /* one state for both, which hd_pg_is_transient knows */
        state = "26000";
        hd_pg_conn_retire(c);
    }

    w->error = 1;
    u->failed = w->index;
    ngx_cpystrn((u_char *) u->sqlstate, (u_char *) state,
                sizeof(u->sqlstate));

    text = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);
    if (text) {
        ngx_cpystrn((u_char *) u->constraint, (u_char *) text,
                    sizeof(u->constraint));
    }

    hd_pg_pipe_log(c, w, PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
}


/*
 * Prepared statements that no longer fit: 26000, and 0A000 "cached plan must
 * not change result type", whose words may be translated.
 */

static ngx_uint_t
hd_pg_pipe_stale(const char *state, PGresult *r)
{
    const char  *function;

    if (ngx_strcmp(state, "26000") == 0) {
        return 1;
    }

    function = PQresultErrorField(r, PG_DIAG_SOURCE_FUNCTION);

    return ngx_strcmp(state, "0A000") == 0
           && function
           && ngx_strcmp(function, "RevalidateCachedQuery") == 0;
}


static void
hd_pg_pipe_log(hd_pg_conn_t *c, hd_pg_work_t *w, const char *text)
{
    ngx_uint_t     level;
    const char    *name;
    hd_pg_unit_t  *u = &w->pub;

    /* of an error at commit (a deferred constraint) no statement is guilty */
    name = w->index < u->nstmts
           ? c->pg->conf.stmts[w->calls[w->index].stmt].name : "commit";

    /*
     * Violations, conflicts and what our own functions raise are answers, and
     * the caller's to speak of.  The text of class 22 quotes values: it must
     * not reach the log.
     */

    level = NGX_LOG_ERR;

    if (ngx_strncmp(u->sqlstate, "23", 2) == 0
        || ngx_strncmp(u->sqlstate, "P0", 2) == 0
        || hd_pg_is_transient(u->sqlstate))
    {
        level = NGX_LOG_INFO;
    }

    if (text == NULL || ngx_strncmp(u->sqlstate, "22", 2) == 0) {
        text = "a value was refused";
    }

    ngx_log_error(level, c->pg->log, 0,
                  "postgres: statement \"%s\" failed: %s (%s)",
                  name, text, u->sqlstate);
}
