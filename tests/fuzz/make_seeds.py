"""Inputs to begin with, a directory for each fuzz target: make_seeds.py SOURCES OUT

What a target's input looks like stands at the top of its fuzz_NAME.c.
"""
import glob
import hashlib
import json
import os
import re
import shutil
import sqlite3
import struct
import sys


class Seeds:
    def __init__(self, out):
        self.out = out

    def add(self, target, content):
        path = os.path.join(self.out, target)
        os.makedirs(path, exist_ok=True)
        with open(os.path.join(path, hashlib.sha256(content).hexdigest()[:16]), "wb") as file:
            file.write(content)


def message(step, part):
    found = step.get(part)
    return bytes.fromhex(found["bytes"]) if found and "bytes" in found else None


def block(content):
    return struct.pack("<H", min(len(content), 65535)) + content[:65535]


# As `call` of fuzz_client.c numbers them.
CLIENT_CALLS = {
    "get": 0, "keys": 1, "entries": 2, "get_many": 3, "swap": 4, "set": 5, "ttl": 6, "increment": 7, "count": 8,
    "atomic": 9, "watch": 10, "store.backup": 11, "app.list": 13, "app.status": 14, "stats": 15, "app.logs": 16,
    "events": 17, "attach": 18,
}


def result_of(response):
    """The bytes behind [1, id, nil, …]; None for an error."""
    at = 2
    at += {0xCC: 2, 0xCD: 3, 0xCE: 5}.get(response[at], 1)
    return response[at + 1:] if response[at] == 0xC0 else None


def add_messages(seeds, scenarios):
    hello = None
    for scenario in scenarios:
        said = {}
        for step in scenario["steps"]:
            request, response = message(step, "request"), message(step, "response")
            for found in (request, response, message(step, "notification")):
                if found:
                    seeds.add("codec", found)
                    seeds.add("scanner", b"\0\0\x0a" + found)
            if request:
                said.setdefault(step["connection"], []).append(request)
                seeds.add("dispatch", b"\0\0" + request)
            if response and request:
                method = step["request"]["message"][2] if len(step["request"]["message"]) > 2 else None
                result = result_of(response)
                if method == "hello" and result and not hello:
                    hello = b"\0" + block(result)
                elif method in CLIENT_CALLS and hello:
                    form = (0, result) if result is not None else (1, response[:2] + b"\2" + response[3:])
                    seeds.add("client", hello + bytes([CLIENT_CALLS[method], form[0]]) + block(form[1]))
            change = message(step, "notification")
            if change and hello and change[2:10] == b"\xa7changed":
                seeds.add("client", hello + b"\5\2" + block(change[10:]) + b"\x0c\0" + block(b"\xc0"))
        for requests in said.values():
            together = b"".join(requests)
            seeds.add("scanner", b"\7\1\x0a" + together)
            for who in range(4):
                seeds.add("dispatch", bytes([who, 0]) + together)
                seeds.add("dispatch", bytes([who, 7]) + together)


def add_files(seeds, sources):
    for path in glob.glob(sources + "/tests/apps/*/spin.toml"):
        with open(path, "rb") as file:
            seeds.add("manifest", file.read())
    with open(sources + "/daemon/config.h") as file:
        example = [line[7:] for line in file.read().split("#ifndef")[0].splitlines() if line.startswith(" *     ")]
    seeds.add("config", "\n".join(line.replace("*/", "") for line in example).encode())
    for line in example:
        seeds.add("config", line.replace("*/", "").encode())


def add_registry(seeds):
    path = seeds.out + "/registry.tmp"
    for version in (0, 1):
        if os.path.exists(path):
            os.remove(path)
        db = sqlite3.connect(path)
        born = ", born_ns INTEGER NOT NULL DEFAULT 0" if version else ""
        db.executescript(
            "PRAGMA page_size=512; CREATE TABLE app(path TEXT NOT NULL PRIMARY KEY, dev INTEGER NOT NULL,"
            " ino INTEGER NOT NULL, wanted TEXT NOT NULL%s) WITHOUT ROWID; PRAGMA user_version=%d;"
            "INSERT INTO app(path, dev, ino, wanted) VALUES('/srv/a', 1, 2, '*'), ('/srv/b', 1, 3, 'x');" % (born, version)
        )
        db.close()
        with open(path, "rb") as file:
            seeds.add("registry", file.read())
    os.remove(path)
    seeds.add("registry", b"")


def add_stores(seeds):
    """A plain file, and one with a WAL; both have long values and free pages."""
    path = seeds.out + "/store.tmp"
    db = sqlite3.connect(path, isolation_level=None)
    db.executescript(
        "PRAGMA page_size=512; CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL,"
        " PRIMARY KEY (store, key)); CREATE TABLE bobbin_meta(name TEXT NOT NULL PRIMARY KEY, value) WITHOUT ROWID;"
        "INSERT INTO bobbin_meta VALUES('commit', 77)"
    )
    for n in range(30):
        value = b"value " * (n if n % 7 else n * 40)
        db.execute("INSERT INTO spin_key_value VALUES('default', ?, ?)", ("key-%d" % n, value))
    db.execute("DELETE FROM spin_key_value WHERE key LIKE 'key-2%'")
    with open(path, "rb") as file:
        seeds.add("salvage", struct.pack("<H", 0) + file.read())
    db.executescript("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0")
    for n in range(5):
        db.execute("INSERT INTO spin_key_value VALUES('other', ?, ?)", ("late-%d" % n, b"x" * (n * 200)))
    with open(path, "rb") as file, open(path + "-wal", "rb") as wal:
        seeds.add("salvage", block(wal.read()) + file.read())
    db.close()
    os.remove(path)


