/*
 * Taken messages that wait for their statuses.
 *
 * Invariants
 *   1. A record is in exactly one place: a slot of the wheel, or its number's
 *      ready list.
 *   2. A record in the wheel has a stage to do; its slot is that of the
 *      earliest one, rounded up to a tick, and never a slot already passed.
 *   3. hd_sb.records counts both places.  The tick's timer is set whenever
 *      there is a record or a job, and only then: an idle worker has none.
 *   4. A number's pending counter holds its records' stages to do and its
 *      jobs' events.
 *
 * The ready list is also where records wait while the number is held or its
 * receiver is slow; their later stages fall due there and go out together.
 */

#include "sandbox.h"


#define HD_SB_LATE  5000               /* ms, by a magic recipient */


static void hd_sb_wheel_insert(hd_sb_record_t *rec);
static void hd_sb_wheel_turn(void);
static void hd_sb_tick(ngx_event_t *ev);
static ngx_int_t hd_sb_next_stage(hd_sb_record_t *rec);


uint32_t
hd_sb_now(void)
{
    return (uint32_t) (ngx_current_msec - hd_sb.base);
}


void
hd_sb_new_key(u_char key[9])
{
    hd_sb.serial++;

    ngx_memcpy(key, hd_sb.key, 5);
    key[5] = (u_char) (hd_sb.serial >> 24);
    key[6] = (u_char) (hd_sb.serial >> 16);
    key[7] = (u_char) (hd_sb.serial >> 8);
    key[8] = (u_char) hd_sb.serial;
}


/* the provider's form: framing bytes, the phone, 18 hex digits, in base64 */

size_t
hd_sb_wamid(u_char *out, const hd_str_t *digits, const u_char *key)
{
    u_char      raw[64], *p;
    size_t      len;
    ngx_str_t   src, dst;

    static u_char  hex[] = "0123456789ABCDEF";

    len = ngx_min(digits->len, 20);
    p = raw;

    *p++ = 0x1c;
    *p++ = 0x18;
    *p++ = (u_char) len;
    p = ngx_cpymem(p, digits->data, len);
    p = ngx_cpymem(p, "\x15\x02\x00\x11\x18\x12", 6);

    for (len = 0; len < 9; len++) {
        *p++ = hex[key[len] >> 4];
        *p++ = hex[key[len] & 15];
    }

    *p++ = 0;

    src.data = raw;
    src.len = p - raw;
    dst.data = ngx_cpymem(out, "wamid.", 6);
    ngx_encode_base64(&dst, &src);

    return 6 + dst.len;
}


hd_sb_record_t *
hd_sb_record_create(hd_sb_number_t *number, const hd_str_t *to,
    const hd_str_t *ref)
{
    size_t           i, len;
    hd_sb_record_t  *rec;

    /* what pads the struct's end is room for the reference already */

    len = ngx_max(offsetof(hd_sb_record_t, ref) + ref->len,
                  sizeof(hd_sb_record_t));

    rec = ngx_alloc(len, ngx_cycle->log);
    if (rec == NULL) {
        return NULL;
    }

    ngx_memzero(rec, sizeof(hd_sb_record_t));

    rec->number = number;
    rec->to_len = (uint8_t) to->len;

    for (i = 0; i < to->len; i++) {
        rec->to = rec->to * 10 + (to->data[i] - '0');
    }

    if (ref->len > 0) {
        ngx_memcpy(rec->ref, ref->data, ref->len);
        rec->ref_len = (uint16_t) ref->len;
    }

    hd_sb_new_key(rec->key);
    hd_sb.records++;

    return rec;
}


hd_sb_record_t *
hd_sb_record_copy(hd_sb_number_t *number, const hd_sb_record_t *like)
{
    size_t           len;
    hd_sb_record_t  *rec;

    len = ngx_max(offsetof(hd_sb_record_t, ref) + like->ref_len,
                  sizeof(hd_sb_record_t));

    rec = ngx_alloc(len, ngx_cycle->log);
    if (rec == NULL) {
        return NULL;
    }

    ngx_memcpy(rec, like, len);
    rec->number = number;
    rec->next = NULL;
    rec->todo = 0;
    rec->code = 0;

    hd_sb.records++;

    return rec;
}


void
hd_sb_record_start(hd_sb_record_t *rec)
{
    hd_sb_number_pending(rec->number, __builtin_popcount(rec->todo));
    hd_sb_tick_start();
    hd_sb_wheel_insert(rec);
}


/* delivered, read and replied to, as far as chance and the plan let it */

