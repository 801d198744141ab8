/*
 * The spool's segments: written, and read.  Everything here may block and runs
 * in a thread of the pool, on what the caller leaves alone meanwhile; so it
 * logs nothing, but says what went wrong.
 */

#include "spool.h"


ngx_uint_t
hd_spool_failed(hd_spool_error_t *error, const char *what)
{
    error->err = errno ? errno : EIO;
    error->what = what;

    return 0;
}


static void
hd_file_put32(u_char *p, uint32_t n)
{
    p[0] = (u_char) n;
    p[1] = (u_char) (n >> 8);
    p[2] = (u_char) (n >> 16);
    p[3] = (u_char) (n >> 24);
}


static uint32_t
hd_file_get32(const u_char *p)
{
    return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16
           | (uint32_t) p[3] << 24;
}


/* over the length and all that follows the sum */

static uint32_t
hd_file_sum(const u_char *record, size_t len)
{
    u_char    mixed[4];
    uint32_t  sum;

    sum = hd_crc32c(record + HD_SPOOL_HEAD, len);
    hd_file_put32(mixed, (uint32_t) len);

    return sum ^ hd_crc32c(mixed, sizeof(mixed));
}


void
hd_spool_file_put(hd_buf_t *b, int64_t at, const u_char hash[32],
    const hd_str_t *body)
{
    u_char  head[HD_SPOOL_HEAD + HD_SPOOL_META];

    hd_file_put32(head, (uint32_t) (HD_SPOOL_META + body->len));
    hd_file_put32(head + 4, 0);
    hd_file_put32(head + 8, (uint32_t) at);
    hd_file_put32(head + 12, (uint32_t) ((uint64_t) at >> 32));
    ngx_memcpy(head + 16, hash, 32);

    hd_buf_add(b, head, sizeof(head));
    hd_buf_str(b, body);
}


/* ── append ── */

