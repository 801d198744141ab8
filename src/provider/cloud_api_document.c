/*
 * cloud_api_document: our template document as Meta's components; the way back
 * is in cloud_api_components.c.
 *
 *     document                 components
 *     header {format, text}    HEADER  format, text, example
 *     body                     BODY    text, example
 *     footer                   FOOTER  text
 *     buttons                  BUTTONS buttons
 *     variables, samples       example, each where its placeholder stands
 *     authentication           BODY add_security_recommendation,
 *                              FOOTER code_expiration_minutes
 *
 * Of a button only the members are passed on that its type has.
 */

#include "cloud_api_op.h"


/* members of buttons that are the same on both sides */
static const struct {
    const char  *type;
    const char  *members[6];
} hd_cloud_api_buttons[] = {
    { "quick_reply", { "text" } },
    { "url", { "text" } },
    { "phone_number", { "text", "phone_number" } },
    { "copy_code", { NULL } },
    { "flow", { "text", "flow_id", "flow_name", "flow_json", "flow_action",
                "navigate_screen" } },
    { "catalog", { "text" } },
    { "mpm", { "text" } },
    { "spm", { "text" } },
    { "voice_call", { "text" } },
    { "otp", { "text", "autofill_text" } }
};

#define HD_CLOUD_API_NBUTTONS                                                 \
    (sizeof(hd_cloud_api_buttons) / sizeof(hd_cloud_api_buttons[0]))


static void
hd_cloud_api_upper_word(hd_buf_t *b, const char *name, const hd_str_t *word)
{
    size_t  i;

    hd_jw_z(b, name);
    hd_buf_char(b, ':');
    i = b->len;
    hd_jw_str(b, word);

    for ( /* void */ ; !b->failed && i < b->len; i++) {
        if (b->data[i] >= 'a' && b->data[i] <= 'z') {
            b->data[i] &= ~0x20;
        }
    }
}


/* 1: there is a header, and "format" tells of which kind */
static int
hd_cloud_api_has_header(const hd_json_t *header, hd_str_t *format)
{
    hd_str_t  text;

    *format = hd_json_str(header, "format");
    text = hd_json_str(header, "text");

    if (format->len == 0 && text.len != 0) {
        hd_str_set(format, "text");
    }

    return format->len != 0 && !hd_str_eq(format, "none")
           && (!hd_str_eq(format, "text") || text.len != 0);
}


static int
hd_cloud_api_put_header(hd_cloud_api_op_t *op, const hd_json_t *document,
    int named)
{
    int         rc;
    hd_str_t    format, s;
    hd_buf_t   *b = &op->b;
    hd_json_t  *header;

    header = hd_json_get(document, "header");

    if (!hd_cloud_api_has_header(header, &format)) {
        return HD_OK;
    }

    hd_buf_z(b, "{\"type\":\"HEADER\",");
    hd_cloud_api_upper_word(b, "format", &format);

    rc = HD_OK;

    if (hd_str_eq(&format, "text")) {
        s = hd_json_str(header, "text");
        hd_buf_char(b, ',');
        rc = hd_cloud_api_texts(op, document, &s, "header_text", named);

    } else if (!hd_str_eq(&format, "location")) {
        s = hd_json_str(op->args, "handle");

        if (s.len == 0) {
            return hd_cloud_api_declined(op, "the header's file has no "
                                             "uploaded sample: handle is "
                                             "missing");
        }

        hd_buf_z(b, ",\"example\":{\"header_handle\":[");
        hd_jw_str(b, &s);
        hd_buf_z(b, "]}");
    }

    hd_buf_z(b, "},");

    return rc;
}


