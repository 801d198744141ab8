/*
 * Variables for log_format: who, what, how long in the database.  No personal
 * data among them.
 */

#include "module.h"


static ngx_int_t ngx_http_herald_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


static ngx_http_variable_t  ngx_http_herald_vars[] = {

    { ngx_string("herald_org"), NULL, ngx_http_herald_variable, 0,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("herald_route"), NULL, ngx_http_herald_variable, 1,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("herald_request_id"), NULL, ngx_http_herald_variable, 2,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("herald_db_time"), NULL, ngx_http_herald_variable, 3,
      NGX_HTTP_VAR_NOCACHEABLE, 0 },

      ngx_http_null_variable
};


static ngx_int_t
ngx_http_herald_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t data)
{
    u_char     *p;
    hd_str_t    value[3];
    ngx_int_t   us;

    hd_api_variables(r, &value[0], &value[1], &value[2], &us);

    if (value[2].data == NULL || (data < 3 && value[data].data == NULL)) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    if (data < 3) {
        v->len = value[data].len;
        v->data = value[data].data;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, NGX_INT64_LEN + 8);
    if (p == NULL) {
        return NGX_ERROR;
    }

    v->data = p;
    v->len = ngx_sprintf(p, "%i.%06i", us / 1000000, us % 1000000) - p;

    return NGX_OK;
}


ngx_int_t
ngx_http_herald_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_herald_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}
