#!/usr/bin/python3
"""A daemon takes another one's place: processes, connections and watches go on, nothing is lost or done twice,
and where it does not work out the old one goes on. Usage: test_upgrade.py BIN_DIR APPS_DIR [TEST…]"""
import contextlib
import fcntl
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

import msgpack

sys.dont_write_bytecode = True
from service import PATIENCE, Refused, Service, alive, check_ticks, read, run_tests, shell, ticks, until, within, write_manifest

BIN, APPS = sys.argv[1:3]
FOREVER = shell("exec sleep 1000")


class Installed(Service):
    """A daemon whose program can be replaced, as a package does it."""

    def __init__(self, config=""):
        super().__init__(BIN, config)
        os.mkdir(self.dir + "/sbin")
        self.bobbind = self.dir + "/sbin/bobbind"
        shutil.copy2(BIN + "/bobbind", self.bobbind)
        os.symlink(os.path.join(os.path.abspath(BIN), "bobbin-run"), self.dir + "/sbin/bobbin-run")

    def replace(self, script=None):
        """By the same program in another file, or by a shell script in which $REAL is it."""
        with contextlib.suppress(FileExistsError):
            os.link(self.bobbind, self.dir + "/sbin/real")
        if script is None:
            shutil.copy2(self.dir + "/sbin/real", self.bobbind + ".new")
        else:
            with open(self.bobbind + ".new", "w") as file:
                file.write("#!/bin/sh\nREAL=%s/sbin/real\n%s\n" % (self.dir, script))
            os.chmod(self.bobbind + ".new", 0o755)
        os.rename(self.bobbind + ".new", self.bobbind)

    def upgrade(self):
        result = self.call("daemon.upgrade")
        assert result["pause_ms"] is not None and result["version"] == result["previous"], result
        return result

    def descriptors(self):
        found = []
        for path in glob.glob("/proc/%d/fd/*" % self.process.pid):
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                found.append(os.readlink(path).split(":")[0])
        return sorted(found)

    def children(self):
        ps = ["ps", "-o", "stat=", "--ppid", str(self.process.pid)]
        return subprocess.run(ps, stdout=subprocess.PIPE).stdout.decode()

    def lasting(self, app):
        what = ("pid", "since", "state", "restarts", "reason", "last_exit")
        return [tuple(c[name] for name in what) for c in self.components(app)]


class Outsider(threading.Thread):
    """Increments over a connection of its own, many requests at a time, until it is told to stop. Every answer has
    to be the next number: none lost, none twice."""

    def __init__(self, service, app, key):
        super().__init__()
        self.client = service.client(app)
        self.key = key
        self.count = 0
        self.longest = 0
        self.enough = False
        self.failure = None

    def run(self):
        try:
            last = time.monotonic()
            while not self.enough:
                sent = [self.client.send("increment", "default", self.key, 1) for _ in range(8)]
                for number in sent:
                    self.count += 1
                    sum = self.client.receive(number)
                    assert sum == self.count, "%d instead of %d" % (sum, self.count)
                now = time.monotonic()
                self.longest = max(self.longest, now - last)
                last = now
        except Exception as failure:
            self.failure = failure

    def finish(self):
        self.enough = True
        self.join(PATIENCE)
        assert self.failure is None, repr(self.failure)
        return self.count


def upgrades_under_load():
    """A wasm app and others count as fast as they can while the daemon is replaced five times."""
    with Installed() as service:
        path = service.start_ticker(APPS)
        service.register("plain", {"main": FOREVER})
        service.call("app.start", "plain")
        service.until_state("plain", "running")
        before = service.lasting("ticker") + service.lasting("plain")
        outsiders = [Outsider(service, app, app + "-%d" % n) for app in ("ticker", "plain") for n in range(3)]
        for outsider in outsiders:
            outsider.start()
        pauses, longest = [], 0
        for _ in range(5):
            seen = len(ticks(path)), sum(o.count for o in outsiders)
            service.replace()
            pauses.append(service.upgrade()["pause_ms"])
            until(lambda: len(ticks(path)) > seen[0] + 50, "the app counts on")
            until(lambda: sum(o.count for o in outsiders) > seen[1] + 100, "the others count on",
                  lambda: [o.failure for o in outsiders])
        counts = {o.key: o.finish() for o in outsiders}
        longest = max(o.longest for o in outsiders)
        assert service.lasting("ticker") + service.lasting("plain") == before, (before, service.lasting("ticker"))
        with contextlib.closing(service.client("ticker")) as client:
            client.call("set", "default", "enough", b"")
            service.until_state("ticker", "exited")
            told = check_ticks(path)
            assert client.call("increment", "default", "ticks", 0) == told
        for key, count in counts.items():
            with contextlib.closing(service.client(key.split("-")[0])) as client:
                assert client.call("increment", "default", key, 0) == count, key
        return "%d + %d increments, pauses %s ms, longest answer %.0f ms" % (
            told, sum(counts.values()), pauses, 1000 * longest)


