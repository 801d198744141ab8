/*
 * digest: SHA-256, HMAC, hex, base64url, random bytes.
 *
 * OpenSSL 3 spends more time on looking an algorithm up and on allocating a
 * context than on hashing a webhook, so each thread keeps one fetched EVP_MD
 * and one EVP_MD_CTX, and HMAC is built here from two digests.  Should OpenSSL
 * refuse (out of memory), libsodium's portable code answers instead: these
 * functions have no way to fail, and a wrong digest would be worse than a slow
 * one.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "base.h"


#define HD_SHA256_BLOCK  64


typedef struct {
    EVP_MD         *md;
    EVP_MD_CTX     *ctx;
} hd_digest_t;


static __thread hd_digest_t  hd_digest;


static EVP_MD_CTX *
hd_digest_start(void)
{
    hd_digest_t  *d;

    d = &hd_digest;

    if (d->ctx == NULL) {
        d->md = EVP_MD_fetch(NULL, "SHA256", NULL);
        if (d->md == NULL) {
            return NULL;
        }

        d->ctx = EVP_MD_CTX_new();
        if (d->ctx == NULL) {
            EVP_MD_free(d->md);
            d->md = NULL;
            return NULL;
        }
    }

    return (EVP_DigestInit_ex2(d->ctx, d->md, NULL) == 1) ? d->ctx : NULL;
}


void
hd_sha256(const void *data, size_t len, unsigned char out[32])
{
    EVP_MD_CTX  *ctx;

    ctx = hd_digest_start();

    if (ctx == NULL
        || EVP_DigestUpdate(ctx, data, len) != 1
        || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
    {
        (void) crypto_hash_sha256(out, data, len);
    }
}


static int
hd_hmac_part(const unsigned char pad[HD_SHA256_BLOCK], const void *data,
    size_t len, unsigned char out[32])
{
    EVP_MD_CTX  *ctx;

    ctx = hd_digest_start();

    if (ctx == NULL
        || EVP_DigestUpdate(ctx, pad, HD_SHA256_BLOCK) != 1
        || EVP_DigestUpdate(ctx, data, len) != 1
        || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
    {
        return HD_ERROR;
    }

    return HD_OK;
}


void
hd_hmac_sha256(const void *key, size_t keylen, const void *data, size_t len,
    unsigned char out[32])
{
    size_t                        i;
    unsigned char                 pad[HD_SHA256_BLOCK], inner[32];
    crypto_auth_hmacsha256_state  state;

    memset(pad, 0, sizeof(pad));

    if (keylen > HD_SHA256_BLOCK) {
        hd_sha256(key, keylen, pad);

    } else if (keylen != 0) {
        memcpy(pad, key, keylen);
    }

    for (i = 0; i < HD_SHA256_BLOCK; i++) {
        pad[i] ^= 0x36;
    }

    if (hd_hmac_part(pad, data, len, inner) == HD_OK) {

        for (i = 0; i < HD_SHA256_BLOCK; i++) {
            pad[i] ^= 0x36 ^ 0x5c;
        }

        if (hd_hmac_part(pad, inner, sizeof(inner), out) == HD_OK) {
            goto done;
        }
    }

    crypto_auth_hmacsha256_init(&state, key, keylen);
    crypto_auth_hmacsha256_update(&state, data, len);
    crypto_auth_hmacsha256_final(&state, out);
    OPENSSL_cleanse(&state, sizeof(state));

done:

    OPENSSL_cleanse(pad, sizeof(pad));
    OPENSSL_cleanse(inner, sizeof(inner));
}


void
hd_hex(unsigned char *out, const unsigned char *data, size_t len)
{
    size_t  i;

    static const char  digits[] = "0123456789abcdef";

    for (i = 0; i < len; i++) {
        *out++ = (unsigned char) digits[data[i] >> 4];
        *out++ = (unsigned char) digits[data[i] & 0x0f];
    }
}


static int
hd_unhex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }

    return -1;
}


int
hd_unhex(unsigned char *out, const unsigned char *hex, size_t hexlen)
{
    int     high, low;
    size_t  i;

    if (hexlen % 2 != 0) {
        return HD_ERROR;
    }

    for (i = 0; i < hexlen; i += 2) {
        high = hd_unhex_digit(hex[i]);
        low = hd_unhex_digit(hex[i + 1]);

        if (high < 0 || low < 0) {
            return HD_ERROR;
        }

        *out++ = (unsigned char) (high << 4 | low);
    }

    return HD_OK;
}


int
hd_equal_ct(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}


void
hd_random(void *out, size_t len)
{
    ssize_t         n;
    unsigned char  *p;

    for (p = out; len != 0; p += n, len -= (size_t) n) {

        n = getrandom(p, len, 0);

        if (n < 0) {
            if (errno != EINTR) {
                /* ids and keys from anything weaker would be worse */
                abort();
            }

            n = 0;
        }
    }
}


size_t
hd_base64url(unsigned char *out, const unsigned char *data, size_t len)
{
    size_t          i;
    unsigned        v;
    unsigned char  *p;

    static const char  digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    p = out;

    for (i = 0; i + 2 < len; i += 3) {
        v = (unsigned) data[i] << 16 | (unsigned) data[i + 1] << 8
            | data[i + 2];

        *p++ = (unsigned char) digits[v >> 18];
        *p++ = (unsigned char) digits[v >> 12 & 0x3f];
        *p++ = (unsigned char) digits[v >> 6 & 0x3f];
        *p++ = (unsigned char) digits[v & 0x3f];
    }

    if (i < len) {
        v = (unsigned) data[i] << 16;
        if (i + 1 < len) {
            v |= (unsigned) data[i + 1] << 8;
        }

        *p++ = (unsigned char) digits[v >> 18];
        *p++ = (unsigned char) digits[v >> 12 & 0x3f];

        if (i + 1 < len) {
            *p++ = (unsigned char) digits[v >> 6 & 0x3f];
        }
    }

    return (size_t) (p - out);
}


static int
hd_base64url_digit(unsigned char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }

    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }

    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }

    return (c == '-') ? 62 : (c == '_') ? 63 : -1;
}


int
hd_base64url_decode(unsigned char *out, size_t *outlen,
    const unsigned char *text, size_t len)
{
    int             d;
    size_t          i;
    unsigned        v, bits;
    unsigned char  *p;

    p = out;
    v = 0;
    bits = 0;

    for (i = 0; i < len; i++) {

        d = hd_base64url_digit(text[i]);
        if (d < 0) {
            return HD_ERROR;
        }

        v = (v << 6 | (unsigned) d) & 0xfff;
        bits += 6;

        if (bits >= 8) {
            bits -= 8;
            *p++ = (unsigned char) (v >> bits);
        }
    }

    /* one text for one value: no half byte left over, and no bits in it */
    if (bits == 6 || (v & ((1u << bits) - 1)) != 0) {
        return HD_ERROR;
    }

    *outlen = (size_t) (p - out);

    return HD_OK;
}
