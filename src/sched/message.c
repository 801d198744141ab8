/*
 * Single messages: the fast lane.  Mail, one look at the row, a grant.
 *
 *            open            queued, due          slot and fence
 *     (none) ────> READ ───────────────> READY ─────────────────> GRANTED
 *                  │ │ ▲                                             │
 *       later: the │ │ │ mail: tried again,                          │
 *       wheel has  │ │ │ or its worker went away                     │
 *       it         ▼ │ └─────────────────────────────────────────────┤
 *          forgotten │ sending, no attempt known                     │
 *                ▲   ▼                                               │
 *                │ SUSPECT ── 2 s, still so: unknown ──> READ        │
 *                └───────────────────────────────────────────────────┘
 *                                                  its grant has ended
 *
 * A message that is forgotten here has its line in the agenda until it is
 * settled, and is looked at again with every reading of it.
 */

#include "private.h"


static void hd_message_read(hd_msg_t *m);
static void hd_message_row(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_message_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_message_sending(hd_msg_t *m);
static void hd_message_unknown(hd_pg_unit_t *u, hd_pg_outcome_e outcome);
static void hd_message_tell(hd_msg_t *m);
static void hd_message_forget(hd_msg_t *m);


typedef struct {
    hd_msg_t       *m;
    int64_t         wait;
    char            state[16];
    unsigned        open:1;            /* it is to be sent, now or later */
} hd_message_ctx_t;


void
hd_message_open(const hd_uuid_t *org, const hd_uuid_t *id, ngx_uint_t tell)
{
    hd_msg_t  *m;

    m = hd_table_find(&hd_sched.msgs, id);

    if (m == NULL) {
        m = ngx_calloc(sizeof(hd_msg_t), hd_sched.conf.log);
        if (m == NULL) {
            return;
        }

        m->node.id = *id;
        m->org = *org;

        hd_table_add(&hd_sched.msgs, &m->node);
        ngx_queue_insert_tail(&hd_sched.msg_list, &m->queue);
        ngx_queue_init(&m->ready);
    }

    m->tell |= (tell != 0);

    if (m->busy) {
        m->again = 1;
        return;
    }

    /* the next pump grants it */
    if (m->state == HD_MSG_READY) {
        return;
    }

    hd_message_read(m);
}


static void
hd_message_forget(hd_msg_t *m)
{
    hd_table_remove(&hd_sched.msgs, &m->node);
    ngx_queue_remove(&m->queue);
    ngx_queue_remove(&m->ready);
    ngx_free(m);
}


static void
hd_message_read(hd_msg_t *m)
{
    hd_pg_unit_t      *u;
    hd_message_ctx_t  *ctx;

    m->again = 0;
    m->found = 0;

    u = hd_sched_unit(&m->org, hd_message_row, hd_message_done, NULL);

    if (u) {
        ctx = ngx_pcalloc(u->pool, sizeof(hd_message_ctx_t));

        if (ctx == NULL) {
            hd_pg_discard(u);
            hd_message_forget(m);
            return;
        }

        ctx->m = m;
        u->data = ctx;

        hd_pg_stmt(u, HD_Q_SCHED_MESSAGE);
        hd_pg_uuid(u, &m->node.id);

        if (hd_pg_submit(u) == NGX_OK) {
            m->busy = 1;
            return;
        }
    }

    /* the agenda has it, and is read when the database is back */
    hd_message_forget(m);
}


static void
hd_message_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_message_ctx_t *ctx = u->data;

    hd_str_t   v;
    hd_msg_t  *m;

    if (index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    m = ctx->m;
    m->found = 1;

    v = hd_pg_value(res, 0, 0);
    ngx_cpystrn((u_char *) ctx->state, v.data,
                ngx_min(v.len + 1, sizeof(ctx->state)));

    (void) hd_pg_value_uuid(res, 0, 1, &m->account);
    m->bucket = hd_bucket(hd_sched.conf.shm, &m->account,
                          (uint32_t) hd_pg_value_int(res, 0, 2) * 1000);
    ctx->wait = hd_pg_value_int(res, 0, 3);
    m->fence = hd_pg_value_int(res, 0, 4);
    ctx->open = (hd_pg_value(res, 0, 5).data[0] == 't');
}


static void
hd_message_done(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_message_ctx_t *ctx = u->data;

    hd_msg_t  *m;

    m = ctx->m;
    m->busy = 0;

    if (!hd_sched_mine()) {
        return;
    }

    if (outcome != HD_PG_OK) {
        hd_sched_failed(u, outcome, "reading a message");
        (void) hd_sched_wheel(HD_TIMER_MESSAGE, &m->org, &m->node.id, 1000);
        hd_message_forget(m);
        return;
    }

    if (m->again) {
        hd_message_read(m);
        return;
    }

    if (!m->found) {
        /* a broadcast's id, or nothing's: the campaign finds out */
        hd_camp_open(&m->org, &m->node.id, 0);
        hd_message_forget(m);
        return;
    }

    if (ngx_strcmp(ctx->state, "sending") == 0) {
        hd_message_sending(m);
        return;
    }

    if (m->tell && ngx_strcmp(ctx->state, "unknown") == 0) {
        hd_message_tell(m);
        m->tell = 0;
    }

    if (ctx->open && ctx->wait <= 0) {
        ngx_queue_remove(&m->ready);
        ngx_queue_insert_tail(&hd_sched.msg_ready, &m->ready);
        m->state = HD_MSG_READY;
        hd_sched_pump_soon();
        return;
    }

    if (ctx->open) {
        (void) hd_sched_wheel(HD_TIMER_MESSAGE, &m->org, &m->node.id,
                              ctx->wait);
        hd_sched_wheel_arm();
    }

    hd_message_forget(m);
}


/* somebody is at it, or nobody ever will be: two looks, two seconds apart */
static void
hd_message_sending(hd_msg_t *m)
{
    ngx_int_t       rc;
    hd_pg_unit_t   *u;
    hd_pg_array_t   seqs, fences;

    if (hd_attempt_known(hd_sched.conf.shm, &m->node.id, 0)) {
        hd_message_forget(m);
        return;
    }

    if (m->state != HD_MSG_SUSPECT) {
        m->state = HD_MSG_SUSPECT;
        m->since_ms = hd_sched_now();
    }

    if (hd_sched_now() - m->since_ms < HD_SUSPECT_AGE) {
        (void) hd_sched_wheel(HD_TIMER_MESSAGE, &m->org, &m->node.id,
                              HD_SUSPECT_AGE + 50);
        hd_sched_wheel_arm();
        return;
    }

    rc = NGX_ERROR;
    u = hd_sched_unit(&m->org, NULL, hd_message_unknown, m);

    if (u) {
        hd_pg_array_init(&seqs, HD_PG_INT4_ARRAY);
        hd_pg_array_init(&fences, HD_PG_INT8_ARRAY);
        hd_pg_array_int(&seqs, 0);
        hd_pg_array_int(&fences, m->fence);

        hd_pg_stmt(u, HD_Q_SCHED_STRAY_UNKNOWN);
        hd_pg_uuid(u, &m->node.id);
        hd_pg_array(u, &seqs);
        hd_pg_array(u, &fences);
        hd_pg_int(u, HD_SCHED_STRIPE);

        rc = hd_pg_submit(u);

        hd_pg_array_free(&seqs);
        hd_pg_array_free(&fences);
    }

    if (rc != NGX_OK) {
        hd_message_forget(m);
        return;
    }

    m->busy = 1;
}


static void
hd_message_unknown(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_msg_t *m = u->data;

    m->busy = 0;

    if (!hd_sched_mine()) {
        return;
    }

    hd_sched_failed(u, outcome, "marking a lost attempt");

    if (outcome != HD_PG_OK) {
        (void) hd_sched_wheel(HD_TIMER_MESSAGE, &m->org, &m->node.id, 1000);
        return;
    }

    m->tell = 1;
    m->state = HD_MSG_READ;
    hd_message_read(m);
}


static void
hd_message_tell(hd_msg_t *m)
{
    u_char    id[36], at[HD_RFC3339_LEN + 8];
    size_t    n;
    hd_buf_t  b;

    hd_uuid_format(&m->node.id, id);
    n = hd_time_format(at, hd_now_us());

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.*s\",\"contact_id\":null,"
                  "\"status\":\"unknown\",\"at\":\"%.*s\","
                  "\"error_code\":null}", 36, id, (int) n, at);

    hd_sched_tell(&m->org, "message.status", &b);
}


