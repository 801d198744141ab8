/*
 * cloud_api's webhooks about numbers, templates, accounts and people: what
 * they mean, in words of ours.
 */

#include "unit.h"

#include "../../src/provider/provider.h"


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
add_int(hd_buf_t *b, const char *name, int64_t n, int64_t unsaid)
{
    if (n != unsaid) {
        hd_buf_printf(b, " %s=%lld", name, (long long) n);
    }
}


static void
on_other(void *ctx, const hd_other_event_t *e)
{
    hd_buf_t   *b = ctx;
    hd_fact_t  *f;

    static const char  *kinds[] = { "number", "template", "account", "wish" };
    static const char  *effects[] = { "", " CLEAR", " PAUSE", " STOP" };

    for (f = e->facts; f != NULL; f = f->next) {
        hd_buf_printf(b, "%s%s", kinds[f->kind], effects[f->effect]);
        add(b, "business", &e->business_id);
        add(b, "number", &f->number);
        add(b, "status", &f->status);
        add(b, "quality", &f->quality);
        add(b, "name", &f->name);
        add(b, "language", &f->language);
        add(b, "category", &f->category);
        add(b, "from", &f->from);
        add(b, "user", &f->user_id);
        add_int(b, "at", f->at / 1000000, 0);
        add_int(b, "until", f->until / 1000000, 0);
        add_int(b, "limit", f->limit, HD_FACT_UNSAID);
        add_int(b, "rate", f->rate, 0);
        add(b, "reason", &f->reason);
        hd_buf_char(b, '\n');
    }

    if (e->facts == NULL) {
        hd_buf_z(b, "nothing\n");
    }
}


static void
on_status(void *ctx, const hd_str_t *number_id, const hd_status_event_t *e)
{
    (void) ctx;
    (void) number_id;
    (void) e;
}


static void
on_inbound(void *ctx, const hd_str_t *number_id, const hd_inbound_event_t *e)
{
    (void) ctx;
    (void) number_id;
    (void) e;
}


static void
on_bad(void *ctx, const char *why)
{
    (void) ctx;
    (void) why;
}


static void
check_body(const hd_str_t *body, const char *facts)
{
    hd_buf_t           b;
    hd_json_error_t    err;
    hd_webhook_sink_t  sink = { .ctx = &b, .status = on_status,
                                .inbound = on_inbound, .other = on_other,
                                .bad = on_bad };

    hd_buf_init(&b);
    memset(&err, 0, sizeof(hd_json_error_t));

    if (hd_provider_cloud_api.webhook(&mem, body, &sink, &err) != HD_OK) {
        fail_msg("%s", err.text);
    }

    hd_buf_char(&b, '\0');
    assert_string_equal((char *) b.data, facts);
    hd_buf_free(&b);
}


/* a change of the business 9 at 1000 s */
static void
check(const char *field, const char *value, const char *facts)
{
    hd_str_t  s;
    hd_buf_t  b;

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"object\":\"whatsapp_business_account\",\"entry\":[{"
                  "\"id\":\"9\",\"time\":1000,\"changes\":[{\"field\":\"%s\","
                  "\"value\":%s}]}]}", field, value);
    s.data = b.data;
    s.len = b.len;
    check_body(&s, facts);
    hd_buf_free(&b);
}


