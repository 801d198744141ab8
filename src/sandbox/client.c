/*
 * The HTTP client that posts webhooks: HTTP/1.1 with keep-alive, plain, to an
 * address in numbers, at most HD_SB_CONNECTIONS at a time in a worker.
 *
 *   (slot empty) -- connect --> busy -- answered --> idle -- next job --> busy
 *        ^                       |                     |
 *        '------ failed, closed, not kept alive -------'
 *
 * A connection with a job is busy; one without is idle and carries c->idle,
 * so that nginx closes it at a graceful quit.  Every timer is cancelable.
 * A job that fails goes to hd_sb.retries and comes back when it is due.
 */

#include "sandbox.h"


#define HD_SB_CONNECT_TIMEOUT  5000
#define HD_SB_ANSWER_TIMEOUT   20000
#define HD_SB_RETRY_FIRST      500
#define HD_SB_RETRY_MAX        30000
#define HD_SB_RETRY_TOTAL      600000


typedef struct {
    ngx_peer_connection_t   peer;
    ngx_connection_t       *c;         /* NULL: the slot is empty */
    hd_sb_job_t            *job;       /* NULL: idle */
    ngx_sockaddr_t          addr;
    socklen_t               socklen;
    ngx_str_t               name;
    u_char                  name_text[NGX_SOCKADDR_STRLEN];
    hd_buf_t                head;
    ngx_buf_t               bufs[2];
    ngx_chain_t             chain[2];
    ngx_chain_t            *out;       /* not yet sent */
    ngx_msec_t              used;
    hd_sb_response_t        resp;
    unsigned                connected:1;
    unsigned                reused:1;
    unsigned                received:1;  /* some of the answer */
} hd_sb_conn_t;


static hd_sb_conn_t *hd_sb_conn_get(hd_sb_number_t *n);
static void hd_sb_conn_start(hd_sb_conn_t *conn, hd_sb_job_t *job);
static ngx_int_t hd_sb_conn_connect(hd_sb_conn_t *conn, hd_sb_number_t *n);
static ngx_int_t hd_sb_conn_request(hd_sb_conn_t *conn, hd_sb_job_t *job);
static void hd_sb_conn_write(ngx_event_t *wev);
static void hd_sb_conn_read(ngx_event_t *rev);
static void hd_sb_conn_done(hd_sb_conn_t *conn);
static void hd_sb_conn_failed(hd_sb_conn_t *conn, const char *why);
static void hd_sb_conn_close(hd_sb_conn_t *conn);
static void hd_sb_job_delivered(hd_sb_job_t *job);
static void hd_sb_job_failed(hd_sb_job_t *job, const char *why,
    ngx_uint_t status);
static ngx_int_t hd_sb_test_connect(ngx_connection_t *c);


static hd_sb_conn_t  hd_sb_conns[HD_SB_CONNECTIONS];
static ngx_uint_t    hd_sb_pumping;


void
hd_sb_client_pump(void)
{
    ngx_queue_t     *q;
    hd_sb_job_t     *job;
    hd_sb_conn_t    *conn;
    hd_sb_number_t  *n;

    if (hd_sb_pumping) {
        return;
    }

    hd_sb_pumping = 1;

    while (!ngx_queue_empty(&hd_sb.active)) {

        q = ngx_queue_head(&hd_sb.active);
        n = ngx_queue_data(q, hd_sb_number_t, active);
        job = NULL;

        if (n->set.sockaddr == NULL) {
            hd_sb_record_drop(n);

        } else if (!n->set.hold && n->retrying < HD_SB_RETRYING) {

            conn = hd_sb_conn_get(n);
            if (conn == NULL) {
                break;
            }

            /* replies that fell due with a batch become jobs beside it */

            if (ngx_queue_empty(&n->jobs)) {
                job = hd_sb_record_batch(n);
            }

            if (job == NULL && !ngx_queue_empty(&n->jobs)) {
                job = ngx_queue_data(ngx_queue_head(&n->jobs), hd_sb_job_t,
                                     queue);
                ngx_queue_remove(&job->queue);
            }

            if (job != NULL) {
                hd_sb_conn_start(conn, job);
            }
        }

        /* the next number's turn; this one stays only if it had work */

        ngx_queue_remove(q);
        n->queued = 0;

        if (job != NULL) {
            hd_sb_number_activate(n);
        }
    }

    hd_sb_pumping = 0;
}


