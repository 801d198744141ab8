/*
 * Suppressions: phones that must not be written to, whether they belong to a
 * contact or not.  Kept as a keyed hash: the list survives the contact's
 * deletion and holds at the next import, and shows no phone.
 */

#include "frame.h"


void
hd_suppression_add(hd_req_t *req)
{
    u_char          key[32];
    hd_str_t        phone, reason;
    hd_json_t      *v;
    hd_pg_unit_t   *u;
    hd_pg_array_t   phones;

    phone = hd_body_str(req, "phone");
    v = hd_json_get(req->body, "phones");

    if ((phone.len == 0) == (v == NULL)) {
        hd_problem_at(req, 422, "validation_failed", "/phone",
                      "Give one phone in \"phone\", or several in "
                      "\"phones\".");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_array_init(&phones, HD_PG_TEXT_ARRAY);

    if (phone.len) {
        hd_pg_array_text(&phones, &phone);
    }

    for (v = v ? v->child : NULL; v; v = v->next) {
        hd_pg_array_text(&phones, &v->str);
    }

    reason = hd_body_str(req, "reason");
    hd_store_suppression_key(hd_api.secret_key, &req->who.org, key);

    hd_pg_stmt(u, HD_Q_SUPPRESSION_ADD);
    hd_pg_bytea(u, key, sizeof(key));
    hd_pg_array(u, &phones);
    hd_pg_text(u, &reason);

    hd_req_submit(req, u, 1);

    hd_pg_array_free(&phones);
}


void
hd_suppression_list(hd_req_t *req)
{
    hd_req_page(req, HD_Q_SUPPRESSION_LIST);
}


/* a unit whose first statement takes the key and ?phone=; NULL: answered */
static hd_pg_unit_t *
hd_suppression_phone(hd_req_t *req, ngx_uint_t stmt)
{
    u_char         key[32];
    hd_str_t       phone;
    hd_pg_unit_t  *u;

    if (hd_query_phone(req, "phone", &phone) != NGX_OK) {
        hd_problem_at(req, 422, "validation_failed", "phone",
                      "Say which phone: ?phone=%2B254712345678.");
        return NULL;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return NULL;
    }

    hd_store_suppression_key(hd_api.secret_key, &req->who.org, key);

    hd_pg_stmt(u, stmt);
    hd_pg_bytea(u, key, sizeof(key));
    hd_pg_text(u, &phone);

    return u;
}


void
hd_suppression_check(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_suppression_phone(req, HD_Q_SUPPRESSION_CHECK);

    if (u) {
        hd_req_submit(req, u, 1);
    }
}


void
hd_suppression_delete_phone(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_suppression_phone(req, HD_Q_SUPPRESSION_DELETE_PHONE);

    if (u) {
        hd_req_must_find(req, 1);
        hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
    }
}


void
hd_suppression_delete(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_SUPPRESSION_DELETE);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
