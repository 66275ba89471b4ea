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
 * A write that returned BOBBIN_OK is on disk. One that returned BOBBIN_DISCONNECTED may or may not
 * have taken effect; the library never repeats it by itself.
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
/* The same over a connected stream socket; the handle owns fd from now on, also on failure. */
BOBBIN_API bobbin_status bobbin_connect_fd(int fd, bobbin **ret_b);
/* Close and free. NULL is fine. */
BOBBIN_API void bobbin_close(bobbin *b);

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

/* Bind the connection to an app, by name or by absolute directory. An app process is bound from the
 * start and need not (and may not) call this. */
BOBBIN_API bobbin_status bobbin_attach(bobbin *b, const char *app);
/* A round trip. */
BOBBIN_API bobbin_status bobbin_ping(bobbin *b);

/* Keys are UTF-8 of key_len bytes, at most 2048 when they are written; values any bytes, at most 16
 * MiB. `store` is a label, NUL-terminated; "default" is there in every app. */

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

typedef struct bobbin_string {
    const char *data; /* followed by a NUL that is not counted */
    size_t len;
} bobbin_string;

typedef struct bobbin_key_page {
    size_t count;              /* keys on this page */
    const bobbin_string *keys; /* in key order (bytewise) */
    bool more;                 /* there is a next page */
    bobbin_string cursor;      /* where it starts, if there is one, else NULL */
} bobbin_key_page;

typedef struct bobbin_keys_options {
    const char *prefix; /* only keys that begin with these bytes; NULL for all */
    size_t prefix_len;
    const char *cursor; /* from the page before; NULL for the first page */
    size_t cursor_len;
    uint32_t limit; /* most keys on the page; 0 for the daemon's default */
} bobbin_keys_options;

/* One page of a listing; options may be NULL. Free it with bobbin_key_page_free. */
BOBBIN_API bobbin_status bobbin_keys(bobbin *b, const char *store,
                                     const bobbin_keys_options *options,
                                     bobbin_key_page **ret_page);
BOBBIN_API void bobbin_key_page_free(bobbin_key_page *page);

/* Administration. */

typedef struct bobbin_component_status {
    const char *id;
    const char *state;  /* stopped starting running backing-off stopping failed exited */
    const char *reason; /* why it is in that state, in words; "" when there is nothing to say */
    int64_t since_ms;   /* since when, milliseconds since 1970 */
    int64_t pid;        /* 0: none */
    int exit_code;      /* of the last run; -1: none */
    int exit_signal;    /* of the last run; 0: none */
    uint64_t restarts;  /* by the restart policy, since the last start by request */
} bobbin_component_status;

typedef struct bobbin_app_status {
    const char *name;
    const char *directory; /* absolute */
    const char *wanted;    /* "running" or "stopped" */
    size_t component_count;
    const bobbin_component_status *components;
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
BOBBIN_API void bobbin_app_status_free(bobbin_app_status *status);
BOBBIN_API void bobbin_app_list_free(bobbin_app_list *list);

/* Free memory that the library handed out. NULL is fine. */
BOBBIN_API void bobbin_free(void *p);

#ifdef __cplusplus
}
#endif

#endif
