/*
 * What a message says: the batch's template and variables, and each contact's
 * values in it.  Gates that need only the contact are here too: whoever does
 * not pass leaves with a reason.
 */

#include "private.h"


static ngx_int_t
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


static hd_json_t *
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


/* batch_content: variables, name, language, category, header, body, footer,
 * text, payload */
ngx_int_t
hd_content_load(hd_job_t *job, hd_pg_res_t *res)
{
    hd_content_t        *c;
    hd_content_names_t   list;

    c = &job->content;
    ngx_memzero(c, sizeof(hd_content_t));

    c->single = hd_pg_is_null(res, 0, 1);

    if (c->single) {
        c->payload = hd_json_get(hd_content_json(job, res, 0, 8), "template");
        return hd_content_copy(job, res, 0, 7, &c->body);
    }

    c->variables = hd_content_json(job, res, 0, 0);

    if (hd_content_copy(job, res, 0, 1, &c->template_name) != NGX_OK
        || hd_content_copy(job, res, 0, 2, &c->language) != NGX_OK
        || hd_content_copy(job, res, 0, 3, &c->category) != NGX_OK
        || hd_content_copy(job, res, 0, 4, &c->header) != NGX_OK
        || hd_content_copy(job, res, 0, 5, &c->body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    list.names = c->names;
    list.fallbacks = c->fallbacks;
    list.n = 0;
    list.max = HD_SEND_NAMES;

    if (hd_content_names(&c->body, &list) != NGX_OK) {
        return NGX_ERROR;
    }

    c->nnames = list.n;

    list.names = c->header_names;
    list.fallbacks = c->header_fallbacks;
    list.n = 0;
    list.max = 4;

    if (c->header.len && hd_content_names(&c->header, &list) != NGX_OK) {
        return NGX_ERROR;
    }

    c->nheader = list.n;

    return NGX_OK;
}


static void
hd_content_skip(hd_job_t *job, uint32_t seq, const char *reason)
{
    hd_str_t  s;

    s.data = (u_char *) reason;
    s.len = ngx_strlen(reason);

    hd_pg_array_int(&job->skip_seq, seq);
    hd_pg_array_text(&job->skip_reason, &s);
    job->nskip++;
}


/* NGX_DECLINED: a value is missing */
static ngx_int_t
hd_content_params(hd_job_t *job, hd_variables_t *v, hd_str_t *names,
    hd_str_t *fallbacks, ngx_uint_t n, hd_str_t **out)
{
    hd_str_t    *params;
    ngx_uint_t   i;

    params = hd_calloc(&job->mem, (n ? n : 1) * sizeof(hd_str_t));
    if (params == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (hd_variables_lookup(v, &names[i], &params[i]) == HD_OK
            && params[i].len)
        {
            continue;
        }

        if (fallbacks[i].len == 0) {
            return NGX_DECLINED;
        }

        params[i] = fallbacks[i];
    }

    *out = params;

    return NGX_OK;
}


static ngx_int_t
hd_content_render(hd_job_t *job, hd_row_t *row, hd_variables_t *v)
{
    hd_buf_t       b;
    hd_str_t       missing, text;
    hd_content_t  *c;
    ngx_int_t      rc;

    c = &job->content;

    rc = hd_content_params(job, v, c->names, c->fallbacks, c->nnames,
                           &row->params);

    if (rc == NGX_OK) {
        rc = hd_content_params(job, v, c->header_names, c->header_fallbacks,
                               c->nheader, &row->header_params);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    hd_buf_init(&b);

    rc = NGX_DECLINED;

    if (hd_text_render(&b, &c->body, hd_variables_lookup, v, &missing)
        == HD_OK)
    {
        text.data = b.data;
        text.len = b.len;
        rc = hd_str_dup(&job->mem, &text, &row->text) == HD_OK
             ? NGX_OK : NGX_ERROR;
    }

    if (b.failed) {
        rc = NGX_ERROR;
    }

    hd_buf_free(&b);

    return rc;
}


/*
 * A row that was tried before may be queued again while the worker that tried
 * it does not know yet that its outcome is committed.  That worker will send
 * the outcome once more, which must not meet a new attempt under the same
 * fence.  Left alone, the row is granted again.
 */
static ngx_uint_t
hd_content_tried(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t i, uint32_t seq)
{
    return !hd_pg_is_null(res, i, 10)
           && hd_attempt_known(hd_send.conf.shm, &job->grant.batch, seq);
}


/* range_read: seq, contact, attempts, phone, opt-out, name, first, last,
 * email, fields, message_id, language */
hd_row_t *
hd_content_row(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t i)
{
    uint32_t         seq;
    hd_row_t        *row;
    ngx_int_t        rc;
    hd_variables_t   v;

    seq = (uint32_t) hd_pg_value_int(res, i, 0);

    if (hd_content_tried(job, res, i, seq)) {
        return NULL;
    }

    row = hd_calloc(&job->mem, sizeof(hd_row_t));
    if (row == NULL) {
        return NULL;
    }

    row->job = job;
    row->attempt = HD_NONE;
    row->seq = seq;
    row->attempts = (uint32_t) hd_pg_value_int(res, i, 2);

    if (hd_pg_is_null(res, i, 3)) {
        hd_content_skip(job, row->seq, "no_phone");
        return NULL;
    }

#ifndef HD_NO_GUARD_OPT_OUT
    if (hd_str_eq(&job->content.category, "marketing")
        && hd_pg_value(res, i, 4).data[0] == 't')
    {
        hd_content_skip(job, row->seq, "opted_out");
        return NULL;
    }
#endif

    if (hd_content_copy(job, res, i, 3, &row->phone) != NGX_OK) {
        return NULL;
    }

    if (hd_pg_is_null(res, i, 10)
        || hd_pg_value_uuid(res, i, 10, &row->message_id) != NGX_OK)
    {
        hd_uuid_v7(&row->message_id, hd_now_us() / 1000);
    }

    if (job->content.single) {
        row->text = job->content.body;
        return row;
    }

    ngx_memzero(&v, sizeof(hd_variables_t));

    v.mem = job->mem;
    v.map = job->content.variables;
    v.phone = row->phone;
    v.fields = hd_content_json(job, res, i, 9);

    if (hd_content_copy(job, res, i, 5, &v.name) != NGX_OK
        || hd_content_copy(job, res, i, 6, &v.first_name) != NGX_OK
        || hd_content_copy(job, res, i, 7, &v.last_name) != NGX_OK
        || hd_content_copy(job, res, i, 8, &v.email) != NGX_OK
        || hd_content_copy(job, res, i, 11, &v.language) != NGX_OK)
    {
        return NULL;
    }

    rc = hd_content_render(job, row, &v);

    if (rc == NGX_DECLINED) {
        hd_content_skip(job, row->seq, "missing_variable");
    }

    return rc == NGX_OK ? row : NULL;
}
