/*
 * base: buffers, the arena, UTF-8, UUIDs and time.
 */

#include "unit.h"


static void
test_arena(void **state)
{
    size_t      i;
    hd_str_t    s, d;
    uintptr_t   p;

    (void) state;

    for (i = 0; i < 2000; i++) {
        p = (uintptr_t) hd_alloc(&mem, i * 37 % 5000);
        assert_true(p != 0 && p % 16 == 0);
        memset((void *) p, 0xa5, i * 37 % 5000);
    }

    assert_non_null(hd_alloc(&mem, 1000000));
    assert_null(hd_alloc(&mem, SIZE_MAX));
    assert_null(hd_alloc(&mem, SIZE_MAX - 100));

    s = str("");
    assert_int_equal(hd_str_dup(&mem, &s, &d), HD_OK);
    assert_int_equal(d.len, 0);
    assert_non_null(d.data);

    s = str("abc");
    assert_string_equal(hd_cstr(&mem, &s), "abc");
    assert_int_equal(*(int *) hd_calloc(&mem, sizeof(int)), 0);
}


static void
test_buf(void **state)
{
    unsigned  i;
    hd_buf_t  b;

    (void) state;

    hd_buf_init(&b);
    hd_buf_int(&b, INT64_MIN);
    hd_buf_char(&b, ' ');
    hd_buf_int(&b, INT64_MAX);
    hd_buf_char(&b, ' ');
    hd_buf_int(&b, 0);
    hd_buf_printf(&b, " %s %05d", "x", 42);
    hd_buf_add(&b, NULL, 0);
    assert_buf(&b, "-9223372036854775808 9223372036854775807 0 x 00042");

    for (i = 0; i < 10000; i++) {
        hd_buf_printf(&b, "%u,", i);
    }

    assert_int_equal(b.failed, 0);

    assert_int_equal(hd_buf_reserve(&b, SIZE_MAX - 10), HD_ERROR);
    assert_int_equal(b.failed, 1);
    i = (unsigned) b.len;
    hd_buf_z(&b, "more");
    assert_int_equal(b.len, i);

    hd_buf_reset(&b);
    hd_buf_z(&b, "again");
    assert_buf(&b, "again");
    hd_buf_free(&b);
}


static void
test_utf8(void **state)
{
    size_t    i;
    hd_str_t  s, d;

    static const char  *good[] = {
        "", "ascii", "0123456789abcdef", "\xc2\x80", "\xdf\xbf",
        "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
        "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "1234567\xc3\xa9_2345678"
    };

    static const char  *bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x20",
        "\xe0\x9f\xbf", "\xe2\x82", "\xe2\x28\xa1", "\xed\xa0\x80",
        "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xff", "\xf0\x9f\x98", "1234567\xc3",
        "12345678\xff_2345678"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(hd_utf8_valid((unsigned char *) good[i],
                                  strlen(good[i])));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(hd_utf8_valid((unsigned char *) bad[i], strlen(bad[i])));
    }

    s = str("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_int_equal(hd_utf8_length(&s), 4);

    s = str("Jos\xe9 \x80 \x93x\x94 \x81\xff");
    assert_int_equal(hd_latin1_to_utf8(&mem, &s, &d), HD_OK);
    assert_str(&d, "Jos\xc3\xa9 \xe2\x82\xac \xe2\x80\x9cx\xe2\x80\x9d "
                   "\xef\xbf\xbd\xc3\xbf");
}


static void
test_uuid(void **state)
{
    unsigned        i;
    hd_uuid_t       a, b;
    unsigned char   text[36];

    static const char  example[] = "017F22E2-79B0-7CC3-98C4-DC0C0C07398F";

    (void) state;

    assert_int_equal(hd_uuid_parse(&a, (unsigned char *) example, 36), HD_OK);
    hd_uuid_format(&a, text);
    assert_memory_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 36);
    assert_false(hd_uuid_is_nil(&a));

    assert_int_equal(hd_uuid_parse(&b, (unsigned char *) example, 35),
                     HD_ERROR);
    memcpy(text, example, 36);
    text[8] = '0';
    assert_int_equal(hd_uuid_parse(&b, text, 36), HD_ERROR);
    memcpy(text, example, 36);
    text[0] = 'g';
    assert_int_equal(hd_uuid_parse(&b, text, 36), HD_ERROR);
    memcpy(text, example, 36);
    text[35] = '-';
    assert_int_equal(hd_uuid_parse(&b, text, 36), HD_ERROR);

    memset(&b, 0, sizeof(b));
    assert_true(hd_uuid_is_nil(&b));
    assert_false(hd_uuid_eq(&a, &b));

    /* the time is in front */
    hd_uuid_v7(&a, INT64_C(0x017f22e279b0));
    hd_uuid_format(&a, text);
    assert_memory_equal(text, "017f22e2-79b0-7", 15);
    assert_true(strchr("89ab", text[19]) != NULL);

    /* they rise within a millisecond, past the counter's end too, and when
     * the clock steps back a little */
    for (i = 0; i < 10000; i++) {
        hd_uuid_v7(&b, INT64_C(0x017f22e279b0) - (i % 3));
        assert_true(memcmp(a.b, b.b, 16) < 0);
        assert_int_equal(b.b[6] >> 4, 7);
        assert_int_equal(b.b[8] >> 6, 2);
        a = b;
    }

    /* a clock set back for good is believed */
    hd_uuid_v7(&b, 1000);
    assert_true(memcmp(a.b, b.b, 16) > 0);
}


