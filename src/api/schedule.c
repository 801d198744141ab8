/*
 * Schedules: made, changed, split, duplicated; paused, resumed, cancelled.
 *
 *   unit 1: what its wall times are in its zone
 *   inner:  its document by the checks of POST /messages, /broadcasts,
 *           /statuses, with the first occurrence's time (of a sequence each
 *           step)
 *   unit 2: the row, its next occurrence and its timer; the answer
 */

#include "schedule.h"


static void hd_schedule_timed(hd_req_t *req);
static void hd_schedule_write(hd_req_t *req);


static void
hd_schedule_free(void *data)
{
    hd_schedule_t *s = data;

    hd_buf_free(&s->json);

    if (s->inner) {
        hd_inner_forget(s->inner);
        s->inner = NULL;
    }
}


hd_schedule_t *
hd_schedule_ctx(hd_req_t *req)
{
    hd_schedule_t       *s;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_schedule_t));

    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    s = cln->data;
    ngx_memzero(s, sizeof(hd_schedule_t));
    hd_buf_init(&s->json);
    cln->handler = hd_schedule_free;
    req->ctx = s;

    return s;
}


char *
hd_schedule_wall(hd_req_t *req, int64_t wall)
{
    u_char  *p;

    p = ngx_pnalloc(req->r->pool, HD_WALL_LEN + 1);

    if (p) {
        hd_wall_format(p, wall);
        p[HD_WALL_LEN] = '\0';
    }

    return (char *) p;
}


void
hd_schedule_tell(hd_req_t *req, const hd_uuid_t *id)
{
    u_char    text[36];
    hd_buf_t  b;

    hd_mail_send(hd_api.shm, HD_MAIL_ERRAND, &req->who.org, id);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));

    hd_uuid_format(id, text);
    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.*s\"}", 36, text);
    hd_publish(&req->who.org, "schedule.changed", &b);
    hd_buf_free(&b);
}


hd_json_t *
hd_schedule_merge(hd_req_t *req, hd_json_t *row, hd_json_t *body)
{
    hd_json_t   *spec, *v, *o, *copy, **last;
    ngx_uint_t   i;

    spec = hd_calloc(&req->mem, sizeof(hd_json_t));
    if (spec == NULL) {
        return NULL;
    }

    spec->type = HD_JSON_OBJECT;
    last = &spec->child;

    for (i = 0; i < 2; i++) {
        v = i ? row : body;

        for (v = v ? v->child : NULL; v; v = v->next) {

            for (o = i && body ? body->child : NULL; o; o = o->next) {
                if (o->key.len == v->key.len
                    && ngx_memcmp(o->key.data, v->key.data, v->key.len) == 0)
                {
                    break;
                }
            }

            if (o || v->type == HD_JSON_NULL || hd_str_eq(&v->key, "from")) {
                continue;
            }

            copy = hd_alloc(&req->mem, sizeof(hd_json_t));
            if (copy == NULL) {
                return NULL;
            }

            *copy = *v;
            copy->next = NULL;
            *last = copy;
            last = &copy->next;
            spec->count++;
        }
    }

    return spec;
}


/* ── its times ── */

static void
hd_schedule_time(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    size_t          n;
    u_char          text[48];
    hd_str_t        v;
    hd_req_t       *req = u->data;
    hd_schedule_t  *s;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    s = req->ctx;
    s->ok = 1;

    v = hd_pg_value(res, 0, 0);
    (void) hd_str_dup(&req->mem, &v, &s->zone);

    v = hd_pg_value(res, 0, 1);
    n = hd_time_from_pg(text, v.data, v.len);
    v.data = text;
    v.len = n;
    (void) hd_str_dup(&req->mem, &v, &s->first);

    v = hd_pg_value(res, 0, 2);
    (void) hd_wall_parse(&v, &s->now);

    if (!hd_pg_is_null(res, 0, 3)) {
        v = hd_pg_value(res, 0, 3);
        (void) hd_wall_parse(&v, &s->until);
    }

    s->past = hd_pg_value(res, 0, 4).data[0] == 't';
}


