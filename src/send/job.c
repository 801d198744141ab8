/*
 * A grant becomes a job: one unit reads it (account, content, the range's
 * rows; no commit), the gates choose, and hd_job_step() decides what comes
 * next until nothing of it is open.
 */

#include "private.h"


#define HD_SEND_REST  5000             /* ms; then a bad grant goes back */


static void hd_job_read(hd_job_t *job);
static void hd_job_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res);
static void hd_job_loaded(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_job_rested(hd_timer_t *t, void *data);


void
hd_job_start(const hd_grant_t *grant)
{
    hd_job_t    *job;
    ngx_pool_t  *pool;

    pool = ngx_create_pool(16384, hd_send.conf.log);

    if (pool == NULL) {
        hd_grant_end(hd_send.conf.shm, grant->id);
        return;
    }

    job = ngx_pcalloc(pool, sizeof(hd_job_t));

    if (job == NULL) {
        ngx_destroy_pool(pool);
        hd_grant_end(hd_send.conf.shm, grant->id);
        return;
    }

    job->number = hd_number_take(&grant->account);

    if (job->number == NULL) {
        ngx_destroy_pool(pool);
        hd_grant_end(hd_send.conf.shm, grant->id);
        return;
    }

    job->pool = pool;
    job->mem = hd_pool_mem(pool);
    job->grant = *grant;

    ngx_queue_init(&job->read);
    ngx_queue_init(&job->ready);
    hd_turned_init(&job->skipped);
    hd_turned_init(&job->deferred);
    hd_timer_init(&job->rest, hd_job_rested, job, 1, hd_send.conf.log);

    ngx_queue_insert_tail(&hd_send.jobs, &job->queue);

    if (hd_send.njobs++ == 0) {
        hd_hold_take(hd_send.conf.log);
    }

    hd_job_step(job);
}


/* a row that was never committed as sending */
void
hd_job_drop(hd_row_t *row)
{
    if (row->attempt != HD_NONE) {
        hd_attempt_close(hd_send.conf.shm, row->attempt);
        hd_send.attempts--;
        row->job->number->attempts--;
    }

    row->job->open--;
}


static void
hd_job_end(hd_job_t *job)
{
    hd_timer_clear(&job->rest);
    hd_post_waits(job, 0);

    hd_grant_end(hd_send.conf.shm, job->grant.id);
    hd_wake_send(hd_send.conf.wake, hd_wake_helper(hd_send.conf.wake));

    if (job->account) {
        hd_store_account_free(job->account);
    }

    hd_number_release(job->number);
    hd_turned_free(&job->skipped);
    hd_turned_free(&job->deferred);

    ngx_queue_remove(&job->queue);
    ngx_destroy_pool(job->pool);

    if (--hd_send.njobs == 0) {
        hd_hold_release();
    }
}


/* quitting: what was not committed as sending is still queued */
static void
hd_job_give_up(hd_job_t *job)
{
    hd_row_t  *row;

    job->skipped.n = 0;
    job->deferred.n = 0;

    while (!ngx_queue_empty(&job->read)) {
        row = ngx_queue_data(ngx_queue_head(&job->read), hd_row_t, queue);
        ngx_queue_remove(&row->queue);
        hd_job_drop(row);
    }
}


/* the one place that decides what a job does next */
void
hd_job_step(hd_job_t *job)
{
    if (job->busy || hd_timer_is_set(&job->rest)) {
        return;
    }

    if (!job->loaded) {
        if (hd_send.quitting) {
            hd_job_end(job);
            return;
        }

        hd_job_read(job);
        return;
    }

    if (hd_send.quitting) {
        hd_job_give_up(job);

    } else if (!hd_media_ready(job)) {
        return;

    } else if (job->skipped.n || job->deferred.n
               || hd_job_ready(job)) {
        hd_job_commit(job);
        return;
    }

    if (job->open == 0) {
        hd_job_end(job);
    }
}


static void
hd_job_read(hd_job_t *job)
{
    u_char         key[32];
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_send.conf.pg, hd_job_row, hd_job_loaded, job);
    if (u == NULL) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    u->patient = 1;

    hd_pg_org(u, &job->grant.org);

    hd_pg_stmt(u, HD_Q_ACCOUNT_SEND);
    hd_pg_uuid(u, &job->grant.account);

    hd_pg_stmt(u, HD_Q_BATCH_CONTENT);
    hd_pg_uuid(u, &job->grant.batch);

    hd_pg_stmt(u, HD_Q_RANGE_READ);
    hd_pg_uuid(u, &job->grant.batch);
    hd_pg_int(u, job->grant.from);
    hd_pg_int(u, job->grant.to);
    hd_pg_uuid(u, &job->grant.account);
    hd_store_suppression_key(hd_send.conf.secret_key, &job->grant.org, key);
    hd_pg_bytea(u, key, sizeof(key));
    hd_pg_bool(u, job->grant.campaign == HD_NONE
                  || hd_send.conf.prices != NULL);

    if (hd_pg_submit(u) != NGX_OK) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    job->busy = 1;
}


