/*
 * wheel: the helper's timers.  Hierarchical (11 levels of 64 lists), tickless
 * (a bitmap for each level), to the millisecond; adding, cancelling and firing
 * cost the same with ten timers and with a million.
 *
 * A timer stands on the level of the highest 6-bit group in which its due time
 * differs from `now_ms`, in the list of that group's value:
 *
 *     now_ms  … | 000010 | 101100 | 000000 |      0x2b00
 *     due_ms  … | 000011 | 101101 | 010001 |      0x3b51: level 2, list 3
 *                 level 2  level 1  level 0
 *
 * Invariants
 *   1. A list above the due list holds only times after now_ms, and on its
 *      level a list with a higher number than now_ms's own: so the first bit
 *      of the lowest level that has any is the next moment at which something
 *      happens.
 *   2. When that moment comes, now_ms becomes it and the list is `pending`:
 *      emptied timer by timer, each going to a lower level or to the due list.
 *      On level 0 all are due, and are taken from the list itself.  While a
 *      list is pending it alone may break 1.
 *   3. now_ms moves past lists only when they are empty.  Moving it between
 *      two moments changes no timer's place, for it shares the upper groups of
 *      both.
 *   4. The `used` byte of a node is the truth.  Lists, bitmaps, hash chains,
 *      free list and count are made from it by hd_wheel_repair_locked().
 *
 * (kind, ref) is unique through a hash with chains.  Links are indexes plus
 * one.
 *
 * No call does more than HD_WHEEL_LAP timers under the lock; with more to do
 * it lets go and takes it again, and finds the wheel whole each time.
 */

#include "map.h"


#define HD_WHEEL_LAP   24


typedef enum {
    HD_STEP_NONE = 0,                  /* nothing until `now` */
    HD_STEP_MOVED,                     /* a timer or now_ms went on */
    HD_STEP_DUE                        /* *due is the head of a list */
} hd_wheel_step_e;


static hd_wheel_node_t *
hd_wheel_node(hd_shm_t *shm, uint32_t link)
{
    return &shm->timers[link - 1];
}


static uint32_t *
hd_wheel_head(hd_shm_t *shm, uint32_t kind, const hd_uuid_t *ref)
{
    return &shm->heads[hd_uuid_hash(ref, kind) & (shm->map.nheads - 1)];
}


static uint32_t
hd_wheel_find_locked(hd_shm_t *shm, uint32_t kind, const hd_uuid_t *ref)
{
    uint32_t          link;
    hd_wheel_node_t  *n;

    link = *hd_wheel_head(shm, kind, ref);

    while (link != 0) {
        n = hd_wheel_node(shm, link);

        if (n->kind == kind && hd_uuid_eq(&n->ref, ref)) {
            return link;
        }

        link = n->chain;
    }

    return 0;
}


static void
hd_wheel_link_locked(hd_shm_t *shm, uint32_t link)
{
    uint32_t          level, slot;
    uint64_t          differs;
    hd_wheel_sh_t    *w;
    hd_wheel_node_t  *n;
    hd_wheel_list_t  *l;

    w = shm->wheel;
    n = hd_wheel_node(shm, link);

    if (n->due_ms <= w->now_ms) {
        n->list = HD_WHEEL_DUE;

    } else {
        differs = n->due_ms ^ w->now_ms;
        level = (63 - (uint32_t) __builtin_clzll(differs)) / HD_WHEEL_BITS;
        slot = (n->due_ms >> (level * HD_WHEEL_BITS)) & (HD_WHEEL_SLOTS - 1);

        n->list = level * HD_WHEEL_SLOTS + slot;
        w->bits[level] |= 1ull << slot;
    }

    l = &w->lists[n->list];

    n->next = 0;
    n->prev = l->tail;

    if (l->tail != 0) {
        hd_wheel_node(shm, l->tail)->next = link;

    } else {
        l->head = link;
    }

    l->tail = link;
}


static void
hd_wheel_unlink_locked(hd_shm_t *shm, uint32_t link)
{
    hd_wheel_sh_t    *w;
    hd_wheel_node_t  *n;
    hd_wheel_list_t  *l;

    w = shm->wheel;
    n = hd_wheel_node(shm, link);
    l = &w->lists[n->list];

    if (n->prev != 0) {
        hd_wheel_node(shm, n->prev)->next = n->next;

    } else {
        l->head = n->next;
    }

    if (n->next != 0) {
        hd_wheel_node(shm, n->next)->prev = n->prev;

    } else {
        l->tail = n->prev;
    }

    if (l->head != 0) {
        return;
    }

    if (n->list != HD_WHEEL_DUE) {
        w->bits[n->list / HD_WHEEL_SLOTS] &=
            ~(1ull << (n->list % HD_WHEEL_SLOTS));
    }

    if (w->pending == n->list + 1u) {
        w->pending = 0;
    }
}


