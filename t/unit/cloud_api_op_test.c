/*
 * cloud_api operations: the requests they make, and what their answers become.
 * Templates go there and back: the components of the provider's examples as
 * our document, and the document as components again.
 */

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_cloud_api;


static hd_account_t
account(void)
{
    hd_account_t  a;

    memset(&a, 0, sizeof(a));
    a.base_url = str("https://graph.facebook.com");
    a.api_version = str("v23.0");
    a.number_id = str("1065");
    a.token = str("EAA token");
    a.business_id = str("2088");
    a.verify_token = str("vt");

    return a;
}


static hd_json_t *
parse(const char *text)
{
    hd_json_t        *v;
    hd_json_error_t   err;

    v = hd_json_parse(&mem, (unsigned char *) text, strlen(text), 32, &err);
    if (v == NULL) {
        fail_msg("%s: %s", err.text, text);
    }

    return v;
}


static hd_provider_request_t
made(hd_op_e op, const hd_account_t *a, const char *args)
{
    int                     rc;
    const char             *why = "?";
    hd_provider_request_t   r;

    rc = api->ops[op]->build(&mem, a, parse(args), &r, &why);
    if (rc != HD_OK) {
        fail_msg("operation %d is declined: %s", op, why);
    }

    return r;
}


static void
declined(hd_op_e op, const hd_account_t *a, const char *args,
    const char *words)
{
    const char             *why = "";
    hd_provider_request_t   r;

    assert_int_equal(api->ops[op]->build(&mem, a, parse(args), &r, &why),
                     HD_DECLINED);
    if (strstr(why, words) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", why, words);
    }
}


static hd_op_answer_t
answer(hd_op_e op, int status, const char *body)
{
    hd_str_t        s;
    hd_op_answer_t  out;

    s = str(body);
    api->ops[op]->read(&mem, status, &s, &out);
    (void) parse(hd_cstr(&mem, &out.result));

    return out;
}


static void
gives(hd_op_e op, const char *body, const char *result)
{
    hd_op_answer_t  out;

    out = answer(op, 200, body);
    assert_int_equal(out.answer.outcome, HD_OUTCOME_ACCEPTED);
    assert_str(&out.result, result);
}


