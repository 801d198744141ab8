/*
 * recur: the occurrences of a rule, period by period.
 *
 *   period k (a year, a month, ... from DTSTART's on, `interval` apart)
 *     -> its days that the rule lets through
 *     -> times of the day
 *     -> days x times, counted and never written down: BYSETPOS picks numbers
 *
 * HOURLY and below have one day in a period; a day, an hour or a minute that
 * does not fit is left in one step.
 */

#include "recur.h"
#include "recur_date.h"


#define HD_DAY_S  INT64_C(86400)


static int
hd_recur_bit(const uint64_t *bits, int n)
{
    return (bits[n / 64] >> (n % 64)) & 1;
}


static int
hd_recur_any(const uint64_t *bits, int words)
{
    while (words--) {
        if (bits[words]) {
            return 1;
        }
    }

    return 0;
}


/* "the second Friday", "the last Monday": of the month, or of the year */
static int
hd_recur_nth(const hd_recur_iter_t *it, const hd_date_t *d)
{
    int                at, len, n, last;
    unsigned           i;
    const hd_recur_t  *r = it->rule;

    if (r->freq == HD_RECUR_YEARLY && r->months == 0) {
        at = d->yday;
        len = d->ylen;

    } else {
        at = d->mday;
        len = d->mlen;
    }

    n = (at - 1) / 7 + 1;
    last = -((len - at) / 7 + 1);

    for (i = 0; i < r->nnth; i++) {
        if (r->nth[i].wday == d->wday
            && (r->freq > HD_RECUR_MONTHLY || r->nth[i].n == n
                || r->nth[i].n == last))
        {
            return 1;
        }
    }

    return 0;
}


static int
hd_recur_day(const hd_recur_iter_t *it, int32_t day)
{
    hd_date_t          d;
    const hd_recur_t  *r = it->rule;

    hd_date_of(&d, day);

    if (it->months && !((it->months >> d.month) & 1)) {
        return 0;
    }

    if (it->wdays || r->nnth) {
        if (!((it->wdays >> d.wday) & 1) && !hd_recur_nth(it, &d)) {
            return 0;
        }
    }

    if (it->mdays || r->mdays_neg) {
        /* with last_day: bits above the month's length stand for its last */
        if (!((it->mdays >> d.mday) & 1)
            && !((r->mdays_neg >> (d.mlen - d.mday + 1)) & 1)
            && !(it->last_day && d.mday == d.mlen && d.mlen < 31
                 && (it->mdays >> (d.mlen + 1)) != 0))
        {
            return 0;
        }
    }

    if (hd_recur_any(r->ydays, 6) || hd_recur_any(r->ydays_neg, 6)) {
        if (!hd_recur_bit(r->ydays, d.yday)
            && !hd_recur_bit(r->ydays_neg, d.ylen - d.yday + 1))
        {
            return 0;
        }
    }

    if (r->weeks || r->weeks_neg) {
        hd_date_week(&d, day, r->wkst);

        if (!((r->weeks >> d.week) & 1)
            && !((r->weeks_neg >> (d.weeks - d.week + 1)) & 1))
        {
            return 0;
        }
    }

    return 1;
}


static unsigned
hd_recur_list(unsigned char *list, uint64_t bits, int none)
{
    int       i;
    unsigned  n;

    n = 0;

    for (i = 0; i < 60; i++) {
        if ((bits >> i) & 1) {
            list[n++] = (unsigned char) i;
        }
    }

    if (n == 0) {
        list[n++] = (unsigned char) none;
    }

    return n;
}


void
hd_recur_begin(hd_recur_iter_t *it, const hd_recur_t *rule, int64_t start,
    unsigned last_day)
{
    int        time, bare;
    int32_t    day;
    hd_date_t  d;

    memset(it, 0, sizeof(hd_recur_iter_t));

    it->rule = rule;
    it->start = start;
    it->last_day = last_day ? 1 : 0;
    it->left = rule->count ? rule->count : INT64_MAX;
    it->last = start - 1;
    it->period = -1;
    it->months = rule->months;
    it->mdays = rule->mdays;
    it->wdays = rule->wdays;

    day = (int32_t) hd_floor_div(start, HD_DAY_S);
    time = (int) (start - day * HD_DAY_S);
    hd_date_of(&d, day);

    /* what the rule does not say, DTSTART does */
    bare = !rule->mdays && !rule->mdays_neg && !rule->wdays && !rule->nnth
           && !hd_recur_any(rule->ydays, 6)
           && !hd_recur_any(rule->ydays_neg, 6);

    if (bare && (rule->weeks || rule->weeks_neg)) {
        if (rule->freq == HD_RECUR_YEARLY) {
            it->wdays = (uint8_t) (1u << d.wday);
        }

    } else if (bare && rule->freq <= HD_RECUR_MONTHLY) {
        it->mdays = 1u << d.mday;

        if (rule->freq == HD_RECUR_YEARLY && !rule->months) {
            it->months = (uint16_t) (1u << d.month);
        }

    } else if (bare && rule->freq == HD_RECUR_WEEKLY) {
        it->wdays = (uint8_t) (1u << d.wday);
    }

    it->nhours = hd_recur_list(it->hours, rule->hours, time / 3600);
    it->nminutes = hd_recur_list(it->minutes, rule->minutes, time / 60 % 60);
    it->nseconds = hd_recur_list(it->seconds, rule->seconds, time % 60);
}


