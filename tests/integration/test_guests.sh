#!/bin/sh
# Wasm guests under the real daemon: both key/value interfaces from inside of a module, supervised.
# usage: test_guests.sh BIN_DIR APPS_DIR
set -u
bin=$1
apps=$2
passed=0
failed=0
dir=$(mktemp -d) || exit 1
export BOBBIN_SOCKET="$dir/bobbin.sock"
daemon=

cleanup() {
    [ -n "$daemon" ] && kill "$daemon" 2>/dev/null && wait "$daemon" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir" || exit 1

# check WHAT FILES…: passes if the last command succeeded, shows the files if not.
check() {
    if [ $? -eq 0 ]; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    echo "FAILED: $1"
    shift
    for file in "$@"; do
        [ -s "$file" ] && sed "s|^|  $(basename "$file"): |" "$file"
    done
}

# until_true COMMAND…: waits until it succeeds; the first start of a module compiles it.
until_true() {
    deadline=$(($(date +%s) + 120))
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s)" -lt $deadline ] || return 1
        sleep 0.05
    done
}

start_daemon() {
    "$bin/bobbind" --socket "$BOBBIN_SOCKET" --state-dir "$dir/state" 2>>bobbind.log &
    daemon=$!
    until_true "$bin/bobbin" ping
}

bobbin() { "$bin/bobbin" "$@" >cli.log 2>&1; }

# says_compiling APP: its status does.
says_compiling() {
    "$bin/bobbin" status --app "$1" --json >status.json 2>&1 && grep -q '"reason": *"compiling' status.json
}

# ended APP COMPONENT CODE: that component's process has ended, with that code.
ended() {
    "$bin/bobbin" status --app "$1" --json >status.json 2>&1 &&
        python3 -c '
import json, sys
app = json.load(open("status.json"))
app = app[0] if isinstance(app, list) else app
for c in app["components"]:
    if c["id"] == sys.argv[1]:
        sys.exit(0 if c["pid"] in (0, None) and c["exit_code"] == int(sys.argv[2]) else 1)
sys.exit(1)' "$2" "$3"
}

# output APP COMPONENT: where its stdout goes.
output() { echo "$dir/$1/.spin/logs/$2_stdout.txt"; }

start_daemon
check "the daemon answers" bobbind.log

for app in counter kv1 kv2 semantics1 semantics2 semantics_wasi trap wasi wat assemblyscript; do
    cp -r "$apps/$app" "$dir/$app" && bobbin register "$dir/$app"
    check "register $app" cli.log bobbind.log
done

# Version 1.
bobbin start --app kv1 && until_true ended kv1 kv1 0
check "version 1 ends with 0" cli.log status.json bobbind.log "$dir"/kv1/.spin/logs/*
cat >expected <<'EOF'
open default: ok
open other: error 2
open nobody: error 2
open : error 2
set k: ok
set empty: ok
get k: 5 bytes 'value'
get empty: 0 bytes ''
get absent: error 4
exists k: true
exists absent: false
get-keys: ok
  empty
  k
delete k: ok
delete k again: ok
exists k: false
set too large: error 5 with text: yes
get k: error 3
exists k: error 3
set in 0: error 3
delete when closed: error 3
get-keys: error 3
256 stores
open one more: error 0
allocations: some
end
EOF
diff expected "$(output kv1 kv1)" >differences
check "version 1 says what it should" differences "$dir/kv1/.spin/logs/kv1_stderr.txt"

# Version 2, with the header for guests, as a reactor.
bobbin start --app kv2 && until_true ended kv2 kv2 5
check "version 2 ends with 5" cli.log status.json bobbind.log "$dir"/kv2/.spin/logs/*
cat >expected <<'EOF'
open default: ok
open other: error 2 access denied
open nobody: error 2 access denied
set k: ok
set empty: ok
set key in unicode: ok
get k: 5 bytes 'value'
get empty: 0 bytes ''
get schlüssel: 3 bytes '€'
get absent: none
exists k: true
exists absent: false
get-keys: ok
  empty
  k
  schlüssel
delete k: ok
delete k again: ok
exists k: false
set too large: error 3
many: 1100 keys, 0 failures
large: same, 0 failures
256 stores
open one more: error 0 too many open stores
end
EOF
diff expected "$(output kv2 kv2)" >differences
check "version 2 says what it should" differences "$dir/kv2/.spin/logs/kv2_stderr.txt"
until_true ended kv2 trapping 134 &&
    grep -q "trap in kv2.wasm: unknown handle" "$dir/kv2/.spin/logs/trapping_stderr.txt"
check "a handle that is not open is a trap" "$dir"/kv2/.spin/logs/trapping*

# What Spin's own test asks for, through each of the interfaces.
for app in semantics1 semantics2 semantics_wasi; do
    bobbin start --app $app && until_true ended $app $app 0 &&
        [ "$(cat "$(output $app $app)")" = "as in Spin" ] &&
        grep -qx "bobbin-run: cannot open store 'forbidden': not in key_value_stores of component '$app' in $dir/$app/spin.toml" \
            "$dir/$app/.spin/logs/${app}_stderr.txt"
    check "$app" cli.log status.json bobbind.log "$dir/$app"/.spin/logs/*
done

# A module of another toolchain.
for runs in 1 2; do
    bobbin start --app assemblyscript && until_true grep -qx "run $runs" "$(output assemblyscript assemblyscript)" &&
        until_true ended assemblyscript assemblyscript 0
    check "AssemblyScript, run $runs" cli.log status.json "$dir"/assemblyscript/.spin/logs/*
done

# Each interface by hand, with every error; one after another, since they use one store. The last
# two end with the trap of a handle that was dropped.
for step in "spin1 0" "spin2 134" "wasi 134"; do
    component=${step% *}
    bobbin start --app wat --component "$component" && until_true ended wat "$component" "${step#* }"
    check "$component in WAT" cli.log status.json "$dir/wat/.spin/logs/${component}"_*
done
grep -q "unknown handle of a store" "$dir/wat/.spin/logs/spin2_stderr.txt" &&
    grep -q "unknown handle of a store" "$dir/wat/.spin/logs/wasi_stderr.txt"
check "the traps are those of dropped handles" "$dir"/wat/.spin/logs/*_stderr.txt

# The manifest's files, one directory of them writable.
cp -r "$apps/files" files && mkdir -p files/ro/sub files/rw && printf hello >files/ro/text && echo one >files/one.txt &&
    ln -s ../secret files/ro/out && ln -s /etc files/ro/root && echo secret >files/secret &&
    bobbin register "$dir/files" && bobbin start --app files && until_true ended files files 0 &&
    [ "$(cat "$(output files files)")" = "all of it" ] && [ "$(cat files/secret)" = secret ]
check "files, some of them writable" cli.log status.json "$dir"/files/.spin/logs/*

# Ahead of time: what is built then is what the daemon starts.
cp -r "$apps/counter" early && "$bin/bobbin" build early >out 2>err &&
    grep -q "^counter.wasm: $dir/early/.spin/cache/.*\.so$" out
check "an app is built ahead of time" out err
"$bin/bobbin" build early >out 2>err && grep -q "(was there)$" out
check "and is not built again" out err
"$bin/bobbin" build early --json >out &&
    grep -q "^{\"directory\":\"$dir/early\",\"ok\":true,\"report\":\"counter.wasm: .*(was there)\"}$" out
check "the same, as JSON" out
mkdir none && "$bin/bobbin" build none >out 2>err && [ "$(cat out)" = "app 'none' has no modules to build" ]
check "an app without modules" out err
cp -r "$apps/counter" broken && echo text >broken/counter.wasm
"$bin/bobbin" build broken >out 2>err
[ $? -ne 0 ] && grep -q "^bobbin: 'counter.wasm' is not a wasm module" err
check "a module that is none" out err

# While a module is compiled, the status says so. The first start is the one that compiles.
cp -r "$apps/counter" slow && sed -i 's/^name = .*/name = "slow"/' slow/spin.toml && bobbin register "$dir/slow" &&
    bobbin start --app slow && until_true says_compiling slow
