/*
 * Why did this person get it, or not?  The facts of one person in a broadcast,
 * or of one message, from what the ledger and its events remember.
 *
 *   a broadcast's     one unit: broadcast, contact, delivery, events
 *   a message's       one unit for the message; one of a broadcast is told as
 *                     that, else: contact, delivery, events
 */

#include "story.h"


typedef struct {
    hd_story_t     s;
    hd_uuid_t      batch;
    hd_uuid_t      contact;
    hd_str_t       phone;              /* instead of contact */
    ngx_uint_t     inbound;
    ngx_uint_t     first;              /* index of why_contact's answer */
    ngx_uint_t     failed;
} hd_why_t;


static void hd_why_ask(hd_req_t *req, ngx_uint_t broadcast);


static hd_str_t
hd_why_str(hd_req_t *req, hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col)
{
    hd_str_t   v, out;
    hd_why_t  *w = req->ctx;

    ngx_memzero(&out, sizeof(hd_str_t));

    if (!hd_pg_is_null(res, row, col)) {
        v = hd_pg_value(res, row, col);

        if (hd_str_dup(&req->mem, &v, &out) != HD_OK) {
            w->failed = 1;
        }
    }

    return out;
}


static int64_t
hd_why_int(hd_pg_res_t *res, ngx_uint_t col, int64_t none)
{
    return hd_pg_is_null(res, 0, col) ? none : hd_pg_value_int(res, 0, col);
}


static ngx_uint_t
hd_why_bool(hd_pg_res_t *res, ngx_uint_t col)
{
    return !hd_pg_is_null(res, 0, col)
           && hd_pg_value(res, 0, col).data[0] == 't';
}


/* account, status, portfolio, cap, days, quiet, spend, templated */
static void
hd_why_gates(hd_req_t *req, hd_story_t *s, hd_pg_res_t *res, ngx_uint_t col)
{
    s->account = hd_why_str(req, res, 0, col);
    s->account_status = hd_why_str(req, res, 0, col + 1);
    s->portfolio = hd_why_bool(res, col + 2);
    s->cap = hd_why_int(res, col + 3, 0);
    s->cap_days = hd_why_int(res, col + 4, 0);
    s->quiet = hd_why_bool(res, col + 5);
    s->spend = hd_why_bool(res, col + 6);
    s->templated = hd_why_bool(res, col + 7);
}


static void
hd_why_broadcast(hd_req_t *req, hd_story_t *s, hd_pg_res_t *res)
{
    s->broadcast = 1;
    s->name = hd_why_str(req, res, 0, 0);
    s->status = hd_why_str(req, res, 0, 1);
    s->created = hd_why_int(res, 2, 0);
    s->send_at = hd_why_int(res, 3, 0);
    s->started = hd_why_int(res, 4, 0);
    s->finished = hd_why_int(res, 5, 0);
    s->expires = hd_why_int(res, 6, 0);
    s->total = hd_why_int(res, 7, 0);
    s->tag = hd_why_str(req, res, 0, 8);
    s->pause_reason = hd_why_str(req, res, 0, 9);
    s->pause_detail = hd_why_str(req, res, 0, 10);
    s->holdout = hd_why_int(res, 11, 0);
    s->variants = hd_why_int(res, 12, 0);
    s->winner = hd_why_int(res, 13, -1);

    hd_why_gates(req, s, res, 14);
    s->launched = hd_why_int(res, 22, 0);
}


static void
hd_why_contact(hd_req_t *req, hd_story_t *s, hd_pg_res_t *res)
{
    s->known = 1;
    s->contact = hd_why_str(req, res, 0, 0);
    s->contact_name = hd_why_str(req, res, 0, 1);
    s->phone = hd_why_str(req, res, 0, 2);
    s->zone = hd_why_str(req, res, 0, 3);
    s->contact_created = hd_why_int(res, 4, 0);
    s->tagged = hd_why_bool(res, 5);
}


