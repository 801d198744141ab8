/*
 * What a broadcast may say: shapes and bounds of its members, and which of
 * them go together.  The route's fields have looked at the members of the body
 * before; here is what stands inside of them.
 */

#include "launch.h"

#include <stdarg.h>
#include <stdlib.h>


#define HD_WAIT_MAX     604800         /* a week */
#define HD_RAMP_STEPS   10


void
hd_launch_at(hd_req_t *req, hd_str_t *at, const char *fmt, ...)
{
    char      text[256];
    size_t    n;
    va_list   args;
    hd_str_t  s;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    n = strlen(text);
    s.data = (u_char *) text;
    s.len = n;

    if (hd_str_dup(&req->mem, &s, at) != HD_OK) {
        hd_str_set(at, "/");
    }
}


/* a member that is none of `names` */
static ngx_uint_t
hd_launch_strange(hd_req_t *req, hd_json_t *obj, const char *where,
    const char *const *names, hd_faults_t *faults)
{
    hd_str_t            at;
    hd_json_t          *v;
    const char *const  *n;

    for (v = obj->child; v; v = v->next) {

        for (n = names; *n; n++) {
            if (v->key.len == ngx_strlen(*n)
                && ngx_memcmp(v->key.data, *n, v->key.len) == 0)
            {
                break;
            }
        }

        if (*n == NULL) {
            hd_launch_at(req, &at, "%s/%.*s", where,
                         (int) ngx_min(v->key.len, 64), v->key.data);
            hd_faults_add(faults, "unknown_field", &at,
                          "there is no such member here");
            return 1;
        }
    }

    return 0;
}


/* a whole number of an object; `none` when absent and not needed (≥ 0) */
static int64_t
hd_launch_int(hd_req_t *req, hd_json_t *obj, const char *where,
    const char *name, int64_t min, int64_t max, int64_t none,
    hd_faults_t *faults)
{
    int64_t     n;
    hd_str_t    at;
    hd_json_t  *v;

    v = hd_json_get(obj, name);

    if (v == NULL && none >= 0) {
        return none;
    }

    if (v == NULL || hd_json_int(v, &n) != HD_OK || n < min || n > max) {
        hd_launch_at(req, &at, "%s/%s", where, name);
        hd_faults_add(faults, v ? "invalid" : "required", &at,
                      "expected a whole number from %lld to %lld",
                      (long long) min, (long long) max);
        return min;
    }

    return n;
}


/* a share from 0 to 1 */
static void
hd_launch_share(hd_req_t *req, hd_json_t *obj, const char *where,
    const char *name, hd_faults_t *faults)
{
    char       *text;
    double      d;
    hd_str_t    at;
    hd_json_t  *v;

    v = hd_json_get(obj, name);

    if (v == NULL) {
        return;
    }

    d = -1;

    if (v->type == HD_JSON_NUMBER) {
        text = hd_cstr(&req->mem, &v->str);
        d = text ? strtod(text, NULL) : -1;
    }

    if (!(d >= 0 && d <= 1)) {
        hd_launch_at(req, &at, "%s/%s", where, name);
        hd_faults_add(faults, "invalid", &at, "expected a share from 0 to 1, "
                      "for example 0.05; 0 is off");
    }
}


/* {"all": true} or {"tag": "…"}, and nothing else; a sequence's cohort is
 * only for requests of our own */
static void
hd_launch_audience(hd_req_t *req, hd_launch_t *l, hd_faults_t *faults)
{
    hd_str_t     at;
    hd_json_t   *audience, *all, *tag;
    ngx_uint_t   ok;

    audience = hd_json_get(l->spec, "audience");

    if (hd_inner_named(req) && hd_json_get(audience, "sequence")) {
        l->cohort = 1;
        return;
    }

    all = hd_json_get(audience, "all");
    tag = hd_json_get(audience, "tag");

    ok = audience->count == 1
         && ((all && all->type == HD_JSON_TRUE)
             || (tag && tag->type == HD_JSON_STRING && tag->str.len
                 && hd_utf8_length(&tag->str) <= 64));

    if (!ok) {
        hd_str_set(&at, "/audience");
        hd_faults_add(faults, "invalid", &at, "expected {\"all\": true} or "
                      "{\"tag\": \"…\"} with one tag");
    }
}


