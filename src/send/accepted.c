/*
 * Rows of broadcasts that went straight: sending, and then accepted.  They are
 * settled by a statement for each grant, over the range of its numbers
 * (settle_accepted), which costs a third of what settle does for whatever may
 * have happened.  A row that it did not move is `odd`, and settle's.
 *
 * A unit holds either these or settle's: both lock rows in the order of their
 * keys, and one behind the other would not.
 */

#include "private.h"


#define HD_ACCEPTED_JOBS  16
#define HD_ACCEPTED_FEW   8            /* fewer of a grant are settle's */


static hd_job_t  *hd_accepted_jobs[HD_ACCEPTED_JOBS];
static hd_row_t  *hd_accepted_places[HD_SEND_SPAN];


static ngx_uint_t
hd_accepted_is_plain(hd_row_t *row)
{
    hd_job_t  *job;

    job = row->job;

    return row->outcome == HD_SETTLE_ACCEPTED && row->reason.len == 0
           && row->provider_id.len && !row->odd && !job->content.single
           && row->seq - job->grant.from < HD_SEND_SPAN;
}


/* in the order in which rows are locked everywhere: batch, number */
static ngx_uint_t
hd_accepted_before(hd_job_t *a, hd_job_t *b)
{
    int  rc;

    rc = ngx_memcmp(a->grant.batch.b, b->grant.batch.b, sizeof(hd_uuid_t));

    return rc < 0 || (rc == 0 && a->grant.from < b->grant.from);
}


static void
hd_accepted_insert(hd_job_t *job, ngx_uint_t n)
{
    while (n && hd_accepted_before(job, hd_accepted_jobs[n - 1])) {
        hd_accepted_jobs[n] = hd_accepted_jobs[n - 1];
        n--;
    }

    hd_accepted_jobs[n] = job;
}


hd_job_t **
hd_accepted_gather(ngx_queue_t *rows, ngx_uint_t *njobs)
{
    hd_job_t     *job;
    hd_row_t     *row;
    ngx_uint_t    i, n, all;
    ngx_queue_t  *q;

    n = 0;
    all = 0;

    for (q = ngx_queue_head(rows);
         q != ngx_queue_sentinel(rows);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);
        row->job->naccepted = 0;
    }

    for (q = ngx_queue_head(rows);
         q != ngx_queue_sentinel(rows);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);
        job = row->job;

        if (!hd_accepted_is_plain(row)
            || (job->naccepted == 0 && n == HD_ACCEPTED_JOBS))
        {
            continue;
        }

        if (job->naccepted++ == 0) {
            job->accepted = NULL;
            hd_accepted_insert(job, n++);
        }

        row->next = job->accepted;
        job->accepted = row;
        all++;
    }

    /* many for each, or those who have many */

    if (all < HD_ACCEPTED_FEW * n) {

        for (i = 0, all = 0; i < n; i++) {
            if (hd_accepted_jobs[i]->naccepted >= HD_ACCEPTED_FEW) {
                hd_accepted_jobs[all++] = hd_accepted_jobs[i];
            }
        }

        n = all;
    }

    *njobs = n;

    return hd_accepted_jobs;
}


/* the job's rows by their numbers; they are taken out again by who asked */
static void
hd_accepted_place(hd_job_t *job, uint32_t *from, uint32_t *to)
{
    hd_row_t  *row;

    *from = HD_SEND_SPAN;
    *to = 0;

    for (row = job->accepted; row; row = row->next) {
        hd_accepted_places[row->seq - job->grant.from] = row;

        *from = ngx_min(*from, row->seq - job->grant.from);
        *to = ngx_max(*to, row->seq - job->grant.from);
    }
}


void
hd_accepted_stmt(hd_pg_unit_t *u, hd_job_t *job)
{
    uint32_t        i, from, to;
    hd_row_t       *row;
    hd_pg_array_t   ids, given;

    hd_pg_array_init(&ids, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&given, HD_PG_TEXT_ARRAY);
    hd_accepted_place(job, &from, &to);

    for (i = from; i <= to; i++) {
        row = hd_accepted_places[i];
        hd_accepted_places[i] = NULL;

        if (row == NULL) {
            hd_pg_array_null(&ids);
            continue;
        }

        row->asked = 1;
        hd_pg_array_text(&ids, &row->provider_id);
        hd_pg_array_text(&given, &row->provider_id);
    }

    hd_pg_stmt(u, HD_Q_SETTLE_ACCEPTED);
    hd_pg_uuid(u, &job->grant.batch);
    hd_pg_int(u, job->grant.from + from);
    hd_pg_int(u, job->grant.from + to);
    hd_pg_array_move(u, &ids);
    hd_pg_int(u, job->grant.fence);
    hd_pg_uuid(u, &job->grant.account);
    hd_pg_int(u, hd_send.conf.slot * 2);
    hd_pg_int(u, job->naccepted);

    hd_pg_stmt(u, HD_Q_PARKED_FIND_OF);
    hd_pg_uuid(u, &job->grant.account);
    hd_pg_array_move(u, &given);
}


/* settle_accepted's: how many moved; and each of them, when it is not all */
void
hd_accepted_result(hd_job_t *job, hd_pg_res_t *res)
{
    uint32_t     i, from, to, seq;
    hd_row_t    *row;
    ngx_uint_t   n;

    for (n = 0; n < hd_pg_rows(res); n++) {
        if (hd_pg_is_null(res, n, 1)
            && hd_pg_value_int(res, n, 0) == (int64_t) job->naccepted)
        {
            return;
        }
    }

    for (row = job->accepted; row; row = row->next) {
        row->odd = 1;
    }

    hd_accepted_place(job, &from, &to);

    for (n = 0; n < hd_pg_rows(res); n++) {
        seq = hd_pg_is_null(res, n, 1)
              ? 0 : (uint32_t) hd_pg_value_int(res, n, 1);
        i = seq - job->grant.from;

        if (seq && i < HD_SEND_SPAN && hd_accepted_places[i]) {
            hd_accepted_places[i]->odd = 0;
        }
    }

    for (i = from; i <= to; i++) {
        hd_accepted_places[i] = NULL;
    }
}
