#include "client/runner/symbols.h"

/* The longest name that is kept; those of C++ and Rust have no end. */
#define NAME_MAX_BYTES 120

/* The table: how many functions, where all of them begin and end, then two numbers for each. */
enum { COUNT, BEGIN, END, FUNCTIONS };

/* The name a person knows: from the name section, else the export, else the number. */
static void write_name(FILE *out, const struct module *m, struct module_names *names,
                       uint32_t function)
{
    struct wasm_name name = module_names_of(names, function);
    for (uint32_t i = 0; name.len == 0 && i < m->export_count; i++)
        if (m->exports[i].kind == MODULE_FUNCTION && m->exports[i].index == function)
            name = m->exports[i].name;
    if (name.len == 0) {
        fprintf(out, "function %u", function);
        return;
    }
    for (size_t i = 0; i < name.len && i < NAME_MAX_BYTES; i++) {
        char c = name.data[i];
        fputc(c >= ' ' && c < 0x7f && c != '"' && c != '\\' ? c : '?', out);
    }
    if (name.len > NAME_MAX_BYTES)
        fputs("...", out);
}

static void write_places(FILE *out, const struct c_source *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->pieces[i].kind == C_DECLARATION)
            fprintf(out, ".long %.*s - guest_symbols, .Lname%zu - guest_symbols\n",
                    (int)s->pieces[i].name_len, s->pieces[i].name, n++);
}

void symbols_write(FILE *out, const struct c_source *s, const struct module *m)
{
    bool fits = s->declarations == m->body_count;
    struct module_names names;
    module_names_init(m, &names);
    fprintf(out,
            ".balign 4\n.hidden guest_symbols\n.globl guest_symbols\nguest_symbols:\n.long %zu\n",
            fits ? s->declarations : 0);
    if (!fits || s->declarations == 0)
        return;
    fputs(".hidden __start_" SYMBOLS_SECTION "\n.hidden __stop_" SYMBOLS_SECTION "\n"
          ".long __start_" SYMBOLS_SECTION " - guest_symbols\n"
          ".long __stop_" SYMBOLS_SECTION " - guest_symbols\n",
          out);
    write_places(out, s);
    for (uint32_t i = 0; i < m->body_count; i++) {
        fprintf(out, ".Lname%u: .asciz \"", i);
        write_name(out, m, &names, m->imported_functions + i);
        fputs("\"\n", out);
    }
}

const char *symbols_find(const int32_t *table, uintptr_t address)
{
    const char *base = (const char *)table, *name = NULL;
    uintptr_t best = 0;
    if (!table || table[COUNT] == 0 || address < (uintptr_t)(base + table[BEGIN]) ||
        address >= (uintptr_t)(base + table[END]))
        return NULL;
    for (int32_t i = 0; i < table[COUNT]; i++) {
        uintptr_t start = (uintptr_t)(base + table[FUNCTIONS + 2 * i]);
        if (start <= address && start > best) {
            best = start;
            name = base + table[FUNCTIONS + 1 + 2 * i];
        }
    }
    return name;
}
