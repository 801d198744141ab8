/*
 * The library: templates of ours that are ready to be used, compiled in (the
 * build makes hd_library of conf/templates).  A worker reads them once.
 */

#include "template.h"


typedef struct {
    hd_arena_t    *arena;
    hd_json_t    **all;
    ngx_uint_t     n;
} hd_library_t;

extern const char *const  hd_library[];

static hd_library_t  hd_lib;


static ngx_int_t
hd_library_read(void)
{
    hd_mem_t          mem;
    ngx_uint_t        i, n;
    hd_arena_t       *arena;
    hd_json_t       **all;
    hd_json_error_t   err;

    if (hd_lib.arena) {
        return NGX_OK;
    }

    for (n = 0; hd_library[n]; n++) { /* void */ }

    arena = hd_arena_create(256 * 1024);
    if (arena == NULL) {
        return NGX_ERROR;
    }

    mem = hd_arena_mem(arena);
    all = hd_calloc(&mem, (n + 1) * sizeof(hd_json_t *));

    for (i = 0; all && i < n; i++) {
        all[i] = hd_json_parse(&mem, (const u_char *) hd_library[i],
                               ngx_strlen(hd_library[i]), 16, &err);
        if (all[i] == NULL) {
            all = NULL;
        }
    }

    if (all == NULL) {
        hd_arena_destroy(arena);
        return NGX_ERROR;
    }

    hd_lib.arena = arena;
    hd_lib.all = all;
    hd_lib.n = n;

    return NGX_OK;
}


static ngx_uint_t
hd_library_holds(const hd_str_t *text, const hd_str_t *part)
{
    size_t  i;

    for (i = 0; i + part->len <= text->len; i++) {
        if (ngx_strncasecmp(text->data + i, part->data, part->len) == 0) {
            return 1;
        }
    }

    return 0;
}


