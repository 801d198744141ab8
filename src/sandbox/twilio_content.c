/*
 * The simulated Twilio's Content API: templates and their review.
 *
 *   POST         /v1/Content
 *   GET, DELETE  /v1/Content/{HX…}
 *   POST         /v1/Content/{HX…}/ApprovalRequests/whatsapp
 *   GET          /v1/ContentAndApprovals
 *
 *   unsubmitted -> received -> approved | rejected
 *
 * The name of the request decides, as at Meta (graph_review.c).  Twilio tells
 * nobody what came of it: the verdict falls when somebody looks, or sends.
 */

#include "twilio.h"


#define HD_SB_PAGE      50
#define HD_SB_PAGE_MAX  500


typedef struct {
    ngx_http_request_t  *request;
    hd_mem_t             mem;
    hd_str_t             owner;        /* the account's sid */
    hd_str_t             id;
    hd_json_t           *body;
    hd_buf_t             b;
    ngx_uint_t           status;
} hd_sb_content_t;


static void
hd_sb_content_refuse(hd_sb_content_t *c, int64_t code)
{
    hd_buf_free(&c->b);
    ngx_http_finalize_request(c->request,
                              hd_sb_twilio_refuse(c->request, code));
}


static void
hd_sb_content_send(hd_sb_content_t *c)
{
    ngx_int_t  rc;
    ngx_str_t  body;

    rc = hd_sb_twilio_body(c->request, &c->b, &body);

    ngx_http_finalize_request(c->request, rc == NGX_OK
        ? hd_sb_answer_now(c->request, c->status, &body)
        : NGX_HTTP_INTERNAL_SERVER_ERROR);
}


/* the copy as it is now: a review that is over has its verdict */

static int
hd_sb_content_get(ngx_pool_t *pool, const hd_str_t *owner, const hd_str_t *id,
    hd_sb_copy_t *copy)
{
    char         reason[64], quoted[80];
    int64_t      at, takes;
    hd_str_t     name, status;
    const char  *rejected, *category;

    if (hd_sb_object_get(pool, HD_SB_CONTENT, id, copy) != HD_OK
        || !hd_sb_same(&copy->owner, owner))
    {
        return HD_ERROR;
    }

    status = hd_json_str(copy->v, "_status");

    if (!hd_str_eq(&status, "received")
        || hd_json_int(hd_json_get(copy->v, "_at"), &at) != HD_OK)
    {
        return HD_OK;
    }

    name = hd_json_str(copy->v, "_name");
    takes = hd_sb_review_takes(&name);

    if (takes < 0 || hd_sb_clock() < at + takes * 1000) {
        return HD_OK;
    }

    rejected = hd_sb_review_verdict(&name, reason, sizeof(reason));
    snprintf(quoted, sizeof(quoted), "\"%s\"", rejected ? rejected : "");
    category = (!rejected && hd_sb_holds(&name, "recategory_"))
               ? "\"MARKETING\"" : NULL;

    /* somebody else may have looked at the same time: theirs is the same */
    (void) hd_sb_object_set(HD_SB_CONTENT, copy, "_status",
                            rejected ? "\"rejected\"" : "\"approved\"",
                            "_reason", quoted,
                            category ? "_category" : NULL, category, NULL);

    return hd_sb_object_get(pool, HD_SB_CONTENT, id, copy);
}


static void
hd_sb_content_put(hd_buf_t *b, const char *name, const hd_json_t *v,
    const char *member)
{
    hd_str_t  s;

    s = hd_json_str(v, member);
    hd_buf_printf(b, "\"%s\":", name);
    hd_jw_str(b, &s);
}


static void
hd_sb_content_approval(hd_buf_t *b, const hd_json_t *v)
{
    hd_json_t  *types;

    types = hd_json_get(v, "types");

    hd_buf_char(b, '{');
    hd_sb_content_put(b, "name", v, "_name");
    hd_buf_char(b, ',');
    hd_sb_content_put(b, "category", v, "_category");
    hd_buf_z(b, ",\"content_type\":");
    hd_jw_str(b, &types->child->key);
    hd_buf_char(b, ',');
    hd_sb_content_put(b, "status", v, "_status");
    hd_buf_char(b, ',');
    hd_sb_content_put(b, "rejection_reason", v, "_reason");
    hd_buf_z(b, ",\"allow_category_change\":true}");
}


/* without what is ours */

