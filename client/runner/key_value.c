#include "client/runner/key_value.h"

#include "client/runner/canonical.h"
#include "client/runner/kv.h"

/* store-table-full, no-such-store, access-denied; then invalid-store, no-such-key and io in version
 * 1, other in version 2. */
static const struct kv_errors errors_1 = {0, 1, 2, 5};
enum { ERROR_1_INVALID_STORE = 3, ERROR_1_NO_SUCH_KEY };
static const struct kv_errors errors_2 = {0, 1, 2, 3};

/* Version 1: a handle is a number; one that is not open is an error. */

static struct kv_call call_1(struct host *h, uint32_t ret)
{
    return (struct kv_call){h, ret, &errors_1, &kv_plain};
}

static const char *store_1(const struct kv_call *c, uint32_t store)
{
    const char *label = stores_label(c->h->stores, STORE_SPIN_1, store);
    if (!label)
        kv_fail_case(c, ERROR_1_INVALID_STORE);
    return label;
}

void key_value_1_open(struct host *h, uint32_t label, uint32_t len, uint32_t ret)
{
    struct kv_call c = call_1(h, ret);
    kv_open(&c, STORE_SPIN_1, label, len);
}

static void get_1(const struct kv_call *c, const char *label, uint32_t key, uint32_t len)
{
    void *value;
    size_t value_len;
    bobbin_status status =
        kv_get(c->h, label, canonical_string(c->h, key, len), len, &value, &value_len);
    if (status) {
        kv_fail(c, status);
    } else if (!value) {
        kv_fail_case(c, ERROR_1_NO_SUCH_KEY);
    } else {
        uint32_t at = canonical_copy(c->h, value, value_len);
        bobbin_free(value);
        canonical_store_pair(kv_ok(c) + KV_PAYLOAD, at, value_len);
    }
}

void key_value_1_get(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = call_1(h, ret);
    const char *label = store_1(&c, store);
    if (label)
        get_1(&c, label, key, len);
}

void key_value_1_set(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t value,
                     uint32_t value_len, uint32_t ret)
{
    struct kv_call c = call_1(h, ret);
    const char *label = store_1(&c, store);
    if (label)
        kv_set(&c, label, (uint32_t[]){key, len}, (uint32_t[]){value, value_len});
}

void key_value_1_delete(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = call_1(h, ret);
    const char *label = store_1(&c, store);
    if (label)
        kv_delete(&c, label, key, len);
}

void key_value_1_exists(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = call_1(h, ret);
    const char *label = store_1(&c, store);
    if (label)
        kv_exists(&c, label, key, len);
}

void key_value_1_get_keys(struct host *h, uint32_t store, uint32_t ret)
{
    struct kv_call c = call_1(h, ret);
    const char *label = store_1(&c, store);
    if (label)
        kv_get_keys(&c, label);
}

void key_value_1_close(struct host *h, uint32_t store)
{
    stores_close(h->stores, STORE_SPIN_1, store);
}

/* Version 2: a handle is a resource; one that is not there is a trap. */

static struct kv_call call_2(struct host *h, uint32_t ret)
{
    return (struct kv_call){h, ret, &errors_2, &kv_plain};
}

static const char *store_2(struct host *h, uint32_t store)
{
    return stores_label_or_trap(h, STORE_SPIN_2, store);
}

void key_value_2_open(struct host *h, uint32_t label, uint32_t len, uint32_t ret)
{
    struct kv_call c = call_2(h, ret);
    kv_open(&c, STORE_SPIN_2, label, len);
}

void key_value_2_get(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = call_2(h, ret);
    kv_get_option(&c, store_2(h, store), canonical_string(h, key, len), len);
}

void key_value_2_set(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t value,
                     uint32_t value_len, uint32_t ret)
{
    struct kv_call c = call_2(h, ret);
    kv_set(&c, store_2(h, store), (uint32_t[]){key, len}, (uint32_t[]){value, value_len});
}

void key_value_2_delete(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = call_2(h, ret);
    kv_delete(&c, store_2(h, store), key, len);
}

void key_value_2_exists(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = call_2(h, ret);
    kv_exists(&c, store_2(h, store), key, len);
}

void key_value_2_get_keys(struct host *h, uint32_t store, uint32_t ret)
{
    struct kv_call c = call_2(h, ret);
    kv_get_keys(&c, store_2(h, store));
}

void key_value_2_drop(struct host *h, uint32_t store)
{
    store_2(h, store);
    stores_close(h->stores, STORE_SPIN_2, store);
}