/* in the pump, with its slots */
ngx_uint_t
hd_message_pump(void)
{
    int64_t       fence;
    ngx_uint_t    given;
    hd_msg_t     *m;
    hd_slot_t    *s;
    ngx_int_t     rc;
    hd_grant_t    g;
    ngx_queue_t  *q, *next;

    given = 0;

    for (q = ngx_queue_head(&hd_sched.msg_ready);
         q != ngx_queue_sentinel(&hd_sched.msg_ready);
         q = next)
    {
        next = ngx_queue_next(q);
        m = ngx_queue_data(q, hd_msg_t, ready);

        rc = hd_lease_fence(&m->org, &m->account, &fence);

        if (rc == NGX_AGAIN) {
            continue;
        }

        if (rc != NGX_OK || m->bucket == HD_NONE) {
            (void) hd_sched_wheel(HD_TIMER_MESSAGE, &m->org, &m->node.id,
                                  HD_LEASE_RENEW);
            hd_message_forget(m);
            continue;
        }

        s = hd_pump_least();
        if (s == NULL) {
            break;
        }

        ngx_memzero(&g, sizeof(hd_grant_t));

        g.org = m->org;
        g.batch = m->node.id;
        g.account = m->account;
        g.campaign = HD_NONE;
        g.bucket = m->bucket;
        g.fence = fence;

        if (hd_grant_give(hd_sched.conf.shm, s->index, &g) != HD_OK) {
            s->quitting = 1;           /* in our copy: its ring is full */
            next = q;
            continue;
        }

        ngx_queue_remove(&m->ready);
        ngx_queue_init(&m->ready);

        m->state = HD_MSG_GRANTED;
        m->slot = s->index;
        m->grant = g.id;
        m->seen = hd_sched.pumps;

        s->grants++;
        given = 1;
        hd_pump_wake(s);
    }

    return given;
}