/* out of its list and its chain, onto the free list */

static void
hd_wheel_drop_locked(hd_shm_t *shm, uint32_t link)
{
    uint32_t         *at;
    hd_wheel_node_t  *n;

    n = hd_wheel_node(shm, link);

    hd_store(&n->used, 0);

    hd_wheel_unlink_locked(shm, link);

    at = hd_wheel_head(shm, n->kind, &n->ref);

    while (*at != link) {
        at = &hd_wheel_node(shm, *at)->chain;
    }

    *at = n->chain;

    n->next = shm->wheel->free;
    shm->wheel->free = link;
    hd_store_word(&shm->wheel->count, shm->wheel->count - 1);
}


static uint32_t
hd_wheel_vacant_locked(hd_shm_t *shm)
{
    uint32_t        link;
    hd_wheel_sh_t  *w;

    w = shm->wheel;

    if (w->free != 0) {
        link = w->free;
        w->free = hd_wheel_node(shm, link)->next;
        return link;
    }

    if (w->high == shm->map.ntimers) {
        return 0;
    }

    link = w->high + 1;

    /* a node above `high` has never been written: `used` first */
    hd_wheel_node(shm, link)->used = 0;
    hd_store(&w->high, link);

    return link;
}


int
hd_wheel_add(hd_shm_t *shm, const hd_wheel_timer_t *t)
{
    uint32_t          link, *head;
    hd_wheel_node_t  *n;

    if (t->kind > 0xff) {
        return HD_ERROR;
    }

    hd_shm_lock(shm);
    hd_shm_tear_locked(shm, HD_TORN_WHEEL);

    link = hd_wheel_find_locked(shm, t->kind, &t->ref);

    if (link != 0) {
        n = hd_wheel_node(shm, link);

        hd_wheel_unlink_locked(shm, link);
        hd_store_word(&n->due_ms, t->due_ms);

    } else {
        link = hd_wheel_vacant_locked(shm);

        if (link == 0) {
            hd_shm_mend_locked(shm);
            hd_shm_unlock(shm);
            return HD_ERROR;
        }

        n = hd_wheel_node(shm, link);

        n->org = t->org;
        n->ref = t->ref;
        n->due_ms = t->due_ms;
        n->kind = (uint8_t) t->kind;
        hd_store(&n->used, 1);

        head = hd_wheel_head(shm, t->kind, &t->ref);
        n->chain = *head;
        *head = link;
        hd_store_word(&shm->wheel->count, shm->wheel->count + 1);
    }

    hd_wheel_link_locked(shm, link);

    hd_shm_mend_locked(shm);
    hd_shm_unlock(shm);

    return HD_OK;
}


void
hd_wheel_cancel(hd_shm_t *shm, uint32_t kind, const hd_uuid_t *ref)
{
    uint32_t  link;

    hd_shm_lock(shm);

    link = hd_wheel_find_locked(shm, kind, ref);

    if (link != 0) {
        hd_shm_tear_locked(shm, HD_TORN_WHEEL);
        hd_wheel_drop_locked(shm, link);
        hd_shm_mend_locked(shm);
    }

    hd_shm_unlock(shm);
}


/* the next moment and its list + 1; 0 when the wheel is empty.  The lowest
 * level that has any comes before all others (1.). */

static uint32_t
hd_wheel_moment_locked(hd_wheel_sh_t *w, uint64_t *when)
{
    uint32_t  level, slot, shift;
    uint64_t  above;

    for (level = 0; level < HD_WHEEL_LEVELS; level++) {
        if (w->bits[level] == 0) {
            continue;
        }

        slot = (uint32_t) __builtin_ctzll(w->bits[level]);
        shift = level * HD_WHEEL_BITS;

        /* level 10 is the top four bits: nothing is above it */
        above = (shift + HD_WHEEL_BITS < 64)
                ? w->now_ms >> (shift + HD_WHEEL_BITS)
                            << (shift + HD_WHEEL_BITS)
                : 0;

        *when = above | (uint64_t) slot << shift;

        return level * HD_WHEEL_SLOTS + slot + 1;
    }

    return 0;
}


