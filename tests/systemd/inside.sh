#!/bin/bash
# Runs inside a Debian that systemd has booted, with the packages installed: the service as an operator
# meets it. Started by booted.sh; what it prints is the result.
set -u
failed=0
app=/srv/counter

# check TEXT COMMAND…
check() {
    local text=$1 said
    shift
    if said=$("$@" 2>&1); then
        echo "ok: $text"
    else
        echo "FAILED: $text: $said"
        failed=1
    fi
}
# within SECONDS COMMAND…
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || { echo "not in time: $*"; "$@"; return 1; }
        sleep 0.1
    done
}
is() { [ "$(systemctl is-active "$1")" = "$2" ] || { systemctl status --no-pager "$1"; return 1; }; }
property() { systemctl show -p "$1" --value bobbind.service; }
running() { bobbin status counter | grep -q 'counter .*running'; }
pid_of_app() { bobbin status counter --json | sed 's/.*"pid": *\([0-9]*\).*/\1/'; }
runs() { bobbin get --app counter runs; }
value_is() { [ "$(bobbin get --app counter "$1")" = "$2" ]; }
more_runs() { [ "$(runs)" -gt "$1" ]; }

first_connection() {
    systemctl stop bobbind.service && is bobbind.socket active && is bobbind.service inactive && bobbin ping && is bobbind.service active
}
owner_of_app() {
    local uid
    uid=$(awk '/^Uid:/{print $2}' "/proc/$(pid_of_app)/status")
    [ "$uid" = "$(id -u ada)" ] || { echo "uid $uid"; return 1; }
}
in_the_unit() { grep -q bobbind.service "/proc/$(pid_of_app)/cgroup" || { cat "/proc/$(pid_of_app)/cgroup"; return 1; }; }
told() { property StatusText | grep -q 'Serving 1 app with 1 process'; }
in_journal() { journalctl -u bobbind -o cat --no-pager | grep -q "$1" || { journalctl -u bobbind -o cat --no-pager | tail -n 20; return 1; }; }
is_new_main() { local now; now=$(property MainPID); [ "$now" != 0 ] && [ "$now" != "$1" ]; }

stopped_daemon() {
    local old before
    old=$(property MainPID)
    before=$(property NRestarts)
    kill -STOP "$old"
    within 60 is_new_main "$old" && [ "$(property NRestarts)" -gt "$before" ] && bobbin ping
}
nobody_turned_away() {
    local pings=0 bad=0 restart
    systemctl restart bobbind &
    restart=$!
    while kill -0 $restart 2>/dev/null; do
        bobbin ping >/dev/null 2>&1 || bad=$((bad + 1))
        pings=$((pings + 1))
    done
    wait $restart || return 1
    # What was under way when the daemon ended may be told so; a new connection waits.
    [ $pings -gt 0 ] && [ $bad -le 1 ] || { echo "$bad of $pings failed"; return 1; }
}
reload_applies() {
    sed -i 's/^#max_apps = .*/max_apps = 77/' /etc/bobbin/bobbin.toml
    systemctl reload bobbind && within 20 sh -c 'bobbin config | grep -q "^max_apps *77 *file"'
}

useradd -m ada 2>/dev/null
cp -r /opt/counter $app && chown -R ada: $app
check "the first connection starts the daemon" first_connection
check "the counter app is registered" bobbin register $app
check "it is started" bobbin start counter
check "it runs, compiled under the unit" within 120 running
check "as the owner of its directory" owner_of_app
check "in the unit's control group" in_the_unit
check "systemctl status tells so" within 20 told
check "it counts" within 60 runs
check "a value is set" bobbin set --app counter durable yes
check "restart turns nobody away" nobody_turned_away
check "and loses nothing" value_is durable yes
check "the app runs again" within 60 running
check "reload applies a change" reload_applies
check "a directory in /home is served" sh -c "cp -r /opt/counter /home/ada/mine && sed -i 's/name = \"counter\"/name = \"mine\"/' /home/ada/mine/spin.toml && chown -R ada: /home/ada/mine && bobbin register /home/ada/mine && bobbin set --app mine a b"
check "a backup is where it was meant" sh -c "bobbin backup --app counter /tmp/counter.db && test -s /tmp/counter.db"

mkdir -p /etc/systemd/system/bobbind.service.d
printf '[Service]\nWatchdogSec=3s\nTimeoutAbortSec=2s\n' >/etc/systemd/system/bobbind.service.d/quick.conf
systemctl daemon-reload
systemctl restart bobbind
sleep 7
check "a daemon that is well is let live" sh -c '[ "$(systemctl show -p NRestarts --value bobbind)" = 0 ]'
count=$(runs)
check "the watchdog ends a stopped daemon" stopped_daemon
check "which the journal tells" in_journal "atchdog"
check "the app recovers" within 60 running
check "and goes on counting" within 60 more_runs "$((count - 1))"
check "nothing is lost" value_is durable yes
check "bobbin upgrade under the unit" bobbin upgrade
check "the unit knows the daemon as before" sh -c 'bobbin ping && systemctl is-active bobbind'

check "purge" env DEBIAN_FRONTEND=noninteractive dpkg --purge bobbin
check "the service is gone" sh -c '! systemctl is-active --quiet bobbind.service && ! test -e /run/bobbin/bobbin.sock'
check "its state is gone" sh -c '! test -e /var/lib/bobbin && ! test -e /etc/bobbin'
check "the app's data is not" sh -c "test -s $app/.spin/sqlite_key_value.db && test -e $app/counter.wasm"
check "no process is left" sh -c '! ps -eo comm 2>/dev/null | grep -q bobbin'
[ $failed = 0 ] && echo "RESULT: all passed" || { journalctl -u bobbind -o cat --no-pager | tail -n 40; echo "RESULT: failed"; }
