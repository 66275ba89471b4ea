#include "daemon/batcher.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>

#include "daemon/batcher_job.h"
#include "daemon/cache_feed.h"
#include "daemon/clock.h"
#include "daemon/gather.h"
#include "daemon/probes.h"
#include "daemon/run_soon.h"

/* Bounds of one batch, so that what comes behind it does not wait long: operations, bytes to be
 * written, expired entries removed. */
#define BATCH_OPS 4096u
/* The same where others wait for the loop meanwhile: reporting one operation takes it about 200 ns. */
#define BATCH_OPS_SHARED 256u
#define BATCH_BYTES (32u << 20)
/* A batch of less than this, operations and bytes to be written, is light: other apps do not wait long for it. */
#define BATCH_LIGHT 64u
#define BATCH_LIGHT_BYTES (64u << 10)
/* What an element counts on top of its bytes: each is a change in memory, in the log and in the file. */
#define BATCH_ITEM 128u
#define BATCH_SWEEP 256u
/* A sweep goes along with writes, which wait for the disk anyway. So many batches of reads alone go
 * before it. */
#define SWEEP_PATIENCE 8u
/* What has gathered in the store is folded when nothing has come for so long. */
#define FOLD_IDLE_MS 100
/* When to sweep again after one that failed or found nothing. */
#define SWEEP_RETRY_MS 10000
/* The timer looks at the clock at least this often: it does not notice when the machine sleeps. */
#define SWEEP_LOOK_MS 3600000

enum batcher_state {
    BATCHER_CLOSED,  /* the store is not open, nothing runs */
    BATCHER_RUNNING, /* a round is on the pool, or its outcome is being reported */
    BATCHER_IDLE,    /* the store is open, nothing runs */
    BATCHER_CLOSING, /* the store is being closed on the pool */
    BATCHER_ENDING,  /* waiting for the timers' handles to close, then freed */
    BATCHER_STATE_COUNT
};

static const bool allowed[BATCHER_STATE_COUNT][BATCHER_STATE_COUNT] = {
    [BATCHER_CLOSED] = {[BATCHER_RUNNING] = true, [BATCHER_ENDING] = true},
    [BATCHER_RUNNING] = {[BATCHER_IDLE] = true, [BATCHER_CLOSED] = true},
    [BATCHER_IDLE] = {[BATCHER_RUNNING] = true, [BATCHER_CLOSING] = true},
    [BATCHER_CLOSING] = {[BATCHER_CLOSED] = true},
};

struct batcher {
    uv_loop_t *loop;
    uv_timer_t idle_timer;   /* runs while the store is idle without holders */
    uv_timer_t expiry_timer; /* runs while the store is idle and holds what will expire */
    uv_timer_t fold_timer;   /* runs while the store is idle and could rest */
    unsigned handles;        /* of them and of `gathering`, those that are not closed */
    uint64_t quota_bytes;
    uint64_t quota_entries;
    struct store_options options;
    unsigned batch_ops; /* most in one batch */
    uint64_t idle_ms;
    uint64_t used_at; /* by the loop's clock: when somebody last used the store */
    enum batcher_state state;
    struct list queue;   /* operations that are not in a job yet … */
    size_t queued;       /* … and how many */
    struct gather gather; /* whether they wait for more … */
    uv_idle_t gathering;  /* … which runs meanwhile, so that the loop does not sleep */
    uint64_t began;       /* the round on the pool, by uv_hrtime */
    unsigned *rounds;     /* of all batchers on the pool, or NULL */
    struct list tasks;   /* the same of tasks */
    unsigned task_count; /* started and not done, wherever they are */
    unsigned holders;
    bool stepped;         /* the last round was a task's step: a batch goes next */
    unsigned passed;      /* batches that went before a due sweep */
    int64_t sweep_after;  /* by clock_now_ms: not before that */
    bool sweep_failed;    /* the last one; told once */
    bool sync_failed;     /* the last one; told once */
    bool fold;            /* wanted: the next round folds */
    struct error refusal; /* with a code: operations are refused with it */
    struct error cancel;  /* with a code: the next round cancels all tasks with it */
    bool ending;          /* wanted: finish and free */
    bool resting;         /* wanted: close the store */
    uv_work_t checkpoint_work;
    struct store_checkpoint *checkpoint; /* under way on the pool beside the rounds, or … */
    bool checkpoint_ran;                 /* … waiting for the next one to take note */
    uint64_t last_commit; /* behind the last round */
    struct batcher_counts counts;
    struct cache_space *cache; /* of what the file holds; NULL: none is kept */
    struct job job;
    void (*observer)(void *arg, uint64_t commit, const struct store_change *changes, size_t count);
    void *observer_arg;
    void (*on_jump)(void *arg, uint64_t before, uint64_t now);
    void *jump_arg;
    void (*on_trouble)(void *arg, const struct error *e);
    void *trouble_arg;
    void (*on_closed)(void *arg);
    void *closed_arg;
};