/* requests: operation, arguments, method, URL after the version, body */
static void
test_requests(void **state)
{
    size_t                  i;
    char                    url[512];
    hd_account_t            a;
    hd_provider_request_t   r;

    static const struct {
        hd_op_e      op;
        const char  *args;
        const char  *method;
        const char  *url;
        const char  *body;
    } cases[] = {
        { HD_OP_NUMBER_GET, "{\"basic\":true}", "GET",
          "1065?fields=id%2cdisplay_phone_number%2cverified_name"
          "%2cquality_rating%2ccode_verification_status%2cname_status", "" },
        { HD_OP_NUMBER_REGISTER, "{\"pin\":\"123456\",\"region\":\"DE\"}",
          "POST", "1065/register",
          "{\"messaging_product\":\"whatsapp\",\"pin\":\"123456\","
          "\"data_localization_region\":\"DE\"}" },
        { HD_OP_NUMBER_DEREGISTER, "{}", "POST", "1065/deregister", "" },
        { HD_OP_PROFILE_GET, "{}", "GET", "1065/whatsapp_business_profile"
          "?fields=about%2caddress%2cdescription%2cemail"
          "%2cprofile_picture_url%2cwebsites%2cvertical", "" },
        { HD_OP_PROFILE_SET, "{\"about\":\"Hi\",\"websites\":["
          "\"https://x.example\"],\"vertical\":\"retail\",\"name\":\"no\","
          "\"picture_handle\":\"4::x\"}", "POST",
          "1065/whatsapp_business_profile",
          "{\"messaging_product\":\"whatsapp\",\"about\":\"Hi\","
          "\"profile_picture_handle\":\"4::x\",\"websites\":["
          "\"https://x.example\"],\"vertical\":\"RETAIL\"}" },
        { HD_OP_SUBSCRIBE, "{}", "POST", "2088/subscribed_apps",
          "{\"override_callback_uri\":\"https://crm.example/hooks/cloud_api/"
          "t\",\"verify_token\":\"vt\"}" },
        { HD_OP_SUBSCRIBE, "{\"override\":false,\"business_id\":\"3\"}",
          "POST", "3/subscribed_apps", "" },
        { HD_OP_NUMBERS, "{\"cursor\":\"a=b\"}", "GET",
          "2088/phone_numbers?fields=id%2cdisplay_phone_number"
          "%2cverified_name%2cquality_rating%2ccode_verification_status"
          "%2cname_status&limit=100&after=a%3db", "" },
        { HD_OP_TOKEN, "{}", "GET", "debug_token?input_token=EAA%20token",
          "" },
        { HD_OP_MEDIA_URL, "{\"id\":\"9/8\"}", "GET",
          "9%2f8?phone_number_id=1065", "" },
        { HD_OP_MEDIA_DELETE, "{\"id\":9}", "DELETE",
          "9?phone_number_id=1065", "" },
        { HD_OP_UPLOAD_OPEN, "{\"mime\":\"image/png\",\"bytes\":12}", "POST",
          "app/uploads?file_length=12&file_type=image%2fpng", "" },
        { HD_OP_MARK_READ, "{\"message_id\":\"wamid.A=\",\"typing\":true}",
          "POST", "1065/messages",
          "{\"messaging_product\":\"whatsapp\",\"status\":\"read\","
          "\"message_id\":\"wamid.A=\",\"typing_indicator\":{\"type\":"
          "\"text\"}}" },
        { HD_OP_TEMPLATE_DELETE, "{\"name\":\"a\",\"id\":\"77\"}", "DELETE",
          "2088/message_templates?name=a&hsm_id=77", "" }
    };

    (void) state;

    a = account();
    a.callback_url = str("https://crm.example/hooks/cloud_api/t");

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        r = made(cases[i].op, &a, cases[i].args);

        (void) snprintf(url, sizeof(url), "https://graph.facebook.com/v23.0/"
                        "%s", cases[i].url);
        assert_string_equal(r.method, cases[i].method);
        assert_str(&r.url, url);
        assert_str(&r.body, cases[i].body);
        assert_str(&r.headers[0], "Authorization: Bearer EAAtoken");
        assert_int_equal(r.nheaders, r.body.len ? 2 : 1);
    }

    declined(HD_OP_NUMBER_REGISTER, &a, "{\"pin\":\"12345a\"}", "six digits");
    declined(HD_OP_PROFILE_SET, &a, "{}", "nothing to change");
    declined(HD_OP_MARK_READ, &a, "{}", "message_id");
    a.business_id.len = 0;
    declined(HD_OP_TEMPLATE_LIST, &a, "{}", "business_id");
}


static void
test_sign_up(void **state)
{
    hd_account_t            a;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    r = made(HD_OP_EXCHANGE_CODE, &a, "{\"code\":\"AQ&1\",\"app_id\":\"5\","
             "\"app_secret\":\"s\"}");
    assert_str(&r.url, "https://graph.facebook.com/v23.0/oauth/access_token"
                       "?client_id=5&client_secret=s&code=AQ%261");
    /* the old token must not go along */
    assert_int_equal(r.nheaders, 1);
    assert_str(&r.headers[0], "Accept: application/json");

    gives(HD_OP_EXCHANGE_CODE, "{\"access_token\":\"EAA\",\"token_type\":"
          "\"bearer\",\"expires_in\":5183944}",
          "{\"token\":\"EAA\",\"type\":\"bearer\",\"lives\":5183944}");
    gives(HD_OP_TOKEN, "{\"data\":{\"app_id\":\"5\",\"is_valid\":true,"
          "\"expires_at\":1800000000,\"scopes\":["
          "\"whatsapp_business_messaging\"],\"granular_scopes\":[{\"scope\":"
          "\"whatsapp_business_management\",\"target_ids\":[\"2088\"]},"
          "{\"scope\":\"other\",\"target_ids\":[\"1\"]}]}}",
          "{\"valid\":true,\"app_id\":\"5\",\"expires_at\":"
          "\"2027-01-15T08:00:00Z\",\"scopes\":["
          "\"whatsapp_business_messaging\"],\"business_ids\":[\"2088\"]}");
}


