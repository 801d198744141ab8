/*
 * Limits that are counted over many messages: what account_send says of them,
 * and the two statements that keep them in the unit of an attempt.
 *
 * Whoever counts on such a limit takes turns with the others (range_lock): the
 * money of an organisation, the people of a portfolio, the day of a number,
 * and for the frequency cap each person, by one of 64 locks.  range_hold then
 * counts what is committed and puts off or skips who is over, and
 * range_sending counts the attempt itself, all in one transaction.
 */

#include "private.h"


#define HD_LIMIT_PEOPLE  64
#define HD_UNKNOWN_WAIT  (30 * 1000000ll)    /* us: a status may settle it */


enum {
    HD_LOCK_SPEND = 1,
    HD_LOCK_DAY,
    HD_LOCK_PORTFOLIO,
    HD_LOCK_PERSON
};


static int64_t
hd_limits_int(hd_pg_res_t *res, ngx_uint_t col)
{
    return hd_pg_is_null(res, 0, col) ? -1 : hd_pg_value_int(res, 0, col);
}


static void
hd_limits_policy(hd_job_t *job, hd_pg_res_t *res)
{
    hd_str_t     v;
    hd_json_t   *policy;
    ngx_uint_t   i;

    static const char  *names[] = {
        "marketing", "utility", "service", "authentication"
    };

    policy = hd_content_json(job, res, 0, 9);

    for (i = 0; i < 4; i++) {
        v = hd_json_str(policy, names[i]);
        job->limits.retry_unknown[i] = hd_str_eq(&v, "retry");
    }
}


