/* The pages of a SQLite file that SQLite itself may refuse to open, with what its WAL has on top of them.
 * Every byte is hostile: whatever a page says is checked before it is believed.
 *
 * Waits for the disk; one thread. */
#ifndef BOBBIN_DAEMON_SALVAGE_PAGES_H
#define BOBBIN_DAEMON_SALVAGE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/errors.h"

struct salvage_pages {
    int fd;             /* of the file; borrowed */
    int wal_fd;         /* of its WAL, borrowed; -1: there is none */
    uint32_t size;      /* of a page */
    uint32_t usable;    /* of it */
    uint32_t count;     /* pages 1 … count may be there */
    bool guessed;       /* the header does not tell, the usual size was taken */
    uint64_t *wal_at;   /* by page: where the WAL has it; 0: it has not */
    uint32_t wal_pages; /* taken from the WAL */
};

/* Fails only for lack of memory. */
int salvage_pages_init(struct salvage_pages *p, int fd, int wal_fd, struct error *e);
void salvage_pages_fini(struct salvage_pages *p);
/* Read page n to `ret`, which has room for p->size bytes. False: there is none, or it cannot be read. */
bool salvage_page(const struct salvage_pages *p, uint32_t n, uint8_t *ret);

/* A number of one to nine bytes at `at`, below `end`: its length; 0: it is cut off. */
unsigned salvage_varint(const uint8_t *at, const uint8_t *end, uint64_t *ret);
uint32_t salvage_u32(const uint8_t *at);
uint16_t salvage_u16(const uint8_t *at);

#endif
