/*
 * utf8, private to base: other encodings into UTF-8, piece by piece, for csv.
 */

#ifndef HD_UTF8_H
#define HD_UTF8_H

#include "base.h"

/* writes 1 to 3 bytes and returns how many */
size_t hd_utf8_from_latin1(unsigned char out[3], unsigned char c);

/* length of the valid sequence at p (1 to 4), 0 when there is none */
size_t hd_utf8_sequence(const unsigned char *p, const unsigned char *end);

/*
 * UTF-16, streamed: an unfinished unit or pair waits in carry.  Unpaired
 * surrogates become U+FFFD; with `last` so does what is left over.
 */
typedef struct {
    unsigned char   carry[4];
    size_t          n;
    unsigned        big:1;
} hd_utf16_t;

void hd_utf16_decode(hd_utf16_t *u, hd_buf_t *out, const unsigned char *data,
    size_t len, int last);

#endif /* HD_UTF8_H */
