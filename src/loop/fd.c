/*
 * fd: a descriptor owned by somebody else, watched level-triggered.
 *
 * Invariants
 *   - Both handlers of the connection are set from the first moment:
 *     worker_shutdown_timeout calls read->handler of every open connection
 *     without a NULL check.  That call has c->close set and is ignored here;
 *     the owner ends its own work by its own limits.
 *   - c->idle and c->reusable stay 0, so that neither a graceful quit nor a
 *     shortage of connections takes the slot away from its owner.
 *   - Never ngx_close_connection: it would close the owner's descriptor.
 *   - After forget, c->fd is -1: a stale event of the same epoll_wait is
 *     dropped by nginx, and the check for open sockets at exit is satisfied.
 */

#include "loop.h"


struct hd_fd_s {
    ngx_connection_t  *connection;
    hd_fd_pt           handler;
    void              *data;
};


static void hd_fd_release(hd_fd_t *w, ngx_uint_t flags);
static ngx_int_t hd_fd_set(ngx_event_t *ev, ngx_int_t event, ngx_uint_t on);
static void hd_fd_handler(ngx_event_t *ev);


hd_fd_t *
hd_fd_watch(ngx_socket_t fd, hd_fd_pt handler, void *data, ngx_log_t *log)
{
    hd_fd_t           *w;
    ngx_connection_t  *c;

    w = ngx_alloc(sizeof(hd_fd_t), log);
    if (w == NULL) {
        return NULL;
    }

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        ngx_free(w);
        return NULL;
    }

    c->data = w;
    c->read->handler = hd_fd_handler;
    c->read->log = log;
    c->write->handler = hd_fd_handler;
    c->write->log = log;

    w->connection = c;
    w->handler = handler;
    w->data = data;

    return w;
}


ngx_int_t
hd_fd_want(hd_fd_t *w, ngx_uint_t events)
{
    ngx_connection_t  *c;

    c = w->connection;

    if (hd_fd_set(c->read, NGX_READ_EVENT, events & HD_FD_READ) != NGX_OK) {
        return NGX_ERROR;
    }

    return hd_fd_set(c->write, NGX_WRITE_EVENT, events & HD_FD_WRITE);
}


void
hd_fd_forget(hd_fd_t *w)
{
    hd_fd_release(w, 0);
}


void
hd_fd_gone(hd_fd_t *w)
{
    /* epoll drops a closed descriptor by itself, and would complain */
    hd_fd_release(w, NGX_CLOSE_EVENT);
}


static void
hd_fd_release(hd_fd_t *w, ngx_uint_t flags)
{
    ngx_connection_t  *c;

    c = w->connection;

    if (c->read->active) {
        (void) ngx_del_event(c->read, NGX_READ_EVENT, flags);
    }

    if (c->write->active) {
        (void) ngx_del_event(c->write, NGX_WRITE_EVENT, flags);
    }

    /* under accept_mutex events are posted before they are handled */

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->write->posted) {
        ngx_delete_posted_event(c->write);
    }

    /* reads c->fd, hence before it is wiped */
    ngx_free_connection(c);
    c->fd = (ngx_socket_t) -1;

    ngx_free(w);
}


static ngx_int_t
hd_fd_set(ngx_event_t *ev, ngx_int_t event, ngx_uint_t on)
{
    /*
     * `active` says what epoll holds.  ngx_handle_read_event is of no use
     * here: it would add EPOLLET.
     */

    if (on && !ev->active) {
        return ngx_add_event(ev, event, NGX_LEVEL_EVENT);
    }

    if (!on && ev->active) {
        return ngx_del_event(ev, event, 0);
    }

    return NGX_OK;
}


static void
hd_fd_handler(ngx_event_t *ev)
{
    hd_fd_t           *w;
    ngx_connection_t  *c;

    c = ev->data;

    if (c->close) {
        return;
    }

    w = c->data;

    /* may free w: nothing follows */
    w->handler(w, ev->write ? HD_FD_WRITE : HD_FD_READ, w->data);
}
