#!/usr/bin/env python3
"""Every verb on keys and values, with its options, its JSON and its errors: test_verbs.py BIN_DIR"""
import base64
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time

import cli_service
from cli_service import check, wait_for


def b64(data):
    return base64.b64encode(data).decode()


def error(code, message):
    return {"error": {"code": code, "message": message}}


def test_set(s):
    s.expect("set", ["set", "a", "1"], 0, b"")
    first = int(s.expect("set tells the commit", ["set", "a", "2", "--commit"], 0).stdout)
    r = s.expect("get tells the commit", ["get", "a", "--commit"], 0, b"2", b"bobbin: commit")
    check("it is the same", int(r.stderr.split()[-1]) == first, r, first)
    s.expect_json("set, as JSON", ["set", "a", "3", "--commit"], 0, {"key": "a", "ok": True, "commit": first + 1})
    s.expect_json("get, as JSON", ["get", "a", "--commit"], 0, {"key": "a", "value": "3", "commit": first + 1})
    s.expect_json("absent", ["get", "zz", "--commit"], 1, {"key": "zz", "value": None, "commit": first + 1})
    s.expect_json("delete", ["delete", "a", "--commit"], 0, {"key": "a", "ok": True, "commit": first + 2})
    s.expect_json("exists", ["exists", "a", "--commit"], 1, {"key": "a", "exists": False, "commit": first + 2})
    path = f"{s.top}/value"
    with open(path, "wb") as f:
        f.write(bytes(range(256)))
    s.expect("set from a file", ["set", "bin", "--file", path], 0, b"")
    s.expect("all bytes", ["get", "bin"], 0, bytes(range(256)))
    s.expect_json("bytes as JSON", ["get", "bin"], 0, {"key": "bin", "value_base64": b64(bytes(range(256)))})
    s.expect("standard input by --file", ["set", "bin", "--file", "-"], 0, b"", data=b"\0\xff")
    s.expect("set it", ["get", "bin"], 0, b"\0\xff")
    s.expect("no value", ["set", "a"], 2, b"", b"no value; give it as an argument")
    s.expect("two values", ["set", "a", "b", "--file", path], 2, b"", b"given twice")
    s.expect("no such file", ["set", "a", "--file", "/nonexistent"], 3, b"",
             b"bobbin: cannot read '/nonexistent': No such file")
    s.expect("not a file", ["set", "a", "--file", "/"], 3, b"", b"bobbin: cannot read '/': Is a directory")
    s.expect("no such store", ["set", "a", "1", "--store", "nix"], 3, b"",
             b"bobbin: cannot set 'a': no such store 'nix'")


def test_ttl(s):
    s.expect("ttl of nothing", ["ttl", "t"], 1, b"", b"no key 't' in store 'default' of app 'counter'")
    s.expect("set --ttl", ["set", "t", "x", "--ttl", "1.5h"], 0, b"")
    r = s.expect("ttl", ["ttl", "t"], 0)
    check("about an hour and a half", re.fullmatch(rb"\d+ms\n", r.stdout)
          and 5_000_000 < int(r.stdout[:-3]) <= 5_400_000, r)
    s.expect("what ttl prints is what --ttl takes", ["set", "t2", "x", "--ttl", r.stdout.decode().strip()], 0, b"")
    check("ttl, as JSON", 5_000_000 < s.json("ttl", "t")["ttl_ms"] <= 5_400_000)
    s.bobbin("set", "t", "x")
    s.expect("a set without it lets it stay", ["ttl", "t"], 0, b"none\n")
    s.expect_json("as JSON", ["ttl", "t"], 0, {"key": "t", "ttl_ms": -1})
    s.expect_json("absent, as JSON", ["ttl", "nix"], 1, {"key": "nix", "ttl_ms": None})
    s.bobbin("set", "t", "x", "--ttl", "1ms")
    wait_for("the entry vanishes", lambda: s.bobbin("get", "t").returncode == 1)
    for wrong in ("", "5", "s", "0s", "-1s", "1w", "1.s", "0.0001s", "9999999999999999d", "1e3s"):
        s.expect(f"--ttl {wrong}", ["set", "t", "x", "--ttl", wrong], 2, b"", b"--ttl wants a time such as")
    s.expect("ten years is the most", ["set", "t", "x", "--ttl", "4000d"], 3, b"", b"cannot set 't': ")
    s.bobbin("delete-many", "t2")


