/* The numbers of commits and the log of changes, where not all of a file's history is ours. */
#include <stdio.h>

#include "protocol/limits.h"
#include "test_store_env.h"
#include "test_store_suites.h"

/* One commit of so many changes. */
static void put_many(struct store *s, unsigned count)
{
    struct error e = {0};
    char key[16];

    ck_assert_msg(store_begin(s, &e) == 0, "%s", e.text);
    for (unsigned i = 0; i < count; i++) {
        snprintf(key, sizeof(key), "%u", i);
        struct op op = op_set(key, text("v"));
        store_run(s, &op);
        ck_assert_msg(op.status == 0, "%s", op.error);
        op_fini(&op);
    }
    ck_assert_msg(store_commit(s, &e) == 0, "%s", e.text);
}

static int changes_since(struct store *s, uint64_t since)
{
    struct op op;

    op_init(&op, OP_CHANGES, NULL);
    op.label = text("default");
    op.since = since;
    store_run(s, &op);
    int status = op.status;
    op_fini(&op);
    return status;
}

/* What was logged before somebody else wrote the file is forgotten, whatever is forgotten later. */
START_TEST(log_does_not_reach_back_behind_somebody_else)
{
    struct store *s = open_store();
    uint64_t before, floor;

    for (unsigned i = 0; i < 10; i++)
        put_many(s, LIMIT_LOG_CHANGES / 10 - 1);
    before = store_commit_number(s);
    ck_assert_int_eq(changes_since(s, before - 5), 0);
    close_store(s);
    env_sql("UPDATE spin_key_value SET value = x'00'");
    s = open_store();
    floor = store_commit_number(s);
    ck_assert_uint_gt(floor, before);
    ck_assert_int_eq(changes_since(s, before), ERR_COMPACTED);
    for (unsigned i = 0; i < 8; i++) {
        put_many(s, LIMIT_LOG_CHANGES / 10 - 1);
        ck_assert_int_eq(changes_since(s, before), ERR_COMPACTED);
        ck_assert_int_eq(changes_since(s, floor), 0);
    }
    close_store(s);
}
END_TEST

Suite *store_numbers_suite(void)
{
    Suite *suite = suite_create("store_numbers");
    TCase *tc = tcase_create("numbers");

    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, log_does_not_reach_back_behind_somebody_else);
    suite_add_tcase(suite, tc);
    return suite;
}
