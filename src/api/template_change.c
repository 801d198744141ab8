/*
 * Changes of templates: a new version.
 */

#include "template.h"


typedef struct {
    hd_template_row_t    row;
    hd_draft_t           draft;
    hd_lint_template_t   t;
    ngx_uint_t           written;
} hd_change_t;


static hd_change_t *
hd_change(hd_req_t *req)
{
    hd_change_t  *c;

    c = ngx_pcalloc(req->r->pool, sizeof(hd_change_t));

    if (c == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    req->ctx = c;

    return c;
}


/* ── a new version ── */

ngx_int_t
hd_template_there(hd_req_t *req, hd_template_row_t *row)
{
    u_char     version[NGX_INT64_LEN];
    size_t     n;
    hd_str_t   tag;

    if (!row->found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return NGX_DONE;
    }

    if (row->deleted) {
        hd_problem(req, 409, "in_the_bin",
                   "This template lies in the bin: POST "
                   "/templates/{id}/restore brings it back.");
        return NGX_DONE;
    }

    tag = hd_req_if_match(req);
    n = ngx_sprintf(version, "%L", row->version) - version;

    if (tag.data
        && (tag.len != n || ngx_memcmp(tag.data, version, n) != 0))
    {
        hd_problem(req, NGX_HTTP_PRECONDITION_FAILED, "changed_meanwhile",
                   "Somebody changed this since you read it, and nothing "
                   "was done: read it again, then send your change with "
                   "the new ETag.");
        return NGX_DONE;
    }

    return NGX_OK;
}


static ngx_uint_t
hd_change_differs(hd_req_t *req, const char *member, const hd_str_t *is,
    hd_str_t *wanted)
{
    *wanted = hd_body_str(req, member);

    if (wanted->data == NULL) {
        *wanted = *is;
        return 0;
    }

    return wanted->len != is->len
           || ngx_memcmp(wanted->data, is->data, is->len) != 0;
}


/* what the provider knows it by cannot be changed here; NGX_OK or answered */
static ngx_int_t
hd_change_names(hd_req_t *req, hd_template_row_t *row, hd_lint_template_t *t)
{
    ngx_uint_t  name, language, category;

    name = hd_change_differs(req, "name", &row->name, &t->name);
    language = hd_change_differs(req, "language", &row->language,
                                 &t->language);
    category = hd_change_differs(req, "category", &row->category,
                                 &t->category);

    if (row->submitted && (name || language)) {
        hd_problem_at(req, 409, "submitted", name ? "/name" : "/language",
                      "The provider knows it under this name and language: "
                      "POST /templates/{id}/duplicate makes another.");
        return NGX_DONE;
    }

    if (row->submitted && category && hd_str_eq(&row->status, "approved")) {
        hd_problem_at(req, 409, "submitted", "/category",
                      "The category of an approved template is WhatsApp's "
                      "to change: duplicate it with another.");
        return NGX_DONE;
    }

    return NGX_OK;
}


static void
hd_change_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t     *req = u->data;
    hd_change_t  *c;

    if (req == NULL) {
        return;
    }

    c = req->ctx;

    if (index == 1) {
        c->written = hd_pg_rows(res);

    } else if (index == 2 && hd_pg_rows(res)) {
        hd_answer_row(&req->out, hd_template_columns, res, 0);
        hd_req_etag(req, res);
    }
}


static void
hd_change_written(hd_req_t *req)
{
    hd_change_t  *c = req->ctx;

    if (!c->written) {
        hd_problem(req, 409, "changed_meanwhile",
                   "Somebody changed this at the same time, and nothing was "
                   "done: read it again and send your change once more.");
        return;
    }

    hd_draft_answer(req, &c->draft);
    hd_template_tell(req, "template.updated", &c->row.id);
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_template_write(hd_req_t *req, hd_template_row_t *row, hd_json_t *document)
{
    hd_change_t   *c;
    hd_faults_t    faults;
    hd_pg_unit_t  *u;

    c = hd_change(req);
    if (c == NULL || hd_change_names(req, row, &c->t) != NGX_OK) {
        return;
    }

    c->row = *row;
    c->t.document = document;

    hd_faults_init(&faults);

    if (document == NULL
        || hd_draft(req, &c->t, "", &c->draft, &faults) != NGX_OK)
    {
        hd_buf_free(&faults.buf);
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_UPDATE);
    hd_pg_uuid(u, &row->id);
    hd_pg_int(u, row->version);
    hd_pg_text(u, &c->t.name);
    hd_pg_text(u, &c->t.language);
    hd_pg_text(u, &c->t.category);
    hd_draft_put(u, &c->draft);
    hd_pg_uuid(u, &req->who.id);

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &row->id);

    u->on_result = hd_change_row;
    req->done = hd_change_written;
    req->conflicts = hd_template_conflicts;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_update_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req && index == 1) {
        (void) hd_template_row(req, res, req->ctx);
    }
}


static void
hd_update_read(hd_req_t *req)
{
    hd_template_row_t *row = req->ctx;

    if (hd_template_there(req, row) == NGX_OK) {
        hd_template_write(req, row, hd_draft_document(req, row->document));
    }
}


void
hd_template_update(hd_req_t *req)
{
    hd_pg_unit_t       *u;
    hd_template_row_t  *row;

    if (hd_json_get(req->body, "document")
        && (hd_json_get(req->body, "body") || hd_json_get(req->body, "header")
            || hd_json_get(req->body, "footer")))
    {
        hd_problem_at(req, 422, "validation_failed", "/document",
                      "Give the document, or header, body and footer, not "
                      "both.");
        return;
    }

    row = ngx_pcalloc(req->r->pool, sizeof(hd_template_row_t));
    if (row == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_update_row;
    req->ctx = row;
    req->done = hd_update_read;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
