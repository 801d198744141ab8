/*
 * The limits beside a number's rate: pairs, the breaker, the human gap, what
 * inbound takes, a campaign's own rate, and what the queue view is told.
 */

#include "shm_unit.h"


#define MB     (1024 * 1024)
#define START  50000000000            /* us */
#define SECOND 1000000


static void
test_pair(void **state)
{
    size_t     n, i;
    unit_t     u;
    int64_t    now, wait;
    hd_uuid_t  account, one, two;

    unit_open(&u, 8 * MB, 1);
    account = unit_id(1);
    one = unit_id(2);
    two = unit_id(3);
    now = START;

    /* the burst, then one in six seconds; the other person is free */
    for (n = 0; hd_pair_take(u.shm, &account, &one, now) == 0; n++) {
        assert_true(n < 100);
    }

    assert_int_equal(n, HD_PAIR_BURST);
    assert_int_equal(hd_pair_take(u.shm, &account, &two, now), 0);

    wait = hd_pair_take(u.shm, &account, &one, now);
    assert_int_equal(wait, HD_PAIR_INTERVAL);

    assert_true(hd_pair_take(u.shm, &account, &one, now + wait - 1) > 0);
    assert_int_equal(hd_pair_take(u.shm, &account, &one, now + wait), 0);
    assert_true(hd_pair_take(u.shm, &account, &one, now + wait) > 0);

    /* the provider says so: four seconds, whatever we counted */
    hd_pair_block(u.shm, &account, &two, now, 4 * SECOND);
    assert_int_equal(hd_pair_take(u.shm, &account, &two, now), 4 * SECOND);
    assert_int_equal(hd_pair_take(u.shm, &account, &two, now + 4 * SECOND),
                     0);

    /* more people than there is room for forget only who owes the least */
    for (i = 0; i < 3 * HD_PAIRS; i++) {
        two = unit_id(1000 + i);
        assert_int_equal(hd_pair_take(u.shm, &account, &two, now), 0);
    }

    assert_true(hd_pair_take(u.shm, &account, &one, now) > 0);

    unit_close(&u);
}


static void
test_breaker(void **state)
{
    size_t     probes;
    unit_t     u;
    int64_t    now, wait;
    uint32_t   i, b;
    hd_uuid_t  account;

    unit_open(&u, 8 * MB, 0);
    account = unit_id(1);
    b = hd_bucket(u.shm, &account, 80000);
    now = START;

    /* failures between answers do not add up */
    for (i = 0; i < 20; i++) {
        assert_false(hd_bucket_result(u.shm, b, i % 4 == 0, now));
    }

    hd_bucket_result(u.shm, b, 1, now);

    for (i = 0; i < HD_BREAKER_TRIES - 1; i++) {
        assert_false(hd_bucket_result(u.shm, b, 0, now));
    }

    assert_false(hd_bucket_open(u.shm, b));
    assert_true(hd_bucket_result(u.shm, b, 0, now));
    assert_true(hd_bucket_open(u.shm, b));
    assert_false(hd_bucket_result(u.shm, b, 0, now));

    /* one probe in ten seconds, for both lanes together */
    probes = 0;

    for (i = 0; i < 60 * 20; i++) {
        now += SECOND / 20;
        wait = hd_bucket_take(u.shm, b, i & 1, now);
        probes += (wait == 0);
        assert_true(wait <= HD_BREAKER_PROBE * 1000);
    }

    assert_in_range(probes, 5, 6);

    /* an answer opens the way at the rate, with no burst */
    hd_bucket_result(u.shm, b, 1, now);
    assert_false(hd_bucket_open(u.shm, b));

    for (i = 0; hd_bucket_take(u.shm, b, HD_LANE_BULK, now) == 0; i++) {
        assert_true(i < 3);
    }

    /* without a limit as well */
    b = hd_bucket(u.shm, &account, 0);

    for (i = 0; i < HD_BREAKER_TRIES; i++) {
        hd_bucket_result(u.shm, b, 0, now);
    }

    assert_true(hd_bucket_take(u.shm, b, HD_LANE_REPLY, now + SECOND) > 0);

    unit_close(&u);
}


static void
test_gap(void **state)
{
    size_t     n, longer;
    unit_t     u;
    int64_t    now, last, wait;
    uint32_t   b;
    hd_uuid_t  account;

    unit_open(&u, 8 * MB, 0);
    account = unit_id(1);
    b = hd_bucket(u.shm, &account, 80000);
    hd_bucket_gap(u.shm, b, 30000, 60000);

    now = START;
    last = 0;
    longer = 0;

    for (n = 0; n < 200; n++) {
        while ((wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, now)) != 0) {
            now += wait;
        }

        if (n) {
            assert_in_range(now - last, 30 * SECOND, 60 * SECOND + 1000);
            longer += (now - last > 45 * SECOND);
        }

        last = now;
    }

    /* they are spread, not all alike */
    assert_in_range(longer, 60, 140);

    /* an hour of silence is not caught up with */
    now += 3600ll * SECOND;
    assert_int_equal(hd_bucket_take(u.shm, b, HD_LANE_BULK, now), 0);
    assert_true(hd_bucket_take(u.shm, b, HD_LANE_BULK, now) >= 29 * SECOND);

    hd_bucket_gap(u.shm, b, 0, 0);
    unit_close(&u);
}


