/*
 * waha: WhatsApp by a QR code, through the WAHA gateway.  Here: requests in
 * general, what its answers mean, the proof of its webhooks, its table.
 *
 * A session is an account; its name is the account's number_id.  Codes of
 * errors are the gateway's HTTP statuses, and our own (errors.c) for what it
 * says by words: no such session (HD_CODE_NO_SESSION), one that is not
 * connected (HD_CODE_SESSION), a wrong key (HD_CODE_GATEWAY_KEY).
 */

#include "waha.h"


int
hd_waha_take(hd_mem_t *mem, hd_buf_t *b, hd_str_t *out)
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


/* what people type goes into a path: only what is plain there stays */
static void
hd_waha_segment(hd_buf_t *b, const hd_str_t *s)
{
    size_t         i;
    unsigned char  c, hex[2];

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '@'
            || (c == '.' && i != 0))
        {
            hd_buf_char(b, c);
            continue;
        }

        hd_hex(hex, &c, 1);
        hd_buf_char(b, '%');
        hd_buf_add(b, hex, 2);
    }
}


int
hd_waha_request(hd_mem_t *mem, const hd_account_t *account,
    const char *method, const char *path, const hd_str_t *parts,
    hd_provider_request_t *out)
{
    int          rc;
    size_t       i;
    hd_buf_t     b;
    const char  *p;

    memset(out, 0, sizeof(hd_provider_request_t));
    out->method = method;

    hd_buf_init(&b);
    hd_buf_str(&b, &account->base_url);

    /* an address with a slash at its end is the same */

    while (b.len != 0 && b.data[b.len - 1] == '/') {
        b.len--;
    }

    for (p = path; *p != '\0'; p++) {

        if (*p != '{') {
            hd_buf_char(&b, *p);
            continue;
        }

        hd_waha_segment(&b, parts++);

        while (*p != '}') {
            p++;
        }
    }

    rc = hd_waha_take(mem, &b, &out->url);

    if (rc == HD_OK) {
        hd_buf_z(&b, "X-Api-Key: ");

        /* a key pasted with a line end would end the header early */

        for (i = 0; i < account->token.len; i++) {
            if (account->token.data[i] > ' '
                && account->token.data[i] != 0x7f)
            {
                hd_buf_char(&b, account->token.data[i]);
            }
        }

        rc = hd_waha_take(mem, &b, &out->headers[0]);
    }

    hd_str_set(&out->headers[1], "Accept: application/json");
    out->nheaders = 2;

    hd_buf_free(&b);

    return rc;
}


int
hd_waha_body(hd_mem_t *mem, hd_buf_t *b, hd_provider_request_t *out)
{
    hd_str_set(&out->headers[out->nheaders], "Content-Type: application/json");
    out->nheaders++;

    return hd_waha_take(mem, b, &out->body);
}


/* ── answers ── */

/* a text, or the first of a list of texts */
static hd_str_t
hd_waha_said(const hd_json_t *root, const char *key)
{
    hd_str_t    none;
    hd_json_t  *v;

    v = hd_json_get(root, key);

    if (v != NULL && v->type == HD_JSON_ARRAY) {
        v = v->child;
    }

    if (v != NULL && v->type == HD_JSON_STRING) {
        return v->str;
    }

    hd_str_set(&none, "");

    return none;
}


unsigned char *
hd_waha_search(const hd_str_t *s, const char *z)
{
    size_t  i, n;

    n = strlen(z);

    for (i = 0; i + n <= s->len; i++) {
        if (memcmp(s->data + i, z, n) == 0) {
            return s->data + i;
        }
    }

    return NULL;
}


static int
hd_waha_contains(const hd_str_t *s, const char *z)
{
    return hd_waha_search(s, z) != NULL;
}


/*
 * 422 is two things: the session is not there or not connected (then it says
 * which state it has), or a field is wrong.
 */
