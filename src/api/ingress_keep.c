/*
 * What PostgreSQL can never store.  Data that a table refuses (a value out of
 * its range, a constraint, a trigger of the operator's) is refused again
 * however often it is delivered, so 503 would have it come back for days.  The
 * element is left out, the rest of its webhook is stored, and the body as it
 * came goes to webhook_events beside it, in the same unit, base64url'd, for
 * that is text which any table takes.
 */

#include "ingress.h"


/* one after the other is left out; then all that remain */
#define HD_HOOK_LEAVE  16


/* the data is to blame, and not the server's state */

static ngx_uint_t
hd_keep_is_data(const char *sqlstate)
{
    ngx_uint_t  i;

    /* data exception, constraint, program limit, RAISE */
    static const char  *classes[] = { "22", "23", "54", "P0" };

    for (i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (ngx_strncmp(sqlstate, classes[i], 2) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
hd_keep_leave(hd_hook_t *h, hd_step_t *s)
{
    hd_hook_event_t  *e;

    for (e = h->events; e; e = e->next) {

        /* statuses share one statement, and what they stop another one:
         * neither says which */

        if (s == NULL || s->event == e
            || (s->event == NULL && e->kind == HD_HOOK_STATUS))
        {
            e->left = 1;
        }
    }
}


ngx_int_t
hd_hook_leave_out(hd_flight_t *f, hd_hook_t *h, hd_pg_unit_t *u)
{
    hd_step_t  *s;

    if (h->body.len == 0 || !hd_keep_is_data(u->sqlstate)
        || u->failed >= f->nsteps)
    {
        return NGX_DECLINED;
    }

    s = &f->steps[u->failed];

    if (s->kind == HD_STEP_KEEP) {
        return NGX_ABORT;
    }

    if (s->kind == HD_STEP_ORG || ++h->tries > HD_HOOK_LEAVE) {
        s = NULL;
    }

    hd_keep_leave(h, s);

    ngx_memcpy(h->sqlstate, u->sqlstate, sizeof(h->sqlstate));
    h->keep = 1;

    ngx_log_error(NGX_LOG_WARN, hd_api.log, 0,
                  "herald: a part of a webhook cannot be stored, SQLSTATE "
                  "%s%s%s; it is kept as it came in webhook_events",
                  u->sqlstate, u->constraint[0] ? " on " : "", u->constraint);

    return NGX_OK;
}


ngx_int_t
hd_hook_keep(hd_pg_unit_t *u, hd_hook_t *h)
{
    u_char     *p, hash[32];
    hd_str_t    field, json;
    hd_uuid_t   id;

    json.data = ngx_pnalloc(u->pool, (h->body.len + 2) / 3 * 4 + 128);
    if (json.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(json.data, "{\"sqlstate\":\"%s\",\"body_base64url\":\"",
                    h->sqlstate);
    p += hd_base64url(p, h->body.data, h->body.len);
    p = ngx_cpymem(p, "\"}", 2);
    json.len = p - json.data;

    hd_sha256(h->body.data, h->body.len, hash);
    hd_req_new_id(&id);
    hd_str_set(&field, "unstorable");

    hd_pg_stmt(u, HD_Q_WEBHOOK_EVENT_INSERT);
    hd_pg_uuid(u, &id);
    hd_pg_uuid(u, &h->account->row->id);
    hd_pg_text(u, &field);
    hd_pg_jsonb(u, &json);
    hd_pg_bytea(u, hash, 32);

    return NGX_OK;
}
