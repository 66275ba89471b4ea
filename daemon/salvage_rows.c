#include "daemon/salvage_rows.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"

/* A B-tree is never deeper. */
#define DEPTH_MOST 24
/* A row that is longer than any that SQLite takes is none. */
#define PAYLOAD_MOST (UINT64_C(1) << 30)

enum page_kind {
    PAGE_INDEX_INTERIOR = 2,
    PAGE_TABLE_INTERIOR = 5,
    PAGE_INDEX_LEAF = 10,
    PAGE_TABLE_LEAF = 13,
};

struct page {
    const uint8_t *bytes;
    const uint8_t *end;    /* of what is usable */
    const uint8_t *header; /* of the B-tree's page */
    enum page_kind kind;
    unsigned cells;
    bool orphan;
};

int salvage_rows_init(struct salvage_rows *r, const struct salvage_pages *pages, struct error *e)
{
    *r = (struct salvage_rows){.pages = pages};
    buffer_init(&r->payload);
    r->seen = calloc((size_t)pages->count + 1, 1);
    r->overflow = malloc(pages->size);
    if (r->seen && r->overflow)
        return 0;
    salvage_rows_fini(r);
    return error_set(e, ERR_OTHER, "out of memory");
}

void salvage_rows_fini(struct salvage_rows *r)
{
    free(r->seen);
    free(r->overflow);
    buffer_fini(&r->payload);
}

static bool is_interior(enum page_kind kind)
{
    return kind == PAGE_INDEX_INTERIOR || kind == PAGE_TABLE_INTERIOR;
}

static size_t cells_at(const struct page *page)
{
    return is_interior(page->kind) ? 12 : 8;
}

/* False: these bytes are no page of a B-tree. */
static bool look_at(const struct salvage_rows *r, uint32_t n, const uint8_t *bytes,
                    struct page *ret)
{
    const uint8_t *header = bytes + (n == 1 ? 100 : 0);

    *ret = (struct page){.bytes = bytes,
                         .end = bytes + r->pages->usable,
                         .header = header,
                         .kind = header[0],
                         .cells = salvage_u16(header + 3)};
    if (ret->kind != PAGE_INDEX_INTERIOR && ret->kind != PAGE_TABLE_INTERIOR &&
        ret->kind != PAGE_INDEX_LEAF && ret->kind != PAGE_TABLE_LEAF)
        return false;
    return header + cells_at(ret) + 2 * (size_t)ret->cells <= ret->end;
}

/* NULL: it points out of the page. */
static const uint8_t *cell(const struct page *page, unsigned i)
{
    const uint8_t *first = page->header + cells_at(page);
    const uint8_t *at = page->bytes + salvage_u16(first + 2 * i);

    return at >= first + 2 * (size_t)page->cells && at + 4 <= page->end ? at : NULL;
}

/* How much of a payload is in the cell itself. */
static size_t local_length(const struct salvage_rows *r, const struct page *page, uint64_t len)
{
    uint64_t usable = r->pages->usable;
    uint64_t most =
        page->kind == PAGE_TABLE_LEAF ? usable - 35 : (usable - 12) * 64 / 255 - 23;
    uint64_t least = (usable - 12) * 32 / 255 - 23;
    uint64_t part;

    if (len <= most)
        return (size_t)len;
    part = least + (len - least) % (usable - 4);
    return (size_t)(part <= most ? part : least);
}

/* The rest of a payload, along its chain of pages. False: a part is missing. */
static bool take_overflow(struct salvage_rows *r, uint32_t n, uint64_t left)
{
    while (left > 0) {
        uint64_t part = r->pages->usable - 4;
        if (n < 1 || n > r->pages->count || r->seen[n] || !salvage_page(r->pages, n, r->overflow))
            return false;
        r->seen[n] = true;
        part = part < left ? part : left;
        if (buffer_append(&r->payload, r->overflow + 4, (size_t)part) != 0)
            return false;
        left -= part;
        n = salvage_u32(r->overflow);
    }
    return n == 0;
}

/* A cell's payload into r->payload. */
static bool take_payload(struct salvage_rows *r, const struct page *page, const uint8_t *at,
                         uint64_t *ret_rowid)
{
    uint64_t len;
    unsigned used;

    *ret_rowid = 0;
    if (is_interior(page->kind))
        at += 4;
    if (!(used = salvage_varint(at, page->end, &len)))
        return false;
    at += used;
    if (page->kind == PAGE_TABLE_LEAF) {
        if (!(used = salvage_varint(at, page->end, ret_rowid)))
            return false;
        at += used;
    }
    if (len < 2 || len > PAYLOAD_MOST || (len - 1) / r->pages->usable > r->pages->count)
        return false;
    size_t local = local_length(r, page, len);
    bool more = local < len;
    if ((size_t)(page->end - at) < local + (more ? 4 : 0))
        return false;
    buffer_clear(&r->payload);
    if (buffer_append(&r->payload, at, local) != 0)
        return false;
    return !more || take_overflow(r, salvage_u32(at + local), len - local);
}

static int64_t integer(const uint8_t *at, unsigned len)
{
    uint64_t n = len && at[0] & 0x80 ? UINT64_MAX : 0;

    while (len--)
        n = n << 8 | *at++;
    return (int64_t)n;
}

