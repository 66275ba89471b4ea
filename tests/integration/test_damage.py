#!/usr/bin/python3
"""Damaged files of an app: an error that says what is wrong, for that app alone; and what can be got out of them.
Usage: test_damage.py BIN_DIR. BOBBIN_FLIPS sets how many damaged files are tried (40)."""
import contextlib
import fcntl
import os
import random
import shutil
import sqlite3
import sys

sys.dont_write_bytecode = True
from service import Refused, Service, read, run_tests, until

BIN = sys.argv[1]
FLIPS = int(os.environ.get("BOBBIN_FLIPS", 40))
CONFIG = 'store_idle = "50ms"\n'
DB = "/.spin/sqlite_key_value.db"
LOGS = ["/.spin/bobbin_commit_0.log", "/.spin/bobbin_commit_1.log"]


def value_of(n):
    """Some are longer than a page, so that they have pages of their own."""
    return (b"value %06d " % n) * (1 + (n % 7) * (100 if n % 50 == 0 else 1))


def fill(service, app, count=600):
    with contextlib.closing(service.client(app)) as client:
        for start in range(0, count, 100):
            client.call("set_many", "default", [["key-%06d" % n, value_of(n)] for n in range(start, start + 100)])
        client.call("set", "default", "later", b"gone", {"ttl_ms": 3600 * 1000})


def until_closed(path):
    """One plain file is left."""
    names = [path + log for log in LOGS] + [path + DB + "-wal", path + DB + "-journal"]
    until(lambda: os.path.exists(path + DB) and not any(map(os.path.exists, names)), "%s is closed" % path)
    until(lambda: not is_locked(path + "/.spin"), "%s is let go" % path)


def is_locked(directory):
    fd = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(fd)


def plain_app(service, name="whole"):
    path = service.register(name, {})
    fill(service, name)
    until_closed(path)
    return path


def crashed_app(service, name="crashed", count=50):
    """File, WAL and commit log as a killed daemon leaves them."""
    path = service.register(name, {})
    fill(service, name)
    with contextlib.closing(service.client(name)) as client:
        for n in range(count):
            client.call("set", "default", "last-%d" % n, b"in the log %d" % n)
        service.kill()
    assert any(os.path.exists(path + log) for log in LOGS)
    return path


def copy_app(service, path, name):
    """Under its own name: a directory without a manifest has its directory's."""
    to = os.path.join(service.dir, name)
    shutil.copytree(path, to)
    if os.path.exists(to + "/spin.toml"):
        os.unlink(to + "/spin.toml")
    return to


def change(path, at, what):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(what)


