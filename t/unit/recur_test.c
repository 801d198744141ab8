/*
 * recur: the occurrence tables of libical and of dateutil, all of both, and
 * what they do not have: month ends, skipping ahead, rules that never come,
 * rules that are none.
 */

#include "unit.h"
#include "../../src/base/recur.h"


/*
 * Where the two tables contradict each other one of them is not followed; each
 * such entry stands here with its reason, and with what comes instead.
 */
static const struct {
    const char  *rule;
    const char  *start;
    const char  *instead;
} other[] = {
    /* dateutil: all seven days of the week.  RFC 5545, 3.3.10: what the rule
     * does not say is DTSTART's, here the day of the week; libical's table has
     * nine such */
    { "FREQ=YEARLY;COUNT=3;BYWEEKNO=20", "19970902T090000",
      "19980512T090000,19990518T090000,20000516T090000" },

    /* libical: only in DTSTART's month.  RFC 5545's table lets BYMONTHDAY
     * expand a year, and dateutil's table has it in every month */
    { "FREQ=YEARLY;BYMONTHDAY=29;COUNT=3", "20240229",
      "20240229,20240329,20240429" },

    /* libical counts years of weeks here (2009, 2014) and calendar years in
     * its entry of issue 1223 (2027, 2032); here it is always calendar years:
     * 2010, 2015 */
    { "FREQ=YEARLY;BYWEEKNO=53;BYDAY=TU,SA;INTERVAL=5;"
      "UNTIL=20170101T000000Z", "20100102T000000",
      "20100102T000000,20151229T000000" },

    /* libical's table says that libical cannot */
    { "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=30;BYWEEKNO=1;UNTIL=20320101",
      "20241230", "20241230,20251230,20301230,20311230" },

    { NULL, NULL, NULL }
};


static int64_t
wall(const char *text)
{
    int64_t   w;
    hd_str_t  s;

    s = str(text);
    assert_int_equal(hd_wall_parse(&s, &w), HD_OK);

    return w;
}


/* "20270131" or "20270131T090000" with or without a Z */
static int64_t
basic(const hd_str_t *s)
{
    char  text[32];

    if (s->len == 8) {
        (void) snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT00:00:00",
                        s->data, s->data + 4, s->data + 6);

    } else {
        assert_true(s->len == 15 || s->len == 16);
        (void) snprintf(text, sizeof(text), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2s",
                        s->data, s->data + 4, s->data + 6, s->data + 9,
                        s->data + 11, s->data + 13);
    }

    return wall(text);
}


static void
put(hd_buf_t *b, int64_t w, const hd_str_t *like)
{
    unsigned char  t[HD_WALL_LEN];

    hd_wall_format(t, w);

    if (b->len) {
        hd_buf_char(b, ',');
    }

    hd_buf_printf(b, "%.4s%.2s%.2s", t, t + 5, t + 8);

    if (like->len > 8) {
        hd_buf_printf(b, "T%.2s%.2s%.2s%s", t + 11, t + 14, t + 17,
                      like->len == 16 ? "Z" : "");
    }
}


static unsigned
commas(const hd_str_t *s)
{
    size_t    i;
    unsigned  n;

    for (i = 0, n = 0; i < s->len; i++) {
        n += (s->data[i] == ',');
    }

    return n;
}


/* all of them and one more, which must not come when the rule has an end */
static void
expand(hd_buf_t *b, const hd_recur_t *r, const hd_str_t *start, unsigned most)
{
    int64_t          w;
    unsigned         n;
    hd_recur_iter_t  it;

    hd_recur_begin(&it, r, basic(start), 0);

    for (n = 0; n <= most && hd_recur_next(&it, &w) == HD_OK; n++) {
        put(b, w, start);
    }
}


/* skipping to any of them gives the same as walking there */
static void
skips(const hd_recur_t *r, const hd_str_t *start)
{
    int              n;
    int64_t          w, s, last;
    hd_recur_iter_t  walk, skip;

    hd_recur_begin(&walk, r, basic(start), 0);
    last = basic(start) - 1;

    for (n = 0; n < 30 && hd_recur_next(&walk, &w) == HD_OK; n++) {
        hd_recur_begin(&skip, r, basic(start), 0);
        hd_recur_skip(&skip, last);
        assert_int_equal(hd_recur_next(&skip, &s), HD_OK);
        assert_int_equal(s, w);

        hd_recur_begin(&skip, r, basic(start), 0);
        hd_recur_skip(&skip, w - 1);
        assert_int_equal(hd_recur_next(&skip, &s), HD_OK);
        assert_int_equal(s, w);

        last = w;
    }
}


