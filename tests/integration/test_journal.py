#!/usr/bin/python3
"""The output of apps in the journal, which is here a socket of the test's in mounts of its own.
Usage: test_journal.py BIN_DIR"""
import os
import socket
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
from service import Service, read, run_tests, shell, until, with_private_mounts

BIN = sys.argv[1]


def entry(data):
    """The fields of a datagram of the journal's native protocol."""
    fields = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = struct.unpack("<Q", data[:8])[0]
            value, data = data[8 : 8 + size], data[9 + size :]
        fields[name.decode()] = value.decode()
    return fields


class Journal:
    def __init__(self):
        subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
        os.makedirs("/run/systemd/journal")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("/run/systemd/journal/socket")
        self.socket.setblocking(False)
        self.entries = []

    def read(self):
        try:
            while True:
                self.entries.append(entry(self.socket.recv(1 << 20)))
        except BlockingIOError:
            return self.entries

    def messages(self, **fields):
        return [e["MESSAGE"] for e in self.read() if fields.items() <= e.items()]


class Daemon(Service):
    """Its stderr is what JOURNAL_STREAM names, as systemd has it."""

    def start(self):
        open(self.log, "a").close()
        log = os.stat(self.log)
        os.environ["JOURNAL_STREAM"] = "%d:%d" % (log.st_dev, log.st_ino)
        super().start()


def output_has_its_origin():
    journal = Journal()
    with Daemon(BIN) as service:
        tool = shell("echo out $BOBBIN_INSTANCE; echo err >&2; printf half; exec sleep 1000", "instances = 2")
        path = service.register("counter", {"web": tool})
        service.call("app.start", "counter")
        until(lambda: len(journal.read()) >= 4, "all is in the journal", lambda: journal.entries)
        for n in "1", "2":
            origin = {"APP": "counter", "COMPONENT": "web", "INSTANCE": n, "SYSLOG_IDENTIFIER": "counter"}
            assert journal.messages(STREAM="stdout", PRIORITY="6", **origin) == ["out " + n], journal.entries
            assert journal.messages(STREAM="stderr", PRIORITY="3", **origin) == ["err"], journal.entries
        service.call("app.stop", "counter")
        until(lambda: journal.messages(STREAM="stdout", INSTANCE="1") == ["out 1", "half"], "what was not ended", lambda: journal.entries)
        # The files have it as well; the daemon's own lines have a level that the journal reads.
        assert read(path + "/.spin/logs/web_stdout.txt") == "out 1\nhalf"
        lines = service.words().splitlines()
        assert lines and all(line[:3] in ("<3>", "<4>", "<6>") for line in lines), lines
        assert "NOTIFY_SOCKET" not in os.environ and "JOURNAL_STREAM" not in read(path + "/environ")


def journal_that_reads_nothing_stalls_nobody():
    journal = Journal()
    with Daemon(BIN) as service:
        path = service.register("flood", {"main": shell("seq 200000; echo done >&2")})
        service.call("app.start", "flood")
        service.until_state("flood", "exited")  # nobody has read the journal so far
        assert service.component("flood")["dropped"] == 0
        assert read(path + "/.spin/logs/main_stdout.txt").endswith("\n200000\n")
        taken = len(journal.messages(STREAM="stdout", PRIORITY="6"))
        assert 0 < taken < 200000, taken
        return "%d of 200000 lines taken" % taken


run_tests(with_private_mounts([output_has_its_origin, journal_that_reads_nothing_stalls_nobody]))
