#!/bin/bash
# The command line against a real daemon: test_cli.sh BIN_DIR, where BIN_DIR holds bobbind, bobbin
# and bobbin-run. Needs nothing that runs already and leaves nothing behind.
set -u
BIN=$(cd "${1:?usage: test_cli.sh BIN_DIR}" && pwd) || exit 2
BOBBIN=$BIN/bobbin
T=$(mktemp -d) || exit 2
T=$(cd "$T" && pwd -P)
DAEMON=
UP=
PASSED=0
FAILED=0

cleanup()
{
    [ -n "$UP" ] && kill -KILL "$UP" 2>/dev/null
    [ -n "$DAEMON" ] && kill -TERM "$DAEMON" 2>/dev/null && wait "$DAEMON" 2>/dev/null
    rm -rf "$T"
}
trap cleanup EXIT

# No daemon but the test's own, no colour, and a place for temporary directories that can be looked at.
unset BOBBIN_FD NO_COLOR
mkdir "$T/tmp" "$T/runtime"
export TMPDIR=$T/tmp XDG_RUNTIME_DIR=$T/runtime BOBBIN_SOCKET=$T/nobody.sock LC_ALL=C.UTF-8

pass()
{
    PASSED=$((PASSED + 1))
}

fail()
{
    FAILED=$((FAILED + 1))
    echo "FAILED: $*"
}

# run COMMAND…: its status in $STATUS, what it wrote in $T/out and $T/err.
run()
{
    "$@" > "$T/out" 2> "$T/err"
    STATUS=$?
}

show()
{
    echo "  status $STATUS"
    head -c 2000 "$T/out" | sed 's/^/  stdout: /'
    head -c 2000 "$T/err" | sed 's/^/  stderr: /'
}

# expect NAME STATUS STDOUT STDERR COMMAND…: STDOUT is all of it (without the last newlines), STDERR a
# glob for all of it, and has one line at most.
expect()
{
    local name=$1 status=$2 stdout=$3 stderr=$4
    shift 4
    run "$@"
    # shellcheck disable=SC2053
    if [ "$STATUS" = "$status" ] && [ "$(cat "$T/out")" = "$stdout" ] &&
        [[ "$(cat "$T/err")" == $stderr ]] && [ "$(wc -l < "$T/err")" -le 1 ]; then
        pass
    else
        fail "$name: wanted status $status, stdout '$stdout', stderr '$stderr'"
        show
    fi
}

# expect_match NAME STATUS STDOUT COMMAND…: STDOUT is a glob.
expect_match()
{
    local name=$1 status=$2 stdout=$3
    shift 3
    run "$@"
    # shellcheck disable=SC2053
    if [ "$STATUS" = "$status" ] && [[ "$(cat "$T/out")" == $stdout ]]; then
        pass
    else
        fail "$name: wanted status $status, stdout '$stdout'"
        show
    fi
}

check()
{
    local name=$1
    shift
    if "$@"; then pass; else fail "$name: $*"; fi
}

# wait_for CONDITION…: until it holds; fails after half a minute.
wait_for()
{
    local deadline=$((SECONDS + 30))
    until "$@" 2>/dev/null; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.02
    done
}

# app DIR NAME: an app directory. component DIR ID SHELL_COMMAND: one more component of it.
app()
{
    mkdir -p "$1"
    printf 'spin_manifest_version = 2\n[application]\nname = "%s"\n' "$2" > "$1/spin.toml"
}

component()
{
    {
        printf '[component.%s]\nkey_value_stores = ["default"]\n' "$2"
        printf '[component.%s.tool.bobbin]\nrestart = "no"\n' "$2"
        printf "command = ['/bin/sh', '-c', '''%s''']\n" "$3"
    } >> "$1/spin.toml"
}

not()
{
    ! "$@"
}

gone()
{
    ! kill -0 "$1" 2>/dev/null
}

empty_directory()
{
    [ -z "$(ls -A "$1")" ]
}

