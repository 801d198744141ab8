/*
 * The ledger's lines as facts, and what they say together.  All of it runs in
 * a thread.
 *
 * Lines are our own (ledger.c), so they are not parsed but looked into, by the
 * names of members in their order.  A string cannot fake one: its quotes are
 * escaped.
 */

#include "oracle.h"


#define HD_SB_READ    (1024 * 1024)
#define HD_SB_LISTED  100              /* duplicates that are named */
#define HD_SB_DAY_US  (24 * 3600 * (int64_t) 1000000)


static int hd_sb_facts_line(hd_sb_oracle_t *o, const u_char *p,
    const u_char *last, off_t at);


/* whole lines only: the last one may still be on its way */

int
hd_sb_facts_read(hd_sb_oracle_t *o)
{
    int      fd, rc;
    off_t    at;
    size_t   have;
    u_char  *buf, *p, *end;
    ssize_t  n;

    fd = open(o->path, O_RDONLY|O_CLOEXEC);
    buf = malloc(HD_SB_READ);

    if (fd == -1 || buf == NULL) {
        o->error = (fd == -1) ? "the ledger cannot be opened"
                              : "out of memory";
        goto done;
    }

    at = 0;
    have = 0;

    for ( ;; ) {
        n = pread(fd, buf + have, HD_SB_READ - have, at + (off_t) have);

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            o->error = (n == -1) ? "the ledger cannot be read" : NULL;
            break;
        }

        have += (size_t) n;
        p = buf;

        while ((end = memchr(p, '\n', have - (size_t) (p - buf))) != NULL) {

            if (hd_sb_facts_line(o, p, end, at + (p - buf)) != HD_OK) {
                o->error = "out of memory";
                goto done;
            }

            p = end + 1;
        }

        at += p - buf;
        have -= (size_t) (p - buf);

        /* a line as long as the buffer is not ours */

        if (have == HD_SB_READ) {
            o->error = "the ledger holds what is no line of it";
            break;
        }

        memmove(buf, p, have);
    }

done:

    rc = (o->error == NULL) ? HD_OK : HD_ERROR;

    if (fd != -1) {
        (void) close(fd);
    }

    free(buf);

    return rc;
}


/* what follows `key` between *p and last; *p goes there, NULL: not found */

static const u_char *
hd_sb_facts_find(const u_char **p, const u_char *last, const char *key)
{
    const u_char  *q;

    q = memmem(*p, (size_t) (last - *p), key, strlen(key));

    if (q == NULL) {
        return NULL;
    }

    *p = q + strlen(key);

    return *p;
}


/* a string's bytes, escapes as they stand */

static size_t
hd_sb_facts_str(const u_char *p, const u_char *last)
{
    const u_char  *q;

    for (q = p; q < last && *q != '"'; q++) {
        if (*q == '\\') {
            q++;
        }
    }

    return (size_t) (ngx_min(q, last) - p);
}


/* the place of a name in a list that grows; few names, looked for in a row */

static int
hd_sb_facts_name(hd_sb_name_t **names, uint32_t *n, const u_char *p,
    size_t len, uint32_t *out)
{
    uint32_t       i;
    hd_sb_name_t  *name;

    for (i = *n; i-- > 0; /* void */ ) {
        if ((*names)[i].name.len == len
            && memcmp((*names)[i].name.data, p, len) == 0)
        {
            *out = i;
            return HD_OK;
        }
    }

    name = realloc(*names, (*n + 1) * sizeof(hd_sb_name_t));
    if (name == NULL) {
        return HD_ERROR;
    }

    *names = name;
    name += *n;
    memset(name, 0, sizeof(hd_sb_name_t));
    name->name.data = malloc(len + 1);

    if (name->name.data == NULL) {
        return HD_ERROR;
    }

    memcpy(name->name.data, p, len);
    name->name.len = len;
    *out = (*n)++;

    return HD_OK;
}


static uint64_t
hd_sb_facts_hash(const u_char *p, size_t len)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325ULL;

    for (i = 0; i < len; i++) {
        h = (h ^ p[i]) * 0x100000001b3ULL;
    }

    return len ? h | 1 : 0;
}


