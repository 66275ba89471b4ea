#include "client/runner/canonical.h"
#include "client/runner/cas.h"
#include "client/runner/wasi_kv.h"
#include "client/runner/wasi_kv_errors.h"
#include "protocol/limits.h"

/* "result<s64, error>" has the payload at 8. */
static const struct kv_shape number_shape = {24, 8, 8};
enum { NUMBER = 8 };
/* "result<_, cas-error>": cas-error's tag at 4, then store-error's error or cas-failed's handle. */
static const struct kv_shape swap_shape = {20, 4, 8};
enum { CAS_TAG = 4, CAS_HANDLE = 8, CAS_FAILED = 1 };

void wasi_kv_increment(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint64_t delta,
                       uint32_t ret)
{
    struct kv_call c = {h, ret, &wasi_kv_errors, &number_shape};
    const char *label = wasi_kv_label(h, bucket);
    const char *name = canonical_string(h, key, len);
    int64_t value = 0;
    bobbin *b;
    bobbin_status status = stores_connection(h->stores, &b);
    if (!status) {
        status = bobbin_increment(b, label, name, len, (int64_t)delta, &value);
        stores_finished(h->stores, status);
    }
    if (status)
        kv_fail(&c, status);
    else
        host_store64(kv_ok(&c) + NUMBER, (uint64_t)value);
}

/* Let the handle stand for what is committed now. */
static bobbin_status refresh(struct host *h, struct cas *cas)
{
    bool exists;
    bobbin *b;
    bobbin_status status = stores_connection(h->stores, &b);
    if (status)
        return status;
    status = bobbin_exists(b, cas->label, cas->key, cas->key_len, &exists);
    stores_finished(h->stores, status);
    if (!status)
        cas->commit = bobbin_last_commit(b);
    return status;
}

void wasi_kv_cas_new(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t ret)
{
    struct kv_call c = wasi_kv_call(h, ret);
    const char *label = wasi_kv_label(h, bucket);
    const char *name = canonical_string(h, key, len);
    uint32_t handle;
    if (len > LIMIT_KEY) {
        kv_fail_text(&c, "cas.new: the key is longer than a key can be");
        return;
    }
    bobbin_status status = cas_open(h->cas, label, name, len, &handle);
    if (!status) {
        status = refresh(h, cas_find(h->cas, handle));
        if (status)
            cas_close(h->cas, handle);
    }
    if (status)
        kv_fail(&c, status);
    else
        host_store32(kv_ok(&c) + KV_PAYLOAD, handle);
}

static struct cas *find(struct host *h, uint32_t handle)
{
    struct cas *cas = cas_find(h->cas, handle);
    if (!cas)
        host_trap(h, "unknown handle of a compare-and-swap");
    return cas;
}

void wasi_kv_cas_current(struct host *h, uint32_t handle, uint32_t ret)
{
    struct kv_call c = wasi_kv_call(h, ret);
    const struct cas *cas = find(h, handle);
    kv_get_option(&c, cas->label, cas->key, cas->key_len);
}

void wasi_kv_cas_drop(struct host *h, uint32_t handle)
{
    find(h, handle);
    cas_close(h->cas, handle);
}

/* A value that the daemon no longer can compare counts as changed: the module tries again. */
static bobbin_status try_swap(struct host *h, const struct cas *cas, const uint8_t *value,
                              uint32_t len, bool *ret_swapped)
{
    bobbin_check check = {
        .kind = BOBBIN_CHECK_SINCE, .key = {cas->key, cas->key_len}, .since = cas->commit};
    bobbin_op op = {.kind = BOBBIN_OP_SET,
                    .key = {cas->key, cas->key_len},
                    .value = {(const char *)value, len}};
    bobbin *b;
    bobbin_status status = stores_connection(h->stores, &b);
    *ret_swapped = false;
    if (status)
        return status;
    status = bobbin_atomic(b, cas->label, &check, 1, &op, 1, ret_swapped, NULL);
    if (status == BOBBIN_STALE)
        return BOBBIN_OK;
    stores_finished(h->stores, status);
    return status;
}

/* The handle is the host's from here on: it goes back to the module if the swap failed. */
void wasi_kv_swap(struct host *h, uint32_t handle, uint32_t value, uint32_t value_len, uint32_t ret)
{
    struct kv_call c = {h, ret, &wasi_kv_errors, &swap_shape};
    struct cas *cas = find(h, handle);
    const uint8_t *bytes = host_memory_or_trap(h, value, value_len);
    bool swapped;
    bobbin_status status = try_swap(h, cas, bytes, value_len, &swapped);
    if (!status && !swapped)
        status = refresh(h, cas);
    if (!status && !swapped) {
        uint8_t *result = kv_ok(&c);
        result[0] = 1;
        result[CAS_TAG] = CAS_FAILED;
        host_store32(result + CAS_HANDLE, handle);
        return;
    }
    cas_close(h->cas, handle);
    kv_finish(&c, status);
}
