/* Random sequences of all requests by several connections, with restarts, kills and steps of the
 * clock, against a model in memory.
 *
 * Requests are issued in bursts, each on one connection and awaited before the next, so that their
 * order is known and a seed repeats them. $BOBBIN_OPERATIONS says how many, $BOBBIN_SEED which. */
#include <check.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "harness.h"
#include "model.h"
#include "random.h"
#include "script.h"
#include "wall_clock.h"

#ifdef __SANITIZE_ADDRESS__
enum { OPERATIONS_DEFAULT = 20000 };
#else
enum { OPERATIONS_DEFAULT = 100000 };
#endif

enum { CONNECTIONS = 4, BURST = 64, SESSION = 2500, SHOWN = 20 };
enum { HOUR_MS = 3600 * 1000 };

/* No entry's time may end so soon, so that it is known which there are. */
enum { MARGIN_MS = 30000, SESSION_MARGIN_MS = 120000, WAIT_MS = 5000 };

/* A request under way. */
struct operation {
    struct script_request request;
    struct model_outcome outcome;
    uint64_t serial;
    struct span now; /* when it was sent */
    char *expected;  /* what the model says */
    char *got;       /* what the service says */
    uint64_t commit;
    int64_t number;       /* of the answer */
    bobbin_string cursor; /* of the answer's page; a copy */
    bool answered;
};

static struct harness h;
static struct pool pool;
static struct model model;
static struct script script;
static struct wall_clock wall;
static bobbin *connections[CONNECTIONS];
static struct operation burst[BURST];
static uint64_t serial;
static uint64_t seed;
static unsigned restarts, kills, steps;
static char *shown[SHOWN]; /* what was done last, as a ring */
static unsigned shown_at;

static void setup(void)
{
    seed = random_seed();
    harness_init(&h);
    pool_init(&pool);
    model_init(&model, &pool);
    script_init(&script, seed, &model);
    wall_clock_init(&wall, h.dir);
    h.environment = wall.environment;
}

static void teardown(void)
{
    harness_fini(&h);
    wall_clock_fini(&wall);
    script_fini(&script);
    model_fini(&model);
    pool_fini(&pool);
    for (int i = 0; i < SHOWN; i++)
        free(shown[i]);
}

/* A line for the list of what was done last. */
static void show(const char *who, const struct operation *op)
{
    size_t len;
    char *text;
    FILE *out = open_memstream(&text, &len);
    fprintf(out, "%s", who);
    if (op) {
        fprintf(out, " #%llu ", (unsigned long long)op->serial);
        answer_print_request(out, &op->request.request);
        fprintf(out, "-> %s (commit %llu)", op->got, (unsigned long long)op->commit);
    }
    fclose(out);
    free(shown[shown_at % SHOWN]);
    shown[shown_at++ % SHOWN] = text;
}

static void mismatch(const struct operation *op, const char *why)
{
    printf("The last operations:\n");
    for (unsigned i = shown_at < SHOWN ? 0 : shown_at - SHOWN; i < shown_at; i++)
        printf("  %s\n", shown[i % SHOWN]);
    fflush(stdout);
    ck_abort_msg("%s\n  expected: %s\n  got:      %s\n  left: %lld of %lld … %lld ms\n"
                 "repeat with BOBBIN_SEED=%llu",
                 why, op->expected, op->got, (long long)op->number, (long long)op->outcome.left.low,
                 (long long)op->outcome.left.high, (unsigned long long)seed);
}

static void on_result(void *arg, const bobbin_result *result)
{
    struct operation *op = arg;
    const bobbin_string *cursor = result->keys      ? &result->keys->cursor
                                  : result->entries ? &result->entries->cursor
                                                    : NULL;
    size_t len;
    FILE *out = open_memstream(&op->got, &len);
    answer_print(out, result);
    fclose(out);
    op->answered = true;
    op->commit = result->commit;
    op->number = result->number;
    if (cursor && cursor->data) {
        op->cursor = (bobbin_string){malloc(cursor->len + 1), cursor->len};
        memcpy((char *)op->cursor.data, cursor->data, cursor->len);
    }
}

typedef void (*next_request)(struct script *s, struct script_request *ret);

static void send_one(bobbin *b, next_request next, struct operation *op)
{
    struct model_call call = {
        .request = &op->request.request,
        .serial = ++serial,
        .now = wall_clock_now(&wall),
    };
    size_t len;
    FILE *out = open_memstream(&op->expected, &len);
    next(&script, &op->request);
    if (op->request.listing)
        call.behind = op->request.listing->behind;
    op->serial = serial;
    op->now = call.now;
    model_run(&model, &call, out, &op->outcome);
    fclose(out);
    harness_ok(b, bobbin_submit(b, &op->request.request, HARNESS_PATIENCE_MS, on_result, op, NULL));
}

