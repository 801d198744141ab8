/*
 * render, private to the API: single messages, from POST /messages and from
 * the test of a broadcast.
 *
 * messages.payload of an outgoing one:
 *
 *   {category, template: {id, name, language, category, header?, params?, …},
 *    fallback: {the same, text}, send_at, expires_at, test}
 */

#ifndef HD_API_RENDER_H
#define HD_API_RENDER_H

#include "template.h"


typedef struct {
    hd_uuid_t       id;
    hd_uuid_t       contact_id;        /* unless phone says who */
    hd_str_t        phone;             /* contact_ensure stands before it */
    hd_uuid_t       account_id;
    const char     *type;              /* "text", "template" */
    hd_str_t        text;
    hd_str_t        payload;
    int64_t         send_at;           /* 0: now */
} hd_single_t;

/* appends the object of a template without its closing brace, and gives the
 * text that people read */
ngx_int_t hd_render_template(hd_req_t *req, const hd_uuid_t *id,
    const hd_template_t *t, hd_variables_t *contact, hd_buf_t *b,
    hd_str_t *text);
/* a fault for each variable without a value */
ngx_int_t hd_render_missing(hd_req_t *req, const hd_template_t *t,
    hd_variables_t *contact, const hd_str_t *at, hd_faults_t *faults);
/* message_insert; the strings must live until the submit */
void hd_render_put(hd_pg_unit_t *u, const hd_single_t *m);
/* after the commit: the helper takes it up */
void hd_render_tell(hd_req_t *req, const hd_uuid_t *id);

#endif /* HD_API_RENDER_H */
