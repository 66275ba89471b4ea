#include "daemon/log_rows.h"

#include <stdlib.h>
#include <string.h>

/* Below this nothing is moved and nothing given back. */
enum { LEAST = 256 };

static bool resize(struct log_rows *rows, size_t cap)
{
    struct log_row *list = realloc(rows->list, cap * sizeof(*list));

    if (!list)
        return false;
    rows->list = list;
    rows->cap = cap;
    return true;
}

bool log_rows_push(struct log_rows *rows, struct log_row row)
{
    if (rows->first + rows->count == rows->cap && !resize(rows, rows->cap ? rows->cap * 2 : LEAST))
        return false;
    rows->list[rows->first + rows->count++] = row;
    rows->changes += row.changes;
    rows->bytes += row.bytes;
    return true;
}

/* Each row forgotten pays for four that move: the gap in front costs neither time nor memory. */
static void close_gap(struct log_rows *rows)
{
    if (rows->first < LEAST || rows->first < rows->count / 4)
        return;
    memmove(rows->list, rows->list + rows->first, rows->count * sizeof(*rows->list));
    rows->first = 0;
    if (rows->cap > LEAST && rows->count < rows->cap / 4)
        resize(rows, rows->cap / 2);
}

uint64_t log_rows_trim(struct log_rows *rows, uint64_t changes, uint64_t bytes)
{
    uint64_t last = 0;

    while (rows->count && (rows->changes > changes || rows->bytes > bytes)) {
        struct log_row *row = &rows->list[rows->first++];
        rows->count--;
        rows->changes -= row->changes;
        rows->bytes -= row->bytes;
        last = row->n;
    }
    close_gap(rows);
    return last;
}

void log_rows_fini(struct log_rows *rows)
{
    free(rows->list);
}
