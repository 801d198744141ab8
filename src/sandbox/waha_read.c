/*
 * waha_read: what is asked of the gateway in pages (chats, groups), its files,
 * and stories.
 */

#include "waha.h"


/* ── stories ── */

void
hd_sb_waha_story(ngx_http_request_t *r)
{
    u_char            key[9], hex[18];
    hd_buf_t          b;
    hd_str_t          id;
    ngx_int_t         rc;
    hd_json_t        *v;
    hd_sb_entry_t     e;
    hd_sb_target_t   *t;
    hd_sb_session_t  *s;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return;
    }

    s = hd_sb_session_find(&t->id);
    ngx_memzero(&e, sizeof(hd_sb_entry_t));
    hd_buf_init(&b);
    id = hd_json_str(v, "id");
    rc = 201;

    if (!hd_sb_session_is(s, "WORKING")) {
        rc = 422;
        hd_buf_printf(&b, "{\"error\":\"Session status is not as expected\","
                      "\"status\":\"%s\",\"expected\":[\"WORKING\"]}",
                      s->state);

    } else if (hd_sb_waha_is(&t->edge, "delete") && id.len == 0) {
        rc = 422;
        hd_sb_waha_error_body(&b, 422, "id is required");

    } else {
        if (id.len == 0) {
            hd_sb_new_key(key);
            hd_hex(hex, key, sizeof(key));
            id.data = hex;
            id.len = sizeof(hex);
        }

        hd_buf_z(&b, "{\"id\":\"true_status@broadcast_");
        hd_buf_str(&b, &id);
        hd_buf_printf(&b, "_%s@c.us\"}", s->me);

        hd_str_set(&e.to, "status@broadcast");
        e.type.data = t->edge.data;
        e.type.len = t->edge.len;
        e.wamid = id;
        e.outcome = hd_sb_waha_is(&t->edge, "delete") ? "deleted" : "story";
        hd_str_set(&e.reference, "");
        e.body = v;
        hd_sb_ledger_add(t, &e);
        hd_sb_ledger_flush();
    }

    ngx_http_finalize_request(r, hd_sb_waha_send(r, rc, &b));
    hd_buf_free(&b);
}


/* ── what is read ── */

static ngx_uint_t
hd_sb_waha_arg(ngx_http_request_t *r, const char *name, ngx_uint_t none)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) name, strlen(name), &value) != NGX_OK) {
        return none;
    }

    n = ngx_atoi(value.data, value.len);

    return n == NGX_ERROR ? none : (ngx_uint_t) n;
}


ngx_int_t
hd_sb_waha_read(ngx_http_request_t *r, hd_sb_session_t *s, ngx_str_t *parts,
    ngx_uint_t n)
{
    u_char     key[9], hex[18];
    hd_buf_t   b;
    hd_str_t   chat;
    ngx_int_t  rc;

    hd_buf_init(&b);

    if (hd_sb_waha_is(&parts[2], "chats")) {

        if (n == 5) {
            chat.data = parts[3].data;
            chat.len = parts[3].len;
            hd_sb_said_messages(&b, s, &chat,
                hd_sb_waha_arg(r, "filter.timestamp.gte", 0),
                hd_sb_waha_arg(r, "offset", 0),
                hd_sb_waha_arg(r, "limit", 10));

        } else if (hd_sb_waha_arg(r, "offset", 0) != 0) {
            hd_buf_z(&b, "[]");

        } else {
            hd_sb_said_chats(&b, s);
        }

    } else if (hd_sb_waha_is(&parts[2], "groups")) {
        hd_buf_printf(&b, "{\"120363000000000001@g.us\":{\"id\":"
                      "\"120363000000000001@g.us\",\"subject\":\"Sandbox "
                      "friends\",\"description\":\"People who test\","
                      "\"participants\":[{\"id\":\"%s@c.us\",\"role\":"
                      "\"superadmin\"},{\"id\":\"254700000001@c.us\","
                      "\"role\":\"participant\"}]}}", s->me);

    } else {
        /* {s}/status/new-message-id, {s}/new-message-id */
        hd_sb_new_key(key);
        hd_hex(hex, key, sizeof(key));
        hd_buf_printf(&b, "{\"id\":\"%.18s\"}", hex);
    }

    rc = hd_sb_waha_send(r, 200, &b);
    hd_buf_free(&b);

    return rc;
}


ngx_int_t
hd_sb_waha_file(ngx_http_request_t *r)
{
    ngx_str_t  body;

    /* the smallest PNG there is */

    static u_char  png[] =
        "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15"
        "\xc4\x89\0\0\0\rIDATx\x9c" "c\xf8\xff\xff?\0\5\xfe\2\xfe\xa7\x9a"
        "\xa0\xa0\0\0\0\0IEND\xae" "B`\x82";

    body.data = png;
    body.len = sizeof(png) - 1;

    ngx_str_set(&r->headers_out.content_type, "image/png");
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    return hd_sb_answer_now(r, NGX_HTTP_OK, &body);
}
