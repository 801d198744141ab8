/*
 * Files that are no message's: what the control API makes, and uploads to the
 * app for samples of templates and pictures of profiles.
 */

#include "graph.h"


/* what a type begins with, for those who look */

static const struct {
    const char  *mime;
    const char  *hex;
} hd_sb_magics[] = {
    { "image/jpeg", "ffd8ffe000104a46494600" },
    { "image/png", "89504e470d0a1a0a0000000d49484452" },
    { "image/webp", "524946461a000000574542505650384c" },
    { "video/mp4", "000000186674797069736f6d" },
    { "video/3gpp", "0000001866747970336770" },
    { "audio/ogg", "4f67675300020000" },
    { "audio/mpeg", "494433030000" },
    { "audio/amr", "2321414d520a" },
    { "audio/aac", "fff150" },
    { "application/pdf", "255044462d312e34" },
    { "text/plain", "68656c6c6f20" }
};


/* POST _control/numbers/{id}/media {mime, bytes, hex?}: answers {id} */

void
hd_sb_media_make(ngx_http_request_t *r)
{
    u_char           text[24], sum[32], *p;
    size_t           i;
    int64_t          bytes;
    hd_buf_t         b;
    hd_str_t         mime, fill, id, owner, none;
    ngx_int_t        rc;
    hd_json_t       *v;
    hd_sb_target_t  *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return;
    }

    owner = hd_sb_str(&t->id);
    mime = hd_json_str(v, "mime");
    fill = hd_json_str(v, "hex");
    hd_str_set(&none, "");

    for (i = 0; fill.len == 0
                && i < sizeof(hd_sb_magics) / sizeof(hd_sb_magics[0]); i++)
    {
        if (strlen(hd_sb_magics[i].mime) <= mime.len
            && ngx_strncmp(hd_sb_magics[i].mime, mime.data,
                           strlen(hd_sb_magics[i].mime))
               == 0)
        {
            fill.data = (u_char *) hd_sb_magics[i].hex;
            fill.len = strlen(hd_sb_magics[i].hex);
        }
    }

    if (hd_json_int(hd_json_get(v, "bytes"), &bytes) != HD_OK || bytes < 1
        || bytes > HD_SB_MEDIA_MAX || mime.len == 0 || fill.len < 2)
    {
        rc = hd_sb_control_error(r, NGX_HTTP_BAD_REQUEST, "\"mime\" that the"
                                 " sandbox knows, or with \"hex\", and"
                                 " \"bytes\" are expected");
        ngx_http_finalize_request(r, rc);
        return;
    }

    hd_sb_media_new_id(&id, text);

    p = ngx_pnalloc(r->pool, (size_t) bytes);

    if (p != NULL) {
        hd_sb_media_bytes(p, bytes, &fill);
        hd_sha256(p, (size_t) bytes, sum);
    }

    if (p == NULL
        || hd_sb_media_put(HD_SB_MEDIA, &owner, &id, &mime, &none, 0, bytes,
                           sum, &fill)
           != HD_OK)
    {
        rc = hd_sb_control_error(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                 "herald_sandbox_zone is full");
        ngx_http_finalize_request(r, rc);
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"id\":");
    hd_jw_str(&b, &id);
    hd_buf_char(&b, '}');
    rc = hd_sb_control_send(r, &b);
    hd_buf_free(&b);
    ngx_http_finalize_request(r, rc);
}


/* samples of templates, pictures of profiles */

void
hd_sb_upload_open(hd_sb_graph_t *g)
{
    u_char     text[24];
    u_char     name[64];
    hd_buf_t   b;
    hd_str_t   id, owner, number, type, bytes;

    type = hd_sb_graph_arg(g, "file_type");
    bytes = hd_sb_graph_arg(g, "file_length");

    if (hd_sb_media_limit(&type) == -1
        || ngx_atoi(bytes.data, bytes.len) == NGX_ERROR)
    {
        hd_sb_graph_refuse(g, 100, 0, "Param file_type and file_length are"
                           " required.");
        return;
    }

    hd_sb_media_new_id(&number, text);

    id.data = name;
    id.len = ngx_sprintf(name, "upload:%*s", number.len, number.data) - name;
    owner.data = g->number->node->id;
    owner.len = g->number->node->id_len;

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"bytes\":");
    hd_buf_str(&b, &bytes);
    hd_buf_char(&b, '}');

    if (hd_sb_object_put(HD_SB_UPLOAD, &id, &owner, &b, 0) != HD_OK) {
        hd_buf_free(&b);
        hd_sb_graph_refuse(g, 131000, 0, NULL);
        return;
    }

    hd_buf_free(&b);

    hd_buf_z(&g->b, "{\"id\":\"");
    hd_buf_str(&g->b, &id);
    hd_buf_z(&g->b, "?sig=ARZqkGCA\"}");
    hd_sb_graph_send(g);
}


void
hd_sb_upload_send(ngx_http_request_t *r)
{
    off_t           size;
    int64_t         bytes;
    hd_str_t        number;
    ngx_temp_file_t  *file;
    hd_sb_copy_t    copy;
    hd_sb_graph_t  *g;

    g = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    file = r->request_body ? r->request_body->temp_file : NULL;
    size = file ? file->offset : 0;

    if (file != NULL) {
        (void) ngx_delete_file(file->file.name.data);
    }

    if (hd_sb_object_get(r->pool, HD_SB_UPLOAD, &g->id, &copy) != HD_OK
        || hd_json_int(hd_json_get(copy.v, "bytes"), &bytes) != HD_OK
        || size != bytes)
    {
        hd_sb_graph_refuse(g, 100, 0, "The upload is not as long as it was"
                           " said to be.");
        return;
    }

    hd_sb_object_delete(HD_SB_UPLOAD, &g->id);

    number.data = g->id.data + 7;
    number.len = g->id.len - 7;

    hd_buf_z(&g->b, "{\"h\":\"4::");
    hd_buf_str(&g->b, &number);
    hd_buf_z(&g->b, ":e:sandbox\"}");
    hd_sb_graph_send(g);
}
