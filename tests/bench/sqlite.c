#include "sqlite.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>

#define FILL_BATCH 10000u

enum phase { PHASE_WARMUP, PHASE_MEASURE, PHASE_DONE };

/* What the threads share. `mutex` guards the connection and its statements. */
struct store {
    sqlite3 *db;
    sqlite3_stmt *get, *set, *begin, *commit;
    pthread_mutex_t mutex;
    _Atomic enum phase phase;
    atomic_bool answered; /* something was done in the measured time, or failed */
};

struct worker {
    struct store *store;
    const struct sqlite_load *load;
    pthread_t thread;
    struct values values;
    uint64_t random;
    struct hist hist;
    struct error problem; /* code 0: none */
};

static int store_fault(const struct store *s, const char *what, struct error *e)
{
    return error_set(e, ERR_OTHER, "sqlite: %s: %s", what,
                     s->db ? sqlite3_errmsg(s->db) : "out of memory");
}

static int prepare(struct store *s, const char *sql, sqlite3_stmt **ret, struct error *e)
{
    return sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL)
               ? store_fault(s, sql, e)
               : 0;
}

/* Spin opens its file and sets nothing: a rollback journal, synchronous FULL. */
static int store_open(struct store *s, const struct sqlite_load *l, struct error *e)
{
    const char *pragmas = l->kind == TARGET_SQLITE_WAL
                              ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"
                              : "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL";
    int rc = 0;
    *s = (struct store){.mutex = PTHREAD_MUTEX_INITIALIZER};
    if (sqlite3_open(l->path, &s->db) || sqlite3_exec(s->db, pragmas, NULL, NULL, NULL) ||
        sqlite3_exec(s->db,
                     "CREATE TABLE IF NOT EXISTS spin_key_value (store TEXT NOT NULL,"
                     " key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (store, key))",
                     NULL, NULL, NULL))
        rc = store_fault(s, "cannot open the file", e);
    if (!rc)
        rc = prepare(s, "SELECT value FROM spin_key_value WHERE store = ?1 AND key = ?2", &s->get,
                     e);
    if (!rc)
        rc = prepare(s,
                     "INSERT INTO spin_key_value (store, key, value) VALUES (?1, ?2, ?3)"
                     " ON CONFLICT (store, key) DO UPDATE SET value = ?3",
                     &s->set, e);
    if (!rc)
        rc = prepare(s, "BEGIN IMMEDIATE", &s->begin, e);
    if (!rc)
        rc = prepare(s, "COMMIT", &s->commit, e);
    return rc;
}

static void store_close(struct store *s)
{
    sqlite3_finalize(s->get);
    sqlite3_finalize(s->set);
    sqlite3_finalize(s->begin);
    sqlite3_finalize(s->commit);
    sqlite3_close(s->db);
}

static void bind_key(sqlite3_stmt *stmt, const uint8_t *key)
{
    sqlite3_bind_text(stmt, 1, "default", 7, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 2, (const char *)key, KEY_LEN, SQLITE_STATIC);
}

static int step_done(struct store *s, sqlite3_stmt *stmt, struct error *e)
{
    int result = sqlite3_step(stmt);
    sqlite3_reset(stmt);
    return result == SQLITE_DONE ? 0 : store_fault(s, "cannot write", e);
}

static int store_set(struct store *s, const uint8_t *key, const uint8_t *value, size_t len,
                     struct error *e)
{
    bind_key(s->set, key);
    sqlite3_bind_blob64(s->set, 3, value, len, SQLITE_STATIC);
    return step_done(s, s->set, e);
}

/* The value is copied out, as it is for a guest. */
static int store_get(struct store *s, const uint8_t *key, uint8_t *ret, size_t size,
                     size_t *ret_len, struct error *e)
{
    int result, rc = 0;
    bind_key(s->get, key);
    result = sqlite3_step(s->get);
    *ret_len = 0;
    if (result == SQLITE_ROW) {
        const void *blob = sqlite3_column_blob(s->get, 0);
        size_t len = (size_t)sqlite3_column_bytes(s->get, 0);
        if (len <= size)
            memcpy(ret, blob, *ret_len = len);
    } else if (result != SQLITE_DONE) {
        rc = store_fault(s, "cannot read", e);
    }
    sqlite3_reset(s->get);
    return rc;
}

static int store_increment(struct store *s, const uint8_t *key, struct error *e)
{
    int64_t number = 0;
    size_t len;
    int rc = step_done(s, s->begin, e);
    if (!rc)
        rc = store_get(s, key, (uint8_t *)&number, sizeof number, &len, e);
    number++;
    if (!rc)
        rc = store_set(s, key, (const uint8_t *)&number, sizeof number, e);
    return rc ? rc : step_done(s, s->commit, e);
}

static enum op choose(struct worker *w)
{
    const struct sqlite_load *l = w->load;
    if (l->reads == 100)
        return l->op;
    return bench_below(&w->random, 100) < l->reads ? OP_GET : OP_SET;
}

