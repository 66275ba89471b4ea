#include "script_batch.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "memory.h"
#include "protocol/message.h"
#include "trial.h"

enum { OPS_MOST = 6, MANY_MOST = 5 };

/* An operation with what its slices point to. */
struct planned {
    struct op op;
    struct buffer items, checks, value, expected;
    char key[16];
};

struct plan {
    struct planned list[OPS_MOST];
    struct state_entry written[OPS_MOST]; /* of an early batch */
    unsigned count;
    struct random *random;
    struct state *state; /* as it is once all of the plan so far is done */
};

static size_t random_length(struct random *r)
{
    uint32_t kind = random_below(r, 100);

    return kind < 70   ? random_below(r, 100)
           : kind < 90 ? 100 + random_below(r, 1900)
           : kind < 99 ? 2000 + random_below(r, 7000)
                       : 40000 + random_below(r, 80000);
}

static struct slice pack_entry(struct buffer *b, unsigned key, const struct state_entry *entry)
{
    if (buffer_reserve(b, entry->len + 8) != 0)
        errx(2, "out of memory");
    state_value(key, entry, b->data);
    b->len = entry->len;
    return (struct slice){(char *)b->data, b->len};
}

/* A key for values; of a certain label, unless that is -1. */
static unsigned pick_key(struct plan *plan, int label)
{
    unsigned key = random_below(plan->random, STATE_NUMBERS);

    return label < 0 ? key : (key & ~1u) | (unsigned)label;
}

static void set_entry(struct plan *plan, unsigned key, int64_t ttl_ms)
{
    plan->state->entries[key] = (struct state_entry){
        .present = true,
        .seed = random_next(plan->random),
        .len = random_length(plan->random),
        .expires_ms = ttl_ms ? clock_now_ms() + ttl_ms : 0,
    };
}

static void add_to(struct plan *plan, unsigned key, int64_t delta)
{
    struct state_entry *e = &plan->state->entries[key];

    if (!e->present)
        *e = (struct state_entry){.present = true, .len = 8};
    e->seed += (uint64_t)delta;
}

static int64_t random_ttl(struct plan *plan)
{
    return random_percent(plan->random, 30) ? 50 + random_below(plan->random, 4000) : 0;
}

static struct planned *plan_op(struct plan *plan, enum op_kind kind, unsigned key)
{
    struct planned *p = &plan->list[plan->count++];

    memset(p, 0, sizeof(*p));
    op_init(&p->op, kind, NULL);
    state_key_name(key, p->key);
    p->op.label = (struct slice){state_label(key), strlen(state_label(key))};
    p->op.key = (struct slice){p->key, strlen(p->key)};
    return p;
}

static void plan_set(struct plan *plan)
{
    unsigned key = pick_key(plan, -1);
    struct planned *p = plan_op(plan, OP_SET, key);

    p->op.ttl_ms = random_ttl(plan);
    set_entry(plan, key, p->op.ttl_ms);
    p->op.value = pack_entry(&p->value, key, &plan->state->entries[key]);
}

static void plan_delete(struct plan *plan)
{
    unsigned key = random_below(plan->random, STATE_KEYS);

    plan_op(plan, OP_DELETE, key);
    plan->state->entries[key].present = false;
}

static void plan_increment(struct plan *plan)
{
    unsigned key = STATE_NUMBERS + random_below(plan->random, STATE_KEYS - STATE_NUMBERS);
    struct planned *p = plan_op(plan, OP_INCREMENT, key);

    p->op.delta = random_below(plan->random, 2000) - 1000;
    add_to(plan, key, p->op.delta);
}

static void finish_items(struct planned *p, uint32_t count)
{
    if (p->items.failed || p->checks.failed)
        errx(2, "out of memory");
    p->op.items = reader_of(p->items.data, p->items.len);
    p->op.checks = reader_of(p->checks.data, p->checks.len);
    p->op.item_count = count;
}

static void pack_value(msgpack_packer *pk, struct plan *plan, struct planned *p, unsigned key)
{
    buffer_clear(&p->value);
    pack_slice_bin(pk, pack_entry(&p->value, key, &plan->state->entries[key]));
}

