/*
 * The errand "schedule": what was planned happens.  It is the timer of its
 * schedule, one for each, and is due when the first occurrence is.
 *
 *            ┌───────────────── again ─────────────────┐
 *            ▼                                         │
 *   fire ── missed, enrolled, found made ──────────────┤
 *    │ └─ post: (posting, ref_id) is committed         │
 *    │      └─> our own API makes it under that id ──> posted, failed
 *    │             └─ 5xx: the errand again, the same id
 *    └─ next: the rule goes on, the timer is set anew; done
 *
 * Once only: the id is kept before the thing is made, and is the key of what
 * is made.  Whoever comes back to a `posting` looks whether it is there, and
 * two at once meet in its key.
 */

#include "private.h"
#include "../base/recur.h"


#define HD_SCHEDULE_PLACES  200        /* of a rule, looked at in one go */
#define HD_SCHEDULE_ROUNDS  500


typedef struct {
    ngx_uint_t   rounds;
    hd_str_t     what;
    hd_str_t     kind;
    hd_str_t     document;
    hd_str_t     starts_at;
    hd_str_t     state;
    hd_str_t     reason;
    ngx_int_t    cohort, step;
    hd_uuid_t    ref;
    hd_uuid_t    by;

    hd_str_t     rrule;                /* data NULL: once */
    hd_str_t     rule_start;
    hd_str_t     place;                /* data NULL: before the first */
    ngx_uint_t   last_day;
    ngx_int_t    version;
} hd_schedule_t;


static void hd_schedule_fire(hd_task_t *task);


static void
hd_schedule_copy(hd_task_t *task, hd_pg_res_t *res, ngx_uint_t col,
    hd_str_t *to)
{
    hd_str_t  v;

    ngx_memzero(to, sizeof(hd_str_t));

    if (!hd_pg_is_null(res, 0, col)) {
        v = hd_pg_value(res, 0, col);
        (void) hd_str_dup(&task->mem, &v, to);
    }
}


static void
hd_schedule_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_task_t      *task = u->data;
    hd_schedule_t  *s;

    if (hd_tasks.over || hd_pg_rows(res) == 0) {
        return;
    }

    s = task->ctx;

    if (index == 1) {
        hd_schedule_copy(task, res, 0, &s->what);
        hd_schedule_copy(task, res, 1, &s->kind);
        hd_schedule_copy(task, res, 3, &s->document);
        hd_schedule_copy(task, res, 4, &s->starts_at);
        s->cohort = (ngx_int_t) hd_pg_value_int(res, 0, 5);
        s->step = (ngx_int_t) hd_pg_value_int(res, 0, 6);

        if (!hd_pg_is_null(res, 0, 7)) {
            (void) hd_pg_value_uuid(res, 0, 7, &s->ref);
        }

        if (!hd_pg_is_null(res, 0, 8)) {
            (void) hd_pg_value_uuid(res, 0, 8, &s->by);
        }

        hd_schedule_copy(task, res, 9, &s->state);
        hd_schedule_copy(task, res, 10, &s->reason);
        return;
    }

    if (index == 2) {
        hd_schedule_copy(task, res, 0, &s->rrule);
        hd_schedule_copy(task, res, 1, &s->rule_start);
        hd_schedule_copy(task, res, 2, &s->place);
        s->last_day = hd_pg_value(res, 0, 3).data[0] == 't';
        s->version = (ngx_int_t) hd_pg_value_int(res, 0, 4);
    }
}


/* to the streams: what became of an occurrence */
static void
hd_schedule_tell(hd_task_t *task, const char *state, const hd_str_t *reason)
{
    u_char          id[36], ref[36];
    hd_buf_t        b;
    hd_schedule_t  *s;

    s = task->ctx;

    hd_uuid_format(&task->ref, id);
    hd_uuid_format(&s->ref, ref);

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"schedule_id\":\"%.*s\",\"kind\":", 36, id);
    hd_jw_str(&b, &s->kind);
    hd_buf_z(&b, ",\"starts_at\":");
    hd_jw_str(&b, &s->starts_at);
    hd_buf_printf(&b, ",\"cohort\":%d,\"step\":%d,\"state\":\"%s\","
                  "\"reason\":", (int) s->cohort, (int) s->step, state);

    if (reason && reason->len) {
        hd_jw_str(&b, reason);

    } else {
        hd_buf_z(&b, "null");
    }

    if (hd_uuid_is_nil(&s->ref)) {
        hd_buf_z(&b, ",\"ref_id\":null}");

    } else {
        hd_buf_printf(&b, ",\"ref_id\":\"%.*s\"}", 36, ref);
    }

    hd_task.publish(&task->org, "schedule.occurrence", &b);
    hd_buf_free(&b);
}


