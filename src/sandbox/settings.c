/*
 * Settings of a number: members of a JSON object to a struct and back.  A
 * member that is not known is refused, so that a typing error in a test does
 * not pass for a default.
 */

#include "twilio.h"


#define HD_SB_MS_MAX  (24 * 3600 * 1000)


typedef struct {
    const char  *name;
    size_t       offset;
} hd_sb_field_t;


static int hd_sb_merge_member(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size);
static int hd_sb_merge_latency(hd_sb_settings_t *set, const hd_json_t *v,
    char *why, size_t size);
static int hd_sb_merge_choice(hd_sb_settings_t *set, const hd_json_t *v,
    char *why, size_t size);
static int hd_sb_merge_pair(hd_sb_settings_t *set, const hd_json_t *v,
    char *why, size_t size);
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
    hd_sb_field(portfolio),
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
    hd_sb_field(late_failure_rate),
    hd_sb_field(unknown_status_rate),
    hd_sb_field(foreign_status_rate),
    { NULL, 0 }
};

static const hd_sb_field_t  hd_sb_numbers[] = {
    hd_sb_field(rate_limit),
    hd_sb_field(rate_burst),
    hd_sb_field(batch),
    hd_sb_field(duplicate_times),
    hd_sb_field(tier),
    hd_sb_field(marketing_cap),
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
    set->duplicate_times = 1;
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

    set->ruled = set->window != HD_SB_WINDOW_OFF || set->pair_interval > 0
                 || set->tier > 0 || set->marketing_cap > 0;

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


int
hd_sb_settings_rate(const hd_json_t *v, double *rate)
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


int
hd_sb_settings_bad(const hd_json_t *v, char *why, size_t size,
    const char *expected)
{
    snprintf(why, size, "\"%.*s\": %s is expected",
             (int) ngx_min(v->key.len, 40), v->key.data, expected);

    return HD_ERROR;
}


static int
hd_sb_merge_member(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size)
{
    int                   rc;
    int64_t               n;
    hd_mem_t              mem;
    const hd_sb_field_t  *f;

    f = hd_sb_find(hd_sb_strings, &v->key);

    if (f != NULL) {
        if (hd_str_eq(&v->key, "portfolio") && v->str.len > HD_SB_ID_MAX) {
            return hd_sb_settings_bad(v, why, size,
                                      "a string of at most 40 bytes");
        }

        if (v->type != HD_JSON_STRING || v->str.len > 1024) {
            return hd_sb_settings_bad(v, why, size,
                                      "a string of at most 1024 bytes");
        }

        mem = hd_sb_mem(pool);
        return hd_str_dup(&mem, &v->str, hd_sb_at(set, f, hd_str_t));
    }

    f = hd_sb_find(hd_sb_rates, &v->key);

    if (f != NULL) {
        if (hd_sb_settings_rate(v, hd_sb_at(set, f, double)) != HD_OK) {
            return hd_sb_settings_bad(v, why, size, "a number from 0 to 1");
        }

        return HD_OK;
    }

    f = hd_sb_find(hd_sb_numbers, &v->key);

    if (f != NULL) {
        if (hd_json_int(v, &n) != HD_OK || n < 0 || n > 1000000) {
            return hd_sb_settings_bad(v, why, size,
                                      "an integer from 0 to 1000000");
        }

        if (hd_str_eq(&v->key, "batch") && (n < 1 || n > 1000)) {
            return hd_sb_settings_bad(v, why, size,
                                      "an integer from 1 to 1000");
        }

        if (hd_str_eq(&v->key, "duplicate_times") && (n < 1 || n > 50)) {
            return hd_sb_settings_bad(v, why, size,
                                      "an integer from 1 to 50");
        }

        *hd_sb_at(set, f, int64_t) = n;
        return HD_OK;
    }

    if (hd_str_eq(&v->key, "latency_ms")) {
        return hd_sb_merge_latency(set, v, why, size);
    }

    if (hd_str_eq(&v->key, "pair_rate")) {
        return hd_sb_merge_pair(set, v, why, size);
    }

    rc = hd_sb_merge_choice(set, v, why, size);

    if (rc == NGX_DECLINED) {
        rc = hd_sb_lists_merge(pool, set, v, why, size);
    }

    if (rc == NGX_DECLINED) {
        return hd_sb_settings_bad(v, why, size,
                                  "no such setting: another name");
    }

    return rc;
}


/* those that are one of a few words */

static int
hd_sb_merge_choice(hd_sb_settings_t *set, const hd_json_t *v, char *why,
    size_t size)
{
    int  yes, flag;

    yes = (v->type == HD_JSON_TRUE);
    flag = (yes || v->type == HD_JSON_FALSE);

    if (hd_str_eq(&v->key, "window")) {

        if (flag) {
            set->window = yes ? HD_SB_WINDOW_STATUS : HD_SB_WINDOW_OFF;
            return HD_OK;
        }

        if (v->type == HD_JSON_STRING && hd_str_eq(&v->str, "sync")) {
            set->window = HD_SB_WINDOW_ANSWER;
            return HD_OK;
        }

        return hd_sb_settings_bad(v, why, size, "true, false or \"sync\"");
    }

    if (hd_str_eq(&v->key, "throttle")) {
        set->throttle_http = hd_str_eq(&v->str, "http429");

        return (set->throttle_http || hd_str_eq(&v->str, "code"))
               ? HD_OK
               : hd_sb_settings_bad(v, why, size, "\"code\" or \"http429\"");
    }

    if (hd_str_eq(&v->key, "limits_by")) {
        set->refuse = hd_str_eq(&v->str, "answer");

        return (set->refuse || hd_str_eq(&v->str, "status"))
               ? HD_OK
               : hd_sb_settings_bad(v, why, size, "\"status\" or \"answer\"");
    }

    if (hd_str_eq(&v->key, "twilio")) {
        set->twilio = hd_str_eq(&v->str, "whatsapp") ? HD_SB_TWILIO_WHATSAPP
                      : hd_str_eq(&v->str, "sms") ? HD_SB_TWILIO_SMS : 0;

        return (set->twilio || v->type == HD_JSON_NULL)
               ? HD_OK
               : hd_sb_settings_bad(v, why, size,
                                    "\"whatsapp\", \"sms\" or null");
    }

    if (!hd_str_eq(&v->key, "hold") && !hd_str_eq(&v->key, "magic")
        && !hd_str_eq(&v->key, "count_inbound")
        && !hd_str_eq(&v->key, "waha"))
    {
        return NGX_DECLINED;
    }

    if (!flag) {
        return hd_sb_settings_bad(v, why, size, "true or false");
    }

    switch (v->key.data[0]) {

    case 'h':
        set->hold = yes;
        break;

    case 'm':
        set->magic = yes;
        break;

    case 'w':
        set->waha = yes;
        break;

    default:
        set->count_inbound = yes;
    }

    return HD_OK;
}


/* {"interval_ms": 6000, "burst": 45} are the provider's own; null: none */

static int
hd_sb_merge_pair(hd_sb_settings_t *set, const hd_json_t *v, char *why,
    size_t size)
{
    int64_t           interval, burst;
    const hd_json_t  *m;

    interval = 6000;
    burst = 45;

    if (v->type == HD_JSON_NULL) {
        set->pair_interval = 0;
        return HD_OK;
    }

    for (m = v->child; m != NULL; m = m->next) {
        if (hd_json_int(m, hd_str_eq(&m->key, "burst") ? &burst : &interval)
            != HD_OK
            || (!hd_str_eq(&m->key, "burst")
                && !hd_str_eq(&m->key, "interval_ms")))
        {
            break;
        }
    }

    if (v->type != HD_JSON_OBJECT || m != NULL || interval < 0
        || interval > HD_SB_MS_MAX || burst < 1 || burst > 10000)
    {
        return hd_sb_settings_bad(v, why, size, "{\"interval_ms\": 0 to a day,"
                                  " \"burst\": 1 to 10000} or null");
    }

    set->pair_interval = interval;
    set->pair_burst = burst;

    return HD_OK;
}


static int
hd_sb_merge_latency(hd_sb_settings_t *set, const hd_json_t *v, char *why,
    size_t size)
{
    ngx_uint_t        i;
    hd_sb_range_t     range;
    const hd_json_t  *m;

    if (v->type != HD_JSON_OBJECT) {
        return hd_sb_settings_bad(v, why, size, "an object");
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
            return hd_sb_settings_bad(m, why, size,
                                      "answer, sent, delivered or read");
        }

        if (hd_json_int(m, &range.min) == HD_OK) {
            range.max = range.min;

        } else if (hd_json_int(hd_json_get(m, "min"), &range.min) != HD_OK
                   || hd_json_int(hd_json_get(m, "max"), &range.max) != HD_OK)
        {
            return hd_sb_settings_bad(m, why, size,
                                      "milliseconds or {\"min\",\"max\"}");
        }

        if (range.min < 0 || range.max < range.min || range.max > HD_SB_MS_MAX
            || (i == HD_SB_ANSWER && range.max > 60000))
        {
            return hd_sb_settings_bad(m, why, size, "min <= max, at most a day"
                                      " (answer: a minute)");
        }

        set->latency[i] = range;
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
    ngx_uint_t            i;
    const hd_sb_field_t  *f;

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

    hd_buf_z(b, "},");
    hd_sb_lists_write(b, set);

    hd_buf_printf(b, ",\"window\":%s,\"throttle\":\"%s\",\"limits_by\":\"%s\""
                  ",\"hold\":%s,\"magic\":%s,\"count_inbound\":%s"
                  ",\"twilio\":%s,\"waha\":%s"
                  ",\"pair_rate\":",
                  set->window == HD_SB_WINDOW_OFF ? "false"
                  : set->window == HD_SB_WINDOW_STATUS ? "true"
                  : "\"sync\"",
                  set->throttle_http ? "http429" : "code",
                  set->refuse ? "answer" : "status",
                  set->hold ? "true" : "false",
                  set->magic ? "true" : "false",
                  set->count_inbound ? "true" : "false",
                  set->twilio == HD_SB_TWILIO_SMS ? "\"sms\""
                  : set->twilio ? "\"whatsapp\"" : "null",
                  set->waha ? "true" : "false");

    if (set->pair_interval > 0) {
        hd_buf_printf(b, "{\"interval_ms\":%d,\"burst\":%d}",
                      (int) set->pair_interval, (int) set->pair_burst);

    } else {
        hd_buf_z(b, "null");
    }
}
