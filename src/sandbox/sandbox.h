/*
 * sandbox: a second nginx module that behaves like Meta's Cloud API.  It takes
 * messages, answers as the provider does, and later posts signed webhooks.
 * It knows base and nginx only: Herald meets it over HTTP, as a stranger.
 *
 *   module.c    directives, zone, start and stop of a worker
 *   route.c     which path is what; body; the number's own description
 *   message.c   POST …/messages: validate, decide, take
 *   answer.c    answers, given at the end of the loop turn or later
 *   ledger.c    a line for each message, one write(2) per loop turn
 *   control.c   the control API
 *   settings.c  settings of a number: JSON to struct and back
 *   number.c    numbers: shared table and this worker's copies of it
 *   record.c    taken messages waiting for their statuses: the wheel
 *   webhook.c   bodies of webhooks
 *   client.c    the HTTP client that posts them
 *   response.c  reading what a webhook's receiver answers
 *   error.c     the provider's errors, as data
 *
 * Who owns what
 *   shared memory   hd_sb_sh_t: one hd_sb_node_t per number: settings as JSON
 *                   text, counters, rate.  Nodes are never freed, so a worker
 *                   may keep pointers to them.
 *   worker          hd_sb: numbers (a copy of each node's settings, refreshed
 *                   when the shared generation moved), records, jobs,
 *                   connections.  All of it is created on first use and lost
 *                   with the worker.
 *
 * The way of a message's webhooks
 *
 *   taken -> wheel -> (due) -> number's ready list -> batch (job) -> POST
 *              ^                    |                     |  ^
 *              '-- next status -----'              failed '--' retry queue
 */

#ifndef HD_SANDBOX_H
#define HD_SANDBOX_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_event_connect.h>
#include <ngx_http.h>

#include "../base/base.h"


#define HD_SB_BODY_MAX     (1024 * 1024)
#define HD_SB_ID_MAX       40          /* a phone_number_id */
#define HD_SB_SLOTS        64          /* processes that count apart */
#define HD_SB_FAILURES     8
#define HD_SB_CONNECTIONS  16          /* to webhook receivers, per worker */
#define HD_SB_RETRYING     256         /* failed webhooks kept per number */
#define HD_SB_TICK         10          /* ms */
#define HD_SB_WHEEL        4096        /* slots: 41 s a turn */


/* shared memory */

typedef struct hd_sb_node_s  hd_sb_node_t;

struct hd_sb_node_s {
    hd_sb_node_t   *next;
    ngx_uint_t      exists;            /* 0 after DELETE */
    ngx_uint_t      generation;        /* of the settings below */
    size_t          id_len;
    u_char          id[HD_SB_ID_MAX];
    u_char         *settings;          /* JSON text in the slab */
    size_t          settings_len;

    ngx_atomic_t    tat;               /* rate: µs until which it is used up */
    ngx_atomic_t    requests;
    ngx_atomic_t    accepted;
    ngx_atomic_t    rejected;
    ngx_atomic_t    statuses;          /* acknowledged by the receiver */
    ngx_atomic_t    inbound;           /* the same */
    ngx_atomic_t    webhooks_sent;     /* POSTs answered 2xx */
    ngx_atomic_t    webhooks_failed;   /* attempts */
    ngx_atomic_t    webhooks_dropped;  /* gave up */
    ngx_atomic_t    verified;          /* 0 not asked, 1 yes, 2 no */
    ngx_atomic_t    pending[HD_SB_SLOTS];  /* events not yet acknowledged */
};

typedef struct {
    ngx_atomic_t    generation;
    hd_sb_node_t   *nodes;
    /* magic recipients that were refused once, by hash */
    ngx_atomic_t    refused[1024];
} hd_sb_sh_t;


/* settings of a number, as a worker uses them */

typedef struct {
    int64_t         min, max;          /* ms */
} hd_sb_range_t;

enum { HD_SB_ANSWER = 0, HD_SB_SENT, HD_SB_DELIVERED, HD_SB_READ,
       HD_SB_LATENCIES };

typedef struct {
    int64_t         code;
    double          rate;
    unsigned        by_status:1;       /* else by the answer */
} hd_sb_failure_t;

typedef struct hd_sb_template_s  hd_sb_template_t;

struct hd_sb_template_s {
    hd_sb_template_t  *next;
    hd_str_t           name;
    hd_str_t           language;
    hd_str_t           category;       /* "marketing" */
    int64_t            params;         /* of the body; -1: any number */
};

