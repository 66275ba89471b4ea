"""A real bobbind in a directory of its own, and clients of it, for the tests in Python."""
import contextlib
import ctypes
import functools
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import msgpack

PATIENCE = int(os.environ.get("PATIENCE", 60))  # seconds that a condition may take on a loaded machine


class Refused(Exception):
    def __init__(self, code, text):
        super().__init__("%s: %s" % (code, text))
        self.code = code
        self.text = text


class Client:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)
        self.unpacker = msgpack.Unpacker(raw=False, strict_map_key=False, max_buffer_size=2**28)
        self.ids = itertools.count(1)

    def close(self):
        self.socket.close()

    def send(self, method, *params):
        number = next(self.ids)
        self.socket.sendall(msgpack.packb([0, number, method, list(params)], use_bin_type=True))
        return number

    def receive(self, number):
        while True:
            for message in self.unpacker:
                if message[:2] == [1, number]:
                    if message[2] is not None:
                        raise Refused(*message[2])
                    return message[3]
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the daemon closed the connection")
            self.unpacker.feed(data)

    def call(self, method, *params):
        return self.receive(self.send(method, *params))

    def error(self, method, *params):
        """The code and text of a call that must fail."""
        try:
            result = self.call(method, *params)
        except Refused as refused:
            return refused.code, refused.text
        raise AssertionError("%s%r succeeded: %r" % (method, params, result))


class Service:
    """The daemon; its apps are directories in `dir`."""

    def __init__(self, bin_dir, config=""):
        self.bobbind = os.path.join(bin_dir, "bobbind")
        self.bobbin = os.path.join(bin_dir, "bobbin")
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="bobbin-test."))
        os.chmod(self.dir, 0o755)
        self.socket = self.dir + "/run/bobbin.sock"
        self.state_dir = self.dir + "/state"
        self.log = self.dir + "/bobbind.log"
        self.config = self.dir + "/bobbin.toml"
        self.process = None
        os.mkdir(self.dir + "/run", 0o755)
        with open(self.config, "w") as file:
            file.write(config)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *rest):
        try:
            if self.process:
                status = self.stop()
                assert status == 0 or kind, "bobbind ended with %d:\n%s" % (status, self.words())
        finally:
            if self.process:
                self.kill()
            if kind:
                sys.stderr.write(self.words()[-3000:])
            shutil.rmtree(self.dir, ignore_errors=True)

    def words(self):
        with open(self.log, errors="replace") as file:
            return file.read()

    def start(self):
        log = open(self.log, "a")
        command = [self.bobbind, "--socket", self.socket, "--state-dir", self.state_dir]
        # AddressSanitizer keeps what was freed, which would look like a daemon that grows.
        asan = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
        self.process = subprocess.Popen(
            command + ["--config", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env=dict(os.environ, ASAN_OPTIONS=asan),
        )
        log.close()
        until(self.answers, "bobbind answers")

    def answers(self):
        assert self.process.poll() is None, self.words()[-2000:]
        try:
            self.client().close()
            return True
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        return self.reap()

    def kill(self):
        self.process.kill()
        return self.reap()

    def reap(self):
        status = self.process.wait(PATIENCE * 2)
        self.process = None
        return status

    def client(self, app=None):
        client = Client(self.socket)
        if app:
            client.call("attach", app)
        return client

    def call(self, method, *params):
        with contextlib.closing(self.client()) as client:
            return client.call(method, *params)

    def make_app(self, name, components, owner=None, more=""):
        """A directory with a manifest; `components` is {id: lines of its tool table}."""
        path = os.path.join(self.dir, name)
        if not os.path.isdir(path):
            os.mkdir(path, 0o755)
        write_manifest(path, name, components, more)
        if owner is not None:
            for at in [path] + [os.path.join(path, entry) for entry in os.listdir(path)]:
                os.chown(at, owner, owner)
        return path

    def register(self, name, components, **more):
        path = self.make_app(name, components, **more)
        self.call("app.register", path)
        return path

    def start_ticker(self, apps_dir):
        """A wasm app that counts as fast as it can, and logs each sum that was acknowledged: see ticks."""
        path = self.dir + "/ticker"
        shutil.copytree(apps_dir + "/ticker", path)
        os.chmod(path, 0o755)
        self.call("app.register", path)
        self.call("app.start", "ticker")
        until(lambda: len(ticks(path)) > 50, "the app counts", lambda: self.components("ticker"))
        return path

    def components(self, app):
        return self.call("app.status", app)["components"]

    def component(self, app, number=0):
        return self.components(app)[number]

    def state(self, app):
        return self.component(app)["state"]

    def until_state(self, app, state):
        until(lambda: self.component(app)["state"] == state, "'%s' is %s" % (app, state), lambda: self.component(app))
        return self.component(app)

    def run(self, *arguments, user=None):
        """The command line: exit status, stdout, stderr."""

        def become():
            if user is not None:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)

        environment = dict(os.environ, BOBBIN_SOCKET=self.socket, NO_COLOR="1")
        environment.pop("BOBBIN_FD", None)
        done = subprocess.run(
            [self.bobbin] + list(arguments), env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, preexec_fn=become, timeout=PATIENCE,
        )
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def ticks(path):
    return read(path + "/.spin/logs/ticker_stdout.txt").split()


