/* What the key/value interfaces have in common: opening a store, reading and writing one entry,
 * listing, and how a failure becomes the error of the interface.
 *
 * Every function of an interface answers "result<…, error>" in the module's memory at an address of
 * its choice. How such a result lies there, and how the interface numbers its errors, is data. */
#ifndef BOBBIN_RUNNER_KV_H
#define BOBBIN_RUNNER_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/include/bobbin.h"
#include "client/runner/host.h"
#include "client/runner/key_list.h"
#include "client/runner/stores.h"

/* What one call may hand to the module, in bytes, as in Spin; and what it is told beyond. */
#define KV_RESULT_MAX 134217728u
#define KV_RESULT_TEXT "query result exceeds limit of 134217728 bytes"

/* An interface's errors: the discriminants of its cases. */
struct kv_errors {
    int store_table_full; /* -1: it has no such case, `other` instead */
    uint8_t no_such_store, access_denied;
    uint8_t other; /* the case with a string */
};

/* How a result lies in memory: the tag at 0, then … */
struct kv_shape {
    uint32_t size, align;
    uint32_t error; /* … where the error's discriminant stands if the tag is 1; the string of
                     * `other` four and eight bytes behind it */
};

/* What fits into 16 bytes: nothing, a bool, a handle, a list, an option of a list. */
extern const struct kv_shape kv_plain;
/* Where the payload of such a result stands, and its second and third word. */
#define KV_PAYLOAD 4
#define KV_SECOND 8
#define KV_THIRD 12

/* A call that is to be answered. */
struct kv_call {
    struct host *h;
    uint32_t ret; /* where the result goes */
    const struct kv_errors *errors;
    const struct kv_shape *shape;
};

/* Success: the result, cleared, to be filled in before the module is called again. */
uint8_t *kv_ok(const struct kv_call *c);
/* An error without text. */
void kv_fail_case(const struct kv_call *c, uint8_t discriminant);
/* `other` with a text. Calls the module. */
void kv_fail_text(const struct kv_call *c, const char *text);
/* The error for a status that is not BOBBIN_OK; texts are those of stores_error. */
void kv_fail(const struct kv_call *c, bobbin_status status);
/* Either of them, with nothing to fill in. */
void kv_finish(const struct kv_call *c, bobbin_status status);

/* These answer the whole call. `label` is that of an open store. */
void kv_open(const struct kv_call *c, enum store_kind kind, uint32_t label, uint32_t len);
void kv_set(const struct kv_call *c, const char *label, const uint32_t key[2],
            const uint32_t value[2]);
void kv_delete(const struct kv_call *c, const char *label, uint32_t key, uint32_t len);
void kv_exists(const struct kv_call *c, const char *label, uint32_t key, uint32_t len);
void kv_get_keys(const struct kv_call *c, const char *label);
/* "result<option<list<u8>>, error>": `key` is the host's. */
void kv_get_option(const struct kv_call *c, const char *label, const char *key, size_t len);

/* For those that answer by themselves. *ret_value is to be freed, NULL where there is no entry. */
bobbin_status kv_get(struct host *h, const char *label, const char *key, size_t len,
                     void **ret_value, size_t *ret_value_len);
/* A list of strings in the module's memory; its address. Calls the module. */
uint32_t kv_copy_keys(struct host *h, const bobbin_key_page *const *pages, size_t page_count,
                      size_t count);

#endif
