/*
 * What stops sending: the arrays of `hold` (hold.sql), one element for each
 * thing that was learnt, and its rows as events of the stream.
 */

#include "store.h"


static const char *
hd_hold_kind(hd_hold_e kind)
{
    static const char  *names[] = {
        "account", "marketing", "template", "broadcast"
    };

    return names[kind];
}


static void
hd_hold_text(hd_pg_array_t *a, const char *z)
{
    hd_str_t  s;

    if (z == NULL) {
        hd_pg_array_null(a);
        return;
    }

    s.data = (u_char *) z;
    s.len = ngx_strlen(z);
    hd_pg_array_text(a, &s);
}


void
hd_hold_init(hd_hold_rows_t *h)
{
    hd_pg_array_init(&h->kind, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&h->id, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&h->batch, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&h->seq, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&h->code, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&h->reason, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&h->words, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&h->status, HD_PG_TEXT_ARRAY);
    h->n = 0;
}


void
hd_hold_add(hd_hold_rows_t *h, const hd_hold_t *what)
{
    hd_hold_text(&h->kind, hd_hold_kind(what->kind));

    if (what->id) {
        hd_pg_array_uuid(&h->id, what->id);

    } else {
        hd_pg_array_null(&h->id);
    }

    if (what->batch) {
        hd_pg_array_uuid(&h->batch, what->batch);
        hd_pg_array_int(&h->seq, what->seq);

    } else {
        hd_pg_array_null(&h->batch);
        hd_pg_array_null(&h->seq);
    }

    if (what->code) {
        hd_pg_array_int(&h->code, what->code);

    } else {
        hd_pg_array_null(&h->code);
    }

    hd_hold_text(&h->reason, what->reason);
    hd_pg_array_text(&h->words, &what->words);
    hd_hold_text(&h->status, what->status);
    h->n++;
}


void
hd_hold_stmt(hd_pg_unit_t *u, hd_hold_rows_t *h)
{
    hd_pg_stmt(u, HD_Q_HOLD);
    hd_pg_array(u, &h->kind);
    hd_pg_array(u, &h->id);
    hd_pg_array(u, &h->batch);
    hd_pg_array(u, &h->seq);
    hd_pg_array(u, &h->code);
    hd_pg_array(u, &h->reason);
    hd_pg_array(u, &h->words);
    hd_pg_array(u, &h->status);
}


void
hd_hold_one(hd_pg_unit_t *u, const hd_hold_t *what)
{
    hd_hold_rows_t  h;

    hd_hold_init(&h);
    hd_hold_add(&h, what);

    hd_pg_stmt(u, HD_Q_HOLD);
    hd_pg_array_move(u, &h.kind);
    hd_pg_array_move(u, &h.id);
    hd_pg_array_move(u, &h.batch);
    hd_pg_array_move(u, &h.seq);
    hd_pg_array_move(u, &h.code);
    hd_pg_array_move(u, &h.reason);
    hd_pg_array_move(u, &h.words);
    hd_pg_array_move(u, &h.status);
}


void
hd_hold_free(hd_hold_rows_t *h)
{
    hd_pg_array_free(&h->kind);
    hd_pg_array_free(&h->id);
    hd_pg_array_free(&h->batch);
    hd_pg_array_free(&h->seq);
    hd_pg_array_free(&h->code);
    hd_pg_array_free(&h->reason);
    hd_pg_array_free(&h->words);
    hd_pg_array_free(&h->status);
}


static void
hd_hold_member(hd_buf_t *b, const char *name, hd_pg_res_t *res, ngx_uint_t i,
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


const char *
hd_hold_event(hd_buf_t *b, hd_pg_res_t *res, ngx_uint_t i)
{
    hd_str_t  what;

    what = hd_pg_value(res, i, 0);

    hd_buf_reset(b);
    hd_hold_member(b, "id", res, i, 1);
    hd_hold_member(b, "name", res, i, 2);
    hd_hold_member(b, "status", res, i, 3);

    if (hd_str_eq(&what, "broadcast")) {
        hd_hold_member(b, "pause_reason", res, i, 4);
        hd_hold_member(b, "pause_detail", res, i, 5);
        hd_buf_char(b, '}');
        return HD_HELD_BROADCAST;
    }

    hd_hold_member(b, "quality", res, i, 4);
    hd_hold_member(b, "status_reason", res, i, 5);

    if (hd_str_eq(&what, "template")) {
        hd_hold_member(b, "language", res, i, 6);
        hd_hold_member(b, "category", res, i, 7);
        hd_buf_char(b, '}');
        return HD_HELD_TEMPLATE;
    }

    hd_buf_char(b, '}');

    return HD_HELD_ACCOUNT;
}
