/* The registry's file, written by somebody else: opening it, reading it and writing to it end in success
 * or in an error.
 *
 * Input: the file. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/registry.h"
#include "tests/fuzz/fuzz.h"

static int each(void *arg, const struct directory *directory, const char *wanted)
{
    size_t *count = arg;
    FUZZ_CHECK(directory->path && wanted);
    *count += strlen(directory->path) + strlen(wanted) + 1;
    return 0;
}

static void use(struct registry *r)
{
    struct directory d = {.path = (char *)"/srv/app", .dev = 1, .ino = 2, .born_ns = 3};
    struct error e = {0};
    size_t count = 0;
    registry_each(r, each, &count, &e);
    if (registry_put(r, &d, REGISTRY_WANT_ALL, &e) == 0)
        registry_set_wanted(r, d.path, "", &e);
    registry_each(r, each, &count, &e);
    registry_remove(r, d.path, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry *r = NULL;
    struct error e = {0};
    unlink(fuzz_path("registry.db-journal"));
    unlink(fuzz_path("registry.db-wal"));
    fuzz_write(fuzz_path("registry.db"), data, size);
    if (registry_open(fuzz_dir(), &r, &e) == 0) {
        use(r);
        registry_close(r);
    } else {
        FUZZ_CHECK(!r && e.text[0]);
    }
    return 0;
}
