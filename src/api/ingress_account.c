/*
 * Whose webhook address it is.  An address ends in a secret token; its hash
 * finds the account.  Accounts stay here for HD_HOOK_TTL, with their secrets
 * unsealed, and are asked again when credentials changed anywhere (the epoch).
 *
 *     asked ──────> known ──────> old: out of its bucket, asked anew
 *       │              ▲                         │
 *       │              └──(nobody can be asked, and there is a spool)
 *       │
 *       └─ unknown: those who waited get 404, and nothing is kept: a stranger
 *          who tries tokens must not push out accounts
 *
 * With a spool an old one is used on while PostgreSQL is away, for an outage
 * lasts longer than HD_HOOK_TTL.  What changed credentials here (the epoch)
 * ends it all the same.
 *
 * An entry lives while it is listed or referenced; whoever takes away the last
 * of both frees it.
 */

#include "spool.h"


#define HD_HOOK_TTL       30000
#define HD_HOOK_BUCKETS   1024             /* a power of two */
#define HD_HOOK_ACCOUNTS  4096             /* kept at most */
#define HD_HOOK_COUNTS    8                /* account_hook's count_inbound */


typedef struct {
    hd_hook_account_t     **buckets;
    ngx_queue_t             all;           /* listed ones, newest first */
    ngx_uint_t              n;
    uint32_t                epoch;
} hd_hook_accounts_t;


static hd_hook_accounts_t  hd_hooks;


static void hd_hook_ask(hd_hook_account_t *a);
static void hd_hook_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_hook_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_hook_tell(hd_hook_account_t *a, hd_hook_account_t *known,
    ngx_uint_t status);
static void hd_hook_unlist(hd_hook_account_t *a);
static void hd_hook_drop(hd_hook_account_t *a);


ngx_int_t
hd_hook_accounts_init(void)
{
    ngx_queue_init(&hd_hooks.all);

    hd_hooks.n = 0;
    hd_hooks.epoch = hd_auth_epoch(hd_api.shm);

    hd_hooks.buckets = ngx_calloc(HD_HOOK_BUCKETS
                                  * sizeof(hd_hook_account_t *), hd_api.log);

    return hd_hooks.buckets ? NGX_OK : NGX_ERROR;
}


void
hd_hook_accounts_exit(void)
{
    ngx_queue_t        *q;
    hd_hook_account_t  *a;

    if (hd_hooks.buckets == NULL) {
        return;
    }

    while (!ngx_queue_empty(&hd_hooks.all)) {
        q = ngx_queue_head(&hd_hooks.all);
        a = ngx_queue_data(q, hd_hook_account_t, queue);

        if (a->unit) {
            hd_pg_abandon(a->unit);
            a->unit = NULL;
        }

        hd_hook_unlist(a);
        hd_hook_drop(a);
    }

    ngx_free(hd_hooks.buckets);
    hd_hooks.buckets = NULL;
}


static hd_hook_account_t **
hd_hook_bucket(const u_char hash[32])
{
    uint32_t  i;

    ngx_memcpy(&i, hash, sizeof(uint32_t));

    return &hd_hooks.buckets[i & (HD_HOOK_BUCKETS - 1)];
}


/* one that is known stays for those who hold it, but is found no more */

static void
hd_hook_forget_known(void)
{
    ngx_queue_t        *q, *next;
    hd_hook_account_t  *a;

    for (q = ngx_queue_head(&hd_hooks.all);
         q != ngx_queue_sentinel(&hd_hooks.all);
         q = next)
    {
        next = ngx_queue_next(q);
        a = ngx_queue_data(q, hd_hook_account_t, queue);

        if (a->unit == NULL) {
            hd_hook_unlist(a);
            hd_hook_drop(a);
        }
    }
}


/* one that is old comes in *old, with a reference */

