/*
 * What the files of the helper share.
 *
 *   sched.c     start, ownership, timers, mail
 *   agenda.c    PostgreSQL's agenda into the wheel, and what of it is due
 *   lease.c     who owns a number: leases and fences
 *   epoch.c     a restored copy of the database is held
 *   campaign.c  a broadcast's life in the helper (state diagram there)
 *   read.c      what the database says of it
 *   audience.c  its rows before the first grant
 *   stage.c     canary, ramp, test, waves: how far it may go
 *   judge.c     the verdict on a stage, the winner of a test
 *   guard.c     it is paused when too much of it fails
 *   cancel.c    its end: cancelled, too late, closed
 *   sweep.c     what is left of it when all of it was granted once
 *   grant.c     the pump: how much to whom
 *   share.c     whose turn it is, and how much may be out at once
 *   message.c   single messages, the fast lane
 *   reap.c      what dead workers left
 *   orphan.c    statuses that came before their message
 *   errand.c    what workers do beside messages: who does it, and when
 *   progress.c  broadcast.progress to the streams
 *
 * There is no lock and no thread: everything runs from one event loop.  What
 * is only here can be lost at any instant; shared memory or PostgreSQL says it
 * again to the next helper.
 */

#ifndef HD_SCHED_PRIVATE_H
#define HD_SCHED_PRIVATE_H

#include "sched.h"
#include "../store/store.h"


#define HD_SCHED_BEAT      500         /* ms: ownership, dead workers */
#define HD_SCHED_PUMP      20
#define HD_SCHED_PROGRESS  200         /* at most 5 a second per broadcast */
#define HD_SCHED_AGENDA    60000
#define HD_SCHED_HORIZON   600         /* s: what the wheel holds */
#define HD_SCHED_STRIPE    0           /* the helper's counters */

#define HD_LEASE_RENEW     5000
#define HD_LEASE_TRUST     12000       /* of the 15 s that it lasts */
#define HD_LEASE_IDLE      15000

#define HD_SLOT_FRESH      10000
#define HD_GRANT_BULK      500         /* rows, when there is no limit */
#define HD_GRANT_LEAST     100         /* when many have none */
#define HD_GRANT_OUT       1500        /* rows of all of them per worker */
#define HD_GRANT_MOST      50          /* rows, when there is one */

#define HD_EPOCH_BEAT      10000       /* what a restored copy may lack */
#define HD_EPOCH_HELD      2000        /* ask again whether it is still held */
#define HD_ORPHAN_BEAT     60000

#define HD_CANCEL_PIECE    5000
#define HD_SUSPECT_AGE     2000
#define HD_MESSAGES_MOST   4000        /* looked at once; the rest waits */


/* errand.c */

/* the errands of the next minutes into the wheel; one look at a time */
void hd_errand_load(void);
void hd_errand_due(const hd_wheel_timer_t *t);


/* tables of what has an id: chains, the node stands first in its owner */

#define HD_TABLE_HEADS     1024

typedef struct hd_node_s  hd_node_t;

struct hd_node_s {
    hd_node_t          *next;
    hd_uuid_t           id;
};

typedef struct {
    hd_node_t          *heads[HD_TABLE_HEADS];
    ngx_uint_t          n;
} hd_table_t;

void *hd_table_find(hd_table_t *t, const hd_uuid_t *id);
void hd_table_add(hd_table_t *t, hd_node_t *n);
void hd_table_remove(hd_table_t *t, hd_node_t *n);


typedef struct {
    hd_node_t           node;          /* the account */
    ngx_queue_t         queue;
    hd_uuid_t           org;
    int64_t             fence;         /* 0: not held */
    uint64_t            taken_ms;      /* when the last taking was asked for */
    uint64_t            asked_ms;
    uint64_t            used_ms;
    uint64_t            retry_ms;
    unsigned            busy:1;
    unsigned            bumped:1;
    unsigned            other:1;       /* another node has it */
    unsigned            lost:1;        /* for good: a second nginx here */
} hd_lease_t;


