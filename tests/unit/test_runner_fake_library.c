#include "tests/unit/test_runner_fake_library.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_library fake_library;

bobbin_status bobbin_connect(const char *path, bobbin **ret_b)
{
    (void)path;
    fake_library.connected++;
    *ret_b = (bobbin *)&fake_library;
    return BOBBIN_OK;
}

void bobbin_close(bobbin *b)
{
    fake_library.closed += b != NULL;
}

const char *bobbin_error(const bobbin *b)
{
    (void)b;
    return "the reason";
}

const char *bobbin_status_name(bobbin_status status)
{
    (void)status;
    return "status";
}

bobbin_status bobbin_attach(bobbin *b, const char *app)
{
    (void)b;
    return app[0] == '/' ? BOBBIN_OK : BOBBIN_MISUSE;
}

bobbin_status bobbin_get(bobbin *b, const char *store, const char *key, size_t key_len,
                         void **ret_value, size_t *ret_value_len)
{
    (void)b, (void)key, (void)key_len;
    snprintf(fake_library.last_store, sizeof(fake_library.last_store), "%s", store);
    if (fake_library.status)
        return fake_library.status;
    *ret_value = fake_library.value ? strdup(fake_library.value) : NULL;
    *ret_value_len = fake_library.value_len;
    return BOBBIN_OK;
}

bobbin_status bobbin_set(bobbin *b, const char *store, const char *key, size_t key_len,
                         const void *value, size_t value_len)
{
    (void)b, (void)store, (void)key, (void)key_len, (void)value, (void)value_len;
    return fake_library.status;
}

bobbin_status bobbin_delete(bobbin *b, const char *store, const char *key, size_t key_len)
{
    (void)b, (void)store, (void)key, (void)key_len;
    return fake_library.status;
}

bobbin_status bobbin_exists(bobbin *b, const char *store, const char *key, size_t key_len,
                            bool *ret_exists)
{
    (void)b, (void)store, (void)key, (void)key_len;
    *ret_exists = fake_library.value != NULL;
    return fake_library.status;
}

bobbin_status bobbin_keys(bobbin *b, const char *store, const bobbin_keys_options *options,
                          bobbin_key_page **ret_page)
{
    static char key[64] = "abcdefgh";
    static bobbin_string keys[1];
    (void)b, (void)store;
    unsigned page = options->cursor ? (unsigned)options->cursor_len : 0;
    if (fake_library.status)
        return fake_library.status;
    keys[0] = (bobbin_string){key, fake_library.key_len};
    *ret_page = calloc(1, sizeof(**ret_page));
    **ret_page = (bobbin_key_page){
        fake_library.pages > 0, keys, page + 1 < fake_library.pages, {"", page + 1}};
    return BOBBIN_OK;
}

void bobbin_key_page_free(bobbin_key_page *page)
{
    free(page);
}

void bobbin_free(void *p)
{
    free(p);
}

const char *bobbin_component(const bobbin *b)
{
    (void)b;
    return fake_library.component;
}

uint64_t bobbin_last_commit(const bobbin *b)
{
    (void)b;
    return fake_library.commit;
}

bobbin_status bobbin_increment(bobbin *b, const char *store, const char *key, size_t key_len,
                               int64_t delta, int64_t *ret_value)
{
    (void)b, (void)store, (void)key, (void)key_len;
    *ret_value = fake_library.number += delta;
    return fake_library.status;
}

bobbin_status bobbin_atomic(bobbin *b, const char *store, const bobbin_check *checks,
                            size_t check_count, const bobbin_op *ops, size_t op_count,
                            bool *ret_applied, size_t *ret_failed_check)
{
    (void)b, (void)store, (void)check_count, (void)ops, (void)op_count, (void)ret_failed_check;
    fake_library.since = checks->since;
    *ret_applied = !fake_library.refuse;
    return fake_library.status;
}

static bobbin_status count_call(size_t keys)
{
    fake_library.calls++;
    fake_library.most = keys > fake_library.most ? keys : fake_library.most;
    return fake_library.status;
}

bobbin_status bobbin_set_many(bobbin *b, const char *store, const bobbin_entry *entries,
                              size_t count, int64_t ttl_ms)
{
    (void)b, (void)store, (void)entries, (void)ttl_ms;
    return count_call(count);
}

bobbin_status bobbin_delete_many(bobbin *b, const char *store, const bobbin_string *keys,
                                 size_t count)
{
    (void)b, (void)store, (void)keys;
    return count_call(count);
}

/* The value for every second key, beginning with the first. */
bobbin_status bobbin_get_many(bobbin *b, const char *store, const bobbin_string *keys, size_t count,
                              bobbin_values **ret_values)
{
    (void)b, (void)store, (void)keys;
    bobbin_status status = count_call(count);
    if (status)
        return status;
    bobbin_string *values = calloc(count + 1, sizeof(*values));
    for (size_t i = 0; i < count; i += 2)
        values[i] = (bobbin_string){fake_library.value, fake_library.value_len};
    *ret_values = malloc(sizeof(**ret_values));
    **ret_values = (bobbin_values){count, values};
    return BOBBIN_OK;
}

void bobbin_values_free(bobbin_values *values)
{
    free((void *)(uintptr_t)values->values);
    free(values);
}
