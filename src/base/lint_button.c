/*
 * lint: buttons, and the fixed form of authentication templates.
 *
 * Meta's limits: ten buttons; of them at most two with an address, one with a
 * phone number, one that copies a code, one flow; 25 characters on a button,
 * 2000 in an address, whose one variable stands at its end, 20 in a phone
 * number, 15 in a code.  Quick replies stand together.
 */

#include "lint.h"

#include <stdio.h>


#define HD_LINT_BUTTONS  10
#define HD_LINT_LABEL    25
#define HD_LINT_URL      2000
#define HD_LINT_PHONE    20
#define HD_LINT_CODE     15
#define HD_LINT_AT       96


static const struct {
    const char  *type;
    unsigned     max;
    const char  *words;
} hd_button_kinds[] = {
    { "quick_reply",  10, "quick replies" },
    { "url",          2,  "buttons with an address" },
    { "phone_number", 1,  "button with a phone number" },
    { "copy_code",    1,  "button that copies a code" },
    { "flow",         1,  "flow" },
    { "otp",          1,  "one-time code" },
    { "catalog",      1,  "catalogue" },
    { "mpm",          1,  "list of products" },
    { "spm",          1,  "product" },
    { "voice_call",   1,  "call" }
};

#define HD_BUTTON_KINDS                                                       \
    (sizeof(hd_button_kinds) / sizeof(hd_button_kinds[0]))


static size_t
hd_button_kind(const hd_json_t *button)
{
    size_t    i;
    hd_str_t  type;

    type = hd_json_str(button, "type");

    for (i = 0; i < HD_BUTTON_KINDS; i++) {
        if (strlen(hd_button_kinds[i].type) == type.len
            && memcmp(hd_button_kinds[i].type, type.data, type.len) == 0)
        {
            break;
        }
    }

    return i;
}


static void
hd_button_at(char at[HD_LINT_AT], size_t i, const char *member)
{
    (void) snprintf(at, HD_LINT_AT, "/document/buttons/%u/%s", (unsigned) i,
                    member);
}


/* copy_code's label is WhatsApp's own */
static void
hd_lint_label(hd_lint_t *l, const hd_json_t *buttons, const hd_json_t *button,
    size_t i)
{
    char              at[HD_LINT_AT];
    size_t            k;
    hd_str_t          text, other;
    unsigned          holds;
    const hd_json_t  *b;

    text = hd_json_str(button, "text");
    hd_button_at(at, i, "text");

    if (text.len == 0) {
        other = hd_json_str(button, "type");

        if (!hd_str_eq(&other, "copy_code") && !hd_str_eq(&other, "otp")) {
            hd_lint_error(l, "button_text_missing", at,
                          "Write a word or two.",
                          "Nothing stands on the button.");
        }

        return;
    }

    if (hd_utf8_length(&text) > HD_LINT_LABEL) {
        hd_lint_error(l, "button_text_too_long", at, "Shorten it.",
                      "A button has at most %d characters, this one %d.",
                      HD_LINT_LABEL, (int) hd_utf8_length(&text));
    }

    holds = hd_lint_holds(&text);

    if ((holds & (HD_TEXT_NEWLINE|HD_TEXT_EMOJI|HD_TEXT_FORMAT))
        || hd_lint_find(text.data, text.len, "{{", 2))
    {
        hd_lint_error(l, "button_text_characters", at, "Write plain words.",
                      "A button has no variables, line breaks, emojis or "
                      "formatting.");
    }

    for (b = buttons->child, k = 0; b != NULL && k < i; b = b->next, k++) {
        other = hd_json_str(b, "text");

        if (other.len == text.len
            && memcmp(other.data, text.data, text.len) == 0)
        {
            hd_lint_error(l, "button_text_twice", at,
                          "Give each button words of its own.",
                          "Two buttons say the same.");
            return;
        }
    }
}


