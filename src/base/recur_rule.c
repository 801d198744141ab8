/*
 * recur_rule: the text of an RRULE, wall times and durations.
 */

#include "recur.h"


static const char  hd_recur_days[7][3] = {
    "MO", "TU", "WE", "TH", "FR", "SA", "SU"
};


static int
hd_recur_same(const hd_str_t *s, const char *z)
{
    size_t  i;

    if (s->len != strlen(z)) {
        return 0;
    }

    for (i = 0; i < s->len; i++) {
        if ((s->data[i] & ~0x20) != z[i]) {
            return 0;
        }
    }

    return 1;
}


/* an optional sign and up to nine digits, all of s */
static int
hd_recur_number(const hd_str_t *s, int *n)
{
    int     v, sign;
    size_t  i;

    i = 0;
    sign = 1;

    if (s->len && (s->data[0] == '-' || s->data[0] == '+')) {
        sign = (s->data[0] == '-') ? -1 : 1;
        i = 1;
    }

    if (i == s->len || s->len - i > 9) {
        return HD_ERROR;
    }

    for (v = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return HD_ERROR;
        }

        v = v * 10 + (s->data[i] - '0');
    }

    *n = v * sign;

    return HD_OK;
}


/* what stands before `c`; *rest is what stands behind */
static hd_str_t
hd_recur_cut(hd_str_t *rest, int c)
{
    hd_str_t        s;
    unsigned char  *p;

    s = *rest;
    p = s.len ? memchr(s.data, c, s.len) : NULL;

    if (p == NULL) {
        rest->len = 0;
        return s;
    }

    s.len = (size_t) (p - s.data);
    rest->data = p + 1;
    rest->len -= s.len + 1;

    return s;
}


static int
hd_recur_weekday(const hd_str_t *s)
{
    int  i;

    for (i = 0; i < 7; i++) {
        if (hd_recur_same(s, hd_recur_days[i])) {
            return i;
        }
    }

    return -1;
}


static int
hd_recur_freq(hd_recur_t *r, const hd_str_t *v)
{
    unsigned  i;

    static const char *const  names[] = {
        "YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY",
        "SECONDLY"
    };

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (hd_recur_same(v, names[i])) {
            r->freq = (hd_recur_freq_e) i;
            return HD_OK;
        }
    }

    return HD_ERROR;
}


static int
hd_recur_byday(hd_recur_t *r, hd_str_t v)
{
    int       n, wday;
    hd_str_t  e, number, day;

    do {
        e = hd_recur_cut(&v, ',');

        if (e.len < 2) {
            return HD_ERROR;
        }

        day.data = e.data + e.len - 2;
        day.len = 2;
        wday = hd_recur_weekday(&day);

        if (wday < 0) {
            return HD_ERROR;
        }

        if (e.len == 2) {
            r->wdays |= (uint8_t) (1u << wday);
            continue;
        }

        number.data = e.data;
        number.len = e.len - 2;

        if (hd_recur_number(&number, &n) != HD_OK || n == 0 || n < -53
            || n > 53 || r->nnth == HD_RECUR_LIST)
        {
            return HD_ERROR;
        }

        r->nth[r->nnth].n = (signed char) n;
        r->nth[r->nnth].wday = (signed char) wday;
        r->nnth++;

    } while (v.len);

    return HD_OK;
}


static int
hd_recur_bysetpos(hd_recur_t *r, hd_str_t v)
{
    int       n;
    hd_str_t  e;

    do {
        e = hd_recur_cut(&v, ',');

        if (hd_recur_number(&e, &n) != HD_OK || n == 0 || n < -366 || n > 366
            || r->npos == HD_RECUR_LIST)
        {
            return HD_ERROR;
        }

        r->pos[r->npos++] = (int16_t) n;

    } while (v.len);

    return HD_OK;
}


/* numbers into bits; `neg` NULL: none below zero */
static int
hd_recur_bits(hd_str_t v, int min, int max, uint64_t *bits, uint64_t *neg)
{
    int       n;
    hd_str_t  e;

    do {
        e = hd_recur_cut(&v, ',');

        if (hd_recur_number(&e, &n) != HD_OK) {
            return HD_ERROR;
        }

        if (n < 0 && neg) {
            if (-n > max) {
                return HD_ERROR;
            }

            neg[-n / 64] |= UINT64_C(1) << (-n % 64);
            continue;
        }

        if (n < min || n > max) {
            return HD_ERROR;
        }

        bits[n / 64] |= UINT64_C(1) << (n % 64);

    } while (v.len);

    return HD_OK;
}