static void advance(struct batcher *b);

static void set_state(struct batcher *b, enum batcher_state state)
{
    if (!allowed[b->state][state])
        abort();
    b->state = state;
    /* Others may write the file from here on. */
    if (b->cache && (state == BATCHER_CLOSING || state == BATCHER_CLOSED))
        cache_space_clear(b->cache);
}

static struct op *op_of(struct list *link)
{
    return container_of(link, struct op, link);
}

static size_t length(struct list *list)
{
    struct list *it, *tmp;
    size_t n = 0;

    list_each(it, tmp, list) n++;
    return n;
}

static void tell_trouble(struct batcher *b, const struct error *e)
{
    if (b->on_trouble)
        b->on_trouble(b->trouble_arg, e);
}

static void round_work_cb(uv_work_t *work)
{
    struct job *job = container_of(work, struct job, work);

    run_soon(job->light ? RUN_FIRST : RUN_THEN);
    job_run(job);
    run_soon(RUN_FIRST); /* to be woken; who has much to do says so then */
}

static void close_work_cb(uv_work_t *work)
{
    run_soon(RUN_THEN);
    job_close(container_of(work, struct job, work));
}

/* Before anybody is told of anything. */
static void feed_cache(struct batcher *b)
{
    struct list *it, *tmp;

    if (!b->cache || b->refusal.code)
        return;
    /* The store was opened anew: a write that failed may be there after all. */
    if (b->job.was.database)
        cache_space_clear(b->cache);
    list_each(it, tmp, &b->job.ran) cache_feed(b->cache, op_of(it));
    /* Another file may be in the place of the one that all of this was about. */
    list_each(it, tmp, &b->job.finished)
    {
        if (container_of(it, struct task, link)->swap)
            cache_space_clear(b->cache);
    }
}

/* What the round that is over has to tell of time. */
static void count_round(struct batcher *b)
{
    if (b->job.commit_ns)
        hist_add(&b->counts.commits, &hist_time, b->job.commit_ns);
    if (b->job.sync_ns)
        hist_add(&b->counts.syncs, &hist_time, b->job.sync_ns);
}

static void report_ops(struct batcher *b)
{
    uint64_t writes = b->counts.writes;
    uint64_t size = 0;

    b->counts.batches += !list_empty(&b->job.ran);
    for (; !list_empty(&b->job.ran); size++) {
        struct op *op = op_of(list_pop(&b->job.ran));
        b->counts.writes += op_is_write(op);
        b->counts.reads += !op_is_write(op);
        b->counts.errors += op->status != 0;
        op->on_done(op);
    }
    PROBE_BATCH_END(b->job.directory.path, size);
    if (size)
        hist_add(&b->counts.sizes, &hist_size, size);
    gather_after(&b->gather, &(struct gather_batch){.answered = b->counts.writes - writes,
                                                    .waiting = b->queued,
                                                    .took = uv_hrtime() - b->began,
                                                    .company = b->rounds && *b->rounds > 0});
}

static void report_tasks(struct batcher *b)
{
    while (!list_empty(&b->job.finished)) {
        struct task *task = container_of(list_pop(&b->job.finished), struct task, link);
        if (--b->task_count == 0)
            b->cancel.code = 0;
        task->done(task);
    }
}

/* Not again at once after a sweep that did not get anywhere. */
static void report_sweep(struct batcher *b)
{
    const struct job *job = &b->job;

    if (!job->sweep)
        return;
    b->passed = 0;
    b->counts.expired += job->swept;
    if (job->sweep_error.code || !job->swept)
        b->sweep_after = clock_now_ms() + SWEEP_RETRY_MS;
    if (job->sweep_error.code && !b->sweep_failed)
        tell_trouble(b, &job->sweep_error);
    b->sweep_failed = job->sweep_error.code != 0;
}

