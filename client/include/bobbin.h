/* libbobbin: the client library of Bobbin, persistent key/value storage for WebAssembly apps.
 *
 * Connect, attach to an app, read and write:
 *
 *     bobbin *b;
 *     if (bobbin_connect(NULL, &b) || bobbin_attach(b, "counter") ||
 *         bobbin_set(b, "default", "greeting", 8, "hello", 5))
 *         fprintf(stderr, "%s\n", bobbin_error(b));
 *     bobbin_close(b);
 *
 * Every function returns a bobbin_status, 0 for success. The handle keeps the text of its last
 * error. Results go to ret_… pointers, which are written only on success. Whatever the library
 * allocates for the caller is freed with bobbin_free, lists and statuses with their own functions.
 *
 * A write that returned BOBBIN_OK is on disk. One that returned BOBBIN_DISCONNECTED or
 * BOBBIN_TIMED_OUT may or may not have taken effect; the library never repeats it by itself.
 *
 * The calls block; beside them, at the end of this header, stands a way to use the same handle
 * without blocking.
 *
 * A handle may be used by one thread at a time; different handles by different threads at once.
 * The library never writes to stdout or stderr, never raises SIGPIPE and never aborts. */
#ifndef BOBBIN_H
#define BOBBIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BOBBIN_API __attribute__((visibility("default")))

/* A connection to the daemon. */
typedef struct bobbin bobbin;

typedef enum bobbin_status {
    BOBBIN_OK = 0,
    /* Said by the daemon; PROTOCOL.md tells what each means. */
    BOBBIN_NO_SUCH_STORE = 1,
    BOBBIN_ACCESS_DENIED = 2,
    BOBBIN_STORE_TABLE_FULL = 3,
    BOBBIN_INVALID_STORE = 4,
    BOBBIN_NO_SUCH_APP = 5,
    BOBBIN_INVALID_REQUEST = 6,
    BOBBIN_UNKNOWN_METHOD = 7,
    BOBBIN_TOO_LARGE = 8,
    BOBBIN_QUOTA_EXCEEDED = 9,
    BOBBIN_WRONG_TYPE = 10,
    BOBBIN_BUSY = 11,
    BOBBIN_SHUTTING_DOWN = 12,
    BOBBIN_OTHER = 13,
    BOBBIN_STALE = 14,     /* a check's `since` is before what the log of changes still holds */
    BOBBIN_COMPACTED = 15, /* so is that of a watch */
    /* Found on this side. */
    BOBBIN_CANNOT_CONNECT = 100, /* nobody answers at the socket, or it may not be opened */
    BOBBIN_DISCONNECTED = 101,   /* the connection ended; the handle is of no more use */
    BOBBIN_BAD_RESPONSE = 102,   /* what came back is not the protocol; so is the handle */
    BOBBIN_NO_MEMORY = 103,      /* nothing was sent, or the result could not be kept */
    BOBBIN_MISUSE = 104,         /* an argument that can never work, such as a NULL key */
    BOBBIN_TIMED_OUT = 105, /* no answer in time (bobbin_set_timeout); a write may yet happen */
} bobbin_status;

/* The version of the library, "MAJOR.MINOR.PATCH". */
BOBBIN_API const char *bobbin_version(void);
/* The wire name or identifier of a status, such as "no-such-store" or "disconnected". */
BOBBIN_API const char *bobbin_status_name(bobbin_status status);
/* Whether the daemon refused the request for a reason that passes (busy, shutting-down, stale), so
 * that the same request may succeed when it is made again; after `stale` with values read anew.
 * False for all that is found on this side: what a lost connection did is not known. */
BOBBIN_API bool bobbin_status_retriable(bobbin_status status);

/* Connect to the daemon's socket at `path`. With NULL: the descriptor in $BOBBIN_FD if that is set
 * (an app process), else the socket named by $BOBBIN_SOCKET, else the first of
 * $XDG_RUNTIME_DIR/bobbin/bobbin.sock (not for root; /tmp/bobbin-UID/bobbin.sock, in a directory of
 * that user, where the variable is not set) and /run/bobbin/bobbin.sock that exists.
 *
 * The handle owns the descriptor in $BOBBIN_FD from then on, and keeps it from child processes: an
 * app process connects once.
 *
 * *ret_b is set also on failure, so that bobbin_error tells what went wrong, and must be closed in
 * either case; it is NULL only after BOBBIN_NO_MEMORY. */
BOBBIN_API bobbin_status bobbin_connect(const char *path, bobbin **ret_b);
/* The same, but gives up with BOBBIN_TIMED_OUT when there is no greeting within so many
 * milliseconds; 0: never. bobbin_reconnect keeps to the same time. */
BOBBIN_API bobbin_status bobbin_connect_within(const char *path, uint32_t timeout_ms,
                                               bobbin **ret_b);
