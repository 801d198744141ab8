/*
 * The spool: signed webhooks that PostgreSQL cannot take now, on disk, so that
 * they may be answered 200 all the same.  Private to the ingress.
 *
 *   spool.c         what is appended, in groups that share one fsync
 *   spool_replay.c  what goes back into the batches, oldest first
 *   spool_adopt.c   what former workers left
 *   spool_file.c    segments: plain system calls, run by nginx's threads
 *   spool_dir.c     folders, the same way
 *
 *   herald_spool/
 *     <µs, hex>-<pid>-<n>/    of one worker; the flock on it says it is owned
 *       00000001 …            segments: a magic word, then records
 *     bad/                    bodies that can never be stored
 *
 *   record:  length u32 | CRC-32C u32 | received i64, µs | hash 32 | body
 *            (little endian; the sum is over all but itself; the hash is of
 *            the address's token: it finds the account and opens nothing)
 *
 * A webhook's way:
 *
 *   added ──> next group ──(the thread is free)──> written, fsynced ──> 200
 *     │                                               │ failed
 *     └ max= reached, or 16 MiB wait for the disk     └───────────────> 503
 *
 *   segment sealed ──> read ──> gathered as any other ──> all committed
 *      ▲                            │ PostgreSQL is away       │
 *      └ appended to until 1 MiB    └ later again              └─> unlinked
 *
 * What must hold:
 *   1. 200 is said only after fsync of the file, and of the folders when new.
 *   2. A segment that is appended to is not read, and one that is read is not
 *      appended to: it is sealed in between, when nothing is being written.
 *   3. A segment goes only when each of its records is committed or in bad/.
 *   4. What a segment holds may be replayed again (a kill before the unlink):
 *      constraints make it once.
 *   5. While anything is in the spool, what comes later waits behind it, in
 *      memory or on disk; so one worker's order holds.
 *   6. Who has the lock on a folder replays it.  A dead worker's is adopted by
 *      the first one that looks.
 */

#ifndef HD_SPOOL_H
#define HD_SPOOL_H

#include "ingress.h"


#define HD_SPOOL_MAGIC      "HDSPOOL1"
#define HD_SPOOL_HEAD       8              /* length and sum */
#define HD_SPOOL_META       40             /* received and hash */
/* no webhook is larger; a length above it is rot */
#define HD_SPOOL_RECORD     (4 * 1024 * 1024)
#define HD_SPOOL_SEGMENT    (1024 * 1024)
#define HD_SPOOL_NAME       64


/* ── spool_file.c and spool_dir.c: may block, only for threads ── */

/* a worker's folder; all but `fd` and `name` is the loop's */
typedef struct {
    int                     fd;            /* -1: not made yet; has the lock */
    ngx_uint_t              segments;      /* not yet unlinked */
    char                    name[HD_SPOOL_NAME];
} hd_spool_dir_t;

typedef struct {
    ngx_queue_t             queue;
    hd_spool_dir_t         *dir;
    uint32_t                number;
    uint32_t                records;
    uint64_t                bytes;
} hd_spool_seg_t;

typedef struct {
    int                     err;           /* errno; 0: none */
    const char             *what;          /* it was trying to */
} hd_spool_error_t;

typedef struct {
    const char             *path;
    hd_spool_dir_t         *dir;           /* made when its fd is -1 */
    int                     fd;            /* made when -1 */
    uint32_t                number;
    uint64_t                offset;        /* what is good in it */
    hd_buf_t                buf;           /* records, their sums left open */
    unsigned                broken:1;      /* this file takes no more */
    hd_spool_error_t        error;
} hd_spool_append_t;

typedef struct {
    hd_spool_dir_t         *dir;
    uint32_t                number;
    u_char                 *data;          /* malloc'ed */
    size_t                  begin;         /* the first record */
    size_t                  end;           /* after the last good one */
    size_t                  size;
    uint32_t                records;
    unsigned                rotten:1;      /* what follows `end` is no torn
                                              write */
    hd_spool_error_t        error;
} hd_spool_read_t;

typedef struct {
    size_t                  next;          /* of the one after it */
    int64_t                 at;
    const u_char           *hash;
    hd_str_t                body;
} hd_spool_record_t;

typedef struct hd_spool_bad_s  hd_spool_bad_t;

struct hd_spool_bad_s {
    hd_spool_bad_t         *next;
    hd_str_t                body;
    char                    name[HD_SPOOL_NAME];
};

typedef struct {
    const char             *path;
    hd_spool_dir_t         *dir;
    uint32_t                number;
    hd_spool_bad_t         *bad;           /* written before anything goes */
    unsigned                keep:1;        /* the segment itself to bad/ */
    unsigned                last:1;        /* the folder goes with it */
    unsigned                kept:1;        /* out: it is in bad/ */
    hd_spool_error_t        error;
} hd_spool_end_t;

