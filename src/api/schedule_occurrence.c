/*
 * Occurrences: those of a rule that is only tried out, those of a schedule,
 * one that is changed by itself, and what came of them.
 */

#include "schedule.h"


#define HD_PREVIEW_MOST  100


/* ── a rule that is tried out ── */

static void
hd_preview_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    u_char       text[48];
    size_t       n;
    hd_str_t     v;
    hd_buf_t    *b;
    hd_req_t    *req = u->data;
    ngx_uint_t   i;

    if (req == NULL || index != 1) {
        return;
    }

    b = &req->out;
    hd_buf_z(b, "{\"data\":[");

    for (i = 0; i < hd_pg_rows(res); i++) {
        hd_buf_z(b, i ? ",{\"starts_at\":" : "{\"starts_at\":");
        v = hd_pg_value(res, i, 0);
        hd_jw_str(b, &v);

        v = hd_pg_value(res, i, 1);
        n = hd_time_from_pg(text, v.data, v.len);
        hd_buf_printf(b, ",\"due_at\":\"%.*s\",\"shifted\":%s,"
                      "\"twice\":%s}", (int) n, text,
                      hd_pg_value(res, i, 2).data[0] == 't' ? "true"
                                                            : "false",
                      hd_pg_value(res, i, 3).data[0] == 't' ? "true"
                                                            : "false");
    }

    hd_buf_z(b, "]}");
}


void
hd_schedule_preview(hd_req_t *req)
{
    u_char            text[HD_WALL_LEN];
    int64_t           after, n, w;
    hd_str_t          zone, v;
    hd_faults_t       faults;
    hd_pg_unit_t     *u;
    hd_pg_array_t     walls;
    hd_schedule_t    *s;
    hd_recur_iter_t   it;

    s = hd_schedule_ctx(req);
    if (s == NULL) {
        return;
    }

    s->spec = req->body;
    hd_faults_init(&faults);
    hd_schedule_shapes(req, s, &faults);

    v = hd_body_str(req, "after");

    if (v.data && hd_wall_parse(&v, &after) != HD_OK) {
        hd_str_set(&zone, "/after");
        hd_faults_add(&faults, "invalid", &zone,
                      "expected \"2027-01-31T09:00\"");
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    zone = hd_body_str(req, "time_zone");
    n = hd_body_int(req, "limit", 10);

    hd_pg_array_init(&walls, HD_PG_TEXT_ARRAY);
    v.data = text;
    v.len = HD_WALL_LEN;

    if (s->ruled) {
        hd_recur_begin(&it, &s->rule, s->start, s->last_day);

        if (hd_body_str(req, "after").data) {
            hd_recur_skip(&it, after);
        }

        while (n-- && hd_recur_next(&it, &w) == HD_OK) {
            hd_wall_format(text, w);
            hd_pg_array_text(&walls, &v);
        }

    } else {
        hd_wall_format(text, s->start);
        hd_pg_array_text(&walls, &v);
    }

    hd_pg_stmt(u, HD_Q_SCHEDULE_PREVIEW);
    hd_pg_array_move(u, &walls);

    if (zone.len == 0) {
        zone.data = NULL;
    }

    hd_pg_text_null(u, &zone);

    u->on_result = hd_preview_row;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── those of a schedule ── */

static void
hd_occurrence_page(hd_req_t *req, ngx_uint_t stmt)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_SCHEDULE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->ids[0]);

    if (stmt != HD_Q_SEQUENCE_MEMBERS_COUNT) {
        hd_pg_int(u, 200);
    }

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}


void
hd_occurrence_list(hd_req_t *req)
{
    hd_occurrence_page(req, HD_Q_OCCURRENCE_LIST);
}


void
hd_schedule_runs(hd_req_t *req)
{
    hd_occurrence_page(req, HD_Q_SCHEDULE_RUNS);
}


void
hd_schedule_members(hd_req_t *req)
{
    hd_occurrence_page(req, HD_Q_SEQUENCE_MEMBERS_COUNT);
}


/* ── one, by itself ── */

