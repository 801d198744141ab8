/*
 * Import: the request.  The body is read as it comes, and no faster than the
 * database takes the rows; memory is two batches, whatever the file's size.
 *
 *            ┌──────────── bytes ───────────┐
 *   client ─>│ csv ─> row checked ─> filling│─ full ─> flying ─> committed
 *            └──────────────────────────────┘              │
 *              stops while a batch flies and the next is full
 *
 * hd_import_pump moves all of it and is called when something may go on: bytes
 * came, a batch was committed, the timer fired.  It returns when it must wait,
 * or after HD_IMPORT_TURN of work, because others wait for this worker too.
 *
 * Each batch is a transaction and importing a row again is harmless; so when
 * the database goes away in the middle, the answer says up to which line all
 * is kept, and the same file may simply be sent again.
 *
 * An answer may free the request and all of this with it.  So the parser's
 * callback never answers but leaves a fault, and whoever calls a function that
 * can answer (they return NGX_ERROR then) touches nothing afterwards.
 */

#include "import.h"


#define HD_IMPORT_SLICE  2048          /* bytes parsed between two looks */
#define HD_IMPORT_TURN   4000          /* µs of work in one turn */
#define HD_IMPORT_ROW    65536         /* bytes of one row */


static void hd_import_body(ngx_http_request_t *r);


static void
hd_import_cleanup(void *data)
{
    hd_import_t *im = data;

    ngx_uint_t  i;

    hd_import_stop(im);

    hd_csv_destroy(im->csv);
    hd_import_batch_free(&im->batches[0]);
    hd_import_batch_free(&im->batches[1]);
    hd_buf_free(&im->shown);

    for (i = 0; i < HD_IMPORT_ARRAYS; i++) {
        hd_pg_array_free(&im->arrays[i]);
    }

    if (im->seen) {
        ngx_free(im->seen);
    }

    im->csv = NULL;
    im->seen = NULL;
}


/* the file cannot be read on; what was committed stays */
static void
hd_import_file(hd_import_t *im, const char *code, const char *why)
{
    char  text[400];

    hd_import_stop(im);

    snprintf(text, sizeof(text), "%s%s", why,
             im->safe_line && !im->dry_run
             ? " Rows before it were imported; the mended file may be sent "
               "whole." : " Nothing was imported.");

    hd_problem(im->req, 422, code, text);
}


/* ── rows ── */

/* to be answered when the parser has returned */
static int
hd_import_fault(hd_import_t *im, const char *code, const char *pointer,
    hd_buf_t *text)
{
    hd_str_t  s;

    s.data = text->data;
    s.len = text->len;

    if (!text->failed) {
        im->fault_text = hd_cstr(&im->req->mem, &s);
        im->fault_code = im->fault_text ? code : NULL;
        im->fault_pointer = pointer;
    }

    hd_buf_free(text);

    return HD_ERROR;
}


static int
hd_import_head(hd_import_t *im, hd_str_t *fields, size_t n)
{
    hd_buf_t    b;
    hd_str_t    unknown;
    ngx_int_t   rc;
    ngx_uint_t  i;

    rc = hd_import_columns(im, fields, n, &unknown);

    if (rc == NGX_ERROR) {
        return HD_ERROR;
    }

    hd_buf_init(&b);

    if (rc == NGX_DECLINED) {
        hd_buf_z(&b, "mapping speaks of a column that the file does not have: "
                 "\"");
        hd_buf_str(&b, &unknown);
        hd_buf_z(&b, "\"");

        return hd_import_fault(im, "unknown_column", "mapping", &b);
    }

    im->mapped = 1;

    if (!im->no_phone) {
        return HD_OK;
    }

    hd_buf_z(&b, "No column was recognised as the phone. Say which with "
             "mapping={\"<column>\":\"phone\"}. The columns are: ");

    for (i = 0; i < n && b.len < 1500; i++) {
        if (i) {
            hd_buf_z(&b, ", ");
        }

        hd_buf_str(&b, &im->map.columns[i].header);
    }

    return hd_import_fault(im, "no_phone_column", NULL, &b);
}


static int
hd_import_on_row(void *ctx, uint64_t line, hd_str_t *fields, size_t n)
{
    hd_import_t *im = ctx;

    if (!im->mapped) {
        return hd_import_head(im, fields, n);
    }

    im->line = line;

    return hd_import_row(im, line, fields, n) == NGX_OK ? HD_OK : HD_ERROR;
}


