/*
 * forecast, private to the API: what a broadcast would come to if it went on
 * now.  forecast.c asks, forecast_time.c works out when it would end,
 * forecast_answer.c says it.
 */

#ifndef HD_API_FORECAST_H
#define HD_API_FORECAST_H

#include "launch.h"


#define HD_FORECAST_REASONS  6

/* a country of the audience */
typedef struct {
    hd_str_t         country;          /* empty: nobody knows which */
    int64_t          count;
    int64_t          in_window;
} hd_forecast_country_t;

/* people who may be sent to from one time on */
typedef struct {
    int64_t          begin;            /* us */
    int64_t          n;
} hd_forecast_part_t;

/* a day of a number with hours or a cap */
typedef struct {
    int64_t          open, close;      /* us */
    int64_t          left;             /* messages; -1: no cap */
} hd_forecast_day_t;

typedef struct {
    hd_launch_t     *l;
    u_char           status[16];
    ngx_uint_t       frozen;           /* counts who is still queued */
    ngx_uint_t       failed;           /* out of memory */
    u_char           category;         /* m, u, a */

    int64_t          now, start;
    int64_t          number_rate;      /* a second; 0: no limit */
    int64_t          gap_ms;           /* on the average; 0: none */
    int64_t          own_rate;         /* a minute; 0: none */
    int64_t          ahead;
    int64_t          waits;            /* seconds between its steps */
    ngx_array_t      days;             /* of hd_forecast_day_t */

    hd_str_t         portfolio;        /* data NULL: none */
    int64_t          portfolio_limit;  /* -1: none */
    int64_t          portfolio_used;
    int64_t          needed;

    int64_t          spend_limit;      /* millionths; -1: none */
    int64_t          spend_used;
    hd_str_t         spend_period;

    int64_t          excluded[HD_FORECAST_REASONS];
    int64_t          reachable;
    int64_t          asleep;
    ngx_array_t      countries;        /* of hd_forecast_country_t */
    ngx_array_t      parts;            /* of hd_forecast_part_t */
} hd_forecast_t;

/* names of excluded[], in the order of the gates */
extern const char *const  hd_forecast_reasons[HD_FORECAST_REASONS];

/* us between two messages of the broadcast; *by: what keeps it back, NULL
 * when nothing does */
double hd_forecast_interval(hd_forecast_t *f, const char **by);
/* when its last message goes; 0: never, as things are */
int64_t hd_forecast_finish(hd_forecast_t *f);
/* the answer, from all that is there */
void hd_forecast_answer(hd_req_t *req, hd_forecast_t *f);

#endif /* HD_API_FORECAST_H */