static unsigned
check(hd_json_t *e, unsigned *differ)
{
    unsigned     i;
    hd_buf_t     want, got;
    hd_str_t     rule, start, s;
    hd_json_t   *v;
    hd_recur_t   r;
    const char  *why;

    rule = hd_json_str(e, "rrule");
    start = hd_json_str(e, "dtstart");

    hd_buf_init(&want);
    hd_buf_init(&got);

    v = hd_json_get(e, "instances");

    if (v->type == HD_JSON_STRING) {
        hd_buf_str(&want, &v->str);

    } else {
        for (v = v->child; v; v = v->next) {
            if (want.len) {
                hd_buf_char(&want, ',');
            }

            hd_buf_str(&want, &v->str);
        }
    }

    for (i = 0; other[i].rule; i++) {
        if (rule.len == strlen(other[i].rule)
            && memcmp(rule.data, other[i].rule, rule.len) == 0
            && start.len == strlen(other[i].start)
            && memcmp(start.data, other[i].start, start.len) == 0)
        {
            want.len = 0;
            hd_buf_z(&want, other[i].instead);
            (*differ)++;
        }
    }

    why = "";

    if (hd_recur_parse(&r, &rule, &why) != HD_OK) {
        fail_msg("%.*s: %s", (int) rule.len, rule.data, why);
    }

    s.data = want.data;
    s.len = want.len;

    expand(&got, &r, &start, commas(&s) + 1);
    skips(&r, &start);

    i = (got.len != want.len || memcmp(got.data, want.data, got.len) != 0);

    if (i) {
        printf("# %.*s from %.*s\n#   got      %.*s\n#   expected %.*s\n",
               (int) rule.len, rule.data, (int) start.len, start.data,
               (int) got.len, got.data, (int) want.len, want.data);
    }

    hd_buf_free(&want);
    hd_buf_free(&got);

    return i;
}


static void
table(const char *name, unsigned entries, unsigned others)
{
    char              path[HD_UNIT_PATH];
    hd_str_t          text;
    unsigned          n, bad, differ;
    hd_json_t        *all, *e;
    hd_json_error_t   err;

    fixture(path, name);
    text = slurp(path);
    all = hd_json_parse(&mem, text.data, text.len, 8, &err);
    assert_non_null(all);

    n = 0;
    bad = 0;
    differ = 0;

    for (e = all->child; e; e = e->next, n++) {
        bad += check(e, &differ);
    }

    assert_int_equal(bad, 0);
    assert_int_equal(n, entries);
    assert_int_equal(differ, others);
}


static void
test_dateutil(void **state)
{
    table("rrule/dateutil-rrule.json", 133, 1);
}


static void
test_libical(void **state)
{
    table("rrule/libical-icalrecur.json", 93, 3);
}


static void
lists(const char *rule, const char *start, unsigned last_day,
    const char *after, const char *want)
{
    int64_t          w;
    hd_buf_t         b;
    hd_str_t         s;
    unsigned         n;
    hd_recur_t       r;
    const char      *why;
    hd_recur_iter_t  it;

    s = str(rule);
    assert_int_equal(hd_recur_parse(&r, &s, &why), HD_OK);

    s = str(want);
    n = commas(&s) + 1;

    hd_recur_begin(&it, &r, wall(start), last_day);

    if (after) {
        hd_recur_skip(&it, wall(after));
    }

    s = str("20270101T000000");
    hd_buf_init(&b);

    while (n-- && hd_recur_next(&it, &w) == HD_OK) {
        put(&b, w, &s);
    }

    assert_buf(&b, want);
    hd_buf_free(&b);
}


static void
test_month_end(void **state)
{
    lists("FREQ=MONTHLY", "2027-01-31T09:00", 0, NULL,
          "20270131T090000,20270331T090000,20270531T090000");
    lists("FREQ=MONTHLY", "2027-01-31T09:00", 1, NULL,
          "20270131T090000,20270228T090000,20270331T090000,20270430T090000");
    lists("FREQ=MONTHLY;BYMONTHDAY=30,31", "2027-01-30T09:00", 1, NULL,
          "20270130T090000,20270131T090000,20270228T090000,20270330T090000");
    lists("FREQ=MONTHLY;BYMONTHDAY=15", "2027-01-15T09:00", 1, NULL,
          "20270115T090000,20270215T090000");

    /* 29 February */
    lists("FREQ=YEARLY", "2024-02-29T09:00", 0, NULL,
          "20240229T090000,20280229T090000,20320229T090000");
    lists("FREQ=YEARLY", "2024-02-29T09:00", 1, NULL,
          "20240229T090000,20250228T090000,20260228T090000,20270228T090000,"
          "20280229T090000");
    /* 2100 is no leap year */
    lists("FREQ=YEARLY", "2096-02-29T09:00", 0, NULL,
          "20960229T090000,21040229T090000");
}


static void
test_skip(void **state)
{
    lists("FREQ=DAILY", "2020-01-01T09:00", 0, "2027-03-01T09:00",
          "20270302T090000,20270303T090000");
    lists("FREQ=DAILY;INTERVAL=3", "2020-01-01T09:00", 0, "2027-03-01T09:00",
          "20270304T090000,20270307T090000");
    lists("FREQ=HOURLY;INTERVAL=7", "2000-01-01T00:00", 0, "2027-03-01T00:00",
          "20270301T010000,20270301T080000");
    lists("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR", "2027-01-01T09:00", 0,
          "2027-01-11T08:59", "20270111T090000,20270115T090000");
    lists("FREQ=DAILY;COUNT=5", "2027-01-01T09:00", 0, "2027-01-03T09:00",
          "20270104T090000,20270105T090000");
    lists("FREQ=DAILY;COUNT=3", "2027-01-01T09:00", 0, "2027-01-03T09:00",
          "");
    lists("FREQ=YEARLY;INTERVAL=4", "1972-02-29T09:00", 0, "2026-11-21T00:00",
          "20280229T090000");
    lists("FREQ=WEEKLY;UNTIL=20270110T090000", "2027-01-03T09:00", 0,
          "2027-01-03T09:00", "20270110T090000");
}


