/*
 * Templates: made, edited, shown, deleted.  Their review is in graph_review.c.
 */

#include "graph.h"


void
hd_sb_template_id(const hd_str_t *name, const hd_str_t *language,
    hd_str_t *id, u_char text[24])
{
    id->data = text;
    id->len = ngx_sprintf(text, "%uL", (uint64_t) 1000000000000000ULL
                          + (uint64_t) ngx_crc32_long(name->data, name->len)
                            * 100000
                          + ngx_crc32_short(language->data, language->len)
                            % 100000)
              - text;
}


/* what Meta's first look finds; NULL: nothing */

static const char *
hd_sb_template_wrong(const hd_json_t *body)
{
    size_t       i;
    hd_str_t     s, type;
    ngx_uint_t   bodies;
    hd_json_t   *c, *list;

    s = hd_json_str(body, "name");

    for (i = 0; i < s.len; i++) {
        if (!((s.data[i] >= 'a' && s.data[i] <= 'z')
              || (s.data[i] >= '0' && s.data[i] <= '9') || s.data[i] == '_'))
        {
            return "Param name may have lower case letters, digits and"
                   " underscores only.";
        }
    }

    list = hd_json_get(body, "components");

    if (list == NULL || list->type != HD_JSON_ARRAY) {
        return "The parameter components is required.";
    }

    bodies = 0;

    for (c = list->child; c != NULL; c = c->next) {
        type = hd_json_str(c, "type");
        s = hd_json_str(c, "text");

        if (type.len == 4 && ngx_strncasecmp(type.data, (u_char *) "BODY", 4)
            == 0)
        {
            bodies++;

            if (hd_utf8_length(&s) > 1024) {
                return "The body of a template must be at most 1024"
                       " characters long.";
            }

            if (s.len >= 2 && (ngx_strncmp(s.data, "{{", 2) == 0
                               || ngx_strncmp(s.data + s.len - 2, "}}", 2)
                                  == 0))
            {
                return "Variables can't be at the start or end of the"
                       " template.";
            }

            if (hd_sb_holds(&s, "{{") && hd_json_get(c, "example") == NULL) {
                return "A template with variables needs an example of them.";
            }
        }

        if (type.len == 6
            && ngx_strncasecmp(type.data, (u_char *) "HEADER", 6) == 0
            && hd_utf8_length(&s) > 60)
        {
            return "The header of a template must be at most 60 characters"
                   " long.";
        }
    }

    return bodies == 1 ? NULL : "A template has one body.";
}


/* a template as it is kept, `before` (NULL: new) with what is in `body` */

static int
hd_sb_template_put(hd_sb_graph_t *g, const hd_str_t *id,
    const hd_sb_copy_t *before)
{
    int         rc;
    int64_t     takes;
    hd_buf_t    b;
    hd_str_t    s;
    hd_json_t  *v;
    size_t      i;

    static const char  *names[] = {
        "name", "language", "category", "parameter_format", "components"
    };

    hd_buf_init(&b);
    hd_buf_z(&b, "{\"id\":");
    hd_jw_str(&b, id);

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        v = hd_json_get(g->body, names[i]);

        if (v == NULL && before != NULL) {
            v = hd_json_get(before->v, names[i]);
        }

        if (v != NULL) {
            hd_buf_printf(&b, ",\"%s\":", names[i]);
            hd_json_write(&b, v);
        }
    }

    s = before ? hd_json_str(before->v, "name")
               : hd_json_str(g->body, "name");
    takes = hd_sb_review_takes(&s);

    hd_buf_printf(&b, ",\"status\":\"%s\",\"rejected_reason\":\"NONE\","
                  "\"quality_score\":{\"score\":\"UNKNOWN\"},\"_due\":%ld}",
                  takes == 0 ? "APPROVED" : "PENDING",
                  takes > 0 ? (long) (ngx_time() + takes / 1000 + 2) : 0L);

    s = g->number->set.waba_id;
    rc = hd_sb_object_put(HD_SB_TEMPLATE, id, &s, &b,
                          before ? before->generation : 0);
    hd_buf_free(&b);

    if (rc == HD_OK && takes != 0) {
        hd_sb_review_start(id, takes);
    }

    return rc;
}


