/* wasi:keyvalue@0.2.0-draft2 (store, atomics, batch) in the canonical ABI.
 *
 * Every function takes what its counterpart takes, lowered: a handle, strings and lists as address
 * and length, and `ret`, where the result goes. A handle that is not open is a trap.
 *
 * In `get-many` the package has two texts of this version: WebAssembly/wasi-keyvalue answers
 * list<option<tuple<string, list<u8>>>>, Spin list<tuple<string, option<list<u8>>>>. A core module
 * does not show which one it was built for; programs for Spin are what is run here, so it is
 * Spin's. */
#ifndef BOBBIN_RUNNER_WASI_KV_H
#define BOBBIN_RUNNER_WASI_KV_H

#include <stdint.h>

#include "client/runner/host.h"

void wasi_kv_open(struct host *h, uint32_t label, uint32_t len, uint32_t ret);
void wasi_kv_get(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t ret);
void wasi_kv_set(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t value,
                 uint32_t value_len, uint32_t ret);
void wasi_kv_delete(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t ret);
void wasi_kv_exists(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t ret);
/* One page of keys; its cursor is the daemon's, in hexadecimal. */
void wasi_kv_list_keys(struct host *h, uint32_t bucket, uint32_t has_cursor, uint32_t cursor,
                       uint32_t cursor_len, uint32_t ret);
void wasi_kv_bucket_drop(struct host *h, uint32_t bucket);

void wasi_kv_increment(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint64_t delta,
                       uint32_t ret);
void wasi_kv_cas_new(struct host *h, uint32_t bucket, uint32_t key, uint32_t len, uint32_t ret);
void wasi_kv_cas_current(struct host *h, uint32_t cas, uint32_t ret);
void wasi_kv_swap(struct host *h, uint32_t cas, uint32_t value, uint32_t value_len, uint32_t ret);
void wasi_kv_cas_drop(struct host *h, uint32_t cas);

void wasi_kv_get_many(struct host *h, uint32_t bucket, uint32_t keys, uint32_t count, uint32_t ret);
void wasi_kv_set_many(struct host *h, uint32_t bucket, uint32_t entries, uint32_t count,
                      uint32_t ret);
void wasi_kv_delete_many(struct host *h, uint32_t bucket, uint32_t keys, uint32_t count,
                         uint32_t ret);

#endif
