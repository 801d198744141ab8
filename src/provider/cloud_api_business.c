/*
 * cloud_api_business: operations on what a number belongs to: its profile, our
 * subscription, sign-up, the token.
 */

#include "cloud_api_op.h"


static int
hd_cloud_api_profile_get(hd_cloud_api_op_t *op)
{
    static const hd_str_t  fields = hd_str("about,address,description,email,"
                                      "profile_picture_url,websites,vertical");

    hd_cloud_api_begin(&op->b, op->account, &op->account->number_id,
                       "/whatsapp_business_profile");
    hd_cloud_api_query(op, "fields", &fields);

    return HD_OK;
}


static int
hd_cloud_api_profile_found(hd_buf_t *b, const hd_json_t *root)
{
    size_t      i;
    hd_str_t    s;
    hd_json_t  *v, *list;

    static const char  *texts[] = {
        "about", "description", "address", "email"
    };

    v = hd_json_path(root, "data.0");

    if (v == NULL || v->type != HD_JSON_OBJECT) {
        return HD_ERROR;
    }

    /* some versions have it one level deeper */
    if (hd_json_get(v, "business_profile") != NULL) {
        v = hd_json_get(v, "business_profile");
    }

    hd_buf_z(b, "\"name\":null,");

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        s = hd_json_str(v, texts[i]);
        hd_cloud_api_put(b, texts[i], &s);
    }

    list = hd_json_get(v, "websites");

    if (list != NULL && list->type == HD_JSON_ARRAY) {
        hd_cloud_api_put_json(b, "websites", list);

    } else {
        hd_buf_z(b, "\"websites\":[],");
    }

    s = hd_json_str(v, "vertical");
    hd_cloud_api_put_lower(b, "vertical", &s);

    s = hd_json_str(v, "profile_picture_url");
    hd_cloud_api_put(b, "picture_url", &s);

    return HD_OK;
}


static int
hd_cloud_api_profile_set(hd_cloud_api_op_t *op)
{
    size_t      i, from;
    hd_str_t    s;
    hd_json_t  *v;

    static const struct {
        const char  *name;
        const char  *member;
    } texts[] = {
        { "about", "about" },
        { "description", "description" },
        { "address", "address" },
        { "email", "email" },
        { "picture_handle", "profile_picture_handle" }
    };

    hd_cloud_api_begin(&op->b, op->account, &op->account->number_id,
                       "/whatsapp_business_profile");

    if (hd_cloud_api_url(op) != HD_OK) {
        return HD_ERROR;
    }

    hd_buf_z(&op->b, "{\"messaging_product\":\"whatsapp\"");
    from = op->b.len;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        v = hd_json_get(op->args, texts[i].name);

        if (v != NULL && v->type == HD_JSON_STRING) {
            hd_buf_char(&op->b, ',');
            hd_cloud_api_member(&op->b, texts[i].member, &v->str);
        }
    }

    v = hd_json_get(op->args, "websites");

    if (v != NULL && v->type == HD_JSON_ARRAY) {
        hd_buf_z(&op->b, ",\"websites\":");
        hd_json_write(&op->b, v);
    }

    s = hd_json_str(op->args, "vertical");

    if (s.len != 0) {
        hd_buf_z(&op->b, ",\"vertical\":");
        i = op->b.len;
        hd_jw_str(&op->b, &s);

        for ( /* void */ ; !op->b.failed && i < op->b.len; i++) {
            if (op->b.data[i] >= 'a' && op->b.data[i] <= 'z') {
                op->b.data[i] &= ~0x20;
            }
        }
    }

    if (op->b.len == from) {
        return hd_cloud_api_declined(op, "there is nothing to change");
    }

    hd_buf_char(&op->b, '}');

    return HD_OK;
}


/* our webhook, sign-up, the token */

static int
hd_cloud_api_subscribe(hd_cloud_api_op_t *op)
{
    hd_str_t             id;
    hd_json_t           *override;
    const hd_account_t  *a = op->account;

    if (hd_cloud_api_business(op, &id) != HD_OK) {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, a, &id, "/subscribed_apps");

    if (hd_cloud_api_url(op) != HD_OK) {
        return HD_ERROR;
    }

    override = hd_json_get(op->args, "override");

    if (a->callback_url.len == 0 || a->verify_token.len == 0
        || (override != NULL && override->type == HD_JSON_FALSE))
    {
        return HD_OK;
    }

    hd_buf_char(&op->b, '{');
    hd_cloud_api_member(&op->b, "override_callback_uri", &a->callback_url);
    hd_buf_char(&op->b, ',');
    hd_cloud_api_member(&op->b, "verify_token", &a->verify_token);
    hd_buf_char(&op->b, '}');

    return HD_OK;
}


