/*
 * files: temporary names, and from there to a file's own name.
 *
 * What takes long (a digest over 100 MB, fsync) is done in nginx's threads: a
 * worker's loop never waits for the disk but to open and to unlink.
 */

#include <dirent.h>

#include "files.h"
#include "../base/hash.h"


#define HD_FILES_BLOCK  65536
#define HD_FILES_FRESH  600            /* s: its row may not be there yet */
#define HD_FILES_OLD    86400          /* s: of a temporary one */


typedef struct {
    hd_files_keep_t      keep;
    ngx_thread_task_t    task;
    ngx_err_t            err;
    const char          *failed;       /* which call */
} hd_files_task_t;


static struct {
    const char          *dir;
    ngx_thread_pool_t   *threads;
    ngx_log_t           *log;
    ngx_uint_t           n;
} hd_files;


static ngx_int_t
hd_files_mkdir(const char *path)
{
    return (mkdir(path, 0700) == 0 || ngx_errno == NGX_EEXIST) ? NGX_OK
                                                               : NGX_ERROR;
}


/* temporary files of workers that are no more */
static void
hd_files_clean(const char *dir)
{
    DIR            *d;
    char            path[HD_FILES_PATH + 300];
    pid_t           pid;
    struct stat     st;
    struct dirent  *e;

    d = opendir(dir);
    if (d == NULL) {
        return;
    }

    while ((e = readdir(d)) != NULL) {
        pid = (pid_t) atol(e->d_name);

        if (pid <= 0) {
            continue;
        }

        snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);

        /* our own number on it: of somebody before us */

        if (pid == ngx_pid || (kill(pid, 0) != 0 && ngx_errno == ESRCH)
            || (stat(path, &st) == 0
                && ngx_time() - st.st_mtime > HD_FILES_OLD))
        {
            (void) unlink(path);
        }
    }

    closedir(d);
}


ngx_int_t
hd_files_init(const char *dir, ngx_thread_pool_t *threads, ngx_log_t *log)
{
    char  path[HD_FILES_PATH];

    ngx_memzero(&hd_files, sizeof(hd_files));

    if (dir == NULL || ngx_strlen(dir) > HD_FILES_PATH - 128) {
        return NGX_OK;
    }

    hd_files.threads = threads;
    hd_files.log = log;

    snprintf(path, sizeof(path), "%s/files", dir);

    if (hd_files_mkdir(path) == NGX_OK) {
        snprintf(path, sizeof(path), "%s/temp", dir);

        if (hd_files_mkdir(path) == NGX_OK) {
            hd_files_clean(path);
            hd_files.dir = dir;
            return NGX_OK;
        }
    }

    ngx_log_error(NGX_LOG_CRIT, log, ngx_errno,
                  "herald: the folder \"%s\" cannot be made: no files are "
                  "taken", path);

    return NGX_ERROR;
}


ngx_int_t
hd_files_temp(char path[HD_FILES_PATH])
{
    if (hd_files.dir == NULL) {
        return NGX_ERROR;
    }

    snprintf(path, HD_FILES_PATH, "%s/temp/%d.%lu", hd_files.dir,
             (int) ngx_pid, (unsigned long) ++hd_files.n);

    return NGX_OK;
}


