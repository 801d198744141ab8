/*
 * The queue, number by number: what waits comes from PostgreSQL, how fast it
 * may go at this moment from shared memory.
 *
 * A number is looked up in shared memory only when PostgreSQL has shown that it
 * is the caller's.  Looking makes nothing: a number that was never sent from
 * has no bucket, and is shown as one that is at rest.
 */

#include "frame.h"


/* lines of the agenda looked at; where there are more, the answer says so */
#define HD_QUEUE_LINES  10000

/* the statement's columns */
enum {
    HD_QUEUE_ID = 0,
    HD_QUEUE_NAME,
    HD_QUEUE_STATUS,
    HD_QUEUE_REPLY,
    HD_QUEUE_BROADCAST,
    HD_QUEUE_DEFERRED,
    HD_QUEUE_AGE,
    HD_QUEUE_RATE,
    HD_QUEUE_DAILY,
    HD_QUEUE_PORTFOLIO,
    HD_QUEUE_LIST,
    HD_QUEUE_MORE,
    HD_QUEUE_GAP
};


static void
hd_queue_plain(hd_buf_t *b, const char *name, hd_pg_res_t *res,
    ngx_uint_t row, ngx_uint_t col)
{
    hd_str_t  v;

    hd_buf_printf(b, ",\"%s\":", name);

    if (hd_pg_is_null(res, row, col)) {
        hd_buf_z(b, "null");
        return;
    }

    v = hd_pg_value(res, row, col);
    hd_buf_str(b, &v);
}


static void
hd_queue_rate(hd_buf_t *b, int64_t limit, const hd_bucket_state_t *s)
{
    unsigned  share;

    share = s->share * 1000 / 1024;

    hd_buf_printf(b, ",\"rate\":{\"limit\":%lld,\"share\":%u.%03u,"
                  "\"tokens\":", (long long) limit, share / 1000,
                  share % 1000);

    if (s->tokens == HD_TOKENS_ANY) {
        hd_buf_z(b, "null");

    } else {
        hd_buf_int(b, s->tokens);
    }

    hd_buf_printf(b, ",\"wait_ms\":%lld},\"breaker\":\"%s\"",
                  (long long) (s->wait_us + 999) / 1000,
                  s->open ? "open" : "closed");
}


/* each step counts those below it as well */
static void
hd_queue_lateness(hd_buf_t *b, const hd_bucket_state_t *s)
{
    int32_t     step;
    uint64_t    n;
    ngx_uint_t  i;

    hd_buf_z(b, ",\"lateness\":[");

    for (i = 0, n = 0; i < HD_LATE_STEPS; i++) {
        n += s->late[i];
        step = hd_late_step(i);

        hd_buf_z(b, i ? ",{\"le_ms\":" : "{\"le_ms\":");

        if (step < 0) {
            hd_buf_z(b, "null");

        } else {
            hd_buf_int(b, step);
        }

        hd_buf_printf(b, ",\"count\":%llu}", (unsigned long long) n);
    }

    hd_buf_char(b, ']');
}


static void
hd_queue_number(hd_buf_t *b, hd_pg_res_t *res, ngx_uint_t row)
{
    int64_t            limit;
    hd_str_t           v;
    hd_uuid_t          id;
    hd_bucket_state_t  s;

    limit = hd_pg_value_int(res, row, HD_QUEUE_RATE);

    if (hd_pg_value_uuid(res, row, HD_QUEUE_ID, &id) != NGX_OK
        || !hd_bucket_state(hd_api.shm, hd_bucket_find(hd_api.shm, &id),
                            hd_mono_us(), &s))
    {
        hd_bucket_rest((uint32_t) limit * 1000, &s);
    }

    /* a bucket learns of gaps with the next message */
    if (hd_pg_value_int(res, row, HD_QUEUE_GAP) > 0 && s.tokens > 1) {
        s.tokens = 1;
    }

    v = hd_pg_value(res, row, HD_QUEUE_ID);
    hd_buf_z(b, "{\"account_id\":");
    hd_jw_str(b, &v);

    v = hd_pg_value(res, row, HD_QUEUE_NAME);
    hd_buf_z(b, ",\"name\":");
    hd_jw_str(b, &v);

    v = hd_pg_value(res, row, HD_QUEUE_STATUS);
    hd_buf_z(b, ",\"status\":");
    hd_jw_str(b, &v);

    hd_buf_printf(b, ",\"depth\":{\"reply\":%lld,\"broadcast\":%lld,"
                  "\"deferred\":%lld}",
                  (long long) hd_pg_value_int(res, row, HD_QUEUE_REPLY),
                  (long long) hd_pg_value_int(res, row, HD_QUEUE_BROADCAST),
                  (long long) hd_pg_value_int(res, row, HD_QUEUE_DEFERRED));

    hd_queue_plain(b, "oldest_age_s", res, row, HD_QUEUE_AGE);
    hd_queue_rate(b, limit, &s);
    hd_queue_lateness(b, &s);
    hd_queue_plain(b, "daily", res, row, HD_QUEUE_DAILY);
    hd_queue_plain(b, "portfolio", res, row, HD_QUEUE_PORTFOLIO);
    hd_queue_plain(b, "broadcasts", res, row, HD_QUEUE_LIST);

    hd_buf_char(b, '}');
}


static void
hd_queue_rows(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    int64_t      depth, oldest, age;
    hd_buf_t    *b;
    hd_req_t    *req;
    hd_str_t     more;
    ngx_uint_t   i, n;

    req = u->data;

    if (req == NULL || index != 1) {
        return;
    }

    b = &req->out;
    n = hd_pg_rows(res);
    depth = 0;
    oldest = -1;

    hd_buf_z(b, "{\"data\":[");

    for (i = 0; i < n && !b->failed; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        hd_queue_number(b, res, i);

        depth += hd_pg_value_int(res, i, HD_QUEUE_REPLY)
                 + hd_pg_value_int(res, i, HD_QUEUE_BROADCAST)
                 + hd_pg_value_int(res, i, HD_QUEUE_DEFERRED);

        if (!hd_pg_is_null(res, i, HD_QUEUE_AGE)) {
            age = hd_pg_value_int(res, i, HD_QUEUE_AGE);
            oldest = ngx_max(oldest, age);
        }
    }

    hd_buf_printf(b, "],\"total\":{\"depth\":%lld,\"oldest_age_s\":",
                  (long long) depth);

    if (oldest < 0) {
        hd_buf_z(b, "null");

    } else {
        hd_buf_int(b, oldest);
    }

    more.data = NULL;
    more.len = 0;

    if (n) {
        more = hd_pg_value(res, 0, HD_QUEUE_MORE);
    }

    hd_buf_printf(b, ",\"more\":%s}}",
                  more.len && more.data[0] == 't' ? "true" : "false");
}


void
hd_queue(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_QUEUE);
    hd_pg_int(u, HD_QUEUE_LINES);

    u->on_result = hd_queue_rows;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
