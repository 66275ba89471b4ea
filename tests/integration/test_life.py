#!/usr/bin/python3
"""The life of an app: crash loops, the ends of daemon and app, logs that flood, directories that go,
manifests that change. Usage: test_life.py BIN_DIR"""
import os
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
from service import Service, alive, read, run_tests, shell, until, within, write_manifest

BIN = sys.argv[1]
FOREVER = shell("exec sleep 1000")


def crash_loop_follows_the_documented_delays():
    """300 ms, 600 ms, 1.2 s, each up to a tenth longer by chance; then failed, until asked."""
    tool = shell(
        "date +%s%N >> runs; exit 1", 'restart_delay = "300ms"', 'restart_max_delay = "10s"', "start_limit_burst = 4",
        'start_limit_interval = "1min"',
    )
    with Service(BIN) as service:
        path = service.register("loop", {"main": tool})
        for attempt in range(3):  # the machine may be loaded
            if os.path.exists(path + "/runs"):
                os.unlink(path + "/runs")
            service.call("app.start", "loop")
            status = service.until_state("loop", "failed")
            assert status["reason"] == "start limit hit: 4 starts within 60 s; last: exited, status 1", status
            assert status["restarts"] == 3 and status["exit_code"] == 1
            times = [int(line) / 1e9 for line in read(path + "/runs").split()]
            delays = [after - before for before, after in zip(times, times[1:])]
            assert len(delays) == 3 and all(d >= e for d, e in zip(delays, [0.3, 0.6, 1.2])), delays
            if all(d <= 1.2 * e for d, e in zip(delays, [0.3, 0.6, 1.2])):
                break
        else:
            raise AssertionError("never within 20 %%: %s" % delays)
        assert service.call("app.reset", "loop")["components"][0]["state"] == "stopped"
        assert service.call("app.start", "loop")["components"][0]["state"] == "starting"
        service.until_state("loop", "backing-off")
        assert service.run("stop", "loop")[0] == 0
        return "delays %s" % ", ".join("%.0f ms" % (1000 * d) for d in delays)


STUBBORN = shell(
    'trap "" TERM; (trap "" TERM; sleep 1000 & sleep 1000) & echo $! >> pids; sleep 1000 & echo $! >> pids; '
    "echo $$ >> pids; while :; do sleep 1; done",
    'stop_timeout = "300ms"',
)


def pids_of(path, count):
    until(lambda: len(read(path + "/pids").split()) >= count, "%d processes in %s" % (count, path))
    return [int(pid) for pid in read(path + "/pids").split()]


def killed_daemon_leaves_no_process():
    with Service(BIN) as service:
        paths = [service.register("app%d" % n, {"a": STUBBORN, "b": STUBBORN}) for n in range(3)]
        for n in range(3):
            service.call("app.start", "app%d" % n)
        pids = [pid for path in paths for pid in pids_of(path, 6)]
        assert all(map(alive, pids)) and len(pids) == 18
        service.kill()
        took = within(1, lambda: not any(map(alive, pids)), "no process of any app")
        for path in paths:
            os.unlink(path + "/pids")
        service.start()  # what was wanted is started again
        again = [pid for path in paths for pid in pids_of(path, 6)]
        service.stop()
        assert not any(map(alive, again))
        return "%d processes gone after %.0f ms" % (len(pids), 1000 * took)


def stop_takes_the_whole_group_within_its_time():
    with Service(BIN) as service:
        path = service.register("app", {"a": STUBBORN, "b": shell("exec sleep 1000", 'stop_timeout = "10s"')})
        service.call("app.start", "app")
        pids = pids_of(path, 3)
        service.call("app.status", "app")
        began = time.monotonic()
        status = service.call("app.stop", "app", "a")["components"]
        took = time.monotonic() - began
        assert status[0]["state"] == "stopped" and status[0]["exit_signal"] == signal.SIGKILL, status
        assert not any(map(alive, pids)) and 0.3 <= took < 3, took
        began = time.monotonic()
        service.stop()
        assert time.monotonic() - began < 5
        return "stopped after %.2f s" % took


def bytes_in(directory):
    """Of the files that stay there long enough to be looked at: they are being rotated."""
    total = 0
    for name in os.listdir(directory) if os.path.isdir(directory) else []:
        try:
            total += os.stat(directory + "/" + name).st_size
        except FileNotFoundError:
            pass
    return total


