/*
 * csvw: one field of CSV out, safe to open in a spreadsheet.
 */

#include "base.h"


/* would a spreadsheet take it for a formula? */
static int
hd_csv_is_formula(const hd_str_t *s)
{
    const unsigned char  *p;

    p = s->data;

    if (s->len == 0) {
        return 0;
    }

    if (memchr("=+-@\t\r", p[0], 6) != NULL) {
        return 1;
    }

    /* full-width = + - @ (U+FF1D, U+FF0B, U+FF0D, U+FF20) */
    if (s->len >= 3 && p[0] == 0xef) {
        return (p[1] == 0xbc
                && (p[2] == 0x9d || p[2] == 0x8b || p[2] == 0x8d
                    || p[2] == 0xa0));
    }

    return 0;
}


void
hd_csv_write(hd_buf_t *b, const hd_str_t *field)
{
    int                   formula, quote;
    size_t                i;
    const unsigned char  *p, *end, *next;

    formula = hd_csv_is_formula(field);
    quote = 0;

    for (i = 0; i < field->len; i++) {
        if (memchr(",;\"\t\r\n", field->data[i], 6) != NULL) {
            quote = 1;
            break;
        }
    }

    /* readers trim what is not quoted */
    if (field->len != 0
        && (field->data[0] == ' ' || field->data[field->len - 1] == ' '))
    {
        quote = 1;
    }

    if (quote) {
        hd_buf_char(b, '"');
    }

    if (formula) {
        hd_buf_char(b, '\'');
    }

    p = field->data;
    end = (field->len == 0) ? p : p + field->len;

    while (p != end) {
        next = memchr(p, '"', (size_t) (end - p));
        if (next == NULL) {
            hd_buf_add(b, p, (size_t) (end - p));
            break;
        }

        hd_buf_add(b, p, (size_t) (next - p));
        hd_buf_add(b, "\"\"", 2);
        p = next + 1;
    }

    if (quote) {
        hd_buf_char(b, '"');
    }
}
