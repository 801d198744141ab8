/*
 * grant: what the helper gives to a worker, until the worker is done with it.
 *
 *            give                take                 end
 *    FREE ---------> GIVEN -----------------> TAKEN ---------> FREE
 *                    (in the slot's ring)
 *                      |                                end
 *                      +----------------------------------------> FREE
 *
 * Invariants
 *   1. The state of an entry is the truth, and is the first thing to change
 *      when it is freed, the last when it is given.
 *   2. used[] has a bit for each entry that is not FREE.
 *   3. slot.grants and campaign.granted count the entries that are not FREE.
 *   4. A ring may hold ids of grants that were ended before they were taken;
 *      an id whose entry is not GIVEN under the very same id is passed over.
 *   5. An id is uses << 11 | index: who ends a grant that has been reaped and
 *      given anew ends nothing.
 * hd_grant_repair_locked() makes 2 to 4 from 1, and moves the cursor of a
 * campaign whose last grant was given but not yet counted.
 */

#include "map.h"


#define hd_grant_index(id)  ((id) & (HD_GRANTS - 1))


static uint32_t
hd_grant_vacant_locked(hd_shm_t *shm)
{
    uint32_t  w;
    uint64_t  vacant;

    for (w = 0; w < HD_GRANTS / 64; w++) {
        vacant = ~shm->grants->used[w];

        if (vacant != 0) {
            return w * 64 + (uint32_t) __builtin_ctzll(vacant);
        }
    }

    return HD_NONE;
}


/* the campaign of a grant, if it is still the same one */

static hd_campaign_t *
hd_grant_campaign_locked(hd_shm_t *shm, const hd_grant_t *g)
{
    hd_campaign_t  *c;

    if (g->campaign >= HD_CAMPAIGNS) {
        return NULL;
    }

    c = &shm->campaigns->nodes[g->campaign];

    if (c->state == HD_CAMPAIGN_FREE || !hd_uuid_eq(&c->batch, &g->batch)) {
        return NULL;
    }

    return c;
}


/* entry i becomes this grant, with a new id; its state comes last (1.) */

static void
hd_grant_fill_locked(hd_shm_t *shm, uint32_t i, hd_grant_t *g)
{
    hd_grant_node_t  *n;

    n = &shm->grants->nodes[i];
    n->uses++;

    g->id = n->uses * HD_GRANTS | i;

    /* an id is never HD_NONE */
    if (g->id == HD_NONE) {
        n->uses = 0;
        g->id = i;
    }

    n->g = *g;
    n->order = ++shm->grants->order;
    hd_store(&n->state, HD_GRANT_GIVEN);
}


int
hd_grant_give(hd_shm_t *shm, uint32_t slot, hd_grant_t *g)
{
    uint32_t         i;
    hd_campaign_t   *c;
    hd_slot_node_t  *s;

    if (slot >= HD_SLOTS) {
        return HD_ERROR;
    }

    s = &shm->slots[slot];

    hd_shm_lock(shm);

    if (s->pid == 0 || hd_load(&s->quitting)
        || s->tail - s->head >= HD_GRANT_RING)
    {
        goto refused;
    }

    c = hd_grant_campaign_locked(shm, g);

    if (g->campaign != HD_NONE
        && (c == NULL || c->state != HD_CAMPAIGN_RUNNING))
    {
        goto refused;
    }

    i = hd_grant_vacant_locked(shm);
    if (i == HD_NONE) {
        goto refused;
    }

    hd_shm_tear_locked(shm, HD_TORN_GRANTS);

    g->slot = slot;
    hd_grant_fill_locked(shm, i, g);

    shm->grants->used[i / 64] |= 1ull << (i % 64);
    s->ring[s->tail % HD_GRANT_RING] = g->id;
    hd_store(&s->tail, s->tail + 1);
    hd_store_word(&s->grants, s->grants + 1);

    if (c != NULL) {
        c->granted++;

        if (g->from == c->next) {
            c->next = g->to + 1;
        }
    }

    hd_shm_mend_locked(shm);
    hd_shm_unlock(shm);

    return HD_OK;

refused:

    hd_shm_unlock(shm);

    return HD_ERROR;
}


int
hd_grant_take(hd_shm_t *shm, uint32_t slot, hd_grant_t *g)
{
    uint32_t          id;
    hd_slot_node_t   *s;
    hd_grant_node_t  *n;

    if (slot >= HD_SLOTS) {
        return 0;
    }

    s = &shm->slots[slot];

    if (hd_load(&s->head) == hd_load(&s->tail)
        && hd_load(&shm->head->dirty) == 0)
    {
        return 0;
    }

    hd_shm_lock(shm);

    while (s->head != s->tail) {
        id = s->ring[s->head % HD_GRANT_RING];
        n = &shm->grants->nodes[hd_grant_index(id)];

        if (n->state != HD_GRANT_GIVEN || n->g.id != id
            || n->g.slot != slot)
        {
            hd_store(&s->head, s->head + 1);
            continue;
        }

        /* two words; killed between them, the id is passed over (4.) */
        *g = n->g;
        hd_store(&n->state, HD_GRANT_TAKEN);
        hd_store(&s->head, s->head + 1);

        hd_shm_unlock(shm);
        return 1;
    }

    hd_shm_unlock(shm);

    return 0;
}


