/*
 * Notices by e-mail, private to their files: notice.c (who hears of what),
 * notice_test.c (one e-mail at once).
 */

#ifndef HD_API_NOTICE_H
#define HD_API_NOTICE_H

#include "frame.h"


void hd_notice_create(hd_req_t *req);
void hd_notice_list(hd_req_t *req);
void hd_notice_get(hd_req_t *req);
void hd_notice_update(hd_req_t *req);
void hd_notice_delete(hd_req_t *req);
void hd_notice_test(hd_req_t *req);

/* 0: the operator set no mail server, and that was answered */
ngx_uint_t hd_notice_can(hd_req_t *req, const char *pointer);

#endif /* HD_API_NOTICE_H */
