/*
 * Files.  A form that is uploaded stays on the disk as nginx wrote it, and the
 * object says where in it the file is; what the control API makes has no file,
 * but a few bytes that are said over and over.
 *
 * An address is good for five minutes of the sandbox's clock and wants the
 * token.
 */

#include "graph.h"

#include <sys/mman.h>


#define HD_SB_MEDIA_LIFE  300          /* s, of an address */


/* what the provider takes, and how much of it */

static const struct {
    const char  *mime;
    off_t        max;
} hd_sb_mimes[] = {
    { "image/jpeg", 5 << 20 },
    { "image/png", 5 << 20 },
    { "image/webp", 500 << 10 },
    { "audio/aac", 16 << 20 },
    { "audio/amr", 16 << 20 },
    { "audio/mpeg", 16 << 20 },
    { "audio/mp4", 16 << 20 },
    { "audio/ogg", 16 << 20 },
    { "video/mp4", 16 << 20 },
    { "video/3gpp", 16 << 20 },
    { "text/plain", 100 << 20 },
    { "application/pdf", 100 << 20 },
    { "application/msword", 100 << 20 },
    { "application/vnd.ms-excel", 100 << 20 },
    { "application/vnd.ms-powerpoint", 100 << 20 },
    { "application/vnd.openxmlformats-officedocument.wordprocessingml"
      ".document", 100 << 20 },
    { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
      100 << 20 },
    { "application/vnd.openxmlformats-officedocument.presentationml"
      ".presentation", 100 << 20 }
};


/* the largest size of a type; -1: the provider does not take it */

off_t
hd_sb_media_limit(const hd_str_t *mime)
{
    size_t      i, len;
    const char *name;

    for (i = 0; i < sizeof(hd_sb_mimes) / sizeof(hd_sb_mimes[0]); i++) {
        name = hd_sb_mimes[i].mime;
        len = strlen(name);

        /* "audio/ogg; codecs=opus" is one of them */
        if (mime->len >= len && ngx_strncmp(mime->data, name, len) == 0
            && (mime->len == len || mime->data[len] == ';'))
        {
            return hd_sb_mimes[i].max;
        }
    }

    return -1;
}


void
hd_sb_media_new_id(hd_str_t *id, u_char text[24])
{
    id->data = text;
    id->len = ngx_sprintf(text, "%uL",
                          (uint64_t) (1000000000000000.0
                                      + hd_sb_random() * 8e15))
              - text;
}


/* the object of a file; path NULL: made of `fill` */

int
hd_sb_media_put(hd_sb_kind_e kind, const hd_str_t *owner, const hd_str_t *id,
    const hd_str_t *mime, const hd_str_t *path, off_t from, off_t bytes,
    const u_char sum[32], const hd_str_t *fill)
{
    int       rc;
    u_char    hex[64];
    hd_buf_t  b;
    hd_str_t  s;

    hd_hex(hex, sum, 32);
    s.data = hex;
    s.len = sizeof(hex);

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"mime\":");
    hd_jw_str(&b, mime);
    hd_buf_z(&b, ",\"path\":");
    hd_jw_str(&b, path);
    hd_buf_z(&b, ",\"fill\":");
    hd_jw_str(&b, fill);
    hd_buf_printf(&b, ",\"from\":%ld,\"bytes\":%ld,\"sha256\":", (long) from,
                  (long) bytes);
    hd_jw_str(&b, &s);
    hd_buf_char(&b, '}');

    rc = hd_sb_object_put(kind, id, owner, &b, 0);
    hd_buf_free(&b);

    return rc;
}


/* the file that nginx wrote, mapped; NULL: empty, or it cannot be read */

static u_char *
hd_sb_media_map(ngx_http_request_t *r, size_t *len)
{
    void             *p;
    ngx_temp_file_t  *file;

    if (r->request_body == NULL || r->request_body->temp_file == NULL) {
        return NULL;
    }

    file = r->request_body->temp_file;
    *len = (size_t) file->offset;

    if (*len == 0 || *len > HD_SB_MEDIA_MAX) {
        return NULL;
    }

    p = mmap(NULL, *len, PROT_READ, MAP_SHARED, file->file.fd, 0);

    return p == MAP_FAILED ? NULL : p;
}


/* a form with messaging_product, type and file */

