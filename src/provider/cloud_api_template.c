/*
 * cloud_api_template: operations on templates.  Our document as Meta's
 * components is in cloud_api_document.c, the way back in
 * cloud_api_components.c.
 */

#include <ctype.h>

#include "cloud_api_op.h"


/* requests */

static void
hd_cloud_api_put_category(hd_buf_t *b, const hd_str_t *category)
{
    size_t  i;

    hd_buf_z(b, "\"category\":\"");

    for (i = 0; i < category->len; i++) {
        if (isalpha(category->data[i]) || category->data[i] == '_') {
            hd_buf_char(b, toupper(category->data[i]));
        }
    }

    hd_buf_z(b, "\",");
}


/* what create and edit have in common: all but the name */
static int
hd_cloud_api_template_parts(hd_cloud_api_op_t *op, const hd_str_t *category)
{
    int         rc, authentication;
    int64_t     ttl;
    hd_json_t  *document;

    document = hd_json_get(op->args, "document");

    if (document == NULL || document->type != HD_JSON_OBJECT) {
        return hd_cloud_api_declined(op, "document is missing");
    }

    authentication = hd_str_eq(category, "authentication");

    if (!authentication && hd_cloud_api_named(document)) {
        hd_buf_z(&op->b, "\"parameter_format\":\"NAMED\",");
    }

    if (hd_cloud_api_int(hd_json_get(document, "ttl"), &ttl) == HD_OK) {
        hd_buf_z(&op->b, "\"message_send_ttl_seconds\":");
        hd_buf_int(&op->b, ttl);
        hd_buf_char(&op->b, ',');
    }

    rc = hd_cloud_api_components(op, document, authentication);
    if (rc != HD_OK) {
        return rc;
    }

    hd_buf_char(&op->b, '}');

    return HD_OK;
}


static int
hd_cloud_api_template_create(hd_cloud_api_op_t *op)
{
    hd_str_t    id, name, language, category;
    hd_json_t  *allow;

    if (hd_cloud_api_business(op, &id) != HD_OK
        || hd_cloud_api_needed(op, "name", "name is missing", &name) != HD_OK
        || hd_cloud_api_needed(op, "language", "language is missing",
                               &language)
           != HD_OK
        || hd_cloud_api_needed(op, "category", "category is missing",
                               &category)
           != HD_OK)
    {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, op->account, &id, "/message_templates");

    if (hd_cloud_api_url(op) != HD_OK) {
        return HD_ERROR;
    }

    hd_buf_char(&op->b, '{');
    hd_cloud_api_member(&op->b, "name", &name);
    hd_buf_char(&op->b, ',');
    hd_cloud_api_member(&op->b, "language", &language);
    hd_buf_char(&op->b, ',');
    hd_cloud_api_put_category(&op->b, &category);

    allow = hd_json_get(op->args, "allow_category_change");

    if (allow != NULL && (allow->type == HD_JSON_TRUE
                          || allow->type == HD_JSON_FALSE))
    {
        hd_buf_z(&op->b, allow->type == HD_JSON_TRUE
                         ? "\"allow_category_change\":true,"
                         : "\"allow_category_change\":false,");
    }

    return hd_cloud_api_template_parts(op, &category);
}


static int
hd_cloud_api_template_edit(hd_cloud_api_op_t *op)
{
    hd_str_t  id, category;

    if (hd_cloud_api_needed(op, "id", "id is missing", &id) != HD_OK) {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, op->account, &id, "");

    if (hd_cloud_api_url(op) != HD_OK) {
        return HD_ERROR;
    }

    hd_buf_char(&op->b, '{');
    category = hd_json_str(op->args, "category");

    if (category.len != 0) {
        hd_cloud_api_put_category(&op->b, &category);
    }

    return hd_cloud_api_template_parts(op, &category);
}


static int
hd_cloud_api_template_delete(hd_cloud_api_op_t *op)
{
    hd_str_t  business, name, id;

    if (hd_cloud_api_business(op, &business) != HD_OK
        || hd_cloud_api_needed(op, "name", "name is missing", &name) != HD_OK)
    {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, op->account, &business, "/message_templates");
    hd_cloud_api_query(op, "name", &name);

    id = hd_cloud_api_text(op->args, "id");

    if (id.len != 0) {
        hd_cloud_api_query(op, "hsm_id", &id);
    }

    return HD_OK;
}


static int
hd_cloud_api_template_list(hd_cloud_api_op_t *op)
{
    size_t    i;
    hd_str_t  id, s;

    static const hd_str_t  fields = hd_str("id,name,language,category,"
        "previous_category,status,quality_score,rejected_reason,"
        "parameter_format,components");

    static const struct {
        const char  *name;
        const char  *as;
    } filters[] = {
        { "cursor", "after" },
        { "limit", "limit" },
        { "name", "name" },
        { "status", "status" }
    };

    if (hd_cloud_api_business(op, &id) != HD_OK) {
        return HD_DECLINED;
    }

    hd_cloud_api_begin(&op->b, op->account, &id, "/message_templates");
    hd_cloud_api_query(op, "fields", &fields);

    for (i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        s = hd_cloud_api_text(op->args, filters[i].name);

        if (s.len != 0) {
            hd_cloud_api_query(op, filters[i].as, &s);
        }
    }

    return HD_OK;
}


