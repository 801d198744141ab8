/*
 * The handlers of files, links and choices, for the route table.
 */

#ifndef HD_API_CLICK_H
#define HD_API_CLICK_H

#include "frame.h"


void hd_message_read(hd_req_t *req);
void hd_media_upload(hd_req_t *req);
void hd_media_list(hd_req_t *req);
void hd_media_get(hd_req_t *req);
void hd_media_content(hd_req_t *req);
void hd_media_delete(hd_req_t *req);
void hd_broadcast_links(hd_req_t *req);
void hd_broadcast_clicks(hd_req_t *req);
void hd_broadcast_choices(hd_req_t *req);

#endif /* HD_API_CLICK_H */
