"""A bug that is planted in the scanner is found within a minute, and nothing without it: test_planted.py
SOURCES SEEDS LIBRARY…"""
import glob
import os
import shutil
import subprocess
import sys
import tempfile
import time

SECONDS = 60
CLEAN_SECONDS = 2


def build(sources, out, flags, libraries):
    files = glob.glob(sources + "/protocol/*.c") + [sources + "/tests/fuzz/fuzz.c", sources + "/tests/fuzz/fuzz_scanner.c"]
    command = ["clang", "-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all", "-D_GNU_SOURCE",
               "-I", sources, *flags, "-o", out, *files, *libraries]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def has_libfuzzer(directory):
    with open(directory + "/empty.c", "w") as file:
        file.write("int LLVMFuzzerTestOneInput(const unsigned char *p, unsigned long n) { (void)p; return n == 7; }\n")
    command = ["clang", "-fsanitize=fuzzer,address", "-o", directory + "/empty", directory + "/empty.c"]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def fuzz(program, directory, seconds, seeds):
    began = time.monotonic()
    done = subprocess.run([program, "-max_total_time=%d" % seconds, "-artifact_prefix=%s/" % directory, seeds],
                          cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace"), time.monotonic() - began


def main():
    sources, seeds = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as directory:
        if not shutil.which("clang") or not has_libfuzzer(directory):
            print("no clang with libFuzzer here")
            sys.exit(77)
        inputs = directory + "/empty-corpus"
        os.mkdir(inputs)
        for name, flags, seconds in (("clean", [], CLEAN_SECONDS), ("planted", ["-DBOBBIN_PLANT_BUG"], SECONDS)):
            done = build(sources, directory + "/" + name, flags, sys.argv[3:])
            assert done.returncode == 0, done.stdout.decode()
            # The clean one begins with the seeds, the other with nothing: they would find it at once.
            status, text, took = fuzz(directory + "/" + name, directory, seconds, seeds + "/scanner" if not flags else inputs)
            print("%s: status %d after %.1f s" % (name, status, took))
            if flags:
                assert status != 0 and "heap-buffer-overflow" in text, text[-3000:]
            else:
                assert status == 0, text[-3000:]


main()
