/*
 * prices: the dated table, what is refused in it, and amounts as text.
 */

#include "unit.h"


#define HEAD  "valid_from,country,category,currency,price\n"


static hd_prices_t *
table(const char *text)
{
    hd_prices_t        *p;
    hd_prices_error_t   err;

    p = hd_prices_parse(&mem, (const unsigned char *) text, strlen(text),
                        &err);

    if (p == NULL) {
        fail_msg("line %d: %s", (int) err.line, err.text);
    }

    return p;
}


static void
refuse(const char *text, uint64_t line, const char *words)
{
    hd_prices_error_t  err;

    assert_null(hd_prices_parse(&mem, (const unsigned char *) text,
                                strlen(text), &err));

    if (err.line != line || strstr(err.text, words) == NULL) {
        fail_msg("line %d: %s; expected line %d: %s", (int) err.line,
                 err.text, (int) line, words);
    }
}


static int32_t
day(const char *text)
{
    int32_t  d;

    if (hd_day_parse((const unsigned char *) text, strlen(text), &d)
        != HD_OK)
    {
        fail_msg("%s is no day", text);
    }

    return d;
}


static void
price(hd_prices_t *p, const char *country, char category, const char *on,
    int64_t expected)
{
    int64_t   got;
    hd_str_t  c;

    c = str(country);
    got = hd_price(p, &c, category, day(on));

    if (got != expected) {
        fail_msg("%s %c %s: %lld, not %lld", country, category, on,
                 (long long) got, (long long) expected);
    }
}


static void
test_lookup(void **state)
{
    hd_prices_t  *p;

    (void) state;

    p = table(HEAD
        "# a remark, with a comma\n"
        "2026-01-01,KE,marketing,USD,0.0225\n"
        "2026-01-01,*,marketing,USD,0.06\n"
        "2026-07-01,KE,marketing,USD,0.03\n"
        "2026-07-01,*,marketing,USD,0.07\n"
        "2026-01-01,*,service,USD,0\n"
        "2026-01-01,DE,utility,USD,0.055\n"
        "2026-09-01,BR,marketing,USD,1.000001\n");

    assert_string_equal(hd_prices_currency(p), "USD");

    price(p, "KE", 'm', "2025-12-31", -1);
    price(p, "KE", 'm', "2026-01-01", 22500);
    price(p, "KE", 'm', "2026-06-30", 22500);
    price(p, "KE", 'm', "2026-07-01", 30000);
    price(p, "KE", 'm', "2036-07-01", 30000);

    /* no row of its own for the category, or not yet: that of all others */
    price(p, "US", 'm', "2026-06-30", 60000);
    price(p, "US", 'm', "2026-07-01", 70000);
    price(p, "", 'm', "2026-07-01", 70000);
    price(p, "KEN", 'm', "2026-07-01", 70000);
    price(p, "BR", 'm', "2026-08-31", 70000);
    price(p, "BR", 'm', "2026-09-01", 1000001);
    price(p, "KE", 's', "2026-07-01", 0);

    price(p, "DE", 'u', "2026-07-01", 55000);
    price(p, "KE", 'u', "2026-07-01", -1);
    price(p, "KE", 'a', "2026-07-01", -1);
    price(p, "ZZ", 'x', "2026-07-01", -1);
}


/* against the plain way, over every day and key */
static void
test_search(void **state)
{
    char                   text[65536];
    size_t                 i, n, len;
    int32_t                d;
    hd_str_t               c;
    hd_prices_t           *p;
    const char            *country;
    const hd_price_row_t  *rows, *best;

    static const char *const  countries[] = { "AR", "BR", "*", "ZW" };

    (void) state;

    len = (size_t) snprintf(text, sizeof(text), HEAD);

    for (i = 0; i < 200; i++) {
        len += (size_t) snprintf(text + len, sizeof(text) - len,
                                 "2026-%02d-%02d,%s,%s,EUR,0.%03d\n",
                                 (int) (i * 7 % 12 + 1), (int) (i / 8 + 1),
                                 countries[i % 4],
                                 i % 8 < 4 ? "marketing" : "utility",
                                 (int) i);
    }

    p = table(text);
    rows = hd_prices_rows(p, &n);
    assert_int_equal(n, 200);

    for (d = day("2025-12-25"); d < day("2027-01-05"); d++) {
        for (country = "ARBRZWXX"; *country; country += 2) {
            best = NULL;

            for (i = 0; i < n; i++) {
                if (rows[i].category == 'm' && rows[i].valid_from <= d
                    && (memcmp(rows[i].country, country, 2) == 0
                        || rows[i].country[0] == '*')
                    && (best == NULL
                        || (best->country[0] == '*'
                            && rows[i].country[0] != '*')
                        || (best->country[0] == rows[i].country[0]
                            && best->valid_from < rows[i].valid_from)))
                {
                    best = &rows[i];
                }
            }

            c.data = (unsigned char *) country;
            c.len = 2;
            assert_ptr_equal(hd_price_row(p, &c, 'm', d), best);
        }
    }
}


