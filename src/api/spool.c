/*
 * What is appended to the spool: groups that share one write and one fsync,
 * made by a thread while the next group gathers.
 *
 *   idle ──add──> writing ──ok──> its hooks 200 ──> next group, or idle
 *                    └──failed──> its hooks 503, logged once until one works
 *
 * The order of what is spooled is the order in which it was added: groups are
 * written one after the other, and a file that takes no more is sealed.
 */

#include "spool.h"

#include <signal.h>


#define HD_SPOOL_PENDING  (16 * 1024 * 1024)
#define HD_SPOOL_CLOSE    (256 * 1024)


hd_spool_t  hd_spool;


static void hd_spool_write(void *data);
static void hd_spool_thread(void *data, ngx_log_t *log);
static void hd_spool_written(ngx_event_t *ev);


ngx_int_t
hd_spool_init(void)
{
    struct sigaction  sa;

    ngx_memzero(&hd_spool, sizeof(hd_spool_t));

    ngx_queue_init(&hd_spool.waiting);
    ngx_queue_init(&hd_spool.writing);
    ngx_queue_init(&hd_spool.segs);
    hd_buf_init(&hd_spool.next);
    hd_buf_init(&hd_spool.append.buf);

    if (hd_api.spool == NULL) {
        return NGX_OK;
    }

    hd_spool.pool = ngx_create_pool(1024, hd_api.log);
    if (hd_spool.pool == NULL) {
        return NGX_ERROR;
    }

    hd_spool.task = hd_spool_task(&hd_spool.append, hd_spool_thread,
                                  hd_spool_written);

    if (hd_spool.task == NULL || hd_replay_init() != NGX_OK
        || hd_adopt_init(hd_api.spool) != NGX_OK)
    {
        return NGX_ERROR;
    }

    hd_spool.path = hd_api.spool;
    hd_spool.max = hd_api.spool_max;
    hd_spool.append.path = hd_spool.path;
    hd_spool.append.fd = -1;

    hd_lap_init(&hd_spool.lap, hd_spool_write, NULL, hd_api.log);

    /* beyond RLIMIT_FSIZE a write shall fail, not kill the worker */

    if (sigaction(SIGXFSZ, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL) {
        (void) signal(SIGXFSZ, SIG_IGN);
    }

    return NGX_OK;
}


void
hd_spool_exit(void)
{
    if (!hd_spool_on()) {
        return;
    }

    /* threads have ended; the locks go with the process */

    hd_adopt_exit();
    hd_replay_exit();
    hd_lap_cancel(&hd_spool.lap);

    hd_buf_free(&hd_spool.next);
    hd_buf_free(&hd_spool.append.buf);

    ngx_destroy_pool(hd_spool.pool);
    hd_spool.path = NULL;
}


void
hd_spool_quit(void)
{
    if (hd_spool_on()) {
        hd_spool.quitting = 1;
        hd_replay_next();
    }
}


ngx_thread_task_t *
hd_spool_task(void *ctx, void (*run)(void *data, ngx_log_t *log),
    void (*done)(ngx_event_t *ev))
{
    ngx_thread_task_t  *task;

    task = ngx_thread_task_alloc(hd_spool.pool, 0);

    if (task) {
        task->ctx = ctx;
        task->handler = run;
        task->event.handler = done;
        task->event.data = ctx;
    }

    return task;
}


/* a quitting worker stays until it is done */

ngx_int_t
hd_spool_post(ngx_thread_task_t *task)
{
    if (ngx_thread_task_post(hd_api.threads, task) != NGX_OK) {
        return NGX_ERROR;
    }

    hd_hold_take(hd_api.log);

    return NGX_OK;
}


void
hd_spool_log(ngx_uint_t level, const hd_spool_error_t *error,
    const char *consequence)
{
    ngx_log_error(level, hd_api.log, error->err,
                  "herald: the spool in \"%s\" could not %s: %s",
                  hd_spool.path, error->what, consequence);
}


void
hd_spool_account(void)
{
    hd_slot_spool(hd_api.shm, hd_api.slot, hd_spool.records, hd_spool.bytes);
}


/*
 * Of all workers, for the folder is one.  A slot may outlive its worker for a
 * while, and what that had is adopted sooner, or counted by nobody until then.
 */
void
hd_spool_sum(uint64_t *records, uint64_t *bytes)
{
    uint32_t   i;
    hd_slot_t  slot;

    *records = hd_spool.records;
    *bytes = hd_spool.bytes;

    for (i = 0; i < HD_SLOTS; i++) {

        if (i == hd_api.slot || !hd_slot_read(hd_api.shm, i, &slot)
            || slot.spool_bytes == 0
            || (kill(slot.pid, 0) == -1 && errno == ESRCH))
        {
            continue;
        }

        *records += slot.spool_records;
        *bytes += slot.spool_bytes;
    }
}


static uint64_t
hd_spool_total(void)
{
    uint64_t  records, bytes;

    hd_spool_sum(&records, &bytes);

    return bytes + hd_spool.next.len
           + (hd_spool.busy ? hd_spool.append.buf.len : 0);
}


static void
hd_spool_refusing(const char *why)
{
    if (!hd_spool.refusing) {
        hd_spool.refusing = 1;
        ngx_log_error(NGX_LOG_CRIT, hd_api.log, 0,
                      "herald: webhooks are refused, for the spool in \"%s\" "
                      "%s", hd_spool.path, why);
    }
}


ngx_int_t
hd_spool_add(hd_hook_t *h)
{
    size_t  len, old;

    if (!hd_spool_on() || h->r == NULL || h->body.len == 0) {
        return NGX_ERROR;
    }

    old = hd_spool.next.len;
    len = HD_SPOOL_HEAD + HD_SPOOL_META + h->body.len;

    if (hd_spool_total() + len > hd_spool.max) {
        hd_spool_refusing("has reached its max=");

    } else if (old + len > HD_SPOOL_PENDING) {
        hd_spool_refusing("waits for the disk");

    } else {
        hd_spool_file_put(&hd_spool.next, h->at, h->account->hash, &h->body);

        if (!hd_spool.next.failed) {
            goto added;
        }

        hd_spool.next.len = old;
        hd_spool.next.failed = 0;
        hd_spool_refusing("finds no memory");
    }

    hd_count(hd_api.shm, hd_api.slot, HD_COUNT_spool_failed, 1);

    return NGX_ERROR;

added:

    if (!hd_spool.noticed) {
        hd_spool.noticed = 1;
        ngx_log_error(NGX_LOG_WARN, hd_api.log, 0,
                      "herald: PostgreSQL is away or too slow, webhooks are "
                      "kept in \"%s\"", hd_spool.path);
    }

    h->spooling = 1;
    ngx_queue_insert_tail(&hd_spool.waiting, &h->spool);
    hd_spool.nnext++;

    /* after this turn of the loop: what comes in it goes together */
    hd_lap_post(&hd_spool.lap);

    return NGX_OK;
}


void
hd_spool_flush(void)
{
    hd_spool_write(NULL);
}


void
hd_spool_forget(hd_hook_t *h)
{
    ngx_queue_remove(&h->spool);
    h->spooling = 0;
}


static void
hd_spool_answer(ngx_queue_t *hooks, ngx_uint_t status)
{
    hd_hook_t    *h;
    ngx_queue_t  *q;

    while (!ngx_queue_empty(hooks)) {
        q = ngx_queue_head(hooks);
        h = ngx_queue_data(q, hd_hook_t, spool);

        hd_spool_forget(h);
        hd_hook_spooled(h, status);
    }
}


/* gives the group that has gathered to the thread */

static void
hd_spool_write(void *data)
{
    hd_buf_t            b;
    hd_spool_append_t  *a;

    if (hd_spool.busy || hd_spool.next.len == 0) {
        return;
    }

    a = &hd_spool.append;

    if (hd_spool.dir == NULL) {
        hd_spool.dir = calloc(1, sizeof(hd_spool_dir_t));

        if (hd_spool.dir) {
            hd_spool.dir->fd = -1;
        }
    }

    b = a->buf;
    a->buf = hd_spool.next;
    hd_spool.next = b;
    hd_buf_reset(&hd_spool.next);

    /* none of them is left when all were committed meanwhile */

    if (!ngx_queue_empty(&hd_spool.waiting)) {
        ngx_queue_add(&hd_spool.writing, &hd_spool.waiting);
        ngx_queue_init(&hd_spool.waiting);
    }

    hd_spool.nwriting = hd_spool.nnext;
    hd_spool.nnext = 0;

    a->dir = hd_spool.dir;
    a->broken = 0;

    if (a->fd == -1) {
        a->number = ++hd_spool.numbers;
        a->offset = 0;
    }

    hd_spool.before = a->offset;

    if (a->dir && hd_spool_post(hd_spool.task) == NGX_OK) {
        hd_spool.busy = 1;
        return;
    }

    hd_spool_refusing("finds no memory");
    hd_spool_answer(&hd_spool.writing, NGX_HTTP_SERVICE_UNAVAILABLE);
}


static void
hd_spool_thread(void *data, ngx_log_t *log)
{
    hd_spool_file_append(data);
}


/* somebody has removed our folder: the next one is a new one */

static void
hd_spool_lost(void)
{
    if (hd_spool.dir->segments == 0) {

        if (hd_spool.dir->fd != -1) {
            (void) close(hd_spool.dir->fd);
        }

        free(hd_spool.dir);
    }

    hd_spool.dir = NULL;
}


static void
hd_spool_written(ngx_event_t *ev)
{
    uint64_t            len;
    ngx_uint_t          status;
    ngx_queue_t         hooks;
    hd_spool_append_t  *a = ev->data;

    hd_spool.busy = 0;
    status = NGX_HTTP_OK;
    len = HD_SPOOL_SEGMENT;

    if (a->error.err) {
        status = NGX_HTTP_SERVICE_UNAVAILABLE;
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_spool_failed,
                 hd_spool.nwriting);

        if (!hd_spool.refusing) {
            hd_spool.refusing = 1;
            hd_spool_log(NGX_LOG_CRIT, &a->error, "webhooks are refused");
        }

    } else {
        len = a->offset;
        hd_spool.written += hd_spool.nwriting;
        hd_spool.records += hd_spool.nwriting;
        hd_spool.bytes += len - hd_spool.before;
        hd_spool_account();

        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_spool_written,
                 hd_spool.nwriting);
        hd_count(hd_api.shm, hd_api.slot, HD_COUNT_spool_syncs, 1);

        if (hd_spool.refusing) {
            hd_spool.refusing = 0;
            ngx_log_error(NGX_LOG_NOTICE, hd_api.log, 0,
                          "herald: the spool takes webhooks again");
        }
    }

    if (a->error.err == ENOENT && a->fd == -1) {
        hd_spool_lost();
    }

    if (a->broken || (!a->error.err && len >= HD_SPOOL_SEGMENT)) {
        (void) hd_spool_seal();
    }

    /* what these were is not wanted in memory for ever */

    if (a->buf.cap > HD_SPOOL_CLOSE) {
        hd_buf_free(&a->buf);
    }

    ngx_queue_init(&hooks);

    if (!ngx_queue_empty(&hd_spool.writing)) {
        ngx_queue_add(&hooks, &hd_spool.writing);
        ngx_queue_init(&hd_spool.writing);
    }

    hd_spool_write(NULL);
    hd_spool_answer(&hooks, status);
    hd_replay_next();

    hd_hold_release();
}


