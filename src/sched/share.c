/*
 * Shares: how much of a number each broadcast gets, and whose turn it is.
 *
 * A number's window (what may be out at once) is divided evenly among the
 * broadcasts that want to use it now; a broadcast's own rate bounds its part.
 * What one leaves unused the others get nevertheless: the rate is kept by the
 * bucket in the workers, a window only has to be long enough to keep it busy.
 *
 * Organisations take turns, one grant each, so that one with a hundred
 * broadcasts gets no more of the workers than one with a single one; within an
 * organisation its broadcasts take turns.  Both lists are kept in the order of
 * who was served longest ago, so the order goes on from one pump to the next.
 * Of all that have no limit each worker holds 1,500 rows at most, in smaller
 * pieces when they are many: who comes later must not find everything given
 * away.
 *
 * A pump does work for each broadcast and for each grant, never for one times
 * the other.
 */

#include "private.h"


static void hd_share_window(hd_camp_t *c);


static ngx_queue_t  hd_share_ready;    /* turns with somebody ready */


uint32_t
hd_share_size(hd_camp_t *c)
{
    return c->share_milli == 0 ? hd_sched.bulk_size
           : ngx_min(ngx_max(c->share_milli / 8000, 1), HD_GRANT_MOST);
}


void
hd_share_join(hd_camp_t *c)
{
    hd_turn_t  *t;

    ngx_queue_init(&c->ready);

    t = hd_table_find(&hd_sched.turns, &c->org);

    if (t == NULL) {
        t = ngx_calloc(sizeof(hd_turn_t), hd_sched.conf.log);

        if (t == NULL) {
            return;                    /* it is never ready */
        }

        t->node.id = c->org;
        ngx_queue_init(&t->ready);

        hd_table_add(&hd_sched.turns, &t->node);
        ngx_queue_insert_head(&hd_sched.turn_list, &t->queue);
    }

    t->camps++;
    c->turn = t;
}


void
hd_share_leave(hd_camp_t *c)
{
    hd_turn_t  *t;

    t = c->turn;

    if (t == NULL) {
        return;
    }

    ngx_queue_remove(&c->ready);
    ngx_queue_init(&c->ready);
    c->turn = NULL;

    if (--t->camps == 0) {
        hd_table_remove(&hd_sched.turns, &t->node);
        ngx_queue_remove(&t->queue);
        ngx_free(t);
    }
}


/* something of it is to be given, or is out */
static ngx_uint_t
hd_share_wants(hd_camp_t *c)
{
    return c->sh.state == HD_CAMPAIGN_RUNNING
           && (c->rows || !hd_camp_at_end(c));
}


static void
hd_share_ended(hd_camp_t *c)
{
    uint32_t  n;

    n = (c->last_rows > c->rows) ? c->last_rows - c->rows : 0;

    c->ended += n;
    hd_sched.ended[c->sh.bucket] += n;
}


/* the campaigns' copies of shared memory have been made */
void
hd_share_begin(void)
{
    uint32_t      k, bulk;
    hd_camp_t    *c;
    hd_turn_t    *t;
    ngx_queue_t  *q;

    ngx_memzero(hd_sched.sharing, sizeof(hd_sched.sharing));
    bulk = 0;

    for (q = ngx_queue_head(&hd_sched.camp_list);
         q != ngx_queue_sentinel(&hd_sched.camp_list);
         q = ngx_queue_next(q))
    {
        c = ngx_queue_data(q, hd_camp_t, queue);

        ngx_queue_remove(&c->ready);
        ngx_queue_init(&c->ready);

        if (hd_share_wants(c) && c->sh.bucket < HD_BUCKETS) {
            hd_share_ended(c);
            hd_sched.sharing[c->sh.bucket]++;
            bulk += (c->rate == 0 && c->own_milli == 0);
        }
    }

    hd_sched.bulk_size = HD_GRANT_OUT / ngx_max(bulk, 1);
    hd_sched.bulk_size = ngx_min(ngx_max(hd_sched.bulk_size, HD_GRANT_LEAST),
                                 HD_GRANT_BULK);

    for (q = ngx_queue_head(&hd_sched.camp_list);
         q != ngx_queue_sentinel(&hd_sched.camp_list);
         q = ngx_queue_next(q))
    {
        c = ngx_queue_data(q, hd_camp_t, queue);

        if (c->sh.state != HD_CAMPAIGN_RUNNING) {
            continue;
        }

        k = (c->sh.bucket < HD_BUCKETS) ? hd_sched.sharing[c->sh.bucket] : 1;
        c->share_milli = c->rate * 1000 / ngx_max(k, 1);

        if (c->rate) {
            c->share_milli = ngx_max(c->share_milli, 1);
        }

        if (c->own_milli
            && (c->share_milli == 0 || c->own_milli < c->share_milli))
        {
            c->share_milli = c->own_milli;
        }

        hd_share_window(c);

        if (c->turn && !hd_camp_at_end(c)) {
            ngx_queue_insert_tail(&c->turn->ready, &c->ready);
        }
    }

    ngx_queue_init(&hd_share_ready);

    for (q = ngx_queue_head(&hd_sched.turn_list);
         q != ngx_queue_sentinel(&hd_sched.turn_list);
         q = ngx_queue_next(q))
    {
        t = ngx_queue_data(q, hd_turn_t, queue);

        if (!ngx_queue_empty(&t->ready)) {
            ngx_queue_insert_tail(&hd_share_ready, &t->turn);
        }
    }
}


