/*
 * The control API, for tests and the demo, from loopback only:
 *
 *   GET, PUT, POST, DELETE  _control/numbers/{id}
 *   GET                     _control/numbers
 *   POST                    _control/numbers/{id}/inbound
 *   POST                    _control/numbers/{id}/recipients, statuses, events
 *   …                       _control/clock, script     (command.c)
 *   GET                     _control/oracle            (oracle.c)
 *
 * PUT and POST do the same: the members given are set, the rest stays.
 */

#include "sandbox.h"
#include "waha.h"


typedef struct {
    const char                       *name;
    ngx_http_client_body_handler_pt   post;
} hd_sb_edge_t;


static ngx_int_t hd_sb_control_split(ngx_http_request_t *r, ngx_str_t *path,
    hd_sb_target_t *t, ngx_http_client_body_handler_pt *post);
static ngx_int_t hd_sb_control_other(ngx_http_request_t *r, ngx_str_t *path);
static ngx_int_t hd_sb_control_read(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt post);
static void hd_sb_control_set(ngx_http_request_t *r);
static void hd_sb_control_inbound(ngx_http_request_t *r);
static ngx_int_t hd_sb_control_list(ngx_http_request_t *r);


static const hd_sb_edge_t  hd_sb_edges[] = {
    { "inbound", hd_sb_control_inbound },
    { "recipients", hd_sb_command_recipient },
    { "statuses", hd_sb_command_statuses },
    { "events", hd_sb_command_event },
    { "media", hd_sb_media_make },
    { NULL, NULL }
};


ngx_int_t
hd_sb_control(ngx_http_request_t *r, ngx_str_t *path)
{
    hd_sb_target_t                   *t;
    ngx_http_client_body_handler_pt   post;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    if (path->len >= 5 && ngx_strncmp(path->data, "waha/", 5) == 0) {
        return hd_sb_waha_control(r, path);
    }

    if (path->len < 7 || ngx_strncmp(path->data, "numbers", 7) != 0) {
        return hd_sb_control_other(r, path);
    }

    if (hd_sb_control_split(r, path, t, &post) != NGX_OK) {
        return hd_sb_control_error(r, NGX_HTTP_NOT_FOUND, "no such path");
    }

    if (t->id.len == 0) {
        return hd_sb_control_list(r);
    }

    t->number = hd_sb_number_find(&t->id);

    if (r->method & (NGX_HTTP_PUT|NGX_HTTP_POST)) {
        return hd_sb_control_read(r, post);
    }

    if (t->edge.len > 0) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    if (t->number == NULL) {
        return hd_sb_control_error(r, NGX_HTTP_NOT_FOUND, "no such number");
    }

    if (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) {
        return hd_sb_control_show(r, t->number);
    }

    if (r->method == NGX_HTTP_DELETE) {
        hd_sb_number_delete(t->number);
        r->headers_out.status = NGX_HTTP_NO_CONTENT;
        r->header_only = 1;
        return ngx_http_discard_request_body(r) == NGX_OK
               ? ngx_http_send_header(r) : NGX_ERROR;
    }

    return NGX_HTTP_NOT_ALLOWED;
}


/* what is of the whole sandbox */

static ngx_int_t
hd_sb_control_other(ngx_http_request_t *r, ngx_str_t *path)
{
    ngx_uint_t  clock, script, get;

    clock = (path->len == 5 && ngx_strncmp(path->data, "clock", 5) == 0);
    script = (path->len == 6 && ngx_strncmp(path->data, "script", 6) == 0);
    get = (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) != 0;

    if (get && path->len == 6 && ngx_strncmp(path->data, "oracle", 6) == 0) {
        return hd_sb_oracle(r);
    }

    if (!clock && !script) {
        return hd_sb_control_error(r, NGX_HTTP_NOT_FOUND, "no such path");
    }

    if (get) {
        return hd_sb_command_get(r, path);
    }

    if (clock) {
        return r->method == NGX_HTTP_POST
               ? hd_sb_control_read(r, hd_sb_command_clock)
               : NGX_HTTP_NOT_ALLOWED;
    }

    return (r->method & (NGX_HTTP_PUT|NGX_HTTP_POST|NGX_HTTP_DELETE))
           ? hd_sb_control_read(r, hd_sb_command_script)
           : NGX_HTTP_NOT_ALLOWED;
}


