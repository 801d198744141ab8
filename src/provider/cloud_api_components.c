/*
 * cloud_api_components: Meta's components of a template as our document.  What
 * a document has no words for makes it partial.
 */

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "cloud_api_op.h"


typedef struct {
    hd_buf_t         *b;
    hd_buf_t          samples;           /* "name":{"sample":…}, */
    const hd_json_t  *components;
    int64_t           base;              /* numbers of the body's */
    int               partial;
} hd_cloud_api_doc_t;


int
hd_cloud_api_word(const hd_str_t *s, const char *word)
{
    size_t  i;

    for (i = 0; i < s->len && word[i] != '\0'; i++) {
        if (tolower(s->data[i]) != word[i]) {
            return 0;
        }
    }

    return i == s->len && word[i] == '\0';
}


static hd_json_t *
hd_cloud_api_component_of(hd_cloud_api_doc_t *d, const char *type)
{
    hd_str_t    s;
    hd_json_t  *v;

    for (v = d->components->child; v != NULL; v = v->next) {
        s = hd_json_str(v, "type");

        if (hd_cloud_api_word(&s, type)) {
            return v;
        }
    }

    return NULL;
}


/* samples by name, or by number; what repeats is said once */
static void
hd_cloud_api_note_sample(hd_cloud_api_doc_t *d, const hd_str_t *name,
    const hd_str_t *sample)
{
    if (name->len == 0 || sample->len == 0) {
        return;
    }

    hd_jw_str(&d->samples, name);
    hd_buf_z(&d->samples, ":{\"sample\":");
    hd_jw_str(&d->samples, sample);
    hd_buf_z(&d->samples, "},");
}


static void
hd_cloud_api_note_samples(hd_cloud_api_doc_t *d, const hd_json_t *component,
    const char *part, const char *named, int64_t base)
{
    int         len;
    char        number[16];
    size_t      i;
    hd_str_t    name, s;
    hd_json_t  *v, *list, *example;

    example = hd_json_get(component, "example");
    list = hd_json_get(example, named);

    if (list != NULL && list->type == HD_JSON_ARRAY) {
        for (v = list->child; v != NULL; v = v->next) {
            name = hd_json_str(v, "param_name");
            s = hd_cloud_api_text(v, "example");
            hd_cloud_api_note_sample(d, &name, &s);
        }

        return;
    }

    list = hd_json_get(example, part);
    v = (list && list->type == HD_JSON_ARRAY) ? list->child : NULL;

    /* a body's values are a list in a list */
    if (v != NULL && v->type == HD_JSON_ARRAY) {
        v = v->child;
    }

    for (i = 1; v != NULL && i < 100; v = v->next) {
        if (v->type != HD_JSON_STRING) {
            continue;
        }

        len = snprintf(number, sizeof(number), "%" PRId64,
                       base + (int64_t) i++);
        name.data = (unsigned char *) number;
        name.len = (size_t) len;
        hd_cloud_api_note_sample(d, &name, &v->str);
    }
}


/* hd_text_name_pt: the largest number */
static int
hd_cloud_api_doc_number(void *ctx, const hd_str_t *name,
    const hd_str_t *fallback)
{
    int64_t *base = ctx;

    int64_t    n;
    hd_json_t  v;

    (void) fallback;

    memset(&v, 0, sizeof(v));
    v.type = HD_JSON_NUMBER;
    v.str = *name;

    if (hd_json_int(&v, &n) == HD_OK && n > *base && n < 1000) {
        *base = n;
    }

    return HD_OK;
}


/*
 * Meta counts a header's numbers from 1 and the body's again: two variables of
 * one name.  Here the header's go on where the body's end.
 */
static void
hd_cloud_api_doc_text(hd_cloud_api_doc_t *d, const hd_str_t *text)
{
    char      from[32], to[32];
    size_t    i, len;
    int64_t   n, last;
    hd_buf_t  b;
    hd_str_t  s;

    last = 0;
    (void) hd_text_names(text, hd_cloud_api_doc_number, &last);

    hd_buf_init(&b);

    for (i = 0; i < text->len; i++) {

        for (n = 1; d->base > 0 && n <= last && text->data[i] == '{'; n++) {
            len = (size_t) snprintf(from, sizeof(from), "{{%" PRId64 "}}", n);

            if (text->len - i >= len
                && memcmp(text->data + i, from, len) == 0)
            {
                break;
            }
        }

        if (d->base > 0 && n <= last && text->data[i] == '{') {
            (void) snprintf(to, sizeof(to), "{{%" PRId64 "}}", d->base + n);
            hd_buf_z(&b, to);
            i += len - 1;

        } else {
            hd_buf_char(&b, text->data[i]);
        }
    }

    s.data = b.data;
    s.len = b.len;
    hd_cloud_api_put(d->b, "text", &s);

    d->b->failed |= b.failed;
    hd_buf_free(&b);
}


static void
hd_cloud_api_doc_header(hd_cloud_api_doc_t *d)
{
    hd_str_t    s;
    hd_json_t  *v;

    v = hd_cloud_api_component_of(d, "header");
    if (v == NULL) {
        return;
    }

    hd_buf_z(d->b, "\"header\":{");

    s = hd_json_str(v, "format");
    hd_cloud_api_put_lower(d->b, "format", &s);

    if (!hd_cloud_api_word(&s, "text") && !hd_cloud_api_word(&s, "image")
        && !hd_cloud_api_word(&s, "video")
        && !hd_cloud_api_word(&s, "document")
        && !hd_cloud_api_word(&s, "location"))
    {
        d->partial = 1;
    }

    s = hd_json_str(v, "text");

    if (s.len != 0) {
        hd_cloud_api_doc_text(d, &s);
        hd_cloud_api_note_samples(d, v, "header_text",
                                  "header_text_named_params", d->base);
    }

    if (!d->b->failed) {
        d->b->data[d->b->len - 1] = '}';
    }

    hd_buf_char(d->b, ',');
}


