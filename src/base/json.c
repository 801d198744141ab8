/*
 * json: yajl's events made into a tree.
 *
 * What yajl does not do by itself is done here, in one pass over the text
 * before it: RFC 3629 (yajl lets overlong forms and encoded surrogates pass),
 * \u0000 (refused, or replaced in foreign text), unpaired surrogates ("\ud800"
 * becomes "\ufffd"; yajl would write bytes that are no UTF-8), and the form
 * feed and vertical tab that it takes for white space.  It has no limit of
 * depth either: counted in the callbacks.
 *
 * The text is copied once; strings without escapes and numbers point into the
 * copy, as yajl hands out pointers into its input where it can.
 *
 * While a container is open its fields serve the builder, so that no stack is
 * needed, and are put right when it closes:
 *
 *     next      the container around it
 *     str.data  its last child so far
 */

#include <stdio.h>

#include <yajl/yajl_parse.h>

#include "base.h"


#define HD_JSON_MAX_DEPTH  512     /* whatever the caller says: we recurse */
#define HD_JSON_SLAB       32      /* nodes allocated at once */


typedef struct {
    hd_mem_t             *mem;
    const unsigned char  *text;
    size_t                len;
    hd_json_t            *root;
    hd_json_t            *open;         /* innermost open container */
    hd_json_t            *slab;
    unsigned              nslab;        /* nodes left in it */
    unsigned              size;         /* of the next slab */
    unsigned              depth;
    unsigned              max_depth;
    hd_str_t              key;          /* of the member to come */
    const char           *error;        /* why we stopped yajl */
} hd_json_ctx_t;


static unsigned char  hd_json_empty[1];


static hd_json_t *
hd_json_add(hd_json_ctx_t *ctx, hd_json_type_e type)
{
    hd_json_t  *v, *open, *last;

    if (ctx->nslab == 0) {
        ctx->slab = hd_alloc(ctx->mem, ctx->size * sizeof(hd_json_t));
        if (ctx->slab == NULL) {
            ctx->error = "out of memory";
            return NULL;
        }

        ctx->nslab = ctx->size;
        ctx->size = HD_JSON_SLAB;
    }

    v = ctx->slab++;
    ctx->nslab--;

    v->type = type;
    v->key = ctx->key;
    v->str.len = 0;
    v->str.data = hd_json_empty;
    v->child = NULL;
    v->next = NULL;
    v->count = 0;

    open = ctx->open;

    if (open == NULL) {
        ctx->root = v;
        return v;
    }

    if (open->child == NULL) {
        open->child = v;

    } else {
        last = (hd_json_t *) (void *) open->str.data;
        last->next = v;
    }

    open->str.data = (unsigned char *) v;
    open->count++;

    ctx->key.len = 0;
    ctx->key.data = hd_json_empty;

    return v;
}


/* what yajl unescaped lives in its own buffer, and only until we return */
static int
hd_json_keep(hd_json_ctx_t *ctx, hd_str_t *s, const unsigned char *data,
    size_t len)
{
    if (len == 0) {
        s->len = 0;
        s->data = hd_json_empty;
        return 1;
    }

    if (data >= ctx->text && data < ctx->text + ctx->len) {
        s->len = len;
        s->data = (unsigned char *) data;
        return 1;
    }

    s->data = hd_alloc(ctx->mem, len);
    if (s->data == NULL) {
        ctx->error = "out of memory";
        return 0;
    }

    memcpy(s->data, data, len);
    s->len = len;

    return 1;
}


static int
hd_json_on_null(void *data)
{
    return hd_json_add(data, HD_JSON_NULL) != NULL;
}


static int
hd_json_on_boolean(void *data, int value)
{
    return hd_json_add(data, value ? HD_JSON_TRUE : HD_JSON_FALSE) != NULL;
}


static int
hd_json_on_number(void *data, const char *text, size_t len)
{
    hd_json_t  *v;

    v = hd_json_add(data, HD_JSON_NUMBER);

    return v != NULL
           && hd_json_keep(data, &v->str, (const unsigned char *) text, len);
}


static int
hd_json_on_string(void *data, const unsigned char *text, size_t len)
{
    hd_json_t  *v;

    v = hd_json_add(data, HD_JSON_STRING);

    return v != NULL && hd_json_keep(data, &v->str, text, len);
}


static int
hd_json_on_key(void *data, const unsigned char *text, size_t len)
{
    hd_json_ctx_t *ctx = data;

    return hd_json_keep(ctx, &ctx->key, text, len);
}


