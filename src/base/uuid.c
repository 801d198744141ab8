/*
 * uuid: UUID version 7 (RFC 9562), made so that the ids of one process rise
 * even within a millisecond.
 *
 * The first 60 free bits are one number, (milliseconds << 12) | counter.  It
 * is kept in hd_uuid_last and always grows: the counter starts at a random
 * value below half its range, and when it overflows it runs into the next
 * millisecond, as the RFC allows.
 */

#include <stdatomic.h>

#include "base.h"


/* a clock set back by more than this starts anew; by less, ids still rise */
#define HD_UUID_BACK_MS  10000


static _Atomic uint64_t  hd_uuid_last;


void
hd_uuid_v7(hd_uuid_t *id, int64_t unix_ms)
{
    uint64_t       last, now, next;
    unsigned char  random[10];

    hd_random(random, sizeof(random));

    if (unix_ms < 0) {
        unix_ms = 0;
    }

    now = ((uint64_t) unix_ms & UINT64_C(0xffffffffffff)) << 12
          | (uint64_t) (random[8] & 0x07) << 8 | random[9];

    last = atomic_load_explicit(&hd_uuid_last, memory_order_relaxed);

    do {
        next = now;

        if (next <= last
            && (last >> 12) - (now >> 12) < HD_UUID_BACK_MS)
        {
            next = last + 1;
        }

    } while (!atomic_compare_exchange_weak(&hd_uuid_last, &last, next));

    id->b[0] = (unsigned char) (next >> 52);
    id->b[1] = (unsigned char) (next >> 44);
    id->b[2] = (unsigned char) (next >> 36);
    id->b[3] = (unsigned char) (next >> 28);
    id->b[4] = (unsigned char) (next >> 20);
    id->b[5] = (unsigned char) (next >> 12);
    id->b[6] = (unsigned char) (0x70 | (next >> 8 & 0x0f));
    id->b[7] = (unsigned char) next;

    memcpy(&id->b[8], random, 8);
    id->b[8] = (unsigned char) (0x80 | (id->b[8] & 0x3f));
}


int
hd_uuid_parse(hd_uuid_t *id, const unsigned char *text, size_t len)
{
    size_t  i, n;

    static const unsigned char  parts[5] = { 4, 2, 2, 2, 6 };

    if (len != 36) {
        return HD_ERROR;
    }

    n = 0;

    for (i = 0; i < 5; i++) {

        if (i != 0 && *text++ != '-') {
            return HD_ERROR;
        }

        if (hd_unhex(&id->b[n], text, 2 * (size_t) parts[i]) != HD_OK) {
            return HD_ERROR;
        }

        n += parts[i];
        text += 2 * (size_t) parts[i];
    }

    return HD_OK;
}


void
hd_uuid_format(const hd_uuid_t *id, unsigned char *text)
{
    hd_hex(text, &id->b[0], 4);
    text[8] = '-';
    hd_hex(text + 9, &id->b[4], 2);
    text[13] = '-';
    hd_hex(text + 14, &id->b[6], 2);
    text[18] = '-';
    hd_hex(text + 19, &id->b[8], 2);
    text[23] = '-';
    hd_hex(text + 24, &id->b[10], 6);
}


int
hd_uuid_is_nil(const hd_uuid_t *id)
{
    static const unsigned char  nil[16];

    return memcmp(id->b, nil, 16) == 0;
}
