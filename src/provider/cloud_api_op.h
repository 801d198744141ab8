/*
 * cloud_api_op, private to the files of the operations: reading arguments,
 * making requests, writing results.  What each operation takes and gives is in
 * operations.md.
 */

#ifndef HD_CLOUD_API_OP_H
#define HD_CLOUD_API_OP_H

#include "cloud_api.h"


/* a request under way: its URL or body in b, headers in out */
typedef struct {
    hd_mem_t                *mem;
    const hd_account_t      *account;
    const hd_json_t         *args;
    hd_provider_request_t   *out;
    const char             **why;
    hd_buf_t                 b;
} hd_cloud_api_op_t;

/* HD_DECLINED, with its reason */
int hd_cloud_api_declined(hd_cloud_api_op_t *op, const char *why);
/* the text of an argument; HD_DECLINED with `why` when it is empty */
int hd_cloud_api_needed(hd_cloud_api_op_t *op, const char *name,
    const char *why, hd_str_t *value);
/* the WhatsApp Business Account: of the arguments, else the account's */
int hd_cloud_api_business(hd_cloud_api_op_t *op, hd_str_t *id);
/* 1: an argument that is true */
int hd_cloud_api_true(const hd_json_t *args, const char *name);
/* adds ?name=value or &name=value to the URL */
void hd_cloud_api_query(hd_cloud_api_op_t *op, const char *name,
    const hd_str_t *value);
/* the URL is whole: the body may be written to b */
int hd_cloud_api_url(hd_cloud_api_op_t *op);
/* all is written; frees b */
int hd_cloud_api_end(hd_cloud_api_op_t *op);

/* a build function's frame: what `make` made of the request */
int hd_cloud_api_make(hd_mem_t *mem, const hd_account_t *account,
    const hd_json_t *args, hd_provider_request_t *out, const char **why,
    const char *method, int (*make)(hd_cloud_api_op_t *op));

/* an answer's frame: `write` writes the result, or gives HD_ERROR when the
 * body is not what it should be */
void hd_cloud_api_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out, int (*write)(hd_buf_t *b, const hd_json_t *root));
/* {"success": true} */
int hd_cloud_api_success(hd_buf_t *b, const hd_json_t *root);

/* {"name":…}: a result's members, each with its comma; the value is null when
 * there is none */
void hd_cloud_api_put(hd_buf_t *b, const char *name, const hd_str_t *value);
void hd_cloud_api_put_lower(hd_buf_t *b, const char *name,
    const hd_str_t *value);
void hd_cloud_api_put_json(hd_buf_t *b, const char *name, const hd_json_t *v);
void hd_cloud_api_put_int(hd_buf_t *b, const char *name, int64_t n);
/* seconds since 1970, as RFC 3339; 0: null */
void hd_cloud_api_put_time(hd_buf_t *b, const char *name, int64_t seconds);

/* a declaration of one operation's two functions */
#define hd_cloud_api_op(name, method, make, write)                            \
    static int                                                                \
    hd_cloud_api_build_##name(hd_mem_t *mem, const hd_account_t *account,     \
        const hd_json_t *args, hd_provider_request_t *out, const char **why)  \
    {                                                                         \
        return hd_cloud_api_make(mem, account, args, out, why, method, make); \
    }                                                                         \
                                                                              \
    static void                                                               \
    hd_cloud_api_read_##name(hd_mem_t *mem, int http_status,                  \
        const hd_str_t *body, hd_op_answer_t *out)                            \
    {                                                                         \
        hd_cloud_api_read(mem, http_status, body, out, write);                \
    }                                                                         \
                                                                              \
    const hd_op_t  hd_cloud_api_op_##name = {                                 \
        hd_cloud_api_build_##name, hd_cloud_api_read_##name                   \
    }

extern const hd_op_t  hd_cloud_api_op_media_upload;
extern const hd_op_t  hd_cloud_api_op_media_url;
extern const hd_op_t  hd_cloud_api_op_media_get;
extern const hd_op_t  hd_cloud_api_op_media_delete;
extern const hd_op_t  hd_cloud_api_op_upload_open;
extern const hd_op_t  hd_cloud_api_op_upload_send;
extern const hd_op_t  hd_cloud_api_op_mark_read;
extern const hd_op_t  hd_cloud_api_op_number_get;
extern const hd_op_t  hd_cloud_api_op_numbers;
extern const hd_op_t  hd_cloud_api_op_register;
extern const hd_op_t  hd_cloud_api_op_deregister;
extern const hd_op_t  hd_cloud_api_op_profile_get;
extern const hd_op_t  hd_cloud_api_op_profile_set;
extern const hd_op_t  hd_cloud_api_op_subscribe;
extern const hd_op_t  hd_cloud_api_op_exchange_code;
extern const hd_op_t  hd_cloud_api_op_token;
extern const hd_op_t  hd_cloud_api_op_template_create;
extern const hd_op_t  hd_cloud_api_op_template_edit;
extern const hd_op_t  hd_cloud_api_op_template_delete;
extern const hd_op_t  hd_cloud_api_op_template_list;

#define HD_CLOUD_API_VARIABLES  64


typedef struct {
    hd_str_t    name;
    hd_str_t    fallback;                /* data NULL: none */
} hd_cloud_api_var_t;

typedef struct {
    hd_cloud_api_var_t   vars[HD_CLOUD_API_VARIABLES];
    size_t               n;
} hd_cloud_api_vars_t;

/* hd_text_name_pt with hd_cloud_api_vars_t: each once, numbers in order */
int hd_cloud_api_var(void *ctx, const hd_str_t *name,
    const hd_str_t *fallback);
/* the text with its placeholders as Meta has them: names, or (vars) numbers
 * that count from 1 in each part */
int hd_cloud_api_text_for(hd_mem_t *mem, const hd_str_t *text,
    const hd_cloud_api_vars_t *vars, hd_str_t *out);
/* the sample of a variable, else its fallback; empty: neither */
hd_str_t hd_cloud_api_sample(const hd_json_t *document,
    const hd_cloud_api_var_t *var);
/* "text":…,"example":{…} of a part: header_text, body_text */
int hd_cloud_api_texts(hd_cloud_api_op_t *op, const hd_json_t *document,
    const hd_str_t *text, const char *part, int named);

/* templates: our document as Meta's components, and back.  HD_DECLINED with a
 * reason: it cannot be said there. */
int hd_cloud_api_components(hd_cloud_api_op_t *op, const hd_json_t *document,
    int authentication);
/* 1 when all placeholders are names */
int hd_cloud_api_named(const hd_json_t *document);
/* *partial is set when the document cannot say all */
void hd_cloud_api_document(hd_buf_t *b, const hd_json_t *components,
    int *partial);
/* a word of Meta's, in whichever case, is `word` (lower case) */
int hd_cloud_api_word(const hd_str_t *s, const char *word);

#endif /* HD_CLOUD_API_OP_H */
