/*
 * twilio: the account, files and templates: what is asked, and what is made of
 * the answer.
 */

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_twilio;

static const char  *hx = "HX0123456789abcdef0123456789abcdef";


static hd_account_t
account(void)
{
    hd_account_t  a;

    memset(&a, 0, sizeof(a));
    a.base_url = str("https://api.twilio.com");
    a.api_version = str("2010-04-01");
    a.number_id = str("+14155238886");
    a.business_id = str("AC00000000000000000000000000000001");
    a.token = str("tok0123456789abcd");
    a.channel = str("whatsapp");

    return a;
}


static int
ask(hd_op_e op, const char *args, hd_provider_request_t *r, const char **why)
{
    hd_json_t        *v;
    hd_account_t      a;
    hd_json_error_t   err;

    a = account();
    v = hd_json_parse(&mem, (unsigned char *) args, strlen(args), 16, &err);
    assert_non_null(v);
    assert_non_null(api->ops[op]);
    *why = "";

    return api->ops[op]->build(&mem, &a, v, r, why);
}


static hd_json_t *
told(hd_op_e op, int status, const char *body, hd_op_answer_t *out)
{
    hd_str_t          s;
    hd_json_t        *v;
    hd_json_error_t   err;

    s = str(body);
    api->ops[op]->read(&mem, status, &s, out);

    if (out->answer.outcome != HD_OUTCOME_ACCEPTED) {
        return NULL;
    }

    v = hd_json_parse(&mem, out->result.data, out->result.len, 24, &err);
    assert_non_null(v);

    return v;
}


static void
assert_text(const hd_json_t *v, const char *path, const char *expected)
{
    hd_json_t  *m;

    m = hd_json_path(v, path);
    assert_non_null(m);
    assert_int_equal(m->str.len, strlen(expected));
    assert_memory_equal(m->str.data, expected, m->str.len);
}


static void
test_number(void **state)
{
    const char             *why;
    hd_json_t              *v;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    assert_int_equal(ask(HD_OP_NUMBER_GET, "{}", &r, &why), HD_OK);
    assert_string_equal(r.method, "GET");
    assert_str(&r.url, "https://api.twilio.com/2010-04-01/Accounts/"
               "AC00000000000000000000000000000001.json");
    assert_int_equal(r.nheaders, 1);

    v = told(HD_OP_NUMBER_GET, 200, "{\"sid\":\"AC1\",\"status\":"
             "\"suspended\",\"friendly_name\":\"Shop\",\"type\":\"Trial\"}",
             &out);
    assert_non_null(v);
    assert_text(v, "status", "suspended");
    assert_text(v, "health.can_send", "blocked");
    assert_text(v, "mode", "Trial");

    assert_null(told(HD_OP_NUMBER_GET, 401, "{\"code\":20003,\"message\":"
                     "\"Authenticate\",\"status\":401}", &out));
    assert_int_equal(out.answer.outcome, HD_OUTCOME_REJECTED);
    assert_int_equal(out.answer.code, 20003);
    assert_int_equal(out.answer.row->class, HD_CLASS_AUTH);

    assert_null(told(HD_OP_NUMBER_GET, 200, "<html>", &out));
    assert_int_equal(out.answer.outcome, HD_OUTCOME_UNKNOWN);
    assert_null(told(HD_OP_NUMBER_GET, 0, "", &out));
    assert_int_equal(out.answer.outcome, HD_OUTCOME_UNKNOWN);
}


/* the token goes to Twilio, and to nobody who only looks like it */
static void
test_media(void **state)
{
    char                    args[256];
    size_t                  i;
    const char             *why;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    static const struct {
        const char  *url;
        size_t       headers;
    } urls[] = {
        { "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/M/Media/E",
          1 },
        { "https://mcs.us1.twilio.com/v1/x", 1 },
        { "https://evil.example/api.twilio.com/", 0 },
        { "https://api.twilio.com.evil.example/x", 0 },
        { "https://api.twilio.com@evil.example/x", 0 },
        { "https://api.twilio.com:443@evil.example/x", 0 },
        { "https://evil.example\\.twilio.com/x", 0 },
        { "https://eviltwilio.com/x", 0 },
        { "https://evil.example?x.twilio.com", 0 },
        { "https://evil.example#x.twilio.com", 0 },
        { "http://api.twilio.com/x", 0 },
        { "https://.twilio.com", 0 }
    };

    for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        (void) snprintf(args, sizeof(args), "{\"url\":\"%s%s\"}",
                        strchr(urls[i].url, '\\') ? "https://evil.example\\\\"
                                                    ".twilio.com/x" : "",
                        strchr(urls[i].url, '\\') ? "" : urls[i].url);
        assert_int_equal(ask(HD_OP_MEDIA_GET, args, &r, &why), HD_OK);
        assert_int_equal(r.nheaders, urls[i].headers);
        assert_int_equal(r.to_file, 1);
    }

    assert_int_equal(ask(HD_OP_MEDIA_GET, "{}", &r, &why), HD_DECLINED);
    assert_non_null(told(HD_OP_MEDIA_GET, 200, "", &out));
}


