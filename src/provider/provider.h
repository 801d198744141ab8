/*
 * provider: what differs between Meta's Cloud API, WAHA and Twilio, as bytes
 * in and bytes out.  No nginx request, no curl, no libpq: each provider is one
 * file with one const struct of functions, and is tested in a plain binary.
 *
 * To add one: write src/provider/<name>.c with an hd_provider_t, add it to the
 * table in provider.c, and give its signature and payload tests in
 * t/unit/<name>_test.c.  Nothing outside this room names a provider.
 */

#ifndef HD_PROVIDER_H
#define HD_PROVIDER_H

#include "../base/base.h"


/* what an account's row says that a provider needs; secrets are unsealed */
typedef struct {
    hd_str_t   base_url;         /* "https://graph.facebook.com", no slash */
    hd_str_t   api_version;      /* "v23.0" */
    hd_str_t   number_id;        /* phone_number_id, session, sender */
    hd_str_t   token;
    hd_str_t   app_secret;       /* signs webhooks */
    hd_str_t   verify_token;     /* answers the GET verification */
} hd_account_t;

typedef enum {
    HD_MESSAGE_TEXT = 0,
    HD_MESSAGE_TEMPLATE
} hd_message_type_e;

typedef struct {
    hd_message_type_e   type;
    hd_str_t            to;              /* "+254712345678" or a wa_id */
    hd_str_t            reference;       /* ours: biz_opaque_callback_data */
    hd_str_t            body;            /* text: the text */
    hd_str_t            reply_to;        /* provider id quoted, or empty */
    hd_str_t            template_name;
    hd_str_t            language;
    hd_str_t           *header_params;   /* values in order of {{n}} */
    size_t              nheader;
    hd_str_t           *params;          /* body values in order */
    size_t              nparams;
    hd_str_t           *param_names;     /* NULL: positional; else named */
    hd_str_t           *header_names;
} hd_message_t;

typedef struct {
    const char  *method;
    hd_str_t     url;
    hd_str_t     headers[6];             /* "Name: value" */
    size_t       nheaders;
    hd_str_t     body;
} hd_provider_request_t;

/* classes of domain.md 4.6; the table says what each asks for */
typedef enum {
    HD_CLASS_NONE = 0,
    HD_CLASS_TRANSIENT,
    HD_CLASS_THROTTLE,
    HD_CLASS_PAIR_THROTTLE,
    HD_CLASS_ECOSYSTEM,
    HD_CLASS_EXPERIMENT,
    HD_CLASS_RECIPIENT,
    HD_CLASS_OPTED_OUT,
    HD_CLASS_WINDOW,
    HD_CLASS_IDENTITY,
    HD_CLASS_PAYLOAD,
    HD_CLASS_TEMPLATE,
    HD_CLASS_MEDIA,
    HD_CLASS_FLOW,
    HD_CLASS_NUMBER_RISK,
    HD_CLASS_ACCOUNT,
    HD_CLASS_AUTH,
    HD_CLASS_UNKNOWN_CODE
} hd_class_e;

typedef struct {
    int          from, to;               /* codes, inclusive */
    hd_class_e   class;
    int          retry_ms;               /* first delay; 0: final */
    int          retries;                /* at most */
    const char  *words;                  /* what happened, plainly */
    const char  *fix;                    /* what to do */
} hd_error_row_t;

typedef enum {
    HD_OUTCOME_ACCEPTED = 0,
    HD_OUTCOME_REJECTED,
    HD_OUTCOME_UNKNOWN
} hd_outcome_e;

typedef struct {
    hd_outcome_e           outcome;
    hd_str_t               provider_id;  /* accepted */
    hd_str_t               wa_id;        /* accepted, when told */
    int                    code;         /* rejected: provider's code */
    const hd_error_row_t  *row;          /* rejected: never NULL */
    hd_str_t               detail;       /* rejected: provider's words */
} hd_provider_answer_t;

/* from a webhook; ranks: a status only ever rises */
typedef enum {
    HD_STATUS_SENT = 1,
    HD_STATUS_DELIVERED,
    HD_STATUS_READ,
    HD_STATUS_PLAYED,
    HD_STATUS_FAILED
} hd_status_e;