typedef struct {
    hd_str_t           webhook_url;
    hd_str_t           app_secret;
    hd_str_t           verify_token;
    hd_str_t           token;
    hd_str_t           display_phone_number;
    hd_str_t           verified_name;
    hd_str_t           quality_rating;
    hd_str_t           waba_id;
    hd_sb_range_t      latency[HD_SB_LATENCIES];
    hd_sb_failure_t    failures[HD_SB_FAILURES];
    ngx_uint_t         nfailures;
    hd_sb_template_t  *templates;
    int64_t            rate_limit;     /* messages/s; 0: none */
    int64_t            rate_burst;
    int64_t            batch;
    double             read_rate, delivered_rate, reply_rate;
    double             duplicates, reorder;
    double             unknown_rate, reset_before_rate, hang_rate;
    unsigned           hold:1;
    unsigned           magic:1;

    /* made of webhook_url */
    struct sockaddr   *sockaddr;       /* NULL: no webhooks */
    socklen_t          socklen;
    ngx_str_t          host;
    ngx_str_t          uri;
} hd_sb_settings_t;


/* one worker's view of a number */

typedef struct hd_sb_record_s  hd_sb_record_t;
typedef struct hd_sb_number_s  hd_sb_number_t;

struct hd_sb_number_s {
    hd_sb_number_t    *next;           /* in its bucket */
    hd_sb_node_t      *node;
    ngx_uint_t         generation;     /* of the settings copied */
    ngx_pool_t        *pool;           /* holds the settings */
    hd_sb_settings_t   set;

    ngx_queue_t        active;         /* in hd_sb.active when it has work */
    ngx_queue_t        jobs;           /* ready webhooks, bodies made */
    hd_sb_record_t    *ready;          /* records with statuses due */
    hd_sb_record_t   **ready_last;
    ngx_uint_t         retrying;       /* jobs in the retry queue */
    unsigned           queued:1;       /* is in hd_sb.active */
    unsigned           failing:1;      /* a failure was logged */
};

/*
 * A taken message.  What can be computed again (the wamid) is not kept.
 * 100,000 of these with Herald's reference of 30 bytes take about 10 MB.
 */
struct hd_sb_record_s {
    hd_sb_record_t    *next;
    hd_sb_number_t    *number;
    uint64_t           to;             /* wa_id's digits */
    uint32_t           due[4];         /* ms since hd_sb.base */
    int32_t            code;           /* not 0: fails by status */
    u_char             key[9];         /* of the wamid */
    uint8_t            todo;           /* bits 1 << stage */
    uint8_t            category;
    uint8_t            to_len;
    uint16_t           ref_len;
    u_char             ref[];
};

_Static_assert(sizeof(hd_sb_record_t) <= 64, "records must stay small");

/* stages of a record; with a code the first one reads "failed" */
enum { HD_SB_STAGE_SENT = 0, HD_SB_STAGE_DELIVERED, HD_SB_STAGE_READ,
       HD_SB_STAGE_REPLY };

enum { HD_SB_SERVICE = 0, HD_SB_MARKETING, HD_SB_UTILITY,
       HD_SB_AUTHENTICATION };

#define HD_SB_WAMID_MAX  96

/* one webhook to deliver */
typedef struct {
    ngx_queue_t        queue;          /* number's jobs or hd_sb.retries */
    hd_sb_number_t    *number;
    ngx_msec_t         first;          /* of the first attempt */
    ngx_msec_t         next;           /* of the next attempt */
    ngx_uint_t         attempts;
    ngx_uint_t         statuses;
    ngx_uint_t         inbound;
    ngx_uint_t         pending;        /* what it counts for in the node */
    unsigned           duplicate:1;
    unsigned           verify:1;       /* the GET with a challenge */
    hd_buf_t           body;           /* verify: the challenge */
} hd_sb_job_t;


/* one request that waits for the end of the loop turn, or for its latency */

typedef enum {
    HD_SB_DO_ANSWER = 0,
    HD_SB_DO_RESET,
    HD_SB_DO_HANG
} hd_sb_do_e;

typedef struct {
    ngx_queue_t          queue;
    ngx_http_request_t  *request;
    ngx_event_t          timer;
    hd_sb_do_e           what;
    ngx_uint_t           status;
    ngx_str_t            body;
    ngx_msec_t           delay;
    unsigned             queued:1;
} hd_sb_answer_t;


