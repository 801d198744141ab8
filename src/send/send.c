/*
 * Grants to jobs, jobs to rows committed as sending.
 *
 * Two units for each job: one reads (account, content, the range's queued
 * rows; no commit), one writes (skips, then the attempt: range_sending).  At
 * most as many rows are between the second unit and their settled outcome as
 * this worker has attempts in shared memory; the rest of a big grant waits its
 * turn, and so do other jobs: whoever closes attempts calls hd_send_step().
 */

#include "private.h"


#define HD_SEND_ATTEMPTS  (HD_ATTEMPTS / HD_SLOTS)
#define HD_SEND_JOBS      64
#define HD_SEND_REST      5000         /* ms; then a bad grant goes back */


static void hd_send_drain(void);
static void hd_job_start(const hd_grant_t *grant);
static void hd_job_read(hd_job_t *job);
static void hd_job_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res);
static void hd_job_loaded(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_job_rested(hd_timer_t *t, void *data);
static void hd_job_commit(hd_job_t *job);
static void hd_job_confirmed(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_job_committed(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_send_again(hd_timer_t *t, void *data);


hd_send_t  hd_send;


ngx_int_t
hd_send_init(const hd_send_conf_t *conf)
{
    ngx_memzero(&hd_send, sizeof(hd_send_t));

    hd_send.conf = *conf;
    ngx_queue_init(&hd_send.jobs);
    ngx_queue_init(&hd_send.outcomes);

    hd_send.scratch = ngx_create_pool(4096, conf->log);
    if (hd_send.scratch == NULL) {
        return NGX_ERROR;
    }

    /* cancelable: it is the jobs that hold a quitting worker */
    hd_timer_init(&hd_send.again, hd_send_again, NULL, 1, conf->log);

    if (hd_post_init() != NGX_OK) {
        return NGX_ERROR;
    }

    return hd_settle_start();
}


/* grants that wait in the ring are given up: their rows are still queued */
static void
hd_send_drain(void)
{
    hd_grant_t  grant;

    while (hd_grant_take(hd_send.conf.shm, hd_send.conf.slot, &grant)) {
        hd_grant_end(hd_send.conf.shm, grant.id);
    }
}


void
hd_send_quit(void)
{
    hd_row_t     *row;
    hd_job_t     *job;
    ngx_queue_t  *q, *next;

    hd_send.quitting = 1;

    if (hd_send.conf.slot == HD_NONE) {
        return;
    }

    hd_send_drain();

    for (q = ngx_queue_head(&hd_send.jobs);
         q != ngx_queue_sentinel(&hd_send.jobs);
         q = next)
    {
        next = ngx_queue_next(q);
        job = ngx_queue_data(q, hd_job_t, queue);

        while (!ngx_queue_empty(&job->ready)) {
            row = ngx_queue_data(ngx_queue_head(&job->ready), hd_row_t,
                                 queue);
            ngx_queue_remove(&row->queue);
            hd_row_outcome(row, HD_SETTLE_RETURN, 0, NULL);
        }

        hd_job_step(job);
    }

    hd_wake_send(hd_send.conf.wake, hd_wake_helper(hd_send.conf.wake));
}


/*
 * What is still open is the helper's, by its attempt.  Calls and units end
 * after this, and must not move anything any more: an attempt marked written
 * now would be held as unknown.
 */
void
hd_send_exit(void)
{
    hd_send.over = 1;

    hd_timer_clear(&hd_send.pace);
    hd_timer_clear(&hd_send.again);
    hd_lap_cancel(&hd_send.lap);
    hd_settle_stop();
}


void
hd_send_wake(void)
{
    hd_grant_t  grant;

    if (hd_send.conf.slot == HD_NONE || hd_send.over) {
        return;
    }

    if (hd_send.quitting) {
        /* given in the instant before the helper saw it */
        hd_send_drain();
        return;
    }

    while (hd_send.njobs < HD_SEND_JOBS
           && hd_grant_take(hd_send.conf.shm, hd_send.conf.slot, &grant))
    {
        hd_job_start(&grant);
    }

    hd_post_pump();
}


static void
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

    job->pool = pool;
    job->mem = hd_pool_mem(pool);
    job->grant = *grant;

    ngx_queue_init(&job->read);
    ngx_queue_init(&job->ready);
    hd_pg_array_init(&job->skip_seq, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&job->skip_reason, HD_PG_TEXT_ARRAY);
    hd_timer_init(&job->rest, hd_job_rested, job, 1, hd_send.conf.log);

    ngx_queue_insert_tail(&hd_send.jobs, &job->queue);

    if (hd_send.njobs++ == 0) {
        hd_hold_take(hd_send.conf.log);
    }

    hd_job_step(job);
}


/* a row that was never committed as sending */
static void
hd_job_drop(hd_row_t *row)
{
    if (row->attempt != HD_NONE) {
        hd_attempt_close(hd_send.conf.shm, row->attempt);
        hd_send.attempts--;
    }

    row->job->open--;
}


void
hd_job_end(hd_job_t *job)
{
    hd_timer_clear(&job->rest);
    hd_post_waits(job, 0);

    hd_grant_end(hd_send.conf.shm, job->grant.id);
    hd_wake_send(hd_send.conf.wake, hd_wake_helper(hd_send.conf.wake));

    if (job->account) {
        hd_store_account_free(job->account);
    }

    hd_pg_array_free(&job->skip_seq);
    hd_pg_array_free(&job->skip_reason);

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

    job->nskip = 0;

    while (!ngx_queue_empty(&job->read)) {
        row = ngx_queue_data(ngx_queue_head(&job->read), hd_row_t, queue);
        ngx_queue_remove(&row->queue);
        hd_job_drop(row);
    }
}


/* rows whose attempt is open already wait for no room */
static ngx_uint_t
hd_job_ready(hd_job_t *job)
{
    hd_row_t  *row;

    if (ngx_queue_empty(&job->read)) {
        return 0;
    }

    row = ngx_queue_data(ngx_queue_head(&job->read), hd_row_t, queue);

    return row->attempt != HD_NONE || hd_send.attempts < HD_SEND_ATTEMPTS;
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

    } else if (job->nskip || hd_job_ready(job)) {
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
    hd_pg_bool(u, 1);

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

        if (job->account) {
            job->provider = hd_provider_find(&job->account->provider);
        }

        return;

    case 2:
        if (hd_pg_rows(res) == 0 || hd_content_load(job, res) != NGX_OK) {
            job->provider = NULL;
        }

        return;

    case 3:
        if (job->provider == NULL) {
            return;
        }

        for (i = 0; i < hd_pg_rows(res); i++) {
            row = hd_content_row(job, res, i);

            if (row) {
                ngx_queue_insert_tail(&job->read, &row->queue);
                job->open++;
            }
        }
    }
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
        hd_job_step(job);
        hd_send_wake();
        return;
    }

    bad = (outcome == HD_PG_OK
           || (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)));

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
    job->nskip = 0;
    ngx_queue_init(&job->read);
    hd_pg_array_reset(&job->skip_seq);
    hd_pg_array_reset(&job->skip_reason);

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


