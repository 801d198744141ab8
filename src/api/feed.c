/*
 * Feeds: the calendar for other calendars, behind a link that nobody guesses.
 * The link is all the credential there is: it reads the plan and nothing else,
 * and deleting the feed ends it at once.
 */

#include "calendar.h"
#include "../base/ics.h"


#define HD_FEED_TOKEN  32
#define HD_FEED_PAST   14              /* days */
#define HD_FEED_AHEAD  80


typedef struct {
    hd_uuid_t   id;
    u_char      token[sizeof("cf_") + 4 * (HD_FEED_TOKEN + 2) / 3];
    size_t      len;
} hd_feed_ctx_t;


/* ── made ── */

static void
hd_feed_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_buf_t       *b;
    hd_req_t       *req = u->data;
    hd_feed_ctx_t  *ctx;

    static const hd_column_t  columns[] = {
        { "id", 'u', NULL },
        { "name", 's', NULL },
        { "created_at", 't', NULL },
        { NULL, 0, NULL }
    };

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;
    b = &req->out;

    hd_answer_row(b, columns, res, 0);

    if (b->len) {
        b->len--;
    }

    hd_buf_printf(b, ",\"url\":\"%.*s/calendar/%.*s.ics\"}",
                  (int) hd_api.public_url.len, hd_api.public_url.data,
                  (int) ctx->len, ctx->token);
}


static void
hd_feed_created(hd_req_t *req)
{
    hd_req_send(req, NGX_HTTP_CREATED, "application/json");
}


void
hd_feed_create(hd_req_t *req)
{
    u_char          raw[HD_FEED_TOKEN], hash[32];
    hd_str_t        name, token;
    hd_pg_unit_t   *u;
    hd_feed_ctx_t  *ctx;

    ctx = ngx_pcalloc(req->r->pool, sizeof(hd_feed_ctx_t));

    if (ctx == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    req->ctx = ctx;

    hd_random(raw, sizeof(raw));
    ngx_memcpy(ctx->token, "cf_", 3);
    ctx->len = 3 + hd_base64url(ctx->token + 3, raw, sizeof(raw));

    token.data = ctx->token;
    token.len = ctx->len;
    hd_auth_hash("feed", &token, hash);

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&ctx->id);
    name = hd_body_str(req, "name");

    hd_pg_stmt(u, HD_Q_FEED_INSERT);
    hd_pg_uuid(u, &ctx->id);
    hd_pg_text(u, &name);
    hd_pg_uuid(u, &req->who.id);
    hd_pg_bytea(u, hash, sizeof(hash));

    u->on_result = hd_feed_row;
    req->done = hd_feed_created;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_feed_list(hd_req_t *req)
{
    hd_req_page(req, HD_Q_FEED_LIST);
}


void
hd_feed_delete(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_FEED_DELETE);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── read ── */

static void
hd_feed_event(hd_req_t *req, hd_entry_t *e)
{
    u_char          uid[128];
    hd_buf_t        words;
    hd_ics_event_t  event;

    ngx_memzero(&event, sizeof(hd_ics_event_t));

    /* the same from hour to hour, whatever becomes of it */
    event.uid.data = uid;

    if (e->schedule_id.len) {
        event.uid.len = ngx_snprintf(uid, sizeof(uid), "%*s-%*s-%i-%i@herald",
                                     e->schedule_id.len, e->schedule_id.data,
                                     e->starts_at.len, e->starts_at.data,
                                     e->cohort, e->step) - uid;

    } else {
        event.uid.len = ngx_snprintf(uid, sizeof(uid), "%*s@herald",
                                     e->ref_id.len, e->ref_id.data) - uid;
    }

    event.start = e->at;
    event.end = e->end;
    event.stamp = e->stamp;
    event.summary = e->title;

    if (event.summary.len == 0) {
        event.summary = e->kind;
    }

    event.category = (char *) e->kind.data;
    event.status = e->group == HD_GROUP_CANCELLED ? "CANCELLED"
                   : e->group == HD_GROUP_FAILED ? "TENTATIVE" : "CONFIRMED";

    hd_buf_init(&words);
    hd_buf_z(&words, hd_group_names[e->group]);

    if (e->reason.len) {
        hd_buf_z(&words, ": ");
        hd_buf_str(&words, &e->reason);
    }

    if (e->conflict) {
        hd_buf_z(&words, "\nAnother broadcast wants this number then.");
    }

    event.description.data = words.data;
    event.description.len = words.len;

    hd_ics_event(&req->out, &event);
    hd_buf_free(&words);
}


static void
hd_feed_answer(hd_req_t *req)
{
    u_char            hash[32], *p;
    hd_str_t          tag;
    ngx_uint_t        i;
    hd_entry_t       *e;
    hd_calendar_t    *c = req->ctx;
    ngx_table_elt_t  *h;

    hd_ics_begin(&req->out, &c->name);
    e = c->entries.elts;

    for (i = 0; i < c->entries.nelts; i++) {
        hd_feed_event(req, &e[i]);
    }

    hd_ics_end(&req->out);

    p = ngx_pnalloc(req->r->pool, 34);

    if (p && !req->out.failed) {
        hd_sha256(req->out.data, req->out.len, hash);
        p[0] = '"';
        hd_hex(p + 1, hash, 16);
        p[33] = '"';
        tag.data = p;
        tag.len = 34;
        (void) hd_req_header(req->r, "ETag", &tag);

        h = hd_req_find_header(req->r, "if-none-match", 13);

        if (h && ngx_strlcasestrn(h->value.data,
                                  h->value.data + h->value.len, p, 34 - 1))
        {
            hd_buf_reset(&req->out);
            req->r->header_only = 1;
            hd_req_send(req, NGX_HTTP_NOT_MODIFIED, "text/calendar");
            return;
        }
    }

    hd_req_send(req, NGX_HTTP_OK, "text/calendar; charset=utf-8");
}


static void
hd_feed_found(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req && index == 1 && hd_pg_rows(res)
        && hd_pg_value_uuid(res, 0, 0, &req->who.org) == NGX_OK)
    {
        req->found = 1;
        (void) hd_pg_value_uuid(res, 0, 1, &req->ids[0]);
    }
}