/* account_send, from its ninth column on */
ngx_int_t
hd_limits_load(hd_job_t *job, hd_pg_res_t *res)
{
    hd_str_t      v;
    hd_limits_t  *l;

    l = &job->limits;
    ngx_memzero(l, sizeof(hd_limits_t));

    v = hd_pg_value(res, 0, 8);
    l->usable = hd_str_eq(&v, "connected");
    l->pair = (hd_pg_value(res, 0, 10).data[0] == 't');

    hd_limits_policy(job, res);

    hd_bucket_gap(hd_send.conf.shm, job->grant.bucket,
                  (uint32_t) hd_pg_value_int(res, 0, 11),
                  (uint32_t) hd_pg_value_int(res, 0, 12));

    l->daily_cap = hd_limits_int(res, 13);
    l->tomorrow = hd_pg_value_int(res, 0, 15);
    l->hours_until = ngx_max(hd_limits_int(res, 16), 0);
    l->portfolio_limit = hd_limits_int(res, 18);
    l->cap = hd_limits_int(res, 19);
    l->cap_days = hd_limits_int(res, 20);
    l->spend = hd_limits_int(res, 21);
    l->until = ngx_max(hd_limits_int(res, 23), 0);

    if (hd_content_copy(job, res, 0, 14, &l->day) != NGX_OK
        || hd_content_copy(job, res, 0, 17, &l->portfolio) != NGX_OK
        || hd_content_copy(job, res, 0, 22, &l->since) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


int32_t
hd_limits_cost(hd_job_t *job, const hd_str_t *country, ngx_uint_t window)
{
    u_char   category;
    int64_t  price;

    category = job->content.category;

    /* utility is free inside the window; so are free words */
    if (hd_send.conf.prices == NULL || category == 's'
        || (category == 'u' && window))
    {
        return 0;
    }

    price = hd_price(hd_send.conf.prices, country, (char) category,
                     (int32_t) (ngx_time() / 86400));

    return (int32_t) ngx_min(ngx_max(price, 0), INT32_MAX);
}


int64_t
hd_limits_unknown(hd_job_t *job)
{
    ngx_uint_t  i;

    switch (job->content.category) {

    case 'm':
        i = 0;
        break;

    case 'u':
        i = 1;
        break;

    case 'a':
        i = 3;
        break;

    default:
        i = 2;
    }

    return job->limits.retry_unknown[i] ? hd_now_us() + HD_UNKNOWN_WAIT : 0;
}


/* one lock's number: what it is, and of whom */
static int64_t
hd_limits_key(ngx_uint_t what, const hd_uuid_t *org, const u_char *data,
    size_t len)
{
    u_char    text[16];
    uint64_t  key;

    ngx_memcpy(text, org->b, 16);
    key = ngx_murmur_hash2(text, 16);
    key = key << 32 | ngx_murmur_hash2((u_char *) data, len);

    return (int64_t) ((key & ~(uint64_t) 0xff) | what);
}


static void
hd_limits_lock(hd_job_t *job, hd_pg_unit_t *u, ngx_uint_t capped)
{
    u_char          person;
    uint64_t        people;
    hd_row_t       *row;
    ngx_uint_t      i;
    ngx_queue_t    *q;
    hd_limits_t    *l;
    hd_pg_array_t   keys;

    l = &job->limits;
    hd_pg_array_init(&keys, HD_PG_INT8_ARRAY);

    if (l->spend >= 0) {
        hd_pg_array_int(&keys, hd_limits_key(HD_LOCK_SPEND, &job->grant.org,
                                             (u_char *) "", 0));
    }

    if (l->daily_cap >= 0) {
        hd_pg_array_int(&keys, hd_limits_key(HD_LOCK_DAY, &job->grant.org,
                                             job->grant.account.b, 16));
    }

    if (l->portfolio_limit >= 0) {
        hd_pg_array_int(&keys, hd_limits_key(HD_LOCK_PORTFOLIO,
                                             &job->grant.org,
                                             l->portfolio.data,
                                             l->portfolio.len));
    }

    people = 0;

    for (q = ngx_queue_head(&job->read);
         capped && q != ngx_queue_sentinel(&job->read);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);

        if (row->attempt == HD_NONE) {
            break;
        }

        /* the end of a UUIDv7 is random */
        people |= (uint64_t) 1 << (row->contact_id.b[15] % HD_LIMIT_PEOPLE);
    }

    for (i = 0; i < HD_LIMIT_PEOPLE; i++) {
        if (people & (uint64_t) 1 << i) {
            person = (u_char) i;
            hd_pg_array_int(&keys, hd_limits_key(HD_LOCK_PERSON,
                                                 &job->grant.org, &person,
                                                 1));
        }
    }

    hd_pg_stmt(u, HD_Q_RANGE_LOCK);
    hd_pg_array_move(u, &keys);
}


static void
hd_limits_null_int(hd_pg_unit_t *u, int64_t n)
{
    if (n < 0) {
        hd_pg_null(u);

    } else {
        hd_pg_int(u, n);
    }
}


static void
hd_limits_date(hd_pg_unit_t *u, const hd_str_t *s, ngx_uint_t set)
{
    u_char  *z;

    z = set ? ngx_pnalloc(u->pool, s->len + 1) : NULL;

    if (z == NULL) {
        hd_pg_null(u);
        return;
    }

    *ngx_cpymem(z, s->data, s->len) = '\0';
    hd_pg_z(u, (char *) z);
}


static void
hd_limits_rows(hd_job_t *job, hd_pg_unit_t *u)
{
    hd_row_t       *row;
    ngx_queue_t    *q;
    hd_pg_array_t   seqs, contacts, opens, costs;

    hd_pg_array_init(&seqs, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&contacts, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&opens, HD_PG_BOOL_ARRAY);
    hd_pg_array_init(&costs, HD_PG_INT4_ARRAY);

    for (q = ngx_queue_head(&job->read);
         q != ngx_queue_sentinel(&job->read);
         q = ngx_queue_next(q))
    {
        row = ngx_queue_data(q, hd_row_t, queue);

        if (row->attempt == HD_NONE) {
            break;
        }

        hd_pg_array_int(&seqs, row->seq);
        hd_pg_array_uuid(&contacts, &row->contact_id);
        hd_pg_array_int(&opens, row->opens);
        hd_pg_array_int(&costs, row->cost);
    }

    hd_pg_array_move(u, &seqs);
    hd_pg_array_move(u, &contacts);
    hd_pg_array_move(u, &opens);
    hd_pg_array_move(u, &costs);
}


void
hd_limits_stmt(hd_job_t *job, hd_pg_unit_t *u)
{
    ngx_uint_t    capped;
    hd_limits_t  *l;

    l = &job->limits;
    capped = (l->cap > 0 && job->content.category == 'm');

#ifdef HD_NO_GUARD_LIMITS
    return;
#endif

    if (!capped && l->portfolio_limit < 0 && l->spend < 0
        && l->daily_cap < 0)
    {
        return;
    }

    hd_limits_lock(job, u, capped);

    hd_pg_stmt(u, HD_Q_RANGE_HOLD);
    job->at_hold = u->nstmts - 1;

    hd_pg_uuid(u, &job->grant.batch);
    hd_limits_rows(job, u);
    hd_limits_null_int(u, l->cap);
    hd_limits_null_int(u, l->cap_days);
    hd_pg_bool(u, capped);
    hd_pg_text_null(u, &l->portfolio);
    hd_limits_null_int(u, l->portfolio_limit);
    hd_limits_null_int(u, l->spend);
    hd_limits_date(u, &l->since, l->spend >= 0);

    if (l->spend >= 0) {
        hd_pg_time(u, l->until);

    } else {
        hd_pg_null(u);
    }

    hd_pg_uuid(u, &job->grant.account);
    hd_limits_null_int(u, l->daily_cap);
    hd_limits_date(u, &l->day, l->daily_cap >= 0);
    hd_pg_time(u, l->tomorrow);
    hd_pg_int(u, hd_send.conf.slot * 2);
}
