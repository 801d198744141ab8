/*
 * What numbers, templates, accounts and people's wishes become: the statements
 * of a fact (fact.sql), and what follows when they have changed something.
 *
 * A broadcast that a fact pauses is paused in shared memory right after the
 * commit, so that what is granted stops at once, and the helper is told.
 */

#include "ingress.h"


/* the words of a pause, at most */
#define HD_FACT_WORDS  1400


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
    hd_buf_t          b;
    hd_str_t          words;
    hd_fact_t        *f;
    hd_hook_other_t  *o;

    f = s->fact;
    o = &s->event->u.other;

    hd_buf_init(&b);
    hd_buf_z(&b, "WhatsApp rates the number's quality as low (");
    hd_buf_str(&b, &f->quality);
    hd_buf_z(&b, "): people block it or report it. Its marketing waits until "
                 "somebody resumes it.");

    if (hd_fact_words(u, &b, &words) != NGX_OK) {
        return NGX_ERROR;
    }

    hd_pg_stmt(u, HD_Q_FACT_NUMBER);
    hd_pg_uuid(u, &s->event->id);
    hd_pg_uuid(u, &s->account->id);
    hd_pg_text(u, &f->number);
    hd_pg_time(u, f->at);
    hd_fact_said(u, &f->quality);

    hd_pg_bool(u, f->effect == HD_EFFECT_PAUSE);

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

    hd_pg_text(u, &words);

    return NGX_OK;
}


static ngx_int_t
hd_fact_template_words(hd_pg_unit_t *u, const hd_fact_t *f, hd_str_t *words)
{
    u_char    until[HD_RFC3339_LEN];
    hd_buf_t  b;

    hd_buf_init(&b);
    hd_buf_z(&b, "WhatsApp set the template ");
    hd_buf_str(&b, &f->name);
    hd_buf_z(&b, " (");
    hd_buf_str(&b, &f->language);
    hd_buf_z(&b, ") to ");
    hd_buf_str(&b, &f->status);

    if (f->until) {
        hd_buf_printf(&b, " until %.*s", (int) hd_time_format(until, f->until),
                      until);
    }

    if (f->reason.len) {
        hd_buf_z(&b, ": ");
        hd_buf_str(&b, &f->reason);
    }

    return hd_fact_words(u, &b, words);
}


