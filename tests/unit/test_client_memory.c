/* Every allocation of the library fails once: the call says so, nothing leaks, nothing crashes. */
#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test_client_peer.h"

/* The linker sends every allocation of library and test here (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *p, size_t size);

static int left = -1; /* allocations that succeed before one fails; negative: all do */
static bool injected; /* whether one did */

static bool fails(void)
{
    bool now = left >= 0 && left-- == 0;
    injected |= now;
    return now;
}

static void fail_after(int successes)
{
    left = successes;
    injected = false;
}

/* The test's own allocations succeed: to be called before anything is checked. */
static bobbin_status checked(bobbin_status status)
{
    left = -1;
    return status;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fails() ? NULL : __real_realloc(p, size);
}

static bobbin_status do_get(bobbin *b)
{
    void *value = NULL;
    size_t len;
    bobbin_status status = checked(bobbin_get(b, "default", "key", 3, &value, &len));
    ck_assert((status == BOBBIN_OK) == (value != NULL));
    bobbin_free(value);
    return status;
}

static bobbin_status do_set(bobbin *b)
{
    static char value[100000];
    return checked(bobbin_set(b, "default", "key", 3, value, sizeof(value)));
}

static bobbin_status do_keys(bobbin *b)
{
    bobbin_key_page *page = NULL;
    bobbin_status status = checked(bobbin_keys(b, "default", NULL, &page));
    ck_assert((status == BOBBIN_OK) == (page != NULL));
    bobbin_key_page_free(page);
    return status;
}

static bobbin_status do_attach(bobbin *b)
{
    return checked(bobbin_attach(b, "app"));
}

static bobbin_status do_list(bobbin *b)
{
    bobbin_app_list *list = NULL;
    bobbin_status status = checked(bobbin_app_list_get(b, &list));
    ck_assert((status == BOBBIN_OK) == (list != NULL));
    bobbin_app_list_free(list);
    return status;
}

static bobbin_status do_status(bobbin *b)
{
    bobbin_app_status *s = NULL;
    bobbin_status status = checked(bobbin_app_start(b, "app", "c", &s));
    ck_assert((status == BOBBIN_OK) == (s != NULL));
    bobbin_app_status_free(s);
    return status;
}

static bobbin_status do_get_many(bobbin *b)
{
    static const bobbin_string keys[] = {{"a", 1}, {"b", 1}};
    bobbin_values *values = NULL;
    bobbin_status status = checked(bobbin_get_many(b, "default", keys, 2, &values));
    ck_assert((status == BOBBIN_OK) == (values != NULL));
    bobbin_values_free(values);
    return status;
}

static bobbin_status do_entries(bobbin *b)
{
    bobbin_entry_page *page = NULL;
    bobbin_status status = checked(bobbin_entries(b, "default", NULL, &page));
    ck_assert((status == BOBBIN_OK) == (page != NULL));
    bobbin_entry_page_free(page);
    return status;
}

static bobbin_status do_swap(bobbin *b)
{
    void *current = NULL;
    size_t len;
    bool swapped;
    bobbin_status status =
        checked(bobbin_swap(b, "default", "key", 3, "a", 1, "b", 1, &swapped, &current, &len));
    ck_assert((status == BOBBIN_OK) == (current != NULL));
    bobbin_free(current);
    return status;
}

static bobbin_status do_watch(bobbin *b)
{
    uint64_t id;
    return checked(bobbin_watch(b, "default", NULL, &id));
}

static bobbin_status do_stats(bobbin *b)
{
    bobbin_stats *stats = NULL;
    bobbin_status status = checked(bobbin_stats_get(b, NULL, &stats));
    ck_assert((status == BOBBIN_OK) == (stats != NULL));
    bobbin_stats_free(stats);
    return status;
}

/* How the submitted request ended; BOBBIN_MISUSE: not yet. */
static bobbin_status submitted;
static char submitted_error[100];

static void on_result(void *arg, const bobbin_result *result)
{
    (void)arg;
    left = -1;
    submitted = result->status;
    snprintf(submitted_error, sizeof(submitted_error), "%s", result->error);
}

static bobbin_status do_submit(bobbin *b)
{
    const bobbin_request q = {.kind = BOBBIN_REQUEST_GET, .store = "s", .key = {"k", 1}};
    submitted = BOBBIN_MISUSE;
    submitted_error[0] = '\0';
    bobbin_status status = bobbin_submit(b, &q, 0, on_result, NULL, NULL);
    if (status != BOBBIN_OK) {
        ck_assert_int_eq(submitted, BOBBIN_MISUSE);
        return checked(status);
    }
    while (submitted == BOBBIN_MISUSE)
        bobbin_process(b, POLLIN | POLLOUT);
    if (submitted == BOBBIN_NO_MEMORY) {
        ck_assert_ptr_nonnull(strstr(submitted_error, "out of memory"));
    }
    return checked(submitted);
}

