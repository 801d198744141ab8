/*
 * ics: folding between characters, escaping, times in UTC.
 */

#include "unit.h"
#include "../../src/base/ics.h"


static void
test_event(void **state)
{
    hd_buf_t        b;
    hd_ics_event_t  e;

    memset(&e, 0, sizeof(e));
    e.uid = str("1@herald");
    e.start = INT64_C(1801386000) * 1000000 + 5;
    e.end = INT64_C(1801386060) * 1000000;
    e.stamp = 0;
    e.summary = str("Sale; 10, 20 \\ 30");
    e.description = str("one\r\ntwo\x01");
    e.category = "broadcast";
    e.status = "CONFIRMED";

    hd_buf_init(&b);
    hd_ics_event(&b, &e);
    assert_buf(&b,
        "BEGIN:VEVENT\r\nUID:1@herald\r\nDTSTAMP:19700101T000000Z\r\n"
        "DTSTART:20270131T090000Z\r\nDTEND:20270131T090100Z\r\n"
        "SUMMARY:Sale\\; 10\\, 20 \\\\ 30\r\nDESCRIPTION:one\\ntwo\r\n"
        "CATEGORIES:broadcast\r\nSTATUS:CONFIRMED\r\n"
        "TRANSP:TRANSPARENT\r\nEND:VEVENT\r\n");
    hd_buf_free(&b);
}


/* no line has more than 75 bytes, none begins inside of a character, and
 * unfolded it is what it was */
static void
test_fold(void **state)
{
    size_t          i, n, at;
    hd_buf_t        b, flat, text;
    hd_str_t        s, name;
    hd_ics_event_t  e;

    for (n = 0; n < 200; n++) {
        hd_buf_init(&text);

        for (i = 0; i < n; i++) {
            hd_buf_z(&text, i % 3 ? "\xe4\xbd\xa0" : i % 2 ? "x" : "\xc3\xa4");
        }

        memset(&e, 0, sizeof(e));
        e.uid = str("u");
        e.summary.data = text.data ? text.data : (unsigned char *) "";
        e.summary.len = text.len;
        e.category = "c";
        e.status = "CONFIRMED";

        hd_buf_init(&b);
        hd_buf_init(&flat);
        hd_ics_event(&b, &e);

        for (i = 0, at = 0; i < b.len; i++) {
            if (b.data[i] == '\n') {
                assert_true(b.data[i - 1] == '\r');
                assert_true(i + 1 - at <= 77);
                s.data = b.data + at;
                s.len = i - 1 - at;
                assert_true(hd_utf8_valid(s.data, s.len));

                if (s.data[0] == ' ') {
                    s.data++;
                    s.len--;

                } else if (flat.len) {
                    hd_buf_char(&flat, '\n');
                }

                hd_buf_str(&flat, &s);
                at = i + 1;
            }
        }

        hd_buf_char(&flat, '\0');
        name = str("\nSUMMARY:");
        s.data = (unsigned char *) strstr((char *) flat.data,
                                          (char *) name.data);
        assert_non_null(s.data);
        assert_memory_equal(s.data + name.len, e.summary.data,
                            e.summary.len);
        assert_int_equal(s.data[name.len + e.summary.len], '\n');

        hd_buf_free(&b);
        hd_buf_free(&flat);
        hd_buf_free(&text);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_event),
        unit(test_fold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
