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
static void hd_req_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_req_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
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
}


void
hd_api_quit(void)
{
    hd_stream_quit();
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


/* segment by segment: "{id}" takes one whole segment, which must be a UUID */
static ngx_uint_t
hd_route_match(hd_req_t *req, const hd_route_t *route, u_char *p,
    u_char *last)
{
    u_char      *start;
    const char  *t;
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

        if (hd_uuid_parse(&req->ids[n], start, p - start) != HD_OK) {
            return 0;
        }

        n++;

        while (*t != '}') {
            t++;
        }
    }

    return p == last;
}


/* `allow` gets the methods that the path has */
static const hd_route_t *
hd_route_find(hd_req_t *req, ngx_uint_t *allow)
{
    u_char              *p, *last;
    ngx_uint_t           i, method;
    ngx_http_request_t  *r;

    r = req->r;
    p = r->uri.data;
    last = p + r->uri.len;

    if (r->uri.len < 8 || ngx_strncmp(p, "/api/v1/", 8) != 0) {
        return NULL;
    }

    p += 7;

    method = (r->method == NGX_HTTP_HEAD) ? NGX_HTTP_GET : r->method;

    for (i = 0; i < hd_nroutes; i++) {
        if (hd_route_match(req, &hd_routes[i], p, last)) {
            if (hd_routes[i].method == method) {
                return &hd_routes[i];
            }

            *allow |= hd_routes[i].method;
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


hd_pg_unit_t *
hd_req_unit(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_api.pg, hd_req_result, hd_req_done, req);

    if (u == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return NULL;
    }

    hd_pg_org(u, &req->who.org);

    return u;
}


void
hd_req_submit(hd_req_t *req, hd_pg_unit_t *u, ngx_uint_t answer)
{
    ngx_int_t  rc;

    req->answer_index = answer;
    req->rows = 0;
    req->found = 0;

    /* told early it would be unknown, and the key "in flight" for a day */
    u->patient = (req->idem_key.len != 0);

    rc = hd_pg_submit(u);

    if (rc == NGX_OK) {
        req->unit = u;

        /* one with a key goes on without its client, who will ask again */
        req->r->read_event_handler = req->idem_key.len
                                     ? ngx_http_block_reading
                                     : ngx_http_test_reading;
        return;
    }

    if (rc == NGX_ERROR) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                     rc == NGX_BUSY
                     ? "Too much is waiting for the database. Nothing was "
                       "done; try again."
                     : "The database cannot be reached. Nothing was done; "
                       "try again.", 2);
}


static void
hd_req_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req == NULL) {
        return;
    }

    if (index == req->found_at) {
        req->found = hd_pg_rows(res);
    }

    if (index != req->answer_index || req->route->answer == NULL) {
        return;
    }

    req->rows = hd_pg_rows(res);

    if (req->route->flags & HD_ROUTE_LIST) {
        hd_answer_list(req, req->route->answer, res);
        return;
    }

    if (req->rows) {
        hd_answer_row(&req->out, req->route->answer, res, 0);
    }
}


static void
hd_req_failed(hd_req_t *req, hd_pg_unit_t *u)
{
    const hd_conflict_t  *c;

    for (c = req->conflicts; c && c->constraint; c++) {
        if (ngx_strcmp(c->constraint, u->constraint) == 0) {
            hd_problem_at(req, c->status, c->code, c->pointer, c->detail);
            return;
        }
    }

    if (hd_pg_is_transient(u->sqlstate)) {
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "try_again",
                         "Somebody changed the same thing at the same time. "
                         "Nothing was done; try again.", 1);
        return;
    }

    /* query_canceled: its own time-out */
#ifndef HD_NO_GUARD_TIMEOUT
    if (ngx_strcmp(u->sqlstate, "57014") == 0) {
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "too_slow",
                         "The database took too long for this. Nothing was "
                         "done; try again, or ask for less.", 5);
        return;
    }
#endif

    ngx_log_error(NGX_LOG_ERR, req->r->connection->log, 0,
                  "herald: %s %s failed with SQLSTATE %s%s%s in statement %ui",
                  req->route->method == NGX_HTTP_GET ? "GET" : "change of",
                  req->route->path, u->sqlstate,
                  u->constraint[0] ? " on " : "", u->constraint, u->failed);

    hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
               "The request could not be carried out. Nothing was done; the "
               "log of the server says more under this request_id.");
}


static void
hd_req_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_req_t          *req = u->data;
    ngx_uint_t         missing;
    ngx_connection_t  *c;

    if (req == NULL) {
        return;
    }

    c = req->r->connection;
    req->unit = NULL;
    req->db_us += hd_mono_us() - u->sent_us;

    /* of this unit only */
    missing = (req->found_at != NGX_CONF_UNSET_UINT && req->found == 0);
    req->found_at = NGX_CONF_UNSET_UINT;

    switch (outcome) {

    case HD_PG_OK:
        if (missing) {
            hd_problem(req, NGX_HTTP_NOT_FOUND, "not_found",
                       "There is nothing of yours under this id.");

        } else if (req->done) {
            req->done(req);

        } else if (req->route->flags & HD_ROUTE_EMPTY) {
            hd_req_empty(req);

        } else {
            hd_req_send(req, (req->route->flags & HD_ROUTE_CREATED)
                             ? NGX_HTTP_CREATED
                             : (req->route->flags & HD_ROUTE_ACCEPTED)
                             ? NGX_HTTP_ACCEPTED : NGX_HTTP_OK,
                        "application/json");
        }

        break;

    case HD_PG_FAILED:
        hd_req_failed(req, u);
        break;

    case HD_PG_DOWN:
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                         "The database cannot be reached. Nothing was done; "
                         "try again.", 2);
        break;

    case HD_PG_UNKNOWN:
        req->outcome_unknown = 1;
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                         req->route->method == NGX_HTTP_GET
                         ? "The database went away. Try again."
                         : "The database went away while this was on its way. "
                           "It may have been done: look before you try again.",
                         2);
        break;
    }

    ngx_http_run_posted_requests(c);
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
