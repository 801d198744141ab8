/*
 * The event ring: order, wrapping, gaps, ids of another life.
 */

#include "shm_unit.h"


#define MB  (1024 * 1024)


static hd_event_t  ev;


static void
test_order(void **state)
{
    unit_t         u;
    uint64_t       cursor, first, id;
    hd_uuid_t      org, other;
    unsigned char  big[HD_EVENT_MAX + 1];

    unit_open(&u, 8 * MB, 0);
    org = unit_id(1);
    other = unit_id(2);
    memset(big, 'x', sizeof(big));

    cursor = hd_event_newest(u.shm);
    first = cursor;
    assert_true(first != 0 && first < 1ull << 63);
    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 0);

    id = hd_event_publish(u.shm, &org, "broadcast.progress",
                          (unsigned char *) "{\"sent\":1}", 10);
    assert_int_equal(id, first + 1);
    assert_int_equal(hd_event_publish(u.shm, &other, "", big, 0), first + 2);
    assert_int_equal(hd_event_publish(u.shm, &other,
                                      "12345678901234567890123456789012",
                                      big, HD_EVENT_MAX), first + 3);

    /* refused: too long */
    assert_int_equal(hd_event_publish(u.shm, &org,
                                      "123456789012345678901234567890123",
                                      big, 1), 0);
    assert_int_equal(hd_event_publish(u.shm, &org, "a", big,
                                      HD_EVENT_MAX + 1), 0);
    assert_int_equal(hd_event_newest(u.shm), first + 3);

    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 1);
    assert_int_equal(cursor, id);
    assert_int_equal(ev.id, id);
    assert_true(hd_uuid_eq(&ev.org, &org));
    assert_string_equal(ev.type, "broadcast.progress");
    assert_int_equal(ev.len, 10);
    assert_memory_equal(ev.data, "{\"sent\":1}", 10);

    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 1);
    assert_int_equal(ev.len, 0);
    assert_string_equal(ev.type, "");

    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 1);
    assert_int_equal(ev.len, HD_EVENT_MAX);
    assert_memory_equal(ev.data, big, HD_EVENT_MAX);
    assert_int_equal(strlen(ev.type), 32);
    assert_true(hd_uuid_eq(&ev.org, &other));

    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 0);

    unit_close(&u);
}


/* any id that a client may send: never an event of the wrong place */

static void
test_foreign(void **state)
{
    unit_t     u, v;
    uint32_t   i;
    uint64_t   cursor, base, seed;
    hd_uuid_t  org;

    unit_open(&u, 8 * MB, 0);
    unit_open(&v, 8 * MB, 0);
    org = unit_id(1);
    base = hd_event_newest(u.shm);
    seed = 3;

    for (i = 0; i < 100; i++) {
        hd_event_publish(u.shm, &org, "t", (unsigned char *) "{}", 2);
        hd_event_publish(v.shm, &org, "t", (unsigned char *) "{}", 2);
    }

    /* two lives of a zone do not share ids */
    assert_true(hd_event_newest(u.shm) != hd_event_newest(v.shm));
    cursor = hd_event_newest(v.shm) - 50;
    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), -1);
    assert_int_equal(cursor, base + 100);
    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 0);

    cursor = 0;
    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), -1);
    cursor = UINT64_MAX;
    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), -1);
    cursor = base - 1;
    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), -1);
    cursor = base + 101;
    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), -1);
    cursor = base;
    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 1);

    for (i = 0; i < 100000; i++) {
        cursor = unit_random(&seed);
        assert_int_equal(hd_event_next(u.shm, &cursor, &ev), -1);
    }

    unit_close(&u);
    unit_close(&v);
}


static void
test_wrap(void **state)
{
    size_t         len, j;
    unit_t         u;
    uint64_t       seed, cursor, slow, id, i, first, read, gaps;
    hd_uuid_t      org;
    unsigned char  data[HD_EVENT_MAX];

    unit_open(&u, 8 * MB, 0);
    org = unit_id(1);
    seed = 11;
    first = hd_event_newest(u.shm);
    cursor = first;
    slow = first;
    read = 0;
    gaps = 0;

    for (i = 0; i < 20000; i++) {
        len = unit_random(&seed) % (HD_EVENT_MAX + 1);
        id = first + i + 1;
        memset(data, (int) (id & 0xff), len);
        assert_int_equal(hd_event_publish(u.shm, &org, "wrap", data, len),
                         id);

        /* one that keeps up sees all of them */
        assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 1);
        assert_int_equal(ev.id, id);
        assert_int_equal(ev.len, len);

        for (j = 0; j < len; j++) {
            if (ev.data[j] != (id & 0xff)) {
                fail();
            }
        }

        /* one that reads every third falls back and is told so */
        if (i % 3 == 0) {
            switch (hd_event_next(u.shm, &slow, &ev)) {

            case 1:
                assert_int_equal(ev.id, slow);
                assert_true(ev.len == 0 || ev.data[0] == (slow & 0xff));
                read++;
                break;

            case -1:
                assert_int_equal(slow, id);
                gaps++;
                break;

            default:
                fail();
            }
        }
    }

    assert_true(gaps > 0 && read > 1000);

    /* the oldest that is still there, found from outside */
    for (cursor = first; cursor < id; cursor++) {
        slow = cursor;

        if (hd_event_next(u.shm, &slow, &ev) == 1) {
            break;
        }
    }

    /* about as many bytes as the ring has, and no hole after it */
    assert_in_range(id - cursor, 700, 1300);

    while (cursor < id) {
        assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 1);
    }

    unit_close(&u);
}


/* tiny events: the index goes round before the bytes do */

static void
test_index(void **state)
{
    unit_t     u;
    uint64_t   i, cursor, first, old;
    hd_uuid_t  org;

    unit_open(&u, 8 * MB, 0);
    org = unit_id(1);
    first = hd_event_newest(u.shm);

    for (i = 0; i < u.shm->map.nindex + 10; i++) {
        hd_event_publish(u.shm, &org, "t", (unsigned char *) "{}", 2);
    }

    old = first + 9;
    assert_int_equal(hd_event_next(u.shm, &old, &ev), -1);
    cursor = first + 10;
    assert_int_equal(hd_event_next(u.shm, &cursor, &ev), 1);
    assert_int_equal(ev.id, first + 11);

    unit_close(&u);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_index)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
