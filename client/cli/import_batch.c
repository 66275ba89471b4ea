#include "client/cli/import_batch.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/words.h"

int batch_init(struct batch *batch, enum conflict conflict)
{
    *batch = (struct batch){
        .conflict = conflict,
        .ascending = true,
        .lines = calloc(BATCH_ENTRIES, sizeof(*batch->lines)),
        .numbers = calloc(BATCH_ENTRIES, sizeof(*batch->numbers)),
    };
    return batch->lines && batch->numbers ? 0 : -1;
}

void batch_fini(struct batch *batch)
{
    free(batch->lines);
    free(batch->numbers);
    arena_fini(&batch->arena);
}

void batch_clear(struct batch *batch)
{
    arena_reset(&batch->arena);
    batch->state = BATCH_FILLING;
    batch->store = NULL;
    batch->count = 0;
    batch->expiring = false;
    batch->ascending = true;
    batch->skipped = batch->expired = 0;
    batch->last_number = 0;
    batch->last_key = (bobbin_string){0};
    batch->status = BOBBIN_OK;
    batch->error[0] = '\0';
}

/* Where each entry is an operation of its own, with its own check or time, there are fewer. */
static size_t most_entries(const struct batch *batch, bool expiring)
{
    return expiring || batch->conflict != CONFLICT_OVERWRITE ? LIMIT_ATOMIC : BATCH_ENTRIES;
}

