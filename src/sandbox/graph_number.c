/*
 * Numbers as the provider shows them, their profiles and registration.
 */

#include "graph.h"


static const char  *hd_sb_levels[] = { "STANDARD", "HIGH" };


/* 1: a field is among those asked for; when none are, among the usual ones */

static ngx_uint_t
hd_sb_asked(const ngx_str_t *fields, const char *name, ngx_uint_t usual)
{
    u_char  *p, *last, *end;

    if (fields->len == 0) {
        return usual;
    }

    last = fields->data + fields->len;

    for (p = fields->data; p < last; p = end + 1) {

        for (end = p; end < last && *end != ',' && *end != '{'; end++) {
            /* void */
        }

        if ((size_t) (end - p) == strlen(name)
            && ngx_strncmp(p, name, end - p) == 0)
        {
            return 1;
        }
    }

    return 0;
}


static const char *
hd_sb_number_tier_name(const hd_sb_settings_t *set)
{
    return set->tier <= 0 ? "TIER_UNLIMITED"
           : set->tier <= 250 ? "TIER_250" : set->tier <= 1000 ? "TIER_1K"
           : set->tier <= 2000 ? "TIER_2K" : set->tier <= 10000 ? "TIER_10K"
           : "TIER_100K";
}


int
hd_sb_number_registered(hd_sb_number_t *n)
{
    int            registered;
    hd_str_t       id;
    ngx_pool_t    *pool;
    hd_json_t     *v;
    hd_sb_copy_t   copy;

    /* nobody registered or deregistered anything: the usual case */
    if (hd_sb.sh->objects == NULL) {
        return 1;
    }

    pool = ngx_create_pool(1024, ngx_cycle->log);
    if (pool == NULL) {
        return 1;
    }

    id.data = n->node->id;
    id.len = n->node->id_len;
    registered = 1;

    if (hd_sb_object_get(pool, HD_SB_REGISTRATION, &id, &copy) == HD_OK) {
        v = hd_json_get(copy.v, "registered");
        registered = (v != NULL && v->type == HD_JSON_TRUE);
    }

    ngx_destroy_pool(pool);

    return registered;
}


static void
hd_sb_describe_health(hd_buf_t *b, hd_sb_number_t *n, int registered)
{
    hd_str_t     id;
    const char  *can;

    can = !registered ? "BLOCKED"
          : hd_str_eq(&n->set.quality_rating, "RED") ? "LIMITED"
          : "AVAILABLE";

    id.data = n->node->id;
    id.len = n->node->id_len;

    hd_buf_printf(b, "\"health_status\":{\"can_send_message\":\"%s\","
                  "\"entities\":[{\"entity_type\":\"PHONE_NUMBER\",\"id\":",
                  can);
    hd_jw_str(b, &id);
    hd_buf_printf(b, ",\"can_send_message\":\"%s\"", can);

    if (!registered) {
        hd_buf_z(b, ",\"errors\":[{\"error_code\":141000,"
                 "\"error_description\":\"The phone number is not"
                 " registered.\",\"possible_solution\":\"Register the phone"
                 " number.\"}]");
    }

    hd_buf_z(b, "},{\"entity_type\":\"WABA\",\"id\":");
    hd_jw_str(b, &n->set.waba_id);
    hd_buf_z(b, ",\"can_send_message\":\"AVAILABLE\"}]},");
}


/* its fields, each with its comma, then its id */

void
hd_sb_number_write(hd_buf_t *b, hd_sb_number_t *n, const ngx_str_t *fields)
{
    int          registered;
    hd_str_t     id;
    ngx_uint_t   i;

    struct {
        const char  *name;
        hd_str_t     value;
        ngx_uint_t   usual;
    } f[] = {
        { "verified_name", n->set.verified_name, 1 },
        { "code_verification_status", hd_str("VERIFIED"), 1 },
        { "display_phone_number", n->set.display_phone_number, 1 },
        { "quality_rating", n->set.quality_rating, 1 },
        { "platform_type", hd_str("CLOUD_API"), 1 },
        { "name_status", hd_str("APPROVED"), 1 },
        { "status", hd_str("CONNECTED"), 1 },
        { "account_mode", hd_str("LIVE"), 0 }
    };

    registered = hd_sb_number_registered(n);

    hd_buf_char(b, '{');

    for (i = 0; i < sizeof(f) / sizeof(f[0]); i++) {

        if (!hd_sb_asked(fields, f[i].name, f[i].usual)) {
            continue;
        }

        if (!registered && ngx_strcmp(f[i].name, "status") == 0) {
            hd_str_set(&f[i].value, "DISCONNECTED");
        }

        hd_buf_printf(b, "\"%s\":", f[i].name);
        hd_jw_str(b, &f[i].value);
        hd_buf_char(b, ',');
    }

    if (hd_sb_asked(fields, "throughput", 1)) {
        hd_buf_printf(b, "\"throughput\":{\"level\":\"%s\"},",
                      hd_sb_levels[n->set.rate_limit > 80]);
    }

    if (hd_sb_asked(fields, "messaging_limit_tier", 0)) {
        hd_buf_printf(b, "\"messaging_limit_tier\":\"%s\",",
                      hd_sb_number_tier_name(&n->set));
    }

    if (hd_sb_asked(fields, "is_pin_enabled", 0)) {
        hd_buf_z(b, "\"is_pin_enabled\":true,");
    }

    if (hd_sb_asked(fields, "health_status", 0)) {
        hd_sb_describe_health(b, n, registered);
    }

    id.data = n->node->id;
    id.len = n->node->id_len;

    hd_buf_z(b, "\"id\":");
    hd_jw_str(b, &id);
    hd_buf_char(b, '}');
}


