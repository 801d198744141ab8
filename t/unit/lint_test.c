/*
 * lint: each of WhatsApp's rules, by a template that keeps it and one that
 * breaks it; documents' shapes, texts, differences, spans.
 */

#include "unit.h"

#include "../../src/base/document.h"


typedef struct {
    char      found[4096];
    size_t    len;
    unsigned  n;
} found_t;


static void
found(void *ctx, hd_lint_level_e level, const char *code, const char *pointer,
    const char *words, const char *fix)
{
    found_t *f = ctx;

    assert_true(hd_utf8_valid((const unsigned char *) words, strlen(words)));
    assert_non_null(fix);

    f->len += (size_t) snprintf(f->found + f->len, sizeof(f->found) - f->len,
                                "%s%s%s %s", f->n++ ? "; " : "",
                                level == HD_LINT_WARNING ? "(w) " : "", code,
                                pointer);
    assert_true(f->len < sizeof(f->found));
}


static hd_json_t *
json(const char *text)
{
    hd_json_t        *v;
    hd_json_error_t   err;

    v = hd_json_parse(&mem, (const unsigned char *) text, strlen(text), 16,
                      &err);
    if (v == NULL) {
        fail_msg("%s: %s", text, err.text);
    }

    return v;
}


static void
lint(const char *name, const char *language, const char *category,
    const char *document, const char *expected)
{
    found_t             f;
    hd_lint_t           l;
    hd_lint_template_t  t;

    memset(&f, 0, sizeof(f));
    memset(&l, 0, sizeof(l));

    l.found = found;
    l.ctx = &f;
    l.mem = &mem;

    t.name = str(name);
    t.language = str(language);
    t.category = str(category);
    t.document = json(document);

    hd_document_check(&l, t.document);

    if (f.n) {
        fail_msg("%s\n  shape: %s", document, f.found);
    }

    assert_int_equal(hd_lint(&l, &t), HD_OK);

    if (strcmp(f.found, expected) != 0) {
        fail_msg("%s\n  found:    %s\n  expected: %s", document, f.found,
                 expected);
    }

    assert_int_equal(l.errors + l.warnings, f.n);
}


#define utility(document, expected)                                           \
    lint("order_ready", "en", "utility", document, expected)

#define VARS                                                                  \
    ",\"variables\":{\"name\":{\"sample\":\"Ann\"},\"n\":{\"sample\":\"7\"},"  \
    "\"1\":{\"sample\":\"a\"},\"2\":{\"sample\":\"b\"},"                      \
    "\"3\":{\"sample\":\"c\"}}}"


static void
lint_names(void **state)
{
    (void) state;

    lint("order_ready", "en", "utility", "{\"body\":\"Hello there\"}", "");
    lint("", "en", "utility", "{\"body\":\"Hello there\"}",
         "name_empty /name");
    lint("Order", "en", "utility", "{\"body\":\"Hello there\"}",
         "name_characters /name");
    lint("a-b", "pt_BR", "marketing", "{\"body\":\"Hello there\"}",
         "name_characters /name");
    lint("a", "pt-BR", "marketing", "{\"body\":\"Hello there\"}",
         "language_form /language");
    lint("a", "tlh", "marketing", "{\"body\":\"Hello there\"}",
         "(w) language_unknown /language");
    lint("a", "en", "service", "{\"body\":\"Hello there\"}",
         "category_unknown /category");
}


static void
lint_names_long(void **state)
{
    char  name[514];

    (void) state;

    memset(name, 'a', sizeof(name));
    name[512] = '\0';
    lint(name, "en", "utility", "{\"body\":\"Hello there\"}", "");
    name[512] = 'a';
    name[513] = '\0';
    lint(name, "en", "utility", "{\"body\":\"Hello there\"}",
         "name_too_long /name");
}


