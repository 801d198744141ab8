/*
 * Ready rows to the provider: the campaign's state, the number's bucket, the
 * attempt marked written, the POST; then the answer to an outcome.
 *
 * The bucket is asked here, at the moment of writing, because only here is a
 * rate true: whatever came before may have been delayed.
 */

#include "private.h"


#define HD_RETRY_MAX_MS  (3600 * 1000)


static void hd_post_paced(hd_timer_t *t, void *data);
static int64_t hd_post_job(hd_job_t *job);
static ngx_int_t hd_post_row(hd_row_t *row);
static void hd_post_done(void *data, const hd_egress_answer_t *a);


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

            } else if (wait < 0 || w < wait) {
                wait = w;
            }
        }

    } while (progress);

    if (wait > 0) {
        hd_timer_set(&hd_send.pace, (ngx_msec_t) (wait + 999) / 1000);
    }
}


/* 0: a row went its way; else µs until this job's bucket has a token */
static int64_t
hd_post_job(hd_job_t *job)
{
    int64_t    wait;
    hd_row_t  *row;

    row = ngx_queue_data(ngx_queue_head(&job->ready), hd_row_t, queue);

#ifndef HD_NO_GUARD_PAUSE
    if (job->grant.campaign != HD_NONE
        && !hd_campaign_running(hd_send.conf.shm, job->grant.campaign,
                                &job->grant.batch))
    {
        ngx_queue_remove(&row->queue);
        hd_row_outcome(row, HD_SETTLE_RETURN, 0, NULL);
        return 0;
    }
#endif

    wait = hd_bucket_take(hd_send.conf.shm, job->grant.bucket,
                          job->content.single ? HD_LANE_REPLY : HD_LANE_BULK,
                          hd_mono_us());
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


/* a single message's template was rendered when it was asked for */
static void
hd_post_payload(hd_mem_t *mem, hd_json_t *t, hd_message_t *m)
{
    size_t      i, n;
    hd_str_t  **list[4];
    hd_json_t  *a, *e;

    const char  *names[] = { "header", "header_names", "params", "names" };

    m->type = HD_MESSAGE_TEMPLATE;
    m->template_name = hd_json_str(t, "name");
    m->language = hd_json_str(t, "language");

    list[0] = &m->header_params;
    list[1] = &m->header_names;
    list[2] = &m->params;
    list[3] = &m->param_names;

    for (n = 0; n < 4; n++) {
        a = hd_json_get(t, names[n]);

        if (a == NULL || a->type != HD_JSON_ARRAY || a->count == 0) {
            continue;
        }

        *list[n] = hd_calloc(mem, a->count * sizeof(hd_str_t));
        if (*list[n] == NULL) {
            return;
        }

        for (e = a->child, i = 0; e; e = e->next, i++) {
            (*list[n])[i] = e->str;
        }

        if (n == 0) {
            m->nheader = i;

        } else if (n == 2) {
            m->nparams = i;
        }
    }
}


static ngx_uint_t
hd_post_positional(const hd_str_t *name)
{
    return ngx_atoi(name->data, name->len) != NGX_ERROR;
}


static void
hd_post_message(hd_row_t *row, hd_mem_t *mem, hd_message_t *m)
{
    hd_job_t      *job;
    hd_content_t  *c;

    job = row->job;
    c = &job->content;

    m->to = row->phone;

    if (c->single && c->payload) {
        hd_post_payload(mem, c->payload, m);
        return;
    }

    if (c->single) {
        m->type = HD_MESSAGE_TEXT;
        m->body = c->body;
        return;
    }

    m->type = HD_MESSAGE_TEMPLATE;
    m->template_name = c->template_name;
    m->language = c->language;
    m->params = row->params;
    m->nparams = c->nnames;
    m->header_params = row->header_params;
    m->nheader = c->nheader;

    if (c->nnames && !hd_post_positional(&c->names[0])) {
        m->param_names = c->names;
    }

    if (c->nheader && !hd_post_positional(&c->header_names[0])) {
        m->header_names = c->header_names;
    }
}


static ngx_int_t
hd_post_row(hd_row_t *row)
{
    u_char                  reference[HD_REFERENCE_LEN];
    hd_mem_t                mem;
    hd_job_t               *job;
    ngx_int_t               rc;
    hd_account_t            account;
    hd_message_t            m;
    hd_provider_request_t   request;

    job = row->job;
    mem = hd_pool_mem(hd_send.scratch);

    ngx_memzero(&m, sizeof(hd_message_t));
    ngx_memzero(&account, sizeof(hd_account_t));

    account.base_url = job->account->base_url;
    account.api_version = job->account->api_version;
    account.number_id = job->account->number_id;
    account.token = job->account->token;
    account.app_secret = job->account->app_secret;
    account.verify_token = job->account->verify_token;

    hd_reference_format(reference, &job->grant.batch, row->seq);
    m.reference.data = reference;
    m.reference.len = HD_REFERENCE_LEN;

    hd_post_message(row, &mem, &m);

    rc = NGX_ERROR;

    if (job->provider->build(&mem, &account, &m, &request) == HD_OK) {
#ifndef HD_NO_GUARD_WRITTEN
        hd_attempt_written(hd_send.conf.shm, row->attempt);
#endif

        rc = hd_egress_post(&request.url, request.headers, request.nheaders,
                            &request.body, hd_post_done, row);

        if (rc == NGX_OK) {
            hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_sends, 1);
        }
    }

    ngx_reset_pool(hd_send.scratch);

    return rc;
}


