#include "model.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "protocol/limits.h"

/* What one request works on. */
struct run {
    struct model *m;
    const struct model_call *call;
    const bobbin_request *request;
    struct model_entry *label; /* the entries of its label */
    FILE *answer;
    struct model_outcome *ret;
};

void model_init(struct model *m, const struct pool *pool)
{
    memset(m, 0, sizeof *m);
    m->pool = pool;
}

void model_fini(struct model *m)
{
    for (int label = 0; label < POOL_LABELS; label++) {
        for (int key = 0; key < POOL_KEYS; key++)
            free(m->entries[label][key].value);
    }
}

static struct model_entry *entry_of(struct run *run, bobbin_string key)
{
    return &run->label[pool_key(run->m->pool, key)];
}

static bool holds(const struct model_entry *entry, bobbin_string value)
{
    return entry->value && entry->len == value.len &&
           (!value.len || !memcmp(entry->value, value.data, value.len));
}

static char *copy_of(const char *data, size_t len)
{
    char *copy = malloc(len + 1);
    if (len)
        memcpy(copy, data, len);
    return copy;
}

static void touch(struct run *run, struct model_entry *entry)
{
    entry->changed_by = run->call->serial;
    entry->commit = 0;
    entry->change = ++run->m->changes;
    entry->vanished = false;
    run->ret->changed = true;
}

static void set(struct run *run, bobbin_string key, bobbin_string value, int64_t ttl_ms)
{
    struct model_entry *entry = entry_of(run, key);
    free(entry->value);
    entry->value = copy_of(value.data, value.len);
    entry->len = value.len;
    entry->ttl_ms = ttl_ms;
    entry->expires = (struct span){run->call->now.low + ttl_ms, MODEL_NOT_ANSWERED};
    touch(run, entry);
}

static void delete (struct run *run, bobbin_string key)
{
    struct model_entry *entry = entry_of(run, key);
    if (!entry->value)
        return;
    free(entry->value);
    entry->value = NULL;
    touch(run, entry);
}

/* Returns BOBBIN_OK or why it cannot be. */
static bobbin_status increment(struct run *run, bobbin_string key, int64_t delta, int64_t *ret)
{
    struct model_entry *entry = entry_of(run, key);
    int64_t number = 0;
    if (entry->value && entry->len != sizeof number)
        return BOBBIN_WRONG_TYPE;
    if (entry->value)
        memcpy(&number, entry->value, sizeof number);
    if (__builtin_add_overflow(number, delta, ret))
        return BOBBIN_INVALID_REQUEST;
    if (!entry->value) {
        entry->value = malloc(sizeof number);
        entry->len = sizeof number;
        entry->ttl_ms = 0;
    }
    memcpy(entry->value, ret, sizeof number);
    touch(run, entry);
    return BOBBIN_OK;
}

static void run_ttl(struct run *run)
{
    const struct model_entry *entry = entry_of(run, run->request->key);
    answer_ttl(run->answer, !entry->value   ? BOBBIN_TTL_ABSENT
                            : entry->ttl_ms ? 1
                                            : BOBBIN_TTL_NONE);
    run->ret->left.low = entry->expires.low;
    run->ret->left.high = entry->expires.high == MODEL_NOT_ANSWERED
                              ? entry->ttl_ms
                              : entry->expires.high - run->call->now.low;
}

/* The page of a listing: the keys on it go to `page`. */
static int list(struct run *run, int page[POOL_KEYS])
{
    const bobbin_keys_options *options = run->request->listing;
    uint32_t limit = options->limit ? options->limit : LIMIT_PAGE_DEFAULT;
    int step = options->reverse ? -1 : 1;
    int key = options->reverse ? POOL_KEYS - 1 : 0;
    int count = 0;
    run->ret->last = -1;
    run->ret->more = false;
    if (options->cursor)
        key = run->call->behind + step;
    for (; key >= 0 && key < POOL_KEYS && !run->ret->more; key += step) {
        if (!run->label[key].value ||
            !pool_begins_with(run->m->pool->keys[key], options->prefix, options->prefix_len))
            continue;
        run->ret->more = (uint32_t)count == limit;
        if (!run->ret->more)
            page[count++] = run->ret->last = key;
    }
    return count;
}

