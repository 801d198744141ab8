/*
 * sandbox: a second nginx module that behaves like Meta's Cloud API.  It takes
 * messages, answers as the provider does, and later posts signed webhooks.
 * It knows base and nginx only: Herald meets it over HTTP, as a stranger.
 *
 *   module.c    directives, zone, start and stop of a worker
 *   route.c     which path is what; body; the number's own description
 *   graph*.c    the API beside messages: templates, files, numbers; object.c
 *               keeps them (graph.h)
 *   message.c   POST …/messages: decide, take
 *   check.c     is the body a message
 *   interactive.c  the parts of an interactive message
 *   rule.c      the provider's limits: what refuses a message, what fails it
 *   peer.c      what is known of a recipient: window, pair, opt-out, tier
 *   magic.c     recipients whose digits say what happens
 *   fault.c     outages, resets, answers that are none
 *   answer.c    answers, given at the end of the loop turn or later
 *   ledger.c    a line for each message, one write(2) per loop turn
 *   oracle.c    what the ledger's lines say, computed in a thread
 *   facts.c     that computation
 *   control.c   the control API: numbers
 *   command.c   the control API: recipients, statuses, the clock, the script
 *   event.c     the control API: webhooks about the account
 *   script.c    settings that change by themselves
 *   settings.c  settings of a number: JSON to struct and back
 *   lists.c     those settings that are lists
 *   number.c    numbers: shared table and this worker's copies of it
 *   record.c    taken messages waiting for their statuses: the wheel
 *   status.c    statuses out of the ordinary
 *   webhook.c   bodies of webhooks
 *   client.c    the HTTP client that posts them
 *   response.c  reading what a webhook's receiver answers
 *   error.c     the provider's errors, as data
 *   twilio*.c   the same for Twilio (twilio.h)
 *   waha*.c     the same for WAHA (waha.h)
 *
 * Who owns what
 *   shared memory   hd_sb_sh_t: one hd_sb_node_t per number: settings as JSON
 *                   text, counters, rate; recipients, portfolios, the script.
 *                   Nodes, recipients and portfolios are never freed, so a
 *                   worker may keep pointers to them.
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

#include "types.h"


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
    ngx_uint_t           faulty;       /* the fault below is met */
    hd_sb_fault_t        fault;        /* a copy: settings may go */
} hd_sb_target_t;
/* the whole body; an HTTP status when it cannot be had */
ngx_int_t hd_sb_body(ngx_http_request_t *r, ngx_str_t *body);
/* answers with the provider's error */
ngx_int_t hd_sb_refuse(ngx_http_request_t *r, int64_t code, int subcode,
    const char *details);

/* graph.c: all but messages; NGX_DECLINED: none of its paths */
ngx_int_t hd_sb_graph(ngx_http_request_t *r, const ngx_str_t *path);
/* the control API's: a file that somebody is to have sent */
void hd_sb_media_make(ngx_http_request_t *r);
/* a GET of the number */
ngx_int_t hd_sb_describe(ngx_http_request_t *r, hd_sb_number_t *n);

/* twilio.c; NGX_DECLINED: none of its paths */
ngx_int_t hd_sb_twilio(ngx_http_request_t *r, const ngx_str_t *path);
/* twilio_event.c: one status of a message; a message that came */
hd_sb_job_t *hd_sb_twilio_status(hd_sb_record_t *rec, ngx_uint_t stage);

/* message.c */
void hd_sb_message(ngx_http_request_t *r);

/* check.c */
typedef struct hd_sb_magic_s  hd_sb_magic_t;

typedef struct {
    hd_str_t             input;        /* "to" as given */
    hd_str_t             type;
    hd_str_t             reference;
    hd_json_t           *value;        /* the object of that type */
    u_char               digits[16];
    hd_str_t             to;           /* digits, in the above */
    uint64_t             to_number;    /* the same */
    uint8_t              category;
    unsigned             template:1;
    unsigned             in_window:1;
    unsigned             throttled:1;  /* refused for the number's rate */
    int64_t              code;         /* why it is refused; 0: it is not */
    int64_t              fails;        /* by status, later; 0: it does not */
    const char          *details;
    const hd_sb_magic_t *magic;        /* NULL: an ordinary recipient */
} hd_sb_message_t;

