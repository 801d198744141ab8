/*
 * Which column is what.  Headers are compared in one form: lower case, and one
 * space for whatever is no letter, so that "Phone 1 - Value" and "phone_value"
 * are the same.
 */

#include "import.h"


typedef struct {
    const char           *header;
    hd_import_target_e    target;
    ngx_uint_t            rank;        /* 0 first */
} hd_import_known_t;

/* Google's exports old and new, Outlook, HubSpot, Shopify, and people's own */
static const hd_import_known_t  hd_import_known[] = {
    { "whatsapp", HD_IMPORT_PHONE, 0 },
    { "whatsapp number", HD_IMPORT_PHONE, 0 },
    { "whatsapp phone number", HD_IMPORT_PHONE, 0 },
    { "wa id", HD_IMPORT_PHONE, 0 },
    { "mobile", HD_IMPORT_PHONE, 1 },
    { "mobile phone", HD_IMPORT_PHONE, 1 },
    { "mobile number", HD_IMPORT_PHONE, 1 },
    { "mobile phone number", HD_IMPORT_PHONE, 1 },
    { "cell", HD_IMPORT_PHONE, 1 },
    { "cell phone", HD_IMPORT_PHONE, 1 },
    { "cellphone", HD_IMPORT_PHONE, 1 },
    { "msisdn", HD_IMPORT_PHONE, 1 },
    { "celular", HD_IMPORT_PHONE, 1 },
    { "phone", HD_IMPORT_PHONE, 2 },
    { "phone value", HD_IMPORT_PHONE, 2 },
    { "phone number", HD_IMPORT_PHONE, 2 },
    { "phonenumber", HD_IMPORT_PHONE, 2 },
    { "primary phone", HD_IMPORT_PHONE, 2 },
    { "contact number", HD_IMPORT_PHONE, 2 },
    { "number", HD_IMPORT_PHONE, 2 },
    { "telephone", HD_IMPORT_PHONE, 2 },
    { "tel", HD_IMPORT_PHONE, 2 },
    { "telefone", HD_IMPORT_PHONE, 2 },
    { "telefono", HD_IMPORT_PHONE, 2 },
    { "tel\xc3\xa9" "fono", HD_IMPORT_PHONE, 2 },
    { "t\xc3\xa9l\xc3\xa9phone", HD_IMPORT_PHONE, 2 },
    { "telepon", HD_IMPORT_PHONE, 2 },
    { "nomor telepon", HD_IMPORT_PHONE, 2 },
    { "no hp", HD_IMPORT_PHONE, 2 },
    { "simu", HD_IMPORT_PHONE, 2 },
    { "home phone", HD_IMPORT_PHONE, 3 },
    { "business phone", HD_IMPORT_PHONE, 3 },
    { "work phone", HD_IMPORT_PHONE, 3 },
    { "other phone", HD_IMPORT_PHONE, 3 },
    { "default address phone", HD_IMPORT_PHONE, 4 },

    { "name", HD_IMPORT_NAME, 0 },
    { "full name", HD_IMPORT_NAME, 0 },
    { "fullname", HD_IMPORT_NAME, 0 },
    { "display name", HD_IMPORT_NAME, 0 },
    { "contact name", HD_IMPORT_NAME, 0 },
    { "customer name", HD_IMPORT_NAME, 0 },
    { "nome", HD_IMPORT_NAME, 0 },
    { "nombre", HD_IMPORT_NAME, 0 },
    { "nama", HD_IMPORT_NAME, 0 },
    { "jina", HD_IMPORT_NAME, 0 },

    { "first name", HD_IMPORT_FIRST, 0 },
    { "firstname", HD_IMPORT_FIRST, 0 },
    { "given name", HD_IMPORT_FIRST, 0 },
    { "fname", HD_IMPORT_FIRST, 0 },

    { "last name", HD_IMPORT_LAST, 0 },
    { "lastname", HD_IMPORT_LAST, 0 },
    { "family name", HD_IMPORT_LAST, 0 },
    { "surname", HD_IMPORT_LAST, 0 },
    { "lname", HD_IMPORT_LAST, 0 },

    { "email", HD_IMPORT_EMAIL, 0 },
    { "e mail", HD_IMPORT_EMAIL, 0 },
    { "email address", HD_IMPORT_EMAIL, 0 },
    { "e mail address", HD_IMPORT_EMAIL, 0 },
    { "e mail value", HD_IMPORT_EMAIL, 0 },
    { "email value", HD_IMPORT_EMAIL, 0 },
    { "correo", HD_IMPORT_EMAIL, 0 },

    { "language", HD_IMPORT_LANGUAGE, 0 },
    { "lang", HD_IMPORT_LANGUAGE, 0 },
    { "locale", HD_IMPORT_LANGUAGE, 0 },
    { "preferred language", HD_IMPORT_LANGUAGE, 0 },

    { "time zone", HD_IMPORT_ZONE, 0 },
    { "timezone", HD_IMPORT_ZONE, 0 },
    { "tz", HD_IMPORT_ZONE, 0 },

    { "tags", HD_IMPORT_LABELS, 0 },
    { "tag", HD_IMPORT_LABELS, 0 },
    { "labels", HD_IMPORT_LABELS, 0 },
    { "label", HD_IMPORT_LABELS, 0 },
    { "groups", HD_IMPORT_LABELS, 0 },
    { "group membership", HD_IMPORT_LABELS, 0 },
    { "categories", HD_IMPORT_LABELS, 0 },

    { NULL, 0, 0 }
};

