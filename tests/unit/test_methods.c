/* The list of methods. */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/methods.h"

START_TEST(every_method_is_found_by_its_name)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        const char *name = method_table[i].name;
        ck_assert_uint_eq(method_find(name, strlen(name)), i);
        ck_assert_uint_le(strlen(name), LIMIT_METHOD);
        for (unsigned k = 0; k < i; k++)
            ck_assert_str_ne(name, method_table[k].name);
    }
}
END_TEST

START_TEST(the_table_stands_in_the_order_of_the_list)
{
    ck_assert_str_eq(method_table[METHOD_HELLO].name, "hello");
    ck_assert_str_eq(method_table[METHOD_GET].name, "get");
    ck_assert_str_eq(method_table[METHOD_APP_STOP].name, "app.stop");
    ck_assert_int_eq(method_table[METHOD_SET].access, METHOD_ATTACHED);
    ck_assert_uint_eq(method_table[METHOD_SET].min_params, 3);
    ck_assert_uint_eq(method_table[METHOD_SET].max_params, 4);
}
END_TEST

/* How many params a shape such as "[store, {a, b}?]" speaks of, with and without those marked "?".
 */
static void count_params(const char *shape, unsigned *ret_min, unsigned *ret_max)
{
    unsigned depth = 0, min = 0, max = 0;
    for (const char *p = shape; *p != '\0'; p++) {
        bool ends = (*p == ',' && depth == 1) || (*p == ']' && depth == 1);
        if (ends && p[-1] != '[') {
            max++;
            min += p[-1] != '?';
        }
        depth += *p == '[' || *p == '{';
        depth -= *p == ']' || *p == '}';
    }
    ck_assert_uint_eq(depth, 0);
    *ret_min = min;
    *ret_max = max;
}

START_TEST(shapes_and_counts_agree)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        unsigned min, max;
        count_params(method_table[i].params, &min, &max);
        ck_assert_msg(min == method_table[i].min_params && max == method_table[i].max_params, "%s",
                      method_table[i].name);
        ck_assert_uint_gt(strlen(method_table[i].result), 0);
    }
}
END_TEST

START_TEST(other_names_are_not_found)
{
    ck_assert_uint_eq(method_find("", 0), METHOD_COUNT);
    ck_assert_uint_eq(method_find("GET", 3), METHOD_COUNT);
    ck_assert_uint_eq(method_find("get", 2), METHOD_COUNT);
    ck_assert_uint_eq(method_find("get\0", 4), METHOD_COUNT);
    ck_assert_uint_eq(method_find("getx", 3), METHOD_GET);
    ck_assert_uint_eq(method_find("app.", 4), METHOD_COUNT);
    ck_assert_uint_eq(method_find("changed", 7), METHOD_COUNT);
}
END_TEST

/* What takes an app says so before it takes a store. */
START_TEST(methods_of_a_store_need_an_app)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        const struct method_info *m = &method_table[i];
        if (strncmp(m->params, "[store,", 7) == 0)
            ck_assert_msg(method_needs_app(m->access) && !method_is_for_peers(m->access), "%s",
                          m->name);
        if (strncmp(m->name, "app.", 4) == 0)
            ck_assert_msg(method_is_for_peers(m->access), "%s", m->name);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("methods");
    TCase *tc = tcase_create("methods");
    tcase_add_test(tc, every_method_is_found_by_its_name);
    tcase_add_test(tc, the_table_stands_in_the_order_of_the_list);
    tcase_add_test(tc, shapes_and_counts_agree);
    tcase_add_test(tc, other_names_are_not_found);
    tcase_add_test(tc, methods_of_a_store_need_an_app);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
