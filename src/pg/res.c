/*
 * res: reading one statement's rows.  Everything is in text form and belongs
 * to the PGresult, which is cleared as soon as on_result returns.
 */

#include "private.h"


ngx_uint_t
hd_pg_rows(hd_pg_res_t *res)
{
    return (ngx_uint_t) PQntuples(res->res);
}


ngx_uint_t
hd_pg_columns(hd_pg_res_t *res)
{
    return (ngx_uint_t) PQnfields(res->res);
}


ngx_uint_t
hd_pg_is_null(hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col)
{
    return (ngx_uint_t) PQgetisnull(res->res, (int) row, (int) col);
}


hd_str_t
hd_pg_value(hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col)
{
    hd_str_t  s;

    /* NULL for a row or column that is not there */
    s.data = (u_char *) PQgetvalue(res->res, (int) row, (int) col);
    s.len = 0;

    if (s.data) {
        s.len = (size_t) PQgetlength(res->res, (int) row, (int) col);
    }

    return s;
}


int64_t
hd_pg_value_int(hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col)
{
    const char  *p;

    /* PostgreSQL ends every value with a NUL and writes no other integers */
    p = PQgetvalue(res->res, (int) row, (int) col);

    return p ? (int64_t) strtoll(p, NULL, 10) : 0;
}


ngx_int_t
hd_pg_value_uuid(hd_pg_res_t *res, ngx_uint_t row, ngx_uint_t col,
    hd_uuid_t *id)
{
    hd_str_t  s;

    s = hd_pg_value(res, row, col);

    if (s.data == NULL || hd_uuid_parse(id, s.data, s.len) != HD_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


int64_t
hd_pg_affected(hd_pg_res_t *res)
{
    return (int64_t) strtoll(PQcmdTuples(res->res), NULL, 10);
}


ngx_uint_t
hd_pg_is_transient(const char *sqlstate)
{
    /*
     * serialization_failure, deadlock_detected, lock_not_available, prepared
     * statements that no longer fit (also "cached plan" errors: pipe.c), and
     * what a server says that is short of something or just leaving: the unit
     * was rolled back for reasons that are not in it
     */
    static const char  *states[] = {
        "40001", "40P01", "55P03", "26000", "57P01", "57P02", "57P03", NULL
    };

    ngx_uint_t  i;

    for (i = 0; states[i]; i++) {
        if (ngx_strcmp(sqlstate, states[i]) == 0) {
            return 1;
        }
    }

    /* 53: insufficient resources, among them "too many connections" */
    return ngx_strncmp(sqlstate, "53", 2) == 0;
}


ngx_uint_t
hd_pg_is_timeout(const char *sqlstate)
{
    return ngx_strcmp(sqlstate, "57014") == 0;
}
