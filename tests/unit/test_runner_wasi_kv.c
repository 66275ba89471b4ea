/* The imports of wasi:keyvalue against a library that answers what the test wants: what ends up in
 * the program's memory, and what is a trap. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "client/runner/canonical.h"
#include "client/runner/cas.h"
#include "client/runner/stores.h"
#include "client/runner/wasi_kv.h"
#include "tests/unit/test_runner_fake_guest.h"
#include "tests/unit/test_runner_fake_library.h"

/* In the program's memory: an identifier at 0, a key at 16, the result at RET, a list at LIST. */
#define RET 64u
#define LIST 128u
static struct host h;
static uint32_t bucket;

static uint32_t word(unsigned offset)
{
    return host_load32(fake_guest.memory + RET + offset);
}

static uint8_t byte(unsigned offset)
{
    return fake_guest.memory[RET + offset];
}

static void store_words(uint32_t at, const uint32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        host_store32(fake_guest.memory + at + 4 * i, words[i]);
}

static bool text_is(unsigned offset, const char *text)
{
    return word(offset + 4) == strlen(text) &&
           memcmp(fake_guest.memory + word(offset), text, strlen(text)) == 0;
}

static void setup(void)
{
    fake_library = (struct fake_library){0};
    fake_guest_init(&h);
    unsetenv("BOBBIN_FD");
    unsetenv("BOBBIN_APP_DIR");
    h.stores = stores_new();
    h.cas = cas_table_new();
    memcpy(fake_guest.memory, "default", 7);
    memcpy(fake_guest.memory + 16, "key", 3);
    memset(fake_guest.memory + RET, 0xff, 24);
    wasi_kv_open(&h, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 0);
    bucket = word(4);
}

static void teardown(void)
{
    stores_free(h.stores);
    cas_table_free(h.cas);
    fake_guest_fini();
}

START_TEST(errors_are_numbered)
{
    static const struct {
        bobbin_status status;
        uint8_t discriminant;
    } cases[] = {{BOBBIN_NO_SUCH_STORE, 0},
                 {BOBBIN_ACCESS_DENIED, 1},
                 {BOBBIN_TOO_LARGE, 2},
                 {BOBBIN_NO_MEMORY, 2}};
    fake_library.status = cases[_i].status;
    wasi_kv_delete(&h, bucket, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), cases[_i].discriminant);
    wasi_kv_increment(&h, bucket, 16, 3, 1, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(8), cases[_i].discriminant);
    if (cases[_i].status == BOBBIN_TOO_LARGE)
        ck_assert(text_is(12, "the reason"));
    wasi_kv_list_keys(&h, bucket, 0, 0, 0, RET);
    ck_assert_uint_eq(byte(4), cases[_i].discriminant);
    wasi_kv_set_many(&h, bucket, LIST, 1, RET);
    ck_assert_uint_eq(byte(4), cases[_i].discriminant);
}
END_TEST