/* ends, and within its allowance: the suite would not end otherwise */
static void
test_never(void **state)
{
    size_t           i;
    int64_t          w;
    hd_str_t         s;
    hd_recur_t       r;
    const char      *why;
    hd_recur_iter_t  it;

    static const char *const  rules[] = {
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;INTERVAL=12;BYMONTHDAY=31;BYMONTH=4",
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MINUTELY;INTERVAL=1000000;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=HOURLY;INTERVAL=2;BYHOUR=1",
        "FREQ=SECONDLY;INTERVAL=2;BYSECOND=1",
        "FREQ=YEARLY;BYMONTHDAY=1;BYSETPOS=100",
    };

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        s = str(rules[i]);
        assert_int_equal(hd_recur_parse(&r, &s, &why), HD_OK);

        hd_recur_begin(&it, &r, wall("2026-01-01T00:00:00"), 0);
        assert_int_equal(hd_recur_next(&it, &w), HD_ERROR);
        assert_int_equal(hd_recur_next(&it, &w), HD_ERROR);
    }
}


static void
test_refused(void **state)
{
    size_t       i;
    hd_str_t     s;
    hd_recur_t   r;
    const char  *why;

    static const char *const  rules[] = {
        "", ";", "FREQ", "FREQ=", "FREQ=FORTNIGHTLY", "INTERVAL=2",
        "FREQ=DAILY;INTERVAL=0", "FREQ=DAILY;INTERVAL=-1",
        "FREQ=DAILY;INTERVAL=1.5", "FREQ=DAILY;COUNT=0",
        "FREQ=DAILY;COUNT=99999999999999999999",
        "FREQ=DAILY;COUNT=1;UNTIL=20270101", "FREQ=DAILY;UNTIL=20270230",
        "FREQ=DAILY;UNTIL=2027-01-01", "FREQ=DAILY;UNTIL=20270101T2500",
        "FREQ=MONTHLY;BYMONTHDAY=32", "FREQ=MONTHLY;BYMONTHDAY=0",
        "FREQ=MONTHLY;BYMONTHDAY=-32", "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYMONTH=-1", "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=WEEKLY;BYDAY=M", "FREQ=MONTHLY;BYDAY=54MO",
        "FREQ=MONTHLY;BYDAY=0MO", "FREQ=MONTHLY;BYDAY=1 MO",
        "FREQ=DAILY;BYHOUR=24", "FREQ=DAILY;BYMINUTE=60",
        "FREQ=DAILY;BYSECOND=60", "FREQ=DAILY;BYSETPOS=0",
        "FREQ=DAILY;BYSETPOS=367", "FREQ=DAILY;WKST=1",
        "FREQ=YEARLY;BYWEEKNO=54", "FREQ=YEARLY;BYYEARDAY=367",
        "FREQ=YEARLY;RSCALE=HEBREW", "FREQ=DAILY;X-NAME=1",
    };

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        s = str(rules[i]);
        why = NULL;

        if (hd_recur_parse(&r, &s, &why) != HD_ERROR || why == NULL) {
            fail_msg("taken: %s", rules[i]);
        }
    }

    s = str("RRULE:freq=weekly;byday=mo;");
    assert_int_equal(hd_recur_parse(&r, &s, &why), HD_OK);
}


static void
test_durations(void **state)
{
    size_t    i;
    int64_t   days, seconds;
    hd_str_t  s;

    static const struct {
        const char  *text;
        int64_t      days, seconds;
    } good[] = {
        { "P3D", 3, 0 }, { "P2W", 14, 0 }, { "PT1H", 0, 3600 },
        { "P1DT2H30M", 1, 9000 }, { "PT90S", 0, 90 }, { "PT0S", 0, 0 },
    };

    static const char *const  bad[] = {
        "", "P", "PT", "P3", "3D", "P1H", "PT1D", "P1DT", "P-1D", "P1M",
        "P1Y", "P999999999D", "P1.5D", "p1d",
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s = str(good[i].text);
        assert_int_equal(hd_duration_parse(&s, &days, &seconds), HD_OK);
        assert_int_equal(days, good[i].days);
        assert_int_equal(seconds, good[i].seconds);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);

        if (hd_duration_parse(&s, &days, &seconds) != HD_ERROR) {
            fail_msg("taken: %s", bad[i]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_dateutil),
        unit(test_libical),
        unit(test_month_end),
        unit(test_skip),
        unit(test_never),
        unit(test_refused),
        unit(test_durations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
