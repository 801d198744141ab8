/*
 * Broadcasts: a template to an audience.  What a worker or the helper must
 * know at once (paused, cancelled) is put into shared memory after the commit
 * and before the answer: after "paused" only what is in flight goes.  What
 * leads to a broadcast that is written is in launch.c.
 */

#include "launch.h"


typedef struct {
    ngx_uint_t              found;
    ngx_uint_t              changed;
    ngx_uint_t              low;         /* the number's quality */
    u_char                  status[16];
    const char             *verb;
    const char             *from;
    hd_campaign_state_e     state;
} hd_broadcast_ctx_t;


static hd_broadcast_ctx_t *
hd_broadcast_ctx(hd_req_t *req)
{
    req->ctx = ngx_pcalloc(req->r->pool, sizeof(hd_broadcast_ctx_t));

    if (req->ctx == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
    }

    return req->ctx;
}


void
hd_broadcast_tell(hd_req_t *req, const hd_uuid_t *id)
{
    hd_mail_send(hd_api.shm, HD_MAIL_BROADCAST, &req->who.org, id);
    hd_wake_send(hd_api.wake, hd_wake_helper(hd_api.wake));
}


/* ── create, change, launch ── */

static ngx_uint_t
hd_broadcast_names(const hd_str_t *key, const char *name)
{
    return name && key->len == ngx_strlen(name)
           && ngx_memcmp(key->data, name, key->len) == 0;
}


