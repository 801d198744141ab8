/*
 * Errands: what workers do beside messages (src/task).  The helper says when:
 * a worker's word in shared memory is set, it is woken, and asks the database
 * for what is due.  Whose turn it is goes round.
 *
 * An errand that is being run has its agenda line ahead by the lease; if its
 * worker dies the line comes due again, in the agenda that is read every minute
 * if nobody said so before.
 */

#include "private.h"


#define HD_ERRAND_AGAIN  200           /* ms: no worker is there yet */


static struct {
    uint32_t      turn;
    unsigned      busy:1;
    unsigned      again:1;
} hd_errand;


static void
hd_errand_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_uuid_t   org, ref;
    ngx_uint_t  i;

    if (hd_sched.stopped) {
        return;
    }

    for (i = 0; i < hd_pg_rows(res); i++) {
        if (hd_pg_value_uuid(res, i, 0, &org) == NGX_OK
            && hd_pg_value_uuid(res, i, 1, &ref) == NGX_OK)
        {
            (void) hd_sched_wheel(HD_TIMER_ERRAND, &org, &ref,
                                  hd_pg_value_int(res, i, 2));
        }
    }
}


static void
hd_errand_loaded(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_errand.busy = 0;

    if (!hd_sched_mine()) {
        return;
    }

    hd_sched_failed(u, outcome, "reading the errands");
    hd_sched_wheel_arm();

    if (hd_errand.again) {
        hd_errand_load();
    }
}


void
hd_errand_load(void)
{
    hd_pg_unit_t  *u;

    if (hd_errand.busy) {
        hd_errand.again = 1;
        return;
    }

    hd_errand.again = 0;

    u = hd_pg_unit(hd_sched.conf.pg, hd_errand_row, hd_errand_loaded, NULL);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_ERRAND_SOON);
    hd_pg_int(u, HD_SCHED_HORIZON);

    hd_errand.busy = (hd_pg_submit(u) == NGX_OK);
}


/* many may be due at once: one worker is told of them all */
void
hd_errand_due(const hd_wheel_timer_t *t)
{
    hd_slot_t  *s;

    if (hd_sched.nslots == 0) {
        (void) hd_sched_wheel(HD_TIMER_ERRAND, &t->org, &t->ref,
                              HD_ERRAND_AGAIN);
        return;
    }

    s = &hd_sched.slots[hd_errand.turn++ % hd_sched.nslots];

    hd_slot_errand(hd_sched.conf.shm, s->index);
    hd_wake_send(hd_sched.conf.wake, s->worker);
}