static int
hd_launch_value(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    hd_str_t *unknown = ctx;

    if (fallback->data == NULL && !hd_variables_is_contact(name)) {
        *unknown = *name;
        return HD_ERROR;
    }

    return HD_OK;
}


/* the values may speak of the contact only */
static void
hd_launch_values(hd_req_t *req, hd_json_t *map, const char *where,
    hd_faults_t *faults)
{
    hd_str_t    at, unknown;
    hd_json_t  *v;

    for (v = map ? map->child : NULL; v; v = v->next) {

        if (hd_text_names(&v->str, hd_launch_value, &unknown) == HD_OK) {
            continue;
        }

        hd_launch_at(req, &at, "%s/%.*s", where, (int) v->key.len,
                     v->key.data);
        hd_faults_add(faults, "unknown_variable", &at, "\"%.*s\" is no column "
                      "of a contact: name, first_name, last_name, phone, "
                      "email, language and fields.… are",
                      (int) unknown.len, unknown.data);
    }
}


static void
hd_launch_variant(hd_req_t *req, hd_launch_t *l, hd_json_t *e, ngx_uint_t i,
    hd_faults_t *faults)
{
    char           where[32];
    hd_str_t       at, id;
    hd_json_t     *v;
    hd_variant_t  *variant;

    static const char *const  names[] = {
        "template_id", "variables", "weight", NULL
    };

    variant = &l->variants[i];
    snprintf(where, sizeof(where), "/variants/%d", (int) i);

    if (e->type != HD_JSON_OBJECT) {
        hd_launch_at(req, &at, "%s", where);
        hd_faults_add(faults, "invalid", &at, "expected an object with "
                      "template_id, and perhaps variables and weight");
        return;
    }

    if (hd_launch_strange(req, e, where, names, faults)) {
        return;
    }

    id = hd_json_str(e, "template_id");

    if (hd_uuid_parse(&variant->template_id, id.data, id.len) != HD_OK) {
        hd_launch_at(req, &at, "%s/template_id", where);
        hd_faults_add(faults, id.len ? "invalid" : "required", &at,
                      "expected the template's UUID");
    }

    variant->weight = hd_launch_int(req, e, where, "weight", 1, 100, 1,
                                    faults);

    v = hd_json_get(e, "variables");

    if (v == NULL) {
        return;
    }

    hd_launch_at(req, &at, "%s/variables", where);

    if (v->type != HD_JSON_OBJECT || v->count > 100) {
        hd_faults_add(faults, "invalid", &at, "expected an object of up to "
                      "100 strings");
        return;
    }

    variant->variables = v;

    for (v = v->child; v; v = v->next) {
        if (v->type != HD_JSON_STRING || v->key.len == 0 || v->key.len > 64
            || hd_utf8_length(&v->str) > 1024)
        {
            variant->variables = NULL;
            hd_faults_add(faults, "invalid", &at, "expected an object of "
                          "strings of up to 1024 characters");
            return;
        }
    }

    hd_launch_values(req, variant->variables, (char *) at.data, faults);
}


