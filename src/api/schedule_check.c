/*
 * What a schedule may say: shapes and bounds, the rule, the steps of a
 * sequence.  What its document says is checked by those who take it
 * (schedule.c).
 */

#include "schedule.h"


static void
hd_schedule_at(hd_req_t *req, hd_str_t *at, const char *where,
    ngx_uint_t i, const char *name)
{
    u_char  *p;

    p = ngx_pnalloc(req->r->pool, 128);

    if (p == NULL) {
        hd_str_set(at, "/document");
        return;
    }

    at->data = p;
    at->len = ngx_snprintf(p, 128, "%s/%ui%s%s", where, i, *name ? "/" : "",
                           name) - p;
}


/* what the schedule says is not for the document to say */
static void
hd_schedule_own(hd_req_t *req, hd_json_t *document, hd_faults_t *faults)
{
    char        text[64];
    hd_str_t    at, s;
    ngx_uint_t  i;

    static const char *const  names[] = {
        "send_at", "draft", "expires_at", "delete_after_s", NULL
    };

    for (i = 0; names[i]; i++) {
        if (hd_json_get(document, names[i]) == NULL) {
            continue;
        }

        (void) snprintf(text, sizeof(text), "/document/%s", names[i]);
        s.data = (u_char *) text;
        s.len = strlen(text);

        if (hd_str_dup(&req->mem, &s, &at) == HD_OK) {
            hd_faults_add(faults, "unknown_field", &at, "when it happens, and "
                          "how long it stays, is said by the schedule, not by "
                          "its document");
        }
    }
}


static void
hd_schedule_step(hd_req_t *req, hd_json_t *step, ngx_uint_t i,
    hd_faults_t *faults)
{
    int64_t     days, seconds;
    hd_str_t    at;
    hd_json_t  *v;

    hd_schedule_at(req, &at, "/document/steps", i, "");

    if (step->type != HD_JSON_OBJECT) {
        hd_faults_add(faults, "invalid", &at, "expected {\"after\", "
                      "\"at_local\", \"template_id\", \"variables\"}");
        return;
    }

    for (v = step->child; v; v = v->next) {
        if (!hd_str_eq(&v->key, "after") && !hd_str_eq(&v->key, "at_local")
            && !hd_str_eq(&v->key, "template_id")
            && !hd_str_eq(&v->key, "variables"))
        {
            hd_faults_add(faults, "unknown_field", &at, "a step takes after, "
                          "at_local, template_id and variables");
            return;
        }
    }

    v = hd_json_get(step, "after");
    hd_schedule_at(req, &at, "/document/steps", i, "after");

    if (v && (v->type != HD_JSON_STRING
              || hd_duration_parse(&v->str, &days, &seconds) != HD_OK
              || days > 730 || seconds > 730 * 86400))
    {
        hd_faults_add(faults, "invalid", &at, "expected a duration as "
                      "\"P3D\" or \"PT1H\", up to two years");
    }

    v = hd_json_get(step, "template_id");

    if (v == NULL || v->type != HD_JSON_STRING) {
        hd_schedule_at(req, &at, "/document/steps", i, "template_id");
        hd_faults_add(faults, v ? "invalid" : "required", &at,
                      "expected the template's UUID");
    }
}


/* {account_id, audience, steps, stop_on_reply, enrol} */
static void
hd_schedule_sequence(hd_req_t *req, hd_schedule_t *s, hd_faults_t *faults)
{
    hd_str_t     at;
    hd_json_t   *v, *e;
    ngx_uint_t   i;

    for (v = s->document->child; v; v = v->next) {
        if (!hd_str_eq(&v->key, "account_id") && !hd_str_eq(&v->key, "steps")
            && !hd_str_eq(&v->key, "audience")
            && !hd_str_eq(&v->key, "enrol")
            && !hd_str_eq(&v->key, "stop_on_reply"))
        {
            hd_str_set(&at, "/document");
            hd_faults_add(faults, "unknown_field", &at, "a sequence takes "
                          "account_id, audience, steps, enrol and "
                          "stop_on_reply");
            return;
        }
    }

    v = hd_json_get(s->document, "steps");
    hd_str_set(&at, "/document/steps");

    if (v == NULL || v->type != HD_JSON_ARRAY || v->count == 0
        || v->count > HD_SCHEDULE_STEPS)
    {
        hd_faults_add(faults, v ? "invalid" : "required", &at, "expected 1 to "
                      "%d steps", HD_SCHEDULE_STEPS);

    } else {
        for (e = v->child, i = 0; e; e = e->next, i++) {
            hd_schedule_step(req, e, i, faults);
        }
    }

    v = hd_json_get(s->document, "enrol");

    if (v && (v->type != HD_JSON_STRING
              || (!hd_str_eq(&v->str, "once")
                  && !hd_str_eq(&v->str, "continuous"))))
    {
        hd_str_set(&at, "/document/enrol");
        hd_faults_add(faults, "invalid", &at, "expected once or continuous");
    }

    v = hd_json_get(s->document, "stop_on_reply");

    if (v && v->type != HD_JSON_TRUE && v->type != HD_JSON_FALSE) {
        hd_str_set(&at, "/document/stop_on_reply");
        hd_faults_add(faults, "invalid", &at, "expected true or false");
    }
}


