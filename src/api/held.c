/*
 * Whoever raises a limit wakes what it held: rows that wait for a day or an
 * hour because of it are due at once, and the gates look at them again.
 *
 *   the change's unit ──committed──> mail to the helper
 *     (the first rows)                     │
 *                                          ▼ there were some
 *                                   a unit of our own, until there are no more
 *
 * The first rows are in the unit of the change itself; the others follow when
 * the request is answered already.  What a worker that dies leaves of them goes
 * at the time that it waits for.
 */

#include "frame.h"


/* rows of a broadcast, and messages, that one statement wakes at most */
#define HD_HELD_ROWS  10000
/* what is woken may be put off again meanwhile: there is an end to it */
#define HD_HELD_MOST  1000             /* statements */


struct hd_held_s {
    hd_uuid_t     org;
    hd_uuid_t     account;             /* nil: any */
    u_char        portfolio[65];       /* "": any */
    const char   *reasons;             /* a list as PostgreSQL writes it */
    hd_uuid_t     after;               /* the broadcast to go on with */
    int64_t       seq;
    ngx_uint_t    at;                  /* the statement, in its unit */
    ngx_uint_t    more;
    ngx_uint_t    rounds;
    ngx_uint_t    n;
    hd_uuid_t    *ids;                 /* batches with such rows */
};


static void hd_held_result(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_held_again(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


static void
hd_held_write(hd_pg_unit_t *u, hd_held_t *w)
{
    hd_pg_stmt(u, HD_Q_LIMITS_WAKE);
    w->at = u->nstmts - 1;

    hd_pg_z(u, w->reasons);

    if (hd_uuid_is_nil(&w->account)) {
        hd_pg_null(u);

    } else {
        hd_pg_uuid(u, &w->account);
    }

    if (w->portfolio[0] == '\0') {
        hd_pg_null(u);

    } else {
        hd_pg_z(u, (char *) w->portfolio);
    }

    hd_pg_int(u, HD_HELD_ROWS);
    hd_pg_uuid(u, &w->after);
    hd_pg_int(u, w->seq);
}


void
hd_held_stmt(hd_req_t *req, hd_pg_unit_t *u, const char *reasons,
    const hd_uuid_t *account, const hd_str_t *portfolio)
{
    hd_held_t  *w;

    w = ngx_pcalloc(req->r->pool, sizeof(hd_held_t));
    if (w == NULL) {
        return;
    }

    w->org = req->who.org;
    w->reasons = reasons;

    if (account) {
        w->account = *account;
    }

    if (portfolio) {
        (void) ngx_cpystrn(w->portfolio, portfolio->data,
                           ngx_min(portfolio->len + 1,
                                   sizeof(w->portfolio)));
    }

    hd_held_write(u, w);
    req->held = w;
}


static void
hd_held_rows(hd_held_t *w, ngx_pool_t *pool, hd_pg_res_t *res)
{
    int64_t     seq;
    ngx_uint_t  i;

    w->n = 0;
    w->more = 0;
    w->ids = ngx_palloc(pool, (hd_pg_rows(res) + 1) * sizeof(hd_uuid_t));

    for (i = 0; w->ids && i < hd_pg_rows(res); i++) {
        if (hd_pg_value_uuid(res, i, 0, &w->ids[w->n]) != NGX_OK) {
            continue;
        }

        seq = hd_pg_value_int(res, i, 1);

        /* all single messages come first */
        w->more |= (seq != 0);

        if (seq && hd_pg_rows(res) < HD_HELD_ROWS) {
            w->after = w->ids[w->n];
            w->seq = seq;
        }

        w->n++;
    }

    w->more |= (w->n >= HD_HELD_ROWS);
}


void
hd_held_row(hd_req_t *req, ngx_uint_t index, hd_pg_res_t *res)
{
    if (req->held && index == req->held->at) {
        hd_held_rows(req->held, req->r->pool, res);
    }
}


/* it is committed */
static void
hd_held_tell(hd_held_t *w)
{
    ngx_uint_t     i;
    hd_held_t     *more;
    hd_pg_unit_t  *u;

    for (i = 0; i < w->n; i++) {
        hd_mail_send(hd_api.shm, HD_MAIL_STRAYS, &w->org, &w->ids[i]);
    }

    if (w->n) {
        hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
    }

    if (!w->more || ++w->rounds == HD_HELD_MOST) {
        return;
    }

    u = hd_pg_unit(hd_api.pg, hd_held_result, hd_held_again, NULL);
    if (u == NULL) {
        return;
    }

    more = ngx_palloc(u->pool, sizeof(hd_held_t));

    if (more == NULL) {
        hd_pg_discard(u);
        return;
    }

    *more = *w;
    more->n = 0;
    more->more = 0;
    u->data = more;

    hd_pg_org(u, &w->org);
    hd_held_write(u, more);

    (void) hd_pg_submit(u);
}


void
hd_held_done(hd_req_t *req)
{
    if (req->held) {
        hd_held_tell(req->held);
    }
}


static void
hd_held_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_held_t *w = u->data;

    if (index == w->at) {
        hd_held_rows(w, u->pool, res);
    }
}


static void
hd_held_again(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    if (outcome == HD_PG_OK) {
        hd_held_tell(u->data);

    } else if (outcome == HD_PG_FAILED) {
        ngx_log_error(NGX_LOG_WARN, hd_api.log, 0,
                      "herald: what a limit held is not all awake: SQLSTATE "
                      "%s; the rest goes in its own time", u->sqlstate);
    }
}
