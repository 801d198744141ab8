/*
 * What came of a broadcast's links and buttons.
 */

#include "click.h"


/* statement 1 must find the broadcast, statement 2 answers */
static void
hd_report(hd_req_t *req, ngx_uint_t stmt, ngx_uint_t paged)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_IS);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->ids[0]);

    if (paged) {
        hd_pg_int(u, req->after);
        hd_pg_int(u, req->limit + 1);
    }

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}


void
hd_broadcast_links(hd_req_t *req)
{
    hd_report(req, HD_Q_BROADCAST_LINKS, 0);
}


void
hd_broadcast_clicks(hd_req_t *req)
{
    hd_report(req, HD_Q_BROADCAST_CLICKS, 1);
}


void
hd_broadcast_choices(hd_req_t *req)
{
    hd_report(req, HD_Q_BROADCAST_CHOICES, 0);
}
