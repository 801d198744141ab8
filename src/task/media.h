/*
 * The errands of files.
 */

#ifndef HD_TASK_MEDIA_H
#define HD_TASK_MEDIA_H

#include "task.h"


#define HD_FETCH_ATTEMPTS  12

void hd_task_media_fetch(hd_task_t *task);
void hd_task_media_sweep(hd_task_t *task);

#endif /* HD_TASK_MEDIA_H */
