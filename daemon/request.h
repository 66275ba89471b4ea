/* One request under way: its copy of the params, the operation it stands for, and its answer. */
#ifndef BOBBIN_DAEMON_REQUEST_H
#define BOBBIN_DAEMON_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/list.h"
#include "daemon/op.h"
#include "daemon/worker.h"
#include "protocol/message.h"
#include "protocol/methods.h"

struct app;
struct conn;

struct request {
    struct conn *conn; /* lives at least as long as the request */
    uint32_t id;
    enum method_id method;
    bool barrier; /* later requests of the connection wait until this one is finished */
    uint32_t param_count;
    struct reader params; /* at the first param not yet read, in the copy below */
    struct op op;         /* of the key/value methods */
    struct job job;       /* of the methods that need the worker */
    void *detail;         /* of those methods: what else they need; theirs to free */
    struct list link;     /* in an app's list of those who wait for it to stop */
    size_t size;          /* bytes of the copy */
    uint64_t began_ns;    /* if the app is traced */
    size_t out_at;        /* where in conn->out the answer begins */
    int status;           /* of the answer: 0 or ERR_… */
    bool pooled;          /* its memory goes back to the server's pool */
    uint8_t bytes[];      /* the copy of the params */
};

/* Memory of requests that are over, for those that come: most are small. */
struct request_pool {
    struct list free;
    unsigned count; /* of them */
};

void request_pool_init(struct request_pool *pool);
void request_pool_fini(struct request_pool *pool);

/* A request on its connection's account; the params are copied. NULL: no memory. */
struct request *request_new(struct conn *c, const struct message *m, enum method_id method);

/* Answer, exactly once; each ends the request, which is gone on return. An answer to a closed
 * connection goes nowhere. */
void request_fail(struct request *r, int code, const char *text);
/* The answer is written already. */
void request_end(struct request *r);
void request_reply_nil(struct request *r);
/* `result` is one packed value; on a buffer that failed the answer is an error. */
void request_reply_packed(struct request *r, const struct buffer *result);
/* What came of r->op: its result, or [result, commit number] where the op wants it. */
void request_reply_op(struct request *r);

#endif