typedef struct {
    uint32_t            from, to;
} hd_range_t;

typedef struct {
    uint32_t            seq;
    int64_t             fence;
    uint64_t            since_ms;
} hd_suspect_t;

typedef enum {
    HD_CAMP_READ = 0,
    HD_CAMP_FREEZE,
    HD_CAMP_LEASE,
    HD_CAMP_LOST,
    HD_CAMP_CURSOR,
    HD_CAMP_RUN,
    HD_CAMP_PAUSED,
    HD_CAMP_CANCEL,
    HD_CAMP_CLOSE
} hd_camp_state_e;

typedef enum {
    HD_STATUS_GONE = 0,
    HD_STATUS_DRAFT,
    HD_STATUS_SCHEDULED,
    HD_STATUS_SENDING,
    HD_STATUS_PAUSED,
    HD_STATUS_CANCELLED,
    HD_STATUS_COMPLETED
} hd_status_e;

/* the first stage that something is left to do about (stage.c) */

typedef enum {
    HD_STAGE_NONE = 0,
    HD_STAGE_RAMP,
    HD_STAGE_TEST,
    HD_STAGE_WAVE,
    HD_STAGE_ALL
} hd_stage_kind_e;

typedef struct {
    hd_stage_kind_e     kind;
    ngx_int_t           n;
    uint32_t            from, to;
    uint64_t            due_ms;        /* opens, or is judged */
    ngx_uint_t          min_sample;    /* a test's */
    u_char              metric;        /* 'd'elivered, 'r'ead, re'p'lied */
    unsigned            opened:1;
    unsigned            sent:1;
    unsigned            armed:1;       /* the wheel has it */
} hd_stage_t;


/* counters of a broadcast at some moment (guard.c) */

typedef struct {
    int64_t             sent, failed, opted_out;
    uint64_t            at_ms;
} hd_mark_t;

typedef enum {
    HD_TRIP_NONE = 0,
    HD_TRIP_LATEST,                    /* the last results: the ledger says */
    HD_TRIP_FAILURES,
    HD_TRIP_OPT_OUTS
} hd_trip_e;

typedef struct {
    int64_t             failure_ppm;   /* of a million; 0: off */
    int64_t             opt_out_ppm;
    int64_t             min;
    hd_mark_t           begin;         /* of this window: start, resumption */
    hd_mark_t           old, mid;      /* the last seconds begin at `old` */
    hd_mark_t           latest;        /* the last few begin here */
    int64_t             n, bad;        /* what made it suspicious */
    hd_trip_e           trip;
    unsigned            marked:1;
} hd_guard_t;


/* whose turn it is; one for each organisation with a running broadcast */

typedef struct {
    hd_node_t           node;          /* the organisation */
    ngx_queue_t         queue;         /* least recently served first */
    ngx_queue_t         turn;          /* the same in one pump */
    ngx_queue_t         ready;         /* its campaigns in it */
    ngx_uint_t          camps;
} hd_turn_t;


