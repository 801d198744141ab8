/*
 * digest_more: what only one provider or another asks for.
 */

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base.h"


void
hd_hmac_sha1(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char out[20])
{
    unsigned  n;

    n = 20;

    /* a digest that is wrong refuses: that is the side to fail on */
    if (HMAC(EVP_sha1(), key, (int) keylen, data, len, out, &n) == NULL) {
        hd_random(out, 20);
    }
}


size_t
hd_base64(unsigned char *out, const unsigned char *data, size_t len)
{
    return (size_t) EVP_EncodeBlock(out, data, (int) len);
}
