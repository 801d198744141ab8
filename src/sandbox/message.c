/*
 * POST …/messages: what the provider would say to this body, in its order:
 * is it a message, may the number send now, does it fail by the settings; then
 * it is taken: a record, a line in the ledger, an answer.
 */

#include "sandbox.h"


typedef struct {
    hd_str_t             input;        /* "to" as given */
    hd_str_t             type;
    hd_str_t             reference;
    hd_json_t           *value;        /* the object of that type */
    u_char               digits[16];
    hd_str_t             to;           /* digits, in the above */
    uint8_t              category;
    int64_t              code;         /* why it is refused; 0: it is not */
    const char          *details;
} hd_sb_message_t;

typedef void (*hd_sb_check_pt)(hd_sb_number_t *n, hd_sb_message_t *m);

typedef struct {
    const char          *name;
    hd_sb_check_pt       check;
} hd_sb_type_t;


static ngx_int_t hd_sb_message_body(ngx_http_request_t *r, hd_json_t *v,
    hd_sb_answer_t *a);
static void hd_sb_validate(hd_sb_number_t *n, hd_json_t *body,
    hd_sb_message_t *m);
static void hd_sb_check_text(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_template(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_media(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_interactive(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_reaction(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_location(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_check_contacts(hd_sb_number_t *n, hd_sb_message_t *m);
static int hd_sb_magic(hd_sb_number_t *n, hd_sb_message_t *m);
static void hd_sb_decide(hd_sb_number_t *n, hd_sb_message_t *m, int magic);
static ngx_int_t hd_sb_take(ngx_http_request_t *r, hd_sb_message_t *m,
    hd_sb_entry_t *e, hd_sb_answer_t *a, int magic);
static ngx_int_t hd_sb_accepted_body(ngx_http_request_t *r,
    hd_sb_message_t *m, hd_str_t *wamid, ngx_str_t *body);


static const hd_sb_type_t  hd_sb_types[] = {
    { "text", hd_sb_check_text },
    { "template", hd_sb_check_template },
    { "image", hd_sb_check_media },
    { "audio", hd_sb_check_media },
    { "video", hd_sb_check_media },
    { "document", hd_sb_check_media },
    { "sticker", hd_sb_check_media },
    { "interactive", hd_sb_check_interactive },
    { "reaction", hd_sb_check_reaction },
    { "location", hd_sb_check_location },
    { "contacts", hd_sb_check_contacts }
};


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

    if (hd_sb_random() < n->set.reset_before_rate) {
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

        } else if (hd_sb_message_body(r, v, a) != NGX_OK) {
            ngx_http_finalize_request(r, NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }
    }

    hd_sb_answer_later(r, a);
}


/* the verdict on a body (NULL: no JSON) into the answer and the ledger */

static ngx_int_t
hd_sb_message_body(ngx_http_request_t *r, hd_json_t *v, hd_sb_answer_t *a)
{
    int               magic;
    ngx_int_t         rc;
    hd_sb_entry_t     e;
    hd_sb_number_t   *n;
    hd_sb_target_t   *t;
    hd_sb_message_t   m;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    n = t->number;

    ngx_memzero(&m, sizeof(hd_sb_message_t));
    ngx_memzero(&e, sizeof(hd_sb_entry_t));

    magic = 0;
    hd_sb_validate(n, v, &m);

    if (m.code == 0) {
        magic = hd_sb_magic(n, &m);
        hd_sb_decide(n, &m, magic);
    }

    e.body = v;
    e.type = m.type;
    e.reference = m.reference;
    e.to = m.to.len ? m.to : m.input;
    e.code = m.code;

    if (m.code == 0) {
        rc = hd_sb_take(r, &m, &e, a, magic);

    } else {
        (void) ngx_atomic_fetch_add(&n->node->rejected, 1);
        e.outcome = "rejected";
        a->status = hd_sb_error_find(m.code)->status;
        rc = hd_sb_error_body(r, &a->body, m.code, 0, m.details);
    }

    if (rc == NGX_OK) {
        hd_sb_ledger_add(t, &e);
    }

    return rc;
}


/* taken: from here on its statuses will come */

static ngx_int_t
hd_sb_take(ngx_http_request_t *r, hd_sb_message_t *m, hd_sb_entry_t *e,
    hd_sb_answer_t *a, int magic)
{
    u_char           *p;
    ngx_uint_t        i;
    hd_sb_number_t   *n;
    hd_sb_record_t   *rec;
    hd_sb_target_t   *t;
    hd_sb_failure_t  *f;

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

    a->status = NGX_HTTP_OK;

    if (hd_sb_accepted_body(r, m, &e->wamid, &a->body) != NGX_OK) {
        hd_sb_record_free(rec);
        return NGX_ERROR;
    }

    if (magic == 6 || hd_sb_random() < n->set.unknown_rate) {
        e->outcome = "reset";
        a->what = HD_SB_DO_RESET;
    }

    (void) ngx_atomic_fetch_add(&n->node->accepted, 1);

    if (n->set.sockaddr == NULL) {
        hd_sb_record_free(rec);
        return NGX_OK;
    }

    rec->category = m->category;

    if (magic == 1) {
        rec->code = 131026;

    } else if (magic == 0) {
        for (i = 0; i < n->set.nfailures; i++) {
            f = &n->set.failures[i];

            if (f->by_status && hd_sb_random() < f->rate) {
                rec->code = (int32_t) f->code;
                break;
            }
        }
    }

    hd_sb_record_plan(rec, a->delay, magic);

    return NGX_OK;
}


static void
hd_sb_bad(hd_sb_message_t *m, int64_t code, const char *details)
{
    m->code = code;
    m->details = details;
}


/* "+254 712-345678" to its digits; HD_ERROR when it is no phone number */

static int
hd_sb_digits_of(hd_sb_message_t *m)
{
    size_t  i;
    u_char  ch;

    m->to.data = m->digits;
    m->to.len = 0;

    for (i = 0; i < m->input.len; i++) {
        ch = m->input.data[i];

        if (ch >= '0' && ch <= '9') {
            if (m->to.len == 15) {
                m->to.len = 0;
                return HD_ERROR;
            }

            m->digits[m->to.len++] = ch;

        } else if (ch != ' ' && ch != '-' && ch != '(' && ch != ')'
                   && (ch != '+' || i != 0))
        {
            m->to.len = 0;
            return HD_ERROR;
        }
    }

    return m->to.len >= 5 ? HD_OK : HD_ERROR;
}


static void
hd_sb_validate(hd_sb_number_t *n, hd_json_t *body, hd_sb_message_t *m)
{
    size_t      i;
    char        key[16];
    hd_str_t    s;

    if (body == NULL || body->type != HD_JSON_OBJECT) {
        hd_sb_bad(m, 100, "The body is not a JSON object.");
        return;
    }

    m->input = hd_json_str(body, "to");
    m->type = hd_json_str(body, "type");
    m->reference = hd_json_str(body, "biz_opaque_callback_data");

    s = hd_json_str(body, "messaging_product");

    if (!hd_str_eq(&s, "whatsapp")) {
        hd_sb_bad(m, 100, "The parameter messaging_product is required.");
        return;
    }

    if (m->input.len == 0) {
        hd_sb_bad(m, 100, "The parameter to is required.");
        return;
    }

    if (hd_sb_digits_of(m) != HD_OK) {
        hd_sb_bad(m, 131009, "Parameter to is not a phone number.");
        return;
    }

    if (m->reference.len > 512) {
        m->reference.len = 0;
        hd_sb_bad(m, 100, "Param biz_opaque_callback_data must be at most 512"
                  " characters long.");
        return;
    }

    if (m->type.len == 0) {
        hd_str_set(&m->type, "text");
    }

    for (i = 0; i < sizeof(hd_sb_types) / sizeof(hd_sb_types[0]); i++) {

        if (strlen(hd_sb_types[i].name) != m->type.len
            || memcmp(hd_sb_types[i].name, m->type.data, m->type.len) != 0)
        {
            continue;
        }

        snprintf(key, sizeof(key), "%s", hd_sb_types[i].name);
        m->value = hd_json_get(body, key);

        if (m->value == NULL
            || (m->value->type != HD_JSON_OBJECT
                && m->value->type != HD_JSON_ARRAY))
        {
            hd_sb_bad(m, 131008, "The object named by the parameter type is"
                      " missing.");
            return;
        }

        hd_sb_types[i].check(n, m);
        return;
    }

    hd_sb_bad(m, 100, "Param type must be one of {AUDIO, CONTACTS, DOCUMENT,"
              " IMAGE, INTERACTIVE, LOCATION, REACTION, STICKER, TEMPLATE,"
              " TEXT, VIDEO}.");
}


static void
hd_sb_check_text(hd_sb_number_t *n, hd_sb_message_t *m)
{
    size_t    len;
    hd_str_t  text;

    text = hd_json_str(m->value, "body");
    len = hd_utf8_length(&text);

    if (len == 0) {
        hd_sb_bad(m, 100, "The parameter text['body'] is required.");

    } else if (len > 4096) {
        hd_sb_bad(m, 100, "Param text['body'] must be at most 4096 characters"
                  " long.");
    }
}


static uint8_t
hd_sb_category(const hd_str_t *name)
{
    if (name->len == 7) {
        return HD_SB_UTILITY;
    }

    return name->len == 14 ? HD_SB_AUTHENTICATION : HD_SB_MARKETING;
}


static void
hd_sb_check_template(hd_sb_number_t *n, hd_sb_message_t *m)
{
    int64_t            given;
    hd_str_t           name, language;
    hd_json_t         *params;
    hd_sb_template_t  *t, *known;

    m->category = HD_SB_MARKETING;

    name = hd_json_str(m->value, "name");
    language = hd_json_str(hd_json_get(m->value, "language"), "code");

    if (name.len == 0 || name.len > 512) {
        hd_sb_bad(m, 100, "The parameter template['name'] is required.");
        return;
    }

    if (language.len == 0) {
        hd_sb_bad(m, 100, "The parameter template['language']['code'] is"
                  " required.");
        return;
    }

    known = NULL;

    for (t = n->set.templates; t != NULL; t = t->next) {
        if (t->name.len != name.len
            || memcmp(t->name.data, name.data, name.len) != 0)
        {
            continue;
        }

        known = t;

        if (t->language.len == 0
            || (t->language.len == language.len
                && memcmp(t->language.data, language.data, language.len)
                   == 0))
        {
            break;
        }
    }

    if (known == NULL) {
        /* the sandbox was not told of it: any parameters will do */
        return;
    }

    if (t == NULL) {
        hd_sb_bad(m, 132001, NULL);
        return;
    }

    m->category = hd_sb_category(&t->category);

    params = hd_json_get(hd_sb_component(m->value, "body"), "parameters");
    given = params ? params->count : 0;

    if (t->params >= 0 && given != t->params) {
        hd_sb_bad(m, 132000, NULL);
    }
}


static void
hd_sb_check_media(hd_sb_number_t *n, hd_sb_message_t *m)
{
    if (hd_json_get(m->value, "id") == NULL
        && hd_json_get(m->value, "link") == NULL)
    {
        hd_sb_bad(m, 131008, "Either id or link of the media is required.");
    }
}


static void
hd_sb_check_interactive(hd_sb_number_t *n, hd_sb_message_t *m)
{
    if (hd_json_str(m->value, "type").len == 0
        || hd_json_get(m->value, "action") == NULL)
    {
        hd_sb_bad(m, 131008, "interactive needs type and action.");
    }
}


static void
hd_sb_check_reaction(hd_sb_number_t *n, hd_sb_message_t *m)
{
    if (hd_json_str(m->value, "message_id").len == 0) {
        hd_sb_bad(m, 131008, "reaction needs message_id.");
    }
}


static void
hd_sb_check_location(hd_sb_number_t *n, hd_sb_message_t *m)
{
    if (hd_json_get(m->value, "latitude") == NULL
        || hd_json_get(m->value, "longitude") == NULL)
    {
        hd_sb_bad(m, 131008, "location needs latitude and longitude.");
    }
}


static void
hd_sb_check_contacts(hd_sb_number_t *n, hd_sb_message_t *m)
{
    if (m->value->type != HD_JSON_ARRAY || m->value->count == 0) {
        hd_sb_bad(m, 131009, "contacts must be an array of contacts.");
    }
}


/* which of the magic recipients this is, 0 when none or not asked for */

static int
hd_sb_magic(hd_sb_number_t *n, hd_sb_message_t *m)
{
    u_char  *p;

    if (!n->set.magic) {
        return 0;
    }

    p = m->to.data + m->to.len - 4;

    if (p[0] != '0' || p[1] != '0' || p[2] != '0' || p[3] < '1' || p[3] > '7')
    {
        return 0;
    }

    return p[3] - '0';
}


/* 1 when this message was refused before, which is then forgotten */

static int
hd_sb_was_refused(hd_sb_number_t *n, hd_sb_message_t *m)
{
    uint32_t       hash;
    ngx_atomic_t  *slot;

    ngx_crc32_init(hash);
    ngx_crc32_update(&hash, n->node->id, n->node->id_len);
    ngx_crc32_update(&hash, m->to.data, m->to.len);
    ngx_crc32_update(&hash, m->reference.data, m->reference.len);
    ngx_crc32_final(hash);
    hash |= 1;

    slot = &hd_sb.sh->refused[hash >> 22];

    if (*slot == hash) {
        *slot = 0;
        return 1;
    }

    *slot = hash;

    return 0;
}


/* a sound message is refused by rate, by magic or by the settings' chance */

static void
hd_sb_decide(hd_sb_number_t *n, hd_sb_message_t *m, int magic)
{
    ngx_uint_t        i;
    hd_sb_failure_t  *f;

    if (hd_sb_number_rate(n) != HD_OK
        || (magic == 2 && !hd_sb_was_refused(n, m)))
    {
        hd_sb_bad(m, 130429, NULL);
        return;
    }

    if (magic == 3) {
        hd_sb_bad(m, 131049, NULL);
        return;
    }

    for (i = 0; magic == 0 && i < n->set.nfailures; i++) {
        f = &n->set.failures[i];

        if (!f->by_status && hd_sb_random() < f->rate) {
            hd_sb_bad(m, f->code, NULL);
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
