/*
 * bucket: the rate of one number, shared by all workers.
 *
 * GCRA: one word, the theoretical arrival time (TAT), moved by
 * compare-and-swap.  With the interval I between messages and the tolerance t,
 * a message may go when now >= TAT - t, and then TAT = max(TAT, now) + I.
 *
 * The arithmetic of rate R (messages per second; T = 1/R):
 *
 *   I = T / 0.99              paced 1 % under the limit
 *   t = max(I - 1 us, 10 ms)
 *
 *   The messages in any closed window of W seconds are at most
 *       floor((W + t) / I) + 1
 *   because each moves TAT by at least I and TAT is at most t ahead of the
 *   first and t + I ahead of the last.  With W = 1 and 1 / I = 0.99 R:
 *
 *   t = I - 1 us:   floor(0.99 R + 1 - e) + 1  <=  R + 1
 *   t = 10 ms:      floor(0.99 R * 1.01) + 1
 *                   = floor(0.9999 R) + 1      <=  R + 1, and <= R when R is
 *                   whole: from 99 a second on, no window holds more than the
 *                   limit itself.  A broken R counts as the next whole one.
 *
 *   A timer that fires late by L loses no rate while L <= t, for TAT then
 *   still lies ahead of the clock and the next one catches up.  So nothing is
 *   lost to 10 ms of a busy loop at any rate, and 0.99 R is what really goes
 *   out.
 *
 * Nothing else of a bucket needs to agree with TAT, so there is no lock but
 * for making a bucket.  Entries are never removed; an entry is filled,
 * counted, and then made visible by its word in the index.
 *
 * Slowing down: `slow` holds the moment and the share of the rate that was
 * left (in 1/1024); the share grows back to 1 in a straight line over 60 s.
 *
 * The breaker (breaker.c) is asked last, when a token is there to be had.
 *
 * Lanes: while `waiting` replies there are, bulk is told to ask again.  A
 * worker that dies between +1 and -1 must not stop bulk for ever: when no
 * reply was taken for longer than a living one would have waited, the count is
 * dropped.
 */

#include "map.h"


#define HD_BUCKET_TOLERANCE  10000           /* us */
#define HD_BUCKET_FULL       1024            /* share of the rate: all */
#define HD_BUCKET_LEAST      64              /* never below a 16th */
#define HD_BUCKET_RECOVER    60000           /* ms */
#define HD_BUCKET_SAME       1000            /* ms: refusals of one overload */


/* T / 0.99 in us, rounded up; rate is in thousandths */

int64_t
hd_rate_interval(uint32_t rate_milli, uint32_t share)
{
    uint64_t  n, d;

    n = 1000000000ull * 100 * HD_BUCKET_FULL;
    d = (uint64_t) rate_milli * 99 * share;

    return (int64_t) ((n + d - 1) / d);
}


int64_t
hd_rate_tolerance(int64_t interval)
{
    return interval > HD_BUCKET_TOLERANCE ? interval - 1
                                          : HD_BUCKET_TOLERANCE;
}


static uint32_t
hd_bucket_share(uint64_t slow, int64_t now_us)
{
    int64_t   passed;
    uint32_t  share;

    if (slow == 0) {
        return HD_BUCKET_FULL;
    }

    share = (uint32_t) (slow & 0xffff);
    passed = now_us / 1000 - (int64_t) (slow >> 16);

    if (passed >= HD_BUCKET_RECOVER) {
        return HD_BUCKET_FULL;
    }

    if (passed <= 0) {
        return share;
    }

    return share + (uint32_t) ((HD_BUCKET_FULL - share) * passed
                               / HD_BUCKET_RECOVER);
}


/* where the account is or would be; the index is at most half full */

