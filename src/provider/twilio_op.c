/*
 * twilio_op: what else is asked of Twilio: the account, files that people
 * sent, templates (their documents are in twilio_template.c).
 *
 * Templates ("Content") live on a host of their own: content.twilio.com beside
 * api.twilio.com.  Another base_url (a proxy, a test) has both.  A template is
 * made first and given to WhatsApp's reviewers by a second request:
 * TEMPLATE_CREATE, then TEMPLATE_SUBMIT.
 */

#include "twilio.h"


#define HD_TWILIO_OP_DEPTH  24
#define HD_TWILIO_PAGE      "50"


/* requests */

static int
hd_twilio_declined(const char **why, const char *words)
{
    *why = words;

    return HD_DECLINED;
}


/* https://api.twilio.com, https://api.dublin.ie1.twilio.com */
static int
hd_twilio_is_api(const hd_str_t *url)
{
    static const char  head[] = "https://api.", tail[] = ".twilio.com";

    return url->len >= sizeof(head) - 1 + sizeof("twilio.com") - 1
           && memcmp(url->data, head, sizeof(head) - 1) == 0
           && memcmp(url->data + url->len - (sizeof(tail) - 1), tail,
                     sizeof(tail) - 1)
              == 0;
}


static void
hd_twilio_content_base(hd_buf_t *b, const hd_account_t *account)
{
    if (hd_twilio_is_api(&account->base_url)) {
        hd_buf_z(b, "https://content.twilio.com");

    } else {
        hd_buf_str(b, &account->base_url);
    }
}


/* the URL that stands in b, credentials, a body or none */
static int
hd_twilio_request(hd_mem_t *mem, const hd_account_t *account,
    const char *method, hd_buf_t *b, hd_provider_request_t *out)
{
    out->method = method;
    out->nheaders = 1;

    if (hd_twilio_take(mem, b, &out->url) != HD_OK) {
        return HD_ERROR;
    }

    return hd_twilio_auth(mem, account, &out->headers[0]);
}


static int
hd_twilio_json(hd_mem_t *mem, hd_buf_t *b, hd_provider_request_t *out)
{
    static const hd_str_t  type = hd_str("Content-Type: application/json");

    out->headers[out->nheaders++] = type;

    return hd_twilio_take(mem, b, &out->body);
}


int
hd_twilio_is_sid(const hd_str_t *s, const char *kind)
{
    size_t         i;
    unsigned char  c;

    if (s->len != HD_TWILIO_SID || memcmp(s->data, kind, 2) != 0) {
        return 0;
    }

    for (i = 2; i < s->len; i++) {
        c = s->data[i] | 0x20;

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return 0;
        }
    }

    return 1;
}


/* answers */

/* the frame of an answer: what is accepted and can be read has a tree */
static hd_json_t *
hd_twilio_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_json_t        *root;
    hd_json_error_t   err;

    memset(out, 0, sizeof(hd_op_answer_t));

    out->answer.outcome = HD_OUTCOME_UNKNOWN;
    out->answer.row = hd_error_find(-1);
    hd_str_set(&out->answer.provider_id, "");
    hd_str_set(&out->answer.wa_id, "");
    hd_str_set(&out->answer.detail, "");
    hd_str_set(&out->result, "{}");

    if (http_status < 200) {
        return NULL;
    }

    root = hd_json_parse_foreign(mem, body->data, body->len,
                                 HD_TWILIO_OP_DEPTH, &err);

    if (http_status < 300) {

        if (root == NULL || root->type != HD_JSON_OBJECT) {
            hd_str_set(&out->answer.detail, "The answer cannot be read.");
            return NULL;
        }

        return root;
    }

    if (http_status >= 500 && hd_json_get(root, "code") == NULL) {
        out->answer.row = hd_error_http(http_status);
        out->answer.code = http_status;
        return NULL;
    }

    hd_twilio_refused(http_status, root, &out->answer);

    return NULL;
}


