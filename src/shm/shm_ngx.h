/*
 * shm_ngx: the two zones as nginx knows them.  Only for the rooms that know
 * nginx; the rest of this room, and its tests, do not.
 */

#ifndef HD_SHM_NGX_H
#define HD_SHM_NGX_H

#include <ngx_config.h>
#include <ngx_core.h>
#include "shm.h"


/*
 * In a directive's setter: adds the control zone ("herald_control", of fixed
 * size) and the data zone.  `tag` is the module's address.  NGX_ERROR is
 * logged. Zones of the same size live on through a reload; their init only
 * attaches, so `nginx -t` and a reload that is refused change nothing.
 */
ngx_int_t hd_shm_zones_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
    void *tag);

/* In init_module, and once more in init_process: makes the cycle's zone the
 * one of this process.  A cycle without a zone makes it none. */
void hd_shm_use(ngx_cycle_t *cycle);

/* this process's handle; NULL before hd_shm_use() or without a zone */
hd_shm_t *hd_shm_of(void);

#endif /* HD_SHM_NGX_H */
