/*
 * What was spooled goes back, one segment after the other, oldest first.
 *
 *             ┌──────────────(nothing is left)──────────────┐
 *             ▼                                             │
 *   IDLE ──> READING ──> FEEDING ──> WAITING ──> ENDING ────┘
 *              thread     │   ▲       for the     thread: bad ones to bad/,
 *                         ▼   │       commits     then unlink
 *                        account
 *                        is asked
 *
 * A pause (PostgreSQL takes none) stops FEEDING, the batches of WAITING, and
 * what failed on disk; it ends with a working connection or a second later.
 * A quitting worker lets go as soon as nothing of it is in a unit or a thread:
 * what it has not replayed is adopted by another, and what of a segment is
 * committed already is found there by the constraints.
 */

#include "spool.h"


#define HD_REPLAY_PAUSE  1000


typedef enum {
    HD_REPLAY_IDLE = 0,
    HD_REPLAY_READING,
    HD_REPLAY_FEEDING,
    HD_REPLAY_WAITING,
    HD_REPLAY_ENDING
} hd_replay_state_e;

typedef struct {
    hd_replay_state_e       state;
    hd_spool_seg_t         *seg;           /* in its queue until it ended */
    hd_spool_read_t         read;
    size_t                  pos;           /* the next record */
    ngx_uint_t              out;           /* hooks not done */
    hd_hook_wait_t          wait;          /* of the record at pos */
    hd_spool_end_t          end;
    hd_spool_bad_t        **last;
    ngx_thread_task_t      *read_task, *end_task;
    hd_timer_t              pause;
    unsigned                paused:1;
    unsigned                retry:1;       /* the thread's work failed */
    unsigned                failing:1;     /* and it was logged */
} hd_replay_t;


static hd_replay_t  hd_replay;


static void hd_replay_read_thread(void *data, ngx_log_t *log);
static void hd_replay_read_done(ngx_event_t *ev);
static void hd_replay_end_thread(void *data, ngx_log_t *log);
static void hd_replay_ended(ngx_event_t *ev);
static void hd_replay_resume(hd_timer_t *t, void *data);
static void hd_replay_ready(void *data);
static void hd_replay_known(hd_hook_wait_t *wait, ngx_uint_t status);
static void hd_replay_feed(void);
static void hd_replay_end(void);


ngx_int_t
hd_replay_init(void)
{
    ngx_memzero(&hd_replay, sizeof(hd_replay_t));

    hd_replay.read_task = hd_spool_task(&hd_replay.read,
                                        hd_replay_read_thread,
                                        hd_replay_read_done);
    hd_replay.end_task = hd_spool_task(&hd_replay.end, hd_replay_end_thread,
                                       hd_replay_ended);

    if (hd_replay.read_task == NULL || hd_replay.end_task == NULL) {
        return NGX_ERROR;
    }

    hd_replay.wait.done = hd_replay_known;

    hd_timer_init(&hd_replay.pause, hd_replay_resume, NULL, 1, hd_api.log);

    hd_pg_on_ready(hd_api.pg, hd_replay_ready, NULL);

    return NGX_OK;
}


void
hd_replay_exit(void)
{
    hd_timer_clear(&hd_replay.pause);

    /* batches and accounts are gone before, so only memory is left */
    free(hd_replay.read.data);
    hd_replay.read.data = NULL;
}


hd_spool_seg_t *
hd_replay_segment(void)
{
    return hd_replay.seg;
}


ngx_uint_t
hd_replay_busy(void)
{
    return hd_replay.state != HD_REPLAY_IDLE;
}


/* ── pauses ── */

void
hd_replay_pause(void)
{
    hd_replay.paused = 1;

    if (!hd_timer_is_set(&hd_replay.pause)) {
        hd_timer_set(&hd_replay.pause, HD_REPLAY_PAUSE);
    }

    hd_replay_next();
}


ngx_uint_t
hd_replay_paused(void)
{
    return hd_replay.paused;
}


