/* What the methods share that are about a file which the caller names. */
#ifndef BOBBIN_DAEMON_FILE_REQUEST_H
#define BOBBIN_DAEMON_FILE_REQUEST_H

#include <sys/types.h>

#include "daemon/request.h"
#include "protocol/errors.h"

/* Take the next param, an absolute path, copied to memory of its own; `what` is what it is, for
 * errors. */
int file_request_path(struct request *r, const char *what, char **ret, struct error *e);
/* On whose behalf: whoever is at the other end, by the kernel's word. */
int file_request_peer(const struct request *r, uid_t *ret_uid, gid_t *ret_gid, struct error *e);
/* Answer {bytes, pages, commit}. */
void file_request_reply(struct request *r, uint64_t bytes, uint64_t pages, uint64_t commit);

#endif
