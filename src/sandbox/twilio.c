/*
 * The simulated Twilio: what is asked of it.
 *
 *   POST /2010-04-01/Accounts/{AC…}/Messages.json
 *   GET  /2010-04-01/Accounts/{AC…}.json
 *
 * A recipient whose digits end with 88CCCCCC fails by a status with that code,
 * with 89CCCCCC the request is refused with it (…89021610), if the number has
 * `magic`.
 */

#include "twilio.h"


#define HD_SB_TWILIO_PATH  "2010-04-01/Accounts/"
#define HD_SB_FORM         32


typedef struct {
    hd_str_t    key[HD_SB_FORM];
    hd_str_t    value[HD_SB_FORM];
    ngx_uint_t  n;
} hd_sb_form_t;


static void hd_sb_twilio_message(ngx_http_request_t *r);


/* ── what was asked ── */

static void
hd_sb_form_text(hd_str_t *s)
{
    int      hi;
    u_char  *p, *out, *last;

    out = s->data;
    last = s->data + s->len;

    for (p = s->data; p < last; p++) {

        if (*p == '%' && last - p > 2) {
            hi = ngx_hextoi(p + 1, 2);

            if (hi >= 0) {
                *out++ = (u_char) hi;
                p += 2;
                continue;
            }
        }

        *out++ = (*p == '+') ? ' ' : *p;
    }

    s->len = out - s->data;
}


/* decoded in place */

static void
hd_sb_form_read(hd_sb_form_t *f, ngx_str_t *body)
{
    u_char  *p, *last, *end, *eq;

    f->n = 0;
    p = body->data;
    last = p + body->len;

    while (p < last && f->n < HD_SB_FORM) {
        end = ngx_strlchr(p, last, '&');
        end = end ? end : last;
        eq = ngx_strlchr(p, end, '=');
        eq = eq ? eq : end;

        f->key[f->n].data = p;
        f->key[f->n].len = eq - p;
        f->value[f->n].data = (eq < end) ? eq + 1 : end;
        f->value[f->n].len = end - f->value[f->n].data;

        hd_sb_form_text(&f->key[f->n]);
        hd_sb_form_text(&f->value[f->n]);

        f->n++;
        p = end + 1;
    }
}


static hd_str_t
hd_sb_form_get(const hd_sb_form_t *f, const char *key)
{
    hd_str_t    none;
    ngx_uint_t  i;

    for (i = 0; i < f->n; i++) {
        if (f->key[i].len == ngx_strlen(key)
            && ngx_memcmp(f->key[i].data, key, f->key[i].len) == 0)
        {
            return f->value[i];
        }
    }

    hd_str_set(&none, "");

    return none;
}


/* "whatsapp:+1415…" to "1415…"; 1 when it was of WhatsApp */

static ngx_uint_t
hd_sb_twilio_address(hd_str_t *s)
{
    ngx_uint_t  whatsapp;

    whatsapp = s->len > 9 && ngx_memcmp(s->data, "whatsapp:", 9) == 0;

    if (whatsapp) {
        s->data += 9;
        s->len -= 9;
    }

    if (s->len > 0 && s->data[0] == '+') {
        s->data++;
        s->len--;
    }

    return whatsapp;
}


/* Basic of "AC…:token"; an empty token of the number takes any */

static ngx_uint_t
hd_sb_twilio_authorized(ngx_http_request_t *r, const ngx_str_t *account,
    const hd_str_t *token)
{
    u_char     *colon;
    ngx_str_t   v, text;

    if (r->headers_in.authorization == NULL) {
        return 0;
    }

    v = r->headers_in.authorization->value;

    if (v.len <= 6 || ngx_strncasecmp(v.data, (u_char *) "Basic ", 6) != 0) {
        return 0;
    }

    v.data += 6;
    v.len -= 6;

    text.data = ngx_pnalloc(r->pool, ngx_base64_decoded_length(v.len));

    if (text.data == NULL || ngx_decode_base64(&text, &v) != NGX_OK) {
        return 0;
    }

    colon = ngx_strlchr(text.data, text.data + text.len, ':');

    if (colon == NULL || (size_t) (colon - text.data) != account->len
        || ngx_memcmp(text.data, account->data, account->len) != 0)
    {
        return 0;
    }

    colon++;

    return token->len == 0
           || (token->len == (size_t) (text.data + text.len - colon)
               && hd_equal_ct(token->data, colon, token->len));
}