start_daemon()
{
    mkdir "$T/state"
    "$BIN/bobbind" --socket "$T/d.sock" --state-dir "$T/state" 2> "$T/daemon.log" &
    DAEMON=$!
    wait_for "$BOBBIN" --socket "$T/d.sock" ping > "$T/out" ||
        { echo "bobbind does not answer:"; cat "$T/daemon.log"; exit 1; }
}

test_usage()
{
    expect "no command" 2 "" "bobbin: no command*" "$BOBBIN"
    expect "unknown command" 2 "" "bobbin: unknown command 'frob'*" "$BOBBIN" frob
    expect "unknown option" 2 "" "bobbin: unknown option '--frob'*" "$BOBBIN" get --frob key
    expect "value like an option" 2 "" "bobbin: unknown option '-v'*bobbin set*-- '-v'*" \
        "$BOBBIN" set key -v
    expect "option without value" 2 "" "bobbin: --store wants*" "$BOBBIN" get key --store
    expect "option of another command" 2 "" "bobbin: 'bobbin get' takes no --prefix*" \
        "$BOBBIN" get key --prefix p
    expect "too few arguments" 2 "" "bobbin: too few arguments; usage: bobbin get KEY" "$BOBBIN" get
    expect "no value" 2 "" "bobbin: no value*" "$BOBBIN" set key
    expect "too many arguments" 2 "" "bobbin: too many arguments*" "$BOBBIN" get a b
    expect "bad limit" 2 "" "bobbin: --limit wants*'0'" "$BOBBIN" keys --limit 0
    expect "bad limit" 2 "" "bobbin: --limit wants*'-1'" "$BOBBIN" keys --limit=-1
    expect "bad entry" 2 "" "bobbin: --key-value wants*'=v'" "$BOBBIN" up --key-value =v
    expect "app twice" 2 "" "bobbin: the app is given twice*" "$BOBBIN" stop a --app b
    expect "usage error as JSON" 2 \
        '{"error":{"code":"usage","message":"unknown command '"'frob'"'; see: bobbin help"}}' \
        "bobbin: unknown command*" "$BOBBIN" frob --json
    expect_match "help" 0 "usage: bobbin*commands:*register*" "$BOBBIN" help
    expect_match "help of a command" 0 "usage: bobbin keys*--prefix*examples:*" "$BOBBIN" help keys
    expect_match "--help" 0 "usage: bobbin keys*--prefix*" "$BOBBIN" keys --help
    expect_match "--help alone" 0 "usage: bobbin*commands:*" "$BOBBIN" --help
    expect "help of nothing" 2 "" "bobbin: unknown command 'frob'*" "$BOBBIN" help frob
    expect_match "--version" 0 "bobbin [0-9]*.[0-9]*" "$BOBBIN" --version
}

test_no_daemon()
{
    expect "nobody there" 3 "" "bobbin: *nobody.sock*" "$BOBBIN" ping
    expect "nobody there" 3 "" "bobbin: *$T/else*" "$BOBBIN" --socket "$T/else" list
    expect_match "nobody there, as JSON" 3 '{"error":{"code":"cannot-connect","message":"*"}}' \
        "$BOBBIN" list --json
    expect "up with a socket that is not there" 3 "" "bobbin: *$T/else*" \
        "$BOBBIN" up "$T" --socket "$T/else"
    expect "up in no directory" 3 "" "bobbin: *'$T/else'*No such file*" "$BOBBIN" up "$T/else"
}

# Standard output that does not take what is written.
test_output()
{
    expect "full" 3 "" "bobbin: cannot write to standard output: No space*" \
        sh -c '"$0" --version > /dev/full' "$BOBBIN"
    expect "closed" 3 "" "bobbin: cannot write to standard output: *" \
        sh -c '"$0" --version >&-' "$BOBBIN"
    exec 3> >(:)
    wait $!
    run sh -c '"$0" --version >&3' "$BOBBIN"
    exec 3>&-
    check "broken pipe" grep -q "^bobbin: cannot write to standard output: Broken pipe" "$T/err"
    check "broken pipe" [ "$STATUS" = 3 ]
}

