/* Watchers under load: one that reads is told every change once, in the order of commits, and ends
 * up with what the store has; one that does not read neither slows nor grows the daemon, is told
 * that it missed something, and can go on from there.
 *
 * $BOBBIN_CHANGES says how many changes. */
#include <check.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CHANGES_DEFAULT = 20000, SANITIZED = 1 };
#else
enum { CHANGES_DEFAULT = 100000, SANITIZED = 0 };
#endif

enum { WRITERS = 4, KEYS = 200, MANY = 10, VALUE_LEN = 1024, GROWTH_KIB = 48 * 1024 };

/* One change, as its writer made it or as a watcher was told. */
struct record {
    uint64_t commit;
    bobbin_change_kind kind;
    int writer;
    int key;
    long number; /* of a set: counts the writer's changes; else 0 */
};

struct writer {
    pthread_t thread;
    int number;
    bobbin *b;
    long goal; /* changes to make */
    long value_len;
    unsigned seed;
    bool present[KEYS];
    struct record *records; /* what it made */
    long count;
};

static struct harness h;
static struct writer writers[WRITERS];
static long change_count;

static void setup(void)
{
    const char *asked = getenv("BOBBIN_CHANGES");
    char dir[160];
    change_count = asked ? atol(asked) : CHANGES_DEFAULT;
    harness_init(&h);
    harness_start(&h);
    harness_register(&h, "plain", NULL, dir);
}

static void teardown(void)
{
    harness_fini(&h);
}

/* Keys are W/K, values the number of the change, filled up with spaces. */
static void key_of(const struct writer *w, int key, char ret[32])
{
    snprintf(ret, 32, "%d/%03d", w->number, key);
}

static void value_of(const struct writer *w, long number, char ret[VALUE_LEN + 1])
{
    snprintf(ret, VALUE_LEN + 1, "%-*ld", (int)w->value_len, number);
}

static void note(struct writer *w, bobbin_change_kind kind, int key)
{
    w->present[key] = kind == BOBBIN_CHANGE_SET;
    w->records[w->count] = (struct record){
        .kind = kind,
        .writer = w->number,
        .key = key,
        .number = kind == BOBBIN_CHANGE_SET ? w->count : 0,
    };
    w->count++;
}

static void set_one(struct writer *w, int key)
{
    char name[32], value[VALUE_LEN + 1];
    key_of(w, key, name);
    value_of(w, w->count, value);
    harness_ok(w->b, bobbin_set(w->b, "default", name, strlen(name), value, strlen(value)));
    note(w, BOBBIN_CHANGE_SET, key);
}

/* No change, and nothing to be told, when there is no entry. */
static void delete_one(struct writer *w, int key)
{
    char name[32];
    key_of(w, key, name);
    harness_ok(w->b, bobbin_delete(w->b, "default", name, strlen(name)));
    if (w->present[key])
        note(w, BOBBIN_CHANGE_DELETE, key);
}

static void set_many(struct writer *w, int first)
{
    static _Thread_local char names[MANY][32], values[MANY][VALUE_LEN + 1];
    bobbin_entry entries[MANY];
    long begin = w->count;
    for (int i = 0; i < MANY; i++) {
        key_of(w, (first + i) % KEYS, names[i]);
        value_of(w, begin + i, values[i]);
        entries[i].key = (bobbin_string){names[i], strlen(names[i])};
        entries[i].value = (bobbin_string){values[i], strlen(values[i])};
        note(w, BOBBIN_CHANGE_SET, (first + i) % KEYS);
    }
    harness_ok(w->b, bobbin_set_many(w->b, "default", entries, MANY, 0));
}

/* Set some, delete some, one of them behind its own set. */
static void atomic_ops(struct writer *w, int first)
{
    char names[4][32], value[VALUE_LEN + 1];
    bobbin_op ops[5];
    bool applied;
    for (int i = 0; i < 4; i++) {
        int key = (first + i) % KEYS;
        key_of(w, key, names[i]);
        memset(&ops[i], 0, sizeof ops[i]);
        ops[i].key = (bobbin_string){names[i], strlen(names[i])};
        ops[i].kind = i == 0 ? BOBBIN_OP_SET : BOBBIN_OP_DELETE;
        if (i == 0) {
            value_of(w, w->count, value);
            ops[i].value = (bobbin_string){value, strlen(value)};
            note(w, BOBBIN_CHANGE_SET, key);
        } else if (w->present[key]) {
            note(w, BOBBIN_CHANGE_DELETE, key);
        }
    }
    ops[4] = ops[0];
    ops[4].kind = BOBBIN_OP_DELETE;
    note(w, BOBBIN_CHANGE_DELETE, first % KEYS);
    harness_ok(w->b, bobbin_atomic(w->b, "default", NULL, 0, ops, 5, &applied, NULL));
    ck_assert(applied);
}

