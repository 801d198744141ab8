/*
 * The automatic pause: a broadcast that fails too often, or that too many
 * people leave, stops by itself and says why.
 *
 * Whenever the counters of a running broadcast were read (progress.c), three
 * things are looked at, each over at least `min` results:
 *
 *   latest     results since it was last looked at.  A number that is blocked
 *              this instant fails at once, and this sees it within 2 * min.
 *              But failures also come late, by a status, and then belong to
 *              messages that went before: so this is only a suspicion, and the
 *              ledger is asked about the rows just before the cursor.
 *   failures   of the last five to ten seconds, which is longer than a status
 *              takes.
 *   opt-outs   since it began or was resumed: people read when they like.
 *
 * A trip is taken back by nobody but the user: resuming begins a new window.
 */

#include "private.h"


#define HD_GUARD_SPAN  5000            /* ms */
#define HD_GUARD_ROWS  20000           /* looked at for the usual code */


static void hd_guard_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_guard_looked(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_guard_paused_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_guard_paused(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


typedef struct {
    hd_camp_t      *c;
    hd_trip_e       trip;
    int64_t         n, bad, code;
} hd_guard_look_t;

typedef struct {
    hd_camp_t      *c;
    hd_trip_e       trip;
    hd_str_t        words;
    unsigned        done:1;
} hd_guard_pause_t;


void
hd_guard_reset(hd_camp_t *c)
{
    c->guard.marked = 0;
    c->guard.trip = HD_TRIP_NONE;
}


ngx_uint_t
hd_guard_over(int64_t bad, int64_t n, int64_t ppm)
{
    return ppm > 0 && bad > 0 && n > 0 && bad * 1000000 >= ppm * n;
}


static const char *
hd_guard_reason(hd_trip_e trip)
{
    return trip == HD_TRIP_OPT_OUTS ? "opt_out_rate" : "failure_rate";
}


void
hd_guard_words(hd_buf_t *b, hd_trip_e trip, int64_t bad, int64_t n,
    int64_t ppm, int64_t code)
{
    bad = ngx_min(bad, n);

    hd_buf_printf(b, "%lld of %lld %s (%.4g %%)", (long long) bad,
                  (long long) n, trip == HD_TRIP_OPT_OUTS
                  ? "people opted out" : "messages failed", 100.0 * bad / n);

    if (code) {
        hd_buf_printf(b, ", most of them with code %lld", (long long) code);
    }

    hd_buf_printf(b, ". The limit of this broadcast is %.4g %%. Nothing more "
                  "is sent until somebody resumes it.", ppm / 10000.0);
}


void
hd_guard_news(hd_camp_t *c, int64_t sent, int64_t failed, int64_t opted_out)
{
    int64_t      n, bad;
    hd_mark_t    now;
    hd_guard_t  *g;

    g = &c->guard;

    if (c->state != HD_CAMP_RUN || g->trip) {
        return;
    }

    now.sent = sent;
    now.failed = failed;
    now.opted_out = opted_out;
    now.at_ms = hd_sched_now();

    if (!g->marked) {
        g->marked = 1;
        g->begin = now;
        g->old = now;
        g->mid = now;
        g->latest = now;
        return;
    }

#define hd_guard_results(m)  (sent + failed - (m).sent - (m).failed)

    g->n = hd_guard_results(g->begin);
    g->bad = opted_out - g->begin.opted_out;

    if (g->n >= g->min && hd_guard_over(g->bad, g->n, g->opt_out_ppm)) {
        g->trip = HD_TRIP_OPT_OUTS;
        goto trip;
    }

    g->n = hd_guard_results(g->old);
    g->bad = failed - g->old.failed;

    if (g->n >= g->min && hd_guard_over(g->bad, g->n, g->failure_ppm)) {
        g->trip = HD_TRIP_FAILURES;
        goto trip;
    }

    if (hd_guard_results(g->mid) >= g->min
        && now.at_ms - g->mid.at_ms >= HD_GUARD_SPAN)
    {
        g->old = g->mid;
        g->mid = now;
    }

    n = hd_guard_results(g->latest);

    if (n < g->min) {
        return;
    }

    bad = failed - g->latest.failed;
    g->latest = now;

    if (!hd_guard_over(bad, n, g->failure_ppm)) {
        return;
    }

    g->n = n;
    g->bad = bad;
    g->trip = HD_TRIP_LATEST;

trip:

    hd_camp_go(c);
}


/* a suspicion: the ledger is asked how bad it is, and with which code */
void
hd_guard_look(hd_camp_t *c)
{
    int64_t           from, to, rows;
    hd_guard_t       *g;
    hd_pg_unit_t     *u;
    hd_guard_look_t  *look;

    g = &c->guard;

    if (!hd_campaign_read(hd_sched.conf.shm, c->index, &c->sh)) {
        g->trip = HD_TRIP_NONE;
        return;
    }

    /* rows that are out have no result yet */
    to = (int64_t) c->sh.next - 1;
    rows = (g->trip == HD_TRIP_LATEST) ? 2 * g->n + c->rows : HD_GUARD_ROWS;
    from = ngx_max(1, to - rows + 1);

    u = hd_camp_unit(c, HD_Q_GUARD_LOOK, hd_guard_row, hd_guard_looked);

    if (u) {
        hd_pg_int(u, from);
        hd_pg_int(u, to);

        look = ngx_pcalloc(u->pool, sizeof(hd_guard_look_t));

        if (look == NULL) {
            hd_pg_discard(u);
            u = NULL;

        } else {
            look->c = c;
            look->trip = g->trip;
            look->n = g->n;
            look->bad = g->bad;
            u->data = look;
        }
    }

    (void) hd_camp_submit(c, u);
}


static void
hd_guard_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_guard_look_t *look = u->data;

    if (index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    if (look->trip == HD_TRIP_LATEST) {
        look->n = hd_pg_value_int(res, 0, 0);
        look->bad = hd_pg_value_int(res, 0, 1);
    }

    if (look->trip != HD_TRIP_OPT_OUTS) {
        look->code = hd_pg_value_int(res, 0, 2);
    }
}


static void
hd_guard_looked(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_guard_look_t *look = u->data;

    int64_t     ppm;
    hd_buf_t    words;
    hd_camp_t  *c;

    c = look->c;
    u->data = c;

    if (!hd_camp_done(u, outcome, "looking at a broadcast's failures")) {
        return;
    }

    c->guard.trip = HD_TRIP_NONE;

    ppm = (look->trip == HD_TRIP_OPT_OUTS) ? c->guard.opt_out_ppm
                                           : c->guard.failure_ppm;

    if (c->reread || c->state != HD_CAMP_RUN || look->n < c->guard.min
        || !hd_guard_over(look->bad, look->n, ppm))
    {
        hd_camp_go(c);
        return;
    }

    hd_buf_init(&words);
    hd_guard_words(&words, look->trip, look->bad, look->n, ppm, look->code);
    hd_guard_pause(c, NULL, look->trip, &words);
    hd_buf_free(&words);
}


/* what is granted stops with the state in shared memory, before the commit;
 * should that fail, the next reading lets it run again */
void
hd_guard_pause(hd_camp_t *c, hd_pg_unit_t *u, hd_trip_e trip,
    hd_buf_t *words)
{
    hd_hold_t          what;
    hd_guard_pause_t  *pause;

    hd_campaign_state(hd_sched.conf.shm, &c->node.id, HD_CAMPAIGN_PAUSED);

    if (u == NULL) {
        u = hd_sched_unit(&c->org, NULL, NULL, NULL);
    }

    pause = u ? ngx_pcalloc(u->pool, sizeof(hd_guard_pause_t)) : NULL;

    if (pause) {
        pause->words.data = ngx_pnalloc(u->pool, words->len + 1);
    }

    if (pause == NULL || pause->words.data == NULL || words->failed) {
        if (u) {
            hd_pg_discard(u);
        }

        c->reread = 1;
        hd_camp_later(c);
        return;
    }

    pause->c = c;
    pause->trip = trip;
    pause->words.len = words->len;
    ngx_memcpy(pause->words.data, words->data, words->len);

    ngx_memzero(&what, sizeof(hd_hold_t));
    what.kind = HD_HOLD_BROADCAST;
    what.id = &c->node.id;
    what.reason = hd_guard_reason(trip);
    what.words = pause->words;
    hd_hold_one(u, &what);

    u->on_result = hd_guard_paused_row;
    u->on_done = hd_guard_paused;
    u->data = pause;

    if (!hd_camp_submit(c, u)) {
        c->reread = 1;
    }
}


/* a verdict before it gives no rows */
static void
hd_guard_paused_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_guard_pause_t *pause = u->data;

    if (index && hd_pg_rows(res)) {
        pause->done = 1;
    }
}


static void
hd_guard_paused(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_guard_pause_t *pause = u->data;

    u_char      id[36];
    hd_buf_t    b;
    hd_camp_t  *c;

    c = pause->c;
    u->data = c;

    /* whatever it came to, the database says how it stands now */
    c->reread = 1;

    if (!hd_camp_done(u, outcome, "pausing a broadcast")) {
        return;
    }

    if (pause->done) {
        ngx_log_error(NGX_LOG_NOTICE, hd_sched.conf.log, 0,
                      "herald: a broadcast is paused (%s): %*s",
                      hd_guard_reason(pause->trip), pause->words.len,
                      pause->words.data);

        hd_count(hd_sched.conf.shm, 0, HD_COUNT_auto_paused, 1);
        hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);

        hd_uuid_format(&c->node.id, id);
        hd_buf_init(&b);
        hd_buf_printf(&b, "{\"id\":\"%.*s\",\"status\":\"paused\","
                      "\"pause_reason\":\"%s\",\"pause_detail\":", 36, id,
                      hd_guard_reason(pause->trip));
        hd_jw_str(&b, &pause->words);
        hd_buf_char(&b, '}');
        hd_sched_tell(&c->org, "broadcast.paused", &b);
    }

    hd_camp_go(c);
}
