#include "pool.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"

const char *const pool_labels[POOL_LABELS] = {"default", "cache", "caf\xc3\xa9"};
const char pool_manifest[] = "spin_manifest_version = 2\n[application]\nname = \"model\"\n"
                             "[component.main]\nsource = \"none.wasm\"\n"
                             "key_value_stores = [\"default\", \"cache\", \"caf\xc3\xa9\"]\n"
                             "[component.main.tool.bobbin]\ncommand = \"/bin/true\"\n";

static const bobbin_string oddities[] = {
    {"", 0},
    {"\0", 1},
    {"\0nul", 4},
    {"a", 1},
    {"a\0b", 3},
    {"a ", 2},
    {"a/", 2},
    {"a/b", 3},
    {"a/b/c", 5},
    {"a0", 2},
    {"A", 1},
    {"%", 1},
    {"_", 1},
    {"a%", 2},
    {"a_", 2},
    {"a*", 2},
    {"'", 1},
    {"\x7f", 1},
    {"\xc2\x80", 2},
    {"\xc3\xbc", 2},
    {"\xc3\xbc/x", 4},
    {"\xe2\x82\xac", 3},
    {"\xef\xbf\xbf", 3},
    {"\xf0\x9f\x92\xbe", 4},
    {"\xf4\x8f\xbf\xbf", 4},
    {"\xf4\x8f\xbf\xbf/end", 8},
};

enum { ODDITIES = sizeof oddities / sizeof *oddities };

int pool_compare(bobbin_string a, bobbin_string b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.data, b.data, common);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool pool_begins_with(bobbin_string text, const char *prefix, size_t prefix_len)
{
    return text.len >= prefix_len && (!prefix_len || !memcmp(text.data, prefix, prefix_len));
}

static int compare(const void *a, const void *b)
{
    return pool_compare(*(const bobbin_string *)a, *(const bobbin_string *)b);
}

/* Number i of the keys, before they are sorted. */
static bobbin_string make(int i)
{
    char *data;
    if (i < ODDITIES) {
        data = calloc(1, oddities[i].len + 1);
        memcpy(data, oddities[i].data, oddities[i].len);
        return (bobbin_string){data, oddities[i].len};
    }
    data = calloc(1, LIMIT_KEY + 1);
    if (i < ODDITIES + 2) {
        memset(data, i == ODDITIES ? 'k' : 'l', LIMIT_KEY);
        return (bobbin_string){data, LIMIT_KEY};
    }
    snprintf(data, LIMIT_KEY, i % 2 ? "user/%03d" : "item-%d", i);
    return (bobbin_string){data, strlen(data)};
}

void pool_init(struct pool *p)
{
    for (int i = 0; i < POOL_KEYS; i++)
        p->keys[i] = make(i);
    qsort(p->keys, POOL_KEYS, sizeof *p->keys, compare);
    for (int i = 1; i < POOL_KEYS; i++)
        ck_assert_int_lt(pool_compare(p->keys[i - 1], p->keys[i]), 0);
}

void pool_fini(struct pool *p)
{
    for (int i = 0; i < POOL_KEYS; i++)
        free((char *)p->keys[i].data);
}

int pool_key(const struct pool *p, bobbin_string key)
{
    const bobbin_string *found = bsearch(&key, p->keys, POOL_KEYS, sizeof key, compare);
    ck_assert_ptr_nonnull(found);
    return (int)(found - p->keys);
}

int pool_label(const char *label)
{
    for (int i = 0; i < POOL_LABELS; i++) {
        if (!strcmp(pool_labels[i], label))
            return i;
    }
    ck_abort_msg("label '%s'", label);
    return -1;
}
