/*
 * Changes of a number: its limits, its tokens, pause and resume.  The helper
 * hears of each after its commit.
 */

#include "account.h"


static void
hd_account_changed(hd_req_t *req)
{
    hd_account_mail(req, &req->ids[0]);
    hd_held_done(req);
    hd_account_got(req);
}


/* a problem, or NULL: what one member of "pacing" cannot know of another */
static const char *
hd_account_pacing(hd_json_t *pacing, const char **pointer)
{
    int64_t     from, to;
    hd_json_t  *min, *max, *a, *b;

    min = hd_json_get(pacing, "gap_min_ms");
    max = hd_json_get(pacing, "gap_max_ms");
    *pointer = min ? "/pacing/gap_max_ms" : "/pacing/gap_min_ms";

    if ((min == NULL) != (max == NULL)
        || (min && (min->type == HD_JSON_NULL) != (max->type == HD_JSON_NULL)))
    {
        return "The shortest and the longest gap go together.";
    }

    if (min && hd_json_int(min, &from) == HD_OK
        && hd_json_int(max, &to) == HD_OK && from > to)
    {
        return "The longest gap is shorter than the shortest.";
    }

    *pointer = "/pacing/hours/to";
    a = hd_json_path(pacing, "hours.from");
    b = hd_json_path(pacing, "hours.to");

    if (a && b && ngx_memcmp(a->str.data, b->str.data, 5) == 0) {
        return "Hours that end when they begin are none: send null to send at "
               "any hour.";
    }

    return NULL;
}


ngx_int_t
hd_account_check(hd_req_t *req)
{
    size_t       i;
    hd_str_t     id;
    const char  *problem, *pointer;

    id = hd_body_str(req, "portfolio_id");

    for (i = 0; i < id.len; i++) {
        if (!hd_portfolio_char(id.data[i])) {
            hd_problem_at(req, 422, "validation_failed", "/portfolio_id",
                          "A portfolio's id has letters, digits, _ and -.");
            return NGX_DONE;
        }
    }

    problem = hd_account_pacing(hd_json_get(req->body, "pacing"), &pointer);

    if (problem) {
        hd_problem_at(req, 422, "validation_failed", pointer, problem);
        return NGX_DONE;
    }

    return NGX_OK;
}


/* takes a member out of the body: a token is for no statement */
static hd_str_t
hd_account_take(hd_req_t *req, const char *name)
{
    hd_str_t     value;
    hd_json_t  **v;

    value = hd_body_str(req, name);

    for (v = &req->body->child; *v; /* void */ ) {
        if ((*v)->key.len == ngx_strlen(name)
            && ngx_memcmp((*v)->key.data, name, (*v)->key.len) == 0)
        {
            *v = (*v)->next;
            req->body->count--;

        } else {
            v = &(*v)->next;
        }
    }

    return value;
}


/* `sealed` without data: the secrets stay */
static void
hd_account_write(hd_req_t *req, const hd_str_t *sealed)
{
    hd_buf_t       b;
    hd_str_t       json, tag;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_json_write(&b, req->body);

    json.data = b.data;
    json.len = b.len;
    tag = hd_req_if_match(req);

    hd_pg_stmt(u, HD_Q_ACCOUNT_UPDATE);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_jsonb(u, &json);
    hd_pg_text_null(u, &tag);
    hd_pg_text_null(u, sealed);

    if (hd_json_get(req->body, "pacing")
        || hd_json_get(req->body, "portfolio_id"))
    {
        hd_held_stmt(req, u, "{daily_cap,outside_hours,portfolio_limit}",
                     &req->ids[0], NULL);
    }

    hd_account_row(req, u, &req->ids[0]);

    req->done = hd_account_changed;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);

    hd_buf_free(&b);
}


static void
hd_account_secrets(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t           v;
    hd_req_t          *req = u->data;
    hd_account_ctx_t  *ctx;

    if (req == NULL || index != 1) {
        return;
    }

    req->found = hd_pg_rows(res);

    if (req->found) {
        ctx = req->ctx;
        v = hd_pg_value(res, 0, 0);
        (void) hd_str_dup(&req->mem, &v, &ctx->sealed);
    }
}


/* new token or app secret, beside those that stay */
static void
hd_account_reseal(hd_req_t *req)
{
    hd_str_t           token, secret, verify, hook, sealed;
    hd_account_ctx_t  *ctx = req->ctx;

    token = hd_account_take(req, "token");
    secret = hd_account_take(req, "app_secret");

    if (hd_account_secret(req, "verify_token", &verify) != NGX_OK
        || hd_account_secret(req, "hook_token", &hook) != NGX_OK
        || (token.len == 0
            && hd_account_secret(req, "token", &token) != NGX_OK)
        || (secret.len == 0
            && hd_account_secret(req, "app_secret", &secret) != NGX_OK)
        || hd_store_secrets_seal(req->r->pool, hd_api.secret_key,
                                 &req->ids[0], &token, &secret, &verify,
                                 &hook, &sealed)
           != NGX_OK)
    {
        hd_problem(req, 500, "internal", "The tokens could not be sealed.");
        return;
    }

    ctx->sealed = sealed;
    hd_account_write(req, &sealed);
}


void
hd_account_update(hd_req_t *req)
{
    hd_str_t       none;
    hd_pg_unit_t  *u;

    if (hd_account_check(req) != NGX_OK || hd_account_ctx(req) == NULL) {
        return;
    }

    if (hd_json_get(req->body, "token") == NULL
        && hd_json_get(req->body, "app_secret") == NULL)
    {
        ngx_memzero(&none, sizeof(hd_str_t));
        hd_account_write(req, &none);
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_ACCOUNT_SECRETS);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_account_secrets;
    req->done = hd_account_reseal;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_account_switch(hd_req_t *req, ngx_uint_t stmt)
{
    hd_pg_unit_t  *u;

    if (hd_account_ctx(req) == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->ids[0]);

    hd_account_row(req, u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_ACCOUNT_BROADCASTS_PAUSED);
    hd_pg_uuid(u, &req->ids[0]);

    req->done = hd_account_changed;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_account_pause(hd_req_t *req)
{
    hd_account_switch(req, HD_Q_ACCOUNT_PAUSE);
}


void
hd_account_resume(hd_req_t *req)
{
    hd_account_switch(req, HD_Q_ACCOUNT_RESUME);
}


void
hd_account_kept(hd_req_t *req)
{
    hd_str_t       field;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    field = hd_query(req, "field");

    hd_pg_stmt(u, HD_Q_ACCOUNT_EXISTS);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_WEBHOOK_EVENT_LIST);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_text_null(u, &field);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}
