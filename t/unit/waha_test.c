/*
 * waha: what is sent and asked, what answers mean, the proof, the events.
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

    answers(0, "", HD_OUTCOME_UNKNOWN, "", 0, 0);
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


/* events, as one line each */

static hd_buf_t  seen;


static void
saw(const char *name, const hd_str_t *s)
{
    if (s->len != 0) {
        hd_buf_printf(&seen, " %s=%.*s", name, (int) s->len, s->data);
    }
}


static void
on_status(void *ctx, const hd_str_t *number, const hd_status_event_t *e)
{
    (void) ctx;

    hd_buf_printf(&seen, "status=%d", e->status);
    saw("number", number);
    saw("id", &e->provider_id);
    saw("reference", &e->reference);
    hd_buf_printf(&seen, " at=%lld;", (long long) (e->at / 1000));
}


static void
on_inbound(void *ctx, const hd_str_t *number, const hd_inbound_event_t *e)
{
    (void) ctx;
    (void) number;

    hd_buf_z(&seen, e->outbound ? "echo" : "inbound");
    saw("id", &e->provider_id);
    saw("key", &e->key);
    saw("from", &e->from);
    saw("lid", &e->lid);
    saw("group", &e->group);
    saw("name", &e->name);
    saw("type", &e->type);
    saw("text", &e->text);
    saw("context", &e->context_id);
    saw("media", &e->media_ref);
    saw("mime", &e->media_mime);
    saw("file", &e->media_name);
    saw("choice", &e->choice);
    saw("reference", &e->reference);
    hd_buf_printf(&seen, " at=%lld;", (long long) (e->at / 1000000));
}


static void
on_other(void *ctx, const hd_other_event_t *e)
{
    (void) ctx;

    hd_buf_printf(&seen, "other=%.*s", (int) e->field.len, e->field.data);

    if (e->facts != NULL) {
        hd_buf_printf(&seen, " effect=%d", e->facts->effect);
        saw("status", &e->facts->status);
        saw("me", &e->facts->number);
        saw("name", &e->facts->name);
        hd_buf_printf(&seen, " at=%lld", (long long) (e->facts->at / 1000));
    }

    hd_buf_char(&seen, ';');
}


static void
on_bad(void *ctx, const char *why)
{
    (void) ctx;

    hd_buf_printf(&seen, "bad=%s;", why);
}


static hd_webhook_sink_t  sink = {
    .status = on_status, .inbound = on_inbound, .other = on_other,
    .bad = on_bad
};


static void
tells(const char *body, const char *expected)
{
    hd_str_t         s;
    hd_json_error_t  err;

    hd_buf_init(&seen);
    s = str(body);
    err.text[0] = '\0';

    assert_int_equal(api->webhook(&mem, &s, &sink, &err), HD_OK);
    assert_buf(&seen, expected);
    hd_buf_free(&seen);
}


#define EVENT(name, payload)                                                  \
    "{\"id\":\"evt_1\",\"timestamp\":1741249702485,\"event\":\"" name         \
    "\",\"session\":\"default\",\"payload\":" payload "}"


