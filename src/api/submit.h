/*
 * submit, private to the API: the files that take a single message.
 *
 *   submit.c        the two units and what is between them
 *   submit_check.c  the body, before anything is asked
 *   submit_known.c  what it says of rows: number, contact, template, files
 *   submit_write.c  what is stored, and so what will be sent
 *   track.c         its links
 */

#ifndef HD_API_SUBMIT_H
#define HD_API_SUBMIT_H

#include "render.h"
#include "../base/contents.h"


#define HD_EVENT_TEXT  1200            /* bytes of text in an event */


/* a file that is named by media_id */
typedef struct {
    hd_uuid_t              id;
    ngx_uint_t             asked;      /* its statement; 0: none */
    ngx_uint_t             found;
    ngx_uint_t             ready;
    int64_t                bytes;
    hd_str_t               mime;
} hd_submit_file_t;

typedef struct {
    hd_template_t          template;   /* or the fallback's */
    hd_uuid_t              template_id;
    hd_json_t             *given;      /* the object that names it */
    hd_variables_t         contact;
    const hd_provider_t   *provider;   /* NULL: there is no such number */
    hd_str_t               channel;    /* of the number */
    ngx_uint_t             contact_found;
    ngx_uint_t             user_id;    /* does for a phone */
    ngx_uint_t             window;     /* is open */
    ngx_uint_t             templated;  /* not only as the fallback */
    hd_json_t             *content;    /* NULL: text or template */
    hd_contents_t          says;       /* of the content */
    hd_message_type_e      type;
    hd_submit_file_t       file;       /* of the content */
    hd_submit_file_t       header;     /* of the template's header */
    hd_contents_t          header_says;
    hd_uuid_t              quoted;     /* reply_to, or reacted to */
    ngx_uint_t             at_quoted;  /* 0: nothing is quoted */
    ngx_uint_t             quoted_found;
    ngx_uint_t             at_template;
    hd_track_t             track;
    int64_t                expires_at;
    hd_single_t            m;
    hd_buf_t               payload;
    hd_buf_t               event;
} hd_submit_t;

/* submit_check.c: NGX_OK, or answered */
ngx_int_t hd_submit_check(hd_req_t *req, hd_submit_t *ctx);
/* the pointer of what names the template */
const char *hd_submit_at(hd_submit_t *ctx, const char *member, char *text,
    size_t size);
/* a contents fault, with hd_faults_t as ctx */
void hd_submit_fault(void *ctx, const char *code, const char *pointer,
    const char *detail);

/* submit_known.c: NGX_OK; NGX_ERROR: no memory */
ngx_int_t hd_submit_known(hd_req_t *req, hd_submit_t *ctx,
    hd_faults_t *faults);

/* submit_write.c: m->type, text and payload */
ngx_int_t hd_submit_write(hd_req_t *req, hd_submit_t *ctx);

#endif /* HD_API_SUBMIT_H */
