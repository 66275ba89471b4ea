#include "daemon/file_request.h"

#include <string.h>
#include <sys/socket.h>

#include "daemon/conn.h"
#include "daemon/dispatch.h"

/* How much of a long path is shown in errors. */
#define SHOWN_LEN 350

int file_request_path(struct request *r, const char *what, char **ret, struct error *e)
{
    const char *method = method_table[r->method].name;
    struct slice path;
    if (reader_str(&r->params, &path))
        return error_set(e, ERR_INVALID_REQUEST, "%s: %s must be a string", method, what);
    if (!path.len || path.data[0] != '/' || memchr(path.data, '\0', path.len))
        return error_set(e, ERR_INVALID_REQUEST, "%s: %s '%.*s' is not an absolute path", method,
                         what, (int)(path.len > SHOWN_LEN ? SHOWN_LEN : path.len), path.data);
    *ret = strndup(path.data, path.len);
    return *ret ? 0 : error_set(e, ERR_OTHER, "out of memory");
}

int file_request_peer(const struct request *r, uid_t *ret_uid, gid_t *ret_gid, struct error *e)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    uv_os_fd_t fd;
    if (uv_fileno((uv_handle_t *)&r->conn->pipe, &fd) ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
        return error_set(e, ERR_OTHER, "%s: the kernel does not say who asks",
                         method_table[r->method].name);
    *ret_uid = peer.uid;
    *ret_gid = peer.gid;
    return 0;
}

void file_request_reply(struct request *r, uint64_t bytes, uint64_t pages, uint64_t commit)
{
    struct buffer result;
    msgpack_packer pk;
    buffer_init(&result);
    pack_init(&pk, &result);
    msgpack_pack_map(&pk, 3);
    pack_cstr(&pk, "bytes");
    msgpack_pack_uint64(&pk, bytes);
    pack_cstr(&pk, "pages");
    msgpack_pack_uint64(&pk, pages);
    pack_cstr(&pk, "commit");
    msgpack_pack_uint64(&pk, commit);
    request_reply_packed(r, &result);
    buffer_fini(&result);
}
