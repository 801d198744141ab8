/*
 * breaker: a number whose provider gives no answer is asked once in a while,
 * not at its rate.
 *
 *   closed ──HD_BREAKER_TRIES results in a row without an answer──> open
 *     ▲                                                              │
 *     └───────────── a good answer, whoever's it is ────────────────┘
 *
 * While it is open `probe_us` is the moment when one message may go; whoever
 * moves it by compare-and-swap is the one.  What was on its way before it
 * opened comes back as answers or not: each answer closes it, and a failure
 * of something old leaves it open, which costs one probe's time at most.
 *
 * When it closes the bucket's TAT lies in the past, so the rate begins as for
 * a number that was idle: no burst beyond its tolerance.
 *
 * The histogram of lateness is here too: it has no invariant but its sum.
 */

#include "map.h"


static const int32_t  hd_late_steps[HD_LATE_STEPS - 1] = {
    10, 50, 100, 500, 1000, 5000, 30000
};


int64_t
hd_bucket_probe(hd_bucket_node_t *b, int64_t now_us)
{
    int64_t  probe;

    if (hd_load(&b->open_us) == 0) {
        return 0;
    }

    probe = hd_load(&b->probe_us);

    if (now_us < probe) {
        return probe - now_us;
    }

    if (__atomic_compare_exchange_n(&b->probe_us, &probe,
                                    now_us + HD_BREAKER_PROBE * 1000, 0,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    {
        return 0;
    }

    return HD_BREAKER_PROBE * 1000;
}


int
hd_bucket_result(hd_shm_t *shm, uint32_t bucket, int answered, int64_t now_us)
{
    int64_t            closed;
    uint32_t           fails;
    hd_bucket_node_t  *b;

    if (bucket >= HD_BUCKETS) {
        return 0;
    }

    b = &shm->buckets->nodes[bucket];

    if (answered) {
        /* the common case writes nothing to the shared line */
        if (hd_load(&b->fails) != 0) {
            hd_store(&b->fails, 0);
        }

        if (hd_load(&b->open_us) != 0) {
            hd_store(&b->open_us, 0);
        }

        return 0;
    }

    fails = __atomic_add_fetch(&b->fails, 1, __ATOMIC_ACQ_REL);

    if (fails < HD_BREAKER_TRIES) {
        return 0;
    }

    closed = 0;
    hd_store(&b->probe_us, now_us + HD_BREAKER_PROBE * 1000);

    return __atomic_compare_exchange_n(&b->open_us, &closed, now_us, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}


int
hd_bucket_open(hd_shm_t *shm, uint32_t bucket)
{
    return bucket < HD_BUCKETS
           && hd_load(&shm->buckets->nodes[bucket].open_us) != 0;
}


void
hd_bucket_late(hd_shm_t *shm, uint32_t bucket, int64_t ms)
{
    uint32_t  i;

    if (bucket >= HD_BUCKETS) {
        return;
    }

    for (i = 0; i < HD_LATE_STEPS - 1; i++) {
        if (ms <= hd_late_steps[i]) {
            break;
        }
    }

    (void) __atomic_add_fetch(&shm->buckets->nodes[bucket].late[i], 1,
                              __ATOMIC_RELAXED);

    if (ms > 0) {
        (void) __atomic_add_fetch(&shm->buckets->nodes[bucket].late_ms,
                                  (uint64_t) ms, __ATOMIC_RELAXED);
    }
}


int32_t
hd_late_step(uint32_t i)
{
    return i < HD_LATE_STEPS - 1 ? hd_late_steps[i] : -1;
}
