/*
 * Submission: the newest version goes to the provider for its review.
 *
 *   read and linted ─> watched (an errand looks in any case, whatever becomes
 *   of this request) ─> [the header's sample: opened ─> sent] ─> created or
 *   edited there ─> written here: this version is what is sent
 *
 * If the client goes, or we do, after the provider took it, the errand finds
 * it there by its name.
 */

#include "template.h"
#include "call.h"
#include "../store/files.h"


#define HD_SUBMIT_SOON   60            /* s */
#define HD_SUBMIT_WATCH  600


typedef struct {
    hd_template_row_t    row;
    hd_draft_t           draft;
    hd_uuid_t            account_id;
    ngx_uint_t           account_found;
    const hd_provider_t *provider;
    ngx_uint_t           business;     /* it has one */
    ngx_uint_t           needs_file;
    ngx_uint_t           file_found;
    hd_str_t             mime;
    hd_str_t             filename;
    char                 bytes[NGX_INT64_LEN + 1];
    char                 path[HD_FILES_PATH];
    hd_str_t             handle;       /* of the header's sample */
    hd_str_t             provider_id;
    hd_str_t             status;
    hd_str_t             category;
} hd_submit_t;


static void hd_submit_send(hd_req_t *req, hd_submit_t *s, hd_call_t *call);


/* ── arguments of operations ── */

static hd_json_t *
hd_submit_member(hd_req_t *req, const char *name, hd_json_type_e type,
    const hd_str_t *value, hd_json_t *next)
{
    hd_json_t  *v;

    v = hd_calloc(&req->mem, sizeof(hd_json_t));

    if (v) {
        v->type = type;
        v->key.data = (u_char *) name;
        v->key.len = ngx_strlen(name);
        v->next = next;

        if (value) {
            v->str = *value;
        }
    }

    return v;
}


static hd_json_t *
hd_submit_args(hd_req_t *req, hd_submit_t *s, ngx_uint_t edit)
{
    hd_json_t  *args, *m, *document;

    args = hd_calloc(&req->mem, sizeof(hd_json_t));
    document = hd_alloc(&req->mem, sizeof(hd_json_t));

    if (args == NULL || document == NULL) {
        return NULL;
    }

    *document = *s->row.document;
    hd_str_set(&document->key, "document");
    document->next = NULL;
    m = document;

    if (m && s->handle.len) {
        m = hd_submit_member(req, "handle", HD_JSON_STRING, &s->handle, m);
    }

    if (m && edit) {
        m = hd_submit_member(req, "id", HD_JSON_STRING, &s->row.provider_id,
                             m);
    }

    if (m && !edit) {
        m = hd_submit_member(req, "name", HD_JSON_STRING, &s->row.name, m);
    }

    if (m && !edit) {
        m = hd_submit_member(req, "language", HD_JSON_STRING,
                             &s->row.language, m);
    }

    /* an approved one keeps its category; the provider refuses another */
    if (m && !(edit && hd_str_eq(&s->row.status, "approved"))) {
        m = hd_submit_member(req, "category", HD_JSON_STRING,
                             &s->row.category, m);
    }

    if (m && !edit && hd_body_bool(req, "allow_category_change", 0)) {
        m = hd_submit_member(req, "allow_category_change", HD_JSON_TRUE, NULL,
                             m);
    }

    if (m == NULL) {
        return NULL;
    }

    args->type = HD_JSON_OBJECT;
    args->child = m;

    return args;
}


static ngx_int_t
hd_submit_copy(hd_req_t *req, const hd_json_t *result, const char *member,
    hd_str_t *out)
{
    hd_str_t  s;

    s = hd_json_str(result, member);

    if (s.len == 0) {
        ngx_memzero(out, sizeof(hd_str_t));
        return NGX_OK;
    }

    return hd_str_dup(&req->mem, &s, out) == HD_OK ? NGX_OK : NGX_ERROR;
}


static hd_json_t *
hd_submit_result(hd_req_t *req, const hd_op_answer_t *answer)
{
    hd_json_error_t  err;

    return hd_json_parse_foreign(&req->mem, answer->result.data,
                                 answer->result.len, 32, &err);
}


