/*
 * filetype: what a file is, by its first bytes and never by its name, and as
 * what it may be sent (domain.md 4.7).
 */

#ifndef HD_FILETYPE_H
#define HD_FILETYPE_H

#include "base.h"


#define HD_FILETYPE_HEAD  4096         /* bytes that are looked at */
#define HD_FILE_MAX       (100 * 1024 * 1024)

typedef enum {
    HD_USE_IMAGE = 0,
    HD_USE_VIDEO,
    HD_USE_AUDIO,
    HD_USE_DOCUMENT,
    HD_USE_STICKER,
    HD_USES
} hd_use_e;

#define hd_use_bit(use)  (1u << (use))

typedef struct {
    const char  *mime;
    const char  *ext;                  /* "jpg" */
    unsigned     uses;                 /* hd_use_bit() of what it may be */
} hd_filetype_t;

/* NULL: none that may be sent.  The name is asked only where the bytes are the
 * same for several types (the old office formats, text). */
const hd_filetype_t *hd_filetype(const unsigned char *data, size_t len,
    const hd_str_t *name);
/* by its own word, parameters after ';' left out; NULL: not known */
const hd_filetype_t *hd_filetype_mime(const hd_str_t *mime);

/* "image"; HD_USES: none */
hd_use_e hd_use_find(const hd_str_t *name);
const char *hd_use_name(hd_use_e use);
int64_t hd_use_max(hd_use_e use);      /* bytes */
/* "image/jpeg, image/png" */
void hd_use_mimes(hd_use_e use, char *text, size_t size);

#endif /* HD_FILETYPE_H */
