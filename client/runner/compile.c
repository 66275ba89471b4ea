#include "client/runner/compile.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/runner/check.h"
#include "client/runner/command.h"
#include "client/runner/command_export.h"
#include "client/runner/embedded.h"
#include "client/runner/file.h"
#include "client/runner/glue.h"

/* Without the optimisation of tail calls endless recursion ends in a trap; with the next two
 * floating point behaves as in wasm. Stack and memory faults are the runner's to catch (faults.c),
 * and stack probes make sure that they hit the guard page. */
const char *const compile_flags[] = {
    "-std=gnu11",
    "-O2",
    "-fPIC",
    "-shared",
    "-w",
    "-fvisibility=hidden",
    "-fno-optimize-sibling-calls",
    "-frounding-math",
    "-fsignaling-nans",
    "-fstack-clash-protection",
    "-fstack-protector-strong",
    "-DWASM_RT_SKIP_SIGNAL_RECOVERY=1",
    "-DWASM_RT_NONCONFORMING_UNCHECKED_STACK_EXHAUSTION=1",
    "-DWASM_RT_TRAP_HANDLER=guest_trap",
    "-Wl,-z,relro,-z,now,-z,noexecstack",
    NULL,
};

static bool has_file(const char *directory, const char *file)
{
    char path[PATH_MAX];
    return snprintf(path, sizeof(path), "%s/%s", directory, file) < (int)sizeof(path) &&
           access(path, R_OK) == 0;
}

/* Debian 12 has the runtime in share/wabt/wasm2c; Debian 13 has only a part of it there and all in
 * src/wasm2c. The memory's part, where it stands alone, needs the helper beside it. */
static bool is_runtime(const char *directory)
{
    return has_file(directory, "wasm-rt-impl.c") &&
           (!has_file(directory, "wasm-rt-mem-impl.c") ||
            has_file(directory, "wasm-rt-mem-impl-helper.inc"));
}

static int find_runtime(struct toolchain *t, struct error *e)
{
    static const char *const places[] = {"src/wasm2c", "share/wabt/wasm2c"};
    size_t prefix = strlen(t->wasm2c) - strlen("/bin/wasm2c");
    if (strcmp(t->wasm2c + prefix, "/bin/wasm2c") != 0)
        prefix = 0;
    for (size_t i = 0; i < 2 && !t->runtime; i++) {
        char directory[PATH_MAX];
        snprintf(directory, sizeof(directory), "%.*s/%s", (int)prefix, t->wasm2c, places[i]);
        if (is_runtime(directory))
            t->runtime = strdup(directory);
    }
    if (t->runtime && asprintf(&t->include, "%.*s/include", (int)prefix, t->wasm2c) >= 0)
        return 0;
    return error_set(e, ERR_OTHER, "cannot find the runtime of '%s' (wasm-rt-impl.c): install wabt",
                     t->wasm2c);
}

int toolchain_find(struct toolchain *ret, struct error *e)
{
    struct toolchain t = {0};
    int code = command_find("wasm2c", "wabt", &t.wasm2c, e);
    if (!code)
        code = command_find("cc", "gcc and libc6-dev", &t.cc, e);
    if (!code)
        code = find_runtime(&t, e);
    if (code) {
        toolchain_fini(&t);
        return code;
    }
    *ret = t;
    return 0;
}

void toolchain_fini(struct toolchain *t)
{
    free(t->wasm2c);
    free(t->cc);
    free(t->runtime);
    free(t->include);
}

static int write_text(const char *directory, const char *file, const char *text, struct error *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, file);
    return file_write(path, text, strlen(text), e);
}

static int write_glue(const char *directory, const struct module *m, struct error *e)
{
    char path[PATH_MAX];
    void *header = NULL;
    size_t len;
    snprintf(path, sizeof(path), "%s/app.h", directory);
    int code = file_read(path, &header, &len, e);
    if (code)
        return code;
    snprintf(path, sizeof(path), "%s/names.h", directory);
    FILE *out = fopen(path, "we");
    if (!out)
        code = error_set(e, ERR_OTHER, "cannot write '%s': %s", path, strerror(errno));
    else
        code = glue_write(m, header, "app.h", out, e);
    if (out && fclose(out) && !code)
        code = error_set(e, ERR_OTHER, "cannot write '%s': %s", path, strerror(errno));
    if (!code)
        code = write_text(directory, "guest.h", embedded_guest_h, e);
    if (!code)
        code = write_text(directory, "guest_glue.c", embedded_guest_glue_c, e);
    free(header);
    return code;
}

static int run_compiler(const struct toolchain *t, const char *directory, struct error *e)
{
    static const char *const parts[] = {"wasm-rt-impl.c", "wasm-rt-mem-impl.c",
                                        "wasm-rt-exceptions-impl.c"};
    const char *argv[64] = {t->cc};
    char sources[3][PATH_MAX];
    size_t n = 1;
    for (size_t i = 0; compile_flags[i]; i++)
        argv[n++] = compile_flags[i];
    argv[n++] = "-I.";
    argv[n++] = "-isystem";
    argv[n++] = t->runtime;
    argv[n++] = "-isystem";
    argv[n++] = t->include;
    argv[n++] = "app.c";
    argv[n++] = "guest_glue.c";
    for (size_t i = 0; i < 3; i++) {
        snprintf(sources[i], sizeof(sources[i]), "%s/%s", t->runtime, parts[i]);
        if (has_file(t->runtime, parts[i]))
            argv[n++] = sources[i];
    }
    argv[n++] = "-lm";
    argv[n++] = "-o";
    argv[n++] = COMPILE_OBJECT;
    return command_run(directory, argv, e);
}

static int translate(const struct toolchain *t, const char *directory, const char *name,
                     const uint8_t *bytes, size_t len, struct error *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/app.wasm", directory);
    int code = file_write(path, bytes, len, e);
    /* Names for debugging would go into the C code; it does not need them. */
    const char *const wasm2c[] = {
        t->wasm2c, "--module-name=app", "--no-debug-names", "app.wasm", "-o", "app.c", NULL};
    struct error cause = {0};
    if (!code && command_run(directory, wasm2c, &cause))
        code = error_set(e, ERR_INVALID_REQUEST, "cannot translate '%s': %s", name, cause.text);
    return code;
}

int compile_module(const struct toolchain *t, const char *directory, const char *name,
                   uint8_t *bytes, size_t len, struct error *e)
{
    struct module m;
    struct error cause = {0};
    if (module_parse(bytes, len, &m, &cause))
        return error_set(e, cause.code, "'%s' %s", name, cause.text);
    int code = check_module(&m, name, e);
    if (!code) {
        if (check_realloc_name(&m))
            command_export_unwrap(&m, check_realloc_name(&m), bytes);
        code = translate(t, directory, name, bytes, len, e);
    }
    if (!code)
        code = write_glue(directory, &m, e);
    if (!code && run_compiler(t, directory, &cause))
        code = error_set(e, cause.code, "cannot compile '%s': %s", name, cause.text);
    module_fini(&m);
    return code;
}
