/*
 * document: the shape of a template's document, and what is read from it.
 *
 * Shapes are looked at once, when it comes in; whatever passed may be given
 * to all that follows.  The bounds here are wide, so that the linter can say
 * what is too long; they keep out what no template is.
 */

#include "document.h"
#include "lint.h"

#include <stdio.h>


#define HD_DOCUMENT_TEXT       4096
#define HD_DOCUMENT_BUTTONS    20
#define HD_DOCUMENT_VARIABLES  100
#define HD_DOCUMENT_AT         192
#define HD_DOCUMENT_VALUE      1024


typedef enum {
    HD_MEMBER_TEXT = 0,                /* string, null: as absent */
    HD_MEMBER_UUID,
    HD_MEMBER_ENUM,
    HD_MEMBER_BOOL,
    HD_MEMBER_INT,
    HD_MEMBER_ANY
} hd_member_type_e;

typedef struct {
    const char         *name;
    hd_member_type_e    type;
    unsigned            required:1;
    int64_t             max;
    const char *const  *values;
} hd_member_t;


static const char *const  hd_formats[] = {
    "none", "text", "image", "video", "document", "location", NULL
};
static const char *const  hd_types[] = {
    "text", "number", "date", "currency", "url", NULL
};
static const char *const  hd_otp_types[] = {
    "copy_code", "one_tap", "zero_tap", NULL
};

static const hd_member_t  hd_header_members[] = {
    { "format", HD_MEMBER_ENUM, 1, 0, hd_formats },
    { "text", HD_MEMBER_TEXT, 0, HD_DOCUMENT_TEXT, NULL },
    { "media_id", HD_MEMBER_UUID, 0, 0, NULL },
    { NULL, 0, 0, 0, NULL }
};

static const hd_member_t  hd_button_members[] = {
    { "type", HD_MEMBER_TEXT, 1, 40, NULL },
    { "text", HD_MEMBER_TEXT, 0, 256, NULL },
    { "url", HD_MEMBER_TEXT, 0, HD_DOCUMENT_TEXT, NULL },
    { "phone_number", HD_MEMBER_TEXT, 0, 64, NULL },
    { "example", HD_MEMBER_TEXT, 0, HD_DOCUMENT_TEXT, NULL },
    { "flow_id", HD_MEMBER_TEXT, 0, 64, NULL },
    { "flow_name", HD_MEMBER_TEXT, 0, 256, NULL },
    { "flow_action", HD_MEMBER_TEXT, 0, 64, NULL },
    { "navigate_screen", HD_MEMBER_TEXT, 0, 256, NULL },
    { "otp_type", HD_MEMBER_ENUM, 0, 0, hd_otp_types },
    { "autofill_text", HD_MEMBER_TEXT, 0, 256, NULL },
    { "package_name", HD_MEMBER_TEXT, 0, 256, NULL },
    { "signature_hash", HD_MEMBER_TEXT, 0, 64, NULL },
    /* what each message gives the button, see buttons.h */
    { "target", HD_MEMBER_TEXT, 0, HD_DOCUMENT_TEXT, NULL },
    { "payload", HD_MEMBER_TEXT, 0, 256, NULL },
    { "code", HD_MEMBER_TEXT, 0, 256, NULL },
    { "flow_token", HD_MEMBER_TEXT, 0, HD_DOCUMENT_VALUE, NULL },
    { "thumbnail_product_retailer_id", HD_MEMBER_TEXT, 0, 256, NULL },
    { NULL, 0, 0, 0, NULL }
};

static const hd_member_t  hd_variable_members[] = {
    { "fallback", HD_MEMBER_TEXT, 0, HD_DOCUMENT_VALUE, NULL },
    { "sample", HD_MEMBER_TEXT, 0, HD_DOCUMENT_VALUE, NULL },
    { "type", HD_MEMBER_ENUM, 0, 0, hd_types },
    { NULL, 0, 0, 0, NULL }
};

static const hd_member_t  hd_authentication_members[] = {
    { "security_recommendation", HD_MEMBER_BOOL, 0, 0, NULL },
    { "code_expiration_minutes", HD_MEMBER_INT, 0, 90, NULL },
    { NULL, 0, 0, 0, NULL }
};

static const hd_member_t  hd_document_members[] = {
    { "header", HD_MEMBER_ANY, 0, 0, NULL },
    { "body", HD_MEMBER_TEXT, 1, HD_DOCUMENT_TEXT, NULL },
    { "footer", HD_MEMBER_TEXT, 0, HD_DOCUMENT_TEXT, NULL },
    { "buttons", HD_MEMBER_ANY, 0, 0, NULL },
    { "variables", HD_MEMBER_ANY, 0, 0, NULL },
    { "authentication", HD_MEMBER_ANY, 0, 0, NULL },
    { "ttl", HD_MEMBER_INT, 0, 2592000, NULL },
    { "components", HD_MEMBER_ANY, 0, 0, NULL },
    /* false: its links go as they are written */
    { "track_clicks", HD_MEMBER_BOOL, 0, 0, NULL },
    { NULL, 0, 0, 0, NULL }
};


