/*
 * cloud_api, private to provider: what cloud_api.c and its webhook parser
 * share.
 */

#ifndef HD_CLOUD_API_H
#define HD_CLOUD_API_H

#include "provider.h"

int hd_cloud_api_webhook(hd_mem_t *mem, const hd_str_t *body,
    hd_webhook_sink_t *sink, hd_json_error_t *err);

/* microseconds of a time in seconds or milliseconds; 0 when it is none */
int64_t hd_cloud_api_time(const hd_json_t *v);

/*
 * What a change means: facts in order, NULL when it is of no field that we act
 * on.  `contacts` is the change's list, or NULL; `at` the entry's time.
 * HD_ERROR: out of memory.
 */
int hd_cloud_api_facts(hd_mem_t *mem, const hd_str_t *field,
    const hd_json_t *value, int64_t at, hd_fact_t **facts);

/* a number, or its text in a string; HD_ERROR when it is neither */
int hd_cloud_api_int(const hd_json_t *v, int64_t *out);

/* the text of a string or a number; empty otherwise, never NULL data */
hd_str_t hd_cloud_api_text(const hd_json_t *obj, const char *key);

/* the provider's words in an error object: the most telling there are */
hd_str_t hd_cloud_api_detail(const hd_json_t *error);

#endif /* HD_CLOUD_API_H */
