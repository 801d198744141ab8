/*
 * template_sync: what the provider has of a business's templates: statuses and
 * why, qualities, categories, and templates that were made elsewhere.  A
 * webhook may be lost; this is how we know nevertheless.
 *
 *   time ─> list ─> page written ─> broadcasts held ─┬─> list …
 *                                                    └─> what was not there
 *                                                        ─> held ─> later
 *
 * Every minute until args.until (somebody has submitted), then every hour.
 * It only writes what the provider says, so it may run twice.
 */

#include "private.h"
#include "../base/document.h"


#define HD_TSYNC_SOON   60000          /* ms */
#define HD_TSYNC_LATER  3600000
#define HD_TSYNC_PAGES  200
#define HD_TSYNC_EVENT  3500           /* bytes: what fits into an event */


typedef struct {
    int64_t         started;           /* us by the database's clock */
    hd_str_t        cursor;            /* len 0: there is no more */
    ngx_uint_t      pages;
    ngx_uint_t      seen;
    ngx_uint_t      last;              /* what was not there is asked */
    hd_hold_rows_t  hold;              /* what must not be sent any more */
    ngx_uint_t      holding;
    hd_pg_array_t   text[11];          /* in the order of the statement */
    hd_pg_array_t   id;
} hd_tsync_t;

enum {
    HD_TSYNC_NAME = 0, HD_TSYNC_LANGUAGE, HD_TSYNC_CATEGORY, HD_TSYNC_STATUS,
    HD_TSYNC_QUALITY, HD_TSYNC_REASON, HD_TSYNC_PROVIDER, HD_TSYNC_DOCUMENT,
    HD_TSYNC_HEADER, HD_TSYNC_BODY, HD_TSYNC_FOOTER
};


static void hd_tsync_list(hd_task_t *task);
static void hd_tsync_written(hd_pg_unit_t *u, hd_pg_outcome_e outcome);


/* ── units of our own: the errand goes on after them ── */

static hd_pg_unit_t *
hd_tsync_unit(hd_task_t *task, hd_pg_result_pt on_result)
{
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_task.pg, on_result, hd_tsync_written, task);

    if (u) {
        hd_pg_org(u, &task->org);
    }

    return u;
}


static void
hd_tsync_submit(hd_task_t *task, hd_pg_unit_t *u)
{
    if (u == NULL || hd_pg_submit(u) != NGX_OK) {
        hd_task_again(task, HD_TSYNC_SOON, "The database is away.");
    }
}


/* ── what changed is told ── */

static void
hd_tsync_member(hd_buf_t *b, const char *name, hd_pg_res_t *res,
    ngx_uint_t row, ngx_uint_t col)
{
    hd_str_t  v;

    if (hd_pg_is_null(res, row, col)) {
        return;
    }

    v = hd_pg_value(res, row, col);
    v.len = ngx_min(v.len, HD_TSYNC_EVENT / 4);

    while (v.len && !hd_utf8_valid(v.data, v.len)) {
        v.len--;
    }

    hd_buf_printf(b, "%s\"%s\":", b->len ? "," : "{", name);
    hd_jw_str(b, &v);
}


static void
hd_tsync_publish(hd_task_t *task, const char *type, hd_buf_t *b)
{
    size_t    n;
    uint32_t  workers[HD_SLOTS];

    if (b->failed || b->len > HD_EVENT_MAX) {
        return;
    }

    (void) hd_event_publish(hd_task.shm, &task->org, type, b->data, b->len);

    n = hd_slots_streaming(hd_task.shm, workers, HD_SLOTS);

    while (n) {
        hd_wake_send(hd_task.wake, workers[--n]);
    }
}


