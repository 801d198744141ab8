/*
 * waha: what is sent and asked, what answers mean, the proof.
 */

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_waha;


static hd_account_t
account(void)
{
    hd_account_t  a;

    memset(&a, 0, sizeof(a));
    a.base_url = str("http://waha:3000/");
    a.api_version = str("");
    a.number_id = str("default");
    a.token = str("key\r\n");
    a.app_secret = str("my-secret-key");
    a.callback_url = str("https://crm.example/hooks/waha/T");

    return a;
}


static hd_json_t *
json(const char *z)
{
    hd_json_t        *v;
    hd_json_error_t   err;

    v = hd_json_parse(&mem, (const unsigned char *) z, strlen(z), 32, &err);
    if (v == NULL) {
        fail_msg("%s: %s", err.text, z);
    }

    return v;
}


/* what a message of a type and a content becomes */
static void
sends(hd_message_t *m, hd_message_type_e type, const char *content,
    const char *path, const char *body)
{
    char                    url[256];
    hd_account_t            a;
    hd_provider_request_t   r;

    a = account();
    m->type = type;
    m->content = json(content);

    assert_int_equal(api->build(&mem, &a, m, &r), HD_OK);
    snprintf(url, sizeof(url), "http://waha:3000%s", path);
    assert_str(&r.url, url);
    assert_str(&r.headers[0], "X-Api-Key: key");
    assert_str(&r.body, body);
    (void) json((char *) r.body.data);
}


#define CHAT  "{\"session\":\"default\",\"chatId\":\"254712345678@c.us\""


static hd_message_t
message(void)
{
    hd_message_t  m;

    memset(&m, 0, sizeof(m));
    m.to = str("+254712345678");

    return m;
}


static void
test_text(void **state)
{
    hd_uuid_t      id;
    hd_message_t   m;
    unsigned char  ref[HD_REFERENCE_LEN];

    (void) state;

    m = message();
    m.body = str("Hi \"Ann\"");
    sends(&m, HD_MESSAGE_TEXT, "{}", "/api/sendText",
          CHAT ",\"text\":\"Hi \\\"Ann\\\"\",\"linkPreview\":false}");

    /* a template's words; a group; theirs and ours quoted */
    m.to = str("1203@g.us");
    m.reply_to = str("false_1203@g.us_AB_1@c.us");
    sends(&m, HD_MESSAGE_TEMPLATE, "{}", "/api/sendText",
          "{\"session\":\"default\",\"chatId\":\"1203@g.us\",\"reply_to\":"
          "\"false_1203@g.us_AB_1@c.us\",\"text\":\"Hi \\\"Ann\\\"\","
          "\"linkPreview\":false}");

    m.to = str("12@lid");
    m.reply_to = str("3EB0FF");
    assert_int_equal(hd_uuid_parse(&id, (const unsigned char *)
                         "01234567-89ab-7def-8123-456789abcdef", 36), HD_OK);
    hd_reference_format(ref, &id, 7);
    m.reference.data = ref;
    m.reference.len = sizeof(ref);
    sends(&m, HD_MESSAGE_TEXT, "{}", "/api/sendText",
          "{\"session\":\"default\",\"chatId\":\"12@lid\",\"reply_to\":"
          "\"true_12@lid_3EB0FF\",\"id\":"
          "\"3EB00123456789AB7DEF8123456789ABCDEF00000007\","
          "\"text\":\"Hi \\\"Ann\\\"\",\"linkPreview\":false}");
}


static void
test_media(void **state)
{
    hd_message_t  m;

    (void) state;

    m = message();
    m.media.link = str("https://x/a.jpg");
    sends(&m, HD_MESSAGE_IMAGE, "{\"caption\":\"A\"}", "/api/sendImage",
          CHAT ",\"file\":{\"mimetype\":\"image/jpeg\",\"url\":"
          "\"https://x/a.jpg\"},\"caption\":\"A\"}");

    m.media.mime = str("application/pdf");
    m.media.filename = str("a.pdf");
    sends(&m, HD_MESSAGE_DOCUMENT, "{}", "/api/sendFile",
          CHAT ",\"file\":{\"mimetype\":\"application/pdf\",\"url\":"
          "\"https://x/a.jpg\",\"filename\":\"a.pdf\"}}");

    m.media.filename.len = 0;
    m.media.mime = str("audio/ogg; codecs=opus");
    sends(&m, HD_MESSAGE_AUDIO, "{}", "/api/sendVoice",
          CHAT ",\"file\":{\"mimetype\":\"audio/ogg; codecs=opus\",\"url\":"
          "\"https://x/a.jpg\"},\"convert\":false}");

    m.media.mime = str("audio/mpeg");
    sends(&m, HD_MESSAGE_AUDIO, "{\"voice\":true}", "/api/sendVoice",
          CHAT ",\"file\":{\"mimetype\":\"audio/mpeg\",\"url\":"
          "\"https://x/a.jpg\"},\"convert\":true}");
    sends(&m, HD_MESSAGE_AUDIO, "{}", "/api/sendFile",
          CHAT ",\"file\":{\"mimetype\":\"audio/mpeg\",\"url\":"
          "\"https://x/a.jpg\"}}");

    m.media.mime = str("video/mp4");
    sends(&m, HD_MESSAGE_VIDEO, "{}", "/api/sendVideo",
          CHAT ",\"file\":{\"mimetype\":\"video/mp4\",\"url\":"
          "\"https://x/a.jpg\"},\"asNote\":false,\"convert\":false}");
}