static int order(const bobbin_string *a, const bobbin_string *b)
{
    int order = memcmp(a->data, b->data, a->len < b->len ? a->len : b->len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

static bool has_key(const struct batch *batch, const bobbin_string *key)
{
    /* As in an export. */
    if (batch->ascending &&
        (batch->count == 0 || order(&batch->lines[batch->count - 1].key, key) < 0))
        return false;
    for (size_t i = 0; i < batch->count; i++) {
        if (order(&batch->lines[i].key, key) == 0)
            return true;
    }
    return false;
}

bool batch_takes(const struct batch *batch, const struct entry_line *line)
{
    bool expiring = batch->expiring || line->expires_ms;

    if (!batch->store)
        return true;
    if (strlen(batch->store) != line->store.len ||
        memcmp(batch->store, line->store.data, line->store.len) != 0)
        return false;
    if (batch->count + 1 > most_entries(batch, expiring) || batch->arena.bytes > BATCH_BYTES)
        return false;
    /* Checks are made before anything is set: a second one of a key would not find the first. */
    return batch->conflict == CONFLICT_OVERWRITE || !has_key(batch, &line->key);
}

int batch_add(struct batch *batch, const struct entry_line *line, uint64_t number)
{
    if (!batch->store) {
        batch->store = arena_copy(&batch->arena, line->store.data, line->store.len);
        if (!batch->store)
            return -1;
    }
    batch->last_number = number;
    batch->last_key = line->key;
    if (line->expires_ms && line->expires_ms <= words_now_ms()) {
        batch->expired++;
        return 0;
    }
    if (batch->count > 0 && order(&batch->lines[batch->count - 1].key, &line->key) >= 0)
        batch->ascending = false;
    batch->numbers[batch->count] = number;
    batch->lines[batch->count++] = *line;
    batch->expiring = batch->expiring || line->expires_ms;
    return 0;
}

static void batch_fail(struct batch *batch, bobbin_status status, const char *reason)
{
    batch->state = BATCH_DONE;
    batch->status = status;
    snprintf(batch->error, sizeof(batch->error), "%s",
             reason && reason[0] ? reason : bobbin_status_name(status));
}

static void on_answer(void *arg, const bobbin_result *result)
{
    struct batch *batch = arg;

    if (result->status != BOBBIN_OK)
        batch_fail(batch, result->status, result->error);
    batch->state = BATCH_DONE;
}

static bobbin_status send_set_many(struct batch *batch, bobbin *b)
{
    bobbin_entry *entries = malloc(batch->count * sizeof(*entries));
    bobbin_request q = {.kind = BOBBIN_REQUEST_SET_MANY,
                        .store = batch->store,
                        .entries = entries,
                        .entry_count = batch->count};
    bobbin_status status;

    if (!entries)
        return BOBBIN_NO_MEMORY;
    for (size_t i = 0; i < batch->count; i++)
        entries[i] = (bobbin_entry){batch->lines[i].key, batch->lines[i].value};
    status = bobbin_submit(b, &q, 0, on_answer, batch, NULL);
    free(entries);
    return status;
}

/* The operations, each with its own time to live; to be freed. */
static bobbin_op *make_ops(const struct batch *batch)
{
    bobbin_op *ops = calloc(batch->count, sizeof(*ops));
    int64_t now = words_now_ms();

    for (size_t i = 0; ops && i < batch->count; i++) {
        const struct entry_line *line = &batch->lines[i];
        int64_t left = line->expires_ms - now;

        ops[i] = (bobbin_op){.kind = BOBBIN_OP_SET, .key = line->key, .value = line->value};
        /* What ran out on the way here has its last millisecond. */
        if (line->expires_ms)
            ops[i].ttl_ms = left > 1 ? left : 1;
    }
    return ops;
}

static bobbin_status send_ops(struct batch *batch, bobbin *b)
{
    bobbin_op *ops = make_ops(batch);
    bobbin_request q = {
        .kind = BOBBIN_REQUEST_ATOMIC, .store = batch->store, .ops = ops, .op_count = batch->count};
    bobbin_status status = ops ? bobbin_submit(b, &q, 0, on_answer, batch, NULL) : BOBBIN_NO_MEMORY;

    free(ops);
    return status;
}

void batch_send(struct batch *batch, bobbin *b)
{
    bobbin_status status;

    if (batch->count == 0) {
        batch->state = BATCH_DONE;
        return;
    }
    batch->state = BATCH_SENT;
    status = batch->expiring ? send_ops(batch, b) : send_set_many(batch, b);
    if (status != BOBBIN_OK)
        batch_fail(batch, status, bobbin_error(b));
}

/* Set all if none of the keys is there. */
static bobbin_status set_if_absent(struct batch *batch, bobbin *b, bool *ret_applied,
                                   size_t *ret_failed)
{
    bobbin_op *ops = make_ops(batch);
    bobbin_check *checks = calloc(batch->count, sizeof(*checks));
    bobbin_status status = BOBBIN_NO_MEMORY;

    for (size_t i = 0; checks && i < batch->count; i++)
        checks[i] = (bobbin_check){.kind = BOBBIN_CHECK_ABSENT, .key = batch->lines[i].key};
    if (ops && checks)
        status = bobbin_atomic(b, batch->store, checks, batch->count, ops, batch->count,
                               ret_applied, ret_failed);
    free(ops);
    free(checks);
    return status;
}

/* One answer of many. */
struct found {
    bool exists;
    bobbin_status status;
};

static void on_exists(void *arg, const bobbin_result *result)
{
    struct found *found = arg;

    found->exists = result->flag;
    found->status = result->status;
}

static void drain(bobbin *b)
{
    while (bobbin_pending(b) > 0) {
        struct pollfd fd = {.fd = bobbin_fd(b), .events = bobbin_events(b)};

        if (poll(&fd, 1, bobbin_timeout(b)) >= 0)
            bobbin_process(b, fd.revents);
    }
}

/* Ask for all keys at once; the answers are waited for also after a failure, since they go into
 * `found`. */
static bobbin_status ask_which_exist(struct batch *batch, bobbin *b, struct found *found)
{
    bobbin_status status = BOBBIN_OK;
    size_t asked = 0;

    for (; asked < batch->count && status == BOBBIN_OK; asked++) {
        bobbin_request q = {
            .kind = BOBBIN_REQUEST_EXISTS, .store = batch->store, .key = batch->lines[asked].key};

        status = bobbin_submit(b, &q, 0, on_exists, &found[asked], NULL);
    }
    drain(b);
    for (size_t i = 0; i < asked && status == BOBBIN_OK; i++)
        status = found[i].status;
    return status;
}

/* Leave out those whose keys are there. */
static bobbin_status leave_out(struct batch *batch, bobbin *b)
{
    struct found *found = calloc(batch->count, sizeof(*found));
    bobbin_status status = found ? ask_which_exist(batch, b, found) : BOBBIN_NO_MEMORY;
    size_t kept = 0;

    for (size_t i = 0; status == BOBBIN_OK && i < batch->count; i++) {
        if (found[i].exists) {
            batch->skipped++;
        } else {
            batch->numbers[kept] = batch->numbers[i];
            batch->lines[kept++] = batch->lines[i];
        }
    }
    if (status == BOBBIN_OK)
        batch->count = kept;
    free(found);
    return status;
}

void batch_run(struct batch *batch, bobbin *b)
{
    bobbin_status status = BOBBIN_OK;
    bool applied = false;
    size_t failed = 0;

    /* Somebody else may set one of them between the question and the answer. */
    while (status == BOBBIN_OK && batch->count > 0 && !applied) {
        status = set_if_absent(batch, b, &applied, &failed);
        if (status != BOBBIN_OK || applied)
            break;
        if (batch->conflict == CONFLICT_FAIL) {
            batch_fail(batch, BOBBIN_OTHER, "");
            snprintf(batch->error, sizeof(batch->error),
                     "line %llu: the key is there already; none of lines %llu to %llu was set",
                     (unsigned long long)batch->numbers[failed],
                     (unsigned long long)batch->numbers[0], (unsigned long long)batch->last_number);
            return;
        }
        status = leave_out(batch, b);
    }
    if (status != BOBBIN_OK)
        batch_fail(batch, status, bobbin_error(b));
    batch->state = BATCH_DONE;
}
