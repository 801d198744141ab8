/*
 * sha512: HMAC-SHA512, which WAHA signs its webhooks with.  libsodium's code:
 * it takes a key of any length, allocates nothing and cannot fail.
 */

#include <sodium.h>

#include "base.h"


void
hd_hmac_sha512(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char out[64])
{
    crypto_auth_hmacsha512_state  state;

    (void) crypto_auth_hmacsha512_init(&state, key, keylen);
    (void) crypto_auth_hmacsha512_update(&state, data, len);
    (void) crypto_auth_hmacsha512_final(&state, out);

    sodium_memzero(&state, sizeof(state));
}
