/*
 * The bin of templates: into it, out of it, and away for good; and copies.
 */

#include "template.h"
#include "call.h"


typedef struct {
    hd_template_row_t    row;
    hd_document_flat_t   flat;
    ngx_uint_t           written;
    ngx_uint_t           permanent;
    ngx_uint_t           at_provider;  /* it was deleted there */
    ngx_uint_t           still_there;  /* the provider has it */
    hd_buf_t             used;         /* JSON: broadcasts that send it */
} hd_bin_t;


static hd_bin_t *
hd_bin(hd_req_t *req)
{
    hd_bin_t  *c;

    c = ngx_pcalloc(req->r->pool, sizeof(hd_bin_t));

    if (c == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    req->ctx = c;

    return c;
}


static void
hd_delete_answer(hd_req_t *req, hd_bin_t *c)
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
    hd_bin_t  *c;

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
    hd_bin_t  *c;

    if (req && index == 1) {
        c = req->ctx;
        c->written = hd_pg_rows(res);
        c->still_there = c->written && hd_pg_value(res, 0, 3).data[0] == 't';
    }
}


static void
hd_delete_written(hd_req_t *req)
{
    hd_bin_t  *c = req->ctx;

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
    hd_bin_t   *c = req->ctx;
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
    hd_bin_t  *c = req->ctx;

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
hd_delete_there(hd_req_t *req, hd_bin_t *c)
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
    hd_bin_t  *c = req->ctx;

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
hd_bin_free(void *data)
{
    hd_bin_t *c = data;

    hd_buf_free(&c->used);
}


void
hd_template_delete(hd_req_t *req)
{
    hd_bin_t         *c;
    hd_pg_unit_t        *u;
    ngx_pool_cleanup_t  *cln;

    c = hd_bin(req);
    if (c == NULL) {
        return;
    }

    cln = ngx_pool_cleanup_add(req->r->pool, 0);
    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_buf_init(&c->used);
    cln->handler = hd_bin_free;
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
hd_bin_told(hd_req_t *req)
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
    req->done = hd_bin_told;

    hd_template_answer(req, u, &req->ids[0]);
}


/* ── a copy ── */

static void
hd_duplicate_read(hd_req_t *req)
{
    hd_str_t       name, language;
    hd_uuid_t      id;
    hd_bin_t   *c = req->ctx;
    hd_pg_unit_t  *u;

    if (!c->row.found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (hd_document_flat(&req->mem, c->row.document, &c->flat)
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
    hd_pg_text_null(u, &c->flat.header);
    hd_pg_text(u, &c->flat.body);
    hd_pg_text_null(u, &c->flat.footer);
    hd_pg_uuid(u, &req->who.id);

    req->conflicts = hd_template_conflicts;
    req->done = hd_bin_told;

    hd_template_answer(req, u, &id);
}


void
hd_template_duplicate(hd_req_t *req)
{
    hd_bin_t   *c;
    hd_pg_unit_t  *u;

    c = hd_bin(req);
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
