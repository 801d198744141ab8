/*
 * The unit that writes: what was put off, what was skipped, and the attempt of
 * each row that goes (range_sending), under the limits that many share.
 *
 * At most as many rows are between this unit and their settled outcome as the
 * worker has attempts in shared memory, and a number its part of them; the
 * rest of a big grant waits its turn.
 */

#include "private.h"


#define HD_SEND_ATTEMPTS  (HD_ATTEMPTS / HD_SLOTS)


/* the arrays of range_sending: a place for each number from `from` to `to` */
typedef struct {
    hd_pg_array_t   ids, texts, costs, opens, variants, again;
    ngx_uint_t      n, nagain;
    uint32_t        from, to;
} hd_commit_t;


static void hd_job_confirmed(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_job_committed(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


/* rows whose attempt is open already wait for no room */
ngx_uint_t
hd_job_ready(hd_job_t *job)
{
    hd_row_t  *row;

    if (ngx_queue_empty(&job->read)) {
        return 0;
    }

    row = ngx_queue_data(ngx_queue_head(&job->read), hd_row_t, queue);

    return row->attempt != HD_NONE
           || (hd_send.attempts < HD_SEND_ATTEMPTS
               && hd_number_may_commit(job->number));
}


static ngx_uint_t
hd_commit_attempt(hd_job_t *job, hd_row_t *row)
{
    if (row->attempt != HD_NONE) {
        return 1;
    }

    if (hd_send.attempts >= HD_SEND_ATTEMPTS
        || !hd_number_may_commit(job->number))
    {
        return 0;
    }

    row->attempt = hd_attempt_open(hd_send.conf.shm, hd_send.conf.slot,
                                   &job->grant.org, &job->grant.batch,
                                   row->seq, job->grant.fence);
    if (row->attempt == HD_NONE) {
        return 0;
    }

    hd_send.attempts++;
    job->number->attempts++;

    return 1;
}


/* NULL: a number between two that is none of this attempt's */
static void
hd_commit_place(hd_commit_t *c, hd_row_t *row)
{
    static hd_uuid_t  none;
    static hd_str_t   empty = { 0, (u_char *) "" };

    hd_pg_array_uuid(&c->ids, row ? &row->message_id : &none);
    hd_pg_array_int(&c->costs, row ? row->cost : -1);
    hd_pg_array_int(&c->opens, row ? row->opens : 0);
    hd_pg_array_int(&c->variants, row ? row->variant : 0);

    if (row && !row->fresh) {
        hd_pg_array_null(&c->texts);

    } else {
        hd_pg_array_text(&c->texts, row ? &row->text : &empty);
    }
}


static void
hd_commit_row_add(hd_commit_t *c, hd_row_t *row)
{
    if (c->n == 0) {
        c->from = row->seq;

    } else {
        while (++c->to < row->seq) {
            hd_commit_place(c, NULL);
        }
    }

    hd_commit_place(c, row);
    c->to = row->seq;
    c->n++;

    if (row->again) {
        hd_pg_array_int(&c->again, row->seq);
        c->nagain++;
    }
}


static void
hd_commit_rows(hd_job_t *job, hd_commit_t *c)
{
    hd_row_t     *row;
    ngx_queue_t  *q;

    hd_pg_array_init(&c->ids, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&c->texts, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&c->costs, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&c->opens, HD_PG_BOOL_ARRAY);
    hd_pg_array_init(&c->variants, HD_PG_INT2_ARRAY);
    hd_pg_array_init(&c->again, HD_PG_INT4_ARRAY);
    c->n = 0;
    c->nagain = 0;

    /* in the order of their numbers, as they were read */

    for (q = ngx_queue_head(&job->read);
         q != ngx_queue_sentinel(&job->read);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);

        if ((c->n && row->seq - c->from >= HD_SEND_SPAN)
            || !hd_commit_attempt(job, row))
        {
            break;
        }

        hd_commit_row_add(c, row);
    }

    job->asked = c->n;
}


static void
hd_commit_free(hd_commit_t *c)
{
    hd_pg_array_free(&c->ids);
    hd_pg_array_free(&c->texts);
    hd_pg_array_free(&c->costs);
    hd_pg_array_free(&c->opens);
    hd_pg_array_free(&c->variants);
    hd_pg_array_free(&c->again);
}


static void
hd_commit_turned(hd_job_t *job, hd_pg_unit_t *u)
{
    if (job->skipped.n) {
        hd_pg_stmt(u, HD_Q_RANGE_SKIP);
        hd_pg_uuid(u, &job->grant.batch);
        hd_pg_array(u, &job->skipped.seq);
        hd_pg_array(u, &job->skipped.reason);
        hd_pg_int(u, hd_send.conf.slot * 2);
    }

    if (job->deferred.n) {
        hd_pg_stmt(u, HD_Q_RANGE_DEFER);
        hd_pg_uuid(u, &job->grant.batch);
        hd_pg_array(u, &job->deferred.seq);
        hd_pg_array(u, &job->deferred.reason);
        hd_pg_array(u, &job->deferred.until);
    }
}


static void
hd_commit_sending(hd_job_t *job, hd_pg_unit_t *u, hd_commit_t *c)
{
    u_char        category[2];
    hd_limits_t  *l;

    l = &job->limits;

    if (c->nagain) {
        hd_pg_stmt(u, HD_Q_RANGE_AGAIN);
        hd_pg_uuid(u, &job->grant.batch);
        hd_pg_array(u, &c->again);
        hd_pg_int(u, hd_send.conf.slot * 2);
    }

    hd_sent_stmt(job, u);
    hd_limits_stmt(job, u);

    category[0] = job->content.category;
    category[1] = '\0';

    hd_pg_stmt(u, HD_Q_RANGE_SENDING);
    job->at_sending = u->nstmts - 1;

    hd_pg_uuid(u, &job->grant.batch);
    hd_pg_uuid(u, &job->grant.account);
    hd_pg_int(u, job->grant.fence);
    hd_pg_int(u, c->from);
    hd_pg_array(u, &c->ids);
    hd_pg_array(u, &c->texts);
    hd_pg_bool(u, job->content.single);
    hd_pg_z(u, (char *) category);
    hd_pg_array(u, &c->costs);
    hd_pg_text_null(u, &l->portfolio);
    hd_pg_array(u, &c->opens);

    hd_limits_date(u, &l->day, l->daily_cap >= 0);
    hd_pg_int(u, hd_send.conf.slot * 2);
    hd_pg_array(u, &c->variants);
    hd_pg_int(u, c->to);
    hd_pg_int(u, c->n);
}


void
hd_job_commit(hd_job_t *job)
{
    ngx_int_t      rc;
    hd_commit_t    c;
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_send.conf.pg, hd_job_confirmed, hd_job_committed, job);
    if (u == NULL) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    u->patient = 1;

    job->broke = 0;
    job->confirmed = 0;
    job->at_hold = NGX_CONF_UNSET_UINT;
    job->at_sending = NGX_CONF_UNSET_UINT;
    job->links_asked = job->links_put;

    hd_pg_org(u, &job->grant.org);
    hd_commit_rows(job, &c);
    hd_commit_turned(job, u);

    if (c.n) {
        hd_commit_sending(job, u, &c);
    }

    if (c.n || job->skipped.n || job->deferred.n) {
        rc = hd_pg_submit(u);

    } else {
        /* no attempt to be had, against our own count */
        hd_pg_discard(u);
        rc = NGX_BUSY;
    }

    hd_commit_free(&c);

    if (rc != NGX_OK) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    job->busy = 1;
}


