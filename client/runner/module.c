#include "client/runner/module.h"

#include <stdlib.h>
#include <string.h>

enum section {
    SECTION_CUSTOM = 0,
    SECTION_TYPE = 1,
    SECTION_IMPORT,
    SECTION_FUNCTION,
    SECTION_EXPORT = 7,
    SECTION_CODE = 10
};

static int bad(struct error *e, const char *what)
{
    return error_set(e, ERR_INVALID_REQUEST, "is not a valid wasm module: %s", what);
}

static int parse_types(struct module *m, struct wasm_reader *r, struct error *e)
{
    uint32_t count = wasm_reader_count(r);
    m->types = calloc(count ? count : 1, sizeof(*m->types));
    if (!m->types)
        return error_set(e, ERR_OTHER, "out of memory");
    for (; m->type_count < count; m->type_count++) {
        struct module_type *type = &m->types[m->type_count];
        if (wasm_reader_u8(r) != 0x60)
            return bad(e, "a type that is no function type");
        type->param_count = wasm_reader_count(r);
        type->params = wasm_reader_bytes(r, type->param_count);
        type->result_count = wasm_reader_count(r);
        type->results = wasm_reader_bytes(r, type->result_count);
        if (r->failed)
            return bad(e, "the type section is cut short");
    }
    return 0;
}

static void skip_limits(struct wasm_reader *r)
{
    uint8_t flags = wasm_reader_u8(r);
    wasm_reader_skip_leb(r);
    if (flags & 1)
        wasm_reader_skip_leb(r);
}

static void parse_import(struct wasm_reader *r, struct module_import *import)
{
    import->module = wasm_reader_name(r);
    import->name = wasm_reader_name(r);
    uint8_t kind = wasm_reader_u8(r);
    import->kind = (enum module_kind)kind;
    switch (kind) {
    case MODULE_FUNCTION:
        import->type = wasm_reader_u32(r);
        break;
    case MODULE_TABLE:
        wasm_reader_u8(r);
        skip_limits(r);
        break;
    case MODULE_MEMORY:
        skip_limits(r);
        break;
    case MODULE_GLOBAL:
        wasm_reader_bytes(r, 2);
        break;
    case MODULE_TAG:
        wasm_reader_u8(r);
        wasm_reader_u32(r);
        break;
    default:
        r->failed = true;
    }
}

/* Make room for `more` functions behind those that are known. */
static int add_functions(struct module *m, uint32_t more, struct error *e)
{
    size_t size = ((size_t)m->function_count + more + 1) * sizeof(*m->functions);
    uint32_t *functions = realloc(m->functions, size);
    if (!functions)
        return error_set(e, ERR_OTHER, "out of memory");
    m->functions = functions;
    return 0;
}

static int parse_imports(struct module *m, struct wasm_reader *r, struct error *e)
{
    uint32_t count = wasm_reader_count(r);
    m->imports = calloc(count ? count : 1, sizeof(*m->imports));
    if (!m->imports)
        return error_set(e, ERR_OTHER, "out of memory");
    int code = add_functions(m, count, e);
    if (code)
        return code;
    for (; m->import_count < count; m->import_count++) {
        struct module_import *import = &m->imports[m->import_count];
        parse_import(r, import);
        if (r->failed)
            return bad(e, "the import section is cut short or has an unknown kind");
        if (import->kind != MODULE_FUNCTION)
            continue;
        if (import->type >= m->type_count)
            return bad(e, "an import has a type that is not there");
        m->functions[m->function_count++] = import->type;
    }
    m->imported_functions = m->function_count;
    return 0;
}

static int parse_functions(struct module *m, struct wasm_reader *r, struct error *e)
{
    uint32_t count = wasm_reader_count(r);
    int code = add_functions(m, count, e);
    if (code)
        return code;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t type = wasm_reader_u32(r);
        if (r->failed || type >= m->type_count)
            return bad(e, "a function has a type that is not there");
        m->functions[m->function_count++] = type;
    }
    return 0;
}

static int parse_exports(struct module *m, struct wasm_reader *r, struct error *e)
{
    uint32_t count = wasm_reader_count(r);
    m->exports = calloc(count ? count : 1, sizeof(*m->exports));
    if (!m->exports)
        return error_set(e, ERR_OTHER, "out of memory");
    for (; m->export_count < count; m->export_count++) {
        struct module_export *export = &m->exports[m->export_count];
        export->name = wasm_reader_name(r);
        export->kind = (enum module_kind)wasm_reader_u8(r);
        const uint8_t *index_at = r->at;
        export->index = wasm_reader_u32(r);
        if (r->failed || export->kind > MODULE_TAG)
            return bad(e, "the export section is cut short or has an unknown kind");
        export->index_at = (size_t)(index_at - m->bytes);
        export->index_size = (size_t)(r->at - index_at);
        if (export->kind == MODULE_FUNCTION && export->index >= m->function_count)
            return bad(e, "an export of a function that is not there");
    }
    return 0;
}

