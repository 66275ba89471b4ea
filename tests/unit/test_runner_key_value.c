/* The key/value imports against a library that answers what the test wants: what ends up in the
 * program's memory, and what is a trap. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/runner/canonical.h"
#include "client/runner/key_value.h"
#include "client/runner/stores.h"
#include "tests/unit/test_runner_fake_guest.h"
#include "tests/unit/test_runner_fake_library.h"

/* The tests. In the program's memory: a label at 0, a key at 16, the result at RET. */

#define RET 64u
static struct host h;
static uint32_t store, store_1; /* of version 2 and of version 1 */

static uint32_t word(unsigned offset)
{
    return host_load32(fake_guest.memory + RET + offset);
}

static uint8_t byte(unsigned offset)
{
    return fake_guest.memory[RET + offset];
}

static void setup(void)
{
    fake_library = (struct fake_library){0};
    fake_guest_init(&h);
    unsetenv("BOBBIN_FD");
    unsetenv("BOBBIN_APP_DIR");
    h.stores = stores_new();
    memcpy(fake_guest.memory, "default", 7);
    memcpy(fake_guest.memory + 16, "key", 3);
    memset(fake_guest.memory + RET, 0xff, 16);
    key_value_2_open(&h, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 0);
    store = word(4);
    key_value_1_open(&h, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 0);
    store_1 = word(4);
}

static void teardown(void)
{
    stores_free(h.stores);
    fake_guest_fini();
}

START_TEST(connects_once_and_only_when_needed)
{
    struct stores *fresh = stores_new();
    ck_assert_uint_eq(fake_library.connected, 1);
    stores_free(fresh);
    key_value_2_exists(&h, store, 16, 3, RET);
    ck_assert_uint_eq(fake_library.connected, 1);
    fake_library.status = BOBBIN_DISCONNECTED;
    key_value_2_exists(&h, store, 16, 3, RET);
    ck_assert_uint_eq(fake_library.closed, 1);
    fake_library.status = BOBBIN_OK;
    key_value_2_exists(&h, store, 16, 3, RET);
    ck_assert_uint_eq(fake_library.connected, 2);
    ck_assert_uint_eq(byte(0), 0);
}
END_TEST

START_TEST(get_in_both_versions)
{
    fake_library.value = "value", fake_library.value_len = 5;
    key_value_1_get(&h, store_1, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(word(8), 5);
    ck_assert_int_eq(memcmp(fake_guest.memory + word(4), "value", 5), 0);
    key_value_2_get(&h, store, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(byte(4), 1);
    ck_assert_uint_eq(word(12), 5);
    ck_assert_int_eq(memcmp(fake_guest.memory + word(8), "value", 5), 0);
    ck_assert_str_eq(fake_library.last_store, "default");
    fake_library.value = NULL;
    key_value_1_get(&h, store_1, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), 4);
    key_value_2_get(&h, store, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(byte(4), 0);
}
END_TEST

START_TEST(exists_is_one_byte)
{
    fake_library.value = "";
    key_value_1_exists(&h, store_1, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(byte(4), 1);
    fake_library.value = NULL;
    key_value_2_exists(&h, store, 16, 3, RET);
    ck_assert_uint_eq(byte(4), 0);
}
END_TEST

START_TEST(errors_as_variants)
{
    static const struct {
        bobbin_status status;
        uint8_t first, second; /* discriminants in version 1 and 2 */
    } cases[] = {
        {BOBBIN_STORE_TABLE_FULL, 0, 0}, {BOBBIN_NO_SUCH_STORE, 1, 1}, {BOBBIN_ACCESS_DENIED, 2, 2},
        {BOBBIN_TOO_LARGE, 5, 3},        {BOBBIN_OTHER, 5, 3},
    };
    fake_library.status = cases[_i].status;
    key_value_1_set(&h, store_1, 16, 3, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), cases[_i].first);
    key_value_2_delete(&h, store, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), cases[_i].second);
    if (cases[_i].second == 3) {
        ck_assert_uint_eq(word(12), 10);
        ck_assert_int_eq(memcmp(fake_guest.memory + word(8), "the reason", 10), 0);
    }
}
END_TEST

START_TEST(keys_of_all_pages)
{
    fake_library.pages = 3, fake_library.key_len = 8;
    key_value_2_get_keys(&h, store, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(word(8), 3);
    for (unsigned i = 0; i < 3; i++) {
        const uint8_t *element = fake_guest.memory + word(4) + 8 * i;
        ck_assert_uint_eq(host_load32(element + 4), 8);
        ck_assert_int_eq(memcmp(fake_guest.memory + host_load32(element), "abcdefgh", 8), 0);
    }
    fake_library.pages = 0;
    key_value_1_get_keys(&h, store_1, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(word(8), 0);
}
END_TEST

START_TEST(too_many_keys)
{
    fake_library.pages = 4, fake_library.key_len = 40u << 20;
    key_value_2_get_keys(&h, store, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), 3);
    static const char text[] = "query result exceeds limit of 134217728 bytes";
    ck_assert_uint_eq(word(12), sizeof(text) - 1);
    ck_assert_int_eq(memcmp(fake_guest.memory + word(8), text, sizeof(text) - 1), 0);
}
END_TEST

START_TEST(stores_have_a_limit)
{
    for (unsigned i = 2; i < STORES_MAX; i++) {
        key_value_1_open(&h, 0, 7, RET);
        ck_assert_uint_eq(byte(0), 0);
    }
    key_value_1_open(&h, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), 0);
    key_value_1_close(&h, store_1);
    key_value_2_open(&h, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(word(4), store_1);
}
END_TEST

/* Of the other interface they are not known. */
START_TEST(handles_are_of_one_interface)
{
    fake_library.value = "";
    key_value_1_exists(&h, store, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), 3);
    key_value_1_close(&h, store);
    key_value_2_exists(&h, store, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 0);
}
END_TEST

/* As in Spin, whether or not there is such a store. */
START_TEST(what_a_component_is_not_granted)
{
    fake_library.component = "api";
    fake_library.status = _i == 0 ? BOBBIN_NO_SUCH_STORE : BOBBIN_ACCESS_DENIED;
    key_value_2_open(&h, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), 2);
    key_value_1_open(&h, 0, 0, RET);
    ck_assert_uint_eq(byte(4), 2);
}
END_TEST

