/*
 * seal: secrets at rest.  The sealed text is
 *
 *     "v1." 8 hex digits "." base64url( nonce 24 | ciphertext | tag 16 )
 *
 * and the context (the row's id) is authenticated without being stored, so
 * that what was sealed for one row opens nowhere else.
 */

#include <sodium.h>

#include "base.h"


#define HD_SEAL_ID      4
#define HD_SEAL_PREFIX  (3 + 2 * HD_SEAL_ID + 1)
#define HD_SEAL_NONCE   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define HD_SEAL_TAG     crypto_aead_xchacha20poly1305_ietf_ABYTES

_Static_assert(HD_SEAL_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
               "the key has the cipher's size");


static void
hd_seal_prefix(unsigned char prefix[HD_SEAL_PREFIX],
    const unsigned char key[HD_SEAL_KEY])
{
    unsigned char  hash[32];

    hd_sha256(key, HD_SEAL_KEY, hash);

    memcpy(prefix, "v1.", 3);
    hd_hex(prefix + 3, hash, HD_SEAL_ID);
    prefix[HD_SEAL_PREFIX - 1] = '.';
}


int
hd_seal(hd_mem_t *mem, const unsigned char key[HD_SEAL_KEY],
    const hd_str_t *context, const hd_str_t *plain, hd_str_t *sealed)
{
    size_t               len;
    unsigned char       *raw, *text;
    unsigned long long   n;

    if (plain->len > UINT32_MAX || sodium_init() < 0) {
        return HD_ERROR;
    }

    len = HD_SEAL_NONCE + plain->len + HD_SEAL_TAG;

    raw = hd_alloc(mem, len);
    text = hd_alloc(mem, HD_SEAL_PREFIX + 4 * ((len + 2) / 3));
    if (raw == NULL || text == NULL) {
        return HD_ERROR;
    }

    hd_random(raw, HD_SEAL_NONCE);

    if (crypto_aead_xchacha20poly1305_ietf_encrypt(raw + HD_SEAL_NONCE, &n,
                                                   plain->data, plain->len,
                                                   context->data, context->len,
                                                   NULL, raw, key)
        != 0)
    {
        return HD_ERROR;
    }

    hd_seal_prefix(text, key);

    sealed->data = text;
    sealed->len = HD_SEAL_PREFIX
                  + hd_base64url(text + HD_SEAL_PREFIX, raw,
                                 HD_SEAL_NONCE + (size_t) n);

    return HD_OK;
}


int
hd_unseal(hd_mem_t *mem, const unsigned char key[HD_SEAL_KEY],
    const hd_str_t *context, const hd_str_t *sealed, hd_str_t *plain)
{
    size_t               len;
    unsigned char       *raw, *out, prefix[HD_SEAL_PREFIX];
    unsigned long long   n;

    if (sealed->len < HD_SEAL_PREFIX || sodium_init() < 0) {
        return HD_ERROR;
    }

    hd_seal_prefix(prefix, key);

    if (memcmp(sealed->data, prefix, HD_SEAL_PREFIX) != 0) {
        return HD_ERROR;
    }

    raw = hd_alloc(mem, sealed->len);
    if (raw == NULL) {
        return HD_ERROR;
    }

    if (hd_base64url_decode(raw, &len, sealed->data + HD_SEAL_PREFIX,
                            sealed->len - HD_SEAL_PREFIX)
        != HD_OK
        || len < HD_SEAL_NONCE + HD_SEAL_TAG)
    {
        return HD_ERROR;
    }

    /* never empty, and NUL-terminated: tokens end up in C strings */
    out = hd_calloc(mem, len - HD_SEAL_NONCE - HD_SEAL_TAG + 1);
    if (out == NULL) {
        return HD_ERROR;
    }

    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &n, NULL,
                                                   raw + HD_SEAL_NONCE,
                                                   len - HD_SEAL_NONCE,
                                                   context->data, context->len,
                                                   raw, key)
        != 0)
    {
        return HD_ERROR;
    }

    plain->data = out;
    plain->len = (size_t) n;

    return HD_OK;
}
