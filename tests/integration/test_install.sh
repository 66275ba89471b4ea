#!/bin/sh
# What is there after `cmake --install`, in a directory that was moved after the installation: programs,
# man pages, and for an outside program the header, libraries, bobbin.pc and the CMake package.
# The examples are built as outside programs, too, and meet the installed daemon.
# Usage: test_install.sh BUILD-DIRECTORY C-COMPILER
set -u

build=$1
cc=$2
passed=0
failed=0
examples=$(cd "$(dirname "$0")/../../client/examples" && pwd)
daemon=
work=$(mktemp -d "${TMPDIR:-/tmp}/bobbin-install-XXXXXX")

stop_daemon() {
    [ -z "$daemon" ] || { kill "$daemon"; wait "$daemon"; }
    daemon=
}
trap 'stop_daemon; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# check TEXT COMMAND…
check() {
    text=$1
    shift
    if "$@" >"$work/output" 2>&1; then
        passed=$((passed + 1))
        echo "ok: $text"
    else
        failed=$((failed + 1))
        echo "FAILED: $text"
        sed 's/^/    /' "$work/output"
    fi
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
    exit
}

sanitize=$(sed -n 's/^BOBBIN_SANITIZE:STRING=//p' "$build/CMakeCache.txt")
libdir=$(sed -n 's/^CMAKE_INSTALL_LIBDIR:[A-Z]*=//p' "$build/CMakeCache.txt")
libdir=${libdir:-lib}
flags=${sanitize:+-fsanitize=$sanitize}

check "installs everything" cmake --install "$build" --prefix "$work/first"
[ "$failed" -eq 0 ] || finish
mv "$work/first" "$work/moved"

files_below() {
    (cd "$1" && find . ! -type d) | sort
}
same_files() {
    files_below "$work/moved" >"$work/files"
    files_below "$work/dest/usr" >"$work/staged"
    diff "$work/files" "$work/staged"
}
only_below_prefix() {
    [ "$(ls "$work/dest")" = usr ]
}
check "installs below DESTDIR" \
    env DESTDIR="$work/dest" cmake --install "$build" --prefix /usr
check "the same files" same_files
check "and nothing beside the prefix" only_below_prefix

# What components are for: a package of the library alone, and one to build with it.
installs_library() {
    cmake --install "$build" --prefix "$work/runtime" --component runtime &&
        [ "$(files_below "$work/runtime" | sed 's/.*\.so/so/' | sort -u | tr '\n' ' ')" = "so.0 so.$version " ]
}
lib=$work/moved/$libdir
PKG_CONFIG_PATH=$lib/pkgconfig
LD_LIBRARY_PATH=$lib
export PKG_CONFIG_PATH LD_LIBRARY_PATH

# Functions named like some of the library's own, which must not meet them.
cat >"$work/outside.c" <<'END'
#include <bobbin.h>
#include <stdio.h>
#include <string.h>
void buffer_init(void);
void core_init(void);
void buffer_init(void) { puts("called by mistake"); }
void core_init(void) { puts("called by mistake"); }
int main(void)
{
    bobbin *b;
    if (bobbin_connect("/nonexistent/socket", &b) != BOBBIN_CANNOT_CONNECT)
        return 1;
    puts(bobbin_error(b));
    bobbin_close(b);
    return strcmp(bobbin_version(), EXPECTED) != 0;
}
END
cat >"$work/outside.cc" <<'END'
#include <bobbin.h>
int main() { return bobbin_status_name(BOBBIN_OK)[0] != 'o'; }
END

