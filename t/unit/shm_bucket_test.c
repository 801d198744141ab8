/*
 * Buckets: the promised rate under late timers, lanes, slowing down, and the
 * table itself.  Time is simulated.
 */

#include "shm_unit.h"


#define MB    (1024 * 1024)
#define START 50000000            /* us */


/*
 * A worker that always has something to send: its timer fires up to `jitter`
 * us late and, as nginx's do, at a whole millisecond.  Returns how many were
 * sent in `seconds`; the most in any closed window of `window` us goes to
 * *worst.
 */

static size_t
pace(hd_shm_t *shm, uint32_t b, int64_t jitter, int64_t seconds,
    int64_t window, size_t *worst, uint64_t seed)
{
    size_t    n, from, i;
    int64_t   now, end, wait, *at;

    at = calloc((size_t) seconds * 1100 + 100, sizeof(int64_t));
    assert_non_null(at);

    now = START;
    end = now + seconds * 1000000;
    n = 0;

    while (now < end) {
        wait = hd_bucket_take(shm, b, HD_LANE_BULK, now);

        if (wait == 0) {
            assert_true(n < (size_t) seconds * 1100 + 100);
            at[n++] = now;
            continue;
        }

        assert_true(wait > 0);
        now += (wait + 999) / 1000 * 1000
               + (int64_t) (unit_random(&seed) % (uint64_t) (jitter + 1));
    }

    *worst = 0;
    from = 0;

    for (i = 0; i < n; i++) {
        while (at[i] - at[from] > window) {
            from++;
        }

        if (i - from + 1 > *worst) {
            *worst = i - from + 1;
        }
    }

    free(at);

    return n;
}


static void
test_rate(void **state)
{
    size_t     sent, worst, tenth;
    double     mean;
    unit_t     u;
    uint32_t   i, j, b;
    hd_uuid_t  id;

    static const uint32_t  rates[] = { 1, 5, 20, 80, 99, 100, 200, 250, 500,
                                       1000 };
    static const int64_t   jitters[] = { 0, 1000, 5000, 10000 };

    for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        for (j = 0; j < 4; j++) {
            unit_open(&u, 8 * MB, 0);
            id = unit_id(i);
            b = hd_bucket(u.shm, &id, rates[i] * 1000);

            sent = pace(u.shm, b, jitters[j], 200, 1000000, &worst, 77 + i);
            mean = sent / 200.0;

            if (mean < 0.98 * rates[i] || worst > rates[i] + 1) {
                print_message("# rate %u, late up to %d us: mean %.2f, worst "
                              "second %zu\n", rates[i], (int) jitters[j],
                              mean, worst);
            }

            assert_true(mean >= 0.98 * rates[i]);
            assert_true(worst <= rates[i] + 1);

            if (rates[i] >= 100) {
                assert_true(worst <= rates[i]);
            }

            if (rates[i] == 80) {
                assert_true(mean >= 79.0);
                unit_close(&u);
                unit_open(&u, 8 * MB, 0);
                b = hd_bucket(u.shm, &id, 80000);
                pace(u.shm, b, jitters[j], 60, 100000, &tenth, 3);
                assert_true(tenth <= 10);

                if (jitters[j] == 10000) {
                    print_message("# 80/s, timers up to 10 ms late: mean "
                                  "%.2f, worst second %zu, worst 100 ms "
                                  "%zu\n", mean, worst, tenth);
                }
            }

            unit_close(&u);
        }
    }
}


/* idle for long: no burst has been saved up */

static void
test_idle(void **state)
{
    size_t     n;
    unit_t     u;
    uint32_t   b;
    int64_t    now;
    hd_uuid_t  id;

    unit_open(&u, 8 * MB, 0);
    id = unit_id(1);
    b = hd_bucket(u.shm, &id, 80000);

    for (now = START; now < START + 1000000000LL; now += 100000000) {
        for (n = 0; hd_bucket_take(u.shm, b, HD_LANE_BULK, now) == 0; n++) {
            assert_true(n < 3);
        }

        assert_true(n >= 1 && n <= 2);
    }

    unit_close(&u);
}


static void
test_table(void **state)
{
    unit_t     u;
    uint32_t   i, b, first;
    hd_uuid_t  id;

    unit_open(&u, 8 * MB, 0);

    first = HD_NONE;

    for (i = 0; i < HD_BUCKETS; i++) {
        id = unit_id(i);
        b = hd_bucket(u.shm, &id, 1000 + i);
        assert_true(b < HD_BUCKETS);
        first = (i == 0) ? b : first;
    }

    id = unit_id(i);
    assert_int_equal(hd_bucket(u.shm, &id, 1), HD_NONE);

    for (i = 0; i < HD_BUCKETS; i++) {
        id = unit_id(i);
        b = hd_bucket(u.shm, &id, 2000);
        assert_true(b < HD_BUCKETS);
        assert_true(hd_uuid_eq(&u.shm->buckets->nodes[b].account, &id));
        assert_int_equal(u.shm->buckets->nodes[b].rate_milli, 2000);
    }

    id = unit_id(0);
    assert_int_equal(hd_bucket(u.shm, &id, 2000), first);

    /* out of range: nothing is sent, nothing is touched */
    assert_true(hd_bucket_take(u.shm, HD_NONE, HD_LANE_BULK, START) > 0);
    hd_bucket_waiting(u.shm, HD_NONE, 1);
    hd_bucket_slow(u.shm, HD_NONE, START);

    unit_close(&u);
}


