/*
 * The provider's list of templates, asked for: soon after a submission, or at
 * once.  The errand template_sync does it.
 */

#include "template.h"


typedef struct {
    ngx_uint_t    account_found;
    ngx_uint_t    business;            /* it has one */
} hd_sync_t;


void
hd_template_watch(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *account,
    ngx_uint_t in, ngx_uint_t until)
{
    hd_uuid_t  id;

    hd_req_new_id(&id);

    hd_pg_stmt(u, HD_Q_TEMPLATE_WATCH);
    hd_pg_uuid(u, &id);
    hd_pg_uuid(u, account);
    hd_pg_int(u, in);
    hd_pg_int(u, until);
}


static void
hd_sync_watched(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t   *req = u->data;
    hd_sync_t  *s;

    if (req == NULL) {
        return;
    }

    s = req->ctx;

    if (index == 1) {
        s->account_found = hd_pg_rows(res);

    } else if (index == 2) {
        s->business = hd_pg_rows(res);
    }
}


static void
hd_sync_done(hd_req_t *req)
{
    u_char      id[36];
    hd_sync_t  *s = req->ctx;

    if (!s->account_found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (!s->business) {
        hd_problem(req, 422, "business_unknown",
                   "The provider keeps templates by business, and this "
                   "number's is not known: PATCH /accounts/{id} sets "
                   "business_id.");
        return;
    }

    hd_mail_send(hd_api.shm, HD_MAIL_ERRAND, &req->who.org, &req->ids[0]);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));

    hd_uuid_format(&req->ids[0], id);
    hd_buf_printf(&req->out, "{\"account_id\":\"%.*s\",\"queued\":true}", 36,
                  id);

    hd_req_send(req, NGX_HTTP_ACCEPTED, "application/json");
}


void
hd_template_sync(hd_req_t *req)
{
    hd_sync_t     *s;
    hd_pg_unit_t  *u;

    s = ngx_pcalloc(req->r->pool, sizeof(hd_sync_t));
    if (s == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    req->ctx = s;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_ACCOUNT);
    hd_pg_uuid(u, &req->ids[0]);

    hd_template_watch(req, u, &req->ids[0], 0, 0);

    u->on_result = hd_sync_watched;
    req->done = hd_sync_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