static void
test_content(void **state)
{
    hd_account_t            a;
    hd_message_t            m;
    hd_provider_request_t   r;

    (void) state;

    m = message();
    sends(&m, HD_MESSAGE_LOCATION, "{\"latitude\":-1.29,\"longitude\":36.8,"
          "\"name\":\"Office\",\"address\":\"Nairobi\"}",
          "/api/sendLocation", CHAT ",\"latitude\":-1.29,\"longitude\":36.8,"
          "\"title\":\"Office, Nairobi\"}");

    sends(&m, HD_MESSAGE_POLL, "{\"name\":\"When?\",\"options\":[\"a\","
          "\"b\"],\"multiple\":true}", "/api/sendPoll",
          CHAT ",\"poll\":{\"name\":\"When?\",\"options\":[\"a\",\"b\"],"
          "\"multipleAnswers\":true}}");

    sends(&m, HD_MESSAGE_CONTACTS, "{\"contacts\":[{\"name\":{"
          "\"formatted_name\":\"Ann; B\",\"first_name\":\"Ann\"},\"phones\":"
          "[{\"phone\":\"+254 7\",\"wa_id\":\"2547\",\"type\":\"WO\\r\\nRK\"}]"
          "}]}", "/api/sendContactVcard",
          CHAT ",\"contacts\":[{\"vcard\":\"BEGIN:VCARD\\nVERSION:3.0\\n"
          "N:;Ann;;;\\nFN:Ann\\\\; B\\nTEL;type=WORK;waid=2547:+254 7\\n"
          "END:VCARD\"}]}");

    m.reply_to = str("false_1@c.us_A");
    sends(&m, HD_MESSAGE_REACTION, "{\"emoji\":\"\"}", "/api/reaction",
          "{\"session\":\"default\",\"messageId\":\"false_1@c.us_A\","
          "\"reaction\":\"\"}");
    m.reply_to.len = 0;

    sends(&m, HD_MESSAGE_INTERACTIVE, "{\"interactive\":{\"type\":\"list\","
          "\"body\":{\"text\":\"B\"},\"action\":{\"button\":\"Go\","
          "\"sections\":[{\"rows\":[{\"id\":\"1\",\"title\":\"T\"}]}]}}}",
          "/api/sendList", CHAT ",\"message\":{\"title\":\"B\",\"button\":"
          "\"Go\",\"sections\":[{\"title\":\"Go\",\"rows\":[{\"title\":\"T\","
          "\"rowId\":\"1\"}]}]}}");

    sends(&m, HD_MESSAGE_INTERACTIVE, "{\"interactive\":{\"type\":\"button\","
          "\"body\":{\"text\":\"B\"},\"footer\":{\"text\":\"F\"},\"action\":"
          "{\"buttons\":[{\"reply\":{\"id\":\"y\",\"title\":\"Yes\"}},"
          "{\"reply\":{\"id\":\"n\",\"title\":\"No\"}}]}}}",
          "/api/sendText", CHAT ",\"text\":\"B\\n\\n1. Yes\\n2. No\\n\\n"
          "_F_\",\"linkPreview\":false}");

    sends(&m, HD_MESSAGE_INTERACTIVE, "{\"interactive\":{\"type\":"
          "\"cta_url\",\"header\":{\"text\":\"H\"},\"body\":{\"text\":\"B\"},"
          "\"action\":{\"parameters\":{\"display_text\":\"See\",\"url\":"
          "\"https://x\"}}}}",
          "/api/sendText", CHAT ",\"text\":\"*H*\\n\\nB\\n\\nSee: https://x\","
          "\"linkPreview\":false}");

    a = account();
    m.content = json("{\"interactive\":{\"type\":\"flow\"}}");
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_DECLINED);
}


