/*
 * lint: WhatsApp's rules for message templates, before anybody is asked.
 *
 * An error is what the provider surely refuses, at once or in its review; a
 * warning is what it may refuse, or what people would be surprised by.  The
 * limits are Meta's (name 512, body 1024, header and footer 60, one variable
 * in a header, none in a footer); that variables may neither begin nor end a
 * body nor touch, that n of them want 2n + 1 words, that a header has neither
 * emojis nor line breaks nor formatting and a footer neither emojis nor line
 * breaks, is what it gives as reasons of refusals.
 */

#include "lint.h"

#include <stdio.h>


#define HD_LINT_NAME     512
#define HD_LINT_HEADER   60
#define HD_LINT_BODY     1024
#define HD_LINT_FOOTER   60
#define HD_LINT_WORDS    256


void
hd_lint_add(hd_lint_t *l, hd_lint_level_e level, const char *code,
    const char *pointer, const char *fix, const char *fmt, ...)
{
    char     words[HD_LINT_WORDS];
    size_t   n;
    va_list  args;

    va_start(args, fmt);
    (void) vsnprintf(words, sizeof(words), fmt, args);
    va_end(args);

    /* a name that was cut must not end within a character */
    for (n = strlen(words);
         n && !hd_utf8_valid((unsigned char *) words, n);
         n--)
    {
        words[n - 1] = '\0';
    }

    if (level == HD_LINT_ERROR) {
        l->errors++;

    } else {
        l->warnings++;
    }

    l->found(l->ctx, level, code, pointer, words, fix);
}


/* ── name, language, category ── */

static void
hd_lint_name(hd_lint_t *l, const hd_str_t *name)
{
    size_t  i;

    if (name->len == 0) {
        hd_lint_error(l, "name_empty", "/name",
                      "Give it a name, for example order_ready.",
                      "The template has no name.");
        return;
    }

    if (name->len > HD_LINT_NAME) {
        hd_lint_error(l, "name_too_long", "/name", "Shorten it.",
                      "A name has at most %d characters, this one %d.",
                      HD_LINT_NAME, (int) name->len);
    }

    for (i = 0; i < name->len; i++) {
        if (!((name->data[i] >= 'a' && name->data[i] <= 'z')
              || (name->data[i] >= '0' && name->data[i] <= '9')
              || name->data[i] == '_'))
        {
            hd_lint_error(l, "name_characters", "/name",
                          "Write it as order_ready: small letters, digits "
                          "and _.",
                          "A name has only a to z, 0 to 9 and _.");
            return;
        }
    }
}


static void
hd_lint_languages(hd_lint_t *l, const hd_str_t *language)
{
    size_t    i;
    char      other[16];
    hd_str_t  code;

    if (hd_lint_language(language)) {
        return;
    }

    if (language->len < sizeof(other)) {

        for (i = 0; i < language->len; i++) {
            other[i] = language->data[i] == '-' ? '_'
                                                : (char) language->data[i];
        }

        code.data = (unsigned char *) other;
        code.len = language->len;

        if (hd_lint_language(&code)) {
            hd_lint_error(l, "language_form", "/language",
                          "Write the region behind an underscore.",
                          "WhatsApp calls this language %.*s.",
                          (int) code.len, other);
            return;
        }
    }

    hd_lint_warning(l, "language_unknown", "/language",
                    "Use a code of WhatsApp's list, for example en, pt_BR, "
                    "es, ar, hi, id or sw.",
                    "\"%.*s\" is no language that WhatsApp is known to take "
                    "for templates.", (int) language->len, language->data);
}


static int
hd_lint_category(hd_lint_t *l, const hd_str_t *category)
{
    if (hd_str_eq(category, "authentication")) {
        return 1;
    }

    if (!hd_str_eq(category, "marketing") && !hd_str_eq(category, "utility")) {
        hd_lint_error(l, "category_unknown", "/category",
                      "Choose marketing, utility or authentication.",
                      "\"%.*s\" is no category of WhatsApp's.",
                      (int) category->len, category->data);
    }

    return 0;
}


