#!/usr/bin/python3
"""Who may do what, with several users: needs root, is skipped (77) otherwise.
Usage: test_access.py BIN_DIR"""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from service import Client, Service, read, run_tests, shell, until, with_private_mounts

BIN = sys.argv[1]
ALICE, BOB, CAROL, GROUP = 61001, 61002, 61003, 61900  # numbers without names

# What a method is given besides the app; those that are not about an app are left out.
METHODS = {
    "attach": [], "stats": [], "app.unregister": [], "app.status": [], "app.start": [], "app.stop": [],
    "app.restart": [], "app.reset": [], "app.reload": [], "trace": [],
}


def as_user(uid, function, groups=()):
    """What the function returns (a string) when that user calls it."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(list(groups))
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            said = function()
        except BaseException as error:
            said = "%s: %s" % (type(error).__name__, error)
        os.write(theirs, str(said).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours) as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


def refusals(socket, app):
    """Of every method for that app, with the app's name taken out."""
    said = []
    for method, more in sorted(METHODS.items()):
        client = Client(socket)
        code, text = client.error(method, app, *more)
        said.append("%s: %s: %s" % (method, code, text.replace(app, "APP")))
        client.close()
    return "\n".join(said)


def strangers_learn_nothing():
    with Service(BIN) as service:
        path = service.register("hers", {"main": shell("exec sleep 1000")}, owner=ALICE)
        service.call("app.start", "hers")
        service.until_state("hers", "running")
        there = as_user(BOB, lambda: refusals(service.socket, "hers"))
        not_there = as_user(BOB, lambda: refusals(service.socket, "nope"))
        assert there == not_there, (there, not_there)
        assert len(re.findall("^\\S+: access-denied: ", there, re.M)) == len(METHODS), there
        by_path = as_user(BOB, lambda: refusals(service.socket, path))
        assert by_path == as_user(BOB, lambda: refusals(service.socket, service.dir + "/nope")), by_path
        assert as_user(BOB, lambda: Client(service.socket).call("app.list")) == "[]"
        register = [as_user(BOB, lambda p=p: Client(service.socket).error("app.register", p)) for p in (path, path + "x")]
        assert register[0].replace(path, "P") == register[1].replace(path + "x", "P"), register
        # The command line, as that user.
        status, _, words = service.run("status", "hers", user=BOB)
        assert status == 3 and "there is no app 'hers' that you may use" in words, words
        # A line for each refusal; the app is as it was.
        denied = [line for line in service.words().splitlines() if "denied: " in line and "uid %d" % BOB in line]
        assert len(denied) == 4 * len(METHODS) + 2 + 1, len(denied)
        assert "denied: app.start by uid %d pid " % BOB in service.words()
        assert service.component("hers")["state"] == "running"
        # Its owner may.
        assert as_user(ALICE, lambda: Client(service.socket).call("app.status", "hers")["wanted"]) == "running"