static void
answers(int status, const char *body, hd_outcome_e outcome, const char *id,
    int code, hd_class_e class)
{
    hd_str_t              s;
    hd_provider_answer_t  a;

    s = str(body);
    api->answer(&mem, status, &s, &a);

    assert_int_equal(a.outcome, outcome);
    assert_str(&a.provider_id, id);

    if (outcome == HD_OUTCOME_REJECTED) {
        assert_int_equal(a.code, code);
        assert_int_equal(a.row->class, class);
    }
}


static void
test_answer(void **state)
{
    (void) state;

    answers(201, "{\"id\":\"true_1@c.us_AB\"}", HD_OUTCOME_ACCEPTED, "AB", 0,
            0);
    answers(201, "{\"id\":\"true_1@g.us_AB_2@c.us\"}", HD_OUTCOME_ACCEPTED,
            "AB", 0, 0);
    answers(201, "{\"id\":{\"fromMe\":true,\"_serialized\":"
            "\"true_1@c.us_AB\",\"id\":\"AB\"}}", HD_OUTCOME_ACCEPTED, "AB",
            0, 0);
    answers(201, "{\"key\":{\"id\":\"AB\"}}", HD_OUTCOME_ACCEPTED, "AB", 0,
            0);
    answers(200, "true", HD_OUTCOME_ACCEPTED, "", 0, 0);

    answers(201, "", HD_OUTCOME_ACCEPTED, "", 0, 0);

    answers(0, "", HD_OUTCOME_UNKNOWN, "", 0, 0);
    answers(200, "", HD_OUTCOME_UNKNOWN, "", 0, 0);
    answers(201, "<html>", HD_OUTCOME_UNKNOWN, "", 0, 0);
    answers(201, "{\"id\":", HD_OUTCOME_UNKNOWN, "", 0, 0);
    answers(500, "{\"statusCode\":500}", HD_OUTCOME_UNKNOWN, "", 0, 0);
    answers(504, "", HD_OUTCOME_UNKNOWN, "", 0, 0);

    answers(401, "{\"message\":\"Unauthorized\",\"statusCode\":401}",
            HD_OUTCOME_REJECTED, "", HD_CODE_GATEWAY_KEY, HD_CLASS_AUTH);
    answers(422, "{\"error\":\"Session status is not as expected\","
            "\"session\":\"default\",\"status\":\"SCAN_QR_CODE\","
            "\"expected\":[\"WORKING\"]}",
            HD_OUTCOME_REJECTED, "", HD_CODE_SESSION, HD_CLASS_ACCOUNT);
    answers(422, "{\"error\":\"Session \\\"x\\\" does not exist\"}",
            HD_OUTCOME_REJECTED, "", HD_CODE_NO_SESSION, HD_CLASS_ACCOUNT);
    answers(404, "{\"message\":\"Session not found\"}",
            HD_OUTCOME_REJECTED, "", HD_CODE_NO_SESSION, HD_CLASS_ACCOUNT);
    answers(422, "{\"message\":[\"text must be a string\"]}",
            HD_OUTCOME_REJECTED, "", 422, HD_CLASS_PAYLOAD);
    answers(429, "", HD_OUTCOME_REJECTED, "", 429, HD_CLASS_THROTTLE);
    answers(503, "", HD_OUTCOME_REJECTED, "", 503, HD_CLASS_TRANSIENT);
}


static int
proves(const char *key, const char *body, const char *algorithm,
    const char *signature)
{
    hd_proof_t    p;
    hd_account_t  a;

    a = account();
    a.app_secret = str(key);
    memset(&p, 0, sizeof(p));
    p.body = str(body);
    p.algorithm = str(algorithm);
    p.signature = str(signature);

    return api->verify(&a, &p);
}


static void
test_proof(void **state)
{
    static const char  body[] =
        "{\"event\":\"message\",\"session\":\"default\",\"engine\":"
        "\"WEBJS\"}";
    static const char  mac[] =
        "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c"
        "462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89";

    (void) state;

    assert_int_equal(proves("my-secret-key", body, "sha512", mac), 1);
    assert_int_equal(proves("my-secret-key", body, "", mac), 1);
    assert_int_equal(proves("my-secret-key", body, "sha256", mac), 0);
    assert_int_equal(proves("my-secret-kez", body, "sha512", mac), 0);
    assert_int_equal(proves("", body, "sha512", mac), 0);
    assert_int_equal(proves("my-secret-key", body + 1, "sha512", mac), 0);
    assert_int_equal(proves("my-secret-key", body, "sha512", ""), 0);
    assert_int_equal(proves("my-secret-key", body, "sha512", mac + 2), 0);
}


