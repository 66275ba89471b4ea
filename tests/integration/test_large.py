#!/usr/bin/env python3
"""A module of more than two megabytes: compiled in parts within bounds of memory, and it prints what
the machine's own compiler makes of the same program. Where there is a Go of 1.21 or later, its hello
world, too. usage: test_large.py BIN_DIR MAKE_LARGE CLANG"""

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time

FUNCTIONS = 520
# Two compilers side by side, each below half of a gigabyte.
PROCESS_MAX_KB = 512 << 10


def output(*command, **more):
    return subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout


def go_is_new_enough():
    if not shutil.which("go"):
        return False
    found = re.search(r"go1\.(\d+)", output("go", "version"))
    return bool(found) and int(found.group(1)) >= 21


def try_go(run):
    with open("hello.go", "w", encoding="ascii") as file:
        file.write('package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello from Go") }\n')
    wasip1 = dict(os.environ, GOOS="wasip1", GOARCH="wasm", GOCACHE=os.path.abspath("gocache"),
                  GOPATH=os.path.abspath("gopath"), GO111MODULE="off")
    output("go", "build", "-o", "hello.wasm", "hello.go", env=wasip1)
    assert output(run, "--cache-dir", "cache", "hello.wasm") == "hello from Go\n"
    print("go: passed")


def main():
    run, make, clang = f"{os.path.abspath(sys.argv[1])}/bobbin-run", sys.argv[2], sys.argv[3]
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        with open("large.c", "w", encoding="ascii") as file:
            file.write(output(sys.executable, make, str(FUNCTIONS)))
        output(clang, "--target=wasm32-wasi", "-O0", "large.c", "-o", "large.wasm")
        output("cc", "-O0", "-w", "large.c", "-o", "large")
        size = os.path.getsize("large.wasm")
        assert size >= 2 << 20, size
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        begin = time.monotonic()
        printed = output(run, "--cache-dir", "cache", "large.wasm")
        seconds = time.monotonic() - begin
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{size} bytes in {seconds:.1f} s, {used.ru_utime - before:.1f} s of processor, "
              f"at most {used.ru_maxrss >> 10} MiB in one process")
        assert printed == output("./large"), printed
        assert used.ru_maxrss <= PROCESS_MAX_KB, used.ru_maxrss
        begin = time.monotonic()
        assert output(run, "--cache-dir", "cache", "large.wasm") == printed
        print(f"again in {time.monotonic() - begin:.2f} s")
        if go_is_new_enough():
            try_go(run)
        else:
            print("go: skipped, not installed or older than 1.21")
    print("1 passed, 0 failed")


main()
