/*
 * A restored copy of the database must not send again what was sent after the
 * copy was made.
 *
 * One row of the database (table epoch) and one small file of this node say
 * the same number.  It rises when a helper begins, and while something is
 * granted at least every ten seconds, first in the row, then in the file.  So
 * a row that is behind the file is of an older copy; and a row that names
 * another cluster than the one it lies in was restored elsewhere (pg_dump, or
 * a base backup that was initialised anew).  A standby that took over has the
 * same identifier and the same row: it is no copy.
 *
 *     begin, connection is back
 *           │            row behind the file, or of another cluster
 *           ▼          ┌──────────────────────────────────────────> HELD
 *        ASKED ────────┤                                             │
 *           ▲          └────> FENCED ──10 s with grants──> ASKED     │
 *           └───────────────── herald resume ────────────────────────┘
 *
 * While it is held (row: held), nothing is granted, nothing is frozen, no
 * status moves; `herald resume` clears the row's identifier, which is how the
 * row says "take me as I am".  A copy less than ten seconds old is not seen.
 *
 * Several nodes share the row and each has its file.  The number is not just
 * counted: it is at least the database's clock, so that after a resumption it
 * is ahead of every node's file.  A file that was written under another
 * cluster says nothing about this one.
 */

#include "private.h"


#define HD_EPOCH_SIZE  128


static void hd_epoch_ask(void);
static void hd_epoch_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_epoch_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_epoch_due(hd_timer_t *t, void *data);
static void hd_epoch_read(void);
static void hd_epoch_write(void);
static void hd_epoch_held(void);


static struct {
    ngx_fd_t      fd;
    int64_t       number;              /* in the file, as far as we know */
    char          system[32];
    uint64_t      asked_ms;
    unsigned      opened:1;
    unsigned      busy:1;
    unsigned      again:1;
    unsigned      told:1;              /* that it is held */

    /* the answer */
    unsigned      found:1;
    unsigned      held:1;
    int64_t       row;
    char          row_system[32];
    char          reason[32];
} hd_epoch;


void
hd_epoch_begin(void)
{
    if (!hd_epoch.opened) {
        hd_epoch.opened = 1;
        hd_timer_init(&hd_sched.epoch, hd_epoch_due, NULL, 1,
                      hd_sched.conf.log);
        hd_epoch_read();
    }

    /* an answer that is on its way may be the other database's */
    hd_sched.fenced = 0;
    hd_epoch.again = hd_epoch.busy;

    hd_epoch_ask();
}


void
hd_epoch_granted(void)
{
    if (!hd_epoch.busy
        && hd_sched_now() - hd_epoch.asked_ms >= HD_EPOCH_BEAT)
    {
        hd_epoch_ask();
    }
}


static void
hd_epoch_ask(void)
{
    hd_str_t       system;
    hd_pg_unit_t  *u;

    if (hd_epoch.busy) {
        return;
    }

    hd_epoch.found = 0;
    hd_epoch.asked_ms = hd_sched_now();

    u = hd_pg_unit(hd_sched.conf.pg, hd_epoch_row, hd_epoch_done, NULL);

    if (u) {
        system.data = (u_char *) hd_epoch.system;
        system.len = ngx_strlen(hd_epoch.system);

        hd_pg_stmt(u, HD_Q_EPOCH_BEGIN);
        hd_pg_int(u, hd_epoch.number);
        hd_pg_text(u, &system);

        if (hd_pg_submit(u) == NGX_OK) {
            hd_epoch.busy = 1;
            return;
        }
    }

    hd_timer_set(&hd_sched.epoch, 500);
}


static void
hd_epoch_copy(char *to, size_t size, hd_pg_res_t *res, ngx_uint_t col)
{
    hd_str_t  v;

    v = hd_pg_value(res, 0, col);
    ngx_cpystrn((u_char *) to, v.data, ngx_min(v.len + 1, size));
}


static void
hd_epoch_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    if (hd_pg_rows(res) == 0) {
        return;
    }

    hd_epoch.found = 1;
    hd_epoch.held = (hd_pg_value(res, 0, 0).data[0] == 't');
    hd_epoch.row = hd_pg_value_int(res, 0, 1);

    hd_epoch_copy(hd_epoch.row_system, sizeof(hd_epoch.row_system), res, 2);
    hd_epoch_copy(hd_epoch.reason, sizeof(hd_epoch.reason), res, 3);
}