static void hd_occurrence_known(hd_req_t *req);
static void hd_occurrence_timed(hd_req_t *req);
static void hd_occurrence_write(hd_req_t *req);


typedef struct {
    hd_schedule_t   s;                 /* first: the document's check has it */
    int64_t         place;
    int64_t         due;               /* wall, where it is now */
    int64_t         moved;             /* wall; -1: it stays */
    int32_t         day;
    ngx_uint_t      dated;
    ngx_uint_t      stored;            /* it has a row */
    ngx_uint_t      begun;
    ngx_uint_t      timed;
    ngx_uint_t      cancel;
    ngx_uint_t      written;
} hd_occurrence_t;


static void
hd_occurrence_free(void *data)
{
    hd_occurrence_t *o = data;

    hd_buf_free(&o->s.json);

    if (o->s.inner) {
        hd_inner_forget(o->s.inner);
    }
}


static void
hd_occurrence_found(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t          v;
    hd_req_t         *req = u->data;
    hd_json_t        *body;
    hd_occurrence_t  *o;

    if (req == NULL) {
        return;
    }

    o = req->ctx;

    if (index == 1) {
        hd_req_found(req, res);

        if (hd_pg_rows(res)) {
            /* its own members are no schedule's */
            body = req->body;
            req->body = NULL;
            hd_schedule_read(req, &o->s, res);
            req->body = body;
        }

        return;
    }

    if (index == 2 && hd_pg_rows(res)) {
        v = hd_pg_value(res, 0, 4);
        o->stored = 1;
        v = hd_pg_value(res, 0, 11);
        (void) hd_wall_parse(&v, &o->due);
        v = hd_pg_value(res, 0, 4);
        o->begun = !hd_str_eq(&v, "scheduled") && !hd_str_eq(&v, "cancelled")
                   && !hd_str_eq(&v, "missed");
    }
}


void
hd_occurrence_update(hd_req_t *req)
{
    hd_str_t             v, tag;
    hd_pg_unit_t        *u;
    hd_occurrence_t     *o;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_occurrence_t));

    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    o = cln->data;
    ngx_memzero(o, sizeof(hd_occurrence_t));
    hd_buf_init(&o->s.json);
    cln->handler = hd_occurrence_free;
    req->ctx = o;

    if (hd_wall_parse(&req->params[1], &o->place) != HD_OK) {
        hd_problem(req, NGX_HTTP_NOT_FOUND, "not_found", "An occurrence is "
                   "named by its place, as \"2027-01-31T09:00\".");
        return;
    }

    o->moved = -1;
    v = hd_body_str(req, "starts_at");

    if (v.data && (hd_wall_parse(&v, &o->moved) != HD_OK)) {
        hd_problem_at(req, 422, "validation_failed", "/starts_at", "Expected "
                      "the time on the wall's clock as "
                      "\"2027-01-31T09:00\".");
        return;
    }

    o->due = o->place;
    v = hd_body_str(req, "date");
    o->dated = v.data && hd_day_parse(v.data, v.len, &o->day) == HD_OK;

    if (o->dated && o->moved >= 0) {
        hd_problem_at(req, 422, "validation_failed", "/date", "Give either "
                      "date or starts_at.");
        return;
    }

    o->cancel = hd_body_bool(req, "cancelled", 0);

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    tag = hd_req_if_match(req);

    hd_pg_stmt(u, HD_Q_SCHEDULE_SPEC);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_text_null(u, &tag);

    hd_pg_stmt(u, HD_Q_OCCURRENCE_GET);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_z(u, hd_schedule_wall(req, o->place));

    u->on_result = hd_occurrence_found;
    req->done = hd_occurrence_known;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* a place of the rule, or one that has a row already */
static ngx_uint_t
hd_occurrence_is(hd_occurrence_t *o)
{
    int64_t  w;

    return o->stored
           || (hd_schedule_first(&o->s, o->place - 1, &w) == NGX_OK
               && w == o->place);
}


