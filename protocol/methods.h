/* The methods of the protocol: one list from which dispatch, tests and the specification follow. */
#ifndef BOBBIN_PROTOCOL_METHODS_H
#define BOBBIN_PROTOCOL_METHODS_H

#include <stdbool.h>
#include <stddef.h>

/* Who may call a method, and when. Checked once, before the handler. */
enum method_access {
    METHOD_ANY,           /* any connection at any time */
    METHOD_ATTACHED,      /* a connection that is bound to an app */
    METHOD_PEER,          /* a connection of a person or program, not that of an app process */
    METHOD_PEER_ATTACHED, /* such a one that is bound to an app */
};

/* X(identifier, wire name, access, fewest params, most params, params, result) */
#define METHOD_LIST(X)                                                                             \
    X(HELLO, "hello", METHOD_ANY, 0, 1, "[{client, protocol}?]", "session")                        \
    X(PING, "ping", METHOD_ANY, 0, 0, "[]", "\"pong\"")                                            \
    X(ATTACH, "attach", METHOD_PEER, 1, 1, "[name or directory]", "session")                       \
    X(GET, "get", METHOD_ATTACHED, 2, 3, "[store, key, {commit}?]", "bin or nil")                  \
    X(SET, "set", METHOD_ATTACHED, 3, 4, "[store, key, value, {ttl_ms, commit}?]", "nil")          \
    X(DELETE, "delete", METHOD_ATTACHED, 2, 3, "[store, key, {commit}?]", "nil")                   \
    X(EXISTS, "exists", METHOD_ATTACHED, 2, 3, "[store, key, {commit}?]", "bool")                  \
    X(TTL, "ttl", METHOD_ATTACHED, 2, 3, "[store, key, {commit}?]", "int or nil")                  \
    X(KEYS, "keys", METHOD_ATTACHED, 1, 2, "[store, {prefix, cursor, limit, reverse, commit}?]",   \
      "[[key…], cursor or nil]")                                                                   \
    X(ENTRIES, "entries", METHOD_ATTACHED, 1, 2,                                                   \
      "[store, {prefix, cursor, limit, reverse, ttl, commit}?]",                                   \
      "[[[key, value]…], cursor or nil]")                                                          \
    X(COUNT_ENTRIES, "count", METHOD_ATTACHED, 1, 2, "[store, {commit}?]", "[entries, bytes]")     \
    X(GET_MANY, "get_many", METHOD_ATTACHED, 2, 3, "[store, [key…], {commit}?]", "[bin or nil…]")  \
    X(SET_MANY, "set_many", METHOD_ATTACHED, 2, 3, "[store, [[key, value]…], {ttl_ms, commit}?]",  \
      "nil")                                                                                       \
    X(DELETE_MANY, "delete_many", METHOD_ATTACHED, 2, 3, "[store, [key…], {commit}?]", "nil")      \
    X(INCREMENT, "increment", METHOD_ATTACHED, 3, 4, "[store, key, delta, {commit}?]", "int")      \
    X(SWAP, "swap", METHOD_ATTACHED, 4, 5,                                                         \
      "[store, key, expected or nil, value, {ttl_ms, commit}?]", "[bool, bin or nil]")             \
    X(ATOMIC, "atomic", METHOD_ATTACHED, 3, 4, "[store, [check…], [op…], {commit}?]",              \
      "[bool, int or nil]")                                                                        \
    X(WATCH, "watch", METHOD_ATTACHED, 1, 2, "[store, {key, keys, prefix, values, since}?]",       \
      "watch id")                                                                                  \
    X(UNWATCH, "unwatch", METHOD_ATTACHED, 1, 1, "[watch id]", "bool")                             \
    X(STORE_BACKUP, "store.backup", METHOD_PEER_ATTACHED, 1, 2, "[path, {}?]",                     \
      "{bytes, pages, commit}")                                                                    \
    X(STORE_RESTORE, "store.restore", METHOD_PEER_ATTACHED, 1, 2, "[path, {keep}?]",               \
      "{bytes, pages, commit}")                                                                    \
    X(STATS, "stats", METHOD_PEER, 0, 1, "[app?]", "map")                                          \
    X(APP_REGISTER, "app.register", METHOD_PEER, 1, 1, "[directory]", "app status")                \
    X(APP_UNREGISTER, "app.unregister", METHOD_PEER, 1, 1, "[app]", "nil")                         \
    X(APP_LIST, "app.list", METHOD_PEER, 0, 0, "[]", "[app status…]")                              \
    X(APP_STATUS, "app.status", METHOD_PEER, 1, 1, "[app]", "app status")                          \
    X(APP_START, "app.start", METHOD_PEER, 1, 2, "[app, component?]", "app status")                \
    X(APP_STOP, "app.stop", METHOD_PEER, 1, 2, "[app, component?]", "app status")                  \
    X(APP_RESTART, "app.restart", METHOD_PEER, 1, 2, "[app, component?]", "app status")            \
    X(APP_RESET, "app.reset", METHOD_PEER, 1, 2, "[app, component?]", "app status")                \
    X(APP_RELOAD, "app.reload", METHOD_PEER, 1, 1, "[app]", "app status")                          \
    X(APP_LOGS, "app.logs", METHOD_PEER, 1, 2,                                                     \
      "[app, {component, lines, since, cursor, partial}?]", "[[line…], cursor]")                   \
    X(EVENTS, "events", METHOD_PEER, 0, 1, "[{app, since, limit, wait_ms}?]",                      \
      "[[event…], number]")                                                                        \
    X(TRACE, "trace", METHOD_PEER, 1, 2, "[app, {since, limit, wait_ms}?]",                        \
      "[[operation…], number, dropped]")                                                             \
    X(DAEMON_UPGRADE, "daemon.upgrade", METHOD_PEER, 0, 0, "[]",                                   \
      "{version, previous, processes, pause_ms}")                                                  \
    X(CONFIG, "config", METHOD_PEER, 0, 0, "[]", "{file, settings}")

/* What the daemon sends unasked: X(identifier, wire name, params) */
#define NOTIFICATION_LIST(X)                                                                       \
    X(CHANGED, "changed", "[watch id, commit, key, kind, value or nil]")                           \
    X(OVERFLOW, "overflow", "[watch id, commit]")

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

static inline bool method_needs_app(enum method_access access)
{
    return access == METHOD_ATTACHED || access == METHOD_PEER_ATTACHED;
}

/* Whether an app process may not call it. */
static inline bool method_is_for_peers(enum method_access access)
{
    return access == METHOD_PEER || access == METHOD_PEER_ATTACHED;
}

/* The method of that name, or METHOD_COUNT. */
enum method_id method_find(const char *name, size_t len);

#endif
