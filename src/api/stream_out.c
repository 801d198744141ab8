/*
 * Bytes on their way to the client of one event stream.  What many streams
 * send is in memory once; nginx gets the next buffers of a stream when it has
 * sent the ones before, and a client that does not read is closed when too
 * much waits for it.
 */

#include "stream.h"


#define HD_STREAM_PENDING  (256 * 1024)
#define HD_STREAM_SPARE    1024


static void hd_stream_flush(hd_stream_t *s);


static hd_stream_frame_t *
hd_stream_frame(size_t size)
{
    hd_stream_frame_t  *f;

    f = ngx_alloc(sizeof(hd_stream_frame_t) + size, hd_api.log);

    if (f) {
        f->refs = 1;
        f->len = 0;
    }

    return f;
}


void
hd_stream_frame_free(hd_stream_frame_t *f)
{
    if (--f->refs == 0) {
        ngx_free(f);
    }
}


hd_stream_frame_t *
hd_stream_frame_text(const char *fmt, uint64_t id)
{
    hd_stream_frame_t  *f;

    f = hd_stream_frame(ngx_strlen(fmt) + NGX_INT64_LEN);

    if (f) {
        f->len = ngx_sprintf(f->data, fmt, id) - f->data;
    }

    return f;
}


hd_stream_frame_t *
hd_stream_frame_event(hd_event_t *e)
{
    u_char             *p;
    hd_stream_frame_t  *f;

    f = hd_stream_frame(sizeof("id: \nevent: \ndata: \n\n") + NGX_INT64_LEN
                        + sizeof(e->type) + e->len);

    if (f) {
        p = ngx_sprintf(f->data, "id: %uL\nevent: %s\ndata: ", e->id,
                        e->type);
        p = ngx_cpymem(p, e->data, e->len);
        *p++ = '\n';
        *p++ = '\n';
        f->len = p - f->data;
    }

    return f;
}


void
hd_stream_push(hd_stream_t *s, hd_stream_frame_t *f)
{
    hd_stream_item_t  *item;

    s->spoke = ngx_current_msec;
    ngx_queue_remove(&s->idle);
    ngx_queue_insert_tail(&hd_streams.idle, &s->idle);

    item = hd_streams.spare;

    if (item) {
        hd_streams.spare = item->next;
        hd_streams.nspare--;

    } else {
        item = ngx_alloc(sizeof(hd_stream_item_t), hd_api.log);
        if (item == NULL) {
            return;
        }
    }

    ngx_memzero(item, sizeof(hd_stream_item_t));

    f->refs++;
    item->frame = f;
    item->buf.pos = f->data;
    item->buf.last = f->data + f->len;
    item->buf.memory = 1;
    item->buf.flush = 1;
    item->link.buf = &item->buf;

    *s->last = item;
    s->last = &item->next;
    s->pending += f->len;

    if (s->held == NULL) {
        s->held = item;
    }

    if (!s->is_dirty) {
        s->is_dirty = 1;
        ngx_queue_insert_tail(&hd_streams.dirty, &s->dirty);
    }
}


static void
hd_stream_pop(hd_stream_t *s)
{
    hd_stream_item_t  *item;

    item = s->items;
    s->items = item->next;

    if (s->items == NULL) {
        s->last = &s->items;
    }

    if (s->held == item) {
        s->held = item->next;
    }

    s->pending -= item->frame->len;
    hd_stream_frame_free(item->frame);

    if (hd_streams.nspare == HD_STREAM_SPARE) {
        ngx_free(item);
        return;
    }

    item->next = hd_streams.spare;
    hd_streams.spare = item;
    hd_streams.nspare++;
}


void
hd_stream_empty(hd_stream_t *s)
{
    while (s->items) {
        hd_stream_pop(s);
    }
}


/*
 * NGX_OK: all is sent; NGX_AGAIN: hd_stream_writable goes on; NGX_ERROR: the
 * client has gone.
 */
static ngx_int_t
hd_stream_output(hd_stream_t *s)
{
    ngx_int_t                  rc;
    ngx_event_t               *wev;
    ngx_chain_t               *out;
    ngx_connection_t          *c;
    hd_stream_item_t          *item;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = s->req->r;
    c = r->connection;
    wev = c->write;
    out = NULL;

    if (!r->buffered && !c->buffered && s->held) {
        out = &s->held->link;

        for (item = s->held; item->next; item = item->next) {
            item->link.next = &item->next->link;
        }

        s->held = NULL;
    }

    if (out || r->buffered || c->buffered) {
        rc = ngx_http_output_filter(r, out);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    while (s->items && s->items != s->held
           && ngx_buf_size(&s->items->buf) == 0)
    {
        hd_stream_pop(s);
    }

    if (!r->buffered && !c->buffered) {
        if (wev->timer_set) {
            ngx_del_timer(wev);
        }

        return NGX_OK;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (!wev->delayed && !wev->timer_set) {
        ngx_add_timer(wev, clcf->send_timeout);
    }

    return ngx_handle_write_event(wev, clcf->send_lowat) == NGX_OK
           ? NGX_AGAIN : NGX_ERROR;
}


/* may close the stream */

static void
hd_stream_flush(hd_stream_t *s)
{
    ngx_int_t  rc;

    do {
        rc = hd_stream_output(s);
    } while (rc == NGX_OK && s->held);

    if (rc == NGX_ERROR) {
        hd_stream_close(s, NGX_ERROR);
        return;
    }

    if (s->pending > HD_STREAM_PENDING) {
        ngx_log_error(NGX_LOG_INFO, s->req->r->connection->log, 0,
                      "herald: an event stream was closed: %uz bytes wait "
                      "for its client", s->pending);
        hd_stream_close(s, NGX_ERROR);
    }
}


void
hd_stream_flush_dirty(void)
{
    hd_stream_t  *s;
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&hd_streams.dirty)) {
        q = ngx_queue_head(&hd_streams.dirty);
        s = ngx_queue_data(q, hd_stream_t, dirty);

        ngx_queue_remove(q);
        s->is_dirty = 0;

        hd_stream_flush(s);
    }
}


void
hd_stream_writable(ngx_http_request_t *r)
{
    hd_req_t     *req;
    hd_stream_t  *s;

    req = hd_req_of(r);
    s = req->ctx;

    if (r->connection->write->timedout) {
        r->connection->timedout = 1;
        hd_stream_close(s, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    hd_stream_flush(s);
}


void
hd_stream_close(hd_stream_t *s, ngx_int_t rc)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = s->req->r;
    c = r->connection;

    hd_stream_detach(s);

    if (rc == NGX_OK) {
        rc = ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    s->req->waiting = 0;
    r->keepalive = 0;

    /* frees the stream */
    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


void
hd_stream_out_exit(void)
{
    hd_stream_item_t  *item;

    while (hd_streams.spare) {
        item = hd_streams.spare;
        hd_streams.spare = item->next;
        ngx_free(item);
    }

    hd_streams.nspare = 0;
}