static const char *const  hd_import_targets[] = {
    "name", "first_name", "last_name", "email", "language", "time_zone",
    "phone", "tags"
};


/* the target of one value of ?mapping= */
static ngx_int_t
hd_import_target(const hd_str_t *word, hd_import_column_t *c)
{
    size_t      i;
    hd_str_t    key;

    c->rank = 0;

    if (word->len == 0) {
        c->target = HD_IMPORT_NOTHING;
        return NGX_OK;
    }

    for (i = 0; i < HD_IMPORT_OWN; i++) {
        if (word->len == ngx_strlen(hd_import_targets[i])
            && ngx_memcmp(word->data, hd_import_targets[i], word->len) == 0)
        {
            c->target = i;
            return NGX_OK;
        }
    }

    if (word->len < 8 || word->len > 7 + 57
        || ngx_strncmp(word->data, "fields.", 7) != 0)
    {
        return NGX_ERROR;
    }

    key.data = word->data + 7;
    key.len = word->len - 7;

    for (i = 0; i < key.len; i++) {
        if (!((key.data[i] >= 'a' && key.data[i] <= 'z')
              || (key.data[i] >= '0' && key.data[i] <= '9')
              || key.data[i] == '_'))
        {
            return NGX_ERROR;
        }
    }

    c->target = HD_IMPORT_OWN;
    c->key = key;

    return NGX_OK;
}


ngx_int_t
hd_import_mapping(hd_import_t *im)
{
    char                 text[200];
    hd_str_t             arg;
    hd_json_t           *v;
    hd_json_error_t      err;
    hd_import_column_t   c;

    arg = hd_query(im->req, "mapping");

    if (arg.len == 0) {
        return NGX_OK;
    }

    im->mapping = hd_json_parse(&im->req->mem, arg.data, arg.len, 2, &err);

    if (im->mapping == NULL || im->mapping->type != HD_JSON_OBJECT) {
        hd_problem_at(im->req, 422, "validation_failed", "mapping",
                      "mapping must be a JSON object, URL-encoded, for "
                      "example {\"Phone 1 - Value\": \"phone\"}.");
        return NGX_DONE;
    }

    for (v = im->mapping->child; v; v = v->next) {
        if (v->type != HD_JSON_STRING
            || hd_import_target(&v->str, &c) != NGX_OK)
        {
            snprintf(text, sizeof(text), "\"%.40s\" is mapped to nothing "
                     "known: phone, name, first_name, last_name, email, "
                     "language, time_zone, tags, fields.<key> or \"\".",
                     hd_cstr(&im->req->mem, &v->key));
            hd_problem_at(im->req, 422, "validation_failed", "mapping", text);
            return NGX_DONE;
        }
    }

    return NGX_OK;
}


/* the one form; at most `size` bytes of it */
static hd_str_t
hd_import_form(const hd_str_t *header, u_char *buf, size_t size)
{
    u_char    c;
    size_t    i, n, start;
    hd_str_t  form;

    n = 0;

    for (i = 0; i < header->len && n < size; i++) {
        c = ngx_tolower(header->data[i]);

        if ((c >= 'a' && c <= 'z') || c >= 0x80) {
            buf[n++] = c;

        } else if (n && buf[n - 1] != ' ') {
            buf[n++] = ' ';
        }
    }

    for (start = 0; start < n && buf[start] == ' '; start++) {
        /* void */
    }

    while (n > start && buf[n - 1] == ' ') {
        n--;
    }

    form.data = buf + start;
    form.len = n - start;

    return form;
}


