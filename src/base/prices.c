/*
 * prices: the dated table of what a message costs, and amounts as text.
 *
 * Rows are sorted by (country, category, valid_from), so that the price of a
 * day is the last row not after it: a binary search, made for each message.
 */

#include "base.h"

#include <stdio.h>
#include <stdlib.h>


#define HD_MILLION      INT64_C(1000000)
#define HD_DECIMAL_MAX  (HD_MILLION * HD_MILLION * HD_MILLION)
/* a delivery keeps its cost in 32 bits */
#define HD_PRICE_MAX    (INT64_C(2000) * HD_MILLION)
#define HD_PRICES_MAX   65536
#define HD_PRICE_COLS   5


struct hd_prices_s {
    hd_price_row_t      *rows;
    size_t               n;
    char                 currency[4];
};

typedef struct {
    hd_price_row_t      *rows;             /* malloc */
    size_t               n, size;
    char                 currency[4];      /* "": no row yet */
    unsigned             header:1;         /* was seen */
    hd_prices_error_t   *err;
} hd_prices_ctx_t;


static const char *const  hd_price_columns[HD_PRICE_COLS] = {
    "valid_from", "country", "category", "currency", "price"
};

static const struct {
    char         category;
    const char  *name;
} hd_categories[] = {
    { 'm', "marketing" },
    { 'u', "utility" },
    { 'a', "authentication" },
    { 's', "service" }
};

#define HD_CATEGORIES  (sizeof(hd_categories) / sizeof(hd_categories[0]))


int
hd_decimal_parse(const hd_str_t *text, int64_t *millionths)
{
    int      places;
    size_t   i;
    int64_t  v;

    v = 0;
    places = -1;                           /* after the point; -1: before it */

    for (i = 0; i < text->len; i++) {

        if (text->data[i] == '.' && places < 0 && i > 0) {
            places = 0;
            continue;
        }

        if (text->data[i] < '0' || text->data[i] > '9' || places == 6
            || v > HD_DECIMAL_MAX / 10)
        {
            return HD_ERROR;
        }

        v = v * 10 + (text->data[i] - '0');

        if (places >= 0) {
            places++;
        }
    }

    if (text->len == 0 || places == 0) {
        return HD_ERROR;
    }

    for (places = places < 0 ? 0 : places; places < 6; places++) {
        if (v > HD_DECIMAL_MAX / 10) {
            return HD_ERROR;
        }

        v *= 10;
    }

    *millionths = v;

    return HD_OK;
}


size_t
hd_decimal_format(unsigned char *text, int64_t millionths)
{
    int      n;
    char     t[48];
    int64_t  v;

    v = millionths < 0 ? -millionths : millionths;

    n = snprintf(t, sizeof(t), "%s%lld.%06lld", millionths < 0 ? "-" : "",
                 (long long) (v / HD_MILLION), (long long) (v % HD_MILLION));

    while (t[n - 1] == '0') {
        n--;
    }

    if (t[n - 1] == '.') {
        n--;
    }

    memcpy(text, t, (size_t) n);

    return (size_t) n;
}


const char *
hd_category_name(char category)
{
    size_t  i;

    for (i = 0; i < HD_CATEGORIES; i++) {
        if (hd_categories[i].category == category) {
            return hd_categories[i].name;
        }
    }

    return NULL;
}


static int
hd_price_fault(hd_prices_ctx_t *ctx, uint64_t line, const char *column,
    const hd_str_t *got, const char *expected)
{
    int  len;

    len = (int) (got->len < 40 ? got->len : 40);

    while (len > 0 && (size_t) len < got->len
           && (got->data[len] & 0xc0) == 0x80)
    {
        len--;
    }

    ctx->err->line = line;
    snprintf(ctx->err->text, sizeof(ctx->err->text),
             "%s is \"%.*s\", expected %s", column, len,
             (const char *) got->data, expected);

    return HD_ERROR;
}


static int
hd_price_word(const hd_str_t *s, const char *word)
{
    return s->len == strlen(word) && memcmp(s->data, word, s->len) == 0;
}


static int
hd_price_upper(const hd_str_t *s, size_t len)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if (s->data[i] < 'A' || s->data[i] > 'Z') {
            return 0;
        }
    }

    return s->len == len;
}


static int
hd_price_country(const hd_str_t *s, char country[2])
{
    char  region[3];

    country[1] = '\0';

    if (hd_price_word(s, "*")) {
        country[0] = '*';
        return HD_OK;
    }

    if (!hd_price_upper(s, 2)) {
        return HD_ERROR;
    }

    memcpy(region, s->data, 2);
    region[2] = '\0';
    memcpy(country, region, 2);

    /* "UK" would never be any contact's country */
    return hd_country_known(region) ? HD_OK : HD_ERROR;
}