def test_increment(s):
    s.expect("increment", ["increment", "n"], 0, b"1\n")
    s.expect("by more", ["increment", "n", "41"], 0, b"42\n")
    s.expect("downwards", ["increment", "n", "-50"], 0, b"-8\n")
    s.expect_json("as JSON", ["increment", "n", "0"], 0, {"key": "n", "number": -8})
    s.expect("eight bytes", ["get", "n"], 0, (-8).to_bytes(8, "little", signed=True))
    for wrong in ("x", "1x", "", " 1", "9223372036854775808", "1.5"):
        s.expect(f"by {wrong}", ["increment", "n", "--", wrong], 2, b"", b"the delta is a whole number")
    s.bobbin("set", "word", "five")
    s.expect("of a word", ["increment", "word"], 3, b"", b"bobbin: cannot increment 'word': ")
    r = s.bobbin("increment", "word", "--json")
    check("wrong-type", json.loads(r.stdout)["error"]["code"] == "wrong-type", r)
    s.bobbin("increment", "big", "9223372036854775807")
    s.expect("overflow", ["increment", "big"], 3, b"", b"increment overflows")
    s.expect("left alone", ["increment", "big", "0"], 0, b"9223372036854775807\n")


def test_swap(s):
    s.expect("swap absent", ["swap", "leader", "one", "--absent"], 0, b"true\n")
    s.expect("swap again", ["swap", "leader", "two", "--absent"], 1, b"false\n")
    s.expect_json("what is there", ["swap", "leader", "two", "--absent"], 1,
                  {"key": "leader", "swapped": False, "current": "one"})
    s.expect_json("expected", ["swap", "leader", "two", "--expect", "one"], 0, {"key": "leader", "swapped": True})
    s.expect("from standard input", ["swap", "leader", "-", "--expect", "two"], 0, b"true\n", data=b"\xff")
    s.expect_json("bytes", ["swap", "leader", "x", "--expect", ""], 1,
                  {"key": "leader", "swapped": False, "current_base64": b64(b"\xff")})
    s.expect_json("nothing", ["swap", "nobody", "x", "--expect", ""], 1,
                  {"key": "nobody", "swapped": False, "current": None})
    s.expect("neither", ["swap", "a", "b"], 2, b"", b"--expect VALUE and --absent")
    s.expect("both", ["swap", "a", "b", "--absent", "--expect", "c"], 2, b"", b"--expect VALUE and --absent")
    s.bobbin("delete", "leader")


def test_many(s):
    s.expect("set-many", ["set-many", "m/a=1", "m/b=x=y", "m/c="], 0, b"")
    s.expect("get-many", ["get-many", "m/c", "m/a", "m/b"], 0, b"m/c\t\nm/a\t1\nm/b\tx=y\n")
    s.expect("one is absent", ["get-many", "m/a", "nix"], 1, b"m/a\t1\n",
             b"1 of 2 keys are not in store 'default' of app 'counter'")
    s.expect_json("as JSON", ["get-many", "m/b", "nix", "m/a"], 1, {"entries": [
        {"key": "m/b", "value": "x=y"}, {"key": "nix", "value": None}, {"key": "m/a", "value": "1"}]})
    s.expect("keys from standard input", ["get-many", "-"], 0, b"m/a\t1\nm/c\t\n", data=b"m/a\nm/c")
    s.expect("an odd key", ["set-many", "--file", "-"], 0, b"",
             data=b'{"key":"odd\\n\\u0000key","value_base64":"/w=="}\n{"key":"odd2","value":"\\u0000"}')
    s.expect("with --null", ["get-many", "--null", "-"], 1, b"odd2\0\0\0",
             b"1 of 2", data=b"odd2\0odd\n\0")
    r = s.json("entries", "--prefix", "odd")
    check("odd entries", r == {"entries": [{"key": "odd\n\0key", "value_base64": "/w=="},
                                           {"key": "odd2", "value": "\0"}]}, r)
    s.expect("delete-many", ["delete-many", "m/a", "nix"], 0, b"")
    s.expect_json("delete-many, as JSON", ["delete-many", "odd2", "m/c"], 0, {"count": 2, "ok": True})
    s.expect("what is left", ["keys", "--prefix", "m/"], 0, b"m/b\n")
    s.expect("no keys", ["get-many"], 2, b"", b"no keys; give them as arguments")
    s.expect("no entries", ["set-many"], 2, b"", b"no entries; give KEY=VALUE")
    s.expect("not an entry", ["set-many", "a=1", "b"], 2, b"", b"an entry is KEY=VALUE, not 'b'")
    s.expect("a key is too long", ["set-many", "a=1", "k" * 2049 + "=1"], 3, b"",
             b"entry 1: key of 2049 bytes exceeds limit of 2048 bytes")
    s.expect("all or nothing", ["exists", "a"], 1, b"false\n")
    many = "".join(f"k{i}\n" for i in range(10001)).encode()
    s.expect("too many", ["delete-many", "-"], 3, b"", b"cannot delete 10001 keys: ", data=many)
    for line, reason in ((b"{", b"not JSON"), (b"[]", b"not a JSON object"), (b'{"key":"a"}', b'no "value"'),
                         (b'{"key":"a","value":1}', b'"value" is not a string'),
                         (b'{"key":"a","value_base64":"*"}', b'"value_base64" is not base64'),
                         (b'{"key":"a","value_base64":"AB=="}', b'"value_base64" is not base64'),
                         (b'{"key":"a","value":"1","store":"x"}', b'an entry of set-many has no "store"'),
                         (b'{"key":"a","value":"1","vallue":"x"}', b'unknown member "vallue"')):
        s.expect(f"a line {line}", ["set-many", "-"], 3, b"", b"bobbin: standard input:2: " + reason,
                 data=b'{"key":"first","value":"1"}\n' + line)
    s.expect("nothing was set", ["exists", "first"], 1, b"false\n")