static void *make_changes(void *arg)
{
    struct writer *w = arg;
    while (w->count < w->goal) {
        long begin = w->count;
        int key = rand_r(&w->seed) % KEYS;
        int kind = rand_r(&w->seed) % 10;
        if (kind < 4)
            set_one(w, key);
        else if (kind < 6)
            delete_one(w, key);
        else if (kind < 8)
            set_many(w, key);
        else
            atomic_ops(w, key);
        for (long i = begin; i < w->count; i++)
            w->records[i].commit = bobbin_last_commit(w->b);
    }
    return NULL;
}

static void *make_large_changes(void *arg)
{
    struct writer *w = arg;
    while (w->count < w->goal) {
        long begin = w->count;
        set_many(w, rand_r(&w->seed) % KEYS);
        for (long i = begin; i < w->count; i++)
            w->records[i].commit = bobbin_last_commit(w->b);
    }
    return NULL;
}

static void writers_start(void *(*run)(void *arg), long changes, long value_len)
{
    for (int i = 0; i < WRITERS; i++) {
        struct writer *w = &writers[i];
        w->number = i;
        w->seed = w->seed ? w->seed : (unsigned)i + 1;
        w->count = 0;
        w->goal = changes / WRITERS;
        w->value_len = value_len;
        w->records = calloc((size_t)w->goal + 2 * MANY, sizeof *w->records);
        w->b = harness_connect(&h, "plain");
        ck_assert_int_eq(pthread_create(&w->thread, NULL, run, w), 0);
    }
}

/* Returns how many changes were made. */
static long writers_join(void)
{
    long count = 0;
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].thread, NULL);
        bobbin_close(writers[i].b);
        count += writers[i].count;
    }
    return count;
}

static void writers_fini(void)
{
    for (int i = 0; i < WRITERS; i++)
        free(writers[i].records);
}

static struct record record_of(const bobbin_change *change)
{
    struct record record = {.commit = change->commit, .kind = change->kind};
    ck_assert_int_eq(sscanf(change->key.data, "%d/%d", &record.writer, &record.key), 2);
    if (change->value.data)
        record.number = atol(change->value.data);
    return record;
}

/* A watcher that reads. */
struct watcher {
    pthread_t thread;
    bobbin *b;
    struct record *records;
    long count;
    atomic_long goal; /* how many there will be; LONG_MAX: not known yet */
};

static void *read_changes(void *arg)
{
    struct watcher *r = arg;
    long deadline = harness_now_ms() + 2 * HARNESS_PATIENCE_MS;
    while (r->count < r->goal) {
        bobbin_change *change;
        harness_ok(r->b, bobbin_next_change(r->b, 100, &change));
        ck_assert_msg(harness_now_ms() < deadline, "%ld changes were told, of %ld", r->count,
                      (long)r->goal);
        if (!change)
            continue;
        ck_assert_int_ne(change->kind, BOBBIN_CHANGE_OVERFLOW);
        ck_assert_int_lt(r->count, change_count + 1000);
        r->records[r->count++] = record_of(change);
        bobbin_change_free(change);
    }
    return NULL;
}

/* Commit numbers are without a gap: nothing else was changed in this app. */
static void check_order(const struct watcher *r, uint64_t first)
{
    uint64_t commit = first;
    ck_assert_uint_eq(r->records[0].commit, first);
    for (long i = 0; i < r->count; i++) {
        uint64_t next = r->records[i].commit;
        ck_assert_msg(next == commit || next == commit + 1,
                      "change %ld is of commit %llu, the one before of %llu", i,
                      (unsigned long long)next, (unsigned long long)commit);
        commit = next;
    }
}

