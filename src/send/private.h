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
#include "../base/buttons.h"
#include "../base/link.h"
#include "../base/variables.h"
#include "../store/store.h"
#include "../egress/egress.h"
#include "../provider/provider.h"


#define HD_SEND_NAMES     64           /* variables of one template */
#define HD_SEND_VARIANTS  5
#define HD_SEND_SPAN      1024         /* numbers of one statement; a grant
                                          has fewer */

/* a file that a message needs, as its provider can have it (media.c) */
typedef struct {
    hd_uuid_t        id;               /* ours; nil: none, or a link */
    u_char           sha256[32];
    hd_str_t         name;
    hd_media_ref_t   ref;
    unsigned         known:1;          /* ref stands, or it failed */
    unsigned         here:1;           /* it is on our disk */
    unsigned         claimed:1;        /* somebody uploads it */
} hd_file_t;

/* what one template says, or a single message's own text */
typedef struct {
    hd_uuid_t        template_id;
    hd_str_t         provider_id;      /* the provider's id of the template */
    hd_json_t       *document;
    const char      *header_format;    /* image, video, document, or NULL */
    ngx_uint_t       tracks;           /* its links are short ones */
    hd_str_t         template_name;
    hd_str_t         language;
    hd_str_t         header;
    hd_str_t         body;
    hd_json_t       *variables;        /* object of strings, or NULL */
    hd_str_t         names[HD_SEND_NAMES];
    hd_str_t         fallbacks[HD_SEND_NAMES];
    ngx_uint_t       nnames;
    hd_str_t         header_names[4];
    hd_str_t         header_fallbacks[4];
    ngx_uint_t       nheader;
} hd_words_t;

typedef struct {
    ngx_uint_t       single;           /* not a broadcast's */
    hd_words_t      *words[HD_SEND_VARIANTS];
    ngx_uint_t       nwords;
    hd_message_type_e  type;           /* of a single */
    hd_json_t       *content;          /* of one that is neither text nor
                                          template */
    hd_str_t         sent;             /* its text with short links, or "" */
    hd_str_t         reply_to;         /* the provider's id of what it quotes */
    /* of each variant; of a single its own, then its fallback's */
    hd_file_t        files[HD_SEND_VARIANTS];
    ngx_uint_t       nfiles;           /* with an id, not yet known */
    hd_json_t       *payload;          /* a single's template, or NULL */
    hd_json_t       *fallback;         /* what it says when the window is
                                          closed, or NULL */
    u_char           category;         /* m, u, a, s */
    ngx_uint_t       templated;
    int64_t          expires;          /* us, 0: never */
    const char      *blocked;          /* the template's state, or NULL */
} hd_content_t;

/* limits that count over more than one message; NULL strings, 0: none */
typedef struct {
    ngx_uint_t       usable;           /* the number is connected */
    ngx_uint_t       pair;
    ngx_uint_t       retry_unknown[4]; /* by category: m u s a */
    int64_t          hours_until;      /* outside its hours until then */
    int64_t          daily_cap;        /* -1: none */
    hd_str_t         day;
    int64_t          tomorrow;
    hd_str_t         portfolio;
    int64_t          portfolio_limit;  /* -1: none */
    int64_t          cap, cap_days;    /* -1: none */
    int64_t          spend;            /* -1: none */
    hd_str_t         since;
    int64_t          until;
} hd_limits_t;

/* one number in this worker: what of it is on its way, so that one that
 * answers slowly leaves room for the others (number.c) */
typedef struct {
    ngx_queue_t      queue;
    hd_uuid_t        id;
    ngx_uint_t       jobs;
    ngx_uint_t       attempts;
    ngx_uint_t       flying;
    ngx_uint_t       uploads;          /* of files */
    ngx_msec_t       answered;         /* the last answer, or first flight */
    ngx_uint_t       held;             /* hold_account is on its way */
} hd_number_t;

/* a link of a broadcast (link.c) */
typedef struct hd_sent_link_s  hd_sent_link_t;

struct hd_sent_link_s {
    hd_sent_link_t  *next;
    u_char           key[HD_LINK_KEY];
    hd_str_t         url;
};

typedef struct hd_job_s  hd_job_t;
typedef struct hd_row_s  hd_row_t;

/* rows that do not go now: their numbers, reasons and times */
typedef struct {
    hd_pg_array_t         seq, reason, until;
    ngx_uint_t            n;
} hd_turned_t;