/* the number may send again: what a worker holds for it, because it could not,
 * is looked at once more when its grant has ended */
void
hd_message_account(const hd_uuid_t *account)
{
    hd_msg_t     *m;
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&hd_sched.msg_list);
         q != ngx_queue_sentinel(&hd_sched.msg_list);
         q = ngx_queue_next(q))
    {
        m = ngx_queue_data(q, hd_msg_t, queue);

        if (m->state == HD_MSG_GRANTED && hd_uuid_eq(&m->account, account)) {
            m->again = 1;
        }
    }
}


/*
 * A worker that goes on has settled the message, or has said that it must be
 * tried again.  One that quits may have given the grant back unread.
 */
void
hd_message_beat(void)
{
    hd_msg_t     *m;
    ngx_queue_t  *q, *next;

    for (q = ngx_queue_head(&hd_sched.msg_list);
         q != ngx_queue_sentinel(&hd_sched.msg_list);
         q = next)
    {
        next = ngx_queue_next(q);
        m = ngx_queue_data(q, hd_msg_t, queue);

        if (m->busy || m->state != HD_MSG_GRANTED
            || m->seen == hd_sched.pumps)
        {
            continue;
        }

        if (hd_sched.live[m->slot] && !m->again) {
            hd_message_forget(m);

        } else {
            m->state = HD_MSG_READ;
            hd_message_read(m);
        }
    }
}
