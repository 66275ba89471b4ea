"""What other programs say of our sources: checks.py SOURCES BUILD NAME…

    cppcheck   every C file, without a finding
    tidy       clang-tidy with .clang-tidy
    analyzer   gcc -fanalyzer
    valgrind   the unit tests of the client library, of the protocol below it, and of the client programs
    coverage   the suite on a build that counts lines; the floor is in FLOORS

BUILD is a build directory with compile_commands.json. Exit status 1: one of them has found something.
"""
import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys

# Tests that measure time or memory, and one that links against the library without what counts.
NOT_COUNTED = "^install$|test_cache|test_call|memory_limit|many|fuzz_planted|power_cut|sigkill"
PARTS = ("protocol", "daemon", "client")
# Lines covered by the tests, in percent. The runner counts nothing where its sandbox lets it write no file, so
# that the client's figure as a whole says too little; its library has the floor.
FLOORS = {"protocol": 90, "store": 90, "lib": 90, "supervision": 90}
# Tests that run below valgrind. Those of the runner that are missing have signals and memory maps of their own.
VALGRIND = ("client_*", "explore_*", "buffer", "errors", "message", "methods", "reader", "scanner", "specification",
            "utf8", "runner_key_value", "runner_module", "runner_wasi", "runner_wasi_kv")
# What gcc's analyzer looks for. Of leaks and of what is used after its end it knows too little to be believed:
# it does not follow lists whose links are inside of what they link, nor what a struct hands on. LeakSanitizer,
# AddressSanitizer and valgrind see both when it happens.
ANALYZER = "-fanalyzer -Werror -g0 -Wno-unused-value -Wno-analyzer-malloc-leak -Wno-analyzer-use-after-free"
JOBS = os.cpu_count() or 1