static void
lint_bodies(void **state)
{
    (void) state;

    utility("{\"body\":\"Hello {{name}}, your order is ready.\"" VARS, "");
    utility("{\"body\":\"  \"}", "body_empty /document/body");
    utility("{\"body\":\"{{name}}, your order is ready.\"" VARS,
            "variable_first /document/body");
    utility("{\"body\":\"*{{name}}* your order is ready.\"" VARS,
            "variable_first /document/body");
    utility("{\"body\":\"Your order is ready, {{name}} \"" VARS,
            "variable_last /document/body");
    utility("{\"body\":\"Your order is ready, {{name}}.\"" VARS, "");
    utility("{\"body\":\"Your order number {{n}}{{name}} is ready.\"" VARS,
            "variables_adjacent /document/body");
    utility("{\"body\":\"Your order number {{n}} {{name}} is ready.\"" VARS,
            "(w) variables_adjacent /document/body");
    utility("{\"body\":\"Hi {{name}}, {{n}}.\"" VARS,
            "variables_dense /document/body");
    utility("{\"body\":\"One.\\n\\nTwo.\"}", "");
    utility("{\"body\":\"One.\\n\\n\\nTwo.\"}",
            "body_newlines /document/body");
    utility("{\"body\":\"Hello {{1}}, order {{2}} is ready for you.\"" VARS,
            "");
    utility("{\"body\":\"Hello {{2}}, order {{1}} is ready for you.\"" VARS,
            "");
    utility("{\"body\":\"Hello {{1}}, order {{3}} is ready for you.\"" VARS,
            "variables_numbers /document/body");
    utility("{\"body\":\"Hello {{1}}, order {{n}} is ready for you.\"" VARS,
            "variables_mixed /document/body");
    utility("{\"body\":\"Hello {{Name}}, your order is ready.\"" VARS,
            "variable_malformed /document/body");
    utility("{\"body\":\"Hello {{who}}, your order is ready.\"}",
            "sample_missing /document/variables/who/sample");
    utility("{\"body\":\"Hello {{who|friend}}, your order is ready.\"}", "");
    utility("{\"body\":\"Hello {{who}}, your order is ready.\","
            "\"variables\":{\"who\":{\"fallback\":\"friend\"}}}", "");
    utility("{\"body\":\"See https://wa.me/254700 or bit.ly/x now.\"}",
            "(w) link_whatsapp /document/body; "
            "(w) link_shortened /document/body");
    utility("{\"body\":\"See https://orbit.ly/x now.\"}", "");

    /* words of scripts without spaces, and of Devanagari */
    utility("{\"body\":\"您好{{1}}，您的订单已经准备好了。\"" VARS, "");
    utility("{\"body\":\"नमस्ते {{1}}, आपका ऑर्डर तैयार है।\"" VARS, "");
}


static void
lint_lengths(void **state)
{
    char  text[3000];

    (void) state;

    /* a fallback is not told to WhatsApp, and does not count */
    memset(text, 0, sizeof(text));
    strcpy(text, "{\"body\":\"Hello dear {{who|a friend}} ");
    memset(text + strlen(text), 'x', 1024 - strlen("Hello dear {{who}} "));
    strcat(text, "\"}");
    utility(text, "");

    memset(text, 0, sizeof(text));
    strcpy(text, "{\"body\":\"Hello dear {{who|a friend}} ");
    memset(text + strlen(text), 'x', 1025 - strlen("Hello dear {{who}} "));
    strcat(text, "\"}");
    utility(text, "body_too_long /document/body");

    utility("{\"body\":\"Hello there\",\"footer\":\"éééééééééééééééééééé"
            "éééééééééééééééééééééééééééééééééééééééé\"}", "");
    utility("{\"body\":\"Hello there\",\"footer\":\"ééééééééééééééééééééé"
            "éééééééééééééééééééééééééééééééééééééééé\"}",
            "footer_too_long /document/footer");
}


#define header(text, expected)                                                \
    utility("{\"header\":{\"format\":\"text\",\"text\":\"" text "\"},"         \
            "\"body\":\"Hello there\"" VARS, expected)

