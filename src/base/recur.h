/*
 * recur: RFC 5545's RRULE over a wall clock.
 *
 * A wall time is int64_t seconds since 1970-01-01T00:00:00 as a clock on some
 * wall shows it: no zone, no offset, every day has 24 hours.  What instant
 * that is in a zone is the database's to say (herald_wall), so that schedules,
 * quiet hours and the waves of a broadcast follow one set of zone rules.
 *
 * Everything is of fixed size and nothing is allocated.  Work is bounded: a
 * call looks at no more than HD_RECUR_WORK days or steps, so that a rule that
 * never comes (the 30th of February) ends.
 *
 * Where implementations differ:
 *   - YEARLY with BYMONTHDAY and without BYMONTH: in every month.
 *   - YEARLY with BYWEEKNO and no day: on DTSTART's day of the week.
 *   - YEARLY counts calendar years, also with BYWEEKNO and INTERVAL.
 *   - BYDAY with numbers below MONTHLY: the numbers say nothing.
 *   - the first week of WEEKLY with BYSETPOS is a whole one.
 *   - DTSTART is an occurrence only when the rule says so.
 */

#ifndef HD_RECUR_H
#define HD_RECUR_H

#include "base.h"


#define HD_RECUR_WORK  400000
#define HD_RECUR_LIST  64

typedef enum {
    HD_RECUR_YEARLY = 0,
    HD_RECUR_MONTHLY,
    HD_RECUR_WEEKLY,
    HD_RECUR_DAILY,
    HD_RECUR_HOURLY,
    HD_RECUR_MINUTELY,
    HD_RECUR_SECONDLY
} hd_recur_freq_e;

typedef struct {
    hd_recur_freq_e  freq;
    int              interval;
    int              wkst;              /* 0: Monday */
    int64_t          count;             /* 0: none */
    int64_t          until;             /* wall; HD_RECUR_NEVER: none */
    unsigned         until_utc:1;       /* it was given with a Z */
    uint16_t         months;            /* bit 1..12 */
    uint32_t         hours;
    uint64_t         minutes, seconds;
    uint32_t         mdays, mdays_neg;  /* bit 1..31 */
    uint64_t         weeks, weeks_neg;  /* bit 1..53 */
    uint64_t         ydays[6], ydays_neg[6];     /* bit 1..366 */
    uint8_t          wdays;             /* bit 0: Monday */
    unsigned         nnth;              /* BYDAY with a number */
    struct {
        signed char  n;
        signed char  wday;
    }                nth[HD_RECUR_LIST];
    unsigned         npos;
    int16_t          pos[HD_RECUR_LIST];
} hd_recur_t;

#define HD_RECUR_NEVER  INT64_MAX

/* HD_ERROR and *why in plain words */
int hd_recur_parse(hd_recur_t *r, const hd_str_t *rule, const char **why);

typedef struct {
    const hd_recur_t  *rule;
    int64_t            start;
    int64_t            left;            /* of COUNT */
    int64_t            last;            /* given last */
    int64_t            period;          /* its number from 0 */
    unsigned           last_day:1;      /* month_end */
    unsigned           ended:1;
    unsigned           limit:1;         /* work was used up */

    /* the rule with what DTSTART implies */
    uint16_t           months;
    uint32_t           mdays;
    uint8_t            wdays;
    unsigned char      hours[24], minutes[60], seconds[60];
    unsigned           nhours, nminutes, nseconds;

    /* of this period */
    int32_t            days[366];       /* since 1970 */
    unsigned           ndays;
    int64_t            base;            /* HOURLY and below */
    uint32_t           all;             /* instances before BYSETPOS */
    uint32_t           n, at;           /* after it; the next one */
    uint32_t           picked[HD_RECUR_LIST];
} hd_recur_iter_t;

/*
 * last_day: a day that a month lacks is its last one instead of none.
 * Occurrences come in order from `start` on.  hd_recur_skip leaves out those
 * up to and including `after`, without walking where it can.
 */
void hd_recur_begin(hd_recur_iter_t *it, const hd_recur_t *rule,
    int64_t start, unsigned last_day);
void hd_recur_skip(hd_recur_iter_t *it, int64_t after);
/* HD_OK, or HD_ERROR: there are no more (it->limit: none within its work) */
int hd_recur_next(hd_recur_iter_t *it, int64_t *wall);

/* "2027-01-31T09:00" or "2027-01-31T09:00:00" (a space instead of the T), and
 * back: 19 bytes */
#define HD_WALL_LEN  (sizeof("2027-01-31T09:00:00") - 1)

int hd_wall_parse(const hd_str_t *text, int64_t *wall);
void hd_wall_format(unsigned char *text, int64_t wall);

/* ISO 8601 durations of weeks, days, hours, minutes, seconds: "P3D", "PT1H" */
int hd_duration_parse(const hd_str_t *text, int64_t *days, int64_t *seconds);

#endif /* HD_RECUR_H */
