"""Many connections to a real daemon that send mutated, split, interleaved, abandoned and slow messages, while
an oracle checks that its own data is right and its answers come in time: socket_fuzz.py BIN VECTORS SECONDS [SEED]

Without a seed it is another one each time. Best with a daemon that was built with sanitizers.
"""
import os
import random
import selectors
import socket
import sys
import time

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from hostile import Hostile  # noqa: E402
from oracle import Oracle  # noqa: E402
from service import Service, until  # noqa: E402

CONNECTIONS = 60
ANSWER_SECONDS = float(os.environ.get("BOBBIN_ORACLE_SECONDS", 20))
ATTACH = b"\x94\x00\x01\xa6attach\x91\xa6victim"


class Attacker:
    """One connection: what it still has to send, in which parts, and whether it listens."""

    def __init__(self, path, hostile, choose):
        self.choose = choose
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.socket.setblocking(False)
        messages = [ATTACH] if choose.random() < 0.7 else []
        messages += [hostile.message() for _ in range(choose.choice((1, 3, 10, 40)))]
        self.messages = len(messages)
        self.left = memoryview(b"".join(messages))
        # Whole, in small parts, byte by byte with pauses.
        self.part, self.pause = choose.choice(((1 << 20, 0), (7, 0), (100, 0), (1, 0.02), (3, 0.2)))
        self.listens = choose.random() < 0.8
        # Some leave in the middle of a message.
        self.leaves_at = choose.randrange(len(self.left) + 1) if choose.random() < 0.3 else 0
        self.stays = choose.choice((0, 0, 0.2, 2))
        self.next = 0.0
        self.ends = None
        self.sent = 0
        self.unpacker = msgpack.Unpacker(raw=True, strict_map_key=False, max_buffer_size=2**28)

    def step(self, now):
        """False: it is over."""
        try:
            if self.listens and not self.listen():
                return False
            if self.ends is not None:
                return now < self.ends
            if now >= self.next and self.left:
                size = self.socket.send(self.left[:self.choose.randrange(1, self.part + 1)])
                self.left = self.left[size:]
                self.sent += size
                self.next = now + self.pause * self.choose.random()
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            return False
        if not self.left or (self.leaves_at and len(self.left) <= self.leaves_at):
            self.ends = now + self.stays
        return True

    def listen(self):
        try:
            data = self.socket.recv(1 << 16)
        except BlockingIOError:
            return True
        if not data:
            return False
        self.unpacker.feed(data)
        for message in self.unpacker:
            assert isinstance(message, list) and (
                message[0] == 1 and len(message) == 4 or message[0] == 2 and message[1] in (b"changed", b"overflow")
            ), "the daemon sent %r" % (message,)
        return True


def torment(service, hostile, choose, seconds):
    attackers, sums = [], {"connections": 0, "messages": 0, "bytes": 0}
    selector = selectors.DefaultSelector()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert service.process.poll() is None, "the daemon has ended"
        while len(attackers) < CONNECTIONS:
            attackers.append(Attacker(service.socket, hostile, choose))
            sums["connections"] += 1
            sums["messages"] += attackers[-1].messages
        now = time.monotonic()
        choose.shuffle(attackers)
        for attacker in list(attackers):
            if not attacker.step(now):
                sums["bytes"] += attacker.sent
                attacker.socket.close()
                attackers.remove(attacker)
        selector.select(0.0005)
    for attacker in attackers:
        attacker.socket.close()
    return sums


def main():
    bin_dir, vectors, seconds = sys.argv[1:4]
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(1 << 32)
    print("seed %d" % seed, flush=True)
    with Service(bin_dir, 'log_level = "error"\n') as service:
        for name in ("oracle", "victim"):
            service.register(name, {})
        oracle = Oracle(service, "oracle", ANSWER_SECONDS)
        oracle.start()
        try:
            sums = torment(service, Hostile(vectors, service.dir, seed), random.Random(seed), float(seconds))
        finally:
            calls, median, slow, slowest, wrong = oracle.stop()
        assert wrong is None, wrong
        print("%(connections)d connections, %(messages)d messages, %(bytes)d bytes" % sums)
        print("oracle: %d calls, median %.1f ms, 99%% %.1f ms, longest %.1f ms" % (
            calls, median * 1e3, slow * 1e3, slowest * 1e3))
        until(lambda: service.call("stats")["connections"] <= 1, "the connections are gone")
        assert "ERROR: " not in service.words() and "runtime error" not in service.words(), service.words()[-3000:]
        assert sums["messages"] > 0 and calls > 0


main()