static void
hd_sb_content_write(hd_buf_t *b, const hd_json_t *t, ngx_uint_t approval)
{
    hd_json_t  *v;

    hd_buf_char(b, '{');

    for (v = t->child; v != NULL; v = v->next) {

        if (v->key.len > 0 && v->key.data[0] == '_') {
            continue;
        }

        hd_buf_z(b, v == t->child ? "" : ",");
        hd_jw_str(b, &v->key);
        hd_buf_char(b, ':');
        hd_json_write(b, v);
    }

    if (approval) {
        hd_buf_z(b, ",\"approval_requests\":");
        hd_sb_content_approval(b, t);
    }

    hd_buf_char(b, '}');
}


/* ── requests ── */

/* what Twilio's first look finds: 1 when it can be taken */

static ngx_uint_t
hd_sb_content_right(const hd_json_t *body)
{
    hd_str_t    s;
    hd_json_t  *types, *v;

    types = hd_json_get(body, "types");
    s = hd_json_str(body, "language");

    if (s.len == 0 || types == NULL || types->type != HD_JSON_OBJECT
        || types->count == 0)
    {
        return 0;
    }

    for (v = types->child; v != NULL; v = v->next) {
        if (v->type != HD_JSON_OBJECT
            || (!hd_str_eq(&v->key, "whatsapp/authentication")
                && hd_json_str(v, "body").len == 0))
        {
            return 0;
        }
    }

    types = hd_json_get(body, "variables");

    if (types != NULL && types->type != HD_JSON_OBJECT) {
        return 0;
    }

    for (v = types ? types->child : NULL; v != NULL; v = v->next) {
        if (v->type != HD_JSON_STRING) {
            return 0;
        }
    }

    return 1;
}


static void
hd_sb_content_create(hd_sb_content_t *c)
{
    size_t         i;
    u_char         key[18], id[HD_SB_TWILIO_SID];
    hd_buf_t       b;
    hd_json_t     *v;
    hd_sb_copy_t   copy;

    static const char  *names[] = {
        "friendly_name", "language", "variables", "types"
    };

    if (c->body == NULL || !hd_sb_content_right(c->body)) {
        hd_sb_content_refuse(c, 20001);
        return;
    }

    hd_sb_new_key(key);
    hd_sb_new_key(key + 9);
    id[0] = 'H';
    id[1] = 'X';
    hd_hex(id + 2, key + 2, 16);
    c->id.data = id;
    c->id.len = sizeof(id);

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"sid\":");
    hd_jw_str(&b, &c->id);
    hd_buf_z(&b, ",\"account_sid\":");
    hd_jw_str(&b, &c->owner);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        v = hd_json_get(c->body, names[i]);
        hd_buf_printf(&b, ",\"%s\":", names[i]);

        if (v != NULL) {
            hd_json_write(&b, v);

        } else {
            hd_buf_z(&b, i == 2 ? "{}" : "null");
        }
    }

    hd_buf_z(&b, ",\"_status\":\"unsubmitted\",\"_name\":\"\","
             "\"_category\":\"\",\"_reason\":\"\"}");

    i = hd_sb_object_put(HD_SB_CONTENT, &c->id, &c->owner, &b, 0) == HD_OK;
    hd_buf_free(&b);

    if (!i || hd_sb_object_get(c->request->pool, HD_SB_CONTENT, &c->id, &copy)
              != HD_OK)
    {
        hd_sb_content_refuse(c, 20429);
        return;
    }

    c->status = NGX_HTTP_CREATED;
    hd_sb_content_write(&c->b, copy.v, 0);
    hd_sb_content_send(c);
}


static void
hd_sb_content_submit(hd_sb_content_t *c, hd_sb_copy_t *copy)
{
    int          rc;
    char         at[32];
    size_t       i;
    hd_buf_t     name, category;
    hd_str_t     s, n;

    s = hd_json_str(copy->v, "_status");

    if (!hd_str_eq(&s, "unsubmitted")) {
        hd_sb_content_refuse(c, 20409);
        return;
    }

    n = hd_json_str(c->body, "name");
    s = hd_json_str(c->body, "category");

    for (i = 0; i < n.len; i++) {
        if (!((n.data[i] >= 'a' && n.data[i] <= 'z')
              || (n.data[i] >= '0' && n.data[i] <= '9') || n.data[i] == '_'))
        {
            n.len = 0;
        }
    }

    if (n.len == 0 || !(hd_str_eq(&s, "UTILITY") || hd_str_eq(&s, "MARKETING")
                        || hd_str_eq(&s, "AUTHENTICATION")))
    {
        hd_sb_content_refuse(c, 20001);
        return;
    }

    hd_buf_init(&name);
    hd_buf_init(&category);
    hd_jw_str(&name, &n);
    hd_jw_str(&category, &s);
    hd_buf_char(&name, '\0');
    hd_buf_char(&category, '\0');
    snprintf(at, sizeof(at), "%lld", (long long) hd_sb_clock());

    rc = (name.failed || category.failed) ? HD_ERROR
         : hd_sb_object_set(HD_SB_CONTENT, copy, "_status", "\"received\"",
                            "_name", name.data, "_category", category.data,
                            "_at", at, NULL);
    hd_buf_free(&name);
    hd_buf_free(&category);

    if (rc != HD_OK
        || hd_sb_content_get(c->request->pool, &c->owner, &c->id, copy)
           != HD_OK)
    {
        hd_sb_content_refuse(c, 20429);
        return;
    }

    c->status = NGX_HTTP_CREATED;
    hd_sb_content_approval(&c->b, copy->v);
    hd_sb_content_send(c);
}


