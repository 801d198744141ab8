/*
 * Faults: what a provider's edge does on a bad day.  A number has a list of
 * them; the first one that meets a request decides about it.  How many more
 * requests a fault meets, and since when it stands, is in the zone: every
 * worker's requests count.
 *
 * A fault meets a request when its head was read.  One that does not take the
 * message needs no body to be understood; one that takes it lets the message
 * go its way (ledger, statuses) and spoils the answer only.
 */

#include "sandbox.h"


#define HD_SB_FAULT_MS     (24 * 3600 * 1000)
#define HD_SB_FAULT_BYTES  1000000000


static const char  *hd_sb_fault_names[HD_SB_FAULT_KINDS] = {
    "http", "drop", "reset_early", "reset", "hang", "trickle", "text",
    "truncated", "huge"
};


const char *
hd_sb_fault_name(hd_sb_fault_e kind)
{
    return hd_sb_fault_names[kind];
}


static int
hd_sb_fault_int(const hd_json_t *v, int64_t min, int64_t max, int64_t *out)
{
    return (hd_json_int(v, out) == HD_OK && *out >= min && *out <= max)
           ? HD_OK : HD_ERROR;
}


int
hd_sb_fault_read(const hd_json_t *v, hd_sb_fault_t *f)
{
    int               rc;
    hd_str_t          kind;
    hd_json_type_e    type;
    const hd_json_t  *m;

    ngx_memzero(f, sizeof(hd_sb_fault_t));
    kind = hd_json_str(v, "kind");

    for (f->kind = 0; f->kind < HD_SB_FAULT_KINDS; f->kind++) {
        if (strlen(hd_sb_fault_names[f->kind]) == kind.len
            && memcmp(hd_sb_fault_names[f->kind], kind.data, kind.len) == 0)
        {
            break;
        }
    }

    if (f->kind == HD_SB_FAULT_KINDS) {
        return HD_ERROR;
    }

    f->rate = 1.0;
    f->status = 503;
    f->taken = (f->kind >= HD_SB_FAULT_TRICKLE);
    f->bytes = (f->kind == HD_SB_FAULT_HUGE) ? 100 * 1000 * 1000 : 1;

    for (m = v->child; m != NULL; m = m->next) {

        if (hd_str_eq(&m->key, "kind")) {
            rc = HD_OK;

        } else if (hd_str_eq(&m->key, "rate")) {
            rc = hd_sb_settings_rate(m, &f->rate);

        } else if (hd_str_eq(&m->key, "next")) {
            rc = hd_sb_fault_int(m, 0, 1000000, &f->next);

        } else if (hd_str_eq(&m->key, "for_ms")) {
            rc = hd_sb_fault_int(m, 0, HD_SB_FAULT_MS, &f->for_ms);

        } else if (hd_str_eq(&m->key, "status")) {
            rc = hd_sb_fault_int(m, 400, 599, &f->status);

        } else if (hd_str_eq(&m->key, "retry_after")) {
            rc = hd_sb_fault_int(m, 0, 86400, &f->retry_after);

        } else if (hd_str_eq(&m->key, "bytes")) {
            rc = hd_sb_fault_int(m, 1, HD_SB_FAULT_BYTES, &f->bytes);

        } else if (hd_str_eq(&m->key, "taken")) {
            type = m->type;
            f->taken = (type == HD_JSON_TRUE);
            rc = (type == HD_JSON_TRUE || type == HD_JSON_FALSE) ? HD_OK
                                                                 : HD_ERROR;

        } else {
            rc = HD_ERROR;
        }

        if (rc != HD_OK) {
            return HD_ERROR;
        }
    }

    return (f->taken && f->kind == HD_SB_FAULT_RESET_EARLY) ? HD_ERROR : HD_OK;
}


