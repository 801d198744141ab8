/*
 * A row of the file checked and put into the batch, or among the bad ones with
 * its line and what is wrong in plain words.
 */

#include "import.h"


static const char *const  hd_import_phone_codes[] = {
    "", "phone_empty", "phone_not_a_number", "phone_no_country",
    "phone_bad_country", "phone_too_short", "phone_too_long"
};


/* ── bad rows ── */

/* `value` in the words, cut at a character's start; NULL: none */
static ngx_int_t
hd_import_bad(hd_import_t *im, uint64_t line, const char *code,
    const hd_str_t *value, const char *words)
{
    u_char              text[400], *p, *last;
    size_t              len;
    hd_str_t            s, c;
    hd_import_batch_t  *b;

    b = im->filling;
    p = text;
    last = text + sizeof(text);

    if (value && value->len) {
        len = ngx_min(value->len, 60);

        while (len && len < value->len && (value->data[len] & 0xc0) == 0x80) {
            len--;
        }

        p = ngx_slprintf(p, last, "\"%*s\": ", len, value->data);
    }

    p = ngx_slprintf(p, last, "%s", words);

    s.data = text;
    s.len = p - text;
    c.data = (u_char *) code;
    c.len = ngx_strlen(code);

    hd_pg_array_int(&b->line, (int64_t) line);
    hd_pg_array_text(&b->code, &c);
    hd_pg_array_text(&b->detail, &s);
    b->nbad++;
    im->failed++;

    if (im->failed <= HD_IMPORT_SHOWN) {
        if (im->failed > 1) {
            hd_buf_char(&im->shown, ',');
        }

        hd_buf_printf(&im->shown, "{\"line\":%llu,\"code\":\"%s\",\"detail\":",
                      (unsigned long long) line, code);
        hd_jw_str(&im->shown, &s);
        hd_buf_char(&im->shown, '}');
    }

    return NGX_DECLINED;
}


/* ── cells ── */

static hd_str_t
hd_import_trim(hd_str_t s)
{
    while (s.len && s.data[0] <= ' ') {
        s.data++;
        s.len--;
    }

    while (s.len && s.data[s.len - 1] <= ' ') {
        s.len--;
    }

    return s;
}


/* our own guard against formulas, and Shopify's, comes off again */
static hd_str_t
hd_import_cell(hd_str_t s)
{
    s = hd_import_trim(s);

    if (s.len > 1 && s.data[0] == '\''
        && ngx_strlchr((u_char *) "=+-@\t\r", (u_char *) "=+-@\t\r" + 6,
                       s.data[1]) != NULL)
    {
        s.data++;
        s.len--;
    }

    return s;
}


/* of "a ::: b" the first that is not empty */
static hd_str_t
hd_import_first(hd_str_t s)
{
    u_char    *p;
    hd_str_t   part;

    for ( ;; ) {
        p = ngx_strnstr(s.data, ":::", s.len);

        part = s;

        if (p) {
            part.len = p - s.data;
        }

        part = hd_import_cell(part);

        if (part.len || p == NULL) {
            return part;
        }

        s.len -= p + 3 - s.data;
        s.data = p + 3;
    }
}


hd_import_item_t *
hd_import_labels(ngx_pool_t *pool, const hd_str_t *text, ngx_uint_t *failed)
{
    u_char             *p, *last, *start;
    hd_str_t            tag;
    ngx_uint_t          google;
    hd_import_item_t   *item, *list, **next;

    list = NULL;
    next = &list;

    google = ngx_strnstr(text->data, ":::", text->len) != NULL;
    last = text->data + text->len;

    for (p = text->data; p < last; p++) {

        for (start = p; p < last; p++) {
            if (google ? (last - p >= 3 && ngx_strncmp(p, ":::", 3) == 0)
                       : (*p == ',' || *p == ';' || *p == '|'))
            {
                break;
            }
        }

        tag.data = start;
        tag.len = p - start;
        tag = hd_import_cell(tag);

        if (google && p < last) {
            p += 2;
        }

        /* "* myContacts" is Google's own group */

        if (tag.len == 0 || (tag.len > 1 && ngx_strncmp(tag.data, "* ", 2)
                                            == 0))
        {
            continue;
        }

        if (hd_utf8_length(&tag) > 64) {
            *failed = 1;
            return NULL;
        }

        item = ngx_pcalloc(pool, sizeof(hd_import_item_t) + tag.len);
        if (item == NULL) {
            *failed = 1;
            return NULL;
        }

        item->value.data = (u_char *) (item + 1);
        item->value.len = tag.len;
        ngx_memcpy(item->value.data, tag.data, tag.len);

        *next = item;
        next = &item->next;
    }

    return list;
}