/* the token goes to nobody but Meta */
static void
test_media_get(void **state)
{
    size_t                  i;
    char                    args[256];
    hd_account_t            a;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    static const char  *good[] = {
        "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1",
        "https://scontent.xx.fbcdn.net/x?y",
        "https://graph.facebook.com/v1/x",
        "https://mmg.whatsapp.net/x"
    };

    static const char  *bad[] = {
        "https://evil.example/x", "http://lookaside.fbsbx.com/x",
        "https://fbsbx.com.evil.example/x", "https://evilfbsbx.com/x",
        "https://fbsbx.com@evil.example/x", "https://evil.example#.fbsbx.com",
        "https://evil.example?.fbsbx.com/", "https://fbsbx.com:99/x",
        "https://evil.example\\\\.fbsbx.com/",
        "https://graph.facebook.com.evil.example/x",
        "file:///etc/passwd", "https://", ""
    };

    (void) state;

    a = account();

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        (void) snprintf(args, sizeof(args), "{\"url\":\"%s\"}", good[i]);
        r = made(HD_OP_MEDIA_GET, &a, args);
        assert_str(&r.url, good[i]);
        assert_int_equal(r.to_file, 1);
        assert_str(&r.headers[0], "Authorization: Bearer EAAtoken");
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        (void) snprintf(args, sizeof(args), "{\"url\":\"%s\"}", bad[i]);
        declined(HD_OP_MEDIA_GET, &a, args, i + 1 < sizeof(bad)
                 / sizeof(bad[0]) ? "hosts" : "missing");
    }

    a.base_url = str("http://127.0.0.1:8080/sandbox");
    r = made(HD_OP_MEDIA_GET, &a,
             "{\"url\":\"http://127.0.0.1:8080/sandbox/media/1\"}");
    assert_int_equal(r.to_file, 1);
    declined(HD_OP_MEDIA_GET, &a,
             "{\"url\":\"http://127.0.0.1:8080/sandboxes/media/1\"}",
             "hosts");

    out = answer(HD_OP_MEDIA_GET, 200, "\xff\xd8 no JSON");
    assert_int_equal(out.answer.outcome, HD_OUTCOME_ACCEPTED);
    out = answer(HD_OP_MEDIA_GET, 404, "gone");
    assert_int_equal(out.answer.outcome, HD_OUTCOME_REJECTED);
}


static void
test_files(void **state)
{
    hd_account_t            a;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    a.config = str("{\"app_id\":\"55\"}");

    r = made(HD_OP_MEDIA_UPLOAD, &a, "{\"mime\":\"image/png\"}");
    assert_str(&r.url, "https://graph.facebook.com/v23.0/1065/media");
    assert_int_equal(r.nfields, 2);
    assert_string_equal(r.fields[0].name, "messaging_product");
    assert_str(&r.fields[0].value, "whatsapp");
    assert_str(&r.fields[1].value, "image/png");
    assert_string_equal(r.file_part, "file");

    gives(HD_OP_MEDIA_UPLOAD, "{\"id\":\"4490709327384033\"}",
          "{\"id\":\"4490709327384033\"}");
    gives(HD_OP_MEDIA_URL, "{\"url\":\"https://l.example/1\",\"mime_type\":"
          "\"image/PNG\",\"sha256\":\"ab\",\"file_size\":\"103632\","
          "\"id\":\"1\",\"messaging_product\":\"whatsapp\"}",
          "{\"url\":\"https://l.example/1\",\"mime\":\"image/png\","
          "\"bytes\":103632,\"sha256\":\"ab\"}");

    r = made(HD_OP_UPLOAD_OPEN, &a, "{\"mime\":\"image/png\",\"bytes\":12}");
    assert_non_null(strstr((char *) r.url.data, "/55/uploads?"));
    gives(HD_OP_UPLOAD_OPEN, "{\"id\":\"upload:MTph?sig=ARb\"}",
          "{\"id\":\"upload:MTph?sig=ARb\"}");

    r = made(HD_OP_UPLOAD_SEND, &a, "{\"id\":\"upload:MTph?sig=ARb\"}");
    assert_str(&r.url,
               "https://graph.facebook.com/v23.0/upload:MTph?sig=ARb");
    assert_int_equal(r.raw_file, 1);
    assert_str(&r.headers[1], "file_offset: 0");
    declined(HD_OP_UPLOAD_SEND, &a, "{\"id\":\"../x\"}", "session");
    gives(HD_OP_UPLOAD_SEND, "{\"h\":\"4::aW1\"}", "{\"handle\":\"4::aW1\"}");
}