static int
hd_price_header(hd_prices_ctx_t *ctx, uint64_t line, hd_str_t *fields,
    size_t n)
{
    size_t    i;
    hd_str_t  none = hd_str("");

    for (i = 0; i < HD_PRICE_COLS; i++) {
        if (i >= n || !hd_price_word(&fields[i], hd_price_columns[i])) {
            return hd_price_fault(ctx, line, "the header",
                                  i < n ? &fields[i] : &none,
                                  "valid_from,country,category,currency,"
                                  "price");
        }
    }

    ctx->header = 1;

    return HD_OK;
}


static int
hd_price_values(hd_prices_ctx_t *ctx, uint64_t line, hd_str_t *f,
    hd_price_row_t *row)
{
    size_t  i;

    if (hd_day_parse(f[0].data, f[0].len, &row->valid_from) != HD_OK) {
        return hd_price_fault(ctx, line, "valid_from", &f[0],
                              "a day such as 2027-01-31");
    }

    if (hd_price_country(&f[1], row->country) != HD_OK) {
        return hd_price_fault(ctx, line, "country", &f[1], "an ISO 3166 "
                              "country such as KE, or * for all others");
    }

    for (i = 0; i < HD_CATEGORIES; i++) {
        if (hd_price_word(&f[2], hd_categories[i].name)) {
            row->category = hd_categories[i].category;
            break;
        }
    }

    if (i == HD_CATEGORIES) {
        return hd_price_fault(ctx, line, "category", &f[2], "marketing, "
                              "utility, authentication or service");
    }

    if (!hd_price_upper(&f[3], 3)) {
        return hd_price_fault(ctx, line, "currency", &f[3],
                              "an ISO 4217 currency such as USD");
    }

    if (ctx->currency[0] == '\0') {
        memcpy(ctx->currency, f[3].data, 3);

    } else if (!hd_price_word(&f[3], ctx->currency)) {
        return hd_price_fault(ctx, line, "currency", &f[3],
                              "the one of the rows above: a table has one");
    }

    if (hd_decimal_parse(&f[4], &row->price) != HD_OK
        || row->price > HD_PRICE_MAX)
    {
        return hd_price_fault(ctx, line, "price", &f[4], "a number up to 2000 "
                              "with at most six decimals, such as 0.0588");
    }

    return HD_OK;
}


static int
hd_price_take(void *data, uint64_t line, hd_str_t *fields, size_t n)
{
    size_t            size;
    hd_str_t          none = hd_str("");
    hd_price_row_t   *row;
    hd_prices_ctx_t  *ctx = data;

    if (n && fields[0].len && fields[0].data[0] == '#') {
        return HD_OK;
    }

    /* spreadsheets leave empty columns behind */
    while (n > HD_PRICE_COLS && fields[n - 1].len == 0) {
        n--;
    }

    if (!ctx->header) {
        return hd_price_header(ctx, line, fields, n);
    }

    if (n != HD_PRICE_COLS) {
        return hd_price_fault(ctx, line, "the row", n ? &fields[0] : &none,
                              "five columns: valid_from,country,category,"
                              "currency,price");
    }

    if (ctx->n == ctx->size) {
        size = ctx->size ? ctx->size * 2 : 256;
        row = NULL;

        if (size <= HD_PRICES_MAX) {
            row = realloc(ctx->rows, size * sizeof(hd_price_row_t));
        }

        if (row == NULL) {
            ctx->err->line = line;
            snprintf(ctx->err->text, sizeof(ctx->err->text),
                     "there is no room for more than %zu rows", ctx->n);
            return HD_ERROR;
        }

        ctx->rows = row;
        ctx->size = size;
    }

    row = &ctx->rows[ctx->n];
    memset(row, 0, sizeof(hd_price_row_t));
    row->line = (uint32_t) line;

    if (hd_price_values(ctx, line, fields, row) != HD_OK) {
        return HD_ERROR;
    }

    ctx->n++;

    return HD_OK;
}


static int
hd_price_order(const hd_price_row_t *a, const char country[2], char category,
    int32_t day)
{
    int  rc;

    rc = memcmp(a->country, country, 2);

    if (rc == 0) {
        rc = (unsigned char) a->category - (unsigned char) category;
    }

    if (rc == 0) {
        rc = (a->valid_from > day) - (a->valid_from < day);
    }

    return rc;
}


