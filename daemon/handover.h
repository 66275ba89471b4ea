/* What one daemon leaves to the next, which takes its place in the same process: descriptors by
 * their numbers, everything else in a sealed memory file. handover_state.h says what is in it.
 *
 * Or in another process, which systemd starts: then the descriptors come from its store, and are
 * found by the numbers that they had.
 *
 * The file begins with HANDOVER_MAGIC and the version of the rest; a daemon that does not know the
 * version lets go of everything, which ends the app processes, and starts as ever. */
#ifndef BOBBIN_DAEMON_HANDOVER_H
#define BOBBIN_DAEMON_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/fdstore.h"
#include "protocol/buffer.h"
#include "protocol/errors.h"
#include "protocol/message.h"
#include "protocol/reader.h"

#define HANDOVER_MAGIC "bobbin-handover\n"
/* Another one whenever an older daemon's file would be misread. */
#define HANDOVER_VERSION 1
/* The environment variable that has the number of the file's descriptor. */
#define HANDOVER_VARIABLE "BOBBIN_HANDOVER"

/* Being written. Failures stick, in `bytes`. */
struct handover_out {
    struct buffer bytes;
    msgpack_packer pk; /* over `bytes` */
    int *fds;          /* that are handed over; borrowed, the array is owned */
    size_t fd_count;
    size_t fd_cap;
};

void handover_out_init(struct handover_out *out);
void handover_out_fini(struct handover_out *out);
void handover_put_bool(struct handover_out *out, bool value);
/* A descriptor, or -1. */
void handover_put_fd(struct handover_out *out, int fd);
/* A sealed file with all that was put, close on exec; or an ERR_… code. */
int handover_out_file(const struct handover_out *out, struct error *e);
/* Whether the descriptors stay open over an exec. */
void handover_out_inherit(const struct handover_out *out, bool inherit);

/* Being read. Failures stick: what is taken behind one is 0, -1 or empty. */
struct handover_in {
    uint8_t *bytes; /* owned */
    size_t size;
    struct reader r;
    bool failed;
    struct fdstore store; /* where the descriptors are; without entries: they have their numbers */
};

/* What the daemon before left, if the environment names it; the variables are gone then. *ret is
 * NULL, without an error, where there is nothing; an error says that it cannot be read, and has
 * been let go of. Before there are threads. */
int handover_receive(struct handover_in **ret, struct error *e);
/* Let go of all that the daemon before left in this process, whatever it is, and wait until its
 * processes are gone: the warden ends them. Closes every descriptor but 0, 1 and 2. */
void handover_discard(void);
/* NULL is fine. */
void handover_in_free(struct handover_in *in);

/* The header of an array of `fields` elements, or of any number. */
void handover_take_array(struct handover_in *in, uint32_t fields);
uint32_t handover_take_list(struct handover_in *in);
bool handover_take_bool(struct handover_in *in);
int64_t handover_take_int(struct handover_in *in);
uint64_t handover_take_uint(struct handover_in *in);
struct slice handover_take_str(struct handover_in *in);
/* A str or bin. */
struct slice handover_take_bytes(struct handover_in *in);
/* A descriptor, close on exec and the caller's; -1: none. */
int handover_take_fd(struct handover_in *in);

#endif
