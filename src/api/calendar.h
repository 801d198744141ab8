/*
 * calendar, private to the API: what is planned and what was, of some weeks.
 *
 *   unit 1: rows that are there; rules that go on
 *   then:   the rules' places in this range, walked through here
 *   unit 2: these as instants; all of it sorted, conflicts marked, done()
 */

#ifndef HD_API_CALENDAR_H
#define HD_API_CALENDAR_H

#include "frame.h"
#include "../base/recur.h"


#define HD_CALENDAR_DAYS  100
#define HD_CALENDAR_MOST  2000

typedef enum {
    HD_GROUP_SCHEDULED = 0,            /* waits for its time */
    HD_GROUP_PENDING,                  /* has begun, or is held */
    HD_GROUP_POSTED,
    HD_GROUP_FAILED,                   /* also missed */
    HD_GROUP_CANCELLED,
    HD_GROUPS
} hd_group_e;

extern const char *const  hd_group_names[];      /* NULL ends them */

typedef struct {
    hd_str_t       kind;
    hd_str_t       schedule_id;        /* len 0: none */
    hd_str_t       starts_at;
    ngx_int_t      cohort, step;
    int64_t        at;                 /* us */
    int64_t        end;
    int64_t        stamp;
    hd_str_t       state;
    hd_str_t       reason;
    hd_str_t       ref_id;             /* len 0: not made yet */
    hd_str_t       account_id;
    hd_str_t       title;
    hd_str_t       provider;
    hd_str_t       channel;
    int64_t        audience;
    hd_group_e     group;
    unsigned       paced:1;            /* it takes its time on its number */
    unsigned       conflict:1;
} hd_entry_t;

typedef struct {
    int64_t        from, to;           /* us */
    hd_uuid_t      account;
    ngx_uint_t     one;                /* only that number's */
    ngx_array_t    entries;            /* of hd_entry_t, by time */
    ngx_array_t    slots;              /* of int64_t: free-slot's */
    ngx_uint_t     known;              /* that number is there */
    ngx_uint_t     cut;                /* there are more */
    hd_pg_array_t  ids, walls;
    ngx_uint_t     nwalls;
    void         (*done)(hd_req_t *req);
    hd_str_t       name;               /* of a feed */
    ngx_uint_t     n;                  /* slots that are wanted */
} hd_calendar_t;

/* NULL: answered */
hd_calendar_t *hd_calendar_ctx(hd_req_t *req);
/* from, to, account are set; n (> 0): its slots are asked for too */
void hd_calendar_load(hd_req_t *req, hd_calendar_t *c);

#endif /* HD_API_CALENDAR_H */
