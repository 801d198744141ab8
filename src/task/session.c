/*
 * session: looks after a number behind a QR code, every few minutes.
 *
 * Its own word is not enough: a session may say that it works while nothing
 * that happens there arrives here ("connected but dead").  So the newest thing
 * said in its chats is compared with the newest thing that came to us.
 *
 *   asked for ── no answer, wrong key, no such session ──> down
 *       └─ state ── not working ──> down
 *             └─ working ── for no phone ──> silent
 *                   └─ chats ── newer than what came ──> silent, and fetched
 *                         └─ else ──> alive
 */

#include "kinds.h"


#define HD_WATCH_EVERY   300           /* s */
#define HD_WATCH_LAG     120           /* s that a webhook may take */


typedef struct {
    hd_str_t      state;
    hd_str_t      phone;
    const char   *effect;
    const char   *verdict;
    const char   *fix;
    hd_str_t      words;
    int64_t       newest;              /* s: said there */
    int64_t       seen;                /* s: came here */
} hd_watch_t;


static void
hd_watch_say(hd_task_t *task, const char *verdict, const char *words,
    const hd_str_t *more, const char *fix)
{
    u_char      *p;
    hd_watch_t  *w = task->ctx;

    w->verdict = verdict;
    w->fix = fix;

    p = ngx_pnalloc(task->pool, ngx_strlen(words) + (more ? more->len : 0));

    if (p) {
        w->words.data = p;
        p = ngx_cpymem(p, words, ngx_strlen(words));

        if (more) {
            p = ngx_cpymem(p, more->data, more->len);
        }

        w->words.len = p - w->words.data;
    }
}


static void
hd_watch_member(hd_buf_t *b, const char *name, hd_pg_res_t *res,
    ngx_uint_t column)
{
    hd_str_t  v;

    hd_buf_printf(b, "%s\"%s\":", b->len ? "," : "{", name);

    if (hd_pg_is_null(res, 0, column)) {
        hd_buf_z(b, "null");

    } else {
        v = hd_pg_value(res, 0, column);
        hd_jw_str(b, &v);
    }
}


/* what changed is told; the last statements of the errand */

static void
hd_watch_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t     what;
    hd_buf_t     b;
    hd_task_t   *task = u->data;
    hd_watch_t  *w;

    if (task == NULL || hd_pg_rows(res) == 0 || hd_pg_columns(res) < 2) {
        return;
    }

    w = task->ctx;
    hd_buf_init(&b);
    what = hd_pg_value(res, 0, 0);

    if (hd_pg_columns(res) == 2) {
        /* session_health's: another verdict than before */
        hd_watch_member(&b, "id", res, 0);
        hd_watch_member(&b, "name", res, 1);
        hd_buf_z(&b, ",\"verdict\":");
        hd_jw_z(&b, w->verdict);
        hd_buf_z(&b, ",\"words\":");
        hd_jw_str(&b, &w->words);
        hd_buf_char(&b, '}');
        hd_task.publish(&task->org, "account.health", &b);

    } else if (hd_str_eq(&what, "session")) {
        hd_watch_member(&b, "id", res, 1);
        hd_watch_member(&b, "name", res, 2);
        hd_watch_member(&b, "state", res, 3);
        hd_watch_member(&b, "status", res, 4);
        hd_watch_member(&b, "status_reason", res, 5);
        hd_watch_member(&b, "phone", res, 6);
        hd_buf_char(&b, '}');
        hd_task.publish(&task->org, "account.session", &b);
        hd_mail_send(hd_task.shm, HD_MAIL_ACCOUNT, &task->org,
                     &task->account_id);
    }

    hd_buf_free(&b);
}


