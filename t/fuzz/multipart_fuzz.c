/*
 * Uploads as forms: whatever comes, in pieces of any size, says the same as in
 * one piece.
 */

#include <stdint.h>
#include <stdlib.h>

#include "../../src/base/multipart.h"


typedef struct {
    unsigned   parts;
    unsigned   ends;
    size_t     bytes;
    uint32_t   sum;
} seen_t;


static int
on_part(void *ctx, const hd_part_t *part)
{
    seen_t  *s = ctx;

    s->parts++;
    s->sum = s->sum * 31 + (uint32_t) part->name.len;

    return HD_OK;
}


static int
on_data(void *ctx, const unsigned char *data, size_t len)
{
    size_t   i;
    seen_t  *s = ctx;

    for (i = 0; i < len; i++) {
        s->sum = s->sum * 31 + data[i];
    }

    s->bytes += len;

    return HD_OK;
}


static int
on_end(void *ctx)
{
    ((seen_t *) ctx)->ends++;

    return HD_OK;
}


static int
feed(const uint8_t *data, size_t len, size_t piece, seen_t *seen)
{
    size_t                n;
    hd_multipart_t        mp;
    hd_multipart_sink_t   sink = { on_part, on_data, on_end, seen };

    static const hd_str_t  type = hd_str("multipart/form-data; boundary=X");

    memset(seen, 0, sizeof(seen_t));

    if (hd_multipart_init(&mp, &type, &sink) != HD_OK) {
        abort();
    }

    for ( ; len; data += n, len -= n) {
        n = len < piece ? len : piece;

        if (hd_multipart_feed(&mp, data, n) != HD_OK) {
            return -1;
        }
    }

    return hd_multipart_whole(&mp);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    int       a, b;
    seen_t    one, many;

    a = feed(data, len, len ? len : 1, &one);
    b = feed(data, len, len ? 1 + data[0] % 7 : 1, &many);

    if (a != b || one.ends > one.parts) {
        abort();
    }

    if (a >= 0 && memcmp(&one, &many, sizeof(seen_t)) != 0) {
        abort();
    }

    return 0;
}
