/*
 * Portfolios: the provider counts the different people that a business writes
 * to first, over all of its numbers in one portfolio.
 */

#include "account.h"


ngx_uint_t
hd_portfolio_char(u_char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || (c >= '0' && c <= '9') || c == '_' || c == '-';
}


void
hd_portfolio_list(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_PORTFOLIO_LIST);
    hd_pg_null(u);

    hd_req_submit(req, u, 1);
}


static void
hd_portfolio_changed(hd_req_t *req)
{
    hd_held_done(req);
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_portfolio_put(hd_req_t *req)
{
    size_t         i;
    int64_t        limit;
    hd_str_t      *id;
    hd_pg_unit_t  *u;

    id = &req->params[0];

    for (i = 0; i < id->len && hd_portfolio_char(id->data[i]); i++) {
        /* void */
    }

    if (i < id->len || id->len > 64) {
        hd_problem(req, 422, "validation_failed",
                   "A portfolio's id in the path has up to 64 letters, "
                   "digits, _ and -.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    limit = hd_body_int(req, "daily_limit", -1);

    hd_pg_stmt(u, HD_Q_PORTFOLIO_PUT);
    hd_pg_text(u, id);

    if (limit < 0) {
        hd_pg_null(u);

    } else {
        hd_pg_int(u, limit);
    }

    hd_pg_stmt(u, HD_Q_PORTFOLIO_LIST);
    hd_pg_text(u, id);

    hd_held_stmt(req, u, "{portfolio_limit}", NULL, id);
    req->done = hd_portfolio_changed;

    hd_req_submit(req, u, 2);
}
