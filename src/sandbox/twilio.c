/*
 * The simulated Twilio: what is asked of it.
 *
 *   POST /2010-04-01/Accounts/{AC…}/Messages.json
 *   GET  /2010-04-01/Accounts/{AC…}.json
 *   GET  /2010-04-01/Accounts/{AC…}/Messages/{SM…}/Media/{id}
 *
 * A recipient whose digits end with 88CCCCCC fails by a status with that code,
 * with 89CCCCCC the request is refused with it (…89021610), if the number has
 * `magic`.
 */

#include "twilio.h"


#define HD_SB_TWILIO_PATH  "2010-04-01/Accounts/"


static void hd_sb_twilio_message(ngx_http_request_t *r);


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


/* a file of somebody's message, by the id that the control API gave it */

static ngx_int_t
hd_sb_twilio_media(ngx_http_request_t *r, const ngx_str_t *account,
    const ngx_str_t *rest)
{
    u_char          *p;
    hd_str_t         id;
    hd_sb_copy_t     copy;
    hd_sb_number_t  *n;

    static const char  media[] = "/Media/";

    hd_sb_number_refresh();

    p = memmem(rest->data, rest->len, media, sizeof(media) - 1);

    if (p == NULL || !(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return hd_sb_twilio_refuse(r, 20404);
    }

    id.data = p + sizeof(media) - 1;
    id.len = rest->data + rest->len - id.data;

    n = (hd_sb_object_get(r->pool, HD_SB_MEDIA, &id, &copy) == HD_OK)
        ? hd_sb_number_find((ngx_str_t *) &copy.owner) : NULL;

    if (n == NULL || n->set.waba_id.len != account->len
        || ngx_memcmp(n->set.waba_id.data, account->data, account->len) != 0)
    {
        return hd_sb_twilio_refuse(r, 20404);
    }

    if (!hd_sb_twilio_authorized(r, account, &n->set.token)) {
        return hd_sb_twilio_refuse(r, 20003);
    }

    return hd_sb_media_file(r, &copy);
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
    static const char  media[] = "/Messages/";

    n = sizeof(prefix) - 1;

    if (path->len <= n + HD_SB_TWILIO_SID
        || ngx_memcmp(path->data, prefix, n) != 0)
    {
        return hd_sb_twilio_content(r, path);
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

    if (rest.len > sizeof(media) - 1
        && ngx_memcmp(rest.data, media, sizeof(media) - 1) == 0)
    {
        return hd_sb_twilio_media(r, &t->edge, &rest);
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
hd_sb_twilio_verdict(ngx_http_request_t *r, hd_sb_target_t *t,
    const hd_sb_form_t *f, hd_sb_message_t *m)
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

    if (m->template) {
        return hd_sb_twilio_content_check(r, f, &n->set.waba_id, m->in_window,
                                          &m->category);
    }

    if (n->set.twilio == HD_SB_TWILIO_WHATSAPP && n->set.window
        && !m->in_window)
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


/* the ledger shows the form as an object: {"text": {"body": …}, "template":
 * {"name": …}, "variables": …, "link": …}, as messages of Meta's have it */

static hd_json_t *
hd_sb_twilio_shown(ngx_http_request_t *r, const hd_sb_form_t *f)
{
    size_t       i;
    hd_str_t     value;
    hd_mem_t     mem;
    hd_json_t   *o, *v, **next;

    static const struct {
        const char  *field;
        const char  *in;
        const char  *as;
    } shown[] = {
        { "Body", "text", "body" },
        { "ContentSid", "template", "name" },
        { "ContentVariables", "variables", NULL },
        { "MediaUrl", "link", NULL }
    };

    mem = hd_sb_mem(r->pool);
    o = hd_calloc(&mem, (1 + 2 * sizeof(shown) / sizeof(shown[0]))
                        * sizeof(hd_json_t));

    if (o == NULL) {
        return NULL;
    }

    o->type = HD_JSON_OBJECT;
    next = &o->child;
    v = o + 1;

    for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        value = hd_sb_form_get(f, shown[i].field);

        if (value.len == 0) {
            continue;
        }

        v->key.data = (u_char *) shown[i].in;
        v->key.len = strlen(shown[i].in);
        *next = v;
        next = &v->next;

        if (shown[i].as != NULL) {
            v->type = HD_JSON_OBJECT;
            v->child = v + 1;
            v++;
            v->key.data = (u_char *) shown[i].as;
            v->key.len = strlen(shown[i].as);
        }

        v->type = HD_JSON_STRING;
        v->str = value;
        v++;
    }

    return o;
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
        m.code = hd_sb_twilio_verdict(r, t, f, &m);
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
