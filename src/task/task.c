/*
 * Claims what is due, begins each, and writes its end.
 *
 *   told ── claim ──> (org, id) ── begin ──> kind's run ── done / again /
 *    ▲        │                                            failed
 *    └────────┴─ a full claim: there may be more
 *
 * A claim that comes a moment too early finds nothing (the helper's clock is
 * not the database's), so after being told it looks once more a little later.
 */

#include "private.h"


#define HD_TASK_LOOK    50             /* ms */
#define HD_TASK_CROWD   2000           /* ms: too many of one account */
#define HD_TASK_LONGEST 3600000        /* ms between two attempts */


hd_task_conf_t  hd_task;
hd_tasks_t      hd_tasks;


static void hd_task_claim(void);
static void hd_task_look(hd_timer_t *t, void *data);
static void hd_task_begin(const hd_uuid_t *org, const hd_uuid_t *id);


ngx_int_t
hd_task_init(const hd_task_conf_t *conf)
{
    hd_task = *conf;

    ngx_memzero(&hd_tasks, sizeof(hd_tasks_t));
    ngx_queue_init(&hd_tasks.running);
    hd_timer_init(&hd_tasks.look, hd_task_look, NULL, 1, conf->log);

    return NGX_OK;
}


void
hd_task_quit(void)
{
    hd_tasks.quitting = 1;
    hd_timer_clear(&hd_tasks.look);
}


void
hd_task_exit(void)
{
    hd_tasks.quitting = 1;
    hd_tasks.over = 1;
}


void
hd_task_wake(void)
{
    if (hd_tasks.quitting || hd_tasks.over
        || !hd_slot_errand_take(hd_task.shm, hd_task.slot))
    {
        return;
    }

    hd_tasks.told = 1;
    hd_task_claim();
}


static void
hd_task_look(hd_timer_t *t, void *data)
{
    hd_task_claim();
}


static void
hd_task_claimed(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_uuid_t   org, id;
    ngx_uint_t  i, n;

    if (hd_tasks.over) {
        return;
    }

    n = hd_pg_rows(res);
    hd_tasks.more = (n != 0);

    for (i = 0; i < n; i++) {
        if (hd_pg_value_uuid(res, i, 0, &org) == NGX_OK
            && hd_pg_value_uuid(res, i, 1, &id) == NGX_OK)
        {
            hd_task_begin(&org, &id);
        }
    }
}


static void
hd_task_claim_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_tasks.claiming = 0;

    if (hd_tasks.over || hd_tasks.quitting) {
        return;
    }

    if (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)) {
        ngx_log_error(NGX_LOG_ERR, hd_task.log, 0,
                      "herald: errands could not be taken: SQLSTATE %s",
                      u->sqlstate);
    }

    if (outcome != HD_PG_OK) {
        hd_timer_set(&hd_tasks.look, 1000);
        return;
    }

    if (hd_tasks.more) {
        hd_task_claim();

    } else if (hd_tasks.told) {
        hd_tasks.told = 0;
        hd_timer_set(&hd_tasks.look, HD_TASK_LOOK);
    }
}


static void
hd_task_claim(void)
{
    ngx_uint_t     room;
    hd_pg_unit_t  *u;

    if (hd_tasks.claiming || hd_tasks.quitting || hd_tasks.over
        || hd_held(hd_task.shm))
    {
        return;
    }

    room = HD_TASKS - ngx_min(hd_tasks.n, HD_TASKS);

    if (room == 0) {
        /* the next end goes on */
        hd_tasks.more = 1;
        return;
    }

    hd_tasks.more = 0;

    u = hd_pg_unit(hd_task.pg, hd_task_claimed, hd_task_claim_done, NULL);

    if (u) {
        hd_pg_stmt(u, HD_Q_ERRAND_CLAIM);
        hd_pg_int(u, room);
        hd_pg_int(u, HD_TASK_LEASE);

        if (hd_pg_submit(u) == NGX_OK) {
            hd_tasks.claiming = 1;
            return;
        }
    }

    hd_timer_set(&hd_tasks.look, 1000);
}


/* ── the life of one ── */

static void
hd_task_free(hd_task_t *task)
{
    if (task->account) {
        hd_store_account_free(task->account);
    }

    ngx_queue_remove(&task->queue);
    hd_tasks.n--;
    ngx_destroy_pool(task->pool);
    hd_hold_release();

    if (hd_tasks.more) {
        hd_task_claim();
    }
}


