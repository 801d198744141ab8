/*
 * module: the nginx face.  Directives and their checks, which process this is,
 * and the start and stop of the rooms in it.
 *
 *   master   configuration, zones, eventfds (init_module)
 *   worker   pg pool, egress, api, send (init_process to exit_process)
 *   helper   starts in the first call of the manager callback of an
 *            ngx_path_t: nginx's own cache manager slot; ends by exit(0)
 *            without a hook
 */

#ifndef HD_MODULE_H
#define HD_MODULE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include "../base/base.h"
#include "../loop/loop.h"
#include "../shm/shm.h"
#include "../shm/shm_ngx.h"
#include "../pg/pg.h"
#include "../store/store.h"
#include "../egress/egress.h"
#include "../provider/provider.h"
#include "../sched/sched.h"
#include "../send/send.h"
#include "../task/task.h"
#include "../api/api.h"


typedef struct {
    ngx_str_t           conninfo;         /* herald_postgres; data NULL: off */
    ngx_uint_t          pool;
    size_t              zone_size;        /* herald_zone */
    ngx_str_t           secret_file;
    u_char              secret_key[HD_SEAL_KEY];
    ngx_array_t        *egress_allow;     /* of ngx_cidr_t */
    ngx_path_t         *path;             /* herald_media; manager: ours */
    ngx_str_t           public_url;       /* herald_public_url; len 0: none */
    hd_egress_smtp_t    smtp;             /* herald_smtp; url.len 0: none */
    hd_prices_t        *prices;           /* herald_prices; NULL: none */
    ngx_path_t         *spool;            /* herald_spool; NULL: none */
    off_t               spool_max;
    ngx_thread_pool_t  *threads;
    ngx_uint_t          used;             /* a location has one of ours */
    ngx_str_t           used_by;
} ngx_http_herald_main_conf_t;

typedef struct {
    ngx_http_handler_pt  handler;
} ngx_http_herald_loc_conf_t;

extern ngx_module_t  ngx_http_herald_module;

/* directive.c */
extern ngx_command_t  ngx_http_herald_commands[];
char *ngx_http_herald_check(ngx_conf_t *cf,
    ngx_http_herald_main_conf_t *hmcf);

/* prices.c */
char *ngx_http_herald_prices(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* smtp.c */
char *ngx_http_herald_smtp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);

/* process.c */
ngx_int_t ngx_http_herald_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_herald_init_process(ngx_cycle_t *cycle);
void ngx_http_herald_exit_process(ngx_cycle_t *cycle);
ngx_msec_t ngx_http_herald_manager(void *data);

/* variable.c */
ngx_int_t ngx_http_herald_add_variables(ngx_conf_t *cf);

#endif /* HD_MODULE_H */
