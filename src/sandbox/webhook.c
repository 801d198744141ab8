/*
 * Webhooks: their bodies, in the provider's shape and wire form (what is not
 * ASCII is \uXXXX, a slash is \/), and the jobs that carry them.
 */

#include "sandbox.h"


static const char  *hd_sb_categories[] = {
    "service", "marketing", "utility", "authentication"
};

static const char  *hd_sb_replies[] = {
    "Thank you!",
    "Yes, please.",
    "How much is it?",
    "Can you call me tomorrow?",
    "Asante sana!",
    "Ndiyo, nitakuja.",
    "\xc2\xbf" "Cu\xc3\xa1nto cuesta?",
    "Muito obrigado \xf0\x9f\x99\x8f",
    "D'accord, merci !",
    "\xd8\xb4\xd9\x83\xd8\xb1\xd8\xa7",
    "\xe0\xa4\xa7\xe0\xa4\xa8\xe0\xa5\x8d\xe0\xa4\xaf\xe0\xa4\xb5"
        "\xe0\xa4\xbe\xe0\xa4\xa6",
    "Bitte morgen liefern.",
    "OK \xf0\x9f\x91\x8d"
};


/* `s` is valid UTF-8 */

void
hd_sb_wire(hd_buf_t *b, const hd_str_t *s)
{
    u_char     *p, *last, *plain;
    uint32_t    c;

    hd_buf_char(b, '"');

    p = s->data;
    last = p + s->len;

    while (p < last) {

        plain = p;

        while (p < last && *p >= 0x20 && *p < 0x7f && *p != '"' && *p != '\\'
               && *p != '/')
        {
            p++;
        }

        if (p > plain) {
            hd_buf_add(b, plain, p - plain);
            continue;
        }

        if (*p == '"' || *p == '\\' || *p == '/') {
            hd_buf_char(b, '\\');
            hd_buf_char(b, *p++);
            continue;
        }

        if (*p == '\n') {
            hd_buf_z(b, "\\n");
            p++;
            continue;
        }

        c = (*p < 0x80) ? *p++ : ngx_utf8_decode(&p, last - p);

        if (c > 0x10ffff) {
            /* never with strings of a parsed JSON text */
            break;
        }

        if (c >= 0x10000) {
            c -= 0x10000;
            hd_buf_printf(b, "\\u%04x\\u%04x", 0xd800 + (c >> 10),
                          0xdc00 + (c & 0x3ff));

        } else {
            hd_buf_printf(b, "\\u%04x", c);
        }
    }

    hd_buf_char(b, '"');
}


void
hd_sb_wire_json(hd_buf_t *b, const hd_json_t *v)
{
    const hd_json_t  *m;

    if (v->type == HD_JSON_STRING) {
        hd_sb_wire(b, &v->str);
        return;
    }

    if (v->type != HD_JSON_OBJECT && v->type != HD_JSON_ARRAY) {
        hd_json_write(b, v);
        return;
    }

    hd_buf_char(b, v->type == HD_JSON_OBJECT ? '{' : '[');

    for (m = v->child; m != NULL; m = m->next) {

        if (v->type == HD_JSON_OBJECT) {
            hd_sb_wire(b, &m->key);
            hd_buf_char(b, ':');
        }

        hd_sb_wire_json(b, m);

        if (m->next != NULL) {
            hd_buf_char(b, ',');
        }
    }

    hd_buf_char(b, v->type == HD_JSON_OBJECT ? '}' : ']');
}


const char *
hd_sb_category_name(ngx_uint_t category)
{
    return hd_sb_categories[category];
}


static void
hd_sb_number_str(hd_str_t *id, hd_sb_number_t *n)
{
    id->data = n->node->id;
    id->len = n->node->id_len;
}


hd_sb_job_t *
hd_sb_job_create(hd_sb_number_t *n)
{
    hd_sb_job_t  *job;

    job = ngx_calloc(sizeof(hd_sb_job_t), ngx_cycle->log);
    if (job == NULL) {
        return NULL;
    }

    job->number = n;
    job->first = ngx_current_msec;
    hd_buf_init(&job->body);
    hd_buf_init(&job->path);
    hd_buf_init(&job->head);

    hd_sb.jobs++;
    hd_sb_tick_start();

    return job;
}


/* delivered or given up: its events are no longer pending */

void
hd_sb_job_free(hd_sb_job_t *job)
{
    if (job->pending != 0) {
        hd_sb_number_pending(job->number, - (ngx_int_t) job->pending);
    }

    hd_buf_free(&job->body);
    hd_buf_free(&job->path);
    hd_buf_free(&job->head);
    ngx_free(job);

    hd_sb.jobs--;
}


