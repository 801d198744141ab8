/*
 * twilio: what is sent, what the answer means, the signature, the forms.
 */

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_twilio;

static const char  *sid = "AC00000000000000000000000000000001";


static hd_account_t
account(void)
{
    hd_account_t  a;

    memset(&a, 0, sizeof(a));
    a.base_url = str("https://api.twilio.com");
    a.api_version = str("2010-04-01");
    a.number_id = str("+14155238886");
    a.business_id = str(sid);
    a.token = str("tok0123456789abcd");
    a.channel = str("whatsapp");

    return a;
}


/* build */

static void
test_build_text(void **state)
{
    hd_account_t            a;
    hd_message_t            m;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    a.callback_url = str("https://crm.example.com/hooks/twilio/x");
    memset(&m, 0, sizeof(m));
    m.to = str("+254712345678");
    m.body = str("Habari Zo\xc3\xab & co \xf0\x9f\x99\x82 100%");
    m.reference = str("h1.A-_z");

    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_str(&r.url, "https://api.twilio.com/2010-04-01/Accounts/"
               "AC00000000000000000000000000000001/Messages.json");
    assert_str(&r.headers[0], "Authorization: Basic QUMwMDAwMDAwMDAwMDAwMDAwM"
               "DAwMDAwMDAwMDAwMDAwMTp0b2swMTIzNDU2Nzg5YWJjZA==");
    assert_str(&r.body, "To=whatsapp%3a%2b254712345678"
               "&From=whatsapp%3a%2b14155238886"
               "&Body=Habari%20Zo%c3%ab%20%26%20co%20%f0%9f%99%82%20100%25"
               "&StatusCallback=https%3a%2f%2fcrm.example.com%2fhooks%2ftwilio"
               "%2fx%3fref%3dh1.A-_z");

    a.channel = str("sms");
    a.callback_url = str("");
    a.number_id = str("MG00000000000000000000000000000001");
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_non_null(strstr((char *) r.body.data, "To=%2b254712345678&Messaging"
                           "ServiceSid=MG00000000000000000000000000000001"));
}


static void
test_build_template(void **state)
{
    hd_str_t                values[2], names[2];
    hd_account_t            a;
    hd_message_t            m;
    hd_button_value_t       button;
    hd_provider_request_t   r;

    (void) state;

    a = account();
    memset(&m, 0, sizeof(m));
    m.type = HD_MESSAGE_TEMPLATE;
    m.to = str("+254712345678");
    m.template_id = str("HX00000000000000000000000000000001");
    values[0] = str("Ann \"A\"");
    values[1] = str("5");
    m.params = values;
    m.nparams = 2;
    m.body = str("as text");

    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_non_null(strstr((char *) r.body.data, "&ContentSid=HX00000000000000"
        "000000000000000001&ContentVariables=%7b%221%22%3a%22Ann%20%5c%22A%5c"
        "%22%22%2c%222%22%3a%225%22%7d"));

    names[0] = str("name");
    names[1] = str("n");
    m.param_names = names;

    /* WhatsApp knows numbers only there; a button's value is the last */
    memset(&button, 0, sizeof(button));
    button.sub_type = "url";
    button.value = str("x1");
    m.buttons = &button;
    m.nbuttons = 1;
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_non_null(strstr((char *) r.body.data, "%7b%221%22%3a"));
    assert_non_null(strstr((char *) r.body.data, "%2c%223%22%3a%22x1%22%7d"));
    m.nbuttons = 0;

    a.channel = str("sms");
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_non_null(strstr((char *) r.body.data, "%7b%22name%22%3a"));
    a.channel = str("whatsapp");

    /* the provider does not have it: its text goes */
    m.template_id = str("");
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_non_null(strstr((char *) r.body.data, "&Body=as%20text"));
}