/* which template: one, or two to five of which the first is the broadcast's */
static void
hd_launch_variants(hd_req_t *req, hd_launch_t *l, hd_faults_t *faults)
{
    hd_str_t     at, id;
    hd_uuid_t    template_id;
    hd_json_t   *v, *e;
    ngx_uint_t   i;

    id = hd_json_str(l->spec, "template_id");
    v = hd_json_get(l->spec, "variants");

    if (v == NULL) {
        l->nvariants = 1;
        l->variants[0].weight = 1;

        if (hd_uuid_parse(&l->variants[0].template_id, id.data, id.len)
            != HD_OK)
        {
            hd_str_set(&at, "/template_id");
            hd_faults_add(faults, "required", &at, "give template_id, or "
                          "variants with one each");
        }

        return;
    }

    hd_str_set(&at, "/variants");

    if (v->count < 2 || v->count > HD_VARIANTS) {
        hd_faults_add(faults, "invalid", &at, "expected 2 to %d variants, got "
                      "%d", HD_VARIANTS, (int) v->count);
        return;
    }

    l->named = 1;

    for (e = v->child, i = 0; e; e = e->next, i++) {
        hd_launch_variant(req, l, e, i, faults);
    }

    l->nvariants = i;

    if (id.len
        && hd_uuid_parse(&template_id, id.data, id.len) == HD_OK
        && !hd_uuid_eq(&template_id, &l->variants[0].template_id))
    {
        hd_str_set(&at, "/template_id");
        hd_faults_add(faults, "invalid", &at, "the first variant has another "
                      "template: leave template_id out, or name the same");
    }
}


static void
hd_launch_test(hd_req_t *req, hd_launch_t *l, hd_faults_t *faults)
{
    hd_str_t    at, metric;
    hd_json_t  *v;

    static const char *const  names[] = {
        "percent", "wait_s", "metric", "min_sample", NULL
    };

    v = hd_json_get(l->spec, "test");

    if (v == NULL || hd_launch_strange(req, v, "/test", names, faults)) {
        return;
    }

    if (!l->named) {
        hd_str_set(&at, "/test");
        hd_faults_add(faults, "invalid", &at, "a test needs variants to "
                      "compare");
    }

    (void) hd_launch_int(req, v, "/test", "percent", 1, 50, -1, faults);
    (void) hd_launch_int(req, v, "/test", "wait_s", 1, HD_WAIT_MAX, 0, faults);
    (void) hd_launch_int(req, v, "/test", "min_sample", 1, 1000000, 0,
                         faults);

    metric = hd_json_str(v, "metric");

    if (hd_json_get(v, "metric") && !hd_str_eq(&metric, "delivered")
        && !hd_str_eq(&metric, "read") && !hd_str_eq(&metric, "replied"))
    {
        hd_str_set(&at, "/test/metric");
        hd_faults_add(faults, "invalid", &at, "expected one of \"delivered\", "
                      "\"read\", \"replied\"");
    }
}


/* steps of one kind that grow: each says how far the broadcast may go */
static void
hd_launch_ramp(hd_req_t *req, hd_launch_t *l, hd_faults_t *faults)
{
    char         where[32];
    int64_t      n, last;
    hd_str_t     at;
    hd_json_t   *v, *e;
    ngx_uint_t   i, counts, percents;

    static const char *const  names[] = {
        "percent", "count", "wait_s", NULL
    };

    v = hd_json_get(l->spec, "ramp");

    if (v == NULL) {
        return;
    }

    hd_str_set(&at, "/ramp");

    if (v->count < 1 || v->count > HD_RAMP_STEPS) {
        hd_faults_add(faults, "invalid", &at, "expected 1 to %d steps, got "
                      "%d", HD_RAMP_STEPS, (int) v->count);
        return;
    }

    counts = 0;
    percents = 0;
    last = 0;

    for (e = v->child, i = 0; e; e = e->next, i++) {

        snprintf(where, sizeof(where), "/ramp/%d", (int) i);
        hd_launch_at(req, &at, "%s", where);

        if (e->type != HD_JSON_OBJECT
            || (hd_json_get(e, "percent") == NULL)
               == (hd_json_get(e, "count") == NULL))
        {
            hd_faults_add(faults, "invalid", &at, "expected {\"percent\" or "
                          "\"count\", \"wait_s\"}");
            return;
        }

        if (hd_launch_strange(req, e, where, names, faults)) {
            return;
        }

        (void) hd_launch_int(req, e, where, "wait_s", 1, HD_WAIT_MAX, -1,
                             faults);

        if (hd_json_get(e, "percent")) {
            percents++;
            n = hd_launch_int(req, e, where, "percent", 1, 99, -1, faults);

        } else {
            counts++;
            n = hd_launch_int(req, e, where, "count", 1, 100000000, -1,
                              faults);
        }

        if (n <= last && i) {
            hd_faults_add(faults, "invalid", &at, "each step must go further "
                          "than the one before");
        }

        last = n;
    }

    if (counts && percents) {
        hd_str_set(&at, "/ramp");
        hd_faults_add(faults, "invalid", &at, "give all steps in percent, or "
                      "all as counts");
    }
}