static ngx_int_t
hd_fact_template(hd_pg_unit_t *u, hd_step_t *s)
{
    hd_str_t     words;
    hd_fact_t   *f;
    const char  *pause;

    f = s->fact;
    pause = NULL;

    if (f->effect == HD_EFFECT_PAUSE) {
        pause = "template_paused";

    } else if (f->effect == HD_EFFECT_STOP) {
        pause = "template_disabled";
    }

    if (hd_fact_template_words(u, f, &words) != NGX_OK) {
        return NGX_ERROR;
    }

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

    if (pause) {
        hd_pg_z(u, pause);

    } else {
        hd_pg_null(u);
    }

    hd_pg_text(u, &words);

    return NGX_OK;
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


/* what a failed status stops, by its class; NULL: nothing but its row */

static const char *
hd_act_pause(const hd_error_row_t *row, int code)
{
    switch (row->class) {

    case HD_CLASS_NUMBER_RISK:
        return "quality";

    case HD_CLASS_ACCOUNT:
    case HD_CLASS_AUTH:
        return "account";

    case HD_CLASS_TEMPLATE:
        /* what may be tried again is only not there yet */
        return row->retry_ms ? NULL
               : code == HD_CODE_TEMPLATE_PAUSED ? "template_paused"
                                                 : "template_disabled";

    default:
        return NULL;
    }
}


void
hd_hook_acts_init(hd_hook_acts_t *a)
{
    hd_pg_array_init(&a->batch, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&a->seq, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&a->account, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&a->code, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&a->pause, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&a->words, HD_PG_TEXT_ARRAY);
    a->n = 0;
}


void
hd_hook_acts_add(hd_hook_acts_t *a, const hd_error_row_t *row,
    const hd_hook_event_t *e, const hd_uuid_t *account)
{
    hd_buf_t     b;
    hd_str_t     s;
    const char  *pause;

    pause = hd_act_pause(row, e->u.status.code);

    /* every message of ours has a reference; without it nothing is known */

    if (pause == NULL || !e->u.status.known) {
        return;
    }

    hd_pg_array_uuid(&a->batch, &e->id);
    hd_pg_array_int(&a->seq, e->u.status.seq);
    hd_pg_array_uuid(&a->account, account);
    hd_pg_array_int(&a->code, e->u.status.code);

    s.data = (u_char *) pause;
    s.len = ngx_strlen(pause);
    hd_pg_array_text(&a->pause, &s);

    hd_buf_init(&b);
    hd_buf_printf(&b, "%s (%d). %s", row->words, e->u.status.code, row->fix);
    s.data = b.data;
    s.len = b.failed ? 0 : b.len;
    hd_pg_array_text(&a->words, &s);
    hd_buf_free(&b);

    a->n++;
}


void
hd_hook_acts_stmt(hd_pg_unit_t *u, hd_hook_acts_t *a)
{
    hd_pg_stmt(u, HD_Q_FACT_FAILED);
    hd_pg_array(u, &a->batch);
    hd_pg_array(u, &a->seq);
    hd_pg_array(u, &a->account);
    hd_pg_array(u, &a->code);
    hd_pg_array(u, &a->pause);
    hd_pg_array(u, &a->words);
}


void
hd_hook_acts_free(hd_hook_acts_t *a)
{
    hd_pg_array_free(&a->batch);
    hd_pg_array_free(&a->seq);
    hd_pg_array_free(&a->account);
    hd_pg_array_free(&a->code);
    hd_pg_array_free(&a->pause);
    hd_pg_array_free(&a->words);
}


/* ── results ── */

static void
hd_fact_member(hd_buf_t *b, const char *name, hd_pg_res_t *res, ngx_uint_t i,
    ngx_uint_t column)
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


/* (what, id, name, status, quality or reason, why, language, category) */

void
hd_hook_fact_result(hd_flight_t *f, hd_pg_unit_t *u, hd_step_t *s,
    hd_pg_res_t *res)
{
    hd_buf_t      b;
    hd_str_t      what;
    hd_uuid_t     id;
    ngx_uint_t    i;
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

        hd_buf_reset(&b);
        hd_fact_member(&b, "id", res, i, 1);
        hd_fact_member(&b, "name", res, i, 2);
        hd_fact_member(&b, "status", res, i, 3);

        if (hd_str_eq(&what, "broadcast")) {
            hd_fact_member(&b, "pause_reason", res, i, 4);
            hd_fact_member(&b, "pause_detail", res, i, 5);
            hd_buf_char(&b, '}');

            n = hd_hook_notice(f, u, s->account, "broadcast.paused", &b);
            if (n) {
                n->pause = 1;
                n->mail = HD_MAIL_BROADCAST;
                n->batch = id;
                n->id = id;
            }

            continue;
        }

        hd_fact_member(&b, "quality", res, i, 4);
        hd_fact_member(&b, "status_reason", res, i, 5);

        if (hd_str_eq(&what, "template")) {
            hd_fact_member(&b, "language", res, i, 6);
            hd_fact_member(&b, "category", res, i, 7);
            hd_buf_char(&b, '}');

            (void) hd_hook_notice(f, u, s->account, "template.updated", &b);
            continue;
        }

        hd_buf_char(&b, '}');

        n = hd_hook_notice(f, u, s->account, "account.updated", &b);
        if (n) {
            n->mail = HD_MAIL_ACCOUNT;
            n->id = id;
        }
    }

    hd_buf_free(&b);
}
