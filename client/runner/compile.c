#include "client/runner/compile.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
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
#include "client/runner/split.h"

/* Without the optimisation of tail calls endless recursion ends in a trap; with the next two
 * floating point behaves as in wasm. Stack and memory faults are the runner's to catch (faults.c),
 * and stack probes make sure that they hit the guard page. The next two keep a function in one
 * piece, so that a backtrace knows it. */
const char *const compile_flags[] = {
    "-std=gnu11",
    "-fPIC",
    "-w",
    "-fvisibility=hidden",
    "-fno-optimize-sibling-calls",
    "-frounding-math",
    "-fsignaling-nans",
    "-fstack-clash-protection",
    "-fstack-protector-strong",
    "-fno-reorder-blocks-and-partition",
    "-fno-partial-inlining",
    "-DWASM_RT_SKIP_SIGNAL_RECOVERY=1",
    "-DWASM_RT_NONCONFORMING_UNCHECKED_STACK_EXHAUSTION=1",
    "-DWASM_RT_TRAP_HANDLER=guest_trap",
    NULL,
};

const char *const compile_link_flags[] = {
    "-shared",
    "-Wl,-z,relro,-z,now,-z,noexecstack,--build-id=none",
    NULL,
};

/* With gcc 12 a megabyte of C takes about 2.6 s at -O2, 1.5 s at -O1 and 0.5 s at -O0: of a module
 * of 10 MB a start would wait for minutes. */
#define FULL_BYTES (10u << 20)
#define SOME_BYTES (128u << 20)
/* What one compiler may need; fewer run at once where the memory for more is not there. */
#define COMPILER_BYTES (UINT64_C(400) << 20)
#define PARALLEL_MAX 8
/* The C code of a module is more than ten times as large as the module. */
#define COMPILE_SOURCE_MAX (UINT64_C(3) << 30)

static int write_text(const char *directory, const char *file, const char *text, struct error *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/%s", directory, file);
    return file_write(path, text, strlen(text), e);
}

/* The generated part of the glue, and after it what the object says of itself. */
static int write_names(const struct compile_job *job, const struct module *m, const char *header,
                       struct error *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/names.h", job->directory);
    FILE *out = fopen(path, "we");
    if (!out)
        return error_set(e, ERR_OTHER, "cannot write '%s': %s", path, strerror(errno));
    int code = glue_write(m, header, "app.h", out, e);
    fprintf(out, "#define APP_MADE_FROM \"%s\"\n", job->made_from);
    if (fclose(out) && !code)
        code = error_set(e, ERR_OTHER, "cannot write '%s': %s", path, strerror(errno));
    return code;
}

static int write_glue(const struct compile_job *job, const struct module *m, struct error *e)
{
    char path[PATH_MAX];
    void *header = NULL;
    size_t len;
    snprintf(path, sizeof(path), "%s/app.h", job->directory);
    int code = file_read(path, &header, &len, e);
    if (code)
        return code;
    code = write_names(job, m, header, e);
    if (!code)
        code = write_text(job->directory, "guest.h", embedded_guest_h, e);
    if (!code)
        code = write_text(job->directory, "guest_glue.c", embedded_guest_glue_c, e);
    free(header);
    return code;
}

/* The parts of wasm2c's runtime, which differ between its versions. */
static const char *const runtime_parts[] = {"wasm-rt-impl", "wasm-rt-mem-impl",
                                            "wasm-rt-exceptions-impl"};
#define RUNTIME_PARTS 3

static const char *optimisation(size_t c_bytes)
{
    return c_bytes <= FULL_BYTES ? "-O2" : c_bytes <= SOME_BYTES ? "-O1" : "-O0";
}

static uint64_t available_memory(void)
{
    uint64_t kilobytes = 0;
    char line[128];
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && fgets(line, sizeof(line), file))
        if (sscanf(line, "MemAvailable: %" SCNu64, &kilobytes) == 1)
            break;
    if (file)
        fclose(file);
    return kilobytes << 10;
}

static size_t how_parallel(void)
{
    cpu_set_t cpus;
    size_t parallel = 1;
    if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
        parallel = (size_t)CPU_COUNT(&cpus);
    uint64_t fit = available_memory() / COMPILER_BYTES;
    parallel = parallel < fit ? parallel : (size_t)fit;
    return parallel == 0 ? 1 : parallel < PARALLEL_MAX ? parallel : PARALLEL_MAX;
}

/* The arguments of all compilers; strings that are made for them are in the zone. */
struct command_lines {
    const char *argv[SPLIT_UNITS_MAX + 1][48];
    const char *const *list[SPLIT_UNITS_MAX + 1];
    size_t count;
    char names[SPLIT_UNITS_MAX][32];
    char sources[RUNTIME_PARTS][PATH_MAX];
    char objects[RUNTIME_PARTS][32];
};

static size_t common_arguments(const struct toolchain *t, const char **argv, const char *level)
{
    size_t n = 0;
    argv[n++] = t->cc;
    argv[n++] = level;
    for (size_t i = 0; compile_flags[i]; i++)
        argv[n++] = compile_flags[i];
    argv[n++] = "-I.";
    argv[n++] = "-isystem";
    argv[n++] = t->runtime;
    argv[n++] = "-isystem";
    argv[n++] = t->include;
    argv[n++] = "-c";
    return n;
}

/* Behind the units, since it takes little: the glue, the data and wasm2c's runtime. */
static void add_rest(const struct toolchain *t, struct command_lines *c)
{
    const char **argv = c->argv[c->count];
    size_t n = common_arguments(t, argv, "-O2");
    argv[n++] = "guest_glue.c";
    argv[n++] = SPLIT_ASSEMBLY;
    for (size_t i = 0; i < RUNTIME_PARTS; i++) {
        snprintf(c->objects[i], sizeof(c->objects[i]), "%s.c", runtime_parts[i]);
        snprintf(c->sources[i], sizeof(c->sources[i]), "%s/%s.c", t->runtime, runtime_parts[i]);
        if (file_is_in(t->runtime, c->objects[i]))
            argv[n++] = c->sources[i];
    }
    c->list[c->count++] = argv;
}

