/*
 * Each contact's values in the words of its variant.
 */

#include "private.h"


/* NGX_DECLINED: a value is missing */
static ngx_int_t
hd_render_params(hd_job_t *job, hd_variables_t *v, hd_str_t *names,
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
hd_render_buttons(hd_job_t *job, hd_row_t *row, hd_variables_t *v)
{
    size_t        i, n;
    hd_str_t      missing;
    ngx_int_t     rc;
    hd_button_t   buttons[HD_BUTTONS_MAX];

    if (row->words->document == NULL) {
        return NGX_OK;
    }

    if (hd_buttons(&job->mem, row->words->document, NULL, hd_variables_lookup,
                   v, buttons, &n, &missing) != HD_OK)
    {
        return missing.len ? NGX_DECLINED : NGX_ERROR;
    }

    if (n == 0) {
        return NGX_OK;
    }

    row->buttons = hd_calloc(&job->mem, n * sizeof(hd_button_value_t));
    if (row->buttons == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        if (buttons[i].target.data) {
            rc = hd_sent_token(row, &buttons[i].target, &buttons[i].value);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        row->buttons[i].index = buttons[i].index;
        row->buttons[i].sub_type = buttons[i].sub_type;
        row->buttons[i].value = buttons[i].value;
    }

    row->nbuttons = n;

    return NGX_OK;
}


/* after the text, which shows where links really lead */
static ngx_int_t
hd_render_links(hd_job_t *job, hd_row_t *row)
{
    ngx_uint_t  i;

    for (i = 0; i < row->words->nnames; i++) {
        if (hd_sent_value(row, &row->params[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    /* given the whole text, and not values for a text that it has */
    return hd_provider_window(job->provider, &job->account->channel)
           ? NGX_OK : hd_sent_text(row, &row->text, &row->sent);
}


static ngx_int_t
hd_render_words(hd_job_t *job, hd_row_t *row, hd_variables_t *v)
{
    hd_buf_t       b;
    hd_str_t       missing, text;
    hd_words_t    *c;
    ngx_int_t      rc;

    c = row->words;

    rc = hd_render_params(job, v, c->names, c->fallbacks, c->nnames,
                           &row->params);

    if (rc == NGX_OK) {
        rc = hd_render_params(job, v, c->header_names, c->header_fallbacks,
                               c->nheader, &row->header_params);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    rc = hd_render_buttons(job, row, v);

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

    return rc == NGX_OK ? hd_render_links(job, row) : rc;
}


ngx_int_t
hd_render(hd_job_t *job, hd_row_t *row, hd_pg_res_t *res, ngx_uint_t i)
{
    hd_variables_t  v;

    ngx_memzero(&v, sizeof(hd_variables_t));

    v.mem = job->mem;
    v.map = row->words->variables;
    v.phone = row->phone;
    v.fields = hd_content_json(job, res, i, 9);

    if (hd_content_copy(job, res, i, 5, &v.name) != NGX_OK
        || hd_content_copy(job, res, i, 6, &v.first_name) != NGX_OK
        || hd_content_copy(job, res, i, 7, &v.last_name) != NGX_OK
        || hd_content_copy(job, res, i, 8, &v.email) != NGX_OK
        || hd_content_copy(job, res, i, 11, &v.language) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return hd_render_words(job, row, &v);
}
