#!/usr/bin/python3
"""Live operations, the names of requests in the log, and the probes. Usage: test_trace.py BIN_DIR"""
import glob
import json
import os
import re
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from service import PATIENCE, Service, run_tests, shell, until

BIN = sys.argv[1]
FIELDS = "number time connection request component pid method store key in out ns error".split()


def operations(answer):
    return [dict(zip(FIELDS, operation)) for operation in answer[0]]


def what_is_done_is_told_and_no_value():
    with Service(BIN) as service:
        service.register("app", {})
        client, other = service.client("app"), service.client()
        client.call("set", "default", "before", b"secret")
        assert other.call("trace", "app") == [[], 0, 0]
        began = time.time()
        client.call("set", "default", "key", b"secret" * 100)
        client.call("get", "default", "key")
        number = client.send("get", "default", "long" * 100)
        assert client.receive(number) is None
        client.error("increment", "default", "key", 1)
        client.error("get", "nothing", "key")
        client.error("get", "default")
        client.call("set_many", "default", [["a", b"secret"]])
        client.call("get", "default", "ключ" * 20)
        assert client.call("keys", "default")
        answer = other.call("trace", "app")
        assert b"secret" not in repr(answer).encode()
        told = operations(answer)
        assert answer[1:] == [9, 0] and [t["number"] for t in told] == list(range(1, 10)), answer
        assert [t["method"] for t in told] == "set get get increment get get set_many get keys".split()
        assert [t["error"] for t in told] == [None, None, None, "wrong-type", "no-such-store", "invalid-request", None, None, None]
        assert told[0]["in"] > 600 > told[0]["out"] and told[1]["out"] > 600 > told[1]["in"]
        assert told[2]["key"] == ("long" * 100)[:127] and told[2]["request"] == number
        assert told[7]["key"].encode() and told[7]["key"] == ("ключ" * 20)[: len(told[7]["key"])] and len(told[7]["key"].encode()) == 126
        for t in told:
            assert t["pid"] == os.getpid() and t["component"] is None and t["connection"] == told[0]["connection"]
            assert began - 1 < t["time"] / 1000 < time.time() + 1 and t["ns"] < PATIENCE * 10**9
        assert told[1]["ns"] < told[0]["ns"]  # from memory, and a commit
        # From a number on, and no more than asked for.
        assert [t["number"] for t in operations(other.call("trace", "app", {"since": 4, "limit": 2}))] == [5, 6]
        assert other.call("trace", "app", {"since": 9}) == [[], 9, 0]


def waiting_ends_with_what_comes():
    with Service(BIN) as service:
        service.register("app", {})
        client, other = service.client("app"), service.client("app")
        assert other.call("trace", "app") == [[], 0, 0]
        began = time.monotonic()
        assert other.call("trace", "app", {"wait_ms": 700}) == [[], 0, 0]
        assert 0.6 < time.monotonic() - began < PATIENCE
        # It is attached to the same app, and does not see itself.
        number = other.send("trace", "app", {"wait_ms": 30000})
        client.call("get", "default", "key")
        assert [t["key"] for t in operations(other.receive(number))] == ["key"]
        # Who waits is answered when the app goes, and the daemon stops without waiting for anybody.
        number = other.send("trace", "app", {"wait_ms": 30000, "since": 1})
        service.client().call("ping")
        began = time.monotonic()
        service.call("app.unregister", "app")
        assert time.monotonic() - began < 15


def who_waits_holds_up_no_upgrade():
    with Service(BIN) as service:
        service.register("app", {})
        other = service.client()
        number = other.send("trace", "app", {"wait_ms": 30000})
        service.client().call("ping")
        began = time.monotonic()
        status, out, err = service.run("upgrade")
        assert status == 0 and time.monotonic() - began < 20, (status, out, err)
        assert other.receive(number) == [[], 0, 0]
        # The same connection goes on, and so may the trace.
        assert other.call("trace", "app") == [[], 0, 0]


