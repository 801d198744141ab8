/*
 * The verdict on a stage that has gone and was waited for: does too much of it
 * fail, do too many leave?  And for a test: is one variant better than the
 * others by more than chance?
 *
 * A canary is judged on all that went, however few: that is what it was for.
 * A test needs its minimum sample of every variant, and five expected of each
 * kind, below which the chi-square test says little.  It is decided by p <
 * 0.05 or not at all.
 */

#include "private.h"


#define HD_JUDGE_VARIANTS  8
#define HD_JUDGE_P         0.05


typedef struct {
    int64_t         sent, delivered, read, replied, failed, opted_out;
} hd_count_t;

typedef struct {
    hd_camp_t      *c;
    hd_stage_t      stage;             /* as it was when it was counted */
    ngx_uint_t      n;
    hd_count_t      all;
    hd_count_t      variants[HD_JUDGE_VARIANTS];
    int64_t         code;
} hd_verdict_t;


static void hd_stage_counted_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_stage_counted(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_stage_verdict(hd_camp_t *c, hd_verdict_t *v);
static void hd_stage_judged(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


void
hd_stage_judge(hd_camp_t *c)
{
    hd_pg_unit_t  *u;
    hd_verdict_t  *v;

    u = hd_camp_unit(c, HD_Q_STAGE_COUNT, hd_stage_counted_row,
                     hd_stage_counted);

    if (u) {
        hd_pg_int(u, c->stage.from);
        hd_pg_int(u, c->stage.to);

        v = ngx_pcalloc(u->pool, sizeof(hd_verdict_t));

        if (v == NULL) {
            hd_pg_discard(u);
            u = NULL;

        } else {
            v->c = c;
            v->stage = c->stage;
            u->data = v;
        }
    }

    (void) hd_camp_submit(c, u);
}


static void
hd_stage_counted_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_verdict_t *v = u->data;

    int64_t      k, most;
    hd_count_t  *n;
    ngx_uint_t   i;

    if (index != 1) {
        return;
    }

    most = 0;

    for (i = 0; i < hd_pg_rows(res); i++) {
        k = hd_pg_value_int(res, i, 0);

        if (k < 0 || k >= HD_JUDGE_VARIANTS) {
            continue;
        }

        v->n = ngx_max(v->n, (ngx_uint_t) k + 1);

        n = &v->variants[k];
        n->sent = hd_pg_value_int(res, i, 1);
        n->delivered = hd_pg_value_int(res, i, 2);
        n->read = hd_pg_value_int(res, i, 3);
        n->replied = hd_pg_value_int(res, i, 4);
        n->failed = hd_pg_value_int(res, i, 5);
        n->opted_out = hd_pg_value_int(res, i, 6);

        v->all.sent += n->sent;
        v->all.failed += n->failed;
        v->all.opted_out += n->opted_out;

        if (n->failed > most) {
            most = n->failed;
            v->code = hd_pg_value_int(res, i, 7);
        }
    }
}


static void
hd_stage_counted(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_verdict_t *v = u->data;

    hd_camp_t  *c;

    c = v->c;
    u->data = c;

    if (!hd_camp_done(u, outcome, "counting a stage")) {
        return;
    }

    /* paused or cancelled meanwhile: it is judged when it goes on */
    if (c->reread || c->state != HD_CAMP_RUN) {
        hd_camp_go(c);
        return;
    }

    hd_stage_verdict(c, v);
}


static int64_t
hd_stage_metric(const hd_count_t *n, u_char metric)
{
    return metric == 'r' ? n->read : metric == 'p' ? n->replied
                                                   : n->delivered;
}


/* the best variant, or -1 and why there is none */
static ngx_int_t
hd_stage_winner(const hd_verdict_t *v, double *p, const char **reason)
{
    double      least;
    int64_t     hits[HD_JUDGE_VARIANTS], sizes[HD_JUDGE_VARIANTS], fewest;
    ngx_int_t   best;
    ngx_uint_t  i;

    fewest = INT64_MAX;
    best = 0;

    for (i = 0; i < v->n; i++) {
        hits[i] = hd_stage_metric(&v->variants[i], v->stage.metric);
        sizes[i] = v->variants[i].sent;
        fewest = ngx_min(fewest, sizes[i]);

        if (i && (double) hits[i] * sizes[best]
                 > (double) hits[best] * sizes[i])
        {
            best = i;
        }
    }

    *p = hd_stats_independence(hits, sizes, v->n, &least);

    if (v->n < 2 || fewest < (int64_t) v->stage.min_sample) {
        *reason = "min_sample";
        return -1;
    }

    if (*p >= HD_JUDGE_P) {
        *reason = "not_significant";
        return -1;
    }

    if (least < 5) {
        *reason = "too_few_events";
        return -1;
    }

    *reason = "significant";

    return best;
}


static void
hd_stage_result(hd_buf_t *b, const hd_verdict_t *v, ngx_int_t winner,
    double p, const char *reason)
{
    ngx_uint_t         i;
    const hd_count_t  *n;

    hd_buf_printf(b, "{\"metric\":\"%s\",\"min_sample\":%llu,\"variants\":[",
                  v->stage.metric == 'r' ? "read"
                  : v->stage.metric == 'p' ? "replied" : "delivered",
                  (unsigned long long) v->stage.min_sample);

    for (i = 0; i < v->n; i++) {
        n = &v->variants[i];

        hd_buf_printf(b, "%s{\"sent\":%lld,\"delivered\":%lld,\"read\":%lld,"
                      "\"replied\":%lld,\"failed\":%lld}", i ? "," : "",
                      (long long) n->sent, (long long) n->delivered,
                      (long long) n->read, (long long) n->replied,
                      (long long) n->failed);
    }

    hd_buf_printf(b, "],\"p\":%.6g,\"winner\":", p);

    if (winner < 0) {
        hd_buf_z(b, "null");

    } else {
        hd_buf_int(b, winner);
    }

    hd_buf_printf(b, ",\"reason\":\"%s\"}", reason);
}


static hd_trip_e
hd_stage_trip(const hd_camp_t *c, const hd_verdict_t *v)
{
    int64_t  n;

    n = v->all.sent + v->all.failed;

    if (hd_guard_over(v->all.failed, n, c->guard.failure_ppm)) {
        return HD_TRIP_FAILURES;
    }

    if (hd_guard_over(v->all.opted_out, n, c->guard.opt_out_ppm)) {
        return HD_TRIP_OPT_OUTS;
    }

    return HD_TRIP_NONE;
}


static void
hd_stage_words(hd_buf_t *b, const hd_camp_t *c, const hd_verdict_t *v,
    hd_trip_e trip)
{
    hd_buf_printf(b, "Stage %lld, the first %u of %lld people: ",
                  (long long) v->stage.n, v->stage.to, (long long) c->total);

    hd_guard_words(b, trip, trip == HD_TRIP_FAILURES ? v->all.failed
                                                     : v->all.opted_out,
                   v->all.sent + v->all.failed,
                   trip == HD_TRIP_FAILURES ? c->guard.failure_ppm
                                            : c->guard.opt_out_ppm,
                   v->code);
}


static void
hd_stage_verdict(hd_camp_t *c, hd_verdict_t *v)
{
    double         p;
    hd_buf_t       result, words;
    hd_str_t       json;
    ngx_int_t      winner;
    hd_trip_e      trip;
    const char    *reason, *verdict;
    hd_pg_unit_t  *u;

    hd_buf_init(&result);
    hd_buf_init(&words);

    trip = hd_stage_trip(c, v);
    verdict = trip == HD_TRIP_NONE ? "passed"
              : trip == HD_TRIP_FAILURES ? "failure_rate" : "opt_out_rate";
    winner = -1;

    if (v->stage.kind == HD_STAGE_TEST) {
        winner = hd_stage_winner(v, &p, &reason);
        hd_stage_result(&result, v, winner, p, reason);
    }

    u = hd_camp_unit(c, HD_Q_STAGE_JUDGE, NULL, hd_stage_judged);

    if (u && !result.failed) {
        hd_pg_int(u, v->stage.n);
        hd_pg_z(u, verdict);

        if (winner < 0) {
            hd_pg_null(u);

        } else {
            hd_pg_int(u, winner);
        }

        json.data = result.data;
        json.len = result.len;

        if (result.len) {
            hd_pg_jsonb(u, &json);

        } else {
            hd_pg_null(u);
        }

        if (trip != HD_TRIP_NONE) {
            hd_stage_words(&words, c, v, trip);
            hd_guard_pause(c, u, trip, &words);

        } else {
            (void) hd_camp_submit(c, u);
        }

    } else {
        if (u) {
            hd_pg_discard(u);
        }

        hd_camp_later(c);
    }

    hd_buf_free(&result);
    hd_buf_free(&words);
}


static void
hd_stage_judged(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "judging a stage")) {
        return;
    }

    hd_dirty_mark(hd_sched.conf.shm, &c->org, &c->node.id);

    c->reread = 1;
    hd_camp_go(c);
}
