/*
 * text: placeholders and their fallbacks.
 */

#include "unit.h"


static int
lookup(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    (void) ctx;

    if (hd_str_eq(name, "name")) {
        hd_str_set(value, "Ann");
        return HD_OK;
    }

    if (hd_str_eq(name, "sly")) {
        hd_str_set(value, "{{name}}");
        return HD_OK;
    }

    if (hd_str_eq(name, "empty")) {
        hd_str_set(value, "");
        return HD_OK;
    }

    return HD_ERROR;
}


static void
check(const char *text, const char *result)
{
    hd_buf_t  b;
    hd_str_t  s, missing;

    hd_buf_init(&b);
    hd_buf_z(&b, ">");
    s = str(text);

    if (hd_text_render(&b, &s, lookup, NULL, &missing) != HD_OK) {
        fail_msg("%s: missing %.*s", text, (int) missing.len, missing.data);
    }

    hd_buf_char(&b, '\0');
    assert_string_equal((char *) b.data + 1, result);
    hd_buf_free(&b);
}


static void
check_missing(const char *text, const char *name)
{
    hd_buf_t  b;
    hd_str_t  s, missing;

    hd_buf_init(&b);
    hd_buf_z(&b, ">");
    s = str(text);
    assert_int_equal(hd_text_render(&b, &s, lookup, NULL, &missing), HD_ERROR);
    assert_str(&missing, name);
    assert_buf(&b, ">");
    hd_buf_free(&b);
}


static void
test_render(void **state)
{
    (void) state;

    check("", "");
    check("plain", "plain");
    check("Hello {{name}}, bye {{name}}", "Hello Ann, bye Ann");
    check("{{name}}", "Ann");
    check("{{none|your order}}!", "your order!");
    check("{{empty|x}}", "x");
    check("{{none|}}", "");
    check("{{none|a } b}}", "a } b");
    check("{{sly}}", "{{name}}");

    /* none of these is a placeholder */
    check("{name}", "{name}");
    check("{{Name}}", "{{Name}}");
    check("{{ name }}", "{{ name }}");
    check("{{}}", "{{}}");
    check("{{|x}}", "{{|x}}");
    check("{{name", "{{name");
    check("{{name}", "{{name}");
    check("{{name|x}", "{{name|x}");
    check("{{name|", "{{name|");
    check("{", "{");
    check("{{", "{{");
    check("a{{", "a{{");
    check("{{a-b}}", "{{a-b}}");

    /* the inner one is */
    check("{{{name}}}", "{Ann}");
    check("{{none|a {{name}}", "{{none|a Ann");
    check("{{x{{name}}", "{{xAnn");

    check("{{a2345678901234567890123456789012345678901234567890123456789012345"
          "}}",
          "{{a2345678901234567890123456789012345678901234567890123456789012345"
          "}}");

    check_missing("Hi {{none}}", "none");
    check_missing("Hi {{name}} {{empty}}", "empty");
    check_missing("{{a234567890123456789012345678901234567890123456789012345"
                  "6789.1_3}}",
                  "a2345678901234567890123456789012345678901234567890123456789"
                  ".1_3");
}


static int
each(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    hd_buf_t *b = ctx;

    hd_buf_str(b, name);

    if (fallback->data != NULL) {
        hd_buf_char(b, '=');
        hd_buf_str(b, fallback);
    }

    hd_buf_char(b, ' ');

    return hd_str_eq(name, "stop") ? HD_ERROR : HD_OK;
}


static void
test_names(void **state)
{
    hd_buf_t  b;
    hd_str_t  s;

    (void) state;

    hd_buf_init(&b);
    s = str("{{a}} {{b|c d}} {{e|}} {x} {{1}}");
    assert_int_equal(hd_text_names(&s, each, &b), HD_OK);
    assert_buf(&b, "a b=c d e= 1 ");
    hd_buf_reset(&b);

    s = str("{{a}}{{stop}}{{b}}");
    assert_int_equal(hd_text_names(&s, each, &b), HD_ERROR);
    assert_buf(&b, "a stop ");
    hd_buf_free(&b);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_render),
        unit(test_names)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
