/*
 * twilio, private to provider: what its files share.
 *
 *   twilio.c          the request for one message, its answer, the struct
 *   twilio_form.c     urlencoded forms and the signature over them
 *   twilio_webhook.c  inbound messages and status callbacks
 *   twilio_op.c       everything else that may be asked
 *   twilio_template.c templates: our document as Twilio's content types
 *   twilio_content.c  the way back
 */

#ifndef HD_TWILIO_H
#define HD_TWILIO_H

#include "provider.h"


typedef struct {
    hd_str_t   key;
    hd_str_t   value;
} hd_twilio_param_t;

#define HD_TWILIO_SID     34           /* "AC" and 32 hexadecimal digits */
#define HD_TWILIO_PARAMS  256          /* Twilio sends about thirty */

/* of an urlencoded form, in its order; HD_ERROR: no memory, or more than
 * HD_TWILIO_PARAMS */
int hd_twilio_form(hd_mem_t *mem, const hd_str_t *body,
    hd_twilio_param_t **params, size_t *n);
/* the first value, or an empty string; never NULL data */
hd_str_t hd_twilio_param(const hd_twilio_param_t *params, size_t n,
    const char *key);

int hd_twilio_verify(const hd_account_t *account, const hd_proof_t *proof);
int hd_twilio_webhook(hd_mem_t *mem, const hd_str_t *body,
    hd_webhook_sink_t *sink, hd_json_error_t *err);

/* ",key=value" of a form being written: the value is escaped */
void hd_twilio_add(hd_buf_t *b, const char *key, const hd_str_t *prefix,
    const hd_str_t *value);
/* 1: `kind` ("HX") and 32 hexadecimal digits; nothing else goes into the path
 * of an address */
int hd_twilio_is_sid(const hd_str_t *s, const char *kind);
void hd_twilio_escape(hd_buf_t *b, const hd_str_t *s);
/* "Authorization: Basic …" */
int hd_twilio_auth(hd_mem_t *mem, const hd_account_t *account,
    hd_str_t *header);
/* what stands in b, moved to mem; b is empty again */
int hd_twilio_take(hd_mem_t *mem, hd_buf_t *b, hd_str_t *out);
/* an error body, or an answer without one */
void hd_twilio_refused(int http_status, const hd_json_t *root,
    hd_provider_answer_t *out);

/* a member of a result: "name":"value", or null when it is empty */
void hd_twilio_put(hd_buf_t *b, const char *name, const hd_str_t *value);
/* the body of a new content; HD_DECLINED: *why says what it cannot hold */
int hd_twilio_document(hd_mem_t *mem, hd_buf_t *b, const hd_json_t *args,
    const char **why);
/* members status, category and reason of an approval request */
void hd_twilio_put_approval(hd_buf_t *b, const hd_json_t *approval);
/* one of the list, as operations.md has it */
void hd_twilio_put_template(hd_buf_t *b, const hd_json_t *content);

/* buttons of a template: our word, theirs */
typedef struct {
    const char  *ours;
    const char  *type;
} hd_twilio_button_t;

#define HD_TWILIO_NBUTTONS  5

extern const hd_twilio_button_t  hd_twilio_buttons[HD_TWILIO_NBUTTONS];
extern const hd_op_t *const  hd_twilio_ops[HD_OP_MAX];

#endif /* HD_TWILIO_H */
