/*
 * request: what is no message.  Any method, a file sent as a part of a form, an
 * answer that goes to a file, an e-mail.
 *
 * Such a handle is made for one request and freed after it: there are few, and
 * each sets other options.  The rules of call.c hold for them as well: nothing
 * is written twice, and what the guard forbids is not spoken to.
 *
 * A file is read and written as nginx does it with its temporary files: by the
 * piece, through the page cache, on the loop.
 */

#include "private.h"

#include <fcntl.h>


static ngx_int_t hd_egress_request_set(hd_egress_call_t *call,
    const hd_egress_request_t *r);
static ngx_int_t hd_egress_request_form(hd_egress_call_t *call,
    const hd_egress_request_t *r);
static ngx_int_t hd_egress_request_raw(hd_egress_call_t *call,
    const hd_egress_request_t *r);
static size_t hd_egress_to_file(char *p, size_t size, size_t n, void *data);
static size_t hd_egress_mail_read(char *p, size_t size, size_t n, void *data);


ngx_int_t
hd_egress_request(const hd_egress_request_t *r, hd_egress_done_pt done,
    void *data)
{
    ngx_int_t          rc;
    hd_egress_call_t  *call;

    call = hd_egress_other(&rc);
    if (call == NULL) {
        return rc;
    }

    call->multipart = (r->nfields || r->file_part);

    if (hd_egress_call_fill(call, &r->url, r->headers, r->nheaders, &r->body,
                            ngx_cycle->log)
        != NGX_OK
        || hd_egress_request_set(call, r) != NGX_OK)
    {
        hd_egress_call_free(call);
        return NGX_ERROR;
    }

    return hd_egress_begin(call, done, data);
}


static ngx_int_t
hd_egress_request_set(hd_egress_call_t *call, const hd_egress_request_t *r)
{
    CURL      *e = call->easy;
    CURLcode   rc;

    rc = CURLE_OK;

    if (call->multipart) {
        if (hd_egress_request_form(call, r) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (r->file) {
        if (hd_egress_request_raw(call, r) != NGX_OK) {
            return NGX_ERROR;
        }

    } else if (r->body.len == 0 && ngx_strcmp(r->method, "GET") == 0) {
        rc = curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
    }

    if (rc == CURLE_OK) {
        rc = curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method);
    }

    if (rc == CURLE_OK && r->timeout) {
        rc = curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long) r->timeout);
    }

    if (rc == CURLE_OK && r->follow
        && (curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L)
            || curl_easy_setopt(e, CURLOPT_MAXREDIRS, 3L)
            || curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "http,https")
            /* it counts what is written once, and a GET may go again */
            || curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, NULL)))
    {
        return NGX_ERROR;
    }

    if (rc == CURLE_OK && r->to_file) {
        call->path = ngx_alloc(ngx_strlen(r->to_file) + 1, ngx_cycle->log);
        if (call->path == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(call->path, r->to_file, ngx_strlen(r->to_file) + 1);
        call->max = r->file_max;

        rc = curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, hd_egress_to_file);
    }

    if (rc != CURLE_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0, "egress: %s",
                      curl_easy_strerror(rc));
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
hd_egress_request_form(hd_egress_call_t *call, const hd_egress_request_t *r)
{
    ngx_uint_t      i;
    curl_mimepart  *part;

    call->mime = curl_mime_init(call->easy);
    if (call->mime == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < r->nfields; i++) {
        part = curl_mime_addpart(call->mime);

        if (part == NULL
            || curl_mime_name(part, r->fields[i].name)
            || curl_mime_data(part, (char *) r->fields[i].value.data,
                              r->fields[i].value.len))
        {
            return NGX_ERROR;
        }
    }

    if (r->file_part) {
        part = curl_mime_addpart(call->mime);

        if (part == NULL
            || curl_mime_name(part, r->file_part)
            || curl_mime_filedata(part, r->file)
            || (r->file_name && curl_mime_filename(part, r->file_name))
            || (r->file_type && curl_mime_type(part, r->file_type)))
        {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "egress: the file \"%s\" cannot be sent", r->file);
            return NGX_ERROR;
        }
    }

    return curl_easy_setopt(call->easy, CURLOPT_MIMEPOST, call->mime)
           ? NGX_ERROR : NGX_OK;
}