static void
test_build_content(void **state)
{
    hd_account_t            a;
    hd_message_t            m;
    hd_json_error_t         err;
    hd_provider_request_t   r;

    static const char  image[] = "{\"caption\":\"A cat\"}";
    static const char  place[] = "{\"latitude\":-1.28,\"longitude\":36.8,"
                                 "\"name\":\"Shop\",\"address\":\"Moi Ave\"}";

    (void) state;

    a = account();
    memset(&m, 0, sizeof(m));
    m.type = HD_MESSAGE_IMAGE;
    m.to = str("+254712345678");
    m.content = hd_json_parse(&mem, (const unsigned char *) image,
                              sizeof(image) - 1, 8, &err);
    m.media.link = str("https://x.example/a.jpg");

    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_non_null(strstr((char *) r.body.data, "&Body=A%20cat&MediaUrl=https"
                           "%3a%2f%2fx.example%2fa.jpg"));

    m.type = HD_MESSAGE_LOCATION;
    m.content = hd_json_parse(&mem, (const unsigned char *) place,
                              sizeof(place) - 1, 8, &err);
    assert_int_equal(api->build(&mem, &a, &m, &r), HD_OK);
    assert_non_null(strstr((char *) r.body.data, "&Body=Shop&PersistentAction="
                           "geo%3a-1.28%2c36.8%7cMoi%20Ave"));
}


/* answer */

static hd_provider_answer_t
answer(int status, const char *body)
{
    hd_str_t              b;
    hd_provider_answer_t  out;

    b = str(body);
    api->answer(&mem, status, &b, &out);
    assert_non_null(out.row);

    return out;
}


static void
test_answer(void **state)
{
    hd_provider_answer_t  a;

    (void) state;

    a = answer(201, "{\"sid\":\"SM1\",\"status\":\"queued\"}");
    assert_int_equal(a.outcome, HD_OUTCOME_ACCEPTED);
    assert_str(&a.provider_id, "SM1");

    assert_int_equal(answer(201, "{}").outcome, HD_OUTCOME_UNKNOWN);
    assert_int_equal(answer(0, "").outcome, HD_OUTCOME_UNKNOWN);
    assert_int_equal(answer(502, "<html>").outcome, HD_OUTCOME_UNKNOWN);

    a = answer(400, "{\"code\":21211,\"message\":\"Invalid\",\"status\":400}");
    assert_int_equal(a.outcome, HD_OUTCOME_REJECTED);
    assert_int_equal(a.row->class, HD_CLASS_RECIPIENT);
    assert_str(&a.detail, "Invalid");

    assert_int_equal(answer(400, "{\"code\":63016}").row->class,
                     HD_CLASS_WINDOW);
    assert_int_equal(answer(400, "{\"code\":21610}").row->class,
                     HD_CLASS_OPTED_OUT);
    assert_int_equal(answer(429, "{\"code\":20429}").row->class,
                     HD_CLASS_THROTTLE);
    assert_int_equal(answer(401, "{\"code\":20003}").row->class,
                     HD_CLASS_AUTH);
    assert_int_equal(answer(401, "").row->class, HD_CLASS_AUTH);
    assert_int_equal(answer(400, "{\"code\":99999}").row->class,
                     HD_CLASS_UNKNOWN_CODE);
    assert_int_equal(answer(429, "nonsense").row->class, HD_CLASS_THROTTLE);
}


/* the signature */

static void
form_of(hd_buf_t *b, const hd_json_t *v)
{
    unsigned char     hex[2];
    size_t            i;
    const hd_json_t  *p, *key, *value;

    p = hd_json_get(v, "params");

    if (p == NULL) {
        p = hd_json_get(v, "params_multi");
    }

    for (p = p ? p->child : NULL; p != NULL; p = p->next) {
        const hd_str_t  *texts[2];
        int              n;

        key = p->type == HD_JSON_ARRAY ? p->child : NULL;
        value = key ? key->next : NULL;
        texts[0] = key ? &key->str : &p->key;
        texts[1] = value ? &value->str : &p->str;

        if (b->len != 0) {
            hd_buf_char(b, '&');
        }

        for (n = 0; n < 2; n++) {
            for (i = 0; i < texts[n]->len; i++) {
                hd_hex(hex, texts[n]->data + i, 1);
                hd_buf_char(b, '%');
                hd_buf_add(b, hex, 2);
            }

            if (n == 0) {
                hd_buf_char(b, '=');
            }
        }
    }
}


