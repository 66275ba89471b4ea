/* What the three interfaces of wasi:keyvalue share; for their files only. */
#ifndef BOBBIN_RUNNER_WASI_KV_ERRORS_H
#define BOBBIN_RUNNER_WASI_KV_ERRORS_H

#include "client/runner/kv.h"

/* no-such-store, access-denied, other. */
static const struct kv_errors wasi_kv_errors = {-1, 0, 1, 2};

static inline struct kv_call wasi_kv_call(struct host *h, uint32_t ret)
{
    return (struct kv_call){h, ret, &wasi_kv_errors, &kv_plain};
}

static inline const char *wasi_kv_label(struct host *h, uint32_t bucket)
{
    return stores_label_or_trap(h, STORE_WASI, bucket);
}

#endif
