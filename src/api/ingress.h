/*
 * The ingress, private to its files:
 *
 *   ingress.c          a webhook's request: address, body, signature, answer
 *   ingress_account.c  whose address it is (the worker's cache of accounts)
 *   ingress_event.c    from a body to events
 *   ingress_unit.c     from many events to the statements of one unit
 *   ingress_fact.c     what numbers, templates and people's wishes become
 *   ingress_session.c  sessions behind a QR code, what we wrote by the phone,
 *                      what others than webhooks bring
 *   ingress_notice.c   from its results to what others are told
 *   ingress_batch.c    what gathers, what is on its way, what is answered
 *   ingress_keep.c     what PostgreSQL can never store, kept as it came
 *   spool*.c           what PostgreSQL cannot store now (see spool.h)
 *
 * A POST's life:
 *
 *   address ─> account ─> body ─> signature ─> parsed ─> gathered ─> one unit
 *      404       404      413       401          400        503    with others
 *                503                                                200 or 503
 *
 * Where it ends in 503 because of PostgreSQL, from the signature on, the spool
 * takes it when there is one: 200 after fsync.
 */

#ifndef HD_INGRESS_H
#define HD_INGRESS_H

#include "frame.h"


/* what is not yet known is asked once, and all who want it are queued */
typedef struct hd_hook_account_s  hd_hook_account_t;
typedef struct hd_hook_wait_s     hd_hook_wait_t;

struct hd_hook_account_s {
    ngx_queue_t             queue;        /* of the cache, newest first */
    hd_hook_account_t      *next;         /* of its bucket */
    u_char                  hash[32];     /* of the address's token */
    hd_store_account_t     *row;
    hd_account_t            view;         /* the row as providers see it */
    const hd_provider_t    *provider;
    ngx_msec_t              until;
    ngx_uint_t              refs;
    ngx_queue_t             waiters;      /* while it is being asked */
    hd_pg_unit_t           *unit;
    ngx_uint_t              found;        /* rows of the question */
    hd_hook_account_t      *old;          /* referenced: what it was before */
    uint32_t                epoch;        /* when it became old */
    unsigned                listed:1;     /* in its bucket */
    unsigned                charges:1;    /* inbound counts for its rate */
    ngx_msec_t              seen;         /* when account_seen was asked */
};

/*
 * status 0: wait->account is there and referenced; else the HTTP status that
 * says why not.
 */
typedef void (*hd_hook_wait_pt)(hd_hook_wait_t *wait, ngx_uint_t status);

struct hd_hook_wait_s {
    ngx_queue_t             queue;
    hd_hook_wait_pt         done;
    hd_hook_account_t      *account;      /* asked for, or referenced */
    unsigned                queued:1;
};

ngx_int_t hd_hook_accounts_init(void);
void hd_hook_accounts_exit(void);
/* NGX_OK: known now; NGX_AGAIN: done will be called; else the HTTP status */
ngx_int_t hd_hook_account(hd_hook_wait_t *wait, const u_char hash[32]);
/* does not wait any more, or gives its reference back */
void hd_hook_account_leave(hd_hook_wait_t *wait);
void hd_hook_account_release(hd_hook_account_t *account);


typedef enum {
    HD_HOOK_STATUS = 0,
    HD_HOOK_INBOUND,
    HD_HOOK_OTHER
} hd_hook_kind_e;

typedef struct {
    hd_str_t                provider_id;
    int64_t                 at;
    uint32_t                seq;
    int                     status;
    int                     code;
    hd_str_t                detail;       /* failed: the provider's words */
    unsigned                known:1;      /* id and seq say which delivery */
} hd_hook_status_t;

typedef struct {
    hd_str_t                field;
    hd_str_t                raw;
    hd_str_t                business_id;
    hd_fact_t              *facts;
    u_char                  hash[32];
} hd_hook_other_t;

typedef struct hd_hook_event_s  hd_hook_event_t;

struct hd_hook_event_s {
    hd_hook_event_t        *next;
    hd_hook_kind_e          kind;
    unsigned                left:1;       /* out: it cannot be stored */
    hd_uuid_t               id;           /* status: batch; else the new row */
    hd_uuid_t               file;         /* inbound: its media, or nil */
    union {
        hd_hook_status_t    status;
        hd_inbound_event_t  inbound;
        hd_hook_other_t     other;
    } u;
};

