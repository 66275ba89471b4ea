#!/usr/bin/env bash
# The matrix as small as it can be: it goes through, its table, JSON and pictures are whole.
#   test_bench_matrix.sh BINDIR
set -euo pipefail

bin=$1
work=$(mktemp -d /tmp/bobbin-test.XXXXXX)
trap 'rm -rf "$work"' EXIT
mkdir "$work/data"

fail() {
    echo "FAILED: $*" >&2
    cat "$work/err" "$work/out" >&2 || true
    exit 1
}

"$bin/bobbin-bench" matrix --quick --rounds 3 --seconds 0.05 --warmup 0 --points 1,2,5 --dir "$work/data" \
    --json "$work/json" --svg "$work/ratios.svg" --percentiles "$work/percentiles.svg" \
    >"$work/out" 2>"$work/err" || fail "matrix"
[ "$(grep -c '^| [1-7] |' "$work/out")" = 14 ] || fail "rows"
grep -q "^Quick: " "$work/out" || fail "quick says that it is"
python3 - "$work" <<'PYTHON' || fail "what it wrote"
import json, statistics, sys
import xml.etree.ElementTree as xml

work = sys.argv[1]
m = json.load(open(work + "/json"))
assert m["quick"] and m["rounds"] == 3 and m["machine"]["fdatasync_overwriting_us"] > 0, m
assert {r["point"] for r in m["rows"]} == {1, 2, 5}
cells = {(c["target"], c["name"]): c for c in m["cells"]}
for row in m["rows"]:
    assert len(row["values"]) == 3, row
    assert row["min"] == min(row["values"]) and row["max"] == max(row["values"]), row
    assert row["median"] == statistics.median(row["values"]), row
    assert (row["holds"] == "yes") == (row["median"] >= row["needed"]), row
row = next(r for r in m["rows"] if r["name"] == "GET c=50 P=1 : Redis")
ours, theirs = cells["bobbin", "get c=50 P=1"], cells["redis", "get c=50 P=1"]
for i, ratio in enumerate(row["values"]):
    assert abs(ours["throughput"][i] / theirs["throughput"][i] / ratio - 1) < 1e-3, row
for name in "ratios.svg", "percentiles.svg":
    root = xml.parse(f"{work}/{name}").getroot()
    assert root.tag.endswith("svg") and len(list(root.iter())) > 20, name
PYTHON
[ -z "$(ls -A "$work/data")" ] || fail "files are left"
! pgrep -f "$work/data" >/dev/null || fail "a peer is left"
echo "ok"
