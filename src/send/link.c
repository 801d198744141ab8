/*
 * Short links of a broadcast: in values that are an address by themselves, in
 * buttons with a target, and, where the provider is given the whole text, in
 * the text.
 *
 * A link's key follows from the broadcast and the address, so any worker makes
 * the same; its row is committed in the unit that commits "sending", before
 * anybody can follow it.
 */

#include "private.h"


#define HD_SENT_URL_MAX  2000


static ngx_int_t
hd_sent_key(hd_row_t *row, const hd_str_t *url, u_char key[HD_LINK_KEY])
{
    hd_job_t        *job;
    hd_sent_link_t  *l;

    job = row->job;

    hd_link_key(hd_send.conf.secret_key, &job->grant.org, &job->grant.batch,
                url, key);

    for (l = job->links; l; l = l->next) {
        if (ngx_memcmp(l->key, key, HD_LINK_KEY) == 0) {
            return NGX_OK;
        }
    }

    l = hd_calloc(&job->mem, sizeof(hd_sent_link_t));

    if (l == NULL || hd_str_dup(&job->mem, url, &l->url) != HD_OK) {
        return NGX_ERROR;
    }

    ngx_memcpy(l->key, key, HD_LINK_KEY);
    l->next = job->links;
    job->links = l;

    return NGX_OK;
}


static ngx_int_t
hd_sent_url(hd_row_t *row, const hd_str_t *url, hd_str_t *out)
{
    u_char      *p;
    u_char       key[HD_LINK_KEY];
    ngx_str_t   *base;

    base = &hd_send.conf.public_url;

    if (hd_sent_key(row, url, key) != NGX_OK) {
        return NGX_ERROR;
    }

    p = hd_alloc(&row->job->mem, base->len + 3 + HD_LINK_TOKEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    out->data = p;
    out->len = base->len + 3 + HD_LINK_TOKEN;

    p = ngx_cpymem(p, base->data, base->len);
    p = ngx_cpymem(p, "/l/", 3);
    hd_link_format(hd_send.conf.secret_key, key, row->seq, p);

    return NGX_OK;
}


ngx_int_t
hd_sent_value(hd_row_t *row, hd_str_t *value)
{
    hd_str_t  url;

    if (!row->words->tracks || value->len > HD_SENT_URL_MAX
        || hd_link_next(value, 0, &url) != HD_OK || url.len != value->len)
    {
        return NGX_OK;
    }

    return hd_sent_url(row, &url, value);
}


ngx_int_t
hd_sent_text(hd_row_t *row, const hd_str_t *text, hd_str_t *out)
{
    size_t     at;
    hd_buf_t   b;
    hd_str_t   url, s;
    ngx_int_t  rc;

    if (!row->words->tracks || hd_link_next(text, 0, &url) != HD_OK) {
        return NGX_OK;
    }

    hd_buf_init(&b);
    rc = NGX_OK;

    for (at = 0; hd_link_next(text, at, &url) == HD_OK; ) {
        hd_buf_add(&b, text->data + at, url.data - text->data - at);
        at = url.data - text->data + url.len;

        if (hd_sent_url(row, &url, &s) != NGX_OK) {
            rc = NGX_ERROR;
            break;
        }

        hd_buf_str(&b, &s);
    }

    hd_buf_add(&b, text->data + at, text->len - at);

    s.data = b.data;
    s.len = b.len;

    if (b.failed || hd_str_dup(&row->job->mem, &s, out) != HD_OK) {
        rc = NGX_ERROR;
    }

    hd_buf_free(&b);

    return rc;
}


ngx_int_t
hd_sent_token(hd_row_t *row, const hd_str_t *url, hd_str_t *token)
{
    hd_str_t  s;

    if (hd_send.conf.public_url.len == 0) {
        return NGX_DECLINED;
    }

    if (hd_sent_url(row, url, &s) != NGX_OK) {
        return NGX_ERROR;
    }

    token->data = s.data + s.len - HD_LINK_TOKEN;
    token->len = HD_LINK_TOKEN;

    return NGX_OK;
}


void
hd_sent_stmt(hd_job_t *job, hd_pg_unit_t *u)
{
    u_char           hex[2 * HD_LINK_KEY];
    hd_str_t         s;
    hd_pg_array_t    keys, urls;
    hd_sent_link_t  *l;

    job->links_asked = job->links_put;

    if (job->links == job->links_put) {
        return;
    }

    hd_pg_array_init(&keys, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&urls, HD_PG_TEXT_ARRAY);

    s.data = hex;
    s.len = sizeof(hex);

    for (l = job->links; l != job->links_put; l = l->next) {
        hd_hex(hex, l->key, HD_LINK_KEY);
        hd_pg_array_text(&keys, &s);
        hd_pg_array_text(&urls, &l->url);
    }

    hd_pg_stmt(u, HD_Q_LINK_PUT);
    hd_pg_uuid(u, &job->grant.batch);
    hd_pg_array_move(u, &keys);
    hd_pg_array_move(u, &urls);

    job->links_asked = job->links;
}


void
hd_sent_done(hd_job_t *job, ngx_uint_t committed)
{
    if (committed) {
        job->links_put = job->links_asked;
    }
}
