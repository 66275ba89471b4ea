/* The command line taken apart: options anywhere, the command, its arguments. */
#ifndef BOBBIN_CLI_OPTIONS_H
#define BOBBIN_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(identifier, name, value, text). What has a value takes it as "--name VALUE" or "--name=VALUE".
 */
#define OPTION_LIST(X)                                                                             \
    X(SOCKET, "--socket", "PATH", "the daemon's socket")                                           \
    X(JSON, "--json", NULL, "print one JSON document")                                             \
    X(HELP, "--help", NULL, "explain the command")                                                 \
    X(VERSION, "--version", NULL, "print the version")                                             \
    X(APP, "--app", "NAME|DIR", "the app (default: the current directory)")                        \
    X(STORE, "--store", "LABEL", "the store (default: \"default\")")                               \
    X(COMPONENT, "--component", "ID", "only this component")                                       \
    X(PREFIX, "--prefix", "P", "only keys that begin with P")                                      \
    X(LIMIT, "--limit", "N", "at most N keys")                                                     \
    X(KEY_VALUE, "--key-value", "K=V", "first set an entry in store \"default\"; repeatable")

enum option_id {
#define X(id, name, value, text) OPTION_##id,
    OPTION_LIST(X)
#undef X
        OPTION_COUNT
};

#define OPTION_BIT(id) (1u << OPTION_##id)
/* What every command takes. */
#define OPTIONS_COMMON                                                                             \
    (OPTION_BIT(SOCKET) | OPTION_BIT(JSON) | OPTION_BIT(HELP) | OPTION_BIT(VERSION))

struct option_info {
    const char *name;
    const char *value; /* what stands for the value in the help; NULL: takes none */
    const char *text;  /* what it does, for the help */
};

/* Indexed by enum option_id. */
extern const struct option_info option_table[OPTION_COUNT];

/* All strings point into argv. */
struct options {
    unsigned given;     /* OPTION_BITs that were on the command line */
    const char *socket; /* NULL: not given, as all the others */
    const char *app;
    const char *store; /* "default" when not given */
    const char *component;
    const char *prefix;
    uint64_t limit;       /* 0: not given */
    const char **entries; /* the K=V of --key-value, each with a '=' and a non-empty K; owned */
    size_t entry_count;
    const char *command; /* NULL: none */
    const char **args;   /* what follows the command; owned, NULL-terminated */
    size_t arg_count;
    size_t literal_from; /* arguments from this index on stood behind "--" */
    char error[300];     /* why the command line makes no sense; "" when it does */
};

/* Always fills in *ret, also the rest of the line when something in it is wrong (so that --json is
 * honoured for the error). 0, or -1 with the reason in ret->error. */
int options_parse(int argc, char **argv, struct options *ret);
void options_fini(struct options *o);

static inline bool options_has(const struct options *o, enum option_id id)
{
    return (o->given >> id) & 1u;
}

#endif