static void
test_number(void **state)
{
    (void) state;

#define Q(value, facts)                                                       \
    check("phone_number_quality_update", value, facts)

    Q("{\"display_phone_number\":\"+1 555-078 3881\",\"event\":\"FLAGGED\","
      "\"current_limit\":\"TIER_1K\"}",
      "number PAUSE business=9 number=15550783881 status=flagged quality=RED "
      "at=1000 limit=1000\n");
    Q("{\"display_phone_number\":\"1555\",\"event\":\"UNFLAGGED\"}",
      "number business=9 number=1555 status=unflagged quality=UNKNOWN "
      "at=1000\n");
    Q("{\"event\":\"THROUGHPUT_UPGRADE\",\"old_limit\":\"TIER_10K\","
      "\"current_limit\":\"TIER_100K\","
      "\"max_daily_conversations_per_business\":\"TIER_UNLIMITED\"}",
      "number business=9 status=throughput_upgrade at=1000 limit=-1 "
      "rate=1000\n");
    Q("{\"event\":\"UPGRADE\",\"quality_rating\":\"Green\"}",
      "number business=9 status=upgrade quality=GREEN at=1000\n");
    Q("{\"quality_score\":{\"score\":\"RED\"}}",
      "number PAUSE business=9 quality=RED at=1000\n");
    Q("{\"current_limit\":\"TIER_NOT_SET\"}",
      "number business=9 at=1000\n");
    Q("[]", "number business=9 at=1000\n");

#undef Q
#define L(value, facts)                                                       \
    check("business_capability_update",                                       \
          "{\"max_daily_conversations_per_business\":" value "}", facts)

    L("-1", "number business=9 at=1000 limit=-1\n");
    L("2000", "number business=9 at=1000 limit=2000\n");
    L("\"2000\"", "number business=9 at=1000 limit=2000\n");
    L("\"TIER_2K\"", "number business=9 at=1000 limit=2000\n");
    L("\"TIER_250\"", "number business=9 at=1000 limit=250\n");
    L("\"TIER_1M\"", "number business=9 at=1000 limit=1000000\n");

    /* what is no limit says nothing */
    L("-2", "number business=9 at=1000\n");
    L("99999999999", "number business=9 at=1000\n");
    L("1.5", "number business=9 at=1000\n");
    L("\"TIER_\"", "number business=9 at=1000\n");
    L("\"TIER_K\"", "number business=9 at=1000\n");
    L("\"TIER_2KK\"", "number business=9 at=1000\n");
    L("\"TIER_99999999999\"", "number business=9 at=1000\n");
    L("\"TIER_9999M\"", "number business=9 at=1000\n");
    L("null", "number business=9 at=1000\n");
    L("{}", "number business=9 at=1000\n");

#undef L

    check("business_capability_update",
          "{\"max_daily_conversation_per_phone\":250}",
          "number business=9 at=1000 limit=250\n");
}


static void
test_template(void **state)
{
    (void) state;

#define T(event, more, facts)                                                 \
    check("message_template_status_update",                                   \
          "{\"event\":\"" event "\",\"message_template_id\":7,"               \
          "\"message_template_name\":\"promo\","                              \
          "\"message_template_language\":\"en_US\"" more "}", facts)

#define N  " name=promo language=en_US at=1000"

    T("APPROVED", ",\"reason\":\"NONE\"",
      "template CLEAR business=9 status=approved" N "\n");
    T("REINSTATED", "", "template CLEAR business=9 status=reinstated" N "\n");
    T("PENDING", ",\"reason\":null",
      "template business=9 status=pending" N "\n");
    T("REJECTED", ",\"reason\":\"SCAM\"",
      "template STOP business=9 status=rejected" N " reason=SCAM\n");
    T("REJECTED", ",\"reason\":\"INVALID_FORMAT\",\"rejection_info\":{"
      "\"reason\":\"Two variables meet.\"}",
      "template STOP business=9 status=rejected" N
      " reason=INVALID_FORMAT: Two variables meet.\n");
    T("PAUSED", ",\"other_info\":{\"title\":\"FIRST_PAUSE\","
      "\"description\":\"For 3 hours.\"}",
      "template PAUSE business=9 status=paused" N " until=11800"
      " reason=For 3 hours.\n");
    T("PAUSED", ",\"other_info\":{\"title\":\"SECOND_PAUSE\"}",
      "template PAUSE business=9 status=paused" N " until=22600\n");
    T("PAUSED", ",\"other_info\":{\"title\":\"RATE_LIMITING_PAUSE\"}",
      "template PAUSE business=9 status=paused" N "\n");
    T("DISABLED", "", "template STOP business=9 status=disabled" N "\n");
    T("PENDING_DELETION", "",
      "template STOP business=9 status=pending_deletion" N "\n");
    T("FLAGGED", ",\"disable_info\":{\"disable_date\":\"January 31, 2021\"}",
      "template business=9 status=flagged" N "\n");
    T("BRAND_NEW", "", "template business=9 status=brand_new" N "\n");

#undef T

    check("message_template_quality_update",
          "{\"previous_quality_score\":\"GREEN\",\"new_quality_score\":"
          "\"Red\",\"message_template_name\":\"promo\","
          "\"message_template_language\":\"en_US\"}",
          "template business=9 quality=RED" N "\n");
    check("template_category_update",
          "{\"message_template_name\":\"promo\","
          "\"message_template_language\":\"en_US\",\"previous_category\":"
          "\"MARKETING\",\"new_category\":\"UTILITY\"}",
          "template business=9 name=promo language=en_US category=utility "
          "at=1000\n");

#undef N
}


