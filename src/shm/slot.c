/*
 * slot: one for each living worker of the old and the new cycle.
 *
 * A slot is taken under the lock and then written by its worker alone.  `pid`
 * is stored last and cleared first, `life` tells a reader that somebody else
 * has moved in while it was copying.
 *
 * A slot that was freed while it still had grants or open attempts is not
 * given out again before these are ended: an attempt forgotten here could be a
 * message sent twice.
 */

#include "map.h"


static int
hd_slot_clean(hd_shm_t *shm, uint32_t i)
{
    hd_slot_node_t  *s;

    s = &shm->slots[i];

    return s->pid == 0 && s->grants == 0 && hd_attempt_sweep(shm, i);
}


uint32_t
hd_slot_take(hd_shm_t *shm, int32_t pid, uint32_t generation, uint32_t worker,
    uint64_t now_ms)
{
    uint32_t         i;
    hd_slot_node_t  *s;

    hd_shm_lock(shm);

    for (i = 0; i < HD_SLOTS; i++) {
        if (hd_slot_clean(shm, i)) {
            s = &shm->slots[i];

            hd_store(&s->life, s->life + 1);
            s->generation = generation;
            s->worker = worker;
            hd_store_word(&s->quitting, 0);
            hd_store_word(&s->streams, 0);
            hd_store_word(&s->spool_records, 0);
            hd_store_word(&s->spool_bytes, 0);
            hd_store_word(&s->errands, 0);
            hd_store_word(&s->head, 0);
            hd_store_word(&s->tail, 0);
            hd_store_word(&s->heartbeat_ms, now_ms);
            hd_store(&s->pid, pid);

            hd_shm_unlock(shm);
            return i;
        }
    }

    hd_shm_unlock(shm);

    return HD_NONE;
}


void
hd_slot_beat(hd_shm_t *shm, uint32_t slot, uint64_t now_ms)
{
    if (slot < HD_SLOTS) {
        hd_store(&shm->slots[slot].heartbeat_ms, now_ms);
    }
}


void
hd_slot_quitting(hd_shm_t *shm, uint32_t slot)
{
    if (slot < HD_SLOTS) {
        hd_store(&shm->slots[slot].quitting, 1);
    }
}


void
hd_slot_streams(hd_shm_t *shm, uint32_t slot, int delta)
{
    if (slot < HD_SLOTS) {
        (void) __atomic_add_fetch(&shm->slots[slot].streams,
                                  (uint32_t) delta, __ATOMIC_ACQ_REL);
    }
}


void
hd_slot_spool(hd_shm_t *shm, uint32_t slot, uint32_t records, uint64_t bytes)
{
    if (slot < HD_SLOTS) {
        hd_store_word(&shm->slots[slot].spool_records, records);
        hd_store_word(&shm->slots[slot].spool_bytes, bytes);
    }
}


void
hd_slot_errand(hd_shm_t *shm, uint32_t slot)
{
    if (slot < HD_SLOTS) {
        hd_store(&shm->slots[slot].errands, 1);
    }
}


int
hd_slot_errand_take(hd_shm_t *shm, uint32_t slot)
{
    uint64_t  one, none;

    if (slot >= HD_SLOTS) {
        return 0;
    }

    one = 1;
    none = 0;

    return __atomic_compare_exchange(&shm->slots[slot].errands, &one, &none, 0,
                                     __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}


void
hd_slot_free(hd_shm_t *shm, uint32_t slot)
{
    hd_slot_node_t  *s;

    if (slot >= HD_SLOTS) {
        return;
    }

    s = &shm->slots[slot];

    hd_shm_lock(shm);

    hd_store(&s->pid, 0);
    hd_store(&s->streams, 0);

    hd_shm_unlock(shm);
}


int
hd_slot_read(hd_shm_t *shm, uint32_t slot, hd_slot_t *out)
{
    uint32_t         life;
    hd_slot_node_t  *s;

    if (slot >= HD_SLOTS) {
        return 0;
    }

    s = &shm->slots[slot];

    do {
        life = hd_load(&s->life);

        out->index = slot;
        out->pid = hd_load(&s->pid);

        if (out->pid == 0) {
            return 0;
        }

        out->generation = hd_load_word(&s->generation);
        out->worker = hd_load_word(&s->worker);
        out->quitting = hd_load_word(&s->quitting);
        out->streams = hd_load_word(&s->streams);
        out->heartbeat_ms = hd_load_word(&s->heartbeat_ms);
        out->grants = hd_load_word(&s->grants);
        out->spool_records = hd_load_word(&s->spool_records);
        out->spool_bytes = hd_load_word(&s->spool_bytes);

        __atomic_thread_fence(__ATOMIC_ACQUIRE);

    } while (hd_load_word(&s->life) != life);

    return 1;
}


size_t
hd_slots_streaming(hd_shm_t *shm, uint32_t *workers, size_t n)
{
    size_t     found;
    uint32_t   i;
    hd_slot_t  s;

    found = 0;

    for (i = 0; i < HD_SLOTS && found < n; i++) {
        if (hd_slot_read(shm, i, &s) && s.streams && !s.quitting) {
            workers[found++] = s.worker;
        }
    }

    return found;
}