static int
hd_sb_facts_line(hd_sb_oracle_t *o, const u_char *p, const u_char *last,
    off_t at)
{
    size_t          len;
    hd_sb_fact_t   *f;
    const u_char   *q, *number;

    if (o->nfacts == o->cap) {
        o->cap = o->cap ? o->cap * 2 : 4096;
        f = realloc(o->facts, o->cap * sizeof(hd_sb_fact_t));
        if (f == NULL) {
            return HD_ERROR;
        }

        o->facts = f;
    }

    f = &o->facts[o->nfacts];
    memset(f, 0, sizeof(hd_sb_fact_t));

    if (hd_sb_facts_find(&p, last, "\"mono_us\":") == NULL) {
        return HD_OK;
    }

    f->at = strtoll((const char *) p, NULL, 10);
    f->clock = f->at;
    f->line = at;

    if (f->at < o->since) {
        return HD_OK;
    }

    number = hd_sb_facts_find(&p, last, "\"phone_number_id\":\"");
    len = number ? hd_sb_facts_str(number, last) : 0;

    if (number == NULL
        || hd_sb_facts_name(&o->numbers, &o->nnumbers, number, len,
                             &f->number)
           != HD_OK)
    {
        return number ? HD_ERROR : HD_OK;
    }

    q = hd_sb_facts_find(&p, last, "\"to\":\"");
    f->to = q ? strtoull((const char *) q, NULL, 10) : 0;

    q = hd_sb_facts_find(&p, last, "\"reference\":\"");
    f->ref = q ? hd_sb_facts_hash(q, hd_sb_facts_str(q, last)) : 0;

    q = hd_sb_facts_find(&p, last, "\"outcome\":\"");
    if (q == NULL) {
        return HD_OK;
    }

    /* a receipt that something was seen is no message */
    if (*q == 's') {
        return HD_OK;
    }

    f->what = (*q == 'i') ? HD_SB_INBOUND : HD_SB_TAKEN;

    if (q[0] == 'r' && q[2] == 'j') {
        f->what = HD_SB_REJECTED;
    }

    f->reset = (q[0] == 'r' && q[2] == 's');
    f->in_window = hd_sb_facts_find(&p, last, "\"in_window\":true") != NULL;

    q = hd_sb_facts_find(&p, last, "\"portfolio\":\"");
    q = q ? q : number;
    len = hd_sb_facts_str(q, last);

    if (hd_sb_facts_name(&o->portfolios, &o->nportfolios, q, len,
                          &f->portfolio)
        != HD_OK)
    {
        return HD_ERROR;
    }

    q = hd_sb_facts_find(&p, last, "\"shift_s\":");
    if (q != NULL) {
        f->clock += strtoll((const char *) q, NULL, 10) * 1000000;
    }

    o->nfacts++;

    return HD_OK;
}


#define hd_sb_compare(x, y)                                                   \
    if ((x) != (y)) {                                                         \
        return (x) < (y) ? -1 : 1;                                            \
    }

static int
hd_sb_by_number(const void *one, const void *two)
{
    const hd_sb_fact_t  *a = one, *b = two;

    hd_sb_compare(a->number, b->number)
    hd_sb_compare(a->at, b->at)

    return 0;
}


static int
hd_sb_by_pair(const void *one, const void *two)
{
    const hd_sb_fact_t  *a = one, *b = two;

    hd_sb_compare(a->number, b->number)
    hd_sb_compare(a->to, b->to)
    hd_sb_compare(a->at, b->at)

    return 0;
}


static int
hd_sb_by_portfolio(const void *one, const void *two)
{
    const hd_sb_fact_t  *a = one, *b = two;

    hd_sb_compare(a->portfolio, b->portfolio)
    hd_sb_compare(a->to, b->to)
    hd_sb_compare(a->clock, b->clock)

    return 0;
}


static int
hd_sb_by_reference(const void *one, const void *two)
{
    const hd_sb_fact_t  *a = one, *b = two;

    hd_sb_compare(a->ref, b->ref)
    hd_sb_compare(a->line, b->line)

    return 0;
}


static int
hd_sb_by_value(const void *one, const void *two)
{
    const int64_t  *a = one, *b = two;

    hd_sb_compare(*a, *b)

    return 0;
}


/* the fullest window: of what was taken, and of that with what came in */

void
hd_sb_facts_numbers(hd_sb_oracle_t *o)
{
    size_t         i, from, both_from;
    uint64_t       in, both;
    hd_sb_fact_t  *f;
    hd_sb_name_t  *n;

    qsort(o->facts, o->nfacts, sizeof(hd_sb_fact_t), hd_sb_by_number);

    from = both_from = 0;
    in = both = 0;

    for (i = 0; i < o->nfacts; i++) {
        f = &o->facts[i];
        n = &o->numbers[f->number];

        if (i > 0 && f->number != f[-1].number) {
            from = both_from = i;
            in = both = 0;
        }

        if (f->what == HD_SB_REJECTED) {
            n->rejected++;
            continue;
        }

        for ( /* void */ ; f->at - o->facts[both_from].at >= o->window;
             both_from++)
        {
            both -= (o->facts[both_from].what != HD_SB_REJECTED);
        }

        both++;
        n->max_both = ngx_max(n->max_both, both);

        if (f->what == HD_SB_INBOUND) {
            n->inbound++;
            continue;
        }

        for ( /* void */ ; f->at - o->facts[from].at >= o->window; from++) {
            in -= (o->facts[from].what == HD_SB_TAKEN);
        }

        in++;
        n->max_window = ngx_max(n->max_window, in);
        n->reset += f->reset;
        n->last = f->at;

        if (n->count++ == 0) {
            n->first = f->at;
        }
    }
}


