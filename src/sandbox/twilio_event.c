/*
 * Twilio's webhooks: forms, one for each status of a message, to the address
 * that the message named (the status callback), and for each message that came
 * in, to the number's webhook_url.  Signed over that address and the sorted
 * fields (X-Twilio-Signature).
 */

#include "twilio.h"


#define HD_SB_FIELDS  24


typedef struct {
    const char  *key;
    hd_str_t     value;
} hd_sb_field_t;

typedef struct {
    hd_sb_field_t   f[HD_SB_FIELDS];
    ngx_uint_t      n;
} hd_sb_fields_t;


static void
hd_sb_field(hd_sb_fields_t *f, const char *key, const hd_str_t *value)
{
    if (f->n < HD_SB_FIELDS) {
        f->f[f->n].key = key;
        f->f[f->n++].value = *value;
    }
}


static void
hd_sb_field_z(hd_sb_fields_t *f, const char *key, const char *value)
{
    hd_str_t  s;

    s.data = (u_char *) value;
    s.len = ngx_strlen(value);
    hd_sb_field(f, key, &s);
}


static int
hd_sb_field_order(const void *a, const void *b)
{
    return strcmp(((const hd_sb_field_t *) a)->key,
                  ((const hd_sb_field_t *) b)->key);
}


static void
hd_sb_field_write(hd_buf_t *b, const hd_str_t *s)
{
    size_t  i;
    u_char  c, hex[2];

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.')
        {
            hd_buf_char(b, c);

        } else if (c == ' ') {
            hd_buf_char(b, '+');

        } else {
            hd_hex(hex, &c, 1);
            hd_buf_char(b, '%');
            hd_buf_add(b, hex, 2);
        }
    }
}


/* the job's body and what goes before it */

static void
hd_sb_twilio_form(hd_sb_job_t *job, hd_sb_fields_t *f, const hd_str_t *url)
{
    size_t      i, slashes;
    u_char      mac[20], text[32];
    hd_buf_t    b;
    hd_str_t   *token;
    ngx_uint_t  k;

    for (k = 0; k < f->n; k++) {
        if (k) {
            hd_buf_char(&job->body, '&');
        }

        hd_buf_z(&job->body, f->f[k].key);
        hd_buf_char(&job->body, '=');
        hd_sb_field_write(&job->body, &f->f[k].value);
    }

    qsort(f->f, f->n, sizeof(hd_sb_field_t), hd_sb_field_order);

    hd_buf_init(&b);
    hd_buf_str(&b, url);

    for (k = 0; k < f->n; k++) {
        hd_buf_z(&b, f->f[k].key);
        hd_buf_str(&b, &f->f[k].value);
    }

    token = &job->number->set.token;
    hd_hmac_sha1(token->data, token->len, b.data, b.len, mac);
    hd_buf_free(&b);

    /* its path: from the third slash on */
    for (i = 0, slashes = 0; i < url->len; i++) {
        slashes += url->data[i] == '/';

        if (slashes == 3) {
            break;
        }
    }

    hd_buf_add(&job->path, url->data + i, url->len - i);
    hd_buf_z(&job->head, "Content-Type: application/x-www-form-urlencoded\r\n"
             "Content-Length: ");
    hd_buf_int(&job->head, job->body.len);
    hd_buf_z(&job->head, "\r\nX-Twilio-Signature: ");
    hd_buf_add(&job->head, text, hd_base64(text, mac, 20));
    hd_buf_z(&job->head, "\r\n");
}


/* an address as the channel writes it, in text */

static hd_str_t
hd_sb_twilio_name(hd_sb_number_t *n, const hd_str_t *digits, u_char *text,
    size_t size)
{
    hd_str_t  s;

    s.data = text;
    s.len = (size_t) snprintf((char *) text, size, "%s%s%.*s",
                              n->set.twilio == HD_SB_TWILIO_WHATSAPP
                              ? "whatsapp:" : "",
                              digits->len && digits->data[0] == 'M' ? "" : "+",
                              (int) digits->len, digits->data);

    return s;
}


