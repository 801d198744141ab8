/*
 * Which path is what.  Below the location's prefix:
 *
 *   POST /{version}/{phone_number_id}/messages
 *   GET  /{version}/{phone_number_id}
 *   what is in graph.c
 *   any  /_control/…                             loopback only
 *   any  /2010-04-01/…                           Twilio (twilio.c)
 *   any  /api/…                                  WAHA (waha.c)
 *   any  /_control/waha/…, /waha/…               loopback only
 *   GET  /oracle                                 the same as /_control/oracle
 */

#include "sandbox.h"
#include "waha.h"


static ngx_int_t hd_sb_split(ngx_http_request_t *r, ngx_str_t *path,
    hd_sb_target_t *t);
static ngx_int_t hd_sb_authorized(ngx_http_request_t *r, hd_sb_number_t *n);
static ngx_int_t hd_sb_read(ngx_http_request_t *r);
static ngx_int_t hd_sb_faulty(ngx_http_request_t *r, hd_sb_fault_t *f);
static ngx_int_t hd_sb_is_loopback(ngx_connection_t *c);
static void hd_sb_below(ngx_http_request_t *r, ngx_str_t *path);


ngx_int_t
hd_sb_handler(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_str_t           path;
    ngx_uint_t          control;
    struct timespec     mono;
    hd_sb_target_t     *t;
    hd_sb_main_conf_t  *mcf;

    mcf = ngx_http_get_module_main_conf(r, ngx_http_herald_sandbox_module);
    hd_sb_attach(mcf);

    t = ngx_pcalloc(r->pool, sizeof(hd_sb_target_t));
    if (t == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    clock_gettime(CLOCK_REALTIME, &t->at);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    t->mono_us = (int64_t) mono.tv_sec * 1000000 + mono.tv_nsec / 1000;

    ngx_http_set_ctx(r, t, ngx_http_herald_sandbox_module);

    hd_sb_below(r, &path);

    if (path.len >= 9 && ngx_strncmp(path.data, "_control/", 9) == 0) {
        path.data += 9;
        path.len -= 9;
        control = 1;

    } else if (path.len >= 5 && ngx_strncmp(path.data, "waha/", 5) == 0) {
        /* for people: the same as _control/waha/ */
        control = 1;

    } else {
        control = (path.len == 6 && ngx_strncmp(path.data, "oracle", 6) == 0);
    }

    if (control) {
        return hd_sb_is_loopback(r->connection) ? hd_sb_control(r, &path)
                                                : NGX_HTTP_FORBIDDEN;
    }

    rc = hd_sb_twilio(r, &path);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (path.len >= 4 && ngx_strncmp(path.data, "api/", 4) == 0) {
        return hd_sb_waha(r, &path);
    }

    rc = hd_sb_graph(r, &path);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    if (hd_sb_split(r, &path, t) != NGX_OK) {
        return hd_sb_refuse(r, 2500, 0, NULL);
    }

    t->number = hd_sb_number_find(&t->id);

    if (t->number == NULL) {
        return hd_sb_refuse(r, 100, 33, "Unsupported request. Object with this"
                            " ID does not exist, cannot be loaded due to"
                            " missing permissions, or does not support this"
                            " operation");
    }

    if (t->number->set.nfaults > 0) {
        t->faulty = hd_sb_fault_pick(t->number, &t->fault);

        if (t->faulty && t->fault.kind == HD_SB_FAULT_RESET_EARLY) {
            return hd_sb_fault_reset(r);
        }

        if (t->faulty && t->edge.len == 0) {
            return hd_sb_faulty(r, &t->fault);
        }
    }

    if (!(t->faulty && !t->fault.taken) && !hd_sb_authorized(r, t->number)) {
        (void) ngx_atomic_fetch_add(&t->number->node->requests, 1);
        (void) ngx_atomic_fetch_add(&t->number->node->rejected, 1);
        return hd_sb_refuse(r, 190, 0, NULL);
    }

    if (t->edge.len == 0) {
        return hd_sb_describe(r, t->number);
    }

    return hd_sb_read(r);
}


/* a fault meets a request that is no message: nothing to take */

static ngx_int_t
hd_sb_faulty(ngx_http_request_t *r, hd_sb_fault_t *f)
{
    ngx_int_t        rc;
    hd_sb_answer_t  *a;

    a = ngx_pcalloc(r->pool, sizeof(hd_sb_answer_t));
    if (a == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    a->status = NGX_HTTP_OK;
    ngx_str_set(&a->body, "{\"success\":true}");

    hd_sb_fault_apply(f, a);

    r->main->count++;
    hd_sb_answer_later(r, a);

    return NGX_DONE;
}


/* what follows the location's prefix, without slashes at either end */

static void
hd_sb_below(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    *path = r->uri;

    if (path->len >= clcf->name.len
        && ngx_strncmp(path->data, clcf->name.data, clcf->name.len) == 0)
    {
        path->data += clcf->name.len;
        path->len -= clcf->name.len;
    }

    while (path->len > 0 && path->data[0] == '/') {
        path->data++;
        path->len--;
    }

    while (path->len > 0 && path->data[path->len - 1] == '/') {
        path->len--;
    }
}


static ngx_int_t
hd_sb_split(ngx_http_request_t *r, ngx_str_t *path, hd_sb_target_t *t)
{
    u_char  *p, *last;

    p = path->data;
    last = p + path->len;

    if (p == last || *p != 'v') {
        return NGX_ERROR;
    }

    for (p++; p < last && *p != '/'; p++) {
        if ((*p < '0' || *p > '9') && *p != '.') {
            return NGX_ERROR;
        }
    }

    if (p == last) {
        return NGX_ERROR;
    }

    t->id.data = ++p;

    while (p < last && *p != '/') {
        p++;
    }

    t->id.len = p - t->id.data;

    if (t->id.len == 0 || t->id.len > HD_SB_ID_MAX) {
        return NGX_ERROR;
    }

    if (p == last) {
        return (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) ? NGX_OK : NGX_ERROR;
    }

    t->edge.data = ++p;
    t->edge.len = last - p;

    if (r->method != NGX_HTTP_POST || t->edge.len != 8
        || ngx_strncmp(p, "messages", 8) != 0)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
hd_sb_authorized(ngx_http_request_t *r, hd_sb_number_t *n)
{
    ngx_str_t  *v;

    if (r->headers_in.authorization == NULL) {
        return 0;
    }

    v = &r->headers_in.authorization->value;

    if (v->len <= 7 || ngx_strncasecmp(v->data, (u_char *) "Bearer ", 7) != 0)
    {
        return 0;
    }

    return n->set.token.len == 0
           || (n->set.token.len == v->len - 7
               && hd_equal_ct(n->set.token.data, v->data + 7, v->len - 7));
}


static ngx_int_t
hd_sb_is_loopback(ngx_connection_t *c)
{
    struct sockaddr_in   *sin;

#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
    u_char               *p;

    if (c->sockaddr->sa_family == AF_INET6) {
        sin6 = (struct sockaddr_in6 *) c->sockaddr;
        p = sin6->sin6_addr.s6_addr;

        return IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr)
               || (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr) && p[12] == 127);
    }
#endif

    if (c->sockaddr->sa_family == AF_INET) {
        sin = (struct sockaddr_in *) c->sockaddr;
        return (ntohl(sin->sin_addr.s_addr) >> 24) == 127;
    }

    return c->sockaddr->sa_family == AF_UNIX;
}


static ngx_int_t
hd_sb_read(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->headers_in.content_length_n > HD_SB_BODY_MAX) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, hd_sb_message);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


