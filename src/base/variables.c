/*
 * variables: where the placeholders of a template take their values.
 */

#include "variables.h"


#define HD_FIELDS_PREFIX  "fields."


static const struct {
    hd_str_t    name;
    size_t      offset;
} hd_variables_columns[] = {
    { hd_str("name"), offsetof(hd_variables_t, name) },
    { hd_str("first_name"), offsetof(hd_variables_t, first_name) },
    { hd_str("last_name"), offsetof(hd_variables_t, last_name) },
    { hd_str("phone"), offsetof(hd_variables_t, phone) },
    { hd_str("email"), offsetof(hd_variables_t, email) },
    { hd_str("language"), offsetof(hd_variables_t, language) }
};

#define HD_NCOLUMNS                                                           \
    (sizeof(hd_variables_columns) / sizeof(hd_variables_columns[0]))


/* the last member of that name; hd_json_get wants a C string */
static hd_json_t *
hd_variables_member(hd_json_t *obj, const unsigned char *key, size_t len)
{
    hd_json_t  *v, *found;

    found = NULL;

    if (obj == NULL || obj->type != HD_JSON_OBJECT) {
        return NULL;
    }

    for (v = obj->child; v != NULL; v = v->next) {
        if (v->key.len == len && memcmp(v->key.data, key, len) == 0) {
            found = v;
        }
    }

    return found;
}


static int
hd_variables_scalar(hd_json_t *v, hd_str_t *value)
{
    if (v == NULL) {
        return HD_ERROR;
    }

    switch (v->type) {

    case HD_JSON_STRING:
    case HD_JSON_NUMBER:
        *value = v->str;
        return HD_OK;

    case HD_JSON_TRUE:
        hd_str_set(value, "true");
        return HD_OK;

    case HD_JSON_FALSE:
        hd_str_set(value, "false");
        return HD_OK;

    default:
        return HD_ERROR;
    }
}


static int
hd_variables_column(const hd_str_t *name)
{
    size_t  i;

    for (i = 0; i < HD_NCOLUMNS; i++) {
        if (name->len == hd_variables_columns[i].name.len
            && memcmp(name->data, hd_variables_columns[i].name.data,
                      name->len) == 0)
        {
            return (int) i;
        }
    }

    return -1;
}


static int
hd_variables_is_field(const hd_str_t *name)
{
    size_t  len;

    len = sizeof(HD_FIELDS_PREFIX) - 1;

    return name->len > len && memcmp(name->data, HD_FIELDS_PREFIX, len) == 0;
}


int
hd_variables_is_contact(const hd_str_t *name)
{
    return hd_variables_column(name) >= 0 || hd_variables_is_field(name);
}


int
hd_variables_contact(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    hd_variables_t *v = ctx;

    int     i;
    size_t  len;

    i = hd_variables_column(name);

    if (i >= 0) {
        *value = *(hd_str_t *) ((char *) v + hd_variables_columns[i].offset);
        return HD_OK;
    }

    if (hd_variables_is_field(name)) {
        len = sizeof(HD_FIELDS_PREFIX) - 1;

        return hd_variables_scalar(hd_variables_member(v->fields,
                                       name->data + len, name->len - len),
                                   value);
    }

    return hd_variables_scalar(hd_variables_member(v->fields, name->data,
                                                   name->len),
                               value);
}


int
hd_variables_lookup(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    hd_variables_t *v = ctx;

    int        rc;
    hd_buf_t   b;
    hd_str_t   text, missing;
    hd_json_t *member;

    member = hd_variables_member(v->map, name->data, name->len);

    if (member == NULL) {
        return hd_variables_contact(ctx, name, value);
    }

    if (hd_variables_scalar(member, value) != HD_OK) {
        return HD_ERROR;
    }

    if (value->len < 2 || memchr(value->data, '{', value->len) == NULL) {
        return HD_OK;
    }

    hd_buf_init(&b);

    rc = hd_text_render(&b, value, hd_variables_contact, v, &missing);

    if (rc == HD_OK) {
        text.data = b.data;
        text.len = b.len;
        rc = hd_str_dup(&v->mem, &text, value);
    }

    hd_buf_free(&b);

    return rc;
}
