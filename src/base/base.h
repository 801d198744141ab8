/*
 * base: pure C, no sockets, no clock, no nginx.  Everything here works the
 * same in a worker, in the helper, in the command line and in a unit test.
 *
 * Conventions
 *   - A string is hd_str_t (length + bytes, not NUL-terminated), laid out as
 *     ngx_str_t so that one may be cast to the other.
 *   - Whatever must be allocated comes from an hd_mem_t that the caller gives
 *     (a request's pool, a unit's pool, an arena); nothing is freed singly.
 *   - HD_OK / HD_ERROR are returned by functions that can fail; a NULL pointer
 *     or HD_ERROR from running out of memory is never silent.
 *   - Instants are int64_t microseconds since 1970-01-01 UTC.
 */

#ifndef HD_BASE_H
#define HD_BASE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HD_OK      0
#define HD_ERROR  -1


/* strings */

typedef struct {
    size_t          len;
    unsigned char  *data;
} hd_str_t;

#define hd_str(s)       { sizeof(s) - 1, (unsigned char *) (s) }
#define hd_str_set(p, s)                                                      \
    ((p)->len = sizeof(s) - 1, (p)->data = (unsigned char *) (s))
#define hd_str_eq(p, s)                                                       \
    ((p)->len == sizeof(s) - 1 && memcmp((p)->data, (s), (p)->len) == 0)


/* memory: an allocator and what it allocates from */

typedef struct {
    void         *(*alloc)(void *ctx, size_t size);   /* NULL when exhausted */
    void          *ctx;
} hd_mem_t;

/* A growing arena over malloc, for plain binaries and children. */
typedef struct hd_arena_s  hd_arena_t;

hd_arena_t *hd_arena_create(size_t chunk);
void hd_arena_destroy(hd_arena_t *arena);
hd_mem_t hd_arena_mem(hd_arena_t *arena);

void *hd_alloc(hd_mem_t *mem, size_t size);
void *hd_calloc(hd_mem_t *mem, size_t size);
int hd_str_dup(hd_mem_t *mem, const hd_str_t *src, hd_str_t *dst);
/* a NUL-terminated copy, NULL when out of memory */
char *hd_cstr(hd_mem_t *mem, const hd_str_t *src);


/*
 * A growing byte buffer over malloc.  After a failed allocation `failed` is
 * set, further appends do nothing, and the owner checks once at the end.
 */
typedef struct {
    unsigned char  *data;
    size_t          len;
    size_t          cap;
    unsigned        failed:1;
} hd_buf_t;

void hd_buf_init(hd_buf_t *b);                     /* no allocation yet */
void hd_buf_free(hd_buf_t *b);
void hd_buf_reset(hd_buf_t *b);                    /* keeps the memory */
int hd_buf_reserve(hd_buf_t *b, size_t more);
void hd_buf_add(hd_buf_t *b, const void *data, size_t len);
void hd_buf_str(hd_buf_t *b, const hd_str_t *s);
void hd_buf_z(hd_buf_t *b, const char *z);
void hd_buf_char(hd_buf_t *b, int c);
void hd_buf_int(hd_buf_t *b, int64_t n);
void hd_buf_printf(hd_buf_t *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));


/*
 * JSON, read: yajl's streaming parser under our own caps, made into a tree.
 * Object members keep their order; with duplicate keys the last one wins on
 * look-up (RFC 8259 leaves it open).  Numbers keep their text in `str`.
 * Invalid UTF-8, a NUL in a string (\u0000: PostgreSQL cannot hold it),
 * trailing garbage, or more than `max_depth` levels is an error.
 */
typedef enum {
    HD_JSON_NULL = 0,
    HD_JSON_FALSE,
    HD_JSON_TRUE,
    HD_JSON_NUMBER,
    HD_JSON_STRING,
    HD_JSON_ARRAY,
    HD_JSON_OBJECT
} hd_json_type_e;

typedef struct hd_json_s  hd_json_t;

struct hd_json_s {
    hd_json_type_e   type;
    hd_str_t         key;       /* when a member of an object */
    hd_str_t         str;       /* string value, unescaped; number's text */
    hd_json_t       *child;     /* first element or member */
    hd_json_t       *next;      /* next sibling */
    uint32_t         count;     /* elements or members */
};

