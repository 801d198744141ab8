/*
 * Layout and attaching, control, counters, slots, dirty broadcasts, mailbox,
 * campaigns.
 */

#include "shm_unit.h"


#define MB  (1024 * 1024)


static void
test_attach(void **state)
{
    unit_t         u;
    uint32_t       b;
    hd_shm_t      *again;
    hd_uuid_t      id;
    hd_shm_map_t   map;
    hd_lock_t      none = { NULL, NULL, NULL };
    size_t         csize, size;

    unit_open(&u, 8 * MB, 0);
    csize = hd_shm_control_size();
    assert_true(csize < 200 * 1024);

    id = unit_id(1);
    b = hd_bucket(u.shm, &id, 1000);

    /* a reload: the same bytes through another handle */
    assert_int_equal(hd_shm_attach(&again, u.block, 8 * MB, 0, none,
                                   u.control, csize, 0, none), HD_OK);
    assert_int_equal(hd_bucket(again, &id, 1000), b);
    assert_int_equal(hd_shm_repaired(again), 0);
    hd_shm_detach(again);

    assert_int_equal(hd_shm_attach(&again, u.block, 8 * MB - 4096, 0, none,
                                   u.control, csize, 0, none), HD_ERROR);
    assert_int_equal(hd_shm_attach(&again, u.block, 1 * MB, 1, none,
                                   u.control, csize, 0, none), HD_ERROR);
    assert_int_equal(hd_shm_attach(&again, NULL, 8 * MB, 1, none,
                                   u.control, csize, 0, none), HD_ERROR);
    assert_int_equal(hd_shm_attach(&again, u.block, 8 * MB, 0, none,
                                   u.control, csize - 1, 0, none), HD_ERROR);
    assert_int_equal(hd_shm_attach(&again, u.block, 8 * MB, 0, none,
                                   u.control, csize, 0, none), HD_OK);
    hd_shm_detach(again);

    u.shm->head->version++;
    assert_int_equal(hd_shm_attach(&again, u.block, 8 * MB, 0, none,
                                   u.control, csize, 0, none), HD_ERROR);
    u.shm->head->version--;
    u.shm->head->magic++;
    assert_int_equal(hd_shm_attach(&again, u.block, 8 * MB, 0, none,
                                   u.control, csize, 0, none), HD_ERROR);
    u.shm->head->magic--;
    u.shm->control->magic++;
    assert_int_equal(hd_shm_attach(&again, u.block, 8 * MB, 0, none,
                                   u.control, csize, 0, none), HD_ERROR);
    unit_close(&u);

    /* every size is used without leaving it */
    for (size = 6 * MB; size < 2048u * MB; size += size / 7 + 4096) {
        assert_int_equal(hd_shm_map(&map, size), HD_OK);
        assert_true(map.end <= size);
        assert_true(size - map.end < 4096);
        assert_true(map.ring + map.ring_size <= size);
    }

    assert_int_equal(hd_shm_map(&map, 128 * (size_t) MB), HD_OK);
    assert_true(map.ntimers >= 1000000);
}


/* a block that is not zero, as a slab may give it */

static void
test_fresh(void **state)
{
    void              *block, *control;
    hd_shm_t          *shm;
    hd_slot_t          s;
    hd_uuid_t          id;
    hd_lock_t          none = { NULL, NULL, NULL };
    hd_wheel_timer_t   t;

    block = malloc(8 * MB);
    control = malloc(hd_shm_control_size());
    assert_non_null(block);
    assert_non_null(control);
    memset(block, 0xff, 8 * MB);
    memset(control, 0xff, hd_shm_control_size());

    assert_int_equal(hd_shm_attach(&shm, block, 8 * MB, 0, none, control,
                                   hd_shm_control_size(), 0, none),
                     HD_ERROR);
    assert_int_equal(hd_shm_attach(&shm, block, 8 * MB, 1, none, control,
                                   hd_shm_control_size(), 1, none), HD_OK);

    id = unit_id(3);
    memset(&t, 0, sizeof(t));
    t.kind = HD_TIMER_LEASE;
    t.ref = id;
    t.due_ms = 5;

    assert_int_equal(hd_wheel_count(shm), 0);
    assert_int_equal(hd_wheel_add(shm, &t), HD_OK);
    unit_wheel_check(shm);
    shm->head->dirty = HD_TORN_WHEEL | HD_TORN_GRANTS;
    assert_int_equal(hd_wheel_next(shm, 0, 100), 5);
    assert_int_equal(hd_wheel_count(shm), 1);
    assert_int_equal(hd_slot_read(shm, 0, &s), 0);
    assert_int_equal(hd_grant_list(shm, HD_NONE, NULL, 0), 0);
    assert_int_equal(hd_counter_sum(shm, HD_COUNT_sends), 0);

    hd_shm_detach(shm);
    free(block);
    free(control);
}