void
hd_sb_job_queue(hd_sb_job_t *job)
{
    ngx_queue_insert_tail(&job->number->jobs, &job->queue);
    hd_sb_number_activate(job->number);
}


/* the same webhook once more, as the provider does at times */

void
hd_sb_job_duplicate(hd_sb_job_t *job)
{
    hd_sb_job_t  *copy;

    copy = hd_sb_job_create(job->number);
    if (copy == NULL) {
        return;
    }

    hd_buf_add(&copy->body, job->body.data, job->body.len);
    hd_buf_add(&copy->path, job->path.data, job->path.len);
    hd_buf_add(&copy->head, job->head.data, job->head.len);
    copy->duplicate = 1;
    copy->pending = 1;

    hd_sb_number_pending(job->number, 1);
    hd_sb_job_queue(copy);
}


void
hd_sb_webhook_head(hd_buf_t *b, hd_sb_number_t *n)
{
    hd_str_t  id;

    hd_sb_number_str(&id, n);

    hd_buf_z(b, "{\"object\":\"whatsapp_business_account\",\"entry\":"
             "[{\"id\":");
    hd_sb_wire(b, &n->set.waba_id);
    hd_buf_z(b, ",\"changes\":[{\"value\":{\"messaging_product\":"
             "\"whatsapp\",\"metadata\":{\"display_phone_number\":");
    hd_sb_wire(b, n->set.display_phone_number.len
                  ? &n->set.display_phone_number : &id);
    hd_buf_z(b, ",\"phone_number_id\":");
    hd_sb_wire(b, &id);
    hd_buf_z(b, "},");
}


void
hd_sb_webhook_tail(hd_buf_t *b)
{
    hd_buf_z(b, "},\"field\":\"messages\"}]}]}");
}


size_t
hd_sb_record_digits(u_char *out, const hd_sb_record_t *rec)
{
    size_t    i;
    uint64_t  n;

    n = rec->to;

    for (i = rec->to_len; i > 0; i--) {
        out[i - 1] = '0' + n % 10;
        n /= 10;
    }

    return rec->to_len;
}


static void
hd_sb_webhook_pricing(hd_buf_t *b, hd_sb_record_t *rec, ngx_uint_t stage,
    int64_t at)
{
    u_char       id[33];
    uint64_t     mixed;
    const char  *category;

    category = hd_sb_categories[rec->category];

    /* one conversation for each pair and category */
    mixed = (rec->to * 4 + rec->category) * 0x9E3779B97F4A7C15ULL;
    hd_hex(id, (u_char *) &mixed, 8);
    mixed = (mixed ^ (mixed >> 29)) * 0xBF58476D1CE4E5B9ULL;
    hd_hex(id + 16, (u_char *) &mixed, 8);

    hd_buf_z(b, ",\"conversation\":{\"id\":\"");
    hd_buf_add(b, id, 32);
    hd_buf_char(b, '"');

    if (stage == HD_SB_STAGE_SENT) {
        hd_buf_z(b, ",\"expiration_timestamp\":\"");
        hd_buf_int(b, at + 86400);
        hd_buf_char(b, '"');
    }

    hd_buf_z(b, ",\"origin\":{\"type\":\"");
    hd_buf_z(b, category);
    hd_buf_z(b, rec->category == HD_SB_SERVICE
                || (rec->category == HD_SB_UTILITY && rec->in_window)
                ? "\"}},\"pricing\":{\"billable\":false,\"pricing_model\":"
                  "\"PMP\",\"type\":\"free_customer_service\",\"category\":\""
                : "\"}},\"pricing\":{\"billable\":true,\"pricing_model\":"
                  "\"PMP\",\"type\":\"regular\",\"category\":\"");
    hd_buf_z(b, category);
    hd_buf_z(b, "\"}");
}


