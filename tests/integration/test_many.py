#!/usr/bin/python3
"""A thousand apps, three hundred of them running: bounded starts, a quick status, an idle daemon that is
idle, and writers that do not feel another app's storm. Usage: test_many.py BIN_DIR [--strict]

Times are told, and judged by the issue's own figures only with --strict, on a quiet machine. Otherwise only
what is wrong by far fails: a machine that does other work besides is no fault of the daemon's."""
import os
import sys
import time

sys.dont_write_bytecode = True
from service import Service, read, run_tests, shell, until

BIN = sys.argv[1]
ALL, RUNNING = 1000, 300
SLACK = 1 if "--strict" in sys.argv else 10
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = read("/proc/%d/stat" % pid).rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def best_of(times, measure):
    """The least of several: what is measured here is the daemon, not who else is on the machine."""
    return min(measure() for _ in range(times))


def running(service):
    return sum(app["components"][0]["state"] == "running" for app in service.call("app.list"))


def status_takes(service):
    began = time.monotonic()
    status, out, _ = service.run("status", "--json")
    took = time.monotonic() - began
    assert status == 0 and out.count('"running"') >= RUNNING
    return took


def idle_takes(service, seconds=2):
    before = cpu_seconds(service.process.pid)
    time.sleep(seconds)
    return (cpu_seconds(service.process.pid) - before) / seconds


def many_apps():
    with Service(BIN) as service:
        # The processes share one program; the data directories are what differs.
        client = service.client()
        began, times = time.monotonic(), []
        for n in range(ALL):
            path = service.make_app("app%d" % n, {"main": shell("exec sleep 1000")})
            at = time.monotonic()
            client.call("app.register", path)
            times.append(time.monotonic() - at)
        registered = time.monotonic() - began
        first, last = sorted(times[:100])[50], sorted(times[-100:])[50]
        assert last < 4 * first + 0.002 * SLACK, "registering takes longer and longer: %.2f to %.2f ms" % (1000 * first, 1000 * last)
        began = time.monotonic()
        for n in range(RUNNING):
            client.call("app.start", "app%d" % n)
        until(lambda: running(service) == RUNNING, "all run")
        started = time.monotonic() - began
        rss = service.call("stats")["rss_bytes"]
        time.sleep(1)
        answered = best_of(5, lambda: status_takes(service))
        idle = best_of(3, lambda: idle_takes(service))
        assert answered < 0.2 * SLACK, "status takes %.0f ms" % (1000 * answered)
        assert idle < 0.01 * SLACK, "idle, the daemon takes %.1f %% of a processor" % (100 * idle)

        # The daemon's own start: all that is wanted, at a bounded rate.
        service.stop()
        began = time.monotonic()
        service.start()
        up = time.monotonic() - began
        until(lambda: running(service) == RUNNING, "all run again")
        again = time.monotonic() - began
        assert again >= (RUNNING - 20) / 100 * 0.9, "%d starts in %.2f s" % (RUNNING, again)
        growth = service.call("stats")["rss_bytes"] - rss
        assert growth < 32 << 20, growth
        began = time.monotonic()
        service.stop()
        return (
            "registered in %.1f s (%.2f, %.2f ms each at first, at last), started in %.1f s, status %.0f ms, "
            "idle %.2f %%, answers %.2f s after a start, all run after %.1f s, stopped in %.1f s, %.0f MiB"
            % (registered, 1000 * first, 1000 * last, started, 1000 * answered, 100 * idle, up, again,
               time.monotonic() - began, rss / 2**20)
        )


def p99_of_writes(service, count=600):
    client, times = service.client("writer"), []
    for n in range(count):
        began = time.monotonic()
        client.call("set", "default", "key%d" % (n % 10), b"value")
        times.append(time.monotonic() - began)
    client.close()
    return sorted(times)[int(count * 0.99)]


def writes_do_not_feel_a_storm():
    """Twenty components that crash at once and are started again for ever."""
    storm = shell("exit 1", "restart_delay = 0", "restart_max_delay = 0", "start_limit_burst = 0", "instances = 20")
    with Service(BIN) as service:
        service.register("writer", {"main": shell("exec sleep 1000")})
        service.register("storm", {"main": storm})
        p99_of_writes(service, 100)
        ratios = []
        for _ in range(5):
            calm = p99_of_writes(service)
            service.call("app.start", "storm")
            until(lambda: sum(c["restarts"] for c in service.components("storm")) > 20, "it storms")
            before = sum(c["restarts"] for c in service.components("storm"))
            began = time.monotonic()
            stormy = p99_of_writes(service)
            rate = (sum(c["restarts"] for c in service.components("storm")) - before) / (time.monotonic() - began)
            service.call("app.stop", "storm")
            ratios.append((stormy / calm, calm, stormy, rate))
            if stormy <= 2 * SLACK * calm:
                break
        best = min(ratios)
        assert best[0] <= 2 * SLACK, ratios
        assert best[3] < 30, "%.0f starts a second" % best[3]
        return "p99 %.2f ms calm, %.2f ms with %.0f starts a second" % (1000 * best[1], 1000 * best[2], best[3])


run_tests([many_apps, writes_do_not_feel_a_storm])