def flood_without_newlines_is_bounded():
    """A gigabyte to stdout: the daemon does not grow, the disk holds what was configured."""
    for policy in "block", "drop":
        tool = shell(
            "head -c 1073741824 /dev/zero", 'log_size = "1M"', "log_keep = 2", 'log_policy = "%s"' % policy
        )
        with Service(BIN) as service:
            path = service.register("flood", {"main": tool})
            before = service.call("stats")["rss_bytes"]
            service.call("app.start", "flood")
            most = grown = 0
            while service.state("flood") != "exited":
                most = max(most, bytes_in(path + "/.spin/logs"))
                grown = max(grown, service.call("stats")["rss_bytes"] - before)
                time.sleep(0.02)
            status = service.component("flood")
            assert most <= (3 << 20) + 65536, "%d bytes on disk" % most
            assert grown < 16 << 20, "the daemon grew by %d bytes" % grown
            if policy == "block":
                assert status["dropped"] == 0, status
    return "at most %.1f MiB on disk; the daemon grew by %.1f MiB" % (most / 2**20, grown / 2**20)


def removed_directory_ends_the_app():
    with Service(BIN) as service:
        path = service.register("gone", {"main": FOREVER})
        service.call("app.start", "gone")
        pid = service.until_state("gone", "running")["pid"]
        with_app = service.client("gone")
        with_app.call("set", "default", "old", b"data")
        began = time.monotonic()
        shutil.rmtree(path)
        within(2, lambda: not alive(pid) and not service.call("app.list"), "the app's end")
        took = time.monotonic() - began
        try:
            code = with_app.error("get", "default", "old")[0]
            assert code == "no-such-app", code
        except (ConnectionError, BrokenPipeError):
            pass
        assert "its directory is gone or another one is in its place" in service.words()
        assert not os.path.exists(path), "somebody made it again"
        service.register("gone", {"main": FOREVER})
        assert service.client("gone").call("keys", "default") == [[], None]
        return "gone after %.2f s" % took


def other_directory_in_its_place_stays_untouched():
    for what in "replaced", "renamed":
        with Service(BIN) as service:
            path = service.register("app", {"main": FOREVER})
            service.call("app.start", "app")
            pid = service.until_state("app", "running")["pid"]
            client = service.client("app")
            client.call("set", "default", "a", b"1")
            os.rename(path, path + ".aside")
            if what == "replaced":
                os.mkdir(path, 0o755)
            within(2, lambda: not alive(pid) and not service.call("app.list"), "the app's end")
            assert what == "renamed" or os.listdir(path) == [], os.listdir(path)
    return ""


def lost_permissions_are_told_and_over_when_they_are():
    """As a user of its own where the test is root's, whom permissions do not concern."""
    if os.geteuid() == 0:
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setresgid(61234, 61234, 61234)
            os.setresuid(61234, 61234, 61234)
            try:
                lost_permissions()
                os._exit(0)
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
    else:
        lost_permissions()


def lost_permissions():
    with Service(BIN) as service:
        path = service.register("app", {"main": FOREVER})
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        os.chmod(path, 0o500)
        within(2, lambda: "error" in service.call("app.status", "app"), "the trouble is told")
        assert service.call("app.status", "app")["error"].endswith("cannot be written: Permission denied")
        assert alive(pid)
        os.chmod(path, 0o700)
        within(2, lambda: "error" not in service.call("app.status", "app"), "its end is told")
        os.chmod(path, 0o777)
        within(2, lambda: "can be written by others" in service.call("app.status", "app").get("error", ""), "it is told")
        service.call("app.stop", "app")
        service.call("app.start", "app")
        until(lambda: "can be written by others" in service.component("app")["reason"], "it is refused")
        os.chmod(path, 0o700)


def another_owner_is_told():
    if os.geteuid() != 0:
        return "SKIPPED: needs root"
    with Service(BIN) as service:
        path = service.register("app", {"main": FOREVER})
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        os.chown(path, 61234, 61234)
        told = lambda: service.call("app.status", "app").get("error", "")
        within(2, lambda: told() == "directory '%s' belongs to uid 61234 now, not to 0 as when it was registered" % path, "it is told")
        assert alive(pid)
        os.chown(path, 0, 0)
        within(2, lambda: not told(), "its end is told")


