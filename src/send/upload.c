/*
 * One file to one number's provider: claimed in the database, sent as it lies
 * on the disk, its id written down.  See media.c for what comes before.
 */

#include "private.h"
#include "../store/files.h"


#define HD_MEDIA_CLAIM     180         /* s; longer than an upload may take */
#define HD_MEDIA_TIMEOUT   120000      /* ms of one upload */
#define HD_MEDIA_AGAIN     15          /* s until rows are tried again */


static int64_t
hd_upload_later(void)
{
    return hd_now_us() + (int64_t) (HD_MEDIA_AGAIN
                                    + ngx_random() % (HD_MEDIA_AGAIN / 4))
                         * 1000000;
}


static void
hd_upload_claim_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_job_t *job = u->data;

    if (index == 1 && hd_pg_rows(res) == 0) {
        /* somebody was quicker */
        job->upload = NULL;
    }
}


static void
hd_upload_claimed(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_job_t *job = u->data;

    if (hd_send.over) {
        return;
    }

    job->busy = 0;

    if (outcome != HD_PG_OK) {
        /* perhaps claimed: then it ends by itself */
        job->upload = NULL;
    }

    if (job->upload == NULL) {
        hd_timer_set(&job->rest, HD_MEDIA_LOOK);
        return;
    }

    hd_job_step(job);
}


static hd_pg_unit_t *
hd_upload_unit(hd_job_t *job, hd_pg_result_pt row, hd_pg_done_pt done,
    ngx_uint_t stmt)
{
    hd_pg_unit_t  *u;

    u = hd_pg_unit(hd_send.conf.pg, row, done, job);

    if (u) {
        u->patient = 1;
        hd_pg_org(u, &job->grant.org);
        hd_pg_stmt(u, stmt);
        hd_pg_uuid(u, &job->upload->id);
        hd_pg_uuid(u, &job->grant.account);
    }

    return u;
}


void
hd_upload_claim(hd_job_t *job, hd_file_t *f)
{
    hd_pg_unit_t  *u;

    job->upload = f;

    u = hd_upload_unit(job, hd_upload_claim_row, hd_upload_claimed,
                      HD_Q_MEDIA_CLAIM);

    if (u) {
        hd_pg_int(u, HD_MEDIA_CLAIM);

        if (hd_pg_submit(u) == NGX_OK) {
            job->busy = 1;
            return;
        }
    }

    job->upload = NULL;
    hd_timer_set(&job->rest, HD_MEDIA_LOOK);
}


static void
hd_upload_written(hd_pg_unit_t *u, hd_pg_outcome_e outcome)
{
    hd_job_t *job = u->data;

    if (hd_send.over) {
        return;
    }

    /* what could not be written is only uploaded once more, by somebody */

    if (outcome == HD_PG_FAILED && !hd_pg_is_transient(u->sqlstate)) {
        ngx_log_error(NGX_LOG_ERR, hd_send.conf.log, 0,
                      "herald: an upload could not be written: SQLSTATE %s",
                      u->sqlstate);
    }

    job->busy = 0;
    job->upload = NULL;

    hd_job_step(job);
    hd_send_wake();
}


/* its id, or that there is none */
static void
hd_upload_write(hd_job_t *job)
{
    hd_file_t     *f;
    hd_pg_unit_t  *u;

    f = job->upload;

    u = hd_upload_unit(job, NULL, hd_upload_written,
                      f->ref.id.len ? HD_Q_MEDIA_UPLOADED
                                    : HD_Q_MEDIA_UNCLAIM);
    if (u) {
        if (f->ref.id.len) {
            hd_pg_text(u, &f->ref.id);
        }

        if (hd_pg_submit(u) == NGX_OK) {
            return;
        }
    }

    job->busy = 0;
    job->upload = NULL;
    hd_job_step(job);
}


/* refused for what the file is, or only for now? */
static void
hd_upload_refused(hd_job_t *job, const hd_provider_answer_t *a)
{
    hd_file_t  *f;
    hd_row_t   *row;

    f = job->upload;

    ngx_log_error(NGX_LOG_WARN, hd_send.conf.log, 0,
                  "herald: a file could not be uploaded (%d): %*s", a->code,
                  a->detail.len, a->detail.data);

    switch (a->row->class) {

    case HD_CLASS_THROTTLE:
        hd_bucket_slow(hd_send.conf.shm, job->grant.bucket, hd_mono_us());
        break;

    case HD_CLASS_ACCOUNT:
    case HD_CLASS_AUTH:
        if (!ngx_queue_empty(&job->read)) {
            row = ngx_queue_data(ngx_queue_head(&job->read), hd_row_t, queue);
            hd_effect_account(row, a->row, a->code);
        }

        break;

    case HD_CLASS_TRANSIENT:
        break;

    default:
        if (a->outcome == HD_OUTCOME_REJECTED) {
            hd_media_turn(job, f, "media_refused", 0);
            return;
        }
    }

    hd_media_turn(job, f, "media_upload", hd_upload_later());
}


