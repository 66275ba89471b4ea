#!/usr/bin/python3
"""Limits as the kernel enforces them: by control groups of version 2 where this machine lets the test make
some, and by rlimits, anywhere. Usage: test_cgroup.py BIN_DIR"""
import contextlib
import os
import sys
import time

sys.dont_write_bytecode = True
from service import Service, read, run_tests, shell, until

BIN = sys.argv[1]
GREEDY = "command = ['/usr/bin/python3', '-c', 'x = bytearray(200 << 20); print(len(x))']"


class NoGroups(Exception):
    pass


def mount_point():
    for line in read("/proc/self/mountinfo").splitlines():
        fields, _, rest = line.partition(" - ")
        if rest.split()[0] == "cgroup2":
            return fields.split()[4]
    raise NoGroups("no cgroup2 is mounted")


@contextlib.contextmanager
def subtree():
    """A group of the test's own that has the controllers."""
    own = [line[3:] for line in read("/proc/self/cgroup").splitlines() if line.startswith("0::")]
    above = mount_point() + (own[0] if own else "/")
    missing = {"memory", "cpu"} - set(read(above + "/cgroup.controllers").split())
    if missing:
        raise NoGroups("'%s' has no controllers %s: they are version 1's here" % (above, ", ".join(sorted(missing))))
    path = above.rstrip("/") + "/bobbin-test-%d" % os.getpid()
    try:
        with open(above + "/cgroup.subtree_control", "w") as file:
            file.write("+memory +cpu")
        os.mkdir(path)
    except OSError as error:
        raise NoGroups("'%s' is not ours to divide: %s" % (above, error.strerror))
    try:
        yield path
    finally:
        for directory, _, _ in os.walk(path, topdown=False):
            until(lambda: removed(directory), "the group is removed")


def removed(path):
    try:
        os.rmdir(path)
    except OSError:
        pass
    return not os.path.exists(path)


def where_there_are_groups(test):
    def run():
        try:
            with subtree() as path:
                return test(path)
        except NoGroups as reason:
            return "SKIPPED: %s" % reason

    run.__name__ = test.__name__
    return run


@where_there_are_groups
def memory_max_kills_by_control_group(path):
    with Service(BIN, 'cgroup = "%s"\n' % path) as service:
        tools = {"greedy": GREEDY + '\nmemory_max = "32M"\nrestart = "no"', "modest": GREEDY + '\nrestart = "no"'}
        service.register("app", tools)
        service.call("app.start", "app")
        assert service.until_state("app", "failed")["last_exit"] == "killed by SIGKILL, out of memory"
        until(lambda: service.component("app", 1)["state"] == "exited", "the one without a limit has what it wants")


@where_there_are_groups
def cpu_max_throttles_by_control_group(path):
    with Service(BIN, 'cgroup = "%s"\n' % path) as service:
        service.register("app", {"busy": shell("while :; do :; done", 'cpu_max = "20%"')})
        service.call("app.start", "app")
        service.until_state("app", "running")
        before, began = service.component("app")["cpu_ms"], time.monotonic()
        time.sleep(3)
        used, passed = service.component("app")["cpu_ms"] - before, 1000 * (time.monotonic() - began)
        assert 0 < used <= 0.3 * passed, (used, passed)
        return "%.0f %% of a processor" % (100 * used / passed)


@where_there_are_groups
def who_leaves_the_process_group_is_found(path):
    with Service(BIN, 'cgroup = "%s"\n' % path) as service:
        directory = service.register("app", {"main": shell("setsid sleep 1000 & echo $! > pid; exec sleep 1000")})
        service.call("app.start", "app")
        until(lambda: read(directory + "/pid").strip(), "it has started another")
        pid = int(read(directory + "/pid"))
        service.call("app.stop", "app")
        until(lambda: not os.path.exists("/proc/%d" % pid) or read("/proc/%d/stat" % pid).split()[2] == "Z", "it is gone, too")


def limits_without_control_groups_are_rlimits():
    """memory_max as RLIMIT_DATA; cpu_max is not in force, and the log says so."""
    with Service(BIN) as service:
        path = service.register("app", {"greedy": GREEDY + '\nmemory_max = "64M"\ncpu_max = "20%"\nrestart = "no"'})
        service.call("app.start", "app")
        status = service.until_state("app", "failed")
        assert status["last_exit"] == "exited, status 1", status
        assert "MemoryError" in read(path + "/.spin/logs/greedy_stderr.txt")
        assert "component 'greedy': cpu_max is not in force" in service.words()
        service.make_app("app", {"greedy": GREEDY + '\nmemory_max = "1G"\nrestart = "no"'})
        service.call("app.reload", "app")
        service.call("app.start", "app")
        service.until_state("app", "exited")


run_tests(
    [
        memory_max_kills_by_control_group,
        cpu_max_throttles_by_control_group,
        who_leaves_the_process_group_is_found,
        limits_without_control_groups_are_rlimits,
    ]
)