static void
hd_replay_go_on(void)
{
    hd_timer_clear(&hd_replay.pause);
    hd_replay.paused = 0;

    if (hd_replay.state == HD_REPLAY_FEEDING) {
        if (!hd_replay.wait.queued) {
            hd_replay_feed();
        }

    } else if (hd_replay.state == HD_REPLAY_ENDING && hd_replay.retry) {
        hd_replay_end();
    }

    hd_hook_batch_wake();
    hd_replay_next();
}


static void
hd_replay_resume(hd_timer_t *t, void *data)
{
    if (hd_pg_ready(hd_api.pg) == 0) {
        hd_timer_set(t, HD_REPLAY_PAUSE);
        return;
    }

    hd_replay_go_on();
}


/* there is a working connection again */

static void
hd_replay_ready(void *data)
{
    hd_replay_go_on();
}


/* ── the next segment ── */

static void
hd_replay_free(void)
{
    hd_spool_bad_t  *bad;

    while (hd_replay.end.bad) {
        bad = hd_replay.end.bad;
        hd_replay.end.bad = bad->next;
        free(bad);
    }

    free(hd_replay.read.data);
    hd_replay.read.data = NULL;
    hd_replay.state = HD_REPLAY_IDLE;
    hd_replay.retry = 0;
    hd_replay.seg = NULL;
}


static void
hd_replay_drop(hd_spool_seg_t *seg)
{
    ngx_queue_remove(&seg->queue);

    hd_spool.records -= ngx_min(seg->records, hd_spool.records);
    hd_spool.bytes -= ngx_min(seg->bytes, hd_spool.bytes);
    seg->dir->segments--;

    free(seg);
}


/* closes what this worker has, so that another adopts it; what it still
 * appends goes into a new folder */

static void
hd_replay_let_go(void)
{
    ngx_queue_t     *q;
    hd_spool_dir_t  *dir;
    hd_spool_seg_t  *seg;

    if (hd_replay.state == HD_REPLAY_READING
        || (hd_replay.state == HD_REPLAY_ENDING && !hd_replay.retry)
        || !hd_hook_replay_stop()
        || hd_spool_seal() != NGX_OK)
    {
        return;
    }

    hd_hook_account_leave(&hd_replay.wait);
    hd_replay_free();

    while (!ngx_queue_empty(&hd_spool.segs)) {
        q = ngx_queue_head(&hd_spool.segs);
        seg = ngx_queue_data(q, hd_spool_seg_t, queue);
        dir = seg->dir;

        hd_replay_drop(seg);

        if (dir->segments == 0) {
            (void) close(dir->fd);

            if (dir == hd_spool.dir) {
                hd_spool.dir = NULL;
            }

            free(dir);
        }
    }

    hd_spool.records = 0;
    hd_spool.bytes = 0;
    hd_spool_account();

    hd_hook_batch_wake();
}


void
hd_replay_next(void)
{
    ngx_queue_t  *q;

    if (hd_spool.quitting) {
        hd_replay_let_go();
        return;
    }

    if (hd_replay.state != HD_REPLAY_IDLE || hd_replay.paused
        || hd_pg_ready(hd_api.pg) == 0)
    {
        return;
    }

    if (ngx_queue_empty(&hd_spool.segs) && hd_spool_seal() != NGX_OK) {
        return;
    }

    if (ngx_queue_empty(&hd_spool.segs)) {

        if (hd_spool.noticed && !hd_spool_pending()) {
            hd_spool.noticed = 0;
            ngx_log_error(NGX_LOG_NOTICE, hd_api.log, 0,
                          "herald: the spool is empty, %uL webhooks were "
                          "replayed", hd_spool.replayed);
            hd_spool.replayed = 0;
        }

        hd_hook_batch_wake();
        return;
    }

    q = ngx_queue_head(&hd_spool.segs);

    hd_replay.seg = ngx_queue_data(q, hd_spool_seg_t, queue);
    hd_replay.read.dir = hd_replay.seg->dir;
    hd_replay.read.number = hd_replay.seg->number;

    if (hd_spool_post(hd_replay.read_task) != NGX_OK) {
        hd_replay.seg = NULL;
        hd_replay_pause();
        return;
    }

    hd_replay.state = HD_REPLAY_READING;
}


