/*
 * The helper's start, its timers, its mail.
 *
 * A reload has two helpers alive for a moment.  The new one has raised the
 * epoch before it came here; the old one asks before everything it does
 * (hd_sched_mine), and once it is no longer the owner it stops for good.  What
 * it took from the mailbox and did not finish is found again: the new one
 * reads the agenda and every campaign when it begins, and both again every
 * minute.
 */

#include "private.h"


static void hd_sched_begin(hd_timer_t *t, void *data);
static void hd_sched_ready(void *data);
static void hd_sched_beat(hd_timer_t *t, void *data);
static void hd_sched_pump(hd_timer_t *t, void *data);
static void hd_sched_wheel_due(hd_timer_t *t, void *data);
static void hd_sched_agenda(hd_timer_t *t, void *data);
static void hd_sched_progress(hd_timer_t *t, void *data);
static void hd_sched_lap(void *data);


hd_sched_t  hd_sched;


ngx_int_t
hd_sched_start(const hd_sched_conf_t *conf)
{
    ngx_log_t     *log;
    ngx_msec_t     delay;
    hd_control_t   control;

    ngx_memzero(&hd_sched, sizeof(hd_sched_t));

    hd_sched.conf = *conf;
    log = conf->log;

    ngx_queue_init(&hd_sched.lease_list);
    ngx_queue_init(&hd_sched.camp_list);
    ngx_queue_init(&hd_sched.turn_list);
    hd_sched.bulk_size = HD_GRANT_BULK;
    ngx_queue_init(&hd_sched.msg_list);
    ngx_queue_init(&hd_sched.msg_ready);

    hd_timer_init(&hd_sched.begin, hd_sched_begin, NULL, 1, log);
    hd_timer_init(&hd_sched.beat, hd_sched_beat, NULL, 1, log);
    hd_timer_init(&hd_sched.pump, hd_sched_pump, NULL, 1, log);
    hd_timer_init(&hd_sched.wheel, hd_sched_wheel_due, NULL, 1, log);
    hd_timer_init(&hd_sched.agenda, hd_sched_agenda, NULL, 1, log);
    hd_timer_init(&hd_sched.progress, hd_sched_progress, NULL, 1, log);
    hd_lap_init(&hd_sched.lap, hd_sched_lap, NULL, log);

    hd_pg_on_ready(conf->pg, hd_sched_ready, NULL);

    /* nginx starts a helper that crashed again at once: not too fast */
    hd_control_read(conf->shm, &control);
    delay = ngx_min(control.crashes * 100, 5000);

    ngx_log_error(NGX_LOG_NOTICE, log, 0,
                  "herald: scheduler, epoch %uD%s", conf->epoch,
                  control.zone_fresh ? ", shared memory is empty" : "");

    hd_timer_set(&hd_sched.beat, HD_SCHED_BEAT);
    hd_timer_set(&hd_sched.begin, delay);

    return NGX_OK;
}


static void
hd_sched_begin(hd_timer_t *t, void *data)
{
    if (!hd_sched_mine()) {
        return;
    }

    hd_sched.begun = 1;
    hd_sched.fresh = !hd_rebuilt(hd_sched.conf.shm);
    hd_sched.rebuilt = !hd_sched.fresh;
    hd_sched.retried = hd_counter_sum(hd_sched.conf.shm, HD_COUNT_retried);

    hd_timer_set(&hd_sched.agenda, HD_SCHED_AGENDA);
    hd_timer_set(&hd_sched.progress, HD_SCHED_PROGRESS);
    hd_timer_set(&hd_sched.wheel, 1);

    if (hd_pg_ready(hd_sched.conf.pg)) {
        hd_sched_ready(NULL);
    }
}


/* there is a connection, for the first time or again: is it to the database
 * that it was? */
static void
hd_sched_ready(void *data)
{
    if (hd_sched.begun && hd_sched_mine()) {
        hd_epoch_begin();
    }
}


void
hd_sched_go_on(void)
{
    if (!hd_sched.adopted) {
        hd_sched.adopted = 1;
#ifdef HD_NO_GUARD_ADOPT
        return;
#endif
        hd_camp_adopt();

    } else {
        hd_camp_all(1);
    }

    hd_agenda_load();
    hd_sched_mail();
    hd_sched_pump_soon();

    /* the first sweep of what was parked, and from then on each minute */
    (void) hd_sched_wheel(HD_TIMER_DELETION, &hd_orphan_all, &hd_orphan_all,
                          1000);
    hd_sched_wheel_arm();
}