static void
hd_job_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_job_t    *job = u->data;
    hd_row_t    *row;
    ngx_uint_t   i;

    switch (index) {

    case 1:
        if (hd_pg_rows(res)) {
            job->account = hd_store_account(res, hd_send.conf.secret_key,
                                            hd_send.conf.log);
        }

        if (job->account && hd_limits_load(job, res) == NGX_OK) {
            job->provider = hd_provider_find(&job->account->provider);
        }

        return;

    case 2:
        if (hd_pg_rows(res) == 0 || hd_content_load(job, res) != NGX_OK) {
            job->provider = NULL;
        }

        return;

    case 3:
        if (job->provider == NULL || !job->limits.usable
            || (job->content.blocked && !job->content.single))
        {
            return;
        }

        for (i = 0; i < hd_pg_rows(res); i++) {
            row = hd_gate_row(job, res, i);

            if (row) {
                ngx_queue_insert_tail(&job->read, &row->queue);
                job->open++;
            }
        }
    }
}


/* the number is paused, or the template: nobody's rows are burned */
static ngx_uint_t
hd_job_stopped(hd_job_t *job)
{
    if (job->content.blocked && !job->content.single) {
        hd_effect_broadcast(job, job->content.blocked,
                            "The provider does not take the template now.");
        return 1;
    }

    return !job->limits.usable;
}


static void
hd_job_loaded(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_job_t    *job = u->data;
    ngx_uint_t   bad;

    if (hd_send.over) {
        return;
    }

    job->busy = 0;

    if (outcome == HD_PG_OK && job->provider) {
        job->loaded = 1;

        if (hd_job_stopped(job)) {
            hd_timer_set(&job->rest, hd_send.quitting ? 1 : HD_SEND_REST);

        } else {
            hd_job_step(job);
        }

        hd_send_wake();
        return;
    }

    /* a database that is slow is no fault of the grant's */
    bad = (outcome == HD_PG_OK
           || (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)
               && !hd_pg_is_timeout(u->sqlstate)));

    if (outcome == HD_PG_OK) {
        ngx_log_error(NGX_LOG_ERR, hd_send.conf.log, 0,
                      "herald: a grant cannot be sent: its number or its "
                      "content is not usable");

    } else if (bad) {
        ngx_log_error(NGX_LOG_ERR, hd_send.conf.log, 0,
                      "herald: a grant could not be read: SQLSTATE %s in "
                      "statement %ui", u->sqlstate, u->failed);
    }

    /* nothing of a half-read range is kept: it is read again */

    job->open = 0;
    ngx_queue_init(&job->read);
    hd_turned_reset(&job->skipped);
    hd_turned_reset(&job->deferred);
    job->links = NULL;
    job->links_put = NULL;

    if (job->account) {
        hd_store_account_free(job->account);
        job->account = NULL;
    }

    job->provider = NULL;

    if (bad) {
        /* given back at once it would be granted again at once */
        job->loaded = 1;
        hd_timer_set(&job->rest, hd_send.quitting ? 1 : HD_SEND_REST);
        return;
    }

    hd_timer_set(&hd_send.again, 500);
}


static void
hd_job_rested(hd_timer_t *t, void *data)
{
    hd_job_step(data);
    hd_send_wake();
}