void
hd_grant_end(hd_shm_t *shm, uint32_t id)
{
    uint32_t          i;
    hd_slot_node_t   *s;
    hd_campaign_t    *c;
    hd_grant_node_t  *n;

    i = hd_grant_index(id);
    n = &shm->grants->nodes[i];

    hd_shm_lock(shm);

    if (id == HD_NONE || n->state == HD_GRANT_FREE || n->g.id != id) {
        hd_shm_unlock(shm);
        return;
    }

    hd_shm_tear_locked(shm, HD_TORN_GRANTS);

    hd_store(&n->state, HD_GRANT_FREE);
    shm->grants->used[i / 64] &= ~(1ull << (i % 64));

    s = &shm->slots[n->g.slot];

    if (s->grants > 0) {
        hd_store_word(&s->grants, s->grants - 1);
    }

    c = hd_grant_campaign_locked(shm, &n->g);

    if (c != NULL && c->granted > 0) {
        c->granted--;
    }

    hd_shm_mend_locked(shm);
    hd_shm_unlock(shm);
}


/* A word of the bitmap at a time, so that the lock is never held for long. */

size_t
hd_grant_list(hd_shm_t *shm, uint32_t slot, hd_grant_t *out, size_t n)
{
    size_t            found;
    uint32_t          w, i;
    uint64_t          used;
    hd_grant_node_t  *node;

    found = 0;

    for (w = 0; w < HD_GRANTS / 64 && found < n; w++) {
        if (hd_load(&shm->grants->used[w]) == 0) {
            continue;
        }

        hd_shm_lock(shm);

        used = shm->grants->used[w];

        while (used != 0 && found < n) {
            i = w * 64 + (uint32_t) __builtin_ctzll(used);
            used &= used - 1;
            node = &shm->grants->nodes[i];

            if (slot == HD_NONE || node->g.slot == slot) {
                out[found++] = node->g;
            }
        }

        hd_shm_unlock(shm);
    }

    return found;
}


/* puts a given grant into its slot's ring, which is kept in order of giving */

static void
hd_grant_ring_locked(hd_shm_t *shm, hd_slot_node_t *s, hd_grant_node_t *n)
{
    uint32_t          at, id;
    hd_grant_node_t  *before;

    if (s->tail - s->head >= HD_GRANT_RING) {
        return;
    }

    at = s->tail;
    s->tail++;

    while (at != s->head) {
        id = s->ring[(at - 1) % HD_GRANT_RING];
        before = &shm->grants->nodes[hd_grant_index(id)];

        if (before->order < n->order) {
            break;
        }

        s->ring[at % HD_GRANT_RING] = id;
        at--;
    }

    s->ring[at % HD_GRANT_RING] = n->g.id;
}


void
hd_grant_repair_locked(hd_shm_t *shm)
{
    uint32_t          i;
    hd_campaign_t    *c;
    hd_slot_node_t   *s;
    hd_grant_node_t  *n;

    memset(shm->grants->used, 0, sizeof(shm->grants->used));

    for (i = 0; i < HD_SLOTS; i++) {
        shm->slots[i].head = 0;
        shm->slots[i].tail = 0;
        shm->slots[i].grants = 0;
    }

    for (i = 0; i < HD_CAMPAIGNS; i++) {
        shm->campaigns->nodes[i].granted = 0;
    }

    for (i = 0; i < HD_GRANTS; i++) {
        n = &shm->grants->nodes[i];

        if (n->state == HD_GRANT_FREE) {
            continue;
        }

        if (n->state > HD_GRANT_TAKEN || n->g.slot >= HD_SLOTS
            || hd_grant_index(n->g.id) != i)
        {
            n->state = HD_GRANT_FREE;
            continue;
        }

        shm->grants->used[i / 64] |= 1ull << (i % 64);

        s = &shm->slots[n->g.slot];
        s->grants++;

        if (n->state == HD_GRANT_GIVEN) {
            hd_grant_ring_locked(shm, s, n);
        }

        if (n->order > shm->grants->order) {
            shm->grants->order = n->order;
        }

        c = hd_grant_campaign_locked(shm, &n->g);

        if (c != NULL) {
            c->granted++;

            if (n->g.from == c->next) {
                c->next = n->g.to + 1;
            }
        }
    }
}
