/*
 * types: what the sandbox's parts share: the zone, settings, records, jobs,
 * answers, the worker's state.  Functions stand in sandbox.h.
 */

#ifndef HD_SANDBOX_TYPES_H
#define HD_SANDBOX_TYPES_H

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
#define HD_SB_FAULTS       8
#define HD_SB_STEPS        64          /* of the script */
#define HD_SB_PLAN         16          /* of a message's statuses */
#define HD_SB_CONNECTIONS  16          /* to webhook receivers, per worker */
#define HD_SB_RETRYING     256         /* failed webhooks kept per number */
#define HD_SB_TICK         10          /* ms */
#define HD_SB_WHEEL        4096        /* slots: 41 s a turn */


/* shared memory */

typedef struct hd_sb_node_s       hd_sb_node_t;
typedef struct hd_sb_peer_s       hd_sb_peer_t;
typedef struct hd_sb_portfolio_s  hd_sb_portfolio_t;
typedef struct hd_sb_session_s    hd_sb_session_t;
typedef struct hd_sb_object_s     hd_sb_object_t;      /* graph.h */

/*
 * A recipient as one owner sees it: a number (window, pair rate, marketing) or
 * a portfolio (its place among those of the last 24 h).  Times are µs of the
 * sandbox's clock, 0 when there is none.
 */
struct hd_sb_peer_s {
    hd_sb_peer_t   *next;              /* in its bucket */
    void           *owner;
    uint64_t        to;
    union {
        struct {
            int64_t        inbound;    /* its last message */
            int64_t        tat;        /* pair: until then it is used up */
            int64_t        market;     /* first of the marketing counted */
            uint32_t       marketed;
            uint32_t       stopped;    /* wants no marketing */
        } n;
        struct {
            int64_t        at;         /* last message outside the window */
            hd_sb_peer_t  *older;
            hd_sb_peer_t  *newer;
        } p;
    };
};

_Static_assert(sizeof(hd_sb_peer_t) <= 64, "recipients must stay small");

struct hd_sb_portfolio_s {
    hd_sb_portfolio_t  *next;
    size_t              len;
    u_char              name[HD_SB_ID_MAX];
    ngx_uint_t          unique;        /* recipients of the last 24 h */
    hd_sb_peer_t       *oldest;
    hd_sb_peer_t       *newest;
};

struct hd_sb_node_s {
    hd_sb_node_t   *next;
    ngx_uint_t      exists;            /* 0 after DELETE */
    ngx_uint_t      generation;        /* of the settings below */
    size_t          id_len;
    u_char          id[HD_SB_ID_MAX];
    u_char         *settings;          /* JSON text in the slab */
    size_t          settings_len;

    ngx_atomic_t    tat;               /* rate: µs until which it is used up */
    int64_t        *ring;              /* rate: times of the last messages */
    ngx_uint_t      ring_size;
    ngx_uint_t      ring_at;           /* the oldest of them */
    ngx_atomic_t    peers;             /* recipients of whom it knows */
    ngx_atomic_t    fault_left[HD_SB_FAULTS];
    ngx_atomic_t    fault_since;       /* ms: when the faults were set */
    ngx_atomic_t    script_since;      /* ms: its first message, 0: none */
    ngx_atomic_t    requests;
    ngx_atomic_t    accepted;
    ngx_atomic_t    rejected;
    ngx_atomic_t    statuses;          /* acknowledged by the receiver */
    ngx_atomic_t    inbound;           /* the same */
    ngx_atomic_t    events;            /* the same: of the account */
    ngx_atomic_t    faulted;           /* requests that met a fault */
    ngx_atomic_t    webhooks_sent;     /* POSTs answered 2xx */
    ngx_atomic_t    webhooks_failed;   /* attempts */
    ngx_atomic_t    webhooks_dropped;  /* gave up */
    ngx_atomic_t    verified;          /* 0 not asked, 1 yes, 2 no */
    ngx_atomic_t    pending[HD_SB_SLOTS];  /* events not yet acknowledged */
};

