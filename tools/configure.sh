#!/usr/bin/env bash
#
# configure.sh NGX_SRC TOP OBJS CC_OPT LD_OPT: nginx's own configure, with the flags
# of Debian's binary, so that the modules load into it.

set -eu

src=$1 top=$2 objs=$3 cc_opt=$4 ld_opt=$5

case "$top$objs" in
    *[[:space:]]*)
        echo "herald: nginx's configure cannot build below a path with" \
             "spaces: $top" >&2
        exit 1 ;;
esac

# objects of a file that is gone must not be linked again
rm -rf "$objs"
mkdir -p "$objs"

cd "$src"
. ./conf_flags

# the feature flags must be those of the binary, or it refuses to load the module
if ! ./configure "${NGX_CONF_FLAGS[@]}" --with-cc-opt="$cc_opt" \
        --with-ld-opt="-Wl,-z,relro -Wl,-z,now -fPIC $ld_opt" \
        --add-dynamic-module="$top" --builddir="$objs" \
        > "$objs/configure.log" 2>&1
then
    tail -n 20 "$objs/configure.log" >&2
    echo "herald: nginx's configure failed; all of it is in" \
         "$objs/configure.log" >&2
    exit 1
fi
