/*
 * loop: every trick with nginx's event loop, once.
 *
 *   hd_fd_t     a descriptor that somebody else owns (libpq, libcurl, an
 *               eventfd), watched level-triggered; nginx never closes it.
 *   hd_timer_t  a timer that debug builds can log, cancelable or holding.
 *   hd_hold     keeps a quitting worker alive while work is in flight.
 *   hd_quit     tells when a graceful quit begins (the only stock hook is an
 *               idle connection; lua-nginx's ngx_http_lua_timer.c taught it).
 *   hd_wake     one eventfd per worker and one for the helper, made before
 *               fork, so that a wake-up is never lost and needs no pid.
 *   hd_lap      runs a handler after the present event (posted), once.
 */

#ifndef HD_LOOP_H
#define HD_LOOP_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>


#define HD_FD_READ   1
#define HD_FD_WRITE  2

typedef struct hd_fd_s  hd_fd_t;

/* `ready` is HD_FD_READ or HD_FD_WRITE; the watch may be forgotten inside */
typedef void (*hd_fd_pt)(hd_fd_t *w, ngx_uint_t ready, void *data);

/* NULL when no connection slot is free (logged).  `idle` 1: the handler is not
 * told of a graceful quit, the watch simply does not hold the worker. */
hd_fd_t *hd_fd_watch(ngx_socket_t fd, hd_fd_pt handler, void *data,
    ngx_log_t *log);
/* sets the wanted set of HD_FD_* (0: none); NGX_ERROR is logged */
ngx_int_t hd_fd_want(hd_fd_t *w, ngx_uint_t events);
/* stops watching and frees; the descriptor stays open and is the owner's */
void hd_fd_forget(hd_fd_t *w);
/* the same when the owner has closed the descriptor already */
void hd_fd_gone(hd_fd_t *w);


typedef struct hd_timer_s  hd_timer_t;
typedef void (*hd_timer_pt)(hd_timer_t *t, void *data);

struct hd_timer_s {
    ngx_connection_t  *ident;          /* debug logging reads ev->data */
    ngx_connection_t   dummy;
    ngx_event_t        ev;
    hd_timer_pt        handler;
    void              *data;
};

/* cancelable: does not keep a quitting worker alive */
void hd_timer_init(hd_timer_t *t, hd_timer_pt handler, void *data,
    ngx_uint_t cancelable, ngx_log_t *log);
/* always re-armed exactly (nginx would keep an old timer within 300 ms) */
void hd_timer_set(hd_timer_t *t, ngx_msec_t ms);
void hd_timer_clear(hd_timer_t *t);
#define hd_timer_is_set(t)  ((t)->ev.timer_set)

/* run `handler` once, after the events of this turn; again only when asked */
typedef struct {
    ngx_event_t        ev;
    void             (*handler)(void *data);
    void              *data;
} hd_lap_t;

void hd_lap_init(hd_lap_t *l, void (*handler)(void *data), void *data,
    ngx_log_t *log);
void hd_lap_post(hd_lap_t *l);
void hd_lap_cancel(hd_lap_t *l);


/* a count of things in flight; while it is not 0 a quitting worker stays
 * (until worker_shutdown_timeout) */
void hd_hold_take(ngx_log_t *log);
void hd_hold_release(void);
ngx_uint_t hd_hold_count(void);

/* handlers run once when this process begins to quit gracefully */
ngx_int_t hd_quit_notice(void (*handler)(void *data), void *data,
    ngx_log_t *log);
/* frees the notice's connection: call in exit_process */
void hd_quit_done(void);


/*
 * Wake-ups.  hd_wake_create is called in init_module (master): slots 0 to n-1
 * are the workers by ngx_worker, slot n the helper.  The descriptors close
 * with cycle->pool, which carries its own list (the next cycle has overwritten
 * any global by then).
 */
typedef struct hd_wake_s  hd_wake_t;

hd_wake_t *hd_wake_create(ngx_cycle_t *cycle, ngx_uint_t n);
/* listen on a slot in this process: the handler runs per turn with news */
ngx_int_t hd_wake_listen(hd_wake_t *w, ngx_uint_t slot,
    void (*handler)(void *data), void *data, ngx_log_t *log);
void hd_wake_send(hd_wake_t *w, ngx_uint_t slot);
/* stop listening: call in exit_process */
void hd_wake_done(hd_wake_t *w);
ngx_uint_t hd_wake_helper(hd_wake_t *w);          /* the helper's slot */
ngx_uint_t hd_wake_workers(hd_wake_t *w);         /* n */


/* the wall clock in µs, read now; and nginx's cached monotonic ms */
int64_t hd_now_us(void);
/* monotonic µs, read now (CLOCK_MONOTONIC, comparable across processes) */
int64_t hd_mono_us(void);

#endif /* HD_LOOP_H */
