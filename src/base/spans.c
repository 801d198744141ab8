/*
 * spans: WhatsApp's formatting taken apart, so that a screen can show a text
 * as a phone does without a parser of its own.
 *
 * A mark (*, _, ~) opens where a word does (at the beginning, or behind
 * something that is no letter or digit) and something that is no space
 * follows; it closes before the same kind of place, on the same line.  ```
 * and ` take everything up to the same again, as it is.
 */

#include "lint.h"
#include "utf8.h"


#define HD_SPAN_BOLD    1
#define HD_SPAN_ITALIC  2
#define HD_SPAN_STRIKE  4
#define HD_SPAN_MONO    8
#define HD_SPAN_DEPTH   8


typedef struct {
    hd_buf_t             *out;
    const unsigned char  *begin;
    const unsigned char  *end;
    unsigned              n;
} hd_spans_t;


static void
hd_span_tell(hd_spans_t *s, const unsigned char *p, const unsigned char *last,
    unsigned style)
{
    hd_str_t  text;

    if (p == last) {
        return;
    }

    text.data = (unsigned char *) p;
    text.len = (size_t) (last - p);

    hd_buf_z(s->out, s->n++ ? ",{\"text\":" : "{\"text\":");
    hd_jw_str(s->out, &text);

    if (style & HD_SPAN_BOLD) {
        hd_buf_z(s->out, ",\"bold\":true");
    }

    if (style & HD_SPAN_ITALIC) {
        hd_buf_z(s->out, ",\"italic\":true");
    }

    if (style & HD_SPAN_STRIKE) {
        hd_buf_z(s->out, ",\"strike\":true");
    }

    if (style & HD_SPAN_MONO) {
        hd_buf_z(s->out, ",\"mono\":true");
    }

    hd_buf_char(s->out, '}');
}


static int
hd_span_word(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z') || c >= 0x80;
}


static unsigned
hd_span_mark(unsigned char c)
{
    return c == '*' ? HD_SPAN_BOLD : c == '_' ? HD_SPAN_ITALIC
           : c == '~' ? HD_SPAN_STRIKE : 0;
}


/* where the mark at p closes, or NULL */
static const unsigned char *
hd_span_close(hd_spans_t *s, const unsigned char *p,
    const unsigned char *last)
{
    const unsigned char  *q;

    if ((p > s->begin && hd_span_word(p[-1])) || p + 1 >= last
        || p[1] == ' ' || p[1] == '\n' || p[1] == *p)
    {
        return NULL;
    }

    for (q = p + 2; q < last && *q != '\n'; q++) {
        if (*q == *p && q[-1] != ' '
            && (q + 1 == s->end || !hd_span_word(q[1])))
        {
            return q;
        }
    }

    return NULL;
}


/* the end of what ``` or ` begins at p, or NULL; *n: bytes of the mark */
static const unsigned char *
hd_span_code(const unsigned char *p, const unsigned char *last, size_t *n)
{
    const unsigned char  *q;

    *n = (last - p >= 3 && p[1] == '`' && p[2] == '`') ? 3 : 1;

    if ((size_t) (last - p) <= *n) {
        return NULL;
    }

    q = hd_lint_find(p + *n, (size_t) (last - p) - *n, "```", *n);

    if (q == NULL || q == p + *n
        || (*n == 1 && memchr(p + 1, '\n', (size_t) (q - p) - 1)))
    {
        return NULL;
    }

    return q;
}


static void
hd_span_run(hd_spans_t *s, const unsigned char *p, const unsigned char *last,
    unsigned style, unsigned depth)
{
    size_t                n;
    unsigned              mark;
    const unsigned char  *from, *close;

    for (from = p; p < last; /* void */ ) {

        if (*p == '`') {
            close = hd_span_code(p, last, &n);

            if (close) {
                hd_span_tell(s, from, p, style);
                hd_span_tell(s, p + n, close, style | HD_SPAN_MONO);
                p = close + n;
                from = p;
                continue;
            }
        }

        mark = hd_span_mark(*p);

        if (mark && !(style & mark) && depth < HD_SPAN_DEPTH) {
            close = hd_span_close(s, p, last);

            if (close) {
                hd_span_tell(s, from, p, style);
                hd_span_run(s, p + 1, close, style | mark, depth + 1);
                p = close + 1;
                from = p;
                continue;
            }
        }

        p++;
    }

    hd_span_tell(s, from, last, style);
}


int
hd_spans_write(hd_buf_t *b, const hd_str_t *text)
{
    hd_spans_t  s;

    s.out = b;
    s.begin = text->data;
    s.end = text->data + text->len;
    s.n = 0;

    hd_buf_char(b, '[');
    hd_span_run(&s, s.begin, s.end, 0, 0);
    hd_buf_char(b, ']');

    return b->failed ? HD_ERROR : HD_OK;
}


int
hd_text_rtl(const hd_str_t *text)
{
    size_t                n;
    const unsigned char  *p, *end;

    end = text->data + text->len;

    for (p = text->data; p < end; p += n) {
        n = hd_utf8_sequence(p, end);

        if (n <= 1) {
            n = 1;

            if ((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')) {
                return 0;
            }

            continue;
        }

        /* U+0590 to U+08FF: Hebrew, Arabic, Syriac, Thaana, N'Ko */
        if ((n == 2 && p[0] >= 0xd6 && p[0] <= 0xdf)
            || (n == 3 && p[0] == 0xe0 && p[1] >= 0xa0 && p[1] <= 0xa3)
            || (n == 3 && p[0] == 0xef && p[1] >= 0xac && p[1] <= 0xbb
                && p[1] != 0xb8))
        {
            return 1;
        }

        if ((n == 2 && p[0] > 0xc2)
            || (n == 3 && p[0] != 0xe2 && p[0] != 0xef))
        {
            return 0;
        }
    }

    return 0;
}
