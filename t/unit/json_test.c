/*
 * json: the reader and the writer, and JSONTestSuite.
 */

#include "unit.h"


static hd_json_error_t  err;


static hd_json_t *
parse(const char *z)
{
    return hd_json_parse(&mem, (const unsigned char *) z, strlen(z), 64, &err);
}


static void
round_trip(const char *in, const char *out)
{
    hd_buf_t    b;
    hd_json_t  *v;

    v = parse(in);
    if (v == NULL) {
        fail_msg("%s: %s", in, err.text);
    }

    hd_buf_init(&b);
    hd_json_write(&b, v);
    assert_int_equal(b.failed, 0);
    assert_buf(&b, out);
    hd_buf_free(&b);
}


static void
refuse(const char *z)
{
    memset(&err, 0, sizeof(err));

    if (parse(z) != NULL) {
        fail_msg("accepted: %s", z);
    }

    assert_true(err.text[0] != '\0');
}


static void
test_tree(void **state)
{
    int64_t     n;
    hd_str_t    s;
    hd_json_t  *v;

    (void) state;

    v = parse("{\"a\":{\"b\":[1,\"x\",{\"id\":\"w\"}]},\"n\":null,\"e\":\"\","
              "\"a2\":true}");
    assert_non_null(v);
    assert_int_equal(v->count, 4);
    assert_int_equal(v->type, HD_JSON_OBJECT);
    assert_int_equal(hd_json_get(v, "n")->type, HD_JSON_NULL);
    assert_null(hd_json_get(v, "b"));
    assert_null(hd_json_get(NULL, "b"));
    assert_int_equal(hd_json_path(v, "a.b")->count, 3);
    assert_int_equal(hd_json_int(hd_json_path(v, "a.b.0"), &n), HD_OK);
    assert_int_equal(n, 1);

    s = hd_json_str(hd_json_path(v, "a.b.2"), "id");
    assert_str(&s, "w");

    assert_null(hd_json_path(v, "a.b.3"));
    assert_null(hd_json_path(v, "a.b.x"));
    assert_null(hd_json_path(v, "a.b."));
    assert_null(hd_json_path(v, "a.b.0.c"));
    assert_null(hd_json_path(v, "z.y"));

    s = hd_json_str(v, "a2");
    assert_int_equal(s.len, 0);
    assert_non_null(s.data);

    /* the last of two wins, both are kept */
    v = parse("{\"k\":1,\"k\":2}");
    assert_int_equal(hd_json_int(hd_json_get(v, "k"), &n), HD_OK);
    assert_int_equal(n, 2);
    assert_int_equal(v->count, 2);
}


static void
test_source_may_go(void **state)
{
    char        text[] = "{\"key\":\"value\",\"n\":[12.50]}";
    hd_buf_t    b;
    hd_json_t  *v;

    (void) state;

    v = parse(text);
    assert_non_null(v);
    memset(text, 'x', sizeof(text) - 1);

    hd_buf_init(&b);
    hd_json_write(&b, v);
    assert_buf(&b, "{\"key\":\"value\",\"n\":[12.50]}");
    hd_buf_free(&b);
}


static void
test_int(void **state)
{
    size_t   i;
    int64_t  n;

    static const struct {
        const char  *text;
        int          rc;
        int64_t      n;
    } cases[] = {
        { "0", HD_OK, 0 },
        { "-0", HD_OK, 0 },
        { "-17", HD_OK, -17 },
        { "9223372036854775807", HD_OK, INT64_MAX },
        { "-9223372036854775808", HD_OK, INT64_MIN },
        { "9223372036854775808", HD_ERROR, 0 },
        { "-9223372036854775809", HD_ERROR, 0 },
        { "18446744073709551616", HD_ERROR, 0 },
        { "99999999999999999999999999", HD_ERROR, 0 },
        { "1.5", HD_ERROR, 0 },
        { "1.0", HD_ERROR, 0 },
        { "1e3", HD_ERROR, 0 },
        { "\"1\"", HD_ERROR, 0 },
        { "null", HD_ERROR, 0 }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = 0;
        assert_int_equal(hd_json_int(parse(cases[i].text), &n), cases[i].rc);
        assert_true(n == cases[i].n);
    }

    assert_int_equal(hd_json_int(NULL, &n), HD_ERROR);
}