/* steps of `unit` seconds from DTSTART's own */

static int64_t
hd_recur_unit(const hd_recur_iter_t *it)
{
    static const int64_t  units[] = { 0, 0, 7 * 86400, 86400, 3600, 60, 1 };

    return units[it->rule->freq];
}


static int64_t
hd_recur_first(const hd_recur_iter_t *it)
{
    int64_t  unit, day;

    unit = hd_recur_unit(it);

    if (it->rule->freq != HD_RECUR_WEEKLY) {
        return hd_floor_div(it->start, unit) * unit;
    }

    day = hd_floor_div(it->start, HD_DAY_S);
    day -= (hd_weekday((int32_t) day) - it->rule->wkst + 7) % 7;

    return day * HD_DAY_S;
}


/* leaves the periods that begin before `to` and touch it no more */
static void
hd_recur_leap(hd_recur_iter_t *it, int64_t to)
{
    int64_t  step, k;

    step = hd_recur_unit(it) * it->rule->interval;
    k = -hd_floor_div(-(to - hd_recur_first(it)), step);

    if (k - 1 > it->period) {
        it->period = k - 1;
    }
}


/* days from..to that fit */
static void
hd_recur_days_of(hd_recur_iter_t *it, int32_t from, int n)
{
    int32_t  day;

    for (day = from; day < from + n; day++) {
        if (hd_recur_day(it, day)) {
            it->days[it->ndays++] = day;
        }
    }
}


/*
 * HOURLY and below: 1 when the period's day, hour and minute fit, else the
 * periods up to the next one that can are left.
 */
static int
hd_recur_fits(hd_recur_iter_t *it, int64_t at)
{
    int                time;
    int32_t            day;
    const hd_recur_t  *r = it->rule;

    day = (int32_t) hd_floor_div(at, HD_DAY_S);
    time = (int) (at - day * HD_DAY_S);

    if (!hd_recur_day(it, day)) {
        hd_recur_leap(it, (day + 1) * HD_DAY_S);
        return 0;
    }

    if (r->hours && !((r->hours >> (time / 3600)) & 1)) {
        hd_recur_leap(it, at - time % 3600 + 3600);
        return 0;
    }

    if (r->freq >= HD_RECUR_MINUTELY && r->minutes
        && !((r->minutes >> (time / 60 % 60)) & 1))
    {
        hd_recur_leap(it, at - time % 60 + 60);
        return 0;
    }

    if (r->freq == HD_RECUR_SECONDLY && r->seconds
        && !((r->seconds >> (time % 60)) & 1))
    {
        return 0;
    }

    it->days[it->ndays++] = day;

    return 1;
}


/* fills days; returns what it cost, 0 beyond year 9999 */
static unsigned
hd_recur_fill(hd_recur_iter_t *it)
{
    int                year, month;
    int64_t            n;
    hd_date_t          d;
    const hd_recur_t  *r = it->rule;

    it->ndays = 0;

    if (r->freq <= HD_RECUR_MONTHLY) {
        hd_date_of(&d, (int32_t) hd_floor_div(it->start, HD_DAY_S));

        if (it->period > 120000) {
            return 0;
        }

        if (r->freq == HD_RECUR_YEARLY) {
            n = d.year + it->period * r->interval;

            if (n > 9999) {
                return 0;
            }

            hd_recur_days_of(it, hd_date_days((int) n, 1, 1),
                             hd_leap((int) n) ? 366 : 365);
            return 366;
        }

        n = d.month - 1 + it->period * r->interval;
        year = (int) (d.year + n / 12);
        month = (int) (n % 12) + 1;

        if (year > 9999) {
            return 0;
        }

        hd_recur_days_of(it, hd_date_days(year, month, 1),
                         hd_month_length(year, month));
        return 31;
    }

    it->base = hd_recur_first(it)
               + it->period * hd_recur_unit(it) * r->interval;

    if (it->base > INT64_C(253402214400)) {
        return 0;
    }

    if (r->freq >= HD_RECUR_HOURLY) {
        (void) hd_recur_fits(it, it->base);
        return 1;
    }

    hd_recur_days_of(it, (int32_t) hd_floor_div(it->base, HD_DAY_S),
                     r->freq == HD_RECUR_WEEKLY ? 7 : 1);

    return r->freq == HD_RECUR_WEEKLY ? 7 : 1;
}


