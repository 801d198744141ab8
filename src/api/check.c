/*
 * What a body and a query may hold: typed fields with bounds, from the route's
 * table.  All faults of a body are found in one pass, each with a JSON
 * pointer.  Phones are written back in their normal form.
 */

#include "frame.h"


static void hd_check_value(hd_req_t *req, const hd_field_t *f, hd_json_t *v,
    const hd_str_t *at, hd_faults_t *faults);


static ngx_int_t
hd_check_name(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (!((s->data[i] >= 'a' && s->data[i] <= 'z')
              || (s->data[i] >= '0' && s->data[i] <= '9')
              || s->data[i] == '_'))
        {
            return NGX_ERROR;
        }
    }

    return s->len ? NGX_OK : NGX_ERROR;
}


/* en, en_GB, pt-BR, fil: two or three letters, then perhaps a region */
static ngx_int_t
hd_check_language(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len && s->data[i] >= 'a' && s->data[i] <= 'z'; i++) {
        /* void */
    }

    if (i < 2 || i > 3) {
        return NGX_ERROR;
    }

    if (i == s->len) {
        return NGX_OK;
    }

    if ((s->data[i] != '_' && s->data[i] != '-') || s->len - i - 1 < 2
        || s->len - i - 1 > 8)
    {
        return NGX_ERROR;
    }

    for (i++; i < s->len; i++) {
        if (!((s->data[i] | 0x20) >= 'a' && (s->data[i] | 0x20) <= 'z')
            && !(s->data[i] >= '0' && s->data[i] <= '9'))
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* a@b.c, no spaces: more is for the mail server to say */
static ngx_int_t
hd_check_email(hd_str_t *s)
{
    size_t   i;
    u_char  *at, *dot, *last;

    last = s->data + s->len;
    at = ngx_strlchr(s->data, last, '@');

    if (at == NULL || at == s->data || s->len > 254) {
        return NGX_ERROR;
    }

    dot = ngx_strlchr(at, last, '.');

    if (dot == NULL || dot == at + 1 || dot + 1 == last) {
        return NGX_ERROR;
    }

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= ' ' || s->data[i] == 0x7f) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
hd_check_url(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= ' ' || s->data[i] == '"' || s->data[i] == 0x7f) {
            return NGX_ERROR;
        }
    }

    if ((s->len > 8 && ngx_strncmp(s->data, "https://", 8) == 0)
        || (s->len > 7 && ngx_strncmp(s->data, "http://", 7) == 0))
    {
        return s->data[s->len - 1] == '/' ? NGX_ERROR : NGX_OK;
    }

    return NGX_ERROR;
}


