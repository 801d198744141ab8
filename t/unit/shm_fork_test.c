/*
 * Several processes on one zone: the ring read without a lock while two write,
 * attempts read while they change, one bucket shared, and a holder of the lock
 * that is killed anywhere.
 */

#include "shm_unit.h"


#define MB      (1024 * 1024)
#define EVENTS  60000
#define KILLS   150
#define LISTED  1024


static hd_event_t  ev;


/* children have no cmocka: they say how it went by their exit code */

#define child_check(x)                                                        \
    do {                                                                      \
        if (!(x)) {                                                           \
            fprintf(stderr, "# child: %s, line %d\n", #x, __LINE__);          \
            _exit(1);                                                         \
        }                                                                     \
    } while (0)


static void
wait_for(pid_t *pids, size_t n)
{
    int     status;
    size_t  i;

    for (i = 0; i < n; i++) {
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
}


/* an event's bytes follow from its first eight: a torn one shows */

static void
event_writer(hd_shm_t *shm, uint64_t seed)
{
    size_t         len, i;
    uint32_t       n;
    uint64_t       x;
    hd_uuid_t      org;
    unsigned char  data[HD_EVENT_MAX];

    for (n = 0; n < EVENTS; n++) {
        x = unit_random(&seed);
        len = 8 + (x >> 7) % ((x & 7) ? 400 : HD_EVENT_MAX - 7);
        org = unit_id(x);
        memcpy(data, &x, 8);

        for (i = 8; i < len; i++) {
            data[i] = (unsigned char) (x >> (i % 8 * 8)) ^ (unsigned char) i;
        }

        child_check(hd_event_publish(shm, &org, (x & 8) ? "aa" : "bbbbbbbbb",
                                     data, len) != 0);

        /* let the readers nearly keep up: both ends are to be seen */
        if (n % 32 == 0) {
            usleep(50);
        }
    }

    _exit(0);
}


static void
event_reader(hd_shm_t *shm, uint64_t first, uint64_t total)
{
    size_t     i;
    uint64_t   cursor, x, before, read, gaps;
    hd_uuid_t  org;

    cursor = first;
    read = 0;
    gaps = 0;

    while (cursor < first + total) {
        before = cursor;

        switch (hd_event_next(shm, &cursor, &ev)) {

        case 0:
            sched_yield();
            continue;

        case -1:
            child_check(cursor > before);
            gaps++;
            continue;
        }

        child_check(cursor == before + 1 && ev.id == cursor);
        child_check(ev.len >= 8);
        memcpy(&x, ev.data, 8);
        org = unit_id(x);
        child_check(hd_uuid_eq(&org, &ev.org));
        child_check(strcmp(ev.type, (x & 8) ? "aa" : "bbbbbbbbb") == 0);

        for (i = 8; i < ev.len; i++) {
            child_check(ev.data[i] == (unsigned char)
                        ((unsigned char) (x >> (i % 8 * 8))
                         ^ (unsigned char) i));
        }

        read++;

        /* lag on purpose, to be lapped while copying */
        if (read % 5000 == 0) {
            usleep(20000);
        }
    }

    fprintf(stderr, "# reader: %u events whole, lapped %u times\n",
            (unsigned) read, (unsigned) gaps);
    child_check(read > 1000);
    _exit(0);
}


static void
test_ring(void **state)
{
    pid_t     pids[4];
    unit_t    u;
    uint64_t  first;
    uint32_t  i;

    unit_open(&u, 6 * MB, 1);
    first = hd_event_newest(u.shm);

    for (i = 0; i < 4; i++) {
        pids[i] = unit_fork();
        assert_true(pids[i] >= 0);

        if (pids[i] == 0) {
            if (i < 2) {
                event_reader(u.shm, first, 2 * EVENTS);
            }

            event_writer(u.shm, 100 + i);
        }
    }

    wait_for(pids, 4);
    assert_int_equal(hd_event_newest(u.shm), first + 2 * EVENTS);

    unit_close(&u);
}


static void
attempt_worker(hd_shm_t *shm, uint32_t n)
{
    uint32_t   slot, i, seq, ids[100];
    hd_uuid_t  org, batch;

    slot = hd_slot_take(shm, getpid(), 1, n, 1);
    child_check(slot < HD_SLOTS);

    for (seq = 0; seq < 200000; seq += 100) {
        for (i = 0; i < 100; i++) {
            org = unit_id(seq + i);
            batch = unit_id(seq + i + 1);
            ids[i] = hd_attempt_open(shm, slot, &org, &batch, seq + i,
                                     seq + i);
            child_check(ids[i] != HD_NONE);
            hd_attempt_written(shm, ids[i]);
            hd_count(shm, slot, HD_COUNT_sends, 1);
        }

        for (i = 0; i < 100; i++) {
            hd_attempt_close(shm, ids[i]);
        }
    }

    hd_slot_free(shm, slot);
    _exit(0);
}


static void
test_attempts(void **state)
{
    int            status;
    pid_t          pids[2];
    size_t         n, i;
    unit_t         u;
    uint32_t       done, seen;
    hd_uuid_t      org, batch;
    hd_attempt_t  *a;

    unit_open(&u, 8 * MB, 1);
    a = calloc(LISTED, sizeof(hd_attempt_t));
    assert_non_null(a);

    for (i = 0; i < 2; i++) {
        pids[i] = unit_fork();
        assert_true(pids[i] >= 0);

        if (pids[i] == 0) {
            attempt_worker(u.shm, i);
        }
    }

    done = 0;
    seen = 0;

    while (done < 2) {
        n = hd_attempt_list(u.shm, HD_NONE, a, LISTED);
        seen += n;

        for (i = 0; i < n; i++) {
            org = unit_id(a[i].seq);
            batch = unit_id(a[i].seq + 1);
            assert_true(hd_uuid_eq(&a[i].org, &org));
            assert_true(hd_uuid_eq(&a[i].batch, &batch));
            assert_int_equal(a[i].fence, a[i].seq);
        }

        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
            done++;
        }
    }

    assert_true(seen > 0);
    assert_int_equal(hd_attempt_list(u.shm, HD_NONE, a, LISTED), 0);
    assert_int_equal(hd_counter_sum(u.shm, HD_COUNT_sends), 400000);

    free(a);
    unit_close(&u);
}


/* three processes, one number, the real clock: the sum keeps the promise */

static void
test_bucket(void **state)
{
    int64_t           now, wait, end;
    pid_t             pids[3];
    unit_t            u;
    uint32_t          i, b, total;
    hd_uuid_t         id;
    volatile int64_t  *sent;

    unit_open(&u, 8 * MB, 1);
    id = unit_id(9);
    sent = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal((void *) sent, MAP_FAILED);
    b = hd_bucket(u.shm, &id, 1000000);

    for (i = 0; i < 3; i++) {
        pids[i] = unit_fork();
        assert_true(pids[i] >= 0);

        if (pids[i] == 0) {
            child_check(hd_bucket(u.shm, &id, 1000000) == b);
            now = (int64_t) (unit_seconds() * 1e6);
            end = now + 1000000;

            while (now < end) {
                wait = hd_bucket_take(u.shm, b, HD_LANE_BULK, now);

                if (wait == 0) {
                    sent[i]++;

                } else {
                    usleep((useconds_t) wait);
                }

                now = (int64_t) (unit_seconds() * 1e6);
            }

            _exit(0);
        }
    }

    wait_for(pids, 3);
    total = (uint32_t) (sent[0] + sent[1] + sent[2]);
    print_message("# 1000/s shared by 3 processes for a second: %u\n", total);

    /* they did not begin at the same moment: a few ms more than a second */
    assert_in_range(total, 700, 1100);

    munmap((void *) sent, 4096);
    unit_close(&u);
}


/* a helper and worker in one that never stops */

static void
kill_me(hd_shm_t *shm, uint32_t campaign, uint32_t slot, uint64_t seed)
{
    uint64_t          x, now;
    hd_uuid_t         id;
    hd_grant_t        g, list[64];
    hd_campaign_t     c;
    hd_wheel_timer_t  t, out[32];

    now = 1000;

    for ( ;; ) {
        x = unit_random(&seed);
        id = unit_id(x >> 50);

        switch (x & 7) {

        case 0:
        case 1:
        case 2:
            memset(&t, 0, sizeof(t));
            t.kind = HD_TIMER_RETRY;
            t.ref = id;
            t.due_ms = now + (x >> 20) % 20000;
            (void) hd_wheel_add(shm, &t);
            break;

        case 3:
            hd_wheel_cancel(shm, HD_TIMER_RETRY, &id);
            break;

        case 4:
            now += (x >> 9) % 200;
            (void) hd_wheel_take(shm, now, out, 32);
            break;

        case 5:
            (void) hd_campaign_read(shm, campaign, &c);
            memset(&g, 0, sizeof(g));
            g.batch = c.batch;
            g.campaign = campaign;
            g.from = c.next;
            g.to = c.next + 4;
            (void) hd_grant_give(shm, slot, &g);
            break;

        case 6:
            (void) hd_grant_take(shm, slot, &g);
            break;

        default:
            if (hd_grant_list(shm, slot, list, 64) > 32) {
                hd_grant_end(shm, list[x % 32].id);
            }
        }
    }
}


static void
grants_check(hd_shm_t *shm, uint32_t campaign, uint32_t slot)
{
    uint32_t          i, in_use, ringed, last;
    hd_slot_node_t   *s;
    hd_grant_node_t  *n;

    in_use = 0;
    ringed = 0;
    last = 0;
    s = &shm->slots[slot];

    for (i = 0; i < HD_GRANTS; i++) {
        n = &shm->grants->nodes[i];
        assert_int_equal((shm->grants->used[i / 64] >> (i % 64)) & 1,
                         n->state != HD_GRANT_FREE);

        if (n->state != HD_GRANT_FREE) {
            in_use++;
            last = (n->g.to > last) ? n->g.to : last;
        }

        ringed += (n->state == HD_GRANT_GIVEN);
    }

    assert_int_equal(s->grants, in_use);
    assert_int_equal(shm->campaigns->nodes[campaign].granted, in_use);
    assert_true(shm->campaigns->nodes[campaign].next > last);
    assert_true(s->tail - s->head <= HD_GRANT_RING);

    for (i = s->head; i != s->tail; i++) {
        n = &shm->grants->nodes[s->ring[i % HD_GRANT_RING] % HD_GRANTS];
        ringed -= (n->state == HD_GRANT_GIVEN
                   && n->g.id == s->ring[i % HD_GRANT_RING]);
    }

    assert_int_equal(ringed, 0);
}


static void
test_kill(void **state)
{
    int             status;
    pid_t           pid;
    unit_t          u;
    uint32_t        i, slot, campaign, held, torn;
    uint64_t        seed;
    hd_campaign_t   c;

    unit_open(&u, 6 * MB, 1);
    memset(&c, 0, sizeof(c));
    c.batch = unit_id(1);
    c.state = HD_CAMPAIGN_RUNNING;
    c.next = 1;
    campaign = hd_campaign_put(u.shm, &c);
    slot = hd_slot_take(u.shm, 1, 1, 0, 1);
    seed = 31337;
    held = 0;
    torn = 0;

    for (i = 0; i < KILLS; i++) {
        pid = unit_fork();
        assert_true(pid >= 0);

        if (pid == 0) {
            kill_me(u.shm, campaign, slot, unit_random(&seed) + i + 1);
        }

        usleep(500 + (useconds_t) (unit_random(&seed) % 4000));
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

        held += (*(int32_t *) u.shm->data_lock.ctx == pid);
        unit_force_unlock(u.shm->data_lock.ctx, pid);
        torn += (u.shm->head->dirty != 0);

        hd_shm_lock(u.shm);
        assert_int_equal(u.shm->head->dirty, 0);
        unit_wheel_check(u.shm);
        grants_check(u.shm, campaign, slot);
        hd_shm_unlock(u.shm);
    }

    print_message("# %d kills: %u held the lock, %u left it torn; all "
                  "repaired\n", KILLS, held, torn);
    assert_int_equal(hd_shm_repaired(u.shm), torn > 0);

    unit_close(&u);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_attempts),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_kill)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