typedef struct {
    size_t           offset;    /* byte at which it was noticed */
    char             text[96];  /* what is wrong, in plain words */
} hd_json_error_t;

/* The tree lives in mem; the source may go.  NULL and *err on failure. */
hd_json_t *hd_json_parse(hd_mem_t *mem, const unsigned char *data, size_t len,
    unsigned max_depth, hd_json_error_t *err);
/* the same for what others wrote and must not be lost: \u0000 becomes
 * U+FFFD */
hd_json_t *hd_json_parse_foreign(hd_mem_t *mem, const unsigned char *data,
    size_t len, unsigned max_depth, hd_json_error_t *err);
/* member by key (not recursive); NULL when absent or obj is no object/NULL */
hd_json_t *hd_json_get(const hd_json_t *obj, const char *key);
/* walks "a.b.c"; a number picks an array element: "entry.0.id" */
hd_json_t *hd_json_path(const hd_json_t *v, const char *path);
/* the string value of member key, or an empty string; never NULL data */
hd_str_t hd_json_str(const hd_json_t *obj, const char *key);
/* an integer that fits int64; HD_ERROR when it is none (1.5, 1e3, too big) */
int hd_json_int(const hd_json_t *v, int64_t *out);
/* writes the tree back, compact */
void hd_json_write(hd_buf_t *b, const hd_json_t *v);

/* JSON, write: the text of one value; the caller writes the punctuation. */
void hd_jw_str(hd_buf_t *b, const hd_str_t *s);    /* quoted and escaped */
void hd_jw_z(hd_buf_t *b, const char *z);


/* UTF-8 (RFC 3629: no surrogates, no overlong forms, up to U+10FFFF) */
int hd_utf8_valid(const unsigned char *data, size_t len);    /* 1 or 0 */
size_t hd_utf8_length(const hd_str_t *s);                    /* code points */
/* ISO-8859-1/windows-1252 bytes to UTF-8 */
int hd_latin1_to_utf8(hd_mem_t *mem, const hd_str_t *src, hd_str_t *dst);


/* UUID (RFC 9562) */

typedef struct {
    unsigned char   b[16];
} hd_uuid_t;

/* version 7: unix_ms in the first 48 bits, the rest from getrandom; ids made
 * by one process within one millisecond still rise (a counter in rand_a) */
void hd_uuid_v7(hd_uuid_t *id, int64_t unix_ms);
int hd_uuid_parse(hd_uuid_t *id, const unsigned char *text, size_t len);
void hd_uuid_format(const hd_uuid_t *id, unsigned char *text);  /* 36 bytes */
int hd_uuid_is_nil(const hd_uuid_t *id);
#define hd_uuid_eq(p, q)  (memcmp((p)->b, (q)->b, 16) == 0)


/* time */

#define HD_RFC3339_LEN  (sizeof("2026-11-21T09:30:00.123456Z") - 1)

/* RFC 3339 with Z or an offset, up to 6 fraction digits (more are cut) */
int hd_time_parse(const unsigned char *text, size_t len, int64_t *us);
/* "...T09:30:00Z", with ".123" or ".123456" only when not zero; returns the
 * length */
size_t hd_time_format(unsigned char *text, int64_t us);
/* PostgreSQL's ISO output in UTC ("2026-11-21 09:30:00.123+00") to RFC 3339;
 * returns the length written to `text` (at most 40), 0 when it is no such */
size_t hd_time_from_pg(unsigned char *text, const unsigned char *pg,
    size_t len);
/* "2026-11-21" to days since 1970-01-01, and back (10 bytes) */
int hd_day_parse(const unsigned char *text, size_t len, int32_t *day);
void hd_day_format(unsigned char *text, int32_t day);


/*
 * Money, in millionths of its currency: "250", "0.0588".  Digits with at most
 * six decimals, up to 10^12; no sign, no exponent.
 */
#define HD_DECIMAL_LEN  (sizeof("1000000000000.000000") - 1)

