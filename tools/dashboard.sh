#!/usr/bin/env bash
#
# dashboard.sh: html/ to html/dist.  npm is asked only when the lock file changed.

set -eu

cd "$(dirname "$0")/../html"

if [ ! -f package.json ]; then
    echo "herald: there is no dashboard in this tree, leaving it out"
    mkdir -p dist
    [ -f dist/index.html ] || echo '<!doctype html><title>Herald</title>' \
        > dist/index.html
    exit 0
fi

if ! command -v npm > /dev/null; then
    if [ -f dist/index.html ]; then
        echo "herald: npm is not installed, keeping the dashboard as it is"
        exit 0
    fi
    echo "herald: npm is missing, run make deps" >&2
    exit 1
fi

# node_modules/.package-lock.json is written last, so half an install is not
# taken for a whole one
if [ ! -f node_modules/.package-lock.json ] \
    || [ package-lock.json -nt node_modules/.package-lock.json ]
then
    echo "herald: installing the dashboard's build tools (npm ci)"
    if ! npm ci --no-audit --no-fund --loglevel=error; then
        echo "herald: npm ci failed, see above; it needs the network once" >&2
        exit 1
    fi
    touch node_modules/.package-lock.json
fi

if ! npm run --silent build; then
    echo "herald: the dashboard could not be built, see above" >&2
    exit 1
fi
