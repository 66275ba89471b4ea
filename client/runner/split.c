#include "client/runner/split.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/runner/c_source.h"
#include "client/runner/symbols.h"

static int out_of_memory(struct error *e)
{
    return error_set(e, ERR_OTHER, "out of memory");
}

static FILE *create(const char *directory, const char *name, struct error *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    if (!file)
        error_set(e, ERR_OTHER, "cannot write '%s': %s", path, strerror(errno));
    return file;
}

static int finish(FILE *file, const char *name, struct error *e)
{
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed)
        return error_set(e, ERR_OTHER, "cannot write '%s': %s", name, strerror(errno));
    return 0;
}

static void write_piece(FILE *out, const struct c_piece *p)
{
    fwrite(p->at, 1, p->len, out);
}

/* Functions are called from unit to unit. */
static void write_global(FILE *out, const struct c_piece *p)
{
    size_t skip = strncmp(p->at, "static ", 7) == 0 ? 7 : 0;
    fwrite(p->at + skip, 1, p->len - skip, out);
}

static void write_shared(FILE *out, const struct c_piece *p, bool first)
{
    switch (p->kind) {
    case C_FUNCTION_TYPES:
        fputs(first ? "" : "extern ", out);
        write_global(out, p);
        break;
    case C_DECLARATION:
        fputs("__attribute__((section(\"" SYMBOLS_SECTION "\"))) ", out);
        write_global(out, p);
        break;
    case C_PRELUDE:
    case C_CONSTANT:
        write_piece(out, p);
        break;
    case C_REST:
        if (first)
            write_piece(out, p);
        break;
    case C_DATA:
        fprintf(out, "extern const u8 %.*s[];\n", (int)p->name_len, p->name);
        break;
    case C_BODY:
        break;
    }
}

static bool mentions_data(const struct c_source *s, size_t from, size_t to)
{
    static const char word[] = "data_segment_data_";
    for (size_t i = from; i < to; i++)
        if (s->pieces[i].kind == C_BODY &&
            memmem(s->pieces[i].at, s->pieces[i].len, word, sizeof(word) - 1))
            return true;
    return false;
}

/* The bodies among the pieces [from, to), and what they need. */
static int write_unit(const char *directory, const struct c_source *s, size_t unit, size_t from,
                      size_t to, struct error *e)
{
    char name[32];
    snprintf(name, sizeof(name), "unit-%zu.c", unit);
    FILE *out = create(directory, name, e);
    if (!out)
        return ERR_OTHER;
    bool first = unit == 0, data = first || mentions_data(s, from, to), declared = false;
    for (size_t i = 0; i < s->count; i++) {
        if (s->pieces[i].kind == C_DECLARATION && !declared) {
            fputs("#include \"unit.h\"\n", out);
            declared = true;
        }
        if (s->pieces[i].kind == C_BODY && i >= from && i < to)
            write_global(out, &s->pieces[i]);
        else if (s->pieces[i].kind != C_DATA || data)
            write_shared(out, &s->pieces[i], first);
    }
    return finish(out, name, e);
}

/* Behind the last piece of the unit that begins at `from`. */
static size_t unit_end(const struct c_source *s, size_t from, size_t most)
{
    size_t bytes = 0;
    for (; from < s->count; from++) {
        size_t more = s->pieces[from].kind == C_BODY ? s->pieces[from].len : 0;
        if (bytes > 0 && bytes + more > most)
            break;
        bytes += more;
    }
    return from;
}

static int write_units(const char *directory, const struct c_source *s, size_t *ret_units,
                       struct error *e)
{
    bool one = s->body_bytes <= SPLIT_UNIT_BYTES || s->declarations == 0;
    size_t most = s->body_bytes / (SPLIT_UNITS_MAX - 2) + 1;
    if (most < SPLIT_UNIT_BYTES)
        most = SPLIT_UNIT_BYTES;
    int code = write_unit(directory, s, 0, 0, one ? s->count : 0, e);
    size_t units = 1;
    for (size_t at = 0; !code && !one && at < s->count && units < SPLIT_UNITS_MAX; units++) {
        size_t end = units + 1 < SPLIT_UNITS_MAX ? unit_end(s, at, most) : s->count;
        code = write_unit(directory, s, units, at, end, e);
        at = end;
    }
    *ret_units = units;
    return code;
}

/* The bytes of a data segment, as wasm2c writes them: "0x2d, 0x2b, …". Returns how many. */
static size_t write_bytes(FILE *out, const struct c_piece *p)
{
    size_t count = 0;
    for (const char *at = p->at; at + 4 <= p->at + p->len; at++)
        if (at[0] == '0' && at[1] == 'x') { /* NOLINT(clang-analyzer-core.NullDereference) */
            char digits[3] = {at[2], at[3], '\0'};
            fputc((int)strtoul(digits, NULL, 16), out);
            count++;
            at += 3;
        }
    return count;
}

/* As text for the C compiler they would take it more memory than the code. */
static int write_data(const char *directory, const struct c_source *s, FILE *assembly,
                      struct error *e)
{
    FILE *out = create(directory, SPLIT_DATA, e);
    if (!out)
        return ERR_OTHER;
    size_t offset = 0;
    for (size_t i = 0; i < s->count; i++) {
        const struct c_piece *p = &s->pieces[i];
        if (p->kind != C_DATA)
            continue;
        const char *brace = memchr(p->at, '{', p->len);
        struct c_piece bytes = {.at = brace, .len = brace ? p->len - (size_t)(brace - p->at) : 0};
        size_t count = write_bytes(out, &bytes);
        fprintf(assembly, ".hidden %.*s\n.globl %.*s\n%.*s:\n", (int)p->name_len, p->name,
                (int)p->name_len, p->name, (int)p->name_len, p->name);
        if (count > 0)
            fprintf(assembly, ".incbin \"" SPLIT_DATA "\", %zu, %zu\n", offset, count);
        offset += count;
    }
    return finish(out, SPLIT_DATA, e);
}

static int write_assembly(const char *directory, const struct c_source *s, const struct module *m,
                          struct error *e)
{
    FILE *out = create(directory, SPLIT_ASSEMBLY, e);
    if (!out)
        return ERR_OTHER;
    fputs(".section .rodata\n", out);
    int code = write_data(directory, s, out, e);
    symbols_write(out, s, m);
    fputs(".section .note.GNU-stack,\"\",%progbits\n", out);
    int closed = finish(out, SPLIT_ASSEMBLY, e);
    return code ? code : closed;
}

int split_write(const char *directory, const char *source, const struct module *m,
                struct split *ret, struct error *e)
{
    struct c_source s;
    if (c_source_read(source, &s))
        return out_of_memory(e);
    struct split split = {.bytes = s.body_bytes};
    int code = write_units(directory, &s, &split.units, e);
    if (!code)
        code = write_assembly(directory, &s, m, e);
    c_source_fini(&s);
    if (!code)
        *ret = split;
    return code;
}
