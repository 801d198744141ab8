/*
 * Recipients: what the provider remembers of a person.  A number remembers
 * when it was written to last (the 24 h window), how much of the pair rate is
 * used up, marketing that was sent, and a stop.  A portfolio remembers whom
 * its numbers messaged outside the window in the last 24 h.
 *
 * One table in the zone holds both, by (owner, recipient).  An entry is made
 * under shpool->mutex, never freed and never moved, so looking one up takes no
 * lock.  A portfolio's entries of the last 24 h stand in a queue, the oldest
 * first, which is read and written under the mutex.
 */

#include "sandbox.h"


#define HD_SB_DAY  (24 * 3600 * (int64_t) 1000000)

/* no time of the sandbox's clock is 0 or less, whatever was shifted */
#define HD_SB_CLOCK_BASE  (1000 * HD_SB_DAY)


static ngx_uint_t hd_sb_peer_bucket(void *owner, uint64_t to);
static hd_sb_peer_t *hd_sb_peer_locked(void *owner, uint64_t to);


int64_t
hd_sb_clock(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return HD_SB_CLOCK_BASE + (int64_t) ts.tv_sec * 1000000
           + ts.tv_nsec / 1000 + (int64_t) hd_sb.sh->shift * 1000000;
}


uint64_t
hd_sb_to_number(const hd_str_t *digits)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < digits->len; i++) {
        n = n * 10 + (digits->data[i] - '0');
    }

    return n;
}


static ngx_uint_t
hd_sb_peer_bucket(void *owner, uint64_t to)
{
    uint64_t  h;

    h = (to ^ ((uint64_t) (uintptr_t) owner >> 4)) * 0x9E3779B97F4A7C15ULL;

    return (ngx_uint_t) (h >> 40) & (hd_sb.sh->npeers - 1);
}


hd_sb_peer_t *
hd_sb_peer_find(void *owner, uint64_t to)
{
    hd_sb_peer_t  *peer;

    if (hd_sb.sh->peers == NULL) {
        return NULL;
    }

    peer = hd_sb.sh->peers[hd_sb_peer_bucket(owner, to)];

    while (peer != NULL && (peer->to != to || peer->owner != owner)) {
        peer = peer->next;
    }

    return peer;
}


/* finds or makes it */

static hd_sb_peer_t *
hd_sb_peer_locked(void *owner, uint64_t to)
{
    ngx_uint_t      n;
    hd_sb_sh_t     *sh;
    hd_sb_peer_t   *peer, **bucket;

    sh = hd_sb.sh;
    peer = hd_sb_peer_find(owner, to);

    if (peer != NULL) {
        return peer;
    }

    if (sh->peers == NULL) {

        for (n = 1024; n < 65536 && n < hd_sb.conf->zone_size / 1024; n *= 2) {
            /* void */
        }

        bucket = ngx_slab_calloc_locked(hd_sb.shpool,
                                        n * sizeof(hd_sb_peer_t *));
        if (bucket == NULL) {
            return NULL;
        }

        sh->npeers = n;
        ngx_memory_barrier();
        sh->peers = bucket;
    }

    peer = ngx_slab_calloc_locked(hd_sb.shpool, sizeof(hd_sb_peer_t));
    if (peer == NULL) {
        return NULL;
    }

    bucket = &sh->peers[hd_sb_peer_bucket(owner, to)];

    peer->owner = owner;
    peer->to = to;
    peer->next = *bucket;

    /* whole before anybody sees it */

    ngx_memory_barrier();
    *bucket = peer;

    return peer;
}


static void
hd_sb_peer_full(void)
{
    if (!hd_sb.peers_full) {
        hd_sb.peers_full = 1;
        ngx_log_error(NGX_LOG_ERR, ngx_cycle->log, 0,
                      "herald_sandbox_zone is full: recipients cannot be"
                      " remembered, limits do not hold");
    }
}


hd_sb_peer_t *
hd_sb_peer_get(hd_sb_number_t *n, uint64_t to)
{
    hd_sb_peer_t  *peer;

    peer = hd_sb_peer_find(n->node, to);

    if (peer != NULL) {
        return peer;
    }

    ngx_shmtx_lock(&hd_sb.shpool->mutex);
    peer = hd_sb_peer_locked(n->node, to);
    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    if (peer == NULL) {
        hd_sb_peer_full();
        return NULL;
    }

    n->node->peers = 1;

    return peer;
}


