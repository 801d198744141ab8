/*
 * cloud_api: what is sent, what the answer means, and the two proofs.
 */

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_cloud_api;


/* build */

static hd_account_t
account(void)
{
    hd_account_t  a;

    memset(&a, 0, sizeof(a));

    a.base_url = str("https://graph.facebook.com");
    a.api_version = str("v23.0");
    a.number_id = str("106540352242922");
    a.token = str("EAAtoken\n");
    a.app_secret = str("secret");
    a.verify_token = str("check me");

    return a;
}


static void
test_build_text(void **state)
{
    hd_account_t            a;
    hd_message_t            m;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    memset(&m, 0, sizeof(m));
    m.to = str("+254712345678");
    m.body = str("Hi \"Ann\"\n\xf0\x9f\x98\x80");

    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_string_equal(r.method, "POST");
    assert_str(&r.url,
               "https://graph.facebook.com/v23.0/106540352242922/messages");
    assert_int_equal(r.nheaders, 2);
    assert_str(&r.headers[0], "Authorization: Bearer EAAtoken");
    assert_str(&r.headers[1], "Content-Type: application/json");
    assert_str(&r.body,
               "{\"messaging_product\":\"whatsapp\","
               "\"recipient_type\":\"individual\",\"to\":\"+254712345678\","
               "\"type\":\"text\",\"text\":{\"preview_url\":false,"
               "\"body\":\"Hi \\\"Ann\\\"\\n\xf0\x9f\x98\x80\"}}");

    m.reply_to = str("wamid.X");
    m.reference = str("h1.AAAA");
    a.number_id = str("../1?x");
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_str(&r.url,
               "https://graph.facebook.com/v23.0/%2e.%2f1%3fx/messages");
    assert_non_null(strstr((char *) r.body.data,
                           "\"context\":{\"message_id\":\"wamid.X\"},"
                           "\"biz_opaque_callback_data\":\"h1.AAAA\","));
}


static void
test_build_template(void **state)
{
    hd_str_t                head[1], values[2], names[2];
    hd_account_t            a;
    hd_message_t            m;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    memset(&m, 0, sizeof(m));
    m.type = HD_MESSAGE_TEMPLATE;
    m.to = str("254712345678");
    m.template_name = str("order_ready");
    m.language = str("en_US");

    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_str(&r.body,
               "{\"messaging_product\":\"whatsapp\","
               "\"recipient_type\":\"individual\",\"to\":\"254712345678\","
               "\"type\":\"template\",\"template\":{\"name\":\"order_ready\","
               "\"language\":{\"policy\":\"deterministic\","
               "\"code\":\"en_US\"}}}");

    values[0] = str("Ann");
    values[1] = str("12");
    m.params = values;
    m.nparams = 2;
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_non_null(strstr((char *) r.body.data,
                           ",\"components\":[{\"type\":\"body\","
                           "\"parameters\":[{\"type\":\"text\","
                           "\"text\":\"Ann\"},{\"type\":\"text\","
                           "\"text\":\"12\"}]}]}}"));

    names[0] = str("name");
    names[1] = str("order");
    m.param_names = names;
    head[0] = str("Shop");
    m.header_params = head;
    m.nheader = 1;
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_non_null(strstr((char *) r.body.data,
                           ",\"components\":[{\"type\":\"header\","
                           "\"parameters\":[{\"type\":\"text\","
                           "\"text\":\"Shop\"}]},{\"type\":\"body\","
                           "\"parameters\":[{\"type\":\"text\","
                           "\"parameter_name\":\"name\",\"text\":\"Ann\"},"
                           "{\"type\":\"text\",\"parameter_name\":\"order\","
                           "\"text\":\"12\"}]}]}}"));
}


/* answer */

static hd_provider_answer_t
answer(int status, const char *body)
{
    hd_str_t               s;
    hd_provider_answer_t   out;

    s = str(body);
    api->answer(&mem, status, &s, &out);
    assert_non_null(out.row);

    return out;
}


static void
test_answer_accepted(void **state)
{
    hd_provider_answer_t  a;

    (void) state;

    a = answer(200, "{\"messaging_product\":\"whatsapp\",\"contacts\":[{"
               "\"input\":\"+254712345678\",\"wa_id\":\"254712345678\"}],"
               "\"messages\":[{\"id\":\"wamid.A=\"}]}");
    assert_int_equal(a.outcome, HD_OUTCOME_ACCEPTED);
    assert_str(&a.provider_id, "wamid.A=");
    assert_str(&a.wa_id, "254712345678");

    a = answer(200, "{\"messages\":[{\"id\":\"x\"}]}");
    assert_int_equal(a.outcome, HD_OUTCOME_ACCEPTED);
    assert_int_equal(a.wa_id.len, 0);
}