def everything_goes_on():
    """States, times, back-offs, events, readiness and watchdogs; and the daemon holds no more than before."""
    crash = shell("exit 3", 'restart_delay = "1h"', 'restart_max_delay = "1h"')
    failed = shell("exit 4", 'restart = "no"')
    done = shell("exit 0", 'restart = "no"')
    slow = shell("until [ -e go ]; do sleep 0.01; done; echo ready >&4; exec sleep 1000", 'ready = "line"')
    again = shell("[ -e once ] || { touch once; exit 1; }; exec sleep 1000", 'restart_delay = "10ms"')
    service = Installed()
    metrics = service.dir + "/run/metrics.sock"
    with open(service.config, "w") as file:
        file.write("metrics_listen = ['%s']\n" % metrics)
    with service:
        path = service.register("app", {"a-crash": crash, "b-failed": failed, "c-done": done, "d-slow": slow,
                                        "e-again": again, "f-two": FOREVER + "\ninstances = 2"})
        service.call("app.start", "app")
        expected = ["backing-off", "failed", "exited", "starting", "running", "running", "running"]
        until(lambda: [c["state"] for c in service.components("app")] == expected
              and service.component("app", 4)["restarts"] == 1, "all are as expected", lambda: service.lasting("app"))
        before, events = service.lasting("app"), service.call("events")
        service.upgrade()
        held = service.descriptors()
        for _ in range(3):
            service.upgrade()
            assert service.lasting("app") == before, (before, service.lasting("app"))
            assert service.call("events") == events
            with contextlib.closing(socket.socket(socket.AF_UNIX)) as scraper:
                scraper.connect(metrics)
                scraper.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                assert scraper.recv(12).endswith(b" 200")
        until(lambda: len(service.descriptors()) <= len(held), "no more descriptors than before",
              lambda: (held, service.descriptors()))
        open(path + "/go", "w").close()
        until(lambda: service.component("app", 3)["state"] == "running", "it is ready")
        # What the new daemon took over it also ends, restarts and reaps.
        os.kill(before[4][0], signal.SIGKILL)
        until(lambda: service.component("app", 4)["restarts"] == 2 and service.component("app", 4)["pid"], "restarted")
        assert service.call("events")[1] > events[1]
        os.kill(before[5][0], signal.SIGTERM)
        until(lambda: service.component("app", 5)["pid"] not in (before[5][0], None), "the instance is replaced")
        assert service.component("app", 6)["pid"] == before[6][0]
        assert service.call("app.stop", "app")["components"][6]["state"] == "stopped"
        assert not any(alive(pid) for pid, *_ in before if pid)
        assert "Z" not in service.children(), service.children()


def a_connection_keeps_what_it_sent_in_part():
    with Installed() as service:
        service.register("app", {"main": FOREVER})
        client = service.client("app")
        big = b"x" * 300000
        message = msgpack.packb([0, 77, "set", ["default", "big", big]], use_bin_type=True)
        client.socket.sendall(message[:100000])
        time.sleep(0.1)  # so that the daemon has read it
        service.upgrade()
        client.socket.sendall(message[100000:200001])
        time.sleep(0.1)
        service.upgrade()
        client.socket.sendall(message[200001:] + msgpack.packb([0, 78, "get", ["default", "big"]], use_bin_type=True))
        assert client.receive(77) is None
        assert client.receive(78) == big
        client.close()


def a_peer_that_does_not_read_gets_all_its_answers():
    """More than the daemon keeps for it: some requests have not had their turn."""
    with Installed("max_unread_bytes = 1000000\n") as service:
        service.register("app", {"main": FOREVER})
        with contextlib.closing(service.client("app")) as other:
            other.call("set", "default", "big", b"y" * 200000)
            client = service.client("app")
            sent = []
            for _ in range(30):
                sent.append((client.send("increment", "default", "n", 1), client.send("get", "default", "big")))
            time.sleep(0.3)
            for _ in range(2):
                service.upgrade()
                time.sleep(0.1)
            for n, (increment, get) in enumerate(sent):
                assert client.receive(increment) == n + 1
                assert client.receive(get) == b"y" * 200000
            assert other.call("increment", "default", "n", 0) == 30
            client.close()