static void
test_number(void **state)
{
    hd_op_answer_t  out;

    (void) state;

    gives(HD_OP_NUMBER_GET,
          "{\"id\":\"1065\",\"display_phone_number\":\"+1 555-010-0001\","
          "\"verified_name\":\"Shop\",\"quality_rating\":\"GREEN\","
          "\"name_status\":\"APPROVED\",\"status\":\"CONNECTED\","
          "\"code_verification_status\":\"VERIFIED\",\"platform_type\":"
          "\"CLOUD_API\",\"account_mode\":\"LIVE\",\"throughput\":{\"level\":"
          "\"HIGH\"},\"messaging_limit_tier\":\"TIER_10K\","
          "\"is_pin_enabled\":true,\"health_status\":{\"can_send_message\":"
          "\"LIMITED\",\"entities\":[{\"entity_type\":\"PHONE_NUMBER\","
          "\"id\":\"1065\",\"can_send_message\":\"LIMITED\",\"errors\":["
          "{\"error_code\":141006,\"error_description\":\"No payment\","
          "\"possible_solution\":\"Add one\"}]},{\"entity_type\":\"WABA\","
          "\"can_send_message\":\"AVAILABLE\"}]}}",
          "{\"id\":\"1065\",\"phone\":\"+15550100001\",\"name\":\"Shop\","
          "\"quality\":\"GREEN\",\"name_status\":\"approved\",\"status\":"
          "\"connected\",\"verified\":\"verified\",\"platform\":"
          "\"cloud_api\",\"mode\":\"live\",\"tier\":\"TIER_10K\",\"limit\":"
          "10000,\"throughput\":1000,\"pin\":true,\"health\":{\"can_send\":"
          "\"limited\",\"entities\":[{\"type\":\"phone_number\",\"can_send\":"
          "\"limited\",\"errors\":[{\"code\":141006,\"description\":"
          "\"No payment\",\"solution\":\"Add one\"}]},{\"type\":\"waba\","
          "\"can_send\":\"available\",\"errors\":[]}]}}");

    out = answer(HD_OP_NUMBER_GET, 200, "{\"id\":\"1\"}");
    assert_non_null(strstr((char *) out.result.data, "\"limit\":null"));
    assert_non_null(strstr((char *) out.result.data, "\"health\":null"));

    out = answer(HD_OP_NUMBERS, 200, "{\"data\":[{\"id\":\"1\"},{\"id\":"
                 "\"2\"}],\"paging\":{\"cursors\":{\"after\":\"c\"}}}");
    assert_int_equal(parse(hd_cstr(&mem, &out.result))->child->count, 2);
    assert_non_null(strstr((char *) out.result.data, "\"cursor\":null"));

    gives(HD_OP_PROFILE_GET, "{\"data\":[{\"about\":\"Hi\",\"websites\":["
          "\"https://x.example/\"],\"vertical\":\"RETAIL\","
          "\"messaging_product\":\"whatsapp\"}]}",
          "{\"name\":null,\"about\":\"Hi\",\"description\":null,\"address\":"
          "null,\"email\":null,\"websites\":[\"https://x.example/\"],"
          "\"vertical\":\"retail\",\"picture_url\":null}");
}


/* what goes wrong is told as of a message */
static void
test_refused(void **state)
{
    size_t          i;
    hd_op_answer_t  out;

    (void) state;

    for (i = 0; i < HD_OP_MAX; i++) {

        if (api->ops[i] == NULL) {
            continue;
        }

        out = answer((hd_op_e) i, 401, "{\"error\":{\"message\":\"m\","
                     "\"code\":190,\"type\":\"OAuthException\"}}");
        assert_int_equal(out.answer.outcome, HD_OUTCOME_REJECTED);
        assert_int_equal(out.answer.code, 190);
        assert_int_equal(out.answer.row->class, HD_CLASS_AUTH);
        assert_str(&out.answer.detail, "m");
        assert_str(&out.result, "{}");

        out = answer((hd_op_e) i, 0, "");
        assert_int_equal(out.answer.outcome, HD_OUTCOME_UNKNOWN);

        if (i == HD_OP_MEDIA_GET) {
            continue;
        }

        out = answer((hd_op_e) i, 200, "<html>");
        assert_int_equal(out.answer.outcome, HD_OUTCOME_UNKNOWN);
        out = answer((hd_op_e) i, 200, "{\"success\":false}");
        assert_int_not_equal(out.answer.outcome, HD_OUTCOME_ACCEPTED);
        out = answer((hd_op_e) i, 200, "[[{}]]");
        assert_int_not_equal(out.answer.outcome, HD_OUTCOME_ACCEPTED);
    }
}


