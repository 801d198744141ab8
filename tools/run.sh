#!/usr/bin/env bash
#
# run.sh: the private database, nginx with both modules, and the demo, in the
# foreground.  Whatever it started it stops when it ends, by Ctrl-C or otherwise.
#
#   1. lock          one run for each checkout
#   2. leftovers     of a run that was killed are taken over or stopped
#   3. database      made, or re-made when it is half-made; migrated
#   4. nginx         on PORT
#   5. demo          the first time, or where an interrupted one stopped
#
# Every wait has a limit and says what it waited for.

set -eu

. "$(dirname "$0")/paths.sh"

port=${PORT:-8080}
listen=${LISTEN:-127.0.0.1}
demo=${DEMO:-1}

case $port in
    ''|*[!0-9]*) die "PORT=$port is not a port" ;;
esac
[ "$port" -ge 1 ] && [ "$port" -le 65535 ] || die "PORT=$port is not a port"

for f in herald ngx_http_herald_module.so ngx_http_herald_sandbox_module.so; do
    [ -e "$build/$f" ] || die "$build/$f is missing, run make"
done

address=http://127.0.0.1:$port


# ── folders, and the one run for each checkout ──────────────────────────────

if [ -n "$root" ] && [ ! -L "$top/var" ] \
    && { "$here/cluster.sh" private "$top" \
         || { [ -e "$state" ] && "$here/cluster.sh" private "$state"; }; }
then
    # /var/lib is root's alone, so nobody else can have put this there
    [ ! -e "$top/var" ] || rmdir "$top/var" 2> /dev/null \
        || die "remove $top/var: the system user of the database cannot" \
               "come into it"
    state=/var/lib/herald-$tag
    echo "herald: $top is private to root; the data is kept in $state"
    mkdir -p "$state"
    ln -s "$state" "$top/var"
    sockets=$state/sockets
fi

umask 022
mkdir -p "$state/log" "$state/tmp" "$state/ledger"

exec 9>> "$state/run.lock"
if ! flock -n 9; then
    now=$(cat "$state/run.address" 2> /dev/null || true)
    die "Herald is running already${now:+ at $now} (make status, make stop)"
fi

echo $$ > "$state/run.pid"
rm -f "$state/run.ready" "$state/numbers.ready"
echo "$address" > "$state/run.address"


# ── ending ──────────────────────────────────────────────────────────────────

started=
nginx_child=
demo_child=

# runs in the trap of every exit; a second Ctrl-C does not cut it short
finish() {
    local rc=$?
    trap '' INT TERM HUP PIPE
    trap - EXIT
    set +e
    rm -f "$state/run.ready"
    if [ -n "$demo_child" ] && kill "$demo_child" 2> /dev/null; then
        wait "$demo_child" 2> /dev/null
    fi
    if [ -n "$started" ]; then
        echo "herald: stopping"
    fi
    stop_nginx
    "$here/cluster.sh" stop "$state/pg" 9>&-
    rm -f "$state/run.pid" "$state/run.address"
    if [ -n "$started" ]; then
        echo "herald: stopped; make run starts it again with the same data"
    fi
    exit $rc
}
trap finish EXIT
# being told to stop is an ordinary end once everything is up
ended() {
    [ ! -e "$state/run.ready" ] || exit 0
    exit "$1"
}
trap "ended 130" INT
trap "ended 143" TERM
trap "ended 129" HUP


# ── leftovers of a run that was killed ──────────────────────────────────────

if nginx_pid > /dev/null; then
    echo "herald: stopping the nginx that a killed run left behind"
    stop_nginx
fi

perl -MIO::Socket::INET -e '
    my ($host, $port) = @ARGV;
    exit 0 if IO::Socket::INET->new(LocalAddr => $host, LocalPort => $port,
                                    Listen => 1, ReuseAddr => 1);
    print STDERR "herald: cannot listen on $host:$port: $!\n";
    print STDERR "        another program has port $port; choose one: ",
        "make run PORT=", $port < 65535 ? $port + 1 : 8080, "\n"
        if $!{EADDRINUSE};
    exit 1' "$listen" "$port" || exit 1


# ── the database ────────────────────────────────────────────────────────────

started=1
herald=$build/herald
export HERALD_DB="host=$sockets user=herald dbname=herald"

case $("$here/cluster.sh" state "$state/pg") in
    half)
        echo "herald: the database was half-made by an interrupted run," \
             "making it anew"
        rm -rf "${state:?}/pg" ;;
    up)
        # its sockets may be elsewhere when the checkout has moved
        echo "herald: stopping the database that a killed run left behind"
        "$here/cluster.sh" stop "$state/pg" 9>&- ;;
esac

