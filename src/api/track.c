/*
 * The links of a single message: each http address becomes our host's short
 * form, whose key follows from the message and the address.  What is shown of
 * the message stays as it was written; the short form is what is sent.
 */

#include "render.h"


ngx_int_t
hd_track_url(hd_track_t *t, const hd_str_t *url, hd_str_t *out)
{
    u_char      *p;
    u_char       key[HD_LINK_KEY];
    ngx_uint_t   i;

    hd_link_key(hd_api.secret_key, &t->req->who.org, t->batch, url, key);

    for (i = 0; i < t->n; i++) {
        if (ngx_memcmp(t->keys[i], key, HD_LINK_KEY) == 0) {
            break;
        }
    }

    if (i == t->n) {
        if (t->n == HD_TRACK_MAX || url->len > 2000) {
            *out = *url;
            return NGX_OK;
        }

        ngx_memcpy(t->keys[i], key, HD_LINK_KEY);

        if (hd_str_dup(&t->req->mem, url, &t->urls[i]) != HD_OK) {
            return NGX_ERROR;
        }

        t->n++;
    }

    p = ngx_pnalloc(t->req->r->pool, hd_api.public_url.len + 3
                                     + HD_LINK_TOKEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    p = ngx_cpymem(p, hd_api.public_url.data, hd_api.public_url.len);
    p = ngx_cpymem(p, "/l/", 3);
    hd_link_format(hd_api.secret_key, key, 0, p);
    out->len = hd_api.public_url.len + 3 + HD_LINK_TOKEN;

    return NGX_OK;
}


ngx_int_t
hd_track_text(hd_track_t *t, const hd_str_t *text, hd_str_t *out)
{
    size_t     at;
    hd_buf_t   b;
    hd_str_t   url, s;
    ngx_int_t  rc;

    *out = *text;

    if (!t->on || hd_link_next(text, 0, &url) != HD_OK) {
        return NGX_OK;
    }

    hd_buf_init(&b);
    rc = NGX_OK;

    for (at = 0; hd_link_next(text, at, &url) == HD_OK; ) {
        hd_buf_add(&b, text->data + at, url.data - text->data - at);

        if (hd_track_url(t, &url, &s) != NGX_OK) {
            rc = NGX_ERROR;
            break;
        }

        hd_buf_str(&b, &s);
        at = url.data - text->data + url.len;
    }

    hd_buf_add(&b, text->data + at, text->len - at);

    s.data = b.data;
    s.len = b.len;

    if (b.failed || hd_str_dup(&t->req->mem, &s, out) != HD_OK) {
        rc = NGX_ERROR;
    }

    hd_buf_free(&b);

    return rc;
}


ngx_int_t
hd_track_value(hd_track_t *t, hd_str_t *value)
{
    hd_str_t  url;

    if (t == NULL || !t->on || hd_link_next(value, 0, &url) != HD_OK
        || url.len != value->len)
    {
        return NGX_OK;
    }

    return hd_track_url(t, &url, value);
}


ngx_int_t
hd_track_token(hd_track_t *t, const hd_str_t *target, hd_str_t *token)
{
    hd_str_t  s;

    if (t == NULL || hd_api.public_url.len == 0) {
        return NGX_DECLINED;
    }

    if (hd_track_url(t, target, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    token->data = s.data + s.len - HD_LINK_TOKEN;
    token->len = HD_LINK_TOKEN;

    return NGX_OK;
}


void
hd_track_put(hd_pg_unit_t *u, hd_track_t *t)
{
    u_char         hex[2 * HD_LINK_KEY];
    hd_str_t       s;
    ngx_uint_t     i;
    hd_pg_array_t  keys, urls;

    if (t->n == 0) {
        return;
    }

    hd_pg_array_init(&keys, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&urls, HD_PG_TEXT_ARRAY);

    s.data = hex;
    s.len = sizeof(hex);

    for (i = 0; i < t->n; i++) {
        hd_hex(hex, t->keys[i], HD_LINK_KEY);
        hd_pg_array_text(&keys, &s);
        hd_pg_array_text(&urls, &t->urls[i]);
    }

    hd_pg_stmt(u, HD_Q_LINK_PUT);
    hd_pg_uuid(u, t->batch);
    hd_pg_array_move(u, &keys);
    hd_pg_array_move(u, &urls);
}