static void
hd_post_retry(hd_row_t *row, const hd_error_row_t *e, ngx_msec_t retry_after)
{
    uint64_t  ms;

    ms = (uint64_t) e->retry_ms << ngx_min(row->attempts, 12);
    ms = ngx_min(ms, HD_RETRY_MAX_MS);
    ms = ngx_max(ms, (uint64_t) e->retry_ms);
#ifndef HD_NO_GUARD_RETRY_AFTER
    ms = ngx_max(ms, retry_after);
#endif
    ms += ngx_random() % (ms / 4 + 1);

    row->wait_us = (int64_t) ms * 1000;
}


static void
hd_post_rejected(hd_row_t *row, const hd_provider_answer_t *answer,
    ngx_msec_t retry_after)
{
    const hd_error_row_t  *e;

    e = answer->row;

    hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_rejected, 1);

    if (e->class == HD_CLASS_THROTTLE) {
        hd_bucket_slow(hd_send.conf.shm, row->job->grant.bucket,
                       hd_mono_us());
        hd_post_retry(row, e, retry_after);
        hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_retried, 1);
        hd_row_outcome(row, HD_SETTLE_THROTTLED, answer->code, "throttled");
        return;
    }

    if (e->retries && row->attempts < (uint32_t) e->retries) {
        hd_post_retry(row, e, retry_after);
        hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_retried, 1);
        hd_row_outcome(row, HD_SETTLE_RETRY, answer->code,
                       hd_class_name(e->class));
        return;
    }

    hd_row_outcome(row, HD_SETTLE_FAILED, answer->code,
                   hd_class_name(e->class));
}


static void
hd_post_refused(hd_row_t *row, const hd_egress_answer_t *a)
{
    hd_error_row_t  e;

    if (a->outcome == HD_EGRESS_FORBIDDEN) {
        hd_row_outcome(row, HD_SETTLE_FAILED, 0, "address_forbidden");
        return;
    }

    ngx_memzero(&e, sizeof(hd_error_row_t));
    e.retry_ms = 1000;

    if (row->attempts >= 12) {
        hd_row_outcome(row, HD_SETTLE_FAILED, 0, "provider_unreachable");
        return;
    }

    hd_post_retry(row, &e, 0);
    hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_retried, 1);
    hd_row_outcome(row, HD_SETTLE_RETRY, 0, "provider_unreachable");
}


static void
hd_post_done(void *data, const hd_egress_answer_t *a)
{
    hd_row_t *row = data;

    hd_job_t              *job;
    hd_provider_answer_t   answer;

    if (hd_send.over) {
        return;
    }

    job = row->job;

    switch (a->outcome) {

    case HD_EGRESS_REFUSED:
    case HD_EGRESS_FORBIDDEN:
        hd_post_refused(row, a);
        break;

    case HD_EGRESS_LOST:
        hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_unknown, 1);
        hd_row_outcome(row, HD_SETTLE_UNKNOWN, 0, "no_answer");
        break;

    case HD_EGRESS_ANSWERED:
        ngx_memzero(&answer, sizeof(hd_provider_answer_t));
        job->provider->answer(&job->mem, a->status, &a->body, &answer);

        if (answer.outcome == HD_OUTCOME_ACCEPTED) {
            hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_accepted,
                     1);
            (void) hd_str_dup(&job->mem, &answer.provider_id,
                              &row->provider_id);
            hd_row_outcome(row, HD_SETTLE_ACCEPTED, 0, NULL);

        } else if (answer.outcome == HD_OUTCOME_REJECTED) {
            hd_post_rejected(row, &answer, a->retry_after);

        } else {
            hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_unknown,
                     1);
            hd_row_outcome(row, HD_SETTLE_UNKNOWN, 0, "unreadable_answer");
        }
    }

    hd_post_pump();
}