static ngx_int_t
hd_sb_control_read(ngx_http_request_t *r, ngx_http_client_body_handler_pt post)
{
    ngx_int_t  rc;

    if (r->headers_in.content_length_n > HD_SB_BODY_MAX) {
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    r->request_body_in_single_buf = 1;
    rc = ngx_http_read_client_request_body(r, post);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


static ngx_int_t
hd_sb_control_split(ngx_http_request_t *r, ngx_str_t *path,
    hd_sb_target_t *t, ngx_http_client_body_handler_pt *post)
{
    u_char              *p, *last;
    const hd_sb_edge_t  *edge;

    p = path->data + 7;
    last = path->data + path->len;
    *post = hd_sb_control_set;

    if (p == last) {
        return (r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD)) ? NGX_OK : NGX_ERROR;
    }

    if (*p++ != '/') {
        return NGX_ERROR;
    }

    t->id.data = p;

    while (p < last && *p != '/') {
        p++;
    }

    t->id.len = p - t->id.data;

    if (t->id.len == 0 || t->id.len > HD_SB_ID_MAX) {
        return NGX_ERROR;
    }

    if (p == last) {
        return NGX_OK;
    }

    t->edge.data = ++p;
    t->edge.len = last - p;

    for (edge = hd_sb_edges; edge->name != NULL; edge++) {
        if (strlen(edge->name) == t->edge.len
            && memcmp(edge->name, p, t->edge.len) == 0)
        {
            *post = edge->post;
            return NGX_OK;
        }
    }

    return NGX_ERROR;
}


hd_json_t *
hd_sb_control_body(ngx_http_request_t *r)
{
    hd_mem_t          mem;
    ngx_int_t         rc;
    ngx_str_t         body;
    hd_json_t        *v;
    hd_json_error_t   err;

    rc = hd_sb_body(r, &body);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
        return NULL;
    }

    mem = hd_sb_mem(r->pool);
    v = hd_json_parse(&mem, body.data, body.len, 16, &err);

    if (v == NULL) {
        rc = hd_sb_control_error(r, NGX_HTTP_BAD_REQUEST, err.text);
        ngx_http_finalize_request(r, rc);
    }

    return v;
}


int
hd_sb_control_apply(const ngx_str_t *id, const hd_json_t *v, ngx_pool_t *pool,
    char *why, size_t size)
{
    hd_buf_t           b;
    ngx_int_t          rc;
    hd_sb_number_t    *n;
    hd_sb_settings_t   set;

    n = hd_sb_number_find(id);

    if (n != NULL) {
        set = n->set;

    } else {
        hd_sb_settings_default(&set);
    }

    why[0] = '\0';

    if (hd_sb_settings_merge(pool, &set, v, why, size) != HD_OK) {
        return HD_ERROR;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');
    hd_sb_settings_write(&b, &set);
    hd_buf_char(&b, '}');

    rc = b.failed ? NGX_ERROR : hd_sb_number_store(id, &b);
    hd_buf_free(&b);

    n = (rc == NGX_OK) ? hd_sb_number_find(id) : NULL;

    if (n != NULL && hd_json_get(v, "faults") != NULL) {
        hd_sb_fault_arm(n);
    }

    if (n == NULL || hd_sb_number_ring(n) != NGX_OK
        || (hd_json_get(v, "tier") != NULL
            && hd_sb_event_tiers(n, n->set.tier) != NGX_OK))
    {
        snprintf(why, size, "herald_sandbox_zone is full");
        return NGX_ABORT;
    }

    return HD_OK;
}


static void
hd_sb_control_set(ngx_http_request_t *r)
{
    int                rc;
    char               why[160];
    ngx_int_t          status;
    hd_json_t         *v;
    hd_sb_number_t    *n;
    hd_sb_target_t    *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return;
    }

    rc = hd_sb_control_apply(&t->id, v, r->pool, why, sizeof(why));
    n = hd_sb_number_find(&t->id);

    if (rc != HD_OK || n == NULL) {
        status = hd_sb_control_error(r, rc == HD_ERROR
                                        ? NGX_HTTP_BAD_REQUEST
                                        : NGX_HTTP_INSUFFICIENT_STORAGE, why);
        ngx_http_finalize_request(r, status);
        return;
    }

    if (n->set.sockaddr != NULL && !n->set.twilio
        && n->set.verify_token.len > 0
        && (hd_json_get(v, "webhook_url") || hd_json_get(v, "verify_token")))
    {
        (void) hd_sb_webhook_verify(n);
    }

    ngx_http_finalize_request(r, hd_sb_control_show(r, n));

    hd_sb_client_pump();
}


int
hd_sb_control_play(hd_sb_number_t *n, const hd_json_t *v,
    u_char id[HD_SB_WAMID_MAX], hd_str_t *wamid, char *why, size_t size)
{
    size_t            i, len;
    ngx_int_t         rc;
    hd_sb_inbound_t   in;

    if (n->set.sockaddr == NULL) {
        snprintf(why, size, "the number has no webhook_url");
        return HD_ERROR;
    }

    in.from = hd_json_str(v, "from");
    in.name = hd_json_str(v, "name");
    in.text = hd_json_str(v, "text");
    in.type = hd_json_str(v, "type");
    in.id = hd_json_str(v, "id");
    in.context_id = hd_json_str(v, "context_id");
    in.value = hd_json_get(v, "value");

    if (in.type.len == 0) {
        hd_str_set(&in.type, "text");
    }

    if (in.from.len > 0 && in.from.data[0] == '+') {
        in.from.data++;
        in.from.len--;
    }

    for (i = 0; i < in.from.len; i++) {
        if (in.from.data[i] < '0' || in.from.data[i] > '9') {
            break;
        }
    }

    rc = NGX_DECLINED;

    if (i > 0 && i == in.from.len && i <= 15) {
        rc = hd_sb_webhook_inbound(n, &in, id, &len);
    }

    if (rc == NGX_DECLINED) {
        snprintf(why, size, "\"from\" must be digits, \"type\" one of text,"
                 " button, interactive, reaction, image, video, document,"
                 " unsupported, or any with a \"value\"");
        return HD_ERROR;
    }

    if (rc != NGX_OK) {
        snprintf(why, size, "out of memory");
        return HD_ERROR;
    }

    wamid->data = in.id.len ? in.id.data : id;
    wamid->len = len;

    return HD_OK;
}


