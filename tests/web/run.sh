#!/usr/bin/env bash
# The tests of the web view: run.sh BIN_DIR WORK_DIR. Fetches Playwright with npm into WORK_DIR once;
# where that, node or Chromium is missing the tests fail, they are not skipped.
set -euo pipefail
bin=$1 work=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

die() {
    echo "web tests: $*" >&2
    exit 1
}

command -v node >/dev/null || die "node is missing (Debian: nodejs)"
command -v npm >/dev/null || die "npm is missing"
[ -x "${CHROMIUM:-/usr/bin/chromium}" ] || die "chromium is missing"
mkdir -p "$work"
cp "$here"/package.json "$here"/package-lock.json "$here"/.npmrc "$here"/*.mjs "$work/"
cd "$work"
if ! cmp -s package-lock.json node_modules/.lock-of-bobbin; then
    npm ci --ignore-scripts --no-audit --no-fund >npm.log 2>&1 || { cat npm.log >&2; die "npm cannot install Playwright"; }
    cp package-lock.json node_modules/.lock-of-bobbin
fi
exec node "${BOBBIN_WEB_SCRIPT:-test_web.mjs}" "$bin" "${@:3}"
