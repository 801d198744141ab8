/*
 * reason, private to the API: what stands in deliveries.reason, in
 * delivery_events.reason and in broadcasts.pause_reason, for people; and which
 * failures may be sent again.
 */

#ifndef HD_API_REASON_H
#define HD_API_REASON_H

#include "frame.h"


typedef struct {
    const char  *reason;
    const char  *words;                /* a clause: "the person opted out…" */
    const char  *fix;                  /* NULL: nothing to do */
} hd_reason_t;

/* never NULL: one that is not known here has words that say so */
const hd_reason_t *hd_reason_find(const hd_str_t *reason);
/* why a broadcast was paused; an empty one: by somebody */
const hd_reason_t *hd_reason_pause(const hd_str_t *reason);

/* may a failure of this class be sent again, and why (not)? */
typedef struct {
    ngx_uint_t   may;
    const char  *why;
} hd_resend_rule_t;

const hd_resend_rule_t *hd_resend_class(hd_class_e class);
/* of a failure without a code */
const hd_resend_rule_t *hd_resend_reason(const hd_str_t *reason);

#endif /* HD_API_REASON_H */
