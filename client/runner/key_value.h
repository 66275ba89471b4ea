/* Spin's key/value interfaces, version 1 (module "key-value") and version 2
 * (module "fermyon:spin/key-value@2.0.0"), in the canonical ABI.
 *
 * Every function takes what its counterpart in the interface takes, lowered: a handle, strings and
 * lists as address and length, and `ret`, where the result goes. */
#ifndef BOBBIN_RUNNER_KEY_VALUE_H
#define BOBBIN_RUNNER_KEY_VALUE_H

#include <stdint.h>

#include "client/runner/host.h"

void key_value_1_open(struct host *h, uint32_t label, uint32_t len, uint32_t ret);
void key_value_1_get(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret);
void key_value_1_set(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t value,
                     uint32_t value_len, uint32_t ret);
void key_value_1_delete(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret);
void key_value_1_exists(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret);
void key_value_1_get_keys(struct host *h, uint32_t store, uint32_t ret);
void key_value_1_close(struct host *h, uint32_t store);

void key_value_2_open(struct host *h, uint32_t label, uint32_t len, uint32_t ret);
void key_value_2_get(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret);
void key_value_2_set(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t value,
                     uint32_t value_len, uint32_t ret);
void key_value_2_delete(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret);
void key_value_2_exists(struct host *h, uint32_t store, uint32_t key, uint32_t len, uint32_t ret);
void key_value_2_get_keys(struct host *h, uint32_t store, uint32_t ret);
void key_value_2_drop(struct host *h, uint32_t store);

#endif