test_apps()
{
    expect "no apps" 0 '{"apps":[]}' "" "$BOBBIN" list --json
    expect_match "no apps" 0 "no apps are registered*" "$BOBBIN" list
    expect_match "no apps" 0 "no apps are registered*" "$BOBBIN" status
    app "$T/counter" counter
    component "$T/counter" web 'echo up; exec sleep 600'
    component "$T/counter" job 'exit 3'
    cd "$T/counter" || exit 2
    expect "not registered" 3 "" "bobbin: *; register it with: bobbin register $T/counter" \
        "$BOBBIN" get key
    expect_match "register" 0 '{"name":"counter","directory":"'"$T"'/counter","wanted":"stopped",*"components":\[{"id":"job","state":"stopped","reason":*,"since":*,"pid":null,"exit_code":null,"exit_signal":null,"last_exit":null,"restarts":0*},{"id":"web",*}\]}' \
        "$BOBBIN" register --json
    expect_match "list" 0 "NAME *WANTED *STATE *DIRECTORY*counter *stopped *2 stopped *$T/counter" \
        "$BOBBIN" list
    expect_match "start" 0 "counter: wanted running, $T/counter*web*s ago*" \
        "$BOBBIN" start
    check "the job fails" wait_for sh -c '"$0" list | grep -q "1 running, 1 failed"' "$BOBBIN"
    expect_match "status" 0 "counter: *job *failed *exited, status 3*web *running *" "$BOBBIN" status
    cd "$T" || exit 2
    expect_match "status by name" 0 "counter: *web *" "$BOBBIN" status counter
    expect_match "status by directory" 0 '{"name":"counter",*' "$BOBBIN" status ./counter --json
    expect_match "stop one" 0 '*{"id":"web","state":"stopped",*"pid":null*' \
        "$BOBBIN" stop counter --component web --json
    expect "no such component" 3 "" "bobbin: *nix*" "$BOBBIN" start counter --component nix
    expect_match "stop" 0 "counter: wanted stopped,*" "$BOBBIN" stop counter
    expect "no such app" 3 "" "bobbin: *nix*" "$BOBBIN" status nix
    expect_match "no such app, as JSON" 3 '{"error":{"code":"no-such-app","message":"*nix*"}}' \
        "$BOBBIN" start nix --json
    expect "no such directory" 3 "" "bobbin: *'./nix'*No such file*" "$BOBBIN" status ./nix
    expect "unregister" 0 "unregistered 'counter' ($T/counter)" "" "$BOBBIN" unregister counter
    expect "register a directory without manifest" 0 "registered 'plain' ($T/plain)" "" \
        sh -c 'mkdir plain; "$0" register plain' "$BOBBIN"
    expect_match "no components" 0 "*plain *stopped *no components *" "$BOBBIN" list
    expect "unregister by a directory's name" 0 '{"app":"plain","ok":true}' "" \
        "$BOBBIN" unregister plain --json
}