/* continuous enrolment looks every hour, unless its own rule says when */
static void
hd_schedule_rule(hd_req_t *req, hd_schedule_t *s, hd_faults_t *faults)
{
    hd_str_t     at, enrol;
    const char  *why;

    s->rrule = hd_json_str(s->spec, "rrule");
    enrol = hd_json_str(s->document, "enrol");
    hd_str_set(&at, "/rrule");

    if (s->rrule.len == 0 && hd_str_eq(&enrol, "continuous")) {
        hd_str_set(&s->rrule, "FREQ=HOURLY");
    }

    if (s->rrule.len == 0) {
        return;
    }

    if (hd_str_eq(&s->kind, "sequence") && !hd_str_eq(&enrol, "continuous")) {
        hd_faults_add(faults, "excluded", &at, "a sequence repeats only its "
                      "enrolment: say enrol continuous");
        return;
    }

    if (hd_recur_parse(&s->rule, &s->rrule, &why) != HD_OK) {
        hd_faults_add(faults, "invalid", &at, "this is no RRULE of RFC 5545: "
                      "%s", why);
        return;
    }

    if (s->rule.freq > HD_RECUR_HOURLY || (s->best
        && s->rule.freq > HD_RECUR_DAILY) || s->rule.seconds
        || (s->best && (s->rule.hours || s->rule.minutes)))
    {
        hd_faults_add(faults, "invalid", &at, s->best
                      ? "with best_time the hour is found: a rule of days, "
                        "weeks, months or years without BYHOUR, BYMINUTE and "
                        "BYSECOND"
                      : "a schedule repeats hourly at most: FREQ is YEARLY, "
                        "MONTHLY, WEEKLY, DAILY or HOURLY, without BYSECOND");
        return;
    }

    s->ruled = 1;
}


void
hd_schedule_shapes(hd_req_t *req, hd_schedule_t *s, hd_faults_t *faults)
{
    hd_str_t    at, v;
    hd_json_t  *j;

    s->kind = hd_json_str(s->spec, "kind");
    s->document = hd_json_get(s->spec, "document");
    s->until = HD_RECUR_NEVER;

    v = hd_json_str(s->spec, "month_end");
    s->last_day = hd_str_eq(&v, "last_day");

    j = hd_json_get(s->spec, "best_time");
    s->best = j && j->type == HD_JSON_TRUE;

    v = hd_json_str(s->spec, "starts_at");

    if (hd_wall_parse(&v, &s->start) != HD_OK) {
        hd_str_set(&at, "/starts_at");
        hd_faults_add(faults, "invalid", &at, "expected the time on the "
                      "wall's clock as \"2027-01-31T09:00\", without an "
                      "offset: time_zone says whose clock");
    }

    if (s->best) {
        s->start -= s->start % 86400;
    }

    hd_schedule_rule(req, s, faults);

    j = hd_json_get(s->spec, "cancel_if_replied");

    if (j && j->type == HD_JSON_TRUE && !hd_str_eq(&s->kind, "message")) {
        hd_str_set(&at, "/cancel_if_replied");
        hd_faults_add(faults, "excluded", &at, "only a message to one person "
                      "is cancelled when they reply; a sequence has "
                      "stop_on_reply");
    }

    if (hd_json_get(s->spec, "delete_after_s")
        && !hd_str_eq(&s->kind, "status"))
    {
        hd_str_set(&at, "/delete_after_s");
        hd_faults_add(faults, "excluded", &at, "only a status is deleted "
                      "again");
    }

    hd_schedule_own(req, s->document, faults);

    if (hd_str_eq(&s->kind, "sequence")) {
        hd_schedule_sequence(req, s, faults);
    }
}


ngx_int_t
hd_schedule_first(hd_schedule_t *s, int64_t after, int64_t *place)
{
    hd_recur_iter_t  it;

    if (!s->ruled) {
        *place = s->start;
        return s->start > after ? NGX_OK : NGX_DECLINED;
    }

    hd_recur_begin(&it, &s->rule, s->start, s->last_day);
    hd_recur_skip(&it, after);

    return hd_recur_next(&it, place) == HD_OK ? NGX_OK : NGX_DECLINED;
}


static void
hd_schedule_member(hd_buf_t *b, const char *name, hd_json_t *v)
{
    if (v) {
        hd_buf_printf(b, "%s\"%s\":", b->len > 1 ? "," : "", name);
        hd_json_write(b, v);
    }
}


void
hd_schedule_request(hd_schedule_t *s, ngx_uint_t step, hd_buf_t *b)
{
    hd_json_t  *e;

    if (hd_str_eq(&s->kind, "sequence")) {
        e = hd_json_get(s->document, "steps")->child;

        while (step-- && e->next) {
            e = e->next;
        }

        hd_buf_z(b, "{\"name\":\"sequence\"");
        hd_schedule_member(b, "account_id",
                           hd_json_get(s->document, "account_id"));
        hd_schedule_member(b, "audience",
                           hd_json_get(s->document, "audience"));
        hd_schedule_member(b, "template_id", hd_json_get(e, "template_id"));
        hd_schedule_member(b, "variables", hd_json_get(e, "variables"));
        hd_schedule_member(b, "local_time", hd_json_get(e, "at_local"));

    } else {
        hd_json_write(b, s->document);

        if (b->len) {
            b->len--;
        }
    }

    /* at its time the window may be open */
    if (!hd_str_eq(&s->kind, "status")) {
        hd_buf_printf(b, "%s\"send_at\":", b->len > 1 ? "," : "");
        hd_jw_str(b, &s->first);
    }

    hd_buf_char(b, '}');
}