static void
test_messages(void **state)
{
    (void) state;

    tells(EVENT("message", "{\"id\":\"false_1@c.us_A\",\"timestamp\":"
                "1666943582,\"from\":\"1@c.us\",\"fromMe\":false,\"body\":"
                "\"Hi\",\"_data\":{\"notifyName\":\"Ann\"},\"replyTo\":{"
                "\"id\":\"true_1@c.us_B\"}}"),
          "inbound id=false_1@c.us_A key=A from=1 name=Ann type=text text=Hi "
          "context=B at=1666943582;");

    tells(EVENT("message.any", "{\"id\":\"false_12@lid_A\",\"from\":"
                "\"12:5@lid\",\"body\":\"Hi\",\"_data\":{\"key\":{"
                "\"senderPn\":\"254:3@s.whatsapp.net\"}}}"),
          "inbound id=false_12@lid_A key=A from=254 lid=12@lid type=text "
          "text=Hi at=1741249702;");

    tells(EVENT("message", "{\"id\":\"false_9@g.us_A_1@c.us\",\"timestamp\":"
                "\"1666943582\",\"from\":\"9@g.us\",\"participant\":"
                "\"1@c.us\",\"hasMedia\":true,\"media\":{\"url\":"
                "\"http://localhost:3000/api/files/x.pdf\",\"mimetype\":"
                "\"application/pdf\",\"filename\":\"x.pdf\"}}"),
          "inbound id=false_9@g.us_A_1@c.us key=A from=1 group=9@g.us "
          "type=document text=x.pdf "
          "media=http://localhost:3000/api/files/x.pdf mime=application/pdf "
          "file=x.pdf at=1666943582;");

    /* by the phone, and what we sent ourselves */
    tells(EVENT("message.any", "{\"id\":\"true_1@c.us_A\",\"timestamp\":1,"
                "\"from\":\"7@c.us\",\"to\":\"1@c.us\",\"fromMe\":true,"
                "\"body\":\"Yes\"}"),
          "echo id=A key=A from=1 type=text text=Yes at=1;");
    tells(EVENT("message.any", "{\"id\":\"true_1@c.us_"
                "3EB00123456789AB7DEF8123456789ABCDEF00000007\","
                "\"timestamp\":1,\"to\":\"1@c.us\",\"fromMe\":true}"),
          "status=1 number=default "
          "id=3EB00123456789AB7DEF8123456789ABCDEF00000007 "
          "reference=h1.ASNFZ4mrfe-BI0VniavN7wAAAAc at=1000;");
    tells(EVENT("message.any", "{\"id\":\"true_1@c.us_A\",\"timestamp\":1,"
                "\"to\":\"1@c.us\",\"fromMe\":true,\"source\":\"api\"}"),
          "status=1 number=default id=A at=1000;");
    tells(EVENT("message.any", "{\"id\":\"true_9@g.us_A_7@c.us\","
                "\"timestamp\":1,\"to\":\"9@g.us\",\"fromMe\":true,"
                "\"participant\":\"7@c.us\"}"),
          "echo id=A key=A group=9@g.us type=text at=1;");

    tells(EVENT("message", "{\"id\":\"false_1@c.us_A\",\"from\":\"1@c.us\","
                "\"_data\":{\"message\":{\"listResponseMessage\":{\"title\":"
                "\"T\",\"singleSelectReply\":{\"selectedRowId\":\"r1\"}}}}}"),
          "inbound id=false_1@c.us_A key=A from=1 type=interactive text=T "
          "choice=r1 at=1741249702;");

    /* of nobody: kept */
    tells(EVENT("message", "{\"id\":\"false_status@broadcast_A\",\"from\":"
                "\"status@broadcast\"}"), "other=message;");
    tells(EVENT("message", "{}"), "other=message;");
    tells(EVENT("message", "[]"), "other=message;");
}


static void
test_changes(void **state)
{
    (void) state;

    tells(EVENT("message.reaction", "{\"id\":\"false_1@c.us_C\",\"timestamp\":"
                "2,\"from\":\"1@c.us\",\"fromMe\":false,\"reaction\":{"
                "\"text\":\"!\",\"messageId\":\"true_1@c.us_A\"}}"),
          "inbound id=false_1@c.us_C key=C from=1 type=reaction text=! "
          "context=A at=2;");

    tells(EVENT("message.edited", "{\"id\":\"false_1@c.us_A\",\"timestamp\":"
                "2,\"from\":\"1@c.us\",\"body\":\"new\",\"editedMessageId\":"
                "\"A\"}"),
          "inbound id=edit:A:evt_1 key=edit:A:evt_1 from=1 type=edit text=new "
          "context=A at=2;");

    tells(EVENT("message.revoked", "{\"revokedMessageId\":\"A\",\"after\":{"
                "\"id\":\"false_1@c.us_A\",\"timestamp\":2,\"from\":"
                "\"1@c.us\"},\"before\":null}"),
          "inbound id=revoke:A key=revoke:A from=1 type=revoke context=A "
          "at=2;");

    tells(EVENT("poll.vote", "{\"vote\":{\"id\":\"false_3@g.us_V\",\"to\":"
                "\"3@g.us\",\"from\":\"1@c.us\",\"fromMe\":false,"
                "\"selectedOptions\":[\"a\",\"b\"],\"timestamp\":2},"
                "\"poll\":{\"id\":\"true_3@g.us_P\"}}"),
          "inbound id=false_3@g.us_V key=V from=1 group=3@g.us "
          "type=poll_vote text=a, b context=P at=2;");
}


