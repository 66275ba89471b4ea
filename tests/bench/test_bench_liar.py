#!/usr/bin/env python3
"""A server that lies has to be caught: bobbin-bench checks every answer.

usage: test_bench_liar.py BINDIR

Plays a server of Bobbin's that is right but for one thing, and wants the bench to fail and to say so.
"""
import os
import socket
import subprocess
import sys
import tempfile
import threading

import msgpack


class Liar:
    """Keeps a dict; `lie` gets (method, params, honest response) and returns bytes or None to close."""

    def __init__(self, path, lie):
        self.lie = lie
        self.entries = {}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def answer(self, id, method, params):
        result = None
        if method == "set":
            self.entries[params[1]] = params[2]
        elif method == "get":
            result = self.entries.get(params[1])
        elif method == "increment":
            result = self.entries[params[1]] = self.entries.get(params[1], 0) + params[2]
        return [1, id, None, result]

    def serve(self, connection):
        unpacker = msgpack.Unpacker()
        try:
            while data := connection.recv(65536):
                unpacker.feed(data)
                for _, id, method, params in unpacker:
                    reply = self.lie(method, params, self.answer(id, method, params))
                    if reply is None:
                        connection.close()
                        return
                    connection.sendall(reply)
        except OSError:
            pass


def pack(message):
    return msgpack.packb(message)


def lies_about(wanted, change):
    """A lie about one method: `change` gets the honest response."""
    return lambda method, params, honest: change(honest) if method == wanted else pack(honest)


def with_result(change):
    return lambda honest: pack([honest[0], honest[1], None, change(honest[3])])


# name: (operation, lie, what the bench has to say; None: nothing is wrong)
CASES = {
    "honest get": ("get", lies_about("get", pack), None),
    "honest set": ("set", lies_about("set", pack), None),
    "honest increment": ("increment", lies_about("increment", pack), None),
    "wide integers": ("get", lies_about("get", lambda h: b"\x94\x01\xce" + h[1].to_bytes(4, "big") + b"\xc0" + pack(h[3])), None),
    "an error": ("get", lies_about("get", lambda h: pack([1, h[1], ["busy", "come again"], None])), "come again"),
    "no value": ("get", lies_about("get", with_result(lambda v: None)), "has no value"),
    "a short value": ("get", lies_about("get", with_result(lambda v: v[:-1])), "not the one of its key"),
    "another key's value": ("get", lies_about("get", with_result(lambda v: b"\xff" + v[1:])), "not the one of its key"),
    "a number for a value": ("get", lies_about("get", with_result(lambda v: 7)), "is no value"),
    "a value for a set": ("set", lies_about("set", with_result(lambda v: b"x")), "answer to a set"),
    "no number": ("increment", lies_about("increment", with_result(lambda v: None)), "increment"),
    "a number below": ("increment", lies_about("increment", with_result(lambda v: 0)), "increment"),
    "another id": ("get", lies_about("get", lambda h: pack([1, 77, None, h[3]])), "nothing asked for"),
    "two answers": ("get", lies_about("get", lambda h: pack(h) * 2), "nothing asked for"),
    "no MessagePack-RPC": ("get", lies_about("get", lambda h: b"\xc1"), "cannot be read"),
    "a notification": ("get", lies_about("get", lambda h: pack([2, "changed", []])), "cannot be read"),
    "a closed connection": ("get", lies_about("get", lambda h: None), "closed the connection"),
}


def run(bin_dir, work, name, op, lie, text):
    path = os.path.join(work, "liar.sock")
    if os.path.exists(path):
        os.unlink(path)
    Liar(path, lie)
    bench = subprocess.run(
        [os.path.join(bin_dir, "bobbin-bench"), "--socket", path, "--dir", work, "--op", op, "-c", "2",
         "-n", "20", "--seconds", "0.2", "--warmup", "0"],
        capture_output=True, text=True, timeout=120)
    if text is None:
        assert bench.returncode == 0, (name, bench.stderr)
    else:
        assert bench.returncode == 1, (name, bench.returncode, bench.stdout)
        assert text in bench.stderr, (name, bench.stderr)
        assert "throughput" not in bench.stdout, (name, bench.stdout)


def main():
    with tempfile.TemporaryDirectory(prefix="bobbin-test.") as work:
        for name, (op, lie, text) in CASES.items():
            run(sys.argv[1], work, name, op, lie, text)
        left = [entry for entry in os.listdir(work) if entry != "liar.sock"]
        assert not left, left
    print(f"ok: {len(CASES)} servers")


if __name__ == "__main__":
    main()
