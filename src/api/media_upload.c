/*
 * POST /media: a body becomes a file.
 *
 *   body ─> (multipart: the part "file") ─> temporary file ─> thread: digest,
 *   type, fsync, rename ─> row ─> 201, or 200 when it was there already
 *
 * The bytes are written as they come, by us and not by nginx, so that a full
 * disk is an answer (507) and no broken request.  Whatever ends the request
 * early removes the temporary file.
 */

#include "media.h"
#include "click.h"
#include "../base/multipart.h"


#define HD_UPLOAD_TURN  (1024 * 1024)  /* bytes between two looks at others */


typedef struct {
    hd_req_t          *req;
    hd_multipart_t    *mp;             /* NULL: the body is the file */
    char               temp[HD_FILES_PATH];
    ngx_fd_t           fd;
    off_t              bytes;
    ngx_err_t          err;            /* of a write */
    hd_timer_t         timer;
    hd_files_keep_t    kept;
    hd_uuid_t          id;
    ngx_uint_t         fresh;
    u_char             name[256];
    size_t             name_len;
    unsigned           named:1;        /* by the query */
    unsigned           inside:1;       /* the part is the file */
    unsigned           seen:1;         /* there was one */
    unsigned           large:1;
    unsigned           ended:1;
    unsigned           kept_whole:1;   /* the temporary file is not ours */
} hd_upload_t;


static void hd_upload_body(ngx_http_request_t *r);


static void
hd_upload_stop(hd_upload_t *up)
{
    up->ended = 1;
    hd_timer_clear(&up->timer);

    if (up->fd != NGX_INVALID_FILE) {
        (void) ngx_close_file(up->fd);
        up->fd = NGX_INVALID_FILE;

        if (!up->kept_whole) {
            (void) ngx_delete_file(up->temp);
        }
    }
}


static void
hd_upload_cleanup(void *data)
{
    hd_upload_stop(data);
}


static void
hd_upload_full(hd_req_t *req)
{
    hd_problem(req, 507, "storage_full", "There is no room on the server's "
               "disk for this file. Nothing of it was kept: make room, then "
               "send it again.");
}


/* ── bytes ── */

/* the last part of a path, without control characters */
static void
hd_upload_name(hd_upload_t *up, const hd_str_t *s)
{
    size_t  i, start;

    start = 0;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] == '/' || s->data[i] == '\\') {
            start = i + 1;
        }
    }

    up->name_len = 0;

    for (i = start; i < s->len && up->name_len < 240; i++) {
        if (s->data[i] >= ' ' && s->data[i] != 0x7f) {
            up->name[up->name_len++] = s->data[i];
        }
    }

    while (up->name_len
           && !hd_utf8_valid(up->name, up->name_len))
    {
        up->name_len--;
    }
}


static ngx_int_t
hd_upload_write(hd_upload_t *up, const u_char *data, size_t len)
{
    ssize_t  n;

    up->bytes += len;

    if (up->bytes > HD_FILE_MAX) {
        up->large = 1;
        return NGX_ERROR;
    }

    while (len) {
        n = write(up->fd, data, len);

        if (n <= 0) {
            up->err = n ? ngx_errno : ENOSPC;
            return NGX_ERROR;
        }

        data += n;
        len -= n;
    }

    return NGX_OK;
}


static int
hd_upload_part(void *ctx, const hd_part_t *part)
{
    hd_upload_t *up = ctx;

    up->inside = 0;

    if (!hd_str_eq(&part->name, "file") || up->seen) {
        return HD_OK;
    }

    up->inside = 1;
    up->seen = 1;

    if (!up->named && part->filename.data) {
        hd_upload_name(up, &part->filename);
    }

    return HD_OK;
}


static int
hd_upload_data(void *ctx, const unsigned char *data, size_t len)
{
    hd_upload_t *up = ctx;

    if (!up->inside) {
        return HD_OK;
    }

    return hd_upload_write(up, data, len) == NGX_OK ? HD_OK : HD_ERROR;
}


