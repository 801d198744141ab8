/*
 * twilio, private to the sandbox: the simulated Twilio.
 *
 *   twilio.c          POST …/Messages.json, the account, files
 *   twilio_content.c  the Content API: templates and their review
 *   twilio_answer.c   forms, credentials, errors
 *   twilio_event.c    status callbacks and inbound messages, signed
 *
 * A number of Twilio's is a number with the setting "twilio" ("whatsapp" or
 * "sms"); its id is the sender without "+" (or "MG…"), its token the auth
 * token, its waba_id the AccountSid, its webhook_url where messages go.
 */

#ifndef HD_SANDBOX_TWILIO_H
#define HD_SANDBOX_TWILIO_H

#include "graph.h"


#define HD_SB_TWILIO_SID  34

enum { HD_SB_TWILIO_WHATSAPP = 1, HD_SB_TWILIO_SMS };

#define HD_SB_FORM        32

typedef struct {
    hd_str_t    key[HD_SB_FORM];
    hd_str_t    value[HD_SB_FORM];
    ngx_uint_t  n;
} hd_sb_form_t;

/* twilio_answer.c */
/* decoded in place */
void hd_sb_form_read(hd_sb_form_t *f, ngx_str_t *body);
/* the first value, or an empty string */
hd_str_t hd_sb_form_get(const hd_sb_form_t *f, const char *key);
/* "whatsapp:+1415…" to "1415…"; 1 when it was of WhatsApp */
ngx_uint_t hd_sb_twilio_address(hd_str_t *s);
/* 0: there are none that can be read */
ngx_uint_t hd_sb_twilio_credentials(ngx_http_request_t *r, hd_str_t *account,
    hd_str_t *token);
ngx_uint_t hd_sb_twilio_authorized(ngx_http_request_t *r,
    const ngx_str_t *account, const hd_str_t *token);
/* what stands in b, moved to the request; b is empty again */
ngx_int_t hd_sb_twilio_body(ngx_http_request_t *r, hd_buf_t *b,
    ngx_str_t *body);
/* the status, with the error in body; 500: no memory */
ngx_uint_t hd_sb_twilio_error(ngx_http_request_t *r, int64_t code,
    ngx_str_t *body);
ngx_int_t hd_sb_twilio_refuse(ngx_http_request_t *r, int64_t code);

/* twilio_content.c */
/* NGX_DECLINED: the path is not of the Content API */
ngx_int_t hd_sb_twilio_content(ngx_http_request_t *r, const ngx_str_t *path);
/* 0, or what is wrong with a message of it; *category when it is known */
int64_t hd_sb_twilio_content_check(ngx_http_request_t *r,
    const hd_sb_form_t *f, const hd_str_t *owner, ngx_uint_t in_window,
    uint8_t *category);

/* twilio.c */
/* "SM" and 32 hexadecimal digits, out of a record's key */
void hd_sb_twilio_sid(u_char out[HD_SB_TWILIO_SID], const u_char *key);

#endif /* HD_SANDBOX_TWILIO_H */
