/*
 * The frame: a request from its arrival to its answer.  See frame.h for the
 * life of a request; the rule on reference counts is here:
 *
 *   The handler always answers NGX_DONE, and hd_req_wait has then taken one
 *   reference of r->main, which hd_req_send gives back.  A client that goes
 *   away runs the cleanup: the unit in flight is abandoned (its callbacks see
 *   no data), and nothing touches the request again.
 */

#include "frame.h"


#define HD_BODY_MAX  (1024 * 1024)


hd_api_conf_t  hd_api;


static void hd_req_cleanup(void *data);
static void hd_req_free(void *data);
static void hd_req_body(ngx_http_request_t *r);
static const hd_route_t *hd_route_find(hd_req_t *req, ngx_uint_t *allow);


ngx_int_t
hd_api_init(const hd_api_conf_t *conf)
{
    hd_api = *conf;

    if (hd_stream_init() != NGX_OK) {
        return NGX_ERROR;
    }

    return hd_ingress_init();
}


void
hd_api_exit(void)
{
    hd_stream_exit();
    hd_ingress_exit();
    hd_auth_forget();
    hd_zones_exit();
}


void
hd_api_quit(void)
{
    hd_stream_quit();
    hd_ingress_quit();
}


void
hd_api_wake(void)
{
    hd_stream_wake();
}


hd_req_t *
hd_req_of(ngx_http_request_t *r)
{
    hd_req_t  *req;

    /* in log_format, in an nginx that does not use us */
    if (hd_api.module == NULL) {
        return NULL;
    }

    req = ngx_http_get_module_ctx(r, (*hd_api.module));

    return req ? req : ngx_http_get_module_ctx(r->main, (*hd_api.module));
}


static hd_req_t *
hd_req_create(ngx_http_request_t *r)
{
    u_char               random[8];
    hd_str_t             id;
    hd_req_t            *req;
    ngx_pool_cleanup_t  *pool;
    ngx_http_cleanup_t  *cln;

    req = ngx_pcalloc(r->pool, sizeof(hd_req_t));
    pool = ngx_pool_cleanup_add(r->pool, 0);
    cln = ngx_http_cleanup_add(r, 0);

    if (req == NULL || pool == NULL || cln == NULL) {
        return NULL;
    }

    cln->handler = hd_req_cleanup;
    cln->data = req;

    /* not before the pool: HTTP/2 may still have frames of it to send */
    pool->handler = hd_req_free;
    pool->data = req;

    ngx_http_set_ctx(r, req, (*hd_api.module));

    req->r = r;
    req->mem = hd_pool_mem(r->pool);
    req->status = NGX_HTTP_OK;
    req->found_at = NGX_CONF_UNSET_UINT;
    hd_buf_init(&req->out);

    hd_random(random, sizeof(random));
    hd_hex(req->request_id, random, sizeof(random));

    id.data = req->request_id;
    id.len = 16;

    if (hd_req_header(r, "X-Request-Id", &id) != NGX_OK) {
        return NULL;
    }

    return req;
}


hd_req_t *
hd_req_outside(ngx_http_request_t *r, const hd_route_t *route)
{
    hd_req_t  *req;

    req = hd_req_create(r);

    if (req) {
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_api_requests, 1);
        req->route = route;
        hd_req_wait(req);
    }

    return req;
}


static void
hd_req_cleanup(void *data)
{
    hd_req_t *req = data;

    if (req->unit) {
        hd_pg_abandon(req->unit);
        req->unit = NULL;
    }
}


static void
hd_req_free(void *data)
{
    hd_req_t *req = data;

    hd_buf_free(&req->out);
}


ngx_int_t
hd_api_handler(ngx_http_request_t *r)
{
    hd_req_t    *req;
    ngx_int_t    rc;
    ngx_uint_t   methods;

    req = hd_req_create(r);
    if (req == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_api_requests, 1);

    hd_req_wait(req);

    methods = 0;
    req->route = hd_route_find(req, &methods);

    if (req->route == NULL) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            ngx_http_finalize_request(r, rc);
            return NGX_DONE;
        }

        if (methods == 0) {
            hd_problem(req, NGX_HTTP_NOT_FOUND, "not_found",
                       "There is no such address. /api/v1/openapi.json lists "
                       "them all.");
            return NGX_DONE;
        }

        hd_req_allow(req, methods);

        hd_problem(req, NGX_HTTP_NOT_ALLOWED, "method_not_allowed",
                   "This address exists, but not for this method.");
        return NGX_DONE;
    }

    hd_auth(req);

    return NGX_DONE;
}


ngx_int_t
hd_events_handler(ngx_http_request_t *r)
{
    /* the same route, for those who want a location of its own (buffering
     * off, other time-outs) */

    return hd_api_handler(r);
}


/* segment by segment: {…} takes a whole one, {id} and {…_id} a UUID */
static ngx_uint_t
hd_route_match(hd_req_t *req, const hd_route_t *route, u_char *p,
    u_char *last)
{
    u_char      *start;
    const char  *t, *end;
    ngx_uint_t   n;

    n = 0;

    for (t = route->path; *t; t++) {

        if (*t != '{') {
            if (p == last || *p != (u_char) *t) {
                return 0;
            }

            p++;
            continue;
        }

        start = p;

        while (p < last && *p != '/') {
            p++;
        }

        if (n == HD_PARAMS || p == start) {
            return 0;
        }

        req->params[n].data = start;
        req->params[n].len = p - start;

        end = strchr(t, '}');

        if (ngx_strncmp(end - 2, "id", 2) == 0
            && hd_uuid_parse(&req->ids[n], start, p - start) != HD_OK)
        {
            return 0;
        }

        n++;
        t = end;
    }

    return p == last;
}


