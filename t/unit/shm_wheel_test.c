/*
 * The wheel: against a naive model with 100 thousand timers, at its limits,
 * and after a crash.
 */

#include "shm_unit.h"


#define TIMERS  100000
#define MB      (1024 * 1024)


static hd_wheel_timer_t
timer_of(uint64_t n, uint64_t due_ms)
{
    hd_wheel_timer_t  t;

    memset(&t, 0, sizeof(t));
    t.kind = HD_TIMER_RETRY + n % 3;
    t.org = unit_id(7);
    t.ref = unit_id(n);
    t.due_ms = due_ms;

    return t;
}


static uint64_t
number_of(const hd_wheel_timer_t *t)
{
    uint64_t  n;

    memcpy(&n, t->ref.b, 8);

    return n;
}


static void
test_basic(void **state)
{
    unit_t            u;
    hd_wheel_timer_t  t, out[8];

    unit_open(&u, 8 * MB, 0);

    assert_int_equal(hd_wheel_count(u.shm), 0);
    assert_int_equal(hd_wheel_next(u.shm, 1000, 5000), 5000);
    assert_int_equal(hd_wheel_take(u.shm, 1000, out, 8), 0);

    t = timer_of(1, 1500);
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);
    t = timer_of(2, 1100);
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);
    t = timer_of(3, 900);
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);
    assert_int_equal(hd_wheel_count(u.shm), 3);
    unit_wheel_check(u.shm);

    assert_int_equal(hd_wheel_next(u.shm, 1000, 5000), 0);
    assert_int_equal(hd_wheel_take(u.shm, 1000, out, 8), 1);
    assert_int_equal(number_of(&out[0]), 3);
    assert_true(hd_uuid_eq(&out[0].org, &t.org));
    assert_int_equal(out[0].kind, t.kind);
    assert_int_equal(out[0].due_ms, 900);

    /* moved by adding again, forwards and back */
    t = timer_of(2, 9000);
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);
    assert_int_equal(hd_wheel_count(u.shm), 2);
    t = timer_of(1, 1200);
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);
    assert_true(hd_wheel_next(u.shm, 1000, 5000) <= 200);
    assert_int_equal(hd_wheel_take(u.shm, 1199, out, 8), 0);
    assert_int_equal(hd_wheel_next(u.shm, 1199, 5000), 1);
    assert_int_equal(hd_wheel_take(u.shm, 1200, out, 8), 1);
    assert_int_equal(number_of(&out[0]), 1);

    /* the same ref under another kind is another timer */
    t = timer_of(2, 9100);
    t.kind = HD_TIMER_SWEEP;
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);
    assert_int_equal(hd_wheel_count(u.shm), 2);
    hd_wheel_cancel(u.shm, HD_TIMER_SWEEP, &t.ref);
    hd_wheel_cancel(u.shm, HD_TIMER_SWEEP, &t.ref);
    assert_int_equal(hd_wheel_count(u.shm), 1);

    assert_int_equal(hd_wheel_take(u.shm, 10000, out, 8), 1);
    assert_int_equal(number_of(&out[0]), 2);
    assert_int_equal(hd_wheel_next(u.shm, 10000, 77), 77);
    unit_wheel_check(u.shm);

    t.kind = 256;
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_ERROR);

    unit_close(&u);
}


static void
test_far(void **state)
{
    uint32_t          i;
    unit_t            u;
    hd_wheel_timer_t  t, out[4];

    static const uint64_t  due[] = {
        64, 4096, 262144, 1ull << 24, 1ull << 30, 1ull << 36, 1ull << 42,
        1ull << 48, 1ull << 54, 1ull << 60, 1ull << 63, UINT64_MAX
    };

    unit_open(&u, 8 * MB, 0);

    for (i = 0; i < 12; i++) {
        t = timer_of(i, due[11 - i]);
        assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);
    }

    for (i = 0; i < 12; i++) {
        assert_int_equal(hd_wheel_take(u.shm, due[i] - 1, out, 4), 0);
        assert_int_equal(hd_wheel_next(u.shm, due[i] - 1, 50), 1);
        assert_int_equal(hd_wheel_take(u.shm, due[i], out, 4), 1);
        assert_int_equal(out[0].due_ms, due[i]);
        unit_wheel_check(u.shm);
    }

    unit_close(&u);
}


/* the model: due[n] of every timer that is set, 0 when it is not */

typedef struct {
    unit_t     u;
    uint64_t   seed;
    uint64_t   now;
    uint64_t  *due;
    size_t     set;
    size_t     fired;
} model_t;


