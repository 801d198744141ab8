/*
 * twilio_form: urlencoded forms, and X-Twilio-Signature over them: base64 of
 * HMAC-SHA1, by the auth token, over the URL as Twilio called it and then, for
 * each key in bytewise order, the key and its values, sorted and each once
 * (twilio.com/docs/usage/security).  A body that is no form is signed by its
 * SHA-256 in the URL's bodySHA256.
 *
 * What stands before us may have taken a port away or added it, so the URL
 * counts with and without it.
 */

#include <stdlib.h>

#include "twilio.h"


/* "+" is a space; what is no escape stays as it is */
static int
hd_twilio_unescape(hd_mem_t *mem, const unsigned char *p, size_t len,
    hd_str_t *out)
{
    size_t          i;
    unsigned char  *d;

    d = hd_alloc(mem, len + 1);
    if (d == NULL) {
        return HD_ERROR;
    }

    out->data = d;

    for (i = 0; i < len; i++) {

        if (p[i] == '%' && len - i >= 3 && hd_unhex(d, p + i + 1, 2) == HD_OK)
        {
            d++;
            i += 2;
            continue;
        }

        *d++ = (p[i] == '+') ? ' ' : p[i];
    }

    out->len = (size_t) (d - out->data);

    return HD_OK;
}


int
hd_twilio_form(hd_mem_t *mem, const hd_str_t *body,
    hd_twilio_param_t **params, size_t *n)
{
    size_t                i;
    hd_twilio_param_t    *p;
    const unsigned char  *at, *end, *next, *eq;

    *n = 0;
    *params = NULL;

    if (body->len == 0) {
        return HD_OK;
    }

    end = body->data + body->len;

    for (i = 1, at = body->data; at < end; at++) {
        i += (*at == '&');
    }

    if (i > HD_TWILIO_PARAMS) {
        return HD_ERROR;
    }

    p = hd_calloc(mem, i * sizeof(hd_twilio_param_t));
    if (p == NULL) {
        return HD_ERROR;
    }

    for (at = body->data; at < end; at = next + 1) {

        next = memchr(at, '&', (size_t) (end - at));
        if (next == NULL) {
            next = end;
        }

        if (next == at) {
            continue;
        }

        eq = memchr(at, '=', (size_t) (next - at));
        if (eq == NULL) {
            eq = next;
        }

        if (hd_twilio_unescape(mem, at, (size_t) (eq - at), &p[*n].key)
            != HD_OK
            || hd_twilio_unescape(mem, eq < next ? eq + 1 : next,
                                  eq < next ? (size_t) (next - eq) - 1 : 0,
                                  &p[*n].value)
               != HD_OK)
        {
            return HD_ERROR;
        }

        (*n)++;
    }

    *params = p;

    return HD_OK;
}


hd_str_t
hd_twilio_param(const hd_twilio_param_t *params, size_t n, const char *key)
{
    size_t    i;
    hd_str_t  none = hd_str("");

    for (i = 0; i < n; i++) {
        if (params[i].key.len == strlen(key)
            && memcmp(params[i].key.data, key, params[i].key.len) == 0)
        {
            return params[i].value;
        }
    }

    return none;
}


static int
hd_twilio_order(const hd_str_t *a, const hd_str_t *b)
{
    int     rc;
    size_t  len;

    len = a->len < b->len ? a->len : b->len;
    rc = len ? memcmp(a->data, b->data, len) : 0;

    if (rc != 0) {
        return rc;
    }

    return (a->len > b->len) - (a->len < b->len);
}


static int
hd_twilio_compare(const void *one, const void *two)
{
    int                       rc;
    const hd_twilio_param_t  *a = one, *b = two;

    rc = hd_twilio_order(&a->key, &b->key);

    return rc ? rc : hd_twilio_order(&a->value, &b->value);
}


/* keys and values as they are signed, behind the URL that will stand before */
static void
hd_twilio_signed(hd_buf_t *b, hd_twilio_param_t *p, size_t n)
{
    size_t  i;

    if (n > 1) {
        qsort(p, n, sizeof(hd_twilio_param_t), hd_twilio_compare);
    }

    for (i = 0; i < n; i++) {
        if (i && hd_twilio_compare(&p[i - 1], &p[i]) == 0) {
            continue;
        }

        hd_buf_str(b, &p[i].key);
        hd_buf_str(b, &p[i].value);
    }
}


