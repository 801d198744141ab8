/*
 * The kinds of errands, private to this room: each is run by a function.
 */

#ifndef HD_TASK_KINDS_H
#define HD_TASK_KINDS_H

#include "task.h"


/* session.c: is a session behind a QR code alive */
void hd_task_session_watch(hd_task_t *task);
/* chats.c: what was said while one of us was away */
void hd_task_session_missed(hd_task_t *task);

#endif /* HD_TASK_KINDS_H */