def test_atomic(s):
    s.expect("no checks", ["atomic", "set", "ada", "70", "increment", "moves", "1"], 0, b"true\n")
    s.expect("a check holds", ["atomic", "check", "ada", "70", "absent", "lock", "set", "ada", "60",
                               "expiring", "30s", "lock", "me", "increment", "moves", "1"], 0, b"true\n")
    check("all was done", s.json("get-many", "ada", "lock") ==
          {"entries": [{"key": "ada", "value": "60"}, {"key": "lock", "value": "me"}]})
    check("with its time", 0 < s.json("ttl", "lock")["ttl_ms"] <= 30000)
    s.expect("one does not", ["atomic", "check", "ada", "60", "absent", "lock", "delete", "ada"], 1, b"false\n",
             b"check 1, of 'lock', does not hold")
    s.expect_json("as JSON", ["atomic", "absent", "lock", "delete", "ada"], 1,
                  {"applied": False, "failed_check": 0, "key": "lock"})
    commit = s.json("get", "ada", "--commit")["commit"]
    s.expect("since", ["atomic", "since", "ada", str(commit), "delete", "lock"], 0, b"true\n")
    s.bobbin("set", "ada", "60")
    s.expect("changed since", ["atomic", "since", "ada", str(commit), "delete", "ada"], 1, b"false\n", b"check 0")
    document = {"checks": [{"key": "ada", "value": "60"}, {"key": "gone", "value": None}],
                "ops": [{"op": "set", "key": "bytes", "value_base64": "/wA=", "ttl_ms": 60000},
                        {"op": "delete", "key": "ada"}, {"op": "increment", "key": "moves", "delta": -2}]}
    s.expect_json("a document", ["atomic", "-"], 0, {"applied": True}, data=json.dumps(document).encode())
    s.expect("bytes", ["get", "bytes"], 0, b"\xff\0")
    s.expect("moves", ["increment", "moves", "0"], 0, b"0\n")
    for words, reason in ((["frob", "x"], b"'frob' is none of check, absent"), (["set", "x"], b"set wants KEY VALUE"),
                          (["since", "x", "y"], b"since wants a commit number, not 'y'"),
                          (["increment", "x", "y"], b"increment wants a whole number, not 'y'"),
                          (["expiring", "5", "x", "y"], b"expiring wants a time such as 10s"), ([], b"no operations")):
        s.expect(f"atomic {words}", ["atomic", *words], 2, b"", reason)
    for document, reason in (("x", "not JSON"), ("[]", "not a JSON object"), ('{"checks":{}}', "are arrays"),
                             ('{"op":[]}', 'unknown member "op"'), ('{"checks":[{"key":"a"}]}', 'check 0: no "value"'),
                             ('{"ops":[{"op":"set","key":"a"}]}', 'op 0: no "value"'),
                             ('{"ops":[{"op":"delete","key":"a"},{"op":"drop"}]}', "op 1: "),
                             ('{"ops":[{"op":"delete","key":null}]}', "op 0: the key is null"),
                             ('{"checks":[7]}', "check 0: ")):
        s.expect(f"atomic {document}", ["atomic", "-"], 3, b"", f"bobbin: standard input: ".encode(),
                 data=document.encode())
        check(f"reason of {document}", reason.encode() in s.bobbin("atomic", "-", data=document.encode()).stderr)
    s.expect("an operation fails", ["atomic", "set", "moves", "word", "increment", "moves", "1"], 3, b"",
             b"bobbin: cannot do it: ")


