/*
 * story, private to the API: why somebody got a message, or did not.  why.c
 * asks for the facts, story.c puts them in order and in words.
 */

#ifndef HD_API_STORY_H
#define HD_API_STORY_H

#include "reason.h"


#define HD_STORY_EVENTS  200


/* one line of delivery_events */
typedef struct {
    int64_t       at;
    hd_str_t      event;
    ngx_int_t     attempt;
    ngx_uint_t    has_code;
    int           code;
    hd_str_t      reason;
    hd_str_t      detail;
    hd_str_t      next_try;            /* "2026-11-21 08:00", their clock */
    hd_str_t      zone;
} hd_story_event_t;

/* times are µs, 0 for none */
typedef struct {
    ngx_uint_t    broadcast;           /* else a single message */

    hd_str_t      name, status, tag, pause_reason, pause_detail;
    hd_str_t      account, account_status;
    int64_t       created, launched, send_at, started, finished, expires;
    int64_t       total, holdout, variants;
    int64_t       winner;              /* -1: none */
    int64_t       cap, cap_days;
    ngx_uint_t    portfolio, quiet, spend, templated;

    ngx_uint_t    known;               /* the contact is there */
    hd_str_t      contact, contact_name, phone, zone;
    int64_t       contact_created;
    ngx_uint_t    tagged;              /* now */

    ngx_uint_t    delivery;            /* a row of the ledger is there */
    int64_t       seq, attempts, variant;
    hd_str_t      state, reason, provider_id, category, template;
    ngx_uint_t    has_code;
    int           code;
    int64_t       next_try, claimed, accepted, sent, delivered, read, replied;
    hd_str_t      next_try_local, state_local, replied_local;
    hd_str_t      stage;
    int64_t       stage_n, stage_to, stage_opened;
    hd_str_t      stage_opens_local;

    hd_story_event_t   *events;
    ngx_uint_t          nevents;
} hd_story_t;

#define HD_STORY_LINES  (HD_STORY_EVENTS + 32)
#define HD_STORY_NOW    INT64_MAX


typedef struct {
    int64_t       order;
    int64_t       at;                  /* 0: now */
    const char   *event;
    hd_str_t      words;
    ngx_uint_t    has_code;
    int           code;
    const char   *fix;
    hd_str_t      detail;
} hd_line_t;

typedef struct {
    hd_req_t     *req;
    hd_story_t   *s;
    hd_line_t    *lines;
    ngx_uint_t    n;
    int64_t       last;                /* order of the ticks so far */
    ngx_uint_t    told_end;            /* an event says why it ended */
    ngx_uint_t    failed;
} hd_teller_t;

/* strings here are copies, which end with a NUL */
static inline const char *
hd_story_z(const hd_str_t *s)
{
    return s->data ? (const char *) s->data : "";
}


static inline const char *
hd_story_clause(const hd_str_t *reason)
{
    return hd_reason_find(reason)->words;
}


/* story.c: adds a line, never NULL; at 0: so it is now */
hd_line_t *hd_tell(hd_teller_t *t, int64_t at, const char *event,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* story_event.c */
void hd_story_event(hd_teller_t *t, hd_story_event_t *e);
void hd_story_ticks(hd_teller_t *t);
void hd_story_code(hd_line_t *l, int code);
/* story_summary.c */
void hd_story_summary(hd_story_t *s, char *text, size_t size);

/* {contact, state, summary, next_try_at, story} */
void hd_story_write(hd_req_t *req, hd_story_t *s, hd_buf_t *b);

#endif /* HD_API_STORY_H */
