/* Limits of the protocol: everything that a peer can make grow has a name here. */
#ifndef BOBBIN_PROTOCOL_LIMITS_H
#define BOBBIN_PROTOCOL_LIMITS_H

#include <stdint.h>

#define PROTOCOL_VERSION 1

/* A request or notification as a whole, in bytes. */
#define LIMIT_MESSAGE (32u << 20)
/* A response as a whole. Larger than a request: a file may hold values that were written before
 * Bobbin's own limits applied to it, and those stay readable. */
#define LIMIT_RESULT (128u << 20)
#define LIMIT_RESPONSE (LIMIT_RESULT + (1u << 20))
/* Nesting of arrays and maps inside one message, the message's own array included. */
#define LIMIT_DEPTH 16
/* The name of a method, in bytes. */
#define LIMIT_METHOD 64
/* A key and a value to be written, in bytes. */
#define LIMIT_KEY 2048u
#define LIMIT_VALUE (16u << 20)
/* A store's label and an app's name, in bytes. */
#define LIMIT_LABEL 256u
#define LIMIT_NAME 128u
/* The keys on one page of a listing: when not asked for, and at most. */
#define LIMIT_PAGE_DEFAULT 1000u
#define LIMIT_PAGE 10000u
/* The bytes of keys on one page: a page may end before `limit` keys. */
#define LIMIT_PAGE_BYTES (4u << 20)
/* Requests of one connection that are not answered yet; the bytes they hold; the bytes of answers
 * that the peer has not read yet. Beyond any of them the daemon stops reading that connection. */
#define LIMIT_INFLIGHT 1024u
#define LIMIT_INFLIGHT_BYTES (64u << 20)
#define LIMIT_UNREAD_BYTES (16u << 20)
/* The same of all connections: beyond it the one that holds most, of the app that holds most, is closed. */
#define LIMIT_UNREAD_TOTAL (256u << 20)
/* How long a peer may leave its answers unread, or a message unfinished, unless configured. */
#define LIMIT_STALL_MS 60000u
/* Keys of one get_many, set_many or delete_many; checks and operations of one atomic. */
#define LIMIT_MANY 10000u
#define LIMIT_ATOMIC 1000u
/* The longest time to live, in milliseconds: ten years. */
#define LIMIT_TTL_MS INT64_C(315360000000)
/* Watches of one connection, and keys of one watch. */
#define LIMIT_WATCHES 64u
#define LIMIT_WATCH_KEYS 256u
/* Bytes of changes that are kept for a watch while what came before it is read from the log; beyond
 * it the watch overflows. */
#define LIMIT_EARLY_BYTES (4u << 20)
/* Labels that a session tells of those that a file holds: more than a person reads. */
#define LIMIT_LABELS 1000u
/* The log of recent changes of one app: changes, and bytes of their labels and keys. */
#define LIMIT_LOG_CHANGES 65536u
#define LIMIT_LOG_BYTES (8u << 20)
/* The events that are remembered; how many of them are told when not asked for a number; how long one
 * may wait for the next. */
#define LIMIT_EVENTS 1024u
#define LIMIT_EVENTS_DEFAULT 100u
#define LIMIT_WAIT_MS 30000u
/* The latest operations of an app that is traced; how many of them are told when not asked for a number;
 * bytes of their keys that are told; apps that are traced at once. */
#define LIMIT_TRACE 4096u
#define LIMIT_TRACE_DEFAULT 1000u
#define LIMIT_TRACE_KEY 127u
#define LIMIT_TRACES 16u
/* Lines and bytes of one answer of app.logs. */
#define LIMIT_LOG_LINES 10000u
#define LIMIT_LOG_LINES_DEFAULT 100u
#define LIMIT_LOG_READ (1u << 20)
/* Connections of one app, those of its processes included. */
#define LIMIT_APP_CONNECTIONS 2000u
/* Addresses at which the daemon tells its metrics. */
#define LIMIT_METRICS_LISTENERS 4u
/* Connections of the whole daemon, and apps that can be registered. */
#define LIMIT_CONNECTIONS 10000u
#define LIMIT_APPS 10000u