static void
test_create(void **state)
{
    const char             *why;
    hd_json_t              *v;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    assert_int_equal(ask(HD_OP_TEMPLATE_CREATE,
        "{\"name\":\"order_ready\",\"language\":\"en\",\"category\":"
        "\"utility\",\"document\":{\"header\":{\"format\":\"text\",\"text\":"
        "\"Order {{order}}\"},\"body\":\"Hi {{first_name|there}}, {{order}} "
        "is ready, {{first_name|there}}\",\"footer\":\"The shop\","
        "\"buttons\":[{\"type\":\"quick_reply\",\"text\":\"Thanks\"},"
        "{\"type\":\"url\",\"text\":\"See\",\"url\":"
        "\"https://x.example/{{code}}\"}],\"variables\":{\"order\":"
        "{\"sample\":\"A17\"}}}}", &r, &why), HD_OK);

    assert_string_equal(r.method, "POST");
    assert_str(&r.url, "https://content.twilio.com/v1/Content");
    assert_int_equal(r.nheaders, 2);
    assert_str(&r.body, "{\"friendly_name\":\"order_ready\",\"language\":"
        "\"en\",\"types\":{\"whatsapp/card\":{\"header_text\":"
        "\"Order {{1}}\",\"body\":\"Hi {{2}}, {{3}} is ready, {{2}}\","
        "\"footer\":\"The shop\",\"actions\":[{\"type\":\"QUICK_REPLY\","
        "\"title\":\"Thanks\",\"id\":\"Thanks\"},{\"type\":\"URL\",\"title\":"
        "\"See\",\"url\":\"https://x.example/{{4}}\"}]}},\"variables\":{"
        "\"1\":\"A17\",\"2\":\"there\",\"3\":\"A17\",\"4\":\"code\"}}");

    v = told(HD_OP_TEMPLATE_CREATE, 201, "{\"sid\":"
             "\"HX0123456789abcdef0123456789abcdef\"}", &out);
    assert_text(v, "id", hx);
    assert_text(v, "status", "draft");
    assert_null(told(HD_OP_TEMPLATE_CREATE, 201, "{\"sid\":\"x\"}", &out));

    /* kinds of content */
    assert_int_equal(ask(HD_OP_TEMPLATE_CREATE, "{\"name\":\"a\",\"language\":"
        "\"en\",\"category\":\"utility\",\"document\":{\"body\":\"Hi\"}}", &r,
        &why), HD_OK);
    assert_non_null(strstr((char *) r.body.data, "{\"twilio/text\":{\"body\":"
                           "\"Hi\"}}"));
    assert_int_equal(ask(HD_OP_TEMPLATE_CREATE, "{\"name\":\"a\",\"language\":"
        "\"en\",\"category\":\"authentication\",\"document\":{\"body\":\"\","
        "\"authentication\":{\"code_expiration_minutes\":5}}}", &r, &why),
        HD_OK);
    assert_non_null(strstr((char *) r.body.data, "{\"whatsapp/authentication\""
        ":{\"add_security_recommendation\":true,\"code_expiration_minutes\":5,"
        "\"actions\":[{\"type\":\"COPY_CODE\",\"copy_code_text\":"
        "\"Copy code\"}]}}"));

    /* what cannot be said there */
    assert_int_equal(ask(HD_OP_TEMPLATE_CREATE, "{\"name\":\"a\",\"language\":"
        "\"en\",\"category\":\"utility\",\"document\":{\"header\":{\"format\":"
        "\"image\"},\"body\":\"Hi\"}}", &r, &why), HD_DECLINED);
    assert_non_null(strstr(why, "link is missing"));
    assert_int_equal(ask(HD_OP_TEMPLATE_CREATE, "{\"name\":\"a\",\"language\":"
        "\"en\",\"category\":\"utility\",\"document\":{\"body\":\"Hi\","
        "\"buttons\":[{\"type\":\"flow\",\"text\":\"x\"}]}}", &r, &why),
        HD_DECLINED);
}


static void
test_submit(void **state)
{
    const char             *why;
    hd_json_t              *v;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    assert_int_equal(ask(HD_OP_TEMPLATE_SUBMIT, "{\"id\":"
        "\"HX0123456789abcdef0123456789abcdef\",\"name\":\"a\",\"category\":"
        "\"marketing\"}", &r, &why), HD_OK);
    assert_str(&r.url, "https://content.twilio.com/v1/Content/HX0123456789abcd"
               "ef0123456789abcdef/ApprovalRequests/whatsapp");
    assert_str(&r.body, "{\"name\":\"a\",\"category\":\"MARKETING\"}");

    assert_int_equal(ask(HD_OP_TEMPLATE_SUBMIT, "{\"id\":\"../x\",\"name\":"
        "\"a\",\"category\":\"b\"}", &r, &why), HD_DECLINED);

    v = told(HD_OP_TEMPLATE_SUBMIT, 201, "{\"status\":\"received\","
             "\"category\":\"MARKETING\",\"rejection_reason\":\"\"}", &out);
    assert_text(v, "status", "pending");
    assert_text(v, "category", "marketing");

    assert_int_equal(ask(HD_OP_TEMPLATE_DELETE, "{\"name\":\"a\",\"id\":"
        "\"HX0123456789abcdef0123456789abcdef\"}", &r, &why), HD_OK);
    assert_string_equal(r.method, "DELETE");
    assert_non_null(told(HD_OP_TEMPLATE_DELETE, 204, "", &out));
    assert_int_equal(ask(HD_OP_TEMPLATE_DELETE, "{\"name\":\"a\"}", &r, &why),
                     HD_DECLINED);
}