static void
model_add(model_t *m, uint64_t n, uint64_t due_ms)
{
    hd_wheel_timer_t  t;

    m->set += (m->due[n] == 0);
    m->due[n] = due_ms;
    t = timer_of(n, due_ms);
    assert_int_equal(hd_wheel_add(m->u.shm, &t), HD_OK);
}


/* some are moved, some cancelled, some added anew */

static void
model_churn(model_t *m)
{
    size_t            i;
    uint64_t          r, n;
    hd_wheel_timer_t  t;

    for (i = 0; i < 50; i++) {
        r = unit_random(&m->seed);
        n = (r >> 20) % TIMERS;

        if ((r & 3) == 0) {
            t = timer_of(n, 0);
            hd_wheel_cancel(m->u.shm, t.kind, &t.ref);
            m->set -= (m->due[n] != 0);
            m->due[n] = 0;

        } else if ((r & 3) == 1 && m->fired < 4 * TIMERS) {
            model_add(m, n, m->now + 1 + (r >> 40) % 5000);
        }
    }
}


/* what is due at `now`; the earliest of all goes to *min */

static size_t
model_due(model_t *m, uint64_t now, uint64_t *min)
{
    size_t  i, n;

    n = 0;
    *min = UINT64_MAX;

    for (i = 0; i < TIMERS; i++) {
        if (m->due[i] != 0) {
            n += (m->due[i] <= now);
            *min = (m->due[i] < *min) ? m->due[i] : *min;
        }
    }

    return n;
}


static size_t
model_take(model_t *m, size_t batch)
{
    size_t            i, got, total;
    uint64_t          n, last;
    hd_wheel_timer_t  out[64];

    last = 0;
    total = 0;

    do {
        got = hd_wheel_take(m->u.shm, m->now, out, batch);
        total += got;

        for (i = 0; i < got; i++) {
            n = number_of(&out[i]);
            assert_int_equal(out[i].due_ms, m->due[n]);
            assert_true(out[i].due_ms <= m->now);
            assert_true(out[i].due_ms >= last);
            last = out[i].due_ms;
            m->due[n] = 0;
        }

    } while (got > 0);

    return total;
}


static void
model_run(uint64_t seed)
{
    size_t    i, expect;
    model_t   m;
    uint64_t  r, to, min, next;

    memset(&m, 0, sizeof(m));
    unit_open(&m.u, 16 * MB, 0);
    m.seed = seed;
    m.due = calloc(TIMERS, sizeof(uint64_t));
    assert_non_null(m.due);

    m.now = 1000 + unit_random(&m.seed) % 100000000;
    assert_int_equal(model_take(&m, 64), 0);

    for (i = 0; i < TIMERS; i++) {
        r = unit_random(&m.seed);
        model_add(&m, i, m.now + 1
                         + (r >> 8) % ((r & 7) ? 60000 : 30000000));
    }

    while (m.set > 0) {
        model_churn(&m);

        r = unit_random(&m.seed);
        to = m.now + ((r & 15) ? (r >> 8) % 300 : (r >> 8) % 400000);
        expect = model_due(&m, to, &min);

        if (min != UINT64_MAX && min > m.now) {
            next = hd_wheel_next(m.u.shm, m.now, 1000000000);
            assert_true(next > 0 && next <= min - m.now);
        }

        m.now = to;
        assert_int_equal(model_take(&m, 1 + (r >> 33) % 64), expect);
        m.fired += expect;
        m.set -= expect;
        assert_int_equal(hd_wheel_count(m.u.shm), m.set);

        /* the naive model is slow: the rest in big steps */
        if (m.fired > TIMERS / 2) {
            m.now += (r >> 50);
        }
    }

    unit_wheel_check(m.u.shm);
    free(m.due);
    unit_close(&m.u);
}


static void
test_model(void **state)
{
    model_run(42);
    model_run(20261121);
}


static void
test_full(void **state)
{
    size_t            i, room, got, total;
    unit_t            u;
    hd_wheel_timer_t  t, out[64];

    unit_open(&u, 8 * MB, 0);
    room = hd_wheel_room(u.shm);
    assert_true(room > 40000);

    for (i = 0; i < room; i++) {
        t = timer_of(i, 5000 + i % 7);
        assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);
    }

    t = timer_of(i, 5000);
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_ERROR);
    t = timer_of(3, 4000);
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);
    assert_int_equal(unit_wheel_check(u.shm), room);

    hd_wheel_cancel(u.shm, t.kind, &t.ref);
    t = timer_of(i, 5000);
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);

    total = 0;

    while ((got = hd_wheel_take(u.shm, 6000, out, 64)) > 0) {
        total += got;
    }

    assert_int_equal(total, room);
    unit_wheel_check(u.shm);

    unit_close(&u);
}


