#!/usr/bin/env python3
"""restore: another file in the place of a store, whole or not at all. test_restore.py BIN_DIR [KILLS]"""
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time

import cli_service
from cli_service import check, wait_for

KILLS = int(sys.argv[2]) if len(sys.argv) > 2 else 20
SPIN = ("CREATE TABLE spin_key_value (store TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, "
        "PRIMARY KEY (store, key))")


def fill(s, name, count=50):
    """All entries hold the name."""
    s.bobbin("import", data="".join(json.dumps({"key": f"k{i:05}", "value": name}) + "\n" for i in range(count)).encode())


def values(s):
    return {entry["value"] for entry in s.json("entries")["entries"]}


def make(path, sql, rows=()):
    db = sqlite3.connect(path)
    db.execute(sql)
    if rows:
        db.executemany("INSERT INTO spin_key_value VALUES(?, ?, ?)", rows)
    db.commit()
    db.close()
    return path


def test_restore(s):
    fill(s, "old")
    copy = f"{s.top}/copy.db"
    at_copy = s.json("backup", copy)["commit"]
    s.bobbin("set", "later", "new")
    before = s.json("set", "k00000", "changed", "--commit")["commit"]
    # A connection from before, and a watch.
    shell = s.start_bobbin("shell", stdin=subprocess.PIPE)
    shell.stdin.write(b"get k00000\n")
    check("before", shell.stdout.readline() == b"changed\n")
    watch = s.start_bobbin("watch", "--json")
    wait_for("the watch", lambda: s.json("stats", "counter")["watches"] == 1)
    told = s.json("restore", copy, "--keep")
    check("what it tells", told["file"] == copy and told["commit"] > before and told["bytes"] > 0, told)
    check("the old content is back", values(s) == {"old"} and s.json("count")["entries"] == 50)
    shell.stdin.write(b"get k00000\nexists later\nset k00001 more\nget k00001\n")
    shell.stdin.close()
    out, err = shell.stdout.read(), shell.stderr.read()
    check("the connection goes on", out == b"old\nfalse\nmore\n" and err == b"", out, err)
    shell.wait(cli_service.DEADLINE)
    shell.stdout.close()
    shell.stderr.close()
    out, err = watch.communicate(timeout=cli_service.DEADLINE)
    check("the watch is told", json.loads(out)["error"]["code"] == "overflow" and
          f"--since {before}".encode() in err, out, err)
    r = s.bobbin("watch", "--since", str(before), "--json", "--count", "1")
    check("what was before is compacted", json.loads(r.stdout)["error"]["code"] == "compacted", r)
    r = s.bobbin("watch", "--since", str(told["commit"]), "--count", "1")
    check("from there on it is not", r.stdout == b"%d\tset\tk00001\n" % (told["commit"] + 1), r)
    r = s.bobbin("atomic", "since", "k00002", str(at_copy), "delete", "k00002", "--json")
    check("checks of before are stale", json.loads(r.stdout)["error"]["code"] == "stale", r)
    db = sqlite3.connect(told["kept"])
    check("the file before is kept", db.execute(
        "SELECT CAST(value AS TEXT) FROM spin_key_value WHERE key = 'later'").fetchone() == ("new",))
    db.close()
    check("in the app's directory", told["kept"] == f"{s.app}/.spin/sqlite_key_value.before-{told['commit']}.db")
    check("the source is as it was", os.path.exists(copy) and not os.path.exists(f"{copy}-journal"))
    s.stop()
    check("nothing else stays", sorted(os.listdir(f"{s.app}/.spin")) ==
          [os.path.basename(told["kept"]), "sqlite_key_value.db"], os.listdir(f"{s.app}/.spin"))
    s.start()
    check("over a restart", s.json("get", "k00001")["value"] == "more" and s.json("count")["entries"] == 50)
    os.unlink(told["kept"])
    os.unlink(copy)