static void run_list(struct run *run)
{
    int page[POOL_KEYS];
    int count = list(run, page);
    fprintf(run->answer, "[");
    for (int i = 0; i < count; i++) {
        const struct model_entry *entry = &run->label[page[i]];
        answer_bytes(run->answer, run->m->pool->keys[page[i]]);
        if (run->request->kind == BOBBIN_REQUEST_ENTRIES)
            answer_bytes(run->answer, (bobbin_string){entry->value, entry->len});
    }
    answer_page_end(run->answer, run->ret->more);
}

static void run_count(struct run *run)
{
    uint64_t entries = 0, bytes = 0;
    for (int key = 0; key < POOL_KEYS; key++) {
        if (run->label[key].value) {
            entries++;
            bytes += run->m->pool->keys[key].len + run->label[key].len;
        }
    }
    answer_count(run->answer, entries, bytes);
}

static void run_swap(struct run *run)
{
    const bobbin_request *request = run->request;
    const struct model_entry *entry = entry_of(run, request->key);
    bool swaps = request->expected.data ? holds(entry, request->expected) : !entry->value;
    answer_swap(run->answer, swaps, (bobbin_string){entry->value, entry->len});
    if (swaps)
        set(run, request->key, request->value, request->ttl_ms);
}

static bool check_holds(struct run *run, const bobbin_check *check)
{
    const struct model_entry *entry = entry_of(run, check->key);
    switch (check->kind) {
    case BOBBIN_CHECK_VALUE:
        return holds(entry, check->value);
    case BOBBIN_CHECK_ABSENT:
        return !entry->value;
    case BOBBIN_CHECK_SINCE:
        break;
    }
    ck_assert(!entry->vanished);
    /* A change that is not answered yet has a number greater than any that could be asked for. */
    return !entry->changed_by || (entry->commit && entry->commit <= check->since);
}

static bobbin_status run_atomic_op(struct run *run, const bobbin_op *op)
{
    int64_t number;
    switch (op->kind) {
    case BOBBIN_OP_SET:
        set(run, op->key, op->value, op->ttl_ms);
        return BOBBIN_OK;
    case BOBBIN_OP_DELETE:
        delete (run, op->key);
        return BOBBIN_OK;
    case BOBBIN_OP_INCREMENT:
        break;
    }
    return increment(run, op->key, op->delta, &number);
}

static struct model_entry *save(const struct run *run)
{
    struct model_entry *saved = malloc(POOL_KEYS * sizeof *saved);
    memcpy(saved, run->label, POOL_KEYS * sizeof *saved);
    for (int key = 0; key < POOL_KEYS; key++) {
        if (saved[key].value)
            saved[key].value = copy_of(saved[key].value, saved[key].len);
    }
    return saved;
}

/* One of the two is what counts from now on. */
static void keep(struct run *run, struct model_entry *saved, bool well)
{
    for (int key = 0; key < POOL_KEYS; key++) {
        free(well ? saved[key].value : run->label[key].value);
        if (!well)
            run->label[key] = saved[key];
    }
    free(saved);
    run->ret->changed = run->ret->changed && well;
}

static void run_atomic(struct run *run)
{
    const bobbin_request *request = run->request;
    bobbin_status status = BOBBIN_OK;
    struct model_entry *saved;
    for (size_t i = 0; i < request->check_count; i++) {
        const bobbin_check *check = &request->checks[i];
        if (check->kind == BOBBIN_CHECK_SINCE && check->since >= MODEL_SINCE_NEVER) {
            answer_error(run->answer, BOBBIN_INVALID_REQUEST);
            return;
        }
        if (!check_holds(run, check)) {
            answer_atomic(run->answer, false, i);
            return;
        }
    }
    saved = save(run);
    for (size_t i = 0; i < request->op_count && !status; i++)
        status = run_atomic_op(run, &request->ops[i]);
    keep(run, saved, !status);
    if (status)
        answer_error(run->answer, status);
    else
        answer_atomic(run->answer, true, 0);
}

static void run_set_many(struct run *run)
{
    const bobbin_request *request = run->request;
    for (size_t i = 0; i < request->entry_count; i++) {
        if (request->entries[i].key.len > LIMIT_KEY) {
            answer_error(run->answer, BOBBIN_TOO_LARGE);
            return;
        }
    }
    for (size_t i = 0; i < request->entry_count; i++)
        set(run, request->entries[i].key, request->entries[i].value, request->ttl_ms);
    answer_done(run->answer);
}

