/*
 * phone: numbers as people write them.
 */

#include "unit.h"


static void
check(const char *text, const char *region, const char *e164,
    const char *country)
{
    hd_str_t     s;
    hd_phone_e   rc;
    hd_phone_t   phone;

    s = str(text);
    rc = hd_phone_parse(&s, region, &phone);

    if (rc != HD_PHONE_OK) {
        fail_msg("%s (%s): %s", text, region, hd_phone_error(rc));
    }

    s.data = phone.e164;
    s.len = phone.len;
    assert_str(&s, e164);
    assert_string_equal(phone.region, country);
}


static void
refuse(const char *text, const char *region, hd_phone_e expected)
{
    hd_str_t     s;
    hd_phone_e   rc;
    hd_phone_t   phone;

    s = str(text);
    rc = hd_phone_parse(&s, region, &phone);

    if (rc != expected) {
        fail_msg("%s (%s): %d, not %d", text, region, rc, expected);
    }

    assert_int_equal(phone.len, 0);
    assert_true(strlen(hd_phone_error(rc)) > 10);
}


static void
test_accepted(void **state)
{
    (void) state;

    check("+254712345678", "", "+254712345678", "KE");
    check("+254 712 345-678", "", "+254712345678", "KE");
    check("0712 345 678", "KE", "+254712345678", "KE");
    check("712345678", "KE", "+254712345678", "KE");
    check("254712345678", "KE", "+254712345678", "KE");
    check("0712345678", "ke", "+254712345678", "KE");
    check("00254712345678", "KE", "+254712345678", "KE");
    check("00254712345678", "", "+254712345678", "KE");
    check("00254712345678", "US", "+254712345678", "KE");
    check("011254712345678", "US", "+254712345678", "KE");
    check("whatsapp:+254712345678", "", "+254712345678", "KE");
    check("WhatsApp: +254712345678", "", "+254712345678", "KE");
    check("tel:+254-712-345-678", "", "+254712345678", "KE");
    check("'+254712345678", "", "+254712345678", "KE");
    check("  +254712345678\r\n", "", "+254712345678", "KE");
    check("(212) 555-2368", "US", "+12125552368", "US");
    check("+254712345678", "US", "+254712345678", "KE");
    check("+254712345678", "XX", "+254712345678", "KE");
    check("\xef\xbc\x8b\xef\xbc\x92\xef\xbc\x95\xef\xbc\x94 712345678", "",
          "+254712345678", "KE");
    check("+39 06 1234 5678", "", "+390612345678", "IT");

    /* possible, though of no range that the library knows */
    check("+254 312 345 678", "", "+254312345678", "KE");
}


static void
test_refused(void **state)
{
    (void) state;

    refuse("", "KE", HD_PHONE_EMPTY);
    refuse("   ", "KE", HD_PHONE_EMPTY);
    refuse("'", "KE", HD_PHONE_EMPTY);
    refuse("whatsapp:", "KE", HD_PHONE_EMPTY);
    refuse("Ann", "KE", HD_PHONE_NOT_A_NUMBER);
    refuse("n/a", "KE", HD_PHONE_NOT_A_NUMBER);
    refuse("-", "KE", HD_PHONE_NOT_A_NUMBER);
    refuse("+", "KE", HD_PHONE_NOT_A_NUMBER);
    refuse("1-800-FLOWERS", "US", HD_PHONE_NOT_A_NUMBER);
    refuse("ann@example.org", "KE", HD_PHONE_NOT_A_NUMBER);
    refuse("254712345678@c.us", "KE", HD_PHONE_NOT_A_NUMBER);
    refuse("2.54712E+11", "KE", HD_PHONE_NOT_A_NUMBER);
    refuse("\xff\xfe", "KE", HD_PHONE_NOT_A_NUMBER);
    refuse("0712345678", "", HD_PHONE_NO_COUNTRY);
    refuse("0712345678", "XX", HD_PHONE_BAD_COUNTRY);
    refuse("+999123456789", "", HD_PHONE_BAD_COUNTRY);
    refuse("07", "KE", HD_PHONE_TOO_SHORT);
    refuse("+25471", "", HD_PHONE_TOO_SHORT);
    refuse("+2547123456789012", "", HD_PHONE_TOO_LONG);
    refuse("0712345678 0712345679", "KE", HD_PHONE_TOO_LONG);
    refuse("00000000000000000000000000000000000000000000000000000000000000000",
           "KE", HD_PHONE_NOT_A_NUMBER);
}


static void
test_country(void **state)
{
    (void) state;

    assert_true(hd_country_known("KE"));
    assert_true(hd_country_known("us"));
    assert_false(hd_country_known(""));
    assert_false(hd_country_known("XX"));
    assert_false(hd_country_known("KEN"));
    assert_false(hd_country_known("K"));
    assert_false(hd_country_known("001"));
}


/*
 * parse-cases.csv: region, type, form, input, E.164, valid|invalid.  A
 * possible number is enough for us, so invalid ones need not be refused; the
 * metadata here is older than theirs, so a few new ranges may be too.
 */

static unsigned  total, good, wrong, refused, invalid, invalid_refused;


static int
on_case(void *ctx, uint64_t line, hd_str_t *f, size_t n)
{
    int          same;
    hd_phone_e   rc;
    hd_phone_t   phone;

    (void) ctx;

    assert_true(n == 6);

    if (line == 1) {
        return HD_OK;
    }

    rc = hd_phone_parse(&f[3], hd_cstr(&mem, &f[0]), &phone);

    if (!hd_str_eq(&f[5], "valid")) {
        invalid++;
        invalid_refused += (rc != HD_PHONE_OK);
        return HD_OK;
    }

    total++;
    same = rc == HD_PHONE_OK && phone.len == f[4].len
           && memcmp(phone.e164, f[4].data, phone.len) == 0;

    good += same;
    refused += (rc != HD_PHONE_OK);
    wrong += (rc == HD_PHONE_OK && !same);

    if (!same && getenv("HERALD_VERBOSE") != NULL) {
        printf("# %.*s %.*s: %.*s, not %.*s (%s)\n", (int) f[0].len,
               f[0].data, (int) f[3].len, f[3].data, (int) phone.len,
               phone.e164, (int) f[4].len, f[4].data, hd_phone_error(rc));
    }

    return HD_OK;
}


static void
test_cases(void **state)
{
    char       path[HD_UNIT_PATH];
    hd_csv_t  *csv;
    hd_str_t   s;

    (void) state;

    fixture(path, "phone/parse-cases.csv");
    s = slurp(path);

    csv = hd_csv_create(on_case, NULL, 4096);
    assert_int_equal(hd_csv_feed(csv, s.data, s.len), HD_OK);
    assert_int_equal(hd_csv_finish(csv), HD_OK);
    hd_csv_destroy(csv);

    printf("# phone: %u of %u valid numbers as expected, %u refused, %u "
           "otherwise; %u of %u invalid ones refused\n", good, total, refused,
           wrong, invalid_refused, invalid);

    assert_true(good * 100 >= total * 97);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_accepted),
        unit(test_refused),
        unit(test_country),
        unit(test_cases)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