/* ── shapes ── */

static void
hd_document_bad(hd_lint_t *l, const char *code, const char *at,
    const char *words)
{
    hd_lint_error(l, code, at, "", "%s", words);
}


static void
hd_document_string(hd_lint_t *l, const hd_member_t *m, const hd_json_t *v,
    const char *at)
{
    size_t              i;
    hd_uuid_t           id;
    const char *const  *e;

    if (v->type != HD_JSON_STRING) {
        hd_document_bad(l, "invalid", at, "expected a string");
        return;
    }

    if (m->type == HD_MEMBER_UUID) {
        if (hd_uuid_parse(&id, v->str.data, v->str.len) != HD_OK) {
            hd_document_bad(l, "invalid", at, "expected an id");
        }

        return;
    }

    if (m->type == HD_MEMBER_TEXT) {
        if (hd_utf8_length(&v->str) > (size_t) m->max) {
            hd_lint_error(l, "too_long", at, "", "expected at most %d "
                          "characters", (int) m->max);
        }

        for (i = 0; i < v->str.len; i++) {
            if (v->str.data[i] < ' ' && v->str.data[i] != '\n'
                && v->str.data[i] != '\r' && v->str.data[i] != '\t')
            {
                hd_document_bad(l, "invalid", at, "expected text without "
                                "control characters");
                break;
            }
        }

        return;
    }

    for (e = m->values; *e; e++) {
        if (strlen(*e) == v->str.len
            && memcmp(*e, v->str.data, v->str.len) == 0)
        {
            return;
        }
    }

    hd_document_bad(l, "invalid", at,
                    m->values == hd_formats
                    ? "expected none, text, image, video, document or "
                      "location"
                    : m->values == hd_types
                    ? "expected text, number, date, currency or url"
                    : "expected copy_code, one_tap or zero_tap");
}


static void
hd_document_member(hd_lint_t *l, const hd_member_t *m, const hd_json_t *v,
    const char *at)
{
    int64_t  n;

    switch (m->type) {

    case HD_MEMBER_ANY:
        break;

    case HD_MEMBER_BOOL:
        if (v->type != HD_JSON_TRUE && v->type != HD_JSON_FALSE) {
            hd_document_bad(l, "invalid", at, "expected true or false");
        }

        break;

    case HD_MEMBER_INT:
        if (hd_json_int(v, &n) != HD_OK || n < 1 || n > m->max) {
            hd_lint_error(l, "invalid", at, "", "expected a whole number "
                          "from 1 to %d", (int) m->max);
        }

        break;

    default:
        hd_document_string(l, m, v, at);
    }
}


static void
hd_document_object(hd_lint_t *l, const hd_member_t *members,
    const hd_json_t *object, const char *path)
{
    char                at[HD_DOCUMENT_AT];
    const hd_json_t    *v;
    const hd_member_t  *m;

    if (object->type != HD_JSON_OBJECT) {
        hd_document_bad(l, "invalid", path, "expected an object");
        return;
    }

    for (v = object->child; v != NULL; v = v->next) {

        (void) snprintf(at, sizeof(at), "%s/%.*s", path,
                        (int) (v->key.len < 64 ? v->key.len : 64),
                        v->key.data);

        for (m = members; m->name; m++) {
            if (strlen(m->name) == v->key.len
                && memcmp(m->name, v->key.data, v->key.len) == 0)
            {
                break;
            }
        }

        if (m->name == NULL) {
            hd_document_bad(l, "unknown_field", at,
                            "there is no such member here");

        } else if (v->type != HD_JSON_NULL) {
            hd_document_member(l, m, v, at);
        }
    }

    for (m = members; m->name; m++) {
        v = hd_json_get(object, m->name);

        if (m->required && (v == NULL || v->type == HD_JSON_NULL)) {
            (void) snprintf(at, sizeof(at), "%s/%s", path, m->name);
            hd_document_bad(l, "required", at, "this field is needed");
        }
    }
}


/* NULL: absent, or null */
static hd_json_t *
hd_document_part(const hd_json_t *document, const char *name)
{
    hd_json_t  *v;

    v = hd_json_get(document, name);

    return v == NULL || v->type == HD_JSON_NULL ? NULL : v;
}


