#include "script.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"

enum { HOT_KEYS = 24 };

void script_init(struct script *s, uint64_t seed, const struct model *model)
{
    memset(s, 0, sizeof *s);
    s->random.state = seed;
    s->model = model;
    s->pool = model->pool;
}

void script_fini(struct script *s)
{
    for (int i = 0; i < SCRIPT_LISTINGS; i++)
        free(s->listings[i].cursor);
}

void script_request_fini(struct script_request *r)
{
    while (r->memory_count)
        free(r->memory[--r->memory_count]);
}

static uint32_t below(struct script *s, uint32_t bound)
{
    return random_below(&s->random, bound);
}

static bool percent(struct script *s, uint32_t percent)
{
    return random_percent(&s->random, percent);
}

/* Half of the time one of few keys, so that requests meet; these are spread over the pool. */
static int any_key(struct script *s)
{
    return (int)(percent(s, 50) ? below(s, HOT_KEYS) * 7 % POOL_KEYS : below(s, POOL_KEYS));
}

static void *keep(struct script_request *r, size_t size)
{
    return r->memory[r->memory_count++] = malloc(size + 1);
}

static bobbin_string bytes_of(struct script_request *r, const void *data, size_t len)
{
    char *copy = keep(r, len);
    if (len)
        memcpy(copy, data, len);
    return (bobbin_string){copy, len};
}

static int64_t any_number(struct script *s)
{
    static const int64_t edges[] = {INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1, 0, -1};
    if (percent(s, 8))
        return edges[below(s, 6)];
    return (int64_t)below(s, 2001) - 1000;
}

static bobbin_string any_value(struct script *s, struct script_request *r)
{
    size_t len = percent(s, 99) ? below(s, 60) : below(s, 48 << 10);
    char *data;
    if (percent(s, 45)) {
        int64_t number = any_number(s);
        return bytes_of(r, &number, sizeof number);
    }
    data = keep(r, len);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)random_next(&s->random);
    return (bobbin_string){data, len};
}

/* What the entry holds now, or something else. */
static bobbin_string likely_value(struct script *s, struct script_request *r,
                                  const struct model_entry *entry)
{
    if (entry->value && percent(s, 75))
        return bytes_of(r, entry->value, entry->len);
    return any_value(s, r);
}

/* Five minutes to ten hours, so that nothing expires unless the clock is stepped. */
static int64_t any_ttl(struct script *s)
{
    return percent(s, 30) ? 300000 + (int64_t)below(s, 36000000) : 0;
}

static int any_label(struct script *s)
{
    return percent(s, 60) ? 0 : (int)below(s, POOL_LABELS);
}

static void begin(struct script_request *r, bobbin_request_kind kind, int label)
{
    memset(r, 0, sizeof *r);
    r->request.kind = kind;
    r->request.store = pool_labels[label];
}

static void fill_keys(struct script *s, struct script_request *r)
{
    r->request.key_count = below(s, SCRIPT_MANY + 1);
    for (size_t i = 0; i < r->request.key_count; i++)
        r->keys[i] = s->pool->keys[any_key(s)];
    r->request.keys = r->keys;
}

static void fill_entries(struct script *s, struct script_request *r)
{
    size_t count = below(s, SCRIPT_MANY + 1);
    for (size_t i = 0; i < count; i++)
        r->entries[i] = (bobbin_entry){s->pool->keys[any_key(s)], any_value(s, r)};
    if (count && percent(s, 2)) {
        char *too_long = keep(r, LIMIT_KEY + 1);
        memset(too_long, 'k', LIMIT_KEY + 1);
        r->entries[count - 1].key = (bobbin_string){too_long, LIMIT_KEY + 1};
    }
    r->request.entry_count = count;
    r->request.entries = r->entries;
    r->request.ttl_ms = any_ttl(s);
}