/* ── operations ── */

static void
asks(hd_op_e op, const char *args, const char *method, const char *path,
    const char *body)
{
    char                    url[256];
    const char             *why;
    hd_account_t            a;
    hd_provider_request_t   r;

    a = account();
    why = "";

    assert_int_equal(api->ops[op]->build(&mem, &a, json(args), &r, &why),
                     HD_OK);
    assert_string_equal(r.method, method);
    snprintf(url, sizeof(url), "http://waha:3000%s", path);
    assert_str(&r.url, url);
    assert_str(&r.body, body);
}


static void
hears(hd_op_e op, int status, const char *body, hd_outcome_e outcome,
    const char *result)
{
    hd_str_t        s;
    hd_op_answer_t  a;

    s = str(body);
    api->ops[op]->read(&mem, status, &s, &a);
    assert_int_equal(a.answer.outcome, outcome);
    assert_str(&a.result, result);
}


static void
test_ops(void **state)
{
    const char             *why;
    hd_account_t            a;
    hd_provider_request_t   r;

    (void) state;

    asks(HD_OP_SESSION_GET, "{}", "GET", "/api/sessions/default", "");
    asks(HD_OP_SESSION_RESTART, "{}", "POST",
         "/api/sessions/default/restart", "");
    asks(HD_OP_SESSION_QR, "{}", "GET",
         "/api/default/auth/qr?format=raw", "");
    asks(HD_OP_SESSION_CODE, "{\"phone\":\"+254 7\"}", "POST",
         "/api/default/auth/request-code", "{\"phoneNumber\":\"2547\"}");
    asks(HD_OP_MARK_READ, "{\"to\":\"+1\",\"message_id\":\"false_1@c.us_A\"}",
         "POST", "/api/sendSeen", "{\"session\":\"default\",\"chatId\":"
         "\"1@c.us\",\"messageIds\":[\"false_1@c.us_A\"]}");
    asks(HD_OP_TYPING, "{\"to\":\"+1\",\"on\":false}", "POST",
         "/api/stopTyping", "{\"session\":\"default\",\"chatId\":\"1@c.us\"}");
    asks(HD_OP_CHATS, "{\"chat\":\"1@c.us\",\"since\":5}", "GET",
         "/api/default/chats/1@c.us/messages?downloadMedia=true&limit=100"
         "&filter.timestamp.gte=5&offset=0", "");
    asks(HD_OP_STATUS_POST, "{\"type\":\"text\",\"text\":\"Hi\","
         "\"recipients\":[\"+1\",\"+2\"],\"id\":\"A\"}", "POST",
         "/api/default/status/text", "{\"contacts\":[\"1@c.us\",\"2@c.us\"],"
         "\"id\":\"A\",\"text\":\"Hi\",\"backgroundColor\":\"#38b42f\","
         "\"font\":0}");
    asks(HD_OP_STATUS_POST, "{\"type\":\"image\",\"media\":{\"link\":\"https://x\"}}",
         "POST", "/api/default/status/image", "{\"file\":{\"mimetype\":"
         "\"image/jpeg\",\"url\":\"https://x\"}}");
    asks(HD_OP_STATUS_POST, "{\"type\":\"voice\",\"link\":\"https://x\","
         "\"background_color\":\"#000000\"}", "POST",
         "/api/default/status/voice", "{\"file\":{\"mimetype\":"
         "\"audio/ogg; codecs=opus\",\"url\":\"https://x\"},\"convert\":true,"
         "\"backgroundColor\":\"#000000\"}");
    asks(HD_OP_STATUS_DELETE, "{\"id\":\"A\"}", "POST",
         "/api/default/status/delete", "{\"id\":\"A\"}");
    asks(HD_OP_PROFILE_SET, "{\"about\":\"Open\"}", "PUT",
         "/api/default/profile/status", "{\"status\":\"Open\"}");

    a = account();
    assert_int_equal(api->ops[HD_OP_MEDIA_GET]->build(&mem, &a,
        json("{\"url\":\"http://localhost:3000/api/files/a.jpg\"}"), &r,
        &why), HD_OK);
    assert_str(&r.url, "http://waha:3000/api/files/a.jpg");
    assert_int_equal(r.nheaders, 1);

    /* our key goes to nobody else */
    assert_int_equal(api->ops[HD_OP_MEDIA_GET]->build(&mem, &a,
        json("{\"url\":\"https://s3.example/a.jpg\"}"), &r, &why), HD_OK);
    assert_str(&r.url, "https://s3.example/a.jpg");
    assert_int_equal(r.nheaders, 0);

    assert_int_equal(api->ops[HD_OP_STATUS_POST]->build(&mem, &a,
        json("{\"type\":\"poem\",\"media\":{\"link\":\"x\"}}"), &r, &why), HD_DECLINED);
    a.callback_url.len = 0;
    assert_int_equal(api->ops[HD_OP_SESSION_CREATE]->build(&mem, &a,
        json("{}"), &r, &why), HD_DECLINED);
    assert_null(api->ops[HD_OP_TEMPLATE_CREATE]);
}