void
hd_sb_template_create(hd_sb_graph_t *g)
{
    size_t         i;
    u_char         text[24];
    hd_str_t       name, language, category, id;
    const char    *wrong;
    hd_sb_copy_t   copy;

    static const char  *categories[] = {
        "MARKETING", "UTILITY", "AUTHENTICATION"
    };

    name = hd_json_str(g->body, "name");
    language = hd_json_str(g->body, "language");
    category = hd_json_str(g->body, "category");

    if (name.len == 0 || name.len > 512 || language.len == 0
        || language.len > 16)
    {
        hd_sb_graph_refuse(g, 100, 0, "The parameters name, language and"
                           " category are required.");
        return;
    }

    for (i = 0; i < 3; i++) {
        if (category.len == strlen(categories[i])
            && ngx_strncasecmp(category.data, (u_char *) categories[i],
                               category.len)
               == 0)
        {
            break;
        }
    }

    wrong = (i < 3) ? hd_sb_template_wrong(g->body)
                    : "Param category must be one of {UTILITY, MARKETING,"
                      " AUTHENTICATION}.";

    if (wrong != NULL) {
        hd_sb_graph_refuse(g, 100, 2388299, wrong);
        return;
    }

    hd_sb_template_id(&name, &language, &id, text);

    if (hd_sb_object_get(g->request->pool, HD_SB_TEMPLATE, &id, &copy)
        == HD_OK)
    {
        hd_sb_graph_refuse(g, 100, 2388024, "There is already a template of"
                           " this name in this language.");
        return;
    }

    if (hd_sb_template_put(g, &id, NULL) != HD_OK) {
        hd_sb_graph_refuse(g, 131000, 0, NULL);
        return;
    }

    hd_buf_z(&g->b, "{\"id\":");
    hd_jw_str(&g->b, &id);
    hd_buf_printf(&g->b, ",\"status\":\"%s\",\"category\":\"%s\"}",
                  hd_sb_review_takes(&name) == 0 ? "APPROVED" : "PENDING",
                  categories[i]);
    hd_sb_graph_send(g);
}


void
hd_sb_template_edit(hd_sb_graph_t *g)
{
    hd_str_t       s, status;
    const char    *wrong;
    hd_sb_copy_t   copy;

    if (hd_sb_object_get(g->request->pool, HD_SB_TEMPLATE, &g->id, &copy)
        != HD_OK)
    {
        hd_sb_graph_refuse(g, 100, 33, NULL);
        return;
    }

    status = hd_json_str(copy.v, "status");
    s = hd_json_str(g->body, "category");

    if (hd_str_eq(&status, "PENDING")) {
        hd_sb_graph_refuse(g, 100, 2388003, "A template in review cannot be"
                           " edited.");
        return;
    }

    if (s.len > 0 && hd_str_eq(&status, "APPROVED")) {
        status = hd_json_str(copy.v, "category");

        if (!hd_sb_same(&s, &status)) {
            hd_sb_graph_refuse(g, 100, 2388025, "The category of an approved"
                               " template cannot be edited.");
            return;
        }
    }

    if (hd_json_get(g->body, "components") != NULL) {
        wrong = hd_sb_template_wrong(g->body);

        if (wrong != NULL) {
            hd_sb_graph_refuse(g, 100, 2388299, wrong);
            return;
        }
    }

    if (hd_sb_template_put(g, &g->id, &copy) != HD_OK) {
        hd_sb_graph_refuse(g, 131000, 0, NULL);
        return;
    }

    hd_sb_graph_success(g);
}


/* without what is ours */

static void
hd_sb_template_write(hd_buf_t *b, const hd_json_t *t)
{
    hd_json_t  *v;

    hd_buf_char(b, '{');

    for (v = t->child; v != NULL; v = v->next) {
        if (hd_str_eq(&v->key, "_due")) {
            continue;
        }

        hd_buf_z(b, v == t->child ? "" : ",");
        hd_jw_str(b, &v->key);
        hd_buf_char(b, ':');
        hd_json_write(b, v);
    }

    hd_buf_char(b, '}');
}


