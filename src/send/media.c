/*
 * The files of a job's rows, before any of them is committed as sending.
 *
 *   which ─ask─> known by the provider's id ───────────────────────┐
 *            ├─> an address, where the provider fetches ───────────┤
 *            ├─> somebody uploads it: wait, ask again              ├─> ready
 *            ├─> claim ─> upload ─> its id is written ─────────────┤
 *            │              └─ refused: its rows leave with a reason
 *            │              └─ no answer, too fast: its rows wait ─┘
 *            └─> gone: its rows leave
 *
 * One upload at a time for each (file, number): a row in media_uploads with an
 * empty id is the claim, and ends by itself when its worker dies.  A number
 * that answers slowly holds at most HD_MEDIA_UPLOADS transfers; the jobs of
 * other numbers are not asked to wait.
 */

#include "private.h"


#define HD_MEDIA_UPLOADS   2           /* of one number, at once */
#define HD_MEDIA_LIFE      3600        /* s of an address */


hd_file_t *
hd_media_of(hd_row_t *row)
{
    ngx_uint_t     i;
    hd_content_t  *c;

    c = &row->job->content;

    if (c->single) {
        return &c->files[row->fallback ? 1 : 0];
    }

    i = ngx_min(row->variant, c->nwords - 1);

    return &c->files[i];
}


void
hd_media_known(hd_job_t *job, hd_file_t *f)
{
    if (!f->known) {
        f->known = 1;
        job->content.nfiles--;
    }
}


/* no row waits for it: a fallback's that nobody needs */
static ngx_uint_t
hd_media_needed(hd_job_t *job, hd_file_t *f)
{
    hd_row_t     *row;
    ngx_queue_t  *q;

    for (q = ngx_queue_head(&job->read);
         q != ngx_queue_sentinel(&job->read);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);

        if (hd_media_of(row) == f) {
            return 1;
        }
    }

    return 0;
}


/* until 0: they never go */
void
hd_media_turn(hd_job_t *job, hd_file_t *f, const char *reason,
    int64_t until)
{
    hd_row_t     *row;
    ngx_queue_t  *q, *next;

    if (until && job->content.expires && until >= job->content.expires) {
        until = 0;
        reason = "expired";
    }

    for (q = ngx_queue_head(&job->read);
         q != ngx_queue_sentinel(&job->read);
         q = next)
    {
        next = ngx_queue_next(q);
        row = ngx_queue_data(q, hd_row_t, queue);

        if (hd_media_of(row) == f) {
            hd_gate_turn(until ? &job->deferred : &job->skipped, row->seq,
                         reason, until);
            ngx_queue_remove(q);
            hd_job_drop(row);
        }
    }

    hd_media_known(job, f);
}


/* ── what is known of them ── */

static hd_file_t *
hd_media_find(hd_job_t *job, const hd_uuid_t *id, ngx_uint_t *from)
{
    hd_file_t   *f;
    ngx_uint_t   i;

    for (i = *from; i < HD_SEND_VARIANTS; i++) {
        f = &job->content.files[i];

        if (!f->known && hd_uuid_eq(&f->id, id)) {
            *from = i + 1;
            return f;
        }
    }

    return NULL;
}


static ngx_int_t
hd_media_link(hd_job_t *job, hd_file_t *f)
{
    u_char     *p, *start;
    ngx_str_t  *base;

    base = &hd_send.conf.public_url;

    start = hd_alloc(&job->mem, base->len + sizeof("/media//") - 1 + 36
                                + HD_FILE_TOKEN);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(start, base->data, base->len);
    p = ngx_cpymem(p, "/media/", sizeof("/media/") - 1);
    hd_uuid_format(&f->id, p);
    p += 36;
    *p++ = '/';
    hd_file_link_format(hd_send.conf.secret_key, &job->grant.org, &f->id,
                        ngx_time() + HD_MEDIA_LIFE, p);
    p += HD_FILE_TOKEN;

    f->ref.link.data = start;
    f->ref.link.len = p - start;

    return NGX_OK;
}


/* a row of media_send: id, digest, mime, name, state, bytes, upload */
static void
hd_media_row(hd_job_t *job, hd_file_t *f, hd_pg_res_t *res, ngx_uint_t i)
{
    hd_str_t  v;

    v = hd_pg_value(res, i, 4);

    if (!hd_str_eq(&v, "ready")) {
        return;
    }

    v = hd_pg_value(res, i, 1);

    if (v.len != 64 || hd_unhex(f->sha256, v.data, v.len) != HD_OK
        || hd_content_copy(job, res, i, 2, &f->ref.mime) != NGX_OK
        || hd_content_copy(job, res, i, 3, &f->ref.filename) != NGX_OK
        || hd_content_copy(job, res, i, 6, &f->ref.id) != NGX_OK)
    {
        return;
    }

    if (f->name.len) {
        f->ref.filename = f->name;
    }

    f->here = 1;
    f->claimed = !hd_pg_is_null(res, i, 6) && f->ref.id.len == 0;
}


