/*
 * Folders of the spool that nobody owns: a worker has died, or has quit and
 * let go, or nginx had another life.  Who looks first takes all there are, and
 * replays them before its own, in the order of their names, which is that of
 * their times.
 */

#include "spool.h"


#define HD_ADOPT_LOOK  2000


typedef struct {
    hd_spool_scan_t      scan;
    ngx_thread_task_t   *task;
    hd_timer_t           look;
    unsigned             busy:1;
    unsigned             failing:1;    /* and it was logged */
} hd_adopt_t;


static hd_adopt_t  hd_adopt;


static void hd_adopt_look(hd_timer_t *t, void *data);
static void hd_adopt_thread(void *data, ngx_log_t *log);
static void hd_adopt_done(ngx_event_t *ev);


ngx_int_t
hd_adopt_init(const char *path)
{
    ngx_memzero(&hd_adopt, sizeof(hd_adopt_t));

    hd_adopt.scan.path = path;
    hd_adopt.task = hd_spool_task(&hd_adopt.scan, hd_adopt_thread,
                                  hd_adopt_done);
    if (hd_adopt.task == NULL) {
        return NGX_ERROR;
    }

    hd_timer_init(&hd_adopt.look, hd_adopt_look, NULL, 1, hd_api.log);
    hd_timer_set(&hd_adopt.look, 1);

    return NGX_OK;
}


void
hd_adopt_exit(void)
{
    hd_timer_clear(&hd_adopt.look);
}


static void
hd_adopt_look(hd_timer_t *t, void *data)
{
    if (hd_spool.quitting || ngx_exiting) {
        return;
    }

    hd_timer_set(t, HD_ADOPT_LOOK);

    if (!hd_adopt.busy && hd_spool_post(hd_adopt.task) == NGX_OK) {
        hd_adopt.busy = 1;
    }
}


static void
hd_adopt_thread(void *data, ngx_log_t *log)
{
    hd_spool_file_scan(data);
}


static void
hd_adopt_done(ngx_event_t *ev)
{
    uint32_t         n;
    ngx_queue_t     *q, *at, *next;
    hd_spool_seg_t  *seg;

    hd_adopt.busy = 0;
    n = 0;

    if (hd_adopt.scan.error.err == 0) {
        hd_adopt.failing = 0;

    } else if (!hd_adopt.failing) {
        hd_adopt.failing = 1;
        hd_spool_log(NGX_LOG_CRIT, &hd_adopt.scan.error,
                     "what is in it may not be replayed");
    }

    /* older than all of ours, and in the order of their names */

    for (at = ngx_queue_head(&hd_spool.segs);
         at != ngx_queue_sentinel(&hd_spool.segs);
         at = ngx_queue_next(at))
    {
        seg = ngx_queue_data(at, hd_spool_seg_t, queue);

        if (seg->dir == hd_spool.dir && seg != hd_replay_segment()) {
            break;
        }
    }

    for (q = ngx_queue_head(&hd_adopt.scan.segs);
         q != ngx_queue_sentinel(&hd_adopt.scan.segs);
         q = next)
    {
        next = ngx_queue_next(q);
        seg = ngx_queue_data(q, hd_spool_seg_t, queue);

        ngx_queue_remove(q);
        ngx_queue_insert_tail(at, q);

        hd_spool.records += seg->records;
        hd_spool.bytes += seg->bytes;
        n += seg->records;
    }

    if (n) {
        hd_spool.noticed = 1;
        hd_spool_account();
        ngx_log_error(NGX_LOG_NOTICE, hd_api.log, 0,
                      "herald: %uD webhooks that a former worker spooled "
                      "will be replayed", n);
    }

    hd_replay_next();
    hd_hold_release();
}