/* answers are few and nearly in the queue's order: each search goes on from
 * the last one's end */
static hd_row_t *
hd_commit_find(hd_job_t *job, ngx_queue_t **at, uint32_t seq)
{
    hd_row_t     *row;
    ngx_queue_t  *start;

    start = *at;

    do {
        if (*at != ngx_queue_sentinel(&job->read)) {
            row = ngx_queue_data(*at, hd_row_t, queue);

            if (row->seq == seq) {
                return row;
            }
        }

        *at = ngx_queue_next(*at);

    } while (*at != start);

    return NULL;
}


/* all that were asked for: those that hold an attempt */
static void
hd_commit_confirm(hd_job_t *job)
{
    hd_row_t     *row;
    ngx_uint_t    n;
    ngx_queue_t  *q;

    q = ngx_queue_head(&job->read);

    for (n = 0; n < job->asked; n++) {
        row = ngx_queue_data(q, hd_row_t, queue);
        row->confirmed = 1;
        job->confirmed = 1;
        q = ngx_queue_next(q);
    }
}


/* how many moved; and each of them, when it is not all */
static void
hd_commit_sent(hd_job_t *job, hd_pg_res_t *res)
{
    hd_row_t     *row;
    ngx_uint_t    i;
    ngx_queue_t  *q;

    q = ngx_queue_head(&job->read);

    for (i = 0; i < hd_pg_rows(res); i++) {

        if (!hd_pg_is_null(res, i, 1)) {
            row = hd_commit_find(job, &q,
                                 (uint32_t) hd_pg_value_int(res, i, 1));
            if (row) {
                row->confirmed = 1;
                job->confirmed = 1;
            }

        } else if (hd_pg_value_int(res, i, 0) == (int64_t) job->asked) {
            hd_commit_confirm(job);
            return;
        }
    }
}