test_entries()
{
    mkdir "$T/kv"
    cd "$T/kv" || exit 2
    "$BOBBIN" register > /dev/null
    expect "absent" 1 "" "bobbin: no key 'a' in store 'default' of app 'kv'" "$BOBBIN" get a
    expect "absent, as JSON" 1 '{"key":"a","value":null}' "bobbin: no key 'a'*" "$BOBBIN" get a --json
    expect "absent" 1 "false" "" "$BOBBIN" exists a
    expect "set" 0 "" "" "$BOBBIN" set a hello
    expect "get" 0 "hello" "" "$BOBBIN" get a
    expect "exists" 0 "true" "" "$BOBBIN" exists a
    expect "exists, as JSON" 0 '{"key":"a","exists":true}' "" "$BOBBIN" --json exists a
    expect "set, as JSON" 0 '{"key":"b","ok":true}' "" "$BOBBIN" set b "" --json
    expect "an empty value" 0 '{"key":"b","value":""}' "" "$BOBBIN" get b --json
    expect "delete" 0 "" "" "$BOBBIN" delete b
    expect "delete again, as JSON" 0 '{"key":"b","ok":true}' "" "$BOBBIN" delete b --json
    expect "negative number" 0 "-5" "" sh -c '"$0" set n -5 && "$0" get n' "$BOBBIN"
    expect "behind --" 0 "--json" "" sh -c '"$0" set --store default n -- --json && "$0" get n' \
        "$BOBBIN"
    expect "a lone - behind --" 0 "-" "" sh -c '"$0" set n -- - && "$0" get n' "$BOBBIN"
    expect "standard input" 0 "-v" "" sh -c 'printf %s -v | "$0" set n - && "$0" get n' "$BOBBIN"
    expect "by directory" 0 "hello" "" sh -c 'cd / && "$0" get a --app "$1"' "$BOBBIN" "$T/kv"
    expect "by name" 0 "hello" "" sh -c 'cd / && "$0" --app kv get a' "$BOBBIN"
    expect "no such store" 3 "" "bobbin: cannot get 'a': *nix*" "$BOBBIN" get a --store nix
    expect_match "no such store, as JSON" 3 '{"error":{"code":"no-such-store","message":"*nix*"}}' \
        "$BOBBIN" get a --store=nix --json
    expect "key too long" 3 "" "bobbin: cannot set *" "$BOBBIN" set "$(printf '%3000s' x)" v
    expect "standard input too long" 3 "" "bobbin: the value on standard input has more than 16777216*" \
        sh -c 'head -c 16777217 /dev/zero | "$0" set big -' "$BOBBIN"
    expect "value to a full disk" 3 "" "bobbin: cannot write to standard output: *" \
        sh -c '"$0" get a > /dev/full' "$BOBBIN"
}

# Every byte, and more than one read of it.
test_binary()
{
    cd "$T/kv" || exit 2
    # shellcheck disable=SC2059
    for i in $(seq 0 255); do printf "\\$(printf %03o "$i")"; done > "$T/bytes"
    for _ in $(seq 10); do cat "$T/bytes" "$T/bytes" > "$T/more" && mv "$T/more" "$T/bytes"; done
    check "set bytes" "$BOBBIN" set bin - < "$T/bytes"
    run "$BOBBIN" get bin
    check "get bytes" cmp "$T/out" "$T/bytes"
    printf '\377\000\001' | "$BOBBIN" set bin -
    expect "not UTF-8" 0 '{"key":"bin","value_base64":"/wAB"}' "" "$BOBBIN" get bin --json
    printf 'a\000\n' | "$BOBBIN" set bin -
    expect "NUL in UTF-8" 0 '{"key":"bin","value":"a\u0000\n"}' "" "$BOBBIN" get bin --json
    run "$BOBBIN" get bin
    check "no newline of its own" [ "$(wc -c < "$T/out")" = 3 ]
}

# More than one page, set by `up`, which has nothing to run here.
test_keys()
{
    local entries=()

    mkdir "$T/many"
    cd "$T/many" || exit 2
    "$BOBBIN" register > /dev/null
    for i in $(seq 1100 2149); do entries+=(--key-value "k$i=v=$i"); done
    expect "set entries" 0 "" "bobbin: '$T/many' has no components*" "$BOBBIN" up "${entries[@]}"
    expect "stays registered, value with =" 0 "v=1103" "" "$BOBBIN" get k1103
    seq -f 'k%g' 1100 2149 > "$T/wanted"
    run "$BOBBIN" keys
    check "all pages" cmp "$T/out" "$T/wanted"
    run "$BOBBIN" keys --json
    check "all pages, as JSON" [ "$(tr -cd , < "$T/out" | wc -c)" = 1049 ]
    expect "limit and prefix" 0 '{"keys":["k1110","k1111"],"cursor":"azExMTE="}' "" \
        "$BOBBIN" keys --prefix k111 --limit 2 --json
    expect "limit over a page" 0 "k2101" "" sh -c '"$0" keys --limit 1002 | tail -1' "$BOBBIN"
    expect "none" 0 '{"keys":[]}' "" "$BOBBIN" keys --prefix nix --json
    expect "none" 0 "" "" "$BOBBIN" keys --prefix nix
}