def manifest_and_configuration_grant():
    group = subprocess.run(["getent", "group", "daemon"], capture_output=True, text=True).stdout.split(":")[2]
    grants = "[application.tool.bobbin]\nallow_users = [%d]\nallow_groups = [%d]\n" % (BOB, GROUP)
    with Service(BIN, 'admin_group = "daemon"\n') as service:
        service.make_app("shared", {"main": shell("exec sleep 1000")}, owner=ALICE, more=grants)
        path = service.dir + "/shared"

        def use():
            client = Client(service.socket)
            client.call("attach", "shared")
            client.call("set", "default", "a", b"1")
            return client.call("app.list")[0]["name"]

        assert as_user(CAROL, lambda: Client(service.socket).error("app.register", path)[0], [GROUP]).startswith(
            "access-denied"
        )
        assert as_user(CAROL, lambda: Client(service.socket).call("app.register", path)["name"], [int(group)]) == "shared"
        assert as_user(BOB, use) == "shared"
        assert as_user(CAROL, use, [GROUP]) == "shared"
        assert as_user(CAROL, use).startswith("Refused: access-denied")
        assert as_user(CAROL, use, [int(group)]) == "shared"
        assert "no-such-app" in as_user(CAROL, lambda: Client(service.socket).error("attach", "x"), [int(group)])
        # What is taken away ends the connections that it gave.
        client = Client(service.socket)
        client.call("attach", "shared")
        ready, go = os.pipe(), os.pipe()
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setresuid(BOB, BOB, BOB)
            theirs = Client(service.socket)
            theirs.call("attach", "shared")
            os.write(ready[1], b"x")
            os.read(go[0], 1)
            try:
                theirs.call("get", "default", "a")
                os._exit(1)
            except BaseException:
                os._exit(0)
        os.read(ready[0], 1)
        service.make_app("shared", {"main": shell("exec sleep 1000")}, owner=ALICE)
        assert service.call("app.reload", "shared")["name"] == "shared"
        os.write(go[1], b"x")
        assert os.waitpid(child, 0)[1] == 0
        assert as_user(BOB, use).startswith("Refused: access-denied")
        client.call("get", "default", "a")


LOOK = """
id -u; id -g; id -G
grep -E '^(NoNewPrivs|Umask|Uid|Gid|Groups|CapEff|CapBnd)' /proc/$$/status
pwd -P
cat '%s/secret' 2>&1; ls '%s' 2>&1; cat '%s/registry.db' 2>&1 | head -c 200; ls '%s/.spin' 2>&1
exit 0
"""


def process_is_its_owners_and_sees_nothing_else():
    """uid and groups, /proc/PID/environ and fd; another user's app and the daemon's state."""
    with Service(BIN) as service:
        other = service.register("other", {}, owner=BOB)
        with open(other + "/secret", "w") as file:
            file.write("treasure")
        os.chmod(other + "/secret", 0o600)
        service.client("other").call("set", "default", "a", b"1")
        os.chmod(other, 0o700)
        script = LOOK % (other, other, service.state_dir, other)
        path = service.register("mine", {"main": shell(script, 'restart = "no"')}, owner=ALICE)
        os.environ["LEAKED"] = "secret"
        service.call("app.start", "mine")
        service.until_state("mine", "exited")
        out = read(path + "/.spin/logs/main_stdout.txt")
        lines = out.splitlines()
        assert lines[:3] == [str(ALICE)] * 3, lines[:3]
        # Seen from outside, of a program that opens nothing of its own.
        looked_at = service.register("still", {"main": "command = ['/bin/sleep', '1000']"}, owner=ALICE)
        service.call("app.start", "still")
        proc = "/proc/%d" % service.until_state("still", "running")["pid"]
        environ = sorted(read(proc + "/environ").split("\0")[:-1])
        assert environ == sorted(
            ["BOBBIN_APP=still", "BOBBIN_COMPONENT=main", "BOBBIN_FD=3", "BOBBIN_INSTANCE=1"]
            + ["BOBBIN_STATE_DIR=%s/.spin" % looked_at]
        ), environ
        descriptors = [os.readlink("%s/fd/%d" % (proc, n)).partition(":")[0] for n in range(4)]
        assert sorted(os.listdir(proc + "/fd")) == ["0", "1", "2", "3"], os.listdir(proc + "/fd")
        assert descriptors == ["/dev/null", "pipe", "pipe", "socket"], descriptors
        assert os.readlink(proc + "/cwd") == looked_at
        for line in "NoNewPrivs:\t1", "Umask:\t0077", "CapEff:\t0000000000000000", "Groups:\t ":
            assert line in lines, (line, out)
        assert path in lines and "treasure" not in out and "SQLite" not in out, out
        assert out.count("Permission denied") == 4, out


