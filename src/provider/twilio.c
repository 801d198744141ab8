/*
 * twilio: Messages over Twilio, WhatsApp and SMS.  Here: the request for one
 * message and what its answer means.
 *
 * An account's number_id is its sender: "+15550100001", or a messaging
 * service's "MG…"; business_id is the AccountSid, token the auth token.
 *
 * Twilio gives nothing back with a status but the message's sid, so our
 * reference goes in the address of the callback: a status then finds its
 * message even when the answer to the request was lost.
 */

#include "twilio.h"


#define HD_TWILIO_ANSWER_DEPTH  16


static int
hd_twilio_plain(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
}


void
hd_twilio_escape(hd_buf_t *b, const hd_str_t *s)
{
    size_t         i;
    unsigned char  c, hex[2];

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if (hd_twilio_plain(c)) {
            hd_buf_char(b, c);
            continue;
        }

        hd_hex(hex, &c, 1);
        hd_buf_char(b, '%');
        hd_buf_add(b, hex, 2);
    }
}


void
hd_twilio_add(hd_buf_t *b, const char *key, const hd_str_t *prefix,
    const hd_str_t *value)
{
    if (b->len != 0) {
        hd_buf_char(b, '&');
    }

    hd_buf_z(b, key);
    hd_buf_char(b, '=');

    if (prefix != NULL) {
        hd_twilio_escape(b, prefix);
    }

    hd_twilio_escape(b, value);
}


int
hd_twilio_take(hd_mem_t *mem, hd_buf_t *b, hd_str_t *out)
{
    hd_str_t  s;

    if (b->failed) {
        return HD_ERROR;
    }

    s.data = b->data;
    s.len = b->len;
    hd_buf_reset(b);

    return hd_str_dup(mem, &s, out);
}


/* what was pasted with a space or a line end would end the header early */
static void
hd_twilio_visible(hd_buf_t *b, const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] > ' ' && s->data[i] != 0x7f) {
            hd_buf_char(b, s->data[i]);
        }
    }
}


int
hd_twilio_auth(hd_mem_t *mem, const hd_account_t *account, hd_str_t *header)
{
    int             rc;
    size_t          len;
    hd_buf_t        b;
    unsigned char  *p;

    static const char  name[] = "Authorization: Basic ";

    hd_buf_init(&b);
    hd_twilio_visible(&b, &account->business_id);
    hd_buf_char(&b, ':');
    hd_twilio_visible(&b, &account->token);

    rc = HD_ERROR;
    len = sizeof(name) - 1;
    p = b.failed ? NULL : hd_alloc(mem, len + 4 * ((b.len + 2) / 3) + 1);

    if (p != NULL) {
        memcpy(p, name, len);
        header->data = p;
        header->len = len + hd_base64(p + len, b.data, b.len);
        rc = HD_OK;
    }

    hd_buf_free(&b);

    return rc;
}


/* build */

/*
 * {"1": "…"} as text in one field: the header's values, the body's, those of
 * buttons that have one.  WhatsApp takes numbers only at Twilio, in the order
 * in which twilio_template.c gave them; elsewhere a name stays.
 */