static void
check_time(const char *in, int64_t us, const char *out)
{
    int64_t         got;
    unsigned char   text[64];

    if (hd_time_parse((unsigned char *) in, strlen(in), &got) != HD_OK) {
        fail_msg("%s refused", in);
    }

    if (got != us) {
        fail_msg("%s: %lld", in, (long long) got);
    }

    text[hd_time_format(text, got)] = '\0';
    assert_string_equal((char *) text, out ? out : in);
}


static void
test_time_parse(void **state)
{
    size_t   i;
    int64_t  us;

    static const char  *bad[] = {
        "", "2026-11-21", "2026-11-21T09:30:00", "2026-11-21 09:30:00Z",
        "2026-13-21T09:30:00Z", "2026-00-21T09:30:00Z",
        "2026-02-29T09:30:00Z", "1900-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-11-00T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21T09:60:00Z",
        "2026-11-21T09:30:61Z", "2026-11-21T09:30:60Z",
        "2026-11-21T09:30:00.Z", "2026-11-21T09:30:00.12",
        "2026-11-21T09:30:00+0100", "2026-11-21T09:30:00+01",
        "2026-11-21T09:30:00+24:00", "2026-11-21T09:30:00+01:60",
        "2026-11-21T09:30:00Zx", "2026-11-21T09:30:00Z ",
        "2026-1-21T09:30:00ZZZ", "+026-11-21T09:30:00Z",
        "2026-11-21T09-30-00Z", "2026/11/21T09:30:00Z",
        "0000-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"
    };

    (void) state;

    check_time("1970-01-01T00:00:00Z", 0, NULL);
    check_time("1969-12-31T23:59:59.999999Z", -1, NULL);
    check_time("2026-11-21T09:30:00Z", INT64_C(1795253400000000), NULL);
    check_time("2026-11-21T09:30:00.123Z", INT64_C(1795253400123000), NULL);
    check_time("2026-11-21T09:30:00.123456Z", INT64_C(1795253400123456),
               NULL);
    check_time("2026-11-21T09:30:00.1Z", INT64_C(1795253400100000),
               "2026-11-21T09:30:00.100Z");
    check_time("2026-11-21T09:30:00.123456789Z", INT64_C(1795253400123456),
               "2026-11-21T09:30:00.123456Z");
    check_time("2026-11-21t12:30:00+03:00", INT64_C(1795253400000000),
               "2026-11-21T09:30:00Z");
    check_time("2026-11-21T05:00:00-04:30", INT64_C(1795253400000000),
               "2026-11-21T09:30:00Z");
    check_time("2024-02-29T00:00:00z", INT64_C(1709164800000000),
               "2024-02-29T00:00:00Z");
    check_time("2000-02-29T00:00:00Z", INT64_C(951782400000000), NULL);
    check_time("2016-12-31T23:59:60Z", INT64_C(1483228800000000),
               "2017-01-01T00:00:00Z");
    check_time("0000-01-01T00:00:00Z", INT64_C(-62167219200000000), NULL);
    check_time("9999-12-31T23:59:59.999999Z", INT64_C(253402300799999999),
               NULL);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (hd_time_parse((unsigned char *) bad[i], strlen(bad[i]), &us)
            == HD_OK)
        {
            fail_msg("%s accepted", bad[i]);
        }
    }
}


static void
test_time_days(void **state)
{
    int64_t         us, got;
    unsigned char   text[64];

    (void) state;

    /* every day for eight hundred years comes back as itself */
    for (us = INT64_C(-62167219200000000);
         us < INT64_C(-36900000000000000);
         us += INT64_C(86400000000))
    {
        assert_int_equal(hd_time_parse(text, hd_time_format(text, us), &got),
                         HD_OK);
        assert_true(got == us);
    }

    text[hd_time_format(text, INT64_MAX)] = '\0';
    assert_string_equal((char *) text, "9999-12-31T23:59:59.999999Z");
    text[hd_time_format(text, INT64_MIN)] = '\0';
    assert_string_equal((char *) text, "0000-01-01T00:00:00Z");
}


static void
check_pg(const char *pg, const char *out)
{
    unsigned char  text[64];

    text[hd_time_from_pg(text, (unsigned char *) pg, strlen(pg))] = '\0';
    assert_string_equal((char *) text, out);
}


static void
test_time_pg(void **state)
{
    (void) state;

    check_pg("2026-11-21 09:30:00+00", "2026-11-21T09:30:00Z");
    check_pg("2026-11-21 09:30:00.12+00", "2026-11-21T09:30:00.120Z");
    check_pg("2026-11-21 09:30:00.123456+00", "2026-11-21T09:30:00.123456Z");
    check_pg("2026-11-21 15:15:00+05:45", "2026-11-21T09:30:00Z");
    check_pg("2026-11-21 05:30:00-04", "2026-11-21T09:30:00Z");
    check_pg("infinity", "");
    check_pg("-infinity", "");
    check_pg("", "");
    check_pg("0044-03-15 00:00:00+00 BC", "");
    check_pg("12026-11-21 09:30:00+00", "");
    check_pg("2026-11-21 09:30:00", "");
    check_pg("2026-11-21", "");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_arena),
        unit(test_buf),
        unit(test_utf8),
        unit(test_uuid),
        unit(test_time_parse),
        unit(test_time_days),
        unit(test_time_pg)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
