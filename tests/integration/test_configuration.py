#!/usr/bin/python3
"""The configuration: file, environment and options, what is told of it, what a reload does.
Usage: test_configuration.py BIN_DIR TOP_DIR"""
import json
import os
import re
import signal
import subprocess
import sys
import tomllib

sys.dont_write_bytecode = True
from service import Client, Service, read, run_tests, until

BIN, TOP = sys.argv[1], sys.argv[2]
SHIPPED = os.path.join(TOP, "systemd/bobbin.toml")
# Texts without a default, and those whose default is a place that depends on who runs it and where.
NONE = {"admin_group", "cgroup", "metrics_listen"}
PLACES = {"socket": "/run/bobbin/bobbin.sock", "state_dir": "/var/lib/bobbin", "runner": "/usr/bin/bobbin-run"}


def milliseconds(value):
    """Of a time as the file has it."""
    number, unit = re.fullmatch(r"(\d+)(ms|s|min)", value).groups()
    return int(number) * {"ms": 1, "s": 1000, "min": 60000}[unit]


def bobbind(*args, env=None):
    run = subprocess.run([BIN + "/bobbind", *args], capture_output=True, text=True, env={**os.environ, **(env or {})})
    return run.returncode, run.stdout, run.stderr


def checked(*args, env=None):
    """What --check-config tells: {key: (value, origin)}."""
    code, out, err = bobbind("--check-config", *args, env=env)
    assert code == 0 and not err, (code, err)
    told = {}
    for line in out.splitlines():
        key, value, origin = re.fullmatch(r"#?(\w+) = (.*) # (\w+)", line).groups()
        told[key] = (tomllib.loads("v = " + value)["v"], origin)
    return told


def configuration(service):
    code, out = service.run("config", "--json")[:2]
    assert code == 0, out
    return json.loads(out)


def the_shipped_file_tells_the_defaults():
    text = read(SHIPPED)
    assert tomllib.loads(text) == {}, "everything is commented"
    shipped = tomllib.loads(re.sub(r"(?m)^#(\w+ = )", r"\1", text))
    defaults = checked()
    assert set(shipped) == set(defaults), set(shipped) ^ set(defaults)
    for key, (value, origin) in defaults.items():
        assert origin == "default", (key, origin)
        if key in NONE:
            assert value == "", (key, value)
        elif key in PLACES:
            assert shipped[key] == PLACES[key] and os.path.isabs(value), (key, value)
        elif key == "cache_bytes":
            assert shipped[key] <= value, (key, value)  # a part of the machine's memory
        elif key in ("store_idle", "stall_timeout"):
            assert milliseconds(shipped[key]) == milliseconds(value), (key, value)
        else:
            assert shipped[key] == value, (key, shipped[key], value)
    assert checked("--config", SHIPPED) == defaults


def the_shipped_file_says_when_a_key_applies():
    with Service(BIN) as service:
        told = configuration(service)["settings"]
    lines = read(SHIPPED).splitlines()
    section, seen = "", 0
    for number, line in enumerate(lines):
        if line.startswith("## "):
            section = line
        key = re.match(r"#(\w+) = ", line)
        if not key:
            continue
        # The comment above; several keys may share one, and a section's heading is for all of its keys.
        above = number - 1
        while re.match(r"#\w+ = ", lines[above]):
            above -= 1
        mark = re.search(r"  ([RO])$", lines[above]) or re.search(r"  ([RO])$", section)
        expected = {"R": "reload", "O": "open"}[mark[1]] if mark else "restart"
        assert told[key[1]]["applies"] == expected, (key[1], told[key[1]], expected)
        seen += 1
    assert seen == len(told)


def later_ones_go_first():
    with Service(BIN, "max_apps = 11\nmax_watches = 11\nthreads = 2\nlog_level = 'warning'\n") as service:
        env = {"BOBBIND_MAX_WATCHES": "12", "BOBBIND_THREADS": "3", "BOBBIND_STORE_IDLE": "1min 1s",
               "BOBBIND_METRICS_LISTEN": "/run/m.sock,localhost:7", "BOBBIND_ADMIN_GROUP": "root"}
        told = checked("--config", service.config, "--set", "threads=4", "--log-level", "debug", env=env)
        assert told["max_apps"] == (11, "file")
        assert told["max_watches"] == (12, "environment")
        assert told["store_idle"] == ("61s", "environment")
        assert told["metrics_listen"] == (["/run/m.sock", "localhost:7"], "environment")
        assert told["admin_group"] == ("root", "environment")
        assert told["threads"] == (4, "option") and told["log_level"] == ("debug", "option")
        assert told["max_key"] == (2048, "default")
        assert checked(env={"BOBBIND_CONFIG": service.config})["max_apps"] == (11, "file")
        assert checked("--config", "-" + service.config)["max_apps"] == (11, "file")
    assert checked("--config", "-/nowhere/bobbin.toml") == checked()


