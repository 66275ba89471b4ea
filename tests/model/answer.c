#include "answer.h"

#include <ctype.h>

enum { SHOWN_BYTES = 24 };

void answer_bytes(FILE *out, bobbin_string bytes)
{
    size_t shown = bytes.len > 2 * SHOWN_BYTES ? SHOWN_BYTES : bytes.len;
    uint32_t sum = 2166136261u;
    if (!bytes.data) {
        fprintf(out, "none ");
        return;
    }
    putc('\'', out);
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)bytes.data[i];
        if (isprint(c) && c != '\'' && c != '\\')
            putc(c, out);
        else
            fprintf(out, "\\x%02x", c);
    }
    putc('\'', out);
    for (size_t i = 0; i < bytes.len; i++)
        sum = (sum ^ (unsigned char)bytes.data[i]) * 16777619u;
    if (shown < bytes.len)
        fprintf(out, "+%zu:%08x", bytes.len - shown, sum);
    putc(' ', out);
}

void answer_done(FILE *out)
{
    fprintf(out, "done");
}

void answer_error(FILE *out, bobbin_status status)
{
    fprintf(out, "error %s", bobbin_status_name(status));
}

void answer_exists(FILE *out, bool exists)
{
    fprintf(out, exists ? "yes" : "no");
}

void answer_ttl(FILE *out, int64_t ms)
{
    fprintf(out, ms == BOBBIN_TTL_ABSENT ? "absent" : ms == BOBBIN_TTL_NONE ? "stays" : "left");
}

void answer_number(FILE *out, int64_t number)
{
    fprintf(out, "%lld", (long long)number);
}

void answer_count(FILE *out, uint64_t entries, uint64_t bytes)
{
    fprintf(out, "%llu entries, %llu bytes", (unsigned long long)entries,
            (unsigned long long)bytes);
}

void answer_swap(FILE *out, bool swapped, bobbin_string current)
{
    fprintf(out, swapped ? "swapped" : "is ");
    if (!swapped)
        answer_bytes(out, current);
}

void answer_atomic(FILE *out, bool applied, size_t failed_check)
{
    if (applied)
        fprintf(out, "applied");
    else
        fprintf(out, "check %zu failed", failed_check);
}

void answer_page_end(FILE *out, bool more)
{
    fprintf(out, more ? "] more" : "] end");
}

static void print_values(FILE *out, const bobbin_values *values)
{
    for (size_t i = 0; i < values->count; i++)
        answer_bytes(out, values->values[i]);
}

static void print_keys(FILE *out, const bobbin_key_page *page)
{
    putc('[', out);
    for (size_t i = 0; i < page->count; i++)
        answer_bytes(out, page->keys[i]);
    answer_page_end(out, page->more);
}

static void print_entries(FILE *out, const bobbin_entry_page *page)
{
    putc('[', out);
    for (size_t i = 0; i < page->count; i++) {
        answer_bytes(out, page->entries[i].key);
        answer_bytes(out, page->entries[i].value);
    }
    answer_page_end(out, page->more);
}

void answer_print(FILE *out, const bobbin_result *result)
{
    if (result->status) {
        answer_error(out, result->status);
        return;
    }
    switch (result->kind) {
    case BOBBIN_REQUEST_GET:
        answer_bytes(out, result->value);
        return;
    case BOBBIN_REQUEST_EXISTS:
        answer_exists(out, result->flag);
        return;
    case BOBBIN_REQUEST_TTL:
        answer_ttl(out, result->number);
        return;
    case BOBBIN_REQUEST_KEYS:
        print_keys(out, result->keys);
        return;
    case BOBBIN_REQUEST_ENTRIES:
        print_entries(out, result->entries);
        return;
    case BOBBIN_REQUEST_COUNT:
        answer_count(out, result->entry_count, result->byte_count);
        return;
    case BOBBIN_REQUEST_GET_MANY:
        print_values(out, result->values);
        return;
    case BOBBIN_REQUEST_INCREMENT:
        answer_number(out, result->number);
        return;
    case BOBBIN_REQUEST_SWAP:
        answer_swap(out, result->flag, result->value);
        return;
    case BOBBIN_REQUEST_ATOMIC:
        answer_atomic(out, result->flag, result->failed_check);
        return;
    default:
        answer_done(out);
    }
}

