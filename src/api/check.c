/*
 * What a body and a query may hold: typed fields with bounds, from the route's
 * table.  All faults of a body are found in one pass, each with a JSON
 * pointer.
 */

#include "frame.h"


static void hd_check_object(hd_req_t *req, const hd_field_t *fields,
    hd_json_t *object, hd_buf_t *path, hd_faults_t *faults);


static void
hd_check_array(hd_req_t *req, const hd_field_t *f, hd_json_t *v,
    const hd_str_t *at, hd_faults_t *faults)
{
    char         list[256];
    ngx_uint_t   i;
    hd_json_t   *e, *o;

    if (v->count > (uint64_t) f->max || v->count < (uint64_t) f->min) {
        hd_faults_add(faults, "invalid", at, "expected %d to %d elements, "
                      "got %d", (int) f->min, (int) f->max, (int) v->count);
        return;
    }

    for (e = v->child, i = 0; e; e = e->next, i++) {

        if (e->type != HD_JSON_STRING || e->str.len == 0
            || hd_utf8_length(&e->str) > 64)
        {
            hd_faults_add(faults, "invalid", at, "element %d: expected a "
                          "string of 1 to 64 characters", (int) i);
            return;
        }

        if (f->type == HD_FIELD_ENUMS && !hd_check_enum(f, &e->str)) {
            hd_faults_add(faults, "invalid", at, "element %d: expected one "
                          "of %s", (int) i,
                          hd_check_list(f, list, sizeof(list)));
            return;
        }

        for (o = v->child; o != e; o = o->next) {
            if (o->str.len == e->str.len
                && ngx_memcmp(o->str.data, e->str.data, e->str.len) == 0)
            {
                hd_faults_add(faults, "duplicate", at, "element %d stands "
                              "there twice", (int) i);
                return;
            }
        }
    }
}


static void
hd_check_map(const hd_field_t *f, hd_json_t *v, const hd_str_t *at,
    hd_faults_t *faults)
{
    hd_json_t  *e;

    if (f->max && v->count > (uint64_t) f->max) {
        hd_faults_add(faults, "too_long", at, "expected at most %d members",
                      (int) f->max);
        return;
    }

    for (e = v->child; e; e = e->next) {
        if (e->type != HD_JSON_STRING || e->key.len == 0 || e->key.len > 64
            || hd_utf8_length(&e->str) > 1024)
        {
            hd_faults_add(faults, "invalid", at, "expected an object of "
                          "strings of up to 1024 characters");
            return;
        }
    }
}


/* each with a pointer of its own */
static void
hd_check_phones(hd_req_t *req, const hd_field_t *f, hd_json_t *v,
    const hd_str_t *path, hd_faults_t *faults)
{
    hd_buf_t     b;
    hd_str_t     at;
    hd_json_t   *e;
    ngx_uint_t   i;

    if (v->count > (uint64_t) f->max || v->count < (uint64_t) f->min) {
        hd_faults_add(faults, "invalid", path, "expected %d to %d phones, "
                      "got %d", (int) f->min, (int) f->max, (int) v->count);
        return;
    }

    hd_buf_init(&b);

    for (e = v->child, i = 0; e && faults->n < HD_FAULTS_MAX;
         e = e->next, i++)
    {
        hd_buf_reset(&b);
        hd_buf_str(&b, path);
        hd_buf_printf(&b, "/%d", (int) i);

        at.data = b.data;
        at.len = b.len;

        if (e->type != HD_JSON_STRING) {
            hd_faults_add(faults, "invalid", &at, "expected a string");

        } else {
            hd_check_phone(req, e, &at, faults);
        }
    }

    hd_buf_free(&b);
}