static void
hd_cloud_api_doc_button(hd_cloud_api_doc_t *d, const hd_json_t *button)
{
    size_t      i;
    hd_str_t    type, s;
    hd_json_t  *v;

    static const char  *same[] = {
        "package_name", "signature_hash", "text", "url", "phone_number",
        "flow_id", "flow_name", "flow_json", "flow_action",
        "navigate_screen", "autofill_text"
    };

    static const char  *types[] = {
        "quick_reply", "url", "phone_number", "copy_code", "flow", "catalog",
        "mpm", "spm", "otp", "voice_call"
    };

    type = hd_json_str(button, "type");

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (hd_cloud_api_word(&type, types[i])) {
            break;
        }
    }

    if (i == sizeof(types) / sizeof(types[0])) {
        d->partial = 1;
    }

    hd_buf_char(d->b, '{');
    hd_cloud_api_put_lower(d->b, "type", &type);

    for (i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
        s = hd_cloud_api_text(button, same[i]);

        if (s.len != 0) {
            hd_cloud_api_put(d->b, same[i], &s);
        }
    }

    s = hd_json_str(button, "otp_type");

    if (s.len != 0) {
        hd_cloud_api_put_lower(d->b, "otp_type", &s);
    }

    v = hd_json_path(button, "supported_apps.0");

    for (i = 0; v != NULL && i < 2; i++) {
        s = hd_json_str(v, same[i]);
        hd_cloud_api_put(d->b, same[i], &s);
    }

    /* a text, or a list with one */
    v = hd_json_get(button, "example");

    if (v != NULL && v->type == HD_JSON_ARRAY) {
        v = v->child;
    }

    if (v != NULL && v->type == HD_JSON_STRING) {
        hd_cloud_api_put(d->b, "example", &v->str);
    }

    if (!d->b->failed) {
        d->b->data[d->b->len - 1] = '}';
    }
}


static void
hd_cloud_api_doc_authentication(hd_cloud_api_doc_t *d,
    const hd_json_t *body, const hd_json_t *footer)
{
    int64_t     n;
    hd_json_t  *advice;

    advice = hd_json_get(body, "add_security_recommendation");

    if (advice == NULL && hd_json_get(footer, "code_expiration_minutes")
        == NULL)
    {
        return;
    }

    hd_buf_printf(d->b, "\"authentication\":{\"security_recommendation\":%s",
                  hd_cloud_api_true(body, "add_security_recommendation")
                  ? "true" : "false");

    if (hd_cloud_api_int(hd_json_get(footer, "code_expiration_minutes"), &n)
        == HD_OK)
    {
        hd_buf_z(d->b, ",\"code_expiration_minutes\":");
        hd_buf_int(d->b, n);
    }

    hd_buf_z(d->b, "},");
}


/* components that a document has no words for */
static void
hd_cloud_api_doc_rest(hd_cloud_api_doc_t *d)
{
    hd_str_t    s;
    hd_json_t  *v;

    for (v = d->components->child; v != NULL; v = v->next) {
        s = hd_json_str(v, "type");

        if (!hd_cloud_api_word(&s, "header") && !hd_cloud_api_word(&s, "body")
            && !hd_cloud_api_word(&s, "footer")
            && !hd_cloud_api_word(&s, "buttons"))
        {
            d->partial = 1;
        }
    }
}


void
hd_cloud_api_document(hd_buf_t *b, const hd_json_t *components, int *partial)
{
    hd_str_t            s;
    hd_json_t          *body, *footer, *buttons, *v;
    hd_cloud_api_doc_t  d;

    *partial = 0;

    if (components == NULL || components->type != HD_JSON_ARRAY) {
        hd_buf_z(b, "{}");
        return;
    }

    d.b = b;
    d.components = components;
    d.partial = 0;
    hd_buf_init(&d.samples);

    body = hd_cloud_api_component_of(&d, "body");
    footer = hd_cloud_api_component_of(&d, "footer");
    buttons = hd_json_get(hd_cloud_api_component_of(&d, "buttons"),
                          "buttons");

    s = hd_json_str(body, "text");
    d.base = 0;
    (void) hd_text_names(&s, hd_cloud_api_doc_number, &d.base);

    hd_buf_char(b, '{');
    hd_cloud_api_doc_header(&d);
    hd_cloud_api_put(b, "body", &s);
    hd_cloud_api_note_samples(&d, body, "body_text",
                              "body_text_named_params", 0);

    s = hd_json_str(footer, "text");

    if (s.len != 0) {
        hd_cloud_api_put(b, "footer", &s);
    }

    hd_cloud_api_doc_authentication(&d, body, footer);

    hd_buf_z(b, "\"buttons\":[");

    for (v = (buttons && buttons->type == HD_JSON_ARRAY) ? buttons->child
                                                         : NULL;
         v != NULL; v = v->next)
    {
        hd_buf_z(b, v == buttons->child ? "" : ",");
        hd_cloud_api_doc_button(&d, v);
    }

    hd_buf_z(b, "],\"variables\":{");

    if (d.samples.len != 0) {
        hd_buf_add(b, d.samples.data, d.samples.len - 1);
    }

    hd_buf_z(b, "}}");

    if (d.samples.failed) {
        b->failed = 1;
    }

    hd_buf_free(&d.samples);
    hd_cloud_api_doc_rest(&d);
    *partial = d.partial;
}
