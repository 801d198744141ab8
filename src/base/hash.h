/*
 * hash: SHA-256 of what comes in pieces.
 */

#ifndef HD_HASH_H
#define HD_HASH_H

#include "base.h"


typedef struct hd_hash_s  hd_hash_t;

hd_hash_t *hd_hash_create(void);       /* NULL: out of memory */
void hd_hash_update(hd_hash_t *h, const void *data, size_t len);
void hd_hash_final(hd_hash_t *h, unsigned char out[32]);
void hd_hash_destroy(hd_hash_t *h);    /* NULL is fine */

#endif /* HD_HASH_H */