def a_slow_reader_is_told_what_it_missed():
    with Service(BIN) as service:
        service.register("app", {})
        client, other = service.client("app"), service.client()
        other.call("trace", "app")
        client.call("get", "default", "first")
        assert other.call("trace", "app")[1] == 1
        for _ in range(5000):
            client.call("exists", "default", "key")
        answer = other.call("trace", "app", {"since": 1, "limit": 4096})
        assert len(answer[0]) == 4096 and answer[1:] == [5001, 904], answer[1:]
        # Nobody asks any more: what is remembered goes.
        time.sleep(6)
        assert other.call("trace", "app") == [[], 5001, 0]


def only_who_may_administer_looks():
    if os.geteuid() != 0:
        return "not root: not tried"
    with Service(BIN) as service:
        os.chmod(service.dir, 0o755)
        service.register("app", {})
        status, out, err = service.run("trace", "app", "--count", "1", user=12345)
        assert status == 3 and "there is no app 'app' that you may use" in err, (status, out, err)
        for i in range(17):
            service.register("app%d" % i, {})
        client = service.client()
        for i in range(16):
            client.call("trace", "app%d" % i)
        assert client.error("trace", "app16")[0] == "busy"


def processes_are_named():
    with Service(BIN) as service:
        path = service.make_app("app", {})
        service.call("app.register", path)
        client = service.client("app")
        tracer = subprocess.Popen(
            [BIN + "/bobbin", "trace", "app", "--count", "3", "--json"], stdout=subprocess.PIPE,
            env=dict(os.environ, BOBBIN_SOCKET=service.socket))
        other = service.client()
        done = []

        def work():
            client.call("set", "default", "key with\nnewline", b"value")
            return tracer.poll() is not None

        until(work, "the tracer has seen three")
        lines = [json.loads(line) for line in tracer.stdout.read().decode().splitlines()]
        tracer.stdout.close()
        assert len(lines) == 3 and set(lines[0]) == set(FIELDS), lines
        assert lines[0]["key"] == "key with\nnewline" and lines[0]["pid"] == os.getpid()
        # For people: a line each, whatever is in the key.
        tracer = subprocess.Popen([BIN + "/bobbin", "trace", "app", "--count", "2"], stdout=subprocess.PIPE,
                                  env=dict(os.environ, BOBBIN_SOCKET=service.socket))
        until(work, "the tracer has seen two")
        text = tracer.stdout.read().decode()
        tracer.stdout.close()
        assert len(text.splitlines()) == 2 and re.search(r"\d [um]s +\d+ +\d+  set +default key with", text), text
        assert done == []
        other.close()


def failures_have_a_name_in_the_log():
    """A store that cannot be opened: the daemon's own failure, and as JSON it is for machines."""
    for words in "text", "json":
        with Service(BIN, 'log_format = "%s"\n' % words) as service:
            path = service.register("app", {})
            os.makedirs(path + "/.spin/sqlite_key_value.db")
            client = service.client()
            client.call("ping")
            for _ in range(60):
                assert client.error("attach", "app")[0] == "other"
            assert client.error("get", "default", 1)[0] == "invalid-request"
            log = service.words()
            if words == "text":
                found = re.findall(r"warning: failed: .* request=(\d+)\.(\d+) method=attach code=other app=app uid=\d+ pid=%d" % os.getpid(), log)
                assert [int(number) for _, number in found[:3]] == [2, 3, 4], log[-2000:]
            else:
                lines = [json.loads(line) for line in log.splitlines()]
                found = [line for line in lines if line.get("method") == "attach"]
                assert found[0]["request"].endswith(".2"), found
                assert found[0]["code"] == "other" and found[0]["app"] == "app" and found[0]["level"] == "warning"
                assert {"time", "level", "message"} <= set(lines[0])
            # The disk of all is not filled by it.
            assert 20 <= log.count("failed: ") <= 45, log.count("failed: ")
            assert "invalid-request" not in log


def probes_are_built_in():
    said = subprocess.run(["readelf", "-n", BIN + "/bobbind"], stdout=subprocess.PIPE).stdout.decode()
    for name in "request", "answer", "batch__begin", "batch__end", "commit":
        assert re.search(r"Provider: bobbin\s+Name: %s\b" % name, said), name


run_tests([
    what_is_done_is_told_and_no_value, waiting_ends_with_what_comes, who_waits_holds_up_no_upgrade, a_slow_reader_is_told_what_it_missed,
    only_who_may_administer_looks, processes_are_named, failures_have_a_name_in_the_log, probes_are_built_in,
])