static void
hd_sb_control_inbound(ngx_http_request_t *r)
{
    char              why[160];
    u_char            id[HD_SB_WAMID_MAX];
    hd_buf_t          b;
    hd_str_t          wamid;
    ngx_int_t         rc;
    hd_json_t        *v;
    hd_sb_number_t   *n;
    hd_sb_target_t   *t;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    v = hd_sb_control_body(r);
    if (v == NULL) {
        return;
    }

    n = hd_sb_number_find(&t->id);

    if (n == NULL || n->set.sockaddr == NULL) {
        rc = hd_sb_control_error(r, NGX_HTTP_NOT_FOUND,
                                 "no such number, or it has no webhook_url");
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (hd_sb_control_play(n, v, id, &wamid, why, sizeof(why)) != HD_OK) {
        rc = hd_sb_control_error(r, NGX_HTTP_BAD_REQUEST, why);
        ngx_http_finalize_request(r, rc);
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"id\":");
    hd_jw_str(&b, &wamid);
    hd_buf_char(&b, '}');

    rc = hd_sb_control_send(r, &b);
    hd_buf_free(&b);
    ngx_http_finalize_request(r, rc);

    hd_sb_client_pump();
}


ngx_int_t
hd_sb_control_show(ngx_http_request_t *r, hd_sb_number_t *n)
{
    hd_buf_t       b;
    hd_str_t       id;
    ngx_int_t      rc, pending;
    ngx_uint_t     i;
    hd_sb_node_t  *node;

    static const char  *verified[] = { "null", "true", "false" };

    node = n->node;
    id.data = node->id;
    id.len = node->id_len;
    pending = 0;

    for (i = 0; i < HD_SB_SLOTS; i++) {
        pending += (ngx_int_t) node->pending[i];
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"phone_number_id\":");
    hd_jw_str(&b, &id);
    hd_buf_char(&b, ',');
    hd_sb_settings_write(&b, &n->set);
    hd_buf_printf(&b, ",\"verified\":%s,\"counters\":{\"requests\":%lu,"
                  "\"accepted\":%lu,\"rejected\":%lu,\"webhooks_sent\":%lu,"
                  "\"webhooks_failed\":%lu,\"webhooks_dropped\":%lu,"
                  "\"webhooks_pending\":%ld,\"statuses\":%lu,"
                  "\"inbound\":%lu,\"events\":%lu,\"faults\":%lu}}",
                  verified[node->verified % 3], node->requests,
                  node->accepted, node->rejected, node->webhooks_sent,
                  node->webhooks_failed, node->webhooks_dropped,
                  (long) pending, node->statuses, node->inbound,
                  node->events, node->faulted);

    rc = hd_sb_control_send(r, &b);
    hd_buf_free(&b);

    return rc;
}


static ngx_int_t
hd_sb_control_list(ngx_http_request_t *r)
{
    hd_buf_t         b;
    hd_str_t         id;
    ngx_int_t        rc;
    ngx_uint_t       i, any;
    hd_sb_number_t  *n;

    hd_sb_number_refresh();

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"numbers\":[");
    any = 0;

    for (i = 0; i < 256; i++) {
        for (n = hd_sb.numbers[i]; n != NULL; n = n->next) {
            if (!n->node->exists) {
                continue;
            }

            if (any++) {
                hd_buf_char(&b, ',');
            }

            id.data = n->node->id;
            id.len = n->node->id_len;
            hd_jw_str(&b, &id);
        }
    }

    hd_buf_z(&b, "]}");

    rc = hd_sb_control_send(r, &b);
    hd_buf_free(&b);

    return rc;
}


static ngx_int_t
hd_sb_control_reply(ngx_http_request_t *r, ngx_uint_t status, hd_buf_t *b)
{
    hd_mem_t   mem;
    hd_str_t   text;
    ngx_str_t  body;

    mem = hd_sb_mem(r->pool);
    text.data = b->data;
    text.len = b->len;

    if (b->failed || hd_str_dup(&mem, &text, (hd_str_t *) &body) != HD_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return hd_sb_answer_now(r, status, &body);
}


ngx_int_t
hd_sb_control_send(ngx_http_request_t *r, hd_buf_t *b)
{
    return hd_sb_control_reply(r, NGX_HTTP_OK, b);
}


ngx_int_t
hd_sb_control_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *why)
{
    hd_buf_t   b;
    ngx_int_t  rc;

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"error\":");
    hd_jw_z(&b, why);
    hd_buf_char(&b, '}');

    rc = hd_sb_control_reply(r, status, &b);
    hd_buf_free(&b);

    return rc;
}
