/*
 * stats: do groups differ by more than chance?  Pearson's chi-square test of
 * independence on a table of two columns (did, did not).
 *
 * The tail of the chi-square distribution is the regularised upper incomplete
 * gamma function Q(df / 2, x / 2): by its power series where that converges
 * fast (small x), by a continued fraction elsewhere.
 */

#include <math.h>
#include "base.h"


#define HD_STATS_STEPS    500
#define HD_STATS_EPSILON  1e-14


/* x^a e^-x / Γ(a): what both forms are scaled by */
static double
hd_stats_scale(double a, double x)
{
    return exp(a * log(x) - x - lgamma(a));
}


/* P(a, x) = scale * Σ x^n / (a (a + 1) … (a + n)) */
static double
hd_stats_series(double a, double x)
{
    int     n;
    double  term, sum;

    term = 1 / a;
    sum = term;

    for (n = 1; n < HD_STATS_STEPS; n++) {
        term *= x / (a + n);
        sum += term;

        if (term < sum * HD_STATS_EPSILON) {
            break;
        }
    }

    return sum * hd_stats_scale(a, x);
}


/*
 * Q(a, x) = scale / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (…))),
 * evaluated from the back: as many levels as are ever needed cost nothing.
 */
static double
hd_stats_fraction(double a, double x)
{
    int     n;
    double  below;

    below = 0;

    for (n = HD_STATS_STEPS; n > 0; n--) {
        below = n * (n - a) / (x + 2 * n + 1 - a - below);
    }

    return hd_stats_scale(a, x) / (x + 1 - a - below);
}


double
hd_stats_chi2_tail(double x, unsigned df)
{
    double  a, q;

    if (df == 0 || !(x > 0)) {
        return 1;
    }

    a = df / 2.0;
    x /= 2;

    q = (x < a + 1) ? 1 - hd_stats_series(a, x) : hd_stats_fraction(a, x);

    return q < 0 ? 0 : q > 1 ? 1 : q;
}


double
hd_stats_independence(const int64_t *hits, const int64_t *sizes, size_t n,
    double *least)
{
    size_t   i, groups;
    double   all, did, x, yes, no;

    all = 0;
    did = 0;
    groups = 0;

    for (i = 0; i < n; i++) {
        all += sizes[i];
        did += hits[i];
        groups += (sizes[i] > 0);
    }

    *least = 0;

    /* nobody did, or everybody: there is nothing to tell apart */
    if (groups < 2 || did <= 0 || did >= all) {
        return 1;
    }

    x = 0;
    *least = all;

    for (i = 0; i < n; i++) {
        if (sizes[i] <= 0) {
            continue;
        }

        yes = sizes[i] * (did / all);
        no = sizes[i] - yes;

        *least = fmin(*least, fmin(yes, no));

        x += (hits[i] - yes) * (hits[i] - yes) / yes;
        x += (hits[i] - yes) * (hits[i] - yes) / no;
    }

    return hd_stats_chi2_tail(x, (unsigned) groups - 1);
}
