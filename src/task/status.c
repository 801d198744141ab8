/*
 * The errand "status": a story is posted, and taken down.
 *
 *   step (database) ── post ──> its id, where the provider gives one before
 *     │    ▲   ▲                 └─> kept ─> step
 *     │    │   └── sent ── answer ── request ── sending (committed)
 *     │    │                 │
 *     │    │                 ├─ refused for now, surely not written: again
 *     │    │                 ├─ refused: failed
 *     │    │                 └─ nobody knows: unknown, never by itself again
 *     │    └── deleted ── answer ── request ── delete
 *     └─ rest: until it expires or is to be deleted; done
 *
 * Recipients go in pieces under one id.  A worker that dies between `sending`
 * and the answer leaves a row that says so.
 */

#include "status.h"


static void hd_status_step(hd_task_t *task);
static void hd_status_request(hd_task_t *task);
static void hd_status_delete(hd_task_t *task);


static void
hd_status_tell(hd_task_t *task, const char *state)
{
    u_char    id[36];
    hd_buf_t  b;

    hd_uuid_format(&task->ref, id);

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.*s\",\"state\":\"%s\"}", 36, id, state);
    hd_task.publish(&task->org, "status.changed", &b);
    hd_buf_free(&b);
}


/* ── a unit, then the next step ── */

static void
hd_status_stepped(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_task_t *task = u->data;

    if (hd_tasks.over) {
        return;
    }

    if (outcome != HD_PG_OK) {
        hd_task_again(task, 0, NULL);
        return;
    }

    hd_status_step(task);
}


static hd_pg_unit_t *
hd_status_unit(hd_task_t *task, ngx_uint_t stmt, hd_pg_done_pt done)
{
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_task.pg, NULL, done, task);

    if (u) {
        u->patient = 1;
        hd_pg_org(u, &task->org);
        hd_pg_stmt(u, stmt);
        hd_pg_uuid(u, &task->ref);
    }

    return u;
}


static void
hd_status_submit(hd_task_t *task, hd_pg_unit_t *u)
{
    if (u == NULL || hd_pg_submit(u) != NGX_OK) {
        hd_task_again(task, 0, NULL);
    }
}


static void
hd_status_end(hd_task_t *task, const char *state, int code,
    const hd_str_t *detail)
{
    hd_pg_unit_t  *u;

    u = hd_status_unit(task, HD_Q_STATUS_ENDED, hd_status_stepped);

    if (u) {
        hd_pg_z(u, state);

        if (code > 0) {
            hd_pg_int(u, code);

        } else {
            hd_pg_null(u);
        }

        hd_pg_text(u, detail);
    }

    hd_status_tell(task, state);
    hd_status_submit(task, u);
}


/* ── its id, before it is posted ── */

static void
hd_status_named(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_pg_unit_t      *u;
    hd_status_task_t  *s;

    s = task->ctx;

    if (hd_tasks.over) {
        return;
    }

    if (answer->answer.outcome != HD_OUTCOME_ACCEPTED
        || answer->answer.provider_id.len == 0)
    {
        if (answer->answer.outcome == HD_OUTCOME_UNKNOWN) {
            /* it asked for nothing but a name */
            hd_task_again(task, 0, "The provider did not answer.");
            return;
        }

        /* this one gives none: it will have one when it is posted */
        s->asked = 1;
        hd_status_request(task);
        return;
    }

    u = hd_status_unit(task, HD_Q_STATUS_NAMED, hd_status_stepped);

    if (u) {
        hd_pg_text(u, &answer->answer.provider_id);
    }

    hd_status_submit(task, u);
}


/* ── posted ── */

static void
hd_status_posted(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    char                 *words;
    hd_str_t              detail;
    hd_pg_unit_t         *u;
    const hd_error_row_t *row;

    if (hd_tasks.over) {
        return;
    }

    if (answer->answer.outcome == HD_OUTCOME_ACCEPTED) {
        u = hd_status_unit(task, HD_Q_STATUS_SENT, hd_status_stepped);

        if (u) {
            hd_pg_text(u, &answer->answer.provider_id);
        }

        hd_status_tell(task, "posted");
        hd_status_submit(task, u);
        return;
    }

    row = answer->answer.row;
    detail = answer->answer.detail;

    if (raw->outcome == HD_EGRESS_REFUSED
        || raw->outcome == HD_EGRESS_FORBIDDEN
        || (answer->answer.outcome == HD_OUTCOME_REJECTED && row
            && row->retry_ms && task->attempts < 10))
    {
        if (answer->answer.outcome == HD_OUTCOME_REJECTED
            && raw->outcome != HD_EGRESS_ANSWERED)
        {
            /* our own refusal: it will not be another one later */
            hd_status_end(task, "failed", 0, &detail);
            return;
        }

        words = hd_cstr(&task->mem, &detail);
        u = hd_status_unit(task, HD_Q_STATUS_UNSENT, NULL);

        if (u) {
            hd_pg_text(u, &detail);
            (void) hd_pg_submit(u);
        }

        hd_task_again(task, 0, words);
        return;
    }

    if (answer->answer.outcome == HD_OUTCOME_REJECTED) {
        hd_status_end(task, "failed", answer->answer.code, &detail);
        return;
    }

    hd_str_set(&detail, "The provider gave no answer: it may be up. Look at "
               "the phone, then post it again if it is not.");
    hd_status_end(task, "unknown", 0, &detail);
}


static void
hd_status_taken(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_task_t         *task = u->data;
    hd_status_task_t  *s;

    if (!hd_tasks.over && index == 1) {
        s = task->ctx;
        s->sending = hd_pg_rows(res) != 0;
    }
}