typedef struct {
    ngx_shm_zone_t      *zone;         /* NULL when not used */
    size_t               zone_size;
    ngx_open_file_t     *ledger;       /* NULL: none */
    ngx_flag_t           ledger_fsync;
    ngx_uint_t           used;
} hd_sb_main_conf_t;

typedef struct {
    hd_sb_record_t      *head;
    hd_sb_record_t     **last;
} hd_sb_slot_t;

typedef struct {
    hd_sb_sh_t          *sh;
    ngx_slab_pool_t     *shpool;
    hd_sb_main_conf_t   *conf;
    ngx_uint_t           slot;         /* in node->pending */
    ngx_uint_t           generation;   /* of sh, as last looked at */

    hd_sb_number_t      *numbers[256];
    ngx_queue_t          active;
    ngx_queue_t          retries;

    ngx_event_t          tick;
    void                *ident[4];     /* what debug logging takes for tick's
                                          connection: ident[3] is its fd */
    ngx_msec_t           base;
    uint32_t             wheel_at;     /* last tick done */
    ngx_uint_t           records;
    ngx_uint_t           jobs;
    hd_sb_slot_t         wheel[HD_SB_WHEEL];

    hd_buf_t             ledger;       /* lines of this loop turn */
    ngx_queue_t          answers;      /* wait for the ledger */
    ngx_queue_t          waiting;      /* wait for a delay, or for ever */
    ngx_event_t          flush;

    uint64_t             random;
    uint32_t             serial;
    u_char               key[5];
    unsigned             ready:1;
    unsigned             ticking:1;    /* the wheel turns */
} hd_sb_worker_t;

extern hd_sb_worker_t  hd_sb;
extern ngx_module_t    ngx_http_herald_sandbox_module;


/* module.c: makes the worker's state on first use, follows a new zone */
void hd_sb_attach(hd_sb_main_conf_t *mcf);
double hd_sb_random(void);                             /* [0, 1) */
int64_t hd_sb_pick(const hd_sb_range_t *range);
hd_mem_t hd_sb_mem(ngx_pool_t *pool);

/* route.c */
ngx_int_t hd_sb_handler(ngx_http_request_t *r);
/* which number, version checked, and what follows it ("messages" or "") */
typedef struct {
    ngx_str_t            id;
    ngx_str_t            edge;
    struct timespec      at;           /* real time at header parse */
    int64_t              mono_us;
    hd_sb_number_t      *number;       /* control: NULL when there is none */
} hd_sb_target_t;
/* the whole body; an HTTP status when it cannot be had */
ngx_int_t hd_sb_body(ngx_http_request_t *r, ngx_str_t *body);
/* answers with the provider's error */
ngx_int_t hd_sb_refuse(ngx_http_request_t *r, int64_t code, int subcode,
    const char *details);

/* message.c */
void hd_sb_message(ngx_http_request_t *r);

/* answer.c: give what is to be said, and never touch the request again */
void hd_sb_answer_later(ngx_http_request_t *r, hd_sb_answer_t *a);
ngx_int_t hd_sb_answer_now(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *body);
void hd_sb_answer_exit(void);

/* ledger.c: a line is written before the answer that it is about */
typedef struct {
    hd_str_t             to;           /* digits */
    hd_str_t             type;
    hd_str_t             reference;
    hd_str_t             wamid;
    const char          *outcome;
    int64_t              code;
    hd_json_t           *body;         /* NULL when it was no JSON */
} hd_sb_entry_t;
void hd_sb_ledger_add(hd_sb_target_t *t, const hd_sb_entry_t *e);
void hd_sb_ledger_flush(void);
/* the "components" of `type` in a template, NULL when there are none */
hd_json_t *hd_sb_component(const hd_json_t *tmpl, const char *type);

/* control.c */
ngx_int_t hd_sb_control(ngx_http_request_t *r, ngx_str_t *path);

/* settings.c: members given in `v` over what is in `set`; on HD_ERROR `why`
 * says in plain words which member is wrong */
void hd_sb_settings_default(hd_sb_settings_t *set);
int hd_sb_settings_merge(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size);
/* the members, without the braces */
void hd_sb_settings_write(hd_buf_t *b, const hd_sb_settings_t *set);

