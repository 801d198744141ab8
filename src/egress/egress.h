/*
 * egress: the one way out.  libcurl's multi interface on nginx's loop, with
 * its limits and the guard against private addresses.  Only this room names
 * curl_*.
 *
 * A private, loopback or link-local address is refused at connect time (after
 * name resolution, so rebinding does not help) unless the operator allowed it
 * with herald_egress_allow.  Redirects are not followed, but where a request
 * asks for it (`follow`); answers are capped.
 */

#ifndef HD_EGRESS_H
#define HD_EGRESS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "../base/base.h"
#include "../loop/loop.h"


typedef struct {
    ngx_uint_t        connections;     /* in all */
    ngx_uint_t        host_connections;
    ngx_msec_t        connect_timeout;
    ngx_msec_t        timeout;
    size_t            max_answer;      /* bytes; more ends the transfer */
    ngx_array_t      *allow;           /* of ngx_cidr_t, may be NULL */
} hd_egress_conf_t;

typedef enum {
    HD_EGRESS_ANSWERED = 0,     /* a whole HTTP answer came */
    HD_EGRESS_REFUSED,          /* surely not written: no connection, no URL */
    HD_EGRESS_FORBIDDEN,        /* the guard said no; surely not written */
    HD_EGRESS_LOST              /* may have been written, no whole answer */
} hd_egress_outcome_e;

typedef struct hd_egress_call_s  hd_egress_call_t;

typedef struct {
    hd_egress_outcome_e  outcome;
    int                  status;       /* HTTP */
    hd_str_t             body;         /* valid in the callback only */
    ngx_msec_t           retry_after;  /* from Retry-After seconds, 0: none */
    hd_str_t             type;         /* Content-Type */
    off_t                file_size;    /* of to_file */
    char                 error[128];   /* plain words when not ANSWERED */
} hd_egress_answer_t;

typedef void (*hd_egress_done_pt)(void *data, const hd_egress_answer_t *a);

ngx_int_t hd_egress_init(const hd_egress_conf_t *conf, ngx_log_t *log);
void hd_egress_exit(void);
/*
 * Everything is copied.  The callback always comes later, from the loop.
 * NGX_BUSY when `connections` transfers run already (nothing was done).
 * headers: "Name: value".
 */
ngx_int_t hd_egress_post(const hd_str_t *url, const hd_str_t *headers,
    ngx_uint_t nheaders, const hd_str_t *body, hd_egress_done_pt done,
    void *data);
ngx_uint_t hd_egress_active(void);

/*
 * Any other request: what is no message.  At most a quarter of the connections
 * at once is for these (NGX_BUSY: try again later).  A file that is sent is
 * read as it goes; an answer that goes to a file is written as it comes, to a
 * name that must not exist, and is removed again when the transfer fails or is
 * larger than `file_max`, or the status is not 2xx (its body is in memory
 * then).
 */
typedef struct {
    const char   *name;                /* form field */
    hd_str_t      value;
} hd_egress_field_t;

typedef struct {
    const char               *method;
    hd_str_t                  url;
    const hd_str_t           *headers; /* "Name: value" */
    ngx_uint_t                nheaders;
    hd_str_t                  body;    /* len 0: none */
    const hd_egress_field_t  *fields;  /* multipart/form-data, if any */
    ngx_uint_t                nfields;
    const char               *file_part;   /* form field of the file, or NULL:
                                              the file is the body */
    const char               *file;        /* its path, or NULL */
    const char               *file_name;   /* as it is told */
    const char               *file_type;
    const char               *to_file;     /* the answer goes there */
    off_t                     file_max;
    ngx_msec_t                timeout;     /* 0: that of all */
    /* a GET goes after up to three redirects; the guard meets each of them,
     * and another host does not see the Authorization header */
    unsigned                  follow:1;
} hd_egress_request_t;

ngx_int_t hd_egress_request(const hd_egress_request_t *request,
    hd_egress_done_pt done, void *data);

/* one e-mail by SMTP; url "smtps://host:465" or "smtp://host:587" (STARTTLS is
 * asked for, and needed when there is a password) */
typedef struct {
    hd_str_t      url;
    hd_str_t      user, password;      /* len 0: none */
    hd_str_t      from;
    hd_str_t      to;
    hd_str_t      message;             /* RFC 5322, CRLF */
} hd_egress_mail_t;

/* the server that takes our e-mail: the operator's (herald_smtp), so the guard
 * has no say about it */
typedef struct {
    hd_str_t      url;
    hd_str_t      user, password;
    hd_str_t      from;
} hd_egress_smtp_t;

ngx_int_t hd_egress_mail(const hd_egress_mail_t *mail,
    hd_egress_done_pt done, void *data);

#endif /* HD_EGRESS_H */