static ngx_uint_t
hd_sb_content_arg(ngx_http_request_t *r, const char *name, ngx_uint_t other)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (ngx_http_arg(r, (u_char *) name, strlen(name), &value) != NGX_OK) {
        return other;
    }

    n = ngx_atoi(value.data, value.len);

    return n == NGX_ERROR ? other : (ngx_uint_t) n;
}


static void
hd_sb_content_list(hd_sb_content_t *c)
{
    ngx_uint_t           i, size, page, n;
    ngx_array_t         *list;
    hd_sb_copy_t        *copy;
    ngx_http_request_t  *r = c->request;

    size = hd_sb_content_arg(r, "PageSize", HD_SB_PAGE);
    page = hd_sb_content_arg(r, "Page", 0);
    list = hd_sb_object_list(r->pool, HD_SB_CONTENT, &c->owner);

    if (list == NULL || size == 0 || size > HD_SB_PAGE_MAX
        || page > list->nelts)
    {
        hd_sb_content_refuse(c, 20001);
        return;
    }

    copy = list->elts;
    n = 0;
    hd_buf_z(&c->b, "{\"contents\":[");

    for (i = page * size; i < list->nelts && i < (page + 1) * size; i++) {

        if (hd_sb_content_get(r->pool, &c->owner, &copy[i].id, &copy[i])
            != HD_OK)
        {
            continue;
        }

        hd_buf_z(&c->b, n++ ? "," : "");
        hd_sb_content_write(&c->b, copy[i].v, 1);
    }

    hd_buf_printf(&c->b, "],\"meta\":{\"page\":%u,\"page_size\":%u,"
                  "\"key\":\"contents\",\"next_page_url\":",
                  (unsigned) page, (unsigned) size);

    if ((page + 1) * size < list->nelts) {
        hd_buf_printf(&c->b, "\"https://content.twilio.com/v1/"
                      "ContentAndApprovals?PageSize=%u&Page=%u\"}}",
                      (unsigned) size, (unsigned) page + 1);

    } else {
        hd_buf_z(&c->b, "null}}");
    }

    hd_sb_content_send(c);
}


static void
hd_sb_content_delete(hd_sb_content_t *c)
{
    ngx_int_t            rc;
    ngx_http_request_t  *r = c->request;

    hd_sb_object_delete(HD_SB_CONTENT, &c->id);

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;
    rc = ngx_http_send_header(r);

    ngx_http_finalize_request(r, rc == NGX_ERROR ? NGX_ERROR : NGX_DONE);
}


/* ── paths ── */

/* a content, and what is below it in `edge` */

static void
hd_sb_content_one(hd_sb_content_t *c, ngx_str_t *edge)
{
    ngx_uint_t    method;
    hd_sb_copy_t  copy;

    static const char  submit[] = "/ApprovalRequests/whatsapp";

    method = c->request->method;

    if (hd_sb_content_get(c->request->pool, &c->owner, &c->id, &copy)
        != HD_OK)
    {
        hd_sb_content_refuse(c, 20404);

    } else if (edge->len == 0 && method == NGX_HTTP_DELETE) {
        hd_sb_content_delete(c);

    } else if (edge->len == 0 && method == NGX_HTTP_GET) {
        hd_sb_content_write(&c->b, copy.v, 0);
        hd_sb_content_send(c);

    } else if (edge->len == sizeof(submit) - 1 && method == NGX_HTTP_POST
               && ngx_memcmp(edge->data, submit, edge->len) == 0)
    {
        hd_sb_content_submit(c, &copy);

    } else {
        hd_sb_content_refuse(c, 20404);
    }
}