static uint32_t *
hd_bucket_word(hd_shm_t *shm, const hd_uuid_t *account, uint32_t *found)
{
    uint32_t         i, n, *word;
    hd_bucket_sh_t  *b;

    b = shm->buckets;
    i = hd_uuid_hash(account, 0) % HD_BUCKET_INDEX;

    for ( ;; ) {
        word = &b->index[i];
        n = hd_load(word);

        if (n == 0 || n > HD_BUCKETS) {
            *found = HD_NONE;
            return word;
        }

        if (hd_uuid_eq(&b->nodes[n - 1].account, account)) {
            *found = n - 1;
            return word;
        }

        i = (i + 1) % HD_BUCKET_INDEX;
    }
}


uint32_t
hd_bucket(hd_shm_t *shm, const hd_uuid_t *account, uint32_t rate_milli)
{
    uint32_t          i, *word;
    hd_bucket_node_t  *b;

    (void) hd_bucket_word(shm, account, &i);

    if (i == HD_NONE) {
        hd_shm_lock(shm);

        word = hd_bucket_word(shm, account, &i);

        if (i == HD_NONE && shm->buckets->count < HD_BUCKETS) {
            i = shm->buckets->count;
            b = &shm->buckets->nodes[i];

            memset(b, 0, sizeof(hd_bucket_node_t));
            b->account = *account;
            b->rate_milli = rate_milli;

            /* counted first: killed in between, one bucket is lost, where the
             * other way round two numbers would share one */
            hd_store(&shm->buckets->count, i + 1);
            hd_store(word, i + 1);
        }

        hd_shm_unlock(shm);
    }

    if (i == HD_NONE) {
        return HD_NONE;
    }

    b = &shm->buckets->nodes[i];

    if (hd_load(&b->rate_milli) != rate_milli) {
        hd_store(&b->rate_milli, rate_milli);
        hd_store(&b->changed, 1);
    }

    return i;
}


/*
 * A number raised from 0.1/s to 80/s must not wait ten seconds for its next
 * message: TAT comes down to the furthest that the new rate itself would have
 * put it.  Once only, for done at each call it would give rate away to a
 * process whose clock is a little old.
 */

static void
hd_bucket_changed(hd_bucket_node_t *b, int64_t furthest)
{
    int64_t  tat;

    if (__atomic_exchange_n(&b->changed, 0, __ATOMIC_ACQ_REL) == 0) {
        return;
    }

    tat = hd_load(&b->tat_us);

    while (tat > furthest
           && !__atomic_compare_exchange_n(&b->tat_us, &tat, furthest, 1,
                                           __ATOMIC_ACQ_REL,
                                           __ATOMIC_ACQUIRE))
    {
        /* tat was read again */
    }
}


/* 0: bulk may go; else us to wait */

static int64_t
hd_bucket_yield(hd_bucket_node_t *b, int64_t ahead, int64_t interval,
    int64_t now_us)
{
    int64_t  since;

    if (hd_load(&b->waiting) <= 0) {
        return 0;
    }

    since = hd_load(&b->yield_us);

    if (since == 0) {
        hd_store(&b->yield_us, now_us);

    } else if (now_us - since > (ahead > 0 ? ahead : 0) + 2 * interval
                                + 1000000)
    {
        /* whoever waited is gone */
        hd_store(&b->waiting, 0);
        hd_store(&b->yield_us, 0);
        return 0;
    }

    /* after the reply's turn */
    return (ahead > 0 ? ahead : 0) + (interval > 1000 ? interval : 1000);
}


/*
 * us between this message and the next one.  A human profile has a gap drawn
 * anew for each message, and no tolerance: what was not sent is not caught up
 * with.  0: no limit at all.
 */

static int64_t
hd_bucket_interval(hd_bucket_node_t *b, int64_t now_us, int64_t *tolerance)
{
    int64_t   interval, gap;
    uint64_t  x;
    uint32_t  rate, min, max;

    rate = hd_load(&b->rate_milli);
    max = hd_load(&b->gap_max_ms);

    interval = 0;
    *tolerance = 0;

    if (rate != 0) {
        interval = hd_rate_interval(rate, hd_bucket_share(hd_load(&b->slow),
                                                          now_us));
        *tolerance = hd_rate_tolerance(interval);
    }

    if (max == 0) {
        return interval;
    }

    min = hd_load(&b->gap_min_ms);

    x = (uint64_t) now_us + 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    x ^= x >> 31;

    gap = ((int64_t) min + (int64_t) (x % (max - min + 1))) * 1000;
    *tolerance = 0;

    return gap > interval ? gap : interval;
}


