/*
 * ics: a calendar as RFC 5545 text.  Times are in UTC, so that no VTIMEZONE is
 * needed and no reader's zone rules can differ from ours.
 */

#ifndef HD_ICS_H
#define HD_ICS_H

#include "base.h"


typedef struct {
    hd_str_t      uid;
    int64_t       start, end;          /* us */
    int64_t       stamp;               /* last changed */
    hd_str_t      summary;
    hd_str_t      description;         /* may be empty */
    const char   *category;
    const char   *status;              /* CONFIRMED, CANCELLED, TENTATIVE */
} hd_ics_event_t;

void hd_ics_begin(hd_buf_t *b, const hd_str_t *name);
void hd_ics_event(hd_buf_t *b, const hd_ics_event_t *e);
void hd_ics_end(hd_buf_t *b);

#endif /* HD_ICS_H */
