#!/usr/bin/python3
"""Every allocation of the whole daemon fails, one after the other: from its start to its end, its libraries' too.

    test_short_memory.py BIN_DIR PRELOAD [--stride N] [--first N] [--times N]

The daemon serves a script; in each run one allocation fails, or that one and some behind it. It may refuse what it
was asked, close a connection, or not start and say why. It must not crash; what it acknowledged is there, what it
refused is not, and when there is memory again it serves as before.
"""
import argparse
import contextlib
import os
import re
import signal
import sqlite3
import struct
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from service import Client, Refused, Service, read, shell, until

# How many fail in a row, in turn.
ROWS = (1, 5, 200)
RARE = 'store_idle = "1h"\n'
# What ends a run as far as the script goes; the next connection goes on.
GONE = (ConnectionError, BrokenPipeError)


class NotStarted(Exception):
    pass


class Short(Service):
    """A daemon whose allocations fail from the n-th on."""

    def __init__(self, bin_dir, preload):
        super().__init__(bin_dir, RARE)
        self.preload, self.numbers = preload, self.dir + "/numbers"
        self.fail(0, 0)

    def fail(self, first, times):
        with open(self.numbers, "r+b" if os.path.exists(self.numbers) else "wb") as file:
            file.write(struct.pack("=4Q", 0, first, first + times, 0))

    def failed(self):
        """How many have failed."""
        with open(self.numbers, "rb") as file:
            return struct.unpack("=4Q", file.read(32))[3]

    def spare(self):
        """From here on all succeed."""
        with open(self.numbers, "r+b") as file:
            file.seek(8)
            file.write(struct.pack("=2Q", 0, 0))

    def answers(self):
        if self.process.poll() is not None:
            raise NotStarted(self.process.returncode)
        with contextlib.suppress(OSError):
            self.client().close()
            return True
        return False

    def start(self):
        os.environ.update(LD_PRELOAD=self.preload, BOBBIN_TEST_SHORT=self.numbers)
        try:
            super().start()
        finally:
            del os.environ["LD_PRELOAD"], os.environ["BOBBIN_TEST_SHORT"]


class Script:
    """What is done to the daemon, and what must be there."""

    def __init__(self, service):
        self.service, self.clients = service, {}
        self.known = {}  # key: the values that it may have
        self.answered = self.refused = self.closed = 0
        self.registered = False

    def client(self, app):
        """One that is connected and attached. A daemon without memory may turn us away, but not for ever."""
        for _ in range(2 * max(ROWS)):
            if app in self.clients:
                return self.clients[app]
            client = Client(self.service.socket)
            client.socket.settimeout(30)
            try:
                if app:
                    client.call("attach", app)
                self.clients[app] = client
            except Refused:
                client.close()
                self.refused += 1
            except GONE:
                client.close()
                self.closed += 1
        raise AssertionError("no connection, although memory is no longer short")

    def call(self, app, method, *params):
        """True: done; False: refused; None: nobody knows."""
        try:
            self.client(app).call(method, *params)
            self.answered += 1
            return True
        except Refused as refused:
            assert refused.code and refused.text, "no reason: %r" % refused
            self.refused += 1
            return False
        except GONE:
            self.clients.pop(app).close()
            self.closed += 1
            return None

    def write(self, new, method, *params):
        """What may be there after it: `new`, what was there, or both."""
        done = self.call("plain", method, "default", *params)
        for key, value in new.items():
            before = self.known.get(key, {None})
            self.known[key] = {value} if done else before if done is False else before | {value}

    def run(self):
        path = self.service.make_app("plain", {"main": shell("exec sleep 1000")})
        for _ in range(3):
            self.registered = self.registered or self.call(None, "app.register", path)
        if not self.registered:
            return
        self.write({"a": b"1"}, "set", "a", b"1")
        self.write({"b": b"2" * 20000}, "set", "b", b"2" * 20000)
        self.write({"c": b"3", "d": b"4"}, "set_many", [["c", b"3"], ["d", b"4"]])
        self.call("plain", "watch", "default", {"prefix": ""})
        self.call("plain", "get", "default", "a")
        self.call("plain", "get", "default", "b")
        self.write({"n": struct.pack("<q", 5)}, "increment", "n", 5)
        self.write({"a": None}, "delete", "a")
        self.write({"e": b"5"}, "set", "e", b"5", {"ttl_ms": 3600000})
        self.write({"f": b"6"}, "atomic", [["f", None]], [["set", "f", b"6"]])
        self.call("plain", "keys", "default", {"prefix": "", "limit": 3})
        self.call("plain", "get_many", "default", ["a", "b", "c"])
        self.call("plain", "app.start", "plain")
        self.call("plain", "app.status", "plain")
        self.call("plain", "store.backup", self.service.dir + "/backup.db")
        self.call("plain", "stats")
        self.call("plain", "app.list")
        self.write({"c": b"7"}, "set", "c", b"7")
        self.call("plain", "app.stop", "plain")
        self.call("plain", "app.reload", "plain")

    def writes_again(self):
        self.write({"last": b"8"}, "set", "last", b"8")
        return self.known["last"] == {b"8"}

    def check_served(self):
        """There is memory again: everything answers, and rightly."""
        client = self.client("plain" if self.registered else None)
        client.call("ping")
        if not self.registered:
            return
        for key, values in self.known.items():
            value = client.call("get", "default", key)
            assert value in values, "'%s' is %.40r, not one of %.80r" % (key, value, values)
            self.known[key] = {value}
        # What could not be brought into the database is tried again a moment later, and writes are refused until then.
        until(self.writes_again, "it writes")
        status = client.call("app.status", "plain")
        assert status["components"][0]["id"] == "main", status

    def check_left(self):
        """The daemon has stopped: what it leaves is one plain file, with all of it."""
        if not self.registered:
            return
        path = self.service.dir + "/plain/.spin/sqlite_key_value.db"
        with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True)) as db:
            there = dict(db.execute("SELECT key, value FROM spin_key_value WHERE store = 'default'"))
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for key, values in self.known.items():
            assert there.get(key) in values, "'%s' is %.40r on the disk, not one of %.80r" % (key, there.get(key), values)

    def close(self):
        for client in self.clients.values():
            client.close()
        self.clients = {}