static void
hd_feed_named(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t        v;
    hd_req_t       *req = u->data;
    hd_calendar_t  *c;

    if (req && index == 1 && hd_pg_rows(res)) {
        c = req->ctx;
        v = hd_pg_value(res, 0, 0);
        (void) hd_str_dup(&req->mem, &v, &c->name);
    }
}


static void
hd_feed_load(hd_req_t *req)
{
    int64_t         now;
    hd_calendar_t  *c = req->ctx;

    now = hd_now_us();
    now -= now % INT64_C(86400000000);

    c->from = now - HD_FEED_PAST * INT64_C(86400000000);
    c->to = now + HD_FEED_AHEAD * INT64_C(86400000000);
    c->done = hd_feed_answer;

    hd_calendar_load(req, c);
}


static void
hd_feed_known(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    if (!req->found) {
        hd_problem(req, NGX_HTTP_NOT_FOUND, "not_found", "There is no such "
                   "feed, or it was deleted.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_FEED_NAME);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_feed_named;
    req->done = hd_feed_load;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* {public_url}/calendar/{token}.ics */
void
hd_feed_get(hd_req_t *req, const hd_str_t *name)
{
    u_char         hash[32];
    hd_str_t       token;
    hd_pg_unit_t  *u;

    token = *name;

    if (hd_calendar_ctx(req) == NULL) {
        return;
    }

    if (token.len > 4
        && ngx_strncmp(token.data + token.len - 4, ".ics", 4) == 0)
    {
        token.len -= 4;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_auth_hash("feed", &token, hash);

    hd_pg_stmt(u, HD_Q_FEED_FIND);
    hd_pg_bytea(u, hash, sizeof(hash));

    u->on_result = hd_feed_found;
    req->done = hd_feed_known;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