/* The same over a connected stream socket; the handle owns fd from now on, also on failure. */
BOBBIN_API bobbin_status bobbin_connect_fd(int fd, bobbin **ret_b);
/* Close and free, completing with BOBBIN_DISCONNECTED what has been submitted. NULL is fine. Not
 * from within a callback, where it does nothing. */
BOBBIN_API void bobbin_close(bobbin *b);

/* Connect again to the address of the handle, whether or not the connection before has ended, and
 * attach to the app that bobbin_attach had been given last. It is never done by itself.
 *
 * No request is repeated: what is under way is completed with BOBBIN_DISCONNECTED. Watches end with
 * the connection, and changes that were not taken yet are dropped; begin anew with `since` and the
 * commit of the last change that was taken. bobbin_fd changes.
 *
 * BOBBIN_MISUSE for a handle over a descriptor ($BOBBIN_FD, bobbin_connect_fd). After another
 * failure the handle stays without connection, or without app, and may be told to try again. */
BOBBIN_API bobbin_status bobbin_reconnect(bobbin *b);

/* How long a call may wait for its answer, in milliseconds; 0, as at the start: as long as it
 * takes. A call that gives up returns BOBBIN_TIMED_OUT, and the handle stays usable. */
BOBBIN_API bobbin_status bobbin_set_timeout(bobbin *b, uint32_t timeout_ms);

/* The last error of this handle as one line for people, UTF-8 without control characters; "" if
 * there was none. Belongs to the handle, valid until its next call. NULL, the handle of a
 * bobbin_connect without memory, is fine. */
BOBBIN_API const char *bobbin_error(const bobbin *b);
/* The socket's path as used, or "fd N". Belongs to the handle. */
BOBBIN_API const char *bobbin_address(const bobbin *b);

/* What the daemon said about itself and this connection. The strings belong to the handle and
 * change with bobbin_attach. */
BOBBIN_API const char *bobbin_server_version(const bobbin *b);
BOBBIN_API const char *bobbin_app(const bobbin *b);       /* NULL: not attached */
BOBBIN_API const char *bobbin_component(const bobbin *b); /* NULL: not an app process */
/* The labels that this connection may use, as far as known, NULL-terminated. */
BOBBIN_API const char *const *bobbin_stores(const bobbin *b);
/* A limit that the daemon named, such as "key", "value" or "message", in bytes or pieces; 0:
 * unknown. bobbin-protocol(7) lists the names. */
BOBBIN_API uint64_t bobbin_limit(const bobbin *b, const char *name);

/* Bind the connection to an app, by name or by absolute directory. An app process is bound from the
 * start and need not (and may not) call this. */
BOBBIN_API bobbin_status bobbin_attach(bobbin *b, const char *app);
/* A round trip. */
BOBBIN_API bobbin_status bobbin_ping(bobbin *b);

/* Keys and values.
 *
 * Keys are UTF-8 of key_len bytes, at most 2048 when they are written; values any bytes, at most 16
 * MiB. `store` is a label, NUL-terminated; "default" is there in every app. */

/* The commit number that came with the last successful call on keys and values: of a write, the one
 * that holds it; of a read, the latest that it saw. Numbers of one app only grow. 0: none yet. */
BOBBIN_API uint64_t bobbin_last_commit(const bobbin *b);

/* The value, followed by a NUL that is not counted, to be freed with bobbin_free. Without an entry
 * *ret_value is NULL and the status BOBBIN_OK; an empty value is not NULL. */
BOBBIN_API bobbin_status bobbin_get(bobbin *b, const char *store, const char *key, size_t key_len,
                                    void **ret_value, size_t *ret_value_len);
BOBBIN_API bobbin_status bobbin_set(bobbin *b, const char *store, const char *key, size_t key_len,
                                    const void *value, size_t value_len);
/* No error where there was no entry. */
BOBBIN_API bobbin_status bobbin_delete(bobbin *b, const char *store, const char *key,
                                       size_t key_len);
BOBBIN_API bobbin_status bobbin_exists(bobbin *b, const char *store, const char *key,
                                       size_t key_len, bool *ret_exists);

/* As a set, but the entry vanishes after ttl_ms milliseconds, from 1 to ten years. A later set
 * without it lets the entry stay. */
BOBBIN_API bobbin_status bobbin_set_ttl(bobbin *b, const char *store, const char *key,
                                        size_t key_len, const void *value, size_t value_len,
                                        int64_t ttl_ms);

#define BOBBIN_TTL_NONE (-1)   /* the entry stays until it is deleted */
#define BOBBIN_TTL_ABSENT (-2) /* there is no entry */

/* How many milliseconds are left of an entry, or one of the above. */
BOBBIN_API bobbin_status bobbin_ttl(bobbin *b, const char *store, const char *key, size_t key_len,
                                    int64_t *ret_ms);

