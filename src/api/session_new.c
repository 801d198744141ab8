/*
 * What a new number begins with: the human profile of a phone behind a QR
 * code, unless another is asked for, and somebody who looks after its session.
 *
 * A phone that writes to many at once, or day and night, is soon shut out.  So
 * it pauses after each message, writes to few people on its first days and to
 * more later; PATCH /accounts/{id} changes each of that.
 */

#include "session.h"


static void
hd_session_profile(hd_buf_t *b)
{
    u_char  day[10];

    hd_day_format(day, (int32_t) (hd_now_us() / INT64_C(86400000000)));

    hd_buf_printf(b, "{\"pacing\":{\"gap_min_ms\":8000,\"gap_max_ms\":25000,"
                  "\"daily_cap\":300,\"warmup\":{\"from\":\"%.10s\","
                  "\"first\":30,\"growth\":25}}}", day);
}


ngx_int_t
hd_session_new(hd_req_t *req, hd_pg_unit_t *u, const hd_uuid_t *id,
    const hd_provider_t *provider)
{
    hd_buf_t    b;
    hd_str_t    json, text;
    hd_uuid_t   errand;
    hd_json_t  *pacing;

    if (provider->qr) {
        hd_req_new_id(&errand);
        hd_pg_stmt(u, HD_Q_SESSION_BEGIN);
        hd_pg_uuid(u, id);
        hd_pg_uuid(u, &errand);
    }

    pacing = hd_json_get(req->body, "pacing");
    hd_buf_init(&b);

    if (pacing) {
        hd_buf_z(&b, "{\"pacing\":");
        hd_json_write(&b, pacing);
        hd_buf_char(&b, '}');

    } else if (provider->qr) {
        hd_session_profile(&b);
    }

    if (b.failed) {
        hd_buf_free(&b);
        return NGX_ERROR;
    }

    if (b.len) {
        json.data = b.data;
        json.len = b.len;

        hd_pg_stmt(u, HD_Q_ACCOUNT_UPDATE);
        hd_pg_uuid(u, id);

        /* the unit is submitted later: it needs the text until then */
        if (hd_str_dup(&req->mem, &json, &text) != HD_OK) {
            hd_buf_free(&b);
            return NGX_ERROR;
        }

        hd_pg_jsonb(u, &text);
        hd_pg_null(u);
        hd_pg_null(u);
    }

    hd_buf_free(&b);

    return NGX_OK;
}
