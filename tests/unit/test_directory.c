/* A directory's identity, and the state directory inside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test_store_env.h"

static struct directory d;
static struct error e;

START_TEST(any_path_leads_to_the_canonical_one)
{
    env_mkdir("app");
    ck_assert_int_eq(symlink("app", env_path("link")), 0);
    ck_assert_int_eq(directory_init(&d, env_path("link/../link/."), &e), 0);
    ck_assert_str_eq(d.path, env_path("app"));
    ck_assert_uint_eq(d.uid, geteuid());
    ck_assert_int_eq(directory_check(&d, &e), 0);
    directory_fini(&d);
    directory_fini(&d);
}
END_TEST

static void check_no_such_app(const char *name, const char *in_text)
{
    ck_assert_int_eq(directory_init(&d, env_path(name), &e), ERR_NO_SUCH_APP);
    ck_assert_ptr_nonnull(strstr(e.text, env_path(name)));
    ck_assert_ptr_nonnull(strstr(e.text, in_text));
}

START_TEST(what_is_no_directory)
{
    env_write("file", "x", 1);
    check_no_such_app("absent", "No such file");
    check_no_such_app("file", "Not a directory");
    check_no_such_app("file/inside", "Not a directory");
    ck_assert_int_eq(symlink("loop", env_path("loop")), 0);
    ck_assert_int_eq(directory_init(&d, env_path("loop"), &e), ERR_OTHER);
}
END_TEST

START_TEST(copy_is_its_own)
{
    struct directory copy;

    ck_assert_int_eq(directory_copy(&copy, &env, &e), 0);
    ck_assert_ptr_ne(copy.path, env.path);
    ck_assert_int_eq(directory_check(&copy, &e), 0);
    directory_fini(&copy);
    ck_assert_int_eq(directory_check(&env, &e), 0);
}
END_TEST

START_TEST(gone_and_replaced)
{
    env_mkdir("app");
    ck_assert_int_eq(directory_init(&d, env_path("app"), &e), 0);
    ck_assert_int_eq(rename(env_path("app"), env_path("moved")), 0);
    ck_assert_int_eq(directory_check(&d, &e), ERR_NO_SUCH_APP);
    ck_assert_ptr_nonnull(strstr(e.text, "is gone"));
    ck_assert_int_eq(directory_open_state(&d, &e), ERR_NO_SUCH_APP);
    /* A link that leads to the very directory is not where it was registered. */
    ck_assert_int_eq(symlink("moved", env_path("app")), 0);
    ck_assert_int_eq(directory_check(&d, &e), ERR_NO_SUCH_APP);
    ck_assert_int_eq(directory_open_state(&d, &e), ERR_NO_SUCH_APP);
    ck_assert_int_eq(unlink(env_path("app")), 0);
    env_mkdir("app");
    ck_assert_int_eq(directory_check(&d, &e), ERR_NO_SUCH_APP);
    ck_assert_ptr_nonnull(strstr(e.text, "replaced"));
    ck_assert_int_eq(directory_open_state(&d, &e), ERR_NO_SUCH_APP);
    ck_assert(!env_exists("app/.spin") && !env_exists("moved/.spin"));
    ck_assert_int_eq(rmdir(env_path("app")), 0);
    ck_assert_int_eq(rename(env_path("moved"), env_path("app")), 0);
    ck_assert_int_eq(directory_check(&d, &e), 0);
    directory_fini(&d);
}
END_TEST

START_TEST(same_number_but_born_later)
{
    ck_assert_int_eq(directory_copy(&d, &env, &e), 0);
    if (d.born_ns) {
        d.born_ns--;
        ck_assert_int_eq(directory_check(&d, &e), ERR_NO_SUCH_APP);
    }
    d.born_ns = 0; /* not known */
    ck_assert_int_eq(directory_check(&d, &e), 0);
    directory_fini(&d);
}
END_TEST

START_TEST(state_directory_is_made_and_found)
{
    struct stat st;

    umask(0);
    for (int i = 0; i < 2; i++) {
        int fd = directory_open_state(&env, &e);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_uint_eq(st.st_mode, S_IFDIR | 0700);
        ck_assert_uint_eq(st.st_uid, env.uid);
        close(fd);
    }
    ck_assert_int_eq(chmod(env_path(".spin"), 0750), 0);
    close(directory_open_state(&env, &e));
    ck_assert_int_eq(stat(env_path(".spin"), &st), 0);
    ck_assert_uint_eq(st.st_mode, S_IFDIR | 0750); /* the owner's wish */
}
END_TEST

START_TEST(what_is_no_state_directory)
{
    env_mkdir("elsewhere");
    ck_assert_int_eq(symlink("elsewhere", env_path(".spin")), 0);
    ck_assert_int_eq(directory_open_state(&env, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, ".spin': not a directory"));
    ck_assert_int_eq(unlink(env_path(".spin")), 0);
    env_write(".spin", "x", 1);
    ck_assert_int_eq(directory_open_state(&env, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, ".spin': not a directory"));
}
END_TEST

START_TEST(long_paths_leave_room_for_the_reason)
{
    char path[4000];

    memset(path, 'd', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    ck_assert_int_lt(directory_init(&d, path, &e), 0);
    ck_assert_ptr_nonnull(strstr(e.text, "File name too long"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("directory");
    TCase *tc = tcase_create("directory");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, any_path_leads_to_the_canonical_one);
    tcase_add_test(tc, what_is_no_directory);
    tcase_add_test(tc, copy_is_its_own);
    tcase_add_test(tc, gone_and_replaced);
    tcase_add_test(tc, same_number_but_born_later);
    tcase_add_test(tc, state_directory_is_made_and_found);
    tcase_add_test(tc, what_is_no_state_directory);
    tcase_add_test(tc, long_paths_leave_room_for_the_reason);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