/* ── written here ── */

static void
hd_submit_written(hd_req_t *req)
{
    hd_buf_t      b;
    u_char        id[36];
    hd_submit_t  *s = req->ctx;

    hd_draft_answer(req, &s->draft);

    hd_uuid_format(&s->row.id, id);
    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.*s\",\"status\":", 36, id);
    hd_jw_str(&b, &s->status);
    hd_buf_char(&b, '}');
    hd_publish(&req->who.org, "template.status", &b);
    hd_buf_free(&b);

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void hd_submit_done(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw);


/* made there, and to be given to the reviewers by a request of its own; when
 * that fails, what was made stays a draft of the provider's */
static void
hd_submit_review(hd_req_t *req, hd_submit_t *s, hd_call_t *call)
{
    char       *id, *name, *category;
    hd_json_t  *args;

    id = hd_cstr(&req->mem, &s->provider_id);
    name = hd_cstr(&req->mem, &s->row.name);
    category = hd_cstr(&req->mem, &s->row.category);
    args = NULL;

    if (id && name && category) {
        args = hd_call_args(req, "id", id, "name", name, "category", category,
                            NULL);
    }

    if (args == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_call_next(call, HD_OP_TEMPLATE_SUBMIT, args, hd_submit_done);
}


static void
hd_submit_done(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_json_t     *result;
    hd_submit_t   *s = req->ctx;
    hd_pg_unit_t  *u;

    if (hd_call_failed(req, answer)) {
        return;
    }

    result = hd_submit_result(req, answer);

    if ((call->op != HD_OP_TEMPLATE_SUBMIT
         && hd_submit_copy(req, result, "id", &s->provider_id) != NGX_OK)
        || hd_submit_copy(req, result, "status", &s->status) != NGX_OK
        || hd_submit_copy(req, result, "category", &s->category) != NGX_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (call->op == HD_OP_TEMPLATE_CREATE
        && call->provider->ops[HD_OP_TEMPLATE_SUBMIT])
    {
        hd_submit_review(req, s, call);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_SUBMITTED);
    hd_pg_uuid(u, &s->row.id);
    hd_pg_int(u, s->row.version);
    hd_pg_uuid(u, &s->account_id);
    hd_pg_text_null(u, &s->provider_id);
    hd_pg_text_null(u, &s->status);
    hd_pg_text_null(u, &s->category);
    hd_pg_text_null(u, &s->draft.flat.header);
    hd_pg_text(u, &s->draft.flat.body);
    hd_pg_text_null(u, &s->draft.flat.footer);

    if (s->status.len == 0) {
        hd_str_set(&s->status, "pending");
    }

    req->done = hd_submit_written;

    hd_template_answer(req, u, &s->row.id);
}


/* ── to the provider ── */

static void
hd_submit_send(hd_req_t *req, hd_submit_t *s, hd_call_t *call)
{
    hd_op_e      op;
    hd_json_t   *args;
    ngx_uint_t   edit;

    /* without editing, a new version is a new template there */
    edit = s->row.provider_id.len != 0 && s->provider->ops[HD_OP_TEMPLATE_EDIT];
    op = edit ? HD_OP_TEMPLATE_EDIT : HD_OP_TEMPLATE_CREATE;
    args = hd_submit_args(req, s, edit);

    if (args == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (call) {
        call->file = NULL;
        hd_call_next(call, op, args, hd_submit_done);
        return;
    }

    hd_call(req, &s->account_id, op, args, hd_submit_done);
}


/* ── the sample of a header, before ── */

static void
hd_submit_sent(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_submit_t  *s = req->ctx;

    if (hd_call_failed(req, answer)) {
        return;
    }

    if (hd_submit_copy(req, hd_submit_result(req, answer), "handle",
                       &s->handle) != NGX_OK)
    {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_submit_send(req, s, call);
}


static void
hd_submit_opened(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    char         *id;
    hd_str_t      text;
    hd_json_t    *args;
    hd_submit_t  *s = req->ctx;

    if (hd_call_failed(req, answer)) {
        return;
    }

    id = NULL;
    args = NULL;

    if (hd_submit_copy(req, hd_submit_result(req, answer), "id", &text)
        == NGX_OK)
    {
        id = hd_cstr(&req->mem, &text);
    }

    if (id) {
        args = hd_call_args(req, "id", id, NULL);
    }

    if (args == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    call->file = s->path;
    call->file_name = hd_cstr(&req->mem, &s->filename);
    call->file_type = hd_cstr(&req->mem, &s->mime);

    hd_call_next(call, HD_OP_UPLOAD_SEND, args, hd_submit_sent);
}


static void
hd_submit_open(hd_req_t *req, hd_submit_t *s)
{
    char       *mime, *filename;
    hd_json_t  *args;

    mime = hd_cstr(&req->mem, &s->mime);
    filename = hd_cstr(&req->mem, &s->filename);
    args = mime && filename
           ? hd_call_args(req, "mime", mime, "filename", filename, "bytes",
                          s->bytes, NULL)
           : NULL;

    if (args == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_call(req, &s->account_id, HD_OP_UPLOAD_OPEN, args, hd_submit_opened);
}


static void
hd_submit_watched(hd_req_t *req)
{
    hd_submit_t  *s = req->ctx;

    hd_mail_send(hd_api.shm, HD_MAIL_ERRAND, &req->who.org, &s->account_id);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));

    if (s->file_found && s->provider->ops[HD_OP_UPLOAD_OPEN]
        && s->provider->ops[HD_OP_UPLOAD_SEND])
    {
        hd_submit_open(req, s);
        return;
    }

    hd_submit_send(req, s, NULL);
}


/* ── what must be so before ── */

/* NGX_OK, or answered */
static ngx_int_t
hd_submit_check(hd_req_t *req, hd_submit_t *s)
{
    hd_buf_t  more;

    if (hd_template_there(req, &s->row) != NGX_OK) {
        return NGX_DONE;
    }

    if (!s->account_found) {
        hd_problem_at(req, 422, "validation_failed", "/account_id",
                      "There is no such number of yours: GET /accounts lists "
                      "them.");
        return NGX_DONE;
    }

    if (s->provider == NULL || s->provider->ops == NULL
        || s->provider->ops[HD_OP_TEMPLATE_CREATE] == NULL)
    {
        hd_problem_at(req, 422, "unsupported", "/account_id",
                      "This number's provider reviews no templates: they can "
                      "be sent as they are.");
        return NGX_DONE;
    }

    if (!s->business) {
        hd_problem_at(req, 422, "business_unknown", "/account_id",
                      "The provider keeps templates by business, and this "
                      "number's is not known: PATCH /accounts/{id} sets "
                      "business_id.");
        return NGX_DONE;
    }

    if (hd_json_get(s->row.document, "components")) {
        hd_problem_at(req, 422, "template_partial", "/document/components",
                      "It has parts that can only be edited at the provider, "
                      "and would lose them.");
        return NGX_DONE;
    }

    if (s->draft.errors) {
        hd_buf_init(&more);
        hd_buf_z(&more, ",\"lint\":");
        hd_buf_str(&more, &s->draft.lint);
        hd_problem_more(req, 422, "template_lint", NULL, "WhatsApp would "
                        "refuse this template: what is wrong stands under "
                        "lint, each with its place and what to do.", &more);
        hd_buf_free(&more);
        return NGX_DONE;
    }

    if (s->row.submitted == s->row.version
        && (hd_str_eq(&s->row.status, "approved")
            || hd_str_eq(&s->row.status, "pending")))
    {
        hd_problem(req, 409, "already_submitted",
                   "The provider has this version already: change the "
                   "template first.");
        return NGX_DONE;
    }

    if (s->needs_file && !s->file_found) {
        hd_problem_at(req, 422, "validation_failed",
                      "/document/header/media_id",
                      "There is no such file of yours, or it is not there "
                      "yet.");
        return NGX_DONE;
    }

    return NGX_OK;
}


static void
hd_submit_file(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t      v;
    u_char        sha256[32];
    hd_req_t     *req = u->data;
    hd_submit_t  *s;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    s = req->ctx;
    v = hd_pg_value(res, 0, 0);

    if (v.len != 64 || hd_unhex(sha256, v.data, v.len) != HD_OK) {
        return;
    }

    hd_files_path(s->path, &req->who.org, sha256);

    v = hd_pg_value(res, 0, 1);

    if (hd_str_dup(&req->mem, &v, &s->mime) != HD_OK) {
        return;
    }

    v = hd_pg_value(res, 0, 3);

    if (hd_str_dup(&req->mem, &v, &s->filename) != HD_OK) {
        return;
    }

    if (s->filename.len == 0) {
        hd_str_set(&s->filename, "sample");
    }

    (void) snprintf(s->bytes, sizeof(s->bytes), "%lld",
                    (long long) hd_pg_value_int(res, 0, 2));

    s->file_found = 1;
}


static void
hd_submit_checked(hd_req_t *req)
{
    hd_submit_t   *s = req->ctx;
    hd_pg_unit_t  *u;

    if (hd_submit_check(req, s) != NGX_OK) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_template_watch(req, u, &s->account_id, HD_SUBMIT_SOON,
                      HD_SUBMIT_WATCH);

    req->done = hd_submit_watched;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_submit_read(hd_req_t *req)
{
    hd_str_t             id;
    hd_uuid_t            media;
    hd_faults_t          faults;
    hd_submit_t         *s = req->ctx;
    hd_pg_unit_t        *u;
    hd_lint_template_t   t;

    if (s->row.found) {
        t.name = s->row.name;
        t.language = s->row.language;
        t.category = s->row.category;
        t.document = s->row.document;

        hd_faults_init(&faults);
        s->draft.lenient = 1;

        if (hd_draft(req, &t, "", &s->draft, &faults) != NGX_OK) {
            hd_buf_free(&faults.buf);
            hd_problem(req, 500, "internal", "Out of memory.");
            return;
        }

        hd_buf_free(&faults.buf);
    }

    if (!s->needs_file) {
        hd_submit_checked(req);
        return;
    }

    id = hd_json_str(hd_json_get(s->row.document, "header"), "media_id");

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    ngx_memzero(&media, sizeof(hd_uuid_t));
    (void) hd_uuid_parse(&media, id.data, id.len);

    hd_pg_stmt(u, HD_Q_TEMPLATE_MEDIA);
    hd_pg_uuid(u, &media);

    u->on_result = hd_submit_file;
    req->done = hd_submit_checked;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_submit_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t      v, id, format;
    hd_req_t     *req = u->data;
    hd_submit_t  *s;

    if (req == NULL) {
        return;
    }

    s = req->ctx;

    if (index == 1) {
        (void) hd_template_row(req, res, &s->row);

        if (s->row.found) {
            format = hd_document_format(s->row.document);
            id = hd_json_str(hd_json_get(s->row.document, "header"),
                             "media_id");
            s->needs_file = id.len && !hd_str_eq(&format, "text")
                            && !hd_str_eq(&format, "none")
                            && !hd_str_eq(&format, "location");
        }

    } else if (index == 2 && hd_pg_rows(res)) {
        s->account_found = 1;
        v = hd_pg_value(res, 0, 0);
        s->provider = hd_provider_find(&v);
        s->business = hd_pg_value(res, 0, 1).len != 0;
    }
}


void
hd_template_submit(hd_req_t *req)
{
    hd_submit_t   *s;
    hd_pg_unit_t  *u;

    s = ngx_pcalloc(req->r->pool, sizeof(hd_submit_t));
    if (s == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    req->ctx = s;
    (void) hd_body_uuid(req, "account_id", &s->account_id);

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_TEMPLATE_ACCOUNT);
    hd_pg_uuid(u, &s->account_id);

    u->on_result = hd_submit_row;
    req->done = hd_submit_read;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
