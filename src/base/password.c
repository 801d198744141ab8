/*
 * password: argon2id through libsodium.  Slow and hungry on purpose (19 MiB,
 * two passes): call it in a thread, never on an event loop.
 */

#include <sodium.h>

#include "base.h"


#define HD_PASSWORD_OPS     2
#define HD_PASSWORD_MEMORY  19922944

_Static_assert(HD_PASSWORD_HASH >= crypto_pwhash_argon2id_STRBYTES,
               "a hash fits its buffer");


int
hd_password_hash(char *hash, const char *password, size_t len)
{
    if (sodium_init() < 0) {
        return HD_ERROR;
    }

    memset(hash, 0, HD_PASSWORD_HASH);

    if (crypto_pwhash_argon2id_str(hash, password, len, HD_PASSWORD_OPS,
                                   HD_PASSWORD_MEMORY)
        != 0)
    {
        return HD_ERROR;
    }

    return HD_OK;
}


int
hd_password_verify(const char *hash, const char *password, size_t len)
{
    if (sodium_init() < 0 || strnlen(hash, HD_PASSWORD_HASH)
                             == HD_PASSWORD_HASH)
    {
        return HD_ERROR;
    }

    if (crypto_pwhash_argon2id_str_verify(hash, password, len) != 0) {
        return HD_ERROR;
    }

    return HD_OK;
}
