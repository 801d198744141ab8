/*
 * Snippets: texts of our own that people put into a conversation by a
 * shortcut.  No provider knows of them.
 */

#include "template.h"


static const hd_conflict_t  hd_snippet_conflicts[] = {
    { "snippets_shortcut", 409, "snippet_exists", "/shortcut",
      "There is a snippet with this shortcut in this language already." },
    { NULL, 0, NULL, NULL, NULL }
};


/* variables as templates have them; NGX_OK or answered */
static ngx_int_t
hd_snippet_check(hd_req_t *req)
{
    size_t                i, begun;
    hd_str_t              body, shortcut;
    ngx_array_t          *names;

    shortcut = hd_body_str(req, "shortcut");

    for (i = 0; i < shortcut.len; i++) {
        if (!((shortcut.data[i] >= 'a' && shortcut.data[i] <= 'z')
              || (shortcut.data[i] >= '0' && shortcut.data[i] <= '9')
              || shortcut.data[i] == '_' || shortcut.data[i] == '-'))
        {
            hd_problem_at(req, 422, "validation_failed", "/shortcut",
                          "A shortcut has lower-case letters, digits, _ and "
                          "-.");
            return NGX_DONE;
        }
    }

    body = hd_body_str(req, "body");

    for (i = 0, begun = 0; i + 1 < body.len; i++) {
        if (body.data[i] == '{' && body.data[i + 1] == '{') {
            begun++;
            i++;
        }
    }

    names = ngx_array_create(req->r->pool, 8, sizeof(hd_template_name_t));

    if (names == NULL || hd_template_names(names, &body) != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return NGX_DONE;
    }

    if (begun && names->nelts == 0) {
        hd_problem_at(req, 422, "malformed_variable", "/body",
                      "A variable is {{name}} or {{name|fallback}}, its name "
                      "in lower-case letters, digits, dots and underscores.");
        return NGX_DONE;
    }

    return NGX_OK;
}


void
hd_snippet_create(hd_req_t *req)
{
    hd_str_t       shortcut, kind, language, title, body;
    hd_uuid_t      id;
    hd_pg_unit_t  *u;

    if (hd_snippet_check(req) != NGX_OK) {
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_req_new_id(&id);

    shortcut = hd_body_str(req, "shortcut");
    kind = hd_body_str(req, "kind");
    language = hd_body_str(req, "language");
    title = hd_body_str(req, "title");
    body = hd_body_str(req, "body");

    hd_pg_stmt(u, HD_Q_SNIPPET_INSERT);
    hd_pg_uuid(u, &id);
    hd_pg_text(u, &shortcut);
    hd_pg_text(u, &kind);
    hd_pg_text(u, &language);
    hd_pg_text(u, &title);
    hd_pg_text(u, &body);

    hd_pg_stmt(u, HD_Q_SNIPPET_GET);
    hd_pg_uuid(u, &id);

    req->conflicts = hd_snippet_conflicts;

    hd_req_submit(req, u, 2);
}


void
hd_snippet_list(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_SNIPPET_LIST);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);
    hd_template_filter(req, u, "kind");
    hd_template_filter(req, u, "language");
    hd_template_filter(req, u, "q");

    hd_req_submit(req, u, 1);
}


void
hd_snippet_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_SNIPPET_GET);
}


void
hd_snippet_update(hd_req_t *req)
{
    hd_buf_t       b;
    hd_str_t       json, tag;
    hd_pg_unit_t  *u;

    if (hd_snippet_check(req) != NGX_OK) {
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

    hd_pg_stmt(u, HD_Q_SNIPPET_UPDATE);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_jsonb(u, &json);
    hd_pg_text_null(u, &tag);

    hd_pg_stmt(u, HD_Q_SNIPPET_GET);
    hd_pg_uuid(u, &req->ids[0]);

    req->conflicts = hd_snippet_conflicts;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);

    hd_buf_free(&b);
}


void
hd_snippet_delete(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_SNIPPET_DELETE);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}
