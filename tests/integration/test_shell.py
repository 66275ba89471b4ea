#!/usr/bin/env python3
"""bobbin shell, as a script reads it and as a person types it: test_shell.py BIN_DIR"""
import os
import re
import stat
import sys

import cli_service
from cli_service import check, wait_for
from cli_terminal import Terminal

PROMPT = "counter/default> "


class Shell(Terminal):
    def __init__(self, service, *args):
        super().__init__(service, "shell", *args)
        self.prompt()

    def prompt(self):
        return self.until(PROMPT)

    def run(self, text):
        """What a line prints; the line itself is echoed first."""
        self.type(text + "\n")
        self.until("\r\n")
        return self.prompt()

    def leave(self):
        self.type("\x04")
        return self.end()


class Text:
    """A finished command whose output is text."""

    def __init__(self, done):
        self.returncode, self.stdout, self.stderr = done.returncode, done.stdout.decode(), done.stderr.decode()

    def __repr__(self):
        return f"{self.returncode} {self.stdout!r} {self.stderr!r}"


def history_file(service):
    return f"{service.top}/home/bobbin/history"


def script(service, text, *args):
    return Text(service.bobbin("shell", *args, "counter", data=text.encode()))


def connections(service):
    """How many connections the daemon has accepted so far, by what it logged."""
    with open(service.log) as log:
        return len(re.findall(r"connection .*accepted", log.read()))


def test_script(service):
    r = script(service, "# a comment\n\nset greeting 'hello  world'\nget greeting\nkeys\n")
    check("a script runs", (r.returncode, r.stdout, r.stderr) == (0, "hello  world\ngreeting\n", ""), r)
    r = script(service, 'set user\\ 1 "a \\"b\\""\nget "user 1"\nset two "1\n2"\nget two\nset three a\\\nb\nget three')
    check("words are quoted as in sh", r.stdout == 'a "b"\n1\n2\nab\n' and r.returncode == 0, r)
    r = script(service, "exists nope\nget greeting\n")
    check("the exit status is that of the last failure", r.returncode == 1 and "hello" in r.stdout, r)
    r = script(service, "nonsense\nexists nope\nget --nonsense\nget greeting\n")
    check("not that of an earlier one", r.returncode == 2 and "hello" in r.stdout, r)
    r = script(service, "get greeting\nexit\nget nope\n")
    check("exit leaves", r.returncode == 0 and r.stderr == "", r)
    r = script(service, "get 'greeting\n")
    check("a quote without end is an error", r.returncode == 2 and "is missing" in r.stderr, r)
    r = script(service, "set input -\nget greeting\n")
    check("a command does not eat the script", r.stdout == "hello  world\n", r)
    r = script(service, "get greeting\n", "--json")
    check("--json holds for all commands", r.stdout == '{"key":"greeting","value":"hello  world"}\n', r)
    r = script(service, "status\nshell\n")
    check("commands on apps mean the shell's", service.app in r.stdout and r.returncode == 2, r)
    r = script(service, "help\nhelp use\nhelp get\n")
    check("help", "in the shell:" in r.stdout and "usage: use LABEL" in r.stdout
          and "usage: bobbin get KEY" in r.stdout and r.returncode == 0, r)
    r = Text(service.bobbin("shell", "nope", data=b"keys\n"))
    check("an app that is not there", r.returncode == 3 and "nope" in r.stderr and r.stdout == "", r)


def test_stores(service):
    r = script(service, "stores\nuse cache\nset a 1\nkeys\nkeys --store default --prefix greet\nuse nope\nkeys\n")
    check("use", r.stdout == "cache\ndefault\na\ngreeting\na\n" and r.returncode == 3
          and "no such store 'nope'" in r.stderr, r)
    check("the store is another one", service.bobbin("exists", "a", "--app", "counter").returncode == 1)
    r = Text(service.bobbin("shell", "--app", "counter", "--store", "cache", data=b"get a\n"))
    check("--store", r.stdout == "1\n", r)


def test_one_connection(service):
    before = connections(service)
    check("the log tells of connections", before > 0)
    r = script(service, "set n 0\n" + "get n\nexists n\nkeys --prefix n\n" * 20)
    check("all commands use one connection", connections(service) == before + 1 and r.returncode == 0
          and r.stderr == "", before, connections(service), r)