static ngx_uint_t
hd_file_open(hd_spool_append_t *a)
{
    char  name[16];

    if (a->dir->fd == -1 && !hd_spool_dir_make(a)) {
        return 0;
    }

    if (a->fd != -1) {
        return 1;
    }

    (void) snprintf(name, sizeof(name), "%08x", a->number);

    a->offset = 0;
    a->fd = openat(a->dir->fd, name, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    return a->fd != -1 ? 1 : hd_spool_failed(&a->error, "create a file");
}


ngx_uint_t
hd_spool_write_at(int fd, const void *data, size_t len, uint64_t offset)
{
    ssize_t        n;
    const u_char  *p;

    for (p = data; len; p += n, len -= n, offset += n) {

        n = pwrite(fd, p, len, (off_t) offset);

        if (n == -1 && errno == EINTR) {
            n = 0;

        } else if (n <= 0) {
            errno = n ? errno : ENOSPC;
            return 0;
        }
    }

    return 1;
}


static void
hd_file_sums(hd_buf_t *b)
{
    u_char  *p;
    size_t   len;

    for (p = b->data; p < b->data + b->len; p += HD_SPOOL_HEAD + len) {
        len = hd_file_get32(p);
        hd_file_put32(p + 4, hd_file_sum(p, len));
    }
}


void
hd_spool_file_append(hd_spool_append_t *a)
{
    uint64_t  offset;

    a->error.err = 0;

    if (!hd_file_open(a)) {
        return;
    }

    hd_file_sums(&a->buf);
    offset = a->offset;

    if (offset == 0) {
        offset = sizeof(HD_SPOOL_MAGIC) - 1;

        if (!hd_spool_write_at(a->fd, HD_SPOOL_MAGIC, offset, 0)) {
            (void) hd_spool_failed(&a->error, "write");
            goto failed;
        }
    }

    if (!hd_spool_write_at(a->fd, a->buf.data, a->buf.len, offset)) {
        (void) hd_spool_failed(&a->error, "write");
        goto failed;
    }

    if (fdatasync(a->fd) == -1) {
        /* what the kernel could not write it may have forgotten */
        (void) hd_spool_failed(&a->error, "sync a file");
        a->broken = 1;
        goto failed;
    }

    if (a->offset == 0 && fsync(a->dir->fd) == -1) {
        (void) hd_spool_failed(&a->error, "sync the folder");
        goto failed;
    }

    a->offset = offset + a->buf.len;

    return;

failed:

    /* nobody is told 200 for it, so nobody need find it */

    if (ftruncate(a->fd, (off_t) a->offset) == -1) {
        a->broken = 1;
    }
}


/* ── read ── */

/* where the good records end, how many they are, and what follows them */

static void
hd_file_check(hd_spool_read_t *r)
{
    size_t   len, left;
    u_char  *p;

    r->begin = sizeof(HD_SPOOL_MAGIC) - 1;
    r->end = r->begin;
    r->records = 0;
    r->rotten = 0;

    if (r->size < r->begin) {
        r->begin = r->end = r->size;
        return;
    }

    if (ngx_memcmp(r->data, HD_SPOOL_MAGIC, r->begin) != 0) {
        r->begin = r->end = 0;
        p = r->data;
        left = r->size;
        goto rotten;
    }

    for ( ;; ) {
        p = r->data + r->end;
        left = r->size - r->end;

        if (left < HD_SPOOL_HEAD) {
            return;
        }

        len = hd_file_get32(p);

        if (len < HD_SPOOL_META || len > HD_SPOOL_RECORD) {
            break;
        }

        if (len > left - HD_SPOOL_HEAD) {
            /* torn: it was being written when the end came */
            return;
        }

        if (hd_file_get32(p + 4) != hd_file_sum(p, len)) {
            break;
        }

        r->end += HD_SPOOL_HEAD + len;
        r->records++;
    }

rotten:

    /* after a power cut a file may end in zeros: torn as well */

    for ( /* void */ ; left; left--, p++) {
        if (*p) {
            r->rotten = 1;
            return;
        }
    }
}


void
hd_spool_file_read(hd_spool_read_t *r)
{
    int          fd;
    char         name[16];
    size_t       got;
    ssize_t      n;
    struct stat  st;

    r->error.err = 0;
    r->data = NULL;
    r->begin = r->end = r->size = 0;
    r->records = 0;

    (void) snprintf(name, sizeof(name), "%08x", r->number);

    fd = openat(r->dir->fd, name, O_RDONLY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        (void) hd_spool_failed(&r->error, "open a file");
        goto done;
    }

    r->size = (size_t) st.st_size;
    r->data = malloc(r->size + 1);

    if (r->data == NULL) {
        (void) hd_spool_failed(&r->error, "find memory for a file");
        goto done;
    }

    for (got = 0; got < r->size; got += n) {
        n = pread(fd, r->data + got, r->size - got, (off_t) got);

        if (n == -1 && errno == EINTR) {
            n = 0;

        } else if (n <= 0) {
            (void) hd_spool_failed(&r->error, "read a file");
            goto done;
        }
    }

    hd_file_check(r);

done:

    if (fd != -1) {
        (void) close(fd);
    }

    if (r->error.err) {
        free(r->data);
        r->data = NULL;
    }
}


void
hd_spool_file_record(hd_spool_read_t *r, size_t pos, hd_spool_record_t *out)
{
    u_char  *p;
    size_t   len;

    p = r->data + pos;
    len = hd_file_get32(p);

    out->next = pos + HD_SPOOL_HEAD + len;
    out->at = (int64_t) (hd_file_get32(p + 8)
                         | (uint64_t) hd_file_get32(p + 12) << 32);
    out->hash = p + 16;
    out->body.data = p + HD_SPOOL_HEAD + HD_SPOOL_META;
    out->body.len = len - HD_SPOOL_META;
}
