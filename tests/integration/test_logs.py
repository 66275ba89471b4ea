#!/usr/bin/python3
"""Logs and events, over the wire and by the command line. Usage: test_logs.py BIN_DIR"""
import json
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from service import Service, read, run_tests, shell, until

BIN = sys.argv[1]


def lines(page):
    return [line[4].decode() for line in page[0]]


def all_lines_come_once_over_rotations():
    """Followed by a cursor while the files are rotated: nothing lost, nothing twice."""
    tool = shell("for i in $(seq 1 400); do for k in 1 2 3 4 5; do echo line $i.$k some more words; done; sleep 0.002; done",
                 'log_size = "4K"', "log_keep = 50")
    with Service(BIN) as service:
        path = service.register("app", {"main": tool})
        service.call("app.start", "app")
        client, cursor, seen = service.client(), None, []
        while True:
            ended = service.state("app") == "exited"
            # The first time from the begin of everything.
            more = {"lines": 7, "cursor": cursor} if cursor else {"lines": 7, "since": 1}
            page = client.call("app.logs", "app", more)
            seen += lines(page)
            cursor = page[1]
            if ended and not page[0]:
                break
        expected = ["line %d.%d some more words" % (i, k) for i in range(1, 401) for k in range(1, 6)]
        assert len(os.listdir(path + "/.spin/logs")) > 20
        assert seen == expected, (len(seen), [a for a, b in zip(seen, expected) if a != b][:3])
        assert lines(client.call("app.logs", "app", {"lines": 3})) == expected[-3:]
        assert lines(client.call("app.logs", "app", {"lines": 2000})) == expected
        return "%d lines, %d files" % (len(seen), len(os.listdir(path + "/.spin/logs")))


def cursor_of_an_empty_log_misses_nothing():
    with Service(BIN) as service:
        service.register("app", {"main": shell("seq 20")})
        cursor, seen = service.call("app.logs", "app")[1], []
        service.call("app.start", "app")
        service.until_state("app", "exited")
        for _ in range(5):
            page = service.call("app.logs", "app", {"cursor": cursor, "lines": 6})
            seen, cursor = seen + lines(page), page[1]
        assert seen == [str(n) for n in range(1, 21)], seen


def times_components_and_partial_lines():
    tools = {
        "a": shell("echo first; echo wrong >&2; sleep 2.2; printf 'not ended'; exec sleep 1000"),
        "b": shell("sleep 1.1; echo second; exec sleep 1000"),
    }
    with Service(BIN) as service:
        path = service.register("app", tools)
        began = time.time()
        service.call("app.start", "app")
        until(lambda: "not ended" in read(path + "/.spin/logs/a_stdout.txt"), "it has written all")
        ask = lambda **options: service.call("app.logs", "app", options)
        assert sorted(lines(ask())[:2]) == ["first", "wrong"] and lines(ask())[2:] == ["second"]
        assert lines(ask(partial=True))[3:] == ["not ended"]
        page = ask()[0]
        assert all(abs(line[0] / 1000 - began - (1.1 if line[1] == "b" else 0)) < 1.5 for line in page), page
        assert lines(ask(component="b")) == ["second"]
        assert {(line[1], line[2], line[3]) for line in page} == {("a", 1, "stdout"), ("a", 1, "stderr"), ("b", 1, "stdout")}
        late = [line[4] for line in ask(since=int(1000 * (began + 2.15)), partial=True)[0]]
        assert b"not ended" in late and b"first" not in late, late
        client = service.client()
        assert client.error("app.logs", "app", {"cursor": b"\x01"})[0] == "invalid-request"
        assert client.error("app.logs", "app", {"cursor": b"\x91\x93\xa1x\x01"})[0] == "invalid-request"
        assert client.error("app.logs", "app", {"lines": 0})[0] == "invalid-request"
        status, out, _ = service.run("logs", "app", "--lines", "2", "--json", "--component", "a")
        documents = [json.loads(line) for line in out.splitlines()]
        assert status == 0 and [d["text"] for d in documents][-1] == "not ended", out
        for span in ["--last", "1m"], ["--since", "1m"], ["--since", "@%d" % (began - 1)], ["--since", "yesterday"]:
            assert "second" in service.run("logs", "app", *span)[1], span
        utc = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began + 3600))
        assert service.run("logs", "app", "--since", utc) == (0, "", "")
        local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began - 1))
        assert "second" in service.run("logs", "app", "--since", local)[1]
        assert service.run("logs", "app", "--since", local, "-n", "1")[1].count("\n") == 1
        assert service.run("logs", "app", "-n2")[1].count("\n") == 2
        assert service.run("logs", "app", "--since", "25:00")[0] == 2


def logs_are_followed():
    with Service(BIN) as service:
        path = service.register("app", {"main": shell("while :; do if [ -e go ]; then rm go; echo new; fi; sleep 0.01; done")})
        service.call("app.start", "app")
        service.until_state("app", "running")
        environment = dict(os.environ, BOBBIN_SOCKET=service.socket)
        follow = subprocess.Popen([service.bobbin, "logs", "app", "-f", "-n", "1"], env=environment, stdout=subprocess.PIPE)
        for _ in range(3):
            open(path + "/go", "w").close()
            assert b"new" in follow.stdout.readline()
        follow.terminate()
        assert follow.wait(30) == 0
        follow.stdout.close()


