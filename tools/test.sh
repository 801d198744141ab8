#!/usr/bin/env bash
#
# test.sh all|unit: runs what was built, says what happened, and fails when anything
# did.  Output of a test is shown only when it failed.

set -u

cd "$(dirname "$0")/.."

what=${1:-all}
build=${HERALD_BUILD:-$PWD/build}
export HERALD_BUILD=$build
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
export CMOCKA_MESSAGE_OUTPUT=TAP

began=$SECONDS
log=$(mktemp)
trap 'rm -f "$log"' EXIT

files=0 failed=0 cases=0 skipped=0
bad=

for t in "$build"/unit/*_test; do
    [ -x "$t" ] && [ -f "t/unit/$(basename "$t").c" ] || continue
    name=$(basename "$t")
    files=$((files + 1))
    timeout 300 "$t" > "$log" 2>&1
    rc=$?
    n=$(grep -c '^ok ' "$log")
    cases=$((cases + n))
    # cmocka 1.1.5 says "not ok" of what it skipped
    s=$(grep -c '^not ok .* # SKIP' "$log")
    skipped=$((skipped + s))
    if [ $rc -ne 0 ] || grep -q 'Sanitizer\|runtime error' "$log" ||
       grep '^not ok' "$log" | grep -qv ' # SKIP'
    then
        failed=$((failed + 1))
        bad="$bad unit/$name"
        echo "FAIL  unit/$name (exit code $rc)"
        grep -v '^ok ' "$log" | tail -n 40
    else
        printf 'ok    unit/%s: %d cases%s\n' "$name" "$n" \
            "$([ "$s" = 0 ] || echo ", $s skipped: no fixtures folder")"
    fi
done

if [ "$files" = 0 ]; then
    echo "FAIL  there are no unit tests in $build/unit"
    failed=1
fi

echo "unit  $files files, $cases cases, $failed failed, $skipped skipped"

rc=0
if [ "$what" = all ]; then
    echo
    prove -j2 --timer -I t/lib t/*.t
    rc=$?
fi

echo
if [ $failed = 0 ] && [ $rc = 0 ]; then
    echo "all tests passed in $((SECONDS - began)) s"
    exit 0
fi

[ $failed = 0 ] || echo "failed:$bad"
[ $rc = 0 ] || echo "failed: see prove's summary above"
echo "tests FAILED after $((SECONDS - began)) s"
exit 1