check "compiling" cli.log status.json
until_true grep -qx "run 1" "$(output slow counter)"
check "and then it runs" "$dir"/slow/.spin/logs/*
bobbin stop --app slow

# By hand, outside of the daemon: the app is the directory one stands in, or $BOBBIN_APP_DIR.
(cd kv2 && "$bin/bobbin-run" kv2.wasm bad-key >../out 2>../err)
[ $? -eq 134 ] && grep -q "not UTF-8" err
check "a key that is not UTF-8 is a trap" out err
(cd kv2 && "$bin/bobbin-run" kv2.wasm bad-pointer >../out 2>../err)
[ $? -eq 134 ] && grep -q "out of bounds" err
check "a pointer beyond the memory is a trap" out err
BOBBIN_APP_DIR=$dir/counter "$bin/bobbin-run" --cache-dir "$dir/cache" counter/counter.wasm --once \
    >out 2>err && [ "$(cat out)" = "run 1" ]
check "a guest by hand" out err
[ "$("$bin/bobbin" get --app counter runs 2>err)" = 1 ]
check "what a guest wrote is there for others" err

# Traps and exit codes reach the daemon; arguments and environment the program.
bobbin start --app trap && until_true ended trap trap 134 &&
    grep -q "unreachable" "$dir/trap/.spin/logs/trap_stderr.txt"
check "a trap under the daemon" cli.log status.json "$dir"/trap/.spin/logs/*
bobbin start --app wasi && until_true ended wasi wasi 7 &&
    grep -qx "argument 2 two words" "$(output wasi wasi)" &&
    grep -qx "environment GREETING=hello" "$(output wasi wasi)" &&
    ! grep -q "environment PATH\|environment BOBBIN" "$(output wasi wasi)"
check "arguments and environment from the manifest" cli.log status.json "$dir"/wasi/.spin/logs/*

# The counter keeps its number when it is killed, and when the daemon is.
bobbin start --app counter && until_true grep -qx "run 2" "$(output counter counter)"
check "the counter starts" cli.log bobbind.log "$dir"/counter/.spin/logs/*
bobbin stop --app counter && bobbin start --app counter &&
    until_true grep -qx "run 3" "$(output counter counter)"
check "the counter starts again" cli.log bobbind.log "$dir"/counter/.spin/logs/*
kill -KILL "$daemon" && { wait "$daemon" 2>/dev/null || :; } && start_daemon &&
    until_true grep -qx "run 4" "$(output counter counter)"
check "the counter after the daemon was killed" bobbind.log "$dir"/counter/.spin/logs/*
kill "$daemon" && wait "$daemon"
check "the daemon ends" bobbind.log
daemon=

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