hd_camp_t *
hd_share_next(void)
{
    hd_turn_t  *t;

    if (ngx_queue_empty(&hd_share_ready)) {
        return NULL;
    }

    t = ngx_queue_data(ngx_queue_head(&hd_share_ready), hd_turn_t, turn);

    return ngx_queue_data(ngx_queue_head(&t->ready), hd_camp_t, ready);
}


/* behind all others, here and in the pumps to come */
void
hd_share_served(hd_camp_t *c)
{
    hd_turn_t  *t;

    t = c->turn;

    ngx_queue_remove(&c->ready);
    ngx_queue_insert_tail(&t->ready, &c->ready);

    ngx_queue_remove(&c->queue);
    ngx_queue_insert_tail(&hd_sched.camp_list, &c->queue);

    ngx_queue_remove(&t->turn);
    ngx_queue_insert_tail(&hd_share_ready, &t->turn);

    ngx_queue_remove(&t->queue);
    ngx_queue_insert_tail(&hd_sched.turn_list, &t->queue);
}


void
hd_share_done(hd_camp_t *c)
{
    hd_turn_t  *t;

    t = c->turn;

    ngx_queue_remove(&c->ready);
    ngx_queue_init(&c->ready);

    if (ngx_queue_empty(&t->ready)) {
        ngx_queue_remove(&t->turn);
    }
}


static void
hd_share_second(hd_camp_t *c)
{
    c->ended = 0;
    c->ended_all = hd_sched.ended[c->sh.bucket % HD_BUCKETS];
    c->second_ms = hd_sched_now();
}


/*
 * With a rate, about half a second of it is out, in pieces of an eighth of a
 * second over all workers; the bucket paces them.  When the provider answers
 * slowly that is not enough to keep the rate, so the window grows while what
 * ends in a second is less than the rate, up to two seconds of it.  It does
 * not grow because others of the same number got more: the number is busy.
 */
static void
hd_share_window(hd_camp_t *c)
{
    uint32_t  base, most;
    uint64_t  ms, seen, all, grown;

    if (c->share_milli == 0) {
        return;
    }

    base = ngx_max(c->share_milli / 2000, 2 * hd_share_size(c));
    most = ngx_max(c->share_milli / 500, base);

    if (c->window < base || c->window > most || hd_camp_at_end(c)) {
        c->window = base;
        hd_share_second(c);
        return;
    }

    ms = hd_sched_now() - c->second_ms;

    if (ms < 1000) {
        return;
    }

    /* in thousandths of a message a second */
    seen = (uint64_t) c->ended * 1000000 / ms;
    all = (uint64_t) (hd_sched.ended[c->sh.bucket % HD_BUCKETS]
                      - c->ended_all) * 1000000 / ms;

    if (seen * 100 < (uint64_t) c->share_milli * 95
        && (c->rate == 0 || all * 100 < (uint64_t) c->rate * 1000 * 95))
    {
        grown = c->window * (uint64_t) c->share_milli / ngx_max(seen, 1) + 1;
        grown = ngx_min(grown, 2 * (uint64_t) c->window);
        c->window = (uint32_t) ngx_min(grown, most);

    } else if (c->window > base) {
        c->window -= (c->window - base + 15) / 16;
    }

    hd_share_second(c);
}