void
hd_sb_webhook_status(hd_buf_t *b, hd_sb_record_t *rec, ngx_uint_t stage)
{
    u_char                digits[20], wamid[HD_SB_WAMID_MAX];
    int64_t               at;
    hd_str_t              to, id, ref;
    const hd_sb_error_t  *e;

    static const char  *words[] = { "sent", "delivered", "read" };

    at = ngx_time()
         - (uint32_t) (ngx_current_msec - hd_sb.base - rec->due[stage]) / 1000;

    to.data = digits;
    to.len = hd_sb_record_digits(digits, rec);
    id.data = wamid;
    id.len = hd_sb_wamid(wamid, &to, rec->key);
    ref.data = rec->ref;
    ref.len = rec->ref_len;

    hd_buf_z(b, "{\"id\":");
    hd_sb_wire(b, &id);
    hd_buf_z(b, ",\"status\":\"");
    hd_buf_z(b, rec->code ? "failed" : words[stage]);
    hd_buf_z(b, "\",\"timestamp\":\"");
    hd_buf_int(b, at);
    hd_buf_z(b, "\",\"recipient_id\":\"");
    hd_buf_str(b, &to);
    hd_buf_char(b, '"');

    if (rec->code) {
        e = hd_sb_error_find(rec->code);

        hd_buf_z(b, ",\"errors\":[{\"code\":");
        hd_buf_int(b, rec->code);
        hd_buf_z(b, ",\"title\":");
        hd_jw_z(b, e->title);
        hd_buf_z(b, ",\"message\":");
        hd_jw_z(b, e->title);
        hd_buf_z(b, ",\"error_data\":{\"details\":");
        hd_jw_z(b, e->details);
        hd_buf_z(b, "}}]");

    } else {
        hd_sb_webhook_pricing(b, rec, stage, at);
    }

    if (ref.len > 0) {
        hd_buf_z(b, ",\"biz_opaque_callback_data\":");
        hd_sb_wire(b, &ref);
    }

    hd_buf_char(b, '}');
}


/* the part of an inbound message that depends on its type */

static ngx_int_t
hd_sb_webhook_content(hd_buf_t *b, const hd_sb_inbound_t *in)
{
    hd_str_t  type;

    type = in->type;

    if (in->value != NULL) {
        hd_buf_z(b, "\"type\":");
        hd_sb_wire(b, &type);
        hd_buf_char(b, ',');
        hd_sb_wire(b, &type);
        hd_buf_char(b, ':');
        hd_sb_wire_json(b, in->value);
        return NGX_OK;
    }

    if (hd_str_eq(&type, "text")) {
        hd_buf_z(b, "\"type\":\"text\",\"text\":{\"body\":");
        hd_sb_wire(b, &in->text);

    } else if (hd_str_eq(&type, "button")) {
        hd_buf_z(b, "\"type\":\"button\",\"button\":{\"payload\":");
        hd_sb_wire(b, &in->text);
        hd_buf_z(b, ",\"text\":");
        hd_sb_wire(b, &in->text);

    } else if (hd_str_eq(&type, "interactive")) {
        hd_buf_z(b, "\"type\":\"interactive\",\"interactive\":{\"type\":"
                 "\"button_reply\",\"button_reply\":{\"id\":\"0\",\"title\":");
        hd_sb_wire(b, &in->text);
        hd_buf_char(b, '}');

    } else if (hd_str_eq(&type, "reaction")) {
        hd_buf_z(b, "\"type\":\"reaction\",\"reaction\":{\"message_id\":");
        hd_sb_wire(b, &in->context_id);
        hd_buf_z(b, ",\"emoji\":");
        hd_sb_wire(b, &in->text);

    } else if (hd_str_eq(&type, "image") || hd_str_eq(&type, "video")
               || hd_str_eq(&type, "document"))
    {
        hd_buf_printf(b, "\"type\":\"%.*s\",\"%.*s\":{\"caption\":",
                      (int) type.len, type.data, (int) type.len, type.data);
        hd_sb_wire(b, &in->text);
        hd_buf_z(b, ",\"mime_type\":\"application\\/octet-stream\","
                 "\"sha256\":\"47DEQpj8HBSa+\\/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
                 "\",\"id\":\"1000000000000001\"");

    } else if (hd_str_eq(&type, "unsupported")) {
        hd_buf_z(b, "\"type\":\"unsupported\",\"errors\":[{\"code\":131051,"
                 "\"title\":\"Message type unknown\",\"message\":\"Message"
                 " type unknown\",\"error_data\":{\"details\":\"Message type"
                 " is currently not supported.\"}}]");
        return NGX_OK;

    } else {
        return NGX_DECLINED;
    }

    hd_buf_char(b, '}');

    return NGX_OK;
}


/* the window opens, and the number's rate counts it */