static void
hd_lint_url(hd_lint_t *l, const hd_json_t *document, const hd_json_t *button,
    size_t i)
{
    char         at[HD_LINT_AT], example[HD_LINT_AT];
    hd_str_t     url, sample;
    hd_pieces_t  p;

    url = hd_json_str(button, "url");
    hd_button_at(at, i, "url");

    if (!(url.len > 8 && memcmp(url.data, "https://", 8) == 0)
        && !(url.len > 7 && memcmp(url.data, "http://", 7) == 0))
    {
        hd_lint_error(l, "url_invalid", at,
                      "Write a whole address with https://.",
                      "The button has no web address.");
        return;
    }

    if (hd_utf8_length(&url) > HD_LINT_URL) {
        hd_lint_error(l, "url_too_long", at, "Shorten it.",
                      "An address has at most %d characters.", HD_LINT_URL);
    }

    hd_lint_link(l, &url, at);

    if (hd_pieces(l->mem, &url, &p) != HD_OK || p.begun == 0) {
        return;
    }

    if (p.n != p.begun) {
        hd_lint_error(l, "variable_malformed", at,
                      "Write {{name}} or {{name|fallback}}.",
                      "There is a \"{{\" that begins no variable.");
        return;
    }

    if (p.n > 1 || p.rest.len != 0) {
        hd_lint_error(l, "url_variable", at,
                      "Write it like https://shop.example/order/{{order}}.",
                      "An address has one variable at most, at its end.");
        return;
    }

    sample = hd_json_str(button, "example");

    if (sample.len == 0 && p.pieces[0].fallback.len == 0
        && hd_document_variable(document, &p.pieces[0].name, "sample").len
           == 0
        && hd_document_variable(document, &p.pieces[0].name, "fallback").len
           == 0)
    {
        hd_button_at(example, i, "example");
        hd_lint_error(l, "sample_missing", example,
                      "Give the end of the address as it would be sent.",
                      "WhatsApp's reviewers want a sample for {{%.*s}}.",
                      (int) p.pieces[0].name.len, p.pieces[0].name.data);
    }
}


static void
hd_lint_phone(hd_lint_t *l, const hd_json_t *button, size_t i)
{
    char      at[HD_LINT_AT];
    size_t    k, digits;
    hd_str_t  phone;

    phone = hd_json_str(button, "phone_number");
    hd_button_at(at, i, "phone_number");

    for (k = 0, digits = 0; k < phone.len; k++) {
        if (phone.data[k] >= '0' && phone.data[k] <= '9') {
            digits++;

        } else if (strchr("+ -()", phone.data[k]) == NULL) {
            digits = 0;
            break;
        }
    }

    if (digits < 7 || phone.len > HD_LINT_PHONE) {
        hd_lint_error(l, "phone_invalid", at,
                      "Write it with its country, for example "
                      "+254712345678.",
                      "This is no phone number of at most %d characters.",
                      HD_LINT_PHONE);
    }
}


static void
hd_lint_code(hd_lint_t *l, const hd_json_t *button, size_t i)
{
    char      at[HD_LINT_AT];
    hd_str_t  code;

    code = hd_json_str(button, "example");
    hd_button_at(at, i, "example");

    if (code.len == 0) {
        hd_lint_error(l, "sample_missing", at,
                      "Give a code as it would be sent.",
                      "WhatsApp's reviewers want a sample of the code.");

    } else if (hd_utf8_length(&code) > HD_LINT_CODE) {
        hd_lint_error(l, "code_too_long", at, "Shorten it.",
                      "A code has at most %d characters.", HD_LINT_CODE);
    }
}


static void
hd_lint_button(hd_lint_t *l, const hd_json_t *document,
    const hd_json_t *buttons, const hd_json_t *b, size_t i, size_t kind,
    int authentication)
{
    char      at[HD_LINT_AT];
    hd_str_t  type;

    type = hd_json_str(b, "type");
    hd_button_at(at, i, "type");

    if (kind == HD_BUTTON_KINDS) {
        hd_lint_warning(l, "button_unknown", at, "Leave it as it is.",
                        "Buttons of the kind \"%.*s\" are passed on as they "
                        "are.", (int) type.len, type.data);
        return;
    }

    if (authentication != hd_str_eq(&type, "otp")) {
        hd_lint_error(l, "button_category", at,
                      authentication
                      ? "Keep the button with the code and nothing else."
                      : "Choose the category authentication.",
                      authentication
                      ? "An authentication template has only the button of "
                        "the one-time code."
                      : "One-time codes are for authentication templates.");
        return;
    }

    hd_lint_label(l, buttons, b, i);

    if (hd_str_eq(&type, "url")) {
        hd_lint_url(l, document, b, i);

    } else if (hd_str_eq(&type, "phone_number")) {
        hd_lint_phone(l, b, i);

    } else if (hd_str_eq(&type, "copy_code")) {
        hd_lint_code(l, b, i);

    } else if (hd_str_eq(&type, "flow")
               && hd_json_str(b, "flow_id").len == 0
               && hd_json_str(b, "flow_name").len == 0)
    {
        hd_button_at(at, i, "flow_id");
        hd_lint_error(l, "flow_missing", at, "Give the id of the flow.",
                      "The button opens no flow.");
    }
}