def test_typing(service):
    t = Shell(service, "counter")
    got = t.run("get greeting")
    check("a value", got == "hello  world\r\ncounter/default> ", got, t.raw)
    for key in ("user:a", "user:b", "été 1"):
        service.bobbin("set", key, f"<{key}>", "--app", "counter")
    t.type("get gre\t")
    t.until("eting ")
    t.type("\n")
    check("a key is completed", "hello" in t.prompt())
    t.type("get us\t")
    t.type("\t")
    listed = t.prompt()
    check("keys are listed", "user:a" in listed and "user:b" in listed and "greeting" not in listed, listed)
    t.type("\x03")
    t.prompt()
    check("Ctrl-C gives up the line", "<user:b>" in t.run("get user:b"))
    t.type("get ét\t\n")
    check("a key with blanks and letters beyond ASCII", "<été 1>" in t.prompt())
    t.type("keys --pre\t")
    t.until("fix ")
    t.type("user:\n")
    t.until("\r\n")
    check("an option is completed", t.prompt() == "user:a\r\nuser:b\r\ncounter/default> ")
    service.stop()
    service.start()
    again = t.run("get greeting")
    check("a new daemon is found", "connected again" in again and "hello  world" in again, again)
    check("and kept", t.run("get greeting") == "hello  world\r\ncounter/default> ")
    t.run(" set secret 1")
    check("Ctrl-D leaves", t.leave() == 0)


def test_interrupts(service):
    t = Shell(service, "counter")
    t.type("set word 'a\n")
    t.until("\r\n> ")
    t.type("b'\n")
    t.prompt()
    check("a quote over two lines", service.bobbin("get", "word").stdout == b"a\nb")
    t.type("set word 'c\n")
    t.until("\r\n> ")
    t.type("\x03")
    t.prompt()
    check("Ctrl-C gives it up", "a\r\nb" in t.run("get word"))
    t.type("watch\n")
    wait_for("the watch", lambda: service.json("stats", "counter")["watches"] == 1)
    service.bobbin("set", "word", "seen")
    t.until("word")
    t.type("\x03")
    t.prompt()
    check("Ctrl-C ends a watch, not the shell", "seen" in t.run("get word"))
    check("the watch is gone", service.json("stats", "counter")["watches"] == 0)
    t.type("exit\n")
    check("exit", t.end() == 0)


def test_history(service):
    mode = stat.S_IMODE(os.stat(history_file(service)).st_mode)
    with open(history_file(service)) as f:
        lines = f.read().splitlines()
    check("the history is nobody else's", mode == 0o600, oct(mode))
    check("the history has the lines", "get user:b" in lines and lines.count("get greeting") >= 2, lines)
    check("but not one that goes over two", not any("'" in line for line in lines), lines)
    check("but not what begins with a blank", not any("secret" in line for line in lines), lines)
    t = Shell(service, "counter")
    t.type("\x1b[A\x1b[A")
    t.until("get word")
    t.type("\n")
    check("the arrow brings a line back", "seen" in t.prompt())
    t.leave()


COMPLETIONS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../client/cli/completions")


def test_bash(service):
    """The completion as bash itself calls it."""
    t = Terminal(service, "--norc", "--noprofile", "-i", program="/bin/bash")
    t.type(f"PS1='ready> '; . {COMPLETIONS}/bobbin.bash\n")
    t.until("\rready> ")
    service.bobbin("set", "colon:ized key", "found it")
    for typed in ("bobbin get --app counter colon:i", "bobbin get --app=counter colon", "bobbin get 'colon:ized"):
        t.type(f"{typed}\t\n")
        check(f"{typed}, Tab", "found it" in t.until("ready> "), t.raw[-300:])
    t.type("bobbin incr\t newkey\n")
    check("a command", "\r1\r\n" in t.until("ready> "), t.raw[-300:])
    t.type("exit 7\n")
    check("bash ends", t.end() == 7)


def test_zsh(service):
    t = Terminal(service, "-f", "-i", program="/bin/zsh")
    t.type(f"unsetopt zle_bracketed_paste prompt_sp; PS1='ready> '; fpath=({COMPLETIONS} $fpath); autoload -Uz compinit;"
           f" compinit -D -u; echo is set\n")
    t.until("\nis set")
    t.until("ready> ")
    for typed in ("bobbin get --app counter colon:i", "bobbin get --app=counter colon", "bobbin get 'colon:ized"):
        t.type(f"{typed}\t")
        t.until("key")
        t.type("\n")
        check(f"{typed}, Tab", "found it" in t.until("ready> "), t.raw[-300:])
    t.type("exit 7\n")
    check("zsh ends", t.end() == 7)


cli_service.main([test_script, test_stores, test_one_connection, test_typing, test_interrupts, test_history,
                  test_bash, test_zsh], sys.argv[1],
                 "--log-level", "debug")