#define APP                                                                                        \
    "{\"name\": \"a\", \"directory\": \"/a\", \"wanted\": \"running\", \"components\": "           \
    "[{\"id\": \"c\", \"state\": \"running\", \"reason\": \"because\"}]}"

static const struct {
    bobbin_status (*call)(bobbin *b);
    const char *result;
} calls[] = {
    {do_get, "[b\"value\", 1]"},
    {do_set, "[nil, 1]"},
    {do_keys, "[[[\"a\", \"b\", \"c\"], b\"c\"], 1]"},
    {do_get_many, "[[b\"value\", nil], 1]"},
    {do_entries, "[[[[\"a\", b\"v\"], [\"b\", b\"v\"]], b\"b\"], 1]"},
    {do_swap, "[[false, b\"value\"], 1]"},
    {do_watch, "9"},
    {do_stats, "{\"a\": 1, \"b\": {\"c\": \"text\"}}"},
    {do_submit, "[b\"value\", 1]"},
    {do_attach, PEER_SESSION},
    {do_list, "[" APP ", " APP "]"},
    {do_status, APP},
};

START_TEST(call_survives_each_failure)
{
    int failures = 0;
    for (bobbin_status status = BOBBIN_NO_MEMORY; status != BOBBIN_OK; failures++) {
        struct peer p;
        ck_assert_int_lt(failures, 50);
        peer_setup(&p);
        peer_result(&p, calls[_i].result);
        fail_after(failures);
        status = calls[_i].call(p.b);
        ck_assert(injected == (status != BOBBIN_OK));
        if (injected) {
            ck_assert(status == BOBBIN_NO_MEMORY || status == BOBBIN_DISCONNECTED);
            ck_assert_ptr_nonnull(strstr(calls[_i].call == do_submit && submitted_error[0]
                                             ? submitted_error
                                             : bobbin_error(p.b),
                                         "out of memory"));
        }
        peer_teardown(&p);
    }
    ck_assert_int_gt(failures, 1);
}
END_TEST

START_TEST(request_that_was_not_sent_can_be_repeated)
{
    struct peer p;
    peer_setup(&p);
    fail_after(0);
    ck_assert_int_eq(do_set(p.b), BOBBIN_NO_MEMORY);
    p.id++; /* the number is used up */
    peer_result(&p, "\"pong\"");
    ck_assert_int_eq(bobbin_ping(p.b), BOBBIN_OK);
    peer_expect(&p, "[\"ping\", []]");
    peer_teardown(&p);
}
END_TEST

/* A change for which there is no memory ends its watch and nothing else. */
START_TEST(change_without_memory_ends_the_watch)
{
    struct peer p;
    uint64_t id;
    bobbin_change *c;
    peer_setup(&p);
    peer_result(&p, "5");
    ck_assert_int_eq(bobbin_watch(p.b, "default", NULL, &id), BOBBIN_OK);
    peer_send(&p, "[2, \"changed\", [5, 7, \"a\", \"set\", b\"value\"]]");
    fail_after(0);
    ck_assert_int_eq(checked(bobbin_next_change(p.b, 0, &c)), BOBBIN_OK);
    ck_assert(injected);
    ck_assert_ptr_nonnull(c);
    ck_assert_int_eq(c->kind, BOBBIN_CHANGE_OVERFLOW);
    ck_assert_uint_eq(c->commit, 6);
    bobbin_change_free(c);
    peer_teardown(&p);
}
END_TEST

START_TEST(connect_survives_each_failure)
{
    int failures = 0;
    for (bobbin_status status = BOBBIN_NO_MEMORY; status != BOBBIN_OK; failures++) {
        struct peer p;
        int fd = peer_pair(&p);
        ck_assert_int_lt(failures, 50);
        peer_send(&p, "[1, 1, nil, " PEER_SESSION "]");
        fail_after(failures);
        status = checked(bobbin_connect_fd(fd, &p.b));
        ck_assert((failures == 0) == (p.b == NULL));
        if (status != BOBBIN_OK)
            ck_assert_ptr_nonnull(strstr(bobbin_error(p.b), "out of memory"));
        peer_teardown(&p);
        /* The descriptor was the handle's in any case. */
        ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
    }
    ck_assert_int_gt(failures, 3);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("memory");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, call_survives_each_failure, 0, (int)(sizeof(calls) / sizeof(calls[0])));
    tcase_add_test(tc, request_that_was_not_sent_can_be_repeated);
    tcase_add_test(tc, change_without_memory_ends_the_watch);
    tcase_add_test(tc, connect_survives_each_failure);

    Suite *s = suite_create("client memory");
    suite_add_tcase(s, tc);
    SRunner *sr = srunner_create(s);
    srunner_run_all(sr, CK_NORMAL);
    int failed = srunner_ntests_failed(sr);
    srunner_free(sr);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