/* answers */

static int
hd_cloud_api_template_made(hd_buf_t *b, const hd_json_t *root)
{
    hd_str_t  id, s;

    id = hd_cloud_api_text(root, "id");

    if (id.len == 0 && !hd_cloud_api_true(root, "success")) {
        return HD_ERROR;
    }

    hd_cloud_api_put(b, "id", &id);

    s = hd_json_str(root, "status");
    hd_cloud_api_put_lower(b, "status", &s);

    s = hd_json_str(root, "category");
    hd_cloud_api_put_lower(b, "category", &s);

    return HD_OK;
}


/* Meta's words for why it was refused, as a person would say them */
static const char *
hd_cloud_api_rejected(const hd_str_t *reason)
{
    size_t  i;

    static const struct {
        const char  *reason;
        const char  *words;
    } reasons[] = {
        { "abusive_content", "The content was found abusive." },
        { "incorrect_category", "The content does not fit the category: "
          "choose the one that it is." },
        { "invalid_format", "Placeholders or special characters are not as "
          "they should be: see that each has a sample and none begins or "
          "ends the text." },
        { "scam", "The content looks like a scam." },
        { "promotional", "The content is promotional: make it a marketing "
          "template." },
        { "tag_content_mismatch", "The language or category does not go with "
          "the content." }
    };

    for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        if (hd_cloud_api_word(reason, reasons[i].reason)) {
            return reasons[i].words;
        }
    }

    return NULL;
}


static void
hd_cloud_api_put_template(hd_buf_t *b, const hd_json_t *v)
{
    int         partial;
    hd_str_t    s;
    hd_json_t  *components;
    const char *words;

    s = hd_cloud_api_text(v, "id");
    hd_cloud_api_put(b, "id", &s);

    s = hd_json_str(v, "name");
    hd_cloud_api_put(b, "name", &s);

    s = hd_json_str(v, "language");
    hd_cloud_api_put(b, "language", &s);

    s = hd_json_str(v, "category");
    hd_cloud_api_put_lower(b, "category", &s);

    s = hd_json_str(v, "previous_category");
    hd_cloud_api_put_lower(b, "previous_category", &s);

    s = hd_json_str(v, "status");
    hd_cloud_api_put_lower(b, "status", &s);

    s = hd_json_str(hd_json_get(v, "quality_score"), "score");
    hd_cloud_api_put(b, "quality", &s);

    s = hd_json_str(v, "rejected_reason");

    if (hd_cloud_api_word(&s, "none")) {
        s.len = 0;
    }

    hd_cloud_api_put(b, "rejected_reason", &s);

    words = hd_cloud_api_rejected(&s);

    if (words != NULL) {
        s.data = (unsigned char *) words;
        s.len = strlen(words);
    }

    hd_cloud_api_put(b, "reason", &s);

    s = hd_json_str(v, "parameter_format");
    components = hd_json_get(v, "components");

    hd_buf_printf(b, "\"parameter_format\":\"%s\",\"document\":",
                  hd_cloud_api_word(&s, "named") ? "named" : "positional");
    hd_cloud_api_document(b, components, &partial);

    hd_buf_z(b, partial ? ",\"partial\":true," : ",\"partial\":false,");
    hd_cloud_api_put_json(b, "components", components);
}


static int
hd_cloud_api_templates_found(hd_buf_t *b, const hd_json_t *root)
{
    hd_str_t    s;
    hd_json_t  *list, *v;

    list = hd_json_get(root, "data");

    if (list == NULL || list->type != HD_JSON_ARRAY) {
        return HD_ERROR;
    }

    hd_buf_z(b, "\"templates\":[");

    for (v = list->child; v != NULL; v = v->next) {
        hd_buf_z(b, v == list->child ? "{" : ",{");
        hd_cloud_api_put_template(b, v);

        if (!b->failed) {
            b->data[b->len - 1] = '}';
        }
    }

    hd_buf_z(b, "],");

    s = hd_json_str(hd_json_path(root, "paging.cursors"), "after");

    if (hd_json_path(root, "paging.next") == NULL) {
        s.len = 0;
    }

    hd_cloud_api_put(b, "cursor", &s);

    return HD_OK;
}


hd_cloud_api_op(template_create, "POST", hd_cloud_api_template_create,
                hd_cloud_api_template_made);
hd_cloud_api_op(template_edit, "POST", hd_cloud_api_template_edit,
                hd_cloud_api_template_made);
hd_cloud_api_op(template_delete, "DELETE", hd_cloud_api_template_delete,
                hd_cloud_api_success);
hd_cloud_api_op(template_list, "GET", hd_cloud_api_template_list,
                hd_cloud_api_templates_found);
