/*
 * Settings of a number: members of a JSON object to a struct and back.  A
 * member that is not known is refused, so that a typing error in a test does
 * not pass for a default.
 */

#include "sandbox.h"


#define HD_SB_MS_MAX  (24 * 3600 * 1000)


typedef struct {
    const char  *name;
    size_t       offset;
} hd_sb_field_t;


static int hd_sb_merge_member(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size);
static int hd_sb_merge_latency(hd_sb_settings_t *set, const hd_json_t *v,
    char *why, size_t size);
static int hd_sb_merge_failures(hd_sb_settings_t *set, const hd_json_t *v,
    char *why, size_t size);
static int hd_sb_merge_templates(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size);
static int hd_sb_merge_url(ngx_pool_t *pool, hd_sb_settings_t *set,
    char *why, size_t size);


#define hd_sb_field(name)  { #name, offsetof(hd_sb_settings_t, name) }

static const hd_sb_field_t  hd_sb_strings[] = {
    hd_sb_field(webhook_url),
    hd_sb_field(app_secret),
    hd_sb_field(verify_token),
    hd_sb_field(token),
    hd_sb_field(display_phone_number),
    hd_sb_field(verified_name),
    hd_sb_field(quality_rating),
    hd_sb_field(waba_id),
    { NULL, 0 }
};

static const hd_sb_field_t  hd_sb_rates[] = {
    hd_sb_field(read_rate),
    hd_sb_field(delivered_rate),
    hd_sb_field(reply_rate),
    hd_sb_field(duplicates),
    hd_sb_field(reorder),
    hd_sb_field(unknown_rate),
    hd_sb_field(reset_before_rate),
    hd_sb_field(hang_rate),
    { NULL, 0 }
};

static const hd_sb_field_t  hd_sb_numbers[] = {
    hd_sb_field(rate_limit),
    hd_sb_field(rate_burst),
    hd_sb_field(batch),
    { NULL, 0 }
};

static const char  *hd_sb_latencies[] = {
    "answer", "sent", "delivered", "read"
};


#define hd_sb_at(set, f, type)  ((type *) ((char *) (set) + (f)->offset))


void
hd_sb_settings_default(hd_sb_settings_t *set)
{
    ngx_memzero(set, sizeof(hd_sb_settings_t));

    hd_str_set(&set->verified_name, "Herald Sandbox");
    hd_str_set(&set->quality_rating, "GREEN");
    hd_str_set(&set->waba_id, "100000000000001");

    set->latency[HD_SB_SENT].min = 20;
    set->latency[HD_SB_SENT].max = 80;
    set->latency[HD_SB_DELIVERED].min = 100;
    set->latency[HD_SB_DELIVERED].max = 600;
    set->latency[HD_SB_READ].min = 400;
    set->latency[HD_SB_READ].max = 3000;

    set->read_rate = 0.85;
    set->delivered_rate = 0.97;
    set->reply_rate = 0.05;
    set->batch = 32;
}


int
hd_sb_settings_merge(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size)
{
    const hd_json_t  *m;

    if (v->type != HD_JSON_OBJECT) {
        snprintf(why, size, "a JSON object is expected");
        return HD_ERROR;
    }

    for (m = v->child; m != NULL; m = m->next) {
        if (hd_sb_merge_member(pool, set, m, why, size) != HD_OK) {
            return HD_ERROR;
        }
    }

    return hd_sb_merge_url(pool, set, why, size);
}


static const hd_sb_field_t *
hd_sb_find(const hd_sb_field_t *f, const hd_str_t *name)
{
    for ( /* void */ ; f->name != NULL; f++) {
        if (strlen(f->name) == name->len
            && memcmp(f->name, name->data, name->len) == 0)
        {
            return f;
        }
    }

    return NULL;
}


/* a number of JSON between 0 and 1 */