/* templates */

static unsigned  compared;


static void
assert_same(const char *file, const hd_json_t *want, const hd_json_t *got)
{
    size_t      i;
    char        key[64];
    hd_json_t  *v, *w;

    if (got == NULL) {
        fail_msg("%s: \"%.*s\" is missing", file, (int) want->key.len,
                 want->key.data);
        return;
    }

    /* one or a list with one, text or number */
    if (want->type == HD_JSON_STRING && got->type == HD_JSON_ARRAY) {
        got = got->child;
    }

    if (want->type == HD_JSON_OBJECT) {
        for (v = want->child; v != NULL; v = v->next) {
            (void) snprintf(key, sizeof(key), "%.*s", (int) v->key.len,
                            v->key.data);

            /* apps are a list now */
            w = hd_json_get(got, key);
            if (w == NULL && (strcmp(key, "package_name") == 0
                              || strcmp(key, "signature_hash") == 0))
            {
                w = hd_json_get(hd_json_path(got, "supported_apps.0"), key);
            }

            assert_same(file, v, w);
        }

    } else if (want->type == HD_JSON_ARRAY) {
        if (want->count != got->count
            && (want->count != 2 || want->key.len != 14))
        {
            fail_msg("%s: %u are %u", file, want->count, got->count);
        }

        for (v = want->child, w = got->child, i = 0; w != NULL;
             v = v->next, w = w->next, i++)
        {
            assert_same(file, v, w);
        }

    } else if (want->str.len != got->str.len
               || strncasecmp((char *) want->str.data,
                              (char *) got->str.data, want->str.len) != 0)
    {
        fail_msg("%s: \"%.*s\" is \"%.*s\"", file, (int) want->str.len,
                 want->str.data, (int) got->str.len, got->str.data);
    }
}


static hd_json_t *
component(const hd_json_t *list, const hd_str_t *type)
{
    hd_str_t    s;
    hd_json_t  *v;

    for (v = list->child; v != NULL; v = v->next) {
        s = hd_json_str(v, "type");

        if (s.len == type->len
            && strncasecmp((char *) s.data, (char *) type->data, s.len) == 0)
        {
            return v;
        }
    }

    return NULL;
}


/* one template of the provider's: read, then made again */
static void
there_and_back(const char *file, const hd_json_t *t)
{
    hd_buf_t                b;
    hd_str_t                s, category;
    hd_json_t              *v, *found, *want, *got;
    const char             *text;
    hd_account_t            a;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    want = hd_json_get(t, "components");
    if (want == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"data\":[");
    hd_json_write(&b, t);
    hd_buf_z(&b, "]}");
    hd_buf_char(&b, '\0');
    out = answer(HD_OP_TEMPLATE_LIST, 200, (char *) b.data);
    assert_int_equal(out.answer.outcome, HD_OUTCOME_ACCEPTED);

    found = hd_json_path(parse(hd_cstr(&mem, &out.result)), "templates.0");
    category = hd_json_str(found, "category");

    if (hd_json_get(found, "partial")->type == HD_JSON_TRUE) {
        hd_buf_free(&b);
        return;
    }

    s = hd_json_str(hd_json_path(want, "0.example"), "header_handle");

    if (hd_json_path(want, "0.example.header_handle.0") != NULL) {
        s = hd_json_path(want, "0.example.header_handle.0")->str;
    }

    hd_buf_reset(&b);
    hd_buf_z(&b, "{\"name\":\"t\",\"language\":\"en\",\"category\":");
    hd_jw_str(&b, &category);
    hd_buf_z(&b, ",\"handle\":");
    hd_jw_str(&b, &s);
    hd_buf_z(&b, ",\"document\":");
    hd_json_write(&b, hd_json_get(found, "document"));
    hd_buf_z(&b, "}");
    hd_buf_char(&b, '\0');

    a = account();

    /* a kind that Meta has given up, or words that have no sample */
    if (hd_str_eq(&category, "authentication")
        && hd_json_get(component(want, &(hd_str_t) hd_str("body")), "text"))
    {
        hd_buf_free(&b);
        return;
    }

    r = made(HD_OP_TEMPLATE_CREATE, &a, (char *) b.data);
    hd_buf_free(&b);

    text = hd_cstr(&mem, &r.body);
    got = hd_json_get(parse(text), "components");
    assert_int_equal(got->count, want->count);

    for (v = want->child; v != NULL; v = v->next) {
        s = hd_json_str(v, "type");
        assert_same(file, v, component(got, &s));
    }

    compared++;
}


