/* bobbin-run: executes one wasm module. */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/runner/cache.h"
#include "client/runner/cas.h"
#include "client/runner/faults.h"
#include "client/runner/file.h"
#include "client/runner/host.h"
#include "client/runner/imports.h"
#include "client/runner/options.h"
#include "client/runner/stores.h"

#define STATUS_USAGE 2
#define STATUS_CANNOT_RUN 125

#define TEXT_OF(symbol) #symbol
#define TEXT(symbol) TEXT_OF(symbol)

/* The connection that an app process inherits is not for the compilers. */
static void keep_connection_private(void)
{
    const char *fd = getenv("BOBBIN_FD");
    if (fd)
        fcntl(atoi(fd), F_SETFD, FD_CLOEXEC);
}

/* By its descriptor: what was checked is what is loaded. It stays until the process ends. */
static int load(int object_fd, const struct guest **ret, struct error *e)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", object_fd);
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct guest *guest = object ? dlsym(object, TEXT(GUEST_SYMBOL)) : NULL;
    if (!guest)
        return error_set(e, ERR_OTHER, "cannot load the compiled module: %s", dlerror());
    *ret = guest;
    return 0;
}

static int prepare(const struct options *o, const struct guest **ret, struct error *e)
{
    void *bytes;
    size_t len;
    int fd;
    int code = file_read(o->module, &bytes, &len, e);
    if (code)
        return code;
    code = cache_open(o->cache_dir, o->module, bytes, len, &fd, e);
    free(bytes);
    if (code)
        return code;
    code = load(fd, ret, e);
    close(fd);
    return code;
}

static void __attribute__((noreturn)) on_trap(void *context, const char *what)
{
    host_trap(context, what);
}

/* A reactor is initialised, then run; a command runs by its _start. */
static int run(struct host *h)
{
    guest_function *functions = calloc(imports_count, sizeof(*functions));
    const struct guest_host host = {h, functions, on_trap};
    if (!functions)
        return STATUS_CANNOT_RUN;
    imports_functions(functions);
    faults_catch(h);
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

static int cannot_run(const struct error *e)
{
    fprintf(stderr, "bobbin-run: %s\n", e->text);
    return STATUS_CANNOT_RUN;
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
    struct host h = {.name = o.name,
                     .args = o.args,
                     .env = o.env,
                     .stores = stores_new(),
                     .cas = cas_table_new()};
    int status = STATUS_CANNOT_RUN;
    if (!h.stores || !h.cas)
        error_set(&e, ERR_OTHER, "out of memory");
    if (!h.stores || !h.cas || prepare(&o, &h.guest, &e))
        status = cannot_run(&e);
    else
        status = run(&h);
    stores_free(h.stores);
    cas_table_free(h.cas);
    options_fini(&o);
    return status;
}
