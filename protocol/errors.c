#include "protocol/errors.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct error_info {
    const char *name;
    size_t name_len;
    const char *text;
    bool retriable;
};

/* Row n is the error with the number n + 1. */
static const struct error_info error_table[] = {
#define X(id, number, name, text, retry) {name, sizeof(name) - 1, text, retry},
    ERROR_LIST(X)
#undef X
};

enum {
#define X(id, number, name, text, retry) ERROR_ROW_##id,
    ERROR_LIST(X)
#undef X
        ERROR_COUNT
};

#define X(id, number, name, text, retry)                                                           \
    static_assert((number) == ERROR_ROW_##id + 1, "the errors are numbered in order, without "     \
                                                  "gaps");
ERROR_LIST(X)
#undef X
static_assert(ERR_LAST == -ERROR_COUNT, "ERR_LAST is the last error of the list");

static const struct error_info *error_info(int code)
{
    if (code > -1 || code < ERR_LAST)
        code = ERR_OTHER;
    return &error_table[-code - 1];
}

int(error_set)(struct error *e, int code, const char *format, ...)
{
    if (e == NULL)
        return code;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(e->text, sizeof(e->text), format, args);
    va_end(args);
    if (n <= 0)
        snprintf(e->text, sizeof(e->text), "%s", error_text(code));
    e->code = code;
    return code;
}

const char *error_name(int code)
{
    return error_info(code)->name;
}

const char *error_text(int code)
{
    return error_info(code)->text;
}

int error_from_name(const char *name, size_t len)
{
    for (int row = 0; row < ERROR_COUNT; row++) {
        const struct error_info *info = &error_table[row];
        if (info->name_len == len && memcmp(info->name, name, len) == 0)
            return -(row + 1);
    }
    return ERR_OTHER;
}

bool error_retriable(int code)
{
    return error_info(code)->retriable;
}
