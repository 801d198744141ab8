/*
 * herald_prices: the table is read with the configuration, so that a wrong one
 * fails `nginx -t` by file and line, and a reload takes the new one.
 */

#include "module.h"


#define HD_PRICES_FILE  (4 * 1024 * 1024)


static u_char *
ngx_http_herald_prices_read(ngx_conf_t *cf, ngx_str_t *path, size_t *size)
{
    off_t             len;
    u_char           *data;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_file_info_t   fi;

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "herald_prices \"%V\" cannot be opened, expected a "
                           "CSV file with the columns valid_from, country, "
                           "category, currency, price", path);
        return NULL;
    }

    data = NULL;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "herald_prices \"%V\" is not a file", path);
        goto done;
    }

    len = ngx_file_size(&fi);

    if (len > HD_PRICES_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "herald_prices \"%V\" has %O bytes, expected at "
                           "most %d", path, len, HD_PRICES_FILE);
        goto done;
    }

    data = ngx_alloc((size_t) len + 1, cf->log);
    if (data == NULL) {
        goto done;
    }

    n = ngx_read_fd(fd, data, (size_t) len);

    if (n != (ssize_t) len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n == -1 ? ngx_errno : 0,
                           "herald_prices \"%V\" could not be read", path);
        ngx_free(data);
        data = NULL;
        goto done;
    }

    *size = (size_t) len;

done:

    ngx_close_file(fd);

    return data;
}


char *
ngx_http_herald_prices(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    size_t              size;
    u_char             *data;
    hd_mem_t            mem;
    ngx_str_t          *value, path;
    hd_prices_error_t   err;

    if (hmcf->prices) {
        return "is duplicate";
    }

    value = cf->args->elts;
    path = value[1];

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    data = ngx_http_herald_prices_read(cf, &path, &size);
    if (data == NULL) {
        return NGX_CONF_ERROR;
    }

    mem = hd_pool_mem(cf->pool);

    hmcf->prices = hd_prices_parse(&mem, data, size, &err);

    ngx_free(data);

    if (hmcf->prices) {
        return NGX_CONF_OK;
    }

    if (err.line) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V:%uL: %s", &path,
                           err.line, err.text);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V: %s", &path, err.text);
    }

    return NGX_CONF_ERROR;
}
