/*
 * shm: what nginx's processes share.  Algorithms over indexes, no pointers, so
 * the block can be dumped, range-checked and attached anywhere.  It is a cache
 * of PostgreSQL: it survives a crash of any one process and a reload, and is
 * rebuilt after a restart.
 *
 * Two zones.  The *control zone* is small and of fixed size, so that it is
 * never replaced: epoch, owner, heartbeat, crash counter, counters for
 * /metrics.  The *data zone* (herald_zone) is one block laid out by hand (map
 * in zone.c):
 *
 *   header | slots+rings | campaigns | buckets | grants | attempts | dirty |
 *   mailbox | wheel levels | wheel entries | event ring
 *
 * One lock for each zone: shpool->mutex, the only one that nginx recovers
 * after a crash.  Held under 10 µs; nothing is allocated, logged or called
 * inside.  A dirty flag is raised before a mutation that spans several words;
 * whoever takes the lock and finds it raised repairs (free lists and wheel
 * links are rebuilt from the entries' own states).  x() locks, x_locked() does
 * not.
 *
 * Who writes what:  the helper alone writes the wheel, campaigns' cursors and
 * grants given; a worker writes its own slot, its attempts, its grants' ends;
 * a bucket's theoretical arrival time is moved by compare-and-swap at the
 * moment a worker is about to write to the socket, because only there is a
 * rate true.
 */

#ifndef HD_SHM_H
#define HD_SHM_H

#include <stdint.h>
#include "../base/base.h"


#define HD_NONE            0xffffffffu
#define HD_SLOTS           64        /* workers at once, old and new cycle */
#define HD_GRANT_RING      64        /* grants waiting for one worker */
#define HD_CAMPAIGNS       1024
#define HD_BUCKETS         4096
#define HD_GRANTS          2048
#define HD_ATTEMPTS        49152     /* in flight at most; 768 a slot */
#define HD_DIRTY           512
#define HD_MAILBOX         1024
#define HD_ZONE_MIN        (8 * 1024 * 1024)

/* counters for /metrics: one word each for every slot, so no lock is needed */
#define HD_COUNTERS(X)                                                        \
    X(api_requests)      X(api_errors)      X(ingress_requests)               \
    X(ingress_refused)   X(ingress_events)  X(ingress_commits)                \
    X(sends)             X(accepted)        X(rejected)                       \
    X(unknown)           X(retried)         X(fence_refused)                  \
    X(events_published)  X(logins)          X(logins_refused)                 \
    X(skipped)           X(deferred)        X(breaker_opened)                 \
    X(auto_paused)       X(statuses)        X(inbound)                        \
    X(spool_written)     X(spool_syncs)     X(spool_replayed)                 \
    X(spool_failed)      X(spool_bad)

typedef enum {
#define X(name)  HD_COUNT_##name,
    HD_COUNTERS(X)
#undef X
    HD_COUNT_MAX
} hd_counter_e;

typedef struct hd_shm_s  hd_shm_t;        /* this process's handle */

/* The lock is given by the caller: ngx_shmtx in nginx, nothing in a test. */
typedef struct {
    void   (*lock)(void *ctx);
    void   (*unlock)(void *ctx);
    void    *ctx;
} hd_lock_t;

/* layout for a block of `size` bytes: HD_ERROR when too small.  `fresh` lays
 * it out, else magic, version and size are checked (HD_ERROR: not ours). */
int hd_shm_attach(hd_shm_t **shm, void *block, size_t size, int fresh,
    hd_lock_t lock, void *control, size_t control_size, int control_fresh,
    hd_lock_t control_lock);
void hd_shm_detach(hd_shm_t *shm);
size_t hd_shm_control_size(void);         /* bytes the control zone needs */
/* 1 when a crashed holder left it half-written and it was repaired */
int hd_shm_repaired(hd_shm_t *shm);


/* control */

