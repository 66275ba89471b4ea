/* The commit log by itself: what was appended comes back, what a crash tore or an earlier use left
 * does not. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/commit_log.h"
#include "daemon/commit_log_format.h"
#include "test_store_env.h"
#include "test_store_vfs.h"

#define HEADER 4096
/* The payload of record n is this long, and of bytes that n gives. */
#define LENGTH(n) (10 + (n) % 50)
#define SIZE(n) (32 + (LENGTH(n) + 7) / 8 * 8)

static const struct commit_log_limits limits = {8192, 16384};
static const struct commit_log_id id = {0x1234, 5};
static struct commit_log *log_;
static int dirfd;

static void reopen(void)
{
    struct error e = {0};

    commit_log_free(log_);
    log_ = commit_log_new(dirfd, &env, &limits);
    ck_assert_ptr_nonnull(log_);
    ck_assert_msg(commit_log_load(log_, &e) == 0, "%s", e.text);
}

static void setup(void)
{
    struct error e;

    env_setup();
    env_mkdir(".spin");
    dirfd = open(env_path(".spin"), O_RDONLY | O_DIRECTORY);
    log_ = NULL;
    reopen();
    ck_assert_int_eq(commit_log_start(log_, id, &e), 0);
}

static void teardown(void)
{
    commit_log_free(log_);
    close(dirfd);
    env_teardown();
}

static int append_sync(uint64_t n, bool sync, struct error *e)
{
    char payload[64];

    memset(payload, (int)n, sizeof(payload));
    struct commit_log_record record = {n, (int64_t)n * 10, (uint32_t)n, {payload, LENGTH(n)}, false};
    return commit_log_append(log_, &record, sync, e);
}

static void append(uint64_t first, uint64_t last)
{
    struct error e = {0};

    for (uint64_t n = first; n <= last; n++)
        ck_assert_msg(append_sync(n, true, &e) == 0, "%s", e.text);
}

/* Where record n is in a file that begins with the first one. */
static size_t record_at(uint64_t n)
{
    size_t at = HEADER;

    for (uint64_t before = 1; before < n; before++)
        at += SIZE(before);
    return at;
}

static uint64_t next;
static size_t expected_len; /* of the next record, if not 0 */

static int check_record(void *arg, const struct commit_log_record *record, struct error *e)
{
    (void)arg;
    (void)e;
    ck_assert_uint_eq(record->commit, next);
    ck_assert_int_eq(record->time_ms, (int64_t)next * 10);
    ck_assert_uint_eq(record->changes, (uint32_t)next);
    ck_assert_uint_eq(record->payload.len, expected_len ? expected_len : LENGTH(next));
    expected_len = 0;
    for (size_t i = 0; i < record->payload.len; i++)
        ck_assert_int_eq((unsigned char)record->payload.data[i], (unsigned char)next);
    next++;
    return 0;
}

static void check_replay(uint64_t after, uint64_t expected_last)
{
    struct error e = {0};
    uint64_t last = 0;

    next = after + 1;
    ck_assert_msg(commit_log_replay(log_, id, after, check_record, NULL, &last, &e) == 0, "%s",
                  e.text);
    ck_assert_uint_eq(last, expected_last);
    ck_assert_uint_eq(next, expected_last + 1);
}

static void check_refused(struct commit_log_id as, uint64_t after, const char *in_text)
{
    struct error e = {0};
    uint64_t last;

    next = after + 1;
    ck_assert_int_eq(commit_log_replay(log_, as, after, check_record, NULL, &last, &e), ERR_OTHER);
    ck_assert_msg(strstr(e.text, in_text) != NULL, "'%s' not in '%s'", in_text, e.text);
}

/* The whole file, and writing it back. */
struct bytes {
    uint8_t *data;
    size_t len;
};

static struct bytes read_file(const char *name)
{
    int fd = open(env_path(name), O_RDONLY);
    struct stat st;

    ck_assert_int_eq(fstat(fd, &st), 0);
    struct bytes b = {malloc((size_t)st.st_size), (size_t)st.st_size};
    ck_assert_int_eq(read(fd, b.data, b.len), (ssize_t)b.len);
    close(fd);
    return b;
}

START_TEST(what_was_appended_comes_back)
{
    append(1, 40);
    check_replay(0, 40);
    check_replay(17, 40); /* and again, and in part */
    check_replay(40, 40);
    reopen();
    check_replay(0, 40);
    check_replay(39, 40);
}
END_TEST

