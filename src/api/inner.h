/*
 * inner: a request of our own, run by the very code of the API: its fields,
 * its checks, its statements.  A schedule's document is checked by it when it
 * is made, and becomes a message, a broadcast or a status by it when it is due.
 *
 *   hd_inner() -> route by path -> body checked -> route's function -> units
 *     -> done(status, answer), always later, from the loop
 *
 * There is no client and no credential: it acts for one organisation.  `check`
 * stops before anything is written (hd_inner_checked stands there); `id` is
 * what the thing will be called, so that making it twice fails on its key.
 */

#ifndef HD_API_INNER_H
#define HD_API_INNER_H

#include "frame.h"


typedef void (*hd_inner_pt)(void *data, ngx_uint_t status,
    const hd_str_t *answer);

typedef struct {
    hd_uuid_t        org;
    hd_uuid_t        by;               /* created_by */
    ngx_uint_t       method;
    const char      *path;             /* "/messages"; must be static */
    hd_str_t         body;             /* copied */
    const hd_uuid_t *id;               /* NULL: a new one */
    unsigned         check:1;
    hd_inner_pt      done;
    void            *data;
} hd_inner_ask_t;

/* NULL: out of memory, `done` is not called */
hd_inner_t *hd_inner(const hd_inner_ask_t *ask);
/* whoever asked went away: done is not called, what goes on goes on */
void hd_inner_forget(hd_inner_t *inner);

/* before the first write: 1, and answered, when it was only to be checked */
ngx_uint_t hd_inner_checked(hd_req_t *req);
/* the id of what a request makes: that which was asked for, or a new one */
void hd_inner_id(hd_req_t *req, hd_uuid_t *id);
/* it makes what an errand asked for, and need not be checked like a user's */
ngx_uint_t hd_inner_named(hd_req_t *req);
/* reply.c: 1 when the answer went to who asked */
ngx_uint_t hd_inner_answer(hd_req_t *req, ngx_uint_t status);

/*
 * The problem that an inner request answered as the outer one's own: pointers
 * get `below` before them ("/document").
 */
void hd_inner_problem(hd_req_t *req, ngx_uint_t status,
    const hd_str_t *problem, const char *below);

#endif /* HD_API_INNER_H */
