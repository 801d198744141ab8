/*
 * Versions of templates: what they said, what changed, and an old one again.
 */

#include "template.h"


typedef struct {
    hd_template_row_t    row;
    hd_json_t           *from;
    hd_json_t           *to;
    int64_t              from_version;
    int64_t              to_version;
} hd_versions_t;


/* a version in the path or the query; 0: none that can be */
static int64_t
hd_version_number(const hd_str_t *text)
{
    ngx_int_t  n;

    n = ngx_atoi(text->data, text->len);

    return text->len && n > 0 && n <= NGX_MAX_INT32_VALUE ? n : 0;
}


void
hd_template_versions(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_TEMPLATE_VERSIONS);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_int(u, req->after);
    hd_pg_int(u, req->limit + 1);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}


static void
hd_version_stmt(hd_pg_unit_t *u, hd_req_t *req, int64_t n)
{
    hd_pg_stmt(u, HD_Q_TEMPLATE_VERSION);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_int(u, n);
}


void
hd_template_version(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_version_stmt(u, req, hd_version_number(&req->params[1]));

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 1);
}


/* category stands beside the document, and changes too */
static hd_json_t *
hd_version_json(hd_req_t *req, hd_pg_res_t *res)
{
    hd_buf_t          b;
    hd_str_t          v;
    hd_json_t        *json;
    hd_json_error_t   err;

    if (hd_pg_rows(res) == 0) {
        return NULL;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"category\":");
    v = hd_pg_value(res, 0, 1);
    hd_jw_str(&b, &v);
    hd_buf_z(&b, ",\"document\":");
    v = hd_pg_value(res, 0, 6);
    hd_buf_str(&b, &v);
    hd_buf_char(&b, '}');

    json = b.failed ? NULL : hd_json_parse(&req->mem, b.data, b.len, 32,
                                           &err);
    hd_buf_free(&b);

    return json;
}


static void
hd_versions_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t       *req = u->data;
    hd_versions_t  *v;

    if (req == NULL) {
        return;
    }

    v = req->ctx;

    if (index == 1) {
        (void) hd_template_row(req, res, &v->row);

    } else if (index == 2) {
        v->from = hd_version_json(req, res);

    } else if (index == 3) {
        v->to = hd_version_json(req, res);
    }
}


/* ── an old one again ── */

static void
hd_version_read(hd_req_t *req)
{
    hd_versions_t  *v = req->ctx;

    if (hd_template_there(req, &v->row) != NGX_OK) {
        return;
    }

    if (v->from == NULL) {
        hd_problem(req, 404, "not_found",
                   "There is no such version of this template.");
        return;
    }

    hd_template_write(req, &v->row, hd_json_get(v->from, "document"));
}


static hd_versions_t *
hd_versions_ctx(hd_req_t *req)
{
    hd_versions_t  *v;

    v = ngx_pcalloc(req->r->pool, sizeof(hd_versions_t));

    if (v == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    req->ctx = v;

    return v;
}


void
hd_template_version_restore(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    if (hd_versions_ctx(req) == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    hd_version_stmt(u, req, hd_version_number(&req->params[1]));

    u->on_result = hd_versions_row;
    req->done = hd_version_read;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── what changed ── */

static void
hd_diff_written(hd_req_t *req)
{
    hd_buf_t       *b;
    hd_versions_t  *v = req->ctx;

    if (v->from == NULL || v->to == NULL) {
        hd_problem_at(req, 422, "validation_failed", v->from ? "to" : "from",
                      "There is no such version of this template.");
        return;
    }

    b = &req->out;

    hd_buf_printf(b, "{\"from\":%lld,\"to\":%lld,\"changes\":",
                  (long long) v->from_version, (long long) v->to_version);
    hd_json_diff(b, v->from, v->to);
    hd_buf_char(b, '}');

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


/* without numbers: what the provider has against the newest, else the last
 * change */
static void
hd_diff_read(hd_req_t *req)
{
    hd_str_t        from, to;
    hd_pg_unit_t   *u;
    hd_versions_t  *v = req->ctx;

    if (!v->row.found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    from = hd_query(req, "from");
    to = hd_query(req, "to");

    v->to_version = to.data ? hd_version_number(&to) : v->row.version;
    v->from_version = from.data ? hd_version_number(&from)
                      : v->row.submitted ? v->row.submitted
                      : ngx_max(v->to_version - 1, 1);

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    hd_version_stmt(u, req, v->from_version);
    hd_version_stmt(u, req, v->to_version);

    u->on_result = hd_versions_row;
    req->done = hd_diff_written;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_template_diff(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    if (hd_versions_ctx(req) == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_versions_row;
    req->done = hd_diff_read;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