static int
hd_sb_rate(const hd_json_t *v, double *rate)
{
    char    text[32], *end;
    double  d;

    if (v == NULL || v->type != HD_JSON_NUMBER || v->str.len >= sizeof(text)) {
        return HD_ERROR;
    }

    memcpy(text, v->str.data, v->str.len);
    text[v->str.len] = '\0';

    d = strtod(text, &end);

    if (*end != '\0' || !(d >= 0.0 && d <= 1.0)) {
        return HD_ERROR;
    }

    *rate = d;

    return HD_OK;
}


static int
hd_sb_bad(const hd_json_t *v, char *why, size_t size, const char *expected)
{
    snprintf(why, size, "\"%.*s\": %s is expected",
             (int) ngx_min(v->key.len, 40), v->key.data, expected);

    return HD_ERROR;
}


static int
hd_sb_merge_member(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size)
{
    int64_t               n;
    hd_mem_t              mem;
    const hd_sb_field_t  *f;

    f = hd_sb_find(hd_sb_strings, &v->key);

    if (f != NULL) {
        if (v->type != HD_JSON_STRING || v->str.len > 1024) {
            return hd_sb_bad(v, why, size, "a string of at most 1024 bytes");
        }

        mem = hd_sb_mem(pool);
        return hd_str_dup(&mem, &v->str, hd_sb_at(set, f, hd_str_t));
    }

    f = hd_sb_find(hd_sb_rates, &v->key);

    if (f != NULL) {
        if (hd_sb_rate(v, hd_sb_at(set, f, double)) != HD_OK) {
            return hd_sb_bad(v, why, size, "a number from 0 to 1");
        }

        return HD_OK;
    }

    f = hd_sb_find(hd_sb_numbers, &v->key);

    if (f != NULL) {
        if (hd_json_int(v, &n) != HD_OK || n < 0 || n > 1000000) {
            return hd_sb_bad(v, why, size, "an integer from 0 to 1000000");
        }

        if (hd_str_eq(&v->key, "batch") && (n < 1 || n > 1000)) {
            return hd_sb_bad(v, why, size, "an integer from 1 to 1000");
        }

        *hd_sb_at(set, f, int64_t) = n;
        return HD_OK;
    }

    if (hd_str_eq(&v->key, "latency_ms")) {
        return hd_sb_merge_latency(set, v, why, size);
    }

    if (hd_str_eq(&v->key, "failures")) {
        return hd_sb_merge_failures(set, v, why, size);
    }

    if (hd_str_eq(&v->key, "templates")) {
        return hd_sb_merge_templates(pool, set, v, why, size);
    }

    if (hd_str_eq(&v->key, "hold") || hd_str_eq(&v->key, "magic")) {
        if (v->type != HD_JSON_TRUE && v->type != HD_JSON_FALSE) {
            return hd_sb_bad(v, why, size, "true or false");
        }

        if (v->key.data[0] == 'h') {
            set->hold = (v->type == HD_JSON_TRUE);

        } else {
            set->magic = (v->type == HD_JSON_TRUE);
        }

        return HD_OK;
    }

    return hd_sb_bad(v, why, size, "no such setting: another name");
}


static int
hd_sb_merge_latency(hd_sb_settings_t *set, const hd_json_t *v, char *why,
    size_t size)
{
    ngx_uint_t        i;
    hd_sb_range_t     range;
    const hd_json_t  *m;

    if (v->type != HD_JSON_OBJECT) {
        return hd_sb_bad(v, why, size, "an object");
    }

    for (m = v->child; m != NULL; m = m->next) {

        for (i = 0; i < HD_SB_LATENCIES; i++) {
            if (strlen(hd_sb_latencies[i]) == m->key.len
                && memcmp(hd_sb_latencies[i], m->key.data, m->key.len) == 0)
            {
                break;
            }
        }

        if (i == HD_SB_LATENCIES) {
            return hd_sb_bad(m, why, size,
                             "answer, sent, delivered or read");
        }

        if (hd_json_int(m, &range.min) == HD_OK) {
            range.max = range.min;

        } else if (hd_json_int(hd_json_get(m, "min"), &range.min) != HD_OK
                   || hd_json_int(hd_json_get(m, "max"), &range.max) != HD_OK)
        {
            return hd_sb_bad(m, why, size,
                             "milliseconds or {\"min\",\"max\"}");
        }

        if (range.min < 0 || range.max < range.min || range.max > HD_SB_MS_MAX
            || (i == HD_SB_ANSWER && range.max > 60000))
        {
            return hd_sb_bad(m, why, size, "min <= max, at most a day"
                             " (answer: a minute)");
        }

        set->latency[i] = range;
    }

    return HD_OK;
}


