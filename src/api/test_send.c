/*
 * The test of a broadcast: what it says, to a few people, now.  Single
 * messages, marked as a test, which are counted nowhere; the gates that keep
 * somebody from getting one hold as ever.
 *
 *   unit 1: what the broadcast says
 *   unit 2: the variant's template, the people
 *   unit 3: the messages; the answer
 */

#include "render.h"
#include "launch.h"


#define HD_TEST_PEOPLE  5


typedef struct {
    hd_json_t        *spec;
    hd_uuid_t         template_id;
    hd_template_t     template;
    hd_json_t        *variables;
    ngx_uint_t        n;
    ngx_uint_t        known[HD_TEST_PEOPLE];
    hd_uuid_t         ids[HD_TEST_PEOPLE];
    hd_variables_t    contacts[HD_TEST_PEOPLE];
    hd_single_t       messages[HD_TEST_PEOPLE];
    hd_track_t        tracks[HD_TEST_PEOPLE];
    hd_buf_t          payloads[HD_TEST_PEOPLE];
    ngx_uint_t        written;
} hd_test_t;


static void hd_test_ask(hd_req_t *req);
static void hd_test_people(hd_pg_unit_t *u, ngx_uint_t index,
    hd_pg_res_t *res);
static void hd_test_known(hd_req_t *req);
static void hd_test_insert(hd_req_t *req);


static void
hd_test_free(void *data)
{
    hd_test_t *ctx = data;

    ngx_uint_t  i;

    for (i = 0; i < HD_TEST_PEOPLE; i++) {
        hd_buf_free(&ctx->payloads[i]);
    }
}


/* one way of saying to whom */
static ngx_int_t
hd_test_check(hd_req_t *req, hd_test_t *ctx)
{
    hd_str_t     at;
    hd_json_t   *ids, *v;
    hd_faults_t  faults;

    ids = hd_json_get(req->body, "contact_ids");

    hd_faults_init(&faults);

    if ((hd_json_get(req->body, "to") != NULL)
        + (hd_json_get(req->body, "contact_id") != NULL) + (ids != NULL) != 1)
    {
        hd_str_set(&at, "/contact_id");
        hd_faults_add(&faults, "invalid", &at, "give one of to, contact_id "
                      "and contact_ids");
    }

    ctx->n = 1;
    (void) hd_body_uuid(req, "contact_id", &ctx->ids[0]);

    for (v = ids ? ids->child : NULL, ctx->n -= (ids != NULL); v; v = v->next)
    {
        if (hd_uuid_parse(&ctx->ids[ctx->n++], v->str.data, v->str.len)
            != HD_OK)
        {
            hd_str_set(&at, "/contact_ids");
            hd_faults_add(&faults, "invalid", &at, "expected UUIDs");
            break;
        }
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return NGX_DONE;
    }

    return NGX_OK;
}


static void
hd_test_spec(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t          v;
    hd_req_t         *req = u->data;
    hd_test_t        *ctx;
    hd_json_error_t   err;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;
    req->found = 1;

    v = hd_pg_value(res, 0, 2);
    ctx->spec = hd_json_parse(&req->mem, v.data, v.len, 16, &err);
}