def reload_touches_only_what_changed():
    with Service(BIN) as service:
        path = service.register("app", {"a": FOREVER, "b": FOREVER, "c": FOREVER})
        service.call("app.start", "app")
        until(lambda: all(c["state"] == "running" for c in service.components("app")), "all run")
        before = {c["id"]: c["pid"] for c in service.components("app")}

        write_manifest(path, "app", {"a": FOREVER, "b": FOREVER + "\nrestrat = 1"})
        status, _, words = service.run("reload", "app")
        assert status == 3 and "unknown key 'restrat'; did you mean 'restart'?" in words, words
        assert "spin.toml:13:1:" in words or "spin.toml:12:1:" in words, words
        now = service.call("app.status", "app")
        assert {c["id"]: c["pid"] for c in now["components"]} == before
        assert "did you mean 'restart'" in now["error"]

        # a: as before; b: another program; c: only a policy; d: new.
        changed = {"a": FOREVER, "b": shell("exec sleep 2000"), "c": FOREVER + "\nstop_timeout = 1"}
        write_manifest(path, "app", dict(changed, d=FOREVER))
        assert service.run("reload", "app")[0] == 0
        until(lambda: all(c["state"] == "running" for c in service.components("app")), "all run")
        now = service.call("app.status", "app")
        pids = {c["id"]: c["pid"] for c in now["components"]}
        assert "error" not in now and list(pids) == ["a", "b", "c", "d"]
        assert pids["a"] == before["a"] and pids["c"] == before["c"] and pids["b"] != before["b"]
        assert not alive(before["b"])

        # More instances, and one component fewer, by a signal.
        changed["a"] = FOREVER + "\ninstances = 3"
        write_manifest(path, "app", changed)
        service.process.send_signal(signal.SIGHUP)
        until(lambda: len(service.components("app")) == 5, "there are three of a")
        until(lambda: all(c["state"] == "running" for c in service.components("app")), "all run")
        now = service.components("app")
        assert [(c["id"], c["instance"]) for c in now] == [("a", 1), ("a", 2), ("a", 3), ("b", 1), ("c", 1)]
        assert now[0]["pid"] == pids["a"] and now[3]["pid"] == pids["b"]
        until(lambda: not alive(pids["d"]), "d is gone")

        # The same again, while the one of before does not want to end.
        stubborn = shell('trap "" TERM; while :; do sleep 1; done', 'stop_timeout = "500ms"')
        write_manifest(path, "app", {"a": stubborn})
        service.run("reload", "app")
        service.until_state("app", "running")
        time.sleep(0.1)  # its trap is set
        write_manifest(path, "app", {"a": shell("exec sleep 3000")})
        first = service.client()
        waiting = first.send("app.reload", "app")
        until(lambda: service.state("app") == "stopped", "the next one waits for its end")
        write_manifest(path, "app", {"a": shell("exec sleep 4000")})
        assert service.run("reload", "app")[0] == 0
        first.receive(waiting)
        service.until_state("app", "running")
        command = read("/proc/%d/cmdline" % service.component("app")["pid"])
        assert "4000" in command, command


def watch_ends_with_the_grant_of_its_label():
    """The process stays, and is told no more of a store that is not its own any more."""
    probe = os.path.join(os.path.dirname(os.path.abspath(__file__)), "watch_probe.py")
    tool = "command = ['/usr/bin/python3', '%s', 'vault', 'default']" % probe

    def grant(stores):
        write_manifest(path, "app", {"a": tool})
        text = read(path + "/spin.toml").replace('key_value_stores = ["default"]', "key_value_stores = %s" % stores)
        with open(path + "/spin.toml", "w") as file:
            file.write(text)

    with Service(BIN) as service:
        path = service.register("app", {"a": tool})
        grant('["default", "vault"]')
        assert service.run("reload", "app")[0] == 0
        service.call("app.start", "app")
        told = path + "/.spin/logs/a_stdout.txt"
        until(lambda: os.path.exists(told) and "watching default: 2" in read(told), "it watches")
        pid = service.component("app")["pid"]
        person = service.client()
        person.call("attach", "app")
        person.call("set", "vault", "k", b"1")
        until(lambda: "changed 1 1 k set None" in read(told), "it is told")
        grant('["default"]')
        assert service.run("reload", "app")[0] == 0
        person.call("set", "vault", "k", b"2")
        person.call("set", "default", "k", b"2")
        until(lambda: "changed 2 3 k set None" in read(told), "it is told of its own")
        assert service.component("app")["pid"] == pid
        assert "overflow 1 1\n" in read(told) and "changed 1 2" not in read(told), read(told)