static int
hd_json_open(hd_json_ctx_t *ctx, hd_json_type_e type)
{
    hd_json_t  *v;

    if (ctx->depth == ctx->max_depth) {
        ctx->error = "nested too deeply";
        return 0;
    }

    v = hd_json_add(ctx, type);
    if (v == NULL) {
        return 0;
    }

    ctx->depth++;
    v->next = ctx->open;
    ctx->open = v;

    return 1;
}


static int
hd_json_close(void *data)
{
    hd_json_ctx_t *ctx = data;

    hd_json_t  *v;

    v = ctx->open;

    ctx->open = v->next;
    ctx->depth--;

    v->next = NULL;
    v->str.data = hd_json_empty;

    return 1;
}


static int
hd_json_on_object(void *data)
{
    return hd_json_open(data, HD_JSON_OBJECT);
}


static int
hd_json_on_array(void *data)
{
    return hd_json_open(data, HD_JSON_ARRAY);
}


static const yajl_callbacks  hd_json_callbacks = {
    hd_json_on_null,
    hd_json_on_boolean,
    NULL,
    NULL,
    hd_json_on_number,
    hd_json_on_string,
    hd_json_on_object,
    hd_json_on_key,
    hd_json_close,
    hd_json_on_array,
    hd_json_close
};


static void
hd_json_fail(hd_json_error_t *err, size_t offset, const char *text)
{
    if (err != NULL) {
        err->offset = offset;
        (void) snprintf(err->text, sizeof(err->text), "%s", text);
    }
}


/* the four hex digits at p, -1 when they are none */
static int
hd_json_hex4(const unsigned char *p, const unsigned char *end)
{
    unsigned char  v[2];

    if (end - p < 4 || hd_unhex(v, p, 4) != HD_OK) {
        return -1;
    }

    return v[0] << 8 | v[1];
}


/*
 * A backslash outside of a string is an error anyway, so escapes can be found
 * without following the strings.  Malformed ones are left to yajl.
 */
static int
hd_json_escapes(unsigned char *text, size_t len, int foreign,
    hd_json_error_t *err)
{
    int             u, low;
    unsigned char  *p, *end;

    end = text + len;

    for (p = memchr(text, '\\', len);
         p != NULL && end - p >= 2;
         p = memchr(p, '\\', (size_t) (end - p)))
    {
        if (p[1] != 'u') {
            p += 2;
            continue;
        }

        u = hd_json_hex4(p + 2, end);

        if (u < 0) {
            p += 2;
            continue;
        }

        if (u == 0 && !foreign) {
            hd_json_fail(err, (size_t) (p - text),
                         "\\u0000 cannot be stored: leave it out");
            return HD_ERROR;
        }

        if (u >= 0xd800 && u <= 0xdbff && end - p >= 12
            && p[6] == '\\' && p[7] == 'u')
        {
            low = hd_json_hex4(p + 8, end);

            if (low >= 0xdc00 && low <= 0xdfff) {
                p += 12;
                continue;
            }
        }

#ifndef HD_NO_GUARD_FFFD
        if (u == 0 || (u >= 0xd800 && u <= 0xdfff)) {
            memcpy(p + 2, "fffd", 4);
        }
#endif

        p += 6;
    }

    return HD_OK;
}


static int
hd_json_run(hd_json_ctx_t *ctx, hd_json_error_t *err)
{
    size_t           offset, n;
    yajl_handle      h;
    yajl_status      status;
    unsigned char   *why;

    h = yajl_alloc(&hd_json_callbacks, NULL, ctx);
    if (h == NULL) {
        hd_json_fail(err, 0, "out of memory");
        return HD_ERROR;
    }

    /* already checked, and better */
    (void) yajl_config(h, yajl_dont_validate_strings, 1);

    status = yajl_parse(h, ctx->text, ctx->len);
    offset = yajl_get_bytes_consumed(h);

    if (status == yajl_status_ok) {
        status = yajl_complete_parse(h);
        offset = ctx->len;
    }

    if (status == yajl_status_ok && ctx->root != NULL && ctx->open == NULL) {
        yajl_free(h);
        return HD_OK;
    }

    if (ctx->error != NULL) {
        hd_json_fail(err, offset, ctx->error);

    } else if (status == yajl_status_error
               && (why = yajl_get_error(h, 0, NULL, 0)) != NULL)
    {
        n = strcspn((const char *) why, "\n");
        why[n] = '\0';
        hd_json_fail(err, offset, (const char *) why);
        yajl_free_error(h, why);

    } else {
        hd_json_fail(err, offset, "the text ends too early");
    }

    yajl_free(h);

    return HD_ERROR;
}


