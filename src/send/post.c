/*
 * Ready rows to the provider: the campaign's state, the pair, the campaign's
 * own rate, the number's bucket and breaker, the attempt marked written, the
 * POST.
 *
 * The bucket is asked here, at the moment of writing, because only here is a
 * rate true: whatever came before may have been delayed.
 */

#include "private.h"


#define HD_POST_FULL  INT64_MAX        /* a number has enough on its way */


static void hd_post_paced(hd_timer_t *t, void *data);
static int64_t hd_post_job(hd_job_t *job);
static ngx_int_t hd_post_row(hd_row_t *row);


ngx_int_t
hd_post_init(void)
{
    /* cancelable: it is the jobs that hold a quitting worker */
    hd_timer_init(&hd_send.pace, hd_post_paced, NULL, 1, hd_send.conf.log);

    return NGX_OK;
}


static void
hd_post_paced(hd_timer_t *t, void *data)
{
    hd_post_pump();
}


/*
 * One row of each job in turn, so that a big broadcast does not starve the
 * others; until all wait for their bucket or no connection is free.
 */
void
hd_post_pump(void)
{
    int64_t       wait, w;
    hd_job_t     *job;
    ngx_queue_t  *q, *next;
    ngx_uint_t    progress;

    do {
        progress = 0;
        wait = -1;

        for (q = ngx_queue_head(&hd_send.jobs);
             q != ngx_queue_sentinel(&hd_send.jobs);
             q = next)
        {
            next = ngx_queue_next(q);
            job = ngx_queue_data(q, hd_job_t, queue);

            if (ngx_queue_empty(&job->ready)) {
                continue;
            }

            if (hd_egress_active() >= hd_send.conf.connections) {
                return;
            }

            w = hd_post_job(job);

            if (w == 0) {
                progress = 1;

                /* whose turn it was waits for the others: else the first would
                 * take each token that comes by itself */
                ngx_queue_remove(&job->queue);
                ngx_queue_insert_tail(&hd_send.jobs, &job->queue);

            } else if (w != HD_POST_FULL && (wait < 0 || w < wait)) {
                wait = w;
            }
        }

    } while (progress);

    if (wait > 0) {
        hd_timer_set(&hd_send.pace, (ngx_msec_t) (wait + 999) / 1000);
    }
}


/* one number to one person has its own limit: the row comes back when it may
 * go, and the others go on */
static ngx_uint_t
hd_post_paired(hd_job_t *job, hd_row_t *row)
{
    int64_t  wait;

#ifdef HD_NO_GUARD_PAIR
    return 1;
#endif

    if (row->paired || !job->limits.pair
        || !hd_provider_window(job->provider, &job->account->channel))
    {
        return 1;
    }

    wait = hd_pair_take(hd_send.conf.shm, &job->grant.account,
                        &row->contact_id, hd_mono_us());

    if (wait == 0) {
        row->paired = 1;
        return 1;
    }

    ngx_queue_remove(&row->queue);
    hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_deferred, 1);
    hd_row_later(row, HD_SETTLE_RETURN, 0, "pair_limit",
                 hd_now_us() + wait);

    return 0;
}


/* us to wait for a token of the campaign and of the number; 0: both taken */
static int64_t
hd_post_tokens(hd_job_t *job)
{
    int64_t    wait, now;
    hd_lane_e  lane;

    now = hd_mono_us();
    lane = job->content.single ? HD_LANE_REPLY : HD_LANE_BULK;

    if (job->grant.campaign != HD_NONE) {
        wait = hd_campaign_take(hd_send.conf.shm, job->grant.campaign, now);

        if (wait > 0) {
            return wait;
        }
    }

#ifdef HD_NO_GUARD_BUCKET
    return 0;
#endif

    wait = hd_bucket_take(hd_send.conf.shm, job->grant.bucket, lane, now);

    if (wait > 0 && job->grant.campaign != HD_NONE) {
        hd_campaign_untake(hd_send.conf.shm, job->grant.campaign);
    }

    return wait;
}


static ngx_uint_t
hd_post_runs(hd_job_t *job)
{
#ifdef HD_NO_GUARD_PAUSE
    return 1;
#endif

    return job->grant.campaign == HD_NONE
           || hd_campaign_goes(hd_send.conf.shm, job->grant.campaign,
                               &job->grant.batch);
}


