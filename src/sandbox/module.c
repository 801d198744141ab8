/*
 * The nginx face of the sandbox: directives, the zone, start and end of a
 * worker.  Nothing happens in an nginx that loads this module and has no
 * herald_sandbox in its configuration: no zone, no timer, no connection.
 */

#include "sandbox.h"


static char *hd_sb_conf_location(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *hd_sb_conf_ledger(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *hd_sb_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
static char *hd_sb_conf_script(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static void *hd_sb_create_main_conf(ngx_conf_t *cf);
static char *hd_sb_init_main_conf(ngx_conf_t *cf, void *conf);
static ngx_int_t hd_sb_init_zone(ngx_shm_zone_t *zone, void *data);
static ngx_int_t hd_sb_init_process(ngx_cycle_t *cycle);
static void hd_sb_exit_process(ngx_cycle_t *cycle);


#define HD_SB_ZONE        (16 * 1024 * 1024)
#define HD_SB_SCRIPT_MAX  65536


hd_sb_worker_t  hd_sb;


static ngx_command_t  hd_sb_commands[] = {

    { ngx_string("herald_sandbox"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      hd_sb_conf_location,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_sandbox_ledger"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      hd_sb_conf_ledger,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_sandbox_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      hd_sb_conf_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_sandbox_script"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      hd_sb_conf_script,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  hd_sb_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    hd_sb_create_main_conf,                /* create main configuration */
    hd_sb_init_main_conf,                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    NULL,                                  /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_herald_sandbox_module = {
    NGX_MODULE_V1,
    &hd_sb_module_ctx,                     /* module context */
    hd_sb_commands,                        /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    hd_sb_init_process,                    /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    hd_sb_exit_process,                    /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static char *
hd_sb_conf_location(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    hd_sb_main_conf_t *mcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = hd_sb_handler;
    mcf->used = 1;

    return NGX_CONF_OK;
}


static char *
hd_sb_conf_ledger(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    hd_sb_main_conf_t *mcf = conf;

    ngx_str_t  *value;

    if (mcf->ledger != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 3) {
        if (ngx_strcmp(value[2].data, "fsync") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\", expected \"fsync\"",
                               &value[2]);
            return NGX_CONF_ERROR;
        }

        mcf->ledger_fsync = 1;
    }

    /* opened for appending by the master, reopened on USR1 as logs are */
    mcf->ledger = ngx_conf_open_file(cf->cycle, &value[1]);
    if (mcf->ledger == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
hd_sb_conf_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    hd_sb_main_conf_t *mcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (mcf->zone_size != 0) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size < (ssize_t) (16 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\", expected at least %uzk",
                           &value[1], 16 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    mcf->zone_size = size;

    return NGX_CONF_OK;
}


static char *
hd_sb_conf_script(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    hd_sb_main_conf_t *mcf = conf;

    char         why[160];
    ssize_t      n;
    ngx_str_t    name, *value;
    ngx_file_t   file;
    ngx_uint_t   line;

    if (mcf->script.data != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    name = value[1];

    if (ngx_conf_full_name(cf->cycle, &name, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&file, sizeof(ngx_file_t));
    file.name = name;
    file.log = cf->log;
    file.fd = ngx_open_file(name.data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" of herald_sandbox_script cannot be opened,"
                           " expected a readable file", &name);
        return NGX_CONF_ERROR;
    }

    mcf->script.data = ngx_palloc(cf->pool, HD_SB_SCRIPT_MAX + 1);
    n = NGX_ERROR;

    if (mcf->script.data != NULL) {
        n = ngx_read_file(&file, mcf->script.data, HD_SB_SCRIPT_MAX + 1, 0);
    }

    (void) ngx_close_file(file.fd);

    if (n == NGX_ERROR || n > HD_SB_SCRIPT_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" of herald_sandbox_script cannot be read,"
                           " expected a file of at most %dk", &name,
                           HD_SB_SCRIPT_MAX / 1024);
        return NGX_CONF_ERROR;
    }

    mcf->script.len = n;

    if (hd_sb_script_check(cf->temp_pool, &mcf->script, &line, why,
                           sizeof(why))
        != HD_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "herald_sandbox_script %V, line %ui: %s", &name,
                           line, why);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
hd_sb_create_main_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(hd_sb_main_conf_t));
}


static char *
hd_sb_init_main_conf(ngx_conf_t *cf, void *conf)
{
    hd_sb_main_conf_t *mcf = conf;

    static ngx_str_t  name = ngx_string("herald_sandbox");

    if (!mcf->used) {
        return NGX_CONF_OK;
    }

    if (mcf->zone_size == 0) {
        mcf->zone_size = HD_SB_ZONE;
    }

    mcf->zone = ngx_shared_memory_add(cf, &name, mcf->zone_size,
                                      &ngx_http_herald_sandbox_module);
    if (mcf->zone == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->zone->init = hd_sb_init_zone;
    mcf->zone->data = mcf;

    /* for the oracle */

    mcf->threads = ngx_thread_pool_add(cf, NULL);
    if (mcf->threads == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* the file's script, when it is another one than before */

static ngx_int_t
hd_sb_init_script(ngx_slab_pool_t *shpool, hd_sb_sh_t *sh,
    hd_sb_main_conf_t *mcf)
{
    uint32_t  hash;

    hash = 0;

    if (mcf->script.len > 0) {
        hash = ngx_crc32_long(mcf->script.data, mcf->script.len) | 1;
    }

    /* a hash of 0 is a script of the control API's, which a reload keeps */

    if (hash == sh->script_hash || (hash == 0 && sh->script_hash == 0)) {
        return NGX_OK;
    }

    return hd_sb_script_store(shpool, sh, &mcf->script, hash, 0);
}


static ngx_int_t
hd_sb_init_zone(ngx_shm_zone_t *zone, void *data)
{
    hd_sb_sh_t         *sh;
    ngx_slab_pool_t    *shpool;
    hd_sb_main_conf_t  *mcf;

    mcf = zone->data;
    shpool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL || zone->shm.exists) {
        zone->data = data ? data : shpool->data;
        return hd_sb_init_script(shpool, zone->data, mcf);
    }

    sh = ngx_slab_calloc(shpool, sizeof(hd_sb_sh_t));
    if (sh == NULL) {
        return NGX_ERROR;
    }

    sh->generation = 1;
    shpool->data = sh;
    shpool->log_nomem = 0;
    zone->data = sh;

    return hd_sb_init_script(shpool, sh, mcf);
}


static ngx_int_t
hd_sb_init_process(ngx_cycle_t *cycle)
{
    hd_sb_main_conf_t  *mcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    mcf = ngx_http_cycle_get_module_main_conf(cycle,
                                              ngx_http_herald_sandbox_module);

    if (mcf == NULL || mcf->zone == NULL) {
        return NGX_OK;
    }

    /* what a killed worker of this slot left uncounted */

    hd_sb_number_clear_slot((ngx_slab_pool_t *) mcf->zone->shm.addr,
                            mcf->zone->data,
                            (ngx_uint_t) ngx_process_slot % HD_SB_SLOTS);

    return NGX_OK;
}


static void
hd_sb_exit_process(ngx_cycle_t *cycle)
{
    if (!hd_sb.ready) {
        return;
    }

    hd_sb_client_exit();
    hd_sb_answer_exit();
    hd_sb_script_exit();

    if (hd_sb.tick.timer_set) {
        ngx_del_timer(&hd_sb.tick);
    }

    hd_sb_number_clear_slot(hd_sb.shpool, hd_sb.sh, hd_sb.slot);
}


void
hd_sb_attach(hd_sb_main_conf_t *mcf)
{
    ngx_uint_t  i;

    hd_sb.conf = mcf;

    if (hd_sb.sh == mcf->zone->data) {
        return;
    }

    hd_sb.sh = mcf->zone->data;
    hd_sb.shpool = (ngx_slab_pool_t *) mcf->zone->shm.addr;
    hd_sb.slot = (ngx_uint_t) ngx_process_slot % HD_SB_SLOTS;
    hd_sb.generation = 0;
    hd_sb.script_generation = 0;

    if (hd_sb.ready) {
        return;
    }

    ngx_queue_init(&hd_sb.active);
    ngx_queue_init(&hd_sb.retries);
    ngx_queue_init(&hd_sb.answers);
    ngx_queue_init(&hd_sb.waiting);

    for (i = 0; i < HD_SB_WHEEL; i++) {
        hd_sb.wheel[i].last = &hd_sb.wheel[i].head;
    }

    hd_buf_init(&hd_sb.ledger);
    hd_random(&hd_sb.random, sizeof(hd_sb.random));
    hd_random(hd_sb.key, sizeof(hd_sb.key));

    hd_sb.random |= 1;
    hd_sb.base = ngx_current_msec;
    hd_sb.ready = 1;
}


double
hd_sb_random(void)
{
    /* xorshift64*: good enough for chances, and nothing here is secret */

    hd_sb.random ^= hd_sb.random >> 12;
    hd_sb.random ^= hd_sb.random << 25;
    hd_sb.random ^= hd_sb.random >> 27;

    return (double) ((hd_sb.random * 0x2545F4914F6CDD1DULL) >> 11)
           / 9007199254740992.0;
}


int64_t
hd_sb_pick(const hd_sb_range_t *range)
{
    if (range->max <= range->min) {
        return range->min;
    }

    return range->min
           + (int64_t) (hd_sb_random() * (double) (range->max - range->min));
}


static void *
hd_sb_palloc(void *ctx, size_t size)
{
    return ngx_palloc(ctx, size);
}


hd_mem_t
hd_sb_mem(ngx_pool_t *pool)
{
    hd_mem_t  mem;

    mem.alloc = hd_sb_palloc;
    mem.ctx = pool;

    return mem;
}
