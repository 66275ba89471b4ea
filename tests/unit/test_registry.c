/* The registry where its disk fails: what was answered with an error has not been done. */
#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/registry.h"

static sqlite3_vfs *real;
static sqlite3_vfs vfs;
static int failures; /* so many deletions fail, once the file is gone */
static char dir[] = "/tmp/bobbin-registry-XXXXXX";
static char seen[200]; /* by list() */

static int delete_and_fail(sqlite3_vfs *v, const char *name, int sync)
{
    int rc = real->xDelete(real, name, sync);

    (void)v;
    if (rc || failures <= 0)
        return rc;
    failures--;
    return SQLITE_IOERR_DIR_FSYNC;
}

static void install(void)
{
    real = sqlite3_vfs_find(NULL);
    vfs = *real;
    vfs.zName = "failing";
    vfs.xDelete = delete_and_fail;
    ck_assert_int_eq(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
    strcpy(dir, "/tmp/bobbin-registry-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void clean(void)
{
    char path[100];

    snprintf(path, sizeof(path), "%s/registry.db", dir);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(dir), 0);
}

static struct registry *open_it(void)
{
    struct registry *r = NULL;
    struct error e = {0};

    ck_assert_msg(registry_open(dir, &r, &e) == 0, "%s", e.text);
    return r;
}

static struct directory directory(const char *path, ino_t ino)
{
    return (struct directory){.path = (char *)path, .dev = 1, .ino = ino};
}

static int see(void *arg, const struct directory *d, const char *wanted)
{
    size_t len = strlen(seen);

    (void)arg;
    snprintf(seen + len, sizeof(seen) - len, "%s %d %s;", d->path, (int)d->ino, wanted);
    return 0;
}

/* As it is after the next start. */
static void check_list(struct registry *r, const char *expected)
{
    struct error e;

    registry_close(r);
    r = open_it();
    seen[0] = '\0';
    ck_assert_int_eq(registry_each(r, see, NULL, &e), 0);
    ck_assert_str_eq(seen, expected);
    registry_close(r);
}

START_TEST(failed_registration_is_not_there)
{
    struct registry *r = open_it();
    struct directory a = directory("/srv/a", 1), b = directory("/srv/b", 2);
    struct error e = {0};

    ck_assert_int_eq(registry_put(r, &a, "*", &e), 0);
    failures = 1;
    ck_assert_int_eq(registry_put(r, &b, "", &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, "disk I/O error"));
    check_list(r, "/srv/a 1 *;");
}
END_TEST

START_TEST(failed_change_leaves_what_was)
{
    struct registry *r = open_it();
    struct directory a = directory("/srv/a", 1), other = directory("/srv/a", 2);
    struct error e = {0};

    ck_assert_int_eq(registry_put(r, &a, "x\ny", &e), 0);
    failures = 1;
    ck_assert_int_eq(registry_put(r, &other, "", &e), ERR_OTHER);
    failures = 1;
    ck_assert_int_eq(registry_set_wanted(r, "/srv/a", "*", &e), ERR_OTHER);
    failures = 1;
    ck_assert_int_eq(registry_remove(r, "/srv/a", &e), ERR_OTHER);
    check_list(r, "/srv/a 1 x\ny;");
    r = open_it();
    ck_assert_int_eq(registry_set_wanted(r, "/srv/a", "*", &e), 0);
    ck_assert_int_eq(registry_set_wanted(r, "/srv/b", "*", &e), ERR_NO_SUCH_APP);
    check_list(r, "/srv/a 1 *;");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("registry");
    TCase *tc = tcase_create("registry");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, install, clean);
    tcase_add_test(tc, failed_registration_is_not_there);
    tcase_add_test(tc, failed_change_leaves_what_was);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