static void
hd_sb_webhook_came(hd_sb_number_t *n, const hd_sb_inbound_t *in,
    const hd_str_t *wamid)
{
    int64_t           at;
    hd_sb_peer_t     *peer;
    struct timespec   ts;

    peer = hd_sb_peer_get(n, hd_sb_to_number(&in->from));

    if (peer != NULL) {
        peer->n.inbound = hd_sb_clock();
    }

    if (n->set.count_inbound) {
        clock_gettime(CLOCK_MONOTONIC, &ts);
        at = (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;

        hd_sb_rule_inbound(n, &at);
        hd_sb_ledger_inbound(n, &in->from, wamid, at);
    }
}


ngx_int_t
hd_sb_webhook_inbound(hd_sb_number_t *n, const hd_sb_inbound_t *in,
    u_char *id, size_t *id_len)
{
    u_char        key[9];
    hd_buf_t     *b;
    hd_str_t      wamid;
    ngx_int_t     rc;
    hd_sb_job_t  *job;

    if (n->set.twilio) {
        return hd_sb_twilio_inbound(n, in, id, id_len);
    }

    if (n->set.waha) {
        return hd_sb_waha_inbound(n, in, id, id_len);
    }

    job = hd_sb_job_create(n);
    if (job == NULL) {
        return NGX_ERROR;
    }

    wamid = in->id;

    if (wamid.len == 0) {
        hd_sb_new_key(key);
        wamid.data = id;
        wamid.len = hd_sb_wamid(id, &in->from, key);
    }

    *id_len = wamid.len;

    b = &job->body;
    hd_sb_webhook_head(b, n);

    hd_buf_z(b, "\"contacts\":[{");

    if (in->name.len > 0) {
        hd_buf_z(b, "\"profile\":{\"name\":");
        hd_sb_wire(b, &in->name);
        hd_buf_z(b, "},");
    }

    hd_buf_z(b, "\"wa_id\":");
    hd_sb_wire(b, &in->from);
    hd_buf_z(b, "}],\"messages\":[{");

    if (in->context_id.len > 0 && !hd_str_eq(&in->type, "reaction")) {
        hd_buf_z(b, "\"context\":{\"from\":");
        hd_sb_wire(b, &n->set.display_phone_number);
        hd_buf_z(b, ",\"id\":");
        hd_sb_wire(b, &in->context_id);
        hd_buf_z(b, "},");
    }

    hd_buf_z(b, "\"from\":");
    hd_sb_wire(b, &in->from);
    hd_buf_z(b, ",\"id\":");
    hd_sb_wire(b, &wamid);
    hd_buf_z(b, ",\"timestamp\":\"");
    hd_buf_int(b, ngx_time());
    hd_buf_z(b, "\",");

    rc = hd_sb_webhook_content(b, in);

    if (rc != NGX_OK || b->failed) {
        hd_sb_job_free(job);
        return rc == NGX_OK ? NGX_ERROR : rc;
    }

    hd_buf_z(b, "}]");
    hd_sb_webhook_tail(b);

    hd_sb_webhook_came(n, in, &wamid);

    job->inbound = 1;
    job->pending = 1;
    hd_sb_number_pending(n, 1);
    hd_sb_job_queue(job);

    return NGX_OK;
}


/* the recipient answers what it has read */

void
hd_sb_webhook_reply(hd_sb_record_t *rec)
{
    u_char           digits[20], wamid[HD_SB_WAMID_MAX], id[HD_SB_WAMID_MAX];
    size_t           len;
    ngx_uint_t       i, total;
    hd_sb_inbound_t  in;

    total = sizeof(hd_sb_replies) / sizeof(hd_sb_replies[0]);
    i = (ngx_uint_t) (hd_sb_random() * (double) total) % total;

    ngx_memzero(&in, sizeof(hd_sb_inbound_t));

    in.from.data = digits;
    in.from.len = hd_sb_record_digits(digits, rec);
    in.text.data = (u_char *) hd_sb_replies[i];
    in.text.len = strlen(hd_sb_replies[i]);
    hd_str_set(&in.type, "text");

    /* some quote the message, most just write */

    if (hd_sb_random() < 0.3) {
        in.context_id.data = wamid;
        in.context_id.len = hd_sb_wamid(wamid, &in.from, rec->key);
    }

    (void) hd_sb_webhook_inbound(rec->number, &in, id, &len);
}


/* the GET with a challenge that proves the address to be the owner's */

ngx_int_t
hd_sb_webhook_verify(hd_sb_number_t *n)
{
    hd_sb_job_t  *job;

    job = hd_sb_job_create(n);
    if (job == NULL) {
        return NGX_ERROR;
    }

    job->verify = 1;
    hd_buf_int(&job->body, 1000000000 + (int64_t) (hd_sb_random() * 1e9));
    n->node->verified = 0;

    ngx_queue_insert_head(&n->jobs, &job->queue);
    hd_sb_number_activate(n);

    return NGX_OK;
}