static void
hd_sb_media_form(hd_sb_graph_t *g, const u_char *form, size_t len)
{
    u_char               text[24], sum[32];
    off_t                max;
    hd_str_t             boundary, type, product, id, owner, path, none;
    const u_char        *p, *end;
    hd_sb_part_t         part, file;
    ngx_http_request_t  *r = g->request;

    ngx_memzero(&file, sizeof(hd_sb_part_t));
    hd_str_set(&type, "");
    hd_str_set(&product, "");
    hd_str_set(&none, "");

    p = NULL;
    end = form + len;

    /* the first boundary has no line before it */
    if (hd_sb_boundary(r, &boundary) == HD_OK && len > boundary.len
        && ngx_memcmp(form, boundary.data + 2, boundary.len - 2) == 0)
    {
        p = form + boundary.len - 2;
    }

    while (p != NULL) {
        p = hd_sb_part_next(p, end, &boundary, &part);

        if (p == NULL) {
            break;
        }

        if (hd_str_eq(&part.name, "messaging_product")) {
            product = part.value;

        } else if (hd_str_eq(&part.name, "type")) {
            type = part.value;

        } else if (hd_str_eq(&part.name, "file")) {
            file = part;
        }
    }

    if (!hd_str_eq(&product, "whatsapp")) {
        hd_sb_graph_refuse(g, 100, 0,
                           "The parameter messaging_product is required.");
        return;
    }

    if (file.value.data == NULL || file.filename.len == 0) {
        hd_sb_graph_refuse(g, 100, 0, "The parameter file is required.");
        return;
    }

    if (type.len == 0) {
        type = file.type;
    }

    max = hd_sb_media_limit(&type);

    if (max == -1) {
        hd_sb_graph_refuse(g, 100, 0, "Param file must be a file with one of"
                           " the following types: audio/aac, audio/mp4,"
                           " audio/mpeg, audio/amr, audio/ogg,"
                           " application/pdf, image/jpeg, image/png,"
                           " image/webp, video/mp4, video/3gpp, text/plain"
                           " and documents of the usual offices.");
        return;
    }

    if (file.value.len == 0 || (off_t) file.value.len > max) {
        hd_sb_graph_refuse(g, 131053, 0, "The file is empty or larger than"
                           " its type allows.");
        return;
    }

    hd_sb_media_new_id(&id, text);
    hd_sha256(file.value.data, file.value.len, sum);

    owner = g->id;
    path = hd_sb_str(&r->request_body->temp_file->file.name);

    if (hd_sb_media_put(HD_SB_MEDIA, &owner, &id, &type, &path,
                        file.value.data - form, (off_t) file.value.len, sum,
                        &none)
        != HD_OK)
    {
        hd_sb_graph_refuse(g, 131000, 0, NULL);
        return;
    }

    hd_buf_z(&g->b, "{\"id\":");
    hd_jw_str(&g->b, &id);
    hd_buf_char(&g->b, '}');
    hd_sb_graph_send(g);
}


void
hd_sb_media_upload(ngx_http_request_t *r)
{
    size_t          len;
    u_char         *form;
    hd_sb_graph_t  *g;

    g = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    form = hd_sb_media_map(r, &len);

    if (form == NULL) {
        hd_sb_graph_refuse(g, 100, 0, "The parameter file is required.");
        return;
    }

    hd_sb_media_form(g, form, len);

    munmap(form, len);
}


/* the address: below our own, as the request came */

static void
hd_sb_media_url(hd_sb_graph_t *g)
{
    size_t               len;
    u_char              *p;
    ngx_str_t           *host, uri;
    ngx_http_request_t  *r = g->request;

    host = r->headers_in.host ? &r->headers_in.host->value
                              : &r->headers_in.server;

    /* what stands before "/v23.0/…" */
    uri = r->uri;
    p = (u_char *) ngx_strstr(uri.data, "/v");
    len = p ? (size_t) (p - uri.data) : 0;

    hd_buf_printf(&g->b, "\"%s://%.*s%.*s/media/%.*s?ext=%ld\"",
#if (NGX_HTTP_SSL)
                  r->connection->ssl ? "https" :
#endif
                  "http", (int) host->len, host->data, (int) len, uri.data,
                  (int) g->id.len, g->id.data,
                  (long) (hd_sb_clock() / 1000000) + HD_SB_MEDIA_LIFE);
}


void
hd_sb_media_show(hd_sb_graph_t *g)
{
    int64_t        bytes;
    hd_str_t       s;
    hd_sb_copy_t   copy;

    if (hd_sb_object_get(g->request->pool, HD_SB_MEDIA, &g->id, &copy)
        != HD_OK)
    {
        hd_sb_graph_refuse(g, 100, 33, NULL);
        return;
    }

    bytes = 0;
    (void) hd_json_int(hd_json_get(copy.v, "bytes"), &bytes);

    hd_buf_z(&g->b, "{\"url\":");
    hd_sb_media_url(g);
    hd_buf_z(&g->b, ",\"mime_type\":");
    s = hd_json_str(copy.v, "mime");
    hd_jw_str(&g->b, &s);
    hd_buf_z(&g->b, ",\"sha256\":");
    s = hd_json_str(copy.v, "sha256");
    hd_jw_str(&g->b, &s);
    hd_buf_printf(&g->b, ",\"file_size\":%ld,\"id\":", (long) bytes);
    hd_jw_str(&g->b, &g->id);
    hd_buf_z(&g->b, ",\"messaging_product\":\"whatsapp\"}");
    hd_sb_graph_send(g);
}


void
hd_sb_media_delete(hd_sb_graph_t *g)
{
    hd_sb_object_delete(HD_SB_MEDIA, &g->id);
    hd_sb_graph_success(g);
}


