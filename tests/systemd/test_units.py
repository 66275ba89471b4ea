#!/usr/bin/python3
"""The units in the eyes of systemd-analyze: not a word from verify, in a root where all is installed, and an
exposure of the system's unit below 3.0. Skipped (77) where there is no systemd-analyze.
Usage: test_units.py BUILD_DIR"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../integration"))
from service import read, run_tests

BUILD = os.path.abspath(sys.argv[1])
EXPOSURE = 3.0
# Options that systemd-analyze finds fault with, as the unit's comments explain them: what is not here
# must not be found fault with, and what is here must be explained by its name.
EXPLAINED = {
    "User=": "UserOrDynamicUser", "CAP_": "CapabilityBoundingSet", "ProtectSystem=full": "ProtectSystem",
    "ProtectHome=": "ProtectHome", "PrivateTmp=": "PrivateTmp", "ProtectControlGroups=": "ProtectControlGroups",
    "ProtectProc=": "ProtectProc", "ProcSubset=": "ProcSubset", "PrivateUsers=": "PrivateUsers",
    "PrivateNetwork=": "PrivateNetwork", "@resources": "SystemCallFilter", "AF_UNIX": "RestrictAddressFamilies",
    "Delegate=": "Delegate", "RootDirectory=": "RootDirectoryOrRootImage", "char-rtc": "DeviceAllow",
}


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, errors="replace")


def installed(root):
    """As a package would have it, in `root`."""
    done = subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr"], env=dict(os.environ, DESTDIR=root),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # The units name the prefix that was configured.
    prefix = re.search(r"ExecStart=(\S*)/sbin/bobbind", read(root + "/usr/lib/systemd/system/bobbind.service"))[1]
    if prefix != "/usr":
        os.makedirs(root + os.path.dirname(prefix), exist_ok=True)
        os.symlink("/usr", root + prefix) if not os.path.exists(root + prefix) else None
    os.makedirs(root + "/bin", exist_ok=True)
    shutil.copy("/bin/sh", root + "/bin/sh")
    for unit in "sysinit.target", "basic.target", "sockets.target", "local-fs.target", "shutdown.target":
        place = root + "/usr/lib/systemd/system/" + unit
        with open(place, "w") as file:
            file.write("[Unit]\nDescription=%s\nDefaultDependencies=no\n" % unit)


def with_root(test):
    def run():
        root = tempfile.mkdtemp(prefix="bobbin-units.")
        try:
            installed(root)
            return test(root)
        finally:
            shutil.rmtree(root, ignore_errors=True)

    run.__name__ = test.__name__
    return run


@with_root
def verify_says_nothing(root):
    units = ["bobbind.service", "bobbind.socket", "bobbind-metrics.socket"]
    done = analyze("verify", "--man=no", "--root=" + root, *units)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
    # A mistake would be told.
    path = root + "/usr/lib/systemd/system/bobbind.service"
    with open(path, "a") as file:
        file.write("[Service]\nWatchdogSecond=30s\n")
    assert "WatchdogSecond" in analyze("verify", "--man=no", "--root=" + root, *units).stderr


def verify_says_nothing_of_the_users_units():
    """It has no --root for those: the daemon stands where it was built."""
    directory = tempfile.mkdtemp(prefix="bobbin-units.")
    try:
        for name in "bobbind.service", "bobbind.socket":
            source = BUILD + "/systemd/user/" + name
            text = read(source if os.path.exists(source) else os.path.join(
                os.path.dirname(os.path.abspath(__file__)), "../../systemd/user", name))
            with open(os.path.join(directory, name), "w") as file:
                file.write(re.sub(r"ExecStart=\S+", "ExecStart=%s/bin/bobbind" % BUILD, text))
        environment = dict(os.environ, XDG_RUNTIME_DIR=directory, SYSTEMD_UNIT_PATH=directory + ":")
        done = subprocess.run(["systemd-analyze", "--user", "--man=no", "verify", directory + "/bobbind.service",
                               directory + "/bobbind.socket"], capture_output=True, text=True, env=environment)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@with_root
def the_exposure_is_low_and_the_rest_explained(root):
    unit = root + "/usr/lib/systemd/system/bobbind.service"
    text = read(unit)
    told = analyze("security", "--offline=yes", unit).stdout
    exposure = float(re.search(r"Overall exposure level for bobbind.service: ([0-9.]+)", told)[1])
    assert exposure < EXPOSURE, told
    comments = "\n".join(line for line in text.splitlines() if line.startswith("#"))
    found = json.loads(analyze("security", "--offline=yes", "--json=short", unit).stdout)
    faults = {re.split(r"[=_]", entry["json_field"])[0] for entry in found if entry["exposure"] not in (None, "0.0", "")}
    for fault in faults:
        words = [word for word, field in EXPLAINED.items() if field == fault]
        assert words, "%s is found fault with, and not explained" % fault
        assert any(word in comments for word in words), "no comment explains %s" % words
    return "exposure %.1f" % exposure


if not shutil.which("systemd-analyze"):
    print("SKIPPED: there is no systemd-analyze")
    sys.exit(77)
run_tests([verify_says_nothing, verify_says_nothing_of_the_users_units, the_exposure_is_low_and_the_rest_explained])
