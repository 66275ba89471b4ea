#include "client/runner/glue.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "client/runner/check.h"
#include "client/runner/imports.h"

/* A C identifier inside of the header. */
struct word {
    const char *at;
    int len;
};

static bool in_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* The identifier that ends right before `end`, blanks apart. */
static struct word word_before(const char *start, const char *end)
{
    while (end > start && !in_word(end[-1]))
        end--;
    const char *at = end;
    while (at > start && in_word(at[-1]))
        at--;
    return (struct word){at, (int)(end - at)};
}

/* The line under a comment; NULL if the comment is not there. */
static const char *declaration(const char *header, const char *comment)
{
    const char *at = strstr(header, comment);
    at = at ? strchr(at, '\n') : NULL;
    return at ? at + 1 : NULL;
}

/* The name of the function that a line declares: what stands before its first parenthesis. */
static struct word declared_name(const char *line)
{
    size_t len = strcspn(line, "(\n");
    return line[len] == '(' ? word_before(line, line + len) : (struct word){line, 0};
}

/* "#define MACRO NAME" for an export, if the module has it. */
static bool write_export(FILE *out, const char *header, const char *export, const char *macro)
{
    char comment[64];
    snprintf(comment, sizeof(comment), "/* export: '%s' */\n", export);
    const char *line = declaration(header, comment);
    struct word name = line ? declared_name(line) : (struct word){NULL, 0};
    if (name.len > 0)
        fprintf(out, "#define %s %.*s\n", macro, name.len, name.at);
    return name.len > 0;
}

/* "void NAME_instantiate(TYPE*, IMPORT*, …);" gives the instance's type and what else it takes. */
static bool write_instance(FILE *out, const char *header)
{
    const char *line = strstr(header, "_instantiate(");
    while (line && line > header && line[-1] != '\n')
        line--;
    const char *open = line ? strchr(line, '(') : NULL;
    const char *star = open ? strpbrk(open, "*)\n") : NULL;
    if (!star || *star != '*')
        return false;
    struct word name = declared_name(line);
    struct word type = word_before(open, star);
    fprintf(out, "#define APP_INSTANTIATE %.*s\n#define APP_INSTANCE %.*s\n#define APP_IMPORTS ",
            name.len, name.at, type.len, type.at);
    for (const char *p = star; *p && *p != ')' && *p != '\n'; p++)
        if (*p == ',')
            fputs(", 0", out);
    fputc('\n', out);
    const char *init = strstr(header, "_init_module(void)");
    struct word init_name = {"", 0};
    if (init && init < open + strlen(open))
        init_name = word_before(header, init + strlen("_init_module"));
    fprintf(out, "#define APP_INIT_MODULE %.*s%s\n", init_name.len, init_name.at,
            init_name.len ? "()" : "(void)0");
    return true;
}

/* Since 1.0.34 or so a '/' in a name is written "\2F", lest it end the comment. */
static const char *import_declaration(const char *header, const struct import *import)
{
    char comment[160], escaped[160];
    snprintf(comment, sizeof(comment), "/* import: '%s' '%s' */\n", import->module, import->name);
    const char *line = declaration(header, comment);
    if (line)
        return line;
    const char *slash = strchr(import->module, '/');
    if (!slash)
        return NULL;
    snprintf(escaped, sizeof(escaped), "/* import: '%.*s\\2F%s' '%s' */\n",
             (int)(slash - import->module), import->module, slash + 1, import->name);
    return declaration(header, escaped);
}

static const char *c_type(char letter)
{
    return letter == 'I' ? "u64" : letter == 'i' ? "u32" : "void";
}

static void write_types(FILE *out, const char *signature)
{
    for (; *signature != ':'; signature++)
        fprintf(out, ", %s", c_type(*signature));
}

/* The definition of one import: hands on to the runner, or answers by itself. */
static bool write_import(FILE *out, const char *header, const struct import *import)
{
    const char *line = import_declaration(header, import);
    struct word name = line ? declared_name(line) : (struct word){NULL, 0};
    if (name.len == 0)
        return false;
    const char *open = name.at + name.len;
    struct word type = word_before(open, open + strcspn(open, "*\n"));
    const char *result = c_type(strchr(import->signature, ':')[1]);
    size_t params = strcspn(import->signature, ":");

    fprintf(out, "%s %.*s(struct %.*s *from", result, name.len, name.at, type.len, type.at);
    for (size_t i = 0; i < params; i++)
        fprintf(out, ", %s p%zu", c_type(import->signature[i]), i);
    if (!import->function) {
        fprintf(out, ") { return %u; }\n", import->answer);
        return true;
    }
    fprintf(out, ") { %s((%s (*)(void *", strcmp(result, "void") == 0 ? "" : "return ", result);
    write_types(out, import->signature);
    fprintf(out, "))guest_host_in_use->functions[%zu])(guest_host_in_use->context",
            (size_t)(import - imports));
    for (size_t i = 0; i < params; i++)
        fprintf(out, ", p%zu", i);
    fputs("); }\n", out);
    return true;
}

/* A module may import a function more than once. */
static bool imported_before(const struct module *m, uint32_t at, const struct import *import)
{
    for (uint32_t i = 0; i < at; i++)
        if (imports_find(m->imports[i].module, m->imports[i].name) == import)
            return true;
    return false;
}

static bool write_exports(const struct module *m, const char *header, FILE *out)
{
    bool ok = true;
    if (module_export_find(m, EXPORT_MEMORY, MODULE_MEMORY))
        ok = ok && write_export(out, header, EXPORT_MEMORY, "APP_MEMORY");
    if (check_realloc_name(m))
        ok = ok && write_export(out, header, check_realloc_name(m), "APP_REALLOC");
    if (module_export_find(m, EXPORT_INITIALIZE, MODULE_FUNCTION))
        ok = ok && write_export(out, header, EXPORT_INITIALIZE, "APP_INITIALIZE");
    if (module_export_find(m, EXPORT_START, MODULE_FUNCTION))
        ok = ok && write_export(out, header, EXPORT_START, "APP_START");
    const char *run = check_run_signature(m);
    if (run)
        ok = ok && write_export(out, header, EXPORT_RUN,
                                strcmp(run, ":i") == 0 ? "APP_RUN" : "APP_RUN_VOID");
    if (run && strcmp(run, ":") == 0)
        fputs("#define APP_RUN(instance) (APP_RUN_VOID(instance), 0)\n", out);
    return ok;
}

int glue_write(const struct module *m, const char *header, const char *header_name, FILE *out,
               struct error *e)
{
    fprintf(out, "#include \"%s\"\nextern const struct guest_host *guest_host_in_use;\n",
            header_name);
    bool ok = write_instance(out, header) && write_exports(m, header, out);
    for (uint32_t i = 0; ok && i < m->import_count; i++) {
        const struct import *import = imports_find(m->imports[i].module, m->imports[i].name);
        if (!import || imported_before(m, i, import))
            continue;
        ok = write_import(out, header, import);
    }
    if (!ok)
        return error_set(
            e, ERR_OTHER,
            "cannot read the header that wasm2c wrote: this version of wabt is not known");
    return 0;
}
