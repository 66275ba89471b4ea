#include "operation.h"

#include "protocol/methods.h"

/* What the kinds have in common, as bits. */
enum {
    STORE = 1,    /* the first param is a store */
    KEY = 2,      /* the second is a key */
    VALUE = 4,    /* a value is given */
    TTL = 8,      /* it may expire */
    LISTING = 16, /* options of a listing */
    COMMIT = 32,  /* the last param is a map of options, commit one of them */
    APP = 64,     /* the first param is an app … */
    PART = 128,   /* … behind which there may be a component */
    DAEMON = 256, /* the app may be left out */
    PATH = 512,   /* the first param is a path */
    KEEP = 1024,  /* the last param is a map of options, keep one of them */
};

static const struct form {
    enum method_id method;
    uint32_t params; /* those of an app and its component not counted: they may be left out */
    unsigned has;
} forms[] = {
    [BOBBIN_REQUEST_PING] = {METHOD_PING, 0, 0},
    [BOBBIN_REQUEST_GET] = {METHOD_GET, 3, STORE | KEY | COMMIT},
    [BOBBIN_REQUEST_SET] = {METHOD_SET, 4, STORE | KEY | VALUE | TTL | COMMIT},
    [BOBBIN_REQUEST_DELETE] = {METHOD_DELETE, 3, STORE | KEY | COMMIT},
    [BOBBIN_REQUEST_EXISTS] = {METHOD_EXISTS, 3, STORE | KEY | COMMIT},
    [BOBBIN_REQUEST_TTL] = {METHOD_TTL, 3, STORE | KEY | COMMIT},
    [BOBBIN_REQUEST_KEYS] = {METHOD_KEYS, 2, STORE | LISTING | COMMIT},
    [BOBBIN_REQUEST_ENTRIES] = {METHOD_ENTRIES, 2, STORE | LISTING | COMMIT},
    [BOBBIN_REQUEST_COUNT] = {METHOD_COUNT_ENTRIES, 2, STORE | COMMIT},
    [BOBBIN_REQUEST_GET_MANY] = {METHOD_GET_MANY, 3, STORE | COMMIT},
    [BOBBIN_REQUEST_SET_MANY] = {METHOD_SET_MANY, 3, STORE | TTL | COMMIT},
    [BOBBIN_REQUEST_DELETE_MANY] = {METHOD_DELETE_MANY, 3, STORE | COMMIT},
    [BOBBIN_REQUEST_INCREMENT] = {METHOD_INCREMENT, 4, STORE | KEY | COMMIT},
    [BOBBIN_REQUEST_SWAP] = {METHOD_SWAP, 5, STORE | KEY | VALUE | TTL | COMMIT},
    [BOBBIN_REQUEST_ATOMIC] = {METHOD_ATOMIC, 4, STORE | COMMIT},
    [BOBBIN_REQUEST_WATCH] = {METHOD_WATCH, 2, STORE},
    [BOBBIN_REQUEST_UNWATCH] = {METHOD_UNWATCH, 1, 0},
    [BOBBIN_REQUEST_ATTACH] = {METHOD_ATTACH, 0, APP},
    [BOBBIN_REQUEST_BACKUP] = {METHOD_STORE_BACKUP, 1, PATH},
    [BOBBIN_REQUEST_RESTORE] = {METHOD_STORE_RESTORE, 2, PATH | KEEP},
    [BOBBIN_REQUEST_STATS] = {METHOD_STATS, 0, APP | DAEMON},
    [BOBBIN_REQUEST_APP_REGISTER] = {METHOD_APP_REGISTER, 0, APP},
    [BOBBIN_REQUEST_APP_UNREGISTER] = {METHOD_APP_UNREGISTER, 0, APP},
    [BOBBIN_REQUEST_APP_LIST] = {METHOD_APP_LIST, 0, 0},
    [BOBBIN_REQUEST_APP_STATUS] = {METHOD_APP_STATUS, 0, APP},
    [BOBBIN_REQUEST_APP_START] = {METHOD_APP_START, 0, APP | PART},
    [BOBBIN_REQUEST_APP_STOP] = {METHOD_APP_STOP, 0, APP | PART},
    [BOBBIN_REQUEST_APP_RESTART] = {METHOD_APP_RESTART, 0, APP | PART},
    [BOBBIN_REQUEST_APP_RESET] = {METHOD_APP_RESET, 0, APP | PART},
    [BOBBIN_REQUEST_APP_RELOAD] = {METHOD_APP_RELOAD, 0, APP},
    [BOBBIN_REQUEST_APP_LOGS] = {METHOD_APP_LOGS, 1, APP},
    [BOBBIN_REQUEST_EVENTS] = {METHOD_EVENTS, 1, 0},
    [BOBBIN_REQUEST_TRACE] = {METHOD_TRACE, 1, APP},
    [BOBBIN_REQUEST_DAEMON_UPGRADE] = {METHOD_DAEMON_UPGRADE, 0, 0},
    [BOBBIN_REQUEST_CONFIG] = {METHOD_CONFIG, 0, 0},
};

