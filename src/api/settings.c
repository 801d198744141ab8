/*
 * Settings: the organisation's name, its time zone, and the limits that hold
 * for all of its numbers.
 */

#include "frame.h"


static const hd_conflict_t  hd_settings_conflicts[] = {
    { "orgs_brand_logo", 422, "validation_failed", "/brand/logo_id",
      "There is no such file of yours: POST /media first." },
    { NULL, 0, NULL, NULL, NULL }
};


void
hd_settings_get(hd_req_t *req)
{
    hd_str_t       currency;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_prices_name(&currency);

    hd_pg_stmt(u, HD_Q_SETTINGS_GET);
    hd_pg_text_null(u, &currency);

    hd_req_submit(req, u, 1);
}


static void
hd_settings_changed(hd_req_t *req)
{
    /* credentials are kept with the organisation's name */
    if (hd_json_get(req->body, "name")) {
        hd_auth_bump(hd_api.shm);
    }

    hd_held_done(req);
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


/* what of it may have held somebody back; NULL: nothing */
static const char *
hd_settings_held(hd_req_t *req)
{
    if (hd_json_get(req->body, "time_zone")) {
        return "{spend_limit,quiet_hours,outside_hours,daily_cap}";
    }

    if (hd_json_get(req->body, "quiet_hours")) {
        return "{spend_limit,quiet_hours}";
    }

    return hd_json_get(req->body, "spend_limit") ? "{spend_limit}" : NULL;
}


/* what one field cannot know of another; NGX_OK or answered */
static ngx_int_t
hd_settings_check(hd_req_t *req)
{
    hd_json_t  *v, *from, *to;

    v = hd_json_get(req->body, "quiet_hours");
    from = hd_json_get(v, "from");
    to = hd_json_get(v, "to");

    if (from && to && ngx_memcmp(from->str.data, to->str.data, 5) == 0) {
        hd_problem_at(req, 422, "validation_failed", "/quiet_hours/to",
                      "Quiet hours that end when they begin are none: send "
                      "null to turn them off.");
        return NGX_DONE;
    }

    v = hd_json_get(req->body, "spend_limit");

    if (v && v->type == HD_JSON_OBJECT && hd_api.prices == NULL) {
        hd_problem_at(req, 422, "no_prices", "/spend_limit",
                      "Without a price table nothing is counted as spent, and "
                      "the limit would never hold: give nginx one by "
                      "herald_prices first.");
        return NGX_DONE;
    }

    return NGX_OK;
}


void
hd_settings_update(hd_req_t *req)
{
    hd_buf_t       b;
    hd_str_t       json, tag, currency;
    const char    *held;
    hd_pg_unit_t  *u;

    if (hd_settings_check(req) != NGX_OK) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_json_write(&b, req->body);

    json.data = b.data;
    json.len = b.len;
    tag = hd_req_if_match(req);
    hd_prices_name(&currency);

    hd_pg_stmt(u, HD_Q_SETTINGS_UPDATE);
    hd_pg_jsonb(u, &json);
    hd_pg_text_null(u, &tag);

    hd_pg_stmt(u, HD_Q_SETTINGS_GET);
    hd_pg_text_null(u, &currency);

    held = hd_settings_held(req);

    if (held) {
        hd_held_stmt(req, u, held, NULL, NULL);
    }

    req->done = hd_settings_changed;
    req->conflicts = hd_settings_conflicts;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);

    hd_buf_free(&b);
}