def planted_files_are_not_read():
    """Links in the place of a log lead nowhere."""
    with Service(BIN) as service:
        path = service.register("app", {"main": shell("echo x; exec sleep 1000")})
        os.makedirs(path + "/.spin/logs", 0o700)
        os.symlink(service.state_dir + "/registry.db", path + "/.spin/logs/main_stdout.txt")
        os.link(service.config, path + "/.spin/logs/main_stderr.txt")
        service.call("app.start", "app")
        service.until_state("app", "running")
        assert service.call("app.logs", "app", {"partial": True})[0] == []


def events_are_told_and_waited_for():
    with Service(BIN) as service:
        path = service.register("app", {"main": shell("exit 3", 'restart = "no"')})
        events, last = service.call("events")
        assert [e["event"] for e in events] == ["registered"] and last == 1
        waiting = service.client()
        number = waiting.send("events", {"since": last, "wait_ms": 30000, "app": "app"})
        began = time.monotonic()
        service.call("app.start", "app")
        events, last = waiting.receive(number)
        assert time.monotonic() - began < 10 and events[0]["event"] == "starting", events
        service.until_state("app", "failed")
        events, last = service.call("events", {"app": path})
        assert [e["event"] for e in events] == ["registered", "starting", "running", "failed"], events
        assert events[-1]["component"] == "main" and events[-1]["text"] == "exited, status 3"
        began = time.monotonic()
        assert service.call("events", {"since": last, "wait_ms": 300}) == [[], last]
        assert 0.25 < time.monotonic() - began < 10
        assert service.call("events", {"app": "other"})[0] == []
        out = service.run("events", "app")[1]
        assert "failed" in out and "exited, status 3" in out, out
        assert [json.loads(line)["event"] for line in service.run("events", "--json")[1].splitlines()][0] == "registered"
        # More than are remembered; a daemon that stops answers those who wait.
        for _ in range(1100):
            waiting.call("app.reload", "app")
        events, last = service.call("events", {"limit": 1024})
        assert 0 < len(events) <= 1024 and events[-1]["number"] == last
        number = waiting.send("events", {"since": last + 1000000, "wait_ms": 30000})
        service.call("ping")
        began = time.monotonic()
        service.stop()
        assert time.monotonic() - began < 10
        service.start()


def status_is_one_table():
    tools = {"job": shell("exit 3", 'restart = "no"'), "web": shell("exec sleep 1000", "instances = 2")}
    with Service(BIN) as service:
        service.register("app", tools)
        service.register("plain", {})
        service.call("app.start", "app")
        until(lambda: [c["state"] for c in service.components("app")] == ["failed", "running", "running"], "all are started")
        pids = [str(c["pid"]) for c in service.components("app")]
        status, out, _ = service.run("status")
        rows = [line.split() for line in out.splitlines()]
        titles = "APP COMPONENT STATE SINCE PID RESTARTS MEMORY CPU OPS/S STORE CONNS LAST EXIT"
        assert status == 0 and " ".join(rows[0]) == titles, out
        assert rows[1][:3] == ["app", "job", "failed"] and rows[1][-3:] == ["exited,", "status", "3"], out
        assert rows[2][:2] == ["web", "running"] and pids[1] in rows[2] and "MiB" in rows[2], out
        assert rows[3][:2] == ["web@2", "running"] and pids[2] in rows[3], out
        assert rows[4][:4] == ["plain", "-", "no", "components"] and len(rows) == 5, out
        assert len({len(line.rstrip()) for line in out.splitlines()[2:4]}) == 1, out
        document = json.loads(service.run("status", "--json")[1])["apps"][0]["components"]
        assert document[0]["last_exit"] == "exited, status 3" and document[1]["last_exit"] is None, document
        assert service.run("status", "app")[1].startswith("app: wanted running, %s/app\nAPP " % service.dir)
        os.kill(int(pids[1]), 9)
        until(lambda: service.component("app", 1)["last_exit"] == "killed by SIGKILL", "its end is told")
        follow = subprocess.Popen(
            [service.bobbin, "events", "-f", "-n", "1"], env=dict(os.environ, BOBBIN_SOCKET=service.socket),
            stdout=subprocess.PIPE,
        )
        assert b"app web" in follow.stdout.readline()
        service.call("app.stop", "app")
        assert b"stop" in follow.stdout.readline()
        follow.terminate()
        assert follow.wait(30) == 0
        follow.stdout.close()


def top_shows_processes():
    with Service(BIN) as service:
        service.register("app", {"main": shell("exec sleep 1000")})
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        status, out, _ = service.run("top", "--count", "1")
        assert status == 0 and str(pid) in out and "1 processes" in out, out
        status = json.loads(service.run("status", "app", "--json")[1])
        assert status["components"][0]["memory"] > 0 and status["components"][0]["cpu_ms"] >= 0, status


run_tests(
    [
        all_lines_come_once_over_rotations,
        cursor_of_an_empty_log_misses_nothing,
        times_components_and_partial_lines,
        logs_are_followed,
        planted_files_are_not_read,
        events_are_told_and_waited_for,
        status_is_one_table,
        top_shows_processes,
    ]
)
