/*
 * What the buttons of a template need for one person.
 */

#include "unit.h"
#include "../../src/base/buttons.h"


static int
lookup(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    (void) ctx;

    if (hd_str_eq(name, "code")) {
        hd_str_set(value, "X 7");
        return HD_OK;
    }

    return HD_ERROR;
}


static const char *
values(const char *document, const char *given)
{
    int               len, rc;
    size_t            i, n;
    hd_str_t          missing;
    hd_json_t        *d, *g;
    hd_button_t       out[HD_BUTTONS_MAX];
    hd_json_error_t   err;
    static char       text[1024];

    d = hd_json_parse(&mem, (unsigned char *) document, strlen(document), 16,
                      &err);
    g = given ? hd_json_parse(&mem, (unsigned char *) given, strlen(given), 16,
                              &err) : NULL;
    assert_non_null(d);

    rc = hd_buttons(&mem, d, g, lookup, NULL, out, &n, &missing);

    if (rc != HD_OK) {
        snprintf(text, sizeof(text), "missing %.*s", (int) missing.len,
                 missing.data);
        return text;
    }

    text[0] = '\0';

    for (i = 0, len = 0; i < n; i++) {
        len += sprintf(text + len, "%u %s=%.*s%s%.*s;", out[i].index,
                       out[i].sub_type, (int) out[i].value.len,
                       out[i].value.len ? (char *) out[i].value.data : "",
                       out[i].target.data ? " to " : "",
                       (int) out[i].target.len,
                       out[i].target.data ? (char *) out[i].target.data : "");
    }

    return text;
}


static void
buttons(void **state)
{
    (void) state;

    assert_string_equal(values("{}", NULL), "");
    assert_string_equal(values("{\"buttons\":["
        "{\"type\":\"QUICK_REPLY\",\"text\":\"No\"},"
        "{\"type\":\"quick_reply\",\"payload\":\"p-{{code}}\"},"
        "{\"type\":\"phone_number\",\"phone_number\":\"+1\"},"
        "{\"type\":\"url\",\"url\":\"https://a/fixed\"},"
        "{\"type\":\"url\",\"url\":\"https://a/{{code}}\"},"
        "{\"type\":\"url\",\"url\":\"https://u/l/{{1}}\","
        "\"target\":\"https://a/{{code}}\"},"
        "{\"type\":\"copy_code\",\"example\":\"SAVE\"},"
        "{\"type\":\"flow\"}]}", NULL),
        "1 quick_reply=p-X 7;4 url=X 7;5 url= to https://a/X 7;"
        "6 copy_code=SAVE;7 flow=unused;");

    /* what is given counts, a fallback of the document next */
    assert_string_equal(values("{\"buttons\":["
        "{\"type\":\"url\",\"url\":\"https://a/{{no}}\"}]}", NULL),
        "missing no");
    assert_string_equal(values("{\"buttons\":["
        "{\"type\":\"url\",\"url\":\"https://a/{{no}}\"}],"
        "\"variables\":{\"no\":{\"fallback\":\"f\"}}}", NULL),
        "0 url=f;");
    assert_string_equal(values("{\"buttons\":["
        "{\"type\":\"url\",\"url\":\"https://a/{{no}}\"}]}",
        "[{\"index\":0,\"value\":\"g\"}]"), "0 url=g;");
    assert_string_equal(values("{\"buttons\":["
        "{\"type\":\"url\",\"url\":\"https://a/{{no|d}}\"}]}", NULL),
        "0 url=d;");
}


static void
headers(void **state)
{
    hd_json_t        *d;
    hd_json_error_t   err;

    static const char  image[] = "{\"header\":{\"format\":\"IMAGE\"}}";
    static const char  text[] = "{\"header\":{\"format\":\"text\"}}";

    (void) state;

    d = hd_json_parse(&mem, (unsigned char *) image, sizeof(image) - 1, 8,
                      &err);
    assert_string_equal(hd_header_file(d), "image");
    d = hd_json_parse(&mem, (unsigned char *) text, sizeof(text) - 1, 8, &err);
    assert_null(hd_header_file(d));
    assert_null(hd_header_file(NULL));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = { unit(buttons), unit(headers) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
