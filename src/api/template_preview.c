/*
 * Previews: a template as a phone shows it, with a contact's values or with
 * its samples, as bubbles whose words are taken apart.
 */

#include "template.h"


typedef struct {
    hd_template_row_t    row;
    hd_document_flat_t   flat;
    hd_variables_t       values;
    ngx_uint_t           by_contact;   /* else by samples */
    ngx_uint_t           contact_found;
    ngx_array_t         *missing;      /* of hd_str_t */
} hd_preview_t;


/* given, the contact's, or without a contact the sample; HD_ERROR: none */
static int
hd_preview_value(hd_preview_t *p, const hd_str_t *name, hd_str_t *value)
{
    if (hd_variables_lookup(&p->values, name, value) == HD_OK && value->len) {
        return HD_OK;
    }

    if (!p->by_contact) {
        *value = hd_document_variable(p->row.document, name, "sample");

        if (value->len) {
            return HD_OK;
        }
    }

    return HD_ERROR;
}


/* what has no value is shown as the variable itself */
static int
hd_preview_lookup(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    hd_preview_t *p = ctx;

    u_char      *dst;
    hd_str_t    *m;
    ngx_uint_t   i;

    if (hd_preview_value(p, name, value) == HD_OK) {
        return HD_OK;
    }

    m = p->missing->elts;

    for (i = 0; i < p->missing->nelts; i++) {

        if (m[i].len != name->len
            || ngx_memcmp(m[i].data, name->data, name->len) != 0)
        {
            continue;
        }

        dst = hd_alloc(&p->values.mem, name->len + 4);
        if (dst == NULL) {
            return HD_ERROR;
        }

        value->data = dst;
        value->len = name->len + 4;

        dst = ngx_cpymem(dst, "{{", 2);
        dst = ngx_cpymem(dst, name->data, name->len);
        ngx_memcpy(dst, "}}", 2);

        return HD_OK;
    }

    *value = hd_document_variable(p->row.document, name, "fallback");

    return value->len ? HD_OK : HD_ERROR;
}


static ngx_int_t
hd_preview_missing(hd_preview_t *p, ngx_array_t *names)
{
    hd_str_t             value, *m;
    ngx_uint_t           i;
    hd_template_name_t  *n;

    n = names->elts;

    for (i = 0; i < names->nelts; i++) {

        ngx_memzero(&value, sizeof(hd_str_t));

        if (!n[i].needed || hd_preview_value(p, &n[i].name, &value) == HD_OK
            || hd_document_variable(p->row.document, &n[i].name, "fallback")
               .len)
        {
            continue;
        }

        m = ngx_array_push(p->missing);
        if (m == NULL) {
            return NGX_ERROR;
        }

        *m = n[i].name;
    }

    return NGX_OK;
}


/* the text with its values, in the request's memory */
static hd_str_t
hd_preview_text(hd_req_t *req, hd_preview_t *p, const hd_str_t *text)
{
    hd_buf_t  b;
    hd_str_t  value, missing, out;

    hd_str_set(&out, "");
    hd_buf_init(&b);

    if (hd_text_render(&b, text, hd_preview_lookup, p, &missing) == HD_OK) {
        value.data = b.data ? b.data : (u_char *) "";
        value.len = b.len;

        if (hd_str_dup(&req->mem, &value, &out) != HD_OK) {
            req->out.failed = 1;
        }
    }

    hd_buf_free(&b);

    return out;
}


static void
hd_preview_bubble(hd_buf_t *b, const char *kind, const hd_str_t *text)
{
    hd_buf_printf(b, "{\"kind\":\"%s\",\"text\":", kind);
    hd_jw_str(b, text);
    hd_buf_printf(b, ",\"direction\":\"%s\",\"spans\":",
                  hd_text_rtl(text) ? "rtl" : "ltr");
    (void) hd_spans_write(b, text);
    hd_buf_char(b, '}');
}