/* Of a relaxed store: once, not at each of the attempts that follow. */
static void report_sync(struct batcher *b)
{
    const struct error *e = &b->job.sync_error;

    if (e->code && !b->sync_failed)
        tell_trouble(b, e);
    b->sync_failed = e->code != 0;
}

static void checkpoint_work_cb(uv_work_t *work)
{
    run_soon(RUN_THEN);
    store_checkpoint_run(container_of(work, struct batcher, checkpoint_work)->checkpoint);
}

static void after_checkpoint_cb(uv_work_t *work, int status)
{
    struct batcher *b = container_of(work, struct batcher, checkpoint_work);

    assert(status == 0);
    (void)status;
    b->checkpoint_ran = true;
    advance(b);
}

static bool checkpoint_runs(const struct batcher *b)
{
    return b->checkpoint && !b->checkpoint_ran;
}

static void start_checkpoint(struct batcher *b)
{
    b->checkpoint = b->job.checkpoint;
    b->checkpoint_ran = false;
    b->job.checkpoint = NULL;
    int rc = uv_queue_work(b->loop, &b->checkpoint_work, checkpoint_work_cb, after_checkpoint_cb);
    assert(rc == 0);
    (void)rc;
}

/* Let the job take note of a checkpoint that has run. */
static void pass_checkpoint(struct batcher *b)
{
    b->job.checkpointing = b->checkpoint && !b->checkpoint_ran;
    if (!b->checkpoint || !b->checkpoint_ran)
        return;
    b->job.checkpoint = b->checkpoint;
    b->checkpoint = NULL;
}

/* Nobody has seen how the store came from where it was to where it was opened. */
static void tell_jump(struct batcher *b)
{
    const struct job *job = &b->job;

    if (b->on_jump && job->was.database && job->was.commit != job->opened_at)
        b->on_jump(b->jump_arg, job->was.commit, job->opened_at);
}

static void after_round_cb(uv_work_t *work, int status)
{
    struct batcher *b = container_of(work, struct batcher, job.work);

    assert(status == 0); /* nobody cancels it */
    (void)status;
    if (b->rounds)
        --*b->rounds;
    /* What the batch left undone goes before what has come since. */
    b->queued += length(&b->job.todo);
    list_splice(&b->job.todo, &b->queue);
    list_splice(&b->queue, &b->job.todo);
    if (!list_empty(&b->job.ran) || !list_empty(&b->job.finished))
        b->used_at = uv_now(b->loop);
    tell_jump(b);
    if (b->job.change_count && b->observer)
        b->observer(b->observer_arg, b->job.commit, b->job.changes, b->job.change_count);
    b->last_commit = b->job.last_commit;
    report_sweep(b);
    report_sync(b);
    feed_cache(b);
    count_round(b);
    report_ops(b);
    report_tasks(b);
    if (b->job.checkpoint)
        start_checkpoint(b);
    b->fold = b->fold || b->job.unfolded;
    set_state(b, b->job.store ? BATCHER_IDLE : BATCHER_CLOSED);
    advance(b);
}

static size_t written_bytes(const struct op *op)
{
    return op->key.len + op->value.len + (size_t)(op->items.end - op->items.pos) +
           (size_t)op->item_count * BATCH_ITEM;
}

static void take_ops(struct batcher *b)
{
    struct job *job = &b->job;
    bool single = true;
    size_t bytes = 0;
    unsigned n;

    for (n = 0; n < b->batch_ops && bytes < BATCH_BYTES && !list_empty(&b->queue); n++) {
        struct op *op = op_of(list_pop(&b->queue));
        b->queued--;
        if (op->may_run && !op->may_run(op))
            continue;
        bytes += written_bytes(op);
        job->writes = job->writes || op_is_write(op);
        single = single && op_is_single(op);
        list_push(&job->todo, &op->link);
    }
    job->light = single && n > 0 && n < BATCH_LIGHT && bytes < BATCH_LIGHT_BYTES;
}

/* Whether the store is to be closed when nothing else is to be done. */
static bool wants_close(const struct batcher *b)
{
    return b->ending || b->refusal.code || b->resting;
}

