/*
 * cloud_api_fact, private to the two files that make facts of webhooks.
 */

#ifndef HD_CLOUD_API_FACT_H
#define HD_CLOUD_API_FACT_H

#include "cloud_api.h"


typedef struct {
    hd_mem_t    *mem;
    int64_t      at;
    hd_fact_t  **last;
    unsigned     failed:1;              /* out of memory */
} hd_cloud_api_facts_t;

/* one more, with nothing said; NULL: out of memory, which is noted */
hd_fact_t *hd_cloud_api_fact(hd_cloud_api_facts_t *c, hd_fact_e kind);

/* a member's text, a copy */
hd_str_t hd_cloud_api_lower(hd_cloud_api_facts_t *c, const hd_json_t *v,
    const char *key);
hd_str_t hd_cloud_api_digits(hd_cloud_api_facts_t *c, const hd_json_t *v,
    const char *key);

/* words gathered in a buffer become the fact's reason; frees the buffer */
void hd_cloud_api_reason(hd_cloud_api_facts_t *c, hd_fact_t *f, hd_buf_t *b);

void hd_cloud_api_account(hd_cloud_api_facts_t *c, const hd_json_t *value);
void hd_cloud_api_preferences(hd_cloud_api_facts_t *c,
    const hd_json_t *value);

#endif /* HD_CLOUD_API_FACT_H */
