/*
 * What numbers, templates, accounts and people's wishes become: the statements
 * of a fact (fact.sql), what they stop (hold.sql), and what follows when they
 * have changed something.
 *
 * A broadcast that a fact pauses is paused in shared memory right after the
 * commit, so that what is granted stops at once, and the helper is told.
 */

#include "ingress.h"


/* the words of a pause, at most */
#define HD_FACT_WORDS  1400
/* columns that only fact_template has */
#define HD_FACT_MOVED  8
#define HD_FACT_WAS    9


static ngx_int_t
hd_fact_words(hd_pg_unit_t *u, hd_buf_t *b, hd_str_t *words)
{
    ngx_int_t  rc;

    rc = NGX_ERROR;

    if (!b->failed) {
        words->len = ngx_min(b->len, HD_FACT_WORDS);

        while (words->len < b->len && words->len
               && (b->data[words->len] & 0xc0) == 0x80)
        {
            words->len--;
        }

        words->data = ngx_pnalloc(u->pool, words->len + 1);

        if (words->data) {
            ngx_memcpy(words->data, b->data, words->len);
            rc = NGX_OK;
        }
    }

    hd_buf_free(b);

    return rc;
}


static void
hd_fact_said(hd_pg_unit_t *u, const hd_str_t *s)
{
    if (s->len) {
        hd_pg_text(u, s);

    } else {
        hd_pg_null(u);
    }
}


static ngx_int_t
hd_fact_number(hd_pg_unit_t *u, hd_step_t *s)
{
    hd_fact_t        *f;
    hd_hook_other_t  *o;

    f = s->fact;
    o = &s->event->u.other;

    hd_pg_stmt(u, HD_Q_FACT_NUMBER);
    hd_pg_uuid(u, &s->event->id);
    hd_pg_uuid(u, &s->account->id);
    hd_pg_text(u, &f->number);
    hd_pg_time(u, f->at);
    hd_fact_said(u, &f->quality);

    if (f->rate) {
        hd_pg_int(u, f->rate);

    } else {
        hd_pg_null(u);
    }

    hd_pg_text(u, &o->business_id);

    if (f->limit != HD_FACT_UNSAID) {
        hd_pg_int(u, f->limit);

    } else {
        hd_pg_null(u);
    }

    return NGX_OK;
}


static void
hd_fact_number_words(hd_buf_t *b, const hd_fact_t *f)
{
    hd_buf_z(b, "WhatsApp rates the number's quality as low (");
    hd_buf_str(b, &f->quality);
    hd_buf_z(b, "): people block it or report it. Its marketing waits until "
                "somebody resumes it.");
}


static ngx_int_t
hd_fact_template(hd_pg_unit_t *u, hd_step_t *s)
{
    hd_fact_t  *f;

    f = s->fact;

    hd_pg_stmt(u, HD_Q_FACT_TEMPLATE);
    hd_pg_uuid(u, &s->event->id);
    hd_pg_text(u, &f->name);
    hd_pg_text(u, &f->language);
    hd_pg_time(u, f->at);
    hd_fact_said(u, &f->status);
    hd_pg_text(u, &f->reason);

    if (f->until) {
        hd_pg_time(u, f->until);

    } else {
        hd_pg_null(u);
    }

    hd_fact_said(u, &f->quality);
    hd_fact_said(u, &f->category);

    return NGX_OK;
}


static void
hd_fact_template_words(hd_buf_t *b, const hd_fact_t *f)
{
    u_char  until[HD_RFC3339_LEN];

    hd_buf_z(b, "WhatsApp set the template ");
    hd_buf_str(b, &f->name);
    hd_buf_z(b, " (");
    hd_buf_str(b, &f->language);
    hd_buf_z(b, ") to ");
    hd_buf_str(b, &f->status);

    if (f->until) {
        hd_buf_printf(b, " until %.*s", (int) hd_time_format(until, f->until),
                      until);
    }

    if (f->reason.len) {
        hd_buf_z(b, ": ");
        hd_buf_str(b, &f->reason);
    }
}


