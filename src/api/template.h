/*
 * template, private to the API: what previews, broadcasts and single messages
 * share.
 */

#ifndef HD_API_TEMPLATE_H
#define HD_API_TEMPLATE_H

#include "frame.h"
#include "../base/variables.h"


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

/* a row of message_get, message_list or message_thread as JSON; `max`: bytes
 * of its text, 0 for all of them */
void hd_message_row(hd_buf_t *b, hd_pg_res_t *res, ngx_uint_t row,
    size_t max);

#endif /* HD_API_TEMPLATE_H */
