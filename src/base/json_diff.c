/*
 * json: what changed from one value to another, as paths with what stood
 * there and what does now.
 */

#include "document.h"


static const hd_json_t *
hd_diff_member(const hd_json_t *object, const hd_str_t *key)
{
    const hd_json_t  *v, *found;

    for (v = object->child, found = NULL; v != NULL; v = v->next) {
        if (v->key.len == key->len
            && memcmp(v->key.data, key->data, key->len) == 0)
        {
            found = v;
        }
    }

    return found;
}


int
hd_json_same(const hd_json_t *a, const hd_json_t *b)
{
    const hd_json_t  *x, *y;

    if (a->type != b->type || a->count != b->count) {
        return 0;
    }

    switch (a->type) {

    case HD_JSON_NUMBER:
    case HD_JSON_STRING:
        return a->str.len == b->str.len
               && memcmp(a->str.data, b->str.data, a->str.len) == 0;

    case HD_JSON_ARRAY:
        for (x = a->child, y = b->child; x && y; x = x->next, y = y->next) {
            if (!hd_json_same(x, y)) {
                return 0;
            }
        }

        return x == NULL && y == NULL;

    case HD_JSON_OBJECT:
        for (x = a->child; x; x = x->next) {
            y = hd_diff_member(b, &x->key);

            /* of duplicate keys the last one counts */
            if (y == NULL
                || (hd_diff_member(a, &x->key) == x && !hd_json_same(x, y)))
            {
                return 0;
            }
        }

        return 1;

    default:
        return 1;
    }
}


typedef struct {
    hd_buf_t   *out;
    hd_buf_t    path;
    unsigned    n;
} hd_diff_t;


/* RFC 6901 */
static void
hd_diff_down(hd_diff_t *d, const hd_str_t *key)
{
    size_t  i;

    hd_buf_char(&d->path, '/');

    for (i = 0; i < key->len; i++) {
        if (key->data[i] == '~') {
            hd_buf_z(&d->path, "~0");

        } else if (key->data[i] == '/') {
            hd_buf_z(&d->path, "~1");

        } else {
            hd_buf_char(&d->path, key->data[i]);
        }
    }
}


static void
hd_diff_tell(hd_diff_t *d, const hd_json_t *from, const hd_json_t *to)
{
    hd_str_t  path;

    path.data = d->path.data ? d->path.data : (unsigned char *) "";
    path.len = d->path.len;

    hd_buf_z(d->out, d->n++ ? ",{\"path\":" : "{\"path\":");
    hd_jw_str(d->out, &path);

    if (from) {
        hd_buf_z(d->out, ",\"from\":");
        hd_json_write(d->out, from);
    }

    if (to) {
        hd_buf_z(d->out, ",\"to\":");
        hd_json_write(d->out, to);
    }

    hd_buf_char(d->out, '}');
}


static void hd_diff_value(hd_diff_t *d, const hd_json_t *from,
    const hd_json_t *to);


static void
hd_diff_object(hd_diff_t *d, const hd_json_t *from, const hd_json_t *to)
{
    size_t            len;
    const hd_json_t  *v;

    len = d->path.len;

    for (v = from->child; v; v = v->next) {
        if (hd_diff_member(from, &v->key) != v) {
            continue;
        }

        hd_diff_down(d, &v->key);
        hd_diff_value(d, v, hd_diff_member(to, &v->key));
        d->path.len = len;
    }

    for (v = to->child; v; v = v->next) {
        if (hd_diff_member(from, &v->key) == NULL
            && hd_diff_member(to, &v->key) == v)
        {
            hd_diff_down(d, &v->key);
            hd_diff_value(d, NULL, v);
            d->path.len = len;
        }
    }
}


static void
hd_diff_array(hd_diff_t *d, const hd_json_t *from, const hd_json_t *to)
{
    size_t            len;
    unsigned          i;
    const hd_json_t  *x, *y;

    len = d->path.len;

    for (x = from->child, y = to->child, i = 0; x || y; i++) {
        hd_buf_printf(&d->path, "/%u", i);
        hd_diff_value(d, x, y);
        d->path.len = len;

        x = x ? x->next : NULL;
        y = y ? y->next : NULL;
    }
}


static void
hd_diff_value(hd_diff_t *d, const hd_json_t *from, const hd_json_t *to)
{
    if (from && to && hd_json_same(from, to)) {
        return;
    }

    if (from && to && from->type == to->type) {

        if (from->type == HD_JSON_OBJECT) {
            hd_diff_object(d, from, to);
            return;
        }

        if (from->type == HD_JSON_ARRAY) {
            hd_diff_array(d, from, to);
            return;
        }
    }

    hd_diff_tell(d, from, to);
}


void
hd_json_diff(hd_buf_t *b, const hd_json_t *from, const hd_json_t *to)
{
    hd_diff_t  d;

    d.out = b;
    d.n = 0;
    hd_buf_init(&d.path);

    hd_buf_char(b, '[');
    hd_diff_value(&d, from, to);
    hd_buf_char(b, ']');

    if (d.path.failed) {
        b->failed = 1;
    }

    hd_buf_free(&d.path);
}
