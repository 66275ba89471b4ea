"""Builds the fuzzers with sanitizers and runs each for a while: run.py SOURCES BUILD SECONDS [NAME…]

BOBBIN_FUZZ_SECONDS of the environment goes before SECONDS. The inputs that reached something new are kept
in BUILD/corpus/NAME for the next run, findings in BUILD/findings. BUILD/results.json adds up all runs.
Exit status 1: there is a finding.
"""
import datetime
import glob
import json
import os
import re
import shutil
import subprocess
import sys

RSS_MB = 3000
TIMEOUT = 60  # seconds that one input may take
# What the runner's imports hold when a trap ends the program is the kernel's to free: neither libFuzzer looks for it
# between inputs, nor the sanitizer at the end.
LEAKS = {"runner"}
LENGTHS = {"registry": 8192, "dispatch": 4096, "manifest": 4096, "redo": 4096}


def build(sources, directory):
    environment = dict(os.environ, CC="clang", CXX="clang++")
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    configure = ["cmake", "-S", sources, "-B", directory, "--preset", "fuzz", *generator]
    for command in (configure, ["cmake", "--build", directory, "--target", "fuzzers", "bobbind"]):
        done = subprocess.run(command, env=environment, cwd=sources, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            sys.exit(done.stdout.decode(errors="replace")[-4000:])


class Fuzzer:
    def __init__(self, sources, directory, name):
        self.name = name
        self.directory = directory
        self.corpus = os.path.join(directory, "corpus", name)
        self.findings = os.path.join(directory, "findings", name)
        os.makedirs(self.corpus, exist_ok=True)
        os.makedirs(self.findings, exist_ok=True)
        given = [os.path.join(sources, "tests/fuzz/corpus", name), os.path.join(directory, "fuzz-seeds", name)]
        self.corpora = [self.corpus] + [path for path in given if os.path.isdir(path)]
        self.dictionary = os.path.join(directory, "fuzz-seeds/dict", name + ".dict")

    def run(self, seconds):
        command = [
            os.path.join(self.directory, "tests/fuzz_" + self.name), "-max_total_time=%d" % seconds,
            "-timeout=%d" % TIMEOUT, "-report_slow_units=%d" % TIMEOUT, "-rss_limit_mb=%d" % RSS_MB, "-print_final_stats=1", "-reload=0",
            "-artifact_prefix=%s/" % self.findings,
        ]
        environment = dict(os.environ)
        if self.name in LEAKS:
            command.append("-detect_leaks=0")
            environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        if self.name in LENGTHS:
            command.append("-max_len=%d" % LENGTHS[self.name])
        if os.path.exists(self.dictionary):
            command.append("-dict=" + self.dictionary)
        before = set(os.listdir(self.findings))
        began = datetime.datetime.now()
        done = subprocess.run(command + self.corpora, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        took = (datetime.datetime.now() - began).total_seconds()
        text = done.stdout.decode(errors="replace")
        with open(os.path.join(self.directory, "findings", self.name + ".log"), "w") as file:
            file.write(text)
        executed = re.findall(r"number_of_executed_units: (\d+)", text) or re.findall(r"^#(\d+)", text, re.M) or [0]
        covered = re.findall(r"cov: (\d+)", text) or [0]
        return {
            "executions": int(executed[-1]), "edges": int(covered[-1]), "seconds": took,
            "findings": sorted(set(os.listdir(self.findings)) - before) or (["see the log"] if done.returncode else []),
        }


class Socket:
    """socket_fuzz.py on the daemon of the same build; an execution is a message."""

    def __init__(self, sources, directory, name):
        self.name, self.directory, self.sources = name, directory, sources

    def run(self, seconds):
        began = datetime.datetime.now()
        done = subprocess.run(
            ["/usr/bin/python3", self.sources + "/tests/fuzz/socket_fuzz.py", self.directory + "/bin",
             self.sources + "/protocol/vectors.json", str(seconds)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        text = done.stdout.decode(errors="replace")
        os.makedirs(os.path.join(self.directory, "findings"), exist_ok=True)
        with open(os.path.join(self.directory, "findings", self.name + ".log"), "w") as file:
            file.write(text)
        messages = re.findall(r"(\d+) messages", text) or [0]
        return {"executions": int(messages[-1]), "edges": 0, "seconds": (datetime.datetime.now() - began).total_seconds(),
                "findings": ["see the log"] if done.returncode else []}


def add_up(path, name, result):
    sums = {}
    if os.path.exists(path):
        with open(path) as file:
            sums = json.load(file)
    entry = sums.setdefault(name, {"executions": 0, "seconds": 0, "findings": 0, "edges": 0})
    for key in ("executions", "seconds"):
        entry[key] += result[key]
    entry["findings"] += len(result["findings"])
    entry["edges"] = max(entry["edges"], result["edges"])
    with open(path, "w") as file:
        json.dump(sums, file, indent=1, sort_keys=True)


def main():
    sources, directory, seconds = sys.argv[1:4]
    seconds = int(os.environ.get("BOBBIN_FUZZ_SECONDS", seconds))
    build(sources, directory)
    names = sys.argv[4:] or sorted(os.path.basename(path)[5:-2] for path in glob.glob(sources + "/tests/fuzz/fuzz_*.c"))
    names = names if sys.argv[4:] else names + ["socket"]
    found = []
    print("%-12s %12s %8s %8s  %s" % ("fuzzer", "executions", "seconds", "edges", "findings"))
    for name in names:
        result = (Socket if name == "socket" else Fuzzer)(sources, directory, name).run(seconds)
        add_up(os.path.join(directory, "results.json"), name, result)
        found += ["%s: %s" % (name, finding) for finding in result["findings"]]
        print("%-12s %12d %8.0f %8d  %d" % (name, result["executions"], result["seconds"], result["edges"],
                                            len(result["findings"])), flush=True)
    for finding in found:
        print("FINDING in %s (%s)" % (finding, os.path.join(directory, "findings")))
    sys.exit(1 if found else 0)


main()
