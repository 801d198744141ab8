/*
 * All kinds of errands.  Each has a file of its own in this room.
 */

#include "task.h"
#include "kinds.h"


const hd_task_kind_t  hd_task_kinds[] = {

    /* sessions behind a QR code (session.c, chats.c) */
    { "session_watch", hd_task_session_watch, 0, 60000 },
    { "session_missed", hd_task_session_missed, 12, 10000 },

    { NULL, NULL, 0, 0 }
};