static hd_json_t *
hd_json_tree(hd_mem_t *mem, const unsigned char *data, size_t len,
    unsigned max_depth, int foreign, hd_json_error_t *err)
{
    hd_json_ctx_t   ctx;
    unsigned char  *text;

    if (len == 0) {
        hd_json_fail(err, 0, "no JSON at all");
        return NULL;
    }

    if (!hd_utf8_valid(data, len)) {
        hd_json_fail(err, 0, "not valid UTF-8");
        return NULL;
    }

    if (memchr(data, '\f', len) != NULL || memchr(data, '\v', len) != NULL) {
        hd_json_fail(err, 0, "a form feed or vertical tab");
        return NULL;
    }

    text = hd_alloc(mem, len);
    if (text == NULL) {
        hd_json_fail(err, 0, "out of memory");
        return NULL;
    }

    memcpy(text, data, len);

    if (hd_json_escapes(text, len, foreign, err) != HD_OK) {
        return NULL;
    }

    memset(&ctx, 0, sizeof(ctx));

    ctx.mem = mem;
    ctx.text = text;
    ctx.len = len;
    ctx.max_depth = (max_depth > HD_JSON_MAX_DEPTH) ? HD_JSON_MAX_DEPTH
                                                    : max_depth;
    ctx.key.data = hd_json_empty;

    /* a number alone needs one node; a webhook about fifty */
    ctx.size = (len < 64) ? 4 : HD_JSON_SLAB;

    return (hd_json_run(&ctx, err) == HD_OK) ? ctx.root : NULL;
}


hd_json_t *
hd_json_parse(hd_mem_t *mem, const unsigned char *data, size_t len,
    unsigned max_depth, hd_json_error_t *err)
{
    return hd_json_tree(mem, data, len, max_depth, 0, err);
}


hd_json_t *
hd_json_parse_foreign(hd_mem_t *mem, const unsigned char *data, size_t len,
    unsigned max_depth, hd_json_error_t *err)
{
    return hd_json_tree(mem, data, len, max_depth, 1, err);
}


static hd_json_t *
hd_json_find(const hd_json_t *obj, const char *key, size_t len)
{
    hd_json_t  *v, *found;

    if (obj == NULL || obj->type != HD_JSON_OBJECT) {
        return NULL;
    }

    found = NULL;

    for (v = obj->child; v != NULL; v = v->next) {
        if (v->key.len == len && memcmp(v->key.data, key, len) == 0) {
            found = v;
        }
    }

    return found;
}


hd_json_t *
hd_json_get(const hd_json_t *obj, const char *key)
{
    return hd_json_find(obj, key, strlen(key));
}


hd_json_t *
hd_json_path(const hd_json_t *v, const char *path)
{
    size_t       i, n, index;
    hd_json_t   *child;

    while (v != NULL) {

        n = strcspn(path, ".");

        if (v->type == HD_JSON_ARRAY) {

            if (n == 0 || n > 9) {
                return NULL;
            }

            index = 0;

            for (i = 0; i < n; i++) {
                if (path[i] < '0' || path[i] > '9') {
                    return NULL;
                }

                index = index * 10 + (size_t) (path[i] - '0');
            }

            for (child = v->child; child != NULL && index != 0; index--) {
                child = child->next;
            }

        } else {
            child = hd_json_find(v, path, n);
        }

        if (path[n] == '\0') {
            return child;
        }

        v = child;
        path += n + 1;
    }

    return NULL;
}


hd_str_t
hd_json_str(const hd_json_t *obj, const char *key)
{
    hd_str_t    s;
    hd_json_t  *v;

    v = hd_json_get(obj, key);

    if (v != NULL && v->type == HD_JSON_STRING) {
        return v->str;
    }

    s.len = 0;
    s.data = hd_json_empty;

    return s;
}


int
hd_json_int(const hd_json_t *v, int64_t *out)
{
    int       negative;
    size_t    i;
    uint64_t  n, limit;

    if (v == NULL || v->type != HD_JSON_NUMBER) {
        return HD_ERROR;
    }

    negative = (v->str.len != 0 && v->str.data[0] == '-');
    limit = (uint64_t) INT64_MAX + (unsigned) negative;
    i = (size_t) negative;
    n = 0;

    if (i == v->str.len) {
        return HD_ERROR;
    }

    for (; i < v->str.len; i++) {
        if (v->str.data[i] < '0' || v->str.data[i] > '9') {
            return HD_ERROR;
        }

        if (n > (limit - (v->str.data[i] - '0')) / 10) {
            return HD_ERROR;
        }

        n = n * 10 + (v->str.data[i] - '0');
    }

    *out = (int64_t) (negative ? 0 - n : n);

    return HD_OK;
}
