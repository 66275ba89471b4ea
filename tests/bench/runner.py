#!/usr/bin/env python3
"""What the runner costs: start, memory, a get. usage: runner.py BUILD_DIR [--processes N]

Starts a daemon of its own in a temporary directory and prints a table. Where node is installed, the
same module is started by it, too. Rounds of what is compared follow each other, A B A B."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

STARTS = 60
GETS = 20000
ROUNDS = 9

NODE = """
const fs = require("fs");
const { WASI } = require("node:wasi");
const wasi = new WASI({ version: "preview1", args: ["trap", process.argv[3]] });
WebAssembly.instantiate(fs.readFileSync(process.argv[2]), wasi.getImportObject())
    .then((m) => wasi.start(m.instance));
"""


def median_and_range(numbers, unit):
    numbers = sorted(numbers)
    return (f"median {statistics.median(numbers):.3g} {unit}, "
            f"{numbers[0]:.3g} to {numbers[-1]:.3g} ({len(numbers)} times)")


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def memory_of(pid):
    """Private and proportional memory of a process, in KiB."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        for line in lines:
            words = line.split()
            if words[0].endswith(":") and len(words) == 3:
                found[words[0][:-1]] = int(words[1])
    return found["Private_Clean"] + found["Private_Dirty"], found["Pss"]


def wait_idle(processes):
    """Until every process sleeps in its program: its first line has come."""
    deadline = time.monotonic() + 60
    for process in processes:
        while open(f"/proc/{process.pid}/wchan", encoding="ascii").read() not in (
                "hrtimer_nanosleep", "do_nanosleep", "poll_schedule_timeout",
                "poll_schedule_timeout.constprop.0", "do_sys_poll", "do_poll"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("runner.py: a guest does not become idle")
            time.sleep(0.01)


def starts(run, module):
    def first():
        return int(output(run, module, "first", str(time.time_ns()))) / 1000
    first()
    print("start to first store call:", median_and_range([first() for _ in range(STARTS)], "ms"))


def idle_memory(run, module, count):
    processes = [subprocess.Popen([run, module, "idle"]) for _ in range(count)]
    try:
        time.sleep(2)
        wait_idle(processes)
        figures = [memory_of(p.pid) for p in processes]
    finally:
        for p in processes:
            p.kill()
        for p in processes:
            p.wait()
    print("private memory, one process: ",
          median_and_range([f[0] / 1024 for f in figures], "MiB"))
    print(f"{count} processes together (PSS): {sum(f[1] for f in figures) / 1024:.0f} MiB")


def gets(run, native, module, app):
    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(int(output(native, app, str(GETS))) / 1000)
        ours.append(int(output(run, module, str(GETS))) / 1000)
    print("get through the runner:", median_and_range(ours, "us"))
    print("get by the C client:   ", median_and_range(theirs, "us"))
    ratios = [a / b for a, b in zip(ours, theirs)]
    print("ratio of neighbours:   ", median_and_range(ratios, ""))


def against_node(run, module, directory):
    node = shutil.which("node")
    if not node:
        print("node is not installed: not compared")
        return
    script = os.path.join(directory, "run.js")
    with open(script, "w", encoding="ascii") as file:
        file.write(NODE)

    def timed(*command):
        begin = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        return (time.monotonic() - begin) * 1000
    timed(run, module, "nothing")
    a, b = [], []
    for _ in range(ROUNDS):
        a.append(timed(run, module, "nothing"))
        b.append(timed(node, "--no-warnings", script, module, "nothing"))
    print("start to end, bobbin-run:", median_and_range(a, "ms"))
    print("start to end, node:      ", median_and_range(b, "ms"))


def main():
    build = os.path.abspath(sys.argv[1])
    count = int(sys.argv[3]) if sys.argv[2:3] == ["--processes"] else 300
    run = f"{build}/bin/bobbin-run"
    with tempfile.TemporaryDirectory() as directory:
        os.environ["BOBBIN_SOCKET"] = f"{directory}/bobbin.sock"
        app = f"{directory}/gets"
        shutil.copytree(f"{build}/apps/gets", app)
        os.environ["BOBBIN_APP_DIR"] = app
        os.environ["BOBBIN_STATE_DIR"] = f"{app}/.spin"
        daemon = subprocess.Popen([f"{build}/bin/bobbind", "--socket",
                                   os.environ["BOBBIN_SOCKET"], "--state-dir",
                                   f"{directory}/state"], stderr=subprocess.DEVNULL)
        try:
            while subprocess.run([f"{build}/bin/bobbin", "ping"], capture_output=True,
                                 check=False).returncode:
                time.sleep(0.05)
            output(f"{build}/bin/bobbin", "register", app)
            output(f"{build}/bin/bobbin", "set", "--app", "gets", "key", "x" * 100)
            module = f"{app}/gets.wasm"
            starts(run, module)
            idle_memory(run, module, count)
            gets(run, f"{build}/tests/runner_native", module, app)
            against_node(run, f"{build}/apps/trap/trap.wasm", directory)
        finally:
            daemon.terminate()
            daemon.wait()


main()
