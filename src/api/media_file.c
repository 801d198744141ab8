/*
 * A file as an answer.
 *
 * What people sent is never ours to trust: its type is what its bytes said when
 * it came, no browser may guess another, nothing in it may run, and all but
 * pictures, sound and film are saved and not shown.
 */

#include "media.h"


#define HD_FILE_NAME  120              /* characters of a name that is told */


/* shown in the page; the rest is for saving */
static ngx_uint_t
hd_file_inline(const hd_str_t *mime)
{
    return (mime->len > 6
            && (ngx_strncmp(mime->data, "image/", 6) == 0
                || ngx_strncmp(mime->data, "audio/", 6) == 0
                || ngx_strncmp(mime->data, "video/", 6) == 0));
}


/* attachment; filename="x.pdf"; filename*=UTF-8''x.pdf (RFC 6266) */
static ngx_int_t
hd_file_disposition(hd_req_t *req, const hd_media_file_t *f)
{
    size_t                i, n;
    u_char                c, hex[2];
    hd_buf_t              b;
    hd_str_t              name, value;
    ngx_int_t             rc;
    const hd_filetype_t  *t;

    name = f->filename;
    t = hd_filetype_mime(&f->mime);
    n = ngx_min(name.len, HD_FILE_NAME);

    hd_buf_init(&b);
    hd_buf_z(&b, hd_file_inline(&f->mime) ? "inline" : "attachment");
    hd_buf_z(&b, "; filename=\"");

    for (i = 0; i < n; i++) {
        c = name.data[i];
        hd_buf_char(&b, (c >= ' ' && c < 0x7f && c != '"' && c != '\\'
                         && c != '%' && c != ';') ? c : '_');
    }

    if (n == 0) {
        hd_buf_z(&b, "file.");
        hd_buf_z(&b, t ? t->ext : "bin");
    }

    hd_buf_char(&b, '"');

    if (n) {
        hd_buf_z(&b, "; filename*=UTF-8''");

        for (i = 0; i < name.len; i++) {
            c = name.data[i];

            if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_')
            {
                hd_buf_char(&b, c);
                continue;
            }

            hd_hex(hex, &c, 1);
            hd_buf_char(&b, '%');
            hd_buf_add(&b, hex, 2);
        }
    }

    value.data = b.data;
    value.len = b.len;

    rc = (b.failed || hd_str_dup(&req->mem, &value, &value) != HD_OK)
         ? NGX_ERROR
         : hd_req_header(req->r, "Content-Disposition", &value);

    hd_buf_free(&b);

    return rc;
}


static ngx_int_t
hd_file_headers(hd_req_t *req, const hd_media_file_t *f)
{
    u_char               *p;
    hd_str_t              v;
    ngx_http_request_t   *r;

    r = req->r;

    hd_str_set(&v, "nosniff");

    if (hd_req_header(r, "X-Content-Type-Options", &v) != NGX_OK) {
        return NGX_ERROR;
    }

    hd_str_set(&v, "sandbox; default-src 'none'; style-src 'unsafe-inline'");

    if (hd_req_header(r, "Content-Security-Policy", &v) != NGX_OK) {
        return NGX_ERROR;
    }

    /* the bytes behind an id never change */
    hd_str_set(&v, "private, max-age=3600");

    if (hd_req_header(r, "Cache-Control", &v) != NGX_OK
        || hd_file_disposition(req, f) != NGX_OK)
    {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, 34);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v.data = p;
    v.len = 34;

    *p++ = '"';
    hd_hex(p, f->sha256, 16);
    p[32] = '"';

    r->headers_out.etag = ngx_list_push(&r->headers_out.headers);

    if (r->headers_out.etag == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(r->headers_out.etag, sizeof(ngx_table_elt_t));
    r->headers_out.etag->hash = 1;
    ngx_str_set(&r->headers_out.etag->key, "ETag");
    r->headers_out.etag->value.data = v.data;
    r->headers_out.etag->value.len = v.len;

    r->headers_out.content_type.data = f->mime.data;
    r->headers_out.content_type.len = f->mime.len;
    r->headers_out.content_type_len = f->mime.len;
    r->headers_out.content_type_lowcase = NULL;

    return NGX_OK;
}


/* the descriptor is the request's */
static ngx_buf_t *
hd_file_open(hd_req_t *req, const char *path, struct stat *st)
{
    ngx_buf_t                *b;
    ngx_pool_cleanup_t       *cln;
    ngx_pool_cleanup_file_t  *clnf;

    b = ngx_calloc_buf(req->r->pool);
    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(ngx_pool_cleanup_file_t));

    if (b == NULL || cln == NULL) {
        return NULL;
    }

    b->file = ngx_pcalloc(req->r->pool, sizeof(ngx_file_t));

    if (b->file == NULL) {
        return NULL;
    }

    b->file->name.len = ngx_strlen(path);
    b->file->name.data = ngx_pnalloc(req->r->pool, b->file->name.len + 1);

    if (b->file->name.data == NULL) {
        return NULL;
    }

    ngx_memcpy(b->file->name.data, path, b->file->name.len + 1);

    b->file->fd = open(path, O_RDONLY|O_NOFOLLOW|O_CLOEXEC);

    if (b->file->fd == NGX_INVALID_FILE) {
        return NULL;
    }

    cln->handler = ngx_pool_cleanup_file;
    clnf = cln->data;
    clnf->fd = b->file->fd;
    clnf->name = b->file->name.data;
    clnf->log = req->r->connection->log;

    if (fstat(b->file->fd, st) != 0 || !S_ISREG(st->st_mode)) {
        return NULL;
    }

    b->file->log = req->r->connection->log;

    return b;
}


void
hd_media_send(hd_req_t *req, const hd_uuid_t *org, const hd_media_file_t *f)
{
    char                 path[HD_FILES_PATH];
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    struct stat          st;
    ngx_http_request_t  *r;

    r = req->r;

    hd_files_path(path, org, f->sha256);
    b = hd_file_open(req, path, &st);

    if (b == NULL) {
        ngx_log_error(NGX_LOG_CRIT, r->connection->log, ngx_errno,
                      "herald: the file \"%s\" of a row is not there", path);
        hd_problem(req, 500, "file_lost", "The file of this row is not on the "
                   "disk any more. The log of the server says more under this "
                   "request_id.");
        return;
    }

    req->waiting = 0;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = st.st_size;
    r->headers_out.last_modified_time = st.st_mtime;
    r->allow_ranges = 1;

    if (hd_file_headers(req, f) != NGX_OK) {
        ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    b->file_pos = 0;
    b->file_last = st.st_size;
    b->in_file = b->file_last ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    ngx_http_finalize_request(r, ngx_http_output_filter(r, &out));
}