static int
hd_cloud_api_put_body(hd_cloud_api_op_t *op, const hd_json_t *document,
    int named)
{
    int        rc;
    hd_str_t   s;
    hd_buf_t  *b = &op->b;

    s = hd_json_str(document, "body");

    if (s.len == 0) {
        return hd_cloud_api_declined(op, "the template has no body");
    }

    hd_buf_z(b, "{\"type\":\"BODY\",");

    rc = hd_cloud_api_texts(op, document, &s, "body_text", named);
    if (rc != HD_OK) {
        return rc;
    }

    hd_buf_z(b, "},");

    s = hd_json_str(document, "footer");

    if (s.len != 0) {
        hd_buf_z(b, "{\"type\":\"FOOTER\",");
        hd_cloud_api_member(b, "text", &s);
        hd_buf_z(b, "},");
    }

    return HD_OK;
}


/* the address, its variable counted, and a value for it */
static int
hd_cloud_api_put_url(hd_cloud_api_op_t *op, const hd_json_t *document,
    const hd_json_t *button)
{
    hd_str_t             s, url, sample;
    hd_buf_t            *b = &op->b;
    hd_cloud_api_vars_t  vars;

    s = hd_json_str(button, "url");
    vars.n = 0;

    if (s.len == 0) {
        return hd_cloud_api_declined(op, "a URL button has no url");
    }

    if (hd_text_names(&s, hd_cloud_api_var, &vars) != HD_OK || vars.n > 1) {
        return hd_cloud_api_declined(op, "a URL may have one variable, at its "
                                         "end");
    }

    if (hd_cloud_api_text_for(op->mem, &s, &vars, &url) != HD_OK)
    {
        return HD_ERROR;
    }

    hd_buf_char(b, ',');
    hd_cloud_api_member(b, "url", &url);

    if (vars.n == 0) {
        return HD_OK;
    }

    sample = hd_cloud_api_text(button, "example");

    if (sample.len == 0) {
        sample = hd_cloud_api_sample(document, &vars.vars[0]);
    }

    if (sample.len == 0) {
        return hd_cloud_api_declined(op, "the URL's variable has no sample "
                                         "value");
    }

    hd_buf_z(b, ",\"example\":[");
    hd_jw_str(b, &sample);
    hd_buf_char(b, ']');

    return HD_OK;
}


/* a button that puts the code where it belongs, and the apps it knows */
static void
hd_cloud_api_put_otp(hd_buf_t *b, const hd_json_t *button)
{
    hd_str_t  type, package, hash;

    type = hd_json_str(button, "otp_type");

    if (type.len == 0) {
        hd_str_set(&type, "copy_code");
    }

    hd_buf_char(b, ',');
    hd_cloud_api_upper_word(b, "otp_type", &type);

    if (hd_str_eq(&type, "zero_tap")) {
        hd_buf_z(b, ",\"zero_tap_terms_accepted\":true");
    }

    package = hd_json_str(button, "package_name");
    hash = hd_json_str(button, "signature_hash");

    if (package.len != 0) {
        hd_buf_z(b, ",\"supported_apps\":[{");
        hd_cloud_api_member(b, "package_name", &package);
        hd_buf_char(b, ',');
        hd_cloud_api_member(b, "signature_hash", &hash);
        hd_buf_z(b, "}]");
    }
}