static void
hd_sb_content_do(hd_sb_content_t *c, ngx_str_t *path)
{
    ngx_str_t  rest;

    static const char  list[] = "v1/ContentAndApprovals";
    static const char  one[] = "v1/Content";

    if (path->len == sizeof(list) - 1
        && ngx_memcmp(path->data, list, path->len) == 0
        && c->request->method == NGX_HTTP_GET)
    {
        hd_sb_content_list(c);
        return;
    }

    rest.data = path->data + sizeof(one) - 1;
    rest.len = path->len - (sizeof(one) - 1);

    if (rest.len == 0 && c->request->method == NGX_HTTP_POST) {
        hd_sb_content_create(c);
        return;
    }

    if (rest.len <= HD_SB_TWILIO_SID || rest.data[0] != '/') {
        hd_sb_content_refuse(c, 20404);
        return;
    }

    c->id.data = rest.data + 1;
    c->id.len = HD_SB_TWILIO_SID;
    rest.data += 1 + HD_SB_TWILIO_SID;
    rest.len -= 1 + HD_SB_TWILIO_SID;

    hd_sb_content_one(c, &rest);
}


static void
hd_sb_content_body(ngx_http_request_t *r)
{
    hd_str_t          token;
    ngx_int_t         rc;
    ngx_str_t         body;
    hd_sb_target_t   *t;
    hd_sb_number_t   *n;
    hd_sb_content_t  *c;
    hd_json_error_t   err;

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    rc = hd_sb_body(r, &body);
    c = (rc == NGX_OK) ? ngx_pcalloc(r->pool, sizeof(hd_sb_content_t)) : NULL;

    if (c == NULL) {
        ngx_http_finalize_request(r, rc == NGX_OK
                                     ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc);
        return;
    }

    c->request = r;
    c->mem = hd_sb_mem(r->pool);
    c->status = NGX_HTTP_OK;
    hd_buf_init(&c->b);

    if (body.len > 0) {
        c->body = hd_json_parse(&c->mem, body.data, body.len, 32, &err);
    }

    n = hd_sb_twilio_credentials(r, &c->owner, &token)
        ? hd_sb_graph_business(&c->owner) : NULL;

    if (n == NULL || (n->set.token.len > 0
                      && !hd_sb_same(&n->set.token, &token)))
    {
        hd_sb_content_refuse(c, 20003);
        return;
    }

    hd_sb_content_do(c, &t->edge);
}


ngx_int_t
hd_sb_twilio_content(ngx_http_request_t *r, const ngx_str_t *path)
{
    ngx_int_t        rc;
    hd_sb_target_t  *t;

    static const char  prefix[] = "v1/Content";

    if (path->len < sizeof(prefix) - 1
        || ngx_memcmp(path->data, prefix, sizeof(prefix) - 1) != 0)
    {
        return NGX_DECLINED;
    }

    t = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);
    t->edge = *path;
    r->request_body_in_single_buf = 1;

    rc = ngx_http_read_client_request_body(r, hd_sb_content_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* ── messages of it ── */

int64_t
hd_sb_twilio_content_check(ngx_http_request_t *r, const hd_sb_form_t *f,
    const hd_str_t *owner, ngx_uint_t in_window, uint8_t *category)
{
    hd_mem_t         mem;
    hd_str_t         id, s;
    hd_json_t       *v;
    hd_sb_copy_t     copy;
    hd_json_error_t  err;

    id = hd_sb_form_get(f, "ContentSid");

    if (id.len != HD_SB_TWILIO_SID
        || hd_sb_content_get(r->pool, owner, &id, &copy) != HD_OK)
    {
        return 21655;
    }

    s = hd_json_str(copy.v, "_category");
    *category = hd_str_eq(&s, "UTILITY") ? HD_SB_UTILITY
                : hd_str_eq(&s, "AUTHENTICATION") ? HD_SB_AUTHENTICATION
                                                  : HD_SB_MARKETING;

    s = hd_sb_form_get(f, "ContentVariables");

    if (s.len > 0) {
        mem = hd_sb_mem(r->pool);
        v = hd_json_parse(&mem, s.data, s.len, 2, &err);

        if (v == NULL || v->type != HD_JSON_OBJECT) {
            return 21656;
        }

        for (v = v->child; v != NULL; v = v->next) {
            if (v->type != HD_JSON_STRING
                || hd_json_get(hd_json_get(copy.v, "variables"),
                               hd_cstr(&mem, &v->key))
                   == NULL)
            {
                return 21656;
            }
        }
    }

    s = hd_json_str(copy.v, "_status");

    return (hd_str_eq(&s, "approved") || in_window) ? 0 : 63016;
}
