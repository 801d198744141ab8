/*
 * Notices: which events are told to which e-mail addresses.  The events become
 * errands in the transaction that makes them happen (migrations:
 * herald_notice), so nothing here is asked when they do.
 */

#include "notice.h"
#include "../base/mail.h"


ngx_uint_t
hd_notice_can(hd_req_t *req, const char *pointer)
{
    if (hd_api.smtp) {
        return 1;
    }

    hd_problem_at(req, 422, "no_mail_server", pointer,
                  "This server sends no e-mail: its operator sets herald_smtp "
                  "in nginx's configuration first.");

    return 0;
}


/* NGX_OK, or answered */
static ngx_int_t
hd_notice_check(hd_req_t *req)
{
    char         pointer[32];
    ngx_uint_t   i;
    hd_str_t     at;
    hd_json_t   *v;
    hd_faults_t  faults;

    v = hd_json_get(req->body, "emails");

    if (v == NULL) {
        return NGX_OK;
    }

    if (!hd_notice_can(req, "/emails")) {
        return NGX_DONE;
    }

    hd_faults_init(&faults);

    for (i = 0, v = v->child; v; v = v->next, i++) {
        if (hd_email_valid(&v->str)) {
            continue;
        }

        at.data = (u_char *) pointer;
        at.len = (size_t) snprintf(pointer, sizeof(pointer), "/emails/%u",
                                   (unsigned) i);
        hd_faults_add(&faults, "invalid", &at, "expected an e-mail address");
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return NGX_DONE;
    }

    hd_buf_free(&faults.buf);

    return NGX_OK;
}


/* an array of the body as an argument; NULL when it is absent */
static void
hd_notice_array(hd_req_t *req, hd_pg_unit_t *u, const char *name)
{
    hd_json_t      *v;
    hd_pg_array_t   a;

    v = hd_json_get(req->body, name);

    if (v == NULL) {
        hd_pg_null(u);
        return;
    }

    hd_pg_array_init(&a, HD_PG_TEXT_ARRAY);

    for (v = v->child; v; v = v->next) {
        hd_pg_array_text(&a, &v->str);
    }

    hd_pg_array_move(u, &a);
}


void
hd_notice_create(hd_req_t *req)
{
    hd_str_t       name;
    hd_uuid_t      id;
    hd_pg_unit_t  *u;

    if (hd_notice_check(req) != NGX_OK) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&id);
    name = hd_body_str(req, "name");

    hd_pg_stmt(u, HD_Q_NOTICE_INSERT);
    hd_pg_uuid(u, &id);
    hd_pg_text(u, &name);
    hd_notice_array(req, u, "events");
    hd_notice_array(req, u, "emails");

    hd_pg_stmt(u, HD_Q_NOTICE_GET);
    hd_pg_uuid(u, &id);

    hd_req_submit(req, u, 2);
}


void
hd_notice_list(hd_req_t *req)
{
    hd_req_page(req, HD_Q_NOTICE_LIST);
}


void
hd_notice_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_NOTICE_GET);
}


void
hd_notice_update(hd_req_t *req)
{
    hd_str_t       name, tag;
    hd_pg_unit_t  *u;

    if (hd_notice_check(req) != NGX_OK) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    name = hd_body_str(req, "name");
    tag = hd_req_if_match(req);

    hd_pg_stmt(u, HD_Q_NOTICE_UPDATE);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_text_null(u, &name);
    hd_notice_array(req, u, "events");
    hd_notice_array(req, u, "emails");
    hd_pg_text_null(u, &tag);

    hd_pg_stmt(u, HD_Q_NOTICE_GET);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}


void
hd_notice_delete(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_NOTICE_DELETE);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
