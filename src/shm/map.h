/*
 * The structures inside the zones and the handle on them; private to this
 * room.  Names say where a thing lives: _sh_t is a root in shared memory,
 * _node_t an entry in shared memory, hd_shm_t is this process's own.
 *
 * The map itself is drawn at the head of zone.c.
 */

#ifndef HD_SHM_MAP_H
#define HD_SHM_MAP_H

#include "shm.h"


#define HD_SHM_MAGIC       0x31616d6853646548ull       /* "HedShma1" */
#define HD_CONTROL_MAGIC   0x316c746353646548ull       /* "HedSctl1" */
#define HD_SHM_VERSION     3

/* bits of hd_head_sh_t.dirty: what a crashed holder may have left torn */
#define HD_TORN_GRANTS     1
#define HD_TORN_WHEEL      2

#define hd_load(p)         __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define hd_store(p, v)     __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define hd_load_word(p)    __atomic_load_n(p, __ATOMIC_RELAXED)
#define hd_store_word(p, v)  __atomic_store_n(p, v, __ATOMIC_RELAXED)


/* header of the data zone */

typedef struct {
    uint64_t            magic;
    uint32_t            version;
    uint32_t            dirty;          /* HD_TORN_*, 0 at rest */
    uint64_t            size;
    uint64_t            print;          /* fingerprint of the layout */
    uint32_t            repairs;
    uint32_t            rebuilt;        /* PostgreSQL has been read */
} hd_head_sh_t;


/* control zone */

#define HD_COUNTER_ROW     ((HD_COUNT_MAX + 7) / 8 * 8)

typedef struct {
    uint64_t            magic;
    uint32_t            version;
    uint32_t            auth_epoch;
    uint64_t            size;

    uint32_t            epoch;
    int32_t             owner;
    uint64_t            heartbeat_ms;
    uint64_t            crash_ms;
    uint32_t            crashes;
    uint32_t            generation;

    uint32_t            held;
    uint32_t            pad;
    /* one row for each slot, a cache line or two apart */
    uint64_t            counters[HD_SLOTS][HD_COUNTER_ROW];
} hd_control_sh_t;


/* slots; the ring holds ids of grants, head and tail only grow */

#define HD_SLOT_ATTEMPTS   (HD_ATTEMPTS / HD_SLOTS)
#define HD_SLOT_WORDS      (HD_SLOT_ATTEMPTS / 64)
/* words to the end of the cache line */
#define HD_SLOT_PAD        (8 - (8 + HD_SLOT_WORDS + HD_GRANT_RING / 2) % 8)

typedef struct {
    int32_t             pid;            /* 0: empty; stored last */
    uint32_t            generation;
    uint32_t            worker;
    uint32_t            quitting;
    uint32_t            streams;
    uint32_t            grants;
    uint64_t            heartbeat_ms;
    uint32_t            life;           /* +1 whenever somebody takes it */
    uint32_t            head;           /* next to take */
    uint32_t            tail;           /* next to give */
    uint32_t            spool_records;
    uint64_t            spool_bytes;
    uint64_t            errands;        /* some are due: ask the database */
    uint64_t            attempts[HD_SLOT_WORDS];    /* bitmap of used ones */
    uint32_t            ring[HD_GRANT_RING];
    uint64_t            pad2[HD_SLOT_PAD];
} hd_slot_node_t;


/* buckets: found through an index of twice their number */

#define HD_BUCKET_INDEX    (HD_BUCKETS * 2)

typedef struct {
    hd_uuid_t           account;
    int64_t             tat_us;         /* theoretical arrival time */
    uint64_t            slow;           /* ms << 16 | share in 1/1024; 0: no */
    int64_t             yield_us;       /* bulk gives way since; 0: does not */
    uint32_t            rate_milli;
    int32_t             waiting;        /* replies */
    uint32_t            changed;        /* rate_milli, since the last take */
    uint32_t            gap_min_ms;
    uint32_t            gap_max_ms;     /* 0: no human profile */
    uint32_t            fails;          /* in a row, for the breaker */
    int64_t             open_us;        /* the breaker, since; 0: closed */
    int64_t             probe_us;       /* when the next probe may go */
    uint32_t            late[HD_LATE_STEPS];
    uint64_t            late_ms;        /* their sum */
    uint64_t            pad;
} hd_bucket_node_t;