static void
test_answer_unknown(void **state)
{
    (void) state;

    assert_int_equal(answer(0, "").outcome, HD_OUTCOME_UNKNOWN);
    assert_int_equal(answer(0, "{\"error\":{\"code\":190}}").outcome,
                     HD_OUTCOME_UNKNOWN);
    assert_int_equal(answer(200, "").outcome, HD_OUTCOME_UNKNOWN);
    assert_int_equal(answer(200, "<html>").outcome, HD_OUTCOME_UNKNOWN);
    assert_int_equal(answer(200, "{\"messages\":[]}").outcome,
                     HD_OUTCOME_UNKNOWN);
    assert_int_equal(answer(200, "{\"messages\":[{\"id\":5}]}").outcome,
                     HD_OUTCOME_UNKNOWN);
    assert_int_equal(answer(504, "<html>").outcome, HD_OUTCOME_UNKNOWN);
}


static void
test_answer_rejected(void **state)
{
    size_t                 i;
    hd_provider_answer_t   a;

    static const struct {
        int           status;
        const char   *body;
        int           code;
        hd_class_e    class;
        int           retry_ms;
        int           retries;
    } cases[] = {
        { 400, "{\"error\":{\"code\":131047}}", 131047, HD_CLASS_WINDOW,
          0, 0 },
        { 401, "{\"error\":{\"code\":190}}", 190, HD_CLASS_AUTH, 0, 0 },
        { 400, "{\"error\":{\"code\":\"190\"}}", 190, HD_CLASS_AUTH, 0, 0 },
        { 403, "{\"error\":{\"code\":250}}", 250, HD_CLASS_AUTH, 0, 0 },
        { 400, "{\"error\":{\"code\":0}}", 0, HD_CLASS_AUTH, 0, 0 },
        { 429, "{\"error\":{\"code\":130429}}", 130429, HD_CLASS_THROTTLE,
          2000, 5 },
        { 429, "{\"error\":{\"code\":131056}}", 131056,
          HD_CLASS_PAIR_THROTTLE, 4000, 4 },
        { 429, "{\"error\":{\"code\":77}}", 77, HD_CLASS_THROTTLE, 2000, 5 },
        { 429, "", 429, HD_CLASS_THROTTLE, 2000, 5 },
        { 401, "no", 401, HD_CLASS_AUTH, 0, 0 },
        { 403, "{}", 403, HD_CLASS_AUTH, 0, 0 },
        { 404, "", 404, HD_CLASS_UNKNOWN_CODE, 0, 0 },
        { 400, "{\"error\":\"x\"}", 400, HD_CLASS_UNKNOWN_CODE, 0, 0 },
        { 400, "{\"error\":{}}", 400, HD_CLASS_UNKNOWN_CODE, 0, 0 },
        { 400, "{\"error\":{\"code\":5555}}", 5555, HD_CLASS_UNKNOWN_CODE,
          0, 0 },
        { 400, "{\"error\":{\"code\":5555,\"is_transient\":true}}", 5555,
          HD_CLASS_TRANSIENT, 1000, 4 },
        { 400, "{\"error\":{\"code\":-7}}", 400, HD_CLASS_UNKNOWN_CODE,
          0, 0 },
        { 500, "{\"error\":{\"code\":131000}}", 131000, HD_CLASS_TRANSIENT,
          1000, 4 },
        { 500, "{\"error\":{\"code\":100}}", 100, HD_CLASS_PAYLOAD, 0, 0 },
        { 503, "{\"error\":{\"code\":2}}", 2, HD_CLASS_TRANSIENT, 1000, 4 },
        { 504, "{\"error\":{\"code\":2}}", 2, HD_CLASS_TRANSIENT, 1000, 4 },
        { 500, "", 500, HD_CLASS_TRANSIENT, 1000, 4 },
        { 502, "<html>", 502, HD_CLASS_TRANSIENT, 1000, 4 },
        { 503, "", 503, HD_CLASS_TRANSIENT, 1000, 4 },
        { 200, "{\"error\":{\"code\":100}}", 100, HD_CLASS_PAYLOAD, 0, 0 },
        { 302, "", 302, HD_CLASS_UNKNOWN_CODE, 0, 0 },
        { 400, "{\"error\":{\"code\":132001}}", 132001, HD_CLASS_TEMPLATE,
          600000, 1 },
        { 400, "{\"error\":{\"code\":131053}}", 131053, HD_CLASS_MEDIA,
          2000, 3 },
        { 400, "{\"error\":{\"code\":131049}}", 131049, HD_CLASS_ECOSYSTEM,
          86400000, 3 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        a = answer(cases[i].status, cases[i].body);
        assert_int_equal(a.outcome, HD_OUTCOME_REJECTED);
        assert_int_equal(a.code, cases[i].code);
        assert_int_equal(a.row->class, cases[i].class);
        assert_int_equal(a.row->retry_ms, cases[i].retry_ms);
        assert_int_equal(a.row->retries, cases[i].retries);
    }

    a = answer(400, "{\"error\":{\"code\":100,\"message\":\"m\","
               "\"error_user_msg\":\"u\",\"error_data\":{"
               "\"details\":\"d\"}}}");
    assert_str(&a.detail, "d");
    a = answer(400, "{\"error\":{\"code\":100,\"message\":\"m\"}}");
    assert_str(&a.detail, "m");
}


static void
test_errors(void **state)
{
    int                     code;
    hd_class_e              c;
    const hd_error_row_t   *row;

    (void) state;

    for (code = -5; code < 140000; code++) {
        row = hd_error_find(code);
        assert_non_null(row);
        assert_true(row->words[0] != '\0' && row->fix[0] != '\0');
        assert_true((row->retry_ms == 0) == (row->retries == 0));
    }

    assert_int_equal(hd_error_find(-1)->class, HD_CLASS_UNKNOWN_CODE);
    assert_int_equal(hd_error_find(199)->class, HD_CLASS_UNKNOWN_CODE);
    assert_int_equal(hd_error_find(200)->class, HD_CLASS_AUTH);
    assert_int_equal(hd_error_find(299)->class, HD_CLASS_AUTH);
    assert_int_equal(hd_error_find(300)->class, HD_CLASS_UNKNOWN_CODE);
    assert_int_equal(hd_error_find(131050)->class, HD_CLASS_OPTED_OUT);
    assert_int_equal(hd_error_find(135000)->retries, 2);

    for (c = HD_CLASS_NONE; c <= HD_CLASS_UNKNOWN_CODE; c++) {
        assert_non_null(hd_class_name(c));
    }

    assert_string_equal(hd_class_name(HD_CLASS_PAIR_THROTTLE),
                        "pair_throttle");
    assert_string_equal(hd_class_name(HD_CLASS_UNKNOWN_CODE), "unknown_code");
}


/* proofs */

static int
verify(const hd_account_t *a, hd_str_t signature, hd_str_t body)
{
    hd_proof_t  proof;

    memset(&proof, 0, sizeof(hd_proof_t));
    proof.signature = signature;
    proof.body = body;

    return api->verify(a, &proof);
}


static void
test_verify(void **state)
{
    hd_str_t      body, header;
    hd_account_t  a;

    (void) state;

    a = account();
    body = str("test");

    header = str("sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a88"
                 "1ebb488c0914");
    assert_int_equal(verify(&a, header, body), 1);

    header.len--;
    assert_int_equal(verify(&a, header, body), 0);
    header = str("");
    assert_int_equal(verify(&a, header, body), 0);
    header.data = NULL;
    assert_int_equal(verify(&a, header, body), 0);
    header = str("sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a88"
                 "1ebb488c091x");
    assert_int_equal(verify(&a, header, body), 0);
    header = str("sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a88"
                 "1ebb488c0915");
    assert_int_equal(verify(&a, header, body), 0);

    /* an account without a secret accepts nothing */
    a.app_secret = str("");
    header = str("sha256=ad71148c79f21ab9eec51ea5c7dd2b668792f7c0d3534ae66b22f"
                 "71c61523fb3");
    assert_int_equal(verify(&a, header, body), 0);
}


static void
test_verify_vectors(void **state)
{
    char              path[HD_UNIT_PATH];
    unsigned          n;
    hd_str_t          s, body, header;
    hd_json_t        *v;
    hd_account_t      a;
    hd_json_error_t   err;

    (void) state;

    fixture(path, "cloud-api/signatures/x-hub-signature-256.json");
    s = slurp(path);
    v = hd_json_parse(&mem, s.data, s.len, 8, &err);
    assert_non_null(v);

    a = account();
    n = 0;

    for (v = v->child; v != NULL; v = v->next) {
        a.app_secret = hd_json_str(v, "app_secret");
        body = hd_json_str(v, "body");
        header = hd_json_str(v, "header");
        assert_int_equal(verify(&a, header, body),
                         hd_json_get(v, "valid")->type == HD_JSON_TRUE);
        n++;
    }

    assert_true(n >= 4);
}


static void
challenge(const char *args, const char *expected)
{
    int           rc;
    hd_str_t      s, reply;
    hd_account_t  a;

    a = account();
    s = str(args);
    rc = api->challenge(&mem, &a, &s, &reply);

    if (expected == NULL) {
        assert_int_equal(rc, HD_ERROR);
        return;
    }

    assert_int_equal(rc, HD_OK);
    assert_str(&reply, expected);
}


static void
test_challenge(void **state)
{
    hd_str_t      s, reply;
    hd_account_t  a;

    (void) state;

    challenge("hub.mode=subscribe&hub.challenge=1158201444&"
              "hub.verify_token=check+me", "1158201444");
    challenge("hub.verify_token=check%20me&hub.mode=subscribe&"
              "hub.challenge=a%2Db", "a-b");
    challenge("hub%2Emode=subscribe&hub.challenge=1&x&=y&"
              "hub.verify_token=check+me", "1");
    challenge("", NULL);
    challenge("hub.mode=subscribe&hub.challenge=1", NULL);
    challenge("hub.mode=subscribe&hub.challenge=1&hub.verify_token=", NULL);
    challenge("hub.mode=subscribe&hub.challenge=1&hub.verify_token=check+m",
              NULL);
    challenge("hub.mode=unsubscribe&hub.challenge=1&"
              "hub.verify_token=check+me", NULL);
    challenge("hub.challenge=1&hub.verify_token=check+me", NULL);
    challenge("hub.mode=subscribe&hub.verify_token=check+me", NULL);
    challenge("hub.mode=subscribe&hub.challenge=%3Cb%3E&"
              "hub.verify_token=check+me", NULL);
    challenge("hub.mode=subscribe&hub.challenge=a%0d%0ab&"
              "hub.verify_token=check+me", NULL);
    challenge("hub.mode=subscribe&hub.challenge=%4&"
              "hub.verify_token=check+me", NULL);

    /* an empty token of the account matches nothing */
    a = account();
    a.verify_token = str("");
    s = str("hub.mode=subscribe&hub.challenge=1&hub.verify_token=");
    assert_int_equal(api->challenge(&mem, &a, &s, &reply), HD_ERROR);
}


static void
test_error_codes_file(void **state)
{
    char              path[HD_UNIT_PATH];
    int64_t           code;
    unsigned          known, n;
    hd_str_t          s;
    hd_json_t        *v;
    hd_json_error_t   err;

    (void) state;

    fixture(path, "cloud-api/error_codes.json");
    s = slurp(path);
    v = hd_json_parse(&mem, s.data, s.len, 8, &err);
    assert_non_null(v);

    known = 0;
    n = 0;

    for (v = v->child; v != NULL; v = v->next) {
        s = hd_json_str(v, "category");

        if (!hd_str_eq(&s, "SendMessageError")
            || hd_json_int(hd_json_get(v, "code"), &code) != HD_OK)
        {
            continue;
        }

        n++;
        known += hd_error_find((int) code)->class != HD_CLASS_UNKNOWN_CODE;
    }

    /* every code that sending can meet has its row */
    printf("# error codes: %u of %u known\n", known, n);
    assert_int_equal(known, n);
}


/* reference, table */

static void
test_reference(void **state)
{
    uint32_t        seq;
    hd_str_t        s;
    hd_uuid_t       id, back;
    unsigned char   text[HD_REFERENCE_LEN];

    (void) state;

    hd_uuid_v7(&id, 1700000000000);
    hd_reference_format(text, &id, UINT32_C(4000000001));
    s.data = text;
    s.len = sizeof(text);
    assert_memory_equal(text, "h1.", 3);
    assert_int_equal(hd_reference_parse(&s, &back, &seq), HD_OK);
    assert_true(hd_uuid_eq(&id, &back));
    assert_true(seq == UINT32_C(4000000001));

    s.len--;
    assert_int_equal(hd_reference_parse(&s, &back, &seq), HD_ERROR);
    s.len++;
    text[1] = '2';
    assert_int_equal(hd_reference_parse(&s, &back, &seq), HD_ERROR);
    text[1] = '1';
    text[5] = '=';
    assert_int_equal(hd_reference_parse(&s, &back, &seq), HD_ERROR);
    s.len = 0;
    assert_int_equal(hd_reference_parse(&s, &back, &seq), HD_ERROR);
}


static void
test_find(void **state)
{
    hd_str_t  s;

    (void) state;

    s = str("cloud_api");
    assert_ptr_equal(hd_provider_find(&s), api);
    s = str("cloud");
    assert_null(hd_provider_find(&s));
    s = str("");
    assert_null(hd_provider_find(&s));
    assert_string_equal(api->signature_header, "x-hub-signature-256");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_build_text),
        unit(test_build_template),
        unit(test_answer_accepted),
        unit(test_answer_unknown),
        unit(test_answer_rejected),
        unit(test_errors),
        unit(test_verify),
        unit(test_verify_vectors),
        unit(test_challenge),
        unit(test_error_codes_file),
        unit(test_reference),
        unit(test_find)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
