/*
 * Export: contacts as CSV, page by page.  The next page is asked for when the
 * socket has taken the last one, so memory is one page, however many contacts
 * there are.
 *
 *   asking ── rows ──> sending ── socket full ──> draining ── empty ──┐
 *     ^                   │ empty                                      │
 *     └───────────────────┴────────────────────────────────────────────┘
 *
 * Before the first page nothing was sent, and an error is answered as such.
 * After that the connection is cut: the chunked body then has no end, and the
 * client knows that the file is not whole.
 */

#include "frame.h"


#define HD_EXPORT_PAGE  1000


typedef struct {
    hd_req_t     *req;
    hd_uuid_t     after;
    hd_buf_t      page;
    ngx_uint_t    rows;
    unsigned      started:1;           /* the header is out */
    unsigned      last:1;
} hd_export_t;


static void hd_export_ask(hd_export_t *ex);
static void hd_export_writer(ngx_http_request_t *r);


static void
hd_export_cleanup(void *data)
{
    hd_export_t *ex = data;

    hd_buf_free(&ex->page);
}


static void
hd_export_row(hd_export_t *ex, hd_pg_res_t *res, ngx_uint_t row)
{
    u_char       time[48];
    hd_str_t     v;
    ngx_uint_t   col;

    for (col = 0; col < 10; col++) {
        if (col) {
            hd_buf_char(&ex->page, ',');
        }

        if (hd_pg_is_null(res, row, col)) {
            continue;
        }

        v = hd_pg_value(res, row, col);

        if (col == 9) {
            v.len = hd_time_from_pg(time, v.data, v.len);
            v.data = time;
        }

        hd_csv_write(&ex->page, &v);
    }

    hd_buf_z(&ex->page, "\r\n");
}


static void
hd_export_rows(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t     *req = u->data;
    ngx_uint_t    i;
    hd_export_t  *ex;

    if (req == NULL || index != 1) {
        return;
    }

    ex = req->ctx;
    ex->rows = hd_pg_rows(res);

    for (i = 0; i < ex->rows; i++) {
        hd_export_row(ex, res, i);
    }

    if (ex->rows) {
        (void) hd_pg_value_uuid(res, ex->rows - 1, 0, &ex->after);
    }
}


/* the answer cannot be mended any more */
static void
hd_export_cut(hd_export_t *ex)
{
    ngx_log_error(NGX_LOG_ERR, ex->req->r->connection->log, 0,
                  "herald: an export was cut, the database went away");

    ex->req->waiting = 0;
    ngx_http_finalize_request(ex->req->r, NGX_ERROR);
}


static ngx_int_t
hd_export_header(hd_export_t *ex)
{
    hd_str_t             value;
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = ex->req->r;
    ex->started = 1;

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = -1;
    ngx_str_set(&r->headers_out.content_type, "text/csv; charset=utf-8");
    r->headers_out.content_type_len = sizeof("text/csv") - 1;
    r->headers_out.content_type_lowcase = NULL;

    hd_str_set(&value, "attachment; filename=\"contacts.csv\"");
    (void) hd_req_header(r, "Content-Disposition", &value);
    hd_str_set(&value, "no-store");
    (void) hd_req_header(r, "Cache-Control", &value);

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ex->req->waiting = 0;
        ngx_http_finalize_request(r, rc);
        return NGX_DONE;
    }

    return NGX_OK;
}


/* after output: wait for the socket, or go on */
static void
hd_export_next(hd_export_t *ex)
{
    ngx_event_t               *wev;
    ngx_http_request_t        *r;
    ngx_http_core_loc_conf_t  *clcf;

    r = ex->req->r;
    wev = r->connection->write;

    if (ex->last) {
        /* the rest goes by nginx's own writer */
        ex->req->waiting = 0;
        ngx_http_finalize_request(r, NGX_OK);
        return;
    }

    if (r->buffered || r->postponed || r->connection->buffered) {
        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        r->write_event_handler = hd_export_writer;

        if (!wev->delayed) {
            ngx_add_timer(wev, clcf->send_timeout);
        }

        if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
            ex->req->waiting = 0;
            ngx_http_finalize_request(r, NGX_ERROR);
        }

        return;
    }

    if (wev->timer_set) {
        ngx_del_timer(wev);
    }

    r->write_event_handler = ngx_http_request_empty_handler;

    hd_buf_reset(&ex->page);
    hd_export_ask(ex);
}


