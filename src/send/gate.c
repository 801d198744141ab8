/*
 * The gates that look at one person, in the order in which they are asked.
 * Who does not pass leaves with a reason: skipped for good, or put off until a
 * time.  The gates that count over many (frequency cap, portfolio, money, the
 * number's day) are range_hold's, under its locks; pair, number and campaign
 * are asked at the socket (post.c).
 *
 *   expired           the message came too late to be of use
 *   no_phone          there is nowhere to send it
 *   suppressed        nothing to this phone, whatever it is
 *   opted_out         no marketing, from this number or any
 *   template_…        the provider will not take the template now
 *   window_closed     free words need an inbound message within 24 hours; the
 *                     fallback goes instead, when there is one
 *   outside_hours     the number's own hours (human profile)
 *   quiet_hours       the person's night: marketing, and utility broadcasts
 *   missing_variable  the words would have a hole
 */

#include "private.h"


#define HD_GATE_WINDOW  131047         /* the provider: the window is closed */


void
hd_turned_init(hd_turned_t *t)
{
    hd_pg_array_init(&t->seq, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&t->reason, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&t->until, HD_PG_TIME_ARRAY);
    t->n = 0;
}


void
hd_turned_reset(hd_turned_t *t)
{
    hd_pg_array_reset(&t->seq);
    hd_pg_array_reset(&t->reason);
    hd_pg_array_reset(&t->until);
    t->n = 0;
}


void
hd_turned_free(hd_turned_t *t)
{
    hd_pg_array_free(&t->seq);
    hd_pg_array_free(&t->reason);
    hd_pg_array_free(&t->until);
}


void
hd_gate_turn(hd_turned_t *t, uint32_t seq, const char *reason, int64_t until)
{
    hd_str_t  s;

    s.data = (u_char *) reason;
    s.len = ngx_strlen(reason);

    hd_pg_array_int(&t->seq, seq);
    hd_pg_array_text(&t->reason, &s);
    hd_pg_array_time(&t->until, until);
    t->n++;
}


/*
 * A row that was tried before may be queued again while the worker that tried
 * it does not know yet that its outcome is committed.  That worker will send
 * the outcome once more, which must not meet a new attempt under the same
 * fence.  Left alone, the row is granted again.
 */
static ngx_uint_t
hd_gate_tried(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t i, uint32_t seq)
{
    return !hd_pg_is_null(res, i, 10)
           && hd_attempt_known(hd_send.conf.shm, &job->grant.batch, seq);
}


static ngx_uint_t
hd_gate_true(hd_pg_res_t *res, ngx_uint_t i, ngx_uint_t col)
{
    return !hd_pg_is_null(res, i, col)
           && hd_pg_value(res, i, col).data[0] == 't';
}


/* why this person never gets it; NULL: nothing speaks against it */
static const char *
hd_gate_skip(hd_job_t *job, hd_row_t *row, hd_pg_res_t *res, ngx_uint_t i)
{
    hd_content_t  *c;

    c = &job->content;

#ifndef HD_NO_GUARD_EXPIRY
    if (c->expires && hd_now_us() >= c->expires) {
        return "expired";
    }
#endif

    if (hd_pg_is_null(res, i, 3)) {
        return "no_phone";
    }

#ifndef HD_NO_GUARD_SUPPRESSION
    if (hd_gate_true(res, i, 14)) {
        return "suppressed";
    }
#endif

#ifndef HD_NO_GUARD_OPT_OUT
    if (c->category == 'm'
        && (hd_gate_true(res, i, 4) || hd_gate_true(res, i, 13)))
    {
        return "opted_out";
    }
#endif

    if (c->blocked && c->single) {
        return c->blocked;
    }

#ifndef HD_NO_GUARD_WINDOW
    if (!c->templated
        && hd_provider_window(job->provider, &job->account->channel)
        && (!hd_gate_true(res, i, 16)
            || hd_pg_value_int(res, i, 19) == HD_GATE_WINDOW))
    {
        if (c->fallback == NULL) {
            return "window_closed";
        }

        row->fallback = 1;
    }
#endif

    return NULL;
}


/* until when it waits, and why; 0: it may go now */
static int64_t
hd_gate_defer(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t i,
    const char **reason)
{
    if (job->limits.hours_until) {
        *reason = "outside_hours";
        return job->limits.hours_until;
    }

#ifndef HD_NO_GUARD_QUIET
    if (!hd_pg_is_null(res, i, 15)
        && (job->content.category == 'm'
            || (job->content.category == 'u' && !job->content.single)))
    {
        *reason = "quiet_hours";
        return hd_pg_value_int(res, i, 15);
    }
#endif

    return 0;
}


static hd_row_t *
hd_gate_new(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t i)
{
    hd_str_t   state, country;
    hd_row_t  *row;

    row = hd_calloc(&job->mem, sizeof(hd_row_t));
    if (row == NULL) {
        return NULL;
    }

    state = hd_pg_value(res, i, 18);
    country = hd_pg_value(res, i, 17);

    row->job = job;
    row->attempt = HD_NONE;
    row->seq = (uint32_t) hd_pg_value_int(res, i, 0);
    row->attempts = (uint32_t) hd_pg_value_int(res, i, 2);
    row->again = hd_str_eq(&state, "unknown");
    row->variant = (uint32_t) ngx_max(hd_pg_value_int(res, i, 12), 0);
    row->words = job->content.words[ngx_min(row->variant,
                                            job->content.nwords - 1)];
    row->opens = job->content.templated && !hd_gate_true(res, i, 16);
    row->cost = hd_limits_cost(job, &country, hd_gate_true(res, i, 16));
    row->due = hd_pg_is_null(res, i, 20) ? 0 : hd_pg_value_int(res, i, 20);

    (void) hd_pg_value_uuid(res, i, 1, &row->contact_id);

    if (hd_pg_is_null(res, i, 10)
        || hd_pg_value_uuid(res, i, 10, &row->message_id) != NGX_OK)
    {
        hd_uuid_v7(&row->message_id, hd_now_us() / 1000);
        row->fresh = 1;
    }

    return row;
}


/* range_read: seq, contact, attempts, phone, opt-out, name, first, last,
 * email, fields, message_id, language, variant, opt-out of the number,
 * suppressed, quiet until, window, country, state, error, due */
hd_row_t *
hd_gate_row(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t i)
{
    int64_t      until;
    uint32_t     seq;
    hd_row_t    *row;
    ngx_int_t    rc;
    const char  *reason;

    seq = (uint32_t) hd_pg_value_int(res, i, 0);

    if (hd_gate_tried(job, res, i, seq)) {
        return NULL;
    }

    row = hd_gate_new(job, res, i);
    if (row == NULL) {
        return NULL;
    }

    reason = hd_gate_skip(job, row, res, i);

    if (reason) {
        hd_gate_turn(&job->skipped, seq, reason, 0);
        return NULL;
    }

    until = hd_gate_defer(job, res, i, &reason);

    if (until) {
        hd_gate_turn(&job->deferred, seq, reason, until);
        return NULL;
    }

    if (hd_content_copy(job, res, i, 3, &row->phone) != NGX_OK) {
        return NULL;
    }

    if (job->content.single) {
        row->text = row->words->body;
        return row;
    }

    rc = hd_render(job, row, res, i);

    if (rc == NGX_DECLINED) {
        hd_gate_turn(&job->skipped, seq, "missing_variable", 0);
    }

    return rc == NGX_OK ? row : NULL;
}