static void
vectors(const char *file, size_t least)
{
    size_t            n;
    char              path[HD_UNIT_PATH], name[256], rel[512];
    hd_str_t          s, body_file;
    hd_buf_t          form;
    hd_json_t        *v;
    hd_proof_t        proof;
    hd_account_t      a;
    hd_json_error_t   err;

    fixture(path, file);
    s = slurp(path);
    v = hd_json_parse(&mem, s.data, s.len, 8, &err);
    assert_non_null(v);

    a = account();

    for (n = 0, v = v->child; v != NULL; v = v->next, n++) {
        memset(&proof, 0, sizeof(proof));
        hd_buf_init(&form);

        a.token = hd_json_str(v, "auth_token");
        proof.url = hd_json_str(v, "url");
        proof.signature = hd_json_str(v, "signature");
        body_file = hd_json_str(v, "body_file");

        if (body_file.len) {
            snprintf(name, sizeof(name), "%.*s", (int) body_file.len,
                     (char *) body_file.data);
            snprintf(rel, sizeof(rel), "twilio/%s", name);
            fixture(path, rel);
            proof.body = slurp(path);

        } else if (hd_json_get(v, "body")) {
            proof.body = hd_json_str(v, "body");

        } else {
            form_of(&form, v);
            proof.body.data = form.data;
            proof.body.len = form.len;
        }

        assert_int_equal(api->verify(&a, &proof),
                         hd_json_get(v, "valid")->type == HD_JSON_TRUE);

        /* another byte, another URL, another token: refused */
        if (proof.signature.len == 28) {
            hd_str_t  url = proof.url;

            proof.url = str("https://mycompany.example/");
            assert_int_equal(api->verify(&a, &proof), 0);
            proof.url = url;
            a.token = str("x");
            assert_int_equal(api->verify(&a, &proof), 0);
        }

        hd_buf_free(&form);
    }

    assert_true(n >= least);
}


static void
test_signature(void **state)
{
    (void) state;

    vectors("twilio/signatures/x-twilio-signature.json", 6);
    vectors("twilio/signatures/x-twilio-signature-forms.json", 11);
}


/* forms */

typedef struct {
    int                 statuses, inbound, other, bad;
    hd_status_event_t   s;
    hd_inbound_event_t  i;
    hd_other_event_t    o;
} seen_t;

static void
on_status(void *ctx, const hd_str_t *number_id, const hd_status_event_t *e)
{
    seen_t *seen = ctx;

    assert_int_equal(number_id->len, 0);
    seen->statuses++;
    seen->s = *e;
}

static void
on_inbound(void *ctx, const hd_str_t *number_id, const hd_inbound_event_t *e)
{
    seen_t *seen = ctx;

    assert_int_equal(number_id->len, 0);
    seen->inbound++;
    seen->i = *e;
}

static void
on_other(void *ctx, const hd_other_event_t *e)
{
    seen_t *seen = ctx;

    seen->other++;
    seen->o = *e;
}

static void
on_bad(void *ctx, const char *why)
{
    seen_t *seen = ctx;

    assert_non_null(why);
    seen->bad++;
}


static int
webhook(seen_t *seen, hd_str_t body, const char *args)
{
    hd_json_error_t    err;
    hd_webhook_sink_t  sink;

    memset(seen, 0, sizeof(*seen));
    memset(&sink, 0, sizeof(sink));
    sink.ctx = seen;
    sink.status = on_status;
    sink.inbound = on_inbound;
    sink.other = on_other;
    sink.bad = on_bad;
    sink.args = str(args);

    return api->webhook(&mem, &body, &sink, &err);
}


static hd_str_t
form(const char *name)
{
    char  path[HD_UNIT_PATH], rel[256];

    snprintf(rel, sizeof(rel), "twilio/webhooks/%s.form", name);
    fixture(path, rel);

    return slurp(path);
}