static void
hd_job_commit(hd_job_t *job)
{
    hd_row_t       *row;
    hd_pg_unit_t   *u;
    hd_pg_array_t   seqs, ids, texts, costs, opens, variants;
    ngx_queue_t    *q;
    ngx_uint_t      n;
    ngx_int_t       rc;

    u = hd_pg_unit(hd_send.conf.pg, hd_job_confirmed, hd_job_committed, job);
    if (u == NULL) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    u->patient = 1;

    hd_pg_array_init(&seqs, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&ids, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&texts, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&costs, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&opens, HD_PG_BOOL_ARRAY);
    hd_pg_array_init(&variants, HD_PG_INT2_ARRAY);

    hd_pg_org(u, &job->grant.org);

    for (n = 0, q = ngx_queue_head(&job->read);
         q != ngx_queue_sentinel(&job->read);
         q = ngx_queue_next(q), n++)
    {
        row = ngx_queue_data(q, hd_row_t, queue);

        if (row->attempt == HD_NONE) {
            if (hd_send.attempts >= HD_SEND_ATTEMPTS) {
                break;
            }

            row->attempt = hd_attempt_open(hd_send.conf.shm,
                                           hd_send.conf.slot, &job->grant.org,
                                           &job->grant.batch, row->seq,
                                           job->grant.fence);
            if (row->attempt == HD_NONE) {
                break;
            }

            hd_send.attempts++;
        }

        hd_pg_array_int(&seqs, row->seq);
        hd_pg_array_uuid(&ids, &row->message_id);
        hd_pg_array_text(&texts, &row->text);
        hd_pg_array_int(&costs, 0);
        hd_pg_array_int(&opens, 0);
        hd_pg_array_int(&variants, 0);
    }

    hd_pg_stmt(u, HD_Q_RANGE_SENDING);
    hd_pg_uuid(u, &job->grant.batch);
    hd_pg_uuid(u, &job->grant.account);
    hd_pg_int(u, job->grant.fence);
    hd_pg_array(u, &seqs);
    hd_pg_array(u, &ids);
    hd_pg_array(u, &texts);
    hd_pg_bool(u, job->content.single);
    hd_pg_z(u, "m");
    hd_pg_array(u, &costs);
    hd_pg_null(u);
    hd_pg_array(u, &opens);
    hd_pg_null(u);
    hd_pg_int(u, hd_send.conf.slot * 2);
    hd_pg_array(u, &variants);

    if (job->nskip) {
        hd_pg_stmt(u, HD_Q_RANGE_SKIP);
        hd_pg_uuid(u, &job->grant.batch);
        hd_pg_array(u, &job->skip_seq);
        hd_pg_array(u, &job->skip_reason);
        hd_pg_int(u, hd_send.conf.slot * 2);
    }

    if (n || job->nskip) {
        rc = hd_pg_submit(u);

    } else {
        /* no attempt to be had, against our own count */
        hd_pg_discard(u);
        rc = NGX_BUSY;
    }

    hd_pg_array_free(&seqs);
    hd_pg_array_free(&ids);
    hd_pg_array_free(&texts);
    hd_pg_array_free(&costs);
    hd_pg_array_free(&opens);
    hd_pg_array_free(&variants);

    if (rc != NGX_OK) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    job->busy = 1;
}


