/*
 * The API's frame, private to this room.
 *
 * A request's life:
 *
 *   handler -> route -> credential (cache, else one unit) -> scope
 *     -> body read -> parsed and checked against the route's fields
 *     -> the route's function -> one unit -> its rows written as the route's
 *     answer -> response
 *
 * The route table (route*.c) is the one source: matching, checking, answers
 * and the OpenAPI document are made from it.
 */

#ifndef HD_API_FRAME_H
#define HD_API_FRAME_H

#include "api.h"
#include "../store/store.h"
#include "../provider/provider.h"


#define HD_SCOPE_READ    1
#define HD_SCOPE_SEND    2
#define HD_SCOPE_ADMIN   4
#define HD_SCOPE_ANY     0             /* any credential */
#define HD_SCOPE_PUBLIC  0x80          /* none needed */

#define HD_PARAMS        4             /* {…} in a path */


/* ── fields: what a body or a query may hold ── */

typedef enum {
    HD_FIELD_STRING = 0,               /* min, max in characters */
    HD_FIELD_INT,                      /* min, max as values */
    HD_FIELD_BOOL,
    HD_FIELD_UUID,
    HD_FIELD_TIME,                     /* RFC 3339 */
    HD_FIELD_PHONE,                    /* taken as international, made E.164 */
    HD_FIELD_EMAIL,
    HD_FIELD_ARRAY,                    /* of up to max; the route looks closer */
    HD_FIELD_ENUM,                     /* one of values */
    HD_FIELD_NAME,                     /* [a-z0-9_], for templates */
    HD_FIELD_LANGUAGE,                 /* en, pt_BR */
    HD_FIELD_URL,                      /* http or https */
    HD_FIELD_STRINGS,                  /* array of strings, max elements */
    HD_FIELD_ENUMS,                    /* array of distinct values */
    HD_FIELD_MAP,                      /* object of strings */
    HD_FIELD_OBJECT,                   /* any object; the route looks closer */
    HD_FIELD_GROUP,                    /* object with fields of its own */
    HD_FIELD_PHONES,                   /* array of phones, made E.164 */
    HD_FIELD_ZONE,                     /* IANA time zone; HD_ROUTE_ZONES */
    HD_FIELD_CLOCK,                    /* 21:30 */
    HD_FIELD_DATE,                     /* 2027-01-31 */
    HD_FIELD_COLOR,                    /* #1f6f4a */
    HD_FIELD_MONEY                     /* "1.25"; min, max in millionths */
} hd_field_type_e;

typedef struct {
    const char          *name;         /* NULL ends the list */
    hd_field_type_e      type;
    unsigned             required:1;
    unsigned             nullable:1;
    int64_t              min, max;
    const void          *values;       /* ENUM: const char *const[], NULL at
                                          its end; GROUP: hd_field_t[] */
    const char          *help;
} hd_field_t;


/* ── columns: what an answer holds ── */

/* s string, i integer, b boolean, u uuid, t time, j JSON, a array of text, e a
 * provider's error code in plain words, f what to do about it; upper case: may
 * be null */
typedef struct {
    const char          *name;         /* "a.b": member b of object a */
    char                 type;
    const char          *help;
} hd_column_t;


typedef struct hd_req_s    hd_req_t;
typedef struct hd_inner_s  hd_inner_t;
typedef struct hd_route_s  hd_route_t;

typedef void (*hd_route_pt)(hd_req_t *req);

#define HD_ROUTE_BARE     2048         /* no body at all is an empty one */
#define HD_ROUTE_LIST     1            /* {data, next_cursor} */
#define HD_ROUTE_CREATED  2            /* 201 */
#define HD_ROUTE_ACCEPTED 4            /* 202 */
#define HD_ROUTE_STREAM   8            /* reads its own body */
#define HD_ROUTE_EMPTY    16           /* 204 */
#define HD_ROUTE_CSV      32           /* answers text/csv */
#define HD_ROUTE_RAW      64           /* the function writes the answer */
#define HD_ROUTE_ZONES    256          /* takes the names of time zones */
#define HD_ROUTE_WHOLE    512          /* {data}: all rows, no pages */
#define HD_ROUTE_ETAG     1024         /* the answering statement's last column
                                          is the ETag; of a change, the first
                                          column of the statement that must
                                          find is whether If-Match holds */

