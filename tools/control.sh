#!/usr/bin/env bash
#
# control.sh start|stop|status|logs|reset: Herald of this checkout, from outside.

set -eu

. "$(dirname "$0")/paths.sh"

runner() {
    alive "$state/run.pid" run.sh
}

start() {
    local pid n=0 log=$state/log/run.log

    if runner > /dev/null; then
        die "Herald is running already at" \
            "$(cat "$state/run.address" 2> /dev/null)"
    fi

    mkdir -p "$state"
    rm -f "$state/run.ready"
    # run.sh may make var/ a link, so its output starts beside it
    log=$(mktemp)
    setsid "$here/run.sh" > "$log" 2>&1 < /dev/null &
    pid=$!

    while [ ! -e "$top/var/run.ready" ]; do
        if ! running $pid; then
            cat "$log" >&2
            rm -f "$log"
            exit 1
        fi
        n=$((n + 1))
        if [ $n -gt 3000 ]; then
            cat "$log" >&2
            kill $pid 2> /dev/null || true
            die "Herald was not ready within 300 s"
        fi
        sleep 0.1
    done

    sleep 0.2
    tail -n 6 "$log" | sed 's/Ctrl-C stops/make stop/'
    rm -f "$log"
}

stop() {
    local pid

    if pid=$(runner); then
        kill -TERM "$pid"
        wait_gone "$pid" 120 || die "Herald (process $pid) has not ended" \
            "within 120 s"
        echo "herald: stopped"
        return
    fi

    if nginx_pid > /dev/null \
        || [ "$("$here/cluster.sh" state "$state/pg")" = up ]
    then
        echo "herald: stopping what a killed run left behind"
        stop_nginx
        "$here/cluster.sh" stop "$state/pg"
        return
    fi

    echo "herald: nothing is running"
}

status() {
    local pid rc=0

    if pid=$(runner); then
        echo "Herald      running at $(cat "$state/run.address"), process $pid"
    else
        echo "Herald      not running"
        rc=1
    fi

    if pid=$(nginx_pid); then
        echo "nginx       process $pid"
    else
        echo "nginx       down"
    fi

    echo "PostgreSQL  $("$here/cluster.sh" state "$state/pg")," \
         "psql -h $sockets -U herald herald"

    if [ -e "$state/demo.done" ]; then
        echo "demo        loaded, sign in as var/demo.login says"
    else
        echo "demo        not loaded"
    fi

    return $rc
}

logs() {
    ls "$state"/log/*.log > /dev/null 2>&1 || die "there are no logs yet"
    exec tail -n 20 -F "$state"/log/error.log "$state"/log/postgres.log
}

reset() {
    stop
    if [ -L "$top/var" ]; then
        case $state in
            /var/lib/herald-*) rm -rf "$state" ;;
        esac
    fi
    rm -rf "$top/var" "$sockets"
    echo "herald: the demo's data is gone"
}

case ${1:-} in
    start|stop|status|logs|reset) "$1" ;;
    *) echo "usage: control.sh start|stop|status|logs|reset" >&2; exit 2 ;;
esac
