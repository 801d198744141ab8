/*
 * mail: one e-mail of plain text as RFC 5322 has it, and what the notices of
 * events say.  Bytes only; whoever sends it is elsewhere.
 */

#ifndef HD_BASE_MAIL_H
#define HD_BASE_MAIL_H

#include "base.h"


typedef struct {
    hd_str_t    from;                  /* an address alone */
    hd_str_t    to;
    hd_str_t    subject;               /* UTF-8; its control characters go */
    hd_str_t    body;                  /* UTF-8, lines end with \n */
    hd_uuid_t   id;                    /* the same again is the same e-mail */
    int64_t     at;                    /* us */
} hd_email_t;

/* the whole message, CRLF */
void hd_email_write(hd_buf_t *b, const hd_email_t *mail);
/* 1 when it is an address that may stand in a header and in SMTP: one @, no
 * spaces, no control characters, no <>, ASCII */
int hd_email_valid(const hd_str_t *s);

/*
 * The words of an event's notice; HD_ERROR when there is no such event.
 * `said` has what the event tells (migrations: herald_notice); our address
 * (may be empty) is where it is looked at.
 */
int hd_notice_words(const char *event, const hd_json_t *said,
    const hd_str_t *public_url, hd_buf_t *subject, hd_buf_t *body);

#endif /* HD_BASE_MAIL_H */