void
hd_sb_template_show(hd_sb_graph_t *g)
{
    hd_sb_copy_t  copy;

    hd_sb_template_overdue(g->request->pool, &g->id);

    if (hd_sb_object_get(g->request->pool, HD_SB_TEMPLATE, &g->id, &copy)
        != HD_OK)
    {
        hd_sb_graph_refuse(g, 100, 33, NULL);
        return;
    }

    hd_sb_template_write(&g->b, copy.v);
    hd_sb_graph_send(g);
}


void
hd_sb_template_list(hd_sb_graph_t *g)
{
    hd_str_t       name, status, s, after;
    ngx_int_t      limit, from;
    ngx_uint_t     i, n;
    ngx_array_t   *list;
    hd_sb_copy_t  *copy;

    name = hd_sb_graph_arg(g, "name");
    status = hd_sb_graph_arg(g, "status");
    after = hd_sb_graph_arg(g, "after");
    s = hd_sb_graph_arg(g, "limit");

    limit = ngx_atoi(s.data, s.len);
    limit = (limit < 1 || limit > 1000) ? 25 : limit;
    from = ngx_atoi(after.data, after.len);
    from = (from == NGX_ERROR) ? 0 : from;

    list = hd_sb_object_list(g->request->pool, HD_SB_TEMPLATE, &g->id);

    if (list == NULL) {
        hd_sb_graph_refuse(g, 131000, 0, NULL);
        return;
    }

    hd_buf_z(&g->b, "{\"data\":[");
    copy = list->elts;
    n = 0;

    for (i = (ngx_uint_t) from; i < list->nelts && n < (ngx_uint_t) limit;
         i++)
    {
        hd_sb_template_overdue(g->request->pool, &copy[i].id);

        if (hd_sb_object_get(g->request->pool, HD_SB_TEMPLATE, &copy[i].id,
                             &copy[i])
            != HD_OK)
        {
            continue;
        }

        s = hd_json_str(copy[i].v, "name");

        if (name.len > 0 && !hd_sb_same(&s, &name)) {
            continue;
        }

        s = hd_json_str(copy[i].v, "status");

        if (status.len > 0 && (s.len != status.len
                               || ngx_strncasecmp(s.data, status.data, s.len)
                                  != 0))
        {
            continue;
        }

        hd_buf_z(&g->b, n++ ? "," : "");
        hd_sb_template_write(&g->b, copy[i].v);
    }

    hd_buf_printf(&g->b, "],\"paging\":{\"cursors\":{\"before\":\"%d\","
                  "\"after\":\"%d\"}%s}}", (int) from, (int) i,
                  i < list->nelts ? ",\"next\":\"https://graph\"" : "");
    hd_sb_graph_send(g);
}


void
hd_sb_template_delete(hd_sb_graph_t *g)
{
    hd_str_t         name, id, s;
    ngx_uint_t       i, found;
    ngx_array_t     *list;
    hd_sb_copy_t    *copy;

    name = hd_sb_graph_arg(g, "name");
    id = hd_sb_graph_arg(g, "hsm_id");

    list = hd_sb_object_list(g->request->pool, HD_SB_TEMPLATE, &g->id);

    if (list == NULL || name.len == 0) {
        hd_sb_graph_refuse(g, 100, 0, "The parameter name is required.");
        return;
    }

    copy = list->elts;
    found = 0;

    for (i = 0; i < list->nelts; i++) {
        s = hd_json_str(copy[i].v, "name");

        if (hd_sb_same(&s, &name)
            && (id.len == 0 || hd_sb_same(&copy[i].id, &id)))
        {
            hd_sb_object_delete(HD_SB_TEMPLATE, &copy[i].id);
            found++;
        }
    }

    if (!found) {
        hd_sb_graph_refuse(g, 100, 2593002, "Message template not found.");
        return;
    }

    hd_sb_graph_success(g);
}