static void
lint_headers(void **state)
{
    (void) state;

    header("Your order", "");
    header("Order {{n}}", "");
    header("", "header_empty /document/header/text");
    header("Order {{n}} of {{name}}",
           "header_variables /document/header/text");
    header("Your\\norder", "header_newline /document/header/text");
    header("Your order 🎉", "header_emoji /document/header/text");
    header("Your *order*", "header_formatting /document/header/text");
    header("Your order is ready to be fetched from the shop, any time now",
           "header_too_long /document/header/text");

    utility("{\"header\":{\"format\":\"image\"},\"body\":\"Hello there\"}",
            "header_sample_missing /document/header/media_id");
    utility("{\"header\":{\"format\":\"image\",\"media_id\":"
            "\"01900000-0000-7000-8000-000000000001\"},"
            "\"body\":\"Hello there\"}", "");
    utility("{\"header\":{\"format\":\"location\"},"
            "\"body\":\"Hello there\"}", "");
    utility("{\"header\":null,\"body\":\"Hello there\"}", "");

    utility("{\"body\":\"Hello there\",\"footer\":\"The {{name}}\"" VARS,
            "footer_variables /document/footer");
    utility("{\"body\":\"Hello there\",\"footer\":\"The\\nshop\"}",
            "footer_newline /document/footer");
    utility("{\"body\":\"Hello there\",\"footer\":\"The shop ☕\"}",
            "footer_emoji /document/footer");
}


#define buttons(list, expected)                                               \
    utility("{\"body\":\"Hello there\",\"buttons\":[" list "]" VARS, expected)

#define QUICK(text)  "{\"type\":\"quick_reply\",\"text\":\"" text "\"}"
#define URL(text, url)                                                        \
    "{\"type\":\"url\",\"text\":\"" text "\",\"url\":\"" url "\"}"

static void
lint_button(void **state)
{
    (void) state;

    buttons(QUICK("Yes") "," QUICK("No"), "");
    buttons(QUICK("Yes") "," QUICK("Yes"),
            "button_text_twice /document/buttons/1/text");
    buttons(QUICK(""), "button_text_missing /document/buttons/0/text");
    buttons(QUICK("Twenty-six characters long"),
            "button_text_too_long /document/buttons/0/text");
    buttons(QUICK("Yes 👍"),
            "button_text_characters /document/buttons/0/text");
    buttons(QUICK("Yes {{n}}"),
            "button_text_characters /document/buttons/0/text");
    buttons(QUICK("1") "," QUICK("2") "," QUICK("3") "," QUICK("4") ","
            QUICK("5") "," QUICK("6") "," QUICK("7") "," QUICK("8") ","
            QUICK("9") "," QUICK("10"), "");
    buttons(QUICK("1") "," QUICK("2") "," QUICK("3") "," QUICK("4") ","
            QUICK("5") "," QUICK("6") "," QUICK("7") "," QUICK("8") ","
            QUICK("9") "," QUICK("10") "," QUICK("11"),
            "buttons_too_many /document/buttons; "
            "buttons_of_a_kind /document/buttons/10/type");
    buttons(QUICK("Yes") "," URL("Shop", "https://a.example") ","
            QUICK("No"), "buttons_order /document/buttons");
    buttons(URL("Shop", "https://a.example") "," QUICK("Yes") ","
            QUICK("No"), "");

    buttons(URL("A", "https://a.example") "," URL("B", "https://b.example")
            "," URL("C", "https://c.example"),
            "buttons_of_a_kind /document/buttons/2/type");
    buttons(URL("A", "shop.example"), "url_invalid /document/buttons/0/url");
    buttons(URL("A", "https://a.example/{{n}}"), "");
    buttons(URL("A", "https://a.example/{{n}}/x"),
            "url_variable /document/buttons/0/url");
    buttons(URL("A", "https://a.example/{{n}}{{name}}"),
            "url_variable /document/buttons/0/url");
    buttons(URL("A", "https://a.example/{{other}}"),
            "sample_missing /document/buttons/0/example");
    buttons(URL("A", "https://a.example/{{N}}"),
            "variable_malformed /document/buttons/0/url");
    buttons(URL("A", "https://wa.me/2547"),
            "(w) link_whatsapp /document/buttons/0/url");

    buttons("{\"type\":\"phone_number\",\"text\":\"Call\","
            "\"phone_number\":\"+254 712 345678\"}", "");
    buttons("{\"type\":\"phone_number\",\"text\":\"Call\","
            "\"phone_number\":\"call me\"}",
            "phone_invalid /document/buttons/0/phone_number");
    buttons("{\"type\":\"copy_code\",\"example\":\"SAVE25\"}", "");
    buttons("{\"type\":\"copy_code\",\"example\":\"SIXTEENCHARACTER\"}",
            "code_too_long /document/buttons/0/example");
    buttons("{\"type\":\"copy_code\"}",
            "sample_missing /document/buttons/0/example");
    buttons("{\"type\":\"flow\",\"text\":\"Book\"}",
            "flow_missing /document/buttons/0/flow_id");
    buttons("{\"type\":\"flow\",\"text\":\"Book\",\"flow_id\":\"12\"}", "");
    buttons("{\"type\":\"otp\",\"otp_type\":\"copy_code\"}",
            "button_category /document/buttons/0/type");
    buttons("{\"type\":\"hologram\",\"text\":\"Look\"}",
            "(w) button_unknown /document/buttons/0/type");
}