static void
fill(unit_t *u, size_t n)
{
    size_t            i;
    hd_wheel_timer_t  t;

    for (i = 0; i < n; i++) {
        t = timer_of(i, 1000 + i * 3);
        assert_int_equal(hd_wheel_add(u->shm, &t), HD_OK);
    }
}


static void
test_repair(void **state)
{
    size_t            i, got;
    uint64_t          seed;
    uint32_t          high;
    unit_t            u;
    hd_wheel_sh_t    *w;
    hd_wheel_timer_t  t, out[64];

    unit_open(&u, 8 * MB, 0);
    fill(&u, 2000);
    hd_wheel_take(u.shm, 1300, out, 64);
    w = u.shm->wheel;
    high = w->high;
    seed = 99;

    assert_int_equal(hd_shm_repaired(u.shm), 0);

    /* killed inside: links, lists, bitmaps, hash, free list and count are
     * rubbish; one node was being filled and is not `used` yet */
    for (i = 0; i < high; i++) {
        u.shm->timers[i].next = (uint32_t) unit_random(&seed);
        u.shm->timers[i].prev = (uint32_t) unit_random(&seed);
        u.shm->timers[i].chain = (uint32_t) unit_random(&seed);
        u.shm->timers[i].list = (uint16_t) unit_random(&seed);
    }

    memset(w->lists, 0xa5, sizeof(w->lists));
    memset(w->bits, 0x5a, sizeof(w->bits));
    memset(u.shm->heads, 0x33, u.shm->map.nheads * 4);
    w->free = 12345678;
    w->count = 1;
    w->pending = 9;
    u.shm->timers[500].used = 0;
    u.shm->head->dirty = HD_TORN_WHEEL;

    /* whoever comes next repairs */
    assert_int_equal(hd_wheel_next(u.shm, 1300, 50) <= 50, 1);
    assert_int_equal(u.shm->head->dirty, 0);
    assert_int_equal(hd_shm_repaired(u.shm), 1);
    assert_int_equal(hd_shm_repaired(u.shm), 0);

    assert_int_equal(unit_wheel_check(u.shm), 2000 - 64 - 1);

    t = timer_of(500, 2500);
    assert_int_equal(hd_wheel_add(u.shm, &t), HD_OK);

    got = 0;

    while ((i = hd_wheel_take(u.shm, 1000000, out, 64)) > 0) {
        got += i;
    }

    assert_int_equal(got, 2000 - 64);
    unit_wheel_check(u.shm);

    /* repairing twice, and of an empty wheel, changes nothing */
    u.shm->head->dirty = HD_TORN_WHEEL;
    assert_int_equal(hd_wheel_take(u.shm, 1000000, out, 64), 0);
    assert_int_equal(unit_wheel_check(u.shm), 0);

    unit_close(&u);
}


/* SHM_TIMERS=1000000 for the figures; a smaller number by default */

static void
test_cost(void **state)
{
    char             *env;
    size_t            i, n, got, total;
    double            start, add, take, next;
    uint64_t          seed, now;
    unit_t            u;
    hd_wheel_timer_t  t, out[256];

    env = getenv("SHM_TIMERS");
    n = (env != NULL) ? (size_t) atol(env) : 50000;
    seed = 5;

    unit_open(&u, (n > 50000 ? 128 : 16) * (size_t) MB, 0);
    assert_true(hd_wheel_room(u.shm) >= n);
    now = 5000000;
    hd_wheel_take(u.shm, now, out, 256);

    start = unit_seconds();

    for (i = 0; i < n; i++) {
        t = timer_of(i, now + 1 + unit_random(&seed) % 60000);
        hd_wheel_add(u.shm, &t);
    }

    add = unit_seconds() - start;
    total = 0;
    next = 0;
    start = unit_seconds();

    while (total < n) {
        now += hd_wheel_next(u.shm, now, 1000);
        next++;

        while ((got = hd_wheel_take(u.shm, now, out, 256)) > 0) {
            total += got;
        }
    }

    take = unit_seconds() - start;

    print_message("# %zu timers over 60 s: add %.0f ns, fire %.0f ns, "
                  "%.0f wake-ups, %zu B each\n", n, add * 1e9 / n,
                  take * 1e9 / n, next,
                  sizeof(hd_wheel_node_t)
                  + u.shm->map.nheads * 4 / u.shm->map.ntimers);

    assert_int_equal(total, n);
    unit_close(&u);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_far),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_repair),
        cmocka_unit_test(test_cost)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
