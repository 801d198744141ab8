/*
 * The provider's limits, in its order: the number's rate and the pair's, which
 * refuse a message at once; then the 24 h window, a stop, the cap on marketing
 * and the portfolio's tier, which take it and let it fail by a status, as Meta
 * does.  All are off until they are set; each then costs a look into the zone.
 */

#include "sandbox.h"


static void hd_sb_rule_later(hd_sb_number_t *n, hd_sb_message_t *m,
    int64_t code);
static int hd_sb_rule_exact(hd_sb_number_t *n, int must, int64_t *at);
static int hd_sb_rule_bucket(hd_sb_number_t *n);


void
hd_sb_rule_window(hd_sb_number_t *n, hd_sb_message_t *m)
{
    hd_sb_peer_t  *peer;

    if (!n->node->peers) {
        return;
    }

    peer = hd_sb_peer_find(n->node, m->to_number);
    m->in_window = (peer != NULL && hd_sb_peer_open(peer));
}


/*
 * The number's rate.  Without a burst it is exact: no second, wherever it
 * begins, holds more than the limit: by *at, which the ledger then has too.
 * With one it is GCRA: `tat` is when the messages taken so far will have been
 * paid for, at most a burst ahead of now.
 */

int
hd_sb_rule_rate(hd_sb_number_t *n, int64_t *at)
{
    if (n->set.rate_limit <= 0) {
        return HD_OK;
    }

    return n->set.rate_burst > 0 ? hd_sb_rule_bucket(n)
                                 : hd_sb_rule_exact(n, 0, at);
}


/* counts as well, and comes in whatever the rate is */

void
hd_sb_rule_inbound(hd_sb_number_t *n, int64_t *at)
{
    if (n->set.count_inbound && n->set.rate_limit > 0
        && n->set.rate_burst == 0)
    {
        (void) hd_sb_rule_exact(n, 1, at);
    }
}


static int
hd_sb_rule_exact(hd_sb_number_t *n, int must, int64_t *at)
{
    int              rc;
    int64_t          now;
    hd_sb_node_t    *node;
    struct timespec  ts;

    node = n->node;
    rc = HD_OK;

    ngx_shmtx_lock(&hd_sb.shpool->mutex);

    if (node->ring != NULL) {

        /* under the lock: the times of the ring must rise */

        clock_gettime(CLOCK_MONOTONIC, &ts);
        now = (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
        *at = now;

        if (!must && node->ring[node->ring_at] != 0
            && now - node->ring[node->ring_at] < 1000000)
        {
            rc = HD_ERROR;

        } else {
            node->ring[node->ring_at] = now;
            node->ring_at = (node->ring_at + 1) % node->ring_size;
        }
    }

    ngx_shmtx_unlock(&hd_sb.shpool->mutex);

    return rc;
}


static int
hd_sb_rule_bucket(hd_sb_number_t *n)
{
    int64_t            now, cost, ahead;
    struct timespec    ts;
    ngx_atomic_uint_t  tat, next;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    now = (int64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
    cost = 1000000 / n->set.rate_limit;
    ahead = cost * n->set.rate_burst;

    for ( ;; ) {
        tat = n->node->tat;
        next = ((int64_t) tat < now ? now : (int64_t) tat) + cost;

        if ((int64_t) next - now > ahead) {
            return HD_ERROR;
        }

        if (ngx_atomic_cmp_set(&n->node->tat, tat, next)) {
            return HD_OK;
        }
    }
}


static void
hd_sb_rule_later(hd_sb_number_t *n, hd_sb_message_t *m, int64_t code)
{
    if (n->set.refuse) {
        hd_sb_bad(m, code, NULL);

    } else {
        m->fails = code;
    }
}


static void
hd_sb_rule_full(hd_sb_message_t *m)
{
    hd_sb_bad(m, 131016, "herald_sandbox_zone is full.");
}


void
hd_sb_rules(hd_sb_number_t *n, hd_sb_message_t *m)
{
    int            marketing;
    ngx_int_t      rc;
    hd_sb_peer_t  *peer;

    marketing = (m->template && m->category == HD_SB_MARKETING);
    peer = hd_sb_peer_find(n->node, m->to_number);

    if (peer == NULL
        && (n->set.pair_interval > 0
            || (marketing && n->set.marketing_cap > 0)))
    {
        peer = hd_sb_peer_get(n, m->to_number);

        if (peer == NULL) {
            hd_sb_rule_full(m);
            return;
        }
    }

    if (n->set.pair_interval > 0 && hd_sb_peer_pair(n, peer) != HD_OK) {
        hd_sb_bad(m, 131056, NULL);
        return;
    }

    if (n->set.window != HD_SB_WINDOW_OFF && !m->template && !m->in_window) {

        if (n->set.window == HD_SB_WINDOW_ANSWER) {
            hd_sb_bad(m, 131047, NULL);

        } else {
            m->fails = 131047;
        }

        return;
    }

    if (marketing && peer != NULL && peer->n.stopped) {
        hd_sb_rule_later(n, m, 131050);
        return;
    }

    if (marketing && n->set.marketing_cap > 0
        && hd_sb_peer_market(n, peer) != HD_OK)
    {
        hd_sb_rule_later(n, m, 131049);
        return;
    }

    if (n->set.tier > 0 && n->portfolio != NULL && !m->in_window) {

        rc = hd_sb_portfolio_take(n->portfolio, m->to_number, n->set.tier);

        if (rc == NGX_ERROR) {
            hd_sb_rule_later(n, m, 131048);

        } else if (rc != NGX_OK) {
            hd_sb_rule_full(m);
        }
    }
}