static int
hd_upload_end(void *ctx)
{
    hd_upload_t *up = ctx;

    up->inside = 0;

    return HD_OK;
}


/* why the bytes could not be taken; answers */
static void
hd_upload_failed(hd_upload_t *up)
{
    char       text[200];
    hd_req_t  *req;

    req = up->req;
    hd_upload_stop(up);

    if (up->large) {
        hd_problem(req, NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "file_too_large",
                   "A file may have at most 100 MB: WhatsApp takes no larger "
                   "ones.");

    } else if (up->err == ENOSPC || up->err == EDQUOT) {
        ngx_log_error(NGX_LOG_CRIT, req->r->connection->log, up->err,
                      "herald: an upload could not be written");
        hd_upload_full(req);

    } else if (up->err) {
        ngx_log_error(NGX_LOG_CRIT, req->r->connection->log, up->err,
                      "herald: an upload could not be written");
        hd_problem(req, 500, "internal", "The file could not be written. The "
                   "log of the server says more under this request_id.");

    } else {
        snprintf(text, sizeof(text), "The body is not multipart/form-data as "
                 "it says: %s.", up->mp && up->mp->error ? up->mp->error
                                                         : "it ends early");
        hd_problem(req, 400, "malformed_multipart", text);
    }
}


/* ── the row ── */

static void
hd_upload_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t     *req = u->data;
    hd_upload_t  *up;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    up = req->ctx;
    up->fresh = hd_pg_value(res, 0, 1).data[0] == 't';
    (void) hd_pg_value_uuid(res, 0, 0, &up->id);
}


static void
hd_upload_answer(hd_req_t *req)
{
    hd_upload_t *up = req->ctx;

    if (up->fresh) {
        hd_publish(&req->who.org, "media.created", &req->out);
    }

    hd_req_send(req, up->fresh ? NGX_HTTP_CREATED : NGX_HTTP_OK,
                "application/json");
}


/* the row is another one's when the same file was there: so it is read by the
 * id that came back */
static void
hd_upload_read(hd_req_t *req)
{
    hd_pg_unit_t  *u;
    hd_upload_t   *up = req->ctx;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_MEDIA_GET);
    hd_pg_uuid(u, &up->id);

    req->done = hd_upload_answer;
    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 1);
}


static void
hd_upload_insert(hd_req_t *req, hd_upload_t *up)
{
    hd_str_t       name;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&up->id);
    name.data = up->name;
    name.len = up->name_len;

    hd_pg_stmt(u, HD_Q_MEDIA_PUT);
    hd_pg_uuid(u, &up->id);
    hd_pg_bytea(u, up->kept.sha256, 32);
    hd_pg_z(u, up->kept.type->mime);
    hd_pg_int(u, up->kept.bytes);
    hd_pg_text(u, &name);
    hd_pg_uuid(u, &req->who.id);

    u->on_result = hd_upload_row;
    req->done = hd_upload_read;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_upload_judge(hd_req_t *req, hd_upload_t *up)
{
    switch (up->kept.result) {

    case HD_FILES_KEPT:
        hd_upload_insert(req, up);
        return;

    case HD_FILES_FULL:
        hd_upload_full(req);
        return;

    case HD_FILES_EMPTY:
        hd_problem(req, 422, "empty_file", "The file has no bytes.");
        return;

    case HD_FILES_TYPE:
        hd_problem(req, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, "unsupported_file",
                   "Its bytes are none of the types that WhatsApp takes: "
                   "JPEG, PNG, WebP, GIF, MP4, 3GP, OGG with Opus, MP3, AAC, "
                   "AMR, M4A, PDF, office documents, plain text and CSV.");
        return;

    default:
        hd_problem(req, 500, "internal", "The file could not be kept. The log "
                   "of the server says more under this request_id.");
    }
}


