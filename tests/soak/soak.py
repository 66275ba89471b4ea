#!/usr/bin/python3
"""A soak: mixed load with checked answers for a long time, while apps and the daemon are restarted, apps are
registered and deleted, backups made and connections come and go. Memory and descriptors of the daemon must
be flat, latencies steady, and nothing that was acknowledged missing.

Usage: soak.py BIN_DIR [--seconds N] [--lives N] [--rate N] [--apps DIR] [--dir DIR]

The time is cut into lives of the daemon: half of them end by SIGKILL, half in order. Within a life every cycle
ends in the same state, and there memory and descriptors are looked at: a line through them tells how they grow.
"""
import argparse
import collections
import contextlib
import os
import random
import shutil
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from service import Refused, Service, read, shell, until

WORKERS = 4
KEYS = 500  # of each worker
# So little memory that it is full, and in use again, within seconds.
CONFIG = """cache_bytes = 1048576
store_memory = 4194304
store_idle = "500ms"
"""
# What may be ascribed to chance in a run of seconds, and in one of an hour.
SLACK_KIB = 16384
KIB_PER_HOUR = 2048
# What two processes have open in the daemon.
CHANCE_FDS = 8


class Worker(threading.Thread):
    """One client with keys of its own: it knows what each of them must hold."""

    def __init__(self, number, soak):
        super().__init__(daemon=True)
        self.number, self.soak = number, soak
        self.app = "app%d" % (number % 2)
        self.random = random.Random(number)
        self.known = collections.defaultdict(lambda: {None})  # key: the values that it may have
        self.latencies, self.lock = [], threading.Lock()
        self.operations = self.checked = 0

    def run(self):
        try:
            while not self.soak.over:
                try:
                    client = self.soak.service.client(self.app)
                except (OSError, ConnectionError):
                    time.sleep(0.01)
                    continue
                with contextlib.closing(client):
                    self.work(client)
        except BaseException as error:  # the director tells
            self.soak.fail("worker %d: %r" % (self.number, error))

    def work(self, client):
        due = time.monotonic()
        while not self.soak.over:
            began = time.monotonic()
            try:
                self.step(client)
            except (OSError, ConnectionError):
                return
            except Refused as refused:
                if refused.code == "shutting-down":
                    return
                raise
            with self.lock:
                self.latencies.append(time.monotonic() - began)
                self.operations += 1
            due = max(due + WORKERS / self.soak.rate, began - 0.1)
            time.sleep(max(0, due - time.monotonic()))

    def step(self, client):
        key = "w%d-%d" % (self.number, self.random.randrange(KEYS))
        kind = self.random.random()
        if kind < 0.5:
            self.check(key, client.call("get", "default", key))
        elif kind < 0.8:
            size = self.random.choice((10, 100, 1000, 20000))
            self.write(key, os.urandom(8) * (size // 8 + 1), client.call, "set", "default", key)
        elif kind < 0.85:
            self.known[key].add(None)
            client.call("delete", "default", key)
            self.known[key] = {None}
        elif kind < 0.9:
            keys = ["w%d-%d" % (self.number, n) for n in self.random.sample(range(KEYS), 20)]
            for name, value in zip(keys, client.call("get_many", "default", keys)):
                self.check(name, value)
        elif kind < 0.95:
            client.call("keys", "default", {"prefix": "w%d-1" % self.number, "limit": 50})
        else:
            client.call("set", "default", "t%d-%d" % (self.number, self.random.randrange(50)), b"soon gone",
                        {"ttl_ms": 500})

    def write(self, key, value, call, *params):
        """Until it is answered, the old value and the new one are both right."""
        self.known[key].add(value)
        call(*params, value)
        self.known[key] = {value}

    def check(self, key, value):
        assert value in self.known[key], "%s holds %.40r, none of %d values" % (key, value, len(self.known[key]))
        self.known[key] = {value}
        self.checked += 1

    def take_latencies(self):
        with self.lock:
            taken, self.latencies = self.latencies, []
        return taken


def quantile(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * part))] if values else 0