static void
hd_twilio_result(hd_mem_t *mem, hd_buf_t *b, hd_op_answer_t *out)
{
    if (hd_twilio_take(mem, b, &out->result) == HD_OK) {
        out->answer.outcome = HD_OUTCOME_ACCEPTED;

    } else {
        hd_str_set(&out->answer.detail, "Out of memory.");
    }

    hd_buf_free(b);
}


void
hd_twilio_put(hd_buf_t *b, const char *name, const hd_str_t *value)
{
    hd_buf_char(b, '"');
    hd_buf_z(b, name);
    hd_buf_z(b, "\":");

    if (value->len != 0) {
        hd_jw_str(b, value);

    } else {
        hd_buf_z(b, "null");
    }
}


/* the account */

static int
hd_twilio_number_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int       rc;
    hd_buf_t  b;

    (void) args;

    memset(out, 0, sizeof(hd_provider_request_t));

    if (!hd_twilio_is_sid(&account->business_id, "AC")) {
        return hd_twilio_declined(why, "business_id is no AccountSid: \"AC\" "
                                       "and 32 hexadecimal digits");
    }

    hd_buf_init(&b);
    hd_buf_str(&b, &account->base_url);
    hd_buf_char(&b, '/');
    hd_twilio_escape(&b, &account->api_version);
    hd_buf_z(&b, "/Accounts/");
    hd_buf_str(&b, &account->business_id);
    hd_buf_z(&b, ".json");

    rc = hd_twilio_request(mem, account, "GET", &b, out);
    hd_buf_free(&b);

    return rc;
}


static void
hd_twilio_number_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    int         active;
    hd_buf_t    b;
    hd_str_t    s;
    hd_json_t  *root;

    root = hd_twilio_read(mem, http_status, body, out);

    if (root == NULL) {
        return;
    }

    s = hd_json_str(root, "status");
    active = hd_str_eq(&s, "active");

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_twilio_put(&b, "status", &s);
    hd_buf_char(&b, ',');

    s = hd_json_str(root, "friendly_name");
    hd_twilio_put(&b, "name", &s);
    hd_buf_char(&b, ',');

    /* Trial accounts reach confirmed numbers only: worth to be seen */
    s = hd_json_str(root, "type");
    hd_twilio_put(&b, "mode", &s);

    s = hd_json_str(root, "sid");
    hd_buf_char(&b, ',');
    hd_twilio_put(&b, "id", &s);

    hd_buf_z(&b, active ? ",\"health\":{\"can_send\":\"available\","
                          "\"entities\":[]}}"
                        : ",\"health\":{\"can_send\":\"blocked\","
                          "\"entities\":[]}}");

    hd_twilio_result(mem, &b, out);
}


/* files */

/* 1: the host is Twilio's, or the account's own base_url: the token may go */
static int
hd_twilio_trusted(const hd_account_t *account, const hd_str_t *url)
{
    size_t                n;
    const unsigned char  *p, *end;

    static const char  scheme[] = "https://", tail[] = ".twilio.com";

    n = account->base_url.len;

    if (n != 0 && url->len > n && memcmp(url->data, account->base_url.data, n)
        == 0 && url->data[n] == '/')
    {
        return 1;
    }

    if (url->len < sizeof(scheme) || memcmp(url->data, scheme, 8) != 0) {
        return 0;
    }

    p = url->data + 8;
    end = url->data + url->len;

    /* a host alone: with a user before it or a port after it, it is none */
    while (p != end && *p != '/' && *p != '?' && *p != '#') {
        if (*p == '@' || *p == ':' || *p == '\\') {
            return 0;
        }

        p++;
    }

    n = p - (url->data + 8);

    return n > sizeof(tail) - 1
           && memcmp(p - (sizeof(tail) - 1), tail, sizeof(tail) - 1) == 0;
}


static int
hd_twilio_media_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    hd_str_t  url;

    memset(out, 0, sizeof(hd_provider_request_t));

    url = hd_json_str(args, "url");

    if (url.len == 0) {
        return hd_twilio_declined(why, "url is missing");
    }

    out->method = "GET";
    out->to_file = 1;
    out->follow = 1;

    if (hd_str_dup(mem, &url, &out->url) != HD_OK) {
        return HD_ERROR;
    }

    if (!hd_twilio_trusted(account, &url)) {
        return HD_OK;
    }

    out->nheaders = 1;

    return hd_twilio_auth(mem, account, &out->headers[0]);
}