static void
hd_replay_read_thread(void *data, ngx_log_t *log)
{
    hd_spool_file_read(data);
}


/* logged once until one works */

static void
hd_replay_failed(const hd_spool_error_t *error)
{
    if (!hd_replay.failing) {
        hd_replay.failing = 1;
        hd_spool_log(NGX_LOG_CRIT, error,
                     "its replay is tried again each second");
    }
}


static void
hd_replay_read_done(ngx_event_t *ev)
{
    hd_spool_read_t  *r;

    r = &hd_replay.read;

    /* one that an administrator has removed holds nothing */

    if (r->error.err && r->error.err != ENOENT) {
        hd_replay_failed(&r->error);
        hd_replay_free();
        hd_replay_pause();
        goto done;
    }

    hd_replay.pos = r->begin;
    hd_replay.out = 0;

    ngx_memzero(&hd_replay.end, sizeof(hd_spool_end_t));
    hd_replay.end.keep = r->rotten;
    hd_replay.last = &hd_replay.end.bad;

    if (r->rotten) {
        ngx_log_error(NGX_LOG_CRIT, hd_api.log, 0,
                      "herald: the spool's file \"%s/%08xD\" is damaged, its "
                      "last %uz bytes cannot be read; it is kept in bad/",
                      r->dir->name, r->number, r->size - r->end);

    } else if (r->end < r->size) {
        ngx_log_error(NGX_LOG_NOTICE, hd_api.log, 0,
                      "herald: the spool's file \"%s/%08xD\" ends in a torn "
                      "write, %uz bytes are cut",
                      r->dir->name, r->number, r->size - r->end);
    }

    hd_replay.state = HD_REPLAY_FEEDING;
    hd_replay_feed();

done:

    hd_hold_release();
}


/* ── records become hooks ── */

static void
hd_replay_bad(const u_char hash[32], int64_t at, const hd_str_t *body,
    const char *why)
{
    u_char           hex[16];
    hd_spool_bad_t  *bad;

    bad = calloc(1, sizeof(hd_spool_bad_t));

    if (bad == NULL) {
        /* all of the segment, then */
        hd_replay.end.keep = 1;
        return;
    }

    hd_hex(hex, hash, sizeof(hex) / 2);
    bad->body = *body;

    (void) snprintf(bad->name, sizeof(bad->name), "%016llx-%.16s-%08x.json",
                    (unsigned long long) at, hex,
                    hd_crc32c(body->data, body->len));

    *hd_replay.last = bad;
    hd_replay.last = &bad->next;

    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_spool_bad, 1);

    ngx_log_error(NGX_LOG_ERR, hd_api.log, 0,
                  "herald: a spooled webhook cannot be stored, %s; it is kept "
                  "as \"%s/bad/%s\"", why, hd_spool.path, bad->name);
}


static void
hd_replay_one(hd_spool_record_t *rec, hd_hook_account_t *account)
{
    hd_hook_t   *h;
    ngx_uint_t   status;

    status = hd_hook_parse(NULL, account, &rec->body, rec->at, &h);

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE) {
        hd_replay_pause();
        return;
    }

    hd_replay.pos = rec->next;

    if (status) {
        hd_replay_bad(rec->hash, rec->at, &rec->body, "it cannot be read");
        return;
    }

    hd_replay.out++;

    if (h->nevents == 0) {
        hd_replay_done(h, NULL);
        return;
    }

    hd_hook_replay(h);
}


/* the record at pos, once it is known whose it is */

static void
hd_replay_with(hd_spool_record_t *rec, ngx_uint_t status)
{
    switch (status) {

    case 0:
        hd_replay_one(rec, hd_replay.wait.account);
        hd_hook_account_leave(&hd_replay.wait);
        return;

    case NGX_HTTP_NOT_FOUND:
        hd_replay.pos = rec->next;
        hd_replay_bad(rec->hash, rec->at, &rec->body,
                      "its address is known no more");
        return;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        hd_replay.pos = rec->next;
        hd_replay_bad(rec->hash, rec->at, &rec->body,
                      "its account cannot be used");
        return;

    default:
        hd_replay_pause();
        return;
    }
}


