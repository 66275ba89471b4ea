#!/usr/bin/python3
"""The daemon's metrics. Usage: test_metrics.py BIN_DIR SOURCE_DIR
       test_metrics.py --write BIN_DIR SOURCE_DIR   (writes the table of METRICS.md anew)"""
import concurrent.futures
import http.client
import json
import os
import re
import socket
import stat
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from service import Service, run_tests, shell, until

WRITE = sys.argv[1] == "--write"
BIN, SOURCE = sys.argv[-2:]
DOCUMENT = SOURCE + "/daemon/observe/METRICS.md"
PROGRAM = open(BIN + "/bobbind", "rb").read()
SLACK = 100 if b"__tsan_init" in PROGRAM else 10 if b"__asan_init" in PROGRAM else 1
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


class Observed(Service):
    """A daemon that tells metrics at a Unix socket and at a port of its own choice."""

    def __init__(self):
        super().__init__(BIN)
        self.metrics = self.dir + "/run/metrics.sock"
        with open(self.config, "w") as file:
            file.write('metrics_listen = ["%s", "127.0.0.1:0"]\n' % self.metrics)

    def port(self):
        return int(re.search(r"metrics at '127.0.0.1:0', port (\d+)", self.words()).group(1))

    def get(self, headers={}, path="/metrics", method="GET", port=None):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60) if port else UnixConnection(self.metrics)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, answer.getheader("Content-Type"), body

    def families(self):
        status, kind, body = self.get(OPENMETRICS)
        assert status == 200 and kind.startswith("application/openmetrics-text; version=1.0.0"), (status, kind)
        return {family.name: family for family in text_string_to_metric_families(body)}

    def value(self, name, **labels):
        """Of the one sample that has these labels."""
        family = self.families()[re.sub("_(total|info|count|sum|bucket)$", "", name)]
        found = [s.value for s in family.samples if s.name == name and labels.items() <= s.labels.items()]
        assert len(found) == 1, (name, labels, found)
        return found[0]


