/*
 * zone: the layout of the two zones, attaching to them, the lock and repair.
 *
 * The data zone, from its first byte; every area begins on a cache line:
 *
 *   header        64 B       magic, version, size, dirty flag
 *   slots         64         a worker each: heartbeat, ring of grants given
 *   campaigns     1024       keys, then entries: cursor and state
 *   buckets       4096       hash index, then entries: 128 B a number
 *   pairs         32768      sets of eight: 16 B a number and person
 *   grants        2048       bitmap, then entries: 96 B
 *   attempts      49152      768 for each slot, 48 B each
 *   dirty         512        ring of broadcasts whose counters changed
 *   mailbox       1024       ring, workers → helper
 *   wheel         5.7 KB     now, bitmaps, 11 × 64 lists and the due list
 *   wheel heads   4 B each   hash of (kind, ref), a power of two
 *   wheel timers  56 B each  all that is left: about 45 thousand timers in
 *                            8 MB, 1.7 million in 128 MB
 *   event root    64 B       life, newest id, head and tail
 *   event index   8 B each   where the event of an id begins, a power of two
 *   event ring    a quarter of the zone, index included
 *
 * All of it before the heads comes to 3.8 MB.  Links are indexes, stored
 * plus one where zero means none.  Timers and event bytes are not touched by
 * the layout: a prefix of the timers is in use (`high`), and no id leads to
 * event bytes that were never written; a large zone costs memory only as it is
 * used.
 *
 * What a crash can tear.  A holder of the lock may be killed at any
 * instruction.
 *   1. Rings, slots, campaigns, buckets, attempts, events: an entry is filled
 *      first, then one word makes it visible.  Nothing to repair.
 *   2. Grants: the entry's state is the truth.  Bitmap, rings, the counts in
 *      slots and campaigns, and the campaign's cursor are derived from it.
 *   3. Wheel: the timer's `used` byte is the truth.  Lists, bitmaps, hash,
 *      free list and count are derived from it.
 * For 2 and 3 a bit of `dirty` is up while the derived parts may be torn;
 * whoever takes the lock and sees it derives them again (about 0.1 µs a timer:
 * the one time that the lock is held for long).
 */

#include <stdlib.h>
#include "map.h"


#define HD_SHM_ALIGN(n)    (((n) + 63) & ~(size_t) 63)
#define HD_SHM_TIMERS_MIN  4096
#define HD_SHM_RING_MIN    (256 * 1024)


static uint32_t
hd_shm_power(uint64_t n)
{
    uint32_t  p;

    p = 1;

    while ((uint64_t) p * 2 <= n && p < 0x40000000u) {
        p *= 2;
    }

    return p;
}


int
hd_shm_map(hd_shm_map_t *map, size_t size)
{
    size_t    at, quarter, left;
    uint64_t  n;

    at = HD_SHM_ALIGN(sizeof(hd_head_sh_t));

#define hd_shm_area(name, bytes)                                              \
    map->name = at;                                                           \
    at = HD_SHM_ALIGN(at + (bytes))

    hd_shm_area(slots, HD_SLOTS * sizeof(hd_slot_node_t));
    hd_shm_area(campaigns, sizeof(hd_campaign_sh_t));
    hd_shm_area(buckets, sizeof(hd_bucket_sh_t));
    hd_shm_area(pairs, sizeof(hd_pair_node_t) * HD_PAIRS);
    hd_shm_area(grants, sizeof(hd_grant_sh_t));
    hd_shm_area(attempts, HD_ATTEMPTS * sizeof(hd_attempt_node_t));
    hd_shm_area(dirty, sizeof(hd_dirty_sh_t));
    hd_shm_area(mailbox, sizeof(hd_mailbox_sh_t));
    hd_shm_area(wheel, sizeof(hd_wheel_sh_t));

    quarter = size / 4;

    if (quarter < HD_SHM_RING_MIN
        || size < at + quarter
                  + HD_SHM_TIMERS_MIN * (sizeof(hd_wheel_node_t) + 4) + 512)
    {
        return HD_ERROR;
    }

    /* an event takes 128 bytes or more, nearly always; where they are smaller,
     * the index ends before the bytes do and fewer are kept */
    map->nindex = hd_shm_power(quarter / 128);
    map->ring_size = (quarter - map->nindex * 8 - 256) & ~(size_t) 63;

    left = size - at - quarter - 256;
    n = left / (sizeof(hd_wheel_node_t) + sizeof(uint32_t));

    if (n > 0x3fffffffu) {
        n = 0x3fffffffu;
    }

    map->nheads = hd_shm_power(n);
    n = (left - map->nheads * sizeof(uint32_t)) / sizeof(hd_wheel_node_t);
    map->ntimers = (n > 0x3fffffffu) ? 0x3fffffffu : (uint32_t) n;

    hd_shm_area(heads, map->nheads * sizeof(uint32_t));
    hd_shm_area(timers, map->ntimers * sizeof(hd_wheel_node_t));
    hd_shm_area(event, sizeof(hd_event_sh_t));
    hd_shm_area(index, map->nindex * sizeof(uint64_t));
    hd_shm_area(ring, map->ring_size);

#undef hd_shm_area

    map->end = at;

    return (at <= size) ? HD_OK : HD_ERROR;
}