static unsigned
hd_recur_times(const hd_recur_iter_t *it)
{
    switch (it->rule->freq) {
    case HD_RECUR_SECONDLY: return 1;
    case HD_RECUR_MINUTELY: return it->nseconds;
    case HD_RECUR_HOURLY:   return it->nminutes * it->nseconds;
    default:                return it->nhours * it->nminutes * it->nseconds;
    }
}


/* BYSETPOS: numbers among the period's, in order and once each */
static void
hd_recur_pick(hd_recur_iter_t *it)
{
    int64_t   at;
    unsigned  i, j, k;

    it->n = 0;

    for (i = 0; i < it->rule->npos; i++) {
        at = it->rule->pos[i];
        at = at > 0 ? at - 1 : (int64_t) it->all + at;

        if (at < 0 || at >= it->all) {
            continue;
        }

        for (j = 0; j < it->n && it->picked[j] < at; j++) { /* void */ }

        if (j < it->n && it->picked[j] == at) {
            continue;
        }

        for (k = it->n++; k > j; k--) {
            it->picked[k] = it->picked[k - 1];
        }

        it->picked[j] = (uint32_t) at;
    }
}


static int64_t
hd_recur_at(const hd_recur_iter_t *it, uint32_t i)
{
    unsigned  times, t;
    int64_t   wall;

    if (it->rule->npos) {
        i = it->picked[i];
    }

    times = hd_recur_times(it);
    t = i % times;

    switch (it->rule->freq) {

    case HD_RECUR_SECONDLY:
        return it->base;

    case HD_RECUR_MINUTELY:
        return it->base + it->seconds[t];

    case HD_RECUR_HOURLY:
        return it->base + it->minutes[t / it->nseconds] * 60
               + it->seconds[t % it->nseconds];

    default:
        wall = it->days[i / times] * HD_DAY_S;
        wall += it->hours[t / (it->nminutes * it->nseconds)] * 3600;
        wall += it->minutes[t / it->nseconds % it->nminutes] * 60;
        return wall + it->seconds[t % it->nseconds];
    }
}


void
hd_recur_skip(hd_recur_iter_t *it, int64_t after)
{
    int64_t            k;
    const hd_recur_t  *r = it->rule;

    if (after <= it->last) {
        return;
    }

    if (r->count == 0) {
        /* one period earlier is early enough for all of its times */
        if (r->freq <= HD_RECUR_MONTHLY) {
            k = hd_floor_div(after - it->start, HD_DAY_S)
                / (r->freq == HD_RECUR_YEARLY ? 366 : 31) / r->interval - 2;

        } else {
            k = hd_floor_div(after - hd_recur_first(it),
                             hd_recur_unit(it) * r->interval) - 2;
        }

        if (k > it->period) {
            it->period = k;
            it->n = 0;
            it->at = 0;
        }

        it->last = after;
        return;
    }

    /* COUNT counts from the first */
    while (it->last < after && hd_recur_next(it, &k) == HD_OK) {
        if (k > after) {
            it->at--;
            it->left++;
            it->last = after;
            return;
        }
    }
}


int
hd_recur_next(hd_recur_iter_t *it, int64_t *wall)
{
    int64_t            work;
    unsigned           cost;
    const hd_recur_t  *r = it->rule;

    work = HD_RECUR_WORK;

    while (!it->ended && it->left) {

        while (it->at < it->n) {
            *wall = hd_recur_at(it, it->at++);

            if (*wall > r->until) {
                it->ended = 1;
                return HD_ERROR;
            }

            if (*wall > it->last) {
                it->last = *wall;
                it->left--;
                return HD_OK;
            }
        }

        it->period++;
        cost = hd_recur_fill(it);
        work -= cost;

        if (cost == 0 || work < 0) {
            it->ended = 1;
            it->limit = (cost != 0);
            return HD_ERROR;
        }

        it->all = it->ndays * hd_recur_times(it);
        it->at = 0;

        if (r->npos) {
            hd_recur_pick(it);

        } else {
            it->n = it->all;
        }

        /* nothing comes after UNTIL */
        if (it->n == 0 && r->until != HD_RECUR_NEVER
            && r->freq >= HD_RECUR_WEEKLY && it->base > r->until)
        {
            it->ended = 1;
        }
    }

    return HD_ERROR;
}