static ngx_int_t
hd_fact_account(hd_pg_unit_t *u, hd_step_t *s)
{
    hd_fact_t  *f;

    f = s->fact;

    hd_pg_stmt(u, HD_Q_FACT_ACCOUNT);
    hd_pg_uuid(u, &s->event->id);
    hd_pg_uuid(u, &s->account->id);
    hd_pg_text(u, &f->number);
    hd_pg_time(u, f->at);
    hd_pg_z(u, f->effect == HD_EFFECT_CLEAR ? "connected"
               : f->effect == HD_EFFECT_STOP ? "disconnected" : "paused");
    hd_pg_text(u, &f->reason);
    hd_pg_text(u, &s->event->u.other.business_id);

    return NGX_OK;
}


static ngx_int_t
hd_fact_preference(hd_pg_unit_t *u, hd_step_t *s)
{
    char        phones[HD_HOOK_PHONES];
    hd_uuid_t   contact;
    hd_fact_t  *f;

    f = s->fact;

    hd_req_new_id(&contact);
    hd_hook_phones(&f->from, phones);

    hd_pg_stmt(u, HD_Q_FACT_PREFERENCE);
    hd_pg_uuid(u, &s->event->id);
    hd_pg_uuid(u, &s->account->id);
    hd_pg_z(u, phones);
    hd_pg_text(u, &f->from);
    hd_pg_text(u, &f->user_id);
    hd_pg_uuid(u, &contact);
    hd_pg_text(u, &f->name);
    hd_pg_time(u, f->at);
    hd_pg_bool(u, f->effect == HD_EFFECT_PAUSE);
    hd_pg_int(u, hd_hook_stripe());

    return NGX_OK;
}


ngx_int_t
hd_hook_fact_stmt(hd_pg_unit_t *u, hd_step_t *s)
{
    static ngx_int_t  (*facts[])(hd_pg_unit_t *u, hd_step_t *s) = {
        hd_fact_number,
        hd_fact_template,
        hd_fact_account,
        hd_fact_preference,
        hd_hook_session_stmt
    };

    return facts[s->fact->kind](u, s);
}


/* what of a fact's things is held, which its statement has left behind */

ngx_int_t
hd_hook_fact_hold(hd_pg_unit_t *u, hd_step_t *s)
{
    hd_buf_t    b;
    hd_hold_t   what;
    hd_fact_t  *f;

    f = s->fact;

    if ((f->effect != HD_EFFECT_PAUSE && f->effect != HD_EFFECT_STOP)
        || f->kind == HD_FACT_PREFERENCE)
    {
        return NGX_DECLINED;
    }

    ngx_memzero(&what, sizeof(hd_hold_t));
    hd_buf_init(&b);

    if (f->kind == HD_FACT_NUMBER) {
        what.kind = HD_HOLD_MARKETING;
        what.reason = "quality";
        hd_fact_number_words(&b, f);

    } else if (f->kind == HD_FACT_TEMPLATE) {
        what.kind = HD_HOLD_TEMPLATE;
        what.reason = f->effect == HD_EFFECT_PAUSE ? "template_paused"
                                                   : "template_disabled";
        hd_fact_template_words(&b, f);

    } else {
        what.kind = HD_HOLD_ACCOUNT;
        what.reason = "account";
        hd_buf_str(&b, &f->reason);
    }

    if (hd_fact_words(u, &b, &what.words) != NGX_OK) {
        return NGX_ERROR;
    }

    hd_hold_one(u, &what);

    return NGX_OK;
}


ngx_uint_t
hd_hook_fact_acts(const hd_fact_t *f)
{
    switch (f->kind) {

    case HD_FACT_ACCOUNT:
        return f->effect != HD_EFFECT_NONE;

    case HD_FACT_PREFERENCE:
        return f->effect != HD_EFFECT_NONE
               && (f->from.len || f->user_id.len);

    default:
        return 1;
    }
}


/* what a failed status stops, by its class: 0 is nothing but its row */