static int
hd_twilio_variables(hd_mem_t *mem, const hd_account_t *account,
    const hd_message_t *m, hd_str_t *out)
{
    int              rc, named;
    size_t           i, n;
    hd_buf_t         b;
    const hd_str_t  *name;

    named = hd_str_eq(&account->channel, "sms");

    hd_buf_init(&b);
    hd_buf_char(&b, '{');

    for (n = 0; n < m->nheader + m->nparams; n++) {
        name = NULL;

        if (named && n < m->nheader && m->header_names != NULL) {
            name = &m->header_names[n];

        } else if (named && n >= m->nheader && m->param_names != NULL) {
            name = &m->param_names[n - m->nheader];
        }

        if (n != 0) {
            hd_buf_char(&b, ',');
        }

        if (name != NULL) {
            hd_jw_str(&b, name);

        } else {
            hd_buf_printf(&b, "\"%u\"", (unsigned) n + 1);
        }

        hd_buf_char(&b, ':');
        hd_jw_str(&b, n < m->nheader ? &m->header_params[n]
                                     : &m->params[n - m->nheader]);
    }

    for (i = 0; i < m->nbuttons; i++) {
        if (strcmp(m->buttons[i].sub_type, "url") != 0
            && strcmp(m->buttons[i].sub_type, "copy_code") != 0)
        {
            /* the code of an otp button is the body's */
            continue;
        }

        hd_buf_printf(&b, "%s\"%u\":", n ? "," : "", (unsigned) n + 1);
        hd_jw_str(&b, &m->buttons[i].value);
        n++;
    }

    hd_buf_char(&b, '}');
    rc = hd_twilio_take(mem, &b, out);
    hd_buf_free(&b);

    return rc;
}


static void
hd_twilio_media(hd_buf_t *b, const hd_message_t *m)
{
    hd_str_t  caption;

    caption = hd_json_str(m->content, "caption");

    if (caption.len != 0) {
        hd_twilio_add(b, "Body", NULL, &caption);
    }

    hd_twilio_add(b, "MediaUrl", NULL, &m->media.link);
}


/* "geo:1.5,2.5|label" (Twilio's PersistentAction) and a text beside it */
static int
hd_twilio_location(hd_mem_t *mem, hd_buf_t *b, const hd_message_t *m)
{
    int         rc;
    hd_buf_t    geo;
    hd_str_t    text, name, address;
    hd_json_t  *lat, *lon;

    lat = hd_json_get(m->content, "latitude");
    lon = hd_json_get(m->content, "longitude");
    name = hd_json_str(m->content, "name");
    address = hd_json_str(m->content, "address");

    if (lat == NULL || lon == NULL) {
        return HD_ERROR;
    }

    hd_buf_init(&geo);
    hd_buf_z(&geo, "geo:");
    hd_buf_str(&geo, &lat->str);
    hd_buf_char(&geo, ',');
    hd_buf_str(&geo, &lon->str);

    if (address.len != 0) {
        hd_buf_char(&geo, '|');
        hd_buf_str(&geo, &address);
    }

    rc = hd_twilio_take(mem, &geo, &text);
    hd_buf_free(&geo);

    if (rc != HD_OK) {
        return rc;
    }

    if (name.len == 0) {
        hd_str_set(&name, " ");
    }

    hd_twilio_add(b, "Body", NULL, &name);
    hd_twilio_add(b, "PersistentAction", NULL, &text);

    return HD_OK;
}


static int
hd_twilio_content(hd_mem_t *mem, hd_buf_t *b, const hd_account_t *account,
    const hd_message_t *m)
{
    hd_str_t  variables;

    switch (m->type) {

    case HD_MESSAGE_TEMPLATE:

        if (m->template_id.len != HD_TWILIO_SID
            || memcmp(m->template_id.data, "HX", 2) != 0)
        {
            /* as text: SMS, or within the window */
            hd_twilio_add(b, "Body", NULL, &m->body);
            return HD_OK;
        }

        hd_twilio_add(b, "ContentSid", NULL, &m->template_id);

        if (m->nheader + m->nparams + m->nbuttons == 0) {
            return HD_OK;
        }

        if (hd_twilio_variables(mem, account, m, &variables) != HD_OK) {
            return HD_ERROR;
        }

        hd_twilio_add(b, "ContentVariables", NULL, &variables);
        return HD_OK;

    case HD_MESSAGE_IMAGE:
    case HD_MESSAGE_VIDEO:
    case HD_MESSAGE_AUDIO:
    case HD_MESSAGE_DOCUMENT:
    case HD_MESSAGE_STICKER:
        hd_twilio_media(b, m);
        return HD_OK;

    case HD_MESSAGE_LOCATION:
        return hd_twilio_location(mem, b, m);

    default:
        hd_twilio_add(b, "Body", NULL, &m->body);
        return HD_OK;
    }
}


