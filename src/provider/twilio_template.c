/*
 * twilio_template: our template document as Twilio's content types; the way
 * back is in twilio_content.c.
 *
 *     what it has                    type
 *     a code of authentication       whatsapp/authentication
 *     header, footer, mixed buttons  whatsapp/card
 *     quick replies only             twilio/quick-reply
 *     other buttons only             twilio/call-to-action
 *     a body                         twilio/text
 *
 * WhatsApp takes only numbers as names at Twilio, and they count over the
 * whole template: the header's placeholders first, then the body's, then one
 * for each button that has one.  twilio.c sends the values in that order.
 */

#include <stdio.h>

#include "twilio.h"


#define HD_TWILIO_VARS  100


typedef struct {
    hd_str_t    name;
    hd_str_t    sample;
} hd_twilio_var_t;

typedef struct {
    const hd_json_t  *document;
    hd_twilio_var_t   vars[HD_TWILIO_VARS];
    size_t            n;
    size_t            from;            /* of the part being written */
    size_t            until;
    hd_mem_t         *mem;
} hd_twilio_vars_t;


static int
hd_twilio_var_digits(const hd_str_t *s)
{
    return s->len != 0 && s->data[0] >= '0' && s->data[0] <= '9';
}


/* of two names, which goes first: by number, else by place */
static int
hd_twilio_var_after(const hd_str_t *a, const hd_str_t *b)
{
    if (!hd_twilio_var_digits(a) || !hd_twilio_var_digits(b)) {
        return 0;
    }

    return (a->len != b->len) ? a->len > b->len
                              : memcmp(a->data, b->data, a->len) > 0;
}


static int
hd_twilio_var_same(const hd_str_t *a, const hd_str_t *b)
{
    return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}


/* hd_text_name_pt: each of a part once */
static int
hd_twilio_var(void *ctx, const hd_str_t *name, const hd_str_t *fallback)
{
    hd_twilio_vars_t *v = ctx;

    char         key[80];
    size_t       i;
    hd_json_t   *all;
    hd_str_t     sample;

    for (i = v->from; i < v->n; i++) {
        if (hd_twilio_var_same(&v->vars[i].name, name)) {
            return HD_OK;
        }
    }

    if (v->n == HD_TWILIO_VARS) {
        return HD_ERROR;
    }

    (void) snprintf(key, sizeof(key), "%.*s", (int) name->len, name->data);
    all = hd_json_get(v->document, "variables");
    sample = hd_json_str(hd_json_get(all, key), "sample");

    if (sample.len == 0) {
        sample = fallback->len ? *fallback : *name;
    }

    for (i = v->n++;
         i > v->from && hd_twilio_var_after(&v->vars[i - 1].name, name);
         i--)
    {
        v->vars[i] = v->vars[i - 1];
    }

    v->vars[i].name = *name;
    v->vars[i].sample = sample;

    return HD_OK;
}


/* hd_text_lookup_pt: "{{3}}" */
static int
hd_twilio_var_number(void *ctx, const hd_str_t *name, hd_str_t *value)
{
    hd_twilio_vars_t *v = ctx;

    char    text[16];
    size_t  i;
    hd_str_t  s;

    for (i = v->from; i < v->until; i++) {
        if (hd_twilio_var_same(&v->vars[i].name, name)) {
            break;
        }
    }

    s.data = (unsigned char *) text;
    s.len = (size_t) snprintf(text, sizeof(text), "{{%u}}",
                              (unsigned) i + 1);

    return hd_str_dup(v->mem, &s, value);
}


/* a text of the document as a JSON string, its placeholders numbered */
static int
hd_twilio_text(hd_twilio_vars_t *v, hd_buf_t *b, const hd_str_t *text)
{
    int       rc;
    hd_buf_t  t;
    hd_str_t  s, missing;

    v->from = v->n;

    if (hd_text_names(text, hd_twilio_var, v) != HD_OK) {
        return HD_ERROR;
    }

    v->until = v->n;

    hd_buf_init(&t);
    rc = hd_text_render(&t, text, hd_twilio_var_number, v, &missing);

    s.data = t.data;
    s.len = t.len;

    if (rc == HD_OK) {
        hd_jw_str(b, &s);
    }

    hd_buf_free(&t);

    return rc;
}


const hd_twilio_button_t  hd_twilio_buttons[HD_TWILIO_NBUTTONS] = {
    { "quick_reply", "QUICK_REPLY" },
    { "url", "URL" },
    { "phone_number", "PHONE_NUMBER" },
    { "copy_code", "COPY_CODE" },
    { "voice_call", "VOICE_CALL" }
};