/* ── what is answered ── */

static ngx_int_t
hd_sb_twilio_body(ngx_http_request_t *r, hd_buf_t *b, ngx_str_t *body)
{
    hd_mem_t  mem;
    hd_str_t  s;

    mem = hd_sb_mem(r->pool);
    s.data = b->data;
    s.len = b->len;

    if (b->failed || hd_str_dup(&mem, &s, (hd_str_t *) body) != HD_OK) {
        hd_buf_free(b);
        return NGX_ERROR;
    }

    hd_buf_free(b);

    return NGX_OK;
}


static const struct {
    int          code;
    ngx_uint_t   status;
    const char  *message;
} hd_sb_twilio_errors[] = {
    { 20003, 401, "Authenticate" },
    { 20404, 404, "The requested resource was not found" },
    { 20429, 429, "Too Many Requests" },
    { 21211, 400, "The 'To' number is not a valid phone number." },
    { 21602, 400, "Message body is required." },
    { 21610, 400, "Attempt to send to unsubscribed recipient" },
    { 63016, 400, "Failed to send freeform message because you are outside "
      "the allowed window. Please use a Template." },
    { 63018, 429, "Rate limit exceeded for Channel" },
    { 63024, 400, "Invalid message recipient" }
};


static ngx_uint_t
hd_sb_twilio_error(ngx_http_request_t *r, int64_t code, ngx_str_t *body)
{
    hd_buf_t     b;
    ngx_uint_t   i, status;
    const char  *message;

    status = 400;
    message = "The request was refused";

    for (i = 0; i < sizeof(hd_sb_twilio_errors)
                    / sizeof(hd_sb_twilio_errors[0]); i++)
    {
        if (hd_sb_twilio_errors[i].code == code) {
            status = hd_sb_twilio_errors[i].status;
            message = hd_sb_twilio_errors[i].message;
        }
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"code\":");
    hd_buf_int(&b, code);
    hd_buf_z(&b, ",\"message\":");
    hd_jw_z(&b, message);
    hd_buf_printf(&b, ",\"more_info\":\"https://www.twilio.com/docs/errors/"
                  "%lld\",\"status\":%u}", (long long) code,
                  (unsigned) status);

    return hd_sb_twilio_body(r, &b, body) == NGX_OK ? status : 500;
}


static ngx_int_t
hd_sb_twilio_refuse(ngx_http_request_t *r, int64_t code)
{
    ngx_str_t   body;
    ngx_uint_t  status;

    status = hd_sb_twilio_error(r, code, &body);

    return status == 500 ? NGX_HTTP_INTERNAL_SERVER_ERROR
                         : hd_sb_answer_now(r, status, &body);
}


/* ── paths ── */

static ngx_int_t
hd_sb_twilio_account(ngx_http_request_t *r, const ngx_str_t *account)
{
    hd_str_t   any, sid;
    hd_buf_t   b;
    ngx_str_t  body;

    hd_str_set(&any, "");

    if (!hd_sb_twilio_authorized(r, account, &any)) {
        return hd_sb_twilio_refuse(r, 20003);
    }

    sid.data = account->data;
    sid.len = account->len;

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"sid\":");
    hd_jw_str(&b, &sid);
    hd_buf_z(&b, ",\"friendly_name\":\"Sandbox\",\"status\":\"active\","
             "\"type\":\"Full\"}");

    if (hd_sb_twilio_body(r, &b, &body) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return hd_sb_answer_now(r, NGX_HTTP_OK, &body);
}


