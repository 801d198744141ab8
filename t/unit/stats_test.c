/*
 * stats: the tail of the chi-square distribution against printed tables, and
 * the test of independence against examples worked out by hand.
 */

#include <math.h>
#include "unit.h"


static void
near(double got, double want, double within)
{
    if (!(fabs(got - want) <= within)) {
        fail_msg("got %.12g, expected %.12g", got, want);
    }
}


static void
test_table(void **state)
{
    size_t  i;

    /* critical values as tables of statistics print them */
    static const struct {
        unsigned  df;
        double    x, p;
    } known[] = {
        { 1, 0.003932, 0.95 }, { 1, 2.705543, 0.10 }, { 1, 3.841459, 0.05 },
        { 1, 6.634897, 0.01 }, { 1, 10.827566, 0.001 },
        { 2, 0.102587, 0.95 }, { 2, 5.991465, 0.05 }, { 2, 13.815511, 0.001 },
        { 3, 7.814728, 0.05 }, { 4, 0.710723, 0.95 }, { 4, 9.487729, 0.05 },
        { 10, 3.940299, 0.95 }, { 10, 18.307038, 0.05 },
        { 30, 43.772972, 0.05 }, { 100, 124.342113, 0.05 }
    };

    (void) state;

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        near(hd_stats_chi2_tail(known[i].x, known[i].df), known[i].p, 2e-6);
    }
}


/* two degrees: e^(-x/2); one: erfc(sqrt(x/2)); on both sides of the change
 * from the series to the fraction */
static void
test_exact(void **state)
{
    double  x;

    (void) state;

    for (x = 0.001; x < 200; x *= 1.17) {
        near(hd_stats_chi2_tail(x, 2), exp(-x / 2), 1e-11);
        near(hd_stats_chi2_tail(x, 1), erfc(sqrt(x / 2)), 1e-11);
    }

    near(hd_stats_chi2_tail(0, 3), 1, 0);
    near(hd_stats_chi2_tail(-1, 3), 1, 0);
    near(hd_stats_chi2_tail(NAN, 3), 1, 0);
    near(hd_stats_chi2_tail(5, 0), 1, 0);
    near(hd_stats_chi2_tail(1e9, 4), 0, 0);
}


static void
test_independence(void **state)
{
    double   least;

    static const int64_t  two[] = { 20, 30 }, hundred[] = { 100, 100 };
    static const int64_t  far[] = { 300, 400 }, thousand[] = { 1000, 1000 };
    static const int64_t  three[] = { 10, 20, 30 };
    static const int64_t  fifty[] = { 50, 50, 50 };
    static const int64_t  none[] = { 0, 0 }, empty[] = { 0, 100 };
    static const int64_t  few[] = { 1, 3 }, ten[] = { 10, 10 };

    (void) state;

    /* χ² = 2 * 5²/25 + 2 * 5²/75 = 8/3 */
    near(hd_stats_independence(two, hundred, 2, &least),
         erfc(sqrt(4.0 / 3)), 1e-12);
    near(least, 25, 1e-9);

    /* χ² = 2 * 50²/350 + 2 * 50²/650 = 21.978… */
    near(hd_stats_independence(far, thousand, 2, &least),
         erfc(sqrt(5000.0 / 350 + 5000.0 / 650) / sqrt(2)), 1e-12);

    /* χ² = 2 * 10²/20 + 2 * 10²/30 = 50/3, two degrees */
    near(hd_stats_independence(three, fifty, 3, &least), exp(-25.0 / 3),
         1e-12);

    /* the same rate; nobody; everybody; only one group */
    near(hd_stats_independence(hundred, thousand, 2, &least), 1, 1e-12);
    near(hd_stats_independence(none, hundred, 2, &least), 1, 0);
    near(hd_stats_independence(hundred, hundred, 2, &least), 1, 0);
    near(hd_stats_independence(none, empty, 2, &least), 1, 0);
    near(hd_stats_independence(two, hundred, 0, &least), 1, 0);

    /* too few to say much */
    (void) hd_stats_independence(few, ten, 2, &least);
    near(least, 2, 1e-12);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_independence)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
