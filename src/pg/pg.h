/*
 * pg: libpq in pipeline mode on nginx's loop.  Only this room (and the command
 * line, which blocks) names PQ*.
 *
 * A *unit* is what is sent between two Syncs: one implicit transaction.  It is
 * built with hd_pg_stmt and the argument calls, submitted, and then answered
 * by callbacks, never inside hd_pg_submit itself:
 *
 *     building ── hd_pg_submit ──> queued ──> sent ──> done
 *                                    │          │
 *                       no connection│          │connection lost
 *                                    ▼          ▼
 *                               HD_PG_DOWN  HD_PG_UNKNOWN
 *
 *   HD_PG_OK       committed; each statement's result was given to on_result
 *   HD_PG_FAILED   rolled back; u->sqlstate says why, u->failed where
 *   HD_PG_DOWN     never sent: nothing happened, safe to try again
 *   HD_PG_UNKNOWN  sent, and the connection died before the Sync came back: it
 *                  may have committed
 *
 * Strangers never share a unit: an API request has its own.  Ingress and
 * outcomes share one on purpose, each organisation's part behind its own
 * hd_pg_org.
 */

#ifndef HD_PG_H
#define HD_PG_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "../base/base.h"
#include "../loop/loop.h"


/* a statement of src/store's .sql files; the build makes the table and an
 * enum of its indexes */
typedef struct {
    const char       *name;
    const char       *sql;
    ngx_uint_t        nparams;         /* highest $n */
} hd_pg_stmt_t;

typedef struct hd_pg_pool_s  hd_pg_pool_t;
typedef struct hd_pg_unit_s  hd_pg_unit_t;
typedef struct hd_pg_res_s   hd_pg_res_t;      /* one statement's rows */

typedef enum {
    HD_PG_OK = 0,
    HD_PG_FAILED,
    HD_PG_DOWN,
    HD_PG_UNKNOWN
} hd_pg_outcome_e;