static void
hd_epoch_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_epoch.busy = 0;

    if (!hd_sched_mine()) {
        return;
    }

    if (hd_epoch.again) {
        hd_epoch.again = 0;
        hd_epoch_ask();
        return;
    }

    if (outcome != HD_PG_OK || !hd_epoch.found) {
        hd_sched_failed(u, outcome, "reading the epoch");

        if (!hd_sched.fenced) {
            hd_timer_set(&hd_sched.epoch, HD_EPOCH_HELD);
        }

        return;
    }

    if (hd_epoch.held) {
        hd_epoch_held();
        return;
    }

    hd_epoch.number = hd_epoch.row;
    ngx_cpystrn((u_char *) hd_epoch.system, (u_char *) hd_epoch.row_system,
                sizeof(hd_epoch.system));

    hd_epoch_write();

    if (hd_epoch.told) {
        hd_epoch.told = 0;
        hd_lease_reset();
        ngx_log_error(NGX_LOG_NOTICE, hd_sched.conf.log, 0,
                      "herald: the database was resumed, sending goes on");
    }

    if (!hd_sched.fenced) {
        hd_sched.fenced = 1;
        hd_held_set(hd_sched.conf.shm, 0);
        hd_sched_go_on();
    }
}


static void
hd_epoch_held(void)
{
    hd_camp_t    *c;
    ngx_queue_t  *q;

    hd_sched.fenced = 0;
    hd_held_set(hd_sched.conf.shm, 1);

    if (!hd_epoch.told) {
        hd_epoch.told = 1;

        ngx_log_error(NGX_LOG_ERR, hd_sched.conf.log, 0,
                      "herald: the database was restored from a copy (%s), "
                      "and what was sent after the copy was made would be "
                      "sent again: nothing is sent. Look at what is queued, "
                      "then say \"herald resume\"",
                      ngx_strcmp(hd_epoch.reason, "older_copy") == 0
                      ? "it is older than what this node wrote down"
                      : "it came from another PostgreSQL cluster");
    }

    /* workers give back what they hold */
    for (q = ngx_queue_head(&hd_sched.camp_list);
         q != ngx_queue_sentinel(&hd_sched.camp_list);
         q = ngx_queue_next(q))
    {
        c = ngx_queue_data(q, hd_camp_t, queue);
        hd_campaign_state(hd_sched.conf.shm, &c->node.id,
                          HD_CAMPAIGN_PAUSED);
    }

    hd_timer_set(&hd_sched.epoch, HD_EPOCH_HELD);
}


static void
hd_epoch_due(hd_timer_t *t, void *data)
{
    /* without a connection the next one asks */
    if (hd_sched_mine() && !hd_sched.fenced && hd_pg_ready(hd_sched.conf.pg)) {
        hd_epoch_ask();
    }
}


/* a few bytes, from the cache: nothing that could block for long */
static void
hd_epoch_read(void)
{
    char       text[HD_EPOCH_SIZE + 1], system[32];
    ssize_t    n;
    long long  number;

    hd_epoch.fd = ngx_open_file(hd_sched.conf.state.data, NGX_FILE_RDWR,
                                NGX_FILE_CREATE_OR_OPEN, 0600);

    if (hd_epoch.fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_ERR, hd_sched.conf.log, ngx_errno,
                      "herald: \"%V\" cannot be written: a restored copy of "
                      "the database will not be noticed",
                      &hd_sched.conf.state);
        return;
    }

    n = pread(hd_epoch.fd, text, HD_EPOCH_SIZE, 0);
    text[n > 0 ? n : 0] = '\0';

    if (sscanf(text, "herald epoch %lld of %31[0-9]", &number, system) == 2) {
        hd_epoch.number = number;
        ngx_cpystrn((u_char *) hd_epoch.system, (u_char *) system,
                    sizeof(hd_epoch.system));
    }
}


/* in place and always of one length, so that no moment has half of it */
static void
hd_epoch_write(void)
{
    u_char   node[36];
    char     text[HD_EPOCH_SIZE + 1];

    if (hd_epoch.fd == NGX_INVALID_FILE) {
        return;
    }

    hd_uuid_format(&hd_sched.conf.node, node);

    ngx_memset(text, ' ', HD_EPOCH_SIZE);
    text[snprintf(text, sizeof(text), "herald epoch %020lld of %s node %.36s",
                  (long long) hd_epoch.number, hd_epoch.system, node)] = ' ';
    text[HD_EPOCH_SIZE - 1] = '\n';

    if (pwrite(hd_epoch.fd, text, HD_EPOCH_SIZE, 0) != HD_EPOCH_SIZE) {
        ngx_log_error(NGX_LOG_ERR, hd_sched.conf.log, ngx_errno,
                      "herald: \"%V\" cannot be written: a restored copy of "
                      "the database may not be noticed",
                      &hd_sched.conf.state);
    }
}