static int
hd_sb_merge_failures(hd_sb_settings_t *set, const hd_json_t *v, char *why,
    size_t size)
{
    hd_str_t          when;
    hd_sb_failure_t   fail;
    const hd_json_t  *m;

    if (v->type != HD_JSON_ARRAY || v->count > HD_SB_FAILURES) {
        return hd_sb_bad(v, why, size, "an array of at most 8");
    }

    set->nfailures = 0;

    for (m = v->child; m != NULL; m = m->next) {

        when = hd_json_str(m, "when");
        fail.by_status = hd_str_eq(&when, "status");
        fail.rate = 1.0;

        if (hd_json_int(hd_json_get(m, "code"), &fail.code) != HD_OK
            || fail.code < 0 || fail.code > 999999999
            || (fail.by_status && fail.code == 0)
            || (!fail.by_status && when.len > 0
                && !hd_str_eq(&when, "answer"))
            || (hd_json_get(m, "rate") != NULL
                && hd_sb_rate(hd_json_get(m, "rate"), &fail.rate) != HD_OK))
        {
            return hd_sb_bad(v, why, size, "{\"code\": integer, \"rate\": 0 to"
                             " 1, \"when\": \"answer\" or \"status\"}");
        }

        set->failures[set->nfailures++] = fail;
    }

    return HD_OK;
}


static int
hd_sb_merge_templates(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size)
{
    hd_mem_t           mem;
    hd_str_t           name, language, category;
    const hd_json_t   *m;
    hd_sb_template_t  *t;

    if (v->type != HD_JSON_ARRAY) {
        return hd_sb_bad(v, why, size, "an array");
    }

    mem = hd_sb_mem(pool);
    set->templates = NULL;

    for (m = v->child; m != NULL; m = m->next) {

        t = hd_calloc(&mem, sizeof(hd_sb_template_t));
        if (t == NULL) {
            return HD_ERROR;
        }

        name = hd_json_str(m, "name");
        language = hd_json_str(m, "language");
        category = hd_json_str(m, "category");
        t->params = -1;

        if (name.len == 0 || name.len > 512
            || (hd_json_get(m, "params") != NULL
                && hd_json_int(hd_json_get(m, "params"), &t->params) != HD_OK))
        {
            return hd_sb_bad(v, why, size, "{\"name\", \"language\","
                             " \"category\", \"params\": integer}");
        }

        if (category.len == 0) {
            hd_str_set(&category, "marketing");
        }

        if (hd_str_dup(&mem, &name, &t->name) != HD_OK
            || hd_str_dup(&mem, &language, &t->language) != HD_OK
            || hd_str_dup(&mem, &category, &t->category) != HD_OK)
        {
            return HD_ERROR;
        }

        t->next = set->templates;
        set->templates = t;
    }

    return HD_OK;
}


/* "http://127.0.0.1:8080/hooks/…": plain HTTP, an address and no name */