#define code(document, expected)                                              \
    lint("code", "en", "authentication", document, expected)
#define CODE_BODY  "\"body\":\"*{{code|123456}}* is your code.\""
#define OTP        "\"buttons\":[{\"type\":\"otp\",\"otp_type\":\"copy_code\"}]"
#define WORDS      "(w) authentication_words /document/body"

static void
lint_authentication(void **state)
{
    (void) state;

    code("{" CODE_BODY "," OTP "}", WORDS);
    code("{" CODE_BODY "}",
         WORDS "; authentication_button /document/buttons");
    code("{" CODE_BODY "," OTP ",\"footer\":\"The shop\"}",
         "authentication_footer /document/footer; " WORDS);
    code("{" CODE_BODY "," OTP ",\"header\":{\"format\":\"text\","
         "\"text\":\"Code\"}}",
         "authentication_header /document/header/format; " WORDS);
    code("{\"body\":\"Your code.\"," OTP "}",
         "authentication_code /document/body; " WORDS);
    code("{" CODE_BODY ",\"buttons\":[{\"type\":\"otp\"}," QUICK("No") "]}",
         WORDS "; button_category /document/buttons/1/type");
    code("{" CODE_BODY "," OTP ",\"ttl\":30}", WORDS);
    code("{" CODE_BODY "," OTP ",\"ttl\":29}",
         WORDS "; ttl_range /document/ttl");
}


static void
lint_values(void **state)
{
    (void) state;

#define typed(type, sample, expected)                                         \
    utility("{\"body\":\"Hello {{who}}, your order is ready.\","              \
            "\"variables\":{\"who\":{\"type\":\"" type "\",\"sample\":\""     \
            sample "\"}}}", expected)

    typed("number", "12", "");
    typed("number", "twelve",
          "(w) value_type /document/variables/who/sample");
    typed("date", "٢١ نوفمبر", "");
    typed("currency", "KES 1,200", "");
    typed("url", "https://a.example", "");
    typed("url", "a.example",
          "(w) value_type /document/variables/who/sample");
    typed("text", "a\\nb", "value_spaces /document/variables/who/sample");
    typed("text", "a     b",
          "value_spaces /document/variables/who/sample");
    typed("text", "a    b", "");
}


/* ── shapes ── */

static void
shape(const char *document, const char *expected)
{
    found_t    f;
    hd_lint_t  l;

    memset(&f, 0, sizeof(f));
    memset(&l, 0, sizeof(l));

    l.found = found;
    l.ctx = &f;
    l.mem = &mem;

    hd_document_check(&l, json(document));

    if (strcmp(f.found, expected) != 0) {
        fail_msg("%s\n  found:    %s\n  expected: %s", document, f.found,
                 expected);
    }
}