static void
test_charge(void **state)
{
    size_t     n;
    unit_t     u;
    int64_t    now, wait;
    uint32_t   b;
    hd_uuid_t  account;

    unit_open(&u, 8 * MB, 0);
    account = unit_id(1);
    b = hd_bucket(u.shm, &account, 80000);
    assert_int_equal(hd_bucket_find(u.shm, &account), b);

    /* forty inbound in a second leave forty outbound */
    now = START;
    n = 0;

    while (now < START + 10 * (int64_t) SECOND) {
        if ((now - START) % 25000 == 0) {
            hd_bucket_charge(u.shm, b, 1, now);
        }

        wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, now);
        n += (wait == 0);
        now += 1000;
    }

    assert_in_range(n, 380, 400);

    /* a flood holds the number for a second and no longer */
    hd_bucket_charge(u.shm, b, 100000, now);
    wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, now);
    assert_in_range(wait, SECOND / 2, SECOND + SECOND / 10);

    unit_close(&u);
}


static void
test_campaign(void **state)
{
    size_t         n;
    unit_t         u;
    int64_t        now, wait;
    uint32_t       c;
    hd_campaign_t  src;

    unit_open(&u, 8 * MB, 1);
    memset(&src, 0, sizeof(src));
    src.org = unit_id(1);
    src.batch = unit_id(2);
    src.account = unit_id(3);
    src.state = HD_CAMPAIGN_RUNNING;
    src.audience = 1000;
    src.rate_milli = 2000;
    src.allowed = 10;
    c = hd_campaign_put(u.shm, &src);
    assert_int_not_equal(c, HD_NONE);

    n = 0;

    for (now = START; now < START + 60 * (int64_t) SECOND; now += 10000) {
        if (hd_campaign_take(u.shm, c, now) == 0) {
            n++;

            /* every third was refused by the number's bucket */
            if (n % 3 == 0) {
                hd_campaign_untake(u.shm, c);
                n--;
                assert_int_equal(hd_campaign_take(u.shm, c, now), 0);
                n++;
            }
        }
    }

    assert_in_range(n, 117, 121);

    hd_campaign_allow(u.shm, c, 500);
    assert_true(hd_campaign_read(u.shm, c, &src));
    assert_int_equal(src.allowed, 500);

    src.rate_milli = 0;
    hd_campaign_put(u.shm, &src);

    for (wait = 0, n = 0; n < 100; n++) {
        wait += hd_campaign_take(u.shm, c, now);
    }

    assert_int_equal(wait, 0);

    unit_close(&u);
}


static void
test_state(void **state)
{
    unit_t             u;
    uint32_t           b, i;
    hd_uuid_t          account;
    hd_bucket_state_t  s, rest;

    static const uint32_t  rates[] = { 0, 100, 10000, 80000, 500000, 1000000 };

    unit_open(&u, 8 * MB, 0);
    account = unit_id(1);
    assert_int_equal(hd_bucket_find(u.shm, &account), HD_NONE);
    assert_false(hd_bucket_state(u.shm, 0, START, &s));

    b = hd_bucket(u.shm, &account, 80000);
    assert_true(hd_bucket_state(u.shm, b, START, &s));
    assert_int_equal(s.rate_milli, 80000);
    assert_int_equal(s.share, 1024);
    assert_int_equal(s.tokens, 1);
    assert_int_equal(s.wait_us, 0);

    assert_int_equal(hd_bucket_take(u.shm, b, HD_LANE_BULK, START), 0);
    assert_true(hd_bucket_state(u.shm, b, START, &s));
    assert_true(s.tokens == 1 || s.wait_us > 0);

    hd_bucket_slow(u.shm, b, START);
    hd_bucket_late(u.shm, b, 10);
    hd_bucket_late(u.shm, b, 11);
    hd_bucket_late(u.shm, b, 999999);
    assert_true(hd_bucket_state(u.shm, b, START, &s));
    assert_int_equal(s.share, 512);
    assert_int_equal(s.late[0], 1);
    assert_int_equal(s.late[1], 1);
    assert_int_equal(s.late[HD_LATE_STEPS - 1], 1);
    assert_int_equal(s.late_ms, 1000020);
    hd_bucket_late(u.shm, b, -5);
    assert_true(hd_bucket_state(u.shm, b, START, &s));
    assert_int_equal(s.late[0], 2);
    assert_int_equal(s.late_ms, 1000020);
    assert_int_equal(hd_late_step(0), 10);
    assert_int_equal(hd_late_step(HD_LATE_STEPS - 2), 30000);
    assert_int_equal(hd_late_step(HD_LATE_STEPS - 1), -1);

    /* one that is made and not taken from says the same as none */
    for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        account = unit_id(100 + i);
        b = hd_bucket(u.shm, &account, rates[i]);
        assert_true(hd_bucket_state(u.shm, b, START, &s));
        hd_bucket_rest(rates[i], &rest);
        assert_memory_equal(&s, &rest, sizeof(s));
    }

    unit_close(&u);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_pair),
        cmocka_unit_test(test_breaker),
        cmocka_unit_test(test_gap),
        cmocka_unit_test(test_charge),
        cmocka_unit_test(test_campaign),
        cmocka_unit_test(test_state)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