/* what is in `fields`, unescaped */

void
hd_sb_fields(ngx_http_request_t *r, ngx_str_t *fields)
{
    u_char     *dst, *src;
    ngx_str_t   value;

    ngx_str_null(fields);

    if (ngx_http_arg(r, (u_char *) "fields", 6, &value) != NGX_OK) {
        return;
    }

    dst = ngx_pnalloc(r->pool, value.len + 1);
    if (dst == NULL) {
        return;
    }

    fields->data = dst;
    src = value.data;
    ngx_unescape_uri(&dst, &src, value.len, 0);
    fields->len = dst - fields->data;
}


ngx_int_t
hd_sb_describe(ngx_http_request_t *r, hd_sb_number_t *n)
{
    hd_buf_t   b;
    ngx_int_t  rc;
    ngx_str_t  fields;

    hd_sb_fields(r, &fields);

    hd_buf_init(&b);
    hd_sb_number_write(&b, n, &fields);

    rc = hd_sb_control_send(r, &b);
    hd_buf_free(&b);

    return rc;
}


/* registration */

static void
hd_sb_number_set(hd_sb_graph_t *g, int registered, const hd_str_t *pin)
{
    int       rc;
    hd_buf_t  b;

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"registered\":%s,\"pin\":",
                  registered ? "true" : "false");
    hd_jw_str(&b, pin);
    hd_buf_char(&b, '}');

    rc = hd_sb_object_put(HD_SB_REGISTRATION, &g->id, &g->id, &b, 0);
    hd_buf_free(&b);

    if (rc != HD_OK) {
        hd_sb_graph_refuse(g, 131000, 0, NULL);
        return;
    }

    hd_sb_graph_success(g);
}


void
hd_sb_number_register(hd_sb_graph_t *g)
{
    size_t        i;
    hd_str_t      pin, product, before;
    hd_sb_copy_t  copy;

    product = hd_json_str(g->body, "messaging_product");
    pin = hd_json_str(g->body, "pin");

    for (i = 0; i < pin.len && pin.data[i] >= '0' && pin.data[i] <= '9'; i++) {
        /* void */
    }

    if (!hd_str_eq(&product, "whatsapp")) {
        hd_sb_graph_refuse(g, 100, 0,
                           "The parameter messaging_product is required.");
        return;
    }

    if (pin.len != 6 || i != 6) {
        hd_sb_graph_refuse(g, 100, 0, "Param pin must be 6 characters long.");
        return;
    }

    if (hd_sb_object_get(g->request->pool, HD_SB_REGISTRATION, &g->id, &copy)
        == HD_OK)
    {
        before = hd_json_str(copy.v, "pin");

        if (before.len > 0 && !hd_sb_same(&before, &pin)) {
            hd_sb_graph_refuse(g, 133005, 0, "Two step verification PIN"
                               " mismatch");
            return;
        }
    }

    hd_sb_number_set(g, 1, &pin);
}


void
hd_sb_number_deregister(hd_sb_graph_t *g)
{
    hd_str_t      pin;
    hd_sb_copy_t  copy;

    hd_str_set(&pin, "");

    if (hd_sb_object_get(g->request->pool, HD_SB_REGISTRATION, &g->id, &copy)
        == HD_OK)
    {
        pin = hd_json_str(copy.v, "pin");
    }

    hd_sb_number_set(g, 0, &pin);
}


/* profile */

static const struct {
    const char  *name;
    size_t       max;
} hd_sb_profile_texts[] = {
    { "about", 139 },
    { "address", 256 },
    { "description", 512 },
    { "email", 128 },
    { "vertical", 32 }
};