static bool sweep_is_due(const struct batcher *b)
{
    int64_t now;

    if (b->state != BATCHER_IDLE || b->job.next_expiry < 0 || wants_close(b))
        return false;
    now = clock_now_ms();
    return b->job.next_expiry <= now && b->sweep_after <= now;
}

/* Whether a due sweep goes along with what is in the job. */
static bool sweep_may_go(struct batcher *b)
{
    const struct job *job = &b->job;

    return !job->step && (job->writes || list_empty(&job->todo) || b->passed++ >= SWEEP_PATIENCE);
}

static void take_cancel(struct batcher *b)
{
    b->job.cancel = b->cancel;
    b->cancel.code = 0;
    if (b->refusal.code)
        b->job.cancel = b->refusal;
    else if (b->ending)
        error_set(&b->job.cancel, ERR_SHUTTING_DOWN, "the store is being closed");
}

/* Whether a task may make a step. One that closes the store waits for a checkpoint to end. */
static bool task_may_go(const struct batcher *b)
{
    if (list_empty(&b->job.tasks))
        return false;
    return !container_of(b->job.tasks.next, struct task, link)->swap || !checkpoint_runs(b);
}

/* Awake while a round is on the pool, or until what is queued has waited long enough. */
static void gathering_cb(uv_idle_t *idle)
{
    struct batcher *b = container_of(idle, struct batcher, gathering);

    if (b->state != BATCHER_RUNNING)
        advance(b);
    else if (uv_hrtime() - b->began < GATHER_AWAKE_NS)
        sched_yield(); /* the pool's thread may be on this very processor */
    else
        uv_idle_stop(idle);
}

static void start_round(struct batcher *b)
{
    struct job *job = &b->job;
    bool due = sweep_is_due(b);

    job->refusal = b->refusal;
    job->writes = false;
    job->light = false;
    job->options = b->options;
    job->quota_bytes = b->quota_bytes;
    job->quota_entries = b->quota_entries;
    take_cancel(b);
    job->step = task_may_go(b) && (list_empty(&b->queue) || !b->stepped);
    b->stepped = job->step;
    if (!job->step)
        take_ops(b);
    job->sweep = due && sweep_may_go(b) ? BATCH_SWEEP : 0;
    job->light = job->light && !job->sweep;
    pass_checkpoint(b);
    job->fold = b->fold && list_empty(&job->todo) && !job->step;
    b->fold = false;
    set_state(b, BATCHER_RUNNING);
    PROBE_BATCH_BEGIN(job->directory.path);
    b->began = uv_hrtime();
    if (job->writes && gather_stays_awake(&b->gather) && !(b->rounds && *b->rounds > 0))
        uv_idle_start(&b->gathering, gathering_cb);
    if (b->rounds)
        ++*b->rounds;
    int rc = uv_queue_work(b->loop, &job->work, round_work_cb, after_round_cb);
    assert(rc == 0); /* fails only without a callback */
    (void)rc;
}

static void after_close_cb(uv_work_t *work, int status)
{
    struct batcher *b = container_of(work, struct batcher, job.work);

    assert(status == 0);
    (void)status;
    if (b->job.trouble.code)
        tell_trouble(b, &b->job.trouble);
    set_state(b, BATCHER_CLOSED);
    advance(b);
}

static void start_closing(struct batcher *b)
{
    b->job.trouble.code = 0;
    b->job.next_expiry = -1;
    pass_checkpoint(b);
    set_state(b, BATCHER_CLOSING);
    int rc = uv_queue_work(b->loop, &b->job.work, close_work_cb, after_close_cb);
    assert(rc == 0);
    (void)rc;
}

static void stop_timers(struct batcher *b)
{
    uv_timer_stop(&b->idle_timer);
    uv_timer_stop(&b->expiry_timer);
    uv_timer_stop(&b->fold_timer);
}

/* The store stays open meanwhile. */
static void idle_cb(uv_timer_t *timer)
{
    struct batcher *b = container_of(timer, struct batcher, idle_timer);

    if (b->state != BATCHER_IDLE || checkpoint_runs(b))
        return;
    stop_timers(b);
    start_closing(b);
}

static void expiry_cb(uv_timer_t *timer)
{
    advance(container_of(timer, struct batcher, expiry_timer));
}

static void fold_cb(uv_timer_t *timer)
{
    struct batcher *b = container_of(timer, struct batcher, fold_timer);

    b->fold = true;
    advance(b);
}

