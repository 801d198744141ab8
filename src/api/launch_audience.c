/*
 * Variables before a launch: each one of a template needs a source, and what
 * comes from the contact must be there for everybody in the audience.
 *
 * A need is a column or an own field that may not be empty, or a group of
 * which one may not (a value such as "{{first_name|}}{{last_name|}}").  The
 * needs of all variants are one: who wins a test may be sent to anybody.
 */

#include "launch.h"


/* the columns that audience_lacks knows; every recipient has a phone */
static const char *const  hd_needs_columns[] = {
    "name", "first_name", "last_name", "email", "language"
};

#define HD_NEEDS_COLUMNS                                                      \
    (sizeof(hd_needs_columns) / sizeof(hd_needs_columns[0]))

typedef struct {
    hd_launch_t    *l;
    ngx_uint_t      always;            /* something stands there in any case */
    ngx_uint_t      n;                 /* those with an empty one, in group */
    hd_buf_t        group;
    ngx_uint_t      failed;
} hd_needs_value_t;


static const char *
hd_needs_field(const hd_str_t *name, hd_str_t *field)
{
    size_t  i;

    for (i = 0; i < HD_NEEDS_COLUMNS; i++) {
        if (name->len == ngx_strlen(hd_needs_columns[i])
            && ngx_memcmp(name->data, hd_needs_columns[i], name->len) == 0)
        {
            return hd_needs_columns[i];
        }
    }

    *field = *name;

    if (name->len > 7 && ngx_memcmp(name->data, "fields.", 7) == 0) {
        field->data += 7;
        field->len -= 7;
    }

    return NULL;
}


/* this one may not be empty */
static void
hd_needs_add(hd_needs_t *needs, const hd_str_t *name, ngx_uint_t *failed)
{
    size_t       i;
    hd_str_t     field, *f;
    const char  *column;

    if (hd_str_eq(name, "phone")) {
        return;
    }

    needs->any = 1;
    column = hd_needs_field(name, &field);

    if (column) {
        for (i = 0; hd_needs_columns[i] != column; i++) { /* void */ }

        needs->columns[i] = 1;
        return;
    }

    f = needs->fields.elts;

    for (i = 0; i < needs->fields.nelts; i++) {
        if (f[i].len == field.len
            && ngx_memcmp(f[i].data, field.data, field.len) == 0)
        {
            return;
        }
    }

    f = ngx_array_push(&needs->fields);

    if (f == NULL) {
        *failed = 1;
        return;
    }

    *f = field;
}


static int
hd_needs_placeholder(void *ctx, const hd_str_t *name,
    const hd_str_t *fallback)
{
    hd_needs_value_t *v = ctx;

    hd_buf_t  *b;
    hd_str_t   field;

    if (fallback->data == NULL) {
        v->always = 1;
        hd_needs_add(&v->l->needs, name, &v->failed);
        return HD_OK;
    }

    if (fallback->len || hd_str_eq(name, "phone")) {
        v->always = 1;
        return HD_OK;
    }

    b = &v->group;
    hd_buf_z(b, v->n++ ? "," : "[");

    if (hd_needs_field(name, &field)) {
        hd_jw_str(b, name);

    } else {
        hd_buf_z(b, "\"fields.");
        hd_buf_str(b, &field);         /* [a-z0-9_.] only */
        hd_buf_char(b, '"');
    }

    return HD_OK;
}


static int
hd_needs_nothing(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    return HD_ERROR;
}


