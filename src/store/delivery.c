/*
 * Many rows of the ledger in one statement: the arrays of settle and
 * status_apply (delivery.sql), one element for each attempt or status.
 */

#include "store.h"


/* status_apply's word for failed, the last of the provider's ranks */
#define HD_STORE_FAILED  5


void
hd_settle_init(hd_settle_rows_t *s)
{
    hd_pg_array_init(&s->batch, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&s->seq, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&s->fence, HD_PG_INT8_ARRAY);
    hd_pg_array_init(&s->outcome, HD_PG_INT2_ARRAY);
    hd_pg_array_init(&s->provider_id, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&s->code, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&s->reason, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&s->wait_us, HD_PG_INT8_ARRAY);
    hd_pg_array_init(&s->account, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&s->detail, HD_PG_TEXT_ARRAY);
    s->n = 0;
}


static void
hd_array_text_or_null(hd_pg_array_t *a, const hd_str_t *s)
{
    if (s == NULL || s->len == 0) {
        hd_pg_array_null(a);

    } else {
        hd_pg_array_text(a, s);
    }
}


void
hd_settle_add(hd_settle_rows_t *s, const hd_uuid_t *batch, uint32_t seq,
    int64_t fence, hd_settle_e outcome, const hd_str_t *provider_id, int code,
    const hd_str_t *reason, const hd_str_t *detail, int64_t wait_us,
    const hd_uuid_t *account)
{
    hd_pg_array_uuid(&s->batch, batch);
    hd_pg_array_int(&s->seq, seq);
    hd_pg_array_int(&s->fence, fence);
    hd_pg_array_int(&s->outcome, outcome);
    hd_array_text_or_null(&s->provider_id, provider_id);

    if (code) {
        hd_pg_array_int(&s->code, code);

    } else {
        hd_pg_array_null(&s->code);
    }

    hd_array_text_or_null(&s->reason, reason);

    if (wait_us) {
        hd_pg_array_int(&s->wait_us, wait_us);

    } else {
        hd_pg_array_null(&s->wait_us);
    }

    hd_pg_array_uuid(&s->account, account);
    hd_array_text_or_null(&s->detail, detail);
    s->n++;
}


void
hd_settle_stmt(hd_pg_unit_t *u, hd_settle_rows_t *s, uint32_t stripe)
{
    hd_pg_stmt(u, HD_Q_SETTLE);
    hd_pg_array(u, &s->batch);
    hd_pg_array(u, &s->seq);
    hd_pg_array(u, &s->fence);
    hd_pg_array(u, &s->outcome);
    hd_pg_array(u, &s->provider_id);
    hd_pg_array(u, &s->code);
    hd_pg_array(u, &s->reason);
    hd_pg_array(u, &s->wait_us);
    hd_pg_array(u, &s->account);
    hd_pg_int(u, stripe);
    hd_pg_array(u, &s->detail);

    hd_pg_stmt(u, HD_Q_PARKED_FIND);
    hd_pg_array(u, &s->account);
    hd_pg_array(u, &s->provider_id);
}


void
hd_settle_reset(hd_settle_rows_t *s)
{
    hd_pg_array_reset(&s->batch);
    hd_pg_array_reset(&s->seq);
    hd_pg_array_reset(&s->fence);
    hd_pg_array_reset(&s->outcome);
    hd_pg_array_reset(&s->provider_id);
    hd_pg_array_reset(&s->code);
    hd_pg_array_reset(&s->reason);
    hd_pg_array_reset(&s->wait_us);
    hd_pg_array_reset(&s->account);
    hd_pg_array_reset(&s->detail);
    s->n = 0;
}


void
hd_settle_free(hd_settle_rows_t *s)
{
    hd_pg_array_free(&s->batch);
    hd_pg_array_free(&s->seq);
    hd_pg_array_free(&s->fence);
    hd_pg_array_free(&s->outcome);
    hd_pg_array_free(&s->provider_id);
    hd_pg_array_free(&s->code);
    hd_pg_array_free(&s->reason);
    hd_pg_array_free(&s->wait_us);
    hd_pg_array_free(&s->account);
    hd_pg_array_free(&s->detail);
}


void
hd_status_init(hd_status_rows_t *s)
{
    hd_pg_array_init(&s->batch, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&s->seq, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&s->account, HD_PG_UUID_ARRAY);
    hd_pg_array_init(&s->provider_id, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&s->status, HD_PG_INT2_ARRAY);
    hd_pg_array_init(&s->at, HD_PG_TIME_ARRAY);
    hd_pg_array_init(&s->code, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&s->reason, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&s->detail, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&s->retry_ms, HD_PG_INT4_ARRAY);
    hd_pg_array_init(&s->retries, HD_PG_INT2_ARRAY);
    s->n = 0;
    s->failed = 0;
}