/* what `s->asked` is in the zone; req->done goes on */
void
hd_schedule_ask(hd_req_t *req, hd_schedule_t *s)
{
    char          *wall;
    hd_str_t       zone;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    zone = hd_json_str(s->spec, "time_zone");
    wall = hd_schedule_wall(req, s->asked);

    if (zone.len == 0) {
        zone.data = NULL;
    }

    hd_pg_stmt(u, HD_Q_SCHEDULE_TIMES);
    hd_pg_text_null(u, &zone);
    hd_pg_z(u, wall ? wall : "");

    if (s->ruled && s->rule.until_utc) {
        hd_pg_time(u, s->rule.until * 1000000);

    } else {
        hd_pg_null(u);
    }

    s->ok = 0;
    u->on_result = hd_schedule_time;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_schedule_go(hd_req_t *req, hd_schedule_t *s)
{
    hd_faults_t  faults;

    hd_faults_init(&faults);
    hd_schedule_shapes(req, s, &faults);

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    s->asked = s->start;
    req->done = hd_schedule_timed;
    hd_schedule_ask(req, s);
}


/* UNTIL as the wall shows it: the zone may change, and the rule with it */
static ngx_int_t
hd_schedule_until(hd_req_t *req, hd_schedule_t *s)
{
    u_char     text[HD_WALL_LEN], until[sizeof("UNTIL=00000000T000000")];
    hd_buf_t   b;
    hd_str_t   rule;
    u_char    *p, *end;
    ngx_int_t  rc;

    if (!s->ruled || !s->rule.until_utc) {
        return NGX_OK;
    }

    s->rule.until = s->until;
    s->rule.until_utc = 0;
    hd_wall_format(text, s->until);

    (void) snprintf((char *) until, sizeof(until), "UNTIL=%.4s%.2s%.2sT%.2s"
                    "%.2s%.2s", text, text + 5, text + 8, text + 11,
                    text + 14, text + 17);

    p = ngx_strlcasestrn(s->rrule.data, s->rrule.data + s->rrule.len,
                         (u_char *) "UNTIL=", 6 - 1);
    if (p == NULL) {
        return NGX_OK;
    }

    for (end = p; end < s->rrule.data + s->rrule.len && *end != ';'; end++) {
        /* void */
    }

    hd_buf_init(&b);
    hd_buf_add(&b, s->rrule.data, p - s->rrule.data);
    hd_buf_z(&b, (char *) until);
    hd_buf_add(&b, end, s->rrule.data + s->rrule.len - end);

    rule.data = b.data;
    rule.len = b.len;
    rc = hd_str_dup(&req->mem, &rule, &s->rrule) == HD_OK ? NGX_OK
                                                          : NGX_ERROR;
    hd_buf_free(&b);

    return rc;
}


static void
hd_schedule_timed(hd_req_t *req)
{
    int64_t         first;
    hd_schedule_t  *s = req->ctx;

    if (!s->ok || hd_schedule_until(req, s) != NGX_OK) {
        hd_problem(req, 500, "internal", "The request could not be carried "
                   "out.");
        return;
    }

    if (!s->ruled) {
        if (s->past) {
            hd_problem_at(req, 422, "validation_failed", "/starts_at", s->best
                          ? "With best_time the day must be a later one than "
                            "today: the best hour of today may have passed."
                          : "This time has passed.");
            return;
        }

        hd_schedule_document(req, s);
        return;
    }

    if (hd_schedule_first(s, s->now, &first) != NGX_OK) {
        hd_problem_at(req, 422, "validation_failed", "/rrule",
                      "This rule has no occurrence after now: it would never "
                      "happen.");
        return;
    }

    if (first != s->asked) {
        /* the start lies behind, or is no occurrence */
        s->asked = first;
        hd_schedule_ask(req, s);
        return;
    }

    hd_schedule_document(req, s);
}


/* ── its document ── */

static void
hd_schedule_answered(void *data, ngx_uint_t status, const hd_str_t *answer)
{
    char             below[48];
    hd_req_t        *req = data;
    hd_json_t       *steps;
    hd_schedule_t   *s;

    s = req->ctx;
    s->inner = NULL;

    steps = hd_str_eq(&s->kind, "sequence")
            ? hd_json_get(s->document, "steps") : NULL;

    if (status >= 300) {
        ngx_memcpy(below, "/document", sizeof("/document"));

        if (steps) {
            (void) snprintf(below, sizeof(below), "/document/steps/%d",
                            (int) s->step);
        }

        hd_inner_problem(req, status, answer, below);

    } else if (steps && ++s->step < steps->count) {
        hd_schedule_document(req, s);

    } else {
        s->checked ? s->checked(req) : hd_schedule_write(req);
    }

    ngx_http_run_posted_requests(req->r->connection);
}


void
hd_schedule_document(hd_req_t *req, hd_schedule_t *s)
{
    hd_buf_t        b;
    hd_inner_ask_t  ask;

    ngx_memzero(&ask, sizeof(hd_inner_ask_t));

    ask.org = req->who.org;
    ask.by = req->who.id;
    ask.method = NGX_HTTP_POST;
    ask.path = hd_str_eq(&s->kind, "message") ? "/messages"
               : hd_str_eq(&s->kind, "status") ? "/statuses" : "/broadcasts";
    ask.check = 1;
    ask.done = hd_schedule_answered;
    ask.data = req;

    hd_buf_init(&b);
    hd_schedule_request(s, s->step, &b);

    ask.body.data = b.data;
    ask.body.len = b.len;

    s->inner = b.failed ? NULL : hd_inner(&ask);
    hd_buf_free(&b);

    if (s->inner == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
    }
}


/* ── written ── */

static const hd_conflict_t  hd_schedule_conflicts[] = {
    { "schedules_org_id_account_id_fkey", 422, "validation_failed",
      "/document/account_id", "There is no such number of yours: GET "
      "/accounts lists them." },
    { "schedules_time_zone_fkey", 422, "validation_failed", "/time_zone",
      "The database does not know this zone." },
    { NULL, 0, NULL, NULL, NULL }
};


ngx_uint_t
hd_schedule_places(hd_schedule_t *s, int64_t after, hd_pg_unit_t *u)
{
    u_char           text[HD_WALL_LEN];
    int64_t          w;
    hd_str_t         v;
    ngx_uint_t       n, ended;
    hd_pg_array_t    places;
    hd_recur_iter_t  it;

    v.data = text;
    v.len = HD_WALL_LEN;
    ended = 1;

    hd_pg_array_init(&places, HD_PG_TEXT_ARRAY);

    if (!s->ruled) {
        hd_wall_format(text, s->start);
        hd_pg_array_text(&places, &v);

    } else {
        hd_recur_begin(&it, &s->rule, s->start, s->last_day);
        hd_recur_skip(&it, after);
        ended = 0;

        for (n = 0; n < HD_SCHEDULE_PLACES && !ended; n++) {
            if (hd_recur_next(&it, &w) != HD_OK) {
                ended = 1;
                break;
            }

            hd_wall_format(text, w);
            hd_pg_array_text(&places, &v);
        }
    }

    hd_pg_array_move(u, &places);

    return ended;
}


/* the whole of it, with what was made sure of */
static void
hd_schedule_json(hd_req_t *req, hd_schedule_t *s)
{
    char       *wall;
    hd_buf_t   *b;
    hd_json_t  *v;

    b = &s->json;
    hd_buf_reset(b);
    wall = hd_schedule_wall(req, s->start);

    hd_buf_z(b, "{\"time_zone\":");
    hd_jw_str(b, &s->zone);
    hd_buf_z(b, ",\"starts_at\":");
    hd_jw_z(b, wall ? wall : "");

    if (s->ruled) {
        hd_buf_z(b, ",\"rrule\":");
        hd_jw_str(b, &s->rrule);
    }

    for (v = s->spec->child; v; v = v->next) {
        if (hd_str_eq(&v->key, "time_zone") || hd_str_eq(&v->key, "starts_at")
            || hd_str_eq(&v->key, "rrule"))
        {
            continue;
        }

        hd_buf_char(b, ',');
        hd_jw_str(b, &v->key);
        hd_buf_char(b, ':');
        hd_json_write(b, v);
    }

    hd_buf_char(b, '}');
}


static void
hd_schedule_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t *req = u->data;

    if (req && index == u->nstmts - 1 && hd_pg_rows(res)) {
        hd_req_answer(req, res);
    }
}


