/*
 * hold: what decides when a quitting worker may leave, and how it hears that
 * it should.
 *
 * A worker that quits gracefully leaves at the first turn of the loop with no
 * timer but cancelable ones; open sockets do not count.  So while something
 * is in flight one non-cancelable timer is kept armed.  Things come and go
 * tens of thousands of times a second, therefore the timer is not removed
 * with the last of them: it looks once in HD_HOLD_LOOK, and is removed at
 * once only when the worker is quitting.
 *
 *     count    quitting   timer
 *     > 0      any        armed
 *     0        no         armed until it next fires, then off
 *     0        yes        off (release, or the quit notice, clears it)
 *     any      time's up  off (worker_shutdown_timeout)
 *
 * The notice: at a graceful quit nginx calls read->handler of every idle
 * connection with c->close set.  Ours stands on an eventfd that is never
 * polled; it is a real descriptor, because some event methods index an array
 * by it.  worker_shutdown_timeout calls the handler once more, with c->error
 * set, and that ends every hold.
 */

#include "loop.h"

#include <sys/eventfd.h>


#define HD_HOLD_LOOK  1000


typedef struct hd_quit_handler_s  hd_quit_handler_t;

struct hd_quit_handler_s {
    void               (*handler)(void *data);
    void                *data;
    hd_quit_handler_t   *next;
};


static void hd_hold_look(hd_timer_t *t, void *data);
static ngx_int_t hd_quit_listen(ngx_log_t *log);
static void hd_quit_fire(ngx_event_t *ev);


static ngx_uint_t           hd_hold_n;
static ngx_uint_t           hd_hold_ready;
static ngx_uint_t           hd_hold_over;
static hd_timer_t           hd_hold_timer;

static ngx_connection_t    *hd_quit_connection;
static hd_quit_handler_t   *hd_quit_handlers;
static hd_quit_handler_t  **hd_quit_last = &hd_quit_handlers;
static ngx_uint_t           hd_quit_fired;


void
hd_hold_take(ngx_log_t *log)
{
    if (!hd_hold_ready) {
        /* the first caller's log may be a request's; this timer outlives it */
        hd_timer_init(&hd_hold_timer, hd_hold_look, NULL, 0, ngx_cycle->log);
        hd_hold_ready = 1;

        /* without it worker_shutdown_timeout could not end the holds */
        if (hd_quit_connection == NULL) {
            (void) hd_quit_listen(ngx_cycle->log);
        }
    }

    hd_hold_n++;

#ifndef HD_NO_GUARD_HOLD
    if (!hd_hold_over && !hd_timer_is_set(&hd_hold_timer)) {
        hd_timer_set(&hd_hold_timer, HD_HOLD_LOOK);
    }
#endif
}


void
hd_hold_release(void)
{
    if (hd_hold_n == 0) {
        ngx_log_error(NGX_LOG_ALERT, ngx_cycle->log, 0,
                      "a hold was released more often than taken");
        return;
    }

    hd_hold_n--;

    if (hd_hold_n == 0 && ngx_exiting) {
        hd_timer_clear(&hd_hold_timer);
    }
}


ngx_uint_t
hd_hold_count(void)
{
    return hd_hold_n;
}


static void
hd_hold_look(hd_timer_t *t, void *data)
{
    if (hd_hold_n) {
        hd_timer_set(t, HD_HOLD_LOOK);
    }
}


ngx_int_t
hd_quit_notice(void (*handler)(void *data), void *data, ngx_log_t *log)
{
    hd_quit_handler_t  *q;

    if (hd_quit_connection == NULL && hd_quit_listen(log) != NGX_OK) {
        return NGX_ERROR;
    }

    q = ngx_alloc(sizeof(hd_quit_handler_t), log);
    if (q == NULL) {
        return NGX_ERROR;
    }

    q->handler = handler;
    q->data = data;
    q->next = NULL;

    *hd_quit_last = q;
    hd_quit_last = &q->next;

    return NGX_OK;
}


void
hd_quit_done(void)
{
    ngx_socket_t        fd;
    hd_quit_handler_t  *q;

    while (hd_quit_handlers) {
        q = hd_quit_handlers;
        hd_quit_handlers = q->next;
        ngx_free(q);
    }

    hd_quit_last = &hd_quit_handlers;

    if (hd_quit_connection) {
        fd = hd_quit_connection->fd;

        ngx_free_connection(hd_quit_connection);
        hd_quit_connection->fd = (ngx_socket_t) -1;
        hd_quit_connection = NULL;

        (void) close(fd);
    }
}


static ngx_int_t
hd_quit_listen(ngx_log_t *log)
{
    int                fd;
    ngx_connection_t  *c;

    fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno, "eventfd() failed");
        return NGX_ERROR;
    }

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    c->idle = 1;
    c->read->handler = hd_quit_fire;
    c->read->log = log;
    c->write->handler = hd_quit_fire;
    c->write->log = log;

    hd_quit_connection = c;
    hd_quit_fired = 0;

    return NGX_OK;
}


static void
hd_quit_fire(ngx_event_t *ev)
{
    ngx_connection_t   *c;
    hd_quit_handler_t  *q;

    c = ev->data;

    if (c->error && hd_hold_ready) {
        hd_hold_over = 1;
        hd_timer_clear(&hd_hold_timer);
    }

    if (hd_quit_fired) {
        return;
    }

    hd_quit_fired = 1;

    for (q = hd_quit_handlers; q; q = q->next) {
        q->handler(q->data);
    }

    if (hd_hold_ready && hd_hold_n == 0) {
        hd_timer_clear(&hd_hold_timer);
    }
}
