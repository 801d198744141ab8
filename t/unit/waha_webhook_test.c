/*
 * waha: what its events become, one line for each.
 */

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_waha;


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
        unit(test_messages),
        unit(test_changes),
        unit(test_acks),
        unit(test_session),
        unit(test_fixtures)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
