"""What we install is built to be hard to exploit: test_hardening.py COMPILER FILE…

For each file readelf and objdump tell whether every measure is in it; then a small program is built once with
all of them and once without each, to see that the check tells the difference.
"""
import os
import platform
import re
import subprocess
import sys
import tempfile

X86 = platform.machine() == "x86_64"


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def missing(path):
    """The measures that are not in the file."""
    segments = output("readelf", "-Wl", path)
    dynamic = output("readelf", "-Wd", path)
    symbols = output("readelf", "-W", "--dyn-syms", path)
    code = output("objdump", "-d", "--no-show-raw-insn", path)
    stack = re.search(r"GNU_STACK.*", segments)
    found = {
        "position independent": "Type:                              DYN" in output("readelf", "-h", path),
        "relocations read-only": "GNU_RELRO" in segments,
        "bound at the start": bool(re.search(r"\(BIND_NOW\)|FLAGS.*NOW", dynamic)),
        "no executable stack": bool(stack) and " RWE" not in stack.group(),
        "stack protector": "__stack_chk_fail" in symbols,
        "fortified": bool(re.search(r"__\w+_chk@", symbols)),
    }
    if X86:
        # Debian's start files have no mark for the whole program, so it is the functions that are looked at.
        found["control flow"] = len(re.findall(r"\sendbr64", code)) >= 3
        found["stack clash"] = bool(re.search(r"sub\s+\$0x1000,%rsp\n.*\$0x0,\(%rsp\)", code))
    return {measure for measure, is_there in found.items() if not is_there}


PROGRAM = """
#include <stdio.h>
#include <string.h>
int fill(char *to, const char *from) { char small[64]; strcpy(small, from); return sprintf(to, "%s", small); }
int deep(int n) { volatile char large[20000]; large[n] = 1; return large[n / 2]; }
int main(int argc, char **argv) { char text[64]; return fill(text, argv[0]) + deep(argc) + printf("%s", text); }
"""
ALL = ["-O2", "-fPIE", "-pie", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong", "-fstack-clash-protection",
       "-fcf-protection", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack"]
WITHOUT = {
    "position independent": ["-no-pie", "-fno-pie"],
    "relocations read-only": ["-Wl,-z,norelro"],
    "bound at the start": ["-Wl,-z,lazy"],
    "no executable stack": ["-Wl,-z,execstack"],
    "stack protector": ["-fno-stack-protector"],
    "fortified": ["-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=0"],
    "control flow": ["-fcf-protection=none"],
    "stack clash": ["-fno-stack-clash-protection"],
}


def build(compiler, directory, more):
    flags = ALL if X86 else [flag for flag in ALL if flag != "-fcf-protection"]
    subprocess.run([compiler, *flags, *more, "-w", "-o", directory + "/program", directory + "/program.c"], check=True)
    return missing(directory + "/program")


def check_check(compiler):
    with tempfile.TemporaryDirectory() as directory:
        with open(directory + "/program.c", "w") as file:
            file.write(PROGRAM)
        assert build(compiler, directory, []) == set(), build(compiler, directory, [])
        for measure, flags in WITHOUT.items():
            if not X86 and measure in ("control flow", "stack clash"):
                continue
            assert measure in build(compiler, directory, flags), "it is not noticed when '%s' is missing" % measure


def main():
    compiler, *files = sys.argv[1:]
    check_check(compiler)
    bad = {path: missing(path) for path in files}
    for path, measures in bad.items():
        print("%-14s %s" % (os.path.basename(path), "missing: " + ", ".join(sorted(measures)) if measures else "has all"))
    sys.exit(1 if any(bad.values()) else 0)


main()