static void
hd_document_array(hd_lint_t *l, const hd_json_t *document, const char *name,
    const hd_member_t *members)
{
    char              at[HD_DOCUMENT_AT], path[32];
    size_t            i;
    const hd_json_t  *v, *e;

    v = hd_document_part(document, name);

    if (v == NULL) {
        return;
    }

    (void) snprintf(path, sizeof(path), "/document/%s", name);

    if (v->type != HD_JSON_ARRAY || v->count > HD_DOCUMENT_BUTTONS) {
        hd_lint_error(l, "invalid", path, "", "expected an array of up to %d "
                      "objects", HD_DOCUMENT_BUTTONS);
        return;
    }

    for (e = v->child, i = 0; e != NULL; e = e->next, i++) {
        (void) snprintf(at, sizeof(at), "%s/%u", path, (unsigned) i);

        if (members) {
            hd_document_object(l, members, e, at);

        } else if (e->type != HD_JSON_OBJECT) {
            hd_document_bad(l, "invalid", at, "expected an object");
        }
    }
}


static int
hd_document_name_ok(const hd_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (!((name->data[i] >= 'a' && name->data[i] <= 'z')
              || (name->data[i] >= '0' && name->data[i] <= '9')
              || name->data[i] == '_' || name->data[i] == '.'))
        {
            return 0;
        }
    }

    return name->len > 0 && name->len <= 64;
}


static void
hd_document_variables(hd_lint_t *l, const hd_json_t *variables)
{
    char              at[HD_DOCUMENT_AT];
    hd_str_t          fallback;
    const hd_json_t  *v;

    if (variables == NULL) {
        return;
    }

    if (variables->type != HD_JSON_OBJECT
        || variables->count > HD_DOCUMENT_VARIABLES)
    {
        hd_lint_error(l, "invalid", "/document/variables", "", "expected an "
                      "object of up to %d variables", HD_DOCUMENT_VARIABLES);
        return;
    }

    for (v = variables->child; v != NULL; v = v->next) {

        (void) snprintf(at, sizeof(at), "/document/variables/%.*s",
                        (int) (v->key.len < 64 ? v->key.len : 64),
                        v->key.data);

        if (!hd_document_name_ok(&v->key)) {
            hd_document_bad(l, "invalid", at, "a variable's name has small "
                            "letters, digits, dots and underscores, at most "
                            "64");
            continue;
        }

        hd_document_object(l, hd_variable_members, v, at);

        fallback = hd_json_str(v, "fallback");

        if (hd_lint_find(fallback.data, fallback.len, "{{", 2)
            || hd_lint_find(fallback.data, fallback.len, "}}", 2)
            || (fallback.len && fallback.data[fallback.len - 1] == '}'))
        {
            (void) snprintf(at, sizeof(at),
                            "/document/variables/%.*s/fallback",
                            (int) v->key.len, v->key.data);
            hd_document_bad(l, "invalid", at, "a fallback holds no braces "
                            "of variables");
        }
    }
}


void
hd_document_check(hd_lint_t *l, const hd_json_t *document)
{
    hd_str_t          format;
    const hd_json_t  *header, *authentication;

    hd_document_object(l, hd_document_members, document, "/document");

    if (document->type != HD_JSON_OBJECT) {
        return;
    }

    header = hd_document_part(document, "header");

    if (header) {
        hd_document_object(l, hd_header_members, header, "/document/header");

        format = hd_json_str(header, "format");

        if (hd_json_str(header, "text").len && !hd_str_eq(&format, "text")) {
            hd_document_bad(l, "invalid", "/document/header/text",
                            "only a header of the format text has one");
        }
    }

    hd_document_array(l, document, "buttons", hd_button_members);
    hd_document_array(l, document, "components", NULL);
    hd_document_variables(l, hd_document_part(document, "variables"));

    authentication = hd_document_part(document, "authentication");

    if (authentication) {
        hd_document_object(l, hd_authentication_members, authentication,
                           "/document/authentication");
    }
}


/* ── what is read from it ── */

hd_str_t
hd_document_format(const hd_json_t *document)
{
    hd_str_t  format;

    format = hd_json_str(hd_json_get(document, "header"), "format");

    if (format.len == 0) {
        hd_str_set(&format, "none");
    }

    return format;
}


/* hd_json_get wants a C string */
static const hd_json_t *
hd_document_find(const hd_json_t *object, const hd_str_t *key)
{
    const hd_json_t  *v, *found;

    if (object == NULL || object->type != HD_JSON_OBJECT) {
        return NULL;
    }

    for (v = object->child, found = NULL; v != NULL; v = v->next) {
        if (v->key.len == key->len
            && memcmp(v->key.data, key->data, key->len) == 0)
        {
            found = v;
        }
    }

    return found;
}


hd_str_t
hd_document_variable(const hd_json_t *document, const hd_str_t *name,
    const char *member)
{
    const hd_json_t  *v;

    v = hd_document_find(hd_json_get(document, "variables"), name);

    return hd_json_str(v, member);
}


