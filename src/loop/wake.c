/*
 * wake: one eventfd per worker slot and one for the helper.
 *
 * All are made by the master before it forks, so every process of the cycle
 * can write to every slot, a respawned worker finds the same descriptor with
 * whatever was written while it was dead, and nobody needs to know a pid.
 * Counts coalesce: a wake-up says "look", never "how many".  Data goes into
 * shared memory first, with release order; then comes hd_wake_send.
 *
 * The structure lives in cycle->pool.  After fork each process has its own
 * copy of it, so `watch` says what this process listens on.  Slots 0 … n-1
 * are workers, slot n is the helper; without master processes one process
 * may listen on both.
 */

#include "loop.h"

#include <sys/eventfd.h>


typedef struct {
    int            fd;
    hd_fd_t       *watch;
    void         (*handler)(void *data);
    void          *data;
} hd_wake_slot_t;

struct hd_wake_s {
    ngx_uint_t      n;                 /* workers */
    hd_wake_slot_t  slots[1];          /* n + 1 */
};


static void hd_wake_close(void *data);
static void hd_wake_ready(hd_fd_t *watch, ngx_uint_t ready, void *data);


hd_wake_t *
hd_wake_create(ngx_cycle_t *cycle, ngx_uint_t n)
{
    hd_wake_t           *w;
    ngx_uint_t           i;
    ngx_pool_cleanup_t  *cln;

    w = ngx_pcalloc(cycle->pool,
                    sizeof(hd_wake_t) + n * sizeof(hd_wake_slot_t));
    if (w == NULL) {
        return NULL;
    }

    w->n = n;

    for (i = 0; i <= n; i++) {
        w->slots[i].fd = -1;
    }

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    cln->handler = hd_wake_close;
    cln->data = w;

    for (i = 0; i <= n; i++) {
        w->slots[i].fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

        if (w->slots[i].fd == -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "eventfd() failed");
            return NULL;
        }
    }

    return w;
}


static void
hd_wake_close(void *data)
{
    hd_wake_t   *w = data;
    ngx_uint_t   i;

    for (i = 0; i <= w->n; i++) {
        if (w->slots[i].fd != -1) {
            (void) close(w->slots[i].fd);
            w->slots[i].fd = -1;
        }
    }
}


ngx_int_t
hd_wake_listen(hd_wake_t *w, ngx_uint_t slot, void (*handler)(void *data),
    void *data, ngx_log_t *log)
{
    hd_wake_slot_t  *s;

    if (slot > w->n) {
        ngx_log_error(NGX_LOG_ALERT, log, 0, "no wake-up slot %ui", slot);
        return NGX_ERROR;
    }

    s = &w->slots[slot];

    s->handler = handler;
    s->data = data;

    s->watch = hd_fd_watch(s->fd, hd_wake_ready, s, log);
    if (s->watch == NULL) {
        return NGX_ERROR;
    }

    if (hd_fd_want(s->watch, HD_FD_READ) != NGX_OK) {
        hd_fd_forget(s->watch);
        s->watch = NULL;
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
hd_wake_send(hd_wake_t *w, ngx_uint_t slot)
{
    ssize_t   rc;
    uint64_t  one;

    if (slot > w->n) {
        return;
    }

    one = 1;

    /* fails only when the counter is full, and then the slot is awake */
    rc = write(w->slots[slot].fd, &one, sizeof(one));
    (void) rc;
}


void
hd_wake_done(hd_wake_t *w)
{
    ngx_uint_t  i;

    for (i = 0; i <= w->n; i++) {
        if (w->slots[i].watch) {
            hd_fd_forget(w->slots[i].watch);
            w->slots[i].watch = NULL;
        }
    }
}


ngx_uint_t
hd_wake_helper(hd_wake_t *w)
{
    return w->n;
}


ngx_uint_t
hd_wake_workers(hd_wake_t *w)
{
    return w->n;
}


static void
hd_wake_ready(hd_fd_t *watch, ngx_uint_t ready, void *data)
{
    ssize_t          rc;
    uint64_t         count;
    hd_wake_slot_t  *s = data;

    /* emptied before the handler looks, so that later news wakes again */
    rc = read(s->fd, &count, sizeof(count));

    if (rc != sizeof(count)) {
        return;
    }

    s->handler(s->data);
}