static void
hd_why_delivery(hd_req_t *req, hd_story_t *s, hd_pg_res_t *res)
{
    s->delivery = 1;
    s->seq = hd_why_int(res, 0, 0);
    s->state = hd_why_str(req, res, 0, 1);
    s->attempts = hd_why_int(res, 2, 0);
    s->has_code = !hd_pg_is_null(res, 0, 3);
    s->code = (int) hd_why_int(res, 3, 0);
    s->reason = hd_why_str(req, res, 0, 4);
    s->next_try = hd_why_int(res, 5, 0);
    s->claimed = hd_why_int(res, 6, 0);
    s->accepted = hd_why_int(res, 7, 0);
    s->sent = hd_why_int(res, 8, 0);
    s->delivered = hd_why_int(res, 9, 0);
    s->read = hd_why_int(res, 10, 0);
    s->replied = hd_why_int(res, 11, 0);
    s->provider_id = hd_why_str(req, res, 0, 12);
    s->category = hd_why_str(req, res, 0, 13);
    s->variant = hd_why_int(res, 14, 0);
    s->template = hd_why_str(req, res, 0, 15);
    s->next_try_local = hd_why_str(req, res, 0, 16);
    s->state_local = hd_why_str(req, res, 0, 17);
    s->replied_local = hd_why_str(req, res, 0, 18);
    s->zone = hd_why_str(req, res, 0, 19);
    s->stage = hd_why_str(req, res, 0, 20);
    s->stage_n = hd_why_int(res, 21, 0);
    s->stage_to = hd_why_int(res, 22, 0);
    s->stage_opened = hd_why_int(res, 23, 0);
    s->stage_opens_local = hd_why_str(req, res, 0, 24);
}


static void
hd_why_events(hd_req_t *req, hd_story_t *s, hd_pg_res_t *res)
{
    hd_why_t          *w = req->ctx;
    ngx_uint_t         i;
    hd_story_event_t  *e;

    s->nevents = ngx_min(hd_pg_rows(res), HD_STORY_EVENTS);
    s->events = hd_calloc(&req->mem,
                          (s->nevents + 1) * sizeof(hd_story_event_t));

    if (s->events == NULL) {
        s->nevents = 0;
        w->failed = 1;
        return;
    }

    for (i = 0; i < s->nevents; i++) {
        e = &s->events[i];

        e->at = hd_pg_value_int(res, i, 0);
        e->event = hd_why_str(req, res, i, 1);
        e->attempt = hd_pg_is_null(res, i, 2)
                     ? 0 : (ngx_int_t) hd_pg_value_int(res, i, 2);
        e->has_code = !hd_pg_is_null(res, i, 3);
        e->code = e->has_code ? (int) hd_pg_value_int(res, i, 3) : 0;
        e->reason = hd_why_str(req, res, i, 4);
        e->detail = hd_why_str(req, res, i, 5);
        e->next_try = hd_why_str(req, res, i, 6);
        e->zone = hd_why_str(req, res, i, 7);
    }
}


static void
hd_why_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;
    hd_why_t  *w;

    if (req == NULL || index == 0) {
        return;
    }

    w = req->ctx;

    if (index < w->first) {
        if (hd_pg_rows(res)) {
            req->found = 1;
            hd_why_broadcast(req, &w->s, res);
        }

        return;
    }

    if (index == w->first + 2) {
        hd_why_events(req, &w->s, res);
        return;
    }

    if (hd_pg_rows(res) == 0) {
        return;
    }

    if (index == w->first) {
        hd_why_contact(req, &w->s, res);

    } else if (index == w->first + 1) {
        hd_why_delivery(req, &w->s, res);
    }
}


