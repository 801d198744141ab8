/*
 * cloud_api, private to provider: what its files share.
 */

#ifndef HD_CLOUD_API_H
#define HD_CLOUD_API_H

#include "provider.h"


/* the end of the year 9999, in seconds */
#define HD_CLOUD_API_END   INT64_C(253402300799)


int hd_cloud_api_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_message_t *message, hd_provider_request_t *out);
extern const hd_op_t *const  hd_cloud_api_ops[HD_OP_MAX];

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

/* -1, 2000, "2000", "TIER_2K", "TIER_UNLIMITED"; HD_FACT_UNSAID: none */
int64_t hd_cloud_api_limit(const hd_json_t *v);

/*
 * Requests.  A URL is begun, added to, and taken; begin adds base_url, the
 * version, the object's id, and what follows it ("/messages", or "").
 */
void hd_cloud_api_begin(hd_buf_t *b, const hd_account_t *account,
    const hd_str_t *id, const char *tail);
/* percent-encoded, so that it stays one segment of a path or one value */
void hd_cloud_api_segment(hd_buf_t *b, const hd_str_t *s);
/* what stands in b, moved to mem; b is empty again.  HD_ERROR: no memory */
int hd_cloud_api_take(hd_mem_t *mem, hd_buf_t *b, hd_str_t *out);
/* the header with the account's token */
int hd_cloud_api_bearer(hd_mem_t *mem, const hd_account_t *account,
    hd_provider_request_t *out);
/* ends a request: takes its body as JSON, when there is one; frees b */
int hd_cloud_api_json(hd_mem_t *mem, hd_buf_t *b, hd_provider_request_t *out);
/* "name":"value" */
void hd_cloud_api_member(hd_buf_t *b, const char *name, const hd_str_t *value);
/* a member's text of the account's config, empty when it is not there */
hd_str_t hd_cloud_api_config(hd_mem_t *mem, const hd_account_t *account,
    const char *name);
/* a variable's name as Meta takes it: no dots */
void hd_cloud_api_variable(hd_buf_t *b, const hd_str_t *name);

/*
 * What an answer's status and error say: the body of a success, its outcome
 * still UNKNOWN; NULL when all is said.
 */
hd_json_t *hd_cloud_api_outcome(hd_mem_t *mem, int http_status,
    const hd_str_t *body, hd_provider_answer_t *out);

/* a number, or its text in a string; HD_ERROR when it is neither */
int hd_cloud_api_int(const hd_json_t *v, int64_t *out);

/* the text of a string or a number; empty otherwise, never NULL data */
hd_str_t hd_cloud_api_text(const hd_json_t *obj, const char *key);

/* the provider's words in an error object: the most telling there are */
hd_str_t hd_cloud_api_detail(const hd_json_t *error);

#endif /* HD_CLOUD_API_H */