def change(kind, label, key, value, expires=0, same=0):
    label = b"" if same else label
    return struct.pack("<BBHIIIq", kind, same, 0, len(label), len(key), len(value), expires) + label + key + value


def add_logs(seeds):
    changes = [
        change(0, b"default", b"a", b"1"), change(0, b"default", b"b", b"2", 4102444800000, 1),
        change(1, b"default", b"a", b"", 0, 1), change(2, b"other", b"c", b""), change(0, b"default", b"one", b"", -1),
    ]
    for one in changes:
        seeds.add("redo", struct.pack("<H", 1) + block(one))
    seeds.add("redo", struct.pack("<H", 5) + block(b"".join(changes)) + struct.pack("<H", 1) + block(changes[0]))
    record = b"\0" + block(b"payload")
    # flags, generation, salt, commit, records
    seeds.add("commit_log", bytes([3]) + b"\1" + bytes([0, 1, 9, 3, 3]) + record * 3 + b"\0")
    seeds.add("commit_log", bytes([3]) + b"\1" + bytes([0, 1, 9, 3, 3]) + record * 3 + b"\1" + bytes([0, 2, 8, 6, 2]) + record * 2)
    seeds.add("commit_log", bytes([3]) + b"\1" + bytes([0, 1, 9, 3, 2]) + record + b"\x08" + block(b"x") + b"\x07\x01" + b"\0")
    seeds.add("commit_log", bytes([0]) + b"\2" + block(b"BobinLog" + bytes(56)) + b"\0")


def add_imports(seeds, sources):
    """A call of each import of the runner with arguments that make sense, after a store and a file were opened."""
    with open(sources + "/client/runner/imports.c") as file:
        table = re.findall(r'^    (?:KV1|KV2|STORE|ATOMICS|BATCH|WASI|ABSENT)\("?([^",]*)"?, "([iI]*):', file.read(), re.M)
    index = {name: number for number, (name, signature) in reversed(list(enumerate(table)))}

    def call(number, arguments, memory=b""):
        flags, before = (2, struct.pack("<H", 64) + block(memory)) if memory else (0, b"")
        arguments = (arguments + [0] * 9)[:9]
        return bytes([number, flags]) + before + b"".join(
            bytes([130, a]) if 8 < a < 256 else bytes([200]) + struct.pack("<I", a) if a > 8 else bytes([a]) for a in arguments
        )

    label = b"default\0a\0d/u/../outside/secret\0l\0/r\0r"
    openings = b"".join(call(number, [64, 7, 32], label) for number, (name, signature) in enumerate(table) if "open" in name and len(signature) == 3)
    file = call(index["path_open"], [3, 0, 72, 1, 1, 0x0FFFFFFF, 0x0FFFFFFF, 0, 32], label)
    for number, (name, signature) in enumerate(table):
        for arguments in ([1, 72, 1, 128, 5, 32], [3, 72, 1, 128, 32], [3, 0, 72, 1, 128, 64, 32], [5, 128, 1, 0, 32], [5, 32], [64, 128, 1, 32]):
            seeds.add("runner", b"\3" + openings + file + call(number, arguments, label))
    for at, length in ((72, 1), (74, 21), (96, 1), (99, 2)):
        seeds.add("runner", b"\1" + call(index["path_open"], [3, 1, at, length, 0, 0x0FFFFFFF, 0x0FFFFFFF, 0, 32], label) + call(index["fd_read"], [5, 16, 1, 8], b"\0"))


def add_module(seeds):
    def section(number, content):
        return bytes([number, len(content)]) + content

    def name(text):
        return bytes([len(text)]) + text

    types = b"\3" + b"\x60\2\x7f\x7f\1\x7f" + b"\x60\0\1\x7f" + b"\x60\0\0"
    imports = b"\1" + name(b"wasi_snapshot_preview1") + name(b"args_get") + b"\0\0"
    exports = b"\3" + name(b"memory") + b"\2\0" + name(b"run") + b"\0\1" + name(b"_initialize") + b"\0\2"
    code = b"\2" + b"\4\0\x41\0\x0b" + b"\2\0\x0b"
    names = name(b"name") + b"\1" + bytes([11]) + b"\2" + b"\0" + name(b"imp") + b"\1" + name(b"run")
    seeds.add("module", b"\0asm\1\0\0\0" + section(1, types) + section(2, imports) + section(3, b"\2\1\2") +
              section(5, b"\1\0\1") + section(7, exports) + section(10, code) + section(0, names))
    seeds.add("module", b"\0asm\1\0\0\0")


def main():
    sources, out = sys.argv[1:]
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    seeds = Seeds(out)
    with open(sources + "/protocol/vectors.json") as file:
        add_messages(seeds, json.load(file)["scenarios"])
    add_files(seeds, sources)
    add_registry(seeds)
    add_stores(seeds)
    add_logs(seeds)
    add_imports(seeds, sources)
    add_module(seeds)
    for line in (b'{"key":"a","value":"b"}', b'{"store":"default","key":"a","value":"b","expires":4102444800000}',
                 b'{"key_base64":"YQ==","value_base64":"AAEC"}'):
        seeds.add("import", b"\0\0" + line + b"\n" + line)


main()
