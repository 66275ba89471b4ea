#!/usr/bin/env python3
"""export and import: what goes out comes in again, streaming; hostile input is refused by its line.
test_transfer.py BIN_DIR [ENTRIES]"""
import base64
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import cli_service
from cli_service import check, wait_for
from cli_terminal import Terminal

SANITIZED = cli_service.sanitized(sys.argv[1])
ENTRIES = int(sys.argv[2]) if len(sys.argv) > 2 else 50_000 if SANITIZED else 1_000_000
RSS_MOST_KIB = 32 * 1024
FILE = ".spin/sqlite_key_value.db"


def b64(data):
    return base64.b64encode(data).decode()


def line(key, value, **more):
    return (json.dumps({"key": key, "value": value, **more}) + "\n").encode()


def export(s, *args):
    return s.bobbin("export", *args).stdout


def wipe(s, *args):
    """All entries of a store, by the command line."""
    while keys := s.bobbin("keys", "--null", "--limit", "10000", *args).stdout:
        s.bobbin("delete-many", "--null", "-", *args, data=keys)


# A million entries.

def odd(i):
    """The i-th entry: most are plain, some are not."""
    if i % 1000 == 0:
        return f"key-{i:07}\n\"\\\0\x1f\x7f é", bytes((i // 1000 + j) % 256 for j in range(300))
    return f"key-{i:07}", b"value of %d" % i


def fill(s):
    """By SQLite itself, into a store that the daemon does not have open."""
    os.makedirs(f"{s.app}/.spin", exist_ok=True)
    db = sqlite3.connect(f"{s.app}/{FILE}")
    db.execute("PRAGMA synchronous=OFF")
    db.execute("CREATE TABLE IF NOT EXISTS spin_key_value(store TEXT NOT NULL, key TEXT NOT NULL, "
               "value BLOB NOT NULL, PRIMARY KEY(store, key))")
    db.executemany("INSERT INTO spin_key_value VALUES('default', ?, ?)", (odd(i) for i in range(ENTRIES)))
    db.executemany("INSERT INTO spin_key_value VALUES('cache', ?, ?)", ((f"c{i}", b"") for i in range(1000)))
    db.commit()
    db.close()


def content(s):
    """The hash over all entries in order, of the file as it lies there, and how many they are."""
    db = sqlite3.connect(f"{s.app}/{FILE}")
    check("the file is whole", db.execute("PRAGMA quick_check").fetchone() == ("ok",))
    hashed, count = hashlib.sha256(), 0
    for store, key, value in db.execute("SELECT store, CAST(key AS BLOB), value FROM spin_key_value ORDER BY store, key"):
        hashed.update(b"%d %d %d " % (len(store), len(key), len(value)) + store.encode() + key + value)
        count += 1
    db.close()
    return count, hashed.hexdigest()


def measured(s, *args):
    """The exit status, standard output, seconds, and the peak of the command's memory in KiB."""
    begin, peak = time.monotonic(), 0
    process = s.start_bobbin(*args)
    # The kernel keeps the peak, which only grows: the last look before the end is it, as good as.
    while process.poll() is None:
        with open(f"/proc/{process.pid}/status") as status:
            peak = max([peak] + [int(text.split()[1]) for text in status if text.startswith("VmHWM")])
        time.sleep(0.005)
    out, err = process.communicate()
    check(f"{args[0]} is quiet", err == b"", err)
    check("its memory was seen", peak > 0)
    return process.returncode, out, time.monotonic() - begin, peak


def test_million(s):
    s.bobbin("unregister", s.app)
    fill(s)
    before = content(s)
    s.bobbin("register", s.app)
    path = f"{s.top}/million.jsonl"
    status, out, seconds, rss = measured(s, "export", path)
    check("export", (status, out) == (0, b"exported %d entries\n" % (ENTRIES + 1000)), status, out)
    check("export streams", SANITIZED or rss < RSS_MOST_KIB, rss)
    print(f"export: {seconds:.1f} s, {rss} KiB", flush=True)
    s.bobbin("unregister", s.app)
    shutil.rmtree(f"{s.app}/.spin")
    s.bobbin("register", s.app)
    check("wiped", s.json("count") == {"entries": 0, "bytes": 0})
    status, out, seconds, rss = measured(s, "import", path)
    check("import", (status, out) == (0, b"imported %d entries\n" % (ENTRIES + 1000)), status, out)
    check("import streams", SANITIZED or rss < RSS_MOST_KIB, rss)
    print(f"import: {seconds:.1f} s, {rss} KiB", flush=True)
    s.bobbin("unregister", s.app)
    check("the content is the same", content(s) == before, before)
    shutil.rmtree(f"{s.app}/.spin")
    os.unlink(path)
    s.bobbin("register", s.app)


# Small ones.

def test_format(s):
    s.bobbin("set", "a", "1")
    s.bobbin("set", "bytes", "-", data=b"\xff\0")
    s.bobbin("set", "text", "-", data='é\n"\\\t\0\x7f'.encode())
    s.bobbin("set", "later", "x", "--ttl", "1h")
    s.bobbin("set", "c", "cached", "--store", "cache")
    r = s.expect("export", ["export"], 0)
    lines = [json.loads(text) for text in r.stdout.splitlines()]
    expires = lines[3].pop("expires")
    check("the lines", lines == [{"store": "cache", "key": "c", "value": "cached"},
                                 {"store": "default", "key": "a", "value": "1"},
                                 {"store": "default", "key": "bytes", "value_base64": "/wA="},
                                 {"store": "default", "key": "later", "value": "x"},
                                 {"store": "default", "key": "text", "value": 'é\n"\\\t\0\x7f'}], lines)
    check("expires is a time", abs(expires / 1000 - time.time() - 3600) < 60, expires)
    check("printable ASCII and UTF-8 only", all(c >= 0x20 and c != 0x7f for c in r.stdout.replace(b"\n", b"")))
    check("one store", export(s, "--store", "cache") == b'{"store":"cache","key":"c","value":"cached"}\n')
    check("a prefix", len(export(s, "--store", "default", "--prefix", "b").splitlines()) == 1)
    whole = r.stdout
    wipe(s)
    wipe(s, "--store", "cache")
    check("nothing", export(s) == b"")
    s.expect("import", ["import"], 0, b"imported 5 entries\n", data=whole)
    again = [json.loads(text) for text in export(s).splitlines()]
    left = again[3].pop("expires") - expires
    check("the same lines", again == lines and abs(left) < 2000, again)
    s.expect("into another store", ["import", "--store", "cache", "-"], 0, b"imported 5 entries\n", data=whole)
    check("there", len(export(s, "--store", "cache").splitlines()) == 5)
    s.expect_json("as JSON", ["import"], 0, {"entries": 1, "skipped": 0, "expired": 1},
                  data=line("e", "gone", expires=1000) + line("f", "stays"))
    s.expect("expired", ["exists", "e"], 1, b"false\n")
    s.expect("no end of the last line", ["import"], 0, b"imported 1 entries\n", data=b'{"key":"g","value":""}')
    s.expect("an empty file", ["import"], 0, b"imported 0 entries\n")
    wipe(s, "--store", "cache")
    wipe(s)


def test_files(s):
    s.bobbin("import", data=b"".join(line(f"k{i:05}", str(i)) for i in range(5000)))
    path = f"{s.top}/out.jsonl"
    s.expect("into a file", ["export", path], 0, b"exported 5000 entries\n")
    with open(path, "rb") as f:
        whole = f.read()
    check("it is what goes to standard output", whole == export(s))
    s.expect("there already", ["export", path], 3, b"", b"out.jsonl': it is there already")
    lines = whole.splitlines(True)
    with open(path, "wb") as f:
        f.writelines(lines[:1234])
    s.expect_json("gone on with", ["export", path, "--after", "k01233"], 0, {"entries": 5000 - 1234})
    with open(path, "rb") as f:
        check("it is whole", f.read() == whole)
    with open(path, "ab") as f:
        f.write(b'{"store"')
    s.expect("half a line", ["export", path, "--after", "k01233"], 3, b"", b"it ends within a line")
    os.unlink(path)
    s.expect("no file to go on with", ["export", path, "--after", "k"], 3, b"", b"No such file")
    s.expect("no directory", ["export", f"{path}/x"], 3, b"", b"cannot write '")
    s.expect("a full disk", ["export", "/dev/full", "--after", ""], 3, b"", b"cannot write '/dev/full': No space left")
    s.expect("no file to read", ["import", path], 3, b"", b"cannot read '")
    s.expect("behind a key that is not there", ["import", "--after", "nix"], 3, b"", b"--after is not in it", data=whole)
    wipe(s)
    s.expect("behind a key", ["import", "--after", "k04998"], 0, b"imported 1 entries\n", data=whole)
    s.expect("by a cursor", ["import", "--cursor", b64(b"k04997")], 0, b"imported 2 entries\n", data=whole)
    s.expect("two ways", ["import", "--after", "a", "--cursor", "b"], 2, b"", b"two ways to say one thing")
    s.expect("not a cursor", ["export", "--cursor", "?"], 2, b"", b"--cursor wants what was told")
    s.expect("a store without a key", ["export", "--after-store", "a"], 2, b"", b"wants --after")
    s.expect("a store that is not there", ["export", "--after", "a", "--after-store", "x"], 3, b"",
             b"the store of --after is none")
    s.expect("no such store", ["export", "--store", "nix"], 3, b"", b"cannot export store 'nix': no such store")
    wipe(s)


HOSTILE = (
    (b"{", "not JSON"), (b"", "not JSON"), (b"null", "not JSON"), (b"[1]", "not a JSON object"),
    (b'{"key":"a","value":"b"} x', "not JSON"), (b'{"key":"a","key":"b","value":"c"}', "not JSON"),
    (b'{"key":"a","value":"\xff"}', "not JSON"), (b'{"key":"a\x01","value":""}', "not JSON"),
    (b'{"key":"a"}', 'no "value" and no "value_base64"'), (b'{"value":"a"}', 'no "key"'),
    (b'{"key":1,"value":"a"}', '"key" is not a string'), (b'{"key":"a","value":["x"]}', '"value" is not a string'),
    (b'{"key":"a","value":null}', "the value is null"), (b'{"key":null,"value":"a"}', "the key is null"),
    (b'{"key":"a","value":"b","value_base64":"Yg=="}', 'both "value" and "value_base64"'),
    (b'{"key":"a","value_base64":"Yg="}', '"value_base64" is not base64'),
    (b'{"key":"a","value_base64":"Y g="}', '"value_base64" is not base64'),
    (b'{"key":"a","value_base64":"===="}', '"value_base64" is not base64'),
    (b'{"key":"a","value_base64":"Yh=="}', '"value_base64" is not base64'),
    (b'{"key_base64":"/w==","value":"b"}', "the key is not UTF-8"),
    (b'{"key":"a","value":"b","vallue":"c"}', 'unknown member "vallue"'),
    (b'{"key":"a","value":"b","store":""}', '"store" is not the name'),
    (b'{"key":"a","value":"b","store":"x\\u0000y"}', '"store" is not the name'),
    (b'{"key":"a","value":"b","store":1}', '"store" is not the name'),
    (b'{"key":"a","value":"b","expires":-1}', '"expires" is not a time'),
    (b'{"key":"a","value":"b","expires":"x"}', '"expires" is not a time'),
    (b'{"key":"a","value":"b","expires":1e300}', '"expires" is not a time'),
    (b'{"key":"a","value":"b","expires":99999999999999999999}', "not JSON"),
    (b'{"key":"' + b"k" * 2049 + b'","value":"b"}', "key of 2049 bytes exceeds limit of 2048 bytes"),
    (b'{"key":"a","value":"b","store":"' + b"s" * 257 + b'"}', "store of 257 bytes exceeds limit"),
    (b'{"key":"a","value":"' + b"v" * (16 * 1024 * 1024 + 1) + b'"}', "value of 16777217 bytes exceeds limit"),
    (b"[" * 100000, "not JSON"),
    (b"x" * (120 * 1024 * 1024), "the line has more than 100678144 bytes"),
)


def test_hostile(s):
    for text, reason in HOSTILE:
        name = f"{text[:60]}… ({len(text)} bytes)"
        r = s.bobbin("import", "--json", data=line("first", "1") + text + b"\n" + line("third", "3"))
        told = json.loads(r.stdout)
        check(f"{name} is refused by its line", r.returncode == 3 and told["error"]["code"] == "invalid-line" and
              told["error"]["message"].startswith(f"standard input:2: {reason}" if "bytes" not in reason or
                                                  "exceeds" in reason else "standard input:2: "), r.stdout, r.stderr)
        check(f"{name}: what was done is told", told["entries"] == 1 and told["after"] == "first" and
              told["after_store"] == "default" and b"imported 1 entries; go on with --after 'first'" in r.stderr, r)
    s.expect("what stands before it is set", ["keys"], 0, b"first\n")
    s.bobbin("delete", "first")
    r = s.bobbin("import", "--dry-run", data=line("first", "1") + b"?\n")
    check("--dry-run", r.returncode == 3 and b"checked 1 entries" in r.stderr, r)
    s.expect("sets nothing", ["keys"], 0, b"")
    s.expect("all is well", ["import", "--dry-run"], 0, b"checked 1 entries\n", data=line("first", "1"))
    s.expect("sets nothing", ["keys"], 0, b"")
    r = s.bobbin("import", data=line("a", "1") + b'{"store":"default","key":"b","val')
    check("a truncated file", r.returncode == 3 and b"standard input:2: not JSON" in r.stderr and
          b"the file ends within the line" in r.stderr, r)
    r = s.bobbin("import", data=line("a", "1") + line("b", "2", store="nix"))
    check("a store that is not there", r.returncode == 3 and
          b"cannot set lines 2 to 2: no such store 'nix'" in r.stderr and b"imported 1 entries" in r.stderr, r)
    wipe(s)


def test_largest(s):
    """An entry at all the limits goes out and in again."""
    value = bytes(range(256)) * 65536
    key = "é" * 1024
    s.bobbin("set", key, "-", data=value)
    s.bobbin("set", "nul", "-", data=bytes(16 << 20))
    whole = export(s)
    wipe(s)
    s.expect("import of the largest", ["import"], 0, b"imported 2 entries\n", data=whole)
    check("the same", s.bobbin("get", key).stdout == value and s.bobbin("get", "nul").stdout == bytes(16 << 20))
    wipe(s)


def test_conflicts(s):
    s.bobbin("set-many", "k1=old", "k3=old")
    lines = b"".join(line(f"k{i}", f"new{i}") for i in range(5))
    r = s.bobbin("import", "--on-conflict", "fail", "--json", data=lines)
    check("fail", r.returncode == 3 and "line 2: the key is there already" in json.loads(r.stdout)["error"]["message"], r)
    s.expect("nothing was set", ["keys"], 0, b"k1\nk3\n")
    s.expect("skip", ["import", "--on-conflict", "skip"], 0,
             b"imported 3 entries, left out 2 whose keys were there\n", data=lines)
    s.expect("the old ones are as they were", ["get-many", "k1", "k2", "k3"], 0, b"k1\told\nk2\tnew2\nk3\told\n")
    s.expect("overwrite", ["import", "--on-conflict", "overwrite"], 0, b"imported 5 entries\n", data=lines)
    s.expect("all are new", ["get-many", "k1", "k3"], 0, b"k1\tnew1\nk3\tnew3\n")
    wipe(s)
    twice = line("t", "1") + line("a", "2") + line("t", "3")
    s.expect("a key that is there twice", ["import", "--on-conflict", "skip"], 0,
             b"imported 2 entries, left out 1 whose keys were there\n", data=twice)
    s.expect("the first stays", ["get", "t"], 0, b"1")
    s.expect("overwritten, the last does", ["import"], 0, b"imported 3 entries\n", data=twice)
    s.expect("the last", ["get", "t"], 0, b"3")
    many = b"".join(line(f"m{i:05}", "x", expires=int(time.time() * 1000) + 600000) for i in range(2500))
    s.expect("more than a batch", ["import", "--on-conflict", "skip"], 0, b"imported 2500 entries\n", data=many)
    check("with their times", 0 < s.json("ttl", "m02499")["ttl_ms"] <= 600000)
    s.expect("again", ["import", "--on-conflict", "skip"], 0,
             b"imported 0 entries, left out 2500 whose keys were there\n", data=many)
    s.expect("what else", ["import", "--on-conflict", "merge"], 2, b"", b"overwrite, skip or fail, not 'merge'")
    wipe(s)


def test_interrupted(s):
    """Ctrl-C in the middle: it says where to go on, and going on makes it whole."""
    lines = [line(f"i{i:06}", f"value {i}") for i in range(30000)]
    p = s.start_bobbin("import", "--json", stdin=subprocess.PIPE)
    p.stdin.write(b"".join(lines[:20000]))
    p.stdin.flush()
    wait_for("some are set", lambda: s.json("count")["entries"] > 0)
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=cli_service.DEADLINE)
    told = json.loads(out)
    check("interrupted", p.returncode == 3 and told["error"]["code"] == "interrupted", out, err)
    at = int(told["after"][1:])
    check("it says what is set", told["entries"] == at + 1 and s.json("count")["entries"] == at + 1 and
          f"go on with --after 'i{at:06}'".encode() in err, told, err)
    r = s.bobbin("import", "--after", told["after"], data=b"".join(lines))
    check("the rest", r.stdout == b"imported %d entries\n" % (30000 - at - 1), r)
    whole = export(s)
    check("all of it", [json.loads(text)["value"] for text in whole.splitlines()] == [f"value {i}" for i in range(30000)])

    p = s.start_bobbin("export", "--json")
    first = p.stdout.read(1000)
    p.send_signal(signal.SIGINT)
    rest, err = p.communicate(timeout=cli_service.DEADLINE)
    got = (first + rest).splitlines(True)
    if p.returncode == 3:
        told = json.loads(got.pop())
        check("an export as well", told["error"]["code"] == "interrupted" and
              json.loads(got[-1])["key"] == told["after"] and len(got) == told["entries"], told, got[-1:])
        check("and goes on", b"".join(got) + export(s, "--after", told["after"]) == whole)
    else:
        check("or was done before", b"".join(got) == whole)

    p = s.start_bobbin("import", stdin=subprocess.PIPE)
    p.stdin.write(b"".join(lines))
    p.stdin.flush()
    s.kill()
    p.stdin.close()
    out, err = p.stdout.read(), p.stderr.read()
    check("the daemon goes", p.wait(cli_service.DEADLINE) == 3 and b"imported " in err, err)
    p.stdout.close()
    p.stderr.close()
    s.start()
    check("nothing is lost", export(s) == whole)
    wipe(s)


def test_progress(s):
    count = 60000
    path = f"{s.top}/progress.jsonl"
    with open(path, "wb") as f:
        f.writelines(line(f"p{i:06}", "x" * 50) for i in range(count))
    t = Terminal(s, "import", path)
    t.until("entries, ")
    t.until(f"imported {count} entries")
    check("import ends well", t.end() == 0)
    check("a bar is drawn", b"import [" in t.raw and b"%" in t.raw, t.raw[:300])
    check("and wiped", b"\r\x1b[Kimported" in t.raw, t.raw[-300:])
    os.unlink(path)
    t = Terminal(s, "export", path, columns=50)
    t.until(f"exported {count} entries")
    check("export ends well", t.end() == 0)
    check("a bar of export", b"export [" in t.raw, t.raw[:300])
    drawn = [text for text in t.raw.split(b"\r\x1b[K") if text.startswith(b"export [")]
    check("as wide as the terminal", all(len(text) <= 50 for text in drawn), drawn[:3])
    wipe(s)


cli_service.main([test_million, test_format, test_files, test_hostile, test_largest, test_conflicts,
                  test_interrupted, test_progress], sys.argv[1])