static int
hd_cloud_api_exchange_code(hd_cloud_api_op_t *op)
{
    hd_str_t  code, app, secret, uri;

    static const hd_str_t  oauth = hd_str("oauth");

    if (hd_cloud_api_needed(op, "code", "code is missing", &code) != HD_OK
        || hd_cloud_api_needed(op, "app_id", "app_id is missing", &app)
           != HD_OK
        || hd_cloud_api_needed(op, "app_secret", "app_secret is missing",
                               &secret)
           != HD_OK)
    {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, op->account, &oauth, "/access_token");
    hd_cloud_api_query(op, "client_id", &app);
    hd_cloud_api_query(op, "client_secret", &secret);
    hd_cloud_api_query(op, "code", &code);

    uri = hd_json_str(op->args, "redirect_uri");

    if (uri.len != 0) {
        hd_cloud_api_query(op, "redirect_uri", &uri);
    }

    if (hd_cloud_api_url(op) != HD_OK) {
        return HD_ERROR;
    }

    /* there is no token yet, and an old one would be refused */
    hd_str_set(&op->out->headers[0], "Accept: application/json");
    op->out->nheaders = 1;

    return HD_OK;
}


/* expires_in counts from the answer, and there is no clock here: so many
 * seconds, as "lives" */
static int
hd_cloud_api_exchanged(hd_buf_t *b, const hd_json_t *root)
{
    int64_t   n;
    hd_str_t  token, type;

    token = hd_json_str(root, "access_token");
    hd_cloud_api_put(b, "token", &token);

    type = hd_json_str(root, "token_type");
    hd_cloud_api_put_lower(b, "type", &type);

    if (hd_cloud_api_int(hd_json_get(root, "expires_in"), &n) == HD_OK) {
        hd_cloud_api_put_int(b, "lives", n);
    }

    return token.len != 0 ? HD_OK : HD_ERROR;
}


static int
hd_cloud_api_token_get(hd_cloud_api_op_t *op)
{
    static const hd_str_t  node = hd_str("debug_token");

    if (op->account->token.len == 0) {
        return hd_cloud_api_declined(op, "the account has no token");
    }

    hd_cloud_api_begin(&op->b, op->account, &node, "");
    hd_cloud_api_query(op, "input_token", &op->account->token);

    return HD_OK;
}


/* the businesses that a scope of WhatsApp's was given for */
static void
hd_cloud_api_put_businesses(hd_buf_t *b, const hd_json_t *scopes)
{
    hd_str_t     s;
    hd_json_t   *v, *id, *targets;
    const char  *comma = "";

    hd_buf_z(b, "\"business_ids\":[");

    for (v = (scopes && scopes->type == HD_JSON_ARRAY) ? scopes->child : NULL;
         v != NULL; v = v->next)
    {
        s = hd_json_str(v, "scope");

        if (!hd_str_eq(&s, "whatsapp_business_management")) {
            continue;
        }

        targets = hd_json_get(v, "target_ids");

        for (id = (targets && targets->type == HD_JSON_ARRAY) ? targets->child
                                                              : NULL;
             id != NULL; id = id->next)
        {
            if (id->type == HD_JSON_STRING || id->type == HD_JSON_NUMBER) {
                hd_buf_z(b, comma);
                hd_jw_str(b, &id->str);
                comma = ",";
            }
        }
    }

    hd_buf_z(b, "],");
}


static int
hd_cloud_api_token_found(hd_buf_t *b, const hd_json_t *root)
{
    int64_t     n;
    hd_str_t    s;
    hd_json_t  *data, *v;

    data = hd_json_get(root, "data");

    if (data == NULL || data->type != HD_JSON_OBJECT) {
        return HD_ERROR;
    }

    hd_buf_z(b, hd_cloud_api_true(data, "is_valid") ? "\"valid\":true,"
                                                    : "\"valid\":false,");

    s = hd_cloud_api_text(data, "app_id");
    hd_cloud_api_put(b, "app_id", &s);

    /* 0: it does not expire */
    if (hd_cloud_api_int(hd_json_get(data, "expires_at"), &n) != HD_OK) {
        n = 0;
    }

    hd_cloud_api_put_time(b, "expires_at", n);

    v = hd_json_get(data, "scopes");

    if (v != NULL && v->type == HD_JSON_ARRAY) {
        hd_cloud_api_put_json(b, "scopes", v);

    } else {
        hd_buf_z(b, "\"scopes\":[],");
    }

    hd_cloud_api_put_businesses(b, hd_json_get(data, "granular_scopes"));

    return HD_OK;
}


hd_cloud_api_op(profile_get, "GET", hd_cloud_api_profile_get,
                hd_cloud_api_profile_found);
hd_cloud_api_op(profile_set, "POST", hd_cloud_api_profile_set,
                hd_cloud_api_success);
hd_cloud_api_op(subscribe, "POST", hd_cloud_api_subscribe,
                hd_cloud_api_success);
hd_cloud_api_op(exchange_code, "GET", hd_cloud_api_exchange_code,
                hd_cloud_api_exchanged);
hd_cloud_api_op(token, "GET", hd_cloud_api_token_get,
                hd_cloud_api_token_found);
