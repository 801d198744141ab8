/*
 * mail: the form of an e-mail, addresses, what notices say; and how a text is
 * cut into short messages.
 */

#include "unit.h"

#include "../../src/base/mail.h"
#include "../../src/base/sms.h"


static hd_str_t
written(hd_buf_t *b, const char *subject, const char *body)
{
    hd_str_t    s;
    hd_email_t  m;

    memset(&m, 0, sizeof(m));
    m.from = str("herald@shop.example");
    m.to = str("ops@shop.example");
    m.subject = str(subject);
    m.body = str(body);
    m.at = 1795253045000000;

    hd_buf_init(b);
    hd_email_write(b, &m);
    assert_false(b->failed);
    hd_buf_char(b, '\0');

    s.data = b->data;
    s.len = b->len - 1;

    return s;
}


static void
test_plain(void **state)
{
    hd_buf_t  b;
    hd_str_t  s;

    s = written(&b, "All is well", "One\nTwo\r\n.\n");

    assert_string_equal(s.data,
        "Date: Sat, 21 Nov 2026 09:24:05 +0000\r\n"
        "From: Herald <herald@shop.example>\r\n"
        "To: <ops@shop.example>\r\n"
        "Subject: All is well\r\n"
        "Message-ID: <00000000-0000-0000-0000-000000000000@shop.example>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=UTF-8\r\n"
        "Content-Transfer-Encoding: base64\r\n"
        "\r\n"
        "T25lDQpUd28NCi4NCg==\r\n");

    hd_buf_free(&b);
}


/* no line is longer than 76, no character is cut, nothing ends the header */
static void
test_subject(void **state)
{
    char          *line, *next;
    size_t         i;
    hd_buf_t       b;
    unsigned char  out[256];

    static const char  *subjects[] = {
        "Ünï",
        "=?UTF-8?Q?no?=",
        "An ASCII subject that is much longer than what one line of a header "
        "may be, so it is folded too",
        "नमस्ते नमस्ते नमस्ते नमस्ते नमस्ते नमस्ते नमस्ते",
        "a\r\nBcc: thief@else.example"
    };

    for (i = 0; i < sizeof(subjects) / sizeof(subjects[0]); i++) {
        (void) written(&b, subjects[i], "x");

        assert_null(strstr((char *) b.data, "\nBcc:"));
        line = strstr((char *) b.data, "Subject: ");
        assert_non_null(line);

        for ( /* void */ ; ; line = next + 2) {
            next = strstr(line, "\r\n");
            assert_non_null(next);
            assert_true(next - line <= 76);

            if (next[2] != ' ') {
                break;
            }
        }

        hd_buf_free(&b);
    }

    (void) out;
}


static void
test_address(void **state)
{
    size_t    i;
    hd_str_t  s;

    static const char  *good[] = { "a@b", "o'neil+x@shop.example" };
    static const char  *bad[] = {
        "", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\r\nx", "<a@b>", "a@b,c@d",
        "\"a\"@b", "\xc3\xa4@b"
    };

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        s = str(good[i]);
        assert_int_equal(hd_email_valid(&s), 1);
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        s = str(bad[i]);
        assert_int_equal(hd_email_valid(&s), 0);
    }
}


static void
test_notice(void **state)
{
    hd_buf_t          subject, body;
    hd_str_t          none = hd_str(""), url = hd_str("https://x.example");
    hd_json_t        *said;
    hd_json_error_t   err;

    static const char  json[] = "{\"name\":\"{phone}\",\"status\":\"paused\","
        "\"phone\":\"+254\",\"reason\":null}";

    said = hd_json_parse(&mem, (unsigned char *) json, sizeof(json) - 1, 4,
                         &err);
    assert_non_null(said);

    hd_buf_init(&subject);
    hd_buf_init(&body);

    assert_int_equal(hd_notice_words("number.disconnected", said, &url,
                                     &subject, &body), HD_OK);
    hd_buf_char(&subject, '\0');
    hd_buf_char(&body, '\0');

    /* what was told is not looked at again */
    assert_string_equal(subject.data, "{phone}: the number is paused");
    assert_non_null(strstr((char *) body.data, "\nhttps://x.example\n"));
    assert_null(strstr((char *) body.data, "\n\n\n"));

    hd_buf_reset(&subject);
    hd_buf_reset(&body);
    assert_int_equal(hd_notice_words("no.such", said, &none, &subject, &body),
                     HD_ERROR);

    hd_buf_free(&subject);
    hd_buf_free(&body);
}


static void
sms(const char *text, size_t times, const char *encoding, unsigned units,
    unsigned segments)
{
    hd_buf_t  b;
    hd_str_t  s;
    hd_sms_t  out;

    hd_buf_init(&b);

    while (times--) {
        hd_buf_z(&b, text);
    }

    s.data = b.data;
    s.len = b.len;
    hd_sms_count(&s, &out);

    assert_string_equal(out.encoding, encoding);
    assert_int_equal(out.units, units);
    assert_int_equal(out.segments, segments);

    hd_buf_free(&b);
}


static void
test_sms(void **state)
{
    sms("", 0, "GSM-7", 0, 0);
    sms("a", 160, "GSM-7", 160, 1);
    sms("a", 161, "GSM-7", 161, 2);
    sms("a", 306, "GSM-7", 306, 2);
    sms("a", 307, "GSM-7", 307, 3);
    sms("\xe2\x82\xac", 80, "GSM-7", 160, 1);        /* the euro: two */
    /* 153 is odd: no pair is cut, so 76 to a part */
    sms("\xe2\x82\xac", 153, "GSM-7", 306, 3);
    sms("\xc3\xa9", 160, "GSM-7", 160, 1);           /* e acute */
    sms("\xce\xa9", 160, "GSM-7", 160, 1);           /* omega */
    sms("`", 70, "UCS-2", 70, 1);
    sms("\xc3\xa7", 71, "UCS-2", 71, 2);             /* c cedilla, small */
    sms("\xf0\x9f\x99\x82", 35, "UCS-2", 70, 1);
    sms("\xf0\x9f\x99\x82", 36, "UCS-2", 72, 2);
    sms("\xf0\x9f\x99\x82", 67, "UCS-2", 134, 3);    /* 33 to a part */
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        unit(test_plain),
        unit(test_subject),
        unit(test_address),
        unit(test_notice),
        unit(test_sms)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