static void
test_forms(void **state)
{
    seen_t  seen;

    (void) state;

    assert_int_equal(webhook(&seen, form("courier__waReceiveValid"), ""),
                     HD_OK);
    assert_int_equal(seen.inbound, 1);
    assert_str(&seen.i.from, "14133881111");
    assert_str(&seen.i.text, "Msg");
    assert_str(&seen.i.type, "text");
    assert_str(&seen.i.provider_id, "SMe287d7109a5a925f182f0e07fe5b223b");

    webhook(&seen, form("courier__waReceiveBSUIDValid"), "");
    assert_str(&seen.i.user_id, "US.1234");
    webhook(&seen, form("courier__waReceiveBSUIDInvalid"), "");
    assert_str(&seen.i.user_id, "");

    webhook(&seen, form("botbuilder__message-with-image-attachment"), "");
    assert_str(&seen.i.type, "image");
    assert_str(&seen.i.media_mime, "image/jpeg");
    assert_int_equal(memcmp(seen.i.media_ref.data, "https://api.twilio.com/",
                            23), 0);

    webhook(&seen, form("courier__receiveButtonIgnored"), "");
    assert_str(&seen.i.type, "button");
    assert_str(&seen.i.text, "Msg");

    webhook(&seen, form("courier__statusValid"), "ref=h1.AB-_c");
    assert_int_equal(seen.statuses, 1);
    assert_int_equal(seen.s.status, HD_STATUS_DELIVERED);
    assert_str(&seen.s.reference, "h1.AB-_c");

    webhook(&seen, form("botbuilder__sent-event"), "");
    assert_int_equal(seen.s.status, HD_STATUS_SENT);
    assert_str(&seen.s.reference, "");

    webhook(&seen, str("MessageSid=SM1&MessageStatus=undelivered&ErrorCode="
                       "63016&ErrorMessage=closed"), "");
    assert_int_equal(seen.s.status, HD_STATUS_FAILED);
    assert_int_equal(seen.s.code, 63016);
    assert_str(&seen.s.detail, "closed");

    webhook(&seen, str("MessageSid=SM1&MessageStatus=failed"), "");
    assert_int_equal(seen.s.code, -1);

    /* nothing yet; something new; no message's */
    webhook(&seen, str("MessageSid=SM1&MessageStatus=queued"), "");
    assert_int_equal(seen.statuses + seen.inbound + seen.other + seen.bad, 0);
    webhook(&seen, str("MessageSid=SM1&MessageStatus=beamed"), "");
    assert_int_equal(seen.other, 1);
    assert_str(&seen.o.raw,
               "{\"MessageSid\":\"SM1\",\"MessageStatus\":\"beamed\"}");
    webhook(&seen, str("{\"a\":1}"), "");
    assert_int_equal(seen.other, 1);
    webhook(&seen, str("SmsStatus=received&Body=x"), "");
    assert_int_equal(seen.bad, 1);
    assert_int_equal(webhook(&seen, str(""), ""), HD_ERROR);
}


/* each byte in turn is another one, is gone, or is the last */
static void
test_mutations(void **state)
{
    size_t          i;
    seen_t          seen;
    hd_str_t        s, all;
    unsigned char  *p;

    (void) state;

    all = form("botbuilder__message-with-image-attachment");
    p = hd_alloc(&mem, all.len + 1);
    assert_non_null(p);

    for (i = 0; i < all.len; i++) {
        static const unsigned char  bytes[] = { 0, '%', '&', '=', '+', 0xff };
        size_t  b;

        for (b = 0; b < sizeof(bytes); b++) {
            memcpy(p, all.data, all.len);
            p[i] = bytes[b];
            s.data = p;
            s.len = all.len;
            (void) webhook(&seen, s, "ref=%");
        }

        s.len = i;
        (void) webhook(&seen, s, "%%&&==");

        if (i % 64 == 0) {
            hd_arena_destroy(arena);
            arena = hd_arena_create(65536);
            mem = hd_arena_mem(arena);
            all = form("botbuilder__message-with-image-attachment");
            p = hd_alloc(&mem, all.len + 1);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_build_text),
        unit(test_build_template),
        unit(test_build_content),
        unit(test_answer),
        unit(test_signature),
        unit(test_forms),
        unit(test_mutations)
    };

    return cmocka_run_group_tests_name("twilio", tests, NULL, NULL);
}