static void
test_account(void **state)
{
    (void) state;

#define A(value, facts)  check("account_update", value, facts)

    A("{\"event\":\"ACCOUNT_RESTRICTION\",\"restriction_info\":["
      "{\"restriction_type\":\"RESTRICTED_ADD_PHONE_NUMBER_ACTION\"}]}",
      "account business=9 status=account_restriction at=1000 reason=WhatsApp "
      "restricted the account: RESTRICTED_ADD_PHONE_NUMBER_ACTION\n");
    A("{\"event\":\"ACCOUNT_RESTRICTION\"}",
      "account PAUSE business=9 status=account_restriction at=1000 "
      "reason=WhatsApp restricted the account\n");
    A("{\"phone_number\":\"15550783881\",\"event\":\"ACCOUNT_RESTRICTION\","
      "\"restriction_info\":[{\"restriction_type\":"
      "\"RESTRICTED_BIZ_INITIATED_MESSAGING\",\"expiration\":\"1800000000\"},"
      "{\"restriction_type\":\"X\",\"expiration\":1700000000},5]}",
      "account PAUSE business=9 number=15550783881 status=account_restriction "
      "at=1000 reason=WhatsApp restricted the account: "
      "RESTRICTED_BIZ_INITIATED_MESSAGING, X, until "
      "2027-01-15T08:00:00Z\n");
    A("{\"event\":\"DISABLED_UPDATE\",\"ban_info\":{\"waba_ban_state\":"
      "\"DISABLE\"}}",
      "account PAUSE business=9 status=disabled_update at=1000 "
      "reason=WhatsApp disabled the account\n");
    A("{\"event\":\"DISABLED_UPDATE\",\"ban_info\":{\"waba_ban_state\":["
      "\"SCHEDULE_FOR_DISABLE\"]}}",
      "account business=9 status=disabled_update at=1000 "
      "reason=WhatsApp will disable the account\n");
    A("{\"event\":\"DISABLED_UPDATE\",\"ban_info\":{\"waba_ban_state\":["
      "\"REINSTATE\"]}}",
      "account CLEAR business=9 status=disabled_update at=1000\n");
    A("{\"event\":\"DISABLED_UPDATE\"}",
      "account PAUSE business=9 status=disabled_update at=1000 "
      "reason=WhatsApp disabled the account\n");
    A("{\"event\":\"ACCOUNT_OFFBOARDED\"}",
      "account STOP business=9 status=account_offboarded at=1000 "
      "reason=WhatsApp disconnected the account\n");
    A("{\"event\":\"SOMETHING\"}",
      "account business=9 status=something at=1000\n");
    A("{}", "account business=9 at=1000\n");
    A("7", "account business=9 at=1000\n");

#undef A
}


