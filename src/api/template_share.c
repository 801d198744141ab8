/*
 * Templates on their way to another place and back: our own form, and the
 * form in which Meta describes them.
 */

#include "template.h"


#define HD_IMPORT_MAX  500


typedef struct {
    hd_draft_t           draft;
    hd_lint_template_t   t;
    hd_uuid_t            id;
    const char          *outcome;
} hd_import_item_t;

typedef struct {
    hd_import_item_t    *items;
    ngx_uint_t           n;
    ngx_uint_t           created, updated, skipped;
} hd_import_list_t;


/* ── in ── */

/* Meta's list is read by who speaks with Meta */
static hd_json_t *
hd_import_meta(hd_req_t *req, const hd_json_t *item)
{
    hd_buf_t          b;
    hd_str_t          body;
    hd_json_t        *list;
    const hd_op_t    *op;
    hd_op_answer_t    answer;
    hd_json_error_t   err;

    op = hd_provider_cloud_api.ops
         ? hd_provider_cloud_api.ops[HD_OP_TEMPLATE_LIST] : NULL;

    if (op == NULL) {
        return NULL;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"data\":[");
    hd_json_write(&b, item);
    hd_buf_z(&b, "]}");

    body.data = b.data;
    body.len = b.len;

    ngx_memzero(&answer, sizeof(hd_op_answer_t));

    if (!b.failed) {
        op->read(&req->mem, 200, &body, &answer);
    }

    hd_buf_free(&b);

    if (answer.answer.outcome != HD_OUTCOME_ACCEPTED || answer.result.len == 0)
    {
        return NULL;
    }

    list = hd_json_parse(&req->mem, answer.result.data, answer.result.len, 32,
                         &err);
    list = hd_json_get(list, "templates");

    return list ? list->child : NULL;
}


static void
hd_import_fault(hd_faults_t *faults, const char *prefix, const char *member,
    const char *code, const char *words)
{
    char      where[128];
    hd_str_t  at;

    at.data = (u_char *) where;
    at.len = snprintf(where, sizeof(where), "%s%s", prefix, member);

    if (faults->n < HD_FAULTS_MAX) {
        hd_faults_add(faults, code, &at, "%s", words);
    }
}


static void
hd_import_lower(hd_req_t *req, hd_str_t *s)
{
    hd_str_t  copy;

    if (hd_str_dup(&req->mem, s, &copy) == HD_OK) {
        ngx_strlow(copy.data, copy.data, copy.len);
        *s = copy;
    }
}


static void
hd_import_names(hd_import_item_t *it, const char *prefix,
    hd_faults_t *faults)
{
    size_t    i;
    hd_str_t  s;

    s = it->t.name;

    for (i = 0; i < s.len; i++) {
        if (!((s.data[i] >= 'a' && s.data[i] <= 'z') || s.data[i] == '_'
              || (s.data[i] >= '0' && s.data[i] <= '9')))
        {
            break;
        }
    }

    if (s.len == 0 || s.len > 512 || i != s.len) {
        hd_import_fault(faults, prefix, "/name", "invalid", "expected 1 to "
                        "512 lower-case letters, digits and underscores");
    }

    if (it->t.language.len < 2 || it->t.language.len > 16) {
        hd_import_fault(faults, prefix, "/language", "invalid",
                        "expected a language code, for example en or pt_BR");
    }

    s = it->t.category;

    if (!hd_str_eq(&s, "marketing") && !hd_str_eq(&s, "utility")
        && !hd_str_eq(&s, "authentication"))
    {
        hd_import_fault(faults, prefix, "/category", "invalid", "expected "
                        "marketing, utility or authentication");
    }
}