/* `allow` gets the methods that the path has */
static const hd_route_t *
hd_route_find(hd_req_t *req, ngx_uint_t *allow)
{
    u_char                   *p, *last;
    ngx_uint_t                method;
    const hd_route_t         *route;
    ngx_http_request_t       *r;
    const hd_route_t *const  *part;

    r = req->r;
    p = r->uri.data;
    last = p + r->uri.len;

    if (r->uri.len < 8 || ngx_strncmp(p, "/api/v1/", 8) != 0) {
        return NULL;
    }

    p += 7;

    method = (r->method == NGX_HTTP_HEAD) ? NGX_HTTP_GET : r->method;

    for (part = hd_routes; *part; part++) {
        for (route = *part; route->path; route++) {

            if (!hd_route_match(req, route, p, last)) {
                continue;
            }

            if (route->method == method) {
                return route;
            }

            *allow |= route->method;
        }
    }

    return NULL;
}


static void
hd_req_call(hd_req_t *req)
{
    if (hd_idempotency(req) == NGX_DECLINED) {
        req->route->handler(req);
    }
}


/* after the credential: scope, body, the route's function */
void
hd_req_run(hd_req_t *req)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = req->r;

    if (req->route->scope != HD_SCOPE_ANY
        && req->route->scope != HD_SCOPE_PUBLIC
        && !(req->who.scopes & req->route->scope))
    {
        hd_problem(req, NGX_HTTP_FORBIDDEN, "missing_scope",
                   req->route->scope == HD_SCOPE_ADMIN
                   ? "This needs the scope \"admin\"."
                   : req->route->scope == HD_SCOPE_SEND
                   ? "This needs the scope \"send\"."
                   : "This needs the scope \"read\".");
        return;
    }

    if ((req->route->flags & HD_ROUTE_ZONES)
        && hd_zones_need(req) != NGX_OK)
    {
        return;
    }

    if (hd_check_query(req) != NGX_OK) {
        return;
    }

    if (req->route->flags & HD_ROUTE_STREAM) {
        req->route->handler(req);
        return;
    }

    if (r->headers_in.content_length_n > HD_BODY_MAX) {
        hd_problem(req, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "body_too_large",
                   "The body may have at most 1 MiB.");
        return;
    }

    if (req->route->body == NULL) {
        rc = ngx_http_discard_request_body(r);
        if (rc != NGX_OK) {
            ngx_http_finalize_request(r, rc);
            return;
        }

        hd_req_call(req);
        return;
    }

    r->request_body_in_single_buf = 1;

    /* takes a reference of its own, which the finalization after it returns */

    rc = ngx_http_read_client_request_body(r, hd_req_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        /* it gave its own reference back; ours is the one that is finalized */
        req->waiting = 0;
        ngx_http_finalize_request(r, rc);
        return;
    }

    ngx_http_finalize_request(r, NGX_DONE);
}


static ngx_int_t
hd_req_read(hd_req_t *req)
{
    u_char              *p;
    size_t               len;
    ssize_t              n;
    ngx_buf_t           *b;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r;

    r = req->r;
    len = 0;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    if (len > HD_BODY_MAX) {
        return NGX_DECLINED;
    }

    p = ngx_pnalloc(r->pool, len ? len : 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    req->raw_body.data = p;

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;

        if (b->in_file) {
            n = ngx_read_file(b->file, p, b->file_last - b->file_pos,
                              b->file_pos);
            if (n == NGX_ERROR) {
                return NGX_ERROR;
            }

            p += n;

        } else {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
        }
    }

    req->raw_body.len = p - req->raw_body.data;

    return NGX_OK;
}


static void
hd_req_body(ngx_http_request_t *r)
{
    hd_req_t   *req;
    ngx_int_t   rc;

    req = hd_req_of(r);

    rc = hd_req_read(req);

    if (rc == NGX_DECLINED) {
        hd_problem(req, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "body_too_large",
                   "The body may have at most 1 MiB.");
        return;
    }

    if (rc != NGX_OK) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "The body could not be read.");
        return;
    }

    if (hd_check_body(req) != NGX_OK) {
        return;
    }

    hd_req_call(req);
}


void
hd_req_wait(hd_req_t *req)
{
    if (!req->waiting) {
        req->waiting = 1;
        req->r->main->count++;
    }

    req->r->read_event_handler = ngx_http_test_reading;
}


void
hd_req_new_id(hd_uuid_t *id)
{
    hd_uuid_v7(id, hd_now_us() / 1000);
}


void
hd_api_variables(ngx_http_request_t *r, hd_str_t *org, hd_str_t *route,
    hd_str_t *request_id, ngx_int_t *db_us)
{
    hd_req_t  *req;

    ngx_memzero(org, sizeof(hd_str_t));
    ngx_memzero(route, sizeof(hd_str_t));
    ngx_memzero(request_id, sizeof(hd_str_t));
    *db_us = 0;

    req = hd_req_of(r);

    if (req == NULL) {
        return;
    }

    request_id->data = req->request_id;
    request_id->len = 16;
    *db_us = req->db_us;

    if (req->route) {
        route->data = (u_char *) req->route->path;
        route->len = ngx_strlen(req->route->path);
    }

    if (!hd_uuid_is_nil(&req->who.org)) {
        org->data = ngx_pnalloc(r->pool, 36);

        if (org->data) {
            hd_uuid_format(&req->who.org, org->data);
            org->len = 36;
        }
    }
}