static ngx_uint_t
hd_import_is_email(const hd_str_t *s)
{
    size_t   i;
    u_char  *at, *dot, *last;

    last = s->data + s->len;
    at = ngx_strlchr(s->data, last, '@');

    if (at == NULL || at == s->data || s->len > 254) {
        return 0;
    }

    dot = ngx_strlchr(at, last, '.');

    for (i = 0; i < s->len; i++) {
        if (s->data[i] <= ' ') {
            return 0;
        }
    }

    return dot && dot > at + 1 && dot + 1 < last;
}


static ngx_uint_t
hd_import_is_language(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len && s->data[i] >= 'a' && s->data[i] <= 'z'; i++) {
        /* void */
    }

    if (i < 2 || i > 3 || s->len > 12) {
        return 0;
    }

    return i == s->len || s->data[i] == '_' || s->data[i] == '-';
}


static ngx_int_t
hd_import_bad_zone(hd_import_t *im, uint64_t line, const hd_str_t *zone)
{
    char  similar[160], words[320];

    hd_zone_similar(zone, similar, sizeof(similar));

    snprintf(words, sizeof(words), "there is no such time zone; expected an "
             "IANA name such as Africa/Nairobi%s%s",
             similar[0] ? ". Similar: " : "", similar);

    return hd_import_bad(im, line, "time_zone_unknown", zone, words);
}


/* 2.54713E+11: a spreadsheet has taken the phone for a number */
static ngx_uint_t
hd_import_is_shortened(const hd_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {
        if ((s->data[i] >= '0' && s->data[i] <= '9') || s->data[i] == '.'
            || s->data[i] == ',')
        {
            continue;
        }

        return i > 0 && (s->data[i] | 0x20) == 'e' && i + 2 < s->len
               && s->data[i + 1] == '+';
    }

    return 0;
}


/* ── rows ── */

static ngx_int_t
hd_import_phone(hd_import_t *im, uint64_t line, hd_str_t *cell,
    hd_import_row_t *row)
{
    u_char      *p;
    hd_str_t     s;
    hd_phone_e   rc;
    hd_phone_t   phone;

    s = hd_import_first(*cell);

    if (s.len && s.data[0] == '\'') {
        s.data++;
        s.len--;
    }

    if (s.len == 0) {
        return hd_import_bad(im, line, "phone_empty", NULL,
                             "this row has no phone");
    }

    if (hd_import_is_shortened(&s)) {
        return hd_import_bad(im, line, "phone_shortened", &s, "a spreadsheet "
                             "has cut this number's digits: make the column "
                             "text there and export it again");
    }

    rc = hd_phone_parse(&s, im->country, &phone);

    if (rc == HD_PHONE_NO_COUNTRY) {
        return hd_import_bad(im, line, "phone_no_country", &s, "this is a "
                             "national number: set default_country, for "
                             "example KE");
    }

    if (rc != HD_PHONE_OK) {
        return hd_import_bad(im, line, hd_import_phone_codes[rc], &s,
                             hd_phone_error(rc));
    }

    p = ngx_pnalloc(im->filling->pool, phone.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, phone.e164, phone.len);
    row->phone.data = p;
    row->phone.len = phone.len;

    return NGX_OK;
}


