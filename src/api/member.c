/*
 * What a request brought, read by name: arguments of its query and members of
 * its body, which check.c has seen before.
 */

#include "frame.h"


hd_str_t
hd_query(hd_req_t *req, const char *name)
{
    size_t      i;
    u_char     *dst, *src;
    hd_str_t    value;
    ngx_str_t   arg;

    ngx_memzero(&value, sizeof(hd_str_t));

    if (ngx_http_arg(req->r, (u_char *) name, ngx_strlen(name), &arg)
        != NGX_OK)
    {
        return value;
    }

    dst = ngx_pnalloc(req->r->pool, arg.len + 1);
    if (dst == NULL) {
        return value;
    }

    /* in a copy: the log shows the arguments as they came */
    for (i = 0; i < arg.len; i++) {
        dst[i] = (arg.data[i] == '+') ? ' ' : arg.data[i];
    }

    value.data = dst;
    src = dst;
    ngx_unescape_uri(&dst, &src, arg.len, 0);
    value.len = dst - value.data;

    return value;
}


/* "?phone=+254…", where the + should have been %2B, is meant so */
ngx_int_t
hd_query_phone(hd_req_t *req, const char *name, hd_str_t *phone)
{
    hd_str_t     text, e164;
    hd_phone_t   parsed;

    text = hd_query(req, name);

    if (text.len && text.data[0] == ' ') {
        text.data[0] = '+';
    }

    if (text.len == 0 || hd_phone_parse(&text, "", &parsed) != HD_PHONE_OK) {
        return NGX_DECLINED;
    }

    e164.data = parsed.e164;
    e164.len = parsed.len;

    return hd_str_dup(&req->mem, &e164, phone) == HD_OK ? NGX_OK : NGX_ERROR;
}


hd_str_t
hd_body_str(hd_req_t *req, const char *name)
{
    hd_str_t    none;
    hd_json_t  *v;

    v = hd_json_get(req->body, name);

    if (v && v->type == HD_JSON_STRING) {
        return v->str;
    }

    ngx_memzero(&none, sizeof(hd_str_t));

    return none;
}


int64_t
hd_body_int(hd_req_t *req, const char *name, int64_t none)
{
    int64_t     n;
    hd_json_t  *v;

    v = hd_json_get(req->body, name);

    if (v && v->type == HD_JSON_NUMBER && hd_json_int(v, &n) == HD_OK) {
        return n;
    }

    return none;
}


ngx_uint_t
hd_body_bool(hd_req_t *req, const char *name, ngx_uint_t none)
{
    hd_json_t  *v;

    v = hd_json_get(req->body, name);

    if (v == NULL || v->type == HD_JSON_NULL) {
        return none;
    }

    return v->type == HD_JSON_TRUE;
}


ngx_int_t
hd_body_uuid(hd_req_t *req, const char *name, hd_uuid_t *id)
{
    hd_str_t  s;

    s = hd_body_str(req, name);

    if (s.data == NULL || hd_uuid_parse(id, s.data, s.len) != HD_OK) {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


int64_t
hd_body_time(hd_req_t *req, const char *name)
{
    int64_t   us;
    hd_str_t  s;

    s = hd_body_str(req, name);

    if (s.data == NULL || hd_time_parse(s.data, s.len, &us) != HD_OK) {
        return 0;
    }

    return us;
}