/* ── header, body, footer ── */

/* the length as the provider counts it: of fallbacks it knows nothing */
static size_t
hd_lint_length(const hd_pieces_t *p)
{
    size_t  i, n;

    n = hd_utf8_length(&p->rest);

    for (i = 0; i < p->n; i++) {
        n += hd_utf8_length(&p->pieces[i].before) + p->pieces[i].name.len + 4;
    }

    return n;
}


static unsigned
hd_lint_pieces_hold(const hd_pieces_t *p)
{
    size_t    i;
    unsigned  holds;

    holds = hd_lint_holds(&p->rest);

    for (i = 0; i < p->n; i++) {
        holds |= hd_lint_holds(&p->pieces[i].before);
    }

    return holds;
}


static int
hd_lint_header(hd_lint_t *l, const hd_lint_template_t *t)
{
    size_t        length;
    hd_str_t      format, text;
    unsigned      holds;
    hd_json_t    *header;
    hd_pieces_t   p;

    format = hd_document_format(t->document);
    header = hd_json_get(t->document, "header");

    if (hd_str_eq(&format, "image") || hd_str_eq(&format, "video")
        || hd_str_eq(&format, "document"))
    {
        if (hd_json_str(header, "media_id").len == 0) {
            hd_lint_error(l, "header_sample_missing",
                          "/document/header/media_id",
                          "Upload a file that shows what will be sent, and "
                          "give its id here.",
                          "WhatsApp wants a sample of the %.*s in the "
                          "header.", (int) format.len, format.data);
        }

        return HD_OK;
    }

    if (!hd_str_eq(&format, "text")) {
        return HD_OK;
    }

    text = hd_json_str(header, "text");

    if (hd_pieces(l->mem, &text, &p) != HD_OK) {
        return HD_ERROR;
    }

    length = hd_lint_length(&p);
    holds = hd_lint_pieces_hold(&p);

    if (p.n == 0 && (holds & HD_TEXT_BLANK)) {
        hd_lint_error(l, "header_empty", "/document/header/text",
                      "Write a line, or take the header away.",
                      "The header says nothing.");
    }

    if (length > HD_LINT_HEADER) {
        hd_lint_error(l, "header_too_long", "/document/header/text",
                      "Shorten it.", "A header has at most %d characters, "
                      "this one %d.", HD_LINT_HEADER, (int) length);
    }

    if (p.n > 1) {
        hd_lint_error(l, "header_variables", "/document/header/text",
                      "Keep one, and put the others into the body.",
                      "A header has at most one variable, this one %d.",
                      (int) p.n);
    }

    if (holds & HD_TEXT_NEWLINE) {
        hd_lint_error(l, "header_newline", "/document/header/text",
                      "Write it on one line.",
                      "A header has no line breaks.");
    }

    if (holds & HD_TEXT_EMOJI) {
        hd_lint_error(l, "header_emoji", "/document/header/text",
                      "Put emojis into the body.", "A header has no emojis.");
    }

    if (holds & HD_TEXT_FORMAT) {
        hd_lint_error(l, "header_formatting", "/document/header/text",
                      "Take *, ~ and ` away: a header is bold by itself.",
                      "A header has no formatting and no asterisks.");
    }

    return hd_lint_variables(l, t, &text, "/document/header/text");
}


/* nothing but spaces, line breaks and marks of formatting */
static int
hd_lint_bare(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] > ' ' && strchr("*_~`", s->data[i]) == NULL) {
            return 0;
        }
    }

    return 1;
}