def test_listing(s):
    lines = "".join(json.dumps({"key": f"page/{i:05}", "value": str(i)}) + "\n" for i in range(2500))
    s.expect("2500 entries", ["set-many", "-"], 0, b"", data=lines.encode())
    keys = [f"page/{i:05}" for i in range(2500)]
    r = s.expect("all pages", ["keys", "--prefix", "page/"], 0)
    check("in order", r.stdout.decode().split() == keys)
    r = s.expect("backwards", ["keys", "--prefix", "page/", "--reverse"], 0)
    check("in reverse order", r.stdout.decode().split() == keys[::-1])
    r = s.expect("entries", ["entries", "--prefix", "page/", "--limit", "2"], 0, b"page/00000\t0\npage/00001\t1\n")
    seen, cursor = [], []
    while True:
        page = s.json("keys", "--prefix", "page/", "--limit", "1200", "--reverse", *cursor)
        seen += page["keys"]
        if "cursor" not in page:
            break
        cursor = ["--cursor", page["cursor"]]
    check("by cursor", seen == keys[::-1], len(seen))
    page = s.json("entries", "--prefix", "page/", "--limit", "1", "--commit")
    check("entries, as JSON", page["entries"] == [{"key": "page/00000", "value": "0"}] and page["commit"] > 0
          and base64.b64decode(page["cursor"]), page)
    s.expect("a cursor that is none", ["keys", "--cursor", "?"], 2, b"", b"--cursor wants what a listing told")
    s.expect_json("count", ["count", "--store", "cache"], 0, {"entries": 0, "bytes": 0})
    s.bobbin("set", "ab", "cde", "--store", "cache")
    s.expect("count", ["count", "--store", "cache"], 0, b"1 entries, 5 bytes\n")
    s.expect("nothing", ["entries", "--prefix", "none"], 0, b"")
    s.expect_json("nothing, as JSON", ["entries", "--prefix", "none"], 0, {"entries": []})
    s.expect("NUL", ["entries", "--null", "--store", "cache"], 0, b"ab\0cde\0")


def watches(s):
    return s.json("stats", "counter")["watches"]


def watch_lines(process):
    out, err = process.communicate(timeout=cli_service.DEADLINE)
    return process.returncode, out, err


def test_watch(s):
    w = s.start_bobbin("watch", "--count", "3", "--values")
    wait_for("the watch", lambda: watches(s) == 1)
    s.bobbin("set", "w", "1")
    s.bobbin("delete", "w")
    s.bobbin("set", "w", "a\nb")
    status, out, err = watch_lines(w)
    lines = out.split(b"\n")
    check("three changes", status == 0 and err == b"" and len(lines) == 5, out, err)
    first = int(lines[0].split(b"\t")[0])
    check("as they are", out == f"{first}\tset\tw\t1\n{first + 1}\tdelete\tw\n{first + 2}\tset\tw\ta\nb\n".encode(), out)

    r = s.bobbin("watch", "--since", str(first - 1), "--count", "2", "--json", "w", "other")
    told = [json.loads(line) for line in r.stdout.splitlines()]
    check("since, as JSON lines", told == [{"commit": first, "kind": "set", "key": "w"},
                                           {"commit": first + 1, "kind": "delete", "key": "w"}], r)

    w = s.start_bobbin("watch", "--prefix", "only/", "--json", "--values")
    wait_for("the watch", lambda: watches(s) == 1)
    s.bobbin("set", "w", "2")
    s.bobbin("set", "only/x", "--file", "-", data=b"\xfe")
    line = json.loads(w.stdout.readline())
    check("a prefix", (line["key"], line["kind"], line["value_base64"]) == ("only/x", "set", b64(b"\xfe")), line)
    w.send_signal(signal.SIGINT)
    status, out, err = watch_lines(w)
    check("Ctrl-C ends it", (status, out, err) == (0, b"", b""), status, out, err)

    s.expect("keys and a prefix", ["watch", "a", "--prefix", "b"], 2, b"", b"not both")
    s.expect("a commit to come", ["watch", "--since", "99999999"], 3, b"", b"bobbin: cannot watch store 'default': ")
    s.expect("no such store", ["watch", "--store", "nix"], 3, b"", b"no such store 'nix'")


def test_watch_reader_gone(s):
    w = s.start_bobbin("watch")
    wait_for("the watch", lambda: watches(s) == 1)
    w.stdout.close()
    w.wait(cli_service.DEADLINE)
    check("a reader that has gone ends the watch", w.returncode == 3 and b"Broken pipe" in w.stderr.read())
    w.stderr.close()


