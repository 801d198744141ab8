/*
 * send: workers only.  A grant becomes messages:
 *
 *   ring -> read rows -> gates, render -> commit "sending" -> bucket -> POST
 *                                                                        |
 *   ledger <-- settle (one unit for all that gathered) <-- outcome <-----+
 */

#ifndef HD_SEND_H
#define HD_SEND_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "../base/base.h"
#include "../loop/loop.h"
#include "../shm/shm.h"
#include "../pg/pg.h"


typedef struct {
    hd_pg_pool_t   *pg;
    hd_shm_t       *shm;
    uint32_t        slot;
    hd_wake_t      *wake;
    u_char         *secret_key;
    ngx_uint_t      connections;      /* sends at once */
    const hd_prices_t  *prices;       /* NULL: no table, nothing has a cost */
    const char     *media;            /* folder of files; NULL: none */
    ngx_str_t       public_url;       /* len 0: none */
    ngx_log_t      *log;
} hd_send_conf_t;

ngx_int_t hd_send_init(const hd_send_conf_t *conf);
/* takes no more grants; what was committed is sent and settled */
void hd_send_quit(void);
void hd_send_exit(void);
/* this worker was woken: grants may be in its ring */
void hd_send_wake(void);

#endif /* HD_SEND_H */
