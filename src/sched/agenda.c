/*
 * The agenda is PostgreSQL's list of all that must be done and when.  The
 * wheel holds its next minutes.  Reading it again changes nothing that is on
 * its way: a timer is (kind, id), and what is being worked on is passed over.
 *
 * On the first reading after the zone was empty, broadcasts that are due do
 * not go through the wheel: the rebuild waits until each has been looked at.
 *
 * Each kind of timer has its handler in one table.  A kind that has none is
 * another version's: it is told once, and its line stays where it is.
 */

#include "private.h"


#define HD_AGENDA_PAGE   1000
#define HD_AGENDA_TASKS  2000          /* looked at before the next page */
#define HD_AGENDA_TAKE   64


static void hd_agenda_page(void);
static void hd_agenda_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_agenda_page_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_agenda_broadcast(const hd_wheel_timer_t *t);
static void hd_agenda_message(const hd_wheel_timer_t *t);
static void hd_agenda_strays(const hd_wheel_timer_t *t);
static void hd_agenda_deletion(const hd_wheel_timer_t *t);


/* what the agenda calls it (NULL: only the wheel has it), who handles it */
static const struct {
    const char     *name;
    void          (*due)(const hd_wheel_timer_t *t);
} hd_agenda_kinds[] = {
    [HD_TIMER_BROADCAST] = { "broadcast", hd_agenda_broadcast },
    [HD_TIMER_RETRY] = { NULL, hd_agenda_strays },
    [HD_TIMER_SWEEP] = { NULL, hd_agenda_strays },
    [HD_TIMER_LEASE] = { NULL, NULL },
    [HD_TIMER_MESSAGE] = { "message", hd_agenda_message },
    [HD_TIMER_STAGE] = { "stage", hd_agenda_broadcast },
    [HD_TIMER_EXPIRY] = { "expiry", hd_agenda_broadcast },
    [HD_TIMER_JOURNEY] = { "journey", NULL },
    [HD_TIMER_DELETION] = { "deletion", hd_agenda_deletion },
    [HD_TIMER_WEBHOOK] = { "webhook", NULL },
    [HD_TIMER_ERRAND] = { "errand", hd_errand_due }
};

#define HD_AGENDA_KINDS  (sizeof(hd_agenda_kinds) / sizeof(hd_agenda_kinds[0]))


static struct {
    int64_t       after_us;
    hd_uuid_t     after;
    ngx_uint_t    rows;
    unsigned      loading:1;
    unsigned      again:1;
    unsigned      full:1;
    uint32_t      strange;             /* kinds that were told */
} hd_agenda;


void
hd_agenda_load(void)
{
    if (hd_agenda.loading) {
        hd_agenda.again = 1;
        return;
    }

    hd_agenda.loading = 1;
    hd_agenda.again = 0;
    hd_agenda.full = 0;
    hd_agenda.after_us = 0;
    ngx_memzero(&hd_agenda.after, sizeof(hd_uuid_t));

    hd_agenda_page();
}


