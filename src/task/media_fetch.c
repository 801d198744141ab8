/*
 * media_fetch: a file that somebody sent us, from its provider to our disk.
 *
 *   row is wanted? ─> (its address is asked for: it lives five minutes)
 *     ─> fetched into a temporary file, of at most 100 MB
 *     ─> digest, type by its bytes, kept ─> the row is ready, and told
 *
 * It may run twice: the row moves only while it is wanted, and the same bytes
 * have the same name.  What ends it for good (the provider has no such file
 * any more, it is too large) is written to the row for people to read.
 */

#include "private.h"
#include "media.h"
#include "../store/files.h"


typedef struct {
    hd_task_t     *task;
    char           temp[HD_FILES_PATH];
    ngx_uint_t     wanted;
    ngx_uint_t     moved;              /* the row did */
    hd_str_t       mime;
    hd_str_t       filename;
    hd_str_t       source;
    hd_str_t       url;
    const char    *state;
    char           words[200];
} hd_fetch_t;


static void hd_fetch_url(hd_fetch_t *f);
static void hd_fetch_get(hd_fetch_t *f);


/* ── the ends ── */

static void
hd_fetch_event(hd_fetch_t *f)
{
    size_t      n;
    u_char      id[36];
    uint32_t    workers[HD_SLOTS];
    hd_buf_t    b;

    hd_uuid_format(&f->task->ref, id);

    hd_buf_init(&b);
    hd_buf_printf(&b, "{\"id\":\"%.36s\",\"state\":\"%s\"}", (char *) id,
                  f->state);

    if (!b.failed) {
        (void) hd_event_publish(hd_task.shm, &f->task->org, "message.media",
                                b.data, b.len);

        n = hd_slots_streaming(hd_task.shm, workers, HD_SLOTS);

        while (n) {
            hd_wake_send(hd_task.wake, workers[--n]);
        }
    }

    hd_buf_free(&b);
}


static void
hd_fetch_moved(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_task_t   *task = u->data;
    hd_fetch_t  *f = task->ctx;

    if (index == 1 && hd_pg_rows(res)) {
        f->moved = 1;
        /* a hair before the commit: who asks then sees it, or asks again */
        hd_fetch_event(f);
    }
}


/* for good: people read why */
static void
hd_fetch_fail(hd_fetch_t *f, const char *words)
{
    hd_pg_unit_t  *u;

    f->state = "failed";

    u = hd_task_unit(f->task, hd_fetch_moved);

    if (u) {
        hd_pg_stmt(u, HD_Q_MEDIA_FAILED);
        hd_pg_uuid(u, &f->task->ref);
        hd_pg_z(u, words);
    }

    hd_task_done(f->task, u);
}


/* the last attempt's end is the row's */
static void
hd_fetch_again(hd_fetch_t *f, const char *words)
{
    if (f->task->attempts >= HD_FETCH_ATTEMPTS) {
        hd_fetch_fail(f, words);
        return;
    }

    hd_task_again(f->task, 0, words);
}


static void
hd_fetch_kept(hd_files_keep_t *k)
{
    hd_fetch_t    *f = k->data;
    hd_pg_unit_t  *u;

    switch (k->result) {

    case HD_FILES_KEPT:
        break;

    case HD_FILES_FULL:
        hd_fetch_again(f, "There is no room on the server's disk.");
        return;

    case HD_FILES_TYPE:
        hd_fetch_fail(f, "Its bytes are none of the types that WhatsApp "
                      "sends: it was not kept.");
        return;

    case HD_FILES_EMPTY:
        hd_fetch_again(f, "The provider gave an empty file.");
        return;

    default:
        hd_fetch_again(f, "The file could not be written.");
        return;
    }

    f->state = "ready";

    u = hd_task_unit(f->task, hd_fetch_moved);

    if (u) {
        hd_pg_stmt(u, HD_Q_MEDIA_FETCHED);
        hd_pg_uuid(u, &f->task->ref);
        hd_pg_bytea(u, k->sha256, 32);
        hd_pg_z(u, k->type->mime);
        hd_pg_int(u, k->bytes);
    }

    hd_task_done(f->task, u);
}


/* ── the file ── */

/* what the provider said when it did not give it */
static void
hd_fetch_refused(hd_fetch_t *f, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t  s;

    s = answer->answer.detail;
    s.len = ngx_min(s.len, 120);

    while (s.len && !hd_utf8_valid(s.data, s.len)) {
        s.len--;
    }

    snprintf(f->words, sizeof(f->words), "The provider did not give it: "
             "%.*s", (int) s.len, s.len ? (char *) s.data : "");

    if (raw->outcome == HD_EGRESS_FORBIDDEN) {
        hd_fetch_fail(f, "Its address is a private one, which is not asked.");

    } else if (raw->outcome == HD_EGRESS_ANSWERED
               && (raw->status == 404 || raw->status == 410)
               && f->task->attempts > 2)
    {
        hd_fetch_fail(f, "The provider does not have it any more.");

    } else {
        hd_fetch_again(f, f->words);
    }
}