static int
hd_twilio_button(hd_twilio_vars_t *v, hd_buf_t *b, const hd_json_t *button)
{
    size_t    i;
    hd_str_t  type, s;

    type = hd_json_str(button, "type");

    for (i = 0; i < HD_TWILIO_NBUTTONS; i++) {
        if (type.len == strlen(hd_twilio_buttons[i].ours)
            && memcmp(hd_twilio_buttons[i].ours, type.data, type.len) == 0)
        {
            break;
        }
    }

    if (i == HD_TWILIO_NBUTTONS) {
        return HD_DECLINED;
    }

    hd_buf_printf(b, "{\"type\":\"%s\",\"title\":", hd_twilio_buttons[i].type);
    s = hd_json_str(button, "text");

    if (s.len == 0) {
        hd_str_set(&s, "Copy code");
    }

    hd_jw_str(b, &s);

    if (i == 0) {
        /* what comes back when it is pressed */
        hd_buf_z(b, ",\"id\":");
        hd_jw_str(b, &s);

    } else if (i == 1) {
        hd_buf_z(b, ",\"url\":");
        s = hd_json_str(button, "url");

        if (hd_twilio_text(v, b, &s) != HD_OK) {
            return HD_ERROR;
        }

    } else if (i == 2) {
        hd_buf_z(b, ",\"phone\":");
        s = hd_json_str(button, "phone_number");
        hd_jw_str(b, &s);

    } else if (i == 3) {
        hd_buf_z(b, ",\"code\":");
        hd_str_set(&s, "{{copy_code}}");

        if (hd_twilio_text(v, b, &s) != HD_OK) {
            return HD_ERROR;
        }

        s = hd_json_str(button, "example");

        if (s.len != 0 && v->n != 0) {
            v->vars[v->n - 1].sample = s;
        }
    }

    hd_buf_char(b, '}');

    return HD_OK;
}


static int
hd_twilio_actions(hd_twilio_vars_t *v, hd_buf_t *b, const hd_json_t *buttons)
{
    int         rc;
    hd_json_t  *e;

    if (buttons == NULL || buttons->count == 0) {
        return HD_OK;
    }

    hd_buf_z(b, ",\"actions\":[");

    for (e = buttons->child; e != NULL; e = e->next) {

        if (e != buttons->child) {
            hd_buf_char(b, ',');
        }

        rc = hd_twilio_button(v, b, e);
        if (rc != HD_OK) {
            return rc;
        }
    }

    hd_buf_char(b, ']');

    return HD_OK;
}


/* what kind of content it takes */
static const char *
hd_twilio_content_type(const hd_json_t *document, const hd_str_t *format)
{
    size_t      replies, others;
    hd_str_t    type;
    hd_json_t  *v;

    replies = 0;
    others = 0;
    v = hd_json_get(document, "buttons");

    for (v = v ? v->child : NULL; v != NULL; v = v->next) {
        type = hd_json_str(v, "type");

        if (hd_str_eq(&type, "quick_reply")) {
            replies++;

        } else {
            others++;
        }
    }

    if (format->len != 0 || hd_json_str(document, "footer").len != 0
        || (replies != 0 && others != 0))
    {
        return "whatsapp/card";
    }

    if (replies != 0) {
        return "twilio/quick-reply";
    }

    return others ? "twilio/call-to-action" : "twilio/text";
}


static int
hd_twilio_code(hd_buf_t *b, const hd_json_t *document, hd_twilio_vars_t *v)
{
    int64_t     minutes;
    hd_str_t    text;
    hd_json_t  *a, *advice, *button;

    static const hd_str_t  code = hd_str("code");
    static const hd_str_t  sample = hd_str("123456");

    a = hd_json_get(document, "authentication");
    advice = hd_json_get(a, "security_recommendation");
    button = hd_json_get(document, "buttons");
    button = button ? button->child : NULL;
    text = hd_json_str(button, "text");

    if (text.len == 0) {
        hd_str_set(&text, "Copy code");
    }

    hd_buf_printf(b, "\"whatsapp/authentication\":{"
                  "\"add_security_recommendation\":%s",
                  (advice != NULL && advice->type == HD_JSON_FALSE)
                  ? "false" : "true");

    if (hd_json_get(a, "code_expiration_minutes") != NULL
        && hd_json_int(hd_json_get(a, "code_expiration_minutes"), &minutes)
           == HD_OK)
    {
        hd_buf_z(b, ",\"code_expiration_minutes\":");
        hd_buf_int(b, minutes);
    }

    hd_buf_z(b, ",\"actions\":[{\"type\":\"COPY_CODE\",\"copy_code_text\":");
    hd_jw_str(b, &text);
    hd_buf_z(b, "}]}");

    v->vars[0].name = code;
    v->vars[0].sample = sample;
    v->n = 1;

    return HD_OK;
}