static size_t
hd_egress_raw_read(char *p, size_t size, size_t n, void *data)
{
    hd_egress_call_t *call = data;

    ssize_t  done;

    done = read(call->in, p, size * n);

    if (done < 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "egress: a file cannot be read");
        return CURL_READFUNC_ABORT;
    }

    return (size_t) done;
}


/* the file is the body: as curl sends a PUT, whatever the method's name */
static ngx_int_t
hd_egress_request_raw(hd_egress_call_t *call, const hd_egress_request_t *r)
{
    struct stat   sb;
    CURL         *e = call->easy;

    call->in = open(r->file, O_RDONLY|O_CLOEXEC);

    if (call->in == NGX_INVALID_FILE || fstat(call->in, &sb) == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "egress: the file \"%s\" cannot be sent", r->file);
        return NGX_ERROR;
    }

    return (curl_easy_setopt(e, CURLOPT_UPLOAD, 1L)
            || curl_easy_setopt(e, CURLOPT_READFUNCTION, hd_egress_raw_read)
            || curl_easy_setopt(e, CURLOPT_READDATA, call)
            || curl_easy_setopt(e, CURLOPT_INFILESIZE_LARGE,
                                (curl_off_t) sb.st_size))
           ? NGX_ERROR : NGX_OK;
}


/* only what was asked for goes to the disk; an error's words stay here */
static size_t
hd_egress_to_file(char *p, size_t size, size_t n, void *data)
{
    hd_egress_call_t *call = data;

    long     status;
    ssize_t  done;
    size_t   at;

    n *= size;
    status = 0;

    (void) curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);

    if (status < 200 || status > 299) {
        if (call->answer.len + n > call->conf->max_answer) {
            call->large = 1;
            return 0;
        }

        hd_buf_add(&call->answer, p, n);
        return call->answer.failed ? 0 : n;
    }

    if (call->size + (off_t) n > call->max) {
        call->large = 1;
        return 0;
    }

    if (call->fd == NGX_INVALID_FILE) {
        call->fd = open((char *) call->path,
                        O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

        if (call->fd == NGX_INVALID_FILE) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                          "egress: \"%s\" cannot be made", call->path);
            call->disk = 1;
            return 0;
        }
    }

    for (at = 0; at < n; at += (size_t) done) {
        done = write(call->fd, p + at, n - at);

        if (done <= 0) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                          "egress: \"%s\" cannot be written", call->path);
            call->disk = 1;
            return 0;
        }
    }

    call->size += (off_t) n;

    return n;
}


void
hd_egress_file_end(hd_egress_call_t *call, hd_egress_answer_t *a)
{
    if (call->fd == NGX_INVALID_FILE) {
        return;
    }

    if (close(call->fd) == -1) {
        /* some file systems tell only now that there is no room */
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "egress: \"%s\" cannot be closed", call->path);
        a->outcome = HD_EGRESS_LOST;
    }

    call->fd = NGX_INVALID_FILE;

    if (a->outcome == HD_EGRESS_ANSWERED) {
        a->file_size = call->size;
        return;
    }

    if (unlink((char *) call->path) == -1) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, ngx_errno,
                      "egress: \"%s\" cannot be removed", call->path);
    }
}


/* ── e-mail ── */

static size_t
hd_egress_mail_read(char *p, size_t size, size_t n, void *data)
{
    hd_egress_call_t *call = data;

    n = ngx_min(n * size, call->answer.len - call->sent);
    ngx_memcpy(p, call->answer.data + call->sent, n);
    call->sent += n;

    return n;
}


/* a server's words after the transfer began are of no use here */
static size_t
hd_egress_mail_write(char *p, size_t size, size_t n, void *data)
{
    return n * size;
}


