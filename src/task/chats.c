/*
 * chats: what was said while one of us was away.  Webhooks are repeated for a
 * while only, so after an outage the chats themselves are asked for, from the
 * last thing that came on, and what is in them goes the way that a webhook
 * goes: there it is known already, or it is not.
 *
 *   chats ──> those spoken in since ──> pages of each ──> each message fed
 *     ▲                                   │ ▲                │
 *     └──────────── the next chat ────────┘ └── all stored ──┘
 *
 * Of what we sent, its receipt goes with it.
 */

#include "kinds.h"


#define HD_MISSED_PAGES  20            /* of one chat */


typedef struct {
    hd_task_t      *task;
    hd_json_t      *chat;              /* the one being read, of the list */
    int64_t         since;             /* s */
    ngx_uint_t      offset;
    ngx_uint_t      pages;
    ngx_uint_t      open;              /* fed, not yet stored */
    ngx_uint_t      messages;
    unsigned        more:1;            /* there is another page */
    unsigned        feeding:1;
    unsigned        failed:1;
} hd_missed_t;


static void hd_missed_read(hd_missed_t *m);


/* a page is stored: the next one, or the next chat, or done */

static void
hd_missed_on(hd_missed_t *m)
{
    if (m->failed) {
        hd_task_again(m->task, 0, "what was missed could not be stored");
        return;
    }

    if (m->more && ++m->pages < HD_MISSED_PAGES) {
        hd_missed_read(m);
        return;
    }

    m->chat = m->chat->next;
    m->offset = 0;
    m->pages = 0;

    hd_missed_read(m);
}


static void
hd_missed_fed(void *data, ngx_uint_t status)
{
    hd_missed_t *m = data;

    m->open--;

    /* 4xx: it cannot be read, and will never be */

    if (status >= 500) {
        m->failed = 1;
    }

    if (m->open == 0 && !m->feeding) {
        hd_missed_on(m);
    }
}


static void
hd_missed_feed(hd_missed_t *m, const char *event, const hd_json_t *payload)
{
    hd_buf_t  b;
    hd_str_t  body, session;

    session = m->task->account->number_id;

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"event\":\"%s\",\"session\":", event);
    hd_jw_str(&b, &session);
    hd_buf_z(&b, ",\"payload\":");
    hd_json_write(&b, payload);
    hd_buf_char(&b, '}');

    body.data = b.data;
    body.len = b.len;
    m->open++;

    if (b.failed
        || hd_task.feed(&m->task->account->hook_token, &body, hd_missed_fed,
                        m) != NGX_OK)
    {
        m->open--;
        m->failed = 1;
    }

    hd_buf_free(&b);
}


static void
hd_missed_page(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    int64_t       ack;
    hd_json_t    *v, *list, *mine;
    hd_missed_t  *m = task->ctx;

    if (answer->answer.outcome != HD_OUTCOME_ACCEPTED) {
        hd_task_again(task, 0, "the provider did not tell what was said");
        return;
    }

    v = hd_json_parse(&task->mem, answer->result.data, answer->result.len, 64,
                      NULL);
    list = hd_json_get(v, "messages");
    v = hd_json_get(v, "more");
    m->more = (v != NULL && v->type == HD_JSON_TRUE);
    m->feeding = 1;

    for (v = list ? list->child : NULL; v; v = v->next) {

        m->offset++;
        m->messages++;
        hd_missed_feed(m, "message.any", v);

        mine = hd_json_get(v, "fromMe");

        if (mine != NULL && mine->type == HD_JSON_TRUE
            && hd_json_int(hd_json_get(v, "ack"), &ack) == HD_OK && ack > 1)
        {
            hd_missed_feed(m, "message.ack", v);
        }
    }

    m->feeding = 0;

    if (m->open == 0) {
        hd_missed_on(m);
    }
}


static hd_json_t *
hd_missed_number(hd_task_t *task, const char *name, int64_t n)
{
    u_char     *p;
    hd_json_t  *v;

    v = hd_calloc(&task->mem, sizeof(hd_json_t));
    p = ngx_pnalloc(task->pool, NGX_INT64_LEN);

    if (v == NULL || p == NULL) {
        return NULL;
    }

    v->type = HD_JSON_NUMBER;
    v->key.data = (u_char *) name;
    v->key.len = ngx_strlen(name);
    v->str.data = p;
    v->str.len = ngx_sprintf(p, "%L", n) - p;

    return v;
}


/* {chat, since, offset} */

static hd_json_t *
hd_missed_args(hd_missed_t *m)
{
    hd_str_t    id;
    hd_task_t  *task = m->task;
    hd_json_t  *args, *chat, *since, *offset;

    id = hd_json_str(m->chat, "id");
    args = hd_calloc(&task->mem, 2 * sizeof(hd_json_t));
    since = hd_missed_number(task, "since", m->since);
    offset = hd_missed_number(task, "offset", (int64_t) m->offset);

    if (args == NULL || since == NULL || offset == NULL) {
        return NULL;
    }

    chat = args + 1;
    chat->type = HD_JSON_STRING;
    hd_str_set(&chat->key, "chat");
    chat->str = id;

    args->type = HD_JSON_OBJECT;
    args->count = 3;
    args->child = chat;
    chat->next = since;
    since->next = offset;

    return args;
}


static void
hd_missed_read(hd_missed_t *m)
{
    int64_t     at;
    hd_json_t  *args;

    while (m->chat != NULL
           && hd_json_int(hd_json_get(m->chat, "at"), &at) == HD_OK && at != 0
           && at < m->since)
    {
        m->chat = m->chat->next;
    }

    if (m->chat == NULL) {
        ngx_log_error(NGX_LOG_NOTICE, hd_task.log, 0,
                      "herald: %ui messages of a session were looked at for "
                      "what was missed", m->messages);
        hd_task_done(m->task, NULL);
        return;
    }

    args = hd_missed_args(m);

    if (args == NULL) {
        hd_task_again(m->task, 0, NULL);
        return;
    }

    hd_task_op(m->task, HD_OP_CHATS, args, NULL, 0, hd_missed_page);
}


static void
hd_missed_chats(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_json_t    *v;
    hd_missed_t  *m = task->ctx;

    if (answer->answer.outcome == HD_OUTCOME_REJECTED) {
        /* it keeps no chats, or the session stopped again: then the next
         * time that it works asks anew */
        hd_task_done(task, NULL);
        return;
    }

    if (answer->answer.outcome != HD_OUTCOME_ACCEPTED) {
        hd_task_again(task, 0, "the provider did not answer");
        return;
    }

    v = hd_json_parse(&task->mem, answer->result.data, answer->result.len, 64,
                      NULL);
    v = hd_json_get(v, "chats");
    m->chat = v ? v->child : NULL;

    hd_missed_read(m);
}


void
hd_task_session_missed(hd_task_t *task)
{
    hd_missed_t  *m;

    m = ngx_pcalloc(task->pool, sizeof(hd_missed_t));

    if (m == NULL || task->provider == NULL || task->provider->ops == NULL
        || task->provider->ops[HD_OP_CHATS] == NULL)
    {
        hd_task_failed(task, "The provider keeps no chats.");
        return;
    }

    m->task = task;
    task->ctx = m;

    if (hd_json_int(hd_json_get(task->args, "since"), &m->since) != HD_OK) {
        m->since = hd_now_us() / 1000000 - 3600;
    }

    hd_task_op(task, HD_OP_CHATS, NULL, NULL, 0, hd_missed_chats);
}
