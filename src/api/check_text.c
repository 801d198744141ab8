/*
 * Strings of a body and a query: each kind of text has its form, and what is
 * wrong is said with what was expected.  Phones are written back in their
 * normal form.
 */

#include "frame.h"


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


ngx_uint_t
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


const char *
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


/* 21:30 */
static ngx_int_t
hd_check_clock(const hd_str_t *s)
{
    ngx_int_t  hour, minute;

    if (s->len != 5 || s->data[2] != ':') {
        return NGX_ERROR;
    }

    hour = ngx_atoi(s->data, 2);
    minute = ngx_atoi(s->data + 3, 2);

    return (hour < 0 || hour > 23 || minute < 0 || minute > 59) ? NGX_ERROR
                                                                : NGX_OK;
}


/* #1f6f4a */
static ngx_int_t
hd_check_color(const hd_str_t *s)
{
    size_t  i;

    if (s->len != 7 || s->data[0] != '#') {
        return NGX_ERROR;
    }

    for (i = 1; i < s->len; i++) {
        if (ngx_hextoi(s->data + i, 1) == NGX_ERROR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static void
hd_check_zone(const hd_str_t *s, const hd_str_t *at, hd_faults_t *faults)
{
    char  similar[160];

    if (hd_zone_known(s)) {
        return;
    }

    hd_zone_similar(s, similar, sizeof(similar));

    hd_faults_add(faults, "time_zone_unknown", at, "there is no such time "
                  "zone; expected an IANA name such as Africa/Nairobi%s%s",
                  similar[0] ? ". Similar: " : "", similar);
}


static void
hd_check_money(const hd_field_t *f, const hd_str_t *s, const hd_str_t *at,
    hd_faults_t *faults)
{
    int64_t  amount;

    if (hd_decimal_parse(s, &amount) != HD_OK || amount < f->min
        || (f->max && amount > f->max))
    {
        hd_faults_add(faults, "invalid", at, "expected an amount with at most "
                      "six decimals, for example \"250.00\"");
    }
}


void
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


void
hd_check_string(hd_req_t *req, const hd_field_t *f, hd_json_t *v,
    const hd_str_t *at, hd_faults_t *faults)
{
    char       list[256];
    size_t     n;
    int32_t    day;
    int64_t    us;
    hd_uuid_t  id;

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

    case HD_FIELD_ZONE:
        hd_check_zone(&v->str, at, faults);
        return;

    case HD_FIELD_CLOCK:
        if (hd_check_clock(&v->str) != NGX_OK) {
            hd_faults_add(faults, "invalid", at, "expected a time of the day "
                          "from 00:00 to 23:59, for example 21:30");
        }

        return;

    case HD_FIELD_COLOR:
        if (hd_check_color(&v->str) != NGX_OK) {
            hd_faults_add(faults, "invalid", at, "expected a colour, for "
                          "example #1f6f4a");
        }

        return;

    case HD_FIELD_DATE:
        if (hd_day_parse(v->str.data, v->str.len, &day) != HD_OK) {
            hd_faults_add(faults, "invalid", at, "expected a date, for "
                          "example 2027-01-31");
        }

        return;

    case HD_FIELD_MONEY:
        hd_check_money(f, &v->str, at, faults);
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
