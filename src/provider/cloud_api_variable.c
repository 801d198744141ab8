/*
 * cloud_api_variable: the placeholders of a template as Meta has them: without
 * fallbacks, by number or by name, each with a sample for its reviewers.
 */

#include "cloud_api_op.h"


static int
hd_cloud_api_digits_only(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < '0' || s->data[i] > '9') {
            return 0;
        }
    }

    return s->len != 0;
}


static int
hd_cloud_api_is_name(void *ctx, const hd_str_t *name,
    const hd_str_t *fallback)
{
    int *named = ctx;

    (void) fallback;

    if (!hd_cloud_api_digits_only(name)) {
        *named = 1;
    }

    return HD_OK;
}


int
hd_cloud_api_named(const hd_json_t *document)
{
    int       named;
    hd_str_t  s;

    named = 0;

    s = hd_json_str(hd_json_get(document, "header"), "text");
    (void) hd_text_names(&s, hd_cloud_api_is_name, &named);

    s = hd_json_str(document, "body");
    (void) hd_text_names(&s, hd_cloud_api_is_name, &named);

    return named;
}


/* of two names, which goes first: by number, else by place */
static int
hd_cloud_api_after(const hd_str_t *a, const hd_str_t *b)
{
    if (!hd_cloud_api_digits_only(a) || !hd_cloud_api_digits_only(b)) {
        return 0;
    }

    return (a->len != b->len) ? a->len > b->len
                              : memcmp(a->data, b->data, a->len) > 0;
}


int
hd_cloud_api_var(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    hd_cloud_api_vars_t *vars = ctx;

    size_t  i;

    for (i = 0; i < vars->n; i++) {
        if (vars->vars[i].name.len == name->len
            && memcmp(vars->vars[i].name.data, name->data, name->len) == 0)
        {
            return HD_OK;
        }
    }

    if (vars->n == HD_CLOUD_API_VARIABLES) {
        return HD_ERROR;
    }

    for (i = vars->n++;
         i > 0 && hd_cloud_api_after(&vars->vars[i - 1].name, name);
         i--)
    {
        vars->vars[i] = vars->vars[i - 1];
    }

    vars->vars[i].name = *name;
    vars->vars[i].fallback = *fallback;

    return HD_OK;
}


typedef struct {
    hd_mem_t                   *mem;
    const hd_cloud_api_vars_t  *vars;    /* NULL: names */
} hd_cloud_api_names_t;


/* hd_text_lookup_pt: a placeholder without its fallback, as Meta names it; it
 * counts numbers anew in each part */
static int
hd_cloud_api_placeholder(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    hd_cloud_api_names_t *names = ctx;

    int       rc;
    size_t    i;
    hd_buf_t  b;

    hd_buf_init(&b);
    hd_buf_z(&b, "{{");

    if (names->vars == NULL) {
        hd_cloud_api_variable(&b, name);

    } else {
        for (i = 0; i < names->vars->n; i++) {
            if (names->vars->vars[i].name.len == name->len
                && memcmp(names->vars->vars[i].name.data, name->data,
                          name->len)
                   == 0)
            {
                break;
            }
        }

        hd_buf_int(&b, (int64_t) i + 1);
    }

    hd_buf_z(&b, "}}");

    rc = hd_cloud_api_take(names->mem, &b, value);
    hd_buf_free(&b);

    return rc;
}


int
hd_cloud_api_text_for(hd_mem_t *mem, const hd_str_t *text,
    const hd_cloud_api_vars_t *vars, hd_str_t *out)
{
    int                   rc;
    hd_buf_t              b;
    hd_str_t              missing;
    hd_cloud_api_names_t  names;

    names.mem = mem;
    names.vars = vars;

    hd_buf_init(&b);

    rc = hd_text_render(&b, text, hd_cloud_api_placeholder, &names, &missing);

    if (rc == HD_OK) {
        rc = hd_cloud_api_take(mem, &b, out);
    }

    hd_buf_free(&b);

    return rc;
}


/* the sample of a variable, else its fallback; empty: neither */
hd_str_t
hd_cloud_api_sample(const hd_json_t *document, const hd_cloud_api_var_t *var)
{
    hd_str_t    s;
    hd_json_t  *v, *variables;

    variables = hd_json_get(document, "variables");

    if (variables != NULL && variables->type == HD_JSON_OBJECT) {

        for (v = variables->child; v != NULL; v = v->next) {
            if (v->key.len == var->name.len
                && memcmp(v->key.data, var->name.data, v->key.len) == 0)
            {
                s = hd_cloud_api_text(v, "sample");

                if (s.len == 0) {
                    s = hd_cloud_api_text(v, "fallback");
                }

                if (s.len != 0) {
                    return s;
                }
            }
        }
    }

    if (var->fallback.data != NULL) {
        return var->fallback;
    }

    hd_str_set(&s, "");

    return s;
}


int
hd_cloud_api_texts(hd_cloud_api_op_t *op, const hd_json_t *document,
    const hd_str_t *text, const char *part, int named)
{
    size_t               i;
    hd_str_t             s, sample;
    hd_buf_t            *b = &op->b;
    hd_cloud_api_vars_t  vars;

    vars.n = 0;

    if (hd_text_names(text, hd_cloud_api_var, &vars) != HD_OK) {
        return hd_cloud_api_declined(op, "the template has too many "
                                         "variables");
    }

    if (hd_cloud_api_text_for(op->mem, text, named ? NULL : &vars, &s)
        != HD_OK)
    {
        return HD_ERROR;
    }

    hd_cloud_api_member(b, "text", &s);

    if (vars.n == 0) {
        return HD_OK;
    }

    hd_buf_printf(b, ",\"example\":{\"%s%s\":[%s", part,
                  named ? "_named_params" : "",
                  (!named && part[0] == 'b') ? "[" : "");

    for (i = 0; i < vars.n; i++) {

        sample = hd_cloud_api_sample(document, &vars.vars[i]);

        if (sample.len == 0) {
            return hd_cloud_api_declined(op, "a variable has no sample value, "
                                             "and reviewers want one");
        }

        hd_buf_z(b, i == 0 ? "" : ",");

        if (named) {
            hd_buf_z(b, "{\"param_name\":\"");
            hd_cloud_api_variable(b, &vars.vars[i].name);
            hd_buf_z(b, "\",\"example\":");
        }

        hd_jw_str(b, &sample);
        hd_buf_z(b, named ? "}" : "");
    }

    hd_buf_z(b, (!named && part[0] == 'b') ? "]]}" : "]}");

    return HD_OK;
}
