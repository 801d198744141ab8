/*
 * A number's requests, private to their two files: account.c connects and
 * shows it, account_change.c changes, pauses and resumes it.
 */

#ifndef HD_API_ACCOUNT_H
#define HD_API_ACCOUNT_H

#include "frame.h"


typedef struct {
    hd_str_t     provider;
    hd_str_t     hook;
    hd_str_t     verify;
    hd_uuid_t    id;
    hd_str_t     sealed;
    ngx_uint_t   row_at;               /* account_get's, in the unit */
    int64_t      broadcasts;           /* paused with it; -1: not asked */
} hd_account_ctx_t;


/* req->ctx; NULL: answered */
hd_account_ctx_t *hd_account_ctx(hd_req_t *req);
/* account_get as the unit's next statement, which answers; on_result is ours
 * from then on */
void hd_account_row(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id);
/* a member of the sealed secrets that the row had */
ngx_int_t hd_account_secret(hd_req_t *req, const char *member, hd_str_t *out);
/* the row was written into req->out: what only we can add, and out */
void hd_account_got(hd_req_t *req);
/* the helper reads the number again */
void hd_account_mail(hd_req_t *req, const hd_uuid_t *id);

/* account_needs.c: what a new number of this provider must say, and what it
 * may not; NGX_OK, or answered */
ngx_int_t hd_account_needs(hd_req_t *req, const hd_provider_t *provider);
/* the statement after the insert that keeps it */
void hd_account_channel(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id);

/* portfolio.c: may stand in a portfolio's id */
ngx_uint_t hd_portfolio_char(u_char c);

#endif /* HD_API_ACCOUNT_H */