int64_t
hd_bucket_take(hd_shm_t *shm, uint32_t bucket, hd_lane_e lane, int64_t now_us)
{
    int64_t            tat, next, interval, tolerance, wait;
    hd_bucket_node_t  *b;

    if (bucket >= HD_BUCKETS) {
        return 1000000;
    }

    b = &shm->buckets->nodes[bucket];

    interval = hd_bucket_interval(b, now_us, &tolerance);

    if (interval == 0) {
        return hd_bucket_probe(b, now_us);
    }

    if (hd_load_word(&b->changed)) {
        hd_bucket_changed(b, now_us + tolerance + interval);
    }

    tat = hd_load(&b->tat_us);

    if (lane == HD_LANE_BULK) {
        wait = hd_bucket_yield(b, tat - tolerance - now_us, interval, now_us);

        if (wait != 0) {
            return wait;
        }
    }

    if (now_us >= tat - tolerance) {
        wait = hd_bucket_probe(b, now_us);

        if (wait != 0) {
            return wait;
        }
    }

    for ( ;; ) {
        if (now_us < tat - tolerance) {
            return tat - tolerance - now_us;
        }

        next = (tat > now_us ? tat : now_us) + interval;

        if (__atomic_compare_exchange_n(&b->tat_us, &tat, next, 1,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        {
            break;
        }
    }

    if (lane == HD_LANE_REPLY && hd_load_word(&b->yield_us) != 0) {
        hd_store(&b->yield_us, 0);
    }

    return 0;
}


/*
 * What goes past the bucket is not asked: it moves TAT as if it had been.  A
 * flood from outside must not stop the number for longer than it lasts, so TAT
 * is never moved further than a second ahead.
 */

void
hd_bucket_charge(hd_shm_t *shm, uint32_t bucket, uint32_t n, int64_t now_us)
{
    int64_t            tat, next, most, interval, tolerance;
    hd_bucket_node_t  *b;

    if (bucket >= HD_BUCKETS || n == 0) {
        return;
    }

    b = &shm->buckets->nodes[bucket];

    if (hd_load(&b->rate_milli) == 0) {
        return;
    }

    interval = hd_rate_interval(hd_load(&b->rate_milli),
                                hd_bucket_share(hd_load(&b->slow), now_us));
    tolerance = hd_rate_tolerance(interval);
    most = now_us + tolerance + 1000000;
    tat = hd_load(&b->tat_us);

    do {
        next = (tat > now_us ? tat : now_us) + (int64_t) n * interval;

        if (next > most) {
            next = (tat > most) ? tat : most;
        }

    } while (!__atomic_compare_exchange_n(&b->tat_us, &tat, next, 1,
                                          __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
}


void
hd_bucket_gap(hd_shm_t *shm, uint32_t bucket, uint32_t min_ms,
    uint32_t max_ms)
{
    hd_bucket_node_t  *b;

    if (bucket >= HD_BUCKETS) {
        return;
    }

    b = &shm->buckets->nodes[bucket];

    /* never min above max, in whatever order they are read */
    hd_store(&b->gap_min_ms, 0);
    hd_store(&b->gap_max_ms, max_ms);
    hd_store(&b->gap_min_ms, min_ms < max_ms ? min_ms : max_ms);
}


uint32_t
hd_bucket_find(hd_shm_t *shm, const hd_uuid_t *account)
{
    uint32_t  i;

    (void) hd_bucket_word(shm, account, &i);

    return i;
}


int
hd_bucket_state(hd_shm_t *shm, uint32_t bucket, int64_t now_us,
    hd_bucket_state_t *out)
{
    int64_t            tat, interval, tolerance;
    uint32_t           i;
    hd_bucket_node_t  *b;

    memset(out, 0, sizeof(hd_bucket_state_t));

    if (bucket >= hd_load(&shm->buckets->count) || bucket >= HD_BUCKETS) {
        return 0;
    }

    b = &shm->buckets->nodes[bucket];

    interval = hd_bucket_interval(b, now_us, &tolerance);
    tat = hd_load(&b->tat_us);

    out->rate_milli = hd_load(&b->rate_milli);
    out->share = hd_bucket_share(hd_load(&b->slow), now_us);
    out->waiting = (uint32_t) hd_load(&b->waiting);
    out->open = hd_load(&b->open_us) != 0;
    out->gap_min_ms = hd_load(&b->gap_min_ms);
    out->gap_max_ms = hd_load(&b->gap_max_ms);

    if (interval == 0) {
        out->tokens = HD_TOKENS_ANY;

    } else if (now_us >= tat - tolerance) {
        out->tokens = (uint32_t) ((now_us + tolerance
                                   - (tat > now_us ? tat : now_us))
                                  / interval) + 1;

    } else {
        out->wait_us = tat - tolerance - now_us;
    }

    if (out->open && hd_load(&b->probe_us) > now_us + out->wait_us) {
        out->tokens = 0;
        out->wait_us = hd_load(&b->probe_us) - now_us;
    }

    for (i = 0; i < HD_LATE_STEPS; i++) {
        out->late[i] = hd_load_word(&b->late[i]);
    }

    out->late_ms = hd_load_word(&b->late_ms);

    return 1;
}


void
hd_bucket_rest(uint32_t rate_milli, hd_bucket_state_t *out)
{
    int64_t  interval;

    memset(out, 0, sizeof(hd_bucket_state_t));

    out->rate_milli = rate_milli;
    out->share = HD_BUCKET_FULL;
    out->tokens = HD_TOKENS_ANY;

    if (rate_milli != 0) {
        interval = hd_rate_interval(rate_milli, HD_BUCKET_FULL);
        out->tokens = (uint32_t) (hd_rate_tolerance(interval) / interval) + 1;
    }
}


void
hd_bucket_waiting(hd_shm_t *shm, uint32_t bucket, int delta)
{
    int32_t            old, n;
    hd_bucket_node_t  *b;

    if (bucket >= HD_BUCKETS) {
        return;
    }

    b = &shm->buckets->nodes[bucket];
    old = hd_load(&b->waiting);

    /* never below 0: the count may have been dropped meanwhile */
    do {
        n = (old + delta > 0) ? old + delta : 0;

    } while (!__atomic_compare_exchange_n(&b->waiting, &old, n, 1,
                                          __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));

    if (n == 0) {
        hd_store(&b->yield_us, 0);
    }
}


/*
 * With fifty messages on the wire one overload comes back as fifty refusals:
 * those within a second are one, else the rate would fall to nothing at once.
 */

void
hd_bucket_slow(hd_shm_t *shm, uint32_t bucket, int64_t now_us)
{
    int64_t            now_ms;
    uint64_t           old, slow;
    uint32_t           share;
    hd_bucket_node_t  *b;

    if (bucket >= HD_BUCKETS) {
        return;
    }

    b = &shm->buckets->nodes[bucket];
    now_ms = now_us / 1000;
    old = hd_load(&b->slow);

    do {
        if (old != 0 && now_ms - (int64_t) (old >> 16) < HD_BUCKET_SAME) {
            return;
        }

        share = hd_bucket_share(old, now_us) / 2;

        if (share < HD_BUCKET_LEAST) {
            share = HD_BUCKET_LEAST;
        }

        slow = (uint64_t) now_ms << 16 | share;

    } while (!__atomic_compare_exchange_n(&b->slow, &old, slow, 1,
                                          __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
}