def check_ticks(path):
    """Every sum once, none left out; how many."""
    lines = ticks(path)
    assert lines == [str(n + 1) for n in range(len(lines) - 1)] + ["enough"], "the log has gaps"
    return len(lines) - 1


def write_manifest(path, name, components, more=""):
    lines = ["spin_manifest_version = 2", "[application]", 'name = "%s"' % name, more]
    for component, tool in components.items():
        lines += ["[component.%s]" % component, 'key_value_stores = ["default"]']
        lines += ["[component.%s.tool.bobbin]" % component, tool]
    with open(path + "/spin.toml.new", "w") as file:
        file.write("\n".join(lines) + "\n")
    os.chmod(path + "/spin.toml.new", 0o644)
    os.rename(path + "/spin.toml.new", path + "/spin.toml")


def shell(script, *more):
    """Lines of a tool table that run a shell script."""
    return "\n".join(["command = ['/bin/sh', '-c', '''%s''']" % script] + list(more))


def until(condition, what, told=lambda: ""):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "not within %d s: %s %s" % (PATIENCE, what, told())
        time.sleep(0.01)


def within(seconds, condition, what):
    """How long it took, which must not be longer: for what is promised within a time."""
    began = time.monotonic()
    until(condition, what)
    took = time.monotonic() - began
    assert took <= seconds, "%s took %.2f s, not %.2f s" % (what, took, seconds)
    return took


def alive(pid):
    """A zombie counts as gone."""
    try:
        with open("/proc/%d/stat" % pid) as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def libc(name, *arguments):
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    if function(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def with_private_mounts(tests):
    """Decorator's work: each test in a child with mounts of its own; skipped, and said, where that may not be."""
    if os.geteuid() != 0:
        print("skipped: mounting needs root")
        sys.exit(77)

    def inside(test):
        child = os.fork()
        if child == 0:
            status = 1
            try:
                libc("unshare", 0x00020000)  # CLONE_NEWNS
                subprocess.run(["mount", "--make-rprivate", "/"], check=True)
                print(test() or "", end=" ")
                status = 0
            except PermissionError as error:
                print("skipped: %s" % error, end=" ")
                status = 77
            except BaseException:
                import traceback

                traceback.print_exc()
            sys.stdout.flush()
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, 77), "status %d" % status

    return [functools.wraps(test)(functools.partial(inside, test)) for test in tests]


def run_tests(tests):
    """Each of the functions; the exit status tells whether all went well."""
    failed = 0
    for test in tests:
        began = time.monotonic()
        try:
            said = test()
            print("ok   %-52s %5.1f s  %s" % (test.__name__, time.monotonic() - began, said or ""))
        except Exception as error:  # the next test has its own daemon
            failed += 1
            import traceback

            traceback.print_exc()
            print("FAIL %s: %s" % (test.__name__, error))
        sys.stdout.flush()
    sys.exit(1 if failed else 0)
