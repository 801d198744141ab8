/*
 * Numbers.  The shared table is the truth: a list of nodes, each with its
 * settings as JSON text.  A worker works with parsed copies and takes over
 * changes when the generation moved: at each request and at each tick.
 *
 * Locking: the list and the settings' text only under shpool->mutex; counters,
 * tat and the generation are atomic.  A node is never freed and its id
 * never changes, so pointers to nodes and their counters stay good.
 */

#include "sandbox.h"


static ngx_int_t hd_sb_number_load(hd_sb_node_t *node);
static void hd_sb_number_tier(hd_sb_number_t *n);
static hd_sb_number_t *hd_sb_number_local(hd_sb_node_t *node);


static ngx_uint_t
hd_sb_number_hash(const u_char *id, size_t len)
{
    return ngx_murmur_hash2((u_char *) id, len) & 255;
}


hd_sb_number_t *
hd_sb_number_find(const ngx_str_t *id)
{
    hd_sb_number_t  *n;

    hd_sb_number_refresh();

    n = hd_sb.numbers[hd_sb_number_hash(id->data, id->len)];

    for ( /* void */ ; n != NULL; n = n->next) {
        if (n->node->id_len == id->len
            && ngx_memcmp(n->node->id, id->data, id->len) == 0)
        {
            return n->node->exists ? n : NULL;
        }
    }

    return NULL;
}


static hd_sb_node_t *
hd_sb_node_locked(const ngx_str_t *id)
{
    hd_sb_node_t  *node;

    for (node = hd_sb.sh->nodes; node != NULL; node = node->next) {
        if (node->id_len == id->len
            && ngx_memcmp(node->id, id->data, id->len) == 0)
        {
            return node;
        }
    }

    node = ngx_slab_calloc_locked(hd_sb.shpool, sizeof(hd_sb_node_t));
    if (node == NULL) {
        return NULL;
    }

    ngx_memcpy(node->id, id->data, id->len);
    node->id_len = id->len;
    node->next = hd_sb.sh->nodes;
    hd_sb.sh->nodes = node;

    return node;
}


ngx_int_t
hd_sb_number_store(const ngx_str_t *id, const hd_buf_t *json)
{
    u_char        *text;
    hd_sb_node_t  *node;

    if (id->len > HD_SB_ID_MAX) {
        return NGX_ERROR;
    }

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    node = hd_sb_node_locked(id);
    text = node ? ngx_slab_alloc_locked(hd_sb.shpool, json->len) : NULL;

    if (text == NULL) {
        ngx_shmtx_unlock(&hd_sb.shpool->mutex);
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "herald_sandbox_zone is full");
        return NGX_ERROR;
    }

    ngx_memcpy(text, json->data, json->len);

    if (node->settings != NULL) {
        ngx_slab_free_locked(hd_sb.shpool, node->settings);
    }

    node->settings = text;
    node->settings_len = json->len;
    node->exists = 1;
    node->generation = ngx_atomic_fetch_add(&hd_sb.sh->generation, 1) + 1;

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    hd_sb_number_refresh();

    return NGX_OK;
}


void
hd_sb_number_delete(hd_sb_number_t *number)
{
    hd_sb_node_t  *node;

    node = number->node;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    if (node->settings != NULL) {
        ngx_slab_free_locked(hd_sb.shpool, node->settings);
    }

    node->settings = NULL;
    node->settings_len = 0;
    node->exists = 0;
    node->tat = 0;
    node->events = 0;
    node->faulted = 0;
    node->fault_since = 0;
    node->script_since = 0;
    node->requests = 0;
    node->accepted = 0;
    node->rejected = 0;
    node->statuses = 0;
    node->inbound = 0;
    node->webhooks_sent = 0;
    node->webhooks_failed = 0;
    node->webhooks_dropped = 0;
    node->verified = 0;

    if (node->ring != NULL) {
        ngx_memzero(node->ring, node->ring_size * sizeof(int64_t));
    }

    hd_sb_peer_forget(node);

    /* one that is shared is the others' as well */

    if (number->portfolio != NULL && number->set.portfolio.len == 0) {
        hd_sb_portfolio_forget(number->portfolio);
    }

    node->generation = ngx_atomic_fetch_add(&hd_sb.sh->generation, 1) + 1;

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    hd_sb_number_refresh();
}


void
hd_sb_number_refresh(void)
{
    ngx_uint_t     generation;
    hd_sb_node_t  *node;

    generation = hd_sb.sh->generation;

    if (generation == hd_sb.generation) {
        return;
    }

    hd_sb.generation = generation;

    /* new nodes are put at the head: the rest of the list stays as it is */

    ngx_shmtx_lock(&hd_sb.shpool->mutex);
    node = hd_sb.sh->nodes;
    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    for ( /* void */ ; node != NULL; node = node->next) {
        if (hd_sb_number_load(node) != NGX_OK) {
            ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                          "sandbox: settings of number \"%*s\" cannot be read",
                          node->id_len, node->id);
        }
    }

    hd_sb_script_refresh();
    hd_sb_client_pump();
}


