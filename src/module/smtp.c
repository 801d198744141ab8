/*
 * herald_smtp: the server that takes the notices' e-mail.
 *
 *     herald_smtp smtp://mail.example:587 from=herald@shop.example
 *                 user=herald password_file=/etc/herald/smtp;
 *
 * With a password the connection must be encrypted: smtps:, or smtp: and
 * STARTTLS.  The password stands in a file of its own, so that nginx -T shows
 * none.
 */

#include "module.h"
#include "../base/mail.h"


#define HD_SMTP_PASSWORD  512


static char *
ngx_http_herald_smtp_password(ngx_conf_t *cf, ngx_str_t *file, hd_str_t *out)
{
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_file_info_t   fi;

    if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    out->data = ngx_pnalloc(cf->pool, HD_SMTP_PASSWORD);
    if (out->data == NULL) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(file->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "password_file \"%V\" of herald_smtp cannot be "
                           "opened", file);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, out->data, HD_SMTP_PASSWORD);

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR && (fi.st_mode & 0077)) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "password_file \"%V\" of herald_smtp can be read "
                           "by others, expected mode 0600", file);
    }

    ngx_close_file(fd);

    while (n > 0 && (out->data[n - 1] == LF || out->data[n - 1] == CR)) {
        n--;
    }

    if (n <= 0 || n == HD_SMTP_PASSWORD
        || ngx_strlchr(out->data, out->data + n, '\0')
        || ngx_strlchr(out->data, out->data + n, LF))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "password_file \"%V\" of herald_smtp holds no "
                           "password, expected one line of up to %d bytes",
                           file, HD_SMTP_PASSWORD - 1);
        return NGX_CONF_ERROR;
    }

    out->len = (size_t) n;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_herald_smtp_url(const ngx_str_t *url)
{
    size_t  i, n;

    n = (ngx_strncmp(url->data, "smtp://", 7) == 0) ? 7
        : (ngx_strncmp(url->data, "smtps://", 8) == 0) ? 8 : 0;

    if (n == 0 || url->len == n) {
        return 0;
    }

    for (i = n; i < url->len; i++) {
        if (url->data[i] <= ' ' || url->data[i] == '/' || url->data[i] == '@'
            || url->data[i] == '?' || url->data[i] == '#')
        {
            return 0;
        }
    }

    return 1;
}


/* what stands after the address; NGX_CONF_OK or an error that was told */
static char *
ngx_http_herald_smtp_option(ngx_conf_t *cf, hd_egress_smtp_t *smtp,
    ngx_str_t *arg)
{
    ngx_str_t  v;

    if (ngx_strncmp(arg->data, "from=", 5) == 0) {
        smtp->from.data = arg->data + 5;
        smtp->from.len = arg->len - 5;

        if (hd_email_valid(&smtp->from)) {
            return NGX_CONF_OK;
        }

    } else if (ngx_strncmp(arg->data, "user=", 5) == 0 && arg->len > 5) {
        smtp->user.data = arg->data + 5;
        smtp->user.len = arg->len - 5;
        return NGX_CONF_OK;

    } else if (ngx_strncmp(arg->data, "password_file=", 14) == 0
               && arg->len > 14)
    {
        v.data = arg->data + 14;
        v.len = arg->len - 14;
        return ngx_http_herald_smtp_password(cf, &v, &smtp->password);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of herald_smtp, expected "
                       "from=ADDRESS, user=NAME or password_file=PATH", arg);

    return NGX_CONF_ERROR;
}


char *
ngx_http_herald_smtp(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_herald_main_conf_t  *hmcf = conf;

    ngx_str_t         *value;
    ngx_uint_t         i;
    hd_egress_smtp_t  *smtp;

    smtp = &hmcf->smtp;

    if (smtp->url.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (!ngx_http_herald_smtp_url(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid address \"%V\" of herald_smtp, expected "
                           "smtp://host[:port] or smtps://host[:port]",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    smtp->url.data = value[1].data;
    smtp->url.len = value[1].len;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_herald_smtp_option(cf, smtp, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (smtp->from.len == 0) {
        return "needs from=ADDRESS, who the e-mail comes from";
    }

    if ((smtp->user.len == 0) != (smtp->password.len == 0)) {
        return "needs both of user= and password_file=, or none";
    }

    return NGX_CONF_OK;
}
