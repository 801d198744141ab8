/*
 * call: one POST.
 *
 * A message may be given to the provider at most once, so two things must be
 * certain here:
 *
 *   1. No request is written twice.  curl repeats a request by itself when a
 *      kept connection dies before a byte of the answer came (a server may
 *      have read it whole).  The pre-request callback runs before each
 *      writing, the repeated one too: when bytes have been written already it
 *      aborts, and the outcome is LOST.  A connection that turns out to be
 *      dead at the first byte may be replaced silently.
 *
 *   2. REFUSED means surely not written.  CURLINFO_REQUEST_SIZE counts the
 *      bytes given to the socket (or wholly to a TLS record), headers
 *      included; 0 after a failure means that nothing went out.
 *
 * HTTP/1.1 on purpose: with HTTP/2 one dead connection would lose all its
 * streams at once, each of which is an attempt that nobody knows the end of.
 *
 * Handles are kept with all their options; only what differs is set again.
 */

#include "private.h"

#include <sys/socket.h>


/* curl has no limit for the sum of the header lines */
#define HD_EGRESS_HEAD   65536

/* an answer's memory above this is not kept */
#define HD_EGRESS_KEEP   65536

#define HD_EGRESS_RETRY_MAX  86400


static ngx_int_t hd_egress_call_setup(hd_egress_call_t *call);
static size_t hd_egress_call_size(const hd_str_t *url, const hd_str_t *headers,
    ngx_uint_t nheaders, const hd_str_t *body, ngx_log_t *log);
static void hd_egress_call_headers(hd_egress_call_t *call,
    const hd_str_t *headers, ngx_uint_t nheaders);
static ngx_uint_t hd_egress_has_break(const hd_str_t *s);
static curl_socket_t hd_egress_open(void *data, curlsocktype purpose,
    struct curl_sockaddr *addr);
static int hd_egress_prereq(void *data, char *remote_ip, char *local_ip,
    int remote_port, int local_port);
static size_t hd_egress_header(char *p, size_t size, size_t n, void *data);
static size_t hd_egress_write(char *p, size_t size, size_t n, void *data);


hd_egress_call_t *
hd_egress_call_create(const hd_egress_conf_t *conf, ngx_log_t *log)
{
    hd_egress_call_t  *call;

    call = ngx_calloc(sizeof(hd_egress_call_t), log);
    if (call == NULL) {
        return NULL;
    }

    call->conf = conf;
    call->fd = NGX_INVALID_FILE;
    call->in = NGX_INVALID_FILE;
    hd_buf_init(&call->out);
    hd_buf_init(&call->answer);

    call->easy = curl_easy_init();

    if (call->easy == NULL || hd_egress_call_setup(call) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "a curl handle cannot be made");
        hd_egress_call_free(call);
        return NULL;
    }

    return call;
}


void
hd_egress_call_free(hd_egress_call_t *call)
{
    if (call->easy) {
        curl_easy_cleanup(call->easy);
    }

    if (call->mime) {
        curl_mime_free(call->mime);
    }

    if (call->path) {
        ngx_free(call->path);
    }

    if (call->in != NGX_INVALID_FILE) {
        (void) close(call->in);
    }

    hd_buf_free(&call->out);
    hd_buf_free(&call->answer);
    ngx_free(call);
}


