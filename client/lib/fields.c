#include "fields.h"

#include <string.h>

struct fields fields_begin(struct reader *r, struct zone *zone, const char *what, struct failure *f)
{
    struct fields fs = {.r = r, .zone = zone, .f = f, .what = what};
    f->status = BOBBIN_OK;
    if (reader_map(r, &fs.left) != 0)
        failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: %s is not a map", what);
    return fs;
}

bool fields_next(struct fields *fs)
{
    if (fs->f->status != BOBBIN_OK || fs->left == 0)
        return false;
    fs->left--;
    if (reader_str(fs->r, &fs->key) != 0) {
        failure_set(fs->f, BOBBIN_BAD_RESPONSE,
                    "the daemon's answer is wrong: a key of %s is not a string", fs->what);
        return false;
    }
    return true;
}

bool fields_is(const struct fields *fs, const char *key)
{
    return slice_equals(fs->key, key);
}

void fields_fail(struct fields *fs, const char *is)
{
    failure_set(fs->f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: %.*s of %s %s",
                fs->key.len < 64 ? (int)fs->key.len : 64, fs->key.data, fs->what, is);
}

/* A str that a C string can hold. */
static bool read_text(struct reader *r, struct slice *ret)
{
    return reader_str(r, ret) == 0 && (ret->len == 0 || memchr(ret->data, '\0', ret->len) == NULL);
}

const char *read_string(struct reader *r, struct zone *zone, const char *what, struct failure *f)
{
    struct slice s;
    if (!read_text(r, &s)) {
        failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: %s is not a string",
                    what);
        return NULL;
    }
    char *copy = zone_copy(zone, s);
    if (copy == NULL)
        failure_no_memory(f);
    return copy;
}

void fields_string(struct fields *fs, const char **ret)
{
    struct slice s;
    if (!read_text(fs->r, &s)) {
        fields_fail(fs, "is not a string");
        return;
    }
    const char *copy = zone_copy(fs->zone, s);
    if (copy == NULL)
        failure_no_memory(fs->f);
    else
        *ret = copy;
}

void fields_string_or_nil(struct fields *fs, const char **ret)
{
    if (reader_nil(fs->r) == 0)
        *ret = NULL;
    else
        fields_string(fs, ret);
}

void fields_int(struct fields *fs, int64_t min, int64_t max, int64_t *ret)
{
    int64_t n;
    if (reader_int(fs->r, &n) != 0)
        fields_fail(fs, "is not an integer");
    else if (n < min || n > max)
        fields_fail(fs, "is out of range");
    else
        *ret = n;
}

void fields_int_or_nil(struct fields *fs, int64_t min, int64_t max, int64_t nil, int64_t *ret)
{
    if (reader_nil(fs->r) == 0)
        *ret = nil;
    else
        fields_int(fs, min, max, ret);
}

bool fields_array(struct fields *fs, uint32_t *ret_count)
{
    if (reader_array(fs->r, ret_count) == 0)
        return true;
    fields_fail(fs, "is not an array");
    return false;
}

void fields_skip(struct fields *fs)
{
    if (reader_skip(fs->r) != 0)
        fields_fail(fs, "is cut off");
}

void fields_require(struct fields *fs, const void *value, const char *name)
{
    if (fs->f->status == BOBBIN_OK && value == NULL)
        failure_set(fs->f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: %s has no %s",
                    fs->what, name);
}
