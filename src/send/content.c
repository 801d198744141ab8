/*
 * What a broadcast says: the template and variables of each of its variants;
 * or what a single message says.
 */

#include "private.h"


ngx_int_t
hd_content_copy(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t row,
    ngx_uint_t col, hd_str_t *out)
{
    hd_str_t  v;

    if (hd_pg_is_null(res, row, col)) {
        ngx_memzero(out, sizeof(hd_str_t));
        return NGX_OK;
    }

    v = hd_pg_value(res, row, col);

    return hd_str_dup(&job->mem, &v, out) == HD_OK ? NGX_OK : NGX_ERROR;
}


hd_json_t *
hd_content_json(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t row,
    ngx_uint_t col)
{
    hd_str_t         v;
    hd_json_error_t  err;

    if (hd_pg_is_null(res, row, col)) {
        return NULL;
    }

    v = hd_pg_value(res, row, col);

    return hd_json_parse(&job->mem, v.data, v.len, 16, &err);
}


typedef struct {
    hd_str_t     *names;
    hd_str_t     *fallbacks;
    ngx_uint_t    n;
    ngx_uint_t    max;
} hd_content_names_t;


/* each name once, in order of first appearance: so the provider wants them */
static int
hd_content_name(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    hd_content_names_t *list = ctx;

    ngx_uint_t  i;

    for (i = 0; i < list->n; i++) {
        if (list->names[i].len == name->len
            && ngx_memcmp(list->names[i].data, name->data, name->len) == 0)
        {
            return HD_OK;
        }
    }

    if (list->n == list->max) {
        return HD_ERROR;
    }

    list->names[list->n] = *name;

    if (fallback && fallback->data) {
        list->fallbacks[list->n] = *fallback;

    } else {
        ngx_memzero(&list->fallbacks[list->n], sizeof(hd_str_t));
    }

    list->n++;

    return HD_OK;
}


/* positional ones go in the order of their numbers, wherever they stand */
static void
hd_content_sort(hd_content_names_t *list)
{
    hd_str_t    name, fallback;
    ngx_int_t   number;
    ngx_uint_t  i, j;

    for (i = 1; i < list->n; i++) {
        name = list->names[i];
        fallback = list->fallbacks[i];
        number = ngx_atoi(name.data, name.len);

        for (j = i;
             j > 0 && ngx_atoi(list->names[j - 1].data,
                               list->names[j - 1].len) > number;
             j--)
        {
            list->names[j] = list->names[j - 1];
            list->fallbacks[j] = list->fallbacks[j - 1];
        }

        list->names[j] = name;
        list->fallbacks[j] = fallback;
    }
}


static ngx_int_t
hd_content_names(const hd_str_t *text, hd_content_names_t *list)
{
    if (hd_text_names(text, hd_content_name, list) != HD_OK) {
        return NGX_ERROR;
    }

    if (list->n
        && ngx_atoi(list->names[0].data, list->names[0].len) != NGX_ERROR)
    {
        hd_content_sort(list);
    }

    return NGX_OK;
}


/* states of a template that keep it from being sent, and the reason to give;
 * what is not here may go: the provider knows more states than we do */
static const struct {
    const char  *status;
    const char  *reason;
} hd_content_blocks[] = {
    { "pending", "template_pending" },
    { "rejected", "template_rejected" },
    { "paused", "template_paused" },
    { "disabled", "template_disabled" },
    { "deleted", "template_deleted" },
    { "pending_deletion", "template_deleted" }
};


static const char *
hd_content_blocked(hd_pg_res_t *res, ngx_uint_t row)
{
    hd_str_t    v;
    ngx_uint_t  i;

    v = hd_pg_value(res, row, 9);

    for (i = 0; i < sizeof(hd_content_blocks) / sizeof(hd_content_blocks[0]);
         i++)
    {
        if (hd_str_eq(&v, hd_content_blocks[i].status)) {
            return hd_content_blocks[i].reason;
        }
    }

    return NULL;
}


/* an id of ours, or an address */
static void
hd_content_file(hd_job_t *job, hd_file_t *f, hd_str_t id, hd_str_t link,
    hd_str_t name)
{
    f->name = name;

    if (link.len) {
        f->ref.link = link;
        f->ref.filename = name;
        f->known = 1;

    } else if (id.len && hd_uuid_parse(&f->id, id.data, id.len) == HD_OK) {
        job->content.nfiles++;
    }
}


/* what a template's document says beside its words */
static void
hd_content_document(hd_job_t *job, hd_json_t *document, hd_words_t *w,
    hd_file_t *f)
{
    hd_json_t  *header, *v;

    w->document = document;
    w->header_format = hd_header_file(document);

    v = hd_json_get(document, "track_clicks");
    w->tracks = hd_send.conf.public_url.len
                && (v == NULL || v->type != HD_JSON_FALSE);

    if (w->header_format) {
        header = hd_json_get(document, "header");
        hd_content_file(job, f, hd_json_str(header, "media_id"),
                        hd_json_str(header, "link"),
                        hd_json_str(header, "filename"));
    }
}


/* a template of a single message, as it was rendered */
static void
hd_content_rendered(hd_job_t *job, hd_json_t *t, hd_file_t *f)
{
    if (hd_json_get(t, "header_format")) {
        hd_content_file(job, f, hd_json_str(t, "header_media"),
                        hd_json_str(t, "header_link"),
                        hd_json_str(t, "header_filename"));
    }
}


