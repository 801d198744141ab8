/*
 * graph, private to the sandbox: what the Cloud API has beside messages.
 *
 *   graph.c            which path is what, who may, how it is answered
 *   object.c           what is kept: templates, files, profiles, codes
 *   graph_number.c     numbers, profiles, registration
 *   graph_business.c   a business's numbers, subscription, sign-up, tokens
 *   graph_template.c   templates
 *   graph_review.c     their review
 *   graph_check.c      messages and webhooks meet them
 *   graph_media.c      files of messages
 *   graph_form.c       the forms that they come in
 *   graph_upload.c     other files
 *
 * All of it is an object of a kind: JSON text in the zone, found by its id,
 * with an owner (a WhatsApp Business Account, a number).  A worker reads a
 * copy; what it writes back is taken only when nobody wrote meanwhile.
 */

#ifndef HD_SANDBOX_GRAPH_H
#define HD_SANDBOX_GRAPH_H

#include "sandbox.h"


/* the same bytes as the other kind of string */
#define hd_sb_str(s)  ((hd_str_t) { (s)->len, (s)->data })
#define hd_sb_ngx(s)  ((ngx_str_t) { (s)->len, (s)->data })

typedef enum {
    HD_SB_TEMPLATE = 0,
    HD_SB_MEDIA,
    HD_SB_PROFILE,                     /* id: the number's */
    HD_SB_REGISTRATION,                /* the same */
    HD_SB_SUBSCRIPTION,                /* id: the business's */
    HD_SB_CODE,                        /* of sign-up, used */
    HD_SB_UPLOAD,
    HD_SB_CONTENT                      /* Twilio's: twilio_content.c */
} hd_sb_kind_e;

struct hd_sb_object_s {
    hd_sb_object_t  *next;
    hd_sb_kind_e     kind;
    ngx_uint_t       exists;
    ngx_uint_t       generation;
    size_t           id_len, owner_len;
    u_char           id[2 * HD_SB_ID_MAX];
    u_char           owner[HD_SB_ID_MAX];
    u_char          *text;             /* in the slab */
    size_t           len;
};

/* a copy, as a request has it */
typedef struct {
    hd_json_t       *v;
    hd_str_t         id, owner;
    ngx_uint_t       generation;
} hd_sb_copy_t;

/* object.c */
/* HD_ERROR: there is none */
int hd_sb_object_get(ngx_pool_t *pool, hd_sb_kind_e kind, const hd_str_t *id,
    hd_sb_copy_t *copy);
/* all of an owner's (NULL: of all), in the order they were made, as an array
 * of hd_sb_copy_t; NULL: out of memory */
ngx_array_t *hd_sb_object_list(ngx_pool_t *pool, hd_sb_kind_e kind,
    const hd_str_t *owner);
/* generation 0: whatever is there.  HD_ERROR: it was changed meanwhile, or the
 * zone is full, which is logged */
int hd_sb_object_put(hd_sb_kind_e kind, const hd_str_t *id,
    const hd_str_t *owner, const hd_buf_t *text, ngx_uint_t generation);
void hd_sb_object_delete(hd_sb_kind_e kind, const hd_str_t *id);
/* the object with these members set, text of JSON each; NULL ends the pairs */
int hd_sb_object_set(hd_sb_kind_e kind, const hd_sb_copy_t *copy, ...);

/* graph.c */
typedef struct hd_sb_graph_s  hd_sb_graph_t;
typedef void (*hd_sb_graph_pt)(hd_sb_graph_t *g);

typedef struct hd_sb_path_s  hd_sb_path_t;

struct hd_sb_graph_s {
    const hd_sb_path_t  *edge;
    ngx_http_request_t  *request;
    hd_mem_t             mem;
    hd_str_t             id;           /* the first segment */
    hd_sb_number_t      *number;       /* it, or one of its business */
    hd_json_t           *body;         /* NULL: none, or no JSON */
    ngx_str_t            token;        /* the bearer's */
    hd_buf_t             b;            /* what is answered */
};

/* 200 with what is in g->b; the provider's error: one of these ends it */
void hd_sb_graph_send(hd_sb_graph_t *g);
void hd_sb_graph_success(hd_sb_graph_t *g);
void hd_sb_graph_refuse(hd_sb_graph_t *g, int64_t code, int subcode,
    const char *details);
/* an argument of the query, unescaped; empty: none */
hd_str_t hd_sb_graph_arg(hd_sb_graph_t *g, const char *name);
/* any number of the business; NULL: none */
hd_sb_number_t *hd_sb_graph_business(const hd_str_t *id);
int hd_sb_same(const hd_str_t *a, const hd_str_t *b);

