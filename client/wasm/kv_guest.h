/* What the key/value headers for guests have in common (spin_key_value.h, spin_key_value_v1.h,
 * wasi_keyvalue.h); each of them includes it. They may be used together in one program. */
#ifndef KV_GUEST_H
#define KV_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that were handed to the program, followed by a NUL that is not counted: text can be used as
 * a C string. */
typedef struct kv_value {
    char *data; /* NULL: there is no such entry; otherwise to be freed, also if len is 0 */
    size_t len;
} kv_value;

typedef struct kv_keys {
    kv_value *keys; /* in no promised order */
    size_t count;
} kv_keys;

static inline void kv_keys_free(kv_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->keys[i].data);
    free(keys->keys);
}

/* With this the host allocates what it returns. Weak: once in the program, however often included.
 */
__attribute__((weak, used, export_name("cabi_realloc"))) void *cabi_realloc(void *old,
                                                                            size_t old_size,
                                                                            size_t align,
                                                                            size_t new_size)
{
    (void)old_size, (void)align; /* malloc aligns for everything */
    char *p = (char *)realloc(old, new_size + 1);
    if (!p)
        abort();
    p[new_size] = '\0';
    return p;
}

#ifdef __cplusplus
}
#endif

#endif