typedef struct {
    hd_node_t           node;          /* the batch */
    ngx_queue_t         queue;
    ngx_queue_t         ready;         /* in its organisation's turn */
    hd_turn_t          *turn;
    hd_uuid_t           org;
    hd_uuid_t           account;
    hd_camp_state_e     state;
    hd_status_e         status;        /* as the database last said */
    uint32_t            index;         /* in shared memory, or HD_NONE */
    uint32_t            rate;          /* the number's, a second; 0: none */
    uint32_t            own_milli;     /* its own, 1/1000 a second; 0: none */
    uint32_t            share_milli;   /* what it gets now; 0: no limit */
    uint32_t            allowed;       /* last number that may be granted */
    uint32_t            next;          /* where to begin, when not in shm */
    int64_t             total;         /* -1: not frozen */
    int64_t             wait_ms;       /* until send_at */
    int64_t             expires_ms;    /* from when it was read; 0: never */
    hd_stage_t          stage;
    hd_guard_t          guard;
    int64_t             fence;
    uint64_t            retry_ms;      /* not before */
    ngx_uint_t          fails;
    uint32_t            piece;         /* cancelled below */

    /* pump: made anew each time from shared memory */
    hd_campaign_t       sh;
    uint8_t             out[HD_SLOTS];
    uint32_t            grants;
    uint32_t            rows;
    /* and what it remembers */
    uint32_t            last_rows;
    uint32_t            window;        /* rows out at once */
    uint32_t            ended;         /* rows in this second */
    uint32_t            ended_all;     /* of the number, when it began */
    uint64_t            second_ms;

    hd_range_t         *ranges;        /* strays to grant again */
    ngx_uint_t          nranges, ranges_max, range_at;

    uint64_t            sweep_ms;      /* not before */
    uint64_t            sweep_us;      /* how long the last one took */
    ngx_uint_t          idle;          /* sweeps that changed nothing */
    ngx_uint_t          open;          /* rows that the last one saw */
    ngx_uint_t          last_open;     /* and the one before */
    ngx_uint_t          due;
    ngx_uint_t          sending;
    int64_t             later_ms;
    hd_suspect_t       *suspects;
    ngx_uint_t          nsuspects;

    unsigned            busy:1;        /* one unit in flight at most */
    unsigned            reread:1;
    unsigned            tag:1;
    unsigned            planned:1;     /* variants, stages, a holdout */
    unsigned            expired:1;
    unsigned            whole:1;       /* nothing of it is from a lost life */
    unsigned            task:1;        /* the rebuild waits for it */
    unsigned            strays:1;      /* something may be due behind */
    unsigned            waiting:1;     /* for the wheel */
    unsigned            found:1;       /* the unit gave a row */
    unsigned            held:1;        /* paused as it was frozen */
    unsigned            finished:1;
    unsigned            all:1;         /* the sweep is one of the end */
    unsigned            ends_stage:1;  /* and asks whether its stage is sent */
} hd_camp_t;


typedef enum {
    HD_MSG_READ = 0,
    HD_MSG_READY,
    HD_MSG_GRANTED,
    HD_MSG_SUSPECT
} hd_msg_state_e;

typedef struct {
    hd_node_t           node;          /* the message */
    ngx_queue_t         queue;
    ngx_queue_t         ready;
    hd_uuid_t           org;
    hd_uuid_t           account;
    hd_msg_state_e      state;
    uint32_t            bucket;
    uint32_t            slot;
    uint32_t            grant;
    uint64_t            seen;          /* pump that saw its grant */
    uint64_t            since_ms;      /* suspected */
    int64_t             fence;
    unsigned            busy:1;
    unsigned            again:1;
    unsigned            tell:1;        /* its state goes to the streams */
    unsigned            found:1;
} hd_msg_t;


typedef struct {
    hd_sched_conf_t     conf;

    unsigned            stopped:1;     /* another helper owns the zone */
    unsigned            begun:1;
    unsigned            adopted:1;
    unsigned            fresh:1;       /* began with an empty zone */
    unsigned            rebuilt:1;
    unsigned            loaded:1;      /* the first agenda */
    unsigned            fenced:1;      /* the database is the one it was */
    ngx_uint_t          tasks;

    hd_timer_t          begin;
    hd_timer_t          beat;
    hd_timer_t          pump;
    hd_timer_t          wheel;
    hd_timer_t          agenda;
    hd_timer_t          progress;
    hd_timer_t          epoch;
    hd_lap_t            lap;

    hd_table_t          leases;
    hd_table_t          camps;
    hd_table_t          msgs;
    hd_table_t          turns;
    ngx_queue_t         lease_list;
    ngx_queue_t         camp_list;     /* least recently served first */
    ngx_queue_t         turn_list;
    ngx_queue_t         msg_list;
    ngx_queue_t         msg_ready;
    hd_camp_t          *by_index[HD_CAMPAIGNS];

    hd_slot_t           slots[HD_SLOTS];   /* that may be given to */
    uint8_t             live[HD_SLOTS];    /* by index: one of these */
    uint8_t             news[HD_SLOTS];    /* by worker: to be woken */
    uint32_t            bulk[HD_SLOTS];    /* rows out without a limit */
    uint32_t            bulk_size;         /* rows of a grant of theirs */
    ngx_uint_t          nslots;
    ngx_uint_t          strangers;     /* workers of another cycle */
    uint64_t            pumps;
    uint64_t            retried;       /* the counter when last looked at */
    unsigned            put_back:1;    /* it has risen since */

    uint16_t            sharing[HD_BUCKETS];   /* campaigns of a number */
    uint32_t            ended[HD_BUCKETS];     /* rows of it, ever */
    hd_grant_t          grants[HD_GRANTS];
} hd_sched_t;

