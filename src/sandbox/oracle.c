/*
 * The oracle: what the ledger's lines say together, so that a test may ask for
 * a fact in place of computing it:
 *
 *   GET _control/oracle?number=&window_ms=1000&pair_ms=6000&since_us=
 *
 * The ledger is the only source; nothing is counted while messages come in.
 * The file is read and reckoned with in a thread of nginx's pool: no worker
 * waits for it, however long it is (about 60 bytes of memory a line for that
 * time).
 */

#include "oracle.h"


static void hd_sb_oracle_thread(void *data, ngx_log_t *log);
static void hd_sb_oracle_done(ngx_event_t *ev);
static void hd_sb_oracle_write(hd_sb_oracle_t *o);


static void
hd_sb_oracle_keep(ngx_event_t *ev)
{
    ngx_add_timer(ev, 1000);
}


static int64_t
hd_sb_oracle_arg(ngx_http_request_t *r, const char *name, int64_t other)
{
    off_t      n;
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) name, strlen(name), &value) != NGX_OK
        || value.len == 0)
    {
        return other;
    }

    n = ngx_atoof(value.data, value.len);

    return n == NGX_ERROR || n > 1000000000000000 ? other : (int64_t) n;
}


ngx_int_t
hd_sb_oracle(ngx_http_request_t *r)
{
    ngx_int_t           rc;
    ngx_str_t           only;
    hd_sb_oracle_t     *o;
    ngx_thread_task_t  *task;

    if (hd_sb.conf->ledger == NULL) {
        return hd_sb_control_error(r, NGX_HTTP_CONFLICT,
                                   "herald_sandbox_ledger is not set");
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    task = ngx_thread_task_alloc(r->pool, sizeof(hd_sb_oracle_t));
    if (task == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    o = task->ctx;
    ngx_memzero(o, sizeof(hd_sb_oracle_t));

    o->request = r;
    o->path = (const char *) hd_sb.conf->ledger->name.data;
    o->window = ngx_max(hd_sb_oracle_arg(r, "window_ms", 1000), 1) * 1000;
    o->pair = ngx_max(hd_sb_oracle_arg(r, "pair_ms", 6000), 1) * 1000;
    o->since = hd_sb_oracle_arg(r, "since_us", 0);

    if (ngx_http_arg(r, (u_char *) "number", 6, &only) == NGX_OK
        && only.len <= HD_SB_ID_MAX)
    {
        ngx_memcpy(o->only, only.data, only.len);
    }

    /* lines of this loop turn are on their way */

    hd_sb_ledger_flush();

    task->handler = hd_sb_oracle_thread;
    task->event.handler = hd_sb_oracle_done;
    task->event.data = o;

    if (ngx_thread_task_post(hd_sb.conf->threads, task) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    o->keep.handler = hd_sb_oracle_keep;
    o->keep.data = r->connection;
    o->keep.log = ngx_cycle->log;
    ngx_add_timer(&o->keep, 1000);

    r->main->count++;
    r->main->blocked++;
    r->aio = 1;

    return NGX_DONE;
}


static void
hd_sb_oracle_done(ngx_event_t *ev)
{
    ngx_int_t            rc;
    hd_sb_oracle_t      *o = ev->data;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = o->request;
    c = r->connection;

    ngx_del_timer(&o->keep);

    r->main->blocked--;
    r->aio = 0;

    if (c->error) {
        rc = NGX_ERROR;

    } else if (o->error != NULL || o->out.failed) {
        rc = hd_sb_control_error(r, NGX_HTTP_INTERNAL_SERVER_ERROR,
                                 o->error ? o->error : "out of memory");

    } else {
        rc = hd_sb_control_send(r, &o->out);
    }

    hd_buf_free(&o->out);

    ngx_http_finalize_request(r, rc);
    ngx_http_run_posted_requests(c);
}


/* from here on in the thread */

static void
hd_sb_oracle_thread(void *data, ngx_log_t *log)
{
    uint32_t         i;
    hd_sb_oracle_t  *o = data;

    hd_buf_init(&o->out);

    if (hd_sb_facts_read(o) == HD_OK) {
        hd_sb_facts_numbers(o);
        hd_sb_facts_pairs(o);

        if (hd_sb_facts_portfolios(o) == HD_OK) {
            hd_sb_oracle_write(o);

        } else {
            o->error = "out of memory";
        }
    }

    for (i = 0; i < o->nnumbers; i++) {
        free(o->numbers[i].name.data);
    }

    for (i = 0; i < o->nportfolios; i++) {
        free(o->portfolios[i].name.data);
    }

    free(o->numbers);
    free(o->portfolios);
    free(o->facts);
}


static int
hd_sb_oracle_wanted(hd_sb_oracle_t *o, const hd_sb_name_t *n)
{
    return o->only[0] == '\0'
           || (strlen(o->only) == n->name.len
               && memcmp(o->only, n->name.data, n->name.len) == 0);
}


static void
hd_sb_oracle_write(hd_sb_oracle_t *o)
{
    uint32_t       i;
    hd_buf_t      *b;
    hd_sb_name_t  *n, all;
    const char    *comma;

    b = &o->out;
    memset(&all, 0, sizeof(hd_sb_name_t));

    hd_buf_z(b, "{\"numbers\":[");
    comma = "";

    for (i = 0; i < o->nnumbers; i++) {
        n = &o->numbers[i];

        if (!hd_sb_oracle_wanted(o, n)) {
            continue;
        }

        all.count += n->count;
        all.reset += n->reset;
        all.rejected += n->rejected;
        all.inbound += n->inbound;
        all.max_window = ngx_max(all.max_window, n->max_window);
        all.max_both = ngx_max(all.max_both, n->max_both);
        all.max_pair = ngx_max(all.max_pair, n->max_pair);

        hd_buf_printf(b, "%s{\"phone_number_id\":\"%.*s\",\"count\":%lu,"
                      "\"reset\":%lu,\"rejected\":%lu,\"inbound\":%lu,"
                      "\"max_window\":%lu,\"max_window_with_inbound\":%lu,"
                      "\"max_pair\":%lu,\"first_us\":%ld,\"last_us\":%ld}",
                      comma, (int) n->name.len, n->name.data, n->count,
                      n->reset, n->rejected, n->inbound, n->max_window,
                      n->max_both, n->max_pair, n->first, n->last);
        comma = ",";
    }

    hd_buf_z(b, "],\"portfolios\":[");
    comma = "";

    for (i = 0; i < o->nportfolios; i++) {
        n = &o->portfolios[i];
        hd_buf_printf(b, "%s{\"portfolio\":\"%.*s\",\"unique_24h\":%lu}",
                      comma, (int) n->name.len, n->name.data, n->unique);
        comma = ",";
    }

    hd_buf_z(b, "],\"duplicates\":[");

    hd_sb_facts_duplicates(o);

    hd_buf_printf(b, "],\"duplicate_references\":%lu,\"lines\":%lu,"
                  "\"count\":%lu,\"reset\":%lu,\"rejected\":%lu,"
                  "\"inbound\":%lu,\"max_window\":%lu,"
                  "\"max_window_with_inbound\":%lu,\"max_pair\":%lu,"
                  "\"window_ms\":%ld,\"pair_ms\":%ld}",
                  o->duplicates, (uint64_t) o->nfacts, all.count, all.reset,
                  all.rejected, all.inbound, all.max_window, all.max_both,
                  all.max_pair, (long) (o->window / 1000),
                  (long) (o->pair / 1000));
}
