#include <check.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/config.h"
#include "daemon/machine.h"

static char path[64];
static struct config c;
static struct error e;

static void setup(void)
{
    strcpy(path, "/tmp/bobbin-config-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    config_init(&c);
}

static void teardown(void)
{
    config_fini(&c);
    unlink(path);
}

static int load(const char *text)
{
    FILE *f = fopen(path, "we");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    fclose(f);
    return config_load(&c, path, &e);
}

static void check_defaults(void)
{
    ck_assert_ptr_null(c.socket);
    ck_assert_ptr_null(c.state_dir);
    ck_assert_ptr_null(c.runner);
    ck_assert_int_eq(c.log_level, LOG_LEVEL_INFO);
    ck_assert_uint_eq(c.store_idle_ms, 5000);
    ck_assert_uint_eq(c.threads, 16);
    ck_assert_uint_eq(c.stall_ms, 60000);
    ck_assert_uint_eq(c.store_memory, 64 << 20);
    ck_assert_uint_eq(c.commit_log_size, 64 << 20);
    ck_assert_uint_eq(c.hold_from, 64 << 20);
    ck_assert_uint_eq(c.fold_changes, 131072);
    ck_assert_uint_eq(c.wal_pages, 8192);
#define X(name, standard, least, most) ck_assert_uint_eq(c.limits.name, standard);
    LIMIT_SETTABLE_LIST(X)
#undef X
    for (size_t i = 0; i < SETTING_COUNT; i++)
        ck_assert_int_eq(c.origin[i], CONFIG_DEFAULT);
}

START_TEST(empty_file_sets_nothing)
{
    check_defaults();
    ck_assert_int_eq(load("# nothing\n"), 0);
    check_defaults();
}
END_TEST

START_TEST(everything_set)
{
    ck_assert_msg(load("socket = \"/run/s\"\nstate_dir = \"/var/lib/b\"\nrunner = \"/bin/r\"\n"
                       "log_level = \"debug\"\nstore_idle = \"2min\"\nthreads = 4\nstall_timeout = 0\n"
                       "store_memory = 8000000000\ncommit_log_size = 8192\nhold_from = 0\nfold_changes = 1\nwal_pages = 8\n") == 0,
                  "%s", e.text);
    ck_assert_str_eq(c.socket, "/run/s");
    ck_assert_str_eq(c.state_dir, "/var/lib/b");
    ck_assert_str_eq(c.runner, "/bin/r");
    ck_assert_int_eq(c.log_level, LOG_LEVEL_DEBUG);
    ck_assert_uint_eq(c.store_idle_ms, 120000);
    ck_assert_uint_eq(c.threads, 4);
    ck_assert_uint_eq(c.stall_ms, 0);
    ck_assert_uint_eq(c.store_memory, 8000000000);
    ck_assert_uint_eq(c.commit_log_size, 8192);
    ck_assert_uint_eq(c.hold_from, 0);
    ck_assert_uint_eq(c.fold_changes, 1);
    ck_assert_uint_eq(c.wal_pages, 8);
    /* A second file sets what it sets. */
    ck_assert_int_eq(load("socket = \"/run/t\"\n"), 0);
    ck_assert_str_eq(c.socket, "/run/t");
    ck_assert_str_eq(c.state_dir, "/var/lib/b");
}
END_TEST

/* Each limit takes what its range says, and nothing beside it. */
START_TEST(limits_keep_to_their_range)
{
    static const struct {
        const char *name;
        size_t offset;
        long long least, most;
    } limits[] = {
#define X(name, standard, least, most) {#name, offsetof(struct limits, name), least, most},
        LIMIT_SETTABLE_LIST(X)
#undef X
    };
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        const uint32_t *set = (const void *)((const char *)&c.limits + limits[i].offset);
        char text[100], expected[300];
        for (int end = 0; end < 2; end++) {
            long long edge = end ? limits[i].most : limits[i].least;
            snprintf(text, sizeof(text), "max_%s = %lld\n", limits[i].name, edge);
            ck_assert_msg(load(text) == 0, "%s", e.text);
            ck_assert_int_eq(*set, edge);
            snprintf(text, sizeof(text), "max_%s = %lld\n", limits[i].name, edge + (end ? 1 : -1));
            ck_assert_int_ne(load(text), 0);
            snprintf(expected, sizeof(expected),
                     "%s:1:%zu: expected an integer from %lld to %lld for 'max_%s'", path,
                     strlen(limits[i].name) + 8, limits[i].least, limits[i].most, limits[i].name);
            ck_assert_str_eq(e.text, expected);
            ck_assert_int_eq(*set, edge);
        }
    }
}
END_TEST

