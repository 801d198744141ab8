/*
 * Where webhooks of the control API and messages meet templates: what is said
 * of one is so from then on, and a message must fit the one that it names.
 */

#include "graph.h"


void
hd_sb_template_said(hd_sb_number_t *n, const hd_str_t *name,
    const hd_str_t *language, const char *member, const hd_str_t *value)
{
    u_char         text[24];
    hd_buf_t       b;
    hd_str_t       id;
    ngx_pool_t    *pool;
    hd_sb_copy_t   copy;

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return;
    }

    hd_sb_template_id(name, language, &id, text);
    hd_buf_init(&b);

    if (hd_sb_object_get(pool, HD_SB_TEMPLATE, &id, &copy) == HD_OK
        && hd_sb_same(&copy.owner, &n->set.waba_id))
    {
        if (ngx_strcmp(member, "quality_score") == 0) {
            hd_buf_z(&b, "{\"score\":");
            hd_jw_str(&b, value);
            hd_buf_char(&b, '}');

        } else {
            hd_jw_str(&b, value);
        }

        hd_buf_char(&b, '\0');

        if (!b.failed) {
            (void) hd_sb_object_set(HD_SB_TEMPLATE, &copy, member,
                                    (char *) b.data, NULL);
        }
    }

    hd_buf_free(&b);
    ngx_destroy_pool(pool);
}


/* so many variables has a text; the same name twice is one */

static int
hd_sb_template_name(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    struct {
        hd_str_t    names[32];
        ngx_uint_t  n;
    } *seen = ctx;

    ngx_uint_t  i;

    for (i = 0; i < seen->n; i++) {
        if (hd_sb_same(&seen->names[i], name)) {
            return HD_OK;
        }
    }

    if (seen->n < 32) {
        seen->names[seen->n++] = *name;
    }

    return HD_OK;
}


static ngx_uint_t
hd_sb_template_variables(const hd_json_t *component, const char *member)
{
    hd_str_t  text;

    struct {
        hd_str_t    names[32];
        ngx_uint_t  n;
    } seen;

    seen.n = 0;
    text = hd_json_str(component, member);
    (void) hd_text_names(&text, hd_sb_template_name, &seen);

    return seen.n;
}


/* the buttons whose address has a variable need their value */

static int64_t
hd_sb_template_buttons(const hd_json_t *t, const hd_json_t *message,
    const char **details)
{
    int64_t      at;
    hd_str_t     type;
    ngx_uint_t   i, given;
    hd_json_t   *v, *c;

    v = hd_json_get(hd_sb_component(t, "buttons"), "buttons");

    for (v = v ? v->child : NULL, i = 0; v != NULL; v = v->next, i++) {

        type = hd_json_str(v, "type");

        if (!(hd_str_eq(&type, "OTP")
              || (hd_str_eq(&type, "URL")
                  && hd_sb_template_variables(v, "url") > 0)))
        {
            continue;
        }

        c = hd_json_get(message, "components");
        given = 0;

        for (c = c ? c->child : NULL; c != NULL; c = c->next) {
            type = hd_json_str(c, "type");
            at = -1;

            if (hd_json_get(c, "index") != NULL) {
                at = ngx_atoi(hd_json_get(c, "index")->str.data,
                              hd_json_get(c, "index")->str.len);
            }

            given |= (hd_str_eq(&type, "button") && at == (int64_t) i);
        }

        if (!given) {
            *details = "A button's parameter is missing.";
            return 131008;
        }
    }

    return 0;
}


int64_t
hd_sb_template_check(hd_sb_number_t *n, const hd_json_t *message,
    const char **details, ngx_uint_t *category)
{
    u_char         text[24];
    int64_t        code;
    hd_str_t       name, language, id, s;
    hd_json_t     *header, *params;
    ngx_pool_t    *pool;
    ngx_uint_t     need;
    hd_sb_copy_t   copy;

    if (hd_sb.sh->objects == NULL) {
        return -1;
    }

    pool = ngx_create_pool(4096, ngx_cycle->log);
    if (pool == NULL) {
        return -1;
    }

    name = hd_json_str(message, "name");
    language = hd_json_str(hd_json_get(message, "language"), "code");
    hd_sb_template_id(&name, &language, &id, text);

    if (hd_sb_object_get(pool, HD_SB_TEMPLATE, &id, &copy) != HD_OK
        || !hd_sb_same(&copy.owner, &n->set.waba_id))
    {
        ngx_destroy_pool(pool);
        return -1;
    }

    s = hd_json_str(copy.v, "category");
    *category = (s.len && (s.data[0] == 'U' || s.data[0] == 'u'))
                ? HD_SB_UTILITY
                : (s.len && (s.data[0] == 'A' || s.data[0] == 'a'))
                  ? HD_SB_AUTHENTICATION : HD_SB_MARKETING;

    s = hd_json_str(copy.v, "status");
    code = hd_str_eq(&s, "APPROVED") ? 0
           : hd_str_eq(&s, "PAUSED") ? 132015
           : hd_str_eq(&s, "DISABLED") ? 132016 : 132001;

    header = hd_sb_component(copy.v, "header");
    s = hd_json_str(header, "format");
    params = hd_json_get(hd_sb_component(message, "header"), "parameters");

    need = (s.len == 0) ? 0
           : hd_str_eq(&s, "TEXT") ? hd_sb_template_variables(header, "text")
           : 1;

    if (code == 0 && need != (params ? params->count : 0)) {
        *details = "The header's parameters do not match the template's.";
        code = hd_str_eq(&s, "TEXT") ? 132000 : 132012;
    }

    params = hd_json_get(hd_sb_component(message, "body"), "parameters");
    need = hd_sb_template_variables(hd_sb_component(copy.v, "body"), "text");

    if (hd_json_get(hd_sb_component(copy.v, "body"), "text") == NULL) {
        need = 1;                      /* a code */
    }

    if (code == 0 && need != (params ? params->count : 0)) {
        code = 132000;
    }

    if (code == 0) {
        code = hd_sb_template_buttons(copy.v, message, details);
    }

    ngx_destroy_pool(pool);

    return code;
}
