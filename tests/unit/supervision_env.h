/* For the tests of supervision: an app directory of their own, a loop, and components in it whose
 * states are recorded. */
#ifndef BOBBIN_TESTS_SUPERVISION_ENV_H
#define BOBBIN_TESTS_SUPERVISION_ENV_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/component.h"
#include "daemon/directory.h"
#include "daemon/manifest.h"

struct env {
    char base[64];              /* a fresh directory in /tmp, removed at the end */
    char app[80];               /* the app directory within it */
    struct directory directory; /* of `app` */
    uv_loop_t loop;
};

extern struct env env;

/* Checked fixtures. The teardown fails the test when a handle was left open. */
void env_setup(void);
void env_teardown(void);

/* A file in the app directory; `path` is relative to it. */
void env_write(const char *path, const char *text, mode_t mode);
/* The whole file with a NUL behind it, to be freed; "" when there is none. */
char *env_read(const char *path, size_t *ret_len);
/* Fails unless the file's text contains `needle`. */
void env_check_contains(const char *path, const char *needle);
bool env_process_exists(pid_t pid);
/* A number that a script has written into a file; 0: not yet. */
pid_t env_read_pid(const char *path);

/* Run the loop until the condition holds; fails the test when that takes too long. */
void env_until(bool (*condition)(void *arg), void *arg);

/* A component as its manifest describes it. */
struct subject {
    struct manifest *manifest;
    struct component *component;
    char states[1024]; /* the words of on_change, each with a space behind it */
    int connection;    /* the last one; -1: none */
    bool freed;
};

/* `tool` is the text of [component.c.tool.bobbin]; `rest` that of [component.c], may be "". */
void subject_init(struct subject *s, const char *tool, const char *rest, struct warden *warden);
/* The same with a gate, or with what else `with` has of warden, gate and cgroup. */
void subject_init_gate(struct subject *s, const char *tool, struct launch_gate *gate);
void subject_init_host(struct subject *s, const char *tool, const char *rest,
                       const struct component_host *with);
/* Stops it if need be, frees it. */
void subject_fini(struct subject *s);
void subject_until(struct subject *s, enum component_state state);
enum component_state subject_state(const struct subject *s);

#endif
