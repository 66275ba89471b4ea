#include "client/runner/command_export.h"

#define NONE UINT32_MAX

enum opcode { OP_END = 0x0b, OP_CALL = 0x10, OP_LOCAL_GET = 0x20 };

struct wrapper {
    uint32_t constructors; /* called first, or NONE */
    uint32_t target;       /* called with the parameters */
    uint32_t destructors;  /* called last, or NONE */
};

static bool find_body(const struct module *m, uint32_t function, struct wasm_reader *ret)
{
    if (function < m->imported_functions || function - m->imported_functions >= m->body_count)
        return false;
    struct wasm_reader bodies = m->bodies;
    struct wasm_reader body = bodies;
    for (uint32_t i = m->imported_functions; i <= function; i++)
        body = wasm_reader_part(&bodies);
    *ret = body;
    return !body.failed;
}

/* Read "call F" if it is next, F without parameters and results. */
static uint32_t read_plain_call(const struct module *m, struct wasm_reader *r)
{
    struct wasm_reader ahead = *r;
    if (wasm_reader_u8(&ahead) != OP_CALL)
        return NONE;
    uint32_t function = wasm_reader_u32(&ahead);
    const struct module_type *type = module_function_type(m, function);
    if (ahead.failed || !type || !module_type_is(type, ":"))
        return NONE;
    *r = ahead;
    return function;
}

static bool read_wrapper(const struct module *m, uint32_t function, struct wrapper *ret)
{
    struct wasm_reader body;
    if (!find_body(m, function, &body) || wasm_reader_u32(&body) != 0)
        return false;
    const struct module_type *type = module_function_type(m, function);
    struct wrapper w = {NONE, NONE, NONE};
    w.constructors = read_plain_call(m, &body);
    for (uint32_t i = 0; i < type->param_count; i++)
        if (wasm_reader_u8(&body) != OP_LOCAL_GET || wasm_reader_u32(&body) != i)
            return false;
    struct wasm_reader ahead = body;
    if (wasm_reader_u8(&ahead) == OP_CALL) {
        w.target = wasm_reader_u32(&ahead);
        body = ahead;
        w.destructors = read_plain_call(m, &body);
    }
    if (wasm_reader_u8(&body) != OP_END || body.failed || wasm_reader_left(&body) > 0)
        return false;
    *ret = w;
    return true;
}

/* Write `value` as LEB128 of exactly `size` bytes. */
static bool write_padded(uint8_t *at, size_t size, uint32_t value)
{
    for (size_t i = 0; i < size; i++) {
        at[i] = (uint8_t)((value & 0x7f) | (i + 1 < size ? 0x80 : 0));
        value >>= 7;
    }
    return value == 0;
}

bool command_export_unwrap(const struct module *m, const char *name, uint8_t *bytes)
{
    const struct module_export *export = module_export_find(m, name, MODULE_FUNCTION);
    struct wrapper w;
    if (!export || !module_export_find(m, "_start", MODULE_FUNCTION) ||
        !read_wrapper(m, export->index, &w))
        return false;
    const struct module_type *outer = module_function_type(m, export->index);
    const struct module_type *inner = module_function_type(m, w.target);
    /* Something must be wrapped around it, and only then is it left out. */
    if (inner != outer || outer->param_count == 0 ||
        (w.constructors == NONE && w.destructors == NONE))
        return false;
    uint8_t padded[5];
    if (export->index_size > sizeof(padded) || !write_padded(padded, export->index_size, w.target))
        return false;
    for (size_t i = 0; i < export->index_size; i++)
        bytes[export->index_at + i] = padded[i];
    return true;
}