/* members that neither form has are refused, as everywhere */
static void
hd_import_members(const hd_json_t *item, ngx_uint_t meta, const char *prefix,
    hd_faults_t *faults)
{
    char                member[80];
    const hd_json_t    *v;
    const char *const  *n;

    static const char *const  ours[] = {
        "name", "language", "category", "document", NULL
    };

    /* of Meta's, what only Meta may say is left behind */
    if (meta) {
        return;
    }

    for (v = item->child; v; v = v->next) {

        for (n = ours; *n; n++) {
            if (v->key.len == ngx_strlen(*n)
                && ngx_memcmp(v->key.data, *n, v->key.len) == 0)
            {
                break;
            }
        }

        if (*n == NULL) {
            (void) snprintf(member, sizeof(member), "/%.*s",
                            (int) ngx_min(v->key.len, 64), v->key.data);
            hd_import_fault(faults, prefix, member, "unknown_field",
                            "a template is given with name, language, "
                            "category and document, or as Meta does with "
                            "components");
        }
    }
}


static ngx_int_t
hd_import_item(hd_req_t *req, hd_json_t *item, hd_import_item_t *it,
    ngx_uint_t i, hd_faults_t *faults)
{
    char        prefix[32];
    hd_json_t  *read, *document;

    (void) snprintf(prefix, sizeof(prefix), "/templates/%u", (unsigned) i);

    if (item->type != HD_JSON_OBJECT) {
        hd_import_fault(faults, prefix, "", "invalid", "expected an object");
        return NGX_OK;
    }

    document = hd_json_get(item, "document");
    read = item;

    hd_import_members(item, document == NULL
                      && hd_json_get(item, "components") != NULL,
                      prefix, faults);

    if (document == NULL && hd_json_get(item, "components")) {
        read = hd_import_meta(req, item);
        document = hd_json_get(read, "document");

        if (document == NULL) {
            hd_import_fault(faults, prefix, "/components", "invalid",
                            "expected Meta's components");
            return NGX_OK;
        }
    }

    if (document == NULL) {
        hd_import_fault(faults, prefix, "/document", "required",
                        "this field is needed, or components");
        return NGX_OK;
    }

    it->t.name = hd_json_str(read, "name");
    it->t.language = hd_json_str(read, "language");
    it->t.category = hd_json_str(read, "category");
    it->t.document = document;

    hd_import_lower(req, &it->t.category);
    hd_import_names(it, prefix, faults);

    return hd_draft(req, &it->t, prefix, &it->draft, faults);
}


static void
hd_import_answer(hd_req_t *req)
{
    u_char             id[36];
    hd_buf_t          *b;
    ngx_uint_t         i;
    hd_import_item_t  *it;
    hd_import_list_t  *list = req->ctx;

    b = &req->out;

    hd_buf_printf(b, "{\"created\":%d,\"updated\":%d,\"skipped\":%d,"
                  "\"templates\":[", (int) list->created,
                  (int) list->updated, (int) list->skipped);

    for (i = 0; i < list->n; i++) {
        it = &list->items[i];
        hd_uuid_format(&it->id, id);

        if (i) {
            hd_buf_char(b, ',');
        }

        if (it->outcome) {
            hd_buf_printf(b, "{\"id\":\"%.*s\",\"outcome\":\"%s\",\"name\":",
                          36, id, it->outcome);

        } else {
            hd_buf_z(b, "{\"id\":null,\"outcome\":\"checked\",\"name\":");
        }

        hd_jw_str(b, &it->t.name);
        hd_buf_z(b, ",\"language\":");
        hd_jw_str(b, &it->t.language);
        hd_buf_printf(b, ",\"errors\":%d,\"lint\":", (int) it->draft.errors);
        hd_buf_str(b, &it->draft.lint);
        hd_buf_char(b, '}');

        if (it->outcome && ngx_strcmp(it->outcome, "skipped") != 0) {
            hd_template_tell(req, "template.updated", &it->id);
        }
    }

    hd_buf_z(b, "]}");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_import_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t           v;
    hd_req_t          *req = u->data;
    hd_import_item_t  *it;
    hd_import_list_t  *list;

    if (req == NULL || index == 0 || hd_pg_rows(res) == 0) {
        return;
    }

    list = req->ctx;
    it = &list->items[index - 1];

    (void) hd_pg_value_uuid(res, 0, 0, &it->id);
    v = hd_pg_value(res, 0, 1);

    if (hd_str_eq(&v, "created")) {
        it->outcome = "created";
        list->created++;

    } else if (hd_str_eq(&v, "updated")) {
        it->outcome = "updated";
        list->updated++;

    } else {
        it->outcome = "skipped";
        list->skipped++;
    }
}


