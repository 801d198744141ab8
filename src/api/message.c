/*
 * Messages: the history of both ways, and a message's row as JSON.
 */

#include "template.h"
#include "reason.h"
#include "../base/sms.h"


static const hd_column_t  hd_message_columns[] = {
    { "id", 'u', NULL },
    { "account_id", 'u', NULL },
    { "contact_id", 'u', NULL },
    { "contact_name", 'S', NULL },
    { "phone", 'S', NULL },
    { "direction", 's', NULL },
    { "type", 's', NULL },
    { NULL, 0, NULL }
};


/* ── a row as JSON ── */

static void
hd_message_member(hd_buf_t *b, const char *name, hd_pg_res_t *res,
    ngx_uint_t row, ngx_uint_t col, ngx_uint_t is_time)
{
    u_char    time[48];
    hd_str_t  v;

    hd_buf_z(b, name);

    if (hd_pg_is_null(res, row, col)) {
        hd_buf_z(b, "null");
        return;
    }

    v = hd_pg_value(res, row, col);

    if (is_time) {
        v.len = hd_time_from_pg(time, v.data, v.len);
        v.data = time;
    }

    hd_jw_str(b, &v);
}


/* what it holds beside text: content, its file, what it answers; in an event
 * that must be short, without the content */
static void
hd_message_more(hd_buf_t *b, hd_pg_res_t *res, ngx_uint_t row, size_t max)
{
    hd_str_t  v;

    hd_buf_z(b, ",\"content\":");
    v = hd_pg_value(res, row, 21);

    if (hd_pg_is_null(res, row, 21) || (max && v.len > max)) {
        hd_buf_z(b, "null");

    } else {
        hd_buf_str(b, &v);
    }

    if (hd_pg_is_null(res, row, 23)) {
        hd_buf_z(b, ",\"media\":null");

    } else {
        hd_message_member(b, ",\"media\":{\"id\":", res, row, 22, 0);
        hd_message_member(b, ",\"state\":", res, row, 23, 0);
        hd_message_member(b, ",\"mime\":", res, row, 24, 0);
        hd_buf_z(b, ",\"bytes\":");

        v = hd_pg_value(res, row, 25);

        if (hd_pg_is_null(res, row, 25)) {
            hd_buf_z(b, "null");

        } else {
            hd_buf_str(b, &v);
        }

        hd_message_member(b, ",\"filename\":", res, row, 26, 0);
        hd_message_member(b, ",\"detail\":", res, row, 27, 0);
        hd_buf_char(b, '}');
    }

    hd_message_member(b, ",\"reply_to\":", res, row, 28, 0);

    if (hd_pg_is_null(res, row, 29)) {
        hd_buf_z(b, ",\"choice\":null");

    } else {
        hd_message_member(b, ",\"choice\":{\"id\":", res, row, 29, 0);
        v = hd_pg_value(res, row, 7);
        v.len = ngx_min(v.len, 256);

        while (v.len == 256 && (v.data[v.len] & 0xc0) == 0x80) {
            v.len--;
        }

        hd_buf_z(b, ",\"title\":");
        hd_jw_str(b, &v);
        hd_buf_char(b, '}');
    }

    hd_buf_z(b, ",\"clicks\":");
    hd_buf_int(b, hd_pg_is_null(res, row, 30)
                  ? 0 : hd_pg_value_int(res, row, 30));
}


void
hd_message_sms(hd_buf_t *b, const hd_str_t *text)
{
    hd_sms_t  sms;

    if (text == NULL) {
        hd_buf_z(b, ",\"sms\":null");
        return;
    }

    hd_sms_count(text, &sms);
    hd_buf_printf(b, ",\"sms\":{\"encoding\":\"%s\",\"units\":%u,"
                  "\"segments\":%u}", sms.encoding, sms.units, sms.segments);
}


static void
hd_message_parts(hd_buf_t *b, hd_pg_res_t *res, ngx_uint_t row)
{
    hd_str_t  text;

    if (hd_pg_is_null(res, row, 31)
        || hd_pg_value(res, row, 31).data[0] != 't')
    {
        hd_message_sms(b, NULL);
        return;
    }

    text = hd_pg_value(res, row, 7);
    hd_message_sms(b, &text);
}


void
hd_message_row(hd_buf_t *b, hd_pg_res_t *res, ngx_uint_t row, size_t max)
{
    int       code;
    hd_str_t  text;

    hd_answer_row(b, hd_message_columns, res, row);

    if (b->failed) {
        return;
    }

    b->len--;

    text = hd_pg_value(res, row, 7);

    if (max && text.len > max) {
        text.len = max;

        while (text.len && (text.data[text.len] & 0xc0) == 0x80) {
            text.len--;
        }
    }

    hd_buf_z(b, ",\"text\":");
    hd_jw_str(b, &text);

    hd_message_member(b, ",\"status\":", res, row, 8, 0);

    hd_buf_z(b, ",\"error_code\":");

    if (hd_pg_is_null(res, row, 9)) {
        hd_buf_z(b, "null");
        hd_message_member(b, ",\"error\":", res, row, 10, 0);

    } else {
        code = (int) hd_pg_value_int(res, row, 9);

        hd_buf_int(b, code);
        hd_buf_z(b, ",\"error\":");
        hd_jw_z(b, hd_error_find(code)->words);
    }

    hd_message_member(b, ",\"provider_id\":", res, row, 11, 0);
    hd_message_member(b, ",\"broadcast_id\":", res, row, 12, 0);
    hd_message_member(b, ",\"created_at\":", res, row, 13, 1);
    hd_message_member(b, ",\"sent_at\":", res, row, 14, 1);
    hd_message_member(b, ",\"delivered_at\":", res, row, 15, 1);
    hd_message_member(b, ",\"read_at\":", res, row, 16, 1);
    hd_message_member(b, ",\"reason\":", res, row, 10, 0);

    hd_buf_z(b, ",\"reason_text\":");

    if (hd_pg_is_null(res, row, 10)) {
        hd_buf_z(b, "null");

    } else {
        text = hd_pg_value(res, row, 10);
        hd_jw_z(b, hd_reason_find(&text)->words);
    }

    hd_message_member(b, ",\"send_at\":", res, row, 17, 1);
    hd_message_member(b, ",\"expires_at\":", res, row, 18, 1);
    hd_message_member(b, ",\"next_try_at\":", res, row, 19, 1);
    hd_buf_z(b, hd_pg_value(res, row, 20).data[0] == 't' ? ",\"test\":true"
                                                         : ",\"test\":false");

    hd_message_more(b, res, row, max);
    hd_message_parts(b, res, row);

    hd_buf_char(b, '}');
}