static int
hd_document_fill(hd_mem_t *mem, const hd_json_t *document, hd_str_t text,
    hd_str_t *out)
{
    int          rc;
    size_t       i;
    hd_buf_t     b;
    hd_str_t     s, fallback;
    hd_pieces_t  p;

    if (hd_pieces(mem, &text, &p) != HD_OK) {
        return HD_ERROR;
    }

    hd_buf_init(&b);

    for (i = 0; i < p.n; i++) {
        hd_buf_str(&b, &p.pieces[i].before);

        fallback = p.pieces[i].fallback;

        if (fallback.data == NULL) {
            fallback = hd_document_variable(document, &p.pieces[i].name,
                                            "fallback");
        }

        hd_buf_z(&b, "{{");
        hd_buf_str(&b, &p.pieces[i].name);

        if (fallback.len) {
            hd_buf_char(&b, '|');
            hd_buf_str(&b, &fallback);
        }

        hd_buf_z(&b, "}}");
    }

    hd_buf_str(&b, &p.rest);

    s.data = b.data ? b.data : (unsigned char *) "";
    s.len = b.len;

    rc = b.failed ? HD_ERROR : hd_str_dup(mem, &s, out);

    hd_buf_free(&b);

    return rc;
}


int
hd_document_flat(hd_mem_t *mem, const hd_json_t *document,
    hd_document_flat_t *out)
{
    hd_str_t  format, text;

    memset(out, 0, sizeof(hd_document_flat_t));

    format = hd_document_format(document);
    text = hd_json_str(hd_json_get(document, "header"), "text");

    if (hd_str_eq(&format, "text") && text.len
        && hd_document_fill(mem, document, text, &out->header) != HD_OK)
    {
        return HD_ERROR;
    }

    text = hd_json_str(document, "footer");

    if (text.len
        && hd_document_fill(mem, document, text, &out->footer) != HD_OK)
    {
        return HD_ERROR;
    }

    return hd_document_fill(mem, document, hd_json_str(document, "body"),
                            &out->body);
}


void
hd_document_of_flat(hd_buf_t *b, const hd_str_t *header, const hd_str_t *body,
    const hd_str_t *footer)
{
    hd_buf_char(b, '{');

    if (header->len) {
        hd_buf_z(b, "\"header\":{\"format\":\"text\",\"text\":");
        hd_jw_str(b, header);
        hd_buf_z(b, "},");
    }

    hd_buf_z(b, "\"body\":");
    hd_jw_str(b, body);

    if (footer->len) {
        hd_buf_z(b, ",\"footer\":");
        hd_jw_str(b, footer);
    }

    hd_buf_char(b, '}');
}


/* ── names ── */

int
hd_document_is_number(const hd_str_t *name)
{
    size_t  i;

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < '0' || name->data[i] > '9') {
            return 0;
        }
    }

    return name->len > 0;
}


static int
hd_document_number_less(const hd_str_t *a, const hd_str_t *b)
{
    if (a->len != b->len) {
        return a->len < b->len;
    }

    return memcmp(a->data, b->data, a->len) < 0;
}


static void
hd_document_sort(hd_document_name_t *names, size_t n)
{
    size_t              i, j;
    hd_document_name_t  name;

    for (i = 1; i < n; i++) {
        name = names[i];

        for (j = i;
             j && hd_document_number_less(&name.name, &names[j - 1].name);
             j--)
        {
            names[j] = names[j - 1];
        }

        names[j] = name;
    }
}


int
hd_document_names(hd_mem_t *mem, const hd_str_t *text,
    hd_document_name_t **names, size_t *n)
{
    size_t               i, k, numbers;
    hd_pieces_t          p;
    hd_document_name_t  *list;

    *n = 0;

    if (hd_pieces(mem, text, &p) != HD_OK) {
        return HD_ERROR;
    }

    list = hd_calloc(mem, (p.n + 1) * sizeof(hd_document_name_t));
    if (list == NULL) {
        return HD_ERROR;
    }

    for (i = 0, numbers = 0; i < p.n; i++) {

        for (k = 0; k < *n; k++) {
            if (list[k].name.len == p.pieces[i].name.len
                && memcmp(list[k].name.data, p.pieces[i].name.data,
                          list[k].name.len) == 0)
            {
                break;
            }
        }

        if (k == *n) {
            list[k].name = p.pieces[i].name;
            numbers += hd_document_is_number(&list[k].name);
            (*n)++;
        }

        if (list[k].fallback.data == NULL) {
            list[k].fallback = p.pieces[i].fallback;
        }
    }

    if (*n && numbers == *n) {
        hd_document_sort(list, *n);
    }

    *names = list;

    return HD_OK;
}
