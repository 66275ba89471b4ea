/* The stores that a module has open, and the connection to the daemon, made when the first one is.
 */
#ifndef BOBBIN_RUNNER_STORES_H
#define BOBBIN_RUNNER_STORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/include/bobbin.h"

struct host;

/* How many stores a module may have open, as in Spin, whatever the interface. */
#define STORES_MAX 256

/* The interface that a store was opened through: its handles are good there only. */
enum store_kind { STORE_SPIN_1, STORE_SPIN_2, STORE_WASI };

struct stores;

/* Nothing is sent yet. NULL: out of memory. */
struct stores *stores_new(void);
void stores_free(struct stores *s);

/* Open a store after asking the daemon whether this app may use it. *ret_handle is never 0. A label
 * that cannot be one is BOBBIN_NO_SUCH_STORE, a full table BOBBIN_STORE_TABLE_FULL.
 *
 * For an app process every label that its component is not granted is BOBBIN_ACCESS_DENIED, whether
 * or not there is such a store, as in Spin; the reason goes to stderr, with names. */
bobbin_status stores_open(struct stores *s, enum store_kind kind, const char *label, size_t len,
                          uint32_t *ret_handle);
/* No effect on a handle that is not open. */
void stores_close(struct stores *s, enum store_kind kind, uint32_t handle);
/* The label of an open store; NULL for a handle that is not open. */
const char *stores_label(const struct stores *s, enum store_kind kind, uint32_t handle);
/* The same; a trap for a handle that is not open. */
const char *stores_label_or_trap(struct host *h, enum store_kind kind, uint32_t handle);

/* The connection: for an app process the inherited one, otherwise one that is attached to the app
 * in $BOBBIN_APP_DIR or the current directory. On failure stores_error tells the reason. */
bobbin_status stores_connection(struct stores *s, bobbin **ret_connection);
/* The text of the last error, of this module or of the connection. */
const char *stores_error(const struct stores *s);
/* To be told how an operation ended: a connection that is of no more use is given up, and the next
 * operation makes a new one if that is possible. */
void stores_finished(struct stores *s, bobbin_status status);

#endif