static void
test_reads(void **state)
{
    (void) state;

    hears(HD_OP_SESSION_GET, 200, "{\"name\":\"default\",\"status\":"
          "\"WORKING\",\"me\":{\"id\":\"79@c.us\",\"pushName\":\"A\"},"
          "\"engine\":{\"engine\":\"NOWEB\"}}", HD_OUTCOME_ACCEPTED,
          "{\"state\":\"WORKING\",\"works\":true,\"phone\":\"+79\",\"name\":\"A\","
          "\"lid\":\"\",\"engine\":\"NOWEB\"}");
    hears(HD_OP_SESSION_GET, 404, "{\"message\":\"Session not found\"}",
          HD_OUTCOME_REJECTED, "{}");
    hears(HD_OP_SESSION_GET, 200, "<html>", HD_OUTCOME_UNKNOWN, "{}");
    hears(HD_OP_SESSION_QR, 200, "{\"value\":\"2@x\"}", HD_OUTCOME_ACCEPTED,
          "{\"qr\":\"2@x\",\"first_s\":60,\"next_s\":20,\"of\":6,"
          "\"state\":\"SCAN_QR_CODE\"}");
    hears(HD_OP_SESSION_QR, 200, "{}", HD_OUTCOME_UNKNOWN, "{}");
    hears(HD_OP_NUMBER_GET, 200, "null", HD_OUTCOME_ACCEPTED,
          "{\"phone\":null}");
    hears(HD_OP_NUMBER_GET, 200, "", HD_OUTCOME_ACCEPTED, "{\"phone\":null}");
    hears(HD_OP_CHATS, 200, "[{\"id\":{\"_serialized\":\"1@c.us\"},"
          "\"timestamp\":7}]", HD_OUTCOME_ACCEPTED, "{\"chats\":[{\"id\":"
          "\"1@c.us\",\"at\":7}],\"messages\":[],\"more\":false}");
    hears(HD_OP_CHATS, 200, "[{\"id\":\"false_1@c.us_A\",\"from\":\"1@c.us\"}"
          "]", HD_OUTCOME_ACCEPTED, "{\"chats\":[],\"messages\":[{\"id\":"
          "\"false_1@c.us_A\",\"from\":\"1@c.us\"}],\"more\":false}");
    hears(HD_OP_CHATS, 200, "7", HD_OUTCOME_UNKNOWN, "{}");
    hears(HD_OP_GROUPS, 200, "{\"9@g.us\":{\"id\":\"9@g.us\",\"subject\":"
          "\"W\",\"participants\":[{},{}]}}", HD_OUTCOME_ACCEPTED,
          "{\"groups\":[{\"id\":\"9@g.us\",\"name\":\"W\",\"description\":"
          "\"\",\"participants\":2}],\"more\":false}");
    hears(HD_OP_GROUPS, 200, "[{\"JID\":\"9@g.us\",\"Name\":\"W\"}]",
          HD_OUTCOME_ACCEPTED, "{\"groups\":[{\"id\":\"9@g.us\",\"name\":"
          "\"W\",\"description\":\"\",\"participants\":null}],"
          "\"more\":false}");
    hears(HD_OP_STATUS_POST, 201, "{\"id\":\"true_status@broadcast_A_1@c.us\""
          "}", HD_OUTCOME_ACCEPTED, "{\"id\":\"A\"}");
    hears(HD_OP_STATUS_POST, 500, "", HD_OUTCOME_UNKNOWN, "{}");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_text),
        unit(test_media),
        unit(test_content),
        unit(test_answer),
        unit(test_proof),
        unit(test_ops),
        unit(test_reads)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