/* differs when the same size would be laid out otherwise */

static uint64_t
hd_shm_print(const hd_shm_map_t *map)
{
    size_t                i;
    uint64_t              h;
    const unsigned char  *p;

    p = (const unsigned char *) map;
    h = 0xcbf29ce484222325ull;

    for (i = 0; i < sizeof(hd_shm_map_t); i++) {
        h = (h ^ p[i]) * 0x100000001b3ull;
    }

    return h;
}


static void
hd_shm_point(hd_shm_t *shm, unsigned char *p)
{
    hd_shm_map_t  *map;

    map = &shm->map;

    shm->head = (hd_head_sh_t *) p;
    shm->slots = (hd_slot_node_t *) (p + map->slots);
    shm->campaigns = (hd_campaign_sh_t *) (p + map->campaigns);
    shm->buckets = (hd_bucket_sh_t *) (p + map->buckets);
    shm->pairs = (hd_pair_node_t *) (p + map->pairs);
    shm->grants = (hd_grant_sh_t *) (p + map->grants);
    shm->attempts = (hd_attempt_node_t *) (p + map->attempts);
    shm->dirty = (hd_dirty_sh_t *) (p + map->dirty);
    shm->mailbox = (hd_mailbox_sh_t *) (p + map->mailbox);
    shm->wheel = (hd_wheel_sh_t *) (p + map->wheel);
    shm->heads = (uint32_t *) (p + map->heads);
    shm->timers = (hd_wheel_node_t *) (p + map->timers);
    shm->event = (hd_event_sh_t *) (p + map->event);
    shm->index = (uint64_t *) (p + map->index);
    shm->ring = (uint64_t *) (p + map->ring);
}


static void
hd_shm_layout(hd_shm_t *shm, unsigned char *p, size_t size)
{
    hd_shm_map_t  *map;

    map = &shm->map;

    memset(p, 0, map->timers);
    memset(p + map->event, 0, map->ring - map->event);

    hd_event_init(shm);

    shm->head->version = HD_SHM_VERSION;
    shm->head->size = size;
    shm->head->print = hd_shm_print(map);
    hd_store(&shm->head->magic, HD_SHM_MAGIC);
}


static int
hd_control_attach(hd_shm_t *shm, void *block, size_t size, int fresh)
{
    hd_control_sh_t  *c;

    if (block == NULL || size < sizeof(hd_control_sh_t)
        || (uintptr_t) block % 8 != 0)
    {
        return HD_ERROR;
    }

    c = block;

    if (fresh) {
        memset(c, 0, sizeof(hd_control_sh_t));
        c->version = HD_SHM_VERSION;
        c->size = sizeof(hd_control_sh_t);
        hd_store(&c->magic, HD_CONTROL_MAGIC);

    } else if (hd_load(&c->magic) != HD_CONTROL_MAGIC
               || c->version != HD_SHM_VERSION
               || c->size != sizeof(hd_control_sh_t))
    {
        return HD_ERROR;
    }

    shm->control = c;

    return HD_OK;
}