/* number.c */
hd_sb_number_t *hd_sb_number_find(const ngx_str_t *id);  /* NULL: none */
ngx_int_t hd_sb_number_store(const ngx_str_t *id, const hd_buf_t *json);
void hd_sb_number_delete(hd_sb_number_t *number);
/* takes over what other workers changed; cheap when nothing did */
void hd_sb_number_refresh(void);
void hd_sb_number_activate(hd_sb_number_t *number);
/* HD_OK when the rate allows one more message now */
int hd_sb_number_rate(hd_sb_number_t *number);
void hd_sb_number_pending(hd_sb_number_t *number, ngx_int_t n);
void hd_sb_number_clear_slot(ngx_slab_pool_t *shpool, hd_sb_sh_t *sh,
    ngx_uint_t slot);

/* record.c */
hd_sb_record_t *hd_sb_record_create(hd_sb_number_t *number,
    const hd_str_t *to, const hd_str_t *ref);
/* plans the statuses of a record that has code, category and number set */
void hd_sb_record_plan(hd_sb_record_t *rec, ngx_msec_t answer_delay,
    int magic);
void hd_sb_record_free(hd_sb_record_t *rec);
size_t hd_sb_wamid(u_char *out, const hd_str_t *digits, const u_char *key);
void hd_sb_new_key(u_char key[9]);
void hd_sb_tick_start(void);
/* a batch of statuses that are due, or NULL when there is none */
hd_sb_job_t *hd_sb_record_batch(hd_sb_number_t *number);
void hd_sb_record_drop(hd_sb_number_t *number);

/* webhook.c */
typedef struct {
    hd_str_t   from;                   /* digits */
    hd_str_t   name;
    hd_str_t   text;
    hd_str_t   type;
    hd_str_t   context_id;
    hd_str_t   id;                     /* empty: a new one */
} hd_sb_inbound_t;

hd_sb_job_t *hd_sb_job_create(hd_sb_number_t *number);
void hd_sb_job_free(hd_sb_job_t *job);
void hd_sb_job_queue(hd_sb_job_t *job);
void hd_sb_job_duplicate(hd_sb_job_t *job);
void hd_sb_webhook_head(hd_buf_t *b, hd_sb_number_t *number);
void hd_sb_webhook_tail(hd_buf_t *b);
void hd_sb_webhook_status(hd_buf_t *b, hd_sb_record_t *rec,
    ngx_uint_t stage);
/* makes the webhook and queues it; `id` receives the message's id */
ngx_int_t hd_sb_webhook_inbound(hd_sb_number_t *number,
    const hd_sb_inbound_t *in, u_char *id, size_t *id_len);
void hd_sb_webhook_reply(hd_sb_record_t *rec);
ngx_int_t hd_sb_webhook_verify(hd_sb_number_t *number);

/* client.c */
void hd_sb_client_pump(void);          /* gives jobs to free connections */
void hd_sb_client_retries(void);       /* brings back those that are due */
void hd_sb_client_exit(void);

/* response.c: HTTP/1.1 answers, fed in pieces */
typedef struct {
    ngx_uint_t   state;
    ngx_uint_t   status;
    off_t        rest;                 /* of the body or of the chunk */
    unsigned     keepalive:1;
    unsigned     chunked:1;
    unsigned     has_length:1;
    size_t       line_len;
    u_char       line[512];            /* a header line longer is cut */
    size_t       body_len;
    u_char       body[64];             /* its beginning */
} hd_sb_response_t;

void hd_sb_response_init(hd_sb_response_t *resp);
/* NGX_DONE whole, NGX_AGAIN more wanted, NGX_ERROR no HTTP; `eof` says that
 * the peer closed after these bytes */
ngx_int_t hd_sb_response_feed(hd_sb_response_t *resp, const u_char *p,
    size_t len, ngx_uint_t eof);

/* error.c */
typedef struct {
    int          code;
    ngx_uint_t   status;               /* of HTTP */
    const char  *title;
    const char  *details;
} hd_sb_error_t;

const hd_sb_error_t *hd_sb_error_find(int64_t code);  /* never NULL */
/* the provider's error object into the request's pool; details NULL: the
 * table's; subcode 0: none */
ngx_int_t hd_sb_error_body(ngx_http_request_t *r, ngx_str_t *body,
    int64_t code, int subcode, const char *details);

#endif /* HD_SANDBOX_H */