/* The second one needs more room than there is behind the first, which was longer than a segment. */
START_TEST(a_first_record_that_is_longer_than_a_segment_stays)
{
    struct error e = {0};
    size_t len = 3 * limits.first;
    char *payload = malloc(len);

    memset(payload, 1, len);
    struct commit_log_record record = {1, 10, 1, {payload, len}, false};
    ck_assert_msg(commit_log_append(log_, &record, true, &e) == 0, "%s", e.text);
    append(2, 3);
    reopen();
    uint64_t last = 0;
    expected_len = len;
    next = 1;
    ck_assert_msg(commit_log_replay(log_, id, 0, check_record, NULL, &last, &e) == 0, "%s", e.text);
    ck_assert_uint_eq(last, 3);
    free(payload);
}
END_TEST

START_TEST(nothing_comes_of_nothing)
{
    struct error e;

    check_replay(7, 7);
    ck_assert(!commit_log_holds_records(log_));
    reopen();
    check_replay(7, 7);
    env_write(LOG_NAME, "", 0);
    env_write(OTHER_LOG_NAME, "short", 5);
    reopen();
    check_replay(7, 7);
    ck_assert_int_eq(commit_log_start(log_, id, &e), 0);
    append(8, 8);
    ck_assert(commit_log_holds_records(log_));
    check_replay(7, 8);
}
END_TEST

START_TEST(segments_take_turns_and_only_what_is_released_is_used_again)
{
    struct stat st;
    uint64_t released = 0;

    for (uint64_t n = 1; n <= 5000; n++) {
        append(n, n);
        uint64_t wanted = commit_log_wants_release(log_);
        if (wanted && n % 3 == 0) {
            ck_assert_uint_le(wanted, n);
            commit_log_release(log_, wanted);
            released = wanted;
        }
        if (n % 97 == 0)
            check_replay(released, n);
        if (n % 499 == 0) {
            /* As another process would find it. */
            struct commit_log *mine = log_;
            log_ = NULL;
            reopen();
            check_replay(released, n);
            commit_log_free(log_);
            log_ = mine;
        }
    }
    ck_assert_uint_gt(released, 4000);
    ck_assert_int_eq(stat(env_path(LOG_NAME), &st), 0);
    ck_assert_int_le(st.st_size, 32768);
    ck_assert_int_eq(stat(env_path(OTHER_LOG_NAME), &st), 0);
    ck_assert_int_le(st.st_size, 32768);
}
END_TEST

START_TEST(what_is_not_released_is_kept_whatever_it_takes)
{
    append(1, 3000);
    ck_assert(commit_log_is_full(log_));
    check_replay(0, 3000);
    reopen();
    check_replay(0, 3000);
}
END_TEST

START_TEST(a_torn_tail_ends_the_log)
{
    append(1, 20);
    struct bytes whole = read_file(LOG_NAME);
    size_t end = record_at(21);
    size_t begin = end - 32 - (LENGTH(20) + 7) / 8 * 8;
    size_t covered = 32 + LENGTH(20);
    for (size_t cut = begin; cut < begin + covered; cut++) {
        /* Zeros from here on, and the end of the file here. */
        uint8_t *torn = malloc(whole.len);
        memcpy(torn, whole.data, whole.len);
        memset(torn + cut, 0, whole.len - cut);
        env_write(LOG_NAME, torn, whole.len);
        reopen();
        check_replay(0, 19);
        env_write(LOG_NAME, torn, cut);
        reopen();
        check_replay(0, 19);
        free(torn);
    }
    free(whole.data);
}
END_TEST

START_TEST(every_flipped_bit_is_noticed)
{
    append(1, 4);
    struct bytes whole = read_file(LOG_NAME);
    size_t at = HEADER;
    for (uint64_t n = 1; n <= 4; n++) {
        for (size_t i = 0; i < 32 + LENGTH(n); i++) {
            uint8_t bit = (uint8_t)(1 << (i % 8));
            whole.data[at + i] ^= bit;
            env_write(LOG_NAME, whole.data, whole.len);
            reopen();
            /* What follows tells that it is no end, unless the way there is what was hit. */
            size_t len = LENGTH(n) ^ (i == 8 ? bit : 0);
            bool leads_on = i >= 12 || (i == 8 && (len + 7) / 8 == (LENGTH(n) + 7) / 8);
            if (n < 4 && leads_on)
                check_refused(id, 0, "is damaged, and others follow");
            else
                check_replay(0, n - 1);
            whole.data[at + i] ^= bit;
        }
        at += SIZE(n);
    }
    for (size_t i = 0; i < 56; i++) {
        whole.data[i] ^= 4;
        env_write(LOG_NAME, whole.data, whole.len);
        reopen();
        check_replay(0, 0);
        whole.data[i] ^= 4;
    }
    free(whole.data);
}
END_TEST

