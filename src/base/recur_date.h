/*
 * recur_date, private to recur: a day is its number since 1970-01-01.
 */

#ifndef HD_RECUR_DATE_H
#define HD_RECUR_DATE_H

#include "base.h"


typedef struct {
    int   year, month, mday;
    int   yday;                        /* from 1 */
    int   ylen, mlen;
    int   wday;                        /* 0: Monday */
    int   week, weeks;                 /* by WKST; of its week-year */
} hd_date_t;

int64_t hd_floor_div(int64_t a, int64_t b);
int hd_leap(int year);
int hd_month_length(int year, int month);
int32_t hd_date_days(int year, int month, int mday);
int hd_weekday(int32_t day);                     /* 0: Monday */
/* all but the week, which only some rules ask for */
void hd_date_of(hd_date_t *d, int32_t day);
void hd_date_week(hd_date_t *d, int32_t day, int wkst);

#endif /* HD_RECUR_DATE_H */
