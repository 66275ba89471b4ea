/* The methods of the protocol: one list from which dispatch, tests and the specification follow. */
#ifndef BOBBIN_PROTOCOL_METHODS_H
#define BOBBIN_PROTOCOL_METHODS_H

#include <stddef.h>

/* Who may call a method, and when. Checked once, before the handler. */
enum method_access {
    METHOD_ANY,      /* any connection at any time */
    METHOD_ATTACHED, /* a connection that is bound to an app */
    METHOD_PEER,     /* a connection of a person or program, not that of an app process */
};

/* X(identifier, wire name, access, fewest params, most params, params, result) */
#define METHOD_LIST(X)                                                                             \
    X(HELLO, "hello", METHOD_ANY, 0, 1, "[{client, protocol}?]", "session")                        \
    X(PING, "ping", METHOD_ANY, 0, 0, "[]", "\"pong\"")                                            \
    X(ATTACH, "attach", METHOD_PEER, 1, 1, "[name or directory]", "session")                       \
    X(GET, "get", METHOD_ATTACHED, 2, 2, "[store, key]", "bin or nil")                             \
    X(SET, "set", METHOD_ATTACHED, 3, 4, "[store, key, value, {}?]", "nil")                        \
    X(DELETE, "delete", METHOD_ATTACHED, 2, 2, "[store, key]", "nil")                              \
    X(EXISTS, "exists", METHOD_ATTACHED, 2, 2, "[store, key]", "bool")                             \
    X(KEYS, "keys", METHOD_ATTACHED, 1, 2, "[store, {prefix, cursor, limit}?]",                    \
      "[[key…], cursor or nil]")                                                                   \
    X(APP_REGISTER, "app.register", METHOD_PEER, 1, 1, "[directory]", "app status")                \
    X(APP_UNREGISTER, "app.unregister", METHOD_PEER, 1, 1, "[app]", "nil")                         \
    X(APP_LIST, "app.list", METHOD_PEER, 0, 0, "[]", "[app status…]")                              \
    X(APP_STATUS, "app.status", METHOD_PEER, 1, 1, "[app]", "app status")                          \
    X(APP_START, "app.start", METHOD_PEER, 1, 2, "[app, component?]", "app status")                \
    X(APP_STOP, "app.stop", METHOD_PEER, 1, 2, "[app, component?]", "app status")

enum method_id {
#define X(id, name, access, min, max, params, result) METHOD_##id,
    METHOD_LIST(X)
#undef X
        METHOD_COUNT
};

struct method_info {
    const char *name;          /* as on the wire */
    enum method_access access; /* who may call it */
    unsigned min_params;       /* fewest and most elements of the params array */
    unsigned max_params;
    const char *params; /* shape of the params, for error texts and the specification */
    const char *result; /* shape of the result */
};

/* Indexed by enum method_id. */
extern const struct method_info method_table[METHOD_COUNT];

/* The method of that name, or METHOD_COUNT. */
enum method_id method_find(const char *name, size_t len);

#endif