static void
hd_job_confirmed(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_job_t     *job = u->data;
    hd_row_t     *row;
    uint32_t      seq;
    ngx_uint_t    i;
    ngx_queue_t  *q, *start;

    if (index != 1) {
        return;
    }

    /* both are few and the answer is nearly in the queue's order */

    q = ngx_queue_head(&job->read);

    for (i = 0; i < hd_pg_rows(res); i++) {
        seq = (uint32_t) hd_pg_value_int(res, i, 0);
        start = q;

        do {
            if (q != ngx_queue_sentinel(&job->read)) {
                row = ngx_queue_data(q, hd_row_t, queue);

                if (row->seq == seq) {
                    row->confirmed = 1;
                    (void) hd_pg_value_uuid(res, i, 1, &row->message_id);
                    break;
                }
            }

            q = ngx_queue_next(q);

        } while (q != start);
    }
}


static void
hd_job_committed(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_job_t     *job = u->data;
    hd_row_t     *row;
    ngx_queue_t  *q, *next;

    if (hd_send.over) {
        return;
    }

    job->busy = 0;

    if (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)) {
        ngx_log_error(NGX_LOG_ERR, hd_send.conf.log, 0,
                      "herald: attempts could not be committed: SQLSTATE %s",
                      u->sqlstate);
    }

    if (outcome == HD_PG_OK) {
        if (job->nskip) {
            job->nskip = 0;
            hd_pg_array_reset(&job->skip_seq);
            hd_pg_array_reset(&job->skip_reason);
            hd_dirty_mark(hd_send.conf.shm, &job->grant.org,
                          &job->grant.batch);
        }

    } else if (outcome != HD_PG_UNKNOWN) {
        /* nothing happened: the rows wait with their attempts, unwritten */
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    /*
     * Of the rows that were asked for (they hold an attempt), the confirmed go
     * on.  The others are somebody else's, or paused, or of an older fence;
     * after HD_PG_UNKNOWN none is sure, so all are given back: RETURN moves a
     * row that is sending under our fence back to the queue, and no other.
     * Skips that are not sure are sent again: they move only what is queued.
     */

    for (q = ngx_queue_head(&job->read);
         q != ngx_queue_sentinel(&job->read);
         q = next)
    {
        next = ngx_queue_next(q);
        row = ngx_queue_data(q, hd_row_t, queue);

        if (row->attempt == HD_NONE) {
            break;
        }

        ngx_queue_remove(q);

        if (outcome == HD_PG_UNKNOWN || (row->confirmed && hd_send.quitting))
        {
            hd_row_outcome(row, HD_SETTLE_RETURN, 0, NULL);

        } else if (row->confirmed) {
            ngx_queue_insert_tail(&job->ready, &row->queue);

        } else {
            hd_count(hd_send.conf.shm, hd_send.conf.slot,
                     HD_COUNT_fence_refused, 1);
            hd_job_drop(row);
        }
    }

    hd_send_step();
    hd_send_wake();
}


void
hd_row_outcome(hd_row_t *row, hd_settle_e outcome, int code,
    const char *reason)
{
    row->outcome = outcome;
    row->code = code;
    row->reason.data = (u_char *) reason;
    row->reason.len = reason ? ngx_strlen(reason) : 0;

    ngx_queue_insert_tail(&hd_send.outcomes, &row->queue);
    hd_send.noutcomes++;

    hd_lap_post(&hd_send.lap);
}


void
hd_send_step(void)
{
    hd_job_t     *job;
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&hd_send.jobs);
         q != ngx_queue_sentinel(&hd_send.jobs);
         q = next)
    {
        next = ngx_queue_next(q);
        job = ngx_queue_data(q, hd_job_t, queue);
        hd_job_step(job);
    }
}


/* the database was away: every job that waits for it asks again */
static void
hd_send_again(hd_timer_t *t, void *data)
{
    hd_send_step();
    hd_settle_flush(NULL);
}
