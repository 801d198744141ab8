/*
 * cloud_api_number: operations on a number: what it is, how it does, and its
 * registration.
 */

#include "cloud_api_op.h"


/* what a number may send a second, by its level */
#define HD_CLOUD_API_STANDARD  80
#define HD_CLOUD_API_HIGH      1000

/* an unknown field fails the whole request, so the newer ones can be left
 * out: {basic: true} */
#define HD_CLOUD_API_BASIC                                                    \
    "id,display_phone_number,verified_name,quality_rating,"                   \
    "code_verification_status,name_status"
#define HD_CLOUD_API_FIELDS                                                   \
    HD_CLOUD_API_BASIC ",status,platform_type,account_mode,throughput,"       \
    "messaging_limit_tier,is_pin_enabled,health_status"


static int
hd_cloud_api_number_get(hd_cloud_api_op_t *op)
{
    static const hd_str_t  basic = hd_str(HD_CLOUD_API_BASIC);
    static const hd_str_t  all = hd_str(HD_CLOUD_API_FIELDS);

    if (op->account->number_id.len == 0) {
        return hd_cloud_api_declined(op, "the account has no number_id");
    }

    hd_cloud_api_begin(&op->b, op->account, &op->account->number_id, "");
    hd_cloud_api_query(op, "fields",
                       hd_cloud_api_true(op->args, "basic") ? &basic : &all);

    return HD_OK;
}


static int
hd_cloud_api_numbers(hd_cloud_api_op_t *op)
{
    hd_str_t  id, cursor;

    static const hd_str_t  all = hd_str(HD_CLOUD_API_BASIC);
    static const hd_str_t  limit = hd_str("100");

    if (hd_cloud_api_business(op, &id) != HD_OK) {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, op->account, &id, "/phone_numbers");
    hd_cloud_api_query(op, "fields", &all);
    hd_cloud_api_query(op, "limit", &limit);

    cursor = hd_json_str(op->args, "cursor");
    if (cursor.len != 0) {
        hd_cloud_api_query(op, "after", &cursor);
    }

    return HD_OK;
}


/* "+1 555-010-0001" as "+15550100001" */
static void
hd_cloud_api_put_phone(hd_buf_t *b, const hd_str_t *phone)
{
    size_t         i;
    hd_str_t       s;
    unsigned char  text[32];

    s.data = text;
    s.len = 0;
    text[s.len++] = '+';

    for (i = 0; i < phone->len && s.len < sizeof(text); i++) {
        if (phone->data[i] >= '0' && phone->data[i] <= '9') {
            text[s.len++] = phone->data[i];
        }
    }

    if (s.len == 1) {
        s.len = 0;
    }

    hd_cloud_api_put(b, "phone", &s);
}


static void
hd_cloud_api_put_errors(hd_buf_t *b, const hd_json_t *errors)
{
    int64_t    code;
    hd_str_t   s;
    hd_json_t *v;

    hd_buf_z(b, "\"errors\":[");

    for (v = (errors && errors->type == HD_JSON_ARRAY) ? errors->child : NULL;
         v != NULL; v = v->next)
    {
        hd_buf_z(b, v == errors->child ? "{" : ",{");

        if (hd_cloud_api_int(hd_json_get(v, "error_code"), &code) == HD_OK) {
            hd_cloud_api_put_int(b, "code", code);
        }

        s = hd_json_str(v, "error_description");
        hd_cloud_api_put(b, "description", &s);

        s = hd_json_str(v, "possible_solution");
        hd_jw_z(b, "solution");
        hd_buf_char(b, ':');
        hd_jw_str(b, &s);
        hd_buf_char(b, '}');
    }

    hd_buf_char(b, ']');
}


/* can this number send, and if not, which link of the chain is broken */
static void
hd_cloud_api_put_health(hd_buf_t *b, const hd_json_t *health)
{
    hd_str_t    s;
    hd_json_t  *list, *v;

    if (health == NULL || health->type != HD_JSON_OBJECT) {
        hd_buf_z(b, "\"health\":null,");
        return;
    }

    hd_buf_z(b, "\"health\":{");

    s = hd_json_str(health, "can_send_message");
    hd_cloud_api_put_lower(b, "can_send", &s);

    list = hd_json_get(health, "entities");
    hd_buf_z(b, "\"entities\":[");

    for (v = (list && list->type == HD_JSON_ARRAY) ? list->child : NULL;
         v != NULL; v = v->next)
    {
        hd_buf_z(b, v == list->child ? "{" : ",{");

        s = hd_json_str(v, "entity_type");
        hd_cloud_api_put_lower(b, "type", &s);

        s = hd_json_str(v, "can_send_message");
        hd_cloud_api_put_lower(b, "can_send", &s);

        hd_cloud_api_put_errors(b, hd_json_get(v, "errors"));
        hd_buf_char(b, '}');
    }

    hd_buf_z(b, "]},");
}