static void
hd_preview_media(hd_buf_t *b, const hd_json_t *document,
    const hd_str_t *format)
{
    hd_str_t  id;

    hd_buf_z(b, "{\"kind\":\"header\",\"media\":{\"type\":");
    hd_jw_str(b, format);

    id = hd_json_str(hd_json_get(document, "header"), "media_id");

    if (id.len) {
        hd_buf_z(b, ",\"id\":");
        hd_jw_str(b, &id);
    }

    hd_buf_z(b, "}}");
}


static void
hd_preview_member(hd_buf_t *b, const char *name, const hd_str_t *value)
{
    if (value->len) {
        hd_buf_printf(b, ",\"%s\":", name);
        hd_jw_str(b, value);
    }
}


static void
hd_preview_buttons(hd_req_t *req, hd_preview_t *p, hd_buf_t *b)
{
    hd_str_t    s;
    hd_json_t  *buttons, *button;

    buttons = hd_json_get(p->row.document, "buttons");

    if (buttons == NULL || buttons->type != HD_JSON_ARRAY
        || buttons->count == 0)
    {
        return;
    }

    hd_buf_z(b, ",{\"kind\":\"buttons\",\"buttons\":[");

    for (button = buttons->child; button; button = button->next) {
        hd_buf_z(b, button == buttons->child ? "{\"type\":" : ",{\"type\":");

        s = hd_json_str(button, "type");
        hd_jw_str(b, &s);

        s = hd_json_str(button, "text");
        hd_preview_member(b, "text", &s);

        s = hd_json_str(button, "url");
        s = hd_preview_text(req, p, &s);
        hd_preview_member(b, "url", &s);

        s = hd_json_str(button, "phone_number");
        hd_preview_member(b, "phone_number", &s);

        s = hd_json_str(button, "example");
        hd_preview_member(b, "example", &s);

        s = hd_json_str(button, "flow_id");
        hd_preview_member(b, "flow_id", &s);

        hd_buf_char(b, '}');
    }

    hd_buf_z(b, "]}");
}