static void
hd_import_write(hd_req_t *req, hd_import_list_t *list)
{
    hd_str_t           mode;
    hd_uuid_t          id;
    ngx_uint_t         i;
    hd_pg_unit_t      *u;
    hd_import_item_t  *it;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    mode = hd_body_str(req, "existing");

    for (i = 0; i < list->n; i++) {
        it = &list->items[i];
        hd_req_new_id(&id);

        hd_pg_stmt(u, HD_Q_TEMPLATE_IMPORT);
        hd_pg_uuid(u, &id);
        hd_pg_text(u, &it->t.name);
        hd_pg_text(u, &it->t.language);
        hd_pg_text(u, &it->t.category);
        hd_draft_put(u, &it->draft);
        hd_pg_uuid(u, &req->who.id);
        hd_pg_text(u, &mode);
    }

    u->on_result = hd_import_row;
    req->done = hd_import_answer;
    req->conflicts = hd_template_conflicts;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_template_import(hd_req_t *req)
{
    hd_json_t         *templates, *item;
    ngx_uint_t         i;
    hd_faults_t        faults;
    hd_import_list_t  *list;

    templates = hd_json_get(req->body, "templates");

    if (templates == NULL || templates->count == 0
        || templates->count > HD_IMPORT_MAX)
    {
        hd_problem_at(req, 422, "validation_failed", "/templates",
                      "Give 1 to 500 templates.");
        return;
    }

    list = ngx_pcalloc(req->r->pool, sizeof(hd_import_list_t));

    if (list) {
        list->items = ngx_pcalloc(req->r->pool, templates->count
                                                * sizeof(hd_import_item_t));
    }

    if (list == NULL || list->items == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    req->ctx = list;
    hd_faults_init(&faults);

    for (item = templates->child, i = 0; item; item = item->next, i++) {
        if (hd_import_item(req, item, &list->items[i], i, &faults)
            != NGX_OK)
        {
            hd_buf_free(&faults.buf);
            hd_problem(req, 500, "internal", "Out of memory.");
            return;
        }
    }

    list->n = i;

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    if (hd_body_bool(req, "dry_run", 0)) {
        hd_import_answer(req);
        return;
    }

    hd_import_write(req, list);
}


/* ── out ── */

static void
hd_export_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_buf_t    *b;
    hd_str_t     v;
    hd_req_t    *req = u->data;
    ngx_uint_t   i, k;

    static const char *const  names[] = { "name", "language", "category" };

    if (req == NULL || index != 1) {
        return;
    }

    b = &req->out;

    hd_buf_z(b, "{\"templates\":[");

    for (i = 0; i < hd_pg_rows(res); i++) {

        for (k = 0; k < 3; k++) {
            hd_buf_printf(b, "%s\"%s\":", k ? "," : i ? ",{" : "{", names[k]);
            v = hd_pg_value(res, i, k);
            hd_jw_str(b, &v);
        }

        hd_buf_z(b, ",\"document\":");
        v = hd_pg_value(res, i, 3);
        hd_buf_str(b, &v);
        hd_buf_char(b, '}');
    }

    hd_buf_z(b, "]}");
}


static void
hd_export_done(hd_req_t *req)
{
    hd_str_t  disposition;

    hd_str_set(&disposition, "attachment; filename=\"templates.json\"");
    (void) hd_req_header(req->r, "Content-Disposition", &disposition);

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_template_export(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_EXPORT);
    hd_template_filter(req, u, "name");
    hd_template_filter(req, u, "language");
    hd_template_filter(req, u, "category");

    u->on_result = hd_export_row;
    req->done = hd_export_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
