#!/usr/bin/python3
"""The commands of README.md, run in their order: those of ```sh and ```console blocks, in one shell, in a fresh
directory that looks like the source tree. What a console block shows of their output must come, but for
numbers. A block behind `<!-- not run: WHY -->` is left out, and its reason told.
Usage: test_readme.py BUILD_DIR SOURCE_DIR"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

BUILD, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
PATIENCE = int(os.environ.get("PATIENCE", 60))
MARK = "\x1e"  # before the number of a command, in the output

# The shell that runs them. A daemon in the background is waited for, and one that was ended too; the first
# of several tries that a person would make counts where a process takes its time.
PRELUDE = r"""
set -m
await() { for _ in $(seq %d); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done; echo "not in time: $*"; return 1; }
""" % (PATIENCE * 10)


def blocks(text):
    """(language, lines, why it is not run) of each."""
    for found in re.finditer(r"(?:<!-- not run: (.*?) -->\n)?```(sh|console|c)\n(.*?)```\n", text, re.S):
        yield found[2], found[3].splitlines(), found[1]


def commands(language, lines):
    """(command, what it shows or None) of a block."""
    if language == "sh":
        yield "\n".join(lines), None
        return
    command, shown = None, []
    for line in lines:
        if command and command.endswith("\\"):
            command += "\n" + line
        elif line.startswith("$ "):
            if command:
                yield command, shown
            command, shown = line[2:], []
        else:
            shown.append(line)
    if command:
        yield command, shown


def masked(lines, directory):
    """Without what differs from run to run: numbers, and how wide columns are for them."""
    text = "\n".join(lines).replace(directory, "/tmp/bobbin-tour")
    text = re.sub(r"\d+(\.\d+)?( ([KMG]i)?B\b)?", "N", text)
    return [re.sub(r" +", " ", line).strip() for line in text.splitlines()]


def script_of(steps, directory):
    script = [PRELUDE, "tree=$PWD"]
    for number, (command, shown, source) in enumerate(steps):
        command = command.replace("/tmp/bobbin-tour", directory)
        if shown is None:  # not of the tour, which goes elsewhere
            script.append("cd $tree")
        if source is not None:
            script.append("cat >hello.c <<'END OF FILE'\n%s\nEND OF FILE" % source)
        script.append("printf '%s%d\\n'" % ("\\036", number))
        if re.search(r"_stdout.txt$", command):
            script.append("await test -s %s" % command.split()[-1])
        if command.startswith("bobbin status"):  # the first start compiles
            script.append("await sh -c '%s | grep -v wanted | grep -q running'" % command)
        script.append(command)
        script.append("status=$?; [ $status = 0 ] || { echo \"exit status $status\"; exit 1; }")
        if command.endswith("&"):
            script.append("await bobbin ping")
        if command.startswith("kill"):
            script.append("wait %s 2>/dev/null" % command.split()[-1])
    return "\n".join(script) + "\n"


def prepare(directory):
    """A directory like the tree after a build, and an installation for pkg-config."""
    tree = directory + "/tree"
    os.mkdir(tree)
    os.symlink(BUILD, tree + "/build")
    os.symlink(SOURCE + "/client", tree + "/client")
    prefix = directory + "/prefix"
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
    found = [os.path.join(at, "pkgconfig") for at, names, _ in os.walk(prefix) if "pkgconfig" in names]
    return tree, dict(os.environ, PKG_CONFIG_PATH=":".join(found), TERM="dumb", NO_COLOR="1", LC_ALL="C.UTF-8")


def end_all(tour):
    """Daemons that are left: each is in a group of its own."""
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/cmdline" % name) as file:
                    words = file.read().split("\0")
                if os.path.basename(words[0]) == "bobbind" and any(word.startswith(tour) for word in words):
                    os.kill(int(name), signal.SIGKILL)
            except OSError:
                pass


def main():
    with open(SOURCE + "/README.md", encoding="utf-8") as file:
        text = file.read()
    steps, source = [], None
    for language, lines, reason in blocks(text):
        if reason:
            print("not run, %s: %s" % (reason, lines[0]))
        elif language == "c":
            source = "\n".join(lines)
        else:
            for command, shown in commands(language, lines):
                steps.append((command, shown, source))
                source = None
    directory = os.path.realpath(tempfile.mkdtemp(prefix="bobbin-readme."))
    tour = directory + "/tour"
    failed = 0
    try:
        tree, environment = prepare(directory)
        environment.pop("BOBBIN_SOCKET", None)
        script, log = directory + "/script", directory + "/log"
        with open(script, "w") as file:
            file.write(script_of(steps, tour))
        with open(log, "w") as file:
            shell = subprocess.Popen(["bash", script], stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                     cwd=tree, env=environment, start_new_session=True)
            try:
                shell.wait(timeout=PATIENCE * 4)
            except subprocess.TimeoutExpired:
                shell.kill()
                shell.wait()
            end_all(tour)
        with open(log, errors="replace") as file:
            said = file.read()
        parts = {}
        for part in said.split(MARK)[1:]:
            number, _, output = part.partition("\n")
            parts[int(number)] = output
        for number, (command, shown, _) in enumerate(steps):
            output = [line for line in parts.get(number, "was not reached").splitlines()
                      if not re.match(r"\d{4}-\d\d-\d\dT|\[\d\]|bash: line \d+: +\d+ (Killed|Terminated)", line)]
            wrong = re.search(r"exit status|not in time|was not reached", "\n".join(output))
            wanted = masked(shown or [], tour)
            for line in masked(output, tour):
                if wanted and line == wanted[0]:
                    wanted.pop(0)
            if wrong or wanted:
                failed += 1
                print("FAILED: %s\n  said:    %s\n  missing: %s" % (command, output, wanted))
                break
            print("ok: %s" % command.splitlines()[0])
        print("%d commands of README.md, %d failed" % (len(steps), failed))
        if len(steps) < 15:
            sys.exit("README.md has %d commands only" % len(steps))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    sys.exit(1 if failed else 0)


main()
