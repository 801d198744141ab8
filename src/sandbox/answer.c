/*
 * Answers.  A message's answer waits for the end of the loop turn, so that the
 * ledger's lines of all requests of the turn go out in one write(2) and still
 * before any of the answers.  With a latency it waits longer; a request that
 * is to hang waits until its client leaves, for two minutes at most.
 *
 *   hd_sb_answer_later -> answers -> (flush) -> answered | reset | dropped
 *                                       `-> waiting -> (timer) -> the same
 *
 * An answer that trickles does so by nginx's own limit_rate; one that is huge
 * is a chain of buffers over one block of spaces before the true body.
 */

#include "sandbox.h"


#define HD_SB_HANG  120000             /* ms */
#define HD_SB_PAD   262144


static void hd_sb_answer_flush(ngx_event_t *ev);
static void hd_sb_answer_do(hd_sb_answer_t *a);
static void hd_sb_answer_wait(hd_sb_answer_t *a);
static void hd_sb_answer_timer(ngx_event_t *ev);
static void hd_sb_answer_cleanup(void *data);
static ngx_int_t hd_sb_answer_give(hd_sb_answer_t *a);
static ngx_int_t hd_sb_answer_body(ngx_http_request_t *r, ngx_str_t *body,
    int64_t pad);


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
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = a->request;
    c = r->connection;

    switch (a->what) {

    case HD_SB_DO_ANSWER:
        rc = hd_sb_answer_give(a);
        break;

    case HD_SB_DO_DROP:
        rc = NGX_HTTP_CLOSE;
        break;

    default:
        rc = hd_sb_fault_reset(r);
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


/* an answer with what faults may have made of it */

static ngx_int_t
hd_sb_answer_give(hd_sb_answer_t *a)
{
    ngx_table_elt_t     *h;
    ngx_http_request_t  *r;

    r = a->request;

    if (a->trickle > 0) {
        r->limit_rate = (size_t) a->trickle;
        r->limit_rate_set = 1;
        r->limit_rate_after = 0;
        r->limit_rate_after_set = 1;

        /* what went before this answer was no part of it */
        r->start_sec = ngx_time();
        r->connection->sent = 0;
    }

    if (a->retry_after > 0) {
        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        h->hash = 0;
        ngx_str_set(&h->key, "Retry-After");

        h->value.data = ngx_pnalloc(r->pool, NGX_INT64_LEN);
        if (h->value.data == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        h->value.len = ngx_sprintf(h->value.data, "%L", a->retry_after)
                       - h->value.data;
        h->hash = 1;
    }

    if (a->text) {
        ngx_str_set(&r->headers_out.content_type, "text/html");
        r->headers_out.content_type_len = sizeof("text/html") - 1;
    }

    r->headers_out.status = a->status;

    return hd_sb_answer_body(r, &a->body, a->pad);
}


ngx_int_t
hd_sb_answer_now(ngx_http_request_t *r, ngx_uint_t status, ngx_str_t *body)
{
    r->headers_out.status = status;

    return hd_sb_answer_body(r, body, 0);
}


/* so many spaces, then the body */

static ngx_int_t
hd_sb_answer_body(ngx_http_request_t *r, ngx_str_t *body, int64_t pad)
{
    u_char       *spaces;
    int64_t       n;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t  *out, *cl, **last;

    if (r->request_body == NULL) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    r->headers_out.content_length_n = (off_t) body->len + pad;

    if (r->headers_out.content_type.len == 0) {
        ngx_str_set(&r->headers_out.content_type,
                    "application/json; charset=UTF-8");
        r->headers_out.content_type_len = sizeof("application/json") - 1;
    }

    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    spaces = NULL;
    last = &out;

    if (pad > 0) {
        spaces = ngx_palloc(r->pool, HD_SB_PAD);
        if (spaces == NULL) {
            return NGX_ERROR;
        }

        ngx_memset(spaces, ' ', HD_SB_PAD);
    }

    for ( ;; ) {
        b = ngx_calloc_buf(r->pool);
        cl = ngx_alloc_chain_link(r->pool);

        if (b == NULL || cl == NULL) {
            return NGX_ERROR;
        }

        n = ngx_min(pad, HD_SB_PAD);

        b->pos = n ? spaces : body->data;
        b->last = b->pos + (n ? (size_t) n : body->len);
        b->memory = 1;

        cl->buf = b;
        cl->next = NULL;
        *last = cl;
        last = &cl->next;

        if (n == 0) {
            break;
        }

        pad -= n;
    }

    b->last_buf = 1;
    b->last_in_chain = 1;

    return ngx_http_output_filter(r, out);
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
