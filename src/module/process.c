/*
 * Which process is this, and what runs in it.
 *
 * The helper is not started in init_process: the cache loader, if somebody has
 * a proxy_cache_path, is NGX_PROCESS_HELPER as well and runs the same hook.
 * The first call of our path's manager comes in the manager's process only.
 */

#include "module.h"
#include "../store/files.h"


#define HD_HELPER_BEAT  1000

static void hd_worker_wake(void *data);
static void hd_worker_quit(void *data);
static void hd_worker_beat(hd_timer_t *t, void *data);
static void hd_helper_wake(void *data);


/* set in the master by init_module, inherited by fork */
static hd_wake_t   *hd_wake;
static ngx_uint_t   hd_generation;

/* this process's */
static hd_pg_pool_t  *hd_pg;
static uint32_t       hd_slot = HD_NONE;
static hd_timer_t     hd_beat;
static ngx_uint_t     hd_helper_started;
static uint32_t       hd_helper_epoch;


static ngx_http_herald_main_conf_t *
ngx_http_herald_conf(ngx_cycle_t *cycle)
{
    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;
    }

    return ngx_http_cycle_get_module_main_conf(cycle, ngx_http_herald_module);
}


ngx_int_t
ngx_http_herald_init_module(ngx_cycle_t *cycle)
{
    ngx_core_conf_t              *ccf;
    ngx_http_herald_main_conf_t  *hmcf;

    hmcf = ngx_http_herald_conf(cycle);

    if (ngx_test_config) {
        return NGX_OK;
    }

    /* a cycle without a zone makes it none */
    hd_shm_use(cycle);

    if (hmcf == NULL || hmcf->conninfo.data == NULL) {
        return NGX_OK;
    }

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    if (!ccf->master) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "herald: with \"master_process off\" there is no helper "
                      "process, and nothing is sent");
    }

    hd_generation++;

    hd_wake = hd_wake_create(cycle, ccf->worker_processes);

    return hd_wake ? NGX_OK : NGX_ERROR;
}


static hd_pg_pool_t *
hd_process_pg(ngx_http_herald_main_conf_t *hmcf, ngx_uint_t size,
    const char *application, ngx_uint_t hurry, ngx_log_t *log)
{
    hd_pg_conf_t  conf;

    ngx_memzero(&conf, sizeof(hd_pg_conf_t));

    conf.conninfo = hmcf->conninfo;
    conf.size = size;
    conf.backlog = 20000;
    conf.application = application;
    conf.stmts = hd_queries;
    conf.nstmts = HD_Q_COUNT;
    conf.org_stmt = HD_Q_SET_ORG;
    conf.hurry = hurry;

    return hd_pg_pool_create(&conf, log);
}