/* Taken writer by writer, what was told is what was made. */
static void check_against_writers(const struct watcher *r)
{
    long at[WRITERS] = {0};
    for (long i = 0; i < r->count; i++) {
        const struct record *told = &r->records[i];
        const struct writer *w = &writers[told->writer];
        const struct record *made = &w->records[at[told->writer]++];
        ck_assert_int_le(at[told->writer], w->count);
        ck_assert_msg(told->commit == made->commit && told->kind == made->kind &&
                          told->key == made->key && told->number == made->number,
                      "writer %d: told was commit %llu, kind %d, key %d, number %ld; made were "
                      "%llu, %d, %d, %ld",
                      told->writer, (unsigned long long)told->commit, (int)told->kind, told->key,
                      told->number, (unsigned long long)made->commit, (int)made->kind, made->key,
                      made->number);
    }
    for (int i = 0; i < WRITERS; i++)
        ck_assert_int_eq(at[i], writers[i].count);
}

/* What follows from the changes told is what the store has. */
static void check_state(bobbin *b, const struct watcher *r)
{
    static long state[WRITERS][KEYS]; /* number + 1; 0: no entry */
    bobbin_keys_options options = {.limit = 10000};
    bobbin_entry_page *page;
    size_t count = 0;
    memset(state, 0, sizeof state);
    for (long i = 0; i < r->count; i++) {
        const struct record *told = &r->records[i];
        state[told->writer][told->key] = told->kind == BOBBIN_CHANGE_SET ? told->number + 1 : 0;
    }
    for (int i = 0; i < WRITERS * KEYS; i++)
        count += state[i / KEYS][i % KEYS] != 0;
    harness_ok(b, bobbin_entries(b, "default", &options, &page));
    ck_assert(!page->more);
    ck_assert_uint_eq(page->count, count);
    for (size_t i = 0; i < page->count; i++) {
        int writer, key;
        ck_assert_int_eq(sscanf(page->entries[i].key.data, "%d/%d", &writer, &key), 2);
        ck_assert_int_eq(state[writer][key], atol(page->entries[i].value.data) + 1);
    }
    bobbin_entry_page_free(page);
}

START_TEST(test_every_change_in_order)
{
    struct watcher r = {.goal = LONG_MAX};
    bobbin_watch_options options = {.values = true};
    uint64_t id;
    long begin = harness_now_ms();
    bobbin *b = harness_connect(&h, "plain");
    r.b = harness_connect(&h, "plain");
    r.records = calloc((size_t)change_count + 1000, sizeof *r.records);
    harness_ok(r.b, bobbin_watch(r.b, "default", &options, &id));
    ck_assert_int_eq(pthread_create(&r.thread, NULL, read_changes, &r), 0);
    harness_ok(b, bobbin_count(b, "default", NULL, NULL));
    {
        uint64_t before = bobbin_last_commit(b);
        writers_start(make_changes, change_count, 8);
        r.goal = writers_join();
        pthread_join(r.thread, NULL);
        check_order(&r, before + 1);
    }
    check_against_writers(&r);
    check_state(b, &r);
    printf("%ld changes told in %ld ms\n", r.count, harness_now_ms() - begin);
    {
        bobbin_change *change;
        harness_ok(r.b, bobbin_next_change(r.b, 0, &change));
        ck_assert_ptr_null(change);
    }
    writers_fini();
    free(r.records);
    bobbin_close(r.b);
    bobbin_close(b);
    ck_assert_int_eq(harness_stop(&h), 0);
}
END_TEST

/* A figure of /proc/PID/status, in KiB. */
static long daemon_kib(const char *name)
{
    char path[64];
    char *status, *line;
    long kib;
    snprintf(path, sizeof path, "/proc/%d/status", (int)h.pid);
    status = harness_read_file(path);
    ck_assert_ptr_nonnull(status);
    line = strstr(status, name);
    ck_assert_ptr_nonnull(line);
    kib = atol(line + strlen(name));
    free(status);
    return kib;
}

/* Changes per second. */
static long write_large(long changes)
{
    long begin = harness_now_ms();
    long made;
    writers_start(make_large_changes, changes, VALUE_LEN);
    made = writers_join();
    writers_fini();
    return made * 1000 / (harness_now_ms() - begin + 1);
}

/* Read what a watcher has been sent until it is told that it missed something; returns the commit
 * from which it can go on. When its connection was closed instead, it connects again. */
