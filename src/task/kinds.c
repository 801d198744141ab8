/*
 * All kinds of errands.  Each has a file of its own in this room.
 */

#include "task.h"


const hd_task_kind_t  hd_task_kinds[] = {

    { NULL, NULL, 0, 0 }
};
