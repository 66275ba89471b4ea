#!/usr/bin/python3
"""Replays protocol/vectors.json against a real bobbind. Fails as well when a method, an error or a
notification of the protocol's lists does not come up in it.

Usage: test_vectors.py BIN_DIR PRINT_PROTOCOL VECTORS [SCENARIO...]
       test_vectors.py --lend SOCKET        (an app process that hands its connection over)
"""
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import vector_notation as notation

PATIENCE = 60


class Failure(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failure(text)


def lend(path):
    """What '@LEND@' stands for in a manifest."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        socket.send_fds(s, [b"x"], [int(os.environ["BOBBIN_FD"])])
    while True:
        signal.pause()


class Connection:
    def __init__(self, s):
        self.socket = s
        self.socket.settimeout(PATIENCE)
        self.unsent = b""
        self.bytes = b""
        self.unpacker = notation.unpacker()
        self.taken = 0  # bytes of the messages that the unpacker has handed out
        self.responses = {}
        self.notifications = []

    def receive(self):
        """One more message into its place; False at the end."""
        while True:
            for message in self.unpacker:
                end = self.unpacker.tell()
                raw, self.bytes = self.bytes[: end - self.taken], self.bytes[end - self.taken :]
                self.taken = end
                if message[0] == 1:
                    expect(message[1] not in self.responses, "answered twice: %r" % message)
                    self.responses[message[1]] = (message, raw)
                else:
                    expect(message[0] == 2, "not from a daemon: %r" % message)
                    self.notifications.append((message, raw))
                return True
            try:
                received = self.socket.recv(1 << 20)
            except ConnectionResetError:
                return False
            if not received:
                return False
            self.bytes += received
            self.unpacker.feed(received)

    def response(self, id):
        while id not in self.responses:
            expect(self.receive(), "closed instead of a response to %d" % id)
        return self.responses.pop(id)

    def notification(self):
        while not self.notifications:
            expect(self.receive(), "closed instead of a notification")
        return self.notifications.pop(0)

    def expect_end(self):
        while self.receive():
            pass
        left = (list(self.responses.values()), self.notifications, self.bytes)
        expect(left == ([], [], b""), "not expected before the end: %r" % (left,))


class Replay:
    """One scenario: a directory, a daemon, connections, and what the actions need."""

    def __init__(self, bin_dir, top):
        self.bin_dir = bin_dir
        self.top = top
        self.path = os.path.join(top, "bobbin.sock")
        self.connections = {}
        self.daemon = None
        self.asked_to_stop = False  # the second SIGTERM would end it at once
        self.config = None
        self.holders = {}
        self.lender = socket.socket(socket.AF_UNIX)
        self.lender.bind(os.path.join(top, "lend.sock"))
        self.lender.listen(8)
        self.lender.settimeout(PATIENCE)

    def end(self):
        for holder in self.holders.values():
            holder.close()
        for connection in self.connections.values():
            connection.socket.close()
        self.lender.close()
        if self.daemon and self.daemon.poll() is None:
            if not self.asked_to_stop:
                self.daemon.terminate()
            try:
                self.daemon.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        return self.daemon.returncode if self.daemon else 0

    def file(self, app):
        return os.path.join(self.top, app, ".spin", "sqlite_key_value.db")

    def connection(self, name):
        if name not in self.connections:
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.path)
            self.connections[name] = Connection(s)
        return self.connections[name]

    def do_start(self, step):
        command = [os.path.join(self.bin_dir, "bobbind"), "--socket", self.path]
        command += ["--state-dir", os.path.join(self.top, "state"), "--log-level", "error"]
        if self.config:
            command += ["--config", self.config]
        self.daemon = subprocess.Popen(command)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(self.path)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                expect(self.daemon.poll() is None, "the daemon does not start")
                expect(time.monotonic() < deadline, "the daemon does not answer")
                time.sleep(0.005)

    def do_ask_to_stop(self, step):
        self.asked_to_stop = True
        self.daemon.terminate()

    def do_stop(self, step):
        self.daemon.terminate()
        expect(self.daemon.wait(PATIENCE) == 0, "the daemon ended with %d" % self.daemon.returncode)

    def do_config(self, step):
        self.do_stop(step)
        self.config = os.path.join(self.top, "bobbin.toml")
        with open(self.config, "w") as file:
            file.write(step["text"])
        self.do_start(step)

    def do_app(self, step):
        directory = os.path.join(self.top, step["dir"])
        lender = [sys.executable, os.path.abspath(__file__), "--lend", self.lender.getsockname()]
        os.mkdir(directory)
        if "manifest" in step:
            words = ", ".join(json.dumps(word) for word in lender)
            with open(os.path.join(directory, "spin.toml"), "w") as file:
                file.write(step["manifest"].replace("@LEND@", words))

    def do_hold(self, step):
        os.makedirs(os.path.dirname(self.file(step["app"])), exist_ok=True)
        holder = sqlite3.connect(self.file(step["app"]), isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        self.holders[step["app"]] = holder

    def do_release(self, step):
        self.holders.pop(step["app"]).close()

    def do_write(self, step):
        path = os.path.join(self.top, step["app"], step["path"])
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(step["text"])

    def do_sql(self, step):
        db = sqlite3.connect(self.file(step["app"]))
        db.executescript(step["text"])
        db.close()

    def do_log(self, step):
        path = os.path.join(self.top, step["app"], ".spin", "logs", step["component"] + "_stdout.txt")
        deadline = time.monotonic() + PATIENCE
        while not (os.path.exists(path) and step["text"] in open(path).read().split("\n")):
            expect(time.monotonic() < deadline, "no line '%s' in %s" % (step["text"], path))
            time.sleep(0.005)

    def do_take(self, step):
        lender, _ = self.lender.accept()
        with lender:
            _, fds, _, _ = socket.recv_fds(lender, 1, 1)
        self.connections[step["connection"]] = Connection(socket.socket(fileno=fds[0]))

    def wrong(self, wanted, got):
        """What is wrong with a message that was received, or None."""
        message, raw = got
        found = notation.mismatch(wanted["message"], message, self.top)
        if not found and wanted["exact"] and "bytes" in wanted and raw.hex() != wanted["bytes"]:
            found = "the bytes are %s, expected %s" % (raw.hex(), wanted["bytes"])
        return found

    def check(self, wanted, got):
        found = self.wrong(wanted, got)
        expect(not found, found)

    def request(self, connection, step):
        wanted = step["request"]
        packed = notation.pack(notation.encode(wanted["message"], self.top))
        if wanted["exact"] and "bytes" in wanted:
            expect(packed.hex() == wanted["bytes"], "bytes and message are not the same")
        connection.unsent += packed
        if not step.get("with_next"):
            connection.socket.sendall(connection.unsent)
            connection.unsent = b""

    def response(self, connection, step):
        wanted = step["response"]
        deadline = time.monotonic() + PATIENCE
        got = connection.response(wanted["message"][1])
        while step.get("until") == "response" and self.wrong(wanted, got):
            expect(time.monotonic() < deadline, self.wrong(wanted, got))
            time.sleep(0.005)
            self.request(connection, step)
            got = connection.response(wanted["message"][1])
        self.check(wanted, got)

    def notification(self, connection, step):
        got = connection.notification()
        while step.get("until") == "notification" and self.wrong(step["notification"], got):
            got = connection.notification()
        self.check(step["notification"], got)

    def step(self, step):
        if "do" in step:
            getattr(self, "do_" + step["do"].replace("-", "_"))(step)
            return
        connection = self.connection(step["connection"])
        if "request" in step:
            self.request(connection, step)
        if "request_bytes" in step:
            connection.socket.sendall(bytes.fromhex(step["request_bytes"]))
        if "response" in step:
            self.response(connection, step)
        if "notification" in step:
            self.notification(connection, step)
        if step.get("closed"):
            connection.expect_end()


def replay(bin_dir, scenario):
    top = os.path.realpath(tempfile.mkdtemp(prefix="bobbin-test."))
    at = None
    try:
        r = Replay(bin_dir, top)
        try:
            r.do_start(None)
            for at in scenario["steps"]:
                r.step(at)
        finally:
            code = r.end()
        expect(code == 0, "the daemon ended with %d" % code)
    except (Failure, OSError, sqlite3.Error) as e:
        return "%s: %s" % (at["name"] if at else "start", e)
    finally:
        shutil.rmtree(top)
    return None


def replay_runner(bin_dir, scenario):
    """Responses that the daemon does not send: our own client library must know them."""
    top = tempfile.mkdtemp(prefix="bobbin-test.")
    try:
        for step in scenario["steps"]:
            found = show_to_client(bin_dir, os.path.join(top, "s"), step)
            if found:
                return "%s: %s" % (step["name"], found)
    finally:
        shutil.rmtree(top)
    return None


def show_to_client(bin_dir, path, step):
    """The bytes, with the client's id in place of theirs, as the answer to all that `bobbin` asks."""
    message, raw = step["response"]["message"], bytes.fromhex(step["response"]["bytes"])
    expect(raw[:3] == bytes([0x94, 1, message[1]]), "not a response of that id")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(1)
        listener.settimeout(PATIENCE)
        client = subprocess.Popen(
            [os.path.join(bin_dir, "bobbin"), "--json", "--socket", path, "ping"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            peer, _ = listener.accept()
            with peer:
                asked = Connection(peer)
                request = next_request(asked)
                peer.sendall(raw[:2] + notation.pack(request[1]) + raw[3:])
                said, _ = client.communicate(timeout=PATIENCE)
        finally:
            client.kill()
            client.wait()
            os.unlink(path)
    code, text = message[2]
    if client.returncode == 0 or code not in said or text not in said:
        return "the client says '%s', exit status %d" % (said.strip(), client.returncode)
    return None


def next_request(connection):
    while True:
        for message in connection.unpacker:
            return message
        received = connection.socket.recv(65536)
        expect(received, "the client asks nothing")
        connection.unpacker.feed(received)


def what_comes_up(doc):
    """The methods that are answered without error, the errors and the notifications in the file."""
    found = {"method": set(), "error": set(), "notification": set()}
    for scenario in doc["scenarios"]:
        asked = {}
        for step in scenario["steps"]:
            if "request" in step:
                message = step["request"]["message"]
                asked[step["connection"], message[1]] = message[2]
            if "response" in step:
                message = step["response"]["message"]
                if message[2]:
                    found["error"].add(message[2][0])
                elif (step["connection"], message[1]) in asked:
                    found["method"].add(asked[step["connection"], message[1]])
            if "notification" in step:
                found["notification"].add(step["notification"]["message"][1])
    return found


def missing(doc, print_protocol):
    said = subprocess.run([print_protocol], check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = said.splitlines()
    expect(len(lines) > 30, "the lists of the protocol are too short: " + said)
    found = what_comes_up(doc)
    listed = [line.split(" ", 1) for line in lines]
    gone = [kind + " " + name for kind, names in found.items() for name in names if [kind, name] not in listed]
    return [line for line in lines if line.split(" ", 1)[1] not in found[line.split(" ", 1)[0]]], gone


def malformed_steps(doc):
    """The file itself: bytes and notation say the same."""
    for scenario in doc["scenarios"]:
        for step in scenario["steps"]:
            for key in ("request", "response", "notification"):
                if key in step and "bytes" in step[key]:
                    packed = notation.pack(notation.encode(step[key]["message"], doc["root"]))
                    if packed.hex() != step[key]["bytes"]:
                        yield "%s: %s: %s" % (scenario["name"], step["name"], key)


def main():
    if sys.argv[1] == "--lend":
        lend(sys.argv[2])
    bin_dir, print_protocol, path = sys.argv[1:4]
    with open(path, encoding="utf-8") as file:
        doc = json.load(file)
    failed = ["bytes and message differ: " + found for found in malformed_steps(doc)]
    not_there, gone = missing(doc, print_protocol)
    failed += ["no vector: " + line for line in not_there] + ["not in the lists: " + line for line in gone]
    steps = 0
    for scenario in doc["scenarios"]:
        if sys.argv[4:] and scenario["name"] not in sys.argv[4:]:
            continue
        runner = scenario.get("origin") == "runner"
        found = (replay_runner if runner else replay)(bin_dir, scenario)
        steps += len(scenario["steps"])
        if found:
            failed.append("%s: %s" % (scenario["name"], found))
    for line in failed:
        print("FAILED:", line)
    print("%d steps of %d scenarios, %d failed" % (steps, len(doc["scenarios"]), len(failed)))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