static void start_timers(struct batcher *b)
{
    uint64_t used = uv_now(b->loop) - b->used_at;
    int64_t at = b->job.next_expiry;

    if (b->holders == 0)
        uv_timer_start(&b->idle_timer, idle_cb, used < b->idle_ms ? b->idle_ms - used : 0, 0);
    if (b->job.restless)
        uv_timer_start(&b->fold_timer, fold_cb, FOLD_IDLE_MS, 0);
    if (at < 0)
        return;
    at = (at > b->sweep_after ? at : b->sweep_after) - clock_now_ms();
    at = at < 1 ? 1 : at > SWEEP_LOOK_MS ? SWEEP_LOOK_MS : at;
    uv_timer_start(&b->expiry_timer, expiry_cb, (uint64_t)at, 0);
}

static void free_batcher(struct batcher *b)
{
    void (*on_closed)(void *arg) = b->on_closed;
    void *arg = b->closed_arg;

    directory_fini(&b->job.directory);
    store_checkpoint_free(b->checkpoint);
    free(b);
    if (on_closed)
        on_closed(arg);
}

static void handle_closed_cb(uv_handle_t *handle)
{
    struct batcher *b = handle->data;

    if (--b->handles == 0)
        free_batcher(b);
}

static void end(struct batcher *b)
{
    set_state(b, BATCHER_ENDING);
    uv_close((uv_handle_t *)&b->idle_timer, handle_closed_cb);
    uv_close((uv_handle_t *)&b->expiry_timer, handle_closed_cb);
    uv_close((uv_handle_t *)&b->fold_timer, handle_closed_cb);
    uv_close((uv_handle_t *)&b->gathering, handle_closed_cb);
}

/* Whether what is queued, or nothing yet, waits for more; then advance comes again with each turn of
 * the loop. */
static bool gathers(struct batcher *b)
{
    bool idle = b->state == BATCHER_IDLE && !wants_close(b);
    bool nobody = list_empty(&b->queue) && !(gather_wants_one(&b->gather) &&
                                             list_empty(&b->job.tasks));
    bool holds = idle && !nobody && gather_holds(&b->gather, b->queued, uv_hrtime());

    if (holds)
        uv_idle_start(&b->gathering, gathering_cb);
    else
        uv_idle_stop(&b->gathering);
    return holds;
}

/* Do what is due while nothing runs. */
static void advance(struct batcher *b)
{
    if (b->state != BATCHER_CLOSED && b->state != BATCHER_IDLE)
        return;
    stop_timers(b);
    list_splice(&b->job.tasks, &b->tasks);
    if (gathers(b))
        return;
    if (!list_empty(&b->queue) || task_may_go(b) || sweep_is_due(b) ||
        (b->fold && b->state == BATCHER_IDLE))
        start_round(b);
    else if (checkpoint_runs(b) && wants_close(b))
        return; /* its end comes back here */
    else if (b->state == BATCHER_IDLE && wants_close(b))
        start_closing(b);
    else if (b->state == BATCHER_IDLE)
        start_timers(b);
    else if (b->ending)
        end(b);
}

static void init_handles(struct batcher *b)
{
    uv_timer_init(b->loop, &b->idle_timer);
    uv_timer_init(b->loop, &b->expiry_timer);
    uv_timer_init(b->loop, &b->fold_timer);
    b->idle_timer.data = b;
    b->expiry_timer.data = b;
    uv_idle_init(b->loop, &b->gathering);
    b->fold_timer.data = b;
    b->gathering.data = b;
    b->handles = 4;
}

int batcher_new(uv_loop_t *loop, const struct directory *directory, uint64_t idle_ms,
                struct batcher **ret, struct error *e)
{
    struct batcher *b = calloc(1, sizeof(*b));

    if (!b)
        return error_set(e, ERR_OTHER, "out of memory");
    int code = directory_copy(&b->job.directory, directory, e);
    if (code) {
        free(b);
        return code;
    }
    b->loop = loop;
    b->options = store_defaults;
    b->batch_ops = BATCH_OPS;
    b->idle_ms = idle_ms;
    b->state = BATCHER_CLOSED;
    b->job.next_expiry = -1;
    list_init(&b->queue);
    list_init(&b->tasks);
    list_init(&b->job.todo);
    list_init(&b->job.ran);
    list_init(&b->job.tasks);
    list_init(&b->job.finished);
    init_handles(b);
    *ret = b;
    return 0;
}