static void
hd_lint_edges(hd_lint_t *l, const hd_pieces_t *p)
{
    size_t  i;

    if (p->n == 0) {
        return;
    }

    if (hd_lint_bare(&p->pieces[0].before)) {
        hd_lint_error(l, "variable_first", "/document/body",
                      "Begin with a word, for example \"Hello\".",
                      "A body may not begin with a variable, and this one "
                      "does with {{%.*s}}.", (int) p->pieces[0].name.len,
                      p->pieces[0].name.data);
    }

    if (hd_lint_bare(&p->rest)) {
        hd_lint_error(l, "variable_last", "/document/body",
                      "End with a word or a full stop.",
                      "A body may not end with a variable, and this one does "
                      "with {{%.*s}}.",
                      (int) p->pieces[p->n - 1].name.len,
                      p->pieces[p->n - 1].name.data);
    }

    for (i = 1; i < p->n; i++) {
        if (hd_lint_bare(&p->pieces[i].before)) {
            hd_lint_add(l, p->pieces[i].before.len ? HD_LINT_WARNING
                                                   : HD_LINT_ERROR,
                        "variables_adjacent", "/document/body",
                        "Write something between the two, or make them one.",
                        "Nothing stands between {{%.*s}} and {{%.*s}}.",
                        (int) p->pieces[i - 1].name.len,
                        p->pieces[i - 1].name.data,
                        (int) p->pieces[i].name.len, p->pieces[i].name.data);
        }
    }
}


static void
hd_lint_density(hd_lint_t *l, const hd_pieces_t *p)
{
    size_t  i, words;

    if (p->n == 0) {
        return;
    }

    words = hd_lint_words(&p->rest);

    for (i = 0; i < p->n; i++) {
        words += hd_lint_words(&p->pieces[i].before);
    }

    if (words < 2 * p->n + 1) {
        hd_lint_error(l, "variables_dense", "/document/body",
                      "Write more around them, or make some of them fixed "
                      "words.",
                      "%d variables want at least %d words around them, and "
                      "there are %d: WhatsApp calls that too many variables "
                      "for its length.",
                      (int) p->n, (int) (2 * p->n + 1), (int) words);
    }
}


/* two line breaks are a paragraph, three are refused */
static int
hd_lint_gaps(const hd_str_t *text)
{
    size_t  i, n;

    for (i = 0, n = 0; i < text->len; i++) {
        if (text->data[i] == '\n') {
            if (++n > 2) {
                return 1;
            }

        } else if (text->data[i] != '\r') {
            n = 0;
        }
    }

    return 0;
}


/* links of WhatsApp's own are refused, shortened ones mistrusted */
void
hd_lint_link(hd_lint_t *l, const hd_str_t *text, const char *pointer)
{
    size_t              i, k;
    static const char  *hosts[] = { "wa.me/", "api.whatsapp.com/", "bit.ly/",
                                    "tinyurl.com/", "goo.gl/", "t.co/" };

    for (k = 0; k < sizeof(hosts) / sizeof(hosts[0]); k++) {

        for (i = 0; i + strlen(hosts[k]) <= text->len; i++) {

            if (memcmp(text->data + i, hosts[k], strlen(hosts[k])) != 0
                || (i && text->data[i - 1] != '/' && text->data[i - 1] != '.'
                    && text->data[i - 1] > ' '))
            {
                continue;
            }

            hd_lint_warning(l, k < 2 ? "link_whatsapp" : "link_shortened",
                            pointer, "Use the address of your own site.",
                            "Templates with links to %.*s are often "
                            "refused.", (int) strlen(hosts[k]) - 1, hosts[k]);
            break;
        }
    }
}