/* sets m->code when `body` (NULL: no JSON) is no message */
void hd_sb_check(hd_sb_number_t *n, hd_json_t *body, hd_sb_message_t *m);
void hd_sb_bad(hd_sb_message_t *m, int64_t code, const char *details);
/* interactive.c */
void hd_sb_check_interactive(hd_sb_number_t *n, hd_sb_message_t *m);
/* "+254 712-345678" to at most 15 digits; HD_ERROR: no phone number */
int hd_sb_digits(const hd_str_t *input, u_char *digits, size_t *len);

/* rule.c */
void hd_sb_rule_window(hd_sb_number_t *n, hd_sb_message_t *m);
/* HD_ERROR when the number may not send one more message now; with an exact
 * rate *at becomes the monotonic time that it was counted at */
int hd_sb_rule_rate(hd_sb_number_t *n, int64_t *at);
void hd_sb_rule_inbound(hd_sb_number_t *n, int64_t *at);
/* what refuses it (m->code) or lets it fail later (m->fails) */
void hd_sb_rules(hd_sb_number_t *n, hd_sb_message_t *m);

/* peer.c */
int64_t hd_sb_clock(void);             /* µs, shifted by the control API */
uint64_t hd_sb_to_number(const hd_str_t *digits);
hd_sb_peer_t *hd_sb_peer_find(void *owner, uint64_t to);
/* makes it; NULL when the zone is full, which is logged */
hd_sb_peer_t *hd_sb_peer_get(hd_sb_number_t *n, uint64_t to);
void hd_sb_peer_forget(hd_sb_node_t *node);            /* mutex is held */
/* 1 when its last message is younger than 24 h */
int hd_sb_peer_open(const hd_sb_peer_t *peer);
int hd_sb_peer_pair(hd_sb_number_t *n, hd_sb_peer_t *peer);
int hd_sb_peer_market(hd_sb_number_t *n, hd_sb_peer_t *peer);
hd_sb_portfolio_t *hd_sb_portfolio_get(const hd_str_t *name);
void hd_sb_portfolio_forget(hd_sb_portfolio_t *p);     /* mutex is held */
/* HD_OK when `to` is among the portfolio's, HD_ERROR above the tier,
 * NGX_DECLINED when the zone is full */
ngx_int_t hd_sb_portfolio_take(hd_sb_portfolio_t *p, uint64_t to,
    int64_t tier);

/* magic.c */
struct hd_sb_magic_s {
    const char          *digits;       /* the last four */
    int                  answer;       /* refused with this code */
    int                  status;       /* fails later with this code */
    int                  plan;         /* HD_SB_PLAN_… */
    int                  fault;        /* of its kind, -1: none */
    unsigned             once:1;       /* at the first try only */
    hd_sb_fault_t        how;
};

/* usual: by the settings' chances; all others but sent are delivered */
enum { HD_SB_PLAN_USUAL = 0, HD_SB_PLAN_SURE, HD_SB_PLAN_SENT,
       HD_SB_PLAN_DELIVERED, HD_SB_PLAN_REPLIED, HD_SB_PLAN_REVERSED,
       HD_SB_PLAN_THRICE, HD_SB_PLAN_LATE, HD_SB_PLAN_LATE_FAILURE };

/* NULL when it is none */
const hd_sb_magic_t *hd_sb_magic(hd_sb_number_t *n, hd_sb_message_t *m);

/* fault.c */
/* the fault that this request meets, copied to *f; 1 or 0 */
ngx_uint_t hd_sb_fault_pick(hd_sb_number_t *n, hd_sb_fault_t *f);
/* the answer as the fault makes it */
void hd_sb_fault_apply(const hd_sb_fault_t *f, hd_sb_answer_t *a);
const char *hd_sb_fault_name(hd_sb_fault_e kind);
/* counters of a number's new faults */
void hd_sb_fault_arm(hd_sb_number_t *n);
/* the connection ends with a reset; what the handler returns */
ngx_int_t hd_sb_fault_reset(ngx_http_request_t *r);
/* members `v` of one fault into *f */
int hd_sb_fault_read(const hd_json_t *v, hd_sb_fault_t *f);
void hd_sb_fault_write(hd_buf_t *b, const hd_sb_fault_t *f);

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
    const char          *category;     /* NULL: not known */
    const char          *fault;        /* NULL: none */
    int64_t              code;
    int64_t              fails;        /* by a status, 0: it does not */
    ngx_uint_t           in_window;
    hd_json_t           *body;         /* NULL when it was no JSON */
} hd_sb_entry_t;
void hd_sb_ledger_add(hd_sb_target_t *t, const hd_sb_entry_t *e);
/* a message that came in, of a number that counts them */
void hd_sb_ledger_inbound(hd_sb_number_t *n, const hd_str_t *from,
    const hd_str_t *wamid, int64_t mono_us);
