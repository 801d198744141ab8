/*
 * A number in this worker: how much of it is on its way.
 *
 * One number whose provider answers after half a minute would otherwise hold
 * every connection and every attempt of the worker, and the others would stand
 * still.  So:
 *
 *   alone here        all but a few
 *   one of several    half of the connections, and of the attempts what is its
 *                     part: whose rows are older would else take each one that
 *                     comes free
 *   stalled           a handful: something of it has been on the wire for
 *                     HD_NUMBER_STALL ms since the last answer
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
hd_number_share(hd_number_t *n, ngx_uint_t all, ngx_uint_t parts)
{
#ifdef HD_NO_GUARD_CONCURRENCY
    return all;
#endif

    if (n->flying >= HD_NUMBER_FEW
        && (ngx_msec_int_t) (ngx_current_msec - n->answered)
           > HD_NUMBER_STALL)
    {
        return HD_NUMBER_FEW;
    }

    if (hd_send.nnumbers > 1) {
        return ngx_max(all / parts, ngx_min(all, HD_NUMBER_FEW));
    }

    /* a few are left for whoever comes */
    return ngx_max(all - all / 8, 1);
}


ngx_uint_t
hd_number_may_commit(hd_number_t *n)
{
    return n->attempts < hd_number_share(n, HD_ATTEMPTS_EACH,
                                         hd_send.nnumbers);
}


ngx_uint_t
hd_number_may_fly(hd_number_t *n)
{
    return n->flying < hd_number_share(n, hd_send.conf.connections, 2);
}
