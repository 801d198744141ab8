/*
 * All kinds of errands.  Each has a file of its own in this room.
 */

#include "private.h"
#include "kinds.h"
#include "media.h"


void hd_task_template_sync(hd_task_t *task);
void hd_task_account_check(hd_task_t *task);


const hd_task_kind_t  hd_task_kinds[] = {

    /* sessions behind a QR code (session.c, chats.c) */
    { "session_watch", hd_task_session_watch, 0, 60000 },
    { "session_missed", hd_task_session_missed, 12, 10000 },
    { "schedule", hd_task_schedule, 0, 1000 },
    { "status", hd_task_status, 0, 2000 },

    { "mail", hd_task_mail, 10, 30000 },
    /* an address lives five minutes, a file a week: six hours of trying */
    { "media_fetch", hd_task_media_fetch, HD_FETCH_ATTEMPTS, 5000 },
    { "media_sweep", hd_task_media_sweep, 0, 60000 },
    { "account_check", hd_task_account_check, 0, 60000 },
    { "template_sync", hd_task_template_sync, 0, 60000 },

    { NULL, NULL, 0, 0 }
};