static void
hd_sb_record_life(hd_sb_record_t *rec, uint32_t at, int plan)
{
    hd_sb_range_t      reply;
    hd_sb_settings_t  *set;

    set = &rec->number->set;

    if (plan == HD_SB_PLAN_SENT
        || (plan == HD_SB_PLAN_USUAL && hd_sb_random() >= set->delivered_rate))
    {
        return;
    }

    at += (uint32_t) hd_sb_pick(&set->latency[HD_SB_DELIVERED]);
    rec->due[HD_SB_STAGE_DELIVERED] = at;
    rec->todo |= 1 << HD_SB_STAGE_DELIVERED;

    if (plan == HD_SB_PLAN_DELIVERED || plan == HD_SB_PLAN_LATE_FAILURE
        || (plan != HD_SB_PLAN_REPLIED && plan != HD_SB_PLAN_REVERSED
            && hd_sb_random() >= set->read_rate))
    {
        return;
    }

    at += (uint32_t) hd_sb_pick(&set->latency[HD_SB_READ]);
    rec->due[HD_SB_STAGE_READ] = at;
    rec->todo |= 1 << HD_SB_STAGE_READ;

    if (plan == HD_SB_PLAN_REVERSED || hd_sb_random() < set->reorder) {
        rec->due[HD_SB_STAGE_READ] = rec->due[HD_SB_STAGE_DELIVERED];
        rec->due[HD_SB_STAGE_DELIVERED] = at;
    }

    if (plan == HD_SB_PLAN_REPLIED || hd_sb_random() < set->reply_rate) {
        reply.min = 500;
        reply.max = 2500;
        rec->due[HD_SB_STAGE_REPLY] = at + (uint32_t) hd_sb_pick(&reply);
        rec->todo |= 1 << HD_SB_STAGE_REPLY;
    }
}


void
hd_sb_record_plan(hd_sb_record_t *rec, ngx_msec_t answer_delay, int plan)
{
    uint32_t           at;
    hd_sb_settings_t  *set;

    set = &rec->number->set;
    at = hd_sb_now() + (uint32_t) answer_delay;

    if (set->nplan > 0 && plan == HD_SB_PLAN_USUAL && rec->code == 0) {
        hd_sb_status_plan(rec, at);
        return;
    }

    at += (uint32_t) hd_sb_pick(&set->latency[HD_SB_SENT]);

    if (plan == HD_SB_PLAN_LATE) {
        at += HD_SB_LATE;
    }

    rec->due[HD_SB_STAGE_SENT] = at;
    rec->todo = 1 << HD_SB_STAGE_SENT;

    if (rec->code != 0) {
        /* "failed" alone, when it would have been delivered */
        rec->due[HD_SB_STAGE_SENT] =
            at + (uint32_t) hd_sb_pick(&set->latency[HD_SB_DELIVERED]);

    } else {
        hd_sb_record_life(rec, at, plan);
        hd_sb_status_strange(rec, plan);
    }

    hd_sb_record_start(rec);
}


void
hd_sb_record_free(hd_sb_record_t *rec)
{
    if (rec->todo != 0) {
        hd_sb_number_pending(rec->number, -__builtin_popcount(rec->todo));
    }

    hd_sb.records--;
    ngx_free(rec);
}


/* the stage to do that falls due first; -1 when all are done */

static ngx_int_t
hd_sb_next_stage(hd_sb_record_t *rec)
{
    ngx_int_t  i, best;

    best = -1;

    for (i = HD_SB_STAGE_SENT; i <= HD_SB_STAGE_REPLY; i++) {
        if ((rec->todo & (1 << i))
            && (best < 0 || rec->due[i] < rec->due[best]))
        {
            best = i;
        }
    }

    return best;
}


static uint32_t
hd_sb_due_tick(hd_sb_record_t *rec)
{
    return (rec->due[hd_sb_next_stage(rec)] + HD_SB_TICK - 1) / HD_SB_TICK;
}


static void
hd_sb_wheel_insert(hd_sb_record_t *rec)
{
    uint32_t        tick;
    hd_sb_slot_t   *slot;

    tick = hd_sb_due_tick(rec);

    if (tick <= hd_sb.wheel_at) {
        tick = hd_sb.wheel_at + 1;
    }

    slot = &hd_sb.wheel[tick & (HD_SB_WHEEL - 1)];

    rec->next = NULL;
    *slot->last = rec;
    slot->last = &rec->next;
}