/* Add delta to a value of 8 bytes, a little-endian signed integer; where there is no entry, to 0.
 * BOBBIN_WRONG_TYPE for a value of another length, BOBBIN_INVALID_REQUEST when the sum overflows.
 * An expiry stays. ret_value may be NULL. */
BOBBIN_API bobbin_status bobbin_increment(bobbin *b, const char *store, const char *key,
                                          size_t key_len, int64_t delta, int64_t *ret_value);

/* Set the value if it is `expected` now, NULL: if there is none. *ret_swapped tells whether. If
 * not, and ret_current is not NULL, *ret_current is the value of now as of bobbin_get, to be freed
 * with bobbin_free, NULL if there is none; after a swap it is NULL. ret_current and ret_current_len
 * may both be NULL. */
BOBBIN_API bobbin_status bobbin_swap(bobbin *b, const char *store, const char *key, size_t key_len,
                                     const void *expected, size_t expected_len, const void *value,
                                     size_t value_len, bool *ret_swapped, void **ret_current,
                                     size_t *ret_current_len);

/* Bytes. In a result they are followed by a NUL that is not counted; in an argument they need not
 * be. */
typedef struct bobbin_string {
    const char *data;
    size_t len;
} bobbin_string;

typedef struct bobbin_entry {
    bobbin_string key;
    bobbin_string value;
} bobbin_entry;

/* Listing. */

typedef struct bobbin_key_page {
    size_t count;              /* keys on this page */
    const bobbin_string *keys; /* in the order asked for (bytewise) */
    bool more;                 /* there is a next page */
    bobbin_string cursor;      /* where it starts, if there is one, else NULL */
} bobbin_key_page;

typedef struct bobbin_entry_page {
    size_t
        count; /* entries on this page: bounded by bytes, too, but at least one if there is one */
    const bobbin_entry *entries; /* in the order asked for (bytewise by key) */
    const int64_t *ttl_ms; /* if it was asked for: of each entry, BOBBIN_TTL_NONE if it stays */
    bool more;                   /* there is a next page */
    bobbin_string cursor;        /* where it starts, if there is one, else NULL */
} bobbin_entry_page;

typedef struct bobbin_keys_options {
    const char *prefix; /* only keys that begin with these bytes; NULL for all */
    size_t prefix_len;
    const char *cursor; /* from the page before; NULL for the first page */
    size_t cursor_len;
    uint32_t limit; /* most keys on the page; 0 for the daemon's default */
    bool reverse;   /* from the last key to the first */
    bool ttl;       /* entries only: tell what each has left to live */
} bobbin_keys_options;

/* One page of a listing; options may be NULL. Free it with bobbin_key_page_free. */
BOBBIN_API bobbin_status bobbin_keys(bobbin *b, const char *store,
                                     const bobbin_keys_options *options,
                                     bobbin_key_page **ret_page);
BOBBIN_API void bobbin_key_page_free(bobbin_key_page *page);
/* The same with the values. Free it with bobbin_entry_page_free. */
BOBBIN_API bobbin_status bobbin_entries(bobbin *b, const char *store,
                                        const bobbin_keys_options *options,
                                        bobbin_entry_page **ret_page);
BOBBIN_API void bobbin_entry_page_free(bobbin_entry_page *page);
/* The entries of a store and the bytes of their keys and values; either pointer may be NULL. */
BOBBIN_API bobbin_status bobbin_count(bobbin *b, const char *store, uint64_t *ret_entries,
                                      uint64_t *ret_bytes);

/* Several keys at once: all of it or, on failure, none. */

typedef struct bobbin_values {
    size_t count;
    const bobbin_string
        *values; /* in the order of the keys; data is NULL where there is no entry */
} bobbin_values;

/* Free the values with bobbin_values_free. */
BOBBIN_API bobbin_status bobbin_get_many(bobbin *b, const char *store, const bobbin_string *keys,
                                         size_t count, bobbin_values **ret_values);
BOBBIN_API void bobbin_values_free(bobbin_values *values);
/* ttl_ms: as for bobbin_set_ttl, for all of them; 0: they stay. Of a key that is there twice the
 * last value counts. */
BOBBIN_API bobbin_status bobbin_set_many(bobbin *b, const char *store, const bobbin_entry *entries,
                                         size_t count, int64_t ttl_ms);
BOBBIN_API bobbin_status bobbin_delete_many(bobbin *b, const char *store, const bobbin_string *keys,
                                            size_t count);

typedef enum bobbin_check_kind {
    BOBBIN_CHECK_VALUE,  /* the key has exactly `value` */
    BOBBIN_CHECK_ABSENT, /* there is no entry */
    BOBBIN_CHECK_SINCE,  /* the key has not been changed after commit `since` */
} bobbin_check_kind;

