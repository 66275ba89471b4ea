#!/usr/bin/python3
"""bobbin(1) has every command and option of the command line, with the text of its help.

Usage: test_man_cli.py BIN_DIR PAGE          (checks)
       test_man_cli.py --write BIN_DIR PAGE  (writes the sections anew)
"""
import itertools
import json
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import man_tables

passed = failed = 0


def check(name, good, *details):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print("FAILED:", name, *details)


def help_of(bobbin, *command):
    done = subprocess.run([bobbin, "help", *command, "--json"], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)["help"]


def text(line):
    """A line of text: no macro, no escapes of its own."""
    line = line.replace("\\", "\\e").replace("…", "...").replace("`", '"')
    return "\\&" + line if line[:1] in (".", "'") else line


def blocks(lines):
    """Paragraphs, a sentence a line, and what is indented as it stands."""
    for indented, group in itertools.groupby(lines, lambda line: line.startswith("  ")):
        if indented:
            yield ".Bd -literal -offset indent"
            yield from (text(line[2:]) for line in group)
            yield ".Ed"
        else:
            yield from map(text, re.split(r"(?<=[.!?]) (?=[A-Z`])", " ".join(group)))


def section(help_text, name):
    return re.search(rf"^{name}[^\n]*\n((?:  .*\n)+)", help_text, re.M)[1].splitlines()


def commands(bobbin):
    return [line.split()[0] for line in section(help_of(bobbin), "commands:")]


def option_lines(bobbin):
    """{option: (what stands for its value, text)} over all commands."""
    found = {}
    for name in commands(bobbin):
        for line in section(help_of(bobbin, name), "options:"):
            option, value, what = re.fullmatch(r"  --([a-z-]+) (\S*) +(.*)", line).groups()
            found[option] = (value, what)
    return found


def man_options(bobbin):
    yield ".Bl -tag -width Ds"
    for option, (value, what) in sorted(option_lines(bobbin).items()):
        yield f".It Fl -{option}" + (f" Ar {man_tables.quoted(value)}" if value else "")
        yield text(what[0].upper() + what[1:] + ".")
    yield ".El"


def man_commands(bobbin):
    yield ".Bl -tag -width Ds"
    for name in commands(bobbin):
        told = help_of(bobbin, name)
        head, summary, rest = told.split("\n", 3)[0], told.split("\n", 3)[2], told.split("\n", 3)[3]
        args = head[len(f"usage: bobbin {name}") : -len(" [OPTIONS]")].strip()
        own = [line.split()[0] for line in section(told, "options:")]
        own = [o[2:] for o in own if o not in ("--socket", "--json", "--help", "--version")]
        yield f".It Cm {name}" + (f' Ar "{man_tables.quoted(args)}"' if args else "")
        yield text(summary[0].upper() + summary[1:])
        yield from blocks(line for line in rest[: rest.index("\noptions:")].splitlines())
        if own:
            yield ".br"
            yield "Options:"
            yield from (f".Fl -{o}" + (" ," if o != own[-1] else " .") for o in own)
        yield ".Bd -literal -offset indent"
        yield from (text(line[2:]) for line in section(told, "examples:"))
        yield ".Ed"
    yield ".El"


def main():
    write = sys.argv[1] == "--write"
    bin_dir, path = sys.argv[1 + write :]
    bobbin = f"{bin_dir}/bobbin"
    with open(path, encoding="utf-8") as f:
        page = f.read()
    wanted = man_tables.replace(page, "options", man_options(bobbin))
    wanted = man_tables.replace(wanted, "commands", man_commands(bobbin))
    if write:
        with open(path, "w", encoding="utf-8") as f:
            f.write(wanted)
        return 0
    check("the page is that of the help: test_man_cli.py --write writes it anew", page == wanted)
    check("there are commands", len(commands(bobbin)) > 20)
    documents = page[page.index(".Sh JSON") : page.index(".Sh ENVIRONMENT")]
    for name in commands(bobbin):
        check(f"{name} is a command of the page", f"\n.It Cm {name}" in page)
        # The shell has none of its own.
        check(f"the document of {name} is told", name == "shell" or re.search(rf"\.It Cm (\S+ , )*{name} (, |Ta)", documents))
    for option in option_lines(bobbin):
        check(f"--{option} is an option of the page", f"\n.It Fl -{option}" in page)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