static void
hd_status_row(hd_status_rows_t *s, const hd_uuid_t *batch, uint32_t seq,
    const hd_uuid_t *account, const hd_str_t *provider_id, int status,
    int64_t at_us, int code)
{
    if (batch) {
        hd_pg_array_uuid(&s->batch, batch);
        hd_pg_array_int(&s->seq, seq);

    } else {
        hd_pg_array_null(&s->batch);
        hd_pg_array_null(&s->seq);
    }

    hd_pg_array_uuid(&s->account, account);
    hd_pg_array_text(&s->provider_id, provider_id);
    hd_pg_array_int(&s->status, status);
    hd_pg_array_time(&s->at, at_us);

    /* -1: the provider did not say */
    if (code > 0) {
        hd_pg_array_int(&s->code, code);

    } else {
        hd_pg_array_null(&s->code);
    }

    s->failed += (status == HD_STORE_FAILED);
    s->n++;
}


void
hd_status_add(hd_status_rows_t *s, const hd_uuid_t *batch, uint32_t seq,
    const hd_uuid_t *account, const hd_str_t *provider_id, int status,
    int64_t at_us, int code)
{
    hd_status_row(s, batch, seq, account, provider_id, status, at_us, code);

    hd_pg_array_null(&s->reason);
    hd_pg_array_null(&s->detail);
    hd_pg_array_null(&s->retry_ms);
    hd_pg_array_null(&s->retries);
}


void
hd_status_add_failed(hd_status_rows_t *s, const hd_uuid_t *batch,
    uint32_t seq, const hd_uuid_t *account, const hd_str_t *provider_id,
    int64_t at_us, int code, const hd_status_class_t *c)
{
    hd_str_t  reason;

    hd_status_row(s, batch, seq, account, provider_id, HD_STORE_FAILED,
                  at_us, code);

    reason.data = (u_char *) c->reason;
    reason.len = ngx_strlen(c->reason);

    hd_pg_array_text(&s->reason, &reason);
    hd_array_text_or_null(&s->detail, &c->detail);
    hd_pg_array_int(&s->retry_ms, c->retry_ms);
    hd_pg_array_int(&s->retries, c->retries);
}


void
hd_status_stmt(hd_pg_unit_t *u, hd_status_rows_t *s, uint32_t stripe)
{
    hd_pg_stmt(u, s->failed ? HD_Q_STATUS_APPLY : HD_Q_STATUS_RISE);
    hd_pg_array(u, &s->batch);
    hd_pg_array(u, &s->seq);
    hd_pg_array(u, &s->account);
    hd_pg_array(u, &s->provider_id);
    hd_pg_array(u, &s->status);
    hd_pg_array(u, &s->at);

    if (!s->failed) {
        hd_pg_int(u, stripe);
        return;
    }

    hd_pg_array(u, &s->code);
    hd_pg_int(u, stripe);
    hd_pg_array(u, &s->reason);
    hd_pg_array(u, &s->detail);
    hd_pg_array(u, &s->retry_ms);
    hd_pg_array(u, &s->retries);
}


void
hd_status_reset(hd_status_rows_t *s)
{
    hd_pg_array_reset(&s->batch);
    hd_pg_array_reset(&s->seq);
    hd_pg_array_reset(&s->account);
    hd_pg_array_reset(&s->provider_id);
    hd_pg_array_reset(&s->status);
    hd_pg_array_reset(&s->at);
    hd_pg_array_reset(&s->code);
    hd_pg_array_reset(&s->reason);
    hd_pg_array_reset(&s->detail);
    hd_pg_array_reset(&s->retry_ms);
    hd_pg_array_reset(&s->retries);
    s->n = 0;
    s->failed = 0;
}


void
hd_status_free(hd_status_rows_t *s)
{
    hd_pg_array_free(&s->batch);
    hd_pg_array_free(&s->seq);
    hd_pg_array_free(&s->account);
    hd_pg_array_free(&s->provider_id);
    hd_pg_array_free(&s->status);
    hd_pg_array_free(&s->at);
    hd_pg_array_free(&s->code);
    hd_pg_array_free(&s->reason);
    hd_pg_array_free(&s->detail);
    hd_pg_array_free(&s->retry_ms);
    hd_pg_array_free(&s->retries);
}


void
hd_store_text_array_json(hd_buf_t *b, const hd_str_t *array)
{
    u_char      *p, *last;
    hd_str_t     s;
    hd_buf_t     item;
    ngx_uint_t   n;

    /* "{a,"b \"c\"",d}": an element is bare or quoted with backslashes */

    hd_buf_init(&item);
    hd_buf_char(b, '[');

    p = array->data + 1;
    last = array->data + array->len - 1;

    for (n = 0; array->len > 2 && p < last; n++) {
        hd_buf_reset(&item);

        if (*p == '"') {
            for (p++; p < last && *p != '"'; p++) {
                if (*p == '\\') {
                    p++;
                }

                hd_buf_char(&item, *p);
            }

            p++;

        } else {
            for ( /* void */ ; p < last && *p != ','; p++) {
                hd_buf_char(&item, *p);
            }
        }

        if (item.failed) {
            b->failed = 1;
            break;
        }

        if (n) {
            hd_buf_char(b, ',');
        }

        s.data = item.data;
        s.len = item.len;
        hd_jw_str(b, &s);

        p++;
    }

    hd_buf_char(b, ']');
    hd_buf_free(&item);
}
