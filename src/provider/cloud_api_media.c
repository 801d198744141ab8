/*
 * cloud_api_media: operations on files, and those that belong to a
 * conversation.
 */

#include "cloud_api_op.h"


/* files */

static int
hd_cloud_api_media_upload(hd_cloud_api_op_t *op)
{
    hd_str_t  mime;

    if (hd_cloud_api_needed(op, "mime", "mime is missing", &mime) != HD_OK) {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, op->account, &op->account->number_id,
                       "/media");

    op->out->fields[0].name = "messaging_product";
    hd_str_set(&op->out->fields[0].value, "whatsapp");

    op->out->fields[1].name = "type";
    op->out->fields[1].value = mime;

    op->out->nfields = 2;
    op->out->file_part = "file";

    return HD_OK;
}


static int
hd_cloud_api_media_id(hd_buf_t *b, const hd_json_t *root)
{
    hd_str_t  id;

    id = hd_cloud_api_text(root, "id");
    hd_cloud_api_put(b, "id", &id);

    return id.len != 0 ? HD_OK : HD_ERROR;
}


static int
hd_cloud_api_media_one(hd_cloud_api_op_t *op)
{
    hd_str_t  id;

    if (hd_cloud_api_needed(op, "id", "id is missing", &id) != HD_OK) {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, op->account, &id, "");
    hd_cloud_api_query(op, "phone_number_id", &op->account->number_id);

    return HD_OK;
}


static int
hd_cloud_api_media_found(hd_buf_t *b, const hd_json_t *root)
{
    int64_t   bytes;
    hd_str_t  url, s;

    url = hd_json_str(root, "url");
    hd_cloud_api_put(b, "url", &url);

    s = hd_json_str(root, "mime_type");
    hd_cloud_api_put_lower(b, "mime", &s);

    if (hd_cloud_api_int(hd_json_get(root, "file_size"), &bytes) == HD_OK) {
        hd_cloud_api_put_int(b, "bytes", bytes);
    }

    s = hd_json_str(root, "sha256");
    hd_cloud_api_put(b, "sha256", &s);

    return url.len != 0 ? HD_OK : HD_ERROR;
}


/* 1: the URL's host is `host`, or ends with "." and it */
static int
hd_cloud_api_host(const hd_str_t *url, const char *host)
{
    size_t                len, n;
    const unsigned char  *p, *end;

    static const char  https[] = "https://";

    if (url->len < sizeof(https)
        || memcmp(url->data, https, sizeof(https) - 1) != 0)
    {
        return 0;
    }

    p = url->data + sizeof(https) - 1;
    end = p;

    while (end < url->data + url->len && *end != '/' && *end != '?'
           && *end != '#')
    {
        /* a user, a port, a backslash: not Meta's, and not ours to guess */
        if (*end == '@' || *end == ':' || *end == '\\' || *end <= ' ') {
            return 0;
        }

        end++;
    }

    n = (size_t) (end - p);
    len = strlen(host);

    return n >= len && memcmp(end - len, host, len) == 0
           && (n == len || end[-(ssize_t) len - 1] == '.');
}


/*
 * The token goes only where it belongs: to the account's own API, and to the
 * hosts of Meta's that keep files.
 */
static int
hd_cloud_api_media_get(hd_cloud_api_op_t *op)
{
    size_t           i;
    hd_str_t         url;
    const hd_str_t  *base = &op->account->base_url;

    static const char  *hosts[] = {
        "fbsbx.com", "fbcdn.net", "facebook.com", "whatsapp.net",
        "whatsapp.com"
    };

    if (hd_cloud_api_needed(op, "url", "url is missing", &url) != HD_OK) {
        return HD_DECLINED;
    }

    op->out->to_file = 1;
    hd_buf_str(&op->b, &url);

    if (url.len > base->len && memcmp(url.data, base->data, base->len) == 0
        && url.data[base->len] == '/')
    {
        return HD_OK;
    }

    for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (hd_cloud_api_host(&url, hosts[i])) {
            return HD_OK;
        }
    }

    return hd_cloud_api_declined(op, "the file is not on one of Meta's hosts");
}


/* the body went to the file: only a refusal is here to be read */
static void
hd_cloud_api_read_media_get(hd_mem_t *mem, int http_status,
    const hd_str_t *body, hd_op_answer_t *out)
{
    hd_str_t  none;

    hd_str_set(&none, "");
    hd_str_set(&out->result, "{}");

    (void) hd_cloud_api_outcome(mem, http_status,
                                http_status / 100 == 2 ? &none : body,
                                &out->answer);

    if (http_status / 100 == 2) {
        out->answer.outcome = HD_OUTCOME_ACCEPTED;
    }
}


/*
 * Samples of templates and pictures of profiles are uploaded to the app, in
 * two steps; "app" is the one of the token.
 */