static ngx_int_t
hd_egress_call_setup(hd_egress_call_t *call)
{
    CURL                    *e = call->easy;
    const hd_egress_conf_t  *conf = call->conf;

#define hd_set(option, value)                                                 \
    if (curl_easy_setopt(e, option, value) != CURLE_OK) {                     \
        return NGX_ERROR;                                                     \
    }

    hd_set(CURLOPT_PRIVATE, call);
    hd_set(CURLOPT_ERRORBUFFER, call->error);
    hd_set(CURLOPT_NOSIGNAL, 1L);
    hd_set(CURLOPT_NOPROGRESS, 1L);
    hd_set(CURLOPT_USERAGENT, "herald");

    hd_set(CURLOPT_PROTOCOLS_STR, "http,https");
    hd_set(CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
    hd_set(CURLOPT_FOLLOWLOCATION, 0L);
    /* not even what the environment says */
    hd_set(CURLOPT_PROXY, "");

#ifdef HD_NO_GUARD_TLS
    hd_set(CURLOPT_SSL_VERIFYPEER, 0L);
#endif

    hd_set(CURLOPT_CONNECTTIMEOUT_MS, (long) conf->connect_timeout);
    hd_set(CURLOPT_TIMEOUT_MS, (long) conf->timeout);
    /*
     * Servers close kept connections after some idle time, often 60 seconds;
     * a request that meets the closing would be LOST.
     */
    hd_set(CURLOPT_MAXAGE_CONN, 20L);

    hd_set(CURLOPT_OPENSOCKETFUNCTION, hd_egress_open);
    hd_set(CURLOPT_OPENSOCKETDATA, call);
    hd_set(CURLOPT_PREREQFUNCTION, hd_egress_prereq);
    hd_set(CURLOPT_PREREQDATA, call);
    hd_set(CURLOPT_HEADERFUNCTION, hd_egress_header);
    hd_set(CURLOPT_HEADERDATA, call);
    hd_set(CURLOPT_WRITEFUNCTION, hd_egress_write);
    hd_set(CURLOPT_WRITEDATA, call);

#undef hd_set

    return NGX_OK;
}


ngx_int_t
hd_egress_call_fill(hd_egress_call_t *call, const hd_str_t *url,
    const hd_str_t *headers, ngx_uint_t nheaders, const hd_str_t *body,
    ngx_log_t *log)
{
    char      *text, *content;
    CURL      *e = call->easy;
    size_t     len;
    hd_buf_t  *b = &call->out;

    len = hd_egress_call_size(url, headers, nheaders, body, log);
    if (len == 0) {
        return NGX_ERROR;
    }

    hd_buf_reset(b);

    /* all at once: pointers into it are taken below */

    if (hd_buf_reserve(b, len) != HD_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "egress: out of memory");
        return NGX_ERROR;
    }

    hd_egress_call_headers(call, headers, nheaders);

    content = (char *) b->data + b->len;
    hd_buf_str(b, body);

    text = (char *) b->data + b->len;
    hd_buf_str(b, url);
    hd_buf_char(b, '\0');

    len = body->len;

    if (curl_easy_setopt(e, CURLOPT_URL, text)
        || curl_easy_setopt(e, CURLOPT_HTTPHEADER, call->headers)
        || curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) len)
        || curl_easy_setopt(e, CURLOPT_POSTFIELDS, content))
    {
        ngx_log_error(NGX_LOG_ERR, log, 0, "egress: a URL curl cannot take");
        return NGX_ERROR;
    }

    hd_buf_reset(&call->answer);
    call->head = 0;
    call->error[0] = '\0';
    call->forbidden = 0;
    call->again = 0;
    call->large = 0;

    return NGX_OK;
}


/* bytes of `out`; 0, logged, when the call cannot be made */

static size_t
hd_egress_call_size(const hd_str_t *url, const hd_str_t *headers,
    ngx_uint_t nheaders, const hd_str_t *body, ngx_log_t *log)
{
    size_t      len;
    ngx_uint_t  i;

    if (nheaders > HD_EGRESS_HEADERS - 2) {
        ngx_log_error(NGX_LOG_ALERT, log, 0,
                      "egress: %ui headers are too many", nheaders);
        return 0;
    }

    if (url->len == 0 || hd_egress_has_break(url)) {
        ngx_log_error(NGX_LOG_ERR, log, 0, "egress: this is no URL");
        return 0;
    }

    len = body->len + url->len + 1;

    for (i = 0; i < nheaders; i++) {
        if (hd_egress_has_break(&headers[i])) {
            ngx_log_error(NGX_LOG_ERR, log, 0,
                          "egress: a header with a line break in it");
            return 0;
        }

        len += headers[i].len + 1;
    }

    return len;
}


static void
hd_egress_call_headers(hd_egress_call_t *call, const hd_str_t *headers,
    ngx_uint_t nheaders)
{
    hd_buf_t    *b = &call->out;
    ngx_uint_t   i, n, typed;

    n = 0;
    typed = 0;

    /* curl would wait for "100 Continue" before a body of some size */
    call->headers[n++].data = (char *) "Expect:";

    for (i = 0; i < nheaders; i++) {
        call->headers[n++].data = (char *) b->data + b->len;

        hd_buf_str(b, &headers[i]);
        hd_buf_char(b, '\0');

        if (headers[i].len > 13
            && ngx_strncasecmp(headers[i].data, (u_char *) "content-type:", 13)
               == 0)
        {
            typed = 1;
        }
    }

    if (!typed && !call->multipart) {
        /* else curl says it is a form */
        call->headers[n++].data = (char *) "Content-Type:";
    }

    for (i = 0; i < n; i++) {
        call->headers[i].next = (i + 1 < n) ? &call->headers[i + 1] : NULL;
    }
}


