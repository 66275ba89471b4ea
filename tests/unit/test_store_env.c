#include "test_store_env.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct directory env;

void env_setup(void)
{
    const char *tmp = getenv("TMPDIR");
    char path[200];
    struct error e;

    snprintf(path, sizeof(path), "%s/bobbin-store-XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(path));
    ck_assert_int_eq(directory_init(&env, path, &e), 0);
}

static int remove_cb(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void env_remove(const char *path)
{
    ck_assert_int_eq(nftw(path, remove_cb, 16, FTW_DEPTH | FTW_PHYS), 0);
}

void env_teardown(void)
{
    env_remove(env.path);
    directory_fini(&env);
}

const char *env_path(const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];

    snprintf(path, sizeof(paths[0]), "%s/%s", env.path, name);
    return path;
}

bool env_exists(const char *name)
{
    struct stat st;

    return lstat(env_path(name), &st) == 0;
}

void env_mkdir(const char *name)
{
    ck_assert_int_eq(mkdir(env_path(name), 0700), 0);
}

void env_write(const char *name, const void *bytes, size_t len)
{
    FILE *f = fopen(env_path(name), "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
    ck_assert_int_eq(fclose(f), 0);
}

static sqlite3 *env_open(void)
{
    sqlite3 *db;

    if (!env_exists(".spin"))
        env_mkdir(".spin");
    ck_assert_int_eq(sqlite3_open(env_path(DB_NAME), &db), SQLITE_OK);
    return db;
}

void env_sql(const char *sql)
{
    sqlite3 *db = env_open();
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

    ck_assert_msg(rc == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

int env_sql_int(const char *sql)
{
    sqlite3 *db = env_open();
    sqlite3_stmt *stmt;

    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
    int n = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
    return n;
}

void env_check_plain(void)
{
    unsigned char header[20];
    int fd = open(env_path(DB_NAME), O_RDONLY);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, header, sizeof(header)), sizeof(header));
    close(fd);
    /* The file format's write and read version: 1 is the rollback journal, 2 the WAL. */
    ck_assert_int_eq(header[18], 1);
    ck_assert_int_eq(header[19], 1);
    ck_assert(!env_exists(DB_NAME "-wal"));
    ck_assert(!env_exists(DB_NAME "-shm"));
    ck_assert(!env_exists(DB_NAME "-journal"));
    ck_assert(!env_exists(LOG_NAME));
    ck_assert(!env_exists(OTHER_LOG_NAME));
    ck_assert_int_eq(env_sql_int("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
}

struct slice text(const char *s)
{
    return (struct slice){.data = s, .len = s ? strlen(s) : 0};
}

static struct op make(enum op_kind kind, const char *key)
{
    struct op op;

    op_init(&op, kind, NULL);
    op.label = text("default");
    op.key = text(key);
    return op;
}

struct op op_get(const char *key)
{
    return make(OP_GET, key);
}

struct op op_set(const char *key, struct slice value)
{
    struct op op = make(OP_SET, key);

    op.value = value;
    return op;
}

struct op op_delete(const char *key)
{
    return make(OP_DELETE, key);
}

struct op op_keys(const char *prefix, uint32_t limit)
{
    struct op op = make(OP_KEYS, NULL);

    op.prefix = text(prefix);
    op.limit = limit;
    return op;
}

static struct directory crashed;

struct store *open_crashed(void)
{
    struct store *s = NULL;
    struct error e = {0};
    char command[600];

    env_mkdir("crashed");
    snprintf(command, sizeof(command), "cp -r '%s/.spin' '%s/crashed/'", env.path, env.path);
    ck_assert_int_eq(system(command), 0);
    ck_assert_int_eq(directory_init(&crashed, env_path("crashed"), &e), 0);
    ck_assert_msg(store_open(&crashed, &s, &e) == 0, "%s", e.text);
    return s;
}

void close_crashed(struct store *s)
{
    close_store(s);
    env_remove(crashed.path);
    directory_fini(&crashed);
}

void open_refused(int code, const char *in_text)
{
    struct store *s = NULL;
    struct error e = {0};

    ck_assert_int_eq(store_open(&env, &s, &e), code);
    ck_assert_msg(strstr(e.text, in_text) != NULL, "'%s' not in '%s'", in_text, e.text);
    ck_assert_ptr_null(s);
}

struct store *open_store(void)
{
    struct store *s = NULL;
    struct error e = {0};

    ck_assert_msg(store_open(&env, &s, &e) == 0, "%s", e.text);
    return s;
}

void close_store(struct store *s)
{
    struct error e = {0};

    ck_assert_msg(store_close(s, &e) == 0, "%s", e.text);
}

static void run_alone(struct store *s, struct op *op)
{
    struct error e = {0};
    bool write = op_is_write(op);

    if (write)
        ck_assert_msg(store_begin(s, &e) == 0, "%s", e.text);
    store_run(s, op);
    if (write)
        ck_assert_msg(store_commit(s, &e) == 0, "%s", e.text);
}

void run(struct store *s, struct op *op)
{
    run_alone(s, op);
    ck_assert_msg(op->status == 0, "%d: %s", op->status, op->error);
    if (op->kind != OP_SET && op->kind != OP_DELETE)
        ck_assert_uint_gt(op->result.len, 0);
}

void run_refused(struct store *s, struct op op, int status, const char *in_text)
{
    run_alone(s, &op);
    ck_assert_int_eq(op.status, status);
    ck_assert_ptr_nonnull(op.error);
    ck_assert_msg(strstr(op.error, in_text) != NULL, "'%s' not in '%s'", in_text, op.error);
    ck_assert_uint_eq(op.result.len, 0);
    op_fini(&op);
}

void put(struct store *s, const char *key, const char *value)
{
    struct op op = op_set(key, text(value));

    run(s, &op);
    op_fini(&op);
}

void check_value(struct op *op, const char *expected)
{
    struct reader r = reader_of(op->result.data, op->result.len);
    struct slice value;

    ck_assert_msg(op->status == 0, "%d: %s", op->status, op->error);
    if (expected) {
        ck_assert_int_eq(reader_peek(&r), READER_BIN);
        ck_assert_int_eq(reader_bytes(&r, &value), 0);
        ck_assert_msg(slice_equals(value, expected), "got '%.*s', not '%s'", (int)value.len,
                      value.data, expected);
    } else {
        ck_assert_int_eq(reader_nil(&r), 0);
    }
    ck_assert_int_eq(reader_peek(&r), READER_END);
    op_fini(op);
}

void check_get(struct store *s, const char *key, const char *expected)
{
    struct op op = op_get(key);

    store_run(s, &op);
    check_value(&op, expected);
}
