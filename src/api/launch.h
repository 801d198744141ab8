/*
 * launch, private to the API: what a broadcast says, and the way from there
 * into the ledger.
 *
 *   create   the body ──────────────┐
 *   change   its row, then the body ┼─> shapes ─> templates and number
 *   launch   its row ───────────────┘      ─> sources ─> audience ─> written
 *
 * Shapes and sources need no look at the customers.  The audience is asked who
 * lacks a value that cannot be done without, but not for a draft: nobody sends
 * it.  What changes between then and the freeze is met at send time.
 */

#ifndef HD_API_LAUNCH_H
#define HD_API_LAUNCH_H

#include "template.h"
#include "inner.h"


#define HD_VARIANTS  5


typedef struct {
    hd_uuid_t        template_id;
    hd_json_t       *variables;        /* NULL: the broadcast's */
    int64_t          weight;
    hd_template_t    template;
} hd_variant_t;

/* values that every contact of the audience must have */
typedef struct {
    ngx_uint_t       any;
    ngx_uint_t       columns[5];       /* name, first, last, email, language */
    ngx_array_t      fields;           /* of hd_str_t */
    hd_buf_t         groups;           /* [["name","fields.x"],…]: one of */
} hd_needs_t;

typedef struct {
    hd_uuid_t        id;
    hd_json_t       *spec;             /* members as the API takes them */
    const char      *from;             /* status of its row; NULL: a new one */
    const char      *to;               /* draft or scheduled */
    int64_t          send_at;          /* 0: now */
    int64_t          expires_at;       /* 0: never */
    ngx_uint_t       named;            /* variants were given */
    ngx_uint_t       nvariants;        /* 1 without any */
    hd_variant_t     variants[HD_VARIANTS];
    hd_uuid_t        account_id;
    ngx_uint_t       account_found;
    hd_str_t         account_status;
    hd_needs_t       needs;
    ngx_uint_t       cohort;           /* of a sequence: not asked */
    ngx_uint_t       somebody;         /* in the audience now */
    int64_t          lacking;
    hd_buf_t         lacks;            /* the first of them, as JSON */
    hd_buf_t         warnings;         /* JSON objects */
    ngx_uint_t       changed;          /* the row was written */
    void            *forecast;         /* forecast.c's own */
} hd_launch_t;

/* NULL: answered.  Its buffers go with the request. */
hd_launch_t *hd_launch_create(hd_req_t *req);
/* everything from here to the answer; l->spec, from, to and id are set */
void hd_launch(hd_req_t *req, hd_launch_t *l);
/* launch_check.c: shapes, without the database */
void hd_launch_shapes(hd_req_t *req, hd_launch_t *l, hd_faults_t *faults);
/* launch_audience.c: every variable has a source; what contacts must have */
ngx_int_t hd_launch_sources(hd_req_t *req, hd_launch_t *l,
    hd_faults_t *faults);
/* the statements that ask the audience, and their answers (index from 0) */
void hd_launch_ask(hd_req_t *req, hd_launch_t *l, hd_pg_unit_t *u);
void hd_launch_told(hd_launch_t *l, ngx_uint_t index, hd_pg_res_t *res);
/* what contacts must have: five columns, fields, groups, as arguments */
void hd_launch_put_needs(hd_launch_t *l, hd_pg_unit_t *u);
/* refused, or NGX_OK */
ngx_int_t hd_launch_lacks(hd_req_t *req, hd_launch_t *l);

/* adds to l->warnings; those that every launch has (l->somebody is set) */
void hd_launch_warn(hd_launch_t *l, const char *code, const char *detail);
void hd_launch_warnings(hd_launch_t *l);

/* "/variants/0/weight"; "~" and "/" in names are escaped by the caller */
void hd_launch_at(hd_req_t *req, hd_str_t *at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* a broadcast as its answers show it: columns of broadcast_get */
extern const hd_column_t  hd_broadcast_columns[];

/* broadcast.c: the helper looks at it again */
void hd_broadcast_tell(hd_req_t *req, const hd_uuid_t *id);

#endif /* HD_API_LAUNCH_H */
