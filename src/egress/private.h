/*
 * What the files of egress share among themselves.
 *
 *   guard.c   which addresses may be spoken to
 *   call.c    one transfer: its curl handle, its bytes, its outcome
 *   request.c what is no message: any method, files, e-mail
 *   egress.c  the multi handle on nginx's loop
 */

#ifndef HD_EGRESS_PRIVATE_H
#define HD_EGRESS_PRIVATE_H

#include "egress.h"
#include <curl/curl.h>


#define HD_EGRESS_HEADERS  32          /* of one call, ours included */

struct hd_egress_call_s {
    CURL                    *easy;
    ngx_queue_t              queue;    /* among the active or spare ones */
    const hd_egress_conf_t  *conf;

    hd_egress_done_pt        done;
    void                    *data;

    hd_buf_t                 out;      /* headers, body, URL: curl reads it */
    hd_buf_t                 answer;
    size_t                   head;     /* bytes of header lines received */
    struct curl_slist        headers[HD_EGRESS_HEADERS];
    char                     error[CURL_ERROR_SIZE];

    /* of requests that are no message; such a handle is used once */
    curl_mime               *mime;
    struct curl_slist        recipient;
    size_t                   sent;     /* of an e-mail's text */
    u_char                  *path;     /* the answer's file, NULL: none */
    off_t                    size, max;
    ngx_fd_t                 fd;
    ngx_fd_t                 in;       /* a file that is the body */

    unsigned                 other:1;       /* it is such a request */
    unsigned                 multipart:1;
    unsigned                 mail:1;
    unsigned                 disk:1;        /* the file could not be written */
    unsigned                 forbidden:1;   /* the guard refused an address */
    unsigned                 again:1;       /* curl wanted to write it twice */
    unsigned                 large:1;       /* more answer than allowed */
};


/* 1 when no transfer may go to this address */
ngx_uint_t hd_egress_forbidden(struct sockaddr *sa, ngx_array_t *allow);

/* a handle with everything set that is the same for all calls */
hd_egress_call_t *hd_egress_call_create(const hd_egress_conf_t *conf,
    ngx_log_t *log);
void hd_egress_call_free(hd_egress_call_t *call);
/* NGX_ERROR is logged; the call can be used for another */
ngx_int_t hd_egress_call_fill(hd_egress_call_t *call, const hd_str_t *url,
    const hd_str_t *headers, ngx_uint_t nheaders, const hd_str_t *body,
    ngx_log_t *log);
void hd_egress_call_answer(hd_egress_call_t *call, CURLcode rc,
    hd_egress_answer_t *a);
/* starts it, or gives the call back */
ngx_int_t hd_egress_begin(hd_egress_call_t *call, hd_egress_done_pt done,
    void *data);
/* for one that is no message; NULL: too many of these, or of all (NGX_BUSY),
 * or no memory */
hd_egress_call_t *hd_egress_other(ngx_int_t *rc);
/* the file, closed and whole, or gone; before the answer is told */
void hd_egress_file_end(hd_egress_call_t *call, hd_egress_answer_t *a);
void hd_egress_mail_answer(CURLcode rc, hd_egress_answer_t *a);
/* gives back what a single large answer took */
void hd_egress_call_rest(hd_egress_call_t *call);

#endif /* HD_EGRESS_PRIVATE_H */