void batcher_on_trouble(struct batcher *b, void (*on_trouble)(void *arg, const struct error *e),
                        void *arg)
{
    b->on_trouble = on_trouble;
    b->trouble_arg = arg;
}

void batcher_set_quota(struct batcher *b, uint64_t max_bytes, uint64_t max_entries)
{
    b->quota_bytes = max_bytes;
    b->quota_entries = max_entries;
}

void batcher_set_shared(struct batcher *b, bool shared)
{
    b->batch_ops = shared ? BATCH_OPS_SHARED : BATCH_OPS;
}

void batcher_set_idle(struct batcher *b, uint64_t idle_ms)
{
    b->idle_ms = idle_ms;
}

void batcher_set_options(struct batcher *b, const struct store_options *options)
{
    b->options = *options;
}

void batcher_set_company(struct batcher *b, unsigned *rounds)
{
    b->rounds = rounds;
}

void batcher_set_cache(struct batcher *b, struct cache_space *cache)
{
    b->cache = cache;
}

void batcher_on_jump(struct batcher *b, void (*on_jump)(void *arg, uint64_t before, uint64_t now),
                     void *arg)
{
    b->on_jump = on_jump;
    b->jump_arg = arg;
}

void batcher_observe(struct batcher *b,
                     void (*observer)(void *arg, uint64_t commit,
                                      const struct store_change *changes, size_t count),
                     void *arg)
{
    b->observer = observer;
    b->observer_arg = arg;
}

void batcher_submit(struct batcher *b, struct op *op)
{
    assert(b->state != BATCHER_ENDING);
    list_push(&b->queue, &op->link);
    b->queued++;
    advance(b);
}

void batcher_submit_all(struct batcher *b, struct list *ops)
{
    assert(b->state != BATCHER_ENDING);
    b->queued += length(ops);
    list_splice(&b->queue, ops);
    advance(b);
}

void batcher_resume(struct batcher *b, struct list *ops)
{
    assert(b->state != BATCHER_ENDING);
    b->queued += length(ops);
    list_splice(ops, &b->queue);
    list_splice(&b->queue, ops);
    advance(b);
}

void batcher_start_task(struct batcher *b, struct task *task)
{
    assert(b->state != BATCHER_ENDING);
    b->task_count++;
    list_push(&b->tasks, &task->link);
    advance(b);
}

void batcher_cancel_tasks(struct batcher *b, int code, const char *reason)
{
    /* While a round runs its tasks are the pool's: the next round cancels what is left of them. */
    if (b->task_count)
        error_set(&b->cancel, code, "%s", reason);
}

void batcher_hold(struct batcher *b)
{
    b->holders++;
    advance(b);
}

void batcher_release(struct batcher *b)
{
    assert(b->holders > 0);
    b->holders--;
    b->used_at = uv_now(b->loop);
    advance(b);
}

void batcher_rest(struct batcher *b, bool rest)
{
    b->resting = rest;
    advance(b);
}

bool batcher_at_rest(const struct batcher *b)
{
    return b->state == BATCHER_CLOSED && list_empty(&b->queue) && !b->task_count;
}

bool batcher_has_tasks(const struct batcher *b)
{
    return b->task_count > 0;
}

void batcher_refuse(struct batcher *b, int code, const char *reason)
{
    error_set(&b->refusal, code, "%s", reason);
    if (b->cache)
        cache_space_clear(b->cache);
    advance(b);
}

void batcher_close(struct batcher *b, void (*on_closed)(void *arg), void *arg)
{
    assert(!b->ending);
    b->ending = true;
    b->on_closed = on_closed;
    b->closed_arg = arg;
    advance(b);
}

bool batcher_is_open(const struct batcher *b)
{
    return (b->state == BATCHER_IDLE || b->state == BATCHER_RUNNING) && !b->ending &&
           !b->refusal.code;
}

const struct batcher_counts *batcher_counts(const struct batcher *b)
{
    return &b->counts;
}

size_t batcher_queued(const struct batcher *b)
{
    return b->queued;
}

uint64_t batcher_last_commit(const struct batcher *b)
{
    return b->last_commit;
}
