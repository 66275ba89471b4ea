/* The shortcut for common requests against the long way, over messages that were mutated: what it
 * accepts, scanner and message_read must accept with the same outcome. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "protocol/call.h"
#include "protocol/message.h"
#include "protocol/scanner.h"

static uint64_t state;

static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static unsigned below(unsigned n)
{
    return (unsigned)(next_random() % n);
}

static struct slice fill(char *room, size_t len)
{
    for (size_t i = 0; i < len; i++)
        room[i] = (char)('a' + below(26));
    return (struct slice){room, len};
}

static size_t some_length(void)
{
    static const size_t lengths[] = {0, 1, 5, 31, 32, 100, 255, 256, 2048, 70000};
    return lengths[below(sizeof lengths / sizeof *lengths)];
}

/* A request, mostly of a shape that is common. */
static void make(struct buffer *b)
{
    static const char *const methods[] = {"get", "set", "delete", "exists", "ttl", "gets", "count"};
    static const uint32_t ids[] = {0, 127, 128, 255, 256, 65535, 65536, UINT32_MAX};
    static char room[70000];
    const char *method = methods[below(7)];
    bool is_set = !strcmp(method, "set");
    unsigned extra = below(8) == 0;
    msgpack_packer pk;
    message_write_request(b, ids[below(8)], method);
    pack_init(&pk, b);
    msgpack_pack_array(&pk, 2 + is_set + extra);
    pack_slice_str(&pk, fill(room, below(4) ? 7 : some_length()));
    pack_slice_str(&pk, fill(room, some_length()));
    if (is_set && below(6))
        pack_slice_bin(&pk, fill(room, some_length()));
    else if (is_set)
        pack_slice_str(&pk, fill(room, some_length()));
    if (extra)
        msgpack_pack_map(&pk, 0);
}

static void mutate(struct buffer *b)
{
    size_t head = b->len < 24 ? b->len : 24;
    switch (below(6)) {
    case 0:
        b->len = below((unsigned)b->len + 1);
        break;
    case 1:
        b->data[below((unsigned)head)] ^= (uint8_t)(1u << below(8));
        break;
    case 2:
        b->data[below((unsigned)head)] = (uint8_t)below(256);
        break;
    case 3: /* what follows it is another message's */
        buffer_append(b, "\x94\x00\x01", 3);
        break;
    default:
        break;
    }
}

static struct slice str_of(struct reader *r)
{
    struct slice s;
    ck_assert_int_eq(reader_str(r, &s), 0);
    return s;
}

static void expect_same(struct slice is, struct slice should)
{
    ck_assert_ptr_eq(is.data, should.data);
    ck_assert_uint_eq(is.len, should.len);
}

static void expect_long_way_agrees(const struct buffer *b, const struct call *call)
{
    struct scanner s;
    struct message m;
    struct error e;
    struct slice value;
    uint32_t id;
    bool has_id;
    scanner_init(&s, LIMIT_MESSAGE);
    ck_assert_int_eq(scanner_scan(&s, b->data, b->len), SCANNER_FRAME);
    ck_assert_uint_eq(s.pos, call->size);
    ck_assert_msg(message_read(b->data, s.pos, &m, &id, &has_id, &e) == 0, "%s", e.text);
    ck_assert_int_eq(m.kind, MESSAGE_REQUEST);
    ck_assert(has_id && id == call->id && m.id == call->id);
    ck_assert_int_eq(method_find(m.method.data, m.method.len), call->method);
    ck_assert_uint_eq(m.param_count, call->param_count);
    ck_assert_ptr_eq(m.params.pos, call->params);
    expect_same(call->label, str_of(&m.params));
    expect_same(call->key, str_of(&m.params));
    if (call->method != METHOD_SET)
        return;
    ck_assert_int_eq(reader_peek(&m.params), READER_BIN);
    ck_assert_int_eq(reader_bytes(&m.params, &value), 0);
    expect_same(call->value, value);
}

START_TEST(test_differential)
{
    unsigned taken = 0, left = 0;
    struct buffer b;
    state = (uint64_t)getpid() * 2654435761u + (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)state);
    buffer_init(&b);
    for (unsigned i = 0; i < 50000; i++) {
        struct call call;
        uint8_t *exact;
        buffer_clear(&b);
        make(&b);
        mutate(&b);
        /* In a piece of its own, so that a sanitizer sees the first byte read behind it. */
        exact = malloc(b.len ? b.len : 1);
        memcpy(exact, b.data, b.len);
        struct buffer piece = {.data = exact, .len = b.len, .cap = b.len};
        if (call_read(exact, b.len, &call)) {
            expect_long_way_agrees(&piece, &call);
            taken++;
        } else {
            left++;
        }
        free(exact);
    }
    ck_assert_uint_gt(taken, 10000);
    ck_assert_uint_gt(left, 10000);
    buffer_fini(&b);
}
END_TEST

/* Every beginning of a message is left alone, and the whole is taken. */
START_TEST(test_cut_off)
{
    static const char text[] = "\x94\x00\xcd\x01\x00\xa3set\x93\xa7"
                               "default\xd9\x03key\xc5\x00\x05value";
    struct call call;
    for (size_t len = 0; len < sizeof text - 1; len++)
        ck_assert(!call_read((const uint8_t *)text, len, &call));
    ck_assert(call_read((const uint8_t *)text, sizeof text - 1, &call));
    ck_assert_uint_eq(call.id, 256);
    ck_assert_uint_eq(call.size, sizeof text - 1);
    ck_assert(slice_equals(call.label, "default") && slice_equals(call.key, "key") &&
              slice_equals(call.value, "value"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("call");
    TCase *tc = tcase_create("call");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_differential);
    tcase_add_test(tc, test_cut_off);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
