/*
 * The wheel of shared memory, alone.
 *
 *   timers cost             what a timer costs while the wheel holds ten
 *                           thousand, a hundred thousand and a million
 *   timers late N S TOTAL   how late N timers fire that are due over S
 *                           seconds, in a wheel that holds TOTAL
 *
 * `late` drives the wheel as the helper does (src/sched): the clock of nginx's
 * loop is read once after each epoll_wait(), what is due by it is taken 64 at
 * a time, and the next wait is what hd_wheel_next() says, in whole ms.
 *
 * The answer is a line of JSON for each measurement.
 */

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>
#include "shm/map.h"


#define TIMERS_TAKE     64
#define TIMERS_DENSITY  1667           /* due per second, in `cost` */
#define TIMERS_LEAD     500            /* ms before the first, in `late` */
#define TIMERS_MOST     1000           /* ms that the helper waits at most */
#define TIMERS_FULL     10             /* and when something is due already */


typedef struct {
    hd_shm_t       *shm;
    unsigned char  *block;
    size_t          size;
} timers_t;


static void
timers_die(const char *what)
{
    fprintf(stderr, "timers: %s: %s\n", what, strerror(errno));
    exit(1);
}


/* an uncontended lock costs what nginx's does: one compare-and-swap */

static void
timers_lock(void *ctx)
{
    int32_t   free, *word;

    word = ctx;
    free = 0;

    while (!__atomic_compare_exchange_n(word, &free, 1, 0, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED))
    {
        free = 0;
        sched_yield();
    }
}


static void
timers_unlock(void *ctx)
{
    __atomic_store_n((int32_t *) ctx, 0, __ATOMIC_RELEASE);
}


static uint64_t
timers_ns(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


/* as ngx_current_msec is made */

static uint64_t
timers_ms(void)
{
    return timers_ns() / 1000000;
}


static uint64_t
timers_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;

    return *state;
}


static void *
timers_map(size_t size)
{
    void  *p;

    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
             -1, 0);

    if (p == MAP_FAILED) {
        timers_die("mmap");
    }

    return p;
}


/* the smallest zone that has room for n */

static void
timers_open(timers_t *t, size_t n)
{
    void           *control;
    hd_lock_t       none = { NULL, NULL, NULL }, lock;
    hd_shm_map_t    map;

    t->size = HD_ZONE_MIN;

    while (hd_shm_map(&map, t->size) != HD_OK || map.ntimers < n) {
        t->size += 1024 * 1024;
    }

    t->block = timers_map(t->size);
    control = timers_map(hd_shm_control_size());

    lock.lock = timers_lock;
    lock.unlock = timers_unlock;
    lock.ctx = timers_map(64);

    if (hd_shm_attach(&t->shm, t->block, t->size, 1, lock, control,
                      hd_shm_control_size(), 1, none)
        != HD_OK)
    {
        timers_die("the zone");
    }
}


static void
timers_close(timers_t *t)
{
    hd_shm_detach(t->shm);
    munmap(t->block, t->size);
}


/* bytes of memory behind the wheel's part of the zone */

static size_t
timers_resident(timers_t *t)
{
    size_t          i, n, from, to, page;
    unsigned char  *in;

    page = (size_t) sysconf(_SC_PAGESIZE);
    from = t->shm->map.wheel / page;
    to = t->shm->map.event / page;

    in = malloc(to - from);

    if (in == NULL
        || mincore(t->block + from * page, (to - from) * page, in) != 0)
    {
        timers_die("mincore");
    }

    for (i = 0, n = 0; i < to - from; i++) {
        n += in[i] & 1;
    }

    free(in);

    return n * page;
}


/* ids as they come: a time, and the rest random */

static void
timers_add(timers_t *t, uint64_t *state, uint64_t due_ms)
{
    uint64_t          half[2];
    hd_wheel_timer_t  timer;

    half[0] = timers_random(state);
    half[1] = timers_random(state);

    timer.kind = HD_TIMER_RETRY;
    timer.due_ms = due_ms;

    memset(&timer.org, 7, sizeof(hd_uuid_t));
    memcpy(timer.ref.b, half, sizeof(hd_uuid_t));

    if (hd_wheel_add(t->shm, &timer) != HD_OK) {
        errno = ENOSPC;
        timers_die("the wheel");
    }
}


/* how long all of them take to fire, from moment to moment */

static uint64_t
timers_fire(timers_t *t, uint64_t now, size_t n)
{
    size_t            got;
    uint64_t          begin;
    hd_wheel_timer_t  out[TIMERS_TAKE];

    begin = timers_ns();

    while (n > 0) {
        now += hd_wheel_next(t->shm, now, 1000000);

        do {
            got = hd_wheel_take(t->shm, now, out, TIMERS_TAKE);
            n -= got;

        } while (got == TIMERS_TAKE);
    }

    return timers_ns() - begin;
}


