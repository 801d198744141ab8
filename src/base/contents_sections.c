/*
 * contents: interactive messages with sections: rows of a list, products.
 */

#include "contents_check.h"


/* all rows before `last`, over the sections */
static void
hd_ck_row_unique(hd_contents_ck_t *ck, const hd_json_t *sections,
    const hd_json_t *row)
{
    hd_str_t          id, other;
    const hd_json_t  *s, *rows, *r;

    id = hd_json_str(row, "id");

    if (id.len == 0) {
        return;
    }

    for (s = sections->child; s; s = s->next) {
        rows = hd_json_get(s, "rows");

        if (rows == NULL || rows->type != HD_JSON_ARRAY) {
            continue;
        }

        for (r = rows->child; r; r = r->next) {
            if (r == row) {
                return;
            }

            other = hd_json_str(r, "id");

            if (other.len == id.len
                && memcmp(other.data, id.data, id.len) == 0)
            {
                hd_ck_fault_at(ck, "id", "duplicate", "another row has this "
                               "id: they must differ");
                return;
            }
        }
    }
}


static unsigned
hd_ck_rows(hd_contents_ck_t *ck, const hd_json_t *sections,
    const hd_json_t *section)
{
    size_t            mark, inner;
    unsigned          i;
    const hd_json_t  *a, *e;

    a = hd_ck_array(ck, section, "rows", 1, 10);

    if (a == NULL) {
        return 0;
    }

    mark = hd_ck_enter(ck, "rows");

    for (e = a->child, i = 0; e; e = e->next, i++) {
        inner = hd_ck_index(ck, i);

        if (hd_ck_object(ck, e, "id title description")) {
            (void) hd_ck_string(ck, e, "id", 1, 200);
            (void) hd_ck_string(ck, e, "title", 1, 24);
            (void) hd_ck_string(ck, e, "description", 0, 72);
            hd_ck_row_unique(ck, sections, e);
        }

        hd_ck_leave(ck, inner);
    }

    hd_ck_leave(ck, mark);

    return a->count;
}


static unsigned
hd_ck_items(hd_contents_ck_t *ck, const hd_json_t *sections,
    const hd_json_t *section)
{
    size_t            mark, inner;
    unsigned          i;
    const hd_json_t  *a, *e;

    (void) sections;

    a = hd_ck_array(ck, section, "product_items", 1, 30);

    if (a == NULL) {
        return 0;
    }

    mark = hd_ck_enter(ck, "product_items");

    for (e = a->child, i = 0; e; e = e->next, i++) {
        inner = hd_ck_index(ck, i);

        if (hd_ck_object(ck, e, "product_retailer_id")) {
            (void) hd_ck_string(ck, e, "product_retailer_id", 1, 256);
        }

        hd_ck_leave(ck, inner);
    }

    hd_ck_leave(ck, mark);

    return a->count;
}


/* sections with a limit over all of them */
static void
hd_ck_sections(hd_contents_ck_t *ck, const hd_json_t *v, const char *what,
    unsigned max,
    unsigned (*each)(hd_contents_ck_t *ck, const hd_json_t *sections,
                     const hd_json_t *section))
{
    char              members[64];
    size_t            mark, inner;
    unsigned          i, n;
    const hd_json_t  *a, *e;

    a = hd_ck_array(ck, v, "sections", 1, 10);

    if (a == NULL) {
        return;
    }

    memcpy(members, "title ", 6);
    memcpy(members + 6, what, strlen(what) + 1);

    mark = hd_ck_enter(ck, "sections");

    for (e = a->child, i = 0, n = 0; e; e = e->next, i++) {
        inner = hd_ck_index(ck, i);

        if (hd_ck_object(ck, e, members)) {
            (void) hd_ck_string(ck, e, "title", a->count > 1, 24);
            n += each(ck, a, e);
        }

        hd_ck_leave(ck, inner);
    }

    if (n > max) {
        hd_ck_fault(ck, "too_many", "they have %u %s in all, WhatsApp takes "
                    "%u", n, what, max);
    }

    hd_ck_leave(ck, mark);
}


void
hd_ck_list(hd_contents_ck_t *ck, const hd_json_t *v)
{
    if (hd_ck_object(ck, v, "button sections")) {
        (void) hd_ck_string(ck, v, "button", 1, 20);
        hd_ck_sections(ck, v, "rows", 10, hd_ck_rows);
    }
}


void
hd_ck_product_list(hd_contents_ck_t *ck, const hd_json_t *v)
{
    if (hd_ck_object(ck, v, "catalog_id sections")) {
        (void) hd_ck_string(ck, v, "catalog_id", 1, 64);
        hd_ck_sections(ck, v, "product_items", 30, hd_ck_items);
    }
}