static void
test_preference(void **state)
{
    (void) state;

#define P(value, facts)  check("user_preferences", value, facts)
#define W(more)  "{\"category\":\"marketing_messages\"," more "}"

    P("{\"contacts\":[{\"wa_id\":\"254\",\"profile\":{\"name\":\"Zuri\"},"
      "\"user_id\":\"KE.1\"}],\"user_preferences\":["
      W("\"wa_id\":\"254\",\"value\":\"stop\",\"timestamp\":2000") ","
      W("\"wa_id\":\"255\",\"value\":\"resume\"") ","
      W("\"wa_id\":256,\"value\":\"hm\",\"timestamp\":\"2000\"") ","
      "{\"category\":\"other\",\"wa_id\":\"254\",\"value\":\"stop\"},"
      "1,[],null]}",
      "wish PAUSE business=9 status=stop name=Zuri from=254 user=KE.1 "
      "at=2000\n"
      "wish CLEAR business=9 status=resume from=255 at=1000\n"
      "wish business=9 status=hm from=256 at=2000\n");

    /* who has no number is the only contact there is */
    P("{\"contacts\":[{\"user_id\":\"KE.1\"}],\"user_preferences\":["
      W("\"value\":\"stop\"") "]}",
      "wish PAUSE business=9 status=stop user=KE.1 at=1000\n");
    P("{\"contacts\":[{\"user_id\":\"KE.1\"},{\"user_id\":\"KE.2\"}],"
      "\"user_preferences\":[" W("\"value\":\"stop\"") "]}",
      "wish PAUSE business=9 status=stop at=1000\n");
    P("{\"contacts\":{},\"user_preferences\":[" W("\"value\":\"stop\",\"user_id\""
      ":\"KE.3\"") "]}",
      "wish PAUSE business=9 status=stop user=KE.3 at=1000\n");

    P("{\"user_preferences\":{}}", "nothing\n");
    P("{\"user_preferences\":[]}", "nothing\n");

#undef P
#undef W

    check("flows", "{\"event\":\"FLAGGED\"}", "nothing\n");
}


static void
test_samples(void **state)
{
    char      path[HD_UNIT_PATH];
    size_t    i;
    hd_str_t  s;

    static const struct {
        const char  *file;
        const char  *facts;
    } samples[] = {
        { "bindambc__accountRestricted",
          "account PAUSE business=whatsapp-business-account-id "
          "status=account_restriction at=1604703141 reason=WhatsApp "
          "restricted the account: RESTRICTED_ADD_PHONE_NUMBER_ACTION, "
          "RESTRICTED_BIZ_INITIATED_MESSAGING, "
          "RESTRICTED_CUSTOMER_INITIATED_MESSAGING\n" },
        { "bindambc__rejectedTemplate",
          "template STOP business=880480871844883 status=rejected "
          "name=schedule_confirmation4 language=pt_BR at=1674250641 "
          "reason=SCAM\n" },
        { "bindambc__templateSchedulingForDisabling",
          "template business=whatsapp-business-account-id status=flagged "
          "name=My message template language=en-US at=1604703141\n" },
        { "bindambc__accountReview", "nothing\n" },
        { "pywa__account_update__account_deleted",
          "account STOP business=102290129340398 status=account_deleted "
          "at=1743451903 reason=WhatsApp deleted the account\n" },
        { "pywa__account_update__account_reconnected",
          "account CLEAR business=102290129340398 status=account_reconnected "
          "at=1743451903\n" },
        { "pywa__account_update__partner_removed_wa_app_disconnection",
          "account STOP business=2949482758682047 status=partner_removed "
          "at=1748477359 reason=WhatsApp disconnected the account: "
          "PRIMARY_INACTIVITY\n" },
        { "pywa__account_update__partner_app_uninstalled",
          "account business=2949482758682047 status=partner_app_uninstalled "
          "at=1748477359\n" },
        { "pywa__template_quality_update__yellow",
          "template business=102290129340398 quality=YELLOW "
          "name=welcome_template language=en_US at=1674864290\n" },
        { "pywa__template_status_update__approved",
          "template CLEAR business=102290129340398 status=approved "
          "name=order_confirmation language=en_US at=1751247548\n" },
        { "pywa__user_marketing_preferences__resume",
          "wish CLEAR business=102290129340398 status=resume "
          "from=16505551234 at=1731705721\n" }
    };

    (void) state;

    for (i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        fixture(path, "cloud-api/webhooks");
        (void) snprintf(path + strlen(path), sizeof(path) - strlen(path),
                        "/%s.json", samples[i].file);
        s = slurp(path);
        check_body(&s, samples[i].facts);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_number),
        unit(test_template),
        unit(test_account),
        unit(test_preference),
        unit(test_samples)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
