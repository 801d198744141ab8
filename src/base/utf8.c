/*
 * utf8: is it UTF-8 by RFC 3629, how many code points, and windows-1252 for
 * the files that are not.
 */

#include "base.h"
#include "utf8.h"


#define HD_HIGH_BITS  UINT64_C(0x8080808080808080)


/*
 * What 0x80 to 0x9f mean in windows-1252.  Its five holes become U+FFFD: a C1
 * control would be invisible in a name.
 */
static const uint16_t  hd_windows_1252[32] = {
    0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd,
    0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178
};


size_t
hd_utf8_sequence(const unsigned char *p, const unsigned char *end)
{
    size_t         i, n;
    unsigned char  low, high;

    if (p == end) {
        return 0;
    }

    if (p[0] < 0x80) {
        return 1;
    }

    /* the bounds of the second byte refuse overlong forms, surrogates and
     * what lies above U+10FFFF */

    low = 0x80;
    high = 0xbf;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;

    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        low = (p[0] == 0xe0) ? 0xa0 : 0x80;
        high = (p[0] == 0xed) ? 0x9f : 0xbf;

    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        low = (p[0] == 0xf0) ? 0x90 : 0x80;
        high = (p[0] == 0xf4) ? 0x8f : 0xbf;

    } else {
        return 0;
    }

    if ((size_t) (end - p) < n || p[1] < low || p[1] > high) {
        return 0;
    }

    for (i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }

    return n;
}


int
hd_utf8_valid(const unsigned char *data, size_t len)
{
    size_t                n;
    uint64_t              word;
    const unsigned char  *p, *end;

    p = data;
    end = (len == 0) ? data : data + len;

    while (p != end) {

        /* eight ASCII bytes at once: most of what we see is ASCII */
        if (end - p >= 8) {
            memcpy(&word, p, 8);
            if ((word & HD_HIGH_BITS) == 0) {
                p += 8;
                continue;
            }
        }

        n = hd_utf8_sequence(p, end);
        if (n == 0) {
            return 0;
        }

        p += n;
    }

    return 1;
}


size_t
hd_utf8_length(const hd_str_t *s)
{
    size_t  i, n;

    n = 0;

    for (i = 0; i < s->len; i++) {
        n += (s->data[i] & 0xc0) != 0x80;
    }

    return n;
}


size_t
hd_utf8_from_latin1(unsigned char out[3], unsigned char c)
{
    unsigned  u;

    if (c < 0x80) {
        out[0] = c;
        return 1;
    }

    u = (c < 0xa0) ? hd_windows_1252[c - 0x80] : c;

    if (u < 0x800) {
        out[0] = (unsigned char) (0xc0 | u >> 6);
        out[1] = (unsigned char) (0x80 | (u & 0x3f));
        return 2;
    }

    out[0] = (unsigned char) (0xe0 | u >> 12);
    out[1] = (unsigned char) (0x80 | (u >> 6 & 0x3f));
    out[2] = (unsigned char) (0x80 | (u & 0x3f));

    return 3;
}


int
hd_latin1_to_utf8(hd_mem_t *mem, const hd_str_t *src, hd_str_t *dst)
{
    size_t          i, len;
    unsigned char   out[3], *p;

    len = 0;

    for (i = 0; i < src->len; i++) {
        len += hd_utf8_from_latin1(out, src->data[i]);
    }

    p = hd_alloc(mem, len + 1);
    if (p == NULL) {
        return HD_ERROR;
    }

    dst->data = p;
    dst->len = len;

    for (i = 0; i < src->len; i++) {
        len = hd_utf8_from_latin1(out, src->data[i]);
        memcpy(p, out, len);
        p += len;
    }

    *p = '\0';

    return HD_OK;
}
