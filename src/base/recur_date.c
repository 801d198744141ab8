/*
 * recur_date: days and what a calendar says of them: Gregorian throughout,
 * weeks by the day on which they begin.
 */

#include "recur_date.h"

int64_t
hd_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}


int
hd_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}


int
hd_month_length(int year, int month)
{
    static const unsigned char  days[12] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    return month == 2 && hd_leap(year) ? 29 : days[month - 1];
}


/* days since 1970-01-01 */
int32_t
hd_date_days(int year, int month, int mday)
{
    int  era, yoe, doy;

    if (month <= 2) {
        year--;
        month += 12;
    }

    era = (year >= 0 ? year : year - 399) / 400;
    yoe = year - era * 400;
    doy = (153 * (month - 3) + 2) / 5 + mday - 1;

    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}


int
hd_weekday(int32_t day)
{
    /* 1970-01-01 was a Thursday */
    return (int) (((day + 3) % 7 + 7) % 7);
}


/* the first day of a week-year: the week that has at least four days of it */
static int32_t
hd_week_year(int year, int wkst)
{
    int      back;
    int32_t  first;

    first = hd_date_days(year, 1, 1);
    back = (hd_weekday(first) - wkst + 7) % 7;

    return back <= 3 ? first - back : first - back + 7;
}


void
hd_date_of(hd_date_t *d, int32_t day)
{
    int  era, doe, doy, yoe, mp, z;

    z = day + 719468;
    era = (z >= 0 ? z : z - 146096) / 146097;
    doe = z - era * 146097;
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;

    d->mday = doy - (153 * mp + 2) / 5 + 1;
    d->month = (mp < 10) ? mp + 3 : mp - 9;
    d->year = yoe + era * 400 + (d->month <= 2);
    d->ylen = hd_leap(d->year) ? 366 : 365;
    d->mlen = hd_month_length(d->year, d->month);
    d->yday = day - hd_date_days(d->year, 1, 1) + 1;
    d->wday = hd_weekday(day);
}


void
hd_date_week(hd_date_t *d, int32_t day, int wkst)
{
    int      year;
    int32_t  first;

    year = d->year;
    first = hd_week_year(year, wkst);

    if (day < first) {
        first = hd_week_year(--year, wkst);

    } else if (day >= hd_week_year(year + 1, wkst)) {
        first = hd_week_year(++year, wkst);
    }

    d->week = (day - first) / 7 + 1;
    d->weeks = (hd_week_year(year + 1, wkst) - first) / 7;
}