struct hd_route_s {
    ngx_uint_t           method;       /* NGX_HTTP_… */
    const char          *path;         /* below /api/v1 */
    ngx_uint_t           scope;
    ngx_uint_t           flags;
    hd_route_pt          handler;
    const hd_field_t    *query;
    const hd_field_t    *body;
    const hd_column_t   *answer;
    const char          *tag;
    const char          *summary;
};

/* the table's parts, each ended by a route without a path; NULL ends them */
extern const hd_route_t *const  hd_routes[];
/* of one number, without what account.c adds */
extern const hd_column_t        hd_account_columns[];

/* a database constraint in the API's words */
typedef struct {
    const char          *constraint;
    ngx_uint_t           status;
    const char          *code;
    const char          *pointer;
    const char          *detail;
} hd_conflict_t;


/* ── who asks ── */

typedef struct {
    hd_uuid_t            org;
    hd_uuid_t            id;           /* user or API key */
    hd_uuid_t            session;
    ngx_uint_t           scopes;
    ngx_uint_t           is_key;
    time_t               expires;      /* 0: never */
    u_char               org_name[128];
    u_char               name[128];
    u_char               email[256];
    u_char               role[16];
} hd_identity_t;


typedef struct hd_held_s  hd_held_t;

typedef enum {
    HD_IDEM_NONE = 0,
    HD_IDEM_ACTIVE,
    HD_IDEM_DONE
} hd_idem_e;

struct hd_req_s {
    ngx_http_request_t  *r;
    const hd_route_t    *route;
    hd_identity_t        who;
    hd_str_t             params[HD_PARAMS];      /* text of {…} */
    hd_uuid_t            ids[HD_PARAMS];         /* of {id} and {…_id} */
    hd_json_t           *body;                   /* an object */
    hd_str_t             raw_body;
    hd_mem_t             mem;                    /* r->pool */
    hd_buf_t             out;                    /* the answer */
    hd_pg_unit_t        *unit;                   /* in flight */
    ngx_uint_t           answer_index;           /* statement that answers */
    ngx_uint_t           rows;                   /* it gave */
    ngx_uint_t           found;                  /* rows of found_at's */
    ngx_uint_t           found_at;
    ngx_uint_t           stale;                  /* If-Match does not hold */
    ngx_uint_t           status;                 /* of the answer */
    ngx_uint_t           limit;
    hd_uuid_t            before;                 /* list cursor */
    int64_t              after;                  /* list cursor by number */
    const hd_conflict_t *conflicts;
    void               (*done)(hd_req_t *req);   /* instead of the answer */
    void                *ctx;                    /* the route's own */
    void                *call;                   /* call.c's */
    hd_inner_t          *inner;                  /* our own, see inner.h */
    u_char               token_hash[32];
    hd_str_t             token;
    ngx_uint_t           by_cookie;
    uint32_t             auth_epoch;             /* when it was looked up */
    ngx_uint_t           waiting;                /* holds r->main->count */
    int64_t              db_us;
    u_char               request_id[32];
    hd_idem_e            idem;                   /* see idempotency.c */
    hd_str_t             idem_key;
    const char          *idem_type;
    ngx_uint_t           outcome_unknown;        /* perhaps committed */
    hd_held_t           *held;                   /* see held.c */
};


/* ── frame.c ── */

extern hd_api_conf_t  hd_api;                    /* this worker's */

void hd_req_run(hd_req_t *req);                  /* after the credential */
void hd_req_wait(hd_req_t *req);                 /* NGX_DONE is answered */
void hd_req_new_id(hd_uuid_t *id);
hd_req_t *hd_req_of(ngx_http_request_t *r);      /* NULL: none of ours */
/* one of another location than the API's, already waiting; NULL: no memory */
hd_req_t *hd_req_outside(ngx_http_request_t *r, const hd_route_t *route);