static void
test_forms(void **state)
{
    hd_prices_t  *p;

    (void) state;

    /* what a spreadsheet makes of it */
    p = table("\xef\xbb\xbf" "valid_from;country;category;currency;price;\r\n"
              "2026-01-01;\"KE\";marketing;USD;0.0225;\r\n\r\n");
    price(p, "KE", 'm', "2026-01-01", 22500);
}


static void
test_refused(void **state)
{
    (void) state;

    refuse("", 0, "no price");
    refuse(HEAD, 0, "no price");
    refuse("country,price\nKE,1\n", 1, "expected valid_from,country");
    refuse("2026-01-01,KE,marketing,USD,1\n", 1, "the header is");
    refuse(HEAD "2026-02-30,KE,marketing,USD,1\n", 2, "valid_from is "
           "\"2026-02-30\", expected a day");
    refuse(HEAD "01.02.2026,KE,marketing,USD,1\n", 2, "valid_from");
    refuse(HEAD "2026-01-01,UK,marketing,USD,1\n", 2, "country is \"UK\"");
    refuse(HEAD "2026-01-01,ke,marketing,USD,1\n", 2, "country is \"ke\"");
    refuse(HEAD "2026-01-01,,marketing,USD,1\n", 2, "country is \"\"");
    refuse(HEAD "2026-01-01,KE,promo,USD,1\n", 2, "category is \"promo\"");
    refuse(HEAD "2026-01-01,KE,marketing,$,1\n", 2, "currency is \"$\"");
    refuse(HEAD "2026-01-01,KE,marketing,USD,1\n"
           "2026-01-01,DE,marketing,EUR,1\n", 3, "a table has one");
    refuse(HEAD "2026-01-01,KE,marketing,USD,-1\n", 2, "price is \"-1\"");
    refuse(HEAD "2026-01-01,KE,marketing,USD,0.1234567\n", 2, "price");
    refuse(HEAD "2026-01-01,KE,marketing,USD,2000.01\n", 2, "price");
    refuse(HEAD "2026-01-01,KE,marketing,USD,\n", 2, "price is \"\"");
    refuse(HEAD "2026-01-01,KE,marketing,USD\n", 2, "five columns");
    refuse(HEAD "2026-01-01,KE,marketing,USD,1,2\n", 2, "five columns");
    refuse(HEAD "2026-01-01,KE,marketing,USD,1\n#\n"
           "2026-01-01,KE,marketing,USD,2\n", 4, "on line 2 already");
}


static void
test_decimals(void **state)
{
    size_t         i, n;
    int64_t        v;
    hd_str_t       s;
    unsigned char  text[64];

    static const struct {
        const char  *text;
        int64_t      value;
        const char  *back;
    } good[] = {
        { "0", 0, "0" },
        { "250", 250000000, "250" },
        { "250.00", 250000000, "250" },
        { "0.0588", 58800, "0.0588" },
        { "0.000001", 1, "0.000001" },
        { "007.50", 7500000, "7.5" },
        { "1000000000000", INT64_C(1000000000000000000), "1000000000000" }
    };

    static const char *const  bad[] = {
        "", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", " 1", "1.2.3",
        "0.1234567", "1000000000001", "99999999999999999999999", "NaN"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s = str(good[i].text);
        assert_int_equal(hd_decimal_parse(&s, &v), HD_OK);
        assert_true(v == good[i].value);

        n = hd_decimal_format(text, v);
        s.data = text;
        s.len = n;
        assert_str(&s, good[i].back);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);

        if (hd_decimal_parse(&s, &v) == HD_OK) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }

    n = hd_decimal_format(text, -50000);
    s.data = text;
    s.len = n;
    assert_str(&s, "-0.05");
}


static void
test_days(void **state)
{
    int32_t        d;
    unsigned char  text[11];

    (void) state;

    text[10] = '\0';

    for (d = day("1969-12-20"); d < day("2101-03-02"); d++) {
        hd_day_format(text, d);
        assert_int_equal(day((char *) text), d);
    }

    assert_int_equal(day("1970-01-01"), 0);
    assert_int_equal(day("2024-02-29"), 19782);
    assert_int_equal(hd_day_parse((unsigned char *) "2023-02-29", 10, &d),
                     HD_ERROR);
    assert_int_equal(hd_day_parse((unsigned char *) "2023-2-29", 9, &d),
                     HD_ERROR);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        unit(test_lookup),
        unit(test_search),
        unit(test_forms),
        unit(test_refused),
        unit(test_decimals),
        unit(test_days)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