static uint64_t read_to_overflow(bobbin *b, uint64_t before, long *ret_told)
{
    uint64_t commit = before;
    for (*ret_told = 0;; (*ret_told)++) {
        bobbin_change *change;
        bobbin_status status = bobbin_next_change(b, HARNESS_PATIENCE_MS, &change);
        if (status == BOBBIN_DISCONNECTED) {
            harness_ok(b, bobbin_reconnect(b));
            return commit ? commit - 1 : 0;
        }
        harness_ok(b, status);
        ck_assert_msg(change, "neither a change nor an overflow behind commit %llu",
                      (unsigned long long)commit);
        if (change->kind == BOBBIN_CHANGE_OVERFLOW) {
            uint64_t from = change->commit;
            bobbin_change_free(change);
            ck_assert_msg(from == commit || from + 1 == commit,
                          "overflow behind commit %llu, the last change told is of %llu",
                          (unsigned long long)from, (unsigned long long)commit);
            return from;
        }
        ck_assert(change->commit == commit || change->commit == commit + 1);
        commit = change->commit;
        bobbin_change_free(change);
    }
}

/* Go on behind `since` up to the last commit; false: the log does not reach back that far. */
static bool read_rest(bobbin *b, uint64_t since, uint64_t last, long *ret_told)
{
    bobbin_watch_options options = {.values = true, .has_since = true, .since = since};
    uint64_t commit = since;
    uint64_t id;
    bobbin_status status = bobbin_watch(b, "default", &options, &id);
    *ret_told = 0;
    if (status == BOBBIN_COMPACTED)
        return false;
    harness_ok(b, status);
    while (commit < last) {
        bobbin_change *change;
        harness_ok(b, bobbin_next_change(b, HARNESS_PATIENCE_MS, &change));
        ck_assert_msg(change, "no change behind commit %llu of %llu", (unsigned long long)commit,
                      (unsigned long long)last);
        ck_assert_int_eq(change->kind, BOBBIN_CHANGE_SET);
        ck_assert(change->commit == commit || change->commit == commit + 1);
        commit = change->commit;
        (*ret_told)++;
        bobbin_change_free(change);
    }
    harness_ok(b, bobbin_unwatch(b, id, NULL));
    return true;
}

/* A watcher that does not read while so many changes are made, then reads. */
static bool neglect(bobbin *b, long changes, long alone, uint64_t *ret_before)
{
    bobbin_watch_options options = {.values = true};
    bobbin *watcher = harness_connect(&h, "plain");
    long told, rest, speed;
    uint64_t id, last, since;
    bool resumed;
    harness_ok(b, bobbin_count(b, "default", NULL, NULL));
    *ret_before = bobbin_last_commit(b);
    harness_ok(watcher, bobbin_watch(watcher, "default", &options, &id));
    speed = write_large(changes);
    /* A commit of one change, so that it is known when all of the last one has been told. */
    harness_ok(b, bobbin_set(b, "default", "end", 3, "", 0));
    last = bobbin_last_commit(b);
    since = read_to_overflow(watcher, *ret_before, &told);
    resumed = read_rest(watcher, since, last, &rest);
    printf("%ld changes/s beside a watcher that does not read, %ld/s without; %ld told before the "
           "overflow, %s %ld\n",
           speed, alone, told, resumed ? "then" : "compacted, then", rest);
    ck_assert_int_lt(told, changes);
    if (resumed) {
        ck_assert_int_ge(told + rest, changes);
        /* A commit of which only a part had been told is told again. */
        ck_assert_int_le(told + rest, changes + WRITERS * 2 * MANY + 1000);
    }
    bobbin_close(watcher);
    return resumed;
}

START_TEST(test_watcher_that_does_not_read)
{
    bobbin *b = harness_connect(&h, "plain");
    long alone = write_large(change_count / 4);
    long before = daemon_kib("VmRSS:");
    long growth;
    uint64_t commit;
    neglect(b, change_count, alone, &commit);
    growth = daemon_kib("VmHWM:") - before;
    printf("the daemon grew by %ld KiB\n", growth);
    if (!SANITIZED)
        ck_assert_int_lt(growth, GROWTH_KIB);
    bobbin_close(b);
    ck_assert_int_eq(harness_stop(&h), 0);
}
END_TEST

/* With few enough changes for the log nothing is lost. */
START_TEST(test_watcher_goes_on_behind_overflow)
{
    bobbin *b = harness_connect(&h, "plain");
    uint64_t commit;
    ck_assert(neglect(b, 40000, 0, &commit));
    bobbin_close(b);
    ck_assert_int_eq(harness_stop(&h), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch order");
    TCase *tc = tcase_create("watch order");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, test_every_change_in_order);
    tcase_add_test(tc, test_watcher_that_does_not_read);
    tcase_add_test(tc, test_watcher_goes_on_behind_overflow);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