static void
hd_replay_known(hd_hook_wait_t *wait, ngx_uint_t status)
{
    hd_spool_record_t  rec;

    hd_spool_file_record(&hd_replay.read, hd_replay.pos, &rec);
    hd_replay_with(&rec, status);
    hd_replay_feed();
}


static void
hd_replay_feed(void)
{
    ngx_int_t          rc;
    hd_spool_record_t  rec;

    /* letting go may free the segment under it */

    while (hd_replay.state == HD_REPLAY_FEEDING && !hd_replay.paused
           && !hd_spool.quitting && hd_replay.pos < hd_replay.read.end)
    {
        hd_spool_file_record(&hd_replay.read, hd_replay.pos, &rec);

        rc = hd_hook_account(&hd_replay.wait, rec.hash);

        if (rc == NGX_AGAIN) {
            return;
        }

        hd_replay_with(&rec, rc == NGX_OK ? 0 : (ngx_uint_t) rc);
    }

    if (hd_spool.quitting) {
        hd_replay_next();
        return;
    }

    if (hd_replay.state == HD_REPLAY_FEEDING
        && hd_replay.pos >= hd_replay.read.end)
    {
        hd_replay.state = HD_REPLAY_WAITING;

        if (hd_replay.out == 0) {
            hd_replay_end();
        }
    }
}


void
hd_replay_done(hd_hook_t *h, const char *why)
{
    if (why) {
        hd_replay_bad(h->account->hash, h->at, &h->body, why);

    } else {
        hd_spool.replayed++;
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_spool_replayed, 1);
    }

    hd_hook_free(h);

    if (--hd_replay.out == 0 && hd_replay.state == HD_REPLAY_WAITING) {
        hd_replay_end();
        return;
    }

    if (hd_spool.quitting) {
        hd_replay_next();
    }
}


/* ── all of a segment is committed ── */

static void
hd_replay_end(void)
{
    hd_spool_dir_t  *dir;
    hd_spool_end_t  *e;

    e = &hd_replay.end;
    dir = hd_replay.seg->dir;

    e->path = hd_spool.path;
    e->dir = dir;
    e->number = hd_replay.seg->number;
    e->last = (dir->segments == 1);

    if (dir == hd_spool.dir && e->last) {

        if (hd_spool.busy || hd_spool.append.fd != -1) {
            e->last = 0;

        } else {
            /* what is appended from now on goes into a new one */
            hd_spool.dir = NULL;
        }
    }

    hd_replay.state = HD_REPLAY_ENDING;
    hd_replay.retry = 0;

    if (hd_spool_post(hd_replay.end_task) != NGX_OK) {
        hd_replay.retry = 1;
        hd_replay_pause();
    }
}


static void
hd_replay_end_thread(void *data, ngx_log_t *log)
{
    hd_spool_file_end(data);
}


static void
hd_replay_ended(ngx_event_t *ev)
{
    hd_spool_dir_t  *dir;
    hd_spool_end_t  *e;

    e = &hd_replay.end;

    if (e->error.err) {
        hd_replay_failed(&e->error);
        hd_replay.retry = 1;
        hd_replay_pause();
        hd_hold_release();
        return;
    }

    if (e->kept && !e->keep) {
        ngx_log_error(NGX_LOG_ERR, hd_api.log, 0,
                      "herald: the spool's folder bad/ has no room, the "
                      "file \"%s/%08xD\" is kept there as it is",
                      e->dir->name, e->number);
    }

    dir = e->dir;

    hd_replay_drop(hd_replay.seg);
    hd_spool_account();

    if (e->last) {
        free(dir);
    }

    hd_replay.failing = 0;
    hd_replay_free();
    hd_replay_next();

    hd_hold_release();
}
