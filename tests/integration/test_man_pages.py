#!/usr/bin/python3
"""The man pages: they render without a warning, and what in them follows from the code is that.

Usage: test_man_pages.py BUILD_DIR SOURCE_DIR          (checks)
       test_man_pages.py --write BUILD_DIR SOURCE_DIR  (writes the tables anew)
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import man_tables

failures = []
passed = 0


def expect(condition, text):
    global passed
    if condition:
        passed += 1
    else:
        failures.append(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def said(*command):
    """What a command prints, whatever its exit status."""
    environment = dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="80")
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    return done.stdout.decode(), done.stderr.decode(), done.returncode


def check_rendering(page):
    """Three programs that know the format better than we do."""
    name = os.path.basename(page)
    title = name[: name.rindex(".")]
    for command in (
        ["man", "--warnings=w", "-E", "UTF-8", "-l", page],
        ["groff", "-mandoc", "-ww", "-Tutf8", "-K", "utf8", page],
    ):
        text, warnings, status = said(*command)
        expect(status == 0 and not warnings.strip(), "%s: %s says: %s" % (name, command[0], warnings))
        expect(title.upper() in text and len(text) > 500, "%s: %s shows '%s'" % (name, command[0], text[:200]))
    text, warnings, status = said("mandoc", "-T", "lint", "-W", "warning", page)
    expect(status == 0, "%s: mandoc says: %s" % (name, text + warnings))


def lists_of(print_protocol):
    text, _, _ = said(print_protocol, "--full")
    lists = {}
    for line in text.splitlines():
        kind, *fields = line.split("\t")
        lists.setdefault(kind, []).append(fields)
    return lists


def names_of(page):
    head = page[page.index(".Sh NAME") : page.index(".Nd ")]
    return re.findall(r"^\.Nm (\S+)", head, re.M)


def tables(pages, lists, header):
    """{path: text as it should be}"""
    wanted = {}
    for path, page in pages.items():
        name = os.path.basename(path)
        if name == "bobbin-protocol.7":
            page = man_tables.replace(page, "methods", man_tables.methods(lists["method"]))
            page = man_tables.replace(page, "notifications", man_tables.notifications(lists["notification"]))
            page = man_tables.replace(page, "errors", man_tables.errors(lists["error"]))
            page = man_tables.replace(page, "limits", man_tables.limits(lists["limit"]))
        elif name == "bobbin.toml.5":
            page = man_tables.replace(page, "limits", man_tables.settable(lists["settable"]))
        elif name.endswith(".3"):
            page = man_tables.replace(page, "synopsis", man_tables.synopsis(names_of(page), header))
        if name == "bobbin.3":
            page = man_tables.replace(page, "statuses", man_tables.statuses(lists["error"]))
        if name == "bobbin_submit.3":
            page = man_tables.replace(page, "kinds", man_tables.kinds(header))
        wanted[path] = page
    return wanted


def check_functions(pages, header):
    """Each function has one page, which names it, and each page is about functions that there are."""
    homes = {}
    for path, page in pages.items():
        if path.endswith(".3"):
            for name in names_of(page):
                expect(name not in homes, "%s is in %s and %s" % (name, homes.get(name), path))
                homes[name] = path
                described = page[page.index(".Sh DESCRIPTION") :]
                expect(re.search(r"\.Fn %s\b" % name, described), "%s: not described" % name)
    there = set(man_tables.prototypes(header))
    expect(len(there) > 50, "bobbin.h has %d functions only" % len(there))
    expect(set(homes) == there, "not the functions of bobbin.h: %s" % (set(homes) ^ there))
    everything = "".join(page for path, page in pages.items() if path.endswith(".3"))
    for constant in re.findall(r"^\s*(?:#define )?(BOBBIN_(?!API\b|H\b)[A-Z_]+)\b", header, re.M):
        expect(constant in everything, "%s is in no page" % constant)


def check_options(page, *command):
    text, _, status = said(*command)
    expect(status == 0 and "--help" in text, "%s: '%s'" % (command, text))
    options = set(re.findall(r"--([a-z][a-z-]*)", text))
    documented = set(re.findall(r"Fl -([a-z][a-z-]*)", page))
    documented |= {"help"} if "-help" in page else set()
    expect(options == documented, "%s: options differ: %s" % (command[0], options ^ documented))


def check_configuration(page, bobbind):
    """The daemon knows every key in the page, and the page every key that the daemon knows."""
    keys = set(re.findall(r"(?m)^#?([a-z_]+) = ", said(bobbind, "--check-config")[0]))
    documented = set(re.findall(r"^\.It Cm ([a-z_]+) =", page, re.M))
    limits = set(re.findall(r"^\.It Cm (max_[a-z_]+) Ta", page, re.M))
    keys -= limits
    expect(len(limits) > 5 and len(keys) > 5 and keys == documented, "bobbin.toml: keys differ: %s" % (keys ^ documented))
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        for key in documented | limits:
            file.seek(0)
            file.truncate()
            file.write("%s = []\n" % key)
            file.flush()
            _, text, status = said(bobbind, "--config", file.name)
            expect(status == 2 and "for '%s'" % key in text, "%s = []: %s" % (key, text))


def main():
    write = sys.argv[1] == "--write"
    build, source = sys.argv[-2:]
    paths = sorted(glob.glob(source + "/*/man/*.[1-8]"))
    pages = {path: read(path) for path in paths}
    by_name = {os.path.basename(path): page for path, page in pages.items()}
    header = read(source + "/client/include/bobbin.h")
    wanted = tables(pages, lists_of(build + "/tests/print_protocol"), header)
    if write:
        for path, page in wanted.items():
            with open(path, "w", encoding="utf-8") as file:
                file.write(page)
        return
    expect(len(pages) >= 12, "there are %d pages only" % len(pages))
    for path in paths:
        check_rendering(path)
        expect(
            wanted[path] == pages[path],
            "%s: a table is not that of the code: test_man_pages.py --write writes it anew" % path,
        )
    check_functions(pages, header)
    check_options(by_name["bobbind.8"], build + "/bin/bobbind", "--help")
    check_options(by_name["bobbin-run.1"], build + "/bin/bobbin-run", "--help")
    check_configuration(by_name["bobbin.toml.5"], build + "/bin/bobbind")
    for failure in failures:
        print("FAILED:", failure)
    print("%d passed, %d failed" % (passed, len(failures)))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