static int
hd_twilio_callback(hd_mem_t *mem, hd_buf_t *b, const hd_account_t *account,
    const hd_message_t *m)
{
    int       rc;
    hd_buf_t  url;
    hd_str_t  text;

    if (account->callback_url.len == 0) {
        return HD_OK;
    }

    hd_buf_init(&url);
    hd_buf_str(&url, &account->callback_url);
    hd_buf_z(&url, "?ref=");
    hd_twilio_escape(&url, &m->reference);
    rc = hd_twilio_take(mem, &url, &text);
    hd_buf_free(&url);

    if (rc == HD_OK) {
        hd_twilio_add(b, "StatusCallback", NULL, &text);
    }

    return rc;
}


static int
hd_twilio_body(hd_mem_t *mem, hd_buf_t *b, const hd_account_t *account,
    const hd_message_t *m)
{
    const hd_str_t  *prefix;

    static const hd_str_t  whatsapp = hd_str("whatsapp:");

    prefix = hd_str_eq(&account->channel, "sms") ? NULL : &whatsapp;

    hd_twilio_add(b, "To", prefix, m->to.len ? &m->to : &m->to_user_id);

    if (account->number_id.len == HD_TWILIO_SID
        && memcmp(account->number_id.data, "MG", 2) == 0)
    {
        hd_twilio_add(b, "MessagingServiceSid", NULL, &account->number_id);

    } else {
        hd_twilio_add(b, "From", prefix, &account->number_id);
    }

    if (hd_twilio_content(mem, b, account, m) != HD_OK) {
        return HD_ERROR;
    }

    return hd_twilio_callback(mem, b, account, m);
}


static int
hd_twilio_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_message_t *message, hd_provider_request_t *out)
{
    int       rc;
    hd_buf_t  b;

    static const hd_str_t  type =
        hd_str("Content-Type: application/x-www-form-urlencoded");

    memset(out, 0, sizeof(hd_provider_request_t));
    hd_buf_init(&b);

    out->method = "POST";
    out->headers[1] = type;
    out->nheaders = 2;

    hd_buf_str(&b, &account->base_url);
    hd_buf_char(&b, '/');
    hd_twilio_escape(&b, &account->api_version);
    hd_buf_z(&b, "/Accounts/");
    hd_twilio_escape(&b, &account->business_id);
    hd_buf_z(&b, "/Messages.json");

    rc = hd_twilio_take(mem, &b, &out->url);

    if (rc == HD_OK) {
        rc = hd_twilio_auth(mem, account, &out->headers[0]);
    }

    if (rc == HD_OK) {
        rc = hd_twilio_body(mem, &b, account, message);
    }

    if (rc == HD_OK) {
        rc = hd_twilio_take(mem, &b, &out->body);
    }

    hd_buf_free(&b);

    return rc;
}


/* answer */

void
hd_twilio_refused(int http_status, const hd_json_t *root,
    hd_provider_answer_t *out)
{
    int64_t  code;

    out->outcome = HD_OUTCOME_REJECTED;
    out->code = http_status;
    out->row = hd_error_http(http_status);
    out->detail = hd_json_str(root, "message");

    if (hd_json_int(hd_json_get(root, "code"), &code) != HD_OK
        || code <= 0 || code > INT32_MAX)
    {
        return;
    }

    out->code = (int) code;

    if (hd_error_find(out->code)->class != HD_CLASS_UNKNOWN_CODE) {
        out->row = hd_error_find(out->code);

    } else if (http_status < 500 && http_status != 429 && http_status != 401) {
        out->row = hd_error_find(-1);
    }
}


