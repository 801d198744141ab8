/*
 * recur_fuzz: any text as an RRULE, a wall time, a duration.  Whatever is
 * taken gives occurrences that rise, from its start on, and skipping to one
 * gives the same as walking there.
 */

#include <stdlib.h>

#include "base/recur.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
walk(const hd_recur_t *r, int64_t start, unsigned last_day)
{
    int              n;
    int64_t          w, s, last;
    hd_recur_iter_t  it, skip;

    hd_recur_begin(&it, r, start, last_day);
    last = start - 1;

    for (n = 0; n < 20 && hd_recur_next(&it, &w) == HD_OK; n++) {
        if (w <= last || (r->until != HD_RECUR_NEVER && w > r->until)) {
            abort();
        }

        /* skipping has its own allowance, so it may find more, not less */
        hd_recur_begin(&skip, r, start, last_day);
        hd_recur_skip(&skip, last);

        if (hd_recur_next(&skip, &s) != HD_OK || s != w) {
            abort();
        }

        last = w;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t        a, b;
    hd_str_t       s;
    hd_recur_t     r;
    const char    *why;
    unsigned char  text[HD_WALL_LEN];

    s.data = (unsigned char *) data;
    s.len = size;

    (void) hd_duration_parse(&s, &a, &b);

    if (hd_wall_parse(&s, &a) == HD_OK) {
        hd_wall_format(text, a);
        s.data = text;
        s.len = HD_WALL_LEN;

        if (hd_wall_parse(&s, &b) != HD_OK || a != b) {
            abort();
        }

        s.data = (unsigned char *) data;
        s.len = size;
    }

    if (hd_recur_parse(&r, &s, &why) == HD_OK) {
        /* 2026-11-21T09:30:15 */
        walk(&r, INT64_C(1795253415), size & 1);
    }

    return 0;
}
