/* From a message to its method: checks once what the method table says, then calls the handler. */
#ifndef BOBBIN_DAEMON_DISPATCH_H
#define BOBBIN_DAEMON_DISPATCH_H

#include "daemon/request.h"
#include "protocol/message.h"

struct conn;

/* A handler answers the request, now or later, and returns 0; or it returns an ERR_… with the
 * reason in *e, and the dispatcher answers. It reads its params from r->params. */
typedef int (*method_handler)(struct request *r, struct error *e);

/* Take one request of a connection. It is answered exactly once, perhaps before this returns. */
void dispatch(struct conn *c, const struct message *m);

/* Take the first requests of what a connection sent, as long as they are common ones, whole, and may be
 * served now. The bytes of their messages; 0: nothing was done, scanner and dispatch have to look. */
size_t kv_call(struct conn *c, const uint8_t *bytes, size_t len);

/* Handlers, by file. */
int session_hello(struct request *r, struct error *e);
int session_ping(struct request *r, struct error *e);
int session_attach(struct request *r, struct error *e);
int kv_get(struct request *r, struct error *e);
int kv_set(struct request *r, struct error *e);
int kv_delete(struct request *r, struct error *e);
int kv_exists(struct request *r, struct error *e);
int kv_ttl(struct request *r, struct error *e);
int kv_keys(struct request *r, struct error *e);
int kv_entries(struct request *r, struct error *e);
int kv_count(struct request *r, struct error *e);
int kv_get_many(struct request *r, struct error *e);
int kv_set_many(struct request *r, struct error *e);
int kv_delete_many(struct request *r, struct error *e);
int kv_increment(struct request *r, struct error *e);
int kv_swap(struct request *r, struct error *e);
int kv_atomic(struct request *r, struct error *e);
int watch_start(struct request *r, struct error *e);
int watch_stop(struct request *r, struct error *e);
int backup_start(struct request *r, struct error *e);
int restore_start(struct request *r, struct error *e);
int stats_get(struct request *r, struct error *e);
int admin_register(struct request *r, struct error *e);
int admin_unregister(struct request *r, struct error *e);
int admin_list(struct request *r, struct error *e);
int admin_status(struct request *r, struct error *e);
int admin_start(struct request *r, struct error *e);
int admin_stop(struct request *r, struct error *e);
int admin_restart(struct request *r, struct error *e);
int admin_reset(struct request *r, struct error *e);
int admin_reload(struct request *r, struct error *e);
int logs_get(struct request *r, struct error *e);
int events_get(struct request *r, struct error *e);
int trace_get(struct request *r, struct error *e);
int upgrade_start(struct request *r, struct error *e);
int config_get(struct request *r, struct error *e);

#endif
