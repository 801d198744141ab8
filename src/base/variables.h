/*
 * variables: where the placeholders of a template take their values.
 *
 * A name is looked for in the map given with the broadcast or the message; its
 * value may hold placeholders itself, which are the contact's only (so the
 * depth is one and nothing can loop).  What the map does not know is the
 * contact's column of that name, then "fields.x", then its field of that very
 * name.
 */

#ifndef HD_VARIABLES_H
#define HD_VARIABLES_H

#include "base.h"


/* The strings may be empty, the trees NULL; they must outlive the values. */
typedef struct {
    hd_mem_t    mem;              /* rendered values live here */
    hd_json_t  *map;              /* object of strings: "variables" */
    hd_str_t    name;
    hd_str_t    first_name;
    hd_str_t    last_name;
    hd_str_t    phone;
    hd_str_t    email;
    hd_str_t    language;
    hd_json_t  *fields;           /* the contact's own */
} hd_variables_t;

/* both are hd_text_lookup_pt with an hd_variables_t as ctx */
int hd_variables_lookup(void *ctx, const hd_str_t *name, hd_str_t *value);
int hd_variables_contact(void *ctx, const hd_str_t *name, hd_str_t *value);

/* 1 when every contact may have it: a column's name or "fields.x" */
int hd_variables_is_contact(const hd_str_t *name);

#endif /* HD_VARIABLES_H */