static void
read_templates(const char *name, const char *path)
{
    hd_str_t         s;
    hd_json_t       *root, *v;
    hd_json_error_t  err;

    s = slurp(path);
    root = hd_json_parse(&mem, s.data, s.len, 32, &err);
    assert_non_null(root);

    /* one, a list, or several by their names */
    if (hd_json_get(root, "components") != NULL) {
        there_and_back(name, root);
        return;
    }

    v = hd_json_get(root, "data");

    for (v = v ? v->child : root->child; v != NULL; v = v->next) {
        there_and_back(name, v);
    }
}


static void
test_template_examples(void **state)
{
    char  path[HD_UNIT_PATH];

    (void) state;

    fixture(path, "cloud-api/templates");
    (void) each_file(path, ".json", read_templates);
    print_message("# %u templates went there and back\n", compared);
    assert_true(compared >= 20);
}


static void
test_template_create(void **state)
{
    const char             *text;
    hd_account_t            a;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    r = made(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"hello\",\"language\":"
             "\"en_US\",\"category\":\"marketing\",\"document\":{\"header\":"
             "{\"format\":\"text\",\"text\":\"Hi {{name}}\"},\"body\":"
             "\"{{name|you}} of {{fields.city|here}}, {{name}}\",\"footer\":"
             "\"Bye\",\"buttons\":[{\"type\":\"url\",\"text\":\"Go\",\"url\":"
             "\"https://x.example/{{code}}\"},{\"type\":\"phone_number\","
             "\"text\":\"Call\",\"phone_number\":\"+254712345678\"},"
             "{\"type\":\"copy_code\",\"example\":\"SAVE\"}],\"variables\":"
             "{\"name\":{\"sample\":\"Ann\"},\"code\":{\"sample\":\"a1\"}},"
             "\"ttl\":3600}}");
    assert_str(&r.url,
               "https://graph.facebook.com/v23.0/2088/message_templates");
    assert_str(&r.body, "{\"name\":\"hello\",\"language\":\"en_US\","
               "\"category\":\"MARKETING\",\"parameter_format\":\"NAMED\","
               "\"message_send_ttl_seconds\":3600,\"components\":[{\"type\":"
               "\"HEADER\",\"format\":\"TEXT\",\"text\":\"Hi {{name}}\","
               "\"example\":{\"header_text_named_params\":[{\"param_name\":"
               "\"name\",\"example\":\"Ann\"}]}},{\"type\":\"BODY\",\"text\":"
               "\"{{name}} of {{fields_city}}, {{name}}\",\"example\":"
               "{\"body_text_named_params\":[{\"param_name\":\"name\","
               "\"example\":\"Ann\"},{\"param_name\":\"fields_city\","
               "\"example\":\"here\"}]}},{\"type\":\"FOOTER\",\"text\":"
               "\"Bye\"},{\"type\":\"BUTTONS\",\"buttons\":[{\"type\":"
               "\"URL\",\"text\":\"Go\",\"url\":\"https://x.example/{{1}}\","
               "\"example\":[\"a1\"]},{\"type\":\"PHONE_NUMBER\",\"text\":"
               "\"Call\",\"phone_number\":\"254712345678\"},{\"type\":"
               "\"COPY_CODE\",\"example\":\"SAVE\"}]}]}");

    /* numbers keep their order, wherever they stand, and have no gaps */
    r = made(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"n\",\"language\":\"en\","
             "\"category\":\"utility\",\"document\":{\"body\":"
             "\"x {{2|b}} {{10|j}} {{1|a}} y\"}}");
    assert_non_null(strstr((char *) r.body.data, "{{2}} {{3}} {{1}} y\","
                           "\"example\":{\"body_text\":[[\"a\",\"b\",\"j\"]]"
                           "}}]}"));

    r = made(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"otp\",\"language\":"
             "\"en\",\"category\":\"authentication\",\"document\":{\"body\":"
             "\"ours\",\"authentication\":{\"code_expiration_minutes\":5}}}");
    text = hd_cstr(&mem, &r.body);
    assert_non_null(strstr(text, "\"components\":[{\"type\":\"BODY\","
                           "\"add_security_recommendation\":true},{\"type\":"
                           "\"FOOTER\",\"code_expiration_minutes\":5},"
                           "{\"type\":\"BUTTONS\",\"buttons\":[{\"type\":"
                           "\"OTP\",\"otp_type\":\"COPY_CODE\"}]}]}"));
    assert_null(strstr(text, "ours"));

    r = made(HD_OP_TEMPLATE_EDIT, &a, "{\"id\":\"77\",\"document\":{\"body\":"
             "\"hi\"}}");
    assert_str(&r.url, "https://graph.facebook.com/v23.0/77");
    assert_str(&r.body,
               "{\"components\":[{\"type\":\"BODY\",\"text\":\"hi\"}]}");

    declined(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"n\",\"language\":\"en\","
             "\"category\":\"utility\",\"document\":{\"body\":\"{{a}}\"}}",
             "sample");
    declined(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"n\",\"language\":\"en\","
             "\"category\":\"utility\",\"document\":{\"body\":\"a\","
             "\"header\":{\"format\":\"image\"}}}", "handle");
    declined(HD_OP_TEMPLATE_CREATE, &a, "{\"name\":\"n\",\"language\":\"en\","
             "\"category\":\"utility\",\"document\":{\"body\":\"a\","
             "\"buttons\":[{\"type\":\"teleport\"}]}}", "type");

    gives(HD_OP_TEMPLATE_CREATE, "{\"id\":\"5\",\"status\":\"PENDING\","
          "\"category\":\"UTILITY\"}",
          "{\"id\":\"5\",\"status\":\"pending\",\"category\":\"utility\"}");
    gives(HD_OP_TEMPLATE_EDIT, "{\"success\":true}",
          "{\"id\":null,\"status\":null,\"category\":null}");
}