static void fill_swap(struct script *s, struct script_request *r, int label)
{
    int key = any_key(s);
    const struct model_entry *entry = &s->model->entries[label][key];
    r->request.key = s->pool->keys[key];
    if (entry->value ? percent(s, 85) : percent(s, 25))
        r->request.expected = likely_value(s, r, entry);
    r->request.value = any_value(s, r);
    r->request.ttl_ms = any_ttl(s);
}

/* Whether the model knows how "unchanged since" will be answered: when its last change has a number
 * or will have one, and the log still has it. */
static bool since_is_certain(const struct script *s, const struct model_entry *entry)
{
    return !entry->vanished && entry->changed_by &&
           s->model->changes - entry->change < LIMIT_LOG_CHANGES / 4;
}

static uint64_t any_since(struct script *s, const struct model_entry *entry)
{
    switch (entry->commit ? below(s, 5) : 4) {
    case 0:
    case 1:
        return entry->commit;
    case 2:
        return entry->commit - 1;
    default:
        return s->model->latest;
    }
}

static void fill_check(struct script *s, struct script_request *r, int label, bobbin_check *ret)
{
    int key = any_key(s);
    const struct model_entry *entry = &s->model->entries[label][key];
    ret->key = s->pool->keys[key];
    if (since_is_certain(s, entry) && percent(s, 50)) {
        ret->kind = BOBBIN_CHECK_SINCE;
        ret->since = any_since(s, entry);
    } else if (entry->value ? percent(s, 85) : percent(s, 20)) {
        ret->kind = BOBBIN_CHECK_VALUE;
        ret->value = likely_value(s, r, entry);
    } else {
        ret->kind = BOBBIN_CHECK_ABSENT;
    }
}

static void fill_op(struct script *s, struct script_request *r, bobbin_op *ret)
{
    uint32_t kind = below(s, 10);
    ret->key = s->pool->keys[any_key(s)];
    ret->kind = kind < 5 ? BOBBIN_OP_SET : kind < 8 ? BOBBIN_OP_DELETE : BOBBIN_OP_INCREMENT;
    if (ret->kind == BOBBIN_OP_SET) {
        ret->value = any_value(s, r);
        ret->ttl_ms = any_ttl(s);
    } else if (ret->kind == BOBBIN_OP_INCREMENT) {
        ret->delta = any_number(s);
    }
}

static void fill_atomic(struct script *s, struct script_request *r, int label)
{
    r->request.check_count = below(s, 4);
    r->request.op_count = below(s, SCRIPT_MANY / 2 + 1);
    for (size_t i = 0; i < r->request.check_count; i++)
        fill_check(s, r, label, &r->checks[i]);
    if (r->request.check_count == 1 && percent(s, 5)) {
        r->checks[0].kind = BOBBIN_CHECK_SINCE;
        r->checks[0].since = MODEL_SINCE_NEVER + below(s, 100);
    }
    for (size_t i = 0; i < r->request.op_count; i++)
        fill_op(s, r, &r->ops[i]);
    r->request.checks = r->checks;
    r->request.ops = r->ops;
}

static void listing_start(struct script *s, struct script_listing *listing)
{
    static const char *const prefixes[] = {"a", "user/", "a/", "item-1", "\xc3\xbc", "\0", "zz"};
    int prefix = (int)below(s, 14);
    free(listing->cursor);
    *listing = (struct script_listing){
        .open = true,
        .entries = percent(s, 50),
        .label = any_label(s),
        .behind = -1,
        .options.limit = percent(s, 80) ? 1 + below(s, 20) : 0,
        .options.reverse = percent(s, 50),
    };
    if (prefix < 7) {
        listing->options.prefix = prefixes[prefix];
        listing->options.prefix_len = prefix == 5 ? 1 : strlen(prefixes[prefix]);
    }
}