static ngx_uint_t
hd_broadcast_has(hd_json_t *obj, const hd_str_t *key)
{
    hd_json_t  *v;

    for (v = obj ? obj->child : NULL; v; v = v->next) {
        if (v->key.len == key->len
            && ngx_memcmp(v->key.data, key->data, key->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * What the body says, then what the row says and the body does not.  null in
 * the body takes a member away; so does `without` from the row.  NULL: out of
 * memory.
 */
static hd_json_t *
hd_broadcast_merge(hd_req_t *req, hd_json_t *row, hd_json_t *body,
    const char *without)
{
    hd_json_t  *spec, *v, *copy, **last;
    ngx_uint_t  i;

    spec = hd_calloc(&req->mem, sizeof(hd_json_t));
    if (spec == NULL) {
        return NULL;
    }

    spec->type = HD_JSON_OBJECT;
    last = &spec->child;

    for (i = 0; i < 2; i++) {
        v = i ? row : body;

        for (v = v ? v->child : NULL; v; v = v->next) {

            if (v->type == HD_JSON_NULL || hd_str_eq(&v->key, "draft")
                || (i && (hd_broadcast_has(body, &v->key)
                          || hd_broadcast_names(&v->key, without))))
            {
                continue;
            }

            copy = hd_alloc(&req->mem, sizeof(hd_json_t));
            if (copy == NULL) {
                return NULL;
            }

            *copy = *v;
            copy->next = NULL;

            *last = copy;
            last = &copy->next;
            spec->count++;
        }
    }

    return spec;
}


static void
hd_broadcast_checked(hd_req_t *req, hd_launch_t *l, hd_json_t *row,
    const char *without)
{
    l->spec = hd_broadcast_merge(req, row, req->body, without);

    if (l->spec == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_launch(req, l);
}


void
hd_broadcast_create(hd_req_t *req)
{
    hd_launch_t  *l;

    l = hd_launch_create(req);
    if (l == NULL) {
        return;
    }

    hd_inner_id(req, &l->id);
    l->to = hd_body_bool(req, "draft", 0) ? "draft" : "scheduled";

    hd_broadcast_checked(req, l, NULL, NULL);
}


static void
hd_broadcast_spec_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t          v;
    hd_req_t         *req = u->data;
    hd_launch_t      *l;
    hd_json_error_t   err;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    l = req->ctx;
    req->found = 1;

    v = hd_pg_value(res, 0, 0);

    l->from = hd_str_eq(&v, "draft") ? "draft"
              : hd_str_eq(&v, "scheduled")
                && hd_pg_value(res, 0, 1).data[0] == 'f' ? "scheduled"
              : NULL;

    v = hd_pg_value(res, 0, 2);
    l->spec = hd_json_parse(&req->mem, v.data, v.len, 16, &err);
}


static void
hd_broadcast_changed(hd_req_t *req)
{
    const char   *without;
    hd_launch_t  *l = req->ctx;

    if (l->from == NULL || l->spec == NULL) {
        hd_problem(req, 409, "wrong_state", "This broadcast has begun, or has "
                   "ended: only a draft and one that waits for its time can "
                   "be changed.");
        return;
    }

    l->to = l->from;

    /* variants bring their templates with them */
    without = hd_json_get(req->body, "variants") ? "template_id" : NULL;

    if (without && hd_json_get(req->body, "variants")->type == HD_JSON_NULL) {
        without = NULL;
    }

    hd_broadcast_checked(req, l, l->spec, without);
}


static void
hd_broadcast_launched(hd_req_t *req)
{
    int64_t       at;
    hd_str_t      s;
    hd_launch_t  *l = req->ctx;

    if (l->from == NULL || l->spec == NULL
        || ngx_strcmp(l->from, "draft") != 0)
    {
        hd_problem(req, 409, "wrong_state", "Only a draft can be launched; "
                   "this broadcast was launched before.");
        return;
    }

    l->to = "scheduled";

    /* a time that has passed is now */
    s = hd_json_str(l->spec, "send_at");
    at = 0;
    (void) hd_time_parse(s.data, s.len, &at);

    hd_broadcast_checked(req, l, l->spec,
                         at > hd_now_us() ? NULL : "send_at");
}


/* its row first: what it says, and whether it may still be changed */
static void
hd_broadcast_load(hd_req_t *req, void (*done)(hd_req_t *req))
{
    hd_launch_t   *l;
    hd_pg_unit_t  *u;

    l = hd_launch_create(req);
    if (l == NULL) {
        return;
    }

    l->id = req->ids[0];

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_SPEC);
    hd_pg_uuid(u, &l->id);

    u->on_result = hd_broadcast_spec_row;
    req->done = done;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_broadcast_update(hd_req_t *req)
{
    hd_broadcast_load(req, hd_broadcast_changed);
}


void
hd_broadcast_launch(hd_req_t *req)
{
    hd_broadcast_load(req, hd_broadcast_launched);
}


/* ── delete ── */

static void
hd_broadcast_gone(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t            *req = u->data;
    hd_broadcast_ctx_t  *ctx;

    if (req == NULL) {
        return;
    }

    ctx = req->ctx;

    if (index == 1) {
        ctx->changed = hd_pg_rows(res);

    } else if (index == 2) {
        ctx->found = hd_pg_rows(res);
    }
}


static void
hd_broadcast_gone_done(hd_req_t *req)
{
    hd_broadcast_ctx_t  *ctx = req->ctx;

    if (ctx->changed) {
        hd_req_empty(req);

    } else if (ctx->found) {
        hd_problem(req, 409, "wrong_state", "Only a draft can be deleted: "
                   "what was launched is history. Cancel it, if it has not "
                   "ended.");

    } else {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
    }
}


void
hd_broadcast_delete(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    if (hd_broadcast_ctx(req) == NULL) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_DELETE);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_BROADCAST_STATUS);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_broadcast_gone;
    req->done = hd_broadcast_gone_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── read ── */

void
hd_broadcast_list(hd_req_t *req)
{
    hd_req_page(req, HD_Q_BROADCAST_LIST);
}


void
hd_broadcast_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_BROADCAST_GET);
}


/* a page of what belongs to one broadcast, by a number from 0 */
static void
hd_broadcast_part(hd_req_t *req, ngx_uint_t stmt)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_EXISTS);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_int(u, hd_query(req, "cursor").len ? req->after : -1);
    hd_pg_int(u, req->limit + 1);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}