/* Where it was not synced record by record, power may take one in the middle: that is the end. */
START_TEST(an_unsynced_record_may_be_missing)
{
    struct error e = {0};

    append(1, 2);
    for (uint64_t n = 3; n <= 5; n++)
        ck_assert_int_eq(append_sync(n, false, &e), 0);
    struct bytes whole = read_file(LOG_NAME);
    size_t at = record_at(4);
    whole.data[at + 40] ^= 1; /* the fourth */
    env_write(LOG_NAME, whole.data, whole.len);
    reopen();
    check_replay(0, 3);
    free(whole.data);
}
END_TEST

static uint64_t salvaged[8];
static size_t salvaged_count;

static int note_record(void *arg, const struct commit_log_record *record, struct error *e)
{
    (void)arg;
    (void)e;
    salvaged[salvaged_count++] = record->commit;
    return 0;
}

START_TEST(salvage_goes_on_behind_what_is_damaged)
{
    struct error e = {0};

    append(1, 5);
    struct bytes whole = read_file(LOG_NAME);
    size_t at = record_at(3);
    whole.data[at + 40] ^= 1; /* the third */
    env_write(LOG_NAME, whole.data, whole.len);
    reopen();
    salvaged_count = 0;
    ck_assert_int_eq(commit_log_salvage(log_, id, 1, note_record, NULL, &e), 0);
    ck_assert_uint_eq(salvaged_count, 3);
    ck_assert_uint_eq(salvaged[0], 2);
    ck_assert_uint_eq(salvaged[1], 4);
    ck_assert_uint_eq(salvaged[2], 5);
    free(whole.data);
}
END_TEST

/* Records of a value's choosing: the first is none, and says what the second one's chain is. */
static void forge(uint8_t *at, const struct commit_log_header *as)
{
    struct commit_log_record forged = {UINT64_C(1) << 62, 1, 1, {"forged!!", 8}, true};
    const uint64_t sum = 0x1234567890abcdef;
    const uint32_t len = 8;

    memcpy(at, &sum, 8);
    memcpy(at + 8, &len, 4);
    memset(at + 12, 'f', 20 + len);
    commit_log_record_write(&forged, commit_log_seed(as, sum), at + 40);
    memcpy(at + 40 + 32, forged.payload.data, 8);
}

START_TEST(what_a_value_holds_is_no_record)
{
    const struct commit_log_header none = {.version = 1}, guessed = {.version = COMMIT_LOG_VERSION, .salt = 1};
    struct error e = {0};

    append(1, 2);
    struct bytes whole = read_file(LOG_NAME);
    size_t end = record_at(3);
    for (int i = 0; i < 2; i++) {
        forge(whole.data + end, i ? &guessed : &none);
        env_write(LOG_NAME, whole.data, whole.len);
        reopen();
        check_replay(0, 2);
        salvaged_count = 0;
        ck_assert_int_eq(commit_log_salvage(log_, id, 0, note_record, NULL, &e), 0);
        ck_assert_uint_eq(salvaged_count, 2);
    }
    free(whole.data);
}
END_TEST

/* Its records are chained without the salt. */
static void write_first_version(uint64_t last)
{
    const struct commit_log_header header = {.version = 1, .id = id, .generation = 1, .salt = 77};
    uint8_t bytes[2 * HEADER] = {0};
    uint64_t chain = header.salt;
    size_t at = HEADER;

    commit_log_header_write(&header, bytes);
    for (uint64_t n = 1; n <= last; n++) {
        char payload[64];
        memset(payload, (int)n, sizeof(payload));
        struct commit_log_record record = {n, (int64_t)n * 10, (uint32_t)n, {payload, LENGTH(n)}, true};
        chain = commit_log_record_write(&record, chain, bytes + at);
        memcpy(bytes + at + 32, payload, LENGTH(n));
        at += SIZE(n);
    }
    env_write(LOG_NAME, bytes, sizeof(bytes));
}