static void
hd_cloud_api_put_limits(hd_buf_t *b, const hd_json_t *v)
{
    int64_t     n;
    hd_str_t    s;
    hd_json_t  *tier;

    tier = hd_json_get(v, "whatsapp_business_manager_messaging_limit");

    if (tier == NULL || tier->type == HD_JSON_NULL) {
        tier = hd_json_get(v, "messaging_limit_tier");
    }

    hd_str_set(&s, "");

    if (tier != NULL && (tier->type == HD_JSON_STRING
                         || tier->type == HD_JSON_NUMBER))
    {
        s = tier->str;
    }

    hd_cloud_api_put(b, "tier", &s);

    n = hd_cloud_api_limit(tier);

    if (n != HD_FACT_UNSAID) {
        hd_cloud_api_put_int(b, "limit", n);

    } else {
        hd_buf_z(b, "\"limit\":null,");
    }

    s = hd_json_str(hd_json_get(v, "throughput"), "level");

    if (hd_str_eq(&s, "STANDARD") || hd_str_eq(&s, "HIGH")) {
        hd_cloud_api_put_int(b, "throughput",
                             hd_str_eq(&s, "HIGH") ? HD_CLOUD_API_HIGH
                                                   : HD_CLOUD_API_STANDARD);
    } else {
        hd_buf_z(b, "\"throughput\":null,");
    }
}


/* members of NUMBER_GET, each with its comma */
static void
hd_cloud_api_put_number(hd_buf_t *b, const hd_json_t *v)
{
    size_t      i;
    hd_str_t    s;
    hd_json_t  *pin;

    static const struct {
        const char  *name;
        const char  *member;
    } words[] = {
        { "name_status", "name_status" },
        { "status", "status" },
        { "verified", "code_verification_status" },
        { "platform", "platform_type" },
        { "mode", "account_mode" }
    };

    s = hd_cloud_api_text(v, "id");
    hd_cloud_api_put(b, "id", &s);

    s = hd_cloud_api_text(v, "display_phone_number");
    hd_cloud_api_put_phone(b, &s);

    s = hd_json_str(v, "verified_name");
    hd_cloud_api_put(b, "name", &s);

    s = hd_json_str(v, "quality_rating");
    hd_cloud_api_put(b, "quality", &s);

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        s = hd_json_str(v, words[i].member);
        hd_cloud_api_put_lower(b, words[i].name, &s);
    }

    hd_cloud_api_put_limits(b, v);

    pin = hd_json_get(v, "is_pin_enabled");

    if (pin != NULL && (pin->type == HD_JSON_TRUE
                        || pin->type == HD_JSON_FALSE))
    {
        hd_cloud_api_put_json(b, "pin", pin);
    }

    hd_cloud_api_put_health(b, hd_json_get(v, "health_status"));
}


static int
hd_cloud_api_number_found(hd_buf_t *b, const hd_json_t *root)
{
    hd_cloud_api_put_number(b, root);

    return hd_json_get(root, "id") != NULL ? HD_OK : HD_ERROR;
}


static int
hd_cloud_api_numbers_found(hd_buf_t *b, const hd_json_t *root)
{
    hd_str_t    s;
    hd_json_t  *list, *v;

    list = hd_json_get(root, "data");

    if (list == NULL || list->type != HD_JSON_ARRAY) {
        return HD_ERROR;
    }

    hd_buf_z(b, "\"numbers\":[");

    for (v = list->child; v != NULL; v = v->next) {
        hd_buf_z(b, v == list->child ? "{" : ",{");
        hd_cloud_api_put_number(b, v);

        if (!b->failed) {
            b->data[b->len - 1] = '}';
        }
    }

    hd_buf_z(b, "],");

    s = hd_json_str(hd_json_path(root, "paging.cursors"), "after");

    if (hd_json_path(root, "paging.next") == NULL) {
        s.len = 0;
    }

    hd_cloud_api_put(b, "cursor", &s);

    return HD_OK;
}


/* registration */

static int
hd_cloud_api_register(hd_cloud_api_op_t *op)
{
    size_t    i;
    hd_str_t  pin, region;

    pin = hd_json_str(op->args, "pin");

    for (i = 0; i < pin.len && pin.data[i] >= '0' && pin.data[i] <= '9'; i++) {
        /* void */
    }

    if (pin.len != 6 || i != 6) {
        return hd_cloud_api_declined(op, "pin must be six digits");
    }

    hd_cloud_api_begin(&op->b, op->account, &op->account->number_id,
                       "/register");

    if (hd_cloud_api_url(op) != HD_OK) {
        return HD_ERROR;
    }

    hd_buf_z(&op->b, "{\"messaging_product\":\"whatsapp\",");
    hd_cloud_api_member(&op->b, "pin", &pin);

    region = hd_json_str(op->args, "region");

    if (region.len != 0) {
        hd_buf_char(&op->b, ',');
        hd_cloud_api_member(&op->b, "data_localization_region", &region);
    }

    hd_buf_char(&op->b, '}');

    return HD_OK;
}


static int
hd_cloud_api_deregister(hd_cloud_api_op_t *op)
{
    hd_cloud_api_begin(&op->b, op->account, &op->account->number_id,
                       "/deregister");

    return HD_OK;
}


hd_cloud_api_op(number_get, "GET", hd_cloud_api_number_get,
                hd_cloud_api_number_found);
hd_cloud_api_op(numbers, "GET", hd_cloud_api_numbers,
                hd_cloud_api_numbers_found);
hd_cloud_api_op(register, "POST", hd_cloud_api_register,
                hd_cloud_api_success);
hd_cloud_api_op(deregister, "POST", hd_cloud_api_deregister,
                hd_cloud_api_success);
