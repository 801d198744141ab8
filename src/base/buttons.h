/*
 * buttons: what the buttons of a template need for one person, from the
 * template's document:
 *
 *   buttons: [{type, text, …}], numbered from 0 as they stand there
 *     url          url with "{{name}}" at its end: the value of that end;
 *                  with `target` (the address that it really leads to) and a
 *                  url of "…/l/{{1}}": the short link's token
 *     copy_code    code (or example): the code, which may hold variables
 *     quick_reply  payload, if there is one: comes back with the answer
 *     flow         flow_token, or "unused"
 *     otp          the code, as the body's first variable has it
 *     catalog, mpm thumbnail_product_retailer_id
 *
 * What stands in `given` ([{index, value}]) is taken instead.
 */

#ifndef HD_BUTTONS_H
#define HD_BUTTONS_H

#include "base.h"


#define HD_BUTTONS_MAX  10

typedef struct {
    unsigned      index;
    const char   *sub_type;            /* as the provider's word */
    hd_str_t      value;
    hd_str_t      target;              /* data NULL: no short link */
} hd_button_t;

/* HD_ERROR: a value is missing (*missing is its name), or memory is out (then
 * missing->len is 0) */
int hd_buttons(hd_mem_t *mem, const hd_json_t *document,
    const hd_json_t *given, hd_text_lookup_pt lookup, void *ctx,
    hd_button_t out[HD_BUTTONS_MAX], size_t *n, hd_str_t *missing);

/* "image", "video" or "document" of the document's header; NULL: its header is
 * no file */
const char *hd_header_file(const hd_json_t *document);

#endif /* HD_BUTTONS_H */