ngx_int_t
hd_sb_twilio(ngx_http_request_t *r, const ngx_str_t *path)
{
    size_t           n;
    ngx_int_t        rc;
    ngx_str_t        rest;
    hd_sb_target_t  *t;

    static const char  prefix[] = HD_SB_TWILIO_PATH;
    static const char  messages[] = "/Messages.json";

    n = sizeof(prefix) - 1;

    if (path->len <= n + HD_SB_TWILIO_SID
        || ngx_memcmp(path->data, prefix, n) != 0)
    {
        return NGX_DECLINED;
    }

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    t->edge.data = path->data + n;
    t->edge.len = HD_SB_TWILIO_SID;
    rest.data = t->edge.data + HD_SB_TWILIO_SID;
    rest.len = path->data + path->len - rest.data;

    if (rest.len == 5 && ngx_memcmp(rest.data, ".json", 5) == 0
        && (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)))
    {
        return hd_sb_twilio_account(r, &t->edge);
    }

    if (r->method != NGX_HTTP_POST || rest.len != sizeof(messages) - 1
        || ngx_memcmp(rest.data, messages, rest.len) != 0)
    {
        return hd_sb_twilio_refuse(r, 20404);
    }

    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, hd_sb_twilio_message);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* ── a message ── */

void
hd_sb_twilio_sid(u_char out[HD_SB_TWILIO_SID], const u_char *key)
{
    u_char  all[16];

    ngx_memset(all, 0, sizeof(all));
    ngx_memcpy(all + 7, key, 9);

    out[0] = 'S';
    out[1] = 'M';
    hd_hex(out + 2, all, 16);
}


/* 0: it is taken; *fails: what its status will say */

static int64_t
hd_sb_twilio_verdict(hd_sb_target_t *t, const hd_sb_form_t *f,
    hd_sb_message_t *m)
{
    ngx_int_t        code;
    hd_str_t         text;
    const u_char    *p;
    hd_sb_number_t  *n;

    n = t->number;
    text = hd_sb_form_get(f, "Body");

    if (!m->template && text.len == 0
        && hd_sb_form_get(f, "MediaUrl").len == 0)
    {
        return 21602;
    }

    if (hd_sb_rule_rate(n, &t->mono_us) != HD_OK) {
        return 20429;
    }

    if (n->set.magic && m->to.len >= 8) {
        p = m->to.data + m->to.len - 8;
        code = ngx_atoi((u_char *) p + 2, 6);

        if (p[0] == '8' && p[1] == '9' && code >= 10000) {
            return code;
        }

        if (p[0] == '8' && p[1] == '8' && code >= 10000) {
            m->fails = code;
            return 0;
        }
    }

    hd_sb_rule_window(n, m);

    if (n->set.twilio == HD_SB_TWILIO_WHATSAPP && n->set.window
        && !m->template && !m->in_window)
    {
        if (n->set.window == HD_SB_WINDOW_ANSWER) {
            return 63016;
        }

        m->fails = 63016;
    }

    return 0;
}


static ngx_int_t
hd_sb_twilio_taken(ngx_http_request_t *r, const hd_sb_form_t *f,
    const u_char *sid, ngx_str_t *body)
{
    hd_buf_t         b;
    hd_str_t         s;
    hd_sb_target_t  *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"sid\":\"%.*s\",\"status\":\"queued\",",
                  HD_SB_TWILIO_SID, sid);
    hd_buf_z(&b, "\"account_sid\":");
    s.data = t->edge.data;
    s.len = t->edge.len;
    hd_jw_str(&b, &s);
    hd_buf_z(&b, ",\"to\":");
    s = hd_sb_form_get(f, "To");
    hd_jw_str(&b, &s);
    hd_buf_z(&b, ",\"from\":");
    s = hd_sb_form_get(f, "From");
    hd_jw_str(&b, &s);
    hd_buf_z(&b, ",\"body\":");
    s = hd_sb_form_get(f, "Body");
    hd_jw_str(&b, &s);
    hd_buf_z(&b, ",\"direction\":\"outbound-api\",\"num_segments\":\"1\","
             "\"num_media\":\"0\",\"error_code\":null,\"error_message\":null,"
             "\"api_version\":\"2010-04-01\"}");

    return hd_sb_twilio_body(r, &b, body);
}