typedef struct bobbin_check {
    bobbin_check_kind kind;
    bobbin_string key;
    bobbin_string value; /* BOBBIN_CHECK_VALUE */
    uint64_t since;      /* BOBBIN_CHECK_SINCE */
} bobbin_check;

typedef enum bobbin_op_kind {
    BOBBIN_OP_SET,
    BOBBIN_OP_DELETE,
    BOBBIN_OP_INCREMENT,
} bobbin_op_kind;

typedef struct bobbin_op {
    bobbin_op_kind kind;
    bobbin_string key;
    bobbin_string value; /* BOBBIN_OP_SET */
    int64_t ttl_ms;      /* BOBBIN_OP_SET: as for bobbin_set_ttl; 0: the entry stays */
    int64_t delta;       /* BOBBIN_OP_INCREMENT */
} bobbin_op;

/* If all checks hold, do all operations in their order, in one step that nobody sees half of. Each
 * sees what those before it did. *ret_applied tells whether the checks held; if not, nothing was
 * changed and *ret_failed_check, which may be NULL, is the index of the first that did not (it is
 * left alone otherwise). An operation that fails fails the whole and nothing is changed.
 *
 * BOBBIN_STALE: whether a BOBBIN_CHECK_SINCE holds is not known any more; read the key anew. */
BOBBIN_API bobbin_status bobbin_atomic(bobbin *b, const char *store, const bobbin_check *checks,
                                       size_t check_count, const bobbin_op *ops, size_t op_count,
                                       bool *ret_applied, size_t *ret_failed_check);

/* Watching.
 *
 * Changes arrive while the library reads from the daemon for whatever reason, and wait in the
 * handle until bobbin_next_change takes them (or bobbin_on_change is given them, see below). Up to
 * bobbin_set_queue_limit bytes wait; the watch whose change would go beyond is ended and its last
 * change is a BOBBIN_CHANGE_OVERFLOW, from which a new watch can go on with `since`. So a handle
 * that only makes calls and takes no changes works all the same and does not grow. */

typedef struct bobbin_watch_options {
    const bobbin_string *keys; /* only these keys; or NULL */
    size_t key_count;
    const char *prefix; /* only keys that begin with these bytes; or NULL; not with keys */
    size_t prefix_len;
    bool values;    /* changes carry the value that was set */
    bool has_since; /* begin with the changes after commit `since`, else with the next one */
    uint64_t since;
} bobbin_watch_options;

/* Begin to watch a store; options NULL: all of it. *ret_id is in the changes of this watch.
 *
 * BOBBIN_COMPACTED: the daemon does not remember all changes after `since`; list the keys and begin
 * from bobbin_last_commit. */
BOBBIN_API bobbin_status bobbin_watch(bobbin *b, const char *store,
                                      const bobbin_watch_options *options, uint64_t *ret_id);
/* End a watch. Its changes that wait in the handle are dropped. ret_existed may be NULL: whether
 * there was such a watch and it had not ended. */
BOBBIN_API bobbin_status bobbin_unwatch(bobbin *b, uint64_t id, bool *ret_existed);

typedef enum bobbin_change_kind {
    BOBBIN_CHANGE_SET,
    BOBBIN_CHANGE_DELETE,
    BOBBIN_CHANGE_EXPIRE,
    BOBBIN_CHANGE_OVERFLOW, /* the watch has ended: not all changes after `commit` were told */
} bobbin_change_kind;

typedef struct bobbin_change {
    uint64_t watch;  /* the watch's id */
    uint64_t commit; /* the commit that made the change */
    bobbin_change_kind kind;
    bobbin_string key;   /* NULL for BOBBIN_CHANGE_OVERFLOW */
    bobbin_string value; /* of a BOBBIN_CHANGE_SET if asked for; NULL: not known (a change from
                          * before the watch whose value is gone), or not asked for */
} bobbin_change;

/* The next change, waiting for it for so many milliseconds; 0: not at all; negative: for ever.
 * *ret_change is to be freed with bobbin_change_free, and NULL when the time is over. Changes that
 * arrived before the connection ended are handed out first, then the reason of its end. */
BOBBIN_API bobbin_status bobbin_next_change(bobbin *b, int timeout_ms, bobbin_change **ret_change);
BOBBIN_API void bobbin_change_free(bobbin_change *change);
/* How many bytes of changes may wait in the handle; 16 MiB at the start. One change may always
 * wait, whatever its size. */
BOBBIN_API bobbin_status bobbin_set_queue_limit(bobbin *b, size_t bytes);

/* Administration. */

