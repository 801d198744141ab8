/*
 * sms: GSM 03.38.  A text with one character that its alphabet has not goes as
 * UCS-2, with less than half the room.  In a text of several parts each has a
 * header of 6 bytes, and no escaped character or surrogate pair is cut.
 *
 *             alone   of several
 *     GSM-7   160     153 septets
 *     UCS-2   70      67 units
 */

#include "sms.h"


/* beside what ASCII and the alphabet share, sorted */
static const uint16_t  hd_sms_basic[] = {
    0x00a1, 0x00a3, 0x00a4, 0x00a5, 0x00a7, 0x00bf, 0x00c4, 0x00c5, 0x00c6,
    0x00c7, 0x00c9, 0x00d1, 0x00d6, 0x00d8, 0x00dc, 0x00df, 0x00e0, 0x00e4,
    0x00e5, 0x00e6, 0x00e8, 0x00e9, 0x00ec, 0x00f1, 0x00f2, 0x00f6, 0x00f8,
    0x00f9, 0x00fc, 0x0393, 0x0394, 0x0398, 0x039b, 0x039e, 0x03a0, 0x03a3,
    0x03a6, 0x03a8, 0x03a9
};

#define HD_SMS_BASIC  (sizeof(hd_sms_basic) / sizeof(hd_sms_basic[0]))


/* septets of a character; 0: the alphabet has it not */
static unsigned
hd_sms_septets(uint32_t c)
{
    size_t  i;

    switch (c) {

    case '^': case '{': case '}': case '\\': case '[': case '~': case ']':
    case '|': case '\f': case 0x20ac:
        return 2;

    case '`': case '\t': case 0x7f:
        return 0;

    case '\n': case '\r':
        return 1;
    }

    if (c < 0x80) {
        return c >= ' ';
    }

    for (i = 0; i < HD_SMS_BASIC; i++) {
        if (hd_sms_basic[i] == c) {
            return 1;
        }
    }

    return 0;
}


/* the next character of valid UTF-8 */
static uint32_t
hd_sms_next(const unsigned char **p, const unsigned char *end)
{
    int       more;
    uint32_t  c;

    c = *(*p)++;

    if (c < 0x80) {
        return c;
    }

    more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    c &= 0x3f >> more;

    for ( /* void */ ; more > 0 && *p != end; more--) {
        c = c << 6 | (*(*p)++ & 0x3f);
    }

    return c;
}


/* units of the whole, and how many parts of `room` they need */
static unsigned
hd_sms_parts(const hd_str_t *text, int gsm, unsigned room, unsigned *units)
{
    unsigned              n, in, parts;
    uint32_t              c;
    const unsigned char  *p, *end;

    p = text->data;
    end = p + text->len;
    in = 0;
    parts = 1;
    *units = 0;

    while (p != end) {
        c = hd_sms_next(&p, end);
        n = gsm ? hd_sms_septets(c) : c >= 0x10000 ? 2 : 1;

        if (in + n > room) {
            parts++;
            in = 0;
        }

        in += n;
        *units += n;
    }

    return parts;
}


void
hd_sms_count(const hd_str_t *text, hd_sms_t *out)
{
    int                   gsm;
    const unsigned char  *p, *end;

    gsm = 1;
    p = text->data;
    end = p + text->len;

    while (p != end && gsm) {
        gsm = hd_sms_septets(hd_sms_next(&p, end)) != 0;
    }

    out->encoding = gsm ? "GSM-7" : "UCS-2";
    out->segments = hd_sms_parts(text, gsm, gsm ? 153 : 67, &out->units);

    if (out->units <= (gsm ? 160u : 70u)) {
        out->segments = out->units ? 1 : 0;
    }
}