START_TEST(increments)
{
    wasi_kv_increment(&h, bucket, 16, 3, (uint64_t)-7, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_int_eq((int64_t)host_load64(fake_guest.memory + RET + 8), -7);
}
END_TEST

START_TEST(pages_with_cursors)
{
    fake_library.pages = 2, fake_library.key_len = 8;
    wasi_kv_list_keys(&h, bucket, 0, 0, 0, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(word(8), 1);
    ck_assert_uint_eq(byte(12), 1);
    ck_assert(text_is(16, "00"));
    uint32_t cursor = word(16);
    wasi_kv_list_keys(&h, bucket, 1, cursor, 2, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(byte(12), 0);
    /* What is not a cursor. */
    wasi_kv_list_keys(&h, bucket, 1, cursor, 1, RET);
    ck_assert_uint_eq(byte(4), 2);
    wasi_kv_list_keys(&h, bucket, 1, 16, 2, RET);
    ck_assert_uint_eq(byte(4), 2);
}
END_TEST

static uint32_t new_cas(void)
{
    wasi_kv_cas_new(&h, bucket, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 0);
    return word(4);
}

START_TEST(swaps)
{
    fake_library.commit = 11;
    uint32_t cas = new_cas();
    wasi_kv_swap(&h, cas, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(fake_library.since, 11);
    ck_assert_ptr_null(cas_find(h.cas, cas));
}
END_TEST

START_TEST(failed_swaps_can_be_tried_again)
{
    fake_library.commit = 11;
    uint32_t cas = new_cas();
    fake_library.commit = 12;
    fake_library.refuse = true;
    wasi_kv_swap(&h, cas, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), 1);
    cas = word(8);
    fake_library.refuse = false;
    wasi_kv_swap(&h, cas, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(fake_library.since, 12);
}
END_TEST

START_TEST(swaps_that_go_wrong_use_up_the_handle)
{
    uint32_t cas = new_cas();
    fake_library.status = BOBBIN_ACCESS_DENIED;
    wasi_kv_swap(&h, cas, 0, 7, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_uint_eq(byte(4), 0);
    ck_assert_uint_eq(byte(8), 1);
    ck_assert_ptr_null(cas_find(h.cas, cas));
    wasi_kv_cas_new(&h, bucket, 16, 3, RET);
    ck_assert_uint_eq(byte(0), 1);
    ck_assert_ptr_null(cas_find(h.cas, cas));
}
END_TEST

START_TEST(swap_handles_have_a_limit)
{
    uint32_t last = 0;
    for (unsigned i = 0; i < CAS_MAX; i++)
        last = new_cas();
    wasi_kv_cas_new(&h, bucket, 16, 3, RET);
    ck_assert_uint_eq(byte(4), 2);
    ck_assert(text_is(8, "too many open handles"));
    wasi_kv_cas_drop(&h, last);
    ck_assert_uint_eq(new_cas(), last);
    wasi_kv_cas_new(&h, bucket, 1024, 2049, RET);
    ck_assert_uint_eq(byte(4), 2);
}
END_TEST

START_TEST(gets_many)
{
    store_words(LIST, (uint32_t[]){16, 3, 0, 7, 16, 0}, 6);
    fake_library.value = "value", fake_library.value_len = 5;
    wasi_kv_get_many(&h, bucket, LIST, 3, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(word(8), 3);
    const uint8_t *element = fake_guest.memory + word(4);
    static const char *const keys[] = {"key", "default", ""};
    for (unsigned i = 0; i < 3; i++, element += 20) {
        ck_assert_uint_eq(host_load32(element + 4), strlen(keys[i]));
        ck_assert_int_eq(memcmp(fake_guest.memory + host_load32(element), keys[i], strlen(keys[i])),
                         0);
        ck_assert_uint_eq(element[8], i != 1);
        ck_assert_uint_eq(host_load32(element + 16), i != 1 ? 5 : 0);
    }
    ck_assert_int_eq(memcmp(fake_guest.memory + host_load32(element - 8), "value", 5), 0);
}
END_TEST

START_TEST(gets_too_much)
{
    static const char text[] = "query result exceeds limit of 134217728 bytes";
    store_words(LIST, (uint32_t[]){16, 3}, 2);
    fake_library.value = "value", fake_library.value_len = 128u << 20;
    wasi_kv_get_many(&h, bucket, LIST, 1, RET);
    ck_assert_uint_eq(byte(4), 2);
    ck_assert(text_is(8, text));
    /* Keys alone. */
    store_words(LIST, (uint32_t[]){16, 128u << 20}, 2);
    wasi_kv_get_many(&h, bucket, LIST, 1, RET);
    ck_assert(text_is(8, text));
}
END_TEST

/* With elements of no bytes there may be more than fit into one request. */
START_TEST(many_come_in_parts)
{
    free(fake_guest.memory);
    fake_guest.size = 1 << 20;
    fake_guest.memory = calloc(1, fake_guest.size);
    wasi_kv_delete_many(&h, bucket, LIST, 25000, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(fake_library.calls, 3);
    ck_assert_uint_eq(fake_library.most, 10000);
    wasi_kv_set_many(&h, bucket, LIST, 10001, RET);
    ck_assert_uint_eq(fake_library.calls, 5);
    wasi_kv_set_many(&h, bucket, 0, 0, RET);
    ck_assert_uint_eq(byte(0), 0);
    ck_assert_uint_eq(fake_library.calls, 5);
    /* Three values of a third of what a part holds. */
    free(fake_guest.memory);
    fake_guest.size = 32u << 20;
    fake_guest.memory = calloc(1, fake_guest.size);
    for (unsigned i = 0; i < 4; i++)
        store_words(LIST + 16 * i, (uint32_t[]){0, 0, 0, 5u << 20}, 4);
    wasi_kv_set_many(&h, bucket, LIST, 4, RET);
    ck_assert_uint_eq(fake_library.calls, 7);
}
END_TEST

/* What breaks the rules of the canonical ABI. */
START_TEST(traps)
{
    store_words(LIST, (uint32_t[]){16, 3, FAKE_MEMORY, 1}, 4);
    fake_library.value = "value", fake_library.value_len = 5;
    switch (_i) {
    case 0:
        wasi_kv_get(&h, bucket + 1, 16, 3, RET);
        break;
    case 1:
        wasi_kv_bucket_drop(&h, 0);
        break;
    case 2:
        wasi_kv_list_keys(&h, bucket, 2, 0, 0, RET);
        break;
    case 3:
        wasi_kv_increment(&h, bucket, 16, 3, 1, RET + 4); /* not at 8 */
        break;
    case 4:
        wasi_kv_swap(&h, 1, 0, 7, RET);
        break;
    case 5:
        wasi_kv_swap(&h, new_cas(), FAKE_MEMORY, 1, RET);
        break;
    case 6:
        wasi_kv_cas_current(&h, CAS_MAX + 1, RET);
        break;
    case 7:
        wasi_kv_cas_drop(&h, 0);
        break;
    case 8:
        wasi_kv_get_many(&h, bucket, LIST + 1, 1, RET);
        break;
    case 9:
        wasi_kv_get_many(&h, bucket, LIST, 2, RET);
        break;
    case 10:
        wasi_kv_set_many(&h, bucket, LIST, 1, RET);
        break;
    case 11:
        wasi_kv_delete_many(&h, bucket, LIST, UINT32_MAX, RET);
        break;
    case 12:
        fake_guest.next = FAKE_MEMORY_GROWN - 8;
        wasi_kv_get_many(&h, bucket, LIST, 1, RET);
        break;
    case 13:
        wasi_kv_list_keys(&h, bucket, 1, FAKE_MEMORY, 2, RET);
        break;
    default:
        ck_abort();
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("runner: wasi:keyvalue");
    TCase *tc = tcase_create("wasi_kv");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, errors_are_numbered, 0, 4);
    tcase_add_test(tc, increments);
    tcase_add_test(tc, pages_with_cursors);
    tcase_add_test(tc, swaps);
    tcase_add_test(tc, failed_swaps_can_be_tried_again);
    tcase_add_test(tc, swaps_that_go_wrong_use_up_the_handle);
    tcase_add_test(tc, swap_handles_have_a_limit);
    tcase_add_test(tc, gets_many);
    tcase_add_test(tc, gets_too_much);
    tcase_add_test(tc, many_come_in_parts);
    tcase_add_loop_exit_test(tc, traps, HOST_TRAP_STATUS, 0, 14);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