static void
test_round_trip(void **state)
{
    (void) state;

    round_trip(" { } ", "{}");
    round_trip("[]", "[]");
    round_trip("[ [ ] , { } , [ 1 ] ]", "[[],{},[1]]");
    round_trip("1.250e-10", "1.250e-10");
    round_trip("\"\\u0041\\/\\u00e9\\n\\u001f\"",
               "\"A/\xc3\xa9\\n\\u001f\"");
    round_trip("\"\\ud83d\\ude00\"", "\"\xf0\x9f\x98\x80\"");
    round_trip("{\"a\\\"b\":\"\\\\\"}", "{\"a\\\"b\":\"\\\\\"}");
    round_trip("[true,false,null,\"\"]", "[true,false,null,\"\"]");

    /* unpaired surrogates become U+FFFD */
    round_trip("\"a\\ud83db\"", "\"a\xef\xbf\xbd" "b\"");
    round_trip("\"\\ude00\"", "\"\xef\xbf\xbd\"");
    round_trip("\"\\ud83d\\ud83d\\ude00\"",
               "\"\xef\xbf\xbd\xf0\x9f\x98\x80\"");
    round_trip("\"\\ud83d\\n\"", "\"\xef\xbf\xbd\\n\"");
    round_trip("\"\\\\ud83d\"", "\"\\\\ud83d\"");
}


/* what others wrote: the same, but a NUL is replaced */
static void
test_foreign(void **state)
{
    hd_json_t        *v;
    hd_json_error_t   err;

    (void) state;

    v = hd_json_parse_foreign(&mem, (unsigned char *) "\"a\\u0000\"", 9, 4,
                              &err);
    assert_non_null(v);
    assert_int_equal(v->str.len, 4);
    assert_memory_equal(v->str.data, "a\xef\xbf\xbd", 4);

    assert_null(hd_json_parse_foreign(&mem, (unsigned char *) "{", 1, 4,
                                      &err));
}


static void
test_refused(void **state)
{
    (void) state;

    refuse("");
    refuse(" ");
    refuse("{}{}");
    refuse("{} 1");
    refuse("1 2");
    refuse("nul");
    refuse("[1");
    refuse("[1,]");
    refuse("{\"a\":1,}");
    refuse("{\"a\"}");
    refuse("{a:1}");
    refuse("'a'");
    refuse("01");
    refuse("-");
    refuse("1.");
    refuse(".5");
    refuse("+1");
    refuse("NaN");
    refuse("\"\\x\"");
    refuse("\"\\u12\"");
    refuse("\"a\nb\"");
    refuse("// c\n1");
    refuse("[1]x");
    refuse("\"\\u0000\"");
    refuse("{\"\\u0000\":1}");

    /* overlong, encoded surrogate, beyond U+10FFFF, cut short */
    refuse("\"\xc0\xaf\"");
    refuse("\"\xe0\x80\xaf\"");
    refuse("\"\xed\xa0\x80\"");
    refuse("\"\xf4\x90\x80\x80\"");
    refuse("\"\xe2\x82\"");
    refuse("\"\xff\"");

    assert_null(hd_json_parse(&mem, (unsigned char *) "[\0]", 3, 64, &err));
    assert_null(hd_json_parse(&mem, (unsigned char *) "\"\0\"", 3, 64, &err));

    /* without a place for the error too */
    assert_null(hd_json_parse(&mem, (unsigned char *) "[", 1, 64, NULL));
}


static void
test_depth(void **state)
{
    char         text[4096];
    hd_json_t   *v;

    (void) state;

    assert_null(hd_json_parse(&mem, (unsigned char *) "[[[1]]]", 7, 2, &err));
    assert_string_equal(err.text, "nested too deeply");
    v = hd_json_parse(&mem, (unsigned char *) "[[1],[2]]", 9, 2, &err);
    assert_non_null(v);
    assert_int_equal(v->count, 2);

    memset(text, '[', 1000);
    memset(text + 1000, ']', 1000);
    assert_null(hd_json_parse(&mem, (unsigned char *) text, 2000, UINT32_MAX,
                              &err));
}


