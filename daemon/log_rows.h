/* How large the commits are that the log of changes knows, oldest first. A queue in one piece of
 * memory, which stays within a quarter of what it holds however many go through it.
 * Threads: none of its own; the store's. */
#ifndef BOBBIN_LOG_ROWS_H
#define BOBBIN_LOG_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log_row {
    uint64_t n; /* the commit */
    uint32_t changes;
    uint32_t bytes; /* of the row in the database */
};

/* All zero: empty. */
struct log_rows {
    struct log_row *list;
    size_t first, count, cap; /* list[first … first + count) */
    uint64_t changes, bytes;  /* sums over them */
};

/* Add the newest commit. False: no memory, and nothing has changed. */
bool log_rows_push(struct log_rows *rows, struct log_row row);

/* Forget the oldest commits until the rest has at most so many changes and bytes.
 * Returns the last commit forgotten, 0: none. */
uint64_t log_rows_trim(struct log_rows *rows, uint64_t changes, uint64_t bytes);

void log_rows_fini(struct log_rows *rows);

#endif
