/*
 * op: one operation at the provider of an errand's account.
 *
 *   build -> a connection (waited for) -> answer -> read -> done
 *
 * No answer, or half of one, is outcome UNKNOWN with the class of what
 * passes by itself; the kind decides whether asking again can harm.
 */

#include "private.h"


#define HD_TASK_BUSY   100             /* ms until a connection is free */
#define HD_TASK_FILE   100000          /* ms for a transfer with a file */


typedef struct {
    hd_task_t              *task;
    hd_op_e                 op;
    hd_provider_request_t   request;
    const char             *file;
    off_t                   file_max;
    hd_task_op_pt           done;
    hd_timer_t              busy;
} hd_task_call_t;


static void hd_task_op_start(hd_task_call_t *call);


static void
hd_task_op_end(hd_task_call_t *call, hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    call->done(call->task, answer, raw);
}


static void
hd_task_op_unknown(hd_op_answer_t *answer, const char *words)
{
    ngx_memzero(answer, sizeof(hd_op_answer_t));

    answer->answer.outcome = HD_OUTCOME_UNKNOWN;
    answer->answer.row = hd_error_http(503);
    answer->answer.detail.data = (u_char *) words;
    answer->answer.detail.len = ngx_strlen(words);
}


static void
hd_task_op_done(void *data, const hd_egress_answer_t *a)
{
    hd_task_call_t *call = data;

    const hd_op_t   *op;
    hd_op_answer_t   answer;

    if (a->outcome != HD_EGRESS_ANSWERED) {
        hd_task_op_unknown(&answer, a->error);
        hd_task_op_end(call, &answer, a);
        return;
    }

    ngx_memzero(&answer, sizeof(hd_op_answer_t));
    op = call->task->provider->ops[call->op];
    op->read(&call->task->mem, a->status, &a->body, &answer);

    hd_task_op_end(call, &answer, a);
}


static void
hd_task_op_busy(hd_timer_t *t, void *data)
{
    hd_task_op_start(data);
}


static void
hd_task_op_start(hd_task_call_t *call)
{
    ngx_int_t             rc;
    ngx_uint_t            i;
    hd_op_answer_t        answer;
    hd_egress_field_t     fields[4];
    hd_egress_answer_t    raw;
    hd_egress_request_t   r;

    ngx_memzero(&r, sizeof(hd_egress_request_t));

    r.method = call->request.method;
    r.url = call->request.url;
    r.headers = call->request.headers;
    r.nheaders = call->request.nheaders;
    r.body = call->request.body;

    for (i = 0; i < call->request.nfields; i++) {
        fields[i].name = call->request.fields[i].name;
        fields[i].value = call->request.fields[i].value;
    }

    r.fields = fields;
    r.nfields = call->request.nfields;

    if (call->request.file_part || call->request.raw_file) {
        r.file_part = call->request.file_part;
        r.file = call->file;
        r.timeout = HD_TASK_FILE;
    }

    if (call->request.to_file) {
        r.to_file = call->file;
        r.follow = call->request.follow;
        r.file_max = call->file_max;
        r.timeout = HD_TASK_FILE;
    }

    rc = hd_egress_request(&r, hd_task_op_done, call);

    if (rc == NGX_OK) {
        return;
    }

    if (rc == NGX_BUSY && !hd_tasks.quitting) {
        hd_timer_set(&call->busy, HD_TASK_BUSY);
        return;
    }

    ngx_memzero(&raw, sizeof(hd_egress_answer_t));
    raw.outcome = HD_EGRESS_REFUSED;
    hd_task_op_unknown(&answer, "The request could not be made.");
    hd_task_op_end(call, &answer, &raw);
}


void
hd_task_op(hd_task_t *task, hd_op_e op, const hd_json_t *args,
    const char *file, off_t file_max, hd_task_op_pt done)
{
    int                  rc;
    const char          *why;
    hd_account_t         view;
    hd_op_answer_t       answer;
    hd_task_call_t      *call;
    hd_egress_answer_t   raw;

    static const hd_json_t  none = { .type = HD_JSON_OBJECT };

    why = "Out of memory.";
    call = ngx_pcalloc(task->pool, sizeof(hd_task_call_t));

    if (call == NULL) {
        goto failed;
    }

    if (task->account == NULL || task->provider == NULL
        || task->provider->ops == NULL || task->provider->ops[op] == NULL)
    {
        why = "The provider has no such operation.";
        goto failed;
    }

    ngx_memzero(&view, sizeof(hd_account_t));
    hd_account_view(&view, task->account);

    if (hd_task_callback(task, &view.callback_url) != NGX_OK) {
        goto failed;
    }

    rc = task->provider->ops[op]->build(&task->mem, &view,
                                        args ? args : &none, &call->request,
                                        &why);
    if (rc != HD_OK) {
        goto failed;
    }

    call->task = task;
    call->op = op;
    call->file = file;
    call->file_max = file_max;
    call->done = done;
    hd_timer_init(&call->busy, hd_task_op_busy, call, 0, hd_task.log);

    hd_task_op_start(call);
    return;

failed:

    ngx_memzero(&raw, sizeof(hd_egress_answer_t));
    raw.outcome = HD_EGRESS_REFUSED;
    hd_task_op_unknown(&answer, why);
    answer.answer.outcome = HD_OUTCOME_REJECTED;
    answer.answer.row = hd_error_find(100);
    done(task, &answer, &raw);
}