/* a receipt: that a message which came was read, and whether it types */
void hd_sb_ledger_read(hd_sb_target_t *t, const hd_json_t *body);
void hd_sb_ledger_flush(void);
/* the "components" of `type` in a template, NULL when there are none */
hd_json_t *hd_sb_component(const hd_json_t *tmpl, const char *type);

/* oracle.c */
ngx_int_t hd_sb_oracle(ngx_http_request_t *r);

/* control.c */
ngx_int_t hd_sb_control(ngx_http_request_t *r, ngx_str_t *path);
ngx_int_t hd_sb_control_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *why);
/* 200 with what is in `b`, which stays the caller's */
ngx_int_t hd_sb_control_send(ngx_http_request_t *r, hd_buf_t *b);
/* the body as a JSON value, NULL after having answered */
hd_json_t *hd_sb_control_body(ngx_http_request_t *r);
ngx_int_t hd_sb_control_show(ngx_http_request_t *r, hd_sb_number_t *n);
/* members `v` over the number's settings (a new number when there is none);
 * HD_ERROR and `why` */
int hd_sb_control_apply(const ngx_str_t *id, const hd_json_t *v,
    ngx_pool_t *pool, char *why, size_t size);
/* plays an inbound message: HD_ERROR and `why`; `id` receives its id, which
 * *wamid is, or the one that `v` gave */
int hd_sb_control_play(hd_sb_number_t *n, const hd_json_t *v,
    u_char id[HD_SB_WAMID_MAX], hd_str_t *wamid, char *why, size_t size);

/* command.c */
void hd_sb_command_recipient(ngx_http_request_t *r);
void hd_sb_command_statuses(ngx_http_request_t *r);
void hd_sb_command_event(ngx_http_request_t *r);
void hd_sb_command_clock(ngx_http_request_t *r);
void hd_sb_command_script(ngx_http_request_t *r);
/* GET of "clock" or "script" */
ngx_int_t hd_sb_command_get(ngx_http_request_t *r, const ngx_str_t *what);

/* event.c */
/* the tier of all numbers of the number's portfolio */
ngx_int_t hd_sb_event_tiers(hd_sb_number_t *n, int64_t tier);
/* the webhook that `v` asks for, and what it changes */
int hd_sb_event(hd_sb_number_t *n, const hd_json_t *v, ngx_pool_t *pool,
    char *why, size_t size);

/* script.c */
/* HD_ERROR, the line and `why` when it is no script */
int hd_sb_script_check(ngx_pool_t *pool, const ngx_str_t *text,
    ngx_uint_t *line, char *why, size_t size);
ngx_int_t hd_sb_script_store(ngx_slab_pool_t *shpool, hd_sb_sh_t *sh,
    const ngx_str_t *text, uint32_t hash, ngx_msec_t since);
void hd_sb_script_refresh(void);
void hd_sb_script_message(hd_sb_number_t *n);
void hd_sb_script_write(hd_buf_t *b);
void hd_sb_script_exit(void);

/* settings.c: members given in `v` over what is in `set`; on HD_ERROR `why`
 * says in plain words which member is wrong */
void hd_sb_settings_default(hd_sb_settings_t *set);
int hd_sb_settings_merge(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size);
/* the members, without the braces */
void hd_sb_settings_write(hd_buf_t *b, const hd_sb_settings_t *set);
int hd_sb_settings_bad(const hd_json_t *v, char *why, size_t size,
    const char *expected);
/* a number of JSON between 0 and 1 */
int hd_sb_settings_rate(const hd_json_t *v, double *rate);

/* lists.c: NGX_DECLINED when `v` is none of the lists */
int hd_sb_lists_merge(ngx_pool_t *pool, hd_sb_settings_t *set,
    const hd_json_t *v, char *why, size_t size);
void hd_sb_lists_write(hd_buf_t *b, const hd_sb_settings_t *set);
/* one step of a scripted life; `command`: of the control API, which has
 * "id", "to" and "reference" of its own */
int hd_sb_plan_read(const hd_json_t *v, hd_sb_plan_t *p, int command);

