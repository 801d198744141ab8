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