#define FORM_COUNT (sizeof(forms) / sizeof(forms[0]))

bool operation_has_commit(bobbin_request_kind kind)
{
    return (forms[kind].has & COMMIT) != 0;
}

/* Bytes that are not there though they have a length. */
static bool is_bad(bobbin_string s)
{
    return s.data == NULL && s.len > 0;
}

static const bobbin_keys_options *listing_of(const bobbin_request *q)
{
    static const bobbin_keys_options none = {0};
    return q->listing != NULL ? q->listing : &none;
}

static const bobbin_watch_options *watching_of(const bobbin_request *q)
{
    static const bobbin_watch_options all = {0};
    return q->watching != NULL ? q->watching : &all;
}

static const char *check_keys(const bobbin_string *keys, size_t count)
{
    if (keys == NULL && count > 0)
        return "the keys are NULL";
    for (size_t i = 0; i < count; i++)
        if (keys[i].data == NULL)
            return "a key is NULL";
    return NULL;
}

static const char *check_entries(const bobbin_entry *entries, size_t count)
{
    if (entries == NULL && count > 0)
        return "the entries are NULL";
    for (size_t i = 0; i < count; i++) {
        if (entries[i].key.data == NULL)
            return "a key is NULL";
        if (is_bad(entries[i].value))
            return "a value is NULL";
    }
    return NULL;
}

static const char *check_atomic(const bobbin_request *q)
{
    if ((q->checks == NULL && q->check_count > 0) || (q->ops == NULL && q->op_count > 0))
        return "the checks or the operations are NULL";
    for (size_t i = 0; i < q->check_count; i++) {
        const bobbin_check *c = &q->checks[i];
        if ((unsigned)c->kind > BOBBIN_CHECK_SINCE)
            return "a check is of no known kind";
        if (c->key.data == NULL || (c->kind == BOBBIN_CHECK_VALUE && is_bad(c->value)))
            return "the key or the value of a check is NULL";
    }
    for (size_t i = 0; i < q->op_count; i++) {
        const bobbin_op *o = &q->ops[i];
        if ((unsigned)o->kind > BOBBIN_OP_INCREMENT)
            return "an operation is of no known kind";
        if (o->key.data == NULL || (o->kind == BOBBIN_OP_SET && is_bad(o->value)))
            return "the key or the value of an operation is NULL";
        if (o->kind == BOBBIN_OP_SET && o->ttl_ms < 0)
            return "the time to live is negative";
    }
    return NULL;
}

static const char *check_listing(const bobbin_keys_options *o)
{
    if ((o->prefix == NULL && o->prefix_len > 0) || (o->cursor == NULL && o->cursor_len > 0))
        return "the prefix or the cursor is NULL but has a length";
    return NULL;
}

static const char *check_watching(const bobbin_watch_options *o)
{
    if (o->prefix == NULL && o->prefix_len > 0)
        return "the prefix is NULL but has a length";
    if (o->prefix != NULL && o->keys != NULL)
        return "a watch has either keys or a prefix";
    return check_keys(o->keys, o->key_count);
}

