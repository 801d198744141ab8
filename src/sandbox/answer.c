/*
 * Answers.  A message's answer waits for the end of the loop turn, so that the
 * ledger's lines of all requests of the turn go out in one write(2) and still
 * before any of the answers.  With a latency it waits longer; a request that
 * is to hang waits until its client leaves, for two minutes at most.
 *
 *   hd_sb_answer_later -> answers -> (flush) -> answered | reset
 *                                       `-> waiting -> (timer) -> the same
 */

#include "sandbox.h"


#define HD_SB_HANG  120000             /* ms */


static void hd_sb_answer_flush(ngx_event_t *ev);
static void hd_sb_answer_do(hd_sb_answer_t *a);
static void hd_sb_answer_wait(hd_sb_answer_t *a);
static void hd_sb_answer_timer(ngx_event_t *ev);
static void hd_sb_answer_cleanup(void *data);


void
hd_sb_answer_later(ngx_http_request_t *r, hd_sb_answer_t *a)
{
    ngx_http_cleanup_t  *cln;

    cln = ngx_http_cleanup_add(r, 0);
    if (cln == NULL) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    cln->handler = hd_sb_answer_cleanup;
    cln->data = a;

    a->request = r;
    a->queued = 1;
    ngx_queue_insert_tail(&hd_sb.answers, &a->queue);

    if (!hd_sb.flush.posted) {
        hd_sb.flush.handler = hd_sb_answer_flush;
        hd_sb.flush.log = ngx_cycle->log;
        ngx_post_event(&hd_sb.flush, &ngx_posted_events);
    }
}


static void
hd_sb_answer_flush(ngx_event_t *ev)
{
    ngx_queue_t      now, *q;
    hd_sb_answer_t  *a;

    hd_sb_ledger_flush();

    if (ngx_queue_empty(&hd_sb.answers)) {
        return;
    }

    /* what comes in meanwhile waits for its own turn of the ledger */

    ngx_queue_init(&now);
    ngx_queue_add(&now, &hd_sb.answers);
    ngx_queue_init(&hd_sb.answers);

    while (!ngx_queue_empty(&now)) {
        q = ngx_queue_head(&now);
        a = ngx_queue_data(q, hd_sb_answer_t, queue);

        ngx_queue_remove(q);
        a->queued = 0;

        if (a->delay > 0 || a->what == HD_SB_DO_HANG) {
            hd_sb_answer_wait(a);

        } else {
            hd_sb_answer_do(a);
        }
    }
}


static void
hd_sb_answer_do(hd_sb_answer_t *a)
{
    ngx_int_t            rc;
    struct linger        linger;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = a->request;
    c = r->connection;

    if (a->what == HD_SB_DO_ANSWER) {
        rc = hd_sb_answer_now(r, a->status, &a->body);

    } else {
        linger.l_onoff = 1;
        linger.l_linger = 0;

        if (setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger))
            == -1)
        {
            ngx_log_error(NGX_LOG_ERR, c->log, ngx_socket_errno,
                          "setsockopt(SO_LINGER) failed");
        }

        rc = NGX_HTTP_CLOSE;
    }

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


static void
hd_sb_answer_wait(hd_sb_answer_t *a)
{
    ngx_http_request_t  *r;

    r = a->request;

    a->queued = 1;
    ngx_queue_insert_tail(&hd_sb.waiting, &a->queue);

    /* a client that leaves is noticed */

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    a->timer.handler = hd_sb_answer_timer;
    a->timer.data = r->connection;
    a->timer.log = r->connection->log;

    /* an answer under way is waited for at quit, a hanging one is not */

    a->timer.cancelable = (a->what == HD_SB_DO_HANG);

    ngx_add_timer(&a->timer,
                  a->what == HD_SB_DO_HANG ? HD_SB_HANG : a->delay);
}


static void
hd_sb_answer_timer(ngx_event_t *ev)
{
    hd_sb_answer_t  *a;

    a = (hd_sb_answer_t *) ((u_char *) ev - offsetof(hd_sb_answer_t, timer));

    ngx_queue_remove(&a->queue);
    a->queued = 0;

    hd_sb_answer_do(a);
}


static void
hd_sb_answer_cleanup(void *data)
{
    hd_sb_answer_t *a = data;

    if (a->queued) {
        ngx_queue_remove(&a->queue);
        a->queued = 0;
    }

    if (a->timer.timer_set) {
        ngx_del_timer(&a->timer);
    }
}


ngx_int_t
hd_sb_answer_now(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *body)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    if (r->request_body == NULL) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;
    ngx_str_set(&r->headers_out.content_type,
                "application/json; charset=UTF-8");
    r->headers_out.content_type_len = sizeof("application/json") - 1;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* A worker leaves: what waits is closed, lest its sockets be left open. */

void
hd_sb_answer_exit(void)
{
    ngx_queue_t       *q;
    hd_sb_answer_t    *a;
    ngx_connection_t  *c;

    hd_sb_ledger_flush();

    if (hd_sb.flush.posted) {
        ngx_delete_posted_event(&hd_sb.flush);
    }

    if (!ngx_queue_empty(&hd_sb.answers)) {
        ngx_queue_add(&hd_sb.waiting, &hd_sb.answers);
        ngx_queue_init(&hd_sb.answers);
    }

    while (!ngx_queue_empty(&hd_sb.waiting)) {
        q = ngx_queue_head(&hd_sb.waiting);
        a = ngx_queue_data(q, hd_sb_answer_t, queue);
        ngx_queue_remove(q);
        a->queued = 0;

        c = a->request->connection;
        ngx_http_finalize_request(a->request, NGX_HTTP_CLOSE);
        ngx_http_run_posted_requests(c);
    }
}
