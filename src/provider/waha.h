/*
 * waha, private to provider: what the files of WAHA share.
 *
 *   waha.c          the provider: its answers, its proof, its table
 *   waha_message.c  the request for one message
 *   waha_list.c     lists and buttons, contacts as vCards
 *   waha_webhook.c  its events
 *   waha_inbound.c  what somebody wrote, or we did by the phone
 *   waha_op.c       sessions, the number, files, a chat
 *   waha_chat.c     chats, groups, stories
 *
 * Ids.  WAHA names a message "false_254712345678@c.us_3EB0": by whom, in
 * which chat, its key; in a group the author follows.  The same message may
 * come with the person's phone and with their LID.  So what we sent has its
 * key alone as its id, and is found whatever chat a receipt names; what came
 * keeps the name whole, for that is what a reply must quote.  A key that we
 * made (HD_WAHA_KEY) holds our reference.
 */

#ifndef HD_WAHA_H
#define HD_WAHA_H

#include "provider.h"


#define HD_WAHA_DEPTH   64

/* "3EB0", as the web client's, then our reference in hex */
#define HD_WAHA_KEY     (4 + 40)


/* ── writing ── */

/* a request without a body; `parts` are joined after the base URL: what
 * stands between '{' and '}' in `path` is the next of them, escaped */
int hd_waha_request(hd_mem_t *mem, const hd_account_t *account,
    const char *method, const char *path, const hd_str_t *parts,
    hd_provider_request_t *out);
/* b becomes its body, and is empty again */
int hd_waha_body(hd_mem_t *mem, hd_buf_t *b, hd_provider_request_t *out);
int hd_waha_take(hd_mem_t *mem, hd_buf_t *b, hd_str_t *out);

/* "name":"value", behind a comma where it is not the first */
void hd_waha_member(hd_buf_t *b, const char *name, const hd_str_t *value);
/* "session":"…" */
void hd_waha_session(hd_buf_t *b, const hd_account_t *account);
/* "+254 712" "2547@c.us" "120@g.us" "12@lid" -> what WAHA takes */
void hd_waha_chat(hd_buf_t *b, const hd_str_t *to);
/* "file":{mimetype, url, filename}, the same */
void hd_waha_file(hd_buf_t *b, const hd_media_ref_t *media,
    const char *mime);
/* a message's whole name, from its id as we keep it */
void hd_waha_name(hd_buf_t *b, const hd_str_t *id, const hd_str_t *to);

/* waha_message.c, waha_list.c */
int hd_waha_build(hd_mem_t *mem, const hd_account_t *account,
    const hd_message_t *message, hd_provider_request_t *out);
/* ,"message":{…} of sendList; HD_DECLINED: it is no list */
int hd_waha_list(hd_buf_t *b, const hd_json_t *interactive);
/* what an interactive message is in words, as JSON's string contents are
 * still to be written; HD_DECLINED: it has none */
int hd_waha_words(hd_buf_t *b, const hd_json_t *interactive);
void hd_waha_vcard(hd_buf_t *b, const hd_json_t *contact);


/* ── reading ── */

/* the key in a message's name, or the whole where it is no such */
hd_str_t hd_waha_key(const hd_str_t *name);
/* our reference in a key, HD_ERROR: it is none of ours */
int hd_waha_reference(hd_mem_t *mem, const hd_str_t *key, hd_str_t *out);
/* microseconds of seconds or milliseconds; 0: it is none */
int64_t hd_waha_time(const hd_json_t *v);
/* the first that is a text with something in it; paths as hd_json_path's,
 * NULL at the end */
hd_str_t hd_waha_first(const hd_json_t *v, const char *const *paths);
/* the digits of "2547:12@s.whatsapp.net", "2547@c.us"; empty: no phone */
hd_str_t hd_waha_phone(const hd_str_t *jid);
/* where it stands, or NULL */
unsigned char *hd_waha_search(const hd_str_t *s, const char *z);
int hd_waha_ends(const hd_str_t *jid, const char *end);

int hd_waha_webhook(hd_mem_t *mem, const hd_str_t *body,
    hd_webhook_sink_t *sink, hd_json_error_t *err);

/* one delivery, as it is taken apart */
typedef struct {
    hd_mem_t           *mem;
    hd_webhook_sink_t  *sink;
    hd_str_t            session;
    hd_str_t            event;
    hd_str_t            id;              /* of the envelope; may be empty */
    int64_t             at;
    hd_json_t          *me;
    hd_json_t          *payload;
    unsigned            failed:1;        /* out of memory */
} hd_waha_event_t;

hd_str_t hd_waha_raw(hd_waha_event_t *e, const hd_json_t *v);
/* HD_DECLINED: it is of nobody that we could write to */
int hd_waha_inbound(hd_waha_event_t *e);

/* waha.c */
void hd_waha_answer(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_provider_answer_t *out);
/* the answer's JSON, or NULL and *out says why it is none of use */
hd_json_t *hd_waha_read(hd_mem_t *mem, int http_status, const hd_str_t *body,
    hd_op_answer_t *out);
/* b becomes the result */
void hd_waha_result(hd_mem_t *mem, hd_buf_t *b, hd_op_answer_t *out);

extern const hd_op_t  hd_waha_session_create;
extern const hd_op_t  hd_waha_session_get;
extern const hd_op_t  hd_waha_session_start;
extern const hd_op_t  hd_waha_session_stop;
extern const hd_op_t  hd_waha_session_restart;
extern const hd_op_t  hd_waha_session_logout;
extern const hd_op_t  hd_waha_session_delete;
extern const hd_op_t  hd_waha_session_qr;
extern const hd_op_t  hd_waha_session_code;
extern const hd_op_t  hd_waha_number_get;
extern const hd_op_t  hd_waha_profile_get;
extern const hd_op_t  hd_waha_profile_set;
extern const hd_op_t  hd_waha_media_get;
extern const hd_op_t  hd_waha_mark_read;
extern const hd_op_t  hd_waha_typing;
extern const hd_op_t  hd_waha_chats;
extern const hd_op_t  hd_waha_groups;
extern const hd_op_t  hd_waha_status_post;
extern const hd_op_t  hd_waha_status_delete;

#endif /* HD_WAHA_H */