/* "20271231", "20271231T235959", "20271231T235959Z" */
static int
hd_recur_until(hd_recur_t *r, const hd_str_t *v)
{
    hd_str_t       s;
    unsigned char  text[HD_WALL_LEN];

    if (v->len != 8 && v->len != 15 && v->len != 16) {
        return HD_ERROR;
    }

    if (v->len > 8
        && ((v->data[8] | 0x20) != 't'
            || (v->len == 16 && (v->data[15] | 0x20) != 'z')))
    {
        return HD_ERROR;
    }

    memcpy(text, "0000-00-00T23:59:59", HD_WALL_LEN);
    memcpy(text, v->data, 4);
    memcpy(text + 5, v->data + 4, 2);
    memcpy(text + 8, v->data + 6, 2);

    if (v->len > 8) {
        memcpy(text + 11, v->data + 9, 2);
        memcpy(text + 14, v->data + 11, 2);
        memcpy(text + 17, v->data + 13, 2);
    }

    r->until_utc = (v->len == 16);

    s.data = text;
    s.len = HD_WALL_LEN;

    return hd_wall_parse(&s, &r->until);
}


/* HD_ERROR: *why is set or stays as it was */
static int
hd_recur_part(hd_recur_t *r, const hd_str_t *name, const hd_str_t *v,
    const char **why)
{
    int       n, rc;
    uint64_t  bits[2], neg[2];

    memset(bits, 0, sizeof(bits));
    memset(neg, 0, sizeof(neg));

    if (hd_recur_same(name, "FREQ")) {
        *why = "FREQ must be YEARLY, MONTHLY, WEEKLY, DAILY or HOURLY";
        return hd_recur_freq(r, v);
    }

    if (hd_recur_same(name, "INTERVAL")) {
        *why = "INTERVAL must be a number from 1 to 1000000";
        rc = hd_recur_number(v, &n);
        r->interval = (rc == HD_OK) ? n : 0;
        return r->interval >= 1 && r->interval <= 1000000 ? HD_OK : HD_ERROR;
    }

    if (hd_recur_same(name, "COUNT")) {
        *why = "COUNT must be a number from 1 to 10000";
        rc = hd_recur_number(v, &n);
        r->count = (rc == HD_OK) ? n : 0;
        return r->count >= 1 && r->count <= 10000 ? HD_OK : HD_ERROR;
    }

    if (hd_recur_same(name, "UNTIL")) {
        *why = "UNTIL must be as 20271231, 20271231T235959 or "
               "20271231T235959Z";
        return hd_recur_until(r, v);
    }

    if (hd_recur_same(name, "WKST")) {
        *why = "WKST must be one of MO, TU, WE, TH, FR, SA, SU";
        n = hd_recur_weekday(v);
        r->wkst = n < 0 ? 0 : n;
        return n < 0 ? HD_ERROR : HD_OK;
    }

    if (hd_recur_same(name, "BYDAY")) {
        *why = "BYDAY must be a list as MO,TH or 1MO,-1FR";
        return hd_recur_byday(r, *v);
    }

    if (hd_recur_same(name, "BYSETPOS")) {
        *why = "BYSETPOS must be a list of up to 64 numbers from 1 to 366 or "
               "-366 to -1";
        return hd_recur_bysetpos(r, *v);
    }

    if (hd_recur_same(name, "BYMONTH")) {
        *why = "BYMONTH must be a list of numbers from 1 to 12";
        rc = hd_recur_bits(*v, 1, 12, bits, NULL);
        r->months = (uint16_t) bits[0];
        return rc;
    }

    if (hd_recur_same(name, "BYMONTHDAY")) {
        *why = "BYMONTHDAY must be a list of numbers from 1 to 31 or -31 to "
               "-1";
        rc = hd_recur_bits(*v, 1, 31, bits, neg);
        r->mdays = (uint32_t) bits[0];
        r->mdays_neg = (uint32_t) neg[0];
        return rc;
    }

    if (hd_recur_same(name, "BYYEARDAY")) {
        *why = "BYYEARDAY must be a list of numbers from 1 to 366 or -366 to "
               "-1";
        return hd_recur_bits(*v, 1, 366, r->ydays, r->ydays_neg);
    }

    if (hd_recur_same(name, "BYWEEKNO")) {
        *why = "BYWEEKNO must be a list of numbers from 1 to 53 or -53 to -1";
        return hd_recur_bits(*v, 1, 53, &r->weeks, &r->weeks_neg);
    }

    if (hd_recur_same(name, "BYHOUR")) {
        *why = "BYHOUR must be a list of numbers from 0 to 23";
        rc = hd_recur_bits(*v, 0, 23, bits, NULL);
        r->hours = (uint32_t) bits[0];
        return rc;
    }

    if (hd_recur_same(name, "BYMINUTE")) {
        *why = "BYMINUTE must be a list of numbers from 0 to 59";
        return hd_recur_bits(*v, 0, 59, &r->minutes, NULL);
    }

    if (hd_recur_same(name, "BYSECOND")) {
        *why = "BYSECOND must be a list of numbers from 0 to 59";
        return hd_recur_bits(*v, 0, 59, &r->seconds, NULL);
    }

    *why = "it has a part that RFC 5545 does not know, or that is not taken "
           "here";

    return HD_ERROR;
}