/* False: all listings wait for an answer. */
static bool fill_listing(struct script *s, struct script_request *r)
{
    struct script_listing *listing = &s->listings[below(s, SCRIPT_LISTINGS)];
    if (listing->busy)
        return false;
    if (!listing->open || percent(s, 3))
        listing_start(s, listing);
    listing->busy = true;
    begin(r, listing->entries ? BOBBIN_REQUEST_ENTRIES : BOBBIN_REQUEST_KEYS, listing->label);
    r->listing = listing;
    r->options = listing->options;
    r->options.cursor = listing->cursor;
    r->options.cursor_len = listing->cursor_len;
    r->request.listing = &r->options;
    return true;
}

void script_page(struct script_listing *listing, int last, bobbin_string cursor)
{
    free(listing->cursor);
    listing->cursor = NULL;
    listing->busy = false;
    listing->open = cursor.data;
    if (!cursor.data)
        return;
    listing->behind = last;
    listing->cursor = malloc(cursor.len + 1);
    memcpy(listing->cursor, cursor.data, cursor.len);
    listing->cursor_len = cursor.len;
}

/* How often each kind occurs. */
static const struct {
    bobbin_request_kind kind;
    uint32_t weight;
} weights[] = {
    {BOBBIN_REQUEST_GET, 16},        {BOBBIN_REQUEST_SET, 18},      {BOBBIN_REQUEST_DELETE, 9},
    {BOBBIN_REQUEST_EXISTS, 5},      {BOBBIN_REQUEST_TTL, 7},       {BOBBIN_REQUEST_KEYS, 10},
    {BOBBIN_REQUEST_COUNT, 3},       {BOBBIN_REQUEST_GET_MANY, 5},  {BOBBIN_REQUEST_SET_MANY, 5},
    {BOBBIN_REQUEST_DELETE_MANY, 2}, {BOBBIN_REQUEST_INCREMENT, 8}, {BOBBIN_REQUEST_SWAP, 6},
    {BOBBIN_REQUEST_ATOMIC, 12},
};

static bobbin_request_kind any_kind(struct script *s)
{
    uint32_t total = 0, at;
    size_t i = 0;
    for (size_t j = 0; j < sizeof weights / sizeof *weights; j++)
        total += weights[j].weight;
    for (at = below(s, total); at >= weights[i].weight; i++)
        at -= weights[i].weight;
    return weights[i].kind;
}

static void fill(struct script *s, struct script_request *r, int label)
{
    switch (r->request.kind) {
    case BOBBIN_REQUEST_GET_MANY:
    case BOBBIN_REQUEST_DELETE_MANY:
        fill_keys(s, r);
        return;
    case BOBBIN_REQUEST_SET_MANY:
        fill_entries(s, r);
        return;
    case BOBBIN_REQUEST_SWAP:
        fill_swap(s, r, label);
        return;
    case BOBBIN_REQUEST_ATOMIC:
        fill_atomic(s, r, label);
        return;
    case BOBBIN_REQUEST_SET:
        r->request.value = any_value(s, r);
        r->request.ttl_ms = any_ttl(s);
        break;
    case BOBBIN_REQUEST_INCREMENT:
        r->request.delta = any_number(s);
        break;
    default:
        break;
    }
    if (r->request.kind != BOBBIN_REQUEST_COUNT)
        r->request.key = s->pool->keys[any_key(s)];
}

void script_next(struct script *s, struct script_request *ret)
{
    bobbin_request_kind kind = any_kind(s);
    int label = any_label(s);
    if (kind == BOBBIN_REQUEST_KEYS && fill_listing(s, ret))
        return;
    begin(ret, kind == BOBBIN_REQUEST_KEYS ? BOBBIN_REQUEST_GET : kind, label);
    fill(s, ret, label);
}

void script_next_brief(struct script *s, struct script_request *ret)
{
    begin(ret, BOBBIN_REQUEST_SET_MANY, any_label(s));
    fill_entries(s, ret);
    ret->request.ttl_ms = 1 + (int64_t)below(s, 40);
}