typedef struct {
    uint32_t            count;
    uint32_t            pad[15];
    uint32_t            index[HD_BUCKET_INDEX];     /* bucket + 1; 0: none */
    hd_bucket_node_t    nodes[HD_BUCKETS];
} hd_bucket_sh_t;


/* pairs of number and person, in sets of eight */

#define HD_PAIR_WAYS       8

typedef struct {
    uint64_t            key;            /* hash of both; 0: never used */
    int64_t             tat_us;
} hd_pair_node_t;


/* campaigns; keys[] is a dense copy of half of the batch, for the search */

typedef struct {
    uint64_t            keys[HD_CAMPAIGNS];
    hd_campaign_t       nodes[HD_CAMPAIGNS];
} hd_campaign_sh_t;


/* grants */

#define HD_GRANT_FREE      0
#define HD_GRANT_GIVEN     1            /* in the ring of its slot */
#define HD_GRANT_TAKEN     2

typedef struct {
    hd_grant_t          g;
    uint64_t            order;          /* rises with each give */
    uint32_t            state;
    uint32_t            uses;           /* upper bits of the id */
} hd_grant_node_t;

typedef struct {
    uint64_t            order;
    uint64_t            used[HD_GRANTS / 64];
    hd_grant_node_t     nodes[HD_GRANTS];
} hd_grant_sh_t;


/* attempts */

#define HD_ATTEMPT_FREE    0
#define HD_ATTEMPT_OPEN    1
#define HD_ATTEMPT_WRITTEN 2

typedef struct {
    uint64_t            body[5];        /* org, batch, fence */
    uint32_t            seq;
    uint32_t            state;          /* uses << 2 | HD_ATTEMPT_* */
} hd_attempt_node_t;


/* dirty broadcasts and mailbox: rings, head and tail only grow */

typedef struct {
    uint32_t            head;
    uint32_t            tail;
    uint32_t            lost;
    uint32_t            pad;
    uint64_t            keys[HD_DIRTY];
    hd_dirty_t          nodes[HD_DIRTY];
} hd_dirty_sh_t;

typedef struct {
    uint32_t            head;
    uint32_t            tail;
    uint32_t            lost;
    uint32_t            pad;
    hd_mail_t           nodes[HD_MAILBOX];
} hd_mailbox_sh_t;


/* wheel */

#define HD_WHEEL_BITS      6
#define HD_WHEEL_SLOTS     64
#define HD_WHEEL_LEVELS    11           /* 66 bits: no time is too far */
#define HD_WHEEL_LISTS     (HD_WHEEL_LEVELS * HD_WHEEL_SLOTS + 1)
#define HD_WHEEL_DUE       (HD_WHEEL_LISTS - 1)     /* the list of due ones */

typedef struct {
    hd_uuid_t           org;
    hd_uuid_t           ref;
    uint64_t            due_ms;
    uint32_t            next;           /* + 1, as all links here; 0: none */
    uint32_t            prev;
    uint32_t            chain;          /* same hash */
    uint16_t            list;
    uint8_t             kind;
    uint8_t             used;           /* stored last */
} hd_wheel_node_t;

typedef struct {
    uint32_t            head;
    uint32_t            tail;
} hd_wheel_list_t;

typedef struct {
    uint64_t            now_ms;         /* all up to here has been looked at */
    uint32_t            count;
    uint32_t            free;           /* list through `next` */
    uint32_t            high;           /* nodes ever used: a prefix */
    uint32_t            pending;        /* list being emptied + 1; 0: none */
    uint64_t            bits[HD_WHEEL_LEVELS];
    hd_wheel_list_t     lists[HD_WHEEL_LISTS];
} hd_wheel_sh_t;


/* event ring: ids are base + 1, base + 2, …; base is the life of the zone */

typedef struct {
    uint64_t            base;
    uint64_t            newest;         /* id; stored last */
    uint64_t            head;           /* bytes written since the beginning */
    uint64_t            tail;           /* bytes before it are gone */
    uint64_t            pad[4];
} hd_event_sh_t;


