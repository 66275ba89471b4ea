#include "daemon/options_map.h"

static const struct option_field *options_map_find(const struct option_field *fields, size_t count,
                                                   struct slice name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equals(name, fields[i].name))
            return &fields[i];
    return NULL;
}

static int options_map_read_value(struct reader *r, const char *method,
                                  const struct option_field *field, struct error *e)
{
    if (reader_peek(r) == READER_NIL)
        return reader_nil(r);
    if (field->type == OPTION_BYTES && reader_bytes(r, field->ret))
        return error_set(e, ERR_INVALID_REQUEST, "%s: option '%s' must be a string or bytes",
                         method, field->name);
    if (field->type == OPTION_UINT && reader_uint(r, field->ret))
        return error_set(e, ERR_INVALID_REQUEST, "%s: option '%s' must be a number from 0", method,
                         field->name);
    return 0;
}

int options_map_read(struct reader *r, const char *method, const struct option_field *fields,
                     size_t count, struct error *e)
{
    uint32_t entries;
    int rc = 0;
    if (reader_peek(r) == READER_NIL)
        return reader_nil(r);
    if (reader_map(r, &entries))
        return error_set(e, ERR_INVALID_REQUEST, "%s: options must be a map", method);
    for (uint32_t i = 0; i < entries && !rc; i++) {
        const struct option_field *field;
        struct slice name;
        if (reader_str(r, &name))
            return error_set(e, ERR_INVALID_REQUEST, "%s: an option's name must be a string",
                             method);
        field = options_map_find(fields, count, name);
        if (!field)
            return error_set(e, ERR_INVALID_REQUEST, "%s: unknown option '%.*s'", method,
                             (int)(name.len > 64 ? 64 : name.len), name.data);
        rc = options_map_read_value(r, method, field, e);
    }
    return rc;
}