static void
test_control(void **state)
{
    unit_t        u;
    uint32_t      a, b;
    hd_control_t  c;

    unit_open(&u, 8 * MB, 0);

    hd_control_read(u.shm, &c);
    assert_int_equal(c.epoch, 0);
    assert_int_equal(c.zone_fresh, 1);
    assert_int_equal(hd_rebuilt(u.shm), 0);

    a = hd_control_claim(u.shm, 100, 1, 5000);
    assert_int_equal(a, 1);
    assert_int_equal(hd_control_beat(u.shm, a, 5100), 1);
    hd_control_read(u.shm, &c);
    assert_int_equal(c.owner, 100);
    assert_int_equal(c.heartbeat_ms, 5100);
    assert_int_equal(c.crashes, 0);
    assert_int_equal(c.generation, 1);

    /* the same cycle: it crashed */
    b = hd_control_claim(u.shm, 101, 1, 6000);
    assert_int_equal(b, 2);
    assert_int_equal(hd_control_beat(u.shm, a, 6100), 0);
    assert_int_equal(hd_control_beat(u.shm, b, 6200), 1);
    hd_control_read(u.shm, &c);
    assert_int_equal(c.crashes, 1);
    assert_int_equal(c.crash_ms, 6000);
    assert_int_equal(c.heartbeat_ms, 6200);
    hd_control_claim(u.shm, 102, 1, 6300);
    hd_control_read(u.shm, &c);
    assert_int_equal(c.crashes, 2);

    /* a reload: it did not */
    hd_control_claim(u.shm, 103, 2, 7000);
    hd_control_read(u.shm, &c);
    assert_int_equal(c.crashes, 0);
    assert_int_equal(c.epoch, 4);

    hd_rebuilt_set(u.shm);
    assert_int_equal(hd_rebuilt(u.shm), 1);
    hd_control_read(u.shm, &c);
    assert_int_equal(c.zone_fresh, 0);

    a = hd_auth_epoch(u.shm);
    hd_auth_bump(u.shm);
    assert_int_equal(hd_auth_epoch(u.shm), a + 1);

    unit_close(&u);
}


static void
test_counters(void **state)
{
    unit_t    u;
    uint32_t  i;

    unit_open(&u, 8 * MB, 0);

    for (i = 0; i < HD_SLOTS; i++) {
        hd_count(u.shm, i, HD_COUNT_sends, i);
        hd_count(u.shm, i, HD_COUNT_logins_refused, 1);
    }

    hd_count(u.shm, HD_NONE, HD_COUNT_sends, 1000);
    hd_count(u.shm, 0, HD_COUNT_MAX, 1000);

    assert_int_equal(hd_counter_sum(u.shm, HD_COUNT_sends),
                     HD_SLOTS * (HD_SLOTS - 1) / 2);
    assert_int_equal(hd_counter_sum(u.shm, HD_COUNT_logins_refused),
                     HD_SLOTS);
    assert_int_equal(hd_counter_sum(u.shm, HD_COUNT_logins), 0);
    assert_int_equal(hd_counter_sum(u.shm, HD_COUNT_MAX), 0);
    assert_string_equal(hd_counter_name(HD_COUNT_api_requests),
                        "api_requests");
    assert_string_equal(hd_counter_name(HD_COUNT_logins_refused),
                        "logins_refused");
    assert_string_equal(hd_counter_name(HD_COUNT_MAX), "");

    unit_close(&u);
}