static int
hd_cloud_api_put_button(hd_cloud_api_op_t *op, const hd_json_t *document,
    const hd_json_t *button)
{
    int          rc;
    size_t       i, j;
    hd_str_t     s, type;
    hd_buf_t    *b = &op->b;
    const char  *member;

    type = hd_json_str(button, "type");

    for (i = 0; i < HD_CLOUD_API_NBUTTONS; i++) {
        if (strlen(hd_cloud_api_buttons[i].type) == type.len
            && memcmp(hd_cloud_api_buttons[i].type, type.data, type.len) == 0)
        {
            break;
        }
    }

    if (i == HD_CLOUD_API_NBUTTONS) {
        return hd_cloud_api_declined(op, "a button has a type that WhatsApp "
                                         "does not know");
    }

    hd_buf_char(b, '{');
    hd_cloud_api_upper_word(b, "type", &type);

    for (j = 0; j < 6 && hd_cloud_api_buttons[i].members[j] != NULL; j++) {
        member = hd_cloud_api_buttons[i].members[j];
        s = hd_json_str(button, member);

        if (s.len == 0) {
            continue;
        }

        hd_buf_char(b, ',');

        /* without "+", as Meta writes them */
        if (strcmp(member, "phone_number") == 0 && s.data[0] == '+') {
            s.data++;
            s.len--;
        }

        hd_cloud_api_member(b, member, &s);
    }

    if (hd_str_eq(&type, "url")) {
        rc = hd_cloud_api_put_url(op, document, button);
        if (rc != HD_OK) {
            return rc;
        }
    }

    if (hd_str_eq(&type, "copy_code")) {
        s = hd_cloud_api_text(button, "example");
        hd_buf_char(b, ',');
        hd_cloud_api_member(b, "example", &s);
    }

    if (hd_str_eq(&type, "otp")) {
        hd_cloud_api_put_otp(b, button);
    }

    hd_buf_char(b, '}');

    return HD_OK;
}


static int
hd_cloud_api_put_buttons(hd_cloud_api_op_t *op, const hd_json_t *document,
    int authentication)
{
    int         rc;
    hd_json_t  *v, *buttons;

    buttons = hd_json_get(document, "buttons");
    v = (buttons && buttons->type == HD_JSON_ARRAY) ? buttons->child : NULL;

    if (v == NULL) {
        if (authentication) {
            hd_buf_z(&op->b, "{\"type\":\"BUTTONS\",\"buttons\":[{\"type\":"
                             "\"OTP\",\"otp_type\":\"COPY_CODE\"}]},");
        }

        return HD_OK;
    }

    hd_buf_z(&op->b, "{\"type\":\"BUTTONS\",\"buttons\":[");

    for ( /* void */ ; v != NULL; v = v->next) {

        if (v != buttons->child) {
            hd_buf_char(&op->b, ',');
        }

        rc = hd_cloud_api_put_button(op, document, v);
        if (rc != HD_OK) {
            return rc;
        }
    }

    hd_buf_z(&op->b, "]},");

    return HD_OK;
}


/* Meta writes the words of a code; ours are two choices */
static void
hd_cloud_api_put_authentication(hd_buf_t *b, const hd_json_t *document)
{
    int64_t     minutes;
    hd_json_t  *v, *advice;

    v = hd_json_get(document, "authentication");
    advice = hd_json_get(v, "security_recommendation");

    hd_buf_printf(b, "{\"type\":\"BODY\",\"add_security_recommendation\":%s},",
                  (advice != NULL && advice->type == HD_JSON_FALSE)
                  ? "false" : "true");

    if (hd_cloud_api_int(hd_json_get(v, "code_expiration_minutes"), &minutes)
        == HD_OK)
    {
        hd_buf_z(b, "{\"type\":\"FOOTER\",\"code_expiration_minutes\":");
        hd_buf_int(b, minutes);
        hd_buf_z(b, "},");
    }
}


int
hd_cloud_api_components(hd_cloud_api_op_t *op, const hd_json_t *document,
    int authentication)
{
    int  rc, named;

    hd_buf_z(&op->b, "\"components\":[");

    if (authentication) {
        hd_cloud_api_put_authentication(&op->b, document);

    } else {
        named = hd_cloud_api_named(document);
        rc = hd_cloud_api_put_header(op, document, named);

        if (rc == HD_OK) {
            rc = hd_cloud_api_put_body(op, document, named);
        }

        if (rc != HD_OK) {
            return rc;
        }
    }

    rc = hd_cloud_api_put_buttons(op, document, authentication);

    if (rc != HD_OK) {
        return rc;
    }

    /* each component ended with its comma */
    if (!op->b.failed) {
        op->b.data[op->b.len - 1] = ']';
    }

    return HD_OK;
}