static void
test_list(void **state)
{
    const char             *why;
    hd_json_t              *v;
    hd_op_answer_t          out;
    hd_provider_request_t   r;

    static const char  answer[] =
        "{\"contents\":[{\"sid\":\"HX0123456789abcdef0123456789abcdef\","
        "\"friendly_name\":\"F\",\"language\":\"en\",\"variables\":{\"1\":"
        "\"Ann\"},\"types\":{\"whatsapp/card\":{\"header_text\":\"H\","
        "\"body\":\"Hi {{1}}\",\"footer\":\"Bye\",\"actions\":[{\"type\":"
        "\"URL\",\"title\":\"See\",\"url\":\"https://x.example\"}]}},"
        "\"approval_requests\":{\"name\":\"hello\",\"category\":\"UTILITY\","
        "\"status\":\"rejected\",\"rejection_reason\":\"INVALID_FORMAT\"}},"
        "{\"sid\":\"HX1\",\"types\":{\"twilio/carousel\":{}}},7],"
        "\"meta\":{\"next_page_url\":\"https://content.twilio.com/v1/"
        "ContentAndApprovals?PageSize=50&Page=1&PageToken=x\"}}";

    assert_int_equal(ask(HD_OP_TEMPLATE_LIST, "{}", &r, &why), HD_OK);
    assert_str(&r.url, "https://content.twilio.com/v1/ContentAndApprovals"
               "?PageSize=50");

    v = told(HD_OP_TEMPLATE_LIST, 200, answer, &out);
    assert_non_null(v);
    assert_text(v, "templates.0.id", hx);
    assert_text(v, "templates.0.name", "hello");
    assert_text(v, "templates.0.status", "rejected");
    assert_text(v, "templates.0.category", "utility");
    assert_text(v, "templates.0.reason", "INVALID_FORMAT");
    assert_text(v, "templates.0.document.header.text", "H");
    assert_text(v, "templates.0.document.body", "Hi {{1}}");
    assert_text(v, "templates.0.document.footer", "Bye");
    assert_text(v, "templates.0.document.buttons.0.type", "url");
    assert_text(v, "templates.0.document.variables.1.sample", "Ann");
    assert_int_equal(hd_json_path(v, "templates.0.partial")->type,
                     HD_JSON_FALSE);
    assert_int_equal(hd_json_path(v, "templates.1.partial")->type,
                     HD_JSON_TRUE);
    assert_text(v, "templates.1.status", "draft");
    assert_text(v, "cursor", "PageSize=50&Page=1&PageToken=x");

    assert_int_equal(ask(HD_OP_TEMPLATE_LIST, "{\"cursor\":\"PageSize=50&Page"
                         "=1&PageToken=x\"}", &r, &why), HD_OK);
    assert_str(&r.url, "https://content.twilio.com/v1/ContentAndApprovals"
               "?PageSize=50&Page=1&PageToken=x");

    assert_null(told(HD_OP_TEMPLATE_LIST, 200, "{}", &out));
}


static void
test_check(void **state)
{
    size_t        i;
    const char   *pointer;
    hd_account_t  a;

    static const struct {
        const char  *channel;
        const char  *sender;
        int          good;
    } senders[] = {
        { "whatsapp", "+14155238886", 1 },
        { "whatsapp", "MG0123456789abcdef0123456789abcdef", 1 },
        { "whatsapp", "whatsapp:+14155238886", 0 },
        { "whatsapp", "14155238886", 0 },
        { "whatsapp", "SHOP", 0 },
        { "sms", "SHOP 24", 1 },
        { "sms", "12345", 1 },
        { "sms", "12", 0 },
        { "sms", "SHOP NUMBER ONE", 0 },
        { "sms", "+1", 0 }
    };

    for (i = 0; i < sizeof(senders) / sizeof(senders[0]); i++) {
        a = account();
        a.channel = str(senders[i].channel);
        a.number_id = str(senders[i].sender);
        assert_int_equal(api->check(&a, &pointer) == NULL, senders[i].good);
    }

    a = account();
    a.business_id = str("AC0000000000000000000000000000000g");
    assert_non_null(api->check(&a, &pointer));
    assert_string_equal(pointer, "/business_id");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_number),
        unit(test_media),
        unit(test_create),
        unit(test_submit),
        unit(test_list),
        unit(test_check)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
