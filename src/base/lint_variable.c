/*
 * lint: the variables of a text.  WhatsApp knows two ways: numbers from 1
 * without gaps, or names of small letters, digits and underscores; each wants
 * a sample for the reviewers.
 */

#include "lint.h"

#include <stdio.h>


#define HD_LINT_POINTER  160


/* "1", "2"…; a name that is a number must be one of these */
static int
hd_lint_number(const hd_str_t *name, size_t *n)
{
    size_t  i;

    *n = 0;

    if (name->len > 4) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        if (name->data[i] < '0' || name->data[i] > '9') {
            return 0;
        }

        *n = *n * 10 + (name->data[i] - '0');
    }

    return *n > 0;
}


static void
hd_lint_numbers(hd_lint_t *l, const hd_document_name_t *names, size_t n,
    const char *pointer)
{
    size_t  i, number, numbers;

    numbers = 0;

    for (i = 0; i < n; i++) {
        numbers += hd_document_is_number(&names[i].name);
    }

    if (numbers && numbers != n) {
        hd_lint_error(l, "variables_mixed", pointer,
                      "Use either numbers ({{1}}) or names ({{first_name}}).",
                      "Numbers and names stand side by side.");
        return;
    }

    for (i = 0; numbers && i < n; i++) {
        if (!hd_lint_number(&names[i].name, &number) || number != i + 1) {
            hd_lint_error(l, "variables_numbers", pointer,
                          "Number them {{1}}, {{2}}, {{3}} without a gap.",
                          "{{%d}} is missing.", (int) i + 1);
            return;
        }
    }
}


/* a line break or a run of spaces is refused in a value when it is sent */
static int
hd_lint_value_bad(const hd_str_t *value)
{
    size_t  i, spaces;

    for (i = 0, spaces = 0; i < value->len; i++) {
        if (value->data[i] == '\n' || value->data[i] == '\r'
            || value->data[i] == '\t')
        {
            return 1;
        }

        spaces = value->data[i] == ' ' ? spaces + 1 : 0;

        if (spaces > 4) {
            return 1;
        }
    }

    return 0;
}


static int
hd_lint_has_digit(const hd_str_t *value)
{
    size_t  i;

    for (i = 0; i < value->len; i++) {
        /* Arabic-Indic and Devanagari ones are two and three bytes long */
        if ((value->data[i] >= '0' && value->data[i] <= '9')
            || value->data[i] >= 0x80)
        {
            return 1;
        }
    }

    return 0;
}


static void
hd_lint_typed(hd_lint_t *l, const hd_json_t *document, const hd_str_t *name,
    const hd_str_t *value, const char *member)
{
    char      pointer[HD_LINT_POINTER];
    hd_str_t  type;

    if (value->len == 0) {
        return;
    }

    (void) snprintf(pointer, sizeof(pointer), "/document/variables/%.*s/%s",
                    (int) name->len, name->data, member);

    if (hd_lint_value_bad(value)) {
        hd_lint_error(l, "value_spaces", pointer, "Write it on one line.",
                      "A value has no line breaks, no tabs and no more than "
                      "four spaces in a row.");
    }

    type = hd_document_variable(document, name, "type");

    if ((hd_str_eq(&type, "number") || hd_str_eq(&type, "currency")
         || hd_str_eq(&type, "date")) && !hd_lint_has_digit(value))
    {
        hd_lint_warning(l, "value_type", pointer,
                        "Write one as people will see it, or call it text.",
                        "\"%.*s\" is no %.*s.",
                        (int) (value->len < 64 ? value->len : 64),
                        value->data, (int) type.len, type.data);
    }

    if (hd_str_eq(&type, "url")
        && !(value->len > 8 && memcmp(value->data, "https://", 8) == 0)
        && !(value->len > 7 && memcmp(value->data, "http://", 7) == 0))
    {
        hd_lint_warning(l, "value_type", pointer,
                        "Write a whole address with https://.",
                        "\"%.*s\" is no web address.",
                        (int) (value->len < 64 ? value->len : 64),
                        value->data);
    }
}


static void
hd_lint_sample(hd_lint_t *l, const hd_json_t *document,
    const hd_document_name_t *n)
{
    char      pointer[HD_LINT_POINTER];
    hd_str_t  sample, fallback;

    sample = hd_document_variable(document, &n->name, "sample");
    fallback = hd_document_variable(document, &n->name, "fallback");

    if (sample.len == 0 && fallback.len == 0 && n->fallback.len == 0) {

        (void) snprintf(pointer, sizeof(pointer),
                        "/document/variables/%.*s/sample",
                        (int) n->name.len, n->name.data);

        hd_lint_error(l, "sample_missing", pointer,
                      "Give one as it would be sent.",
                      "WhatsApp's reviewers want a sample for {{%.*s}}.",
                      (int) n->name.len, n->name.data);
    }

    hd_lint_typed(l, document, &n->name, &sample, "sample");
    hd_lint_typed(l, document, &n->name, &fallback, "fallback");
}


int
hd_lint_variables(hd_lint_t *l, const hd_lint_template_t *t,
    const hd_str_t *text, const char *pointer)
{
    size_t               i, n;
    hd_pieces_t          p;
    hd_document_name_t  *names;

    if (hd_pieces(l->mem, text, &p) != HD_OK
        || hd_document_names(l->mem, text, &names, &n) != HD_OK)
    {
        return HD_ERROR;
    }

    if (p.begun != p.n) {
        hd_lint_error(l, "variable_malformed", pointer,
                      "Write {{name}} or {{name|fallback}}.",
                      "There is a \"{{\" that begins no variable.");
    }

    hd_lint_numbers(l, names, n, pointer);

    for (i = 0; i < n; i++) {

        if (!hd_document_is_number(&names[i].name)
            && names[i].name.data[0] >= '0' && names[i].name.data[0] <= '9')
        {
            hd_lint_warning(l, "variable_name", pointer,
                            "Begin its name with a letter.",
                            "WhatsApp may take {{%.*s}} for a number.",
                            (int) names[i].name.len, names[i].name.data);
        }

        hd_lint_sample(l, t->document, &names[i]);
    }

    return HD_OK;
}
