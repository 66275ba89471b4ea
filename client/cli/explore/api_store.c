/* Stores and their entries. */
#include <string.h>

#include "client/cli/bytes.h"
#include "client/cli/explore/api.h"

/* The labels, each with what it holds. */
void api_stores(struct api_call *call)
{
    json_t *stores;

    if (!api_attach(call))
        return;
    stores = json_array();
    for (const char *const *label = bobbin_stores(call->b); label && *label; label++) {
        uint64_t entries = 0, bytes = 0;
        bobbin_status status = bobbin_count(call->b, *label, &entries, &bytes);
        if (status != BOBBIN_OK && status != BOBBIN_NO_SUCH_STORE) {
            json_decref(stores);
            api_failed(call, status);
            return;
        }
        json_array_append_new(stores, json_pack("{s:s, s:I, s:I}", "label", *label, "entries",
                                                (json_int_t)entries, "bytes", (json_int_t)bytes));
    }
    api_answer(call, json_pack("{s:o}", "stores", stores));
}

/* The bytes up to a length, without half a character at the end of what is text. */
static size_t cut(const bobbin_string *value, size_t most)
{
    size_t len = value->len < most ? value->len : most;
    size_t back = 0;

    if (len == value->len)
        return len;
    while (back < 3 && len > back && ((unsigned char)value->data[len - back] & 0xc0) == 0x80)
        back++;
    return len - back;
}

static json_t *entry_json(const bobbin_entry *e, int64_t ttl_ms)
{
    json_t *object = json_object();

    bytes_json_set(object, "key", e->key.data, e->key.len);
    bytes_json_set(object, "preview", e->value.data, cut(&e->value, API_PREVIEW));
    json_object_set_new(object, "size", json_integer((json_int_t)e->value.len));
    json_object_set_new(object, "ttl_ms", json_integer(ttl_ms));
    return object;
}

static void answer_page(struct api_call *call, const bobbin_entry_page *page)
{
    json_t *out = json_object(), *entries = json_array();

    for (size_t i = 0; i < page->count; i++)
        json_array_append_new(entries,
                              entry_json(&page->entries[i], page->ttl_ms ? page->ttl_ms[i]
                                                                         : BOBBIN_TTL_NONE));
    json_object_set_new(out, "entries", entries);
    json_object_set_new(out, "more", json_boolean(page->more));
    if (page->more)
        bytes_json_set(out, "cursor", page->cursor.data, page->cursor.len);
    api_answer(call, out);
}

/* One page of a listing. */
void api_entries(struct api_call *call)
{
    int64_t limit = api_number(call, "limit");
    bobbin_string prefix = {0}, cursor = {0};
    bobbin_keys_options options = {.limit = limit > 0 && limit <= 500 ? (uint32_t)limit : 50,
                                   .reverse = json_is_true(json_object_get(call->in, "reverse")),
                                   .ttl = true};
    bobbin_entry_page *page = NULL;
    bobbin_status status;

    if ((bytes_json_has(call->in, "prefix") && !api_bytes(call, "prefix", &prefix)) ||
        (bytes_json_has(call->in, "cursor") && !api_bytes(call, "cursor", &cursor)) ||
        !api_attach(call))
        return;
    options.prefix = prefix.len ? prefix.data : NULL;
    options.prefix_len = prefix.len;
    options.cursor = cursor.data;
    options.cursor_len = cursor.len;
    status = bobbin_entries(call->b, api_text(call, "store"), &options, &page);
    if (status == BOBBIN_OK)
        answer_page(call, page);
    else
        api_failed(call, status);
    bobbin_entry_page_free(page);
}

/* The value of the question's key, with the commit that it was seen at. False: an error was set. */
static bool get(struct api_call *call, bobbin_string *key, void **ret, size_t *ret_len)
{
    bobbin_status status;

    if (!api_bytes(call, "key", key) || !api_attach(call))
        return false;
    status = bobbin_get(call->b, api_text(call, "store"), key->data, key->len, ret, ret_len);
    if (status != BOBBIN_OK)
        api_failed(call, status);
    else if (!*ret)
        api_error(call, 404, "no-such-key", "there is no such key");
    return status == BOBBIN_OK && *ret;
}