/* One operation under the mutex; `scratch` has room for a value. */
static int work(struct worker *w, enum op op, uint64_t number, uint8_t *scratch, struct error *e)
{
    const struct sqlite_load *l = w->load;
    uint8_t key[KEY_LEN];
    size_t len = l->value_len;
    int rc;
    key_write(key, op, number);
    if (op == OP_SET)
        values_write(&w->values, scratch, number);
    pthread_mutex_lock(&w->store->mutex);
    if (op == OP_GET)
        rc = store_get(w->store, key, scratch, l->value_len, &len, e);
    else if (op == OP_SET)
        rc = store_set(w->store, key, scratch, len, e);
    else
        rc = store_increment(w->store, key, e);
    pthread_mutex_unlock(&w->store->mutex);
    if (!rc && op == OP_GET && !values_check(scratch, len, l->value_len, number))
        rc = error_set(e, ERR_OTHER, "sqlite: a value is not the one of its key");
    return rc;
}

static void *worker_run(void *arg)
{
    struct worker *w = arg;
    uint8_t *scratch = malloc(w->load->value_len);
    enum phase phase = PHASE_WARMUP;
    int rc = scratch ? 0 : error_set(&w->problem, ERR_OTHER, "out of memory");
    while (!rc && phase != PHASE_DONE) {
        uint64_t began = bench_now();
        uint64_t number = bench_below(&w->random, w->load->keys);
        rc = work(w, choose(w), number, scratch, &w->problem);
        phase = atomic_load_explicit(&w->store->phase, memory_order_relaxed);
        if (phase == PHASE_MEASURE) {
            hist_record(&w->hist, bench_now() - began);
            atomic_store_explicit(&w->store->answered, true, memory_order_relaxed);
        }
    }
    if (rc)
        atomic_store(&w->store->answered, true);
    free(scratch);
    return NULL;
}

/* False when interrupted. */
static bool wait_seconds(double seconds)
{
    uint64_t until = bench_now() + (uint64_t)(seconds * (double)BENCH_NS);
    while (!bench_interrupted) {
        uint64_t now = bench_now(), left = until > now ? until - now : 0;
        if (!left)
            return true;
        if (left > BENCH_NS / 10)
            left = BENCH_NS / 10;
        nanosleep(&(struct timespec){.tv_nsec = (long)left}, NULL);
    }
    return false;
}

static uint64_t process_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * BENCH_NS + (uint64_t)t.tv_nsec;
}

static void conduct(struct sqlite_load *l, struct store *s)
{
    uint64_t began, cpu;
    wait_seconds(l->warmup);
    began = bench_now();
    cpu = process_cpu();
    atomic_store(&s->phase, PHASE_MEASURE);
    wait_seconds(l->seconds);
    while (!atomic_load(&s->answered) && wait_seconds(0.01))
        ;
    atomic_store(&s->phase, PHASE_DONE);
    l->elapsed = (double)(bench_now() - began) / (double)BENCH_NS;
    l->client_cpu = process_cpu() - cpu;
}

static int start_worker(struct worker *w, struct store *s, const struct sqlite_load *l, unsigned i,
                        struct error *e)
{
    int rc = values_init(&w->values, l->value_len, l->seed + i, e);
    w->store = s;
    w->load = l;
    w->random = (l->seed + i) * 2654435761u + 1;
    hist_clear(&w->hist);
    if (!rc && pthread_create(&w->thread, NULL, worker_run, w))
        rc = error_set(e, ERR_OTHER, "cannot make a thread");
    if (rc)
        values_fini(&w->values);
    return rc;
}

int sqlite_run(struct sqlite_load *l, struct error *e)
{
    struct worker *workers = calloc(l->threads, sizeof *workers);
    struct store s;
    unsigned started = 0;
    int rc = store_open(&s, l, e);
    if (!rc && !workers)
        rc = error_set(e, ERR_OTHER, "out of memory");
    while (!rc && started < l->threads) {
        rc = start_worker(&workers[started], &s, l, started, e);
        started += !rc;
    }
    if (!rc)
        conduct(l, &s);
    atomic_store(&s.phase, PHASE_DONE);
    hist_clear(&l->hist);
    for (unsigned i = 0; i < started; i++) {
        pthread_join(workers[i].thread, NULL);
        values_fini(&workers[i].values);
        hist_add(&l->hist, &workers[i].hist);
        if (!rc && workers[i].problem.code) {
            *e = workers[i].problem;
            rc = e->code;
        }
    }
    free(workers);
    store_close(&s);
    return rc ? rc : bench_check(e);
}

/* One transaction of the filling. */
static int fill_batch(struct store *s, struct values *v, uint64_t from, uint64_t to, uint8_t *value,
                      struct error *e)
{
    uint8_t key[KEY_LEN];
    int rc = step_done(s, s->begin, e);
    for (uint64_t i = from; !rc && i < to; i++) {
        key_write(key, OP_SET, i);
        values_write(v, value, i);
        rc = store_set(s, key, value, v->len, e);
    }
    return rc ? rc : step_done(s, s->commit, e);
}

int sqlite_fill(struct sqlite_load *l, struct error *e)
{
    struct values v = {0};
    struct store s;
    uint8_t *value = malloc(l->value_len);
    int rc = store_open(&s, l, e);
    if (!rc && !value)
        rc = error_set(e, ERR_OTHER, "out of memory");
    if (!rc)
        rc = values_init(&v, l->value_len, l->seed, e);
    for (uint64_t from = 0; !rc && from < l->keys; from += FILL_BATCH) {
        uint64_t to = from + FILL_BATCH < l->keys ? from + FILL_BATCH : l->keys;
        rc = fill_batch(&s, &v, from, to, value, e);
        if (!rc)
            rc = bench_check(e);
    }
    values_fini(&v);
    free(value);
    store_close(&s);
    return rc;
}