void
hd_sb_client_retries(void)
{
    ngx_queue_t     *q, *next;
    hd_sb_job_t     *job;
    hd_sb_number_t  *n;

    for (q = ngx_queue_head(&hd_sb.retries);
         q != ngx_queue_sentinel(&hd_sb.retries);
         q = next)
    {
        next = ngx_queue_next(q);
        job = ngx_queue_data(q, hd_sb_job_t, queue);
        n = job->number;

        if ((ngx_msec_int_t) (ngx_current_msec - job->next) < 0
            && n->set.sockaddr != NULL)
        {
            continue;
        }

        ngx_queue_remove(q);
        n->retrying--;

        if (n->set.sockaddr == NULL) {
            hd_sb_job_free(job);
            continue;
        }

        hd_sb_job_queue(job);
    }
}


void
hd_sb_client_exit(void)
{
    ngx_uint_t  i;

    for (i = 0; i < HD_SB_CONNECTIONS; i++) {
        if (hd_sb_conns[i].c != NULL) {
            hd_sb_conn_close(&hd_sb_conns[i]);
        }
    }
}


/* an idle connection to the number's receiver, or a slot to connect in */

static hd_sb_conn_t *
hd_sb_conn_get(hd_sb_number_t *n)
{
    ngx_uint_t     i;
    hd_sb_conn_t  *conn, *empty, *oldest;

    empty = NULL;
    oldest = NULL;

    for (i = 0; i < HD_SB_CONNECTIONS; i++) {
        conn = &hd_sb_conns[i];

        if (conn->c == NULL) {
            empty = conn;
            continue;
        }

        if (conn->job != NULL) {
            continue;
        }

        if (ngx_cmp_sockaddr(&conn->addr.sockaddr, conn->socklen,
                             n->set.sockaddr, n->set.socklen, 1)
            == NGX_OK)
        {
            return conn;
        }

        if (oldest == NULL
            || (ngx_msec_int_t) (conn->used - oldest->used) < 0)
        {
            oldest = conn;
        }
    }

    if (empty == NULL && oldest != NULL) {
        hd_sb_conn_close(oldest);
        empty = oldest;
    }

    return empty;
}


static void
hd_sb_conn_start(hd_sb_conn_t *conn, hd_sb_job_t *job)
{
    int64_t             i;
    ngx_int_t           rc;
    ngx_connection_t   *c;
    hd_sb_settings_t   *set;

    set = &job->number->set;
    conn->job = job;
    job->attempts++;

    if (job->attempts == 1 && !job->verify && !job->duplicate
        && hd_sb_random() < set->duplicates)
    {
        for (i = 0; i < set->duplicate_times; i++) {
            hd_sb_job_duplicate(job);
        }
    }

    hd_sb_response_init(&conn->resp);
    conn->received = 0;
    conn->reused = (conn->c != NULL);

    if (hd_sb_conn_request(conn, job) != NGX_OK) {
        hd_sb_conn_failed(conn, "no memory");
        return;
    }

    if (conn->reused) {
        c = conn->c;
        c->idle = 0;
        c->log = ngx_cycle->log;
        c->read->log = c->log;
        c->write->log = c->log;

    } else {
        rc = hd_sb_conn_connect(conn, job->number);

        if (rc != NGX_OK) {
            if (rc != NGX_AGAIN) {
                hd_sb_conn_failed(conn, "cannot connect");
            }

            return;
        }

        c = conn->c;
    }

    ngx_add_timer(c->read, HD_SB_ANSWER_TIMEOUT);
    hd_sb_conn_write(c->write);
}


