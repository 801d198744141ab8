/*
 * Import: its units and how it ends.
 */

#include "import.h"


#define HD_IMPORT_TRIES  50


/* ── the end, good or bad ── */

void
hd_import_stop(hd_import_t *im)
{
    if (im->ended) {
        return;
    }

    im->ended = 1;

    hd_timer_clear(&im->timer);

    if (im->req->unit) {
        hd_pg_abandon(im->req->unit);
        im->req->unit = NULL;
    }
}


void
hd_import_memory(hd_import_t *im)
{
    hd_import_stop(im);
    hd_problem(im->req, 500, "internal", "Out of memory.");
}


static void
hd_import_away(hd_import_t *im)
{
    char  text[300];

    hd_import_stop(im);

    if (im->safe_line && !im->dry_run) {
        snprintf(text, sizeof(text), "The database went away. Everything up "
                 "to line %llu is imported. Send the same file again: rows "
                 "that are there already are only updated.",
                 (unsigned long long) im->safe_line);

    } else {
        snprintf(text, sizeof(text), "The database went away at line %llu. "
                 "Send the same file again: rows that are there already are "
                 "only updated.", (unsigned long long) im->line);
    }

    hd_problem_retry(im->req, 503, "database_away", text, 5);
}


static void
hd_import_answer(hd_import_t *im)
{
    u_char     id[36];
    hd_buf_t  *b;

    b = &im->req->out;

    hd_uuid_format(&im->id, id);

    hd_buf_z(b, "{\"id\":\"");
    hd_buf_add(b, id, sizeof(id));
    hd_buf_printf(b, "\",\"dry_run\":%s,\"rows\":%llu,\"created\":%llu,"
                  "\"updated\":%llu,\"failed\":%llu,\"columns\":",
                  im->dry_run ? "true" : "false",
                  (unsigned long long) im->rows,
                  (unsigned long long) im->created,
                  (unsigned long long) im->updated,
                  (unsigned long long) im->failed);
    hd_import_columns_json(im, b);
    hd_buf_z(b, ",\"errors\":[");

    if (im->shown.len) {
        hd_buf_add(b, im->shown.data, im->shown.len);
    }

    hd_buf_z(b, "]}");

    if (im->shown.failed) {
        b->failed = 1;
    }

    hd_import_stop(im);
    hd_req_send(im->req, NGX_HTTP_OK, "application/json");
}


/* ── units ── */

static void
hd_import_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    uint64_t      known;
    hd_req_t     *req = u->data;
    hd_import_t  *im;

    if (req == NULL) {
        return;
    }

    im = req->ctx;

    if (index != im->rows_at || hd_pg_rows(res) == 0) {
        return;
    }

    if (im->dry_run) {
        known = (uint64_t) hd_pg_value_int(res, 0, 0);
        im->unit_updated = known;
        im->unit_created = im->flying->rows.nelts - known;

    } else {
        im->unit_created = (uint64_t) hd_pg_value_int(res, 0, 0);
        im->unit_updated = (uint64_t) hd_pg_value_int(res, 0, 1);
    }
}


static void
hd_import_failed(hd_import_t *im, hd_pg_unit_t *u)
{
    if (hd_pg_is_transient(u->sqlstate)
        && im->flying->tries++ < HD_IMPORT_TRIES)
    {
        hd_timer_set(&im->timer, 100);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, im->req->r->connection->log, 0,
                  "herald: an import failed with SQLSTATE %s%s%s in "
                  "statement %ui, before line %uL", u->sqlstate,
                  u->constraint[0] ? " on " : "", u->constraint, u->failed,
                  im->flying->last_line);

    hd_import_stop(im);
    hd_problem(im->req, 500, "internal",
               "A batch of rows could not be written. Rows before it are "
               "imported; the log of the server says more under this "
               "request_id.");
}


static void
hd_import_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_req_t           *req = u->data;
    hd_import_t        *im;
    ngx_connection_t   *c;
    hd_import_batch_t  *b;

    if (req == NULL) {
        return;
    }

    im = req->ctx;
    c = req->r->connection;
    b = im->flying;

    req->unit = NULL;
    req->db_us += hd_mono_us() - u->sent_us;

    if (outcome == HD_PG_FAILED) {
        hd_import_failed(im, u);

    } else if (outcome != HD_PG_OK) {
        hd_import_away(im);

    } else if (im->finishing) {
        hd_import_answer(im);

    } else {
        im->begun = 1;
        im->created += im->unit_created;
        im->updated += im->unit_updated + b->again;
        im->safe_line = b->last_line;
        im->flying = NULL;

        if (hd_import_batch_reset(b) != NGX_OK) {
            hd_import_memory(im);

        } else {
            hd_import_pump(im);
        }
    }

    ngx_http_run_posted_requests(c);
}


/* again after a busy pool or a transient error */
ngx_int_t
hd_import_launch(hd_import_t *im)
{
    ngx_int_t      rc;
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_api.pg, hd_import_result, hd_import_done, im->req);
    if (u == NULL) {
        hd_import_memory(im);
        return NGX_ERROR;
    }

    hd_pg_org(u, &im->req->who.org);

    if (!im->begun) {
        hd_pg_stmt(u, HD_Q_IMPORT_BEGIN);
        hd_pg_uuid(u, &im->id);
        hd_pg_bool(u, im->dry_run);
    }

    im->unit_created = 0;
    im->unit_updated = 0;

    if (im->finishing) {
        im->rows_at = NGX_CONF_UNSET_UINT;

        hd_pg_stmt(u, HD_Q_IMPORT_FINISH);
        hd_pg_uuid(u, &im->id);
        hd_pg_int(u, (int64_t) im->rows);
        hd_pg_int(u, (int64_t) im->created);
        hd_pg_int(u, (int64_t) im->updated);
        hd_pg_int(u, (int64_t) im->failed);

    } else {
        hd_import_stmts(im, im->flying, u);
    }

    rc = hd_pg_submit(u);

    if (rc == NGX_OK) {
        im->req->unit = u;
        return NGX_OK;
    }

    if (rc == NGX_BUSY && im->flying->tries++ < HD_IMPORT_TRIES) {
        hd_timer_set(&im->timer, 100);
        return NGX_OK;
    }

    if (rc == NGX_ERROR) {
        hd_import_memory(im);

    } else {
        hd_import_away(im);
    }

    return NGX_ERROR;
}


ngx_int_t
hd_import_fly(hd_import_t *im)
{
    im->flying = im->filling;
    im->filling = (im->filling == &im->batches[0]) ? &im->batches[1]
                                                   : &im->batches[0];

    return hd_import_launch(im);
}
