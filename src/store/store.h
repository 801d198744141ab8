/*
 * store: our questions to the database.  The .sql files beside this header are
 * the source; the build turns them into the enum HD_Q_... and the table
 * hd_queries.  What needs more than one argument after the other (many rows in
 * arrays, a row with sealed secrets) has a function here.
 */

#ifndef HD_STORE_H
#define HD_STORE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "../base/base.h"
#include "../pg/pg.h"
#include "queries.h"


/*
 * An account as a worker keeps it: the row with its secrets unsealed.  Lives
 * in a pool of its own, which the owner destroys.
 */
typedef struct {
    ngx_pool_t     *pool;
    hd_uuid_t       id;
    hd_uuid_t       org;
    hd_str_t        provider;
    hd_str_t        number_id;
    hd_str_t        base_url;
    hd_str_t        api_version;
    hd_str_t        token;
    hd_str_t        app_secret;
    hd_str_t        verify_token;
    hd_str_t        hook_token;
    hd_str_t        business_id;
    hd_str_t        phone;
    hd_str_t        channel;
    hd_str_t        config;           /* a JSON object */
    uint32_t        rate_limit;       /* messages per second, 0: no limit */
} hd_store_account_t;

/* from a row of account_hook, account_send or account_use; NULL when it cannot be unsealed
 * (another secret file: logged) or memory is out */
hd_store_account_t *hd_store_account(hd_pg_res_t *res, const u_char *key,
    ngx_log_t *log);
void hd_store_account_free(hd_store_account_t *a);
/* the JSON object of secrets, sealed for the row `id` */
ngx_int_t hd_store_secrets_seal(ngx_pool_t *pool, const u_char *key,
    const hd_uuid_t *id, const hd_str_t *token, const hd_str_t *app_secret,
    const hd_str_t *verify_token, const hd_str_t *hook_token, hd_str_t *out);
/* one member of sealed secrets */
ngx_int_t hd_store_secret_open(ngx_pool_t *pool, const u_char *key,
    const hd_uuid_t *id, const hd_str_t *sealed, const char *member,
    hd_str_t *out);

/* the organisation's key of suppression hashes (sha256(key || phone)); derived
 * from the secret file, so that the table alone says nothing */
void hd_store_suppression_key(const u_char *secret, const hd_uuid_t *org,
    u_char key[32]);


/* Outcomes of attempts, gathered for one settle. */
typedef enum {
    HD_SETTLE_ACCEPTED = 0,
    HD_SETTLE_FAILED,
    HD_SETTLE_UNKNOWN,
    HD_SETTLE_RETRY,                  /* again after wait_us */
    HD_SETTLE_RETURN,                 /* not written: back, uncounted */
    HD_SETTLE_THROTTLED               /* again after wait_us, uncounted */
} hd_settle_e;

typedef struct {
    hd_pg_array_t   batch, seq, fence, outcome, provider_id, code, reason,
                    wait_us, account, detail;
    ngx_uint_t      n;
} hd_settle_rows_t;

void hd_settle_init(hd_settle_rows_t *s);
void hd_settle_add(hd_settle_rows_t *s, const hd_uuid_t *batch, uint32_t seq,
    int64_t fence, hd_settle_e outcome, const hd_str_t *provider_id, int code,
    const hd_str_t *reason, const hd_str_t *detail, int64_t wait_us,
    const hd_uuid_t *account);
/* settle, then parked_find: two statements; the unit's org must be set */
void hd_settle_stmt(hd_pg_unit_t *u, hd_settle_rows_t *s, uint32_t stripe);
void hd_settle_reset(hd_settle_rows_t *s);
void hd_settle_free(hd_settle_rows_t *s);

/* Statuses, gathered for one status_apply. */
typedef struct {
    hd_pg_array_t   batch, seq, account, provider_id, status, at, code,
                    reason, detail, retry_ms, retries;
    ngx_uint_t      n;
    ngx_uint_t      failed;           /* of these */
} hd_status_rows_t;

