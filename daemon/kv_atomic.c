/* The method atomic: checks, then operations, all or none. What each check and operation may look
 * like is settled here; the store reads them again and trusts them. */
#include "daemon/dispatch.h"
#include "daemon/kv_params.h"
#include "daemon/options_map.h"
#include "protocol/limits.h"

/* {"since": commit} */
static int kv_check_since(struct request *r, uint32_t position, struct error *e)
{
    struct slice name;
    uint64_t since;
    uint32_t count;
    if (reader_map(&r->params, &count) || count != 1 || reader_str(&r->params, &name) ||
        !slice_equals(name, "since") || reader_uint(&r->params, &since))
        return error_set(e, ERR_INVALID_REQUEST,
                         "atomic: check %u: a map must be {\"since\": commit number}", position);
    return 0;
}

/* [key, value], [key, nil] or [key, {"since": commit}] */
static int kv_check_check(struct request *r, uint32_t position, struct error *e)
{
    struct kv_place place = kv_place("check", position, "key");
    struct slice key, value;
    uint32_t count;
    int rc;
    if (reader_array(&r->params, &count) || count != 2)
        return error_set(e, ERR_INVALID_REQUEST,
                         "atomic: check %u: must be [key, value, nil or {since}]", position);
    rc = kv_read_key(r, &r->params, place.text, &key, e);
    if (rc)
        return rc;
    if (reader_peek(&r->params) == READER_MAP)
        return kv_check_since(r, position, e);
    place = kv_place("check", position, "value");
    return kv_read_expected(r, &r->params, place.text, &value, e);
}

static int kv_check_set(struct request *r, uint32_t position, bool has_options, struct error *e)
{
    struct kv_place place = kv_place("operation", position, "key");
    int64_t ttl_ms;
    const struct option_field fields[] = {{"ttl_ms", OPTION_INT, &ttl_ms, 1, LIMIT_TTL_MS}};
    struct slice key, value;
    int rc = kv_read_written_key(r, &r->params, place.text, &key, e);
    if (rc)
        return rc;
    place = kv_place("operation", position, "value");
    rc = kv_read_value(r, &r->params, place.text, &value, e);
    if (rc || !has_options)
        return rc;
    place = kv_place("atomic: operation", position, "set");
    return options_map_read(&r->params, place.text, fields, 1, e);
}

static int kv_check_delete(struct request *r, uint32_t position, struct error *e)
{
    struct kv_place place = kv_place("operation", position, "key");
    struct slice key;
    return kv_read_key(r, &r->params, place.text, &key, e);
}

static int kv_check_increment(struct request *r, uint32_t position, struct error *e)
{
    struct kv_place place = kv_place("operation", position, "key");
    struct slice key;
    int64_t delta;
    int rc = kv_read_written_key(r, &r->params, place.text, &key, e);
    if (rc)
        return rc;
    place = kv_place("operation", position, "delta");
    return kv_read_delta(r, &r->params, place.text, &delta, e);
}

/* ["set", key, value, {ttl_ms}?], ["delete", key] or ["increment", key, delta] */
static int kv_check_operation(struct request *r, uint32_t position, struct error *e)
{
    struct slice verb;
    uint32_t count;
    if (reader_array(&r->params, &count) || count < 1 || reader_str(&r->params, &verb))
        return error_set(e, ERR_INVALID_REQUEST,
                         "atomic: operation %u: must be an array that begins with its name",
                         position);
    if (slice_equals(verb, "set") && (count == 3 || count == 4))
        return kv_check_set(r, position, count == 4, e);
    if (slice_equals(verb, "delete") && count == 2)
        return kv_check_delete(r, position, e);
    if (slice_equals(verb, "increment") && count == 3)
        return kv_check_increment(r, position, e);
    return error_set(e, ERR_INVALID_REQUEST,
                     "atomic: operation %u: must be [\"set\", key, value, {ttl_ms}?], "
                     "[\"delete\", key] or [\"increment\", key, delta]",
                     position);
}

static int kv_read_checks(struct request *r, struct error *e)
{
    int rc = kv_read_array(r, &r->params, "checks", LIMIT_ATOMIC, &r->op.check_count, e);
    r->op.checks = r->params;
    for (uint32_t i = 0; i < r->op.check_count && !rc; i++)
        rc = kv_check_check(r, i, e);
    return rc;
}

static int kv_read_operations(struct request *r, struct error *e)
{
    int rc = kv_read_array(r, &r->params, "operations", LIMIT_ATOMIC, &r->op.item_count, e);
    r->op.items = r->params;
    for (uint32_t i = 0; i < r->op.item_count && !rc; i++)
        rc = kv_check_operation(r, i, e);
    return rc;
}

int kv_atomic(struct request *r, struct error *e)
{
    int rc = kv_begin(r, OP_ATOMIC, e);
    if (!rc)
        rc = kv_read_checks(r, e);
    if (!rc)
        rc = kv_read_operations(r, e);
    if (!rc)
        rc = kv_read_commit(r, 3, e);
    return rc ? rc : kv_submit(r);
}
