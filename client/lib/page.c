#include "page.h"

#include <stddef.h>
#include <stdlib.h>

#include "zone.h"

/* Each as its owner sees it, in front of the memory that it lives in. */
struct key_page {
    bobbin_key_page page;
    struct zone zone;
};

struct entry_page {
    bobbin_entry_page page;
    struct zone zone;
};

struct values {
    bobbin_values values;
    struct zone zone;
};

#define CONTAINER(type, member, p)                                                                 \
    ((struct type *)(void *)((char *)(p)-offsetof(struct type, member)))

static bobbin_status page_wrong(struct failure *f, const char *what)
{
    return failure_set(f, BOBBIN_BAD_RESPONSE, "the daemon's answer is wrong: %s", what);
}

static bobbin_status keep(struct zone *zone, struct slice s, bobbin_string *ret, struct failure *f)
{
    *ret = (bobbin_string){zone_copy(zone, s), s.len};
    return ret->data != NULL ? BOBBIN_OK : failure_no_memory(f);
}

static bobbin_status read_key(struct reader *r, struct zone *zone, bobbin_string *ret,
                              struct failure *f)
{
    struct slice s;
    if (reader_str(r, &s) != 0)
        return page_wrong(f, "a key is not a string");
    return keep(zone, s, ret, f);
}

static bobbin_status read_value(struct reader *r, struct zone *zone, bobbin_string *ret,
                                struct failure *f)
{
    struct slice s;
    if (reader_peek(r) != READER_BIN || reader_bytes(r, &s) != 0)
        return page_wrong(f, "a value is not binary");
    return keep(zone, s, ret, f);
}

/* The header of a page's array of elements, and memory for them. Each takes at least `wire` bytes
 * of the answer: a count that could not be true is refused before memory is allocated by it. */
static bobbin_status read_elements(struct reader *r, struct zone *zone, size_t wire, size_t size,
                                   void **ret, uint32_t *ret_count, struct failure *f)
{
    uint32_t count;
    if (reader_array(r, &count) != 0 || count != 2)
        return page_wrong(f, "the page is not an array of two");
    if (reader_array(r, &count) != 0 || count > (size_t)(r->end - r->pos) / wire)
        return page_wrong(f, "the elements of the page are not an array");
    void *elements = zone_alloc(zone, count, size);
    if (elements == NULL)
        return failure_no_memory(f);
    *ret = elements;
    *ret_count = count;
    return BOBBIN_OK;
}

/* Behind the elements; NULL stays where there is none. */
static bobbin_status read_cursor(struct reader *r, struct zone *zone, bobbin_string *ret,
                                 struct failure *f)
{
    struct slice s;
    if (reader_nil(r) == 0)
        return BOBBIN_OK;
    if (reader_peek(r) != READER_BIN || reader_bytes(r, &s) != 0)
        return page_wrong(f, "the cursor is neither nil nor binary");
    return keep(zone, s, ret, f);
}

static bobbin_status fill_keys(struct reader *r, struct key_page *p, struct failure *f)
{
    void *elements = NULL;
    uint32_t count = 0;
    bobbin_status status =
        read_elements(r, &p->zone, 1, sizeof(bobbin_string), &elements, &count, f);
    if (status != BOBBIN_OK)
        return status;
    bobbin_string *keys = elements;
    for (uint32_t i = 0; i < count && status == BOBBIN_OK; i++)
        status = read_key(r, &p->zone, &keys[i], f);
    if (status == BOBBIN_OK)
        status = read_cursor(r, &p->zone, &p->page.cursor, f);
    p->page.keys = keys;
    p->page.count = count;
    p->page.more = p->page.cursor.data != NULL;
    return status;
}

bobbin_status page_read_keys(struct reader *r, bobbin_key_page **ret, struct failure *f)
{
    struct key_page *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return failure_no_memory(f);
    bobbin_status status = fill_keys(r, p, f);
    if (status == BOBBIN_OK)
        *ret = &p->page;
    else
        bobbin_key_page_free(&p->page);
    return status;
}