static void
hd_fetch_got(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_fetch_t       *f = task->ctx;
    hd_files_keep_t   k;

    if (raw->outcome != HD_EGRESS_ANSWERED || raw->status < 200
        || raw->status > 299)
    {
        hd_fetch_refused(f, answer, raw);
        return;
    }

    ngx_memzero(&k, sizeof(hd_files_keep_t));
    ngx_memcpy(k.temp, f->temp, sizeof(k.temp));
    k.name_len = ngx_min(f->filename.len, sizeof(k.name));
    ngx_memcpy(k.name, f->filename.data, k.name_len);
    k.org = task->org;
    k.done = hd_fetch_kept;
    k.data = f;

    if (hd_files_keep(&k) != NGX_OK) {
        (void) unlink(f->temp);
        hd_fetch_again(f, "The file could not be written.");
    }
}


static hd_json_t *
hd_fetch_args(hd_fetch_t *f, const char *key, const hd_str_t *value)
{
    hd_json_t  *o;

    o = hd_calloc(&f->task->mem, 2 * sizeof(hd_json_t));

    if (o) {
        o[0].type = HD_JSON_OBJECT;
        o[0].child = &o[1];
        o[0].count = 1;
        o[1].type = HD_JSON_STRING;
        o[1].key.data = (u_char *) key;
        o[1].key.len = ngx_strlen(key);
        o[1].str = *value;
    }

    return o;
}


static void
hd_fetch_get(hd_fetch_t *f)
{
    hd_json_t  *args;

    args = hd_fetch_args(f, "url", &f->url);

    if (args == NULL || hd_files_temp(f->temp) != NGX_OK) {
        hd_fetch_again(f, "There is no folder for files.");
        return;
    }

    hd_task_op(f->task, HD_OP_MEDIA_GET, args, f->temp, HD_FILE_MAX,
               hd_fetch_got);
}


static void
hd_fetch_asked(hd_task_t *task, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t          url;
    hd_json_t        *v;
    hd_fetch_t       *f = task->ctx;
    hd_json_error_t   err;

    if (answer->answer.outcome != HD_OUTCOME_ACCEPTED) {
        hd_fetch_refused(f, answer, raw);
        return;
    }

    v = hd_json_parse(&task->mem, answer->result.data, answer->result.len, 8,
                      &err);
    url = hd_json_str(v, "url");

    if (url.len == 0 || hd_str_dup(&task->mem, &url, &f->url) != HD_OK) {
        hd_fetch_again(f, "The provider gave no address for it.");
        return;
    }

    hd_fetch_get(f);
}


static void
hd_fetch_url(hd_fetch_t *f)
{
    hd_json_t            *args;
    const hd_provider_t  *p;

    p = f->task->provider;

    if (p == NULL || p->ops == NULL || p->ops[HD_OP_MEDIA_GET] == NULL) {
        hd_fetch_fail(f, "Files of this provider cannot be fetched.");
        return;
    }

    if (p->ops[HD_OP_MEDIA_URL] == NULL) {
        /* its own word of it is the address */
        f->url = f->source;
        hd_fetch_get(f);
        return;
    }

    args = hd_fetch_args(f, "id", &f->source);

    if (args == NULL) {
        hd_fetch_again(f, "Out of memory.");
        return;
    }

    hd_task_op(f->task, HD_OP_MEDIA_URL, args, NULL, 0, hd_fetch_asked);
}


/* ── the row ── */

static void
hd_fetch_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t     v;
    ngx_uint_t   i;
    hd_fetch_t  *f = u->data;
    hd_str_t    *out[3];

    if (index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    out[0] = &f->mime;
    out[1] = &f->filename;
    out[2] = &f->source;

    for (i = 0; i < 3; i++) {
        v = hd_pg_value(res, 0, i);

        if (hd_str_dup(&f->task->mem, &v, out[i]) != HD_OK) {
            return;
        }
    }

    f->wanted = 1;
}


static void
hd_fetch_known(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_fetch_t *f = u->data;

    if (hd_tasks.over) {
        return;
    }

    if (outcome != HD_PG_OK) {
        hd_task_again(f->task, 0, NULL);

    } else if (!f->wanted) {
        hd_task_done(f->task, NULL);

    } else {
        hd_fetch_url(f);
    }
}


void
hd_task_media_fetch(hd_task_t *task)
{
    hd_fetch_t    *f;
    hd_pg_unit_t  *u;

    f = ngx_pcalloc(task->pool, sizeof(hd_fetch_t));

    if (f == NULL) {
        hd_task_again(task, 0, NULL);
        return;
    }

    f->task = task;
    task->ctx = f;

    u = hd_pg_unit(hd_task.pg, hd_fetch_row, hd_fetch_known, f);

    if (u) {
        hd_pg_org(u, &task->org);
        hd_pg_stmt(u, HD_Q_MEDIA_WANTED);
        hd_pg_uuid(u, &task->ref);

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    hd_task_again(task, 0, NULL);
}