# start_up DIR OPTIONS…: `up` in the background, its output in $T/up.out and $T/up.err.
start_up()
{
    # Not only by the background job, or what the last one wrote is taken for this one's.
    : > "$T/up.out"
    : > "$T/up.err"
    # With job control, or Ctrl-C would be ignored in the background.
    set -m
    "$BOBBIN" up "$@" > "$T/up.out" 2> "$T/up.err" &
    UP=$!
    set +m
}

end_up()
{
    wait "$UP"
    STATUS=$?
    UP=
    cp "$T/up.out" "$T/out"
    cp "$T/up.err" "$T/err"
}

test_up()
{
    app "$T/talk" talk
    component "$T/talk" a 'echo one; echo two >&2; printf three'
    component "$T/talk" b "exec $BOBBIN get greeting"
    run "$BOBBIN" up "$T/talk" --key-value greeting=hello
    check "up: status" [ "$STATUS" = 0 ]
    check "up: output" [ "$(sort "$T/out" | tr '\n' ' ')" = "[a] one [a] three [b] hello " ]
    check "up: stderr" [ "$(cat "$T/err")" = "[a] two" ]
    run "$BOBBIN" up "$T/talk" --json
    check "up: a document" grep -q '^{"name":"talk",.*"exit_code":0.*}$' "$T/out"
    check "up: one document" [ "$(wc -l < "$T/out")" = 1 ]
    check "up: output beside the document" grep -q '^\[a\] one$' "$T/err"

    app "$T/bad" bad
    component "$T/bad" good 'true'
    component "$T/bad" evil 'echo dying; exit 7'
    run "$BOBBIN" up "$T/bad"
    check "up: a failure is one" [ "$STATUS" = 3 ]
    check "up: output of the failed" grep -q '^\[evil\] dying$' "$T/out"
    check "up: which failed and why" grep -q "^bobbin: component 'evil'.*exited, status 7" "$T/err"
    check "up: the good one is not mentioned" not grep -q "'good'" "$T/err"
    run "$BOBBIN" up "$T/bad" --json
    check "up: failure as JSON" grep -q '"error":{"code":"component-failed"' "$T/out"
}

# The daemon that `up` runs for itself does not outlive it, nor does the app.
test_killed()
{
    local pid
    app "$T/orphan" orphan
    component "$T/orphan" web 'echo "pid $$"; exec sleep 600'
    start_up "$T/orphan"
    check "killed: output comes" wait_for grep -q '^\[web\] pid' "$T/up.out"
    pid=$(sed -n 's/^\[web\] pid //p' "$T/up.out")
    kill -KILL "$UP"
    end_up 2> /dev/null
    check "killed: the process goes too" wait_for gone "${pid:-$$}"
    rm -rf "$T"/runtime/bobbin-up-*
}

# A second Ctrl-C does not wait for a component that takes its time to stop.
test_impatience()
{
    app "$T/slow" slow
    component "$T/slow" web 'trap "echo not yet" TERM; echo up; while :; do sleep 0.05; done'
    start_up "$T/slow"
    check "impatience: output comes" wait_for grep -q '^\[web\] up$' "$T/up.out"
    kill -INT "$UP"
    check "output while stopping" wait_for grep -q '^\[web\] not yet$' "$T/up.out"
    kill -INT "$UP"
    end_up
    check "impatience: status" [ "$STATUS" = 3 ]
    check "impatience: said" grep -q "^bobbin: gave up waiting for '$T/slow' to stop" "$T/err"
}

