/*
 * buttons: one row for each kind of button that takes a value.
 */

#include <stdio.h>
#include <strings.h>

#include "buttons.h"


typedef struct {
    const char  *type;
    const char  *sub_type;
    const char  *member;               /* its text is the value */
    const char  *otherwise;            /* or that of this member */
    const char  *literal;              /* or this; NULL: then it needs none */
} hd_button_kind_t;


static const hd_button_kind_t  hd_button_kinds[] = {
    { "url", "url", "url", NULL, NULL },
    { "copy_code", "copy_code", "code", "example", NULL },
    { "quick_reply", "quick_reply", "payload", NULL, NULL },
    { "flow", "flow", "flow_token", NULL, "unused" },
    { "otp", "otp", "code", NULL, "{{1}}" },
    { "catalog", "catalog", "thumbnail_product_retailer_id", NULL, NULL },
    { "mpm", "mpm", "thumbnail_product_retailer_id", NULL, NULL }
};


static const hd_button_kind_t *
hd_button_kind(const hd_str_t *type)
{
    size_t  i;

    for (i = 0; i < sizeof(hd_button_kinds) / sizeof(hd_button_kinds[0]); i++)
    {
        if (strlen(hd_button_kinds[i].type) == type->len
            && strncasecmp(hd_button_kinds[i].type, (char *) type->data,
                           type->len) == 0)
        {
            return &hd_button_kinds[i];
        }
    }

    return NULL;
}


/* the value that was given for this one; NULL data: none */
static hd_str_t
hd_button_given(const hd_json_t *given, unsigned index)
{
    int64_t           n;
    hd_str_t          none;
    const hd_json_t  *e, *v;

    none.data = NULL;
    none.len = 0;

    for (e = given ? given->child : NULL; e; e = e->next) {
        v = hd_json_get(e, "index");

        if (v && hd_json_int(v, &n) == HD_OK && n == (int64_t) index) {
            return hd_json_str(e, "value");
        }
    }

    return none;
}


typedef struct {
    hd_text_lookup_pt   lookup;
    void               *ctx;
    const hd_json_t    *variables;     /* of the document */
} hd_button_values_t;


/* the contact's, else what the document says for whoever has none */
static int
hd_button_lookup(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    hd_button_values_t *v = ctx;

    const hd_json_t  *e;

    if (v->lookup(v->ctx, name, value) == HD_OK && value->len != 0) {
        return HD_OK;
    }

    for (e = v->variables ? v->variables->child : NULL; e; e = e->next) {
        if (e->key.len == name->len
            && memcmp(e->key.data, name->data, name->len) == 0)
        {
            *value = hd_json_str(e, "fallback");
            return value->len != 0 ? HD_OK : HD_ERROR;
        }
    }

    return HD_ERROR;
}


static int
hd_button_render(hd_mem_t *mem, const hd_str_t *text,
    hd_button_values_t *values, hd_str_t *value, hd_str_t *missing)
{
    int       rc;
    hd_buf_t  b;
    hd_str_t  s;

    hd_buf_init(&b);

    rc = hd_text_render(&b, text, hd_button_lookup, values, missing);

    if (rc == HD_OK) {
        s.data = b.data ? b.data : (unsigned char *) "";
        s.len = b.len;
        missing->len = 0;
        rc = hd_str_dup(mem, &s, value);
    }

    hd_buf_free(&b);

    return rc;
}


/* from the first placeholder on; len 0: there is none */
static hd_str_t
hd_button_tail(const hd_str_t *url)
{
    size_t    i;
    hd_str_t  tail;

    for (i = 0; i + 1 < url->len; i++) {
        if (url->data[i] == '{' && url->data[i + 1] == '{') {
            tail.data = url->data + i;
            tail.len = url->len - i;
            return tail;
        }
    }

    tail.data = url->data;
    tail.len = 0;

    return tail;
}


/* the text that its value is made of; len 0: it needs none */
static hd_str_t
hd_button_text(const hd_button_kind_t *kind, const hd_json_t *button)
{
    hd_str_t  s;

    s = hd_json_str(button, kind->member);

    if (kind->type[0] == 'u') {
        return hd_button_tail(&s);
    }

    if (s.len == 0 && kind->otherwise) {
        s = hd_json_str(button, kind->otherwise);
    }

    if (s.len == 0 && kind->literal) {
        s.data = (unsigned char *) kind->literal;
        s.len = strlen(kind->literal);
    }

    return s;
}


int
hd_buttons(hd_mem_t *mem, const hd_json_t *document, const hd_json_t *given,
    hd_text_lookup_pt lookup, void *ctx, hd_button_t out[HD_BUTTONS_MAX],
    size_t *n, hd_str_t *missing)
{
    hd_str_t                 type, text, target, value;
    unsigned                 index;
    hd_button_t             *b;
    const hd_json_t         *e, *list;
    hd_button_values_t       values;
    const hd_button_kind_t  *kind;

    *n = 0;
    missing->len = 0;

    list = hd_json_get(document, "buttons");

    values.lookup = lookup;
    values.ctx = ctx;
    values.variables = hd_json_get(document, "variables");

    if (list == NULL || list->type != HD_JSON_ARRAY) {
        return HD_OK;
    }

    for (e = list->child, index = 0;
         e && index < HD_BUTTONS_MAX;
         e = e->next, index++)
    {
        type = hd_json_str(e, "type");
        kind = hd_button_kind(&type);

        if (kind == NULL) {
            continue;
        }

        value = hd_button_given(given, index);
        text = hd_button_text(kind, e);
        target = hd_json_str(e, "target");

        if (value.data == NULL && text.len == 0) {
            continue;
        }

        b = &out[*n];
        memset(b, 0, sizeof(hd_button_t));
        b->index = index;
        b->sub_type = kind->sub_type;

        if (value.data) {
            b->value = value;

        } else if (target.len && kind->type[0] == 'u') {
            if (hd_button_render(mem, &target, &values, &b->target, missing) != HD_OK)
            {
                return HD_ERROR;
            }

        } else if (hd_button_render(mem, &text, &values, &b->value, missing) != HD_OK)
        {
            return HD_ERROR;
        }

        (*n)++;
    }

    return HD_OK;
}


const char *
hd_header_file(const hd_json_t *document)
{
    size_t    i;
    hd_str_t  format;

    static const char *const  formats[] = { "image", "video", "document" };

    format = hd_json_str(hd_json_get(document, "header"), "format");

    for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
        if (strlen(formats[i]) == format.len
            && strncasecmp(formats[i], (char *) format.data, format.len) == 0)
        {
            return formats[i];
        }
    }

    return NULL;
}
