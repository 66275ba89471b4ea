/* spin.toml: any text ends in a manifest whose every field can be used, or in an error that says where.
 *
 * Input: the file. */
#include <string.h>
#include <sys/stat.h>

#include "daemon/manifest.h"
#include "tests/fuzz/fuzz.h"

static size_t walk(char *const *strings)
{
    size_t bytes = 0;
    for (; *strings; strings++)
        bytes += strlen(*strings);
    return bytes;
}

static void check_component(const struct manifest *m, const struct component_spec *spec)
{
    size_t id = strlen(spec->id);
    FUZZ_CHECK(id > 0 && id <= MANIFEST_ID_MAX && !strchr(spec->id, '/'));
    FUZZ_CHECK(strcmp(spec->id, ".") != 0 && strcmp(spec->id, "..") != 0);
    FUZZ_CHECK(spec->source || spec->command);
    FUZZ_CHECK(!spec->source || spec->source[0] == '/');
    FUZZ_CHECK(!spec->command || spec->command[0]);
    FUZZ_CHECK(spec->instances >= 1 && spec->instances <= MANIFEST_INSTANCES_MAX);
    FUZZ_CHECK(spec->log_size >= MANIFEST_LOG_SIZE_MIN && spec->log_size <= MANIFEST_LOG_SIZE_MAX);
    FUZZ_CHECK(spec->log_keep <= MANIFEST_LOG_KEEP_MAX);
    walk(spec->args);
    walk(spec->files);
    walk(spec->stores);
    for (char **env = spec->environment; *env; env++)
        FUZZ_CHECK(strchr(*env, '=') && strchr(*env, '=') != *env);
    FUZZ_CHECK(component_spec_compare(spec, spec) == SPEC_SAME);
    FUZZ_CHECK(manifest_find(m, spec->id) == spec);
}

static void prepare(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    FUZZ_CHECK(mkdir(fuzz_path("app"), 0755) == 0);
    fuzz_write(fuzz_path("app/a.wasm"), "\0asm\1\0\0", 8);
    FUZZ_CHECK(mkdir(fuzz_path("app/data"), 0755) == 0);
    fuzz_write(fuzz_path("app/data/a.txt"), "a", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct manifest *m = NULL;
    struct error e = {0};
    int rc;
    prepare();
    fuzz_write(fuzz_path("app/spin.toml"), data, size);
    rc = manifest_load(fuzz_path("app"), &m, &e);
    if (rc) {
        FUZZ_CHECK(!m && e.text[0]);
        return 0;
    }
    FUZZ_CHECK(m->name[0] && m->component_count <= MANIFEST_COMPONENTS_MAX);
    for (size_t i = 0; i < m->component_count; i++)
        check_component(m, m->components[i]);
    manifest_free(m);
    return 0;
}
