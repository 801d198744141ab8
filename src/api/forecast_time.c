/*
 * When a broadcast would end: the queue before it, then its own people from
 * the time on at which each may be sent to, at the number's pace and only on
 * the days and in the hours that the number has.
 *
 * It is an estimate, and errs on the late side where it must: what is queued
 * before it is taken to go first, though campaigns share a number.
 */

#include "forecast.h"


#define HD_FORECAST_DAY   (24 * 3600 * 1000000ll)


static double
hd_forecast_pace(hd_forecast_t *f, const char **by)
{
    double  interval;

    interval = 0;
    *by = NULL;

    if (f->number_rate) {
        /* a bucket paces one per cent below its limit */
        interval = 1000000.0 / (f->number_rate * 0.99);
        *by = "number";
    }

    if (f->gap_ms * 1000.0 > interval) {
        interval = f->gap_ms * 1000.0;
        *by = "gaps";
    }

    return interval;
}


double
hd_forecast_interval(hd_forecast_t *f, const char **by)
{
    double  interval, own;

    interval = hd_forecast_pace(f, by);
    own = f->own_rate ? 60000000.0 / f->own_rate : 0;

    if (own > interval) {
        interval = own;
        *by = "broadcast";
    }

    return interval;
}


/* n messages from `t` on: when they are out; 0: the days do not suffice */
static double
hd_forecast_go(hd_forecast_t *f, double t, int64_t n, double interval)
{
    int64_t             can;
    double              fit;
    ngx_uint_t          i;
    hd_forecast_day_t  *d;

    if (f->days.nelts == 0 || n == 0) {
        return t + n * interval;
    }

    d = f->days.elts;

    for (i = 0; i < f->days.nelts; i++, d++) {

        if ((double) d->close <= t || d->left == 0) {
            continue;
        }

        t = ngx_max(t, (double) d->open);
        can = d->left < 0 ? n : ngx_min(n, d->left);

        if (interval > 0) {
            fit = ((double) d->close - t) / interval;
            can = fit < (double) can ? (int64_t) fit + 1 : can;
        }

        if (d->left > 0) {
            d->left -= can;
        }

        n -= can;
        t += can * interval;

        if (n == 0) {
            return t;
        }
    }

    return 0;
}


static int
hd_forecast_earlier(const void *one, const void *two)
{
    const hd_forecast_part_t  *a = one, *b = two;

    return a->begin < b->begin ? -1 : a->begin > b->begin;
}


/* those whom the portfolio has no room for wait for the next day's, and so on;
 * 0: it never has any */
static double
hd_forecast_room(hd_forecast_t *f)
{
    int64_t  over, left;

    left = f->portfolio_limit - ngx_min(f->portfolio_used,
                                        f->portfolio_limit);
    over = f->needed - left;

    if (f->portfolio_limit < 0 || over <= 0) {
        return f->start;
    }

    if (f->portfolio_limit == 0) {
        return 0;
    }

    return (double) f->start + (double) HD_FORECAST_DAY
           * (double) ((over + f->portfolio_limit - 1) / f->portfolio_limit);
}


int64_t
hd_forecast_finish(hd_forecast_t *f)
{
    double               t, room, interval;
    ngx_uint_t           i;
    const char          *by;
    hd_forecast_part_t  *p;

    if (f->reachable == 0) {
        return f->start;
    }

    t = hd_forecast_go(f, f->now, f->ahead, hd_forecast_pace(f, &by));
    room = hd_forecast_room(f);

    if (t == 0 || room == 0) {
        return 0;
    }

    interval = hd_forecast_interval(f, &by);
    p = f->parts.elts;
    ngx_qsort(p, f->parts.nelts, sizeof(hd_forecast_part_t),
              hd_forecast_earlier);

    for (i = 0; i < f->parts.nelts; i++) {
        t = ngx_max(t, (double) p[i].begin);
        t = hd_forecast_go(f, t, p[i].n, interval);

        if (t == 0) {
            return 0;
        }
    }

    t += f->waits * 1000000.0;

    return (int64_t) ngx_max(t, room);
}