static void
document_shapes(void **state)
{
    (void) state;

    shape("{\"body\":\"x\"}", "");
    shape("[]", "invalid /document");
    shape("{}", "required /document/body");
    shape("{\"body\":null}", "required /document/body");
    shape("{\"body\":7}", "invalid /document/body");
    shape("{\"body\":\"x\",\"status\":\"approved\"}",
          "unknown_field /document/status");
    shape("{\"body\":\"x\",\"header\":\"x\"}", "invalid /document/header");
    shape("{\"body\":\"x\",\"header\":{\"text\":\"x\"}}",
          "required /document/header/format; invalid /document/header/text");
    shape("{\"body\":\"x\",\"header\":{\"format\":\"gif\"}}",
          "invalid /document/header/format");
    shape("{\"body\":\"x\",\"header\":{\"format\":\"image\","
          "\"text\":\"x\"}}", "invalid /document/header/text");
    shape("{\"body\":\"x\",\"header\":{\"format\":\"image\","
          "\"media_id\":\"7\"}}", "invalid /document/header/media_id");
    shape("{\"body\":\"x\",\"buttons\":{}}", "invalid /document/buttons");
    shape("{\"body\":\"x\",\"buttons\":[7,{\"text\":\"a\"},"
          "{\"type\":\"url\",\"link\":\"x\"}]}",
          "invalid /document/buttons/0; required /document/buttons/1/type; "
          "unknown_field /document/buttons/2/link");
    shape("{\"body\":\"x\",\"variables\":{\"A\":{}}}",
          "invalid /document/variables/A");
    shape("{\"body\":\"x\",\"variables\":{\"a\":{\"type\":\"html\"}}}",
          "invalid /document/variables/a/type");
    shape("{\"body\":\"x\",\"variables\":{\"a\":{\"fallback\":\"{{b}}\"}}}",
          "invalid /document/variables/a/fallback");
    shape("{\"body\":\"x\",\"authentication\":"
          "{\"code_expiration_minutes\":91}}",
          "invalid /document/authentication/code_expiration_minutes");
    shape("{\"body\":\"x\",\"ttl\":0}", "invalid /document/ttl");
    shape("{\"body\":\"a\\u0007b\"}", "invalid /document/body");
}


static void
document_flat(void **state)
{
    hd_buf_t             b;
    hd_str_t             none, text;
    hd_document_flat_t   flat;

    (void) state;

    assert_int_equal(hd_document_flat(&mem, json(
        "{\"header\":{\"format\":\"text\",\"text\":\"For {{name}}\"},"
        "\"body\":\"Hi {{name}}, {{n|1}} and {{x}}\",\"footer\":\"F\","
        "\"variables\":{\"name\":{\"fallback\":\"you\"},"
        "\"n\":{\"fallback\":\"2\"}}}"), &flat), HD_OK);

    assert_str(&flat.header, "For {{name|you}}");
    assert_str(&flat.body, "Hi {{name|you}}, {{n|1}} and {{x}}");
    assert_str(&flat.footer, "F");

    assert_int_equal(hd_document_flat(&mem, json(
        "{\"header\":{\"format\":\"image\"},\"body\":\"x\"}"), &flat), HD_OK);
    assert_null(flat.header.data);
    assert_null(flat.footer.data);

    hd_buf_init(&b);
    memset(&none, 0, sizeof(none));
    text = str("A \"b\"");
    hd_document_of_flat(&b, &none, &text, &none);
    hd_document_of_flat(&b, &text, &text, &text);
    text.data = b.data;
    text.len = b.len;
    assert_str(&text, "{\"body\":\"A \\\"b\\\"\"}{\"header\":{\"format\":"
               "\"text\",\"text\":\"A \\\"b\\\"\"},\"body\":\"A \\\"b\\\"\","
               "\"footer\":\"A \\\"b\\\"\"}");
    hd_buf_free(&b);
}


static void
document_names(void **state)
{
    size_t               n;
    hd_str_t             text;
    hd_document_name_t  *names;

    (void) state;

    text = str("{{10}} {{2}} {{1|x}} {{2|y}}");
    assert_int_equal(hd_document_names(&mem, &text, &names, &n), HD_OK);
    assert_int_equal(n, 3);
    assert_str(&names[0].name, "1");
    assert_str(&names[1].name, "2");
    assert_str(&names[1].fallback, "y");
    assert_str(&names[2].name, "10");

    text = str("{{b}} {{a}} {{b}}");
    assert_int_equal(hd_document_names(&mem, &text, &names, &n), HD_OK);
    assert_int_equal(n, 2);
    assert_str(&names[0].name, "b");
}


/* ── spans, direction, differences ── */