static void
test_slots(void **state)
{
    unit_t     u;
    uint32_t   i, a, workers[8];
    hd_slot_t  s;
    hd_uuid_t  org, batch;

    unit_open(&u, 8 * MB, 0);
    org = unit_id(1);
    batch = unit_id(2);

    for (i = 0; i < HD_SLOTS; i++) {
        assert_int_equal(hd_slot_take(u.shm, 100 + i, 3, i % 4, 10), i);
    }

    assert_int_equal(hd_slot_take(u.shm, 999, 3, 0, 10), HD_NONE);
    assert_int_equal(hd_slot_read(u.shm, HD_NONE, &s), 0);

    assert_int_equal(hd_slot_read(u.shm, 5, &s), 1);
    assert_int_equal(s.index, 5);
    assert_int_equal(s.pid, 105);
    assert_int_equal(s.worker, 1);
    assert_int_equal(s.generation, 3);
    assert_int_equal(s.heartbeat_ms, 10);
    assert_int_equal(s.quitting, 0);

    hd_slot_beat(u.shm, 5, 20);
    hd_slot_quitting(u.shm, 5);
    hd_slot_streams(u.shm, 5, 2);
    hd_slot_streams(u.shm, 5, -1);
    assert_int_equal(hd_slot_read(u.shm, 5, &s), 1);
    assert_int_equal(s.heartbeat_ms, 20);
    assert_int_equal(s.quitting, 1);
    assert_int_equal(s.streams, 1);

    /* whom to wake for an event: not 5, which is leaving */
    hd_slot_streams(u.shm, 6, 1);
    hd_slot_streams(u.shm, 9, 3);
    assert_int_equal(hd_slots_streaming(u.shm, workers, 8), 2);
    assert_int_equal(workers[0], 2);
    assert_int_equal(workers[1], 1);
    assert_int_equal(hd_slots_streaming(u.shm, workers, 1), 1);
    hd_slot_free(u.shm, 6);
    assert_int_equal(hd_slots_streaming(u.shm, workers, 8), 1);
    assert_int_equal(hd_slot_take(u.shm, 106, 3, 2, 10), 6);
    assert_int_equal(hd_slots_streaming(u.shm, workers, 8), 1);

    /* freed with an attempt open: seen, and not given out, until closed */
    a = hd_attempt_open(u.shm, 5, &org, &batch, 9, 1);
    hd_slot_free(u.shm, 5);
    assert_int_equal(hd_slot_read(u.shm, 5, &s), 0);
    assert_int_equal(hd_slot_take(u.shm, 999, 4, 2, 30), HD_NONE);
    assert_int_equal(hd_attempt_known(u.shm, &batch, 9), 1);
    hd_attempt_close(u.shm, a);
    assert_int_equal(hd_slot_take(u.shm, 999, 4, 2, 30), 5);
    assert_int_equal(hd_slot_read(u.shm, 5, &s), 1);
    assert_int_equal(s.quitting, 0);
    assert_int_equal(s.streams, 0);
    assert_int_equal(s.worker, 2);

    /* killed between the bit and the attempt: the bit goes with the worker */
    u.shm->slots[5].attempts[2] = 0xff;
    hd_slot_free(u.shm, 5);
    assert_int_equal(hd_slot_take(u.shm, 998, 4, 2, 30), 5);
    assert_int_equal(u.shm->slots[5].attempts[2], 0);

    unit_close(&u);
}


static void
test_dirty(void **state)
{
    unit_t      u;
    size_t      i;
    hd_uuid_t   org, id;
    hd_dirty_t  out[HD_DIRTY];

    unit_open(&u, 8 * MB, 0);
    org = unit_id(1);

    assert_int_equal(hd_dirty_take(u.shm, out, HD_DIRTY), 0);

    for (i = 0; i < 3000; i++) {
        id = unit_id(i % 10);
        hd_dirty_mark(u.shm, &org, &id);
    }

    assert_int_equal(hd_dirty_take(u.shm, out, 4), 4);
    id = unit_id(0);
    assert_true(hd_uuid_eq(&out[0].batch, &id));
    assert_true(hd_uuid_eq(&out[0].org, &org));
    hd_dirty_mark(u.shm, &org, &id);
    assert_int_equal(hd_dirty_take(u.shm, out, HD_DIRTY), 7);
    assert_true(hd_uuid_eq(&out[6].batch, &id));
    assert_int_equal(hd_dirty_lost(u.shm), 0);

    for (i = 0; i < HD_DIRTY + 1; i++) {
        id = unit_id(i);
        hd_dirty_mark(u.shm, &org, &id);
    }

    assert_int_equal(hd_dirty_lost(u.shm), 1);
    assert_int_equal(hd_dirty_lost(u.shm), 0);
    assert_int_equal(hd_dirty_take(u.shm, out, HD_DIRTY), HD_DIRTY);
    assert_int_equal(hd_dirty_take(u.shm, out, HD_DIRTY), 0);

    unit_close(&u);
}