static void
hd_twilio_media_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    if (http_status >= 200 && http_status < 300) {
        memset(out, 0, sizeof(hd_op_answer_t));
        out->answer.outcome = HD_OUTCOME_ACCEPTED;
        out->answer.row = hd_error_find(-1);
        hd_str_set(&out->result, "{}");
        return;
    }

    (void) hd_twilio_read(mem, http_status, body, out);
}


/* templates */

static int
hd_twilio_create_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int       rc;
    hd_buf_t  b;

    memset(out, 0, sizeof(hd_provider_request_t));

    hd_buf_init(&b);
    hd_twilio_content_base(&b, account);
    hd_buf_z(&b, "/v1/Content");

    rc = hd_twilio_request(mem, account, "POST", &b, out);

    if (rc == HD_OK) {
        rc = hd_twilio_document(mem, &b, args, why);
    }

    if (rc == HD_OK) {
        rc = hd_twilio_json(mem, &b, out);
    }

    hd_buf_free(&b);

    return rc;
}


static void
hd_twilio_create_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_buf_t    b;
    hd_str_t    sid;
    hd_json_t  *root;

    root = hd_twilio_read(mem, http_status, body, out);

    if (root == NULL) {
        return;
    }

    sid = hd_json_str(root, "sid");

    if (!hd_twilio_is_sid(&sid, "HX")) {
        hd_str_set(&out->answer.detail, "The answer has no content sid.");
        return;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_twilio_put(&b, "id", &sid);
    hd_buf_z(&b, ",\"status\":\"draft\",\"category\":null}");

    hd_twilio_result(mem, &b, out);
}


static int
hd_twilio_submit_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int       rc;
    size_t    i;
    hd_buf_t  b;
    hd_str_t  id, name, category;

    memset(out, 0, sizeof(hd_provider_request_t));

    id = hd_json_str(args, "id");
    name = hd_json_str(args, "name");
    category = hd_json_str(args, "category");

    if (!hd_twilio_is_sid(&id, "HX")) {
        return hd_twilio_declined(why, "id is no content sid: \"HX\" and 32 "
                                       "hexadecimal digits");
    }

    if (name.len == 0 || category.len == 0) {
        return hd_twilio_declined(why, "name and category are needed");
    }

    hd_buf_init(&b);
    hd_twilio_content_base(&b, account);
    hd_buf_z(&b, "/v1/Content/");
    hd_buf_str(&b, &id);
    hd_buf_z(&b, "/ApprovalRequests/whatsapp");

    rc = hd_twilio_request(mem, account, "POST", &b, out);

    hd_buf_z(&b, "{\"name\":");
    hd_jw_str(&b, &name);
    hd_buf_z(&b, ",\"category\":\"");

    for (i = 0; i < category.len; i++) {
        if ((category.data[i] | 0x20) >= 'a'
            && (category.data[i] | 0x20) <= 'z')
        {
            hd_buf_char(&b, category.data[i] & ~0x20);
        }
    }

    hd_buf_z(&b, "\"}");

    if (rc == HD_OK) {
        rc = hd_twilio_json(mem, &b, out);
    }

    hd_buf_free(&b);

    return rc;
}


static void
hd_twilio_submit_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_buf_t    b;
    hd_json_t  *root;

    root = hd_twilio_read(mem, http_status, body, out);

    if (root == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_twilio_put_approval(&b, root);
    hd_buf_char(&b, '}');

    hd_twilio_result(mem, &b, out);
}


static int
hd_twilio_delete_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int       rc;
    hd_buf_t  b;
    hd_str_t  id;

    memset(out, 0, sizeof(hd_provider_request_t));

    id = hd_json_str(args, "id");

    if (!hd_twilio_is_sid(&id, "HX")) {
        return hd_twilio_declined(why, "id is no content sid: Twilio deletes "
                                       "templates one by one");
    }

    hd_buf_init(&b);
    hd_twilio_content_base(&b, account);
    hd_buf_z(&b, "/v1/Content/");
    hd_buf_str(&b, &id);

    rc = hd_twilio_request(mem, account, "DELETE", &b, out);
    hd_buf_free(&b);

    return rc;
}


