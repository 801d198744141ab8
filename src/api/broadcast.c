/*
 * Broadcasts: a template to an audience.  What a worker or the helper must
 * know at once (paused, cancelled) is put into shared memory after the commit
 * and before the answer: after "paused" only what is in flight goes.
 */

#include "template.h"


typedef struct {
    hd_template_t           template;
    hd_uuid_t               id;
    ngx_uint_t              account_found;
    ngx_uint_t              found;
    ngx_uint_t              changed;
    u_char                  status[16];
    const char             *verb;
    const char             *from;
    hd_campaign_state_e     state;
} hd_broadcast_ctx_t;

static const hd_conflict_t  hd_broadcast_conflicts[] = {
    { "broadcasts_org_id_account_id_fkey", 422, "validation_failed",
      "/account_id", "There is no such number of yours: GET /accounts lists "
      "them." },
    { "broadcasts_org_id_template_id_fkey", 422, "validation_failed",
      "/template_id", "There is no such template of yours: GET /templates "
      "lists them." },
    { NULL, 0, NULL, NULL, NULL }
};


static void hd_broadcast_insert(hd_req_t *req);


static hd_broadcast_ctx_t *
hd_broadcast_ctx(hd_req_t *req)
{
    req->ctx = ngx_pcalloc(req->r->pool, sizeof(hd_broadcast_ctx_t));

    if (req->ctx == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
    }

    return req->ctx;
}


/* the helper looks at the broadcast again */
static void
hd_broadcast_tell(hd_req_t *req, const hd_uuid_t *id)
{
    hd_mail_send(hd_api.shm, HD_MAIL_BROADCAST, &req->who.org, id);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
}


/* ── create ── */

/* {"all": true} or {"tag": "…"}, and nothing else */
static void
hd_broadcast_audience(hd_req_t *req, hd_faults_t *faults)
{
    hd_str_t     at;
    hd_json_t   *audience, *all, *tag;
    ngx_uint_t   ok;

    audience = hd_json_get(req->body, "audience");
    all = hd_json_get(audience, "all");
    tag = hd_json_get(audience, "tag");

    ok = audience->count == 1
         && ((all && all->type == HD_JSON_TRUE)
             || (tag && tag->type == HD_JSON_STRING && tag->str.len
                 && hd_utf8_length(&tag->str) <= 64));

    if (!ok) {
        hd_str_set(&at, "/audience");
        hd_faults_add(faults, "invalid", &at, "expected {\"all\": true} or "
                      "{\"tag\": \"…\"} with one tag");
    }
}


static int
hd_broadcast_value(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    hd_str_t *unknown = ctx;

    if (fallback->data == NULL && !hd_variables_is_contact(name)) {
        *unknown = *name;
        return HD_ERROR;
    }

    return HD_OK;
}


/* the values may speak of the contact only */
static void
hd_broadcast_values(hd_req_t *req, hd_faults_t *faults)
{
    hd_str_t    at, unknown;
    hd_json_t  *v;

    v = hd_json_get(req->body, "variables");

    for (v = v ? v->child : NULL; v; v = v->next) {

        if (hd_text_names(&v->str, hd_broadcast_value, &unknown) == HD_OK) {
            continue;
        }

        at.data = ngx_pnalloc(req->r->pool, v->key.len + 11);
        if (at.data == NULL) {
            return;
        }

        at.len = ngx_sprintf(at.data, "/variables/%*s", v->key.len,
                             v->key.data) - at.data;

        hd_faults_add(faults, "unknown_variable", &at, "\"%.*s\" is no column "
                      "of a contact: name, first_name, last_name, phone, "
                      "email, language and fields.… are",
                      (int) unknown.len, unknown.data);
    }
}