void
hd_sb_facts_pairs(hd_sb_oracle_t *o)
{
    size_t         i, from;
    uint64_t       in;
    hd_sb_fact_t  *f;
    hd_sb_name_t  *n;

    qsort(o->facts, o->nfacts, sizeof(hd_sb_fact_t), hd_sb_by_pair);

    from = 0;
    in = 0;

    for (i = 0; i < o->nfacts; i++) {
        f = &o->facts[i];
        n = &o->numbers[f->number];

        if (i > 0 && (f->number != f[-1].number || f->to != f[-1].to)) {
            from = i;
            in = 0;
        }

        if (f->what != HD_SB_TAKEN) {
            continue;
        }

        for ( /* void */ ; f->at - o->facts[from].at >= o->pair; from++) {
            in -= (o->facts[from].what == HD_SB_TAKEN);
        }

        in++;
        n->max_pair = ngx_max(n->max_pair, in);
    }
}


/*
 * Distinct recipients outside the window in the fullest 24 h.  A recipient
 * counts from a message until 24 h after it: its messages become spans, and
 * the answer is how many spans overlap at most.
 */

int
hd_sb_facts_portfolios(hd_sb_oracle_t *o)
{
    size_t         i, j, k, n, ends;
    int64_t       *start, *stop;
    uint64_t       now, most;
    hd_sb_fact_t  *f;

    start = malloc((o->nfacts + 1) * sizeof(int64_t));
    stop = malloc((o->nfacts + 1) * sizeof(int64_t));

    if (start == NULL || stop == NULL) {
        free(start);
        free(stop);
        return HD_ERROR;
    }

    qsort(o->facts, o->nfacts, sizeof(hd_sb_fact_t), hd_sb_by_portfolio);

    for (i = 0; i < o->nfacts; i = j) {

        n = 0;
        f = NULL;

        for (j = i; j < o->nfacts
                    && o->facts[j].portfolio == o->facts[i].portfolio; j++)
        {
            if (o->facts[j].what != HD_SB_TAKEN || o->facts[j].in_window) {
                continue;
            }

            if (f != NULL && f->to == o->facts[j].to
                && o->facts[j].clock <= stop[n - 1])
            {
                stop[n - 1] = o->facts[j].clock + HD_SB_DAY_US;

            } else {
                start[n] = o->facts[j].clock;
                stop[n++] = o->facts[j].clock + HD_SB_DAY_US;
            }

            f = &o->facts[j];
        }

        qsort(start, n, sizeof(int64_t), hd_sb_by_value);
        qsort(stop, n, sizeof(int64_t), hd_sb_by_value);

        now = most = 0;
        ends = 0;

        for (k = 0; k < n; k++) {
            for ( /* void */ ; stop[ends] <= start[k]; ends++) {
                now--;
            }

            now++;
            most = ngx_max(most, now);
        }

        o->portfolios[o->facts[i].portfolio].unique = most;
    }

    free(start);
    free(stop);

    return HD_OK;
}


/* the reference as the line at `at` has it */

static void
hd_sb_facts_reference(hd_sb_oracle_t *o, int fd, off_t at)
{
    u_char        text[4096];
    size_t        len;
    ssize_t       n;
    const u_char  *p, *q;

    n = pread(fd, text, sizeof(text), at);
    p = text;

    q = (n > 0) ? hd_sb_facts_find(&p, text + n, "\"reference\":\"") : NULL;
    len = q ? hd_sb_facts_str(q, text + n) : 0;

    hd_buf_add(&o->out, q ? q : text, len);
}


void
hd_sb_facts_duplicates(hd_sb_oracle_t *o)
{
    int       fd;
    size_t    i, j;
    uint64_t  times;

    fd = open(o->path, O_RDONLY|O_CLOEXEC);

    qsort(o->facts, o->nfacts, sizeof(hd_sb_fact_t), hd_sb_by_reference);

    for (i = 0; i < o->nfacts; i = j) {

        times = 0;

        for (j = i; j < o->nfacts && o->facts[j].ref == o->facts[i].ref; j++) {
            times += (o->facts[j].what == HD_SB_TAKEN);
        }

        if (o->facts[i].ref == 0 || times < 2) {
            continue;
        }

        if (o->duplicates++ < HD_SB_LISTED && fd != -1) {
            hd_buf_printf(&o->out, "%s{\"times\":%lu,\"reference\":\"",
                          o->duplicates > 1 ? "," : "", times);
            hd_sb_facts_reference(o, fd, o->facts[i].line);
            hd_buf_z(&o->out, "\"}");
        }
    }
    if (fd != -1) {
        (void) close(fd);
    }
}