static void
test_acks(void **state)
{
    (void) state;

    tells(EVENT("message.ack", "{\"id\":\"true_1@c.us_A\",\"fromMe\":true,"
                "\"ack\":1}"), "status=1 number=default id=A "
                "at=1741249702485;");
    tells(EVENT("message.ack", "{\"id\":\"true_12@lid_A\",\"ack\":4}"),
          "status=4 number=default id=A at=1741249702485;");
    tells(EVENT("message.ack.group", "{\"id\":\"true_9@g.us_A_7@c.us\","
                "\"fromMe\":true,\"ack\":3,\"participant\":\"1@c.us\"}"),
          "status=3 number=default id=A at=1741249702485;");
    tells(EVENT("message.ack", "{\"id\":\"true_1@c.us_A\",\"ack\":-1}"),
          "status=5 number=default id=A at=1741249702485;");
    tells(EVENT("message.ack", "{\"id\":\"true_1@c.us_"
                "3EB00123456789AB7DEF8123456789ABCDEF00000007\",\"ack\":2}"),
          "status=2 number=default "
          "id=3EB00123456789AB7DEF8123456789ABCDEF00000007 "
          "reference=h1.ASNFZ4mrfe-BI0VniavN7wAAAAc at=1741249702485;");

    tells(EVENT("message.ack", "{\"id\":\"true_1@c.us_A\",\"ack\":0}"), "");
    tells(EVENT("message.ack", "{\"id\":\"false_1@c.us_A\",\"ack\":3}"), "");
    tells(EVENT("message.ack", "{\"id\":\"true_1@c.us_A\",\"ack\":9}"),
          "other=message.ack;");
    tells(EVENT("message.ack", "{}"), "other=message.ack;");
}


static void
test_session(void **state)
{
    (void) state;

    tells("{\"event\":\"session.status\",\"session\":\"default\",\"me\":{"
          "\"id\":\"7911111@c.us\",\"pushName\":\"Ann\"},\"payload\":{"
          "\"status\":\"WORKING\",\"statuses\":[{\"status\":\"STOPPED\","
          "\"timestamp\":1700000001000},{\"status\":\"WORKING\","
          "\"timestamp\":1700000003000}]}}",
          "other=session.status effect=1 status=WORKING me=7911111 name=Ann "
          "at=1700000003000;");
    tells(EVENT("session.status", "{\"status\":\"SCAN_QR_CODE\"}"),
          "other=session.status effect=3 status=SCAN_QR_CODE "
          "at=1741249702485;");
    tells(EVENT("session.status", "{\"status\":\"A_NEW_ONE\"}"),
          "other=session.status effect=3 status=A_NEW_ONE "
          "at=1741249702485;");
    tells(EVENT("call.received", "{\"id\":\"A\"}"), "other=call.received;");
    tells(EVENT("some.day", "{\"id\":\"A\"}"), "other=some.day;");
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


/* real payloads: each becomes something, and no broken byte breaks us */

static void
fixture_each(const char *name, const char *path)
{
    size_t           i;
    hd_str_t         body;
    hd_json_error_t  err;

    body = slurp(path);

    hd_buf_init(&seen);

    if (api->webhook(&mem, &body, &sink, &err) != HD_OK || seen.len == 0) {
        fail_msg("%s: nothing came of it", name);
    }

    hd_buf_free(&seen);

    for (i = 0; i < body.len; i += 7) {
        body.data[i] ^= (unsigned char) (1 + i % 255);
        hd_buf_init(&seen);
        (void) api->webhook(&mem, &body, &sink, &err);
        hd_buf_free(&seen);
        body.data[i] ^= (unsigned char) (1 + i % 255);
    }
}


static void
test_fixtures(void **state)
{
    char  path[HD_UNIT_PATH];

    (void) state;

    fixture(path, "waha/webhooks");
    assert_true(each_file(path, ".json", fixture_each) >= 20);
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
        unit(test_messages),
        unit(test_changes),
        unit(test_acks),
        unit(test_session),
        unit(test_ops),
        unit(test_reads),
        unit(test_fixtures)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