/* what is sent by a template that may not be: the broadcasts stop */
static void
hd_tsync_hold(hd_tsync_t *s, hd_pg_res_t *res, ngx_uint_t row)
{
    hd_buf_t     b;
    hd_str_t     status, v;
    hd_hold_t    what;
    hd_uuid_t    id;
    ngx_uint_t   i, paused;

    static const ngx_str_t  stops[] = {
        ngx_string("disabled"), ngx_string("rejected"),
        ngx_string("deleted"), ngx_string("pending_deletion")
    };

    status = hd_pg_value(res, row, 4);
    paused = hd_str_eq(&status, "paused");

    for (i = 0; !paused && i < sizeof(stops) / sizeof(stops[0]); i++) {
        if (status.len == stops[i].len
            && ngx_memcmp(status.data, stops[i].data, status.len) == 0)
        {
            break;
        }
    }

    if (i == sizeof(stops) / sizeof(stops[0])
        || hd_pg_value_uuid(res, row, 1, &id) != NGX_OK)
    {
        return;
    }

    hd_buf_init(&b);
    hd_buf_z(&b, "WhatsApp set the template ");
    v = hd_pg_value(res, row, 2);
    hd_buf_str(&b, &v);
    hd_buf_z(&b, " (");
    v = hd_pg_value(res, row, 3);
    hd_buf_str(&b, &v);
    hd_buf_z(&b, ") to ");
    hd_buf_str(&b, &status);

    ngx_memzero(&what, sizeof(hd_hold_t));

    what.kind = HD_HOLD_TEMPLATE;
    what.id = &id;
    what.reason = paused ? "template_paused" : "template_disabled";
    what.words.data = b.data;
    what.words.len = b.failed ? 0 : b.len;

    hd_hold_add(&s->hold, &what);
    hd_buf_free(&b);
}


/* rows of `hold` */
static void
hd_tsync_held(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_buf_t     b;
    hd_str_t     what;
    hd_uuid_t    id;
    hd_task_t   *task = u->data;
    const char  *type;
    ngx_uint_t   i;

    if (index != 1 || hd_tasks.over) {
        return;
    }

    hd_buf_init(&b);

    for (i = 0; i < hd_pg_rows(res); i++) {
        type = hd_hold_event(&b, res, i);
        hd_tsync_publish(task, type, &b);

        what = hd_pg_value(res, i, 0);

        if (hd_str_eq(&what, "broadcast")
            && hd_pg_value_uuid(res, i, 1, &id) == NGX_OK)
        {
            hd_mail_send(hd_task.shm, HD_MAIL_BROADCAST, &task->org, &id);
            hd_wake_send(hd_task.wake, hd_wake_helper(hd_task.wake));
        }
    }

    hd_buf_free(&b);
}


static void
hd_tsync_told(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_buf_t     b;
    hd_str_t     what;
    hd_task_t   *task = u->data;
    ngx_uint_t   i;

    if (index != 1 || hd_tasks.over) {
        return;
    }

    hd_buf_init(&b);

    for (i = 0; i < hd_pg_rows(res); i++) {
        what = hd_pg_value(res, i, 0);

        hd_buf_reset(&b);
        hd_tsync_member(&b, "id", res, i, 1);
        hd_tsync_member(&b, "name", res, i, 2);
        hd_tsync_member(&b, "language", res, i, 3);
        hd_tsync_member(&b, "status", res, i, 4);
        hd_tsync_member(&b, "status_reason", res, i, 5);
        hd_tsync_member(&b, "category", res, i, 6);
        hd_tsync_member(&b, "category_was", res, i, 7);

        if (!hd_pg_is_null(res, i, 7)) {
            hd_buf_z(&b, ",\"warning\":\"re_priced\"");
        }

        hd_buf_char(&b, '}');

        hd_tsync_publish(task, "template.status", &b);

        if (hd_str_eq(&what, "template")) {
            hd_tsync_hold(task->ctx, res, i);
        }
    }

    hd_buf_free(&b);
}


/* ── a page ── */

static void
hd_tsync_arrays(hd_tsync_t *s)
{
    ngx_uint_t  i;

    for (i = 0; i < 11; i++) {
        hd_pg_array_init(&s->text[i], i == HD_TSYNC_DOCUMENT
                                      ? HD_PG_JSONB_ARRAY
                                      : HD_PG_TEXT_ARRAY);
    }

    hd_pg_array_init(&s->id, HD_PG_UUID_ARRAY);
}