static void await(bobbin *b)
{
    while (bobbin_pending(b)) {
        struct pollfd p = {bobbin_fd(b), bobbin_events(b), 0};
        poll(&p, 1, bobbin_timeout(b));
        bobbin_process(b, p.revents);
    }
}

/* Commit numbers never fall, but that what changes nothing is told the last commit from before the batch
 * that it came with; and a change has a new one. */
static void check_commit(struct operation *op, uint64_t before)
{
    if (!strncmp(op->expected, "error", 5))
        return;
    if (op->commit + !op->outcome.changed < model.latest)
        mismatch(op, "a commit number that is less than the one before");
    if (op->outcome.changed && op->commit <= before)
        mismatch(op, "a change without a commit of its own");
    if (op->commit > model.latest)
        model.latest = op->commit;
    if (op->outcome.changed)
        model_committed(&model, op->serial, op->commit);
}

static void check_answer(struct operation *op, struct span now)
{
    op->outcome.left.low -= now.high;
    if (!op->answered)
        mismatch(op, "no answer");
    if (strcmp(op->expected, op->got) != 0)
        mismatch(op, "another answer");
    if (op->request.request.kind == BOBBIN_REQUEST_TTL && !strcmp(op->got, "left") &&
        (op->number < op->outcome.left.low || op->number > op->outcome.left.high))
        mismatch(op, "another time is left");
}

static void operation_end(struct operation *op)
{
    if (op->request.listing)
        script_page(op->request.listing, op->outcome.last, op->cursor);
    script_request_fini(&op->request);
    free(op->expected);
    free(op->got);
    free((char *)op->cursor.data);
}

/* Send so many requests, one after the other, and compare what comes back. */
static void run_burst(int connection, next_request next, int count)
{
    uint64_t before = model.latest;
    struct span now = {0};
    for (int i = 0; i < count; i++)
        send_one(connections[connection], next, &burst[i]);
    await(connections[connection]);
    now = wall_clock_now(&wall);
    model_answered(&model, now);
    for (int i = 0; i < count; i++) {
        char who[32];
        snprintf(who, sizeof who, "connection %d", connection);
        show(who, &burst[i]);
        check_answer(&burst[i], now);
        check_commit(&burst[i], before);
        if (burst[i].outcome.changed)
            wall_clock_written(&wall, (struct span){burst[i].now.low, now.high});
    }
    for (int i = 0; i < count; i++)
        operation_end(&burst[i]);
    memset(burst, 0, (size_t)count * sizeof *burst);
}

/* Until it is known of every entry whether it is there; false: that takes longer than is waited
 * for. */
