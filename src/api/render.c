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
hd_render_params(hd_req_t *req, hd_variables_t *contact, hd_track_t *track,
    hd_buf_t *b, const hd_str_t *text, const char *values, const char *keys)
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

        if (hd_track_value(track, &value) != NGX_OK) {
            return NGX_ERROR;
        }

        hd_jw_str(b, &value);
    }

    hd_buf_char(b, ']');

    return NGX_OK;
}


ngx_int_t
hd_render_copy(hd_req_t *req, hd_pg_res_t *res, hd_template_t *t)
{
    hd_str_t         v;
    hd_json_error_t  err;

    if (hd_pg_rows(res) == 0) {
        return NGX_OK;
    }

    v = hd_pg_value(res, 0, 10);
    t->document = hd_json_parse(&req->mem, v.data, v.len, 16, &err);

    return t->document ? hd_template_copy(req, res, t) : NGX_ERROR;
}


/* "buttons":[…]; NGX_DECLINED: a value is missing */
static ngx_int_t
hd_render_buttons(hd_req_t *req, const hd_template_t *t,
    hd_variables_t *contact, const hd_render_given_t *given, hd_buf_t *b)
{
    size_t        i, n;
    hd_str_t      missing;
    hd_button_t   buttons[HD_BUTTONS_MAX];

    if (hd_buttons(&req->mem, t->document, given ? given->buttons : NULL,
                   hd_variables_lookup, contact, buttons, &n, &missing)
        != HD_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (buttons[i].target.data
            && hd_track_token(given ? given->track : NULL, &buttons[i].target,
                              &buttons[i].value) != NGX_OK)
        {
            return NGX_ERROR;
        }

        hd_buf_printf(b, "%s{\"index\":%u,\"sub_type\":\"%s\",\"value\":",
                      i ? "," : ",\"buttons\":[", buttons[i].index,
                      buttons[i].sub_type);
        hd_jw_str(b, &buttons[i].value);
        hd_buf_char(b, '}');
    }

    if (n) {
        hd_buf_char(b, ']');
    }

    return NGX_OK;
}


/* the header's file: what was given, else the template's own */
static void
hd_render_file(const hd_template_t *t, const hd_render_given_t *given,
    hd_buf_t *b)
{
    hd_str_t      id, link;
    hd_json_t    *h;
    const char   *format;

    format = hd_header_file(t->document);

    if (format == NULL) {
        return;
    }

    h = hd_json_get(t->document, "header");

    if (given && given->header) {
        id = given->header->media_id;
        link = given->header->link;

    } else {
        id = hd_json_str(h, "media_id");
        link = hd_json_str(h, "link");
    }

    hd_buf_printf(b, ",\"header_format\":\"%s\"", format);

    if (id.len) {
        hd_buf_z(b, ",\"header_media\":");
        hd_jw_str(b, &id);

    } else if (link.len) {
        hd_buf_z(b, ",\"header_link\":");
        hd_jw_str(b, &link);
    }

    if (given && given->header && given->header->filename.len) {
        hd_buf_z(b, ",\"header_filename\":");
        hd_jw_str(b, &given->header->filename);
    }
}


ngx_int_t
hd_render_header(const hd_template_t *t, const hd_render_given_t *given,
    hd_uuid_t *id)
{
    hd_str_t  s;

    if (hd_header_file(t->document) == NULL) {
        return NGX_DECLINED;
    }

    s = (given && given->header)
        ? given->header->media_id
        : hd_json_str(hd_json_get(t->document, "header"), "media_id");

    return (s.len && hd_uuid_parse(id, s.data, s.len) == HD_OK)
           ? NGX_OK : NGX_DECLINED;
}


/* the rendered body is what people read; the object is what is sent */
ngx_int_t
hd_render_template(hd_req_t *req, const hd_uuid_t *id, const hd_template_t *t,
    hd_variables_t *contact, const hd_render_given_t *given, hd_buf_t *b,
    hd_str_t *text)
{
    u_char       uuid[36];
    hd_buf_t     body;
    hd_str_t     missing, s;
    ngx_uint_t   failed;
    hd_track_t  *track;

    track = given ? given->track : NULL;

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

    hd_render_file(t, given, b);

    if (hd_render_params(req, contact, NULL, b, &t->header, "header",
                         "header_names") != NGX_OK
        || hd_render_params(req, contact, track, b, &t->body, "params",
                            "names") != NGX_OK
        || hd_render_buttons(req, t, contact, given, b) != NGX_OK)
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
    hd_variables_t *contact, const hd_json_t *buttons, const hd_str_t *at,
    hd_faults_t *faults)
{
    size_t        n;
    hd_str_t     *m, none;
    ngx_uint_t    i;
    ngx_array_t  *names, *missing;
    hd_button_t   rendered[HD_BUTTONS_MAX];

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

    if (hd_buttons(&req->mem, t->document, buttons, hd_variables_lookup,
                   contact, rendered, &n, &none) == HD_OK)
    {
        return NGX_OK;
    }

    if (none.len == 0) {
        return NGX_ERROR;
    }

    for (i = 0; i < missing->nelts; i++) {
        if (m[i].len == none.len
            && ngx_memcmp(m[i].data, none.data, none.len) == 0)
        {
            return NGX_OK;
        }
    }

    hd_faults_add(faults, "missing_variable", at, "a button needs a value for "
                  "\"%.*s\", and this contact has none", (int) none.len,
                  none.data);

    return NGX_OK;
}


static void
hd_render_uuid(hd_pg_unit_t *u, const hd_uuid_t *id)
{
    if (hd_uuid_is_nil(id)) {
        hd_pg_null(u);

    } else {
        hd_pg_uuid(u, id);
    }
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

    hd_render_uuid(u, &m->media_id);
    hd_render_uuid(u, &m->reply_to);
}


void
hd_render_tell(hd_req_t *req, const hd_uuid_t *id)
{
    hd_mail_send(hd_api.shm, HD_MAIL_STRAYS, &req->who.org, id);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
}
