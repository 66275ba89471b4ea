#!/usr/bin/env bash
# Power cuts and kills by the thousand, in one run, and the same power cuts where syncs do nothing,
# which have to fail. Prints a table; its figures also go to BUILD/record.tsv for tests/report.py.
#
#     crash.sh BUILD_DIRECTORY [POWER_CUTS [KILLS [PYTHON PRELOAD]]]
#
# With the last two, which a build for sanitizers has not, allocations of the whole daemon fail as well.
set -uo pipefail
build=$1 cuts=${2:-10000} kills=${3:-1000} python=${4:-} preload=${5:-}
out=$(mktemp -d) || exit 2
trap 'rm -rf "$out"' EXIT
began=$SECONDS

# run NAME COMMAND…: leaves its output, its exit status and the seconds that it took.
run() {
    local name=$1 s=$SECONDS
    shift
    "$@" >"$out/$name" 2>&1
    echo $? >"$out/$name.rc"
    echo $((SECONDS - s)) >"$out/$name.s"
}
(
    run cuts "$build/tests/test_power_cut" --cuts "$cuts" --each 0
    if [ -n "$preload" ]; then
        run short "$python" "${0%/*}/test_short_memory.py" "$build/bin" "$preload" --stride "${SHORT_STRIDE:-5}"
    fi
) &
(
    BOBBIN_KILLS=$(((kills + 1) / 2)) run kills "$build/tests/test_kill"
    run faults "$build/tests/test_store_faults" --stride "${STRIDE:-3}"
) &
wait

failed=0
for what in cuts kills faults ${preload:+short}; do
    [ "$(cat "$out/$what.rc")" = 0 ] || { cat "$out/$what"; failed=1; }
done
for what in sqlite log directory; do
    "$build/tests/test_power_cut" --cuts "$cuts" --each 0 --lie $what >"$out/lie.$what" 2>&1 && failed=1
done

# sum PATTERN FILE: of the numbers before the words.
sum() { grep -o "[0-9]* $1" "$2" | awk '{n += $1} END {print n + 0}'; }
row() { printf '%-44s %10s   %s\n' "$1" "$2" "$3"; printf '%s\t%s\t%s\n' "$1" "$2" "$3" >>"$build/record.tsv"; }
result() { [ "$(cat "$out/$1.rc")" = 0 ] && echo "none lost" || echo FAILED; }
found() { grep -q "writes: FAILED" "$out/lie.$1" && grep -om1 "LOST\|DAMAGED\|cannot be opened" "$out/lie.$1" | sed 's/^/fails, as it must: /' || echo "NOT FOUND OUT"; }

row "simulated power cuts" "$(sum 'power cuts,' "$out/cuts")" "$(result cuts), $(cat "$out/cuts.s") s"
row "  of them during the recovery from another" "$(sum 'of them during' "$out/cuts")" ""
row "  acknowledged writes" "$(sum 'acknowledged writes' "$out/cuts")" ""
row "SIGKILL of the daemon under load" "$(sum 'kills,' "$out/kills")" "$(result kills), $(cat "$out/kills.s") s"
row "  acknowledged writes" "$(sum 'acknowledged writes' "$out/kills")" ""
row "injected faults below a store" "$(sum 'injected faults' "$out/faults")" "$(result faults), $(cat "$out/faults.s") s"
[ -z "$preload" ] || row "failed allocations of the whole daemon" "$(sum 'allocations failed' "$out/short")" "$(result short), $(cat "$out/short.s") s"
row "power cuts, SQLite's syncs off" "$(sum 'power cuts,' "$out/lie.sqlite")" "$(found sqlite)"
row "power cuts, the commit log's syncs off" "$(sum 'power cuts,' "$out/lie.log")" "$(found log)"
row "power cuts, directories' syncs off" "$(sum 'power cuts,' "$out/lie.directory")" "$(found directory)"
grep -h BOBBIN_SEED "$out/cuts" "$out/kills" "$out/faults"
echo "$((SECONDS - began)) s in all"
exit $failed