static void plan_many(struct plan *plan, enum op_kind kind)
{
    unsigned first = pick_key(plan, -1);
    uint32_t count = 2 + random_below(plan->random, MANY_MOST - 1);
    struct planned *p = plan_op(plan, kind, first);
    msgpack_packer pk;

    pack_init(&pk, &p->items);
    p->op.ttl_ms = kind == OP_SET_MANY ? random_ttl(plan) : 0;
    for (uint32_t i = 0; i < count; i++) {
        unsigned key = pick_key(plan, (int)(first % 2));
        char name[16];
        state_key_name(key, name);
        if (kind == OP_DELETE_MANY) {
            pack_cstr(&pk, name);
            plan->state->entries[key].present = false;
            continue;
        }
        set_entry(plan, key, p->op.ttl_ms);
        msgpack_pack_array(&pk, 2);
        pack_cstr(&pk, name);
        pack_value(&pk, plan, p, key);
    }
    finish_items(p, count);
}

static void plan_swap(struct plan *plan)
{
    unsigned key = pick_key(plan, -1);
    struct planned *p = plan_op(plan, OP_SWAP, key);
    bool right = random_percent(plan->random, 80);

    if (plan->state->entries[key].present)
        p->op.expected = pack_entry(&p->expected, key, &plan->state->entries[key]);
    if (!right)
        p->op.expected = (struct slice){"nobody wrote this", 17};
    struct state_entry before = plan->state->entries[key];
    set_entry(plan, key, 0);
    p->op.value = pack_entry(&p->value, key, &plan->state->entries[key]);
    if (!right)
        plan->state->entries[key] = before;
}

static void pack_check(msgpack_packer *pk, struct plan *plan, struct planned *p, unsigned key,
                       bool right)
{
    char name[16];

    state_key_name(key, name);
    msgpack_pack_array(pk, 2);
    pack_cstr(pk, name);
    if (!right)
        pack_slice_bin(pk, (struct slice){"nobody wrote this", 17});
    else if (plan->state->entries[key].present)
        pack_value(pk, plan, p, key);
    else
        msgpack_pack_nil(pk);
}

static void pack_item(msgpack_packer *pk, struct plan *plan, struct planned *p, unsigned label)
{
    uint32_t kind = random_below(plan->random, 3);
    unsigned key = pick_key(plan, (int)label);
    char name[16];

    if (kind == 2)
        key = STATE_NUMBERS + label + 2 * random_below(plan->random, 3);
    state_key_name(key, name);
    msgpack_pack_array(pk, kind == 1 ? 2 : 3);
    pack_cstr(pk, kind == 0 ? "set" : kind == 1 ? "delete" : "increment");
    pack_cstr(pk, name);
    if (kind == 0) {
        set_entry(plan, key, 0);
        pack_value(pk, plan, p, key);
    } else if (kind == 1) {
        plan->state->entries[key].present = false;
    } else {
        int64_t delta = random_below(plan->random, 50);
        add_to(plan, key, delta);
        msgpack_pack_int64(pk, delta);
    }
}

static void plan_atomic(struct plan *plan)
{
    unsigned first = pick_key(plan, -1);
    uint32_t count = 2 + random_below(plan->random, MANY_MOST - 1);
    struct planned *p = plan_op(plan, OP_ATOMIC, first);
    bool right = random_percent(plan->random, 80);
    msgpack_packer items, checks;

    pack_init(&items, &p->items);
    pack_init(&checks, &p->checks);
    pack_check(&checks, plan, p, first, right);
    p->op.check_count = 1;
    struct state before = *plan->state;
    for (uint32_t i = 0; i < count; i++)
        pack_item(&items, plan, p, first % 2);
    if (!right)
        *plan->state = before;
    finish_items(p, count);
}

static void plan_any(struct plan *plan)
{
    uint32_t kind = random_below(plan->random, 100);

    if (kind < 35)
        plan_set(plan);
    else if (kind < 50)
        plan_delete(plan);
    else if (kind < 60)
        plan_increment(plan);
    else if (kind < 70)
        plan_many(plan, OP_SET_MANY);
    else if (kind < 75)
        plan_many(plan, OP_DELETE_MANY);
    else if (kind < 85)
        plan_swap(plan);
    else
        plan_atomic(plan);
}

/* So that no operation meets an entry whose time is over. */
static void sweep(struct store *s, bool faulty, struct state *state)
{
    struct error e = {0};
    int due = 0;

    for (unsigned key = 0; key < STATE_KEYS; key++) {
        struct state_entry *entry = &state->entries[key];
        if (entry->present && entry->expires_ms && entry->expires_ms <= clock_now_ms()) {
            entry->present = false;
            due++;
        }
    }
    memory_spare_end();
    int removed = store_sweep(s, STATE_KEYS + 1, &e);
    memory_spare();
    if (removed != due && !(faulty && removed < 0))
        trial_fail("%d entries were due, the sweep says %d %s", due, removed, e.text);
}

