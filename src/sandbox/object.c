/*
 * Objects: a list in the zone, each with its JSON text in the slab.  Nodes are
 * never freed and used again by others of their kind and id only; all of them
 * and their texts are read and written under shpool->mutex.
 */

#include <stdarg.h>

#include "graph.h"


int
hd_sb_same(const hd_str_t *a, const hd_str_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


static hd_sb_object_t *
hd_sb_object_locked(hd_sb_kind_e kind, const hd_str_t *id)
{
    hd_sb_object_t  *o;

    for (o = hd_sb.sh->objects; o != NULL; o = o->next) {
        if (o->kind == kind && o->id_len == id->len
            && ngx_memcmp(o->id, id->data, id->len) == 0)
        {
            return o;
        }
    }

    return NULL;
}


static int
hd_sb_object_copy(ngx_pool_t *pool, const hd_str_t *text, hd_sb_copy_t *copy)
{
    hd_mem_t         mem;
    hd_json_error_t  err;

    mem = hd_sb_mem(pool);
    copy->v = hd_json_parse(&mem, text->data, text->len, 40, &err);

    return copy->v != NULL ? HD_OK : HD_ERROR;
}


/* room is taken before the lock: a text that grew meanwhile is read again */

int
hd_sb_object_get(ngx_pool_t *pool, hd_sb_kind_e kind, const hd_str_t *id,
    hd_sb_copy_t *copy)
{
    size_t           room;
    hd_str_t         text;
    hd_sb_object_t  *o;

    for (room = 4096; /* void */ ; room = text.len) {

        text.data = ngx_pnalloc(pool, room);
        if (text.data == NULL) {
            return HD_ERROR;
        }

        ngx_shmtx_lock(&hd_sb.shpool->mutex);

        o = hd_sb_object_locked(kind, id);

        if (o == NULL || !o->exists) {
            ngx_shmtx_unlock(&hd_sb.shpool->mutex);
            return HD_ERROR;
        }

        text.len = o->len;

        if (text.len <= room) {
            ngx_memcpy(text.data, o->text, o->len);
            copy->generation = o->generation;
            copy->id.data = o->id;
            copy->id.len = o->id_len;
            copy->owner.data = o->owner;
            copy->owner.len = o->owner_len;

            ngx_shmtx_unlock(&hd_sb.shpool->mutex);

            return hd_sb_object_copy(pool, &text, copy);
        }

        ngx_shmtx_unlock(&hd_sb.shpool->mutex);
    }
}


ngx_array_t *
hd_sb_object_list(ngx_pool_t *pool, hd_sb_kind_e kind, const hd_str_t *owner)
{
    hd_str_t         id;
    ngx_array_t     *list;
    hd_sb_copy_t    *copy;
    hd_sb_object_t  *o;

    list = ngx_array_create(pool, 16, sizeof(hd_sb_copy_t));
    if (list == NULL) {
        return NULL;
    }

    /* nodes stay, so the list may be walked without the lock */

    for (o = hd_sb.sh->objects; o != NULL; o = o->next) {

        if (o->kind != kind || !o->exists
            || (owner != NULL
                && (o->owner_len != owner->len
                    || ngx_memcmp(o->owner, owner->data, owner->len) != 0)))
        {
            continue;
        }

        copy = ngx_array_push(list);
        if (copy == NULL) {
            return NULL;
        }

        id.data = o->id;
        id.len = o->id_len;

        if (hd_sb_object_get(pool, kind, &id, copy) != HD_OK) {
            list->nelts--;
        }
    }

    return list;
}


static hd_sb_object_t *
hd_sb_object_new_locked(hd_sb_kind_e kind, const hd_str_t *id)
{
    hd_sb_object_t  *o, **last;

    o = ngx_slab_calloc_locked(hd_sb.shpool, sizeof(hd_sb_object_t));
    if (o == NULL) {
        return NULL;
    }

    o->kind = kind;
    o->id_len = id->len;
    ngx_memcpy(o->id, id->data, id->len);

    for (last = &hd_sb.sh->objects; *last != NULL; last = &(*last)->next) {
        /* void */
    }

    *last = o;

    return o;
}


int
hd_sb_object_put(hd_sb_kind_e kind, const hd_str_t *id, const hd_str_t *owner,
    const hd_buf_t *text, ngx_uint_t generation)
{
    int              rc;
    u_char          *p;
    hd_sb_object_t  *o;

    if (text->failed || id->len > sizeof(o->id)
        || owner->len > sizeof(o->owner))
    {
        return HD_ERROR;
    }

    rc = HD_ERROR;
    p = NULL;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    o = hd_sb_object_locked(kind, id);

    if (generation == 0 || (o && o->exists && o->generation == generation)) {

        p = ngx_slab_alloc_locked(hd_sb.shpool, text->len);
        o = (p != NULL && o == NULL) ? hd_sb_object_new_locked(kind, id) : o;

        if (p != NULL && o != NULL) {
            ngx_memcpy(p, text->data, text->len);

            if (o->text != NULL) {
                ngx_slab_free_locked(hd_sb.shpool, o->text);
            }

            ngx_memcpy(o->owner, owner->data, owner->len);
            o->owner_len = owner->len;
            o->text = p;
            o->len = text->len;
            o->generation++;
            o->exists = 1;
            rc = HD_OK;
        }

        if (rc != HD_OK && p != NULL) {
            ngx_slab_free_locked(hd_sb.shpool, p);
            p = NULL;
        }
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    if (rc != HD_OK && generation == 0) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "herald_sandbox_zone is full");
    }

    return rc;
}


void
hd_sb_object_delete(hd_sb_kind_e kind, const hd_str_t *id)
{
    hd_sb_object_t  *o;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    o = hd_sb_object_locked(kind, id);

    if (o != NULL && o->exists) {
        o->exists = 0;
        o->generation++;
        ngx_slab_free_locked(hd_sb.shpool, o->text);
        o->text = NULL;
        o->len = 0;
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);
}


int
hd_sb_object_set(hd_sb_kind_e kind, const hd_sb_copy_t *copy, ...)
{
    int          rc;
    va_list      args;
    hd_buf_t     b;
    hd_json_t   *v;
    ngx_uint_t   given;
    const char  *name, *value;

    hd_buf_init(&b);
    hd_buf_char(&b, '{');

    for (v = copy->v->child; v != NULL; v = v->next) {

        given = 0;
        va_start(args, copy);

        while ((name = va_arg(args, const char *)) != NULL) {
            (void) va_arg(args, const char *);
            given |= (strlen(name) == v->key.len
                      && ngx_memcmp(name, v->key.data, v->key.len) == 0);
        }

        va_end(args);

        if (!given) {
            hd_jw_str(&b, &v->key);
            hd_buf_char(&b, ':');
            hd_json_write(&b, v);
            hd_buf_char(&b, ',');
        }
    }

    va_start(args, copy);

    while ((name = va_arg(args, const char *)) != NULL) {
        value = va_arg(args, const char *);
        hd_jw_z(&b, name);
        hd_buf_char(&b, ':');
        hd_buf_z(&b, value);
        hd_buf_char(&b, ',');
    }

    va_end(args);

    if (!b.failed && b.data[b.len - 1] == ',') {
        b.len--;
    }

    hd_buf_char(&b, '}');

    rc = hd_sb_object_put(kind, &copy->id, &copy->owner, &b,
                          copy->generation);
    hd_buf_free(&b);

    return rc;
}