ngx_int_t
hd_sb_body(ngx_http_request_t *r, ngx_str_t *body)
{
    u_char       *p;
    size_t        len;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    ngx_str_null(body);

    if (r->request_body == NULL || r->request_body->bufs == NULL) {
        return NGX_OK;
    }

    cl = r->request_body->bufs;

    if (cl->next == NULL && !cl->buf->in_file) {
        body->data = cl->buf->pos;
        body->len = cl->buf->last - cl->buf->pos;
        return body->len > HD_SB_BODY_MAX ? NGX_HTTP_REQUEST_ENTITY_TOO_LARGE
                                          : NGX_OK;
    }

    len = 0;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;
        len += b->in_file ? (size_t) (b->file_last - b->file_pos)
                          : (size_t) (b->last - b->pos);
    }

    if (len > HD_SB_BODY_MAX) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    p = ngx_pnalloc(r->pool, len + 1);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->data = p;

    for (cl = r->request_body->bufs; cl != NULL; cl = cl->next) {
        b = cl->buf;

        if (!b->in_file) {
            p = ngx_cpymem(p, b->pos, b->last - b->pos);
            continue;
        }

        /* a page or two that nginx has just written: from the cache */

        len = (size_t) (b->file_last - b->file_pos);
        n = ngx_read_file(b->file, p, len, b->file_pos);

        if (n != (ssize_t) len) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += len;
    }

    body->len = p - body->data;

    return NGX_OK;
}


ngx_int_t
hd_sb_refuse(ngx_http_request_t *r, int64_t code, int subcode,
    const char *details)
{
    ngx_str_t  body;

    if (hd_sb_error_body(r, &body, code, subcode, details) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return hd_sb_answer_now(r, hd_sb_error_find(code)->status, &body);
}