static void
hd_schedule_done(hd_req_t *req)
{
    hd_schedule_t  *s = req->ctx;

    hd_schedule_tell(req, &s->id);

    if (s->split) {
        hd_schedule_tell(req, &s->old);
    }

    hd_req_send(req, s->changes ? NGX_HTTP_OK : NGX_HTTP_CREATED,
                "application/json");
}


static void
hd_schedule_write(hd_req_t *req)
{
    char           *place;
    hd_str_t        json;
    ngx_uint_t      ended;
    hd_pg_unit_t   *u;
    hd_schedule_t  *s = req->ctx;

    hd_schedule_json(req, s);

    /* the past of a rule is past, not missed */
    place = s->ruled ? hd_schedule_wall(req, s->now) : NULL;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    if (s->changes || s->split) {
        hd_pg_stmt(u, HD_Q_SCHEDULE_UNCHANGED);
        hd_pg_uuid(u, s->split ? &s->old : &s->id);
        hd_pg_int(u, s->version);
    }

    if (s->split) {
        hd_pg_stmt(u, HD_Q_SCHEDULE_END_BEFORE);
        hd_pg_uuid(u, &s->old);
        hd_pg_z(u, hd_schedule_wall(req, s->cut));

        hd_pg_stmt(u, HD_Q_SCHEDULE_TIMER);
        hd_pg_uuid(u, &s->old);
        hd_pg_bool(u, 1);
    }

    json.data = s->json.data;
    json.len = s->json.len;

    hd_pg_stmt(u, HD_Q_SCHEDULE_PUT);
    hd_pg_uuid(u, &s->id);
    hd_pg_jsonb(u, &json);
    hd_pg_uuid(u, &req->who.id);

    if (place) {
        hd_pg_z(u, place);

    } else {
        hd_pg_null(u);
    }

    hd_pg_stmt(u, HD_Q_SCHEDULE_ADVANCE);
    hd_pg_uuid(u, &s->id);
    ended = hd_schedule_places(s, s->now, u);
    hd_pg_bool(u, ended);
    hd_pg_int(u, 0);

    hd_pg_stmt(u, HD_Q_SCHEDULE_GET);
    hd_pg_uuid(u, &s->id);

    u->on_result = hd_schedule_row;
    req->done = hd_schedule_done;
    req->conflicts = hd_schedule_conflicts;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
