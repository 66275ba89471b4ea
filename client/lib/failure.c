#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/errors.h"

#define X(id, number, name, text, retry)                                                           \
    _Static_assert(BOBBIN_##id == (number), "bobbin.h and protocol/errors.h number the same");
ERROR_LIST(X)
#undef X

/* A terminal, a log line and a JSON string shall all be able to take the text as it is: it may hold
 * whatever the daemon or a path had in it, and vsnprintf may have cut a character in two. */
static void make_printable(char *text, size_t size)
{
    size_t len = strlen(text);
    for (size_t i = 0; i < len;) {
        size_t n = utf8_character(text + i, len - i);
        if (n == 0 && len == size - 1 && len - i < 4) {
            text[i] = '\0';
            break;
        }
        bool is_control = n == 1 && ((unsigned char)text[i] < 0x20 || text[i] == 0x7f);
        bool is_c1 = n == 2 && (unsigned char)text[i] == 0xc2 && (unsigned char)text[i + 1] < 0xa0;
        if (n == 0 || is_control || is_c1) {
            memset(text + i, n > 1 || is_control ? ' ' : '?', n > 0 ? n : 1);
            n = n > 0 ? n : 1;
        }
        i += n;
    }
}

bobbin_status failure_set(struct failure *f, bobbin_status status, const char *format, ...)
{
    char text[sizeof(f->text)];
    va_list args;
    va_start(args, format);
    /* By way of a copy: the arguments may come from the very text that is replaced. */
    if (vsnprintf(text, sizeof(text), format, args) <= 0)
        snprintf(text, sizeof(text), "%s", bobbin_status_name(status));
    va_end(args);
    make_printable(text, sizeof(text));
    memcpy(f->text, text, sizeof(text));
    f->status = status;
    return status;
}

bobbin_status failure_no_memory(struct failure *f)
{
    return failure_set(f, BOBBIN_NO_MEMORY, "out of memory");
}

/* As the precision of a %.*s: more than a failure's text holds is cut anyway. */
static int shown(struct slice s)
{
    return s.len < 500 ? (int)s.len : 500;
}

bobbin_status failure_from_daemon(struct failure *f, struct slice code, struct slice text)
{
    int error = error_from_name(code.data, code.len);
    bobbin_status status = (bobbin_status)-error;
    if (!slice_equals(code, error_name(error)))
        return failure_set(f, status, "%.*s: %.*s", shown(code), code.data, shown(text), text.data);
    if (text.len == 0)
        return failure_set(f, status, "%s", error_text(error));
    return failure_set(f, status, "%.*s", shown(text), text.data);
}

const char *bobbin_status_name(bobbin_status status)
{
    switch (status) {
    case BOBBIN_OK:
        return "ok";
    case BOBBIN_CANNOT_CONNECT:
        return "cannot-connect";
    case BOBBIN_DISCONNECTED:
        return "disconnected";
    case BOBBIN_BAD_RESPONSE:
        return "bad-response";
    case BOBBIN_NO_MEMORY:
        return "no-memory";
    case BOBBIN_MISUSE:
        return "misuse";
    case BOBBIN_TIMED_OUT:
        return "timed-out";
    default:
        if ((int)status > 0 && -(int)status >= ERR_LAST)
            return error_name(-(int)status);
        return "unknown";
    }
}

bool bobbin_status_retriable(bobbin_status status)
{
    return (int)status > 0 && -(int)status >= ERR_LAST && error_retriable(-(int)status);
}

const char *bobbin_version(void)
{
    return BOBBIN_VERSION;
}
