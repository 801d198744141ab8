/*
 * Groups that a number is in: the provider's list, and which of them are
 * contacts.  A group becomes one when somebody in it writes, or by POST: from
 * then on messages go to it as to anybody.
 */

#include "session.h"


typedef struct {
    hd_session_t    session;           /* first: one is cast to the other */
    hd_json_t      *groups;
    int64_t         from;              /* how many came before this page */
    ngx_uint_t      more;
    hd_pg_array_t   ids;
    hd_str_t        id, name;
    hd_buf_t        known;             /* "id\0contact\0" of contacts */
} hd_groups_t;


static void
hd_groups_free(void *data)
{
    hd_groups_t  *g = data;

    hd_pg_array_free(&g->ids);
    hd_buf_free(&g->known);
}


static hd_groups_t *
hd_groups_ctx(hd_req_t *req)
{
    hd_groups_t         *g;
    ngx_pool_cleanup_t  *cln;

    g = ngx_pcalloc(req->r->pool, sizeof(hd_groups_t));
    cln = ngx_pool_cleanup_add(req->r->pool, 0);

    if (g == NULL || cln == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NULL;
    }

    hd_buf_init(&g->known);
    hd_pg_array_init(&g->ids, HD_PG_TEXT_ARRAY);
    cln->handler = hd_groups_free;
    cln->data = g;
    req->ctx = g;

    return g;
}


static void
hd_groups_row(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_str_t      v;
    hd_req_t     *req = u->data;
    ngx_uint_t    i;
    hd_groups_t  *g;

    if (req == NULL || index != 1) {
        return;
    }

    g = req->ctx;

    for (i = 0; i < hd_pg_rows(res); i++) {
        v = hd_pg_value(res, i, 0);
        hd_buf_str(&g->known, &v);
        hd_buf_char(&g->known, '\0');
        v = hd_pg_value(res, i, 1);
        hd_buf_str(&g->known, &v);
        hd_buf_char(&g->known, '\0');
    }
}


/* the contact that a group is, or NULL */

static const char *
hd_groups_contact(hd_groups_t *g, const hd_str_t *id)
{
    char  *p, *last, *contact;

    p = (char *) g->known.data;
    last = p + g->known.len;

    while (p < last) {
        contact = p + ngx_strlen(p) + 1;

        if (ngx_strlen(p) == id->len
            && ngx_memcmp(p, id->data, id->len) == 0)
        {
            return contact;
        }

        p = contact + ngx_strlen(contact) + 1;
    }

    return NULL;
}


static void
hd_groups_show(hd_req_t *req)
{
    hd_buf_t     *b;
    hd_str_t      s;
    hd_json_t    *v, *m;
    const char   *contact;
    hd_groups_t  *g = req->ctx;

    b = &req->out;
    hd_buf_reset(b);
    hd_buf_z(b, "{\"data\":[");

    for (v = g->groups ? g->groups->child : NULL; v; v = v->next) {
        hd_buf_z(b, b->data[b->len - 1] == '[' ? "{\"id\":" : ",{\"id\":");
        s = hd_json_str(v, "id");
        hd_jw_str(b, &s);
        contact = hd_groups_contact(g, &s);
        hd_buf_z(b, ",\"name\":");
        s = hd_json_str(v, "name");
        hd_jw_str(b, &s);
        hd_buf_z(b, ",\"description\":");
        s = hd_json_str(v, "description");
        hd_jw_str(b, &s);
        hd_buf_z(b, ",\"participants\":");
        m = hd_json_get(v, "participants");

        if (m && m->type == HD_JSON_NUMBER) {
            hd_buf_str(b, &m->str);

        } else {
            hd_buf_z(b, "null");
        }

        hd_buf_z(b, ",\"contact_id\":");

        if (contact) {
            hd_jw_z(b, contact);

        } else {
            hd_buf_z(b, "null");
        }

        hd_buf_char(b, '}');
    }

    hd_buf_z(b, "],\"next_cursor\":");

    if (g->more && g->groups) {
        hd_buf_printf(b, "\"%lld\"",
                      (long long) g->from + g->groups->count);

    } else {
        hd_buf_z(b, "null");
    }

    hd_buf_char(b, '}');
    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


static void
hd_groups_came(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t       id;
    hd_json_t     *v;
    hd_groups_t   *g = req->ctx;
    hd_pg_unit_t  *u;

    if (hd_session_refused(req, answer)) {
        return;
    }

    v = hd_session_result(req, answer);
    g->groups = hd_json_get(v, "groups");
    g->more = hd_json_get(v, "more")
              && hd_json_get(v, "more")->type == HD_JSON_TRUE;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    for (v = g->groups ? g->groups->child : NULL; v; v = v->next) {
        id = hd_json_str(v, "id");
        hd_pg_array_text(&g->ids, &id);
    }

    u->on_result = hd_groups_row;
    hd_pg_stmt(u, HD_Q_GROUP_CONTACTS);
    hd_pg_array(u, &g->ids);

    req->done = hd_groups_show;
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


void
hd_session_groups(hd_req_t *req)
{
    char         *z;
    hd_str_t      from;
    hd_json_t    *args;
    hd_groups_t  *g;

    g = hd_groups_ctx(req);
    if (g == NULL) {
        return;
    }

    args = NULL;
    from = hd_query(req, "from");

    if (from.data) {
        g->from = ngx_atoi(from.data, from.len);
        z = hd_cstr(&req->mem, &from);
        args = z ? hd_call_args(req, "cursor", z, NULL) : NULL;
    }

    hd_call(req, &req->ids[0], HD_OP_GROUPS, args, hd_groups_came);
}


/* ── one of them as a contact ── */

static void
hd_groups_added(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req && index == 1 && hd_pg_rows(res)) {
        hd_req_answer(req, res);
    }
}


static void
hd_groups_one(hd_req_t *req, hd_call_t *call, const hd_op_answer_t *answer,
    const hd_egress_answer_t *raw)
{
    hd_str_t       name;
    hd_uuid_t      id;
    hd_json_t     *v;
    hd_groups_t   *g = req->ctx;
    hd_pg_unit_t  *u;

    if (hd_session_refused(req, answer)) {
        return;
    }

    for (v = hd_json_get(hd_session_result(req, answer), "groups"),
         v = v ? v->child : NULL; v; v = v->next)
    {
        name = hd_json_str(v, "id");

        if (name.len == g->id.len
            && ngx_memcmp(name.data, g->id.data, name.len) == 0)
        {
            break;
        }
    }

    if (v == NULL) {
        hd_problem_at(req, 422, "unknown_group", "/id",
                      "The number is in no such group: GET "
                      "/accounts/{id}/groups lists them.");
        return;
    }

    name = hd_json_str(v, "name");

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&id);
    u->on_result = hd_groups_added;

    hd_pg_stmt(u, HD_Q_GROUP_CONTACT);
    hd_pg_uuid(u, &id);
    hd_pg_text(u, &g->id);
    hd_pg_text(u, &name);

    req->done = NULL;
    hd_req_submit(req, u, 1);
}


void
hd_session_group_add(hd_req_t *req)
{
    hd_groups_t  *g;

    g = hd_groups_ctx(req);
    if (g == NULL) {
        return;
    }

    g->id = hd_body_str(req, "id");

    hd_call(req, &req->ids[0], HD_OP_GROUPS, req->body, hd_groups_one);
}
