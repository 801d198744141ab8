/*
 * egress: curl's multi handle on nginx's loop.
 *
 *   curl says                        here
 *   socket callback: watch fd        a watch (hd_fd_t), level-triggered
 *   socket callback: remove fd       the watch is forgotten; curl closes it
 *   timer callback: ms               one cancelable timer, re-armed exactly
 *   nginx says
 *   fd is ready, timer fired         curl_multi_socket_action, then every
 *                                    finished call is called back
 *
 * Invariants
 *   - A call is either active (in the multi handle, holding the worker) or
 *     spare.  There are never more than conf.connections active ones.
 *   - curl is never called from inside its own callbacks.
 *   - done callbacks run after curl_multi_socket_action returned, so they may
 *     post again.
 */

#include "private.h"


typedef struct {
    hd_fd_t           *watch;
    curl_socket_t      fd;
} hd_egress_socket_t;

typedef struct {
    hd_egress_conf_t   conf;
    ngx_log_t         *log;
    CURLM             *multi;
    hd_timer_t         timer;
    ngx_queue_t        active;
    ngx_queue_t        spare;
    ngx_uint_t         nactive;
    ngx_uint_t         nother;         /* of them, no messages */
    unsigned           leaving:1;
} hd_egress_t;


static ngx_int_t hd_egress_multi(void);
static int hd_egress_socket(CURL *easy, curl_socket_t fd, int what, void *data,
    void *socket);
static int hd_egress_timer(CURLM *multi, long ms, void *data);
static void hd_egress_ready(hd_fd_t *watch, ngx_uint_t ready, void *data);
static void hd_egress_timeout(hd_timer_t *t, void *data);
static void hd_egress_collect(void);
static void hd_egress_finish(hd_egress_call_t *call, CURLcode rc);


static hd_egress_t  hd_egress;


ngx_int_t
hd_egress_init(const hd_egress_conf_t *conf, ngx_log_t *log)
{
    ngx_memzero(&hd_egress, sizeof(hd_egress_t));

    hd_egress.conf = *conf;
    hd_egress.log = log;

    ngx_queue_init(&hd_egress.active);
    ngx_queue_init(&hd_egress.spare);
    hd_timer_init(&hd_egress.timer, hd_egress_timeout, NULL, 1, log);

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "curl_global_init() failed");
        return NGX_ERROR;
    }

    hd_egress.multi = curl_multi_init();

    if (hd_egress.multi == NULL || hd_egress_multi() != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, log, 0, "curl_multi_init() failed");
        hd_egress_exit();
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
hd_egress_multi(void)
{
    CURLM  *m = hd_egress.multi;
    long    total, host;

    total = (long) hd_egress.conf.connections;
    host = (long) hd_egress.conf.host_connections;

    if (curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, hd_egress_socket)
        || curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, hd_egress_timer)
        || curl_multi_setopt(m, CURLMOPT_MAX_TOTAL_CONNECTIONS, total)
        || curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, host)
        || curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, total))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


void
hd_egress_exit(void)
{
    ngx_queue_t       *q;
    hd_egress_call_t  *call;

    if (hd_egress.multi == NULL) {
        return;
    }

    hd_egress.leaving = 1;

    while (!ngx_queue_empty(&hd_egress.active)) {
        q = ngx_queue_head(&hd_egress.active);
        call = ngx_queue_data(q, hd_egress_call_t, queue);

        ngx_cpystrn((u_char *) call->error, (u_char *) "the process ended",
                    CURL_ERROR_SIZE);
        hd_egress_finish(call, CURLE_ABORTED_BY_CALLBACK);
    }

    while (!ngx_queue_empty(&hd_egress.spare)) {
        q = ngx_queue_head(&hd_egress.spare);
        ngx_queue_remove(q);

        hd_egress_call_free(ngx_queue_data(q, hd_egress_call_t, queue));
    }

    /* closes the kept connections, and calls back for those it watches */
    (void) curl_multi_cleanup(hd_egress.multi);
    hd_egress.multi = NULL;

    hd_timer_clear(&hd_egress.timer);

    curl_global_cleanup();
}


ngx_uint_t
hd_egress_active(void)
{
    return hd_egress.nactive;
}


ngx_int_t
hd_egress_post(const hd_str_t *url, const hd_str_t *headers,
    ngx_uint_t nheaders, const hd_str_t *body, hd_egress_done_pt done,
    void *data)
{
    ngx_queue_t       *q;
    hd_egress_call_t  *call;

    if (hd_egress.multi == NULL || hd_egress.leaving) {
        return NGX_ERROR;
    }

    if (hd_egress.nactive >= hd_egress.conf.connections) {
        return NGX_BUSY;
    }

    if (ngx_queue_empty(&hd_egress.spare)) {
        call = hd_egress_call_create(&hd_egress.conf, hd_egress.log);
        if (call == NULL) {
            return NGX_ERROR;
        }

    } else {
        q = ngx_queue_head(&hd_egress.spare);
        ngx_queue_remove(q);
        call = ngx_queue_data(q, hd_egress_call_t, queue);
    }

    if (hd_egress_call_fill(call, url, headers, nheaders, body, hd_egress.log)
        != NGX_OK)
    {
        ngx_queue_insert_head(&hd_egress.spare, &call->queue);
        return NGX_ERROR;
    }

    return hd_egress_begin(call, done, data);
}


