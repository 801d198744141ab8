/*
 * template, private to the API: what previews, broadcasts and single messages
 * share, and what the files of templates do.
 *
 * A template has versions.  Each change makes a new one; what is sent stays
 * the version that the provider has until the new one was submitted:
 *
 *     POST ─> 1 ── PATCH ─> 2 ── submit ─> 2 is sent ── PATCH ─> 3
 *                           (unsubmitted: the newest is sent)
 */

#ifndef HD_API_TEMPLATE_H
#define HD_API_TEMPLATE_H

#include "frame.h"
#include "../base/variables.h"
#include "../base/document.h"


typedef struct {
    ngx_uint_t    found;
    hd_str_t      name;
    hd_str_t      language;
    hd_str_t      header;              /* data NULL: none */
    hd_str_t      body;
    hd_str_t      footer;              /* data NULL: none */
    hd_str_t      category;
    hd_str_t      status;
    hd_json_t    *document;            /* by hd_render_copy only */
} hd_template_t;

typedef struct {
    hd_str_t      name;
    hd_str_t      fallback;            /* the first one; data NULL: none */
    ngx_uint_t    needed;              /* stands somewhere without one */
} hd_template_name_t;

/* what comes in, looked at and ready to be written */
typedef struct {
    hd_json_t           *document;
    hd_str_t             json;         /* the same */
    hd_document_flat_t   flat;
    hd_str_t             lint;         /* JSON array */
    ngx_uint_t           errors;
    ngx_uint_t           warnings;
    ngx_uint_t           lenient;      /* set before: only the linter speaks */
} hd_draft_t;

/* a row of template_get, copied into the request's pool */
typedef struct {
    ngx_uint_t           found;
    hd_uuid_t            id;
    hd_str_t             name;
    hd_str_t             language;
    hd_str_t             category;
    hd_str_t             status;
    hd_json_t           *document;
    int64_t              version;
    int64_t              submitted;    /* 0: never */
    hd_uuid_t            account_id;   /* nil: none */
    hd_str_t             provider_id;  /* len 0: none */
    ngx_uint_t           deleted;
} hd_template_row_t;

extern const hd_column_t  hd_template_columns[];

/* from a row of template_get, copied into the request's pool */
ngx_int_t hd_template_copy(hd_req_t *req, hd_pg_res_t *res, hd_template_t *t);
/* from a row of contact_variables or contact_for_phone */
ngx_int_t hd_template_contact(hd_req_t *req, hd_pg_res_t *res, hd_uuid_t *id,
    hd_variables_t *v);
/* adds the text's variables, each once, to an array of hd_template_name_t */
ngx_int_t hd_template_names(ngx_array_t *names, const hd_str_t *text);
/* appends to `missing` (array of hd_str_t) the names without a value */
ngx_int_t hd_template_missing(ngx_array_t *names, hd_variables_t *v,
    ngx_array_t *missing);

/* template_document.c */
/* shapes and rules of a document; faults have pointers behind `prefix`.
 * NGX_ERROR: out of memory */
ngx_int_t hd_draft(hd_req_t *req, const hd_lint_template_t *t,
    const char *prefix, hd_draft_t *d, hd_faults_t *faults);
/* the document that a body means: its own, or its flat members, upon `old`
 * (NULL: a new one); NULL: out of memory */
hd_json_t *hd_draft_document(hd_req_t *req, const hd_json_t *old);
/* document, header, body, footer as arguments; strings must live on */
void hd_draft_put(hd_pg_unit_t *u, const hd_draft_t *d);
/* the "lint" member and the end of the answer in req->out */
void hd_draft_answer(hd_req_t *req, const hd_draft_t *d);
ngx_int_t hd_template_row(hd_req_t *req, hd_pg_res_t *res,
    hd_template_row_t *t);
/* asks for template_get as the answer, and writes it with its ETag */
void hd_template_answer(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id);
/* the row in req->out as an event */
void hd_template_tell(hd_req_t *req, const char *type, const hd_uuid_t *id);

/* template_change.c: a new version of `row` with this document, and the
 * answer; the body's name, language and category count when they are there */
void hd_template_write(hd_req_t *req, hd_template_row_t *row,
    hd_json_t *document);
/* 404, 410 in the bin, 412 when If-Match does not hold; NGX_OK or answered */
ngx_int_t hd_template_there(hd_req_t *req, hd_template_row_t *row);
/* template_watch.c: the errand that asks the provider, `in` seconds from now
 * and every minute until `until` */
void hd_template_watch(hd_req_t *req, hd_pg_unit_t *u,
    const hd_uuid_t *account, ngx_uint_t in, ngx_uint_t until);
/* a query argument as text or null */
void hd_template_filter(hd_req_t *req, hd_pg_unit_t *u, const char *name);

extern const hd_conflict_t  hd_template_conflicts[];

/* handlers of route_template.c */
void hd_template_lint(hd_req_t *req);
void hd_template_languages(hd_req_t *req);
void hd_template_update(hd_req_t *req);
void hd_template_delete(hd_req_t *req);
void hd_template_restore(hd_req_t *req);
void hd_template_duplicate(hd_req_t *req);
void hd_template_versions(hd_req_t *req);
void hd_template_version(hd_req_t *req);
void hd_template_version_restore(hd_req_t *req);
void hd_template_diff(hd_req_t *req);
void hd_template_import(hd_req_t *req);
void hd_template_export(hd_req_t *req);
void hd_template_submit(hd_req_t *req);
void hd_template_sync(hd_req_t *req);
void hd_template_results(hd_req_t *req);
void hd_library_list(hd_req_t *req);
void hd_library_use(hd_req_t *req);
void hd_snippet_create(hd_req_t *req);
void hd_snippet_list(hd_req_t *req);
void hd_snippet_get(hd_req_t *req);
void hd_snippet_update(hd_req_t *req);
void hd_snippet_delete(hd_req_t *req);

/* a row of message_get, message_list or message_thread as JSON; `max`: bytes
 * of its text, 0 for all of them */
void hd_message_row(hd_buf_t *b, hd_pg_res_t *res, ngx_uint_t row,
    size_t max);
/* ,"sms":{…}: how many short messages a text is; NULL: it is none, null */
void hd_message_sms(hd_buf_t *b, const hd_str_t *text);

#endif /* HD_API_TEMPLATE_H */
