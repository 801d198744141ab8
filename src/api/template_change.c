/*
 * Changes of templates: a new version, the bin and back, a copy.
 */

#include "template.h"
#include "call.h"


typedef struct {
    hd_template_row_t    row;
    hd_draft_t           draft;
    hd_lint_template_t   t;
    ngx_uint_t           written;
    ngx_uint_t           permanent;
    ngx_uint_t           at_provider;  /* it was deleted there */
    ngx_uint_t           still_there;  /* the provider has it */
    hd_buf_t             used;         /* JSON: broadcasts that send it */
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


/* ── the bin ── */

static void
hd_delete_answer(hd_req_t *req, hd_change_t *c)
{
    u_char     id[36];
    hd_buf_t  *b;

    b = &req->out;
    hd_uuid_format(&c->row.id, id);

    hd_buf_printf(b, "{\"id\":\"%.*s\",\"deleted\":true,\"permanent\":%s,"
                  "\"at_provider\":%s,\"warnings\":[", 36, id,
                  c->permanent ? "true" : "false",
                  c->at_provider ? "true" : "false");

    if (c->at_provider) {
        hd_buf_z(b, "{\"code\":\"name_blocked\",\"detail\":\"WhatsApp keeps "
                 "the name of a deleted template for 30 days: until then no "
                 "other can be made with it in this language.\"}");

    } else if (c->still_there) {
        hd_buf_z(b, "{\"code\":\"still_at_provider\",\"detail\":\"WhatsApp "
                 "still has this template: delete it there too with "
                 "?at_provider=true. Its name is then kept for 30 "
                 "days.\"}");
    }

    hd_buf_z(b, "]}");

    hd_template_tell(req, "template.deleted", &c->row.id);
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_delete_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t      v;
    hd_req_t     *req = u->data;
    ngx_uint_t    i;
    hd_change_t  *c;

    if (req == NULL) {
        return;
    }

    c = req->ctx;

    if (index == 1) {
        (void) hd_template_row(req, res, &c->row);

    } else if (index == 2) {
        for (i = 0; i < hd_pg_rows(res); i++) {
            hd_buf_z(&c->used, i ? ",{\"id\":" : "{\"id\":");
            v = hd_pg_value(res, i, 0);
            hd_jw_str(&c->used, &v);
            hd_buf_z(&c->used, ",\"name\":");
            v = hd_pg_value(res, i, 1);
            hd_jw_str(&c->used, &v);
            hd_buf_char(&c->used, '}');
        }
    }
}


static void
hd_delete_done(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t     *req = u->data;
    hd_change_t  *c;

    if (req && index == 1) {
        c = req->ctx;
        c->written = hd_pg_rows(res);
        c->still_there = c->written && hd_pg_value(res, 0, 3).data[0] == 't';
    }
}


static void
hd_delete_written(hd_req_t *req)
{
    hd_change_t  *c = req->ctx;

    if (!c->written) {
        hd_problem(req, 409, "template_in_use",
                   "A broadcast that is still to send it came in between: "
                   "nothing was done.");
        return;
    }

    hd_delete_answer(req, c);
}


static void
hd_delete_write(hd_req_t *req)
{
    hd_change_t   *c = req->ctx;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    if (c->permanent) {
        hd_pg_stmt(u, HD_Q_TEMPLATE_DESTROY);
        hd_pg_uuid(u, &c->row.id);

    } else {
        hd_pg_stmt(u, HD_Q_TEMPLATE_DELETE);
        hd_pg_uuid(u, &c->row.id);
        hd_pg_bool(u, c->at_provider);
    }

    u->on_result = hd_delete_done;
    req->done = hd_delete_written;
    req->conflicts = hd_template_conflicts;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_delete_told(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_change_t  *c = req->ctx;

    if (hd_call_failed(req, answer)) {
        return;
    }

    c->at_provider = 1;
    hd_delete_write(req);
}


static ngx_uint_t
hd_delete_flag(hd_req_t *req, const char *name)
{
    hd_str_t  v;

    v = hd_query(req, name);

    return hd_str_eq(&v, "true");
}


/* there first, then here: what failed there is not gone here */
static void
hd_delete_there(hd_req_t *req, hd_change_t *c)
{
    char       *name, *id;
    hd_json_t  *args;

    name = hd_cstr(&req->mem, &c->row.name);
    id = hd_cstr(&req->mem, &c->row.provider_id);
    args = name && id ? hd_call_args(req, "name", name, "id", id, NULL)
                      : NULL;

    if (args == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_call(req, &c->row.account_id, HD_OP_TEMPLATE_DELETE, args,
            hd_delete_told);
}


static void
hd_delete_read(hd_req_t *req)
{
    hd_buf_t      more;
    hd_change_t  *c = req->ctx;

    if (!c->row.found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (c->used.len) {
        hd_buf_init(&more);
        hd_buf_z(&more, ",\"broadcasts\":[");
        hd_buf_add(&more, c->used.data, c->used.len);
        hd_buf_char(&more, ']');

        hd_problem_more(req, 409, "template_in_use", NULL,
                        "Broadcasts are still to send it: cancel them or let "
                        "them end first.", &more);
        hd_buf_free(&more);
        return;
    }

    if (c->permanent && !c->row.deleted) {
        hd_problem(req, 409, "not_in_the_bin",
                   "Delete it without \"permanent\" first: from the bin it "
                   "can be deleted for good.");
        return;
    }

    if (hd_delete_flag(req, "at_provider")) {

        if (c->row.provider_id.len == 0 || hd_uuid_is_nil(&c->row.account_id))
        {
            hd_problem(req, 409, "not_at_provider",
                       "No provider has this template.");
            return;
        }

        hd_delete_there(req, c);
        return;
    }

    hd_delete_write(req);
}


static void
hd_change_free(void *data)
{
    hd_change_t *c = data;

    hd_buf_free(&c->used);
}


void
hd_template_delete(hd_req_t *req)
{
    hd_change_t         *c;
    hd_pg_unit_t        *u;
    ngx_pool_cleanup_t  *cln;

    c = hd_change(req);
    if (c == NULL) {
        return;
    }

    cln = ngx_pool_cleanup_add(req->r->pool, 0);
    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_buf_init(&c->used);
    cln->handler = hd_change_free;
    cln->data = c;

    c->permanent = hd_delete_flag(req, "permanent");

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_TEMPLATE_IN_USE);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_delete_row;
    req->done = hd_delete_read;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_change_told(hd_req_t *req)
{
    hd_uuid_t  id;

    if (req->out.len > 44
        && hd_uuid_parse(&id, req->out.data + sizeof("{\"id\":\"") - 1, 36)
           == HD_OK)
    {
        hd_template_tell(req, "template.updated", &id);
    }

    hd_req_send(req, (req->route->flags & HD_ROUTE_CREATED)
                     ? NGX_HTTP_CREATED : NGX_HTTP_OK, "application/json");
}


void
hd_template_restore(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_RESTORE);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    req->conflicts = hd_template_conflicts;
    req->done = hd_change_told;

    hd_template_answer(req, u, &req->ids[0]);
}


/* ── a copy ── */

static void
hd_duplicate_read(hd_req_t *req)
{
    hd_str_t       name, language;
    hd_uuid_t      id;
    hd_change_t   *c = req->ctx;
    hd_pg_unit_t  *u;

    if (!c->row.found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (hd_document_flat(&req->mem, c->row.document, &c->draft.flat)
        != HD_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&id);
    name = hd_body_str(req, "name");
    language = hd_body_str(req, "language");

    /* another language keeps the name: they belong together */
    if (name.data == NULL && language.data
        && (language.len != c->row.language.len
            || ngx_memcmp(language.data, c->row.language.data, language.len)
               != 0))
    {
        name = c->row.name;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_DUPLICATE);
    hd_pg_uuid(u, &c->row.id);
    hd_pg_uuid(u, &id);
    hd_pg_text_null(u, &name);
    hd_pg_text_null(u, &language);
    hd_pg_text_null(u, &c->draft.flat.header);
    hd_pg_text(u, &c->draft.flat.body);
    hd_pg_text_null(u, &c->draft.flat.footer);
    hd_pg_uuid(u, &req->who.id);

    req->conflicts = hd_template_conflicts;
    req->done = hd_change_told;

    hd_template_answer(req, u, &id);
}


void
hd_template_duplicate(hd_req_t *req)
{
    hd_change_t   *c;
    hd_pg_unit_t  *u;

    c = hd_change(req);
    if (c == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_delete_row;
    req->done = hd_duplicate_read;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
