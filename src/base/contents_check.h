/*
 * What the files of contents share: one check, with the path to where it is.
 */

#ifndef HD_CONTENTS_CHECK_H
#define HD_CONTENTS_CHECK_H

#include "contents.h"


#define HD_CONTENTS_PATH  256

typedef struct {
    hd_contents_fault_pt   fault;
    void                  *ctx;
    hd_contents_t         *out;
    unsigned               faults;
    size_t                 len;
    char                   path[HD_CONTENTS_PATH];
} hd_contents_ck_t;

/* contents_part.c: steps into a member and out again; the mark is the old length */
size_t hd_ck_enter(hd_contents_ck_t *ck, const char *member);
size_t hd_ck_index(hd_contents_ck_t *ck, unsigned i);
#define hd_ck_leave(ck, mark)  ((ck)->path[(ck)->len = (mark)] = '\0')

void hd_ck_fault(hd_contents_ck_t *ck, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* at a member of where it is */
void hd_ck_fault_at(hd_contents_ck_t *ck, const char *member,
    const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* 1: an object that has no members but these (separated by spaces) */
int hd_ck_object(hd_contents_ck_t *ck, const hd_json_t *v,
    const char *members);
/* a string of min to max characters; min 0: it may be absent.  Its value */
hd_str_t hd_ck_string(hd_contents_ck_t *ck, const hd_json_t *obj,
    const char *member, unsigned min, unsigned max);
/* an array of min to max elements, or NULL and a fault */
const hd_json_t *hd_ck_array(hd_contents_ck_t *ck, const hd_json_t *obj,
    const char *member, unsigned min, unsigned max);
/* http or https */
hd_str_t hd_ck_url(hd_contents_ck_t *ck, const hd_json_t *obj,
    const char *member, unsigned required);
/* {media_id | link} of it, into ck->out */
void hd_ck_file(hd_contents_ck_t *ck, const hd_json_t *v, hd_use_e use);

/* contents_sections.c: the action of a list, and of several products */
void hd_ck_list(hd_contents_ck_t *ck, const hd_json_t *v);
void hd_ck_product_list(hd_contents_ck_t *ck, const hd_json_t *v);

/* contents_interactive.c */
void hd_ck_interactive(hd_contents_ck_t *ck, const hd_json_t *v);

#endif /* HD_CONTENTS_CHECK_H */