static ngx_int_t
hd_worker_rooms(ngx_cycle_t *cycle, ngx_http_herald_main_conf_t *hmcf)
{
    hd_api_conf_t     api;
    hd_send_conf_t    send;
    hd_task_conf_t    task;
    hd_egress_conf_t  egress;

    ngx_memzero(&egress, sizeof(hd_egress_conf_t));

    /* half of the connections is for those who ask, half for those we ask */
    egress.connections = ngx_min(128, cycle->connection_n / 4);
    egress.connections = ngx_max(1, egress.connections);

    /* what curl would queue would count as written already */
    egress.host_connections = egress.connections;
    egress.connect_timeout = 5000;
    egress.timeout = 20000;
    egress.max_answer = 256 * 1024;
    egress.allow = hmcf->egress_allow;

    if (hd_egress_init(&egress, cycle->log) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&api, sizeof(hd_api_conf_t));

    api.module = &ngx_http_herald_module;
    api.pg = hd_pg;
    api.shm = hd_shm_of();
    api.slot = hd_slot;
    api.wake = hd_wake;
    api.secret_key = hmcf->secret_key;
    api.threads = hmcf->threads;
    api.prices = hmcf->prices;
    api.spool = hmcf->spool ? (const char *) hmcf->spool->name.data : NULL;
    api.spool_max = (uint64_t) hmcf->spool_max;
    api.media = hmcf->path->name.len ? (const char *) hmcf->path->name.data
                                     : NULL;
    api.public_url = hmcf->public_url;
    api.smtp = hmcf->smtp.url.len ? &hmcf->smtp : NULL;
    api.log = cycle->log;

    /* without a place for files all the rest works */
    (void) hd_files_init(api.media, hmcf->threads, cycle->log);

    if (hd_api_init(&api) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&send, sizeof(hd_send_conf_t));

    send.pg = hd_pg;
    send.shm = hd_shm_of();
    send.slot = hd_slot;
    send.wake = hd_wake;
    send.secret_key = hmcf->secret_key;
    send.connections = egress.connections;
    send.prices = hmcf->prices;
    send.media = api.media;
    send.public_url = api.public_url;
    send.log = cycle->log;

    if (hd_send_init(&send) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_memzero(&task, sizeof(hd_task_conf_t));

    task.pg = hd_pg;
    task.shm = hd_shm_of();
    task.slot = hd_slot;
    task.wake = hd_wake;
    task.secret_key = hmcf->secret_key;
    task.media = api.media;
    task.public_url = api.public_url;
    task.feed = hd_ingress_feed;
    task.ask = hd_api_ask;
    task.publish = hd_publish;
    task.smtp = api.smtp;
    task.log = cycle->log;

    return hd_task_init(&task);
}


ngx_int_t
ngx_http_herald_init_process(ngx_cycle_t *cycle)
{
    ngx_http_herald_main_conf_t  *hmcf;

    hmcf = ngx_http_herald_conf(cycle);

    if (hmcf == NULL || hmcf->conninfo.data == NULL
        || (ngx_process != NGX_PROCESS_WORKER
            && ngx_process != NGX_PROCESS_SINGLE))
    {
        return NGX_OK;
    }

    hd_shm_use(cycle);

    hd_pg = hd_process_pg(hmcf, hmcf->pool, "herald worker", 1,
                          cycle->log);
    if (hd_pg == NULL) {
        return NGX_ERROR;
    }

    hd_slot = hd_slot_take(hd_shm_of(), ngx_pid, hd_generation, ngx_worker,
                           ngx_current_msec);

    if (hd_slot == HD_NONE) {
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "herald: more than %d workers at once, this one does "
                      "not send", HD_SLOTS);
    }

    if (hd_worker_rooms(cycle, hmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    if (hd_wake_listen(hd_wake, ngx_worker, hd_worker_wake, NULL, cycle->log)
        != NGX_OK
        || hd_quit_notice(hd_worker_quit, NULL, cycle->log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    hd_timer_init(&hd_beat, hd_worker_beat, NULL, 1, cycle->log);
    hd_timer_set(&hd_beat, 1000);

    return NGX_OK;
}


static void
hd_worker_wake(void *data)
{
    hd_send_wake();
    hd_task_wake();
    hd_api_wake();
}


static void
hd_worker_quit(void *data)
{
    if (hd_slot != HD_NONE) {
        hd_slot_quitting(hd_shm_of(), hd_slot);
    }

    hd_api_quit();
    hd_task_quit();
    hd_send_quit();
}


/*
 * Also the net under a lost wake-up, if ever there is one.  Cancelable, so it
 * goes on while a quitting worker finishes: it is alive.
 */
static void
hd_worker_beat(hd_timer_t *t, void *data)
{
    if (hd_slot != HD_NONE) {
        hd_slot_beat(hd_shm_of(), hd_slot, ngx_current_msec);
        hd_send_wake();
        hd_task_wake();
    }

    if (!ngx_exiting) {
        hd_api_wake();
    }

    hd_timer_set(t, 1000);
}


/* 1: nothing of this worker's slot is left for the helper to reap */
static ngx_uint_t
hd_worker_done(void)
{
    hd_slot_t     slot;
    hd_attempt_t  attempt;

    return hd_attempt_list(hd_shm_of(), hd_slot, &attempt, 1) == 0
           && hd_slot_read(hd_shm_of(), hd_slot, &slot)
           && slot.grants == 0;
}


void
ngx_http_herald_exit_process(ngx_cycle_t *cycle)
{
    if (hd_pg == NULL || hd_helper_started) {
        return;
    }

    hd_timer_clear(&hd_beat);
    hd_quit_done();

    hd_api_exit();
    hd_task_exit();
    hd_send_exit();
    hd_pg_pool_destroy(hd_pg);
    hd_egress_exit();
    hd_wake_done(hd_wake);

    /* else the slot stays: the helper sees that the pid is gone, and reaps */
    if (hd_slot != HD_NONE && hd_worker_done()) {
        hd_slot_free(hd_shm_of(), hd_slot);
    }
}


/* the same for this nginx after every restart: leases know it */
static void
hd_helper_node(ngx_cycle_t *cycle, hd_uuid_t *node)
{
    u_char    digest[32];
    hd_buf_t  b;

    hd_buf_init(&b);
    hd_buf_add(&b, cycle->hostname.data, cycle->hostname.len);
    hd_buf_char(&b, '|');
    hd_buf_add(&b, cycle->conf_file.data, cycle->conf_file.len);
    hd_buf_char(&b, '|');
    hd_buf_add(&b, cycle->prefix.data, cycle->prefix.len);

    hd_sha256(b.data, b.len, digest);
    hd_buf_free(&b);

    ngx_memcpy(node->b, digest, 16);
    node->b[6] = (node->b[6] & 0x0f) | 0x80;
    node->b[8] = (node->b[8] & 0x3f) | 0x80;
}


/* a file in our folder, which nginx has given to the workers' user */
static ngx_int_t
hd_helper_state(ngx_http_herald_main_conf_t *hmcf, ngx_str_t *state)
{
    ngx_str_t  *dir;

    dir = &hmcf->path->name;

    state->len = dir->len + sizeof("/epoch") - 1;
    state->data = ngx_alloc(state->len + 1, ngx_cycle->log);

    if (state->data == NULL) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(state->data, "%V/epoch%Z", dir);

    return NGX_OK;
}


ngx_msec_t
ngx_http_herald_manager(void *data)
{
    ngx_http_herald_main_conf_t  *hmcf = data;

    hd_sched_conf_t  conf;

    if (hd_helper_started) {
        return HD_HELPER_BEAT;
    }

    hd_helper_started = 1;

    ngx_setproctitle("herald scheduler");

    hd_pg = hd_process_pg(hmcf, 2, "herald scheduler", 0,
                          ngx_cycle->log);
    if (hd_pg == NULL) {
        return HD_HELPER_BEAT;
    }

    hd_helper_epoch = hd_control_claim(hd_shm_of(), ngx_pid, hd_generation,
                                       ngx_current_msec);

    ngx_memzero(&conf, sizeof(hd_sched_conf_t));

    conf.pg = hd_pg;
    conf.shm = hd_shm_of();
    conf.wake = hd_wake;
    conf.epoch = hd_helper_epoch;
    conf.generation = hd_generation;
    conf.log = ngx_cycle->log;

    hd_helper_node((ngx_cycle_t *) ngx_cycle, &conf.node);

    if (hd_helper_state(hmcf, &conf.state) != NGX_OK
        || hd_sched_start(&conf) != NGX_OK
        || hd_wake_listen(hd_wake, hd_wake_helper(hd_wake), hd_helper_wake,
                          NULL, ngx_cycle->log)
           != NGX_OK)
    {
        ngx_log_error(NGX_LOG_CRIT, ngx_cycle->log, 0,
                      "herald: the scheduler could not start");
    }

    return HD_HELPER_BEAT;
}


static void
hd_helper_wake(void *data)
{
    hd_sched_wake();
}