static void
hd_occurrence_known(hd_req_t *req)
{
    hd_json_t        *own, *v;
    hd_faults_t       faults;
    hd_occurrence_t  *o = req->ctx;

    if (o->s.spec == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_faults_init(&faults);
    hd_schedule_shapes(req, &o->s, &faults);

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    if (!o->s.ok || o->begun || hd_str_eq(&o->s.kind, "sequence")) {
        hd_problem(req, 409, "wrong_state", !o->s.ok
                   ? "This schedule is cancelled." : o->begun
                   ? "This occurrence has begun: what it made can be changed "
                     "or cancelled itself."
                   : "The steps of a sequence are no occurrences: change the "
                     "sequence.");
        return;
    }

    if (!hd_occurrence_is(o)) {
        hd_problem(req, NGX_HTTP_NOT_FOUND, "not_found", "The rule has no "
                   "occurrence at this place.");
        return;
    }

    own = hd_json_get(req->body, "document");

    if (own) {
        o->s.document = hd_schedule_merge(req, o->s.document, own);

        for (v = own->child; v; v = v->next) {
            if (hd_str_eq(&v->key, "account_id")) {
                hd_problem_at(req, 422, "validation_failed",
                              "/document/account_id", "The number is the "
                              "schedule's: change it there, or from one "
                              "occurrence on.");
                return;
            }
        }
    }

    if (o->dated) {
        o->moved = o->day * INT64_C(86400) + o->due % 86400;
    }

    /* where it is now or will be: not in the past, unless it only goes */
    o->s.asked = o->moved >= 0 ? o->moved : o->place;
    o->s.start = o->s.asked;
    req->done = hd_occurrence_timed;
    hd_schedule_ask(req, &o->s);
}


static void
hd_occurrence_timed(hd_req_t *req)
{
    hd_occurrence_t  *o = req->ctx;

    if (o->s.past && !o->cancel) {
        hd_problem_at(req, 422, "validation_failed",
                      o->dated ? "/date" : "/starts_at",
                      "This time has passed.");
        return;
    }

    if (hd_json_get(req->body, "document") && !o->cancel) {
        o->s.checked = hd_occurrence_write;
        hd_schedule_document(req, &o->s);
        return;
    }

    hd_occurrence_write(req);
}


static void
hd_occurrence_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t         *req = u->data;
    hd_occurrence_t  *o;

    if (req == NULL) {
        return;
    }

    o = req->ctx;

    if (index == 2) {
        o->written = hd_pg_rows(res) != 0;

    } else if (index == 4 && hd_pg_rows(res)) {
        hd_answer_row(&req->out, req->route->answer, res, 0);
    }
}


static void
hd_occurrence_done(hd_req_t *req)
{
    hd_occurrence_t  *o = req->ctx;

    if (!o->written) {
        hd_problem(req, 409, "wrong_state", "This occurrence has begun at "
                   "this moment. Nothing was changed.");
        return;
    }

    hd_schedule_tell(req, &req->ids[0]);
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_occurrence_write(hd_req_t *req)
{
    hd_str_t          json;
    hd_json_t        *own;
    hd_pg_unit_t     *u;
    hd_occurrence_t  *o = req->ctx;

    own = hd_json_get(req->body, "document");

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_SCHEDULE_UNCHANGED);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_int(u, o->s.version);

    hd_pg_stmt(u, HD_Q_OCCURRENCE_PUT);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_z(u, hd_schedule_wall(req, o->place));

    if (o->moved >= 0) {
        hd_pg_z(u, hd_schedule_wall(req, o->moved));

    } else {
        hd_pg_null(u);
    }

    if (own) {
        hd_json_write(&o->s.json, own);
        json.data = o->s.json.data;
        json.len = o->s.json.len;
        hd_pg_jsonb(u, &json);

    } else {
        hd_pg_null(u);
    }

    hd_pg_bool(u, o->cancel);

    /* its rule may have to go on beside it */
    hd_pg_stmt(u, HD_Q_SCHEDULE_TIMER);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_bool(u, 1);

    hd_pg_stmt(u, HD_Q_OCCURRENCE_GET);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_z(u, hd_schedule_wall(req, o->place));

    u->on_result = hd_occurrence_row;
    req->done = hd_occurrence_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
