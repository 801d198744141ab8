/*
 * What the files of this room share.
 *
 *   task.c   claim, begin, the ends of an errand
 *   op.c     one operation at the account's provider
 *   kinds.c  all kinds; each has a file of its own
 *   schedule.c  what was planned happens
 */

#ifndef HD_TASK_PRIVATE_H
#define HD_TASK_PRIVATE_H

#include "task.h"


typedef struct {
    ngx_queue_t    running;
    ngx_uint_t     n;
    unsigned       claiming:1;
    unsigned       more:1;             /* the last claim was a full one */
    unsigned       told:1;             /* while it claimed */
    unsigned       quitting:1;
    unsigned       over:1;
    hd_timer_t     look;
} hd_tasks_t;

extern hd_tasks_t  hd_tasks;

/* schedule.c */
void hd_task_schedule(hd_task_t *task);
/* status.c */
void hd_task_status(hd_task_t *task);

/* our webhook's address for the account, len 0 without herald_public_url */
ngx_int_t hd_task_callback(hd_task_t *task, hd_str_t *url);

/* mail.c: {to, event, said} */
void hd_task_mail(hd_task_t *task);

#endif /* HD_TASK_PRIVATE_H */
