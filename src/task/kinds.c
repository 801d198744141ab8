/*
 * All kinds of errands.  Each has a file of its own in this room.
 */

#include "private.h"


const hd_task_kind_t  hd_task_kinds[] = {

    { "schedule", hd_task_schedule, 0, 1000 },
    { "status", hd_task_status, 0, 2000 },

    { NULL, NULL, 0, 0 }
};
