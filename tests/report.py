#!/usr/bin/env python3
"""What the tests have done, in figures: one table, from the records of runs.

    report.py [BUILD_DIRECTORY]     print the table; with what was run in that build directory last
    report.py --write               write the table into tests/README.md
    report.py --check               fail if tests/README.md does not say what the records say

tests/record.tsv holds what the long runs came to: what, how much, how it was run. tests/defects.tsv
holds the defects that they found: what was wrong, and the test that fails without the mend."""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
BEGIN, END = "<!-- figures: report.py --write -->", "<!-- end of figures -->"


def rows_of(path):
    lines = path.read_text().splitlines() if path.exists() else []
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def fuzz_rows(build):
    path = build / "fuzz" / "results.json"
    if not path.exists():
        return []
    rows = []
    for name, result in sorted(json.loads(path.read_text()).items()):
        if isinstance(result, dict):
            executions = result.get("executions", result.get("runs", "?"))
            rows.append([f"fuzzer {name}: executions", str(executions), "this build directory"])
    return rows


def table(records, defects):
    out = ["| what | figure | how |", "| --- | ---: | --- |"]
    out += [f"| {' | '.join((row + ['', ''])[:3])} |" for row in records]
    out += [f"| defects found and fixed | {len(defects)} | below |", ""]
    out += ["| defect | fixed, and shown by |", "| --- | --- |"]
    out += [f"| {row[0]} | {row[1]} |" for row in defects]
    return "\n".join(out)


def plain(records, defects):
    width = max(len(row[0]) for row in records)
    for row in records:
        what, figure, how = (row + ["", ""])[:3]
        print(f"{what:<{width}} {figure:>14}  {how}")
    print(f"{'defects found and fixed':<{width}} {len(defects):>14}")
    for what, test in defects:
        print(f"  {what}\n      {test}")


def main():
    records = rows_of(HERE / "record.tsv")
    defects = rows_of(HERE / "defects.tsv")
    readme = HERE / "README.md"
    text = readme.read_text()
    wanted = re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{table(records, defects)}\n{END}", text,
                    flags=re.S)
    if "--write" in sys.argv:
        readme.write_text(wanted)
    elif "--check" in sys.argv:
        for row in defects:
            if len(row) != 2 or not row[1]:
                sys.exit(f"defects.tsv: no test for '{row[0]}'")
        if wanted != text or BEGIN not in text:
            sys.exit("tests/README.md does not say what the records say: tests/report.py --write")
    else:
        plain(records, defects)
        if len(sys.argv) > 1:
            build = pathlib.Path(sys.argv[1])
            latest = rows_of(build / "record.tsv") + fuzz_rows(build)
            print(f"\nIn {build}:" if latest else f"\nNothing was recorded in {build}.")
            for row in latest:
                print("  ".join(row))


main()