typedef struct bobbin_component_status {
    const char *id;
    const char *state;  /* stopped starting running backing-off waiting stopping failed exited */
    const char *reason; /* why it is in that state, in words; "" when there is nothing to say */
    int64_t since_ms;   /* since when, milliseconds since 1970 */
    int64_t pid;        /* 0: none */
    int exit_code;      /* of the last run; -1: none */
    int exit_signal;    /* of the last run; 0: none */
    uint64_t restarts;  /* by the restart policy, since the last start by request */
    unsigned instance;  /* which of its instances, from 1 */
    uint64_t dropped_bytes; /* of output that was not logged */
    int64_t memory_bytes;   /* resident; -1: no process */
    int64_t cpu_ms;         /* processor time so far; -1: no process */
    const char *last_exit;  /* how the last run ended, in words; "": there was none, or not told */
} bobbin_component_status;

typedef struct bobbin_app_status {
    const char *name;
    const char *directory; /* absolute */
    const char *wanted;    /* "running" or "stopped" */
    size_t component_count;
    const bobbin_component_status *components;
    const char *error; /* what is wrong with it as a whole, such as its manifest; NULL: nothing */
    uint64_t connections;
    uint64_t requests_per_second; /* of all of them, lately */
    uint64_t store_bytes;         /* what the store takes on disk */
} bobbin_app_status;

typedef struct bobbin_app_list {
    size_t count;
    const bobbin_app_status *apps;
} bobbin_app_list;

/* `app` is a name or an absolute directory. A status is freed with bobbin_app_status_free; each
 * ret_status may be NULL. */
BOBBIN_API bobbin_status bobbin_app_register(bobbin *b, const char *directory,
                                             bobbin_app_status **ret_status);
BOBBIN_API bobbin_status bobbin_app_unregister(bobbin *b, const char *app);
BOBBIN_API bobbin_status bobbin_app_list_get(bobbin *b, bobbin_app_list **ret_list);
BOBBIN_API bobbin_status bobbin_app_status_get(bobbin *b, const char *app,
                                               bobbin_app_status **ret_status);
/* Start or stop all components, or the one named. Stopping returns when the processes are gone;
 * starting when they have been started, not when they are ready. */
BOBBIN_API bobbin_status bobbin_app_start(bobbin *b, const char *app, const char *component,
                                          bobbin_app_status **ret_status);
BOBBIN_API bobbin_status bobbin_app_stop(bobbin *b, const char *app, const char *component,
                                         bobbin_app_status **ret_status);
/* Stop and start again, all components or the one named. */
BOBBIN_API bobbin_status bobbin_app_restart(bobbin *b, const char *app, const char *component,
                                            bobbin_app_status **ret_status);
/* Forget that components have failed: they are stopped then. */
BOBBIN_API bobbin_status bobbin_app_reset(bobbin *b, const char *app, const char *component,
                                          bobbin_app_status **ret_status);
/* Read the manifest again and apply what has changed; returns when what had to be stopped is gone.
 * With a manifest that is wrong nothing changes, and the error's text says what is wrong. */
BOBBIN_API bobbin_status bobbin_app_reload(bobbin *b, const char *app,
                                           bobbin_app_status **ret_status);
BOBBIN_API void bobbin_app_status_free(bobbin_app_status *status);
BOBBIN_API void bobbin_app_list_free(bobbin_app_list *list);

/* One line that an app's process wrote. */
typedef struct bobbin_log_line {
    int64_t time_ms; /* to about a second, milliseconds since 1970; 0: not known */
    const char *component;
    unsigned instance;
    const char *stream; /* "stdout" or "stderr" */
    bobbin_string text; /* without the newline */
} bobbin_log_line;

typedef struct bobbin_log_page {
    size_t count;
    const bobbin_log_line *lines; /* by time; those of one stream in their order */
    bobbin_string cursor;         /* from where to go on */
} bobbin_log_page;

/* All zeroes: the last 100 lines of all components. */
typedef struct bobbin_logs_options {
    const char *component; /* NULL: all */
    uint32_t lines;        /* at most so many; 0: 100 */
    int64_t since_ms;      /* written then or later, milliseconds since 1970; 0: whenever */
    const char *cursor;    /* go on from there, in place of the last lines; NULL: do not */
    size_t cursor_len;
    bool partial; /* also lines that are not ended yet */
} bobbin_logs_options;

/* Lines of the app's logs; options may be NULL. Free them with bobbin_log_page_free. */
BOBBIN_API bobbin_status bobbin_app_logs(bobbin *b, const char *app,
                                         const bobbin_logs_options *options,
                                         bobbin_log_page **ret_page);
BOBBIN_API void bobbin_log_page_free(bobbin_log_page *page);

/* Something that happened to an app or a component. */
typedef struct bobbin_event {
    uint64_t number; /* counts up from 1 since the daemon was started */
    int64_t time_ms; /* milliseconds since 1970 */
    const char *app;
    const char *directory;
    const char *component; /* NULL: the app as a whole */
    unsigned instance;
    const char *event; /* a component's new state, or registered reloaded trouble mended left */
    const char *text;  /* why; "" when there is nothing to say */
} bobbin_event;