static int
hd_waha_code(int http_status, const hd_json_t *root, const hd_str_t *detail)
{
    switch (http_status) {

    case 401:
    case 403:
        return HD_CODE_GATEWAY_KEY;

    case 404:
        return hd_waha_contains(detail, "ession") ? HD_CODE_NO_SESSION : 404;

    case 422:
        if (hd_json_get(root, "expected") != NULL
            || hd_waha_contains(detail, "Session status"))
        {
            return HD_CODE_SESSION;
        }

        if (hd_waha_contains(detail, "ession")
            && (hd_waha_contains(detail, "exist")
                || hd_waha_contains(detail, "not found")))
        {
            return HD_CODE_NO_SESSION;
        }

        return 422;

    default:
        return http_status;
    }
}


static const hd_error_row_t *
hd_waha_row(int code)
{
    const hd_error_row_t  *row;

    if (code == HD_CODE_GATEWAY_KEY || code == HD_CODE_SESSION
        || code == HD_CODE_NO_SESSION)
    {
        return hd_error_find(code);
    }

    row = hd_error_http(code);

    /* what it does not like about a request, it does not like again */

    return (row->class == HD_CLASS_UNKNOWN_CODE && code >= 400 && code < 500)
           ? hd_error_find(100) : row;
}


static const char *const  hd_waha_ids[] = {
    "id._serialized", "id", "key.id", "_data.id._serialized", "_data.key.id",
    "_data.Info.ID", "id.id", "message.key.id", NULL
};


/* the status and the body of what failed; NULL root: no JSON */
static void
hd_waha_refused(int http_status, const hd_json_t *root,
    hd_provider_answer_t *out)
{
    out->detail = hd_waha_said(root, "message");

    if (out->detail.len == 0) {
        out->detail = hd_waha_said(root, "error");
    }

    if (out->detail.len == 0) {
        out->detail = hd_waha_said(hd_json_get(root, "exception"), "message");
    }

    /* a gateway that did not hear back knows no more than we do; and a 500 is
     * how WAHA tells that its engine threw, perhaps after it had sent */

    if (http_status == 500 || http_status == 504) {
        return;
    }

    out->outcome = HD_OUTCOME_REJECTED;
    out->code = hd_waha_code(http_status, root, &out->detail);
    out->row = hd_waha_row(out->code);
}


void
hd_waha_answer(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_provider_answer_t *out)
{
    hd_str_t    name;
    hd_json_t  *root;

    memset(out, 0, sizeof(hd_provider_answer_t));

    out->outcome = HD_OUTCOME_UNKNOWN;
    out->row = hd_error_find(-1);

    hd_str_set(&out->provider_id, "");
    hd_str_set(&out->wa_id, "");
    hd_str_set(&out->detail, "");

    if (http_status < 200) {
        return;
    }

    root = hd_json_parse_foreign(mem, body->data, body->len, HD_WAHA_DEPTH,
                                 NULL);

    if (http_status >= 300) {
        hd_waha_refused(http_status, root, out);
        return;
    }

    /* "Created", and nothing more to say */

    if (http_status == 201 && body->len == 0) {
        out->outcome = HD_OUTCOME_ACCEPTED;
        return;
    }

    /* a success we cannot read may well have been sent */

    if (root == NULL
        || (root->type != HD_JSON_OBJECT && root->type != HD_JSON_TRUE))
    {
        return;
    }

    name = hd_waha_first(root, hd_waha_ids);
    out->provider_id = hd_waha_key(&name);
    out->outcome = HD_OUTCOME_ACCEPTED;
}


hd_json_t *
hd_waha_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_json_t             *root;
    hd_provider_answer_t  *a;

    a = &out->answer;
    memset(out, 0, sizeof(hd_op_answer_t));

    a->outcome = HD_OUTCOME_UNKNOWN;
    a->row = hd_error_find(-1);

    hd_str_set(&a->provider_id, "");
    hd_str_set(&a->wa_id, "");
    hd_str_set(&a->detail, "");
    hd_str_set(&out->result, "{}");

    if (http_status < 200) {
        return NULL;
    }

    root = hd_json_parse_foreign(mem, body->data, body->len, HD_WAHA_DEPTH,
                                 NULL);

    if (http_status >= 300) {
        hd_waha_refused(http_status, root, a);

        if (a->outcome == HD_OUTCOME_UNKNOWN) {
            /* no message: asking again does no harm */
            a->outcome = HD_OUTCOME_REJECTED;
            a->code = http_status;
            a->row = hd_error_http(http_status);
        }

        return NULL;
    }

    /* many say nothing at all when it is done */

    if (root == NULL && body->len == 0) {
        root = hd_calloc(mem, sizeof(hd_json_t));
    }

    if (root != NULL) {
        a->outcome = HD_OUTCOME_ACCEPTED;
    }

    return root;
}