/* back in the loop; the request was held (blocked) while a thread worked */
static void
hd_upload_kept(hd_files_keep_t *k)
{
    hd_req_t            *req;
    hd_upload_t         *up = k->data;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    req = up->req;
    r = req->r;
    c = r->connection;

    r->main->blocked--;
    r->aio = 0;
    up->kept = *k;

    if (c->error) {
        /* the client went: a file without a row, as after a crash */
        ngx_http_finalize_request(r, NGX_ERROR);

    } else {
        hd_upload_judge(req, up);
    }

    ngx_http_run_posted_requests(c);
}


static void
hd_upload_whole(hd_upload_t *up)
{
    hd_req_t         *req;
    hd_files_keep_t   k;

    req = up->req;

    if (up->mp && !hd_multipart_whole(up->mp)) {
        hd_upload_failed(up);
        return;
    }

    if (up->mp && !up->seen) {
        hd_upload_stop(up);
        hd_problem_at(req, 422, "validation_failed", "file", "there is no "
                      "part of this name: the file goes into the form field "
                      "\"file\"");
        return;
    }

    ngx_memzero(&k, sizeof(hd_files_keep_t));
    ngx_memcpy(k.temp, up->temp, sizeof(k.temp));
    ngx_memcpy(k.name, up->name, up->name_len);
    k.name_len = up->name_len;
    k.org = req->who.org;
    k.done = hd_upload_kept;
    k.data = up;

    if (hd_files_keep(&k) != NGX_OK) {
        hd_upload_stop(up);
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    up->kept_whole = 1;
    hd_upload_stop(up);

    req->r->main->blocked++;
    req->r->aio = 1;
}


/* ── the body ── */

static void
hd_upload_unread(hd_upload_t *up, ngx_int_t rc)
{
    hd_req_t  *req;

    req = up->req;
    hd_upload_stop(up);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        hd_problem(req, rc, "file_too_large", "The file is larger than this "
                   "server takes (client_max_body_size).");
        return;
    }

    req->waiting = 0;
    ngx_http_finalize_request(req->r, rc);
}


/* NGX_OK, or answered */
static ngx_int_t
hd_upload_eat(hd_upload_t *up, ngx_buf_t *b)
{
    ngx_int_t  rc;

    if (up->mp) {
        rc = hd_multipart_feed(up->mp, b->pos, b->last - b->pos) == HD_OK
             ? NGX_OK : NGX_ERROR;

    } else {
        rc = hd_upload_write(up, b->pos, b->last - b->pos);
    }

    b->pos = b->last;

    if (rc != NGX_OK) {
        hd_upload_failed(up);
    }

    return rc;
}


static void
hd_upload_pump(hd_upload_t *up)
{
    off_t                     until;
    ngx_int_t                 rc;
    ngx_chain_t              *cl;
    ngx_event_t              *rev;
    ngx_http_request_t       *r;
    ngx_http_request_body_t  *rb;

    r = up->req->r;
    rb = r->request_body;
    until = up->bytes + HD_UPLOAD_TURN;

    for ( ;; ) {

        while (rb && rb->bufs) {
            cl = rb->bufs;

            if (hd_upload_eat(up, cl->buf) != NGX_OK) {
                return;
            }

            rb->bufs = cl->next;
            ngx_free_chain(r->pool, cl);
        }

        if (!r->reading_body) {
            r->read_event_handler = ngx_http_block_reading;
            hd_upload_whole(up);
            return;
        }

        if (up->bytes >= until) {
            /* others wait for this worker too */
            rev = r->connection->read;

            if (rev->timer_set) {
                ngx_del_timer(rev);
            }

            r->read_event_handler = ngx_http_block_reading;
            hd_timer_set(&up->timer, 1);
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);

        if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
            hd_upload_unread(up, rc);
            return;
        }

        if (rc == NGX_AGAIN && rb->bufs == NULL) {
            r->read_event_handler = hd_upload_body;
            return;
        }
    }
}