/* 0: a row went its way; else us until this job's bucket has a token */
static int64_t
hd_post_job(hd_job_t *job)
{
    int64_t    wait;
    hd_row_t  *row;

    row = ngx_queue_data(ngx_queue_head(&job->ready), hd_row_t, queue);

    if (!hd_post_runs(job)) {
        ngx_queue_remove(&row->queue);
        hd_row_outcome(row, HD_SETTLE_RETURN, 0, NULL);
        return 0;
    }

    if (!hd_number_may_fly(job->number)) {
        return HD_POST_FULL;
    }

    if (!hd_post_paired(job, row)) {
        return 0;
    }

    wait = hd_post_tokens(job);

    if (wait > 0 && hd_bucket_open(hd_send.conf.shm, job->grant.bucket)) {
        /* nobody answers there: what is held here would only be in the way */
        ngx_queue_remove(&row->queue);
        hd_row_later(row, HD_SETTLE_RETURN, 0, "provider_away",
                     hd_now_us() + wait + ngx_random() % 1000000);
        return 0;
    }

    if (wait > 0) {
        hd_post_waits(job, job->content.single);
        return wait;
    }

    hd_post_waits(job, 0);
    ngx_queue_remove(&row->queue);

    if (hd_post_row(row) != NGX_OK) {
        hd_row_outcome(row, HD_SETTLE_RETURN, 0, NULL);
    }

    return 0;
}


void
hd_post_waits(hd_job_t *job, ngx_uint_t waits)
{
    if (job->waits == waits) {
        return;
    }

    job->waits = waits;
    hd_bucket_waiting(hd_send.conf.shm, job->grant.bucket, waits ? 1 : -1);
}


/* it is on its way: who counts on that */
static void
hd_post_flown(hd_row_t *row)
{
    hd_number_t  *n;

    n = row->job->number;

    if (n->flying++ == 0) {
        n->answered = ngx_current_msec;
    }

    hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_sends, 1);

    if (row->due) {
        hd_bucket_late(hd_send.conf.shm, row->job->grant.bucket,
                       (hd_now_us() - row->due) / 1000);
    }
}


/* for providers that are told with each message where its statuses go */
static ngx_int_t
hd_post_callback(hd_job_t *job, hd_mem_t *mem, hd_str_t *url)
{
    u_char     *p;
    ngx_str_t  *base = &hd_send.conf.public_url;

    hd_str_set(url, "");

    if (base->len == 0 || !job->provider->form) {
        return NGX_OK;
    }

    p = hd_alloc(mem, base->len + sizeof("/hooks//") - 1
                      + job->account->provider.len
                      + job->account->hook_token.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    url->data = p;
    p = ngx_cpymem(p, base->data, base->len);
    p = ngx_cpymem(p, "/hooks/", sizeof("/hooks/") - 1);
    p = ngx_cpymem(p, job->account->provider.data,
                   job->account->provider.len);
    *p++ = '/';
    p = ngx_cpymem(p, job->account->hook_token.data,
                   job->account->hook_token.len);
    url->len = (size_t) (p - url->data);

    return NGX_OK;
}


/* a message is a POST; few of a few providers are not */
static ngx_int_t
hd_post_write(const hd_provider_request_t *request, hd_row_t *row)
{
    hd_egress_request_t  r;

    if (ngx_strcmp(request->method, "POST") == 0) {
        return hd_egress_post(&request->url, request->headers,
                              request->nheaders, &request->body, hd_answer,
                              row);
    }

    ngx_memzero(&r, sizeof(hd_egress_request_t));

    r.method = request->method;
    r.url = request->url;
    r.headers = request->headers;
    r.nheaders = request->nheaders;
    r.body = request->body;

    return hd_egress_request(&r, hd_answer, row);
}


static ngx_int_t
hd_post_row(hd_row_t *row)
{
    u_char                  reference[HD_REFERENCE_LEN];
    hd_mem_t                mem;
    hd_job_t               *job;
    int                     built;
    ngx_int_t               rc;
    hd_account_t            account;
    hd_message_t            m;
    hd_provider_request_t   request;

    job = row->job;
    mem = hd_pool_mem(hd_send.scratch);

    ngx_memzero(&m, sizeof(hd_message_t));
    ngx_memzero(&account, sizeof(hd_account_t));

    hd_account_view(&account, job->account);

    if (hd_post_callback(job, &mem, &account.callback_url) != NGX_OK) {
        return NGX_ERROR;
    }

    hd_reference_format(reference, &job->grant.batch, row->seq);
    m.reference.data = reference;
    m.reference.len = HD_REFERENCE_LEN;

    hd_send_message(row, &mem, &m);

    rc = NGX_ERROR;

    built = job->provider->build(&mem, &account, &m, &request);

    if (built == HD_OK) {
#ifndef HD_NO_GUARD_WRITTEN
        hd_attempt_written(hd_send.conf.shm, row->attempt);
#endif

        rc = hd_post_write(&request, row);

        if (rc == NGX_OK) {
            hd_post_flown(row);
        }

    } else if (built == HD_DECLINED) {
        /* the provider has nothing like it, and never will */
        hd_row_outcome(row, HD_SETTLE_FAILED, HD_CODE_NOT_SENDABLE,
                       "payload");
        rc = NGX_OK;
    }

    ngx_reset_pool(hd_send.scratch);

    return rc;
}