ngx_uint_t
hd_sched_mine(void)
{
    if (hd_sched.stopped) {
        return 0;
    }

    if (hd_control_beat(hd_sched.conf.shm, hd_sched.conf.epoch,
                        ngx_current_msec))
    {
        return 1;
    }

    hd_sched.stopped = 1;

    hd_timer_clear(&hd_sched.begin);
    hd_timer_clear(&hd_sched.beat);
    hd_timer_clear(&hd_sched.pump);
    hd_timer_clear(&hd_sched.wheel);
    hd_timer_clear(&hd_sched.agenda);
    hd_timer_clear(&hd_sched.progress);
    hd_timer_clear(&hd_sched.epoch);

    ngx_log_error(NGX_LOG_NOTICE, hd_sched.conf.log, 0,
                  "herald: scheduler of epoch %uD steps back",
                  hd_sched.conf.epoch);

    return 0;
}


void
hd_sched_wake(void)
{
    if (!hd_sched.begun || !hd_sched_mine()) {
        return;
    }

    hd_sched_mail();
    hd_sched_pump_soon();
}


static void
hd_sched_account_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_uuid_t *account = u->data;

    if (index == 1 && hd_pg_rows(res) && !hd_sched.stopped) {
        (void) hd_bucket(hd_sched.conf.shm, account,
                         (uint32_t) hd_pg_value_int(res, 0, 0) * 1000);
    }
}


static void
hd_sched_account_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    /* the pump's pieces follow the rate that the campaigns know; and single
     * messages may have waited for a number that was paused */
    if (hd_sched_mine()) {
        hd_camp_all(1);
        hd_agenda_load();

        if (u->data) {
            hd_message_account(u->data);
        }
    }
}


static void
hd_sched_account(const hd_mail_t *m)
{
    hd_uuid_t     *account;
    hd_pg_unit_t  *u;

    u = hd_sched_unit(&m->org, hd_sched_account_row, hd_sched_account_done,
                      NULL);
    if (u == NULL) {
        return;
    }

    account = ngx_palloc(u->pool, sizeof(hd_uuid_t));

    if (account == NULL) {
        hd_pg_discard(u);
        return;
    }

    *account = m->id;
    u->data = account;

    hd_pg_stmt(u, HD_Q_SCHED_ACCOUNT);
    hd_pg_uuid(u, account);

    (void) hd_pg_submit(u);
}


void
hd_sched_mail(void)
{
    hd_mail_t   m;
    hd_camp_t  *c;

    /* before anything can be read, the mail waits where it survives us */
    if (!hd_sched.fenced || !hd_pg_ready(hd_sched.conf.pg)) {
        return;
    }

    if (hd_mail_lost(hd_sched.conf.shm)) {
        ngx_log_error(NGX_LOG_WARN, hd_sched.conf.log, 0,
                      "herald: the scheduler's mailbox was full, everything "
                      "is read again");
        hd_camp_all(1);
        hd_agenda_load();
    }

    while (hd_sched.msgs.n < HD_MESSAGES_MOST
           && hd_mail_take(hd_sched.conf.shm, &m))
    {
        switch (m.kind) {

        case HD_MAIL_BROADCAST:
            hd_camp_open(&m.org, &m.id, 0);
            hd_dirty_mark(hd_sched.conf.shm, &m.org, &m.id);
            break;

        case HD_MAIL_ACCOUNT:
            hd_sched_account(&m);
            break;

        case HD_MAIL_ERRAND:
            hd_errand_load();
            break;

        case HD_MAIL_STRAYS:
            c = hd_camp_find(&m.id);

            if (c) {
                c->strays = 1;
                c->waiting = 0;
                /* one that is being closed may have been taken up again */
                c->reread |= (c->state == HD_CAMP_CLOSE);

            } else {
                hd_message_open(&m.org, &m.id, 0);
            }
        }
    }
}


void
hd_sched_pump_soon(void)
{
    hd_lap_post(&hd_sched.lap);
}


static void
hd_sched_lap(void *data)
{
    if (hd_sched_mine()) {
        hd_pump();
    }
}


static void
hd_sched_pump(hd_timer_t *t, void *data)
{
    if (hd_sched_mine()) {
        hd_sched_mail();
        hd_pump();
    }
}


static void
hd_sched_beat(hd_timer_t *t, void *data)
{
    if (!hd_sched_mine()) {
        return;
    }

    if (hd_sched.begun && hd_sched.fenced) {
        hd_sched_mail();
        hd_pump_slots();
#ifndef HD_NO_GUARD_REAP
        hd_reap_beat();
#endif
        hd_lease_beat();
        hd_message_beat();
        hd_camp_all(0);
        hd_pump();
    }

    hd_timer_set(t, HD_SCHED_BEAT);
}


