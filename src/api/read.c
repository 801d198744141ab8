/*
 * Plain reads, which every resource has: one row, one page.
 */

#include "frame.h"


/* one row by the id in the path */
void
hd_req_get(hd_req_t *req, ngx_uint_t stmt)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 1);
}


/* one page before the cursor, and a row more that says there is a next one */
void
hd_req_page(hd_req_t *req, ngx_uint_t stmt)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);

    hd_req_submit(req, u, 1);
}