static void
hd_watch_health(hd_buf_t *b, hd_watch_t *w)
{
    hd_buf_z(b, "{\"verdict\":");
    hd_jw_z(b, w->verdict);
    hd_buf_z(b, ",\"words\":");
    hd_jw_str(b, &w->words);
    hd_buf_z(b, ",\"fix\":");

    if (w->fix) {
        hd_jw_z(b, w->fix);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_char(b, '}');
}


static void
hd_watch_end(hd_task_t *task)
{
    hd_buf_t       b;
    hd_str_t       json, text;
    hd_uuid_t      id;
    hd_watch_t    *w = task->ctx;
    hd_pg_unit_t  *u;

    u = hd_task_unit(task, hd_watch_result);

    if (u == NULL) {
        hd_task_again(task, 0, NULL);
        return;
    }

    if (w->state.len) {
        hd_pg_stmt(u, HD_Q_SESSION_FACT);
        hd_pg_null(u);
        hd_pg_uuid(u, &task->account_id);
        hd_pg_time(u, hd_now_us());
        hd_pg_text(u, &w->state);
        hd_pg_z(u, w->effect);
        hd_pg_z(u, "");
        hd_pg_text(u, &w->phone);
        hd_uuid_v7(&id, hd_now_us() / 1000);
        hd_pg_uuid(u, &id);
        hd_uuid_v7(&id, hd_now_us() / 1000);
        hd_pg_uuid(u, &id);
    }

    hd_buf_init(&b);
    hd_watch_health(&b, w);
    json.data = b.data;
    json.len = b.len;

    if (!b.failed && hd_str_dup(&task->mem, &json, &text) == HD_OK) {
        hd_pg_stmt(u, HD_Q_SESSION_HEALTH);
        hd_pg_uuid(u, &task->account_id);
        hd_pg_jsonb(u, &text);
        hd_uuid_v7(&id, hd_now_us() / 1000);
        hd_pg_uuid(u, &id);
    }

    hd_buf_free(&b);

    if (w->verdict[0] == 's' && w->newest > w->seen) {
        hd_pg_stmt(u, HD_Q_SESSION_MISSED_AGAIN);
        hd_pg_uuid(u, &task->account_id);
        hd_uuid_v7(&id, hd_now_us() / 1000);
        hd_pg_uuid(u, &id);
        hd_pg_int(u, w->seen - HD_WATCH_LAG);
    }

    hd_uuid_v7(&id, hd_now_us() / 1000);
    hd_pg_stmt(u, HD_Q_SESSION_WATCH_AGAIN);
    hd_pg_uuid(u, &task->account_id);
    hd_pg_uuid(u, &id);
    hd_pg_int(u, HD_WATCH_EVERY);

    hd_task_done(task, u);
}


/* ── what came here, and what there is there ── */

static void
hd_watch_compare(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_task_t   *task = u->data;
    hd_watch_t  *w;

    if (task == NULL) {
        return;
    }

    w = task->ctx;

    if (outcome != HD_PG_OK || w->seen == 0) {
        hd_task_again(task, 0, "the database was away");
        return;
    }

    if (w->newest > w->seen + HD_WATCH_LAG) {
        hd_watch_say(task, "silent", "The session says that it works, but "
                     "what happened there did not arrive here: it is "
                     "connected but dead. What was missed is being fetched.",
                     NULL, "See that the gateway reaches herald_public_url, "
                     "then POST /accounts/{id}/session/restart.");

    } else {
        hd_watch_say(task, "alive", "The session works, and what happens "
                     "there arrives here.", NULL, NULL);
    }

    hd_watch_end(task);
}


static void
hd_watch_seen(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_task_t   *task = u->data;
    hd_watch_t  *w;

    if (task != NULL && index == 1 && hd_pg_rows(res)
        && !hd_pg_is_null(res, 0, 0))
    {
        w = task->ctx;
        w->seen = hd_pg_value_int(res, 0, 0);
    }
}


static void
hd_watch_chats(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    int64_t        at;
    hd_json_t     *v;
    hd_watch_t    *w = task->ctx;
    hd_pg_unit_t  *u;

    if (answer->answer.outcome != HD_OUTCOME_ACCEPTED) {
        /* it has no store of chats: its word is all there is */
        hd_watch_say(task, "alive", "The session says that it works.", NULL,
                     NULL);
        hd_watch_end(task);
        return;
    }

    v = hd_json_parse(&task->mem, answer->result.data, answer->result.len, 64,
                      NULL);
    v = hd_json_get(v, "chats");

    for (v = v ? v->child : NULL; v; v = v->next) {
        if (hd_json_int(hd_json_get(v, "at"), &at) == HD_OK) {
            w->newest = ngx_max(w->newest, at);
        }
    }

    u = hd_pg_unit(hd_task.pg, hd_watch_seen, hd_watch_compare, task);

    if (u) {
        hd_pg_org(u, &task->org);
        hd_pg_stmt(u, HD_Q_SESSION_SEEN);
        hd_pg_uuid(u, &task->account_id);

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    hd_task_again(task, 0, "the database was away");
}


static void
hd_watch_state(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t               s;
    hd_json_t             *v, *works;
    hd_watch_t            *w = task->ctx;
    const hd_error_row_t  *row;

    if (answer->answer.outcome != HD_OUTCOME_ACCEPTED) {

        row = answer->answer.row;
        s = answer->answer.detail;

        if (answer->answer.outcome == HD_OUTCOME_REJECTED && row
            && row->words)
        {
            s.data = (u_char *) row->words;
            s.len = ngx_strlen(row->words);
        }

        hd_watch_say(task, "down", "The gateway cannot be asked: ", &s,
                     (row && row->fix && answer->answer.outcome
                                         == HD_OUTCOME_REJECTED)
                     ? row->fix : "See that it runs, and that base_url is its "
                                  "address.");
        hd_watch_end(task);
        return;
    }

    v = hd_json_parse(&task->mem, answer->result.data, answer->result.len, 16,
                      NULL);

    w->state = hd_json_str(v, "state");
    w->phone = hd_json_str(v, "phone");
    works = hd_json_get(v, "works");
    w->effect = (works == NULL || works->type == HD_JSON_NULL) ? "none"
                : works->type == HD_JSON_TRUE ? "clear" : "stop";

    if (w->effect[0] != 'c') {
        hd_watch_say(task, "down", "The session is ", &w->state,
                     "GET /accounts/{id}/troubleshoot says what to do.");
        hd_watch_end(task);
        return;
    }

    if (w->phone.len == 0) {
        hd_watch_say(task, "silent", "The session says that it works, but not "
                     "for which phone: it is connected but dead.", NULL,
                     "POST /accounts/{id}/session/restart.");
        hd_watch_end(task);
        return;
    }

    hd_task_op(task, HD_OP_CHATS, NULL, NULL, 0, hd_watch_chats);
}


void
hd_task_session_watch(hd_task_t *task)
{
    hd_watch_t  *w;

    w = ngx_pcalloc(task->pool, sizeof(hd_watch_t));

    if (w == NULL || task->provider == NULL || task->provider->ops == NULL
        || task->provider->ops[HD_OP_SESSION_GET] == NULL)
    {
        hd_task_failed(task, "The number has no session.");
        return;
    }

    hd_str_set(&w->state, "");
    hd_str_set(&w->phone, "");
    hd_str_set(&w->words, "");
    task->ctx = w;

    hd_task_op(task, HD_OP_SESSION_GET, NULL, NULL, 0, hd_watch_state);
}
