#!/usr/bin/env bash
# A very short run of each target of bobbin-bench: it works, its JSON parses, it leaves nothing behind.
#   test_bench.sh BINDIR
set -euo pipefail

bin=$1
work=$(mktemp -d /tmp/bobbin-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/data"
# Where tests run as root, PostgreSQL does not, and has to get there.
chmod 711 "$work" "$work/data"

fail() {
    echo "FAILED: $*" >&2
    cat "$work/err" >&2 || true
    exit 1
}

bench() {
    "$bin/bobbin-bench" --dir "$work/data" --seconds 0.1 --warmup 0 -n 500 --json "$@" \
        >"$work/out" 2>"$work/err"
}

# check_result EXPRESSION: holds for the JSON object r.
check_result() {
    python3 -c "import json, sys; r = json.load(open(sys.argv[1])); assert $1, r" "$work/out" ||
        fail "$1"
}

left_nothing() {
    [ -z "$(ls -A "$work/data")" ] || fail "$1: files are left: $(ls "$work/data")"
    # Peers name their directories on their command lines.
    ! pgrep -f "$work/data" >/dev/null || fail "$1: a peer is left"
}

postgres=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null && echo postgres || true)
for target in bobbin redis echo $postgres sqlite-spin sqlite-wal; do
    for op in get set increment mixed; do
        case $target-$op in
        # The echo has requests of one size; PostgreSQL takes long to start.
        echo-mixed | postgres-get | postgres-set) continue ;;
        esac
        depth=$([[ $target = sqlite* ]] || echo -P 4)
        bench --target $target --op $op -c 3 $depth || fail "$target $op"
        check_result "r['target'] == '$target' and r['op'] == '$op' and r['requests'] > 0"
        check_result "0 < r['latency_us']['p50'] <= r['latency_us']['p99.9'] <= r['latency_us']['max']"
        left_nothing "$target $op"
    done
done
bench -c 6 --apps 3 --op set -P 200 --window || fail "apps"
check_result "r['apps'] == 3 and r['requests'] > 0"
bench --target redis -d 100000 -c 2 -P 2 --op mixed --reads 50 -n 20 || fail "large values"
check_result "r['value_size'] == 100000 and r['requests'] > 0"
bench --rate 500 -c 2 || fail "a rate"
check_result "0 < r['requests'] <= 500 * r['seconds'] + 5"
bench --target echo --background-set 4 -c 1 || fail "background"
check_result "r['background_sets'] > 0"
left_nothing "all"

# A daemon behind a script that waits for it, as one under a profiler: both are stopped.
printf '#!/bin/sh\n"%s" "$@"\nexit $?\n' "$bin/bobbind" >"$work/wrapper"
chmod +x "$work/wrapper"
bench --bobbind "$work/wrapper" -c 1 || fail "a wrapped daemon"
left_nothing "a wrapped daemon"

# What is wrong is said.
! bench --config 'no_such_key = 1' || fail "a daemon that does not start"
grep -q "no_such_key" "$work/err" || fail "a daemon that does not start: why"
left_nothing "a daemon that does not start"
# refuses TEXT ARG...: a usage error, which says so.
refuses() {
    local text=$1 status=0
    shift
    "$bin/bobbin-bench" "$@" >"$work/out" 2>"$work/err" || status=$?
    [ $status = 2 ] || fail "$*: status $status"
    grep -q -- "$text" "$work/err" || fail "$*: no '$text'"
}
refuses "mixed" --op increment --reads 50
refuses "--socket" matrix --socket /nowhere
refuses "too few" --apps 3 -c 2
refuses "one size" --target echo --op mixed
refuses "need a server" --target sqlite-spin -P 2
refuses "no number" -c 0
refuses "no size" --cache 64x
refuses "no list" matrix --points 1,9
refuses "unknown" --no-such-option
refuses "needs a value" --target
! bench --target nothing || fail "an unknown target"
! bench --dir "$work/no-such-directory" || fail "a directory that is not there"

# ^C, while it fills and while it measures, ends all of it.
for phase in filling measuring; do
    "$bin/bobbin-bench" --dir "$work/data" --seconds 600 -n 10 \
        $([ $phase = filling ] && echo "-n 100000000") >"$work/out" 2>"$work/err" &
    pid=$!
    for _ in $(seq 600); do
        ! grep -q "^$phase" "$work/err" || break
        sleep 0.1
    done
    grep -q "^$phase" "$work/err" || fail "never began $phase"
    kill -INT $pid
    status=0
    wait $pid || status=$?
    [ $status = 130 ] || fail "interrupted while $phase: status $status"
    grep -q "interrupted" "$work/err" || fail "interrupted while $phase: no word"
    left_nothing "interrupted while $phase"
done
echo "ok"
