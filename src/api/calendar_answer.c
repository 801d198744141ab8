/*
 * What is asked of the calendar: its entries with their counts, free slots,
 * the best time.
 */

#include "calendar.h"


#define HD_SLOT_MOST  20


/* ── the range ── */

static ngx_int_t
hd_calendar_time(hd_req_t *req, const char *name, int64_t *us)
{
    hd_str_t  v;

    v = hd_query(req, name);

    return v.len && hd_time_parse(v.data, v.len, us) == HD_OK ? NGX_OK
                                                              : NGX_DECLINED;
}


static ngx_uint_t
hd_calendar_is(const hd_str_t *want, const hd_str_t *v)
{
    return want->len == 0
           || (want->len == v->len
               && ngx_memcmp(want->data, v->data, v->len) == 0);
}


/* ── entries ── */

static void
hd_calendar_value(hd_buf_t *b, const char *name, const hd_str_t *v)
{
    hd_buf_printf(b, ",\"%s\":", name);

    if (v->len) {
        hd_jw_str(b, v);

    } else {
        hd_buf_z(b, "null");
    }
}


/* where it is moved to: PATCH there */
static void
hd_calendar_move(hd_buf_t *b, const hd_entry_t *e)
{
    hd_buf_z(b, ",\"move\":");

    if (e->group != HD_GROUP_SCHEDULED || e->step > 0
        || (e->schedule_id.len && hd_str_eq(&e->kind, "sequence")))
    {
        hd_buf_z(b, "null");

    } else if (e->schedule_id.len && e->ref_id.len == 0) {
        hd_buf_printf(b, "\"/api/v1/schedules/%.*s/occurrences/%.*s\"",
                      (int) e->schedule_id.len, e->schedule_id.data,
                      (int) e->starts_at.len, e->starts_at.data);

    } else if (hd_str_eq(&e->kind, "broadcast")) {
        hd_buf_printf(b, "\"/api/v1/broadcasts/%.*s\"", (int) e->ref_id.len,
                      e->ref_id.data);

    } else {
        hd_buf_z(b, "null");
    }
}


static void
hd_calendar_write(hd_buf_t *b, const hd_entry_t *e)
{
    size_t  n;
    u_char  time[HD_RFC3339_LEN + 8];

    hd_buf_z(b, "{\"kind\":");
    hd_jw_str(b, &e->kind);
    hd_calendar_value(b, "schedule_id", &e->schedule_id);
    hd_calendar_value(b, "starts_at", &e->starts_at);
    hd_buf_printf(b, ",\"cohort\":%d,\"step\":%d", (int) e->cohort,
                  (int) e->step);
    n = hd_time_format(time, e->at);
    hd_buf_printf(b, ",\"at\":\"%.*s\"", (int) n, time);
    n = hd_time_format(time, e->end);
    hd_buf_printf(b, ",\"ends_at\":\"%.*s\"", (int) n, time);
    hd_buf_printf(b, ",\"status\":\"%s\"", hd_group_names[e->group]);
    hd_calendar_value(b, "state", &e->state);
    hd_calendar_value(b, "reason", &e->reason);
    hd_calendar_value(b, "ref_id", &e->ref_id);
    hd_calendar_value(b, "account_id", &e->account_id);
    hd_calendar_value(b, "platform", &e->provider);
    hd_calendar_value(b, "channel", &e->channel);
    hd_buf_z(b, ",\"title\":");
    hd_jw_str(b, &e->title);
    hd_buf_printf(b, ",\"audience\":%lld,\"conflict\":%s",
                  (long long) e->audience, e->conflict ? "true" : "false");
    hd_calendar_move(b, e);
    hd_buf_char(b, '}');
}