/* ── unit.c, read.c ── */

/* a unit with the caller's organisation set; NULL: answered 503 */
hd_pg_unit_t *hd_req_unit(hd_req_t *req);
/* submits; statement `answer` (index in the unit) becomes the answer by the
 * route's columns, or req->done is called after the commit */
void hd_req_submit(hd_req_t *req, hd_pg_unit_t *u, ngx_uint_t answer);
/* the whole of a plain read: $1 the path's id; $1 cursor, $2 limit */
void hd_req_get(hd_req_t *req, ngx_uint_t stmt);
void hd_req_page(hd_req_t *req, ngx_uint_t stmt);
/* statement `index` must have given a row, else 404 */
#define hd_req_must_find(req, index)  ((req)->found_at = (index))
/* for a route's own on_result: what must be found was, and If-Match holds; the
 * first row as the answer; its ETag alone */
void hd_req_found(hd_req_t *req, hd_pg_res_t *res);
void hd_req_answer(hd_req_t *req, hd_pg_res_t *res);
void hd_req_etag(hd_req_t *req, hd_pg_res_t *res);
/* the tag without its quotes; NULL data: none was asked for */
hd_str_t hd_req_if_match(hd_req_t *req);

/* ── held.c ── */

/* a statement of the unit: rows that wait for one of the reasons
 * ("{daily_cap}") are due now, of this number or portfolio only when there is
 * one; `reasons` is kept */
void hd_held_stmt(hd_req_t *req, hd_pg_unit_t *u, const char *reasons,
    const hd_uuid_t *account, const hd_str_t *portfolio);
/* for a route's own on_result, with every result */
void hd_held_row(hd_req_t *req, ngx_uint_t index, hd_pg_res_t *res);
/* after the commit: the helper is told */
void hd_held_done(hd_req_t *req);

/* ── reply.c ── */

/* any body: req->out with this type */
void hd_req_send(hd_req_t *req, ngx_uint_t status, const char *type);
void hd_req_empty(hd_req_t *req);                /* 204 */
/* 405: bits of NGX_HTTP_... */
void hd_req_allow(hd_req_t *req, ngx_uint_t methods);
ngx_int_t hd_req_header(ngx_http_request_t *r, const char *name,
    const hd_str_t *value);
/* a header of the request by its lower-case name; NULL: none */
ngx_table_elt_t *hd_req_find_header(ngx_http_request_t *r, const char *name,
    size_t len);

/* ── idempotency.c ── */

/* NGX_DECLINED: no Idempotency-Key; NGX_DONE: it goes on from there */
ngx_int_t hd_idempotency(hd_req_t *req);
ngx_int_t hd_idempotency_answer(hd_req_t *req, ngx_uint_t status,
    const char *type);

/* ── problem.c: RFC 9457 ── */

void hd_problem(hd_req_t *req, ngx_uint_t status, const char *code,
    const char *detail);
void hd_problem_at(hd_req_t *req, ngx_uint_t status, const char *code,
    const char *pointer, const char *detail);
/* with members of its own (RFC 9457 3.2): ",\"name\":value" */
void hd_problem_more(hd_req_t *req, ngx_uint_t status, const char *code,
    const char *pointer, const char *detail, const hd_buf_t *more);
void hd_problem_retry(hd_req_t *req, ngx_uint_t status, const char *code,
    const char *detail, ngx_uint_t seconds);
/* several faults of one body */
typedef struct {
    hd_buf_t             buf;
    ngx_uint_t           n;
    const char          *code;                   /* of the first */
    ngx_uint_t           unknown;                /* all are unknown fields */
} hd_faults_t;

#define HD_FAULTS_MAX  100                       /* more are not told */