static void
hd_preview_flat(hd_buf_t *b, const char *name, const hd_str_t *text,
    ngx_uint_t there)
{
    hd_buf_printf(b, "\"%s\":", name);

    if (there) {
        hd_jw_str(b, text);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_char(b, ',');
}


static void
hd_preview_write(hd_req_t *req, hd_preview_t *p)
{
    hd_buf_t    *b;
    hd_str_t     header, body, footer, format, *m;
    ngx_uint_t   i;

    header = hd_preview_text(req, p, &p->flat.header);
    body = hd_preview_text(req, p, &p->flat.body);
    footer = hd_preview_text(req, p, &p->flat.footer);
    format = hd_document_format(p->row.document);

    b = &req->out;

    hd_buf_char(b, '{');
    hd_preview_flat(b, "header", &header, p->flat.header.data != NULL);
    hd_preview_flat(b, "body", &body, 1);
    hd_preview_flat(b, "footer", &footer, p->flat.footer.data != NULL);
    hd_buf_z(b, "\"missing\":[");

    m = p->missing->elts;

    for (i = 0; i < p->missing->nelts; i++) {
        if (i) {
            hd_buf_char(b, ',');
        }

        hd_jw_str(b, &m[i]);
    }

    hd_buf_z(b, "],\"language\":");
    hd_jw_str(b, &p->row.language);
    hd_buf_printf(b, ",\"direction\":\"%s\",\"bubbles\":[",
                  hd_language_rtl(&p->row.language) ? "rtl" : "ltr");

    if (p->flat.header.data) {
        hd_preview_bubble(b, "header", &header);
        hd_buf_char(b, ',');

    } else if (!hd_str_eq(&format, "none") && !hd_str_eq(&format, "text")) {
        hd_preview_media(b, p->row.document, &format);
        hd_buf_char(b, ',');
    }

    hd_preview_bubble(b, "body", &body);

    if (p->flat.footer.data) {
        hd_buf_char(b, ',');
        hd_preview_bubble(b, "footer", &footer);
    }

    hd_preview_buttons(req, p, b);
    hd_buf_z(b, "]}");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


/* the addresses of buttons have variables too */
static ngx_int_t
hd_preview_names(hd_req_t *req, hd_preview_t *p, ngx_array_t *names)
{
    hd_str_t    url;
    hd_json_t  *buttons, *button;

    buttons = hd_json_get(p->row.document, "buttons");
    button = buttons && buttons->type == HD_JSON_ARRAY ? buttons->child : NULL;

    for ( /* void */ ; button; button = button->next) {
        url = hd_json_str(button, "url");

        if (hd_template_names(names, &url) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
hd_preview_done(hd_req_t *req)
{
    ngx_array_t   *names;
    hd_preview_t  *p = req->ctx;

    if (!p->row.found) {

        if (hd_body_str(req, "language").data) {
            hd_problem_at(req, 422, "validation_failed", "/language",
                          "This template is not there in that language: GET "
                          "/templates/{id}/languages says in which it is.");
            return;
        }

        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (p->by_contact && !p->contact_found) {
        hd_problem_at(req, 422, "validation_failed", "/contact_id",
                      "There is no such contact of yours.");
        return;
    }

    p->values.mem = req->mem;
    p->values.map = hd_json_get(req->body, "variables");

    names = ngx_array_create(req->r->pool, 8, sizeof(hd_template_name_t));
    p->missing = ngx_array_create(req->r->pool, 8, sizeof(hd_str_t));

    if (names == NULL || p->missing == NULL
        || hd_document_flat(&req->mem, p->row.document, &p->flat) != HD_OK
        || hd_template_names(names, &p->flat.header) != NGX_OK
        || hd_template_names(names, &p->flat.body) != NGX_OK
        || hd_preview_names(req, p, names) != NGX_OK
        || hd_preview_missing(p, names) != NGX_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_preview_write(req, p);
}


static void
hd_preview_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_uuid_t         id;
    hd_str_t          v;
    hd_req_t         *req = u->data;
    hd_json_t        *document;
    hd_preview_t     *p;
    hd_json_error_t   err;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    p = req->ctx;

    if (index == 1) {
        (void) hd_template_row(req, res, &p->row);

    } else if (index == 2 && p->by_contact) {
        if (hd_template_contact(req, res, &id, &p->values) == NGX_OK) {
            p->contact_found = 1;
        }

    } else {
        v = hd_pg_value(res, 0, 6);
        document = hd_json_parse(&req->mem, v.data, v.len, 32, &err);

        if (document && p->row.found) {
            p->row.document = document;
        }
    }
}


void
hd_template_preview(hd_req_t *req)
{
    int64_t        version;
    hd_str_t       language;
    hd_uuid_t      contact;
    hd_preview_t  *p;
    hd_pg_unit_t  *u;

    p = ngx_pcalloc(req->r->pool, sizeof(hd_preview_t));
    if (p == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    p->by_contact = hd_body_uuid(req, "contact_id", &contact) == NGX_OK;
    language = hd_body_str(req, "language");
    version = hd_body_int(req, "version", 0);

    if (language.data) {
        hd_pg_stmt(u, HD_Q_TEMPLATE_SIBLING);
        hd_pg_uuid(u, &req->ids[0]);
        hd_pg_text(u, &language);

    } else {
        hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
        hd_pg_uuid(u, &req->ids[0]);
    }

    if (p->by_contact) {
        hd_pg_stmt(u, HD_Q_CONTACT_VARIABLES);
        hd_pg_uuid(u, &contact);
    }

    if (version && language.data == NULL) {
        hd_pg_stmt(u, HD_Q_TEMPLATE_VERSION);
        hd_pg_uuid(u, &req->ids[0]);
        hd_pg_int(u, version);
    }

    u->on_result = hd_preview_row;
    req->ctx = p;
    req->done = hd_preview_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