/* ── the rule goes on ── */

static ngx_uint_t
hd_schedule_places(hd_task_t *task, hd_pg_array_t *places)
{
    u_char            text[HD_WALL_LEN];
    int64_t           start, place, w;
    hd_str_t          v;
    hd_recur_t        rule;
    ngx_uint_t        n;
    const char       *why;
    hd_schedule_t    *s;
    hd_recur_iter_t   it;

    s = task->ctx;

    if (hd_wall_parse(&s->rule_start, &start) != HD_OK) {
        return 1;
    }

    if (s->rrule.len == 0) {
        if (s->place.len == 0) {
            hd_pg_array_text(places, &s->rule_start);
        }

        return 1;
    }

    if (hd_recur_parse(&rule, &s->rrule, &why) != HD_OK) {
        return 1;
    }

    hd_recur_begin(&it, &rule, start, s->last_day);

    if (s->place.len && hd_wall_parse(&s->place, &place) == HD_OK) {
        hd_recur_skip(&it, place);
    }

    v.data = text;
    v.len = HD_WALL_LEN;

    for (n = 0; n < HD_SCHEDULE_PLACES; n++) {
        if (hd_recur_next(&it, &w) != HD_OK) {
            return 1;
        }

        hd_wall_format(text, w);
        hd_pg_array_text(places, &v);
    }

    return 0;
}


static void
hd_schedule_advanced(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t   late;
    hd_task_t *task = u->data;

    /* rows that were too late before anybody looked */
    if (!hd_tasks.over && index == 1 && hd_pg_rows(res)
        && hd_pg_value_int(res, 0, 0) > 0)
    {
        hd_str_set(&late, "late");
        hd_schedule_tell(task, "missed", &late);
    }
}


static void
hd_schedule_next(hd_task_t *task)
{
    ngx_uint_t      ended;
    hd_pg_unit_t   *u;
    hd_pg_array_t   places;
    hd_schedule_t  *s;

    s = task->ctx;

    u = hd_task_unit(task, hd_schedule_advanced);

    if (u) {
        hd_pg_array_init(&places, HD_PG_TEXT_ARRAY);
        ended = hd_schedule_places(task, &places);

        hd_pg_stmt(u, HD_Q_SCHEDULE_ADVANCE);
        hd_pg_uuid(u, &task->ref);
        hd_pg_array_move(u, &places);
        hd_pg_bool(u, ended);
        hd_pg_int(u, s->version);
    }

    hd_task_done(task, u);
}


/* ── one is made ── */

static void
hd_schedule_written(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_task_t *task = u->data;

    if (hd_tasks.over) {
        return;
    }

    if (outcome != HD_PG_OK) {
        /* it stays `posting`: whoever comes next looks whether it was made */
        hd_task_again(task, 0, NULL);
        return;
    }

    hd_schedule_fire(task);
}