int
hd_sb_media_known(ngx_pool_t *pool, const hd_str_t *id, const char **mime)
{
    hd_mem_t       mem;
    hd_str_t       s;
    hd_sb_copy_t   copy;

    if (hd_sb_object_get(pool, HD_SB_MEDIA, id, &copy) != HD_OK) {
        return 0;
    }

    mem = hd_sb_mem(pool);
    s = hd_json_str(copy.v, "mime");
    *mime = hd_cstr(&mem, &s);

    return *mime != NULL;
}


/* the file itself */

static ngx_int_t
hd_sb_media_send(ngx_http_request_t *r, const hd_sb_copy_t *copy)
{
    int64_t              from, bytes;
    hd_mem_t             mem;
    hd_str_t             mime, path;
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_pool_cleanup_t  *cln;
    ngx_pool_cleanup_file_t  *clf;

    mime = hd_json_str(copy->v, "mime");
    path = hd_json_str(copy->v, "path");

    if (hd_json_int(hd_json_get(copy->v, "from"), &from) != HD_OK
        || hd_json_int(hd_json_get(copy->v, "bytes"), &bytes) != HD_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->file = ngx_pcalloc(r->pool, sizeof(ngx_file_t));
    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_pool_cleanup_file_t));
    if (b->file == NULL || cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    mem = hd_sb_mem(r->pool);
    path.data = (u_char *) hd_cstr(&mem, &path);

    if (path.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->file->fd = ngx_open_file(path.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (b->file->fd == NGX_INVALID_FILE) {
        return NGX_HTTP_NOT_FOUND;
    }

    clf = cln->data;
    cln->handler = ngx_pool_cleanup_file;
    clf->fd = b->file->fd;
    clf->name = path.data;
    clf->log = r->pool->log;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = bytes;
    r->headers_out.content_type = hd_sb_ngx(&mime);
    r->headers_out.content_type_len = mime.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b->file->log = r->connection->log;
    b->file->name = hd_sb_ngx(&path);
    b->file_pos = from;
    b->file_last = from + bytes;
    b->in_file = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;
    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* what the control API makes: its beginning, and then the same again; in
 * hexadecimal, as it is no text */

void
hd_sb_media_bytes(u_char *p, int64_t bytes, const hd_str_t *fill)
{
    int64_t  i;

    for (i = 0; i < bytes; i++) {
        (void) hd_unhex(&p[i], fill->data + (i % (int64_t) (fill->len / 2))
                               * 2, 2);
    }
}


static ngx_int_t
hd_sb_media_fill(ngx_http_request_t *r, const hd_sb_copy_t *copy)
{
    int64_t    bytes;
    hd_str_t   mime, fill;
    ngx_str_t  body;

    mime = hd_json_str(copy->v, "mime");
    fill = hd_json_str(copy->v, "fill");

    if (hd_json_int(hd_json_get(copy->v, "bytes"), &bytes) != HD_OK
        || fill.len < 2)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body.len = (size_t) bytes;
    body.data = ngx_pnalloc(r->pool, body.len + 1);

    if (body.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    hd_sb_media_bytes(body.data, bytes, &fill);

    r->headers_out.content_type = hd_sb_ngx(&mime);
    r->headers_out.content_type_len = mime.len;

    return hd_sb_answer_now(r, NGX_HTTP_OK, &body);
}


ngx_int_t
hd_sb_media_file(ngx_http_request_t *r, const hd_sb_copy_t *copy)
{
    return hd_json_str(copy->v, "fill").len > 0 ? hd_sb_media_fill(r, copy)
                                                : hd_sb_media_send(r, copy);
}


ngx_int_t
hd_sb_media_download(ngx_http_request_t *r, const ngx_str_t *id)
{
    ngx_int_t        until;
    ngx_str_t       *token, ext;
    hd_sb_copy_t     copy;
    hd_sb_number_t  *n;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (hd_sb_object_get(r->pool, HD_SB_MEDIA, (hd_str_t *) id, &copy)
        != HD_OK)
    {
        return NGX_HTTP_NOT_FOUND;
    }

    n = hd_sb_number_find((ngx_str_t *) &copy.owner);
    token = r->headers_in.authorization ? &r->headers_in.authorization->value
                                        : NULL;

    if (n == NULL || token == NULL || token->len <= 7
        || (n->set.token.len > 0
            && (n->set.token.len != token->len - 7
                || ngx_memcmp(n->set.token.data, token->data + 7,
                              token->len - 7)
                   != 0)))
    {
        return hd_sb_refuse(r, 190, 0, NULL);
    }

    until = NGX_ERROR;

    if (ngx_http_arg(r, (u_char *) "ext", 3, &ext) == NGX_OK) {
        until = ngx_atoi(ext.data, ext.len);
    }

    if (until == NGX_ERROR || until < (ngx_int_t) (hd_sb_clock() / 1000000)) {
        return NGX_HTTP_NOT_FOUND;
    }

    return hd_sb_media_file(r, &copy);
}
