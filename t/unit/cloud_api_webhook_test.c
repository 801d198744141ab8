/*
 * cloud_api's webhooks: every kind of element, and every file we can lay hands
 * on.
 */

#include "unit.h"

#include "../../src/provider/provider.h"


static const hd_provider_t  *api = &hd_provider_cloud_api;


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
    add(&h->out, "media", &e->media_ref);
    add(&h->out, "mime", &e->media_mime);
    add(&h->out, "file", &e->media_name);
    add(&h->out, "choice", &e->choice);

    if (e->outbound) {
        hd_buf_z(&h->out, " outbound");
    }

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
    hd_webhook_sink_t  sink = { .ctx = h, .status = on_status,
                                .inbound = on_inbound, .other = on_other,
                                .bad = on_bad };

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
        M("sticker", "\"sticker\":{\"id\":6,\"mime_type\":"
          "\"image/webp\"}") ","
        M("contacts", "\"contacts\":[{\"name\":{\"formatted_name\":"
          "\"Ann\"}}]") ","
        M("interactive", "\"interactive\":{\"nfm_reply\":{\"body\":"
          "\"Sent\",\"name\":\"flow\"}}") ","
        M("edit", "\"edit\":{\"original_message_id\":\"o\",\"message\":"
          "{\"type\":\"text\",\"text\":{\"body\":\"now\"}}}") ","
        M("edit", "\"edit\":{\"message\":{\"type\":\"edit\"}}") ","
        M("revoke", "\"revoke\":{\"original_message_id\":\"o\"}") ","
        M("system", "\"system\":{\"body\":\"moved\"}") ","
        M("request_welcome", "\"x\":1") ","
        M("hologram", "\"hologram\":{}") "]",

        E("text", " text=hello")
        E("image", " text=cap media=5")
        E("video", " media=5")
        E("document", " text=a.pdf file=a.pdf")
        E("document", " text=c file=a.pdf")
        E("audio", " media=5")
        E("button", " text=Yes choice=p")
        E("interactive", " text=Go choice=1")
        E("interactive", " text=Row choice=1")
        E("reaction", " text=+ context=m")
        E("location", " text=Hut")
        E("unsupported", "")
        E("text", " text=re context=q")
        E("sticker", " media=6 mime=image/webp")
        E("contacts", " text=Ann")
        E("interactive", " text=Sent")
        E("edit", " text=now context=o")
        E("edit", " text=edit")
        E("revoke", " context=o")
        E("system", " text=moved")
        E("request_welcome", "")
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


/*
 * Mutations of a payload, the same ones every time: bytes changed, taken out,
 * doubled, the end cut off, a member's name or a number bent.  Nothing is
 * asserted but that all of it is bounded and whatever is told is whole, which
 * the hearers check.
 */
static unsigned  mutated, survived;


static void
mutate(const char *name, const char *path)
{
    size_t            i, at, len;
    heard_t           h;
    uint32_t          x;
    hd_str_t          s, m;
    hd_arena_t       *keep;
    hd_json_error_t   err;

    static const unsigned char  odd[] = {
        '"', '{', '}', '[', ']', ',', ':', '\\', '0', '-', 'e', '\0', 0x80,
        0xff, 'n', ' '
    };

    s = slurp(path);
    keep = arena;

    for (x = 1; *name != '\0'; name++) {
        x = x * 31 + (unsigned char) *name;
    }

    for (i = 0; i < 200; i++) {
        arena = hd_arena_create(65536);
        mem = hd_arena_mem(arena);

        m.data = hd_alloc(&mem, s.len * 2);
        memcpy(m.data, s.data, s.len);
        m.len = s.len;

        x = x * 1103515245 + 12345;
        at = (x >> 8) % s.len;
        len = 1 + (x >> 3) % 40;
        len = (len > s.len - at) ? s.len - at : len;

        switch (i % 5) {

        case 0:
            m.data[at] = odd[(x >> 4) % sizeof(odd)];
            break;

        case 1:
            memmove(m.data + at, m.data + at + len, s.len - at - len);
            m.len -= len;
            break;

        case 2:
            memmove(m.data + at + len, m.data + at, s.len - at);
            m.len += len;
            break;

        case 3:
            m.len = at;
            break;

        default:
            m.data[at] ^= (unsigned char) (1 + (x >> 20) % 255);
            break;
        }

        mutated++;

        if (hear(&h, &m, &err) == HD_OK) {
            survived++;
        }

        hd_buf_free(&h.out);
        hd_arena_destroy(arena);
    }

    arena = keep;
    mem = hd_arena_mem(arena);
}


static void
test_webhook_mutations(void **state)
{
    char  path[HD_UNIT_PATH];

    (void) state;

    fixture(path, "cloud-api/webhooks");
    (void) each_file(path, ".json", mutate);

    printf("# %u mutations, %u still read\n", mutated, survived);
    assert_true(mutated > 10000 && survived > 1000 && survived < mutated);
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
          "inbound on=1122334455667 id=<WHATSAPP_MESSAGE_ID> "
          "user=<BSUID> name=Test Name type=text text=Test message outbound "
          "at=1697043223000000\n" },
        { "pywa__message__document",
          "inbound on=1122334455667 id=wamid.xyzxyz from=972987654321 "
          "user=US.13491208655302741918 name=Test Name type=document "
          "text=caption media=1234567890987654321 mime=application/pdf "
          "file=filename.pdf at=1697043666000000\n" }
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


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_webhook_status),
        unit(test_webhook_types),
        unit(test_webhook_senders),
        unit(test_webhook_shapes),
        unit(test_webhook_files),
        unit(test_webhook_mutations),
        unit(test_webhook_samples)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