def process_has_all_groups_of_its_owner():
    """A user with a name and more groups than one, in a passwd and a group of the test's own."""
    with Service(BIN) as service:
        for name, line in ("passwd", "bobbintest:x:%d:%d::/nonexistent:/bin/sh\n" % (ALICE, ALICE)), (
            "group", "bobbintest:x:%d:\nbobbinone:x:61501:bobbintest\nbobbintwo:x:61502:other,bobbintest\n" % ALICE
        ):
            mine = service.dir + "/" + name
            with open(mine, "w") as file:
                file.write(read("/etc/" + name) + line)
            os.chmod(mine, 0o644)
            subprocess.run(["mount", "--bind", mine, "/etc/" + name], check=True)
        shared = service.dir + "/shared"
        with open(shared, "w") as file:
            file.write("by group\n")
        os.chown(shared, 0, 61502)
        os.chmod(shared, 0o640)
        script = "id -u; id -g; id -G; umask; cat %s" % shared
        path = service.register("mine", {"main": shell(script, 'restart = "no"')}, owner=ALICE)
        service.call("app.start", "mine")
        service.until_state("mine", "exited")
        lines = read(path + "/.spin/logs/main_stdout.txt").splitlines()
        assert lines[:2] == [str(ALICE)] * 2, lines
        assert sorted(map(int, lines[2].split())) == sorted([ALICE, 61501, 61502]), lines
        assert lines[3:] == ["0077", "by group"], lines
        # What the owner was when the process was started: a group that he has left is not the next one's.
        with open(service.dir + "/group", "r+") as file:
            text = file.read().replace("other,bobbintest", "other")
            file.seek(0)
            file.truncate()
            file.write(text)
        service.call("app.restart", "mine")
        until(lambda: len(read(path + "/.spin/logs/main_stdout.txt").splitlines()) >= 9, "it has run again")
        lines = read(path + "/.spin/logs/main_stdout.txt").splitlines()[5:]
        assert sorted(map(int, lines[2].split())) == sorted([ALICE, 61501]), lines
        assert "by group" not in lines, lines
        for name in "passwd", "group":
            subprocess.run(["umount", "-l", "/etc/" + name], check=True)


def app_process_reaches_only_its_labels():
    """With whatever it tries over its connection, and from a child that it passed it to."""
    probe = os.path.join(os.path.dirname(os.path.abspath(__file__)), "app_probe.py")
    with Service(BIN) as service:
        tool = "command = ['/usr/bin/python3', '%s']\nrestart = \"no\"" % probe
        path = service.register("mine", {"main": tool, "else": shell("exit 0")}, owner=ALICE)
        service.register("other", {}, owner=ALICE)
        with open(path + "/spin.toml") as file:
            text = file.read()
        with open(path + "/spin.toml", "w") as file:
            file.write(text.replace('[component.else]\nkey_value_stores = ["default"]', '[component.else]\nkey_value_stores = ["vault"]'))
        service.call("app.reload", "mine")
        service.call("app.start", "mine", "main")
        until(lambda: service.component("mine", 1)["state"] in ("exited", "failed"), "it has tried everything")
        out = read(path + "/.spin/logs/main_stdout.txt")
        assert out.endswith("done\n"), out + read(path + "/.spin/logs/main_stderr.txt")
        for line in out.splitlines()[:-1]:
            assert re.match("(parent|child|passed) (own: (None|b'.*')|\\S+: (access-denied|no-such-store))$", line), line
        assert out.count("access-denied") == 3 * 16 and out.count("no-such-store") == 3, out
        assert sorted({line.split()[0] for line in out.splitlines()}) == ["child", "done", "parent", "passed"], out
        denied = [line for line in service.words().splitlines() if " denied: " in line]
        assert len(denied) == 3 * 16 and all("by app 'mine' component 'main'" in line for line in denied), denied


if os.geteuid() != 0:
    print("skipped: needs root")
    sys.exit(77)
run_tests(
    [
        strangers_learn_nothing,
        manifest_and_configuration_grant,
        process_is_its_owners_and_sees_nothing_else,
        *with_private_mounts([process_has_all_groups_of_its_owner]),
        app_process_reaches_only_its_labels,
    ]
)
