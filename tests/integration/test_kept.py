#!/usr/bin/python3
"""A service manager that keeps descriptors restarts the daemon: app processes, connections and watches go on under a
daemon that is another process. Usage: test_kept.py BIN_DIR APPS_DIR"""
import contextlib
import os
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
from fake_systemd import Manager
from service import Service, alive, check_ticks, read, run_tests, shell, ticks, until, within

BIN, APPS = sys.argv[1:3]
FOREVER = shell("exec sleep 1000")


class Managed(Service):
    def __init__(self, room=4096):
        super().__init__(BIN)
        self.manager = Manager(self.dir + "/notify", room)

    def start(self):
        command = [self.bobbind, "--socket", self.socket, "--state-dir", self.state_dir, "--config", self.config]
        self.process = self.manager.start(command, self.log)
        until(self.answers, "bobbind answers")

    def leave(self):
        os.kill(self.process.pid, signal.SIGUSR2)
        status = self.reap()
        assert status == 0, status

    def restart(self):
        before, count = self.process.pid, self.words().count("took over from bobbind")
        self.leave()
        assert len(self.manager.store) > 3 and not self.manager.refused
        self.start()
        assert self.process.pid != before
        until(lambda: self.words().count("took over from bobbind") > count, "it took over")
        until(lambda: not self.manager.store, "nothing is kept any more")

    def lasting(self, app):
        return [(c["pid"], c["since"], c["state"], c["restarts"]) for c in self.components(app)]


def parent(pid):
    with open("/proc/%d/stat" % pid) as file:
        return int(file.read().rpartition(")")[2].split()[1])


def restarts_keep_everything():
    with Managed() as service:
        path = service.start_ticker(APPS)
        before = service.lasting("ticker")
        client, watcher = service.client("ticker"), service.client("ticker")
        assert watcher.call("watch", "default", {"prefix": "mine"}) == 1
        for n in range(3):
            assert client.call("increment", "default", "mine", 1) == 2 * n + 1
            service.leave()
            asked = client.send("increment", "default", "mine", 1)  # while there is no daemon
            service.start()
            assert client.receive(asked) == 2 * n + 2
            seen = len(ticks(path))
            until(lambda: len(ticks(path)) > seen + 50, "the app counts on")
            until(lambda: not service.manager.store, "nothing is kept any more")
            assert service.lasting("ticker") == before and parent(before[0][0]) != service.process.pid
        assert client.call("set", "default", "enough", b"") is None
        service.until_state("ticker", "failed")  # nobody tells how it ended
        assert "how is not known" in service.component("ticker")["reason"]
        count = check_ticks(path)
        changes = []
        while len(changes) < 6:
            changes += [m[2] for m in watcher.unpacker if m[0] == 2]
            if len(changes) < 6:
                watcher.unpacker.feed(watcher.socket.recv(65536))
        assert [c[:1] + c[2:4] for c in changes] == [[1, "mine", "set"]] * 6, changes
        client.close()
        watcher.close()
        return "%d increments of the app, 3 restarts" % count


def what_was_taken_over_is_looked_after():
    """It is restarted when it ends, with its whole group; and stopped when that is asked for."""
    with Managed() as service:
        tool = shell("sleep 1000 & echo $! >> children; exec sleep 1000", 'restart = "always"')
        path = service.register("app", {"main": tool})
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        until(lambda: len(read(path + "/children").split()) == 1, "its child")
        service.restart()
        service.restart()
        assert service.component("app")["pid"] == pid
        os.kill(pid, signal.SIGKILL)
        until(lambda: service.component("app")["pid"] not in (pid, None), "it was started again")
        until(lambda: len(read(path + "/children").split()) == 2, "its next child")
        children = [int(child) for child in read(path + "/children").split()]
        until(lambda: not alive(children[0]), "what it left behind is gone")
        assert alive(children[1]) and service.component("app")["restarts"] == 1
        service.restart()
        assert service.call("app.stop", "app")["components"][0]["state"] == "stopped"
        assert not alive(children[1])


def whatever_ends_the_daemon_ends_the_apps():
    for end in ("kill", "stop", "never started"):
        with Managed() as service:
            service.register("app", {"main": shell("sleep 1000 & echo $! > child; wait"), "two": FOREVER})
            service.call("app.start", "app")
            until(lambda: all(c["state"] == "running" for c in service.components("app")), "running")
            until(lambda: read(service.dir + "/app/child"), "its child")
            pids = [c["pid"] for c in service.components("app")] + [int(read(service.dir + "/app/child"))]
            service.restart()
            if end == "never started":
                service.leave()
                time.sleep(0.2)
                assert all(map(alive, pids))
                service.manager.drop()
            else:
                getattr(service, end)()
            within(1, lambda: not any(map(alive, pids)), "no process of the app")
            os.unlink(service.dir + "/app/child")


def without_room_it_ends_as_ever():
    for room in (0, 4):
        with Managed(room) as service:
            path = service.register("app", {"main": shell('trap "echo bye > bye; exit" TERM; touch ready; while :; do sleep 0.05; done')})
            service.call("app.start", "app")
            pid = service.until_state("app", "running")["pid"]
            until(lambda: os.path.exists(path + "/ready"), "it listens to signals")
            service.leave()
            assert not alive(pid) and read(path + "/bye") and not service.manager.store
            service.start()
            assert service.until_state("app", "running")["pid"] != pid


def connections_give_way_to_apps():
    """Room for the app's descriptors, not for those of many clients."""
    with Managed(16) as service:
        service.register("app", {"main": FOREVER})
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        clients = [service.client("app") for _ in range(20)]
        service.leave()
        service.start()
        assert service.component("app")["pid"] == pid
        for client in clients:
            with contextlib.suppress(ConnectionError):
                client.call("ping")
                raise AssertionError("the connection is there")
            client.close()


def sockets_of_units_stay_beside_what_is_kept():
    service = Managed()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(service.socket)
    listener.listen()
    service.manager.sockets = [("bobbind.socket", listener.fileno())]
    with service:
        service.register("app", {"main": FOREVER})
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        client = service.client("app")
        for n in range(3):
            assert client.call("increment", "default", "n", 1) == n + 1
            service.restart()
            assert service.component("app")["pid"] == pid
        assert service.call("daemon.upgrade")["processes"] == 1
        assert service.component("app")["pid"] == pid and client.call("increment", "default", "n", 1) == 4
        client.close()
        service.stop()
        assert os.path.exists(service.socket), "the socket is systemd's"
    listener.close()


def what_is_kept_by_mistake_is_let_go():
    with Managed() as service:
        service.register("app", {"main": FOREVER})
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        service.leave()
        for entry in [e for e in service.manager.store if e[0] == "bobbin-kept-handover"]:
            service.manager.store.remove(entry)
            os.close(entry[1])
        service.start()
        until(lambda: "started anew" in service.words() and service.answers(), "it answers at a socket of its own")
        within(1, lambda: not alive(pid), "the process is gone")
        assert service.until_state("app", "running")["pid"] != pid


run_tests([
    restarts_keep_everything, what_was_taken_over_is_looked_after, whatever_ends_the_daemon_ends_the_apps,
    without_room_it_ends_as_ever, connections_give_way_to_apps,
    sockets_of_units_stay_beside_what_is_kept, what_is_kept_by_mistake_is_let_go,
])
