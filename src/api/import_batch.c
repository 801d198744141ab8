/*
 * Batches of rows.
 *
 * PostgreSQL's ON CONFLICT takes each phone once per statement, so rows with
 * the same phone are merged here in the order of the file: a later value wins,
 * an empty one changes nothing, tags and own fields are added.
 */

#include "import.h"


#define HD_IMPORT_SEEN_MAX  (1 << 21)  /* 16 MiB: a million phones exactly */


ngx_int_t
hd_import_batch_init(hd_import_batch_t *b, ngx_log_t *log)
{
    hd_pg_array_init(&b->line, HD_PG_INT8_ARRAY);
    hd_pg_array_init(&b->code, HD_PG_TEXT_ARRAY);
    hd_pg_array_init(&b->detail, HD_PG_TEXT_ARRAY);

    b->pool = ngx_create_pool(16384, log);
    if (b->pool == NULL) {
        return NGX_ERROR;
    }

    return ngx_array_init(&b->rows, b->pool, HD_IMPORT_ROWS + 64,
                          sizeof(hd_import_row_t));
}


ngx_int_t
hd_import_batch_reset(hd_import_batch_t *b)
{
    ngx_reset_pool(b->pool);

    hd_pg_array_reset(&b->line);
    hd_pg_array_reset(&b->code);
    hd_pg_array_reset(&b->detail);

    ngx_memzero(b->hash, sizeof(b->hash));
    b->bytes = 0;
    b->again = 0;
    b->nbad = 0;
    b->tries = 0;

    return ngx_array_init(&b->rows, b->pool, HD_IMPORT_ROWS + 64,
                          sizeof(hd_import_row_t));
}


void
hd_import_batch_free(hd_import_batch_t *b)
{
    if (b->pool) {
        ngx_destroy_pool(b->pool);
        b->pool = NULL;
    }

    hd_pg_array_free(&b->line);
    hd_pg_array_free(&b->code);
    hd_pg_array_free(&b->detail);
}


static hd_import_row_t *
hd_import_find(hd_import_batch_t *b, const hd_str_t *phone, uint16_t **slot)
{
    uint32_t          i;
    hd_import_row_t  *rows;

    rows = b->rows.elts;

    for (i = ngx_murmur_hash2(phone->data, phone->len) % HD_IMPORT_HASH;
         b->hash[i];
         i = (i + 1) % HD_IMPORT_HASH)
    {
        if (rows[b->hash[i] - 1].phone.len == phone->len
            && ngx_memcmp(rows[b->hash[i] - 1].phone.data, phone->data,
                          phone->len) == 0)
        {
            return &rows[b->hash[i] - 1];
        }
    }

    *slot = &b->hash[i];

    return NULL;
}


/*
 * Dry run: was this phone in the file before?  A million are remembered
 * exactly (E.164 fits a word); beyond that a phone that stands twice may be
 * counted as created twice.
 */
static ngx_uint_t
hd_import_seen(hd_import_t *im, const hd_str_t *phone)
{
    size_t     i, j, size;
    uint64_t   key, *set;

    key = 1;

    for (i = 1; i < phone->len; i++) {
        key = key * 10 + (phone->data[i] - '0');
    }

    if (im->seen_n * 2 >= im->seen_size
        && im->seen_size < HD_IMPORT_SEEN_MAX)
    {
        size = im->seen_size ? im->seen_size * 2 : 4096;

        set = ngx_calloc(size * sizeof(uint64_t),
                         im->req->r->connection->log);
        if (set) {
            for (i = 0; i < im->seen_size; i++) {
                if (im->seen[i]) {
                    j = (im->seen[i] * 0x9e3779b97f4a7c15ULL >> 32)
                        & (size - 1);

                    while (set[j]) {
                        j = (j + 1) & (size - 1);
                    }

                    set[j] = im->seen[i];
                }
            }

            ngx_free(im->seen);
            im->seen = set;
            im->seen_size = size;
        }
    }

    if (im->seen_size == 0) {
        return 0;
    }

    i = (key * 0x9e3779b97f4a7c15ULL >> 32) & (im->seen_size - 1);

    while (im->seen[i]) {
        if (im->seen[i] == key) {
            return 1;
        }

        i = (i + 1) & (im->seen_size - 1);
    }

    if (im->seen_n * 2 < im->seen_size) {
        im->seen[i] = key;
        im->seen_n++;
    }

    return 0;
}