/* number.c */
hd_sb_number_t *hd_sb_number_find(const ngx_str_t *id);  /* NULL: none */
ngx_int_t hd_sb_number_store(const ngx_str_t *id, const hd_buf_t *json);
void hd_sb_number_delete(hd_sb_number_t *number);
/* takes over what other workers changed; cheap when nothing did */
void hd_sb_number_refresh(void);
void hd_sb_number_activate(hd_sb_number_t *number);
/* room for the times of an exact rate */
ngx_int_t hd_sb_number_ring(hd_sb_number_t *number);
void hd_sb_number_pending(hd_sb_number_t *number, ngx_int_t n);
void hd_sb_number_clear_slot(ngx_slab_pool_t *shpool, hd_sb_sh_t *sh,
    ngx_uint_t slot);

/* record.c */
hd_sb_record_t *hd_sb_record_create(hd_sb_number_t *number,
    const hd_str_t *to, const hd_str_t *ref);
/* plans the statuses of a record that has code, category and number set */
void hd_sb_record_plan(hd_sb_record_t *rec, ngx_msec_t answer_delay,
    int plan);
/* it has stages to do, with their times; counts them as pending */
void hd_sb_record_start(hd_sb_record_t *rec);
uint32_t hd_sb_now(void);              /* ms since hd_sb.base */
void hd_sb_record_free(hd_sb_record_t *rec);
/* the same message once more, nothing to do yet */
hd_sb_record_t *hd_sb_record_copy(hd_sb_number_t *number,
    const hd_sb_record_t *like);
size_t hd_sb_wamid(u_char *out, const hd_str_t *digits, const u_char *key);
void hd_sb_new_key(u_char key[9]);
void hd_sb_tick_start(void);
/* a batch of statuses that are due, or NULL when there is none */
hd_sb_job_t *hd_sb_record_batch(hd_sb_number_t *number);
void hd_sb_record_drop(hd_sb_number_t *number);

/* status.c */
/* another record for one status of the same message */
void hd_sb_status_extra(hd_sb_number_t *number, const hd_sb_record_t *like,
    const hd_sb_plan_t *step, uint32_t base);
/* the settings' plan in place of the usual life; frees `rec` */
void hd_sb_status_plan(hd_sb_record_t *rec, uint32_t base);
/* what settings and the plan add to the usual life */
void hd_sb_status_strange(hd_sb_record_t *rec, int plan);
/* statuses that the control API asks for */
int hd_sb_status_command(hd_sb_number_t *n, const hd_json_t *v, char *why,
    size_t size);

/* webhook.c */
typedef struct {
    hd_str_t   from;                   /* digits */
    hd_str_t   name;
    hd_str_t   text;
    hd_str_t   type;
    hd_str_t   context_id;
    hd_str_t   id;                     /* empty: a new one */
    const hd_json_t  *value;           /* of any type, as it is; NULL: none */
} hd_sb_inbound_t;

hd_sb_job_t *hd_sb_job_create(hd_sb_number_t *number);
void hd_sb_job_free(hd_sb_job_t *job);
void hd_sb_job_queue(hd_sb_job_t *job);
void hd_sb_job_duplicate(hd_sb_job_t *job);
void hd_sb_webhook_head(hd_buf_t *b, hd_sb_number_t *number);
/* a string, and JSON's own text, in the provider's wire form */
void hd_sb_wire(hd_buf_t *b, const hd_str_t *s);
void hd_sb_wire_json(hd_buf_t *b, const hd_json_t *v);
const char *hd_sb_category_name(ngx_uint_t category);
void hd_sb_webhook_tail(hd_buf_t *b);
void hd_sb_webhook_status(hd_buf_t *b, hd_sb_record_t *rec,
    ngx_uint_t stage);
/* makes the webhook and queues it; `id` receives the message's id */
ngx_int_t hd_sb_twilio_inbound(hd_sb_number_t *n, const hd_sb_inbound_t *in,
    u_char *id, size_t *id_len);
ngx_int_t hd_sb_webhook_inbound(hd_sb_number_t *number,
    const hd_sb_inbound_t *in, u_char *id, size_t *id_len);
void hd_sb_webhook_reply(hd_sb_record_t *rec);
/* the recipient's digits, at most 20; returns how many */
size_t hd_sb_record_digits(u_char *out, const hd_sb_record_t *rec);
/* waha_event.c: one receipt of a message of WAHA */
hd_sb_job_t *hd_sb_waha_status(hd_sb_record_t *rec, ngx_uint_t stage);
/* waha_event.c: the headers of its webhooks */
void hd_sb_waha_headers(hd_buf_t *b, hd_sb_job_t *job);
/* waha_event.c: what somebody wrote to a session */
ngx_int_t hd_sb_waha_inbound(hd_sb_number_t *n, const hd_sb_inbound_t *in,
    u_char *id, size_t *id_len);
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
