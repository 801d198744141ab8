/*
 * All kinds of errands.  Each has a file of its own in this room.
 */

#include "private.h"


const hd_task_kind_t  hd_task_kinds[] = {

    { "mail", hd_task_mail, 10, 30000 },

    { NULL, NULL, 0, 0 }
};
