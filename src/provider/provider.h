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
    hd_str_t   business_id;      /* WABA, AccountSid; may be empty */
    hd_str_t   phone;            /* "+15550100001"; may be empty */
    hd_str_t   channel;          /* "whatsapp", "sms" */
    hd_str_t   callback_url;     /* our webhook as they reach it, or empty */
    hd_str_t   config;           /* its provider's own JSON object, or empty */
} hd_account_t;

/* of a row as the store keeps it; callback_url is the caller's to set */
#define hd_account_view(view, row)                                            \
    ((view)->base_url = (row)->base_url,                                      \
     (view)->api_version = (row)->api_version,                                \
     (view)->number_id = (row)->number_id,                                    \
     (view)->token = (row)->token,                                            \
     (view)->app_secret = (row)->app_secret,                                  \
     (view)->verify_token = (row)->verify_token,                              \
     (view)->business_id = (row)->business_id,                                \
     (view)->phone = (row)->phone,                                            \
     (view)->channel = (row)->channel,                                        \
     (view)->config = (row)->config)

/*
 * What a message is, in Meta's words (domain.md 4.7).  All but text and
 * template come as `content`, the checked object that POST /messages takes:
 *
 *   image, video, audio, document, sticker   {media_id | link, caption,
 *               filename, voice}; the file itself is m->media
 *   location    {latitude, longitude, name, address}
 *   contacts    {contacts: [as Meta's]}
 *   reaction    {message_id, emoji}: m->reply_to is the provider's id of it
 *   interactive {interactive: as Meta's: button, list, cta_url, product,
 *               product_list, catalog_message, flow,
 *               location_request_message, address_message}; media of its
 *               header is m->media
 *   poll        {name, options: [text], multiple}
 */
typedef enum {
    HD_MESSAGE_TEXT = 0,
    HD_MESSAGE_TEMPLATE,
    HD_MESSAGE_IMAGE,
    HD_MESSAGE_VIDEO,
    HD_MESSAGE_AUDIO,
    HD_MESSAGE_DOCUMENT,
    HD_MESSAGE_STICKER,
    HD_MESSAGE_LOCATION,
    HD_MESSAGE_CONTACTS,
    HD_MESSAGE_REACTION,
    HD_MESSAGE_INTERACTIVE,
    HD_MESSAGE_POLL,
    HD_MESSAGE_TYPES
} hd_message_type_e;

#define hd_message_bit(type)  (1u << (type))
#define HD_MESSAGE_MEDIA                                                      \
    (hd_message_bit(HD_MESSAGE_IMAGE) | hd_message_bit(HD_MESSAGE_VIDEO)      \
     | hd_message_bit(HD_MESSAGE_AUDIO) | hd_message_bit(HD_MESSAGE_DOCUMENT) \
     | hd_message_bit(HD_MESSAGE_STICKER))

/* a file as the provider can have it: its own id of it, or an address */
typedef struct {
    hd_str_t            id;
    hd_str_t            link;
    hd_str_t            mime;
    hd_str_t            filename;
} hd_media_ref_t;

/* a value for a button of a template: its number from 0 */
typedef struct {
    unsigned            index;
    const char         *sub_type;        /* url, quick_reply, copy_code, flow,
                                            catalog, mpm, otp */
    hd_str_t            value;
} hd_button_value_t;

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
    const char         *header_format;   /* NULL or "text"; image, video,
                                            document: m->media */
    hd_button_value_t  *buttons;
    size_t              nbuttons;
    hd_str_t            template_id;     /* provider's own, or empty */
    hd_str_t            to_user_id;      /* BSUID, when there is no phone */
    const hd_json_t    *content;         /* all other types; of a text
                                            {preview_url}, of a template
                                            {location: of its header,
                                            components: more of Meta's} */
    hd_media_ref_t      media;
} hd_message_t;