typedef struct {
    uint32_t   epoch;
    int32_t    owner;             /* the helper's pid */
    uint64_t   heartbeat_ms;      /* monotonic */
    uint32_t   crashes;           /* helper respawns in one cycle */
    uint64_t   crash_ms;
    uint32_t   generation;        /* cycle that the owner was born in */
    uint32_t   zone_fresh;        /* rebuilt from PostgreSQL not yet done */
} hd_control_t;

/* a new helper: epoch + 1; counts a crash when the generation is the same as
 * the last owner's.  Returns the new epoch. */
uint32_t hd_control_claim(hd_shm_t *shm, int32_t pid, uint32_t generation,
    uint64_t now_ms);
/* still the owner?  1 or 0; touches the heartbeat when it is */
int hd_control_beat(hd_shm_t *shm, uint32_t epoch, uint64_t now_ms);
void hd_control_read(hd_shm_t *shm, hd_control_t *out);
/* credentials changed somewhere: every worker drops its cache */
uint32_t hd_auth_epoch(hd_shm_t *shm);
void hd_auth_bump(hd_shm_t *shm);
/* the database was restored from a copy: nothing is sent (for /metrics) */
void hd_held_set(hd_shm_t *shm, int held);
int hd_held(hd_shm_t *shm);
/* set once the helper has rebuilt from PostgreSQL; grants only after */
void hd_rebuilt_set(hd_shm_t *shm);
int hd_rebuilt(hd_shm_t *shm);


/* slots: one for each living worker */

typedef struct {
    uint32_t   index;
    int32_t    pid;
    uint32_t   generation;
    uint32_t   worker;            /* ngx_worker: which eventfd wakes it */
    uint32_t   quitting;
    uint32_t   streams;           /* event streams open: wake it for events */
    uint64_t   heartbeat_ms;
    uint32_t   grants;            /* given and not ended */
    uint32_t   spool_records;     /* webhooks on disk, to be replayed */
    uint64_t   spool_bytes;
} hd_slot_t;

uint32_t hd_slot_take(hd_shm_t *shm, int32_t pid, uint32_t generation,
    uint32_t worker, uint64_t now_ms);                /* HD_NONE: full */
void hd_slot_beat(hd_shm_t *shm, uint32_t slot, uint64_t now_ms);
void hd_slot_quitting(hd_shm_t *shm, uint32_t slot);
void hd_slot_streams(hd_shm_t *shm, uint32_t slot, int delta);
void hd_slot_spool(hd_shm_t *shm, uint32_t slot, uint32_t records,
    uint64_t bytes);
/* errands are due: the worker is woken and asks the database; 1: it was told */
void hd_slot_errand(hd_shm_t *shm, uint32_t slot);
int hd_slot_errand_take(hd_shm_t *shm, uint32_t slot);
/* frees it; grants not ended and attempts not closed must be reaped before */
void hd_slot_free(hd_shm_t *shm, uint32_t slot);
int hd_slot_read(hd_shm_t *shm, uint32_t slot, hd_slot_t *out);  /* 0: empty */

/* which eventfds wake the workers that have event streams; returns how many */
size_t hd_slots_streaming(hd_shm_t *shm, uint32_t *workers, size_t n);

void hd_count(hd_shm_t *shm, uint32_t slot, hd_counter_e c, uint64_t n);
uint64_t hd_counter_sum(hd_shm_t *shm, hd_counter_e c);
const char *hd_counter_name(hd_counter_e c);


/* buckets: one for each number */

typedef enum { HD_LANE_REPLY = 0, HD_LANE_BULK } hd_lane_e;

/* finds or makes it; HD_NONE when full.  rate in messages per second × 1000,
 * 0: no limit.  The rate of one that exists is updated. */
uint32_t hd_bucket(hd_shm_t *shm, const hd_uuid_t *account,
    uint32_t rate_milli);
/*
 * GCRA with a tolerance of just under one interval, so that no window of one
 * second holds more than rate + 1, and a late timer loses no token.  Bulk
 * gives way while a reply waits.  0: take it, send now; else µs to wait
 * before asking again.
 */
int64_t hd_bucket_take(hd_shm_t *shm, uint32_t bucket, hd_lane_e lane,
    int64_t now_us);
