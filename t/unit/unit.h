/*
 * unit: what the unit tests share: cmocka, an arena per test, and the payloads
 * that stand outside of the project.  Those are found by HERALD_FIXTURES, or
 * beside the checkout; where they are absent a test says so and is skipped.
 */

#ifndef HD_UNIT_H
#define HD_UNIT_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/base/base.h"


#define HD_UNIT_PATH  1024

#define unused        __attribute__((unused))


static hd_arena_t  *arena unused;
static hd_mem_t     mem unused;


/* every test begins with an empty arena */
static int unused
setup(void **state)
{
    (void) state;

    arena = hd_arena_create(65536);
    assert_non_null(arena);
    mem = hd_arena_mem(arena);

    return 0;
}


static int unused
teardown(void **state)
{
    (void) state;
    hd_arena_destroy(arena);

    return 0;
}


#define unit(f)  cmocka_unit_test_setup_teardown(f, setup, teardown)


static hd_str_t unused
str(const char *z)
{
    hd_str_t  s;

    s.data = (unsigned char *) z;
    s.len = strlen(z);

    return s;
}


static void unused
assert_str(const hd_str_t *s, const char *z)
{
    if (s->len != strlen(z)
        || (s->len != 0 && memcmp(s->data, z, s->len) != 0))
    {
        fail_msg("got \"%.*s\", expected \"%s\"", (int) s->len,
                 (const char *) s->data, z);
    }
}


static void unused
assert_buf(const hd_buf_t *b, const char *z)
{
    hd_str_t  s;

    s.data = b->data;
    s.len = b->len;
    assert_str(&s, z);
}


/* the path of a fixture, or a skipped test */
static void unused
fixture(char path[HD_UNIT_PATH], const char *name)
{
    DIR         *dir;
    const char  *root;

    root = getenv("HERALD_FIXTURES");
    if (root == NULL || root[0] == '\0') {
        root = "../shared/fixtures";
    }

    dir = opendir(root);
    if (dir == NULL) {
        printf("# SKIP fixtures folder not found\n");
        skip();
    }

    closedir(dir);
    (void) snprintf(path, HD_UNIT_PATH, "%s/%s", root, name);
}


/* a whole file, in the arena; one byte more, a NUL */
static hd_str_t unused
slurp(const char *path)
{
    FILE      *f;
    long       n;
    hd_str_t   s;

    f = fopen(path, "rb");
    if (f == NULL) {
        fail_msg("cannot open %s", path);
    }

    (void) fseek(f, 0, SEEK_END);
    n = ftell(f);
    rewind(f);

    s.data = hd_alloc(&mem, (size_t) n + 1);
    assert_non_null(s.data);
    s.len = fread(s.data, 1, (size_t) n, f);
    s.data[s.len] = '\0';
    (void) fclose(f);

    return s;
}


/* calls each for the files of a folder that end so; returns how many */
static unsigned unused
each_file(const char *folder, const char *ending,
    void (*each)(const char *name, const char *path))
{
    DIR            *dir;
    size_t          n;
    char            path[2 * HD_UNIT_PATH];
    unsigned        count;
    struct dirent  *e;

    dir = opendir(folder);
    if (dir == NULL) {
        fail_msg("cannot open %s", folder);
        return 0;
    }

    count = 0;

    while ((e = readdir(dir)) != NULL) {

        n = strlen(e->d_name);
        if (n < strlen(ending)
            || strcmp(e->d_name + n - strlen(ending), ending) != 0)
        {
            continue;
        }

        (void) snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        each(e->d_name, path);
        count++;
    }

    (void) closedir(dir);

    return count;
}

#endif /* HD_UNIT_H */