static ngx_uint_t
hd_hook_stops(const hd_error_row_t *row, int code, hd_hold_t *what)
{
    switch (row->class) {

    case HD_CLASS_NUMBER_RISK:
        what->kind = HD_HOLD_MARKETING;
        what->reason = "quality";
        return 1;

    case HD_CLASS_ACCOUNT:
    case HD_CLASS_AUTH:
        what->kind = HD_HOLD_ACCOUNT;
        what->reason = "account";
        what->status = "paused";
        return 1;

    case HD_CLASS_TEMPLATE:
        what->kind = HD_HOLD_TEMPLATE;
        what->reason = code == HD_CODE_TEMPLATE_PAUSED ? "template_paused"
                                                       : "template_disabled";
        what->status = what->reason + sizeof("template_") - 1;
        what->id = NULL;
        /* what may be tried again is only not there yet */
        return row->retry_ms == 0;

    default:
        return 0;
    }
}


void
hd_hook_hold_add(hd_hold_rows_t *h, const hd_error_row_t *row,
    const hd_hook_event_t *e, const hd_uuid_t *account)
{
    hd_buf_t   b;
    hd_hold_t  what;

    ngx_memzero(&what, sizeof(hd_hold_t));

    what.id = account;
    what.batch = &e->id;
    what.seq = e->u.status.seq;
    what.code = e->u.status.code;

    /* every message of ours has a reference; without it nothing is known */

    if (!e->u.status.known || !hd_hook_stops(row, what.code, &what)) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_printf(&b, "%s (%d). %s", row->words, e->u.status.code, row->fix);
    what.words.data = b.data;
    what.words.len = b.failed ? 0 : b.len;

    hd_hold_add(h, &what);
    hd_buf_free(&b);
}


/* ── results ── */

/* another status is told by a name of its own, another category as the other
 * price that it is */
static void
hd_fact_moved(hd_flight_t *f, hd_pg_unit_t *u, hd_step_t *s, hd_buf_t *b,
    hd_pg_res_t *res, ngx_uint_t row)
{
    hd_str_t  was;

    if (hd_pg_columns(res) <= HD_FACT_WAS
        || hd_pg_is_null(res, row, HD_FACT_MOVED)
        || hd_pg_value(res, row, HD_FACT_MOVED).data[0] != 't'
        || b->failed || b->len == 0)
    {
        return;
    }

    if (!hd_pg_is_null(res, row, HD_FACT_WAS)) {
        was = hd_pg_value(res, row, HD_FACT_WAS);

        b->len--;
        hd_buf_z(b, ",\"category_was\":");
        hd_jw_str(b, &was);
        hd_buf_z(b, ",\"warning\":\"re_priced\"}");
    }

    (void) hd_hook_notice(f, u, s->account, "template.status", b);
}


/* (what, id, name, status, quality or reason, why, language, category; of a
 * template also whether it moved, and its category before) */

void
hd_hook_fact_result(hd_flight_t *f, hd_pg_unit_t *u, hd_step_t *s,
    hd_pg_res_t *res)
{
    hd_buf_t      b;
    hd_str_t      what;
    hd_uuid_t     id;
    ngx_uint_t    i;
    const char   *type;
    hd_notice_t  *n;

    hd_buf_init(&b);

    for (i = 0; i < hd_pg_rows(res); i++) {

        what = hd_pg_value(res, i, 0);

        if (hd_pg_value_uuid(res, i, 1, &id) != NGX_OK) {
            continue;
        }

        if (hd_str_eq(&what, "session")) {
            hd_hook_session_result(f, u, s, res, i);
            continue;
        }

        if (hd_str_eq(&what, "opted_out")) {
            n = hd_hook_notice(f, u, s->account, NULL, NULL);
            if (n) {
                n->batch = id;
            }

            continue;
        }

        type = hd_hold_event(&b, res, i);

        n = hd_hook_notice(f, u, s->account, type, &b);
        if (n == NULL) {
            continue;
        }

        if (hd_str_eq(&what, "broadcast")) {
            n->pause = 1;
            n->mail = HD_MAIL_BROADCAST;
            n->batch = id;
            n->id = id;

        } else if (hd_str_eq(&what, "account")) {
            n->mail = HD_MAIL_ACCOUNT;
            n->id = id;

        } else {
            hd_fact_moved(f, u, s, &b, res, i);
        }
    }

    hd_buf_free(&b);
}
