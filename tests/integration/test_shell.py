#!/usr/bin/env python3
"""bobbin shell, as a script reads it and as a person types it: test_shell.py BIN_DIR"""
import os
import pty
import re
import select
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time

BIN = os.path.abspath(sys.argv[1])
DEADLINE = 30
passed = failed = 0


def check(name, good, *details):
    global passed, failed
    if good:
        passed += 1
        return
    failed += 1
    print(f"FAILED: {name}", *map(repr, details), sep="\n  ")


def wait_for(what, condition):
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


class Service:
    """A daemon and what its clients need to know, in a directory of its own."""

    def __init__(self, top):
        self.socket = f"{top}/bobbin.sock"
        self.state = f"{top}/state"
        self.app = f"{top}/counter"
        self.history = f"{top}/home/bobbin/history"
        self.environment = {
            "PATH": "/usr/bin:/bin", "HOME": f"{top}/home", "XDG_STATE_HOME": f"{top}/home",
            "BOBBIN_SOCKET": self.socket, "TERM": "xterm", "LC_ALL": "C.UTF-8",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        os.makedirs(f"{top}/home")
        os.mkdir(self.app)
        self.daemon = None

    def start(self):
        self.daemon = subprocess.Popen(
            [f"{BIN}/bobbind", "--socket", self.socket, "--state-dir", self.state, "--log-level", "debug"],
            stderr=open(f"{self.state}.log", "a"), env=self.environment)
        wait_for("the daemon", lambda: self.bobbin("ping").returncode == 0)

    def stop(self):
        self.daemon.terminate()
        self.daemon.wait(DEADLINE)

    def bobbin(self, *args, text=None):
        return subprocess.run([f"{BIN}/bobbin", *args], input=text or "", text=True, timeout=DEADLINE,
                              capture_output=True, env=self.environment)

    def script(self, text, *args):
        return self.bobbin("shell", *args, "counter", text=text)

    def connections(self):
        """How many connections the daemon has accepted so far, by what it logged."""
        with open(f"{self.state}.log") as log:
            return len(re.findall(r"connection of .* accepted", log.read()))


class Terminal:
    """A shell on a pseudo-terminal."""

    def __init__(self, service, *args):
        self.seen = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(f"{BIN}/bobbin", ["bobbin", "shell", *args], service.environment)
        self.prompt()

    def type(self, text):
        os.write(self.fd, text.encode())

    def until(self, text):
        """What comes up to and with `text`, without the terminal's escape sequences."""
        text = text.encode()
        end = time.monotonic() + DEADLINE
        while text not in self.seen:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"no {text!r} in {self.seen!r}")
            try:
                more = os.read(self.fd, 4096)
            except OSError:
                more = b""
            if not more:
                raise EOFError(f"no {text!r} in {self.seen!r}")
            self.seen = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]", b"", self.seen + more)
        at = self.seen.index(text) + len(text)
        before, self.seen = self.seen[:at], self.seen[at:]
        return before.decode(errors="replace")

    def prompt(self):
        return self.until("counter/default> ")

    def run(self, text):
        """What a line prints; the line itself is echoed first."""
        self.type(text + "\n")
        self.until("\r\n")
        return self.prompt()

    def leave(self):
        """Ctrl-D; the exit status."""
        self.type("\x04")
        try:
            while os.read(self.fd, 4096):
                pass
        except OSError:
            pass
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_script(service):
    r = service.script("# a comment\n\nset greeting 'hello  world'\nget greeting\nkeys\n")
    check("a script runs", (r.returncode, r.stdout, r.stderr) == (0, "hello  world\ngreeting\n", ""), r)
    r = service.script('set user\\ 1 "a \\"b\\""\nget "user 1"\nset two "1\n2"\nget two\nset three a\\\nb\nget three')
    check("words are quoted as in sh", r.stdout == 'a "b"\n1\n2\nab\n' and r.returncode == 0, r)
    r = service.script("exists nope\nget greeting\n")
    check("the exit status is that of the last failure", r.returncode == 1 and "hello" in r.stdout, r)
    r = service.script("nonsense\nexists nope\nget --nonsense\nget greeting\n")
    check("not that of an earlier one", r.returncode == 2 and "hello" in r.stdout, r)
    r = service.script("get greeting\nexit\nget nope\n")
    check("exit leaves", r.returncode == 0 and r.stderr == "", r)
    r = service.script("get 'greeting\n")
    check("a quote without end is an error", r.returncode == 2 and "end is missing" in r.stderr, r)
    r = service.script("set input -\nget greeting\n")
    check("a command does not eat the script", r.stdout == "hello  world\n", r)
    r = service.script("get greeting\n", "--json")
    check("--json holds for all commands", r.stdout == '{"key":"greeting","value":"hello  world"}\n', r)
    r = service.script("status\nshell\n")
    check("commands on apps mean the shell's", service.app in r.stdout and r.returncode == 2, r)
    r = service.script("help\nhelp use\nhelp get\n")
    check("help", "in the shell:" in r.stdout and "usage: use STORE" in r.stdout
          and "usage: bobbin get KEY" in r.stdout and r.returncode == 0, r)
    r = service.bobbin("shell", "nope", text="keys\n")
    check("an app that is not there", r.returncode == 3 and "nope" in r.stderr and r.stdout == "", r)


