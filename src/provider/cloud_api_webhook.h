/*
 * cloud_api_webhook, private to the two files that read Meta's webhooks.
 */

#ifndef HD_CLOUD_API_WEBHOOK_H
#define HD_CLOUD_API_WEBHOOK_H

#include "cloud_api.h"


typedef struct {
    hd_mem_t           *mem;
    hd_webhook_sink_t  *sink;
    hd_str_t            number_id;
    hd_str_t            business_id;
    int64_t             at;             /* of the entry */
    hd_json_t          *contacts;       /* of the change, or NULL */
    size_t              nmessages;
    unsigned            echo:1;         /* by the phone: ours, to `to` */
    unsigned            failed:1;       /* out of memory */
} hd_cloud_api_change_t;

/* the element as JSON; memory that is out is noted in c */
hd_str_t hd_cloud_api_raw(hd_cloud_api_change_t *c, const hd_json_t *v);

/* one of messages[], or with c->echo of message_echoes[]; `index` is its place
 * there */
void hd_cloud_api_message(hd_cloud_api_change_t *c, const hd_json_t *v,
    size_t index);

#endif /* HD_CLOUD_API_WEBHOOK_H */
