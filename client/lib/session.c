#include "session.h"

#include "fields.h"
#include "protocol/limits.h"

/* The labels, NULL-terminated; what is wrong goes to fs->f. */
static void read_stores(struct fields *fs, const char ***ret)
{
    uint32_t count;
    if (!fields_array(fs, &count))
        return;
    const char **stores = zone_alloc(fs->zone, (size_t)count + 1, sizeof(*stores));
    if (stores == NULL) {
        failure_no_memory(fs->f);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        stores[i] = read_string(fs->r, fs->zone, "a label in stores", fs->f);
        if (stores[i] == NULL)
            return;
    }
    *ret = stores;
}

/* A number for each name; what is no number is for those who know it. */
static void read_limits(struct fields *fs, struct session *s)
{
    struct fields each = fields_begin(fs->r, fs->zone, "limits", fs->f);
    struct session_limit *limits = zone_alloc(fs->zone, each.left, sizeof(*limits));
    size_t count = 0;
    if (limits == NULL) {
        failure_no_memory(fs->f);
        return;
    }
    while (fields_next(&each)) {
        uint64_t value;
        if (reader_uint(each.r, &value) != 0) {
            fields_skip(&each);
            continue;
        }
        limits[count] = (struct session_limit){zone_copy(fs->zone, each.key), value};
        if (limits[count++].name == NULL)
            failure_no_memory(fs->f);
    }
    s->limits = limits;
    s->limit_count = count;
}

static void read_field(struct fields *fs, struct session *s, int64_t *protocol)
{
    if (fields_is(fs, "version"))
        fields_string(fs, &s->version);
    else if (fields_is(fs, "protocol"))
        fields_int(fs, 0, INT64_MAX, protocol);
    else if (fields_is(fs, "app"))
        fields_string_or_nil(fs, &s->app);
    else if (fields_is(fs, "component"))
        fields_string_or_nil(fs, &s->component);
    else if (fields_is(fs, "stores"))
        read_stores(fs, &s->stores);
    else if (fields_is(fs, "limits"))
        read_limits(fs, s);
    else
        fields_skip(fs);
}

bobbin_status session_read(struct reader *r, struct session *ret, struct failure *f)
{
    struct session s = {0};
    int64_t protocol = -1;

    struct fields fs = fields_begin(r, &s.zone, "session", f);
    while (fields_next(&fs))
        read_field(&fs, &s, &protocol);
    fields_require(&fs, s.version, "version");
    fields_require(&fs, s.stores, "stores");
    fields_require(&fs, protocol < 0 ? NULL : &protocol, "protocol");
    if (f->status == BOBBIN_OK && protocol != PROTOCOL_VERSION)
        failure_set(f, BOBBIN_BAD_RESPONSE,
                    "the daemon speaks version %lld of the protocol, this library version %d",
                    (long long)protocol, PROTOCOL_VERSION);
    if (f->status != BOBBIN_OK) {
        zone_fini(&s.zone);
        return f->status;
    }
    session_fini(ret);
    *ret = s;
    return BOBBIN_OK;
}

void session_fini(struct session *s)
{
    zone_fini(&s->zone);
    *s = (struct session){0};
}
