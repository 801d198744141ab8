/*
 * render, private to the API: single messages, from POST /messages and from
 * the test of a broadcast.
 *
 * messages.payload of an outgoing one:
 *
 *   {category, template: {id, name, language, category, header?, params?,
 *                         header_format?, header_link?, header_media?,
 *                         buttons?: [{index, sub_type, value}]},
 *    fallback: {the same, text}, content: {…}, sent: the text with short
 *    links where it is another one, send_at, expires_at, test}
 */

#ifndef HD_API_RENDER_H
#define HD_API_RENDER_H

#include "template.h"
#include "../base/buttons.h"
#include "../base/contents.h"
#include "../base/link.h"


#define HD_TRACK_MAX  20

/* track.c: the links of one message */
typedef struct {
    hd_req_t       *req;
    hd_uuid_t      *batch;             /* the message's id */
    ngx_uint_t      on;                /* else only buttons with a target */
    ngx_uint_t      n;
    u_char          keys[HD_TRACK_MAX][HD_LINK_KEY];
    hd_str_t        urls[HD_TRACK_MAX];
} hd_track_t;

/* the short form of an address; beyond HD_TRACK_MAX the address itself */
ngx_int_t hd_track_url(hd_track_t *t, const hd_str_t *url, hd_str_t *out);
/* every address in a text; a value that is an address and nothing else */
ngx_int_t hd_track_text(hd_track_t *t, const hd_str_t *text, hd_str_t *out);
ngx_int_t hd_track_value(hd_track_t *t, hd_str_t *value);
/* NGX_DECLINED: there is no herald_public_url */
ngx_int_t hd_track_token(hd_track_t *t, const hd_str_t *target,
    hd_str_t *token);
/* link_put, when there are any; the track must live until the submit */
void hd_track_put(hd_pg_unit_t *u, hd_track_t *t);


typedef struct {
    hd_uuid_t       id;
    hd_uuid_t       contact_id;        /* unless phone says who */
    hd_str_t        phone;             /* contact_ensure stands before it */
    hd_uuid_t       account_id;
    const char     *type;              /* "text", "template" */
    hd_str_t        text;
    hd_str_t        payload;
    int64_t         send_at;           /* 0: now */
    hd_uuid_t       media_id;          /* nil: none */
    hd_uuid_t       reply_to;          /* nil: none */
} hd_single_t;

/* what is given beside the template's own */
typedef struct {
    hd_contents_t  *header;            /* the header's file, or NULL */
    hd_json_t      *buttons;           /* [{index, value}], or NULL */
    hd_track_t     *track;             /* NULL: no short links */
} hd_render_given_t;

/* from a row of template_use */
ngx_int_t hd_render_copy(hd_req_t *req, hd_pg_res_t *res, hd_template_t *t);
/* appends the object of a template without its closing brace, and gives the
 * text that people read; given NULL: nothing */
ngx_int_t hd_render_template(hd_req_t *req, const hd_uuid_t *id,
    const hd_template_t *t, hd_variables_t *contact,
    const hd_render_given_t *given, hd_buf_t *b, hd_str_t *text);
/* a fault for each variable without a value */
ngx_int_t hd_render_missing(hd_req_t *req, const hd_template_t *t,
    hd_variables_t *contact, const hd_json_t *buttons, const hd_str_t *at,
    hd_faults_t *faults);
/* the file of its header, as a media id of ours: NGX_DECLINED: none */
ngx_int_t hd_render_header(const hd_template_t *t,
    const hd_render_given_t *given, hd_uuid_t *id);
/* message_insert; the strings must live until the submit */
void hd_render_put(hd_pg_unit_t *u, const hd_single_t *m);
/* after the commit: the helper takes it up */
void hd_render_tell(hd_req_t *req, const hd_uuid_t *id);

#endif /* HD_API_RENDER_H */