/* the object that names the file of a content: itself, or its header's */
static hd_json_t *
hd_content_holder(hd_json_t *content)
{
    char        type[16];
    hd_str_t    s;
    hd_json_t  *header;

    s = hd_json_str(content, "type");

    if (!hd_str_eq(&s, "interactive")) {
        return content;
    }

    header = hd_json_path(content, "interactive.header");
    s = hd_json_str(header, "type");

    if (s.len == 0 || s.len >= sizeof(type)) {
        return NULL;
    }

    ngx_memcpy(type, s.data, s.len);
    type[s.len] = '\0';

    return hd_json_get(header, type);
}


static ngx_int_t
hd_content_single(hd_job_t *job, hd_pg_res_t *res)
{
    hd_str_t       v;
    hd_json_t     *payload, *holder;
    ngx_uint_t     i;
    hd_content_t  *c;

    c = &job->content;

    payload = hd_content_json(job, res, 0, 8);
    c->payload = hd_json_get(payload, "template");
    c->fallback = hd_json_get(payload, "fallback");
    c->content = hd_json_get(payload, "content");
    c->templated = (c->payload != NULL);
    c->sent = hd_json_str(payload, "sent");
    c->type = c->templated ? HD_MESSAGE_TEMPLATE : HD_MESSAGE_TEXT;

    if (c->content) {
        v = hd_json_str(c->content, "type");

        for (i = 0; i < HD_MESSAGE_TYPES; i++) {
            if (v.len == ngx_strlen(hd_message_type_name(i))
                && ngx_strncmp(v.data, hd_message_type_name(i), v.len) == 0)
            {
                c->type = i;
            }
        }

        holder = hd_content_holder(c->content);
        hd_content_file(job, &c->files[0], hd_json_str(holder, "media_id"),
                        hd_json_str(holder, "link"),
                        hd_json_str(holder, "filename"));
    }

    hd_content_rendered(job, c->payload, &c->files[0]);
    hd_content_rendered(job, c->fallback, &c->files[1]);

    (void) hd_pg_value_uuid(res, 0, 12, &c->words[0]->template_id);

    return (hd_content_copy(job, res, 0, 7, &c->words[0]->body) == NGX_OK
            && hd_content_copy(job, res, 0, 15, &c->words[0]->provider_id)
               == NGX_OK
            && hd_content_copy(job, res, 0, 18, &c->reply_to) == NGX_OK)
           ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
hd_content_words(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t row,
    hd_words_t *w)
{
    hd_content_names_t  list;

    w->variables = hd_content_json(job, res, row, 0);
    (void) hd_pg_value_uuid(res, row, 12, &w->template_id);

    hd_content_document(job, hd_content_json(job, res, row, 14), w,
                        &job->content.files[row]);

    if (hd_content_copy(job, res, row, 1, &w->template_name) != NGX_OK
        || hd_content_copy(job, res, row, 2, &w->language) != NGX_OK
        || hd_content_copy(job, res, row, 4, &w->header) != NGX_OK
        || hd_content_copy(job, res, row, 5, &w->body) != NGX_OK
        || hd_content_copy(job, res, row, 15, &w->provider_id) != NGX_OK)
    {
        return NGX_ERROR;
    }

    list.names = w->names;
    list.fallbacks = w->fallbacks;
    list.n = 0;
    list.max = HD_SEND_NAMES;

    if (hd_content_names(&w->body, &list) != NGX_OK) {
        return NGX_ERROR;
    }

    w->nnames = list.n;

    list.names = w->header_names;
    list.fallbacks = w->header_fallbacks;
    list.n = 0;
    list.max = 4;

    if (w->header.len && hd_content_names(&w->header, &list) != NGX_OK) {
        return NGX_ERROR;
    }

    w->nheader = list.n;

    return NGX_OK;
}


/* marketing, utility, authentication, or what has no template */
static u_char
hd_content_category(hd_pg_res_t *res)
{
    hd_str_t  v;

    v = hd_pg_value(res, 0, 3);

    if (hd_pg_is_null(res, 0, 3) || v.len == 0) {
        return 's';
    }

    return (v.data[0] == 'm' || v.data[0] == 'u' || v.data[0] == 'a')
           ? v.data[0] : 's';
}


/* batch_content: variables, name, language, category, header, body, footer,
 * text, payload, status, rate, expires, template, variant, document, the
 * provider's id of the template, type, file, what is quoted; a row for each
 * variant */
ngx_int_t
hd_content_load(hd_job_t *job, hd_pg_res_t *res)
{
    ngx_uint_t     i, n;
    hd_words_t    *w;
    const char    *blocked;
    hd_content_t  *c;

    c = &job->content;
    ngx_memzero(c, sizeof(hd_content_t));

    c->single = hd_pg_is_null(res, 0, 1);
    c->category = hd_content_category(res);
    c->expires = hd_pg_is_null(res, 0, 11) ? 0 : hd_pg_value_int(res, 0, 11);

    n = ngx_min(hd_pg_rows(res), HD_SEND_VARIANTS);

    for (i = 0; i < n; i++) {
        w = hd_calloc(&job->mem, sizeof(hd_words_t));
        if (w == NULL) {
            return NGX_ERROR;
        }

        c->words[c->nwords++] = w;

        blocked = hd_content_blocked(res, i);

        if (blocked) {
            c->blocked = blocked;
        }

        if (!c->single && hd_content_words(job, res, i, w) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (!c->single) {
        c->templated = 1;
        return NGX_OK;
    }

    return hd_content_single(job, res);
}
