/*
 * link: the two kinds of address that work without a sign-in, and cannot be
 * guessed or changed: of a file that a provider fetches, and of a link that a
 * person follows.
 *
 *   {public_url}/media/{id}/{token}   token: organisation, expiry, MAC
 *   {public_url}/l/{token}            token: key of the link, delivery, MAC
 *
 * A link's key follows from its batch and its URL, so that nobody must ask the
 * database for it; the directory tells whose it is.  The delivery's number is
 * enciphered under the MAC: who has one token knows nothing of the others.
 */

#ifndef HD_LINK_H
#define HD_LINK_H

#include "base.h"


#define HD_LINK_KEY    8
#define HD_LINK_TOKEN  30              /* characters */
#define HD_FILE_TOKEN  54

void hd_link_key(const unsigned char *secret, const hd_uuid_t *org,
    const hd_uuid_t *batch, const hd_str_t *url,
    unsigned char key[HD_LINK_KEY]);
void hd_link_format(const unsigned char *secret,
    const unsigned char key[HD_LINK_KEY], uint32_t seq,
    unsigned char token[HD_LINK_TOKEN]);
int hd_link_parse(const unsigned char *secret, const hd_str_t *token,
    unsigned char key[HD_LINK_KEY], uint32_t *seq);

/* `until` in seconds; HD_ERROR: forged.  Whether it is over is the caller's
 * to ask. */
void hd_file_link_format(const unsigned char *secret, const hd_uuid_t *org,
    const hd_uuid_t *id, int64_t until, unsigned char token[HD_FILE_TOKEN]);
int hd_file_link_parse(const unsigned char *secret, const hd_uuid_t *id,
    const hd_str_t *token, hd_uuid_t *org, int64_t *until);

/* the next http or https address in a text from `at` on; HD_ERROR: none */
int hd_link_next(const hd_str_t *text, size_t at, hd_str_t *url);

#endif /* HD_LINK_H */