typedef struct {
    hd_status_e            status;
    hd_str_t               provider_id;
    hd_str_t               reference;    /* biz_opaque_callback_data, or "" */
    int64_t                at;           /* µs; 0 when not told */
    int                    code;         /* failed; -1: not told */
    hd_str_t               detail;
} hd_status_event_t;

typedef struct {
    hd_str_t               provider_id;
    hd_str_t               from;         /* digits (wa_id); may be empty */
    hd_str_t               user_id;      /* BSUID "KE.123…"; may be empty */
    hd_str_t               name;         /* profile name; may be empty */
    hd_str_t               type;         /* provider's word: text, image... */
    hd_str_t               text;         /* body, caption, title of a choice */
    hd_str_t               context_id;   /* provider id quoted; may be empty */
    hd_str_t               raw;          /* the element as JSON */
    int64_t                at;
} hd_inbound_event_t;

typedef struct {
    hd_str_t               number_id;    /* "" when the change has none */
    hd_str_t               field;        /* "account_update"…; "errors" */
    hd_str_t               raw;
} hd_other_event_t;

/* the parser hands each element to these as it meets it; a bad element is
 * given to bad() and the rest goes on */
typedef struct {
    void   *ctx;
    void  (*status)(void *ctx, const hd_str_t *number_id,
               const hd_status_event_t *e);
    void  (*inbound)(void *ctx, const hd_str_t *number_id,
               const hd_inbound_event_t *e);
    void  (*other)(void *ctx, const hd_other_event_t *e);
    void  (*bad)(void *ctx, const char *why);
} hd_webhook_sink_t;

typedef struct {
    const char  *name;                   /* "cloud_api" */
    /* free text only within 24 hours of the person's last message */
    unsigned     window:1;
    /* the POST for one message; HD_ERROR when out of memory */
    int        (*build)(hd_mem_t *mem, const hd_account_t *account,
                   const hd_message_t *message, hd_provider_request_t *out);
    /* http_status 0: no whole answer came (then UNKNOWN, always) */
    void       (*answer)(hd_mem_t *mem, int http_status, const hd_str_t *body,
                   hd_provider_answer_t *out);
    /* signature over the raw bytes, constant time; 1 or 0 */
    int        (*verify)(const hd_account_t *account,
                   const hd_str_t *signature, const hd_str_t *body);
    /* name of the signature's header, lower case */
    const char  *signature_header;
    /* the GET that proves the address is ours: HD_OK and the text to answer */
    int        (*challenge)(hd_mem_t *mem, const hd_account_t *account,
                   const hd_str_t *args, hd_str_t *reply);
    /* HD_ERROR only when the body as a whole is no webhook of this provider */
    int        (*webhook)(hd_mem_t *mem, const hd_str_t *body,
                   hd_webhook_sink_t *sink, hd_json_error_t *err);
    /* default base_url and api_version of a new account */
    const char  *base_url;
    const char  *api_version;
} hd_provider_t;

const hd_provider_t *hd_provider_find(const hd_str_t *name);
extern const hd_provider_t  hd_provider_cloud_api;

/* the error table (domain.md 4.6); never NULL: unknown codes have a row */
const hd_error_row_t *hd_error_find(int code);
/* the row for an answer without a known code, by its HTTP status */
const hd_error_row_t *hd_error_http(int status);
const char *hd_class_name(hd_class_e c);

/*
 * Our reference in biz_opaque_callback_data: a delivery is (batch, seq), where
 * batch is the broadcast's id and seq the recipient's number in its frozen
 * audience from 1, or the message's own id and 0.  "h1." + base64url(16 + 4
 * bytes).
 */
#define HD_REFERENCE_LEN  (3 + 27)

void hd_reference_format(unsigned char text[HD_REFERENCE_LEN],
    const hd_uuid_t *batch, uint32_t seq);
int hd_reference_parse(const hd_str_t *text, hd_uuid_t *batch, uint32_t *seq);

#endif /* HD_PROVIDER_H */
