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
guest 134 "$apps/trap/trap.wasm" divide &&
    [ "$(sed -n '2,4p' err | tr -s ' \n' ' ')" = "wasm backtrace: trap_divide main " ]
check "a backtrace with the names of the module"
guest 134 "$apps/trap/trap.wasm" stack && [ "$(grep -c . err)" -lt 40 ] && grep -qx "  recurse" err
check "a backtrace of endless recursion"
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
    says "module 'missing.wasm' imports wasi:http/types@0.2.0, which this runner does not offer"
check "an import that is not offered"
(export BOBBIN_COMPONENT=api; guest 125 missing.wasm) &&
    says "component 'api' imports wasi:http/types@0.2.0, which this runner does not offer"
check "an import that is not offered, in the words of the manifest"
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
(export PATH=/nonexistent; guest 125 "$apps/kv2/kv2.wasm") &&
    says "module 'kv2.wasm' is not in the cache" && says "cannot find 'wasm2c': install wabt"
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
wat2wasm reactor.wat && guest 166 reactor.wasm
check "a reactor; EBADF (8) and ENOTSUP (58)"
cat >quiet.wat <<'EOF'
(module (func (export "run")))
EOF
wat2wasm quiet.wat && guest 0 quiet.wasm
check "a run without a result, a module without memory"

# Files: what is given, and nothing beside it.
mkdir -p files/ro/sub files/rw && printf hello >files/ro/text && echo secret >files/secret &&
    ln -s ../secret files/ro/out && ln -s /etc files/ro/root && echo one >files/one.txt &&
    echo x >files/spin.toml
guest 0 --dir files/ro:/ro --dir files/rw:/rw:rw --dir files/one.txt:/one.txt "$apps/files/files.wasm" &&
    [ "$(cat out)" = "all of it" ] && [ "$(cat files/secret)" = secret ] &&
    [ "$(ls files | tr '\n' ' ')" = "one.txt ro rw secret spin.toml " ]
check "files"
rm -f files/rw/*
(BOBBIN_FILES=$(printf 'files/ro\t/ro\nfiles/rw\t/rw\trw\nfiles/one.txt\t/one.txt')
    export BOBBIN_FILES
    guest 0 "$apps/files/files.wasm")
check "files as the daemon names them"
guest 2 --dir files/absent:/x "$apps/files/files.wasm" && says "cannot give 'files/absent' to the program"
check "a directory that is not there"
guest 2 --dir files:x:ry "$apps/files/files.wasm" && says "is not HOST:PATH"
check "a directory that is not said right"

# Hostile programs.
cat >grow.wat <<'EOF'
(module (memory (export "memory") 1)
  (func (export "run") (result i32) (local $grown i32)
    (loop $again
      (if (i32.ne (memory.grow (i32.const 16)) (i32.const -1))
        (then
          (i32.store (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 4)) (i32.const 7))
          (local.set $grown (i32.add (local.get $grown) (i32.const 1)))
          (br $again))))
    (local.get $grown)))
EOF
wat2wasm grow.wat && guest 19 --memory-max $((20 << 20)) grow.wasm
check "memory.grow without end: 1 MiB at a time into 20 MiB"
(export BOBBIN_MEMORY_MAX=$((10 << 20)); guest 9 grow.wasm)
check "memory_max as the daemon says it"
cat >huge.wat <<'EOF'
(module (memory (export "memory") 400) (func (export "run")))
EOF
wat2wasm huge.wat && guest 134 --memory-max $((20 << 20)) huge.wasm && says "more memory than memory_max allows"
check "a module that begins beyond memory_max"
guest 2 --memory-max 1x grow.wasm && says "'1x' is not a number of bytes"
check "a memory_max that is no number"
cat >loop.wat <<'EOF'
(module (func (export "run") (loop $again (br $again))))
EOF
wat2wasm loop.wat && guest 0 --build loop.wasm
for signal in TERM KILL; do
    "$run" --cache-dir "$cache" loop.wasm >out 2>err &
    pid=$!
    sleep 0.2
    kill -$signal $pid
    wait $pid 2>/dev/null
    [ $? -ge 128 ]
    check "an endless loop ends by SIG$signal"
done
cat >start.wat <<'EOF'
(module (memory (export "memory") 1) (func $start (drop (i32.load (i32.const 0x7fffffff)))) (start $start)
  (func (export "run")))
EOF
wat2wasm start.wat && guest 134 start.wasm && says "out of bounds memory access"
check "a start function that traps"

# The cache.
(export PATH=/nonexistent; guest 134 "$apps/trap/trap.wasm" divide)
check "what is in the cache needs no tools"
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
$ok && [ "$(ls race | tr '\n' ' ' | sed 's/[0-9a-f]\{40\}-[0-9a-f]\{16\}/HASH/')" = "HASH.so lock tools " ]
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

printf broken >"$object"
(cache=$dir/race; guest 0 "$apps/trap/trap.wasm" nothing) && [ "$(stat -c %s "$object")" -gt 1000 ]
check "an object that is broken is made again"

# Ahead of time, for a machine without tools; and objects that are not what their names say.
guest 0 --cache-dir ahead --build quiet.wasm reactor.wasm && [ "$(grep -c '^[a-z]*.wasm: ahead/.*\.so$' out)" = 2 ]
check "--build"
guest 0 --cache-dir ahead --build quiet.wasm && grep -q "(was there)" out
check "--build of what is there"
guest 125 --cache-dir ahead --build quiet.wasm text.wasm && says "'text.wasm' is not a wasm module"
check "--build of what is no module"
(export PATH=/nonexistent; guest 0 --cache-dir ahead quiet.wasm && guest 166 --cache-dir ahead reactor.wasm)
check "built ahead, it runs without tools"
quiet=$(guest 0 --cache-dir ahead --build quiet.wasm; sed 's/.*: \(ahead[^ ]*\).*/\1/' out)
reactor=$(guest 0 --cache-dir ahead --build reactor.wasm; sed 's/.*: \(ahead[^ ]*\).*/\1/' out)
cp "$reactor" "$quiet.new" && mv "$quiet.new" "$quiet"
(export PATH=/nonexistent; guest 125 --cache-dir ahead quiet.wasm) && says "it was made from another module"
check "an object of another module is refused"
guest 0 --cache-dir ahead quiet.wasm && (export PATH=/nonexistent; guest 0 --cache-dir ahead quiet.wasm)
check "and made again where that can be done"
printf broken >"$quiet"
(export PATH=/nonexistent; guest 125 --cache-dir ahead quiet.wasm) && says "cannot use the compiled module"
check "a broken object is refused"

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
