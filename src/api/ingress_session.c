/*
 * Sessions behind a QR code: what becomes of their states, of what was written
 * by the phone itself, and when they were last heard of.  And the way in for
 * what no webhook brought: what was missed is fed as if it had come by one, so
 * that it is the same code that tells what is known already.
 */

#include "ingress.h"


#define HD_SEEN_EVERY  60000           /* ms */


ngx_int_t
hd_hook_session_stmt(hd_pg_unit_t *u, hd_step_t *s)
{
    char        phone[17];
    hd_uuid_t   history, errand;
    hd_fact_t  *f;

    f = s->fact;

    phone[0] = '\0';

    if (f->number.len >= 5 && f->number.len <= 15) {
        phone[0] = '+';
        ngx_memcpy(phone + 1, f->number.data, f->number.len);
        phone[f->number.len + 1] = '\0';
    }

    hd_req_new_id(&history);
    hd_req_new_id(&errand);

    hd_pg_stmt(u, HD_Q_SESSION_FACT);
    hd_pg_uuid(u, &s->event->id);
    hd_pg_uuid(u, &s->account->id);
    hd_pg_time(u, f->at ? f->at : hd_now_us());
    hd_pg_text(u, &f->status);
    hd_pg_z(u, f->effect == HD_EFFECT_CLEAR ? "clear"
               : f->effect == HD_EFFECT_NONE ? "none" : "stop");
    hd_pg_text(u, &f->reason);
    hd_pg_z(u, phone);
    hd_pg_uuid(u, &history);
    hd_pg_uuid(u, &errand);

    return NGX_OK;
}


static void
hd_session_member(hd_buf_t *b, const char *name, hd_pg_res_t *res,
    ngx_uint_t i, ngx_uint_t column)
{
    hd_str_t  v;

    hd_buf_printf(b, "%s\"%s\":", b->len ? "," : "{", name);

    if (hd_pg_is_null(res, i, column)) {
        hd_buf_z(b, "null");
        return;
    }

    v = hd_pg_value(res, i, column);
    hd_jw_str(b, &v);
}


/* (what, id, name, state, status, reason, phone, errand) */

void
hd_hook_session_result(hd_flight_t *f, hd_pg_unit_t *u, hd_step_t *s,
    hd_pg_res_t *res, ngx_uint_t i)
{
    hd_buf_t      b;
    hd_notice_t  *n;

    hd_buf_init(&b);
    hd_session_member(&b, "id", res, i, 1);
    hd_session_member(&b, "name", res, i, 2);
    hd_session_member(&b, "state", res, i, 3);
    hd_session_member(&b, "status", res, i, 4);
    hd_session_member(&b, "status_reason", res, i, 5);
    hd_session_member(&b, "phone", res, i, 6);
    hd_buf_char(&b, '}');

    n = hd_hook_notice(f, u, s->account, "account.session", &b);

    if (n && !hd_pg_is_null(res, i, 7)
        && hd_pg_value_uuid(res, i, 7, &n->id) == NGX_OK)
    {
        n->mail = HD_MAIL_ERRAND;
    }

    hd_buf_free(&b);
}


void
hd_hook_echo_stmt(hd_pg_unit_t *u, hd_step_t *s)
{
    char                 phones[HD_HOOK_PHONES];
    hd_uuid_t            contact;
    hd_inbound_event_t  *m;

    m = &s->event->u.inbound;

    hd_req_new_id(&s->event->id);
    hd_req_new_id(&contact);
    hd_hook_phones(&m->from, phones);

    /* the name that comes with it is our own */

    if (m->group.len == 0) {
        m->name.len = 0;
    }

    hd_pg_stmt(u, HD_Q_SESSION_ECHO);
    hd_pg_uuid(u, &s->event->id);
    hd_pg_uuid(u, &s->account->id);
    hd_pg_text(u, &m->provider_id);
    hd_pg_z(u, phones);
    hd_pg_text(u, &m->from);
    hd_pg_text(u, &m->lid);
    hd_pg_text(u, &m->group);
    hd_pg_uuid(u, &contact);
    hd_pg_text(u, &m->name);
    hd_pg_text(u, &m->type);
    hd_pg_text(u, &m->text);
    hd_pg_jsonb(u, &m->raw);
    hd_pg_time(u, m->at);
}


