/*
 * attempt: what is between "committed as sending" and "outcome committed".
 *
 * It is here that a message whose worker was killed tells whether a byte of it
 * may have been on the wire.  Each slot has 768 entries and one writer, its
 * worker (or the helper, once that worker is dead), so there is no lock.
 *
 *    FREE --open--> OPEN --written--> WRITTEN --close--> FREE
 *                     +--------------close------------> FREE
 *
 * `state` is uses << 2 | state and is stored after the body; a reader that
 * finds it changed after it has copied the body throws the copy away.  The
 * bitmap in the slot says where to look; a bit is set before and cleared after
 * its entry is in use, so a kill leaves at most a bit without an attempt,
 * never the reverse.
 */

#include "map.h"


#define hd_attempt_of(state)  ((state) & 3)


static hd_attempt_node_t *
hd_attempt_node(hd_shm_t *shm, uint32_t id)
{
    return (id < HD_ATTEMPTS) ? &shm->attempts[id] : NULL;
}


static void
hd_attempt_fill(hd_attempt_node_t *n, const hd_uuid_t *org,
    const hd_uuid_t *batch, int64_t fence)
{
    uint32_t  i;
    uint64_t  body[5];

    memcpy(&body[0], org, 16);
    memcpy(&body[2], batch, 16);
    memcpy(&body[4], &fence, 8);

    for (i = 0; i < 5; i++) {
        hd_store_word(&n->body[i], body[i]);
    }
}


uint32_t
hd_attempt_open(hd_shm_t *shm, uint32_t slot, const hd_uuid_t *org,
    const hd_uuid_t *batch, uint32_t seq, int64_t fence)
{
    uint32_t            w, i, state;
    uint64_t            vacant, bit;
    hd_slot_node_t     *s;
    hd_attempt_node_t  *n;

    if (slot >= HD_SLOTS) {
        return HD_NONE;
    }

    s = &shm->slots[slot];

    for (w = 0; w < HD_SLOT_WORDS; w++) {
        vacant = ~hd_load(&s->attempts[w]);

        if (vacant == 0) {
            continue;
        }

        bit = vacant & -vacant;
        i = slot * HD_SLOT_ATTEMPTS + w * 64
            + (uint32_t) __builtin_ctzll(bit);
        n = &shm->attempts[i];

        (void) __atomic_fetch_or(&s->attempts[w], bit, __ATOMIC_ACQ_REL);

        /* a reader that still copies the last one sees its state gone */
        __atomic_thread_fence(__ATOMIC_RELEASE);

        state = hd_load_word(&n->state);

        hd_attempt_fill(n, org, batch, fence);
        hd_store_word(&n->seq, seq);
        hd_store(&n->state, ((state >> 2) + 1) << 2 | HD_ATTEMPT_OPEN);

        return i;
    }

    return HD_NONE;
}


void
hd_attempt_written(hd_shm_t *shm, uint32_t id)
{
    uint32_t            state;
    hd_attempt_node_t  *n;

    n = hd_attempt_node(shm, id);
    if (n == NULL) {
        return;
    }

    state = hd_load(&n->state);

    if (hd_attempt_of(state) == HD_ATTEMPT_OPEN) {
        hd_store(&n->state, (state & ~3u) | HD_ATTEMPT_WRITTEN);
    }
}


void
hd_attempt_close(hd_shm_t *shm, uint32_t id)
{
    uint32_t            state;
    uint64_t            bit;
    hd_slot_node_t     *s;
    hd_attempt_node_t  *n;

    n = hd_attempt_node(shm, id);
    if (n == NULL) {
        return;
    }

    s = &shm->slots[id / HD_SLOT_ATTEMPTS];
    state = hd_load(&n->state);

    if (hd_attempt_of(state) == HD_ATTEMPT_FREE) {
        return;
    }

    hd_store(&n->state, (state & ~3u) | HD_ATTEMPT_FREE);

    bit = 1ull << (id % 64);
    (void) __atomic_fetch_and(&s->attempts[id % HD_SLOT_ATTEMPTS / 64], ~bit,
                              __ATOMIC_ACQ_REL);
}


/* 1: out is a whole attempt that was open at that moment */

