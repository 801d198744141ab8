/*
 * Contacts: create, read, change, delete, list and search.
 */

#include "frame.h"


#define HD_SEARCH_WORDS  8


static const hd_conflict_t  hd_contact_conflicts[] = {
    { "contacts_phone", 409, "phone_taken", "/phone",
      "Another contact has this phone. Change that one instead: "
      "GET /contacts?search= finds it." },
    { "addresses_pkey", 409, "phone_taken", "/phone",
      "Another contact has this phone as a further address. Change that one "
      "instead: GET /contacts?search= finds it." },
    { NULL, 0, NULL, NULL, NULL }
};


/* "" where the body has none: the columns are not null */
static void
hd_contact_text(hd_req_t *req, hd_pg_unit_t *u, const char *name)
{
    hd_str_t  s;

    s = hd_body_str(req, name);
    hd_pg_text(u, &s);
}


static void
hd_contact_text_null(hd_req_t *req, hd_pg_unit_t *u, const char *name)
{
    hd_str_t  s;

    s = hd_body_str(req, name);
    hd_pg_text_null(u, &s);
}


/* the name as shown, when only its parts were given */
static hd_str_t
hd_contact_name(hd_req_t *req)
{
    u_char    *p;
    hd_str_t   name, first, last;

    name = hd_body_str(req, "name");

    if (name.len) {
        return name;
    }

    first = hd_body_str(req, "first_name");
    last = hd_body_str(req, "last_name");

    if (first.len == 0) {
        return last;
    }

    if (last.len == 0) {
        return first;
    }

    p = ngx_pnalloc(req->r->pool, first.len + 1 + last.len);
    if (p == NULL) {
        return first;
    }

    name.data = p;
    p = ngx_cpymem(p, first.data, first.len);
    *p++ = ' ';
    p = ngx_cpymem(p, last.data, last.len);
    name.len = p - name.data;

    return name;
}


void
hd_contact_create(hd_req_t *req)
{
    hd_buf_t        fields;
    hd_str_t        name, json;
    hd_json_t      *v;
    hd_uuid_t       id;
    hd_pg_unit_t   *u;
    hd_pg_array_t   tags;

    if (hd_body_str(req, "phone").len == 0
        && hd_body_str(req, "email").len == 0)
    {
        hd_problem_at(req, 422, "validation_failed", "/phone",
                      "A contact needs a phone or an e-mail address.");
        return;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_array_init(&tags, HD_PG_TEXT_ARRAY);
    hd_buf_init(&fields);

    v = hd_json_get(req->body, "tags");

    for (v = v ? v->child : NULL; v; v = v->next) {
        hd_pg_array_text(&tags, &v->str);
    }

    v = hd_json_get(req->body, "fields");

    if (v) {
        hd_json_write(&fields, v);

    } else {
        hd_buf_z(&fields, "{}");
    }

    json.data = fields.data;
    json.len = fields.len;

    hd_req_new_id(&id);
    name = hd_contact_name(req);

    hd_pg_stmt(u, HD_Q_CONTACT_INSERT);
    hd_pg_uuid(u, &id);
    hd_pg_text(u, &name);
    hd_contact_text(req, u, "first_name");
    hd_contact_text(req, u, "last_name");
    hd_contact_text_null(req, u, "phone");
    hd_contact_text_null(req, u, "email");
    hd_contact_text_null(req, u, "language");
    hd_pg_array(u, &tags);
    hd_pg_jsonb(u, &json);
    hd_pg_bool(u, hd_body_bool(req, "marketing_opt_out", 0));
    hd_contact_text_null(req, u, "time_zone");

    req->conflicts = hd_contact_conflicts;

    hd_req_submit(req, u, 1);

    hd_pg_array_free(&tags);
    hd_buf_free(&fields);
}


void
hd_contact_get(hd_req_t *req)
{
    hd_req_get(req, HD_Q_CONTACT_GET);
}


/* a row without an id: the change was not made */
static void
hd_contact_updated(hd_pg_unit_t *u, ngx_uint_t index, hd_pg_res_t *res)
{
    hd_req_t  *req = u->data;

    if (req == NULL || index != 1 || hd_pg_rows(res) == 0) {
        return;
    }

    req->found = 1;

    if (!hd_pg_is_null(res, 0, 0)) {
        hd_req_answer(req, res);
    }
}


static void
hd_contact_changed(hd_req_t *req)
{
    if (req->out.len == 0) {
        hd_problem_at(req, 422, "validation_failed",
                      hd_json_get(req->body, "phone") ? "/phone" : "/email",
                      "A contact needs a phone or an e-mail address: give the "
                      "other one with this change, or delete the contact.");
        return;
    }

    hd_req_send(req, NGX_HTTP_OK, "application/json");
}


void
hd_contact_update(hd_req_t *req)
{
    hd_buf_t       b;
    hd_str_t       json;
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_buf_init(&b);
    hd_json_write(&b, req->body);

    json.data = b.data;
    json.len = b.len;

    hd_pg_stmt(u, HD_Q_CONTACT_UPDATE);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_jsonb(u, &json);

    u->on_result = hd_contact_updated;
    req->done = hd_contact_changed;
    req->conflicts = hd_contact_conflicts;

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 1);

    hd_buf_free(&b);
}