void
hd_sb_fault_write(hd_buf_t *b, const hd_sb_fault_t *f)
{
    hd_buf_printf(b, "{\"kind\":\"%s\",\"rate\":%.6g,\"next\":%d,\"for_ms\":%d"
                  ",\"status\":%d,\"retry_after\":%d,\"bytes\":%d,\"taken\":%s"
                  "}", hd_sb_fault_names[f->kind], f->rate, (int) f->next,
                  (int) f->for_ms, (int) f->status, (int) f->retry_after,
                  (int) f->bytes, f->taken ? "true" : "false");
}


void
hd_sb_fault_arm(hd_sb_number_t *n)
{
    ngx_uint_t     i;
    hd_sb_node_t  *node;

    node = n->node;

    for (i = 0; i < HD_SB_FAULTS; i++) {
        node->fault_left[i] = (i < n->set.nfaults) ? n->set.faults[i].next : 0;
    }

    node->fault_since = ngx_current_msec;
}


/* one of the requests that the fault is to meet; 0 when there were enough */

static ngx_uint_t
hd_sb_fault_count(ngx_atomic_t *left)
{
    ngx_atomic_uint_t  n;

    for ( ;; ) {
        n = *left;

        if (n == 0) {
            return 0;
        }

        if (ngx_atomic_cmp_set(left, n, n - 1)) {
            return 1;
        }
    }
}


ngx_uint_t
hd_sb_fault_pick(hd_sb_number_t *n, hd_sb_fault_t *out)
{
    ngx_uint_t      i;
    hd_sb_node_t   *node;
    hd_sb_fault_t  *f;

    node = n->node;

    for (i = 0; i < n->set.nfaults; i++) {
        f = &n->set.faults[i];

        if (f->for_ms > 0
            && (ngx_msec_int_t) (ngx_current_msec - node->fault_since)
               >= (ngx_msec_int_t) f->for_ms)
        {
            continue;
        }

        if (f->rate < 1.0 && hd_sb_random() >= f->rate) {
            continue;
        }

        if (f->next > 0 && !hd_sb_fault_count(&node->fault_left[i])) {
            continue;
        }

        (void) ngx_atomic_fetch_add(&node->faulted, 1);
        *out = *f;

        return 1;
    }

    return 0;
}


void
hd_sb_fault_apply(const hd_sb_fault_t *f, hd_sb_answer_t *a)
{
    switch (f->kind) {

    case HD_SB_FAULT_HTTP:
        a->status = f->status;
        a->retry_after = f->retry_after;
        a->text = 1;
        ngx_str_set(&a->body, "<html><head><title>Service unavailable</title>"
                    "</head><body>The server is temporarily unable to service"
                    " your request.</body></html>\n");
        break;

    case HD_SB_FAULT_DROP:
        a->what = HD_SB_DO_DROP;
        break;

    case HD_SB_FAULT_RESET_EARLY:
    case HD_SB_FAULT_RESET:
        a->what = HD_SB_DO_RESET;
        break;

    case HD_SB_FAULT_HANG:
        a->what = HD_SB_DO_HANG;
        break;

    case HD_SB_FAULT_TRICKLE:
        a->trickle = f->bytes;
        break;

    case HD_SB_FAULT_TEXT:
        a->status = NGX_HTTP_OK;
        a->text = 1;
        ngx_str_set(&a->body, "<html><body>It works!</body></html>\n");
        break;

    case HD_SB_FAULT_TRUNCATED:
        a->body.len /= 2;
        break;

    default: /* HD_SB_FAULT_HUGE */
        a->pad = f->bytes;
    }
}


ngx_int_t
hd_sb_fault_reset(ngx_http_request_t *r)
{
    struct linger      linger;
    ngx_connection_t  *c;

    c = r->connection;
    linger.l_onoff = 1;
    linger.l_linger = 0;

    if (setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger))
        == -1)
    {
        ngx_log_error(NGX_LOG_ERR, c->log, ngx_socket_errno,
                      "setsockopt(SO_LINGER) failed");
    }

    return NGX_HTTP_CLOSE;
}
