/* Listing a store of a million keys by pages while it is being written: what stays is listed once,
 * in order, forwards and backwards, over a restart, and the daemon stays small.
 *
 * $BOBBIN_KEYS says how many keys. Every third one stays all the time; the others are deleted and
 * written again at random. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { KEYS_DEFAULT = 100000, SANITIZED = 1 };
#else
enum { KEYS_DEFAULT = 1000000, SANITIZED = 0 };
#endif

enum { MANY = 1000, PAGE = 1000, MOST_KIB = 64 * 1024, KEY_LEN = 12, NAME = 32 };

static struct harness h;
static long key_count;

/* The writer beside the listing. */
struct writer {
    pthread_t thread;
    atomic_bool stop;
    atomic_long writes;
};

/* Of the memory that is looked at, the cache of values takes a part that is set. */
static void setup(void)
{
    const char *asked = getenv("BOBBIN_KEYS");
    static char path[100];
    FILE *file;
    key_count = asked ? atol(asked) : KEYS_DEFAULT;
    harness_init(&h);
    snprintf(path, sizeof path, "%s/bobbin.toml", h.dir);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("cache_bytes = 8388608\n", file);
    ck_assert_int_eq(fclose(file), 0);
    h.config = path;
    harness_start(&h);
}

static void teardown(void)
{
    harness_fini(&h);
}

/* Keys are in the order of their numbers. */
static void key_of(long number, char ret[NAME])
{
    snprintf(ret, NAME, "key-%08ld", number);
}

static bool stays(long number)
{
    return number % 3 == 0;
}

static void fill(bobbin *b)
{
    static char names[MANY][NAME];
    static bobbin_entry entries[MANY];
    for (long first = 0; first < key_count; first += MANY) {
        size_t count = 0;
        for (long number = first; number < key_count && count < MANY; number++, count++) {
            key_of(number, names[count]);
            entries[count].key = (bobbin_string){names[count], KEY_LEN};
            entries[count].value = (bobbin_string){names[count] + 4, 8};
        }
        harness_ok(b, bobbin_set_many(b, "default", entries, count, 0));
    }
}

/* One pass over some of the keys that do not stay: delete, write again, overwrite, add in between.
 */
static void write_some(bobbin *b, unsigned *seed)
{
    char name[NAME];
    long number = rand_r(seed) % key_count;
    key_of(number, name);
    if (stays(number)) {
        harness_ok(b, bobbin_set(b, "default", name, KEY_LEN, "again", 5));
        return;
    }
    switch (rand_r(seed) % 3) {
    case 0:
        harness_ok(b, bobbin_set(b, "default", name, KEY_LEN, "new", 3));
        return;
    case 1:
        harness_ok(b, bobbin_delete(b, "default", name, KEY_LEN));
        return;
    default:
        strcat(name, "+");
        harness_ok(b, bobbin_set(b, "default", name, KEY_LEN + 1, "between", 7));
    }
}

static void *write_until_told(void *arg)
{
    struct writer *writer = arg;
    bobbin *b = harness_connect(&h, "plain");
    unsigned seed = 1;
    while (!writer->stop) {
        write_some(b, &seed);
        writer->writes++;
    }
    bobbin_close(b);
    return NULL;
}

static void writer_start(struct writer *writer)
{
    writer->stop = false;
    ck_assert_int_eq(pthread_create(&writer->thread, NULL, write_until_told, writer), 0);
}

static void writer_stop(struct writer *writer)
{
    writer->stop = true;
    pthread_join(writer->thread, NULL);
}

static bool has_written(void *arg)
{
    return ((struct writer *)arg)->writes > 100;
}

/* A listing under way. */
struct listing {
    bobbin_keys_options options;
    char cursor[64];
    char last[NAME]; /* the key before; "": none yet */
    long next;       /* the number of the next key that stays */
    long listed;     /* keys in all */
    bool more;
};

static void listing_init(struct listing *l, bool reverse)
{
    memset(l, 0, sizeof *l);
    l->options.limit = PAGE;
    l->options.reverse = reverse;
    l->next = reverse ? (key_count - 1) / 3 * 3 : 0;
    l->more = true;
}