/* the header's part of a card, its comma after it; *why when it cannot be */
static int
hd_twilio_header(hd_twilio_vars_t *v, hd_buf_t *b, const hd_json_t *args,
    const hd_str_t *format, const char **why)
{
    hd_str_t  s;

    if (format->len == 0) {
        return HD_OK;
    }

    if (hd_str_eq(format, "text")) {
        s = hd_json_str(hd_json_get(v->document, "header"), "text");
        hd_buf_z(b, "\"header_text\":");

        if (hd_twilio_text(v, b, &s) != HD_OK) {
            return HD_ERROR;
        }

    } else if (hd_str_eq(format, "location")) {
        *why = "Twilio has no templates with a location in the header";
        return HD_DECLINED;

    } else {
        s = hd_json_str(args, "link");

        if (s.len == 0) {
            *why = "the header's file has no address: link is missing";
            return HD_DECLINED;
        }

        hd_buf_z(b, "\"media\":[");
        hd_jw_str(b, &s);
        hd_buf_char(b, ']');
    }

    hd_buf_char(b, ',');

    return HD_OK;
}


static int
hd_twilio_types(hd_twilio_vars_t *v, hd_buf_t *b, const hd_json_t *args,
    const char **why)
{
    int         rc;
    hd_str_t    s, format;
    hd_json_t  *header;
    const char *type;

    s = hd_json_str(args, "category");

    if (hd_str_eq(&s, "authentication")) {
        return hd_twilio_code(b, v->document, v);
    }

    header = hd_json_get(v->document, "header");
    format = hd_json_str(header, "format");

    if (format.len == 0 && hd_json_str(header, "text").len != 0) {
        hd_str_set(&format, "text");
    }

    if (hd_str_eq(&format, "none")) {
        format.len = 0;
    }

    type = hd_twilio_content_type(v->document, &format);
    hd_buf_printf(b, "\"%s\":{", type);

    rc = hd_twilio_header(v, b, args, &format, why);

    if (rc == HD_OK) {
        hd_buf_z(b, "\"body\":");
        s = hd_json_str(v->document, "body");
        rc = hd_twilio_text(v, b, &s);
    }

    s = hd_json_str(v->document, "footer");

    if (rc == HD_OK && s.len != 0) {
        hd_buf_z(b, ",\"footer\":");
        hd_jw_str(b, &s);
    }

    if (rc == HD_OK) {
        rc = hd_twilio_actions(v, b, hd_json_get(v->document, "buttons"));

        if (rc == HD_DECLINED) {
            *why = "a button has a type that Twilio's templates do not know";
        }
    }

    hd_buf_char(b, '}');

    return rc;
}


int
hd_twilio_document(hd_mem_t *mem, hd_buf_t *b, const hd_json_t *args,
    const char **why)
{
    int                rc;
    size_t             i;
    hd_str_t           name, language;
    hd_twilio_vars_t  *v;

    name = hd_json_str(args, "name");
    language = hd_json_str(args, "language");

    if (name.len == 0 || language.len == 0
        || hd_json_get(args, "document") == NULL)
    {
        *why = "name, language and document are needed";
        return HD_DECLINED;
    }

    v = hd_calloc(mem, sizeof(hd_twilio_vars_t));
    if (v == NULL) {
        return HD_ERROR;
    }

    v->document = hd_json_get(args, "document");
    v->mem = mem;

    hd_buf_z(b, "{\"friendly_name\":");
    hd_jw_str(b, &name);
    hd_buf_z(b, ",\"language\":");
    hd_jw_str(b, &language);
    hd_buf_z(b, ",\"types\":{");

    rc = hd_twilio_types(v, b, args, why);

    hd_buf_z(b, "},\"variables\":{");

    for (i = 0; i < v->n; i++) {
        hd_buf_printf(b, "%s\"%u\":", i ? "," : "", (unsigned) i + 1);
        hd_jw_str(b, &v->vars[i].sample);
    }

    hd_buf_z(b, "}}");

    return rc;
}