def a_watch_misses_nothing_and_is_told_nothing_twice():
    with Installed() as service:
        service.register("app", {"main": FOREVER})
        watcher, writer = service.client("app"), Outsider(service, "app", "k1")
        assert watcher.call("watch", "default", {"prefix": "k", "values": True}) == 1
        assert watcher.call("watch", "default", {"keys": ["a", "k1"]}) == 2
        writer.start()
        until(lambda: writer.count > 100, "it writes")
        for _ in range(3):
            service.upgrade()
            seen = writer.count
            until(lambda: writer.count > seen + 50, "it writes on")
        count = writer.finish()
        changes, asked, answer = {1: [], 2: []}, watcher.send("watch", "default", {"key": "other"}), None
        while answer is None:  # what was told comes before the answer
            watcher.unpacker.feed(watcher.socket.recv(65536))
            for message in watcher.unpacker:
                if message[0] == 2:
                    assert message[1] == "changed", message
                    changes[message[2][0]].append(message[2])
                else:
                    assert message[:3] == [1, asked, None], message
                    answer = message[3]
        assert answer == 3, "numbers of watches go on"
        values = [int.from_bytes(change[4], "little") for change in changes[1]]
        assert values == list(range(1, count + 1)), "told %d changes of %d" % (len(values), count)
        assert [change[1] for change in changes[1]] == [change[1] for change in changes[2]]
        assert watcher.call("unwatch", 2) is True and watcher.call("unwatch", 2) is False
        return "%d changes" % count


def what_expires_is_told_though_nobody_asks():
    with Installed() as service:
        service.register("app", {"main": FOREVER})
        watcher = service.client("app")
        with contextlib.closing(service.client("app")) as client:
            client.call("set", "default", "kept", b"v", {"ttl_ms": 1500})
            client.call("set", "default", "given up", b"v", {"ttl_ms": 3000})
        assert watcher.call("watch", "default") == 1
        watcher.socket.settimeout(PATIENCE)
        service.upgrade()
        expired = []

        def has_expired(key):
            if key not in expired:
                watcher.unpacker.feed(watcher.socket.recv(65536))
                expired.extend(m[2][2] for m in watcher.unpacker if m[0] == 2 and m[2][3] == "expire")
            return key in expired

        until(lambda: has_expired("kept"), "the entry expires")
        service.replace('rm "$0"; exec $REAL "$@"')
        with contextlib.closing(service.client()) as client:
            assert client.error("daemon.upgrade")[0] == "other"
        until(lambda: has_expired("given up"), "the entry expires")
        watcher.close()


def what_is_wrong_with_the_program_changes_nothing():
    with Installed() as service:
        service.register("app", {"main": FOREVER})
        service.call("app.start", "app")
        service.until_state("app", "running")
        client = service.client("app")
        assert client.call("increment", "default", "n", 1) == 1
        before, held = service.lasting("app"), service.descriptors()
        wrong = [
            (lambda: os.unlink(service.bobbind), "cannot run '%s': No such file or directory"),
            (lambda: service.replace("exec sleep 100"), "'%s' cannot take over: it does not say so within 5 s"),
            (lambda: service.replace("echo oh dear; exit 1"), "'%s' cannot take over: oh dear"),
            (lambda: service.replace("exit 0"), "'%s' cannot take over: it is no bobbind, or a broken one"),
            (lambda: (service.replace("exit 0"), os.chmod(service.bobbind, 0o644)),
             "cannot run '%s': Permission denied"),
            # It says that it can, and then it is not there.
            (lambda: service.replace('rm "$0"; exec $REAL "$@"'), "cannot run '%s': No such file or directory"),
        ]
        for make, text in wrong:
            make()
            code, said = client.error("daemon.upgrade")
            assert code == "other" and said.startswith(text % service.bobbind), said
            if not os.path.exists(service.bobbind):
                shutil.copy2(BIN + "/bobbind", service.bobbind)
        with open(service.config, "w") as file:
            file.write("nonsense = 1\n")
        service.replace()
        code, said = client.error("daemon.upgrade")
        assert code == "other" and "nonsense" in said, said
        open(service.config, "w").close()
        assert client.call("increment", "default", "n", 1) == 2
        assert service.lasting("app") == before
        until(lambda: len(service.descriptors()) <= len(held), "no more descriptors than before",
              lambda: (held, service.descriptors()))
        service.upgrade()
        assert client.call("increment", "default", "n", 1) == 3
        assert service.lasting("app") == before
        status, out, err = service.run("upgrade")
        assert status == 0 and "1 app process went on" in out, (status, out, err)
        os.unlink(service.bobbind)
        status, out, err = service.run("upgrade")
        assert status == 3 and "was not upgraded" in err and "No such file" in err, (status, out, err)