static int
hd_lint_body(hd_lint_t *l, const hd_lint_template_t *t)
{
    size_t       length;
    hd_str_t     text;
    hd_pieces_t  p;

    text = hd_json_str(t->document, "body");

    if (hd_pieces(l->mem, &text, &p) != HD_OK) {
        return HD_ERROR;
    }

    length = hd_lint_length(&p);

    if (p.n == 0 && (hd_lint_holds(&text) & HD_TEXT_BLANK)) {
        hd_lint_error(l, "body_empty", "/document/body", "Write a text.",
                      "The body says nothing.");
        return HD_OK;
    }

    if (length > HD_LINT_BODY) {
        hd_lint_error(l, "body_too_long", "/document/body", "Shorten it.",
                      "A body has at most %d characters, this one %d.",
                      HD_LINT_BODY, (int) length);
    }

    if (hd_lint_gaps(&text)) {
        hd_lint_error(l, "body_newlines", "/document/body",
                      "Leave one empty line between paragraphs.",
                      "WhatsApp takes at most two line breaks in a row.");
    }

    hd_lint_edges(l, &p);
    hd_lint_density(l, &p);
    hd_lint_link(l, &text, "/document/body");

    return hd_lint_variables(l, t, &text, "/document/body");
}


static int
hd_lint_footer(hd_lint_t *l, const hd_lint_template_t *t)
{
    size_t       length;
    hd_str_t     text;
    unsigned     holds;
    hd_pieces_t  p;

    text = hd_json_str(t->document, "footer");

    if (text.len == 0) {
        return HD_OK;
    }

    if (hd_pieces(l->mem, &text, &p) != HD_OK) {
        return HD_ERROR;
    }

    length = hd_lint_length(&p);
    holds = hd_lint_pieces_hold(&p);

    if (length > HD_LINT_FOOTER) {
        hd_lint_error(l, "footer_too_long", "/document/footer", "Shorten it.",
                      "A footer has at most %d characters, this one %d.",
                      HD_LINT_FOOTER, (int) length);
    }

    if (p.begun) {
        hd_lint_error(l, "footer_variables", "/document/footer",
                      "Put the variable into the body.",
                      "A footer has no variables.");
    }

    if (holds & HD_TEXT_NEWLINE) {
        hd_lint_error(l, "footer_newline", "/document/footer",
                      "Write it on one line.",
                      "A footer has no line breaks.");
    }

    if (holds & HD_TEXT_EMOJI) {
        hd_lint_error(l, "footer_emoji", "/document/footer",
                      "Put emojis into the body.", "A footer has no emojis.");
    }

    return HD_OK;
}


/* how long an undelivered message is kept: Meta's bounds by category */
static void
hd_lint_ttl(hd_lint_t *l, const hd_lint_template_t *t)
{
    size_t      i;
    int64_t     ttl;
    hd_json_t  *v;

    static const struct {
        const char  *category;
        int          min, max;
    } bounds[] = {
        { "authentication", 30, 900 },
        { "utility", 30, 43200 },
        { "marketing", 43200, 2592000 }
    };

    v = hd_json_get(t->document, "ttl");

    if (v == NULL || hd_json_int(v, &ttl) != HD_OK) {
        return;
    }

    for (i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        if (strlen(bounds[i].category) == t->category.len
            && memcmp(bounds[i].category, t->category.data, t->category.len)
               == 0
            && (ttl < bounds[i].min || ttl > bounds[i].max))
        {
            hd_lint_error(l, "ttl_range", "/document/ttl",
                          "Choose a time within the bounds, or leave it out.",
                          "A message of the category %s lives from %d to %d "
                          "seconds.", bounds[i].category, bounds[i].min,
                          bounds[i].max);
        }
    }
}


int
hd_lint(hd_lint_t *l, const hd_lint_template_t *t)
{
    int  authentication;

    hd_lint_name(l, &t->name);
    hd_lint_languages(l, &t->language);

    authentication = hd_lint_category(l, &t->category);

    if (authentication) {
        hd_lint_authentication(l, t);

    } else if (hd_lint_header(l, t) != HD_OK || hd_lint_body(l, t) != HD_OK
               || hd_lint_footer(l, t) != HD_OK)
    {
        return HD_ERROR;
    }

    hd_lint_buttons(l, t, authentication);
    hd_lint_ttl(l, t);

    return HD_OK;
}
