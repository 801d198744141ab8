/*
 * The arguments of STATUS_POST and STATUS_DELETE.
 */

#include "status.h"
#include "../base/link.h"


#define HD_STATUS_LINK   3600          /* s: the provider fetches it by then */


static void
hd_status_arg(hd_buf_t *b, const char *name, const hd_str_t *v)
{
    if (v->len) {
        hd_buf_printf(b, ",\"%s\":", name);
        hd_jw_str(b, v);
    }
}


/* a file of ours as the provider reaches it */
static void
hd_status_link(hd_task_t *task, hd_buf_t *b, const hd_str_t *media)
{
    u_char     text[36], token[HD_FILE_TOKEN];
    hd_uuid_t  id;

    if (hd_uuid_parse(&id, media->data, media->len) != HD_OK) {
        return;
    }

    hd_uuid_format(&id, text);
    hd_file_link_format(hd_task.secret_key, &task->org, &id,
                        ngx_time() + HD_STATUS_LINK, token);

    hd_buf_printf(b, "\"link\":\"%.*s/media/%.*s/%.*s\"",
                  (int) hd_task.public_url.len, hd_task.public_url.data,
                  36, text, HD_FILE_TOKEN, token);
}


/* the content in the words of operations.md */
static void
hd_status_content(hd_task_t *task, hd_buf_t *b, hd_json_t *content)
{
    hd_str_t    s;
    hd_json_t  *v;

    for (v = content ? content->child : NULL; v; v = v->next) {

        if (hd_str_eq(&v->key, "link") || hd_str_eq(&v->key, "media_id")
            || hd_str_eq(&v->key, "mime"))
        {
            continue;
        }

        hd_buf_char(b, ',');

        if (hd_str_eq(&v->key, "background_color")) {
            hd_buf_z(b, "\"background\"");

        } else {
            hd_jw_str(b, &v->key);
        }

        hd_buf_char(b, ':');
        hd_json_write(b, v);
    }

    s = hd_json_str(content, "type");

    if (hd_str_eq(&s, "text")) {
        return;
    }

    hd_buf_z(b, ",\"media\":{");
    s = hd_json_str(content, "media_id");

    if (s.len) {
        hd_status_link(task, b, &s);

    } else {
        s = hd_json_str(content, "link");
        hd_buf_z(b, "\"link\":");
        hd_jw_str(b, &s);
    }

    s = hd_json_str(content, "mime");
    hd_status_arg(b, "mime", &s);
    hd_buf_char(b, '}');
}


/* what is posted: the content with its id and this piece of its recipients */
hd_json_t *
hd_status_args(hd_task_t *task, ngx_uint_t new_id, ngx_uint_t content)
{
    hd_buf_t           b;
    hd_json_t         *args;
    hd_json_error_t    err;
    hd_status_task_t  *s;

    s = task->ctx;

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"new_id\":%s", new_id ? "true" : "false");

    if (!new_id) {
        hd_status_arg(&b, "id", &s->provider_id);

        if (s->recipients.len) {
            hd_buf_z(&b, ",\"recipients\":");
            hd_buf_str(&b, &s->recipients);
        }
    }

    if (content) {
        hd_status_content(task, &b, s->content);
    }

    hd_buf_char(&b, '}');

    args = b.failed ? NULL
                    : hd_json_parse(&task->mem, b.data, b.len, 16, &err);
    hd_buf_free(&b);

    return args;
}


/* the next of its recipients, cut off the list: asking twice does no harm */
ngx_int_t
hd_status_piece(hd_task_t *task, hd_status_task_t *s)
{
    hd_buf_t          b;
    hd_str_t          v;
    hd_json_t        *e;
    ngx_int_t         rc;
    ngx_uint_t        i;
    hd_json_error_t   err;

    if (s->left == NULL) {
        if (s->recipients.len == 0) {
            return NGX_OK;
        }

        e = hd_json_parse(&task->mem, s->recipients.data, s->recipients.len,
                          8, &err);
        s->left = e ? e->child : NULL;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '[');

    for (i = 0; s->left && i < HD_STATUS_CHUNK; i++) {
        if (i) {
            hd_buf_char(&b, ',');
        }

        hd_json_write(&b, s->left);
        s->left = s->left->next;
    }

    hd_buf_char(&b, ']');

    v.data = b.data;
    v.len = b.len;
    rc = !b.failed && hd_str_dup(&task->mem, &v, &s->recipients) == HD_OK
         ? NGX_OK : NGX_ERROR;
    hd_buf_free(&b);

    return rc;
}
