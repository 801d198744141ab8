/*
 * api: what the outside may ask.  Content handlers for herald_api,
 * herald_ingress, herald_events and herald_metrics, and their start and stop
 * in a worker.
 */

#ifndef HD_API_H
#define HD_API_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "../base/base.h"
#include "../loop/loop.h"
#include "../shm/shm.h"
#include "../pg/pg.h"
#include "../egress/egress.h"


typedef struct {
    ngx_module_t       *module;           /* whose context index we use */
    hd_pg_pool_t       *pg;
    hd_shm_t           *shm;
    uint32_t            slot;             /* this worker's, HD_NONE: none */
    hd_wake_t          *wake;
    u_char             *secret_key;       /* HD_SEAL_KEY bytes */
    ngx_thread_pool_t  *threads;
    const hd_prices_t  *prices;           /* NULL: no table */
    const char         *spool;            /* folder; NULL: none */
    uint64_t            spool_max;        /* bytes of all workers */
    const char         *media;            /* folder of files; NULL: none */
    const hd_egress_smtp_t *smtp;         /* NULL: no e-mail */
    ngx_str_t           public_url;       /* no slash at its end; len 0: none */
    ngx_log_t          *log;
} hd_api_conf_t;

ngx_int_t hd_api_init(const hd_api_conf_t *conf);
void hd_api_exit(void);
/* the worker quits gracefully: streams end, so that clients come back to a new
 * worker */
void hd_api_quit(void);
/* this worker was woken: events may be in the ring */
void hd_api_wake(void);

ngx_int_t hd_api_handler(ngx_http_request_t *r);
ngx_int_t hd_ingress_handler(ngx_http_request_t *r);
/* a webhook that no request brought (what was missed), by the secret part of
 * its address; `fed` is called once, perhaps before this returns: 200 when it
 * is committed.  NGX_ERROR: it is not called */
ngx_int_t hd_ingress_feed(const hd_str_t *token, const hd_str_t *body,
    void (*fed)(void *data, ngx_uint_t status), void *data);
ngx_int_t hd_events_handler(ngx_http_request_t *r);
/* short links and files for providers: without a sign-in, by their MAC */
ngx_int_t hd_links_handler(ngx_http_request_t *r);
ngx_int_t hd_metrics_handler(ngx_http_request_t *r);
ngx_int_t hd_ready_handler(ngx_http_request_t *r);

/*
 * A POST of our own, for an organisation, by the API's code: its checks and its
 * statements; `id` is what it makes is called.  The answer comes later, from
 * the loop; NGX_ERROR: out of memory, and none comes.
 */
typedef void (*hd_api_answer_pt)(void *data, ngx_uint_t status,
    const hd_str_t *answer);

ngx_int_t hd_api_ask(const hd_uuid_t *org, const hd_uuid_t *by,
    const char *path, const hd_str_t *body, const hd_uuid_t *id,
    hd_api_answer_pt done, void *data);
/* publish for the streams and wake the workers that have any; the text stays
 * the caller's */
void hd_publish(const hd_uuid_t *org, const char *type, hd_buf_t *data);

/* what log variables show of a request: NULL data when it was none of ours */
void hd_api_variables(ngx_http_request_t *r, hd_str_t *org, hd_str_t *route,
    hd_str_t *request_id, ngx_int_t *db_us);

#endif /* HD_API_H */