static hd_wheel_step_e
hd_wheel_step_locked(hd_shm_t *shm, uint64_t now_ms, uint32_t *due)
{
    uint32_t        list, link;
    uint64_t        when;
    hd_wheel_sh_t  *w;

    w = shm->wheel;

    if (w->lists[HD_WHEEL_DUE].head != 0) {
        *due = w->lists[HD_WHEEL_DUE].head;
        return HD_STEP_DUE;
    }

    if (w->pending != 0) {
        link = w->lists[w->pending - 1].head;

        if (w->pending <= HD_WHEEL_SLOTS) {
            *due = link;
            return HD_STEP_DUE;
        }

        hd_wheel_unlink_locked(shm, link);
        hd_wheel_link_locked(shm, link);

        return HD_STEP_MOVED;
    }

    list = hd_wheel_moment_locked(w, &when);

    if (list != 0 && when <= now_ms) {
        w->now_ms = when;
        w->pending = list;
        return HD_STEP_MOVED;
    }

    if (now_ms > w->now_ms) {
        w->now_ms = now_ms;
    }

    return HD_STEP_NONE;
}


size_t
hd_wheel_take(hd_shm_t *shm, uint64_t now_ms, hd_wheel_timer_t *out, size_t n)
{
    size_t            taken;
    uint32_t          lap, link;
    hd_wheel_node_t  *node;
    hd_wheel_step_e   step;

    taken = 0;
    step = HD_STEP_MOVED;

    while (step != HD_STEP_NONE && taken < n) {

        hd_shm_lock(shm);
        hd_shm_tear_locked(shm, HD_TORN_WHEEL);

        for (lap = 0; lap < HD_WHEEL_LAP && taken < n; lap++) {

            step = hd_wheel_step_locked(shm, now_ms, &link);

            if (step == HD_STEP_NONE) {
                break;
            }

            if (step == HD_STEP_MOVED) {
                continue;
            }

            node = hd_wheel_node(shm, link);

            out[taken].kind = node->kind;
            out[taken].org = node->org;
            out[taken].ref = node->ref;
            out[taken].due_ms = node->due_ms;
            taken++;

            hd_wheel_drop_locked(shm, link);
        }

        hd_shm_mend_locked(shm);
        hd_shm_unlock(shm);
    }

    return taken;
}


uint64_t
hd_wheel_next(hd_shm_t *shm, uint64_t now_ms, uint64_t max)
{
    uint32_t         lap, link;
    uint64_t         when;
    hd_wheel_step_e  step;

    step = HD_STEP_MOVED;
    when = 0;

    while (step == HD_STEP_MOVED) {

        hd_shm_lock(shm);
        hd_shm_tear_locked(shm, HD_TORN_WHEEL);

        for (lap = 0; lap < HD_WHEEL_LAP && step == HD_STEP_MOVED; lap++) {
            step = hd_wheel_step_locked(shm, now_ms, &link);
        }

        if (step == HD_STEP_NONE
            && hd_wheel_moment_locked(shm->wheel, &when) == 0)
        {
            when = UINT64_MAX;
        }

        hd_shm_mend_locked(shm);
        hd_shm_unlock(shm);
    }

    if (step == HD_STEP_DUE) {
        return 0;
    }

    return (when - now_ms < max) ? when - now_ms : max;
}


size_t
hd_wheel_count(hd_shm_t *shm)
{
    return hd_load(&shm->wheel->count);
}


size_t
hd_wheel_room(hd_shm_t *shm)
{
    return shm->map.ntimers;
}


void
hd_wheel_repair_locked(hd_shm_t *shm)
{
    uint32_t          link, *head;
    hd_wheel_sh_t    *w;
    hd_wheel_node_t  *n;

    w = shm->wheel;

    memset(w->bits, 0, sizeof(w->bits));
    memset(w->lists, 0, sizeof(w->lists));
    memset(shm->heads, 0, shm->map.nheads * sizeof(uint32_t));

    w->count = 0;
    w->free = 0;
    w->pending = 0;

    if (w->high > shm->map.ntimers) {
        w->high = shm->map.ntimers;
    }

    for (link = w->high; link != 0; link--) {
        n = hd_wheel_node(shm, link);

        if (n->used == 1
            && hd_wheel_find_locked(shm, n->kind, &n->ref) == 0)
        {
            head = hd_wheel_head(shm, n->kind, &n->ref);
            n->chain = *head;
            *head = link;
            w->count++;

            hd_wheel_link_locked(shm, link);

        } else {
            n->used = 0;
            n->next = w->free;
            w->free = link;
        }
    }
}