/* the parser stopped: a row's function left a fault, or it says why itself, or
 * memory is out */
static void
hd_import_bad_file(hd_import_t *im)
{
    char         text[200];
    const char  *why;

    if (im->fault_code) {
        hd_import_stop(im);
        hd_problem_at(im->req, 422, im->fault_code, im->fault_pointer,
                      im->fault_text);
        return;
    }

    why = hd_csv_error(im->csv);

    if (why[0] == '\0') {
        hd_import_memory(im);
        return;
    }

    snprintf(text, sizeof(text), "The file is no CSV: %s.", why);
    hd_import_file(im, "malformed_csv", text);
}


/* ── the body ── */

/* the client is gone, too slow, or sends too much */
static void
hd_import_unread(hd_import_t *im, ngx_int_t rc)
{
    hd_req_t  *req;

    req = im->req;
    hd_import_stop(im);

    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        hd_problem(req, rc, "body_too_large",
                   "The file is larger than this server takes. Split it, or "
                   "ask for a higher client_max_body_size.");
        return;
    }

    req->waiting = 0;
    ngx_http_finalize_request(req->r, rc);
}


/*
 * A slice of what is there, or more bytes.  NGX_OK: go on; NGX_AGAIN: the
 * client must send; NGX_DONE: all was read; NGX_ERROR: answered.
 */
static ngx_int_t
hd_import_eat(hd_import_t *im)
{
    size_t                    n;
    ngx_int_t                 rc;
    ngx_buf_t                *b;
    ngx_chain_t              *cl;
    ngx_http_request_t       *r;
    ngx_http_request_body_t  *rb;

    r = im->req->r;
    rb = r->request_body;

    if (rb && rb->bufs) {
        cl = rb->bufs;
        b = cl->buf;
        n = ngx_min((size_t) (b->last - b->pos), HD_IMPORT_SLICE);

        if (n && hd_csv_feed(im->csv, b->pos, n) != HD_OK) {
            hd_import_bad_file(im);
            return NGX_ERROR;
        }

        b->pos += n;

        if (b->pos == b->last) {
            rb->bufs = cl->next;
            ngx_free_chain(r->pool, cl);
        }

        return NGX_OK;
    }

    if (!r->reading_body) {
        if (hd_csv_finish(im->csv) != HD_OK) {
            hd_import_bad_file(im);
            return NGX_ERROR;
        }

        return NGX_DONE;
    }

    rc = ngx_http_read_unbuffered_request_body(r);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        hd_import_unread(im, rc);
        return NGX_ERROR;
    }

    return (rc == NGX_AGAIN && rb->bufs == NULL) ? NGX_AGAIN : NGX_OK;
}


/* the body waits for us: nginx's time-out for a slow client must not run, and
 * the client may still go away */
static void
hd_import_pause(hd_import_t *im)
{
    ngx_event_t  *rev;

    rev = im->req->r->connection->read;

    if (rev->timer_set) {
        ngx_del_timer(rev);
    }

    im->req->r->read_event_handler = ngx_http_test_reading;
}


static void
hd_import_ending(hd_import_t *im)
{
    if (im->flying) {
        return;
    }

    if (hd_import_batch_any(im->filling)) {
        (void) hd_import_fly(im);
        return;
    }

    im->finishing = 1;
    im->flying = im->filling;

    (void) hd_import_launch(im);
}


void
hd_import_pump(hd_import_t *im)
{
    int64_t              until;
    ngx_int_t            rc;
    ngx_http_request_t  *r;

    r = im->req->r;
    until = hd_mono_us() + HD_IMPORT_TURN;

    while (!im->whole) {

        if (hd_import_batch_full(im->filling)) {
            if (im->flying) {
                hd_import_pause(im);
                return;
            }

            if (hd_import_fly(im) != NGX_OK) {
                return;
            }
        }

        rc = hd_import_eat(im);

        switch (rc) {

        case NGX_ERROR:
            return;

        case NGX_AGAIN:
            r->read_event_handler = hd_import_body;
            return;

        case NGX_DONE:
            if (!im->mapped) {
                hd_import_file(im, "empty_file",
                               "The file has no header row.");
                return;
            }

            im->whole = 1;
            break;

        default:
            if (hd_mono_us() > until) {
                hd_import_pause(im);

                if (!im->timer.ev.timer_set) {
                    hd_timer_set(&im->timer, 1);
                }

                return;
            }
        }
    }

    hd_import_pause(im);
    hd_import_ending(im);
}


