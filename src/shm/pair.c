/*
 * pair: what one number may say to one person.  GCRA as in bucket.c, with a
 * tolerance of HD_PAIR_BURST - 1 intervals: so many at once, then one for each
 * interval, as Meta counts (domain.md 4.2: what is sent ahead is borrowed from
 * the future).
 *
 * Sets of eight entries, found by a hash of both ids.  An entry whose TAT has
 * passed owes nothing and is free; in a full set the one that owes the least
 * is given up, which forgives it that little.  Under the zone's lock: each
 * message looks at one set of 128 bytes.
 */

#include "map.h"


static hd_pair_node_t *
hd_pair_entry_locked(hd_shm_t *shm, const hd_uuid_t *account,
    const hd_uuid_t *contact)
{
    uint32_t         i, set;
    uint64_t         key;
    hd_pair_node_t  *p, *least;

    key = ((uint64_t) hd_uuid_hash(account, 1) << 32)
          ^ hd_uuid_key(contact) ^ hd_uuid_hash(contact, 2);

    if (key == 0) {
        key = 1;
    }

    set = (uint32_t) ((key * 0x9e3779b97f4a7c15ull) >> 32)
          % (HD_PAIRS / HD_PAIR_WAYS);
    p = &shm->pairs[set * HD_PAIR_WAYS];
    least = p;

    for (i = 0; i < HD_PAIR_WAYS; i++) {
        if (p[i].key == key) {
            return &p[i];
        }

        if (p[i].tat_us < least->tat_us) {
            least = &p[i];
        }
    }

    least->tat_us = 0;
    least->key = key;

    return least;
}


int64_t
hd_pair_take(hd_shm_t *shm, const hd_uuid_t *account,
    const hd_uuid_t *contact, int64_t now_us)
{
    int64_t          wait;
    hd_pair_node_t  *p;

    hd_shm_lock(shm);

    p = hd_pair_entry_locked(shm, account, contact);

    wait = p->tat_us - (int64_t) (HD_PAIR_BURST - 1) * HD_PAIR_INTERVAL
           - now_us;

    if (wait <= 0) {
        p->tat_us = (p->tat_us > now_us ? p->tat_us : now_us)
                    + HD_PAIR_INTERVAL;
        wait = 0;
    }

    hd_shm_unlock(shm);

    return wait;
}


void
hd_pair_block(hd_shm_t *shm, const hd_uuid_t *account,
    const hd_uuid_t *contact, int64_t now_us, int64_t us)
{
    int64_t          tat;
    hd_pair_node_t  *p;

    hd_shm_lock(shm);

    p = hd_pair_entry_locked(shm, account, contact);

    tat = now_us + us + (int64_t) (HD_PAIR_BURST - 1) * HD_PAIR_INTERVAL;

    if (p->tat_us < tat) {
        p->tat_us = tat;
    }

    hd_shm_unlock(shm);
}
