#include "protocol/methods.h"

#include <assert.h>
#include <string.h>

#include "protocol/limits.h"

const struct method_info method_table[METHOD_COUNT] = {
#define X(id, name, access, min, max, params, result) {name, access, min, max, params, result},
    METHOD_LIST(X)
#undef X
};

#define X(id, name, access, min, max, params, result)                                              \
    static_assert(sizeof(name) > 1 && sizeof(name) - 1 <= LIMIT_METHOD, name ": length of name");  \
    static_assert((min) <= (max), name ": fewest params are more than most params");
METHOD_LIST(X)
#undef X

static const size_t name_lengths[METHOD_COUNT] = {
#define X(id, name, access, min, max, params, result) sizeof(name) - 1,
    METHOD_LIST(X)
#undef X
};

enum method_id method_find(const char *name, size_t len)
{
    for (unsigned i = 0; i < METHOD_COUNT; i++) {
        if (name_lengths[i] == len && memcmp(method_table[i].name, name, len) == 0)
            return (enum method_id)i;
    }
    return METHOD_COUNT;
}
