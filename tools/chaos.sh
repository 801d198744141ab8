#!/usr/bin/env bash
#
# chaos.sh run [F ...]: the tests of faults, all or those with these numbers, REPEAT
# times each.  CHAOS_N is the number of recipients, CHAOS_SEED makes a run again.
#
# chaos.sh guards [NAME ...]: builds Herald without each guard of t/chaos/guards into
# build/guard-NAME and runs the faults that it is there for (a number, or a test file
# such as t/gates.t): they must fail.

set -u

cd "$(dirname "$0")/.."

build=${HERALD_BUILD:-$PWD/build}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# the file of a fault: 7 and 07 are the same; a path is a path
file() {
    case $1 in t/*) ls "$1"; return ;; esac
    ls t/chaos/"$(printf '%02d' "$((10#$1))")"-*.t 2> /dev/null
}

# runs a file; its output is in $log
fault() {
    local t=$1
    timeout 600 prove -I t/lib "$t" > "$log" 2>&1
}

seed() {
    sed -n 's/.*\(CHAOS_SEED=[0-9]*\).*/\1/p' "$log" | head -n 1
}

run() {
    local files="" f t i bad=0 began rounds=${REPEAT:-1}

    for f in "$@"; do
        t=$(file "$f") || { echo "there is no fault $f" >&2; exit 2; }
        files="$files $t"
    done

    [ -n "$files" ] || files=$(ls t/chaos/*.t)

    for t in $files; do
        for i in $(seq "$rounds"); do
            began=$SECONDS
            if fault "$t"; then
                printf 'held    %-28s %3d s  %s\n' "$(basename "$t" .t)" \
                    $((SECONDS - began)) "$(seed)"
            else
                bad=$((bad + 1))
                printf 'FAILED  %-28s %3d s  %s\n' "$(basename "$t" .t)" \
                    $((SECONDS - began)) "$(seed)"
                grep -v '^$' "$log" | head -n 60
            fi
        done
    done

    [ $bad = 0 ] || { echo "$bad failed"; exit 1; }
}

# A build of its own; the command and the database's template are the same, and so
# are the objects of all that does not name the guard.
variant() {
    local dir="$build/guard-$1" o
    local make=(make -s --no-print-directory GUARD="$1" BUILD="${dir#"$PWD"/}")

    mkdir -p "$dir"
    "${make[@]}" "${dir#"$PWD"/}/objs/Makefile" > "$log" 2>&1 \
        || { cat "$log"; return 1; }

    if ! grep -qr --include='*.h' "HD_NO_GUARD_$1\>" src; then
        for o in $(cd "$build/objs/addon" && find . -name '*.o' ! -path './gen/*'); do
            grep -qs "HD_NO_GUARD_$1\>" "src/${o%.o}.c" \
                || cp "$build/objs/addon/$o" "$dir/objs/addon/$o"
        done
    fi

    "${make[@]}" modules > "$log" 2>&1 || { cat "$log"; return 1; }
    ln -sf "$build/herald" "$dir/herald"
}

guards() {
    local name faults what f t failed bad=0 wanted=" $* "

    # something will never happen, so it is not waited for as long
    export CHAOS_LIMIT=${CHAOS_LIMIT:-20}

    while read -r name faults; do
        case $name in \#*|"") continue ;; esac
        [ $# = 0 ] || case $wanted in *" $name "*) ;; *) continue ;; esac

        what=$faults; faults=""
        while [[ ${what%% *} =~ ^([0-9]+|t/.*)$ ]]; do
            faults="$faults ${what%% *}"
            what=$(echo "${what#* }" | sed 's/^ *//')
        done

        variant "$name" || { echo "FAILED  $name cannot be built"; bad=1; continue; }

        for f in $faults; do
            t=$(file "$f")
            if HERALD_BUILD="$build/guard-$name" fault "$t"; then
                bad=1
                printf 'HELD    %-12s %-12s held without it: %s\n' "$name" \
                    "$(basename "$t" .t)" "$what"
            elif failed=$(grep -m 1 "Failed test '" "$log"); then
                printf 'fails   %-12s %-12s as it must: %s\n' "$name" \
                    "$(basename "$t" .t)" \
                    "$(echo "$failed" | sed "s/.*Failed test '//; s/'\$//")"
            else
                # no check has seen anything: the test itself has died
                bad=1
                printf 'DIED    %-12s %-12s\n' "$name" "$(basename "$t" .t)"
                tail -n 20 "$log"
            fi
        done

        [ -n "${KEEP:-}" ] || rm -rf "$build/guard-$name"
    done < t/chaos/guards

    exit $bad
}

case ${1:-} in
    run)    shift; run "$@" ;;
    guards) shift; guards "$@" ;;
    *)      sed -n '3,8s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