static void
test_template_list(void **state)
{
    hd_json_t              *v;
    hd_account_t            a;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    r = made(HD_OP_TEMPLATE_LIST, &a, "{\"limit\":50,\"cursor\":\"X\","
             "\"name\":\"a b\"}");
    assert_non_null(strstr((char *) r.url.data, "&after=X&limit=50"
                           "&name=a%20b"));

    out = answer(HD_OP_TEMPLATE_LIST, 200, "{\"data\":[{\"id\":\"1\","
                 "\"name\":\"n\",\"language\":\"en\",\"category\":"
                 "\"MARKETING\",\"status\":\"REJECTED\",\"rejected_reason\":"
                 "\"INVALID_FORMAT\",\"quality_score\":{\"score\":\"GREEN\"},"
                 "\"parameter_format\":\"NAMED\",\"components\":[{\"type\":"
                 "\"BODY\",\"text\":\"Hi {{a}}\",\"example\":{"
                 "\"body_text_named_params\":[{\"param_name\":\"a\","
                 "\"example\":\"x\"}]}},{\"type\":\"CAROUSEL\",\"cards\":[]}]"
                 "},{\"id\":2}],\"paging\":{\"cursors\":{\"after\":\"Y\"},"
                 "\"next\":\"https://graph\"}}");
    v = parse(hd_cstr(&mem, &out.result));
    assert_str(&hd_json_get(v, "cursor")->str, "Y");

    v = hd_json_path(v, "templates.0");
    assert_str(&hd_json_get(v, "category")->str, "marketing");
    assert_str(&hd_json_get(v, "status")->str, "rejected");
    assert_str(&hd_json_get(v, "quality")->str, "GREEN");
    assert_str(&hd_json_get(v, "rejected_reason")->str, "INVALID_FORMAT");
    assert_non_null(strstr((char *) hd_json_get(v, "reason")->str.data,
                           "sample"));
    assert_str(&hd_json_get(v, "parameter_format")->str, "named");
    assert_int_equal(hd_json_get(v, "partial")->type, HD_JSON_TRUE);
    assert_str(&hd_json_path(v, "document.variables.a.sample")->str, "x");
    assert_str(&hd_json_path(v, "components.1.type")->str, "CAROUSEL");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_requests),
        unit(test_sign_up),
        unit(test_media_get),
        unit(test_files),
        unit(test_number),
        unit(test_refused),
        unit(test_template_examples),
        unit(test_template_create),
        unit(test_template_list)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
