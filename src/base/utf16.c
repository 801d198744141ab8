/*
 * utf16: UTF-16 into UTF-8, for the files that spreadsheets save as "Unicode
 * text".
 */

#include "base.h"
#include "utf8.h"


static void
hd_utf16_put(hd_buf_t *b, unsigned c)
{
    size_t         n;
    unsigned char  out[4];

    if (c < 0x80) {
        out[0] = (unsigned char) c;
        n = 1;

    } else if (c < 0x800) {
        out[0] = (unsigned char) (0xc0 | c >> 6);
        out[1] = (unsigned char) (0x80 | (c & 0x3f));
        n = 2;

    } else if (c < 0x10000) {
        out[0] = (unsigned char) (0xe0 | c >> 12);
        out[1] = (unsigned char) (0x80 | (c >> 6 & 0x3f));
        out[2] = (unsigned char) (0x80 | (c & 0x3f));
        n = 3;

    } else {
        out[0] = (unsigned char) (0xf0 | c >> 18);
        out[1] = (unsigned char) (0x80 | (c >> 12 & 0x3f));
        out[2] = (unsigned char) (0x80 | (c >> 6 & 0x3f));
        out[3] = (unsigned char) (0x80 | (c & 0x3f));
        n = 4;
    }

    hd_buf_add(b, out, n);
}


static unsigned
hd_utf16_unit(const hd_utf16_t *u, const unsigned char *p)
{
    return u->big ? (unsigned) p[0] << 8 | p[1] : (unsigned) p[1] << 8 | p[0];
}


/* two bytes are in carry: a character, or the first half of one? */
static void
hd_utf16_first(hd_utf16_t *u, hd_buf_t *out)
{
    unsigned  c;

    c = hd_utf16_unit(u, u->carry);

    if (c >= 0xd800 && c <= 0xdbff) {
        return;
    }

    hd_utf16_put(out, (c >= 0xdc00 && c <= 0xdfff) ? 0xfffd : c);
    u->n = 0;
}


void
hd_utf16_decode(hd_utf16_t *u, hd_buf_t *out, const unsigned char *data,
    size_t len, int last)
{
    size_t    i;
    unsigned  high, low;

    for (i = 0; i < len; i++) {

        u->carry[u->n++] = data[i];

        if (u->n == 2) {
            hd_utf16_first(u, out);
            continue;
        }

        if (u->n != 4) {
            continue;
        }

        high = hd_utf16_unit(u, u->carry);
        low = hd_utf16_unit(u, u->carry + 2);

        if (low >= 0xdc00 && low <= 0xdfff) {
            hd_utf16_put(out, 0x10000 + ((high & 0x3ff) << 10)
                              + (low & 0x3ff));
            u->n = 0;
            continue;
        }

        /* the first half was alone: look at the other two bytes again */

        hd_utf16_put(out, 0xfffd);
        memcpy(u->carry, u->carry + 2, 2);
        u->n = 2;
        hd_utf16_first(u, out);
    }

    if (last && u->n != 0) {
        hd_utf16_put(out, 0xfffd);
        u->n = 0;
    }
}