static void
hd_launch_guard(hd_req_t *req, hd_launch_t *l, hd_faults_t *faults)
{
    hd_json_t  *v;

    static const char *const  names[] = {
        "failure_rate", "opt_out_rate", "min", NULL
    };

    v = hd_json_get(l->spec, "guard");

    if (v == NULL || hd_launch_strange(req, v, "/guard", names, faults)) {
        return;
    }

    hd_launch_share(req, v, "/guard", "failure_rate", faults);
    hd_launch_share(req, v, "/guard", "opt_out_rate", faults);
    (void) hd_launch_int(req, v, "/guard", "min", 1, 1000000, 0, faults);
}


/* 00:00 to 23:59 */
static ngx_uint_t
hd_launch_clock(const hd_str_t *s)
{
    ngx_int_t  h, m;

    if (s->len != 5 || s->data[2] != ':') {
        return 0;
    }

    h = ngx_atoi(s->data, 2);
    m = ngx_atoi(s->data + 3, 2);

    return h != NGX_ERROR && h < 24 && m != NGX_ERROR && m < 60;
}


/* when: which of the ways to spread a broadcast go together */
static void
hd_launch_times(hd_launch_t *l, hd_faults_t *faults)
{
    int64_t     begins;
    hd_str_t    at, s;
    ngx_uint_t  test, ramp;

    test = hd_json_get(l->spec, "test") != NULL;
    ramp = hd_json_get(l->spec, "ramp") != NULL;

    s = hd_json_str(l->spec, "send_at");

    if (s.len && hd_time_parse(s.data, s.len, &l->send_at) != HD_OK) {
        l->send_at = 0;
    }

    s = hd_json_str(l->spec, "expires_at");

    if (s.len && hd_time_parse(s.data, s.len, &l->expires_at) == HD_OK) {
        begins = ngx_max(l->send_at, hd_now_us());

        if (l->expires_at <= begins) {
            hd_str_set(&at, "/expires_at");
            hd_faults_add(faults, "invalid", &at, "it must be later than "
                          "now and than send_at: nobody would get anything");
        }
    }

    if (hd_json_get(l->spec, "local_time")) {
        s = hd_json_str(l->spec, "local_time");
        hd_str_set(&at, "/local_time");

        if (!hd_launch_clock(&s)) {
            hd_faults_add(faults, "invalid", &at, "expected a time of day as "
                          "\"HH:MM\", for example \"09:00\"");
        }

        if (test || ramp) {
            hd_faults_add(faults, "excluded", &at, "sending at everybody's "
                          "own time goes with neither a test nor a ramp");
        }
    }

    if (test && ramp) {
        hd_str_set(&at, "/ramp");
        hd_faults_add(faults, "excluded", &at, "a test is a first step "
                      "already: give a ramp or a test");
    }
}


void
hd_launch_shapes(hd_req_t *req, hd_launch_t *l, hd_faults_t *faults)
{
    hd_str_t  id;

    id = hd_json_str(l->spec, "account_id");
    (void) hd_uuid_parse(&l->account_id, id.data, id.len);

    hd_launch_audience(req, l, faults);
    hd_launch_values(req, hd_json_get(l->spec, "variables"), "/variables",
                     faults);
    hd_launch_variants(req, l, faults);
    hd_launch_test(req, l, faults);
    hd_launch_ramp(req, l, faults);
    hd_launch_guard(req, l, faults);
    hd_launch_times(l, faults);
}