static void
test_rate_change(void **state)
{
    int64_t    wait;
    unit_t     u;
    uint32_t   b;
    hd_uuid_t  id;

    unit_open(&u, 8 * MB, 0);
    id = unit_id(1);

    /* 0: no limit */
    b = hd_bucket(u.shm, &id, 0);

    for (wait = 0; wait < 1000; wait++) {
        assert_int_equal(hd_bucket_take(u.shm, b, HD_LANE_BULK, START), 0);
    }

    /* one in ten seconds, then 80 a second: no ten seconds to wait */
    assert_int_equal(hd_bucket(u.shm, &id, 100), b);
    assert_int_equal(hd_bucket_take(u.shm, b, HD_LANE_BULK, START), 0);
    assert_int_equal(hd_bucket_take(u.shm, b, HD_LANE_BULK, START + 1), 0);
    wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, START + 2);
    assert_true(wait > 9000000 && wait < 11000000);

    assert_int_equal(hd_bucket(u.shm, &id, 80000), b);
    wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, START + 20000);
    assert_in_range(wait, 1, 13000);
    assert_int_equal(hd_bucket_take(u.shm, b, HD_LANE_BULK,
                                    START + 20000 + wait), 0);

    unit_close(&u);
}


static void
test_slow(void **state)
{
    int        i;
    int64_t    now, wait;
    size_t     n[3];
    unit_t     u;
    uint32_t   b, phase;
    hd_uuid_t  id;

    static const int64_t  from[] = { 0, 30, 61 };

    unit_open(&u, 8 * MB, 0);
    id = unit_id(1);
    b = hd_bucket(u.shm, &id, 100000);

    /* fifty refusals of one overload */
    for (i = 0; i < 50; i++) {
        hd_bucket_slow(u.shm, b, START + i * 1000);
    }

    for (phase = 0; phase < 3; phase++) {
        now = START + from[phase] * 1000000;
        n[phase] = 0;

        while (now < START + (from[phase] + 2) * 1000000) {
            wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, now);
            n[phase] += (wait == 0);
            now += wait;
        }
    }

    assert_in_range(n[0], 98, 106);         /* half of 2 × 99, rising */
    assert_in_range(n[1], 146, 158);        /* three quarters */
    assert_in_range(n[2], 196, 201);        /* all */

    /* refused again and again: halved each time, never to nothing */
    now = START + 100000000;

    for (i = 0; i < 20; i++) {
        hd_bucket_slow(u.shm, b, now);
        now += 1000000;
    }

    n[0] = 0;

    while (now < START + 124000000) {
        wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, now);
        n[0] += (wait == 0);
        now += wait;
    }

    assert_in_range(n[0], 20, 60);

    unit_close(&u);
}


static void
test_lanes(void **state)
{
    int64_t    now, wait;
    unit_t     u;
    uint32_t   b;
    hd_uuid_t  id;

    unit_open(&u, 8 * MB, 0);
    id = unit_id(1);
    b = hd_bucket(u.shm, &id, 80000);
    now = START;

    hd_bucket_waiting(u.shm, b, 1);
    wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, now);
    assert_in_range(wait, 1, 50000);
    assert_int_equal(hd_bucket_take(u.shm, b, HD_LANE_REPLY, now), 0);
    assert_true(hd_bucket_take(u.shm, b, HD_LANE_BULK, now + 100000) > 0);
    hd_bucket_waiting(u.shm, b, -1);
    assert_int_equal(hd_bucket_take(u.shm, b, HD_LANE_BULK, now + 100000),
                     0);

    /* a count that nobody takes back does not stop bulk for ever */
    hd_bucket_waiting(u.shm, b, 3);
    now += 200000;

    while ((wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, now)) != 0) {
        now += wait;
        assert_true(now < START + 3000000);
    }

    assert_true(now > START + 1000000);

    /* and a late -1 does not make it negative */
    hd_bucket_waiting(u.shm, b, -3);
    hd_bucket_waiting(u.shm, b, 1);
    assert_true(hd_bucket_take(u.shm, b, HD_LANE_BULK, now + 500000) > 0);
    hd_bucket_waiting(u.shm, b, -1);
    assert_int_equal(hd_bucket_take(u.shm, b, HD_LANE_BULK, now + 500000),
                     0);

    unit_close(&u);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_rate_change),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_lanes)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