static void
test_write(void **state)
{
    hd_buf_t  b;
    hd_str_t  s;

    (void) state;

    hd_buf_init(&b);

    hd_jw_z(&b, "q\"\\/\b\f\n\r\t\x01\x7f");
    assert_buf(&b, "\"q\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7f\"");
    hd_buf_reset(&b);

    s.data = (unsigned char *) "a\0b\xff\xc3\xa9\xe2\x82";
    s.len = 8;
    hd_jw_str(&b, &s);
    assert_buf(&b, "\"a\\u0000b\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd"
                   "\xef\xbf\xbd\"");
    hd_buf_reset(&b);

    s.len = 0;
    s.data = NULL;
    hd_jw_str(&b, &s);
    assert_buf(&b, "\"\"");

    hd_buf_free(&b);
}


static unsigned  suite_yes, suite_no, suite_free;


static void
suite_file(const char *name, const char *path)
{
    size_t      i;
    hd_buf_t    b;
    hd_str_t    s;
    hd_json_t  *v;

    /* y_ files with \u0000, which the contract refuses */
    static const char  *refused[] = {
        "y_object_escaped_null_in_key.json",
        "y_string_null_escape.json"
    };

    s = slurp(path);
    v = hd_json_parse(&mem, s.data, s.len, 512, &err);

    if (v != NULL) {

        /* what we accept we write so that we accept it again */
        hd_buf_init(&b);
        hd_json_write(&b, v);
        assert_true(hd_utf8_valid(b.data, b.len));

        if (hd_json_parse(&mem, b.data, b.len, 512, &err) == NULL) {
            fail_msg("%s: written badly: %s", name, err.text);
        }

        hd_buf_free(&b);
    }

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (strcmp(name, refused[i]) == 0) {
            assert_null(v);
            return;
        }
    }

    switch (name[0]) {

    case 'y':
        if (v == NULL) {
            fail_msg("%s refused: %s", name, err.text);
        }

        suite_yes++;
        break;

    case 'n':
        if (v != NULL) {
            fail_msg("%s accepted", name);
        }

        suite_no++;
        break;

    default:
        suite_free++;
    }
}


static void
test_suite(void **state)
{
    char  path[HD_UNIT_PATH];

    (void) state;

    fixture(path, "json/test_parsing");
    assert_true(each_file(path, ".json", suite_file) > 100);
    printf("# JSONTestSuite: %u accepted, %u refused, %u free\n", suite_yes,
           suite_no, suite_free);
}


static void
strings_round_trip(const hd_json_t *v)
{
    hd_buf_t          b;
    const hd_json_t  *child, *again;

    for (child = v->child; child != NULL; child = child->next) {
        hd_buf_init(&b);
        hd_jw_str(&b, &child->str);
        again = hd_json_parse(&mem, b.data, b.len, 4, &err);
        assert_non_null(again);
        assert_int_equal(again->str.len, child->str.len);
        assert_memory_equal(again->str.data, child->str.data,
                            child->str.len);
        hd_buf_free(&b);
    }
}


static void
test_naughty_strings(void **state)
{
    char        path[HD_UNIT_PATH];
    hd_str_t    s;
    hd_json_t  *v;

    (void) state;

    fixture(path, "strings/blns.json");
    s = slurp(path);
    v = hd_json_parse(&mem, s.data, s.len, 8, &err);
    if (v == NULL) {
        fail_msg("blns.json at %zu: %s", err.offset, err.text);
    }

    assert_true(v->count > 300);
    strings_round_trip(v);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_tree),
        unit(test_source_may_go),
        unit(test_int),
        unit(test_round_trip),
        unit(test_foreign),
        unit(test_refused),
        unit(test_depth),
        unit(test_write),
        unit(test_suite),
        unit(test_naughty_strings)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
