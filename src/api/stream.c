/*
 * Event streams: GET /api/v1/events.  What is published stands in a ring in
 * shared memory; each worker walks it once, with one cursor, and gives an
 * event to its own subscribers of that organisation only.
 *
 *   hd_publish ─> ring ─> lap ─┬─> this worker's subscribers
 *                              └─> eventfd of every other worker with streams
 */

#include "stream.h"


#define HD_STREAM_ORG_MAX  200
#define HD_STREAM_REPLAY   (192 * 1024)
#define HD_STREAM_SILENCE  15000
/* events in one turn of the loop */
#define HD_STREAM_TURN     512


hd_streams_t  hd_streams;


static void hd_stream_lap(void *data);
static void hd_stream_keep_alive(hd_timer_t *t, void *data);
static void hd_stream_cleanup(void *data);


/* ── start and end of the worker ── */

ngx_int_t
hd_stream_init(void)
{
    ngx_memzero(&hd_streams, sizeof(hd_streams_t));

    ngx_queue_init(&hd_streams.idle);
    ngx_queue_init(&hd_streams.dirty);

    hd_lap_init(&hd_streams.lap, hd_stream_lap, NULL, hd_api.log);
    hd_timer_init(&hd_streams.timer, hd_stream_keep_alive, NULL, 1,
                  hd_api.log);

    hd_streams.ping = hd_stream_frame_text(":\n\n", 0);
    if (hd_streams.ping == NULL) {
        return NGX_ERROR;
    }

    hd_streams.ready = 1;

    return NGX_OK;
}


void
hd_stream_exit(void)
{
    if (!hd_streams.ready) {
        return;
    }

    hd_streams.ready = 0;

    hd_lap_cancel(&hd_streams.lap);
    hd_timer_clear(&hd_streams.timer);

    hd_stream_out_exit();
}


static void
hd_stream_close_all(void)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&hd_streams.idle)) {
        q = ngx_queue_head(&hd_streams.idle);
        hd_stream_close(ngx_queue_data(q, hd_stream_t, idle), NGX_OK);
    }
}


void
hd_stream_quit(void)
{
    hd_streams.quitting = 1;

    hd_stream_close_all();
    hd_timer_clear(&hd_streams.timer);
}


/* ── publishing ── */

void
hd_publish(const hd_uuid_t *org, const char *type, hd_buf_t *data)
{
    u_char    cut[sizeof("{\"id\":\"\",\"truncated\":true}") + 36];
    u_char   *p;
    size_t    len;

    if (data->failed || !hd_streams.ready) {
        return;
    }

    p = data->data;
    len = data->len;

    if (len > HD_EVENT_MAX) {

        /* the id comes first: enough to ask for the rest */

        if (ngx_strncmp(p, "{\"id\":\"", 7) != 0) {
            ngx_log_error(NGX_LOG_ALERT, hd_api.log, 0,
                          "herald: an event \"%s\" of %uz bytes was not "
                          "published", type, len);
            return;
        }

        len = ngx_sprintf(cut, "%*s\",\"truncated\":true}", (size_t) 43, p)
              - cut;
        p = cut;
    }

    (void) hd_event_publish(hd_api.shm, org, type, p, len);
    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_events_published, 1);

    hd_streams.published = 1;
    hd_lap_post(&hd_streams.lap);
}


static void
hd_stream_lap(void *data)
{
    uint32_t   i;
    hd_slot_t  slot;

    if (hd_streams.published) {
        hd_streams.published = 0;

        for (i = 0; i < HD_SLOTS; i++) {
            if (i != hd_api.slot && hd_slot_read(hd_api.shm, i, &slot)
                && slot.streams)
            {
                hd_wake_send(hd_api.wake, slot.worker);
            }
        }
    }

    hd_stream_wake();
}


/* ── who subscribes ── */

static hd_stream_org_t **
hd_stream_bucket(const hd_uuid_t *org)
{
    uint32_t  i;

    /* the end of a UUIDv7 is random */
    ngx_memcpy(&i, org->b + 12, sizeof(uint32_t));

    return &hd_streams.buckets[i & (HD_STREAM_BUCKETS - 1)];
}


static hd_stream_org_t *
hd_stream_org(const hd_uuid_t *org)
{
    hd_stream_org_t  *o;

    for (o = *hd_stream_bucket(org); o; o = o->next) {
        if (hd_uuid_eq(&o->id, org)) {
            return o;
        }
    }

    return NULL;
}


static ngx_int_t
hd_stream_attach(hd_stream_t *s)
{
    hd_stream_org_t  *o, **bucket;

    o = hd_stream_org(&s->req->who.org);

    if (o == NULL) {
        o = ngx_calloc(sizeof(hd_stream_org_t), hd_api.log);
        if (o == NULL) {
            return NGX_ERROR;
        }

        o->id = s->req->who.org;
        ngx_queue_init(&o->streams);

        bucket = hd_stream_bucket(&o->id);
        o->next = *bucket;
        *bucket = o;
    }

    o->n++;
    s->org = o;
    s->spoke = ngx_current_msec;

    ngx_queue_insert_tail(&o->streams, &s->queue);
    ngx_queue_insert_tail(&hd_streams.idle, &s->idle);

    if (hd_streams.n++ == 0) {
        hd_timer_set(&hd_streams.timer, HD_STREAM_SILENCE);
    }

    hd_slot_streams(hd_api.shm, hd_api.slot, 1);

    return NGX_OK;
}


