/*
 * cloud_api: what is sent, what the answer means, the two proofs, and every
 * webhook we can lay hands on.
 */

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_cloud_api;


/* build */

static hd_account_t
account(void)
{
    hd_account_t  a;

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
    assert_int_equal(api->verify(&a, &header, &body), 1);

    header.len--;
    assert_int_equal(api->verify(&a, &header, &body), 0);
    header = str("");
    assert_int_equal(api->verify(&a, &header, &body), 0);
    header.data = NULL;
    assert_int_equal(api->verify(&a, &header, &body), 0);
    header = str("sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a88"
                 "1ebb488c091x");
    assert_int_equal(api->verify(&a, &header, &body), 0);
    header = str("sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a88"
                 "1ebb488c0915");
    assert_int_equal(api->verify(&a, &header, &body), 0);

    /* an account without a secret accepts nothing */
    a.app_secret = str("");
    header = str("sha256=ad71148c79f21ab9eec51ea5c7dd2b668792f7c0d3534ae66b22f"
                 "71c61523fb3");
    assert_int_equal(api->verify(&a, &header, &body), 0);
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
        assert_int_equal(api->verify(&a, &header, &body),
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


/* webhook: events as lines of text */

typedef struct {
    hd_buf_t    out;
    unsigned    statuses, inbound, others, bad;
} heard_t;


static void
add(hd_buf_t *b, const char *name, const hd_str_t *s)
{
    assert_non_null(s->data);

    if (s->len != 0) {
        hd_buf_printf(b, " %s=", name);
        hd_buf_str(b, s);
    }
}


static void
on_status(void *ctx, const hd_str_t *number_id, const hd_status_event_t *e)
{
    heard_t *h = ctx;

    h->statuses++;
    hd_buf_printf(&h->out, "status %d", e->status);
    add(&h->out, "on", number_id);
    add(&h->out, "id", &e->provider_id);
    add(&h->out, "ref", &e->reference);
    hd_buf_printf(&h->out, " at=%lld", (long long) e->at);

    if (e->status == HD_STATUS_FAILED) {
        hd_buf_printf(&h->out, " code=%d", e->code);
        add(&h->out, "detail", &e->detail);
    }

    hd_buf_char(&h->out, '\n');
}


static void
on_inbound(void *ctx, const hd_str_t *number_id, const hd_inbound_event_t *e)
{
    heard_t *h = ctx;

    h->inbound++;
    hd_buf_z(&h->out, "inbound");
    add(&h->out, "on", number_id);
    add(&h->out, "id", &e->provider_id);
    add(&h->out, "from", &e->from);
    add(&h->out, "user", &e->user_id);
    add(&h->out, "name", &e->name);
    add(&h->out, "type", &e->type);
    add(&h->out, "text", &e->text);
    add(&h->out, "context", &e->context_id);
    hd_buf_printf(&h->out, " at=%lld\n", (long long) e->at);

    assert_non_null(hd_json_parse(&mem, e->raw.data, e->raw.len, 64, NULL));
}


static void
on_other(void *ctx, const hd_other_event_t *e)
{
    heard_t *h = ctx;

    h->others++;
    hd_buf_z(&h->out, "other");
    add(&h->out, "on", &e->number_id);
    add(&h->out, "field", &e->field);
    hd_buf_char(&h->out, '\n');

    assert_non_null(hd_json_parse(&mem, e->raw.data, e->raw.len, 64, NULL));
}


static void
on_bad(void *ctx, const char *why)
{
    heard_t *h = ctx;

    h->bad++;
    hd_buf_printf(&h->out, "bad %s\n", why);
}


static int
hear(heard_t *h, const hd_str_t *body, hd_json_error_t *err)
{
    hd_webhook_sink_t  sink = { h, on_status, on_inbound, on_other, on_bad };

    memset(h, 0, sizeof(heard_t));
    memset(err, 0, sizeof(hd_json_error_t));

    return api->webhook(&mem, body, &sink, err);
}


static void
check(const char *body, const char *events)
{
    heard_t           h;
    hd_str_t          s;
    hd_json_error_t   err;

    s = str(body);

    if (hear(&h, &s, &err) != HD_OK) {
        fail_msg("%s", err.text);
    }

    hd_buf_char(&h.out, '\0');
    assert_string_equal((char *) h.out.data, events);
    hd_buf_free(&h.out);
}


/* the inside of one change of the field "messages" */
static void
check_value(const char *value, const char *events)
{
    hd_buf_t  b;

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"object\":\"whatsapp_business_account\",\"entry\":[{"
                  "\"id\":\"1\",\"changes\":[{\"field\":\"messages\","
                  "\"value\":{\"metadata\":{\"phone_number_id\":\"77\"},"
                  "%s}}]}]}", value);
    hd_buf_char(&b, '\0');
    check((char *) b.data, events);
    hd_buf_free(&b);
}


static void
test_webhook_status(void **state)
{
    (void) state;

    check_value("\"statuses\":["
                "{\"id\":\"w1\",\"status\":\"sent\","
                "\"timestamp\":\"1700000000\","
                "\"biz_opaque_callback_data\":\"h1.x\"},"
                "{\"id\":\"w1\",\"status\":\"delivered\","
                "\"timestamp\":1700000001},"
                "{\"id\":\"w1\",\"status\":\"read\","
                "\"timestamp\":\"1700000002345\"},"
                "{\"id\":\"w1\",\"status\":\"played\"},"
                "{\"id\":\"w1\",\"status\":\"deleted\"},"
                "{\"id\":\"w2\",\"status\":\"failed\",\"timestamp\":\"x\","
                "\"errors\":[{\"code\":131026,\"title\":\"t\","
                "\"error_data\":{\"details\":\"d\"}}]},"
                "{\"id\":\"w3\",\"status\":\"failed\"},"
                "{\"id\":\"w4\",\"status\":\"warped\"},"
                "{\"status\":\"sent\"},"
                "null,7,\"x\",[]]",
                "status 1 on=77 id=w1 ref=h1.x at=1700000000000000\n"
                "status 2 on=77 id=w1 at=1700000001000000\n"
                "status 3 on=77 id=w1 at=1700000002345000\n"
                "status 4 on=77 id=w1 at=0\n"
                "status 5 on=77 id=w2 at=0 code=131026 detail=d\n"
                "status 5 on=77 id=w3 at=0 code=-1\n"
                "bad a status of an unknown kind\n"
                "bad a status without the id of its message\n"
                "bad a status without the id of its message\n"
                "bad a status without the id of its message\n"
                "bad a status without the id of its message\n"
                "bad a status without the id of its message\n");
}


static void
test_webhook_types(void **state)
{
    (void) state;

#define M(type, rest)                                                         \
    "{\"id\":\"i\",\"from\":\"254700\",\"timestamp\":\"1700000000\","         \
    "\"type\":\"" type "\"," rest "}"

#define E(type, rest)                                                         \
    "inbound on=77 id=i from=254700 type=" type rest " at=1700000000000000\n"

    check_value("\"messages\":["
        M("text", "\"text\":{\"body\":\"hello\"}") ","
        M("image", "\"image\":{\"caption\":\"cap\",\"id\":\"5\"}") ","
        M("video", "\"video\":{\"id\":\"5\"}") ","
        M("document", "\"document\":{\"filename\":\"a.pdf\"}") ","
        M("document", "\"document\":{\"filename\":\"a.pdf\","
          "\"caption\":\"c\"}") ","
        M("audio", "\"audio\":{\"id\":\"5\"}") ","
        M("button", "\"button\":{\"text\":\"Yes\",\"payload\":\"p\"}") ","
        M("interactive", "\"interactive\":{\"type\":\"button_reply\","
          "\"button_reply\":{\"id\":\"1\",\"title\":\"Go\"}}") ","
        M("interactive", "\"interactive\":{\"type\":\"list_reply\","
          "\"list_reply\":{\"id\":\"1\",\"title\":\"Row\"}}") ","
        M("reaction", "\"reaction\":{\"message_id\":\"m\","
          "\"emoji\":\"+\"}") ","
        M("location", "\"location\":{\"latitude\":1,\"name\":\"Hut\"}") ","
        M("unsupported", "\"errors\":[{\"code\":131051}]") ","
        M("text", "\"text\":{\"body\":\"re\"},"
          "\"context\":{\"id\":\"q\",\"from\":\"9\"}") ","
        M("hologram", "\"hologram\":{}") "]",

        E("text", " text=hello")
        E("image", " text=cap")
        E("video", "")
        E("document", " text=a.pdf")
        E("document", " text=c")
        E("audio", "")
        E("button", " text=Yes")
        E("interactive", " text=Go")
        E("interactive", " text=Row")
        E("reaction", " text=+ context=m")
        E("location", " text=Hut")
        E("unsupported", "")
        E("text", " text=re context=q")
        E("hologram", ""));

#undef M
#undef E
}


static void
test_webhook_senders(void **state)
{
    (void) state;

    /* by number, though the lists are in another order */
    check_value("\"contacts\":[{\"wa_id\":\"2\",\"profile\":{\"name\":\"B\"}},"
                "{\"wa_id\":\"1\",\"profile\":{\"name\":\"A\"},"
                "\"user_id\":\"KE.1\"}],"
                "\"messages\":[{\"id\":\"a\",\"from\":\"1\",\"type\":\"x\"},"
                "{\"id\":\"b\",\"from\":\"2\",\"type\":\"x\"}]",
                "inbound on=77 id=a from=1 user=KE.1 name=A type=x at=0\n"
                "inbound on=77 id=b from=2 name=B type=x at=0\n");

    /* without any number: by user id, or by place */
    check_value("\"contacts\":[{\"user_id\":\"KE.1\",\"profile\":{"
                "\"name\":\"A\"}},{\"user_id\":\"KE.2\"}],"
                "\"messages\":[{\"id\":\"a\",\"from_user_id\":\"KE.2\"},"
                "{\"id\":\"b\"}]",
                "inbound on=77 id=a user=KE.2 type=unknown at=0\n"
                "inbound on=77 id=b user=KE.2 type=unknown at=0\n");

    /* numbers as numbers, a plus, and what is no number */
    check_value("\"messages\":[{\"id\":\"a\",\"from\":254700},"
                "{\"id\":\"b\",\"from\":\"+254700\"},"
                "{\"id\":\"c\",\"from\":\"US.13\"}]",
                "inbound on=77 id=a from=254700 type=unknown at=0\n"
                "inbound on=77 id=b from=254700 type=unknown at=0\n"
                "inbound on=77 id=c user=US.13 type=unknown at=0\n");

    check_value("\"messages\":[{\"id\":\"a\"},{\"from\":\"1\"},5,"
                "{\"id\":\"b\",\"from\":\"1\"}]",
                "bad a message without a sender\n"
                "bad a message without an id\n"
                "bad a message without an id\n"
                "inbound on=77 id=b from=1 type=unknown at=0\n");
}


static void
test_webhook_shapes(void **state)
{
    size_t            i;
    heard_t           h;
    hd_str_t          s;
    hd_json_error_t   err;

    static const char  *refused[] = {
        "", "[]", "{}", "{\"object\":\"page\",\"entry\":[]}",
        "{\"object\":\"whatsapp_business_account\"}",
        "{\"object\":\"whatsapp_business_account\",\"entry\":{}}",
        "{\"object\":\"whatsapp_business_account\",\"entry\":[]"
    };

    (void) state;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        s = str(refused[i]);
        assert_int_equal(hear(&h, &s, &err), HD_ERROR);
        assert_true(err.text[0] != '\0');
    }

    check("{\"object\":\"whatsapp_business_account\",\"entry\":[]}", "");

    check("{\"object\":\"whatsapp_business_account\",\"entry\":[null,"
          "{\"changes\":[{},{\"field\":\"account_update\",\"value\":{}},"
          "{\"field\":\"new_thing\",\"value\":[1]},"
          "{\"field\":\"messages\",\"value\":{\"metadata\":{"
          "\"phone_number_id\":77},\"messages\":{}}},"
          "{\"field\":\"messages\",\"value\":{\"errors\":[{\"code\":1}],"
          "\"statuses\":[]}}]},"
          "{\"changes\":[{\"field\":\"messages\",\"value\":{\"messages\":["
          "{\"id\":\"a\",\"from\":\"1\"}]}}]}]}",
          "bad an entry without changes\n"
          "bad a change without a value\n"
          "other field=account_update\n"
          "other field=new_thing\n"
          "other on=77 field=messages\n"
          "other field=errors\n"
          "inbound id=a from=1 type=unknown at=0\n");
}