void
hd_contact_delete(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_CONTACT_DELETE);
    hd_pg_uuid(u, &req->ids[0]);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, NGX_CONF_UNSET_UINT);
}


/* ── search ── */

static ngx_uint_t
hd_search_is_number(const hd_str_t *w)
{
    size_t      i;
    ngx_uint_t  digits;

    digits = 0;

    for (i = 0; i < w->len; i++) {

        if (w->data[i] >= '0' && w->data[i] <= '9') {
            digits = 1;

        } else if (ngx_strlchr((u_char *) "+-()./", (u_char *) "+-()./" + 6,
                               w->data[i]) == NULL)
        {
            return 0;
        }
    }

    return digits;
}


/* the words are kept without these, except within an e-mail address */
static ngx_uint_t
hd_search_space(u_char c, ngx_uint_t email)
{
    if (c <= ' ') {
        return 1;
    }

    return !email
           && (c == ',' || c == '.' || c == ';' || c == '(' || c == ')'
               || c == '/');
}


/*
 * "+254 712 345" is one number, whatever stands between its digits; its word
 * in the index has only digits.  `text` is rewritten in place.  Returns how
 * many words there are.
 */
static ngx_uint_t
hd_search_split(hd_str_t *text, hd_str_t words[HD_SEARCH_WORDS])
{
    u_char      *p, *last, *start, *dst;
    hd_str_t     w;
    ngx_uint_t   n, number, email;

    n = 0;
    number = 0;
    p = text->data;
    last = p + text->len;
    dst = p;

    while (p < last) {

        while (p < last && hd_search_space(*p, 0)) {
            p++;
        }

        /* up to the next space; what an e-mail address is shows by its @ */

        start = p;

        while (p < last && *p > ' ') {
            p++;
        }

        w.data = start;
        w.len = p - start;

        if (w.len == 0) {
            break;
        }

        if (hd_search_is_number(&w)) {

            if (!number) {
                if (n == HD_SEARCH_WORDS) {
                    break;
                }

                words[n].data = dst;
                words[n++].len = 0;
                number = 1;
            }

            for ( /* void */ ; start < p; start++) {
                if (*start >= '0' && *start <= '9') {
                    *dst++ = *start;
                    words[n - 1].len++;
                }
            }

            continue;
        }

        number = 0;
        email = ngx_strlchr(start, p, '@') != NULL;

        for (p = start; p < last && !hd_search_space(*p, email); p++) {
            /* void */
        }

        if (n == HD_SEARCH_WORDS) {
            break;
        }

        words[n].data = dst;
        words[n++].len = p - start;
        dst = ngx_movemem(dst, start, p - start);
    }

    return n;
}


void
hd_contact_list(hd_req_t *req)
{
    hd_str_t        search, tag, words[HD_SEARCH_WORDS];
    ngx_uint_t      i, n, longest;
    hd_pg_unit_t   *u;
    hd_pg_array_t   others;

    search = hd_query(req, "search");
    tag = hd_query(req, "tag");

    if (tag.len == 0) {
        tag.data = NULL;
    }

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    n = hd_search_split(&search, words);
    longest = 0;

    for (i = 1; i < n; i++) {
        if (words[i].len > words[longest].len) {
            longest = i;
        }
    }

    hd_pg_stmt(u, n ? HD_Q_CONTACT_SEARCH
                  : tag.data ? HD_Q_CONTACT_LIST_TAG : HD_Q_CONTACT_LIST);
    hd_pg_uuid(u, &req->before);
    hd_pg_int(u, req->limit + 1);

    hd_pg_array_init(&others, HD_PG_TEXT_ARRAY);

    if (n) {
        for (i = 0; i < n; i++) {
            if (i != longest) {
                hd_pg_array_text(&others, &words[i]);
            }
        }

        hd_pg_text(u, &words[longest]);
        hd_pg_array(u, &others);
        hd_pg_text_null(u, &tag);

    } else if (tag.data) {
        hd_pg_text(u, &tag);
    }

    hd_req_submit(req, u, 1);

    hd_pg_array_free(&others);
}


void
hd_contact_import_errors(hd_req_t *req)
{
    hd_pg_unit_t  *u;

    u = hd_req_unit(req);
    if (u == NULL) {
        return;
    }

    hd_pg_stmt(u, HD_Q_IMPORT_EXISTS);
    hd_pg_uuid(u, &req->ids[0]);

    hd_pg_stmt(u, HD_Q_IMPORT_ERRORS_LIST);
    hd_pg_uuid(u, &req->ids[0]);
    hd_pg_int(u, req->after);
    hd_pg_int(u, req->limit + 1);

    hd_req_must_find(req, 1);
    hd_req_submit(req, u, 2);
}