/*
 * A request's events with memory of their own: they are committed also when
 * the client has gone.
 */
typedef struct {
    ngx_queue_t             queue;
    ngx_pool_t             *pool;
    ngx_http_request_t     *r;            /* NULL: nobody waits */
    hd_hook_account_t      *account;      /* referenced */
    hd_hook_event_t        *events;
    hd_hook_event_t       **last;
    ngx_uint_t              nevents;
    ngx_uint_t              cost;
    hd_str_t                body;         /* the request's or the replay's */
    int64_t                 at;           /* received */
    ngx_msec_t              since;        /* gathered */
    ngx_queue_t             spool;        /* while spooling */
    ngx_uint_t              tries;        /* that left something out */
    char                    sqlstate[6];  /* why events were left out */
    unsigned                alone:1;      /* tried in a unit of its own */
    unsigned                keep:1;       /* the body with what was left out */
    unsigned                flying:1;     /* in a flight */
    unsigned                replay:1;     /* from the spool */
    unsigned                spooling:1;   /* its group is not yet written */
    unsigned                spooled:1;    /* and answered */
    /* of what no request brought: how it ended */
    void                  (*fed)(void *data, ngx_uint_t status);
    void                   *fed_data;
} hd_hook_t;

/* ingress.c: answers and frees */
void hd_hook_finish(hd_hook_t *h, ngx_uint_t status);
/* answers only */
void hd_hook_answer(hd_hook_t *h, ngx_uint_t status);

/* ingress_event.c */
/* 0 and a hook, maybe without events; else the HTTP status to refuse with;
 * `r` is NULL when it is replayed, `at` is when it was received */
ngx_uint_t hd_hook_parse(ngx_http_request_t *r, hd_hook_account_t *account,
    const hd_str_t *body, int64_t at, hd_hook_t **out);
void hd_hook_free(hd_hook_t *h);
void hd_hook_events_exit(void);
/* text[] of the phones that a wa_id may have; `out` holds HD_HOOK_PHONES */
#define HD_HOOK_PHONES  64
void hd_hook_phones(const hd_str_t *wa_id, char *out);

/* ── one unit for many requests ── */

/* a single message's status: when it was, by its id */
typedef struct {
    hd_uuid_t             id;
    int64_t               at;
} hd_hook_at_t;

typedef enum {
    HD_STEP_ORG = 0,
    HD_STEP_STATUS,
    HD_STEP_INBOUND,
    HD_STEP_OTHER,
    HD_STEP_FACT,
    HD_STEP_KEEP
} hd_step_e;

/* one statement of a unit */
typedef struct {
    hd_step_e             kind;
    ngx_uint_t            order;         /* as it came */
    hd_store_account_t   *account;       /* STATUS: any of its org */
    hd_hook_event_t      *event;         /* INBOUND, OTHER, FACT */
    hd_fact_t            *fact;          /* FACT */
    hd_hook_at_t         *at;            /* STATUS */
    ngx_uint_t            nat;
    ngx_uint_t            n;             /* STATUS: elements */
    unsigned              charges:1;     /* INBOUND */
} hd_step_t;

/* what others are told after the commit; nil and 0 are nothing */
typedef struct hd_notice_s  hd_notice_t;

struct hd_notice_s {
    hd_notice_t          *next;
    hd_uuid_t             org;
    hd_uuid_t             batch;         /* a broadcast's counters moved */
    hd_uuid_t             id;            /* of mail and pause */
    hd_mail_e             mail;          /* to the helper, 0: none */
    hd_uuid_t             charged;       /* an account: one came in */
    hd_uuid_t             slow;          /* an account: it is too fast */
    hd_uuid_t             person;        /* it is too fast for this one only */
    ngx_uint_t            statuses;      /* elements */
    ngx_uint_t            inbound;       /* new messages */
    const char           *type;          /* of the event with data, or NULL */
    hd_str_t              data;
    unsigned              pause:1;       /* the broadcast id, now */
};

typedef struct {
    ngx_queue_t           hooks;
    ngx_uint_t            n;
    ngx_uint_t            nevents;
    hd_pg_unit_t         *unit;          /* NULL: free */
    hd_step_t            *steps;         /* unit->nstmts, in its pool */
    ngx_uint_t            nsteps;
    hd_notice_t          *notices;       /* in the unit's pool */
    hd_notice_t         **last;
    unsigned              again:1;       /* was tried before as it is */
} hd_flight_t;