static void
hd_check_value(hd_req_t *req, const hd_field_t *f, hd_json_t *v,
    hd_buf_t *path, hd_faults_t *faults)
{
    int64_t    n;
    hd_str_t   here, *at;

    here.data = path->data;
    here.len = path->len;
    at = &here;

    if (v->type == HD_JSON_NULL && f->nullable) {
        return;
    }

    switch (f->type) {

    case HD_FIELD_INT:
        if (v->type != HD_JSON_NUMBER || hd_json_int(v, &n) != HD_OK
            || n < f->min || n > f->max)
        {
            hd_faults_add(faults, "invalid", at, "expected a whole number "
                          "from %lld to %lld", (long long) f->min,
                          (long long) f->max);
        }

        return;

    case HD_FIELD_BOOL:
        if (v->type != HD_JSON_TRUE && v->type != HD_JSON_FALSE) {
            hd_faults_add(faults, "invalid", at, "expected true or false");
        }

        return;

    case HD_FIELD_STRINGS:
    case HD_FIELD_ENUMS:
        if (v->type != HD_JSON_ARRAY) {
            hd_faults_add(faults, "invalid", at, "expected an array of "
                          "strings");
            return;
        }

        hd_check_array(req, f, v, at, faults);
        return;

    case HD_FIELD_PHONES:
        if (v->type != HD_JSON_ARRAY) {
            hd_faults_add(faults, "invalid", at, "expected an array of "
                          "phones");
            return;
        }

        hd_check_phones(req, f, v, at, faults);
        return;

    case HD_FIELD_MAP:
    case HD_FIELD_OBJECT:
    case HD_FIELD_GROUP:
        if (v->type != HD_JSON_OBJECT) {
            hd_faults_add(faults, "invalid", at, "expected an object");
            return;
        }

        if (f->type == HD_FIELD_MAP) {
            hd_check_map(f, v, at, faults);
        }

        if (f->type == HD_FIELD_GROUP) {
            hd_check_object(req, f->values, v, path, faults);
        }

        return;

    default:
        if (v->type != HD_JSON_STRING) {
            hd_faults_add(faults, "invalid", at, "expected a string");
            return;
        }

        hd_check_string(req, f, v, at, faults);
    }
}


/* a member's "/name" after the path so far, with RFC 6901's escapes */
static void
hd_check_down(hd_buf_t *path, size_t from, const hd_str_t *key)
{
    size_t  i;

    path->len = from;
    hd_buf_char(path, '/');

    for (i = 0; i < key->len; i++) {
        if (key->data[i] == '~') {
            hd_buf_z(path, "~0");

        } else if (key->data[i] == '/') {
            hd_buf_z(path, "~1");

        } else {
            hd_buf_char(path, key->data[i]);
        }
    }
}


static void
hd_check_object(hd_req_t *req, const hd_field_t *fields, hd_json_t *object,
    hd_buf_t *path, hd_faults_t *faults)
{
    size_t             from;
    hd_str_t           at, key;
    hd_json_t         *v;
    const hd_field_t  *f;

    from = path->len;

    for (v = object->child; v && faults->n < HD_FAULTS_MAX; v = v->next) {

        hd_check_down(path, from, &v->key);

        for (f = fields; f->name; f++) {
            if (v->key.len == ngx_strlen(f->name)
                && ngx_strncmp(v->key.data, f->name, v->key.len) == 0)
            {
                break;
            }
        }

        if (f->name == NULL) {
            at.data = path->data;
            at.len = path->len;
            hd_faults_add(faults, "unknown_field", &at,
                          "this address does not take such a field");
            continue;
        }

        hd_check_value(req, f, v, path, faults);
    }

    for (f = fields; f->name; f++) {
        if (f->required && hd_json_get(object, f->name) == NULL) {
            key.data = (u_char *) f->name;
            key.len = ngx_strlen(f->name);
            hd_check_down(path, from, &key);
            at.data = path->data;
            at.len = path->len;
            hd_faults_add(faults, "required", &at, "this field is needed");
        }
    }

    path->len = from;
}