/* the text stands in a string somewhere below */
static ngx_uint_t
hd_library_finds(const hd_json_t *v, const hd_str_t *q)
{
    const hd_json_t  *c;

    if (v->type == HD_JSON_STRING && hd_library_holds(&v->str, q)) {
        return 1;
    }

    for (c = v->child; c; c = c->next) {
        if (hd_library_finds(c, q)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
hd_library_same(const hd_str_t *a, const hd_str_t *b)
{
    return a->len == b->len && ngx_memcmp(a->data, b->data, a->len) == 0;
}


/* "pt" is "pt_BR" here: who asks for the language takes what there is */
static ngx_uint_t
hd_library_language(const hd_str_t *key, const hd_str_t *language)
{
    return language->len == 0 || hd_library_same(key, language)
           || (key->len > language->len && key->data[language->len] == '_'
               && ngx_memcmp(key->data, language->data, language->len) == 0);
}


static ngx_uint_t
hd_library_entry(hd_buf_t *b, const hd_json_t *e, const hd_str_t *language,
    const hd_str_t *q, ngx_uint_t n)
{
    hd_str_t          s;
    ngx_uint_t        k, found;
    const hd_json_t  *l, *languages;

    static const char *const  names[] = { "id", "category", "use", "title" };

    languages = hd_json_get(e, "languages");
    found = q->len == 0;

    s = hd_json_str(e, "id");
    found |= hd_library_holds(&s, q);
    s = hd_json_str(e, "title");
    found |= hd_library_holds(&s, q);

    for (l = languages->child; l && !found; l = l->next) {
        found = hd_library_language(&l->key, language)
                && hd_library_finds(l, q);
    }

    if (!found) {
        return 0;
    }

    hd_buf_z(b, n ? ",{" : "{");

    for (k = 0; k < 4; k++) {
        hd_buf_printf(b, "\"%s\":", names[k]);
        s = hd_json_str(e, names[k]);
        hd_jw_str(b, &s);
        hd_buf_char(b, ',');
    }

    hd_buf_z(b, "\"languages\":{");

    for (l = languages->child, k = 0; l; l = l->next) {
        if (hd_library_language(&l->key, language)) {
            hd_buf_z(b, k++ ? "," : "");
            hd_jw_str(b, &l->key);
            hd_buf_char(b, ':');
            hd_json_write(b, l);
        }
    }

    hd_buf_z(b, "}}");

    return 1;
}


void
hd_library_list(hd_req_t *req)
{
    hd_str_t     category, language, use, q, s;
    hd_buf_t    *b;
    ngx_uint_t   i, n;

    if (hd_library_read() != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    category = hd_query(req, "category");
    language = hd_query(req, "language");
    use = hd_query(req, "use");
    q = hd_query(req, "q");

    b = &req->out;
    hd_buf_z(b, "{\"data\":[");

    for (i = 0, n = 0; i < hd_lib.n; i++) {

        s = hd_json_str(hd_lib.all[i], "category");

        if (category.len && !hd_library_same(&s, &category)) {
            continue;
        }

        s = hd_json_str(hd_lib.all[i], "use");

        if (use.len && !hd_library_same(&s, &use)) {
            continue;
        }

        n += hd_library_entry(b, hd_lib.all[i], &language, &q, n);
    }

    hd_buf_z(b, "],\"next_cursor\":null}");

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


/* ── used: an import of what the library says ── */

static ngx_uint_t
hd_library_wanted(hd_req_t *req, const hd_str_t *language)
{
    hd_json_t  *languages, *l;

    languages = hd_json_get(req->body, "languages");

    if (languages == NULL) {
        return 1;
    }

    for (l = languages->child; l; l = l->next) {
        if (hd_library_language(language, &l->str)) {
            return 1;
        }
    }

    return 0;
}


static void
hd_library_body(hd_req_t *req, hd_buf_t *b, const hd_json_t *entry)
{
    hd_str_t          name, category;
    ngx_uint_t        n;
    const hd_json_t  *l;

    name = hd_body_str(req, "name");

    if (name.data == NULL) {
        name = hd_json_str(entry, "id");
    }

    category = hd_json_str(entry, "category");

    hd_buf_z(b, "{\"templates\":[");

    l = hd_json_get(entry, "languages")->child;

    for (n = 0; l; l = l->next) {

        if (!hd_library_wanted(req, &l->key)) {
            continue;
        }

        hd_buf_z(b, n++ ? ",{\"name\":" : "{\"name\":");
        hd_jw_str(b, &name);
        hd_buf_z(b, ",\"language\":");
        hd_jw_str(b, &l->key);
        hd_buf_z(b, ",\"category\":");
        hd_jw_str(b, &category);
        hd_buf_z(b, ",\"document\":");
        hd_json_write(b, l);
        hd_buf_char(b, '}');
    }

    hd_buf_z(b, "]}");
}


void
hd_library_use(hd_req_t *req)
{
    hd_buf_t          b;
    hd_str_t          id;
    hd_json_t        *entry, *body;
    ngx_uint_t        i;
    hd_json_error_t   err;

    if (hd_library_read() != NGX_OK) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    for (i = 0, entry = NULL; i < hd_lib.n; i++) {
        id = hd_json_str(hd_lib.all[i], "id");

        if (hd_library_same(&id, &req->params[0])) {
            entry = hd_lib.all[i];
        }
    }

    if (entry == NULL) {
        hd_problem(req, 404, "not_found", "There is no such template in the "
                   "library: GET /library/templates lists them.");
        return;
    }

    hd_buf_init(&b);
    hd_library_body(req, &b, entry);

    body = b.failed ? NULL : hd_json_parse(&req->mem, b.data, b.len, 16,
                                           &err);
    hd_buf_free(&b);

    if (body == NULL) {
        hd_problem(req, 500, "internal", "Out of memory.");
        return;
    }

    if (hd_json_get(body, "templates")->count == 0) {
        hd_problem_at(req, 422, "validation_failed", "/languages",
                      "The library has this template in none of these "
                      "languages.");
        return;
    }

    req->body = body;
    hd_template_import(req);
}
