/*
 * The room's life in a worker: grants from the ring to jobs (job.c), outcomes
 * to settle.c, and what happens when the worker quits.
 */

#include "private.h"


#define HD_SEND_JOBS  256


static void hd_send_drain(void);
static void hd_send_again(hd_timer_t *t, void *data);


hd_send_t  hd_send;


ngx_int_t
hd_send_init(const hd_send_conf_t *conf)
{
    ngx_memzero(&hd_send, sizeof(hd_send_t));

    hd_send.conf = *conf;
    ngx_queue_init(&hd_send.jobs);
    ngx_queue_init(&hd_send.outcomes);
    ngx_queue_init(&hd_send.numbers);

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
hd_row_later(hd_row_t *row, hd_settle_e outcome, int code,
    const char *reason, int64_t next_try)
{
    row->next_try = next_try;
    hd_row_outcome(row, outcome, code, reason);
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
