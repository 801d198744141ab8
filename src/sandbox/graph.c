/*
 * The Cloud API beside its messages: paths, who may, answers.
 *
 *   POST                  /{v}/{number}/register, /deregister
 *   GET, POST             /{v}/{number}/whatsapp_business_profile
 *   POST                  /{v}/{number}/media
 *   GET, DELETE           /{v}/{media}
 *   GET                   /media/{media}                the file itself
 *   GET                   /{v}/{business}/phone_numbers
 *   GET, POST, DELETE     /{v}/{business}/message_templates
 *   GET, POST             /{v}/{business}/subscribed_apps
 *   GET, POST             /{v}/{template}
 *   POST                  /{v}/{app}/uploads, /{v}/upload:…
 *   GET                   /{v}/oauth/access_token, /{v}/debug_token
 */

#include "graph.h"


#define HD_SB_NUMBER    0x01           /* the id is a number's */
#define HD_SB_BUSINESS  0x02
#define HD_SB_OBJECT    0x04           /* a template's or a file's */
#define HD_SB_ANY       0x08           /* and no token is asked for */
#define HD_SB_APP       0x10           /* any id, and any number's token */


struct hd_sb_path_s {
    ngx_uint_t       method;
    const char      *edge;
    ngx_uint_t       what;
    hd_sb_kind_e     kind;             /* of HD_SB_OBJECT */
    hd_sb_graph_pt   run;
    void           (*file)(ngx_http_request_t *r);
};


static const hd_sb_path_t  hd_sb_paths[] = {

    { NGX_HTTP_POST, "register", HD_SB_NUMBER, 0, hd_sb_number_register,
      NULL },
    { NGX_HTTP_POST, "deregister", HD_SB_NUMBER, 0, hd_sb_number_deregister,
      NULL },
    { NGX_HTTP_GET, "whatsapp_business_profile", HD_SB_NUMBER, 0,
      hd_sb_profile_show, NULL },
    { NGX_HTTP_POST, "whatsapp_business_profile", HD_SB_NUMBER, 0,
      hd_sb_profile_change, NULL },
    { NGX_HTTP_POST, "media", HD_SB_NUMBER, 0, NULL, hd_sb_media_upload },
    { NGX_HTTP_GET, "phone_numbers", HD_SB_BUSINESS, 0,
      hd_sb_business_numbers, NULL },
    { NGX_HTTP_GET, "message_templates", HD_SB_BUSINESS, 0,
      hd_sb_template_list, NULL },
    { NGX_HTTP_POST, "message_templates", HD_SB_BUSINESS, 0,
      hd_sb_template_create, NULL },
    { NGX_HTTP_DELETE, "message_templates", HD_SB_BUSINESS, 0,
      hd_sb_template_delete, NULL },
    { NGX_HTTP_GET, "subscribed_apps", HD_SB_BUSINESS, 0,
      hd_sb_business_subscribed, NULL },
    { NGX_HTTP_POST, "subscribed_apps", HD_SB_BUSINESS, 0,
      hd_sb_business_subscribe, NULL },
    { NGX_HTTP_GET, "", HD_SB_OBJECT, HD_SB_TEMPLATE, hd_sb_template_show,
      NULL },
    { NGX_HTTP_POST, "", HD_SB_OBJECT, HD_SB_TEMPLATE, hd_sb_template_edit,
      NULL },
    { NGX_HTTP_GET, "", HD_SB_OBJECT, HD_SB_MEDIA, hd_sb_media_show, NULL },
    { NGX_HTTP_DELETE, "", HD_SB_OBJECT, HD_SB_MEDIA, hd_sb_media_delete,
      NULL },
    { NGX_HTTP_POST, "", HD_SB_OBJECT, HD_SB_UPLOAD, NULL,
      hd_sb_upload_send },
    { NGX_HTTP_POST, "uploads", HD_SB_APP, 0, hd_sb_upload_open, NULL },
    { NGX_HTTP_GET, "access_token", HD_SB_ANY, 0, hd_sb_oauth, NULL },
    { NGX_HTTP_GET, "", HD_SB_ANY, 0, hd_sb_debug_token, NULL }
};


/* answers */