/* graph_number.c, graph_business.c */
/* "fields" of the query, unescaped */
void hd_sb_fields(ngx_http_request_t *r, ngx_str_t *fields);
void hd_sb_number_write(hd_buf_t *b, hd_sb_number_t *n,
    const ngx_str_t *fields);
void hd_sb_number_register(hd_sb_graph_t *g);
void hd_sb_number_deregister(hd_sb_graph_t *g);
void hd_sb_profile_show(hd_sb_graph_t *g);
void hd_sb_profile_change(hd_sb_graph_t *g);
void hd_sb_business_numbers(hd_sb_graph_t *g);
void hd_sb_business_subscribe(hd_sb_graph_t *g);
void hd_sb_business_subscribed(hd_sb_graph_t *g);
void hd_sb_oauth(hd_sb_graph_t *g);
void hd_sb_debug_token(hd_sb_graph_t *g);
/* 1: it may send; a number that nobody registered or deregistered may */
int hd_sb_number_registered(hd_sb_number_t *n);

/* graph_template.c */
void hd_sb_template_create(hd_sb_graph_t *g);
void hd_sb_template_edit(hd_sb_graph_t *g);
void hd_sb_template_show(hd_sb_graph_t *g);
void hd_sb_template_delete(hd_sb_graph_t *g);
void hd_sb_template_list(hd_sb_graph_t *g);
/* the id that its webhooks name */
void hd_sb_template_id(const hd_str_t *name, const hd_str_t *language,
    hd_str_t *id, u_char text[24]);
/* graph_review.c */
int hd_sb_holds(const hd_str_t *s, const char *word);
/* ms; 0: approved at once, -1: never ends */
int64_t hd_sb_review_takes(const hd_str_t *name);
/* the reason that its name asks for, upper case; NULL: it is approved */
const char *hd_sb_review_verdict(const hd_str_t *name, char *reason,
    size_t size);
void hd_sb_review_start(const hd_str_t *id, int64_t ms);
/* a review that is overdue: its worker is gone */
void hd_sb_template_overdue(ngx_pool_t *pool, const hd_str_t *id);
/* graph_check.c */
/* what a webhook of the control API says of a template is so from then on */
void hd_sb_template_said(hd_sb_number_t *n, const hd_str_t *name,
    const hd_str_t *language, const char *member, const hd_str_t *value);
/* what Meta says of a message of it; 0: may go, -1: not known */
int64_t hd_sb_template_check(hd_sb_number_t *n, const hd_json_t *message,
    const char **details, ngx_uint_t *category);

/* graph_form.c */
/* a part of a form, within what is mapped */

typedef struct {
    hd_str_t    name;
    hd_str_t    filename;
    hd_str_t    type;
    hd_str_t    value;
} hd_sb_part_t;

/* "\r\n--…" as the request's header says */
int hd_sb_boundary(ngx_http_request_t *r, hd_str_t *boundary);
/* the next part after `p`, which is behind a boundary; NULL: none */
const u_char *hd_sb_part_next(const u_char *p, const u_char *end,
    const hd_str_t *boundary, hd_sb_part_t *part);

/* graph_media.c, graph_upload.c */
#define HD_SB_MEDIA_MAX   (128 * 1024 * 1024)

/* the largest size of a type; -1: the provider does not take it */
off_t hd_sb_media_limit(const hd_str_t *mime);
void hd_sb_media_new_id(hd_str_t *id, u_char text[24]);
/* the object of a file; path empty: made of `fill` */
int hd_sb_media_put(hd_sb_kind_e kind, const hd_str_t *owner,
    const hd_str_t *id, const hd_str_t *mime, const hd_str_t *path,
    off_t from, off_t bytes, const u_char sum[32], const hd_str_t *fill);
void hd_sb_media_bytes(u_char *p, int64_t bytes, const hd_str_t *fill);
void hd_sb_media_upload(ngx_http_request_t *r);
void hd_sb_media_show(hd_sb_graph_t *g);
void hd_sb_media_delete(hd_sb_graph_t *g);
/* the bytes of it, whoever asks */
ngx_int_t hd_sb_media_file(ngx_http_request_t *r, const hd_sb_copy_t *copy);
ngx_int_t hd_sb_media_download(ngx_http_request_t *r, const ngx_str_t *id);
void hd_sb_upload_open(hd_sb_graph_t *g);
void hd_sb_upload_send(ngx_http_request_t *r);
/* 1: the number has a file of that id */
int hd_sb_media_known(ngx_pool_t *pool, const hd_str_t *id,
    const char **mime);

#endif /* HD_SANDBOX_GRAPH_H */
