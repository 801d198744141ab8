/*
 * cloud_api: Meta's WhatsApp Cloud API.  Here: what an answer means, and the
 * two proofs (their signature, our address).  A message's request is in
 * cloud_api_message.c, operations in cloud_api_op.c, cloud_api_number.c and
 * cloud_api_template.c, the webhook's payload in cloud_api_webhook.c.
 */

#include "cloud_api.h"


#define HD_CLOUD_API_ANSWER_DEPTH  32
#define HD_CHALLENGE_MAX           512


int
hd_cloud_api_int(const hd_json_t *v, int64_t *out)
{
    hd_json_t  number;

    if (v == NULL) {
        return HD_ERROR;
    }

    if (v->type != HD_JSON_STRING) {
        return hd_json_int(v, out);
    }

    number = *v;
    number.type = HD_JSON_NUMBER;

    return hd_json_int(&number, out);
}


hd_str_t
hd_cloud_api_text(const hd_json_t *obj, const char *key)
{
    hd_json_t  *v;

    v = hd_json_get(obj, key);

    if (v != NULL && v->type == HD_JSON_NUMBER) {
        return v->str;
    }

    return hd_json_str(obj, key);
}


hd_str_t
hd_cloud_api_detail(const hd_json_t *error)
{
    hd_str_t  s;

    s = hd_json_str(hd_json_get(error, "error_data"), "details");

    if (s.len == 0) {
        s = hd_json_str(error, "error_user_msg");
    }

    if (s.len == 0) {
        s = hd_json_str(error, "message");
    }

    if (s.len == 0) {
        s = hd_json_str(error, "title");
    }

    return s;
}


/* answer */

/*
 * An error object: its code decides where we know it.  Where we do not, the
 * HTTP status may still say what kind of trouble it is.
 */
static void
hd_cloud_api_refused(int http_status, const hd_json_t *error,
    hd_provider_answer_t *out)
{
    int64_t          code;
    hd_json_t       *transient;

    out->outcome = HD_OUTCOME_REJECTED;
    out->detail = hd_cloud_api_detail(error);

    if (hd_cloud_api_int(hd_json_get(error, "code"), &code) != HD_OK
        || code < 0 || code > INT32_MAX)
    {
        out->code = http_status;
        out->row = hd_error_http(http_status);
        return;
    }

    out->code = (int) code;
    out->row = hd_error_find(out->code);

    if (out->row->class != HD_CLASS_UNKNOWN_CODE) {
        return;
    }

    transient = hd_json_get(error, "is_transient");

    out->row = hd_error_http((transient != NULL
                              && transient->type == HD_JSON_TRUE)
                             ? 500 : http_status);
}


hd_json_t *
hd_cloud_api_outcome(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_provider_answer_t *out)
{
    hd_json_t  *root, *error;

    memset(out, 0, sizeof(hd_provider_answer_t));

    out->outcome = HD_OUTCOME_UNKNOWN;
    out->row = hd_error_find(-1);

    hd_str_set(&out->provider_id, "");
    hd_str_set(&out->wa_id, "");
    hd_str_set(&out->detail, "");

    if (http_status < 200) {
        return NULL;
    }

    root = hd_json_parse_foreign(mem, body->data, body->len,
                                 HD_CLOUD_API_ANSWER_DEPTH, NULL);

    error = hd_json_get(root, "error");

    if (error != NULL && error->type == HD_JSON_OBJECT) {
        hd_cloud_api_refused(http_status, error, out);
        return NULL;
    }

    if (http_status < 300) {
        return root;
    }

    /* a gateway that did not hear back knows no more than we do */
    if (http_status == 504) {
        return NULL;
    }

    out->outcome = HD_OUTCOME_REJECTED;
    out->code = http_status;
    out->row = hd_error_http(http_status);

    return NULL;
}


static void
hd_cloud_api_answer(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_provider_answer_t *out)
{
    hd_json_t  *root;

    root = hd_cloud_api_outcome(mem, http_status, body, out);

    if (root == NULL) {
        return;
    }

    out->provider_id = hd_json_str(hd_json_path(root, "messages.0"), "id");
    out->wa_id = hd_cloud_api_text(hd_json_path(root, "contacts.0"), "wa_id");

    /* a success we cannot read may well have been sent */
    if (out->provider_id.len != 0) {
        out->outcome = HD_OUTCOME_ACCEPTED;
    }
}


/* proofs */

