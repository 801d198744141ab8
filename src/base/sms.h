/*
 * sms: how a text is cut into short messages: each is paid for.
 */

#ifndef HD_BASE_SMS_H
#define HD_BASE_SMS_H

#include "base.h"


typedef struct {
    const char  *encoding;             /* "GSM-7", "UCS-2" */
    unsigned     units;                /* septets, or 16-bit units */
    unsigned     segments;
} hd_sms_t;

/* `text` is UTF-8 */
void hd_sms_count(const hd_str_t *text, hd_sms_t *out);

#endif /* HD_BASE_SMS_H */