/* What runs once, the first of several units, is not worth the time. */
static void add_units(const struct toolchain *t, struct command_lines *c, const struct split *split)
{
    for (size_t i = 0; i < split->units; i++) {
        bool once = i == 0 && split->units > 1;
        const char **argv = c->argv[c->count];
        size_t n = common_arguments(t, argv, once ? "-O0" : optimisation(split->bytes));
        snprintf(c->names[i], sizeof(c->names[i]), "unit-%zu.c", i);
        argv[n] = c->names[i];
        c->list[c->count++] = argv;
    }
}

static int link_object(const struct compile_job *job, struct command_lines *c,
                       const struct split *split, struct error *e)
{
    const char **argv = calloc(split->units + 64, sizeof(*argv));
    size_t n = 0;
    if (!argv)
        return error_set(e, ERR_OTHER, "out of memory");
    argv[n++] = job->tools->cc;
    for (size_t i = 0; compile_link_flags[i]; i++)
        argv[n++] = compile_link_flags[i];
    for (size_t i = 0; i < split->units; i++) {
        snprintf(c->names[i], sizeof(c->names[i]), "unit-%zu.o", i);
        argv[n++] = c->names[i];
    }
    argv[n++] = "guest_glue.o";
    argv[n++] = "data.o";
    for (size_t i = 0; i < RUNTIME_PARTS; i++) {
        snprintf(c->objects[i], sizeof(c->objects[i]), "%s.o", runtime_parts[i]);
        if (file_is_in(job->directory, c->objects[i]))
            argv[n++] = c->objects[i];
    }
    argv[n++] = "-lm";
    argv[n++] = "-o";
    argv[n++] = COMPILE_OBJECT;
    int code = command_run(job->directory, argv, e);
    free(argv);
    return code;
}

static void tell_progress(void *arg, size_t done, size_t count)
{
    const struct compile_progress *progress = arg;
    char text[64];
    if (count > 2)
        snprintf(text, sizeof(text), "compiling, %zu of %zu parts", done, count);
    else
        snprintf(text, sizeof(text), "compiling");
    progress->tell(progress->arg, text);
}

static int run_compiler(const struct compile_job *job, const struct split *split, struct error *e)
{
    struct command_lines *c = calloc(1, sizeof(*c));
    struct command_progress progress = {tell_progress, (void *)(uintptr_t)job->progress};
    if (!c)
        return error_set(e, ERR_OTHER, "out of memory");
    add_units(job->tools, c, split);
    add_rest(job->tools, c);
    int code = command_run_all(job->directory, c->list, c->count, how_parallel(),
                               job->progress ? &progress : NULL, e);
    if (!code)
        code = link_object(job, c, split, e);
    free(c);
    return code;
}

static int translate(const struct compile_job *job, const uint8_t *bytes, size_t len,
                     struct error *e)
{
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%s/app.wasm", job->directory);
    int code = file_write(path, bytes, len, e);
    /* Names for debugging would go into the C code; symbols.c has them instead. */
    const char *const wasm2c[] = {job->tools->wasm2c,
                                  "--module-name=app",
                                  "--no-debug-names",
                                  "app.wasm",
                                  "-o",
                                  "app.c",
                                  NULL};
    struct error cause = {0};
    if (!code && command_run(job->directory, wasm2c, &cause))
        code =
            error_set(e, ERR_INVALID_REQUEST, "cannot translate '%s': %s", job->name, cause.text);
    return code;
}

static int split_units(const struct compile_job *job, const struct module *m, struct split *ret,
                       struct error *e)
{
    char path[PATH_MAX];
    void *source;
    size_t len;
    snprintf(path, sizeof(path), "%s/app.c", job->directory);
    int code = file_read_up_to(path, COMPILE_SOURCE_MAX, &source, &len, e);
    if (code)
        return code;
    code = write_text(job->directory, "unit.h", embedded_unit_h, e);
    if (!code)
        code = split_write(job->directory, source, m, ret, e);
    free(source);
    return code;
}

static int parse_and_check(const char *name, const uint8_t *bytes, size_t len, struct module *ret,
                           struct error *e)
{
    struct error cause = {0};
    if (module_parse(bytes, len, ret, &cause))
        return error_set(e, cause.code, "'%s' %s", name, cause.text);
    int code = check_module(ret, name, e);
    if (code)
        module_fini(ret);
    return code;
}

int compile_check(const char *name, const uint8_t *bytes, size_t len, struct error *e)
{
    struct module m;
    int code = parse_and_check(name, bytes, len, &m, e);
    if (!code)
        module_fini(&m);
    return code;
}

int compile_module(const struct compile_job *job, uint8_t *bytes, size_t len, struct error *e)
{
    struct module m;
    struct split split = {0};
    struct error cause = {0};
    int code = parse_and_check(job->name, bytes, len, &m, e);
    if (code)
        return code;
    if (job->progress)
        job->progress->tell(job->progress->arg, "compiling");
    if (check_realloc_name(&m))
        command_export_unwrap(&m, check_realloc_name(&m), bytes);
    code = translate(job, bytes, len, e);
    if (!code)
        code = split_units(job, &m, &split, e);
    if (!code)
        code = write_glue(job, &m, e);
    if (!code && run_compiler(job, &split, &cause))
        code = error_set(e, cause.code, "cannot compile '%s': %s", job->name, cause.text);
    module_fini(&m);
    return code;
}
