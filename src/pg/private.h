/*
 * What the files of pg share among themselves.
 *
 *   unit.c   builds a unit and its arguments, ends and recycles it
 *   array.c  array arguments
 *   res.c    reading results
 *   conn.c   one connection: its states and its socket
 *   pipe.c   what goes through it: units out, results in
 *   pool.c   which connection, the waiting list, the clock of both
 */

#ifndef HD_PG_PRIVATE_H
#define HD_PG_PRIVATE_H

#include "pg.h"
#include <libpq-fe.h>


/* fit nearly every unit; more comes from the unit's pool */
#define HD_PG_CALLS   8
#define HD_PG_ARGS    24

/* unit pools kept for reuse */
#define HD_PG_SPARE   256

/* after the start, and after connections were replaced, units wait this long
 * for one instead of being declined: a reload must not be noticed */
#define HD_PG_GRACE   3000

/* a little above statement_timeout, so that a slow statement is ended by the
 * server, which then says so, and only a dead peer is ended by us */
#define HD_PG_SILENCE 35000

/* every connection silent for so long with a unit on it: the server hangs; the
 * ticks before and after it leave who asks below two seconds */
#define HD_PG_STALL   1000

#define HD_PG_TICK    250

/* silent for so long with a unit on it: at a long statement, probably */
#define HD_PG_SLOW    20

/* PostgreSQL counts microseconds from 2000-01-01 */
#define HD_PG_EPOCH_US  (INT64_C(946684800) * 1000000)


typedef struct hd_pg_conn_s  hd_pg_conn_t;

struct hd_pg_res_s {
    PGresult           *res;
};

typedef struct {
    ngx_uint_t          stmt;
    ngx_uint_t          first;         /* argument */
    ngx_uint_t          nargs;
} hd_pg_call_t;

typedef struct {
    hd_pg_unit_t        pub;           /* first: one is cast to the other */

    ngx_queue_t         queue;         /* in conn->sent or pg->waiting */
    ngx_uint_t          index;         /* the next result's statement */

    hd_pg_call_t       *calls;         /* pub.nstmts of them */
    ngx_uint_t          calls_max;

    /* parallel arrays, as libpq takes them */
    const char        **values;
    int                *lengths;
    int                *formats;
    u_char             *borrowed;      /* the value is the caller's memory */
    ngx_uint_t          nargs;
    ngx_uint_t          args_max;

    unsigned            broken:1;      /* building failed */
    unsigned            sent:1;        /* its Sync may be on the wire */
    unsigned            error:1;       /* a statement failed */

    hd_pg_call_t        calls0[HD_PG_CALLS];
    const char         *values0[HD_PG_ARGS];
    int                 lengths0[HD_PG_ARGS];
    int                 formats0[HD_PG_ARGS];
    u_char              borrowed0[HD_PG_ARGS];
} hd_pg_work_t;


typedef enum {
    HD_PG_AWAY = 0,
    HD_PG_CONNECTING,
    HD_PG_PREPARING,
    HD_PG_READY,
    HD_PG_RETIRING,
    HD_PG_LOST
} hd_pg_state_e;

struct hd_pg_conn_s {
    hd_pg_pool_t       *pg;
    hd_pg_state_e       state;

    PGconn             *pq;
    hd_fd_t            *watch;
    int                 fd;            /* what `watch` stands on */
    ngx_uint_t          want;

    ngx_queue_t         sent;          /* of hd_pg_work_t, oldest first */
    ngx_uint_t          nsent;
    ngx_msec_t          heard;         /* when the server last said anything */

    ngx_uint_t          prepared;      /* statements answered */
    ngx_uint_t          syncs;         /* still to come while preparing */

    ngx_msec_t          delay;         /* the next back-off */
    hd_timer_t          timer;         /* back-off or limit, by state */
    hd_lap_t            lap;           /* buries a LOST one */
};


typedef struct hd_pg_waker_s  hd_pg_waker_t;

struct hd_pg_waker_s {
    void              (*handler)(void *data);
    void               *data;
    hd_pg_waker_t      *next;
};

struct hd_pg_pool_s {
    hd_pg_conf_t        conf;
    ngx_log_t          *log;

    hd_pg_conn_t       *conns;         /* conf.size */
    ngx_uint_t          nready;
    ngx_uint_t          pending;

    ngx_queue_t         waiting;       /* only before grace_until */
    ngx_msec_t          grace_until;
    hd_timer_t          tick;          /* armed while anything is pending */

    char               *conninfo;      /* NUL-terminated copies */
    char               *options;

    hd_pg_waker_t      *wakers;

    ngx_pool_t         *spare[HD_PG_SPARE];
    ngx_uint_t          nspare;

    unsigned            away:1;        /* the outage was logged */
    unsigned            schema:1;      /* the wrong schema was logged */
    unsigned            closing:1;
    unsigned            stalled:1;     /* until a connection hears a word */
};


#define hd_pg_conn_is_open(c)                                                 \
    ((c)->state == HD_PG_PREPARING || (c)->state == HD_PG_READY               \
     || (c)->state == HD_PG_RETIRING)

#define hd_pg_work(u)  ((hd_pg_work_t *) (u))

/* conn.c */
void hd_pg_conn_init(hd_pg_conn_t *c, hd_pg_pool_t *pg);
void hd_pg_conn_start(hd_pg_conn_t *c);
ngx_int_t hd_pg_conn_watch(hd_pg_conn_t *c, ngx_uint_t want);
void hd_pg_conn_prepare_result(hd_pg_conn_t *c, PGresult *r);
/* no more units; replaced when all are answered */
void hd_pg_conn_retire(hd_pg_conn_t *c);
void hd_pg_conn_replace(hd_pg_conn_t *c);
/* gives up the connection; units are called back a lap later, not here.
 * `why` NULL: what libpq says */
void hd_pg_conn_fail(hd_pg_conn_t *c, const char *why);
/* at once, with callbacks */
void hd_pg_conn_close(hd_pg_conn_t *c);

/* pipe.c */
/* puts a unit on the wire; never calls back */
void hd_pg_pipe_send(hd_pg_conn_t *c, hd_pg_work_t *w);
void hd_pg_pipe_event(hd_pg_conn_t *c, ngx_uint_t ready);
void hd_pg_pipe_flush(hd_pg_conn_t *c);

/* pool.c */
void hd_pg_pool_ready(hd_pg_pool_t *pg);
void hd_pg_pool_grace(hd_pg_pool_t *pg);
/* the server has said something */
void hd_pg_pool_heard(hd_pg_pool_t *pg);

/* array.c: writes the header */
ngx_int_t hd_pg_array_close(hd_pg_array_t *a);

/* unit.c */
void hd_pg_unit_finish(hd_pg_work_t *w, hd_pg_outcome_e outcome);
void hd_pg_unit_free(hd_pg_work_t *w);
/* copies what is still the caller's memory */
ngx_int_t hd_pg_unit_own(hd_pg_work_t *w);
/* the last statement has all its arguments, and nothing failed */
ngx_uint_t hd_pg_unit_complete(hd_pg_work_t *w);

#endif /* HD_PG_PRIVATE_H */