static const char *const kind_names[] = {
    [BOBBIN_REQUEST_GET] = "get",
    [BOBBIN_REQUEST_SET] = "set",
    [BOBBIN_REQUEST_DELETE] = "delete",
    [BOBBIN_REQUEST_EXISTS] = "exists",
    [BOBBIN_REQUEST_TTL] = "ttl",
    [BOBBIN_REQUEST_KEYS] = "keys",
    [BOBBIN_REQUEST_ENTRIES] = "entries",
    [BOBBIN_REQUEST_COUNT] = "count",
    [BOBBIN_REQUEST_GET_MANY] = "get_many",
    [BOBBIN_REQUEST_SET_MANY] = "set_many",
    [BOBBIN_REQUEST_DELETE_MANY] = "delete_many",
    [BOBBIN_REQUEST_INCREMENT] = "increment",
    [BOBBIN_REQUEST_SWAP] = "swap",
    [BOBBIN_REQUEST_ATOMIC] = "atomic",
};

static void print_listing(FILE *out, const bobbin_keys_options *options)
{
    fprintf(out, "prefix ");
    answer_bytes(out, (bobbin_string){options->prefix, options->prefix_len});
    fprintf(out, "cursor ");
    answer_bytes(out, (bobbin_string){options->cursor, options->cursor_len});
    fprintf(out, "limit %u%s", options->limit, options->reverse ? " reverse" : "");
}

static void print_atomic(FILE *out, const bobbin_request *r)
{
    for (size_t i = 0; i < r->check_count; i++) {
        fprintf(out, i ? "and " : "if ");
        answer_bytes(out, r->checks[i].key);
        if (r->checks[i].kind == BOBBIN_CHECK_SINCE)
            fprintf(out, "since %llu ", (unsigned long long)r->checks[i].since);
        if (r->checks[i].kind == BOBBIN_CHECK_VALUE)
            answer_bytes(out, r->checks[i].value);
        if (r->checks[i].kind == BOBBIN_CHECK_ABSENT)
            fprintf(out, "absent ");
    }
    for (size_t i = 0; i < r->op_count; i++) {
        const bobbin_op *op = &r->ops[i];
        fprintf(out, op->kind == BOBBIN_OP_SET      ? "set "
                     : op->kind == BOBBIN_OP_DELETE ? "delete "
                                                    : "increment ");
        answer_bytes(out, op->key);
        if (op->kind == BOBBIN_OP_SET)
            answer_bytes(out, op->value);
        if (op->kind == BOBBIN_OP_SET && op->ttl_ms)
            fprintf(out, "ttl %lld ", (long long)op->ttl_ms);
        if (op->kind == BOBBIN_OP_INCREMENT)
            fprintf(out, "%lld ", (long long)op->delta);
    }
}

void answer_print_request(FILE *out, const bobbin_request *r)
{
    fprintf(out, "%s %s ", kind_names[r->kind], r->store);
    if (r->key.data)
        answer_bytes(out, r->key);
    if (r->kind == BOBBIN_REQUEST_SWAP)
        answer_bytes(out, r->expected);
    if (r->value.data)
        answer_bytes(out, r->value);
    for (size_t i = 0; i < r->key_count; i++)
        answer_bytes(out, r->keys[i]);
    for (size_t i = 0; i < r->entry_count; i++) {
        answer_bytes(out, r->entries[i].key);
        answer_bytes(out, r->entries[i].value);
    }
    if (r->ttl_ms)
        fprintf(out, "ttl %lld ", (long long)r->ttl_ms);
    if (r->kind == BOBBIN_REQUEST_INCREMENT)
        fprintf(out, "%lld ", (long long)r->delta);
    if (r->listing)
        print_listing(out, r->listing);
    print_atomic(out, r);
}