typedef struct {
    ngx_atomic_t    generation;
    hd_sb_node_t   *nodes;
    hd_sb_peer_t  **peers;             /* buckets, made on first use */
    ngx_uint_t      npeers;            /* buckets, a power of two */
    hd_sb_portfolio_t  *portfolios;
    hd_sb_session_t    *sessions;      /* of the WAHA that it plays */
    hd_sb_object_t *objects;           /* in the order they were made */
    ngx_atomic_t    shift;             /* s, added to the sandbox's clock */

    u_char         *script;            /* JSON text in the slab */
    size_t          script_len;
    uint32_t        script_hash;       /* of the file it came from */
    ngx_atomic_t    script_generation;
    ngx_atomic_t    script_since;      /* ms, when the control API set it */
    ngx_atomic_t    script_done[HD_SB_STEPS];

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

/* what goes wrong with a request; see README.md */

typedef enum {
    HD_SB_FAULT_HTTP = 0,
    HD_SB_FAULT_DROP,
    HD_SB_FAULT_RESET_EARLY,           /* before the body is read */
    HD_SB_FAULT_RESET,
    HD_SB_FAULT_HANG,
    /* from here on there is an answer, and the message is taken at default */
    HD_SB_FAULT_TRICKLE,
    HD_SB_FAULT_TEXT,
    HD_SB_FAULT_TRUNCATED,
    HD_SB_FAULT_HUGE,
    HD_SB_FAULT_KINDS
} hd_sb_fault_e;

typedef struct {
    hd_sb_fault_e    kind;
    double           rate;
    int64_t          next;             /* requests it lasts, 0: no end */
    int64_t          for_ms;           /* since it was set, 0: no end */
    int64_t          status;
    int64_t          retry_after;      /* s, 0: no header */
    int64_t          bytes;            /* huge: of the body; trickle: per s */
    unsigned         taken:1;
} hd_sb_fault_t;

/* one status of a message's scripted life */

typedef enum {
    HD_SB_ID_OWN = 0,
    HD_SB_ID_UNKNOWN,                  /* of no message at all */
    HD_SB_ID_OTHER                     /* told by another number */
} hd_sb_id_e;

typedef struct {
    ngx_uint_t       stage;            /* HD_SB_STAGE_… */
    int64_t          code;             /* not 0: failed */
    int64_t          after_ms;         /* of the answer */
    int64_t          times;
    hd_sb_id_e       id;
} hd_sb_plan_t;

enum { HD_SB_WINDOW_OFF = 0, HD_SB_WINDOW_STATUS, HD_SB_WINDOW_ANSWER };

typedef struct hd_sb_template_s  hd_sb_template_t;

struct hd_sb_template_s {
    hd_sb_template_t  *next;
    hd_str_t           name;
    hd_str_t           language;
    hd_str_t           category;       /* "marketing" */
    hd_str_t           status;         /* "", "PAUSED", "DISABLED" */
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
    hd_str_t           portfolio;      /* empty: the number's own */
    hd_sb_range_t      latency[HD_SB_LATENCIES];
    hd_sb_failure_t    failures[HD_SB_FAILURES];
    ngx_uint_t         nfailures;
    hd_sb_template_t  *templates;
    int64_t            rate_limit;     /* messages/s; 0: none */
    int64_t            rate_burst;
    int64_t            batch;
    int64_t            duplicate_times;
    int64_t            tier;           /* recipients in 24 h, 0: no limit */
    int64_t            marketing_cap;  /* per recipient in 24 h, the same */
    int64_t            pair_interval;  /* ms, 0: no pair rate */
    int64_t            pair_burst;
    double             read_rate, delivered_rate, reply_rate;
    double             duplicates, reorder;
    double             unknown_rate, reset_before_rate, hang_rate;
    double             late_failure_rate;
    double             unknown_status_rate, foreign_status_rate;
    hd_sb_fault_t      faults[HD_SB_FAULTS];
    ngx_uint_t         nfaults;
    hd_sb_plan_t       plan[HD_SB_PLAN];
    ngx_uint_t         nplan;          /* 0: the usual life */
    unsigned           window:2;
    unsigned           hold:1;
    unsigned           magic:1;
    unsigned           twilio:2;       /* HD_SB_TWILIO_…; 0: Meta's */
    unsigned           waha:1;         /* a session of WAHA */
    unsigned           count_inbound:1;
    unsigned           throttle_http:1;
    unsigned           refuse:1;       /* limits speak by the answer */
    unsigned           ruled:1;        /* some limit is set */

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
    hd_sb_portfolio_t *portfolio;      /* NULL: no tier is set */

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
    unsigned           category:7;
    unsigned           in_window:1;
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
    ngx_uint_t         events;
    ngx_uint_t         pending;        /* what it counts for in the node */
    unsigned           duplicate:1;
    unsigned           verify:1;       /* the GET with a challenge */
    hd_buf_t           body;           /* verify: the challenge */
    hd_buf_t           path;           /* Twilio's: where it goes, and its */
    hd_buf_t           head;           /* header with the signature */
} hd_sb_job_t;


/* one request that waits for the end of the loop turn, or for its latency */

typedef enum {
    HD_SB_DO_ANSWER = 0,
    HD_SB_DO_RESET,
    HD_SB_DO_DROP,
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
    int64_t              retry_after;  /* s, 0: none */
    int64_t              trickle;      /* bytes a second, 0: all at once */
    int64_t              pad;          /* spaces before the body */
    unsigned             text:1;       /* not JSON, and says so */
    unsigned             queued:1;
} hd_sb_answer_t;


typedef struct {
    ngx_shm_zone_t      *zone;         /* NULL when not used */
    size_t               zone_size;
    ngx_open_file_t     *ledger;       /* NULL: none */
    ngx_flag_t           ledger_fsync;
    ngx_str_t            script;       /* the file's text */
    ngx_thread_pool_t   *threads;
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

    ngx_uint_t           script_generation;
    ngx_uint_t           nsteps;       /* 0: no script */
    ngx_event_t          script_timer;
    unsigned             peers_full:1; /* was logged */

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

#endif /* HD_SANDBOX_TYPES_H */
