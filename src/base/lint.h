/*
 * lint, private to base: what the linter's files share.
 */

#ifndef HD_LINT_H
#define HD_LINT_H

#include <stdarg.h>

#include "document.h"


/* a text in pieces: words between, and the variables */
typedef struct {
    hd_str_t    before;            /* the words before it */
    hd_str_t    name;
    hd_str_t    fallback;          /* data NULL: none */
} hd_piece_t;

typedef struct {
    hd_piece_t *pieces;
    size_t      n;
    hd_str_t    rest;              /* the words behind the last */
    size_t      begun;             /* how many "{{" there are */
} hd_pieces_t;

int hd_pieces(hd_mem_t *mem, const hd_str_t *text, hd_pieces_t *out);

void hd_lint_add(hd_lint_t *l, hd_lint_level_e level, const char *code,
    const char *pointer, const char *fix, const char *fmt, ...)
    __attribute__((format(printf, 6, 7)));

/* what a text holds */
#define HD_TEXT_NEWLINE   1
#define HD_TEXT_EMOJI     2
#define HD_TEXT_FORMAT    4        /* * ~ ` */
#define HD_TEXT_BLANK     8        /* nothing that can be seen */

/* where a part of it begins, or NULL; part of plen bytes */
const unsigned char *hd_lint_find(const unsigned char *text, size_t len,
    const char *part, size_t plen);
unsigned hd_lint_holds(const hd_str_t *text);
size_t hd_lint_words(const hd_str_t *text);

void hd_lint_buttons(hd_lint_t *l, const hd_lint_template_t *t,
    int authentication);
void hd_lint_authentication(hd_lint_t *l, const hd_lint_template_t *t);
/* links that reviewers refuse */
void hd_lint_link(hd_lint_t *l, const hd_str_t *text, const char *pointer);
/* the variables of one text: their form, their numbers, their samples */
int hd_lint_variables(hd_lint_t *l, const hd_lint_template_t *t,
    const hd_str_t *text, const char *pointer);

#define hd_lint_error(l, code, pointer, fix, ...)                             \
    hd_lint_add(l, HD_LINT_ERROR, code, pointer, fix, __VA_ARGS__)
#define hd_lint_warning(l, code, pointer, fix, ...)                           \
    hd_lint_add(l, HD_LINT_WARNING, code, pointer, fix, __VA_ARGS__)

#endif /* HD_LINT_H */
