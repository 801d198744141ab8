/*
 * campaign: the broadcasts that are being sent, one entry each.
 *
 * The helper makes, moves and frees entries; any process may set the state,
 * which acts at once on what is granted, for a worker asks
 * hd_campaign_goes() before each message.
 *
 * `state` makes an entry visible: it is stored last and cleared first.  keys[]
 * only narrows the search, so that it reads 8 KB and not 80.
 */

#include "map.h"


static uint32_t
hd_campaign_find_locked(hd_shm_t *shm, const hd_uuid_t *batch)
{
    uint32_t        i;
    uint64_t        key;
    hd_campaign_t  *c;

    key = hd_uuid_key(batch);

    for (i = 0; i < HD_CAMPAIGNS; i++) {
        if (shm->campaigns->keys[i] != key) {
            continue;
        }

        c = &shm->campaigns->nodes[i];

        if (c->state != HD_CAMPAIGN_FREE && hd_uuid_eq(&c->batch, batch)) {
            return i;
        }
    }

    return HD_NONE;
}


static uint32_t
hd_campaign_vacant_locked(hd_shm_t *shm)
{
    uint32_t  i;

    for (i = 0; i < HD_CAMPAIGNS; i++) {
        if (shm->campaigns->nodes[i].state == HD_CAMPAIGN_FREE) {
            return i;
        }
    }

    return HD_NONE;
}


uint32_t
hd_campaign_put(hd_shm_t *shm, const hd_campaign_t *src)
{
    uint32_t        i, state;
    hd_campaign_t  *c;

    if (src->state == HD_CAMPAIGN_FREE) {
        return HD_NONE;
    }

    state = src->state;

    hd_shm_lock(shm);

    i = hd_campaign_find_locked(shm, &src->batch);

    if (i != HD_NONE) {
        c = &shm->campaigns->nodes[i];

        /* what the helper read may be older than a cancellation */
        if (c->state == HD_CAMPAIGN_CANCELLED) {
            state = HD_CAMPAIGN_CANCELLED;
        }

        c->bucket = src->bucket;
        c->audience = src->audience;
        c->fence = src->fence;
        hd_store(&c->rate_milli, src->rate_milli);
        hd_store(&c->allowed, src->allowed);
        hd_store(&c->state, state);

        hd_shm_unlock(shm);
        return i;
    }

    i = hd_campaign_vacant_locked(shm);

    if (i != HD_NONE) {
        c = &shm->campaigns->nodes[i];

        c->org = src->org;
        c->batch = src->batch;
        c->account = src->account;
        c->bucket = src->bucket;
        c->audience = src->audience;
        c->next = src->next;
        c->granted = 0;
        c->fence = src->fence;
        c->rate_milli = src->rate_milli;
        c->allowed = src->allowed;
        c->tat_us = 0;
        hd_store(&shm->campaigns->keys[i], hd_uuid_key(&src->batch));
        hd_store(&c->state, state);
    }

    hd_shm_unlock(shm);

    return i;
}


int
hd_campaign_read(hd_shm_t *shm, uint32_t i, hd_campaign_t *out)
{
    if (i >= HD_CAMPAIGNS) {
        return 0;
    }

    hd_shm_lock(shm);
    *out = shm->campaigns->nodes[i];
    hd_shm_unlock(shm);

    return out->state != HD_CAMPAIGN_FREE;
}


uint32_t
hd_campaign_find(hd_shm_t *shm, const hd_uuid_t *batch)
{
    uint32_t  i;

    hd_shm_lock(shm);
    i = hd_campaign_find_locked(shm, batch);
    hd_shm_unlock(shm);

    return i;
}


/*
 * Without the lock: it is asked once for each message.  An entry that is being
 * reused meanwhile shows another state or another batch, and the answer is 0.
 */

int
hd_campaign_running(hd_shm_t *shm, uint32_t i, const hd_uuid_t *batch)
{
    hd_campaign_t  *c;

    if (i >= HD_CAMPAIGNS) {
        return 0;
    }

    c = &shm->campaigns->nodes[i];

    return hd_load(&c->state) == HD_CAMPAIGN_RUNNING
           && hd_uuid_eq(&c->batch, batch);
}


int
hd_campaign_goes(hd_shm_t *shm, uint32_t i, const hd_uuid_t *batch)
{
    uint32_t        state;
    hd_campaign_t  *c;

    if (i >= HD_CAMPAIGNS) {
        return 0;
    }

    c = &shm->campaigns->nodes[i];
    state = hd_load(&c->state);

    return (state == HD_CAMPAIGN_RUNNING || state == HD_CAMPAIGN_DRAINING)
           && hd_uuid_eq(&c->batch, batch);
}


void
hd_campaign_state(hd_shm_t *shm, const hd_uuid_t *batch,
    hd_campaign_state_e state)
{
    uint32_t        i;
    hd_campaign_t  *c;

    if (state == HD_CAMPAIGN_FREE) {
        return;
    }

    hd_shm_lock(shm);

    i = hd_campaign_find_locked(shm, batch);

    if (i != HD_NONE) {
        c = &shm->campaigns->nodes[i];

        if (c->state != HD_CAMPAIGN_CANCELLED) {
            hd_store(&c->state, state);
        }
    }

    hd_shm_unlock(shm);
}


void
hd_campaign_free(hd_shm_t *shm, uint32_t i)
{
    if (i >= HD_CAMPAIGNS) {
        return;
    }

    hd_shm_lock(shm);

    hd_store(&shm->campaigns->nodes[i].state, HD_CAMPAIGN_FREE);
    hd_store(&shm->campaigns->keys[i], 0);

    hd_shm_unlock(shm);
}


/* the whole of a campaign's own rate; the entry may be another's by now, which
 * then loses one message's time */

int64_t
hd_campaign_take(hd_shm_t *shm, uint32_t i, int64_t now_us)
{
    int64_t         tat, next, interval, tolerance;
    uint32_t        rate;
    hd_campaign_t  *c;

    if (i >= HD_CAMPAIGNS) {
        return 0;
    }

    c = &shm->campaigns->nodes[i];
    rate = hd_load(&c->rate_milli);

    if (rate == 0) {
        return 0;
    }

    interval = hd_rate_interval(rate, 1024);
    tolerance = hd_rate_tolerance(interval);
    tat = hd_load(&c->tat_us);

    do {
        if (now_us < tat - tolerance) {
            return tat - tolerance - now_us;
        }

        next = (tat > now_us ? tat : now_us) + interval;

    } while (!__atomic_compare_exchange_n(&c->tat_us, &tat, next, 1,
                                          __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));

    return 0;
}


void
hd_campaign_untake(hd_shm_t *shm, uint32_t i)
{
    uint32_t  rate;

    if (i >= HD_CAMPAIGNS) {
        return;
    }

    rate = hd_load(&shm->campaigns->nodes[i].rate_milli);

    if (rate != 0) {
        (void) __atomic_sub_fetch(&shm->campaigns->nodes[i].tat_us,
                                  hd_rate_interval(rate, 1024),
                                  __ATOMIC_ACQ_REL);
    }
}


void
hd_campaign_allow(hd_shm_t *shm, uint32_t i, uint32_t allowed)
{
    if (i < HD_CAMPAIGNS) {
        hd_store(&shm->campaigns->nodes[i].allowed, allowed);
    }
}