/* What the daemon's configuration may set, as max_NAME: X(name in hello, default, least, most). What
 * clients reckon with (a message, a key, a value) can only be made smaller. */
#define LIMIT_SETTABLE_LIST(X)                                                                     \
    X(message, LIMIT_MESSAGE, 4096u, LIMIT_MESSAGE)                                                \
    X(key, LIMIT_KEY, 1u, LIMIT_KEY)                                                               \
    X(value, LIMIT_VALUE, 0u, LIMIT_VALUE)                                                         \
    X(inflight, LIMIT_INFLIGHT, 1u, 65536u)                                                        \
    X(inflight_bytes, LIMIT_INFLIGHT_BYTES, 4096u, 1u << 30)                                       \
    X(unread_bytes, LIMIT_UNREAD_BYTES, 4096u, 1u << 30)                                           \
    X(watches, LIMIT_WATCHES, 0u, 4096u)                                                           \
    X(app_connections, LIMIT_APP_CONNECTIONS, 1u, 100000u)                                         \
    X(connections, LIMIT_CONNECTIONS, 1u, 100000u)                                                 \
    X(apps, LIMIT_APPS, 1u, 100000u)

/* Their values in one daemon. */
struct limits {
#define X(name, standard, least, most) uint32_t name;
    LIMIT_SETTABLE_LIST(X)
#undef X
};

/* What hello tells and PROTOCOL.md lists: X(name in hello, number, what it is). */
#define LIMIT_LIST(X)                                                                              \
    X("message", LIMIT_MESSAGE, "request, bytes")                                                  \
    X("result", LIMIT_RESULT, "result, bytes")                                                     \
    X("response", LIMIT_RESPONSE, "response with envelope, bytes")                                 \
    X("depth", LIMIT_DEPTH, "nesting of arrays and maps")                                          \
    X("method", LIMIT_METHOD, "name of a method, bytes")                                           \
    X("key", LIMIT_KEY, "key to be written, bytes")                                                \
    X("value", LIMIT_VALUE, "value to be written, bytes")                                          \
    X("label", LIMIT_LABEL, "label, bytes")                                                        \
    X("name", LIMIT_NAME, "name of an app, bytes")                                                 \
    X("page_default", LIMIT_PAGE_DEFAULT, "keys or entries on a page, unless asked for")           \
    X("page", LIMIT_PAGE, "keys or entries on a page, at most")                                    \
    X("page_bytes", LIMIT_PAGE_BYTES, "bytes of keys, or of keys and values, on a page")           \
    X("many", LIMIT_MANY, "keys or entries of a get_many, set_many or delete_many")                \
    X("atomic", LIMIT_ATOMIC, "checks of an atomic, and its operations")                           \
    X("ttl_ms", LIMIT_TTL_MS, "time to live, milliseconds")                                        \
    X("watches", LIMIT_WATCHES, "watches of a connection")                                         \
    X("watch_keys", LIMIT_WATCH_KEYS, "keys of a watch")                                           \
    X("log_changes", LIMIT_LOG_CHANGES, "changes in the log of an app")                            \
    X("log_bytes", LIMIT_LOG_BYTES, "bytes of the log of an app")                                  \
    X("inflight", LIMIT_INFLIGHT, "unanswered requests of a connection")                           \
    X("inflight_bytes", LIMIT_INFLIGHT_BYTES, "bytes of unanswered requests of a connection")      \
    X("unread_bytes", LIMIT_UNREAD_BYTES, "bytes of responses not yet read")                       \
    X("app_connections", LIMIT_APP_CONNECTIONS, "connections of an app")                           \
    X("connections", LIMIT_CONNECTIONS, "connections of the daemon")                               \
    X("apps", LIMIT_APPS, "registered apps")

#endif
