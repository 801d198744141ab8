/*
 * The units of a request: how they are made, what their results become, and
 * what is answered when the database says no or goes away.
 */

#include "frame.h"


static void hd_req_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_req_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


hd_pg_unit_t *
hd_req_unit(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_api.pg, hd_req_result, hd_req_done, req);

    if (u == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return NULL;
    }

    hd_pg_org(u, &req->who.org);

    return u;
}


void
hd_req_submit(hd_req_t *req, hd_pg_unit_t *u, ngx_uint_t answer)
{
    ngx_int_t  rc;

    req->answer_index = answer;
    req->rows = 0;
    req->found = 0;

    /* told early it would be unknown, and the key "in flight" for a day */
    u->patient = (req->idem_key.len != 0);

    rc = hd_pg_submit(u);

    if (rc == NGX_OK) {
        req->unit = u;

        /* one with a key goes on without its client, who will ask again */
        req->r->read_event_handler = req->idem_key.len
                                     ? ngx_http_block_reading
                                     : ngx_http_test_reading;
        return;
    }

    if (rc == NGX_ERROR) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return;
    }

    hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                     rc == NGX_BUSY
                     ? "Too much is waiting for the database. Nothing was "
                       "done; try again."
                     : "The database cannot be reached. Nothing was done; "
                       "try again.", 2);
}


/* the last column of the statement that answers */
void
hd_req_etag(hd_req_t *req, hd_pg_res_t *res)
{
    u_char    *p;
    hd_str_t   v, tag;

    v = hd_pg_value(res, 0, hd_pg_columns(res) - 1);

    p = ngx_pnalloc(req->r->pool, v.len + 2);
    if (p == NULL) {
        return;
    }

    tag.data = p;
    tag.len = v.len + 2;

    *p++ = '"';
    p = ngx_cpymem(p, v.data, v.len);
    *p = '"';

    (void) hd_req_header(req->r, "ETag", &tag);
}


void
hd_req_answer(hd_req_t *req, hd_pg_res_t *res)
{
    hd_answer_row(&req->out, req->route->answer, res, 0);

    if (req->route->flags & HD_ROUTE_ETAG) {
        hd_req_etag(req, res);
    }
}


hd_str_t
hd_req_if_match(hd_req_t *req)
{
    hd_str_t          tag;
    ngx_table_elt_t  *h;

    ngx_memzero(&tag, sizeof(hd_str_t));

    h = hd_req_find_header(req->r, "if-match", 8);

    if (h == NULL || (h->value.len == 1 && h->value.data[0] == '*')) {
        return tag;
    }

    tag.data = h->value.data;
    tag.len = h->value.len;

    if (tag.len >= 2 && tag.data[0] == '"' && tag.data[tag.len - 1] == '"') {
        tag.data++;
        tag.len -= 2;
    }

    return tag;
}


void
hd_req_found(hd_req_t *req, hd_pg_res_t *res)
{
    req->found = hd_pg_rows(res);
    req->stale = req->found && (req->route->flags & HD_ROUTE_ETAG)
                 && req->route->method == NGX_HTTP_PATCH
                 && hd_pg_value(res, 0, 0).data[0] == 'f';
}


static void
hd_req_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req == NULL) {
        return;
    }

    hd_held_row(req, index, res);

    if (index == req->found_at) {
        hd_req_found(req, res);
    }

    if (index != req->answer_index || req->route->answer == NULL) {
        return;
    }

    req->rows = hd_pg_rows(res);

    if (req->route->flags & HD_ROUTE_WHOLE) {
        req->limit = req->rows;
    }

    if (req->route->flags & (HD_ROUTE_LIST|HD_ROUTE_WHOLE)) {
        hd_answer_list(req, req->route->answer, res);
        return;
    }

    if (req->rows) {
        hd_req_answer(req, res);
    }
}


static void
hd_req_failed(hd_req_t *req, hd_pg_unit_t *u)
{
    const hd_conflict_t  *c;

    for (c = req->conflicts; c && c->constraint; c++) {
        if (ngx_strcmp(c->constraint, u->constraint) == 0) {
            hd_problem_at(req, c->status, c->code, c->pointer, c->detail);
            return;
        }
    }

    if (hd_pg_is_transient(u->sqlstate)) {
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "try_again",
                         "Somebody changed the same thing at the same time. "
                         "Nothing was done; try again.", 1);
        return;
    }

#ifndef HD_NO_GUARD_TIMEOUT
    if (hd_pg_is_timeout(u->sqlstate)) {
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "too_slow",
                         "The database took too long for this. Nothing was "
                         "done; try again, or ask for less.", 5);
        return;
    }
#endif

    ngx_log_error(NGX_LOG_ERR, req->r->connection->log, 0,
                  "herald: %s %s failed with SQLSTATE %s%s%s in statement %ui",
                  req->route->method == NGX_HTTP_GET ? "GET" : "change of",
                  req->route->path, u->sqlstate,
                  u->constraint[0] ? " on " : "", u->constraint, u->failed);

    hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
               "The request could not be carried out. Nothing was done; the "
               "log of the server says more under this request_id.");
}


static void
hd_req_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_req_t          *req = u->data;
    ngx_uint_t         missing;
    ngx_connection_t  *c;

    if (req == NULL) {
        return;
    }

    c = req->r->connection;
    req->unit = NULL;
    req->db_us += hd_mono_us() - u->sent_us;

    /* of this unit only */
    missing = (req->found_at != NGX_CONF_UNSET_UINT && req->found == 0);
    req->found_at = NGX_CONF_UNSET_UINT;

    switch (outcome) {

    case HD_PG_OK:
        if (missing) {
            hd_problem(req, NGX_HTTP_NOT_FOUND, "not_found",
                       "There is nothing of yours under this id.");

        } else if (req->stale) {
            hd_problem(req, NGX_HTTP_PRECONDITION_FAILED, "changed_meanwhile",
                       "Somebody changed this since you read it, and nothing "
                       "was done: read it again, then send your change with "
                       "the new ETag.");

        } else if (req->done) {
            req->done(req);

        } else if (req->route->flags & HD_ROUTE_EMPTY) {
            hd_req_empty(req);

        } else {
            hd_req_send(req, (req->route->flags & HD_ROUTE_CREATED)
                             ? NGX_HTTP_CREATED
                             : (req->route->flags & HD_ROUTE_ACCEPTED)
                             ? NGX_HTTP_ACCEPTED : NGX_HTTP_OK,
                        "application/json");
        }

        break;

    case HD_PG_FAILED:
        hd_req_failed(req, u);
        break;

    case HD_PG_DOWN:
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                         "The database cannot be reached. Nothing was done; "
                         "try again.", 2);
        break;

    case HD_PG_UNKNOWN:
        req->outcome_unknown = 1;
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                         req->route->method == NGX_HTTP_GET
                         ? "The database went away. Try again."
                         : "The database went away while this was on its way. "
                           "It may have been done: look before you try again.",
                         2);
        break;
    }

    ngx_http_run_posted_requests(c);
}