def promtool(*arguments, **more):
    done = subprocess.run(["promtool"] + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    assert done.returncode == 0, done.stdout.decode()
    return done.stdout.decode()


def numbers_are_those_of_the_work():
    with Observed() as service:
        service.register("app", {"main": shell("exec sleep 1000")}, more="")
        service.call("app.start", "app")
        service.until_state("app", "running")
        client = service.client("app")
        for i in range(10):
            client.call("set", "default", "key%d" % i, b"x" * 1000)
        for i in range(7):
            client.call("get", "default", "key1")
        client.call("increment", "default", "n", 1)
        assert client.error("increment", "default", "key1", 1)[0] == "wrong-type"
        assert client.error("get", "nothing", "key1")[0] == "no-such-store"
        value = service.value
        assert value("bobbin_operations_total", app="app", store="default", operation="set") == 10
        assert value("bobbin_operations_total", app="app", store="default", operation="get") == 7
        assert value("bobbin_operations_total", app="app", store="default", operation="increment") == 2
        # A label that is not granted is not told: whoever asks for many would make the daemon grow.
        assert value("bobbin_operations_total", app="app", store="", operation="get") == 1
        for code in "wrong-type", "no-such-store":
            assert value("bobbin_app_errors_total", app="app", code=code) == 1
            assert value("bobbin_errors_total", code=code) == 1
        assert 10000 < value("bobbin_app_received_bytes_total", app="app") < 12000
        assert 7000 < value("bobbin_app_sent_bytes_total", app="app") < 9000
        assert value("bobbin_cache_hits_total", app="app") == 7
        batches = client.call("stats", "app")["batches"]
        for name in ("bobbin_batch_operations_count",):
            assert value(name, app="app") >= batches - 1, name
        # 11 writes that changed something, one after the other, and the failed one.
        assert value("bobbin_commit_seconds_count", app="app") == 12
        assert value("bobbin_sync_seconds_count", app="app") == 11
        assert 0 < value("bobbin_sync_seconds_sum", app="app") < value("bobbin_commit_seconds_sum", app="app") < 60
        assert value("bobbin_app_connections", app="app") == 2  # the process's and ours
        assert value("bobbin_component_state", component="main", bobbin_component_state="running") == 1
        assert value("bobbin_component_state", component="main", bobbin_component_state="failed") == 0
        assert value("bobbin_component_memory_bytes", component="main") > 100000
        assert value("bobbin_resident_memory_bytes") > 1000000
        assert value("bobbin_app_trouble", app="app") == 0
        client.close()


def restarts_are_counted():
    with Observed() as service:
        service.register("app", {"main": shell("exit 1", 'restart = "always"', 'restart_delay = "10ms"', "start_limit_burst = 3")})
        service.call("app.start", "app")
        service.until_state("app", "failed")
        assert service.value("bobbin_component_restarts_total", app="app") >= 2
        assert service.value("bobbin_component_state", app="app", bobbin_component_state="failed") == 1


def promtool_and_openmetrics_agree():
    with Observed() as service:
        os.mkdir(service.dir + '/a "quoted" \\ name', 0o755)
        service.call("app.register", service.dir + '/a "quoted" \\ name')
        path = service.register("app", {"main": shell("exec sleep 1000")})
        service.call("app.start", "app")
        service.until_state("app", "running")
        with open(path + "/spin.toml", "a") as file:
            file.write("nonsense")
        client = service.client("app")
        client.call("set", "default", "key", b"value")
        client.close()
        directories = {s.labels["directory"] for s in service.families()["bobbin_app_watches"].samples}
        assert directories == {path, service.dir + '/a "quoted" \\ name'}, directories
        status, kind, body = service.get()
        assert status == 200 and kind.startswith("text/plain; version=0.0.4"), (status, kind)
        said = promtool("check", "metrics", input=body.encode())
        assert said == "", said
        assert service.get({}, "/metrics", "HEAD")[2] == ""


def table(families):
    lines = ["| metric | type | labels | what it tells |", "| --- | --- | --- | --- |"]
    for family in families.values():
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        order = ["app", "directory", "store", "operation", "code", "component", "instance"]
        labels.sort(key=lambda label: order.index(label) if label in order else 99)
        name = family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        lines.append("| `%s` | %s | %s | %s |" % (name, family.type, ", ".join(labels), family.documentation))
    return "\n".join(lines) + "\n"


def names_of(families):
    for family in families.values():
        yield family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        if family.type == "histogram":
            for suffix in "_bucket", "_count", "_sum":
                yield family.name + suffix


def every_metric_is_documented():
    """And each one that the dashboard and the rules name is there."""
    with Observed() as service:
        service.register("app", {"main": shell("exec sleep 1000")})
        service.call("app.start", "app")
        service.until_state("app", "running")
        client = service.client("app")
        client.call("set", "default", "key", b"value")
        client.error("get", "nothing", "key")
        client.close()
        families = service.families()
    for name, family in families.items():
        assert name.startswith("bobbin_") and family.documentation.endswith("."), name
        assert not family.unit or name.endswith("_" + family.unit), name
    with open(DOCUMENT) as file:
        text = file.read()
    begin, end = "<!-- metrics -->\n", "<!-- /metrics -->\n"
    before, rest = text.split(begin)
    written, after = rest.split(end)
    if WRITE:
        with open(DOCUMENT, "w") as file:
            file.write(before + begin + table(families) + end + after)
        return
    assert written == table(families), "test_metrics.py --write makes the table anew"
    known = set(names_of(families))
    for name in "dashboard.json", "alerts.yml", "METRICS.md":
        with open(os.path.join(os.path.dirname(DOCUMENT), name)) as file:
            text = file.read()
        used = set(re.findall(r"\bbobbin_[a-z_]+[a-z]\b", text))
        families_too = known | {re.sub("_(total|info)$", "", name) for name in known}
        assert used and used <= families_too, (name, used - families_too)
        if name != "METRICS.md":
            assert used <= known | {"bobbin_component_state"}, (name, used - known)


def rules_and_dashboard_are_sound():
    folder = os.path.dirname(DOCUMENT)
    said = promtool("check", "rules", folder + "/alerts.yml")
    assert re.search(r"SUCCESS: [1-9]\d* rules found", said), said
    with open(folder + "/dashboard.json") as file:
        dashboard = json.load(file)
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert len(panels) >= 10 and len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    for panel in panels:
        assert panel["title"] and all(target["expr"] for target in panel["targets"]), panel
    # Each expression as a rule of its own: the parser of Prometheus looks at it.
    rules = [
        {"record": "panel:%d:%d" % (panel["id"], i), "expr": re.sub(r"\$__rate_interval", "5m", target["expr"])}
        for panel in panels for i, target in enumerate(panel["targets"])
    ]
    with Service(BIN) as service:
        path = service.dir + "/panels.yml"
        with open(path, "w") as file:
            json.dump({"groups": [{"name": "panels", "rules": rules}]}, file)
        promtool("check", "rules", path)
    return said.strip().split("\n")[-1].strip()


def alerts_fire_when_they_should():
    promtool("test", "rules", os.path.dirname(DOCUMENT) + "/alerts_test.yml")


def only_the_machine_itself_is_served():
    with Observed() as service:
        port = service.port()
        for host in "127.0.0.1:%d" % port, "localhost", "LOCALHOST:1", "[::1]:%d" % port:
            assert service.get({"Host": host}, port=port)[0] == 200, host
        for host in "example.org", "example.org:%d" % port, "127.0.0.1.example.org", "127.0.0.1:x", "localhost.", "":
            assert service.get({"Host": host}, port=port)[0] in (400, 403), host
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            assert b" 403 " in raw.recv(4096).split(b"\r\n")[0]
        assert service.get({}, "/", port=port)[0] == 404
        assert service.get({}, "/metrics", "POST", port=port)[0] == 405
        # Nobody else's address is listened at.
        with open("/proc/net/tcp") as file:
            listening = [line.split()[1] for line in file if line.split()[3] == "0A"]
        assert [at for at in listening if at.endswith(":%04X" % port)] == ["0100007F:%04X" % port]
        mode = os.stat(service.metrics)
        assert stat.S_IMODE(mode.st_mode) == 0o600 and mode.st_uid == os.geteuid()
    assert not os.path.exists(service.metrics)
    for address in "0.0.0.0:1", "192.168.1.1:9100", "[::]:9100", ":9100", "9100", "example.org:9100", "127.0.0.1:", "run/x":
        done = subprocess.run([BIN + "/bobbind", "--metrics-listen", address], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert done.returncode == 2 and b"expected an absolute path" in done.stderr, (address, done)


def a_killed_daemon_is_no_obstacle():
    with Observed() as service:
        service.kill()
        assert os.path.exists(service.metrics)
        service.start()
        assert service.get()[0] == 200


def metrics_go_on_after_an_upgrade():
    with Observed() as service:
        service.register("app", {"main": shell("exec sleep 1000")})
        service.call("app.start", "app")
        service.until_state("app", "running")
        before = service.value("bobbin_uptime_seconds")
        status, out, err = service.run("upgrade")
        assert status == 0, out + err

        def told():
            try:
                return service.get()[0] == 200
            except OSError:
                return False

        until(told, "the next daemon tells metrics")
        assert service.value("bobbin_apps") == 1 and service.value("bobbin_uptime_seconds") < before + 60
        assert service.value("bobbin_component_state", component="main", bobbin_component_state="running") == 1
        assert service.value("bobbin_component_memory_bytes", component="main") > 100000


def fill(service, count):
    """So many apps with something in each of them."""

    def make(i):
        name = "app%04d" % i
        os.makedirs("%s/apps/%s" % (service.dir, name), 0o755)
        client = service.client()
        client.call("app.register", "%s/apps/%s" % (service.dir, name))
        client.call("attach", name)
        client.call("set", "default", "key", b"value")
        client.call("get", "default", "key")
        client.close()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(make, range(count)))


def p99_of_gets(service, seconds):
    client, took = service.client("app0000"), []
    until_then = time.monotonic() + seconds
    while time.monotonic() < until_then:
        began = time.perf_counter()
        client.call("get", "default", "key")
        took.append(time.perf_counter() - began)
    client.close()
    took.sort()
    return took[len(took) * 99 // 100] * 1000


def a_scrape(service):
    """What it says, and milliseconds."""
    began = time.perf_counter()
    body = service.get(OPENMETRICS)[2]
    return body, (time.perf_counter() - began) * 1000


def p99_while_scraped(service):
    scrapes = subprocess.Popen(
        ["sh", "-c", "while :; do curl -s -o /dev/null --unix-socket %s http://localhost/metrics; sleep 0.5; done" % service.metrics])
    try:
        return p99_of_gets(service, 3)
    finally:
        scrapes.kill()
        scrapes.wait()


def a_thousand_apps_are_scraped_at_once():
    """Without anybody noticing. On a loaded machine it may take some tries; what was measured is told."""
    with Observed() as service:
        fill(service, 1000)
        took, loops = [], []
        body, _ = a_scrape(service)
        assert body.count("\nbobbin_batch_operations_count{") == 1000 and body.endswith("\n# EOF\n")

        def quick():
            body, ms = a_scrape(service)
            took.append(ms)
            loops.append(float(re.search(r"^bobbin_scrape_loop_seconds (\S+)", body, re.M).group(1)) * 1000)
            return len(took) >= 9 and statistics.median(took[-9:]) < 100 * SLACK and min(loops) < 10 * SLACK

        until(quick, "nine scrapes in less than 100 ms each", lambda: (took[-9:], min(loops)))
        pairs = []

        def undisturbed():
            pairs.append((p99_of_gets(service, 1), p99_while_scraped(service)))
            return pairs[-1][1] < 3 * pairs[-1][0] + 1 * SLACK

        until(undisturbed, "p99 of get is what it is without scrapes", lambda: pairs)
        return "%.0f ms for %.1f MB, %.2f ms of the loop; p99 of get %.3f ms, scraped twice a second %.3f ms" % (
            statistics.median(took[-9:]), len(body) / 1e6, statistics.median(loops[-9:]), *pairs[-1])


def slow_scrapers_hurt_nobody():
    """More of them than are let in, none of which reads what it asked for."""
    with Observed() as service:
        fill(service, 200)
        slow = []
        for _ in range(20):
            s = socket.socket(socket.AF_UNIX)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(service.metrics)
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            slow.append(s)
        found = []

        def quick():
            found.append(p99_of_gets(service, 1))
            return found[-1] < 20

        until(quick, "p99 of get is small", lambda: found)
        p99 = found[-1]
        # The other address has places of its own.
        assert service.get(port=service.port())[0] == 200
        began = time.monotonic()
        assert service.stop() == 0
        took = time.monotonic() - began
        assert took < 5, took
        for s in slow:
            s.close()
        service.start()
        return "p99 of get %.3f ms, stopped in %.1f s" % (p99, took)


if WRITE:
    every_metric_is_documented()
else:
    run_tests([
        numbers_are_those_of_the_work, restarts_are_counted, promtool_and_openmetrics_agree, every_metric_is_documented,
        rules_and_dashboard_are_sound, alerts_fire_when_they_should, only_the_machine_itself_is_served,
        a_killed_daemon_is_no_obstacle, metrics_go_on_after_an_upgrade, a_thousand_apps_are_scraped_at_once, slow_scrapers_hurt_nobody,
    ])