hd_egress_call_t *
hd_egress_other(ngx_int_t *rc)
{
    hd_egress_call_t  *call;

    if (hd_egress.multi == NULL || hd_egress.leaving
        || hd_egress.nactive >= hd_egress.conf.connections
        || hd_egress.nother >= ngx_max(hd_egress.conf.connections / 4, 1))
    {
        *rc = NGX_BUSY;
        return NULL;
    }

    call = hd_egress_call_create(&hd_egress.conf, hd_egress.log);

    if (call == NULL) {
        *rc = NGX_ERROR;
        return NULL;
    }

    call->other = 1;
    *rc = NGX_OK;

    return call;
}


ngx_int_t
hd_egress_begin(hd_egress_call_t *call, hd_egress_done_pt done, void *data)
{
    CURLMcode  rc;

    call->done = done;
    call->data = data;

    /* starts nothing yet: it asks for a timer of 0 ms */
    rc = curl_multi_add_handle(hd_egress.multi, call->easy);

    if (rc != CURLM_OK) {
        ngx_log_error(NGX_LOG_ERR, hd_egress.log, 0, "egress: %s",
                      curl_multi_strerror(rc));

        if (call->other) {
            hd_egress_call_free(call);

        } else {
            ngx_queue_insert_head(&hd_egress.spare, &call->queue);
        }

        return NGX_ERROR;
    }

    ngx_queue_insert_tail(&hd_egress.active, &call->queue);
    hd_egress.nactive++;
    hd_egress.nother += call->other;
    hd_hold_take(hd_egress.log);

    return NGX_OK;
}


/*
 * Never answers -1, which would abort every transfer: one that cannot be
 * watched ends by its own time limit.
 */

static int
hd_egress_socket(CURL *easy, curl_socket_t fd, int what, void *data,
    void *socket)
{
    ngx_uint_t           want;
    hd_egress_socket_t  *s = socket;

    if (what == CURL_POLL_REMOVE) {
        if (s) {
            hd_fd_forget(s->watch);
            ngx_free(s);
        }

        return 0;
    }

    if (s == NULL) {
        s = ngx_alloc(sizeof(hd_egress_socket_t), hd_egress.log);
        if (s == NULL) {
            return 0;
        }

        s->fd = fd;
        s->watch = hd_fd_watch(fd, hd_egress_ready, s, hd_egress.log);

        if (s->watch == NULL) {
            ngx_free(s);
            return 0;
        }

        (void) curl_multi_assign(hd_egress.multi, fd, s);
    }

    want = ((what & CURL_POLL_IN) ? HD_FD_READ : 0)
           | ((what & CURL_POLL_OUT) ? HD_FD_WRITE : 0);

    (void) hd_fd_want(s->watch, want);

    return 0;
}


static int
hd_egress_timer(CURLM *multi, long ms, void *data)
{
    if (ms < 0) {
        hd_timer_clear(&hd_egress.timer);
        return 0;
    }

    hd_timer_set(&hd_egress.timer, (ngx_msec_t) ms);

    return 0;
}


static void
hd_egress_ready(hd_fd_t *watch, ngx_uint_t ready, void *data)
{
    int                  running;
    hd_egress_socket_t  *s = data;

    /* s and the watch may be freed inside */
    (void) curl_multi_socket_action(hd_egress.multi, s->fd,
                                    ready == HD_FD_WRITE ? CURL_CSELECT_OUT
                                                         : CURL_CSELECT_IN,
                                    &running);
    hd_egress_collect();
}


static void
hd_egress_timeout(hd_timer_t *t, void *data)
{
    int  running;

    (void) curl_multi_socket_action(hd_egress.multi, CURL_SOCKET_TIMEOUT, 0,
                                    &running);
    hd_egress_collect();
}


static void
hd_egress_collect(void)
{
    int       left;
    char     *call;
    CURLMsg  *msg;

    for ( ;; ) {
        msg = curl_multi_info_read(hd_egress.multi, &left);

        if (msg == NULL) {
            return;
        }

        if (msg->msg != CURLMSG_DONE) {
            continue;
        }

        (void) curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &call);

        /* msg is gone once the handle is removed */
        hd_egress_finish((hd_egress_call_t *) call, msg->data.result);
    }
}


static void
hd_egress_finish(hd_egress_call_t *call, CURLcode rc)
{
    hd_egress_answer_t  answer;

    hd_egress_call_answer(call, rc, &answer);

    if (call->mail) {
        hd_egress_mail_answer(rc, &answer);
    }

    if (call->path) {
        hd_egress_file_end(call, &answer);
    }

    (void) curl_multi_remove_handle(hd_egress.multi, call->easy);

    ngx_queue_remove(&call->queue);
    hd_egress.nactive--;

    hd_egress.nother -= call->other;

    call->done(call->data, &answer);

    if (call->other) {
        hd_egress_call_free(call);

    } else {
        hd_egress_call_rest(call);
        ngx_queue_insert_head(&hd_egress.spare, &call->queue);
    }

    /* after the callback: what it starts must find the worker still held */
    hd_hold_release();
}