static void
hd_upload_answer(void *data, const hd_egress_answer_t *a)
{
    hd_job_t *job = data;

    hd_str_t          id;
    hd_json_t        *v;
    hd_json_error_t   err;
    hd_op_answer_t    answer;

    if (hd_send.over) {
        return;
    }

    job->number->uploads--;

    ngx_memzero(&answer, sizeof(hd_op_answer_t));
    answer.answer.outcome = HD_OUTCOME_UNKNOWN;
    answer.answer.row = hd_error_http(503);

    if (a->outcome == HD_EGRESS_ANSWERED) {
        job->provider->ops[HD_OP_MEDIA_UPLOAD]->read(&job->mem, a->status,
                                                     &a->body, &answer);
    } else {
        answer.answer.detail.data = (u_char *) a->error;
        answer.answer.detail.len = ngx_strlen(a->error);
    }

    if (answer.answer.outcome == HD_OUTCOME_ACCEPTED) {
        v = hd_json_parse(&job->mem, answer.result.data, answer.result.len, 8,
                          &err);
        id = hd_json_str(v, "id");

        if (id.len && hd_str_dup(&job->mem, &id, &job->upload->ref.id)
                      == HD_OK)
        {
            hd_media_known(job, job->upload);
            hd_upload_write(job);
            return;
        }

        answer.answer.outcome = HD_OUTCOME_UNKNOWN;
    }

    hd_upload_refused(job, &answer.answer);
    hd_upload_write(job);
}


static ngx_int_t
hd_upload_request(hd_job_t *job, hd_egress_request_t *r, hd_mem_t *mem,
    hd_egress_field_t *fields)
{
    char                  *path;
    ngx_uint_t             i;
    hd_file_t             *f;
    hd_json_t             *args, *v;
    const char            *why;
    hd_account_t           account;
    hd_provider_request_t  q;

    f = job->upload;

    args = hd_calloc(mem, 3 * sizeof(hd_json_t));
    path = hd_alloc(mem, HD_FILES_PATH);

    if (args == NULL || path == NULL) {
        return NGX_ERROR;
    }

    v = args + 1;
    args->type = HD_JSON_OBJECT;
    args->child = v;
    args->count = 2;

    v[0].type = HD_JSON_STRING;
    hd_str_set(&v[0].key, "mime");
    v[0].str = f->ref.mime;
    v[0].next = &v[1];
    v[1].type = HD_JSON_STRING;
    hd_str_set(&v[1].key, "filename");
    v[1].str = f->ref.filename;

    ngx_memzero(&account, sizeof(hd_account_t));
    hd_account_view(&account, job->account);

    if (job->provider->ops[HD_OP_MEDIA_UPLOAD]->build(mem, &account, args, &q,
                                                      &why) != HD_OK)
    {
        return NGX_ERROR;
    }

    hd_files_path(path, &job->grant.org, f->sha256);

    r->method = q.method;
    r->url = q.url;
    r->nheaders = q.nheaders;
    r->body = q.body;
    r->nfields = q.nfields;
    r->file_part = q.file_part;
    r->file = path;
    r->file_name = f->ref.filename.len ? hd_cstr(mem, &f->ref.filename)
                                       : "file";
    r->file_type = hd_cstr(mem, &f->ref.mime);
    r->timeout = HD_MEDIA_TIMEOUT;

    r->headers = hd_alloc(mem, (q.nheaders + 1) * sizeof(hd_str_t));

    if (r->headers == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy((hd_str_t *) r->headers, q.headers,
               q.nheaders * sizeof(hd_str_t));

    for (i = 0; i < q.nfields; i++) {
        fields[i].name = q.fields[i].name;
        fields[i].value = q.fields[i].value;
    }

    r->fields = fields;

    return NGX_OK;
}


/* claimed: it goes as soon as a connection is free */
void
hd_upload_start(hd_job_t *job)
{
    hd_mem_t              mem;
    ngx_int_t             rc;
    hd_egress_field_t     fields[4];
    hd_egress_request_t   r;

    mem = hd_pool_mem(hd_send.scratch);
    ngx_memzero(&r, sizeof(hd_egress_request_t));

    rc = hd_upload_request(job, &r, &mem, fields);

    if (rc == NGX_OK) {
        rc = hd_egress_request(&r, hd_upload_answer, job);
    }

    ngx_reset_pool(hd_send.scratch);

    if (rc == NGX_OK) {
        job->busy = 1;
        job->number->uploads++;
        return;
    }

    if (rc == NGX_BUSY) {
        hd_timer_set(&job->rest, 100);
        return;
    }

    /* the file cannot be read, or memory is out */

    hd_media_turn(job, job->upload, "media_upload", hd_upload_later());
    job->busy = 1;
    hd_upload_write(job);
}
