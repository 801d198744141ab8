/*
 * status, private to the API: stories.
 */

#ifndef HD_API_STATUS_H
#define HD_API_STATUS_H

#include "inner.h"


/* status_check.c: shapes, without the database */
void hd_status_content(hd_json_t *content, hd_faults_t *faults);
/* phones are made E.164 in the tree; NULL: to all */
void hd_status_recipients(hd_req_t *req, hd_json_t *to, hd_faults_t *faults);

#endif /* HD_API_STATUS_H */
