/*
 * Stages: how far a broadcast may go.
 *
 *   ramp, test    opened ──all of it has gone──> sent ──wait_s──> judged
 *                   ▲                                               │ passed
 *                   └────────────── the next one ◄──────────────────┤
 *                                                                   ▼ tripped
 *                                     the next one ◄──resumed──── paused
 *   wave          opened at its time, the zones' own 9:00
 *   all           opened after the last ramp or test: the end
 *
 * Everything is derived from the rows of broadcast_stages: read.c asks for the
 * first stage that something is left to do about, what is done here is one
 * statement, and then it is read again.  A helper that dies in between leaves
 * nothing that the next one would not find.
 *
 * That all of a stage has gone is asked by the sweep (sweep.c), which runs
 * when the cursor stands at the end of what is allowed.
 */

#include "private.h"


static void hd_stage_wait(hd_camp_t *c);
static void hd_stage_begin(hd_camp_t *c);
static void hd_stage_begun(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


/* n, kind, from, to, opened, sent, wait, metric, min_sample */
void
hd_stage_read(hd_camp_t *c, hd_pg_res_t *res, ngx_uint_t col)
{
    int64_t      ms;
    hd_str_t     v;
    ngx_uint_t   i;
    hd_stage_t  *s;

    static const struct {
        const char       *name;
        hd_stage_kind_e   kind;
    } kinds[] = {
        { "ramp", HD_STAGE_RAMP }, { "test", HD_STAGE_TEST },
        { "wave", HD_STAGE_WAVE }, { "all", HD_STAGE_ALL }
    };

    s = &c->stage;
    ngx_memzero(s, sizeof(hd_stage_t));

    if (hd_pg_is_null(res, 0, col)) {
        return;
    }

    v = hd_pg_value(res, 0, col + 1);

    for (i = 0; i < 4; i++) {
        if (ngx_strncmp(v.data, kinds[i].name, 4) == 0) {
            s->kind = kinds[i].kind;
        }
    }

    s->n = hd_pg_value_int(res, 0, col);
    s->from = (uint32_t) hd_pg_value_int(res, 0, col + 2);
    s->to = (uint32_t) hd_pg_value_int(res, 0, col + 3);
    s->opened = (hd_pg_value(res, 0, col + 4).data[0] == 't');
    s->sent = (hd_pg_value(res, 0, col + 5).data[0] == 't');

    ms = hd_pg_value_int(res, 0, col + 6);
    s->due_ms = hd_sched_now() + (ms > 0 ? (uint64_t) ms : 0);

    v = hd_pg_value(res, 0, col + 7);
    s->metric = v.len > 2 ? (v.data[2] == 'p' ? 'p' : v.data[0]) : 'd';
    s->min_sample = (ngx_uint_t) hd_pg_value_int(res, 0, col + 8);
}


void
hd_stage_go(hd_camp_t *c)
{
    hd_stage_t  *s;

    s = &c->stage;

    if (s->kind == HD_STAGE_NONE) {
        return;
    }

    if (!s->opened) {
        if (s->kind == HD_STAGE_WAVE && hd_sched_now() < s->due_ms) {
            hd_stage_wait(c);

        } else {
            hd_stage_begin(c);
        }

        return;
    }

    /* until it is sent there is nothing to wait for but the sweep */
    if (!s->sent) {
        return;
    }

    if (hd_sched_now() < s->due_ms) {
        hd_stage_wait(c);

    } else {
        hd_stage_judge(c);
    }
}


/* far ones are put into the wheel by a later reading: there is one a minute */
static void
hd_stage_wait(hd_camp_t *c)
{
    uint64_t  ms;

    ms = c->stage.due_ms - hd_sched_now();

    if (c->stage.armed || ms > HD_SCHED_HORIZON * 1000) {
        return;
    }

    c->stage.armed = 1;

    if (hd_sched_wheel(HD_TIMER_STAGE, &c->org, &c->node.id, (int64_t) ms)
        == NGX_OK)
    {
        hd_sched_wheel_arm();
    }
}


static void
hd_stage_begin(hd_camp_t *c)
{
    hd_pg_unit_t  *u;

    u = hd_camp_unit(c, HD_Q_STAGE_OPEN, NULL, hd_stage_begun);

    if (u) {
        hd_pg_int(u, c->stage.n);
    }

    (void) hd_camp_submit(c, u);
}


static void
hd_stage_begun(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_camp_t *c = u->data;

    if (!hd_camp_done(u, outcome, "opening a stage")) {
        return;
    }

    c->reread = 1;
    hd_camp_go(c);
}
