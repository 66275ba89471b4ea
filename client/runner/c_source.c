#include "client/runner/c_source.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct line {
    const char *at;
    size_t len; /* without the newline */
};

static struct line line_at(const char *at)
{
    return (struct line){at, strcspn(at, "\n")};
}

static const char *line_next(struct line l)
{
    return l.at + l.len + (l.at[l.len] == '\n');
}

static bool begins(struct line l, const char *text)
{
    return strncmp(l.at, text, strlen(text)) == 0;
}

static bool ends(struct line l, const char *text)
{
    size_t len = strlen(text);
    return l.len >= len && memcmp(l.at + l.len - len, text, len) == 0;
}

/* The word right before the first of `stops` in a line. */
static struct c_piece named(enum c_kind kind, struct line l, const char *stops)
{
    size_t end = strcspn(l.at, stops), start = end;
    while (start > 0 && (isalnum((unsigned char)l.at[start - 1]) || l.at[start - 1] == '_'))
        start--;
    return (struct c_piece){kind, l.at, 0, l.at + start, end - start};
}

/* What begins with this line. */
static struct c_piece classify(struct line l, bool in_prelude)
{
    struct c_piece rest = {.kind = C_REST, .at = l.at};
    if (begins(l, "static ") && ends(l, ");")) {
        struct c_piece p = named(C_DECLARATION, l, "(\n");
        return p.name_len > 4 && memcmp(p.name, "w2c_", 4) == 0 ? p : rest;
    }
    if (begins(l, "static const u8 data_segment_data_") && ends(l, "[] = {"))
        return named(C_DATA, l, "[\n");
    if (begins(l, "static u32 func_types["))
        rest.kind = C_FUNCTION_TYPES;
    else if (!in_prelude &&
             (begins(l, "FUNC_TYPE_T(") || (begins(l, "static const ") && ends(l, "[] = {"))))
        rest.kind = C_CONSTANT;
    else if (!in_prelude && isalpha((unsigned char)l.at[0]) && ends(l, ") {"))
        return named(C_BODY, l, "(\n");
    return rest;
}

/* Behind the last line of a piece. */
static const char *piece_end(struct line first, enum c_kind kind)
{
    const char *last = kind == C_BODY ? "}" : ends(first, "{") ? "};" : NULL;
    struct line l = first;
    if (kind == C_REST || kind == C_DECLARATION || !last)
        return line_next(l);
    while (*l.at && !(l.len == strlen(last) && begins(l, last)))
        l = line_at(line_next(l));
    return line_next(l);
}

static bool add(struct c_source *s, size_t *room, struct c_piece piece)
{
    struct c_piece *last = s->count > 0 ? &s->pieces[s->count - 1] : NULL;
    bool joins = piece.kind == C_REST || piece.kind == C_PRELUDE;
    if (joins && last && last->kind == piece.kind) {
        last->len += piece.len;
        return true;
    }
    if (s->count == *room) {
        size_t more = *room ? 2 * *room : 256;
        struct c_piece *pieces = realloc(s->pieces, more * sizeof(*pieces));
        if (!pieces)
            return false;
        s->pieces = pieces;
        *room = more;
    }
    s->pieces[s->count++] = piece;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    const struct c_piece *x = *(const struct c_piece *const *)a,
                         *y = *(const struct c_piece *const *)b;
    size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
    int order = memcmp(x->name, y->name, len);
    return order ? order : (x->name_len > y->name_len) - (x->name_len < y->name_len);
}

/* Only what was declared is a function of the module; the others are the rest. */
static int sort_out(struct c_source *s)
{
    const struct c_piece **declared = calloc(s->declarations + 1, sizeof(*declared));
    size_t n = 0;
    if (!declared)
        return -1;
    for (size_t i = 0; i < s->count; i++)
        if (s->pieces[i].kind == C_DECLARATION)
            declared[n++] = &s->pieces[i];
    qsort(declared, n, sizeof(*declared), compare_names);
    for (size_t i = 0; i < s->count; i++) {
        struct c_piece *p = &s->pieces[i];
        const struct c_piece *key = p;
        if (p->kind == C_BODY && bsearch(&key, declared, n, sizeof(*declared), compare_names))
            s->body_bytes += p->len;
        else if (p->kind == C_BODY)
            p->kind = C_REST;
    }
    free(declared);
    return 0;
}

int c_source_read(const char *text, struct c_source *ret)
{
    struct c_source s = {0};
    size_t room = 0;
    for (const char *at = text; *at;) {
        struct line l = line_at(at);
        bool in_prelude = s.declarations == 0;
        struct c_piece piece = classify(l, in_prelude);
        s.declarations += piece.kind == C_DECLARATION;
        const char *end = piece_end(l, piece.kind);
        if (piece.kind == C_REST && in_prelude)
            piece.kind = C_PRELUDE;
        piece.len = (size_t)(end - at);
        if (!add(&s, &room, piece)) {
            c_source_fini(&s);
            return -1;
        }
        at = end;
    }
    if (sort_out(&s)) {
        c_source_fini(&s);
        return -1;
    }
    *ret = s;
    return 0;
}

void c_source_fini(struct c_source *s)
{
    free(s->pieces);
}