def another_version_starts_everything_anew():
    """It says that it knows another handover: all ends in order, then it starts."""
    with Installed() as service:
        path = service.register("app", {"main": shell('trap "echo bye > bye; exit 0" TERM; while :; do sleep 0.05; done')})
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        with contextlib.closing(service.client("app")) as client:
            client.call("set", "default", "k", b"v")
        service.replace('for last; do :; done\n[ "$last" != --handover-version ] || '
                        "{ echo handover 999 of bobbind 9.9.9; exit; }\nexec $REAL \"$@\"")
        result = service.call("daemon.upgrade")
        assert result == {"version": "9.9.9", "previous": result["previous"], "processes": 0, "pause_ms": None}, result
        until(lambda: read(path + "/bye"), "its process was told")
        until(service.answers, "the new one answers")
        again = service.until_state("app", "running")
        assert again["pid"] != pid and not alive(pid)
        assert "Z" not in service.children(), service.children()
        with contextlib.closing(service.client("app")) as client:
            assert client.call("get", "default", "k") == b"v"


def sealed(content):
    fd = os.memfd_create("bobbin-handover", os.MFD_ALLOW_SEALING)
    os.write(fd, content)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, 15)
    os.set_inheritable(fd, True)
    return fd


def a_handover_that_cannot_be_read_is_let_go():
    """Of another version, cut off, senseless, none at all: the daemon starts as ever."""
    magic = b"bobbin-handover\n"
    for content in [magic + b"\x05", magic, b"no", magic + b"\x01\x93\xff\xff\x00" + b"\x01", magic + b"\x01\xc0"]:
        with Installed() as service:
            service.register("app", {"main": FOREVER})
            service.call("app.start", "app")
            service.until_state("app", "running")
            service.stop()
            fd = sealed(content)
            log = open(service.log, "a")
            command = [service.bobbind, "--socket", service.socket, "--state-dir", service.state_dir]
            service.process = subprocess.Popen(command, stderr=log, pass_fds=[fd],
                                               env=dict(os.environ, BOBBIN_HANDOVER=str(fd)))
            log.close()
            os.close(fd)
            until(service.answers, "it answers")
            service.until_state("app", "running")
            assert "started anew" in service.words(), service.words()


def a_changed_manifest_takes_effect():
    with Installed() as service:
        kept = service.register("kept", {"main": FOREVER})
        changed = service.register("changed", {"main": FOREVER, "gone": FOREVER})
        broken = service.register("broken", {"main": FOREVER})
        pids = {}
        for app in ("kept", "changed", "broken"):
            service.call("app.start", app)
            until(lambda: all(c["state"] == "running" for c in service.components(app)), app)
            pids[app] = [c["pid"] for c in service.components(app)]
        assert kept
        client = service.client("changed")
        write_manifest(changed, "changed", {"main": shell("echo new > new; exec sleep 1000"), "more": FOREVER})
        with open(broken + "/spin.toml", "w") as file:
            file.write("nonsense")
        service.upgrade()
        assert [c["pid"] for c in service.components("kept")] == pids["kept"]
        until(lambda: [c["state"] for c in service.components("changed")] == ["running"] * 2, "changed")
        until(lambda: read(changed + "/new"), "what the manifest says now")
        assert not any(alive(pid) for pid in pids["changed"] + pids["broken"])
        assert service.call("app.status", "broken")["error"]
        assert client.call("increment", "default", "n", 1) == 1
        client.close()


def the_end_of_an_upgraded_daemon():
    """SIGKILL leaves no process after a second, SIGTERM none at all, also of those taken over."""
    with Installed() as service:
        path = service.register("app", {"main": shell("sleep 1000 & echo $! > child; wait")})
        for end in (service.kill, service.stop):
            if not service.process:
                service.start()
            else:
                service.call("app.start", "app")
            pid = service.until_state("app", "running")["pid"]
            for _ in range(2):
                service.upgrade()
            assert service.component("app")["pid"] == pid
            until(lambda: read(path + "/child"), "its child")
            pids = [pid, int(read(path + "/child"))]
            assert all(map(alive, pids))
            end()
            within(1, lambda: not any(map(alive, pids)), "no process of the app")
            os.unlink(path + "/child")
        service.start()


