#!/usr/bin/env bash
# The main job, shown: a supervised wasm app counts its own runs in a store that survives the app, the
# daemon, and kill -9. Usage: demo.sh BIN_DIR APPS_DIR
set -euo pipefail

bin=$1
apps=$2
dir=$(mktemp -d "${TMPDIR:-/tmp}/bobbin-demo.XXXXXX")
export PATH=$bin:$PATH BOBBIN_SOCKET=$dir/bobbin.sock
app=$dir/counter
daemon=

cleanup() {
    if [ -n "$daemon" ]; then
        kill "$daemon" 2>/dev/null || true
        wait "$daemon" 2>/dev/null || true
    fi
    rm -rf "$dir"
}
trap cleanup EXIT

say() {
    printf '\n== %s\n' "$*"
}

show() {
    printf '$ %s\n' "$*"
    "$@"
}

# Wait until a command succeeds; the first start of a module compiles it.
until_true() {
    local deadline=$((SECONDS + 120))
    until "$@" >/dev/null 2>&1; do
        if [ $SECONDS -ge $deadline ]; then
            echo "demo: gave up waiting for: $*" >&2
            tail -n 20 "$dir/bobbind.log" "$app"/.spin/logs/* >&2 2>/dev/null || true
            exit 1
        fi
        sleep 0.05
    done
}

start_daemon() {
    "$bin/bobbind" --socket "$BOBBIN_SOCKET" --state-dir "$dir/state" 2>>"$dir/bobbind.log" &
    daemon=$!
    until_true "$bin/bobbin" ping
}

runs() {
    grep -qx "run $1" "$app/.spin/logs/counter_stdout.txt"
}

cp -r "$apps/counter" "$app"

say "A daemon of its own, in $dir"
start_daemon
show bobbin ping

say "Register and start the counter app, a WebAssembly module compiled from C"
show bobbin register "$app"
show bobbin start counter
until_true runs 1
show bobbin status counter
show bobbin get --app counter runs
echo

say "Restart the app: the count goes on"
show bobbin stop counter
show bobbin start counter
until_true runs 2
show bobbin get --app counter runs
echo

say "Kill the daemon with SIGKILL: the app goes with it, its data does not"
pid=$(bobbin status counter --json | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p' | head -n 1)
{
    kill -9 "$daemon"
    wait "$daemon"
} 2>/dev/null || true
daemon=
gone() {
    ! kill -0 "$pid" 2>/dev/null
}
until_true gone
echo "bobbind is gone, and so is the app's process $pid"

say "Start the daemon again: it starts the app again"
start_daemon
until_true runs 3
show bobbin get --app counter runs
echo

say "Stop the daemon: what is left is one plain SQLite file"
kill "$daemon"
wait "$daemon"
daemon=
show ls -A "$app/.spin"
show cat "$app/.spin/logs/counter_stdout.txt"
[ "$(cat "$app/.spin/logs/counter_stdout.txt")" = $'run 1\nrun 2\nrun 3' ]