static const char *check_own(const bobbin_request *q)
{
    switch (q->kind) {
    case BOBBIN_REQUEST_GET_MANY:
    case BOBBIN_REQUEST_DELETE_MANY:
        return check_keys(q->keys, q->key_count);
    case BOBBIN_REQUEST_SET_MANY:
        return check_entries(q->entries, q->entry_count);
    case BOBBIN_REQUEST_SWAP:
        return is_bad(q->expected) ? "the expected value is NULL but has a length" : NULL;
    case BOBBIN_REQUEST_ATOMIC:
        return check_atomic(q);
    case BOBBIN_REQUEST_WATCH:
        return check_watching(watching_of(q));
    default:
        return NULL;
    }
}

static const char *check_common(const bobbin_request *q, unsigned has)
{
    if ((has & STORE) && q->store == NULL)
        return "the store is NULL";
    if ((has & KEY) && q->key.data == NULL)
        return "the key is NULL";
    if ((has & VALUE) && is_bad(q->value))
        return "the value is NULL";
    if ((has & TTL) && q->ttl_ms < 0)
        return "the time to live is negative";
    if ((has & APP) && !(has & DAEMON) && q->app == NULL)
        return "the app is NULL";
    if ((has & PATH) && q->path == NULL)
        return "the path is NULL";
    return has & LISTING ? check_listing(listing_of(q)) : NULL;
}

/* The most elements of any list that the kind has. */
static size_t count_elements(const bobbin_request *q)
{
    switch (q->kind) {
    case BOBBIN_REQUEST_GET_MANY:
    case BOBBIN_REQUEST_DELETE_MANY:
        return q->key_count;
    case BOBBIN_REQUEST_SET_MANY:
        return q->entry_count;
    case BOBBIN_REQUEST_ATOMIC:
        return q->check_count > q->op_count ? q->check_count : q->op_count;
    case BOBBIN_REQUEST_WATCH:
        return watching_of(q)->key_count;
    default:
        return 0;
    }
}

bobbin_status operation_check(const bobbin_request *q, struct failure *f)
{
    if ((unsigned)q->kind >= FORM_COUNT)
        return failure_set(f, BOBBIN_MISUSE, "the request is of no known kind");
    /* Before the elements are looked at: so many there cannot be. */
    if (count_elements(q) > LIMIT_MESSAGE)
        return failure_set(f, BOBBIN_TOO_LARGE, "the request has %zu elements, its bytes are %u",
                           count_elements(q), LIMIT_MESSAGE);
    const char *reason = check_common(q, forms[q->kind].has);
    if (reason == NULL)
        reason = check_own(q);
    return reason != NULL ? failure_set(f, BOBBIN_MISUSE, "%s", reason) : BOBBIN_OK;
}

static void encode_key(struct request *r, bobbin_string key)
{
    request_str(r, key.data, key.len);
}

static void encode_value(struct request *r, bobbin_string value)
{
    request_bin(r, value.data != NULL ? value.data : "", value.len);
}