void
hd_broadcast_stages(hd_req_t *req)
{
    hd_broadcast_part(req, HD_Q_BROADCAST_STAGES);
}


void
hd_broadcast_variants(hd_req_t *req)
{
    hd_broadcast_part(req, HD_Q_BROADCAST_VARIANTS);
}


/* ── pause, resume, cancel ── */

static void
hd_broadcast_moved(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t             v;
    hd_req_t            *req = u->data;
    hd_broadcast_ctx_t  *ctx;

    if (req == NULL) {
        return;
    }

    ctx = req->ctx;

    if (index == 1) {
        ctx->changed = hd_pg_rows(res);
        ctx->low = ctx->changed && ctx->state == HD_CAMPAIGN_RUNNING
                   && hd_pg_value(res, 0, 0).data[0] == 't';

    } else if (index == 2 && hd_pg_rows(res)) {
        ctx->found = 1;
        hd_answer_row(&req->out, req->route->answer, res, 0);

        v = hd_pg_value(res, 0, 2);
        (void) ngx_cpystrn(ctx->status, v.data,
                           ngx_min(v.len + 1, sizeof(ctx->status)));
    }
}


static void
hd_broadcast_move_done(hd_req_t *req)
{
    char                 text[160];
    hd_broadcast_ctx_t  *ctx = req->ctx;

    if (!ctx->found) {
        hd_problem(req, 404, "not_found",
                   "There is nothing of yours under this id.");
        return;
    }

    if (!ctx->changed) {
        snprintf(text, sizeof(text), "This broadcast is %s; only one that is "
                 "%s can be %s.", ctx->status, ctx->from, ctx->verb);
        hd_problem(req, 409, "wrong_state", text);
        return;
    }

    if (ctx->low) {
        hd_problem(req, 409, "number_quality", HD_HOLD_QUALITY " It stays "
                   "paused for that now: resume it once more, or with "
                   "{\"despite_quality\": true}, if it shall go all the "
                   "same.");
        return;
    }

    hd_campaign_state(hd_api.shm, &req->ids[0], ctx->state);
    hd_broadcast_tell(req, &req->ids[0]);

    if (ctx->state == HD_CAMPAIGN_RUNNING) {
        /* rows that waited for a time may go at once */
        hd_mail_send(hd_api.shm, HD_MAIL_STRAYS, &req->who.org,
                     &req->ids[0]);
    }

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_broadcast_move(hd_req_t *req, ngx_uint_t stmt, hd_campaign_state_e state,
    const char *from, const char *verb)
{
    hd_pg_unit_t        *u;
    hd_broadcast_ctx_t  *ctx;

    ctx = hd_broadcast_ctx(req);
    if (ctx == NULL) {
        return;
    }

    ctx->state = state;
    ctx->from = from;
    ctx->verb = verb;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, stmt);
    hd_pg_uuid(u, &req->ids[0]);

    if (stmt == HD_Q_BROADCAST_RESUME) {
        hd_pg_bool(u, hd_body_bool(req, "despite_quality", 0));
        hd_pg_z(u, HD_HOLD_QUALITY);
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_GET);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_broadcast_moved;
    req->done = hd_broadcast_move_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_broadcast_pause(hd_req_t *req)
{
    hd_broadcast_move(req, HD_Q_BROADCAST_PAUSE, HD_CAMPAIGN_PAUSED,
                      "scheduled or sending", "paused");
}


void
hd_broadcast_resume(hd_req_t *req)
{
    hd_broadcast_move(req, HD_Q_BROADCAST_RESUME, HD_CAMPAIGN_RUNNING,
                      "paused", "resumed");
}


void
hd_broadcast_cancel(hd_req_t *req)
{
    hd_broadcast_move(req, HD_Q_BROADCAST_CANCEL, HD_CAMPAIGN_CANCELLED,
                      "scheduled, sending or paused", "cancelled");
}
