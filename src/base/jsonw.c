/*
 * jsonw: JSON text out.  Whatever bytes a string holds, what is written is
 * valid JSON in valid UTF-8: stray bytes become U+FFFD.
 */

#include "base.h"
#include "utf8.h"


/* what has to be escaped: a letter after the backslash, or 'u' */
static const unsigned char  hd_jw_escape[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b', 't', 'n', 'u', 'f', 'r',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u',
    'u', 'u', 'u', 'u',
    ['"'] = '"', ['\\'] = '\\'
};


static void
hd_jw_char(hd_buf_t *b, unsigned char c)
{
    unsigned char  text[6];

    memcpy(text, "\\u00", 4);
    text[1] = hd_jw_escape[c];

    if (text[1] != 'u') {
        hd_buf_add(b, text, 2);
        return;
    }

    hd_hex(text + 4, &c, 1);
    hd_buf_add(b, text, 6);
}


void
hd_jw_str(hd_buf_t *b, const hd_str_t *s)
{
    int                   valid;
    size_t                n;
    const unsigned char  *p, *start, *end;

    if (hd_buf_reserve(b, s->len + 2) != HD_OK) {
        return;
    }

    valid = hd_utf8_valid(s->data, s->len);

    hd_buf_char(b, '"');

    p = s->data;
    start = p;
    end = (s->len == 0) ? p : p + s->len;

    while (p != end) {

        if (hd_jw_escape[*p]) {
            hd_buf_add(b, start, (size_t) (p - start));
            hd_jw_char(b, *p);
            start = ++p;
            continue;
        }

        n = (valid || *p < 0x80) ? 1 : hd_utf8_sequence(p, end);

        if (n == 0) {
            hd_buf_add(b, start, (size_t) (p - start));
            hd_buf_add(b, "\xef\xbf\xbd", 3);
            start = ++p;
            continue;
        }

        p += n;
    }

    hd_buf_add(b, start, (size_t) (p - start));
    hd_buf_char(b, '"');
}


void
hd_jw_z(hd_buf_t *b, const char *z)
{
    hd_str_t  s;

    s.data = (unsigned char *) z;
    s.len = strlen(z);

    hd_jw_str(b, &s);
}


/* as deep as the parser lets a tree be */
static void
hd_json_write_children(hd_buf_t *b, const hd_json_t *v)
{
    const hd_json_t  *child;

    for (child = v->child; child != NULL; child = child->next) {

        if (v->type == HD_JSON_OBJECT) {
            hd_jw_str(b, &child->key);
            hd_buf_char(b, ':');
        }

        hd_json_write(b, child);

        if (child->next != NULL) {
            hd_buf_char(b, ',');
        }
    }
}


void
hd_json_write(hd_buf_t *b, const hd_json_t *v)
{
    if (v == NULL) {
        hd_buf_add(b, "null", 4);
        return;
    }

    switch (v->type) {

    case HD_JSON_NULL:
        hd_buf_add(b, "null", 4);
        break;

    case HD_JSON_FALSE:
        hd_buf_add(b, "false", 5);
        break;

    case HD_JSON_TRUE:
        hd_buf_add(b, "true", 4);
        break;

    case HD_JSON_NUMBER:
        hd_buf_str(b, &v->str);
        break;

    case HD_JSON_STRING:
        hd_jw_str(b, &v->str);
        break;

    case HD_JSON_ARRAY:
        hd_buf_char(b, '[');
        hd_json_write_children(b, v);
        hd_buf_char(b, ']');
        break;

    case HD_JSON_OBJECT:
        hd_buf_char(b, '{');
        hd_json_write_children(b, v);
        hd_buf_char(b, '}');
        break;
    }
}
