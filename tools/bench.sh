#!/usr/bin/env bash
#
# bench.sh: runs the measurements of bench/, one after another.

set -eu

cd "$(dirname "$0")/.."

found=
for b in bench/*.sh bench/*.pl; do
    [ -x "$b" ] || continue
    found=1
    echo "── $b"
    "$b"
done

[ -n "$found" ] || echo "herald: there are no measurements in bench/ yet"