/* 204: there is no body */
static void
hd_twilio_delete_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_twilio_media_read(mem, http_status, body, out);
}


static int
hd_twilio_digits_only(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }
    }

    return s->len != 0;
}


static int
hd_twilio_list_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    int         rc;
    hd_buf_t    b;
    hd_str_t    cursor;
    hd_json_t  *limit;

    (void) why;

    memset(out, 0, sizeof(hd_provider_request_t));

    cursor = hd_json_str(args, "cursor");
    limit = hd_json_get(args, "limit");

    hd_buf_init(&b);
    hd_twilio_content_base(&b, account);
    hd_buf_z(&b, "/v1/ContentAndApprovals?");

    if (cursor.len != 0) {
        /* the query of the next page, as Twilio wrote it */
        hd_buf_str(&b, &cursor);

    } else {
        hd_buf_z(&b, "PageSize=");

        if (limit != NULL && hd_twilio_digits_only(&limit->str)) {
            hd_buf_str(&b, &limit->str);

        } else {
            hd_buf_z(&b, HD_TWILIO_PAGE);
        }
    }

    rc = hd_twilio_request(mem, account, "GET", &b, out);
    hd_buf_free(&b);

    return rc;
}


/* what follows "?" in the address of the next page, if only that */
static hd_str_t
hd_twilio_cursor(const hd_json_t *root)
{
    size_t          i;
    hd_str_t        url, none = hd_str("");
    unsigned char  *p;

    url = hd_json_str(hd_json_get(root, "meta"), "next_page_url");
    p = url.len ? memchr(url.data, '?', url.len) : NULL;

    if (p == NULL) {
        return none;
    }

    url.len -= (size_t) (++p - url.data);
    url.data = p;

    for (i = 0; i < url.len; i++) {
        if (url.data[i] <= ' ' || url.data[i] >= 0x7f || url.data[i] == '#') {
            return none;
        }
    }

    return url;
}


static void
hd_twilio_list_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out)
{
    hd_buf_t    b;
    hd_str_t    cursor;
    hd_json_t  *root, *list, *v;

    root = hd_twilio_read(mem, http_status, body, out);
    list = hd_json_get(root, "contents");

    if (root == NULL) {
        return;
    }

    if (list == NULL || list->type != HD_JSON_ARRAY) {
        hd_str_set(&out->answer.detail, "The answer has no contents.");
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"templates\":[");

    for (v = list->child; v != NULL; v = v->next) {

        if (v != list->child) {
            hd_buf_char(&b, ',');
        }

        hd_twilio_put_template(&b, v);
    }

    hd_buf_z(&b, "],");
    cursor = hd_twilio_cursor(root);
    hd_twilio_put(&b, "cursor", &cursor);
    hd_buf_char(&b, '}');

    hd_twilio_result(mem, &b, out);
}


/* the table */

#define hd_twilio_op(name)                                                    \
    static const hd_op_t  hd_twilio_op_##name = {                             \
        hd_twilio_##name##_build, hd_twilio_##name##_read                     \
    }

hd_twilio_op(number);
hd_twilio_op(media);
hd_twilio_op(create);
hd_twilio_op(submit);
hd_twilio_op(delete);
hd_twilio_op(list);

const hd_op_t *const  hd_twilio_ops[HD_OP_MAX] = {
    [HD_OP_NUMBER_GET] = &hd_twilio_op_number,
    [HD_OP_MEDIA_GET] = &hd_twilio_op_media,
    [HD_OP_TEMPLATE_CREATE] = &hd_twilio_op_create,
    [HD_OP_TEMPLATE_SUBMIT] = &hd_twilio_op_submit,
    [HD_OP_TEMPLATE_DELETE] = &hd_twilio_op_delete,
    [HD_OP_TEMPLATE_LIST] = &hd_twilio_op_list
};