static void
hd_export_writer(ngx_http_request_t *r)
{
    hd_req_t     *req;
    ngx_int_t     rc;
    hd_export_t  *ex;
    ngx_event_t  *wev;

    req = hd_req_of(r);

    if (req == NULL) {
        return;
    }

    ex = req->ctx;
    wev = r->connection->write;

    if (wev->timedout) {
        r->connection->timedout = 1;
        req->waiting = 0;
        ngx_http_finalize_request(r, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    rc = ngx_http_output_filter(r, NULL);

    if (rc == NGX_ERROR) {
        req->waiting = 0;
        ngx_http_finalize_request(r, rc);
        return;
    }

    hd_export_next(ex);
}


static void
hd_export_send(hd_export_t *ex)
{
    ngx_int_t            rc;
    ngx_buf_t           *b;
    ngx_chain_t          out;
    ngx_http_request_t  *r;

    r = ex->req->r;
    ex->last = ex->rows < HD_EXPORT_PAGE;

    if (!ex->started && hd_export_header(ex) != NGX_OK) {
        return;
    }

    /* the page's memory is the same for all; the buffer's few bytes are not,
     * because a filter may still hold the one before */

    b = ngx_calloc_buf(r->pool);

    if (b == NULL || ex->page.failed) {
        ex->req->waiting = 0;
        ngx_http_finalize_request(r, NGX_ERROR);
        return;
    }

    b->pos = ex->page.data;
    b->last = ex->page.data + ex->page.len;
    b->memory = ex->page.len ? 1 : 0;
    b->flush = !ex->last;
    b->last_buf = ex->last;
    b->last_in_chain = ex->last;

    out.buf = b;
    out.next = NULL;

    rc = ngx_http_output_filter(r, &out);

    if (rc == NGX_ERROR) {
        ex->req->waiting = 0;
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (ex->last) {
        ex->req->waiting = 0;
        ngx_http_finalize_request(r, rc);
        return;
    }

    hd_export_next(ex);
}


static void
hd_export_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_req_t          *req = u->data;
    hd_export_t       *ex;
    ngx_connection_t  *c;

    if (req == NULL) {
        return;
    }

    ex = req->ctx;
    c = req->r->connection;
    req->unit = NULL;
    req->db_us += hd_mono_us() - u->sent_us;

    if (outcome == HD_PG_OK) {
        hd_export_send(ex);

    } else if (ex->started) {
        hd_export_cut(ex);

    } else {
        hd_problem_retry(req, 503, "database_away", "The database cannot be "
                         "reached; try again.", 2);
    }

    ngx_http_run_posted_requests(c);
}


static void
hd_export_ask(hd_export_t *ex)
{
    hd_req_t      *req;
    hd_pg_unit_t  *u;

    req = ex->req;

    u = hd_pg_unit(hd_api.pg, hd_export_rows, hd_export_done, req);

    if (u) {
        hd_pg_org(u, &req->who.org);
        hd_pg_stmt(u, HD_Q_CONTACT_EXPORT);
        hd_pg_uuid(u, &ex->after);
        hd_pg_int(u, HD_EXPORT_PAGE);

        if (hd_pg_submit(u) == NGX_OK) {
            req->unit = u;
            return;
        }
    }

    if (ex->started) {
        hd_export_cut(ex);
        return;
    }

    hd_problem_retry(req, 503, "database_away", "The database cannot be "
                     "reached; try again.", 2);
}


void
hd_contact_export(hd_req_t *req)
{
    hd_export_t         *ex;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_export_t));
    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    ex = cln->data;
    ngx_memzero(ex, sizeof(hd_export_t));
    hd_buf_init(&ex->page);

    cln->handler = hd_export_cleanup;

    ex->req = req;
    req->ctx = ex;

    hd_buf_z(&ex->page, "id,name,first_name,last_name,phone,email,language,"
             "tags,time_zone,created_at\r\n");

    req->r->read_event_handler = ngx_http_test_reading;

    hd_export_ask(ex);
}