/* every variable of the template must have a source */
static ngx_int_t
hd_broadcast_sources(hd_req_t *req, hd_broadcast_ctx_t *ctx,
    hd_faults_t *faults)
{
    hd_str_t             at;
    hd_json_t           *v, *map;
    ngx_uint_t           i;
    ngx_array_t         *names;
    hd_template_name_t  *n;

    names = ngx_array_create(req->r->pool, 8, sizeof(hd_template_name_t));

    if (names == NULL
        || hd_template_names(names, &ctx->template.header) != NGX_OK
        || hd_template_names(names, &ctx->template.body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    hd_str_set(&at, "/variables");

    map = hd_json_get(req->body, "variables");
    n = names->elts;

    for (i = 0; i < names->nelts; i++) {

        for (v = map ? map->child : NULL; v; v = v->next) {
            if (v->key.len == n[i].name.len
                && ngx_memcmp(v->key.data, n[i].name.data, v->key.len) == 0)
            {
                break;
            }
        }

        if (v || !n[i].needed || hd_variables_is_contact(&n[i].name)) {
            continue;
        }

        hd_faults_add(faults, "missing_variable", &at, "the template needs a "
                      "value for \"%.*s\": add it to variables, or give the "
                      "template a fallback", (int) n[i].name.len,
                      n[i].name.data);
    }

    return NGX_OK;
}


static void
hd_broadcast_asked(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t            *req = u->data;
    hd_broadcast_ctx_t  *ctx;

    if (req == NULL) {
        return;
    }

    ctx = req->ctx;

    if (index == 1) {
        (void) hd_template_copy(req, res, &ctx->template);

    } else if (index == 2) {
        ctx->account_found = hd_pg_rows(res);
    }
}


static void
hd_broadcast_check(hd_req_t *req)
{
    hd_str_t             at;
    hd_faults_t          faults;
    hd_broadcast_ctx_t  *ctx = req->ctx;

    hd_faults_init(&faults);

    if (!ctx->template.found) {
        hd_str_set(&at, "/template_id");
        hd_faults_add(&faults, "not_found", &at, "%s",
                      hd_broadcast_conflicts[1].detail);

    } else if (hd_broadcast_sources(req, ctx, &faults) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (!ctx->account_found) {
        hd_str_set(&at, "/account_id");
        hd_faults_add(&faults, "not_found", &at, "%s",
                      hd_broadcast_conflicts[0].detail);
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    hd_broadcast_insert(req);
}


static void
hd_broadcast_created(hd_req_t *req)
{
    hd_broadcast_ctx_t  *ctx = req->ctx;

    hd_broadcast_tell(req, &ctx->id);
    hd_req_send(req, NGX_HTTP_CREATED, "application/json");
}


static void
hd_broadcast_insert(hd_req_t *req)
{
    int64_t              send_at;
    hd_buf_t             audience, variables;
    hd_str_t             name, json;
    hd_json_t           *v;
    hd_uuid_t            account, template;
    hd_pg_unit_t        *u;
    hd_broadcast_ctx_t  *ctx = req->ctx;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&ctx->id);
    hd_buf_init(&audience);
    hd_buf_init(&variables);

    name = hd_body_str(req, "name");
    (void) hd_body_uuid(req, "account_id", &account);
    (void) hd_body_uuid(req, "template_id", &template);
    send_at = hd_body_time(req, "send_at");

    hd_pg_stmt(u, HD_Q_BROADCAST_INSERT);
    hd_pg_uuid(u, &ctx->id);
    hd_pg_text(u, &name);
    hd_pg_uuid(u, &account);
    hd_pg_uuid(u, &template);

    hd_json_write(&audience, hd_json_get(req->body, "audience"));
    json.data = audience.data;
    json.len = audience.len;
    hd_pg_jsonb(u, &json);

    v = hd_json_get(req->body, "variables");

    if (v) {
        hd_json_write(&variables, v);

    } else {
        hd_buf_z(&variables, "{}");
    }

    json.data = variables.data;
    json.len = variables.len;
    hd_pg_jsonb(u, &json);

    if (send_at) {
        hd_pg_time(u, send_at);

    } else {
        hd_pg_null(u);
    }

    hd_pg_uuid(u, &req->who.id);

    hd_pg_stmt(u, HD_Q_BROADCAST_GET);
    hd_pg_uuid(u, &ctx->id);

    req->done = hd_broadcast_created;
    req->conflicts = hd_broadcast_conflicts;

    hd_req_submit(req, u, 2);

    hd_buf_free(&audience);
    hd_buf_free(&variables);
}


void
hd_broadcast_create(hd_req_t *req)
{
    hd_uuid_t            id;
    hd_faults_t          faults;
    hd_pg_unit_t        *u;

    if (hd_broadcast_ctx(req) == NULL) {
        return;
    }

    hd_faults_init(&faults);
    hd_broadcast_audience(req, &faults);
    hd_broadcast_values(req, &faults);

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    (void) hd_body_uuid(req, "template_id", &id);
    hd_pg_stmt(u, HD_Q_TEMPLATE_GET);
    hd_pg_uuid(u, &id);

    (void) hd_body_uuid(req, "account_id", &id);
    hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
    hd_pg_uuid(u, &id);

    u->on_result = hd_broadcast_asked;
    req->done = hd_broadcast_check;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── read ── */

void
hd_broadcast_list(hd_req_t *req)
{
    hd_req_page(req, HD_Q_BROADCAST_LIST);
}


void
hd_broadcast_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_BROADCAST_GET);
}


/* ── pause, resume, cancel ── */

static void
hd_broadcast_moved(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t             v;
    hd_req_t            *req = u->data;
    hd_broadcast_ctx_t  *ctx;

    if (req == NULL) {
        return;
    }

    ctx = req->ctx;

    if (index == 1) {
        ctx->changed = hd_pg_rows(res);

    } else if (index == 2 && hd_pg_rows(res)) {
        ctx->found = 1;
        hd_answer_row(&req->out, req->route->answer, res, 0);

        v = hd_pg_value(res, 0, 2);
        (void) ngx_cpystrn(ctx->status, v.data,
                           ngx_min(v.len + 1, sizeof(ctx->status)));
    }
}


static void
hd_broadcast_move_done(hd_req_t *req)
{
    char                 text[160];
    hd_broadcast_ctx_t  *ctx = req->ctx;

    if (!ctx->found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (!ctx->changed) {
        snprintf(text, sizeof(text), "This broadcast is %s; only one that is "
                 "%s can be %s.", ctx->status, ctx->from, ctx->verb);
        hd_problem(req, 409, "wrong_state", text);
        return;
    }

    hd_campaign_state(hd_api.shm, &req->ids[0], ctx->state);
    hd_broadcast_tell(req, &req->ids[0]);

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_broadcast_move(hd_req_t *req, ngx_uint_t stmt, hd_campaign_state_e state,
    const char *from, const char *verb)
{
    hd_pg_unit_t        *u;
    hd_broadcast_ctx_t  *ctx;

    ctx = hd_broadcast_ctx(req);
    if (ctx == NULL) {
        return;
    }

    ctx->state = state;
    ctx->from = from;
    ctx->verb = verb;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_BROADCAST_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_broadcast_moved;
    req->done = hd_broadcast_move_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_broadcast_pause(hd_req_t *req)
{
    hd_broadcast_move(req, HD_Q_BROADCAST_PAUSE, HD_CAMPAIGN_PAUSED,
                      "scheduled or sending", "paused");
}


void
hd_broadcast_resume(hd_req_t *req)
{
    hd_broadcast_move(req, HD_Q_BROADCAST_RESUME, HD_CAMPAIGN_RUNNING,
                      "paused", "resumed");
}


void
hd_broadcast_cancel(hd_req_t *req)
{
    hd_broadcast_move(req, HD_Q_BROADCAST_CANCEL, HD_CAMPAIGN_CANCELLED,
                      "scheduled, sending or paused", "cancelled");
}
