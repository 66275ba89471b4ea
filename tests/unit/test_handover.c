/* What one daemon leaves to the next: comes out as it went in, and wherever it is cut off, that is
 * noticed. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/handover.h"

#define HEAD (sizeof(HANDOVER_MAGIC) - 1 + 1) /* with the version */

static void put_all(struct handover_out *out, int fd)
{
    handover_out_init(out);
    msgpack_pack_array(&out->pk, 7);
    handover_put_bool(out, true);
    handover_put_fd(out, fd);
    handover_put_fd(out, -1);
    msgpack_pack_int64(&out->pk, INT64_MIN);
    msgpack_pack_uint64(&out->pk, UINT64_MAX);
    pack_cstr(&out->pk, "app");
    pack_slice_bin(&out->pk, (struct slice){"\0\xff", 2});
    ck_assert(!out->bytes.failed);
}

/* As the next daemon would be told of a sealed file. */
static struct handover_in *receive(int file)
{
    struct handover_in *in;
    struct error e;
    char number[16];

    snprintf(number, sizeof(number), "%d", file);
    setenv(HANDOVER_VARIABLE, number, 1);
    ck_assert_int_eq(handover_receive(&in, &e), 0);
    ck_assert_ptr_nonnull(in);
    ck_assert_ptr_null(getenv(HANDOVER_VARIABLE));
    return in;
}

START_TEST(test_comes_out_as_it_went_in)
{
    struct handover_out out;
    struct handover_in *in;
    struct error e;
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), file;
    struct slice s;

    put_all(&out, fd);
    ck_assert_uint_eq(out.fd_count, 1);
    file = handover_out_file(&out, &e);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(ftruncate(file, 0), -1); /* sealed */
    ck_assert(fcntl(file, F_GETFD) & FD_CLOEXEC);
    handover_out_inherit(&out, true);
    ck_assert_int_eq(fcntl(fd, F_GETFD), 0);

    in = receive(file);
    handover_take_array(in, 7);
    ck_assert(handover_take_bool(in));
    ck_assert_int_eq(handover_take_fd(in), fd);
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    ck_assert_int_eq(handover_take_fd(in), -1);
    ck_assert(handover_take_int(in) == INT64_MIN);
    ck_assert(handover_take_uint(in) == UINT64_MAX);
    ck_assert(slice_equals(handover_take_str(in), "app"));
    s = handover_take_bytes(in);
    ck_assert_uint_eq(s.len, 2);
    ck_assert_mem_eq(s.data, "\0\xff", 2);
    ck_assert(!in->failed);
    handover_take_bool(in); /* nothing is left */
    ck_assert(in->failed);
    handover_in_free(in);
    handover_out_fini(&out);
    close(fd);
}
END_TEST

static void take_all(struct handover_in *in)
{
    handover_take_array(in, 7);
    handover_take_bool(in);
    handover_take_fd(in);
    handover_take_fd(in);
    handover_take_int(in);
    handover_take_uint(in);
    handover_take_str(in);
    handover_take_bytes(in);
}

START_TEST(test_wherever_it_is_cut)
{
    struct handover_out out;
    struct error e;

    put_all(&out, STDIN_FILENO);
    for (size_t len = HEAD; len <= out.bytes.len; len++) {
        struct handover_out cut = {.bytes = {.data = out.bytes.data, .len = len}};
        struct handover_in *in = receive(handover_out_file(&cut, &e));
        take_all(in);
        ck_assert_int_eq(in->failed, len < out.bytes.len);
        handover_in_free(in);
    }
    handover_out_fini(&out);
}
END_TEST

START_TEST(test_other_types_and_missing_descriptors)
{
    struct handover_out out;
    struct handover_in *in;
    struct error e;

    handover_out_init(&out);
    pack_cstr(&out.pk, "text");
    in = receive(handover_out_file(&out, &e));
    ck_assert_int_eq(handover_take_int(in), 0);
    ck_assert(in->failed);
    ck_assert_uint_eq(handover_take_str(in).len, 0); /* failures stick */
    handover_in_free(in);
    handover_out_fini(&out);

    handover_out_init(&out);
    handover_put_fd(&out, 54321);
    in = receive(handover_out_file(&out, &e));
    ck_assert_int_eq(handover_take_fd(in), -1);
    ck_assert(in->failed);
    handover_in_free(in);
    handover_out_fini(&out);
}
END_TEST

START_TEST(test_nothing_was_left)
{
    struct handover_in *in = (struct handover_in *)&in;
    struct error e;

    unsetenv(HANDOVER_VARIABLE);
    ck_assert_int_eq(handover_receive(&in, &e), 0);
    ck_assert_ptr_null(in);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("handover");
    TCase *tc = tcase_create("handover");
    SRunner *runner;
    int failed;

    tcase_add_test(tc, test_comes_out_as_it_went_in);
    tcase_add_test(tc, test_wherever_it_is_cut);
    tcase_add_test(tc, test_other_types_and_missing_descriptors);
    tcase_add_test(tc, test_nothing_was_left);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
