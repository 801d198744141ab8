/*
 * json: any bytes.  What is accepted must be written as valid UTF-8 that is
 * accepted again and written the same.
 */

#include <stdlib.h>

#include "../../src/base/base.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t           n;
    hd_mem_t          mem;
    hd_buf_t          a, b;
    hd_json_t        *v;
    hd_arena_t       *arena;
    hd_json_error_t   err;

    arena = hd_arena_create(4096);
    if (arena == NULL) {
        return 0;
    }

    mem = hd_arena_mem(arena);
    hd_buf_init(&a);
    hd_buf_init(&b);

    v = hd_json_parse(&mem, data, size, 64, &err);

    if (v != NULL) {
        (void) hd_json_path(v, "a.0.b");
        (void) hd_json_int(v, &n);

        hd_json_write(&a, v);

        if (!hd_utf8_valid(a.data, a.len)) {
            abort();
        }

        v = hd_json_parse(&mem, a.data, a.len, 64, &err);
        if (v == NULL) {
            abort();
        }

        hd_json_write(&b, v);

        if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0) {
            abort();
        }
    }

    hd_buf_free(&a);
    hd_buf_free(&b);
    hd_arena_destroy(arena);

    return 0;
}
