/*
 * Sessions behind a QR code, private to their files:
 *
 *   session.c         start, stop, restart, log out; what is known
 *   session_qr.c      the code to scan, the code to type
 *   session_group.c   groups
 *   session_check.c   what is wrong with a number
 *   session_new.c     what a new number behind a QR code begins with
 *   qr.c              a text as a picture
 */

#ifndef HD_API_SESSION_H
#define HD_API_SESSION_H

#include "call.h"


typedef struct {
    hd_str_t       state;              /* the provider's word */
    hd_str_t       phone;              /* "+254…" */
    const char    *effect;             /* clear, none, stop */
    const char    *event;              /* of the history; NULL: none */
    hd_op_e        op;                 /* asked for */
    hd_json_t     *update;
    ngx_uint_t     row_at;             /* session_get's, in the unit */
    hd_buf_t       told;               /* account.session; len 0: nothing */
    hd_uuid_t      errand;
    void         (*done)(hd_req_t *req);
    /* session_qr.c */
    hd_str_t       qr;
    int64_t        first_s, next_s, of;
    int64_t        since;              /* us: in its state */
    const char    *format;
} hd_session_t;


/* req->ctx; NULL: answered */
hd_session_t *hd_session_ctx(hd_req_t *req);
/* the state that an answer tells, copied; 1: it told one */
ngx_uint_t hd_session_told(hd_req_t *req, const hd_op_answer_t *answer);
/* writes the state and the history, reads what is known into req->out, tells
 * the streams and the helper, then calls ctx->done */
void hd_session_record(hd_req_t *req);
/* 409 for a session whose state does not allow it, else as hd_call_failed */
ngx_uint_t hd_session_refused(hd_req_t *req, const hd_op_answer_t *answer);
/* {"state": …} of the body's result */
hd_json_t *hd_session_result(hd_req_t *req, const hd_op_answer_t *answer);

/* session_new.c: the statements after account_insert */
ngx_int_t hd_session_new(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id,
    const hd_provider_t *provider);

/* qr.c: HD_ERROR: too long, or no memory */
int hd_qr_svg(hd_buf_t *b, const hd_str_t *text);
int hd_qr_png(hd_buf_t *b, const hd_str_t *text);

extern const hd_column_t  hd_session_columns[];

void hd_session_get(hd_req_t *req);
void hd_session_start(hd_req_t *req);
void hd_session_stop(hd_req_t *req);
void hd_session_restart(hd_req_t *req);
void hd_session_logout(hd_req_t *req);
void hd_session_delete(hd_req_t *req);
void hd_session_check(hd_req_t *req);
void hd_session_history(hd_req_t *req);
void hd_session_qr(hd_req_t *req);
void hd_session_code(hd_req_t *req);
void hd_session_groups(hd_req_t *req);
void hd_session_group_add(hd_req_t *req);
void hd_session_troubleshoot(hd_req_t *req);

#endif /* HD_API_SESSION_H */