static int
hd_twilio_matches(const hd_str_t *key, const hd_str_t *signature,
    const hd_buf_t *text)
{
    unsigned char  digest[20], ours[32];

    if (text->failed || signature->len != 28) {
        return 0;
    }

    hd_hmac_sha1(key->data, key->len, text->data, text->len, digest);
    (void) hd_base64(ours, digest, sizeof(digest));

    return hd_equal_ct(ours, signature->data, 28);
}


/*
 * `way` 0: the URL as it is; 1: with the port that its scheme has by itself;
 * 2: without any port.  0 when that is the same as it is.
 */
static int
hd_twilio_url(hd_buf_t *b, const hd_str_t *url, int way)
{
    size_t                skip;
    const unsigned char  *host, *end, *port, *path;

    if (way == 0) {
        hd_buf_str(b, url);
        return 1;
    }

    end = url->data + url->len;
    skip = (url->len > 8 && memcmp(url->data, "https://", 8) == 0) ? 8
           : (url->len > 7 && memcmp(url->data, "http://", 7) == 0) ? 7 : 0;

    if (skip == 0) {
        return 0;
    }

    host = url->data + skip;

    for (path = host; path < end && *path != '/' && *path != '?'; path++) {
        /* void */
    }

    for (port = path; port > host && port[-1] >= '0' && port[-1] <= '9';
         port--)
    {
        /* void */
    }

    if (port == path || port == host || port[-1] != ':') {
        port = NULL;
    }

    if ((way == 1) == (port != NULL)) {
        return 0;
    }

    if (way == 1) {
        hd_buf_add(b, url->data, (size_t) (path - url->data));
        hd_buf_z(b, skip == 8 ? ":443" : ":80");

    } else {
        hd_buf_add(b, url->data, (size_t) (port - 1 - url->data));
    }

    hd_buf_add(b, path, (size_t) (end - path));

    return 1;
}


/* the URL holds the SHA-256 of a body that is no form */
static int
hd_twilio_body(const hd_str_t *url, const hd_str_t *body)
{
    size_t                i;
    unsigned char         digest[32], given[32];
    const unsigned char  *p;

    static const char  name[] = "bodySHA256=";

    for (i = 0; i + sizeof(name) - 1 + 64 <= url->len; i++) {
        p = url->data + i;

        if (i == 0 || (p[-1] != '?' && p[-1] != '&')
            || memcmp(p, name, sizeof(name) - 1) != 0)
        {
            continue;
        }

        if (hd_unhex(given, p + sizeof(name) - 1, 64) != HD_OK) {
            return 0;
        }

        hd_sha256(body->data, body->len, digest);

        return hd_equal_ct(digest, given, sizeof(digest));
    }

    return -1;
}


int
hd_twilio_verify(const hd_account_t *account, const hd_proof_t *proof)
{
    int                 way, ok, body;
    size_t              n;
    hd_buf_t            b, params;
    hd_mem_t            mem;
    hd_arena_t         *arena;
    const hd_str_t     *key;
    hd_twilio_param_t  *p;

    key = account->app_secret.len ? &account->app_secret : &account->token;

    if (key->len == 0 || proof->signature.len == 0 || proof->url.len == 0) {
        return 0;
    }

    body = hd_twilio_body(&proof->url, &proof->body);

    if (body == 0) {
        return 0;
    }

    arena = hd_arena_create(8192);
    if (arena == NULL) {
        return 0;
    }

    mem = hd_arena_mem(arena);
    hd_buf_init(&b);
    hd_buf_init(&params);
    ok = 0;

    if (body == -1) {
        if (hd_twilio_form(&mem, &proof->body, &p, &n) != HD_OK) {
            goto done;
        }

        hd_twilio_signed(&params, p, n);
    }

    for (way = 0; way < 3 && !ok; way++) {
        hd_buf_reset(&b);

        if (hd_twilio_url(&b, &proof->url, way)) {
            hd_buf_add(&b, params.data, params.len);
            ok = !params.failed
                 && hd_twilio_matches(key, &proof->signature, &b);
        }
    }

done:

    hd_buf_free(&b);
    hd_buf_free(&params);
    hd_arena_destroy(arena);

    return ok;
}