static void
hd_agenda_page(void)
{
    hd_pg_unit_t  *u;

    hd_agenda.rows = 0;

    u = hd_pg_unit(hd_sched.conf.pg, hd_agenda_row, hd_agenda_page_done,
                   NULL);

    if (u) {
        hd_pg_stmt(u, HD_Q_AGENDA_DUE);
        hd_pg_int(u, HD_SCHED_HORIZON);
        hd_pg_time(u, hd_agenda.after_us);
        hd_pg_uuid(u, &hd_agenda.after);

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    /* read when the database is back, or with the next minute */
    hd_agenda.loading = 0;
}


/* 0: none that we know */
static uint32_t
hd_agenda_kind(const hd_str_t *name)
{
    uint32_t  k;

    for (k = 1; k < HD_AGENDA_KINDS; k++) {
        if (hd_agenda_kinds[k].name
            && name->len == ngx_strlen(hd_agenda_kinds[k].name)
            && ngx_memcmp(name->data, hd_agenda_kinds[k].name, name->len)
               == 0)
        {
            return k;
        }
    }

    return 0;
}


static void
hd_agenda_strange(uint32_t k, const hd_str_t *name)
{
    if (hd_agenda.strange & (1u << k)) {
        return;
    }

    hd_agenda.strange |= 1u << k;

    ngx_log_error(NGX_LOG_WARN, hd_sched.conf.log, 0,
                  "herald: nobody here knows what to do about \"%*s\" in the "
                  "agenda, it stays there", name->len, name->data);
}


static void
hd_agenda_one(const hd_str_t *kind, const hd_uuid_t *org,
    const hd_uuid_t *ref, int64_t wait)
{
    uint32_t  k;

    k = hd_agenda_kind(kind);

    if (hd_agenda_kinds[k].due == NULL) {
        hd_agenda_strange(k, kind);
        return;
    }

    if (k == HD_TIMER_BROADCAST) {
        if (hd_camp_find(ref)) {
            return;
        }

        if (!hd_sched.rebuilt && !hd_sched.loaded && wait <= 0) {
            hd_camp_open(org, ref, 1);
            return;
        }
    }

    if (k == HD_TIMER_MESSAGE && hd_table_find(&hd_sched.msgs, ref)) {
        return;
    }

    if (hd_sched_wheel(k, org, ref, wait) != NGX_OK && !hd_agenda.full) {
        hd_agenda.full = 1;
        ngx_log_error(NGX_LOG_WARN, hd_sched.conf.log, 0,
                      "herald: the wheel is full, the agenda is read again "
                      "in a minute; a larger herald_zone holds more");
    }
}


static void
hd_agenda_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t    kind;
    hd_uuid_t   org, ref;
    ngx_uint_t  i;

    if (hd_sched.stopped) {
        return;
    }

    for (i = 0; i < hd_pg_rows(res); i++) {
        kind = hd_pg_value(res, i, 0);

        if (hd_pg_value_uuid(res, i, 1, &org) != NGX_OK
            || hd_pg_value_uuid(res, i, 2, &ref) != NGX_OK)
        {
            continue;
        }

        hd_agenda.rows++;
        hd_agenda.after_us = hd_pg_value_int(res, i, 3);
        hd_agenda.after = ref;

        hd_agenda_one(&kind, &org, &ref, hd_pg_value_int(res, i, 4));
    }
}


static void
hd_agenda_page_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    if (!hd_sched_mine()) {
        return;
    }

    hd_sched_failed(u, outcome, "reading the agenda");

    if (outcome == HD_PG_OK && hd_agenda.rows == HD_AGENDA_PAGE
        && !hd_agenda.full && hd_sched.tasks < HD_AGENDA_TASKS)
    {
        hd_agenda_page();
        return;
    }

    hd_agenda.loading = 0;

    if (outcome == HD_PG_OK && !hd_sched.loaded) {
        hd_sched.loaded = 1;
        hd_sched_task_done();
    }

    hd_sched_wheel_arm();

    if (hd_agenda.again && outcome == HD_PG_OK) {
        hd_agenda_load();
    }
}


static void
hd_agenda_due(const hd_wheel_timer_t *t)
{
    if (t->kind < HD_AGENDA_KINDS && hd_agenda_kinds[t->kind].due) {
        hd_agenda_kinds[t->kind].due(t);
    }
}


/* it begins, its next stage does, or its time is over: reading it tells */
static void
hd_agenda_broadcast(const hd_wheel_timer_t *t)
{
    hd_camp_open(&t->org, &t->ref, 0);
}


static void
hd_agenda_message(const hd_wheel_timer_t *t)
{
    hd_message_open(&t->org, &t->ref, 0);
}


static void
hd_agenda_strays(const hd_wheel_timer_t *t)
{
    hd_camp_t  *c;

    c = hd_camp_find(&t->ref);

    if (c) {
        c->strays = 1;
        c->waiting = 0;
        hd_sched_pump_soon();
    }
}


static void
hd_agenda_deletion(const hd_wheel_timer_t *t)
{
    hd_orphan_sweep(&t->org);
}


/*
 * A timer that was taken is in no memory but ours until its unit is answered;
 * what a crash takes with it is in the agenda, which the next helper reads.
 */
void
hd_agenda_wheel(void)
{
    size_t            i, n;
    hd_wheel_timer_t  due[HD_AGENDA_TAKE];

    /* without a database nothing can be decided: they stay due */

    while (hd_sched.fenced && hd_pg_ready(hd_sched.conf.pg)
           && hd_sched.msgs.n < HD_MESSAGES_MOST)
    {
        n = hd_wheel_take(hd_sched.conf.shm, ngx_current_msec, due,
                          HD_AGENDA_TAKE);

        for (i = 0; i < n; i++) {
            hd_agenda_due(&due[i]);
        }

        if (n < HD_AGENDA_TAKE) {
            return;
        }
    }
}
