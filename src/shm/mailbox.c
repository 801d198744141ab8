/*
 * mailbox: two rings under the lock: broadcasts whose counters changed (any
 * worker marks, somebody takes), and mail from workers to the helper.
 *
 * An entry is written before `tail` shows it and read before `head` lets it
 * go; nothing else is derived from them.  Full rings lose the newest and say
 * so.
 */

#include "map.h"


static int
hd_dirty_has_locked(hd_dirty_sh_t *d, const hd_uuid_t *batch, uint64_t key)
{
    uint32_t  i, at;

    for (i = d->head; i != d->tail; i++) {
        at = i % HD_DIRTY;

        if (d->keys[at] == key && hd_uuid_eq(&d->nodes[at].batch, batch)) {
            return 1;
        }
    }

    return 0;
}


void
hd_dirty_mark(hd_shm_t *shm, const hd_uuid_t *org, const hd_uuid_t *batch)
{
    uint32_t        at;
    uint64_t        key;
    hd_dirty_sh_t  *d;

    d = shm->dirty;
    key = hd_uuid_key(batch);

    hd_shm_lock(shm);

    if (!hd_dirty_has_locked(d, batch, key)) {

        if (d->tail - d->head >= HD_DIRTY) {
            hd_store(&d->lost, 1);

        } else {
            at = d->tail % HD_DIRTY;

            d->keys[at] = key;
            d->nodes[at].org = *org;
            d->nodes[at].batch = *batch;
            hd_store(&d->tail, d->tail + 1);
        }
    }

    hd_shm_unlock(shm);
}


size_t
hd_dirty_take(hd_shm_t *shm, hd_dirty_t *out, size_t n)
{
    size_t          taken;
    hd_dirty_sh_t  *d;

    d = shm->dirty;
    taken = 0;

    if (hd_load(&d->head) == hd_load(&d->tail)) {
        return 0;
    }

    hd_shm_lock(shm);

    while (taken < n && d->head + taken != d->tail) {
        out[taken] = d->nodes[(d->head + taken) % HD_DIRTY];
        taken++;
    }

    hd_store(&d->head, d->head + (uint32_t) taken);

    hd_shm_unlock(shm);

    return taken;
}


int
hd_dirty_lost(hd_shm_t *shm)
{
    return __atomic_exchange_n(&shm->dirty->lost, 0, __ATOMIC_ACQ_REL) != 0;
}


void
hd_mail_send(hd_shm_t *shm, hd_mail_e kind, const hd_uuid_t *org,
    const hd_uuid_t *id)
{
    hd_mail_t        *m;
    hd_mailbox_sh_t  *box;

    box = shm->mailbox;

    hd_shm_lock(shm);

    if (box->tail - box->head >= HD_MAILBOX) {
        hd_store(&box->lost, 1);

    } else {
        m = &box->nodes[box->tail % HD_MAILBOX];

        m->kind = kind;
        m->org = *org;
        m->id = *id;
        hd_store(&box->tail, box->tail + 1);
    }

    hd_shm_unlock(shm);
}


int
hd_mail_take(hd_shm_t *shm, hd_mail_t *m)
{
    int               some;
    hd_mailbox_sh_t  *box;

    box = shm->mailbox;

    if (hd_load(&box->head) == hd_load(&box->tail)) {
        return 0;
    }

    hd_shm_lock(shm);

    some = (box->head != box->tail);

    if (some) {
        *m = box->nodes[box->head % HD_MAILBOX];
        hd_store(&box->head, box->head + 1);
    }

    hd_shm_unlock(shm);

    return some;
}


int
hd_mail_lost(hd_shm_t *shm)
{
    return __atomic_exchange_n(&shm->mailbox->lost, 0, __ATOMIC_ACQ_REL) != 0;
}