static heard_t   totals;
static unsigned  refused_files;


static void
webhook_file(const char *name, const char *path)
{
    heard_t           h;
    hd_str_t          s;
    hd_json_error_t   err;

    s = slurp(path);

    if (hear(&h, &s, &err) != HD_OK) {

        /* Messenger's, delivered to the wrong address */
        if (strncmp(name, "courier_wrong_object__", 22) != 0) {
            fail_msg("%s: %s", name, err.text);
        }

        refused_files++;
        return;
    }

    if (h.bad != 0) {
        hd_buf_char(&h.out, '\0');
        fail_msg("%s: %s", name, h.out.data);
    }

    if (getenv("HERALD_VERBOSE") != NULL) {
        printf("# %s\n%.*s", name, (int) h.out.len, (char *) h.out.data);
    }

    totals.statuses += h.statuses;
    totals.inbound += h.inbound;
    totals.others += h.others;
    hd_buf_free(&h.out);
}


static void
test_webhook_files(void **state)
{
    char      path[HD_UNIT_PATH];
    unsigned  n;

    (void) state;

    fixture(path, "cloud-api/webhooks");
    n = each_file(path, ".json", webhook_file);

    printf("# webhooks: %u files, %u refused; %u messages, %u statuses, "
           "%u others\n", n, refused_files, totals.inbound, totals.statuses,
           totals.others);

    assert_true(n > 50 && totals.inbound > 30 && totals.statuses > 5
                && totals.others > 15);
}