static void
hd_why_done(hd_req_t *req)
{
    hd_why_t  *w = req->ctx;

    if (w->failed) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (w->s.contact.len == 0 && w->phone.len == 0) {
        /* deleted, or never there: the id that was asked for */
        w->s.contact.data = ngx_pnalloc(req->r->pool, 36);

        if (w->s.contact.data) {
            w->s.contact.len = 36;
            hd_uuid_format(&w->contact, w->s.contact.data);
        }
    }

    hd_story_write(req, &w->s, &req->out);
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_why_who(hd_pg_unit_t *u, hd_why_t *w)
{
    if (w->phone.len) {
        hd_pg_null(u);
        hd_pg_text(u, &w->phone);

    } else {
        hd_pg_uuid(u, &w->contact);
        hd_pg_null(u);
    }
}


static void
hd_why_ask(hd_req_t *req, ngx_uint_t broadcast)
{
    hd_why_t      *w = req->ctx;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    w->first = 1;

    if (broadcast) {
        hd_pg_stmt(u, HD_Q_WHY_BROADCAST);
        hd_pg_uuid(u, &w->batch);

        w->first = 2;
        hd_req_must_find(req, 1);
    }

    hd_pg_stmt(u, HD_Q_WHY_CONTACT);
    hd_why_who(u, w);
    hd_pg_uuid(u, &w->batch);

    hd_pg_stmt(u, HD_Q_WHY_DELIVERY);
    hd_pg_uuid(u, &w->batch);
    hd_why_who(u, w);

    hd_pg_stmt(u, HD_Q_WHY_EVENTS);
    hd_pg_uuid(u, &w->batch);
    hd_why_who(u, w);

    u->on_result = hd_why_row;
    req->done = hd_why_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static hd_why_t *
hd_why_ctx(hd_req_t *req)
{
    hd_why_t  *w;

    w = ngx_pcalloc(req->r->pool, sizeof(hd_why_t));

    if (w == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    w->s.winner = -1;
    req->ctx = w;

    return w;
}


void
hd_broadcast_why(hd_req_t *req)
{
    hd_str_t     contact, e164;
    hd_why_t    *w;
    hd_phone_t   phone;

    w = hd_why_ctx(req);
    if (w == NULL) {
        return;
    }

    w->batch = req->ids[0];
    contact = hd_query(req, "contact");

    /* "+" of a phone is a space once the query is decoded */

    if (contact.len && contact.data[0] == ' ') {
        contact.data[0] = '+';
    }

    if (hd_uuid_parse(&w->contact, contact.data, contact.len) != HD_OK) {

        if (contact.len == 0
            || hd_phone_parse(&contact, "", &phone) != HD_PHONE_OK)
        {
            hd_problem_at(req, 422, "validation_failed", "contact",
                          "Give contact, the id of a contact or a phone with "
                          "its country: ?contact=+254712345678");
            return;
        }

        e164.data = phone.e164;
        e164.len = phone.len;

        if (hd_str_dup(&req->mem, &e164, &w->phone) != HD_OK) {
            hd_problem(req, 500, "internal", "Out of memory.");
            return;
        }
    }

    hd_why_ask(req, 1);
}


static void
hd_why_message_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;
    hd_why_t  *w;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    w = req->ctx;
    req->found = 1;

    w->inbound = hd_pg_is_null(res, 0, 0);
    (void) hd_pg_value_uuid(res, 0, 1, &w->contact);

    if (w->inbound) {
        return;
    }

    (void) hd_pg_value_uuid(res, 0, 0, &w->batch);
    w->s.broadcast = hd_pg_value_int(res, 0, 2) > 0;
    w->s.created = hd_why_int(res, 3, 0);
    w->s.send_at = hd_why_int(res, 4, 0);
    w->s.expires = hd_why_int(res, 5, 0);

    hd_why_gates(req, &w->s, res, 6);
}


static void
hd_why_message_done(hd_req_t *req)
{
    hd_why_t  *w = req->ctx;

    if (w->inbound) {
        hd_problem(req, 409, "wrong_state", "This message came in: there is "
                   "nothing to tell but that it was received.");
        return;
    }

    hd_why_ask(req, w->s.broadcast);
}


void
hd_message_why(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    if (hd_why_ctx(req) == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_WHY_MESSAGE);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_why_message_row;
    req->done = hd_why_message_done;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
