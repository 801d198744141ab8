/*
 * All kinds of errands.  Each has a file of its own in this room.
 */

#include "task.h"


void hd_task_template_sync(hd_task_t *task);


const hd_task_kind_t  hd_task_kinds[] = {

    { "template_sync", hd_task_template_sync, 0, 60000 },

    { NULL, NULL, 0, 0 }
};