void
hd_hook_seen_stmt(hd_pg_unit_t *u, hd_flight_t *f, hd_hook_t *h)
{
    int64_t             inbound, status;
    hd_hook_event_t    *e;
    hd_hook_account_t  *a;

    a = h->account;

    /* what was fetched proves nothing of webhooks */

    if (!a->provider->qr || h->fed
        || (a->seen != 0
            && (ngx_msec_int_t) (ngx_current_msec - a->seen) < HD_SEEN_EVERY))
    {
        return;
    }

    inbound = 0;
    status = 0;

    for (e = h->events; e; e = e->next) {
        if (e->kind == HD_HOOK_STATUS) {
            status = h->at;

        } else if (e->kind == HD_HOOK_INBOUND && !e->u.inbound.outbound) {
            inbound = ngx_max(inbound, e->u.inbound.at);
        }
    }

    if (inbound == 0 && status == 0) {
        return;
    }

    a->seen = ngx_current_msec ? ngx_current_msec : 1;

    hd_pg_stmt(u, HD_Q_ACCOUNT_SEEN);
    hd_pg_uuid(u, &a->row->id);

    if (inbound) {
        hd_pg_time(u, inbound);

    } else {
        hd_pg_null(u);
    }

    if (status) {
        hd_pg_time(u, status);

    } else {
        hd_pg_null(u);
    }

    (void) hd_hook_step(f, HD_STEP_KEEP, h);
}


/* ── what no webhook brought ── */

typedef struct {
    hd_hook_wait_t   wait;             /* first: one is cast to the other */
    hd_str_t         body;
    void           (*fed)(void *data, ngx_uint_t status);
    void            *data;
} hd_feed_t;


static void
hd_feed_go(hd_feed_t *feed)
{
    hd_hook_t   *h;
    ngx_uint_t   status;

    status = hd_hook_parse(NULL, feed->wait.account, &feed->body, hd_now_us(),
                           &h);

    hd_hook_account_leave(&feed->wait);

    if (status == 0) {
        h->body.len = 0;

        if (h->nevents == 0) {
            hd_hook_free(h);
            status = NGX_HTTP_OK;

        } else {
            h->fed = feed->fed;
            h->fed_data = feed->data;

            if (hd_hook_gather(h) == NGX_OK) {
                ngx_free(feed);
                return;
            }

            hd_hook_free(h);
            status = NGX_HTTP_SERVICE_UNAVAILABLE;
        }
    }

    feed->fed(feed->data, status);
    ngx_free(feed);
}


static void
hd_feed_found(hd_hook_wait_t *wait, ngx_uint_t status)
{
    hd_feed_t  *feed = (hd_feed_t *) wait;

    if (status) {
        feed->fed(feed->data, status);
        ngx_free(feed);
        return;
    }

    hd_feed_go(feed);
}


ngx_int_t
hd_ingress_feed(const hd_str_t *token, const hd_str_t *body,
    void (*fed)(void *data, ngx_uint_t status), void *data)
{
    u_char      hash[32], *p;
    ngx_int_t   rc;
    hd_feed_t  *feed;

    feed = ngx_calloc(sizeof(hd_feed_t) + body->len, hd_api.log);
    if (feed == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) feed + sizeof(hd_feed_t);
    ngx_memcpy(p, body->data, body->len);

    feed->body.data = p;
    feed->body.len = body->len;
    feed->fed = fed;
    feed->data = data;
    feed->wait.done = hd_feed_found;

    hd_auth_hash("hook", token, hash);
    rc = hd_hook_account(&feed->wait, hash);

    if (rc == NGX_OK) {
        hd_feed_go(feed);
        return NGX_OK;
    }

    if (rc == NGX_AGAIN) {
        return NGX_OK;
    }

    ngx_free(feed);

    return NGX_ERROR;
}
