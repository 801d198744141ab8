/*
 * What the files of this room share.
 *
 *   job   one grant: its account, its content, its rows
 *   row   one recipient on its way:
 *
 *     READ --commit--> READY --bucket, POST--> FLYING --answer--> OUTCOME
 *      |                 | paused, quitting                         |
 *      + skipped         +-----------> OUTCOME (returned) --settle--+-> gone
 *
 * A row holds an attempt in shared memory from before the commit of "sending"
 * until its outcome is committed; the attempt says "written" from just before
 * the request is given to curl.  So a worker that dies leaves exactly what the
 * helper must know.
 */

#ifndef HD_SEND_PRIVATE_H
#define HD_SEND_PRIVATE_H

#include "send.h"
#include "../base/variables.h"
#include "../store/store.h"
#include "../egress/egress.h"
#include "../provider/provider.h"


#define HD_SEND_NAMES  64              /* variables of one template */

typedef struct {
    ngx_uint_t       single;           /* not a broadcast's */
    hd_str_t         template_name;
    hd_str_t         language;
    hd_str_t         category;
    hd_str_t         header;
    hd_str_t         body;             /* template's, or the single's text */
    hd_json_t       *variables;        /* object of strings, or NULL */
    hd_json_t       *payload;          /* a single's template, or NULL */
    hd_str_t         names[HD_SEND_NAMES];
    hd_str_t         fallbacks[HD_SEND_NAMES];
    ngx_uint_t       nnames;
    hd_str_t         header_names[4];
    hd_str_t         header_fallbacks[4];
    ngx_uint_t       nheader;
} hd_content_t;

typedef struct hd_job_s  hd_job_t;
typedef struct hd_row_s  hd_row_t;

struct hd_job_s {
    ngx_queue_t           queue;       /* in hd_send.jobs */
    ngx_pool_t           *pool;
    hd_mem_t              mem;
    hd_grant_t            grant;
    hd_store_account_t   *account;
    const hd_provider_t  *provider;
    hd_content_t          content;
    ngx_queue_t           read;        /* rows to commit as sending */
    ngx_queue_t           ready;       /* rows to post */
    ngx_uint_t            open;        /* rows that are not gone */
    ngx_uint_t            busy;        /* a unit of this job is in flight */
    ngx_uint_t            loaded;
    ngx_uint_t            waits;       /* hd_bucket_waiting was told */
    hd_timer_t            rest;        /* unusable: ends when it fires */
    hd_pg_array_t         skip_seq, skip_reason;
    ngx_uint_t            nskip;
};

struct hd_row_s {
    ngx_queue_t           queue;       /* in one of the job's, or outcomes */
    hd_job_t             *job;
    uint32_t              seq;
    uint32_t              attempt;     /* in shared memory */
    uint32_t              attempts;    /* made before this one */
    uint32_t              confirmed;   /* committed as sending */
    hd_uuid_t             message_id;
    hd_str_t              phone;
    hd_str_t              text;
    hd_str_t             *params;
    hd_str_t             *header_params;
    /* outcome */
    hd_settle_e           outcome;
    int                   code;
    hd_str_t              provider_id;
    hd_str_t              reason;
    int64_t               wait_us;     /* until the next try */
};

typedef struct {
    hd_send_conf_t        conf;
    ngx_queue_t           jobs;
    ngx_uint_t            njobs;
    ngx_queue_t           outcomes;    /* rows to settle */
    ngx_uint_t            noutcomes;
    ngx_uint_t            attempts;    /* open in shared memory */
    ngx_uint_t            quitting;
    ngx_uint_t            over;        /* exit: what calls back is too late */
    hd_timer_t            pace;        /* a bucket's next token */
    hd_timer_t            again;       /* the database was away */
    hd_lap_t              lap;         /* settle what this turn gathered */
    ngx_pool_t           *scratch;     /* for building one request */
} hd_send_t;

extern hd_send_t  hd_send;

/* send.c */
void hd_job_step(hd_job_t *job);       /* whatever can be done next */
void hd_send_step(void);               /* of all: room or work came back */
void hd_job_end(hd_job_t *job);
void hd_row_outcome(hd_row_t *row, hd_settle_e outcome, int code,
    const char *reason);

/* content.c */
ngx_int_t hd_content_load(hd_job_t *job, hd_pg_res_t *res);
/* row from range_read's line; NULL: skipped (noted in the job), still another
 * attempt's, or no memory */
hd_row_t *hd_content_row(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t i);

/* post.c */
void hd_post_pump(void);
/* a reply waits for its bucket (bulk gives way), or no longer does */
void hd_post_waits(hd_job_t *job, ngx_uint_t waits);
ngx_int_t hd_post_init(void);

/* settle.c */
void hd_settle_flush(void *data);
ngx_int_t hd_settle_start(void);
void hd_settle_stop(void);

#endif /* HD_SEND_PRIVATE_H */
