/*
 * mail: one e-mail of plain text.  What is not ASCII in a header is an encoded
 * word (RFC 2047: at most 75 characters, never cut within a character), the
 * body is base64, so that no line is too long and no dot is lost on the way.
 */

#include <stdio.h>
#include <time.h>

#include "mail.h"


#define HD_MAIL_WORD   45              /* bytes of one encoded word */
#define HD_MAIL_FIRST  39              /* of the one beside "Subject:" */
#define HD_MAIL_LINE   57              /* bytes of one line of base64 */
#define HD_MAIL_PLAIN  60              /* of a subject that is left as it is */


int
hd_email_valid(const hd_str_t *s)
{
    size_t  i, at, ats;

    at = 0;
    ats = 0;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= ' ' || s->data[i] >= 0x7f || s->data[i] == '<'
            || s->data[i] == '>' || s->data[i] == ',' || s->data[i] == ';'
            || s->data[i] == '"' || s->data[i] == '\\')
        {
            return 0;
        }

        if (s->data[i] == '@') {
            at = i;
            ats++;
        }
    }

    return ats == 1 && at > 0 && at + 1 < s->len && s->len <= 254;
}


static void
hd_mail_base64(hd_buf_t *b, const unsigned char *data, size_t len)
{
    unsigned char  text[4 * ((HD_MAIL_LINE + 2) / 3) + 1];

    hd_buf_add(b, text, hd_base64(text, data, len));
}


/* a header's text, folded into encoded words where it must be */
static void
hd_mail_text(hd_buf_t *b, const hd_str_t *s)
{
    size_t    i, n;
    int       plain;
    hd_buf_t  t;

    /* what would end the header, or cannot be seen, is a space */
    hd_buf_init(&t);
    plain = s->len <= HD_MAIL_PLAIN;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < ' ' || s->data[i] == 0x7f) {
            hd_buf_char(&t, ' ');
            continue;
        }

        if (s->data[i] >= 0x80
            || (s->data[i] == '=' && i + 1 < s->len && s->data[i + 1] == '?'))
        {
            plain = 0;
        }

        hd_buf_char(&t, s->data[i]);
    }

    if (plain) {
        hd_buf_add(b, t.data, t.len);
        b->failed |= t.failed;
        hd_buf_free(&t);
        return;
    }

    for (i = 0; i < t.len; i += n) {
        n = t.len - i;

        if (n > (i ? HD_MAIL_WORD : HD_MAIL_FIRST)) {
            n = i ? HD_MAIL_WORD : HD_MAIL_FIRST;

            while (n > 1 && (t.data[i + n] & 0xc0) == 0x80) {
                n--;
            }
        }

        hd_buf_z(b, i ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
        hd_mail_base64(b, t.data + i, n);
        hd_buf_z(b, "?=");
    }

    b->failed |= t.failed;
    hd_buf_free(&t);
}


static void
hd_mail_date(hd_buf_t *b, int64_t us)
{
    time_t     t;
    struct tm  tm;

    static const char  *days[] = {
        "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"
    };
    static const char  *months[] = {
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
        "Nov", "Dec"
    };

    t = (time_t) (us / 1000000);

    if (gmtime_r(&t, &tm) == NULL) {
        return;
    }

    hd_buf_printf(b, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
                  days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                  tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}


/* lines that end as those of an e-mail do */
static void
hd_mail_body(hd_buf_t *b, const hd_str_t *body)
{
    size_t    i, n;
    hd_buf_t  t;

    hd_buf_init(&t);

    for (i = 0; i < body->len; i++) {
        if (body->data[i] == '\r') {
            continue;
        }

        if (body->data[i] == '\n') {
            hd_buf_char(&t, '\r');
        }

        hd_buf_char(&t, body->data[i]);
    }

    for (i = 0; i < t.len; i += n) {
        n = t.len - i < HD_MAIL_LINE ? t.len - i : HD_MAIL_LINE;
        hd_mail_base64(b, t.data + i, n);
        hd_buf_z(b, "\r\n");
    }

    b->failed |= t.failed;
    hd_buf_free(&t);
}


void
hd_email_write(hd_buf_t *b, const hd_email_t *m)
{
    unsigned char  id[36], *at;

    hd_uuid_format(&m->id, id);
    at = m->from.len ? memchr(m->from.data, '@', m->from.len) : NULL;

    hd_mail_date(b, m->at);
    hd_buf_z(b, "From: Herald <");
    hd_buf_str(b, &m->from);
    hd_buf_z(b, ">\r\nTo: <");
    hd_buf_str(b, &m->to);
    hd_buf_z(b, ">\r\nSubject: ");
    hd_mail_text(b, &m->subject);
    hd_buf_z(b, "\r\nMessage-ID: <");
    hd_buf_add(b, id, 36);

    if (at != NULL) {
        hd_buf_add(b, at, (size_t) (m->from.data + m->from.len - at));

    } else {
        hd_buf_z(b, "@herald.invalid");
    }

    hd_buf_z(b, ">\r\nAuto-Submitted: auto-generated\r\n"
             "MIME-Version: 1.0\r\n"
             "Content-Type: text/plain; charset=UTF-8\r\n"
             "Content-Transfer-Encoding: base64\r\n\r\n");

    hd_mail_body(b, &m->body);
}
