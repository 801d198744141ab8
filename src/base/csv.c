/*
 * csv: bytes in, rows out.  What comes passes three stages:
 *
 *     hd_csv_feed      the encoding: UTF-16 with its mark becomes UTF-8,
 *                      everything else goes on as it is
 *     hd_csv_text      the head: bytes are held until the first line is
 *                      whole, from which the separator is taken
 *     hd_csv_lines     physical lines are counted and given to libcsv one by
 *                      one, so that a row knows on which line it began
 *
 * libcsv reports every unquoted line end (CSV_REPALL_NL), so after a piece
 * `in_row` is still set exactly when a quoted field is open across the line.
 * Its callbacks cannot fail: they note the error in csv->error, and as one
 * piece holds at most one row, nothing more is called before it is seen.
 */

#include <stdio.h>
#include <stdlib.h>

#include <csv.h>

#include "base.h"
#include "utf8.h"


#define HD_CSV_COLUMNS  4096


typedef enum {
    HD_CSV_UNKNOWN = 0,
    HD_CSV_BYTES,
    HD_CSV_UTF16
} hd_csv_encoding_e;


typedef struct {
    size_t                  pos;        /* in csv->row: it may still move */
    size_t                  len;
} hd_csv_field_t;


struct hd_csv_s {
    struct csv_parser       parser;
    hd_csv_row_pt           handler;
    void                   *ctx;
    size_t                  max_row;

    hd_csv_encoding_e       encoding;
    hd_utf16_t              utf16;      /* holds the first two bytes, too */

    hd_buf_t                head;       /* until the separator is known */
    hd_buf_t                utf8;       /* scratch of the UTF-16 stage */

    uint64_t                line;       /* of the next byte, from 1 */
    uint64_t                row_line;
    size_t                  row_bytes;

    hd_buf_t                row;        /* the fields' bytes */
    hd_csv_field_t         *fields;
    hd_str_t               *out;
    size_t                  nfields;
    size_t                  nalloc;

    unsigned                in_row:1;
    unsigned                after_cr:1;
    unsigned                marked:1;   /* looked for a byte order mark */
    unsigned                sniffed:1;
    unsigned                failed:1;
    char                    error[128];
};


static int
hd_csv_fail(hd_csv_t *csv, uint64_t line, const char *why)
{
    if (csv->failed) {
        return HD_ERROR;
    }

    csv->failed = 1;

    if (line == 0) {
        (void) snprintf(csv->error, sizeof(csv->error), "%s", why);

    } else {
        (void) snprintf(csv->error, sizeof(csv->error), "line %llu: %s",
                        (unsigned long long) line, why);
    }

    return HD_ERROR;
}


hd_csv_t *
hd_csv_create(hd_csv_row_pt row, void *ctx, size_t max_row_bytes)
{
    hd_csv_t  *csv;

    csv = calloc(1, sizeof(hd_csv_t));
    if (csv == NULL) {
        return NULL;
    }

    if (csv_init(&csv->parser, CSV_REPALL_NL) != 0) {
        free(csv);
        return NULL;
    }

    csv->handler = row;
    csv->ctx = ctx;
    csv->max_row = max_row_bytes;
    csv->line = 1;

    hd_buf_init(&csv->head);
    hd_buf_init(&csv->utf8);
    hd_buf_init(&csv->row);

    return csv;
}


void
hd_csv_destroy(hd_csv_t *csv)
{
    if (csv == NULL) {
        return;
    }

    csv_free(&csv->parser);
    hd_buf_free(&csv->head);
    hd_buf_free(&csv->utf8);
    hd_buf_free(&csv->row);
    free(csv->fields);
    free(csv->out);
    free(csv);
}


const char *
hd_csv_error(hd_csv_t *csv)
{
    return csv->error;
}


