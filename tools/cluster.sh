#!/usr/bin/env bash
#
# cluster.sh: a private PostgreSQL cluster, reached by a unix socket only.
#
#   cluster.sh make  DATA SOCKETS LOG   initdb, roles, an empty database; leaves
#                                       it running
#   cluster.sh start DATA SOCKETS LOG   starts it, waits until it answers
#   cluster.sh stop  DATA               fast; a stopped one is fine
#   cluster.sh state DATA               prints up, down, half or none
#   cluster.sh user                     prints the system user it runs as
#   cluster.sh bin                      prints the folder of PostgreSQL's programs
#   cluster.sh private DIR              may the user not come into DIR?  exit 0
#
# PostgreSQL refuses to run as root, so root runs it as the user postgres.  Who may
# sign in is decided by the kernel's word on who is asking (peer), so the socket may
# stand in a folder that everyone can enter.

set -eu

die() {
    echo "herald: $*" >&2
    exit 1
}

bin() {
    local b
    b=${PGBIN:-}
    if [ -z "$b" ]; then
        b=$(ls -d /usr/lib/postgresql/*/bin 2> /dev/null | sort -t/ -k5 -n \
            | tail -n 1)
    fi
    [ -x "$b/initdb" ] || die "PostgreSQL is not installed, run make deps"
    echo "$b"
}

user() {
    if [ "$(id -u)" = 0 ]; then echo postgres; else id -un; fi
}

# as the user of the cluster, in a folder that it can enter
as_pg() {
    cd /
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --init-groups -- \
            env -u XDG_RUNTIME_DIR HOME=/ "$@"
    else
        "$@"
    fi
}

absolute() {
    case $1 in
        /*) echo "$1" ;;
        *)  echo "$PWD/$1" ;;
    esac
}

# the postmaster's process when it lives and is one: a number alone may have been
# given to another process since a crash
postmaster() {
    local pid
    pid=$(head -n 1 "$1/postmaster.pid" 2> /dev/null) || return 1
    case $(readlink "/proc/$pid/exe" 2> /dev/null) in
        */postgres|*/postgres\ \(deleted\)) ;;
        *) return 1 ;;
    esac
    [ "$(readlink "/proc/$pid/cwd")" = "$(readlink -f "$1")" ] || return 1
    echo "$pid"
}

state() {
    if postmaster "$1" > /dev/null; then
        echo up
    elif [ -e "$1/.herald" ] && [ -e "$1/PG_VERSION" ]; then
        echo down
    elif [ -e "$1" ]; then
        echo half
    else
        echo none
    fi
}

# Children that outlived a killed postmaster still write to the files; they end by
# themselves as soon as they notice.  Only after that may its lock file go.
orphans() {
    local p n=0 left
    while :; do
        left=
        for p in /proc/[0-9]*; do
            case $(readlink "$p/exe" 2> /dev/null) in
                */postgres) ;;
                *) continue ;;
            esac
            [ "$(readlink "$p/cwd")" != "$(readlink -f "$1")" ] \
                || left="$left ${p#/proc/}"
        done
        [ -n "$left" ] || return 0
        n=$((n + 1))
        # shellcheck disable=SC2086
        [ $n != 50 ] || kill -QUIT $left 2> /dev/null || true
        [ $n -lt 150 ] || die "processes$left of a killed database do not end"
        sleep 0.1
    done
}

start() {
    local data=$1 sockets=$2 log=$3

    if postmaster "$data" > /dev/null; then
        return 0
    fi

    if [ -e "$data/postmaster.pid" ]; then
        echo "herald: the database was not stopped cleanly, recovering"
        orphans "$data"
        rm -f "$data/postmaster.pid" "$sockets"/.s.PGSQL.5432*
    fi

    if [ $((${#sockets} + 15)) -gt 107 ]; then
        die "the path of the database's socket is too long: $sockets"
    fi

    [ -d "$sockets" ] || mkdir -p "$sockets"
    # a folder of another user could hold a server of another user
    if [ "$(id -u)" != 0 ] && { [ -L "$sockets" ] || [ ! -O "$sockets" ]; }
    then
        die "$sockets belongs to another user"
    fi
    [ -e "$log" ] || : > "$log"
    if [ "$(id -u)" = 0 ]; then
        chown postgres: "$sockets" "$log"
    fi
    chmod 755 "$sockets"

    if ! as_pg "$(bin)/pg_ctl" -D "$data" -l "$log" -s -w -t 60 \
            -o "-k '$sockets'" start 2> /dev/null > /dev/null
    then
        tail -n 15 "$log" >&2
        die "the database does not start; its log is $log"
    fi
}

stop() {
    if postmaster "$1" > /dev/null; then
        as_pg "$(bin)/pg_ctl" -D "$1" -s -w -t 60 -m fast stop \
            || as_pg "$(bin)/pg_ctl" -D "$1" -s -w -t 20 -m immediate stop \
            || die "the database in $1 does not stop"
    fi
}

settings() {
    cat <<TXT

# what Herald's private cluster needs
listen_addresses = ''
port = 5432
unix_socket_permissions = 0777
max_connections = 100
shared_buffers = 128MB
max_wal_size = 2GB
log_line_prefix = '%m [%p] '
log_min_messages = warning
log_timezone = 'UTC'
timezone = 'UTC'
TXT
}

# system user → role; the workers of nginx may be herald_app and nobody else
identities() {
    local u
    for u in $(printf '%s\n' root postgres "$(id -un)" | sort -u); do
        printf 'herald %s postgres\nherald %s herald\n' "$u" "$u"
        printf 'herald %s herald_app\n' "$u"
    done
    printf 'herald www-data herald_app\nherald nobody herald_app\n'
}

make() {
    local data=$1 sockets=$2 log=$3 me b

    me=$(user)
    b=$(bin)
    mkdir -p "$data"
    chmod 700 "$data"
    if [ "$me" = postgres ]; then
        chown postgres: "$data"
    fi

    if ! as_pg "$b/initdb" -D "$data" -U postgres -E UTF8 --locale=C.UTF-8 \
            --auth-local=peer --auth-host=reject --no-instructions \
            ${INITDB_OPTIONS:-} > "$log" 2>&1
    then
        tail -n 5 "$log" >&2
        die "initdb failed; its log is $log"
    fi

    settings >> "$data/postgresql.conf"
    echo 'local all all peer map=herald' > "$data/pg_hba.conf"
    if [ "$(id -u)" = 0 ]; then
        identities > "$data/pg_ident.conf"
    else
        identities | grep " $(id -un) " > "$data/pg_ident.conf"
    fi

    start "$data" "$sockets" "$log"

    # herald owns the schema and may create herald_app, and is no superuser: forced
    # row-level security holds for it too
    as_pg "$b/psql" -qX -v ON_ERROR_STOP=1 -h "$sockets" -U postgres postgres \
        > /dev/null <<'SQL' || die "the database could not be prepared"
CREATE ROLE herald LOGIN CREATEROLE;
CREATE DATABASE herald OWNER herald TEMPLATE template0;
SQL

    as_pg touch "$data/.herald"
}

command=${1:-}
[ $# -eq 0 ] || shift

case $command in
    make|start) d=$(absolute "$1"); s=$(absolute "$2"); l=$(absolute "$3")
                "$command" "$d" "$s" "$l" ;;
    stop|state) "$command" "$(absolute "$1")" ;;
    user|bin)   "$command" ;;
    private)    ! as_pg test -x "$(absolute "$1")" ;;
    *)          sed -n '3,18s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