void
hd_sb_peer_forget(hd_sb_node_t *node)
{
    ngx_uint_t     i;
    hd_sb_peer_t  *peer;

    if (!node->peers || hd_sb.sh->peers == NULL) {
        return;
    }

    for (i = 0; i < hd_sb.sh->npeers; i++) {
        for (peer = hd_sb.sh->peers[i]; peer != NULL; peer = peer->next) {
            if (peer->owner == node) {
                ngx_memzero(&peer->n, sizeof(peer->n));
            }
        }
    }

    node->peers = 0;
}


int
hd_sb_peer_open(const hd_sb_peer_t *peer)
{
    return peer->n.inbound != 0 && hd_sb_clock() - peer->n.inbound < HD_SB_DAY;
}


/*
 * One message per interval, so many at once: a burst borrows from what comes
 * after it, as the provider says of its pairs.
 */

int
hd_sb_peer_pair(hd_sb_number_t *n, hd_sb_peer_t *peer)
{
    int64_t        now, tat, next, interval;
    ngx_atomic_t  *slot;

    now = hd_sb_clock();
    interval = n->set.pair_interval * 1000;
    slot = (ngx_atomic_t *) &peer->n.tat;

    for ( ;; ) {
        tat = (int64_t) *slot;
        next = ngx_max(tat, now) + interval;

        if (next - now > interval * n->set.pair_burst) {
            return HD_ERROR;
        }

        if (ngx_atomic_cmp_set(slot, (ngx_atomic_uint_t) tat,
                               (ngx_atomic_uint_t) next))
        {
            return HD_OK;
        }
    }
}


int
hd_sb_peer_market(hd_sb_number_t *n, hd_sb_peer_t *peer)
{
    int      rc;
    int64_t  now;

    now = hd_sb_clock();
    rc = HD_ERROR;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    if (peer->n.market == 0 || now - peer->n.market >= HD_SB_DAY) {
        peer->n.market = now;
        peer->n.marketed = 0;
    }

    if (peer->n.marketed < (uint32_t) n->set.marketing_cap) {
        peer->n.marketed++;
        rc = HD_OK;
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    return rc;
}


hd_sb_portfolio_t *
hd_sb_portfolio_get(const hd_str_t *name)
{
    size_t              len;
    hd_sb_portfolio_t  *p;

    len = ngx_min(name->len, HD_SB_ID_MAX);

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    for (p = hd_sb.sh->portfolios; p != NULL; p = p->next) {
        if (p->len == len && ngx_memcmp(p->name, name->data, len) == 0) {
            break;
        }
    }

    if (p == NULL) {
        p = ngx_slab_calloc_locked(hd_sb.shpool, sizeof(hd_sb_portfolio_t));

        if (p != NULL) {
            p->len = len;
            ngx_memcpy(p->name, name->data, len);
            p->next = hd_sb.sh->portfolios;
            hd_sb.sh->portfolios = p;
        }
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    return p;
}


static void
hd_sb_portfolio_unlink(hd_sb_portfolio_t *p, hd_sb_peer_t *peer)
{
    if (peer->p.older != NULL) {
        peer->p.older->p.newer = peer->p.newer;

    } else {
        p->oldest = peer->p.newer;
    }

    if (peer->p.newer != NULL) {
        peer->p.newer->p.older = peer->p.older;

    } else {
        p->newest = peer->p.older;
    }

    peer->p.at = 0;
    p->unique--;
}


void
hd_sb_portfolio_forget(hd_sb_portfolio_t *p)
{
    while (p->oldest != NULL) {
        hd_sb_portfolio_unlink(p, p->oldest);
    }
}


ngx_int_t
hd_sb_portfolio_take(hd_sb_portfolio_t *p, uint64_t to, int64_t tier)
{
    int64_t        now;
    ngx_int_t      rc;
    hd_sb_peer_t  *peer;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    /* under the lock: times of the queue must rise */

    now = hd_sb_clock();

    while (p->oldest != NULL && now - p->oldest->p.at >= HD_SB_DAY) {
        hd_sb_portfolio_unlink(p, p->oldest);
    }

    peer = hd_sb_peer_locked(p, to);
    rc = NGX_DECLINED;

    if (peer != NULL) {
        rc = NGX_OK;

        if (peer->p.at != 0) {
            hd_sb_portfolio_unlink(p, peer);

        } else if (p->unique >= (ngx_uint_t) tier) {
            rc = NGX_ERROR;
        }
    }

    if (rc == NGX_OK) {
        peer->p.at = now;
        peer->p.older = p->newest;
        peer->p.newer = NULL;

        if (p->newest != NULL) {
            p->newest->p.newer = peer;

        } else {
            p->oldest = peer;
        }

        p->newest = peer;
        p->unique++;
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    if (rc == NGX_DECLINED) {
        hd_sb_peer_full();
    }

    return rc;
}