static int
hd_csv_more_fields(hd_csv_t *csv)
{
    size_t           n;
    hd_str_t        *out;
    hd_csv_field_t  *fields;

    if (csv->nfields < csv->nalloc) {
        return HD_OK;
    }

    n = (csv->nalloc == 0) ? 32 : csv->nalloc * 2;

    if (n > HD_CSV_COLUMNS) {
        return hd_csv_fail(csv, csv->row_line, "too many columns");
    }

    fields = realloc(csv->fields, n * sizeof(hd_csv_field_t));
    if (fields == NULL) {
        return hd_csv_fail(csv, csv->row_line, "out of memory");
    }

    csv->fields = fields;

    out = realloc(csv->out, n * sizeof(hd_str_t));
    if (out == NULL) {
        return hd_csv_fail(csv, csv->row_line, "out of memory");
    }

    csv->out = out;
    csv->nalloc = n;

    return HD_OK;
}


static void
hd_csv_on_field(void *data, size_t len, void *ctx)
{
    hd_csv_t *csv = ctx;

    size_t                i, n;
    hd_csv_field_t       *f;
    unsigned char         out[3];
    const unsigned char  *p;

    if (csv->failed || hd_csv_more_fields(csv) != HD_OK) {
        return;
    }

    f = &csv->fields[csv->nfields++];
    f->pos = csv->row.len;

    p = data;

    if (hd_utf8_valid(p, len)) {
        hd_buf_add(&csv->row, p, len);

    } else {
        for (i = 0; i < len; i++) {
            n = hd_utf8_from_latin1(out, p[i]);
            hd_buf_add(&csv->row, out, n);
        }
    }

    f->len = csv->row.len - f->pos;

    if (csv->row.failed) {
        (void) hd_csv_fail(csv, csv->row_line, "out of memory");
    }
}


static void
hd_csv_on_row(int c, void *ctx)
{
    hd_csv_t *csv = ctx;

    size_t           i;
    unsigned char   *base;

    (void) c;

    csv->in_row = 0;

    if (csv->failed || csv->nfields == 0) {
        return;
    }

    base = (csv->row.data == NULL) ? (unsigned char *) "" : csv->row.data;

    for (i = 0; i < csv->nfields; i++) {
        csv->out[i].data = base + csv->fields[i].pos;
        csv->out[i].len = csv->fields[i].len;
    }

    if (csv->handler(csv->ctx, csv->row_line, csv->out, csv->nfields)
        != HD_OK)
    {
        /* the handler knows why */
        csv->failed = 1;
    }

    csv->nfields = 0;
    hd_buf_reset(&csv->row);
}


/* a piece of one physical line, with its end if it is there */
static int
hd_csv_piece(hd_csv_t *csv, const unsigned char *p, size_t len)
{
    if (!csv->in_row) {
        csv->in_row = 1;
        csv->row_line = csv->line;
        csv->row_bytes = 0;
    }

    if (len > csv->max_row - csv->row_bytes) {
        return hd_csv_fail(csv, csv->row_line,
                           "the row is too long: is a quote not closed?");
    }

    csv->row_bytes += len;

    if (memchr(p, '\0', len) != NULL) {
        return hd_csv_fail(csv, csv->line,
                           "a NUL byte: save the file as CSV UTF-8");
    }

    if (csv_parse(&csv->parser, p, len, hd_csv_on_field, hd_csv_on_row, csv)
        != len)
    {
        return hd_csv_fail(csv, csv->line, "out of memory");
    }

    return csv->failed ? HD_ERROR : HD_OK;
}


static int
hd_csv_lines(hd_csv_t *csv, const unsigned char *data, size_t len)
{
    const unsigned char  *p, *start, *end;

    p = data;
    end = data + len;

    while (p != end) {

        start = p;

        while (p != end && *p != '\n' && *p != '\r') {
            p++;
        }

        if (p == end) {
            csv->after_cr = 0;
            return hd_csv_piece(csv, start, (size_t) (p - start));
        }

        p++;

        /* the LF of a CRLF ends no line of its own */
        if (p[-1] == '\n' && csv->after_cr && p - start == 1) {
            csv->after_cr = 0;

            if (csv->in_row) {
                if (hd_csv_piece(csv, start, 1) != HD_OK) {
                    return HD_ERROR;
                }
            }

            continue;
        }

        if (hd_csv_piece(csv, start, (size_t) (p - start)) != HD_OK) {
            return HD_ERROR;
        }

        csv->line++;
        csv->after_cr = (p[-1] == '\r');
    }

    return HD_OK;
}


