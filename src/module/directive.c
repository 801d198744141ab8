/*
 * Directives.  A wrong value fails `nginx -t` with file, line, what was got
 * and what was expected.  Nothing that `nginx -T` prints may be a secret: a
 * password in a conninfo is refused, keys come from files.
 */

#include "module.h"


#define HD_SPOOL_MIN  (64 * 1024)


static char *ngx_http_herald_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_herald_postgres(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_herald_secret_file(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_herald_egress_allow(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_herald_public_url(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_herald_media(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_herald_spool(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_herald_location(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_herald_metrics(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_str_t  ngx_http_herald_zone_name = ngx_string("herald");


ngx_command_t  ngx_http_herald_commands[] = {

    { ngx_string("herald_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_herald_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_postgres"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_herald_postgres,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_secret_file"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_herald_secret_file,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_egress_allow"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_herald_egress_allow,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_media"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_herald_media,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_public_url"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_herald_public_url,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_smtp"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_herald_smtp,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_prices"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_herald_prices,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_spool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_herald_spool,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("herald_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_herald_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      hd_api_handler },

    { ngx_string("herald_ingress"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_herald_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      hd_ingress_handler },

    { ngx_string("herald_events"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_herald_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      hd_events_handler },

    { ngx_string("herald_links"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_herald_location,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      hd_links_handler },

    { ngx_string("herald_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_herald_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static char *
ngx_http_herald_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (hmcf->zone_size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || (size_t) size < HD_ZONE_MIN) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" of herald_zone, expected at "
                           "least %uzm, for example \"herald_zone 32m\"",
                           &value[1], (size_t) HD_ZONE_MIN / 1024 / 1024);
        return NGX_CONF_ERROR;
    }

    hmcf->zone_size = size;

    return NGX_CONF_OK;
}


/* "password=x", also with spaces, or "postgresql://user:x@host" */
static ngx_uint_t
ngx_http_herald_has_password(ngx_str_t *conninfo)
{
    u_char  *p, *last, *at;

    last = conninfo->data + conninfo->len;
    p = (u_char *) ngx_strstr(conninfo->data, "://");

    if (p) {
        p += 3;
        at = ngx_strlchr(p, last, '@');

        if (at && ngx_strlchr(p, at, ':')) {
            return 1;
        }
    }

    for (p = conninfo->data; p < last; p++) {
        p = ngx_strcasestrn(p, "password", 7);
        if (p == NULL) {
            return 0;
        }

        for (at = p + 8; at < last && *at == ' '; at++) { /* void */ }

        if (at < last && *at == '=') {
            return 1;
        }
    }

    return 0;
}


static char *
ngx_http_herald_postgres(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    ngx_int_t   n;
    ngx_str_t  *value;

    if (hmcf->conninfo.data) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0
        || (ngx_strchr(value[1].data, '=') == NULL
            && ngx_strncmp(value[1].data, "postgresql://", 13) != 0
            && ngx_strncmp(value[1].data, "postgres://", 11) != 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid conninfo \"%V\" of herald_postgres, "
                           "expected libpq's form, for example "
                           "\"host=/run/postgresql dbname=herald "
                           "user=herald_app\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_herald_has_password(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "a password in herald_postgres would be shown by "
                           "\"nginx -T\", expected \"passfile=/path\" or peer "
                           "authentication");
        return NGX_CONF_ERROR;
    }

    hmcf->conninfo = value[1];

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (value[2].len > 5 && ngx_strncmp(value[2].data, "pool=", 5) == 0) {
        n = ngx_atoi(value[2].data + 5, value[2].len - 5);

        if (n != NGX_ERROR && n >= 1 && n <= 16) {
            hmcf->pool = n;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of herald_postgres, expected "
                       "\"pool=n\" with n from 1 to 16", &value[2]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_herald_secret_file(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    u_char           hex[2 * HD_SEAL_KEY + 2];
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_str_t       *value;
    ngx_file_info_t  fi;

    if (hmcf->secret_file.data) {
        return "is duplicate";
    }

    value = cf->args->elts;
    hmcf->secret_file = value[1];

    if (ngx_conf_full_name(cf->cycle, &hmcf->secret_file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(hmcf->secret_file.data, NGX_FILE_RDONLY, NGX_FILE_OPEN,
                       0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "herald_secret_file \"%V\" cannot be opened; "
                           "\"herald secret FILE\" makes one",
                           &hmcf->secret_file);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, hex, sizeof(hex));

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR && (fi.st_mode & 0077)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "herald_secret_file \"%V\" can be read by others, "
                           "expected mode 0600", &hmcf->secret_file);
    }

    ngx_close_file(fd);

    if (n == 2 * HD_SEAL_KEY + 1 && hex[n - 1] == LF) {
        n--;
    }

    if (n != 2 * HD_SEAL_KEY
        || hd_unhex(hmcf->secret_key, hex, 2 * HD_SEAL_KEY) != HD_OK)
    {
        ngx_explicit_memzero(hex, sizeof(hex));
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "herald_secret_file \"%V\" is not a key, expected "
                           "%d hexadecimal digits; \"herald secret FILE\" "
                           "makes one", &hmcf->secret_file, 2 * HD_SEAL_KEY);
        return NGX_CONF_ERROR;
    }

    ngx_explicit_memzero(hex, sizeof(hex));

    return NGX_CONF_OK;
}


static char *
ngx_http_herald_egress_allow(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    ngx_int_t    rc;
    ngx_str_t   *value;
    ngx_uint_t   i;
    ngx_cidr_t  *cidr;

    if (hmcf->egress_allow == NGX_CONF_UNSET_PTR) {
        hmcf->egress_allow = ngx_array_create(cf->pool, 4,
                                              sizeof(ngx_cidr_t));
        if (hmcf->egress_allow == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        cidr = ngx_array_push(hmcf->egress_allow);
        if (cidr == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = ngx_ptocidr(&value[i], cidr);

        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid network \"%V\" of "
                               "herald_egress_allow, expected an address or "
                               "a CIDR, for example \"127.0.0.0/8\"",
                               &value[i]);
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_DONE) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "low address bits of %V are meaningless",
                               &value[i]);
        }
    }

    return NGX_CONF_OK;
}


static ngx_path_t *
ngx_http_herald_path(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_path_t  *path;

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NULL;
    }

    path->name = *name;

    if (path->name.len > 1
        && path->name.data[path->name.len - 1] == '/')
    {
        path->name.len--;
    }

    if (ngx_conf_full_name(cf->cycle, &path->name, 0) != NGX_OK) {
        return NULL;
    }

    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    return path;
}


/*
 * Where the world reaches us: providers sign over it, fetch files from it and
 * send webhooks to it, and short links begin with it.
 */
static char *
ngx_http_herald_public_url(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    ngx_str_t  *value;

    if (hmcf->public_url.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if ((ngx_strncmp(value[1].data, "https://", 8) != 0
         && ngx_strncmp(value[1].data, "http://", 7) != 0)
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '?')
        || ngx_strlchr(value[1].data, value[1].data + value[1].len, '#'))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"herald_public_url\": "
                           "expected https://host[:port][/path]", &value[1]);
        return NGX_CONF_ERROR;
    }

    hmcf->public_url = value[1];

    while (hmcf->public_url.len
           && hmcf->public_url.data[hmcf->public_url.len - 1] == '/')
    {
        hmcf->public_url.len--;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_herald_media(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    ngx_str_t  *value;

    if (hmcf->path) {
        return "is duplicate";
    }

    value = cf->args->elts;

    hmcf->path = ngx_http_herald_path(cf, &value[1]);

    return hmcf->path ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* nginx makes the folder, with mode 0700 and for its user */

static char *
ngx_http_herald_spool(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    ngx_str_t   *value, size;
    ngx_path_t  *path;

    if (hmcf->spool) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0 || ngx_strncmp(value[1].data, "max=", 4) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid path \"%V\" of herald_spool, expected a "
                           "folder, for example \"herald_spool "
                           "/var/spool/herald max=1g\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts == 3) {
        size = value[2];
        hmcf->spool_max = NGX_ERROR;

        if (size.len > 4 && ngx_strncmp(size.data, "max=", 4) == 0) {
            size.data += 4;
            size.len -= 4;
            hmcf->spool_max = ngx_parse_offset(&size);
        }

        if (hmcf->spool_max < HD_SPOOL_MIN) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of herald_spool, "
                               "expected \"max=size\" with at least %dk, for "
                               "example \"max=1g\"", &value[2],
                               HD_SPOOL_MIN / 1024);
            return NGX_CONF_ERROR;
        }
    }

    path = ngx_http_herald_path(cf, &value[1]);

    if (path == NULL || ngx_add_path(cf, &path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    hmcf->spool = path;

    return NGX_CONF_OK;
}


static char *
ngx_http_herald_set_handler(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_handler_pt handler)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_herald_main_conf_t  *hmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler) {
        return "is duplicate: this location has a handler already";
    }

    clcf->handler = handler;

    hmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_herald_module);
    hmcf->used = 1;
    hmcf->used_by = cmd->name;

    return NGX_CONF_OK;
}


static char *
ngx_http_herald_location(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_herald_set_handler(cf, cmd,
                                       (ngx_http_handler_pt) cmd->post);
}


static char *
ngx_http_herald_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t            *value;
    ngx_http_handler_pt   handler;

    handler = hd_metrics_handler;

    if (cf->args->nelts == 2) {
        value = cf->args->elts;

        if (ngx_strcmp(value[1].data, "ready") != 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of herald_metrics, "
                               "expected \"ready\" or nothing", &value[1]);
            return NGX_CONF_ERROR;
        }

        handler = hd_ready_handler;
    }

    return ngx_http_herald_set_handler(cf, cmd, handler);
}


/*
 * After the http block: what one directive needs of another.  A configuration
 * that uses nothing of ours gets no zone, no path, and so no helper.
 */
char *
ngx_http_herald_check(ngx_conf_t *cf, ngx_http_herald_main_conf_t *hmcf)
{
    if (hmcf->used && hmcf->conninfo.data == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%V\" needs \"herald_postgres\" in the http block",
                      &hmcf->used_by);
        return NGX_CONF_ERROR;
    }

    if (hmcf->conninfo.data == NULL) {
        return NGX_CONF_OK;
    }

    if (hmcf->secret_file.data == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"herald_postgres\" needs \"herald_secret_file\": it "
                      "seals the tokens of your numbers; \"herald secret "
                      "FILE\" makes one");
        return NGX_CONF_ERROR;
    }

    if (hmcf->path == NULL) {
        hmcf->path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
        if (hmcf->path == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_str_set(&hmcf->path->name, NGX_HTTP_CLIENT_TEMP_PATH "-herald");

        if (ngx_conf_full_name(cf->cycle, &hmcf->path->name, 0) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    hmcf->path->manager = ngx_http_herald_manager;
    hmcf->path->data = hmcf;

    if (ngx_add_path(cf, &hmcf->path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    hmcf->threads = ngx_thread_pool_add(cf, NULL);
    if (hmcf->threads == NULL) {
        return NGX_CONF_ERROR;
    }

    if (hd_shm_zones_add(cf, &ngx_http_herald_zone_name, hmcf->zone_size,
                         &ngx_http_herald_module)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