struct hd_job_s {
    ngx_queue_t           queue;       /* in hd_send.jobs */
    ngx_pool_t           *pool;
    hd_mem_t              mem;
    hd_grant_t            grant;
    hd_store_account_t   *account;
    const hd_provider_t  *provider;
    hd_number_t          *number;
    hd_limits_t           limits;
    hd_content_t          content;
    ngx_queue_t           read;        /* rows to commit as sending */
    ngx_queue_t           ready;       /* rows to post */
    ngx_uint_t            open;        /* rows that are not gone */
    ngx_uint_t            busy;        /* a unit of this job is in flight */
    ngx_uint_t            loaded;
    ngx_uint_t            waits;       /* hd_bucket_waiting was told */
    hd_timer_t            rest;        /* unusable: ends when it fires */
    hd_turned_t           skipped;
    hd_turned_t           deferred;
    ngx_uint_t            broke;       /* the money is not enough for all */
    ngx_uint_t            confirmed;   /* something may go */
    ngx_uint_t            at_hold;     /* statements of the commit */
    ngx_uint_t            at_sending;
    hd_file_t            *upload;      /* claimed for us, or NULL */
    hd_sent_link_t       *links;       /* newest first */
    hd_sent_link_t       *links_put;   /* from here on they are committed */
    hd_sent_link_t       *links_asked; /* the unit in flight commits from here */
    ngx_uint_t            asked;       /* rows of range_sending */
    hd_row_t             *accepted;    /* of the unit that is being built */
    ngx_uint_t            naccepted;
};

struct hd_row_s {
    ngx_queue_t           queue;       /* in one of the job's, or outcomes */
    hd_job_t             *job;
    uint32_t              seq;
    uint32_t              attempt;     /* in shared memory */
    uint32_t              attempts;    /* made before this one */
    unsigned              confirmed:1; /* committed as sending */
    unsigned              held:1;      /* a shared limit said no */
    unsigned              again:1;     /* was unknown, tried by policy */
    unsigned              opens:1;     /* no window: counts in the portfolio */
    unsigned              fallback:1;  /* says its fallback */
    unsigned              paired:1;    /* hd_pair_take said yes */
    unsigned              fresh:1;     /* has no message yet */
    unsigned              asked:1;     /* its outcome is in the unit */
    unsigned              odd:1;       /* settle_accepted left it alone */
    hd_uuid_t             message_id;
    hd_uuid_t             contact_id;
    uint32_t              variant;
    int32_t               cost;        /* millionths */
    int64_t               due;         /* us; 0: paced, cannot be late */
    hd_words_t           *words;
    hd_str_t              phone;
    hd_str_t              text;
    hd_str_t              sent;        /* the same with short links, or "" */
    hd_str_t             *params;
    hd_str_t             *header_params;
    hd_button_value_t    *buttons;
    ngx_uint_t            nbuttons;
    /* outcome */
    hd_settle_e           outcome;
    int                   code;
    hd_str_t              provider_id;
    hd_str_t              reason;
    hd_str_t              detail;
    int64_t               wait_us;     /* until the next try */
    hd_row_t             *next;        /* in job->accepted */
};

typedef struct {
    hd_send_conf_t        conf;
    ngx_queue_t           jobs;
    ngx_uint_t            njobs;
    ngx_queue_t           outcomes;    /* rows to settle */
    ngx_uint_t            noutcomes;
    ngx_uint_t            attempts;    /* open in shared memory */
    ngx_queue_t           numbers;
    ngx_uint_t            nnumbers;
    ngx_uint_t            quitting;
    ngx_uint_t            over;        /* exit: what calls back is too late */
    hd_timer_t            pace;        /* a bucket's next token */
    hd_timer_t            again;       /* the database was away */
    hd_lap_t              lap;         /* settle what this turn gathered */
    ngx_pool_t           *scratch;     /* for building one request */
} hd_send_t;

extern hd_send_t  hd_send;

/* send.c */
void hd_send_step(void);               /* of all: room or work came back */
void hd_row_outcome(hd_row_t *row, hd_settle_e outcome, int code,
    const char *reason);
/* the same, tried again or looked at again at `next_try` (us) */
void hd_row_later(hd_row_t *row, hd_settle_e outcome, int code,
    const char *reason, int64_t next_try);

/* job.c */
void hd_job_start(const hd_grant_t *grant);
void hd_job_step(hd_job_t *job);       /* whatever can be done next */
void hd_job_drop(hd_row_t *row);       /* never committed as sending */

/* commit.c */
void hd_job_commit(hd_job_t *job);
/* 1: it has rows that may be committed now */
ngx_uint_t hd_job_ready(hd_job_t *job);

/* number.c */
hd_number_t *hd_number_take(const hd_uuid_t *id);      /* NULL: no memory */
void hd_number_release(hd_number_t *n);
ngx_uint_t hd_number_may_commit(hd_number_t *n);
ngx_uint_t hd_number_may_fly(hd_number_t *n);

/* limits.c */
ngx_int_t hd_limits_load(hd_job_t *job, hd_pg_res_t *res);
/* range_lock and range_hold for the rows that hold an attempt, when a limit
 * asks for them; else nothing */
void hd_limits_stmt(hd_job_t *job, hd_pg_unit_t *u);
/* a date as an argument; NULL unless `set` */
void hd_limits_date(hd_pg_unit_t *u, const hd_str_t *s, ngx_uint_t set);
/* millionths that a message is expected to cost */
int32_t hd_limits_cost(hd_job_t *job, const hd_str_t *country,
    ngx_uint_t window);
/* when an unknown outcome is tried again; 0: it is held */
int64_t hd_limits_unknown(hd_job_t *job);