def reload_at_the_edges():
    """Fewer and more instances, a name, an environment, a manifest that is broken or gone."""
    with Service(BIN) as service:
        three = {"a": FOREVER + "\ninstances = 3", "b": FOREVER}
        path = service.register("app", three)
        service.call("app.start", "app")
        told = lambda: {(c["id"], c["instance"]): (c["pid"], c["since"]) for c in service.components("app")}
        running = lambda: all(c["state"] == "running" for c in service.components("app"))
        until(running, "all run")
        first = told()
        for instances in 1, 2:
            write_manifest(path, "app", {"a": FOREVER + "\ninstances = %d" % instances, "b": FOREVER})
            assert service.run("reload", "app")[0] == 0
            until(running, "all run")
            now = told()
            assert len(now) == instances + 1 and now["a", 1] == first["a", 1] and now["b", 1] == first["b", 1], (first, now)
            until(lambda: not alive(first["a", 3][0]) and not alive(first["a", 2][0]), "the others are gone")
        second = told()
        # Nothing has changed: nothing happens. A comment is nothing, too.
        assert service.run("reload", "app")[0] == 0 and told() == second
        with open(path + "/spin.toml", "a") as file:
            file.write("# nothing\n")
        assert service.run("reload", "app")[0] == 0 and told() == second
        for broken in "spin_manifest_version = 2\n[application", "", "\0":
            with open(path + "/spin.toml", "w") as file:
                file.write(broken)
            assert service.run("reload", "app")[0] == 3 and told() == second, broken
            assert "/spin.toml" in service.call("app.status", "app")["error"]
        # The environment is the process's: that component alone is started anew.
        write_manifest(path, "app", {"a": FOREVER + "\ninstances = 2", "b": FOREVER})
        with open(path + "/spin.toml", "a") as file:
            file.write("[component.b.environment]\nA = \"1\"\n")
        assert service.run("reload", "app")[0] == 0
        until(running, "all run")
        third = told()
        assert third["a", 1] == second["a", 1] and third["a", 2] == second["a", 2], (second, third)
        assert third["b", 1][0] != second["b", 1][0] and "A=1" in read("/proc/%d/environ" % third["b", 1][0]).split("\0")
        # One component is gone, and the app has another name, which every process was told.
        write_manifest(path, "new name", {"a": FOREVER})
        assert service.run("reload", path)[0] == 0
        assert service.run("status", "app")[0] == 3
        status = service.until_state("new name", "running")
        until(lambda: not any(alive(pid) for pid, _ in third.values()), "those of before are gone")
        assert "BOBBIN_APP=new name" in read("/proc/%d/environ" % status["pid"]).split("\0")
        assert [app["name"] for app in service.call("app.list")] == ["new name"]
        service.client("new name").call("set", "default", "k", b"v")
        # Over a restart of the daemon as well, by its new name.
        service.stop()
        service.start()
        service.until_state("new name", "running")


def check_needs_no_daemon():
    with Service(BIN) as service:
        path = service.make_app("app", {"main": FOREVER})
        service.stop()
        assert service.run("check", path) == (0, "app 'app' with 1 component\n", "")
        write_manifest(path, "app", {"main": FOREVER + "\nready = 1"})
        status, out, words = service.run("check", path)
        assert status == 3 and not out and "spin.toml:9:9: expected a string for 'ready'" in words, words
        assert '"ok":true' in service.run("check", "--json", service.make_app("b", {}))[1].replace(" ", "")
        os.chmod(path, 0o777)
        assert "can be written by others" in service.run("check", path)[2]
        service.start()


