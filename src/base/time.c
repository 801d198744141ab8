/*
 * time: instants to and from text.  Years 0000 to 9999, Gregorian throughout.
 *
 * Days are counted from 1970-01-01 with the year taken to begin in March, so
 * that the leap day is its last day and months need no table.
 */

#include "base.h"


#define HD_US        INT64_C(1000000)
#define HD_DAY       INT64_C(86400)

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z */
#define HD_TIME_MIN  (INT64_C(-62167219200) * HD_US)
#define HD_TIME_MAX  (INT64_C(253402300800) * HD_US - 1)


static int64_t
hd_days(int year, int month, int day)
{
    int  era, yoe, doy;

    if (month <= 2) {
        year--;
        month += 12;
    }

    era = (year >= 0 ? year : year - 399) / 400;
    yoe = year - era * 400;
    doy = (153 * (month - 3) + 2) / 5 + day - 1;

    return (int64_t) era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy
           - 719468;
}


static int
hd_month_days(int year, int month)
{
    static const unsigned char  days[12] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) {
        return 29;
    }

    return days[month - 1];
}


/* n digits as a number, -1 when one of them is no digit */
static int
hd_digits(const unsigned char *p, size_t n)
{
    int     v;
    size_t  i;

    v = 0;

    for (i = 0; i < n; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return -1;
        }

        v = v * 10 + (p[i] - '0');
    }

    return v;
}


/* "2026-11-21?09:30:00", 19 bytes, into seconds */
static int
hd_time_wall(const unsigned char *p, int64_t *sec)
{
    int  year, month, day, hour, min, s;

    year = hd_digits(p, 4);
    month = hd_digits(p + 5, 2);
    day = hd_digits(p + 8, 2);
    hour = hd_digits(p + 11, 2);
    min = hd_digits(p + 14, 2);
    s = hd_digits(p + 17, 2);

    if (year < 0 || month < 1 || month > 12 || day < 1
        || day > hd_month_days(year, month)
        || hour < 0 || hour > 23 || min < 0 || min > 59 || s < 0 || s > 60
        || p[4] != '-' || p[7] != '-' || p[13] != ':' || p[16] != ':')
    {
        return HD_ERROR;
    }

    /* a leap second is the last of a UTC day, and offsets are whole quarters
     * of an hour; it becomes the second after it */
    if (s == 60 && min % 15 != 14) {
        return HD_ERROR;
    }

    *sec = hd_days(year, month, day) * HD_DAY + hour * 3600 + min * 60 + s;

    return HD_OK;
}


/* ".123" at p, if there is one, into microseconds; returns where it ends */
static const unsigned char *
hd_time_fraction(const unsigned char *p, const unsigned char *end, int64_t *us)
{
    int64_t  scale;

    *us = 0;

    if (p == end || *p != '.') {
        return p;
    }

    if (++p == end || *p < '0' || *p > '9') {
        return NULL;
    }

    for (scale = 100000; p != end && *p >= '0' && *p <= '9'; p++) {
        *us += (*p - '0') * scale;
        scale /= 10;
    }

    return p;
}


int
hd_time_parse(const unsigned char *text, size_t len, int64_t *us)
{
    int                   hour, min;
    int64_t               sec, fraction, offset;
    const unsigned char  *p, *end;

    if (len < sizeof("2026-11-21T09:30:00Z") - 1
        || (text[10] != 'T' && text[10] != 't')
        || hd_time_wall(text, &sec) != HD_OK)
    {
        return HD_ERROR;
    }

    end = text + len;

    p = hd_time_fraction(text + 19, end, &fraction);
    if (p == NULL || p == end) {
        return HD_ERROR;
    }

    offset = 0;

    if (*p == 'Z' || *p == 'z') {
        p++;

    } else if ((*p == '+' || *p == '-') && end - p >= 6 && p[3] == ':') {
        hour = hd_digits(p + 1, 2);
        min = hd_digits(p + 4, 2);

        if (hour < 0 || hour > 23 || min < 0 || min > 59) {
            return HD_ERROR;
        }

        offset = hour * 3600 + min * 60;
        if (*p == '-') {
            offset = -offset;
        }

        p += 6;
    }

    if (p != end) {
        return HD_ERROR;
    }

    *us = (sec - offset) * HD_US + fraction;

    return (*us < HD_TIME_MIN || *us > HD_TIME_MAX) ? HD_ERROR : HD_OK;
}