class Checker:
    def __init__(self, sources, build):
        self.sources, self.build = os.path.abspath(sources), os.path.abspath(build)
        with open(self.build + "/compile_commands.json") as file:
            self.commands = [entry for entry in json.load(file) if self.is_ours(entry["file"])]
        self.bad = self.sources + "/tests/checks/bad.c"
        self.files = sorted({entry["file"] for entry in self.commands})

    def is_ours(self, path):
        return path.startswith(tuple(os.path.join(self.sources, part) + "/" for part in PARTS))

    def run(self, command, **more):
        done = subprocess.run(command, cwd=self.sources, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
        return done.returncode, done.stdout.decode(errors="replace")

    def each(self, items, check):
        """Every item at its own time, as many at once as there are processors; what each has to say."""
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            said = [text for text in pool.map(check, items) if text]
        print("\n".join(said)) if said else None
        return not said

    def cppcheck(self):
        macros = ["__attribute__(x)=", "_GNU_SOURCE", 'BOBBIN_VERSION="0"']
        files = [path for path in self.files if path.endswith(".c")]
        command = ["cppcheck", "--enable=warning,performance,portability", "--inline-suppr", "--std=c11", "--quiet",
                   "--error-exitcode=1", "-j", str(JOBS), "-I" + self.sources, "-I" + self.sources + "/client/include",
                   "--suppressions-list=" + self.sources + "/tests/checks/cppcheck.txt", "--template=gcc",
                   "--include=" + self.sources + "/tests/checks/cppcheck.h", *["-D" + macro for macro in macros]]
        assert self.run(command + [self.bad])[0], "cppcheck does not find what is wrong in bad.c"
        status, text = self.run(command + files)
        print(text, end="")
        print("cppcheck: %d files" % len(files))
        return status == 0

    def tidy(self):
        def check(path):
            status, text = self.run(["clang-tidy", "-p", self.build, "--quiet", "--extra-arg=-DBOBBIN_ANALYZER", path])
            return text if re.search(r"(warning|error):", text) else ""

        assert check(self.bad), "clang-tidy does not find what is wrong in bad.c"
        clean = self.each([path for path in self.files if path.endswith(".c")], check)
        print("clang-tidy: %d files" % len(self.files))
        return clean

    def analyzer(self):
        def check(entry):
            command = re.sub(r" -o \S+", " -o /dev/null", entry["command"]).replace("ccache ", "")
            command = re.sub(r" -M[DTF]( \S+)?(?= )", " ", command)
            status, text = self.run(command + " -DBOBBIN_ANALYZER " + ANALYZER, shell=True)
            return text if status else ""

        assert self.run("gcc -O1 -c -o /dev/null -fanalyzer -Werror " + self.bad, shell=True)[0], "gcc does not find what is wrong in bad.c"
        entries = [entry for entry in self.commands if entry["file"].endswith(".c")]
        clean = self.each(entries, check)
        print("gcc -fanalyzer: %d files" % len(entries))
        return clean

    def valgrind(self):
        tests = [path for pattern in VALGRIND for path in sorted(glob.glob(self.build + "/tests/test_" + pattern))
                 if os.access(path, os.X_OK) and os.path.isfile(path)]

        def check(path):
            status, text = self.run(["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect",
                                     path], env=dict(os.environ, CK_TIMEOUT_MULTIPLIER="50"))
            return "%s:\n%s" % (path, text[-4000:]) if status else ""

        clean = self.each(tests, check)
        print("valgrind: %d programs" % len(tests))
        return clean and bool(tests)

    def coverage(self):
        build = self.build + "/coverage"
        generator = ["-G", "Ninja"] if shutil.which("ninja") else []
        for command in (
            ["cmake", "-S", self.sources, "-B", build, "--preset", "coverage", *generator],
            ["cmake", "--build", build, "-j", str(JOBS)],
            ["ctest", "--test-dir", build, "-j", str(JOBS * 2), "--repeat", "until-pass:2", "-LE", "bench|soak", "-E", NOT_COUNTED],
        ):
            status, text = self.run(command)
            print(text[-1500:] if status or command[0] == "ctest" else "", end="")
            if status and command[0] != "ctest":
                return False
        return self.report(build)

    def report(self, build):
        summary = build + "/coverage.json"
        status, text = self.run(["gcovr", "-r", self.sources, "--json-summary", summary, "--exclude-throw-branches",
                                 *[flag for part in PARTS for flag in ("--filter", self.sources + "/" + part + "/")],
                                 *[build + "/" + part for part in (*PARTS, "tests")]])
        if status:
            print(text[-2000:])
            return False
        with open(summary) as file:
            files = json.load(file)["files"]
        sums = {}
        files = [file for file in files if not file["filename"].startswith("client/examples/")]
        for file in files:
            for name in groups_of(file["filename"]):
                total = sums.setdefault(name, [0, 0])
                total[0] += file["line_covered"]
                total[1] += file["line_total"]
        good = True
        for name, (covered, total) in sorted(sums.items()):
            percent = 100.0 * covered / total
            floor = FLOORS.get(name)
            good = good and (floor is None or percent >= floor)
            print("%-12s %6d of %6d lines  %5.1f %%  %s" % (name, covered, total, percent, "floor %d %%" % floor if floor else ""))
        least = sorted(files, key=lambda file: file["line_covered"] - file["line_total"])[:15]
        for file in least:
            print("  %-40s %4d lines not covered" % (file["filename"], file["line_total"] - file["line_covered"]))
        return good


def library_of(sources, library):
    with open(os.path.join(sources, "daemon/CMakeLists.txt")) as file:
        block = re.search(r"add_library\(%s STATIC([^)]*)\)" % library, file.read()).group(1)
    return {"daemon/" + name for name in block.split()}


def groups_of(path):
    if path.startswith("protocol/"):
        return ["protocol"]
    if path.startswith("client/"):
        return ["client"] + [path.split("/")[1]]
    return [name for name, files in GROUPS.items() if path in files] or ["server"]


def main():
    global GROUPS
    sources, build, *names = sys.argv[1:]
    GROUPS = {"store": library_of(sources, "bobbind_store"), "supervision": library_of(sources, "bobbind_supervision")}
    checker = Checker(sources, build)
    results = {name: getattr(checker, name)() for name in names}
    for name, clean in results.items():
        print("%-10s %s" % (name, "clean" if clean else "FOUND SOMETHING"))
    sys.exit(0 if all(results.values()) else 1)


main()
