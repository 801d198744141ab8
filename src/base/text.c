/*
 * text: placeholders in templates, "{{name}}" and "{{name|fallback}}".
 *
 * Values are put in as they are and never looked at again: a customer called
 * "{{phone}}" stays so.
 */

#include "base.h"


#define HD_TEXT_NAME_MAX  64


typedef struct {
    hd_str_t              name;
    hd_str_t              fallback;     /* data NULL: none */
    const unsigned char  *end;          /* after the closing braces */
} hd_placeholder_t;


static int
hd_text_name_char(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'
           || c == '.';
}


/* is there a placeholder at p, where "{{" stands? */
static int
hd_text_placeholder(const unsigned char *p, const unsigned char *end,
    hd_placeholder_t *ph)
{
    const unsigned char  *start;

    p += 2;
    start = p;

    while (p != end && hd_text_name_char(*p)) {
        p++;
    }

    ph->name.data = (unsigned char *) start;
    ph->name.len = (size_t) (p - start);
    ph->fallback.data = NULL;
    ph->fallback.len = 0;

    if (ph->name.len == 0 || ph->name.len > HD_TEXT_NAME_MAX || p == end) {
        return 0;
    }

    if (*p == '|') {
        start = ++p;

        /* up to the first "}}", and no other placeholder within */
        for ( /* void */ ; end - p >= 2; p++) {

            if (p[0] == '}' && p[1] == '}') {
                break;
            }

            if (p[0] == '{' && p[1] == '{') {
                return 0;
            }
        }

        ph->fallback.data = (unsigned char *) start;
        ph->fallback.len = (size_t) (p - start);
    }

    if (end - p < 2 || p[0] != '}' || p[1] != '}') {
        return 0;
    }

    ph->end = p + 2;

    return 1;
}


/* the next placeholder from p on; returns where it starts, or end */
static const unsigned char *
hd_text_next(const unsigned char *p, const unsigned char *end,
    hd_placeholder_t *ph)
{
    while (end - p >= 2) {

        p = memchr(p, '{', (size_t) (end - p) - 1);
        if (p == NULL) {
            break;
        }

        if (p[1] == '{' && hd_text_placeholder(p, end, ph)) {
            return p;
        }

        p++;
    }

    return end;
}


int
hd_text_render(hd_buf_t *b, const hd_str_t *text, hd_text_lookup_pt lookup,
    void *ctx, hd_str_t *missing)
{
    size_t                len;
    hd_str_t              value;
    hd_placeholder_t      ph;
    const unsigned char  *p, *at, *end;

    missing->data = (unsigned char *) "";
    missing->len = 0;

    if (text->len == 0) {
        return b->failed ? HD_ERROR : HD_OK;
    }

    len = b->len;
    end = text->data + text->len;

    for (p = text->data; p != end; p = ph.end) {

        at = hd_text_next(p, end, &ph);
        hd_buf_add(b, p, (size_t) (at - p));

        if (at == end) {
            break;
        }

        value.data = NULL;
        value.len = 0;

        if (lookup(ctx, &ph.name, &value) == HD_OK && value.len != 0) {
            hd_buf_str(b, &value);

        } else if (ph.fallback.data != NULL) {
            hd_buf_str(b, &ph.fallback);

        } else {
            b->len = len;
            *missing = ph.name;
            return HD_ERROR;
        }
    }

    return b->failed ? HD_ERROR : HD_OK;
}


int
hd_text_names(const hd_str_t *text, hd_text_name_pt each, void *ctx)
{
    int                   rc;
    hd_placeholder_t      ph;
    const unsigned char  *p, *end;

    if (text->len == 0) {
        return HD_OK;
    }

    end = text->data + text->len;

    for (p = hd_text_next(text->data, end, &ph);
         p != end;
         p = hd_text_next(ph.end, end, &ph))
    {
        rc = each(ctx, &ph.name, &ph.fallback);
        if (rc != HD_OK) {
            return rc;
        }
    }

    return HD_OK;
}