static void
hd_twilio_answer(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_provider_answer_t *out)
{
    hd_json_t        *root;
    hd_json_error_t   err;

    memset(out, 0, sizeof(hd_provider_answer_t));

    out->outcome = HD_OUTCOME_UNKNOWN;
    out->row = hd_error_find(-1);

    hd_str_set(&out->provider_id, "");
    hd_str_set(&out->wa_id, "");
    hd_str_set(&out->detail, "");

    if (http_status < 200) {
        return;
    }

    root = hd_json_parse_foreign(mem, body->data, body->len,
                                 HD_TWILIO_ANSWER_DEPTH, &err);

    if (http_status >= 200 && http_status < 300) {
        out->provider_id = hd_json_str(root, "sid");

        if (out->provider_id.len != 0 && out->provider_id.len <= 64) {
            out->outcome = HD_OUTCOME_ACCEPTED;

        } else {
            hd_str_set(&out->provider_id, "");
            hd_str_set(&out->detail, "The answer has no message sid.");
        }

        return;
    }

    if (http_status >= 500
        && hd_json_get(root, "code") == NULL)
    {
        /* something before Twilio, or half of it: nobody knows */
        out->row = hd_error_http(http_status);
        out->code = http_status;
        return;
    }

    hd_twilio_refused(http_status, root, out);
}


/* a new account */

static size_t
hd_twilio_count_digits(const hd_str_t *s, size_t from)
{
    size_t  i;

    for (i = from; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }
    }

    return s->len - from;
}


/* "SHOP 24": up to eleven letters, digits and spaces, one letter at least */
static int
hd_twilio_sender_name(const hd_str_t *s)
{
    int            letter;
    size_t         i;
    unsigned char  c;

    letter = 0;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') {
            letter = 1;

        } else if (c != ' ' && (c < '0' || c > '9')) {
            return 0;
        }
    }

    return letter && s->len <= 11;
}


static const char *
hd_twilio_check(const hd_account_t *account, const char **pointer)
{
    size_t    n;
    hd_str_t  s;

    *pointer = "/business_id";

    if (!hd_twilio_is_sid(&account->business_id, "AC")) {
        return "Give Twilio's AccountSid here: \"AC\" and 32 hexadecimal "
               "digits, from its console.";
    }

    *pointer = "/number_id";
    s = account->number_id;

    if (hd_twilio_is_sid(&s, "MG")) {
        return NULL;
    }

    if (s.len > 9 && memcmp(s.data, "whatsapp:", 9) == 0) {
        return "Give the sender without \"whatsapp:\"; channel says what it "
               "sends.";
    }

    if (s.len != 0 && s.data[0] == '+') {
        n = hd_twilio_count_digits(&s, 1);

        return n >= 7 && n <= 15 ? NULL
               : "This is no phone number: \"+\" and up to 15 digits.";
    }

    if (!hd_str_eq(&account->channel, "sms")) {
        return "Give the sender as +14155238886, or a messaging service as "
               "\"MG\" and 32 hexadecimal digits.";
    }

    n = hd_twilio_count_digits(&s, 0);

    if ((n >= 3 && n <= 8) || hd_twilio_sender_name(&s)) {
        return NULL;
    }

    return "Give the sender as +14155238886, a short code, a name of up to 11 "
           "letters and digits, or a messaging service (\"MG\" and 32 "
           "hexadecimal digits).";
}


const hd_provider_t  hd_provider_twilio = {
    .name = "twilio",
    .window = 1,
    .build = hd_twilio_build,
    .answer = hd_twilio_answer,
    .verify = hd_twilio_verify,
    .signature_header = "x-twilio-signature",
    .webhook = hd_twilio_webhook,
    .base_url = "https://api.twilio.com",
    .api_version = "2010-04-01",
    .media_links = 1,
    .types = hd_message_bit(HD_MESSAGE_TEXT)
             | hd_message_bit(HD_MESSAGE_TEMPLATE) | HD_MESSAGE_MEDIA
             | hd_message_bit(HD_MESSAGE_LOCATION),
    .ops = hd_twilio_ops,
    .reply = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>",
    .reply_type = "text/xml",
    .form = 1,
    .sms = 1,
    .token_signs = 1,
    .check = hd_twilio_check
};
