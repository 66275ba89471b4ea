#!/usr/bin/python3
"""Modules compiled ahead of time: bobbind --build. Usage: test_ahead.py BIN_DIR APPS_DIR"""
import glob
import os
import shutil
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from service import run_tests

BIN, APPS = os.path.abspath(sys.argv[1]), sys.argv[2]
NOBODY = 65534
COMMAND = """spin_manifest_version = 2
[application]
name = "plain"
[component.plain]
source = "plain.sh"
[component.plain.tool.bobbin]
command = ["/bin/true"]
"""


def build(app, runner=BIN + "/bobbin-run"):
    run = subprocess.run([BIN + "/bobbind", "--set", "runner=" + runner, "--build", app], capture_output=True, text=True)
    return run.returncode, run.stdout + run.stderr


def app_of(directory, owner=None):
    """A copy of the counter, in a directory that its owner can reach."""
    os.chmod(directory, 0o755)
    app = directory + "/counter"
    shutil.copytree(APPS + "/counter", app)
    shutil.rmtree(app + "/.spin", ignore_errors=True)
    for path in [app, *glob.glob(app + "/*")]:
        os.chmod(path, 0o755 if os.path.isdir(path) else 0o644)
        if owner is not None:
            os.chown(path, owner, owner)
    return app


def cached(app):
    return sorted(glob.glob(app + "/.spin/cache/**/*.so", recursive=True))


def modules_are_compiled_once_and_serve_without_a_compiler():
    with tempfile.TemporaryDirectory() as directory:
        app = app_of(directory)
        code, out = build(app)
        assert code == 0 and len(cached(app)) == 1, (code, out, cached(app))
        before = os.stat(cached(app)[0])
        code, out = build(app)
        assert code == 0 and "(was there)" in out, (code, out)
        after = os.stat(cached(app)[0])
        assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def what_is_built_is_the_owners():
    if os.geteuid() != 0:
        return
    with tempfile.TemporaryDirectory() as directory:
        app = app_of(directory, NOBODY)
        code, out = build(app)
        assert code == 0 and len(cached(app)) == 1, (code, out)
        for path in [app + "/.spin", app + "/.spin/cache", *cached(app)]:
            found = os.stat(path)
            assert found.st_uid == found.st_gid == NOBODY, (path, found)
        assert stat.S_IMODE(os.stat(app + "/.spin").st_mode) == 0o700


def an_app_of_commands_has_nothing_to_build():
    with tempfile.TemporaryDirectory() as directory:
        with open(directory + "/spin.toml", "w") as file:
            file.write(COMMAND)
        code, out = build(directory)
        assert code == 0 and "app 'plain' has no modules to build" in out, (code, out)
        assert not os.path.exists(directory + "/.spin"), "nothing is made"


def refused(app, *words, **options):
    code, out = build(app, **options)
    assert code == 1 and all(word in out for word in ("bobbind: ", *words)), (code, out)


def what_is_wrong_is_named():
    with tempfile.TemporaryDirectory() as directory:
        app = app_of(directory)
        refused(directory + "/absent", "absent", "No such file")
        refused(app, "cannot run '/absent/runner'", runner="/absent/runner")
        os.chmod(app, 0o777)
        refused(app, "can be written by others", "chmod go-w")
        os.chmod(app, 0o755)
        with open(app + "/counter.wasm", "wb") as file:
            file.write(b"\0not a module")
        code, out = build(app)
        assert code != 0 and "counter.wasm" in out and not cached(app), (code, out)
        with open(app + "/spin.toml", "a") as file:
            file.write("[nonsense\n")
        refused(app, "spin.toml")


run_tests(
    [
        modules_are_compiled_once_and_serve_without_a_compiler,
        what_is_built_is_the_owners,
        an_app_of_commands_has_nothing_to_build,
        what_is_wrong_is_named,
    ]
)
