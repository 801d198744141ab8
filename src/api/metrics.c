/*
 * /metrics in Prometheus' text format, and readiness.  Counters and what the
 * scheduler does are the same whichever worker answers; what only one worker
 * knows of itself carries its number as a label.
 */

#include "ingress.h"
#include "stream.h"


/* the scheduler's heart beats every second */
#define HD_READY_SILENCE  5000


static ngx_int_t
hd_metrics_begin(ngx_http_request_t *r)
{
    hd_str_t   value;
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        hd_str_set(&value, "GET, HEAD");
        (void) hd_req_header(r, "Allow", &value);
        return NGX_HTTP_NOT_ALLOWED;
    }

    hd_str_set(&value, "no-store");

    return hd_req_header(r, "Cache-Control", &value) == NGX_OK
           ? NGX_OK : NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* the bytes are copied into the request's pool and the buffer is freed */

static ngx_int_t
hd_metrics_send(ngx_http_request_t *r, ngx_uint_t status, const char *type,
    hd_buf_t *text)
{
    u_char       *p;
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    b = NULL;
    p = text->failed ? NULL : ngx_pnalloc(r->pool, text->len);

    if (p) {
        b = ngx_calloc_buf(r->pool);
    }

    if (b == NULL) {
        hd_buf_free(text);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = p;
    b->last = ngx_cpymem(p, text->data, text->len);
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    hd_buf_free(text);

    r->headers_out.status = status;
    r->headers_out.content_length_n = b->last - b->pos;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
hd_metrics_head(hd_buf_t *b, const char *name, const char *type,
    const char *help)
{
    hd_buf_printf(b, "# HELP herald_%s %s\n# TYPE herald_%s %s\n", name, help,
                  name, type);
}


static void
hd_metrics_one(hd_buf_t *b, const char *name, const char *help, int64_t value)
{
    hd_metrics_head(b, name, "gauge", help);
    hd_buf_printf(b, "herald_%s %lld\n", name, (long long) value);
}


static void
hd_metrics_worker(hd_buf_t *b, const char *name, const char *help,
    ngx_uint_t value)
{
    hd_metrics_head(b, name, "gauge", help);
    hd_buf_printf(b, "herald_%s{worker=\"%u\"} %lu\n", name,
                  (unsigned) ngx_worker, (unsigned long) value);
}


static void
hd_metrics_counters(hd_buf_t *b)
{
    ngx_uint_t    i;
    const char   *name;

    static const char  *help[] = {
        [HD_COUNT_api_requests] = "API requests.",
        [HD_COUNT_api_errors] = "API answers of 400 and above.",
        [HD_COUNT_ingress_requests] = "Webhook requests.",
        [HD_COUNT_ingress_refused] = "Webhook requests not answered with 200.",
        [HD_COUNT_ingress_events] = "Webhook elements committed.",
        [HD_COUNT_ingress_commits] = "Transactions these shared.",
        [HD_COUNT_sends] = "Messages written to a provider.",
        [HD_COUNT_accepted] = "Messages a provider accepted.",
        [HD_COUNT_rejected] = "Messages a provider refused.",
        [HD_COUNT_unknown] = "Attempts whose outcome was not learnt.",
        [HD_COUNT_retried] = "Attempts put back to be tried again.",
        [HD_COUNT_fence_refused] = "Results of a former owner, refused.",
        [HD_COUNT_events_published] = "Events for the streams.",
        [HD_COUNT_skipped] = "Messages that a gate left out for good.",
        [HD_COUNT_deferred] = "Messages that a gate put off.",
        [HD_COUNT_breaker_opened] = "Times a provider stopped answering.",
        [HD_COUNT_auto_paused] = "Pauses that nobody asked for.",
        [HD_COUNT_statuses] = "Statuses that providers told.",
        [HD_COUNT_inbound] = "Messages that people wrote.",
        [HD_COUNT_logins] = "Sign-ins.",
        [HD_COUNT_spool_written] = "Webhooks written to the spool.",
        [HD_COUNT_spool_syncs] = "Writes to disk that these shared.",
        [HD_COUNT_spool_replayed] = "Webhooks stored from the spool.",
        [HD_COUNT_spool_failed] = "Webhooks that the spool could not take.",
        [HD_COUNT_spool_bad] = "Spooled webhooks put aside in bad/.",
        [HD_COUNT_logins_refused] = "Sign-ins refused."
    };

    for (i = 0; i < HD_COUNT_MAX; i++) {
        name = hd_counter_name(i);

        hd_buf_printf(b, "# HELP herald_%s_total %s\n"
                         "# TYPE herald_%s_total counter\n"
                         "herald_%s_total %llu\n",
                      name,
                      i < sizeof(help) / sizeof(help[0]) && help[i]
                      ? help[i] : "Since nginx was started.",
                      name, name,
                      (unsigned long long) hd_counter_sum(hd_api.shm, i));
    }
}


static int64_t
hd_metrics_age(const hd_control_t *c)
{
    ngx_msec_int_t  age;

    if (c->owner == 0) {
        return -1;
    }

    age = (ngx_msec_int_t) (ngx_current_msec - (ngx_msec_t) c->heartbeat_ms);

    return ngx_max(age, 0);
}


static void
hd_metrics_scheduler(hd_buf_t *b)
{
    int64_t       age;
    hd_control_t  c;

    hd_control_read(hd_api.shm, &c);
    age = hd_metrics_age(&c);

    hd_metrics_one(b, "scheduler_epoch",
                   "Rises with each start of the scheduler.", c.epoch);

    hd_metrics_head(b, "scheduler_heartbeat_age_seconds", "gauge",
                    "Since the scheduler was last heard; -1: never.");

    if (age < 0) {
        hd_buf_z(b, "herald_scheduler_heartbeat_age_seconds -1\n");

    } else {
        hd_buf_printf(b, "herald_scheduler_heartbeat_age_seconds "
                         "%lld.%03lld\n",
                      (long long) age / 1000, (long long) age % 1000);
    }

    hd_metrics_one(b, "scheduler_crashes",
                   "Restarts of the scheduler in this configuration.",
                   c.crashes);
    hd_metrics_one(b, "scheduler_rebuilt",
                   "1 when the timers were read from PostgreSQL.",
                   hd_rebuilt(hd_api.shm));
    hd_metrics_one(b, "held",
                   "1 when the database is a restored copy: nothing is sent.",
                   hd_held(hd_api.shm));
    hd_metrics_one(b, "scheduler_timers", "Timers in the wheel.",
                   hd_wheel_count(hd_api.shm));
    hd_metrics_one(b, "scheduler_timers_room", "Timers that it can hold.",
                   hd_wheel_room(hd_api.shm));
}


/* what is under way; each state of a broadcast has its line, also with none */
static void
hd_metrics_sending(hd_buf_t *b)
{
    uint32_t        i;
    uint64_t        n[HD_CAMPAIGN_CANCELLED + 1];
    hd_campaign_t   c;

    static const char  *states[HD_CAMPAIGN_CANCELLED + 1] = {
        [HD_CAMPAIGN_RUNNING] = "running",
        [HD_CAMPAIGN_PAUSED] = "paused",
        [HD_CAMPAIGN_CANCELLED] = "cancelled"
    };

    ngx_memzero(n, sizeof(n));

    for (i = 0; i < HD_CAMPAIGNS; i++) {
        if (hd_campaign_read(hd_api.shm, i, &c)
            && c.state <= HD_CAMPAIGN_CANCELLED)
        {
            n[c.state]++;
        }
    }

    hd_metrics_head(b, "campaigns", "gauge",
                    "Broadcasts that the scheduler has in hand.");

    for (i = HD_CAMPAIGN_RUNNING; i <= HD_CAMPAIGN_CANCELLED; i++) {
        hd_buf_printf(b, "herald_campaigns{state=\"%s\"} %llu\n", states[i],
                      (unsigned long long) n[i]);
    }

    hd_metrics_one(b, "attempts_open",
                   "Messages on their way to a provider, outcome not yet "
                   "committed.", hd_attempt_count(hd_api.shm));
}


/* whole milliseconds as seconds: 500 is 0.5, 5000 is 5 */
static void
hd_metrics_seconds(hd_buf_t *b, uint64_t ms)
{
    u_char  text[32], *end;

    end = ngx_sprintf(text, "%uL.%03uL", ms / 1000, ms % 1000);

    while (end[-1] == '0') {
        end--;
    }

    if (end[-1] == '.') {
        end--;
    }

    hd_buf_add(b, text, end - text);
}


/* all numbers together: none of them is named here */
static void
hd_metrics_numbers(hd_buf_t *b)
{
    int32_t            step;
    int64_t            now;
    uint32_t           i, k;
    uint64_t           open, slow, waiting, count, ms, late[HD_LATE_STEPS];
    hd_bucket_state_t  s;

    now = hd_mono_us();
    open = 0;
    slow = 0;
    waiting = 0;
    count = 0;
    ms = 0;
    ngx_memzero(late, sizeof(late));

    for (i = 0; hd_bucket_state(hd_api.shm, i, now, &s); i++) {
        open += s.open;
        slow += s.share < 1024;
        waiting += s.waiting;
        ms += s.late_ms;

        for (k = 0; k < HD_LATE_STEPS; k++) {
            late[k] += s.late[k];
        }
    }

    hd_metrics_one(b, "numbers", "Numbers that were sent from.", i);
    hd_metrics_one(b, "numbers_slowed",
                   "Numbers below their rate: a provider said too fast.",
                   slow);
    hd_metrics_one(b, "breaker_open",
                   "Numbers whose provider gives no answer.", open);
    hd_metrics_one(b, "replies_waiting",
                   "Replies that wait for a token of their number.", waiting);

    hd_metrics_head(b, "send_lateness_seconds", "histogram",
                    "From when a message was due until it was written.");

    for (k = 0; k < HD_LATE_STEPS; k++) {
        count += late[k];
        step = hd_late_step(k);

        hd_buf_z(b, "herald_send_lateness_seconds_bucket{le=\"");

        if (step < 0) {
            hd_buf_z(b, "+Inf");

        } else {
            hd_metrics_seconds(b, (uint64_t) step);
        }

        hd_buf_printf(b, "\"} %llu\n", (unsigned long long) count);
    }

    hd_buf_z(b, "herald_send_lateness_seconds_sum ");
    hd_metrics_seconds(b, ms);
    hd_buf_printf(b, "\nherald_send_lateness_seconds_count %llu\n",
                  (unsigned long long) count);
}


static void
hd_metrics_slots(hd_buf_t *b)
{
    uint32_t   i;
    uint64_t   workers, quitting, streams, grants;
    uint64_t   records, bytes;
    hd_slot_t  slot;

    workers = 0;
    quitting = 0;
    streams = 0;
    grants = 0;

    hd_spool_sum(&records, &bytes);

    for (i = 0; i < HD_SLOTS; i++) {
        if (hd_slot_read(hd_api.shm, i, &slot)) {
            workers++;
            quitting += slot.quitting ? 1 : 0;
            streams += slot.streams;
            grants += slot.grants;
        }
    }

    hd_metrics_one(b, "workers", "Workers, of old configurations too.",
                   workers);
    hd_metrics_one(b, "workers_quitting", "Workers that finish their work.",
                   quitting);
    hd_metrics_one(b, "streams", "Event streams open.", streams);
    hd_metrics_one(b, "grants", "Grants given and not ended.", grants);
    hd_metrics_one(b, "spool_records",
                   "Webhooks on disk that wait for PostgreSQL.", records);
    hd_metrics_one(b, "spool_bytes", "Their bytes.", bytes);
}


ngx_int_t
hd_metrics_handler(ngx_http_request_t *r)
{
    hd_buf_t   b;
    ngx_int_t  rc;

    rc = hd_metrics_begin(r);
    if (rc != NGX_OK) {
        return rc;
    }

    hd_buf_init(&b);

    hd_metrics_counters(&b);
    hd_metrics_scheduler(&b);
    hd_metrics_sending(&b);
    hd_metrics_numbers(&b);
    hd_metrics_slots(&b);

    hd_metrics_one(&b, "event_newest", "Id of the newest event.",
                   hd_event_newest(hd_api.shm));

    hd_metrics_worker(&b, "postgres_ready",
                      "Working connections to PostgreSQL of this worker.",
                      hd_pg_ready(hd_api.pg));
    hd_metrics_worker(&b, "postgres_pending",
                      "Units of this worker not yet answered.",
                      hd_pg_pending(hd_api.pg));
    hd_metrics_worker(&b, "worker_streams",
                      "Event streams of this worker.", hd_stream_count());
    hd_metrics_worker(&b, "ingress_waiting",
                      "Webhooks of this worker not yet committed.",
                      hd_hook_waiting());

    return hd_metrics_send(r, NGX_HTTP_OK,
                           "text/plain; version=0.0.4; charset=utf-8", &b);
}


ngx_int_t
hd_ready_handler(ngx_http_request_t *r)
{
    int64_t        age;
    hd_buf_t       b;
    hd_str_t       value;
    ngx_int_t      rc;
    const char    *why;
    hd_control_t   c;

    rc = hd_metrics_begin(r);
    if (rc != NGX_OK) {
        return rc;
    }

    hd_control_read(hd_api.shm, &c);
    age = hd_metrics_age(&c);
    why = NULL;

    if (hd_pg_ready(hd_api.pg) == 0) {
        why = "PostgreSQL cannot be reached";

    } else if (age < 0 || age > HD_READY_SILENCE) {
        why = "the scheduler process does not answer";
    }

    hd_buf_init(&b);

    if (why == NULL) {
        hd_buf_z(&b, "{\"status\":\"ready\"}\n");
        return hd_metrics_send(r, NGX_HTTP_OK, "application/json", &b);
    }

    hd_str_set(&value, "2");
    (void) hd_req_header(r, "Retry-After", &value);

    hd_buf_z(&b, "{\"status\":\"not_ready\",\"reason\":");
    hd_jw_z(&b, why);
    hd_buf_z(&b, "}\n");

    return hd_metrics_send(r, NGX_HTTP_SERVICE_UNAVAILABLE,
                           "application/json", &b);
}
