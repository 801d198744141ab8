/*
 * contents: is a message's "content" what WhatsApp takes?  Every limit of
 * domain.md 4.7, each fault with the place where it stands.
 *
 *   {type: "image" | "video" | "audio" | "document" | "sticker",
 *    media_id | link, caption, filename, voice}
 *   {type: "location", latitude, longitude, name, address}
 *   {type: "contacts", contacts: [as Meta's]}
 *   {type: "reaction", message_id, emoji}      emoji "" takes it back
 *   {type: "interactive", interactive: as Meta's; a header's file is
 *    {media_id | link}}
 *   {type: "poll", name, options, multiple}
 */

#ifndef HD_CONTENTS_H
#define HD_CONTENTS_H

#include "base.h"
#include "filetype.h"


typedef struct {
    hd_str_t     type;                 /* "image" */
    hd_str_t     text;                 /* what a list of messages shows */
    hd_str_t     media_id;             /* a UUID's text; data NULL: none */
    hd_str_t     link;                 /* data NULL: none */
    hd_str_t     filename;
    hd_use_e     use;                  /* of the file; HD_USES: there is none */
    hd_uuid_t    message_id;           /* reaction: to what */
} hd_contents_t;

/* pointer begins with a slash and lives until the call returns */
typedef void (*hd_contents_fault_pt)(void *ctx, const char *code,
    const char *pointer, const char *detail);

/* `at`: the pointer of the content itself, "/content"; the strings of `out`
 * are the tree's.  HD_OK: no fault was told. */
int hd_contents_check(const hd_json_t *content, const char *at,
    hd_contents_fault_pt fault, void *ctx, hd_contents_t *out);
/* the file of a template's header, {media_id | link, filename} */
int hd_contents_file(const hd_json_t *v, const char *at, hd_use_e use,
    hd_contents_fault_pt fault, void *ctx, hd_contents_t *out);

#endif /* HD_CONTENTS_H */