/* One entry, as much of it as is shown. */
void api_entry(struct api_call *call)
{
    bobbin_string key, shown;
    void *value = NULL;
    size_t len;
    int64_t ttl_ms = BOBBIN_TTL_NONE;
    uint64_t commit;
    json_t *out;

    if (!get(call, &key, &value, &len))
        return;
    commit = bobbin_last_commit(call->b);
    bobbin_ttl(call->b, api_text(call, "store"), key.data, key.len, &ttl_ms);
    shown = (bobbin_string){value, len};
    out = json_object();
    bytes_json_set(out, "key", key.data, key.len);
    bytes_json_set(out, "value", value, cut(&shown, API_SHOWN));
    json_object_set_new(out, "size", json_integer((json_int_t)len));
    json_object_set_new(out, "whole", json_boolean(len <= API_SHOWN));
    json_object_set_new(out, "ttl_ms", json_integer(ttl_ms));
    json_object_set_new(out, "commit", json_integer((json_int_t)commit));
    api_answer(call, out);
    bobbin_free(value);
}

/* What must hold for a change to be made. */
enum guarded { IF_ABSENT, IF_UNCHANGED, ALWAYS };

/* One operation; `since` is the commit at which the entry was looked at. */
static void apply(struct api_call *call, const bobbin_op *op, enum guarded guarded, uint64_t since)
{
    bobbin_check check = {
        .kind = guarded == IF_ABSENT ? BOBBIN_CHECK_ABSENT : BOBBIN_CHECK_SINCE,
        .key = op->key,
        .since = since};
    bool applied = false;
    bobbin_status status = bobbin_atomic(call->b, api_text(call, "store"), &check,
                                         guarded == ALWAYS ? 0 : 1, op, 1, &applied, NULL);

    if (status != BOBBIN_OK)
        api_failed(call, status);
    else if (applied)
        api_answer(call, json_pack("{s:I}", "commit", (json_int_t)bobbin_last_commit(call->b)));
    else if (guarded == IF_UNCHANGED)
        api_error(call, 409, "changed", "somebody has changed the entry meanwhile");
    else
        api_error(call, 409, "exists", "there is an entry of that key already");
}

static bool has_since(const struct api_call *call)
{
    return json_is_integer(json_object_get(call->in, "since"));
}

static uint64_t since_of(const struct api_call *call)
{
    int64_t since = api_number(call, "since");

    return since > 0 ? (uint64_t)since : 0;
}

/* With `since` an entry that was not changed after that commit, else one that is new. */
void api_put(struct api_call *call)
{
    int64_t ttl_ms = api_number(call, "ttl_ms");
    bobbin_op op = {.kind = BOBBIN_OP_SET, .ttl_ms = ttl_ms > 0 ? ttl_ms : 0};

    if (api_bytes(call, "key", &op.key) && api_bytes(call, "value", &op.value) && api_attach(call))
        apply(call, &op, has_since(call) ? IF_UNCHANGED : IF_ABSENT, since_of(call));
}

void api_delete(struct api_call *call)
{
    bobbin_op op = {.kind = BOBBIN_OP_DELETE};

    if (api_bytes(call, "key", &op.key) && api_attach(call))
        apply(call, &op, has_since(call) ? IF_UNCHANGED : ALWAYS, since_of(call));
}

/* Another time to live, or none, for the value that is there. */
void api_expire(struct api_call *call)
{
    int64_t ttl_ms = api_number(call, "ttl_ms");
    bobbin_op op = {.kind = BOBBIN_OP_SET, .ttl_ms = ttl_ms > 0 ? ttl_ms : 0};
    void *value = NULL;
    size_t len;

    if (!get(call, &op.key, &value, &len))
        return;
    op.value = (bobbin_string){value, len};
    apply(call, &op, IF_UNCHANGED, bobbin_last_commit(call->b));
    bobbin_free(value);
}

void api_download(struct api_call *call)
{
    bobbin_string key;

    if (!get(call, &key, &call->bytes, &call->len))
        return;
    call->status = 200;
    if (call->len <= API_DOWNLOAD)
        return;
    api_error(call, 413, "too-large", "the value has %zu bytes, more than the %u that are handed out",
              call->len, API_DOWNLOAD);
    bobbin_free(call->bytes);
    call->bytes = NULL;
}
