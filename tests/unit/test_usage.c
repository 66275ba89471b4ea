/* What the kernel says of a process, and what its name may say. */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/usage.h"

static struct usage own(const char *name)
{
    struct usage usage;

    ck_assert_int_eq(prctl(PR_SET_NAME, name), 0);
    ck_assert(usage_read(getpid(), &usage));
    return usage;
}

START_TEST(own_process_is_read)
{
    struct usage usage = own("some name");

    ck_assert_int_gt(usage.memory, 4096);
    ck_assert_int_ge(usage.cpu_ms, 0);
    ck_assert_str_eq(usage.name, "some name");
}
END_TEST

START_TEST(names_are_read_whatever_is_in_them)
{
    ck_assert_str_eq(own(") R 1 (").name, ") R 1 (");
    ck_assert_str_eq(own("").name, "");
    ck_assert_str_eq(own("fifteen bytes!!").name, "fifteen bytes!!");
}
END_TEST

START_TEST(compiling_is_told_from_other_names)
{
    static const struct {
        const char *name;
        bool is;
    } cases[] = {
        {"compiling", true},        {"compiling 3/9", true},
        {"compiling 12/34", true},  {"", false},
        {"bobbin-run", false},      {"compilin", false},
        {"compiling ", false},      {"compilingx", false},
        {"compiling 3/", false},    {"compiling 3/9x", false},
        {"compiling \xff", false},  {"compiling -3/9", false},
        {"compiling 3/\t9", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct usage usage = own(cases[i].name);
        ck_assert_msg(usage_is_compiling(&usage) == cases[i].is, "'%s'", cases[i].name);
    }
}
END_TEST

START_TEST(nobody_is_not_read)
{
    struct usage usage;

    ck_assert(!usage_read(0x7ffffff0, &usage));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("usage");
    TCase *tc = tcase_create("usage");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, own_process_is_read);
    tcase_add_test(tc, names_are_read_whatever_is_in_them);
    tcase_add_test(tc, compiling_is_told_from_other_names);
    tcase_add_test(tc, nobody_is_not_read);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
