# the sandbox links objects that the gateway's rules make
cat << END >> $NGX_MAKEFILE

$NGX_OBJS/ngx_http_herald_sandbox_module.so: $hd_objs

END
