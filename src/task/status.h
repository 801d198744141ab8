/*
 * status, private to its two files: a story on its way.
 */

#ifndef HD_TASK_STATUS_H
#define HD_TASK_STATUS_H

#include "private.h"


#define HD_STATUS_CHUNK  256           /* recipients of one request */

typedef struct {
    hd_str_t     what;
    hd_str_t     at;                   /* len 0: never */
    hd_str_t     provider_id;
    hd_str_t     recipients;
    hd_str_t     state;
    hd_json_t   *content;
    ngx_int_t    n;
    ngx_uint_t   asked;                /* for an id, in vain */
    ngx_uint_t   sending;              /* the row says so */
    hd_json_t   *left;                 /* recipients to be told that it goes */
} hd_status_task_t;

/* status_args.c: what the provider's operations take, in the words of
 * operations.md; NULL: out of memory */
hd_json_t *hd_status_args(hd_task_t *task, ngx_uint_t new_id,
    ngx_uint_t content);
/* the next of the recipients that are left */
ngx_int_t hd_status_piece(hd_task_t *task, hd_status_task_t *s);

#endif /* HD_TASK_STATUS_H */
