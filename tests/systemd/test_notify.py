#!/usr/bin/python3
"""The daemon as a service manager sees it, with a service manager of ours: sockets that are handed over,
readiness, status, reload, end, and the watchdog. What systemd itself makes of it is test_booted.py's.
Usage: test_notify.py BIN_DIR"""
import contextlib
import ctypes
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from service import PATIENCE, Client, read, run_tests, until

BIN = sys.argv[1]


def connect(path):
    """A client that does not wait for ever where nobody answers."""
    client = Client(path)
    client.socket.settimeout(PATIENCE)
    return client


class Manager:
    """Starts bobbind as systemd does."""

    def __init__(self, watchdog_ms=None):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="bobbin-notify."))
        self.path = self.dir + "/bobbin.sock"
        self.log = self.dir + "/log"
        self.config = self.dir + "/bobbin.toml"
        self.watchdog_ms = watchdog_ms
        self.sockets = []
        self.names = []
        self.messages = []
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(self.dir + "/notify")
        self.process = None
        open(self.config, "w").close()

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if self.process:
            self.process.kill()
            self.process.wait()
        if kind:
            sys.stderr.write(read(self.log)[-3000:])
        for each in self.sockets:
            each.close()
        self.notify.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def listen(self, name="bobbind.socket", family=socket.AF_UNIX, address=None, backlog=1024):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.bind(address or self.path)
        if backlog:
            listening.listen(backlog)
        self.sockets.append(listening)
        self.names.append(name)
        return listening

    def spawn(self, *options):
        environment = dict(os.environ, NOTIFY_SOCKET=self.dir + "/notify", LISTEN_FDS=str(len(self.sockets)),
                           LISTEN_FDNAMES=":".join(self.names))
        if self.watchdog_ms:
            environment["WATCHDOG_USEC"] = str(self.watchdog_ms * 1000)
        # The number of the process is only known in it, so a shell says it.
        script = 'export LISTEN_PID=$$ WATCHDOG_PID=$$; exec "$@"'
        command = [BIN + "/bobbind", "--state-dir", self.dir + "/state", "--config", self.config, *options]
        fds = [each.fileno() for each in self.sockets]

        def hand_over():
            saved = [os.dup(fd) for fd in fds]
            high = [os.dup2(fd, 200 + i) for i, fd in enumerate(saved)]
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        self.messages = []
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(["/bin/sh", "-c", script, "sh", *command], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env=environment, preexec_fn=hand_over,
                                            pass_fds=range(3, 3 + len(fds)))

    def start(self, *options):
        self.spawn(*options)
        self.wait_for("READY=1")

    def drain(self, seconds=0.0):
        while select.select([self.notify], [], [], seconds)[0]:
            self.messages.append(self.notify.recv(4096).decode())
            seconds = 0

    def wait_for(self, line):
        """A message with that line that has not been waited for yet; all before it are forgotten."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for i, message in enumerate(self.messages):
                if line in message.split("\n"):
                    del self.messages[: i + 1]
                    return message
            assert time.monotonic() < deadline and self.process.poll() is None, "no %s: %s" % (line, read(self.log))
            self.drain(0.1)

    def stop(self):
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        self.process = None
        self.drain()
        return status

    def fed(self, seconds):
        """How often the watchdog is fed meanwhile."""
        self.drain()
        self.messages = []
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.drain(0.05)
        return self.messages.count("WATCHDOG=1")


def the_first_connection_is_answered():
    with Manager() as m:
        m.listen()
        early = connect(m.path)  # before there is a daemon
        number = early.send("ping")
        m.start()
        assert early.receive(number) == "pong"
        told = early.call("config")["settings"]["socket"]
        assert told["value"] == '"%s"' % m.path and told["origin"] == "systemd", told
        os.mkdir(m.dir + "/app")
        early.call("app.register", m.dir + "/app")
        until(lambda: (m.drain(), any("Serving 1 app with 0 processes" in s for s in m.messages))[1], "the status")
        early.close()
        assert m.stop() == 0
        assert any(s.startswith("STOPPING=1") for s in m.messages), m.messages


def nobody_is_turned_away_by_a_restart():
    with Manager() as m:
        m.listen()
        m.start()
        connect(m.path).close()
        assert m.stop() == 0
        assert os.path.exists(m.path), "the socket is the manager's"
        between = connect(m.path)
        number = between.send("ping")
        m.start()
        assert between.receive(number) == "pong"
        between.close()
        m.process.kill()
        m.process.wait()
        between = connect(m.path)
        number = between.send("ping")
        m.start()
        assert between.receive(number) == "pong"
        between.close()
        assert m.stop() == 0


def a_reload_is_told_from_begin_to_end():
    with Manager() as m:
        m.start("--socket", m.path)
        m.process.send_signal(signal.SIGHUP)
        message = m.wait_for("RELOADING=1")
        since = int(message.split("MONOTONIC_USEC=")[1])
        assert 0 <= time.monotonic() - since / 1e6 < PATIENCE, message
        m.wait_for("READY=1")
        assert m.stop() == 0


def the_watchdog_is_fed():
    with Manager(watchdog_ms=600) as m:
        m.start("--socket", m.path)
        count = m.fed(2)
        assert 3 <= count <= 20, count
        m.process.send_signal(signal.SIGSTOP)
        m.fed(0.3)
        assert m.fed(1.5) == 0
        m.process.send_signal(signal.SIGCONT)
        assert m.fed(2) >= 3
        assert m.stop() == 0
        return "%d times in 2 s of 0.6 s each" % count


def a_stuck_loop_does_not_feed_it():
    """Only the loop's thread is stopped: all others go on."""
    libc = ctypes.CDLL(None, use_errno=True)
    seize, interrupt, detach = 0x4206, 0x4207, 17
    with Manager(watchdog_ms=600) as m:
        m.start("--socket", m.path)
        assert m.fed(2) >= 3
        # The first thread forks processes, the second one runs the loop, the others wait for disks.
        threads = sorted(int(name) for name in os.listdir("/proc/%d/task" % m.process.pid))
        loop = threads[1]
        trace = lambda request: libc.ptrace(request, ctypes.c_long(loop), None, None)
        if trace(seize):
            return "SKIPPED, this system lets nobody trace: %s" % os.strerror(ctypes.get_errno())
        try:
            assert not trace(interrupt)
            m.fed(0.3)
            stuck = m.fed(1.5)
        finally:
            os.waitpid(loop, 0x40000000)  # __WALL
            trace(detach)
        assert stuck == 0, stuck
        assert m.fed(2) >= 3
        assert m.stop() == 0