static void
test_mail(void **state)
{
    unit_t     u;
    size_t     i, round;
    hd_mail_t  m;
    hd_uuid_t  org, id;

    unit_open(&u, 8 * MB, 0);
    org = unit_id(1);

    assert_int_equal(hd_mail_take(u.shm, &m), 0);

    for (round = 0; round < 3; round++) {
        for (i = 0; i < HD_MAILBOX; i++) {
            id = unit_id(i);
            hd_mail_send(u.shm, HD_MAIL_STRAYS, &org, &id);
        }

        assert_int_equal(hd_mail_lost(u.shm), 0);
        hd_mail_send(u.shm, HD_MAIL_ACCOUNT, &org, &id);
        assert_int_equal(hd_mail_lost(u.shm), 1);
        assert_int_equal(hd_mail_lost(u.shm), 0);

        for (i = 0; i < HD_MAILBOX; i++) {
            id = unit_id(i);
            assert_int_equal(hd_mail_take(u.shm, &m), 1);
            assert_int_equal(m.kind, HD_MAIL_STRAYS);
            assert_true(hd_uuid_eq(&m.id, &id));
            assert_true(hd_uuid_eq(&m.org, &org));
        }

        assert_int_equal(hd_mail_take(u.shm, &m), 0);
    }

    unit_close(&u);
}


static void
test_campaigns(void **state)
{
    unit_t         u;
    uint32_t       i, at;
    hd_campaign_t  c, out;

    unit_open(&u, 8 * MB, 0);

    memset(&c, 0, sizeof(c));
    c.org = unit_id(1);
    c.account = unit_id(2);
    c.batch = unit_id(3);
    c.state = HD_CAMPAIGN_FREE;
    assert_int_equal(hd_campaign_put(u.shm, &c), HD_NONE);

    c.state = HD_CAMPAIGN_RUNNING;
    c.bucket = 4;
    c.audience = 1000;
    c.next = 17;
    c.fence = 41;
    at = hd_campaign_put(u.shm, &c);
    assert_int_not_equal(at, HD_NONE);
    assert_int_equal(hd_campaign_find(u.shm, &c.batch), at);
    assert_int_equal(hd_campaign_find(u.shm, &c.org), HD_NONE);
    assert_int_equal(hd_campaign_read(u.shm, at, &out), 1);
    assert_int_equal(out.next, 17);
    assert_int_equal(out.granted, 0);
    assert_int_equal(out.fence, 41);
    assert_int_equal(hd_campaign_running(u.shm, at, &c.batch), 1);
    assert_int_equal(hd_campaign_running(u.shm, at, &c.org), 0);
    assert_int_equal(hd_campaign_running(u.shm, HD_NONE, &c.batch), 0);

    /* updated; the cursor is kept */
    c.next = 1;
    c.fence = 42;
    assert_int_equal(hd_campaign_put(u.shm, &c), at);
    hd_campaign_read(u.shm, at, &out);
    assert_int_equal(out.next, 17);
    assert_int_equal(out.fence, 42);

    hd_campaign_state(u.shm, &c.batch, HD_CAMPAIGN_PAUSED);
    assert_int_equal(hd_campaign_running(u.shm, at, &c.batch), 0);
    hd_campaign_state(u.shm, &c.batch, HD_CAMPAIGN_RUNNING);
    assert_int_equal(hd_campaign_running(u.shm, at, &c.batch), 1);
    hd_campaign_state(u.shm, &c.batch, HD_CAMPAIGN_CANCELLED);
    hd_campaign_state(u.shm, &c.batch, HD_CAMPAIGN_RUNNING);
    hd_campaign_put(u.shm, &c);
    hd_campaign_read(u.shm, at, &out);
    assert_int_equal(out.state, HD_CAMPAIGN_CANCELLED);

    hd_campaign_free(u.shm, at);
    assert_int_equal(hd_campaign_read(u.shm, at, &out), 0);
    assert_int_equal(hd_campaign_find(u.shm, &c.batch), HD_NONE);
    hd_campaign_state(u.shm, &c.batch, HD_CAMPAIGN_RUNNING);

    for (i = 0; i < HD_CAMPAIGNS; i++) {
        c.batch = unit_id(100 + i);
        assert_int_not_equal(hd_campaign_put(u.shm, &c), HD_NONE);
    }

    c.batch = unit_id(3);
    assert_int_equal(hd_campaign_put(u.shm, &c), HD_NONE);
    assert_int_equal(hd_campaign_read(u.shm, HD_NONE, &out), 0);

    unit_close(&u);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_attach),
        cmocka_unit_test(test_fresh),
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_dirty),
        cmocka_unit_test(test_mail),
        cmocka_unit_test(test_campaigns)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