void
hd_sb_graph_send(hd_sb_graph_t *g)
{
    ngx_int_t  rc;

    rc = hd_sb_control_send(g->request, &g->b);
    hd_buf_free(&g->b);
    ngx_http_finalize_request(g->request, rc);
}


void
hd_sb_graph_success(hd_sb_graph_t *g)
{
    hd_buf_z(&g->b, "{\"success\":true}");
    hd_sb_graph_send(g);
}


void
hd_sb_graph_refuse(hd_sb_graph_t *g, int64_t code, int subcode,
    const char *details)
{
    hd_buf_free(&g->b);
    ngx_http_finalize_request(g->request, hd_sb_refuse(g->request, code,
                                                       subcode, details));
}


hd_str_t
hd_sb_graph_arg(hd_sb_graph_t *g, const char *name)
{
    u_char     *dst, *src;
    hd_str_t    s;
    ngx_str_t   value;

    hd_str_set(&s, "");

    if (ngx_http_arg(g->request, (u_char *) name, strlen(name), &value)
        != NGX_OK)
    {
        return s;
    }

    dst = ngx_pnalloc(g->request->pool, value.len + 1);
    if (dst == NULL) {
        return s;
    }

    s.data = dst;
    src = value.data;
    ngx_unescape_uri(&dst, &src, value.len, 0);
    s.len = dst - s.data;

    return s;
}


hd_sb_number_t *
hd_sb_graph_business(const hd_str_t *id)
{
    ngx_uint_t       i;
    hd_sb_number_t  *n;

    hd_sb_number_refresh();

    for (i = 0; id->len > 0 && i < 256; i++) {
        for (n = hd_sb.numbers[i]; n != NULL; n = n->next) {
            if (n->node->exists && hd_sb_same(&n->set.waba_id, id)) {
                return n;
            }
        }
    }

    return NULL;
}


/* requests */

static void
hd_sb_graph_body(ngx_http_request_t *r)
{
    ngx_int_t         rc;
    ngx_str_t         body;
    hd_sb_graph_t    *g;
    hd_json_error_t   err;

    g = ngx_http_get_module_ctx(r, ngx_http_herald_sandbox_module);

    hd_sb_number_refresh();

    rc = hd_sb_body(r, &body);

    if (rc != NGX_OK) {
        ngx_http_finalize_request(r, rc);
        return;
    }

    if (body.len > 0) {
        g->body = hd_json_parse(&g->mem, body.data, body.len, 32, &err);

        if (g->body == NULL || g->body->type != HD_JSON_OBJECT) {
            hd_sb_graph_refuse(g, 100, 0, "The body is not a JSON object.");
            return;
        }
    }

    g->edge->run(g);
}


static ngx_uint_t
hd_sb_graph_may(hd_sb_graph_t *g, ngx_uint_t what)
{
    ngx_str_t        *v;
    ngx_uint_t        i;
    hd_sb_number_t   *n;

    if (g->request->headers_in.authorization == NULL) {
        return what == HD_SB_ANY;
    }

    v = &g->request->headers_in.authorization->value;

    if (v->len > 6 && ngx_strncasecmp(v->data, (u_char *) "OAuth ", 6) == 0) {
        g->token.data = v->data + 6;
        g->token.len = v->len - 6;

    } else if (v->len > 7
               && ngx_strncasecmp(v->data, (u_char *) "Bearer ", 7) == 0)
    {
        g->token.data = v->data + 7;
        g->token.len = v->len - 7;
    }

    if (what == HD_SB_ANY) {
        return 1;
    }

    if (g->token.len == 0) {
        return 0;
    }

    if (what != HD_SB_APP) {
        return g->number->set.token.len == 0
               || hd_sb_same(&g->number->set.token, (hd_str_t *) &g->token);
    }

    for (i = 0; i < 256; i++) {
        for (n = hd_sb.numbers[i]; n != NULL; n = n->next) {
            if (n->node->exists
                && (n->set.token.len == 0
                    || hd_sb_same(&n->set.token, (hd_str_t *) &g->token)))
            {
                g->number = n;
                return 1;
            }
        }
    }

    return 0;
}


/* is it this edge of an object of this kind?  g->number then owns it */

