/* The errors of the protocol: one list from which codes, wire names and texts follow. */
#ifndef BOBBIN_PROTOCOL_ERRORS_H
#define BOBBIN_PROTOCOL_ERRORS_H

#include <stdbool.h>
#include <stddef.h>

/* X(identifier, number, wire name, text, may the same request succeed when sent again?) */
#define ERROR_LIST(X)                                                                              \
    X(NO_SUCH_STORE, 1, "no-such-store", "no such store", false)                                   \
    X(ACCESS_DENIED, 2, "access-denied", "access denied", false)                                   \
    X(STORE_TABLE_FULL, 3, "store-table-full", "too many open stores", false)                      \
    X(INVALID_STORE, 4, "invalid-store", "not an open store", false)                               \
    X(NO_SUCH_APP, 5, "no-such-app", "no such app", false)                                         \
    X(INVALID_REQUEST, 6, "invalid-request", "invalid request", false)                             \
    X(UNKNOWN_METHOD, 7, "unknown-method", "unknown method", false)                                \
    X(TOO_LARGE, 8, "too-large", "too large", false)                                               \
    X(QUOTA_EXCEEDED, 9, "quota-exceeded", "quota exceeded", false)                                \
    X(WRONG_TYPE, 10, "wrong-type", "the value has another type", false)                           \
    X(BUSY, 11, "busy", "busy", true)                                                              \
    X(SHUTTING_DOWN, 12, "shutting-down", "shutting down", true)                                   \
    X(OTHER, 13, "other", "other error", false)                                                    \
    X(STALE, 14, "stale", "the log of changes does not reach back that far", true)                 \
    X(COMPACTED, 15, "compacted", "the log of changes does not reach back that far", false)

/* ERR_NO_SUCH_STORE = -1, … : functions return 0 or one of these. */
enum {
#define X(id, number, name, text, retry) ERR_##id = -(number),
    ERROR_LIST(X)
#undef X
        ERR_LAST = -15
};

/* A code and what a person needs to know about this one occurrence of it: the thing and the
 * reason. Filled in where the error is found, passed up unchanged, logged or sent once. */
struct error {
    int code;       /* 0 or ERR_… */
    char text[500]; /* never empty when code is not 0 */
};

/* Set code and formatted text; returns the code, so that `return error_set(…)` reads well. */
int error_set(struct error *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
#ifdef BOBBIN_ANALYZER
/* Those who look at one file at a time could not know that. */
#define error_set(e, code, ...) ((error_set)(e, code, __VA_ARGS__), (code))
#endif

/* The wire name ("no-such-store") and the general text of a code; never NULL. */
const char *error_name(int code);
const char *error_text(int code);

/* The code of a wire name; ERR_OTHER for a name that is not in the list. */
int error_from_name(const char *name, size_t len);

/* Whether the same request may succeed when it is sent again later. */
bool error_retriable(int code);

#endif