static hd_hook_account_t *
hd_hook_find(const u_char hash[32], hd_hook_account_t **old)
{
    uint32_t            epoch;
    hd_hook_account_t  *a;

    epoch = hd_auth_epoch(hd_api.shm);

    if (epoch != hd_hooks.epoch) {
        hd_hooks.epoch = epoch;
        hd_hook_forget_known();
    }

    for (a = *hd_hook_bucket(hash); a; a = a->next) {
        if (ngx_memcmp(a->hash, hash, 32) == 0) {
            break;
        }
    }

    if (a && a->unit == NULL
        && (ngx_msec_int_t) (a->until - ngx_current_msec) <= 0
        && !hd_spool_away())
    {
        a->refs++;
        a->epoch = epoch;
        hd_hook_unlist(a);

        *old = a;
        return NULL;
    }

    return a;
}


static void
hd_hook_list(hd_hook_account_t *a)
{
    hd_hook_account_t  **bucket;

    bucket = hd_hook_bucket(a->hash);

    a->next = *bucket;
    *bucket = a;
    a->listed = 1;

    ngx_queue_insert_head(&hd_hooks.all, &a->queue);
    hd_hooks.n++;
}


static hd_hook_account_t *
hd_hook_add(const u_char hash[32])
{
    ngx_queue_t         *q;
    hd_hook_account_t   *a, *old;

    if (hd_hooks.n >= HD_HOOK_ACCOUNTS) {
        q = ngx_queue_last(&hd_hooks.all);
        old = ngx_queue_data(q, hd_hook_account_t, queue);

        if (old->unit) {
            /* thousands are being asked at once: no room for more */
            return NULL;
        }

        hd_hook_unlist(old);
        hd_hook_drop(old);
    }

    a = ngx_calloc(sizeof(hd_hook_account_t), hd_api.log);
    if (a == NULL) {
        return NULL;
    }

    ngx_memcpy(a->hash, hash, 32);
    ngx_queue_init(&a->waiters);

    hd_hook_list(a);

    return a;
}


/* the new one could not be learnt: the old one again, when there is a spool */

static hd_hook_account_t *
hd_hook_revive(hd_hook_account_t *a)
{
    hd_hook_account_t  *old;

    old = a->old;

    if (old == NULL || !hd_spool_on()
        || hd_auth_epoch(hd_api.shm) != old->epoch)
    {
        return NULL;
    }

    hd_hook_unlist(a);
    hd_hook_list(old);

    return old;
}


ngx_int_t
hd_hook_account(hd_hook_wait_t *wait, const u_char hash[32])
{
    hd_hook_account_t  *a, *old;

    old = NULL;
    a = hd_hook_find(hash, &old);

    if (a && a->unit == NULL) {
        goto known;
    }

    if (a == NULL) {
        a = hd_hook_add(hash);
        if (a == NULL) {
            if (old) {
                hd_hook_account_release(old);
            }

            return NGX_HTTP_SERVICE_UNAVAILABLE;
        }

        a->old = old;
        hd_hook_ask(a);

        if (a->unit == NULL) {
            old = hd_hook_revive(a);

            hd_hook_unlist(a);
            hd_hook_drop(a);

            if (old == NULL) {
                return NGX_HTTP_SERVICE_UNAVAILABLE;
            }

            a = old;
            goto known;
        }
    }

    wait->account = a;
    wait->queued = 1;
    ngx_queue_insert_tail(&a->waiters, &wait->queue);

    return NGX_AGAIN;

known:

    a->refs++;
    wait->account = a;

    return NGX_OK;
}


void
hd_hook_account_leave(hd_hook_wait_t *wait)
{
    if (wait->queued) {
        ngx_queue_remove(&wait->queue);
        wait->queued = 0;

    } else if (wait->account) {
        hd_hook_account_release(wait->account);
    }

    wait->account = NULL;
}


void
hd_hook_account_release(hd_hook_account_t *a)
{
    a->refs--;
    hd_hook_drop(a);
}