hd_sb_job_t *
hd_sb_twilio_status(hd_sb_record_t *rec, ngx_uint_t stage)
{
    u_char           to_text[64], from_text[80], digits[20];
    u_char           sid[HD_SB_TWILIO_SID];
    char             code[16];
    uint64_t         n;
    size_t           i;
    hd_str_t         to, from, s, url;
    hd_sb_job_t     *job;
    hd_sb_fields_t   f;
    hd_sb_number_t  *number;

    static const char  *words[] = { "sent", "delivered", "read" };

    number = rec->number;
    job = hd_sb_job_create(number);

    if (job == NULL) {
        return NULL;
    }

    for (i = rec->to_len, n = rec->to; i > 0; i--) {
        digits[i - 1] = '0' + n % 10;
        n /= 10;
    }

    to.data = digits;
    to.len = rec->to_len;
    to = hd_sb_twilio_name(number, &to, to_text, sizeof(to_text));
    from.data = number->node->id;
    from.len = number->node->id_len;
    from = hd_sb_twilio_name(number, &from, from_text, sizeof(from_text));

    hd_sb_twilio_sid(sid, rec->key);
    s.data = sid;
    s.len = sizeof(sid);

    f.n = 0;
    hd_sb_field(&f, "SmsSid", &s);
    hd_sb_field(&f, "MessageSid", &s);
    hd_sb_field_z(&f, "SmsStatus", rec->code ? "undelivered" : words[stage]);
    hd_sb_field_z(&f, "MessageStatus",
                  rec->code ? "undelivered" : words[stage]);
    hd_sb_field(&f, "To", &to);
    hd_sb_field(&f, "From", &from);
    hd_sb_field(&f, "AccountSid", &number->set.waba_id);
    hd_sb_field_z(&f, "ApiVersion", "2010-04-01");

    if (rec->code) {
        snprintf(code, sizeof(code), "%d", (int) rec->code);
        hd_sb_field_z(&f, "ErrorCode", code);
    }

    url.data = rec->ref;
    url.len = rec->ref_len;
    hd_sb_twilio_form(job, &f, &url);

    job->statuses = 1;
    job->pending = 1;

    return job;
}


/* a file, by its address, or a place */

static void
hd_sb_twilio_said(hd_sb_fields_t *f, const hd_sb_inbound_t *in)
{
    size_t      i;
    hd_str_t    s;
    hd_json_t  *v;

    static const struct {
        const char  *member;
        const char  *field;
    } place[] = {
        { "latitude", "Latitude" },
        { "longitude", "Longitude" },
        { "name", "Label" },
        { "address", "Address" }
    };

    s = hd_json_str(in->value, "link");
    hd_sb_field_z(f, "NumMedia", s.len ? "1" : "0");

    if (s.len > 0) {
        hd_sb_field(f, "MediaUrl0", &s);
        s = hd_json_str(in->value, "mime_type");
        hd_sb_field(f, "MediaContentType0", &s);
    }

    for (i = 0; i < sizeof(place) / sizeof(place[0]); i++) {
        v = hd_json_get(in->value, place[i].member);

        if (v != NULL
            && (v->type == HD_JSON_STRING || v->type == HD_JSON_NUMBER))
        {
            hd_sb_field(f, place[i].field, &v->str);
        }
    }
}


ngx_int_t
hd_sb_twilio_inbound(hd_sb_number_t *n, const hd_sb_inbound_t *in, u_char *id,
    size_t *id_len)
{
    u_char           key[9], text[64], to_text[80];
    hd_str_t         sid, from, to, url;
    hd_sb_job_t     *job;
    hd_sb_fields_t   f;
    hd_sb_peer_t    *peer;

    job = hd_sb_job_create(n);
    if (job == NULL) {
        return NGX_ERROR;
    }

    sid = in->id;

    if (sid.len == 0) {
        hd_sb_new_key(key);
        hd_sb_twilio_sid(id, key);
        sid.data = id;
        sid.len = HD_SB_TWILIO_SID;
    }

    *id_len = sid.len;

    from = hd_sb_twilio_name(n, &in->from, text, sizeof(text));
    to.data = n->node->id;
    to.len = n->node->id_len;
    to = hd_sb_twilio_name(n, &to, to_text, sizeof(to_text));

    f.n = 0;
    hd_sb_field(&f, "SmsMessageSid", &sid);
    hd_sb_twilio_said(&f, in);
    hd_sb_field(&f, "SmsSid", &sid);
    hd_sb_field_z(&f, "SmsStatus", "received");
    hd_sb_field(&f, "Body", &in->text);
    hd_sb_field(&f, "To", &to);
    hd_sb_field_z(&f, "NumSegments", "1");
    hd_sb_field(&f, "MessageSid", &sid);
    hd_sb_field(&f, "AccountSid", &n->set.waba_id);
    hd_sb_field(&f, "From", &from);
    hd_sb_field_z(&f, "ApiVersion", "2010-04-01");

    if (n->set.twilio == HD_SB_TWILIO_WHATSAPP) {
        hd_sb_field(&f, "WaId", &in->from);
        hd_sb_field(&f, "ProfileName", &in->name);
    }

    if (in->context_id.len > 0) {
        hd_sb_field(&f, "OriginalRepliedMessageSid", &in->context_id);
    }

    if (in->type.len == 6 && ngx_memcmp(in->type.data, "button", 6) == 0) {
        hd_sb_field(&f, "ButtonText", &in->text);
        hd_sb_field(&f, "ButtonPayload", &in->text);
    }

    url = n->set.webhook_url;
    hd_sb_twilio_form(job, &f, &url);

    peer = hd_sb_peer_get(n, hd_sb_to_number(&in->from));

    if (peer != NULL) {
        peer->n.inbound = hd_sb_clock();
    }

    job->inbound = 1;
    job->pending = 1;
    hd_sb_number_pending(n, 1);
    hd_sb_job_queue(job);

    return NGX_OK;
}