int hd_decimal_parse(const hd_str_t *text, int64_t *millionths);
/* as short as is exact; returns the length */
size_t hd_decimal_format(unsigned char *text, int64_t millionths);


/*
 * The price table: what a message of a category costs in a country from a day
 * on.  CSV with the columns valid_from, country (ISO 3166, or * for all
 * others), category, currency, price; rows that begin with # are remarks.
 */
typedef struct hd_prices_s  hd_prices_t;

typedef struct {
    int64_t          price;             /* millionths */
    int32_t          valid_from;        /* days since 1970-01-01 */
    char             country[2];        /* "KE", "*" */
    char             category;          /* m, u, a, s */
    uint32_t         line;
} hd_price_row_t;

typedef struct {
    uint64_t         line;              /* 0: the file as a whole */
    char             text[192];         /* what was got, what was expected */
} hd_prices_error_t;

/* lives in mem; NULL and *err on failure */
hd_prices_t *hd_prices_parse(hd_mem_t *mem, const unsigned char *data,
    size_t len, hd_prices_error_t *err);
const char *hd_prices_currency(const hd_prices_t *prices);       /* "USD" */
/* sorted by country, category, valid_from */
const hd_price_row_t *hd_prices_rows(const hd_prices_t *prices, size_t *n);
/* the newest row of that day or before, the country's own before *; NULL when
 * there is none.  An empty country has only *. */
const hd_price_row_t *hd_price_row(const hd_prices_t *prices,
    const hd_str_t *country, char category, int32_t day);
/* its price, -1 when there is none */
int64_t hd_price(const hd_prices_t *prices, const hd_str_t *country,
    char category, int32_t day);
/* "marketing" of m; NULL when there is no such */
const char *hd_category_name(char category);


/* digests, tokens, sealing (OpenSSL EVP, libsodium) */

void hd_sha256(const void *data, size_t len, unsigned char out[32]);
void hd_hmac_sha256(const void *key, size_t keylen, const void *data,
    size_t len, unsigned char out[32]);
void hd_hmac_sha512(const void *key, size_t keylen, const void *data,
    size_t len, unsigned char out[64]);
/* only where a provider signs so (Twilio) */
void hd_hmac_sha1(const void *key, size_t keylen, const void *data,
    size_t len, unsigned char out[20]);
/* CRC-32C (Castagnoli): finds torn and rotten bytes, not forged ones */
uint32_t hd_crc32c(const void *data, size_t len);
void hd_hex(unsigned char *out, const unsigned char *data, size_t len);
int hd_unhex(unsigned char *out, const unsigned char *hex, size_t hexlen);
/* constant time in the length */
int hd_equal_ct(const void *a, const void *b, size_t len);           /* 1/0 */
void hd_random(void *out, size_t len);
size_t hd_base64url(unsigned char *out, const unsigned char *data,
    size_t len);                       /* no padding; out has 4*((len+2)/3) */
/* RFC 4648 4, with padding: out has 4*((len+2)/3) and a zero after it; returns
 * the length without that */
size_t hd_base64(unsigned char *out, const unsigned char *data, size_t len);
int hd_base64url_decode(unsigned char *out, size_t *outlen,
    const unsigned char *text, size_t len);

/*
 * Sealing: XChaCha20-Poly1305 (libsodium's ietf aead), a random nonce, and a
 * context that must be the same to open (the row's id, so that a sealed token
 * cannot be moved to another row).  Text form "v1.<key id>.<base64url>", where
 * key id is the first 4 bytes of the key's SHA-256 in hex.
 */
#define HD_SEAL_KEY  32

int hd_seal(hd_mem_t *mem, const unsigned char key[HD_SEAL_KEY],
    const hd_str_t *context, const hd_str_t *plain, hd_str_t *sealed);
int hd_unseal(hd_mem_t *mem, const unsigned char key[HD_SEAL_KEY],
    const hd_str_t *context, const hd_str_t *sealed, hd_str_t *plain);

/* argon2id, 19 MiB, t=2, p=1 (OWASP's minimum); takes tens of milliseconds
 * and must run in a thread.  `hash` has HD_PASSWORD_HASH bytes, a C string. */
