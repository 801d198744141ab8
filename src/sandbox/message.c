/*
 * POST …/messages: what the provider would say to this body, in its order: is
 * it a message, may the number send now, does it fail by the settings or by a
 * limit; then it is taken: a record, a line in the ledger, an answer.
 */

#include "sandbox.h"


static ngx_int_t hd_sb_message_body(ngx_http_request_t *r, hd_json_t *v,
    hd_sb_answer_t *a);
static void hd_sb_decide(hd_sb_target_t *t, hd_sb_message_t *m);
static ngx_int_t hd_sb_take(ngx_http_request_t *r, hd_sb_message_t *m,
    hd_sb_entry_t *e, hd_sb_answer_t *a);
static ngx_int_t hd_sb_rejected(ngx_http_request_t *r, hd_sb_message_t *m,
    hd_sb_answer_t *a);
static ngx_int_t hd_sb_accepted_body(ngx_http_request_t *r,
    hd_sb_message_t *m, hd_str_t *wamid, ngx_str_t *body);


void
hd_sb_message(ngx_http_request_t *r)
{
    hd_mem_t          mem;
    hd_str_t          status;
    ngx_int_t         rc;
    ngx_str_t         body;
    hd_json_t        *v;
    hd_sb_answer_t   *a;
    hd_sb_number_t   *n;
    hd_sb_target_t   *t;
    hd_json_error_t   err;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    n = t->number;

    hd_sb_number_refresh();

    (void) ngx_atomic_fetch_add(&n->node->requests, 1);

    rc = hd_sb_body(r, &body);

    a = (rc == NGX_OK) ? ngx_pcalloc(r->pool, sizeof(hd_sb_answer_t)) : NULL;

    if (a == NULL) {
        ngx_http_finalize_request(r, rc == NGX_OK
                                     ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc);
        return;
    }

    a->delay = hd_sb_pick(&n->set.latency[HD_SB_ANSWER]);

    if (t->faulty && !t->fault.taken) {
        hd_sb_fault_apply(&t->fault, a);

    } else if (hd_sb_random() < n->set.reset_before_rate) {
        /* lost on the way: never taken */
        a->what = HD_SB_DO_RESET;

    } else if (hd_sb_random() < n->set.hang_rate) {
        a->what = HD_SB_DO_HANG;

    } else {
        mem = hd_sb_mem(r->pool);
        v = hd_json_parse(&mem, body.data, body.len, 32, &err);
        status = hd_json_str(v, "status");

        if (hd_str_eq(&status, "read")) {
            a->status = NGX_HTTP_OK;
            ngx_str_set(&a->body, "{\"success\":true}");
            hd_sb_ledger_read(t, v);

        } else if (hd_sb_message_body(r, v, a) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }

        if (t->faulty) {
            hd_sb_fault_apply(&t->fault, a);
        }
    }

    hd_sb_answer_later(r, a);

    if (hd_sb.nsteps > 0) {
        hd_sb_script_message(n);
    }
}


/*
 * A magic recipient's own fault.  NGX_DONE when the message is lost by it; one
 * that is taken goes on, and its answer is spoiled as by a number's fault.
 */

static ngx_int_t
hd_sb_message_magic(hd_sb_target_t *t, hd_sb_message_t *m, hd_sb_answer_t *a)
{
    if (m->magic == NULL || m->magic->fault < 0 || m->code != 0 || t->faulty) {
        return NGX_OK;
    }

    (void) ngx_atomic_fetch_add(&t->number->node->faulted, 1);

    if (!m->magic->how.taken) {
        hd_sb_fault_apply(&m->magic->how, a);
        return NGX_DONE;
    }

    t->faulty = 1;
    t->fault = m->magic->how;

    return NGX_OK;
}


/* the verdict on a body (NULL: no JSON) into the answer and the ledger */

static ngx_int_t
hd_sb_message_body(ngx_http_request_t *r, hd_json_t *v, hd_sb_answer_t *a)
{
    ngx_int_t         rc;
    hd_sb_entry_t     e;
    hd_sb_number_t   *n;
    hd_sb_target_t   *t;
    hd_sb_message_t   m;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    n = t->number;

    ngx_memzero(&m, sizeof(hd_sb_message_t));
    ngx_memzero(&e, sizeof(hd_sb_entry_t));

    hd_sb_check(n, v, &m);

    if (m.to.len > 0) {
        hd_sb_rule_window(n, &m);
        e.category = hd_sb_category_name(m.category);
    }

    if (m.code == 0) {
        hd_sb_decide(t, &m);
    }

    if (hd_sb_message_magic(t, &m, a) == NGX_DONE) {
        return NGX_OK;
    }

    e.body = v;
    e.type = m.type;
    e.reference = m.reference;
    e.to = m.to.len ? m.to : m.input;
    e.code = m.code;
    e.in_window = m.in_window;
    e.fault = t->faulty ? hd_sb_fault_name(t->fault.kind) : NULL;

    if (m.code == 0) {
        rc = hd_sb_take(r, &m, &e, a);

    } else {
        e.outcome = "rejected";
        rc = hd_sb_rejected(r, &m, a);
    }

    if (rc == NGX_OK) {
        hd_sb_ledger_add(t, &e);
    }

    return rc;
}