typedef struct bobbin_event_list {
    size_t count;
    const bobbin_event *events; /* in their order */
    uint64_t last;              /* the number to go on from, as `since` */
} bobbin_event_list;

/* All zeroes: the last 100 events, at once. */
typedef struct bobbin_events_options {
    const char *app;  /* its name or directory; NULL: all */
    uint64_t since;   /* only those behind this number */
    uint32_t limit;   /* the last ones, at most so many; 0: 100 */
    uint32_t wait_ms; /* if there is none, wait for one; at most 30000 */
} bobbin_events_options;

/* What has happened lately to apps that this user may use; options may be NULL. Free it with
 * bobbin_event_list_free. */
BOBBIN_API bobbin_status bobbin_event_list_get(bobbin *b, const bobbin_events_options *options,
                                               bobbin_event_list **ret_list);
BOBBIN_API void bobbin_event_list_free(bobbin_event_list *list);

/* One request on an app's connections. */
typedef struct bobbin_traced {
    uint64_t number;       /* counts up from 1 */
    int64_t time_ms;       /* when it was answered, milliseconds since 1970 */
    uint64_t connection;   /* as in the daemon's log … */
    uint32_t request;      /* … where "CONNECTION.REQUEST" names it */
    const char *component; /* whose process asked; NULL: another program … */
    int64_t pid;           /* … which is this process */
    const char *method;
    const char *store;     /* "" where there is none, as are keys; long ones are cut */
    const char *key;
    uint64_t in;           /* bytes of what was asked … */
    uint64_t out;          /* … and of the answer */
    uint64_t ns;           /* from the request to its answer, nanoseconds */
    const char *error;     /* code of the refusal or failure; NULL: none */
} bobbin_traced;

typedef struct bobbin_trace_list {
    size_t count;
    const bobbin_traced *operations; /* in the order of their answers */
    uint64_t last;                   /* the number to go on from, as `since` */
    uint64_t dropped;                /* so many behind `since` are not remembered any more */
} bobbin_trace_list;

/* All zeroes: what is remembered, at most 1000, at once. */
typedef struct bobbin_trace_options {
    uint64_t since;   /* only those behind this number */
    uint32_t limit;   /* the first ones, at most so many; 0: 1000 */
    uint32_t wait_ms; /* if there is none, wait for one; at most 30000 */
} bobbin_trace_options;

/* The app's live operations. The daemon begins to take note of them with the first of these calls,
 * and ends when none has come for some seconds; options may be NULL. Free it with
 * bobbin_trace_list_free. */
BOBBIN_API bobbin_status bobbin_trace_list_get(bobbin *b, const char *app,
                                               const bobbin_trace_options *options,
                                               bobbin_trace_list **ret_list);
BOBBIN_API void bobbin_trace_list_free(bobbin_trace_list *list);

typedef struct bobbin_backup_info {
    uint64_t bytes;  /* of the file */
    uint64_t pages;  /* of the database */
    uint64_t commit; /* the latest that is in it */
} bobbin_backup_info;

/* Write a consistent copy of the app's database to a new file at an absolute path, as the daemon
 * sees it. Returns when it is on disk; writers go on meanwhile. ret may be NULL. */
BOBBIN_API bobbin_status bobbin_backup(bobbin *b, const char *path, bobbin_backup_info *ret);

/* Put the file at an absolute path, a backup or another SQLite file of Spin's schema, in the place
 * of the app's database, all of its stores. It is checked first; whatever happens, the app has
 * either its old content or the new one. None of the app's processes may run. With `keep` the old
 * file stays beside the new one, in .spin/sqlite_key_value.before-N.db, N being ret->commit, the
 * number that the new content begins with. Watches end with an overflow. ret may be NULL. */
BOBBIN_API bobbin_status bobbin_restore(bobbin *b, const char *path, bool keep,
                                        bobbin_backup_info *ret);

/* One figure of the statistics. */
typedef struct bobbin_stat {
    const char *name; /* what stands in a map within the map has its name in front: "wal.bytes" */
    bool is_text;
    const char *text; /* if is_text, else NULL */
    int64_t number;   /* if not; 0 or 1 for what is true or false */
} bobbin_stat;

typedef struct bobbin_stats {
    size_t count;
    const bobbin_stat *items; /* in the daemon's order */
} bobbin_stats;

/* Figures of one app, or of the daemon with NULL; which there are bobbin-protocol(7) tells. Free
 * them with bobbin_stats_free. */
BOBBIN_API bobbin_status bobbin_stats_get(bobbin *b, const char *app, bobbin_stats **ret_stats);
BOBBIN_API void bobbin_stats_free(bobbin_stats *stats);

/* Let the bobbind that is installed now take the running one's place; app processes, connections (this one
 * too) and watches go on. The figures are `version`, `previous`, `processes` and `pause_ms`, the last one
 * only where the processes went on. Administrators only. Free them with bobbin_stats_free. */
