#include "daemon/http_library.h"

#include <dlfcn.h>
#include <string.h>

/* POSIX has function pointers and void pointers alike; ISO C has no conversion. */
static int find(void *library, const char *name, void *ret, struct error *e)
{
    void *symbol = dlsym(library, name);

    if (!symbol)
        return error_set(e, ERR_OTHER, "cannot use the HTTP library: %s", dlerror());
    memcpy(ret, &symbol, sizeof(symbol));
    return 0;
}

int http_library_load(struct http_library *ret, struct error *e)
{
    struct http_library found;
    void *library = dlopen(BOBBIN_HTTP_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    int rc = 0;

    if (!library)
        return error_set(e, ERR_OTHER, "cannot load the HTTP library: %s", dlerror());
#define X(name)                                                                                    \
    if (!rc)                                                                                       \
        rc = find(library, #name, &found.name, e);
    HTTP_LIBRARY_LIST(X)
#undef X
    if (!rc)
        *ret = found;
    return rc;
}