static ngx_int_t
hd_sb_conn_connect(hd_sb_conn_t *conn, hd_sb_number_t *n)
{
    ngx_int_t               rc;
    ngx_connection_t       *c;
    ngx_peer_connection_t  *pc;

    ngx_memcpy(&conn->addr, n->set.sockaddr, n->set.socklen);
    conn->socklen = n->set.socklen;
    conn->name.data = conn->name_text;
    conn->name.len = ngx_sock_ntop(&conn->addr.sockaddr, conn->socklen,
                                   conn->name_text, NGX_SOCKADDR_STRLEN, 1);
    conn->connected = 0;

    pc = &conn->peer;
    ngx_memzero(pc, sizeof(ngx_peer_connection_t));

    pc->sockaddr = &conn->addr.sockaddr;
    pc->socklen = conn->socklen;
    pc->name = &conn->name;
    pc->get = ngx_event_get_peer;
    pc->log = ngx_cycle->log;
    pc->log_error = NGX_ERROR_INFO;

    rc = ngx_event_connect_peer(pc);

    if (rc != NGX_OK && rc != NGX_AGAIN) {
        if (pc->connection != NULL) {
            ngx_close_connection(pc->connection);
        }

        return NGX_ERROR;
    }

    c = pc->connection;
    conn->c = c;

    c->data = conn;
    c->addr_text = conn->name;
    c->read->handler = hd_sb_conn_read;
    c->write->handler = hd_sb_conn_write;
    c->read->cancelable = 1;

    if (rc == NGX_AGAIN) {
        ngx_add_timer(c->read, HD_SB_CONNECT_TIMEOUT);
    }

    return rc;
}


/* head and body into conn->out */

static ngx_int_t
hd_sb_conn_request(hd_sb_conn_t *conn, hd_sb_job_t *job)
{
    u_char             mac[32], hex[64];
    hd_buf_t          *b;
    hd_sb_settings_t  *set;

    set = &job->number->set;
    b = &conn->head;
    hd_buf_reset(b);

    hd_buf_z(b, job->verify ? "GET " : "POST ");

    if (job->path.len > 0) {
        hd_buf_add(b, job->path.data, job->path.len);

    } else {
        hd_buf_add(b, set->uri.data, set->uri.len);
    }

    if (job->verify) {
        hd_buf_char(b, ngx_strlchr(set->uri.data,
                                   set->uri.data + set->uri.len, '?')
                       ? '&' : '?');
        hd_buf_z(b, "hub.mode=subscribe&hub.challenge=");
        hd_buf_add(b, job->body.data, job->body.len);
        hd_buf_z(b, "&hub.verify_token=");

        if (hd_buf_reserve(b, set->verify_token.len * 3) != HD_OK) {
            return NGX_ERROR;
        }

        b->len = (u_char *) ngx_escape_uri(b->data + b->len,
                                           set->verify_token.data,
                                           set->verify_token.len,
                                           NGX_ESCAPE_URI_COMPONENT)
                 - b->data;
    }

    hd_buf_z(b, " HTTP/1.1\r\nHost: ");
    hd_buf_add(b, set->host.data, set->host.len);
    hd_buf_z(b, "\r\nUser-Agent: facebookexternalua\r\nAccept: */*\r\n");

    if (job->head.len > 0) {
        hd_buf_add(b, job->head.data, job->head.len);

    } else if (!job->verify) {
        hd_buf_z(b, "Content-Type: application/json\r\nContent-Length: ");
        hd_buf_int(b, job->body.len);
        hd_buf_z(b, "\r\n");

        if (set->waha) {
            hd_sb_waha_headers(b, job);

        } else if (set->app_secret.len > 0) {
            hd_hmac_sha256(set->app_secret.data, set->app_secret.len,
                           job->body.data, job->body.len, mac);
            hd_hex(hex, mac, 32);
            hd_buf_z(b, "X-Hub-Signature-256: sha256=");
            hd_buf_add(b, hex, 64);
            hd_buf_z(b, "\r\n");
        }
    }

    hd_buf_z(b, "\r\n");

    if (b->failed || job->body.failed || job->path.failed
        || job->head.failed)
    {
        return NGX_ERROR;
    }

    ngx_memzero(conn->bufs, sizeof(conn->bufs));

    conn->bufs[0].pos = b->data;
    conn->bufs[0].last = b->data + b->len;
    conn->bufs[0].memory = 1;
    conn->bufs[1].pos = job->body.data;
    conn->bufs[1].last = job->body.data + job->body.len;
    conn->bufs[1].memory = 1;

    conn->chain[0].buf = &conn->bufs[0];
    conn->chain[0].next = job->verify ? NULL : &conn->chain[1];
    conn->chain[1].buf = &conn->bufs[1];
    conn->chain[1].next = NULL;
    conn->out = &conn->chain[0];

    return NGX_OK;
}


