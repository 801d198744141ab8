/*
 * cloud_api_op: operations: how a request is made and an answer read, and the
 * table.  Files and conversations are in cloud_api_media.c, numbers and their
 * business in cloud_api_number.c, templates in cloud_api_template.c.
 */

#include "cloud_api_op.h"


/* requests */

/* what people type goes into a path: only what is plain there stays */
void
hd_cloud_api_segment(hd_buf_t *b, const hd_str_t *s)
{
    size_t         i;
    unsigned char  c, hex[2];

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
            || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'
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


void
hd_cloud_api_begin(hd_buf_t *b, const hd_account_t *account,
    const hd_str_t *id, const char *tail)
{
    hd_buf_str(b, &account->base_url);
    hd_buf_char(b, '/');
    hd_cloud_api_segment(b, &account->api_version);
    hd_buf_char(b, '/');
    hd_cloud_api_segment(b, id);
    hd_buf_z(b, tail);
}


int
hd_cloud_api_take(hd_mem_t *mem, hd_buf_t *b, hd_str_t *out)
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


/* a token pasted with a line end would end the header early */
int
hd_cloud_api_bearer(hd_mem_t *mem, const hd_account_t *account,
    hd_provider_request_t *out)
{
    size_t           i;
    unsigned char   *p;
    const hd_str_t  *token = &account->token;

    static const hd_str_t  name = hd_str("Authorization: Bearer ");

    p = hd_alloc(mem, name.len + token->len);
    if (p == NULL) {
        return HD_ERROR;
    }

    out->headers[out->nheaders].data = p;
    memcpy(p, name.data, name.len);
    p += name.len;

    for (i = 0; i < token->len; i++) {
        if (token->data[i] > ' ' && token->data[i] != 0x7f) {
            *p++ = token->data[i];
        }
    }

    out->headers[out->nheaders].len =
                          (size_t) (p - out->headers[out->nheaders].data);
    out->nheaders++;

    return HD_OK;
}


int
hd_cloud_api_json(hd_mem_t *mem, hd_buf_t *b, hd_provider_request_t *out)
{
    int  rc;

    static const hd_str_t  type = hd_str("Content-Type: application/json");

    rc = HD_OK;

    if (b->failed) {
        rc = HD_ERROR;

    } else if (b->len != 0) {
        out->headers[out->nheaders++] = type;
        rc = hd_cloud_api_take(mem, b, &out->body);
    }

    hd_buf_free(b);

    return rc;
}


hd_str_t
hd_cloud_api_config(hd_mem_t *mem, const hd_account_t *account,
    const char *name)
{
    hd_json_t  *config;

    config = NULL;

    if (account->config.len != 0) {
        config = hd_json_parse(mem, account->config.data, account->config.len,
                               4, NULL);
    }

    return hd_cloud_api_text(config, name);
}


int
hd_cloud_api_declined(hd_cloud_api_op_t *op, const char *why)
{
    *op->why = why;

    return HD_DECLINED;
}


int
hd_cloud_api_needed(hd_cloud_api_op_t *op, const char *name, const char *why,
    hd_str_t *value)
{
    *value = hd_cloud_api_text(op->args, name);

    return value->len != 0 ? HD_OK : hd_cloud_api_declined(op, why);
}


int
hd_cloud_api_business(hd_cloud_api_op_t *op, hd_str_t *id)
{
    *id = hd_cloud_api_text(op->args, "business_id");

    if (id->len == 0) {
        *id = op->account->business_id;
    }

    return id->len != 0 ? HD_OK
                        : hd_cloud_api_declined(op, "the account has no "
                              "business_id, the id of its WhatsApp Business "
                              "Account");
}


int
hd_cloud_api_true(const hd_json_t *args, const char *name)
{
    hd_json_t  *v;

    v = hd_json_get(args, name);

    return v != NULL && v->type == HD_JSON_TRUE;
}


void
hd_cloud_api_query(hd_cloud_api_op_t *op, const char *name,
    const hd_str_t *value)
{
    int  first;

    first = op->b.len != 0 && memchr(op->b.data, '?', op->b.len) == NULL;

    hd_buf_char(&op->b, first ? '?' : '&');
    hd_buf_z(&op->b, name);
    hd_buf_char(&op->b, '=');
    hd_cloud_api_segment(&op->b, value);
}


int
hd_cloud_api_url(hd_cloud_api_op_t *op)
{
    return hd_cloud_api_take(op->mem, &op->b, &op->out->url);
}


int
hd_cloud_api_make(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why,
    const char *method, int (*make)(hd_cloud_api_op_t *op))
{
    int                rc;
    hd_cloud_api_op_t  op;

    memset(out, 0, sizeof(hd_provider_request_t));

    out->method = method;

    op.mem = mem;
    op.account = account;
    op.args = args;
    op.out = out;
    op.why = why;
    hd_buf_init(&op.b);

    rc = make(&op);

    if (rc != HD_OK) {
        hd_buf_free(&op.b);
        return rc;
    }

    /* a request without a body ends with its URL */
    if (out->url.len == 0) {
        rc = hd_cloud_api_url(&op);
    }

    if (rc == HD_OK && out->nheaders == 0) {
        rc = hd_cloud_api_bearer(mem, account, out);
    }

    if (rc != HD_OK) {
        hd_buf_free(&op.b);
        return rc;
    }

    return hd_cloud_api_json(mem, &op.b, out);
}


/* answers */

void
hd_cloud_api_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out, int (*write)(hd_buf_t *b, const hd_json_t *root))
{
    hd_buf_t    b;
    hd_json_t  *root;

    hd_str_set(&out->result, "{}");

    root = hd_cloud_api_outcome(mem, http_status, body, &out->answer);
    if (root == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');

    if (write(&b, root) == HD_OK) {

        /* each member ended with its comma */
        if (!b.failed && b.data[b.len - 1] == ',') {
            b.len--;
        }

        hd_buf_char(&b, '}');

        if (hd_cloud_api_take(mem, &b, &out->result) == HD_OK) {
            out->answer.outcome = HD_OUTCOME_ACCEPTED;
        }
    }

    hd_buf_free(&b);
}


int
hd_cloud_api_success(hd_buf_t *b, const hd_json_t *root)
{
    (void) b;

    return hd_cloud_api_true(root, "success") ? HD_OK : HD_ERROR;
}


void
hd_cloud_api_put(hd_buf_t *b, const char *name, const hd_str_t *value)
{
    hd_jw_z(b, name);
    hd_buf_char(b, ':');

    if (value->len != 0) {
        hd_jw_str(b, value);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_char(b, ',');
}


void
hd_cloud_api_put_lower(hd_buf_t *b, const char *name, const hd_str_t *value)
{
    size_t  i, from;

    hd_jw_z(b, name);
    from = b->len;
    hd_buf_char(b, ':');

    if (value->len != 0) {
        hd_jw_str(b, value);

    } else {
        hd_buf_z(b, "null");
    }

    /* the escapes of JSON are lower case already */
    for (i = from; !b->failed && i < b->len; i++) {
        if (b->data[i] >= 'A' && b->data[i] <= 'Z') {
            b->data[i] |= 0x20;
        }
    }

    hd_buf_char(b, ',');
}


void
hd_cloud_api_put_json(hd_buf_t *b, const char *name, const hd_json_t *v)
{
    hd_jw_z(b, name);
    hd_buf_char(b, ':');

    if (v != NULL) {
        hd_json_write(b, v);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_char(b, ',');
}


void
hd_cloud_api_put_int(hd_buf_t *b, const char *name, int64_t n)
{
    hd_jw_z(b, name);
    hd_buf_char(b, ':');
    hd_buf_int(b, n);
    hd_buf_char(b, ',');
}


void
hd_cloud_api_put_time(hd_buf_t *b, const char *name, int64_t seconds)
{
    hd_str_t       s;
    unsigned char  text[HD_RFC3339_LEN];

    hd_str_set(&s, "");

    if (seconds > 0 && seconds <= HD_CLOUD_API_END) {
        s.data = text;
        s.len = hd_time_format(text, seconds * 1000000);
    }

    hd_cloud_api_put(b, name, &s);
}


const hd_op_t *const  hd_cloud_api_ops[HD_OP_MAX] = {
    [HD_OP_NUMBER_GET] = &hd_cloud_api_op_number_get,
    [HD_OP_NUMBER_REGISTER] = &hd_cloud_api_op_register,
    [HD_OP_NUMBER_DEREGISTER] = &hd_cloud_api_op_deregister,
    [HD_OP_PROFILE_GET] = &hd_cloud_api_op_profile_get,
    [HD_OP_PROFILE_SET] = &hd_cloud_api_op_profile_set,
    [HD_OP_SUBSCRIBE] = &hd_cloud_api_op_subscribe,
    [HD_OP_EXCHANGE_CODE] = &hd_cloud_api_op_exchange_code,
    [HD_OP_TEMPLATE_CREATE] = &hd_cloud_api_op_template_create,
    [HD_OP_TEMPLATE_EDIT] = &hd_cloud_api_op_template_edit,
    [HD_OP_TEMPLATE_DELETE] = &hd_cloud_api_op_template_delete,
    [HD_OP_TEMPLATE_LIST] = &hd_cloud_api_op_template_list,
    [HD_OP_MEDIA_UPLOAD] = &hd_cloud_api_op_media_upload,
    [HD_OP_MEDIA_URL] = &hd_cloud_api_op_media_url,
    [HD_OP_MEDIA_GET] = &hd_cloud_api_op_media_get,
    [HD_OP_MEDIA_DELETE] = &hd_cloud_api_op_media_delete,
    [HD_OP_MARK_READ] = &hd_cloud_api_op_mark_read,
    [HD_OP_NUMBERS] = &hd_cloud_api_op_numbers,
    [HD_OP_TOKEN] = &hd_cloud_api_op_token,
    [HD_OP_UPLOAD_OPEN] = &hd_cloud_api_op_upload_open,
    [HD_OP_UPLOAD_SEND] = &hd_cloud_api_op_upload_send
};