/* nginx has the first bytes, and later: there are more */
static void
hd_import_body(ngx_http_request_t *r)
{
    hd_req_t     *req;
    hd_import_t  *im;

    req = hd_req_of(r);

    if (req == NULL) {
        return;
    }

    im = req->ctx;

    if (!im->ended) {
        hd_import_pump(im);
    }
}


static void
hd_import_timer(hd_timer_t *t, void *data)
{
    hd_import_t *im = data;

    ngx_connection_t  *c;

    c = im->req->r->connection;

    if (im->flying && im->req->unit == NULL) {
        (void) hd_import_launch(im);

    } else {
        hd_import_pump(im);
    }

    ngx_http_run_posted_requests(c);
}


/* ── the start ── */

static ngx_uint_t
hd_import_is_csv(ngx_http_request_t *r)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    static const ngx_str_t  types[] = {
        ngx_string("text/csv"),
        ngx_string("application/csv"),
        ngx_string("text/plain"),
        ngx_string("text/tab-separated-values"),
        /* what browsers on Windows call a .csv where Excel is installed */
        ngx_string("application/vnd.ms-excel")
    };

    if (r->headers_in.content_type == NULL) {
        return 0;
    }

    value = &r->headers_in.content_type->value;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (value->len >= types[i].len
            && ngx_strncasecmp(value->data, types[i].data, types[i].len) == 0
            && (value->len == types[i].len || value->data[types[i].len] == ';'
                || value->data[types[i].len] == ' '))
        {
            return 1;
        }
    }

    return 0;
}


/* NGX_OK or answered */
static ngx_int_t
hd_import_arguments(hd_import_t *im)
{
    hd_str_t    arg;
    hd_req_t   *req;
    ngx_uint_t  failed;

    req = im->req;

    if (!hd_import_is_csv(req->r)) {
        hd_problem(req, 415, "not_csv", "Send the file itself as the body, "
                   "with Content-Type: text/csv.");
        return NGX_DONE;
    }

    arg = hd_query(req, "dry_run");
    im->dry_run = hd_str_eq(&arg, "true");

    arg = hd_query(req, "default_country");

    if (arg.len) {
        if (arg.len == 2) {
            im->country[0] = (char) ngx_toupper(arg.data[0]);
            im->country[1] = (char) ngx_toupper(arg.data[1]);
        }

        if (arg.len != 2 || !hd_country_known(im->country)) {
            hd_problem_at(req, 422, "validation_failed", "default_country",
                          "expected an ISO 3166 country, for example KE");
            return NGX_DONE;
        }
    }

    arg = hd_query(req, "tags");
    failed = 0;

    if (arg.len) {
        im->tags = hd_import_labels(req->r->pool, &arg, &failed);
    }

    if (failed) {
        hd_problem_at(req, 422, "validation_failed", "tags",
                      "a tag may have up to 64 characters");
        return NGX_DONE;
    }

    return hd_import_mapping(im);
}


void
hd_contact_import(hd_req_t *req)
{
    ngx_int_t             rc;
    ngx_log_t            *log;
    hd_import_t          *im;
    ngx_http_request_t   *r;
    ngx_http_cleanup_t   *cln;

    r = req->r;
    log = r->connection->log;

    im = ngx_pcalloc(r->pool, sizeof(hd_import_t));
    cln = ngx_http_cleanup_add(r, 0);

    if (im == NULL || cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    im->req = req;
    im->filling = &im->batches[0];
    hd_buf_init(&im->shown);
    hd_req_new_id(&im->id);
    hd_timer_init(&im->timer, hd_import_timer, im, 0, log);

    cln->handler = hd_import_cleanup;
    cln->data = im;
    req->ctx = im;

    /* an answer before the body: what is left of it is thrown away */

    if (hd_import_arguments(im) != NGX_OK) {
        return;
    }

    im->csv = hd_csv_create(hd_import_on_row, im, HD_IMPORT_ROW);

    if (im->csv == NULL
        || hd_import_batch_init(&im->batches[0], log) != NGX_OK
        || hd_import_batch_init(&im->batches[1], log) != NGX_OK)
    {
        hd_import_memory(im);
        return;
    }

    r->request_body_no_buffering = 1;

    /* takes a reference of its own, which the finalization after it returns */

    rc = ngx_http_read_client_request_body(r, hd_import_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        hd_import_unread(im, rc);
        return;
    }

    ngx_http_finalize_request(r, NGX_DONE);
}
