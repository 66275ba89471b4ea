/* A module that is no module: a block of memory and a realloc, for tests of what the runner writes
 * there. One at a time. */
#ifndef BOBBIN_TESTS_FAKE_GUEST_H
#define BOBBIN_TESTS_FAKE_GUEST_H

#include "client/runner/host.h"
#include "client/runner/wasi_fds.h"

/* How much memory there is before and after the first call of realloc, which moves it as well. */
#define FAKE_MEMORY 4096u
#define FAKE_MEMORY_GROWN 8192u

struct fake_guest {
    struct guest guest;
    uint8_t *memory;
    uint64_t size;
    uint32_t next; /* what realloc hands out next; tests set it to what is wrong */
    struct wasi_fds *fds;
    unsigned allocated; /* calls of realloc */
};

/* The only one. */
extern struct fake_guest fake_guest;

void fake_guest_init(struct host *h);
void fake_guest_fini(void);

#endif