static void
hd_message_rows(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    u_char       cursor[64];
    size_t       n;
    hd_str_t     v;
    hd_buf_t    *b;
    hd_req_t    *req = u->data;
    ngx_uint_t   i, rows;

    if (req == NULL || index != 1) {
        return;
    }

    b = &req->out;
    rows = hd_pg_rows(res);

    hd_buf_z(b, "{\"data\":[");

    for (i = 0; i < ngx_min(rows, req->limit); i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        hd_message_row(b, res, i, 0);
    }

    hd_buf_z(b, "],\"next_cursor\":");

    if (rows > req->limit) {
        v = hd_pg_value(res, req->limit - 1, 0);
        n = hd_base64url(cursor, v.data, ngx_min(v.len, 36));

        hd_buf_char(b, '"');
        hd_buf_add(b, cursor, n);
        hd_buf_z(b, "\"}");

    } else {
        hd_buf_z(b, "null}");
    }
}


static void
hd_message_one(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req == NULL || index != req->found_at) {
        return;
    }

    req->found = hd_pg_rows(res);

    if (req->found) {
        hd_message_row(&req->out, res, 0, 0);
    }
}


void
hd_message_list(hd_req_t *req)
{
    hd_str_t       contact, direction;
    hd_uuid_t      id;
    hd_pg_unit_t  *u;

    contact = hd_query(req, "contact_id");
    direction = hd_query(req, "direction");

    if (direction.len == 0) {
        direction.data = NULL;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, contact.len ? HD_Q_MESSAGE_THREAD : HD_Q_MESSAGE_LIST);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);
    hd_pg_text_null(u, &direction);

    if (contact.len) {
        (void) hd_uuid_parse(&id, contact.data, contact.len);
        hd_pg_uuid(u, &id);
    }

    u->on_result = hd_message_rows;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_message_get(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_MESSAGE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_message_one;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── cancel ── */

typedef struct {
    ngx_uint_t   found;
    ngx_uint_t   changed;
    ngx_uint_t   broadcast;            /* it is one of a broadcast's */
    u_char       status[16];
    u_char       contact[36];
} hd_message_cancel_t;


static void
hd_message_cancelled(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t              v;
    hd_req_t             *req = u->data;
    hd_message_cancel_t  *ctx;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;

    if (index == 1) {
        ctx->changed = 1;

    } else if (index == 2) {
        ctx->found = 1;
        ctx->broadcast = !hd_pg_is_null(res, 0, 12);

        v = hd_pg_value(res, 0, 8);
        (void) ngx_cpystrn(ctx->status, v.data,
                           ngx_min(v.len + 1, sizeof(ctx->status)));

        v = hd_pg_value(res, 0, 2);
        ngx_memcpy(ctx->contact, v.data, ngx_min(v.len, 36));

        hd_message_row(&req->out, res, 0, 0);
    }
}


static void
hd_message_cancel_tell(hd_req_t *req, hd_message_cancel_t *ctx)
{
    u_char    id[36], at[HD_RFC3339_LEN + 8];
    size_t    n;
    hd_buf_t  b;

    hd_uuid_format(&req->ids[0], id);
    n = hd_time_format(at, hd_now_us());

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.*s\",\"contact_id\":\"%.*s\","
                  "\"status\":\"%s\",\"at\":\"%.*s\",\"error_code\":null}",
                  36, id, 36, ctx->contact, ctx->status, (int) n, at);

    hd_publish(&req->who.org, "message.status", &b);
    hd_buf_free(&b);
}


static void
hd_message_cancel_done(hd_req_t *req)
{
    char                  text[160];
    hd_message_cancel_t  *ctx = req->ctx;

    if (!ctx->found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (ctx->broadcast) {
        hd_problem(req, 409, "wrong_state",
                   "This message is a broadcast's: cancel the broadcast.");
        return;
    }

    if (!ctx->changed) {
        snprintf(text, sizeof(text), "This message is %s: only one that waits "
                 "to be sent can be cancelled.", ctx->status);
        hd_problem(req, 409, "wrong_state", text);
        return;
    }

    hd_message_cancel_tell(req, ctx);
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_message_cancel(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    req->ctx = ngx_pcalloc(req->r->pool, sizeof(hd_message_cancel_t));

    if (req->ctx == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_MESSAGE_CANCEL);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_MESSAGE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_message_cancelled;
    req->done = hd_message_cancel_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
