/*
 * A number in this worker: how much of it is on its way.
 *
 * One number whose provider answers after half a minute would otherwise hold
 * every connection and every attempt of the worker, and the others would stand
 * still.  So:
 *
 *   connections       a number may hold as many as are free (alone here: seven
 *                     times as many), so k numbers that never answer leave
 *                     1/(k + 1) to the others, from the first moment on; the
 *                     threshold of Choudhury and Hahne, "Dynamic queue length
 *                     thresholds for shared-memory packet switches" (1998)
 *   attempts          its part: whose rows are older would else take each one
 *                     that comes free; alone, all but an eighth
 *   stalled           a handful of both: something of it has been on the wire
 *                     for HD_NUMBER_STALL ms since the last answer
 *
 * A number lives as long as a job of it does.
 */

#include "private.h"


#define HD_NUMBER_STALL  3000          /* ms */
#define HD_NUMBER_FEW    8
#define HD_ATTEMPTS_EACH (HD_ATTEMPTS / HD_SLOTS)


hd_number_t *
hd_number_take(const hd_uuid_t *id)
{
    hd_number_t  *n;
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&hd_send.numbers);
         q != ngx_queue_sentinel(&hd_send.numbers);
         q = ngx_queue_next(q))
    {
        n = ngx_queue_data(q, hd_number_t, queue);

        if (hd_uuid_eq(&n->id, id)) {
            n->jobs++;
            return n;
        }
    }

    n = ngx_calloc(sizeof(hd_number_t), hd_send.conf.log);
    if (n == NULL) {
        return NULL;
    }

    n->id = *id;
    n->jobs = 1;
    n->answered = ngx_current_msec;

    ngx_queue_insert_head(&hd_send.numbers, &n->queue);
    hd_send.nnumbers++;

    return n;
}


void
hd_number_release(hd_number_t *n)
{
    if (--n->jobs == 0) {
        ngx_queue_remove(&n->queue);
        hd_send.nnumbers--;
        ngx_free(n);
    }
}


static ngx_uint_t
hd_number_stalled(hd_number_t *n)
{
    return n->flying >= HD_NUMBER_FEW
           && (ngx_msec_int_t) (ngx_current_msec - n->answered)
              > HD_NUMBER_STALL;
}


ngx_uint_t
hd_number_may_commit(hd_number_t *n)
{
#ifdef HD_NO_GUARD_CONCURRENCY
    return n->attempts < HD_ATTEMPTS_EACH;
#endif

    if (hd_number_stalled(n)) {
        return n->attempts < HD_NUMBER_FEW;
    }

    if (hd_send.nnumbers > 1) {
        return n->attempts < ngx_max(HD_ATTEMPTS_EACH / hd_send.nnumbers,
                                     HD_NUMBER_FEW);
    }

    /* a few are left for whoever comes */
    return n->attempts < HD_ATTEMPTS_EACH - HD_ATTEMPTS_EACH / 8;
}


/* the caller knows that a connection is free */
ngx_uint_t
hd_number_may_fly(hd_number_t *n)
{
    ngx_uint_t  active, spare;

#ifdef HD_NO_GUARD_CONCURRENCY
    return 1;
#endif

    if (hd_number_stalled(n)) {
        return 0;
    }

    active = hd_egress_active();
    spare = (active < hd_send.conf.connections)
            ? hd_send.conf.connections - active : 0;

    if (hd_send.nnumbers == 1) {
        spare *= 7;
    }

    return n->flying < ngx_max(spare, 1);
}
