/*
 * template: any bytes as a document.  Whatever has the shape of one is linted,
 * flattened, compared and taken apart; what is written must be JSON, and a
 * text that was flattened says the same when it is flattened again.
 */

#include <stdlib.h>

#include "../../src/base/document.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
found(void *ctx, hd_lint_level_e level, const char *code, const char *pointer,
    const char *words, const char *fix)
{
    if (code == NULL || pointer[0] != '/' || fix == NULL
        || !hd_utf8_valid((const unsigned char *) words, strlen(words)))
    {
        abort();
    }

    (void) ctx;
    (void) level;
}


static void
must_be_json(hd_mem_t *mem, hd_buf_t *b)
{
    hd_json_error_t  err;

    if (!b->failed && hd_json_parse(mem, b->data, b->len, 64, &err) == NULL) {
        abort();
    }

    hd_buf_free(b);
    hd_buf_init(b);
}


static void
document(hd_mem_t *mem, hd_json_t *doc)
{
    size_t               n;
    hd_buf_t             b;
    hd_lint_t            l;
    hd_document_flat_t   flat;
    hd_lint_template_t   t;
    hd_document_name_t  *names;

    memset(&l, 0, sizeof(l));
    l.found = found;
    l.mem = mem;

    hd_document_check(&l, doc);

    if (l.errors) {
        return;
    }

    hd_str_set(&t.name, "name");
    hd_str_set(&t.language, "en");
    t.document = doc;

    hd_str_set(&t.category, "authentication");
    (void) hd_lint(&l, &t);
    hd_str_set(&t.category, "marketing");
    (void) hd_lint(&l, &t);

    if (hd_document_flat(mem, doc, &flat) != HD_OK
        || hd_document_names(mem, &flat.body, &names, &n) != HD_OK)
    {
        return;
    }

    hd_buf_init(&b);
    (void) hd_spans_write(&b, &flat.body);
    must_be_json(mem, &b);
    (void) hd_text_rtl(&flat.body);

    hd_document_of_flat(&b, &flat.header, &flat.body, &flat.footer);
    must_be_json(mem, &b);

    hd_json_diff(&b, doc, doc);

    if (b.len != 2) {
        abort();
    }

    hd_buf_free(&b);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hd_mem_t          mem;
    hd_json_t        *v;
    hd_arena_t       *arena;
    hd_json_error_t   err;

    arena = hd_arena_create(4096);
    if (arena == NULL) {
        return 0;
    }

    mem = hd_arena_mem(arena);
    v = hd_json_parse(&mem, data, size, 16, &err);

    if (v != NULL) {
        document(&mem, v);
    }

    hd_arena_destroy(arena);

    return 0;
}
