/*
 * The provider's answer to an outcome, by the class of its error (the table in
 * provider/errors.c): again later, or never, or the number, the template or
 * all marketing stops.
 */

#include "private.h"


#define HD_RETRY_MAX_MS   (3600 * 1000)
#define HD_REFUSED_TRIES  12


/* when a class of error is tried again: its first delay, doubled by every
 * attempt (a pair's: by four), at least what the provider asked for, and a
 * quarter of it spread */
static int64_t
hd_answer_next(hd_row_t *row, const hd_error_row_t *e,
    ngx_msec_t retry_after)
{
    uint64_t    ms;
    ngx_uint_t  shift;

    shift = ngx_min(row->attempts, 12);

    if (e->class == HD_CLASS_PAIR_THROTTLE) {
        shift = ngx_min(2 * shift, 12);
    }

    ms = (uint64_t) e->retry_ms << shift;
    ms = ngx_min(ms, HD_RETRY_MAX_MS);
    ms = ngx_max(ms, (uint64_t) e->retry_ms);
#ifndef HD_NO_GUARD_RETRY_AFTER
    ms = ngx_max(ms, retry_after);
#endif
    ms += ngx_random() % (ms / 4 + 1);

    return hd_now_us() + (int64_t) ms * 1000;
}


/* again at its time, unless that is too late for it to be of use */
static void
hd_answer_retry(hd_row_t *row, hd_settle_e outcome, const hd_error_row_t *e,
    int code, const char *reason, ngx_msec_t retry_after)
{
    int64_t  next;

    next = hd_answer_next(row, e, retry_after);

    if (row->job->content.expires && next >= row->job->content.expires) {
        hd_row_outcome(row, HD_SETTLE_FAILED, code, "expired");
        return;
    }

    hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_retried, 1);
    hd_row_later(row, outcome, code, reason, next);
}


/* what stops is looked at again when somebody has mended it; a single message
 * has nobody who waits for that */
static void
hd_answer_stopped(hd_row_t *row, const hd_error_row_t *e, int code)
{
    if (row->job->content.single
        && e->class != HD_CLASS_ACCOUNT && e->class != HD_CLASS_AUTH)
    {
        hd_row_outcome(row, HD_SETTLE_FAILED, code,
                       hd_class_name(e->class));
        return;
    }

    hd_row_later(row, HD_SETTLE_THROTTLED, code, hd_class_name(e->class),
                 hd_now_us());
}


static void
hd_answer_rejected(hd_row_t *row, const hd_provider_answer_t *answer,
    ngx_msec_t retry_after)
{
    int                    code;
    const hd_error_row_t  *e;

    e = answer->row;
    code = answer->code;

    hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_rejected, 1);
    (void) hd_str_dup(&row->job->mem, &answer->detail, &row->detail);

    switch (e->class) {

    case HD_CLASS_THROTTLE:
        hd_bucket_slow(hd_send.conf.shm, row->job->grant.bucket,
                       hd_mono_us());
        hd_answer_retry(row, HD_SETTLE_THROTTLED, e, code, "throttle",
                        retry_after);
        return;

    case HD_CLASS_PAIR_THROTTLE:
        hd_pair_block(hd_send.conf.shm, &row->job->grant.account,
                      &row->contact_id, hd_mono_us(),
                      (int64_t) e->retry_ms * 1000);
        break;

    case HD_CLASS_ACCOUNT:
    case HD_CLASS_AUTH:
        hd_effect_account(row, e, code);
        hd_answer_stopped(row, e, code);
        return;

    case HD_CLASS_NUMBER_RISK:
        hd_effect_marketing(row, e, code);

        if (row->job->content.category == 'm') {
            hd_answer_stopped(row, e, code);
            return;
        }

        break;

    case HD_CLASS_TEMPLATE:
        if (row->attempts < (uint32_t) e->retries) {
            break;
        }

        hd_effect_template(row, e, code);
        hd_answer_stopped(row, e, code);
        return;

    case HD_CLASS_OPTED_OUT:
        hd_effect_opt_out(row);
        break;

    case HD_CLASS_MEDIA:
        hd_media_forget(row);
        break;

    case HD_CLASS_WINDOW:
        if (row->job->content.fallback && !row->fallback) {
            hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_retried,
                     1);
            hd_row_later(row, HD_SETTLE_RETRY, code, "window", hd_now_us());
            return;
        }

        break;

    default:
        break;
    }

    if (e->retries && row->attempts < (uint32_t) e->retries) {
        hd_answer_retry(row, HD_SETTLE_RETRY, e, code,
                        hd_class_name(e->class), retry_after);
        return;
    }

    hd_row_outcome(row, HD_SETTLE_FAILED, code, hd_class_name(e->class));
}


