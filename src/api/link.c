/*
 * herald_links: addresses that work without a sign-in.
 *
 *   .../l/{token}            a link of a message, followed by a person
 *   .../media/{id}/{token}   a file, fetched by a provider within its time
 *
 * What cannot be proved by its MAC costs no question to the database.
 */

#include "media.h"
#include "../base/link.h"




static const hd_route_t  hd_link_route = {
    NGX_HTTP_GET, "/l/{token}", HD_SCOPE_PUBLIC, HD_ROUTE_RAW, NULL, NULL,
    NULL, NULL, NULL, NULL
};

static const hd_route_t  hd_file_route = {
    NGX_HTTP_GET, "/media/{id}/{token}", HD_SCOPE_PUBLIC, HD_ROUTE_RAW, NULL,
    NULL, NULL, NULL, NULL, NULL
};


void
hd_link_say(hd_req_t *req, ngx_uint_t status, const char *words)
{
    hd_buf_reset(&req->out);
    hd_buf_z(&req->out, words);
    hd_buf_char(&req->out, '\n');

    hd_req_send(req, status, "text/plain; charset=utf-8");
}


/* the last segment of what is left of the path */
static hd_str_t
hd_link_segment(ngx_str_t *path)
{
    size_t    i;
    hd_str_t  s;

    for (i = path->len; i > 0 && path->data[i - 1] != '/'; i--) {
        /* void */
    }

    s.data = path->data + i;
    s.len = path->len - i;
    path->len = i ? i - 1 : 0;

    return s;
}


/* ── a file ── */

static void
hd_link_file_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t         *req = u->data;
    hd_media_file_t  *f;

    if (req == NULL || index != 1) {
        return;
    }

    f = req->ctx;

    if (hd_media_file_row(req, res, f) != NGX_OK) {
        f->ready = 0;
    }
}


static void
hd_link_file_known(hd_req_t *req)
{
    hd_media_file_t  *f = req->ctx;

    if (!f->found || !f->ready) {
        hd_link_say(req, NGX_HTTP_NOT_FOUND, "There is no such file.");
        return;
    }

    hd_media_send(req, &req->who.org, f);
}


static void
hd_link_file(hd_req_t *req, const hd_str_t *id, const hd_str_t *token)
{
    int64_t        until;
    hd_pg_unit_t  *u;

    req->ctx = ngx_pcalloc(req->r->pool, sizeof(hd_media_file_t));

    if (req->ctx == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (hd_uuid_parse(&req->ids[0], id->data, id->len) != HD_OK
        || hd_file_link_parse(hd_api.secret_key, &req->ids[0], token,
                              &req->who.org, &until) != HD_OK)
    {
        hd_link_say(req, NGX_HTTP_NOT_FOUND, "There is no such file.");
        return;
    }

    if (until < ngx_time()) {
        hd_link_say(req, 410, "The time of this address is over.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_MEDIA_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_link_file_row;
    req->done = hd_link_file_known;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── which of them ── */

ngx_int_t
hd_links_handler(ngx_http_request_t *r)
{
    hd_req_t   *req;
    hd_str_t    token, middle, kind;
    ngx_str_t   path;
    ngx_int_t   rc;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    path = r->uri;
    token = hd_link_segment(&path);
    middle = hd_link_segment(&path);
    kind = hd_link_segment(&path);

    req = hd_req_outside(r, hd_str_eq(&middle, "l") ? &hd_link_route
                                                    : &hd_file_route);
    if (req == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        hd_req_allow(req, NGX_HTTP_GET);
        hd_link_say(req, NGX_HTTP_NOT_ALLOWED, "This address can only be "
                    "followed.");

    } else if (hd_str_eq(&middle, "l")) {
        hd_click(req, &token);

    } else if (hd_str_eq(&middle, "calendar")) {
        hd_feed_get(req, &token);

    } else if (hd_str_eq(&kind, "media")) {
        hd_link_file(req, &middle, &token);

    } else {
        hd_link_say(req, NGX_HTTP_NOT_FOUND, "There is nothing here.");
    }

    return NGX_DONE;
}
