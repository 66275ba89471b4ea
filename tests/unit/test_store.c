/* One operation at a time: what is written is read, and by Spin as well. */
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "test_store_env.h"
#include "test_store_suites.h"

START_TEST(fresh_store_is_empty_and_spins)
{
    struct store *s = open_store();

    check_get(s, "a", NULL);
    close_store(s);
    env_check_plain();
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 0);
    env_sql(SPIN_SQL);
}
END_TEST

START_TEST(what_is_set_can_be_got_and_deleted)
{
    struct store *s = open_store();

    put(s, "a", "one");
    put(s, "a", "two");
    put(s, "b", "three");
    check_get(s, "a", "two");
    struct op op = op_delete("a");
    run(s, &op);
    op_fini(&op);
    run(s, &op);
    op_fini(&op);
    check_get(s, "a", NULL);
    check_get(s, "b", "three");
    close_store(s);
    s = open_store();
    check_get(s, "b", "three");
    close_store(s);
}
END_TEST

static bool exists(struct store *s, const char *key)
{
    struct op op = op_get(key);
    bool found;

    op.kind = OP_EXISTS;
    run(s, &op);
    struct reader r = reader_of(op.result.data, op.result.len);
    ck_assert_int_eq(reader_bool(&r, &found), 0);
    op_fini(&op);
    return found;
}

START_TEST(empty_value_is_not_an_absent_one)
{
    struct store *s = open_store();

    struct op op = op_set("empty", (struct slice){.data = NULL, .len = 0});
    run(s, &op);
    op_fini(&op);
    check_get(s, "empty", "");
    ck_assert(exists(s, "empty"));
    ck_assert(!exists(s, "absent"));
    close_store(s);
    ck_assert_int_eq(env_sql_int("SELECT typeof(value) = 'blob' AND length(value) = 0"
                                 " FROM spin_key_value"),
                     1);
}
END_TEST

static void check_round_trip(struct store *s, struct slice key, struct slice value)
{
    struct op set = op_set(NULL, value);
    struct op get = op_get(NULL);
    struct slice got;

    set.key = get.key = key;
    run(s, &set);
    run(s, &get);
    struct reader r = reader_of(get.result.data, get.result.len);
    ck_assert_int_eq(reader_bytes(&r, &got), 0);
    ck_assert_uint_eq(got.len, value.len);
    ck_assert_int_eq(memcmp(got.data, value.data, value.len), 0);
    op_fini(&set);
    op_fini(&get);
}

START_TEST(keys_and_values_may_hold_any_bytes)
{
    struct store *s = open_store();
    const struct slice keys[] = {
        {"a\0b", 3}, {"a\0c", 3}, {"a", 1}, {"", 0}, {"\xc3\xa4\xf0\x9f\x98\x80", 6}};
    const struct slice values[] = {
        {"\0\0\xff", 3}, {"x\0y", 3}, {"\xfe\xed", 2}, {"'; DROP", 7}, {"\xc3\xa4", 2}};

    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < 5; i++)
            check_round_trip(s, keys[i], values[(i + (unsigned)round) % 5]);
    close_store(s);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 5);
}
END_TEST

START_TEST(large_values_up_to_the_limit)
{
    struct store *s = open_store();
    char *bytes = malloc(LIMIT_VALUE + 1);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i <= LIMIT_VALUE; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    check_round_trip(s, text("1 MiB"), (struct slice){bytes, 1 << 20});
    check_round_trip(s, text("16 MiB"), (struct slice){bytes, LIMIT_VALUE});
    run_refused(s, op_set("more", (struct slice){bytes, LIMIT_VALUE + 1}), ERR_TOO_LARGE,
                "exceeds limit");
    check_get(s, "more", NULL);
    free(bytes);
    close_store(s);
    env_check_plain();
}
END_TEST

START_TEST(keys_are_limited_when_written_only)
{
    struct store *s = open_store();
    char key[LIMIT_KEY + 2];

    memset(key, 'k', sizeof(key));
    key[LIMIT_KEY + 1] = '\0';
    run_refused(s, op_set(key, text("v")), ERR_TOO_LARGE, "exceeds limit");
    check_get(s, key, NULL);
    key[LIMIT_KEY] = '\0';
    put(s, key, "v");
    check_get(s, key, "v");
    close_store(s);
}
END_TEST

START_TEST(spins_own_file_is_used_in_place)
{
    env_sql(SPIN_SQL ";"
                     "INSERT INTO spin_key_value VALUES ('default', 'a', x'00ff'),"
                     " ('default', 'text', 'as text'), ('default', 'number', 42),"
                     " ('other', 'a', 'of other')");
    struct store *s = open_store();
    check_get(s, "text", "as text");
    check_get(s, "number", "42");
    struct op op = op_get("a");
    op.label = text("other");
    run(s, &op);
    check_value(&op, "of other");
    put(s, "new", "value");
    struct op gone = op_delete("text");
    run(s, &gone);
    op_fini(&gone);
    close_store(s);
    env_check_plain();
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 4);
    ck_assert_int_eq(env_sql_int("SELECT value = x'00ff' FROM spin_key_value"
                                 " WHERE store = 'default' AND key = 'a'"),
                     1);
    ck_assert_int_eq(env_sql_int("SELECT value = CAST('value' AS BLOB) FROM spin_key_value"
                                 " WHERE key = 'new'"),
                     1);
}
END_TEST

