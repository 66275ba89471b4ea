#include "client/runner/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char options_usage[] =
    "usage: bobbin-run [--cache-dir DIR] [--env NAME=VALUE]... [--dir HOST:PATH[:rw]]...\n"
    "                  [--memory-max BYTES] MODULE.wasm [ARGS]\n"
    "       bobbin-run --build [--cache-dir DIR] MODULE.wasm...\n"
    "\n"
    "Runs a core wasm module with WASI (wasi_snapshot_preview1) and the key/value\n"
    "interfaces, served by the Bobbin daemon.\n"
    "\n"
    "  --cache-dir DIR    where the compiled module is kept\n"
    "                     (default: $BOBBIN_STATE_DIR/cache, else ./.spin/cache)\n"
    "  --build            compile the modules and run none: what is in the cache then\n"
    "                     runs where neither wabt nor a C compiler is installed\n"
    "  --dir HOST:PATH[:rw]\n"
    "                     let the program read (with rw: and write) the directory or the\n"
    "                     file HOST, under the name PATH\n"
    "  --memory-max BYTES let the program have no more memory than that\n"
    "  --env NAME=VALUE   set an environment variable of the program\n"
    "  --version, --help\n"
    "\n"
    "The program sees the environment without PATH and BOBBIN_*. Outside of the daemon\n"
    "its stores are those of the app in $BOBBIN_APP_DIR or the current directory.\n"
    "Exit status: the program's own; 134 if it trapped, 2 for wrong usage, 125 if it\n"
    "cannot be run.\n";

static size_t count(char **vector)
{
    size_t n = 0;
    while (vector[n])
        n++;
    return n;
}

static bool is_shown(const char *variable)
{
    return strchr(variable, '=') && strncmp(variable, "BOBBIN_", 7) != 0 &&
           strncmp(variable, "PATH=", 5) != 0;
}

/* Set a variable in place of one of the same name. */
static void set_variable(const char **env, const char *variable)
{
    size_t name = strcspn(variable, "=") + 1;
    while (*env && strncmp(*env, variable, name) != 0)
        env++;
    *env = variable;
}

static int missing(struct error *e, const char *option)
{
    return error_set(e, ERR_INVALID_REQUEST, "option '%s' needs a value", option);
}

static int set_cache_dir(struct options *o, const char *directory, struct error *e)
{
    free(o->cache_dir);
    o->cache_dir = strdup(directory);
    return o->cache_dir ? 0 : error_set(e, ERR_OTHER, "out of memory");
}

static int set_memory_max(struct options *o, const char *text, struct error *e)
{
    char *end;
    errno = 0;
    unsigned long long bytes = strtoull(text, &end, 10);
    if (errno || *end || !isdigit((unsigned char)*text) || bytes == 0)
        return error_set(e, ERR_INVALID_REQUEST, "'%s' is not a number of bytes", text);
    o->memory_max = bytes;
    return 0;
}

/* HOST:PATH[:rw] */
static int give(struct options *o, const char *text, struct error *e)
{
    char *copy = strdup(text), *rest = copy;
    if (!copy)
        return error_set(e, ERR_OTHER, "out of memory");
    char *source = strsep(&rest, ":"), *destination = strsep(&rest, ":");
    int code;
    if (!*source || !destination || !*destination || (rest && strcmp(rest, "rw") != 0))
        code = error_set(e, ERR_INVALID_REQUEST, "'%s' is not HOST:PATH or HOST:PATH:rw", text);
    else
        code = wasi_fds_give(o->fds, source, destination, rest != NULL, e);
    free(copy);
    return code;
}

/* One option with its value; *i goes to the last word that it took. */
static int parse_option(struct options *o, int argc, char **argv, int *i, struct error *e)
{
    const char *option = argv[*i];
    if (strcmp(option, "--help") == 0 || strcmp(option, "-h") == 0) {
        o->help = true;
    } else if (strcmp(option, "--version") == 0) {
        o->version = true;
    } else if (strcmp(option, "--build") == 0) {
        o->build = true;
    } else if (strcmp(option, "--cache-dir") == 0 || strcmp(option, "--env") == 0 ||
               strcmp(option, "--memory-max") == 0 || strcmp(option, "--dir") == 0) {
        if (++*i >= argc)
            return missing(e, option);
        if (strcmp(option, "--cache-dir") == 0)
            return set_cache_dir(o, argv[*i], e);
        if (strcmp(option, "--dir") == 0)
            return give(o, argv[*i], e);
        if (strcmp(option, "--memory-max") == 0)
            return set_memory_max(o, argv[*i], e);
        if (argv[*i][0] == '=' || !strchr(argv[*i], '='))
            return error_set(e, ERR_INVALID_REQUEST, "'%s' is not NAME=VALUE", argv[*i]);
        set_variable(o->env, argv[*i]);
    } else {
        return error_set(e, ERR_INVALID_REQUEST, "unknown option '%s'", option);
    }
    return 0;
}

static int default_cache_dir(struct options *o, struct error *e)
{
    const char *state = getenv("BOBBIN_STATE_DIR");
    if (o->cache_dir)
        return 0;
    if (asprintf(&o->cache_dir, "%s/cache", state && *state ? state : ".spin") >= 0)
        return 0;
    o->cache_dir = NULL;
    return error_set(e, ERR_OTHER, "out of memory");
}

static int parse(struct options *o, int argc, char **argv, struct error *e)
{
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        int code = parse_option(o, argc, argv, &i, e);
        if (code)
            return code;
    }
    if (o->help || o->version)
        return 0;
    if (i >= argc)
        return error_set(e, ERR_INVALID_REQUEST, "no module given");
    o->modules = argv + i;
    o->module = argv[i];
    const char *slash = strrchr(o->module, '/');
    o->name = slash ? slash + 1 : o->module;
    o->args[0] = o->name;
    for (int k = i + 1; k < argc; k++)
        o->args[k - i] = argv[k];
    const char *files = getenv("BOBBIN_FILES"), *memory_max = getenv("BOBBIN_MEMORY_MAX");
    if (files && wasi_fds_give_all(o->fds, files, e))
        return e->code;
    if (memory_max && o->memory_max == 0 && set_memory_max(o, memory_max, e))
        return e->code;
    return default_cache_dir(o, e);
}

int options_parse(int argc, char **argv, char **environment, struct options *ret, struct error *e)
{
    struct options o = {0};
    int code;
    o.args = calloc((size_t)argc + 1, sizeof(*o.args));
    o.env = calloc(count(environment) + (size_t)argc + 1, sizeof(*o.env));
    o.fds = wasi_fds_new();
    if (!o.args || !o.env || !o.fds) {
        code = error_set(e, ERR_OTHER, "out of memory");
    } else {
        size_t n = 0;
        for (size_t i = 0; environment[i]; i++)
            if (is_shown(environment[i]))
                o.env[n++] = environment[i];
        code = parse(&o, argc, argv, e);
    }
    if (code) {
        options_fini(&o);
        return code;
    }
    *ret = o;
    return 0;
}

void options_fini(struct options *o)
{
    wasi_fds_free(o->fds);
    free(o->cache_dir);
    free(o->args);
    free(o->env);
}
