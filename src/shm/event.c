/*
 * event: the ring of what the streams tell.  Writers hold the lock, readers do
 * not.
 *
 * Ids are consecutive: base + 1, base + 2, …  The base has 23 random bits
 * above 40 zero ones, chosen when the zone is laid out, so an id of another
 * life of the zone falls outside of base … newest.  An id leads through
 * index[] to the byte position (which only grows; modulo the ring's size it is
 * a place) of
 *
 *     | id 8 | lengths of data and type 8 | org 16 | type | data |
 *
 * where type and data are padded to whole words.
 *
 * A position never comes from a client: only an id does, and it must be in
 * range.
 *
 * Writing, under the lock:                Reading id:
 *   1. tail = first byte still whole        1. newest (acquire), position
 *      after this event                     2. position < tail: gone
 *   2. fence                                3. copy head, check its id; copy
 *   3. bytes, position in the index         4. fence
 *   4. head, then newest (release)          5. position < tail: gone
 *
 * Whoever copied a byte of a newer event has, after its fence, also the tail
 * that was moved before it.  Bytes are copied as whole relaxed words, so
 * nothing is torn within one.  A writer that is killed before 4 leaves head
 * where it was and the next one writes over its bytes; nobody had been told of
 * them.
 */

#include "map.h"


#define HD_EVENT_HEAD   4                        /* words */
#define HD_EVENT_TYPE   32                       /* bytes, without NUL */
#define HD_EVENT_WORDS  (HD_EVENT_HEAD + (HD_EVENT_TYPE + HD_EVENT_MAX) / 8)

#define hd_event_words(n)  (((n) + 7) / 8)


void
hd_event_init(hd_shm_t *shm)
{
    uint64_t  life;

    do {
        hd_random(&life, sizeof(life));
        life >>= 41;

    } while (life == 0);

    shm->event->base = life << 40;
    shm->event->newest = life << 40;
}


uint64_t
hd_event_publish(hd_shm_t *shm, const hd_uuid_t *org, const char *type,
    const unsigned char *data, size_t len)
{
    size_t          tlen, i, n, words;
    uint64_t        id, pos, end, bytes, rec[HD_EVENT_WORDS];
    hd_event_sh_t  *e;

    tlen = strlen(type);

    if (tlen > HD_EVENT_TYPE || len > HD_EVENT_MAX) {
        return 0;
    }

    e = shm->event;
    n = HD_EVENT_HEAD + hd_event_words(tlen) + hd_event_words(len);
    bytes = n * 8;
    words = shm->map.ring_size / 8;

    rec[n - 1] = 0;
    rec[HD_EVENT_HEAD] = 0;
    rec[1] = (uint64_t) len << 8 | tlen;
    memcpy(&rec[2], org, 16);

    if (tlen != 0) {
        rec[HD_EVENT_HEAD + hd_event_words(tlen) - 1] = 0;
        memcpy(&rec[HD_EVENT_HEAD], type, tlen);
    }

    if (len != 0) {
        memcpy(&rec[HD_EVENT_HEAD + hd_event_words(tlen)], data, len);
    }

    hd_shm_lock(shm);

    id = e->newest + 1;
    pos = e->head;
    end = pos + bytes;

    rec[0] = id;

    if (end > shm->map.ring_size && end - shm->map.ring_size > e->tail) {
        hd_store_word(&e->tail, end - shm->map.ring_size);
    }

    __atomic_thread_fence(__ATOMIC_RELEASE);

    for (i = 0; i < n; i++) {
        hd_store_word(&shm->ring[(pos / 8 + i) % words], rec[i]);
    }

    hd_store_word(&shm->index[id & (shm->map.nindex - 1)], pos);
    hd_store_word(&e->head, end);
    hd_store(&e->newest, id);

    hd_shm_unlock(shm);

    return id;
}


static void
hd_event_words_copy(hd_shm_t *shm, uint64_t pos, uint64_t *out, size_t n)
{
    size_t  i, at, words;

    words = shm->map.ring_size / 8;
    at = (pos / 8) % words;

    for (i = 0; i < n; i++) {
        out[i] = hd_load_word(&shm->ring[at]);
        at = (at + 1 == words) ? 0 : at + 1;
    }
}


/* HD_ERROR: overwritten, before or while it was copied */

static int
hd_event_copy(hd_shm_t *shm, uint64_t id, hd_event_t *out)
{
    size_t          tlen, len;
    uint64_t        pos, rec[HD_EVENT_WORDS];
    hd_event_sh_t  *e;

    e = shm->event;
    pos = hd_load_word(&shm->index[id & (shm->map.nindex - 1)]);

    if (pos < hd_load(&e->tail)) {
        return HD_ERROR;
    }

    hd_event_words_copy(shm, pos, rec, HD_EVENT_HEAD);

    tlen = (size_t) (rec[1] & 0xff);
    len = (size_t) (rec[1] >> 8);

    /* another id: the index has gone round */
    if (rec[0] != id || tlen > HD_EVENT_TYPE || len > HD_EVENT_MAX) {
        return HD_ERROR;
    }

    hd_event_words_copy(shm, pos + HD_EVENT_HEAD * 8, rec + HD_EVENT_HEAD,
                        hd_event_words(tlen) + hd_event_words(len));

    __atomic_thread_fence(__ATOMIC_ACQUIRE);

    if (pos < hd_load_word(&e->tail)) {
        return HD_ERROR;
    }

    out->id = id;
    memcpy(&out->org, &rec[2], 16);
    memcpy(out->type, &rec[HD_EVENT_HEAD], tlen);
    out->type[tlen] = '\0';
    out->len = len;
    memcpy(out->data, &rec[HD_EVENT_HEAD + hd_event_words(tlen)], len);

    return HD_OK;
}


int
hd_event_next(hd_shm_t *shm, uint64_t *cursor, hd_event_t *out)
{
    uint64_t        newest;
    hd_event_sh_t  *e;

    e = shm->event;
    newest = hd_load(&e->newest);

    if (*cursor == newest) {
        return 0;
    }

    if (*cursor >= e->base && *cursor < newest
        && newest - *cursor <= shm->map.nindex
        && hd_event_copy(shm, *cursor + 1, out) == HD_OK)
    {
        *cursor = *cursor + 1;
        return 1;
    }

    *cursor = hd_load(&e->newest);

    return -1;
}


uint64_t
hd_event_newest(hd_shm_t *shm)
{
    return hd_load(&shm->event->newest);
}