void
hd_lint_buttons(hd_lint_t *l, const hd_lint_template_t *t, int authentication)
{
    char              at[HD_LINT_AT];
    size_t            i, kind, was, runs;
    unsigned          count[HD_BUTTON_KINDS + 1];
    const hd_json_t  *b, *buttons;

    buttons = hd_json_get(t->document, "buttons");

    if (buttons == NULL || buttons->type != HD_JSON_ARRAY) {
        return;
    }

    if (buttons->count > HD_LINT_BUTTONS) {
        hd_lint_error(l, "buttons_too_many", "/document/buttons",
                      "Take some away.", "A template has at most %d buttons, "
                      "this one %d.", HD_LINT_BUTTONS, (int) buttons->count);
    }

    memset(count, 0, sizeof(count));
    runs = 0;
    was = HD_BUTTON_KINDS;

    for (b = buttons->child, i = 0; b != NULL; b = b->next, i++) {
        kind = hd_button_kind(b);
        hd_lint_button(l, t->document, buttons, b, i, kind, authentication);

        if (kind < HD_BUTTON_KINDS
            && ++count[kind] == hd_button_kinds[kind].max + 1)
        {
            hd_button_at(at, i, "type");
            hd_lint_error(l, "buttons_of_a_kind", at, "Take some away.",
                          "A template has at most %u %s.",
                          hd_button_kinds[kind].max,
                          hd_button_kinds[kind].words);
        }

        /* quick replies are the first kind */
        runs += (kind == 0 && (i == 0 || was != 0));
        was = kind;
    }

    if (runs > 1) {
        hd_lint_error(l, "buttons_order", "/document/buttons",
                      "Put the quick replies first or last.",
                      "Quick replies stand together, not between other "
                      "buttons.");
    }
}


/* ── authentication ── */

void
hd_lint_authentication(hd_lint_t *l, const hd_lint_template_t *t)
{
    size_t               n;
    hd_str_t             format, body;
    const hd_json_t     *buttons;
    hd_document_name_t  *names;

    format = hd_document_format(t->document);

    if (!hd_str_eq(&format, "none")) {
        hd_lint_error(l, "authentication_header", "/document/header/format",
                      "Take the header away.",
                      "An authentication template has no header.");
    }

    if (hd_json_str(t->document, "footer").len) {
        hd_lint_error(l, "authentication_footer", "/document/footer",
                      "Set authentication.code_expiration_minutes instead: "
                      "WhatsApp writes the line.",
                      "An authentication template has no footer of your "
                      "own.");
    }

    body = hd_json_str(t->document, "body");

    if (hd_document_names(l->mem, &body, &names, &n) == HD_OK && n != 1) {
        hd_lint_error(l, "authentication_code", "/document/body",
                      "Write it like \"*{{code}}* is your verification "
                      "code.\".",
                      "An authentication template has one variable, the "
                      "code.");
    }

    hd_lint_warning(l, "authentication_words", "/document/body",
                    "Write what WhatsApp says in this language, so that "
                    "previews are true.",
                    "WhatsApp writes the text of authentication templates "
                    "itself; yours is shown here only.");

    buttons = hd_json_get(t->document, "buttons");

    if (buttons == NULL || buttons->count == 0) {
        hd_lint_error(l, "authentication_button", "/document/buttons",
                      "Add {\"type\": \"otp\", \"otp_type\": "
                      "\"copy_code\"}.",
                      "An authentication template has the button of the "
                      "one-time code.");
    }
}
