/*
 * waha, private to the sandbox: how it plays a WAHA gateway.
 *
 *   waha.c          which path is what; sends
 *   waha_read.c     chats, groups, files, stories
 *   waha_session.c  sessions: their states, QR codes, their requests
 *   waha_event.c    bodies of webhooks
 *   waha_said.c     what was said in a session's chats
 *   waha_control.c  what the phone's owner does, and people who write
 *
 * A session is a number of the sandbox with `waha` set; its settings (rates,
 * faults, latencies, token) mean what they mean elsewhere.  What a session
 * has besides is in shared memory, under shpool->mutex:
 *
 *   STOPPED -- start --> STARTING --> SCAN_QR_CODE -- scan --> WORKING
 *      ^                                   |                      |
 *      |                             160 s |                      | the phone
 *      '--- stop, logout                   v                      v logs out
 *                                        FAILED <-----------------'
 *
 * A QR code lives 60 s, each of the next five 20 s, by the sandbox's clock.
 * Nobody watches that clock: a session is FAILED once somebody looks.
 */

#ifndef HD_SANDBOX_WAHA_H
#define HD_SANDBOX_WAHA_H

#include "sandbox.h"


#define HD_SB_ME        24             /* digits and LID of the phone */
#define HD_SB_SAID      500            /* messages that a session keeps */
#define HD_SB_SAID_MAX  2000           /* bytes of one */
#define HD_SB_STATE     40

typedef struct hd_sb_said_s  hd_sb_said_t;

/* data: chat, key, who (of a group), text, one after the other */
struct hd_sb_said_s {
    hd_sb_said_t   *next;              /* older */
    int64_t         at;                /* s */
    unsigned        mine:1;
    unsigned        app:1;             /* by the phone */
    uint16_t        chat_len, key_len, who_len, text_len;
    u_char          data[];
};

struct hd_sb_session_s {
    hd_sb_session_t *next;
    hd_sb_node_t   *node;
    ngx_uint_t      exists;
    u_char          state[HD_SB_STATE];    /* "WORKING", a C string */
    int64_t         since;             /* µs of the sandbox's clock */
    u_char          me[HD_SB_ME];      /* "" when nobody has scanned */
    ngx_uint_t      dead;              /* works, and tells nothing */
    ngx_uint_t      nsaid;
    hd_sb_said_t   *said;              /* newest first */
};


/* a chat: "2547@c.us" */
enum { HD_SB_PERSON = 0, HD_SB_GROUP, HD_SB_LID };

typedef struct {
    hd_str_t        text;              /* whole */
    hd_str_t        digits;
    ngx_uint_t      kind;
} hd_sb_chat_t;

typedef struct {
    hd_str_t        chat;
    hd_str_t        key;
    hd_str_t        who;               /* the author in a group */
    hd_str_t        name;
    hd_str_t        text;
    hd_str_t        media;             /* a MIME type; empty: no file */
    hd_str_t        reply_to;
    hd_str_t        choice;            /* of a list */
    int64_t         at;                /* s */
    unsigned        mine:1;
    unsigned        app:1;             /* by the phone */
} hd_sb_words_t;


/* waha_session.c */
hd_sb_session_t *hd_sb_session_find(const ngx_str_t *id);    /* NULL: none */
hd_sb_session_t *hd_sb_session_make(const ngx_str_t *id);
/* its state as it is by now */
const char *hd_sb_session_state(hd_sb_session_t *s);
int hd_sb_session_is(hd_sb_session_t *s, const char *state);
/* into another state, which a webhook tells */
void hd_sb_session_move(hd_sb_session_t *s, const char *state);
hd_sb_number_t *hd_sb_session_number(hd_sb_session_t *s);
/* requests below api/sessions and api/{session}/auth; NGX_DECLINED: none */
ngx_int_t hd_sb_session_request(ngx_http_request_t *r, ngx_str_t *parts,
    ngx_uint_t n);
void hd_sb_session_show(hd_buf_t *b, hd_sb_session_t *s);

/* waha.c */
ngx_int_t hd_sb_waha(ngx_http_request_t *r, ngx_str_t *path);
ngx_int_t hd_sb_waha_send(ngx_http_request_t *r, ngx_uint_t status,
    hd_buf_t *b);
/* {statusCode, message, error} */
ngx_int_t hd_sb_waha_error(ngx_http_request_t *r, ngx_uint_t status,
    const char *message);
ngx_int_t hd_sb_waha_body(ngx_http_request_t *r,
    ngx_http_client_body_handler_pt post);
int hd_sb_waha_chat(const hd_str_t *text, hd_sb_chat_t *chat);
ngx_uint_t hd_sb_waha_parts(ngx_str_t *path, ngx_str_t *parts, ngx_uint_t max);
int hd_sb_waha_is(const ngx_str_t *s, const char *z);

void hd_sb_waha_error_body(hd_buf_t *b, ngx_uint_t status,
    const char *message);

/* waha_read.c */
ngx_int_t hd_sb_waha_read(ngx_http_request_t *r, hd_sb_session_t *s,
    ngx_str_t *parts, ngx_uint_t n);
ngx_int_t hd_sb_waha_file(ngx_http_request_t *r);
void hd_sb_waha_story(ngx_http_request_t *r);

/* waha_event.c */
/* a webhook of the session; its payload is to follow, then the tail */
hd_sb_job_t *hd_sb_waha_event(hd_sb_number_t *n, const char *event);
void hd_sb_waha_event_end(hd_sb_number_t *n, hd_sb_job_t *job);
/* WAMessage */
void hd_sb_waha_words(hd_buf_t *b, hd_sb_session_t *s,
    const hd_sb_words_t *w);
/* said in a chat: kept, and told by message.any unless the session is dead */
void hd_sb_waha_say(hd_sb_number_t *n, hd_sb_session_t *s,
    const hd_sb_words_t *w);

/* waha_said.c */
void hd_sb_said_add(hd_sb_session_t *s, const hd_sb_words_t *w);
void hd_sb_said_chats(hd_buf_t *b, hd_sb_session_t *s);
void hd_sb_said_messages(hd_buf_t *b, hd_sb_session_t *s,
    const hd_str_t *chat, int64_t since, ngx_uint_t offset, ngx_uint_t limit);
void hd_sb_said_forget(hd_sb_session_t *s);

/* waha_control.c: _control/waha/{session}/{verb} */
ngx_int_t hd_sb_waha_control(ngx_http_request_t *r, ngx_str_t *path);

#endif /* HD_SANDBOX_WAHA_H */