static void
hd_status_sending(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_task_t         *task = u->data;
    hd_json_t         *args;
    hd_status_task_t  *s;

    if (hd_tasks.over) {
        return;
    }

    s = task->ctx;

    if (outcome != HD_PG_OK || !s->sending) {
        /* whoever has it settles it; what is not known is seen next time */
        hd_task_again(task, 0, NULL);
        return;
    }

    args = hd_status_args(task, 0, 1);

    if (args == NULL) {
        hd_task_again(task, 0, NULL);
        return;
    }

    hd_task_op(task, HD_OP_STATUS_POST, args, NULL, 0, hd_status_posted);
}


static void
hd_status_request(hd_task_t *task)
{
    hd_json_t         *args;
    hd_pg_unit_t      *u;
    hd_status_task_t  *s;

    s = task->ctx;

    if (s->provider_id.len == 0 && !s->asked) {
        args = hd_status_args(task, 1, 0);

        if (args) {
            hd_task_op(task, HD_OP_STATUS_POST, args, NULL, 0,
                       hd_status_named);
            return;
        }
    }

    s->sending = 0;
    u = hd_status_unit(task, HD_Q_STATUS_SENDING, hd_status_sending);

    if (u) {
        u->on_result = hd_status_taken;
        hd_pg_int(u, s->n);
    }

    hd_status_submit(task, u);
}


/* ── taken down ── */

static void
hd_status_deleted(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t           detail;
    hd_status_task_t  *s;

    if (hd_tasks.over) {
        return;
    }

    if (answer->answer.outcome == HD_OUTCOME_ACCEPTED) {
        s = task->ctx;

        if (s->left) {
            hd_status_delete(task);
            return;
        }

        hd_str_set(&detail, "");
        hd_status_end(task, "deleted", 0, &detail);
        return;
    }

    /* asking twice to take down does no harm; after a day it is gone anyway */
    if (answer->answer.outcome == HD_OUTCOME_REJECTED
        && !(answer->answer.row && answer->answer.row->retry_ms))
    {
        hd_status_end(task, "posted", answer->answer.code,
                      &answer->answer.detail);
        return;
    }

    hd_task_again(task, 0, "The provider did not take it down.");
}


static void
hd_status_delete(hd_task_t *task)
{
    hd_json_t  *args;

    if (hd_status_piece(task, task->ctx) != NGX_OK) {
        hd_task_again(task, 0, NULL);
        return;
    }

    args = hd_status_args(task, 0, 0);

    if (args == NULL) {
        hd_task_again(task, 0, NULL);
        return;
    }

    hd_task_op(task, HD_OP_STATUS_DELETE, args, NULL, 0, hd_status_deleted);
}


/* ── what is to be done ── */

static void
hd_status_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t           v;
    hd_task_t         *task = u->data;
    hd_status_task_t  *s;
    hd_json_error_t    err;

    if (hd_tasks.over || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    s = task->ctx;

    v = hd_pg_value(res, 0, 0);
    (void) hd_str_dup(&task->mem, &v, &s->what);
    v = hd_pg_value(res, 0, 1);
    (void) hd_str_dup(&task->mem, &v, &s->at);

    if (!hd_pg_is_null(res, 0, 2)) {
        v = hd_pg_value(res, 0, 2);
        s->content = hd_json_parse(&task->mem, v.data, v.len, 16, &err);
    }

    v = hd_pg_value(res, 0, 3);
    (void) hd_str_dup(&task->mem, &v, &s->provider_id);
    v = hd_pg_value(res, 0, 4);
    (void) hd_str_dup(&task->mem, &v, &s->recipients);
    s->n = (ngx_int_t) hd_pg_value_int(res, 0, 5);
}


static void
hd_status_decide(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_uuid_t          fresh;
    hd_task_t         *task = u->data;
    hd_pg_unit_t      *rest;
    hd_status_task_t  *s;

    if (hd_tasks.over) {
        return;
    }

    s = task->ctx;

    if (outcome != HD_PG_OK) {
        hd_task_again(task, 0, NULL);
        return;
    }

    if (hd_str_eq(&s->what, "post")) {
        hd_status_request(task);
        return;
    }

    if (hd_str_eq(&s->what, "delete")) {
        hd_status_delete(task);
        return;
    }

    rest = NULL;

    if (s->at.len) {
        rest = hd_task_unit(task, NULL);

        if (rest) {
            hd_uuid_v7(&fresh, hd_now_us() / 1000);

            hd_pg_stmt(rest, HD_Q_STATUS_REST);
            hd_pg_uuid(rest, &task->ref);
            hd_pg_uuid(rest, &fresh);
            hd_pg_z(rest, (char *) s->at.data);
        }
    }

    hd_task_done(task, rest);
}


static void
hd_status_step(hd_task_t *task)
{
    ngx_uint_t         asked;
    hd_pg_unit_t      *u;
    hd_status_task_t  *s;

    s = task->ctx;
    asked = s->asked;
    ngx_memzero(s, sizeof(hd_status_task_t));
    s->asked = asked;

    u = hd_pg_unit(hd_task.pg, hd_status_row, hd_status_decide, task);

    if (u) {
        hd_pg_org(u, &task->org);
        hd_pg_stmt(u, HD_Q_STATUS_STEP);
        hd_pg_uuid(u, &task->ref);
        hd_pg_int(u, HD_STATUS_CHUNK);
    }

    hd_status_submit(task, u);
}


void
hd_task_status(hd_task_t *task)
{
    task->ctx = ngx_pcalloc(task->pool, sizeof(hd_status_task_t));

    if (task->ctx == NULL) {
        hd_task_again(task, 0, NULL);
        return;
    }

    hd_status_step(task);
}