BOBBIN_API bobbin_status bobbin_daemon_upgrade(bobbin *b, bobbin_stats **ret_figures);
/* The daemon's configuration, for administrators, in the form of statistics that are all texts: "file",
 * if one was read, and for each key of bobbin.toml(5) "settings.KEY.value" (as it would stand there;
 * none: not set), "settings.KEY.origin" (default, file, environment, option, systemd),
 * "settings.KEY.applies" (reload, open, restart) and, where a new value waits for a restart,
 * "settings.KEY.waiting". Free it with bobbin_stats_free. */
BOBBIN_API bobbin_status bobbin_config_get(bobbin *b, bobbin_stats **ret_config);

/* Without blocking.
 *
 * A connected handle can be driven by any loop: many requests are submitted, nothing waits.
 *
 *     bobbin_submit(b, &request, 1000, on_result, arg, NULL);
 *     while (bobbin_pending(b) > 0) {
 *         struct pollfd p = {bobbin_fd(b), bobbin_events(b), 0};
 *         poll(&p, 1, bobbin_timeout(b));
 *         bobbin_process(b, p.revents);
 *     }
 *
 * Wanted events and time-out are to be asked for again after every other call on the handle.
 *
 * Blocking calls may be mixed with it at any time: they drive the same connection, so what has been
 * submitted before them takes effect before them, and callbacks are called from within them, too.
 * From within a callback only bobbin_submit, bobbin_cancel and what returns at once without a
 * bobbin_status may be called; everything that would wait or process is BOBBIN_MISUSE there.
 *
 * Connecting alone is there as blocking calls only. */

typedef enum bobbin_request_kind {
    BOBBIN_REQUEST_PING,
    BOBBIN_REQUEST_GET,         /* store, key */
    BOBBIN_REQUEST_SET,         /* store, key, value, ttl_ms */
    BOBBIN_REQUEST_DELETE,      /* store, key */
    BOBBIN_REQUEST_EXISTS,      /* store, key */
    BOBBIN_REQUEST_TTL,         /* store, key */
    BOBBIN_REQUEST_KEYS,        /* store, listing */
    BOBBIN_REQUEST_ENTRIES,     /* store, listing */
    BOBBIN_REQUEST_COUNT,       /* store */
    BOBBIN_REQUEST_GET_MANY,    /* store, keys */
    BOBBIN_REQUEST_SET_MANY,    /* store, entries, ttl_ms */
    BOBBIN_REQUEST_DELETE_MANY, /* store, keys */
    BOBBIN_REQUEST_INCREMENT,   /* store, key, delta */
    BOBBIN_REQUEST_SWAP,        /* store, key, expected, value, ttl_ms */
    BOBBIN_REQUEST_ATOMIC,      /* store, checks, ops */
    BOBBIN_REQUEST_WATCH,       /* store, watching */
    BOBBIN_REQUEST_UNWATCH,     /* watch */
    BOBBIN_REQUEST_ATTACH,      /* app */
    BOBBIN_REQUEST_BACKUP,      /* path */
    BOBBIN_REQUEST_RESTORE,     /* path, keep */
    BOBBIN_REQUEST_STATS,       /* app, or NULL */
    BOBBIN_REQUEST_APP_REGISTER,   /* app: the directory */
    BOBBIN_REQUEST_APP_UNREGISTER, /* app */
    BOBBIN_REQUEST_APP_LIST,
    BOBBIN_REQUEST_APP_STATUS, /* app */
    BOBBIN_REQUEST_APP_START,  /* app, component (or NULL) */
    BOBBIN_REQUEST_APP_STOP,   /* app, component (or NULL) */
    BOBBIN_REQUEST_APP_RESTART, /* app, component (or NULL) */
    BOBBIN_REQUEST_APP_RESET,   /* app, component (or NULL) */
    BOBBIN_REQUEST_APP_RELOAD,  /* app */
    BOBBIN_REQUEST_APP_LOGS,    /* app, logs */
    BOBBIN_REQUEST_EVENTS,      /* happened */
    BOBBIN_REQUEST_TRACE,       /* app, tracing */
    BOBBIN_REQUEST_DAEMON_UPGRADE,
    BOBBIN_REQUEST_CONFIG,
} bobbin_request_kind;

/* What to ask for: the fields that stand beside the kind above, as in the blocking call of that
 * name; the others are ignored. Nothing in it needs to outlive bobbin_submit. */
