/*
 * The answer of a request: its headers, and the one buffer that is its body.
 */

#include "inner.h"


ngx_int_t
hd_req_header(ngx_http_request_t *r, const char *name, const hd_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    h->key.len = ngx_strlen(name);
    h->key.data = (u_char *) name;
    h->value.len = value->len;
    h->value.data = value->data;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif

    return NGX_OK;
}


ngx_table_elt_t *
hd_req_find_header(ngx_http_request_t *r, const char *name, size_t len)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {
        if (i >= part->nelts) {
            if (part->next == NULL) {
                return NULL;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len == len
            && ngx_strncmp(h[i].lowcase_key, name, len) == 0)
        {
            return &h[i];
        }
    }
}


void
hd_req_allow(hd_req_t *req, ngx_uint_t methods)
{
    u_char      *p;
    hd_str_t     value;
    ngx_uint_t   i;

    static const struct {
        ngx_uint_t   method;
        const char  *name;
    } names[] = {
        { NGX_HTTP_GET, "GET, HEAD" },
        { NGX_HTTP_POST, "POST" },
        { NGX_HTTP_PUT, "PUT" },
        { NGX_HTTP_PATCH, "PATCH" },
        { NGX_HTTP_DELETE, "DELETE" }
    };

    p = ngx_pnalloc(req->r->pool, sizeof("GET, HEAD, POST, PUT, PATCH, "
                                        "DELETE"));
    if (p == NULL) {
        return;
    }

    value.data = p;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (methods & names[i].method) {
            p = ngx_sprintf(p, "%s%s", p == value.data ? "" : ", ",
                            names[i].name);
        }
    }

    value.len = p - value.data;

    (void) hd_req_header(req->r, "Allow", &value);
}


/* an answer before the body was read: what is left of it must not be taken for
 * the next request */
static void
hd_req_leave_body(ngx_http_request_t *r)
{
    if (r->request_body == NULL && !r->discard_body) {
        (void) ngx_http_discard_request_body(r);
    }
}


void
hd_req_empty(hd_req_t *req)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    if (hd_inner_answer(req, NGX_HTTP_NO_CONTENT)) {
        return;
    }

    r = req->r;

    hd_req_leave_body(r);

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;
    ngx_http_clear_content_length(r);

    rc = ngx_http_send_header(r);

    req->waiting = 0;
    ngx_http_finalize_request(r, rc);
}


void
hd_req_send(hd_req_t *req, ngx_uint_t status, const char *type)
{
    hd_str_t             value;
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_http_request_t  *r;

    if (hd_inner_answer(req, status)) {
        return;
    }

    if (hd_idempotency_answer(req, status, type) == NGX_DONE) {
        return;
    }

    r = req->r;

    if (status >= 400) {
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_api_errors, 1);
    }

    if (req->out.failed) {
        req->waiting = 0;
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    hd_req_leave_body(r);

    r->headers_out.status = status;
    r->headers_out.content_length_n = req->out.len;
    r->headers_out.content_type.len = ngx_strlen(type);
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    /* If-Match was about the row, and is answered; nginx would take it to be
     * about this answer */
    r->disable_not_modified = 1;

    /* an answer is about one caller and one moment */
    hd_str_set(&value, "no-store");
    (void) hd_req_header(r, "Cache-Control", &value);

    req->waiting = 0;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    b->pos = req->out.data;
    b->last = req->out.data + req->out.len;
    b->memory = req->out.len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->sync = (b->memory || b->last_buf) ? 0 : 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    ngx_http_finalize_request(r, ngx_http_output_filter(r, &out));
}
