/*
 * Media: the rows of files.
 */

#include "media.h"
#include "click.h"


void
hd_media_list(hd_req_t *req)
{
    hd_str_t       source, state;
    hd_pg_unit_t  *u;

    source = hd_query(req, "source");
    state = hd_query(req, "state");

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_MEDIA_LIST);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);
    hd_pg_text_null(u, &source);
    hd_pg_text_null(u, &state);

    hd_req_submit(req, u, 1);
}


void
hd_media_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_MEDIA_GET);
}


static void
hd_media_deleted(hd_req_t *req)
{
    /* the errand that removes the file has its time in ten minutes */
    hd_mail_send(hd_api.shm, HD_MAIL_ERRAND, &req->who.org, &req->ids[0]);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));

    hd_req_empty(req);
}


void
hd_media_delete(hd_req_t *req)
{
    hd_uuid_t      errand;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&errand);

    hd_pg_stmt(u, HD_Q_MEDIA_DELETE);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_uuid(u, &errand);

    req->done = hd_media_deleted;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


ngx_int_t
hd_media_file_row(hd_req_t *req, hd_pg_res_t *res, hd_media_file_t *f)
{
    hd_str_t  v;

    if (hd_pg_rows(res) == 0) {
        return NGX_OK;
    }

    f->found = 1;

    v = hd_pg_value(res, 0, 6);
    f->ready = hd_str_eq(&v, "ready");

    if (f->ready) {
        v = hd_pg_value(res, 0, 4);

        if (v.len != 64 || hd_unhex(f->sha256, v.data, v.len) != HD_OK) {
            return NGX_ERROR;
        }
    }

    v = hd_pg_value(res, 0, 1);

    if (hd_str_dup(&req->mem, &v, &f->filename) != HD_OK) {
        return NGX_ERROR;
    }

    v = hd_pg_value(res, 0, 2);

    return hd_str_dup(&req->mem, &v, &f->mime) == HD_OK ? NGX_OK : NGX_ERROR;
}


static void
hd_media_content_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req == NULL || index != 1) {
        return;
    }

    if (hd_media_file_row(req, res, req->ctx) != NGX_OK) {
        ((hd_media_file_t *) req->ctx)->ready = 0;
    }
}


static void
hd_media_content_known(hd_req_t *req)
{
    hd_media_file_t  *f = req->ctx;

    if (!f->found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");

    } else if (!f->ready) {
        hd_problem(req, 409, "not_ready", "This file is not here: its state "
                   "says whether it is still being fetched or could not be.");

    } else {
        hd_media_send(req, &req->who.org, f);
    }
}


void
hd_media_content(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    req->ctx = ngx_pcalloc(req->r->pool, sizeof(hd_media_file_t));

    if (req->ctx == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_MEDIA_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_media_content_row;
    req->done = hd_media_content_known;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