static int
hd_price_cmp(const void *one, const void *two)
{
    const hd_price_row_t  *b = two;

    return hd_price_order(one, b->country, b->category, b->valid_from);
}


/* sorted, each key once, in the caller's memory */
static hd_prices_t *
hd_prices_make(hd_mem_t *mem, hd_prices_ctx_t *ctx)
{
    size_t              i;
    hd_prices_t        *p;
    hd_prices_error_t  *err;

    err = ctx->err;

    if (ctx->n == 0) {
        snprintf(err->text, sizeof(err->text), "there is no price in it");
        return NULL;
    }

    qsort(ctx->rows, ctx->n, sizeof(hd_price_row_t), hd_price_cmp);

    for (i = 1; i < ctx->n; i++) {
        if (hd_price_cmp(&ctx->rows[i - 1], &ctx->rows[i]) == 0) {
            err->line = ctx->rows[i].line;

            if (ctx->rows[i - 1].line > err->line) {
                err->line = ctx->rows[i - 1].line;
            }

            snprintf(err->text, sizeof(err->text), "this day, country and "
                     "category stand on line %u already",
                     ctx->rows[i].line == err->line ? ctx->rows[i - 1].line
                                                    : ctx->rows[i].line);
            return NULL;
        }
    }

    p = hd_alloc(mem, sizeof(hd_prices_t));
    if (p == NULL) {
        goto failed;
    }

    p->rows = hd_alloc(mem, ctx->n * sizeof(hd_price_row_t));
    if (p->rows == NULL) {
        goto failed;
    }

    memcpy(p->rows, ctx->rows, ctx->n * sizeof(hd_price_row_t));
    memcpy(p->currency, ctx->currency, sizeof(p->currency));
    p->n = ctx->n;

    return p;

failed:

    snprintf(err->text, sizeof(err->text), "out of memory");

    return NULL;
}


hd_prices_t *
hd_prices_parse(hd_mem_t *mem, const unsigned char *data, size_t len,
    hd_prices_error_t *err)
{
    hd_csv_t         *csv;
    hd_prices_t      *p;
    hd_prices_ctx_t   ctx;

    memset(&ctx, 0, sizeof(ctx));
    memset(err, 0, sizeof(hd_prices_error_t));
    ctx.err = err;

    csv = hd_csv_create(hd_price_take, &ctx, 4096);
    if (csv == NULL) {
        snprintf(err->text, sizeof(err->text), "out of memory");
        return NULL;
    }

    p = NULL;

    if (hd_csv_feed(csv, data, len) == HD_OK && hd_csv_finish(csv) == HD_OK) {
        p = hd_prices_make(mem, &ctx);

    } else if (err->text[0] == '\0') {
        snprintf(err->text, sizeof(err->text), "%s", hd_csv_error(csv));
    }

    hd_csv_destroy(csv);
    free(ctx.rows);

    return p;
}


const char *
hd_prices_currency(const hd_prices_t *prices)
{
    return prices->currency;
}


const hd_price_row_t *
hd_prices_rows(const hd_prices_t *prices, size_t *n)
{
    *n = prices->n;

    return prices->rows;
}


/* the last row of the key that is not after the day */
static const hd_price_row_t *
hd_price_find(const hd_prices_t *p, const char country[2], char category,
    int32_t day)
{
    size_t                 low, high, mid;
    const hd_price_row_t  *row;

    low = 0;
    high = p->n;

    while (low < high) {
        mid = (low + high) / 2;

        if (hd_price_order(&p->rows[mid], country, category, day) <= 0) {
            low = mid + 1;

        } else {
            high = mid;
        }
    }

    if (low == 0) {
        return NULL;
    }

    row = &p->rows[low - 1];

    return (memcmp(row->country, country, 2) == 0
            && row->category == category) ? row : NULL;
}


const hd_price_row_t *
hd_price_row(const hd_prices_t *prices, const hd_str_t *country,
    char category, int32_t day)
{
    const hd_price_row_t  *row;

    if (country->len == 2) {
        row = hd_price_find(prices, (const char *) country->data, category,
                            day);
        if (row) {
            return row;
        }
    }

    return hd_price_find(prices, "*", category, day);
}


int64_t
hd_price(const hd_prices_t *prices, const hd_str_t *country, char category,
    int32_t day)
{
    const hd_price_row_t  *row;

    row = hd_price_row(prices, country, category, day);

    return row ? row->price : -1;
}