void bobbin_key_page_free(bobbin_key_page *page)
{
    if (page == NULL)
        return;
    struct key_page *p = CONTAINER(key_page, page, page);
    zone_fini(&p->zone);
    free(p);
}

/* ret_ttl_ms NULL: a key and a value; else behind them what the entry has left to live. */
static bobbin_status read_entry(struct reader *r, struct zone *zone, bobbin_entry *ret,
                                int64_t *ret_ttl_ms, struct failure *f)
{
    uint32_t count;
    if (reader_array(r, &count) != 0 || count != (ret_ttl_ms != NULL ? 3 : 2))
        return page_wrong(f, "an entry is not a key and a value");
    bobbin_status status = read_key(r, zone, &ret->key, f);
    if (status == BOBBIN_OK)
        status = read_value(r, zone, &ret->value, f);
    if (status == BOBBIN_OK && ret_ttl_ms != NULL &&
        (reader_int(r, ret_ttl_ms) != 0 || *ret_ttl_ms < -1))
        return page_wrong(f, "the time to live of an entry is none");
    return status;
}

static bobbin_status fill_entries(struct reader *r, struct entry_page *p, bool ttl,
                                  struct failure *f)
{
    void *elements = NULL;
    int64_t *ttl_ms = NULL;
    uint32_t count = 0;
    bobbin_status status = read_elements(r, &p->zone, sizeof("\x92\xa0\xc4") /* and a length */,
                                         sizeof(bobbin_entry), &elements, &count, f);
    if (status != BOBBIN_OK)
        return status;
    bobbin_entry *entries = elements;
    if (ttl && (ttl_ms = zone_alloc(&p->zone, count, sizeof(*ttl_ms))) == NULL)
        return failure_no_memory(f);
    for (uint32_t i = 0; i < count && status == BOBBIN_OK; i++)
        status = read_entry(r, &p->zone, &entries[i], ttl ? &ttl_ms[i] : NULL, f);
    if (status == BOBBIN_OK)
        status = read_cursor(r, &p->zone, &p->page.cursor, f);
    p->page.entries = entries;
    p->page.ttl_ms = ttl_ms;
    p->page.count = count;
    p->page.more = p->page.cursor.data != NULL;
    return status;
}

bobbin_status page_read_entries(struct reader *r, bool ttl, bobbin_entry_page **ret,
                                struct failure *f)
{
    struct entry_page *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return failure_no_memory(f);
    bobbin_status status = fill_entries(r, p, ttl, f);
    if (status == BOBBIN_OK)
        *ret = &p->page;
    else
        bobbin_entry_page_free(&p->page);
    return status;
}

void bobbin_entry_page_free(bobbin_entry_page *page)
{
    if (page == NULL)
        return;
    struct entry_page *p = CONTAINER(entry_page, page, page);
    zone_fini(&p->zone);
    free(p);
}

static bobbin_status fill_values(struct reader *r, size_t count, struct values *v,
                                 struct failure *f)
{
    uint32_t found;
    if (reader_array(r, &found) != 0 || found != count)
        return page_wrong(f, "there is not one value for each key");
    bobbin_string *values = zone_alloc(&v->zone, count, sizeof(*values));
    if (values == NULL)
        return failure_no_memory(f);
    bobbin_status status = BOBBIN_OK;
    for (size_t i = 0; i < count && status == BOBBIN_OK; i++)
        if (reader_nil(r) != 0)
            status = read_value(r, &v->zone, &values[i], f);
    v->values = (bobbin_values){count, values};
    return status;
}

bobbin_status page_read_values(struct reader *r, size_t count, bobbin_values **ret,
                               struct failure *f)
{
    struct values *v = calloc(1, sizeof(*v));
    if (v == NULL)
        return failure_no_memory(f);
    bobbin_status status = fill_values(r, count, v, f);
    if (status == BOBBIN_OK)
        *ret = &v->values;
    else
        bobbin_values_free(&v->values);
    return status;
}

void bobbin_values_free(bobbin_values *values)
{
    if (values == NULL)
        return;
    struct values *v = CONTAINER(values, values, values);
    zone_fini(&v->zone);
    free(v);
}
