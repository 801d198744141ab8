# paths.sh: read by run.sh and control.sh.  Where what runs is kept.
#
#   var/              everything; disposable.  A link to $STATE when the system user
#                     of the database cannot come into the checkout (/root/…)
#   var/pg            the database      var/log      logs
#   var/secret.key    seals tokens      var/run.*    lock, pid, ready mark
#   var/demo.json     what the demo has done so far
#   var/demo.login    address and password to sign in with

die() {
    echo "herald: $*" >&2
    exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
build=${HERALD_BUILD:-$top/build}
root=
[ "$(id -u)" != 0 ] || root=1

# the same checkout has the same short name every time
tag=$(printf '%s' "$top" | sha256sum | cut -c 1-10)

state=$top/var
if [ -L "$state" ]; then
    state=$(readlink -f "$state")
fi

short_sockets() {
    local d
    if [ -n "$root" ]; then
        d=/run
    else
        d=${XDG_RUNTIME_DIR:-/tmp}
        [ -d "$d" ] && [ -w "$d" ] && [ ${#d} -lt 60 ] || d=/tmp
    fi
    echo "$d/herald-$tag"
}

sockets=$state/sockets
# ".s.PGSQL.5432" and its slash and NUL must fit into 108 bytes
if [ $((${#sockets} + 15)) -gt 107 ]; then
    sockets=$(short_sockets)
fi

nginx=${NGINX:-$(command -v nginx || echo /usr/sbin/nginx)}

# is the process of a pid file this program still?  prints the pid
alive() {
    local pid
    pid=$(cat "$1" 2> /dev/null) || return 1
    [ -n "$pid" ] || return 1
    case $(cat "/proc/$pid/cmdline" 2> /dev/null | tr '\0' ' ') in
        *"$2"*) echo "$pid" ;;
        *) return 1 ;;
    esac
}

nginx_pid() {
    alive "$state/nginx.pid" "nginx: master process"
}

# does it run?  A zombie that nobody reaps (a container without an init) does not
running() {
    case $(sed -n "s/^State:[[:space:]]*//p" "/proc/$1/status" 2> /dev/null) in
        ""|Z*) return 1 ;;
    esac
}

# wait_gone PID SECONDS
wait_gone() {
    local n=$(($2 * 10))
    while running "$1"; do
        n=$((n - 1))
        [ $n -gt 0 ] || return 1
        sleep 0.1
    done
}

# graceful first: what is in flight is finished
stop_nginx() {
    local pid
    pid=$(nginx_pid) || return 0
    kill -QUIT "$pid" 2> /dev/null || return 0
    wait_gone "$pid" 40 && return 0
    echo "herald: nginx has not ended in 40 s, ending it at once"
    kill -TERM "$pid" 2> /dev/null || return 0
    wait_gone "$pid" 10 && return 0
    kill -KILL "$pid" 2> /dev/null || true
}