/* a reply waits (+1) or no longer does (-1) */
void hd_bucket_waiting(hd_shm_t *shm, uint32_t bucket, int delta);
/* the provider said "too fast": halve, then recover over a minute */
void hd_bucket_slow(hd_shm_t *shm, uint32_t bucket, int64_t now_us);
/* n messages went that nobody asked for here (inbound): TAT moves by n
 * intervals, whatever it is; never more than a second ahead of the clock */
void hd_bucket_charge(hd_shm_t *shm, uint32_t bucket, uint32_t n,
    int64_t now_us);
/* the human profile: after each message the next one waits a random time
 * between the two (ms), for both lanes; 0, 0: none */
void hd_bucket_gap(hd_shm_t *shm, uint32_t bucket, uint32_t min_ms,
    uint32_t max_ms);
/* HD_NONE: never asked for */
uint32_t hd_bucket_find(hd_shm_t *shm, const hd_uuid_t *account);

/*
 * The breaker of a number.  After HD_BREAKER_TRIES results in a row that were
 * no answer (refused, timed out, 5xx) it is open: hd_bucket_take() makes
 * everybody wait but one probe each HD_BREAKER_PROBE ms.  The first good
 * answer closes it.
 */
#define HD_BREAKER_TRIES   5
#define HD_BREAKER_PROBE   10000

/* 1 when this result opened it */
int hd_bucket_result(hd_shm_t *shm, uint32_t bucket, int answered,
    int64_t now_us);
int hd_bucket_open(hd_shm_t *shm, uint32_t bucket);       /* 1: it is open */

/* how late a message went, ms after it was due: for the histogram */
#define HD_LATE_STEPS      8      /* le 10 50 100 500 1000 5000 30000 +Inf */

void hd_bucket_late(hd_shm_t *shm, uint32_t bucket, int64_t ms);
int32_t hd_late_step(uint32_t i);         /* its ms; -1: the last one */

#define HD_TOKENS_ANY      0xffffffffu    /* there is no limit */

typedef struct {
    uint32_t   rate_milli;
    uint32_t   share;             /* of the rate, in 1/1024: slowed down */
    uint32_t   tokens;            /* messages that may go at once now */
    int64_t    wait_us;           /* until the next one may */
    uint32_t   waiting;           /* replies that wait */
    uint32_t   open;              /* the breaker */
    uint32_t   gap_min_ms, gap_max_ms;
    uint64_t   late[HD_LATE_STEPS];
    uint64_t   late_ms;           /* all of them together */
} hd_bucket_state_t;

/* 1, or 0 when there is no such bucket; they are numbered from 0 */
int hd_bucket_state(hd_shm_t *shm, uint32_t bucket, int64_t now_us,
    hd_bucket_state_t *out);
/* what one would say that nobody has taken from yet */
void hd_bucket_rest(uint32_t rate_milli, hd_bucket_state_t *out);


/*
 * pairs: one number to one person, 1 message in 6 s, 45 ahead (domain.md 4.2).
 * A set-associative table; an entry whose TAT has passed is free, and when a
 * set is full the one with the least debt is given up.
 */
#define HD_PAIRS           32768
#define HD_PAIR_INTERVAL   6000000                        /* us */
#define HD_PAIR_BURST      45

/* 0: take it; else us to wait */
int64_t hd_pair_take(hd_shm_t *shm, const hd_uuid_t *account,
    const hd_uuid_t *contact, int64_t now_us);
/* the provider said 131056: nothing to this pair for `us` */
void hd_pair_block(hd_shm_t *shm, const hd_uuid_t *account,
    const hd_uuid_t *contact, int64_t now_us, int64_t us);


/* campaigns: broadcasts that are being sent */

typedef enum {
    HD_CAMPAIGN_FREE = 0,
    HD_CAMPAIGN_RUNNING,
    HD_CAMPAIGN_PAUSED,
    HD_CAMPAIGN_CANCELLED,
    HD_CAMPAIGN_DRAINING              /* nothing more is granted; what has its
                                       * attempt goes, for it is paid */
} hd_campaign_state_e;

