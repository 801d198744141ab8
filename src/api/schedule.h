/*
 * schedule, private to the API: what is planned, and the way from there to its
 * row.
 *
 *   create     the body ─────────────┐
 *   duplicate  a row, then the body ─┤
 *   change     a row, then the body ─┼─> shapes ─> its times (database)
 *   split      a row, then the body ─┘     ─> its document by the very checks
 *                                          of what it will make ─> written
 */

#ifndef HD_API_SCHEDULE_H
#define HD_API_SCHEDULE_H

#include "inner.h"
#include "../base/recur.h"


#define HD_SCHEDULE_STEPS   20
#define HD_SCHEDULE_PLACES  200

typedef struct {
    hd_uuid_t        id;
    hd_json_t       *spec;             /* members as the API takes them */
    ngx_uint_t       changes;          /* it has a row */
    ngx_int_t        version;          /* of that row */
    hd_uuid_t        old;              /* split: the one that it is cut from */
    int64_t          cut;              /* and where */
    ngx_uint_t       split;

    hd_str_t         kind;
    hd_json_t       *document;
    int64_t          start;            /* wall */
    hd_recur_t       rule;
    ngx_uint_t       ruled;
    ngx_uint_t       last_day;
    ngx_uint_t       best;

    /* the database's answer */
    hd_str_t         zone;
    hd_str_t         first;            /* instant of the first, RFC 3339 */
    int64_t          now;              /* wall */
    int64_t          until;            /* wall */
    ngx_uint_t       past;             /* `asked` is not in the future */
    int64_t          asked;

    hd_str_t         rrule;            /* as it is kept */
    ngx_uint_t       step;             /* of a sequence, being checked */
    hd_inner_t      *inner;
    void           (*checked)(hd_req_t *req);
    ngx_uint_t       ok;
    hd_buf_t         json;
} hd_schedule_t;

/* NULL: answered */
hd_schedule_t *hd_schedule_ctx(hd_req_t *req);
/* s->spec and s->id are set: everything from here to the answer */
void hd_schedule_go(hd_req_t *req, hd_schedule_t *s);
/* what the body says over what the row says; null takes away.  NULL: out of
 * memory */
hd_json_t *hd_schedule_merge(hd_req_t *req, hd_json_t *row, hd_json_t *body);

/* schedule_check.c: shapes, without the database; the rule is in s->rule */
void hd_schedule_shapes(hd_req_t *req, hd_schedule_t *s, hd_faults_t *faults);
/* the first place of it after `after`; NGX_DECLINED: none */
ngx_int_t hd_schedule_first(hd_schedule_t *s, int64_t after, int64_t *place);
/* the body of the request that is checked; step from 0 */
void hd_schedule_request(hd_schedule_t *s, ngx_uint_t step, hd_buf_t *b);
/* schedule.c: the document by the checks of what it makes, then s->checked */
void hd_schedule_document(hd_req_t *req, hd_schedule_t *s);
/* what s->asked is in the zone, into s; then req->done */
void hd_schedule_ask(hd_req_t *req, hd_schedule_t *s);
/* a wall time as a string that lives with the request */
char *hd_schedule_wall(hd_req_t *req, int64_t wall);
/* after a commit: its timer may be another one */
void hd_schedule_tell(hd_req_t *req, const hd_uuid_t *id);
/* places of the rule after `after` as an argument of u; 1: it has no more */
ngx_uint_t hd_schedule_places(hd_schedule_t *s, int64_t after,
    hd_pg_unit_t *u);
/* the columns of schedule_spec's row, from its second on, into s */
void hd_schedule_read(hd_req_t *req, hd_schedule_t *s, hd_pg_res_t *res);

extern const hd_column_t  hd_occurrence_columns[];

#endif /* HD_API_SCHEDULE_H */