/* the strings in `out` one after another, each with its zero */
static char *
hd_egress_mail_text(hd_buf_t *b, const hd_str_t *s)
{
    char  *start;

    start = (char *) b->data + b->len;

    hd_buf_str(b, s);
    hd_buf_char(b, '\0');

    return start;
}


static ngx_int_t
hd_egress_mail_set(hd_egress_call_t *call, const hd_egress_mail_t *m)
{
    CURL      *e = call->easy;
    hd_buf_t  *b = &call->out;

    if (hd_buf_reserve(b, m->url.len + m->user.len + m->password.len
                          + m->from.len + m->to.len + 8)
        != HD_OK)
    {
        return NGX_ERROR;
    }

    hd_buf_str(&call->answer, &m->message);

    call->recipient.next = NULL;

    if (call->answer.failed
        || curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "smtp,smtps")
        || curl_easy_setopt(e, CURLOPT_URL, hd_egress_mail_text(b, &m->url))
        || curl_easy_setopt(e, CURLOPT_MAIL_FROM,
                            hd_egress_mail_text(b, &m->from)))
    {
        return NGX_ERROR;
    }

    call->recipient.data = hd_egress_mail_text(b, &m->to);

    if (m->user.len
        && (curl_easy_setopt(e, CURLOPT_USERNAME,
                             hd_egress_mail_text(b, &m->user))
            || curl_easy_setopt(e, CURLOPT_PASSWORD,
                                hd_egress_mail_text(b, &m->password))))
    {
        return NGX_ERROR;
    }

    if (curl_easy_setopt(e, CURLOPT_MAIL_RCPT, &call->recipient)
        || curl_easy_setopt(e, CURLOPT_USE_SSL,
                            (long) (m->user.len ? CURLUSESSL_ALL
                                                : CURLUSESSL_TRY))
        || curl_easy_setopt(e, CURLOPT_READFUNCTION, hd_egress_mail_read)
        || curl_easy_setopt(e, CURLOPT_READDATA, call)
        || curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, hd_egress_mail_write)
        || curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, NULL)
        || curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, NULL)
        || curl_easy_setopt(e, CURLOPT_UPLOAD, 1L))
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_uint_t
hd_egress_mail_plain(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= ' ' || s->data[i] == 0x7f) {
            return 0;
        }
    }

    return 1;
}


ngx_int_t
hd_egress_mail(const hd_egress_mail_t *m, hd_egress_done_pt done, void *data)
{
    ngx_int_t          rc;
    hd_egress_call_t  *call;

    if (!hd_egress_mail_plain(&m->url) || !hd_egress_mail_plain(&m->from)
        || !hd_egress_mail_plain(&m->to))
    {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "egress: an e-mail address with a space or a line break "
                      "in it");
        return NGX_ERROR;
    }

    call = hd_egress_other(&rc);
    if (call == NULL) {
        return rc;
    }

    call->mail = 1;

    if (hd_egress_mail_set(call, m) != NGX_OK) {
        hd_egress_call_free(call);
        return NGX_ERROR;
    }

    return hd_egress_begin(call, done, data);
}


/* SMTP's reply code is the status; without one the call was not answered */
void
hd_egress_mail_answer(CURLcode rc, hd_egress_answer_t *a)
{
    a->body.len = 0;

    if (rc == CURLE_OK || a->status >= 400) {
        a->outcome = HD_EGRESS_ANSWERED;
        return;
    }

    if (a->outcome == HD_EGRESS_FORBIDDEN) {
        return;
    }

    a->outcome = (rc == CURLE_COULDNT_RESOLVE_HOST
                  || rc == CURLE_COULDNT_CONNECT || rc == CURLE_LOGIN_DENIED
                  || rc == CURLE_USE_SSL_FAILED
                  || rc == CURLE_PEER_FAILED_VERIFICATION
                  || rc == CURLE_SSL_CONNECT_ERROR)
                 ? HD_EGRESS_REFUSED : HD_EGRESS_LOST;
}
