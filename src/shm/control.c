/*
 * control: who the helper is, what all workers must hear of, and the counters.
 *
 * Epoch, owner and what goes with them change together, under the control
 * zone's lock.  The helper that died inside it leaves at worst an epoch
 * without an owner, and its successor claims the next one: there is nothing to
 * repair.
 */

#include "map.h"


static void
hd_control_lock(hd_shm_t *shm)
{
    if (shm->control_lock.lock != NULL) {
        shm->control_lock.lock(shm->control_lock.ctx);
    }
}


static void
hd_control_unlock(hd_shm_t *shm)
{
    if (shm->control_lock.unlock != NULL) {
        shm->control_lock.unlock(shm->control_lock.ctx);
    }
}


uint32_t
hd_control_claim(hd_shm_t *shm, int32_t pid, uint32_t generation,
    uint64_t now_ms)
{
    uint32_t          epoch;
    hd_control_sh_t  *c;

    c = shm->control;

    hd_control_lock(shm);

    if (c->epoch != 0 && c->generation == generation) {
        c->crashes++;
        c->crash_ms = now_ms;

    } else {
        c->crashes = 0;
        c->crash_ms = 0;
    }

    epoch = c->epoch + 1;

    c->owner = pid;
    c->generation = generation;
    c->heartbeat_ms = now_ms;
    hd_store(&c->epoch, epoch);

    hd_control_unlock(shm);

    return epoch;
}


int
hd_control_beat(hd_shm_t *shm, uint32_t epoch, uint64_t now_ms)
{
    int               owner;
    hd_control_sh_t  *c;

    c = shm->control;

    hd_control_lock(shm);

    owner = (c->epoch == epoch);

    if (owner) {
        c->heartbeat_ms = now_ms;
    }

    hd_control_unlock(shm);

    return owner;
}


void
hd_control_read(hd_shm_t *shm, hd_control_t *out)
{
    hd_control_sh_t  *c;

    c = shm->control;

    hd_control_lock(shm);

    out->epoch = c->epoch;
    out->owner = c->owner;
    out->heartbeat_ms = c->heartbeat_ms;
    out->crashes = c->crashes;
    out->crash_ms = c->crash_ms;
    out->generation = c->generation;

    hd_control_unlock(shm);

    out->zone_fresh = !hd_rebuilt(shm);
}


uint32_t
hd_auth_epoch(hd_shm_t *shm)
{
    return hd_load(&shm->control->auth_epoch);
}


void
hd_auth_bump(hd_shm_t *shm)
{
    (void) __atomic_add_fetch(&shm->control->auth_epoch, 1, __ATOMIC_ACQ_REL);
}


void
hd_held_set(hd_shm_t *shm, int held)
{
    hd_store(&shm->control->held, held ? 1 : 0);
}


int
hd_held(hd_shm_t *shm)
{
    return hd_load(&shm->control->held) != 0;
}


/* Kept in the data zone, for it is that zone which was rebuilt: one of another
 * size, after a reload, has not been. */

void
hd_rebuilt_set(hd_shm_t *shm)
{
    hd_store(&shm->head->rebuilt, 1);
}


int
hd_rebuilt(hd_shm_t *shm)
{
    return hd_load(&shm->head->rebuilt) != 0;
}


/*
 * Counters live in the control zone, so they go on after a data zone of
 * another size came; then a worker of either zone may hold the same slot
 * number for a while, hence the atomic add where a store would otherwise do.
 */

void
hd_count(hd_shm_t *shm, uint32_t slot, hd_counter_e c, uint64_t n)
{
    if (slot >= HD_SLOTS || (uint32_t) c >= HD_COUNT_MAX) {
        return;
    }

    (void) __atomic_add_fetch(&shm->control->counters[slot][c], n,
                              __ATOMIC_RELAXED);
}


uint64_t
hd_counter_sum(hd_shm_t *shm, hd_counter_e c)
{
    uint32_t  i;
    uint64_t  sum;

    if ((uint32_t) c >= HD_COUNT_MAX) {
        return 0;
    }

    sum = 0;

    for (i = 0; i < HD_SLOTS; i++) {
        sum += hd_load_word(&shm->control->counters[i][c]);
    }

    return sum;
}


const char *
hd_counter_name(hd_counter_e c)
{
    static const char *const  names[] = {
#define X(name)  #name,
        HD_COUNTERS(X)
#undef X
    };

    return ((uint32_t) c < HD_COUNT_MAX) ? names[c] : "";
}