typedef struct {
    const char  *method;
    hd_str_t     url;
    hd_str_t     headers[6];             /* "Name: value" */
    size_t       nheaders;
    hd_str_t     body;
    /* multipart/form-data instead of body: its fields in order, and the name
     * of the part that is the file */
    struct {
        const char  *name;
        hd_str_t     value;
    }            fields[4];
    size_t       nfields;
    const char  *file_part;
    unsigned     raw_file:1;             /* the file is the body, not a part */
    unsigned     to_file:1;              /* the answer's body is a file */
    unsigned     follow:1;               /* of a GET: redirects are followed,
                                            without what is secret */
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
    hd_str_t               from;         /* digits (wa_id); may be empty; of
                                            an outbound one the person that
                                            it went to */
    hd_str_t               user_id;      /* BSUID "KE.123…"; may be empty */
    hd_str_t               name;         /* profile name; may be empty */
    hd_str_t               type;         /* provider's word: text, image... */
    hd_str_t               text;         /* body, caption, title of a choice */
    hd_str_t               context_id;   /* provider id quoted; may be empty */
    hd_str_t               raw;          /* the element as JSON */
    int64_t                at;
    hd_str_t               media_ref;    /* provider's id or URL of a file */
    hd_str_t               media_mime;
    hd_str_t               media_name;
    hd_str_t               choice;       /* id of the button or row chosen */
    hd_str_t               group;        /* chat id, when it was in a group */
    hd_str_t               lid;          /* "123@lid"; may be empty */
    hd_str_t               group_name;   /* when told */
    hd_str_t               key;          /* the same message may come again
                                            by another name: what both have;
                                            may be empty */
    hd_str_t               reference;    /* ours, in an echo; or empty */
    unsigned               outbound:1;   /* we sent it: by the phone, or an
                                            echo of what we sent */
} hd_inbound_event_t;

/*
 * What a webhook says of a number, a template, an account or a person's
 * wishes, in words of ours.  What it does not say is empty, 0 or
 * HD_FACT_UNSAID; words that we do not know are kept as they are.
 */
typedef enum {
    HD_FACT_NUMBER = 0,                  /* quality, rate, limit */
    HD_FACT_TEMPLATE,
    HD_FACT_ACCOUNT,
    HD_FACT_PREFERENCE,                  /* marketing: PAUSE is stop */
    HD_FACT_SESSION                      /* status: the provider's own word */
} hd_fact_e;

typedef enum {
    HD_EFFECT_NONE = 0,
    HD_EFFECT_CLEAR,                     /* may be used, again */
    HD_EFFECT_PAUSE,                     /* not now */
    HD_EFFECT_STOP                       /* not any more */
} hd_effect_e;

#define HD_FACT_UNSAID  (-2)

typedef struct hd_fact_s  hd_fact_t;

struct hd_fact_s {
    hd_fact_t             *next;
    hd_fact_e              kind;
    hd_effect_e            effect;
    hd_str_t               number;       /* digits; "": the whole business */
    hd_str_t               status;       /* lower case: "paused" */
    hd_str_t               quality;      /* upper case: "GREEN" */
    hd_str_t               name;         /* template; person */
    hd_str_t               language;
    hd_str_t               category;     /* lower case: "marketing" */
    hd_str_t               reason;       /* why, as a person would read it */
    hd_str_t               from;         /* digits (wa_id) */
    hd_str_t               user_id;      /* BSUID */
    int64_t                at;           /* us; 0 when not told */
    int64_t                until;        /* us; 0 when not told */
    int64_t                limit;        /* people a day; -1: none */
    int                    rate;         /* messages a second */
};

typedef struct {
    hd_str_t               number_id;    /* "" when the change has none */
    hd_str_t               business_id;  /* of the entry; may be empty */
    hd_str_t               field;        /* "account_update"…; "errors" */
    hd_str_t               raw;
    int64_t                at;           /* us; 0 when not told */
    hd_fact_t             *facts;        /* what it means to us, or NULL */
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
    hd_str_t  args;                      /* the query of the URL; may be "" */
} hd_webhook_sink_t;

/*
 * What else may be asked of a provider, each as one request: `build` takes
 * a JSON object of arguments and makes the request, `read` makes of the answer
 * what is the same for every provider: `result`, a JSON object as text.  The
 * members of both are written at the operation, in operations.md of this room.
 */
