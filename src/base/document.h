/*
 * document: a message template whole, as people edit it, and what can be told
 * of it without asking anybody.
 *
 *   {header: {format: none|text|image|video|document|location, text,
 *             media_id},
 *    body, footer,
 *    buttons: [{type: quick_reply|url|phone_number|copy_code|flow|otp|
 *               catalog|mpm|spm|voice_call, text, …}],
 *    variables: {name: {fallback, sample, type: text|number|date|currency|
 *                url}},
 *    authentication: {security_recommendation, code_expiration_minutes},
 *    ttl: seconds after which an undelivered message is dropped,
 *    track_clicks: false leaves links as they are written (buttons.h),
 *    components: [the provider's own, where it has what we have no form for]}
 *
 * A placeholder is "{{name}}" or "{{name|fallback}}" (text.c); a fallback that
 * stands at the variable holds wherever the text has none of its own.
 */

#ifndef HD_DOCUMENT_H
#define HD_DOCUMENT_H

#include "base.h"


/* ── findings: of shapes (document.c) and of WhatsApp's rules (lint.c) ── */

typedef enum {
    HD_LINT_WARNING = 0,
    HD_LINT_ERROR
} hd_lint_level_e;

/* all strings live during the call only; pointer is RFC 6901, into the
 * template: "/name", "/document/buttons/0/url" */
typedef void (*hd_lint_pt)(void *ctx, hd_lint_level_e level, const char *code,
    const char *pointer, const char *words, const char *fix);

typedef struct {
    hd_lint_pt    found;
    void         *ctx;
    unsigned      errors;
    unsigned      warnings;
    hd_mem_t     *mem;
} hd_lint_t;

typedef struct {
    hd_str_t          name;
    hd_str_t          language;
    hd_str_t          category;
    const hd_json_t  *document;
} hd_lint_template_t;

/* shapes: types, members, bounds that no template may pass; what has faults
 * must not be given to the functions below */
void hd_document_check(hd_lint_t *lint, const hd_json_t *document);
/* WhatsApp's rules; HD_ERROR: out of memory */
int hd_lint(hd_lint_t *lint, const hd_lint_template_t *t);
/* a code that WhatsApp has for templates: "pt_BR" */
int hd_lint_language(const hd_str_t *code);
/* Arabic, Hebrew, Persian, Urdu … are written from right to left */
int hd_language_rtl(const hd_str_t *code);


/* ── what is sent ── */

typedef struct {
    hd_str_t    header;            /* data NULL: none, or no text */
    hd_str_t    body;
    hd_str_t    footer;            /* data NULL: none */
} hd_document_flat_t;

/* the texts with the variables' fallbacks put where there is none */
int hd_document_flat(hd_mem_t *mem, const hd_json_t *document,
    hd_document_flat_t *out);
/* the document of a template that is three texts; data NULL: none */
void hd_document_of_flat(hd_buf_t *b, const hd_str_t *header,
    const hd_str_t *body, const hd_str_t *footer);
/* "text", "image"…; never NULL */
hd_str_t hd_document_format(const hd_json_t *document);
/* a variable's fallback, sample or type; len 0: none */
hd_str_t hd_document_variable(const hd_json_t *document, const hd_str_t *name,
    const char *member);

typedef struct {
    hd_str_t    name;
    hd_str_t    fallback;          /* data NULL: none */
} hd_document_name_t;

/* a text's variables, each once: by number when all are numbers, else as they
 * first stand there */
int hd_document_names(hd_mem_t *mem, const hd_str_t *text,
    hd_document_name_t **names, size_t *n);
/* digits only */
int hd_document_is_number(const hd_str_t *name);


/* ── how it is shown ── */

/* [{"text": "…", "bold": true, …}, …]: WhatsApp's *bold*, _italic_, ~strike~,
 * `code` and ```mono``` taken apart; HD_ERROR: out of memory */
int hd_spans_write(hd_buf_t *b, const hd_str_t *text);
/* by the first letter that has a direction; 1: right to left */
int hd_text_rtl(const hd_str_t *text);


/* ── versions ── */

/* [{"path": "/body", "from": …, "to": …}], members that came have no "from",
 * that went no "to" */
void hd_json_diff(hd_buf_t *b, const hd_json_t *from, const hd_json_t *to);
/* the same value, whatever the order of members */
int hd_json_same(const hd_json_t *a, const hd_json_t *b);

#endif /* HD_DOCUMENT_H */
