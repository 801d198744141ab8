#!/usr/bin/env bash
#
# fuzz.sh SECONDS TARGET ...: runs each fuzz target for that long.  Corpora grow in
# build/fuzz/corpus; an input that broke something stays in build/fuzz/crash.

set -u

seconds=$1
shift
rc=0

[ $# -gt 0 ] || { echo "herald: there are no fuzz targets" >&2; exit 1; }

for t in "$@"; do
    name=$(basename "$t" _fuzz)
    corpus=$(dirname "$t")/corpus/$name
    crash=$(dirname "$t")/crash/
    mkdir -p "$corpus" "$crash"
    log=$(dirname "$t")/$name.log
    if "$t" -max_total_time="$seconds" -max_len=65536 -timeout=10 \
        -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$crash$name-" "$corpus" > "$log" 2>&1
    then
        echo "ok    $name: $(sed -n \
            's/^stat::number_of_executed_units: *//p' "$log") inputs"
    else
        echo "FAIL  $name: $log"
        tail -n 30 "$log"
        rc=1
    fi
done

exit $rc