/* By default it follows the memory, but is never of no use. */
START_TEST(cache_follows_the_memory)
{
    uint64_t part = machine_memory() / CONFIG_CACHE_PART;

    ck_assert_int_eq(load(""), 0);
    ck_assert_uint_gt(part, 0);
    ck_assert_uint_eq(c.cache_bytes, part < CONFIG_CACHE_BYTES ? CONFIG_CACHE_BYTES : part);
}
END_TEST

static void write_limit(const char *group, const char *text)
{
    char name[300];
    FILE *file;

    snprintf(name, sizeof(name), "%s/memory.max", group);
    file = fopen(name, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    ck_assert_int_eq(fclose(file), 0);
}

START_TEST(least_limit_of_the_groups_counts)
{
    char top[] = "/tmp/bobbin-test.XXXXXX", group[100], inner[150], command[300];

    ck_assert_ptr_nonnull(mkdtemp(top));
    snprintf(group, sizeof(group), "%s/system", top);
    snprintf(inner, sizeof(inner), "%s/bobbind", group);
    ck_assert_int_eq(mkdir(group, 0755), 0);
    ck_assert_int_eq(mkdir(inner, 0755), 0);
    ck_assert_uint_eq(machine_group_memory(inner), UINT64_MAX);
    write_limit(inner, "max\n");
    ck_assert_uint_eq(machine_group_memory(inner), UINT64_MAX);
    write_limit(group, "536870912\n");
    ck_assert_uint_eq(machine_group_memory(inner), 536870912);
    write_limit(inner, "268435456\n");
    ck_assert_uint_eq(machine_group_memory(inner), 268435456);
    snprintf(command, sizeof(command), "rm -r %s", top);
    ck_assert_int_eq(system(command), 0);
}
END_TEST

START_TEST(quotas)
{
    ck_assert_int_eq(load("quota_bytes = 5000000000\nquota_entries = 0\n"), 0);
    ck_assert_uint_eq(c.quota_bytes, 5000000000);
    ck_assert_uint_eq(c.quota_entries, 0);
    ck_assert_int_eq(load("cache_bytes = 5000000000\n"), 0);
    ck_assert_uint_eq(c.cache_bytes, 5000000000);
    ck_assert_int_eq(load("cache_bytes = 0\n"), 0);
    ck_assert_uint_eq(c.cache_bytes, 0);
}
END_TEST

START_TEST(addresses_of_metrics)
{
    ck_assert_int_eq(load("metrics_listen = \"/run/m.sock\"\n"), 0);
    ck_assert_uint_eq(c.metrics_listen.count, 1);
    ck_assert_str_eq(c.metrics_listen.items[0], "/run/m.sock");
    ck_assert_int_eq(load("metrics_listen = [\"localhost:0\", \"[::1]:9751\", \"127.0.0.1:65535\"]\n"), 0);
    ck_assert_uint_eq(c.metrics_listen.count, 3);
    ck_assert_str_eq(c.metrics_listen.items[1], "[::1]:9751");
}
END_TEST

static const struct {
    const char *text;
    const char *expected;
} bad[] = {
    {"socket = \"/a\"\nsockt = \"/b\"", ":2:1: unknown key 'sockt'; did you mean 'socket'?"},
    {"thread = 1", ":1:1: unknown key 'thread'; did you mean 'threads'?"},
    {"[store]\nidle = 1", ":1:2: unknown key 'store'"},
    {"socket = 1", ":1:10: expected a string for 'socket'"},
    {"socket = \"x\"", ":1:10: expected an absolute path for 'socket'"},
    {"runner = \"\"", ":1:10: expected an absolute path for 'runner'"},
    {"log_level = \"loud\"",
     ":1:13: expected \"error\", \"warning\", \"info\" or \"debug\" for 'log_level'"},
    {"threads = 0", ":1:11: expected an integer from 1 to 1024 for 'threads'"},
    {"max_watch = 1", ":1:1: unknown key 'max_watch'; did you mean 'max_watches'?"},
    {"\nmax_inflght_bytes = 1",
     ":2:1: unknown key 'max_inflght_bytes'; did you mean 'max_inflight_bytes'?"},
    {"max_key = \"1k\"", ":1:11: expected an integer from 1 to 2048 for 'max_key'"},
    {"cache_bytes = -1", ":1:15: expected an integer from 0 for 'cache_bytes'"},
    {"cache_bytes = 1099511627777", ":1:15: expected at most 1099511627776 for 'cache_bytes'"},
    {"quota_bytes = -1", ":1:15: expected an integer from 0 for 'quota_bytes'"},
    {"commit_log_size = 8191", ":1:19: expected an integer from 8192 to 1073741824 for 'commit_log_size'"},
    {"fold_changes = 0", ":1:16: expected an integer from 1 to 16777216 for 'fold_changes'"},
    {"metrics_listen = \"0.0.0.0:9751\"",
     ":1:18: expected an absolute path, 127.0.0.1:PORT, [::1]:PORT or localhost:PORT for "
     "'metrics_listen'"},
    {"metrics_listen = [\"/a\", \"/b\", \"/c\", \"/d\", \"/e\"]",
     ":1:18: expected 1 to 4 addresses for 'metrics_listen'"},
    {"metrics_listen = []", ":1:18: expected 1 to 4 addresses for 'metrics_listen'"},
    {"metrics_listen = 9751", ":1:18: expected an array of strings for 'metrics_listen'"},
    {"wal_pages = 7", ":1:13: expected an integer from 8 to 1048576 for 'wal_pages'"},
    {"threads = 1025", ":1:11: expected an integer from 1 to 1024 for 'threads'"},
};

START_TEST(errors_name_the_place)
{
    char expected[300];

    ck_assert_int_ne(load(bad[_i].text), 0);
    snprintf(expected, sizeof(expected), "%s%s", path, bad[_i].expected);
    ck_assert_str_eq(e.text, expected);
    check_defaults();
}
END_TEST

START_TEST(missing_file)
{
    ck_assert_int_ne(config_load(&c, "/nowhere/bobbin.toml", &e), 0);
    ck_assert_str_eq(e.text, "cannot read '/nowhere/bobbin.toml': No such file or directory");
    ck_assert_int_ne(config_load(&c, "/tmp", &e), 0);
    ck_assert_str_eq(e.text, "cannot read '/tmp': Is a directory");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("config");
    TCase *tc = tcase_create("bobbin.toml");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, empty_file_sets_nothing);
    tcase_add_test(tc, everything_set);
    tcase_add_test(tc, limits_keep_to_their_range);
    tcase_add_test(tc, cache_follows_the_memory);
    tcase_add_test(tc, least_limit_of_the_groups_counts);
    tcase_add_test(tc, quotas);
    tcase_add_test(tc, addresses_of_metrics);
    tcase_add_loop_test(tc, errors_name_the_place, 0, sizeof(bad) / sizeof(bad[0]));
    tcase_add_test(tc, missing_file);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
