/*
 * unit: building a unit of statements and arguments, ending it, and keeping
 * its pool for the next one.
 *
 * Building never reports an error: the first failure marks the unit broken,
 * the later calls do nothing, and hd_pg_submit says NGX_ERROR once.
 *
 * Arguments of the text family, jsonb, bytea, uuid, time and arrays go in
 * binary, where a length and any bytes do and nothing is escaped; integers and
 * booleans go as text, because the binary form depends on the column's width.
 */

#include "private.h"


#define HD_PG_UNIT_POOL    2048
/* a pool that grew beyond this many blocks is not worth keeping */
#define HD_PG_UNIT_BLOCKS  4


static void hd_pg_arg(hd_pg_unit_t *u, const void *data, size_t len,
    int format, ngx_uint_t borrowed);
static ngx_int_t hd_pg_grow_args(hd_pg_work_t *w);
static ngx_int_t hd_pg_grow_calls(hd_pg_work_t *w);
static ngx_pool_t *hd_pg_take_pool(hd_pg_pool_t *pg);


hd_pg_unit_t *
hd_pg_unit(hd_pg_pool_t *pg, hd_pg_result_pt on_result, hd_pg_done_pt on_done,
    void *data)
{
    ngx_pool_t    *pool;
    hd_pg_work_t  *w;

    pool = hd_pg_take_pool(pg);
    if (pool == NULL) {
        return NULL;
    }

    w = ngx_palloc(pool, sizeof(hd_pg_work_t));
    if (w == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    /* not the arrays behind it */
    ngx_memzero(w, offsetof(hd_pg_work_t, calls0));

    w->calls = w->calls0;
    w->calls_max = HD_PG_CALLS;
    w->values = w->values0;
    w->lengths = w->lengths0;
    w->formats = w->formats0;
    w->borrowed = w->borrowed0;
    w->args_max = HD_PG_ARGS;

    w->pub.pool = pool;
    w->pub.pg = pg;
    w->pub.on_result = on_result;
    w->pub.on_done = on_done;
    w->pub.data = data;
    w->pub.priv = w;

    return &w->pub;
}


void
hd_pg_org(hd_pg_unit_t *u, const hd_uuid_t *org)
{
    u_char  text[36];

    hd_uuid_format(org, text);

    hd_pg_stmt(u, u->pg->conf.org_stmt);
    hd_pg_bytea(u, text, sizeof(text));
}


void
hd_pg_stmt(hd_pg_unit_t *u, ngx_uint_t stmt)
{
    hd_pg_call_t  *call;
    hd_pg_work_t  *w = hd_pg_work(u);

    if (w->broken) {
        return;
    }

    if (stmt >= u->pg->conf.nstmts) {
        ngx_log_error(NGX_LOG_ALERT, u->pg->log, 0,
                      "postgres: there is no statement %ui", stmt);
        w->broken = 1;
        return;
    }

    if (u->nstmts && !hd_pg_unit_complete(w)) {
        return;
    }

    if (u->nstmts == w->calls_max && hd_pg_grow_calls(w) != NGX_OK) {
        w->broken = 1;
        return;
    }

    call = &w->calls[u->nstmts++];

    call->stmt = stmt;
    call->first = w->nargs;
    call->nargs = 0;
}


void
hd_pg_null(hd_pg_unit_t *u)
{
    hd_pg_arg(u, NULL, 0, 0, 0);
}


void
hd_pg_text(hd_pg_unit_t *u, const hd_str_t *s)
{
    /* an empty string may come without memory, and NULL is something else */
    hd_pg_arg(u, s->data ? s->data : (u_char *) "", s->len, 1, 1);
}


void
hd_pg_text_null(hd_pg_unit_t *u, const hd_str_t *s)
{
    hd_pg_arg(u, s->data, s->len, 1, 1);
}


void
hd_pg_jsonb(hd_pg_unit_t *u, const hd_str_t *s)
{
    u_char  *p;

    p = ngx_pnalloc(u->pool, s->len + 1);
    if (p == NULL) {
        hd_pg_work(u)->broken = 1;
        return;
    }

    /* the version of jsonb's binary form */
    p[0] = 1;

    if (s->len) {
        ngx_memcpy(p + 1, s->data, s->len);
    }

    hd_pg_arg(u, p, s->len + 1, 1, 0);
}


void
hd_pg_z(hd_pg_unit_t *u, const char *z)
{
    u_char  *p;
    size_t   len;

    len = ngx_strlen(z) + 1;

    p = ngx_pnalloc(u->pool, len);
    if (p == NULL) {
        hd_pg_work(u)->broken = 1;
        return;
    }

    ngx_memcpy(p, z, len);

    hd_pg_arg(u, p, len - 1, 0, 0);
}


void
hd_pg_bytea(hd_pg_unit_t *u, const void *data, size_t len)
{
    u_char  *p;

    p = ngx_pnalloc(u->pool, len ? len : 1);
    if (p == NULL) {
        hd_pg_work(u)->broken = 1;
        return;
    }

    if (len) {
        ngx_memcpy(p, data, len);
    }

    hd_pg_arg(u, p, len, 1, 0);
}


void
hd_pg_uuid(hd_pg_unit_t *u, const hd_uuid_t *id)
{
    hd_pg_bytea(u, id->b, sizeof(id->b));
}


void
hd_pg_int(hd_pg_unit_t *u, int64_t n)
{
    u_char  *p, *last;

    p = ngx_pnalloc(u->pool, NGX_INT64_LEN + 1);
    if (p == NULL) {
        hd_pg_work(u)->broken = 1;
        return;
    }

    last = ngx_sprintf(p, "%L", n);
    *last = '\0';

    hd_pg_arg(u, p, last - p, 0, 0);
}


void
hd_pg_bool(hd_pg_unit_t *u, ngx_uint_t b)
{
    hd_pg_arg(u, b ? "t" : "f", 1, 0, 0);
}


void
hd_pg_time(hd_pg_unit_t *u, int64_t us)
{
    u_char      text[8];
    uint64_t    n;
    ngx_uint_t  i;

    n = (uint64_t) (us - HD_PG_EPOCH_US);

    for (i = 8; i > 0; i--) {
        text[i - 1] = (u_char) n;
        n >>= 8;
    }

    hd_pg_bytea(u, text, sizeof(text));
}


void
hd_pg_array(hd_pg_unit_t *u, hd_pg_array_t *a)
{
    if (hd_pg_array_close(a) != NGX_OK) {
        hd_pg_work(u)->broken = 1;
        return;
    }

    hd_pg_arg(u, a->buf.data, a->buf.len, 1, 1);
}


static void
hd_pg_array_cleanup(void *data)
{
    hd_pg_array_free(data);
}


void
hd_pg_array_move(hd_pg_unit_t *u, hd_pg_array_t *a)
{
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(u->pool, sizeof(hd_pg_array_t));

    if (cln == NULL) {
        hd_pg_array_free(a);
        hd_pg_work(u)->broken = 1;
        return;
    }

    *(hd_pg_array_t *) cln->data = *a;
    cln->handler = hd_pg_array_cleanup;

    hd_pg_array(u, cln->data);
}


void
hd_pg_discard(hd_pg_unit_t *u)
{
    hd_pg_unit_free(hd_pg_work(u));
}


void
hd_pg_abandon(hd_pg_unit_t *u)
{
    u->data = NULL;
}


ngx_int_t
hd_pg_unit_own(hd_pg_work_t *w)
{
    u_char      *p;
    size_t       len;
    ngx_uint_t   i;

    for (i = 0; i < w->nargs; i++) {

        if (!w->borrowed[i]) {
            continue;
        }

        len = (size_t) w->lengths[i];

        p = ngx_pnalloc(w->pub.pool, len ? len : 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p, w->values[i], len);

        w->values[i] = (const char *) p;
        w->borrowed[i] = 0;
    }

    return NGX_OK;
}


ngx_uint_t
hd_pg_unit_complete(hd_pg_work_t *w)
{
    hd_pg_call_t        *call;
    hd_pg_unit_t        *u = &w->pub;
    const hd_pg_stmt_t  *stmt;

    if (w->broken || u->nstmts == 0) {
        return 0;
    }

    call = &w->calls[u->nstmts - 1];
    stmt = &u->pg->conf.stmts[call->stmt];

    if (call->nargs != stmt->nparams) {
        ngx_log_error(NGX_LOG_ALERT, u->pg->log, 0,
                      "postgres: statement \"%s\" takes %ui arguments "
                      "and was given %ui",
                      stmt->name, stmt->nparams, call->nargs);
        w->broken = 1;
        return 0;
    }

    return 1;
}


void
hd_pg_unit_finish(hd_pg_work_t *w, hd_pg_outcome_e outcome)
{
    w->pub.pg->pending--;

    /* none: a probe, or it has been told already (pool.c) */
    if (w->pub.on_done) {
        w->pub.on_done(&w->pub, outcome);
    }

    hd_pg_unit_free(w);

    /* after the callback: what it starts must find the worker still held */
    hd_hold_release();
}


void
hd_pg_unit_free(hd_pg_work_t *w)
{
    ngx_uint_t     n;
    ngx_pool_t    *pool, *p;
    hd_pg_pool_t  *pg;

    pg = w->pub.pg;
    pool = w->pub.pool;

    for (p = pool, n = 0; p; p = p->d.next) {
        n++;
    }

    /* ngx_reset_pool forgets no cleanups: such a pool dies */

    if (pg->closing
        || pool->cleanup != NULL
        || n > HD_PG_UNIT_BLOCKS
        || pg->nspare == HD_PG_SPARE)
    {
        ngx_destroy_pool(pool);
        return;
    }

    ngx_reset_pool(pool);
    pg->spare[pg->nspare++] = pool;
}


static void
hd_pg_arg(hd_pg_unit_t *u, const void *data, size_t len, int format,
    ngx_uint_t borrowed)
{
    ngx_uint_t     n;
    hd_pg_work_t  *w = hd_pg_work(u);

    if (w->broken) {
        return;
    }

    if (u->nstmts == 0 || len > NGX_MAX_INT32_VALUE) {
        ngx_log_error(NGX_LOG_ALERT, u->pg->log, 0,
                      "postgres: an argument without a statement, "
                      "or of %uz bytes", len);
        w->broken = 1;
        return;
    }

    if (w->nargs == w->args_max && hd_pg_grow_args(w) != NGX_OK) {
        w->broken = 1;
        return;
    }

    n = w->nargs++;

    w->values[n] = data;
    w->lengths[n] = (int) len;
    w->formats[n] = format;
    w->borrowed[n] = (data != NULL && borrowed);

    w->calls[u->nstmts - 1].nargs++;
}


static ngx_int_t
hd_pg_grow_args(hd_pg_work_t *w)
{
    int          *lengths, *formats;
    u_char       *borrowed;
    ngx_uint_t    n, max;
    ngx_pool_t   *pool;
    const char  **values;

    n = w->nargs;
    max = w->args_max * 2;
    pool = w->pub.pool;

    values = ngx_palloc(pool, max * sizeof(char *));
    lengths = ngx_palloc(pool, max * sizeof(int));
    formats = ngx_palloc(pool, max * sizeof(int));
    borrowed = ngx_pnalloc(pool, max);

    if (values == NULL || lengths == NULL || formats == NULL
        || borrowed == NULL)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(values, w->values, n * sizeof(char *));
    ngx_memcpy(lengths, w->lengths, n * sizeof(int));
    ngx_memcpy(formats, w->formats, n * sizeof(int));
    ngx_memcpy(borrowed, w->borrowed, n);

    w->values = values;
    w->lengths = lengths;
    w->formats = formats;
    w->borrowed = borrowed;
    w->args_max = max;

    return NGX_OK;
}


static ngx_int_t
hd_pg_grow_calls(hd_pg_work_t *w)
{
    ngx_uint_t     max;
    hd_pg_call_t  *calls;

    max = w->calls_max * 2;

    calls = ngx_palloc(w->pub.pool, max * sizeof(hd_pg_call_t));
    if (calls == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(calls, w->calls, w->pub.nstmts * sizeof(hd_pg_call_t));

    w->calls = calls;
    w->calls_max = max;

    return NGX_OK;
}


static ngx_pool_t *
hd_pg_take_pool(hd_pg_pool_t *pg)
{
    if (pg->nspare) {
        return pg->spare[--pg->nspare];
    }

    return ngx_create_pool(HD_PG_UNIT_POOL, pg->log);
}
