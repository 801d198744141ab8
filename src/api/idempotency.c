/*
 * Idempotency-Key on a POST: the same key within 24 hours gives the first
 * answer again, and does nothing again.
 *
 *     NONE ─ begin ─> LOOKING ─ first ──> ACTIVE ─ answer ─> STORING ─> DONE
 *                        │ known: the stored answer, 409 in flight,
 *                        └ 422 for another body
 *
 * The row is committed before the route runs and the answer is stored before
 * it is given.  A worker that dies between the two leaves a row without an
 * answer: whether the first was done is then not known, and 409 says so,
 * because doing it twice is worse.  What surely did nothing (5xx before a
 * commit) frees the key.  A client that goes away does not end its request:
 * the answer is stored, and is there when it asks again.
 */

#include "frame.h"


#define HD_IDEMPOTENCY_MAX  255


static void hd_idempotency_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_idempotency_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_idempotency_stored(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


static ngx_int_t
hd_idempotency_key(hd_req_t *req)
{
    size_t            i;
    ngx_table_elt_t  *h;

    h = hd_req_find_header(req->r, "idempotency-key", 15);

    if (h == NULL) {
        return NGX_DECLINED;
    }

    req->idem_key.data = h->value.data;
    req->idem_key.len = h->value.len;

    for (i = 0; i < h->value.len; i++) {
        if (h->value.data[i] < 0x21 || h->value.data[i] > 0x7e) {
            break;
        }
    }

    if (i != h->value.len || i == 0 || i > HD_IDEMPOTENCY_MAX) {
        hd_problem(req, 422, "idempotency_key_invalid",
                   "An Idempotency-Key has 1 to 255 visible ASCII "
                   "characters; a UUID is a good one.");
        return NGX_DONE;
    }

    return NGX_OK;
}


ngx_int_t
hd_idempotency(hd_req_t *req)
{
    hd_buf_t       b;
    u_char         fingerprint[32];
    ngx_int_t      rc;
    hd_pg_unit_t  *u;

    if (req->route->method != NGX_HTTP_POST
        || req->route->scope == HD_SCOPE_PUBLIC)
    {
        return NGX_DECLINED;
    }

    rc = hd_idempotency_key(req);

    if (rc != NGX_OK) {
        return rc;
    }

    hd_buf_init(&b);
    hd_buf_add(&b, req->r->uri.data, req->r->uri.len);
    hd_buf_char(&b, '\n');
    hd_buf_add(&b, req->raw_body.data, req->raw_body.len);
    hd_sha256(b.data, b.len, fingerprint);
    hd_buf_free(&b);

    u = hd_pg_unit(hd_api.pg, hd_idempotency_result, hd_idempotency_done,
                   req);
    if (u == NULL) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "Out of memory.");
        return NGX_DONE;
    }

    hd_pg_org(u, &req->who.org);

    hd_pg_stmt(u, HD_Q_IDEMPOTENCY_BEGIN);
    hd_pg_text(u, &req->idem_key);
    hd_pg_bytea(u, fingerprint, 32);

    hd_pg_stmt(u, HD_Q_IDEMPOTENCY_FIND);
    hd_pg_text(u, &req->idem_key);
    hd_pg_bytea(u, fingerprint, 32);

    hd_pg_stmt(u, HD_Q_IDEMPOTENCY_EXPIRE);

    req->found = 0;
    req->rows = 0;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);

    return NGX_DONE;
}


static void
hd_idempotency_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t   v;
    hd_req_t  *req = u->data;

    if (req == NULL || hd_pg_rows(res) == 0) {
        return;
    }

    if (index == 1) {
        req->idem = HD_IDEM_ACTIVE;
        return;
    }

    if (index != 2 || req->idem == HD_IDEM_ACTIVE) {
        return;
    }

    /* found: 1 the same request, 2 another body */

    req->found = (hd_pg_value(res, 0, 0).data[0] == 't') ? 1 : 2;
    req->status = (ngx_uint_t) hd_pg_value_int(res, 0, 1);

    if (req->status) {
        v = hd_pg_value(res, 0, 2);
        hd_buf_reset(&req->out);
        hd_buf_str(&req->out, &v);
    }
}


static void
hd_idempotency_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_str_t           yes;
    hd_req_t          *req = u->data;
    ngx_uint_t         status;
    ngx_connection_t  *c;

    if (req == NULL) {
        return;
    }

    c = req->r->connection;
    req->unit = NULL;
    req->db_us += hd_mono_us() - u->sent_us;

    status = req->status;
    req->status = NGX_HTTP_OK;

    if (outcome != HD_PG_OK) {
        req->idem = HD_IDEM_NONE;
        hd_problem_retry(req, NGX_HTTP_SERVICE_UNAVAILABLE, "database_away",
                         "The database cannot be reached. Nothing was done; "
                         "try again.", 2);

    } else if (req->idem == HD_IDEM_ACTIVE) {
        req->found = 0;
        req->route->handler(req);

    } else if (req->found == 2) {
        hd_problem(req, 422, "idempotency_key_reused",
                   "This Idempotency-Key was used for another request within "
                   "24 hours; take a new one.");

    } else if (status == 0) {
        hd_problem(req, NGX_HTTP_CONFLICT, "idempotency_in_flight",
                   "The first request with this Idempotency-Key has no answer "
                   "yet, or its answer was lost: look whether it was done "
                   "before you send it with another key.");

    } else {
        hd_str_set(&yes, "true");
        (void) hd_req_header(req->r, "Idempotent-Replayed", &yes);

        hd_req_send(req, status, status < 400 ? "application/json"
                                              : "application/problem+json");
    }

    ngx_http_run_posted_requests(c);
}


/*
 * Before an answer goes out: NGX_DONE when it must wait until it is stored,
 * and hd_req_send is then called again.
 */
ngx_int_t
hd_idempotency_answer(hd_req_t *req, ngx_uint_t status, const char *type)
{
    hd_str_t       body;
    hd_pg_unit_t  *u;

    if (req->idem != HD_IDEM_ACTIVE || req->out.failed) {
        return NGX_OK;
    }

    req->idem = HD_IDEM_DONE;

    if (req->outcome_unknown) {
        return NGX_OK;
    }

    u = hd_pg_unit(hd_api.pg, NULL, hd_idempotency_stored, req);
    if (u == NULL) {
        return NGX_OK;
    }

    hd_pg_org(u, &req->who.org);

    if (status >= 500) {
        hd_pg_stmt(u, HD_Q_IDEMPOTENCY_DROP);
        hd_pg_text(u, &req->idem_key);

    } else {
        body.data = req->out.data;
        body.len = req->out.len;

        hd_pg_stmt(u, HD_Q_IDEMPOTENCY_STORE);
        hd_pg_text(u, &req->idem_key);
        hd_pg_int(u, status);
        hd_pg_text(u, &body);
    }

    u->patient = 1;

    if (hd_pg_submit(u) != NGX_OK) {
        return NGX_OK;
    }

    req->unit = u;
    req->status = status;
    req->idem_type = type;
    req->r->read_event_handler = ngx_http_block_reading;

    return NGX_DONE;
}


static void
hd_idempotency_stored(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_req_t          *req = u->data;
    ngx_connection_t  *c;

    if (req == NULL) {
        return;
    }

    c = req->r->connection;
    req->unit = NULL;

    /* not stored: the answer is true all the same, a repetition gets 409 */
    hd_req_send(req, req->status, req->idem_type);

    ngx_http_run_posted_requests(c);
}