typedef struct {
    const char             *path;
    ngx_queue_t             segs;          /* of folders locked just now */
    hd_spool_error_t        error;
} hd_spool_scan_t;

void hd_spool_file_append(hd_spool_append_t *a);
void hd_spool_file_read(hd_spool_read_t *r);
void hd_spool_file_end(hd_spool_end_t *e);
/* looks for folders that nobody owns, and locks them */
void hd_spool_file_scan(hd_spool_scan_t *s);
/* the record at `pos`, which must be below r->end */
void hd_spool_file_record(hd_spool_read_t *r, size_t pos,
    hd_spool_record_t *out);
/* 1, or 0 and errno */
ngx_uint_t hd_spool_write_at(int fd, const void *data, size_t len,
    uint64_t offset);
ngx_uint_t hd_spool_dir_make(hd_spool_append_t *a);
/* always 0 */
ngx_uint_t hd_spool_failed(hd_spool_error_t *error, const char *what);
/* not for a thread */
void hd_spool_file_put(hd_buf_t *b, int64_t at, const u_char hash[32],
    const hd_str_t *body);


/* ── spool.c ── */

typedef struct {
    const char             *path;          /* NULL: there is no spool */
    uint64_t                max;
    ngx_pool_t             *pool;

    hd_spool_dir_t         *dir;           /* ours; NULL: none yet */
    hd_spool_append_t       append;
    ngx_thread_task_t      *task;
    hd_buf_t                next;          /* the group that gathers */
    ngx_queue_t             waiting;       /* its hooks */
    ngx_queue_t             writing;       /* hooks of the group on its way */
    uint32_t                nnext, nwriting;
    uint32_t                written;       /* in the segment appended to */
    uint64_t                before;        /* its length before the group */
    uint32_t                numbers;

    ngx_queue_t             segs;          /* sealed, oldest first */
    uint32_t                records;       /* all that are ours on disk */
    uint64_t                bytes;
    uint64_t                replayed;      /* since it was empty */

    unsigned                busy:1;        /* the thread writes */
    unsigned                stalled:1;     /* PostgreSQL is silent */
    unsigned                quitting:1;
    unsigned                refusing:1;    /* and it was logged */
    unsigned                noticed:1;     /* that it is in use was logged */

    hd_lap_t                lap;
} hd_spool_t;

extern hd_spool_t  hd_spool;

ngx_int_t hd_spool_init(void);
void hd_spool_exit(void);
void hd_spool_quit(void);

#define hd_spool_on()  (hd_spool.path != NULL)

/*
 * NGX_OK: hd_hook_spooled will be called, never inside this.  NGX_ERROR: it
 * takes no more.
 */
ngx_int_t hd_spool_add(hd_hook_t *h);
/* the group that has gathered goes on its way now */
void hd_spool_flush(void);
/* it was committed meanwhile */
void hd_spool_forget(hd_hook_t *h);
/* anything on disk, or on its way there */
ngx_uint_t hd_spool_pending(void);
/* so little that to wait behind it in memory is quicker than to be written */
ngx_uint_t hd_spool_near(void);
/* PostgreSQL cannot be asked now */
ngx_uint_t hd_spool_away(void);
/* PostgreSQL is silent, or has answered */
void hd_spool_stall(ngx_uint_t stalled);
/* no more goes into the present file; NGX_AGAIN: it is being written */
ngx_int_t hd_spool_seal(void);
/* what /metrics shows */
void hd_spool_account(void);
void hd_spool_log(ngx_uint_t level, const hd_spool_error_t *error,
    const char *consequence);
ngx_int_t hd_spool_post(ngx_thread_task_t *task);
ngx_thread_task_t *hd_spool_task(void *ctx,
    void (*run)(void *data, ngx_log_t *log), void (*done)(ngx_event_t *ev));


/* ── spool_replay.c ── */

ngx_int_t hd_replay_init(void);
void hd_replay_exit(void);
/* looks whether there is something to replay, or to give up when quitting */
void hd_replay_next(void);
ngx_uint_t hd_replay_busy(void);
/* the one that is being replayed, or NULL */
hd_spool_seg_t *hd_replay_segment(void);
/* PostgreSQL takes none: again in a while */
void hd_replay_pause(void);
ngx_uint_t hd_replay_paused(void);
/* one of its hooks is committed; or never will be, and `why` says so */
void hd_replay_done(hd_hook_t *h, const char *why);


/* ── spool_adopt.c ── */

ngx_int_t hd_adopt_init(const char *path);
void hd_adopt_exit(void);

#endif /* HD_SPOOL_H */
