/*
 * csv: any bytes, fed whole and in pieces, must give the same rows, and every
 * field must be UTF-8.  The first byte is the size of the pieces.
 */

#include <stdlib.h>

#include "../../src/base/base.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static int
on_row(void *ctx, uint64_t line, hd_str_t *fields, size_t n)
{
    hd_buf_t *b = ctx;

    size_t  i;

    hd_buf_int(b, (int64_t) line);

    for (i = 0; i < n; i++) {

        if (!hd_utf8_valid(fields[i].data, fields[i].len)) {
            abort();
        }

        hd_buf_char(b, '|');
        hd_buf_str(b, &fields[i]);
    }

    hd_buf_char(b, '\n');

    return (n == 13) ? HD_ERROR : HD_OK;
}


static int
run(hd_buf_t *out, const uint8_t *data, size_t size, size_t step)
{
    int        rc;
    size_t     n;
    hd_csv_t  *csv;

    hd_buf_init(out);

    csv = hd_csv_create(on_row, out, 200);
    if (csv == NULL) {
        return HD_ERROR;
    }

    rc = HD_OK;

    while (size != 0 && rc == HD_OK) {
        n = (size < step) ? size : step;
        rc = hd_csv_feed(csv, data, n);
        data += n;
        size -= n;
    }

    if (rc == HD_OK) {
        rc = hd_csv_finish(csv);
    }

    hd_csv_destroy(csv);

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int       rc;
    size_t    step;
    hd_buf_t  a, b;

    if (size < 1) {
        return 0;
    }

    step = data[0] ? data[0] : 1;
    data++;
    size--;

    rc = run(&a, data, size, size + 1);

    /* an error may come some bytes earlier or later, no more than that */
    if (run(&b, data, size, step) == HD_OK && rc == HD_OK
        && (a.len != b.len
            || (a.len != 0 && memcmp(a.data, b.data, a.len) != 0)))
    {
        abort();
    }

    hd_buf_free(&a);
    hd_buf_free(&b);

    return 0;
}
