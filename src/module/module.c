/*
 * The module's tables: contexts, configuration, hooks.
 */

#include "module.h"


static void *ngx_http_herald_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_herald_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_herald_create_loc_conf(ngx_conf_t *cf);


static ngx_http_module_t  ngx_http_herald_module_ctx = {
    ngx_http_herald_add_variables,         /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_herald_create_main_conf,      /* create main configuration */
    ngx_http_herald_init_main_conf,        /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_herald_create_loc_conf,       /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_herald_module = {
    NGX_MODULE_V1,
    &ngx_http_herald_module_ctx,           /* module context */
    ngx_http_herald_commands,              /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_herald_init_module,           /* init module */
    ngx_http_herald_init_process,          /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_herald_exit_process,          /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_herald_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_herald_main_conf_t  *hmcf;

    hmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_herald_main_conf_t));
    if (hmcf == NULL) {
        return NULL;
    }

    hmcf->pool = NGX_CONF_UNSET_UINT;
    hmcf->zone_size = NGX_CONF_UNSET_SIZE;
    hmcf->spool_max = NGX_CONF_UNSET;
    hmcf->egress_allow = NGX_CONF_UNSET_PTR;

    return hmcf;
}


static char *
ngx_http_herald_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    ngx_conf_init_uint_value(hmcf->pool, 2);
    ngx_conf_init_size_value(hmcf->zone_size, 32 * 1024 * 1024);
    ngx_conf_init_value(hmcf->spool_max, 1024 * 1024 * 1024);
    ngx_conf_init_ptr_value(hmcf->egress_allow, NULL);

    return ngx_http_herald_check(cf, hmcf);
}


static void *
ngx_http_herald_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_herald_loc_conf_t));
}
