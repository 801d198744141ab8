/*
 * account_check: every six hours, what the provider says of a number: health,
 * quality, limit, throughput.  It only writes what it is told, so it may run
 * twice.
 *
 *   asked ─> (a field that is not known: asked for less) ─> written ─> later
 *
 * No answer says nothing of the number: it is asked again in ten minutes.
 */

#include "private.h"


#define HD_CHECK_LATER  21600000       /* ms */
#define HD_CHECK_SOON   600000
#define HD_CODE_FIELD   100            /* a field that is not known, too */


typedef struct {
    hd_buf_t      event;
    ngx_uint_t    changed;
    ngx_uint_t    basic;
} hd_check_t;


static void
hd_check_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t     v;
    hd_task_t   *task = u->data;
    hd_check_t  *check;

    if (hd_tasks.over || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    check = task->ctx;
    v = hd_pg_value(res, 0, 0);
    check->changed = hd_str_eq(&v, "t");
}


static void
hd_check_publish(hd_task_t *task, hd_check_t *check)
{
    size_t    n;
    uint32_t  workers[HD_SLOTS];

    if (check->event.failed) {
        return;
    }

    (void) hd_event_publish(hd_task.shm, &task->org, "account.health",
                            check->event.data, check->event.len);

    n = hd_slots_streaming(hd_task.shm, workers, HD_SLOTS);

    while (n) {
        hd_wake_send(hd_task.wake, workers[--n]);
    }
}


static void
hd_check_written(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_task_t   *task = u->data;
    hd_check_t  *check;

    if (hd_tasks.over) {
        return;
    }

    check = task->ctx;

    if (outcome != HD_PG_OK) {

        if (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)) {
            ngx_log_error(NGX_LOG_ERR, hd_task.log, 0,
                          "herald: a number's health could not be written: "
                          "SQLSTATE %s in statement %ui",
                          u->sqlstate, u->failed);
        }

        hd_buf_free(&check->event);
        hd_task_again(task, HD_CHECK_SOON, "The database was away.");
        return;
    }

    if (check->changed) {
        hd_check_publish(task, check);
    }

    hd_buf_free(&check->event);
    hd_task_again(task, HD_CHECK_LATER, "");
}


static void
hd_check_write(hd_task_t *task, const hd_op_answer_t *answer)
{
    u_char         id[36];
    hd_str_t       none;
    hd_uuid_t      event;
    hd_check_t    *check = task->ctx;
    ngx_uint_t     accepted;
    hd_pg_unit_t  *u;

    accepted = (answer->answer.outcome == HD_OUTCOME_ACCEPTED);

    ngx_memzero(&none, sizeof(hd_str_t));
    hd_uuid_v7(&event, hd_now_us() / 1000);
    hd_uuid_format(&task->account_id, id);

    hd_buf_init(&check->event);
    hd_buf_printf(&check->event, "{\"account_id\":\"%.*s\",\"ok\":%s}", 36, id,
                  accepted ? "true" : "false");

    u = hd_pg_unit(hd_task.pg, hd_check_result, hd_check_written, task);

    if (u) {
        hd_pg_org(u, &task->org);

        hd_pg_stmt(u, HD_Q_ACCOUNT_HEALTH);
        hd_pg_uuid(u, &task->account_id);

        if (accepted) {
            hd_pg_jsonb(u, &answer->result);
            hd_pg_text_null(u, &none);
            hd_pg_text_null(u, &none);

        } else {
            hd_pg_text_null(u, &none);
            hd_pg_int(u, answer->answer.code);
            hd_pg_text(u, &answer->answer.detail);
        }

        hd_pg_uuid(u, &event);
    }

    if (u == NULL || hd_pg_submit(u) != NGX_OK) {
        hd_buf_free(&check->event);
        hd_task_again(task, HD_CHECK_SOON, "The database is away.");
    }
}


static void
hd_check_answer(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_json_t   *args;
    hd_check_t  *check = task->ctx;

    (void) raw;

    if (answer->answer.outcome == HD_OUTCOME_UNKNOWN
        || answer->answer.row->class == HD_CLASS_TRANSIENT
        || answer->answer.row->class == HD_CLASS_THROTTLE)
    {
        hd_task_again(task, HD_CHECK_SOON, "The provider gave no answer.");
        return;
    }

    if (answer->answer.code == HD_CODE_FIELD && !check->basic) {
        args = hd_calloc(&task->mem, 2 * sizeof(hd_json_t));

        if (args) {
            args->type = HD_JSON_OBJECT;
            args->count = 1;
            args->child = args + 1;
            args[1].type = HD_JSON_TRUE;
            args[1].key.data = (u_char *) "basic";
            args[1].key.len = 5;

            check->basic = 1;
            hd_task_op(task, HD_OP_NUMBER_GET, args, NULL, 0,
                       hd_check_answer);
            return;
        }
    }

    hd_check_write(task, answer);
}


void
hd_task_account_check(hd_task_t *task)
{
    static const hd_json_t  none = { .type = HD_JSON_OBJECT };

    if (task->account == NULL || task->provider == NULL
        || task->provider->ops == NULL
        || task->provider->ops[HD_OP_NUMBER_GET] == NULL)
    {
        hd_task_done(task, NULL);
        return;
    }

    task->ctx = hd_calloc(&task->mem, sizeof(hd_check_t));

    if (task->ctx == NULL) {
        hd_task_again(task, HD_CHECK_SOON, "Out of memory.");
        return;
    }

    hd_task_op(task, HD_OP_NUMBER_GET, &none, NULL, 0, hd_check_answer);
}