void
hd_egress_call_answer(hd_egress_call_t *call, CURLcode rc,
    hd_egress_answer_t *a)
{
    char        *type;
    long         status, written;
    curl_off_t   after;
    const char  *error;

    type = NULL;
    ngx_memzero(a, sizeof(hd_egress_answer_t));

    status = 0;
    written = 0;
    after = 0;

    (void) curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    (void) curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &written);
    (void) curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &after);

    a->status = (int) status;
    a->body.data = call->answer.data;
    a->body.len = call->answer.len;

    (void) curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);

    if (type) {
        a->type.data = (u_char *) type;
        a->type.len = ngx_strlen(type);
    }

    if (after > 0) {
        after = ngx_min(after, HD_EGRESS_RETRY_MAX);
        a->retry_after = (ngx_msec_t) after * 1000;
    }

    if (rc == CURLE_OK) {
        a->outcome = HD_EGRESS_ANSWERED;
        return;
    }

#ifdef HD_NO_GUARD_LOST
    written = 0;
#endif

    if (written > 0) {
        a->outcome = HD_EGRESS_LOST;

    } else if (call->forbidden && rc == CURLE_COULDNT_CONNECT) {
        a->outcome = HD_EGRESS_FORBIDDEN;

    } else {
        a->outcome = HD_EGRESS_REFUSED;
    }

    if (a->outcome == HD_EGRESS_FORBIDDEN) {
        error = "the address is not of the public internet, and not allowed";

    } else if (call->again) {
        error = "the connection died after the request was written";

    } else if (call->disk) {
        error = "the answer could not be written to the disk";

    } else if (call->large) {
        error = "the answer is too large";

    } else if (call->error[0]) {
        error = call->error;

    } else {
        error = curl_easy_strerror(rc);
    }

    ngx_cpystrn((u_char *) a->error, (u_char *) error, sizeof(a->error));
}


void
hd_egress_call_rest(hd_egress_call_t *call)
{
    if (call->answer.cap > HD_EGRESS_KEEP) {
        hd_buf_free(&call->answer);
    }

    if (call->out.cap > HD_EGRESS_KEEP) {
        /* curl still points to it, but reads it only in a transfer */
        hd_buf_free(&call->out);
    }
}


static ngx_uint_t
hd_egress_has_break(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] == '\r' || s->data[i] == '\n' || s->data[i] == '\0') {
            return 1;
        }
    }

    return 0;
}


static curl_socket_t
hd_egress_open(void *data, curlsocktype purpose, struct curl_sockaddr *addr)
{
    hd_egress_call_t  *call = data;

    if (purpose != CURLSOCKTYPE_IPCXN
        || (!call->mail
            && hd_egress_forbidden(&addr->addr, call->conf->allow)))
    {
        call->forbidden = 1;
        return CURL_SOCKET_BAD;
    }

    return socket(addr->family, addr->socktype|SOCK_CLOEXEC, addr->protocol);
}


static int
hd_egress_prereq(void *data, char *remote_ip, char *local_ip, int remote_port,
    int local_port)
{
    long               written;
    hd_egress_call_t  *call = data;

    written = 0;
    (void) curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &written);

#ifndef HD_NO_GUARD_AGAIN
    if (written > 0) {
        call->again = 1;
        return CURL_PREREQFUNC_ABORT;
    }
#endif

    return CURL_PREREQFUNC_OK;
}


static size_t
hd_egress_header(char *p, size_t size, size_t n, void *data)
{
    hd_egress_call_t  *call = data;

    n *= size;
    call->head += n;

    if (call->head > HD_EGRESS_HEAD) {
        call->large = 1;
        return 0;
    }

    return n;
}


static size_t
hd_egress_write(char *p, size_t size, size_t n, void *data)
{
    hd_egress_call_t  *call = data;

    n *= size;

    if (call->answer.len + n > call->conf->max_answer) {
        call->large = 1;
        return 0;
    }

    hd_buf_add(&call->answer, p, n);

    return call->answer.failed ? 0 : n;
}