static void
hd_sb_conn_write(ngx_event_t *wev)
{
    hd_sb_conn_t      *conn;
    ngx_connection_t  *c;

    c = wev->data;
    conn = c->data;

    if (conn->job == NULL) {
        return;
    }

    if (!conn->connected) {
        if (hd_sb_test_connect(c) != NGX_OK) {
            hd_sb_conn_failed(conn, "cannot connect");
            return;
        }

        conn->connected = 1;
        (void) ngx_tcp_nodelay(c);
        ngx_add_timer(c->read, HD_SB_ANSWER_TIMEOUT);
    }

    if (conn->out == NULL) {
        return;
    }

    conn->out = c->send_chain(c, conn->out, 0);

    if (conn->out == NGX_CHAIN_ERROR) {
        conn->out = NULL;
        hd_sb_conn_failed(conn, "sending failed");
        return;
    }

    if (ngx_handle_write_event(wev, 0) != NGX_OK) {
        hd_sb_conn_failed(conn, "sending failed");
    }
}


static void
hd_sb_conn_read(ngx_event_t *rev)
{
    u_char             buf[4096];
    ssize_t            n;
    ngx_int_t          rc;
    hd_sb_conn_t      *conn;
    ngx_connection_t  *c;

    c = rev->data;
    conn = c->data;

    if (conn->job == NULL) {
        /* idle: it was closed, or says what nobody asked for, or we leave */
        if (!c->close) {
            n = c->recv(c, buf, sizeof(buf));

            if (n == NGX_AGAIN && ngx_handle_read_event(rev, 0) == NGX_OK) {
                return;
            }
        }

        hd_sb_conn_close(conn);
        return;
    }

    if (rev->timedout || c->close) {
        hd_sb_conn_failed(conn, "timed out");
        return;
    }

    if (!conn->connected) {
        /* the write event tells */
        return;
    }

    for ( ;; ) {
        n = c->recv(c, buf, sizeof(buf));

        if (n == NGX_AGAIN) {
            if (ngx_handle_read_event(rev, 0) != NGX_OK) {
                hd_sb_conn_failed(conn, "reading failed");
            }

            return;
        }

        if (n == NGX_ERROR) {
            hd_sb_conn_failed(conn, "reading failed");
            return;
        }

        if (n > 0) {
            conn->received = 1;
        }

        rc = hd_sb_response_feed(&conn->resp, buf, n, n == 0);

        if (rc == NGX_DONE) {
            hd_sb_conn_done(conn);
            return;
        }

        if (rc == NGX_ERROR) {
            hd_sb_conn_failed(conn, "no whole HTTP answer");
            return;
        }
    }
}


