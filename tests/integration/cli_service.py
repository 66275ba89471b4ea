"""A daemon with one app in a directory of its own, the command line against it, and checks that count."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

DEADLINE = 60
passed = failed = 0


def check(name, good, *details):
    global passed, failed
    if good:
        passed += 1
        return
    failed += 1
    print(f"FAILED: {name}", *(repr(d)[:2000] for d in details), sep="\n  ", flush=True)


def wait_for(what, condition, seconds=DEADLINE):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)


def sanitized(bin_dir):
    """Whether the programs were built with sanitizers, which take memory and time of their own."""
    with open(f"{bin_dir}/bobbin", "rb") as f:
        return b"__asan_init" in (program := f.read()) or b"__tsan_init" in program


MANIFEST = """spin_manifest_version = 2
[application]
name = "counter"
version = "1"
[component.web]
key_value_stores = ["default", "cache"]
[component.web.tool.bobbin]
command = "/bin/true"
"""


class Service:
    def __init__(self, bin_dir, top):
        self.bin = os.path.abspath(bin_dir)
        self.top = top
        self.socket = f"{top}/bobbin.sock"
        self.state = f"{top}/state"
        self.app = f"{top}/counter"
        self.log = f"{top}/daemon.log"
        self.environment = {
            "PATH": f"{self.bin}:/usr/bin:/bin", "HOME": f"{top}/home", "XDG_STATE_HOME": f"{top}/home",
            "BOBBIN_SOCKET": self.socket, "TERM": "xterm", "LC_ALL": "C.UTF-8",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        os.makedirs(f"{top}/home")
        os.mkdir(self.app)
        with open(f"{self.app}/spin.toml", "w") as f:
            f.write(MANIFEST)
        self.daemon = None
        self.arguments = ()

    def start(self):
        self.daemon = subprocess.Popen(
            [f"{self.bin}/bobbind", "--socket", self.socket, "--state-dir", self.state, *self.arguments],
            stderr=open(self.log, "a"), env=self.environment)
        wait_for("the daemon", lambda: self.bobbin("ping").returncode == 0)

    def stop(self):
        self.daemon.terminate()
        check("the daemon ends well", self.daemon.wait(DEADLINE) == 0, self.daemon.returncode)

    def kill(self):
        self.daemon.kill()
        self.daemon.wait(DEADLINE)

    def command(self, *args):
        return [f"{self.bin}/bobbin", *args]

    def bobbin(self, *args, data=b"", cwd=None, timeout=DEADLINE):
        """The command in the app's directory; what it wrote is bytes."""
        return subprocess.run(self.command(*args), input=data, capture_output=True, timeout=timeout,
                              env=self.environment, cwd=cwd or self.app)

    def json(self, *args, **more):
        """The one document that the command prints with --json."""
        return json.loads(self.bobbin(*args, "--json", **more).stdout)

    def start_bobbin(self, *args, **more):
        return subprocess.Popen(self.command(*args), env=self.environment, cwd=self.app, bufsize=0,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def expect(self, name, args, status, out=None, err=b"", data=b""):
        """Run it and compare; err: a part of standard error, b"" for none at all."""
        r = self.bobbin(*args, data=data)
        good = r.returncode == status and (out is None or r.stdout == out)
        check(name, good and (err in r.stderr if err else r.stderr == b""), args, r)
        return r

    def expect_json(self, name, args, status, document, data=b""):
        r = self.bobbin(*args, "--json", data=data)
        try:
            told = json.loads(r.stdout)
        except ValueError:
            told = None
        check(name, r.returncode == status and told == document, args, r)
        return told


def main(tests, bin_dir, *args):
    """Run the tests, each a function of the service, against one daemon; exits."""
    top = tempfile.mkdtemp(prefix="bobbin-cli-")
    service = Service(bin_dir, top)
    try:
        service.arguments = args
        service.start()
        service.bobbin("register", service.app)
        for test in tests:
            begin = time.monotonic()
            test(service)
            print(f"{test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
    except (TimeoutError, EOFError, subprocess.TimeoutExpired) as e:
        check("no time-out", False, e)
    finally:
        if service.daemon and service.daemon.poll() is None:
            service.stop()
        if failed:
            with open(service.log) as log:
                print(log.read()[-3000:])
        shutil.rmtree(top)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)