static void
hd_tsync_put(hd_tsync_t *s, ngx_uint_t at, const hd_str_t *text)
{
    if (text->data == NULL) {
        hd_pg_array_null(&s->text[at]);

    } else {
        hd_pg_array_text(&s->text[at], text);
    }
}


static ngx_uint_t
hd_tsync_word(const hd_str_t *s, size_t max)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (!((s->data[i] >= 'a' && s->data[i] <= 'z') || s->data[i] == '_'
              || (s->data[i] >= '0' && s->data[i] <= '9')))
        {
            return 0;
        }
    }

    return s->len > 0 && s->len <= max;
}


static void
hd_tsync_fault(void *ctx, hd_lint_level_e level, const char *code,
    const char *pointer, const char *words, const char *fix)
{
    /* void: counted by its caller */
}


/* what the document cannot say is kept beside it */
static hd_json_t *
hd_tsync_document(hd_task_t *task, const hd_json_t *t)
{
    hd_lint_t    l;
    hd_json_t   *document, *partial, *components, *copy;

    document = hd_json_get(t, "document");
    partial = hd_json_get(t, "partial");
    components = hd_json_get(t, "components");

    if (document == NULL || document->type != HD_JSON_OBJECT) {
        return NULL;
    }

    if (partial && partial->type == HD_JSON_TRUE && components
        && components->type == HD_JSON_ARRAY)
    {
        copy = hd_alloc(&task->mem, sizeof(hd_json_t));
        if (copy == NULL) {
            return NULL;
        }

        *copy = *components;
        copy->next = document->child;
        document->child = copy;
        document->count++;
    }

    ngx_memzero(&l, sizeof(hd_lint_t));
    l.mem = &task->mem;
    l.found = hd_tsync_fault;

    hd_document_check(&l, document);

    return l.errors ? NULL : document;
}


/* one that we cannot make sense of is left out, not the page with it */
static void
hd_tsync_add(hd_task_t *task, hd_tsync_t *s, const hd_json_t *t)
{
    hd_buf_t             b;
    hd_str_t             name, language, category, status, text;
    hd_uuid_t            id;
    hd_json_t           *document;
    hd_document_flat_t   flat;

    name = hd_json_str(t, "name");
    language = hd_json_str(t, "language");
    category = hd_json_str(t, "category");
    status = hd_json_str(t, "status");
    text = hd_json_str(t, "id");
    document = hd_tsync_document(task, t);

    if (!hd_tsync_word(&name, 512) || language.len == 0 || language.len > 16
        || !hd_tsync_word(&status, 64) || text.len == 0 || document == NULL
        || (!hd_str_eq(&category, "marketing")
            && !hd_str_eq(&category, "utility")
            && !hd_str_eq(&category, "authentication"))
        || hd_document_flat(&task->mem, document, &flat) != HD_OK)
    {
        ngx_log_error(NGX_LOG_INFO, hd_task.log, 0, "herald: the template "
                      "\"%*s\" of the provider is left out: it is none that "
                      "we know", ngx_min(name.len, 64), name.data);
        return;
    }

    hd_buf_init(&b);
    hd_json_write(&b, document);

    if (b.failed) {
        return;
    }

    hd_tsync_put(s, HD_TSYNC_NAME, &name);
    hd_tsync_put(s, HD_TSYNC_LANGUAGE, &language);
    hd_tsync_put(s, HD_TSYNC_CATEGORY, &category);
    hd_tsync_put(s, HD_TSYNC_STATUS, &status);
    hd_tsync_put(s, HD_TSYNC_PROVIDER, &text);

    text = hd_json_str(t, "quality");
    hd_tsync_put(s, HD_TSYNC_QUALITY, &text);
    text = hd_json_str(t, "reason");
    hd_tsync_put(s, HD_TSYNC_REASON, &text);

    text.data = b.data;
    text.len = b.len;
    hd_tsync_put(s, HD_TSYNC_DOCUMENT, &text);

    hd_tsync_put(s, HD_TSYNC_HEADER, &flat.header);
    hd_tsync_put(s, HD_TSYNC_BODY, &flat.body);
    hd_tsync_put(s, HD_TSYNC_FOOTER, &flat.footer);

    hd_uuid_v7(&id, hd_now_us() / 1000);
    hd_pg_array_uuid(&s->id, &id);

    hd_buf_free(&b);
    s->seen++;
}