extern hd_sched_t  hd_sched;

#define hd_sched_now()  ((uint64_t) ngx_current_msec)

/* how far the cursor may go now, and whether it has */
#define hd_camp_limit(c)  ngx_min((c)->sh.allowed, (c)->sh.audience)
#define hd_camp_at_end(c)                                                     \
    ((c)->sh.next > hd_camp_limit(c) && (c)->range_at >= (c)->nranges)

/* sched.c */
ngx_uint_t hd_sched_mine(void);        /* 0: stop, touch nothing */
void hd_sched_mail(void);
void hd_sched_pump_soon(void);
void hd_sched_go_on(void);             /* the database may be believed */
/* to the streams; the text is freed */
void hd_sched_tell(const hd_uuid_t *org, const char *type, hd_buf_t *b);
/* a unit with its organisation set; the caller's first statement is 1 */
hd_pg_unit_t *hd_sched_unit(const hd_uuid_t *org, hd_pg_result_pt on_result,
    hd_pg_done_pt on_done, void *data);
void hd_sched_failed(hd_pg_unit_t *u, hd_pg_outcome_e outcome,
    const char *what);
void hd_sched_task_done(void);
/* wall-clock-free: ms from now to the wheel */
ngx_int_t hd_sched_wheel(uint32_t kind, const hd_uuid_t *org,
    const hd_uuid_t *ref, int64_t ms);
void hd_sched_wheel_arm(void);

/* agenda.c */
void hd_agenda_load(void);
void hd_agenda_wheel(void);            /* handles what is due */

/* epoch.c */
/* asks; hd_sched_go_on() when all is well */
void hd_epoch_begin(void);
/* something was granted: a copy made before is an old one now */
void hd_epoch_granted(void);

/* lease.c */
/* NGX_OK and the fence; NGX_AGAIN: asked for, the pump will run; NGX_DECLINED:
 * another node has it */
ngx_int_t hd_lease_fence(const hd_uuid_t *org, const hd_uuid_t *account,
    int64_t *fence);
void hd_lease_beat(void);
void hd_lease_reset(void);             /* the fences were another database's */

/* campaign.c */
/* reads it again, or for the first time */
void hd_camp_open(const hd_uuid_t *org, const hd_uuid_t *batch,
    ngx_uint_t task);
hd_camp_t *hd_camp_find(const hd_uuid_t *batch);
void hd_camp_adopt(void);              /* what shared memory has */
void hd_camp_go(hd_camp_t *c);
void hd_camp_all(ngx_uint_t reread);
void hd_camp_settled(hd_camp_t *c);    /* the rebuild need not wait for it */
void hd_camp_forget(hd_camp_t *c);
void hd_camp_free_index(hd_camp_t *c);
void hd_camp_later(hd_camp_t *c);      /* after a failure */
/* ends c->busy; 1 when the unit is committed and the helper still owns */
ngx_uint_t hd_camp_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome,
    const char *what);

/* a unit with its first statement's first argument, the batch; NULL: out of
 * memory.  submit makes the campaign busy, or puts it off and returns 0 */
