/*
 * The spool's folders: made, adopted, emptied.  For threads, as spool_file.c.
 *
 * A folder is owned by the flock on its descriptor, which ends with the
 * process however that ends.  Between opening a folder and locking it somebody
 * else may have emptied and removed it: who has the lock looks whether the
 * name still means the same folder.
 */

#include "spool.h"

#include <sys/file.h>


/* 1: the name is still that of the folder behind `fd` */

static ngx_uint_t
hd_file_same(int parent, const char *name, int fd)
{
    struct stat  one, two;

    return fstat(fd, &one) == 0
           && fstatat(parent, name, &two, AT_SYMLINK_NOFOLLOW) == 0
           && one.st_dev == two.st_dev && one.st_ino == two.st_ino;
}


static int
hd_spool_lock(int parent, const char *name)
{
    int  fd;

    fd = openat(parent, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    if (flock(fd, LOCK_EX|LOCK_NB) == -1
        || !hd_file_same(parent, name, fd))
    {
        (void) close(fd);
        errno = EAGAIN;
        return -1;
    }

    return fd;
}


ngx_uint_t
hd_spool_dir_make(hd_spool_append_t *a)
{
    int              parent, tries;
    struct timespec  ts;

    static unsigned  count;

    parent = open(a->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (parent == -1) {
        return hd_spool_failed(&a->error, "open the folder");
    }

    for (tries = 0; tries < 5; tries++) {
        (void) clock_gettime(CLOCK_REALTIME, &ts);

        (void) snprintf(a->dir->name, HD_SPOOL_NAME, "%016llx-%d-%u",
                        (unsigned long long) ts.tv_sec * 1000000
                        + (unsigned long long) ts.tv_nsec / 1000,
                        (int) getpid(), ++count);

        if (mkdirat(parent, a->dir->name, 0700) == -1) {
            break;
        }

        a->dir->fd = hd_spool_lock(parent, a->dir->name);
        if (a->dir->fd != -1) {
            break;
        }

        /* somebody who looked for ownerless ones was quicker */
    }

    if (a->dir->fd == -1) {
        (void) hd_spool_failed(&a->error, "make a folder");

    } else if (fsync(parent) == -1) {
        (void) hd_spool_failed(&a->error, "sync the folder");
        (void) unlinkat(parent, a->dir->name, AT_REMOVEDIR);
        (void) close(a->dir->fd);
        a->dir->fd = -1;
    }

    (void) close(parent);

    return a->dir->fd != -1;
}


/* ── the end of a segment ── */

/* the folder of bad ones, made when there is none */

static int
hd_file_bad_dir(int parent)
{
    int  fd;

    if (mkdirat(parent, "bad", 0700) == -1 && errno != EEXIST) {
        return -1;
    }

    fd = openat(parent, "bad", O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd != -1 && fsync(parent) == -1) {
        (void) close(fd);
        return -1;
    }

    return fd;
}


static ngx_uint_t
hd_file_bad(int dir, hd_spool_bad_t *bad)
{
    int         fd;
    ngx_uint_t  ok;

    /* written before, when the end came before the unlink: written again */

    fd = openat(dir, bad->name, O_WRONLY|O_CREAT|O_TRUNC|O_NOFOLLOW|O_CLOEXEC,
                0600);
    if (fd == -1) {
        return 0;
    }

    ok = hd_spool_write_at(fd, bad->body.data, bad->body.len, 0)
         && fsync(fd) == 0;

    (void) close(fd);

    return ok;
}


/* bodies go to bad/ each as a file; when that fails the segment as it is, for
 * a rename needs no room */

static ngx_uint_t
hd_file_put_aside(hd_spool_end_t *e, int parent, const char *name)
{
    int              dir;
    char             to[HD_SPOOL_NAME + 16];
    ngx_uint_t       ok;
    hd_spool_bad_t  *bad;

    dir = hd_file_bad_dir(parent);
    if (dir == -1) {
        return hd_spool_failed(&e->error, "make the folder bad/");
    }

    ok = !e->keep;

    for (bad = e->bad; ok && bad; bad = bad->next) {
        ok = hd_file_bad(dir, bad);
    }

    if (!ok) {
        (void) snprintf(to, sizeof(to), "%s-%s", e->dir->name, name);
        e->kept = 1;
        ok = renameat(e->dir->fd, name, dir, to) == 0 || errno == ENOENT;
    }

    if (!ok || fsync(dir) == -1) {
        ok = hd_spool_failed(&e->error, "write to the folder bad/");
    }

    (void) close(dir);

    return ok;
}


void
hd_spool_file_end(hd_spool_end_t *e)
{
    int   parent;
    char  name[16];

    e->error.err = 0;
    e->kept = 0;

    (void) snprintf(name, sizeof(name), "%08x", e->number);

    parent = open(e->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    if (parent == -1) {
        (void) hd_spool_failed(&e->error, "open the folder");
        return;
    }

    if ((e->bad || e->keep) && !hd_file_put_aside(e, parent, name)) {
        goto done;
    }

    if ((!e->kept && unlinkat(e->dir->fd, name, 0) == -1 && errno != ENOENT)
        || fsync(e->dir->fd) == -1)
    {
        (void) hd_spool_failed(&e->error, "remove a file");
        goto done;
    }

    if (e->last) {
        /* when it is not empty somebody else has put something in */
        (void) unlinkat(parent, e->dir->name, AT_REMOVEDIR);
        (void) close(e->dir->fd);
        e->dir->fd = -1;
    }

done:

    (void) close(parent);
}


/* ── adoption ── */

typedef struct {
    char           (*names)[HD_SPOOL_NAME];
    size_t           n;
    size_t           max;
} hd_file_list_t;


static int
hd_file_cmp(const void *one, const void *two)
{
    return strcmp(one, two);
}


/* names of hexadecimal digits, `dashes` among them; sorted */

static ngx_uint_t
hd_file_list(int fd, ngx_uint_t dashes, hd_file_list_t *list)
{
    DIR            *dir;
    void           *p;
    size_t          len;
    ngx_uint_t      n;
    struct dirent  *e;

    fd = openat(fd, ".", O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    dir = (fd == -1) ? NULL : fdopendir(fd);

    if (dir == NULL) {
        if (fd != -1) {
            (void) close(fd);
        }

        return 0;
    }

    while ((e = readdir(dir)) != NULL) {

        len = strlen(e->d_name);

        for (n = 0, p = strchr(e->d_name, '-'); p; p = strchr(p, '-')) {
            p = (char *) p + 1;
            n++;
        }

        if (n != dashes || len >= HD_SPOOL_NAME
            || strspn(e->d_name, "0123456789abcdef-") != len
            || (dashes == 0 && len != 8))
        {
            continue;
        }

        if (list->n == list->max) {
            p = realloc(list->names, (list->max + 64) * HD_SPOOL_NAME);
            if (p == NULL) {
                break;
            }

            list->names = p;
            list->max += 64;
        }

        ngx_memcpy(list->names[list->n++], e->d_name, len + 1);
    }

    (void) closedir(dir);

    if (list->n) {
        qsort(list->names, list->n, HD_SPOOL_NAME, hd_file_cmp);
    }

    return 1;
}


/* the segments of a folder that is ours now; 0: there are none */

static ngx_uint_t
hd_file_adopt(hd_spool_scan_t *s, hd_spool_dir_t *dir)
{
    size_t            i;
    hd_file_list_t    list;
    hd_spool_seg_t   *seg;
    hd_spool_read_t   r;

    ngx_memzero(&list, sizeof(hd_file_list_t));

    if (!hd_file_list(dir->fd, 0, &list)) {
        return hd_spool_failed(&s->error, "read a folder");
    }

    for (i = 0; i < list.n; i++) {

        seg = calloc(1, sizeof(hd_spool_seg_t));
        if (seg == NULL) {
            break;
        }

        seg->dir = dir;
        seg->number = (uint32_t) strtoul(list.names[i], NULL, 16);

        /* how many: one that cannot be read is complained of when replayed */

        ngx_memzero(&r, sizeof(hd_spool_read_t));
        r.dir = dir;
        r.number = seg->number;

        hd_spool_file_read(&r);

        seg->records = r.records;
        seg->bytes = r.size;
        free(r.data);

        dir->segments++;
        ngx_queue_insert_tail(&s->segs, &seg->queue);
    }

    free(list.names);

    return dir->segments;
}


void
hd_spool_file_scan(hd_spool_scan_t *s)
{
    int              parent;
    size_t           i;
    hd_file_list_t   list;
    hd_spool_dir_t  *dir;

    s->error.err = 0;
    ngx_queue_init(&s->segs);
    ngx_memzero(&list, sizeof(hd_file_list_t));

    parent = open(s->path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (parent == -1 || !hd_file_list(parent, 2, &list)) {
        (void) hd_spool_failed(&s->error, "read the folder");
    }

    for (i = 0; i < list.n; i++) {

        dir = calloc(1, sizeof(hd_spool_dir_t));
        if (dir == NULL) {
            break;
        }

        ngx_memcpy(dir->name, list.names[i], HD_SPOOL_NAME);
        dir->fd = hd_spool_lock(parent, dir->name);

        if (dir->fd == -1) {
            free(dir);
            continue;
        }

        if (!hd_file_adopt(s, dir)) {

            if (s->error.err == 0) {
                (void) unlinkat(parent, dir->name, AT_REMOVEDIR);
            }

            (void) close(dir->fd);
            free(dir);
        }
    }

    free(list.names);

    if (parent != -1) {
        (void) close(parent);
    }
}