static void
hd_sb_conn_done(hd_sb_conn_t *conn)
{
    ngx_uint_t         status;
    hd_sb_job_t       *job;
    ngx_connection_t  *c;

    c = conn->c;
    job = conn->job;
    status = conn->resp.status;

    if (job->verify) {
        job->number->node->verified =
            (status == 200 && conn->resp.body_len == job->body.len
             && ngx_memcmp(conn->resp.body, job->body.data, job->body.len)
                == 0)
            ? 1 : 2;
    }

    if (conn->resp.keepalive && conn->out == NULL && !ngx_exiting
        && !ngx_terminate && !c->read->pending_eof
        && ngx_handle_read_event(c->read, 0) == NGX_OK)
    {
        if (c->read->timer_set) {
            ngx_del_timer(c->read);
        }

        conn->job = NULL;
        conn->used = ngx_current_msec;
        c->idle = 1;

    } else {
        hd_sb_conn_close(conn);
    }

    if (job->verify || (status >= 200 && status < 300)) {
        hd_sb_job_delivered(job);

    } else {
        hd_sb_job_failed(job, "refused", status);
    }

    hd_sb_client_pump();
}


static void
hd_sb_conn_failed(hd_sb_conn_t *conn, const char *why)
{
    ngx_uint_t    stale;
    hd_sb_job_t  *job;

    job = conn->job;
    stale = conn->reused && !conn->received
            && !(conn->c != NULL && conn->c->read->timedout);

    hd_sb_conn_close(conn);

    if (stale) {
        /* the receiver closed a connection that was idle: not a failure */
        job->attempts--;
        ngx_queue_insert_head(&job->number->jobs, &job->queue);
        hd_sb_number_activate(job->number);

    } else if (job->verify) {
        job->number->node->verified = 2;
        hd_sb_job_free(job);

    } else {
        hd_sb_job_failed(job, why, 0);
    }

    hd_sb_client_pump();
}


static void
hd_sb_conn_close(hd_sb_conn_t *conn)
{
    if (conn->c != NULL) {
        ngx_close_connection(conn->c);
    }

    conn->c = NULL;
    conn->job = NULL;
    conn->out = NULL;
}


static void
hd_sb_job_delivered(hd_sb_job_t *job)
{
    hd_sb_node_t  *node;

    node = job->number->node;

    if (!job->verify) {
        (void) ngx_atomic_fetch_add(&node->webhooks_sent, 1);
        (void) ngx_atomic_fetch_add(&node->statuses, job->statuses);
        (void) ngx_atomic_fetch_add(&node->inbound, job->inbound);
        (void) ngx_atomic_fetch_add(&node->events, job->events);

        if (job->number->failing) {
            job->number->failing = 0;
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "sandbox: webhooks of number \"%*s\" are taken"
                          " again", node->id_len, node->id);
        }
    }

    hd_sb_job_free(job);
}


static void
hd_sb_job_failed(hd_sb_job_t *job, const char *why, ngx_uint_t status)
{
    ngx_msec_t       delay;
    hd_sb_node_t    *node;
    hd_sb_number_t  *n;

    n = job->number;
    node = n->node;

    (void) ngx_atomic_fetch_add(&node->webhooks_failed, 1);

    if (!n->failing) {
        n->failing = 1;
        ngx_log_error(NGX_LOG_WARN, ngx_cycle->log, 0,
                      "sandbox: a webhook of number \"%*s\" to %V was not"
                      " taken: %s (HTTP status %ui), trying again",
                      node->id_len, node->id, &n->set.host, why, status);
    }

    if (job->body.failed
        || ngx_current_msec - job->first > HD_SB_RETRY_TOTAL)
    {
        (void) ngx_atomic_fetch_add(&node->webhooks_dropped, 1);
        hd_sb_job_free(job);
        return;
    }

    delay = HD_SB_RETRY_FIRST << ngx_min(job->attempts - 1, 10);
    job->next = ngx_current_msec + ngx_min(delay, HD_SB_RETRY_MAX);

    n->retrying++;
    ngx_queue_insert_tail(&hd_sb.retries, &job->queue);
}


static ngx_int_t
hd_sb_test_connect(ngx_connection_t *c)
{
    int        err;
    socklen_t  len;

    err = 0;
    len = sizeof(int);

    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, (void *) &err, &len) == -1) {
        err = ngx_socket_errno;
    }

    if (err) {
        (void) ngx_connection_error(c, err, "connect() failed");
        return NGX_ERROR;
    }

    return NGX_OK;
}
