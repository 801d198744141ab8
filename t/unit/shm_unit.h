/*
 * What the tests of shared memory have in common: a block to lay out, a lock
 * that can be force-unlocked as nginx's master does, and ids.
 */

#ifndef SHM_UNIT_H
#define SHM_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "../../src/shm/map.h"


typedef struct {
    hd_shm_t  *shm;
    void      *block;
    void      *control;
    size_t     size;
} unit_t;


/* getpid() is a system call, and a process that spends its time in one is
 * rarely killed elsewhere */
static int32_t  unit_pid;


static inline void
unit_lock(void *ctx)
{
    int32_t  free, *word;

    word = ctx;

    if (unit_pid == 0) {
        unit_pid = (int32_t) getpid();
    }

    free = 0;

    while (!__atomic_compare_exchange_n(word, &free, unit_pid, 0,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
    {
        free = 0;
        sched_yield();
    }
}


static inline void
unit_unlock(void *ctx)
{
    __atomic_store_n((int32_t *) ctx, 0, __ATOMIC_RELEASE);
}


static inline pid_t
unit_fork(void)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        unit_pid = (int32_t) getpid();
    }

    return pid;
}


/* what the master does when a child died */

static inline void
unit_force_unlock(void *ctx, pid_t dead)
{
    int32_t  pid;

    pid = dead;
    (void) __atomic_compare_exchange_n((int32_t *) ctx, &pid, 0, 0,
                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}


static inline void
unit_open(unit_t *u, size_t size, int with_lock)
{
    int32_t    *words;
    hd_lock_t   none = { NULL, NULL, NULL }, lock;

    lock = none;
    u->size = size;
    u->block = mmap(NULL, size, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    u->control = mmap(NULL, hd_shm_control_size() + 64,
                      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
                      0);
    assert_ptr_not_equal(u->block, MAP_FAILED);
    assert_ptr_not_equal(u->control, MAP_FAILED);

    if (with_lock) {
        words = (int32_t *) ((char *) u->control + hd_shm_control_size());
        lock.lock = unit_lock;
        lock.unlock = unit_unlock;
        lock.ctx = words;
    }

    assert_int_equal(hd_shm_attach(&u->shm, u->block, size, 1, lock,
                                   u->control, hd_shm_control_size(), 1,
                                   none), HD_OK);
}


static inline void
unit_close(unit_t *u)
{
    hd_shm_detach(u->shm);
    munmap(u->block, u->size);
    munmap(u->control, hd_shm_control_size() + 64);
}


static inline hd_uuid_t
unit_id(uint64_t n)
{
    hd_uuid_t  id;
    uint64_t   h;

    h = (n + 1) * 0x9e3779b97f4a7c15ull;
    h ^= h >> 29;
    memcpy(id.b, &n, 8);
    memcpy(id.b + 8, &h, 8);

    return id;
}


static inline uint64_t
unit_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;

    return *state;
}


static inline double
unit_seconds(void)
{
    struct timespec  ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);

    return ts.tv_sec + ts.tv_nsec / 1e9;
}


/* every derived part of the wheel against its nodes; how many timers */

static inline size_t
unit_wheel_check(hd_shm_t *shm)
{
    uint32_t          i, link, prev, listed, hashed, nfree, level;
    hd_wheel_sh_t    *w;
    hd_wheel_node_t  *n;

    w = shm->wheel;
    listed = 0;
    hashed = 0;
    nfree = 0;

    for (i = 0; i < HD_WHEEL_LISTS; i++) {
        prev = 0;

        for (link = w->lists[i].head; link != 0; link = n->next) {
            n = &shm->timers[link - 1];
            assert_true(link <= w->high);
            assert_int_equal(n->used, 1);
            assert_int_equal(n->list, i);
            assert_int_equal(n->prev, prev);
            prev = link;
            listed++;

            if (i != HD_WHEEL_DUE && w->pending != i + 1) {
                level = i / 64;
                assert_true(n->due_ms > w->now_ms);
                assert_int_equal((n->due_ms >> (6 * level)) & 63, i % 64);
            }
        }

        assert_int_equal(w->lists[i].tail, prev);

        if (i != HD_WHEEL_DUE) {
            assert_int_equal((w->bits[i / 64] >> (i % 64)) & 1, prev != 0);
        }
    }

    for (i = 0; i < shm->map.nheads; i++) {
        for (link = shm->heads[i]; link != 0;
             link = shm->timers[link - 1].chain)
        {
            assert_int_equal(shm->timers[link - 1].used, 1);
            hashed++;
            assert_true(hashed <= listed);
        }
    }

    for (link = w->free; link != 0; link = shm->timers[link - 1].next) {
        assert_int_equal(shm->timers[link - 1].used, 0);
        nfree++;
        assert_true(nfree <= w->high);
    }

    assert_int_equal(hashed, listed);
    assert_int_equal(w->count, listed);
    assert_int_equal(nfree + listed, w->high);

    return listed;
}

#endif /* SHM_UNIT_H */