def check_refusal(service, status):
    """It did not start: not by a crash, but for glibc's where it loads what looks users up; and it says why."""
    if status in (-signal.SIGABRT, -signal.SIGSEGV) and re.fullmatch(r"(.*nss_.*\n)?|Unexpected error\.\n+", service.words()):
        return
    assert status > 0, "bobbind was killed by signal %d:\n%s" % (-status, service.words()[-2000:])
    assert re.search("memory|allocate", service.words()), "bobbind ended with %d and said:\n%s" % (status, service.words())


def stop(service):
    status = service.stop()
    assert status == 0, "bobbind ended with %d" % status


def run_once(options, first, times):
    """Whether anything has failed; and how the script went."""
    service = Short(options.bin, options.preload)
    script = Script(service)
    try:
        service.fail(first, times)
        try:
            service.start()
        except NotStarted as end:
            service.process = None
            check_refusal(service, end.args[0])
            return service.failed(), "not started"
        script.run()
        # Not reached yet? Then it is while the daemon ends, or never.
        at_end = not service.failed()
        if not at_end:
            service.spare()
            assert service.process.poll() is None, "bobbind is gone"
            script.check_served()
        stop(service)
        failed = service.failed()
        if at_end and failed:
            # It may have left part of its work to the next one.
            service.spare()
            script.close()
            service.start()
            script.check_served()
            stop(service)
        script.check_left()
        return failed, "served, %d refused, %d closed" % (script.refused, script.closed)
    except Exception as error:
        status = service.process.poll() if service.process else None
        if status is not None:
            service.process = None
        raise AssertionError("allocation %d, %d times, daemon's status %s: %r\n%s"
                             % (first, times, status, error, service.words()[-3000:])) from error
    finally:
        script.close()
        service.__exit__(None)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("preload")
    parser.add_argument("--stride", type=int, default=97)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=10 ** 9)
    parser.add_argument("--times", type=int, default=0, help="how many fail in a row; 0: each of ROWS in turn")
    parser.add_argument("--go-on", action="store_true", help="tell of all failures, not of the first alone")
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    began, runs, injected, wrong, first = time.monotonic(), 0, 0, 0, options.first
    ends = {}
    while first <= options.last:
        times = options.times or ROWS[runs % len(ROWS)]
        try:
            failed, end = run_once(options, first, times)
            if options.verbose:
                print(first, times, end, flush=True)
            ends[end.split(",")[0]] = ends.get(end.split(",")[0], 0) + 1
        except AssertionError as error:
            if not options.go_on:
                raise
            print("WRONG:", error, flush=True)
            failed, wrong = 1, wrong + 1
        runs, injected, first = runs + 1, injected + failed, first + options.stride
        if not failed:
            break
    assert runs > 1 and injected, "nothing has failed"
    print("%d runs, %d allocations failed, of %d; %s; %.0f s"
          % (runs, injected, first - options.stride, ", ".join("%d %s" % (n, what) for what, n in sorted(ends.items())),
             time.monotonic() - began))
    sys.exit(1 if wrong else 0)


main()
