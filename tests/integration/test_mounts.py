#!/usr/bin/python3
"""App directories that are mounts: unmounted, remounted read-only, covered by another one; in mounts of the
test's own. Usage: test_mounts.py BIN_DIR"""
import contextlib
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from service import Refused, Service, alive, run_tests, shell, until, with_private_mounts, within

BIN = sys.argv[1]
FOREVER = shell("exec sleep 1000")


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def mounted_app(service):
    """A running app whose directory is a tmpfs, and a connection to it."""
    path = service.dir + "/app"
    os.mkdir(path, 0o755)
    mount("-t", "tmpfs", "-o", "mode=755", "none", path)
    service.register("app", {"main": FOREVER})
    service.call("app.start", "app")
    pid = service.until_state("app", "running")["pid"]
    client = service.client("app")
    client.call("set", "default", "a", b"1")
    return path, pid, client


def end_of(client):
    """What the connection's last word is."""
    try:
        client.call("get", "default", "a")
    except Refused as refused:
        return refused.code
    except (ConnectionError, BrokenPipeError):
        return "closed"
    return "answered"


def unmounted_directory_ends_the_app():
    """Lazily, with the files still open: nothing is written into the directory below."""
    with Service(BIN) as service:
        path, pid, client = mounted_app(service)
        subprocess.run(["umount", "-l", path], check=True)
        took = within(2, lambda: not service.call("app.list"), "the app leaves")
        assert end_of(client) in ("no-such-app", "closed")
        until(lambda: not alive(pid), "its process is gone")
        assert os.listdir(path) == [], os.listdir(path)
        assert "app 'app' at '%s' leaves: its directory is gone or another one" % path in service.words()
        # What is registered there now is another app, and empty.
        service.register("app", {"main": FOREVER})
        assert service.client("app").call("keys", "default") == [[], None]
        return "noticed after %.2f s" % took


def covered_directory_ends_the_app():
    with Service(BIN) as service:
        path, pid, client = mounted_app(service)
        mount("-t", "tmpfs", "-o", "mode=755", "none", path)
        within(2, lambda: not service.call("app.list"), "the app leaves")
        until(lambda: not alive(pid), "its process is gone")
        assert end_of(client) in ("no-such-app", "closed")
        assert os.listdir(path) == [], os.listdir(path)


def read_only_directory_is_told_and_over_when_it_is():
    """The kernel lets go of the right to write only where no file is open for it: the store is closed."""
    tool = shell("while read line < pipe; do echo $line; done; exec sleep 1000")
    with Service(BIN, 'store_idle = "100ms"\n') as service:
        path = service.dir + "/app"
        os.mkdir(path, 0o755)
        mount("-t", "tmpfs", "-o", "mode=755", "none", path)
        os.mkfifo(path + "/pipe", 0o600)
        service.register("app", {"main": tool})
        with contextlib.closing(service.client("app")) as client:
            client.call("set", "default", "a", b"1")
        remount = lambda how: subprocess.run(["mount", "-o", "remount," + how, path], stderr=subprocess.DEVNULL).returncode
        until(lambda: remount("ro") == 0, "it is read-only")
        told = lambda: service.call("app.status", "app").get("error", "")
        took = within(2, lambda: "Read-only file system" in told(), "the trouble is told")
        assert told() == "directory '%s' cannot be written: Read-only file system" % path, told()
        assert "warning: app 'app': directory '%s' cannot be written: Read-only" % path in service.words()
        code, text = service.client().error("attach", "app")
        assert code == "other" and "/app/.spin/sqlite_key_value.db': " in text, (code, text)
        # A process runs all the same; what it writes is lost, which is counted and told.
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        with open(path + "/pipe", "w") as pipe:
            pipe.write("lost\n")
        until(lambda: service.component("app")["dropped"] == 5, "its output is dropped")
        assert alive(pid)
        assert remount("rw") == 0
        within(2, lambda: not told(), "it is in order again")
        client = service.client("app")
        assert client.call("get", "default", "a") == b"1"
        client.call("set", "default", "a", b"2")
        return "noticed after %.2f s: %s" % (took, text)


run_tests(
    with_private_mounts(
        [
            unmounted_directory_ends_the_app,
            covered_directory_ends_the_app,
            read_only_directory_is_told_and_over_when_it_is,
        ]
    )
)