typedef struct bobbin_request {
    bobbin_request_kind kind;
    const char *store;
    bobbin_string key;
    bobbin_string value;
    bobbin_string expected; /* data NULL: absent */
    int64_t ttl_ms;         /* 0: none */
    int64_t delta;
    const bobbin_string *keys;
    size_t key_count;
    const bobbin_entry *entries;
    size_t entry_count;
    const bobbin_check *checks;
    size_t check_count;
    const bobbin_op *ops;
    size_t op_count;
    const bobbin_keys_options *listing;   /* may be NULL */
    const bobbin_watch_options *watching; /* may be NULL */
    uint64_t watch;
    const char *app;
    const char *component;
    const char *path;
    const bobbin_logs_options *logs;       /* may be NULL */
    const bobbin_events_options *happened; /* may be NULL */
    const bobbin_trace_options *tracing;   /* may be NULL */
    bool keep;
} bobbin_request;

/* How a request ended; with all that it points to valid until the callback returns. Fields that do
 * not belong to the kind, and all of them after a failure, are zero. */
typedef struct bobbin_result {
    uint64_t id; /* as bobbin_submit told it */
    bobbin_request_kind kind;
    bobbin_status status;
    const char *error; /* one line for people; "" if there was none */
    uint64_t commit;   /* as bobbin_last_commit; 0 for what is not about keys and values */
    bool flag; /* exists: there is an entry; swap: swapped; atomic: applied; unwatch: existed */
    int64_t number;       /* increment: the new value; ttl: milliseconds or BOBBIN_TTL_… */
    bobbin_string value;  /* get: the value; swap that did not: the value of now; NULL: none */
    size_t failed_check;  /* atomic that was not applied: index of the first check that failed */
    uint64_t entry_count; /* count: entries … */
    uint64_t byte_count;  /* … and bytes */
    uint64_t watch;       /* watch: its id */
    const bobbin_values *values;      /* get_many */
    const bobbin_key_page *keys;      /* keys */
    const bobbin_entry_page *entries; /* entries */
    const bobbin_app_status *status_of_app; /* app_register, app_status, app_start, app_stop, … */
    const bobbin_app_list *apps;            /* app_list */
    const bobbin_stats *stats;              /* stats, config */
    const bobbin_log_page *log_page;        /* app_logs */
    const bobbin_event_list *happened;      /* events */
    const bobbin_trace_list *traced;        /* trace */
    bobbin_backup_info backup;              /* backup, restore */
} bobbin_result;

typedef void (*bobbin_callback)(void *arg, const bobbin_result *result);

/* Send a request with the next bobbin_process. Requests take effect in the order submitted; answers
 * come in any order.
 *
 * Either it fails at once, nothing is sent and the callback is never called; or the callback is
 * called exactly once, later, from bobbin_process, from a blocking call, from bobbin_reconnect or
 * bobbin_close: with the answer, with BOBBIN_TIMED_OUT after timeout_ms (0: never), or with the
 * reason for which the connection ended. callback may be NULL. ret_id may be NULL: for
 * bobbin_cancel. */
BOBBIN_API bobbin_status bobbin_submit(bobbin *b, const bobbin_request *request,
                                       uint32_t timeout_ms, bobbin_callback callback, void *arg,
                                       uint64_t *ret_id);
/* Forget a request: its callback is not called. A write may happen all the same. False when it is
 * not under way any more. */
BOBBIN_API bool bobbin_cancel(bobbin *b, uint64_t id);
/* How many requests have been submitted and are not completed or cancelled yet. The daemon stops
 * reading beyond 1024 (bobbin_limit "inflight"); what is submitted beyond waits in memory here. */
BOBBIN_API size_t bobbin_pending(const bobbin *b);

/* The descriptor to poll, the same until bobbin_reconnect; -1 without connection. It belongs to the
 * handle and may be polled only. */
BOBBIN_API int bobbin_fd(const bobbin *b);
/* The events of poll(2) to wait for: POLLIN, and POLLOUT while there is something to write; 0 once
 * the connection has ended. */
BOBBIN_API short bobbin_events(const bobbin *b);
/* For how many milliseconds, as poll(2) takes them; -1: for as long as it takes. When they are over
 * call bobbin_process with no events. */
BOBBIN_API int bobbin_timeout(const bobbin *b);
/* Write and read what the events allow, without waiting, and call the callbacks of what is
 * complete. 0 for revents is fine: then only deadlines are looked after. Returns why the connection
 * has ended, BOBBIN_OK while it has not. */
BOBBIN_API bobbin_status bobbin_process(bobbin *b, short revents);

/* The change is valid until the callback returns. */
typedef void (*bobbin_change_callback)(void *arg, const bobbin_change *change);
/* Have changes handed to a callback as they arrive, instead of to bobbin_next_change, which then is
 * BOBBIN_MISUSE; what waits already is handed over by the next bobbin_process or blocking call.
 * NULL undoes it. */
BOBBIN_API bobbin_status bobbin_on_change(bobbin *b, bobbin_change_callback callback, void *arg);

/* Free memory that the library handed out. NULL is fine. */
BOBBIN_API void bobbin_free(void *p);

#ifdef __cplusplus
}
#endif

#endif