static void
test_webhook_samples(void **state)
{
    char      path[HD_UNIT_PATH];
    size_t    i;
    hd_str_t  s;

    static const struct {
        const char  *file;
        const char  *events;
    } samples[] = {
        { "pywa__message_status__sent",
          "status 1 on=1122334455667 id=wamid.xyzxyz at=1698266945000000\n" },
        { "courier__error_status",
          "status 5 on=1234567890 id=external_id at=1454119029000000 "
          "code=131014 detail=Request for url https://URL.jpg failed with "
          "error: 404 (Not Found)\n" },
        { "courier__hello_user_id",
          "inbound on=1234567890 id=external_id from=5678 user=US.1234 "
          "name=Kerry Fisher type=text text=Hello World "
          "at=1454119029000000\n" },
        { "courier__ignore_status", "" },
        { "netflie__can_build_a_notification_with_bsuid_only_and_no_from",
          "inbound on=PHONE_NUMBER_ID id=wamid.ID user=BSUID_123 name=NAME "
          "type=text text=MESSAGE_BODY at=1669233778000000\n" },
        { "spec__order-message",
          "inbound on=106540352242922 "
          "id=wamid.HBgLMTY1MDM4Nzk0MzkVAgASGBQzQTEyQjFGNzI1QTQxMjI5QTMyOQA= "
          "from=16505551234 name=Sheena Nelson type=order "
          "at=1750096325000000\n" },
        { "pywa__outgoing_message__text",
          "other on=1122334455667 field=smb_message_echoes\n" }
    };

    (void) state;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        fixture(path, "cloud-api/webhooks");
        (void) snprintf(path + strlen(path), sizeof(path) - strlen(path),
                        "/%s.json", samples[i].file);
        s = slurp(path);
        check((char *) s.data, samples[i].events);
    }
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
        unit(test_webhook_status),
        unit(test_webhook_types),
        unit(test_webhook_senders),
        unit(test_webhook_shapes),
        unit(test_webhook_files),
        unit(test_webhook_samples),
        unit(test_error_codes_file),
        unit(test_reference),
        unit(test_find)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