int
hd_shm_attach(hd_shm_t **out, void *block, size_t size, int fresh,
    hd_lock_t lock, void *control, size_t control_size, int control_fresh,
    hd_lock_t control_lock)
{
    hd_shm_t  *shm;

    shm = calloc(1, sizeof(hd_shm_t));
    if (shm == NULL) {
        return HD_ERROR;
    }

    if (block == NULL || (uintptr_t) block % 8 != 0
        || hd_shm_map(&shm->map, size) != HD_OK)
    {
        goto failed;
    }

    shm->data_lock = lock;
    shm->control_lock = control_lock;
    hd_shm_point(shm, block);

    if (!fresh && (hd_load(&shm->head->magic) != HD_SHM_MAGIC
                   || shm->head->version != HD_SHM_VERSION
                   || shm->head->size != size
                   || shm->head->print != hd_shm_print(&shm->map)))
    {
        goto failed;
    }

    if (hd_control_attach(shm, control, control_size, control_fresh)
        != HD_OK)
    {
        goto failed;
    }

    if (fresh) {
        hd_shm_layout(shm, block, size);
    }

    shm->repairs = hd_load(&shm->head->repairs);
    *out = shm;

    return HD_OK;

failed:

    free(shm);

    return HD_ERROR;
}


void
hd_shm_detach(hd_shm_t *shm)
{
    free(shm);
}


size_t
hd_shm_control_size(void)
{
    return sizeof(hd_control_sh_t);
}


void
hd_shm_lock(hd_shm_t *shm)
{
    if (shm->data_lock.lock != NULL) {
        shm->data_lock.lock(shm->data_lock.ctx);
    }

    if (hd_load(&shm->head->dirty) != 0) {
        hd_shm_repair_locked(shm);
    }
}


void
hd_shm_unlock(hd_shm_t *shm)
{
    if (shm->data_lock.unlock != NULL) {
        shm->data_lock.unlock(shm->data_lock.ctx);
    }
}


/*
 * A kill loses no store that came before it, so program order is all that is
 * needed against a crash; the fence keeps that order as the next holder, on
 * another processor, sees it.
 */

void
hd_shm_tear_locked(hd_shm_t *shm, uint32_t what)
{
    hd_store_word(&shm->head->dirty, shm->head->dirty | what);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}


void
hd_shm_mend_locked(hd_shm_t *shm)
{
    hd_store(&shm->head->dirty, 0);
}


/* Killed in here, the flag stays up and the next holder begins again. */

void
hd_shm_repair_locked(hd_shm_t *shm)
{
    uint32_t  dirty;

    dirty = hd_load(&shm->head->dirty);

    if (dirty & HD_TORN_GRANTS) {
        hd_grant_repair_locked(shm);
    }

    if (dirty & HD_TORN_WHEEL) {
        hd_wheel_repair_locked(shm);
    }

    hd_store(&shm->head->repairs, shm->head->repairs + 1);
    hd_shm_mend_locked(shm);
}


int
hd_shm_repaired(hd_shm_t *shm)
{
    uint32_t  n;

    n = hd_load(&shm->head->repairs);

    if (n == shm->repairs) {
        return 0;
    }

    shm->repairs = n;

    return 1;
}


uint64_t
hd_uuid_key(const hd_uuid_t *id)
{
    uint64_t  key;

    memcpy(&key, id->b + 8, 8);

    return (key != 0) ? key : 1;
}


uint32_t
hd_uuid_hash(const hd_uuid_t *id, uint32_t salt)
{
    uint64_t  a, b;

    memcpy(&a, id->b, 8);
    memcpy(&b, id->b + 8, 8);

    a = (a ^ salt) * 0x9e3779b97f4a7c15ull;
    b = (b ^ (a >> 32) ^ a) * 0xd6e8feb86659fd93ull;
    b ^= b >> 32;

    return (uint32_t) b;
}
