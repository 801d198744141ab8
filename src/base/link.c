/*
 * link: tokens are base64url of a few bytes and a MAC of them, by keys that
 * are derived from the installation's secret.
 */

#include <strings.h>

#include "link.h"


#define HD_LINK_MAC    10
#define HD_LINK_BYTES  (HD_LINK_KEY + 4 + HD_LINK_MAC)
#define HD_FILE_MAC    16
#define HD_FILE_BYTES  (16 + 8 + HD_FILE_MAC)


/* HMAC under a key that is used for nothing else */
static void
hd_link_mac(const unsigned char *secret, const char *purpose,
    const void *data, size_t len, unsigned char out[32])
{
    unsigned char  key[32];

    hd_hmac_sha256(secret, HD_SEAL_KEY, purpose, strlen(purpose), key);
    hd_hmac_sha256(key, sizeof(key), data, len, out);
}


static void
hd_link_put(unsigned char *p, uint64_t n, size_t len)
{
    while (len--) {
        p[len] = (unsigned char) n;
        n >>= 8;
    }
}


static uint64_t
hd_link_get(const unsigned char *p, size_t len)
{
    uint64_t  n;

    for (n = 0; len != 0; len--) {
        n = (n << 8) | *p++;
    }

    return n;
}


void
hd_link_key(const unsigned char *secret, const hd_uuid_t *org,
    const hd_uuid_t *batch, const hd_str_t *url,
    unsigned char key[HD_LINK_KEY])
{
    unsigned char  data[64], mac[32];

    memcpy(data, org->b, 16);
    memcpy(data + 16, batch->b, 16);
    hd_sha256(url->data, url->len, data + 32);

    hd_link_mac(secret, "herald link key", data, sizeof(data), mac);
    memcpy(key, mac, HD_LINK_KEY);
}


/* the delivery's number over the MAC of it and the key */
static void
hd_link_cipher(const unsigned char *secret, unsigned char *bytes)
{
    size_t         i;
    unsigned char  pad[32], data[HD_LINK_KEY + HD_LINK_MAC];

    memcpy(data, bytes, HD_LINK_KEY);
    memcpy(data + HD_LINK_KEY, bytes + HD_LINK_KEY + 4, HD_LINK_MAC);

    hd_link_mac(secret, "herald link pad", data, sizeof(data), pad);

    for (i = 0; i < 4; i++) {
        bytes[HD_LINK_KEY + i] ^= pad[i];
    }
}


void
hd_link_format(const unsigned char *secret,
    const unsigned char key[HD_LINK_KEY], uint32_t seq,
    unsigned char token[HD_LINK_TOKEN])
{
    unsigned char  bytes[HD_LINK_BYTES], mac[32];

    memcpy(bytes, key, HD_LINK_KEY);
    hd_link_put(bytes + HD_LINK_KEY, seq, 4);

    hd_link_mac(secret, "herald link", bytes, HD_LINK_KEY + 4, mac);
    memcpy(bytes + HD_LINK_KEY + 4, mac, HD_LINK_MAC);

    hd_link_cipher(secret, bytes);

    (void) hd_base64url(token, bytes, sizeof(bytes));
}


int
hd_link_parse(const unsigned char *secret, const hd_str_t *token,
    unsigned char key[HD_LINK_KEY], uint32_t *seq)
{
    size_t         len;
    unsigned char  bytes[HD_LINK_BYTES + 2], mac[32];
    unsigned char  again[HD_LINK_TOKEN];

    if (token->len != HD_LINK_TOKEN
        || hd_base64url_decode(bytes, &len, token->data, token->len) != HD_OK
        || len != HD_LINK_BYTES)
    {
        return HD_ERROR;
    }

    /* one token, one spelling */
    (void) hd_base64url(again, bytes, HD_LINK_BYTES);

    if (memcmp(again, token->data, HD_LINK_TOKEN) != 0) {
        return HD_ERROR;
    }

    hd_link_cipher(secret, bytes);
    hd_link_mac(secret, "herald link", bytes, HD_LINK_KEY + 4, mac);

    if (!hd_equal_ct(bytes + HD_LINK_KEY + 4, mac, HD_LINK_MAC)) {
        return HD_ERROR;
    }

    memcpy(key, bytes, HD_LINK_KEY);
    *seq = (uint32_t) hd_link_get(bytes + HD_LINK_KEY, 4);

    return HD_OK;
}


static void
hd_file_link_mac(const unsigned char *secret, const hd_uuid_t *id,
    const unsigned char *bytes, unsigned char mac[32])
{
    unsigned char  data[40];

    memcpy(data, id->b, 16);
    memcpy(data + 16, bytes, 24);

    hd_link_mac(secret, "herald file link", data, sizeof(data), mac);
}


void
hd_file_link_format(const unsigned char *secret, const hd_uuid_t *org,
    const hd_uuid_t *id, int64_t until, unsigned char token[HD_FILE_TOKEN])
{
    unsigned char  bytes[HD_FILE_BYTES], mac[32];

    memcpy(bytes, org->b, 16);
    hd_link_put(bytes + 16, (uint64_t) until, 8);

    hd_file_link_mac(secret, id, bytes, mac);
    memcpy(bytes + 24, mac, HD_FILE_MAC);

    (void) hd_base64url(token, bytes, sizeof(bytes));
}


int
hd_file_link_parse(const unsigned char *secret, const hd_uuid_t *id,
    const hd_str_t *token, hd_uuid_t *org, int64_t *until)
{
    size_t         len;
    unsigned char  bytes[HD_FILE_BYTES + 2], mac[32];

    if (token->len != HD_FILE_TOKEN
        || hd_base64url_decode(bytes, &len, token->data, token->len) != HD_OK
        || len != HD_FILE_BYTES)
    {
        return HD_ERROR;
    }

    hd_file_link_mac(secret, id, bytes, mac);

    if (!hd_equal_ct(bytes + 24, mac, HD_FILE_MAC)) {
        return HD_ERROR;
    }

    memcpy(org->b, bytes, 16);
    *until = (int64_t) hd_link_get(bytes + 16, 8);

    return HD_OK;
}


/* what may stand in an address; a full stop or bracket behind it is the
 * sentence's */
static int
hd_link_char(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '"' && c != '<' && c != '>'
           && c != '\\' && c != '^' && c != '`' && c != '{' && c != '|'
           && c != '}';
}


int
hd_link_next(const hd_str_t *text, size_t at, hd_str_t *url)
{
    size_t                n, scheme;
    const unsigned char  *p, *last;

    last = text->data + text->len;

    for (p = text->data + at; p < last; p++) {

        scheme = ((size_t) (last - p) > 8
                  && strncasecmp((const char *) p, "https://", 8) == 0) ? 8
                 : ((size_t) (last - p) > 7
                    && strncasecmp((const char *) p, "http://", 7) == 0) ? 7
                 : 0;

        if (scheme == 0) {
            continue;
        }

        for (n = scheme; p + n < last && hd_link_char(p[n]); n++) {
            /* void */
        }

        while (n > scheme && strchr(".,;:!?)]'*_~", p[n - 1])) {
            n--;
        }

        if (n > scheme) {
            url->data = (unsigned char *) p;
            url->len = n;

            return HD_OK;
        }
    }

    return HD_ERROR;
}