def slope(points):
    """Of the line through (x, y) with the least squares."""
    n = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / n, sum(y for _, y in points) / n
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0


class Soak:
    def __init__(self, service, options):
        self.service, self.options = service, options
        self.rate = options.rate
        self.over, self.failure = False, None
        self.random = random.Random(7)
        self.counts = collections.Counter()
        self.lives = []

    def fail(self, text):
        self.failure = self.failure or text
        self.over = True

    def prepare(self):
        crashing = shell("sleep 0.2; exit 1", 'restart = "always"', 'restart_delay = "200ms"', "start_limit_burst = 1000000")
        for n in range(2):
            self.service.register("app%d" % n, {"still": shell("exec sleep 100000"), "crash": crashing})
            self.service.call("app.start", "app%d" % n)
        if self.options.apps:
            path = self.service.dir + "/counter"
            shutil.copytree(self.options.apps + "/counter", path)
            self.service.call("app.register", path)
            self.service.call("app.start", "counter")

    def come_and_go(self):
        """An app is registered, written to, and its directory deleted, in one order or the other."""
        path = self.service.register("guest", {"main": shell("exec sleep 1000")})
        self.service.call("app.start", "guest")
        with contextlib.closing(self.service.client("guest")) as client:
            for n in range(20):
                client.call("set", "default", "k%d" % n, os.urandom(2000))
        if self.random.random() < 0.5:
            self.service.call("app.unregister", "guest")
            shutil.rmtree(path, ignore_errors=True)
        else:
            shutil.rmtree(path, ignore_errors=True)
        until(lambda: all(app["name"] != "guest" for app in self.service.call("app.list")), "guest is gone")
        shutil.rmtree(path, ignore_errors=True)
        self.counts["registrations"] += 1

    def storm(self):
        clients = [self.service.client("app0") for _ in range(40)]
        numbers = [client.send("get", "default", "w0-1") for client in clients]
        for client, number in list(zip(clients, numbers))[::2]:
            client.receive(number)
        for client in clients:
            client.close()
        self.counts["connections"] += len(clients)

    def watch(self):
        with contextlib.closing(self.service.client("app1")) as client:
            client.call("watch", "default", {"prefix": "w1"})
        self.counts["watches"] += 1

    def backup(self):
        path = self.service.dir + "/backup.db"
        with contextlib.closing(self.service.client("app0")) as client:
            client.call("store.backup", path)
        os.unlink(path)
        self.counts["backups"] += 1

    def restart_app(self):
        self.service.call("app.restart", "app%d" % self.random.randrange(2))
        self.counts["app restarts"] += 1

    def reload(self):
        self.service.call("app.reload", "app%d" % self.random.randrange(2))
        self.counts["reloads"] += 1

    def idle_app(self):
        """Opened, written, and closed by being idle."""
        if not os.path.isdir(self.service.dir + "/rare"):
            self.service.register("rare", {})
        with contextlib.closing(self.service.client("rare")) as client:
            client.call("increment", "default", "n", 1)
        self.counts["openings"] += 1

    def cycle(self):
        for event in self.random.sample([self.come_and_go, self.storm, self.watch, self.backup, self.restart_app,
                                         self.reload, self.idle_app], 7):
            event()
            time.sleep(0.05)
        self.counts["cycles"] += 1

    def sample(self, began):
        """At rest as far as descriptors go: what the cycle opened is closed again."""
        pid = self.service.process.pid
        fds = min(len(os.listdir("/proc/%d/fd" % pid)) for _ in range(10) if not time.sleep(0.03))
        rss = int(read("/proc/%d/status" % pid).split("VmRSS:")[1].split()[0])
        return time.monotonic() - began, rss, fds

    def live(self, seconds, last):
        began = time.monotonic()
        samples, windows = [], []
        for worker in self.workers:
            worker.take_latencies()
        while time.monotonic() - began < seconds and not self.over:
            self.cycle()
            samples.append(self.sample(began))
            if os.environ.get("SOAK_TRACE"):
                print("%.0f s: rss %d, descriptors %d" % samples[-1], flush=True)
            taken = [l for worker in self.workers for l in worker.take_latencies()]
            windows.append((time.monotonic() - began, taken))
        self.lives.append(self.judge(samples, windows))
        print(self.lives[-1]["text"], flush=True)
        if last or self.over:
            return
        if len(self.lives) % 2:
            self.service.kill()
            self.counts["kills"] += 1
        else:
            assert self.service.stop() == 0
            self.counts["stops"] += 1
        self.service.start()

    def judge(self, samples, windows):
        # What is warm by the first third is not counted as growth.
        tail = samples[len(samples) // 3:]
        hours = (tail[-1][0] - tail[0][0]) / 3600
        grown = slope([(at, rss) for at, rss, _ in tail]) * 3600 * hours
        # Which of the two crashing processes wait for their next start is chance; the floor is not.
        half = len(tail) // 2 or 1
        fds = min(s[2] for s in tail[half:] or tail) - min(s[2] for s in tail[:half])
        fd_slope = slope([(at, fds) for at, _, fds in tail]) * 3600
        thirds = [[l for _, part in windows[i * len(windows) // 3:(i + 1) * len(windows) // 3] for l in part] for i in range(3)]
        p50 = [1000 * quantile(t, 0.5) for t in thirds]
        p99 = [1000 * quantile(t, 0.99) for t in thirds]
        most = SLACK_KIB + KIB_PER_HOUR * hours
        if len(tail) >= 3 and grown > most:
            self.fail("memory grows: %d KiB in %.0f s, more than %d" % (grown, hours * 3600, most))
        if len(tail) >= 6 and fds > CHANCE_FDS:
            self.fail("descriptors grow: by %d in %.0f s: %s" % (fds, hours * 3600, [s[2] for s in tail]))
        if thirds[0] and thirds[2] and p50[2] > 5 * p50[0] + 20:
            self.fail("latencies grow: median %.2f ms, then %.2f ms" % (p50[0], p50[2]))
        text = ("life of %.0f s: rss %d to %d KiB, %+.0f KiB/h; descriptors %d to %d, %+.2f/h; p50 %s ms, p99 %s ms by thirds"
                % (samples[-1][0], tail[0][1], tail[-1][1], grown / hours if hours else 0, tail[0][2], tail[-1][2],
                   fd_slope, "/".join("%.2f" % p for p in p50), "/".join("%.1f" % p for p in p99)))
        return {"text": text, "seconds": samples[-1][0]}

    def verify(self):
        """Once more all that the workers know."""
        for worker in self.workers:
            with contextlib.closing(self.service.client(worker.app)) as client:
                for key in list(worker.known):
                    worker.check(key, client.call("get", "default", key))

    def run(self):
        self.prepare()
        self.workers = [Worker(n, self) for n in range(WORKERS)]
        began = time.monotonic()
        for worker in self.workers:
            worker.start()
        try:
            for life in range(self.options.lives):
                self.live(self.options.seconds / self.options.lives, life == self.options.lives - 1)
                if self.over:
                    break
        finally:
            self.over = True
            for worker in self.workers:
                worker.join(60)
        assert not self.failure, self.failure
        self.verify()
        self.counts["operations"] = sum(w.operations for w in self.workers)
        self.counts["values checked"] = sum(w.checked for w in self.workers)
        return "%.0f s: %s" % (time.monotonic() - began, ", ".join("%d %s" % (n, what) for what, n in sorted(self.counts.items())))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("BOBBIN_SOAK", 20)))
    parser.add_argument("--lives", type=int, default=2)
    parser.add_argument("--rate", type=float, default=1000, help="operations a second of all workers")
    parser.add_argument("--apps", help="the build's directory of wasm apps")
    parser.add_argument("--dir", help="where the data goes")
    options = parser.parse_args()
    if options.dir:
        os.environ["TMPDIR"] = options.dir
    with Service(options.bin, CONFIG) as service:
        print(Soak(service, options).run())


if __name__ == "__main__":
    main()