static ngx_uint_t
hd_sb_graph_is(hd_sb_graph_t *g, const hd_sb_path_t *e, const ngx_str_t *edge)
{
    ngx_str_t     *id;
    hd_sb_copy_t   copy;

    if (strlen(e->edge) != edge->len
        || ngx_strncmp(e->edge, edge->data, edge->len) != 0
        || !(g->request->method == e->method
             || (g->request->method == NGX_HTTP_HEAD
                 && e->method == NGX_HTTP_GET)))
    {
        return 0;
    }

    id = (ngx_str_t *) &g->id;

    switch (e->what) {

    case HD_SB_NUMBER:
        g->number = hd_sb_number_find(id);
        return g->number != NULL;

    case HD_SB_BUSINESS:
        g->number = hd_sb_graph_business(&g->id);
        return g->number != NULL;

    case HD_SB_OBJECT:
        if (hd_sb_object_get(g->request->pool, e->kind, &g->id, &copy)
            != HD_OK)
        {
            return 0;
        }

        g->number = (e->kind == HD_SB_TEMPLATE)
                    ? hd_sb_graph_business(&copy.owner)
                    : hd_sb_number_find((ngx_str_t *) &copy.owner);
        return g->number != NULL;

    case HD_SB_ANY:
        return edge->len ? hd_str_eq(&g->id, "oauth")
                         : hd_str_eq(&g->id, "debug_token");

    default:
        return 1;
    }
}


/* "v23.0/id/edge"; NGX_DECLINED: it is not of this form */

static ngx_int_t
hd_sb_graph_split(const ngx_str_t *path, hd_str_t *id, ngx_str_t *edge)
{
    u_char  *p, *last;

    p = path->data;
    last = p + path->len;

    if (p == last || *p++ != 'v') {
        return NGX_DECLINED;
    }

    while (p < last && ((*p >= '0' && *p <= '9') || *p == '.')) {
        p++;
    }

    if (p == last || *p != '/') {
        return NGX_DECLINED;
    }

    id->data = ++p;

    while (p < last && *p != '/') {
        p++;
    }

    id->len = p - id->data;
    ngx_str_null(edge);

    if (p < last) {
        edge->data = ++p;
        edge->len = last - p;
    }

    return (id->len > 0 && id->len <= 2 * HD_SB_ID_MAX) ? NGX_OK
                                                        : NGX_DECLINED;
}


ngx_int_t
hd_sb_graph(ngx_http_request_t *r, const ngx_str_t *path)
{
    hd_str_t        id;
    ngx_int_t       rc;
    ngx_str_t       edge;
    ngx_uint_t      i;
    hd_sb_graph_t  *g;

    if (path->len > 6 && ngx_strncmp(path->data, "media/", 6) == 0) {
        edge.data = path->data + 6;
        edge.len = path->len - 6;
        return hd_sb_media_download(r, &edge);
    }

    if (hd_sb_graph_split(path, &id, &edge) != NGX_OK
        || (edge.len == 8 && ngx_strncmp(edge.data, "messages", 8) == 0))
    {
        return NGX_DECLINED;
    }

    g = ngx_pcalloc(r->pool, sizeof(hd_sb_graph_t));
    if (g == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    g->request = r;
    g->mem = hd_sb_mem(r->pool);
    g->id = id;
    hd_buf_init(&g->b);

    for (i = 0; i < sizeof(hd_sb_paths) / sizeof(hd_sb_paths[0]); i++) {

        if (!hd_sb_graph_is(g, &hd_sb_paths[i], &edge)) {
            continue;
        }

        if (!hd_sb_graph_may(g, hd_sb_paths[i].what)) {
            return hd_sb_refuse(r, 190, 0, NULL);
        }

        g->edge = &hd_sb_paths[i];
        ngx_http_set_ctx(r, g, ngx_http_herald_sandbox_module);

        if (g->edge->file != NULL) {
            r->request_body_in_file_only = 1;
            r->request_body_in_persistent_file = 1;
            r->request_body_in_clean_file = 0;
            r->request_body_file_log_level = 0;

        } else {
            if (r->headers_in.content_length_n > HD_SB_BODY_MAX) {
                return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
            }

            r->request_body_in_single_buf = 1;
        }

        rc = ngx_http_read_client_request_body(r, g->edge->file
                                                  ? g->edge->file
                                                  : hd_sb_graph_body);

        return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
    }

    return NGX_DECLINED;
}