static ngx_uint_t
hd_check_enum(const hd_field_t *f, const hd_str_t *s)
{
    const char *const  *p;

    for (p = f->values; *p; p++) {
        if (s->len == ngx_strlen(*p)
            && ngx_strncmp(s->data, *p, s->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static const char *
hd_check_list(const hd_field_t *f, char *text, size_t size)
{
    size_t              n;
    const char *const  *p;

    n = 0;

    for (p = f->values; *p && n + 32 < size; p++) {
        n += snprintf(text + n, size - n, "%s\"%s\"", n ? ", " : "", *p);
    }

    return text;
}


static void
hd_check_phone(hd_req_t *req, hd_json_t *v, const hd_str_t *at,
    hd_faults_t *faults)
{
    hd_str_t     e164;
    hd_phone_e   rc;
    hd_phone_t   phone;

    rc = hd_phone_parse(&v->str, "", &phone);

    if (rc != HD_PHONE_OK) {
        hd_faults_add(faults, "phone_invalid", at, "%s", hd_phone_error(rc));
        return;
    }

    e164.data = phone.e164;
    e164.len = phone.len;

    (void) hd_str_dup(&req->mem, &e164, &v->str);
}


static void
hd_check_string(hd_req_t *req, const hd_field_t *f, hd_json_t *v,
    const hd_str_t *at, hd_faults_t *faults)
{
    char      list[256];
    size_t    n;
    int64_t   us;
    hd_uuid_t id;

    switch (f->type) {

    case HD_FIELD_UUID:
        if (hd_uuid_parse(&id, v->str.data, v->str.len) != HD_OK) {
            hd_faults_add(faults, "invalid", at, "expected a UUID");
        }

        return;

    case HD_FIELD_TIME:
        if (hd_time_parse(v->str.data, v->str.len, &us) != HD_OK) {
            hd_faults_add(faults, "invalid", at, "expected an RFC 3339 time "
                          "with a zone, for example 2027-01-31T09:00:00Z");
        }

        return;

    case HD_FIELD_PHONE:
        hd_check_phone(req, v, at, faults);
        return;

    case HD_FIELD_EMAIL:
        if (hd_check_email(&v->str) != NGX_OK) {
            hd_faults_add(faults, "invalid", at, "expected an e-mail address");
        }

        return;

    case HD_FIELD_ENUM:
        if (!hd_check_enum(f, &v->str)) {
            hd_faults_add(faults, "invalid", at, "expected one of %s",
                          hd_check_list(f, list, sizeof(list)));
        }

        return;

    case HD_FIELD_NAME:
        if (hd_check_name(&v->str) != NGX_OK) {
            hd_faults_add(faults, "invalid", at, "expected lower-case "
                          "letters, digits and underscores");
            return;
        }

        break;

    case HD_FIELD_LANGUAGE:
        if (hd_check_language(&v->str) != NGX_OK) {
            hd_faults_add(faults, "invalid", at, "expected a language code, "
                          "for example en or pt_BR");
        }

        return;

    case HD_FIELD_URL:
        if (hd_check_url(&v->str) != NGX_OK) {
            hd_faults_add(faults, "invalid", at, "expected an http or https "
                          "address without a slash at its end");
        }

        return;

    default:
        break;
    }

    n = hd_utf8_length(&v->str);

    if ((int64_t) n < f->min) {
        hd_faults_add(faults, n ? "too_short" : "required", at,
                      "expected at least %d character%s", (int) f->min,
                      f->min == 1 ? "" : "s");

    } else if (f->max && (int64_t) n > f->max) {
        hd_faults_add(faults, "too_long", at,
                      "expected at most %d characters, got %d", (int) f->max,
                      (int) n);
    }
}


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


static void
hd_check_value(hd_req_t *req, const hd_field_t *f, hd_json_t *v,
    const hd_str_t *at, hd_faults_t *faults)
{
    int64_t  n;

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

    case HD_FIELD_ARRAY:
        if (v->type != HD_JSON_ARRAY || v->count > (uint64_t) f->max) {
            hd_faults_add(faults, "invalid", at, "expected an array of up to "
                          "%d elements", (int) f->max);
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

    case HD_FIELD_MAP:
    case HD_FIELD_OBJECT:
        if (v->type != HD_JSON_OBJECT) {
            hd_faults_add(faults, "invalid", at, "expected an object");
            return;
        }

        if (f->type == HD_FIELD_MAP) {
            hd_check_map(f, v, at, faults);
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


/* "/name", with RFC 6901's escapes */
static void
hd_check_pointer(hd_buf_t *b, const hd_str_t *key, hd_str_t *at)
{
    size_t  i;

    hd_buf_reset(b);
    hd_buf_char(b, '/');

    for (i = 0; i < key->len; i++) {
        if (key->data[i] == '~') {
            hd_buf_z(b, "~0");

        } else if (key->data[i] == '/') {
            hd_buf_z(b, "~1");

        } else {
            hd_buf_char(b, key->data[i]);
        }
    }

    at->data = b->data;
    at->len = b->len;
}


ngx_int_t
hd_check_body(hd_req_t *req)
{
    char               text[160];
    hd_buf_t           b;
    hd_str_t           at, key;
    hd_json_t         *v;
    hd_faults_t        faults;
    hd_json_error_t    err;
    const hd_field_t  *f;

    if (req->raw_body.len == 0 && (req->route->flags & HD_ROUTE_BARE)) {
        hd_str_set(&req->raw_body, "{}");
    }

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
    hd_buf_init(&b);

    for (v = req->body->child; v; v = v->next) {

        hd_check_pointer(&b, &v->key, &at);

        for (f = req->route->body; f->name; f++) {
            if (v->key.len == ngx_strlen(f->name)
                && ngx_strncmp(v->key.data, f->name, v->key.len) == 0)
            {
                break;
            }
        }

        if (f->name == NULL) {
            hd_faults_add(&faults, "unknown_field", &at,
                          "this address does not take such a field");
            continue;
        }

        hd_check_value(req, f, v, &at, &faults);
    }

    for (f = req->route->body; f->name; f++) {
        if (f->required && hd_json_get(req->body, f->name) == NULL) {
            key.data = (u_char *) f->name;
            key.len = ngx_strlen(f->name);
            hd_check_pointer(&b, &key, &at);
            hd_faults_add(&faults, "required", &at, "this field is needed");
        }
    }

    hd_buf_free(&b);

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
        hd_check_value(req, f, &v, &at, &faults);
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