_Static_assert(sizeof(hd_head_sh_t) <= 64, "header is one cache line");
_Static_assert(sizeof(hd_slot_node_t) % 64 == 0, "slots share no line");
_Static_assert(sizeof(hd_bucket_node_t) == 128, "a bucket is two lines");
_Static_assert(sizeof(hd_pair_node_t) * HD_PAIR_WAYS == 128, "a set of pairs");
_Static_assert(sizeof(hd_attempt_node_t) == 48, "attempt");
_Static_assert(sizeof(hd_grant_node_t) == 96, "grant");
_Static_assert(sizeof(hd_campaign_t) == 96, "campaign");
_Static_assert(sizeof(hd_wheel_node_t) == 56, "a timer is at most 64 bytes");
_Static_assert(sizeof(hd_event_sh_t) == 64, "event root is a cache line");
_Static_assert(sizeof(hd_uuid_t) == 16, "uuid");
_Static_assert(HD_WHEEL_LISTS <= 0xffff, "a list's number has 16 bits");
_Static_assert((HD_GRANTS & (HD_GRANTS - 1)) == 0, "ids hold an index");
_Static_assert((HD_GRANT_RING & (HD_GRANT_RING - 1)) == 0, "ring");
_Static_assert((HD_DIRTY & (HD_DIRTY - 1)) == 0, "ring");
_Static_assert((HD_MAILBOX & (HD_MAILBOX - 1)) == 0, "ring");


/* where each area begins, and how many of what depends on the size */

typedef struct {
    size_t              slots;
    size_t              campaigns;
    size_t              buckets;
    size_t              pairs;
    size_t              grants;
    size_t              attempts;
    size_t              dirty;
    size_t              mailbox;
    size_t              wheel;
    size_t              heads;
    size_t              timers;
    size_t              event;
    size_t              index;
    size_t              ring;
    size_t              end;
    uint32_t            nheads;         /* a power of two */
    uint32_t            ntimers;
    uint32_t            nindex;         /* a power of two */
    size_t              ring_size;      /* a multiple of 8 */
} hd_shm_map_t;


struct hd_shm_s {
    hd_head_sh_t       *head;
    hd_control_sh_t    *control;
    hd_slot_node_t     *slots;
    hd_campaign_sh_t   *campaigns;
    hd_bucket_sh_t     *buckets;
    hd_pair_node_t     *pairs;
    hd_grant_sh_t      *grants;
    hd_attempt_node_t  *attempts;
    hd_dirty_sh_t      *dirty;
    hd_mailbox_sh_t    *mailbox;
    hd_wheel_sh_t      *wheel;
    uint32_t           *heads;
    hd_wheel_node_t    *timers;
    hd_event_sh_t      *event;
    uint64_t           *index;
    uint64_t           *ring;
    hd_shm_map_t        map;
    hd_lock_t           data_lock;
    hd_lock_t           control_lock;
    uint32_t            repairs;        /* seen by hd_shm_repaired() */
};


/* HD_ERROR when `size` is too small */
int hd_shm_map(hd_shm_map_t *map, size_t size);

/* The data zone's lock.  What a crashed holder tore is mended here, so that
 * nobody inside ever meets it. */
void hd_shm_lock(hd_shm_t *shm);
void hd_shm_unlock(hd_shm_t *shm);
void hd_shm_repair_locked(hd_shm_t *shm);
/* before and after a change that spans several words */
void hd_shm_tear_locked(hd_shm_t *shm, uint32_t what);
void hd_shm_mend_locked(hd_shm_t *shm);

void hd_grant_repair_locked(hd_shm_t *shm);
void hd_wheel_repair_locked(hd_shm_t *shm);
void hd_event_init(hd_shm_t *shm);
/* for a slot without a worker: 1 when no attempt of it is open */
int hd_attempt_sweep(hd_shm_t *shm, uint32_t slot);

/* us between messages at a rate (in thousandths) of which a share (in 1/1024)
 * is left */
int64_t hd_rate_interval(uint32_t rate_milli, uint32_t share);
int64_t hd_rate_tolerance(int64_t interval);
/* 0: the breaker is closed, or this caller is its probe; else us to wait */
int64_t hd_bucket_probe(hd_bucket_node_t *b, int64_t now_us);

/* the 8 bytes of a uuid that vary the most (v7: all random), never 0 */
uint64_t hd_uuid_key(const hd_uuid_t *id);
uint32_t hd_uuid_hash(const hd_uuid_t *id, uint32_t salt);

#endif /* HD_SHM_MAP_H */