/* what a failed status's class allows; `retries` may follow the first try */
typedef struct {
    const char     *reason;           /* the class's name */
    hd_str_t        detail;           /* the provider's words; may be empty */
    int             retry_ms;         /* 0: final */
    int             retries;
} hd_status_class_t;

void hd_status_init(hd_status_rows_t *s);
/* batch NULL: only the provider's id is known */
void hd_status_add(hd_status_rows_t *s, const hd_uuid_t *batch, uint32_t seq,
    const hd_uuid_t *account, const hd_str_t *provider_id, int status,
    int64_t at_us, int code);
/* a failed one; one that was parked has its class with it, and is added by
 * hd_status_add */
void hd_status_add_failed(hd_status_rows_t *s, const hd_uuid_t *batch,
    uint32_t seq, const hd_uuid_t *account, const hd_str_t *provider_id,
    int64_t at_us, int code, const hd_status_class_t *c);
/*
 * Rows: batch, seq, state, message, contact, code, note, account.
 *   seq 0   a single message that moved; note "again": it is queued again
 *   seq 1   a broadcast whose counters moved; note "again": some of it is
 *           queued again; "reopened": so it was, after it was completed
 *   seq -1  its account, and where it is one person's ("pair_throttle") its
 *           contact, were told by `note` that they are too fast
 */
void hd_status_stmt(hd_pg_unit_t *u, hd_status_rows_t *s, uint32_t stripe);
void hd_status_reset(hd_status_rows_t *s);
void hd_status_free(hd_status_rows_t *s);

/* What stops sending (hold.sql). */
typedef enum {
    HD_HOLD_ACCOUNT = 0,              /* and all that is sent from it */
    HD_HOLD_MARKETING,                /* what of it is marketing */
    HD_HOLD_TEMPLATE,                 /* and all that uses it */
    HD_HOLD_BROADCAST
} hd_hold_e;

typedef struct {
    hd_hold_e         kind;
    const hd_uuid_t  *id;             /* NULL: the fact before it says which,
                                       * or the row's template */
    const hd_uuid_t  *batch;          /* the row of a failed status, or NULL */
    uint32_t          seq;
    int               code;           /* 0: none */
    const char       *reason;         /* of the pause */
    hd_str_t          words;
    const char       *status;         /* what the number or the template is
                                       * now; NULL: known already */
} hd_hold_t;

typedef struct {
    hd_pg_array_t   kind, id, batch, seq, code, reason, words, status;
    ngx_uint_t      n;
} hd_hold_rows_t;

void hd_hold_init(hd_hold_rows_t *h);
void hd_hold_add(hd_hold_rows_t *h, const hd_hold_t *what);
/* not copied: must live until the submit */
void hd_hold_stmt(hd_pg_unit_t *u, hd_hold_rows_t *h);
/* one, which the caller may forget at once */
void hd_hold_one(hd_pg_unit_t *u, const hd_hold_t *what);
void hd_hold_free(hd_hold_rows_t *h);

/* a row of `hold` or of a fact: its event's type, and data into the buffer */
#define HD_HELD_ACCOUNT    "account.updated"
#define HD_HELD_TEMPLATE   "template.updated"
#define HD_HELD_BROADCAST  "broadcast.paused"

/* of a pause for "quality" that no news told: it is low already */
#define HD_HOLD_QUALITY                                                       \
    "WhatsApp rates the number's quality as low (RED): people block it or "   \
    "report it. Its marketing waits until somebody resumes it."

const char *hd_hold_event(hd_buf_t *b, hd_pg_res_t *res, ngx_uint_t i);

/* text[] literal of PostgreSQL's text form ({a,"b c"}) as a JSON array */
void hd_store_text_array_json(hd_buf_t *b, const hd_str_t *array);

/* hd_mem_t over an nginx pool */
hd_mem_t hd_pool_mem(ngx_pool_t *pool);

#endif /* HD_STORE_H */