def read_bytes(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def bystander_is_well(service):
    with contextlib.closing(service.client("bystander")) as client:
        client.call("increment", "default", "seen", 1)


def use(service, app):
    """All of an app. The entries that are right, the errors' texts, and those that are wrong."""
    right, wrong, errors = 0, [], []
    try:
        with contextlib.closing(service.client(app)) as client:
            for n in range(0, 600, 7):
                try:
                    value = client.call("get", "default", "key-%06d" % n)
                    right += value == value_of(n)
                    if value != value_of(n):
                        wrong.append(n)
                except Refused as refused:
                    errors.append(refused.text)
            for method, *params in (("keys", "default", {"limit": 10000}), ("count", "default"),
                                    ("set", "default", "new", b"1"), ("delete", "default", "key-000000")):
                try:
                    client.call(method, *params)
                except Refused as refused:
                    errors.append(refused.text)
    except Refused as refused:
        errors.append(refused.text)
    return right, wrong, errors


def region(data, chance):
    """A place in the file: its header, a page's header, cell pointers, or anywhere."""
    page = chance.randrange(len(data) // 4096) * 4096
    return {"file header": chance.randrange(100), "page header": page + chance.randrange(12),
            "cell pointers": page + 8 + chance.randrange(40), "anywhere": chance.randrange(len(data)),
            "page": page}


def flipped_bits_are_errors_of_that_app():
    """What is served is right, or an error, or, without checksums, the bytes of a value that were hit."""
    chance = random.Random(int(os.environ.get("BOBBIN_SEED", 1)))
    told = {"served": 0, "refused": 0, "found by check": 0}
    with Service(BIN, CONFIG) as service:
        service.register("bystander", {})
        path = plain_app(service)
        data = open(path + DB, "rb").read()
        for n in range(FLIPS):
            name = "victim%d" % n
            copy = copy_app(service, path, name)
            kind, at = chance.choice(list(region(data, chance).items()))
            if kind == "page":
                change(copy + DB, at, os.urandom(4096))
            else:
                change(copy + DB, at, bytes([data[at] ^ (1 << chance.randrange(8))]))
            status, out, words = service.run("check", copy)
            told["found by check"] += status != 0
            service.call("app.register", copy)
            right, wrong, errors = use(service, name)
            told["refused" if errors else "served"] += 1
            for text in errors:
                assert DB in text or "deleted or replaced" in text, (kind, at, text)
            # Where nothing was noticed, all that may be wrong is what one page held.
            assert len(wrong) <= 60 or status != 0 or errors, (kind, at, len(wrong))
            bystander_is_well(service)
            service.call("app.unregister", name)
            shutil.rmtree(copy)
        assert told["refused"] and told["found by check"], told
    return "%d files: %s" % (FLIPS, told)


def truncated_files_are_errors():
    with Service(BIN, CONFIG) as service:
        service.register("bystander", {})
        path = plain_app(service)
        size = os.path.getsize(path + DB)
        for n, length in enumerate([1, 99, 100, 512, 4095, 4096, 4097, size // 2, size - 4096, size - 1]):
            copy = copy_app(service, path, "cut%d" % n)
            os.truncate(copy + DB, length)
            service.call("app.register", copy)
            right, wrong, errors = use(service, "cut%d" % n)
            assert errors and not wrong, (length, right, wrong, errors)
            assert service.run("check", copy)[0] == 3, length
            bystander_is_well(service)
        return "%d lengths" % (n + 1)


def something_else_in_its_place():
    with Service(BIN, CONFIG) as service:
        service.register("bystander", {})

        def directory(at):
            os.mkdir(at)

        def fifo(at):
            os.mkfifo(at)

        def link(at):
            os.symlink("/etc/passwd", at)

        def text(at):
            with open(at, "w") as file:
                file.write("no database\n" * 1000)

        def foreign(at):
            with contextlib.closing(sqlite3.connect(at)) as db:
                db.execute("CREATE TABLE spin_key_value(a, b)")

        def view(at):
            with contextlib.closing(sqlite3.connect(at)) as db:
                db.execute("CREATE VIEW spin_key_value AS SELECT 'a' AS store, 'b' AS key, x'00' AS value")

        for make, words in ((directory, "a directory"), (fifo, "not a regular file"), (link, "symbolic link"),
                            (text, "not a SQLite database"), (foreign, "is not Spin's"), (view, "is not Spin's")):
            path = service.make_app(make.__name__, {})
            os.mkdir(path + "/.spin", 0o700)
            make(path + DB)
            service.call("app.register", path)
            errors = use(service, make.__name__)[2]
            assert errors and all(words in e and DB in e for e in errors), (make.__name__, errors)
            status, _, said = service.run("check", path)
            assert status == 3 and words in said, (make.__name__, said)
            bystander_is_well(service)


def stale_wal_is_refused():
    """One that was kept from an earlier time, beside a file that was closed since."""
    with Service(BIN, CONFIG) as service:
        path = crashed_app(service)
        wal = open(path + DB + "-wal", "rb").read()
        service.start()
        with contextlib.closing(service.client("crashed")) as client:
            for n in range(600):
                client.call("delete", "default", "key-%06d" % n)
        until_closed(path)
        with open(path + DB + "-wal", "wb") as file:
            file.write(wal)
        if not wal:
            return "there was none"
        errors = use(service, "crashed")[2]
        assert errors and all("a WAL is beside it that is not its own" in e for e in errors), errors
        assert service.run("check", path)[0] == 3
        os.unlink(path + DB + "-wal")
        with contextlib.closing(service.client("crashed")) as client:
            assert client.call("get", "default", "key-000001") is None
            assert client.call("get", "default", "last-1") == b"in the log 1"
        return "%d bytes" % len(wal)


def logs_that_do_not_belong():
    """Of another database: refused. Of an earlier time of this one, dead: passed over."""
    with Service(BIN, CONFIG) as service:
        crashed = crashed_app(service)
        service.start()
        service.register("bystander", {})
        stranger = plain_app(service, "stranger")
        old = {log: open(crashed + log, "rb").read() for log in LOGS if os.path.exists(crashed + log)}
        for log, data in old.items():
            with open(stranger + log, "wb") as file:
                file.write(data)
        errors = use(service, "stranger")[2]
        assert errors and all("another database" in e for e in errors), errors
        assert service.run("check", stranger)[0] == 3, service.run("check", stranger)
        with contextlib.closing(service.client("crashed")) as client:
            client.call("set", "default", "last-1", b"newer")
        until_closed(crashed)
        for log, data in old.items():
            with open(crashed + log, "wb") as file:
                file.write(data)
        with contextlib.closing(service.client("crashed")) as client:
            assert client.call("get", "default", "last-1") == b"newer"
        bystander_is_well(service)


def damaged_log_is_an_error():
    """A record in the middle is damaged, those behind it are not: what was acknowledged would be missing."""
    with Service(BIN, CONFIG) as service:
        service.register("bystander", {})
        path = crashed_app(service)
        log = next(path + log for log in LOGS if b"in the log 25" in read_bytes(path + log))
        change(log, read_bytes(log).index(b"in the log 25"), b"IN")
        service.start()
        errors = use(service, "crashed")[2]
        assert errors and all("damaged, and others follow" in e for e in errors), errors
        bystander_is_well(service)
        status, _, words = service.run("check", path)
        assert status == 3 and "damaged, and others follow" in words, words
        out = recovers(service, path)
        found = entries_of(service, "crashed")
        missing = [n for n in range(50) if found.get("last-%d" % n) != b"in the log %d" % n]
        assert missing == [25], (missing, out)


def damaged_end_of_log_is_its_end():
    """What a lost power leaves: the last record is there in part."""
    with Service(BIN, CONFIG) as service:
        path = crashed_app(service)
        log = next(path + log for log in LOGS if b"in the log 49" in read_bytes(path + log))
        change(log, read_bytes(log).index(b"in the log 49"), b"IN")
        service.start()
        found = entries_of(service, "crashed")
        assert [n for n in range(50) if found.get("last-%d" % n) != b"in the log %d" % n] == [49]


def recovers(service, path):
    status, out, words = service.run("recover", path)
    assert status == 0, words
    return out


def entries_of(service, name):
    with contextlib.closing(service.client(name)) as client:
        keys = client.call("keys", "default", {"limit": 10000})[0]
        return {key: client.call("get", "default", key) for key in keys}


SUMS = "[application.tool.bobbin]\nchecksums = true"


def checksums_notice_what_sqlite_does_not():
    """A bit in a value. What Spin wrote meanwhile, and what has no checksum, is read as it is."""
    with Service(BIN, CONFIG) as service:
        path = service.register("sums", {}, more=SUMS)
        fill(service, "sums")
        until_closed(path)
        assert "whole" in service.run("check", path)[1]
        change(path + DB, read_bytes(path + DB).index(value_of(77)), b"V")
        status, _, words = service.run("check", path)
        assert status == 3 and "1 value does not have its checksum" in words, words
        with contextlib.closing(service.client("sums")) as client:
            for method, *params in (("get", "key-000077"), ("get_many", ["key-000077"]), ("entries", {"prefix": "key-00007"}),
                                    ("swap", "key-000077", b"x", b"y")):
                code, text = client.error(method, "default", *params)
                assert code == "other" and "does not have its checksum" in text, (method, text)
            assert client.call("get", "default", "key-000078") == value_of(78)
            client.call("set", "default", "key-000077", b"anew")
            assert client.call("get", "default", "key-000077") == b"anew"
            client.call("set", "default", "soon", b"x" * 5000)
        until_closed(path)
        # A crash: they are made anew with what the log holds.
        with contextlib.closing(service.client("sums")) as client:
            client.call("set", "default", "soon", b"y" * 5000)
            service.kill()
        service.start()
        with contextlib.closing(service.client("sums")) as client:
            assert client.call("get", "default", "soon") == b"y" * 5000
        until_closed(path)
        change(path + DB, read_bytes(path + DB).index(b"y" * 3000), b"Y")
        with contextlib.closing(service.client("sums")) as client:
            assert "checksum" in client.error("get", "default", "soon")[1]
            client.call("delete", "default", "soon")
        until_closed(path)
        with contextlib.closing(sqlite3.connect(path + DB)) as db:
            db.execute("UPDATE spin_key_value SET value = x'41' WHERE key = 'key-000001'")
            db.commit()
        assert service.run("check", path)[0] == 0, service.run("check", path)
        with contextlib.closing(service.client("sums")) as client:
            assert client.call("get", "default", "key-000001") == b"A"
        until_closed(path)


def scrub_finds_it_before_it_is_asked_for():
    """The app's status tells, once the background has come past it."""
    with Service(BIN, CONFIG) as service:
        path = service.register("sums", {}, more=SUMS)
        fill(service, "sums")
        until_closed(path)
        change(path + DB, read_bytes(path + DB).index(value_of(77)), b"V")
        with contextlib.closing(service.client("sums")) as client:
            until(lambda: "checksums" in service.call("app.status", "sums").get("error", ""), "it is found",
                  lambda: client.call("stats", "sums"))
            error = service.call("app.status", "sums")["error"]
            assert "1 of 601 values" in error and "'key-000077' in store 'default'" in error, error
            stats = client.call("stats", "sums")
            assert (stats["scrub_checked"], stats["scrub_wrong"]) == (601, 1) and stats["scrub_ended"], stats
            assert client.call("get", "default", "key-000078") == value_of(78)
        return error


def checksums_come_and_go():
    """Off and on again: none of before is believed."""
    with Service(BIN, CONFIG) as service:
        path = service.register("sums", {}, more=SUMS)
        fill(service, "sums", 100)
        until_closed(path)
        service.make_app("sums", {})
        service.call("app.reload", "sums")
        with contextlib.closing(service.client("sums")) as client:
            client.call("set", "default", "key-000001", b"while off")
        until_closed(path)
        service.make_app("sums", {}, more=SUMS)
        service.call("app.reload", "sums")
        with contextlib.closing(service.client("sums")) as client:
            assert client.call("get", "default", "key-000001") == b"while off"
            client.call("set", "default", "key-000002", b"while on")
        until_closed(path)
        assert service.run("check", path)[0] == 0
        change(path + DB, read_bytes(path + DB).index(b"while on"), b"W")
        assert service.run("check", path)[0] == 3


def recover_gets_what_is_there():
    """A page in ten is destroyed; what stands on the others is there afterwards, and nothing that is wrong."""
    chance = random.Random(5)
    with Service(BIN, CONFIG) as service:
        path = plain_app(service)
        data = open(path + DB, "rb").read()
        pages = len(data) // 4096
        whole = entries_of(service, "whole")
        until_closed(path)
        # A page holds so many rows at most, but for those of one that leads to long values.
        lost, most = 0, 80
        for n in range(6):
            name = "victim%d" % n
            copy = copy_app(service, path, name)
            for page in chance.sample(range(1, pages), pages // 10):
                change(copy + DB, page * 4096, os.urandom(4096))
            if n % 2:
                change(copy + DB, 0, os.urandom(100))  # the header as well
            out = recovers(service, copy)
            service.call("app.register", copy)
            found = entries_of(service, name)
            wrong = [key for key, value in found.items() if whole.get(key) != value and len(value) < 4000]
            assert not wrong, (wrong, out)
            lost = max(lost, len(whole) - len(found))
            assert len(found) >= len(whole) - most * (pages // 10), (len(found), out)
            assert "recovered %d entr" % len(found) in out, (len(found), out)
            kept = [f for f in os.listdir(copy + "/.spin") if ".damaged-" in f]
            assert kept, os.listdir(copy + "/.spin")
            with contextlib.closing(service.client(name)) as client:
                client.call("set", "default", "new", b"1")
            until_closed(copy)
            status, said, words = service.run("check", copy)
            assert status == 0, words
        return "%d of %d entries lost at most, with %d of %d pages" % (lost, len(whole), pages // 10, pages)


def recover_takes_wal_and_log():
    """What was acknowledged last is not in the file yet."""
    with Service(BIN, CONFIG) as service:
        path = crashed_app(service)
        change(path + DB, 0, os.urandom(100))
        out = recovers(service, path)
        service.start()
        found = entries_of(service, "crashed")
        missing = [n for n in range(50) if found.get("last-%d" % n) != b"in the log %d" % n]
        assert not missing, (missing, out)
        assert all(found.get("key-%06d" % n) == value_of(n) for n in range(600)), out
        with contextlib.closing(service.client("crashed")) as client:
            left = client.call("ttl", "default", "later")
            assert left and 0 < left <= 3600 * 1000, left
        return out.splitlines()[0]


def recover_leaves_a_whole_store():
    with Service(BIN, CONFIG) as service:
        path = plain_app(service)
        before = open(path + DB, "rb").read()
        assert "nothing was changed" in recovers(service, path)
        assert open(path + DB, "rb").read() == before
        with contextlib.closing(service.client("whole")) as client:
            client.call("get", "default", "key-000001")
            status, _, words = service.run("recover", path)
            assert status == 3 and "in use" in words, words
            assert "in use" in service.run("check", path)[1]


run_tests([flipped_bits_are_errors_of_that_app, truncated_files_are_errors, something_else_in_its_place,
           stale_wal_is_refused, logs_that_do_not_belong, damaged_log_is_an_error,
           damaged_end_of_log_is_its_end, checksums_notice_what_sqlite_does_not,
           scrub_finds_it_before_it_is_asked_for, checksums_come_and_go, recover_gets_what_is_there,
           recover_takes_wal_and_log, recover_leaves_a_whole_store])