/* content.c */
ngx_int_t hd_content_load(hd_job_t *job, hd_pg_res_t *res);
ngx_int_t hd_content_copy(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t row,
    ngx_uint_t col, hd_str_t *out);
hd_json_t *hd_content_json(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t row,
    ngx_uint_t col);

/* media.c */
/* 1: the files of its rows are known, or it has none; else it goes on by
 * itself, and hd_job_step() is called again */
ngx_uint_t hd_media_ready(hd_job_t *job);
hd_file_t *hd_media_of(hd_row_t *row);
/* the provider does not know its file any more */
void hd_media_forget(hd_row_t *row);
#define HD_MEDIA_LOOK  500             /* ms until somebody's may be there */
void hd_media_known(hd_job_t *job, hd_file_t *f);
/* its rows leave with the reason, or wait until a time (0: they never go) */
void hd_media_turn(hd_job_t *job, hd_file_t *f, const char *reason,
    int64_t until);

/* upload.c: hd_job_step() is called again when it ends */
void hd_upload_claim(hd_job_t *job, hd_file_t *f);
void hd_upload_start(hd_job_t *job);           /* job->upload is claimed */

/* link.c */
/* a value that is an address and nothing else; every address in a text */
ngx_int_t hd_sent_value(hd_row_t *row, hd_str_t *value);
ngx_int_t hd_sent_text(hd_row_t *row, const hd_str_t *text, hd_str_t *out);
ngx_int_t hd_sent_token(hd_row_t *row, const hd_str_t *url, hd_str_t *token);
/* link_put for what is not committed yet; committed, or not */
void hd_sent_stmt(hd_job_t *job, hd_pg_unit_t *u);
void hd_sent_done(hd_job_t *job, ngx_uint_t committed);

/* message.c */
void hd_send_message(hd_row_t *row, hd_mem_t *mem, hd_message_t *m);

/* gate.c */
void hd_gate_turn(hd_turned_t *t, uint32_t seq, const char *reason,
    int64_t until);
void hd_turned_init(hd_turned_t *t);
void hd_turned_reset(hd_turned_t *t);
void hd_turned_free(hd_turned_t *t);
/* row from range_read's line; NULL: skipped or deferred (noted in the job),
 * still another attempt's, or no memory */
hd_row_t *hd_gate_row(hd_job_t *job, hd_pg_res_t *res, ngx_uint_t i);

/* render.c */
/* the row's text and parameters; NGX_DECLINED: a value is missing */
ngx_int_t hd_render(hd_job_t *job, hd_row_t *row, hd_pg_res_t *res,
    ngx_uint_t i);

/* post.c */
void hd_post_pump(void);
/* a reply waits for its bucket (bulk gives way), or no longer does */
void hd_post_waits(hd_job_t *job, ngx_uint_t waits);
ngx_int_t hd_post_init(void);

/* answer.c */
void hd_answer(void *data, const hd_egress_answer_t *a);

/* effect.c: what an answer means for more than its own message.  Committed
 * apart from it; asked for once, and again by the next answer alike. */
void hd_effect_account(hd_row_t *row, const hd_error_row_t *e, int code);
void hd_effect_template(hd_row_t *row, const hd_error_row_t *e, int code);
void hd_effect_marketing(hd_row_t *row, const hd_error_row_t *e, int code);
void hd_effect_broadcast(hd_job_t *job, const char *reason,
    const char *detail);
void hd_effect_opt_out(hd_row_t *row);

/* accepted.c: rows that went straight, of a grant at once */
/* the jobs of `rows` that have many of them, to be settled in a unit of their
 * own; none: nothing is worth it */
hd_job_t **hd_accepted_gather(ngx_queue_t *rows, ngx_uint_t *njobs);
/* settle_accepted, then parked_find_of; the unit's org must be set */
void hd_accepted_stmt(hd_pg_unit_t *u, hd_job_t *job);
/* rows that were left alone become odd */
void hd_accepted_result(hd_job_t *job, hd_pg_res_t *res);

/* parked.c: statuses that came before their message */
/* of settle's or status_apply's row: a single message's tick to the streams */
void hd_settle_event(const hd_uuid_t *org, hd_pg_res_t *res, ngx_uint_t i);
ngx_int_t hd_parked_start(void);
void hd_parked_stop(void);
/* the unit that is being built has statements of this organisation: its part;
 * NGX_ERROR: there are too many */
ngx_int_t hd_parked_part(const hd_uuid_t *org);
const hd_uuid_t *hd_parked_org(ngx_uint_t part);
void hd_parked_clear(void);            /* no part, nothing found */
void hd_parked_found(ngx_uint_t part, hd_pg_res_t *res);
void hd_parked_keep(void);             /* what they belong to is committed */
/* applies what was found; 0: nothing was, else hd_settle_flush() follows */
ngx_uint_t hd_parked_apply(void);

/* settle.c */
void hd_settle_flush(void *data);
/* the value is what is wrong: another time would be the same */
ngx_uint_t hd_settle_is_refused(const char *sqlstate);
ngx_int_t hd_settle_start(void);
void hd_settle_stop(void);

#endif /* HD_SEND_PRIVATE_H */
