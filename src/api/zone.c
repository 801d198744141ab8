/*
 * The time zones that the database knows, kept by each worker, so that a name
 * is checked with the other fields of a body.  `herald migrate` may add some:
 * after ten minutes they are asked for again.
 */

#include "frame.h"


#define HD_ZONES_AGE   600             /* seconds */
#define HD_ZONE_NAME   48              /* bytes compared for likeness */
#define HD_ZONE_SHOWN  3


typedef struct {
    hd_str_t     *names;               /* in the order of their bytes */
    ngx_uint_t    n;
    time_t        asked;
} hd_zones_t;

static hd_zones_t  hd_zones;


static void
hd_zones_result(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    size_t       size;
    u_char      *p;
    hd_str_t     v, *names;
    ngx_uint_t   i, n;

    n = hd_pg_rows(res);

    if (index != 1 || n == 0) {
        return;
    }

    size = n * sizeof(hd_str_t);

    for (i = 0; i < n; i++) {
        size += hd_pg_value(res, i, 0).len;
    }

    names = ngx_alloc(size, hd_api.log);
    if (names == NULL) {
        return;
    }

    p = (u_char *) &names[n];

    for (i = 0; i < n; i++) {
        v = hd_pg_value(res, i, 0);
        names[i].data = p;
        names[i].len = v.len;
        p = ngx_cpymem(p, v.data, v.len);
    }

    hd_zones_exit();

    hd_zones.names = names;
    hd_zones.n = n;
    hd_zones.asked = ngx_time();
}


static void
hd_zones_asked(hd_req_t *req)
{
    req->done = NULL;

    if (hd_zones.n == 0) {
        hd_problem(req, NGX_HTTP_INTERNAL_SERVER_ERROR, "internal",
                   "The time zones could not be read.");
        return;
    }

    hd_req_run(req);
}


ngx_int_t
hd_zones_need(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    if (hd_zones.n && ngx_time() - hd_zones.asked < HD_ZONES_AGE) {
        return NGX_OK;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return NGX_DONE;
    }

    hd_pg_stmt(u, HD_Q_ZONE_NAMES);

    u->on_result = hd_zones_result;
    req->done = hd_zones_asked;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);

    return NGX_DONE;
}


void
hd_zones_exit(void)
{
    if (hd_zones.names) {
        ngx_free(hd_zones.names);
    }

    ngx_memzero(&hd_zones, sizeof(hd_zones_t));
}


ngx_uint_t
hd_zone_known(const hd_str_t *name)
{
    ngx_int_t    rc;
    ngx_uint_t   low, high, mid;
    hd_str_t    *z;

    low = 0;
    high = hd_zones.n;

    while (low < high) {
        mid = (low + high) / 2;
        z = &hd_zones.names[mid];

        rc = ngx_memcmp(z->data, name->data, ngx_min(z->len, name->len));

        if (rc == 0 && z->len == name->len) {
            return 1;
        }

        if (rc < 0 || (rc == 0 && z->len < name->len)) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    return 0;
}


/* changes of one character that make one of the other, in any case */
static ngx_uint_t
hd_zone_distance(const hd_str_t *a, const hd_str_t *b)
{
    size_t      i, j, alen, blen;
    ngx_uint_t  row[HD_ZONE_NAME + 1], corner, up, cost;

    alen = ngx_min(a->len, HD_ZONE_NAME);
    blen = ngx_min(b->len, HD_ZONE_NAME);

    for (j = 0; j <= blen; j++) {
        row[j] = j;
    }

    for (i = 1; i <= alen; i++) {
        corner = row[0];
        row[0] = i;

        for (j = 1; j <= blen; j++) {
            up = row[j];
            cost = corner + (ngx_tolower(a->data[i - 1])
                             != ngx_tolower(b->data[j - 1]));
            cost = ngx_min(cost, up + 1);
            row[j] = ngx_min(cost, row[j - 1] + 1);
            corner = up;
        }
    }

    return row[blen];
}


/* "Europe/Paris" is "Paris" to most people */
static hd_str_t
hd_zone_city(const hd_str_t *name)
{
    size_t    i;
    hd_str_t  city;

    city = *name;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] == '/') {
            city.data = name->data + i + 1;
            city.len = name->len - i - 1;
        }
    }

    return city;
}


void
hd_zone_similar(const hd_str_t *name, char *text, size_t size)
{
    size_t       n;
    hd_str_t     asked, city;
    ngx_uint_t   i, j, d, best[HD_ZONE_SHOWN], at[HD_ZONE_SHOWN];

    asked = hd_zone_city(name);

    for (j = 0; j < HD_ZONE_SHOWN; j++) {
        best[j] = asked.len / 3 + 1;
        at[j] = hd_zones.n;
    }

    for (i = 0; i < hd_zones.n; i++) {
        city = hd_zone_city(&hd_zones.names[i]);
        d = hd_zone_distance(&asked, &city);

        if (d && d >= best[HD_ZONE_SHOWN - 1]) {
            d = hd_zone_distance(name, &hd_zones.names[i]);
        }

        for (j = 0; j < HD_ZONE_SHOWN; j++) {
            if (d < best[j]) {
                ngx_memmove(&best[j + 1], &best[j],
                            (HD_ZONE_SHOWN - j - 1) * sizeof(best[0]));
                ngx_memmove(&at[j + 1], &at[j],
                            (HD_ZONE_SHOWN - j - 1) * sizeof(at[0]));
                best[j] = d;
                at[j] = i;
                break;
            }
        }
    }

    text[0] = '\0';
    n = 0;

    for (j = 0; j < HD_ZONE_SHOWN && at[j] < hd_zones.n && n < size; j++) {
        n += snprintf(text + n, size - n, "%s%.*s", n ? ", " : "",
                      (int) hd_zones.names[at[j]].len,
                      hd_zones.names[at[j]].data);
    }
}