static void
hd_hook_ask(hd_hook_account_t *a)
{
    hd_str_t       kind = hd_str("hook");
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_api.pg, hd_hook_result, hd_hook_done, a);
    if (u == NULL) {
        return;
    }

    /* the first statement also sets the organisation for the second */

    hd_pg_stmt(u, HD_Q_DIRECTORY_FIND);
    hd_pg_text(u, &kind);
    hd_pg_bytea(u, a->hash, 32);

    hd_pg_stmt(u, HD_Q_ACCOUNT_HOOK);
    hd_pg_bytea(u, a->hash, 32);

    if (hd_pg_submit(u) == NGX_OK) {
        a->unit = u;
    }
}


static void
hd_hook_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_store_account_t  *row;
    hd_hook_account_t   *a = u->data;

    if (a == NULL || index != 1) {
        return;
    }

    a->found = hd_pg_rows(res);

    if (a->found == 0) {
        return;
    }

    row = hd_store_account(res, hd_api.secret_key, hd_api.log);
    if (row == NULL) {
        return;
    }

    a->row = row;
    a->provider = hd_provider_find(&row->provider);
    a->charges = a->provider && a->provider->counts_inbound
                 && hd_pg_value(res, 0, HD_HOOK_COUNTS).data[0] == 't';

    hd_account_view(&a->view, row);
}


static void
hd_hook_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    ngx_uint_t          status;
    hd_hook_account_t  *a = u->data, *old;

    if (a == NULL) {
        return;
    }

    a->unit = NULL;

    if (outcome == HD_PG_OK && a->row && a->provider) {
        a->until = ngx_current_msec + HD_HOOK_TTL;

        if (a->old) {
            hd_hook_account_release(a->old);
            a->old = NULL;
        }

        hd_hook_tell(a, a, 0);
        return;
    }

    old = (outcome == HD_PG_OK) ? NULL : hd_hook_revive(a);

    if (old) {
        hd_hook_tell(a, old, 0);
        return;
    }

    if (outcome != HD_PG_OK) {
        status = NGX_HTTP_SERVICE_UNAVAILABLE;

    } else {
        status = a->found ? NGX_HTTP_INTERNAL_SERVER_ERROR
                          : NGX_HTTP_NOT_FOUND;
    }

    hd_hook_unlist(a);
    hd_hook_tell(a, NULL, status);
}


/* callbacks may release both, or leave the queue: they are held meanwhile */

static void
hd_hook_tell(hd_hook_account_t *a, hd_hook_account_t *known,
    ngx_uint_t status)
{
    ngx_queue_t     *q;
    hd_hook_wait_t  *wait;

    a->refs++;

    if (known) {
        known->refs++;
    }

    while (!ngx_queue_empty(&a->waiters)) {
        q = ngx_queue_head(&a->waiters);
        wait = ngx_queue_data(q, hd_hook_wait_t, queue);

        ngx_queue_remove(q);
        wait->queued = 0;

        wait->account = known;

        if (known) {
            known->refs++;
        }

        wait->done(wait, status);
    }

    if (known) {
        hd_hook_account_release(known);
    }

    hd_hook_account_release(a);
}


static void
hd_hook_unlist(hd_hook_account_t *a)
{
    hd_hook_account_t  **p;

    if (!a->listed) {
        return;
    }

    for (p = hd_hook_bucket(a->hash); *p; p = &(*p)->next) {
        if (*p == a) {
            *p = a->next;
            break;
        }
    }

    ngx_queue_remove(&a->queue);
    hd_hooks.n--;
    a->listed = 0;
}


static void
hd_hook_drop(hd_hook_account_t *a)
{
    if (a->listed || a->refs) {
        return;
    }

    if (a->old) {
        hd_hook_account_release(a->old);
    }

    if (a->row) {
        hd_store_account_free(a->row);
    }

    ngx_free(a);
}