static ngx_int_t
hd_sb_twilio_take(ngx_http_request_t *r, const hd_sb_form_t *f,
    hd_sb_message_t *m, hd_sb_entry_t *e, hd_sb_answer_t *a)
{
    u_char           sid[HD_SB_TWILIO_SID];
    hd_mem_t         mem;
    hd_str_t         callback, s;
    hd_sb_record_t  *rec;
    hd_sb_target_t  *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    mem = hd_sb_mem(r->pool);

    callback = hd_sb_form_get(f, "StatusCallback");

    if (callback.len > 1024) {
        callback.len = 0;
    }

    rec = hd_sb_record_create(t->number, &m->to, &callback);
    if (rec == NULL) {
        return NGX_ERROR;
    }

    hd_sb_twilio_sid(sid, rec->key);
    s.data = sid;
    s.len = sizeof(sid);

    if (hd_str_dup(&mem, &s, &e->wamid) != HD_OK
        || hd_sb_twilio_taken(r, f, sid, &a->body) != NGX_OK)
    {
        hd_sb_record_free(rec);
        return NGX_ERROR;
    }

    e->outcome = "accepted";
    e->fails = m->fails;
    a->status = NGX_HTTP_CREATED;

    if (t->faulty && t->fault.kind == HD_SB_FAULT_RESET) {
        e->outcome = "reset";
        a->what = HD_SB_DO_RESET;
    }

    (void) ngx_atomic_fetch_add(&t->number->node->accepted, 1);

    if (t->number->set.sockaddr == NULL || callback.len == 0) {
        hd_sb_record_free(rec);
        return NGX_OK;
    }

    rec->code = (int32_t) m->fails;
    hd_sb_record_plan(rec, a->delay, HD_SB_PLAN_USUAL);

    return NGX_OK;
}


/* the ledger shows the form as an object */

static hd_json_t *
hd_sb_twilio_shown(ngx_http_request_t *r, const hd_sb_form_t *f)
{
    hd_mem_t     mem;
    ngx_uint_t   i;
    hd_json_t   *o, *v, **next;

    mem = hd_sb_mem(r->pool);
    o = hd_calloc(&mem, (f->n + 2) * sizeof(hd_json_t));

    if (o == NULL) {
        return NULL;
    }

    /* {"text": {"body": …}}, as messages of Meta's have it */
    o[0].type = HD_JSON_OBJECT;
    next = &o[0].child;

    for (i = 0; i < f->n; i++) {
        if (f->key[i].len == 4 && ngx_memcmp(f->key[i].data, "Body", 4) == 0) {
            v = &o[1];
            v->type = HD_JSON_OBJECT;
            hd_str_set(&v->key, "text");
            v->child = &o[2];
            o[2].type = HD_JSON_STRING;
            hd_str_set(&o[2].key, "body");
            o[2].str = f->value[i];
            *next = v;
            break;
        }
    }

    return &o[0];
}