/* One that fails changes nothing. */
static void run_planned(struct store *s, struct plan *plan, bool faulty)
{
    struct state before = *plan->state;
    struct op *op;

    plan_any(plan);
    op = &plan->list[plan->count - 1].op;
    memory_spare_end();
    store_run(s, op);
    memory_spare();
    if (op->status && !faulty)
        trial_fail("an operation of kind %d fails: %s", op->kind, op->error);
    if (op->status)
        *plan->state = before;
}

static void free_plan(struct plan *plan)
{
    for (unsigned i = 0; i < plan->count; i++) {
        struct planned *p = &plan->list[i];
        op_fini(&p->op);
        buffer_fini(&p->items);
        buffer_fini(&p->checks);
        buffer_fini(&p->value);
        buffer_fini(&p->expected);
    }
}

static bool begin_batch(struct store *s, bool faulty)
{
    struct error e = {0};

    memory_spare_end();
    int code = store_begin(s, &e);
    memory_spare();
    if (code && !faulty)
        trial_fail("a batch cannot begin: %s", e.text);
    return code == 0;
}

/* Whether it was acknowledged; the plan is done with. */
static bool commit_batch(struct store *s, bool faulty, struct plan *plan)
{
    struct error e = {0};

    memory_spare_end();
    int code = store_commit(s, &e);
    memory_spare();
    if (code && !faulty)
        trial_fail("a batch cannot be committed: %s", e.text);
    free_plan(plan);
    return code == 0;
}

bool script_batch(struct store *s, struct random *random, bool faulty, struct state *state)
{
    struct plan plan = {.random = random, .state = state};
    uint32_t count = 1 + random_below(random, OPS_MOST);

    if (!begin_batch(s, faulty))
        return false;
    sweep(s, faulty, state);
    for (uint32_t i = 0; i < count; i++)
        run_planned(s, &plan, faulty);
    return commit_batch(s, faulty, &plan);
}

/* Sets without a time to live. Their keys, for who has to find out what is left of them. */
static void plan_early(struct plan *plan, uint32_t count, unsigned keys[OPS_MOST])
{
    for (uint32_t i = 0; i < count; i++) {
        keys[i] = pick_key(plan, -1);
        struct planned *p = plan_op(plan, OP_SET, keys[i]);
        set_entry(plan, keys[i], 0);
        plan->written[i] = plan->state->entries[keys[i]];
        p->op.value = pack_entry(&p->value, keys[i], &plan->state->entries[keys[i]]);
    }
}

static void expect_planned(struct store *s, struct plan *plan)
{
    struct list ops;

    list_init(&ops);
    for (unsigned i = 0; i < plan->count; i++)
        list_push(&ops, &plan->list[i].op.link);
    memory_spare_end();
    store_expect(s, &ops);
    memory_spare();
    while (!list_empty(&ops))
        list_pop(&ops);
}

/* All but those that fail, and perhaps the last one: *state is what that makes of it. */
static void run_expected(struct store *s, struct plan *plan, bool faulty, uint32_t count,
                         const unsigned keys[OPS_MOST], struct state *state)
{
    for (uint32_t i = 0; i < count; i++) {
        struct op *op = &plan->list[i].op;
        memory_spare_end();
        store_run(s, op);
        memory_spare();
        if (op->status && !faulty)
            trial_fail("an expected set fails: %s", op->error);
        if (!op->status)
            state->entries[keys[i]] = plan->written[i];
    }
}

bool script_batch_early(struct store *s, struct random *random, bool faulty, struct state *state,
                        struct state *early)
{
    struct plan plan = {.random = random, .state = early};
    unsigned keys[OPS_MOST];
    uint32_t count = 1 + random_below(random, OPS_MOST);
    bool all = random_percent(random, 75);

    *early = *state;
    if (!begin_batch(s, faulty))
        return false;
    plan_early(&plan, count, keys);
    expect_planned(s, &plan);
    sweep(s, faulty, state);
    run_expected(s, &plan, faulty, all ? count : count - 1, keys, state);
    return commit_batch(s, faulty, &plan);
}