int
hd_recur_parse(hd_recur_t *r, const hd_str_t *rule, const char **why)
{
    unsigned  freq;
    hd_str_t  rest, v, name;

    memset(r, 0, sizeof(hd_recur_t));
    r->interval = 1;
    r->until = HD_RECUR_NEVER;

    rest = *rule;
    freq = 0;

    if (rest.len > 6 && memcmp(rest.data, "RRULE:", 6) == 0) {
        rest.data += 6;
        rest.len -= 6;
    }

    while (rest.len) {
        v = hd_recur_cut(&rest, ';');

        if (v.len == 0) {
            continue;
        }

        name = hd_recur_cut(&v, '=');

        if (v.len == 0) {
            *why = "each of its parts must be NAME=VALUE";
            return HD_ERROR;
        }

        if (hd_recur_part(r, &name, &v, why) != HD_OK) {
            return HD_ERROR;
        }

        freq |= hd_recur_same(&name, "FREQ");
    }

    if (!freq) {
        *why = "it must have a FREQ, for example FREQ=WEEKLY;BYDAY=MO";
        return HD_ERROR;
    }

    if (r->count && r->until != HD_RECUR_NEVER) {
        *why = "it may have COUNT or UNTIL, not both";
        return HD_ERROR;
    }

    return HD_OK;
}


int
hd_wall_parse(const hd_str_t *text, int64_t *wall)
{
    int64_t        us;
    unsigned char  time[HD_WALL_LEN + 1];

    if ((text->len != HD_WALL_LEN && text->len != HD_WALL_LEN - 3)
        || (text->data[10] != 'T' && text->data[10] != ' '))
    {
        return HD_ERROR;
    }

    memcpy(time, "0000-00-00T00:00:00Z", sizeof(time));
    memcpy(time, text->data, text->len);
    time[10] = 'T';

    /* years that an interval may be added to and still have four digits */
    if (hd_time_parse(time, sizeof(time), &us) != HD_OK || time[0] == '0'
        || time[17] == '6')
    {
        return HD_ERROR;
    }

    *wall = us / 1000000;

    if (us % 1000000 < 0) {
        (*wall)--;
    }

    return HD_OK;
}


void
hd_wall_format(unsigned char *text, int64_t wall)
{
    unsigned char  time[HD_RFC3339_LEN];

    (void) hd_time_format(time, wall * 1000000);
    memcpy(text, time, HD_WALL_LEN);
}


int
hd_duration_parse(const hd_str_t *text, int64_t *days, int64_t *seconds)
{
    int             time, any, n;
    hd_str_t        digits;
    unsigned char  *p, *end;

    *days = 0;
    *seconds = 0;

    p = text->data;
    end = p + text->len;

    if (text->len < 3 || *p++ != 'P') {
        return HD_ERROR;
    }

    time = 0;
    any = 0;

    while (p < end) {
        if (*p == 'T' && !time) {
            time = 1;
            any = 0;
            p++;
            continue;
        }

        digits.data = p;

        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }

        digits.len = (size_t) (p - digits.data);

        if (p == end || digits.len > 8
            || hd_recur_number(&digits, &n) != HD_OK)
        {
            return HD_ERROR;
        }

        if (*p == 'W' && !time) {
            *days += (int64_t) n * 7;

        } else if (*p == 'D' && !time) {
            *days += n;

        } else if (*p == 'H' && time) {
            *seconds += (int64_t) n * 3600;

        } else if (*p == 'M' && time) {
            *seconds += (int64_t) n * 60;

        } else if (*p == 'S' && time) {
            *seconds += n;

        } else {
            return HD_ERROR;
        }

        any = 1;
        p++;
    }

    return any ? HD_OK : HD_ERROR;
}
