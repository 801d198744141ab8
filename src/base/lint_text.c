/*
 * lint: texts as the linter sees them: words and variables in turns, and what
 * characters there are.
 */

#include "lint.h"
#include "utf8.h"


/* ── texts in pieces ── */

typedef struct {
    hd_pieces_t          *pieces;
    size_t                max;
    const unsigned char  *at;
} hd_pieces_ctx_t;


static int
hd_piece(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    hd_pieces_ctx_t *c = ctx;

    hd_piece_t  *p;

    if (c->pieces->n == c->max) {
        return HD_ERROR;
    }

    p = &c->pieces->pieces[c->pieces->n++];

    p->name = *name;
    p->fallback = *fallback;
    p->before.data = (unsigned char *) c->at;
    p->before.len = (size_t) (name->data - 2 - c->at);

    c->at = fallback->data ? fallback->data + fallback->len + 2
                           : name->data + name->len + 2;

    return HD_OK;
}


int
hd_pieces(hd_mem_t *mem, const hd_str_t *text, hd_pieces_t *out)
{
    size_t           i;
    hd_pieces_ctx_t  ctx;

    memset(out, 0, sizeof(hd_pieces_t));

    for (i = 0; i + 1 < text->len; i++) {
        if (text->data[i] == '{' && text->data[i + 1] == '{') {
            out->begun++;
            i++;
        }
    }

    out->pieces = hd_calloc(mem, (out->begun + 1) * sizeof(hd_piece_t));
    if (out->pieces == NULL) {
        return HD_ERROR;
    }

    ctx.pieces = out;
    ctx.max = out->begun;
    ctx.at = text->data;

    (void) hd_text_names(text, hd_piece, &ctx);

    out->rest.data = (unsigned char *) ctx.at;
    out->rest.len = text->len - (size_t) (ctx.at - text->data);

    return HD_OK;
}


/* ── characters ── */

static uint32_t
hd_lint_char(const unsigned char *p, size_t n)
{
    switch (n) {
    case 1:
        return p[0];
    case 2:
        return (uint32_t) (p[0] & 0x1f) << 6 | (p[1] & 0x3f);
    case 3:
        return (uint32_t) (p[0] & 0x0f) << 12 | (uint32_t) (p[1] & 0x3f) << 6
               | (p[2] & 0x3f);
    default:
        return (uint32_t) (p[0] & 0x07) << 18 | (uint32_t) (p[1] & 0x3f) << 12
               | (uint32_t) (p[2] & 0x3f) << 6 | (p[3] & 0x3f);
    }
}


static int
hd_lint_is_emoji(uint32_t c)
{
    return (c >= 0x1f000 && c <= 0x1faff)          /* pictures, faces, flags */
           || (c >= 0x2600 && c <= 0x27bf)         /* signs, dingbats */
           || (c >= 0x2b05 && c <= 0x2b55)
           || (c >= 0x2300 && c <= 0x23ff)         /* watch, hourglass */
           || c == 0xfe0f || c == 0x20e3 || c == 0x2139 || c == 0x3030;
}


/* scripts that put no spaces between words: how many letters are one */
static unsigned
hd_lint_script(uint32_t c)
{
    if ((c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x9fff)
        || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x2fa1f))
    {
        return 1;
    }

    if ((c >= 0x0e00 && c <= 0x0eff) || (c >= 0x1000 && c <= 0x109f)
        || (c >= 0x1780 && c <= 0x17ff))
    {
        return 4;
    }

    return 0;
}


static int
hd_lint_is_letter(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z')
           || (c >= 0xc0 && !(c >= 0x2000 && c <= 0x206f)
               && !(c >= 0x3000 && c <= 0x3003) && c != 0xd7 && c != 0xf7
               && !hd_lint_is_emoji(c));
}


unsigned
hd_lint_holds(const hd_str_t *text)
{
    size_t                n;
    uint32_t              c;
    unsigned              holds;
    const unsigned char  *p, *end;

    holds = HD_TEXT_BLANK;
    end = text->data + text->len;

    for (p = text->data; p < end; p += n) {
        n = hd_utf8_sequence(p, end);

        if (n == 0) {
            n = 1;
            continue;
        }

        c = hd_lint_char(p, n);

        if (c == '\n' || c == '\r') {
            holds |= HD_TEXT_NEWLINE;

        } else if (c == '*' || c == '~' || c == '`') {
            holds |= HD_TEXT_FORMAT;

        } else if (hd_lint_is_emoji(c)) {
            holds |= HD_TEXT_EMOJI;
        }

        if (c > ' ' && c != 0xa0) {
            holds &= ~HD_TEXT_BLANK;
        }
    }

    return holds;
}


size_t
hd_lint_words(const hd_str_t *text)
{
    size_t                n, words, close;
    uint32_t              c;
    unsigned              within, script;
    const unsigned char  *p, *end;

    words = 0;
    close = 0;
    within = 0;
    end = text->data + text->len;

    for (p = text->data; p < end; p += n) {
        n = hd_utf8_sequence(p, end);

        if (n == 0) {
            n = 1;
            continue;
        }

        c = hd_lint_char(p, n);
        script = hd_lint_script(c);

        if (script) {
            close += 4 / script;
            within = 0;

        } else if (hd_lint_is_letter(c)) {
            words += !within;
            within = 1;

        } else if (c <= ' ' || c == 0xa0 || c == '-' || c == '/') {
            within = 0;
        }
    }

    return words + close / 4;
}


/* memmem, which is no standard C */
const unsigned char *
hd_lint_find(const unsigned char *text, size_t len, const char *part,
    size_t plen)
{
    size_t  i;

    for (i = 0; i + plen <= len; i++) {
        if (memcmp(text + i, part, plen) == 0) {
            return text + i;
        }
    }

    return NULL;
}
