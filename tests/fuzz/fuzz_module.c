/* A wasm module as the runner sees it before wasm2c does.
 *
 * Input: the module. */
#include <string.h>

#include "client/runner/check.h"
#include "client/runner/module.h"
#include "tests/fuzz/fuzz.h"

static void check_name(const struct module *m, struct wasm_name name)
{
    FUZZ_CHECK(name.len == 0 || ((const uint8_t *)name.data >= m->bytes &&
                                 (const uint8_t *)name.data + name.len <= m->bytes + m->len));
}

static void walk(const struct module *m)
{
    struct module_names names;
    for (uint32_t i = 0; i < m->import_count; i++) {
        check_name(m, m->imports[i].module);
        check_name(m, m->imports[i].name);
    }
    for (uint32_t i = 0; i < m->export_count; i++) {
        const struct module_export *e = &m->exports[i];
        check_name(m, e->name);
        FUZZ_CHECK(e->index_at + e->index_size <= m->len);
        if (e->kind == MODULE_FUNCTION)
            module_type_is(module_function_type(m, e->index), ":i");
    }
    module_names_init(m, &names);
    for (uint32_t i = 0; i < m->imported_functions + m->body_count && i < 10000; i++)
        check_name(m, module_names_of(&names, i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct module m;
    struct error e = {0};
    uint8_t *bytes = fuzz_exact(data, size);
    if (module_parse(bytes, size, &m, &e) == 0) {
        walk(&m);
        if (check_module(&m, "fuzz", &e) == 0) {
            check_run_signature(&m);
            check_realloc_name(&m);
        }
        module_fini(&m);
    } else {
        FUZZ_CHECK(e.text[0]);
    }
    free(bytes);
    return 0;
}