static void
hd_media_rows(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_job_t    *job = u->data;
    hd_uuid_t    id;
    hd_file_t   *f;
    ngx_uint_t   i, from;

    if (index != 1) {
        return;
    }

    for (i = 0; i < hd_pg_rows(res); i++) {
        from = 0;

        if (hd_pg_value_uuid(res, i, 0, &id) != NGX_OK) {
            continue;
        }

        while ((f = hd_media_find(job, &id, &from)) != NULL) {
            hd_media_row(job, f, res, i);
        }
    }
}


/* NGX_AGAIN: something was begun for it */
static ngx_int_t
hd_media_judge(hd_job_t *job, hd_file_t *f)
{
    const hd_provider_t  *p;

    p = job->provider;

    if (!hd_media_needed(job, f)) {
        hd_media_known(job, f);

    } else if (!f->here) {
        hd_media_turn(job, f, "media_gone", 0);

    } else if (p->media_links) {
        if (hd_send.conf.public_url.len == 0
            || hd_media_link(job, f) != NGX_OK)
        {
            hd_media_turn(job, f, "no_public_url", 0);
            return NGX_OK;
        }

        hd_media_known(job, f);

    } else if (f->ref.id.len) {
        hd_media_known(job, f);

    } else if (p->ops == NULL || p->ops[HD_OP_MEDIA_UPLOAD] == NULL) {
        hd_media_turn(job, f, "media_refused", 0);

    } else if (f->claimed || job->number->uploads >= HD_MEDIA_UPLOADS) {
        hd_timer_set(&job->rest, HD_MEDIA_LOOK);
        return NGX_AGAIN;

    } else {
        hd_upload_claim(job, f);
        return NGX_AGAIN;
    }

    return NGX_OK;
}


static void
hd_media_asked(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_job_t    *job = u->data;
    hd_file_t   *f;
    ngx_uint_t   i;

    if (hd_send.over) {
        return;
    }

    job->busy = 0;

    if (outcome != HD_PG_OK) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    for (i = 0; i < HD_SEND_VARIANTS; i++) {
        f = &job->content.files[i];

        if (f->known || hd_uuid_is_nil(&f->id)) {
            continue;
        }

        if (hd_media_judge(job, f) == NGX_AGAIN) {
            return;
        }
    }

    hd_job_step(job);
    hd_send_wake();
}


static void
hd_media_ask(hd_job_t *job)
{
    hd_file_t      *f;
    ngx_uint_t      i;
    hd_pg_unit_t   *u;
    hd_pg_array_t   ids;

    u = hd_pg_unit(hd_send.conf.pg, hd_media_rows, hd_media_asked, job);
    if (u == NULL) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    u->patient = 1;
    hd_pg_array_init(&ids, HD_PG_UUID_ARRAY);

    for (i = 0; i < HD_SEND_VARIANTS; i++) {
        f = &job->content.files[i];

        if (!f->known && !hd_uuid_is_nil(&f->id)) {
            f->here = 0;
            f->claimed = 0;
            hd_pg_array_uuid(&ids, &f->id);
        }
    }

    hd_pg_org(u, &job->grant.org);
    hd_pg_stmt(u, HD_Q_MEDIA_SEND);
    hd_pg_array_move(u, &ids);
    hd_pg_uuid(u, &job->grant.account);

    if (hd_pg_submit(u) != NGX_OK) {
        hd_timer_set(&hd_send.again, 500);
        return;
    }

    job->busy = 1;
}


ngx_uint_t
hd_media_ready(hd_job_t *job)
{
    if (job->content.nfiles == 0 || ngx_queue_empty(&job->read)) {
        return 1;
    }

    if (job->upload) {
        hd_upload_start(job);

    } else {
        hd_media_ask(job);
    }

    return 0;
}


/* ── what the provider forgot ── */

static void
hd_media_forgotten(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    /* lost with the database: the next answer of that kind asks again */
}


void
hd_media_forget(hd_row_t *row)
{
    hd_job_t      *job;
    hd_file_t     *f;
    hd_pg_unit_t  *u;

    job = row->job;
    f = hd_media_of(row);

    if (f->ref.id.len == 0) {
        return;
    }

    u = hd_pg_unit(hd_send.conf.pg, NULL, hd_media_forgotten, NULL);
    if (u == NULL) {
        return;
    }

    hd_pg_org(u, &job->grant.org);
    hd_pg_stmt(u, HD_Q_MEDIA_FORGET);
    hd_pg_uuid(u, &job->grant.account);
    hd_pg_text(u, &f->ref.id);

    (void) hd_pg_submit(u);
}