/* one cell into the row, unless a column before it has told the same */
static ngx_int_t
hd_import_take(hd_import_t *im, uint64_t line, hd_import_column_t *c,
    hd_str_t *field, hd_import_row_t *row)
{
    hd_str_t            s, *to;
    ngx_uint_t          failed;
    ngx_pool_t         *pool;
    hd_import_item_t   *item, **next;

    pool = im->filling->pool;

    if (field->len > HD_IMPORT_FIELD) {
        return hd_import_bad(im, line, "field_too_long", &c->header,
                             "this column holds more than 1024 bytes");
    }

    if (c->target == HD_IMPORT_LABELS) {
        failed = 0;
        item = hd_import_labels(pool, field, &failed);

        if (failed) {
            return hd_import_bad(im, line, "tag_too_long", NULL,
                                 "a tag may have up to 64 characters");
        }

        for (next = &row->tags; *next; next = &(*next)->next) {
            /* void */
        }

        *next = item;
        im->filling->bytes += field->len;

        return NGX_OK;
    }

    s = (c->target == HD_IMPORT_EMAIL) ? hd_import_first(*field)
                                       : hd_import_cell(*field);
    if (s.len == 0) {
        return NGX_OK;
    }

    if (c->target == HD_IMPORT_OWN) {
        item = ngx_pcalloc(pool, sizeof(hd_import_item_t));
        if (item == NULL) {
            return NGX_ERROR;
        }

        item->key = c->key;
        item->next = row->fields;
        row->fields = item;
        to = &item->value;

    } else {
        to = &row->values[c->target];

        if (to->len) {
            return NGX_OK;
        }
    }

    if (c->target == HD_IMPORT_EMAIL && !hd_import_is_email(&s)) {
        return hd_import_bad(im, line, "email_invalid", &s,
                             "this is no e-mail address");
    }

    if (c->target == HD_IMPORT_LANGUAGE && !hd_import_is_language(&s)) {
        return hd_import_bad(im, line, "language_invalid", &s,
                             "expected a language code, for example en or "
                             "pt_BR");
    }

    if (c->target == HD_IMPORT_ZONE && !hd_zone_known(&s)) {
        return hd_import_bad_zone(im, line, &s);
    }

    to->data = ngx_pnalloc(pool, s.len);
    if (to->data == NULL) {
        return NGX_ERROR;
    }

    to->len = s.len;
    ngx_memcpy(to->data, s.data, s.len);

    im->filling->bytes += s.len;

    return NGX_OK;
}


/* the name as shown, when the file has only its parts */
static ngx_int_t
hd_import_name(hd_import_batch_t *b, hd_import_row_t *row)
{
    u_char    *p;
    hd_str_t  *name, *first, *last;

    name = &row->values[HD_IMPORT_NAME];
    first = &row->values[HD_IMPORT_FIRST];
    last = &row->values[HD_IMPORT_LAST];

    if (name->len) {
        return NGX_OK;
    }

    if (first->len == 0 || last->len == 0) {
        *name = first->len ? *first : *last;
        return NGX_OK;
    }

    p = ngx_pnalloc(b->pool, first->len + 1 + last->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    name->data = p;
    name->len = first->len + 1 + last->len;

    p = ngx_cpymem(p, first->data, first->len);
    *p++ = ' ';
    ngx_memcpy(p, last->data, last->len);

    return NGX_OK;
}


static ngx_int_t
hd_import_check(hd_import_t *im, uint64_t line, hd_str_t *fields, size_t n,
    hd_import_row_t *row)
{
    size_t               i, col;
    hd_str_t             phone, s;
    ngx_int_t            rc;
    hd_import_column_t  *c;

    hd_str_set(&phone, "");

    for (i = im->map.n; i < n; i++) {
        if (hd_import_trim(fields[i]).len) {
            return hd_import_bad(im, line, "too_many_columns", &fields[i],
                                 "this row has more columns than the header: "
                                 "is a quote missing?");
        }
    }

    for (i = 0; i < im->map.n; i++) {
        col = im->map.order[i];
        c = &im->map.columns[col];

        if (c->target == HD_IMPORT_NOTHING || col >= n) {
            continue;
        }

        if (c->target == HD_IMPORT_PHONE) {
            s = hd_import_cell(fields[col]);

            if (phone.len == 0 && s.len && s.len <= HD_IMPORT_FIELD) {
                phone = s;
            }

            continue;
        }

        rc = hd_import_take(im, line, c, &fields[col], row);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    rc = hd_import_phone(im, line, &phone, row);
    if (rc != NGX_OK) {
        return rc;
    }

    return hd_import_name(im->filling, row);
}


ngx_int_t
hd_import_row(hd_import_t *im, uint64_t line, hd_str_t *fields, size_t n)
{
    size_t           i;
    ngx_int_t        rc;
    hd_import_row_t  row;

    for (i = 0; i < n && hd_import_trim(fields[i]).len == 0; i++) {
        /* void */
    }

    if (i == n) {
        /* spreadsheets export rows of nothing but commas */
        return NGX_OK;
    }

    im->filling->last_line = line;
    im->rows++;

    ngx_memzero(&row, sizeof(hd_import_row_t));

    rc = hd_import_check(im, line, fields, n, &row);

    if (rc != NGX_OK) {
        return rc == NGX_DECLINED ? NGX_OK : NGX_ERROR;
    }

    return hd_import_add(im, &row);
}
