#!/bin/sh
# bobbin-run on real modules, without a daemon: WASI, traps, what it refuses, its cache.
# usage: test_runner.sh BIN_DIR APPS_DIR
set -u
umask 022
run=$1/bobbin-run
apps=$2
passed=0
failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
export BOBBIN_SOCKET="$dir/absent.sock"
cache=$dir/cache

# check WHAT: passes if the last command succeeded.
check() {
    if [ $? -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
        for file in out err; do
            [ -s $file ] && sed "s/^/  $file: /" $file
        done
    fi
}

# guest STATUS ARGS…: runs bobbin-run into the files out and err, succeeds with that exit status.
guest() {
    expected=$1
    shift
    "$run" --cache-dir "$cache" "$@" >out 2>err </dev/null
    status=$?
    [ $status -eq "$expected" ] || { echo "exit status $status, not $expected" >>err; false; }
}

says() { grep -qF -- "$1" err; }

# A program and WASI.
echo "a line" >in
GREETING=hello BOBBIN_APP=x "$run" --cache-dir "$cache" "$apps/wasi/wasi.wasm" one "two words" \
    >out 2>err <in
[ $? -eq 7 ]
check "exit status of the program"
cat >expected <<'EOF'
argument 0 wasi.wasm
argument 1 one
argument 2 two words
environment GREETING=hello
malloc 8388608 x
random yes
slept yes
time yes
open refused
stdout there
descriptor 3 Bad file descriptor
float 0.333
input a line
atexit
EOF
diff expected out >differences && [ "$(cat err)" = "to stderr" ]
check "WASI: $(cat differences)"
guest 7 --env GREETING=other "$apps/wasi/wasi.wasm" && grep -qx "environment GREETING=other" out
check "--env"

# Traps.
while read -r what message; do
    guest 134 "$apps/trap/trap.wasm" "$what" && [ "$(cat out)" = before ] &&
        says "bobbin-run: trap in trap.wasm: $message"
    check "trap $what"
done <<'EOF'
oob out of bounds memory access
unreachable unreachable
divide integer divide by zero
overflow integer overflow
stack call stack exhausted
call indirect call
abort unreachable
EOF
(ulimit -s unlimited 2>/dev/null; guest 134 "$apps/trap/trap.wasm" stack) && says "call stack exhausted"
check "stack overflow on a stack without a limit"
guest 0 "$apps/trap/trap.wasm" nothing
check "no trap"

# What is refused, and how that is said.
echo text >text.wasm
guest 125 text.wasm && says "'text.wasm' is not a wasm module"
check "no module"
printf '\000asm\015\000\001\000' >component.wasm
guest 125 component.wasm && says "'component.wasm' is a component"
check "a component"
guest 125 absent.wasm && says "cannot open 'absent.wasm'"
check "no such file"
cat >missing.wat <<'EOF'
(module (import "wasi:http/types@0.2.0" "foo" (func)) (memory (export "memory") 1)
        (func (export "_start")))
EOF
wat2wasm missing.wat && guest 125 missing.wasm &&
    says "module 'missing.wasm' imports 'wasi:http/types@0.2.0' 'foo', which this runner does not offer"
check "an import that is not offered"
# Well-formed for the runner's own reading, but not valid: run's body leaves an i64.
printf '\000asm\1\0\0\0\1\5\1\140\0\1\177\3\2\1\0\7\7\1\3run\0\0\12\6\1\4\0\102\0\13' >invalid.wasm
guest 125 invalid.wasm && says "cannot translate 'invalid.wasm': 'wasm2c' failed"
check "a module that is not valid"
guest 2 && says "no module given"
check "no arguments"
guest 2 --cache "$dir" && says "unknown option '--cache'"
check "unknown option"
guest 0 --version && grep -q '^bobbin-run [0-9]' out
check "--version"
(export PATH=/nonexistent; guest 125 "$apps/trap/trap.wasm") && says "cannot find 'wasm2c': install wabt"
check "no tools"

# All that a program may import, and both kinds of start.
cat >reactor.wat <<'EOF'
(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv"
    (func $recv (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sock_recv"
    (func $again (param i32 i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (global $initialised (mut i32) (i32.const 0))
  (func (export "_initialize") (global.set $initialised (i32.const 100)))
  (func (export "run") (result i32)
    (i32.add (global.get $initialised)
      (i32.add
        (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
          (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))
        (call $again (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
          (i32.const 0))))))
EOF
wat2wasm reactor.wat && guest 116 reactor.wasm
check "a reactor; EBADF (8) from two functions"
cat >quiet.wat <<'EOF'
(module (func (export "run")))
EOF
wat2wasm quiet.wat && guest 0 quiet.wasm
check "a run without a result, a module without memory"

# The cache.
objects() { ls "$cache" | grep -c '\.so$'; }
[ ! -e "$cache"/build-* ] && [ "$(stat -c %a "$cache")" = 755 ]
check "nothing is left behind"
before=$(objects)
mkdir "$cache/build-stale" && touch "$cache/build-stale/x"
cp quiet.wasm copy.wasm
guest 0 copy.wasm && [ "$(objects)" = "$before" ]
check "found by content"
printf '\000\3\1a\0' | cat quiet.wasm - >other.wasm
guest 0 other.wasm && [ "$(objects)" = $((before + 1)) ] && [ ! -e "$cache/build-stale" ]
check "another module is another object; what a killed process left is removed"
BOBBIN_STATE_DIR=$dir/state "$run" quiet.wasm && [ "$(ls state/cache/*.so | wc -l)" = 1 ]
check "in the state directory"
"$run" quiet.wasm && [ "$(ls .spin/cache/*.so | wc -l)" = 1 ]
check "in the current directory"
pids=
for i in 1 2 3 4; do
    "$run" --cache-dir "$dir/race" "$apps/trap/trap.wasm" nothing >/dev/null &
    pids="$pids $!"
done
ok=true
for pid in $pids; do
    wait "$pid" || ok=false
done
$ok && [ "$(ls race | tr '\n' ' ' | sed 's/[0-9a-f]\{64\}/HASH/')" = "HASH.so lock " ]
check "four at once"

# Nothing is executed that others could have put there.
cp -r "$dir/race" open && chmod 777 open && (cache=$dir/open; guest 125 "$apps/trap/trap.wasm" nothing) &&
    says "others may write there"
check "a cache that others may write to"
guest 125 --cache-dir "" quiet.wasm && says "cache directory"
check "a cache without a name"
if [ "$(id -u)" = 0 ]; then
    mkdir somebody && chown 65534 somebody && guest 125 --cache-dir somebody/cache quiet.wasm &&
        says "belongs to another user" && [ ! -e somebody/cache ]
    check "root leaves nothing in the directory of another user"
fi
object=$(ls race/*.so)
printf broken >"$object.new" && chmod 666 "$object.new" && mv "$object.new" "$object"
(cache=$dir/race; guest 0 "$apps/trap/trap.wasm" nothing) && [ "$(stat -c %a "$object")" = 644 ]
check "an object that others may write to is made again"
mv "$object" elsewhere.so && ln -s ../elsewhere.so "$object"
(cache=$dir/race; guest 0 "$apps/trap/trap.wasm" nothing) && [ ! -L "$object" ]
check "a link in place of an object is not followed"

# The names that end up in C code.
cat >comment.wat <<'EOF'
(module (func (export "run")) (func (export "a*/ int injected; /*")))
EOF
wat2wasm comment.wat && guest 125 comment.wasm && says "cannot be translated"
check "an export that ends a comment"

# Without the daemon a program gets an error from its store, in words.
guest 1 --env X=1 "$apps/counter/counter.wasm" && says "counter: cannot open the store: "
check "no daemon"

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
