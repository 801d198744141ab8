/*
 * A request that asks the provider something: the account is loaded, the
 * operation built, sent and read, and the route goes on with the answer.
 *
 *   hd_call() -> account_use -> provider->ops[op] -> egress -> done(req, ...)
 *
 * The client may go meanwhile: then `done` is not called, and what the
 * provider did stays done; what must be written whatever happens is an errand
 * (src/task), not a call.
 */

#ifndef HD_API_CALL_H
#define HD_API_CALL_H

#include "frame.h"
#include "../egress/egress.h"


typedef struct hd_call_s  hd_call_t;

/* answer and raw are valid until it returns; call->account stays as long as
 * the request does */
typedef void (*hd_call_pt)(hd_req_t *req, hd_call_t *call,
    const hd_op_answer_t *answer, const hd_egress_answer_t *raw);

struct hd_call_s {
    hd_req_t              *req;        /* NULL: the client went away */
    hd_store_account_t    *account;    /* of the first of these calls */
    const hd_provider_t   *provider;
    hd_op_e                op;
    const hd_json_t       *args;
    const char            *file;       /* sent, or written to */
    const char            *file_name;
    const char            *file_type;
    off_t                  file_max;
    hd_call_pt             done;
    void                  *priv;
};

/*
 * `args` (NULL: none) must live as long as the request (req->mem does).  404
 * when the account is not there, 422 `unsupported` when its provider has no
 * such operation and 422 when an argument is refused, 503 when no connection
 * is free: these are answered here.  All else goes to `done`.
 */
void hd_call(hd_req_t *req, const hd_uuid_t *account, hd_op_e op,
    const hd_json_t *args, hd_call_pt done);
/* the next operation on the same account, from inside `done` */
void hd_call_next(hd_call_t *call, hd_op_e op, const hd_json_t *args,
    hd_call_pt done);
/* an account that is not stored yet: `view` and what it points to must live
 * as long as the request */
void hd_call_view(hd_req_t *req, const hd_provider_t *provider,
    const hd_account_t *view, hd_op_e op, const hd_json_t *args,
    hd_call_pt done);
/* 1: the provider refused (502 `provider_refused` with its code, words and
 * fix; 409 for a session in the wrong state is the route's own) or gave no
 * answer (504 `provider_silent`), and that was answered */
ngx_uint_t hd_call_failed(hd_req_t *req, const hd_op_answer_t *answer);
/* {"name": "value", ...} from pairs ended by NULL, for args; NULL: no memory */
hd_json_t *hd_call_args(hd_req_t *req, ...);
/* our webhook as the provider reaches it; len 0 without herald_public_url */
ngx_int_t hd_call_callback(hd_mem_t *mem, const hd_store_account_t *account,
    hd_str_t *url);

#endif /* HD_API_CALL_H */