typedef struct {
    hd_uuid_t            org, batch, account;
    uint32_t             state;       /* hd_campaign_state_e */
    uint32_t             bucket;
    uint32_t             audience;
    uint32_t             next;        /* first seq not yet granted */
    uint32_t             granted;     /* grants out */
    int64_t              fence;
    uint32_t             rate_milli;  /* of its own; 0: none */
    uint32_t             allowed;     /* last seq that may be granted */
    int64_t              tat_us;      /* of its own rate */
} hd_campaign_t;

/* helper: makes or updates it (cursor kept when it exists); HD_NONE: full */
uint32_t hd_campaign_put(hd_shm_t *shm, const hd_campaign_t *c);
int hd_campaign_read(hd_shm_t *shm, uint32_t i, hd_campaign_t *out);
uint32_t hd_campaign_find(hd_shm_t *shm, const hd_uuid_t *batch);
/* 1 while entry i is that batch and running; no lock, for each message */
int hd_campaign_running(hd_shm_t *shm, uint32_t i, const hd_uuid_t *batch);
/* the same, or draining: may what has its attempt go? */
int hd_campaign_goes(hd_shm_t *shm, uint32_t i, const hd_uuid_t *batch);
/* any process: pause, resume, cancel acts at once on what is granted */
void hd_campaign_state(hd_shm_t *shm, const hd_uuid_t *batch,
    hd_campaign_state_e state);
void hd_campaign_free(hd_shm_t *shm, uint32_t i);
/* its own rate (GCRA as the bucket's): 0: take it, else us to wait; a token
 * that the number's bucket then refused goes back by untake */
int64_t hd_campaign_take(hd_shm_t *shm, uint32_t i, int64_t now_us);
void hd_campaign_untake(hd_shm_t *shm, uint32_t i);
/* helper: how far its grants may go */
void hd_campaign_allow(hd_shm_t *shm, uint32_t i, uint32_t allowed);


/* grants: helper → worker */

typedef struct {
    hd_uuid_t   org, batch, account;
    uint32_t    campaign;             /* index */
    uint32_t    bucket;
    uint32_t    from, to;             /* seqs, inclusive */
    int64_t     fence;
    uint32_t    id;                   /* index in the grants table */
    uint32_t    slot;
} hd_grant_t;

/* helper; moves the campaign's cursor past `to` when from == cursor.
 * HD_ERROR: ring or table is full, nothing given */
int hd_grant_give(hd_shm_t *shm, uint32_t slot, hd_grant_t *g);
int hd_grant_take(hd_shm_t *shm, uint32_t slot, hd_grant_t *g);   /* 1 or 0 */
void hd_grant_end(hd_shm_t *shm, uint32_t id);
/* all of a slot that are not ended (HD_NONE: of all); how many, at most n */
size_t hd_grant_list(hd_shm_t *shm, uint32_t slot, hd_grant_t *out, size_t n);


/* attempts: what is between "committed as sending" and "outcome committed" */

typedef struct {
    hd_uuid_t   org, batch;
    uint32_t    seq;
    uint32_t    slot;
    int64_t     fence;
    uint32_t    written;              /* the request may be on the wire */
    uint32_t    id;
} hd_attempt_t;

uint32_t hd_attempt_open(hd_shm_t *shm, uint32_t slot, const hd_uuid_t *org,
    const hd_uuid_t *batch, uint32_t seq, int64_t fence); /* HD_NONE: full */
void hd_attempt_written(hd_shm_t *shm, uint32_t id);
void hd_attempt_close(hd_shm_t *shm, uint32_t id);
size_t hd_attempt_list(hd_shm_t *shm, uint32_t slot, hd_attempt_t *out,
    size_t n);
int hd_attempt_known(hd_shm_t *shm, const hd_uuid_t *batch, uint32_t seq);
size_t hd_attempt_count(hd_shm_t *shm);   /* of all slots */


