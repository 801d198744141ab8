/*
 * Opt-outs of a contact: from marketing of one number, or of all of them,
 * which is the contact's own marketing_opt_out.
 */

#include "frame.h"


void
hd_opt_out_list(hd_req_t *req)
{
    hd_req_get(req, HD_Q_OPT_OUT_LIST);
}


static void
hd_opt_out_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    if (index == 1) {
        req->found = 1;
        req->rows = (hd_pg_value(res, 0, 0).data[0] == 't');

    } else if (index == 2) {
        hd_req_answer(req, res);
    }
}


static void
hd_opt_out_done(hd_req_t *req)
{
    if (!req->rows) {
        hd_problem_at(req, 422, "validation_failed", "/account_id",
                      "This number is none of yours: GET /accounts lists "
                      "them.");
        return;
    }

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


/* the change, then how it is now */
static hd_pg_unit_t *
hd_opt_out_unit(hd_req_t *req, ngx_uint_t stmt, const hd_uuid_t *account)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return NULL;
    }

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->ids[0]);

    if (account) {
        hd_pg_uuid(u, account);

    } else {
        hd_pg_null(u);
    }

    u->on_result = hd_opt_out_result;
    req->done = hd_opt_out_done;

    return u;
}


static void
hd_opt_out_submit(hd_req_t *req, hd_pg_unit_t *u)
{
    hd_pg_stmt(u, HD_Q_OPT_OUT_LIST);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}


void
hd_opt_out_add(hd_req_t *req)
{
    hd_str_t       source;
    hd_uuid_t      account;
    ngx_uint_t     one;
    hd_pg_unit_t  *u;

    one = hd_body_uuid(req, "account_id", &account) == NGX_OK;

    u = hd_opt_out_unit(req, HD_Q_OPT_OUT_ADD, one ? &account : NULL);
    if (u == NULL) {
        return;
    }

    source = hd_body_str(req, "source");

    if (source.len == 0) {
        hd_str_set(&source, "api");
    }

    hd_pg_text(u, &source);

    hd_opt_out_submit(req, u);
}


void
hd_opt_out_remove(hd_req_t *req)
{
    hd_str_t       arg;
    hd_uuid_t      account;
    ngx_uint_t     one;
    hd_pg_unit_t  *u;

    arg = hd_query(req, "account_id");
    one = arg.len && hd_uuid_parse(&account, arg.data, arg.len) == HD_OK;

    u = hd_opt_out_unit(req, HD_Q_OPT_OUT_REMOVE, one ? &account : NULL);

    if (u) {
        hd_opt_out_submit(req, u);
    }
}
