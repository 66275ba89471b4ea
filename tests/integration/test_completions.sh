#!/usr/bin/env bash
# The completions for bash and zsh know every command, argument and option that `bobbin help` names,
# and the apps, stores and keys that are there: test_completions.sh BIN_DIR SHELL…
set -u

bin=$(cd "$1" && pwd)
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../client/cli/completions" && pwd)
top=$(mktemp -d)
passed=0
failed=0
daemon=
trap '[ -z "$daemon" ] || { kill "$daemon"; wait "$daemon"; }; rm -rf "$top"' EXIT

export PATH=$bin:$PATH BOBBIN_SOCKET=$top/bobbin.sock XDG_STATE_HOME=$top/home
unset BOBBIN_FD

check() { # NAME GOT WANTED
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED: %s\n  got:    %s\n  wanted: %s\n' "$1" "${2//$'\n'/ }" "${3//$'\n'/ }"
    fi
}

# complete_bash WORD…: what the last word may become, sorted, one a line.
complete_bash() {
    bash --norc --noprofile -c '
        source "$1"
        shift
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        COMP_WORDS[COMP_CWORD]=${COMP_WORDS[COMP_CWORD]##*[:=]}
        _bobbin
        printf "%s\n" "${COMPREPLY[@]}"' bash "$source_dir/bobbin.bash" "$@" | sed '/^$/d' | sort
}

# The same from zsh, with stand-ins for what its completion system has.
complete_zsh() {
    zsh -f -c '
        compadd() { shift; for c in "$@"; do [[ $c == ${(Q)PREFIX}* ]] && print -r -- ${(q)c}; done }
        _describe() { compadd -- "${(@)${(@P)2}%%:*}" }
        _directories() { print -r -- DIRECTORIES }
        _files() { print -r -- FILES }
        file=$1
        shift
        words=("$@") CURRENT=$# PREFIX=${@[-1]}
        source $file' zsh "$source_dir/_bobbin" "$@" | sed '/^$/d' | sort
}

commands() {
    bobbin help | awk '/^commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' | sort
}

options() {
    bobbin help $1 | awk '/^options/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' | sort
}

# What a command's help calls its arguments and the values of its options.
names() {
    bobbin help "$1" | sed -n '1s/^usage: bobbin [a-z-]* *//p' | tr -d '[]' | tr ' ' '\n' |
        sed '/^OPTIONS$/d;/^$/d'
    bobbin help "$1" | sed -n '/^options/,/^$/s/^  --[a-z-]* \([^ ][^ ]*\) .*/\1/p'
}

# A word that the completions do nothing with is one that somebody forgot, or is in this list.
check_name() { # COMMAND NAME
    case $2 in
    KEY* | P | APP* | NAME* | LABEL* | STORE* | ID* | COMMAND* | DIR* | PATH* | FILE*) ;;
    WHAT | CHECK*) ;;
    # Nobody's to guess.
    VALUE* | K=V | N | DELTA | DURATION | CURSOR) ;;
    *) check "bobbin $1: something completes $2" nothing something ;;
    esac
}

test_table() { # SHELL
    local command name
    check "$1: commands" "$(complete_"$1" bobbin "")" "$(commands)"
    check "$1: commands that begin so" "$(complete_"$1" bobbin st)" "$(commands | grep '^st')"
    check "$1: help" "$(complete_"$1" bobbin help "")" "$(commands)"
    check "$1: options before the command" "$(complete_"$1" bobbin --)" "$(options "")"
    for command in $(commands); do
        check "$1: options of $command" "$(complete_"$1" bobbin "$command" --)" "$(options "$command")"
        for name in $(set -f; names "$command"); do
            check_name "$command" "$name"
        done
    done
}

test_data() { # SHELL
    check "$1: apps" "$(complete_"$1" bobbin status "")" counter
    check "$1: an option's app" "$(complete_"$1" bobbin get --app "")" counter
    check "$1: keys" "$(complete_"$1" bobbin get --app counter user)" "$(printf 'user\\ 1\nuser_2')"
    check "$1: keys behind another option" "$(complete_"$1" bobbin delete --json --app counter g)" greeting
    check "$1: a prefix" "$(complete_"$1" bobbin keys --app counter --prefix gr)" greeting
    check "$1: keys of another store" "$(complete_"$1" bobbin get --app counter --store cache "")" cached
    check "$1: stores" "$(complete_"$1" bobbin get --app counter --store "")" "$(printf 'cache\ndefault')"
    check "$1: components" "$(complete_"$1" bobbin start --app counter --component "")" web
    check "$1: an option with its value" "$(complete_"$1" bobbin keys --app=counter --prefix=gr)" "$2greeting"
    check "$1: a key with a colon" "$(complete_"$1" bobbin get --app counter col:o)" "${3}on"
    check "$1: several keys" "$(complete_"$1" bobbin get-many --app counter user_2 gre)" greeting
    check "$1: a word for conflicts" "$(complete_"$1" bobbin import --on-conflict s)" skip
    check "$1: checks and operations" "$(complete_"$1" bobbin atomic absent lock inc)" increment
    check "$1: behind --" "$(complete_"$1" bobbin get --app counter -- gr)" greeting
    check "$1: no such app" "$(complete_"$1" bobbin get --app nix gr)" ""
    check "$1: no more arguments" "$(complete_"$1" bobbin get --app counter greeting "")" ""
}

cat >"$top/bobbind.toml" <<END
socket = "$BOBBIN_SOCKET"
state_dir = "$top/state"
END
bobbind --config "$top/bobbind.toml" 2>"$top/log" &
daemon=$!
for ((i = 0; i < 300; i++)); do
    bobbin ping >/dev/null 2>&1 && break
    sleep 0.1
done

mkdir "$top/counter"
cat >"$top/counter/spin.toml" <<'END'
spin_manifest_version = 2
[application]
name = "counter"
version = "1"
[component.web]
key_value_stores = ["default", "cache"]
[component.web.tool.bobbin]
command = "/bin/true"
END
bobbin register "$top/counter" >/dev/null
for key in "user 1" user_2 greeting col:on; do
    bobbin set "$key" x --app counter
done
bobbin set cached x --app counter --store cache

for shell in "${@:2}"; do
    if command -v $shell >/dev/null; then
        test_table $shell
        # bash replaces what is behind the last ':' or '=' of a word only.
        if [ $shell = bash ]; then test_data bash "" ""; else test_data zsh --prefix= col:; fi
    else
        check "$shell is installed" no yes
    fi
done

echo "$passed passed, $failed failed"
[ $failed = 0 ]