static unsigned char *
hd_put_digits(unsigned char *p, int64_t v, int n)
{
    int  i;

    for (i = n - 1; i >= 0; i--) {
        p[i] = (unsigned char) ('0' + v % 10);
        v /= 10;
    }

    return p + n;
}


size_t
hd_time_format(unsigned char *text, int64_t us)
{
    int             era, yoe, doe, doy, mp, year, month;
    int64_t         days, sec, fraction;
    unsigned char  *p;

    if (us < HD_TIME_MIN) {
        us = HD_TIME_MIN;

    } else if (us > HD_TIME_MAX) {
        us = HD_TIME_MAX;
    }

    /* from year 0, so that nothing below is negative */
    us -= HD_TIME_MIN;
    fraction = us % HD_US;
    sec = us / HD_US % HD_DAY;
    days = us / HD_US / HD_DAY;

    /* 0000-03-01 is day 60 of year 0; one era more keeps January positive */
    days += 146097 - 60;

    era = (int) (days / 146097);
    doe = (int) (days % 146097);
    yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    mp = (5 * doy + 2) / 153;
    month = (mp < 10) ? mp + 3 : mp - 9;
    year = (era - 1) * 400 + yoe + (month <= 2);

    p = hd_put_digits(text, year, 4);
    *p++ = '-';
    p = hd_put_digits(p, month, 2);
    *p++ = '-';
    p = hd_put_digits(p, doy - (153 * mp + 2) / 5 + 1, 2);
    *p++ = 'T';
    p = hd_put_digits(p, sec / 3600, 2);
    *p++ = ':';
    p = hd_put_digits(p, sec / 60 % 60, 2);
    *p++ = ':';
    p = hd_put_digits(p, sec % 60, 2);

    if (fraction != 0) {
        *p++ = '.';

        if (fraction % 1000 == 0) {
            p = hd_put_digits(p, fraction / 1000, 3);

        } else {
            p = hd_put_digits(p, fraction, 6);
        }
    }

    *p++ = 'Z';

    return (size_t) (p - text);
}


size_t
hd_time_from_pg(unsigned char *text, const unsigned char *pg, size_t len)
{
    int                   n;
    int64_t               sec, fraction, offset;
    const unsigned char  *p, *end;

    if (len < sizeof("2026-11-21 09:30:00+00") - 1 || pg[10] != ' '
        || hd_time_wall(pg, &sec) != HD_OK)
    {
        return 0;
    }

    end = pg + len;

    p = hd_time_fraction(pg + 19, end, &fraction);
    if (p == NULL || end - p < 3 || (*p != '+' && *p != '-')) {
        return 0;
    }

    n = hd_digits(p + 1, 2);
    if (n < 0) {
        return 0;
    }

    offset = n * 3600;

    if (end - p == 6 && p[3] == ':') {
        n = hd_digits(p + 4, 2);
        if (n < 0) {
            return 0;
        }

        offset += n * 60;

    } else if (end - p != 3) {
        return 0;
    }

    if (*p == '-') {
        offset = -offset;
    }

    return hd_time_format(text, (sec - offset) * HD_US + fraction);
}


int
hd_day_parse(const unsigned char *text, size_t len, int32_t *day)
{
    int64_t        us;
    unsigned char  time[sizeof("2026-11-21T00:00:00Z") - 1];

    if (len != 10) {
        return HD_ERROR;
    }

    memcpy(time, text, 10);
    memcpy(time + 10, "T00:00:00Z", 10);

    if (hd_time_parse(time, sizeof(time), &us) != HD_OK) {
        return HD_ERROR;
    }

    *day = (int32_t) (us / HD_US / HD_DAY);

    return HD_OK;
}


void
hd_day_format(unsigned char *text, int32_t day)
{
    unsigned char  time[HD_RFC3339_LEN];

    (void) hd_time_format(time, day * HD_DAY * HD_US);
    memcpy(text, time, 10);
}