/* what a limit said no to */
static void
hd_commit_held(hd_job_t *job, hd_pg_res_t *res)
{
    hd_str_t      reason;
    hd_row_t     *row;
    ngx_uint_t    i;
    ngx_queue_t  *q;

    q = ngx_queue_head(&job->read);

    for (i = 0; i < hd_pg_rows(res); i++) {
        row = hd_commit_find(job, &q,
                             (uint32_t) hd_pg_value_int(res, i, 0));
        if (row == NULL) {
            continue;
        }

        row->held = 1;
        reason = hd_pg_value(res, i, 1);
        job->broke |= hd_str_eq(&reason, "spend_limit");
    }
}


static void
hd_job_confirmed(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_job_t *job = u->data;

    if (index == job->at_sending) {
        hd_commit_sent(job, res);

    } else if (index == job->at_hold) {
        hd_commit_held(job, res);
    }
}


static void
hd_commit_turned_done(hd_job_t *job)
{
    if (job->skipped.n == 0 && job->deferred.n == 0) {
        return;
    }

    hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_skipped,
             job->skipped.n);
    hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_deferred,
             job->deferred.n);

    if (job->deferred.n) {
        hd_mail_send(hd_send.conf.shm, HD_MAIL_STRAYS, &job->grant.org,
                     &job->grant.batch);
    }

    hd_turned_reset(&job->skipped);
    hd_turned_reset(&job->deferred);
    hd_dirty_mark(hd_send.conf.shm, &job->grant.org, &job->grant.batch);
}


/* a row that was asked for goes on, or is left to whoever has it */
static void
hd_commit_row(hd_job_t *job, hd_row_t *row, ngx_uint_t sure)
{
    if (!sure || (row->confirmed && hd_send.quitting)) {
        hd_row_outcome(row, HD_SETTLE_RETURN, 0, NULL);
        return;
    }

    if (row->confirmed) {
        ngx_queue_insert_tail(&job->ready, &row->queue);
        return;
    }

    if (row->held) {
        hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_deferred, 1);
        hd_mail_send(hd_send.conf.shm, HD_MAIL_STRAYS, &job->grant.org,
                     &job->grant.batch);

    } else {
        hd_count(hd_send.conf.shm, hd_send.conf.slot,
                 HD_COUNT_fence_refused, 1);
    }

    hd_job_drop(row);
}


/*
 * The money is not enough for all of the range: while some of it still is for
 * a few, the next range may have such ones too.  What is confirmed goes, for
 * its money is counted.
 */
static void
hd_commit_broke(hd_job_t *job)
{
    hd_campaign_t  sh;

    if (!job->broke || job->content.single) {
        return;
    }

    if (job->confirmed
        && hd_campaign_read(hd_send.conf.shm, job->grant.campaign, &sh)
        && hd_uuid_eq(&sh.batch, &job->grant.batch)
        && sh.next <= sh.audience)
    {
        return;
    }

    hd_effect_broadcast(job, "spend_limit",
                        "The spend limit of the organisation is reached.");
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
                      "herald: attempts could not be committed: SQLSTATE %s "
                      "in statement %ui", u->sqlstate, u->failed);
    }

    hd_sent_done(job, outcome == HD_PG_OK);

    if (outcome == HD_PG_OK) {
        hd_commit_broke(job);
        hd_commit_turned_done(job);

    } else if (outcome != HD_PG_UNKNOWN) {
        /* nothing happened: the rows wait with their attempts, unwritten */
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    /*
     * Of the rows that were asked for (they hold an attempt), the confirmed go
     * on.  The others are somebody else's, or paused, or of an older fence, or
     * put off by a limit; after HD_PG_UNKNOWN none is sure, so all are given
     * back: RETURN moves a row that is sending under our fence back to the
     * queue, and no other.  Skips that are not sure are sent again: they move
     * only what is queued.
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
        hd_commit_row(job, row, outcome == HD_PG_OK);
    }

    hd_send_step();
    hd_send_wake();
}