def test_watch_overflow(s):
    w = s.start_bobbin("watch", "--json", "--values")
    wait_for("the watch", lambda: watches(s) == 1)
    w.send_signal(signal.SIGSTOP)
    value = "v" * (1 << 20)
    for i in range(60):
        s.bobbin("set", "overflow", "-", data=(value + str(i)).encode())
        if watches(s) == 0:
            break
    w.send_signal(signal.SIGCONT)
    status, out, err = watch_lines(w)
    last = json.loads(out.splitlines()[-1])
    check("overflow is told", status == 3 and last["error"]["code"] == "overflow" and b"go on with --since" in err,
          status, out[-300:], err)
    r = s.bobbin("watch", "--count", "1", "--since", re.search(rb"--since (\d+)", err)[1].decode())
    check("and goes on", r.returncode == 0 and r.stdout.split(b"\t")[1:] == [b"set", b"overflow\n"], r)
    s.bobbin("delete", "overflow")


def test_watch_reconnect(s):
    plain = s.start_bobbin("watch", "--json")
    w = s.start_bobbin("watch", "--json", "--reconnect", "--prefix", "re/")
    wait_for("the watches", lambda: watches(s) == 2)
    s.stop()
    status, out, err = watch_lines(plain)
    check("a watch ends with its connection", status == 3 and json.loads(out)["error"]["code"] in
          ("disconnected", "shutting-down") and b"the watch has ended: " in err, out, err)
    s.start()
    s.bobbin("set", "re/a", "1")
    line = json.loads(w.stdout.readline())
    check("one with --reconnect goes on", line["key"] == "re/a", line)
    w.send_signal(signal.SIGTERM)
    status, out, err = watch_lines(w)
    check("and says so", status == 0 and b"connecting again" in err and b"connected again" in err, err)


def test_backup(s):
    path = f"{s.top}/copy.db"
    r = s.expect("backup", ["backup", path], 0)
    check("what it tells", re.fullmatch(rb"backed up to '.*copy.db': \d+ bytes, commit \d+\n", r.stdout), r)
    copy = sqlite3.connect(path)
    check("it is whole", copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
    check("it has the entries", copy.execute(
        "SELECT count(*) FROM spin_key_value WHERE key LIKE 'page/%'").fetchone() == (2500,))
    copy.close()
    s.expect("there already", ["backup", path], 3, b"", b"bobbin: cannot back up to '")
    os.unlink(path)
    told = s.json("backup", "../relative.db")
    check("a relative path", told["file"] == f"{s.app}/../relative.db" and os.path.getsize(told["file"]) == told["bytes"]
          and told["pages"] > 0 and told["commit"] > 0, told)
    s.expect("no such directory", ["backup", "/nonexistent/x"], 3, b"", b"cannot back up to '/nonexistent/x': ")


def test_stats(s):
    r = s.expect("stats", ["stats"], 0)
    table = dict(line.split(None, 1) for line in r.stdout.decode().splitlines())
    check("of the daemon", table["apps"] == "1" and int(table["requests"]) > 0 and table["version"], table)
    told = s.json("stats")
    check("as JSON", told.keys() == table.keys() and told["apps"] == 1, told)
    told = s.json("stats", "counter")
    check("of an app", told["app"] == "counter" and told["directory"] == s.app and told["commit"] > 0, told)
    check("of an app by directory", s.json("stats", ".")["app"] == "counter")
    check("by --app", s.json("stats", "--app", "counter")["app"] == "counter")
    s.expect("of none", ["stats", "nix"], 3, b"", b"bobbin: ")


def test_help(s):
    overview = s.bobbin("help").stdout.decode()
    commands = re.findall(r"^  ([a-z-]+) ", overview.split("commands:")[1].split("\n\n")[0], re.M)
    check("there are commands", len(commands) > 20, commands)
    for name in commands:
        r = s.bobbin("help", name)
        text = r.stdout.decode()
        check(f"help {name}", r.returncode == 0 and text.startswith(f"usage: bobbin {name}") and
              re.search(rf"examples:\n  (.*\| |if |)bobbin {name}", text), text)
        check(f"{name} --help", s.bobbin(name, "--help").stdout == r.stdout)
        check(f"{name}: lines of 100 columns", max(map(len, text.splitlines())) <= 100)
        check(f"help {name}, as JSON", s.json("help", name) == {"help": text})


cli_service.main([test_set, test_ttl, test_increment, test_swap, test_many, test_atomic, test_listing, test_watch,
                  test_watch_reader_gone, test_watch_overflow, test_watch_reconnect, test_backup, test_stats,
                  test_help], sys.argv[1])