static void
hd_schedule_write(hd_task_t *task, ngx_uint_t stmt, const hd_str_t *reason,
    const hd_str_t *detail)
{
    hd_pg_unit_t   *u;
    hd_schedule_t  *s;

    s = task->ctx;

    u = hd_pg_unit(hd_task.pg, NULL, hd_schedule_written, task);

    if (u) {
        u->patient = 1;
        hd_pg_org(u, &task->org);

        hd_pg_stmt(u, stmt);
        hd_pg_uuid(u, &task->ref);
        hd_pg_z(u, (char *) s->starts_at.data);
        hd_pg_int(u, s->cohort);
        hd_pg_int(u, s->step);
        hd_pg_uuid(u, &s->ref);

        if (stmt == HD_Q_OCCURRENCE_FAILED) {
            hd_pg_text(u, reason);
            hd_pg_text(u, detail);
        }

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    hd_task_again(task, 0, NULL);
}


/* what a problem says: "/text: this person has not written ..." */
static void
hd_schedule_problem(hd_task_t *task, const hd_str_t *answer, hd_str_t *code,
    hd_str_t *detail)
{
    hd_buf_t          b;
    hd_str_t          at, words;
    hd_json_t        *problem, *fault;
    hd_json_error_t   err;

    hd_str_set(code, "refused");
    hd_str_set(detail, "");

    problem = hd_json_parse(&task->mem, answer->data, answer->len, 16, &err);

    if (problem == NULL) {
        return;
    }

    *code = hd_json_str(problem, "code");
    *detail = hd_json_str(problem, "detail");

    fault = hd_json_path(problem, "errors.0");

    if (fault) {
        at = hd_json_str(fault, "pointer");
        words = hd_json_str(fault, "detail");

        if (hd_str_eq(code, "validation_failed")) {
            *code = hd_json_str(fault, "code");
        }

        hd_buf_init(&b);
        hd_buf_str(&b, &at);
        hd_buf_z(&b, ": ");
        hd_buf_str(&b, &words);

        words.data = b.data;
        words.len = b.len;
        (void) hd_str_dup(&task->mem, &words, detail);
        hd_buf_free(&b);
    }
}


static void
hd_schedule_answered(void *data, ngx_uint_t status, const hd_str_t *answer)
{
    hd_str_t   code, detail;
    hd_task_t *task = data;

    if (hd_tasks.over) {
        return;
    }

    if (status < 300) {
        hd_schedule_tell(task, "posted", NULL);
        hd_schedule_write(task, HD_Q_OCCURRENCE_POSTED, NULL, NULL);
        return;
    }

    if (status >= 500 || status == 429) {
        hd_task_again(task, 0, NULL);
        return;
    }

    hd_schedule_problem(task, answer, &code, &detail);
    hd_schedule_tell(task, "failed", &code);
    hd_schedule_write(task, HD_Q_OCCURRENCE_FAILED, &code, &detail);
}


static void
hd_schedule_post(hd_task_t *task)
{
    const char     *path;
    hd_schedule_t  *s;

    s = task->ctx;

    path = hd_str_eq(&s->kind, "message") ? "/messages"
           : hd_str_eq(&s->kind, "status") ? "/statuses" : "/broadcasts";

    if (hd_task.ask(&task->org, &s->by, path, &s->document, &s->ref,
                    hd_schedule_answered, task)
        != NGX_OK)
    {
        hd_task_again(task, 0, NULL);
    }
}


/* ── its timer rang ── */

static void
hd_schedule_decide(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_task_t      *task = u->data;
    hd_schedule_t  *s;

    if (hd_tasks.over) {
        return;
    }

    s = task->ctx;

    if (outcome != HD_PG_OK) {
        if (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)) {
            ngx_log_error(NGX_LOG_ERR, hd_task.log, 0,
                          "herald: a schedule could not be looked at: "
                          "SQLSTATE %s", u->sqlstate);
        }

        hd_task_again(task, 0, NULL);
        return;
    }

    if (s->state.len && !hd_str_eq(&s->what, "post")) {
        hd_schedule_tell(task, (char *) s->state.data, &s->reason);
    }

    if (hd_str_eq(&s->what, "post")) {
        hd_schedule_post(task);

    } else if (hd_str_eq(&s->what, "again")
               && ++s->rounds < HD_SCHEDULE_ROUNDS)
    {
        hd_schedule_fire(task);

    } else if (hd_str_eq(&s->what, "next") || hd_str_eq(&s->what, "again")) {
        hd_schedule_next(task);

    } else {
        hd_task_done(task, NULL);
    }
}


static void
hd_schedule_fire(hd_task_t *task)
{
    hd_uuid_t       fresh;
    ngx_uint_t      rounds;
    hd_pg_unit_t   *u;
    hd_schedule_t  *s;

    s = task->ctx;
    rounds = s->rounds;
    ngx_memzero(s, sizeof(hd_schedule_t));
    s->rounds = rounds;

    hd_uuid_v7(&fresh, hd_now_us() / 1000);

    u = hd_pg_unit(hd_task.pg, hd_schedule_row, hd_schedule_decide, task);

    if (u) {
        hd_pg_org(u, &task->org);

        hd_pg_stmt(u, HD_Q_SCHEDULE_FIRE);
        hd_pg_uuid(u, &task->ref);
        hd_pg_uuid(u, &fresh);

        hd_pg_stmt(u, HD_Q_SCHEDULE_RULE);
        hd_pg_uuid(u, &task->ref);

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    hd_task_again(task, 0, NULL);
}


void
hd_task_schedule(hd_task_t *task)
{
    task->ctx = ngx_pcalloc(task->pool, sizeof(hd_schedule_t));

    if (task->ctx == NULL) {
        hd_task_again(task, 0, NULL);
        return;
    }

    hd_schedule_fire(task);
}