static int
hd_sb_merge_url(ngx_pool_t *pool, hd_sb_settings_t *set, char *why,
    size_t size)
{
    ngx_url_t   u;
    hd_str_t   *url;

    url = &set->webhook_url;
    set->sockaddr = NULL;

    if (url->len == 0) {
        return HD_OK;
    }

    if (url->len < 8
        || ngx_strncasecmp(url->data, (u_char *) "http://", 7) != 0)
    {
        snprintf(why, size, "\"webhook_url\": http:// is expected");
        return HD_ERROR;
    }

    ngx_memzero(&u, sizeof(ngx_url_t));
    u.url.data = url->data + 7;
    u.url.len = url->len - 7;
    u.default_port = 80;
    u.uri_part = 1;
    u.no_resolve = 1;

    if (ngx_strlchr(url->data, url->data + url->len, '\r') != NULL
        || ngx_strlchr(url->data, url->data + url->len, '\n') != NULL
        || ngx_strlchr(url->data, url->data + url->len, ' ') != NULL
        || ngx_parse_url(pool, &u) != NGX_OK || u.naddrs == 0
        || u.family == AF_UNIX)
    {
        snprintf(why, size, "\"webhook_url\": an address in numbers is"
                 " expected, such as http://127.0.0.1:8080/path");
        return HD_ERROR;
    }

    set->sockaddr = u.addrs[0].sockaddr;
    set->socklen = u.addrs[0].socklen;
    set->uri = u.uri;

    set->host.data = u.url.data;
    set->host.len = u.url.len - u.uri.len;

    if (set->uri.len == 0) {
        ngx_str_set(&set->uri, "/");

    } else if (set->uri.data[0] != '/') {
        snprintf(why, size, "\"webhook_url\": the path must begin with /");
        return HD_ERROR;
    }

    return HD_OK;
}


void
hd_sb_settings_write(hd_buf_t *b, const hd_sb_settings_t *set)
{
    ngx_uint_t               i;
    const hd_sb_field_t     *f;
    const hd_sb_template_t  *t;

    for (f = hd_sb_strings; f->name != NULL; f++) {
        hd_buf_printf(b, "\"%s\":", f->name);
        hd_jw_str(b, hd_sb_at(set, f, const hd_str_t));
        hd_buf_char(b, ',');
    }

    for (f = hd_sb_rates; f->name != NULL; f++) {
        hd_buf_printf(b, "\"%s\":%.6g,", f->name,
                      *hd_sb_at(set, f, const double));
    }

    for (f = hd_sb_numbers; f->name != NULL; f++) {
        hd_buf_printf(b, "\"%s\":", f->name);
        hd_buf_int(b, *hd_sb_at(set, f, const int64_t));
        hd_buf_char(b, ',');
    }

    hd_buf_z(b, "\"latency_ms\":{");

    for (i = 0; i < HD_SB_LATENCIES; i++) {
        hd_buf_printf(b, "%s\"%s\":{\"min\":%d,\"max\":%d}", i ? "," : "",
                      hd_sb_latencies[i], (int) set->latency[i].min,
                      (int) set->latency[i].max);
    }

    hd_buf_z(b, "},\"failures\":[");

    for (i = 0; i < set->nfailures; i++) {
        hd_buf_printf(b, "%s{\"code\":%d,\"rate\":%.6g,\"when\":\"%s\"}",
                      i ? "," : "", (int) set->failures[i].code,
                      set->failures[i].rate,
                      set->failures[i].by_status ? "status" : "answer");
    }

    hd_buf_z(b, "],\"templates\":[");

    for (t = set->templates; t != NULL; t = t->next) {
        hd_buf_z(b, "{\"name\":");
        hd_jw_str(b, &t->name);
        hd_buf_z(b, ",\"language\":");
        hd_jw_str(b, &t->language);
        hd_buf_z(b, ",\"category\":");
        hd_jw_str(b, &t->category);
        hd_buf_printf(b, ",\"params\":%d}%s", (int) t->params,
                      t->next ? "," : "");
    }

    hd_buf_printf(b, "],\"hold\":%s,\"magic\":%s",
                  set->hold ? "true" : "false",
                  set->magic ? "true" : "false");
}
