#!/usr/bin/env bash
#
# deps.sh SET ...: installs those Debian packages of the sets (run, test, fuzz, bench)
# that are missing, and nothing when none is.  While it installs, no service
# may start: nginx would take port 80 and PostgreSQL would make a cluster.

set -eu

run="gcc g++ make perl nginx nginx-dev postgresql-15 libpq-dev
     libcurl4-openssl-dev libyajl-dev libsodium-dev libcsv-dev
     libphonenumber-dev libssl-dev zlib1g-dev libpcre2-dev
     libqrencode-dev libpng-dev"
test="libcmocka-dev chromium fonts-noto-core libfaketime openssl"
fuzz="clang"

wanted=
for set in "$@"; do
    case $set in
        run)   wanted="$wanted $run"
               command -v node > /dev/null || wanted="$wanted nodejs"
               command -v npm > /dev/null || wanted="$wanted npm ca-certificates" ;;
        test)  wanted="$wanted $test" ;;
        fuzz)  command -v clang > /dev/null || wanted="$wanted $fuzz" ;;
        bench) command -v wrk > /dev/null || wanted="$wanted wrk"
               command -v redis-server > /dev/null \
                   || wanted="$wanted redis-server"
               command -v node > /dev/null || wanted="$wanted nodejs"
               command -v npm > /dev/null || wanted="$wanted npm ca-certificates" ;;
        *)     echo "deps.sh: there is no set \"$set\"" >&2; exit 2 ;;
    esac
done

if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null
then
    echo "herald: this is not Debian; needed are the packages:" $wanted >&2
    echo "        install their like by hand and run make all" >&2
    exit 1
fi

# shellcheck disable=SC2086
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted \
            2> /dev/null | sed -n 's/^installed //p')

missing=
for p in $wanted; do
    case "
$installed
" in
        *"
$p
"*) ;;
        *) missing="$missing $p" ;;
    esac
done

[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo > /dev/null; then
        echo "herald: missing packages:$missing" >&2
        echo "        as root: apt-get install$missing" >&2
        exit 1
    fi
    echo "herald: installing with sudo:$missing"
    exec sudo bash "$0" "$@"
fi

echo "herald: installing$missing"

export DEBIAN_FRONTEND=noninteractive

policy=/usr/sbin/policy-rc.d
cluster=/etc/postgresql-common/createcluster.conf
made_policy=
saved_cluster=
status_of() {
    dpkg-query -W -f '${db:Status-Status}' "$1" 2> /dev/null || true
}
had_nginx=$(status_of nginx)
had_redis=$(status_of redis-server)

restore() {
    [ -z "$made_policy" ] || rm -f "$policy"
    [ -z "$saved_cluster" ] || cp -p "$saved_cluster" "$cluster"
    [ -z "$saved_cluster" ] || rm -f "$saved_cluster"
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' > "$policy"
    chmod 755 "$policy"
    made_policy=1
fi

apt() {
    apt-get -q -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 \
        --no-install-recommends "$@"
}

# the lists may be absent (a container) or too old to be found on the mirror
install() {
    if [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit)" ] \
        && apt install "$@"
    then
        return 0
    fi
    apt update && apt install "$@"
}

fail() {
    echo "herald: apt-get failed, see above; missing are:$missing" >&2
    exit 1
}

case "$missing " in
    *" postgresql-15 "*)
        install postgresql-common || fail
        if [ -f "$cluster" ]; then
            saved_cluster=$(mktemp)
            cp -p "$cluster" "$saved_cluster"
            sed -i '/^[# ]*create_main_cluster/d' "$cluster"
            echo 'create_main_cluster = false' >> "$cluster"
        fi ;;
esac

# shellcheck disable=SC2086
install $missing || fail

# what we brought must not take a port at the next start of the machine either
if command -v systemctl > /dev/null; then
    [ "$had_nginx" = installed ] \
        || systemctl disable nginx > /dev/null 2>&1 || true
    [ "$had_redis" = installed ] \
        || systemctl disable redis-server > /dev/null 2>&1 || true
fi
