/* Who is let into the web view, with a clock of our own. What a browser sends is tried in tests/web. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/explore/guard.h"

static struct guard g;

static void setup(void)
{
    ck_assert_int_eq(guard_init(&g, 4321), 0);
}

static void teardown(void)
{
    guard_fini(&g);
}

START_TEST(token_is_good_once)
{
    char token[GUARD_SECRET];

    ck_assert(!guard_take_token(&g, "", 0));
    ck_assert_int_eq(guard_renew(&g, 1000), 0);
    strcpy(token, g.token);
    ck_assert_uint_eq(strlen(token), GUARD_SECRET - 1);
    ck_assert(!guard_take_token(&g, NULL, 1000));
    ck_assert(guard_take_token(&g, token, 1000));
    ck_assert(!guard_take_token(&g, token, 1000));
    ck_assert(!guard_take_token(&g, "", 1000));
}
END_TEST

START_TEST(token_is_good_for_a_while)
{
    char token[GUARD_SECRET];

    guard_renew(&g, 1000);
    strcpy(token, g.token);
    ck_assert(!guard_take_token(&g, token, 1000 + GUARD_TOKEN_MS));
    ck_assert(guard_take_token(&g, token, 1000 + GUARD_TOKEN_MS - 1));
}
END_TEST

START_TEST(new_token_replaces_the_old_one)
{
    char token[GUARD_SECRET];

    guard_renew(&g, 0);
    strcpy(token, g.token);
    guard_renew(&g, 0);
    ck_assert_str_ne(token, g.token);
    ck_assert(!guard_take_token(&g, token, 0));
}
END_TEST

START_TEST(secrets_differ)
{
    struct guard other;

    guard_init(&other, 4321);
    ck_assert_str_ne(g.cookie, g.key);
    ck_assert_str_ne(g.cookie, other.cookie);
    ck_assert_str_ne(g.key, other.key);
    guard_fini(&other);
}
END_TEST

/* %s: the name, %c: the secret. */
static const struct {
    const char *form;
    bool good;
} cookies[] = {
    {"N=S", true},       {"a=b; N=S", true},   {"N=S; a=b", true}, {"N=x; N=S", true},
    {"a=b;N=S", true},   {"", false},          {"N", false},       {"N=", false},
    {"N=Sx", false},     {"xN=S", false},      {"a=N=S", false},   {"N =S", false},
    {";;;;", false},     {"N=S\"", false},     {" N=S", true},     {"n=S", false},
};

START_TEST(cookie_is_found_among_others)
{
    char header[400] = "", *at = header;

    for (const char *p = cookies[_i].form; *p; p++) {
        if (*p == 'N')
            at += sprintf(at, "%s", g.cookie_name);
        else if (*p == 'S')
            at += sprintf(at, "%s", g.cookie);
        else
            *at++ = *p;
    }
    *at = '\0';
    ck_assert_msg(guard_cookie(&g, &(struct guard_request){.cookie = header}) == cookies[_i].good,
                  "%s", cookies[_i].form);
    ck_assert(!guard_cookie(&g, &(struct guard_request){0}));
}
END_TEST

START_TEST(page_needs_all_of_it)
{
    char cookie[200];
    struct guard_request good = {.host = "127.0.0.1:4321", .origin = "http://127.0.0.1:4321", .fetch_site = "same-origin", .cookie = cookie, .key = g.key}, bad;

    snprintf(cookie, sizeof(cookie), "%s=%s", g.cookie_name, g.cookie);
    ck_assert(guard_page(&g, &good));
    bad = good, bad.host = "localhost:4321";
    ck_assert(!guard_page(&g, &bad));
    bad.origin = "http://localhost:4321";
    ck_assert(guard_page(&g, &bad));
    bad = good, bad.host = "127.0.0.1:432";
    ck_assert(!guard_page(&g, &bad));
    bad = good, bad.host = NULL;
    ck_assert(!guard_page(&g, &bad));
    bad = good, bad.origin = NULL;
    ck_assert(!guard_page(&g, &bad));
    bad = good, bad.fetch_site = "same-site";
    ck_assert(!guard_page(&g, &bad));
    bad = good, bad.fetch_site = NULL;
    ck_assert(guard_page(&g, &bad));
    bad = good, bad.cookie = NULL;
    ck_assert(!guard_page(&g, &bad));
    bad = good, bad.key = g.cookie;
    ck_assert(!guard_page(&g, &bad));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("explore_guard");
    TCase *tc = tcase_create("guard");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, token_is_good_once);
    tcase_add_test(tc, token_is_good_for_a_while);
    tcase_add_test(tc, new_token_replaces_the_old_one);
    tcase_add_test(tc, secrets_differ);
    tcase_add_loop_test(tc, cookie_is_found_among_others, 0, sizeof(cookies) / sizeof(cookies[0]));
    tcase_add_test(tc, page_needs_all_of_it);
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