static const hd_task_kind_t *
hd_task_kind(const hd_str_t *name)
{
    const hd_task_kind_t  *k;

    for (k = hd_task_kinds; k->kind; k++) {
        if (ngx_strlen(k->kind) == name->len
            && ngx_memcmp(k->kind, name->data, name->len) == 0)
        {
            return k;
        }
    }

    return NULL;
}


static ngx_uint_t
hd_task_crowd(hd_task_t *task)
{
    ngx_uint_t    n;
    hd_task_t    *other;
    ngx_queue_t  *q;

    if (hd_uuid_is_nil(&task->account_id)) {
        return 0;
    }

    n = 0;

    for (q = ngx_queue_head(&hd_tasks.running);
         q != ngx_queue_sentinel(&hd_tasks.running);
         q = ngx_queue_next(q))
    {
        other = ngx_queue_data(q, hd_task_t, queue);
        n += hd_uuid_eq(&other->account_id, &task->account_id);
    }

    return n > HD_TASKS_ACCOUNT;
}


static void
hd_task_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t          v;
    hd_task_t        *task = u->data;
    hd_json_error_t   err;

    if (hd_tasks.over || hd_pg_rows(res) == 0) {
        return;
    }

    if (index == 1) {
        v = hd_pg_value(res, 0, 0);

        if (hd_str_dup(&task->mem, &v, &task->kind) != HD_OK) {
            task->kind.len = 0;
            return;
        }

        (void) hd_pg_value_uuid(res, 0, 1, &task->account_id);
        (void) hd_pg_value_uuid(res, 0, 2, &task->ref);

        v = hd_pg_value(res, 0, 3);
        task->args = hd_json_parse(&task->mem, v.data, v.len, 32, &err);
        task->attempts = (ngx_uint_t) hd_pg_value_int(res, 0, 4);
        return;
    }

    if (index == 2) {
        task->account = hd_store_account(res, hd_task.secret_key,
                                         hd_task.log);
        if (task->account) {
            task->provider = hd_provider_find(&task->account->provider);
        }
    }
}


static void
hd_task_ready(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_task_t             *task = u->data;
    const hd_task_kind_t  *kind;

    if (hd_tasks.over) {
        return;
    }

    if (outcome != HD_PG_OK) {
        /* the lease brings it back */
        hd_task_free(task);
        return;
    }

    if (task->kind.len == 0 || task->args == NULL) {
        /* somebody deleted it, and its line is left */
        hd_task_failed(task, "There is no such errand.");
        return;
    }

    kind = hd_task_kind(&task->kind);

    if (kind == NULL) {
        ngx_log_error(NGX_LOG_WARN, hd_task.log, 0,
                      "herald: nobody here knows how to do the errand \"%*s\"",
                      task->kind.len, task->kind.data);
        hd_task_failed(task, "This version of Herald does not know it.");
        return;
    }

    if (!hd_uuid_is_nil(&task->account_id) && task->account == NULL) {
        hd_task_failed(task, "The number is gone, or its tokens cannot be "
                       "unsealed.");
        return;
    }

    if (hd_tasks.quitting || hd_task_crowd(task)) {
        task->attempts = 0;
        hd_task_again(task, hd_tasks.quitting ? 100 : HD_TASK_CROWD, NULL);
        return;
    }

    kind->run(task);
}