static void take_key(struct listing *l, const bobbin_string *key)
{
    char expected[NAME];
    int order = strcmp(l->last, key->data);
    if (l->last[0])
        ck_assert_msg(l->options.reverse ? order > 0 : order < 0, "'%s' comes behind '%s'",
                      key->data, l->last);
    ck_assert_uint_lt(key->len, sizeof l->last);
    memcpy(l->last, key->data, key->len + 1);
    l->listed++;
    if (key->len != KEY_LEN || !stays(atol(key->data + 4)))
        return;
    key_of(l->next, expected);
    ck_assert_msg(!strcmp(key->data, expected), "'%s' is listed where '%s' is next", key->data,
                  expected);
    l->next += l->options.reverse ? -3 : 3;
}

static void take_page(bobbin *b, struct listing *l)
{
    bobbin_key_page *page;
    harness_ok(b, bobbin_keys(b, "default", &l->options, &page));
    ck_assert_uint_le(page->count, PAGE);
    for (size_t i = 0; i < page->count; i++)
        take_key(l, &page->keys[i]);
    l->more = page->more;
    if (l->more) {
        ck_assert_uint_eq(page->count, PAGE);
        ck_assert_uint_le(page->cursor.len, sizeof l->cursor);
        memcpy(l->cursor, page->cursor.data, page->cursor.len);
        l->options.cursor = l->cursor;
        l->options.cursor_len = page->cursor.len;
    }
    bobbin_key_page_free(page);
}

/* The most memory that the daemon has had, in KiB. */
static long daemon_peak_kib(void)
{
    char path[64];
    char *status, *line;
    long kib;
    snprintf(path, sizeof path, "/proc/%d/status", (int)h.pid);
    status = harness_read_file(path);
    ck_assert_ptr_nonnull(status);
    line = strstr(status, "VmHWM:");
    ck_assert_ptr_nonnull(line);
    kib = atol(line + strlen("VmHWM:"));
    free(status);
    return kib;
}

static void check_memory(const char *when)
{
    long kib = daemon_peak_kib();
    printf("%s the daemon has had %ld KiB at most\n", when, kib);
    if (!SANITIZED)
        ck_assert_int_lt(kib, MOST_KIB);
}

/* Half of the pages before a restart of the daemon, half behind it, all under writes. */
static void list_all(bool reverse)
{
    struct writer writer = {.writes = 0};
    struct listing listing;
    long begin = harness_now_ms();
    bobbin *b = harness_connect(&h, "plain");
    listing_init(&listing, reverse);
    writer_start(&writer);
    ck_assert(harness_wait(has_written, &writer));
    while (listing.more && listing.listed < key_count / 3)
        take_page(b, &listing);
    writer_stop(&writer);
    check_memory("before the restart");
    bobbin_close(b);
    ck_assert_int_eq(harness_stop(&h), 0);
    harness_start(&h);
    b = harness_connect(&h, "plain");
    writer_start(&writer);
    while (listing.more)
        take_page(b, &listing);
    writer_stop(&writer);
    check_memory("behind the restart");
    ck_assert_int_eq(listing.next, reverse ? -3 : (key_count + 2) / 3 * 3);
    printf("%s: %ld keys in %ld ms, beside %ld writes\n", reverse ? "reverse" : "forwards",
           listing.listed, harness_now_ms() - begin, (long)writer.writes);
    bobbin_close(b);
}

START_TEST(test_listing_under_writes)
{
    long begin = harness_now_ms();
    uint64_t entries;
    char dir[160];
    bobbin *b;
    harness_register(&h, "plain", NULL, dir);
    b = harness_connect(&h, "plain");
    fill(b);
    harness_ok(b, bobbin_count(b, "default", &entries, NULL));
    ck_assert_uint_eq(entries, (uint64_t)key_count);
    printf("%ld keys written in %ld ms\n", key_count, harness_now_ms() - begin);
    bobbin_close(b);
    list_all(false);
    list_all(true);
    ck_assert_int_eq(harness_stop(&h), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("listing");
    TCase *tc = tcase_create("listing");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, test_listing_under_writes);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