def only_administrators_and_one_at_a_time():
    with Installed() as service:
        service.replace("sleep 0.5\nexec $REAL \"$@\"")
        one, two = service.client(), service.client()
        number = one.send("daemon.upgrade")
        time.sleep(0.2)
        assert two.error("daemon.upgrade")[0] == "busy"
        assert one.receive(number)["pause_ms"] is not None
        os.chmod(service.dir + "/run/bobbin.sock", 0o666)
        if os.geteuid() == 0:
            status, out, err = service.run("upgrade", user=65534)
            assert status != 0 and "administrator" in err, (status, out, err)
        one.close()
        two.close()


def what_takes_its_time_is_not_waited_for():
    """Nobody else has to wait for an app that does not want to end."""
    with Installed() as service:
        service.register("slow", {"main": shell('trap "" TERM; while :; do sleep 0.05; done', 'stop_timeout = "3s"')})
        service.call("app.start", "slow")
        service.until_state("slow", "running")
        stopping, client = service.client(), service.client()
        stop = stopping.send("app.stop", "slow")
        service.until_state("slow", "stopping")
        assert client.error("daemon.upgrade") == ("busy", "not upgraded now: app 'slow' is being stopped")
        assert "begins" not in service.words()
        assert stopping.receive(stop)["components"][0]["state"] == "stopped"
        service.upgrade()
        stopping.close()
        client.close()


def an_upgrade_that_is_late_is_given_up():
    """A disk that takes 12 seconds to sync: the daemon waits for 10, serves nobody meanwhile, and goes on."""
    if "TEST_SLOW_SYNC" not in os.environ:
        return "SKIPPED: TEST_SLOW_SYNC is not set"
    service = Installed()
    slow = service.dir + "/slow"
    before = dict(os.environ)
    os.environ.update(LD_PRELOAD=os.environ["TEST_SLOW_SYNC"], BOBBIN_TEST_SLOW_SYNC=slow)
    os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    try:
        service.start()
    finally:
        os.environ.clear()
        os.environ.update(before)
    try:
        service.register("app", {"main": FOREVER})
        writer, reader, client = service.client("app"), service.client("app"), service.client()
        assert writer.call("increment", "default", "n", 1) == 1
        with open(slow + ".new", "w") as file:
            file.write("12000")
        os.rename(slow + ".new", slow)
        write = writer.send("increment", "default", "n", 1)
        until(lambda: os.path.exists(slow + ".begun"), "it is being synced")
        asked = client.send("daemon.upgrade")
        until(lambda: "begins" in service.words(), "the upgrade begins")
        read_meanwhile = reader.send("ping")
        try:
            client.receive(asked)
            raise AssertionError("it was upgraded")
        except Refused as refused:
            assert (refused.code, refused.text) == ("busy", "not upgraded within 10 s: requests are not answered")
        assert reader.receive(read_meanwhile) == "pong"
        assert writer.receive(write) == 2
        service.upgrade()
        assert writer.call("increment", "default", "n", 1) == 3
        for each in (writer, reader, client):
            each.close()
    finally:
        service.__exit__(*sys.exc_info())


def new_clients_find_somebody_all_the_time():
    """Connections that are made while nobody serves wait, and are served."""
    with Installed() as service:
        service.register("app", {"main": FOREVER})
        failures, made, enough = [], [0], threading.Event()

        def connect():
            while not enough.is_set():
                try:
                    with contextlib.closing(service.client("app")) as client:
                        client.call("increment", "default", "n", 1)
                        made[0] += 1
                except Exception as failure:
                    failures.append(failure)
                    return

        thread = threading.Thread(target=connect)
        thread.start()
        for _ in range(5):
            seen = made[0]
            service.upgrade()
            until(lambda: made[0] > seen + 10 or failures, "more clients")
        enough.set()
        thread.join(PATIENCE)
        assert not failures, failures
        with contextlib.closing(service.client("app")) as client:
            assert client.call("increment", "default", "n", 0) == made[0]
        return "%d connections" % made[0]


run_tests([test for test in [
    upgrades_under_load, everything_goes_on, a_connection_keeps_what_it_sent_in_part,
    a_peer_that_does_not_read_gets_all_its_answers, a_watch_misses_nothing_and_is_told_nothing_twice,
    what_expires_is_told_though_nobody_asks,
    what_is_wrong_with_the_program_changes_nothing, another_version_starts_everything_anew,
    a_handover_that_cannot_be_read_is_let_go, a_changed_manifest_takes_effect, the_end_of_an_upgraded_daemon,
    only_administrators_and_one_at_a_time, new_clients_find_somebody_all_the_time,
    what_takes_its_time_is_not_waited_for, an_upgrade_that_is_late_is_given_up,
] if not sys.argv[3:] or test.__name__ in sys.argv[3:]])