static void
hd_sb_twilio_do(ngx_http_request_t *r, hd_sb_form_t *f, hd_sb_answer_t *a)
{
    size_t            len;
    hd_str_t          ref;
    u_char           *p;
    hd_sb_entry_t     e;
    hd_sb_target_t   *t;
    hd_sb_message_t   m;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    ngx_memzero(&m, sizeof(hd_sb_message_t));
    ngx_memzero(&e, sizeof(hd_sb_entry_t));

    m.input = hd_sb_form_get(f, "To");
    (void) hd_sb_twilio_address(&m.input);
    m.template = hd_sb_form_get(f, "ContentSid").len != 0;
    m.category = m.template ? HD_SB_MARKETING : HD_SB_SERVICE;
    m.to.data = m.digits;

    if (hd_sb_digits(&m.input, m.digits, &len) != HD_OK) {
        m.code = 21211;

    } else {
        m.to.len = len;
        m.to_number = hd_sb_to_number(&m.to);
        m.code = hd_sb_twilio_verdict(t, f, &m);
    }

    hd_str_set(&e.type, "text");

    if (m.template) {
        hd_str_set(&e.type, "template");
    }

    ref = hd_sb_form_get(f, "StatusCallback");
    hd_str_set(&e.reference, "");

    for (p = ref.data; p + 5 < ref.data + ref.len; p++) {
        if (ngx_memcmp(p, "?ref=", 5) == 0) {
            e.reference.data = p + 5;
            e.reference.len = ref.data + ref.len - (p + 5);
            break;
        }
    }

    e.to = m.to.len ? m.to : m.input;
    e.code = m.code;
    e.in_window = m.in_window;
    e.category = m.to.len ? hd_sb_category_name(m.category) : NULL;
    e.fault = t->faulty ? hd_sb_fault_name(t->fault.kind) : NULL;
    e.body = hd_sb_twilio_shown(r, f);

    if (m.code == 0) {
        if (hd_sb_twilio_take(r, f, &m, &e, a) != NGX_OK) {
            a->status = NGX_HTTP_INTERNAL_SERVER_ERROR;
            return;
        }

    } else {
        (void) ngx_atomic_fetch_add(&t->number->node->rejected, 1);
        e.outcome = "rejected";
        hd_str_set(&e.wamid, "");
        a->status = hd_sb_twilio_error(r, m.code, &a->body);
    }

    hd_sb_ledger_add(t, &e);
}


static void
hd_sb_twilio_message(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_str_t         body, account;
    hd_str_t          from;
    hd_sb_form_t     *f;
    hd_sb_answer_t   *a;
    hd_sb_target_t   *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    hd_sb_number_refresh();

    rc = hd_sb_body(r, &body);

    f = (rc == NGX_OK) ? ngx_palloc(r->pool, sizeof(hd_sb_form_t)) : NULL;
    a = f ? ngx_pcalloc(r->pool, sizeof(hd_sb_answer_t)) : NULL;

    if (a == NULL) {
        ngx_http_finalize_request(r, rc == NGX_OK
                                     ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc);
        return;
    }

    hd_sb_form_read(f, &body);

    from = hd_sb_form_get(f, "MessagingServiceSid");

    if (from.len == 0) {
        from = hd_sb_form_get(f, "From");
        (void) hd_sb_twilio_address(&from);
    }

    account = t->edge;
    t->id.data = from.data;
    t->id.len = ngx_min(from.len, HD_SB_ID_MAX);
    t->number = hd_sb_number_find(&t->id);

    if (t->number == NULL) {
        a->status = hd_sb_twilio_error(r, 21606, &a->body);
        hd_sb_answer_later(r, a);
        return;
    }

    (void) ngx_atomic_fetch_add(&t->number->node->requests, 1);
    a->delay = hd_sb_pick(&t->number->set.latency[HD_SB_ANSWER]);

    if (t->number->set.nfaults > 0) {
        t->faulty = hd_sb_fault_pick(t->number, &t->fault);
    }

    if (t->faulty && !t->fault.taken) {
        hd_sb_fault_apply(&t->fault, a);

    } else if (!hd_sb_twilio_authorized(r, &account,
                                        &t->number->set.token))
    {
        a->status = hd_sb_twilio_error(r, 20003, &a->body);

    } else {
        hd_sb_twilio_do(r, f, a);

        if (t->faulty) {
            hd_sb_fault_apply(&t->fault, a);
        }
    }

    hd_sb_answer_later(r, a);
}