runs() {
    "$@" >"$work/said" || return 1
    cat "$work/said"
    [ "$(cat "$work/said")" = "cannot connect to '/nonexistent/socket': No such file or directory; is bobbind running?" ]
}
only_bobbin_symbols() {
    nm -D --defined-only "$1" | awk '{ print $NF }' >"$work/symbols"
    cat "$work/symbols"
    grep -q '^bobbin_connect$' "$work/symbols" && ! grep -qv '^bobbin_' "$work/symbols"
}
only_bobbin_globals() {
    nm -g --defined-only "$1" | awk 'NF == 3 { print $3 }' >"$work/symbols"
    cat "$work/symbols"
    grep -q '^bobbin_connect$' "$work/symbols" && ! grep -qv '^bobbin_' "$work/symbols"
}
has_soname() {
    readelf -d "$1" | grep -q 'SONAME.*\[libbobbin.so.0\]'
}
no_build_paths() {
    ! grep -rF "$build" "$work/moved" --include='*.pc' --include='*.cmake' --include='*.h'
}

exports_the_header() {
    sed -n 's/^BOBBIN_API .*\(bobbin_[a-z_]*\)(.*/\1/p' "$work/moved/include/bobbin.h" |
        sort >"$work/declared"
    nm -D --defined-only "$1" | awk '{ print $NF }' | sort >"$work/symbols"
    [ "$(wc -l <"$work/declared")" -gt 50 ] && diff "$work/declared" "$work/symbols"
}
no_search_path() {
    for file in "$lib"/libbobbin.so "$work"/moved/bin/bobbin "$work"/moved/bin/bobbin-run \
        "$work"/moved/sbin/bobbind; do
        ! readelf -d "$file" | grep -E 'RPATH|RUNPATH' || return 1
    done
}
pages_for() {
    for name in "$@"; do
        MANPATH=$work/moved/share/man man -w "$name" || return 1
    done
}
a_page_for_each_function() {
    # shellcheck disable=SC2046
    pages_for $(cat "$work/declared")
}
alias_shows_its_page() {
    MANPATH=$work/moved/share/man man bobbin_delete >"$work/page" 2>"$work/warnings" &&
        grep -q 'bobbin_delete' "$work/page" && [ ! -s "$work/warnings" ]
}

version=$(pkg-config --modversion bobbin)
check "the component 'runtime' is the shared library" installs_library
check "shared library exports what the header declares" exports_the_header "$lib/libbobbin.so"
check "nothing has a search path for libraries" no_search_path
check "man finds the pages" pages_for bobbind bobbin.toml bobbin-run bobbin-protocol
check "man finds a page for each function" a_page_for_each_function
check "the page of a function shows where it is described" alias_shows_its_page
check "the specification is installed" cmp "$work/moved/share/doc/bobbin/vectors.json" \
    "$(dirname "$0")/../../protocol/vectors.json"
define=-DEXPECTED=\"$version\"
check "pkg-config knows the version" test -n "$version"
check "shared library exports only bobbin_*" only_bobbin_symbols "$lib/libbobbin.so"
check "shared library has its SONAME" has_soname "$lib/libbobbin.so"
# The instrumentation of sanitizers has symbols of its own.
[ -n "$sanitize" ] || check "static library defines only bobbin_*" only_bobbin_globals "$lib/libbobbin.a"
check "nothing installed points to the build" no_build_paths

# shellcheck disable=SC2046,SC2086
check "builds by pkg-config" "$cc" $flags -Wall -Werror "$define" -o "$work/by-pkg-config" \
    "$work/outside.c" $(pkg-config --cflags --libs bobbin)
check "runs" runs "$work/by-pkg-config"
mkdir "$work/static"
cp "$lib/libbobbin.a" "$work/static"
# shellcheck disable=SC2046,SC2086
check "builds with the static library and nothing else" "$cc" $flags "$define" \
    -o "$work/by-hand" "$work/outside.c" $(pkg-config --cflags bobbin) -L"$work/static" -lbobbin