START_TEST(a_log_of_the_first_version_is_read)
{
    struct error e = {0};

    write_first_version(5);
    reopen();
    check_replay(0, 5);
    ck_assert_int_eq(commit_log_start(log_, id, &e), 0);
    append(6, 9);
    reopen();
    check_replay(5, 9);
    struct bytes whole = read_file(LOG_NAME);
    ck_assert_uint_eq(whole.data[8], COMMIT_LOG_VERSION);
    free(whole.data);
}
END_TEST

START_TEST(a_log_of_a_later_version_is_refused)
{
    const struct commit_log_header header = {.version = COMMIT_LOG_VERSION + 1, .id = id, .generation = 1};
    uint8_t bytes[HEADER] = {0};
    struct error e = {0};

    commit_log_header_write(&header, bytes);
    env_write(LOG_NAME, bytes, sizeof(bytes));
    commit_log_free(log_);
    log_ = commit_log_new(dirfd, &env, &limits);
    ck_assert_int_eq(commit_log_load(log_, &e), ERR_OTHER);
    ck_assert_msg(strstr(e.text, "a later version of Bobbin has written it") != NULL, "%s", e.text);
}
END_TEST

START_TEST(hostile_lengths_are_not_believed)
{
    static const uint32_t lengths[] = {0xffffffff, 0x7fffffff, COMMIT_LOG_PAYLOAD_MAX,
                                       COMMIT_LOG_PAYLOAD_MAX + 1, 9000, 0};

    append(1, 2);
    struct bytes whole = read_file(LOG_NAME);
    for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        memcpy(whole.data + HEADER + 8, &lengths[i], 4);
        env_write(LOG_NAME, whole.data, whole.len);
        reopen();
        check_replay(0, 0);
    }
    free(whole.data);
}
END_TEST

START_TEST(what_an_earlier_use_left_does_not_come_back)
{
    struct error e = {0};
    struct bytes old;

    append(1, 60);
    old = read_file(LOG_NAME);
    ck_assert_int_eq(commit_log_start(log_, id, &e), 0);
    append(61, 61);
    struct bytes now = read_file(LOG_NAME);
    /* As if the space had been used again: the records of before are all behind the new one. */
    size_t from = HEADER + SIZE(1);
    ck_assert_uint_eq(LENGTH(61), LENGTH(11));
    memcpy(now.data + HEADER + SIZE(61), old.data + from, 3000);
    env_write(LOG_NAME, now.data, now.len);
    reopen();
    check_replay(60, 61);
    free(old.data);
    free(now.data);
}
END_TEST

START_TEST(a_hole_between_the_segments_is_an_error)
{
    uint64_t end = 0;
    while (!commit_log_wants_release(log_)) {
        end++;
        append(end, end);
        if (end == 100)
            usleep(2100000); /* a segment that lasts is not grown but left */
    }
    uint64_t last = commit_log_wants_release(log_);
    struct bytes first = read_file(LOG_NAME);
    size_t at = record_at(last);
    first.data[at] ^= 1; /* the last record of the one that is full */
    env_write(LOG_NAME, first.data, first.len);
    reopen();
    check_refused(id, 0, "is missing");
    check_replay(last, end); /* not if nobody needs what is missing */
    free(first.data);
}
END_TEST

START_TEST(a_log_of_somewhere_else_is_refused)
{
    append(1, 3);
    reopen();
    check_refused((struct commit_log_id){id.database + 1, id.epoch}, 0, "another database");
    check_refused((struct commit_log_id){id.database, id.epoch - 1}, 0, "another database");
    uint64_t last = 99;
    struct error e;
    ck_assert_int_eq(commit_log_replay(log_, (struct commit_log_id){id.database, id.epoch + 1}, 0,
                                       check_record, NULL, &last, &e),
                     0);
    ck_assert_uint_eq(last, 0); /* an earlier epoch is over */
}
END_TEST

START_TEST(a_full_disk_costs_the_record_alone)
{
    struct error e = {0};

    append(1, 3);
    test_vfs_fail(VFS_LOG_WRITE, 1, 1, ENOSPC);
    ck_assert_int_eq(append_sync(4, true, &e), ERR_OTHER);
    ck_assert_ptr_nonnull(strstr(e.text, "disk full"));
    ck_assert(!commit_log_is_broken(log_));
    check_replay(0, 3);
    append(4, 6);
    check_replay(0, 6);
    reopen();
    check_replay(0, 6);
}
END_TEST

