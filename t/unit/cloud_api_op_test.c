/*
 * cloud_api operations: the requests they make, and what their answers become.
 */

#include "cloud_api_unit.h"


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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_requests),
        unit(test_sign_up),
        unit(test_media_get),
        unit(test_files),
        unit(test_number),
        unit(test_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