START_TEST(values_beyond_an_answer_are_refused_but_replaced)
{
    env_sql(SPIN_SQL ";"
                     "INSERT INTO spin_key_value VALUES"
                     " ('default', 'fits', zeroblob(134217728)),"
                     " ('default', 'over', zeroblob(134217729)),"
                     " ('default', 'far over', zeroblob(140000000))");
    struct store *s = open_store();
    struct op op = op_get("fits");
    run(s, &op);
    ck_assert_uint_eq(op.result.len, LIMIT_RESULT + 5);
    op_fini(&op);
    const char *text = "query result exceeds limit of 134217728 bytes";
    run_refused(s, op_get("over"), ERR_TOO_LARGE, text);
    run_refused(s, op_get("far over"), ERR_TOO_LARGE, text);
    put(s, "far over", "small");
    check_get(s, "far over", "small");
    op = op_delete("over");
    run(s, &op);
    op_fini(&op);
    check_get(s, "over", NULL);
    close_store(s);
}
END_TEST

START_TEST(label_rules)
{
    static const struct {
        enum op_label_rule rule;
        const char *label;
        int status;
    } cases[] = {
        {LABEL_GRANTED, "held", 0},
        {LABEL_GRANTED, "absent", 0},
        {LABEL_IF_PRESENT, "held", 0},
        {LABEL_IF_PRESENT, "absent", ERR_NO_SUCH_STORE},
        {LABEL_IF_PRESENT, "hel", ERR_NO_SUCH_STORE},
        {LABEL_REFUSED, "held", ERR_ACCESS_DENIED},
        {LABEL_REFUSED, "absent", ERR_NO_SUCH_STORE},
    };
    env_sql(SPIN_SQL "; INSERT INTO spin_key_value VALUES ('held', 'k', 'v')");
    struct store *s = open_store();

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct op op = op_get("none");
        op.label = text(cases[i].label);
        op.label_rule = cases[i].rule;
        if (cases[i].status) {
            run_refused(s, op, cases[i].status, cases[i].label);
            op.kind = OP_SET;
            run_refused(s, op, cases[i].status, cases[i].label);
        } else {
            run(s, &op);
            check_value(&op, NULL);
        }
    }
    close_store(s);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 1);
}
END_TEST

START_TEST(rollback_undoes_the_whole_batch)
{
    struct store *s = open_store();
    struct error e;
    struct op first = op_set("a", text("new"));
    struct op second = op_set("b", text("new"));

    put(s, "a", "old");
    ck_assert_int_eq(store_begin(s, &e), 0);
    store_run(s, &first);
    store_run(s, &second);
    check_get(s, "b", "new");
    store_rollback(s);
    check_get(s, "a", "old");
    check_get(s, "b", NULL);
    op_fini(&first);
    op_fini(&second);
    close_store(s);
}
END_TEST

static Suite *store_suite(void)
{
    Suite *suite = suite_create("store");
    TCase *tc = tcase_create("operations");

    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, fresh_store_is_empty_and_spins);
    tcase_add_test(tc, what_is_set_can_be_got_and_deleted);
    tcase_add_test(tc, empty_value_is_not_an_absent_one);
    tcase_add_test(tc, keys_and_values_may_hold_any_bytes);
    tcase_add_test(tc, large_values_up_to_the_limit);
    tcase_add_test(tc, keys_are_limited_when_written_only);
    tcase_add_test(tc, spins_own_file_is_used_in_place);
    tcase_add_test(tc, values_beyond_an_answer_are_refused_but_replaced);
    tcase_add_test(tc, label_rules);
    tcase_add_test(tc, rollback_undoes_the_whole_batch);
    suite_add_tcase(suite, tc);
    return suite;
}

int main(void)
{
    SRunner *runner = srunner_create(store_suite());

    srunner_add_suite(runner, store_list_suite());
    srunner_add_suite(runner, store_file_suite());
    srunner_add_suite(runner, store_crash_suite());
    srunner_add_suite(runner, store_early_suite());
    srunner_add_suite(runner, store_expiry_suite());
    srunner_add_suite(runner, store_fault_suite());
    srunner_add_suite(runner, store_numbers_suite());
    srunner_add_suite(runner, store_restore_suite());
    srunner_add_suite(runner, store_fold_suite());
    srunner_add_suite(runner, store_held_suite());
    srunner_add_suite(runner, store_backup_suite());
    srunner_add_suite(runner, store_checkpoint_suite());
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
