#include "client/runner/cas.h"

#include <stdlib.h>
#include <string.h>

struct cas_table {
    struct cas slots[CAS_MAX]; /* of handle N at N - 1 */
};

struct cas_table *cas_table_new(void)
{
    return calloc(1, sizeof(struct cas_table));
}

static void clear(struct cas *c)
{
    free(c->label);
    free(c->key);
    *c = (struct cas){0};
}

void cas_table_free(struct cas_table *t)
{
    for (size_t i = 0; t && i < CAS_MAX; i++)
        clear(&t->slots[i]);
    free(t);
}

bobbin_status cas_open(struct cas_table *t, const char *label, const char *key, size_t key_len,
                       uint32_t *ret_handle)
{
    uint32_t slot = 0;
    while (slot < CAS_MAX && t->slots[slot].label)
        slot++;
    if (slot == CAS_MAX)
        return BOBBIN_STORE_TABLE_FULL;
    struct cas c = {.label = strdup(label), .key = malloc(key_len + 1), .key_len = key_len};
    if (!c.label || !c.key) {
        clear(&c);
        return BOBBIN_NO_MEMORY;
    }
    memcpy(c.key, key, key_len);
    t->slots[slot] = c;
    *ret_handle = slot + 1;
    return BOBBIN_OK;
}

struct cas *cas_find(struct cas_table *t, uint32_t handle)
{
    bool there = handle >= 1 && handle <= CAS_MAX && t->slots[handle - 1].label;
    return there ? &t->slots[handle - 1] : NULL;
}

void cas_close(struct cas_table *t, uint32_t handle)
{
    struct cas *c = cas_find(t, handle);
    if (c)
        clear(c);
}
