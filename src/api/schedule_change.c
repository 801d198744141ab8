/*
 * Schedules that are there: read, changed, cut in two, made again, moved from
 * state to state.  What is written goes by schedule.c.
 */

#include "schedule.h"


typedef struct {
    ngx_uint_t       found;
    ngx_uint_t       changed;
    u_char           status[16];
    const char      *verb;
    const char      *from;
} hd_schedule_move_t;


void
hd_schedule_read(hd_req_t *req, hd_schedule_t *s, hd_pg_res_t *res)
{
    hd_str_t          v;
    hd_json_t        *row;
    hd_json_error_t   err;

    v = hd_pg_value(res, 0, 1);
    s->ok = !hd_str_eq(&v, "cancelled");

    v = hd_pg_value(res, 0, 3);
    row = hd_json_parse(&req->mem, v.data, v.len, 32, &err);

    s->version = (ngx_int_t) hd_pg_value_int(res, 0, 5);
    s->spec = row ? hd_schedule_merge(req, row, req->body) : NULL;
}


static void
hd_schedule_loaded(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req == NULL || index != 1) {
        return;
    }

    hd_req_found(req, res);

    if (hd_pg_rows(res)) {
        hd_schedule_read(req, req->ctx, res);
    }
}


/* its row first, the body over it */
static void
hd_schedule_load(hd_req_t *req, void (*done)(hd_req_t *req))
{
    hd_str_t        tag;
    hd_pg_unit_t   *u;
    hd_schedule_t  *s;

    s = hd_schedule_ctx(req);
    if (s == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    tag = hd_req_if_match(req);

    hd_pg_stmt(u, HD_Q_SCHEDULE_SPEC);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_text_null(u, &tag);

    u->on_result = hd_schedule_loaded;
    req->done = done;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── create, change, duplicate, split ── */

void
hd_schedule_create(hd_req_t *req)
{
    hd_schedule_t  *s;

    s = hd_schedule_ctx(req);
    if (s == NULL) {
        return;
    }

    hd_req_new_id(&s->id);
    s->spec = hd_schedule_merge(req, NULL, req->body);

    if (s->spec == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_schedule_go(req, s);
}


static void
hd_schedule_update_go(hd_req_t *req)
{
    hd_schedule_t  *s = req->ctx;

    if (s->spec == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (!s->ok) {
        hd_problem(req, 409, "wrong_state", "This schedule is cancelled: "
                   "duplicate it instead.");
        return;
    }

    s->id = req->ids[0];
    s->changes = 1;

    hd_schedule_go(req, s);
}


void
hd_schedule_update(hd_req_t *req)
{
    hd_schedule_load(req, hd_schedule_update_go);
}


static void
hd_schedule_duplicate_go(hd_req_t *req)
{
    hd_schedule_t  *s = req->ctx;

    if (s->spec == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_req_new_id(&s->id);
    hd_schedule_go(req, s);
}


void
hd_schedule_duplicate(hd_req_t *req)
{
    hd_schedule_load(req, hd_schedule_duplicate_go);
}


/* of a rule with COUNT what is left from the cut on; HD_ERROR: no place */
static ngx_int_t
hd_schedule_cut(hd_req_t *req, hd_schedule_t *s, hd_json_t *rrule)
{
    char              count[32];
    u_char           *p, *end;
    int64_t           start, w, before;
    hd_buf_t          b;
    hd_str_t          v;
    hd_recur_t        rule;
    const char       *why;
    hd_recur_iter_t   it;

    v = hd_json_str(s->spec, "starts_at");

    if (hd_wall_parse(&v, &start) != HD_OK
        || hd_recur_parse(&rule, &rrule->str, &why) != HD_OK)
    {
        return NGX_DECLINED;
    }

    v = hd_json_str(s->spec, "month_end");
    hd_recur_begin(&it, &rule, start, hd_str_eq(&v, "last_day"));
    before = 0;

    if (rule.count) {
        while (hd_recur_next(&it, &w) == HD_OK && w < s->cut) {
            before++;
        }

        if (w != s->cut) {
            return NGX_DECLINED;
        }

    } else {
        hd_recur_skip(&it, s->cut - 1);

        return hd_recur_next(&it, &w) == HD_OK && w == s->cut
               ? NGX_OK : NGX_DECLINED;
    }

    p = ngx_strlcasestrn(rrule->str.data, rrule->str.data + rrule->str.len,
                         (u_char *) "COUNT=", 6 - 1);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    for (end = p; end < rrule->str.data + rrule->str.len && *end != ';';
         end++)
    {
        /* void */
    }

    (void) snprintf(count, sizeof(count), "COUNT=%lld",
                    (long long) (rule.count - before));

    hd_buf_init(&b);
    hd_buf_add(&b, rrule->str.data, p - rrule->str.data);
    hd_buf_z(&b, count);
    hd_buf_add(&b, end, rrule->str.data + rrule->str.len - end);

    v.data = b.data;
    v.len = b.len;
    (void) hd_str_dup(&req->mem, &v, &rrule->str);
    hd_buf_free(&b);

    return NGX_OK;
}


static void
hd_schedule_split_go(hd_req_t *req)
{
    char           *wall;
    hd_str_t        from;
    hd_json_t      *rrule, *starts;
    hd_schedule_t  *s = req->ctx;

    if (s->spec == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    rrule = hd_json_get(s->spec, "rrule");
    from = hd_body_str(req, "from");

    if (!s->ok || rrule == NULL) {
        hd_problem(req, 409, "wrong_state", "Only a schedule with a rule that "
                   "is not cancelled can be cut in two.");
        return;
    }

    if (hd_wall_parse(&from, &s->cut) != HD_OK) {
        hd_problem_at(req, 422, "validation_failed", "/from", "Expected a "
                      "place of the rule as \"2027-01-31T09:00\".");
        return;
    }

    if (hd_json_get(req->body, "rrule") == NULL
        && hd_json_get(req->body, "starts_at") == NULL)
    {
        if (hd_schedule_cut(req, s, rrule) != NGX_OK) {
            hd_problem_at(req, 422, "validation_failed", "/from", "The rule "
                          "has no occurrence at this time: GET its calendar "
                          "for those that it has.");
            return;
        }
    }

    if (hd_json_get(req->body, "starts_at") == NULL) {
        starts = hd_json_get(s->spec, "starts_at");
        wall = hd_schedule_wall(req, s->cut);

        if (wall) {
            starts->str.data = (u_char *) wall;
            starts->str.len = HD_WALL_LEN;
        }
    }

    s->old = req->ids[0];
    s->split = 1;
    hd_req_new_id(&s->id);

    hd_schedule_go(req, s);
}


void
hd_schedule_split(hd_req_t *req)
{
    hd_schedule_load(req, hd_schedule_split_go);
}


/* ── read, delete ── */

void
hd_schedule_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_SCHEDULE_GET);
}


void
hd_schedule_list(hd_req_t *req)
{
    hd_str_t       kind, status;
    hd_pg_unit_t  *u;

    kind = hd_query(req, "kind");
    status = hd_query(req, "status");

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    if (kind.len == 0) {
        kind.data = NULL;
    }

    if (status.len == 0) {
        status.data = NULL;
    }

    hd_pg_stmt(u, HD_Q_SCHEDULE_LIST);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);
    hd_pg_text_null(u, &kind);
    hd_pg_text_null(u, &status);

    hd_req_submit(req, u, 1);
}


static void
hd_schedule_deleted(hd_req_t *req)
{
    hd_schedule_tell(req, &req->ids[0]);
    hd_req_empty(req);
}


void
hd_schedule_delete(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_SCHEDULE_DELETE);
    hd_pg_uuid(u, &req->ids[0]);

    req->done = hd_schedule_deleted;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── pause, resume, cancel ── */

static void
hd_schedule_moved(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t             v;
    hd_req_t            *req = u->data;
    hd_schedule_move_t  *m;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    m = req->ctx;

    if (index == 1) {
        m->changed = 1;

    } else if (index == 3) {
        m->found = 1;
        v = hd_pg_value(res, 0, 3);
        (void) ngx_cpystrn(m->status, v.data,
                           ngx_min(v.len + 1, sizeof(m->status)));
        hd_req_answer(req, res);
    }
}


static void
hd_schedule_moved_done(hd_req_t *req)
{
    char                 text[160];
    hd_schedule_move_t  *m = req->ctx;

    if (!m->found) {
        hd_problem(req, NGX_HTTP_NOT_FOUND, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (!m->changed) {
        (void) snprintf(text, sizeof(text), "This schedule is %s; only one "
                        "that is %s can be %s.", m->status, m->from, m->verb);
        hd_problem(req, 409, "wrong_state", text);
        return;
    }

    hd_schedule_tell(req, &req->ids[0]);
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_schedule_move(hd_req_t *req, const char *to, const char *from,
    const char *states, const char *verb)
{
    hd_pg_unit_t        *u;
    hd_schedule_move_t  *m;

    m = ngx_pcalloc(req->r->pool, sizeof(hd_schedule_move_t));

    if (m == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    m->from = from;
    m->verb = verb;
    req->ctx = m;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_SCHEDULE_MOVE);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_z(u, to);
    hd_pg_z(u, states);

    /* what the rule has next is found by its timer, at once */
    hd_pg_stmt(u, HD_Q_SCHEDULE_TIMER);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_bool(u, ngx_strcmp(to, "active") == 0);

    hd_pg_stmt(u, HD_Q_SCHEDULE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_schedule_moved;
    req->done = hd_schedule_moved_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_schedule_pause(hd_req_t *req)
{
    hd_schedule_move(req, "paused", "active", "{active}", "paused");
}


void
hd_schedule_resume(hd_req_t *req)
{
    hd_schedule_move(req, "active", "paused", "{paused}", "resumed");
}


void
hd_schedule_cancel(hd_req_t *req)
{
    hd_schedule_move(req, "cancelled", "active or paused", "{active,paused}",
                     "cancelled");
}