static void
hd_upload_body(ngx_http_request_t *r)
{
    hd_req_t     *req;
    hd_upload_t  *up;

    req = hd_req_of(r);

    if (req == NULL) {
        return;
    }

    up = req->ctx;

    if (!up->ended) {
        hd_upload_pump(up);
    }
}


static void
hd_upload_timer(hd_timer_t *t, void *data)
{
    hd_upload_t *up = data;

    ngx_connection_t  *c;

    c = up->req->r->connection;

    hd_upload_pump(up);

    ngx_http_run_posted_requests(c);
}


/* NGX_OK or answered */
static ngx_int_t
hd_upload_type(hd_upload_t *up)
{
    hd_str_t              type, name;
    hd_req_t             *req;
    ngx_http_request_t   *r;
    hd_multipart_sink_t   sink;

    req = up->req;
    r = req->r;

    name = hd_query(req, "filename");

    if (name.len) {
        hd_upload_name(up, &name);
        up->named = 1;
    }

    if (r->headers_in.content_type == NULL) {
        return NGX_OK;
    }

    type.data = r->headers_in.content_type->value.data;
    type.len = r->headers_in.content_type->value.len;

    if (type.len < 10 || ngx_strncasecmp(type.data, (u_char *) "multipart/",
                                         10) != 0)
    {
        return NGX_OK;
    }

    up->mp = ngx_palloc(r->pool, sizeof(hd_multipart_t));

    if (up->mp == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NGX_DONE;
    }

    sink.part = hd_upload_part;
    sink.data = hd_upload_data;
    sink.end = hd_upload_end;
    sink.ctx = up;

    if (hd_multipart_init(up->mp, &type, &sink) != HD_OK) {
        hd_problem(req, NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, "not_a_form",
                   "Send the file as the body itself, or as the field "
                   "\"file\" of multipart/form-data with a boundary.");
        return NGX_DONE;
    }

    return NGX_OK;
}


static ngx_int_t
hd_upload_open(hd_upload_t *up)
{
    ngx_uint_t  tries;

    for (tries = 0; tries < 5; tries++) {
        if (hd_files_temp(up->temp) != NGX_OK) {
            hd_problem(up->req, 503, "no_storage", "This server has no folder "
                       "for files: its log says why.");
            return NGX_DONE;
        }

        up->fd = open(up->temp, O_CREAT|O_EXCL|O_WRONLY|O_CLOEXEC, 0600);

        if (up->fd != NGX_INVALID_FILE) {
            return NGX_OK;
        }

        up->err = ngx_errno;

        if (up->err != NGX_EEXIST) {
            break;
        }
    }

    hd_upload_failed(up);

    return NGX_DONE;
}


void
hd_media_upload(hd_req_t *req)
{
    ngx_int_t             rc;
    hd_upload_t          *up;
    ngx_http_request_t   *r;
    ngx_http_cleanup_t   *cln;

    r = req->r;

    up = ngx_pcalloc(r->pool, sizeof(hd_upload_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (up == NULL || cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    up->req = req;
    up->fd = NGX_INVALID_FILE;
    hd_timer_init(&up->timer, hd_upload_timer, up, 0, r->connection->log);

    cln->handler = hd_upload_cleanup;
    cln->data = up;
    req->ctx = up;

    if (hd_upload_type(up) != NGX_OK) {
        return;
    }

    if (r->headers_in.content_length_n > HD_FILE_MAX + 65536) {
        up->large = 1;
        hd_upload_failed(up);
        return;
    }

    if (hd_upload_open(up) != NGX_OK) {
        return;
    }

    r->request_body_no_buffering = 1;

    /* takes a reference of its own, which the finalization after it returns */

    rc = ngx_http_read_client_request_body(r, hd_upload_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        hd_upload_unread(up, rc);
        return;
    }

    ngx_http_finalize_request(r, NGX_DONE);
}
