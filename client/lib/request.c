#include "request.h"

#include <string.h>

void request_begin(struct request *r, struct core *c, const char *method, uint32_t params)
{
    *r = (struct request){.core = c, .id = c->next_id++, .start = c->out.len};
    message_write_request(&c->out, r->id, method);
    pack_init(&r->packer, &c->out);
    msgpack_pack_array(&r->packer, params);
}

/* Whether that many bytes may go in; counts them if not. */
static bool has_room(struct request *r, size_t len)
{
    if (len <= LIMIT_MESSAGE && request_size(r) + len <= LIMIT_MESSAGE)
        return true;
    if (__builtin_add_overflow(r->left_out, len, &r->left_out) || r->left_out > SIZE_MAX / 2)
        r->left_out = SIZE_MAX / 2;
    return false;
}

/* The small values ask for one byte: they may go beyond the limit by their own size, once. */

void request_map(struct request *r, uint32_t count)
{
    if (has_room(r, 1))
        msgpack_pack_map(&r->packer, count);
}

void request_array(struct request *r, uint32_t count)
{
    if (has_room(r, 1))
        msgpack_pack_array(&r->packer, count);
}

void request_nil(struct request *r)
{
    if (has_room(r, 1))
        msgpack_pack_nil(&r->packer);
}

void request_bool(struct request *r, bool flag)
{
    if (!has_room(r, 1))
        return;
    if (flag)
        msgpack_pack_true(&r->packer);
    else
        msgpack_pack_false(&r->packer);
}

void request_int(struct request *r, int64_t number)
{
    if (has_room(r, 1))
        msgpack_pack_int64(&r->packer, number);
}

void request_uint(struct request *r, uint64_t number)
{
    if (has_room(r, 1))
        msgpack_pack_uint64(&r->packer, number);
}

void request_cstr(struct request *r, const char *text)
{
    request_str(r, text, strlen(text));
}

void request_str(struct request *r, const void *bytes, size_t len)
{
    if (has_room(r, len))
        pack_slice_str(&r->packer, (struct slice){bytes, len});
}

void request_bin(struct request *r, const void *bytes, size_t len)
{
    if (has_room(r, len))
        pack_slice_bin(&r->packer, (struct slice){bytes, len});
}

size_t request_size(const struct request *r)
{
    return r->core->out.len - r->start + r->left_out;
}

void request_drop(struct request *r)
{
    r->core->out.len = r->start;
    r->core->out.failed = false;
}