ngx_int_t
hd_check_body(hd_req_t *req)
{
    char              text[160];
    hd_buf_t          path;
    hd_faults_t       faults;
    hd_json_error_t   err;

    req->body = hd_json_parse(&req->mem, req->raw_body.data,
                              req->raw_body.len, 16, &err);

    if (req->body == NULL) {
        snprintf(text, sizeof(text), "The body is not JSON: %s at byte %d.",
                 err.text, (int) err.offset);
        hd_problem(req, NGX_HTTP_BAD_REQUEST, "malformed_json", text);
        return NGX_DONE;
    }

    if (req->body->type != HD_JSON_OBJECT) {
        hd_problem(req, 422, "validation_failed",
                   "The body must be a JSON object.");
        return NGX_DONE;
    }

    hd_faults_init(&faults);
    hd_buf_init(&path);

    hd_check_object(req, req->route->body, req->body, &path, &faults);

    hd_buf_free(&path);

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return NGX_DONE;
    }

    return NGX_OK;
}


static ngx_int_t
hd_check_cursor(hd_req_t *req)
{
    u_char     text[64];
    size_t     len;
    hd_str_t   cursor;
    ngx_int_t  n;

    ngx_memset(req->before.b, 0xff, 16);
    req->after = 0;

    cursor = hd_query(req, "cursor");

    if (cursor.len == 0) {
        return NGX_OK;
    }

    if (cursor.len < 64
        && hd_base64url_decode(text, &len, cursor.data, cursor.len) == HD_OK)
    {
        if (len == 36 && hd_uuid_parse(&req->before, text, len) == HD_OK) {
            return NGX_OK;
        }

        n = ngx_atoi(text, len);

        if (len && n != NGX_ERROR && n <= NGX_MAX_INT32_VALUE) {
            req->after = n;
            return NGX_OK;
        }
    }

    hd_problem_at(req, 422, "validation_failed", "cursor",
                  "This cursor is none of ours: take it from next_cursor as "
                  "it is.");

    return NGX_DONE;
}


static ngx_int_t
hd_check_argument(hd_req_t *req, const hd_field_t *f)
{
    hd_buf_t     path;
    hd_str_t     value, at;
    hd_json_t    v;
    hd_faults_t  faults;

    value = hd_query(req, f->name);

    if (value.data == NULL) {
        return NGX_OK;
    }

    at.data = (u_char *) f->name;
    at.len = ngx_strlen(f->name);

    hd_faults_init(&faults);
    ngx_memzero(&v, sizeof(hd_json_t));

    v.type = HD_JSON_STRING;
    v.str = value;

    if (!hd_utf8_valid(value.data, value.len)
        || ngx_strlchr(value.data, value.data + value.len, '\0'))
    {
        hd_faults_add(&faults, "invalid", &at, "expected UTF-8 text");

    } else if (f->type == HD_FIELD_BOOL) {
        if (!hd_str_eq(&value, "true") && !hd_str_eq(&value, "false")) {
            hd_faults_add(&faults, "invalid", &at, "expected true or false");
        }

    } else if (f->type != HD_FIELD_OBJECT) {
        if (f->type == HD_FIELD_PHONE && value.len && value.data[0] == ' ') {
            v.str.data[0] = '+';
        }

        hd_buf_init(&path);
        hd_buf_z(&path, f->name);
        hd_check_value(req, f, &v, &path, &faults);
        hd_buf_free(&path);
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return NGX_DONE;
    }

    return NGX_OK;
}


ngx_int_t
hd_check_query(hd_req_t *req)
{
    hd_str_t           limit;
    ngx_int_t          n;
    const hd_field_t  *f;

    req->limit = 50;

    if (req->route->flags & HD_ROUTE_LIST) {
        limit = hd_query(req, "limit");

        if (limit.data) {
            n = ngx_atoi(limit.data, limit.len);

            if (n == NGX_ERROR || n < 1 || n > 200) {
                hd_problem_at(req, 422, "validation_failed", "limit",
                              "limit must be a number from 1 to 200.");
                return NGX_DONE;
            }

            req->limit = n;
        }

        if (hd_check_cursor(req) != NGX_OK) {
            return NGX_DONE;
        }
    }

    for (f = req->route->query; f && f->name; f++) {
        if (hd_check_argument(req, f) != NGX_OK) {
            return NGX_DONE;
        }
    }

    return NGX_OK;
}