void hd_faults_init(hd_faults_t *f);
void hd_faults_add(hd_faults_t *f, const char *code, const hd_str_t *pointer,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void hd_problem_faults(hd_req_t *req, hd_faults_t *f);

/* ── check.c ── */

/* body against the route's fields; phones and e-mails are normalised in the
 * tree; NGX_OK or answered */
ngx_int_t hd_check_body(hd_req_t *req);
ngx_int_t hd_check_query(hd_req_t *req);         /* also limit and cursor */

/* ── check_text.c ── */

void hd_check_string(hd_req_t *req, const hd_field_t *f, hd_json_t *v,
    const hd_str_t *at, hd_faults_t *faults);
void hd_check_phone(hd_req_t *req, hd_json_t *v, const hd_str_t *at,
    hd_faults_t *faults);
ngx_uint_t hd_check_enum(const hd_field_t *f, const hd_str_t *s);
const char *hd_check_list(const hd_field_t *f, char *text, size_t size);

/* ── zone.c: the time zones that the database knows ── */

/* NGX_OK: they are here; NGX_DONE: hd_req_run goes on, or it is answered */
ngx_int_t hd_zones_need(hd_req_t *req);
void hd_zones_exit(void);
ngx_uint_t hd_zone_known(const hd_str_t *name);
/* "A/B, C/D", or nothing */
void hd_zone_similar(const hd_str_t *name, char *text, size_t size);

/* ── member.c ── */

/* a query argument, URL-decoded; len 0 and data NULL when absent */
hd_str_t hd_query(hd_req_t *req, const char *name);
/* of type PHONE, as E.164 */
ngx_int_t hd_query_phone(hd_req_t *req, const char *name, hd_str_t *phone);
/* members of the checked body; NULL data: absent */
hd_str_t hd_body_str(hd_req_t *req, const char *name);
int64_t hd_body_int(hd_req_t *req, const char *name, int64_t none);
ngx_uint_t hd_body_bool(hd_req_t *req, const char *name, ngx_uint_t none);
ngx_int_t hd_body_uuid(hd_req_t *req, const char *name, hd_uuid_t *id);
int64_t hd_body_time(hd_req_t *req, const char *name);   /* 0: absent */

/* ── price.c ── */

/* the price table's currency; NULL data: there is no table */
void hd_prices_name(hd_str_t *currency);

/* ── answer.c ── */

void hd_answer_row(hd_buf_t *b, const hd_column_t *columns, hd_pg_res_t *res,
    ngx_uint_t row);
void hd_answer_list(hd_req_t *req, const hd_column_t *columns,
    hd_pg_res_t *res);

/* ── auth.c ── */

void hd_auth(hd_req_t *req);                     /* to hd_req_run, or 401 */
ngx_int_t hd_auth_token(ngx_http_request_t *r, hd_str_t *token,
    ngx_uint_t *by_cookie);
void hd_auth_hash(const char *kind, const hd_str_t *text, u_char out[32]);
/* asks for the identity behind a token for others than API routes (events) */
void hd_auth_forget(void);                       /* the cache, all of it */

/* ── openapi.c ── */

void hd_openapi(hd_req_t *req);

/* ── resources ── */

void hd_login(hd_req_t *req);
void hd_logout(hd_req_t *req);
void hd_me(hd_req_t *req);
void hd_api_key_create(hd_req_t *req);
void hd_api_key_list(hd_req_t *req);
void hd_api_key_delete(hd_req_t *req);
void hd_contact_create(hd_req_t *req);
void hd_contact_list(hd_req_t *req);
void hd_contact_get(hd_req_t *req);
void hd_contact_update(hd_req_t *req);
void hd_contact_delete(hd_req_t *req);
void hd_contact_import(hd_req_t *req);
void hd_contact_import_errors(hd_req_t *req);
void hd_contact_export(hd_req_t *req);
void hd_opt_out_list(hd_req_t *req);
void hd_opt_out_add(hd_req_t *req);
void hd_opt_out_remove(hd_req_t *req);
void hd_suppression_add(hd_req_t *req);
void hd_suppression_list(hd_req_t *req);
void hd_suppression_check(hd_req_t *req);
void hd_suppression_delete(hd_req_t *req);
void hd_suppression_delete_phone(hd_req_t *req);
void hd_settings_get(hd_req_t *req);
void hd_settings_update(hd_req_t *req);
void hd_price_list(hd_req_t *req);
void hd_account_create(hd_req_t *req);
void hd_account_list(hd_req_t *req);
void hd_account_kept(hd_req_t *req);
void hd_account_get(hd_req_t *req);
void hd_account_update(hd_req_t *req);
void hd_account_pause(hd_req_t *req);
void hd_account_resume(hd_req_t *req);
void hd_account_ask(hd_req_t *req);
void hd_account_register(hd_req_t *req);
void hd_account_deregister(hd_req_t *req);
void hd_account_subscribe(hd_req_t *req);
void hd_account_profile_get(hd_req_t *req);
void hd_account_profile_put(hd_req_t *req);
void hd_account_sign_up(hd_req_t *req);
void hd_queue(hd_req_t *req);
void hd_portfolio_list(hd_req_t *req);
void hd_portfolio_put(hd_req_t *req);
void hd_template_create(hd_req_t *req);
void hd_template_list(hd_req_t *req);
void hd_template_get(hd_req_t *req);
void hd_template_preview(hd_req_t *req);
void hd_broadcast_create(hd_req_t *req);
void hd_broadcast_list(hd_req_t *req);
void hd_broadcast_get(hd_req_t *req);
void hd_broadcast_update(hd_req_t *req);
void hd_broadcast_launch(hd_req_t *req);
void hd_broadcast_delete(hd_req_t *req);
void hd_broadcast_stages(hd_req_t *req);
void hd_broadcast_variants(hd_req_t *req);
void hd_broadcast_failures(hd_req_t *req);
void hd_broadcast_resend(hd_req_t *req);
void hd_schedule_create(hd_req_t *req);
void hd_schedule_list(hd_req_t *req);
void hd_schedule_preview(hd_req_t *req);
void hd_schedule_get(hd_req_t *req);
void hd_schedule_update(hd_req_t *req);
void hd_schedule_delete(hd_req_t *req);
void hd_schedule_pause(hd_req_t *req);
void hd_schedule_resume(hd_req_t *req);
void hd_schedule_cancel(hd_req_t *req);
void hd_schedule_duplicate(hd_req_t *req);
void hd_schedule_split(hd_req_t *req);
void hd_schedule_runs(hd_req_t *req);
void hd_schedule_members(hd_req_t *req);
void hd_status_create(hd_req_t *req);
void hd_status_list(hd_req_t *req);
void hd_status_get(hd_req_t *req);
void hd_status_delete(hd_req_t *req);
void hd_status_again(hd_req_t *req);
void hd_calendar_get(hd_req_t *req);
void hd_calendar_slot(hd_req_t *req);
void hd_best_time(hd_req_t *req);
void hd_feed_create(hd_req_t *req);
void hd_feed_list(hd_req_t *req);
void hd_feed_delete(hd_req_t *req);
void hd_feed_get(hd_req_t *req, const hd_str_t *name);
void hd_occurrence_list(hd_req_t *req);
void hd_occurrence_update(hd_req_t *req);
void hd_broadcast_test(hd_req_t *req);
void hd_broadcast_forecast(hd_req_t *req);
void hd_broadcast_why(hd_req_t *req);
void hd_broadcast_pause(hd_req_t *req);
void hd_broadcast_resume(hd_req_t *req);
void hd_broadcast_cancel(hd_req_t *req);
void hd_broadcast_recipients(hd_req_t *req);
void hd_message_create(hd_req_t *req);
void hd_message_list(hd_req_t *req);
void hd_message_get(hd_req_t *req);
void hd_message_cancel(hd_req_t *req);
void hd_message_why(hd_req_t *req);

/* ── stream.c, ingress.c ── */

ngx_int_t hd_stream_init(void);
void hd_stream_exit(void);
void hd_stream_quit(void);
void hd_stream_wake(void);
void hd_stream_start(hd_req_t *req);             /* the route of /events */
ngx_int_t hd_ingress_init(void);
void hd_ingress_exit(void);
void hd_ingress_quit(void);

#endif /* HD_API_FRAME_H */