/*
 * The last tenth of n is what is timed of adding, so the wheel is nearly full
 * then.  How many are due in a second is the same for every n: only how many
 * there are changes.
 */

static void
timers_cost(size_t n)
{
    size_t     i, part, bytes;
    timers_t   t;
    uint64_t   state, now, span, from, add, fire;

    timers_open(&t, n);

    state = 0x9e3779b97f4a7c15ull + n;
    now = timers_ms();
    span = (uint64_t) n * 1000 / TIMERS_DENSITY;
    part = n / 10;
    from = 0;

    /* the wheel begins at 0: brought to now, as in a helper that has run */
    (void) hd_wheel_next(t.shm, now, 1000);

    for (i = 0; i < n; i++) {
        if (i == n - part) {
            from = timers_ns();
        }

        timers_add(&t, &state, now + 1 + timers_random(&state) % span);
    }

    add = timers_ns() - from;
    bytes = timers_resident(&t);
    fire = timers_fire(&t, now, n);

    printf("{\"timers\": %zu, \"insert_ns\": %.0f, \"fire_ns\": %.0f, "
           "\"bytes\": %.1f}\n", n, (double) add / (double) part,
           (double) fire / (double) n, (double) bytes / (double) n);

    if (hd_wheel_count(t.shm) != 0) {
        errno = 0;
        timers_die("some did not fire");
    }

    timers_close(&t);
}


static int
timers_compare(const void *a, const void *b)
{
    const int64_t  *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}


static void
timers_tell(int64_t *late, size_t n, size_t total, double cpu)
{
    qsort(late, n, sizeof(int64_t), timers_compare);

    printf("{\"timers\": %zu, \"total\": %zu, \"least\": %.3f, "
           "\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f, "
           "\"cpu\": %.2f}\n", n, total, (double) late[0] / 1000,
           (double) late[n / 2] / 1000, (double) late[n * 9 / 10] / 1000,
           (double) late[n * 99 / 100] / 1000, (double) late[n - 1] / 1000,
           cpu);
}


static double
timers_cpu(void)
{
    struct rusage  u;

    getrusage(RUSAGE_SELF, &u);

    return (double) (u.ru_utime.tv_sec + u.ru_stime.tv_sec)
           + (double) (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}


static void
timers_late(size_t n, uint64_t seconds, size_t total)
{
    int                  ep;
    double               cpu;
    size_t               i, got, fired;
    int64_t             *late, at;
    timers_t             t;
    uint64_t             state, now, first, wait;
    hd_wheel_timer_t     out[TIMERS_TAKE];
    struct epoll_event   event;

    timers_open(&t, total);

    late = calloc(n, sizeof(int64_t));
    ep = epoll_create1(EPOLL_CLOEXEC);

    if (late == NULL || ep < 0) {
        timers_die("epoll");
    }

    state = 0x2545f4914f6cdd1dull;
    now = timers_ms();
    (void) hd_wheel_next(t.shm, now, 1000);

    for (i = n; i < total; i++) {
        timers_add(&t, &state, now + 3600000 + timers_random(&state) % 600000);
    }

    /* adding n more takes less than the lead */
    first = timers_ms() + TIMERS_LEAD;

    for (i = 0; i < n; i++) {
        timers_add(&t, &state, first
                               + timers_random(&state) % (seconds * 1000));
    }

    cpu = timers_cpu();
    fired = 0;
    now = timers_ms();

    while (fired < n) {

        do {
            got = hd_wheel_take(t.shm, now, out, TIMERS_TAKE);
            at = (int64_t) (timers_ns() / 1000);

            for (i = 0; i < got; i++) {
                late[fired++] = at - (int64_t) out[i].due_ms * 1000;
            }

        } while (got == TIMERS_TAKE);

        wait = hd_wheel_next(t.shm, now, TIMERS_MOST);

        if (wait == 0) {
            wait = TIMERS_FULL;
        }

        (void) epoll_wait(ep, &event, 1, (int) wait);
        now = timers_ms();
    }

    timers_tell(late, n, total, timers_cpu() - cpu);

    free(late);
    close(ep);
    timers_close(&t);
}


int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "cost") == 0) {
        timers_cost(10000);
        timers_cost(100000);
        timers_cost(1000000);
        return 0;
    }

    if (argc == 5 && strcmp(argv[1], "late") == 0
        && atol(argv[2]) > 0 && atol(argv[3]) > 0
        && atol(argv[4]) >= atol(argv[2]))
    {
        timers_late((size_t) atol(argv[2]), (uint64_t) atol(argv[3]),
                    (size_t) atol(argv[4]));
        return 0;
    }

    fprintf(stderr, "usage: timers cost | timers late N SECONDS TOTAL\n");

    return 2;
}