# Nobody reads what the app writes: it does not go on alone.
test_up_broken_pipe()
{
    app "$T/loud" loud
    component "$T/loud" web 'while echo line; do sleep 0.05; done'
    exec 3> >(:)
    wait $!
    run sh -c '"$0" up "$1" >&3' "$BOBBIN" "$T/loud"
    exec 3>&-
    check "up, broken pipe" [ "$STATUS" = 3 ]
    check "up, broken pipe" grep -q "^bobbin: cannot write to standard output: Broken pipe" "$T/err"
}

# test_interrupt SIGNAL OPTIONS…: of `up`.
test_interrupt()
{
    local signal=$1 pid
    shift
    rm -rf "$T/long"
    app "$T/long" long
    component "$T/long" web 'echo "pid $$"; exec sleep 600'
    start_up "$T/long" "$@"
    check "SIG$signal: output comes" wait_for grep -q '^\[web\] pid' "$T/up.out"
    pid=$(sed -n 's/^\[web\] pid //p' "$T/up.out")
    kill "-$signal" "$UP"
    end_up
    check "SIG$signal: status" [ "$STATUS" = 0 ]
    check "SIG$signal: the process is gone" gone "${pid:-$$}"
}

test_rotation()
{
    local log=$T/log/.spin/logs/web_stdout.txt
    app "$T/log" log
    component "$T/log" web 'echo the first line of all; exec sleep 600'
    start_up "$T/log"
    check "first file" wait_for grep -q '^\[web\] the first line of all$' "$T/up.out"
    mv "$log" "$log.1"
    echo "a line in a second file" > "$log"
    check "second file" wait_for grep -q '^\[web\] a line in a second file$' "$T/up.out"
    echo "truncated" > "$log"
    check "truncated file" wait_for grep -q '^\[web\] truncated$' "$T/up.out"
    printf 'half' >> "$log"
    echo " and half" >> "$log"
    check "a line in two pieces" wait_for grep -q '^\[web\] half and half$' "$T/up.out"
    kill -TERM "$UP"
    end_up
    check "each line once" [ "$(wc -l < "$T/out")" = 4 ]
}

test_up_with_daemon()
{
    test_interrupt INT
    expect_match "unregistered again" 3 '*no-such-app*' "$BOBBIN" status "$T/long" --json
    test_rotation
    app "$T/stays" stays
    component "$T/stays" a true
    "$BOBBIN" register "$T/stays" > /dev/null
    run "$BOBBIN" up "$T/stays"
    check "up with the running daemon" [ "$STATUS" = 0 ]
    expect_match "stays registered" 0 '{"name":"stays",*' "$BOBBIN" status stays --json
}

test_up_alone()
{
    test_up
    test_interrupt INT
    test_interrupt TERM
    test_killed
    test_impatience
    test_up_broken_pipe
    app "$T/broken" broken
    echo 'nonsense' >> "$T/broken/spin.toml"
    expect "a broken manifest" 3 "" "bobbin: cannot register*spin.toml*" "$BOBBIN" up "$T/broken"
    mkdir "$T/none"
    expect "nothing to run" 0 "" "bobbin: '$T/none' has no components*" \
        "$BOBBIN" up "$T/none" --key-value a=b
    check "no temporary files stay" empty_directory "$T/tmp"
    check "no runtime files stay" empty_directory "$T/runtime"
}

test_usage
test_no_daemon
test_output
test_up_alone
start_daemon
export BOBBIN_SOCKET=$T/d.sock
expect_match "ping" 0 "bobbind * at $T/d.sock answered in * µs" "$BOBBIN" ping
expect_match "ping, as JSON" 0 '{"server_version":"*","address":"'"$T"'/d.sock","latency_us":[0-9]*}' \
    "$BOBBIN" ping --json
test_apps
test_entries
test_binary
test_keys
test_up
test_up_with_daemon

echo "$PASSED passed, $FAILED failed"
[ "$FAILED" = 0 ]