/*
 * The end of the first line that says something, quotes respected; NULL when
 * it is not whole yet.
 */
static const unsigned char *
hd_csv_first_line(const unsigned char *p, const unsigned char *end,
    const unsigned char **start)
{
    int  quoted;

    while (p != end && (*p == '\n' || *p == '\r')) {
        p++;
    }

    *start = p;
    quoted = 0;

    for ( /* void */ ; p != end; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (!quoted && (*p == '\n' || *p == '\r')) {
            return p;
        }
    }

    return NULL;
}


/* a comma, unless there are more semicolons or tabs */
static unsigned char
hd_csv_separator(const unsigned char *p, const unsigned char *end)
{
    int     quoted;
    size_t  comma, semicolon, tab;

    quoted = 0;
    comma = 0;
    semicolon = 0;
    tab = 0;

    for ( /* void */ ; p != end; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (!quoted) {
            comma += (*p == ',');
            semicolon += (*p == ';');
            tab += (*p == '\t');
        }
    }

    if (semicolon > comma && semicolon >= tab) {
        return ';';
    }

    return (tab > comma) ? '\t' : ',';
}


/* the first n bytes of the head are done with */
static void
hd_csv_head_cut(hd_csv_t *csv, size_t n)
{
    csv->head.len -= n;
    memmove(csv->head.data, csv->head.data + n, csv->head.len);
}


/*
 * Looks at the head; `whole` when there will be no more of it.  What is held
 * back is one line at most: empty ones before it are counted and gone.
 */
static int
hd_csv_start(hd_csv_t *csv, int whole)
{
    unsigned char         sep;
    const unsigned char  *p, *end, *start, *eol;

    if (csv->head.failed) {
        return hd_csv_fail(csv, 0, "out of memory");
    }

    if (csv->head.len == 0 || (csv->head.len < 3 && !whole)) {
        return HD_OK;
    }

    if (!csv->marked) {
        csv->marked = 1;

        if (csv->head.len >= 3
            && memcmp(csv->head.data, "\xef\xbb\xbf", 3) == 0)
        {
            hd_csv_head_cut(csv, 3);
        }
    }

    p = csv->head.data;
    end = p + csv->head.len;
    eol = hd_csv_first_line(p, end, &start);

    if (start != p) {
        if (hd_csv_lines(csv, p, (size_t) (start - p)) != HD_OK) {
            return HD_ERROR;
        }

        hd_csv_head_cut(csv, (size_t) (start - p));
        end -= start - p;

        if (eol != NULL) {
            eol -= start - p;
        }
    }

    if (eol == NULL) {
        if (!whole && csv->head.len <= csv->max_row) {
            return HD_OK;
        }

        eol = end;
    }

    sep = hd_csv_separator(p, eol);

    /* "sep=;" is how Excel is told, and it is no row */
    if (csv->line == 1 && eol - p == 5 && memcmp(p, "sep=", 4) == 0
        && memchr(",;\t", p[4], 3) != NULL)
    {
        sep = p[4];
        p = eol;
    }

    csv->sniffed = 1;
    csv_set_delim(&csv->parser, sep);

    return (p == end) ? HD_OK : hd_csv_lines(csv, p, (size_t) (end - p));
}