def test_foreign(s):
    """A file that Spin made, and one in WAL mode."""
    rows = [("default", "a", b"1"), ("mine", "b", b"\xff")]
    path = make(f"{s.top}/spin.db", SPIN, rows)
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.close()
    r = s.bobbin("restore", "../spin.db")
    check("Spin's own", r.returncode == 0 and r.stdout.startswith(b"restored from '"), r)
    check("all of its stores", s.json("get", "b", "--store", "mine")["value_base64"] == "/w==" and
          s.json("keys") == {"keys": ["a"]})
    os.unlink(path)


def test_refused(s):
    fill(s, "stays")
    before = s.json("entries", "--commit")

    def refused(name, path, reason, code="invalid-request"):
        r = s.bobbin("restore", path, "--json")
        told = json.loads(r.stdout)["error"]
        check(name, r.returncode == 3 and told["code"] == code and reason in told["message"], r)
        check(f"{name}: nothing has changed", s.json("entries", "--commit") == before)

    path = f"{s.top}/wrong.db"
    refused("no such file", path, "No such file or directory")
    refused("a directory", s.top, "not a regular file")
    os.mkfifo(path)
    refused("a pipe", path, "not a regular file")
    os.unlink(path)
    for content in (b"", b"SQLite", b"text " * 1000):
        with open(path, "wb") as f:
            f.write(content)
        refused(f"{content[:20]}", path, "not a SQLite file")
    with open(path, "wb") as f:
        f.write(b"SQLite format 3\0" + os.urandom(8000))
    refused("noise behind a header", path, "cannot restore '")
    os.unlink(path)
    refused("another schema", make(path, "CREATE TABLE other(a)"), "it has no table spin_key_value")
    os.unlink(path)
    refused("another table", make(path, "CREATE TABLE spin_key_value(store TEXT, key TEXT, value BLOB)"),
            "is not Spin's")
    os.unlink(path)
    refused("a view", make(path, "CREATE VIEW spin_key_value AS SELECT 1"), "it has no table")
    os.unlink(path)
    make(path, SPIN, [("default", f"k{i}", b"v" * 500) for i in range(200)])
    whole = open(path, "rb").read()
    with open(path, "r+b") as f:
        f.truncate(len(whole) // 2)
    refused("half of it", path, "cannot restore '")
    with open(path, "wb") as f:
        f.write(whole[:8192] + bytes(4096) + whole[12288:])
    refused("a damaged page", path, "damaged")
    with open(path, "wb") as f:
        f.write(whole)
    with open(f"{path}-wal", "wb") as f:
        f.write(b"x")
    refused("a journal beside it", path, "a journal beside it holds a part of it")
    os.unlink(f"{path}-wal")
    check("and the whole one is fine", s.bobbin("restore", path).returncode == 0)
    check("it is in", s.json("count")["entries"] == 200)
    os.unlink(path)


def test_running(s):
    with open(f"{s.app}/spin.toml", "a") as f:
        f.write('args = ["600"]\n')
    text = open(f"{s.app}/spin.toml").read().replace("/bin/true", "/bin/sleep")
    with open(f"{s.app}/spin.toml", "w") as f:
        f.write(text)
    s.bobbin("register", s.app)
    fill(s, "one")
    copy = f"{s.top}/running.db"
    s.bobbin("backup", copy)
    fill(s, "two")
    s.bobbin("start", "counter")
    r = s.bobbin("restore", copy)
    check("not while it runs", r.returncode == 3 and b"app 'counter' runs; stop it first" in r.stderr, r)
    check("nothing has changed", values(s) - {"two"} == values(s) & {"v" * 500}, values(s))
    r = s.bobbin("restore", copy, "--stop")
    check("--stop", r.returncode == 0 and "one" in values(s) and "two" not in values(s), r)
    wait_for("it runs again", lambda: s.json("status", "counter")["components"][0]["state"] == "running")
    s.bobbin("stop", "counter")
    os.unlink(copy)


def test_rights(s):
    """The file is read with the rights of whoever asks, and the new one is the owner's."""
    if os.geteuid() != 0:
        return
    nobody = 65534
    os.chmod(s.top, 0o755)
    app, secret, own = f"{s.top}/theirs", f"{s.top}/secret.db", f"{s.top}/theirs.db"
    os.mkdir(app)
    os.chown(app, nobody, nobody)
    make(secret, SPIN, [("default", "secret", b"1")])
    os.chmod(secret, 0o600)
    shutil.copy(secret, own)
    os.chown(own, nobody, nobody)

    def as_nobody(*args):
        return subprocess.run(s.command(*args), env=s.environment, user=nobody, group=nobody, extra_groups=[],
                              cwd=app, capture_output=True, timeout=cli_service.DEADLINE)

    if as_nobody("register", app).returncode != 0:
        os.chmod(s.socket, 0o666)
        check("another user may connect", as_nobody("register", app).returncode == 0, as_nobody("register", app))
    r = as_nobody("restore", secret, "--json")
    check("somebody else's file", r.returncode == 3 and json.loads(r.stdout)["error"]["code"] == "access-denied", r)
    check("is not in", as_nobody("exists", "secret").stdout == b"false\n")
    check("one's own is", as_nobody("restore", own).returncode == 0 and as_nobody("exists", "secret").stdout == b"true\n")
    st = os.stat(f"{app}/.spin/sqlite_key_value.db")
    check("and belongs to the owner", (st.st_uid, st.st_gid, st.st_mode & 0o777) == (nobody, nobody, 0o600), st)
    s.bobbin("unregister", app)


def test_killed(s):
    """At whatever moment the daemon is killed: one content or the other, whole, and going on."""
    rng = random.Random(seed := int(os.environ.get("SEED", time.time())))
    count, outcomes = 4000, {"old": 0, "new": 0}
    wide = "x" * 200
    wiped = f"{s.top}/empty.db"
    make(wiped, SPIN)
    s.bobbin("restore", wiped)
    fill(s, f"new{wide}", count)
    copy = f"{s.top}/kill.db"
    s.bobbin("backup", copy)
    begin = time.monotonic()
    s.bobbin("restore", copy)
    takes = time.monotonic() - begin
    last = 0
    for turn in range(KILLS):
        s.expect("the empty one", ["restore", wiped], 0)
        check("it is empty", s.json("count")["entries"] == 0)
        fill(s, f"old{wide}", count)
        acknowledged = s.json("set", "mark", f"old{wide}", "--commit")["commit"]
        check("numbers grow", acknowledged > last, acknowledged, last)
        restore = s.start_bobbin("restore", copy, *rng.choice([[], ["--keep"]]))
        time.sleep(rng.uniform(0, takes * 1.2))
        s.kill()
        restore.communicate(timeout=cli_service.DEADLINE)
        s.start()
        found, entries = values(s), s.json("count")["entries"]
        name = "new" if found == {f"new{wide}"} else "old"
        check(f"killed in turn {turn} (SEED={seed}): one whole content",
              found == {f"{name}{wide}"} and entries == (count if name == "new" else count + 1),
              {value[:3] for value in found}, entries)
        check("an acknowledged restore stays", restore.returncode != 0 or name == "new")
        outcomes[name] += 1
        last = s.json("set", "after", f"{name}{wide}", "--commit")["commit"]
        check("and it goes on", last > acknowledged and s.json("exists", "after")["exists"], last, acknowledged)
        s.stop()
        db = sqlite3.connect(f"{s.app}/.spin/sqlite_key_value.db")
        check("the file is whole", db.execute("PRAGMA integrity_check").fetchall() == [("ok",)])
        db.close()
        s.start()
    check("nothing of it stays", not [name for name in os.listdir(f"{s.app}/.spin") if "bobbin_restore" in name and
                                      s.bobbin("restore", wiped).returncode], os.listdir(f"{s.app}/.spin"))
    print(f"killed {KILLS} times within {takes:.2f} s: {outcomes}", flush=True)


cli_service.main([test_restore, test_foreign, test_refused, test_running, test_rights, test_killed], sys.argv[1])