static bool settle(void)
{
    long deadline = harness_now_ms() + HARNESS_PATIENCE_MS;
    for (;;) {
        struct span now = wall_clock_now(&wall);
        int64_t certain = model_doubt(&model, now, MARGIN_MS);
        if (!certain) {
            model_expire(&model, now);
            return true;
        }
        if (certain - now.low > WAIT_MS)
            return false;
        ck_assert_msg(harness_now_ms() < deadline, "the test's clock stands still");
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

/* A time to start the daemon at: some hours behind or before that of its end, but not one at which
 * it would be open what has expired. */
static void choose_time(void)
{
    int64_t target = wall.floor.high;
    if (!target)
        return;
    target += (int64_t)random_below(&script.random, 6 * HOUR_MS) - 2 * HOUR_MS;
    wall_clock_set(&wall, target);
    while (model_doubt(&model, wall_clock_if_started(&wall), SESSION_MARGIN_MS))
        wall_clock_step(&wall, 10000);
}

static void start(void)
{
    char text[64];
    choose_time();
    wall_clock_starting(&wall);
    harness_start(&h);
    if (!serial) {
        char dir[160];
        harness_register(&h, "model", pool_manifest, dir);
    }
    for (int i = 0; i < CONNECTIONS; i++)
        connections[i] = harness_connect(&h, "model");
    harness_ok(connections[0], bobbin_count(connections[0], "default", NULL, NULL));
    wall_clock_started(&wall);
    model_expire(&model, wall_clock_now(&wall));
    snprintf(text, sizeof text, "started, the clock says %lld",
             (long long)wall_clock_now(&wall).low);
    show(text, NULL);
}

static void stop(void)
{
    if (random_percent(&script.random, 50)) {
        int status = harness_stop(&h);
        show("SIGTERM", NULL);
        ck_assert_msg(!status, "the daemon ended with %d", status);
        restarts++;
    } else {
        harness_kill(&h);
        show("SIGKILL", NULL);
        kills++;
    }
    wall_clock_ended(&wall);
    for (int i = 0; i < CONNECTIONS; i++)
        bobbin_close(connections[i]);
}

/* One session of the daemon: returns how many operations were done. */
static unsigned long run_session(unsigned long most)
{
    unsigned long done = 0;
    unsigned long goal = 1 + random_below(&script.random, 2 * SESSION);
    start();
    while (done < goal && done < most && settle()) {
        int connection = (int)random_below(&script.random, CONNECTIONS);
        bool alone = random_percent(&script.random, 25);
        unsigned long count = alone ? 1 : 1 + random_below(&script.random, BURST);
        bool brief = random_percent(&script.random, 1);
        if (brief)
            count = 1 + count % 4;
        if (count > most - done)
            count = most - done;
        run_burst(connection, brief ? script_next_brief : script_next, (int)count);
        done += count;
        if (random_percent(&script.random, 2)) {
            wall_clock_step(&wall, ((int64_t)random_below(&script.random, 48) - 24) * HOUR_MS);
            show("the wall clock is stepped", NULL);
            steps++;
        }
    }
    return done;
}

/* The next entry of the model's label from `key` on, in the order of keys; POOL_KEYS: none. */
static int next_present(int label, int key)
{
    while (key < POOL_KEYS && !model.entries[label][key].value)
        key++;
    return key;
}

static int compare_page(int label, int key, const bobbin_entry_page *page)
{
    for (size_t i = 0; i < page->count; i++, key++) {
        const struct model_entry *entry;
        key = next_present(label, key);
        ck_assert_int_lt(key, POOL_KEYS);
        entry = &model.entries[label][key];
        ck_assert_int_eq(pool_compare(page->entries[i].key, pool.keys[key]), 0);
        ck_assert_uint_eq(page->entries[i].value.len, entry->len);
        ck_assert_mem_eq(page->entries[i].value.data, entry->value, entry->len);
    }
    return key;
}

/* A full listing of a label has what the model has, and nothing else. */
static void compare_label(bobbin *b, int label)
{
    bobbin_keys_options options = {.limit = 7};
    char cursor[4096];
    int key = 0;
    do {
        bobbin_entry_page *page;
        harness_ok(b, bobbin_entries(b, pool_labels[label], &options, &page));
        key = compare_page(label, key, page);
        options.cursor = page->more ? cursor : NULL;
        options.cursor_len = page->cursor.len;
        ck_assert_uint_le(page->cursor.len, sizeof cursor);
        if (page->more)
            memcpy(cursor, page->cursor.data, page->cursor.len);
        bobbin_entry_page_free(page);
    } while (options.cursor);
    ck_assert_int_eq(next_present(label, key), POOL_KEYS);
}

/* What Spin would read: every entry that has not expired is a row of its table. */
static void compare_file(void)
{
    char path[160];
    sqlite3 *db;
    sqlite3_stmt *stmt;
    snprintf(path, sizeof path, "%s/model/.spin/sqlite_key_value.db", h.dir);
    ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    ck_assert_str_eq((const char *)sqlite3_column_text(stmt, 0), "ok");
    sqlite3_finalize(stmt);
    sqlite3_prepare_v2(db, "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2", -1,
                       &stmt, NULL);
    for (int label = 0; label < POOL_LABELS; label++) {
        for (int key = next_present(label, 0); key < POOL_KEYS;
             key = next_present(label, key + 1)) {
            const struct model_entry *entry = &model.entries[label][key];
            sqlite3_bind_text(stmt, 1, pool_labels[label], -1, SQLITE_STATIC);
            sqlite3_bind_text(stmt, 2, pool.keys[key].data, (int)pool.keys[key].len, SQLITE_STATIC);
            ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
            ck_assert_int_eq(sqlite3_column_bytes(stmt, 0), (int)entry->len);
            if (entry->len)
                ck_assert_mem_eq(sqlite3_column_blob(stmt, 0), entry->value, entry->len);
            sqlite3_reset(stmt);
        }
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
}

START_TEST(test_service_equals_model)
{
    unsigned long most = random_setting("BOBBIN_OPERATIONS", OPERATIONS_DEFAULT);
    unsigned long done = 0;
    printf("BOBBIN_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
    while (done < most) {
        done += run_session(most - done);
        if (done < most)
            stop();
    }
    ck_assert(settle());
    for (int label = 0; label < POOL_LABELS; label++)
        compare_label(connections[0], label);
    for (int i = 0; i < CONNECTIONS; i++)
        bobbin_close(connections[i]);
    ck_assert_int_eq(harness_stop(&h), 0);
    compare_file();
    printf("%lu operations, %llu changes, %u restarts, %u kills, %u steps of a running clock\n",
           done, (unsigned long long)model.changes, restarts, kills, steps);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model");
    TCase *tc = tcase_create("model");
    SRunner *runner;
    int failed;
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 3000);
    tcase_add_test(tc, test_service_equals_model);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