static void
hd_sb_wheel_turn(void)
{
    uint32_t         tick;
    hd_sb_slot_t    *slot;
    hd_sb_record_t  *rec, *next;
    hd_sb_number_t  *n;

    tick = hd_sb_now() / HD_SB_TICK;

    if (tick - hd_sb.wheel_at > HD_SB_WHEEL) {
        hd_sb.wheel_at = tick - HD_SB_WHEEL;
    }

    while (hd_sb.wheel_at < tick) {
        hd_sb.wheel_at++;
        slot = &hd_sb.wheel[hd_sb.wheel_at & (HD_SB_WHEEL - 1)];

        rec = slot->head;
        slot->head = NULL;
        slot->last = &slot->head;

        for ( /* void */ ; rec != NULL; rec = next) {
            next = rec->next;
            rec->next = NULL;
            n = rec->number;

            if (n->set.sockaddr == NULL) {
                hd_sb_record_free(rec);

            } else if (hd_sb_due_tick(rec) > tick) {
                /* a later turn of the wheel */
                *slot->last = rec;
                slot->last = &rec->next;

            } else {
                *n->ready_last = rec;
                n->ready_last = &rec->next;
                hd_sb_number_activate(n);
            }
        }
    }
}


void
hd_sb_tick_start(void)
{
    if (hd_sb.tick.timer_set || (hd_sb.records == 0 && hd_sb.jobs == 0)) {
        return;
    }

    if (!hd_sb.ticking) {
        /* from rest: the wheel is empty and need not be turned to now */
        hd_sb.ticking = 1;
        hd_sb.wheel_at = hd_sb_now() / HD_SB_TICK;
    }

    hd_sb.ident[3] = (void *) -1;
    hd_sb.tick.handler = hd_sb_tick;
    hd_sb.tick.data = hd_sb.ident;
    hd_sb.tick.log = ngx_cycle->log;
    hd_sb.tick.cancelable = 1;

    ngx_add_timer(&hd_sb.tick, HD_SB_TICK);
}


static void
hd_sb_tick(ngx_event_t *ev)
{
    hd_sb_number_refresh();
    hd_sb_wheel_turn();
    hd_sb_client_retries();
    hd_sb_client_pump();

    if (hd_sb.records == 0 && hd_sb.jobs == 0) {
        hd_sb.ticking = 0;
        return;
    }

    hd_sb_tick_start();
}


hd_sb_job_t *
hd_sb_record_batch(hd_sb_number_t *n)
{
    uint32_t         now;
    ngx_int_t        stage;
    hd_sb_job_t     *job;
    hd_sb_record_t  *rec;

    job = NULL;
    now = hd_sb_now();

    while ((rec = n->ready) != NULL) {

        stage = hd_sb_next_stage(rec);

        if (stage >= 0 && rec->due[stage] <= now) {

            if (job != NULL
                && (n->set.waha || n->set.twilio
                    || job->statuses >= (ngx_uint_t) n->set.batch))
            {
                break;
            }

            if (stage == HD_SB_STAGE_REPLY) {
                rec->todo &= ~(1 << stage);
                hd_sb_number_pending(n, -1);
                hd_sb_webhook_reply(rec);
                continue;
            }

            if (n->set.waha || n->set.twilio) {
                rec->todo &= ~(1 << stage);
                job = n->set.waha ? hd_sb_waha_status(rec, stage)
                                  : hd_sb_twilio_status(rec, stage);

                if (job == NULL) {
                    hd_sb_number_pending(n, -1);
                    return NULL;
                }

                continue;
            }

            if (job == NULL) {
                job = hd_sb_job_create(n);
                if (job == NULL) {
                    return NULL;
                }

                hd_sb_webhook_head(&job->body, n);
                hd_buf_z(&job->body, "\"statuses\":[");

            } else {
                hd_buf_char(&job->body, ',');
            }

            rec->todo &= ~(1 << stage);
            job->statuses++;
            hd_sb_webhook_status(&job->body, rec, stage);
            continue;
        }

        /* nothing more is due */

        n->ready = rec->next;
        if (n->ready == NULL) {
            n->ready_last = &n->ready;
        }

        if (stage < 0) {
            hd_sb_record_free(rec);

        } else {
            hd_sb_wheel_insert(rec);
        }
    }

    if (job != NULL && !n->set.waha && !n->set.twilio) {
        job->pending = job->statuses;
        hd_buf_char(&job->body, ']');
        hd_sb_webhook_tail(&job->body);
    }

    return job;
}


/* No webhooks any more: what waits is forgotten. */

void
hd_sb_record_drop(hd_sb_number_t *n)
{
    ngx_queue_t     *q;
    hd_sb_record_t  *rec;

    while ((rec = n->ready) != NULL) {
        n->ready = rec->next;
        hd_sb_record_free(rec);
    }

    n->ready_last = &n->ready;

    while (!ngx_queue_empty(&n->jobs)) {
        q = ngx_queue_head(&n->jobs);
        ngx_queue_remove(q);
        hd_sb_job_free(ngx_queue_data(q, hd_sb_job_t, queue));
    }
}
