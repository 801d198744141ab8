/*
 * array: array arguments in PostgreSQL's binary form.
 *
 *     int32 dimensions | int32 has nulls | uint32 element type
 *     then, unless dimensions is 0:  int32 length | int32 lower bound
 *     then per element:              int32 length, -1 for NULL | bytes
 *
 * The header's room is taken with the first element and filled when the array
 * becomes an argument.
 */

#include "private.h"


#define HD_PG_ARRAY_HEAD  20
#define HD_PG_ARRAY_NONE  12


static u_char *hd_pg_array_item(hd_pg_array_t *a, size_t len);
static void hd_pg_put32(u_char *p, uint32_t n);
static void hd_pg_put64(u_char *p, uint64_t n);


void
hd_pg_array_init(hd_pg_array_t *a, hd_pg_array_e type)
{
    hd_buf_init(&a->buf);
    a->count = 0;
    a->oid = type;
    a->has_null = 0;
}


void
hd_pg_array_int(hd_pg_array_t *a, int64_t n)
{
    u_char  *p;

    switch (a->oid) {

    case HD_PG_BOOL_ARRAY:
        p = hd_pg_array_item(a, 1);
        if (p) {
            *p = n ? 1 : 0;
        }
        break;

    case HD_PG_INT2_ARRAY:
        p = hd_pg_array_item(a, 2);
        if (p) {
            p[0] = (u_char) ((uint16_t) n >> 8);
            p[1] = (u_char) n;
        }
        break;

    case HD_PG_INT4_ARRAY:
        p = hd_pg_array_item(a, 4);
        if (p) {
            hd_pg_put32(p, (uint32_t) n);
        }
        break;

    default:
        p = hd_pg_array_item(a, 8);
        if (p) {
            hd_pg_put64(p, (uint64_t) n);
        }
        break;
    }
}


void
hd_pg_array_text(hd_pg_array_t *a, const hd_str_t *s)
{
    u_char  *p;
    size_t   version;

    /* jsonb in binary is a version byte and the text */
    version = (a->oid == HD_PG_JSONB_ARRAY) ? 1 : 0;

    p = hd_pg_array_item(a, version + s->len);
    if (p == NULL) {
        return;
    }

    if (version) {
        *p++ = 1;
    }

    if (s->len) {
        ngx_memcpy(p, s->data, s->len);
    }
}


void
hd_pg_array_uuid(hd_pg_array_t *a, const hd_uuid_t *id)
{
    u_char  *p;

    p = hd_pg_array_item(a, sizeof(id->b));
    if (p) {
        ngx_memcpy(p, id->b, sizeof(id->b));
    }
}


void
hd_pg_array_time(hd_pg_array_t *a, int64_t us)
{
    u_char  *p;

    p = hd_pg_array_item(a, 8);
    if (p) {
        hd_pg_put64(p, (uint64_t) (us - HD_PG_EPOCH_US));
    }
}


void
hd_pg_array_null(hd_pg_array_t *a)
{
    u_char  *p;

    p = hd_pg_array_item(a, 0);
    if (p) {
        hd_pg_put32(p - 4, (uint32_t) -1);
        a->has_null = 1;
    }
}


void
hd_pg_array_reset(hd_pg_array_t *a)
{
    hd_buf_reset(&a->buf);
    a->count = 0;
    a->has_null = 0;
}


void
hd_pg_array_free(hd_pg_array_t *a)
{
    hd_buf_free(&a->buf);
    a->count = 0;
    a->has_null = 0;
}


ngx_int_t
hd_pg_array_close(hd_pg_array_t *a)
{
    u_char  *p;

    if (a->buf.failed) {
        return NGX_ERROR;
    }

    if (a->count == 0) {
        a->buf.len = 0;

        if (hd_buf_reserve(&a->buf, HD_PG_ARRAY_NONE) != HD_OK) {
            return NGX_ERROR;
        }

        a->buf.len = HD_PG_ARRAY_NONE;
    }

    p = a->buf.data;

    hd_pg_put32(p, a->count ? 1 : 0);
    hd_pg_put32(p + 4, a->has_null);
    hd_pg_put32(p + 8, a->oid);

    if (a->count) {
        hd_pg_put32(p + 12, a->count);
        hd_pg_put32(p + 16, 1);
    }

    return NGX_OK;
}


/* room for one element, its length written; NULL when out of memory */

static u_char *
hd_pg_array_item(hd_pg_array_t *a, size_t len)
{
    u_char  *p;
    size_t   head;

    if (a->buf.failed) {
        return NULL;
    }

    head = 0;

    if (a->count == 0) {
        /* an empty array that was an argument before has a shorter header */
        a->buf.len = 0;
        head = HD_PG_ARRAY_HEAD;
    }

    if (hd_buf_reserve(&a->buf, head + 4 + len) != HD_OK) {
        return NULL;
    }

    p = a->buf.data + a->buf.len + head;
    a->buf.len += head + 4 + len;
    a->count++;

    hd_pg_put32(p, (uint32_t) len);

    return p + 4;
}


static void
hd_pg_put32(u_char *p, uint32_t n)
{
    p[0] = (u_char) (n >> 24);
    p[1] = (u_char) (n >> 16);
    p[2] = (u_char) (n >> 8);
    p[3] = (u_char) n;
}


static void
hd_pg_put64(u_char *p, uint64_t n)
{
    hd_pg_put32(p, (uint32_t) (n >> 32));
    hd_pg_put32(p + 4, (uint32_t) n);
}
