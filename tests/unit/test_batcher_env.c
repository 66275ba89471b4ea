#include "test_batcher_env.h"

#include <stdlib.h>
#include <string.h>

#include "test_store_vfs.h"

#define DONE_MAX 10000

uv_loop_t loop;
struct batcher *batcher;
struct op *done[DONE_MAX];
unsigned done_count;
void (*after_done)(struct op *op);
bool closed;

void batcher_setup(void)
{
    env_setup();
    test_vfs_install();
    ck_assert_int_eq(uv_loop_init(&loop), 0);
    batcher = NULL;
    done_count = 0;
    after_done = NULL;
    closed = false;
}

void batcher_teardown(void)
{
    if (batcher)
        stop();
    forget();
    uv_run(&loop, UV_RUN_DEFAULT);
    ck_assert_int_eq(uv_loop_close(&loop), 0);
    env_teardown();
}

void start(uint64_t idle_ms)
{
    struct error e = {0};

    closed = false;
    ck_assert_msg(batcher_new(&loop, &env, idle_ms, &batcher, &e) == 0, "%s", e.text);
}

static void on_closed(void *arg)
{
    ck_assert_ptr_eq(arg, &closed);
    ck_assert(!closed);
    closed = true;
}

void close_batcher(void)
{
    batcher_close(batcher, on_closed, &closed);
    batcher = NULL;
    ck_assert(!closed);
}

void stop(void)
{
    close_batcher();
    while (!closed)
        ck_assert(uv_run(&loop, UV_RUN_ONCE) != 0 || closed);
}

void wait_done(unsigned count)
{
    while (done_count < count)
        ck_assert(uv_run(&loop, UV_RUN_ONCE) != 0 || done_count >= count);
}

void forget(void)
{
    for (unsigned i = 0; i < done_count; i++) {
        op_fini(done[i]);
        free(done[i]);
    }
    done_count = 0;
}

static void on_done(struct op *op)
{
    ck_assert_uint_lt(done_count, DONE_MAX);
    ck_assert(!closed);
    done[done_count++] = op;
    if (after_done)
        after_done(op);
}

struct op *submit(struct op op)
{
    struct op *copy = malloc(sizeof(*copy));
    unsigned before = done_count;

    ck_assert_ptr_nonnull(copy);
    *copy = op;
    list_init(&copy->link);
    copy->on_done = on_done;
    batcher_submit(batcher, copy);
    ck_assert_uint_eq(done_count, before);
    return copy;
}

struct op *submit_first(void)
{
    return submit(op_get("first"));
}

void check_failed(const struct op *op, int status, const char *in_text)
{
    ck_assert_int_eq(op->status, status);
    ck_assert_ptr_nonnull(op->error);
    ck_assert_msg(strstr(op->error, in_text) != NULL, "'%s' not in '%s'", in_text, op->error);
    ck_assert_uint_eq(op->result.len, 0);
}

void check_got(struct op *op, const char *expected)
{
    check_value(op, expected);
}
