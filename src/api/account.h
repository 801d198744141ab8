/*
 * A number's requests, private to their files: account.c connects and shows
 * it, account_change.c changes, pauses and resumes it, account_check.c asks
 * how it does, account_profile.c what people see of it and its registration,
 * account_signup.c connects one by Meta's embedded sign-up.
 */

#ifndef HD_API_ACCOUNT_H
#define HD_API_ACCOUNT_H

#include "frame.h"
#include "../provider/provider.h"


typedef struct {
    hd_str_t     provider;
    hd_str_t     hook;
    hd_str_t     verify;
    hd_uuid_t    id;
    hd_str_t     sealed;
    ngx_uint_t   row_at;               /* account_get's, in the unit */
    int64_t      broadcasts;           /* paused with it; -1: not asked */
    const hd_provider_t  *made_of;
    /* what goes on when the row is there, instead of the answer */
    void       (*created)(hd_req_t *req);
    hd_account_t          view;        /* what is not stored yet */
    void        *priv;
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
/* the request's ctx and its tokens are made: the row, by the body */
void hd_account_connect(hd_req_t *req);
/* 201 with the row, and what only now is told */
void hd_account_answer(hd_req_t *req);
/* account_more, account_watch */
ngx_int_t hd_account_extra(hd_req_t *req, hd_pg_unit_t *u,
    const hd_uuid_t *id);
/* of a number that is not there yet: as the body has it */
void hd_account_viewed(hd_req_t *req, const hd_provider_t *provider,
    hd_account_t *view);
/* asks for the number, then connects it */
void hd_account_try(hd_req_t *req);
/* in the number's story */
void hd_account_happened(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id,
    const char *event, const char *state, const hd_str_t *detail);
/* what one member of the body cannot know of another: NGX_OK or answered */
ngx_int_t hd_account_check(hd_req_t *req);
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