/* the folders above it, when `make` */
static ngx_int_t
hd_files_name(char path[HD_FILES_PATH], const hd_uuid_t *org,
    const u_char sha256[32], ngx_uint_t make)
{
    u_char  id[36], hex[64];

    hd_uuid_format(org, id);
    hd_hex(hex, sha256, 32);

    if (make) {
        snprintf(path, HD_FILES_PATH, "%s/files/%.36s", hd_files.dir,
                 (char *) id);

        if (hd_files_mkdir(path) != NGX_OK) {
            return NGX_ERROR;
        }

        snprintf(path, HD_FILES_PATH, "%s/files/%.36s/%.2s", hd_files.dir,
                 (char *) id, (char *) hex);

        if (hd_files_mkdir(path) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    snprintf(path, HD_FILES_PATH, "%s/files/%.36s/%.2s/%.62s", hd_files.dir,
             (char *) id, (char *) hex, (char *) hex + 2);

    return NGX_OK;
}


void
hd_files_path(char path[HD_FILES_PATH], const hd_uuid_t *org,
    const u_char sha256[32])
{
    (void) hd_files_name(path, org, sha256, 0);
}


/* ── in a thread ── */

/* its digest, type and length; NGX_ERROR: errno says */
static ngx_int_t
hd_files_read(hd_files_keep_t *k, int fd, u_char *block)
{
    ssize_t     n;
    size_t      head;
    u_char      first[HD_FILETYPE_HEAD];
    hd_str_t    name;
    hd_hash_t  *h;

    h = hd_hash_create();

    if (h == NULL) {
        ngx_set_errno(ENOMEM);
        return NGX_ERROR;
    }

    head = 0;
    k->bytes = 0;

    for ( ;; ) {
        n = read(fd, block, HD_FILES_BLOCK);

        if (n <= 0) {
            break;
        }

        if (k->bytes == 0) {
            head = ngx_min((size_t) n, sizeof(first));
            ngx_memcpy(first, block, head);
        }

        hd_hash_update(h, block, (size_t) n);
        k->bytes += n;
    }

    hd_hash_final(h, k->sha256);
    hd_hash_destroy(h);

    name.data = k->name;
    name.len = k->name_len;
    k->type = hd_filetype(first, head, &name);

    return n < 0 ? NGX_ERROR : NGX_OK;
}


/* the folder's entry, too, must survive a power cut */
static ngx_int_t
hd_files_sync_dir(char *path)
{
    int    fd, rc;
    char  *slash;

    slash = strrchr(path, '/');
    *slash = '\0';
    fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    *slash = '/';

    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = fsync(fd);
    (void) close(fd);

    return rc == 0 ? NGX_OK : NGX_ERROR;
}


static void
hd_files_place(hd_files_task_t *t, int fd, u_char *block)
{
    char              path[HD_FILES_PATH];
    hd_files_keep_t  *k;

    k = &t->keep;

    t->failed = "read";

    if (hd_files_read(k, fd, block) != NGX_OK) {
        t->err = ngx_errno;
        return;
    }

    if (k->bytes == 0) {
        k->result = HD_FILES_EMPTY;
        return;
    }

    if (k->type == NULL) {
        k->result = HD_FILES_TYPE;
        return;
    }

    t->failed = "fsync";

    if (fsync(fd) != 0) {
        t->err = ngx_errno;
        return;
    }

    t->failed = "rename";

    /* over one that is there: the same bytes, and fresh again */

    if (hd_files_name(path, &k->org, k->sha256, 1) != NGX_OK
        || rename(k->temp, path) != 0 || hd_files_sync_dir(path) != NGX_OK)
    {
        t->err = ngx_errno;
        return;
    }

    k->result = HD_FILES_KEPT;
}


static void
hd_files_thread(void *data, ngx_log_t *log)
{
    hd_files_task_t *t = data;

    int      fd;
    u_char  *block;

    t->keep.result = HD_FILES_ERROR;
    t->failed = "open";

    block = malloc(HD_FILES_BLOCK);
    fd = open(t->keep.temp, O_RDWR|O_CLOEXEC|O_NOFOLLOW);

    if (fd == -1 || block == NULL) {
        t->err = ngx_errno;

    } else {
        hd_files_place(t, fd, block);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    free(block);

    if (t->keep.result != HD_FILES_KEPT) {
        (void) unlink(t->keep.temp);
    }

    if (t->err == ENOSPC || t->err == EDQUOT) {
        t->keep.result = HD_FILES_FULL;
    }
}


/* ── in the loop ── */

static void
hd_files_done(ngx_event_t *ev)
{
    hd_files_task_t *t = ev->data;

    if (t->keep.result == HD_FILES_ERROR || t->keep.result == HD_FILES_FULL) {
        ngx_log_error(NGX_LOG_CRIT, hd_files.log, t->err,
                      "herald: a file could not be kept: %s() of \"%s\" "
                      "failed", t->failed, t->keep.temp);
    }

    t->keep.done(&t->keep);
    ngx_free(t);
    hd_hold_release();
}


ngx_int_t
hd_files_keep(const hd_files_keep_t *k)
{
    hd_files_task_t  *t;

    t = ngx_calloc(sizeof(hd_files_task_t), hd_files.log);

    if (t == NULL) {
        return NGX_ERROR;
    }

    t->keep = *k;
    t->task.ctx = t;
    t->task.handler = hd_files_thread;
    t->task.event.handler = hd_files_done;
    t->task.event.data = t;

    if (hd_files.threads == NULL
        || ngx_thread_task_post(hd_files.threads, &t->task) != NGX_OK)
    {
        ngx_free(t);
        return NGX_ERROR;
    }

    /* a worker that quits waits for it */
    hd_hold_take(hd_files.log);

    return NGX_OK;
}


/*
 * Moved away first, and looked at there: an upload that comes between the look
 * and the unlink writes its own file under the name.
 */
void
hd_files_remove(const hd_uuid_t *org, const u_char sha256[32])
{
    char         path[HD_FILES_PATH], away[HD_FILES_PATH];
    struct stat  st;

    if (hd_files_temp(away) != NGX_OK) {
        return;
    }

    hd_files_path(path, org, sha256);

    if (stat(path, &st) != 0 || ngx_time() - st.st_mtime < HD_FILES_FRESH
        || rename(path, away) != 0)
    {
        return;
    }

    if (stat(away, &st) == 0 && ngx_time() - st.st_mtime < HD_FILES_FRESH
        && link(away, path) != 0 && ngx_errno != NGX_EEXIST)
    {
        ngx_log_error(NGX_LOG_CRIT, hd_files.log, ngx_errno,
                      "herald: \"%s\" could not be put back from \"%s\"",
                      path, away);
        return;
    }

    (void) unlink(away);
}