/* One column by its serial type. False: it does not fit. */
static bool take_value(const uint8_t **at, const uint8_t *end, uint64_t type,
                       struct salvage_value *ret)
{
    static const uint8_t lengths[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
    uint64_t len = type >= 12 ? (type - 12) / 2 : type < 10 ? lengths[type] : 0;

    if (type == 10 || type == 11 || (uint64_t)(end - *at) < len)
        return false;
    *ret = (struct salvage_value){.bytes = {(const char *)*at, (size_t)len}};
    if (type >= 12)
        ret->type = type & 1 ? SALVAGE_TEXT : SALVAGE_BLOB;
    else if (type == 7)
        ret->type = SALVAGE_REAL;
    else if (type)
        ret->type = SALVAGE_INTEGER;
    ret->number = type == 8 || type == 9 ? (int64_t)type - 8
                  : type >= 1 && type <= 6 ? integer(*at, (unsigned)len)
                                           : 0;
    *at += len;
    return true;
}

static bool take_row(const struct salvage_rows *r, struct salvage_row *row)
{
    const uint8_t *at = r->payload.data, *end = at + r->payload.len, *value;
    uint64_t header;
    unsigned used = salvage_varint(at, end, &header);

    if (!used || header < used || header > r->payload.len)
        return false;
    value = at + header;
    for (at += used; at < r->payload.data + header; row->columns++) {
        struct salvage_value skipped;
        uint64_t type;
        used = salvage_varint(at, r->payload.data + header, &type);
        if (!used || !take_value(&value, end, type,
                                 row->columns < SALVAGE_COLUMNS ? &row->values[row->columns]
                                                                : &skipped))
            return false;
        at += used;
    }
    return value == end;
}

static int take_cells(struct salvage_rows *r, const struct page *page, struct error *e)
{
    int code = 0;

    for (unsigned i = 0; !code && i < page->cells; i++) {
        struct salvage_row row = {.orphan = page->orphan};
        const uint8_t *at = cell(page, i);
        if (at && take_payload(r, page, at, &row.rowid) && take_row(r, &row))
            code = r->on_row(r->arg, &row, e);
        else if (r->payload.failed)
            code = error_set(e, ERR_OTHER, "out of memory");
        else
            r->broken++;
    }
    return code;
}

static int walk(struct salvage_rows *r, uint32_t n, unsigned depth, struct error *e);

static int walk_children(struct salvage_rows *r, const struct page *page, unsigned depth,
                         struct error *e)
{
    int code = 0;

    for (unsigned i = 0; !code && i < page->cells; i++) {
        const uint8_t *at = cell(page, i);
        if (at)
            code = walk(r, salvage_u32(at), depth + 1, e);
        else
            r->damaged++;
    }
    return code ? code : walk(r, salvage_u32(page->header + 8), depth + 1, e);
}

static int walk(struct salvage_rows *r, uint32_t n, unsigned depth, struct error *e)
{
    struct page page;
    uint8_t *bytes;
    int code = 0;

    if (n < 1 || n > r->pages->count || r->seen[n] || depth > DEPTH_MOST) {
        r->damaged++;
        return 0;
    }
    bytes = malloc(r->pages->size);
    if (!bytes)
        return error_set(e, ERR_OTHER, "out of memory");
    r->seen[n] = true;
    if (!salvage_page(r->pages, n, bytes) || !look_at(r, n, bytes, &page)) {
        r->damaged++;
    } else {
        if (is_interior(page.kind))
            code = walk_children(r, &page, depth, e);
        if (!code && page.kind != PAGE_TABLE_INTERIOR)
            code = take_cells(r, &page, e);
    }
    free(bytes);
    return code;
}

int salvage_tree(struct salvage_rows *r, uint32_t root, struct error *e)
{
    return walk(r, root, 0, e);
}

void salvage_free_list(struct salvage_rows *r)
{
    uint8_t *bytes = r->overflow;
    uint32_t trunk, count;

    if (!salvage_page(r->pages, 1, bytes))
        return;
    trunk = salvage_u32(bytes + 32);
    while (trunk > 1 && trunk <= r->pages->count && !r->seen[trunk] &&
           salvage_page(r->pages, trunk, bytes)) {
        r->seen[trunk] = true;
        count = salvage_u32(bytes + 4);
        for (uint32_t i = 0; i < count && 8 + 4 * (size_t)i + 4 <= r->pages->usable; i++) {
            uint32_t n = salvage_u32(bytes + 8 + 4 * (size_t)i);
            if (n > 1 && n <= r->pages->count)
                r->seen[n] = true;
        }
        trunk = salvage_u32(bytes);
    }
}

int salvage_orphans(struct salvage_rows *r, struct error *e)
{
    uint8_t *bytes = malloc(r->pages->size);
    struct page page;
    int code = bytes ? 0 : error_set(e, ERR_OTHER, "out of memory");

    for (uint32_t n = 2; !code && n <= r->pages->count && n; n++) {
        if (r->seen[n] || !salvage_page(r->pages, n, bytes) || !look_at(r, n, bytes, &page) ||
            page.kind == PAGE_TABLE_INTERIOR)
            continue;
        r->seen[n] = true;
        page.orphan = true;
        code = take_cells(r, &page, e);
    }
    free(bytes);
    return code;
}