static int
hd_cloud_api_upload_open(hd_cloud_api_op_t *op)
{
    int64_t   n;
    hd_str_t  app, mime, bytes, name;

    if (hd_cloud_api_needed(op, "mime", "mime is missing", &mime) != HD_OK
        || hd_cloud_api_needed(op, "bytes", "bytes is missing", &bytes)
           != HD_OK)
    {
        return HD_DECLINED;
    }

    if (hd_cloud_api_int(hd_json_get(op->args, "bytes"), &n) != HD_OK
        || n <= 0)
    {
        return hd_cloud_api_declined(op, "bytes must be a positive number");
    }

    app = hd_cloud_api_config(op->mem, op->account, "app_id");
    if (app.len == 0) {
        hd_str_set(&app, "app");
    }

    hd_cloud_api_begin(&op->b, op->account, &app, "/uploads");
    hd_cloud_api_query(op, "file_length", &bytes);
    hd_cloud_api_query(op, "file_type", &mime);

    name = hd_json_str(op->args, "filename");
    if (name.len != 0) {
        hd_cloud_api_query(op, "file_name", &name);
    }

    return HD_OK;
}


/* the session's id is "upload:…?sig=…": a path with its query */
static int
hd_cloud_api_upload_send(hd_cloud_api_op_t *op)
{
    size_t    i;
    hd_str_t  id;

    static const hd_str_t  offset = hd_str("file_offset: 0");
    static const hd_str_t  type =
                          hd_str("Content-Type: application/octet-stream");

    if (hd_cloud_api_needed(op, "id", "id is missing", &id) != HD_OK) {
        return HD_DECLINED;
    }

    for (i = 0; i < id.len; i++) {
        if (id.data[i] <= ' ' || id.data[i] >= 0x7f || id.data[i] == '/'
            || id.data[i] == '#' || id.data[i] == '\\')
        {
            return hd_cloud_api_declined(op, "id is no upload session");
        }
    }

    hd_buf_str(&op->b, &op->account->base_url);
    hd_buf_char(&op->b, '/');
    hd_cloud_api_segment(&op->b, &op->account->api_version);
    hd_buf_char(&op->b, '/');
    hd_buf_str(&op->b, &id);

    if (hd_cloud_api_bearer(op->mem, op->account, op->out) != HD_OK) {
        return HD_ERROR;
    }

    op->out->headers[op->out->nheaders++] = offset;
    op->out->headers[op->out->nheaders++] = type;
    op->out->raw_file = 1;

    return HD_OK;
}


static int
hd_cloud_api_upload_handle(hd_buf_t *b, const hd_json_t *root)
{
    hd_str_t  h;

    h = hd_json_str(root, "h");
    hd_cloud_api_put(b, "handle", &h);

    return h.len != 0 ? HD_OK : HD_ERROR;
}


/* conversation */

static int
hd_cloud_api_mark_read(hd_cloud_api_op_t *op)
{
    hd_str_t  id;

    if (hd_cloud_api_needed(op, "message_id", "message_id is missing", &id)
        != HD_OK)
    {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, op->account, &op->account->number_id,
                       "/messages");

    if (hd_cloud_api_url(op) != HD_OK) {
        return HD_ERROR;
    }

    hd_buf_z(&op->b, "{\"messaging_product\":\"whatsapp\","
                     "\"status\":\"read\",");
    hd_cloud_api_member(&op->b, "message_id", &id);

    if (hd_cloud_api_true(op->args, "typing")) {
        hd_buf_z(&op->b, ",\"typing_indicator\":{\"type\":\"text\"}");
    }

    hd_buf_char(&op->b, '}');

    return HD_OK;
}


hd_cloud_api_op(media_upload, "POST", hd_cloud_api_media_upload,
                hd_cloud_api_media_id);
hd_cloud_api_op(media_url, "GET", hd_cloud_api_media_one,
                hd_cloud_api_media_found);
hd_cloud_api_op(media_delete, "DELETE", hd_cloud_api_media_one,
                hd_cloud_api_success);
hd_cloud_api_op(upload_open, "POST", hd_cloud_api_upload_open,
                hd_cloud_api_media_id);
hd_cloud_api_op(upload_send, "POST", hd_cloud_api_upload_send,
                hd_cloud_api_upload_handle);
hd_cloud_api_op(mark_read, "POST", hd_cloud_api_mark_read,
                hd_cloud_api_success);


static int
hd_cloud_api_build_media_get(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why)
{
    return hd_cloud_api_make(mem, account, args, out, why, "GET",
                             hd_cloud_api_media_get);
}


const hd_op_t  hd_cloud_api_op_media_get = {
    hd_cloud_api_build_media_get, hd_cloud_api_read_media_get
};