void
hd_sb_profile_show(hd_sb_graph_t *g)
{
    size_t         i;
    hd_str_t       s;
    ngx_str_t      fields;
    hd_json_t     *v;
    hd_sb_copy_t   copy;

    static const char  *links[] = { "websites", "profile_picture_url" };

    hd_sb_fields(g->request, &fields);

    if (hd_sb_object_get(g->request->pool, HD_SB_PROFILE, &g->id, &copy)
        != HD_OK)
    {
        copy.v = NULL;
    }

    hd_buf_z(&g->b, "{\"data\":[{");

    for (i = 0; i < sizeof(hd_sb_profile_texts)
                    / sizeof(hd_sb_profile_texts[0]); i++)
    {
        s = hd_json_str(copy.v, hd_sb_profile_texts[i].name);

        if (s.len > 0
            && hd_sb_asked(&fields, hd_sb_profile_texts[i].name, 0))
        {
            hd_buf_printf(&g->b, "\"%s\":", hd_sb_profile_texts[i].name);
            hd_jw_str(&g->b, &s);
            hd_buf_char(&g->b, ',');
        }
    }

    for (i = 0; i < 2; i++) {
        v = hd_json_get(copy.v, links[i]);

        if (v != NULL && hd_sb_asked(&fields, links[i], 0)) {
            hd_buf_printf(&g->b, "\"%s\":", links[i]);
            hd_json_write(&g->b, v);
            hd_buf_char(&g->b, ',');
        }
    }

    hd_buf_z(&g->b, "\"messaging_product\":\"whatsapp\"}]}");
    hd_sb_graph_send(g);
}


/* what Meta says of a member that is too long; NULL: it is right */

static const char *
hd_sb_profile_wrong(const hd_json_t *body, char *why, size_t size)
{
    size_t      i;
    hd_str_t    s;
    hd_json_t  *v;

    for (i = 0; i < sizeof(hd_sb_profile_texts)
                    / sizeof(hd_sb_profile_texts[0]); i++)
    {
        v = hd_json_get(body, hd_sb_profile_texts[i].name);
        s = hd_json_str(body, hd_sb_profile_texts[i].name);

        if (v != NULL && (v->type != HD_JSON_STRING
                          || hd_utf8_length(&s) > hd_sb_profile_texts[i].max
                          || (i == 0 && s.len == 0)))
        {
            snprintf(why, size, "Param %s must be a string of at most %zu"
                     " characters.", hd_sb_profile_texts[i].name,
                     hd_sb_profile_texts[i].max);
            return why;
        }
    }

    v = hd_json_get(body, "websites");

    if (v != NULL && (v->type != HD_JSON_ARRAY || v->count > 2)) {
        return "Param websites must have at most 2 elements.";
    }

    return NULL;
}


void
hd_sb_profile_change(hd_sb_graph_t *g)
{
    int            rc;
    char           why[128];
    size_t         i;
    hd_buf_t       b;
    hd_json_t     *v, *old;
    const char    *wrong;
    hd_sb_copy_t   copy;

    static const char  *names[] = {
        "about", "address", "description", "email", "vertical", "websites"
    };

    wrong = hd_sb_profile_wrong(g->body, why, sizeof(why));

    if (wrong != NULL) {
        hd_sb_graph_refuse(g, 100, 0, wrong);
        return;
    }

    if (hd_sb_object_get(g->request->pool, HD_SB_PROFILE, &g->id, &copy)
        != HD_OK)
    {
        copy.v = NULL;
    }

    hd_buf_init(&b);
    hd_buf_char(&b, '{');

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        v = hd_json_get(g->body, names[i]);
        old = hd_json_get(copy.v, names[i]);

        if (v != NULL || old != NULL) {
            hd_buf_printf(&b, "\"%s\":", names[i]);
            hd_json_write(&b, v ? v : old);
            hd_buf_char(&b, ',');
        }
    }

    hd_buf_z(&b, "\"profile_picture_url\":");
    old = hd_json_get(copy.v, "profile_picture_url");

    if (hd_json_str(g->body, "profile_picture_handle").len > 0) {
        hd_buf_z(&b, "\"https://pps.whatsapp.net/v/t61/picture.jpg\"}");

    } else if (old != NULL) {
        hd_json_write(&b, old);
        hd_buf_char(&b, '}');

    } else {
        hd_buf_z(&b, "null}");
    }

    rc = hd_sb_object_put(HD_SB_PROFILE, &g->id, &g->id, &b, 0);
    hd_buf_free(&b);

    if (rc != HD_OK) {
        hd_sb_graph_refuse(g, 131000, 0, NULL);
        return;
    }

    hd_sb_graph_success(g);
}