static void
hd_task_begin(const hd_uuid_t *org, const hd_uuid_t *id)
{
    hd_task_t     *task;
    ngx_pool_t    *pool;
    hd_pg_unit_t  *u;

    pool = ngx_create_pool(4096, hd_task.log);
    if (pool == NULL) {
        return;
    }

    task = ngx_pcalloc(pool, sizeof(hd_task_t));

    if (task == NULL) {
        ngx_destroy_pool(pool);
        return;
    }

    task->pool = pool;
    task->mem = hd_pool_mem(pool);
    task->org = *org;
    task->id = *id;

    ngx_queue_insert_tail(&hd_tasks.running, &task->queue);
    hd_tasks.n++;
    hd_hold_take(hd_task.log);

    u = hd_pg_unit(hd_task.pg, hd_task_row, hd_task_ready, task);

    if (u) {
        hd_pg_org(u, org);
        hd_pg_stmt(u, HD_Q_ERRAND_BEGIN);
        hd_pg_uuid(u, id);
        hd_pg_stmt(u, HD_Q_ERRAND_ACCOUNT);
        hd_pg_uuid(u, id);

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    hd_task_free(task);
}


ngx_int_t
hd_task_callback(hd_task_t *task, hd_str_t *url)
{
    u_char  *p;

    url->len = 0;
    url->data = (u_char *) "";

    if (hd_task.public_url.len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(task->pool, hd_task.public_url.len + sizeof("/hooks//") - 1
                    + task->account->provider.len
                    + task->account->hook_token.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;
    p = ngx_cpymem(p, hd_task.public_url.data, hd_task.public_url.len);
    p = ngx_cpymem(p, "/hooks/", sizeof("/hooks/") - 1);
    p = ngx_cpymem(p, task->account->provider.data,
                   task->account->provider.len);
    *p++ = '/';
    p = ngx_cpymem(p, task->account->hook_token.data,
                   task->account->hook_token.len);
    url->len = (size_t) (p - url->data);

    return NGX_OK;
}


/* ── the ends ── */

static void
hd_task_ended(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_task_t *task = u->data;

    if (hd_tasks.over) {
        return;
    }

    if (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)) {
        ngx_log_error(NGX_LOG_ERR, hd_task.log, 0,
                      "herald: the end of errand \"%*s\" could not be "
                      "written: SQLSTATE %s%s%s in statement %ui",
                      task->kind.len, task->kind.data, u->sqlstate,
                      u->constraint[0] ? " on " : "", u->constraint,
                      u->failed);
    }

    if (outcome == HD_PG_OK) {
        /* a repetition has a new time, and so may what the kind asked for */
        hd_mail_send(hd_task.shm, HD_MAIL_ERRAND, &task->org, &task->id);
        hd_wake_send(hd_task.wake, hd_wake_helper(hd_task.wake));
    }

    /* else the lease brings it back */
    hd_task_free(task);
}


hd_pg_unit_t *
hd_task_unit(hd_task_t *task, hd_pg_result_pt on_result)
{
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_task.pg, on_result, hd_task_ended, task);

    if (u) {
        u->patient = 1;
        hd_pg_org(u, &task->org);
    }

    return u;
}


static void
hd_task_submit(hd_task_t *task, hd_pg_unit_t *u)
{
    if (u == NULL || hd_pg_submit(u) != NGX_OK) {
        hd_task_free(task);
    }
}


void
hd_task_done(hd_task_t *task, hd_pg_unit_t *u)
{
    if (u == NULL) {
        u = hd_task_unit(task, NULL);
    }

    if (u) {
        u->on_done = hd_task_ended;
        u->data = task;

        hd_pg_stmt(u, HD_Q_ERRAND_DONE);
        hd_pg_uuid(u, &task->id);
        hd_pg_int(u, task->attempts);
    }

    hd_task_submit(task, u);
}


/* attempts 0: it was not tried */
void
hd_task_again(hd_task_t *task, ngx_msec_t ms, const char *detail)
{
    ngx_uint_t             i;
    hd_pg_unit_t          *u;
    const hd_task_kind_t  *kind;

    kind = hd_task_kind(&task->kind);

    if (kind && kind->attempts && task->attempts >= kind->attempts) {
        hd_task_failed(task, detail ? detail : "It failed too often.");
        return;
    }

    if (ms == 0) {
        ms = kind && kind->delay ? kind->delay : 1000;

        for (i = 1; i < task->attempts && ms < HD_TASK_LONGEST; i++) {
            ms *= 2;
        }

        ms = ngx_min(ms, HD_TASK_LONGEST);
        ms += ngx_random() % (ms / 5 + 1);
    }

    u = hd_task_unit(task, NULL);

    if (u) {
        hd_pg_stmt(u, HD_Q_ERRAND_AGAIN);
        hd_pg_uuid(u, &task->id);
        hd_pg_int(u, ms);
        hd_pg_bool(u, task->attempts != 0);

        if (detail) {
            hd_pg_z(u, detail);

        } else {
            hd_pg_null(u);
        }
    }

    hd_task_submit(task, u);
}


void
hd_task_failed(hd_task_t *task, const char *detail)
{
    hd_pg_unit_t  *u;

    u = hd_task_unit(task, NULL);

    if (u) {
        hd_pg_stmt(u, HD_Q_ERRAND_FAILED);
        hd_pg_uuid(u, &task->id);
        hd_pg_z(u, detail);
    }

    hd_task_submit(task, u);
}
