/*
 * What a single message says: a template with one contact's values, rendered
 * when it is submitted, so that what was answered is what will be sent.
 */

#include "render.h"


/* positional parameters go in the order of their numbers */
static int ngx_libc_cdecl
hd_render_by_number(const void *one, const void *two)
{
    const hd_template_name_t *a = one, *b = two;

    return (int) ngx_atoi(a->name.data, a->name.len)
           - (int) ngx_atoi(b->name.data, b->name.len);
}


/* "params":[…],"names":[…] of one part; names only when they are no numbers */
static ngx_int_t
hd_render_params(hd_req_t *req, hd_variables_t *contact, hd_buf_t *b,
    const hd_str_t *text, const char *values, const char *keys)
{
    hd_str_t             value;
    ngx_uint_t           i;
    ngx_array_t         *names;
    hd_template_name_t  *n;

    names = ngx_array_create(req->r->pool, 8, sizeof(hd_template_name_t));

    if (names == NULL || hd_template_names(names, text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (names->nelts == 0) {
        return NGX_OK;
    }

    n = names->elts;

    if (ngx_atoi(n[0].name.data, n[0].name.len) == NGX_ERROR) {
        hd_buf_printf(b, ",\"%s\":[", keys);

        for (i = 0; i < names->nelts; i++) {
            if (i) {
                hd_buf_char(b, ',');
            }

            hd_jw_str(b, &n[i].name);
        }

        hd_buf_char(b, ']');

    } else {
        ngx_qsort(n, names->nelts, sizeof(hd_template_name_t),
                  hd_render_by_number);
    }

    hd_buf_printf(b, ",\"%s\":[", values);

    for (i = 0; i < names->nelts; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        ngx_memzero(&value, sizeof(hd_str_t));

        if (hd_variables_lookup(contact, &n[i].name, &value) != HD_OK
            || value.len == 0)
        {
            value = n[i].fallback;
        }

        hd_jw_str(b, &value);
    }

    hd_buf_char(b, ']');

    return NGX_OK;
}


/* the rendered body is what people read; the object is what is sent */
ngx_int_t
hd_render_template(hd_req_t *req, const hd_uuid_t *id, const hd_template_t *t,
    hd_variables_t *contact, hd_buf_t *b, hd_str_t *text)
{
    u_char      uuid[36];
    hd_buf_t    body;
    hd_str_t    missing, s;
    ngx_uint_t  failed;

    hd_buf_init(&body);

    failed = hd_text_render(&body, &t->body, hd_variables_lookup, contact,
                            &missing) != HD_OK;

    hd_uuid_format(id, uuid);

    hd_buf_printf(b, "{\"id\":\"%.*s\",\"name\":", 36, uuid);
    hd_jw_str(b, &t->name);
    hd_buf_z(b, ",\"language\":");
    hd_jw_str(b, &t->language);
    hd_buf_z(b, ",\"category\":");
    hd_jw_str(b, &t->category);

    if (hd_render_params(req, contact, b, &t->header, "header",
                         "header_names") != NGX_OK
        || hd_render_params(req, contact, b, &t->body, "params", "names")
           != NGX_OK)
    {
        failed = 1;
    }

    s.data = body.data;
    s.len = body.len;

    if (failed || b->failed || hd_str_dup(&req->mem, &s, text) != HD_OK) {
        failed = 1;
    }

    hd_buf_free(&body);

    return failed ? NGX_ERROR : NGX_OK;
}


ngx_int_t
hd_render_missing(hd_req_t *req, const hd_template_t *t,
    hd_variables_t *contact, const hd_str_t *at, hd_faults_t *faults)
{
    hd_str_t     *m;
    ngx_uint_t    i;
    ngx_array_t  *names, *missing;

    names = ngx_array_create(req->r->pool, 8, sizeof(hd_template_name_t));
    missing = ngx_array_create(req->r->pool, 8, sizeof(hd_str_t));

    if (names == NULL || missing == NULL
        || hd_template_names(names, &t->header) != NGX_OK
        || hd_template_names(names, &t->body) != NGX_OK
        || hd_template_missing(names, contact, missing) != NGX_OK)
    {
        return NGX_ERROR;
    }

    m = missing->elts;

    for (i = 0; i < missing->nelts; i++) {
        hd_faults_add(faults, "missing_variable", at, "the template needs a "
                      "value for \"%.*s\", and this contact has none",
                      (int) m[i].len, m[i].data);
    }

    return NGX_OK;
}


void
hd_render_put(hd_pg_unit_t *u, const hd_single_t *m)
{
    hd_pg_stmt(u, HD_Q_MESSAGE_INSERT);
    hd_pg_uuid(u, &m->id);

    if (m->phone.len) {
        hd_pg_null(u);

    } else {
        hd_pg_uuid(u, &m->contact_id);
    }

    hd_pg_uuid(u, &m->account_id);
    hd_pg_z(u, m->type);
    hd_pg_text(u, &m->text);
    hd_pg_jsonb(u, &m->payload);

    if (m->send_at) {
        hd_pg_time(u, m->send_at);

    } else {
        hd_pg_null(u);
    }

    if (m->phone.len) {
        hd_pg_text(u, &m->phone);

    } else {
        hd_pg_null(u);
    }
}


void
hd_render_tell(hd_req_t *req, const hd_uuid_t *id)
{
    hd_mail_send(hd_api.shm, HD_MAIL_STRAYS, &req->who.org, id);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
}