void
hd_stream_detach(hd_stream_t *s)
{
    hd_stream_org_t  *o, **p;

    o = s->org;

    if (o == NULL) {
        return;
    }

    s->org = NULL;

    ngx_queue_remove(&s->queue);
    ngx_queue_remove(&s->idle);

    if (s->is_dirty) {
        ngx_queue_remove(&s->dirty);
        s->is_dirty = 0;
    }

    if (--o->n == 0) {
        for (p = hd_stream_bucket(&o->id); *p != o; p = &(*p)->next) {
            /* void */
        }

        *p = o->next;
        ngx_free(o);
    }

    if (--hd_streams.n == 0) {
        hd_timer_clear(&hd_streams.timer);
    }

    hd_slot_streams(hd_api.shm, hd_api.slot, -1);
}


static void
hd_stream_cleanup(void *data)
{
    hd_stream_t  *s = data;

    hd_stream_detach(s);
    hd_stream_empty(s);
}


/* ── the ring ── */

static void
hd_stream_to_all(hd_stream_frame_t *f, uint64_t seen)
{
    hd_stream_t  *s;
    ngx_uint_t    n;
    ngx_queue_t  *q;

    /* each goes to the tail */

    for (n = hd_streams.n; n; n--) {
        q = ngx_queue_head(&hd_streams.idle);
        s = ngx_queue_data(q, hd_stream_t, idle);

        if (seen) {
            s->seen = seen;
        }

        hd_stream_push(s, f);
    }
}


static void
hd_stream_deliver(hd_event_t *e)
{
    hd_stream_t        *s;
    ngx_queue_t        *q;
    hd_stream_org_t    *o;
    hd_stream_frame_t  *f;

    o = hd_stream_org(&e->org);
    if (o == NULL) {
        return;
    }

    f = hd_stream_frame_event(e);
    if (f == NULL) {
        return;
    }

    for (q = ngx_queue_head(&o->streams);
         q != ngx_queue_sentinel(&o->streams);
         q = ngx_queue_next(q))
    {
        s = ngx_queue_data(q, hd_stream_t, queue);

        if (e->id > s->seen) {
            s->seen = e->id;
            hd_stream_push(s, f);
        }
    }

    hd_stream_frame_free(f);
}


#define HD_STREAM_RESET  "id: %uL\nevent: reset\ndata: {}\n\n"


void
hd_stream_wake(void)
{
    int                 rc;
    ngx_uint_t          n;
    hd_stream_frame_t  *f;

    if (!hd_streams.ready || hd_streams.n == 0) {
        return;
    }

    if (hd_auth_epoch(hd_api.shm) != hd_streams.epoch) {

        /* some credential is gone: those that are not come back at once */

        hd_stream_close_all();
        return;
    }

    for (n = 0; n < HD_STREAM_TURN; n++) {
        rc = hd_event_next(hd_api.shm, &hd_streams.cursor,
                           &hd_streams.event);

        if (rc == 0) {
            break;
        }

        if (rc > 0) {
            hd_stream_deliver(&hd_streams.event);
            continue;
        }

        f = hd_stream_frame_text(HD_STREAM_RESET, hd_streams.cursor);

        if (f) {
            hd_stream_to_all(f, hd_streams.cursor);
            hd_stream_frame_free(f);
        }
    }

    if (n == HD_STREAM_TURN) {
        hd_lap_post(&hd_streams.lap);
    }

    hd_stream_flush_dirty();
}


static void
hd_stream_keep_alive(hd_timer_t *t, void *data)
{
    ngx_msec_t    due;
    ngx_queue_t  *q;
    hd_stream_t  *s;

    while (!ngx_queue_empty(&hd_streams.idle)) {
        q = ngx_queue_head(&hd_streams.idle);
        s = ngx_queue_data(q, hd_stream_t, idle);

        due = s->spoke + HD_STREAM_SILENCE;

        if ((ngx_msec_int_t) (due - ngx_current_msec) > 0) {
            hd_timer_set(t, due - ngx_current_msec);
            break;
        }

        if (s->req->who.expires && s->req->who.expires <= ngx_time()) {
            hd_stream_close(s, NGX_OK);
            continue;
        }

        hd_stream_push(s, hd_streams.ping);
    }

    hd_stream_flush_dirty();
}


/* ── the route ── */

