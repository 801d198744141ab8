/*
 * Errors as RFC 9457 problem details: what is wrong, where, and what to do.
 */

#include "frame.h"

#include <stdarg.h>


static const char *
hd_problem_title(ngx_uint_t status)
{
    switch (status) {
    case 400: return "Bad request";
    case 401: return "Not signed in";
    case 403: return "Not allowed";
    case 404: return "Not found";
    case 405: return "Method not allowed";
    case 409: return "Conflict";
    case 412: return "Changed meanwhile";
    case 413: return "Too large";
    case 415: return "Wrong kind of content";
    case 422: return "Not valid";
    case 429: return "Too many";
    case 503: return "Not available now";
    case 507: return "No room left";
    default:  return "Server error";
    }
}


static void
hd_problem_write(hd_req_t *req, ngx_uint_t status, const char *code,
    const char *detail, const hd_buf_t *errors, const hd_buf_t *more)
{
    hd_buf_t  *b;

    b = &req->out;
    hd_buf_reset(b);

    hd_buf_z(b, "{\"type\":\"/docs/errors#");
    hd_buf_z(b, code);
    hd_buf_z(b, "\",\"title\":");
    hd_jw_z(b, hd_problem_title(status));
    hd_buf_printf(b, ",\"status\":%d,\"code\":", (int) status);
    hd_jw_z(b, code);
    hd_buf_z(b, ",\"detail\":");
    hd_jw_z(b, detail);

    if (errors && errors->len) {
        hd_buf_z(b, ",\"errors\":[");
        hd_buf_add(b, errors->data, errors->len);
        hd_buf_char(b, ']');
    }

    if (more) {
        hd_buf_add(b, more->data, more->len);
    }

    hd_buf_z(b, ",\"request_id\":\"");
    hd_buf_add(b, req->request_id, 16);
    hd_buf_z(b, "\"}");

    hd_req_send(req, status, "application/problem+json");
}


void
hd_problem(hd_req_t *req, ngx_uint_t status, const char *code,
    const char *detail)
{
    hd_problem_write(req, status, code, detail, NULL, NULL);
}


void
hd_problem_at(hd_req_t *req, ngx_uint_t status, const char *code,
    const char *pointer, const char *detail)
{
    if (pointer == NULL) {
        hd_problem(req, status, code, detail);
        return;
    }

    hd_problem_more(req, status, code, pointer, detail, NULL);
}


void
hd_problem_more(hd_req_t *req, ngx_uint_t status, const char *code,
    const char *pointer, const char *detail, const hd_buf_t *more)
{
    hd_str_t     at;
    hd_faults_t  f;

    if (pointer == NULL) {
        hd_problem_write(req, status, code, detail, NULL, more);
        return;
    }

    hd_faults_init(&f);

    at.data = (u_char *) pointer;
    at.len = ngx_strlen(pointer);
    hd_faults_add(&f, code, &at, "%s", detail);

    hd_problem_write(req, status, code, detail, &f.buf, more);

    hd_buf_free(&f.buf);
}


void
hd_problem_retry(hd_req_t *req, ngx_uint_t status, const char *code,
    const char *detail, ngx_uint_t seconds)
{
    u_char    *p;
    hd_str_t   value;

    p = ngx_pnalloc(req->r->pool, NGX_INT_T_LEN);

    if (p) {
        value.data = p;
        value.len = ngx_sprintf(p, "%ui", seconds) - p;
        (void) hd_req_header(req->r, "Retry-After", &value);
    }

    hd_problem(req, status, code, detail);
}


void
hd_faults_init(hd_faults_t *f)
{
    ngx_memzero(f, sizeof(hd_faults_t));
    hd_buf_init(&f->buf);
    f->unknown = 1;
}


void
hd_faults_add(hd_faults_t *f, const char *code, const hd_str_t *pointer,
    const char *fmt, ...)
{
    char      text[512];
    va_list   args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    if (f->n++) {
        hd_buf_char(&f->buf, ',');

    } else {
        f->code = code;
    }

    if (ngx_strcmp(code, "unknown_field") != 0) {
        f->unknown = 0;
    }

    hd_buf_z(&f->buf, "{\"pointer\":");
    hd_jw_str(&f->buf, pointer);
    hd_buf_z(&f->buf, ",\"code\":");
    hd_jw_z(&f->buf, code);
    hd_buf_z(&f->buf, ",\"detail\":");
    hd_jw_z(&f->buf, text);
    hd_buf_char(&f->buf, '}');
}


void
hd_problem_faults(hd_req_t *req, hd_faults_t *f)
{
    if (f->unknown) {
        hd_problem_write(req, 422, "unknown_field",
                         "The body has fields that this address does not "
                         "take; each is listed under errors.", &f->buf, NULL);

    } else {
        hd_problem_write(req, 422, "validation_failed",
                         "Some values cannot be taken; each is listed under "
                         "errors.", &f->buf, NULL);
    }

    hd_buf_free(&f->buf);
}