# (module (memory (export "memory") 1) (func (export "_start") (loop (br 0))))
ENDLESS = bytes.fromhex(
    "0061736d01000000" "010401600000" "03020100" "0503010001" "0713" "02" "066d656d6f72790200" "065f73746172740000"
    "0a09010700" "03400c000b0b"
)


def runner_answers_the_watchdog_for_its_guest():
    """Also while the module is compiled, and while it computes without end; not when it is stopped."""
    with Service(BIN) as service:
        path = service.dir + "/app"
        os.mkdir(path, 0o755)
        with open(path + "/endless.wasm", "wb") as file:
            file.write(ENDLESS)
        write_manifest(path, "app", {"main": 'watchdog = "1s"\nrestart = "no"\nstop_timeout = "1s"'})
        with open(path + "/spin.toml") as file:
            text = file.read().replace("[component.main]", '[component.main]\nsource = "endless.wasm"')
        with open(path + "/spin.toml", "w") as file:
            file.write(text)
        service.call("app.register", path)
        service.call("app.start", "app")
        pid = service.until_state("app", "running")["pid"]
        until(lambda: service.component("app")["reason"] == "" and service.component("app")["cpu_ms"] > 1500, "it computes")
        time.sleep(3)
        status = service.component("app")
        assert status["state"] == "running" and status["pid"] == pid and status["restarts"] == 0, status
        os.kill(pid, signal.SIGSTOP)
        status = service.until_state("app", "failed")
        assert status["reason"] == "no ping within 1 s: killed by SIGABRT", status
        assert not alive(pid)


def last_exit_and_watchdog_go_on_over_an_upgrade():
    watched = shell("while :; do echo >&$BOBBIN_WATCHDOG_FD; sleep 0.1; done", 'watchdog = "1s"')
    with Service(BIN) as service:
        service.register("app", {"a": shell("exit 4", 'restart = "no"'), "b": shell("kill -9 $$", 'restart = "no"'), "c": watched})
        service.call("app.start", "app")
        until(lambda: [c["state"] for c in service.components("app")] == ["failed", "failed", "running"], "all are started")
        before = [(c["pid"], c["state"], c["last_exit"]) for c in service.components("app")]
        assert [told for _, _, told in before] == ["exited, status 4", "killed by SIGKILL", None], before
        status, _, words = service.run("upgrade")
        assert status == 0, words
        time.sleep(2.1)  # twice the watchdog's time
        assert [(c["pid"], c["state"], c["last_exit"]) for c in service.components("app")] == before


def schedules_and_readiness():
    tools = {
        "each": shell("echo run", 'schedule = "100ms"'),
        "once": shell("echo run", 'schedule = "start"'),
        "slow": shell("sleep 0.2; echo ready >&$BOBBIN_READY_FD; exec sleep 1000", 'ready = "line"'),
        "never": shell("exec sleep 1000", 'ready = "hello"', 'start_timeout = "100ms"', 'restart = "no"'),
    }
    with Service(BIN) as service:
        path = service.register("app", tools)
        service.call("app.start", "app")
        until(lambda: read(path + "/.spin/logs/each_stdout.txt").count("run\n") >= 4, "it runs again and again")
        states = {c["id"]: (c["state"], c["reason"]) for c in service.components("app")}
        assert states["once"][0] == "exited" and read(path + "/.spin/logs/once_stdout.txt") == "run\n"
        until(lambda: service.component("app", 3)["state"] == "running", "it is ready")
        until(lambda: service.component("app", 1)["state"] == "failed", "it was never ready")
        assert service.component("app", 1)["reason"].startswith("not ready within 100 ms")


run_tests(
    [
        crash_loop_follows_the_documented_delays,
        killed_daemon_leaves_no_process,
        stop_takes_the_whole_group_within_its_time,
        flood_without_newlines_is_bounded,
        removed_directory_ends_the_app,
        other_directory_in_its_place_stays_untouched,
        lost_permissions_are_told_and_over_when_they_are,
        another_owner_is_told,
        reload_touches_only_what_changed,
        watch_ends_with_the_grant_of_its_label,
        reload_at_the_edges,
        check_needs_no_daemon,
        schedules_and_readiness,
        runner_answers_the_watchdog_for_its_guest,
        last_exit_and_watchdog_go_on_over_an_upgrade,
    ]
)