START_TEST(a_failed_sync_breaks_the_log_until_it_starts_anew)
{
    struct error e = {0};

    append(1, 3);
    test_vfs_fail(VFS_LOG_SYNC, 1, 1, EIO);
    ck_assert_int_eq(append_sync(4, true, &e), ERR_OTHER);
    ck_assert(commit_log_is_broken(log_));
    ck_assert_int_eq(append_sync(4, true, &e), ERR_OTHER);
    check_replay(0, 3);
    struct commit_log *mine = log_;
    log_ = NULL;
    reopen();
    check_replay(0, 3); /* nor does who comes after a crash see it */
    commit_log_free(log_);
    log_ = mine;
    ck_assert_int_eq(commit_log_start(log_, id, &e), 0);
    ck_assert(!commit_log_is_broken(log_));
    append(4, 5);
    check_replay(3, 5);
}
END_TEST

START_TEST(unsynced_records_are_synced_on_demand)
{
    struct error e = {0};
    int before = test_vfs_count(VFS_LOG_SYNC);

    for (uint64_t n = 1; n <= 10; n++)
        ck_assert_int_eq(append_sync(n, false, &e), 0);
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), before);
    ck_assert(!commit_log_is_synced(log_));
    ck_assert_int_eq(commit_log_sync(log_, &e), 0);
    ck_assert_int_eq(commit_log_sync(log_, &e), 0);
    ck_assert_int_eq(test_vfs_count(VFS_LOG_SYNC), before + 1);
    ck_assert(commit_log_is_synced(log_));
    check_replay(0, 10);
}
END_TEST

static void check_unusable(const char *in_text)
{
    struct commit_log *other = commit_log_new(dirfd, &env, &limits);
    struct error e = {0};

    ck_assert_int_eq(commit_log_load(other, &e), ERR_OTHER);
    ck_assert_msg(strstr(e.text, in_text) != NULL, "'%s' not in '%s'", in_text, e.text);
    commit_log_free(other);
}

START_TEST(only_a_regular_file_will_do)
{
    ck_assert_int_eq(mkfifo(env_path(LOG_NAME), 0600), 0);
    check_unusable("not a regular file");
    ck_assert_int_eq(unlink(env_path(LOG_NAME)), 0);
    env_write("elsewhere", "x", 1);
    ck_assert_int_eq(symlink("../elsewhere", env_path(LOG_NAME)), 0);
    check_unusable("a symbolic link");
    ck_assert_int_eq(unlink(env_path(LOG_NAME)), 0);
    env_mkdir(LOG_NAME);
    check_unusable("cannot open '");
}
END_TEST

START_TEST(files_are_private_and_removed_without_trace)
{
    struct error e;
    struct stat st;

    append(1, 300);
    ck_assert_int_eq(stat(env_path(LOG_NAME), &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(commit_log_remove(log_, &e), 0);
    ck_assert(!env_exists(LOG_NAME));
    ck_assert(!env_exists(OTHER_LOG_NAME));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("commit_log");
    TCase *tc = tcase_create("commit_log");
    SRunner *runner = srunner_create(suite);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_was_appended_comes_back);
    tcase_add_test(tc, a_first_record_that_is_longer_than_a_segment_stays);
    tcase_add_test(tc, nothing_comes_of_nothing);
    tcase_add_test(tc, segments_take_turns_and_only_what_is_released_is_used_again);
    tcase_add_test(tc, what_is_not_released_is_kept_whatever_it_takes);
    tcase_add_test(tc, a_torn_tail_ends_the_log);
    tcase_add_test(tc, every_flipped_bit_is_noticed);
    tcase_add_test(tc, an_unsynced_record_may_be_missing);
    tcase_add_test(tc, salvage_goes_on_behind_what_is_damaged);
    tcase_add_test(tc, what_a_value_holds_is_no_record);
    tcase_add_test(tc, a_log_of_the_first_version_is_read);
    tcase_add_test(tc, a_log_of_a_later_version_is_refused);
    tcase_add_test(tc, hostile_lengths_are_not_believed);
    tcase_add_test(tc, what_an_earlier_use_left_does_not_come_back);
    tcase_add_test(tc, a_hole_between_the_segments_is_an_error);
    tcase_add_test(tc, a_log_of_somewhere_else_is_refused);
    tcase_add_test(tc, a_full_disk_costs_the_record_alone);
    tcase_add_test(tc, a_failed_sync_breaks_the_log_until_it_starts_anew);
    tcase_add_test(tc, unsynced_records_are_synced_on_demand);
    tcase_add_test(tc, only_a_regular_file_will_do);
    tcase_add_test(tc, files_are_private_and_removed_without_trace);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
