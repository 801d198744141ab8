/*
 * Event streams, private to their two files:
 *
 *   stream.c       who subscribes, and what of the ring is theirs
 *   stream_out.c   bytes on their way to one client
 *
 * Invariants
 *   1. A stream is in its organisation's list and in `idle` from its start
 *      until it is detached; detached it stays until the request's cleanup,
 *      for nginx may still hold its buffers.
 *   2. An item's memory (a frame shared by all who get it) is given back when
 *      nginx has sent its buffer, or at the cleanup.
 *   3. Nothing is handed to nginx while it still has something of this stream:
 *      what waits, waits here, where it is counted and can be given up.
 *   4. A stream gets no event whose id is not above `seen`, so that replay and
 *      the shared cursor may overlap.
 */

#ifndef HD_STREAM_H
#define HD_STREAM_H

#include "frame.h"


#define HD_STREAM_BUCKETS  1024            /* a power of two */


typedef struct {
    ngx_uint_t              refs;
    size_t                  len;
    u_char                  data[1];
} hd_stream_frame_t;

typedef struct hd_stream_item_s  hd_stream_item_t;

struct hd_stream_item_s {
    hd_stream_item_t       *next;
    hd_stream_frame_t      *frame;
    ngx_buf_t               buf;
    ngx_chain_t             link;
};

typedef struct hd_stream_org_s  hd_stream_org_t;

struct hd_stream_org_s {
    hd_stream_org_t        *next;          /* of its bucket */
    hd_uuid_t               id;
    ngx_queue_t             streams;
    ngx_uint_t              n;
};

typedef struct {
    ngx_queue_t             queue;         /* of its organisation */
    ngx_queue_t             idle;          /* of all, longest silent first */
    ngx_queue_t             dirty;         /* of those with bytes to send */
    hd_req_t               *req;
    hd_stream_org_t        *org;           /* NULL: detached */
    hd_stream_item_t       *items;         /* oldest first */
    hd_stream_item_t      **last;
    hd_stream_item_t       *held;          /* first that nginx has not got */
    size_t                  pending;
    uint64_t                seen;
    ngx_msec_t              spoke;
    unsigned                is_dirty:1;
} hd_stream_t;

typedef struct {
    hd_stream_org_t        *buckets[HD_STREAM_BUCKETS];
    ngx_queue_t             idle;
    ngx_queue_t             dirty;
    ngx_uint_t              n;
    uint64_t                cursor;
    uint32_t                epoch;
    hd_lap_t                lap;
    hd_timer_t              timer;
    hd_stream_frame_t      *ping;
    hd_stream_item_t       *spare;
    ngx_uint_t              nspare;
    hd_event_t              event;
    unsigned                ready:1;
    unsigned                published:1;
    unsigned                quitting:1;
} hd_streams_t;


extern hd_streams_t  hd_streams;           /* this worker's */


/* stream.c */
void hd_stream_detach(hd_stream_t *s);
/* for /metrics */
ngx_uint_t hd_stream_count(void);

/* stream_out.c */
/* fmt takes an id or nothing; NULL when out of memory, as the next one */
hd_stream_frame_t *hd_stream_frame_text(const char *fmt, uint64_t id);
hd_stream_frame_t *hd_stream_frame_event(hd_event_t *e);
void hd_stream_frame_free(hd_stream_frame_t *f);
/* to be sent by hd_stream_flush_dirty; takes a reference of its own */
void hd_stream_push(hd_stream_t *s, hd_stream_frame_t *f);
/* may close streams */
void hd_stream_flush_dirty(void);
/* forgets what was pushed; only before the first flush, or at the end */
void hd_stream_empty(hd_stream_t *s);
void hd_stream_writable(ngx_http_request_t *r);
/* NGX_OK: properly ended; the stream is gone when it returns */
void hd_stream_close(hd_stream_t *s, ngx_int_t rc);
void hd_stream_out_exit(void);

#endif /* HD_STREAM_H */
