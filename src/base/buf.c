/*
 * buf: a growing byte buffer over malloc that remembers a failed allocation,
 * so that a long run of appends is checked once at its end.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base.h"


#define HD_BUF_MIN  256


void
hd_buf_init(hd_buf_t *b)
{
    memset(b, 0, sizeof(hd_buf_t));
}


void
hd_buf_free(hd_buf_t *b)
{
    free(b->data);
    memset(b, 0, sizeof(hd_buf_t));
}


void
hd_buf_reset(hd_buf_t *b)
{
    b->len = 0;
    b->failed = 0;
}


int
hd_buf_reserve(hd_buf_t *b, size_t more)
{
    size_t          cap;
    unsigned char  *p;

    if (b->failed) {
        return HD_ERROR;
    }

    if (b->cap - b->len >= more) {
        return HD_OK;
    }

    if (more > SIZE_MAX / 2 - b->len) {
        b->failed = 1;
        return HD_ERROR;
    }

    cap = (b->cap == 0) ? HD_BUF_MIN : b->cap;

    while (cap - b->len < more) {
        cap *= 2;
    }

    p = realloc(b->data, cap);
    if (p == NULL) {
        b->failed = 1;
        return HD_ERROR;
    }

    b->data = p;
    b->cap = cap;

    return HD_OK;
}


void
hd_buf_add(hd_buf_t *b, const void *data, size_t len)
{
    if (len == 0 || hd_buf_reserve(b, len) != HD_OK) {
        return;
    }

    memcpy(b->data + b->len, data, len);
    b->len += len;
}


void
hd_buf_str(hd_buf_t *b, const hd_str_t *s)
{
    hd_buf_add(b, s->data, s->len);
}


void
hd_buf_z(hd_buf_t *b, const char *z)
{
    hd_buf_add(b, z, strlen(z));
}


void
hd_buf_char(hd_buf_t *b, int c)
{
    if (hd_buf_reserve(b, 1) != HD_OK) {
        return;
    }

    b->data[b->len++] = (unsigned char) c;
}


void
hd_buf_int(hd_buf_t *b, int64_t n)
{
    uint64_t        u;
    unsigned char   text[24], *p;

    p = text + sizeof(text);
    u = (n < 0) ? -(uint64_t) n : (uint64_t) n;

    do {
        *--p = (unsigned char) ('0' + u % 10);
        u /= 10;
    } while (u != 0);

    if (n < 0) {
        *--p = '-';
    }

    hd_buf_add(b, p, (size_t) (text + sizeof(text) - p));
}


void
hd_buf_printf(hd_buf_t *b, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);

    if (n < 0) {
        b->failed = 1;
        return;
    }

    /* vsnprintf writes a NUL, for which there must be room */
    if (hd_buf_reserve(b, (size_t) n + 1) != HD_OK) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf((char *) b->data + b->len, (size_t) n + 1, fmt, args);
    va_end(args);

    b->len += (size_t) n;
}
