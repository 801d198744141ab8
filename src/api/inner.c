/*
 * A request of our own.  The API's functions want an nginx request: this one
 * has a pool, lists of headers and a connection that is none.  Its answer is
 * handed over in the next turn of the loop, when nobody stands inside of it
 * any more, and then it goes with its pool.
 */

#include "inner.h"


#define HD_INNER_HEADERS  4


struct hd_inner_s {
    ngx_pool_t           *pool;
    ngx_http_request_t    r;
    ngx_connection_t      connection;
    ngx_event_t           read, write;
    hd_req_t              req;
    hd_uuid_t             id;
    unsigned              named:1;
    unsigned              check:1;
    unsigned              answered:1;
    ngx_uint_t            status;
    hd_inner_pt           done;
    void                 *data;
    hd_lap_t              lap;
};


static void hd_inner_end(void *data);


static const hd_route_t *
hd_inner_route(ngx_uint_t method, const char *path)
{
    const hd_route_t         *route;
    const hd_route_t *const  *part;

    for (part = hd_routes; *part; part++) {
        for (route = *part; route->path; route++) {
            if (route->method == method
                && ngx_strcmp(route->path, path) == 0)
            {
                return route;
            }
        }
    }

    return NULL;
}


static void
hd_inner_noop(ngx_event_t *ev)
{
}


static ngx_int_t
hd_inner_request(hd_inner_t *inner)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = &inner->r;
    c = &inner->connection;

    inner->read.handler = hd_inner_noop;
    inner->read.data = c;
    inner->read.log = hd_api.log;
    inner->write = inner->read;

    c->fd = (ngx_socket_t) -1;
    c->log = hd_api.log;
    c->pool = inner->pool;
    c->read = &inner->read;
    c->write = &inner->write;
    c->data = r;

    r->signature = NGX_HTTP_MODULE;
    r->connection = c;
    r->pool = inner->pool;
    r->main = r;
    r->count = 1;
    r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (ngx_list_init(&r->headers_in.headers, r->pool, HD_INNER_HEADERS,
                      sizeof(ngx_table_elt_t)) != NGX_OK
        || ngx_list_init(&r->headers_out.headers, r->pool, HD_INNER_HEADERS,
                         sizeof(ngx_table_elt_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static hd_inner_t *
hd_inner_create(const hd_inner_ask_t *ask)
{
    u_char       random[8];
    hd_req_t    *req;
    hd_inner_t  *inner;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(8192, hd_api.log);
    if (pool == NULL) {
        return NULL;
    }

    inner = ngx_pcalloc(pool, sizeof(hd_inner_t));

    if (inner == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    inner->pool = pool;
    inner->check = ask->check;
    inner->done = ask->done;
    inner->data = ask->data;

    if (ask->id) {
        inner->named = 1;
        inner->id = *ask->id;
    }

    hd_lap_init(&inner->lap, hd_inner_end, inner, hd_api.log);

    req = &inner->req;
    req->r = &inner->r;
    req->inner = inner;
    req->mem = hd_pool_mem(pool);
    req->status = NGX_HTTP_OK;
    req->found_at = NGX_CONF_UNSET_UINT;
    req->limit = 50;
    req->who.org = ask->org;
    req->who.id = ask->by;
    req->who.scopes = HD_SCOPE_READ|HD_SCOPE_SEND|HD_SCOPE_ADMIN;
    hd_buf_init(&req->out);

    hd_random(random, sizeof(random));
    hd_hex(req->request_id, random, sizeof(random));

    inner->r.method = ask->method;

    if (hd_inner_request(inner) != NGX_OK
        || hd_str_dup(&req->mem, &ask->body, &req->raw_body) != HD_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    return inner;
}


hd_inner_t *
hd_inner(const hd_inner_ask_t *ask)
{
    hd_req_t    *req;
    hd_inner_t  *inner;

    inner = hd_inner_create(ask);
    if (inner == NULL) {
        return NULL;
    }

    req = &inner->req;
    req->route = hd_inner_route(ask->method, ask->path);

    if (req->route == NULL) {
        ngx_log_error(NGX_LOG_ALERT, hd_api.log, 0,
                      "herald: there is no route %s", ask->path);
        ngx_destroy_pool(inner->pool);
        return NULL;
    }

    if (hd_check_body(req) == NGX_OK) {
        req->route->handler(req);
    }

    return inner;
}


void
hd_inner_forget(hd_inner_t *inner)
{
    inner->done = NULL;
}


ngx_uint_t
hd_inner_checked(hd_req_t *req)
{
    if (req->inner == NULL || !req->inner->check) {
        return 0;
    }

    hd_buf_reset(&req->out);
    hd_req_send(req, NGX_HTTP_OK, "application/json");

    return 1;
}


ngx_uint_t
hd_inner_named(hd_req_t *req)
{
    return req->inner && req->inner->named;
}


void
hd_inner_id(hd_req_t *req, hd_uuid_t *id)
{
    if (req->inner && req->inner->named) {
        *id = req->inner->id;
        return;
    }

    hd_req_new_id(id);
}


ngx_uint_t
hd_inner_answer(hd_req_t *req, ngx_uint_t status)
{
    hd_inner_t *inner = req->inner;

    if (inner == NULL) {
        return 0;
    }

    if (!inner->answered) {
        inner->answered = 1;
        inner->status = req->out.failed ? 500 : status;
        hd_lap_post(&inner->lap);
    }

    return 1;
}


static void
hd_inner_end(void *data)
{
    hd_str_t     answer;
    hd_inner_t  *inner = data;

    if (inner->done) {
        answer.data = inner->req.out.data;
        answer.len = inner->req.out.len;
        inner->done(inner->data, inner->status, &answer);
    }

    hd_buf_free(&inner->req.out);
    ngx_destroy_pool(inner->pool);
}


/*
 * Only our own text has "pointer":" with bare quotes: inside of a string they
 * are escaped.
 */
void
hd_inner_problem(hd_req_t *req, ngx_uint_t status, const hd_str_t *problem,
    const char *below)
{
    u_char    *p, *end, *at;
    hd_buf_t  *b;

    static u_char  pointer[] = "\"pointer\":\"";

    b = &req->out;
    hd_buf_reset(b);

    p = problem->data;
    end = p + problem->len;

    while (p < end) {
        at = ngx_strlcasestrn(p, end, pointer, sizeof(pointer) - 2);

        if (at == NULL) {
            break;
        }

        at += sizeof(pointer) - 1;
        hd_buf_add(b, p, at - p);
        hd_buf_z(b, below);
        p = at;
    }

    hd_buf_add(b, p, end - p);

    hd_req_send(req, status, "application/problem+json");
}


/* ── for errands ── */

ngx_int_t
hd_api_ask(const hd_uuid_t *org, const hd_uuid_t *by, const char *path,
    const hd_str_t *body, const hd_uuid_t *id, hd_api_answer_pt done,
    void *data)
{
    hd_inner_ask_t  ask;

    ngx_memzero(&ask, sizeof(hd_inner_ask_t));

    ask.org = *org;
    ask.by = *by;
    ask.method = NGX_HTTP_POST;
    ask.path = path;
    ask.body = *body;
    ask.id = id;
    ask.done = done;
    ask.data = data;

    return hd_inner(&ask) ? NGX_OK : NGX_ERROR;
}
