/*
 * crc32c: CRC-32C, eight bytes a step through eight tables (Intel's
 * "slicing").  The tables are made once, by whoever comes first: threads may
 * race to it and write the same.
 */

#include "base.h"


#define HD_CRC32C_POLY  0x82f63b78u       /* reflected */


static uint32_t  hd_crc_table[8][256];
static int       hd_crc_made;


static void
hd_crc_make(void)
{
    int       k;
    uint32_t  i, c;

    for (i = 0; i < 256; i++) {
        c = i;

        for (k = 0; k < 8; k++) {
            c = (c & 1) ? (c >> 1) ^ HD_CRC32C_POLY : c >> 1;
        }

        hd_crc_table[0][i] = c;
    }

    for (i = 0; i < 256; i++) {
        c = hd_crc_table[0][i];

        for (k = 1; k < 8; k++) {
            c = hd_crc_table[0][c & 0xff] ^ (c >> 8);
            hd_crc_table[k][i] = c;
        }
    }

    __atomic_store_n(&hd_crc_made, 1, __ATOMIC_RELEASE);
}


uint32_t
hd_crc32c(const void *data, size_t len)
{
    uint32_t              c, high;
    const unsigned char  *p;

    if (!__atomic_load_n(&hd_crc_made, __ATOMIC_ACQUIRE)) {
        hd_crc_make();
    }

    p = data;
    c = 0xffffffffu;

    for ( /* void */ ; len >= 8; len -= 8, p += 8) {
        c ^= (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
             | (uint32_t) p[3] << 24;
        high = (uint32_t) p[4] | (uint32_t) p[5] << 8 | (uint32_t) p[6] << 16
               | (uint32_t) p[7] << 24;

        c = hd_crc_table[7][c & 0xff]
            ^ hd_crc_table[6][c >> 8 & 0xff]
            ^ hd_crc_table[5][c >> 16 & 0xff]
            ^ hd_crc_table[4][c >> 24]
            ^ hd_crc_table[3][high & 0xff]
            ^ hd_crc_table[2][high >> 8 & 0xff]
            ^ hd_crc_table[1][high >> 16 & 0xff]
            ^ hd_crc_table[0][high >> 24];
    }

    for ( /* void */ ; len; len--, p++) {
        c = hd_crc_table[0][(c ^ *p) & 0xff] ^ (c >> 8);
    }

    return ~c;
}
