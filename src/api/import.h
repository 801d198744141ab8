/*
 * import, private to the API: contacts from CSV.
 *
 *   import.c       the request: body, units, answer
 *   import_unit.c  its units, and how it ends
 *   import_map.c   which column is what
 *   import_rows.c  a row checked
 *   import_batch.c batches of rows, and their statements
 */

#ifndef HD_API_IMPORT_H
#define HD_API_IMPORT_H

#include "frame.h"


#define HD_IMPORT_ROWS    500          /* a batch is full: rows, */
#define HD_IMPORT_BYTES   262144       /* or bytes of them */
#define HD_IMPORT_HASH    4096         /* > 2 × rows a batch can have */
#define HD_IMPORT_SHOWN   100          /* bad rows in the answer itself */
#define HD_IMPORT_FIELD   1024         /* bytes of one cell */
#define HD_IMPORT_TAGS    50
#define HD_IMPORT_ARRAYS  10           /* columns of import_rows */


typedef enum {
    HD_IMPORT_NAME = 0,
    HD_IMPORT_FIRST,
    HD_IMPORT_LAST,
    HD_IMPORT_EMAIL,
    HD_IMPORT_LANGUAGE,
    HD_IMPORT_ZONE,
    HD_IMPORT_VALUES,                  /* how many are above */
    HD_IMPORT_PHONE = HD_IMPORT_VALUES,
    HD_IMPORT_LABELS,
    HD_IMPORT_OWN,                     /* fields.<key> */
    HD_IMPORT_NOTHING
} hd_import_target_e;

typedef struct {
    hd_str_t              header;      /* as it stands in the file */
    hd_import_target_e    target;
    hd_str_t              key;         /* of fields.<key> */
    ngx_uint_t            rank;        /* which of several comes first */
    ngx_uint_t            told;        /* by ?mapping= */
} hd_import_column_t;

typedef struct {
    hd_import_column_t   *columns;     /* as in the file */
    ngx_uint_t            n;
    ngx_uint_t           *order;       /* indexes, those to be asked first
                                          before others of their target */
} hd_import_map_t;

typedef struct hd_import_item_s  hd_import_item_t;

struct hd_import_item_s {              /* a tag, or one of the own fields */
    hd_import_item_t     *next;
    hd_str_t              key;
    hd_str_t              value;
};

typedef struct {
    hd_str_t              phone;
    hd_str_t              values[HD_IMPORT_VALUES];
    hd_import_item_t     *tags;
    hd_import_item_t     *fields;
} hd_import_row_t;

/* memory: pool holds the rows until they are committed, then it is emptied */
typedef struct {
    ngx_pool_t           *pool;
    ngx_array_t           rows;        /* hd_import_row_t */
    uint16_t              hash[HD_IMPORT_HASH];    /* index + 1, by phone */
    size_t                bytes;
    ngx_uint_t            again;       /* phones that were there already */
    hd_pg_array_t         line, code, detail;      /* bad rows */
    ngx_uint_t            nbad;
    uint64_t              last_line;
    ngx_uint_t            tries;
} hd_import_batch_t;

typedef struct {
    hd_req_t             *req;
    hd_csv_t             *csv;
    hd_uuid_t             id;
    hd_json_t            *mapping;
    hd_import_map_t       map;
    char                  country[3];
    hd_import_item_t     *tags;        /* for every row */
    ngx_uint_t            dry_run;

    hd_import_batch_t     batches[2];
    hd_import_batch_t    *filling;
    hd_import_batch_t    *flying;      /* in a unit, or NULL */
    hd_pg_array_t         arrays[HD_IMPORT_ARRAYS];
    ngx_uint_t            rows_at;     /* index of its rows' statement */
    uint64_t              unit_created, unit_updated;

    uint64_t             *seen;        /* dry run: phones so far */
    size_t                seen_size, seen_n;

    hd_buf_t              shown;       /* the first bad rows as JSON */
    uint64_t              rows, created, updated, failed;
    uint64_t              line;        /* of the last row */
    uint64_t              safe_line;   /* of the last row committed */

    const char           *fault_code;  /* found by the parser's callback */
    const char           *fault_pointer;
    char                 *fault_text;

    hd_timer_t            timer;
    unsigned              mapped:1;
    unsigned              no_phone:1;  /* no column for it */
    unsigned              begun:1;
    unsigned              whole:1;     /* the body is read to its end */
    unsigned              finishing:1;
    unsigned              ended:1;
} hd_import_t;


/* import.c */

/* goes on with whatever may go on */
void hd_import_pump(hd_import_t *im);

/* import_unit.c */

/* nothing of this import runs after it; the answer may be given then */
void hd_import_stop(hd_import_t *im);
void hd_import_memory(hd_import_t *im);          /* answers */
/* the batch that was filled; NGX_ERROR: answered */
ngx_int_t hd_import_fly(hd_import_t *im);
/* what flies, or the last word, perhaps again; NGX_ERROR: answered */
ngx_int_t hd_import_launch(hd_import_t *im);

/* import_map.c */

/* ?mapping= is well-formed; NGX_OK or answered */
ngx_int_t hd_import_mapping(hd_import_t *im);
/* from the header row; im->no_phone when it has none.  NGX_DECLINED: the
 * mapping speaks of a column that is not there, `unknown` is it. */
ngx_int_t hd_import_columns(hd_import_t *im, hd_str_t *fields, size_t n,
    hd_str_t *unknown);
void hd_import_columns_json(hd_import_t *im, hd_buf_t *b);

/* import_rows.c */

/* one row of the file into the batch that is being filled */
ngx_int_t hd_import_row(hd_import_t *im, uint64_t line, hd_str_t *fields,
    size_t n);
/* splits "a, b" or "a ::: b" into items from pool */
hd_import_item_t *hd_import_labels(ngx_pool_t *pool, const hd_str_t *text,
    ngx_uint_t *failed);

/* import_batch.c */

ngx_int_t hd_import_batch_init(hd_import_batch_t *b, ngx_log_t *log);
ngx_int_t hd_import_batch_reset(hd_import_batch_t *b);
void hd_import_batch_free(hd_import_batch_t *b);
#define hd_import_batch_full(b)                                               \
    ((b)->rows.nelts + (b)->nbad >= HD_IMPORT_ROWS                            \
     || (b)->bytes >= HD_IMPORT_BYTES)
#define hd_import_batch_any(b)                                                \
    ((b)->rows.nelts || (b)->nbad || (b)->again)
/* a good row, merged with one of the same phone */
ngx_int_t hd_import_add(hd_import_t *im, hd_import_row_t *row);
/* the batch's statements; sets im->rows_at */
void hd_import_stmts(hd_import_t *im, hd_import_batch_t *b, hd_pg_unit_t *u);

#endif /* HD_API_IMPORT_H */