static void
hd_import_guess(hd_import_column_t *c)
{
    u_char                    buf[64];
    hd_str_t                  form;
    const hd_import_known_t  *k;

    c->target = HD_IMPORT_NOTHING;
    form = hd_import_form(&c->header, buf, sizeof(buf));

    for (k = hd_import_known; k->header; k++) {
        if (form.len == ngx_strlen(k->header)
            && ngx_memcmp(form.data, k->header, form.len) == 0)
        {
            c->target = k->target;
            c->rank = k->rank;
            return;
        }
    }
}


static ngx_uint_t
hd_import_same(const hd_str_t *one, const hd_str_t *two)
{
    return one->len == two->len
           && ngx_strncasecmp(one->data, two->data, one->len) == 0;
}


/* what ?mapping= says wins, and what it names is not guessed as well */
static ngx_int_t
hd_import_told(hd_import_t *im, hd_str_t *unknown)
{
    hd_json_t           *v;
    ngx_uint_t           i, j, found;
    hd_import_column_t  *c, *other;

    c = im->map.columns;

    for (v = im->mapping ? im->mapping->child : NULL; v; v = v->next) {
        found = 0;

        for (i = 0; i < im->map.n; i++) {
            if (hd_import_same(&c[i].header, &v->key)) {
                (void) hd_import_target(&v->str, &c[i]);
                c[i].told = 1;
                found = 1;
            }
        }

        if (!found) {
            *unknown = v->key;
            return NGX_DECLINED;
        }
    }

    for (i = 0; i < im->map.n; i++) {

        if (!c[i].told || c[i].target >= HD_IMPORT_LABELS) {
            continue;
        }

        for (j = 0; j < im->map.n; j++) {
            other = &c[j];

            if (!other->told && other->target == c[i].target) {
                other->target = HD_IMPORT_NOTHING;
            }
        }
    }

    return NGX_OK;
}


ngx_int_t
hd_import_columns(hd_import_t *im, hd_str_t *fields, size_t n,
    hd_str_t *unknown)
{
    hd_str_t             h;
    ngx_int_t            rc;
    ngx_uint_t           i, j, rank;
    ngx_pool_t          *pool;
    hd_import_column_t  *c;

    pool = im->req->r->pool;

    c = ngx_pcalloc(pool, n * sizeof(hd_import_column_t));
    im->map.order = ngx_palloc(pool, n * sizeof(ngx_uint_t));

    if (c == NULL || im->map.order == NULL) {
        return NGX_ERROR;
    }

    im->map.columns = c;
    im->map.n = n;

    for (i = 0; i < n; i++) {
        h = fields[i];

        while (h.len && h.data[0] <= ' ') {
            h.data++;
            h.len--;
        }

        while (h.len && h.data[h.len - 1] <= ' ') {
            h.len--;
        }

        if (hd_str_dup(&im->req->mem, &h, &c[i].header) != HD_OK) {
            return NGX_ERROR;
        }

        hd_import_guess(&c[i]);
    }

    rc = hd_import_told(im, unknown);
    if (rc != NGX_OK) {
        return rc;
    }

    im->no_phone = 1;

    for (rank = 0, j = 0; rank < 5; rank++) {
        for (i = 0; i < n; i++) {
            if (c[i].rank == rank) {
                im->map.order[j++] = i;
            }

            if (c[i].target == HD_IMPORT_PHONE) {
                im->no_phone = 0;
            }
        }
    }

    return NGX_OK;
}


void
hd_import_columns_json(hd_import_t *im, hd_buf_t *b)
{
    ngx_uint_t           i, j;
    hd_import_column_t  *c;

    hd_buf_char(b, '{');

    c = im->map.columns;

    for (i = 0; i < im->map.n; i++) {

        for (j = 0; j < i; j++) {
            if (hd_import_same(&c[j].header, &c[i].header)) {
                break;
            }
        }

        if (j < i) {
            continue;
        }

        if (i) {
            hd_buf_char(b, ',');
        }

        hd_jw_str(b, &c[i].header);

        if (c[i].target == HD_IMPORT_NOTHING) {
            hd_buf_z(b, ":null");

        } else if (c[i].target == HD_IMPORT_OWN) {
            hd_buf_z(b, ":\"fields.");
            hd_buf_str(b, &c[i].key);
            hd_buf_char(b, '"');

        } else {
            hd_buf_printf(b, ":\"%s\"", hd_import_targets[c[i].target]);
        }
    }

    hd_buf_char(b, '}');
}
