/*
 * sched: the helper process.  It decides when and how much, and sends nothing:
 * agenda → wheel → freeze → grants, leases and fences, reaping of dead
 * workers, sweeps, completion, and the progress events.
 */

#ifndef HD_SCHED_H
#define HD_SCHED_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "../base/base.h"
#include "../loop/loop.h"
#include "../shm/shm.h"
#include "../pg/pg.h"


typedef struct {
    hd_pg_pool_t   *pg;
    hd_shm_t       *shm;
    hd_wake_t      *wake;
    uint32_t        epoch;            /* from hd_control_claim */
    uint32_t        generation;       /* grant only to this cycle's */
    hd_uuid_t       node;             /* the same after a restart */
    ngx_str_t       state;            /* a file of ours (epoch.c), with NUL */
    ngx_log_t      *log;
} hd_sched_conf_t;

ngx_int_t hd_sched_start(const hd_sched_conf_t *conf);
/* mail or news from a worker */
void hd_sched_wake(void);

#endif /* HD_SCHED_H */
