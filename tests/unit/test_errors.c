/* The list of errors. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/errors.h"

static const int codes[] = {
#define X(id, number, name, text, retry) ERR_##id,
    ERROR_LIST(X)
#undef X
};

#define CODE_COUNT (sizeof(codes) / sizeof(codes[0]))

START_TEST(names_are_unique_words)
{
    for (size_t i = 0; i < CODE_COUNT; i++) {
        const char *name = error_name(codes[i]);
        ck_assert_uint_gt(strlen(name), 0);
        ck_assert_uint_eq(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        ck_assert_uint_gt(strlen(error_text(codes[i])), 0);
        for (size_t k = 0; k < i; k++) {
            ck_assert_str_ne(name, error_name(codes[k]));
            ck_assert_int_ne(codes[i], codes[k]);
        }
    }
}
END_TEST

START_TEST(names_lead_back_to_their_codes)
{
    for (size_t i = 0; i < CODE_COUNT; i++) {
        const char *name = error_name(codes[i]);
        ck_assert_int_eq(error_from_name(name, strlen(name)), codes[i]);
    }
}
END_TEST

START_TEST(other_names_are_other)
{
    ck_assert_int_eq(error_from_name("", 0), ERR_OTHER);
    ck_assert_int_eq(error_from_name("no-such-thing", 13), ERR_OTHER);
    ck_assert_int_eq(error_from_name("busy", 3), ERR_OTHER);
    ck_assert_int_eq(error_from_name("busybee", 7), ERR_OTHER);
    ck_assert_int_eq(error_from_name("busybee", 4), ERR_BUSY);
    ck_assert_int_eq(error_from_name("busy\0", 5), ERR_OTHER);
}
END_TEST

START_TEST(codes_that_are_not_in_the_list_are_other)
{
    static const int strange[] = {0, 1, ERR_LAST - 1, 1000, -1000};
    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
        ck_assert_str_eq(error_name(strange[i]), "other");
        ck_assert_str_eq(error_text(strange[i]), error_text(ERR_OTHER));
        ck_assert(!error_retriable(strange[i]));
    }
}
END_TEST

START_TEST(only_what_passes_may_be_retried)
{
    for (size_t i = 0; i < CODE_COUNT; i++)
        ck_assert_int_eq(error_retriable(codes[i]), codes[i] == ERR_BUSY ||
                                                        codes[i] == ERR_SHUTTING_DOWN ||
                                                        codes[i] == ERR_STALE);
}
END_TEST

START_TEST(set_formats_and_returns_the_code)
{
    struct error e = {0};
    ck_assert_int_eq(error_set(&e, ERR_NO_SUCH_APP, "no app '%s' (%d)", "counter", 7),
                     ERR_NO_SUCH_APP);
    ck_assert_int_eq(e.code, ERR_NO_SUCH_APP);
    ck_assert_str_eq(e.text, "no app 'counter' (7)");
}
END_TEST

START_TEST(set_never_leaves_the_text_empty)
{
    struct error e = {0};
    ck_assert_int_eq(error_set(&e, ERR_BUSY, "%s", ""), ERR_BUSY);
    ck_assert_str_eq(e.text, error_text(ERR_BUSY));
}
END_TEST

START_TEST(set_cuts_a_long_text)
{
    struct error e;
    char text[2000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    ck_assert_int_eq(error_set(&e, ERR_OTHER, "%s", text), ERR_OTHER);
    ck_assert_uint_eq(strlen(e.text), sizeof(e.text) - 1);
}
END_TEST

START_TEST(set_works_without_a_place_for_the_text)
{
    ck_assert_int_eq(error_set(NULL, ERR_TOO_LARGE, "%d", 1), ERR_TOO_LARGE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("errors");
    TCase *tc = tcase_create("errors");
    tcase_add_test(tc, names_are_unique_words);
    tcase_add_test(tc, names_lead_back_to_their_codes);
    tcase_add_test(tc, other_names_are_other);
    tcase_add_test(tc, codes_that_are_not_in_the_list_are_other);
    tcase_add_test(tc, only_what_passes_may_be_retried);
    tcase_add_test(tc, set_formats_and_returns_the_code);
    tcase_add_test(tc, set_never_leaves_the_text_empty);
    tcase_add_test(tc, set_cuts_a_long_text);
    tcase_add_test(tc, set_works_without_a_place_for_the_text);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