def without_a_watchdog_nothing_is_fed():
    with Manager() as m:
        m.start("--socket", m.path)
        assert m.fed(0.5) == 0
        assert m.stop() == 0


def metrics_are_told_at_a_socket_of_that_name():
    with Manager() as m:
        m.listen()
        listening = m.listen("metrics", socket.AF_INET, ("127.0.0.1", 0))
        m.start()
        address = "http://127.0.0.1:%d/metrics" % listening.getsockname()[1]
        with urllib.request.urlopen(address, timeout=PATIENCE) as answer:
            assert b"bobbin_" in answer.read()
        connect(m.path).close()
        assert m.stop() == 0


def what_is_no_use_is_refused():
    with Manager() as m:
        m.listen(backlog=0)
        m.spawn()
        assert m.process.wait(PATIENCE) == 1
        assert "descriptor 3, from the service manager, is no listening stream socket" in read(m.log)
    with Manager() as m:
        m.listen()
        m.listen(address=m.dir + "/other")
        m.spawn()
        assert m.process.wait(PATIENCE) == 1
        assert "the service manager gives more than one socket for clients" in read(m.log)
    with Manager() as m:
        m.listen(family=socket.AF_INET, address=("127.0.0.1", 0))
        m.spawn()
        assert m.process.wait(PATIENCE) == 1
        assert "the service manager's socket has no path" in read(m.log)


def nothing_of_it_reaches_an_app():
    with Manager(watchdog_ms=60000) as m:
        m.listen()
        m.start()
        path = m.dir + "/app"
        os.mkdir(path)
        with open(path + "/spin.toml", "w") as file:
            file.write('spin_manifest_version = 2\n[application]\nname = "app"\n[component.a]\n[component.a.tool.bobbin]\n'
                       "command = ['/bin/sh', '-c', 'env; ls -l /proc/self/fd; exec sleep 1000']\n")
        os.chmod(path + "/spin.toml", 0o644)
        with contextlib.closing(connect(m.path)) as client:
            client.call("app.register", path)
            client.call("app.start", "app")
            output = path + "/.spin/logs/a_stdout.txt"
            until(lambda: " 3 -> " in read(output), "the app's output", lambda: read(output))
        said = read(output)
        for word in "NOTIFY_SOCKET", "LISTEN_", "WATCHDOG_", " 4 -> socket":
            assert word not in said, said
        assert m.stop() == 0


run_tests(
    [
        the_first_connection_is_answered,
        nobody_is_turned_away_by_a_restart,
        a_reload_is_told_from_begin_to_end,
        the_watchdog_is_fed,
        a_stuck_loop_does_not_feed_it,
        without_a_watchdog_nothing_is_fed,
        metrics_are_told_at_a_socket_of_that_name,
        what_is_no_use_is_refused,
        nothing_of_it_reaches_an_app,
    ]
)