/* ingress_unit.c */
ngx_int_t hd_hook_unit_init(void);
void hd_hook_unit_exit(void);
/* the statements of all hooks of a flight */
ngx_int_t hd_hook_unit_build(hd_flight_t *f, hd_pg_unit_t *u);
/* once it is submitted, or was not: the arrays are free again */
void hd_hook_unit_built(void);
/* of the counters that this worker's ingress writes */
uint32_t hd_hook_stripe(void);
/* of hd_hook_at_t */
int hd_hook_cmp_at(const void *one, const void *two);

/* ingress_fact.c */
/* the statement of s->fact; NGX_ERROR: out of memory */
ngx_int_t hd_hook_fact_stmt(hd_pg_unit_t *u, hd_step_t *s);
/* and behind it what it stops; NGX_DECLINED: nothing */
ngx_int_t hd_hook_fact_hold(hd_pg_unit_t *u, hd_step_t *s);
void hd_hook_fact_result(hd_flight_t *f, hd_pg_unit_t *u, hd_step_t *s,
    hd_pg_res_t *res);
/* 1 when there is something to do about it */
ngx_uint_t hd_hook_fact_acts(const hd_fact_t *f);

/* what a failed status of some classes stops; the statement goes behind their
 * status_apply, and its result is a fact's */
void hd_hook_hold_add(hd_hold_rows_t *h, const hd_error_row_t *row,
    const hd_hook_event_t *e, const hd_uuid_t *account);

/* ingress_session.c */
ngx_int_t hd_hook_session_stmt(hd_pg_unit_t *u, hd_step_t *s);
/* row i of session_fact */
void hd_hook_session_result(hd_flight_t *f, hd_pg_unit_t *u, hd_step_t *s,
    hd_pg_res_t *res, ngx_uint_t i);
void hd_hook_echo_stmt(hd_pg_unit_t *u, hd_step_t *s);
/* once a minute for an account behind a QR code */
void hd_hook_seen_stmt(hd_pg_unit_t *u, hd_flight_t *f, hd_hook_t *h);
/* ingress_unit.c: the statement before was one of this kind */
hd_step_t *hd_hook_step(hd_flight_t *f, hd_step_e kind, hd_hook_t *h);

/* ingress_notice.c */
void hd_hook_notices_init(void);
void hd_hook_notices_exit(void);
/* with the data that is in the buffer when there is a type; NULL: no memory */
hd_notice_t *hd_hook_notice(hd_flight_t *f, hd_pg_unit_t *u,
    hd_store_account_t *account, const char *type, hd_buf_t *data);
/* a result becomes notices; u->data is the flight */
void hd_hook_unit_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
/* after the commit */
void hd_hook_unit_publish(hd_notice_t *notices);

/* ingress_keep.c */
/* NGX_OK: what could not be stored is left out, and it may be tried again;
 * NGX_DECLINED: the data is not to blame; NGX_ABORT: it is, and no row takes
 * it in any form */
ngx_int_t hd_hook_leave_out(hd_flight_t *f, hd_hook_t *h, hd_pg_unit_t *u);
/* the body as it came becomes a row */
ngx_int_t hd_hook_keep(hd_pg_unit_t *u, hd_hook_t *h);

/* ingress_batch.c */
ngx_int_t hd_hook_batch_init(void);
void hd_hook_batch_exit(void);
/* one from the spool, in order */
void hd_hook_replay(hd_hook_t *h);
/* the spool is empty, or its replay may go on */
void hd_hook_batch_wake(void);
/* nothing of a replay is on its way any more; frees what waits for its turn */
ngx_uint_t hd_hook_replay_stop(void);
/* the spool has written it, or could not */
void hd_hook_spooled(hd_hook_t *h, ngx_uint_t status);
/* a graceful quit: nothing may wait in memory for the spool to become empty */
void hd_hook_batch_quit(void);
/* NGX_OK: hd_hook_finish will be called; NGX_BUSY: too much is gathered */
ngx_int_t hd_hook_gather(hd_hook_t *h);
/* spool.c: what is on disk, of all workers; for /metrics */
void hd_spool_sum(uint64_t *records, uint64_t *bytes);
/* requests that are not yet committed */
ngx_uint_t hd_hook_waiting(void);

#endif /* HD_INGRESS_H */