static void
spans(const char *text, const char *expected)
{
    hd_buf_t  b;
    hd_str_t  s;

    hd_buf_init(&b);
    s = str(text);
    assert_int_equal(hd_spans_write(&b, &s), HD_OK);
    s.data = b.data;
    s.len = b.len;
    assert_str(&s, expected);
    hd_buf_free(&b);
}


static void
span_marks(void **state)
{
    (void) state;

    spans("", "[]");
    spans("plain", "[{\"text\":\"plain\"}]");
    spans("*a* b", "[{\"text\":\"a\",\"bold\":true},{\"text\":\" b\"}]");
    spans("_a_ ~b~", "[{\"text\":\"a\",\"italic\":true},{\"text\":\" \"},"
          "{\"text\":\"b\",\"strike\":true}]");
    spans("*a _b_*", "[{\"text\":\"a \",\"bold\":true},"
          "{\"text\":\"b\",\"bold\":true,\"italic\":true}]");
    spans("```*a*\nb``` `c`", "[{\"text\":\"*a*\\nb\",\"mono\":true},"
          "{\"text\":\" \"},{\"text\":\"c\",\"mono\":true}]");

    /* what looks like a mark and is none */
    spans("2*3*4", "[{\"text\":\"2*3*4\"}]");
    spans("* a*", "[{\"text\":\"* a*\"}]");
    spans("*a *", "[{\"text\":\"*a *\"}]");
    spans("*a\nb*", "[{\"text\":\"*a\\nb*\"}]");
    spans("snake_case_name", "[{\"text\":\"snake_case_name\"}]");
    spans("**", "[{\"text\":\"**\"}]");
    spans("*", "[{\"text\":\"*\"}]");
    spans("```", "[{\"text\":\"```\"}]");
    spans("`", "[{\"text\":\"`\"}]");
}


static void
directions(void **state)
{
    hd_str_t  s;

    (void) state;

#define rtl(z)  (s = str(z), hd_text_rtl(&s))
#define rtl_language(z)  (s = str(z), hd_language_rtl(&s))

    assert_true(rtl("مرحبا Ann"));
    assert_true(rtl("123 – שלום"));
    assert_true(rtl("🎉 مرحبا"));
    assert_false(rtl("Hello مرحبا"));
    assert_false(rtl("«नमस्ते»"));
    assert_false(rtl("12"));
    assert_true(rtl_language("ar"));
    assert_true(rtl_language("ar_EG"));
    assert_true(rtl_language("ur"));
    assert_false(rtl_language("az"));
    assert_false(rtl_language("en"));
}


static void
diff(const char *from, const char *to, const char *expected)
{
    hd_buf_t  b;
    hd_str_t  s;

    hd_buf_init(&b);
    hd_json_diff(&b, json(from), json(to));
    s.data = b.data;
    s.len = b.len;
    assert_str(&s, expected);
    hd_buf_free(&b);
}


static void
differences(void **state)
{
    (void) state;

    diff("{\"a\":1,\"b\":[1,2]}", "{\"b\":[1,2],\"a\":1}", "[]");
    diff("{\"a\":1}", "{\"a\":2}",
         "[{\"path\":\"/a\",\"from\":1,\"to\":2}]");
    diff("{\"a\":1}", "{\"b\":{\"c\":null}}",
         "[{\"path\":\"/a\",\"from\":1},"
         "{\"path\":\"/b\",\"to\":{\"c\":null}}]");
    diff("{\"a\":[{\"x\":1},2,3]}", "{\"a\":[{\"x\":2},2]}",
         "[{\"path\":\"/a/0/x\",\"from\":1,\"to\":2},"
         "{\"path\":\"/a/2\",\"from\":3}]");
    diff("{\"a/b\":\"x\"}", "{\"a/b\":[\"x\"]}",
         "[{\"path\":\"/a~1b\",\"from\":\"x\",\"to\":[\"x\"]}]");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(lint_names),
        unit(lint_names_long),
        unit(lint_bodies),
        unit(lint_lengths),
        unit(lint_headers),
        unit(lint_button),
        unit(lint_authentication),
        unit(lint_values),
        unit(document_shapes),
        unit(document_flat),
        unit(document_names),
        unit(span_marks),
        unit(directions),
        unit(differences)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