/* a later row of the same phone */
static void
hd_import_merge(hd_import_row_t *to, hd_import_row_t *from)
{
    ngx_uint_t          i;
    hd_import_item_t  **next;

    for (i = 0; i < HD_IMPORT_VALUES; i++) {
        if (from->values[i].len) {
            to->values[i] = from->values[i];
        }
    }

    for (next = &to->tags; *next; next = &(*next)->next) {
        /* void */
    }

    *next = from->tags;

    /* of equal keys the first in the list is the newest */

    for (next = &from->fields; *next; next = &(*next)->next) {
        /* void */
    }

    *next = to->fields;
    to->fields = from->fields;
}


ngx_int_t
hd_import_add(hd_import_t *im, hd_import_row_t *row)
{
    uint16_t           *slot;
    hd_import_row_t    *known;
    hd_import_batch_t  *b;

    b = im->filling;

    if (im->dry_run && hd_import_seen(im, &row->phone)) {
        b->again++;
        return NGX_OK;
    }

    slot = NULL;
    known = hd_import_find(b, &row->phone, &slot);

    if (known) {
        hd_import_merge(known, row);
        b->again++;
        return NGX_OK;
    }

    known = ngx_array_push(&b->rows);
    if (known == NULL || b->rows.nelts > HD_IMPORT_HASH / 2) {
        return NGX_ERROR;
    }

    *known = *row;
    *slot = (uint16_t) b->rows.nelts;
    b->bytes += sizeof(hd_import_row_t);

    return NGX_OK;
}


/* the row's own and those for every row, each once */
static void
hd_import_tags_json(hd_buf_t *b, hd_import_item_t *own,
    hd_import_item_t *every)
{
    ngx_uint_t         i, n;
    hd_str_t          *seen[HD_IMPORT_TAGS];
    hd_import_item_t  *t;

    n = 0;
    hd_buf_reset(b);
    hd_buf_char(b, '[');

    for (t = own ? own : every; t && n < HD_IMPORT_TAGS; /* void */ ) {

        for (i = 0; i < n; i++) {
            if (seen[i]->len == t->value.len
                && ngx_memcmp(seen[i]->data, t->value.data, t->value.len)
                   == 0)
            {
                break;
            }
        }

        if (i == n) {
            if (n) {
                hd_buf_char(b, ',');
            }

            hd_jw_str(b, &t->value);
            seen[n++] = &t->value;
        }

        if (t->next == NULL && own) {
            t = every;
            own = NULL;

        } else {
            t = t->next;
        }
    }

    hd_buf_char(b, ']');
}


static void
hd_import_fields_json(hd_buf_t *b, hd_import_item_t *list)
{
    hd_import_item_t  *f, *before;

    hd_buf_reset(b);
    hd_buf_char(b, '{');

    for (f = list; f; f = f->next) {

        for (before = list; before != f; before = before->next) {
            if (before->key.len == f->key.len
                && ngx_memcmp(before->key.data, f->key.data, f->key.len) == 0)
            {
                break;
            }
        }

        if (before != f) {
            continue;
        }

        if (b->len > 1) {
            hd_buf_char(b, ',');
        }

        hd_jw_str(b, &f->key);
        hd_buf_char(b, ':');
        hd_jw_str(b, &f->value);
    }

    hd_buf_char(b, '}');
}