static ngx_int_t
hd_sb_number_load(hd_sb_node_t *node)
{
    char               why[128];
    u_char            *text;
    size_t             len;
    hd_mem_t           mem;
    hd_json_t         *v;
    ngx_pool_t        *pool;
    ngx_uint_t         generation;
    hd_json_error_t    err;
    hd_sb_number_t    *n;
    hd_sb_settings_t   set;

    n = hd_sb_number_local(node);

    if (n == NULL) {
        return NGX_ERROR;
    }

    if (n->generation == node->generation) {
        return NGX_OK;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    hd_sb_settings_default(&set);

    /* the copy is made under the lock, the parsing after it; room for it is
     * taken before, a text that grew meanwhile is left for the next look */

    len = node->settings_len;
    text = ngx_pnalloc(pool, len + 1);
    if (text == NULL) {
        goto failed;
    }

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    generation = node->generation;

    if (node->settings_len > len) {
        ngx_shmtx_unlock(&hd_sb.shpool->mutex);
        ngx_destroy_pool(pool);
        hd_sb.generation = 0;
        return NGX_OK;
    }

    len = node->settings_len;

    if (len > 0) {
        ngx_memcpy(text, node->settings, len);
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    if (len > 0) {
        mem = hd_sb_mem(pool);
        v = hd_json_parse(&mem, text, len, 8, &err);

        if (v == NULL
            || hd_sb_settings_merge(pool, &set, v, why, sizeof(why)) != HD_OK)
        {
            goto failed;
        }
    }

    if (n->pool != NULL) {
        ngx_destroy_pool(n->pool);
    }

    n->pool = pool;
    n->set = set;
    n->generation = generation;

    if (hd_sb_number_ring(n) != NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "herald_sandbox_zone is full: the rate of number \"%*s\""
                      " does not hold", node->id_len, node->id);
    }

    hd_sb_number_tier(n);

    if (set.sockaddr == NULL) {
        hd_sb_record_drop(n);
    }

    hd_sb_number_activate(n);

    return NGX_OK;

failed:

    ngx_destroy_pool(pool);

    return NGX_ERROR;
}


/* a portfolio is needed from the first tier on, and kept */

static void
hd_sb_number_tier(hd_sb_number_t *n)
{
    hd_str_t  name;

    n->portfolio = NULL;

    if (n->set.tier <= 0) {
        return;
    }

    name = n->set.portfolio;

    if (name.len == 0) {
        name.data = n->node->id;
        name.len = n->node->id_len;
    }

    n->portfolio = hd_sb_portfolio_get(&name);
}


static hd_sb_number_t *
hd_sb_number_local(hd_sb_node_t *node)
{
    ngx_uint_t       i;
    hd_sb_number_t  *n;

    i = hd_sb_number_hash(node->id, node->id_len);

    for (n = hd_sb.numbers[i]; n != NULL; n = n->next) {
        if (n->node == node) {
            return n;
        }
    }

    n = ngx_calloc(sizeof(hd_sb_number_t), ngx_cycle->log);
    if (n == NULL) {
        return NULL;
    }

    n->node = node;
    n->ready_last = &n->ready;
    ngx_queue_init(&n->jobs);
    hd_sb_settings_default(&n->set);

    n->next = hd_sb.numbers[i];
    hd_sb.numbers[i] = n;

    return n;
}


/* Puts a number that may send now among those that the client looks at. */

void
hd_sb_number_activate(hd_sb_number_t *n)
{
    if (n->queued || n->set.hold
        || (n->ready == NULL && ngx_queue_empty(&n->jobs)))
    {
        return;
    }

    n->queued = 1;
    ngx_queue_insert_tail(&hd_sb.active, &n->active);
}


/*
 * An exact rate needs the times of as many messages as a second may hold.  A
 * new limit keeps what fits of them.
 */

ngx_int_t
hd_sb_number_ring(hd_sb_number_t *n)
{
    int64_t       *ring;
    ngx_int_t      rc;
    ngx_uint_t     i, from, size, old;
    hd_sb_node_t  *node;

    node = n->node;
    size = (n->set.rate_burst > 0) ? 0 : (ngx_uint_t) n->set.rate_limit;

    if (size == 0 || node->ring_size == size) {
        return NGX_OK;
    }

    rc = NGX_ERROR;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    ring = ngx_slab_calloc_locked(hd_sb.shpool, size * sizeof(int64_t));

    if (ring != NULL) {
        old = node->ring_size;

        /* the latest ones, to the end: the slots before them are empty */

        for (i = 0; i < ngx_min(old, size); i++) {
            from = (node->ring_at + old - 1 - i) % old;
            ring[size - 1 - i] = node->ring[from];
        }

        if (node->ring != NULL) {
            ngx_slab_free_locked(hd_sb.shpool, node->ring);
        }

        node->ring = ring;
        node->ring_size = size;
        node->ring_at = 0;
        rc = NGX_OK;
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    return rc;
}


void
hd_sb_number_pending(hd_sb_number_t *n, ngx_int_t count)
{
    (void) ngx_atomic_fetch_add(&n->node->pending[hd_sb.slot],
                                (ngx_atomic_int_t) count);
}


void
hd_sb_number_clear_slot(ngx_slab_pool_t *shpool, hd_sb_sh_t *sh,
    ngx_uint_t slot)
{
    hd_sb_node_t  *node;

    ngx_shmtx_lock(&shpool->mutex);

    for (node = sh->nodes; node != NULL; node = node->next) {
        node->pending[slot] = 0;
    }

    ngx_shmtx_unlock(&shpool->mutex);
}