/* dirty broadcasts: their counters changed, somebody should tell */

typedef struct {
    hd_uuid_t   org, batch;
} hd_dirty_t;

void hd_dirty_mark(hd_shm_t *shm, const hd_uuid_t *org,
    const hd_uuid_t *batch);
size_t hd_dirty_take(hd_shm_t *shm, hd_dirty_t *out, size_t n);
int hd_dirty_lost(hd_shm_t *shm);       /* one did not fit; clears it */


/* mailbox: workers → helper.  Full: `lost` is set and the helper rescans. */

typedef enum {
    HD_MAIL_BROADCAST = 1,            /* made, changed, paused, resumed… */
    HD_MAIL_ACCOUNT,
    HD_MAIL_STRAYS,                   /* this batch has rows to try again */
    HD_MAIL_ERRAND                    /* there are new ones, or other times */
} hd_mail_e;

typedef struct {
    uint32_t    kind;
    hd_uuid_t   org, id;
} hd_mail_t;

void hd_mail_send(hd_shm_t *shm, hd_mail_e kind, const hd_uuid_t *org,
    const hd_uuid_t *id);
int hd_mail_take(hd_shm_t *shm, hd_mail_t *m);       /* 1 or 0 */
int hd_mail_lost(hd_shm_t *shm);                     /* and clears it */


/* wheel: hierarchical, tickless, monotonic ms; the helper's */

typedef enum {
    HD_TIMER_BROADCAST = 1,           /* send_at */
    HD_TIMER_RETRY,
    HD_TIMER_SWEEP,
    HD_TIMER_LEASE,
    HD_TIMER_MESSAGE,
    HD_TIMER_STAGE,                   /* a broadcast's next stage */
    HD_TIMER_EXPIRY,                  /* what is still queued is too late */
    HD_TIMER_JOURNEY,                 /* a run wakes */
    HD_TIMER_DELETION,                /* a status or what retention ends */
    HD_TIMER_WEBHOOK,                 /* an outgoing webhook is tried again */
    HD_TIMER_ERRAND                   /* a worker is told */
} hd_wheel_kind_e;

typedef struct {
    uint32_t    kind;
    hd_uuid_t   org, ref;
    uint64_t    due_ms;
} hd_wheel_timer_t;

/* (kind, ref) is one timer: adding it again moves it.  HD_ERROR: full. */
int hd_wheel_add(hd_shm_t *shm, const hd_wheel_timer_t *t);
void hd_wheel_cancel(hd_shm_t *shm, uint32_t kind, const hd_uuid_t *ref);
/* takes up to n that are due, in order of due_ms */
size_t hd_wheel_take(hd_shm_t *shm, uint64_t now_ms, hd_wheel_timer_t *out,
    size_t n);
/* ms until the next one, at most `max`; 0 when something is due */
uint64_t hd_wheel_next(hd_shm_t *shm, uint64_t now_ms, uint64_t max);
size_t hd_wheel_count(hd_shm_t *shm);
size_t hd_wheel_room(hd_shm_t *shm);      /* how many it can hold */


/* event ring: what the streams tell */

#define HD_EVENT_MAX  4096

/* `type` at most 32 bytes ("broadcast.progress"); data is one line of JSON */
uint64_t hd_event_publish(hd_shm_t *shm, const hd_uuid_t *org,
    const char *type, const unsigned char *data, size_t len);

typedef struct {
    uint64_t        id;
    hd_uuid_t       org;
    char            type[33];
    size_t          len;
    unsigned char   data[HD_EVENT_MAX];
} hd_event_t;

/* the first event after *cursor; 1: out filled and *cursor moved; 0: none;
 * -1: what followed *cursor is overwritten (or from another life of the zone)
 * and *cursor was set to the newest: tell the client to reset */
int hd_event_next(hd_shm_t *shm, uint64_t *cursor, hd_event_t *out);
uint64_t hd_event_newest(hd_shm_t *shm);
/* ids of another life of the zone differ in their upper bits */

#endif /* HD_SHM_H */