static void
hd_tsync_page(hd_task_t *task, hd_tsync_t *s, const hd_json_t *templates)
{
    ngx_uint_t        i;
    hd_pg_unit_t     *u;
    const hd_json_t  *t;

    hd_tsync_arrays(s);

    for (t = templates->child; t; t = t->next) {
        hd_tsync_add(task, s, t);
    }

    u = hd_tsync_unit(task, hd_tsync_told);

    if (u) {
        hd_pg_stmt(u, HD_Q_TEMPLATE_SYNCED);

        for (i = 0; i < 11; i++) {
            hd_pg_array_move(u, &s->text[i]);
        }

        hd_pg_array_move(u, &s->id);
        hd_pg_uuid(u, &task->account->id);
        hd_pg_text(u, &task->account->business_id);
    }

    hd_tsync_submit(task, u);
}


static void
hd_tsync_answered(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    char              *detail;
    hd_str_t           cursor;
    hd_json_t         *result, *templates;
    hd_tsync_t        *s = task->ctx;
    hd_json_error_t    err;

    if (answer->answer.outcome == HD_OUTCOME_UNKNOWN) {
        hd_task_again(task, 0, "The provider gave no answer.");
        return;
    }

    if (answer->answer.outcome == HD_OUTCOME_REJECTED) {
        detail = hd_cstr(&task->mem, &answer->answer.detail);
        hd_task_again(task, HD_TSYNC_LATER,
                      detail && *detail ? detail : "The provider refused.");
        return;
    }

    result = hd_json_parse_foreign(&task->mem, answer->result.data,
                                   answer->result.len, 64, &err);
    templates = hd_json_get(result, "templates");

    if (templates == NULL || templates->type != HD_JSON_ARRAY) {
        hd_task_again(task, 0, "The provider's list could not be read.");
        return;
    }

    cursor = hd_json_str(result, "cursor");

    if (++s->pages >= HD_TSYNC_PAGES
        || hd_str_dup(&task->mem, &cursor, &s->cursor) != HD_OK)
    {
        s->cursor.len = 0;
    }

    hd_tsync_page(task, s, templates);
}


static hd_json_t *
hd_tsync_arg(hd_task_t *task, const char *name, const hd_str_t *value,
    hd_json_t *next)
{
    hd_json_t  *v;

    v = hd_calloc(&task->mem, sizeof(hd_json_t));

    if (v) {
        v->type = HD_JSON_STRING;
        v->key.data = (u_char *) name;
        v->key.len = ngx_strlen(name);
        v->str = *value;
        v->next = next;
    }

    return v;
}


static void
hd_tsync_list(hd_task_t *task)
{
    hd_str_t     limit;
    hd_json_t   *args;
    hd_tsync_t  *s = task->ctx;

    hd_str_set(&limit, "100");

    args = hd_calloc(&task->mem, sizeof(hd_json_t));

    if (args) {
        args->type = HD_JSON_OBJECT;
        args->child = hd_tsync_arg(task, "limit", &limit, NULL);

        if (s->cursor.len) {
            args->child = hd_tsync_arg(task, "cursor", &s->cursor,
                                       args->child);
        }
    }

    if (args == NULL || args->child == NULL) {
        hd_task_again(task, HD_TSYNC_SOON, "Out of memory.");
        return;
    }

    hd_task_op(task, HD_OP_TEMPLATE_LIST, args, NULL, 0, hd_tsync_answered);
}


/* ── from one step to the next ── */