static ngx_int_t
hd_sb_rejected(ngx_http_request_t *r, hd_sb_message_t *m, hd_sb_answer_t *a)
{
    hd_sb_number_t  *n;
    hd_sb_target_t  *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    n = t->number;

    (void) ngx_atomic_fetch_add(&n->node->rejected, 1);

    a->status = hd_sb_error_find(m->code)->status;

    if (m->throttled && n->set.throttle_http) {
        a->status = NGX_HTTP_TOO_MANY_REQUESTS;
        a->retry_after = 1;
    }

    return hd_sb_error_body(r, &a->body, m->code, 0, m->details);
}


/* taken: from here on its statuses will come */

static ngx_int_t
hd_sb_take(ngx_http_request_t *r, hd_sb_message_t *m, hd_sb_entry_t *e,
    hd_sb_answer_t *a)
{
    int               plan;
    u_char           *p;
    hd_sb_number_t   *n;
    hd_sb_record_t   *rec;
    hd_sb_target_t   *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    n = t->number;

    p = ngx_pnalloc(r->pool, HD_SB_WAMID_MAX);
    rec = (p != NULL) ? hd_sb_record_create(n, &m->to, &m->reference) : NULL;
    if (rec == NULL) {
        return NGX_ERROR;
    }

    e->wamid.data = p;
    e->wamid.len = hd_sb_wamid(p, &m->to, rec->key);
    e->outcome = "accepted";
    e->fails = m->fails;

    a->status = NGX_HTTP_OK;

    if (hd_sb_accepted_body(r, m, &e->wamid, &a->body) != NGX_OK) {
        hd_sb_record_free(rec);
        return NGX_ERROR;
    }

    if ((t->faulty && t->fault.kind == HD_SB_FAULT_RESET)
        || hd_sb_random() < n->set.unknown_rate)
    {
        e->outcome = "reset";
        a->what = HD_SB_DO_RESET;
    }

    (void) ngx_atomic_fetch_add(&n->node->accepted, 1);

    if (n->set.sockaddr == NULL) {
        hd_sb_record_free(rec);
        return NGX_OK;
    }

    plan = HD_SB_PLAN_USUAL;

    if (m->magic != NULL) {
        plan = m->magic->plan ? m->magic->plan : HD_SB_PLAN_SURE;
    }

    rec->category = m->category & 3;
    rec->in_window = m->in_window;
    rec->code = (int32_t) m->fails;

    hd_sb_record_plan(rec, a->delay, plan);

    return NGX_OK;
}


/*
 * A sound message is refused by the rate, by magic, by the settings' chance or
 * by a limit; or it is taken, and one of these lets it fail later.
 */

static void
hd_sb_decide(hd_sb_target_t *t, hd_sb_message_t *m)
{
    ngx_uint_t        i;
    hd_sb_number_t   *n;
    hd_sb_failure_t  *f;

    n = t->number;

    if (hd_sb_rule_rate(n, &t->mono_us) != HD_OK) {
        hd_sb_bad(m, 130429, NULL);
        m->throttled = 1;
        return;
    }

    m->magic = hd_sb_magic(n, m);

    if (m->magic != NULL && m->magic->answer) {
        hd_sb_bad(m, m->magic->answer, NULL);
        return;
    }

    for (i = 0; m->magic == NULL && i < n->set.nfailures; i++) {
        f = &n->set.failures[i];

        if (!f->by_status && hd_sb_random() < f->rate) {
            hd_sb_bad(m, f->code, NULL);
            return;
        }
    }

    if (n->set.ruled || n->node->peers) {
        hd_sb_rules(n, m);
    }

    if (m->code != 0 || m->fails != 0) {
        return;
    }

    if (m->magic != NULL) {
        m->fails = m->magic->status;
        return;
    }

    for (i = 0; i < n->set.nfailures; i++) {
        f = &n->set.failures[i];

        if (f->by_status && hd_sb_random() < f->rate) {
            m->fails = f->code;
            return;
        }
    }
}


static ngx_int_t
hd_sb_accepted_body(ngx_http_request_t *r, hd_sb_message_t *m,
    hd_str_t *wamid, ngx_str_t *body)
{
    hd_mem_t  mem;
    hd_str_t  text;

    static hd_buf_t  b;

    hd_buf_reset(&b);

    hd_buf_z(&b, "{\"messaging_product\":\"whatsapp\",\"contacts\":[{"
             "\"input\":");
    hd_jw_str(&b, &m->input);
    hd_buf_z(&b, ",\"wa_id\":\"");
    hd_buf_str(&b, &m->to);
    hd_buf_z(&b, "\"}],\"messages\":[{\"id\":\"");
    hd_buf_str(&b, wamid);
    hd_buf_z(&b, "\",\"message_status\":\"accepted\"}]}");

    text.data = b.data;
    text.len = b.len;
    mem = hd_sb_mem(r->pool);

    if (b.failed || hd_str_dup(&mem, &text, (hd_str_t *) body) != HD_OK) {
        hd_buf_free(&b);
        return NGX_ERROR;
    }

    return NGX_OK;
}