START_TEST(labels_that_cannot_be)
{
    key_value_2_open(&h, 0, 0, RET);
    ck_assert_uint_eq(byte(4), 1);
    key_value_2_open(&h, 0, 8, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), 1);
    memset(fake_guest.memory + 512, 'l', 257);
    key_value_1_open(&h, 512, 257, RET);
    ck_assert_uint_eq(byte(4), 1);
}
END_TEST

START_TEST(closed_stores_of_version_1)
{
    key_value_1_close(&h, store_1);
    key_value_1_close(&h, store_1);
    key_value_1_get(&h, store_1, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), 3);
    key_value_1_get_keys(&h, 0, RET);
    ck_assert_uint_eq(byte(4), 3);
    key_value_1_set(&h, UINT32_MAX, 16, 3, 0, 7, RET);
    ck_assert_uint_eq(byte(4), 3);
}
END_TEST

/* What breaks the rules of the canonical ABI. */
START_TEST(traps)
{
    fake_library.value = "value", fake_library.value_len = 5;
    switch (_i) {
    case 0:
        key_value_2_get(&h, store + 1, 16, 3, RET);
        break;
    case 1:
        key_value_2_drop(&h, 0);
        break;
    case 2:
        fake_guest.memory[16] = 0xff;
        key_value_2_get(&h, store, 16, 3, RET);
        break;
    case 3:
        key_value_1_get(&h, store_1, FAKE_MEMORY - 2, 3, RET);
        break;
    case 4:
        key_value_1_exists(&h, store_1, 16, 3, RET + 2);
        break;
    case 5:
        key_value_2_exists(&h, store, 16, 3, FAKE_MEMORY - 12);
        break;
    case 6:
        key_value_2_set(&h, store, 16, 3, 8, UINT32_MAX, RET);
        break;
    case 7:
        fake_guest.next = FAKE_MEMORY_GROWN - 4;
        key_value_2_get(&h, store, 16, 3, RET);
        break;
    case 8:
        fake_guest.next = 0;
        key_value_1_get(&h, store_1, 16, 3, RET);
        break;
    case 9:
        fake_library.pages = 1, fake_library.key_len = 8;
        fake_guest.next = FAKE_MEMORY + 2;
        key_value_1_get_keys(&h, store_1, RET);
        break;
    default:
        ck_abort();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runner: key/value");
    TCase *tc = tcase_create("key_value");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, connects_once_and_only_when_needed);
    tcase_add_test(tc, get_in_both_versions);
    tcase_add_test(tc, exists_is_one_byte);
    tcase_add_loop_test(tc, errors_as_variants, 0, 5);
    tcase_add_test(tc, keys_of_all_pages);
    tcase_add_test(tc, too_many_keys);
    tcase_add_test(tc, stores_have_a_limit);
    tcase_add_test(tc, handles_are_of_one_interface);
    tcase_add_loop_test(tc, what_a_component_is_not_granted, 0, 2);
    tcase_add_test(tc, labels_that_cannot_be);
    tcase_add_test(tc, closed_stores_of_version_1);
    tcase_add_loop_exit_test(tc, traps, HOST_TRAP_STATUS, 0, 10);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