typedef enum {
    HD_OP_SESSION_CREATE = 0,
    HD_OP_SESSION_GET,
    HD_OP_SESSION_START,
    HD_OP_SESSION_STOP,
    HD_OP_SESSION_RESTART,
    HD_OP_SESSION_LOGOUT,
    HD_OP_SESSION_DELETE,
    HD_OP_SESSION_QR,                    /* {qr}: the text to draw */
    HD_OP_SESSION_CODE,                  /* {phone} -> {code} */
    HD_OP_NUMBER_GET,                    /* health, quality, limit, name */
    HD_OP_NUMBER_REGISTER,
    HD_OP_NUMBER_DEREGISTER,
    HD_OP_PROFILE_GET,
    HD_OP_PROFILE_SET,
    HD_OP_SUBSCRIBE,                     /* our webhook at the provider */
    HD_OP_EXCHANGE_CODE,                 /* embedded sign-up -> {token} */
    HD_OP_TEMPLATE_CREATE,
    HD_OP_TEMPLATE_SUBMIT,               /* {id}: to be reviewed; NULL: as it
                                            is created */
    HD_OP_TEMPLATE_EDIT,
    HD_OP_TEMPLATE_DELETE,
    HD_OP_TEMPLATE_LIST,                 /* {cursor} -> {templates, cursor} */
    HD_OP_MEDIA_UPLOAD,                  /* -> {id} */
    HD_OP_MEDIA_URL,                     /* {id} -> {url, mime, bytes} */
    HD_OP_MEDIA_GET,                     /* {url}: the answer is the file */
    HD_OP_MEDIA_DELETE,
    HD_OP_MARK_READ,                     /* {message_id, typing} */
    HD_OP_TYPING,                        /* {to, on} */
    HD_OP_CHATS,                         /* {since, cursor} -> {messages} */
    HD_OP_STATUS_POST,                   /* {type, …, recipients} -> {id} */
    HD_OP_STATUS_DELETE,
    HD_OP_GROUPS,                        /* -> {groups} */
    HD_OP_NUMBERS,                       /* of a business -> {numbers} */
    HD_OP_TOKEN,                         /* what the account's token may do */
    HD_OP_UPLOAD_OPEN,                   /* samples, pictures -> {id} */
    HD_OP_UPLOAD_SEND,                   /* {id}, file -> {handle} */
    HD_OP_MAX
} hd_op_e;

typedef struct {
    hd_provider_answer_t   answer;       /* ACCEPTED: result stands */
    hd_str_t               result;
} hd_op_answer_t;

typedef struct {
    /* HD_DECLINED: an argument is missing or wrong, *why says which */
    int   (*build)(hd_mem_t *mem, const hd_account_t *account,
              const hd_json_t *args, hd_provider_request_t *out,
              const char **why);
    void  (*read)(hd_mem_t *mem, int http_status, const hd_str_t *body,
              hd_op_answer_t *out);
} hd_op_t;

#define HD_DECLINED  -5

/* the proof of a webhook: what providers sign over */
typedef struct {
    hd_str_t     signature;              /* of signature_header */
    hd_str_t     body;
    hd_str_t     url;                    /* public, as they called it */
    hd_str_t     content_type;
    hd_str_t     algorithm;              /* waha's header, or empty */
} hd_proof_t;

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
                   const hd_proof_t *proof);
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
    /* inbound messages count against the number's rate */
    unsigned     counts_inbound:1;
    /* a person's phone behind a QR code: human pacing is meant for it */
    unsigned     qr:1;
    /* its files are addresses that it fetches; else they are uploaded first */
    unsigned     media_links:1;
    /* hd_message_bit() of the types that it can send */
    unsigned     types;
    /* by hd_op_e; NULL: it has none */
    const hd_op_t *const *ops;
    /* what a webhook is answered, "" and its type when NULL */
    const char  *reply;
    const char  *reply_type;
    /* a webhook may be application/x-www-form-urlencoded */
    unsigned     form:1;
    /* it has the channel "sms" as well; no other has */
    unsigned     sms:1;
    /* webhooks are signed with the token: there is no app_secret */
    unsigned     token_signs:1;
    /* what is wrong with the values of a new account, *pointer says where;
     * NULL: nothing */
    const char *(*check)(const hd_account_t *account, const char **pointer);
} hd_provider_t;

const hd_provider_t *hd_provider_find(const hd_str_t *name);
extern const hd_provider_t  hd_provider_cloud_api;
extern const hd_provider_t  hd_provider_waha;
extern const hd_provider_t  hd_provider_twilio;
/* every provider, NULL at the end */
extern const hd_provider_t *const  hd_providers[];
const char *hd_message_type_name(hd_message_type_e type);
/* what differs between the channels of one provider: is there a window of 24
 * hours, and which types can be sent */
int hd_provider_window(const hd_provider_t *p, const hd_str_t *channel);
unsigned hd_provider_types(const hd_provider_t *p, const hd_str_t *channel);

/* codes that are acted on one by one */
#define HD_CODE_TEMPLATE_PAUSED  132015
#define HD_CODE_NOT_SENDABLE     131051
/* of a gateway behind a QR code: our words for what it says by a status */
#define HD_CODE_GATEWAY_KEY      1401
#define HD_CODE_NO_SESSION       1404
#define HD_CODE_SESSION          1422
#define HD_CODE_NOT_TAKEN        1463

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