static void
hd_test_variant(hd_req_t *req)
{
    hd_str_t     id;
    hd_json_t   *v, *e;
    ngx_uint_t   n;
    hd_test_t   *ctx = req->ctx;

    if (ctx->spec == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    n = (ngx_uint_t) hd_body_int(req, "variant", 0);
    v = hd_json_get(ctx->spec, "variants");

    ctx->variables = hd_json_get(ctx->spec, "variables");
    id = hd_json_str(ctx->spec, "template_id");

    if (n >= (v ? v->count : 1)) {
        hd_problem_at(req, 422, "validation_failed", "/variant",
                      "This broadcast has fewer variants; they count from "
                      "0.");
        return;
    }

    if (v) {
        for (e = v->child; n; e = e->next, n--) { /* void */ }

        id = hd_json_str(e, "template_id");

        if (hd_json_get(e, "variables")) {
            ctx->variables = hd_json_get(e, "variables");
        }
    }

    (void) hd_uuid_parse(&ctx->template_id, id.data, id.len);

    hd_test_ask(req);
}


static void
hd_test_ask(hd_req_t *req)
{
    hd_str_t       to;
    hd_test_t     *ctx = req->ctx;
    ngx_uint_t     i;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_TEMPLATE_USE);
    hd_pg_uuid(u, &ctx->template_id);

    to = hd_body_str(req, "to");

    for (i = 0; i < ctx->n; i++) {
        if (to.len) {
            hd_pg_stmt(u, HD_Q_CONTACT_BY_PHONE);
            hd_pg_text(u, &to);

        } else {
            hd_pg_stmt(u, HD_Q_CONTACT_VARIABLES);
            hd_pg_uuid(u, &ctx->ids[i]);
        }
    }

    u->on_result = hd_test_people;
    req->done = hd_test_known;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_test_people(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t    *req = u->data;
    hd_test_t   *ctx;
    ngx_uint_t   i;

    if (req == NULL || index == 0 || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;

    if (index == 1) {
        (void) hd_render_copy(req, res, &ctx->template);
        return;
    }

    i = index - 2;
    ctx->known[i] = hd_template_contact(req, res, &ctx->ids[i],
                                        &ctx->contacts[i])
                    == NGX_OK;
}


/* as the broadcast itself would (send/words.c) */
static ngx_uint_t
hd_test_tracks(hd_test_t *ctx)
{
    hd_json_t  *v;

    v = hd_json_get(ctx->template.document, "track_clicks");

    return hd_api.public_url.len && (v == NULL || v->type != HD_JSON_FALSE);
}


static ngx_int_t
hd_test_person(hd_req_t *req, hd_test_t *ctx, ngx_uint_t i,
    hd_faults_t *faults)
{
    hd_str_t            at, to;
    hd_buf_t           *b;
    hd_single_t        *m;
    hd_render_given_t   given;

    m = &ctx->messages[i];
    to = hd_body_str(req, "to");

    if (to.len) {
        hd_str_set(&at, "/to");

    } else if (hd_json_get(req->body, "contact_id")) {
        hd_str_set(&at, "/contact_id");

    } else {
        hd_launch_at(req, &at, "/contact_ids/%d", (int) i);
    }

    if (!ctx->known[i] && to.len) {
        ctx->contacts[i].mem = req->mem;
        ctx->contacts[i].phone = to;
        m->phone = to;

    } else if (!ctx->known[i]) {
        hd_faults_add(faults, "not_found", &at, "there is no such contact of "
                      "yours");
        return NGX_OK;

    } else if (ctx->contacts[i].phone.len == 0) {
        hd_faults_add(faults, "no_phone", &at, "this contact has no phone: "
                      "add one first");
        return NGX_OK;
    }

    m->contact_id = ctx->ids[i];
    ctx->contacts[i].map = ctx->variables;

    if (hd_render_missing(req, &ctx->template, &ctx->contacts[i], NULL, &at,
                          faults) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (faults->n) {
        return NGX_OK;
    }

    b = &ctx->payloads[i];

    hd_req_new_id(&m->id);
    ctx->tracks[i].req = req;
    ctx->tracks[i].batch = &m->id;
    ctx->tracks[i].on = hd_test_tracks(ctx);

    ngx_memzero(&given, sizeof(hd_render_given_t));
    given.track = &ctx->tracks[i];

    (void) hd_render_header(&ctx->template, &given, &m->media_id);

    hd_buf_z(b, "{\"category\":");
    hd_jw_str(b, &ctx->template.category);
    hd_buf_z(b, ",\"test\":true,\"template\":");

    if (hd_render_template(req, &ctx->template_id, &ctx->template,
                           &ctx->contacts[i], &given, b, &m->text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    hd_buf_z(b, "}}");

    m->type = "template";
    m->payload.data = b->data;
    m->payload.len = b->len;

    return b->failed ? NGX_ERROR : NGX_OK;
}


static void
hd_test_known(hd_req_t *req)
{
    hd_str_t     account;
    hd_test_t   *ctx = req->ctx;
    ngx_int_t    rc;
    ngx_uint_t   i;
    hd_faults_t  faults;

    rc = ctx->template.found ? NGX_OK : NGX_ERROR;
    account = hd_json_str(ctx->spec, "account_id");

    hd_faults_init(&faults);

    for (i = 0; i < ctx->n && rc == NGX_OK; i++) {
        (void) hd_uuid_parse(&ctx->messages[i].account_id, account.data,
                             account.len);
        rc = hd_test_person(req, ctx, i, &faults);
    }

    if (faults.n) {
        hd_problem_faults(req, &faults);
        return;
    }

    if (rc != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    hd_test_insert(req);
}


static void
hd_test_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t    *req = u->data;
    hd_test_t   *ctx;

    /* message_get has many columns, what comes before it one or none */
    if (req == NULL || hd_pg_columns(res) < 2 || hd_pg_rows(res) == 0) {
        return;
    }

    ctx = req->ctx;

    hd_buf_z(&req->out, ctx->written++ ? "," : "{\"data\":[");
    hd_message_row(&req->out, res, 0, 0);
}


static void
hd_test_done(hd_req_t *req)
{
    hd_test_t   *ctx = req->ctx;
    ngx_uint_t   i;

    if (ctx->written != ctx->n) {
        /* deleted between the units: the others are on their way */
        hd_buf_z(&req->out, ctx->written ? "" : "{\"data\":[");
    }

    for (i = 0; i < ctx->n; i++) {
        hd_render_tell(req, &ctx->messages[i].id);
    }

    hd_buf_z(&req->out, "],\"next_cursor\":null}");
    hd_req_send(req, NGX_HTTP_ACCEPTED, "application/json");
}


static void
hd_test_insert(hd_req_t *req)
{
    hd_uuid_t      fresh;
    hd_test_t     *ctx = req->ctx;
    ngx_uint_t     i;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    for (i = 0; i < ctx->n; i++) {

        if (ctx->messages[i].phone.len) {
            hd_req_new_id(&fresh);

            hd_pg_stmt(u, HD_Q_CONTACT_ENSURE);
            hd_pg_uuid(u, &fresh);
            hd_pg_text(u, &ctx->messages[i].phone);
        }

        hd_render_put(u, &ctx->messages[i]);
        hd_track_put(u, &ctx->tracks[i]);

        hd_pg_stmt(u, HD_Q_MESSAGE_GET);
        hd_pg_uuid(u, &ctx->messages[i].id);
    }

    u->on_result = hd_test_row;
    req->done = hd_test_done;

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_broadcast_test(hd_req_t *req)
{
    hd_test_t           *ctx;
    ngx_uint_t           i;
    hd_pg_unit_t        *u;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(req->r->pool, sizeof(hd_test_t));

    if (cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(hd_test_t));

    for (i = 0; i < HD_TEST_PEOPLE; i++) {
        hd_buf_init(&ctx->payloads[i]);
    }

    cln->handler = hd_test_free;
    req->ctx = ctx;

    if (hd_test_check(req, ctx) != NGX_OK) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_BROADCAST_SPEC);
    hd_pg_uuid(u, &req->ids[0]);

    u->on_result = hd_test_spec;
    req->done = hd_test_variant;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