#define HD_PASSWORD_HASH  128

int hd_password_hash(char *hash, const char *password, size_t len);
/* HD_OK when it is the password, HD_ERROR when not */
int hd_password_verify(const char *hash, const char *password, size_t len);


/*
 * Phone numbers: E.164 by libphonenumber, behind a C shim.  Its metadata is
 * old, so a number is taken when it is "possible", not only when "valid".
 * `region` is an ISO 3166 country for numbers without "+" (may be empty).
 * e164 receives "+…" (at most 16 bytes, not NUL-terminated).
 */
typedef enum {
    HD_PHONE_OK = 0,
    HD_PHONE_EMPTY,
    HD_PHONE_NOT_A_NUMBER,
    HD_PHONE_NO_COUNTRY,            /* national form and no region */
    HD_PHONE_BAD_COUNTRY,           /* region or calling code unknown */
    HD_PHONE_TOO_SHORT,
    HD_PHONE_TOO_LONG
} hd_phone_e;

typedef struct {
    unsigned char   e164[17];
    size_t          len;
    char            region[3];      /* "KE"; "" when not known */
} hd_phone_t;

hd_phone_e hd_phone_parse(const hd_str_t *text, const char *region,
    hd_phone_t *out);
const char *hd_phone_error(hd_phone_e e);       /* plain words, what to do */
int hd_country_known(const char *region);       /* 1 or 0 */


/*
 * CSV, streamed (libcsv): bytes in, rows out.  A BOM is dropped, the separator
 * (comma, semicolon or tab) is taken from the first line, CRLF, LF and CR end
 * a row, quoted fields may hold newlines, empty lines are skipped.  Fields
 * come as UTF-8: one that is not is taken as windows-1252, and a file that
 * begins with a UTF-16 mark is UTF-16.  Spaces around what is not quoted go.
 * `line` is the physical line (from 1) on which the row began.
 */
typedef struct hd_csv_s  hd_csv_t;

/* fields live only during the call; return HD_ERROR to stop the parser */
typedef int (*hd_csv_row_pt)(void *ctx, uint64_t line, hd_str_t *fields,
    size_t n);

hd_csv_t *hd_csv_create(hd_csv_row_pt row, void *ctx, size_t max_row_bytes);
int hd_csv_feed(hd_csv_t *csv, const unsigned char *data, size_t len);
int hd_csv_finish(hd_csv_t *csv);
const char *hd_csv_error(hd_csv_t *csv);        /* "" when none */
void hd_csv_destroy(hd_csv_t *csv);
/* one field, quoted where needed, and with ' before = + - @ TAB CR (also in
 * their full-width forms) so that no spreadsheet takes it for a formula */
void hd_csv_write(hd_buf_t *b, const hd_str_t *field);


/*
 * Template text: "Hello {{name}}, see {{order|your order}}".  A name is
 * [a-z0-9_.] up to 64 bytes; what follows "|" is the fallback.  Anything that
 * is not such a placeholder stays as it is.
 */
typedef int (*hd_text_lookup_pt)(void *ctx, const hd_str_t *name,
    hd_str_t *value);                           /* HD_OK when known */
typedef int (*hd_text_name_pt)(void *ctx, const hd_str_t *name,
    const hd_str_t *fallback);                  /* fallback->data NULL: none */

/* HD_ERROR when a name is unknown or empty and has no fallback: *missing */
int hd_text_render(hd_buf_t *b, const hd_str_t *text, hd_text_lookup_pt lookup,
    void *ctx, hd_str_t *missing);
int hd_text_names(const hd_str_t *text, hd_text_name_pt each, void *ctx);


/* Statistics of experiments. */

/* how likely a chi-square of `df` degrees of freedom is at least x */
double hd_stats_chi2_tail(double x, unsigned df);
/* p of the chi-square test that hits[i] of sizes[i] have one common rate; 1
 * when there is nothing to tell apart.  *least is the smallest expected count:
 * below 5 the test says little. */
double hd_stats_independence(const int64_t *hits, const int64_t *sizes,
    size_t n, double *least);

#ifdef __cplusplus
}
#endif

#endif /* HD_BASE_H */