static void
hd_answer_refused(hd_row_t *row, const hd_egress_answer_t *a)
{
    hd_error_row_t  e;

    row->detail.data = (u_char *) a->error;
    row->detail.len = ngx_strlen(a->error);
    (void) hd_str_dup(&row->job->mem, &row->detail, &row->detail);

    if (a->outcome == HD_EGRESS_FORBIDDEN) {
        hd_row_outcome(row, HD_SETTLE_FAILED, 0, "address_forbidden");
        return;
    }

    ngx_memzero(&e, sizeof(hd_error_row_t));
    e.retry_ms = 1000;

    if (row->attempts >= HD_REFUSED_TRIES) {
        hd_row_outcome(row, HD_SETTLE_FAILED, 0, "provider_unreachable");
        return;
    }

    hd_answer_retry(row, HD_SETTLE_RETRY, &e, 0, "provider_unreachable", 0);
}


static void
hd_answer_unknown(hd_row_t *row, const char *reason)
{
    hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_unknown, 1);
    hd_row_later(row, HD_SETTLE_UNKNOWN, 0, reason,
                 hd_limits_unknown(row->job));
}


/* the number's concurrency and its breaker */
static void
hd_answer_number(hd_row_t *row, const hd_egress_answer_t *a)
{
    ngx_uint_t    answered;
    hd_number_t  *n;

    n = row->job->number;
    n->flying--;

    if (a->outcome == HD_EGRESS_FORBIDDEN) {
        return;
    }

    answered = (a->outcome == HD_EGRESS_ANSWERED && a->status < 500);

    if (answered) {
        n->answered = ngx_current_msec;
    }

#ifdef HD_NO_GUARD_BREAKER
    return;
#endif

    if (hd_bucket_result(hd_send.conf.shm, row->job->grant.bucket, answered,
                         hd_mono_us()))
    {
        hd_count(hd_send.conf.shm, hd_send.conf.slot,
                 HD_COUNT_breaker_opened, 1);
        ngx_log_error(NGX_LOG_WARN, hd_send.conf.log, 0,
                      "herald: the provider of a number gives no answer, it "
                      "is asked every %d seconds", HD_BREAKER_PROBE / 1000);
    }
}


void
hd_answer(void *data, const hd_egress_answer_t *a)
{
    hd_row_t *row = data;

    hd_job_t              *job;
    hd_provider_answer_t   answer;

    if (hd_send.over) {
        return;
    }

    job = row->job;

    hd_answer_number(row, a);

    switch (a->outcome) {

    case HD_EGRESS_REFUSED:
    case HD_EGRESS_FORBIDDEN:
        hd_answer_refused(row, a);
        break;

    case HD_EGRESS_LOST:
        hd_answer_unknown(row, "no_answer");
        break;

    case HD_EGRESS_ANSWERED:
        ngx_memzero(&answer, sizeof(hd_provider_answer_t));
        job->provider->answer(&job->mem, a->status, &a->body, &answer);

        if (answer.outcome == HD_OUTCOME_ACCEPTED) {
            hd_count(hd_send.conf.shm, hd_send.conf.slot, HD_COUNT_accepted,
                     1);
            (void) hd_str_dup(&job->mem, &answer.provider_id,
                              &row->provider_id);
            hd_row_outcome(row, HD_SETTLE_ACCEPTED, 0,
                           row->fallback ? "fallback" : NULL);

        } else if (answer.outcome == HD_OUTCOME_REJECTED) {
            hd_answer_rejected(row, &answer, a->retry_after);

        } else {
            hd_answer_unknown(row, "unreadable_answer");
        }
    }

    hd_post_pump();
}