ngx_int_t
hd_spool_seal(void)
{
    hd_spool_seg_t     *seg;
    hd_spool_append_t  *a;

    a = &hd_spool.append;

    if (hd_spool.busy) {
        return NGX_AGAIN;
    }

    if (a->fd == -1) {
        return NGX_OK;
    }

    seg = calloc(1, sizeof(hd_spool_seg_t));
    if (seg == NULL) {
        return NGX_ERROR;
    }

    seg->dir = hd_spool.dir;
    seg->number = a->number;
    seg->records = hd_spool.written;
    seg->bytes = a->offset;
    seg->dir->segments++;

    ngx_queue_insert_tail(&hd_spool.segs, &seg->queue);

    (void) close(a->fd);
    a->fd = -1;
    hd_spool.written = 0;

    return NGX_OK;
}


ngx_uint_t
hd_spool_pending(void)
{
    return hd_spool_on()
           && (hd_spool.busy || hd_spool.next.len || hd_spool.written
               || !ngx_queue_empty(&hd_spool.segs) || hd_replay_busy());
}


ngx_uint_t
hd_spool_near(void)
{
    return hd_spool.bytes + hd_spool.next.len <= HD_SPOOL_CLOSE
           && !hd_spool_away() && !hd_replay_paused() && !hd_spool.quitting;
}


ngx_uint_t
hd_spool_away(void)
{
    return hd_spool_on() && (hd_pg_ready(hd_api.pg) == 0 || hd_spool.stalled);
}


void
hd_spool_stall(ngx_uint_t stalled)
{
    hd_spool.stalled = stalled ? 1 : 0;
}