/* a value with placeholders: may it come out empty, and for whom? */
static ngx_int_t
hd_needs_value(hd_launch_t *l, const hd_str_t *value)
{
    hd_buf_t           literal, *groups;
    hd_str_t           missing;
    hd_needs_value_t   v;

    ngx_memzero(&v, sizeof(hd_needs_value_t));
    hd_buf_init(&v.group);
    hd_buf_init(&literal);

    v.l = l;

    (void) hd_text_names(value, hd_needs_placeholder, &v);

    if (!v.always
        && hd_text_render(&literal, value, hd_needs_nothing, NULL, &missing)
           == HD_OK
        && literal.len == 0 && v.n)
    {
        groups = &l->needs.groups;
        l->needs.any = 1;
        hd_buf_z(groups, groups->len ? "," : "[");
        hd_buf_add(groups, v.group.data, v.group.len);
        hd_buf_char(groups, ']');
        v.failed |= groups->failed;
    }

    v.failed |= v.group.failed | literal.failed;

    hd_buf_free(&v.group);
    hd_buf_free(&literal);

    return v.failed ? NGX_ERROR : NGX_OK;
}


static hd_json_t *
hd_launch_given(hd_json_t *map, const hd_str_t *name)
{
    hd_json_t  *v, *found;

    found = NULL;

    for (v = map ? map->child : NULL; v; v = v->next) {
        if (v->key.len == name->len
            && ngx_memcmp(v->key.data, name->data, name->len) == 0)
        {
            found = v;
        }
    }

    return found;
}


static ngx_int_t
hd_launch_name(hd_req_t *req, hd_launch_t *l, hd_json_t *map,
    const char *where, hd_template_name_t *n, hd_faults_t *faults)
{
    hd_str_t     at;
    hd_json_t   *given;
    ngx_uint_t   failed;

    if (!n->needed) {
        return NGX_OK;
    }

    given = hd_launch_given(map, &n->name);
    failed = 0;

    if (given == NULL && hd_variables_is_contact(&n->name)) {
        hd_needs_add(&l->needs, &n->name, &failed);
        return failed ? NGX_ERROR : NGX_OK;
    }

    if (given && given->str.len) {
        return hd_needs_value(l, &given->str);
    }

    hd_launch_at(req, &at, "%s", where);
    hd_faults_add(faults, "missing_variable", &at, "the template needs a "
                  "value for \"%.*s\": %s, or give the template a fallback",
                  (int) n->name.len, n->name.data,
                  given ? "the given one is empty" : "add it to variables");

    return NGX_OK;
}