void
hd_waha_result(hd_mem_t *mem, hd_buf_t *b, hd_op_answer_t *out)
{
    if (hd_waha_take(mem, b, &out->result) != HD_OK) {
        out->answer.outcome = HD_OUTCOME_UNKNOWN;
        hd_str_set(&out->result, "{}");
    }

    hd_buf_free(b);
}


/* ── the proof ── */

static int
hd_waha_verify(const hd_account_t *account, const hd_proof_t *proof)
{
    size_t           i;
    unsigned char    given[64], ours[64];
    const hd_str_t  *alg;

    static const char  sha512[] = "sha512";

    alg = &proof->algorithm;

    if (alg->len != 0) {
        if (alg->len != sizeof(sha512) - 1) {
            return 0;
        }

        for (i = 0; i < alg->len; i++) {
            if ((alg->data[i] | 0x20) != (sha512[i] | 0x20)) {
                return 0;
            }
        }
    }

    if (account->app_secret.len == 0 || proof->signature.len != 128
        || hd_unhex(given, proof->signature.data, 128) != HD_OK)
    {
        return 0;
    }

    hd_hmac_sha512(account->app_secret.data, account->app_secret.len,
                   proof->body.data, proof->body.len, ours);

    return hd_equal_ct(given, ours, sizeof(ours));
}


static const hd_op_t *const  hd_waha_ops[HD_OP_MAX] = {
    [HD_OP_SESSION_CREATE] = &hd_waha_session_create,
    [HD_OP_SESSION_GET] = &hd_waha_session_get,
    [HD_OP_SESSION_START] = &hd_waha_session_start,
    [HD_OP_SESSION_STOP] = &hd_waha_session_stop,
    [HD_OP_SESSION_RESTART] = &hd_waha_session_restart,
    [HD_OP_SESSION_LOGOUT] = &hd_waha_session_logout,
    [HD_OP_SESSION_DELETE] = &hd_waha_session_delete,
    [HD_OP_SESSION_QR] = &hd_waha_session_qr,
    [HD_OP_SESSION_CODE] = &hd_waha_session_code,
    [HD_OP_NUMBER_GET] = &hd_waha_number_get,
    [HD_OP_PROFILE_GET] = &hd_waha_profile_get,
    [HD_OP_PROFILE_SET] = &hd_waha_profile_set,
    [HD_OP_MEDIA_GET] = &hd_waha_media_get,
    [HD_OP_MARK_READ] = &hd_waha_mark_read,
    [HD_OP_TYPING] = &hd_waha_typing,
    [HD_OP_CHATS] = &hd_waha_chats,
    [HD_OP_STATUS_POST] = &hd_waha_status_post,
    [HD_OP_STATUS_DELETE] = &hd_waha_status_delete,
    [HD_OP_GROUPS] = &hd_waha_groups
};


const hd_provider_t  hd_provider_waha = {
    .name = "waha",
    .build = hd_waha_build,
    .answer = hd_waha_answer,
    .verify = hd_waha_verify,
    .signature_header = "x-webhook-hmac",
    .webhook = hd_waha_webhook,
    .base_url = "http://127.0.0.1:3000",
    .api_version = "",
    .qr = 1,
    .media_links = 1,
    .types = hd_message_bit(HD_MESSAGE_TEXT)
             | hd_message_bit(HD_MESSAGE_TEMPLATE)
             | hd_message_bit(HD_MESSAGE_IMAGE)
             | hd_message_bit(HD_MESSAGE_VIDEO)
             | hd_message_bit(HD_MESSAGE_AUDIO)
             | hd_message_bit(HD_MESSAGE_DOCUMENT)
             | hd_message_bit(HD_MESSAGE_LOCATION)
             | hd_message_bit(HD_MESSAGE_CONTACTS)
             | hd_message_bit(HD_MESSAGE_REACTION)
             | hd_message_bit(HD_MESSAGE_INTERACTIVE)
             | hd_message_bit(HD_MESSAGE_POLL),
    .ops = hd_waha_ops
};