static hd_str_t
hd_stream_last_id(hd_req_t *req)
{
    hd_str_t          value;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &req->r->headers_in.headers.part;

    for ( /* void */ ; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].key.len == sizeof("Last-Event-ID") - 1
                && ngx_strncmp(h[i].lowcase_key, "last-event-id",
                               sizeof("Last-Event-ID") - 1)
                   == 0)
            {
                value.len = h[i].value.len;
                value.data = h[i].value.data;
                return value;
            }
        }
    }

    return hd_query(req, "last_event_id");
}


/* what came after `id`, as far as the shared cursor and beyond */

static void
hd_stream_replay(hd_stream_t *s, const hd_str_t *text)
{
    int                 rc;
    off_t               id;
    uint64_t            cursor;
    hd_event_t         *e;
    hd_stream_frame_t  *f;

    e = &hd_streams.event;
    id = ngx_atoof(text->data, text->len);
    cursor = (id == NGX_ERROR) ? 0 : (uint64_t) id;

    for ( ;; ) {
        rc = hd_event_next(hd_api.shm, &cursor, e);

        if (rc == 0) {
            s->seen = cursor;
            return;
        }

        if (rc < 0) {
            break;
        }

        if (!hd_uuid_eq(&e->org, &s->req->who.org)) {
            continue;
        }

        f = hd_stream_frame_event(e);
        if (f == NULL) {
            continue;
        }

        hd_stream_push(s, f);
        hd_stream_frame_free(f);

        if (s->pending > HD_STREAM_REPLAY) {
            /* reading everything anew is cheaper than this */
            cursor = hd_event_newest(hd_api.shm);
            break;
        }
    }

    hd_stream_empty(s);

    s->seen = cursor;
    f = hd_stream_frame_text("retry: 2000\n" HD_STREAM_RESET, cursor);

    if (f) {
        hd_stream_push(s, f);
        hd_stream_frame_free(f);
    }
}


static void
hd_stream_hello(hd_stream_t *s)
{
    hd_str_t            last;
    hd_stream_frame_t  *f;

    last = hd_stream_last_id(s->req);

    if (last.len) {
        f = hd_stream_frame_text("retry: 2000\n\n", 0);

    } else {
        /* the id even before the first event: nothing is missed by a client
         * that must come back early */

        s->seen = hd_event_newest(hd_api.shm);
        f = hd_stream_frame_text("retry: 2000\nid: %uL\n\n", s->seen);
    }

    if (f) {
        hd_stream_push(s, f);
        hd_stream_frame_free(f);
    }

    if (last.len) {
        hd_stream_replay(s, &last);
    }
}


static ngx_int_t
hd_stream_header(hd_req_t *req)
{
    hd_str_t                   value;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = req->r;

    r->headers_out.status = NGX_HTTP_OK;
    ngx_str_set(&r->headers_out.content_type, "text/event-stream");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_http_clear_content_length(r);

    hd_str_set(&value, "no-store");
    (void) hd_req_header(r, "Cache-Control", &value);
    hd_str_set(&value, "no");
    (void) hd_req_header(r, "X-Accel-Buffering", &value);

#if (NGX_HTTP_GZIP)
    /* a compressor would hold events back */
    r->gzip_tested = 1;
    r->gzip_ok = 0;
#endif

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->tcp_nodelay
#if (NGX_HTTP_V2)
        && r->stream == NULL
#endif
        && ngx_tcp_nodelay(r->connection) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_send_header(r);
}


void
hd_stream_start(hd_req_t *req)
{
    ngx_int_t            rc;
    hd_stream_t         *s;
    hd_stream_org_t     *o;
    ngx_http_request_t  *r;
    ngx_http_cleanup_t  *cln;

    r = req->r;

    if (hd_streams.quitting) {
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "restarting",
                         "This server process is being replaced. Connect "
                         "again.", 1);
        return;
    }

    o = hd_stream_org(&req->who.org);

    if (o && o->n >= HD_STREAM_ORG_MAX) {
        hd_problem_retry(req, NGX_HTTP_TOO_MANY_REQUESTS, "too_many_streams",
                         "Your organisation has too many event streams open. "
                         "Close some, or share one between windows.", 30);
        return;
    }

    s = ngx_pcalloc(r->pool, sizeof(hd_stream_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (s == NULL || cln == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    cln->handler = hd_stream_cleanup;
    cln->data = s;

    s->req = req;
    s->last = &s->items;
    req->ctx = s;

    rc = hd_stream_header(req);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        req->waiting = 0;
        ngx_http_finalize_request(r, rc);
        return;
    }

    /* the others first, up to what is new for this one */

    if (hd_streams.n) {
        hd_stream_wake();
    }

    if (hd_streams.n == 0) {
        hd_streams.cursor = hd_event_newest(hd_api.shm);
        hd_streams.epoch = hd_auth_epoch(hd_api.shm);
    }

    if (hd_stream_attach(s) != NGX_OK) {
        req->waiting = 0;
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    r->read_event_handler = ngx_http_test_reading;
    r->write_event_handler = hd_stream_writable;

    hd_stream_hello(s);
    hd_stream_flush_dirty();
}


ngx_uint_t
hd_stream_count(void)
{
    return hd_streams.n;
}