static void run_many(struct run *run)
{
    bool reads = run->request->kind == BOBBIN_REQUEST_GET_MANY;
    for (size_t i = 0; i < run->request->key_count; i++) {
        const struct model_entry *entry = entry_of(run, run->request->keys[i]);
        if (reads)
            answer_bytes(run->answer, (bobbin_string){entry->value, entry->len});
        else
            delete (run, run->request->keys[i]);
    }
    if (!reads)
        answer_done(run->answer);
}

static void run_increment(struct run *run)
{
    int64_t number;
    bobbin_status status = increment(run, run->request->key, run->request->delta, &number);
    if (status)
        answer_error(run->answer, status);
    else
        answer_number(run->answer, number);
}

static void run_request(struct run *run)
{
    const bobbin_request *request = run->request;
    const struct model_entry *entry;
    switch (request->kind) {
    case BOBBIN_REQUEST_GET:
        entry = entry_of(run, request->key);
        answer_bytes(run->answer, (bobbin_string){entry->value, entry->len});
        return;
    case BOBBIN_REQUEST_SET:
        set(run, request->key, request->value, request->ttl_ms);
        answer_done(run->answer);
        return;
    case BOBBIN_REQUEST_DELETE:
        delete (run, request->key);
        answer_done(run->answer);
        return;
    case BOBBIN_REQUEST_EXISTS:
        answer_exists(run->answer, entry_of(run, request->key)->value);
        return;
    case BOBBIN_REQUEST_TTL:
        run_ttl(run);
        return;
    case BOBBIN_REQUEST_KEYS:
    case BOBBIN_REQUEST_ENTRIES:
        run_list(run);
        return;
    case BOBBIN_REQUEST_COUNT:
        run_count(run);
        return;
    case BOBBIN_REQUEST_GET_MANY:
    case BOBBIN_REQUEST_DELETE_MANY:
        run_many(run);
        return;
    case BOBBIN_REQUEST_SET_MANY:
        run_set_many(run);
        return;
    case BOBBIN_REQUEST_INCREMENT:
        run_increment(run);
        return;
    case BOBBIN_REQUEST_SWAP:
        run_swap(run);
        return;
    case BOBBIN_REQUEST_ATOMIC:
        run_atomic(run);
        return;
    default:
        ck_abort_msg("request of kind %d", (int)request->kind);
    }
}

void model_run(struct model *m, const struct model_call *call, FILE *answer,
               struct model_outcome *ret)
{
    struct run run = {
        .m = m,
        .call = call,
        .request = call->request,
        .label = m->entries[pool_label(call->request->store)],
        .answer = answer,
        .ret = ret,
    };
    memset(ret, 0, sizeof *ret);
    run_request(&run);
}

/* Call for each entry of the model: keeps the loops below to what they are about. */
#define EACH_ENTRY(m, entry)                                                                       \
    (struct model_entry *entry = (m)->entries[0], *end = entry + POOL_LABELS * POOL_KEYS;          \
     entry < end; entry++)

void model_answered(struct model *m, struct span now)
{
    for
        EACH_ENTRY(m, entry)
        {
            if (entry->expires.high == MODEL_NOT_ANSWERED)
                entry->expires.high = now.high + entry->ttl_ms;
        }
}

void model_committed(struct model *m, uint64_t serial, uint64_t commit)
{
    for
        EACH_ENTRY(m, entry)
        {
            if (entry->changed_by == serial)
                entry->commit = commit;
        }
}

void model_expire(struct model *m, struct span now)
{
    for
        EACH_ENTRY(m, entry)
        {
            if (entry->value && entry->ttl_ms && entry->expires.high <= now.low) {
                free(entry->value);
                entry->value = NULL;
                entry->vanished = true;
            }
        }
}

int64_t model_doubt(const struct model *m, struct span now, int64_t margin_ms)
{
    int64_t certain = 0;
    for (int label = 0; label < POOL_LABELS; label++) {
        for (int key = 0; key < POOL_KEYS; key++) {
            const struct model_entry *entry = &m->entries[label][key];
            if (entry->value && entry->ttl_ms && entry->expires.low <= now.high + margin_ms &&
                entry->expires.high > now.low && entry->expires.high > certain)
                certain = entry->expires.high;
        }
    }
    return certain;
}
