/* Times to live in a file that somebody else has written. */
#include <stdio.h>

#include "daemon/clock.h"
#include "test_store_env.h"
#include "test_store_suites.h"

static void put_for(struct store *s, const char *key, int64_t ttl_ms)
{
    struct op op = op_set(key, text("v"));

    op.ttl_ms = ttl_ms;
    run(s, &op);
    op_fini(&op);
}

static int sweep(struct store *s)
{
    struct error e = {0};

    ck_assert_msg(store_begin(s, &e) == 0, "%s", e.text);
    int removed = store_sweep(s, 256, &e);
    ck_assert_msg(store_commit(s, &e) == 0, "%s", e.text);
    return removed;
}

static void wait_ms(int64_t ms)
{
    int64_t end = clock_now_ms() + ms;

    while (clock_now_ms() <= end)
        ;
}

/* They are no names that anybody could ask for, and no reason to sweep for ever. */
START_TEST(blobs_in_place_of_names_are_swept_too)
{
    close_store(open_store());
    env_sql("INSERT INTO bobbin_expiry VALUES (x'61', x'62', 1), (x'63', 'k', 2), ('m', x'64', 3)");
    struct store *s = open_store();
    put_for(s, "a", 1);
    wait_ms(2);
    ck_assert_int_eq(sweep(s), 4);
    ck_assert_int_eq(store_next_expiry(s), -1);
    ck_assert_int_eq(sweep(s), 0);
    close_store(s);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 0);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM bobbin_expiry"), 0);
}
END_TEST

/* What is before all times, or no whole number, does not make the others last. */
START_TEST(strange_times_do_not_hide_the_others)
{
    static const char *const times[] = {"-5", "0.5", "'soon'", "x'00'"};
    char sql[200];

    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        close_store(open_store());
        snprintf(sql, sizeof(sql),
                 "DELETE FROM bobbin_expiry; INSERT INTO bobbin_expiry"
                 " VALUES ('default', 'strange', %s)",
                 times[i]);
        env_sql(sql);
        struct store *s = open_store();
        ck_assert_int_ge(store_next_expiry(s), 0);
        put_for(s, "a", 1);
        close_store(s);
        wait_ms(2);
        s = open_store();
        check_get(s, "a", NULL);
        close_store(s);
    }
}
END_TEST

/* The file has seen a time so late that what it says of the next one is before all times. */
START_TEST(next_time_is_one_however_late_the_file)
{
    close_store(open_store());
    env_sql("INSERT INTO spin_key_value VALUES ('default', 'a', 'v');"
            "INSERT INTO bobbin_expiry VALUES ('default', 'a', 2000000000000);"
            "UPDATE bobbin_meta SET value = 9000000000000 WHERE name = 'time_ms'");
    struct store *s = open_store();
    check_get(s, "a", NULL);
    ck_assert_int_ge(store_next_expiry(s), 0);
    ck_assert_int_eq(sweep(s), 1);
    ck_assert_int_eq(store_next_expiry(s), -1);
    close_store(s);
}
END_TEST

/* What is there no more does not stand in the way of what comes, swept or not. */
START_TEST(quota_has_room_for_what_has_expired)
{
    struct store *s = open_store();
    struct op op;

    store_set_quota(s, 0, 2);
    put_for(s, "a", 1);
    put_for(s, "b", 600000);
    wait_ms(2);
    put(s, "c", "v");
    run_refused(s, op_set("d", text("v")), ERR_QUOTA_EXCEEDED, "2");
    check_get(s, "a", NULL);
    store_set_quota(s, 4, 0);
    run_refused(s, op_set("d", text("v")), ERR_QUOTA_EXCEEDED, "4");
    put_for(s, "b", 1);
    wait_ms(2);
    /* The same key is not counted twice. */
    op = op_set("b", text("xxx"));
    run_refused(s, op, ERR_QUOTA_EXCEEDED, "4");
    put(s, "b", "x");
    close_store(s);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM spin_key_value"), 2);
    ck_assert_int_eq(env_sql_int("SELECT count(*) FROM bobbin_expiry"), 0);
}
END_TEST

Suite *store_expiry_suite(void)
{
    Suite *suite = suite_create("store_expiry");
    TCase *tc = tcase_create("expiry");

    tcase_add_checked_fixture(tc, env_setup, env_teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, blobs_in_place_of_names_are_swept_too);
    tcase_add_test(tc, strange_times_do_not_hide_the_others);
    tcase_add_test(tc, next_time_is_one_however_late_the_file);
    tcase_add_test(tc, quota_has_room_for_what_has_expired);
    suite_add_tcase(suite, tc);
    return suite;
}
