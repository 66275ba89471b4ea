#include "tests/unit/test_runner_fake_guest.h"

#include <stdlib.h>
#include <string.h>

struct fake_guest fake_guest;

static uint8_t *fake_memory(uint64_t *ret_size)
{
    *ret_size = fake_guest.size;
    return fake_guest.memory;
}

static uint32_t fake_realloc(uint32_t old, uint32_t old_size, uint32_t align, uint32_t new_size)
{
    (void)old, (void)old_size, (void)align;
    if (fake_guest.size == FAKE_MEMORY) {
        uint8_t *grown = calloc(1, FAKE_MEMORY_GROWN);
        memcpy(grown, fake_guest.memory, FAKE_MEMORY);
        free(fake_guest.memory);
        fake_guest.memory = grown;
        fake_guest.size = FAKE_MEMORY_GROWN;
    }
    uint32_t at = fake_guest.next;
    fake_guest.allocated++;
    fake_guest.next += (new_size + 7) & ~7u;
    return at;
}

void fake_guest_init(struct host *h)
{
    fake_guest = (struct fake_guest){
        .guest = {.memory = fake_memory, .realloc = fake_realloc},
        .memory = calloc(1, FAKE_MEMORY),
        .size = FAKE_MEMORY,
        .next = FAKE_MEMORY,
    };
    static const char *const args[] = {"program", "argument", NULL};
    static const char *const env[] = {"NAME=value", NULL};
    *h = (struct host){.name = "fake", .guest = &fake_guest.guest, .args = args, .env = env};
    fake_guest.fds = wasi_fds_new();
    h->fds = fake_guest.fds;
}

void fake_guest_fini(void)
{
    free(fake_guest.memory);
    wasi_fds_free(fake_guest.fds);
}