static void
hd_calendar_answer(hd_req_t *req)
{
    hd_buf_t       *b;
    hd_str_t        platform, type, status, group;
    ngx_uint_t      i, n, counts[HD_GROUPS];
    hd_entry_t     *e;
    hd_calendar_t  *c = req->ctx;

    platform = hd_query(req, "platform");
    type = hd_query(req, "type");
    status = hd_query(req, "status");

    ngx_memzero(counts, sizeof(counts));

    b = &req->out;
    hd_buf_z(b, "{\"data\":[");
    e = c->entries.elts;
    n = 0;

    for (i = 0; i < c->entries.nelts; i++) {
        if (!hd_calendar_is(&type, &e[i].kind)
            || (!hd_calendar_is(&platform, &e[i].provider)
                && !hd_calendar_is(&platform, &e[i].channel)))
        {
            continue;
        }

        /* the counts say what another status would show */
        counts[e[i].group]++;

        group.data = (u_char *) hd_group_names[e[i].group];
        group.len = ngx_strlen(group.data);

        if (!hd_calendar_is(&status, &group)) {
            continue;
        }

        if (n++) {
            hd_buf_char(b, ',');
        }

        hd_calendar_write(b, &e[i]);
    }

    hd_buf_z(b, "],\"counts\":{");

    for (i = 0; i < HD_GROUPS; i++) {
        hd_buf_printf(b, "%s\"%s\":%d", i ? "," : "", hd_group_names[i],
                      (int) counts[i]);
    }

    hd_buf_printf(b, "},\"more\":%s}", c->cut ? "true" : "false");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_calendar_get(hd_req_t *req)
{
    hd_str_t        account;
    hd_calendar_t  *c;

    c = hd_calendar_ctx(req);
    if (c == NULL) {
        return;
    }

    if (hd_calendar_time(req, "from", &c->from) != NGX_OK) {
        hd_problem_at(req, 422, "validation_failed", "from",
                      "Say from when: from=2027-01-01T00:00:00Z.");
        return;
    }

    if (hd_calendar_time(req, "to", &c->to) != NGX_OK || c->to <= c->from
        || c->to - c->from > HD_CALENDAR_DAYS * INT64_C(86400000000))
    {
        hd_problem_at(req, 422, "validation_failed", "to",
                      "Say until when: later than from, and at most 100 days "
                      "later.");
        return;
    }

    account = hd_query(req, "account_id");
    c->one = account.len
             && hd_uuid_parse(&c->account, account.data, account.len)
                == HD_OK;
    c->done = hd_calendar_answer;

    hd_calendar_load(req, c);
}


/* ── free slots ── */

static void
hd_slot_answer(hd_req_t *req)
{
    size_t          n;
    u_char          time[HD_RFC3339_LEN + 8];
    int64_t        *at;
    hd_buf_t       *b;
    ngx_uint_t      i, j, found;
    hd_entry_t     *e;
    hd_calendar_t  *c = req->ctx;

    if (!c->known) {
        hd_problem_at(req, 422, "validation_failed", "account_id",
                      "There is no such number of yours: GET /accounts lists "
                      "them.");
        return;
    }

    b = &req->out;
    hd_buf_z(b, "{\"data\":[");

    at = c->slots.elts;
    e = c->entries.elts;
    found = 0;

    for (i = 0; i < c->slots.nelts && found < c->n; i++) {

        /* a quarter of an hour that nothing of this number reaches into */
        for (j = 0; j < c->entries.nelts; j++) {
            if (e[j].group <= HD_GROUP_PENDING
                && e[j].at < at[i] + INT64_C(900000000)
                && ngx_max(e[j].end, e[j].at + 1) > at[i])
            {
                break;
            }
        }

        if (j < c->entries.nelts) {
            continue;
        }

        n = hd_time_format(time, at[i]);
        hd_buf_printf(b, "%s\"%.*s\"", found++ ? "," : "", (int) n, time);
    }

    hd_buf_z(b, "]}");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_calendar_slot(hd_req_t *req)
{
    int64_t         now;
    hd_str_t        v;
    ngx_int_t       n;
    hd_calendar_t  *c;

    c = hd_calendar_ctx(req);
    if (c == NULL) {
        return;
    }

    v = hd_query(req, "account_id");

    if (hd_uuid_parse(&c->account, v.data, v.len) != HD_OK) {
        hd_problem_at(req, 422, "validation_failed", "account_id",
                      "Say for which number.");
        return;
    }

    v = hd_query(req, "n");
    n = v.len ? ngx_atoi(v.data, v.len) : 1;

    if (n < 1 || n > HD_SLOT_MOST) {
        hd_problem_at(req, 422, "validation_failed", "n",
                      "n is how many: 1 to 20.");
        return;
    }

    now = hd_now_us();

    if (hd_calendar_time(req, "after", &c->from) != NGX_OK || c->from < now) {
        c->from = now;
    }

    c->n = n;
    c->one = 1;
    c->to = c->from + 15 * INT64_C(86400000000);
    c->done = hd_slot_answer;

    hd_calendar_load(req, c);
}


/* ── the best time ── */

void
hd_best_time(hd_req_t *req)
{
    hd_str_t       contact, tag;
    hd_uuid_t      id;
    hd_pg_unit_t  *u;

    contact = hd_query(req, "contact_id");
    tag = hd_query(req, "tag");

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    if (tag.len == 0) {
        tag.data = NULL;
    }

    hd_pg_stmt(u, HD_Q_BEST_TIME);

    if (contact.len && hd_uuid_parse(&id, contact.data, contact.len) == HD_OK)
    {
        hd_pg_uuid(u, &id);

    } else {
        hd_pg_null(u);
    }

    hd_pg_text_null(u, &tag);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 1);
}