static int
hd_csv_text(hd_csv_t *csv, const unsigned char *data, size_t len)
{
    size_t  n;

    /* the head grows in small steps, lest a whole file be held in it */

    while (!csv->sniffed && len != 0) {

        n = (len > 4096) ? 4096 : len;

        hd_buf_add(&csv->head, data, n);

        /* no line can have ended without a line end */
        if ((memchr(data, '\n', n) != NULL || memchr(data, '\r', n) != NULL
             || csv->head.len > csv->max_row || csv->head.failed)
            && hd_csv_start(csv, 0) != HD_OK)
        {
            return HD_ERROR;
        }

        data += n;
        len -= n;

        if (csv->sniffed) {
            hd_buf_free(&csv->head);
        }
    }

    return (len == 0) ? HD_OK : hd_csv_lines(csv, data, len);
}


/* `last`: what is unfinished at the end of the file is taken too */
static int
hd_csv_utf16(hd_csv_t *csv, const unsigned char *data, size_t len, int last)
{
    hd_buf_reset(&csv->utf8);
    hd_utf16_decode(&csv->utf16, &csv->utf8, data, len, last);

    if (csv->utf8.failed) {
        return hd_csv_fail(csv, csv->line, "out of memory");
    }

    return (csv->utf8.len == 0) ? HD_OK
           : hd_csv_text(csv, csv->utf8.data, csv->utf8.len);
}


/* two bytes decide; `last` when there will be no more */
static int
hd_csv_encoding(hd_csv_t *csv, const unsigned char **data, size_t *len,
    int last)
{
    hd_utf16_t  *u;

    u = &csv->utf16;

    while (u->n < 2 && *len != 0) {
        u->carry[u->n++] = *(*data)++;
        (*len)--;
    }

    if (u->n < 2 && !last) {
        return HD_OK;
    }

    if (u->n == 2 && (memcmp(u->carry, "\xff\xfe", 2) == 0
                      || memcmp(u->carry, "\xfe\xff", 2) == 0))
    {
        csv->encoding = HD_CSV_UTF16;
        u->big = (u->carry[0] == 0xfe);
        u->n = 0;
        return HD_OK;
    }

    csv->encoding = HD_CSV_BYTES;

    return (u->n == 0) ? HD_OK : hd_csv_text(csv, u->carry, u->n);
}


int
hd_csv_feed(hd_csv_t *csv, const unsigned char *data, size_t len)
{
    size_t  n;

    if (csv->failed) {
        return HD_ERROR;
    }

    if (csv->encoding == HD_CSV_UNKNOWN
        && hd_csv_encoding(csv, &data, &len, 0) != HD_OK)
    {
        return HD_ERROR;
    }

    if (len == 0) {
        return HD_OK;
    }

    if (csv->encoding == HD_CSV_BYTES) {
        return hd_csv_text(csv, data, len);
    }

    for ( /* void */ ; len != 0; data += n, len -= n) {
        n = (len > 65536) ? 65536 : len;

        if (hd_csv_utf16(csv, data, n, 0) != HD_OK) {
            return HD_ERROR;
        }
    }

    return HD_OK;
}


int
hd_csv_finish(hd_csv_t *csv)
{
    size_t                len;
    const unsigned char  *data;

    if (csv->failed) {
        return HD_ERROR;
    }

    data = NULL;
    len = 0;

    if (csv->encoding == HD_CSV_UNKNOWN) {
        if (hd_csv_encoding(csv, &data, &len, 1) != HD_OK) {
            return HD_ERROR;
        }

    } else if (csv->encoding != HD_CSV_BYTES
               && hd_csv_utf16(csv, data, 0, 1) != HD_OK)
    {
        return HD_ERROR;
    }

    if (!csv->sniffed && hd_csv_start(csv, 1) != HD_OK) {
        return HD_ERROR;
    }

    /* only a strict parser says that the last quote was not closed */
    (void) csv_set_opts(&csv->parser,
                        CSV_REPALL_NL | CSV_STRICT | CSV_STRICT_FINI);

    if (csv_fini(&csv->parser, hd_csv_on_field, hd_csv_on_row, csv) != 0) {
        return hd_csv_fail(csv, csv->row_line,
                           "the file ends within quotes: one is not closed");
    }

    return csv->failed ? HD_ERROR : HD_OK;
}
