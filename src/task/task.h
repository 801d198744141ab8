/*
 * task: workers only.  Errands: what is done at a provider, or for somebody
 * outside, that is no message: a file is fetched, a template's status asked
 * for, a status posted and taken back, a session looked after.
 *
 *   row + agenda line (herald_errand() in SQL, in the transaction of the
 *   cause) -> helper: it is due -> a worker is told -> it claims (the line
 *   moves ahead by the lease) -> run -> done: row and line go
 *                                    -> again: later, with growing delay
 *                                    -> failed: row stays with its reason,
 *                                       the line goes
 *
 * An errand may run twice (a worker died, the lease passed): what it does must
 * bear that, or its row must say how far it came before the request is made.
 * At most HD_TASKS run at once in a worker, and one provider's silence holds
 * no other: of one account at most HD_TASKS_ACCOUNT.
 */

#ifndef HD_TASK_H
#define HD_TASK_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "../base/base.h"
#include "../loop/loop.h"
#include "../shm/shm.h"
#include "../pg/pg.h"
#include "../store/store.h"
#include "../egress/egress.h"
#include "../provider/provider.h"


#define HD_TASKS          32
#define HD_TASKS_ACCOUNT  4
#define HD_TASK_LEASE     120          /* s */

typedef void (*hd_task_answer_pt)(void *data, ngx_uint_t status,
    const hd_str_t *answer);

typedef struct {
    hd_pg_pool_t   *pg;
    hd_shm_t       *shm;
    uint32_t        slot;
    hd_wake_t      *wake;
    u_char         *secret_key;
    const char     *media;             /* folder of files; NULL: none */
    const hd_egress_smtp_t *smtp;      /* NULL: no e-mail */
    ngx_str_t       public_url;        /* "https://crm.example"; len 0: none */
    /* a webhook's body into the ingress (hd_ingress_feed) */
    ngx_int_t     (*feed)(const hd_str_t *token, const hd_str_t *body,
                      void (*fed)(void *data, ngx_uint_t status), void *data);
    /* a POST to our own API, see hd_api_ask; events to the streams */
    ngx_int_t     (*ask)(const hd_uuid_t *org, const hd_uuid_t *by,
                       const char *path, const hd_str_t *body,
                       const hd_uuid_t *id, hd_task_answer_pt done,
                       void *data);
    void          (*publish)(const hd_uuid_t *org, const char *type,
                       hd_buf_t *data);
    ngx_log_t      *log;
} hd_task_conf_t;

typedef struct hd_task_s  hd_task_t;

struct hd_task_s {
    ngx_queue_t          queue;
    ngx_pool_t          *pool;
    hd_mem_t             mem;          /* over it */
    hd_uuid_t            org;
    hd_uuid_t            id;
    hd_uuid_t            account_id;   /* nil: none */
    hd_uuid_t            ref;          /* nil: none */
    hd_str_t             kind;
    hd_json_t           *args;         /* an object */
    ngx_uint_t           attempts;     /* this one included */
    hd_store_account_t  *account;      /* loaded when account_id is set */
    const hd_provider_t *provider;
    void                *ctx;          /* the kind's own */
};

typedef struct {
    const char    *kind;
    /* ends, now or later, with one of the hd_task_ calls below, once */
    void         (*run)(hd_task_t *task);
    ngx_uint_t     attempts;           /* then it failed; 0: for ever */
    ngx_msec_t     delay;              /* of the first repetition; doubles */
} hd_task_kind_t;

extern hd_task_conf_t  hd_task;

ngx_int_t hd_task_init(const hd_task_conf_t *conf);
void hd_task_quit(void);
void hd_task_exit(void);
/* this worker was woken: errands may be due */
void hd_task_wake(void);

/* all kinds (kinds.c); NULL kind ends the table */
extern const hd_task_kind_t  hd_task_kinds[];

/*
 * The ends.  hd_task_done: `u` is a unit that the kind has filled with what
 * must be written (NULL: nothing), its errand goes in the same transaction.
 * hd_task_again: later (ms 0: by the kind's delay), unless it was its last
 * attempt.  hd_task_failed: for good; detail is shown to people.
 */
void hd_task_done(hd_task_t *task, hd_pg_unit_t *u);
void hd_task_again(hd_task_t *task, ngx_msec_t ms, const char *detail);
void hd_task_failed(hd_task_t *task, const char *detail);
/* a unit with the errand's organisation set, for hd_task_done */
hd_pg_unit_t *hd_task_unit(hd_task_t *task, hd_pg_result_pt on_result);

/*
 * One operation at the account's provider: builds, sends, reads, then calls
 * `done` with the answer (valid until it returns).  What could not be sent or
 * gave no answer is outcome UNKNOWN; a worker without a free connection tries
 * again by itself.  file: sent, or written to (see hd_egress_request_t).
 */
typedef void (*hd_task_op_pt)(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw);

void hd_task_op(hd_task_t *task, hd_op_e op, const hd_json_t *args,
    const char *file, off_t file_max, hd_task_op_pt done);

#endif /* HD_TASK_H */