static void encode_keys(struct request *r, const bobbin_string *keys, size_t count)
{
    request_array(r, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        encode_key(r, keys[i]);
}

static void encode_entries(struct request *r, const bobbin_entry *entries, size_t count)
{
    request_array(r, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        request_array(r, 2);
        encode_key(r, entries[i].key);
        encode_value(r, entries[i].value);
    }
}

static void encode_check(struct request *r, const bobbin_check *c)
{
    request_array(r, 2);
    encode_key(r, c->key);
    if (c->kind == BOBBIN_CHECK_VALUE) {
        encode_value(r, c->value);
    } else if (c->kind == BOBBIN_CHECK_ABSENT) {
        request_nil(r);
    } else {
        request_map(r, 1);
        request_cstr(r, "since");
        request_uint(r, c->since);
    }
}

static void encode_op(struct request *r, const bobbin_op *o)
{
    static const char *const names[] = {[BOBBIN_OP_SET] = "set",
                                        [BOBBIN_OP_DELETE] = "delete",
                                        [BOBBIN_OP_INCREMENT] = "increment"};
    bool expires = o->kind == BOBBIN_OP_SET && o->ttl_ms > 0;
    request_array(r, o->kind == BOBBIN_OP_DELETE ? 2 : expires ? 4 : 3);
    request_cstr(r, names[o->kind]);
    encode_key(r, o->key);
    if (o->kind == BOBBIN_OP_SET)
        encode_value(r, o->value);
    else if (o->kind == BOBBIN_OP_INCREMENT)
        request_int(r, o->delta);
    if (expires) {
        request_map(r, 1);
        request_cstr(r, "ttl_ms");
        request_int(r, o->ttl_ms);
    }
}

static void encode_atomic(struct request *r, const bobbin_request *q)
{
    request_array(r, (uint32_t)q->check_count);
    for (size_t i = 0; i < q->check_count; i++)
        encode_check(r, &q->checks[i]);
    request_array(r, (uint32_t)q->op_count);
    for (size_t i = 0; i < q->op_count; i++)
        encode_op(r, &q->ops[i]);
}

static void encode_watching(struct request *r, const bobbin_watch_options *o)
{
    request_map(r, (o->keys ? 1u : 0u) + (o->prefix ? 1u : 0u) + (o->values ? 1u : 0u) +
                       (o->has_since ? 1u : 0u));
    if (o->keys != NULL) {
        request_cstr(r, "keys");
        encode_keys(r, o->keys, o->key_count);
    }
    if (o->prefix != NULL) {
        request_cstr(r, "prefix");
        request_str(r, o->prefix, o->prefix_len);
    }
    if (o->values) {
        request_cstr(r, "values");
        request_bool(r, true);
    }
    if (o->has_since) {
        request_cstr(r, "since");
        request_uint(r, o->since);
    }
}

/* What stands between the store and key and the options. */
static void encode_own(struct request *r, const bobbin_request *q)
{
    switch (q->kind) {
    case BOBBIN_REQUEST_SET:
        encode_value(r, q->value);
        break;
    case BOBBIN_REQUEST_GET_MANY:
    case BOBBIN_REQUEST_DELETE_MANY:
        encode_keys(r, q->keys, q->key_count);
        break;
    case BOBBIN_REQUEST_SET_MANY:
        encode_entries(r, q->entries, q->entry_count);
        break;
    case BOBBIN_REQUEST_INCREMENT:
        request_int(r, q->delta);
        break;
    case BOBBIN_REQUEST_SWAP:
        if (q->expected.data != NULL)
            encode_value(r, q->expected);
        else
            request_nil(r);
        encode_value(r, q->value);
        break;
    case BOBBIN_REQUEST_ATOMIC:
        encode_atomic(r, q);
        break;
    case BOBBIN_REQUEST_WATCH:
        encode_watching(r, watching_of(q));
        break;
    case BOBBIN_REQUEST_UNWATCH:
        request_uint(r, q->watch);
        break;
    default:
        break;
    }
}

static void encode_logs(struct request *r, const bobbin_logs_options *o)
{
    static const bobbin_logs_options none = {0};
    o = o != NULL ? o : &none;
    request_map(r, (o->component ? 1u : 0u) + (o->lines ? 1u : 0u) + (o->since_ms ? 1u : 0u) +
                       (o->cursor ? 1u : 0u) + (o->partial ? 1u : 0u));
    if (o->component != NULL) {
        request_cstr(r, "component");
        request_cstr(r, o->component);
    }
    if (o->lines > 0) {
        request_cstr(r, "lines");
        request_uint(r, o->lines);
    }
    if (o->since_ms != 0) {
        request_cstr(r, "since");
        request_int(r, o->since_ms);
    }
    if (o->cursor != NULL) {
        request_cstr(r, "cursor");
        request_bin(r, o->cursor, o->cursor_len);
    }
    if (o->partial) {
        request_cstr(r, "partial");
        request_bool(r, true);
    }
}

/* Nothing where it is 0. */
static void encode_number(struct request *r, const char *name, uint64_t number)
{
    if (number == 0)
        return;
    request_cstr(r, name);
    request_uint(r, number);
}

static void encode_happened(struct request *r, const bobbin_events_options *o)
{
    static const bobbin_events_options none = {0};
    o = o != NULL ? o : &none;
    request_map(r, (o->app ? 1u : 0u) + (o->since ? 1u : 0u) + (o->limit ? 1u : 0u) +
                       (o->wait_ms ? 1u : 0u));
    if (o->app != NULL) {
        request_cstr(r, "app");
        request_cstr(r, o->app);
    }
    encode_number(r, "since", o->since);
    encode_number(r, "limit", o->limit);
    encode_number(r, "wait_ms", o->wait_ms);
}

static void encode_tracing(struct request *r, const bobbin_trace_options *o)
{
    static const bobbin_trace_options none = {0};
    o = o != NULL ? o : &none;
    request_map(r, (o->since ? 1u : 0u) + (o->limit ? 1u : 0u) + (o->wait_ms ? 1u : 0u));
    encode_number(r, "since", o->since);
    encode_number(r, "limit", o->limit);
    encode_number(r, "wait_ms", o->wait_ms);
}

/* Only what was asked for is sent, and the wish for the commit number. */
static void encode_options(struct request *r, const bobbin_request *q, unsigned has)
{
    static const bobbin_keys_options none = {0};
    const bobbin_keys_options *o = has & LISTING ? listing_of(q) : &none;
    bool expires = (has & TTL) && q->ttl_ms > 0;
    request_map(r, 1u + (o->prefix ? 1u : 0u) + (o->cursor ? 1u : 0u) + (o->limit ? 1u : 0u) +
                       (o->reverse ? 1u : 0u) + (o->ttl ? 1u : 0u) + (expires ? 1u : 0u));
    if (o->prefix != NULL) {
        request_cstr(r, "prefix");
        request_str(r, o->prefix, o->prefix_len);
    }
    if (o->cursor != NULL) {
        request_cstr(r, "cursor");
        request_bin(r, o->cursor, o->cursor_len);
    }
    if (o->limit > 0) {
        request_cstr(r, "limit");
        request_uint(r, o->limit);
    }
    if (o->reverse) {
        request_cstr(r, "reverse");
        request_bool(r, true);
    }
    if (o->ttl) {
        request_cstr(r, "ttl");
        request_bool(r, true);
    }
    if (expires) {
        request_cstr(r, "ttl_ms");
        request_int(r, q->ttl_ms);
    }
    request_cstr(r, "commit");
    request_bool(r, true);
}

void operation_encode(const bobbin_request *q, struct core *c, struct request *r)
{
    const struct form *form = &forms[q->kind];
    const char *app = form->has & APP ? q->app : NULL;
    const char *component = form->has & PART ? q->component : NULL;
    request_begin(r, c, method_table[form->method].name,
                  form->params + (app != NULL) + (component != NULL));
    if (app != NULL)
        request_cstr(r, app);
    if (component != NULL)
        request_cstr(r, component);
    if (form->has & PATH)
        request_cstr(r, q->path);
    if (form->has & STORE)
        request_cstr(r, q->store);
    if (form->has & KEY)
        encode_key(r, q->key);
    encode_own(r, q);
    if (q->kind == BOBBIN_REQUEST_APP_LOGS)
        encode_logs(r, q->logs);
    else if (q->kind == BOBBIN_REQUEST_EVENTS)
        encode_happened(r, q->happened);
    else if (q->kind == BOBBIN_REQUEST_TRACE)
        encode_tracing(r, q->tracing);
    if (form->has & COMMIT)
        encode_options(r, q, form->has);
    if (form->has & KEEP) {
        request_map(r, 1);
        request_cstr(r, "keep");
        request_bool(r, q->keep);
    }
}
