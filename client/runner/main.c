/* bobbin-run: executes one wasm module. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "client/runner/cas.h"
#include "client/runner/faults.h"
#include "client/runner/host.h"
#include "client/runner/imports.h"
#include "client/runner/load.h"
#include "client/runner/options.h"
#include "client/runner/sandbox.h"
#include "client/runner/stores.h"
#include "client/runner/watchdog.h"

#define STATUS_USAGE 2
#define STATUS_CANNOT_RUN 125

/* The connection that an app process inherits is not for the compilers. */
static void keep_connection_private(void)
{
    const char *fd = getenv("BOBBIN_FD");
    if (fd)
        fcntl(atoi(fd), F_SETFD, FD_CLOEXEC);
}

static void __attribute__((noreturn)) on_trap(void *context, const char *what)
{
    host_trap(context, what);
}

static int cannot_run(const struct error *e)
{
    fprintf(stderr, "bobbin-run: %s\n", e->text);
    return STATUS_CANNOT_RUN;
}

/* While it compiles it goes by another name, which the daemon's status and ps show. Longer ones
 * than 15 bytes are cut. */
static void show_progress(void *arg, const char *what)
{
    char name[32] = "compiling";
    unsigned done, all;
    (void)arg;
    if (sscanf(what, "compiling, %u of %u", &done, &all) == 2)
        snprintf(name, sizeof(name), "compiling %u/%u", done, all);
    prctl(PR_SET_NAME, name);
}

static const struct compile_progress progress = {show_progress, NULL};

/* A reactor is initialised, then run; a command runs by its _start. */
static int run(struct host *h, uint64_t memory_max)
{
    struct error e = {0};
    guest_function *functions = calloc(imports_count, sizeof(*functions));
    const struct guest_host host = {h, functions, memory_max, on_trap};
    if (!functions)
        return STATUS_CANNOT_RUN;
    imports_functions(functions);
    faults_catch(h);
    if (sandbox_enter(h, !getenv("BOBBIN_FD"), &e)) {
        free(functions);
        return cannot_run(&e);
    }
    uint32_t status = 0;
    h->guest->instantiate(&host);
    if (h->guest->initialize)
        h->guest->initialize();
    if (h->guest->start)
        h->guest->start();
    else
        status = h->guest->run();
    free(functions);
    return status <= 255 ? (int)status : 255;
}

/* Compile, and say what is where. */
static int build_all(const struct options *o)
{
    int status = 0;
    for (char **module = o->modules; *module; module++) {
        struct cache_object object;
        struct error e = {0};
        const char *slash = strrchr(*module, '/');
        const char *name = slash ? slash + 1 : *module;
        if (load_build(*module, name, o->cache_dir, &progress, &object, &e))
            status = cannot_run(&e);
        else
            printf("%s: %s%s\n", name, object.path, object.fresh ? "" : " (was there)");
    }
    return status;
}

static int run_as(struct host *h, const struct options *o)
{
    prctl(PR_SET_NAME, "bobbin-run");
    return run(h, o->memory_max);
}

static int run_module(const struct options *o)
{
    struct error e = {0};
    struct host h = {.name = o->name,
                     .args = o->args,
                     .env = o->env,
                     .fds = o->fds,
                     .stores = stores_new(),
                     .cas = cas_table_new()};
    int status;
    if (!h.stores || !h.cas)
        error_set(&e, ERR_OTHER, "out of memory");
    if (!h.stores || !h.cas ||
        load_module(o->module, o->name, o->cache_dir, &progress, &h.guest, &e))
        status = cannot_run(&e);
    else
        status = run_as(&h, o);
    stores_free(h.stores);
    cas_table_free(h.cas);
    return status;
}

int main(int argc, char **argv)
{
    struct options o;
    struct error e = {0};
    if (options_parse(argc, argv, environ, &o, &e)) {
        fprintf(stderr, "bobbin-run: %s\n%s", e.text, options_usage);
        return STATUS_USAGE;
    }
    if (o.help || o.version) {
        fputs(o.help ? options_usage : "bobbin-run " BOBBIN_VERSION "\n", stdout);
        options_fini(&o);
        return 0;
    }
    keep_connection_private();
    signal(SIGPIPE, SIG_IGN);
    watchdog_start(getenv("BOBBIN_WATCHDOG_FD"), getenv("BOBBIN_WATCHDOG_MS"));
    int status = o.build ? build_all(&o) : run_module(&o);
    options_fini(&o);
    return status;
}