static void
hd_sched_wheel_due(hd_timer_t *t, void *data)
{
    if (hd_sched_mine()) {
        hd_agenda_wheel();
        hd_sched_wheel_arm();
    }
}


void
hd_sched_wheel_arm(void)
{
    ngx_msec_t  ms;

    if (!hd_sched.begun || hd_sched.stopped) {
        return;
    }

    ms = (ngx_msec_t) hd_wheel_next(hd_sched.conf.shm, ngx_current_msec,
                                    1000);

    /* due and not taken: no database, or too much is being looked at */
    if (ms == 0) {
        ms = (hd_sched.fenced && hd_pg_ready(hd_sched.conf.pg)) ? 10 : 200;
    }

    hd_timer_set(&hd_sched.wheel, ms);
}


ngx_int_t
hd_sched_wheel(uint32_t kind, const hd_uuid_t *org, const hd_uuid_t *ref,
    int64_t ms)
{
    hd_wheel_timer_t  t;

    t.kind = kind;
    t.org = *org;
    t.ref = *ref;
    t.due_ms = ngx_current_msec + (ms > 0 ? (uint64_t) ms : 0);

    return hd_wheel_add(hd_sched.conf.shm, &t) == HD_OK ? NGX_OK : NGX_ERROR;
}


/* also the net under a lost mail, and under retries of single rows */
static void
hd_sched_agenda(hd_timer_t *t, void *data)
{
    if (!hd_sched_mine()) {
        return;
    }

    if (hd_sched.fenced) {
        hd_camp_all(1);
        hd_agenda_load();
    }

    hd_timer_set(t, HD_SCHED_AGENDA);
}


static void
hd_sched_progress(hd_timer_t *t, void *data)
{
    if (!hd_sched_mine()) {
        return;
    }

    hd_progress_beat();
    hd_timer_set(t, HD_SCHED_PROGRESS);
}


hd_pg_unit_t *
hd_sched_unit(const hd_uuid_t *org, hd_pg_result_pt on_result,
    hd_pg_done_pt on_done, void *data)
{
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_sched.conf.pg, on_result, on_done, data);

    if (u) {
        hd_pg_org(u, org);
    }

    return u;
}


/* DOWN and UNKNOWN are the pool's to log */
void
hd_sched_failed(hd_pg_unit_t *u, hd_pg_outcome_e outcome, const char *what)
{
    if (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)) {
        ngx_log_error(NGX_LOG_ERR, hd_sched.conf.log, 0,
                      "herald: %s failed: SQLSTATE %s in statement %ui", what,
                      u->sqlstate, u->failed);
    }
}


void
hd_sched_tell(const hd_uuid_t *org, const char *type, hd_buf_t *b)
{
    size_t    n;
    uint32_t  workers[HD_SLOTS];

    if (!b->failed) {
        (void) hd_event_publish(hd_sched.conf.shm, org, type, b->data,
                                b->len);

        n = hd_slots_streaming(hd_sched.conf.shm, workers, HD_SLOTS);

        while (n) {
            hd_wake_send(hd_sched.conf.wake, workers[--n]);
        }
    }

    hd_buf_free(b);
}


/* rebuilt when the first agenda and all that it named have been read */
void
hd_sched_task_done(void)
{
    if (hd_sched.rebuilt || !hd_sched.loaded || hd_sched.tasks) {
        return;
    }

    hd_sched.rebuilt = 1;
    hd_rebuilt_set(hd_sched.conf.shm);

    ngx_log_error(NGX_LOG_NOTICE, hd_sched.conf.log, 0,
                  "herald: scheduler has rebuilt its memory from the "
                  "database");

    hd_sched_pump_soon();
}


static ngx_uint_t
hd_table_head(const hd_uuid_t *id)
{
    /* the end of a UUIDv7 is random */
    return ((ngx_uint_t) id->b[15] | (ngx_uint_t) id->b[14] << 8)
           % HD_TABLE_HEADS;
}


void *
hd_table_find(hd_table_t *t, const hd_uuid_t *id)
{
    hd_node_t  *n;

    for (n = t->heads[hd_table_head(id)]; n; n = n->next) {
        if (hd_uuid_eq(&n->id, id)) {
            return n;
        }
    }

    return NULL;
}


void
hd_table_add(hd_table_t *t, hd_node_t *n)
{
    hd_node_t  **head;

    head = &t->heads[hd_table_head(&n->id)];

    n->next = *head;
    *head = n;
    t->n++;
}


void
hd_table_remove(hd_table_t *t, hd_node_t *n)
{
    hd_node_t  **at;

    for (at = &t->heads[hd_table_head(&n->id)]; *at; at = &(*at)->next) {
        if (*at == n) {
            *at = n->next;
            t->n--;
            return;
        }
    }
}