/* `index` counts the unit's statements from 0, the hd_pg_org ones included */
typedef void (*hd_pg_result_pt)(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
typedef void (*hd_pg_done_pt)(hd_pg_unit_t *u, hd_pg_outcome_e outcome);

struct hd_pg_unit_s {
    ngx_pool_t       *pool;            /* dies after on_done returns */
    hd_pg_pool_t     *pg;
    hd_pg_result_pt   on_result;       /* may be NULL */
    hd_pg_done_pt     on_done;
    void             *data;            /* the caller's; NULL after abandon */
    char              sqlstate[6];
    ngx_uint_t        failed;          /* index of the failed statement */
    char              constraint[64];  /* of a violation, else "" */
    ngx_uint_t        nstmts;
    int64_t           sent_us;         /* hd_mono_us at submit */
    void             *priv;            /* pg's own */
    unsigned          patient:1;       /* set before submit: it is told only
                                        * what is sure, however long it takes */
};

typedef struct {
    ngx_str_t            conninfo;
    ngx_uint_t           size;         /* connections of this process */
    ngx_uint_t           backlog;      /* units at most, waiting + sent */
    const char          *application;  /* application_name */
    const hd_pg_stmt_t  *stmts;
    ngx_uint_t           nstmts;
    ngx_uint_t           org_stmt;     /* index of set_config's statement */
    /* when the server hangs: units that are not patient end with
     * HD_PG_UNKNOWN, new ones are declined; what was sent may still be done */
    ngx_uint_t           hurry;
} hd_pg_conf_t;

/*
 * Starts connecting (after fork only).  Connections that are lost come back by
 * themselves: 100 ms doubling to 5 s, with jitter; every statement is prepared
 * before a connection takes units.  NULL only when out of memory.
 */
hd_pg_pool_t *hd_pg_pool_create(const hd_pg_conf_t *conf, ngx_log_t *log);
/* closes all; units still open end with HD_PG_DOWN or HD_PG_UNKNOWN */
void hd_pg_pool_destroy(hd_pg_pool_t *pg);
ngx_uint_t hd_pg_ready(hd_pg_pool_t *pg);        /* connections that work */
ngx_uint_t hd_pg_pending(hd_pg_pool_t *pg);      /* units not done */
/* a handler for "there is a working connection again" */
void hd_pg_on_ready(hd_pg_pool_t *pg, void (*handler)(void *data), void *data);

hd_pg_unit_t *hd_pg_unit(hd_pg_pool_t *pg, hd_pg_result_pt on_result,
    hd_pg_done_pt on_done, void *data);
/* set_config('herald.org', org, true): first, or before another org's part */
void hd_pg_org(hd_pg_unit_t *u, const hd_uuid_t *org);
/* begin the next statement; then its arguments in order */
void hd_pg_stmt(hd_pg_unit_t *u, ngx_uint_t stmt);

/* Arguments are copied into u->pool unless said otherwise. */
void hd_pg_null(hd_pg_unit_t *u);
void hd_pg_text(hd_pg_unit_t *u, const hd_str_t *s);   /* text, json: binary,
                                  NOT copied: must live until submit returns */
void hd_pg_text_null(hd_pg_unit_t *u, const hd_str_t *s);  /* no data: NULL */
void hd_pg_jsonb(hd_pg_unit_t *u, const hd_str_t *s);  /* jsonb */
void hd_pg_z(hd_pg_unit_t *u, const char *z);         /* text form, any type */
void hd_pg_bytea(hd_pg_unit_t *u, const void *data, size_t len);
void hd_pg_uuid(hd_pg_unit_t *u, const hd_uuid_t *id);
void hd_pg_int(hd_pg_unit_t *u, int64_t n);            /* text form: any int */
void hd_pg_bool(hd_pg_unit_t *u, ngx_uint_t b);
void hd_pg_time(hd_pg_unit_t *u, int64_t us);          /* timestamptz */

/* Arrays, one-dimensional, built in binary; elements may be NULL. */
typedef struct {
    hd_buf_t          buf;
    uint32_t          count;
    uint32_t          oid;
    unsigned          has_null:1;
} hd_pg_array_t;

typedef enum {
    HD_PG_BOOL_ARRAY = 16,
    HD_PG_INT8_ARRAY = 20,
    HD_PG_INT2_ARRAY = 21,
    HD_PG_INT4_ARRAY = 23,
    HD_PG_TEXT_ARRAY = 25,
    HD_PG_TIME_ARRAY = 1184,           /* timestamptz */
    HD_PG_UUID_ARRAY = 2950,
    HD_PG_JSONB_ARRAY = 3802
} hd_pg_array_e;

void hd_pg_array_init(hd_pg_array_t *a, hd_pg_array_e type);
void hd_pg_array_int(hd_pg_array_t *a, int64_t n);     /* int2/4/8, bool */
void hd_pg_array_text(hd_pg_array_t *a, const hd_str_t *s);  /* text, jsonb */
void hd_pg_array_uuid(hd_pg_array_t *a, const hd_uuid_t *id);
void hd_pg_array_time(hd_pg_array_t *a, int64_t us);
void hd_pg_array_null(hd_pg_array_t *a);
void hd_pg_array_reset(hd_pg_array_t *a);              /* keeps the memory */
void hd_pg_array_free(hd_pg_array_t *a);
void hd_pg_array(hd_pg_unit_t *u, hd_pg_array_t *a);   /* as an argument;
                                  NOT copied: must live until submit returns */
/* the same, and the unit frees it: the caller may forget it at once */
void hd_pg_array_move(hd_pg_unit_t *u, hd_pg_array_t *a);

/*
 * NGX_OK: a callback will come.  NGX_BUSY: the backlog is full.  NGX_DECLINED:
 * no connection works.  NGX_ERROR: out of memory while building.  In the last
 * three nothing was sent, no callback comes, and the unit is freed.
 */
ngx_int_t hd_pg_submit(hd_pg_unit_t *u);
/* a unit that will not be submitted */
void hd_pg_discard(hd_pg_unit_t *u);
/* the request died: callbacks still run, with u->data NULL */
void hd_pg_abandon(hd_pg_unit_t *u);

/* Results; text form; valid only inside on_result. */
ngx_uint_t hd_pg_rows(hd_pg_res_t *res);
ngx_uint_t hd_pg_columns(hd_pg_res_t *res);
ngx_uint_t hd_pg_is_null(hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col);
hd_str_t hd_pg_value(hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col);
int64_t hd_pg_value_int(hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col);
ngx_int_t hd_pg_value_uuid(hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col,
    hd_uuid_t *id);
/* rows touched by INSERT, UPDATE, DELETE */
int64_t hd_pg_affected(hd_pg_res_t *res);

/* 40001, 40P01 and the like: the same unit may simply be tried again */
ngx_uint_t hd_pg_is_transient(const char *sqlstate);
/* 57014: it ran into statement_timeout; the same unit may do so again */
ngx_uint_t hd_pg_is_timeout(const char *sqlstate);

#endif /* HD_PG_H */
