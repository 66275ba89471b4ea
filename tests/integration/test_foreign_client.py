#!/usr/bin/env python3
"""A client from PROTOCOL.md alone: nothing but sockets and a MessagePack library.

Usage: test_foreign_client.py BIN_DIR
"""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import msgpack

passed = failed = 0


def check(name, good):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print("FAILED:", name)


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__(code, text)
        self.code = code


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False)
        self.last_id = 0

    def send(self, method, *params):
        self.last_id += 1
        self.socket.sendall(msgpack.packb([0, self.last_id, method, params], use_bin_type=True))
        return self.last_id

    def receive(self):
        while True:
            for message in self.unpacker:
                return message
            received = self.socket.recv(65536)
            if not received:
                raise EOFError
            self.unpacker.feed(received)

    def call(self, method, *params):
        want = self.send(method, *params)
        kind, got, error, result = self.receive()
        assert (kind, got) == (1, want), (kind, got, want)
        if error is not None:
            raise Refused(*error)
        return result


def refused_with(code, client, *call):
    try:
        client.call(*call)
    except Refused as e:
        return e.code == code
    return False


def exercise(path, directory):
    c = Client(path)
    hello = c.call("hello", {"client": "python", "protocol": 1})
    check("hello", hello["server"] == "bobbind" and hello["protocol"] == 1 and hello["app"] is None)
    check("limits", hello["limits"]["key"] == 2048)
    check("ping", c.call("ping") == "pong")
    check("not attached", refused_with("invalid-request", c, "get", "default", "a"))
    check("no such app", refused_with("no-such-app", c, "attach", "nothing"))
    status = c.call("app.register", directory)
    check("register", status["directory"] == directory and status["components"] == [])
    check("attach", c.call("attach", status["name"])["stores"] == ["default"])
    check("absent", c.call("get", "default", "a") is None)
    check("set", c.call("set", "default", "a", b"\x00\xff") is None)
    check("get", c.call("get", "default", "a") == b"\x00\xff")
    check("exists", c.call("exists", "default", "a") is True)
    check("delete", c.call("delete", "default", "a") is None)
    check("gone", c.call("exists", "default", "a") is False)
    check("no such store", refused_with("no-such-store", c, "get", "other", "a"))

    ids = [c.send("set", "default", "k%03d" % i, b"v") for i in range(100)]
    check("pipelined", sorted(c.receive()[1] for _ in ids) == ids)
    keys, cursor = [], None
    while True:
        page, cursor = c.call("keys", "default", {"prefix": "k", "limit": 9, "cursor": cursor})
        keys += page
        if cursor is None:
            break
    check("keys", keys == ["k%03d" % i for i in range(100)])
    # A number stands for one state of a key, also when two writes of it come together.
    told = {"commit": True}
    calls = [("set", "default", "x%d" % i, b"") for i in range(500)]
    calls += [("set", "default", "c", b"1", told), ("get", "default", "c", told)]
    calls += [("set", "default", "c", b"2", told)]
    ids = [c.send(*call) for call in calls]
    answers = {answer[1]: answer[3] for answer in (c.receive() for _ in ids)}
    first, read, second = (answers[i][1] for i in ids[-3:])
    check("numbers tell writes apart", first < second and read < second)
    since = [["c", {"since": first}]]
    check("changed since", c.call("atomic", "default", since, []) == [False, 0])
    since = [["c", {"since": second}]]
    check("unchanged since", c.call("atomic", "default", since, []) == [True, None])
    check("list", [a["name"] for a in c.call("app.list")] == [status["name"]])
    other = Client(path)
    check("unregister", other.call("app.unregister", status["name"]) is None)


def main():
    bin_dir = sys.argv[1]
    top = tempfile.mkdtemp(prefix="bobbin-test.")
    path = os.path.join(top, "bobbin.sock")
    directory = os.path.realpath(os.path.join(top, "app"))
    os.mkdir(directory)
    daemon = subprocess.Popen(
        [os.path.join(bin_dir, "bobbind"), "--socket", path, "--state-dir", top + "/state"]
    )
    try:
        deadline = time.monotonic() + 60
        while not os.path.exists(path) and time.monotonic() < deadline:
            time.sleep(0.01)
        exercise(path, directory)
        daemon.send_signal(signal.SIGTERM)
        check("daemon exits with 0", daemon.wait(60) == 0)
    finally:
        if daemon.poll() is None:
            daemon.kill()
            daemon.wait()
        shutil.rmtree(top)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


main()
