#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/manifest.h"

static char dir[64];
static struct manifest *m;
static struct error e;

static void write_bytes(const char *name, const char *text, size_t len)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
    close(fd);
}

static void write_file(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static void setup(void)
{
    strcpy(dir, "/tmp/bobbin-manifest-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    write_file("app.wasm", "x");
    m = NULL;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static void teardown(void)
{
    manifest_free(m);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void load(const char *text)
{
    manifest_free(m);
    m = NULL;
    write_file("spin.toml", text);
    ck_assert_msg(manifest_load(dir, &m, &e) == 0, "%s", e.text);
}

/* The error is "DIR/spin.toml" and then `expected`. */
static void check_error(const char *text, const char *expected)
{
    char whole[500];

    write_file("spin.toml", text);
    ck_assert_msg(manifest_load(dir, &m, &e) != 0, "no error for:\n%s", text);
    ck_assert_int_eq(e.code, ERR_INVALID_REQUEST);
    ck_assert_ptr_null(m);
    snprintf(whole, sizeof(whole), "%s/spin.toml%s", dir, expected);
    ck_assert_str_eq(e.text, whole);
}

/* A component with that line in its table of Bobbin's (line 3). */
static const char *with_tool(const char *line)
{
    static char text[1000];

    snprintf(text, sizeof(text),
             "spin_manifest_version = 2\n[component.a.tool.bobbin]\n%s\n[component.a]\n"
             "source = \"app.wasm\"\n",
             line);
    return text;
}

static void check_strings(char **v, const char *const *expected)
{
    size_t i = 0;

    for (; expected[i]; i++)
        ck_assert_str_eq(v[i], expected[i]);
    ck_assert_ptr_null(v[i]);
}
#define STRINGS(...)                                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define NO_STRINGS ((const char *const[]){NULL})

static const char *const real_manifest =
    "spin_manifest_version = 2\n\n"
    "[application]\nauthors = [\"A <a@example.com>\"]\ndescription = \"\"\nname = \"hello-rust\"\n"
    "version = \"1.0.0\"\ntrigger = { type = \"redis\", address = \"redis://localhost\" }\n\n"
    "[variables]\npassword = { required = true, secret = true }\n\n"
    "[[trigger.http]]\nroute = \"/hello\"\ncomponent = \"hello\"\n\n"
    "[[trigger.http]]\nroute = \"/private\"\ncomponent = \"other.one\"\n\n"
    "[component.hello]\nsource = \"target/release/hello.wasm\"\ndescription = \"Says it\"\n"
    "allowed_outbound_hosts = [\"https://random-data-api.fermyon.app\"]\n"
    "files = [\"*.txt\", { source = \"assets\", destination = \"/\" }]\n"
    "environment = { PET = \"CATS\", EMPTY = \"\" }\n"
    "key_value_stores = [\"default\", \"cache\"]\n"
    "variables = { password = \"{{ password }}\" }\nexclude_files = []\n"
    "[component.hello.build]\ncommand = \"cargo build\"\nwatch = [\"src/**/*.rs\"]\n"
    "[component.hello.tool.bobbin]\ncommand = 'sh -c \"exec me\"'\nargs = [\"--x\", \"a b\"]\n"
    "restart = \"always\"\nrestart_delay = \"250ms\"\nrestart_max_delay = \"1min 30s\"\n"
    "start_limit_burst = 3\nstart_limit_interval = 0\nstop_timeout = 1.5\n"
    "[component.hello.tool.spin-test]\nanything = 1\n\n"
    "[component.\"other.one\"]\nsource = \"app.wasm\"\n";

START_TEST(version_2)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/target", dir);
    mkdir(path, 0755);
    snprintf(path, sizeof(path), "%s/target/release", dir);
    mkdir(path, 0755);
    write_file("target/release/hello.wasm", "x");
    load(real_manifest);
    ck_assert_str_eq(m->name, "hello-rust");
    ck_assert_uint_eq(m->component_count, 2);

    const struct component_spec *c = m->components[0];
    snprintf(path, sizeof(path), "%s/target/release/hello.wasm", dir);
    ck_assert_str_eq(c->id, "hello");
    ck_assert_str_eq(c->source, path);
    check_strings(c->command, STRINGS("sh", "-c", "exec me"));
    check_strings(c->args, STRINGS("--x", "a b"));
    check_strings(c->environment, STRINGS("EMPTY=", "PET=CATS"));
    check_strings(c->stores, STRINGS("default", "cache"));
    ck_assert_int_eq(c->restart, RESTART_ALWAYS);
    ck_assert_uint_eq(c->restart_delay_ms, 250);
    ck_assert_uint_eq(c->restart_max_delay_ms, 90000);
    ck_assert_uint_eq(c->start_limit_burst, 3);
    ck_assert_uint_eq(c->start_limit_interval_ms, 0);
    ck_assert_uint_eq(c->stop_timeout_ms, 1500);

    c = m->components[1];
    snprintf(path, sizeof(path), "%s/app.wasm", dir);
    ck_assert_str_eq(c->id, "other.one");
    ck_assert_str_eq(c->source, path);
    ck_assert_ptr_null(c->command);
    check_strings(c->args, NO_STRINGS);
    check_strings(c->environment, NO_STRINGS);
    check_strings(c->stores, NO_STRINGS);
    ck_assert_int_eq(c->restart, RESTART_ON_FAILURE);
    ck_assert_uint_eq(c->restart_delay_ms, 100);
    ck_assert_uint_eq(c->restart_max_delay_ms, 30000);
    ck_assert_uint_eq(c->start_limit_burst, 5);
    ck_assert_uint_eq(c->start_limit_interval_ms, 10000);
    ck_assert_uint_eq(c->stop_timeout_ms, 5000);
}
END_TEST

START_TEST(version_1)
{
    static const char *const versions[] = {"spin_manifest_version = \"1\"",
                                           "spin_manifest_version = 1", "spin_version = \"1\""};
    char text[1000];

    for (size_t i = 0; i < 3; i++) {
        snprintf(text, sizeof(text),
                 "%s\nname = \"old\"\ntrigger = { type = \"http\", base = \"/\" }\n"
                 "[[component]]\nid = \"one\"\nsource = \"app.wasm\"\n"
                 "key_value_stores = [\"default\"]\nenvironment = { A = \"1\" }\n"
                 "[component.trigger]\nroute = \"/...\"\n"
                 "[component.tool.bobbin]\nrestart = \"no\"\n"
                 "[[component]]\nid = \"two\"\nsource = \"app.wasm\"\n",
                 versions[i]);
        load(text);
        ck_assert_str_eq(m->name, "old");
        ck_assert_uint_eq(m->component_count, 2);
        ck_assert_str_eq(m->components[0]->id, "one");
        ck_assert_int_eq(m->components[0]->restart, RESTART_NO);
        check_strings(m->components[0]->stores, STRINGS("default"));
        check_strings(m->components[0]->environment, STRINGS("A=1"));
        ck_assert_str_eq(m->components[1]->id, "two");
        ck_assert_int_eq(m->components[1]->restart, RESTART_ON_FAILURE);
    }
}
END_TEST

START_TEST(durability_is_full_unless_the_app_says_otherwise)
{
    static const char *const texts[] = {
        "spin_manifest_version = 2\n[application]\nname = \"a\"\n",
        "spin_manifest_version = 2\n[application.tool.bobbin]\ndurability = \"full\"\n",
        "spin_manifest_version = 2\n[application.tool.bobbin]\ndurability = \"relaxed\"\n",
    };

    for (size_t i = 0; i < 3; i++) {
        load(texts[i]);
        ck_assert_int_eq(m->relaxed, i == 2);
    }
}
END_TEST

START_TEST(values_have_checksums_where_the_app_says_so)
{
    static const char *const texts[] = {
        "spin_manifest_version = 2\n[application]\nname = \"a\"\n",
        "spin_manifest_version = 2\n[application.tool.bobbin]\nchecksums = false\n",
        "spin_manifest_version = 2\n[application.tool.bobbin]\nchecksums = true\n",
    };

    for (size_t i = 0; i < 3; i++) {
        load(texts[i]);
        ck_assert_int_eq(m->checksums, i == 2);
    }
}
END_TEST

START_TEST(name_is_the_directorys_when_there_is_none)
{
    ck_assert_int_eq(manifest_load(dir, &m, &e), 0); /* no file at all */
    ck_assert_str_eq(m->name, strrchr(dir, '/') + 1);
    ck_assert_uint_eq(m->component_count, 0);
    load("spin_manifest_version = 2\n");
    ck_assert_str_eq(m->name, strrchr(dir, '/') + 1);
    load("spin_manifest_version = 2\n[application]\n");
    ck_assert_str_eq(m->name, strrchr(dir, '/') + 1);

    manifest_free(m);
    m = NULL;
    write_file("spin.toml", "no toml");
    ck_assert_int_eq(manifest_empty(dir, &m, &e), 0);
    ck_assert_str_eq(m->name, strrchr(dir, '/') + 1);
    ck_assert_uint_eq(m->component_count, 0);
    manifest_free(NULL);
}
END_TEST

START_TEST(command_needs_no_source)
{
    load("spin_manifest_version = 2\n[component.a.tool.bobbin]\ncommand = [\"cat\", \"a b\"]\n");
    ck_assert_ptr_null(m->components[0]->source);
    check_strings(m->components[0]->command, STRINGS("cat", "a b"));
    load("spin_manifest_version = 2\n[component.a]\nsource = \"missing.wasm\"\n"
         "tool.bobbin.command = \"cat\"\n");
    ck_assert_ptr_null(m->components[0]->source);
    load("spin_manifest_version = 2\n[component.a]\nsource = { url = \"https://x\", digest = \"\" "
         "}\ntool.bobbin.command = \"cat\"\n");
    ck_assert_ptr_null(m->components[0]->source);
    load("spin_manifest_version = 2\n[component.a]\nsource = \"app.wasm\"\n"
         "tool.bobbin.command = \"cat\"\n");
    ck_assert_ptr_nonnull(m->components[0]->source);
}
END_TEST

static const struct {
    const char *command; /* as TOML */
    const char *const words[6];
} commands[] = {
    {"'cat'", {"cat"}},
    {"'''  cat\t a\nb  '''", {"cat", "a", "b"}},
    {"'''cat \"a b\" 'c d' ''' ", {"cat", "a b", "c d"}},
    {"'''cat a\"b c\"d 'it\\'s' \"\" '''", {"cat", "ab cd", "it's", ""}},
    {"'''cat \"x'y\" 'p\"q' '''", {"cat", "x'y", "p\"q"}},
    {"'cat a\\sb\\tc \\\\ \\x41\\102'", {"cat", "a b\tc", "\\", "AB"}},
    {"'cat $HOME * > x;'", {"cat", "$HOME", "*", ">", "x;"}},
};

START_TEST(limits_and_policies)
{
    const struct component_spec *c;

    load(with_tool("instances = 3\nmemory_max = \"64M\"\ncpu_max = \"150%\"\nfiles_max = 100\n"
                   "ready = \"hello\"\nstart_timeout = 2\nwatchdog = \"3s\"\nschedule = \"1min\"\n"
                   "log_size = \"1 MiB\"\nlog_keep = 0\nlog_policy = \"drop\""));
    c = m->components[0];
    ck_assert_uint_eq(c->instances, 3);
    ck_assert_uint_eq(c->memory_max, 64u << 20);
    ck_assert_uint_eq(c->cpu_max, 150);
    ck_assert_uint_eq(c->files_max, 100);
    ck_assert_int_eq(c->ready, READY_HELLO);
    ck_assert_uint_eq(c->start_timeout_ms, 2000);
    ck_assert_uint_eq(c->watchdog_ms, 3000);
    ck_assert_int_eq(c->schedule, SCHEDULE_EVERY);
    ck_assert_uint_eq(c->schedule_ms, 60000);
    ck_assert_uint_eq(c->log_size, 1u << 20);
    ck_assert_uint_eq(c->log_keep, 0);
    ck_assert_int_eq(c->log_policy, LOG_DROP);

    load(with_tool("schedule = \"start\"\nready = \"line\"\nmemory_max = \"1.5K\""));
    c = m->components[0];
    ck_assert_int_eq(c->schedule, SCHEDULE_START);
    ck_assert_int_eq(c->ready, READY_LINE);
    ck_assert_uint_eq(c->memory_max, 1536);
    ck_assert_uint_eq(c->instances, 1);
    ck_assert_uint_eq(c->log_size, MANIFEST_LOG_SIZE);
    ck_assert_uint_eq(c->log_keep, MANIFEST_LOG_KEEP);
    ck_assert_int_eq(c->log_policy, LOG_BLOCK);
    ck_assert_uint_eq(c->start_timeout_ms, MANIFEST_START_TIMEOUT_MS);
    ck_assert_uint_eq(c->watchdog_ms, 0);
}
END_TEST

START_TEST(files_are_mounts_within_the_directory)
{
    char path[200], expected[3][300];

    snprintf(path, sizeof(path), "%s/www", dir);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    write_file("a.txt", "");
    write_file("b.txt", "");
    load("spin_manifest_version = 2\n[component.a]\nsource = \"app.wasm\"\n"
         "files = [\"*.txt\", { source = \"www\", destination = \"/static\" }]\n");
    snprintf(expected[0], sizeof(expected[0]), "%s/a.txt\t/a.txt", dir);
    snprintf(expected[1], sizeof(expected[1]), "%s/b.txt\t/b.txt", dir);
    snprintf(expected[2], sizeof(expected[2]), "%s/www\t/static", dir);
    check_strings(m->components[0]->files, STRINGS(expected[0], expected[1], expected[2]));
    load("spin_manifest_version = 2\n[component.a]\nsource = \"app.wasm\"\n"
         "files = [\"www/**/*\"]\n");
    snprintf(expected[0], sizeof(expected[0]), "%s/www\t/www", dir);
    check_strings(m->components[0]->files, STRINGS(expected[0]));
    load("spin_manifest_version = 2\n[component.a]\nsource = \"app.wasm\"\n"
         "files = [\"a.txt\", { source = \"www\", destination = \"/static\" }]\n"
         "tool.bobbin.writable = [\"static\"]\n");
    snprintf(expected[0], sizeof(expected[0]), "%s/a.txt\t/a.txt", dir);
    snprintf(expected[1], sizeof(expected[1]), "%s/www\t/static\trw", dir);
    check_strings(m->components[0]->files, STRINGS(expected[0], expected[1]));
}
END_TEST

START_TEST(grants_name_users_and_groups)
{
    load("spin_manifest_version = 2\n[application]\nname = \"x\"\n"
         "[application.tool.bobbin]\nallow_users = [\"root\", 1234]\nallow_groups = [\"root\"]\n");
    ck_assert_uint_eq(m->allow_user_count, 2);
    ck_assert_uint_eq(m->allow_users[0], 0);
    ck_assert_uint_eq(m->allow_users[1], 1234);
    ck_assert_uint_eq(m->allow_group_count, 1);
    load("spin_version = \"1\"\nname = \"x\"\n[tool.bobbin]\nallow_groups = [7]\n");
    ck_assert_uint_eq(m->allow_groups[0], 7);
    ck_assert_uint_eq(m->allow_user_count, 0);
}
END_TEST

START_TEST(what_others_can_write_is_refused)
{
    char path[200];

    load(with_tool("restart = \"no\""));
    manifest_free(m);
    m = NULL;
    snprintf(path, sizeof(path), "%s/app.wasm", dir);
    ck_assert_int_eq(chmod(path, 0664), 0);
    ck_assert_int_ne(manifest_load(dir, &m, &e), 0);
    ck_assert_ptr_nonnull(strstr(e.text, "source 'app.wasm' can be written by others"));
    ck_assert_int_eq(chmod(path, 0644), 0);
    snprintf(path, sizeof(path), "%s/spin.toml", dir);
    ck_assert_int_eq(chmod(path, 0646), 0);
    ck_assert_int_ne(manifest_load(dir, &m, &e), 0);
    ck_assert_ptr_nonnull(strstr(e.text, "spin.toml' can be written by others"));
}
END_TEST

static enum spec_change compare(const char *before, const char *after)
{
    struct manifest *first;

    load(with_tool(before));
    first = m;
    m = NULL;
    load(with_tool(after));
    enum spec_change change = component_spec_compare(first->components[0], m->components[0]);
    manifest_free(first);
    return change;
}

START_TEST(comparison_tells_what_a_process_has_to_know)
{
    ck_assert_int_eq(compare("args = [\"a\"]", "args = ['a']"), SPEC_SAME);
    ck_assert_int_eq(compare("stop_timeout = 1", "stop_timeout = 2"), SPEC_POLICY);
    ck_assert_int_eq(compare("restart = 'no'", "restart = 'always'"), SPEC_POLICY);
    ck_assert_int_eq(compare("instances = 1", "instances = 2"), SPEC_SAME);
    ck_assert_int_eq(compare("args = [\"a\"]", "args = [\"a\", \"b\"]"), SPEC_PROCESS);
    ck_assert_int_eq(compare("args = [\"a\"]", "command = 'cat'\nargs = [\"a\"]"), SPEC_PROCESS);
    ck_assert_int_eq(compare("memory_max = 1", "memory_max = 2"), SPEC_PROCESS);

    struct manifest *first;
    load(with_tool(""));
    first = m;
    m = NULL;
    write_file("app.wasm", "another one");
    load(with_tool(""));
    ck_assert_int_eq(component_spec_compare(first->components[0], m->components[0]), SPEC_PROCESS);
    manifest_free(first);
}
END_TEST

START_TEST(words_of_a_command)
{
    char line[200];

    snprintf(line, sizeof(line), "command = %s", commands[_i].command);
    load(with_tool(line));
    check_strings(m->components[0]->command, commands[_i].words);
}
END_TEST

static const struct {
    const char *text;
    uint32_t ms;
} times[] = {
    {"0", 0},           {"5", 5000},         {"0.25", 250},      {"1e1", 10000},
    {"'5'", 5000},      {"'100ms'", 100},    {"'5s'", 5000},     {"'5 sec'", 5000},
    {"'2min'", 120000}, {"'2m'", 120000},    {"'1h'", 3600000},  {"'1min 30s'", 90000},
    {"'1.5s'", 1500},   {"'1s500ms'", 1500}, {"'1d'", 86400000},
};

START_TEST(times_of_every_kind)
{
    char line[200];

    snprintf(line, sizeof(line), "stop_timeout = %s", times[_i].text);
    load(with_tool(line));
    ck_assert_uint_eq(m->components[0]->stop_timeout_ms, times[_i].ms);
}
END_TEST

#define TIME_EXPECTED                                                                              \
    "expected a time (a number of seconds, or a string such as \"100ms\", \"5s\", \"2min\") for "  \
    "'stop_timeout'"

#define SIZE_EXPECTED                                                                              \
    "expected a size (a number of bytes, or a string such as \"64M\", \"1G\") for 'memory_max'"
#define SHARE_EXPECTED "expected a share of one processor such as \"50%\", \"200%\" for 'cpu_max'"

static const struct {
    const char *line;
    const char *expected;
} bad_tools[] = {
    {"restrt = \"no\"", ":3:1: unknown key 'restrt'; did you mean 'restart'?"},
    {"stop_time = 5", ":3:1: unknown key 'stop_time'; did you mean 'stop_timeout'?"},
    {"colour = 1", ":3:1: unknown key 'colour'"},
    {"restart = \"never\"", ":3:11: expected \"no\", \"on-failure\" or \"always\" for 'restart'"},
    {"restart = false", ":3:11: expected a string for 'restart'"},
    {"stop_timeout = \"5 parsecs\"", ":3:16: " TIME_EXPECTED},
    {"stop_timeout = \"\"", ":3:16: " TIME_EXPECTED},
    {"stop_timeout = \"1.2.3s\"", ":3:16: " TIME_EXPECTED},
    {"stop_timeout = \"s\"", ":3:16: " TIME_EXPECTED},
    {"stop_timeout = -1", ":3:16: " TIME_EXPECTED},
    {"stop_timeout = nan", ":3:16: " TIME_EXPECTED},
    {"stop_timeout = inf", ":3:16: " TIME_EXPECTED},
    {"stop_timeout = 99999999999", ":3:16: " TIME_EXPECTED},
    {"stop_timeout = [5]", ":3:16: " TIME_EXPECTED},
    {"start_limit_burst = \"5\"",
     ":3:21: expected an integer from 0 to 4294967295 for 'start_limit_burst'"},
    {"start_limit_burst = -1",
     ":3:21: expected an integer from 0 to 4294967295 for 'start_limit_burst'"},
    {"instances = 0", ":3:13: expected an integer from 1 to 64 for 'instances'"},
    {"instances = 65", ":3:13: expected an integer from 1 to 64 for 'instances'"},
    {"memory_max = \"64X\"", ":3:14: " SIZE_EXPECTED},
    {"memory_max = -1", ":3:14: " SIZE_EXPECTED},
    {"memory_max = \"\"", ":3:14: " SIZE_EXPECTED},
    {"cpu_max = \"50\"", ":3:11: " SHARE_EXPECTED},
    {"cpu_max = \"0%\"", ":3:11: " SHARE_EXPECTED},
    {"cpu_max = \"5000000%\"", ":3:11: " SHARE_EXPECTED},
    {"cpu_max = 50", ":3:11: expected a string for 'cpu_max'"},
    {"files_max = 3", ":3:13: expected an integer from 8 to 1048576 for 'files_max'"},
    {"ready = \"yes\"", ":3:9: expected \"exec\", \"hello\" or \"line\" for 'ready'"},
    {"log_policy = \"lose\"", ":3:14: expected \"block\" or \"drop\" for 'log_policy'"},
    {"log_size = 100", ":3:12: expected a size from 4K to 1G for 'log_size'"},
    {"log_keep = 101", ":3:12: expected an integer from 0 to 100 for 'log_keep'"},
    {"schedule = \"daily\"",
     ":3:12: expected \"start\" or a time such as \"10min\" for 'schedule'"},
    {"schedule = 0", ":3:12: expected \"start\" or a time above 0 for 'schedule'"},
    {"restart_delay = 2\nrestart_max_delay = 1",
     ":4:21: 'restart_max_delay' is shorter than 'restart_delay'"},
    {"args = \"x\"", ":3:8: expected an array of strings for 'args'"},
    {"args = [\"x\", 1]", ":3:14: expected an array of strings for 'args'"},
    {"args = [\"a\\u0000b\"]", ":3:9: 'args' contains a NUL character"},
    {"command = 1", ":3:11: expected a string or an array of strings for 'command'"},
    {"command = \"\"", ":3:11: 'command' names no program"},
    {"command = []", ":3:11: 'command' names no program"},
    {"command = \"cat 'x\"", ":3:11: 'command': a quote (') is not closed"},
    {"command = 'cat \\q'", ":3:11: 'command': unknown escape sequence behind a backslash (a "
                            "backslash itself is \\\\)"},
    {"command = 'cat \\x00'", ":3:11: 'command': unknown escape sequence behind a backslash (a "
                              "backslash itself is \\\\)"},
    {"command = 'cat \\'", ":3:11: 'command': unknown escape sequence behind a backslash (a "
                           "backslash itself is \\\\)"},
};

START_TEST(errors_in_bobbins_table)
{
    check_error(with_tool(bad_tools[_i].line), bad_tools[_i].expected);
}
END_TEST

#define V2 "spin_manifest_version = 2\n"
#define ID_EXPECTED ": expected 1 to 64 letters, digits, '-', '_' and '.', not beginning with '.'"

static const struct {
    const char *text;
    const char *expected;
} bad[] = {
    {"", ":1:1: 'spin_manifest_version' is missing; expected 2 or \"1\""},
    {"spin_manifest_version = 3", ":1:25: expected 2 or \"1\" for 'spin_manifest_version'"},
    {"spin_version = \"2\"", ":1:16: expected 2 or \"1\" for 'spin_version'"},
    {V2 "application = 1", ":2:15: expected a table for 'application'"},
    {V2 "[application.tool.bobbin]\ndurability = \"lax\"",
     ":3:14: expected \"full\" or \"relaxed\" for 'durability'"},
    {V2 "[application.tool.bobbin]\nchecksums = 1", ":3:13: expected true or false for 'checksums'"},
    {V2 "[application.tool.bobbin]\ndurable = 1", ":3:1: unknown key 'durable'"},
    {V2 "[application]\nname = 1", ":3:8: expected a string for 'name'"},
    {V2 "[application]\nname = \"\"", ":3:8: the app's name must have 1 to 128 bytes"},
    {V2 "[application]\nname = \"a/b\"",
     ":3:8: the app's name must not contain '/' or control characters"},
    {V2 "[application]\nname = \"a\\nb\"",
     ":3:8: the app's name must not contain '/' or control characters"},
    {V2 "component = []", ":2:13: expected a table for 'component'"},
    {V2 "[component]\na = 1", ":3:5: expected a table for 'a'"},
    {V2 "[component.a]\n", ":2:1: component 'a' has no 'source' (and no 'command')"},
    {V2 "[component.a]\nsource = \"no.wasm\"",
     ":3:10: source 'no.wasm': No such file or directory"},
    {V2 "[component.a]\nsource = \"../../etc/passwd\"",
     ":3:10: source '../../etc/passwd' is not within the app directory"},
    {V2 "[component.a]\nsource = \"/etc/passwd\"",
     ":3:10: source '/etc/passwd' is not within the app directory"},
    {V2 "[component.a]\nsource = \"out.wasm\"",
     ":3:10: source 'out.wasm' is not within the app directory"},
    {V2 "[component.a]\nsource = \".\"", ":3:10: source '.' is not within the app directory"},
    {V2 "[component.a]\nsource = \"sub\"", ":3:10: source 'sub' is not a regular file"},
    {V2 "[component.a]\nsource = { url = \"https://x\", digest = \"y\" }",
     ":3:10: 'source' is remote: Bobbin runs local files only; download it and name the file"},
    {V2 "[component.a]\nsource = 7",
     ":3:10: expected a string (the path of a wasm file) for 'source'"},
    {V2 "[component.\".a\"]\nsource = \"app.wasm\"", ":2:12: component id '.a'" ID_EXPECTED},
    {V2 "[component.\"a/b\"]\nsource = \"app.wasm\"", ":2:12: component id 'a/b'" ID_EXPECTED},
    {V2 "[component.\"a\\u0007\"]\nsource = \"app.wasm\"", ":2:12: component id 'a?'" ID_EXPECTED},
    {V2 "[component.a]\nsource = \"app.wasm\"\nenvironment = { A = 1 }",
     ":4:21: expected a string for 'A'"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nenvironment = [\"A=1\"]",
     ":4:15: expected a table for 'environment'"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nenvironment = { \"A=B\" = \"1\" }",
     ":4:17: 'A=B' cannot be an environment variable's name"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nenvironment = { BOBBIN_FD = \"1\" }",
     ":4:17: environment variable 'BOBBIN_FD': names with BOBBIN_ are the daemon's"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nfiles = \"x\"",
     ":4:9: expected an array of strings and tables for 'files'"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nfiles = [\"sub\", \"missing\"]",
     ":4:17: files: 'missing': No such file or directory"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nfiles = [\"../x\"]",
     ":4:10: files: '../x': No such file or directory"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nfiles = [\"/etc\"]",
     ":4:10: files: '/etc' is not within the app directory"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nfiles = [\"out.*\"]",
     ":4:10: files: 'out.wasm' is not within the app directory"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nfiles = [{ source = \"sub\" }]",
     ":4:10: 'files': expected both 'source' and 'destination'"},
    {V2 "[component.a]\nsource = \"app.wasm\"\ntool.bobbin.writable = \"x\"",
     ":4:24: expected an array of strings for 'writable'"},
    {V2 "[component.a]\nsource = \"app.wasm\"\ntool.bobbin.writable = [\"/x\"]",
     ":4:25: 'writable': no entry of 'files' is '/x' in the guest, or it is there twice"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nfiles = [\"spin.toml\"]\n"
        "tool.bobbin.writable = [\"spin.toml\"]",
     ":5:25: 'writable': spin.toml and .spin cannot be"},
    {V2 "[component.a]\ntool.bobbin.command = [\"true\"]\n[component.b]\nsource = \"app.wasm\"\n"
        "files = [\"app.wasm\"]\ntool.bobbin.writable = [\"app.wasm\"]",
     ":1:1: component 'b': what is 'writable' holds the module of component 'b'"},
    {V2 "[application.tool.bobbin]\nallow_user = [1]",
     ":3:1: unknown key 'allow_user'; did you mean 'allow_users'?"},
    {V2 "[application.tool.bobbin]\nallow_users = \"x\"",
     ":3:15: expected an array of names and numbers for 'allow_users'"},
    {V2 "[application.tool.bobbin]\nallow_users = [-1]",
     ":3:16: expected an array of names and numbers for 'allow_users'"},
    {V2 "[application.tool.bobbin]\nallow_users = [\"no-such-user-here\"]",
     ":3:16: there is no user 'no-such-user-here'"},
    {V2 "[application.tool.bobbin]\nallow_groups = [\"no-such-group-here\"]",
     ":3:17: there is no group 'no-such-group-here'"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nkey_value_stores = \"default\"",
     ":4:20: expected an array of strings for 'key_value_stores'"},
    {V2 "[component.a]\nsource = \"app.wasm\"\nkey_value_stores = [\"\"]",
     ":4:20: a label in 'key_value_stores' must have 1 to 256 bytes"},
    {V2 "[component.a]\nsource = \"app.wasm\"\ntool = 1", ":4:8: expected a table for 'tool'"},
    {"spin_version = \"1\"\n[component.a]\nsource = \"app.wasm\"",
     ":2:1: expected an array of tables ([[component]]) for 'component'"},
    {"spin_version = \"1\"\n[[component]]\nsource = \"app.wasm\"",
     ":2:1: a component without 'id'"},
    {"spin_version = \"1\"\n[[component]]\nid = \"a\"\nsource = \"app.wasm\"\n[[component]]\n"
     "id = \"a\"\nsource = \"app.wasm\"",
     ":6:6: there are two components 'a'"},
};

START_TEST(errors_elsewhere)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/out.wasm", dir);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof(path), "%s/sub", dir);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    check_error(bad[_i].text, bad[_i].expected);
}
END_TEST

START_TEST(errors_of_syntax_name_the_line)
{
    char start[200];

    write_file("spin.toml", "spin_manifest_version = 2\n\n[application\n");
    ck_assert_int_ne(manifest_load(dir, &m, &e), 0);
    snprintf(start, sizeof(start), "%s/spin.toml:3:", dir);
    ck_assert_msg(strncmp(e.text, start, strlen(start)) == 0, "%s", e.text);

    write_bytes("spin.toml", "a = \"\xff\"\n", 8); /* not UTF-8 */
    ck_assert_int_ne(manifest_load(dir, &m, &e), 0);
    snprintf(start, sizeof(start), "%s/spin.toml:1:", dir);
    ck_assert_msg(strncmp(e.text, start, strlen(start)) == 0, "%s", e.text);
}
END_TEST

START_TEST(long_ids_are_refused)
{
    char id[80], text[400];

    memset(id, 'a', sizeof(id));
    id[64] = '\0';
    snprintf(text, sizeof(text), V2 "[component.%s]\nsource = \"app.wasm\"\n", id);
    load(text);
    id[64] = 'a';
    id[65] = '\0';
    manifest_free(m);
    m = NULL;
    snprintf(text, sizeof(text), V2 "[component.%s]\nsource = \"app.wasm\"\n", id);
    write_file("spin.toml", text);
    ck_assert_int_ne(manifest_load(dir, &m, &e), 0);
    ck_assert_ptr_nonnull(strstr(e.text, "expected 1 to 64 letters"));
}
END_TEST

static void check_load_error(const char *expected)
{
    ck_assert_int_ne(manifest_load(dir, &m, &e), 0);
    ck_assert_msg(strstr(e.text, expected), "%s", e.text);
}

START_TEST(file_is_a_regular_one_within_the_directory)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/spin.toml", dir);
    ck_assert_int_eq(symlink("/etc/passwd", path), 0);
    check_load_error("leads out of the app directory");
    unlink(path);
    ck_assert_int_eq(symlink("../../etc/passwd", path), 0);
    check_load_error("leads out of the app directory");
    unlink(path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    check_load_error("not a regular file");
    unlink(path);
    write_file("other.toml", "spin_manifest_version = 2\n[application]\nname = \"linked\"\n");
    ck_assert_int_eq(symlink("other.toml", path), 0);
    ck_assert_int_eq(manifest_load(dir, &m, &e), 0);
    ck_assert_str_eq(m->name, "linked");
}
END_TEST

START_TEST(file_has_a_limit)
{
    char *text = malloc(MANIFEST_SIZE_MAX + 1);

    memset(text, '\n', MANIFEST_SIZE_MAX + 1);
    memcpy(text, V2, strlen(V2));
    write_bytes("spin.toml", text, MANIFEST_SIZE_MAX);
    ck_assert_int_eq(manifest_load(dir, &m, &e), 0);
    manifest_free(m);
    m = NULL;
    write_bytes("spin.toml", text, MANIFEST_SIZE_MAX + 1);
    check_load_error("is larger than 1048576 bytes");
    free(text);
}
END_TEST

START_TEST(number_of_components_has_a_limit)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    fputs(V2, f);
    for (unsigned i = 0; i <= MANIFEST_COMPONENTS_MAX; i++)
        fprintf(f, "[component.c%u]\nsource = \"app.wasm\"\n", i);
    fclose(f);
    write_file("spin.toml", text);
    check_load_error("there are more than 1000 components");
    free(text);
}
END_TEST

START_TEST(deep_nesting_is_an_error)
{
    char text[20100] = V2 "a = ";

    memset(text + strlen(V2) + 4, '[', 20000);
    write_file("spin.toml", text);
    ck_assert_int_ne(manifest_load(dir, &m, &e), 0);
    ck_assert_int_eq(e.code, ERR_INVALID_REQUEST);
}
END_TEST

START_TEST(directory_that_is_gone)
{
    ck_assert_int_ne(manifest_load("/nowhere/app", &m, &e), 0);
    ck_assert_str_eq(e.text, "cannot read '/nowhere/app': No such file or directory");
}
END_TEST

#define COUNT(list) (int)(sizeof(list) / sizeof((list)[0]))

int main(void)
{
    Suite *s = suite_create("manifest");
    TCase *tc = tcase_create("spin.toml");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, version_2);
    tcase_add_test(tc, version_1);
    tcase_add_test(tc, durability_is_full_unless_the_app_says_otherwise);
    tcase_add_test(tc, values_have_checksums_where_the_app_says_so);
    tcase_add_test(tc, name_is_the_directorys_when_there_is_none);
    tcase_add_test(tc, command_needs_no_source);
    tcase_add_loop_test(tc, words_of_a_command, 0, COUNT(commands));
    tcase_add_loop_test(tc, times_of_every_kind, 0, COUNT(times));
    tcase_add_loop_test(tc, errors_in_bobbins_table, 0, COUNT(bad_tools));
    tcase_add_loop_test(tc, errors_elsewhere, 0, COUNT(bad));
    tcase_add_test(tc, errors_of_syntax_name_the_line);
    tcase_add_test(tc, long_ids_are_refused);
    tcase_add_test(tc, file_is_a_regular_one_within_the_directory);
    tcase_add_test(tc, file_has_a_limit);
    tcase_add_test(tc, number_of_components_has_a_limit);
    tcase_add_test(tc, deep_nesting_is_an_error);
    tcase_add_test(tc, directory_that_is_gone);
    tcase_add_test(tc, limits_and_policies);
    tcase_add_test(tc, files_are_mounts_within_the_directory);
    tcase_add_test(tc, grants_name_users_and_groups);
    tcase_add_test(tc, what_others_can_write_is_refused);
    tcase_add_test(tc, comparison_tells_what_a_process_has_to_know);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
