/* What the integration tests share: a real bobbind in a directory of its own, and ways to wait. */
#ifndef BOBBIN_TESTS_HARNESS_H
#define BOBBIN_TESTS_HARNESS_H

#include <bobbin.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "protocol/buffer.h"
#include "protocol/message.h"

/* How long a condition may take to come true on a loaded machine, in milliseconds. */
enum { HARNESS_PATIENCE_MS = 60000 };

struct harness {
    char dir[64];     /* fresh, removed by harness_fini */
    char socket[96];  /* of the daemon */
    char state[96];   /* its state directory */
    char log[96];     /* its standard error */
    pid_t pid;        /* 0: it does not run */
    const char *config; /* path of a bobbin.toml; NULL: none */
    const char *const *environment; /* NAME, value, …, NULL: for the daemon besides ours; may be NULL */
};

void harness_init(struct harness *h);
/* Stop the daemon if it runs, which must end well; remove the directory. */
void harness_fini(struct harness *h);

/* Start bobbind and wait until it answers. */
void harness_start(struct harness *h);
/* SIGTERM, wait; returns the exit status (128 + signal if it was killed). */
int harness_stop(struct harness *h);
/* SIGKILL, wait. */
void harness_kill(struct harness *h);

/* Connect, failing the test when that fails; attached when `app` is not NULL. */
bobbin *harness_connect(struct harness *h, const char *app);
/* Make DIR/name with a spin.toml of that text (NULL: none); returns the path in `ret`. */
void harness_make_app(struct harness *h, const char *name, const char *manifest, char ret[160]);
/* The same, registered. */
void harness_register(struct harness *h, const char *name, const char *manifest, char ret[160]);

/* Call until it returns true; false when patience is over. */
bool harness_wait(bool (*condition)(void *arg), void *arg);
/* Milliseconds of a clock that never steps. */
long harness_now_ms(void);
/* A whole file, NUL-terminated, to be freed; NULL when there is none. */
char *harness_read_file(const char *path);
/* Whether the file has that line. */
bool harness_file_has_line(const char *path, const char *line);
/* Wait for a line in a file or fail the test. */
void harness_await_line(const char *path, const char *line);

/* Plain sockets, for what the library would not send. */
int harness_raw_connect(struct harness *h);
void harness_raw_send(int fd, const void *bytes, size_t len);
/* Read one message into `in` (which keeps what follows) and take it apart; false: closed by the peer. The
 * message's slices are valid until the next call. */
bool harness_raw_receive(int fd, struct buffer *in, struct message *ret);

/* A status and the handle's error text, for messages of failed checks. */
#define harness_ok(b, call)                                                                        \
    do {                                                                                           \
        bobbin_status harness_status = (call);                                                     \
        ck_assert_msg(harness_status == BOBBIN_OK, "%s: %s (%s)", #call, bobbin_error(b),          \
                      bobbin_status_name(harness_status));                                         \
    } while (0)

#endif
