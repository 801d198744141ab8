/*
 * arena: a growing arena over malloc, and the small helpers that allocate from
 * whatever allocator the caller gave.
 *
 * An arena is a list of chunks.  What is larger than a quarter of a chunk and
 * does not fit gets a chunk of its own, put behind the current one so that the
 * current one goes on being filled.
 */

#include <stdlib.h>

#include "base.h"


#define HD_ARENA_ALIGN  16
#define HD_ARENA_MIN    512


typedef struct hd_chunk_s  hd_chunk_t;

struct hd_chunk_s {
    hd_chunk_t     *next;
    size_t          size;       /* of data */
    size_t          used;
    size_t          pad;        /* keeps data 16-aligned */
    unsigned char   data[];
};

_Static_assert(sizeof(hd_chunk_t) % HD_ARENA_ALIGN == 0,
               "the data of a chunk is aligned");

struct hd_arena_s {
    hd_chunk_t     *chunks;     /* the first is the one being filled */
    size_t          chunk;
};


static hd_chunk_t *
hd_chunk_create(size_t size)
{
    hd_chunk_t  *c;

    c = malloc(sizeof(hd_chunk_t) + size);
    if (c == NULL) {
        return NULL;
    }

    c->next = NULL;
    c->size = size;
    c->used = 0;
    c->pad = 0;

    return c;
}


hd_arena_t *
hd_arena_create(size_t chunk)
{
    hd_arena_t  *arena;

    arena = malloc(sizeof(hd_arena_t));
    if (arena == NULL) {
        return NULL;
    }

    arena->chunks = NULL;
    arena->chunk = (chunk < HD_ARENA_MIN) ? HD_ARENA_MIN : chunk;

    return arena;
}


void
hd_arena_destroy(hd_arena_t *arena)
{
    hd_chunk_t  *c, *next;

    if (arena == NULL) {
        return;
    }

    for (c = arena->chunks; c != NULL; c = next) {
        next = c->next;
        free(c);
    }

    free(arena);
}


static void *
hd_arena_alloc(void *ctx, size_t size)
{
    hd_arena_t *arena = ctx;

    void        *p;
    hd_chunk_t  *c;

    if (size > SIZE_MAX / 2) {
        return NULL;
    }

    size = (size + HD_ARENA_ALIGN - 1) & ~(size_t) (HD_ARENA_ALIGN - 1);

    c = arena->chunks;

    if (c != NULL && c->size - c->used >= size) {
        p = c->data + c->used;
        c->used += size;
        return p;
    }

    if (size > arena->chunk / 4) {
        c = hd_chunk_create(size);
        if (c == NULL) {
            return NULL;
        }

        c->used = size;

        if (arena->chunks == NULL) {
            arena->chunks = c;

        } else {
            c->next = arena->chunks->next;
            arena->chunks->next = c;
        }

        return c->data;
    }

    c = hd_chunk_create(arena->chunk);
    if (c == NULL) {
        return NULL;
    }

    c->next = arena->chunks;
    c->used = size;
    arena->chunks = c;

    return c->data;
}


hd_mem_t
hd_arena_mem(hd_arena_t *arena)
{
    hd_mem_t  mem;

    mem.alloc = hd_arena_alloc;
    mem.ctx = arena;

    return mem;
}


void *
hd_alloc(hd_mem_t *mem, size_t size)
{
    return mem->alloc(mem->ctx, size);
}


void *
hd_calloc(hd_mem_t *mem, size_t size)
{
    void  *p;

    p = mem->alloc(mem->ctx, size);
    if (p != NULL) {
        memset(p, 0, size);
    }

    return p;
}


int
hd_str_dup(hd_mem_t *mem, const hd_str_t *src, hd_str_t *dst)
{
    unsigned char  *p;

    /* one byte more, so that an empty string has an address too */
    p = hd_alloc(mem, src->len + 1);
    if (p == NULL) {
        return HD_ERROR;
    }

    if (src->len != 0) {
        memcpy(p, src->data, src->len);
    }

    p[src->len] = '\0';

    dst->data = p;
    dst->len = src->len;

    return HD_OK;
}


char *
hd_cstr(hd_mem_t *mem, const hd_str_t *src)
{
    hd_str_t  dst;

    if (hd_str_dup(mem, src, &dst) != HD_OK) {
        return NULL;
    }

    return (char *) dst.data;
}