ngx_int_t
hd_launch_sources(hd_req_t *req, hd_launch_t *l, hd_faults_t *faults)
{
    char                 where[48];
    hd_json_t           *map;
    ngx_uint_t           i, j;
    ngx_array_t         *names;
    hd_variant_t        *v;
    hd_template_name_t  *n;

    for (i = 0; i < l->nvariants; i++) {

        v = &l->variants[i];
        map = v->variables;

        if (map) {
            snprintf(where, sizeof(where), "/variants/%d/variables", (int) i);

        } else {
            map = hd_json_get(l->spec, "variables");
            snprintf(where, sizeof(where), "/variables");
        }

        names = ngx_array_create(req->r->pool, 8, sizeof(hd_template_name_t));

        if (names == NULL
            || hd_template_names(names, &v->template.header) != NGX_OK
            || hd_template_names(names, &v->template.body) != NGX_OK)
        {
            return NGX_ERROR;
        }

        n = names->elts;

        for (j = 0; j < names->nelts; j++) {
            if (hd_launch_name(req, l, map, where, &n[j], faults) != NGX_OK) {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* ── the audience ── */

void
hd_launch_put_needs(hd_launch_t *l, hd_pg_unit_t *u)
{
    size_t          i;
    hd_buf_t       *b;
    hd_str_t        groups, *f;
    hd_pg_array_t   fields;

    for (i = 0; i < HD_NEEDS_COLUMNS; i++) {
        hd_pg_bool(u, l->needs.columns[i]);
    }

    hd_pg_array_init(&fields, HD_PG_TEXT_ARRAY);
    f = l->needs.fields.elts;

    for (i = 0; i < l->needs.fields.nelts; i++) {
        hd_pg_array_text(&fields, &f[i]);
    }

    hd_pg_array_move(u, &fields);

    b = &l->needs.groups;
    hd_buf_z(b, b->len ? "]" : "[]");

    groups.data = b->data;
    groups.len = b->len;

    hd_pg_jsonb(u, &groups);
}


void
hd_launch_ask(hd_req_t *req, hd_launch_t *l, hd_pg_unit_t *u)
{
    hd_str_t  tag;

    tag = hd_json_str(hd_json_get(l->spec, "audience"), "tag");

    if (tag.len == 0) {
        tag.data = NULL;
    }

    hd_pg_stmt(u, HD_Q_AUDIENCE_SOME);
    hd_pg_text_null(u, &tag);

    if (l->needs.any) {
        hd_pg_stmt(u, HD_Q_AUDIENCE_LACKS);
        hd_pg_text_null(u, &tag);
        hd_launch_put_needs(l, u);
        hd_pg_bool(u, hd_str_eq(&l->variants[0].template.category,
                                "marketing"));
    }

    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


static void
hd_launch_member(hd_buf_t *b, const char *name, hd_pg_res_t *res,
    ngx_uint_t row, ngx_uint_t col)
{
    hd_str_t  v;

    v = hd_pg_value(res, row, col);

    hd_buf_z(b, name);

    if (hd_pg_is_null(res, row, col)) {
        hd_buf_z(b, "null");

    } else {
        hd_jw_str(b, &v);
    }
}


void
hd_launch_told(hd_launch_t *l, ngx_uint_t index, hd_pg_res_t *res)
{
    ngx_uint_t  i;

    if (index == 0) {
        l->somebody = hd_pg_value(res, 0, 0).data[0] == 't';
        return;
    }

    for (i = 0; i < hd_pg_rows(res); i++) {
        l->lacking = hd_pg_value_int(res, i, 0);

        hd_launch_member(&l->lacks, i ? ",{\"id\":" : "{\"id\":", res, i, 1);
        hd_launch_member(&l->lacks, ",\"name\":", res, i, 2);
        hd_launch_member(&l->lacks, ",\"phone\":", res, i, 3);
        hd_buf_char(&l->lacks, '}');
    }
}


/* what is needed, for people: "first_name, fields.city" */
static void
hd_launch_names(hd_needs_t *needs, char *text, size_t size)
{
    size_t      i, n;
    hd_str_t   *f;

    n = 0;
    text[0] = '\0';

    for (i = 0; i < HD_NEEDS_COLUMNS && n + 32 < size; i++) {
        if (needs->columns[i]) {
            n += snprintf(text + n, size - n, "%s%s", n ? ", " : "",
                          hd_needs_columns[i]);
        }
    }

    f = needs->fields.elts;

    for (i = 0; i < needs->fields.nelts && n + 80 < size; i++) {
        n += snprintf(text + n, size - n, "%sfields.%.*s", n ? ", " : "",
                      (int) f[i].len, f[i].data);
    }
}


ngx_int_t
hd_launch_lacks(hd_req_t *req, hd_launch_t *l)
{
    char      names[256], text[640];
    hd_buf_t  more;

    if (l->lacking == 0) {
        return NGX_OK;
    }

    hd_launch_names(&l->needs, names, sizeof(names));

    snprintf(text, sizeof(text), "%lld of the audience lack%s a value that "
             "the template cannot do without (it needs %s). Give the variable "
             "a fallback, as in {{first_name|friend}}, fill in what is "
             "missing, or take these contacts out of the audience. A draft "
             "can be kept as it is.", (long long) l->lacking,
             l->lacking == 1 ? "s" : "", names[0] ? names : "one of several");

    hd_buf_init(&more);
    hd_buf_printf(&more, ",\"count\":%lld,\"contacts\":[",
                  (long long) l->lacking);
    hd_buf_add(&more, l->lacks.data, l->lacks.len);
    hd_buf_char(&more, ']');

    hd_problem_more(req, 422, "missing_variable", "/variables", text, &more);

    hd_buf_free(&more);

    return NGX_DONE;
}
