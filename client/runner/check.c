#include "client/runner/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/runner/imports.h"

static bool exports(const struct module *m, const char *name, const char *signature)
{
    const struct module_export *export = module_export_find(m, name, MODULE_FUNCTION);
    return export && module_type_is(module_function_type(m, export->index), signature);
}

const char *check_run_signature(const struct module *m)
{
    if (exports(m, EXPORT_RUN, ":i"))
        return ":i";
    return exports(m, EXPORT_RUN, ":") ? ":" : NULL;
}

const char *check_realloc_name(const struct module *m)
{
    if (exports(m, EXPORT_REALLOC, "iiii:i"))
        return EXPORT_REALLOC;
    return exports(m, EXPORT_REALLOC_OLD, "iiii:i") ? EXPORT_REALLOC_OLD : NULL;
}

/* wasm2c up to 1.0.32 writes these names into comments of its C code as they are. */
static int check_export_names(const struct module *m, const char *name, struct error *e)
{
    for (uint32_t i = 0; i < m->export_count; i++) {
        struct wasm_name export = m->exports[i].name;
        for (size_t k = 0; k < export.len; k++) {
            bool ends_comment =
                export.data[k] == '*' && k + 1 < export.len && export.data[k + 1] == '/';
            unsigned char byte = (unsigned char)export.data[k];
            if (ends_comment || byte < ' ' || byte == 0x7f)
                return error_set(e, ERR_INVALID_REQUEST,
                                 "module '%s' has an export whose name cannot be translated "
                                 "(number %u, a control character or \"*/\")",
                                 name, i);
        }
    }
    return 0;
}

/* A name out of a module as it may be shown: printable ASCII, and not endless. */
static void printable(struct wasm_name name, char text[64])
{
    size_t len = name.len < 60 ? name.len : 60;
    for (size_t i = 0; i < len; i++)
        text[i] = name.data[i] >= ' ' && name.data[i] < 0x7f ? name.data[i] : '?';
    strcpy(text + len, len < name.len ? "..." : "");
}

static const char *fault_of(const struct module *m, const struct module_import *import)
{
    if (import->kind != MODULE_FUNCTION)
        return "which is not a function, and only functions are offered";
    const struct import *offered = imports_find(import->module, import->name);
    if (!offered)
        return "which this runner does not offer";
    if (!module_type_is(&m->types[import->type], offered->signature))
        return "with another type than this runner offers";
    return NULL;
}

/* Who is at fault, in the words of its manifest if there is one. */
static void describe_subject(const char *name, char *text, size_t size)
{
    const char *component = getenv("BOBBIN_COMPONENT");
    snprintf(text, size, "%s '%s'", component ? "component" : "module",
             component ? component : name);
}

/* An interface of which nothing is offered is named alone. */
static int describe_import(const struct module_import *import, char *text, size_t size)
{
    char module[64], name[64];
    printable(import->module, module);
    printable(import->name, name);
    if (import->kind == MODULE_FUNCTION && !imports_has_module(import->module))
        return snprintf(text, size, "%s", module);
    return snprintf(text, size, "'%s' of %s", name, module);
}

static bool same_interface(const struct module_import *a, const struct module_import *b)
{
    return a->module.len == b->module.len &&
           memcmp(a->module.data, b->module.data, a->module.len) == 0;
}

/* Whether what describe_import says was said before. */
static bool was_told(const struct module *m, uint32_t at)
{
    const struct module_import *import = &m->imports[at];
    bool whole = import->kind == MODULE_FUNCTION && !imports_has_module(import->module);
    for (uint32_t i = 0; whole && i < at; i++)
        if (m->imports[i].kind == MODULE_FUNCTION && same_interface(&m->imports[i], import))
            return true;
    return false;
}

static int check_imports(const struct module *m, const char *name, struct error *e)
{
    char text[sizeof(e->text)] = "", subject[160], what[160];
    size_t used = 0;
    unsigned faults = 0;
    describe_subject(name, subject, sizeof(subject));
    for (uint32_t i = 0; i < m->import_count; i++) {
        const char *fault = fault_of(m, &m->imports[i]);
        if (!fault || was_told(m, i))
            continue;
        describe_import(&m->imports[i], what, sizeof(what));
        int n = faults == 0
                    ? snprintf(text, sizeof(text), "%s imports %s, %s", subject, what, fault)
                    : snprintf(text + used, sizeof(text) - used, "; %s", what);
        /* The room ends before a long list does: whole entries, then their number. */
        if (n > 0 && used + (size_t)n + 32 < sizeof(text))
            used += (size_t)n;
        text[used] = '\0';
        faults++;
    }
    if (faults > 1)
        snprintf(text + used, sizeof(text) - used, " (%u such imports)", faults);
    return faults ? error_set(e, ERR_INVALID_REQUEST, "%s", text) : 0;
}

static int check_needs(const struct module *m, const char *name, struct error *e)
{
    if (m->import_count > 0 && !module_export_find(m, EXPORT_MEMORY, MODULE_MEMORY))
        return error_set(e, ERR_INVALID_REQUEST, "module '%s' has no memory exported as '%s'", name,
                         EXPORT_MEMORY);
    for (uint32_t i = 0; i < m->import_count; i++) {
        const struct module_import *import = &m->imports[i];
        if (!wasm_name_is(import->module, IMPORTS_WASI) && !check_realloc_name(m))
            return error_set(e, ERR_INVALID_REQUEST,
                             "module '%s' imports '%.*s' but exports neither '%s' nor '%s'", name,
                             (int)import->module.len, import->module.data, EXPORT_REALLOC,
                             EXPORT_REALLOC_OLD);
    }
    if (!exports(m, EXPORT_START, ":") && !check_run_signature(m))
        return error_set(e, ERR_INVALID_REQUEST,
                         "module '%s' has nothing to run: it exports neither '%s' nor '%s'", name,
                         EXPORT_START, EXPORT_RUN);
    return 0;
}

int check_module(const struct module *m, const char *name, struct error *e)
{
    int code = check_imports(m, name, e);
    if (!code)
        code = check_export_names(m, name, e);
    if (!code)
        code = check_needs(m, name, e);
    return code;
}
