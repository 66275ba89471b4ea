/* The command line taken apart: options anywhere, the command, its arguments. */
#ifndef BOBBIN_CLI_OPTIONS_H
#define BOBBIN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/include/bobbin.h"

/* How the value of an option is read. */
enum option_kind {
    KIND_FLAG,     /* has none */
    KIND_TEXT,     /* const char *, not empty */
    KIND_ANY,      /* const char *, may be empty */
    KIND_NUMBER,   /* uint64_t from 1 */
    KIND_NATURAL,  /* uint64_t from 0 */
    KIND_DURATION, /* int64_t, milliseconds */
    KIND_SINCE,    /* a commit number, or text that the command understands */
    KIND_ENTRY,    /* KEY=VALUE, appended to `entries` */
};

/* X(identifier, name, placeholder, kind, field, text). What has a value takes it as "--name VALUE"
 * or "--name=VALUE"; -h, -f and -n are short for --help, --follow and --lines. What stands for the
 * value also says how a shell completes it: see complete.c.
 */
#define OPTION_LIST(X)                                                                             \
    X(SOCKET, "--socket", "PATH", KIND_TEXT, socket, "the daemon's socket")                        \
    X(JSON, "--json", NULL, KIND_FLAG, given, "print one JSON document")                           \
    X(HELP, "--help", NULL, KIND_FLAG, given, "explain the command")                               \
    X(VERSION, "--version", NULL, KIND_FLAG, given, "print the version")                           \
    X(APP, "--app", "APP", KIND_TEXT, app, "the app, a name or directory (default: .)")            \
    X(STORE, "--store", "LABEL", KIND_TEXT, store, "the store (default: \"default\")")             \
    X(COMPONENT, "--component", "ID", KIND_TEXT, component, "only this component")                 \
    X(COMMIT, "--commit", NULL, KIND_FLAG, given, "tell the commit number, too")                   \
    X(TTL, "--ttl", "DURATION", KIND_DURATION, ttl_ms, "the time to live: 500ms, 10s, 5m, 2h, 7d") \
    X(FILE, "--file", "PATH", KIND_TEXT, file, "read from this file (\"-\": standard input)")      \
    X(NUL, "--null", NULL, KIND_FLAG, given, "end names and values with NUL, not newline")         \
    X(PREFIX, "--prefix", "P", KIND_ANY, prefix, "only keys that begin with P")                    \
    X(LIMIT, "--limit", "N", KIND_NUMBER, limit, "at most N of them")                              \
    X(CURSOR, "--cursor", "CURSOR", KIND_TEXT, cursor, "go on where a listing with --limit ended") \
    X(REVERSE, "--reverse", NULL, KIND_FLAG, given, "from the last key to the first")              \
    X(EXPECT, "--expect", "VALUE", KIND_ANY, expect, "only if this is the value now")              \
    X(ABSENT, "--absent", NULL, KIND_FLAG, given, "only if there is no such key now")              \
    X(SINCE, "--since", "N", KIND_SINCE, since, "begin behind commit N; for logs: at a time")      \
    X(VALUES, "--values", NULL, KIND_FLAG, given, "show the new values, too")                      \
    X(COUNT, "--count", "N", KIND_NUMBER, count, "end after N changes")                            \
    X(FOLLOW, "--follow", NULL, KIND_FLAG, given, "go on with what comes, until Ctrl-C")           \
    X(LINES, "--lines", "N", KIND_NUMBER, lines, "the last N of them (default: 100)")              \
    X(LAST, "--last", "DURATION", KIND_DURATION, last_ms, "only what is not older than this")      \
    X(RECONNECT, "--reconnect", NULL, KIND_FLAG, given, "when the connection ends, connect again") \
    X(AFTER, "--after", "KEY", KIND_ANY, after, "go on behind this key")                           \
    X(AFTER_STORE, "--after-store", "LABEL", KIND_TEXT, after_store, "the store of that key")      \
    X(ON_CONFLICT, "--on-conflict", "WHAT", KIND_TEXT, on_conflict,                                \
      "with a key that is there: overwrite, skip or fail")                                         \
    X(DRY_RUN, "--dry-run", NULL, KIND_FLAG, given, "check everything, change nothing")            \
    X(KEEP, "--keep", NULL, KIND_FLAG, given, "keep the file that is replaced")                    \
    X(STOP, "--stop", NULL, KIND_FLAG, given, "stop the app before, start it again behind")        \
    X(KEY_VALUE, "--key-value", "K=V", KIND_ENTRY, entries,                                        \
      "first set an entry in store \"default\"; repeatable")

enum option_id {
#define X(id, name, value, kind, field, text) OPTION_##id,
    OPTION_LIST(X)
#undef X
        OPTION_COUNT_ALL
};

#define OPTION_BIT(id) (UINT64_C(1) << OPTION_##id)
/* What every command takes. */
#define OPTIONS_COMMON                                                                             \
    (OPTION_BIT(SOCKET) | OPTION_BIT(JSON) | OPTION_BIT(HELP) | OPTION_BIT(VERSION))

struct option_info {
    const char *name;
    const char *value;     /* what stands for the value in the help; NULL: takes none */
    enum option_kind kind; /* how the value is read … */
    size_t offset;         /* … and where in struct options it goes */
    const char *text;      /* what it does, for the help */
};

/* Indexed by enum option_id. */
extern const struct option_info option_table[OPTION_COUNT_ALL];

/* All strings point into argv. */
struct options {
    uint64_t given;     /* OPTION_BITs that were on the command line */
    const char *socket; /* NULL: not given, as all the others */
    const char *app;
    const char *store; /* "default" when not given */
    const char *component;
    const char *file;
    const char *prefix;
    const char *cursor;
    const char *expect;
    const char *after;
    const char *after_store;
    const char *on_conflict;
    uint64_t limit; /* 0: not given, as with all numbers but `since` */
    uint64_t since; /* a commit, if it is one … */
    bool since_is_commit;
    const char *since_text; /* … and as it was given */
    uint64_t count;
    uint64_t lines;
    int64_t ttl_ms;
    int64_t last_ms;
    const char **entries; /* the K=V of --key-value, each with a '=' and a non-empty K; owned */
    size_t entry_count;
    const char *command; /* NULL: none */
    const char **args;   /* what follows the command; owned, NULL-terminated */
    size_t arg_count;
    size_t literal_from; /* arguments from this index on stood behind "--" */
    char error[300];     /* why the command line makes no sense; "" when it does */

    /* Of a command within `bobbin shell`, else NULL and false. */
    bobbin *lent;  /* the shell's connection, attached, to be used and left open */
    bool in_shell; /* so standard input holds the commands, no values */
};

/* Always fills in *ret, also the rest of the line when something in it is wrong (so that --json is
 * honoured for the error). 0, or -1 with the reason in ret->error. */
int options_parse(int argc, char **argv, struct options *ret);
void options_fini(struct options *o);

static inline bool options_has(const struct options *o, enum option_id id)
{
    return (o->given >> id) & 1u;
}

/* The option of that name, or OPTION_COUNT_ALL. */
enum option_id option_find(const char *arg, size_t len);

/* Whether the argument of that index is a lone "-" that stands for standard input. */
bool options_is_stdin(const struct options *o, size_t index);

#endif