if [ ! -e "$state/pg" ]; then
    echo "herald: making the database"
    rm -f "$state/demo.json" "$state/demo.done"
    "$here/cluster.sh" make "$state/pg" "$sockets" "$state/log/postgres.log" \
        9>&- || exit 1
else
    "$here/cluster.sh" start "$state/pg" "$sockets" \
        "$state/log/postgres.log" 9>&- || exit 1
fi

"$herald" migrate --migrations "$top/migrations" > "$state/log/migrate.log" \
    || die "the database could not be migrated; make reset begins anew" \
           "(the demo's data is lost)"

[ -e "$state/secret.key" ] || "$herald" secret "$state/secret.key" > /dev/null

# the sandbox's address holds the port, which may be another one this time
"$("$here/cluster.sh" bin)/psql" -qX -h "$sockets" -U postgres herald \
    -v ON_ERROR_STOP=1 -v url="$address/sandbox" > /dev/null <<'SQL'
UPDATE accounts SET base_url = :'url'
 WHERE base_url ~ '^http://127\.0\.0\.1:[0-9]+/sandbox$' AND base_url <> :'url';
SQL


# ── nginx ───────────────────────────────────────────────────────────────────

html=$top/html/dist
worker=
if [ -n "$root" ]; then
    worker="user www-data;"
    chown www-data: "$state/ledger" "$state/tmp"
    if "$here/cluster.sh" private "$html"; then
        rm -rf "$state/html"
        cp -R "$html" "$state/html"
        html=$state/html
    fi
fi

# webhooks of the sandbox and the demo come by the loopback
loopback=
case $listen in
    127.0.0.1|0.0.0.0) ;;
    *) loopback="listen 127.0.0.1:$port;" ;;
esac

sed -e "s|@USER@|$worker|" -e "s|@STATE@|$state|g" -e "s|@BUILD@|$build|g" \
    -e "s|@SOCKETS@|$sockets|" -e "s|@LISTEN@|$listen|" \
    -e "s|@LOOPBACK@|$loopback|" -e "s|@PORT@|$port|" -e "s|@HTML@|$html|" \
    -e "s|@TOP@|$top|" \
    "$top/conf/demo.conf.in" > "$state/nginx.conf"

# 4096 connections a worker, and a file for each
ulimit -n "$(ulimit -H -n)" 2> /dev/null || true

run_nginx() {
    "$nginx" -p "$state" -c "$state/nginx.conf" -e "$state/log/error.log" "$@"
}

if ! run_nginx -t -q 2> "$state/log/nginx.err"; then
    cat "$state/log/nginx.err" >&2
    die "nginx refuses its configuration $state/nginx.conf"
fi

# in a session of its own: Ctrl-C must reach us only, nginx then ends gracefully
setsid "$nginx" -p "$state" -c "$state/nginx.conf" \
    -e "$state/log/error.log" 9>&- 2>> "$state/log/nginx.err" &
nginx_child=$!

# get URL: the status of the answer, 0 when there was none
get() {
    perl -MHTTP::Tiny -e '
        my $r = HTTP::Tiny->new(timeout => 2)->get($ARGV[0]);
        print $r->{status} == 599 ? 0 : $r->{status}' "$1" 9>&-
}

# wait_for PATH SECONDS WHAT
wait_for() {
    local n=$(($2 * 5))
    while [ "$(get "$address$1")" != 200 ]; do
        if ! running $nginx_child; then
            tail -n 10 "$state/log/nginx.err" "$state/log/error.log" >&2
            die "nginx has ended"
        fi
        n=$((n - 1))
        if [ $n -le 0 ]; then
            tail -n 10 "$state/log/error.log" >&2
            die "$3 within $2 s; the log is $state/log/error.log"
        fi
        sleep 0.2
    done
}

wait_for /healthz 20 "nginx does not answer on $address"
wait_for /readyz 30 "Herald does not reach its database"


# ── the demo ────────────────────────────────────────────────────────────────

DEMO=$demo perl "$here/demo.pl" "$address" "$state" "$herald" "$top" 9>&- &
demo_child=$!
if ! wait $demo_child; then
    demo_child=
    die "the demo could not be loaded, see above; make run tries again" \
        "from where it stopped, make run DEMO=0 leaves it out"
fi
demo_child=

echo "$address" > "$state/run.ready"

echo
echo "  Herald    $address/"
if [ -e "$state/demo.login" ]; then
    sed -n 's/^email=/  e-mail    /p; s/^password=/  password  /p' \
        "$state/demo.login"
fi
echo "  logs      make logs      Ctrl-C stops"
echo

rc=0
wait $nginx_child || rc=$?
nginx_child=
tail -n 10 "$state/log/error.log" >&2
die "nginx has ended by itself (exit code $rc)"