static void
hd_tsync_end(hd_task_t *task)
{
    int64_t  until;

    until = 0;

    if (hd_json_get(task->args, "until")) {
        (void) hd_json_int(hd_json_get(task->args, "until"), &until);
    }

    hd_task_again(task, hd_now_us() / 1000000 < until ? HD_TSYNC_SOON
                                                      : HD_TSYNC_LATER,
                  NULL);
}


static void
hd_tsync_unseen(hd_task_t *task, hd_tsync_t *s)
{
    hd_pg_unit_t  *u;

    s->last = 1;
    u = hd_tsync_unit(task, hd_tsync_told);

    if (u) {
        hd_pg_stmt(u, HD_Q_TEMPLATE_UNSEEN);
        hd_pg_text(u, &task->account->business_id);
        hd_pg_time(u, s->started);
    }

    hd_tsync_submit(task, u);
}


static void
hd_tsync_stop(hd_task_t *task, hd_tsync_t *s)
{
    hd_pg_unit_t  *u;

    s->holding = 1;
    u = hd_tsync_unit(task, hd_tsync_held);

    if (u) {
        hd_hold_stmt(u, &s->hold);
    }

    hd_tsync_submit(task, u);
}


static void
hd_tsync_written(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_task_t   *task = u->data;
    hd_tsync_t  *s;

    if (hd_tasks.over) {
        return;
    }

    s = task->ctx;

    if (outcome != HD_PG_OK || s->started == 0) {

        if (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)) {
            ngx_log_error(NGX_LOG_ERR, hd_task.log, 0,
                          "herald: the provider's templates could not be "
                          "written: SQLSTATE %s in statement %ui",
                          u->sqlstate, u->failed);
        }

        hd_task_again(task, HD_TSYNC_SOON, "The database was away.");
        return;
    }

    if (s->holding) {
        s->holding = 0;
        hd_hold_free(&s->hold);
        hd_hold_init(&s->hold);
    }

    if (s->hold.n) {
        hd_tsync_stop(task, s);

    } else if (s->last) {
        hd_tsync_end(task);

    } else if (s->pages == 0 || s->cursor.len) {
        hd_tsync_list(task);

    } else if (s->seen == 0 || s->pages >= HD_TSYNC_PAGES) {
        /* a list of nothing is no proof that all is gone */
        hd_tsync_end(task);

    } else {
        hd_tsync_unseen(task, s);
    }
}


static void
hd_tsync_time(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_task_t   *task = u->data;
    hd_tsync_t  *s;

    if (index == 1 && !hd_tasks.over) {
        s = task->ctx;
        s->started = hd_pg_value_int(res, 0, 0);
    }
}


static void
hd_tsync_free(void *data)
{
    hd_tsync_t *s = data;

    hd_hold_free(&s->hold);
}


void
hd_task_template_sync(hd_task_t *task)
{
    hd_tsync_t          *s;
    hd_pg_unit_t        *u;
    ngx_pool_cleanup_t  *cln;

    if (task->account == NULL || task->provider == NULL
        || task->account->business_id.len == 0 || task->provider->ops == NULL
        || task->provider->ops[HD_OP_TEMPLATE_LIST] == NULL)
    {
        hd_task_done(task, NULL);
        return;
    }

    s = hd_calloc(&task->mem, sizeof(hd_tsync_t));

    if (s == NULL) {
        hd_task_again(task, HD_TSYNC_SOON, "Out of memory.");
        return;
    }

    task->ctx = s;
    hd_hold_init(&s->hold);

    cln = ngx_pool_cleanup_add(task->pool, 0);

    if (cln == NULL) {
        hd_task_again(task, HD_TSYNC_SOON, "Out of memory.");
        return;
    }

    cln->handler = hd_tsync_free;
    cln->data = s;

    u = hd_tsync_unit(task, hd_tsync_time);

    if (u) {
        hd_pg_stmt(u, HD_Q_TEMPLATE_SYNC_TIME);
    }

    hd_tsync_submit(task, u);
}