check "runs without the shared library" env LD_LIBRARY_PATH= "$work/by-hand"

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.25)
project(outside LANGUAGES C CXX)
find_package(bobbin $version REQUIRED)
add_executable(shared ../outside.c)
target_link_libraries(shared PRIVATE bobbin::bobbin)
add_executable(static ../outside.c)
target_link_libraries(static PRIVATE bobbin::bobbin_static)
target_compile_definitions(shared PRIVATE EXPECTED="$version")
target_compile_definitions(static PRIVATE EXPECTED="$version")
add_executable(cplusplus ../outside.cc)
target_link_libraries(cplusplus PRIVATE bobbin::bobbin)
END
check "find_package finds it" cmake -G Ninja -S "$work/project" -B "$work/project/build" \
    -DCMAKE_PREFIX_PATH="$work/moved" -DCMAKE_C_COMPILER="$cc" \
    -DCMAKE_C_FLAGS="$flags" -DCMAKE_CXX_FLAGS="$flags"
check "builds by find_package" cmake --build "$work/project/build"
check "runs with the shared library" runs "$work/project/build/shared"
check "runs with the static library" runs "$work/project/build/static"
check "runs from C++" "$work/project/build/cplusplus"

# shellcheck disable=SC2046,SC2086
check "builds the blocking example" "$cc" $flags -Wall -Wextra -Werror -o "$work/hello" \
    "$examples/hello.c" $(pkg-config --cflags --libs bobbin)
# shellcheck disable=SC2046,SC2086
check "builds the libuv example" "$cc" $flags -Wall -Wextra -Werror -o "$work/libuv" \
    "$examples/libuv.c" $(pkg-config --cflags --libs bobbin libuv)

cat >"$work/register.c" <<'END'
#include <bobbin.h>
#include <stdio.h>
int main(int argc, char **argv)
{
    bobbin *b;
    bobbin_status status = bobbin_connect_within(NULL, 10000, &b);
    if (status == BOBBIN_OK && argc == 2)
        status = bobbin_app_register(b, argv[1], NULL);
    if (status != BOBBIN_OK)
        puts(bobbin_error(b));
    bobbin_close(b);
    return status != BOBBIN_OK;
}
END
# shellcheck disable=SC2046,SC2086
check "builds a program that registers an app" "$cc" $flags -o "$work/register" \
    "$work/register.c" $(pkg-config --cflags --libs bobbin)
[ "$failed" -eq 0 ] || finish

BOBBIN_SOCKET=$work/sock
export BOBBIN_SOCKET
unset BOBBIN_FD
"$work/moved/sbin/bobbind" --socket "$BOBBIN_SOCKET" --state-dir "$work/state" 2>"$work/log" &
daemon=$!

# A minute for it to answer, on however loaded a machine; not longer if it has ended.
answers() {
    tries=600
    until "$work/register"; do
        tries=$((tries - 1))
        if [ "$tries" -eq 0 ] || ! kill -0 "$daemon"; then
            cat "$work/log"
            return 1
        fi
        sleep 0.1
    done
}
says() {
    expected=$1
    shift
    "$@" >"$work/said" || return 1
    cat "$work/said"
    grep -q "^$expected\$" "$work/said"
}
mkdir "$work/app"
check "the daemon answers" answers
check "an outside program registers an app" "$work/register" "$work/app"
check "the blocking example counts" says "hello number 1" "$work/hello" "$work/app"
check "it counts on" says "hello number 2" "$work/hello" "$work/app"
check "the libuv example counts words" says "a counter is 2 in commit [0-9]*" \
    "$work/libuv" "$work/app" one two one
check "its watch tells of them" grep -q "^commit [0-9]* changed two\$" "$work/said"

# The daemon finds the runner that was installed with it.
has_line() {
    tries=600
    until grep -qx "$1" "$2"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || return 1
        sleep 0.1
    done
}
bobbin=$work/moved/bin/bobbin
cp -r "$build/apps/counter" "$work/counter"
check "the command line registers an app" "$bobbin" register "$work/counter"
check "it starts it" "$bobbin" start counter
check "the app runs" has_line "run 1" "$work/counter/.spin/logs/counter_stdout.txt"
check "its data is read" says 1 "$bobbin" --app "$work/counter" get runs
check "it stops it" "$bobbin" stop counter
stop_daemon
check "the daemon had nothing to complain of" [ -z "$(grep -E ' (error|warning)' "$work/log")" ]
finish