/* Names are for people only: a name section that is wrong is none. */
static void parse_custom(struct module *m, struct wasm_reader r)
{
    enum { FUNCTION_NAMES = 1 };
    if (!wasm_name_is(wasm_reader_name(&r), "name"))
        return;
    while (wasm_reader_left(&r) > 0) {
        uint8_t id = wasm_reader_u8(&r);
        struct wasm_reader part = wasm_reader_part(&r);
        if (r.failed)
            return;
        if (id == FUNCTION_NAMES) {
            m->name_count = wasm_reader_count(&part);
            m->names = part;
        }
    }
}

static int parse_section(struct module *m, uint8_t id, struct wasm_reader *r, struct error *e)
{
    switch (id) {
    case SECTION_CUSTOM:
        parse_custom(m, *r);
        return 0;
    case SECTION_TYPE:
        return parse_types(m, r, e);
    case SECTION_IMPORT:
        return parse_imports(m, r, e);
    case SECTION_FUNCTION:
        return parse_functions(m, r, e);
    case SECTION_EXPORT:
        return parse_exports(m, r, e);
    case SECTION_CODE:
        m->body_count = wasm_reader_count(r);
        m->bodies = *r;
        return r->failed ? bad(e, "the code section is cut short") : 0;
    default:
        return 0;
    }
}

/* Which of the sections 1 to 12 must come before which: as numbered, but tags (13) stand between
 * memories and globals, and the data count (12) before the code. */
static int section_rank(uint8_t id)
{
    static const uint8_t ranks[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 11, 6};
    return id < sizeof(ranks) ? ranks[id] : -1;
}

static int parse_sections(struct module *m, struct wasm_reader *r, struct error *e)
{
    int last = 0;
    while (wasm_reader_left(r) > 0) {
        uint8_t id = wasm_reader_u8(r);
        struct wasm_reader section = wasm_reader_part(r);
        if (r->failed)
            return bad(e, "a section is cut short");
        int rank = section_rank(id);
        if (rank < 0 || (rank > 0 && rank <= last))
            return bad(e, "a section is unknown, there twice or out of order");
        last = rank > 0 ? rank : last;
        int code = parse_section(m, id, &section, e);
        if (!code && section.failed)
            code = bad(e, "a section claims more than it has");
        if (code)
            return code;
    }
    return 0;
}

static int parse_header(struct wasm_reader *r, struct error *e)
{
    static const uint8_t core[8] = {0, 'a', 's', 'm', 1, 0, 0, 0};
    const uint8_t *header = wasm_reader_bytes(r, sizeof(core));
    if (!header || memcmp(header, core, 4) != 0)
        return error_set(e, ERR_INVALID_REQUEST,
                         "is not a wasm module (it does not begin with \"\\0asm\")");
    /* The upper half of the version is the layer: 0 for core modules, 1 for components. */
    if (header[6] == 1 && header[7] == 0)
        return error_set(e, ERR_INVALID_REQUEST,
                         "is a component; this runner executes core modules: build for wasm32-wasi "
                         "without making a component of it, or take its module out with "
                         "'wasm-tools component unbundle'");
    if (memcmp(header, core, sizeof(core)) != 0)
        return error_set(e, ERR_INVALID_REQUEST, "is of a wasm version that is not known (%d)",
                         header[4] | header[5] << 8);
    return 0;
}

int module_parse(const uint8_t *bytes, size_t len, struct module *ret, struct error *e)
{
    struct module m = {.bytes = bytes, .len = len};
    struct wasm_reader r;
    wasm_reader_init(&r, bytes, len);
    int code = parse_header(&r, e);
    if (!code)
        code = parse_sections(&m, &r, e);
    if (code) {
        module_fini(&m);
        return code;
    }
    *ret = m;
    return 0;
}

void module_fini(struct module *m)
{
    free(m->types);
    free(m->imports);
    free(m->functions);
    free(m->exports);
}

static void names_next(struct module_names *names)
{
    names->has = wasm_reader_left(&names->left) > 0;
    names->index = wasm_reader_u32(&names->left);
    names->name = wasm_reader_name(&names->left);
    names->has = names->has && !names->left.failed;
}

void module_names_init(const struct module *m, struct module_names *names)
{
    *names = (struct module_names){0};
    if (m->name_count == 0)
        return;
    names->left = m->names;
    names_next(names);
}

struct wasm_name module_names_of(struct module_names *names, uint32_t function)
{
    while (names->has && names->index < function)
        names_next(names);
    if (names->has && names->index == function)
        return names->name;
    return (struct wasm_name){"", 0};
}

const struct module_export *module_export_find(const struct module *m, const char *name,
                                               enum module_kind kind)
{
    for (uint32_t i = 0; i < m->export_count; i++)
        if (m->exports[i].kind == kind && wasm_name_is(m->exports[i].name, name))
            return &m->exports[i];
    return NULL;
}

const struct module_type *module_function_type(const struct module *m, uint32_t function)
{
    return function < m->function_count ? &m->types[m->functions[function]] : NULL;
}

static bool value_types_are(const uint8_t *types, uint32_t count, const char *letters, size_t len)
{
    if (count != len)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (types[i] != (letters[i] == 'I' ? 0x7e : 0x7f))
            return false;
    return true;
}

bool module_type_is(const struct module_type *type, const char *signature)
{
    size_t params = strcspn(signature, ":");
    const char *results = signature + params + 1;
    return value_types_are(type->params, type->param_count, signature, params) &&
           value_types_are(type->results, type->result_count, results, strlen(results));
}