hd_pg_unit_t *hd_camp_unit(hd_camp_t *c, ngx_uint_t stmt,
    hd_pg_result_pt on_result, hd_pg_done_pt on_done);
void hd_camp_stmt(hd_camp_t *c, hd_pg_unit_t *u, ngx_uint_t stmt);
ngx_uint_t hd_camp_submit(hd_camp_t *c, hd_pg_unit_t *u);
void hd_camp_judge(hd_camp_t *c);      /* after an answer of read.c */

/* read.c */
void hd_camp_read(hd_camp_t *c);

/* stage.c */
void hd_stage_read(hd_camp_t *c, hd_pg_res_t *res, ngx_uint_t col);
/* does what is to be done now; the campaign is RUN and not busy */
void hd_stage_go(hd_camp_t *c);
/* 1: its rows are being sent, and nobody has seen the end of it */
#define hd_stage_open(c)                                                      \
    ((c)->stage.opened && !(c)->stage.sent)

/* judge.c */
void hd_stage_judge(hd_camp_t *c);

/* guard.c */
void hd_guard_reset(hd_camp_t *c);
/* counters were read; what they say may pause the campaign */
void hd_guard_news(hd_camp_t *c, int64_t sent, int64_t failed,
    int64_t opted_out);
void hd_guard_look(hd_camp_t *c);
/* over `ppm` of n?  at least one */
ngx_uint_t hd_guard_over(int64_t bad, int64_t n, int64_t ppm);
/* plain words: "12 of 50 messages failed (24 %), …" */
void hd_guard_words(hd_buf_t *b, hd_trip_e trip, int64_t bad, int64_t n,
    int64_t ppm, int64_t code);
/* what is granted stops at once; `u` has been built so far, or is NULL */
void hd_guard_pause(hd_camp_t *c, hd_pg_unit_t *u, hd_trip_e trip,
    hd_buf_t *words);

/* audience.c */
void hd_camp_freeze(hd_camp_t *c);
void hd_camp_lost(hd_camp_t *c);
void hd_camp_cursor(hd_camp_t *c);

/* cancel.c */
void hd_camp_cancel(hd_camp_t *c);
void hd_camp_close(hd_camp_t *c);

/* sweep.c */
void hd_sweep(hd_camp_t *c, ngx_uint_t all);
void hd_sweep_strays(hd_camp_t *c, hd_pg_res_t *res);
/* submits for those suspected long enough; 1: a unit is on its way */
ngx_uint_t hd_sweep_condemn(hd_camp_t *c);

/* grant.c */
void hd_pump(void);
void hd_pump_slots(void);
/* the live slot with the least to do, or HD_NONE */
hd_slot_t *hd_pump_least(void);
/* an eventfd write at the end of the pump */
void hd_pump_wake(hd_slot_t *slot);

/* share.c */
void hd_share_begin(void);             /* who shares what, who may go */
/* the next whose turn it is, or NULL; then how it went */
hd_camp_t *hd_share_next(void);
void hd_share_served(hd_camp_t *c);
void hd_share_done(hd_camp_t *c);      /* it can take no more in this pump */
uint32_t hd_share_size(hd_camp_t *c);  /* rows of a grant */
void hd_share_join(hd_camp_t *c);
void hd_share_leave(hd_camp_t *c);

/* message.c */
void hd_message_open(const hd_uuid_t *org, const hd_uuid_t *id,
    ngx_uint_t tell);
ngx_uint_t hd_message_pump(void);      /* 1: something was granted */
void hd_message_beat(void);
void hd_message_account(const hd_uuid_t *account);            /* lets go of what is done */

/* reap.c */
void hd_reap_beat(void);

/* orphan.c */
extern const hd_uuid_t  hd_orphan_all;
void hd_orphan_sweep(const hd_uuid_t *org);    /* hd_orphan_all: everybody's */

/* progress.c */
void hd_progress_beat(void);

#endif /* HD_SCHED_PRIVATE_H */
