#include "client/runner/load.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/runner/file.h"

#define TEXT_OF(symbol) #symbol
#define TEXT(symbol) TEXT_OF(symbol)

/* An object tells what it was made from: it must be this module, by a runner like this one. */
static int check(const struct guest *guest, const struct cache_object *object, struct error *e)
{
    size_t digits = CACHE_DIGEST - 1;
    if (guest->abi != GUEST_ABI)
        return error_set(e, ERR_OTHER, "it was made for another version of bobbin-run");
    if (strncmp(guest->made_from, object->module, digits) != 0)
        return error_set(e, ERR_OTHER, "it was made from another module (%.16s...)",
                         guest->made_from);
    return 0;
}

/* By its descriptor: what was checked is what is loaded. */
static int load(const struct cache_object *object, const struct guest **ret, struct error *e)
{
    char path[64];
    struct error cause = {0};
    snprintf(path, sizeof(path), "/proc/self/fd/%d", object->fd);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct guest *guest = library ? dlsym(library, TEXT(GUEST_SYMBOL)) : NULL;
    if (!guest)
        error_set(&cause, ERR_OTHER, "%s", dlerror());
    else if (!check(guest, object, &cause)) {
        *ret = guest;
        return 0;
    }
    if (library)
        dlclose(library);
    return error_set(e, ERR_OTHER, "cannot use the compiled module '%s': %s", object->path,
                     cause.text);
}

/* *ret_again: to make the object again may help. */
static int open_and_load(const struct cache_request *request, const struct guest **ret,
                         bool *ret_again, struct error *e)
{
    struct cache_object object;
    int code = cache_open(request, &object, e);
    if (code)
        return code;
    code = load(&object, ret, e);
    close(object.fd);
    *ret_again = object.can_build && !object.fresh;
    return code;
}

int load_module(const char *path, const char *name, const char *cache_directory,
                const struct compile_progress *progress, const struct guest **ret, struct error *e)
{
    struct cache_request request = {cache_directory, name, NULL, 0, false, progress};
    bool again = false;
    void *bytes;
    int code = file_read(path, &bytes, &request.len, e);
    if (code)
        return code;
    request.bytes = bytes;
    code = open_and_load(&request, ret, &again, e);
    if (code && again) {
        request.anew = true;
        code = open_and_load(&request, ret, &again, e);
    }
    free(bytes);
    return code;
}

int load_build(const char *path, const char *name, const char *cache_directory,
               const struct compile_progress *progress, struct cache_object *ret_object,
               struct error *e)
{
    struct cache_request request = {cache_directory, name, NULL, 0, false, progress};
    void *bytes;
    int code = file_read(path, &bytes, &request.len, e);
    if (code)
        return code;
    request.bytes = bytes;
    code = cache_open(&request, ret_object, e);
    free(bytes);
    if (!code) {
        close(ret_object->fd);
        ret_object->fd = -1;
    }
    return code;
}
