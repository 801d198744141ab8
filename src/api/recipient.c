/*
 * Recipients of a broadcast: who, and how far.  The frame's list cannot write
 * these rows, because the provider's error code is put into words here.
 */

#include "reason.h"


typedef struct {
    const char   *word;
    const char   *from;                /* range of delivery_state */
    const char   *to;
    ngx_uint_t    replied;
} hd_recipient_filter_t;

/* "delivered" means at least that: what was read was delivered */
static const hd_recipient_filter_t  hd_recipient_filters[] = {
    { "queued", "queued", "queued", 0 },
    { "sending", "sending", "sending", 0 },
    { "unknown", "unknown", "unknown", 0 },
    { "sent", "accepted", "played", 0 },
    { "delivered", "delivered", "played", 0 },
    { "read", "read", "played", 0 },
    { "replied", "queued", "failed", 1 },
    { "skipped", "skipped", "skipped", 0 },
    { "failed", "failed", "failed", 0 },
    { NULL, "queued", "failed", 0 }
};

static const hd_column_t  hd_recipient_columns[] = {
    { "seq", 'i', NULL },
    { "contact_id", 'u', NULL },
    { "name", 'S', NULL },
    { "phone", 'S', NULL },
    { "status", 's', NULL },
    { "attempts", 'i', NULL },
    { "error_code", 'I', NULL },
    { "reason", 'S', NULL },
    { "provider_id", 'S', NULL },
    { "message_id", 'U', NULL },
    { "sent_at", 'T', NULL },
    { "delivered_at", 'T', NULL },
    { "read_at", 'T', NULL },
    { "replied_at", 'T', NULL },
    { "variant", 'i', NULL },
    { "next_try_at", 'T', NULL },
    { NULL, 0, NULL }
};


static void
hd_recipient_rows(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    u_char       cursor[32];
    size_t       n;
    hd_str_t     v;
    hd_buf_t    *b;
    hd_req_t    *req = u->data;
    ngx_uint_t   i, rows;

    if (req == NULL) {
        return;
    }

    rows = hd_pg_rows(res);

    if (index == 1) {
        req->found = rows;
        return;
    }

    if (index != 2) {
        return;
    }

    b = &req->out;
    hd_buf_z(b, "{\"data\":[");

    for (i = 0; i < ngx_min(rows, req->limit) && !b->failed; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        hd_answer_row(b, hd_recipient_columns, res, i);

        /* the provider's code and our reason in words, into the same
         * object */

        if (b->failed) {
            break;
        }

        b->len--;
        hd_buf_z(b, ",\"error\":");

        if (hd_pg_is_null(res, i, 6)) {
            hd_buf_z(b, "null");

        } else {
            hd_jw_z(b, hd_error_find((int) hd_pg_value_int(res, i, 6))->words);
        }

        hd_buf_z(b, ",\"reason_text\":");

        if (hd_pg_is_null(res, i, 7)) {
            hd_buf_z(b, "null}");

        } else {
            v = hd_pg_value(res, i, 7);
            hd_jw_z(b, hd_reason_find(&v)->words);
            hd_buf_char(b, '}');
        }
    }

    hd_buf_z(b, "],\"next_cursor\":");

    if (rows > req->limit) {
        v = hd_pg_value(res, req->limit - 1, 0);
        n = hd_base64url(cursor, v.data, ngx_min(v.len, 16));

        hd_buf_char(b, '"');
        hd_buf_add(b, cursor, n);
        hd_buf_z(b, "\"}");

    } else {
        hd_buf_z(b, "null}");
    }
}


void
hd_broadcast_recipients(hd_req_t *req)
{
    hd_str_t                      status;
    hd_pg_unit_t                 *u;
    const hd_recipient_filter_t  *f;

    status = hd_query(req, "status");

    for (f = hd_recipient_filters; f->word; f++) {
        if (status.len == ngx_strlen(f->word)
            && ngx_memcmp(status.data, f->word, status.len) == 0)
        {
            break;
        }
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_EXISTS);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_RECIPIENTS);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_int(u, ngx_min(req->after, NGX_MAX_INT32_VALUE));
    hd_pg_int(u, req->limit + 1);
    hd_pg_z(u, f->from);
    hd_pg_z(u, f->to);
    hd_pg_bool(u, f->replied);

    u->on_result = hd_recipient_rows;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
