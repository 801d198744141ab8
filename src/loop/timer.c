/*
 * timer: timers for what is not a connection, laps, and the clocks.
 *
 * Debug builds of nginx log a timer by reading ev->data as a connection, so
 * every timer carries a dummy one with fd -1.
 */

#include "loop.h"

#include <time.h>


static void hd_timer_handler(ngx_event_t *ev);
static void hd_lap_handler(ngx_event_t *ev);
static int64_t hd_clock_us(clockid_t id);


void
hd_timer_init(hd_timer_t *t, hd_timer_pt handler, void *data,
    ngx_uint_t cancelable, ngx_log_t *log)
{
    ngx_memzero(t, sizeof(hd_timer_t));

    t->ident = &t->dummy;
    t->dummy.fd = (ngx_socket_t) -1;
    t->dummy.data = t;

    t->ev.handler = hd_timer_handler;
    t->ev.data = &t->dummy;
    t->ev.log = log;
    t->ev.cancelable = cancelable ? 1 : 0;

    t->handler = handler;
    t->data = data;
}


void
hd_timer_set(hd_timer_t *t, ngx_msec_t ms)
{
    if (t->ev.timer_set) {
        ngx_del_timer(&t->ev);
    }

    ngx_add_timer(&t->ev, ms);
}


void
hd_timer_clear(hd_timer_t *t)
{
    if (t->ev.timer_set) {
        ngx_del_timer(&t->ev);
    }
}


static void
hd_timer_handler(ngx_event_t *ev)
{
    hd_timer_t        *t;
    ngx_connection_t  *dummy;

    dummy = ev->data;
    t = dummy->data;

    ev->timedout = 0;

    t->handler(t, t->data);
}


void
hd_lap_init(hd_lap_t *l, void (*handler)(void *data), void *data,
    ngx_log_t *log)
{
    ngx_memzero(l, sizeof(hd_lap_t));

    l->ev.handler = hd_lap_handler;
    l->ev.data = l;
    l->ev.log = log;
    l->handler = handler;
    l->data = data;
}


void
hd_lap_post(hd_lap_t *l)
{
    ngx_post_event(&l->ev, &ngx_posted_events);
}


void
hd_lap_cancel(hd_lap_t *l)
{
    if (l->ev.posted) {
        ngx_delete_posted_event(&l->ev);
    }
}


static void
hd_lap_handler(ngx_event_t *ev)
{
    hd_lap_t  *l;

    l = ev->data;

    l->handler(l->data);
}


int64_t
hd_now_us(void)
{
    return hd_clock_us(CLOCK_REALTIME);
}


int64_t
hd_mono_us(void)
{
#ifdef HD_NO_GUARD_MONOTONIC
    return hd_clock_us(CLOCK_REALTIME);
#endif
    return hd_clock_us(CLOCK_MONOTONIC);
}


static int64_t
hd_clock_us(clockid_t id)
{
    struct timespec  ts;

    (void) clock_gettime(id, &ts);

    return (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}
