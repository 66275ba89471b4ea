#include "daemon/options_map.h"

#include <assert.h>
#include <inttypes.h>

static const struct option_field *options_map_find(const struct option_field *fields, size_t count,
                                                   struct slice name)
{
    for (size_t i = 0; i < count; i++)
        if (slice_equals(name, fields[i].name))
            return &fields[i];
    return NULL;
}

static int options_map_read_int(struct reader *r, const char *method,
                                const struct option_field *field, struct error *e)
{
    int64_t number;
    if (reader_int(r, &number) || number < field->min || number > field->max)
        return error_set(e, ERR_INVALID_REQUEST,
                         "%s: option '%s' must be an integer from %" PRId64 " to %" PRId64, method,
                         field->name, field->min, field->max);
    *(int64_t *)field->ret = number;
    return 0;
}

static int options_map_read_array(struct reader *r, const struct option_field *field)
{
    struct reader at = *r;
    if (reader_peek(r) != READER_ARRAY || reader_skip(r))
        return ERR_INVALID_REQUEST;
    *(struct reader *)field->ret = at;
    return 0;
}

static int options_map_read_value(struct reader *r, const char *method,
                                  const struct option_field *field, struct error *e)
{
    const char *expected = NULL;
    if (reader_peek(r) == READER_NIL)
        return reader_nil(r);
    switch (field->type) {
    case OPTION_BYTES:
        expected = reader_bytes(r, field->ret) ? "a string or bytes" : NULL;
        break;
    case OPTION_UINT:
        expected = reader_uint(r, field->ret) ? "a number from 0" : NULL;
        break;
    case OPTION_INT:
        return options_map_read_int(r, method, field, e);
    case OPTION_BOOL:
        expected = reader_bool(r, field->ret) ? "true or false" : NULL;
        break;
    case OPTION_ARRAY:
        expected = options_map_read_array(r, field) ? "an array" : NULL;
        break;
    }
    if (expected)
        return error_set(e, ERR_INVALID_REQUEST, "%s: option '%s' must be %s", method, field->name,
                         expected);
    return 0;
}

/* One name and its value. `seen` has a bit for each field that was there before. */
static int options_map_read_one(struct reader *r, const char *method,
                                const struct option_field *fields, size_t count, uint32_t *seen,
                                struct error *e)
{
    const struct option_field *field;
    struct slice name;
    uint32_t bit;
    if (reader_str(r, &name))
        return error_set(e, ERR_INVALID_REQUEST, "%s: an option's name must be a string", method);
    field = options_map_find(fields, count, name);
    if (!field)
        return error_set(e, ERR_INVALID_REQUEST, "%s: unknown option '%.*s'", method,
                         (int)(name.len > 64 ? 64 : name.len), name.data);
    bit = UINT32_C(1) << (field - fields);
    if (*seen & bit)
        return error_set(e, ERR_INVALID_REQUEST, "%s: option '%s' is there twice", method,
                         field->name);
    *seen |= bit;
    return options_map_read_value(r, method, field, e);
}

int options_map_read(struct reader *r, const char *method, const struct option_field *fields,
                     size_t count, struct error *e)
{
    uint32_t entries, seen = 0;
    int rc = 0;
    assert(count <= OPTIONS_MAP_MAX);
    if (reader_peek(r) == READER_NIL)
        return reader_nil(r);
    if (reader_map(r, &entries))
        return error_set(e, ERR_INVALID_REQUEST, "%s: options must be a map", method);
    for (uint32_t i = 0; i < entries && !rc; i++)
        rc = options_map_read_one(r, method, fields, count, &seen, e);
    return rc;
}
