"""A daemon whose address space may grow by 64 MiB over what it has at rest, and 100 connections whose
headers announce gigabytes, and which then send what they can: it stays up and serves its oracle.
test_memory_limit.py BIN"""
import os
import resource
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from hostile import HEADERS, SET  # noqa: E402
from oracle import Oracle  # noqa: E402
from service import Service, until  # noqa: E402

CONNECTIONS = 100
MORE_BYTES = 64 << 20
SECONDS = 5
WARM_APPS, WARM_ROUNDS = 24, 5
ANSWER_SECONDS = 20
ATTACH = b"\x94\x00\x01\xa6attach\x91\xa6victim"
# What a set and a long listing of keys may announce: as much as the limit of a message allows.
LARGE = [
    ATTACH + SET + b"\xc6\x00\xff\xff\xf0",
    ATTACH + SET + b"\xc6\x01\xe0\x00\x00",
    b"\x94\x00\x07\xa8get_many\x92\xa7default\xdd\x01\xe0\x00\x00",
    b"\xdd\x01\xe0\x00\x00",
]


def bytes_of(pid, what):
    with open("/proc/%d/status" % pid) as file:
        for line in file:
            if line.startswith(what + ":"):
                return int(line.split()[1]) * 1024


def connect(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.settimeout(10)
    s.connect(path)
    s.setblocking(False)
    return s


class Sender:
    def __init__(self, service, number):
        self.service, self.number, self.socket, self.closed = service, number, None, 0

    def step(self):
        """One more piece; a connection that was closed is made anew, with another header."""
        try:
            if not self.socket:
                self.number += 1
                every = LARGE + HEADERS
                self.socket = connect(self.service.socket)
                self.socket.send(every[self.number % len(every)])
            self.socket.send(b"\xc0" * 262144)
        except BlockingIOError:
            pass
        except OSError:
            self.closed += 1
            if self.socket:
                self.socket.close()
            self.socket = None


def warm_up(service):
    """What the daemon takes once every thread has worked: each gets its part of the heap with its first work."""
    names = ["warm-%d" % number for number in range(WARM_APPS)]
    for name in names:
        service.register(name, {})
    before, rounds = 0, 0
    while rounds < WARM_ROUNDS or bytes_of(service.process.pid, "VmSize") > before:
        before = bytes_of(service.process.pid, "VmSize")
        clients = [service.client(name) for name in names]
        for _ in range(10):
            for number, client in [(client.send("set", "default", "k", bytes(1000)), client) for client in clients]:
                client.receive(number)
        for client in clients:
            client.close()
        rounds += 1
    for name in names:
        service.call("app.unregister", name)
    return before


def main():
    with Service(sys.argv[1], 'log_level = "warning"\n') as service:
        for name in ("oracle", "victim"):
            service.register(name, {})
        pid = service.process.pid
        before = warm_up(service)
        resource.prlimit(pid, resource.RLIMIT_AS, (before + MORE_BYTES, before + MORE_BYTES))
        oracle = Oracle(service, "oracle", ANSWER_SECONDS)
        oracle.start()
        senders = [Sender(service, number) for number in range(CONNECTIONS)]
        deadline = time.monotonic() + SECONDS
        most = 0
        while time.monotonic() < deadline:
            assert service.process.poll() is None, "the daemon has ended:\n" + service.words()[-2000:]
            for sender in senders:
                sender.step()
            most = max(most, bytes_of(pid, "VmSize"))
        calls, median, slow, slowest, wrong = oracle.stop()
        for sender in senders:
            if sender.socket:
                sender.socket.close()
        print("at rest %.1f MiB, at most %.1f MiB more; closed %d connections" % (
            before / 2**20, (most - before) / 2**20, sum(sender.closed for sender in senders)))
        print("oracle: %d calls, median %.1f ms, 99%% %.1f ms, longest %.1f ms" % (
            calls, median * 1e3, slow * 1e3, slowest * 1e3))
        assert wrong is None, wrong
        assert calls > 0 and most > before
        until(lambda: service.call("stats")["connections"] <= 1, "the connections are gone")


main()
