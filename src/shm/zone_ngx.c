/*
 * zone_ngx: where the blocks come from and what locks them.  The only file
 * that names the slab and its mutex.
 *
 * nginx calls init(zone, old) while the new configuration may still be
 * refused, so it attaches and does no more.  Three cases:
 *
 *   fresh     the slab is asked once for all of its pages in one piece; the
 *             block is laid out, and pool->data keeps its address
 *   reused    old data given: same name, tag and size; attach through
 *   pool->data exists    the same, after an inherited mapping
 *
 * The handle belongs to the cycle (freed with its pool); the process keeps a
 * pointer to that of the cycle it runs, which hd_shm_use() sets once a cycle
 * is accepted.  So after a reload that failed the old one is still right.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include "shm_ngx.h"


#define HD_CONTROL_ZONE  (256 * 1024)


typedef struct {
    hd_shm_t        *shm;
    ngx_shm_zone_t  *control;
} hd_zone_ctx_t;

/* lies at the head of each block, for the next cycle finds only the address */
typedef struct {
    uint64_t         size;           /* of the block after this head */
    uint64_t         ready;          /* it was laid out to the end */
    uint64_t         pad[6];
} hd_zone_block_t;


static ngx_int_t hd_zone_control_init(ngx_shm_zone_t *zone, void *data);
static ngx_int_t hd_zone_data_init(ngx_shm_zone_t *zone, void *data);
static hd_zone_block_t *hd_zone_block(ngx_shm_zone_t *zone);
static hd_lock_t hd_zone_lock(ngx_shm_zone_t *zone);
static void hd_zone_lock_take(void *ctx);
static void hd_zone_lock_drop(void *ctx);
static void hd_zone_cleanup(void *data);


static hd_shm_t  *hd_shm_current;


ngx_int_t
hd_shm_zones_add(ngx_conf_t *cf, ngx_str_t *name, size_t size, void *tag)
{
    hd_zone_ctx_t       *ctx;
    ngx_shm_zone_t      *control, *zone;
    ngx_pool_cleanup_t  *cln;

    static ngx_str_t     control_name = ngx_string("herald_control");

    if (size < HD_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is too small: %uz bytes, expected "
                           "at least %uz", name, size,
                           (size_t) HD_ZONE_MIN);
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->cycle->pool, sizeof(hd_zone_ctx_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(hd_zone_ctx_t));
    cln->handler = hd_zone_cleanup;

    /* first, for the zones are made in this order and the data zone's init
     * attaches to both */
    control = ngx_shared_memory_add(cf, &control_name, HD_CONTROL_ZONE, tag);
    if (control == NULL) {
        return NGX_ERROR;
    }

    zone = ngx_shared_memory_add(cf, name, size, tag);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    if (zone->data != NULL || zone == control) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"%V\" is already in use", name);
        return NGX_ERROR;
    }

    ctx->control = control;

    control->init = hd_zone_control_init;
    control->data = ctx;
    zone->init = hd_zone_data_init;
    zone->data = ctx;

    return NGX_OK;
}


void
hd_shm_use(ngx_cycle_t *cycle)
{
    ngx_uint_t        i;
    hd_zone_ctx_t    *ctx;
    ngx_list_part_t  *part;
    ngx_shm_zone_t   *zone;

    hd_shm_current = NULL;

    part = (ngx_list_part_t *) &cycle->shared_memory.part;

    for ( /* void */ ; part != NULL; part = part->next) {
        zone = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (zone[i].init == hd_zone_data_init && zone[i].data != NULL) {
                ctx = zone[i].data;
                hd_shm_current = ctx->shm;
            }
        }
    }
}


hd_shm_t *
hd_shm_of(void)
{
    return hd_shm_current;
}


/* Makes sure that there is a block.  It is attached to, and laid out when new,
 * together with the data zone. */

static ngx_int_t
hd_zone_control_init(ngx_shm_zone_t *zone, void *data)
{
    return hd_zone_block(zone) != NULL ? NGX_OK : NGX_ERROR;
}


static ngx_int_t
hd_zone_data_init(ngx_shm_zone_t *zone, void *data)
{
    hd_zone_ctx_t    *ctx;
    hd_zone_block_t  *block, *control;

    ctx = zone->data;

    block = hd_zone_block(zone);
    control = hd_zone_block(ctx->control);

    if (block == NULL || control == NULL) {
        return NGX_ERROR;
    }

    if (hd_shm_attach(&ctx->shm, block + 1, block->size, !block->ready,
                      hd_zone_lock(zone), control + 1, control->size,
                      !control->ready, hd_zone_lock(ctx->control))
        != HD_OK)
    {
        ngx_log_error(NGX_LOG_EMERG, zone->shm.log, 0,
                      "shared memory zone \"%V\" of %uz bytes cannot be used:"
                      " too small, or laid out by another version; restart "
                      "nginx", &zone->shm.name, zone->shm.size);
        return NGX_ERROR;
    }

    block->ready = 1;
    control->ready = 1;

    return NGX_OK;
}


/* All pages of the zone in one piece; the slab has no other use here. */

static hd_zone_block_t *
hd_zone_block(ngx_shm_zone_t *zone)
{
    size_t            size;
    hd_zone_block_t  *block;
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (pool->data != NULL) {
        return pool->data;
    }

    size = pool->pfree * ngx_pagesize;

    block = ngx_slab_alloc(pool, size);
    if (block == NULL) {
        return NULL;                       /* logged by the slab */
    }

    ngx_memzero(block, sizeof(hd_zone_block_t));
    block->size = size - sizeof(hd_zone_block_t);
    pool->data = block;

    return block;
}


static hd_lock_t
hd_zone_lock(ngx_shm_zone_t *zone)
{
    hd_lock_t         lock;
    ngx_slab_pool_t  *pool;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    lock.lock = hd_zone_lock_take;
    lock.unlock = hd_zone_lock_drop;
    lock.ctx = &pool->mutex;

    return lock;
}


static void
hd_zone_lock_take(void *ctx)
{
    ngx_shmtx_lock(ctx);
}


static void
hd_zone_lock_drop(void *ctx)
{
    ngx_shmtx_unlock(ctx);
}


static void
hd_zone_cleanup(void *data)
{
    hd_zone_ctx_t  *ctx;

    ctx = data;

    if (ctx->shm == NULL) {
        return;
    }

    if (hd_shm_current == ctx->shm) {
        hd_shm_current = NULL;
    }

    hd_shm_detach(ctx->shm);
    ctx->shm = NULL;
}