static int
hd_cloud_api_verify(const hd_account_t *account, const hd_proof_t *proof)
{
    unsigned char    given[32], ours[32];
    const hd_str_t  *signature = &proof->signature, *body = &proof->body;

    if (account->app_secret.len == 0
        || signature->len != sizeof("sha256=") - 1 + 64
        || memcmp(signature->data, "sha256=", 7) != 0
        || hd_unhex(given, signature->data + 7, 64) != HD_OK)
    {
        return 0;
    }

    hd_hmac_sha256(account->app_secret.data, account->app_secret.len,
                   body->data, body->len, ours);

    return hd_equal_ct(given, ours, sizeof(ours));
}


/* a value of a query string; HD_ERROR when out of memory or malformed */
static int
hd_cloud_api_unescape(hd_mem_t *mem, const unsigned char *p, size_t len,
    hd_str_t *out)
{
    size_t          i;
    unsigned char  *d;

    d = hd_alloc(mem, len + 1);
    if (d == NULL) {
        return HD_ERROR;
    }

    out->data = d;

    for (i = 0; i < len; i++) {

        if (p[i] == '%') {
            if (len - i < 3 || hd_unhex(d, p + i + 1, 2) != HD_OK) {
                return HD_ERROR;
            }

            d++;
            i += 2;
            continue;
        }

        *d++ = (p[i] == '+') ? ' ' : p[i];
    }

    out->len = (size_t) (d - out->data);

    return HD_OK;
}


/* the value of name in the query; empty when it is not there */
static int
hd_cloud_api_arg(hd_mem_t *mem, const hd_str_t *args, const char *name,
    hd_str_t *out)
{
    hd_str_t              key;
    const unsigned char  *p, *end, *next, *eq;

    hd_str_set(out, "");

    if (args->len == 0) {
        return HD_OK;
    }

    end = args->data + args->len;

    for (p = args->data; p < end; p = next + 1) {

        next = memchr(p, '&', (size_t) (end - p));
        if (next == NULL) {
            next = end;
        }

        eq = memchr(p, '=', (size_t) (next - p));
        if (eq == NULL) {
            continue;
        }

        /* "hub%2Emode" is the same name */
        if (hd_cloud_api_unescape(mem, p, (size_t) (eq - p), &key) != HD_OK) {
            continue;
        }

        if (key.len == strlen(name) && memcmp(key.data, name, key.len) == 0) {
            return hd_cloud_api_unescape(mem, eq + 1,
                                         (size_t) (next - eq) - 1, out);
        }
    }

    return HD_OK;
}


static int
hd_cloud_api_challenge(hd_mem_t *mem, const hd_account_t *account,
    const hd_str_t *args, hd_str_t *reply)
{
    size_t         i;
    hd_str_t       mode, token, challenge;
    unsigned char  given[32], ours[32];

    if (account->verify_token.len == 0
        || hd_cloud_api_arg(mem, args, "hub.mode", &mode) != HD_OK
        || hd_cloud_api_arg(mem, args, "hub.verify_token", &token) != HD_OK
        || hd_cloud_api_arg(mem, args, "hub.challenge", &challenge) != HD_OK
        || !hd_str_eq(&mode, "subscribe"))
    {
        return HD_ERROR;
    }

    /* hashed, so that not even the token's length shows in the time */
    hd_sha256(token.data, token.len, given);
    hd_sha256(account->verify_token.data, account->verify_token.len, ours);

    if (!hd_equal_ct(given, ours, sizeof(ours))
        || challenge.len == 0 || challenge.len > HD_CHALLENGE_MAX)
    {
        return HD_ERROR;
    }

    /* it is sent back: nothing that could be more than a word */
    for (i = 0; i < challenge.len; i++) {
        if (challenge.data[i] < ' ' || challenge.data[i] > '~'
            || challenge.data[i] == '<')
        {
            return HD_ERROR;
        }
    }

    *reply = challenge;

    return HD_OK;
}


const hd_provider_t  hd_provider_cloud_api = {
    "cloud_api",
    1,
    hd_cloud_api_build,
    hd_cloud_api_answer,
    hd_cloud_api_verify,
    "x-hub-signature-256",
    hd_cloud_api_challenge,
    hd_cloud_api_webhook,
    "https://graph.facebook.com",
    "v23.0",
    .counts_inbound = 1,
    .types = hd_message_bit(HD_MESSAGE_TEXT)
             | hd_message_bit(HD_MESSAGE_TEMPLATE)
             | HD_MESSAGE_MEDIA
             | hd_message_bit(HD_MESSAGE_LOCATION)
             | hd_message_bit(HD_MESSAGE_CONTACTS)
             | hd_message_bit(HD_MESSAGE_REACTION)
             | hd_message_bit(HD_MESSAGE_INTERACTIVE),
    .ops = hd_cloud_api_ops
};