def test_stores(service):
    with open(f"{service.app}/spin.toml", "w") as f:
        f.write('spin_manifest_version = 2\n[application]\nname = "counter"\nversion = "1"\n'
                '[component.web]\nkey_value_stores = ["default", "cache"]\n'
                '[component.web.tool.bobbin]\ncommand = "/bin/true"\n')
    r = service.bobbin("register", service.app)
    check("the manifest is taken", r.returncode == 0, r)
    r = service.script("stores\nuse cache\nset a 1\nkeys\nkeys --store default --prefix greet\nuse nope\nkeys\n")
    check("use", r.stdout == "cache\ndefault\na\ngreeting\na\n" and r.returncode == 3
          and "no such store 'nope'" in r.stderr, r)
    check("the store is another one", service.bobbin("exists", "a", "--app", "counter").returncode == 1)
    r = service.bobbin("shell", "--app", "counter", "--store", "cache", text="get a\n")
    check("--store", r.stdout == "1\n", r)


def test_one_connection(service):
    before = service.connections()
    check("the log tells of connections", before > 0)
    r = service.script("set n 0\n" + "get n\nexists n\nkeys --prefix n\n" * 20)
    check("all commands use one connection", service.connections() == before + 1 and r.returncode == 0
          and r.stderr == "", before, service.connections(), r)


def test_typing(service):
    t = Terminal(service, "counter")
    check("a value", t.run("get greeting") == "hello  world\r\ncounter/default> ")
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


def test_history(service):
    mode = stat.S_IMODE(os.stat(service.history).st_mode)
    with open(service.history) as f:
        lines = f.read().splitlines()
    check("the history is nobody else's", mode == 0o600, oct(mode))
    check("the history has the lines", "get user:b" in lines and lines.count("get greeting") >= 2, lines)
    check("but not what begins with a blank", not any("secret" in line for line in lines), lines)
    t = Terminal(service, "counter")
    t.type("\x1b[A")
    t.until("get greeting")
    t.type("\n")
    check("the arrow brings the last line back", "hello  world" in t.prompt())
    t.leave()


def main():
    top = tempfile.mkdtemp(prefix="bobbin-shell-")
    service = Service(top)
    try:
        service.start()
        service.bobbin("register", service.app)
        test_script(service)
        test_stores(service)
        test_one_connection(service)
        test_typing(service)
        test_history(service)
    except (TimeoutError, EOFError) as e:
        check("no time-out", False, e)
    finally:
        if service.daemon and service.daemon.poll() is None:
            service.stop()
        shutil.rmtree(top)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
