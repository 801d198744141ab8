/*
 * hash: over libsodium, whose state is plain memory and cannot fail.
 */

#include <stdlib.h>

#include <sodium.h>

#include "hash.h"


struct hd_hash_s {
    crypto_hash_sha256_state  state;
};


hd_hash_t *
hd_hash_create(void)
{
    hd_hash_t  *h;

    h = malloc(sizeof(hd_hash_t));

    if (h != NULL) {
        (void) crypto_hash_sha256_init(&h->state);
    }

    return h;
}


void
hd_hash_update(hd_hash_t *h, const void *data, size_t len)
{
    (void) crypto_hash_sha256_update(&h->state, data, len);
}


void
hd_hash_final(hd_hash_t *h, unsigned char out[32])
{
    (void) crypto_hash_sha256_final(&h->state, out);
}


void
hd_hash_destroy(hd_hash_t *h)
{
    free(h);
}
