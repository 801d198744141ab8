/*
 * API keys: "hk_" and 32 random bytes.  The key is told once; only its SHA-256
 * is kept, and a key that is deleted stops working in every worker at once,
 * because the epoch of credentials in shared memory rises.
 */

#include "frame.h"


#define HD_KEY_LEN     (3 + 43)
#define HD_KEY_PREFIX  9


static const hd_column_t  hd_key_columns[] = {
    { "id", 'u', NULL },
    { "name", 's', NULL },
    { "prefix", 's', NULL },
    { "scopes", 'a', NULL },
    { "expires_at", 'T', NULL },
    { "created_at", 't', NULL },
    { NULL, 0, NULL }
};


static void
hd_api_key_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    hd_answer_row(&req->out, hd_key_columns, res, 0);
}


/* the row is there; the key itself only this process knows */
static void
hd_api_key_created(hd_req_t *req)
{
    hd_str_t  *key = req->ctx;

    if (req->out.len) {
        req->out.len--;
    }

    hd_buf_z(&req->out, ",\"key\":");
    hd_jw_str(&req->out, key);
    hd_buf_char(&req->out, '}');

    ngx_explicit_memzero(key->data, key->len);

    hd_req_send(req, NGX_HTTP_CREATED, "application/json");
}


/* a key may do no more than who made it */
static ngx_uint_t
hd_api_key_scope(const hd_str_t *name)
{
    if (hd_str_eq(name, "admin")) {
        return HD_SCOPE_ADMIN;
    }

    return hd_str_eq(name, "send") ? HD_SCOPE_SEND : HD_SCOPE_READ;
}


void
hd_api_key_create(hd_req_t *req)
{
    u_char          random[32], hash[32];
    int64_t         expires;
    hd_str_t        name, prefix, *key;
    hd_json_t      *v;
    hd_uuid_t       id;
    hd_pg_unit_t   *u;
    hd_pg_array_t   scopes;

    expires = hd_body_time(req, "expires_at");

    if (expires && expires <= hd_now_us()) {
        hd_problem_at(req, 422, "validation_failed", "/expires_at",
                      "This time is past: such a key would never work. Leave "
                      "it out for a key that does not expire.");
        return;
    }

    v = hd_json_get(req->body, "scopes");

    for (v = v->child; v; v = v->next) {
        if (!(req->who.scopes & hd_api_key_scope(&v->str))) {
            hd_problem_at(req, 403, "missing_scope", "/scopes",
                          "A key can be given only scopes that you have.");
            return;
        }
    }

    key = ngx_palloc(req->r->pool, sizeof(hd_str_t) + HD_KEY_LEN);
    if (key == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    key->data = (u_char *) (key + 1);
    key->len = HD_KEY_LEN;

    hd_random(random, sizeof(random));
    ngx_memcpy(key->data, "hk_", 3);
    (void) hd_base64url(key->data + 3, random, sizeof(random));
    ngx_explicit_memzero(random, sizeof(random));

    hd_auth_hash("token", key, hash);
    hd_req_new_id(&id);

    name = hd_body_str(req, "name");
    prefix.data = key->data;
    prefix.len = HD_KEY_PREFIX;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_array_init(&scopes, HD_PG_TEXT_ARRAY);

    v = hd_json_get(req->body, "scopes");

    for (v = v->child; v; v = v->next) {
        hd_pg_array_text(&scopes, &v->str);
    }

    hd_pg_stmt(u, HD_Q_API_KEY_INSERT);
    hd_pg_uuid(u, &id);
    hd_pg_text(u, &name);
    hd_pg_text(u, &prefix);
    hd_pg_bytea(u, hash, sizeof(hash));
    hd_pg_array(u, &scopes);

    if (expires) {
        hd_pg_time(u, expires);

    } else {
        hd_pg_null(u);
    }

    hd_pg_uuid(u, &req->who.id);

    u->on_result = hd_api_key_row;
    req->ctx = key;
    req->done = hd_api_key_created;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);

    hd_pg_array_free(&scopes);
}


void
hd_api_key_list(hd_req_t *req)
{
    hd_req_page(req, HD_Q_API_KEY_LIST);
}


static void
hd_api_key_deleted(hd_req_t *req)
{
    hd_auth_bump(hd_api.shm);
    hd_req_empty(req);
}


void
hd_api_key_delete(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_API_KEY_DELETE);
    hd_pg_uuid(u, &req->ids[0]);

    req->done = hd_api_key_deleted;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