def mistakes_are_told():
    for args, env, expected in [
        (["--config", "/nowhere/x.toml"], {}, "cannot read '/nowhere/x.toml': No such file or directory"),
        (["--set", "thread=1"], {}, "--set: unknown key 'thread'; did you mean 'threads'?"),
        (["--set", "threads"], {}, "--set 'threads': expected KEY=VALUE"),
        (["--set", "threads=0"], {}, "--set: expected an integer from 1 to 1024 for 'threads'"),
        (["--set", "threads=4x"], {}, "--set: expected an integer from 1 to 1024 for 'threads'"),
        (["--set", "socket=here"], {}, "--set: expected an absolute path for 'socket'"),
        (["--log-level", "loud"], {}, "--log-level: expected \"error\", \"warning\", \"info\" or \"debug\" for 'log_level'"),
        (["--metrics-listen", "0.0.0.0:1"], {}, "--metrics-listen: expected an absolute path, 127.0.0.1:PORT, "
         "[::1]:PORT or localhost:PORT for 'metrics_listen'"),
        ([], {"BOBBIND_MAX_WATCH": "1"}, "BOBBIND_MAX_WATCH: unknown key 'max_watch'; did you mean 'max_watches'?"),
        ([], {"BOBBIND_QUOTA_BYTES": "-1"}, "BOBBIND_QUOTA_BYTES: expected an integer from 0 for 'quota_bytes'"),
        (["--set", "admin_group=no-such-group"], {}, "admin_group: there is no group 'no-such-group'"),
    ]:
        for action in ["--check-config"], []:
            code, out, err = bobbind(*action, "--socket", "/nowhere/s", "--state-dir", "/proc/nowhere", *args, env=env)
            if not action and "admin_group" in expected:
                continue  # it looks for the group when it has its state
            assert (code, out, err) == (2, "", "bobbind: %s\n" % expected), (args, env, code, out, err)


def wait_for_log(service, text, count=1):
    until(lambda: read(service.log).count(text) >= count, "'%s' in the log" % text)


def reload(service, config):
    before = read(service.log).count(": read again")
    with open(service.config, "w") as file:
        file.write(config)
    service.process.send_signal(signal.SIGHUP)
    wait_for_log(service, ": read again", before + 1)


def a_reload_applies_what_it_can():
    with Service(BIN, "max_value = 100\nthreads = 2\n") as service:
        service.register("app", {})
        client = Client(service.socket)
        client.call("attach", "app")
        assert client.error("set", "default", "k", b"x" * 101)[0] == "too-large"
        reload(service, "max_value = 101\nthreads = 3\nquota_entries = 1\nstore_idle = '100ms'\nwal_pages = 9\n")
        client.call("set", "default", "k", b"x" * 101)
        assert client.error("set", "default", "l", b"")[0] == "quota-exceeded"
        told = configuration(service)
        assert told["file"] == service.config
        settings = told["settings"]
        assert settings["max_value"] == {"value": "101", "origin": "file", "applies": "reload"}
        assert settings["threads"] == {"value": "2", "origin": "file", "applies": "restart", "waiting": "3"}
        assert settings["store_idle"]["value"] == '"100ms"' and settings["wal_pages"]["applies"] == "open"
        log = read(service.log)
        assert "max_value: 101 instead of 100" in log and "wal_pages: 9 instead of 8192, for stores as they are opened" in log
        assert "threads: 3 waits for a restart, 2 stays in force" in log
        table = service.run("config")[1]
        assert re.search(r"(?m)^threads +2 +file; waits for a restart: 3$", table), table
        assert re.search(r"(?m)^admin_group +\(not set\) +default$", table), table
        client.close()
        until(lambda: not os.path.exists(service.dir + "/app/.spin/sqlite_key_value.db-wal"), "the store to be closed")
        # What is asked for no longer does not wait; what is taken out of the file is as if it never was.
        reload(service, "threads = 2\n")
        settings = configuration(service)["settings"]
        assert "waiting" not in settings["threads"] and settings["max_value"]["origin"] == "default"
        service.register("app2", {})
        assert service.run("set", "--app", "app2", "a", "b")[0] == 0


def a_wrong_file_changes_nothing():
    with Service(BIN, "max_value = 100\n") as service:
        reload(service, "max_value = 200\nmax_kex = 1\n")
        assert "the configuration stays as it was: %s:2:1: unknown key 'max_kex'; did you mean 'max_key'?" % service.config \
            in read(service.log)
        assert configuration(service)["settings"]["max_value"]["value"] == "100"
        reload(service, "admin_group = 'no-such-group'\n")
        assert "there is no group 'no-such-group'" in read(service.log)
        assert configuration(service)["settings"]["max_value"]["value"] == "100"


def many_reloads_end():
    with Service(BIN) as service:
        for _ in range(50):
            service.process.send_signal(signal.SIGHUP)
        wait_for_log(service, ": read again")
        reload(service, "max_apps = 7\n")
        until(lambda: configuration(service)["settings"]["max_apps"]["value"] == "7", "the last one to count")


def only_administrators_are_told():
    if os.geteuid() != 0:
        return
    with Service(BIN) as service:
        run = subprocess.run([BIN + "/bobbin", "--socket", service.socket, "config"], user=61001, group=61001,
                             extra_groups=[], capture_output=True, text=True)
        assert run.returncode == 3 and "config is for administrators" in run.stderr, run.stderr


run_tests(
    [
        the_shipped_file_tells_the_defaults,
        the_shipped_file_says_when_a_key_applies,
        later_ones_go_first,
        mistakes_are_told,
        a_reload_applies_what_it_can,
        a_wrong_file_changes_nothing,
        many_reloads_end,
        only_administrators_are_told,
    ]
)