static hd_str_t
hd_import_buf_str(hd_buf_t *b)
{
    hd_str_t  s;

    s.data = b->data;
    s.len = b->len;

    return s;
}


static void
hd_import_rows_stmt(hd_import_t *im, hd_import_batch_t *b, hd_pg_unit_t *u)
{
    hd_buf_t          text;
    hd_str_t          s;
    hd_uuid_t         id;
    ngx_uint_t        i, v;
    hd_pg_array_t    *a;
    hd_import_row_t  *row;

    a = im->arrays;
    hd_buf_init(&text);
    row = b->rows.elts;

    for (i = 0; i < b->rows.nelts; i++) {
        hd_req_new_id(&id);
        hd_pg_array_uuid(&a[0], &id);

        for (v = 0; v < 3; v++) {
            hd_pg_array_text(&a[1 + v], &row[i].values[v]);
        }

        hd_pg_array_text(&a[4], &row[i].phone);

        for (v = HD_IMPORT_EMAIL; v < HD_IMPORT_VALUES; v++) {
            if (row[i].values[v].len) {
                hd_pg_array_text(&a[2 + v], &row[i].values[v]);

            } else {
                hd_pg_array_null(&a[2 + v]);
            }
        }

        hd_import_tags_json(&text, row[i].tags, im->tags);
        s = hd_import_buf_str(&text);
        hd_pg_array_text(&a[8], &s);

        hd_import_fields_json(&text, row[i].fields);
        s = hd_import_buf_str(&text);
        hd_pg_array_text(&a[9], &s);
    }

    hd_buf_free(&text);

    hd_pg_stmt(u, HD_Q_IMPORT_ROWS);

    for (i = 0; i < HD_IMPORT_ARRAYS; i++) {
        hd_pg_array(u, &a[i]);
    }
}


/* a dry run asks only which of the phones are known */
static void
hd_import_known_stmt(hd_import_t *im, hd_import_batch_t *b, hd_pg_unit_t *u)
{
    ngx_uint_t        i;
    hd_import_row_t  *row;

    row = b->rows.elts;

    for (i = 0; i < b->rows.nelts; i++) {
        hd_pg_array_text(&im->arrays[4], &row[i].phone);
    }

    hd_pg_stmt(u, HD_Q_IMPORT_KNOWN);
    hd_pg_array(u, &im->arrays[4]);
}


/* the arrays are borrowed until the submit, therefore they are im's */
void
hd_import_stmts(hd_import_t *im, hd_import_batch_t *b, hd_pg_unit_t *u)
{
    ngx_uint_t  i;

    static const hd_pg_array_e  types[HD_IMPORT_ARRAYS] = {
        HD_PG_UUID_ARRAY, HD_PG_TEXT_ARRAY, HD_PG_TEXT_ARRAY,
        HD_PG_TEXT_ARRAY, HD_PG_TEXT_ARRAY, HD_PG_TEXT_ARRAY,
        HD_PG_TEXT_ARRAY, HD_PG_TEXT_ARRAY, HD_PG_JSONB_ARRAY,
        HD_PG_JSONB_ARRAY
    };

    im->rows_at = NGX_CONF_UNSET_UINT;

    if (b->rows.nelts) {
        for (i = 0; i < HD_IMPORT_ARRAYS; i++) {
            if (im->arrays[i].oid) {
                hd_pg_array_reset(&im->arrays[i]);

            } else {
                hd_pg_array_init(&im->arrays[i], types[i]);
            }
        }

        im->rows_at = u->nstmts;

        if (im->dry_run) {
            hd_import_known_stmt(im, b, u);

        } else {
            hd_import_rows_stmt(im, b, u);
        }
    }

    if (b->nbad) {
        hd_pg_stmt(u, HD_Q_IMPORT_ERRORS_ADD);
        hd_pg_uuid(u, &im->id);
        hd_pg_array(u, &b->line);
        hd_pg_array(u, &b->code);
        hd_pg_array(u, &b->detail);
    }
}