static int
hd_attempt_copy(hd_shm_t *shm, uint32_t id, hd_attempt_t *out)
{
    uint32_t            i, state, again;
    uint64_t            body[5];
    hd_attempt_node_t  *n;

    n = &shm->attempts[id];

    for ( ;; ) {
        state = hd_load(&n->state);

        if (hd_attempt_of(state) == HD_ATTEMPT_FREE) {
            return 0;
        }

        for (i = 0; i < 5; i++) {
            body[i] = hd_load_word(&n->body[i]);
        }

        out->seq = hd_load_word(&n->seq);

        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        again = hd_load_word(&n->state);

        /* "written" may have come meanwhile: the body is the same */
        if (again >> 2 == state >> 2
            && hd_attempt_of(again) != HD_ATTEMPT_FREE)
        {
            break;
        }
    }

    memcpy(&out->org, &body[0], 16);
    memcpy(&out->batch, &body[2], 16);
    memcpy(&out->fence, &body[4], 8);
    out->written = (hd_attempt_of(again) == HD_ATTEMPT_WRITTEN);
    out->slot = id / HD_SLOT_ATTEMPTS;
    out->id = id;

    return 1;
}


size_t
hd_attempt_list(hd_shm_t *shm, uint32_t slot, hd_attempt_t *out, size_t n)
{
    size_t    found;
    uint32_t  s, last, w;
    uint64_t  used;

    if (slot != HD_NONE && slot >= HD_SLOTS) {
        return 0;
    }

    s = (slot == HD_NONE) ? 0 : slot;
    last = (slot == HD_NONE) ? HD_SLOTS - 1 : slot;
    found = 0;

    for ( /* void */ ; s <= last; s++) {
        for (w = 0; w < HD_SLOT_WORDS; w++) {
            used = hd_load(&shm->slots[s].attempts[w]);

            while (used != 0) {
                if (found == n) {
                    return found;
                }

                if (hd_attempt_copy(shm, s * HD_SLOT_ATTEMPTS + w * 64
                                    + (uint32_t) __builtin_ctzll(used),
                                    &out[found]))
                {
                    found++;
                }

                used &= used - 1;
            }
        }
    }

    return found;
}


int
hd_attempt_known(hd_shm_t *shm, const hd_uuid_t *batch, uint32_t seq)
{
    uint32_t      s, w, id;
    uint64_t      used;
    hd_attempt_t  a;

    for (s = 0; s < HD_SLOTS; s++) {
        for (w = 0; w < HD_SLOT_WORDS; w++) {
            used = hd_load(&shm->slots[s].attempts[w]);

            while (used != 0) {
                id = s * HD_SLOT_ATTEMPTS + w * 64
                     + (uint32_t) __builtin_ctzll(used);
                used &= used - 1;

                if (hd_load_word(&shm->attempts[id].seq) == seq
                    && hd_attempt_copy(shm, id, &a)
                    && a.seq == seq && hd_uuid_eq(&a.batch, batch))
                {
                    return 1;
                }
            }
        }
    }

    return 0;
}


/* the bitmaps alone: a bit without an attempt is swept before long */
size_t
hd_attempt_count(hd_shm_t *shm)
{
    size_t    n;
    uint32_t  s, w;

    n = 0;

    for (s = 0; s < HD_SLOTS; s++) {
        for (w = 0; w < HD_SLOT_WORDS; w++) {
            n += (size_t) __builtin_popcountll(
                     hd_load(&shm->slots[s].attempts[w]));
        }
    }

    return n;
}


int
hd_attempt_sweep(hd_shm_t *shm, uint32_t slot)
{
    int        clean;
    uint32_t   w, i;
    uint64_t   used, bit;
    uint64_t  *words;

    words = shm->slots[slot].attempts;
    clean = 1;

    for (w = 0; w < HD_SLOT_WORDS; w++) {
        used = hd_load(&words[w]);

        while (used != 0) {
            bit = used & -used;
            used &= used - 1;
            i = slot * HD_SLOT_ATTEMPTS + w * 64
                + (uint32_t) __builtin_ctzll(bit);

            if (hd_attempt_of(hd_load(&shm->attempts[i].state))
                == HD_ATTEMPT_FREE)
            {
                (void) __atomic_fetch_and(&words[w], ~bit, __ATOMIC_ACQ_REL);

            } else {
                clean = 0;
            }
        }
    }

    return clean;
}
